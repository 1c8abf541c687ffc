"""Losses at any temperature and precision, against the definition in long decimals.

The oracle is the sum of p (log p - log q) itself, with hundreds of digits: then it does not
matter that nearly everything in it cancels.
"""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from torch.func import grad

from kdteach.losses import (
    class_log_probs,
    decoupled_kd_loss,
    distillation_loss,
    kd_loss,
    label_smoothing_loss,
    soft_targets,
    subclass_diversity_loss,
    subclass_kd_loss,
)
from kdteach.losses.divergence import _careful, soft_term
from kdteach.losses.response import hard_term

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
TEMPERATURES = (1e-30, 1e-9, 1e-3, 0.3, 1.0, 4.0, 300.0, 1e3, 1e4, 1e6, 1e9, 1e15, 1e30)
DIGITS = 160  # of T = 1e30, 120 cancel


def decimals(row):
    return [Decimal(float(x)) for x in row]


def log_softmax(row, T=Decimal(1)):
    """Of one row of decimals, Decimal's digits long."""
    top = max(row)
    powers = [((x - top) / T).exp() for x in row]
    total = sum(powers).ln()
    return [(x - top) / T - total for x in row]


def divergence(z, v, T):
    """T^2 KL of one image and its gradient T (q - p), in decimals."""
    log_p, log_q = log_softmax(v, T), log_softmax(z, T)
    p, q = [x.exp() for x in log_p], [x.exp() for x in log_q]
    parts = (a * (b - c) for a, b, c in zip(p, log_p, log_q, strict=True))
    return T * T * sum(parts), [T * (b - a) for a, b in zip(p, q, strict=True)]


def oracle(z, v, T, of=divergence):
    """Mean over the images, and the gradients of each divided by their number."""
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -(10**15), 10**15
        rows = [of(decimals(a), decimals(b), Decimal(T)) for a, b in zip(z, v, strict=True)]
        value = sum(row[0] for row in rows) / len(rows)
        return float(value), np.array([[float(x) for x in row[1]] for row in rows]) / len(
            rows
        )


def drawn(dtype, seed=0, scale=3.0, rows=3, classes=5):
    draw = torch.Generator().manual_seed(seed)
    z, v = (
        scale * torch.randn(rows, classes, generator=draw, dtype=torch.float64)
        for _ in range(2)
    )
    return z.to(dtype), v.to(dtype)


def value_and_gradient(loss, z):
    z = z.clone().requires_grad_()
    value = loss(z)
    return value.item(), torch.autograd.grad(value, z)[0].double().numpy(), value.dtype


def close(mine, wanted, rel=1e-5):
    """Both to the digits that are asked for; gradients relative to the largest of them."""
    assert mine[0] >= 0
    assert mine[0] == pytest.approx(wanted[0], rel=rel, abs=1e-44)
    largest = np.abs(wanted[1]).max()
    np.testing.assert_allclose(mine[1], wanted[1], rtol=0, atol=rel * largest + 1e-44)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("T", TEMPERATURES)
def test_every_temperature_and_precision(dtype, T):
    """Of half-precision logits the gradient has half the digits, and no more range."""
    for scale, near in ((3.0, False), (30.0, False), (3.0, True)):
        z, v = drawn(dtype, scale=scale)
        z = (v.double() + 1e-2 * z.double()).to(dtype) if near else z
        wanted = oracle(z, v, T)
        *mine, returned = value_and_gradient(lambda s, v=v: distillation_loss(s, v, T), z)
        half = dtype in (torch.float16, torch.bfloat16)
        assert returned == (torch.float32 if half else dtype)
        assert mine[0] == pytest.approx(wanted[0], rel=1e-5, abs=1e-44)
        if half:
            step, largest = torch.finfo(dtype), np.abs(wanted[1]).max()
            atol = 1e-5 * largest + step.tiny
            np.testing.assert_allclose(mine[1], wanted[1], rtol=step.eps, atol=atol)
        else:
            close(mine, wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("T", [1.0, 1e4, 1e30])
def test_logits_that_differ_in_their_last_digits(dtype, T):
    v = drawn(dtype, seed=1)[1]
    z = torch.nextafter(v, torch.full_like(v, torch.inf))
    z[:, 0] = v[:, 0]
    *mine, _ = value_and_gradient(lambda s: distillation_loss(s, v, T), z)
    assert mine[0] > 0
    close(mine, oracle(z, v, T))


@pytest.mark.parametrize("T", [0.5, 1.0, 2.0])
def test_sure_models_and_those_that_are_sure_of_the_opposite(T):
    """Probabilities from 1 - 1e-40 to 1e-300, on either side."""
    v = torch.tensor(
        [[90.0, 0, -500], [30.0, 0, -30], [0.0, 300, 0], [700.0, 0, 0]]
    ).double()
    z = torch.tensor(
        [[91.0, 0, -490], [29.0, 1, 32], [300.0, 0, 0], [0.0, 700, 0]]
    ).double()
    for i in range(4):
        one = z[i : i + 1], v[i : i + 1]
        *mine, _ = value_and_gradient(
            lambda s, v=one[1]: distillation_loss(s, v, T), one[0]
        )
        close(mine, oracle(*one, T))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("T", TEMPERATURES)
def test_equal_logits_have_no_divergence(dtype, T):
    v = drawn(dtype)[1]
    *mine, _ = value_and_gradient(lambda s: distillation_loss(s, v, T), v)
    assert mine[0] == 0
    assert not mine[1].any()
    shifted = (v.float() * 4).round() / 4  # to which 16 can be added without rounding
    assert distillation_loss(shifted + 16, shifted, T).item() == pytest.approx(0, abs=1e-25)


@pytest.mark.parametrize("T", [0.3, 1.0, 1e3, 1e9, 1e30])
def test_a_stack_in_training_is_every_student_alone(T):
    """The kernel of training, with temperatures of its own for each student."""
    z, v = (
        torch.stack([drawn(torch.float32, seed)[i] for seed in range(3)]) for i in (0, 1)
    )
    temperatures = torch.tensor([T, 2.0, 1e5], dtype=torch.float64)
    z.requires_grad_()
    each = soft_term(z, v, temperatures[:, None])
    assert each.shape == (3, 3)
    assert each.dtype == torch.float32
    (gradient,) = torch.autograd.grad(each.sum(), z)
    for i, one in enumerate(temperatures.tolist()):
        value, slope = oracle(z[i].detach(), v[i], one)
        close((each[i].mean().item(), gradient[i].numpy() / 3), (value, slope))


def test_the_kernel_broadcasts_and_keeps_dtypes():
    z, v = drawn(torch.float32)
    wide = soft_term(z, v, torch.tensor([[1.0], [7.0]]))
    assert wide.shape == (2, 3)
    assert torch.allclose(wide[1], soft_term(z, v, 7.0))
    assert torch.allclose(soft_term(z[None], v, 7.0), wide[1:])
    assert soft_term(z.half(), v.half(), 2.0).dtype == torch.float32
    assert soft_term(z, v.double(), 2.0).dtype == torch.float64
    assert soft_term(z[:0], v[:0], 2.0).shape == (0,)
    v = v.clone().requires_grad_()
    soft_term(z.requires_grad_(), v, 2.0).sum().backward()
    assert v.grad is None
    with pytest.raises(TypeError, match="temperature is a constant"):
        soft_term(z, v, torch.tensor(2.0, requires_grad=True))


def test_losses_can_be_differentiated_twice_and_by_torch_func():
    z, v = drawn(torch.float64)
    y = torch.tensor([0, 3, 1])
    losses = (
        lambda s: distillation_loss(s, v, 3.0),
        lambda s: kd_loss(s, v, y, 3.0, 0.4),
        lambda s: decoupled_kd_loss(s, v, y, 3.0, 1.0, 2.0),
        lambda s: soft_term(s, v, 3.0).mean(),
        lambda s: hard_term(s, y).mean(),
    )
    for loss in losses:
        leaf = z.clone().requires_grad_()
        assert torch.autograd.gradcheck(loss, (leaf,))
        assert torch.autograd.gradgradcheck(loss, (leaf,))
    for loss in losses[:3]:
        leaf = z.clone().requires_grad_()
        wanted = torch.autograd.grad(loss(leaf), leaf)[0]
        assert torch.allclose(grad(loss)(z), wanted)


def test_the_hard_kernel_is_cross_entropy():
    z = drawn(torch.float32, rows=8)[0].reshape(2, 4, 5).requires_grad_()
    y = torch.tensor([[0, 1, 2, 3], [4, 3, 2, 1]])
    wanted = torch.nn.functional.cross_entropy(
        z.flatten(0, 1), y.flatten(), reduction="none"
    )
    mine = hard_term(z, y)
    torch.testing.assert_close(mine.flatten(), wanted)
    upstream = torch.rand(2, 4)
    (gradient,) = torch.autograd.grad(mine, z, upstream)
    torch.testing.assert_close(
        gradient, torch.autograd.grad(wanted, z, upstream.flatten())[0]
    )


def cross_entropy(z, y):
    """Of one image in decimals, and its gradient."""
    log_q = log_softmax(z)
    return -log_q[y], [x.exp() - (i == y) for i, x in enumerate(log_q)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("T", "alpha"), [(1e4, 0.0), (1e4, 0.3), (300.0, 1.0), (1e-3, 0.9)]
)
def test_both_terms_together(dtype, T, alpha):
    """A sure and right student has a cross-entropy of 1e-12, and all its digits count."""
    z, v = drawn(dtype, seed=2)
    z[0, 1] = 30.0
    y = torch.tensor([1, 3, 1])

    def both(a, b, t):
        soft, slope = divergence(a, b, t)
        hard, other = cross_entropy(a, labels.pop(0))
        weight = Decimal(alpha)
        mixed = [weight * s + (1 - weight) * h for s, h in zip(slope, other, strict=True)]
        return weight * soft + (1 - weight) * hard, mixed

    labels = y.tolist()
    *mine, _ = value_and_gradient(lambda s: kd_loss(s, v, y, T, alpha), z)
    close(mine, oracle(z, v, T, both))
    one = z[:1], v[:1], y[:1]
    labels = [1]
    *mine, _ = value_and_gradient(lambda s: kd_loss(s, one[1], one[2], T, alpha), one[0])
    close(mine, oracle(one[0], one[1], T, both))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("T", [1e-9, 0.3, 4.0, 1e3, 1e6, 1e30])
def test_decoupled_at_every_temperature(dtype, T):
    """From probabilities in decimals, as the paper defines its two parts."""
    z, v = drawn(dtype, seed=3)
    y = torch.tensor([0, 3, 1])
    labels = y.tolist()

    def parts(a, b, t):
        label = labels.pop(0)

        def split(row):
            p = [x.exp() for x in log_softmax(row, t)]
            others = [x for i, x in enumerate(row) if i != label]
            return p[label], sum(p[:label] + p[label + 1 :]), log_softmax(others, t)

        (p1, p0, p), (q1, q0, q) = split(b), split(a)
        binary = p1 * (p1 / q1).ln() + p0 * (p0 / q0).ln()
        others = sum(x.exp() * (x - w) for x, w in zip(p, q, strict=True))
        return t * t * (binary + 2 * others), [Decimal(0)]

    wanted, _ = oracle(z, v, T, parts)
    value = decoupled_kd_loss(z, v, y, T, 1.0, 2.0)
    assert value.item() == pytest.approx(wanted, rel=1e-5)
    assert decoupled_kd_loss(v, v, y, T, 1.0, 2.0).item() == 0


@pytest.mark.parametrize("T", [4.0, 1e4, 1e30])
def test_subclasses_at_every_temperature(T):
    z, v = drawn(torch.float32, seed=4, classes=6)
    y = torch.tensor([0, 2, 1])
    labels = y.tolist()

    def both(a, b, t):
        label = labels.pop(0)
        log_q = log_softmax(a)
        hard = -sum(x.exp() for x in log_q[2 * label : 2 * label + 2]).ln()
        return (divergence(a, b, t)[0] + hard) / 2, [Decimal(0)]

    wanted, _ = oracle(z, v, T, both)
    assert subclass_kd_loss(z, v, y, 3, T, 0.5).item() == pytest.approx(wanted, rel=1e-6)


def test_probabilities_near_one_keep_their_digits():
    """Of a class that has all but 2 e^-40: log1p knows it, a sum of floats does not."""
    z = torch.tensor([[0.0, -60.0, -40.0, -40.0]], dtype=torch.float32)
    rest = np.exp(-60.0) + 2 * np.exp(-40.0)
    classes = class_log_probs(z, 2)
    assert classes.dtype == torch.float32
    assert (classes <= 0).all()
    assert classes[0, 0].item() == pytest.approx(-2 * np.exp(-40.0), rel=1e-6)
    assert classes[0, 1].item() == pytest.approx(np.log(2) - 40, rel=1e-6)
    smoothed = label_smoothing_loss(z, torch.tensor([0]), 0.0)
    assert smoothed.item() == pytest.approx(np.log1p(rest), rel=1e-6)


@pytest.mark.parametrize("T", TEMPERATURES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_soft_targets_at_every_temperature(T, dtype):
    v = drawn(dtype, seed=5, scale=1e4)[1]
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 60, -(10**15), 10**15
        wanted = [[float(x.exp()) for x in log_softmax(decimals(r), Decimal(T))] for r in v]
    np.testing.assert_allclose(soft_targets(v, T), wanted, rtol=1e-6, atol=1e-44)


@pytest.mark.parametrize("tau", [1e-6, 1e-3, 1.0, 1e5, 1e12, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_diversity_at_every_temperature(tau, dtype):
    """The authors' formula in decimals; log N and 1/tau cancel all but what is left."""
    z = drawn(dtype, seed=6, rows=4)[0]
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -(10**15), 10**15
        rows = [decimals(row) for row in z]
        k, n, t = len(rows[0]), len(rows), Decimal(tau)
        normal = []
        for row in rows:
            mean = sum(row) / k
            variance = sum((x - mean) ** 2 for x in row) / k
            width = (variance + Decimal(10) ** -9).sqrt()
            normal.append([(x - mean) / width for x in row])
        spread = sum(
            sum(
                (sum(a * b for a, b in zip(x, w, strict=True)) / k / t).exp()
                for w in normal
            ).ln()
            for x in normal
        )
        wanted = float(spread / n - 1 / t - Decimal(n).ln())
    value = subclass_diversity_loss(z, tau)
    assert value.item() == pytest.approx(wanted, rel=1e-5)
    assert value.dtype == dtype


def test_diversity_of_images_without_a_direction():
    """K equal logits are normalised to 0, so the formula gives log N - 1/tau - log N."""
    for tau in (0.5, 1.0, 4.0):
        equal = torch.full((3, 4), 2.5)
        assert subclass_diversity_loss(equal, tau).item() == pytest.approx(-1 / tau)
        one = torch.tensor([[1.0, 2.0, 0.0, -4.0]])
        assert subclass_diversity_loss(one.repeat(3, 1), tau).item() == pytest.approx(
            0, abs=1e-8
        )
    with pytest.raises(ValueError, match=r"temperature of the diversity .*at least 1e-06"):
        subclass_diversity_loss(torch.eye(3), 1e-7)


@pytest.mark.parametrize("T", [1e15, 1e30])
def test_a_loss_beyond_its_floats_is_refused(T):
    far = torch.tensor([[3e38, 0.0]]), torch.tensor([[0.0, 3e38]])
    y = torch.tensor([0])
    for loss in (
        lambda: distillation_loss(*far, T),
        lambda: kd_loss(*far, y, T, 0.5),
        lambda: decoupled_kd_loss(*far, y, T, 1.0, 1.0),
        lambda: subclass_kd_loss(*far, y, 2, T, 0.5),
    ):
        with pytest.raises(
            ValueError, match=r"loss is too large for torch\.float32: the logits"
        ):
            loss()
    wide = [x.double() for x in far]
    value = distillation_loss(*wide, T)
    assert torch.isfinite(value)
    assert value.item() == pytest.approx(oracle(*wide, T)[0])


@pytest.mark.parametrize(
    "number", [np.float32(4), np.float64(4), np.int64(4), 4, 4.0], ids=repr
)
def test_numbers_of_numpy_will_do(number):
    z, v = drawn(torch.float32)
    assert distillation_loss(z, v, number) == distillation_loss(z, v, 4.0)
    assert kd_loss(z, v, torch.tensor([0, 1, 2]), number, np.float32(0.5)) == kd_loss(
        z, v, torch.tensor([0, 1, 2]), 4.0, 0.5
    )


@pytest.mark.parametrize(
    ("temperature", "error", "says"),
    [
        (torch.tensor(2.0), TypeError, r"temperature must be a number, got Tensor: \.item"),
        (np.array(2.0), TypeError, r"temperature must be a number, got ndarray: \.item"),
        (2 + 0j, TypeError, "temperature must be a number, got complex"),
        (True, TypeError, "temperature must be a number, got bool"),
        (np.True_, TypeError, "temperature must be a number"),
        (10**400, ValueError, "temperature must be finite"),
        (1e31, ValueError, r"temperature must lie in \[1e-30, 1e30\]"),
        (1e-39, ValueError, r"temperature must lie in \[1e-30, 1e30\]"),
    ],
)
def test_odd_temperatures(temperature, error, says):
    z, v = drawn(torch.float32)
    for loss in (distillation_loss, lambda s, _, t: soft_targets(s, t)):
        with pytest.raises(error, match=says):
            loss(z, v, temperature)


@pytest.mark.parametrize(
    ("logits", "says"),
    [
        (lambda z: z.to_sparse(), "student_logits must be a dense tensor"),
        (lambda z: z.to("meta"), "student_logits is on the meta device"),
        (lambda z: z.to(torch.float8_e4m3fn), "student_logits must be floating point"),
        (lambda z: z.to(torch.complex64), "student_logits must be floating point"),
        (lambda z: z.numpy(), "student_logits must be a torch.Tensor, got ndarray"),
        (lambda z: z.tolist(), "student_logits must be a torch.Tensor, got list"),
        (
            lambda z: torch.quantize_per_tensor(z, 0.1, 0, torch.qint8),
            "student_logits is quantised",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_odd_logits(logits, says):
    z, v = drawn(torch.float32)
    with pytest.raises(TypeError, match=says):
        distillation_loss(logits(z), v, 4.0)


@pytest.mark.parametrize("T", [1e-9, 0.3, 4.0, 1e3, 1e6, 1e30])
def test_a_device_without_float64_has_the_same_formula(T, monkeypatch):
    """Nearly six digits in float32 itself, which is all that such a device has."""
    monkeypatch.setattr("kdteach.losses.divergence.exact", lambda logits: logits)
    for near in (False, True):
        z, v = drawn(torch.float32, seed=7)
        z = v + 1e-2 * z if near else z
        value, gradient = _careful(z, v, T, False)
        assert value.dtype == gradient.dtype == torch.float32
        close(
            (value.mean().item(), gradient.double().numpy() / 3), oracle(z, v, T), rel=2e-5
        )


def test_a_loss_on_another_default_device_leaves_nothing_behind():
    student, teacher = torch.zeros(2, 23), torch.eye(2, 23)
    with torch.device("meta"):
        inside = soft_term(student, teacher, 2.0)
    with torch.inference_mode():
        soft_term(torch.zeros(2, 29), torch.eye(2, 29), 2.0)
    p, q = (torch.softmax(x.double() / 2, dim=1) for x in (teacher, student))
    wanted = 4 * (p * (p.log() - q.log())).sum(dim=1)
    assert torch.allclose(inside.double(), wanted)
    assert torch.allclose(soft_term(student, teacher, 2.0).double(), wanted)
    moving = torch.zeros(2, 29, requires_grad=True)
    soft_term(moving, torch.eye(2, 29), 2.0).sum().backward()
    assert bool((moving.grad != 0).any())
