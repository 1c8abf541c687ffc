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
    own, others = measures.mean_highest_other([one, one], 0)
    assert own == pytest.approx(-0.5)
    assert others == pytest.approx(3)
    assert Z[0].tolist() == [3, 0, 0]


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
        (lambda: measures.mean_highest_other([], 1), ValueError, "one or more"),
    ],
)
def test_odd_arguments_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
