"""Losses of logits and features, one file a family; only ``contrastive`` has a state."""

from kdteach.losses.contrastive import ContrastiveLoss
from kdteach.losses.directions import jensen_shannon_loss, reverse_kl_loss
from kdteach.losses.extraction import extracted_targets, extractive_loss
from kdteach.losses.feature import (
    attention_loss,
    fsp_loss,
    hint_loss,
    neuron_selectivity_loss,
)
from kdteach.losses.intervention import (
    class_contexts,
    class_similarity_loss,
    normalised_hint_loss,
)
from kdteach.losses.prediction import (
    correlation_loss,
    logit_standardised,
    teacher_free_loss,
)
from kdteach.losses.relation import (
    correlation_congruence_loss,
    pkt_loss,
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
    "ContrastiveLoss",
    "attention_loss",
    "class_contexts",
    "class_log_probs",
    "class_similarity_loss",
    "correlation_congruence_loss",
    "correlation_loss",
    "decoupled_kd_loss",
    "distillation_loss",
    "extracted_targets",
    "extractive_loss",
    "fsp_loss",
    "hint_loss",
    "jensen_shannon_loss",
    "kd_loss",
    "label_smoothing_loss",
    "logit_standardised",
    "neuron_selectivity_loss",
    "normalised_hint_loss",
    "pkt_loss",
    "relational_angle_loss",
    "relational_distance_loss",
    "reverse_kl_loss",
    "similarity_loss",
    "soft_targets",
    "subclass_diversity_loss",
    "subclass_kd_loss",
    "teacher_free_loss",
]
