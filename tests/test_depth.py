"""Stacks of layers: the start's arithmetic, the shortcut, and what depth does."""

import pytest
import torch

from kdteach.data import load
from kdteach.experiments.depth import KINDS, best_rate, initial_weights, train_stacks

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


def test_epsilon_decides_how_far_a_tiny_gradient_moves_adam():
    """A step is g / (|g| + epsilon) of the rate: nearly none, or nearly all of it."""
    settings = SMALL | {"steps": 2, "seeds": [0]}
    tiny, whole = (
        train_stacks("default start", 16, TRAIN, epsilon=e, **settings)
        for e in (1e-8, 1e-30)
    )
    assert torch.equal(tiny.gradients, whole.gradients)
    assert float(tiny.gradients.max()) < 1e-6
    moved = [(run.late_gradients / run.gradients).log().abs() for run in (tiny, whole)]
    assert float(moved[0].mean()) < 0.5 * float(moved[1].mean())


def test_late_gradients_are_those_before_the_last_step():
    one, more = (
        train_stacks("residual", 4, TRAIN, **SMALL | {"steps": steps}) for steps in (1, 3)
    )
    assert torch.equal(one.late_gradients, one.gradients)
    assert torch.equal(more.gradients, one.gradients)
    assert not torch.equal(more.late_gradients, more.gradients)


def test_he_draws_root_six_times_as_large():
    default, he = (
        initial_weights(kind, 4, TRAIN, width=12, seeds=[0, 1])
        for kind in ("default start", "He start")
    )
    shapes = [tuple(weight.shape) for weight in default]
    assert shapes == [(2, 64, 12), *[(2, 12, 12)] * 4, (2, 12, 10)]
    for small, large in zip(default, he, strict=True):
        assert torch.allclose(6**0.5 * small, large)


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
