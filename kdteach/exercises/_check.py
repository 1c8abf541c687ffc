"""How an answer is checked: against the reference, then against typical mistakes."""

from __future__ import annotations

import copy
import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class CheckResult:
    """What a check says of an answer. Shown as a box in a notebook; true when passed.

    Attributes:
        passed: whether the answer is right.
        message: one or two sentences, a hint where there is one, never the answer.
    """

    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'Right' if self.passed else 'Not yet'}: {self.message}"

    def _repr_html_(self) -> str:
        color, word = ("#009e73", "Right") if self.passed else ("#d55e00", "Not yet")
        return (
            f'<div class="kd-check" style="border-left: 4px solid {color}; '
            'padding: 0.4em 0.8em; margin: 0.5em 0;">'
            f"<strong>{word}:</strong> {html.escape(self.message)}</div>"
        )

    def raise_if_failed(self) -> CheckResult:
        """Return itself, or raise AssertionError with the message."""
        if not self.passed:
            raise AssertionError(self.message)
        return self


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer.

    Attributes:
        hint: a question or remark that leads on, without the answer.
        does: what the mistake computes, same arguments as the exercise.
    """

    hint: str
    does: Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """A function to write, with cases to try it on.

    Attributes:
        reference: the right function.
        cases: argument tuples, from easy to hard.
        mistakes: recognised wrong answers, most telling first.
        praise: said when the answer is right: what it is good for.
        tolerance: absolute and relative, on float64.
    """

    reference: Callable[..., Any]
    cases: tuple[tuple[Any, ...], ...]
    mistakes: tuple[Mistake, ...]
    praise: str
    tolerance: float = 1e-6

    def check(self, answer: Callable[..., Any]) -> CheckResult:
        """Try an answer on every case; never raises for what the answer does."""
        if not callable(answer):
            return _no(
                f"the check takes your function itself, and got {_kind(answer)}. "
                "Pass its name without brackets."
            )
        results = []
        for case in self.cases:
            result = self._try(answer, case)
            if isinstance(result, CheckResult):
                return result
            results.append(result)
        wanted = [_tensor(self.reference(*case)) for case in self.cases]
        if self._same(results, wanted):
            return CheckResult(True, self.praise)
        for mistake in self.mistakes:
            typical = [_tensor(mistake.does(*case)) for case in self.cases]
            if self._same(results, typical):
                return _no(mistake.hint)
        return self._where(results, wanted)

    def _try(
        self, answer: Callable[..., Any], case: tuple[Any, ...]
    ) -> Tensor | CheckResult:
        arguments = copy.deepcopy(case)
        try:
            value = answer(*arguments)
        except (Exception, SystemExit) as error:
            return _no(
                f"your function raised {type(error).__name__} ({str(error)[:200]}) for the "
                f"arguments {_describe(case)}."
            )
        if any(_changed(old, new) for old, new in zip(case, arguments, strict=True)):
            return _no("your function changed its arguments in place: work on new tensors.")
        if value is None:
            return _no("your function returned nothing (None): is there a return?")
        if value is Ellipsis:
            return _no("your function still returns the three dots: replace them.")
        result = _tensor(value)
        expected = _tensor(self.reference(*case))
        if result is None or expected is None:
            return _no(f"your function returned {_kind(value)}; numbers are expected.")
        if result.shape != expected.shape:
            return _no(
                f"your result has shape {tuple(result.shape)}, expected is "
                f"{tuple(expected.shape)}, for the arguments {_describe(case)}."
            )
        return result

    def _same(self, results: list[Tensor], others: list[Tensor | None]) -> bool:
        return all(
            other is not None
            and result.shape == other.shape
            and torch.allclose(
                result, other, atol=self.tolerance, rtol=self.tolerance, equal_nan=True
            )
            for result, other in zip(results, others, strict=True)
        )

    def _where(self, results: list[Tensor], wanted: list[Tensor | None]) -> CheckResult:
        for case, result, value in zip(self.cases, results, wanted, strict=True):
            if not self._same([result], [value]):
                flaw = (
                    "NaN or infinity"
                    if not torch.isfinite(result).all()
                    else "a wrong value"
                )
                return _no(
                    f"your function gives {flaw} for the arguments {_describe(case)}."
                )
        return _no("your function is right on each case alone, but not on all together.")


def _no(message: str) -> CheckResult:
    return CheckResult(False, message[0].upper() + message[1:])


def _tensor(value: Any) -> Tensor | None:
    """Anything numeric as a float64 tensor, None for the rest."""
    try:
        if isinstance(value, Tensor):
            return value.detach().cpu().double()
        if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
            return torch.stack([torch.as_tensor(v).detach().double() for v in value])
        return torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return None


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"


def _changed(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        return before.shape != after.shape or not torch.equal(before, after)
    return bool(before != after)


def _describe(case: tuple[Any, ...]) -> str:
    """The arguments in a few words: small numbers as they are, tensors by shape."""
    words = []
    for value in case:
        if isinstance(value, Tensor):
            largest = f", largest value {float(value.max()):g}" if value.numel() else ""
            words.append(f"tensor of shape {tuple(value.shape)}{largest}")
        else:
            words.append(repr(value))
    return ", ".join(words)
