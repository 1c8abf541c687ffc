"""Odd values for each kind of argument, and what may become of them.

Each is either refused, or must give what a plain value gives: ``Same``, where that is what
people do, ``Maybe``, where a library may support it or refuse it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.odd.judge import Broken


@dataclass(frozen=True, eq=False)
class Same:
    """It must give what the plain value gives."""

    plain: Callable[[], Any]


@dataclass(frozen=True, eq=False)
class Maybe:
    """It may give what the plain value gives, or be refused."""

    plain: Callable[[], Any]


REFUSED = None


@dataclass(frozen=True, eq=False)
class Odd:
    """A value: its name in the list of faults, how it is made, what it stands for."""

    label: str
    make: Callable[[], Any]
    stands_for: Same | Maybe | None = REFUSED


class Unprintable:
    """Its repr raises."""

    def __repr__(self) -> str:
        raise Broken("no repr")


class Sizeless:
    """Its length, its truth and its equality raise."""

    def __len__(self) -> int:
        raise Broken("no length")

    def __bool__(self) -> bool:
        raise Broken("no truth")

    def __eq__(self, other: object) -> bool:
        raise Broken("no equality")

    __hash__ = None  # type: ignore[assignment]


class Word(str):
    """A str of somebody's own."""


def refused(*pairs: tuple[str, Callable[[], Any]]) -> list[Odd]:
    """Values that must be refused."""
    return [Odd(label, make) for label, make in pairs]


_STRANGE: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("'3'", lambda: "3"),
    ("b'3'", lambda: b"3"),
    ("1j", lambda: 1j),
    ("[]", list),
    ("{}", dict),
    ("object()", object),
    ("a broken repr", Unprintable),
    ("a broken equality", Sizeless),
    ("the type float", lambda: float),
    ("an array of two", lambda: np.array([1.0, 2.0])),
    ("a tensor of two", lambda: torch.tensor([1.0, 2.0])),
    ("numpy.nan as str", lambda: np.str_("nan")),
    ("a date", lambda: np.datetime64("2020-01-01")),
    ("a meta tensor", lambda: torch.empty((), device="meta")),
    ("Ellipsis", lambda: ...),
)
"""No number, no word, no switch."""


def number(
    typical: float,
    inside: Callable[[float], bool],
    *,
    none: bool = False,
    exact: Sequence[float] = (),
) -> list[Odd]:
    """Odd values where a real number is expected.

    Args:
        typical: a good one, with few digits.
        inside: whether a finite number is in the range.
        none: whether None has a meaning.
        exact: odd numbers inside the range, whose results the caller can tell.
    """
    found = refused(*(p for p in _STRANGE))
    if not none:
        found.append(Odd("None", lambda: None))
    found += refused(
        ("True", lambda: True),
        ("numpy.True_", lambda: np.True_),
        ("nan", lambda: math.nan),
        ("inf", lambda: math.inf),
        ("-inf", lambda: -math.inf),
        ("numpy.float32('nan')", lambda: np.float32("nan")),
        ("10**400", lambda: 10**400),
        ("-10**400", lambda: -(10**400)),
        ("Fraction(10**400)", lambda: Fraction(10**400)),
    )
    for value in (0, -1, -0.0, 0.0, -1e-300, 1, 1.0, 2, 1e30, 1e-39, 5e-324, 1e308, 10**20):
        if not inside(float(value)):
            found.append(Odd(repr(value), lambda v=value: v))
        elif value in exact:
            found.append(Odd(repr(value), lambda v=value: v, Same(lambda v=value: v)))
    for kind in (np.float64, np.float32, np.float16, np.longdouble, np.int64, np.uint8):
        made = kind(typical)
        if inside(float(made)):
            plain = Same(lambda m=made: float(m))
            found.append(Odd(f"numpy.{kind.__name__}", lambda m=made: m, plain))
    if float(typical).is_integer():
        whole = Same(lambda: float(typical))
        found.append(Odd("a Python int", lambda: int(typical), whole))
    share = Fraction(typical).limit_denominator(1000)
    found.append(Odd("a Fraction", lambda: share, Maybe(lambda: float(share))))
    found.append(Odd("a Decimal", lambda: Decimal(str(typical)), Maybe(lambda: typical)))
    for label, make in (
        ("a tensor ()", lambda: torch.tensor(typical, dtype=torch.float64)),
        ("a tensor (1,)", lambda: torch.tensor([typical], dtype=torch.float64)),
        ("an array ()", lambda: np.array(typical)),
    ):
        found.append(Odd(label, make, Maybe(lambda: typical)))
    return found


def count(
    typical: int,
    *,
    least: int = 1,
    most: int | None = None,
    none: bool = False,
    heavy: Sequence[int] = (),
) -> list[Odd]:
    """Odd values where a whole number is expected.

    Args:
        typical: a good one.
        least, most: of the range.
        none: whether None has a meaning.
        heavy: numbers far too large to be worked on, to be refused.
    """
    found = refused(*_STRANGE)
    if not none:
        found.append(Odd("None", lambda: None))
    found += refused(
        ("True", lambda: True),
        ("numpy.True_", lambda: np.True_),
        ("2.5", lambda: 2.5),
        ("nan", lambda: math.nan),
        ("inf", lambda: math.inf),
        ("-1", lambda: min(-1, least - 1)),
        ("least - 1", lambda: least - 1),
        ("numpy.int64 below", lambda: np.int64(least - 1)),
        ("-10**400", lambda: -(10**400)),
        ("a Fraction", lambda: Fraction(5, 2)),
        ("a Decimal", lambda: Decimal("2.5")),
    )
    if most is not None:
        found += refused(
            ("most + 1", lambda: most + 1),
            ("10**400", lambda: 10**400),
            ("numpy.uint64 above", lambda: np.uint64(2**63)),
        )
    for value in heavy:
        found.append(Odd(f"a number of {len(str(value))} digits", lambda v=value: v))
    for kind in (np.int64, np.int32, np.uint8, np.int16):
        plain = Same(lambda: typical)
        found.append(Odd(f"numpy.{kind.__name__}", lambda k=kind: k(typical), plain))
    for label, make in (
        ("as a float", lambda: float(typical)),
        ("as numpy.float64", lambda: np.float64(typical)),
        ("an array ()", lambda: np.array(typical)),
        ("a tensor ()", lambda: torch.tensor(typical)),
    ):
        found.append(Odd(label, make, Maybe(lambda: typical)))
    return found


def seed(*, typical: int = 3) -> list[Odd]:
    """Odd values where the seed of a stream is expected."""
    return [odd for odd in count(typical, least=0) if odd.label != "least - 1"]


def switch(*, on: bool = True, none: bool = False) -> list[Odd]:
    """Odd values where True or False is expected."""
    found = refused(
        *(pair for pair in _STRANGE if pair[0] != "numpy.nan as str"),
        ("1", lambda: 1),
        ("0", lambda: 0),
        ("1.0", lambda: 1.0),
        ("'no'", lambda: "no"),
        ("'True'", lambda: "True"),
        ("numpy.int64(1)", lambda: np.int64(1)),
    )
    if not none:
        found.append(Odd("None", lambda: None))
    found.append(Odd("numpy.bool", lambda: np.bool_(on), Same(lambda: on)))
    for label, make in (
        ("a tensor ()", lambda: torch.tensor(on)),
        ("an array ()", lambda: np.array(on)),
    ):
        found.append(Odd(label, make, Maybe(lambda: on)))
    return found


def choice(good: str, *, none: bool = False) -> list[Odd]:
    """Odd values where one of some words is expected."""
    found = refused(
        ("another word", lambda: "nonsense"),
        ("an empty word", lambda: ""),
        ("in capitals", lambda: good.upper() + "!"),
        ("with a space", lambda: f" {good}"),
        ("with a line", lambda: f"{good}\n"),
        ("as bytes", lambda: good.encode()),
        ("3", lambda: 3),
        ("0", lambda: 0),
        ("True", lambda: True),
        ("nan", lambda: math.nan),
        ("in a list", lambda: [good]),
        ("in a dict", lambda: {good: good}),
        ("in a set", lambda: {good}),
        ("a broken repr", Unprintable),
        ("a broken equality", Sizeless),
        ("a tensor", lambda: torch.zeros(2)),
        ("an array", lambda: np.array([good, good])),
        ("a NUL", lambda: f"{good}\0"),
        ("half a character", lambda: "\ud800"),
        ("a long word", lambda: "x" * 100_000),
    )
    if not none:
        found.append(Odd("None", lambda: None))
    found.append(Odd("a subclass of str", lambda: Word(good), Same(lambda: good)))
    found.append(Odd("numpy.str_", lambda: np.str_(good), Same(lambda: good)))
    return found


def text() -> list[Odd]:
    """Odd values where any text is expected."""
    return refused(
        ("None", lambda: None),
        ("3", lambda: 3),
        ("nan", lambda: math.nan),
        ("True", lambda: True),
        ("bytes", lambda: b"a sentence of more than eight words, as bytes it is"),
        ("a list", lambda: ["a", "sentence"]),
        ("a dict", dict),
        ("a tensor", lambda: torch.zeros(2)),
        ("an array", lambda: np.zeros(2)),
        ("a broken repr", Unprintable),
        ("a broken equality", Sizeless),
        ("the type str", lambda: str),
    )


def function(*, none: bool = False) -> list[Odd]:
    """What cannot be called, where something that can is expected."""
    found = refused(
        ("3", lambda: 3),
        ("a word", lambda: "adam"),
        ("True", lambda: True),
        ("[]", list),
        ("a dict", dict),
        ("a tensor", lambda: torch.zeros(2)),
        ("a broken repr", Unprintable),
        ("a broken equality", Sizeless),
    )
    return found if none else [*found, Odd("None", lambda: None)]


def dtype(*, none: bool = False) -> list[Odd]:
    """What is no type of floating-point numbers."""
    found = refused(
        ("torch.int8", lambda: torch.int8),
        ("torch.bool", lambda: torch.bool),
        ("torch.complex64", lambda: torch.complex64),
        ("torch.float8", lambda: torch.float8_e4m3fn),
        ("torch.quint8", lambda: torch.quint8),
        ("'nonsense'", lambda: "nonsense"),
        ("'int8'", lambda: "int8"),
        ("'nn'", lambda: "nn"),
        ("an empty word", lambda: ""),
        ("3", lambda: 3),
        ("a tensor", lambda: torch.zeros(2)),
        ("numpy.int64", lambda: np.int64),
        ("a broken repr", Unprintable),
        ("a broken equality", Sizeless),
    )
    found += [
        Odd("float", lambda: float, Maybe(lambda: torch.float64)),
        Odd("numpy.float64", lambda: np.float64, Maybe(lambda: torch.float64)),
        Odd("a numpy.dtype", lambda: np.dtype("float64"), Maybe(lambda: torch.float64)),
        Odd("'float64'", lambda: "float64", Maybe(lambda: torch.float64)),
        Odd("'torch.float64'", lambda: "torch.float64", Maybe(lambda: torch.float64)),
    ]
    return found if none else [*found, Odd("None", lambda: None)]


# tensors


def no_tensor(like: Tensor) -> list[Odd]:
    """What is no dense tensor with values."""
    return refused(
        ("None", lambda: None),
        ("a word", lambda: "logits"),
        ("3.0", lambda: 3.0),
        ("a dict", lambda: {"logits": like.clone()}),
        ("a tuple of tensors", lambda: (like.clone(), like.clone())),
        ("a class", lambda: Tensor),
        ("a broken repr", Unprintable),
        ("a broken equality", Sizeless),
        ("a generator", lambda: (row for row in like.clone())),
        ("a meta tensor", lambda: like.to("meta")),
        ("a sparse tensor", lambda: like.to_sparse()),
        ("a network", lambda: nn.Linear(2, 2)),
    )


def as_lists(like: Tensor) -> list[Odd]:
    """The same numbers, not as a tensor."""
    plain = Maybe(lambda: like.clone())
    return [
        Odd("an array", lambda: like.numpy().copy(), plain),
        Odd("nested lists", lambda: like.tolist(), plain),
    ]


def layouts(like: Tensor) -> list[Odd]:
    """The same numbers, otherwise in memory or in autograd."""

    def expanded() -> Tensor:
        return like.clone()[None].expand(2, *like.shape)[1]

    def strided() -> Tensor:
        return like.repeat_interleave(2, dim=-1)[..., ::2]

    def turned() -> Tensor:
        return like.transpose(0, -1).contiguous().transpose(0, -1)

    def made_in_inference() -> Tensor:
        with torch.inference_mode():
            return like.clone()

    def parameter() -> Tensor:
        return nn.Parameter(like.clone())

    class Subclass(Tensor):
        pass

    plain = Same(lambda: like.clone())
    found = [
        Odd("strided", strided, plain),
        Odd("expanded", expanded, plain),
        Odd("transposed", turned, plain),
        Odd("of inference mode", made_in_inference, plain),
        Odd("a subclass", lambda: like.clone().as_subclass(Subclass), plain),
    ]
    if like.is_floating_point():
        found.append(Odd("a parameter", parameter, plain))
        found.append(Odd("read-only", lambda: _read_only(like), plain))
    return found


def _read_only(like: Tensor) -> Tensor:
    """As from an array in a file that nobody may write."""
    array = like.numpy().copy()
    array.setflags(write=False)
    return torch.from_numpy(array)


def _nested(like: Tensor) -> Tensor:
    return torch.nested.nested_tensor([like[:1].clone(), like.clone()])


def logits(like: Tensor, *, lists: bool = True) -> list[Odd]:
    """Odd values where finite floating-point (N, C) is expected."""

    def with_value(value: float) -> Callable[[], Tensor]:
        def make() -> Tensor:
            spoiled = like.clone()
            spoiled[-1, 0] = value
            return spoiled

        return make

    found = no_tensor(like) + layouts(like) + (as_lists(like) if lists else [])
    found += refused(
        ("empty", lambda: like[:0]),
        ("no columns", lambda: like[:, :0]),
        ("()", lambda: torch.tensor(1.0, dtype=like.dtype)),
        ("(N,)", lambda: like[:, 0].clone()),
        ("(1, N, C)", lambda: like[None].clone()),
        ("integers", lambda: like.long()),
        ("bool", lambda: like > 0),
        ("complex", lambda: like.to(torch.complex64)),
        ("float8", lambda: like.float().to(torch.float8_e4m3fn)),
        ("nested", lambda: _nested(like)),
        ("quantised", lambda: _quantised(like)),
        ("NaN", with_value(math.nan)),
        ("inf", with_value(math.inf)),
        ("-inf", with_value(-math.inf)),
    )
    return found


def _quantised(like: Tensor) -> Tensor:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(like.float(), 0.1, 0, torch.qint8)


def labels(like: Tensor, classes: int) -> list[Odd]:
    """Odd values where (N,) class numbers are expected."""
    found = [odd for odd in no_tensor(like) if odd.label != "a sparse tensor"]
    found += layouts(like) + as_lists(like)
    found += refused(
        ("negative", lambda: like - 1 - like.max()),
        ("one is -1", lambda: torch.cat([like[:-1], like.new_tensor([-1])])),
        ("ignore_index", lambda: torch.cat([like[:-1], like.new_tensor([-100])])),
        ("C itself", lambda: torch.cat([like[:-1], like.new_tensor([classes])])),
        ("10**9", lambda: torch.cat([like[:-1], like.new_tensor([10**9])])),
        ("2**62", lambda: torch.cat([like[:-1], like.new_tensor([2**62])])),
        ("(N, 1)", lambda: like[:, None].clone()),
        ("one-hot", lambda: nn.functional.one_hot(like, classes)),
        ("one for all", lambda: like[:1].clone()),
        ("()", lambda: like[0].clone()),
        ("too few", lambda: like[:-1].clone()),
        ("too many", lambda: torch.cat([like, like[:1]])),
        ("empty", lambda: like[:0].clone()),
        ("floats", lambda: like.double()),
        ("floats with halves", lambda: like.double() + 0.5),
        ("NaN", lambda: like.double() * math.nan),
        ("bool", lambda: like > 0),
        ("complex", lambda: like.to(torch.complex64)),
    )
    for kind in (torch.int32, torch.uint8, torch.int8, torch.int16):
        name = str(kind).removeprefix("torch.")
        found.append(Odd(name, lambda k=kind: like.to(k), Maybe(lambda: like.clone())))
    return found


# paths and names


def path() -> list[Odd]:
    """What is no path."""
    return refused(
        ("3", lambda: 3),
        ("1.5", lambda: 1.5),
        ("True", lambda: True),
        ("a list", lambda: ["folder"]),
        ("a NUL", lambda: "fol\0der"),
        ("half a character", lambda: "fol\ud800der"),
        ("an empty path", lambda: ""),
        ("a tensor", lambda: torch.zeros(2)),
        ("a broken repr", Unprintable),
        ("the class Path", lambda: Path),
        ("too long a name", lambda: f"/tmp/{'x' * 300}/y"),
    )


def file_name() -> list[Odd]:
    """What may not become the name of a file."""
    return refused(
        ("../x", lambda: "../x"),
        ("a/b", lambda: "a/b"),
        ("/etc/x", lambda: "/etc/x"),
        ("empty", lambda: ""),
        (".", lambda: "."),
        ("..", lambda: ".."),
        (".hidden", lambda: ".hidden"),
        ("C:\\x", lambda: "C:\\x"),
        ("a NUL", lambda: "a\0b"),
        ("a line", lambda: "a\nb"),
        ("half a character", lambda: "a\ud800"),
        ("too long", lambda: "x" * 5000),
        ("bytes", lambda: b"x"),
        ("3", lambda: 3),
        ("None", lambda: None),
        ("a path", lambda: Path("x")),
        ("a list", lambda: ["x"]),
        ("a broken repr", Unprintable),
        ("~", lambda: "~"),
        ("a star", lambda: "*"),
        ("a pipe", lambda: "x|y"),
    )
