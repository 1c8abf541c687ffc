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
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional as F

_TEMPERATURES = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0,
                 15.0, 16.0, 20.0, 25.0, 30.0, 32.0, 40.0, 50.0, 64.0, 100.0,
                 0.5)  # fmt: skip

_EXACT = 1e-9  # of float64; a loss that computes in float32 leaves about 1e-6
_CLOSE = 1e-4

Column = NDArray[np.float64]
Soft = Callable[[Tensor, Tensor, float], Tensor]
"""``(student's logits, teacher's, T) -> loss () with mean over images, without T^2``."""


def _kl(log_q: Tensor, p: Tensor) -> Tensor:
    return F.kl_div(log_q, p, reduction="batchmean")


def _log(x: Tensor, t: float = 1.0) -> Tensor:
    return F.log_softmax(x / t, dim=1)


def _exp(x: Tensor, t: float = 1.0) -> Tensor:
    return F.softmax(x / t, dim=1)


def _jensen(z: Tensor, v: Tensor, t: float) -> Tensor:
    q, p = _exp(z, t), _exp(v, t)
    m = ((p + q) / 2).log()
    return (_kl(m, p) + (q * (_log(z, t) - m)).sum(1).mean()) / 2


def _against(targets: Tensor, z: Tensor, t: float) -> Tensor:
    return -(targets * _log(z, t)).sum(1).mean()


SOFT: dict[str, Soft] = {
    "forward": lambda z, v, t: _kl(_log(z, t), _exp(v, t)),
    "reverse": lambda z, v, t: (_exp(z, t) * (_log(z, t) - _log(v, t))).sum(1).mean(),
    "student softmax twice": lambda z, v, t: _kl(_log(_exp(z), t), _exp(v, t)),
    "both softmax twice": lambda z, v, t: _kl(_log(_exp(z), t), _exp(_exp(v), t)),
    "teacher softmax twice": lambda z, v, t: _kl(_log(z, t), _exp(_exp(v), t)),
    "teacher without temperature": lambda z, v, t: _kl(_log(z, t), _exp(v)),
    "student without temperature": lambda z, v, t: _kl(_log(z), _exp(v, t)),
    "probabilities for logarithms": lambda z, v, t: (
        -(_exp(v, t) * _exp(z, t)).sum(1).mean()
    ),
    "exchanged, and probabilities": lambda z, v, t: _kl(_exp(v, t), _exp(z, t)),
    "teacher's logits as targets": lambda z, v, t: _against(v, z, t),
    "teacher's softened logits as targets": lambda z, v, t: _against(v / t, z, t),
    "teacher's logarithms as targets": lambda z, v, t: _against(_log(v, t), z, t),
    "squared error of probabilities": lambda z, v, t: (
        (_exp(z, t) - _exp(v, t)).square().sum(1).mean()
    ),
    "Jensen-Shannon": _jensen,
}
"""Forms of the soft term, each as people write it."""

FREE: dict[str, Soft] = {
    "squared error of logits": lambda z, v, _t: (z - v).square().sum(1).mean(),
    "none": lambda z, _v, _t: (z * 0).sum(),
}
"""Forms in which no temperature occurs."""

HARD: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "cross-entropy": lambda z, y, _t: F.cross_entropy(z, y),
    "softmax twice": lambda z, y, _t: F.cross_entropy(_exp(z), y),
    "softened": lambda z, y, t: F.cross_entropy(z / t, y),
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
    even = _columns(probes, lambda z, _v, _y: -_log(z).mean())
    hard_columns: dict[tuple[str, float], Column] = {}

    def tried(soft: str, hard: str, t: float, own: Column) -> Identified:
        key = (hard, t if hard == "softened" else 1.0)
        if key not in hard_columns:
            formula = HARD[hard]
            hard_columns[key] = _columns(probes, lambda z, _v, y: formula(z, y, t))
        weights, misfit = _fitted([own, hard_columns[key], even], wanted, size)
        return Identified(soft, hard, t, weights[0], weights[1], weights[2], misfit)

    def all_hard(soft: str, t: float) -> list[Identified]:
        formula = FREE.get(soft) or SOFT[soft]
        own = _columns(probes, lambda z, v, _y: formula(z, v, t))
        return [tried(soft, hard, t, own) for hard in HARD if hard != "softened" or t != 1]

    found: list[Identified] = []
    grid = list(dict.fromkeys([*temperatures, *_TEMPERATURES]))
    for name in (*FREE, *SOFT):
        for t in grid if name in SOFT else (1.0,):
            found += all_hard(name, t)
        found.sort(key=lambda each: each.misfit)
        if found[0].misfit < _EXACT:
            return found[0]
    # a temperature between those of the grid
    for near in [each for each in found[:6] if each.soft in SOFT]:

        def misfit(logarithm: float, name: str = near.soft) -> float:
            return min(each.misfit for each in all_hard(name, float(np.exp(logarithm))))

        middle = float(np.log(near.temperature))
        done = minimize_scalar(
            misfit, bounds=(middle - 0.4, middle + 0.4), method="bounded",
            options={"xatol": 1e-9},
        )  # fmt: skip
        found += all_hard(near.soft, float(np.exp(done.x)))
    best = min(found, key=lambda each: each.misfit)
    return best if best.misfit < _CLOSE else None


def _fitted(
    columns: list[Column], wanted: Column, size: float
) -> tuple[list[float], float]:
    """Weights of the columns, and what remains."""
    table = np.stack(columns, axis=1)
    scale = np.maximum(np.sqrt((table**2).mean(axis=0)), 1e-300)
    weights = np.linalg.lstsq(table / scale, wanted, rcond=1e-12)[0] / scale
    weights = np.where(np.abs(weights) * scale < 1e-7 * size, 0.0, weights)
    rest = wanted - table @ weights
    return [float(w) for w in weights], float(np.sqrt(np.mean(rest**2))) / size


def _columns(
    probes: Sequence[Probe], formula: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Column:
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
