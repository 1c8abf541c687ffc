"""The experiment of *Your first student*: its arms, and what was recorded of them."""

import numpy as np
import pytest
import torch

import kdteach as kd
from kdteach.experiments.catalogue.first_student import (
    ARMS,
    AS_SOFT,
    EXPERIMENT,
    FEW,
    RATES,
)
from kdteach.experiments.recipes import optimizer_of

ABSENT = dict.fromkeys(("jitter", "smoothing", "weight_decay"))


def errors(arm, rate, part, of=EXPERIMENT):
    settings = ABSENT | dict(of[f"{arm}, rate {rate:g}"])
    return kd.measured(of.name, f"{part}_errors", **settings)


def arms_of(experiment):
    return [name for name in ARMS if f"{name}, rate 0.1" in experiment.named]


def test_arms_differ_in_what_they_say_and_in_the_rate():
    base = dict(EXPERIMENT["labels alone, rate 0.1"])
    for name in arms_of(EXPERIMENT):
        for rate in RATES:
            config = dict(EXPERIMENT[f"{name}, rate {rate:g}"])
            changed = {k for k in config if config[k] != base.get(k)}
            assert changed <= {*ARMS[name], "learning_rate"}
            assert base.keys() <= config.keys()
    assert len(arms_of(EXPERIMENT)) == 10
    assert len(EXPERIMENT.configurations) == 1 + 10 * len(RATES)
    ratios = np.array(RATES[1:]) / np.array(RATES[:-1])
    assert ratios == pytest.approx(np.full(len(RATES) - 1, 2.0))


def test_momentum_takes_a_weight_decay():
    config = EXPERIMENT["labels, weight decay 0.001, rate 0.1"]
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = optimizer_of(config)([weight], 0.1)
    assert isinstance(optimizer, torch.optim.SGD)
    settings = optimizer.param_groups[0]
    assert (settings["weight_decay"], settings["momentum"]) == (0.001, 0.9)
    adam = optimizer_of({"weight_decay": 0.1})([weight], 0.1)
    assert isinstance(adam, torch.optim.AdamW)


def test_the_smoothing_is_as_soft_as_the_teachers():
    """Counted by hand: the labelled class gets as much as the teachers give at T = 8."""
    shares = []
    for seed in range(10):
        train = kd.load("digits", draw=seed, dtype=torch.float64).train
        logits = kd.teacher_logits(kd.trained_teacher(seed, dtype=torch.float64), train)
        odds = np.exp((logits.numpy() - logits.numpy().max(1, keepdims=True)) / 8)
        p = odds / odds.sum(axis=1, keepdims=True)
        shares.append(p[np.arange(len(p)), train.labels.numpy()].mean())
    smoothed = 1 - AS_SOFT + AS_SOFT / 10
    assert np.mean(shares) == pytest.approx(smoothed, abs=0.005)


def test_the_record_agrees_with_the_one_of_the_first_edition():
    """Two arms had been trained before, by other experiments."""
    momentum = {"optimizer": "momentum", "weight_decay": None}
    for arm, role in (
        ("labels alone", "plain"),
        ("distilled, mean over shifts", "distilled"),
    ):
        before = kd.measured("digits-recipes", "test_errors", role=role, **momentum)
        assert errors(arm, 0.05, "test").tolist() == before.tolist()


@pytest.mark.parametrize("of", [EXPERIMENT, FEW], ids=lambda of: of.name)
def test_every_arm_has_ten_seeds_and_its_best_rate_inside_the_grid(of):
    assert len(arms_of(of)) >= 8
    for arm in arms_of(of):
        counted = [errors(arm, rate, "valid", of) for rate in RATES]
        assert {len(runs) for runs in counted} == {10}
        best = int(np.argmin([runs.mean() for runs in counted]))
        assert 0 < best < len(RATES) - 1, arm


def test_few_images_differ_in_the_images_alone():
    both = set(arms_of(FEW)) & set(arms_of(EXPERIMENT))
    assert len(both) == 8
    for name in both:
        all_, few = (dict(e[f"{name}, rate 0.1"]) for e in (EXPERIMENT, FEW))
        assert few == {**all_, "transfer": 200}
