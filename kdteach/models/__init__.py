"""Models: the reports' networks, small ones for digits, torchvision's for photographs.

``forward`` returns logits.
"""

from kdteach.models.build import build, pretrained_head, weights_name
from kdteach.models.modes import (
    answer,
    ask,
    checked_shape,
    device_of,
    dtype_of,
    evaluation_mode,
    failures_explained,
    last_step,
    logits_in,
    modes_kept,
    require_logits,
)
from kdteach.models.normalised import normalised
from kdteach.models.photographs import BackboneWithHead, Normalise
from kdteach.models.readers import READERS, reader_file, trained_reader
from kdteach.models.remembering import Remembering, remembering
from kdteach.models.residual import deep_stack, gradient_norms
from kdteach.models.taps import tap
from kdteach.models.temperature_scaling import TemperatureScaled, scale_for
from kdteach.models.trained import TEACHERS, trained_teacher
from kdteach.models.twins import NAMES as TWINS
from kdteach.models.twins import shipped_name
from kdteach.renamed import former_names

__all__ = [
    "READERS",
    "TEACHERS",
    "TWINS",
    "BackboneWithHead",
    "Normalise",
    "Remembering",
    "TemperatureScaled",
    "answer",
    "ask",
    "build",
    "checked_shape",
    "deep_stack",
    "device_of",
    "dtype_of",
    "evaluation_mode",
    "failures_explained",
    "gradient_norms",
    "last_step",
    "logits_in",
    "modes_kept",
    "normalised",
    "pretrained_head",
    "reader_file",
    "remembering",
    "require_logits",
    "scale_for",
    "shipped_name",
    "tap",
    "trained_reader",
    "trained_teacher",
    "weights_name",
]

__getattr__ = former_names(
    __name__, {"Cooled": "TemperatureScaled", "Photograph": "BackboneWithHead"}
)
