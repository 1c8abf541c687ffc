"""Models: the reports' networks, small ones for digits, torchvision's for photographs.

``forward`` returns logits.
"""

from kdteach.models.build import build, evaluation_mode
from kdteach.models.photographs import Normalise, Photograph
from kdteach.models.trained import TEACHERS, trained_teacher

__all__ = [
    "TEACHERS",
    "Normalise",
    "Photograph",
    "build",
    "evaluation_mode",
    "trained_teacher",
]
