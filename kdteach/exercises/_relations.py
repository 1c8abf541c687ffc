"""Slips that are alike in all exercises: a sign, per cent, a root, rows for columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from kdteach.exercises._values import Later, Value

_FEW = 16  # numbers of a result: places of many are right by chance
_NONE = 1e-6  # no deviation


@dataclass(frozen=True)
class Relation:
    """How a wrong result may hang on the right one.

    Attributes:
        hint: what to say.
        of: makes the wrong numbers from the right ones; None where that makes no sense.
        of_coarse: whether it says something of small whole numbers, too.
    """

    hint: str
    of: Callable[[Tensor], Tensor | None]
    of_coarse: bool = False


def _whole(x: Tensor) -> bool:
    return bool((x == x.round()).all())


def _where(holds: bool, then: Tensor) -> Tensor | None:
    return then if holds else None


_MORE = (
    Relation(
        "you added up over the columns; keep each of them.",
        lambda x: _where(x.dim() > 1, x.sum(-1)),
    ),
    Relation(
        "you took the mean over the columns; keep each of them.",
        lambda x: _where(x.dim() > 1, x.mean(-1)),
    ),
    *(
        Relation(
            f"the numbers are rounded to {digits} decimal{'s'[: digits - 1]}, or come from "
            "a grid of tries; they are asked for as they are.",
            partial(torch.round, decimals=digits),
        )
        for digits in (1, 2, 3, 4)
    ),
    Relation(
        "the numbers are rounded up to whole ones; they are asked for as they are.",
        lambda x: _where(not _whole(x), x.ceil()),
    ),
    Relation(
        "no number of yours is below 0 or above 1, where it should be: are they cut off, "
        "or does the range of a search end there?",
        lambda x: x.clamp(0, 1),
    ),
    Relation(
        "you scaled each row so that its sum is 1; leave it as it is.",
        lambda x: _where(x.dim() > 1, x / x.sum(-1, keepdim=True)),
    ),
    Relation(
        "you scaled each row so that its largest number is 1; leave it as it is.",
        lambda x: _where(x.dim() > 1, x / x.amax(-1, keepdim=True)),
    ),
    Relation(
        "you scaled the result to length 1; leave it as it is.",
        lambda x: _where(x.dim() > 0, x / x.norm()),
    ),
    Relation(
        "you stretched the result from 0 to 1; leave it as it is.",
        lambda x: _where(x.dim() > 0, (x - x.amin()) / (x.amax() - x.amin())),
    ),
    Relation(
        "the numbers are right, but the diagonal is 0.",
        lambda x: (
            x - x.diagonal().diag() if x.dim() == 2 and x.shape[0] == x.shape[1] else None
        ),
    ),
    Relation(
        "you subtracted the mean of the result; leave it as it is.",
        lambda x: _where(x.dim() > 0, x - x.mean()),
    ),
    Relation(
        "you subtracted the mean of each row; leave it as it is.",
        lambda x: _where(x.dim() > 1, x - x.mean(-1, keepdim=True)),
    ),
    Relation(
        "you added the numbers up one after the other (a cumulative sum); keep each.",
        lambda x: _where(x.dim() > 0, x.cumsum(-1)),
    ),
    Relation(
        "the rows are right, but their order is reversed.",
        lambda x: _where(x.dim() > 1, x.flip(0)),
    ),
    Relation(
        "the columns are right, but their order is reversed.",
        lambda x: _where(x.dim() > 1, x.flip(-1)),
    ),
    Relation(
        "the columns are right, but each stands one place too far to the right.",
        lambda x: _where(x.dim() == 2, x.roll(1, -1)),
    ),
    Relation(
        "the columns are right, but each stands one place too far to the left.",
        lambda x: _where(x.dim() == 2, x.roll(-1, -1)),
    ),
    Relation(
        "the numbers are right, but each stands one place too late, the last in front.",
        lambda x: _where(x.dim() == 1, x.roll(1)),
    ),
    Relation(
        "the numbers are right, but each stands one place too early, the first at the end.",
        lambda x: _where(x.dim() == 1, x.roll(-1)),
    ),
)

_NUMBERS = (
    Relation("the size is right, but the sign is reversed.", lambda x: -x, True),
    Relation(
        "every number is a hundred times too large, as if in per cent: a fraction is asked "
        "for.",
        lambda x: 100 * x, True,
    ),
    Relation(
        "every number is a hundred times too small: was something divided by 100 to turn "
        "per cent into a fraction, where it was a fraction already?",
        lambda x: x / 100,
    ),
    Relation(
        "every number is twice what it should be: is something counted twice, or is a "
        "factor forgotten?",
        lambda x: 2 * x,
    ),
    Relation(
        "every number is half of what it should be: a factor 2 is missing.", lambda x: x / 2
    ),
    Relation(
        "it is upside down: you have the inverse, 1 divided by what is asked for.",
        lambda x: 1 / x,
    ),
    Relation("you have 1 minus what is asked for.", lambda x: 1 - x, True),
    Relation(
        "you have the square of what is asked for: a root is missing.",
        lambda x: _where(bool((x >= 0).all()), x**2),
    ),
    Relation(
        "you have the square root of what is asked for: one root too many.",
        lambda x: _where(bool((x >= 0).all()), x.sqrt()),
    ),
    Relation(
        "you have the logarithm of what is asked for.",
        lambda x: _where(bool((x >= 0).all()), x.log()),
    ),
    Relation(
        "a logarithm is missing: you have the exponential of what is asked for.",
        lambda x: x.exp(),
    ),
    Relation(
        "is that a logarithm to base 10? The natural logarithm (base e) is meant.",
        lambda x: x / math.log(10),
    ),
    Relation(
        "is that a logarithm to base 10? The natural logarithm (base e) is meant.",
        lambda x: x * math.log(10),
    ),
    Relation(
        "is that a logarithm to base 2? The natural logarithm (base e) is meant.",
        lambda x: x / math.log(2),
    ),
    Relation(
        "is that a logarithm to base 2? The natural logarithm (base e) is meant.",
        lambda x: x * math.log(2),
    ),
    Relation(
        "you have the absolute values: a negative result should stay negative.",
        lambda x: x.abs(),
    ),
    Relation(
        "you cut off what lies below 0: a negative result should stay negative.",
        lambda x: x.clamp(min=0),
    ),
    Relation(
        "the numbers are rounded, or come from a coarse grid of tries; they are asked for "
        "as they are.",
        lambda x: _where(not _whole(x), x.round()),
    ),
    Relation(
        "the numbers are cut to whole ones; they are asked for as they are, not rounded.",
        lambda x: _where(not _whole(x), x.trunc()),
    ),
    Relation(
        "every number is one too large: do you count from 1 where the first is 0, or go "
        "one step too far?",
        lambda x: _where(_whole(x), x + 1), True,
    ),
    Relation(
        "rows and columns are exchanged.", lambda x: x.mT if x.dim() == 2 else None, True
    ),
    Relation(
        "the numbers are right, but their order is reversed.",
        lambda x: _where(x.dim() == 1, x.flip(0)), True,
    ),
    Relation(
        "you scaled the result so that the largest number is 1; leave it as it is.",
        lambda x: _where(x.dim() > 0, x / x.amax() if x.numel() else x),
    ),
    Relation(
        "you scaled the result so that its sum is 1; leave it as it is.",
        lambda x: _where(x.dim() > 0, x / x.sum()),
    ),
    Relation(
        "a softmax was applied to the result once more: it holds probabilities already.",
        lambda x: _where(x.dim() > 0, x.softmax(-1)),
    ),
    Relation(
        "you have one number, the sum over everything; keep one for each.",
        lambda x: _where(x.numel() > 1, x.sum()), True,
    ),
    Relation(
        "you have one number, the mean over everything; keep one for each.",
        lambda x: _where(x.numel() > 1, x.mean()), True,
    ),
    Relation(
        "you added up over the rows (the images); keep each of them.",
        lambda x: _where(x.dim() > 1, x.sum(0)), True,
    ),
    Relation(
        "you took the mean over the rows (the images); keep each of them.",
        lambda x: _where(x.dim() > 1, x.mean(0)), True,
    ),
    *_MORE,
)  # fmt: skip
SIMPLE = frozenset(one.hint for one in _NUMBERS[:7])
"""Hints of the relations of which two are easily made at once."""

_TRUTH = (
    Relation("you turned the answer round: True where it is False.", lambda x: 1 - x),
)


_FROM_0 = Relation(
    "every number is one too small: do you count from 0 where 1 is the first?",
    lambda x: _where(_whole(x), x - 1),
    True,
)
_AMOUNT = Relation(
    "every number is one too small: does your count end one step too early?",
    _FROM_0.of,
    True,
)

_SUBTRACTED = Relation(
    "every number is one too small: is a 1 subtracted that should not be?",
    _FROM_0.of,
    True,
)


def relations(
    truth: bool, coarse: bool, wanted: Sequence[Value] = ()
) -> tuple[Relation, ...]:
    """Those that may be told from chance, but for `one_too_small`.

    Args:
        truth: of truth values.
        coarse: of small numbers, of which one is easily twice the other.
        wanted: right values: what they have themselves is no mistake.
    """
    if truth:
        return _TRUTH
    several = (one for one in _NUMBERS if one.of_coarse or not coarse)
    return tuple(one for one in several if not (wanted and _had(one, wanted)))


def _had(relation: Relation, wanted: Sequence[Value]) -> bool:
    """Whether the right values stay as they are, such as rows that sum to 1 anyway."""
    for value, made in zip(wanted, Later(relation.of, wanted), strict=True):
        if made is None or made.numbers.shape != value.numbers.shape:
            return False
        if not torch.allclose(made.numbers.double(), value.numbers.double(), atol=1e-6):
            return False
    return True


def one_too_small(amounts: bool, from_0: bool = False) -> Relation:
    """Whole numbers one too small, which is named where no other hint fits.

    Args:
        amounts: whether they say how many, and not which one.
        from_0: whether 0 is among the right ones.
    """
    if from_0:
        return _SUBTRACTED
    return _AMOUNT if amounts else _FROM_0


def undone(
    results: Sequence[Value | None],
    mistake: Sequence[Value | None],
    wanted: Sequence[Value],
) -> bool:
    """Whether a mistake spoils a number that an answer has right in all cases.

    Then a second mistake would have to put right what the first one spoils; results of
    several numbers that come out so agree by chance.

    Args:
        results: of the answer, case by case.
        mistake: of the mistake.
        wanted: the right values.
    """
    shapes = {value.shape for value in wanted}
    sizes = {value.numbers.numel() for value in wanted}
    if len(shapes) > 1 or not 1 < max(sizes) <= _FEW:
        return False
    mine, theirs = _deviations(results, wanted), _deviations(mistake, wanted)
    if mine is None or theirs is None:
        return False
    right = (mine < _NONE).all(dim=0)
    return bool((right & ~(theirs < _NONE).all(dim=0)).any())


def _deviations(found: Sequence[Value | None], wanted: Sequence[Value]) -> Tensor | None:
    """How far each number of each case is off; None where the results are others."""
    rows = []
    for value, right in zip(found, wanted, strict=True):
        if value is None or value.numbers.is_meta or value.shape != right.shape:
            return None
        rows.append((value.numbers.double() - right.numbers.double()).abs().flatten())
    return torch.stack(rows)
