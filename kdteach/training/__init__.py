"""Training: one loop, for one student, a stack of one architecture, or a cohort."""

from kdteach.training.assistants import teach_assistants
from kdteach.training.cohort import fit_cohort
from kdteach.training.features import frozen_features
from kdteach.training.loop import fit, fit_many
from kdteach.training.optimizers import (
    OptimizerFactory,
    Schedule,
    adam,
    adamw,
    constant,
    cosine,
    momentum,
)
from kdteach.training.progress import TrainingDivergedError
from kdteach.training.stacking import can_stack, stack_size
from kdteach.training.stopping import StopRule, settled
from kdteach.training.teachers import teacher_logits

__all__ = [
    "OptimizerFactory",
    "Schedule",
    "StopRule",
    "TrainingDivergedError",
    "adam",
    "adamw",
    "can_stack",
    "constant",
    "cosine",
    "fit",
    "fit_cohort",
    "fit_many",
    "frozen_features",
    "momentum",
    "settled",
    "stack_size",
    "teach_assistants",
    "teacher_logits",
]
