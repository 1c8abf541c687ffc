"""Which formula a loss computes, found from its gradients alone.

A loss of two networks' logits is asked for its gradient at a few logits of our choice. Two
gradients at the same logits of the student and other logits of the teacher differ by the
soft term alone, whatever else the loss holds; so its form, T and weight are found first.
What remains is compared with the known forms of the hard term. What fits to all digits is
what is computed, however it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdteach.diagnosis.formulas import EVEN, FREE, HARD, SOFT, Hard

_TEMPERATURES = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0,
                 15.0, 16.0, 20.0, 25.0, 30.0, 32.0, 40.0, 50.0, 64.0, 100.0,
                 0.5)  # fmt: skip
_EXACT = 1e-9  # of float64; a loss that computes in float32 leaves about 1e-6
_CLOSE = 1e-4

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Identified:
    """The formula that a loss computes.

    Attributes:
        soft: the form of its soft term, of ``SOFT`` or ``FREE``; "none" where the teacher
            does not occur.
        hard: the form of its hard term, of ``HARD``; "none" without one, "unknown" where
            none fits.
        temperature: T.
        soft_weight: of the form as ``SOFT`` writes it: alpha T^2 in the usual loss.
        hard_weight: of the form as ``HARD`` writes it, with the part that label smoothing
            takes; NaN where its form is not known.
        misfit: root mean square of what the soft term leaves, as a share of the gradient's.
    """

    soft: str
    hard: str
    temperature: float
    soft_weight: float
    hard_weight: float
    misfit: float


@dataclass(frozen=True)
class Probes:
    """Questions and answers: one block of B rows for each pair of logits.

    Attributes:
        z, v: (K, B, C) float64 logits of student and teacher.
        y: targets, (B,) or (B, C), the same for all blocks.
        gradients: (K, B, C) of the loss in z.
        pairs: blocks with the same z and other v.
    """

    z: Tensor
    v: Tensor
    y: Tensor
    gradients: Tensor
    pairs: tuple[tuple[int, int], ...]

    def column(self, formula: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """(K, B, C) the gradient of a formula at all questions.

        Args:
            formula: ``(z, v) -> (rows,)``.
        """
        z = self.z.flatten(0, 1).clone().requires_grad_()
        with torch.enable_grad():
            total = formula(z, self.v.flatten(0, 1)).sum()
            (found,) = torch.autograd.grad(total, z, allow_unused=True)
        found = torch.zeros_like(z) if found is None else found
        return found.reshape(self.z.shape) / self.z.shape[1]

    def targets(self) -> Tensor:
        """The targets of all rows of all blocks."""
        y = self.y.double() if self.y.is_floating_point() else self.y
        return y.repeat(len(self.z), *([1] * (y.ndim - 1)))

    def differences(self, column: Tensor) -> Column:
        """What of a column depends on the teacher.

        Args:
            column: (K, B, C).
        """
        return np.concatenate(
            [(column[a] - column[b]).numpy().ravel() for a, b in self.pairs]
        )


def identified(probes: Probes, temperatures: Sequence[float] = ()) -> Identified | None:
    """Find the formula behind some gradients; None where none is known.

    Args:
        probes: what was asked and answered.
        temperatures: to be tried before the usual ones.
    """
    size = float(probes.gradients.square().mean().sqrt())
    if size == 0 or not np.isfinite(size):
        return None
    wanted = probes.differences(probes.gradients)
    power = float(np.sqrt(np.mean(wanted**2)))
    if power < 1e-7 * size:
        hard, weight, _ = _hard_term(probes, probes.gradients, size, 1.0)
        return Identified("none", hard, 1.0, 0.0, weight, 0.0)
    fitting = soft_forms(
        lambda name, t: probes.differences(probes.column(soft_of(name, t))),
        wanted,
        temperatures,
        max(_CLOSE, min(1e-2, 1e-6 * size / power)),
    )
    # several forms may depend on the teacher in the same way: the rest says which it is
    order = {name: place for place, name in enumerate((*SOFT, *FREE))}
    unknown: list[Identified] = []
    best: tuple[bool, float, Identified] | None = None
    for name, t, weight, misfit in fitting:
        rest = probes.gradients - weight * probes.column(soft_of(name, t))
        hard, hard_weight, left = _hard_term(probes, rest, size, t)
        each = Identified(name, hard, t, weight, hard_weight, misfit)
        if hard == "unknown":
            unknown.append(each)
            continue
        against = hard_weight < 0  # nobody trains against the labels
        if not against and left < _EXACT:
            return each
        # a wrong form may fit nearly: only one that fits much better takes its place
        if (
            best is None
            or (best[0] and not against)
            or (best[0] == against and left < best[1] / 10)
        ):
            best = (against, left, each)
    if best is not None:
        return best[2]
    return min(unknown, key=lambda each: order[each.soft], default=None)


def soft_of(name: str, t: float) -> Callable[[Tensor, Tensor], Tensor]:
    """A form of the soft term with its temperature.

    Args:
        name: of ``SOFT`` or ``FREE``.
        t: T.
    """
    formula = FREE.get(name) or SOFT[name]
    return lambda z, v: formula(z, v, t)


def soft_forms(
    column: Callable[[str, float], Column],
    wanted: Column,
    temperatures: Sequence[float],
    close: float,
) -> Iterator[tuple[str, float, float, float]]:
    """Form, T, weight and misfit of each form that gives the wanted column, one by one.

    Args:
        column: of a form's name and T.
        wanted: what is to be explained.
        temperatures: tried before the usual ones.
        close: the largest misfit.
    """
    from scipy.optimize import minimize_scalar  # not before it is needed

    def tried(name: str, t: float) -> tuple[float, str, float, float]:
        own = column(name, t)
        power = float(own @ own)
        if power == 0 or not np.isfinite(power):
            return (np.inf, name, t, 0.0)
        weight = float(own @ wanted) / power
        rest = wanted - weight * own
        return (float(np.sqrt((rest @ rest) / (wanted @ wanted))), name, t, weight)

    found = [tried(name, 1.0) for name in FREE]
    yield from ((n, t, w, e) for e, n, t, w in found if e < _EXACT)
    for t in dict.fromkeys([*temperatures, *_TEMPERATURES]):
        now = [tried(name, t) for name in SOFT]
        yield from ((n, t, w, e) for e, n, _, w in now if e < _EXACT)
        found += now
    if min(found)[0] < _EXACT:
        return
    # a loss in single precision, or a temperature between those of the grid
    order = {name: place for place, name in enumerate((*SOFT, *FREE))}
    close_ones = sorted((order[n], e, t, n, w) for e, n, t, w in found if e < close)
    yield from ((n, t, w, e) for _, e, t, n, w in close_ones)
    refined = []
    for _, name, t, _ in [each for each in sorted(found)[:8] if each[1] in SOFT]:
        middle = float(np.log(t))

        def misfit(logarithm: float, name: str = name) -> float:
            return tried(name, float(np.exp(logarithm)))[0]

        done = minimize_scalar(
            misfit,
            bounds=(middle - 0.3, middle + 0.3),
            method="bounded",
            options={"xatol": 1e-9},
        )
        refined.append(tried(name, float(np.exp(done.x))))
    yield from sorted(
        ((n, t, w, e) for e, n, t, w in refined if e < close),
        key=lambda each: (order[each[0]], each[3]),
    )


def _hard_term(
    probes: Probes, rest: Tensor, size: float, t: float
) -> tuple[str, float, float]:
    """Form and weight of what the soft term leaves, and the share of all it leaves too."""
    wanted = rest.numpy().ravel()
    power = float(np.sqrt(np.mean(wanted**2)))
    if power < 1e-5 * size:
        return "none", 0.0, power / size
    y = probes.targets()
    found = []
    for name in HARD:
        if t == 1 and name in ("softmax with T twice", "softened"):
            continue
        own = (
            _gradient_of(probes, HARD[name], y, t),
            _gradient_of(probes, EVEN[name], y, t),
        )
        table = np.stack(own, axis=1)
        weights = np.linalg.lstsq(table, wanted, rcond=None)[0]
        left = float(np.sqrt(np.mean((wanted - table @ weights) ** 2))) / power
        found.append((left, name, float(weights.sum())))
    left, name, weight = min(found)
    fits = left < max(_CLOSE, 1e-6 * size / power)
    return (name, weight, left * power / size) if fits else ("unknown", np.nan, np.inf)


def _gradient_of(probes: Probes, formula: Hard, y: Tensor, t: float) -> Column:
    return probes.column(lambda z, _v: formula(z, y, t)).numpy().ravel()
