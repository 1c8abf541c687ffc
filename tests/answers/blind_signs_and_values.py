"""Blind answers: signs, values and pulls of the distillation loss, and steps by hand.

Of somebody who had read the exercises and had not seen the checks.
"""

import torch
import torch.nn.functional as F

from kdteach.losses import kd_loss
from tests.answers import about, wrong


def _log_q(z, t):
    return F.log_softmax(z / t, dim=1)


def _p(z, t=1.0):
    return F.softmax(z / t, dim=1)


def _kl(z, v, t):
    return F.kl_div(_log_q(z, t), _p(v, t), reduction="batchmean")


# --- the loss and its gradient


@wrong("check_kd_loss", "the teacher's class as label", r"teacher's class")
def _(s, t, y, T, a):
    hard = F.nll_loss(_log_q(s, 1), t.argmax(1))
    return a * T**2 * _kl(s, t, T) + (1 - a) * hard


@wrong("check_kd_loss", "the hard term lacks its minus", r"sign of the hard term")
def _(s, t, y, T, a):
    hard = _log_q(s, 1)[torch.arange(len(y)), y].mean()
    return a * T**2 * _kl(s, t, T) + (1 - a) * hard


@wrong("check_kd_loss", "a logarithm of log_softmax, so that all is NaN", r"gives NaN")
def _(s, t, y, T, a):
    p = _p(t, T)
    soft = (p * (p.log() - torch.log(_log_q(s, T)))).sum(1).mean()
    return a * T**2 * soft + (1 - a) * F.cross_entropy(s, y)


@wrong("check_kd_loss", "multiplied by NaN", r"gives NaN")
def _(s, t, y, T, a):
    return s.sum() * float("nan")


@wrong(
    "check_kd_loss",
    "plain exponentials, which are all 0 for logits far below 0",
    r"exp of a large number overflows",
)
def _(s, t, y, T, a):
    q, p = torch.exp(s / T), torch.exp(t / T)
    q, p = q / q.sum(1, keepdim=True), p / p.sum(1, keepdim=True)
    soft = (p * torch.log(p / q)).sum(1).mean()
    return a * T**2 * soft + (1 - a) * F.cross_entropy(s, y)


loss = about("check_kd_loss")
loss.right(
    "torch.distributions",
    lambda s, t, y, T, a: (
        a
        * T**2
        * torch.distributions.kl_divergence(
            torch.distributions.Categorical(logits=t / T),
            torch.distributions.Categorical(logits=s / T),
        )
        - (1 - a) * torch.distributions.Categorical(logits=s).log_prob(y)
    ).mean(),
)


@wrong("check_soft_gradient", "// where / belongs", r"rounds down")
def _(s, t, T):
    return T * (_p(s, T) - _p(t, T)) // len(s)


# --- which alpha is it?


def _drawn():
    z, v = torch.randn(2, 8, 10, dtype=torch.float64)
    return z.requires_grad_(), v, torch.arange(8)


def _weights(loss, T, known=None):
    z, v, y = _drawn()
    soft, hard = known(z, v, y) if known else (T**2 * _kl(z, v, T), F.cross_entropy(z, y))
    slopes = [
        torch.autograd.grad(value, z)[0].flatten() for value in (soft, hard, loss(z, v, y))
    ]
    columns = torch.stack(slopes[:2], dim=1)
    return torch.linalg.lstsq(columns, slopes[2][:, None]).solution.flatten()


@wrong("check_effective_alpha", "the share of the pulls' lengths", r"share of the pulls")
def _(loss, T):
    a, b = _weights(loss, T)
    z, v, y = _drawn()
    soft = a * T * (_p(z, T) - _p(v, T)).norm()
    hard = b * (_p(z) - F.one_hot(y, 10)).norm()
    return (soft / (soft + hard)).detach()


@wrong(
    "check_effective_alpha",
    "b without the division by the cross-entropy",
    r"divide by the cross-entropy",
)
def _(loss, T):
    z, v, y = (x.detach() for x in _drawn())
    b = loss(z, z, y)
    a = (loss(z, v, y) - b) / (T**2 * _kl(z, v, T))
    return a / (a + b)


@wrong("check_effective_alpha", "the hard gradient at T", r"hard term is taken at the temp")
def _(loss, T):
    def known(z, v, y):
        return T**2 * _kl(z, v, T), F.cross_entropy(z / T, y)

    a, b = _weights(loss, T, known)
    return a / (a + b)


@wrong("check_effective_alpha", "teacher and student exchanged", r"logits are exchanged")
def _(loss, T):
    a, b = _weights(lambda z, v, y: loss(v, z, y), T)
    return a / (a + b)


@wrong("check_effective_alpha", "the sum of both weights", r"sum of both weights")
def _(loss, T):
    return _weights(loss, T).sum()


@wrong("check_effective_alpha", "the soft term's share of the value", r"loss's value")
def _(loss, T):
    a, _ = _weights(loss, T)
    z, v, y = (x.detach() for x in _drawn())
    return a * T**2 * _kl(z, v, T) / loss(z, v, y)


@wrong(
    "check_effective_alpha",
    "values at v = z and elsewhere, without the teacher's entropy",
    r"value and not its gradient",
)
def _(loss, T):
    z, v, y = (x.detach() for x in _drawn())
    b = loss(z, z, y) / F.cross_entropy(z, y)
    a = (loss(z, v, y) - b * F.cross_entropy(z, y)) / (T**2 * _kl(z, v, T))
    return float(a / (a + b))


# --- one step, and the smoothing that matches


def _step(w, x, y, v, T, a, r, label=None, t_student=None):
    z = x @ w.T
    label = F.one_hot(y, z.shape[1]) if label is None else label
    soft = T * (_p(v, T) - _p(z, t_student or T))
    return w + r * (a * soft + (1 - a) * (label - _p(z))).T @ x / len(x)


@wrong("check_one_step", "one_hot of ten classes", r"ten columns")
def _(w, x, y, v, T, a, r):
    return _step(w, x, y, v, T, a, r, label=F.one_hot(y, 10))


@wrong("check_one_step", "one_hot without the number of classes", r"largest label")
def _(w, x, y, v, T, a, r):
    return _step(w, x, y, v, T, a, r, label=F.one_hot(y))


@wrong("check_one_step", "the pull with an unsoftened student", r"student.*not softened")
def _(w, x, y, v, T, a, r):
    return _step(w, x, y, v, T, a, r, t_student=1.0)


step = about("check_one_step")


@lambda does: step.right("SGD on a copy", does)
def _(w, x, y, v, T, a, r):
    w = torch.nn.Parameter(w.clone())
    optimiser = torch.optim.SGD([w], lr=r)
    kd_loss(x @ w.T, v, y, T, a).backward()
    optimiser.step()
    return w.data


@wrong("check_matching_smoothing", "C // (C - 1)", r"rounds down")
def _(v, y, T):
    C = v.shape[1]
    return (1 - _p(v, T)[torch.arange(len(y)), y].mean()) * (C // (C - 1))
