"""kdteach: knowledge distillation, taught and tested.

``import kdteach`` reads no file, opens no connection and sets no seed. Figures and charts
live in ``kdteach.plots`` and ``kdteach.interactive``, which are imported when asked for.
"""

from kdteach import cost, data, losses, metrics, models, objectives, stats, training
from kdteach.training import fit, fit_many, teacher_logits

__version__ = "0.1.0"

__all__ = [
    "cost",
    "data",
    "fit",
    "fit_many",
    "losses",
    "metrics",
    "models",
    "objectives",
    "stats",
    "teacher_logits",
    "training",
]
