"""Answers that fit no labels, thresholds that gain nothing, labels of any size."""

import random

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from kdteach import metrics, objectives
from kdteach.metrics import Evaluation
from kdteach.stats import auc_interval

LOGITS, LABELS = (
    torch.randn(4, 3, generator=torch.Generator().manual_seed(0)),
    torch.arange(4) % 3,
)


@pytest.mark.parametrize(
    ("logits", "labels", "error", "says"),
    [
        (LOGITS, LABELS[:1], ValueError, r"labels must have shape \(4,\), got \(1,\)"),
        (LOGITS, LABELS[:, None], ValueError, r"labels must have shape \(4,\)"),
        (LOGITS, LABELS + 1, ValueError, r"labels must lie in \[0, 3\)"),
        (LOGITS, LABELS - 1, ValueError, "labels must lie in"),
        (LOGITS, LABELS.int(), TypeError, "labels must be int64"),
        (LOGITS, LABELS.tolist(), TypeError, "labels must be a torch.Tensor, got list"),
        (LOGITS.numpy(), LABELS, TypeError, "logits must be a torch.Tensor, got ndarray"),
        (LOGITS[0], LABELS, ValueError, r"logits must have shape \(N, C\)"),
        (LOGITS.long(), LABELS, TypeError, "logits must be floating point"),
        (torch.full((4, 3), torch.nan), LABELS, ValueError, "logits must be finite; row 0"),
        (LOGITS.to("meta"), LABELS, TypeError, "logits is on the meta device"),
        (LOGITS[:0], LABELS[:0], ValueError, "logits must have shape"),
    ],
)
def test_answers_that_fit_no_labels(logits, labels, error, says):
    with pytest.raises(error, match=says):
        Evaluation(logits, labels)


def test_measures_are_of_numbers_not_of_a_graph():
    """Also the nll of a sure model is exact, and a table of many classes is not needed."""
    case = Evaluation(LOGITS.clone().requires_grad_(), LABELS)
    assert not case.logits.requires_grad
    sure = Evaluation(torch.tensor([[40.0, 0.0]]), torch.tensor([0]))
    assert sure.nll == pytest.approx(np.log1p(np.exp(-40.0)), rel=1e-12)
    wide = Evaluation(torch.eye(3, 300_000), torch.arange(3))
    assert wide.weighted_f1 == 1
    assert wide.per_class_f1[:4] == (1, 1, 1, 0)
    with pytest.raises(ValueError, match="300,000 times 300,000 classes would take"):
        _ = wide.confusion
    for bins, error in ((2.5, TypeError), (0, ValueError), (10**12, ValueError)):
        with pytest.raises(error, match="bins must be an integer"):
            case.ece(bins)
    assert case.ece(np.int64(5)) == case.ece(5)


def test_a_constant_model_gets_no_threshold():
    """In any draw of labels: it answers the same everywhere, so nothing can be divided."""
    for seed in range(300):
        draw = torch.Generator().manual_seed(seed)
        n = 1 + seed % 97
        labels = (torch.rand(n, generator=draw) < torch.rand(1, generator=draw)).long()
        same = torch.randn(1, 2, generator=draw).expand(n, 2)
        assert metrics.best_threshold(Evaluation(same, labels)) == 0


def weighted_f1(said, labels):
    """Of two classes, from its definition: said is (..., N)."""
    total = 0
    for mine, true in ((said, labels == 1), (~said, labels == 0)):
        right = (mine & true).sum(axis=-1)
        total = total + true.sum() * 2 * right / np.maximum(
            mine.sum(axis=-1) + true.sum(), 1
        )
    return total / len(labels)


def test_thresholds_are_those_of_a_grid():
    """The best weighted F1 over a fine grid; with ties, in every dtype."""
    for seed in range(90):
        draw = torch.Generator().manual_seed(seed)
        n = 5 + seed % 30
        labels = (torch.rand(n, generator=draw) < 0.4).long()
        logits = 2 * torch.randn(n, 2, generator=draw)
        logits = logits.round() if seed % 4 == 0 else logits
        logits = logits.to((torch.float32, torch.float64, torch.bfloat16)[seed % 3])
        gap = (logits[:, 0].double() - logits[:, 1].double()).numpy()
        truth = labels.numpy()
        number = metrics.best_threshold(Evaluation(logits, labels))
        grid = np.linspace(-11, 11, 2201) + 1e-4
        mine, before = (weighted_f1(x > gap, truth) for x in (number, 0.0))
        assert mine == pytest.approx(f1_score(truth, number > gap, average="weighted"))
        assert mine >= weighted_f1(grid[:, None] > gap, truth).max() - 1e-12
        assert mine > before or number == 0


def test_a_threshold_is_quick_for_many_images():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(50_000, 2, generator=draw)
    labels = (logits[:, 1] - logits[:, 0] + torch.randn(50_000, generator=draw) > 1).long()
    number = metrics.best_threshold(Evaluation(logits, labels))
    assert -1.5 < number < -0.3


def test_class_numbers_are_any_integers_in_any_list():
    draw = torch.Generator().manual_seed(1)
    answers = Evaluation(torch.randn(40, 4, generator=draw), torch.arange(40) % 4)
    wanted = metrics.best_bias(answers, [1, 3])
    for classes in (np.array([1, 3]), torch.tensor([3, 1]), {1, 3}, (np.int64(1), 3)):
        assert metrics.best_bias(answers, classes) == wanted
    for classes, error in (
        ([-1], ValueError), ([4], ValueError), (np.array([]), ValueError),
        ("13", TypeError), (3, TypeError), ([1.0], TypeError), ([True], TypeError),
        ([None], TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match="classes must be"):
            metrics.best_bias(answers, classes)


@pytest.mark.parametrize("answers", [None, LOGITS, (LOGITS, LABELS), "valid"])
def test_only_evaluations_have_thresholds_and_biases(answers):
    for choose in (metrics.best_threshold, lambda a: metrics.best_bias(a, [0])):
        with pytest.raises(TypeError, match="answers must be an Evaluation, as evaluate"):
            choose(answers)


def test_recovery_of_classes_with_large_numbers():
    """The names of the classes do not matter: 10^9 needs no table of 10^9 columns."""
    rng = random.Random(0)
    found = torch.tensor([rng.randrange(4) for _ in range(50)])
    hidden = torch.tensor([rng.randrange(3) for _ in range(50)])
    logits = torch.nn.functional.one_hot(found, 4).float()
    wanted = metrics.subclass_recovery(logits, hidden)
    names = torch.tensor([10**9, 7, 2**62])
    assert metrics.subclass_recovery(logits, names[hidden]) == wanted
    for labels, error, says in (
        (hidden - 1, ValueError, "labels must lie in"),
        (hidden.tolist(), TypeError, "labels must be a torch.Tensor"),
        (hidden.float(), TypeError, "labels must be int64"),
        (hidden[:5], ValueError, "labels must have shape"),
    ):
        with pytest.raises(error, match=says):
            metrics.subclass_recovery(logits, labels)


def test_entropy_of_half_precision_and_of_certainty():
    rows = torch.tensor([[0.25] * 4, [1.0, 0, 0, 0]])
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        nats = metrics.entropy(rows.to(dtype))
        assert nats.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert nats[0].item() == pytest.approx(np.log(4), rel=1e-7)
        assert str(nats[1].item()) == "0.0"
    for bad, says in (
        (rows - 0.1, "at least 0"),
        (2 * rows, "sum to 1"),
        (rows[0], "shape"),
    ):
        with pytest.raises(ValueError, match=f"probabilities must .*{says}"):
            metrics.entropy(bad)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_probabilities_in_half_precision_are_probabilities(dtype):
    logits = torch.randn(64, 10, generator=torch.Generator().manual_seed(0)).to(dtype)
    shares = torch.softmax(logits, dim=1)
    wide = shares.double()
    wanted = -(wide * wide.log()).sum(dim=1)
    assert torch.allclose(metrics.entropy(shares).double(), wanted, atol=1e-5)
    objectives.soft_labels(shares)
    for ask in (metrics.entropy, objectives.soft_labels):
        with pytest.raises(ValueError, match="sum to 1"):
            ask(shares * 0.9)
        with pytest.raises(ValueError, match="sum to 1"):
            ask(shares.float() * 0.99)


def test_whole_numbers_that_a_float_would_round_are_refused():
    """Of 2**60 to 2**60 + 3 all are one number in double precision: an area of 1/2."""
    with pytest.raises(ValueError, match=r"scores holds whole numbers beyond 2\*\*53"):
        auc_interval([2**60, 2**60 + 1, 2**60 + 2, 2**60 + 3], [False, False, True, True])
    exact = auc_interval([2**52, 2**52 + 1, 2**52 + 2, 2**52 + 3], [0, 0, 1, 1])
    assert exact.mean == 1
