"""Whether networks know anything about the pictures, or do no better than guessing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_BEYOND = 1.645  # standard deviations: one-sided, 5 %


def learned(answers: Sequence[Tensor], labels: Tensor) -> bool:
    """Whether several networks together are right more often than by chance.

    Were the labels dealt to the pictures anew, with as many of each class, the networks
    would still be right about some: about the share of the largest class where they always
    answer that one. They have learned something where they are right so often that this
    would happen by such a deal in fewer than 5 % of the cases. Classes of different sizes
    are allowed for, and networks that err on the same pictures count no more than one.

    Args:
        answers: of each network (N, C) logits.
        labels: (N,) the true classes.

    Source: mean and variance over all deals are W. Hoeffding's, Annals of Mathematical
    Statistics 22 (1951) 558-566; the normal distribution is their limit.
    """
    count, classes = answers[0].shape
    if count < 2:
        return False
    each = torch.arange(count, device="cpu")
    # (N, C) the share of the networks that say so
    said = torch.zeros(count, classes, dtype=torch.float64, device="cpu")
    for logits in answers:
        said[each, logits.argmax(dim=1).cpu()] += 1 / len(answers)
    own = labels.cpu().long()
    share = torch.bincount(own, minlength=classes).double() / count
    right = said[each, own].sum()
    expected = (said.sum(dim=0) * share).sum()
    rows = (said * share).sum(dim=1, keepdim=True)
    rest = said - rows - said.mean(dim=0) + rows.mean()
    spread = math.sqrt(float((rest.square() * share).sum()) * count / (count - 1))
    return spread > 1e-9 and float(right - expected) > _BEYOND * spread
