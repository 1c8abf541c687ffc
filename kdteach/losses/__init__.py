"""Losses: pure functions of logits, one file a family."""

from kdteach.losses.response import (
    decoupled_kd_loss,
    distillation_loss,
    kd_loss,
    label_smoothing_loss,
    soft_targets,
)
from kdteach.losses.subclass import (
    class_log_probs,
    subclass_diversity_loss,
    subclass_kd_loss,
)

__all__ = [
    "class_log_probs",
    "decoupled_kd_loss",
    "distillation_loss",
    "kd_loss",
    "label_smoothing_loss",
    "soft_targets",
    "subclass_diversity_loss",
    "subclass_kd_loss",
]
