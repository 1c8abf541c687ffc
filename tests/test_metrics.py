import math
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torch import nn

from kdteach import metrics, models
from kdteach.metrics import Evaluation
from kdteach.types import Split


@pytest.fixture
def case():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(101, 4, dtype=torch.float64, generator=draw)
    return Evaluation(logits, torch.randint(4, (101,), generator=draw))


def test_against_scikit_learn(case):
    predicted, labels = case.logits.argmax(dim=1), case.labels
    assert case.accuracy == pytest.approx(reference.accuracy_score(labels, predicted))
    assert case.errors == int((predicted != labels).sum())
    f1 = reference.f1_score(labels, predicted, average=None)
    np.testing.assert_allclose(case.per_class_f1, f1)
    weighted = reference.f1_score(labels, predicted, average="weighted")
    assert case.weighted_f1 == pytest.approx(weighted)
    recall = reference.recall_score(labels, predicted, average=None)
    np.testing.assert_allclose(case.per_class_accuracy, recall)
    np.testing.assert_array_equal(
        case.confusion, reference.confusion_matrix(labels, predicted)
    )
    probabilities = torch.softmax(case.logits, dim=1)
    assert case.nll == pytest.approx(reference.log_loss(labels, probabilities))


def test_calibration_by_hand():
    """Two bins: three answers at 0.9 of which two are right, one at 0.6 that is wrong."""
    p = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]], dtype=torch.float64)
    case = Evaluation(p.log(), torch.tensor([0, 0, 1, 1]))
    assert case.ece(bins=4) == pytest.approx((abs(2 - 2.7) + 0.6) / 4)
    assert case.ece(bins=1) == pytest.approx(abs(2 - 3.3) / 4)
    certain = Evaluation(torch.tensor([[100.0, 0.0]]), torch.tensor([0]))
    assert certain.ece() == pytest.approx(0)
    with pytest.raises(ValueError, match="bins"):
        case.ece(0)


def test_batches_do_not_matter_and_the_mode_stays(digits):
    model = models.build("cnn-digits", dropout=0.5, dtype=torch.float64)
    whole = metrics.evaluate(model, digits.valid, batch_size=len(digits.valid))
    ragged = metrics.evaluate(model, digits.valid, batch_size=64)
    assert torch.allclose(whole.logits, ragged.logits, atol=1e-12)
    assert model.training
    assert whole.errors == ragged.errors


def test_threads_share_the_evaluation_mode_of_a_model():
    """A part gets its mode back when the last thread has left; a block inside a block
    gives back what it has found."""
    shared = nn.Dropout()
    one, other = nn.Sequential(shared), nn.Sequential(shared, nn.ReLU())
    other[1].eval()
    with ThreadPoolExecutor(1) as pool:
        first, second = models.evaluation_mode(one), models.evaluation_mode(other)
        first.__enter__()
        pool.submit(second.__enter__).result()
        first.__exit__(None, None, None)
        assert not shared.training
        assert one.training  # nobody else has it
        pool.submit(second.__exit__, None, None, None).result()
    assert (shared.training, other.training, other[1].training) == (True, True, False)
    with models.evaluation_mode(one):
        shared.train()
        with models.evaluation_mode(one):
            assert not shared.training
        assert shared.training
    assert one.training
    with pytest.raises(KeyError), models.evaluation_mode(one):
        raise KeyError
    assert shared.training


def test_one_model_evaluated_in_threads_gives_the_same_logits(digits):
    model = models.build("cnn-digits", dropout=0.3, dtype=torch.float64)
    want = metrics.evaluate(model, digits.valid).logits
    usual = sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-5)
        with ThreadPoolExecutor(4) as pool:
            found = pool.map(
                lambda _: metrics.evaluate(model, digits.valid).logits, range(40)
            )
            assert all(torch.equal(logits, want) for logits in found)
    finally:
        sys.setswitchinterval(usual)
    assert all(part.training for part in model.modules())


def test_teacher_logits_do_not_depend_on_batch_mates(digits):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10)).double()
    alone = metrics.predict_logits(model, digits.valid.images[:1])
    together = metrics.predict_logits(model, digits.valid.images[:50])
    assert torch.allclose(alone[0], together[0], atol=1e-12)
    assert int(model[1].num_batches_tracked) == 0


def test_agreement_and_entropy():
    a, b = torch.tensor([[1.0, 0], [1, 0]]), torch.tensor([[2.0, 0], [0, 2]])
    assert metrics.prediction_agreement(a, b) == 0.5
    rows = torch.tensor([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]], dtype=torch.float64)
    np.testing.assert_allclose(metrics.entropy(rows), [0, np.log(4)])
    with pytest.raises(ValueError, match="sum to 1"):
        metrics.entropy(torch.tensor([[0.5, 0.6]]))


def test_bad_input(digits):
    model = models.build("fc-8", input_shape=(1, 8, 8), dtype=torch.float64)
    empty = digits.valid.select(torch.zeros(len(digits.valid), dtype=torch.bool))
    with pytest.raises(ValueError, match="split is empty: evaluation"):
        metrics.evaluate(model, empty)
    wrong = Split(digits.valid.images, digits.valid.labels + 5, digits.valid.index)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 10\)"):
        metrics.evaluate(model, wrong)
    with pytest.raises(ValueError, match="batch_size"):
        metrics.evaluate(model, digits.valid, batch_size=0)
    with torch.no_grad():
        model[1].bias[0] = torch.nan
    with pytest.raises(ValueError, match="model's output must be finite"):
        metrics.evaluate(model, digits.valid)


def test_best_bias_finds_the_fewest_errors():
    """Against trying a fine grid of numbers."""
    for seed in range(60):
        g = torch.Generator().manual_seed(seed)
        rng = random.Random(seed)
        n, c = rng.randint(1, 40), rng.randint(2, 5)
        logits = 2 * torch.randn(n, c, generator=g)
        logits = logits.round() if seed % 3 == 0 else logits
        labels = torch.randint(c, (n,), generator=g)
        classes = rng.sample(range(c), rng.randint(1, c - 1))

        def errors(bias, logits=logits, labels=labels, classes=classes):
            moved = logits.double().clone()
            moved[:, classes] += bias
            return int((moved.argmax(dim=1) != labels).sum())

        bias = metrics.best_bias(metrics.Evaluation(logits, labels), classes)
        grid = torch.linspace(-15, 15, 1501).add(1e-4).tolist()
        assert errors(bias) <= min([errors(0.0), *map(errors, grid)])


@pytest.mark.parametrize("classes", [[], [0, 1], [0, 0], [2], [-1]])
def test_best_bias_refuses(classes):
    with pytest.raises(ValueError, match="classes must be some of 0 to 1"):
        metrics.best_bias(
            metrics.Evaluation(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)),
            classes,
        )


def test_best_temperature_makes_two_classes_as_sure_as_they_are_right():
    """With logits of 0 and 3 everywhere, and 7 of 10 right: 1 / (1 + exp(-3/T)) is 0.7."""
    logits = torch.tensor([[0.0, 3.0]]).repeat(10, 1)
    answers = metrics.Evaluation(logits, torch.tensor([1] * 7 + [0] * 3))
    assert metrics.best_temperature(answers) == pytest.approx(3 / math.log(0.7 / 0.3))


def test_best_temperature_has_the_least_cross_entropy():
    """Of a fine grid, by torch's own cross-entropy; and the errors stay."""
    for seed in range(20):
        g = torch.Generator().manual_seed(seed)
        labels = torch.randint(4, (50,), generator=g)
        logits = torch.randn(50, 4, generator=g, dtype=torch.float64)
        logits[torch.arange(50), labels] += 1
        logits *= 10 ** (seed % 5 - 2)
        found = metrics.best_temperature(metrics.Evaluation(logits, labels))
        grid = (found * torch.logspace(-1, 1, 401, dtype=torch.float64)).tolist()
        costs = [torch.nn.functional.cross_entropy(logits / T, labels) for T in grid]
        assert grid[int(torch.stack(costs).argmin())] == pytest.approx(found)
        assert (logits / found).argmax(dim=1).equal(logits.argmax(dim=1))


def test_best_temperature_of_answers_that_no_number_serves_best():
    labels = torch.tensor([0, 1])
    right = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    find = metrics.best_temperature
    assert find(metrics.Evaluation(right, labels)) == pytest.approx(2e-6)
    assert find(metrics.Evaluation(-right, labels)) == pytest.approx(2e6)
    assert find(metrics.Evaluation(torch.ones(2, 2), labels)) == 1
    huge = 1.7e308 * torch.tensor([[1.0, -1.0], [1.0, -1.0]], dtype=torch.float64)
    assert 0 < find(metrics.Evaluation(huge, labels)) < math.inf
    with pytest.raises(TypeError, match="answers must be an Evaluation"):
        find(right)


def test_best_threshold_is_that_of_a_grid():
    noise = torch.Generator().manual_seed(0)
    labels = (torch.rand(60, generator=noise) < 0.3).long()
    logits = torch.randn(60, 2, generator=noise, dtype=torch.float64)
    logits[:, 1] += 1.5 * labels - 2
    answers = metrics.Evaluation(logits, labels)

    def score(number):
        return metrics.Evaluation(logits + torch.tensor([0.0, number]), labels).weighted_f1

    number = metrics.best_threshold(answers)
    assert number > 0
    assert score(number) == pytest.approx(max(score(x) for x in torch.arange(-6, 9, 0.01)))
    perfect = metrics.Evaluation(torch.eye(2)[labels].double(), labels)
    assert metrics.best_threshold(perfect) == 0
    with pytest.raises(ValueError, match="two classes, got 3"):
        metrics.best_threshold(metrics.Evaluation(torch.zeros(2, 3), labels[:2]))
