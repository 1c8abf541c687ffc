"""What the weights of an identified formula say: T^2, reduction, alpha, direction."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from kdteach.diagnosis.findings import Finding
from kdteach.diagnosis.identified import Identified

_NEAR = 2e-3
_DEPTH = 3

SPELLED = {
    "reverse": (
        "arguments of KL exchanged",
        "the loss computes KL(student || teacher), the reverse direction",
        "nn.KLDivLoss and F.kl_div take the student's log-probabilities first and the "
        "teacher's probabilities second; if the reverse direction is meant, call the loss "
        "reverse_...",
    ),
    "exchanged, and probabilities": (
        "arguments of KL exchanged",
        "the teacher's probabilities stand where the student's log-probabilities belong",
        "F.kl_div(F.log_softmax(student / T, 1), F.softmax(teacher / T, 1), "
        'reduction="batchmean")',
    ),
    "probabilities for logarithms": (
        "probabilities instead of log-probabilities",
        "the KL divergence gets the student's probabilities where it expects their "
        "logarithms: what it computes is no divergence",
        "give F.log_softmax(student / T, 1) as the first argument",
    ),
    "student softmax twice": (
        "softmax in the student",
        "the student's logits go through a softmax before the loss takes its own",
        "give the loss the logits themselves",
    ),
    "both softmax twice": (
        "softmax in the student",
        "the logits of both networks go through a softmax before the loss takes its own",
        "give the loss the logits themselves",
    ),
    "teacher softmax twice": (
        "probabilities instead of logits",
        "the teacher's logits go through a softmax before the loss takes its own: its "
        "soft targets are almost uniform",
        "give the loss the teacher's logits themselves",
    ),
    "teacher without temperature": (
        "temperature on one side",
        "the student's logits are divided by T and the teacher's are not",
        "divide both networks' logits by the same T in the soft term",
    ),
    "student without temperature": (
        "temperature on one side",
        "the teacher's logits are divided by T and the student's are not",
        "divide both networks' logits by the same T in the soft term",
    ),
    "teacher's logits as targets": (
        "logits instead of probabilities",
        "the teacher's logits themselves are the targets; a softmax is missing",
        "the second argument is F.softmax(teacher / T, 1)",
    ),
    "teacher's softened logits as targets": (
        "logits instead of probabilities",
        "the teacher's logits, divided by T, are the targets; a softmax is missing",
        "the second argument is F.softmax(teacher / T, 1)",
    ),
    "teacher's logarithms as targets": (
        "logits instead of probabilities",
        "the teacher's log-probabilities are used as if they were probabilities",
        "give F.softmax(teacher / T, 1), or log_target=True with log-probabilities",
    ),
}
"""The fault of a soft term's form: its name, what was found, the remedy."""


def findings_of(
    formula: Identified, classes: int, loss: Callable[..., Any], alpha: float | None
) -> Iterator[Finding]:
    """What is wrong with an identified loss.

    Args:
        formula: what it computes.
        classes: C.
        loss: itself, whose constants say which weights were meant.
        alpha: the weight that the soft term is to have, where the caller says it.
    """
    t = formula.temperature
    share = formula.soft_weight / t**2
    hard = formula.hard_weight + formula.smoothing_weight
    measured: dict[str, float | str] = {
        "T": t, "weight of the soft term": share, "of T^2 times it": formula.soft_weight,
        "weight of the labels": hard,
    }  # fmt: skip
    if formula.soft in SPELLED and formula.soft_weight and not _meant(loss):
        name, sentence, remedy = SPELLED[formula.soft]
        yield Finding(name, sentence, remedy, {"T": t, "misfit": formula.misfit})
    if formula.hard == "softmax twice" and formula.hard_weight:
        yield Finding(
            "softmax in the student",
            "the student's logits go through a softmax before the cross-entropy takes its "
            "own: a student that is surely wrong gets no gradient",
            "give F.cross_entropy the logits themselves",
            {"weight of the labels": hard},
        )
    if formula.soft not in ("forward", "reverse", "teacher softmax twice",
                            "student softmax twice", "both softmax twice",
                            "Jensen-Shannon"):  # fmt: skip
        return
    if share <= 0:
        return
    factor = _missing(formula.soft_weight, hard, t, classes, constants_of(loss))
    if "T^2" in factor:
        yield Finding(
            "missing T^2",
            f"at T = {t:g} the soft term is not multiplied by T^2, so its gradient is "
            f"{t * t:.3g} times weaker than its weight says",
            "multiply the soft term by temperature ** 2",
            measured,
        )
    if "classes" in factor:
        yield Finding(
            "reduction over classes",
            f"the soft term is averaged over the {classes} classes as well, which makes it "
            f"{classes} times weaker than its weight says",
            'reduction="batchmean" of F.kl_div, or .sum(dim=1).mean()',
            measured,
        )
    corrected = share * (t * t if "T^2" in factor else 1)
    corrected *= classes if "classes" in factor else 1
    yield from _on_the_other(corrected, hard, loss, alpha, measured)


def _missing(
    weight: float, hard: float, t: float, classes: int, constants: set[float]
) -> tuple[str, ...]:
    """Which factors of the soft term are missing: the weights should add up to one."""
    options: list[tuple[tuple[str, ...], float]] = [((), weight / t**2)]
    if t != 1:
        options.append((("T^2",), weight))
    if classes > 1:
        options.append((("classes",), weight / t**2 * classes))
    if t != 1 and classes > 1:
        options.append((("T^2", "classes"), weight * classes))
    for missing, share in options:
        if hard and abs(share + hard - 1) < _NEAR:
            return missing
    if not hard or any(_is_one_of(hard, constants | {1.0})):
        known = constants | {1 - c for c in constants if 0 < c < 1} | {1.0, 0.5, 2.0}
        for missing, share in options:
            if any(_is_one_of(share, known)):
                return missing
    return ()


def _is_one_of(value: float, known: set[float]) -> Iterator[bool]:
    return (abs(value - other) < _NEAR * max(abs(other), 1e-6) for other in known)


def _on_the_other(
    soft: float,
    hard: float,
    loss: Callable[..., Any],
    alpha: float | None,
    measured: dict[str, float | str],
) -> Iterator[Finding]:
    """Alpha, the weight of the soft term, on the labels."""
    if abs(soft + hard - 1) > 10 * _NEAR or abs(soft - hard) < 0.02:
        return
    given = alpha
    if alpha is None:
        named = {k: v for k, v in named_constants(loss).items() if "alpha" in k.lower()}
        wrong = [v for v in named.values() if abs(v - hard) < 10 * _NEAR and v > 0.5]
        given = wrong[0] if wrong else None
    if given is None or abs(given - hard) > 10 * _NEAR:
        return
    yield Finding(
        "alpha on the other term",
        f"alpha = {given:g} weighs the labels, and the teacher gets {soft:.3g}",
        "alpha * soft + (1 - alpha) * hard, or give 1 - alpha",
        measured,
    )


def _meant(loss: Callable[..., Any]) -> bool:
    """Whether the reverse direction is in the loss's own name."""
    names = (getattr(loss, "__name__", ""), type(loss).__name__, getattr(loss, "name", ""))
    return any("reverse" in str(name).lower() for name in names)


def constants_of(loss: Callable[..., Any]) -> set[float]:
    """Numbers that occur in a loss: literals, defaults, attributes, what it encloses."""
    return {abs(v) for v in _numbers(loss, _DEPTH).values() if 0 < abs(v) < 1e6}


def named_constants(loss: Callable[..., Any]) -> dict[str, float]:
    """Those of them that have a name."""
    found = _numbers(loss, _DEPTH)
    return {k: v for k, v in found.items() if not k.startswith("literal ")}


def _numbers(value: Any, depth: int) -> dict[str, float]:
    found: dict[str, float] = {}
    if depth < 0 or value is None:
        return found
    function = getattr(value, "__func__", value)
    code = getattr(function, "__code__", None)
    if isinstance(code, types.CodeType):
        found.update(_literals(code))
        defaults = getattr(function, "__defaults__", None) or ()
        positional = code.co_varnames[: code.co_argcount]
        for name, default in zip(positional[::-1], defaults[::-1], strict=False):
            _note(found, name, default)
        for name, default in (getattr(function, "__kwdefaults__", None) or {}).items():
            _note(found, name, default)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            try:
                inner = cell.cell_contents
            except ValueError:
                continue
            _note(found, name, inner)
            if callable(inner) and not isinstance(inner, (nn.Module, type)):
                found.update(_numbers(inner, depth - 1))
        scope = getattr(function, "__globals__", {})
        for name in code.co_names:
            inner = scope.get(name)
            _note(found, name, inner)
            if isinstance(inner, types.FunctionType):
                found.update(_numbers(inner, depth - 1))
    owner = getattr(value, "__self__", None)
    for thing in (owner, value):
        inside = getattr(thing, "__dict__", None)
        if isinstance(inside, dict) and not isinstance(thing, (type, types.ModuleType)):
            for name, inner in list(inside.items()):
                if name.startswith("__"):
                    continue
                _note(found, name, inner)
                if isinstance(inner, dict) and name in ("hparams", "config", "_hparams"):
                    for key, item in inner.items():
                        _note(found, str(key), item)
    if isinstance(value, nn.Module):
        found.update(_numbers(type(value).forward, depth - 1))
    elif not isinstance(code, types.CodeType) and callable(value):
        called = vars(type(value)).get("__call__")
        found.update(_numbers(called, depth - 1))
    if hasattr(value, "func") and hasattr(value, "keywords"):  # functools.partial
        for name, inner in value.keywords.items():
            _note(found, name, inner)
        found.update(_numbers(value.func, depth - 1))
    return found


def _literals(code: types.CodeType) -> dict[str, float]:
    found = {}
    for number, constant in enumerate(code.co_consts):
        if isinstance(constant, types.CodeType):
            found.update(_literals(constant))
        elif isinstance(constant, (int, float)) and not isinstance(constant, bool):
            found[f"literal {code.co_name} {number}"] = float(constant)
    return found


def _note(found: dict[str, float], name: str, value: object) -> None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        found[name] = float(value)
