"""Training: one loop, for one student, a stack of one architecture, or a cohort."""

from kdteach.renamed import former_names
from kdteach.training.assistants import teach_assistants
from kdteach.training.checkpoint import CheckpointError
from kdteach.training.cohort import fit_cohort
from kdteach.training.decay import by_name, decay_groups
from kdteach.training.features import frozen_features
from kdteach.training.logit_store import LogitStore
from kdteach.training.loop import fit, fit_many
from kdteach.training.optimizers import (
    OptimizerFactory,
    Schedule,
    adam,
    adamw,
    constant,
    cosine,
    sgd,
    sgd_momentum,
)
from kdteach.training.progress import TrainingDivergedError, TrainingInterrupted
from kdteach.training.rates import TorchSchedule, torch_schedule
from kdteach.training.stacking import can_stack, stack_size
from kdteach.training.stopping import StopRule, plateau
from kdteach.training.teachers import teacher_logits

__all__ = [
    "CheckpointError",
    "LogitStore",
    "OptimizerFactory",
    "Schedule",
    "StopRule",
    "TorchSchedule",
    "TrainingDivergedError",
    "TrainingInterrupted",
    "adam",
    "adamw",
    "by_name",
    "can_stack",
    "constant",
    "cosine",
    "decay_groups",
    "fit",
    "fit_cohort",
    "fit_many",
    "frozen_features",
    "plateau",
    "sgd",
    "sgd_momentum",
    "stack_size",
    "teach_assistants",
    "teacher_logits",
    "torch_schedule",
]

__getattr__ = former_names(__name__, {"momentum": "sgd_momentum", "settled": "plateau"})
