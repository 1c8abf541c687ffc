"""Experiments as data: a name, configurations and seeds; run, resumed and recorded."""

from kdteach.experiments.catalogue import EXPERIMENTS
from kdteach.experiments.design import Config, Experiment, Published
from kdteach.experiments.runner import is_complete, reproduce

__all__ = ["EXPERIMENTS", "Config", "Experiment", "Published", "is_complete", "reproduce"]
