"""Examining a set-up of distillation: the reader's own networks, data and loss."""

from kdteach.diagnosis.doctor import doctor
from kdteach.diagnosis.findings import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "doctor"]
