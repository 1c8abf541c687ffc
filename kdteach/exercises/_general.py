"""What is said where no mistake was recognised: the first failing case, as code."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises import _edges, _telling
from kdteach.exercises._values import Value

_NEAR = 0.05  # of the right number, on one side
_DIGITS = 1e-3  # of the right number: what a computation in single precision keeps
_SINGLE = (
    " Your numbers are right to three digits or more, and not exact: is everything "
    "in double precision (float64), and nothing rounded?"
)
_AROUND = 0.25  # of the right number, on both sides


@dataclass(frozen=True)
class Law:
    """What holds for every right result, such as rows that sum to 1.

    Attributes:
        says: what it is, to follow "it should hold that".
        holds: of the result, as float64, and the arguments.
    """

    says: str
    holds: Callable[..., Any]


def rows_sum_to_1(rows: Tensor) -> bool:
    """Whether a result is a table whose rows sum to 1: for a law.

    Args:
        rows: the result, as float64.
    """
    return rows.dim() == 2 and bool(((rows.sum(dim=1) - 1).abs() < 1e-6).all())


def first_failure(
    answer: Callable[..., Any],
    names: list[str],
    cases: tuple[tuple[Any, ...], ...],
    results: list[Value],
    wanted: list[Value],
    same: Callable[[Value, Value], bool],
    laws: tuple[Law, ...],
    known: Mapping[tuple[int, ...], str],
    edges: bool = True,
) -> str:
    """Show the first failing case that can be typed, or the first.

    Args:
        answer: the function.
        names: of its arguments.
        cases: argument tuples.
        results: of the answer.
        wanted: of the right function.
        same: compares two results.
        laws: what holds for every right result.
        known: what to say where just these cases, by their places, fail.
        edges: say as well what the failing cases have in common.
    """
    fine = [same(result, value) for result, value in zip(results, wanted, strict=True)]
    if all(fine):
        return "your function is right on each case alone, but not on all together."
    few_digits = [_few_digits(*pair) for pair in zip(results, wanted, strict=True)]
    single = any(few and not right for few, right in zip(few_digits, fine, strict=True))
    if single and not all(few_digits):  # what matters is elsewhere
        fine = [few or right for few, right in zip(few_digits, fine, strict=True)]
    failing = [place for place, right in enumerate(fine) if not right]
    short = [i for i in failing if _telling.written_out(cases[i])]
    place = (short or failing)[0]
    case, result, value = cases[place], results[place], wanted[place]
    called, came = _telling.call(answer, case), _telling.result(result, value)
    told = _edges.edge(cases, names, fine, known)
    more = told if edges or tuple(failing) in known else ""
    whole = all(bool((x.numbers == x.numbers.round()).all()) for x in wanted)
    known_numbers = not result.numbers.is_meta  # a shape without numbers has nothing to say
    fractions = known_numbers and bool((result.numbers != result.numbers.round()).any())
    if whole and not value.truth and fractions:
        more = " Whole numbers are expected."  # which comes before what some cases share
    if _alike(results, same) and not _alike(wanted, same):
        more = (
            " It gives the same result in every case that was tried: do the arguments "
            "enter, or does a search run to the end of its range?"
        )
    elif single and all(few_digits):
        more += _SINGLE
    elif not any(fine):
        more += _near(results, wanted)
    rough = ", in some of them to three digits" if single and not all(few_digits) else ""
    start = f"right in {sum(fine)} of {len(fine)} cases{rough}, but " if any(fine) else ""
    if result.shape != value.shape:
        return (
            f"{start}your result has shape {result.shape}, expected is {value.shape}: "
            f"{called} gave {came}.{_one_row(result, value, same)}{more}"
        )
    finite = bool(torch.isfinite(result.numbers).all())
    flaw = "a wrong value" if finite else "NaN or infinity"
    broken = next(
        (law for law in laws if not law.holds(result.numbers, *copy.deepcopy(case))), None
    )
    said = f"{start}your function gives {flaw}: {called} gave {came}."
    if value.truth and not result.truth:
        said += f" Expected is {_telling.form(value)}."
    elif value.shape:
        said += " Its shape is right, the numbers are not."
    if broken:
        said += f" It should hold that {broken.says}, which it does not here."
    return said + more


def _few_digits(result: Value, value: Value) -> bool:
    """Whether the right numbers came out, to some digits."""
    if result.shape != value.shape or value.truth or result.numbers.is_meta:
        return False
    off = (result.numbers - value.numbers).abs()
    return bool((off <= _DIGITS * value.numbers.abs()).all())


def _one_row(result: Value, value: Value, same: Callable[[Value, Value], bool]) -> str:
    """What to say where the first row or the last is right, and alone."""
    if value.numbers.is_meta or result.shape != value.shape[1:] or len(value.numbers) < 2:
        return ""
    for place, hint in (
        (0, "That is the first row alone: is the loop left before it is through?"),
        (-1, "That is the last row alone: is the result of each row kept?"),
    ):
        if same(result, Value(value.numbers[place], value.truth)):
            return f" {hint}"
    return ""


def _alike(values: list[Value], same: Callable[[Value, Value], bool]) -> bool:
    return len(values) > 2 and all(same(values[0], value) for value in values)


def _near(results: list[Value], wanted: list[Value]) -> str:
    """What to say of numbers that are almost right everywhere."""
    if any(r.shape != w.shape or w.truth for r, w in zip(results, wanted, strict=True)):
        return ""
    right = torch.cat([value.numbers.flatten() for value in wanted])
    off = torch.cat([value.numbers.flatten() for value in results]) - right
    if not len(right) or not bool(torch.isfinite(off).all()):
        return ""
    if bool((right == right.round()).all()):
        return ""
    share = off / right.abs().clamp_min(1e-12)
    both = bool((off < 0).any() and (off > 0).any())
    if float(share.abs().max()) > (_AROUND if both else _NEAR):
        return ""
    return (
        " Your numbers are close everywhere, and not exact. Look for a small difference: "
        "a rounding, a small number that is added, a loop or a search (halving) that ends "
        "too early, or a formula that is nearly the same."
    )
