"""Odd lists of numbers and of truths, as statistics and figures take them."""

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import torch
from torch import nn

from tests.odd.values import Maybe, Odd, Same, Sizeless, Unprintable, refused


def numbers(like: Sequence[float], *, short: bool = True,
    infinite: bool = True) -> list[Odd]:  # fmt: skip
    """Odd values where a list of finite numbers is expected.

    Args:
        like: a good one, of whole numbers.
        short: whether an empty list and one of a single number are too short.
        infinite: whether NaN and infinity are refused.
    """
    plain = [float(value) for value in like]
    same, maybe = Same(lambda: list(plain)), Maybe(lambda: list(plain))
    found = [
        Odd("a tuple", lambda: tuple(plain), same),
        Odd("of ints", lambda: [int(value) for value in plain], same),
        Odd("float32", lambda: np.array(plain, dtype=np.float32), same),
        Odd("int64", lambda: np.array(plain, dtype=np.int64), same),
        Odd("uint8", lambda: np.array(plain, dtype=np.uint8), same),
        Odd("float16", lambda: np.array(plain, dtype=np.float16), same),
        Odd("strided", lambda: np.repeat(np.array(plain), 2)[::2], same),
        Odd("big endian", lambda: np.array(plain, dtype=">f8"), same),
        Odd("a tensor", lambda: torch.tensor(plain), maybe),
        Odd("a bfloat16 tensor", lambda: torch.tensor(plain, dtype=torch.bfloat16), maybe),
        Odd("a parameter", lambda: nn.Parameter(torch.tensor(plain)), maybe),
        Odd("a Series", lambda: pd.Series(plain), same),
        Odd("a Series with an index", lambda: pd.Series(plain, index=_index(plain)), same),
        Odd("a generator", lambda: (value for value in plain), maybe),
        Odd("Fractions", lambda: [Fraction(value) for value in plain], maybe),
        Odd("Decimals", lambda: [Decimal(value) for value in plain], maybe),
        Odd("an array of objects", lambda: np.array(plain, dtype=object), maybe),
        Odd("NumPy scalars", lambda: [np.float32(value) for value in plain], same),
        Odd("tensors in a list", lambda: [torch.tensor(v) for v in plain], maybe),
        Odd("a masked array, nothing hidden", lambda: np.ma.array(plain), maybe),
    ]
    found += refused(
        ("None", lambda: None),
        ("a number", lambda: 3.0),
        ("a word", lambda: "123"),
        ("bytes", lambda: b"123"),
        ("words", lambda: [str(value) for value in plain]),
        ("a set", lambda: set(plain)),
        ("a dict", lambda: dict.fromkeys(plain, 1.0)),
        ("two-dimensional", lambda: [plain, plain]),
        ("a column", lambda: np.array(plain)[:, None]),
        ("ragged", lambda: [plain, plain[:1]]),
        ("complex", lambda: [value + 1j for value in plain]),
        ("a complex array", lambda: np.array(plain, dtype=complex)),
        ("with None", lambda: [*plain[:-1], None]),
        ("with a word", lambda: [*plain[:-1], "3"]),
        ("with a list", lambda: [*plain[:-1], [1.0]]),
        ("with 10**400", lambda: [*plain[:-1], 10**400]),
        ("with a broken repr", lambda: [*plain[:-1], Unprintable()]),
        ("dates", lambda: np.array(["2020-01-01"] * len(plain), dtype="datetime64[D]")),
        ("spans of time", lambda: np.array([1] * len(plain), dtype="timedelta64[s]")),
        ("records", lambda: np.zeros(len(plain), dtype=[("a", float)])),
        ("a masked array", lambda: np.ma.array(plain, mask=[1] + [0] * (len(plain) - 1))),
        ("a Series with NA", lambda: pd.Series([*plain[:-1], None], dtype="Float64")),
        ("a DataFrame", lambda: pd.DataFrame({"a": plain})),
        ("a sparse tensor", lambda: torch.tensor(plain).to_sparse()),
        ("a meta tensor", lambda: torch.tensor(plain).to("meta")),
        ("a broken length", Sizeless),
        ("a function", lambda: len),
    )
    if infinite:
        found += refused(
            ("with NaN", lambda: [*plain[:-1], math.nan]),
            ("with inf", lambda: [*plain[:-1], math.inf]),
            ("with -inf", lambda: np.array([*plain[:-1], -math.inf], dtype=np.float32)),
        )
    if short:
        found += refused(("empty", list), ("of one", lambda: plain[:1]))
    return found


def _index(values: Sequence[float]) -> list[int]:
    return list(range(10, 10 + len(values)))


def truths(like: Sequence[bool]) -> list[Odd]:
    """Odd values where a list of True and False is expected."""
    plain = list(like)
    same, maybe = Same(lambda: list(plain)), Maybe(lambda: list(plain))
    found = [
        Odd("a tuple", lambda: tuple(plain), same),
        Odd("an array", lambda: np.array(plain), same),
        Odd("a tensor", lambda: torch.tensor(plain), same),
        Odd("a Series", lambda: pd.Series(plain), same),
        Odd("numpy.bool in a list", lambda: [np.bool_(value) for value in plain], same),
        Odd("strided", lambda: np.repeat(np.array(plain), 2)[::2], same),
        Odd("0 and 1", lambda: [int(value) for value in plain], maybe),
        Odd("0 and 1, uint8", lambda: np.array(plain, dtype=np.uint8), maybe),
        Odd("0.0 and 1.0", lambda: [float(value) for value in plain], maybe),
        Odd("objects", lambda: np.array(plain, dtype=object), maybe),
        Odd("a generator", lambda: (value for value in plain), maybe),
    ]
    found += refused(
        ("numbers of images", lambda: [3 + i for i in range(len(plain))]),
        ("-1 and 1", lambda: [1 if value else -1 for value in plain]),
        ("0 and 2", lambda: [2 * value for value in plain]),
        ("probabilities", lambda: [0.9 if value else 0.1 for value in plain]),
        ("NaN", lambda: [math.nan] * len(plain)),
        ("words", lambda: [str(value) for value in plain]),
        ("bytes in a list", lambda: [b"1"] * len(plain)),
        ("with None", lambda: [*plain[:-1], None]),
        ("None", lambda: None),
        ("a word", lambda: "1011"),
        ("True", lambda: True),
        ("complex", lambda: [1j * value for value in plain]),
        ("a column", lambda: np.array(plain)[:, None]),
        ("ragged", lambda: [plain, plain[:1]]),
        ("a set", lambda: set(plain)),
        ("a dict", lambda: dict(enumerate(plain))),
        ("too few", lambda: plain[:-1]),
        ("empty", list),
        ("dates", lambda: np.array(["2020-01-01"] * len(plain), dtype="datetime64[D]")),
        ("a masked array", lambda: np.ma.array(plain, mask=[1] + [0] * (len(plain) - 1))),
        ("a sparse tensor", lambda: torch.tensor(plain).to_sparse()),
        ("a meta tensor", lambda: torch.tensor(plain).to("meta")),
        ("a broken length", Sizeless),
    )
    return found
