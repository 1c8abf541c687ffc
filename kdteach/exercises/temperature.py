"""A check of the chapter *Temperature*: the softmax at T."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._general import rows_sum_to_1

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
        "whole": 1 / max(int(temperature), 1),
        "nearest": 1 / max(round(temperature), 1),
        "at least 1": 1 / max(temperature, 1.0),
    }
    shifts = {
        "row": logits.amax(dim=1, keepdim=True),
        "table": logits.max(),
        "column": logits.amax(dim=0),
        "none": torch.zeros(()),
        "mean": logits.mean(dim=1, keepdim=True),
        "smallest": logits.amin(dim=1, keepdim=True),
        "absolute": logits.abs().amax(dim=1, keepdim=True),
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
        "columns": below.sum(dim=0, keepdim=True),  # of rows that were shifted
        "norm": below.norm(dim=1, keepdim=True),
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


def _cut_above(most: float, logits: Tensor, temperature: float) -> Tensor:
    weights = (logits / temperature).clamp(max=most).exp()
    return weights / weights.sum(dim=1, keepdim=True)


def _hidden(instead: float | None, logits: Tensor, temperature: float) -> Tensor:
    weights = (logits / temperature).exp()
    found = weights / weights.sum(dim=1, keepdim=True)
    return found.nan_to_num(nan=1 / logits.shape[1] if instead is None else instead)


def _all_to_the_largest(logits: Tensor, temperature: float) -> Tensor:
    found = _soft(logits, temperature, shift="none")
    first = torch.zeros_like(found).scatter(1, logits.argmax(dim=1, keepdim=True), 1.0)
    return torch.where(found.isnan(), first, found)


def _by_the_largest(largest: Tensor, logits: Tensor, temperature: float) -> Tensor:
    return torch.softmax(logits / largest / temperature, dim=1)


def _in_one_place(logits: Tensor, temperature: float, *, above: bool) -> Tensor:
    shifted = logits - logits.amax(dim=1, keepdim=True)
    soft, hard = (shifted / temperature).exp(), shifted.exp()
    above_it, below_it = (soft, hard) if above else (hard, soft)
    return above_it / below_it.sum(dim=1, keepdim=True)


def _floored(logits: Tensor, temperature: float, *, first: bool) -> Tensor:
    shifted = logits if first else logits - logits.amax(dim=1, keepdim=True)
    return torch.softmax(shifted // temperature, dim=1)


def _root(logits: Tensor, temperature: float, *, scaled: bool) -> Tensor:
    root = torch.softmax(logits, dim=1) ** (1 / temperature)
    return root / root.sum(dim=1, keepdim=True) if scaled else root


def _mixed(logits: Tensor, temperature: float) -> Tensor:
    share = 1 / temperature
    return share * torch.softmax(logits, dim=1) + (1 - share) / logits.shape[1]


def _plain_shares(logits: Tensor, temperature: float) -> Tensor:
    scaled = logits / temperature
    return scaled / scaled.sum(dim=1, keepdim=True)


def _moved(constant: float, logits: Tensor, temperature: float) -> Tensor:
    weights = ((logits - constant) / temperature).exp()
    return weights / weights.sum(dim=1, keepdim=True)


_SOFT_TARGETS = Exercise(
    _soft,
    (
        (_Z, 1.0),
        (_Z, 2.0),
        (_Z, 0.5),
        (_Z[:1], 20.0),
        (1000 * _Z, 2.0),
        (_LOW, 4.0),
        (_LOW[1:], 2.75),  # one image, and a temperature that is no whole number
        (1000 * _Z, 1000.0),  # logits so far apart that T = 1 leaves one class alone
    ),
    (
        *(
            Mistake(
                "that is a sigmoid: it looks at each logit alone. Which function weighs "
                "the classes of a row against one another?",
                of_sigmoids,
            )
            for of_sigmoids in (
                lambda z, t: torch.sigmoid(z / t),
                lambda z, t: functional.normalize(torch.sigmoid(z / t), p=1, dim=1),
            )
        ),
        *(
            Mistake(
                "the exponential of a large logit is infinite. If you cut the logits off, "
                "two large ones come out equal, before or after T divides. What "
                "can you subtract from every logit of a row without changing the result?",
                partial(_cut_above, most),
            )
            for most in (20.0, 30.0, 50.0, 80.0, 85.0, 88.0, 100.0, 500.0, 700.0)
        ),
        *(
            Mistake(
                "the overflow is still there: you put something in the place of the NaN "
                "that it leaves. What can you subtract from every logit of a row, so that "
                "exp does not overflow in the first place?",
                partial(_hidden, instead),
            )
            for instead in (0.0, 1.0, None)
        ),
        *(
            Mistake(
                "you divide by the largest logit. That changes the differences, on which "
                "the result depends. What changes no difference?",
                lambda z, t, largest=largest: _by_the_largest(largest(z), z, t),
            )
            for largest in (
                lambda z: z.amax(dim=1, keepdim=True),
                lambda z: z.abs().amax(dim=1, keepdim=True),
                lambda z: z.max(),
                lambda z: z.abs().max(),
            )
        ),
        Mistake(
            "the overflow is still there: where it leaves NaN, you give all to the largest "
            "logit. What can you subtract from every logit of a row, so that exp does not "
            "overflow in the first place?",
            _all_to_the_largest,
        ),
        Mistake(
            "you divide the logits by their standard deviation. That changes the "
            "differences, on which the result depends. What changes no difference?",
            lambda z, t: torch.softmax(z / z.std(dim=1, keepdim=True) / t, dim=1),
        ),
        Mistake(
            "T enters in the sum below alone. The exponentials above it are to be divided "
            "by a sum of their like.",
            partial(_in_one_place, above=False),
        ),
        Mistake(
            "T enters above alone. The sum below it has to add up the same exponentials.",
            partial(_in_one_place, above=True),
        ),
        *(
            Mistake(
                "`//` is a division that rounds down to a whole number: several logits "
                "come out equal.",
                partial(_floored, first=first),
            )
            for first in (False, True)
        ),
        Mistake(
            "the T-th root of the probabilities is a good start. Do the rows still sum to "
            "1? (And if you take the root of probabilities, not of their logarithms: with "
            "large logits they underflow to 0 at T = 1, before the root can raise them.)",
            partial(_root, scaled=False),
        ),
        Mistake(
            "with large logits your rows are 0 and 1, whatever T is. Do you treat large "
            "logits on their own, or take the probabilities at T = 1 to a power? (These "
            "underflow to 0, and no root brings them back.) T has to divide the logits "
            "first.",
            partial(_root, scaled=True),
        ),
        Mistake(
            "you mix the softmax with equal shares: that is label smoothing. A temperature "
            "divides the logits.",
            _mixed,
        ),
        Mistake(
            "there is no exponential: you divide logits by the sum of logits, and these "
            "may be negative.",
            _plain_shares,
        ),
        Mistake(
            "your rows sum to T squared: that factor belongs to the loss, and no "
            "probability needs it.",
            lambda z, t: t**2 * torch.softmax(z / t, dim=1),
        ),
        Mistake(
            "your rows sum to T: nothing has to be multiplied by T again, once it has "
            "divided the logits.",
            lambda z, t: t * torch.softmax(z / t, dim=1),
        ),
        *(
            Mistake(
                "the exponential of a large logit is infinite. If you cut the logits off, "
                "two large ones come out equal, before or after T divides. What "
                "can you subtract from every logit of a row without changing the result?",
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
                "where all logits of a row lie far below 0, or far below a number that you "
                "subtract from all rows, exp gives 0 for each of them, and 0/0 is no "
                "number. Subtract what suits each row: which of its own logits?",
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
    without=("softmax", "Softmax", "soft_targets"),
    laws=(Law("every row sums to 1", lambda p, *_: rows_sum_to_1(p)),),
    slips=(
        slip("T = 2 sharpens in your function: did you multiply?", scale="multiply"),
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
            "same scale. With large logits every weight of a row becomes 0, and the row "
            "NaN.",
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
        slip("you took powers of 10; the softmax uses e, that is exp.", base=10.0),
        slip("T is cut to a whole number: take it as it is.", scale="whole"),
        slip("T is rounded to a whole number: take it as it is.", scale="nearest"),
        slip(
            "your T never is below 1. T = 0.5 is a temperature, too, and sharpens.",
            scale="at least 1",
        ),
        slip(
            "you subtract the largest absolute value. Where all logits of a row are far "
            "below 0, that moves them further down: exp gives 0 for each, and 0/0 is no "
            "number.",
            shift="absolute",
        ),
        slip(
            "your columns sum to 1: along which dimension are the classes?", over="columns"
        ),
        slip(
            "you divided by the root of the sum of squares: the plain sum of a row should "
            "be 1.",
            over="norm",
        ),
    ),
)


def check_soft_targets(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), temperature) -> (N, C)``: the softmax at T."""
    return _SOFT_TARGETS.check(answer)
