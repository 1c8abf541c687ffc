"""A check of the chapter *Temperature*: the T at which targets have a given entropy."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake
from kdteach.exercises._shortcuts import NO_SEARCH

# all prefer the first class, so that the entropy of the mean can be small as well
_WIDE = torch.tensor(
    [[9.0, 4.0, -3.0, -6.0], [8.0, 2.0, 7.0, -9.0], [1.5, 0.0, 0.5, -0.5]],
    dtype=torch.float64,
)

# a sure teacher in single precision, as the book's are: cold probabilities underflow
_CERTAIN = torch.tensor(
    [[21.5, 3.25, -4.5, -12.0], [-6.5, 17.75, 9.5, 1.0], [-11.0, 2.5, 12.25, 6.5]],
    dtype=torch.float32,
)
# and one that excludes a class: its probability underflows at every T that matters
_EXCLUDED = torch.tensor(
    [[3.0, 1.0, -0.5, -4000.0], [-0.5, 2.5, 6.0, -4000.0], [5.0, 0.5, 2.0, -3.0]],
    dtype=torch.float32,
)


# and a certain one in double precision: its probabilities underflow up to T = 1 and beyond
_FAR = 450 * torch.tensor([[6.0, 3.0, -2.0, -4.0], [-1.0, 4.0, 2.0, 0.0]]).double()
_FLAT = torch.tensor([[0.06, 0.03, -0.02, -0.05], [0.01, 0.07, -0.01, -0.04]]).double()

Softness = Callable[[Tensor, float], Tensor]
"""A measure of the targets of some logits at some temperature."""

_LOW, _HIGH = 0.01, 1000.0  # the ends that the exercise names


def _search(
    measure: Softness,
    logits: Tensor,
    aim: float,
    *,
    ends: tuple[float, float] = (_LOW, _HIGH),
    steps: int = 30,
    arithmetic: bool = False,
    wrong_half: bool = False,
    near: float = 0.0,
) -> float:
    """Bisection, with places to go wrong at; NaN is taken for hot enough."""
    low, high = ends
    for _ in range(steps):
        middle = (low + high) / 2 if arithmetic else math.sqrt(low * high)
        found = float(measure(logits, middle))
        if abs(found - aim) <= near:
            return middle
        if (found < aim) != wrong_half:
            low = middle
        else:
            high = middle
    return middle


def _nats(p: Tensor) -> Tensor:
    nats: Tensor = torch.special.entr(p).sum(dim=1)
    return nats


def _mean_nats(logits: Tensor, t: float) -> Tensor:
    return _nats(torch.softmax(logits / t, dim=1)).mean()


def _temperature_at_entropy(logits: Tensor, nats: float) -> float:
    return _search(_mean_nats, logits, nats, ends=(1e-3, 1e6))


def _reached(t: Tensor, logits: Tensor) -> float:
    return float(_mean_nats(logits, float(t)))


def _p_log_p(logits: Tensor, t: float) -> Tensor:
    p = torch.softmax(logits / t, dim=1)
    return -(p * p.log()).sum(dim=1)


def _of(measure: Callable[[Tensor], Tensor]) -> Softness:
    return lambda z, t: measure(torch.softmax(z / t, dim=1))


def _inside(small: float) -> Softness:
    return _of(lambda p: -(p * (p + small).log()).sum(dim=1).mean())


def _kept_above(small: float) -> Softness:
    return _of(lambda p: -(p * p.clamp_min(small).log()).sum(dim=1).mean())


def _crossed(logits: Tensor, t: float) -> Tensor:
    p = torch.softmax(logits / t, dim=1)
    return -(p * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()


def _softened_twice(logits: Tensor, t: float) -> Tensor:
    p = torch.softmax(logits / t, dim=1)
    return -(p * torch.log_softmax(p, dim=1)).sum(dim=1).mean()


def _roots(logits: Tensor, t: float, *, scaled: bool) -> Tensor:
    p = torch.softmax(logits, dim=1) ** (1 / t)
    return _nats(p / p.sum(dim=1, keepdim=True) if scaled else p).mean()


def _each(measure: Softness, logits: Tensor, aim: float) -> float:
    """The mean of the temperatures that the images need one by one."""
    alone = [_search(measure, row[None], aim) for row in logits]
    return sum(alone) / len(alone)


def _tries(temperatures: Tensor, logits: Tensor, aim: float) -> float:
    """The best of some temperatures."""
    targets = torch.softmax(logits / temperatures[:, None, None], dim=2)
    found = torch.special.entr(targets).sum(dim=2).mean(dim=1)
    return float(temperatures[(found - aim).abs().argmin()])


_UNDERFLOW = (
    "the logarithm of a probability that underflows is minus infinity: in a sure teacher a "
    "wrong class comes out as 0, and 0 times infinity is NaN, although p ln p should be 0"
)

# the cases in which a probability may underflow: 5 and 6 at least, if in others as well
_SURE_CASES = tuple(
    tuple(sorted((*sure, *more)))
    for sure in ((5,), (6,), (5, 6), (5, 6, 7), (5, 7), (6, 7), (7,))
    for more in ((), (3,))
)

_OVER_IMAGES = "your softmax runs over the images: the classes are the columns, dim=1."

# what somebody may search with in place of the mean entropy
_MEASURES: tuple[tuple[str, Softness], ...] = (
    (f"{_UNDERFLOW}.", lambda z, t: _p_log_p(z, t).mean()),
    (
        f"{_UNDERFLOW}. Yours counts such an image as 0.",
        lambda z, t: _p_log_p(z, t).nan_to_num().mean(),
    ),
    (
        "T is missing in the logarithm: the entropy takes the same probabilities twice, "
        "softened by T in both places. Yours is a cross-entropy with those at T = 1.",
        _crossed,
    ),
    (
        "that is the temperature for an entropy in bits: nats use the natural logarithm.",
        lambda z, t: _mean_nats(z, t) / math.log(2),
    ),
    (
        "that is a logarithm to base 10: nats use the natural logarithm.",
        lambda z, t: _mean_nats(z, t) / math.log(10),
    ),
    (
        "you averaged the probabilities of the images and took its entropy: one entropy an "
        "image is asked for, and then their mean.",
        _of(lambda p: _nats(p.mean(dim=0, keepdim=True)).mean()),
    ),
    (
        "you averaged the logits of the images first: one entropy an image is asked for, "
        "and then their mean.",
        lambda z, t: _mean_nats(z.mean(dim=0, keepdim=True), t),
    ),
    (
        "you divided the entropy by its largest value, the logarithm of the number of "
        "classes; nats are asked for as they are.",
        lambda z, t: _mean_nats(z, t) / math.log(z.shape[1]),
    ),
    (
        "that is the median of the entropies; their mean is asked for.",
        _of(lambda p: _nats(p).median()),
    ),
    *(
        (f"that is the {which} of the entropies; their mean is asked for.", _of(one))
        for which, one in (
            ("largest, or the last,", lambda p: _nats(p).max()),
            ("smallest", lambda p: _nats(p).min()),
        )
    ),
    (
        "you added up the entropies of all images: take their mean.",
        _of(lambda p: _nats(p).sum()),
    ),
    (
        "your mean goes over images and classes: sum over the classes first.",
        _of(lambda p: torch.special.entr(p).mean()),
    ),
    (
        "sum and mean have changed places: over the classes you sum, over the images you "
        "take the mean.",
        _of(lambda p: torch.special.entr(p).sum(dim=0).mean()),
    ),
    (_OVER_IMAGES, lambda z, t: _mean_nats(z.T, t)),
    (_OVER_IMAGES, lambda z, t: _nats(torch.softmax(z / t, dim=0)).mean()),
    (
        "your softmax runs over the whole table: each image has a target of its own.",
        lambda z, t: _mean_nats(z.reshape(1, -1), t),
    ),
    (
        "minus the logarithm of the largest probability is not the entropy, but a part of "
        "it: every class has its term, - p ln p.",
        _of(lambda p: -p.amax(dim=1).log().mean()),
    ),
    (
        "that is 1 minus the sum of squares; the entropy is made of p ln p.",
        _of(lambda p: 1 - (p**2).sum(dim=1).mean()),
    ),
    (
        "that is 1 minus the largest probability; the entropy is made of p ln p.",
        _of(lambda p: 1 - p.amax(dim=1).mean()),
    ),
    (
        "you took exp of the entropy (the perplexity); nats are the entropy itself.",
        _of(lambda p: _nats(p).mean().exp()),
    ),
    (
        "that is how far the targets are from equal ones: ln C minus the entropy. It falls "
        "with T; the entropy is asked for.",
        lambda z, t: math.log(z.shape[1]) - _mean_nats(z, t),
    ),
    (
        "there is a softmax too many: the logarithm is one of probabilities that went "
        "through a softmax again.",
        _softened_twice,
    ),
    (
        "you multiply the logits by T: they are divided by it.",
        lambda z, t: _mean_nats(z, 1 / t),
    ),
    (
        "T divides the probabilities in your function. It belongs inside the softmax, "
        "under the logits.",
        lambda z, t: _nats(torch.softmax(z, dim=1) / t).mean(),
    ),
    (
        "the T-th root of the probabilities is a good start. Do the rows still sum to 1?",
        partial(_roots, scaled=False),
    ),
    (
        "on paper the T-th root of the probabilities at T = 1, scaled, is the same. In a "
        "sure teacher they underflow to 0, and no root brings them back. Where does T "
        "have to enter?",
        partial(_roots, scaled=True),
    ),
    *(
        (
            "you add a small number inside the logarithm, or keep its argument above one. "
            "It is large enough to be seen in T: all terms p ln p are changed, and those "
            "of unlikely classes most.",
            changed(small),
        )
        for changed in (_inside, _kept_above)
        for small in (0.1, 0.05, 0.02, 0.01)
    ),
)

_GRIDS = (
    *(torch.logspace(-2, 3, n, dtype=torch.float64) for n in (10, 20, 50, 100, 200, 500)),
    *(torch.linspace(0.01, 1000, n, dtype=torch.float64) for n in (100, 1000, 10_000)),
    *(torch.arange(step, top, step).double() for step, top in ((1.0, 1001), (0.5, 1001))),
    *(torch.arange(0.1, top, 0.1, dtype=torch.float64) for top in (10.0, 100.0, 1000.0)),
)

_OWN = "is your entropy at this T equal to it, or above ln C, the largest possible value"
_PRINT = f"`nats` ({_OWN}? Then look at the entropy, otherwise at the search)"
_TEMPERATURE_AT_ENTROPY = Exercise(
    _temperature_at_entropy,
    # below ln(4)/4 even the mean over the classes reaches what is asked for
    (
        (_WIDE, 0.33),
        (_WIDE[:2], 0.3),
        (_WIDE, 1.0),
        (30 * _WIDE, 0.34),
        (0.2 * _WIDE, 0.31),
        (_CERTAIN, 0.1),
        (_EXCLUDED, 0.45),
        (_FAR, 0.32),
        (_FLAT, 0.3),
    ),
    (
        *(Mistake(hint, partial(_search, measure)) for hint, measure in _MEASURES),
        *(
            Mistake(
                "your search goes the wrong way: it keeps the wrong half, the entropy has "
                "the wrong sign, or T multiplies the logits.",
                does,
            )
            for does in (
                partial(_search, _mean_nats, wrong_half=True),
                partial(_search, _mean_nats, wrong_half=True, arithmetic=True),
                lambda z, h: _HIGH,
            )
        ),
        Mistake(
            "your search always runs down to 0.01, as if the entropy were too large "
            "everywhere. Does it keep the right half? Is there a softmax too many? That "
            "of probabilities never has a small entropy.",
            lambda z, h: _LOW,
        ),
        *(
            Mistake(
                f"your search ends at T = {high:g}. These logits need more.",
                lambda z, h, high=high: min(_temperature_at_entropy(z, h), high),
            )
            for high in (5.0, 10.0, 20.0, 50.0, 100.0)
        ),
        *(
            Mistake(
                "does your search end too early? Each halving makes the interval half as "
                "wide. How wide is it at last?",
                partial(_search, _mean_nats, steps=steps, arithmetic=arithmetic),
            )
            for arithmetic, most in ((True, 18), (False, 12))
            for steps in range(5, most)
        ),
        *(
            Mistake(
                "does your search end too early? Where the entropy is near enough to "
                "`nats`, T is not exact yet. Go on halving: it costs little.",
                partial(_search, _mean_nats, near=near, arithmetic=arithmetic),
            )
            for arithmetic in (True, False)
            for near in (0.1, 0.05, 0.02, 0.01, 0.005)
        ),
        *(
            Mistake(
                "you keep the best of some temperatures. T may lie between two of them: "
                "how can you come closer?",
                partial(_tries, temperatures),
            )
            for temperatures in _GRIDS
        ),
        Mistake(
            "you search a temperature for every image, and take their mean. Asked is one T "
            "for all, at which the mean of the entropies is `nats`.",
            partial(_each, _mean_nats),
        ),
        *NO_SEARCH,
        Mistake(
            "you have the inverse of the temperature: logits are divided by T.",
            lambda z, h: 1 / _temperature_at_entropy(z, h),
        ),
        Mistake(
            "only whole temperatures are tried; T may lie between two of them.",
            lambda z, h: max(1, math.ceil(_temperature_at_entropy(z, h))),
        ),
        Mistake(
            "`nats` does not enter: you always search for an entropy of 1.",
            lambda z, h: _temperature_at_entropy(z, 1.0),
        ),
        Mistake(
            "that is the entropy that is reached; the temperature is asked for.",
            lambda z, h: h,
        ),
        Mistake(
            "that is the temperature for the first image alone.",
            lambda z, h: _temperature_at_entropy(z[:1], h),
        ),
    ),
    "only z / T counts, so logits three times as large need three times the temperature.",
    tolerance=2e-3,
    known={
        places: f"{_UNDERFLOW}: if your function takes a logarithm, look there."
        for places in _SURE_CASES
    },
    laws=(
        Law(
            "the mean entropy at your T is as large as " + _PRINT,
            lambda t, z, h: _reached(t, z) > h - 0.01,
        ),
        Law(
            "the mean entropy at your T is no larger than " + _PRINT,
            lambda t, z, h: _reached(t, z) < h + 0.01,
        ),
    ),
)


def check_temperature_at_entropy(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), nats) -> T``: where the mean entropy is so large."""
    return _TEMPERATURE_AT_ENTROPY.check(answer)
