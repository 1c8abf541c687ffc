"""How an answer is checked: against the reference, then against typical mistakes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, islice, permutations
from typing import Any

import torch

from kdteach.exercises import (
    _edges,
    _entering,
    _errors,
    _factors,
    _general,
    _gradients,
    _matching,
    _probing,
    _relations,
    _repair,
    _results,
    _source,
    _telling,
    _values,
)
from kdteach.exercises._alone import ALONE
from kdteach.exercises._general import Law
from kdteach.exercises._gradients import Felt
from kdteach.exercises._guard import Failure, Guard
from kdteach.exercises._matching import Candidate, Match, Matcher, Mistake, Slip, slip
from kdteach.exercises._names import originals, protect
from kdteach.exercises._results import CheckResult, capital, ended, no
from kdteach.exercises._values import Value, kind, read
from kdteach.seeding import usual_tensors

__all__ = ["CheckResult", "Exercise", "Law", "Mistake", "Slip", "read", "slip"]


_EXPECTED = {True: "True or False is expected", False: "numbers are expected"}


@dataclass(frozen=True)
class Exercise:
    """A function to write, with cases to try it on.

    Attributes:
        reference: the right function; its keyword arguments, where it has some, make slips.
        cases: argument tuples, from easy to hard.
        mistakes: recognised wrong answers, most telling first.
        praise: said when the answer is right: what it is good for.
        tolerance: absolute and relative, on float64.
        seconds: that the answer may take for one case.
        slips: mistakes at one place of the reference; two of them at once are recognised
            as well.
        gradient: places of the arguments that a gradient of the result has to reach, as
            where the result is a loss.
        laws: what holds for every right result; the first that a wrong one breaks is named.
        known: what to say where just these cases, by their places, fail.
        amounts: whether the results say how many, and not which one: a number of images
            is not counted from 0.
        given: in an exercise on debugging the function as the reader found it.
        narrow: the search for a place changes what stands there, and adds nothing.
        without: names that the task forbids; a right answer with them is reminded of it.
    """

    reference: Callable[..., Any]
    cases: tuple[tuple[Any, ...], ...]
    mistakes: tuple[Mistake, ...]
    praise: str
    tolerance: float = 1e-6
    seconds: float = 10.0
    slips: tuple[Slip, ...] = ()
    gradient: tuple[int, ...] = ()
    laws: tuple[Law, ...] = ()
    known: Mapping[tuple[int, ...], str] = field(default_factory=dict)
    amounts: bool = False
    given: Callable[..., Any] | None = None
    narrow: bool = False
    without: tuple[str, ...] = ()

    def check(self, answer: Callable[..., Any]) -> CheckResult:
        """Try an answer on every case, twice, the second time in another order.

        It never raises for what the answer does. The user's own KeyboardInterrupt passes.

        A wrong answer is compared with the mistakes: with each alone, with what goes wrong
        in all exercises alike (a sign, per cent, rows for columns), with two slips at once,
        with arguments that enter in a wrong way (upside down, exchanged, one off), and last
        with the mistake that explains most cases. Where none fits, its own code is changed
        until it is right: what is named is the place of the change. The first failing case
        is shown as code, with what came out and what form was expected, which argument has
        no effect, and what the failing cases have in common that the others have not.

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
            return no(
                f"the check takes your function itself, and got {kind(answer)}. "
                "Pass its name without brackets."
            )
        with ALONE.block(), usual_tensors():
            with originals():
                right = self._right()
            guard = Guard(self.seconds)
            results = self._tried(answer, right, guard)
            if isinstance(results, _Raised):
                with originals():
                    return self._raised(answer, results, right)
            if isinstance(results, CheckResult):
                return results
            order = self._other_order([felt.value for felt in right])
            again = self._tried(answer, right, guard, order, loud=False)
            if isinstance(again, (CheckResult, _Raised)):
                return again.told if isinstance(again, _Raised) else again
            with originals():
                return self._judged(answer, results, again, right)

    def _right(self) -> list[Felt]:
        """What the reference returns for the cases, with its gradients."""
        found = []
        for case in self.cases:
            arguments = _values.copied(case)
            with torch.enable_grad():
                _gradients.wanting(arguments, self.gradient)
                result = self.reference(*arguments)
                found.append(_gradients.felt(result, arguments, self.gradient))
        return found

    def _values(self, does: Callable[..., Any]) -> Sequence[Value | None]:
        """What a function of our own gives for the cases."""
        return _values.Tried(does, self.cases)

    def _tried(
        self,
        answer: Callable[..., Any],
        right: list[Felt],
        guard: Guard,
        order: Iterable[int] | None = None,
        loud: bool = True,
    ) -> list[Felt | _Raised] | CheckResult | _Raised:
        """What the answer returns for each case, or what is wrong with it.

        An error in some case alone says less than what comes out in the others; one in the
        very first says all.
        """
        results: dict[int, Felt | _Raised] = {}
        for i in range(len(self.cases)) if order is None else order:
            result = self._try(answer, self.cases[i], right[i].value, guard, loud)
            if isinstance(result, _Raised) and loud and not results:
                return result
            if isinstance(result, CheckResult):
                return result
            results[i] = result
        return [results[i] for i in range(len(self.cases))]

    def _try(
        self,
        answer: Callable[..., Any],
        case: tuple[Any, ...],
        wanted: Value,
        guard: Guard,
        loud: bool,
    ) -> Felt | _Raised | CheckResult:
        """Call an answer for one case, and say what is wrong with what it returns."""
        arguments = _values.copied(case)
        _gradients.wanting(arguments, self.gradient)

        def reads(value: Any) -> Any:
            if value is None or value is Ellipsis:
                return value
            with guard.originals():  # whatever a cell before the check has replaced
                return _gradients.felt(value, arguments, self.gradient)

        result = guard.call(answer, arguments, reads, loud=loud)
        if isinstance(result, Failure):
            told = _errors.raised(result.says, _telling.call(answer, case))
            return _Raised(told) if result.says.startswith("raised") else told
        for place, (old, new) in enumerate(zip(case, arguments, strict=True)):
            if _values.differs(old, new):
                return _errors.in_place(self._names(answer)[place])
        if result is None:
            return _Raised(
                no(
                    "your function returned nothing (None): is there a return on every way "
                    f"through it? It was called as {_telling.call(answer, case)}."
                )
            )
        if result is Ellipsis:
            return no("your function still returns the three dots: replace them.")
        if isinstance(result, str):
            called = _telling.call(answer, case)
            return no(
                f"your function returned {result}; {_EXPECTED[wanted.truth]}. "
                f"It was called as {called}."
            )
        if result.value.truth != wanted.truth and result.value.shape == wanted.shape:
            came = "True or False" if result.value.truth else "numbers"
            return no(f"your function returned {came}; {_EXPECTED[wanted.truth]}.")
        found: Felt = result
        return found

    def _other_order(self, wanted: list[Value]) -> tuple[int, ...]:
        """An order in which an answer that counts its calls would be found out."""
        backwards = tuple(reversed(range(len(wanted))))
        orders = chain((backwards,), islice(permutations(range(len(wanted))), 1000))
        telling = (
            order
            for order in orders
            if not self._all_same([wanted[i] for i in order], wanted)
        )
        return next(telling, backwards)

    def _judged(
        self,
        answer: Callable[..., Any],
        tried: list[Felt | _Raised],
        again: list[Felt | _Raised],
        right: list[Felt],
    ) -> CheckResult:
        wanted = [one.value for one in right]
        errors = [one.told for one in (*tried, *again) if isinstance(one, _Raised)]
        if errors:
            found = self._matcher(answer).match(
                [None if isinstance(one, _Raised) else one.value for one in tried], wanted
            )
            if found:
                return no(self._named(answer, found), found.hints)
            fine = [
                isinstance(one, Felt) and self._same(one.value, value)
                for one, value in zip(tried, wanted, strict=True)
            ]
            place = self._place(answer, wanted, fine)
            start = f"right in {sum(fine)} of {len(fine)} cases. " if any(fine) else ""
            more = f" {capital(place)}" if place else self._edge(answer, fine)
            if isinstance(tried[0], Felt) and not fine[0]:  # says more than the error
                called = _telling.call(answer, self.cases[0])
                came = _telling.result(tried[0].value, wanted[0])
                start += f"your function gives a wrong value: {called} gave {came}. "
            return no(f"{start}{errors[0].message}{more}")
        results = [one for one in tried if isinstance(one, Felt)]
        mine = [one.value for one in results]
        once_more = [one.value for one in again if isinstance(one, Felt)]
        if not self._all_same(mine, once_more):
            return no(
                "your function gives another result when it is called again with the same "
                "arguments: it should depend on nothing but them."
            )
        cut = _gradients.cut_off(answer, results, right, self.tolerance)
        if self._all_same(mine, wanted):
            reminder = _source.reminder(answer, self.without)
            return no(cut, (cut,)) if cut else CheckResult(True, self.praise + reminder)
        if cut and _gradients.rounded(mine, wanted):
            return no(cut, (cut,))
        found = self._matcher(answer).match(mine, wanted)
        if found is not None and found.known and found.also is None:
            return no(self._named(answer, found), found.hints)
        fine = [self._same(*pair) for pair in zip(mine, wanted, strict=True)]
        endless = any(value.numbers.is_meta for value in mine)  # it would be made again
        place = "" if endless else self._place(answer, wanted, fine)
        if found is not None and not (place and found.most):
            more = f" {capital(place)}" if place else ""
            named = self._named(answer, found)
            return no(f"{ended(named)}{more}" if more else named, found.hints)
        said = _general.first_failure(
            answer,
            self._names(answer),
            self.cases,
            mine,
            wanted,
            self._same,
            self.laws,
            self.known,
            edges=not place,
        )
        ignored = _probing.ignored(
            answer, self.reference, self._names(answer), self.cases, self._same
        )
        if place:
            return no(f"{ignored}{capital(place)} {capital(said)}")
        return no(f"{ignored}{capital(said)}")

    def _raised(
        self, answer: Callable[..., Any], raised: _Raised, right: list[Felt]
    ) -> CheckResult:
        """What to say where the very first case ends in an error."""
        place = self._place(answer, [one.value for one in right], [False] * len(right))
        if not place or raised.told.named:
            return raised.told
        return no(f"{ended(raised.told.message)} {capital(place)}")

    def _place(
        self, answer: Callable[..., Any], wanted: list[Value], fine: list[bool]
    ) -> str:
        """Where one change is enough; nothing where no such place is found."""
        wrong = [i for i, right in enumerate(fine) if not right]
        how = self._names(answer), self.cases, wanted, wrong, self._same, self.narrow
        return _repair.place(answer, *how)

    def _edge(self, answer: Callable[..., Any], fine: list[bool]) -> str:
        return _edges.edge(self.cases, self._names(answer), fine, self.known)

    def _names(self, answer: Callable[..., Any]) -> list[str]:
        return _telling.arguments(answer, self.reference, len(self.cases[0]))

    def _matcher(self, answer: Callable[..., Any]) -> Matcher:
        names = self._names(answer)
        sizes = [_factors.sizes_of(case, names) for case in self.cases]

        def entering() -> list[Candidate]:
            quoted = [f"`{name}`" for name in names]
            return [
                Candidate((hint.format(*quoted),), values)
                for hint, values in self._entering
            ]

        return Matcher(
            self._single, lambda: self._pairs, self._same, sizes, entering, self.amounts
        )

    @cached_property
    def _entering(self) -> list[_entering.Found]:
        """What comes out where an argument enters in a wrong way."""
        return list(_entering.explained(self.reference, self.cases))

    @cached_property
    def _single(self) -> list[Candidate]:
        """What each mistake gives: the same for all answers, so it is computed once."""
        mistakes = self.mistakes
        if self.given is not None:
            mistakes = (*mistakes, Mistake(_errors.AS_GIVEN, self.given))
        return _matching.candidates(mistakes, self.slips, self._values, self._changed)

    @cached_property
    def _pairs(self) -> list[Candidate]:
        """What two slips at once give."""
        return _matching.pairs(self.slips, self._changed)

    def _changed(self, change: Mapping[str, Any]) -> Sequence[Value | None]:
        return self._values(partial(self.reference, **change))

    def _named(self, answer: Callable[..., Any], found: Match) -> str:
        """The hints that were found, as one message."""
        message = found.hints[0]
        if len(found.hints) > 1:
            one, other = (capital(hint) for hint in found.hints)
            message = f"two things at once. {ended(one)} And: {other}"
        if found.also is not None:
            message = (
                f"{ended(message)} Besides, your function gives NaN or infinity for "
                f"{_telling.call(answer, self.cases[found.also])}."
            )
        return message

    def _same(self, result: Value, other: Value) -> bool:
        if result.numbers.is_meta or other.numbers.is_meta or result.truth != other.truth:
            return False
        return result.shape == other.shape and torch.allclose(
            result.numbers,
            other.numbers,
            atol=self.tolerance,
            rtol=self.tolerance,
            equal_nan=True,
        )

    def _all_same(self, results: list[Value], others: list[Value]) -> bool:
        return all(
            self._same(result, other)
            or (result.numbers.is_meta and result.shape == other.shape)
            for result, other in zip(results, others, strict=True)
        )


@dataclass(frozen=True)
class _Raised:
    """An error in one case, and what is said of it."""

    told: CheckResult


protect(
    sys.modules[__name__], _edges, _entering, _errors, _factors, _general, _gradients,
    _matching, _probing, _relations, _repair, _results, _telling, _values,
    Exercise, CheckResult, Matcher, Mistake, Slip, Law,
)  # fmt: skip
