"""Soft targets of ten numbers, without tensors: diagrams need no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence


def softmax(logits: Sequence[float], temperature: float) -> list[float]:
    """Soften the logits of one image: divided by T, then through softmax.

    Args:
        logits: (C,) finite.
        temperature: above 0.
    """
    highest = max(logits)
    weights = [math.exp((z - highest) / temperature) for z in logits]
    return [weight / math.fsum(weights) for weight in weights]
