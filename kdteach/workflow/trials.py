"""Which settings are tried on validation: as many for one arm as for the other.

The first half of an arm's trials looks for its learning rate. With the second half the
distilled arm looks for T and alpha at the rate that it found, and the label-trained arm
looks closer around its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kdteach.workflow.settings import Settings

ARMS = ("label-trained", "distilled")


@dataclass(frozen=True)
class Trial:
    """What one training is made with.

    Attributes:
        arm: one of ``ARMS``.
        rate: its learning rate.
        temperature: T of the soft term; None for the label-trained arm.
        alpha: weight of the soft term; None likewise.
    """

    arm: str
    rate: float
    temperature: float | None = None
    alpha: float | None = None

    def __str__(self) -> str:
        """In words: rate 0.001, T 4, alpha 0.9."""
        text = f"rate {self.rate:.3g}"
        if self.temperature is not None and self.alpha is not None:
            text += f", T {self.temperature:.3g}, alpha {self.alpha:.2g}"
        return text


def coarse(arm: str, settings: Settings) -> list[Trial]:
    """The first half of an arm's trials: learning rates, from small to large."""
    count = -(-settings.trials // 2)
    (low, high), soft = settings.rates, {}
    if arm == "distilled":
        soft = {
            "temperature": math.sqrt(math.prod(settings.temperatures)),
            "alpha": sum(settings.alphas) / 2,
        }
    if count == 1:
        return [Trial(arm, math.sqrt(low * high), **soft)]
    step = (high / low) ** (1 / (count - 1))
    return [Trial(arm, low * step**i, **soft) for i in range(count)]


def fine(arm: str, settings: Settings, best: Trial) -> list[Trial]:
    """The second half, around what the first has found.

    Where that is at a bound, half of these rates lie a little beyond it: a best rate at the
    end of a list calls for a longer list.

    Args:
        arm: one of ``ARMS``.
        settings: of the job.
        best: of the first half.
    """
    first = -(-settings.trials // 2)
    count = settings.trials - first
    if arm == "distilled":
        (cool, hot), (least, most) = settings.temperatures, settings.alphas
        return [
            Trial(
                arm,
                best.rate,
                cool * (hot / cool) ** _spread(i + 1, 2),
                least + (most - least) * _spread(i + 1, 3),
            )
            for i in range(count)
        ]
    low, high = settings.rates
    step = (high / low) ** (1 / max(first - 1, 1))
    powers = [(-1) ** i * 0.5 ** (i // 2 + 1) for i in range(count)]
    return [Trial(arm, best.rate * step**power) for power in powers]


def best_of(trials: Sequence[Trial], results: Sequence[dict[str, Any]]) -> int:
    """The number of the best trial: most images right, of equals the lower loss.

    Args:
        trials: in the order in which they were made.
        results: of each, "accuracy" and "nll" on validation; None where it diverged.

    Raises:
        RuntimeError: all of them diverged.
    """
    left = [i for i, r in enumerate(results) if r["accuracy"] is not None]
    if not left:
        raise RuntimeError(
            f"every trial of the {trials[0].arm} student diverged: give smaller rates"
        )
    return min(left, key=lambda i: (-results[i]["accuracy"], results[i]["nll"], i))


def trial_of(result: Mapping[str, Any]) -> Trial:
    """What a trial was made with, as its result says; another version may have made it.

    Args:
        result: with the attributes of a ``Trial`` by name.
    """
    return Trial(**{field.name: result[field.name] for field in fields(Trial)})


def _spread(number: int, base: int) -> float:
    """Van der Corput's sequence: numbers in (0, 1) that fill it evenly, however many."""
    value, part = 0.0, 1.0
    while number:
        part /= base
        number, digit = divmod(number, base)
        value += digit * part
    return value
