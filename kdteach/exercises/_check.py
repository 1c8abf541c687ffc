"""How an answer is checked: against the reference, then against typical mistakes."""

from __future__ import annotations

import copy
import html
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises import _values
from kdteach.exercises._guard import Failure, Guard
from kdteach.exercises._names import originals, protect
from kdteach.exercises._values import Value, kind, read
from kdteach.seeding import usual_tensors


class _OneAtATime:
    """A check changes what all threads share: output, input, random states."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # an answer may call a check itself
        if hasattr(os, "register_at_fork"):  # nobody in the child would open it
            os.register_at_fork(after_in_child=self.__renew)

    def __renew(self) -> None:
        self._lock = threading.RLock()

    @contextmanager
    def block(self) -> Iterator[None]:
        """Inside the block no other thread checks."""
        with self._lock:
            yield


_ALONE = _OneAtATime()
_EXPECTED = {True: "True or False is expected", False: "numbers are expected"}


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
        seconds: that the answer may take for one case.
    """

    reference: Callable[..., Any]
    cases: tuple[tuple[Any, ...], ...]
    mistakes: tuple[Mistake, ...]
    praise: str
    tolerance: float = 1e-6
    seconds: float = 10.0

    def check(self, answer: Callable[..., Any]) -> CheckResult:
        """Try an answer on every case, twice, the second time in another order.

        It never raises for what the answer does. The user's own KeyboardInterrupt passes.

        Put back is what an answer is likely to change by mistake: random states; settings
        of torch (precision, device, gradients, threads, deterministic algorithms), NumPy,
        the warnings and Python (folder, environment variables, recursion limit, Ctrl-C);
        output and input; and the names of the modules that answers and checks use, where
        an answer that replaces one is refused. This is a guard against mistakes and no
        prison: files, what happens inside other modules and objects, and processes that an
        answer starts are its own affair.

        The time limit ends loops written in Python, and waits. A single call into C, such
        as ``sum(range(10**11))`` or ``9**9**9``, is ended by nothing inside of its process:
        there, interrupt or restart the kernel.

        Checks in several threads wait for each other.
        """
        if not callable(answer):
            return _no(
                f"the check takes your function itself, and got {kind(answer)}. "
                "Pass its name without brackets."
            )
        with _ALONE.block(), usual_tensors():
            with originals():
                wanted = self._values(self.reference)
            guard = Guard(self.seconds)
            results = self._tried(answer, wanted, guard)
            if isinstance(results, CheckResult):
                return results
            order = self._other_order(wanted)
            again = self._tried(answer, wanted, guard, order, loud=False)
            if isinstance(again, CheckResult):
                return again
            with originals():
                return self._judged(results, again, wanted)

    def _values(self, does: Callable[..., Any]) -> list[Value]:
        """What a function of our own returns for the cases."""
        values = [read(does(*copy.deepcopy(case))) for case in self.cases]
        return [value for value in values if not isinstance(value, str)]

    def _tried(
        self,
        answer: Callable[..., Any],
        wanted: list[Value],
        guard: Guard,
        order: Iterable[int] | None = None,
        loud: bool = True,
    ) -> list[Value] | CheckResult:
        """What the answer returns for each case, or what is wrong with it."""
        results: dict[int, Value] = {}
        for i in range(len(self.cases)) if order is None else order:
            result = _try(answer, self.cases[i], wanted[i], guard, loud)
            if isinstance(result, CheckResult):
                return result
            results[i] = result
        return [results[i] for i in range(len(self.cases))]

    def _other_order(self, wanted: list[Value]) -> tuple[int, ...]:
        """An order in which an answer that counts its calls would be found out."""
        backwards = tuple(reversed(range(len(wanted))))
        orders = (backwards, *permutations(range(len(wanted))))
        telling = (
            order for order in orders if not self._same([wanted[i] for i in order], wanted)
        )
        return next(telling, backwards)

    def _judged(
        self, results: list[Value], again: list[Value], wanted: list[Value]
    ) -> CheckResult:
        if not self._same(results, again):
            return _no(
                "your function gives another result when it is called again with the same "
                "arguments: it should depend on nothing but them."
            )
        if self._same(results, wanted):
            return CheckResult(True, self.praise)
        for mistake in self.mistakes:
            if self._same(results, self._values(mistake.does)):
                return _no(mistake.hint)
        return self._where(results, wanted)

    def _same(self, results: list[Value], others: list[Value]) -> bool:
        return len(results) == len(others) and all(
            result.shape == other.shape
            and torch.allclose(
                result.numbers,
                other.numbers,
                atol=self.tolerance,
                rtol=self.tolerance,
                equal_nan=True,
            )
            for result, other in zip(results, others, strict=True)
        )

    def _where(self, results: list[Value], wanted: list[Value]) -> CheckResult:
        for case, result, value in zip(self.cases, results, wanted, strict=True):
            if not self._same([result], [value]):
                finite = torch.isfinite(result.numbers).all()
                flaw = "a wrong value" if finite else "NaN or infinity"
                return _no(
                    f"your function gives {flaw} for the arguments {_describe(case)}."
                )
        return _no("your function is right on each case alone, but not on all together.")


def _try(
    answer: Callable[..., Any],
    case: tuple[Any, ...],
    wanted: Value,
    guard: Guard,
    loud: bool,
) -> Value | CheckResult:
    """Call an answer for one case, and say what is wrong with what it returns."""
    arguments = copy.deepcopy(case)
    result = guard.call(answer, arguments, _read, loud=loud)
    if isinstance(result, Failure):
        return _no(f"your function {result.says} It was called with {_describe(case)}.")
    if any(_changed(old, new) for old, new in zip(case, arguments, strict=True)):
        return _no("your function changed its arguments in place: work on new tensors.")
    if result is None:
        return _no("your function returned nothing (None): is there a return?")
    if result is Ellipsis:
        return _no("your function still returns the three dots: replace them.")
    if isinstance(result, str):
        return _no(f"your function returned {result}; {_EXPECTED[wanted.truth]}.")
    if result.shape != wanted.shape:
        return _no(
            f"your result has shape {result.shape}, expected is {wanted.shape}, for the "
            f"arguments {_describe(case)}."
        )
    if result.truth != wanted.truth:
        came = "True or False" if result.truth else "numbers"
        return _no(f"your function returned {came}; {_EXPECTED[wanted.truth]}.")
    value: Value = result
    return value


def _read(value: Any) -> Any:
    """None and the three dots as they are, the rest as ``read``."""
    return value if value is None or value is Ellipsis else read(value)


def _no(message: str) -> CheckResult:
    """A result that is not right; the message may hold what an error said."""
    plain = "".join(letter if letter.isprintable() else " " for letter in message)
    return CheckResult(False, plain[0].upper() + plain[1:])


def _changed(before: Any, after: Any) -> bool:
    try:
        if isinstance(before, Tensor):
            return before.shape != after.shape or not torch.equal(before, after)
        return bool(before != after)
    except Exception:  # what was put into a list may refuse to be compared
        return True


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


protect(sys.modules[__name__], _values, Exercise, CheckResult, Mistake)
