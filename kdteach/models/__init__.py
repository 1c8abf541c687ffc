"""Models: the reports' networks, small ones for digits, torchvision's for photographs.

``forward`` returns logits.
"""

from kdteach.models.build import (
    build,
    bytes_explained,
    evaluation_mode,
    pretrained_head,
    weights_name,
)
from kdteach.models.cooled import Cooled, scale_for
from kdteach.models.photographs import Normalise, Photograph
from kdteach.models.residual import deep_stack, gradient_norms
from kdteach.models.trained import TEACHERS, trained_teacher
from kdteach.models.twins import NAMES as TWINS
from kdteach.models.twins import shipped_name

__all__ = [
    "TEACHERS",
    "TWINS",
    "Cooled",
    "Normalise",
    "Photograph",
    "build",
    "bytes_explained",
    "deep_stack",
    "evaluation_mode",
    "gradient_norms",
    "pretrained_head",
    "scale_for",
    "shipped_name",
    "trained_teacher",
    "weights_name",
]
