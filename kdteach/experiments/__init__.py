"""Experiments as data: a name, configurations and seeds; run, resumed and recorded."""

from kdteach.experiments import (
    arms,
    chains,
    depth,
    few_images,
    friendly,
    hidden_digits,
    hinton_runs,
    layered,
    loss_variants,
    missing_digit,
    new_students,
    one_protocol,
    passed_on,
    phases,
    report_comparisons,
    reports,
    subliminal,
    tile_curves,
    without_a_teacher,
    wrong_comparisons,
    wrong_losses,
)
from kdteach.experiments.design import Config, Experiment, Published
from kdteach.experiments.failures import Failure, RunsFailedError
from kdteach.experiments.recipe import Recipe
from kdteach.experiments.recorded import recorded_teacher
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.experiments.runner import reproduce, seeds_recorded

__all__ = [
    "EXPERIMENTS",
    "Config",
    "Experiment",
    "Failure",
    "Published",
    "Recipe",
    "RunsFailedError",
    "arms",
    "chains",
    "depth",
    "few_images",
    "friendly",
    "hidden_digits",
    "hinton_runs",
    "layered",
    "loss_variants",
    "missing_digit",
    "new_students",
    "one_protocol",
    "passed_on",
    "phases",
    "recorded_teacher",
    "report_comparisons",
    "reports",
    "reproduce",
    "seeds_recorded",
    "subliminal",
    "tile_curves",
    "without_a_teacher",
    "wrong_comparisons",
    "wrong_losses",
]
