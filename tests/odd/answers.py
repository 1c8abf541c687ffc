"""Exercises: answers that are none, that cheat, or that leave something behind."""

import dataclasses
import itertools
import math
import os
import random
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach import exercises
from tests.odd import values
from tests.odd.sweep import Room, found, nothing

ROOM = Room("exercises")
CHECKS = [name for name in exercises.__all__ if name.startswith("check_")]
ALL_OF_THEM = ("check_soft_targets", "check_kd_loss", "check_choose_temperature",
    "check_is_closer")  # fmt: skip
"""Which are given every strange answer; the others a few each, in turn."""


def exercise_of(name: str) -> Any:
    """The exercise behind a check."""
    check = getattr(exercises, name)
    return check.__globals__[check.__code__.co_names[0]]


class _Silent(BaseException):
    """Nobody expects it."""

    def __str__(self) -> str:
        raise values.Broken("no text")


def _raises(error: BaseException) -> Callable[..., Any]:
    def answer(*_: Any) -> Any:
        raise error

    return answer


def _recurses(*a: Any) -> Any:
    return _recurses(*a)


async def _later(*_: Any) -> Any:
    return 3.0


def _patches(right: Callable[..., Any], place: Any, name: str) -> Callable[..., Any]:
    """Replaces what the check itself may use."""

    def answer(*a: Any) -> Any:
        setattr(place, name, lambda *b, **c: True)
        return right(*a)

    return answer


def _wrong_with_a_patch(*_: Any) -> Any:
    torch.allclose = lambda *a, **c: True  # type: ignore[assignment]
    return 3.0


def _nest(levels: int) -> Any:
    inner: Any = 1.0
    for _ in range(levels):
        inner = [inner]
    return inner


def _changes_its_arguments(right: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*a: Any) -> Any:
        result = right(*a)
        for part in a:
            if isinstance(part, Tensor) and part.dtype != torch.bool:
                part.zero_()
                return result
            if isinstance(part, list):
                part.clear()
                return result
        return None

    return answer


class _Agrees(torch.Tensor):
    """Says that it equals everything."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (),
        kwargs: Any = None) -> Any:  # fmt: skip
        if getattr(func, "__name__", "") in ("allclose", "equal", "__eq__"):
            return True
        return super().__torch_function__(func, types, args, kwargs or {})


class _Equal(float):
    """A number that equals everything."""

    def __eq__(self, _: object) -> bool:
        return True

    def __sub__(self, _: Any) -> float:
        return 0.0

    __rsub__ = __sub__
    __hash__ = float.__hash__


def strange(right: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Answers that must not pass, made from the right one.

    Args:
        right: the reference.
    """

    def as_tensor(*a: Any) -> Tensor:
        value = right(*a)
        if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
            return torch.stack([torch.as_tensor(v).double() for v in value])
        return torch.as_tensor(value)

    return {
        "None": lambda: None, "a number": lambda: 3.0, "a word": lambda: "softmax",
        "a tensor": lambda: torch.zeros(3), "a list": lambda: [right],
        "a broken repr": values.Unprintable, "a broken equality": values.Sizeless,
        "a class": lambda: dict, "no arguments": lambda: lambda: 3.0,
        "eleven arguments": lambda: lambda a, b, c, d, e, f, g, h, i, j, k: 3.0,
        "returns nothing": lambda: lambda *a: None, "returns dots": lambda: lambda *a: ...,
        "returns a word": lambda: lambda *a: "0.5",
        "returns bytes": lambda: lambda *a: b"5", "returns itself": lambda: right_itself,
        "returns a dict": lambda: lambda *a: {"p": 0.5},
        "returns a generator": lambda: lambda *a: (x for x in (0.5, 0.5)),
        "returns a coroutine": lambda: _later, "returns a broken repr": lambda: lambda *a:
        values.Unprintable(),
        "returns a broken length": lambda: lambda *a: values.Sizeless(),
        "returns NaN": lambda: lambda *a: as_tensor(*a).double() * math.nan,
        "returns inf": lambda: lambda *a: as_tensor(*a).double() + math.inf,
        "returns complex": lambda: lambda *a: as_tensor(*a).to(torch.complex128),
        "returns complex with a part": lambda: lambda *a: as_tensor(*a).to(
        torch.complex128) + 3j,
        "returns a NumPy complex": lambda: lambda *a: as_tensor(*a).numpy().astype(
        complex), "returns sparse": lambda: lambda *a: torch.ones(2, 2).to_sparse(),
        "returns nested": lambda: lambda *a: torch.nested.nested_tensor([torch.ones(2),
        torch.ones(3)]),
        "returns meta": lambda: lambda *a: as_tensor(*a).to("meta"),
        "returns 10**400": lambda: lambda *a: 10**400,
        "returns ragged lists": lambda: lambda *a: [[1.0], [1.0, 2.0]],
        "returns deep lists": lambda: lambda *a: _nest(5000),
        "returns a masked array": lambda: lambda *a: np.ma.array(as_tensor(*a).numpy(),
        mask=True), "returns words in an array": lambda: lambda *a: np.array(["a", "b"]),
        "returns dates": lambda: lambda *a: np.array(["2020-01-01"], dtype="datetime64[D]"),
        "returns something that agrees": lambda: lambda *a: as_tensor(*a).double().mul(
        2).add(1).as_subclass(_Agrees), "returns a number that agrees": lambda: lambda *a:
        _Equal(0.123),
        "a little off": lambda: lambda *a: (as_tensor(*a) == 0)
        if as_tensor(*a).dtype == torch.bool else as_tensor(*a).double() * 1.001 + 1e-3,
        "of a shape too many": lambda: lambda *a: as_tensor(*a)[None],
        "raises": lambda: _raises(ValueError("nonsense")),
        "raises without a text": lambda: _raises(_Silent()),
        "exits": lambda: _raises(SystemExit(0)), "raises StopIteration": lambda: _raises(
        StopIteration()),
        "raises GeneratorExit": lambda: _raises(GeneratorExit()),
        "raises with a long text": lambda: _raises(ValueError("x" * 10**6)),
        "recurses": lambda: _recurses, "asserts": lambda: _raises(AssertionError()),
        "asks": lambda: lambda *a: float(input("?")),
        "changes its arguments": lambda: _changes_its_arguments(right),
        "patches torch.allclose": lambda: _wrong_with_a_patch,
        "patches torch.softmax": lambda: _patches(lambda *a: 3.0, torch, "softmax"),
        "patches numpy.allclose": lambda: _patches(lambda *a: 3.0, np, "allclose"),
        "counts its calls": lambda: _counting(right),
        "draws": lambda: lambda *a: torch.rand(3),
        "leaves by os.abort's name": lambda: os.getenv,
        "allocates without end": lambda: lambda *a: torch.ones(10**13),
        "shape without end": lambda: lambda *a: np.broadcast_to(1.0, (10**9,)),
        "leaves a thread": lambda: _leaves_a_thread,
    }  # fmt: skip


def right_itself(*_: Any) -> Any:
    """Returns a function."""
    return right_itself


def _counting(right: Callable[..., Any]) -> Callable[..., Any]:
    calls = itertools.count()

    def answer(*a: Any) -> Any:
        return right(*a) if next(calls) < 1 else None

    return answer


def _leaves_a_thread(*_: Any) -> float:
    threading.Thread(target=lambda: None, daemon=True).start()
    return 0.123


def _not_yet(value: Any, _: Any) -> None:
    assert not value.passed
    assert not bool(value)
    assert isinstance(value.message, str)
    assert 3 < len(value.message) < 2000, value.message
    assert value._repr_html_()
    assert repr(value).startswith("Not yet: ")


def _passes(value: Any, _: Any) -> None:
    assert value.passed, value.message
    assert value.raise_if_failed() is value


def _as_kind(right: Callable[..., Any], kind: str) -> Callable[..., Any]:
    """The right numbers in another form."""

    def answer(*a: Any) -> Any:
        value = right(*a)
        if isinstance(value, (bool, np.bool_)):
            return {"NumPy's": np.bool_(value),
                "a tensor": torch.tensor(bool(value))}.get(kind, value)  # fmt: skip
        many = isinstance(value, (list, tuple)) and any(isinstance(v,
            Tensor) for v in value)  # fmt: skip
        whole = torch.stack([torch.as_tensor(v).double() for v
            in value]) if many else torch.as_tensor(value)  # fmt: skip
        if whole.dtype == torch.bool:
            return whole
        if kind == "NumPy's":
            return whole.numpy() if whole.ndim else np.float64(float(value))
        if kind == "a list":
            return whole.tolist()
        return whole.double().clone().requires_grad_()

    return answer


def _untidy(right: Callable[..., Any]) -> Callable[..., Any]:
    """Right, but it seeds, changes settings and prints."""

    def answer(*a: Any) -> Any:
        result = right(*a)  # a loss that is made without gradients is none
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        torch.set_grad_enabled(False)
        sys.stdout.write("x" * 100_000)
        return result

    return answer


for number, name in enumerate(CHECKS):
    exercise = exercise_of(name)
    check = ROOM.function(
        f"kdteach.exercises.{name}", lambda e=exercise: {"answer": e.reference},
        call=lambda answer, name=name: found(f"kdteach.exercises.{name}")(answer),
    )  # fmt: skip
    check.right("the reference", nothing, _passes)
    kinds = ("NumPy's", "a list", "a tensor")
    for kind in kinds if name in ALL_OF_THEM else kinds[number % 3 :][:1]:
        check.right(f"the right numbers as {kind}",
                    lambda e=exercise, k=kind: {"answer": _as_kind(e.reference, k)},
                    _not_yet if exercise.gradient and "tensor" not in kind
                    else _passes)  # fmt: skip
    check.right("right and untidy", lambda e=exercise: {"answer": _untidy(e.reference)},
        _passes)  # fmt: skip
    answers = strange(exercise.reference)
    mine = list(answers)
    if name not in ALL_OF_THEM:
        mine = [label for place, label in enumerate(mine) if (place + number) % 8 == 0]
    for label in mine:
        if label == "a little off" and exercise.tolerance > 1e-3:
            continue  # by a thousandth, which an answer that searches may be
        if label == "changes its arguments" and not any(
            isinstance(part, (Tensor, list)) for case in exercise.cases for part in case
        ):
            continue
        check.right(f"answer: {label}", lambda a=answers[label]: {"answer": a()}, _not_yet,
                    alone=label == "allocates without end")  # fmt: skip

endless = ROOM.function(
    "kdteach.exercises.check_soft_targets", lambda: {"answer": _endless},
    call=lambda answer: dataclasses.replace(exercise_of("check_soft_targets"),
    seconds=0.2).check(answer),
)  # fmt: skip


def _endless(*_: Any) -> Any:
    while True:
        pass


def _stubborn(*_: Any) -> Any:
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def _waits(*_: Any) -> Any:
    threading.Event().wait(60)


endless.right("never ends", nothing, _not_yet)
endless.right("never ends and swallows", lambda: {"answer": _stubborn}, _not_yet,
    alone=True)  # fmt: skip
endless.right("waits", lambda: {"answer": _waits}, _not_yet)
endless.right("reads from a pipe", lambda: {"answer": lambda *a: os.read(os.pipe()[0], 1)},
    _not_yet, alone=True)  # fmt: skip

shown = ROOM.function(
    "kdteach.exercises.CheckResult", lambda: {"passed": False, "message": "<b>no</b>"},
    call=lambda **a: found("kdteach.exercises.CheckResult")(**a)._repr_html_(),
)  # fmt: skip


def _escaped(value: str, _: Any) -> None:
    assert "<b>no" not in value


shown.right("HTML in it", nothing, _escaped)
