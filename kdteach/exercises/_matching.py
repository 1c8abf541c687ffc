"""Which mistake, or which two, an answer makes: compared case by case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises import _factors, _relations
from kdteach.exercises._values import Later, Value

Results = Sequence[Value | None]
"""What an answer returns for each case; None where it raised an error."""

_MOST = 2 / 3  # of the cases that can tell, of which a hint has to be right


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
class Slip:
    """A mistake at one place of the right function, so that two can be made at once.

    Attributes:
        hint: a question or remark that leads on, without the answer.
        change: keyword arguments of the reference that make it.
    """

    hint: str
    change: Mapping[str, Any]


def slip(hint: str, **change: Any) -> Slip:
    """A slip: the reference with one of its keyword arguments changed.

    Args:
        hint: a question or remark that leads on, without the answer.
        change: keyword arguments of the reference.
    """
    return Slip(hint, change)


@dataclass(frozen=True)
class Candidate:
    """What some mistake gives in each case.

    Attributes:
        hints: of the mistake, or of both.
        values: for each case; None where it gives nothing.
    """

    hints: tuple[str, ...]
    values: Results


@dataclass(frozen=True)
class Match:
    """The mistakes that an answer makes.

    Attributes:
        hints: one, or two where two were made at once.
        also: the place of a case in which the answer gives NaN or infinity, and the
            mistake does not.
        known: whether it was described for this exercise and explains every case; else it
            is alike in all exercises, such as a factor, or explains most cases.
        most: whether it takes two guesses at once, of which one may be chance.
    """

    hints: tuple[str, ...]
    also: int | None
    known: bool = False
    most: bool = False


def candidates(
    mistakes: tuple[Mistake, ...],
    slips: tuple[Slip, ...],
    evaluate: Callable[[Callable[..., Any]], Results],
    changed: Callable[[Mapping[str, Any]], Results],
) -> list[Candidate]:
    """Every mistake and every slip alone.

    Args:
        mistakes: recognised wrong answers, most telling first.
        slips: mistakes at one place of the right function.
        evaluate: calls a function on every case.
        changed: calls the right function with a change on every case.
    """
    return [
        *(Candidate((mistake.hint,), evaluate(mistake.does)) for mistake in mistakes),
        *(Candidate((slip.hint,), changed(slip.change)) for slip in slips),
    ]


def pairs(
    slips: tuple[Slip, ...], changed: Callable[[Mapping[str, Any]], Results]
) -> list[Candidate]:
    """Two slips at once, wherever they are made at different places.

    Args:
        slips: mistakes at one place of the right function.
        changed: calls the right function with a change on every case.
    """
    return [
        Candidate((one.hint, other.hint), changed({**one.change, **other.change}))
        for one, other in combinations(slips, 2)
        if not set(one.change) & set(other.change)
    ]


@dataclass(frozen=True)
class Matcher:
    """Compares an answer with mistakes.

    Attributes:
        single: mistakes alone, most telling first.
        pairs: makes the candidates of two slips at once.
        same: compares two values.
        sizes: for each case what a factor may be, by name.
        entering: makes the candidates in which an argument enters in a wrong way.
        amounts: whether the right numbers say how many, and not which one.
    """

    single: list[Candidate]
    pairs: Callable[[], list[Candidate]]
    same: Callable[[Value, Value], bool]
    sizes: list[dict[str, float]]
    entering: Callable[[], list[Candidate]] = list
    amounts: bool = False

    def match(self, results: Results, wanted: list[Value]) -> Match | None:
        """Name what went wrong, or None.

        A mistake counts where it explains the answer in all cases that can be compared; a
        case in which the answer or the mistake is NaN or infinity and the other is not is
        left out. Where none does, two are tried at once, and one that explains most cases,
        unless the results are truth values or small numbers, which agree by chance.
        """
        single = self.single
        best = self._best(single, results, wanted)
        if best is not None and best.also is None:
            return replace(best, known=True)
        if all(value is not None and _nowhere_finite(value) for value in results):
            return None  # NaN or infinity everywhere is like every mistake, and like none
        if best is None and _alike(results, self.same) and not _alike(wanted, self.same):
            return None  # a constant comes near to much, by chance
        full = best or self._best(self._related(results, wanted), results, wanted)
        pair = self._best(self.pairs(), results, wanted, clean=True)
        if pair is not None and (full is None or full.also is not None):
            return replace(pair, known=True)
        full = full or self._best(self._one_too_small(wanted), results, wanted)
        full = full or self._by_factor(results, wanted)
        if full is not None:
            return full
        if not any(value.truth for value in wanted):
            # small whole numbers agree by chance: several cases have to
            least = 3 if any(_coarse(value) for value in wanted) else 2
            entered = self._best(self.entering(), results, wanted, clean=True, least=least)
            if entered is not None:
                return replace(entered, known=True)
        if all(_coarse(value) for value in wanted):
            return None
        for candidate in single:
            if _relations.undone(results, candidate.values, wanted):
                continue
            twice = self._best(
                self._related_to(candidate, results, wanted), results, wanted, True, 2
            )
            if twice is not None:
                return replace(twice, most=True)
        twice = self._best(
            self._related_twice(wanted, results), results, wanted, clean=True, least=2
        )
        if twice is not None:
            return replace(twice, most=True)
        return self._most(single, results, wanted)

    def _related(self, results: Results, wanted: list[Value]) -> Iterator[Candidate]:
        """What is alike in all exercises, made from the right numbers."""
        yield from self._related_to(Candidate((), list(wanted)), results)
        hint = self._in_parts(results, wanted)
        if hint is None and self._moved(results, wanted):
            hint = (
                "every number is off by the same amount: is something added, or left out, "
                "that is the same for all?"
            )
        if hint is not None:
            yield Candidate((hint,), results)
        yield from self._ends(results, wanted)

    def _ends(self, results: Results, wanted: list[Value]) -> Iterator[Candidate]:
        """The right numbers, none above the largest of mine or below the smallest."""
        mine = [value.numbers for value in results if value is not None and not value.truth]
        if any(right.numbers.dim() for right in wanted) or len(mine) < max(3, len(wanted)):
            return
        if any(x.dim() or x.is_meta or not torch.isfinite(x) for x in mine):
            return
        bottom, top = min(mine), max(mine)
        below, above = f"below {float(bottom):.4g}", f"above {float(top):.4g}"
        for low, high, where in (
            (None, top, above),
            (bottom, None, below),
            (bottom, top, f"{below} or {above}"),
        ):
            cut = [right.numbers.clamp(low, high) for right in wanted]
            beyond = sum(bool(x != y.numbers) for x, y in zip(cut, wanted, strict=True))
            if 2 <= beyond <= len(wanted) - 2:  # one alone may be chance
                hint = (
                    f"no result of yours is {where}, where some should be: does a range, a "
                    "loop or a search end there?"
                )
                yield Candidate((hint,), [Value(end, truth=False) for end in cut])

    def _related_to(
        self, of: Candidate, results: Results, wanted: Sequence[Value] = ()
    ) -> Iterator[Candidate]:
        coarse = all(_coarse(value) for value in of.values if value is not None)
        truth = any(value.truth for value in results if value is not None)
        several = _relations.relations(truth, coarse, wanted)
        if of.hints and not truth:
            several = (*several, _relations.one_too_small(self.amounts))
        for relation in several:
            yield Candidate((*of.hints, relation.hint), Later(relation.of, of.values))

    def _one_too_small(self, wanted: list[Value]) -> Iterator[Candidate]:
        if not any(value.truth for value in wanted):
            from_0 = any(bool((value.numbers == 0).any()) for value in wanted)
            relation = _relations.one_too_small(self.amounts, from_0)
            yield Candidate((relation.hint,), Later(relation.of, wanted))

    def _related_twice(self, wanted: list[Value], results: Results) -> Iterator[Candidate]:
        """Two of the simplest relations, one after the other."""
        for first in self._related_to(Candidate((), list(wanted)), results):
            if first.hints[0] in _relations.SIMPLE:
                for both in self._related_to(first, results):
                    if (
                        both.hints[1] in _relations.SIMPLE
                        and both.hints[1] != first.hints[0]
                    ):
                        yield both

    def _moved(self, results: Results, wanted: list[Value]) -> bool:
        """Whether the difference to the right numbers is the same everywhere."""
        if all(_coarse(value) for value in wanted) or len(wanted) < 3:
            return False
        gaps, wrong = [], 0
        for mine, right in zip(results, wanted, strict=True):
            if mine is None or mine.shape != right.shape or not _finite(mine) or mine.truth:
                return False
            if not right.numbers.numel():
                return False
            gaps.append((mine.numbers - right.numbers).flatten())
            wrong += not self.same(mine, right)
        if 2 * wrong <= len(wanted):
            return False  # beside one large number the others' gaps are no larger than 0
        gap = torch.cat(gaps)
        if bool((gap == -1).all()) and all(_whole(right) for right in wanted):
            return False  # one too small, for which there are better words
        scale = max(float(right.numbers.abs().amax()) for right in wanted)
        return bool(((gap - gap[0]).abs() < 1e-6 * scale).all())

    def _in_parts(self, results: Results, wanted: list[Value]) -> str | None:
        told = [
            _factors.parts(mine, right, self._same_numbers)
            for mine, right in zip(results, wanted, strict=True)
            if mine is not None and not self.same(mine, right)
        ]
        kinds = {hint.split(":")[0] if hint else "" for hint in told}
        return told[0] if len(kinds) == 1 else None

    def _by_factor(self, results: Results, wanted: list[Value]) -> Match | None:
        finite = [value for value in results if value is not None]
        if all(_coarse(value) for value in wanted) or len(finite) < len(wanted):
            return None
        hint = _factors.factor(finite, wanted, self.sizes, self._same_numbers)
        return None if hint is None else Match((hint,), None)

    def _same_numbers(self, one: Tensor, other: Tensor) -> bool:
        return self.same(Value(one, truth=False), Value(other, truth=False))

    def _best(
        self,
        several: Iterable[Candidate],
        results: Results,
        wanted: list[Value],
        clean: bool = False,
        least: int = 1,
    ) -> Match | None:
        """The first candidate that explains all cases, those with none left out first."""
        second: Match | None = None
        for candidate in several:
            count = self._count(candidate, results, wanted, until_miss=True)
            if count.misses or count.telling < least or count.left_out > count.hits:
                continue
            match = Match(candidate.hints, count.also)
            if not count.left_out:
                return match
            second = second or match
        return None if clean else second

    def _most(
        self, several: list[Candidate], results: Results, wanted: list[Value]
    ) -> Match | None:
        """The one that explains most cases."""
        best: tuple[float, Match] | None = None
        for candidate in several:
            count = self._count(candidate, results, wanted)
            share = count.telling / max(count.telling + count.misses, 1)
            if count.telling and share >= _MOST and (best is None or share > best[0]):
                best = share, Match(candidate.hints, count.also)
        return best[1] if best else None

    def _count(
        self,
        candidate: Candidate,
        results: Results,
        wanted: list[Value],
        until_miss: bool = False,
    ) -> _Count:
        hits = misses = telling = left_out = 0
        also = None
        for place, (mine, other, right) in enumerate(
            zip(results, candidate.values, wanted, strict=True)
        ):
            if mine is None:
                hits, left_out = hits + (other is None), left_out + (other is not None)
            elif other is not None and self.same(mine, other):
                hits += 1
                telling += not self.same(other, right)
            elif other is None or not _finite(other):
                left_out += 1
            elif not _finite(mine) and mine.shape == other.shape:
                left_out += 1
                also = place if also is None else also
            else:
                misses += 1
                if until_miss:
                    break
        return _Count(hits, misses, telling, left_out, also)


@dataclass(frozen=True)
class _Count:
    """In how many cases a candidate explains an answer.

    Attributes:
        hits: it gives the same.
        misses: it gives something else.
        telling: it gives the same, and the right function does not.
        left_out: one of the two gives NaN or infinity, and the other does not.
        also: the first case in which that is the answer.
    """

    hits: int
    misses: int
    telling: int
    left_out: int
    also: int | None


def _alike(values: Results, same: Callable[[Value, Value], bool]) -> bool:
    first = values[0]
    return len(values) > 2 and all(
        first is not None and value is not None and same(first, value) for value in values
    )


def _finite(value: Value) -> bool:
    return not value.numbers.is_meta and bool(torch.isfinite(value.numbers).all())


def _nowhere_finite(value: Value) -> bool:
    return not value.numbers.is_meta and not bool(torch.isfinite(value.numbers).any())


def _coarse(value: Value) -> bool:
    """Whether it is so simple a number that another comes out the same by chance."""
    parts = 12 * value.numbers
    return value.truth or bool(
        ((parts - parts.round()).abs() < 1e-6).all() and (value.numbers.abs() < 100).all()
    )


def _whole(value: Value) -> bool:
    return bool((value.numbers == value.numbers.round()).all())
