"""What the weights of an identified formula say: T^2, reduction, alpha, direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kdteach.diagnosis.findings import Finding
from kdteach.diagnosis.formulas import PLAIN, SPELLED
from kdteach.diagnosis.identified import Identified

_NEAR = 2e-3
_SOFT_WORDS = ("soft", "kd", "kl", "kld", "div", "distill", "distil", "distillation",
               "teacher", "dark")  # fmt: skip
_HARD_WORDS = ("hard", "ce", "cls", "label", "labels", "nll", "xent", "gt", "task", "true",
               "student", "supervised")  # fmt: skip
_ALPHA = ("alpha", "a", "lam", "lamb", "lambda", "lambd", "lmbda", "beta")


@dataclass(frozen=True)
class Meant:
    """What is known about the weights that a loss is to have.

    Attributes:
        alpha: of the soft term, where the caller says it.
        constants: numbers that occur in the loss.
        named: those that have names.
        averaged: whether the soft term becomes weaker with the number of classes; None
            where that could not be tried.
        reverse: whether the loss calls itself a reverse one.
        probabilities: whether the loss asks for the teacher's probabilities, whose
            temperature the caller chooses.
    """

    alpha: float | None
    constants: set[float]
    named: Sequence[tuple[str, float]]
    averaged: bool | None = None
    reverse: bool = False
    probabilities: bool = False


def findings_of(formula: Identified, classes: int, meant: Meant) -> Iterator[Finding]:
    """What is wrong with an identified loss.

    Args:
        formula: what it computes.
        classes: C.
        meant: which weights it is to have.
    """
    t = formula.temperature
    for name, sentence, remedy in SPELLED.get(formula.soft, ()):
        if name == "arguments of KL exchanged" and meant.reverse:
            continue
        if name == "temperature on one side" and (t == 1 or meant.probabilities):
            continue
        yield Finding(name, sentence, remedy, {"T": t, "misfit": formula.misfit})
    if formula.hard.startswith("softmax") and formula.hard_weight:
        yield Finding(
            "softmax in the student",
            "the student's logits go through a softmax before the cross-entropy takes its "
            "own: a student that is surely wrong gets no gradient",
            "give F.cross_entropy the logits themselves",
            {"weight of the labels": formula.hard_weight},
        )
    if formula.hard == "softened" and formula.hard_weight > 0 and t != 1:
        yield Finding(
            "temperature on the labels",
            f"the labels are compared with the student's answer at T = {t:g}, so their "
            f"gradient is up to {t:.3g} times weaker than their weight says, and the "
            "student's answer at T = 1, which is used later, is never asked for",
            "F.cross_entropy(student, labels): divide by T in the soft term alone",
            {"T": t, "weight of the labels": formula.hard_weight},
        )
    if formula.soft in PLAIN or "softmax" in formula.soft or formula.soft in SPELLED:
        yield from _weights(formula, classes, meant)


def _weights(formula: Identified, classes: int, meant: Meant) -> Iterator[Finding]:
    t, hard = formula.temperature, formula.hard_weight
    share = formula.soft_weight / t**2
    if share < 0 and formula.soft in PLAIN:
        yield Finding(
            "sign of a term",
            "the student is pushed away from the teacher's answer: the soft term is "
            "subtracted, or a minus is missing in it",
            "add the soft term to the loss with a positive weight",
            {"T": t, "weight of the soft term": share},
        )
    if share <= 0:
        return
    measured: dict[str, float | str] = {
        "T": t, "weight of the soft term": share, "of T^2 times it": formula.soft_weight,
        "weight of the labels": hard,
    }  # fmt: skip
    plain = formula.soft in PLAIN
    usual = plain or "softmax" in formula.soft
    missing = _missing(formula.soft_weight, hard, t, classes, meant) if usual else ()
    if plain and _times_t_once(formula.soft_weight, hard, t, meant):
        yield Finding(
            "missing T^2",
            f"at T = {t:g} the soft term is multiplied by T and not by T^2, so its "
            f"gradient is {t:.3g} times weaker than its weight says",
            "multiply the soft term by temperature ** 2",
            measured,
        )
        return
    if "T^2" in missing and plain:
        yield Finding(
            "missing T^2",
            f"at T = {t:g} the soft term is not multiplied by T^2, so its gradient is "
            f"{t * t:.3g} times weaker than its weight says",
            "multiply the soft term by temperature ** 2",
            measured,
        )
    if "classes" in missing or (meant.averaged and classes > 1):
        yield Finding(
            "reduction over classes",
            f"the soft term is averaged over the {classes} classes as well, which makes it "
            f"{classes} times weaker than its weight says",
            'reduction="batchmean" of F.kl_div, or .sum(dim=1).mean()',
            measured,
        )
    for factor in missing:
        share *= t * t if factor == "T^2" else classes
    if plain:
        yield from _on_the_other(share, hard, meant, measured)


def _missing(
    weight: float, hard: float, t: float, classes: int, meant: Meant
) -> tuple[str, ...]:
    """Which factors of the soft term are missing.

    Whether it is averaged over classes is usually known, because the loss was asked with
    more of them. The rest is told by the weights: with the right factors they add up to
    one, or are numbers that the loss names.
    """
    options: list[tuple[tuple[str, ...], float]] = []
    if meant.averaged is not True:
        options += [((), weight / t**2), (("T^2",), weight)]
    if meant.averaged is not False and classes > 1:
        options += [(("classes",), weight / t**2 * classes),
                    (("classes", "T^2"), weight * classes)]  # fmt: skip
    options = [each for each in options if t != 1 or "T^2" not in each[0]]
    known = meant.constants | {1 - c for c in meant.constants if 0 < c < 1}
    if meant.alpha is not None:
        for missing, share in options:
            if _near(share, meant.alpha):
                return missing
    exactly = []
    if meant.averaged is False and classes > 1:  # C may stand there as a number
        exactly = [
            (("classes",), weight / t**2 * classes),
            (("classes", "T^2"), weight * classes),
        ]
    for missing, share in [*options, *exactly]:
        if "T^2" in missing and t == 1:
            continue
        spoken = any(_near(share, v) for name, v in meant.named if _is_weight(name))
        if missing == options[0][0] and spoken and not _near(weight, share):
            return missing
        if hard and math.isfinite(hard) and abs(share + hard - 1) < _NEAR:
            return missing
    for missing, share in options:
        if any(_near(share, other) for other in known | {1.0}):
            return missing
    for missing, share in options:
        if any(_near(share, other) for other in (0.5, 2.0)):
            return missing
    return options[0][0]


def _times_t_once(weight: float, hard: float, t: float, meant: Meant) -> bool:
    """Whether a weight that the loss names stands there times T, and adds up with it."""
    if t == 1 or meant.averaged or not hard or not math.isfinite(hard):
        return False
    share = weight / t
    others = (weight, weight / t**2)
    named = [v for name, v in meant.named if _is_weight(name)]
    if any(_near(other, v) for other in others for v in named):
        return False
    sums = abs(share + hard - 1) < _NEAR
    return sums and any(_near(share, v) or _near(1 - share, v) for v in named)


def _near(value: float, other: float) -> bool:
    return abs(value - other) < _NEAR * max(abs(other), 1e-6)


def _words(name: str) -> list[str]:
    return [word for word in name.lower().replace(".", "_").split("_") if word]


def _is_weight(name: str) -> bool:
    words = _words(name)
    return any(w in (*_ALPHA, *_SOFT_WORDS, "weight", "gamma", "ratio") for w in words)


def _on_the_other(
    soft: float, hard: float, meant: Meant, measured: dict[str, float | str]
) -> Iterator[Finding]:
    """Alpha, the weight of the soft term, on the labels."""
    if not hard or not math.isfinite(hard) or abs(soft - hard) < 0.02:
        return

    def is_(value: float, other: float) -> bool:
        return abs(value - other) < 10 * _NEAR * max(abs(other), 0.1)

    if meant.alpha is not None:
        wrong = is_(meant.alpha, hard) and not is_(meant.alpha, soft)
        given = ("alpha", meant.alpha) if wrong else None
    else:
        given = _named_otherwise(soft, hard, meant.named, is_)
    if given is None:
        return
    yield Finding(
        "alpha on the other term",
        f"{given[0]} = {given[1]:g} is found on the other term: the labels weigh "
        f"{hard:.3g} and the teacher {soft:.3g}",
        "alpha * soft + (1 - alpha) * hard, or give 1 - alpha; if alpha is meant to weigh "
        "the labels, say the soft term's weight: doctor(..., alpha=...)",
        measured,
    )


def _named_otherwise(
    soft: float,
    hard: float,
    named: Sequence[tuple[str, float]],
    is_: Callable[[float, float], bool],
) -> tuple[str, float] | None:
    """A weight whose name belongs to one term and whose value to the other."""
    of_soft, of_hard, alphas = [], [], []
    for name, value in named:
        words = _words(name)
        says_soft = any(w in _SOFT_WORDS for w in words)
        says_hard = any(w in _HARD_WORDS for w in words)
        if "temperature" in words or "t" in words:
            continue
        if says_soft:
            of_soft.append((name, value))
        elif says_hard:
            of_hard.append((name, value))
        elif any(w in _ALPHA for w in words):
            alphas.append((name, value))
    for mine, its, own in ((hard, soft, of_soft), (soft, hard, of_hard)):
        if any(is_(value, its) for _, value in own):
            continue
        wrong = next((each for each in own if is_(each[1], mine)), None)
        if wrong is not None:
            return wrong
    if any(is_(value, soft) for _, value in (*of_soft, *alphas)):
        return None
    # which term alpha weighs is not agreed upon: a large one is expected on the soft term
    if abs(soft + hard - 1) < 10 * _NEAR:
        return next((a for a in alphas if a[1] > 0.5 and is_(a[1], hard)), None)
    return None


def meant_reverse(loss: Callable[..., Any]) -> bool:
    """Whether the reverse direction is in the loss's own name.

    Args:
        loss: any function or object.
    """
    return any("reverse" in name.lower() for name in _names_of(loss, 2))


def meant_hard(loss: Callable[..., Any]) -> bool:
    """Whether the loss's own name says that it takes the teacher's first choice alone.

    Args:
        loss: any function or object.
    """
    words = ("hard", "pseudo", "argmax", "deit")
    return any(word in name.lower() for name in _names_of(loss, 2) for word in words)


def _names_of(thing: object, depth: int) -> Iterator[str]:
    """Names of a function or object, and of the functions that it holds."""
    for name in (getattr(thing, "__name__", ""), type(thing).__name__,
                 getattr(thing, "name", "")):  # fmt: skip
        yield str(name)
    if depth:
        for inner in (
            getattr(thing, "func", None),
            *getattr(thing, "__dict__", {}).values(),
        ):
            if callable(inner):
                yield from _names_of(inner, depth - 1)
