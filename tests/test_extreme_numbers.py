"""Logits at the ends of what double precision holds, against exact arithmetic."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import pytest
import torch

from kdteach.losses import subclass_diversity_loss
from kdteach.losses.subclass import diversity_term
from kdteach.metrics import Evaluation, best_bias, best_shift, best_threshold

EPSILON = 1e-9
LARGEST = Fraction(torch.finfo(torch.float64).max)


def said(rows, chosen, shift):
    """The class of each image in exact arithmetic; the first of equal ones."""
    found = []
    for row in rows:
        moved = [z + shift * (c in chosen) for c, z in enumerate(row)]
        found.append(moved.index(max(moved)))
    return found


def accuracy(classes, labels, count):
    del count
    return Fraction(sum(a == b for a, b in zip(classes, labels, strict=True)), len(labels))


def weighted_f1(classes, labels, count):
    whole = Fraction(0)
    for c in range(count):
        right = sum(a == b == c for a, b in zip(classes, labels, strict=True))
        both = classes.count(c) + labels.count(c)
        whole += labels.count(c) * Fraction(2 * right, max(both, 1))
    return whole / len(labels)


MEASURES = {"accuracy": accuracy, "weighted_f1": weighted_f1}


def best_by_trying(rows, labels, chosen, measure):
    """The best value of all shifts that a float64 can be, none of which overflows."""
    inside = [max(z for c, z in enumerate(row) if c in chosen) for row in rows]
    outside = [max(z for c, z in enumerate(row) if c not in chosen) for row in rows]
    steps = sorted({b - a for a, b in zip(inside, outside, strict=True)})
    middles = [(a + b) / 2 for a, b in pairwise(steps)]
    tried = [Fraction(0), steps[0] - 1, *middles, steps[-1] + 1]
    shifted = [z for row in rows for c, z in enumerate(row) if c in chosen]
    low, top = -LARGEST - min(0, *shifted), LARGEST - max(0, *shifted)
    fits = [x for x in (*tried, low, top) if low <= x <= top]
    return max(MEASURES[measure](said(rows, chosen, x), labels, len(rows[0])) for x in fits)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("scale", [1.0, 1e150, 1e300, 1e308])
def test_shifts_are_the_best_that_can_be_had(measure, scale):
    for seed in range(25):
        draw = torch.Generator().manual_seed(seed)
        classes = 2 + seed % 3
        unit = torch.rand(12, classes, generator=draw, dtype=torch.float64) * 3.4 - 1.7
        logits = unit * scale
        if seed % 4 == 0:  # large and ordinary numbers side by side
            logits[::2] = unit[::2]
        labels = torch.randint(classes, (12,), generator=draw)
        chosen = [seed % classes]
        shift = best_shift(Evaluation(logits, labels), chosen, measure)
        assert -float("inf") < shift < float("inf")
        rows = [[Fraction(z) for z in row] for row in logits.tolist()]
        measured = MEASURES[measure]
        got = measured(said(rows, chosen, Fraction(shift)), labels.tolist(), classes)
        assert got == best_by_trying(rows, labels.tolist(), chosen, measure)
        moved = logits.clone()
        moved[:, chosen] += shift
        after = Evaluation(moved, labels)  # refuses what is not finite
        assert getattr(after, measure) == pytest.approx(float(got), abs=1e-12)


def test_the_two_names_are_the_one_function():
    logits = torch.tensor(
        [[1e308, -1e308], [-1e308, 1e308], [1.0, 2.0], [2.0, 1.0]], dtype=torch.float64
    )
    labels = torch.tensor([1, 0, 1, 1])
    answers = Evaluation(logits, labels)
    assert best_bias(answers, [1]) == best_shift(answers, [1])
    assert best_threshold(answers) == best_shift(answers, [1], "weighted_f1")
    assert 1 < best_threshold(answers) < 1.8e308
    with pytest.raises(ValueError, match="unknown measure 'f1'; known are accuracy"):
        best_shift(answers, [1], "f1")


def test_a_constant_of_large_logits_has_no_threshold():
    same = torch.tensor([[1.5e308, -1.5e308]], dtype=torch.float64).expand(6, 2)
    assert best_threshold(Evaluation(same, torch.arange(6) % 2)) == 0


def diversity(rows, tau):
    """By its definition, with all digits of sums of such logits."""
    with localcontext() as context:
        context.prec = 400
        k, n, tau = len(rows[0]), len(rows), Decimal(tau)
        normal = []
        for row in rows:
            z = [Decimal(x) for x in row]
            mean = sum(z) / k
            root = (sum((x - mean) ** 2 for x in z) / k + Decimal(EPSILON)).sqrt()
            normal.append([(x - mean) / root for x in z])
        total = Decimal(0)
        for one in normal:
            like = [sum(map(Decimal.__mul__, one, other)) / k / tau for other in normal]
            total += sum(c.exp() for c in like).ln()
        return float(total / n - 1 / tau - Decimal(n).ln())


SCALES = [1e-3, 1.0, 2.0**29, 2.0**31, 1e100, 1e154, 1e155, 1e200, 1e300, 8e307]


@pytest.mark.parametrize("scale", SCALES)
def test_diversity_of_large_logits(scale):
    draw = torch.Generator().manual_seed(0)
    unit = torch.randn(5, 6, generator=draw, dtype=torch.float64).clamp(-2, 2)
    for tau in (0.5, 3.0):
        value = float(subclass_diversity_loss(unit * scale, tau))
        assert value == pytest.approx(diversity((unit * scale).tolist(), tau), abs=1e-12)


def test_diversity_of_images_of_all_sizes():
    draw = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 4, generator=draw, dtype=torch.float64)
    sizes = [1.0, 1e10, 1e155, 1e300, 1e-160, 1.0]
    logits *= torch.tensor(sizes, dtype=torch.float64)[:, None]
    logits[3] = 1e300  # all equal: nothing to normalise
    logits[4, 0] = 1.7e308
    value = float(subclass_diversity_loss(logits))
    assert value == pytest.approx(diversity(logits.tolist(), 1.0), abs=1e-12)


def test_the_gradient_of_diversity_does_not_depend_on_the_unit():
    """c times the logits has the value of the logits, so 1/c times their gradient."""
    draw = torch.Generator().manual_seed(2)
    unit = torch.randn(5, 6, generator=draw, dtype=torch.float64) * 2.0**20
    found = []
    for power in (0, 500, 990):
        logits = (unit * 2.0**power).requires_grad_()
        subclass_diversity_loss(logits).backward()
        found.append(logits.grad * 2.0**power)
    assert torch.isfinite(found[0]).all()
    assert found[0].abs().max() > 0
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-9, atol=1e-22)


def test_diversity_in_training_has_the_range_of_single_precision():
    draw = torch.Generator().manual_seed(3)
    logits = torch.randn(5, 6, generator=draw) * 1e30  # its squares are beyond 3.4e38
    value = float(diversity_term(logits, torch.tensor(1.0)))
    assert value == pytest.approx(diversity(logits.tolist(), 1.0), abs=1e-5)
