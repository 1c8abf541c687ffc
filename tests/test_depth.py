"""Stacks of layers: the start's arithmetic, the shortcut, and what depth does."""

import pytest
import torch

from kdteach.data import load
from kdteach.experiments.depth import KINDS, best_rate, train_stacks

TRAIN = load("digits", dtype=torch.float64).train.select(torch.arange(60))
SMALL = {"learning_rate": 0.03, "steps": 3, "width": 12, "seeds": range(3)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_twice_and_a_stack_alone_is_the_stack_among_others(kind):
    one, two = (train_stacks(kind, 4, TRAIN, **SMALL) for _ in range(2))
    assert torch.equal(one.training_error, two.training_error)
    assert one.gradients.shape == (3, 4)
    alone = train_stacks(kind, 4, TRAIN, **SMALL | {"seeds": [2]})
    assert torch.allclose(alone.gradients, one.gradients[2:])


def test_the_default_start_shrinks_as_its_formula_says():
    """Each layer and its ReLU multiply the mean square by 1 / 6, forwards and backwards."""
    settings = SMALL | {"width": 256, "seeds": range(4), "steps": 1}
    short, long = (
        train_stacks("default start", depth, TRAIN, **settings).gradients.log().mean()
        for depth in (4, 8)
    )
    assert float(long - short) == pytest.approx(4 * 0.5 * -1.7918, rel=0.15)
    he = train_stacks("He start", 8, TRAIN, **settings).gradients.log().mean()
    assert float(he - long) > 6


def test_training_helps_and_the_best_rate_is_kept():
    errors = [
        float(train_stacks("residual", 2, TRAIN, **SMALL | {"steps": steps})
              .training_error.mean())
        for steps in (1, 25)
    ]  # fmt: skip
    assert errors[1] < 0.5 * errors[0]
    best = best_rate("residual", 2, TRAIN, steps=4, width=8, seeds=[0])
    tried = [
        train_stacks("residual", 2, TRAIN, learning_rate=r, steps=4, width=8, seeds=[0])
        for r in (0.003, 0.01, 0.03, 0.1, 0.3)
    ]
    assert best.training_error == min(run.training_error for run in tried)


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        (("deep", 4), ValueError, "kind"),
        (("residual", 3), ValueError, "depth must be even, got 3"),
        (("residual", 0), ValueError, "depth"),
        (("residual", "4"), TypeError, "depth"),
    ],
)
def test_what_is_wrong_is_named(arguments, kind, says):
    with pytest.raises(kind, match=says):
        train_stacks(*arguments, TRAIN, **SMALL)
