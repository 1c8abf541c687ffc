"""How a wrong result hangs on the right one in shape, or by a factor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from kdteach.exercises._values import Value

Same = Callable[[Tensor, Tensor], bool]
"""Whether two tensors of one shape hold the same numbers."""


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
    if asked.dim() == 0 and mine.dim() == 1 and len(mine) > 1:
        for name, value in (("last", mine[-1]), ("first", mine[0])):
            if same(value, asked):
                return f"one number is asked for, the {name} of yours."
    return _one_dimension(mine, asked, same) or _too_few(mine, asked, same)


def _too_few(mine: Tensor, asked: Tensor, same: Same) -> str | None:
    """What to say of a result with one dimension missing."""
    if mine.dim() != asked.dim() - 1 or not asked.numel():
        return None
    several = (
        ("the first row alone; all rows are", asked[0]),
        ("the place of the largest number (argmax) of each row; the numbers are",
         asked.argmax(-1).double()),
        ("the largest number of each row; all numbers are", asked.amax(-1)),
        ("the first column alone; all columns are", asked.select(-1, 0)),
    )  # fmt: skip
    for name, value in several:
        if value.shape == mine.shape and same(value, mine):
            return f"you return {name} asked for."
    return None


def _one_dimension(mine: Tensor, asked: Tensor, same: Same) -> str | None:
    """What to say of a result with one dimension too many."""
    if mine.dim() != asked.dim() + 1 or not mine.numel():
        return None
    for dim, what in ((-1, "each row"), (0, "each column")):
        several = (
            ("the place of its largest number (argmax)", mine.argmax(dim).double()),
            ("its sum", mine.sum(dim)),
            ("its mean", mine.mean(dim)),
            ("its largest number", mine.amax(dim)),
        )
        for name, value in several:
            if value.shape == asked.shape and same(value, asked):
                return (
                    f"you have a table, {what} with several numbers: {name} is asked for, "
                    "one for each."
                )
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


_CONSTANTS = {
    "1.96 (which makes a standard error half of a 95 % interval)": 1.959964,
    "2.576 (which makes a standard error half of a 99 % interval)": 2.575829,
    "1.645 (which makes a standard error half of a 90 % interval)": 1.644854,
    "the logarithm of 2": math.log(2),
    "the logarithm of 10": math.log(10),
    "the root of 2": math.sqrt(2),
    "e": math.e,
    "pi": math.pi,
}
_KNOWN = tuple(
    (scale * (1 / value if below else value), f"{'1 / ' if below else ''}{name}{unit}")
    for name, value in _CONSTANTS.items()
    for below in (False, True)
    for scale, unit in (
        (1.0, ""),
        (100.0, " and by 100 (per cent)"),
        (2.0, " and by 2"),
    )
)


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
        n = torch.tensor([size.get(name, math.nan) for size in sizes]).double()
        for power in (1.0, 0.5):
            # not for n = 1 or what is no number of things
            if bool(((n > 1) & (n == n.round())).all()):
                share = ((n - 1) / n) ** power
                if same(found, share):
                    return f"you divide by n where n - 1 belongs (n is {name})."
                if same(found, 1 / share):
                    return f"you divide by n - 1 where n belongs (n is {name})."
    for name in sizes[0]:
        values = torch.tensor([size.get(name, math.nan) for size in sizes]).double()
        for text, candidate in _powers(name, values):
            if bool(torch.isfinite(candidate).all()) and same(found, candidate):
                return (
                    f"every number is {text} times what it should be: is that a factor too "
                    "many, or is it missing on the other side?"
                )
    if same(found, found[0].expand_as(found)):
        for times, text in _KNOWN:
            if abs(float(found[0]) / times - 1) < 1e-4:
                return f"every number is too large by the factor {text}, in all cases."
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
