"""Objectives: who supplies what the student is trained towards."""

from kdteach.objectives.base import Course, LogitObjective, Mixed, Objective, stacked
from kdteach.objectives.labels import hard_labels, smoothed_labels, subclass_labels
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
    "stacked",
    "subclass_labels",
]
