"""Losses: pure functions of logits, one file a family."""

from kdteach.losses.response import (
    decoupled_kd_loss,
    distillation_loss,
    kd_loss,
    soft_targets,
)

__all__ = ["decoupled_kd_loss", "distillation_loss", "kd_loss", "soft_targets"]
