"""Checks of the chapter *Temperature*."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip

_Z = torch.tensor([[4.0, 2.5, 0.0], [-1.0, 0.5, 3.0]], dtype=torch.float64)
# one row lies thousands lower than the other, which changes nothing
_LOW = torch.tensor([[4.0, 2.5, 0.0], [-3001.0, -3000.0, -2998.0]], dtype=torch.float64)


def _soft(
    logits: Tensor,
    temperature: float,
    *,
    scale: str = "divide",
    shift: str = "row",
    after: str = "",
    over: str = "row",
    base: float = math.e,
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    inside = {
        "divide": 1 / temperature,
        "multiply": temperature,
        "square": 1 / temperature**2,
        "root": 1 / temperature**0.5,
        "none": 1.0,
        "outside": 1.0,
    }
    shifts = {
        "row": logits.amax(dim=1, keepdim=True),
        "table": logits.max(),
        "column": logits.amax(dim=0),
        "none": torch.zeros(()),
        "mean": logits.mean(dim=1, keepdim=True),
        "smallest": logits.amin(dim=1, keepdim=True),
        "undivided": temperature * logits.amax(dim=1, keepdim=True),
        "numerator": logits.amax(dim=1, keepdim=True),
    }
    if over == "column" and shift == "row":  # whoever sums over columns subtracts theirs
        shift = "column"
    scaled = (logits - shifts[shift]) * inside[scale]
    weights = (scaled * math.log(base)).exp()
    below = (logits * inside[scale]).exp() if shift == "numerator" else weights
    sums = {
        "row": below.sum(dim=1, keepdim=True),
        "column": below.sum(dim=0, keepdim=True),
        "table": below.sum(),
        "none": torch.ones(()),
        "largest": below.amax(dim=1, keepdim=True),
        "count": torch.full((), float(logits.shape[1])),
    }
    found: Tensor = weights / sums[over]
    found = found / temperature if scale == "outside" else found
    if after == "twice":
        return torch.softmax(found, dim=1)
    found = found.log() if after == "log" else found
    return found


def _added(small: float, logits: Tensor, temperature: float) -> Tensor:
    weights = ((logits - logits.amax(dim=1, keepdim=True)) / temperature).exp()
    return weights / (weights.sum(dim=1, keepdim=True) + small)


def _cut_off(most: float, logits: Tensor, temperature: float) -> Tensor:
    return torch.softmax((logits / temperature).clamp(-most, most), dim=1)


def _moved(constant: float, logits: Tensor, temperature: float) -> Tensor:
    weights = ((logits - constant) / temperature).exp()
    return weights / weights.sum(dim=1, keepdim=True)


_SOFT_TARGETS = Exercise(
    _soft,
    ((_Z, 1.0), (_Z, 2.0), (_Z, 0.5), (_Z[:1], 20.0), (1000 * _Z, 2.0), (_LOW, 4.0)),
    (
        Mistake(
            "that is a sigmoid: it looks at each logit alone, and the rows do not sum to "
            "1.",
            lambda z, t: torch.sigmoid(z / t),
        ),
        *(
            Mistake(
                "you cut the logits off to avoid the overflow: two large ones come out "
                "equal then. What can you subtract from every logit of a row without "
                "changing the result?",
                partial(_cut_off, most),
            )
            for most in (20.0, 30.0, 50.0, 80.0, 85.0, 88.0, 100.0, 500.0, 700.0)
        ),
        *(
            Mistake(
                "you add something small to the sum, and the rows no longer sum to 1. The "
                "largest of a row gives exp(0) = 1: that sum is never 0.",
                partial(_added, small),
            )
            for small in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
        ),
        *(
            Mistake(
                "you subtract the same number from all logits. Ordinary ones lie far below "
                "it: exp gives 0 for each of them, and 0/0 is no number. Take what suits "
                "each row: which of its own logits?",
                partial(_moved, constant),
            )
            for constant in (1e3, 1.5e3, 2e3, 2.5e3, 3e3, 4e3, 5e3, 1e4)
        ),
        Mistake(
            "your rows sum to T: the temperature belongs inside the exponential.",
            lambda z, t: t * torch.softmax(z, dim=1),
        ),
        Mistake(
            "a softmax with T = 1 knows nothing of T any more: T belongs inside the "
            "exponential, before the sum.",
            lambda z, t: torch.softmax(z, dim=1) ** t,
        ),
    ),
    "rows sum to 1, T flattens, and large logits do no harm.",
    laws=(Law("every row sums to 1", lambda p, *_: _sums_to_one(p)),),
    slips=(
        slip("your rows sum to 1, but T = 2 sharpens: did you multiply?", scale="multiply"),
        slip(
            "your rows sum to 1/T: the temperature belongs inside the exponential.",
            scale="outside",
        ),
        slip(
            "your columns sum to 1: along which dimension are the classes?", over="column"
        ),
        slip(
            "the temperature has no effect in your function. Does it stand inside the "
            "exponential?",
            scale="none",
        ),
        slip(
            "right for ordinary logits, but exp overflows for large ones. What can you "
            "subtract from every logit of a row without changing the result?",
            shift="none",
        ),
        slip(
            "you subtract the largest logit of the whole table. A row that lies thousands "
            "lower is then all zeros, and 0/0 is no number: each row has a largest of its "
            "own.",
            shift="table",
        ),
        slip(
            "you subtract the largest of each column. Only what is the same for a whole "
            "row may be subtracted.",
            shift="column",
        ),
        slip(
            "subtracting the mean is allowed, but it does not help against overflow: after "
            "it the largest logit may still be in the thousands.",
            shift="mean",
        ),
        slip(
            "subtracting the smallest is allowed, but it does not help against overflow: "
            "it makes the largest larger still.",
            shift="smallest",
        ),
        slip(
            "you divide the logits by T, and subtract the largest undivided: both need the "
            "same scale. With large logits everything else becomes 0.",
            shift="undivided",
        ),
        slip(
            "you subtract the largest in the numerator alone; the sum below it needs the "
            "same, or the rows do not sum to 1.",
            shift="numerator",
        ),
        slip(
            "the numbers have the right proportions, but the rows do not sum to 1: what "
            "has to be divided by what?",
            over="none",
        ),
        slip(
            "you divided by the sum of the whole table; each row needs a sum of its own.",
            over="table",
        ),
        slip("you took the mean over the classes; the rows should sum to 1.", over="count"),
        slip("you divide by the square of T.", scale="square"),
        slip("you divide by the root of T.", scale="root"),
        slip("these are the logarithms of the probabilities.", after="log"),
        slip(
            "there is a softmax too many: yours is the softmax of probabilities.",
            after="twice",
        ),
        slip("you took powers of 2; the softmax uses e, that is exp.", base=2.0),
    ),
)


def _sums_to_one(rows: Tensor) -> bool:
    return rows.dim() == 2 and bool(((rows.sum(dim=1) - 1).abs() < 1e-6).all())


def _temperature_for(
    margin: float,
    probability: float,
    *,
    odds: str = "p/(1-p)",
    log: str = "e",
    turn: str = "margin above",
) -> float:
    """The right answer of the second exercise, with places to go wrong at."""
    p = probability
    ratio = {
        "p/(1-p)": p / (1 - p),
        "(1-p)/p": (1 - p) / p,
        "p": p,
        "1/p": 1 / p,
        "1-p": 1 - p,
        "1/(1-p)": 1 / (1 - p),
    }[odds]
    below = {
        "e": math.log(ratio),
        "10": math.log10(ratio),
        "2": math.log2(ratio),
        "none": ratio,
        "exp": math.exp(ratio),
    }[log]
    if turn == "below":
        return below / margin
    return margin * below if turn == "product" else margin / below


_TEMPERATURE_FOR = Exercise(
    _temperature_for,
    ((2.0, 0.9), (5.0, 0.6), (1.0, 0.99), (3.0, 0.75)),
    (
        Mistake(
            "you took the logarithm of the margin. The logarithm undoes the exponential, "
            "and the margin stands inside of that already.",
            lambda m, p: math.log(m) / math.log(p / (1 - p)),
        ),
        Mistake(
            "margin over probability: where has the softmax gone? Write down p as a "
            "softmax of the two logits, and solve for T; a logarithm is needed.",
            lambda m, p: m / p,
        ),
    ),
    "with two classes the odds are exp(margin/T), so T is margin over log-odds.",
    slips=(
        slip("you have the inverse of the temperature.", turn="below"),
        slip(
            "you multiply by the logarithm; when exp(margin/T) is given, what is T divided "
            "by what?",
            turn="product",
        ),
        slip(
            "you set exp(-margin/T) equal to the probability. It is the probability "
            "divided by what? Both classes enter, p and 1 - p.",
            odds="1/p",
        ),
        slip(
            "you took the logarithm of the probability alone. exp(margin/T) is the ratio "
            "of both probabilities, p and that of the other class.",
            odds="p",
        ),
        slip(
            "that is the logarithm of 1 + odds (log1p gives it), or the other class alone, "
            "1 - p: both are the same number. exp(margin/T) is the ratio of both "
            "probabilities, with no 1 added.",
            odds="1/(1-p)",
        ),
        slip(
            "you took the other class alone, 1 - p, and with the wrong sign. exp(margin/T) "
            "is the ratio of both probabilities.",
            odds="1-p",
        ),
        slip(
            "almost: the odds are the other way round, the sign is wrong, and your "
            "temperature is negative.",
            odds="(1-p)/p",
        ),
        slip("that is a logarithm to base 10 (log10); the softmax uses e.", log="10"),
        slip("that is a logarithm to base 2 (log2); the softmax uses e.", log="2"),
        slip("a logarithm is missing: how is exp(margin/T) undone?", log="none"),
    ),
)


def check_soft_targets(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), temperature) -> (N, C)``: the softmax at T."""
    return _SOFT_TARGETS.check(answer)


def check_temperature_for(answer: Callable[[float, float], Any]) -> CheckResult:
    """Check ``answer(margin, probability) -> T`` for two classes with logits margin, 0."""
    return _TEMPERATURE_FOR.check(answer)
