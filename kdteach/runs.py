"""Numbers of several runs that know their seeds, so that only equal seeds are compared.

Two methods are compared run by run: same seed, same data, same initial weights. Two lists
of ten numbers look paired whatever runs they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import check_list, check_numbers, check_seed


class Runs(np.ndarray[Any, np.dtype[np.float64]]):
    """An array (n,) of one number a run, with the seed of each.

    It is an array in every other respect. The seeds stay through arithmetic with single
    numbers, with runs of the same seeds, and through a selection of some of the runs, which
    is a copy; runs of other seeds are refused. What gives another shape, or may move
    values, knows no seeds any more: sorting and shuffling in place, and writing anything
    into some of the runs but a Python number or runs of the same seeds.
    """

    _seeds: tuple[int, ...] = ()
    _values = b""  # to which the seeds belong: whoever else writes into them may move them

    def __new__(cls, values: ArrayLike, seeds: Iterable[int]) -> Runs:
        """Join values and seeds.

        Args:
            values: (n,) numbers.
            seeds: (n,) integers of at least 0, each once.

        Raises:
            TypeError: values are no list of real numbers, or a seed is not an integer.
            ValueError: not one seed a value, a seed twice, or a value that is not finite.
        """
        numbers = check_numbers("values", values, at_least=1)
        made = np.array(numbers).view(cls)
        known = tuple(
            check_seed(seed) for seed in check_list("seeds", seeds, "integers, one a run")
        )
        if made.shape != (len(known),):
            raise ValueError(
                f"values must be (n,), one number a seed, got shape {made.shape} and "
                f"{len(known)} seeds"
            )
        if len(set(known)) < len(known):
            raise ValueError(f"seeds must differ, got {known}")
        made._bind(known)
        return made

    @classmethod
    def _of(cls, values: NDArray[np.float64], seeds: tuple[int, ...]) -> Runs:
        """Values that were computed from runs, whatever came of it."""
        made = np.array(values, dtype=np.float64).view(cls)
        made._bind(seeds)
        return made

    @property
    def seeds(self) -> tuple[int, ...]:
        """(n,) the seed of each run; empty where they are no longer known."""
        if self.shape == (len(self._seeds),) and self.tobytes() == self._values:
            return self._seeds
        return ()

    def _bind(self, seeds: tuple[int, ...]) -> None:
        """Say whose values these are."""
        self._seeds, self._values = seeds, self.tobytes()

    def plain(self) -> NDArray[np.float64]:
        """The same numbers, without their seeds."""
        return self.view(np.ndarray)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any
    ) -> Any:
        """Compute as plain arrays do; of several runs, the seeds must be the same."""
        into = options.get("out", ())
        runs = [part for part in (*inputs, *into) if isinstance(part, Runs) and part.seeds]
        for other in runs[1:]:
            _require_same(runs[0].seeds, other.seeds)
        if into:
            options["out"] = tuple(_plain(part) for part in into)
        of = [(part, part.seeds) for part in into if isinstance(part, Runs)]
        result = getattr(ufunc, method)(*(_plain(part) for part in inputs), **options)
        others = [part for part in inputs if not any(part is run for run in runs)]
        moved = method != "__call__" or any(np.ndim(part) for part in others)
        if into:
            for part, seeds in of if not moved else ():
                part._bind(seeds)
            return into[0] if len(into) == 1 else into
        if not runs or moved:
            return result
        if not isinstance(result, np.ndarray) or result.dtype != np.float64:
            return result
        return Runs._of(result, runs[0].seeds) if result.shape == runs[0].shape else result

    def __array_function__(
        self, func: Any, types: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """NumPy's functions see and give plain arrays."""
        del types
        given = _plain(tuple(args))
        return func(*given, **{key: _plain(value) for key, value in kwargs.items()})

    def __getitem__(self, key: Any) -> Any:
        found = self.plain()[key]
        if not isinstance(found, np.ndarray) or found.ndim != 1:
            return found
        if isinstance(key, tuple):
            return found
        chosen = np.array(self.seeds)[key]
        twice = len(set(chosen.tolist())) < len(chosen)
        return found if twice else Runs._of(found, tuple(chosen.tolist()))

    def __setitem__(self, key: Any, value: Any) -> None:
        seeds, alike = self.seeds, type(value) in (int, float)  # not another run's number
        if seeds and isinstance(value, Runs) and value.seeds:
            chosen = np.atleast_1d(np.array(seeds)[key])
            _require_same(tuple(chosen.tolist()), value.seeds)
            alike = True
        # by way of the plain array: NumPy would write into what __getitem__ returns
        self.plain()[key] = _plain(value)
        if alike:
            self._bind(seeds)

    def copy(self, order: Any = "C") -> Runs:
        """The same runs in memory of their own."""
        del order
        return Runs._of(self.plain(), self.seeds)

    def __repr__(self) -> str:
        return repr(self.plain())

    def __str__(self) -> str:
        return str(self.plain())

    def __reduce__(self) -> tuple[Any, ...]:
        return Runs._of, (self.plain().copy(), self.seeds)

    def __copy__(self) -> Runs:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Runs:
        del memo
        return self.copy()


class WrongImages(list[list[int]]):
    """Which images each run got wrong: a list of lists that knows its runs.

    Attributes:
        seeds: the seed of each run.
        data: the checksum of the data whose images are counted, of each run; empty where
            the record does not say it.
    """

    def __init__(
        self, lists: Iterable[list[int]], seeds: Iterable[int], data: Iterable[str]
    ) -> None:
        super().__init__(lists)
        self.seeds, self.data = tuple(seeds), tuple(data)

    def __reduce__(self) -> tuple[Any, ...]:
        return WrongImages, (list(self), self.seeds, self.data)

    def require_same(self, other: WrongImages) -> None:
        """Raise ValueError unless another list is of the same seeds and the same images.

        Args:
            other: of the method beside which this one stands.
        """
        _require_same(self.seeds, other.seeds)
        for seed, mine, its in zip(self.seeds, self.data, other.data, strict=True):
            if mine != its:
                raise ValueError(
                    f"the runs of seed {seed} were tested on different images (checksums "
                    f"of the data {mine or 'unknown'} and {its or 'unknown'}): which of "
                    "them were wrong cannot be compared"
                )


def paired(
    a: ArrayLike, b: ArrayLike, names: tuple[str, str] = ("a", "b")
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring two lists of runs into the same order, seed by seed.

    Args:
        a: (n,) one number a run. With seeds (``Runs``) they are compared; without, the
            runs are taken in the order in which they come.
        b: (n,) the same of the other method.
        names: of the two, for the messages.

    Returns:
        Both as plain arrays (n,), in the order of ``a``.

    Raises:
        TypeError: a list without seeds that holds no real numbers.
        ValueError: seeds that only one of them has; different lengths.
    """
    first, second = (
        x.plain() if isinstance(x, Runs) else check_numbers(name, x, at_least=1)
        for name, x in zip(names, (a, b), strict=True)
    )
    if isinstance(a, Runs) and isinstance(b, Runs) and a.seeds and b.seeds:
        if set(a.seeds) != set(b.seeds):
            raise ValueError(_missing(a.seeds, b.seeds, names))
        place = {seed: i for i, seed in enumerate(b.seeds)}
        second = second[[place[seed] for seed in a.seeds]]
    if first.shape != second.shape:
        raise ValueError(
            f"{names[0]} and {names[1]} must be paired run by run, got "
            f"{_count(first)} and {_count(second)} runs"
        )
    return first, second


def _count(values: NDArray[np.float64]) -> str:
    return str(len(values)) if values.ndim == 1 else f"shape {values.shape}"


def _plain(value: Any) -> Any:
    if isinstance(value, Runs):
        return value.plain()
    if type(value) in (list, tuple):
        return type(value)(_plain(part) for part in value)
    return value


def _require_same(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    if a == b:
        return
    if set(a) == set(b):
        raise ValueError(
            f"these runs have the same seeds in another order, {a} and {b}: "
            "kdteach.runs.paired brings them into one"
        )
    raise ValueError(_missing(a, b, ("the first", "the second")))


def _missing(a: tuple[int, ...], b: tuple[int, ...], names: tuple[str, str]) -> str:
    lacks = [
        f"{name} has no run of seed {', '.join(map(str, sorted(set(other) - set(own))))}"
        for name, own, other in ((names[0], a, b), (names[1], b, a))
        if set(other) - set(own)
    ]
    return (
        f"runs are compared seed by seed, but {' and '.join(lacks)}: take the seeds that "
        "both have, or run those that are missing"
    )
