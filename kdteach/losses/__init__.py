"""Losses: pure functions of logits, one file a family."""

from kdteach.losses.response import distillation_loss, kd_loss, soft_targets

__all__ = ["distillation_loss", "kd_loss", "soft_targets"]
