"""When to stop training, from the losses so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kdteach.checks import check_number

StopRule = Callable[[Sequence[float]], bool]
"""``losses of the epochs so far -> whether to stop``."""


def plateau(threshold: float) -> StopRule:
    """Stop when the loss of two epochs in a row differs by less than a threshold.

    Args:
        threshold: above 0, in the unit of the loss.

    Returns:
        A rule for ``fit(..., stop=...)``; it also reads a finished run:
        ``next(e for e in range(1, n + 1) if rule(losses[:e]))``.

    Raises:
        TypeError: a threshold that is no number.
        ValueError: a threshold that is not finite and above 0.

    Source: proposed in Report 2. The rule looks at the training loss alone: it knows
    neither the student nor images the teacher has not seen.
    """
    return _Plateau(check_number("threshold", threshold, above=0))


@dataclass(frozen=True)
class _Plateau:
    threshold: float

    def __call__(self, losses: Sequence[float]) -> bool:
        return len(losses) > 1 and abs(losses[-1] - losses[-2]) < self.threshold
