"""Slips that are alike in all exercises: a sign, per cent, a root, rows for columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from kdteach.exercises._values import Value

Same = Callable[[Tensor, Tensor], bool]
"""Whether two tensors of one shape hold the same numbers."""


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
        "every number is twice what it should be: is something counted twice?",
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
        "the numbers are rounded; they are asked for as they are.",
        lambda x: _where(not _whole(x), x.round()),
    ),
    Relation(
        "the numbers are cut to whole ones; they are asked for as they are, not rounded.",
        lambda x: _where(not _whole(x), x.trunc()),
    ),
    Relation(
        "every number is one too small: do you count from 0 where 1 is the first?",
        lambda x: _where(_whole(x), x - 1), True,
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
)  # fmt: skip
_TRUTH = (
    Relation("you turned the answer round: True where it is False.", lambda x: 1 - x),
)


def relations(truth: bool, coarse: bool) -> tuple[Relation, ...]:
    """Those that may be told from chance.

    Args:
        truth: of truth values.
        coarse: of small numbers, of which one is easily twice the other.
    """
    if truth:
        return _TRUTH
    return tuple(one for one in _NUMBERS if one.of_coarse or not coarse)


def parts(result: Value, right: Value, same: Same) -> str | None:
    """What to say where a result holds more or less than the right numbers.

    Args:
        result: of the answer.
        right: what is asked for.
        same: compares.

    Returns:
        A hint, or None where they hang together in no such way.
    """
    if result.numbers.is_meta or result.truth != right.truth:
        return None
    mine, asked = result.numbers, right.numbers
    if mine.dim() == asked.dim() == 1 and len(mine) and len(asked):
        return _of_lists(mine, asked, same)
    if mine.shape != asked.shape and mine.numel() == asked.numel() > 0:
        if same(mine.flatten(), asked.flatten()):
            return (
                f"the numbers are right, but their shape is not: {tuple(mine.shape)} "
                f"instead of {tuple(asked.shape)}."
            )
        return None
    if asked.dim() == 0 and mine.numel() > 1:
        for name, value in (("mean", mine.mean()), ("sum", mine.sum())):
            if same(value, asked):
                return f"one number is asked for, and you have several: take their {name}."
    return None


def _of_lists(mine: Tensor, asked: Tensor, same: Same) -> str | None:
    more = len(mine) - len(asked)
    if more == 0:
        if same(mine.sort().values, asked.sort().values):
            return "the numbers are right, but their order is not the one asked for."
        return None
    for before in range(abs(more) + 1):
        after = abs(more) - before
        where = " and ".join(
            name for name, count in (("beginning", before), ("end", after)) if count
        )
        if more > 0 and same(mine[before : before + len(asked)], asked):
            return f"what is asked for is there, with more at the {where}: leave that out."
        if more < 0 and same(asked[before : before + len(mine)], mine):
            return f"the numbers are right, but some are missing at the {where}."
    return None


def factor(
    results: list[Value], right: list[Value], sizes: list[dict[str, float]], same: Same
) -> str | None:
    """What to say where every result is the right one times the same expression.

    Args:
        results: of the answer, finite and of the right shape.
        right: what is asked for.
        sizes: for each case what the factor may be, by name.
        same: compares.
    """
    ratios = [_ratio(mine, asked, same) for mine, asked in zip(results, right, strict=True)]
    if len(ratios) < 2 or any(ratio is None for ratio in ratios):
        return None
    found = torch.tensor(ratios, dtype=torch.float64)
    if same(found, torch.ones_like(found)):
        return None
    # a factor that is 1 in all cases but one may be chance
    if int((found.sub(1).abs() > 1e-6).sum()) < 2:
        return None
    for name in sizes[0]:
        values = torch.tensor([size.get(name, math.nan) for size in sizes]).double()
        for text, candidate in _powers(name, values):
            if bool(torch.isfinite(candidate).all()) and same(found, candidate):
                return (
                    f"every number is {text} times what it should be: is that a factor too "
                    "many, or is it missing on the other side?"
                )
    if same(found, found[0].expand_as(found)):
        return (
            f"every number is {float(found[0]):.4g} times what it should be, in all cases: "
            "a factor that is always the same."
        )
    return None


def _powers(name: str, x: Tensor) -> Iterator[tuple[str, Tensor]]:
    yield name, x
    yield f"1 / {name}", 1 / x
    yield f"{name} squared", x**2
    yield f"1 / {name} squared", 1 / x**2
    yield f"the root of {name}", x.sqrt()
    yield f"1 / the root of {name}", 1 / x.sqrt()


def _ratio(mine: Value, asked: Value, same: Same) -> float | None:
    if mine.shape != asked.shape or mine.truth or asked.truth or not mine.numbers.numel():
        return None
    place = int(asked.numbers.abs().argmax())
    largest = float(asked.numbers.flatten()[place])
    if not math.isfinite(largest) or abs(largest) < 1e-9:
        return None
    ratio = float(mine.numbers.flatten()[place]) / largest
    if not math.isfinite(ratio) or ratio == 0:
        return None
    return ratio if same(mine.numbers, ratio * asked.numbers) else None


def sizes_of(case: tuple[object, ...], names: list[str]) -> dict[str, float]:
    """What a factor may be in a case: the numbers among the arguments, and lengths.

    Args:
        case: the arguments.
        names: of the arguments.
    """
    found: dict[str, float] = {}
    for name, value in zip(names, case, strict=True):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = float(value)
            if 0 < float(value) < 1:
                found[f"1 - {name}"] = 1 - float(value)
        elif isinstance(value, Tensor) and value.dim() > 0:
            found[f"the number of rows of {name}"] = float(len(value))
            if value.dim() > 1:
                found[f"the number of columns of {name}"] = float(value.shape[1])
                found[f"the number of entries of {name}"] = float(value.numel())
        elif isinstance(value, (list, tuple)):
            found[f"the length of {name}"] = float(len(value))
            found[f"(length of {name}) - 1"] = float(len(value) - 1)
    return {name: size for name, size in found.items() if size > 0}
