"""Losses: pure functions of logits and features, one file a family."""

from kdteach.losses.feature import attention_loss, fsp_loss, hint_loss
from kdteach.losses.relation import (
    relational_angle_loss,
    relational_distance_loss,
    similarity_loss,
)
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
    "attention_loss",
    "class_log_probs",
    "decoupled_kd_loss",
    "distillation_loss",
    "fsp_loss",
    "hint_loss",
    "kd_loss",
    "label_smoothing_loss",
    "relational_angle_loss",
    "relational_distance_loss",
    "similarity_loss",
    "soft_targets",
    "subclass_diversity_loss",
    "subclass_kd_loss",
]
