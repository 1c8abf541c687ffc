"""kdteach: knowledge distillation, taught and tested.

``import kdteach as kd`` is the one import of a chapter. The modules and the verbs that are
used most hang on it and are loaded when they are first touched, so the import itself reads
no file, opens no connection, sets no seed and changes no setting.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what editors and type checkers see; at run time see __getattr__
    from kdteach import (
        claims,
        comparisons,
        cost,
        dark_knowledge,
        data,
        diagnosis,
        diagrams,
        exercises,
        experiments,
        explain,
        interactive,
        live,
        losses,
        metrics,
        models,
        objectives,
        plots,
        quantisation,
        results,
        seeding,
        stats,
        tables,
        training,
        types,
        workflow,
    )
    from kdteach.claims import claim, interval_text, sentence
    from kdteach.comparisons import compare
    from kdteach.data import load
    from kdteach.diagnosis import doctor
    from kdteach.diagrams import diagram
    from kdteach.experiments.reports import reports
    from kdteach.metrics import evaluate
    from kdteach.models import build, tap, trained_teacher
    from kdteach.objectives import distil, hard_labels, weighted
    from kdteach.results import measured
    from kdteach.stats import mean_interval
    from kdteach.training import fit, fit_cohort, fit_many, teacher_logits

__version__ = "0.1.0"

__all__ = [
    "build",
    "claim",
    "claims",
    "compare",
    "comparisons",
    "cost",
    "dark_knowledge",
    "data",
    "diagnosis",
    "diagram",
    "diagrams",
    "distil",
    "doctor",
    "evaluate",
    "exercises",
    "experiments",
    "explain",
    "fit",
    "fit_cohort",
    "fit_many",
    "hard_labels",
    "interactive",
    "interval_text",
    "live",
    "load",
    "losses",
    "mean_interval",
    "measured",
    "metrics",
    "models",
    "objectives",
    "plots",
    "quantisation",
    "reports",
    "results",
    "seeding",
    "sentence",
    "stats",
    "tables",
    "tap",
    "teacher_logits",
    "trained_teacher",
    "training",
    "types",
    "weighted",
    "workflow",
]

_VERBS = {
    "build": "kdteach.models",
    "claim": "kdteach.claims",
    "compare": "kdteach.comparisons",
    "diagram": "kdteach.diagrams",
    "distil": "kdteach.objectives",
    "doctor": "kdteach.diagnosis",
    "evaluate": "kdteach.metrics",
    "fit": "kdteach.training",
    "fit_cohort": "kdteach.training",
    "fit_many": "kdteach.training",
    "hard_labels": "kdteach.objectives",
    "interval_text": "kdteach.claims",
    "load": "kdteach.data",
    "mean_interval": "kdteach.stats",
    "measured": "kdteach.results",
    "reports": "kdteach.experiments.reports",
    "sentence": "kdteach.claims",
    "tap": "kdteach.models.taps",
    "teacher_logits": "kdteach.training",
    "trained_teacher": "kdteach.models",
    "weighted": "kdteach.objectives",
}
"""Where each verb lives; behind a colon its name there, where that is another one."""


def __getattr__(name: str) -> object:
    """Load a module or a verb that is touched for the first time (PEP 562)."""
    if name in _VERBS:
        home, _, there = _VERBS[name].partition(":")
        found: object = getattr(import_module(home), there or name)
        globals()[name] = found
        return found
    if name in __all__:
        return import_module(f"kdteach.{name}")
    raise AttributeError(f"module 'kdteach' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
