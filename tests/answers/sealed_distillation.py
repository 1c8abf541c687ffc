"""Answers on the distillation loss, of somebody who had not seen the checks."""

import numpy as np
import torch
import torch.nn.functional as F

import kdteach as kd
from tests.answers import about, wrong


def soft(z, v, T):
    """The divergence, as a mean over the images."""
    log_p, log_q = F.log_softmax(v / T, dim=1), F.log_softmax(z / T, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


def both(z, v, T):
    """What the student and what the teacher say."""
    return F.softmax(z / T, dim=1), F.softmax(v / T, dim=1)


# --- the loss

loss = about("check_kd_loss")
loss.wrong(
    "the logarithm of a softmax",
    r"small probability comes out as 0",
    lambda z, v, y, T, a: (
        a * T**2 * F.kl_div(F.softmax(z / T, 1).log(), F.softmax(v / T, 1),
                            reduction="batchmean")
        - (1 - a) * F.softmax(z, 1)[torch.arange(len(y)), y].log().mean()
    ),
)  # fmt: skip
loss.wrong(
    "1e-6 in both logarithms",
    r"small number is added to a probability",
    lambda z, v, y, T, a: (
        a * T**2 * F.kl_div((F.softmax(z / T, 1) + 1e-6).log(), F.softmax(v / T, 1),
                            reduction="batchmean")
        + (1 - a) * F.cross_entropy(z, y)
    ),
)  # fmt: skip
loss.wrong(
    "a teacher kept above 0.001",
    r"cut off from below",
    lambda z, v, y, T, a: (
        a * T**2 * F.kl_div(F.log_softmax(z / T, 1), F.softmax(v / T, 1).clamp(min=1e-3),
                            reduction="batchmean")
        + (1 - a) * F.cross_entropy(z, y)
    ),
)  # fmt: skip
loss.wrong(
    "all columns of all labels",
    r"columns of all labels",
    lambda z, v, y, T, a: (
        a * T**2 * soft(z, v, T) - (1 - a) * F.log_softmax(z, 1)[:, y].mean()
    ),
)
loss.wrong(
    "twice T for its square",
    r"T is doubled",
    lambda z, v, y, T, a: a * T * 2 * soft(z, v, T) + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "the square of alpha T",
    r"alpha is squared",
    lambda z, v, y, T, a: (a * T) ** 2 * soft(z, v, T) + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "1 - alpha times the hard term, without brackets",
    r"multiplies first",
    lambda z, v, y, T, a: a * T**2 * soft(z, v, T) + 1 - a * F.cross_entropy(z, y),
)
loss.wrong(
    "the teacher's class for its answer",
    r"teacher's class alone",
    lambda z, v, y, T, a: (
        a * T**2 * F.cross_entropy(z / T, v.argmax(1)) + (1 - a) * F.cross_entropy(z, y)
    ),
)


@wrong("check_kd_loss", "log-probabilities over T", r"logarithms of probabilities by T")
def _(z, v, y, T, a):
    log_p, log_q = F.log_softmax(v, dim=1) / T, F.log_softmax(z, dim=1) / T
    found = (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()
    return a * T**2 * found + (1 - a) * F.cross_entropy(z, y)


@wrong("check_kd_loss", "an absolute value in each class", r"absolute value in each class")
def _(z, v, y, T, a):
    q, p = both(z, v, T)
    found = (p * (p.log() - q.log()).abs()).sum() / len(z)
    return a * T**2 * found + (1 - a) * F.cross_entropy(z, y)


@wrong("check_kd_loss", "the mean answer of the batch", r"average the probabilities over")
def _(z, v, y, T, a):
    q, p = (x.mean(dim=0) for x in both(z, v, T))
    return a * T**2 * (p * (p / q).log()).sum() + (1 - a) * F.cross_entropy(z, y)


def _each(z, v, y, T, a):
    total = 0.0
    for student, teacher, label in zip(z, v, y, strict=True):
        log_p, log_q = F.log_softmax(teacher / T, 0), F.log_softmax(student / T, 0)
        total = total + a * T**2 * (log_p.exp() * (log_p - log_q)).sum()
        total = total - (1 - a) * F.log_softmax(student, 0)[label]
    return total / len(z)


loss.right("image by image, in a loop", _each)

# --- its slope

slope = about("check_soft_gradient")
slope.wrong(
    "exp, and nothing subtracted",
    r"exp of a large number overflows",
    lambda z, v, T: (
        T
        * ((z / T).exp() / (z / T).exp().sum(1, keepdim=True) - F.softmax(v / T, 1))
        / len(z)
    ),
)
slope.wrong(
    "the teacher's class as a one-hot",
    r"teacher's class alone",
    lambda z, v, T: T * (both(z, v, T)[0] - F.one_hot(v.argmax(1), v.shape[1])) / len(z),
)
slope.wrong(
    "by the probabilities",
    r"derivative with respect to the probabilities",
    lambda z, v, T: -T * both(z, v, T)[1] / both(z, v, T)[0] / len(z),
)
slope.wrong(
    "by its own logit alone",
    r"moves the other probabilities",
    lambda z, v, T: -T * both(z, v, T)[1] * (1 - both(z, v, T)[0]) / len(z),
)
slope.wrong(
    "the limit for a high temperature",
    r"limit for a high temperature",
    lambda z, v, T: (z - z.mean(1, keepdim=True) - v + v.mean(1, keepdim=True)) / z.numel(),
)
slope.wrong(
    "the T-th root of the probabilities",
    r"T-th root",
    lambda z, v, T: T * (F.softmax(z, 1) ** (1 / T) - F.softmax(v, 1) ** (1 / T)) / len(z),
)
slope.wrong(
    "one length for each image",
    r"length of each image's slope",
    lambda z, v, T: (T * (both(z, v, T)[0] - both(z, v, T)[1]) / len(z)).norm(dim=1),
)
slope.wrong(
    "the teacher's softmax over the images",
    r"teacher's softmax runs over the images",
    lambda z, v, T: T * (F.softmax(z / T, 1) - F.softmax(v / T, 0)) / len(z),
)


@wrong("check_soft_gradient", "the other divergence", r"from the student to the teacher")
def _(z, v, T):
    log_q, log_p = F.log_softmax(z / T, dim=1), F.log_softmax(v / T, dim=1)
    mean = (log_q.exp() * (log_q - log_p)).sum(dim=1, keepdim=True)
    return T * log_q.exp() * (log_q - log_p - mean) / len(z)


def _differences(z, v, T):
    def softmax(x):  # one over the sum of exp of all differences
        return 1 / ((x[:, None, :] - x[:, :, None]) / T).exp().sum(dim=2)

    return T * softmax(z) / len(z) - T * softmax(v) / len(z)


slope.right("by differences of logits", _differences)

# --- which alpha


def slopes(loss, T, z=None, v=None, soft_T=None):
    """The gradients of both known losses and of a program."""
    draw = torch.Generator().manual_seed(5)
    one, other = torch.randn(2, 8, 10, dtype=torch.float64, generator=draw)
    z, v = (one if z is None else z), (other if v is None else v)
    z = z.clone().requires_grad_()
    y = torch.arange(len(z))
    known = kd.losses.kd_loss(z, v, y, soft_T or T, 1.0), F.cross_entropy(z, y)
    return [torch.autograd.grad(x, z)[0].flatten() for x in (*known, loss(z, v, y))]


def share(soft, hard, mixed):
    """The share that least squares finds."""
    known = torch.stack([soft, hard], dim=1)
    a, b = torch.linalg.lstsq(known, mixed[:, None]).solution.flatten()
    return a / (a + b)


@wrong("check_effective_alpha", "each gradient alone", r"at right angles")
def _(loss, T):
    soft, hard, mixed = slopes(loss, T)
    a, b = mixed @ soft / (soft @ soft), mixed @ hard / (hard @ hard)
    return a / (a + b)


@wrong("check_effective_alpha", "1 - alpha for granted", r"hard term's weight is 1 - alpha")
def _(loss, T):
    soft, hard, mixed = slopes(loss, T)
    return (mixed - hard) @ (soft - hard) / ((soft - hard) @ (soft - hard))


@wrong(
    "check_effective_alpha", "the known divergence at T = 1", r"known divergence is taken"
)
def _(loss, T):
    soft, hard, mixed = slopes(loss, T, soft_T=1.0)
    return share(T * T * soft, hard, mixed)


@wrong("check_effective_alpha", "gradients that add up", r"adds to what `z.grad` holds")
def _(loss, T):
    soft, hard, mixed = slopes(loss, T)
    return share(soft, soft + hard, soft + hard + mixed)


@wrong("check_effective_alpha", "a twin of the teacher", r"same logits in your call")
def _(loss, T):
    twin = torch.randn(8, 10, dtype=torch.float64)
    return share(*slopes(loss, T, twin, twin))


@wrong("check_effective_alpha", "two classes, one image", r"along one line")
def _(loss, T):
    z = torch.tensor([[1.0, -0.5]], dtype=torch.float64)
    return share(*slopes(loss, T, z, torch.tensor([[2.0, 0.3]], dtype=torch.float64)))


@wrong(
    "check_effective_alpha", "a sum for one, a mean for the other", r"is a sum over the im"
)
def _(loss, T):
    soft, hard, mixed = slopes(loss, T)
    return share(8 * soft, hard, mixed)


@wrong("check_effective_alpha", "both weights", r"these are both weights")
def _(loss, T):
    soft, hard, mixed = slopes(loss, T)
    return torch.linalg.lstsq(torch.stack([soft, hard], 1), mixed[:, None]).solution[:, 0]


def _in_float32(loss, T):
    soft, hard, mixed = (x.float().numpy() for x in slopes(loss, T))
    a, b = np.linalg.lstsq(np.stack([soft, hard], axis=1), mixed, rcond=None)[0]
    return float(a / (a + b))


about("check_effective_alpha").right("solved in float32", _in_float32)
