"""Losses against public implementations, paper formulas and properties."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kdteach.losses import decoupled_kd_loss, distillation_loss, kd_loss, soft_targets

ORACLES = Path(__file__).parent / "oracles"
STORE = np.load(ORACLES / "oracles.npz")
BOOK = json.loads((ORACLES / "oracles.json").read_text(encoding="utf-8"))
ENTRIES = {
    entry["name"]: entry
    for part in ("entries", "definitions_without_values")
    for entry in BOOK[part]
    if entry["name"].startswith("kd/")
}
# entries whose value is stored here; the others are definitions, computed below in NumPy
STORED = sorted(name for name in ENTRIES if f"{name}/grad_s" in STORE)
DEFINED = sorted(set(ENTRIES) - set(STORED))

logits = hnp.arrays(np.float64, (4, 5), elements=st.floats(-30, 30))
temperatures = st.floats(0.3, 50)
alphas = st.floats(0, 1)


def tensor(name):
    return torch.from_numpy(np.array(STORE[name]))


def ours(name, student, teacher, labels):
    """The library's value of an oracle entry."""
    T = float(ENTRIES[name]["params"].get("T", 1000.0))
    if name.startswith("kd/kl"):
        return distillation_loss(student, teacher, T)
    if name.startswith("kd/combined"):
        alpha = float(ENTRIES[name]["params"]["alpha"])
        return kd_loss(student, teacher, labels, T, alpha)
    if name.startswith("kd/softce"):
        alpha = float(ENTRIES[name]["params"]["alpha"])
        p = soft_targets(teacher, T)
        rest = -(p * p.log()).sum(dim=1).mean()  # the forms differ by the teacher's entropy
        return kd_loss(student, teacher, labels, T, alpha) + alpha * T**2 * rest
    raise AssertionError(f"no test for {name}")


def by_definition(name, student, teacher, labels):
    """Value and gradient in NumPy, from the definition of the entry, without autograd."""
    s, t, y = (np.asarray(x) for x in (student, teacher, labels))
    T = float(ENTRIES[name]["params"]["T"])
    alpha = float(ENTRIES[name]["params"].get("alpha", 1.0))

    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    p, q, q1 = softmax(t / T), softmax(s / T), softmax(s)
    soft = -(p * np.log(q)).sum(axis=1).mean()
    if "softce" not in name:
        soft += (p * np.log(p)).sum(axis=1).mean()
    hard = -np.log(q1[np.arange(len(y)), y]).mean()
    one_hot = np.eye(s.shape[1])[y]
    gradient = alpha * T * (q - p) / len(s) + (1 - alpha) * (q1 - one_hot) / len(s)
    return alpha * T**2 * soft + (1 - alpha) * hard, gradient


def value_and_gradient(name):
    student = tensor("logits/s").requires_grad_()
    value = ours(name, student, tensor("logits/t"), tensor("logits/y"))
    return value.item(), torch.autograd.grad(value, student)[0].numpy()


def test_every_kd_entry_is_tested():
    assert len(STORED) >= 5
    assert len(DEFINED) >= 10


@pytest.mark.parametrize("name", [name for name in STORED if name != "kd/limit_highT"])
def test_public_implementations(name):
    value, gradient = value_and_gradient(name)
    assert value == pytest.approx(
        ENTRIES[name].get("value", float(STORE[f"{name}/value"])), abs=1e-10, rel=0
    )
    np.testing.assert_allclose(gradient, STORE[f"{name}/grad_s"], atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", DEFINED)
def test_definitions(name):
    value, gradient = value_and_gradient(name)
    wanted, wanted_gradient = by_definition(
        name, tensor("logits/s"), tensor("logits/t"), tensor("logits/y")
    )
    assert value == pytest.approx(wanted, abs=1e-10, rel=0)
    np.testing.assert_allclose(gradient, wanted_gradient, atol=1e-10, rtol=0)


def test_limit_of_high_temperature():
    """The entry is a limit: at T the loss is off by O(1/T), so extrapolate in 1/T."""

    def at(T):
        student = tensor("logits/s").requires_grad_()
        value = distillation_loss(student, tensor("logits/t"), T)
        return value.detach(), torch.autograd.grad(value, student)[0]

    def richardson(a, b, c):  # T, 2T, 4T: removes the 1/T and the 1/T^2 term
        return (8 * c - 6 * b + a) / 3

    runs = [at(T) for T in (500.0, 1000.0, 2000.0)]
    value, gradient = (richardson(*parts) for parts in zip(*runs, strict=True))
    assert float(value) == pytest.approx(ENTRIES["kd/limit_highT"]["value"], abs=1e-6)
    np.testing.assert_allclose(gradient, STORE["kd/limit_highT/grad_s"], atol=1e-7)


def test_limit_as_centred_logits_is_exact():
    s, t = tensor("logits/s").requires_grad_(), tensor("logits/t")
    centred = (s - s.mean(dim=1, keepdim=True)) - (t - t.mean(dim=1, keepdim=True))
    value = centred.square().mean() / 2
    assert value.item() == pytest.approx(ENTRIES["kd/limit_highT"]["value"], abs=1e-10)
    gradient = torch.autograd.grad(value, s)[0]
    np.testing.assert_allclose(gradient, STORE["kd/limit_highT/grad_s"], atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0, 1000.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_logits_of_a_thousand(dtype, temperature, sign):
    pattern = torch.tensor([[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 1000.0]])
    student = pattern.to(dtype).requires_grad_()
    teacher = (sign * pattern).to(dtype)
    loss = kd_loss(student, teacher, torch.tensor([1, 0]), temperature, 0.5)
    (gradient,) = torch.autograd.grad(loss, student)
    assert torch.isfinite(loss)
    assert loss >= 0
    assert torch.isfinite(gradient).all()
    assert torch.isfinite(soft_targets(teacher, temperature)).all()


@settings(deadline=None, max_examples=50)
@given(logits, logits, temperatures, alphas)
def test_limits_of_alpha_are_continuous(z, v, T, alpha):
    z, v, y = torch.from_numpy(z), torch.from_numpy(v), torch.tensor([0, 1, 2, 3])
    soft = distillation_loss(z, v, T)
    hard = torch.nn.functional.cross_entropy(z, y)
    assert torch.allclose(kd_loss(z, v, y, T, 0.0), hard, atol=1e-9)
    assert torch.allclose(kd_loss(z, v, y, T, 1.0), soft, atol=1e-9)
    mixed = alpha * soft + (1 - alpha) * hard
    assert torch.allclose(kd_loss(z, v, y, T, alpha), mixed, atol=1e-8, rtol=1e-8)


@settings(deadline=None, max_examples=50)
@given(logits, logits, temperatures, st.floats(-50, 50))
def test_shifts_and_perfect_students(z, v, T, shift):
    z, v = torch.from_numpy(z), torch.from_numpy(v)
    loss = distillation_loss(z, v, T)
    assert loss >= -1e-9
    assert torch.allclose(
        distillation_loss(z + shift, v - shift, T), loss, atol=1e-6, rtol=1e-6
    )
    assert distillation_loss(v + shift, v, T).abs() < 1e-6


@settings(deadline=None, max_examples=50)
@given(logits, temperatures)
def test_soft_targets_are_probabilities_in_order(z, T):
    z = torch.from_numpy(z)
    p = soft_targets(z, T)
    assert torch.allclose(p.sum(dim=1), torch.ones(4, dtype=torch.float64))
    higher = z[:, :, None] > z[:, None, :]
    assert (p[:, :, None] >= p[:, None, :])[higher].all()


@settings(deadline=None, max_examples=30)
@given(logits, logits, temperatures)
def test_gradient_is_t_times_difference(z, v, T):
    z, v = torch.from_numpy(z).requires_grad_(), torch.from_numpy(v)
    (gradient,) = torch.autograd.grad(distillation_loss(z, v, T), z)
    wanted = T * (torch.softmax(z / T, 1) - torch.softmax(v / T, 1)) / len(z)
    assert torch.allclose(gradient, wanted, atol=1e-10)


def test_classes_are_summed_and_images_averaged():
    """Twice the same image changes nothing; two copies of each class neither.

    Copying every class halves all probabilities on both sides, so each ratio stays and the
    sum over classes stays: a mean over classes would halve.
    """
    z, v = tensor("logits/s"), tensor("logits/t")
    loss = distillation_loss(z, v, 4.0)
    assert torch.allclose(distillation_loss(z.repeat(2, 1), v.repeat(2, 1), 4.0), loss)
    assert torch.allclose(distillation_loss(z.repeat(1, 2), v.repeat(1, 2), 4.0), loss)


def test_gradcheck_and_no_gradient_to_the_teacher():
    z, v = tensor("logits/s").requires_grad_(), tensor("logits/t").requires_grad_()
    y = tensor("logits/y")
    assert torch.autograd.gradcheck(lambda x: kd_loss(x, v.detach(), y, 4.0, 0.7), (z,))
    kd_loss(z, v, y, 4.0, 0.7).backward()
    decoupled_kd_loss(z, v, y, 4.0, 1.0, 2.0).backward()
    assert v.grad is None


GOOD = {
    "student_logits": torch.zeros(2, 3),
    "teacher_logits": torch.zeros(2, 3),
    "labels": torch.tensor([0, 2]),
    "temperature": 4.0,
    "alpha": 0.5,
}


@pytest.mark.parametrize(
    ("argument", "value", "error", "says"),
    [
        ("temperature", 0.0, ValueError, "temperature must be finite and above 0, got 0.0"),
        ("temperature", -1, ValueError, "temperature"),
        ("temperature", float("nan"), ValueError, "temperature"),
        ("temperature", float("inf"), ValueError, "temperature"),
        ("temperature", "4", TypeError, "temperature must be a number, got str"),
        ("alpha", 1.5, ValueError, r"alpha.*\[0, 1\], got 1.5"),
        ("alpha", -0.1, ValueError, "alpha"),
        ("alpha", float("nan"), ValueError, "alpha"),
        ("alpha", None, TypeError, "alpha"),
        ("student_logits", torch.zeros(2, 4), ValueError, r"\(2, 4\) and \(2, 3\)"),
        ("student_logits", torch.zeros(3), ValueError, r"student_logits.*\(N, C\)"),
        ("student_logits", torch.zeros(0, 3), ValueError, "student_logits"),
        (
            "student_logits",
            [[0.0] * 3] * 2,
            TypeError,
            "student_logits must be a torch.Tensor",
        ),
        ("teacher_logits", torch.zeros(2, 3).double(), TypeError, "same dtype"),
        ("teacher_logits", torch.zeros(2, 3).long(), TypeError, "teacher_logits.*floating"),
        (
            "teacher_logits",
            torch.full((2, 3), torch.nan),
            ValueError,
            "teacher_logits.*row 0",
        ),
        (
            "student_logits",
            torch.full((2, 3), torch.inf),
            ValueError,
            "student_logits.*finite",
        ),
        ("labels", torch.tensor([0, 3]), ValueError, r"labels.*\[0, 3\).*from 0 to 3"),
        ("labels", torch.tensor([-1, 0]), ValueError, "labels"),
        ("labels", torch.tensor([0.0, 1.0]), TypeError, "labels must be int64"),
        ("labels", torch.tensor([0]), ValueError, r"labels must have shape \(2,\)"),
        ("labels", [0, 1], TypeError, "labels must be a torch.Tensor"),
    ],
)
def test_bad_arguments_are_named(argument, value, error, says):
    with pytest.raises(error, match=says):
        kd_loss(**{**GOOD, argument: value})


def test_decoupled_loss_is_that_of_its_authors():
    entry = next(e for e in BOOK["entries"] if e["name"] == "dkd/T4_a1_b8")
    student = tensor("logits/s").requires_grad_()
    value = decoupled_kd_loss(
        student, tensor("logits/t"), tensor("logits/y"), 4.0, 1.0, 8.0
    )
    assert value.item() == pytest.approx(entry["value"], rel=1e-10)
    gradient = torch.autograd.grad(value, student)[0].numpy()
    assert np.abs(gradient - STORE["dkd/T4_a1_b8/grad_s"]).max() < 1e-10


@given(logits, logits, temperatures)
def test_decoupled_loss_joins_to_the_whole(student, teacher, T):
    """Zhao et al. 2022: KD = target part + (1 - p_y) times the rest, image by image."""
    s, t = torch.from_numpy(student), torch.from_numpy(teacher)
    labels = torch.tensor([0, 1, 2, 3])
    for i in range(4):
        one = s[i : i + 1], t[i : i + 1], labels[i : i + 1]
        beta = 1 - float(soft_targets(one[1], T)[0, i])
        parts = decoupled_kd_loss(*one, T, 1.0, max(beta, 0.0))
        whole = distillation_loss(one[0], one[1], T)
        assert parts.item() == pytest.approx(whole.item(), rel=1e-6, abs=1e-8 * T**2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_decoupled_loss_stays_finite(dtype):
    student = torch.tensor([[1000.0, -1000, 0], [-1000, 1000, 0]], dtype=dtype)
    teacher = torch.tensor([[-1000.0, 1000, 0], [-1000, 1000, 0]], dtype=dtype)
    student.requires_grad_()
    value = decoupled_kd_loss(student, teacher, torch.tensor([0, 1]), 1.0, 1.0, 8.0)
    assert torch.isfinite(value)
    assert torch.isfinite(torch.autograd.grad(value, student)[0]).all()


def test_decoupled_loss_of_two_classes_has_no_rest():
    s, t = torch.randn(5, 2).double(), torch.randn(5, 2).double()
    y = torch.tensor([0, 1, 0, 1, 1])
    assert decoupled_kd_loss(s, t, y, 2.0, 0.0, 1.0).item() == pytest.approx(0, abs=1e-12)
    whole = distillation_loss(s, t, 2.0).item()
    assert decoupled_kd_loss(s, t, y, 2.0, 1.0, 8.0).item() == pytest.approx(whole)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alpha": -1.0}, "alpha must be finite and at least 0"),
        ({"beta": float("inf")}, "beta must be finite"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_decoupled_loss_refuses(change, says):
    z, y = torch.zeros(2, 3), torch.tensor([0, 1])
    options = {"temperature": 1.0, "alpha": 1.0, "beta": 1.0} | change
    with pytest.raises(ValueError, match=says):
        decoupled_kd_loss(z, z, y, **options)
    with pytest.raises(ValueError, match="at least two classes"):
        decoupled_kd_loss(
            z[:, :1], z[:, :1], torch.tensor([0, 0]), temperature=1.0, alpha=1.0, beta=1.0
        )
