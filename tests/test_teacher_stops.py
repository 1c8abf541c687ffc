"""Teachers that stop early: arms that differ in one thing, and choices that follow."""

import pytest

from kdteach.experiments import EXPERIMENTS
from kdteach.experiments.catalogue import mnist_large_stops, mnist_stops
from kdteach.experiments.catalogue.mnist_stops import ARMS, LEARNING_RATES, LONG, STOP
from kdteach.results import load_records, measured

STUDIES = {"fc-300-300": mnist_stops, "fc-1200-1200": mnist_large_stops}
RECIPE = ("model", "epochs", "batch_size", "precision", "learning_rate", "schedule")


@pytest.fixture(params=STUDIES)
def study(request):
    """The small teachers, and the large ones."""
    return STUDIES[request.param]


@pytest.mark.parametrize(
    "rate", [*(f"rate {r:g}" for r in LEARNING_RATES), "own rate", "old rate"]
)
def test_arms_differ_in_their_teacher_alone(study, rate):
    experiment = study.RATES if rate.startswith("rate") else study.STOPS
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


def test_the_old_rate_is_the_recipe_of_the_earlier_record(study):
    earlier = EXPERIMENTS["mnist-early-stopping"].configurations
    plain = study.STOPS["labels, old rate"]
    assert plain in earlier
    for arm in ARMS:
        config = study.STOPS[f"{arm}, old rate"]
        assert {k: config.get(k) for k in RECIPE} == {k: plain.get(k) for k in RECIPE}


@pytest.mark.parametrize("arm", ARMS)
def test_each_arm_has_the_rate_with_the_fewest_mistakes(study, arm):
    valid = {}
    for rate in LEARNING_RATES:
        settings = dict(study.RATES[f"{arm}, rate {rate:g}"])
        valid[rate] = measured(study.RATES.name, "valid_errors", **settings).sum()
    assert study.CHOSEN[arm] == min(valid, key=valid.get)
    tried = study.RATES[f"{arm}, rate {study.CHOSEN[arm]:g}"]
    assert study.STOPS[f"{arm}, own rate"] == tried


@pytest.mark.parametrize(("part", "least"), [("RATES", 2), ("STOPS", 10)])
def test_each_recorded_seed_is_whole(study, part, least):
    experiment = getattr(study, part)
    runs = [
        (tuple(sorted(map(repr, r.config.items()))), r.seed)
        for r in load_records(experiment.name)
    ]
    seeds = {seed for _, seed in runs}
    assert seeds == set(range(len(seeds)))
    assert least <= len(seeds) <= experiment.seeds
    assert len(runs) == len(set(runs)) == len(experiment.configurations) * len(seeds)


def test_large_teachers_are_those_of_the_earlier_record():
    earlier = EXPERIMENTS["mnist-early-stopping"].configurations
    for config in mnist_large_stops.STOPS.configurations:
        if config["role"] == "teacher":
            assert config in earlier
