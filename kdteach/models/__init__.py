"""Models: the reports' networks and small ones for digits; ``forward`` returns logits."""

from kdteach.models.build import build, evaluation_mode
from kdteach.models.trained import TEACHERS, trained_teacher

__all__ = ["TEACHERS", "build", "evaluation_mode", "trained_teacher"]
