"""Subclass losses, objectives and measures against public values and hand-made cases."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from kdteach import fit, fit_many, teacher_logits
from kdteach.data import load, merge_classes, small_sample
from kdteach.losses import (
    class_log_probs,
    label_smoothing_loss,
    subclass_diversity_loss,
    subclass_kd_loss,
)
from kdteach.metrics import evaluate, predict_logits, subclass_recovery
from kdteach.models import build
from kdteach.objectives import (
    distil,
    distil_subclasses,
    hard_labels,
    smoothed_labels,
    soft_labels,
    subclass_labels,
    weighted_labels,
)
from kdteach.types import Batch

ORACLES = Path(__file__).parent / "oracles"
STORE = np.load(ORACLES / "oracles.npz")
BOOK = json.loads((ORACLES / "oracles.json").read_text(encoding="utf-8"))
VALUES = {entry["name"]: entry for entry in BOOK["entries"]}
HALVES = ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))


def stored(name):
    return torch.from_numpy(np.array(STORE[name]))


@pytest.fixture(scope="module")
def digits():
    return load("digits", dtype=torch.float64)


@pytest.fixture(scope="module")
def halves():
    return load("digits", groups=HALVES, dtype=torch.float64)


def value_and_gradient(loss, logits):
    logits = logits.clone().requires_grad_()
    value = loss(logits)
    return value.item(), torch.autograd.grad(value, logits)[0].numpy()


def test_diversity_is_that_of_its_authors():
    name = "subclass/aux_google_C10_S5_T1"
    value, gradient = value_and_gradient(subclass_diversity_loss, stored("sub/logits_t1"))
    assert value == pytest.approx(VALUES[name]["value"], abs=1e-10)
    wanted = STORE[f"{name}/grad_logits_t1"]
    np.testing.assert_allclose(gradient, wanted, atol=1e-10, rtol=0)


def test_class_cross_entropy_is_that_of_its_authors():
    name = "subclass/class_ce_C10_S5"
    labels = stored("sub/y10")

    def loss(logits):
        return -class_log_probs(logits, 10).gather(1, labels[:, None]).mean()

    value, gradient = value_and_gradient(loss, stored("sub/logits_t1"))
    assert value == pytest.approx(VALUES[name]["value"], abs=1e-10)
    wanted = STORE[f"{name}/grad_logits_t1"]
    np.testing.assert_allclose(gradient, wanted, atol=1e-10, rtol=0)


def by_definition(z, tau):
    """The auxiliary loss in NumPy, sums written out."""
    v = z - z.mean(axis=1, keepdims=True)
    v = v / np.sqrt((v**2).mean(axis=1, keepdims=True) + 1e-9)
    n, k = z.shape
    total = 0.0
    for i in range(n):
        total += np.log(sum(np.exp(v[i] @ v[j] / k / tau) for j in range(n)))
    return total / n - 1 / tau - np.log(n)


@pytest.mark.parametrize(("classes", "tau"), [(2, 1.0), (10, 0.02), (2, 0.3)])
def test_diversity_by_definition(classes, tau):
    z = stored("sub/logits_t1")[:, : 5 * classes]
    value = subclass_diversity_loss(z, tau).item()
    assert value == pytest.approx(by_definition(z.numpy(), tau), abs=1e-10)


def test_reports_form_is_ours_at_the_temperature_that_undoes_the_missing_factor():
    """Without 1/K the loss is the authors' at tau = 1/K, up to the sign convention."""
    z = stored("sub/logits_t1")
    value = subclass_diversity_loss(z, 1 / z.shape[1]).item()
    assert value == pytest.approx(VALUES["subclass/aux_notebook_t1"]["value"], abs=1e-6)


@pytest.mark.parametrize("subclasses", range(1, 21))
def test_diversity_stays_finite_in_float32(subclasses):
    z = torch.randn(64, 10 * subclasses, generator=torch.Generator().manual_seed(1)) * 50
    value, gradient = value_and_gradient(subclass_diversity_loss, z)
    exact, _ = value_and_gradient(subclass_diversity_loss, z.double())
    assert np.isfinite(gradient).all()
    assert value == pytest.approx(exact, abs=1e-5)
    assert -np.log(64) < value <= 0


def test_losses_keep_their_digits_where_the_network_computes_in_bfloat16():
    """Inside autocast, with float32 and with bfloat16 logits, as outside."""
    z = torch.randn(40, 50, generator=torch.Generator().manual_seed(2))
    shares = torch.softmax(torch.randn(40, 50), 1)
    batch = Batch(torch.zeros(40, 1), torch.arange(40) % 50, torch.arange(40))
    balance = torch.arange(1.0, 51.0) / 7
    for logits in (z, z.bfloat16()):
        exact = logits.double()
        with torch.autocast("cpu", torch.bfloat16):
            diversity = subclass_diversity_loss(logits)
            terms = [
                objective.terms(logits, batch).total
                for objective in (smoothed_labels(0.3), soft_labels(shares))
            ]
            terms.append(weighted_labels(balance).terms(logits, batch).total)
        wanted = subclass_diversity_loss(exact).item()
        assert diversity.item() == pytest.approx(wanted, abs=1e-6)
        by_torch = [
            F.cross_entropy(exact, batch.labels, label_smoothing=0.3),
            F.cross_entropy(exact, shares.double()),
            F.cross_entropy(exact, batch.labels, balance.double()),
        ]
        for ours, theirs in zip(terms, by_torch, strict=True):
            assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    outside = value_and_gradient(subclass_diversity_loss, z)
    leaf = z.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):  # as in training, the forward pass alone
        value = subclass_diversity_loss(leaf)
    assert value.item() == outside[0]
    np.testing.assert_array_equal(torch.autograd.grad(value, leaf)[0], outside[1])


def test_diversity_is_zero_for_images_alike_and_ignores_shift_and_scale():
    z = torch.randn(1, 12, dtype=torch.float64).repeat(5, 1)
    assert subclass_diversity_loss(z).item() == pytest.approx(0, abs=1e-8)
    other = torch.randn(6, 12, dtype=torch.float64)
    moved = subclass_diversity_loss(3 * other + torch.arange(6.0)[:, None])
    assert moved.item() == pytest.approx(subclass_diversity_loss(other).item(), abs=1e-8)
    assert torch.isfinite(subclass_diversity_loss(torch.zeros(3, 4)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_class_log_probs_are_exact_where_a_sum_of_probabilities_is_not(dtype):
    z = torch.tensor([[0.0, -1.0, 200.0, 199.0]], dtype=dtype)
    log_p = class_log_probs(z, 2)
    assert log_p[0, 0].item() == pytest.approx(-200.0, abs=1.0)  # exp would be 0
    assert log_p.exp().sum().item() == pytest.approx(1.0)


def test_subclass_kd_by_definition():
    generator = torch.Generator().manual_seed(0)
    s, t = torch.randn(2, 6, 8, generator=generator, dtype=torch.float64)
    y, T, alpha = torch.tensor([0, 1, 1, 0, 1, 0]), 4.0, 0.3
    p, q = torch.softmax(t / T, 1), torch.softmax(s / T, 1)
    soft = T**2 * (p * (p / q).log()).sum(1).mean()
    sums = torch.softmax(s, 1).reshape(6, 2, 4).sum(2)
    hard = -sums[torch.arange(6), y].log().mean()
    wanted = alpha * soft + (1 - alpha) * hard
    assert subclass_kd_loss(s, t, y, 2, T, alpha).item() == pytest.approx(wanted.item())


def test_smoothing_is_torchs():
    z, y = torch.randn(7, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 4, 0, 1])
    for epsilon in (0.0, 0.1, 0.9):
        wanted = torch.nn.functional.cross_entropy(z, y, label_smoothing=epsilon)
        assert label_smoothing_loss(z, y, epsilon).item() == pytest.approx(wanted.item())


Z, Y = torch.zeros(4, 6), torch.tensor([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: class_log_probs(Z, 0),
            ValueError,
            "num_classes must be an integer of at least 1",
        ),
        (lambda: class_log_probs(Z, 4), ValueError, "6 logits cannot be 4 classes"),
        (lambda: class_log_probs(Z, 2.0), TypeError, "num_classes must be an integer"),
        (lambda: subclass_diversity_loss(Z[:1]), ValueError, "batch of one"),
        (lambda: subclass_diversity_loss(Z[:, :1]), ValueError, "single logit"),
        (lambda: subclass_diversity_loss(Z, 0.0), ValueError, "temperature"),
        (lambda: subclass_kd_loss(Z, Z, Y + 1, 2, 1.0, 0.5), ValueError, "labels"),
        (lambda: subclass_kd_loss(Z, Z, Y, 5, 1.0, 0.5), ValueError, "multiple of 5"),
        (lambda: label_smoothing_loss(Z, Y, 1.0), ValueError, r"\[0, 1\), got 1.0"),
        (lambda: label_smoothing_loss(Z, Y, -0.1), ValueError, "smoothing"),
        (lambda: smoothed_labels(1), ValueError, "smoothing"),
        (lambda: smoothed_labels("0.1"), TypeError, "smoothing must be a number"),
        (lambda: subclass_labels(0), ValueError, "num_classes"),
        (lambda: subclass_labels(2, beta=-1), ValueError, "beta"),
        (lambda: distil_subclasses(Z, 4, 1.0, 0.5), ValueError, "multiple of 4"),
        (lambda: distil(Z, 1.0, 0.5, stop_epoch=0), ValueError, "stop_epoch"),
        (lambda: distil(Z, 1.0, 0.5, stop_epoch=1.5), TypeError, "stop_epoch"),
        (lambda: distil(Z, 1.0, 0.5, stop_epoch=True), TypeError, "stop_epoch"),
    ],
)
def test_bad_arguments_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def student(outputs, seed=0, name="fc-8"):
    option = {"input_shape": (1, 8, 8), "dtype": torch.float64}
    return build(name, seed=seed, num_classes=outputs, **option)


RECIPE = {"epochs": 3, "batch_size": 64, "learning_rate": 0.01}


def test_a_stack_of_all_objectives_equals_one_by_one(halves):
    # as six classes and as two with three subclasses each: the split does not say which
    halves = replace(halves.train, num_classes=None)
    table = teacher_logits(student(6, seed=9), halves)
    objectives = [
        subclass_labels(2, beta=1.0),
        subclass_labels(2, beta=0.2, temperature=0.5),
        distil_subclasses(table, 2, 4.0, 0.5),
        distil_subclasses(table, 2, 1.0, 1.0),
        smoothed_labels(0.1),
        smoothed_labels(0.4),
        distil(table, 2.0, 0.8, stop_epoch=1),
        distil(table, 2.0, 0.8, stop_epoch=2),
        distil(table, 2.0, 0.8),
        hard_labels(),
    ]
    together = [student(6, seed) for seed in range(len(objectives))]
    histories = fit_many(together, halves, objectives, drop_last=True, **RECIPE)
    for seed, objective in enumerate(objectives):
        alone = student(6, seed)
        history = fit(alone, halves, objective, seed=seed, drop_last=True, **RECIPE)
        assert histories[seed].loss == pytest.approx(history.loss, rel=1e-9)
        a, b = (predict_logits(m, halves.images) for m in (alone, together[seed]))
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)


def test_accuracy_of_a_stack_with_subclasses_is_that_of_the_classes(halves):
    options = {"validation": halves.valid, **RECIPE, "learning_rate": 0.03}
    models = [student(6, seed) for seed in range(2)]
    histories = fit_many(models, halves, [subclass_labels(2)] * 2, **options)
    for model, history in zip(models, histories, strict=True):
        answers = evaluate(model, halves.valid, num_classes=2)
        assert history.accuracy[-1] == pytest.approx(answers.accuracy)
        assert answers.accuracy > 0.6
    alone = student(6, 0)
    history = fit(alone, halves, subclass_labels(2), seed=0, **options)
    assert history.accuracy == pytest.approx(histories[0].accuracy)


def test_the_soft_term_is_off_after_the_stop(digits, either_way):
    """Two epochs with a teacher, then labels: by hand, with two objectives."""
    table = teacher_logits(student(10, seed=9), digits.train)
    stopped, wanted = student(10, 1), student(10, 1)
    stopping = distil(table, 4.0, 0.9, stop_epoch=2)
    ours = fit(stopped, digits, stopping, seed=1, **RECIPE)

    def by_epoch(model, batch):
        now = distil(table, 4.0, 0.9) if batch.epoch < 2 else hard_labels()
        return now(model, batch)

    by_hand = fit(wanted, digits, by_epoch, seed=1, **RECIPE)
    assert ours.loss == pytest.approx(by_hand.loss)
    assert np.isnan(by_hand.parts["soft"]).tolist() == [False, False, True]
    torch.testing.assert_close(stopped.state_dict(), wanted.state_dict())


def test_stop_and_width_must_fit_the_training(digits, halves):
    table = teacher_logits(student(10, seed=9), digits.train)
    with pytest.raises(ValueError, match="stop_epoch 9 lies outside the schedule of 3"):
        fit(student(10), digits, distil(table, 4.0, 0.5, stop_epoch=9), **RECIPE)
    with pytest.raises(ValueError, match="9 logits cannot be 2 classes"):
        fit(student(9), halves, subclass_labels(2), **RECIPE)
    with pytest.raises(ValueError, match="labels must lie in"):
        fit(student(10), digits, subclass_labels(2), **RECIPE)
    one_left = digits.train.select(torch.arange(65))
    with pytest.raises(ValueError, match="holds one alone"):
        fit(student(20), one_left, subclass_labels(10), **RECIPE)
    fit(student(20), one_left, subclass_labels(10), drop_last=True, **RECIPE)
    pair, mixed = [student(6, 0), student(6, 1)], [subclass_labels(2), subclass_labels(3)]
    with pytest.raises(ValueError, match=r"answer with \[2, 3\] classes"):
        fit_many(pair, halves, mixed, validation=halves.valid, **RECIPE)


def test_recovery_by_hand():
    # subclasses 2, 0 and 1 stand for the classes 0, 1 and 2; one image in five is astray
    found = torch.tensor([2, 2, 0, 1, 1])
    labels = torch.tensor([0, 0, 1, 2, 0])
    logits = torch.nn.functional.one_hot(found, 4).double()
    assert subclass_recovery(logits, labels) == pytest.approx(4 / 5)
    assert subclass_recovery(logits[:, [3, 1, 0, 2]], labels) == pytest.approx(4 / 5)
    one = torch.zeros(5, 3)  # all images in one subclass: the largest class is matched
    assert subclass_recovery(one, labels) == pytest.approx(3 / 5)


def test_classes_are_merged(digits):
    merged = merge_classes(digits, HALVES)
    assert merged.classes == ("0+1+2+3+4", "5+6+7+8+9")
    for name in ("train", "valid", "test"):
        before, after = getattr(digits, name), getattr(merged, name)
        assert torch.equal(after.labels, (before.labels >= 5).long())
        assert torch.equal(after.images, before.images)
    assert merged.checksum != digits.checksum
    assert load("digits", groups=HALVES).classes == merged.classes
    for groups in ((), ((0,),), (range(10), ()), ((0, 1), (1, 2)), HALVES[:1]):
        with pytest.raises(ValueError, match="groups must be"):
            merge_classes(digits, groups)


def test_small_samples(digits):
    sample = small_sample(digits.train, 60, seed=1)
    assert len(sample) == 60
    assert len(set(sample.index.tolist())) == 60
    assert torch.equal(sample.images, digits.train.images[sample.index])
    assert not torch.equal(sample.index, small_sample(digits.train, 60, seed=2).index)
    assert torch.equal(sample.index, small_sample(digits.train, 60, seed=1).index)
    for size in (0, 1080):
        with pytest.raises(ValueError, match="size must be an integer of 1 to 1079"):
            small_sample(digits.train, size)
    with pytest.raises(TypeError, match="size must be an integer"):
        small_sample(digits.train, 2.0)
