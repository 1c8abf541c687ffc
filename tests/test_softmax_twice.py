"""Report 2's loss, made on purpose: against its formula, and as the engine trains."""

import numpy as np
import pytest
import torch
from torch import nn

from kdteach.experiments import EXPERIMENTS
from kdteach.experiments.mistakes import soft_targets_twice, softmax_twice
from kdteach.experiments.recipe import Recipe
from kdteach.experiments.targets import objective_of
from kdteach.objectives.base import stacked
from kdteach.types import Batch

RNG = np.random.default_rng(0)
STUDENT = RNG.normal(size=(6, 4))
TEACHER = 3 * RNG.normal(size=(6, 4))
LABELS = np.array([0, 1, 2, 3, 0, 1])


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_hand(temperature, alpha, normalised):
    """In NumPy, as the report's formula has it."""
    p, q = softmax(STUDENT), softmax(TEACHER)
    most = q.max(axis=1, keepdims=True)
    targets = np.exp((q - most) / temperature) / np.exp(most / temperature)
    if normalised:
        targets = targets / targets.sum(axis=1, keepdims=True)
    soft = -(targets * np.log(softmax(p / temperature))).sum(axis=1).mean()
    hard = -np.log(softmax(p))[np.arange(6), LABELS].mean()
    return alpha * temperature**2 * soft + (1 - alpha) * hard


def batch():
    index = torch.arange(6)
    return Batch(torch.zeros(6, 4), torch.tensor(LABELS), index, 0)


class Says(nn.Module):
    """A student that has its logits already."""

    def __init__(self):
        super().__init__()
        self.z = nn.Parameter(torch.tensor(STUDENT))

    def forward(self, images):
        return self.z[: len(images)]


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize(("temperature", "alpha"), [(1.0, 0.5), (4.0, 0.9), (64.0, 0.1)])
def test_the_loss_is_the_report_s(temperature, alpha, normalised):
    goal = softmax_twice(torch.tensor(TEACHER), temperature, alpha, normalised=normalised)
    value = goal(Says(), batch()).total
    assert float(value.detach()) == pytest.approx(
        by_hand(temperature, alpha, normalised), rel=1e-12
    )


def test_the_targets_differ_by_a_factor_an_image():
    """So the second mistake weighs images; it changes no target's shape."""
    for temperature in (0.3, 1.0, 20.0):
        right, wrong = (
            soft_targets_twice(torch.tensor(TEACHER), temperature, normalised)
            for normalised in (True, False)
        )
        assert torch.allclose(right.sum(dim=1), torch.ones(6, dtype=torch.float64))
        factor = wrong.sum(dim=1, keepdim=True)
        assert torch.allclose(wrong, factor * right)
        assert (wrong.sum(dim=1) - 1).abs().min() > 1e-3


def test_a_stack_computes_what_each_student_computes():
    goals = [softmax_twice(torch.tensor(TEACHER), t, 0.5) for t in (1.0, 4.0)]
    one = batch()
    two = Batch(one.images.expand(2, 6, 4), one.labels.expand(2, 6),
                one.index.expand(2, 6), 0)  # fmt: skip
    together = stacked(goals).terms(torch.tensor(STUDENT).expand(2, 6, 4), two).total
    alone = [goal(Says(), one).total for goal in goals]
    assert torch.allclose(together, torch.stack(alone))


def test_the_engine_trains_with_what_a_configuration_says():
    experiment = EXPERIMENTS["mnist-softmax-twice"]
    for config in experiment.configurations:
        if "mistake" not in config:
            continue
        soft = config["role"] == "report 2"
        table = {"train": torch.tensor(TEACHER)} if soft else None
        goal = objective_of(config, table, type("Data", (), {"num_classes": 4})())
        value = float(goal(Says(), batch()).total.detach())
        if soft:
            expected = by_hand(config["temperature"], config["alpha"], False)
        else:
            expected = by_hand(1.0, 0.0, True)
        assert value == pytest.approx(expected, rel=1e-12)


PLAIN = {
    "role": "plain", "model": "fc-16", "epochs": 1, "batch_size": 4, "learning_rate": 0.1
}  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"mistake": "softmax twice, not normalised"}, "needs temperature"),
        ({"mistake": "softmax twice", "smoothing": 0.1}, "and smoothing cannot be"),
        ({"mistake": "softmax twice", "balanced": True}, "and balanced cannot be"),
    ],
)
def test_what_the_mistake_would_ignore_is_refused(extra, says):
    with pytest.raises(ValueError, match=says):
        Recipe.of({**PLAIN, **extra})
