"""The measures of a missing logit, against NumPy and tables worked out by hand."""

import numpy as np
import pytest
import torch

import kdteach as kd
from kdteach.experiments import missing_logit as measures

Z = torch.tensor(
    [[3.0, 0.0, 0.0], [6.0, 0.0, 3.0], [1.0, 4.0, 1.0], [0.0, 2.0, 7.0]],
    dtype=torch.float64,
)
Y = torch.tensor([0, 0, 1, 2])
ONE = kd.metrics.Evaluation(Z, Y)
FEW = kd.metrics.Evaluation(Z[:3], Y[:3])
NONE = kd.metrics.Evaluation(Z[2:], Y[2:])


def test_rises_count_from_the_mean_of_a_row():
    z = Z.numpy() - Z.numpy().mean(axis=1, keepdims=True)
    y = Y.numpy()
    wanted = [z[y == c, c].mean() - z[y != c, c].mean() for c in range(3)]
    assert measures.rises(Z, Y).tolist() == pytest.approx(wanted)
    shift = torch.tensor([[5.0], [-2.0], [100.0], [0.0]])
    assert torch.allclose(measures.rises(Z + shift, Y), measures.rises(Z, Y))


def test_leads_and_rivals_by_hand():
    assert measures.lead(Z, 0).tolist() == [3, 3, -3, -7]
    assert measures.lead(Z, 2).tolist() == [-3, -3, -3, 5]
    assert measures.highest_other(Z, 0).tolist() == [-1, 0, 2, 4]
    one = kd.metrics.Evaluation(Z, Y)
    tops = measures.highest_others([one, one], 0)
    assert [each.tolist() for each in tops] == [[-1, 0, -1, 0], [2, 4, 2, 4]]
    own, others = measures.mean_highest_other([one, one], 0)
    assert own == pytest.approx(-0.5)
    assert others == pytest.approx(3)
    assert Z[0].tolist() == [3, 0, 0]


def test_spread_and_ranking_by_hand():
    one = kd.metrics.Evaluation(Z, Y)
    z = Z.numpy() - Z.numpy().mean(axis=1, keepdims=True)
    assert measures.mean_spread([one, one], 0) == pytest.approx(z[2:, 0].std(ddof=1))
    other = kd.metrics.Evaluation(Z[[0, 2, 1, 3]], Y)  # leads 3, -3, 3, -7
    assert measures.aucs([one], 0).tolist() == [1]
    assert measures.aucs([one, other], 0).tolist() == pytest.approx([1, 2.5 / 4])


def test_others_that_are_taken_for_half_of_a_class_by_hand():
    # leads of class 0 at the mean of the others: -2, -4, -6 (its own), -1, -3, -5, -3
    half_gap = torch.tensor([2.0, 4, 6, 1, 3, 5, 3])
    z = torch.stack([torch.arange(7.0) * 9, half_gap, -half_gap], dim=1)
    y = torch.tensor([0, 0, 0, 1, 1, 1, 2])
    one = kd.metrics.Evaluation(z, y)
    assert measures.taken_for_half([one], 0) == 3  # -1, -3, -3 stand before -4
    other = kd.metrics.Evaluation(z, torch.tensor([1, 0, 1, 1, 1, 1, 2]))
    assert measures.taken_for_half([one, other], 0) == pytest.approx((3 + 4) / 2)
    even = kd.metrics.Evaluation(z, torch.tensor([0, 1, 0, 1, 1, 1, 2]))
    assert measures.taken_for_half([even], 0) == 5  # the first of the second half is -6
    assert z[0, 0] == 0  # as it was


def test_mean_rises_are_those_of_each_student():
    draws = [kd.load("digits", draw=n, dtype=torch.float64) for n in range(2)]
    students = [
        kd.build("fc-8", input_shape=(1, 8, 8), seed=n, dtype=torch.float64)
        for n in range(2)
    ]
    found = measures.mean_rises(students, draws).numpy()
    assert found.shape == (2, 10)
    with torch.no_grad():
        z = students[1](draws[1].valid.images).numpy()
    z, y = z - z.mean(axis=1, keepdims=True), draws[1].valid.labels.numpy()
    wanted = [z[y == c, c].mean() - z[y != c, c].mean() for c in range(10)]
    assert np.allclose(found[1], wanted)
    with pytest.raises(ValueError, match="must be as many"):
        measures.mean_rises(students, draws[:1])


def test_a_share_without_the_logit_tries_every_bias_in_numpy():
    draws = [kd.load("digits", draw=n, dtype=torch.float64) for n in range(2)]
    students = [
        kd.build("fc-8", input_shape=(1, 8, 8), seed=n, dtype=torch.float64)
        for n in range(2)
    ]
    for one, draw in zip(students, draws, strict=True):
        kd.fit(one, draw.train, kd.hard_labels(), epochs=2)
    found = measures.share_without(students, draws, 3)
    assert found.shape == (2,)
    assert 0 < found.min() < found.max() < 1
    rest = np.array([0, 1, 2, 4, 5, 6, 7, 8, 9])
    for one, draw, share in zip(students, draws, found, strict=True):
        with torch.no_grad():
            valid, test = (one(x.images).numpy()[:, rest] for x in (draw.valid, draw.test))
        gap, best = valid.max(axis=1) - valid.mean(axis=1), rest[valid.argmax(axis=1)]
        tries = [0.0, *np.sort(gap) + 1e-9]
        y = draw.valid.labels.numpy()
        wrong = [(np.where(gap < bias, 3, best) != y).sum() for bias in tries]
        own = test[draw.test.labels.numpy() == 3]
        fewest = [b for b, n in zip(tries, wrong, strict=True) if n == min(wrong)]
        shares = [(own.max(axis=1) - own.mean(axis=1) < b).mean() for b in fewest]
        assert min(shares) - 1e-9 <= float(share) <= max(shares) + 0.06
        moved = measures.share_without([_Moved(one)], [draw], 3)
        assert float(moved) == float(share)  # the class's own logit counts for nothing
    with pytest.raises(ValueError, match="must be as many"):
        measures.share_without(students, draws[:1], 3)
    with pytest.raises(ValueError, match="number"):
        measures.share_without(students, draws, 10)


class _Moved(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        z = self.inner(images)
        return z + 50 * torch.sin(images.sum(dim=(1, 2, 3)))[:, None] * (
            torch.arange(10) == 3
        )


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: measures.rises(Z[0], Y), ValueError, r"must be \(N, C\)"),
        (lambda: measures.rises(Z, Y[:2]), ValueError, "labels must have shape"),
        (lambda: measures.rises(Z, Y + 1), ValueError, "labels"),
        (lambda: measures.lead(Z, 3), ValueError, "number"),
        (lambda: measures.lead([1, 2], 0), TypeError, "logits"),
        (lambda: measures.highest_other(Z[:, :1], 0), ValueError, "at least 2"),
        (lambda: measures.highest_other(Z, -1), ValueError, "number"),
        (lambda: measures.highest_others([], 1), ValueError, "one or more"),
        (lambda: measures.mean_highest_other([], 1), ValueError, "one or more"),
        (lambda: measures.mean_spread([], 1), ValueError, "one or more"),
        (lambda: measures.mean_spread([ONE], 3), ValueError, "number"),
        (lambda: measures.mean_spread([FEW], 0), ValueError, "two or more, got 1"),
        (lambda: measures.taken_for_half([], 1), ValueError, "one or more"),
        (lambda: measures.taken_for_half([ONE], 3), ValueError, "number"),
        (lambda: measures.taken_for_half([NONE], 0), ValueError, "class 0, got none"),
        (lambda: measures.aucs([], 1), ValueError, "one or more"),
        (lambda: measures.aucs([ONE], -1), ValueError, "number"),
        (lambda: measures.aucs([FEW], 0), ValueError, "positive"),
    ],
)
def test_odd_arguments_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
