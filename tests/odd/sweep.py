"""How the cases of a public function are written down, and equality of results."""

import contextlib
import dataclasses
import importlib
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from tests.odd.judge import Case
from tests.odd.values import Maybe, Odd, Same

Change = Callable[[], Mapping[str, Any]]
"""Makes the arguments that differ from the good ones."""
Check = Callable[[Any, dict[str, Any]], None]


def found(path: str) -> Any:
    """The thing of that public name, looked up when it is called."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        return getattr(found(module), name)


@contextlib.contextmanager
def _default(kind: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


CIRCUMSTANCES: dict[str, Callable[[], Any]] = {
    "default float64": lambda: _default(torch.float64),
    "in inference mode": torch.inference_mode,
    "under no_grad": torch.no_grad,
    "warnings are errors": _warnings_are_errors,
}
"""What callers may have switched on."""


class Function:
    """A public function, a good call of it, and odd ones that differ in an argument."""

    def __init__(
        self,
        path: str,
        good: Callable[[], dict[str, Any]],
        *,
        call: Callable[..., Any] | None = None,
        changes: Sequence[str] = (),
        errors: Sequence[type[BaseException]] = (),
        also: Mapping[str, Sequence[str]] | None = None,
        rtol: float = 0.0,
        unfinished: bool = False,
        title: str = "",
    ) -> None:
        """Say what is called.

        Args:
            path: public name.
            good: makes fresh arguments of a call that is right.
            call: is given them; by default the function.
            changes: arguments that it is there to change.
            errors: that are fitting besides the usual ones.
            also: of an argument, other words that name it in a message.
            rtol: by how much two equal results may differ.
            unfinished: it may stop half-way.
            title: of the call, by default the function's name.
        """
        self.title = title or path.removeprefix("kdteach.")
        self.path, self.good, self.rtol = path, good, rtol
        self.call = call or (lambda **arguments: found(path)(**arguments))
        self.changes, self.errors = tuple(changes), tuple(errors)
        self.also, self.unfinished = dict(also or {}), unfinished
        self.cases: list[Case] = []

    def names(self, arguments: Iterable[str]) -> tuple[str, ...]:
        """What may stand in a message for these arguments."""
        return tuple(
            word for name in arguments for word in (name, *self.also.get(name, ()))
        )

    def add(
        self,
        label: str,
        change: Change,
        *,
        names: Sequence[str] | None = None,
        right: Check | None = None,
        must: bool = False,
        alone: bool = False,
        common: bool = False,
        errors: Sequence[type[BaseException]] = (),
        changes: Sequence[str] | None = None,
        unfinished: bool | None = None,
        call: Callable[..., Any] | None = None,
    ) -> None:
        """Add a case; see ``Case``."""

        def arguments() -> tuple[dict[str, Any], tuple[str, ...]]:
            changed = change()
            return {**self.good(), **changed}, self.names(changed)

        self.cases.append(
            Case(
                self.path, f"{self.title}({label})", arguments, call or self.call,
                tuple(names or ()), right, must, (*self.errors, *errors),
                self.changes if changes is None else tuple(changes),
                self.unfinished if unfinished is None else unfinished, alone, common,
            )
        )  # fmt: skip

    def refuse(self, label: str, change: Change, **options: Any) -> None:
        """It must end in an error."""
        self.add(label, change, **options)

    def right(self, label: str, change: Change, check: Check, **options: Any) -> None:
        """It must be right, to judge by the check."""
        self.add(label, change, right=check, **{"must": True, **options})

    def either(self, label: str, change: Change, check: Check, **options: Any) -> None:
        """It must be right, to judge by the check, or end in an error."""
        self.add(label, change, right=check, **options)

    def same(self, label: str, change: Change, plain: Change, **options: Any) -> None:
        """It must give what plainer arguments give."""
        self.add(label, change, right=self._equal(plain), **{"must": True, **options})

    def vary(self, argument: str, odds: Iterable[Odd], **options: Any) -> None:
        """Put each odd value in the place of one argument."""
        for odd in odds:
            stands_for = odd.stands_for

            def change(odd: Odd = odd) -> dict[str, Any]:
                return {argument: odd.make()}

            label = f"{argument}: {odd.label}"
            more = {"names": self.names([argument]), **options}
            if stands_for is None:
                self.add(label, change, common=True, **more)
                continue

            def plain(stands_for: Same | Maybe = stands_for) -> dict[str, Any]:
                return {argument: stands_for.plain()}

            must = isinstance(stands_for, Same)
            self.add(label, change, right=self._equal(plain), must=must, **more)

    def circumstances(self, *, dtype: bool = True) -> None:
        """The good call where the caller has odd settings: it gives what it gives always.

        Args:
            dtype: whether another default precision changes nothing.
        """
        for label, make in CIRCUMSTANCES.items():
            if label == "default float64" and not dtype:
                continue

            def call(make: Callable[[], Any] = make, **arguments: Any) -> Any:
                with make():
                    return self.call(**arguments)

            self.add(
                label, nothing, names=("nothing",), must=True, call=call,
                right=self._equal(nothing),
            )  # fmt: skip

    def _equal(self, plain: Change) -> Check:
        def check(value: Any, arguments: dict[str, Any]) -> None:
            wanted = self.call(**{**self.good(), **plain()})
            require_equal(value, wanted, rtol=self.rtol)

        return check


class Room:
    """The functions of one room."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.functions: list[Function] = []

    def function(self, path: str, good: Callable[[], dict[str, Any]],
        **options: Any) -> Function:  # fmt: skip
        """A public function of this room; see ``Function``."""
        made = Function(path, good, **options)
        self.functions.append(made)
        return made

    def cases(self) -> dict[str, list[Case]]:
        """All cases, by the name of the function."""
        whole: dict[str, list[Case]] = {}
        for function in self.functions:
            whole.setdefault(function.path, []).extend(function.cases)
        return whole


def require_equal(value: Any, wanted: Any, *, rtol: float = 0.0, where: str = "") -> None:
    """Raise AssertionError where two results differ; NaN is NaN.

    Args:
        value: what came back.
        wanted: what should have.
        rtol: relative tolerance, on top of the rounding of the type itself.
        where: place in a larger result.
    """
    at = f" at {where}" if where else ""
    if isinstance(wanted, Tensor):
        assert isinstance(value, Tensor), f"a {type(value).__name__}, no tensor{at}"
        assert value.shape == wanted.shape, f"shape {tuple(value.shape)}{at}"
        exact = not (wanted.is_floating_point() or wanted.is_complex())
        slack = 0.0 if exact else max(rtol, _rounding(wanted.dtype))
        a, b = (t.detach().as_subclass(Tensor).cpu().to(torch.float64) for t in (value,
            wanted))  # fmt: skip
        size = float(b[torch.isfinite(b)].abs().max()) if torch.isfinite(b).any() else 0.0
        fine = torch.allclose(a, b, rtol=slack, atol=slack * size, equal_nan=True)
        assert fine, f"differs by {float((a - b).abs().max()):.3g}{at}"
    elif isinstance(wanted, nn.Module):
        assert str(value) == str(wanted), f"another network{at}"
        require_equal(dict(value.state_dict()), dict(wanted.state_dict()), rtol=rtol,
            where=at)  # fmt: skip
    elif isinstance(wanted, np.ndarray):
        assert isinstance(value, np.ndarray), f"a {type(value).__name__}, no array{at}"
        assert value.shape == wanted.shape, f"shape {value.shape}{at}"
        if wanted.dtype.kind in "fc":
            same = np.allclose(value, wanted, rtol=max(rtol, 1e-6), equal_nan=True)
        else:
            same = np.array_equal(value, wanted)
        assert same, f"{value} and not {wanted}{at}"
    elif isinstance(wanted, pd.DataFrame):
        assert isinstance(value, pd.DataFrame), f"a {type(value).__name__}{at}"
        assert value.equals(wanted), f"{value}{at}"
    elif dataclasses.is_dataclass(wanted) and not isinstance(wanted, type):
        assert type(value) is type(wanted), f"a {type(value).__name__}{at}"
        for part in dataclasses.fields(wanted):
            if part.name.startswith("_"):  # what was computed, not what it says
                continue
            require_equal(
                getattr(value, part.name), getattr(wanted, part.name), rtol=rtol,
                where=f"{where}.{part.name}",
            )  # fmt: skip
    elif isinstance(wanted, Mapping):
        assert set(value) == set(wanted), f"keys {list(value)}{at}"
        for key in wanted:
            require_equal(value[key], wanted[key], rtol=rtol, where=f"{where}[{key!r}]")
    elif isinstance(wanted, (list, tuple)):
        assert len(value) == len(wanted), f"length {len(value)}{at}"
        for number, (a, b) in enumerate(zip(value, wanted, strict=True)):
            require_equal(a, b, rtol=rtol, where=f"{where}[{number}]")
    elif isinstance(wanted, float):
        assert isinstance(value, (int, float)), f"a {type(value).__name__}{at}"
        both_nan = math.isnan(wanted) and math.isnan(value)
        near = math.isclose(value, wanted, rel_tol=max(rtol, 1e-9), abs_tol=1e-12)
        assert both_nan or near, f"{value!r} and not {wanted!r}{at}"
    elif hasattr(wanted, "alt") and hasattr(wanted, "canvas"):
        assert value.alt == wanted.alt, f"{value.alt!r}{at}"
    elif callable(wanted) and not isinstance(wanted, type):
        raise AssertionError(f"functions cannot be compared{at}")
    else:
        assert type(value) is type(wanted), f"a {type(value).__name__}{at}"
        assert value == wanted, f"{value!r} and not {wanted!r}{at}"


def _rounding(dtype: torch.dtype) -> float:
    return {torch.float64: 1e-11, torch.float32: 1e-5}.get(dtype, 1e-2)


def nothing() -> dict[str, Any]:
    """No argument is changed."""
    return {}


def near(wanted: float | Callable[[dict[str, Any]], float], rtol: float = 1e-9) -> Check:
    """The result is a number close to this."""

    def check(value: Any, arguments: dict[str, Any]) -> None:
        number = wanted(arguments) if callable(wanted) else wanted
        got = float(value)
        assert math.isclose(got, number, rel_tol=rtol,
            abs_tol=1e-300), f"{got!r}, not {number!r}"  # fmt: skip

    return check


def equals(wanted: Any, rtol: float = 0.0) -> Check:
    """The result is this, or what this makes of the arguments."""

    def check(value: Any, arguments: dict[str, Any]) -> None:
        require_equal(value, wanted(arguments) if callable(wanted) else wanted, rtol=rtol)

    return check
