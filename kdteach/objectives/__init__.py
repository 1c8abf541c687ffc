"""Objectives: who supplies what the student is trained towards."""

from kdteach.objectives.base import LogitObjective, Mixed, Objective, TrainingSetup, stacked
from kdteach.objectives.contrastive import contrastive
from kdteach.objectives.features import (
    attention,
    feature_objective,
    hints,
    relational,
    similarity,
)
from kdteach.objectives.flow import flow
from kdteach.objectives.labels import (
    hard_labels,
    smoothed_labels,
    soft_labels,
    subclass_labels,
    weighted_labels,
)
from kdteach.objectives.logits import decoupled, logit_objective, teacher_free
from kdteach.objectives.mutual import mutual
from kdteach.objectives.teacher import distil, distil_subclasses
from kdteach.objectives.weighted import weighted
from kdteach.renamed import former_names

__all__ = [
    "LogitObjective",
    "Mixed",
    "Objective",
    "TrainingSetup",
    "attention",
    "contrastive",
    "decoupled",
    "distil",
    "distil_subclasses",
    "feature_objective",
    "flow",
    "hard_labels",
    "hints",
    "logit_objective",
    "mutual",
    "relational",
    "similarity",
    "smoothed_labels",
    "soft_labels",
    "stacked",
    "subclass_labels",
    "teacher_free",
    "weighted",
    "weighted_labels",
]

__getattr__ = former_names(__name__, {"Course": "TrainingSetup"})
