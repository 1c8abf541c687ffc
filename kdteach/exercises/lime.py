"""Checks of the chapter *LIME*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _fit(
    patterns: Tensor,
    chances: Tensor,
    weights: Tensor,
    *,
    root: str = "root",
    intercept: str = "weighted",
    on: str = "both",
    keep: str = "weights",
    ridge: float = 0.0,
    sign: int = 1,
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    scale = {"root": weights.sqrt(), "all": weights, "none": torch.ones_like(weights)}[root]
    left = scale if on in ("both", "patterns") else torch.ones_like(scale)
    right = scale if on in ("both", "chances") else torch.ones_like(scale)
    ones = torch.ones(len(patterns), 1, dtype=patterns.dtype)
    x, y = patterns, chances
    if intercept == "plain means":
        x, y = x - x.mean(dim=0), y - y.mean()
    if intercept == "of patterns alone":
        x = x - x.mean(dim=0)
    design = x * left[:, None]
    if intercept == "weighted":
        design = torch.cat([design, ones * left[:, None]], dim=1)
    if intercept == "plain":
        design = torch.cat([design, ones], dim=1)
    penalty = ridge * torch.eye(design.shape[1], dtype=design.dtype)
    gram = design.mT @ design + penalty
    found: Tensor = torch.linalg.solve(gram, design.mT @ (y * right))
    parts = patterns.shape[1]
    return (
        sign
        * {
            "weights": found[:parts],
            "everything": found,
            "first dropped": found[1 : parts + 1],
            "intercept first": torch.cat([found[-1:], found[: parts - 1]]),
            "intercept": found[-1],
        }[keep]
    )


def _case(seed: int, count: int, parts: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    patterns = torch.randint(2, (count, parts), generator=random).double()
    chances, weights = torch.rand(2, count, generator=random, dtype=torch.float64)
    return patterns, chances.round(decimals=2), (weights + 0.05).round(decimals=2)


def _alone(patterns: Tensor, chances: Tensor, weights: Tensor) -> Tensor:
    seen = weights[:, None] * patterns
    return (seen * chances[:, None]).sum(dim=0) / seen.sum(dim=0)


_SMALL = tuple(
    torch.tensor(x, dtype=torch.float64)
    for x in (
        [[0, 1], [1, 0], [1, 1], [0, 0], [1, 1], [1, 0]],
        [0.2, 0.7, 0.85, 0.1, 0.9, 0.5],
        [0.5, 0.75, 1.0, 0.25, 0.9, 0.4],
    )
)
_FIT = Exercise(
    _fit,
    (_SMALL, _case(0, 20, 3), _case(1, 40, 5)),
    (
        Mistake(
            "those are means of the probabilities where a part is on, each part alone. "
            "Least squares fits all parts together.",
            _alone,
        ),
    ),
    "LIME adds a small penalty on the weights, a ridge.",
    slips=(
        slip("the intercept is missing: a column of ones.", intercept="none"),
        slip("the weights do not enter.", root="none"),
        slip(
            "weigh the squares: rows are multiplied by the root of the weight.", root="all"
        ),
        slip(
            "the root of the weight multiplies the patterns alone; the probabilities on "
            "the other side need it, too.",
            on="patterns",
        ),
        slip(
            "the root of the weight multiplies the probabilities alone; the patterns on "
            "the other side need it, too.",
            on="chances",
        ),
        slip(
            "the column of ones, the intercept, belongs to the rows as well: weigh it like "
            "the patterns.",
            intercept="plain",
        ),
        slip(
            "you took plain means away; with weights the intercept needs weighted means.",
            intercept="plain means",
        ),
        slip(
            "the intercept is still in your result; the weights of the parts are asked "
            "for.",
            keep="everything",
        ),
        slip(
            "you dropped the first weight and kept the intercept, which stands last.",
            keep="first dropped",
        ),
        slip(
            "the intercept stands first in your result, and the last weight is missing: "
            "you dropped the wrong end.",
            keep="intercept first",
        ),
        slip(
            "that is the intercept; the weights of the parts are asked for.",
            keep="intercept",
        ),
        slip(
            "there is a penalty (a ridge, which shrinks the weights) in it; plain least "
            "squares are asked for.",
            ridge=1.0,
        ),
        slip("the sign is reversed: a part that helps has a positive weight.", sign=-1),
    ),
)


def _squared(
    chances: Tensor,
    said: Tensor,
    weights: Tensor,
    *,
    above: str = "weighted",
    below: str = "weighted",
    centre: str = "weighted",
    of: str = "chances",
    power: int = 2,
    turn: str = "1 - share",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    w = {"weighted": weights, "plain": torch.ones_like(weights), "squared": weights**2}
    spread = said if of == "said" else chances
    mean = {
        "weighted": (weights * chances).sum() / weights.sum(),
        "plain": chances.mean(),
        "said": (weights * said).sum() / weights.sum(),
        "not divided": (weights * chances).mean(),
        "none": torch.zeros(()),
    }[centre]
    if of == "said":
        mean = (weights * said).sum() / weights.sum()
    left = (w[above] * (chances - said).abs() ** power).sum()
    whole = (w[below] * (spread - mean).abs() ** power).sum()
    found: Tensor = 1 - left / whole
    turned: dict[str, Tensor] = {
        "1 - share": found,
        "share": left / whole,
        "upside down": 1 - whole / left,
        "root": found.abs().sqrt(),
        "root of the share": 1 - (left / whole).sqrt(),
        "above 0": found.clamp(min=0),
        "minus": -found,
        "difference": whole - left,
    }
    return turned[turn]


def _said(seed: int, far: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    chances, noise, weights = torch.rand(3, 15, generator=random, dtype=torch.float64)
    said = (chances + far * (noise - 0.4)).round(decimals=2)
    return chances.round(decimals=2), said, (weights + 0.01).round(decimals=2)


def _explained(chances: Tensor, said: Tensor, weights: Tensor) -> Tensor:
    middle = (weights * said).sum() / weights.sum()
    mean = (weights * chances).sum() / weights.sum()
    whole = (weights * (chances - mean) ** 2).sum()
    return (weights * (said - middle) ** 2).sum() / whole


def _explained_around(chances: Tensor, said: Tensor, weights: Tensor) -> Tensor:
    mean = (weights * chances).sum() / weights.sum()
    whole = (weights * (chances - mean) ** 2).sum()
    return (weights * (said - mean) ** 2).sum() / whole


_SQUARED = Exercise(
    _squared,
    (
        tuple(
            torch.tensor(x, dtype=torch.float64)
            for x in ([0.9, 0.2, 0.5, 0.7], [0.8, 0.4, 0.4, 0.75], [1.0, 0.5, 0.25, 0.75])
        ),
        _said(0),
        _said(1),
        _said(2, 2.0),  # worse than its own mean: below 0
    ),
    (
        Mistake(
            "that is the squared correlation, which forgives a sum that lies off by a "
            "factor or a constant. R squared compares the errors with the spread.",
            lambda p, g, w: torch.corrcoef(torch.stack([p, g]))[0, 1] ** 2,
        ),
        Mistake(
            "that is the spread of the sum over that of the network. Take what is "
            "*left*, the error, and the share that it leaves.",
            _explained,
        ),
        Mistake(
            "that is the spread of the sum over that of the network, explained over total. "
            "Both agree only for a least-squares fit to these very numbers. Take what is "
            "*left*, the error, and the share that it leaves.",
            _explained_around,
        ),
    ),
    "below 0 the sum is worse than its own mean.",
    slips=(
        slip("the weights do not enter.", above="plain", below="plain", centre="plain"),
        slip(
            "that is the share that is left; R squared is what is explained, 1 minus it.",
            turn="share",
        ),
        slip("the mean has to be weighted as well.", centre="plain"),
        slip(
            "you took the mean of what the sum says; the mean of the network's "
            "probabilities is needed.",
            centre="said",
        ),
        slip(
            "the weighted sum has to be divided by the sum of the weights to be a mean.",
            centre="not divided",
        ),
        slip("the mean is not subtracted: the spread is around it.", centre="none"),
        slip(
            "the spread in the denominator is that of the sum; take that of the network's "
            "probabilities.",
            of="said",
        ),
        slip("squares are missing.", power=1),
        slip(
            "the weights are squared with the differences: weigh the squares once.",
            above="squared",
            below="squared",
        ),
        slip("the weights enter above alone; both sums need them.", below="plain"),
        slip("the weights enter below alone; both sums need them.", above="plain"),
        slip(
            "it is upside down: divide what is left by the whole spread, not the other "
            "way.",
            turn="upside down",
        ),
        slip(
            "you took the root of the share that is left; R squared compares the squares.",
            turn="root of the share",
        ),
        slip("you took a root at the end; R squared is without one.", turn="root"),
        slip(
            "R squared may be negative, where the sum is worse than the mean: do not cut "
            "it off below 0.",
            turn="above 0",
        ),
        slip("you subtracted; R squared is 1 minus a ratio.", turn="difference"),
    ),
)


def _nearness(
    patterns: Tensor,
    width: float,
    *,
    distance: str = "cosine",
    form: str = "root",
) -> Tensor:
    """The right answer of the third exercise, with places to go wrong at."""
    share = patterns.mean(dim=1)
    far = {
        "cosine": 1 - share.sqrt(),
        "similarity": share.sqrt(),
        "share off": 1 - share,
        "count off": (1 - patterns).sum(dim=1),
        "euclidean": (1 - patterns).sum(dim=1).sqrt(),
        "no root": 1 - share**2,
    }[distance]
    found: dict[str, Tensor] = {
        "root": torch.exp(-(far**2) / (2 * width**2)),
        "paper": torch.exp(-(far**2) / width**2),
        "no square": torch.exp(-far / (2 * width**2)),
        "width": torch.exp(-(far**2) / (2 * width)),
        "sign": torch.exp(far**2 / (2 * width**2)),
        "distance": far,
        "density": torch.exp(-(far**2) / (2 * width**2)) / (width * (2 * torch.pi) ** 0.5),
        "sum": torch.exp(-(far**2) / (2 * width**2))
        / torch.exp(-(far**2) / (2 * width**2)).sum(),
        "2 outside": torch.exp(-(far**2)) / (2 * width**2),
    }
    return found[form]


def _on(*rows: str) -> Tensor:
    return torch.tensor([[float(x) for x in row] for row in rows], dtype=torch.float64)


_NEARNESS = Exercise(
    _nearness,
    (
        (_on("1111", "1110", "1000", "0000"), 0.25),
        (_on("11", "10", "01"), 0.5),
        (_on("111111111", "110111011", "000010000"), 1.0),
    ),
    (),
    "the whole image counts 1, and a copy with nothing on hardly counts.",
    slips=(
        slip(
            "that grows with the distance: the sign in the exponent is missing.",
            form="sign",
        ),
        slip(
            "the distance is the share of parts that are off; the cosine distance is asked "
            "for. What is the cosine between a pattern and all ones?",
            distance="share off",
        ),
        slip(
            "the distance is the number of parts that are off; the cosine distance is "
            "asked for.",
            distance="count off",
        ),
        slip(
            "that is the Euclidean distance; the cosine distance is asked for.",
            distance="euclidean",
        ),
        slip(
            "you took the cosine itself, which is largest for the whole image; the "
            "distance is 1 minus it.",
            distance="similarity",
        ),
        slip(
            "the length of a pattern is the root of the number of ones: the cosine is the "
            "root of the share that is on, and no square.",
            distance="no root",
        ),
        slip(
            "that is the paper's kernel, without the 2; the package takes its root.",
            form="paper",
        ),
        slip("the distance is not squared.", form="no square"),
        slip("the width is not squared.", form="width"),
        slip("that is the distance; the kernel is a function of it.", form="distance"),
        slip(
            "you divided by the area, as for a density; the whole image is to count 1.",
            form="density",
        ),
        slip("you divided by the sum; the whole image is to count 1.", form="sum"),
        slip("2 width^2 divides inside the exponent.", form="2 outside"),
    ),
)


def check_nearness(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(patterns (N, J), width) -> (N,)`` of LIME's kernel."""
    return _NEARNESS.check(answer)


def check_weighted_fit(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(patterns (N, J), chances (N,), weights (N,)) -> (J,)``."""
    return _FIT.check(answer)


def check_r_squared(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(chances (N,), said (N,), weights (N,)) -> R squared``."""
    return _SQUARED.check(answer)
