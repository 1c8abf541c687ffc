"""Objectives: who supplies what the student is trained towards."""

from kdteach.objectives.base import Course, LogitObjective, Mixed, Objective, stacked
from kdteach.objectives.labels import (
    hard_labels,
    smoothed_labels,
    soft_labels,
    subclass_labels,
    weighted_labels,
)
from kdteach.objectives.teacher import distil, distil_subclasses

__all__ = [
    "Course",
    "LogitObjective",
    "Mixed",
    "Objective",
    "distil",
    "distil_subclasses",
    "hard_labels",
    "smoothed_labels",
    "soft_labels",
    "stacked",
    "subclass_labels",
    "weighted_labels",
]
