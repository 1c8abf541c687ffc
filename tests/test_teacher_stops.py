"""The control of early teachers: arms that differ in one thing, and choices that follow."""

import pytest

from kdteach.experiments import EXPERIMENTS
from kdteach.experiments.catalogue.mnist_stops import (
    ARMS,
    CHOSEN,
    LEARNING_RATES,
    LONG,
    STOP,
)
from kdteach.results import load_records, measured

RATES, STOPS = EXPERIMENTS["mnist-stop-rates"], EXPERIMENTS["mnist-teacher-stops"]
RECIPE = ("model", "epochs", "batch_size", "precision", "learning_rate", "schedule")


@pytest.mark.parametrize(
    "rate", [*(f"rate {r:g}" for r in LEARNING_RATES), "own rate", "old rate"]
)
def test_arms_differ_in_their_teacher_alone(rate):
    experiment = RATES if rate.startswith("rate") else STOPS
    found = [experiment[f"{arm}, {rate}"] for arm in ARMS]
    assert len({tuple(config.get(key) for key in RECIPE) for config in found}) == 1
    taught = [config for config in found if "teacher" in config]
    assert {(c["temperature"], c["alpha"]) for c in taught} == {(4.0, 0.5)}
    teachers = [{**c["teacher"], "epochs": None} for c in taught]
    assert all(teacher == teachers[0] for teacher in teachers)
    by_arm = {
        arm: (config["teacher"]["epochs"], config.get("teacher_epoch"))
        for arm, config in zip(ARMS, found, strict=True)
        if "teacher" in config
    }
    assert by_arm == {
        f"checkpoint {STOP}": (LONG, STOP),
        f"checkpoint {LONG}": (LONG, LONG),
        f"schedule {STOP}": (STOP, None),
    }


def test_the_old_rate_is_the_recipe_of_the_earlier_record():
    earlier = EXPERIMENTS["mnist-early-stopping"].configurations
    plain = STOPS["labels, old rate"]
    assert plain in earlier
    for arm in ARMS:
        config = STOPS[f"{arm}, old rate"]
        assert {k: config.get(k) for k in RECIPE} == {k: plain.get(k) for k in RECIPE}


@pytest.mark.parametrize("arm", ARMS)
def test_each_arm_has_the_rate_with_the_fewest_mistakes(arm):
    valid = {}
    for rate in LEARNING_RATES:
        settings = dict(RATES[f"{arm}, rate {rate:g}"])
        valid[rate] = measured(RATES.name, "valid_errors", **settings).sum()
    assert CHOSEN[arm] == min(valid, key=valid.get)
    assert STOPS[f"{arm}, own rate"] == RATES[f"{arm}, rate {CHOSEN[arm]:g}"]


@pytest.mark.parametrize(("experiment", "least"), [(RATES, 2), (STOPS, 10)])
def test_each_recorded_seed_is_whole(experiment, least):
    runs = [
        (tuple(sorted(map(repr, r.config.items()))), r.seed)
        for r in load_records(experiment.name)
    ]
    seeds = {seed for _, seed in runs}
    assert seeds == set(range(len(seeds)))
    assert least <= len(seeds) <= experiment.seeds
    assert len(runs) == len(set(runs)) == len(experiment.configurations) * len(seeds)
