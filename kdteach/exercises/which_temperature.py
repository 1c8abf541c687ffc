"""A check of the chapter *Temperature*: the T at which a class has some probability."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip
from kdteach.exercises._shortcuts import NO_LOGISTIC


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
        "p(1-p)": p * (1 - p),
        "2p": 2 * p,
        "9p/(1-p)": 9 * p / (1 - p),
        **{f"rounded {n}": max(round(p / (1 - p), n), 1.01) for n in range(4)},
    }[odds]
    below = {
        "e": math.log(ratio),
        "10": math.log10(ratio),
        "2": math.log2(ratio),
        "none": ratio,
        "exp": math.exp(ratio) if ratio < 700 else math.inf,
    }[log]
    if turn == "below":
        return below / margin
    return margin * below if turn == "product" else margin / below


def _by_sigmoid(margin: float, probability: float) -> float:
    plain = 1 / (1 + math.exp(-margin))
    return math.log(plain / (1 - plain)) / math.log(probability / (1 - probability))


def _tried(step: float, most: float, margin: float, probability: float) -> float:
    """The best of some temperatures."""
    tries = [step * k for k in range(1, round(most / step) + 1)]

    def off(t: float) -> float:
        return abs(1 / (1 + math.exp(-min(margin / t, 700.0))) - probability)

    return min(tries, key=off)


def _within(low: float, high: float, margin: float, probability: float) -> float:
    return min(max(_temperature_for(margin, probability), low), high)


def _exchanged(margin: float, probability: float) -> float:
    return probability / math.log(margin / (1 - margin))


_TEMPERATURE_FOR = Exercise(
    _temperature_for,
    (
        (0.8, 0.85),
        (2.0, 0.9),
        (5.0, 0.6),
        (1.0, 0.99),
        (3.0, 0.75),
        (36.5, 0.97),  # whose sigmoid is so close to 1 that 1 - p is lost
        (90.0, 0.53),
        (0.02, 0.62),
        (0.06, 0.93),
        (1500.0, 0.65),  # T of 2400
        (0.015, 0.99),  # T of 0.003
    ),
    (
        Mistake(
            "margin and probability have changed places in your function: in which order "
            "are they given to it?",
            _exchanged,
        ),
        Mistake(
            "the sigmoid of a large margin is 1 to nearly all digits, and what is left of "
            "1 - p is rounding. Do you need it? Which logarithm of odds belongs to T = 1?",
            _by_sigmoid,
        ),
        Mistake(
            "the probability at T is no power of the probability at T = 1: taken to the "
            "power 1/T, both classes no longer sum to 1. Which ratio is raised to 1/T?",
            lambda m, p: math.log(1 / (1 + math.exp(-m))) / math.log(p),
        ),
        Mistake(
            "that holds where the margin is small beside T: there the softmax is nearly a "
            "straight line, 1/2 + margin / 4T. Solve it for every probability; a logarithm "
            "is needed.",
            lambda m, p: m / (4 * (p - 0.5)),
        ),
        Mistake(
            "you divide the margin by the difference of the probabilities, p - (1 - p). "
            "exp(margin/T) is their *ratio*: how is it undone?",
            lambda m, p: m / (2 * p - 1),
        ),
        Mistake(
            "you subtract where a division is needed: exp(margin/T) has margin/T in it, "
            "and its logarithm is a quotient.",
            lambda m, p: m - math.log(p / (1 - p)),
        ),
        Mistake(
            "you divide exp(margin) by the odds. T stands inside of the exponential, under "
            "the margin: take logarithms first.",
            lambda m, p: math.exp(m) * (1 - p) / p,
        ),
        Mistake(
            "that is the logarithm of p, divided by 1 - p. It is the logarithm of the "
            "quotient that is needed: which brackets are missing?",
            lambda m, p: m / (math.log(p) / (1 - p)),
        ),
        Mistake(
            "you divide one logarithm by the other. The odds are a quotient: what is the "
            "logarithm of a quotient?",
            lambda m, p: m / (math.log(p) / math.log(1 - p)),
        ),
        *NO_LOGISTIC,
        Mistake(
            "the probability is rounded to one decimal: take it as it is.",
            lambda m, p: _temperature_for(m, round(p, 1)),
        ),
        *(
            Mistake(
                "you keep the best of some temperatures that you tried, or search in too "
                "narrow a range: T may lie between them, below the first or beyond the "
                "last. Solve for it on paper.",
                partial(_tried, step, most),
            )
            for step in (1.0, 0.5, 0.1, 0.01)
            for most in (10.0, 20.0, 100.0)
        ),
        *(
            Mistake(
                f"no temperature of yours lies above {high:g}"
                + (f" or below {low:g}" if low else "")
                + ": a search ends there. Solved on paper, T has no such limits.",
                partial(_within, low, high),
            )
            for low in (0.0, 0.01, 0.05, 0.1, 1.0)
            for high in (10.0, 20.0, 50.0, 100.0, 500.0, 1000.0)
        ),
        *(
            Mistake(
                f"no temperature of yours lies below {low:g}: what keeps them above it? "
                "Solved on paper, T has no such limit.",
                partial(_within, low, math.inf),
            )
            for low in (0.01, 0.05, 0.1, 1.0)
        ),
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
            "you set exp(-margin/T) equal to one of the probabilities. It is one "
            "probability divided by what? Both classes enter, p and 1 - p.",
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
        *(
            slip(
                "the odds are rounded before the logarithm: take them as they are.",
                odds=f"rounded {n}",
            )
            for n in range(4)
        ),
        slip(
            "you add both logarithms, that of p and that of 1 - p. The odds are a "
            "quotient: what is its logarithm?",
            odds="p(1-p)",
        ),
        slip(
            "you compare p with 1/2, that is with what it is at a very large T. "
            "exp(margin/T) is the ratio of p to the other class.",
            odds="2p",
        ),
        slip(
            "you count nine other classes. There are two in all: the odds are p against "
            "1 - p.",
            odds="9p/(1-p)",
        ),
        slip(
            "an exponential stands where a logarithm should: how is exp(margin/T) undone?",
            log="exp",
        ),
        slip("a logarithm is missing: how is exp(margin/T) undone?", log="none"),
    ),
)


def check_temperature_for(answer: Callable[[float, float], Any]) -> CheckResult:
    """Check ``answer(margin, probability) -> T`` for two classes with logits margin, 0."""
    return _TEMPERATURE_FOR.check(answer)
