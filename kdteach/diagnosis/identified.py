"""Which formula a loss computes, found from its gradients alone.

A loss of two networks' logits is asked for its gradient at a few logits of our choice. The
gradients of the known formulas are a small dictionary; least squares says which of them,
with which weights, give exactly these numbers. What fits to all digits is what is computed,
however it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional as F

_TEMPERATURES = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0,
                 15.0, 16.0, 20.0, 25.0, 30.0, 32.0, 40.0, 50.0, 64.0, 100.0,
                 0.5)  # fmt: skip

_EXACT = 1e-9  # of float64; a loss that computes in float32 leaves about 1e-6
_CLOSE = 1e-4

Soft = Callable[[Tensor, Tensor, float], Tensor]
"""``(student's logits, teacher's, T) -> loss () with mean over images, without T^2``."""


def _kl(log_q: Tensor, p: Tensor) -> Tensor:
    return F.kl_div(log_q, p, reduction="batchmean")


def _log(x: Tensor, T: float = 1.0) -> Tensor:
    return F.log_softmax(x / T, dim=1)


def _exp(x: Tensor, T: float = 1.0) -> Tensor:
    return F.softmax(x / T, dim=1)


SOFT: dict[str, Soft] = {
    "forward": lambda z, v, T: _kl(_log(z, T), _exp(v, T)),
    "reverse": lambda z, v, T: F.kl_div(_log(v, T), _log(z, T), reduction="batchmean",
                                        log_target=True),
    "student softmax twice": lambda z, v, T: _kl(_log(_exp(z), T), _exp(v, T)),
    "both softmax twice": lambda z, v, T: _kl(_log(_exp(z), T), _exp(_exp(v), T)),
    "teacher softmax twice": lambda z, v, T: _kl(_log(z, T), _exp(_exp(v), T)),
    "teacher without temperature": lambda z, v, T: _kl(_log(z, T), _exp(v)),
    "student without temperature": lambda z, v, T: _kl(_log(z), _exp(v, T)),
    "probabilities for logarithms": lambda z, v, T: -(_exp(v, T) * _exp(z, T)).sum(1).mean(),
    "exchanged, and probabilities": lambda z, v, T: _kl(_exp(v, T), _exp(z, T)),
    "teacher's logits as targets": lambda z, v, T: -(v * _log(z, T)).sum(1).mean(),
    "teacher's softened logits as targets": lambda z, v, T: -(v / T * _log(z, T)).sum(1).mean(),
    "teacher's logarithms as targets": lambda z, v, T: -(_log(v, T) * _log(z, T)).sum(1).mean(),
    "squared error of probabilities": lambda z, v, T: (_exp(z, T) - _exp(v, T)).square().sum(1).mean(),
    "Jensen-Shannon": lambda z, v, T: _jensen(z, v, T),
}  # fmt: skip
"""Forms of the soft term, each as people write it."""

FREE: dict[str, Soft] = {
    "squared error of logits": lambda z, v, T: (z - v).square().sum(1).mean(),
    "none": lambda z, v, T: (z * 0).sum(),
}
"""Forms in which no temperature occurs."""


def _jensen(z: Tensor, v: Tensor, T: float) -> Tensor:
    q, p = _exp(z, T), _exp(v, T)
    m = ((p + q) / 2).log()
    return (_kl(m, p) + (q * (_log(z, T) - m)).sum(1).mean()) / 2


HARD: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "cross-entropy": lambda z, y, T: F.cross_entropy(z, y),
    "softmax twice": lambda z, y, T: F.cross_entropy(_exp(z), y),
    "softened": lambda z, y, T: F.cross_entropy(z / T, y),
}
"""Forms of the hard term."""


@dataclass(frozen=True)
class Identified:
    """The formula that a loss computes.

    Attributes:
        soft: the form of its soft term, of ``SOFT`` or ``FREE``.
        hard: the form of its hard term, of ``HARD``.
        temperature: T.
        soft_weight: of the form as ``SOFT`` writes it: alpha T^2 in the usual loss.
        hard_weight: of the form as ``HARD`` writes it.
        smoothing_weight: of the cross-entropy with equal shares for all classes.
        misfit: root mean square of what remains, as a share of the gradient's.
    """

    soft: str
    hard: str
    temperature: float
    soft_weight: float
    hard_weight: float
    smoothing_weight: float
    misfit: float


@dataclass(frozen=True)
class Probe:
    """One question: logits of both, labels, and the gradient of the loss there.

    Attributes:
        z, v: (B, C) float64.
        y: (B,).
        gradient: (B, C) of the loss in z.
    """

    z: Tensor
    v: Tensor
    y: Tensor
    gradient: Tensor


def identified(
    probes: Sequence[Probe], temperatures: Sequence[float] = ()
) -> Identified | None:
    """Find the formula behind some gradients; None where none is known.

    Args:
        probes: two or more.
        temperatures: to be tried before the usual ones.
    """
    wanted = np.concatenate([p.gradient.double().numpy().ravel() for p in probes])
    size = float(np.sqrt(np.mean(wanted**2)))
    if size == 0 or not np.isfinite(size):
        return None
    even = _columns(probes, lambda z, v, y: -_log(z).mean())
    hard_columns: dict[tuple[str, float], np.ndarray] = {}

    def tried(soft: str, hard: str, T: float, own: np.ndarray) -> Identified:
        key = (hard, T if hard == "softened" else 1.0)
        if key not in hard_columns:
            formula = HARD[hard]
            hard_columns[key] = _columns(probes, lambda z, v, y: formula(z, y, T))
        return _fitted(soft, hard, T, [own, hard_columns[key], even], wanted, size)

    def all_hard(soft: str, T: float) -> list[Identified]:
        formula = FREE.get(soft) or SOFT[soft]
        own = _columns(probes, lambda z, v, y: formula(z, v, T))
        return [tried(soft, hard, T, own) for hard in HARD if hard != "softened" or T != 1]

    found: list[Identified] = []
    grid = list(dict.fromkeys([*temperatures, *_TEMPERATURES]))
    for name in (*FREE, *SOFT):
        for T in grid if name in SOFT else (1.0,):
            found += all_hard(name, T)
        found.sort(key=lambda each: each.misfit)
        if found[0].misfit < _EXACT:
            return found[0]
    # a temperature between those of the grid
    for near in [each for each in found[:6] if each.soft in SOFT]:
        done = minimize_scalar(
            lambda log_T, n=near: min(x.misfit for x in all_hard(n.soft, float(np.exp(log_T)))),
            bounds=(np.log(near.temperature / 1.5), np.log(near.temperature * 1.5)),
            method="bounded", options={"xatol": 1e-9},
        )  # fmt: skip
        found += all_hard(near.soft, float(np.exp(done.x)))
    best = min(found, key=lambda each: each.misfit)
    return best if best.misfit < _CLOSE else None


def _fitted(
    soft: str, hard: str, T: float, columns: list[np.ndarray], wanted: np.ndarray,
    size: float,
) -> Identified:  # fmt: skip
    table = np.stack(columns, axis=1)
    scale = np.maximum(np.sqrt((table**2).mean(axis=0)), 1e-300)
    weights = np.linalg.lstsq(table / scale, wanted, rcond=1e-12)[0] / scale
    weights = np.where(np.abs(weights) * scale < 1e-7 * size, 0.0, weights)
    rest = wanted - table @ weights
    misfit = float(np.sqrt(np.mean(rest**2))) / size
    return Identified(soft, hard, T, *(float(w) for w in weights), misfit)


def _columns(
    probes: Sequence[Probe], formula: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> np.ndarray:
    """The gradient of a formula at all probes, in one column."""
    found = []
    for probe in probes:
        z = probe.z.detach().double().requires_grad_()
        with torch.enable_grad():
            value = formula(z, probe.v.double(), probe.y)
            (gradient,) = torch.autograd.grad(value, z, allow_unused=True)
        none = torch.zeros_like(z)
        found.append((none if gradient is None else gradient).numpy().ravel())
    return np.concatenate(found)
