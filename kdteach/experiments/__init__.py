"""Experiments as data: a name, configurations and seeds; run, resumed and recorded."""

from kdteach.experiments.runner import EXPERIMENTS, reproduce

__all__ = ["EXPERIMENTS", "reproduce"]
