"""All experiments by name."""

from __future__ import annotations

from kdteach.experiments.catalogue import (
    cifar10,
    clinic,
    digit_chains,
    digit_features,
    digits,
    few_tiles,
    first_student,
    mnist_fc,
    mnist_hinton,
    mnist_large_stops,
    mnist_report3,
    mnist_reports,
    mnist_softmax_twice,
    mnist_stops,
    mnist_subclasses,
    mnist_teachers,
    mnist_widths,
    teacher_or_votes,
)
from kdteach.experiments.design import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        digits.RECIPES,
        digits.WRITERS,
        digits.HINTON,
        first_student.EXPERIMENT,
        first_student.FEW,
        digit_chains.SETTINGS,
        digit_chains.CHAINS,
        digit_features.SETTINGS,
        digit_features.FEATURES,
        mnist_fc.EXPERIMENT,
        mnist_hinton.EXPERIMENT,
        mnist_report3.EXPERIMENT,
        mnist_reports.EXPERIMENT,
        mnist_softmax_twice.EXPERIMENT,
        mnist_teachers.EARLY_STOPPING,
        mnist_stops.RATES,
        mnist_stops.STOPS,
        mnist_large_stops.RATES,
        mnist_large_stops.STOPS,
        mnist_teachers.SMOOTHING,
        mnist_teachers.ASSISTANTS,
        mnist_widths.RATES,
        mnist_widths.WIDTHS,
        mnist_subclasses.TWO_CLASSES,
        mnist_subclasses.TEN_CLASSES,
        cifar10.DECIDING,
        cifar10.SETTINGS,
        cifar10.STEM,
        cifar10.PRETRAINED,
        cifar10.SMALL,
        clinic.MHIST,
        clinic.PETRI,
        few_tiles.EXPERIMENT,
        teacher_or_votes.EXPERIMENT,
    )
}
