"""Checks of the chapter *Do they look at the same place?*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _flat(a: Tensor) -> Any:
    return a.flatten().double().numpy()


def _rank(a: Tensor, b: Tensor) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(_flat(a), _flat(b)).statistic)


def _p_value(a: Tensor, b: Tensor) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(_flat(a), _flat(b)).pvalue)


def _kendall(a: Tensor, b: Tensor) -> float:
    from scipy.stats import kendalltau

    return float(kendalltau(_flat(a), _flat(b)).statistic)


def _linear(a: Tensor, b: Tensor) -> float:
    return float(np.corrcoef(_flat(a), _flat(b))[0, 1])


def _row_by_row(a: Tensor, b: Tensor) -> float:
    return float(np.mean([_rank(x, y) for x, y in zip(a, b, strict=True)]))


def _not_flattened(a: Tensor, b: Tensor) -> float:
    from scipy.stats import spearmanr

    return float(np.mean(spearmanr(a.numpy(), b.numpy()).statistic))


def _tables(teacher: Tensor, first: Tensor, second: Tensor) -> Any:
    from scipy.stats import spearmanr

    one, other = (spearmanr(teacher.numpy(), x.numpy()) for x in (first, second))
    return one.statistic > other.statistic


def _columns(teacher: Tensor, first: Tensor, second: Tensor) -> bool:
    """Column 0 of the teacher with column 0 of each student."""
    one, other = (_rank(teacher[:, 0], x[:, 0]) for x in (first, second))
    return one > other


def _closer(teacher: Tensor, first: Tensor, second: Tensor) -> bool:
    return _rank(teacher, first) > _rank(teacher, second) + 1e-12


def _maps(*rows: str) -> Tensor:
    return torch.tensor([[float(x) for x in row.split()] for row in rows])


_TEACHER = _maps("1 2 3", "4 5 20", "6 7 9")
_SAME_ORDER = _maps("0.0 0.1 0.2", "0.3 0.4 0.9", "0.5 0.6 0.8")
_ONE_PEAK = _maps("2 1 4", "3 5 20", "7 6 9")
_REVERSED = -_TEACHER
_HALF = _maps("9 8 7", "1 2 3", "4 5 6")
_NOISE = _maps("5 1 9", "2 8 3", "7 4 6")
_WORSE = _maps("3 9 1", "8 2 6", "4 7 5")
_ALSO = _maps("1 9 5", "4 2 8", "6 3 7")
_ROWS = _maps("7 8 9", "4 5 6", "1 2 3")  # in order within each row, not over all
_COUNTED = _maps("1 2 3", "4 5 6", "7 8 9")
_MIXED = _maps("2 1 3", "5 4 20", "6 9 8")
_CLOSER = Exercise(
    _closer,
    (
        (_TEACHER, _SAME_ORDER, _ONE_PEAK),
        (_TEACHER, _REVERSED, _ONE_PEAK),
        (_TEACHER, _ONE_PEAK, _REVERSED),
        (_SAME_ORDER, _TEACHER + 100, _ONE_PEAK / 100),
        (_TEACHER, _SAME_ORDER, 2 * _SAME_ORDER),  # both the same
        (_TEACHER, _HALF, _REVERSED),
        (_TEACHER, _NOISE, _WORSE),
        (_TEACHER, _ROWS, _MIXED),
        (_TEACHER, _ALSO, _NOISE),
        (_TEACHER, _MIXED, _ONE_PEAK),
        (_COUNTED, _maps("1 2 9", "7 5 4", "6 3 8"), _maps("1 9 3", "4 5 7", "8 2 6")),
        (_COUNTED, _maps("1 2 3", "5 9 4", "8 7 6"), _maps("3 2 6", "4 5 1", "7 8 9")),
        (
            _COUNTED,
            _maps("2 1 4", "3 6 5", "8 7 9"),
            _maps("1 2 3", "4 9 6", "7 8 5"),
        ),
        (
            _COUNTED,
            _maps("1 7 2", "3 4 5", "6 8 9"),
            _maps("3 1 2", "4 6 5", "9 7 8"),
        ),
        (
            _COUNTED,
            _maps("4 1 2", "3 5 9", "6 7 8"),
            _maps("2 1 3", "7 5 4", "6 9 8"),
        ),
    ),
    (
        Mistake(
            "you turned the answer round: the other way, the second student instead of the "
            "first.",
            lambda t, a, b: _rank(t, a) < _rank(t, b),
        ),
        Mistake(
            "that is the correlation of the values (Pearson's); Spearman's is that of "
            "their order.",
            lambda t, a, b: _linear(t, a) > _linear(t, b),
        ),
        Mistake(
            "a correlation of -1 is not close: leave the absolute value out. (The same "
            "with p-values: they are small for either sign; the correlation is in "
            "`statistic`.)",
            lambda t, a, b: abs(_rank(t, a)) > abs(_rank(t, b)),
        ),
        Mistake(
            "that compares values by their distance; the scale of a map says nothing.",
            lambda t, a, b: bool((t - a).norm() < (t - b).norm()),
        ),
        Mistake(
            "that is a p-value: small for a strong correlation of either sign. The "
            "correlation itself is in `statistic`.",
            lambda t, a, b: _p_value(t, a) > _p_value(t, b),
        ),
        Mistake(
            "where both are equally close the first is not closer: > and not >=.",
            lambda t, a, b: _rank(t, a) >= _rank(t, b) - 1e-12,
        ),
        Mistake(
            "that is Kendall's tau; Spearman's correlation is asked for.",
            lambda t, a, b: _kendall(t, a) > _kendall(t, b) + 1e-12,
        ),
        Mistake(
            "you compare the maps row by row; the order counts among all pixels: flatten "
            "them.",
            lambda t, a, b: _row_by_row(t, a) > _row_by_row(t, b),
        ),
        Mistake(
            "spearmanr takes the columns of a matrix for several variables; flatten each "
            "map into one row of pixels first.",
            lambda t, a, b: _not_flattened(t, a) > _not_flattened(t, b),
        ),
        Mistake(
            "spearmanr takes the columns of a matrix for several variables, and gives a "
            "table; flatten each map into one row of pixels first.",
            _tables,
        ),
        Mistake(
            "spearmanr takes the columns of a matrix for several variables: your entry of "
            "its table compares one column of the teacher with one of the student. Flatten "
            "each map into one row of pixels first.",
            _columns,
        ),
        Mistake(
            "it is False every time: do both students enter what you compare? (Where the "
            "maps are not flattened, entry [0, 1] of spearmanr's table compares two "
            "columns of the teacher's map, whoever the student is.)",
            lambda t, a, b: False,
        ),
        Mistake(
            "you ask whether the first is like the teacher at all; compare it with the "
            "second.",
            lambda t, a, b: _rank(t, a) > 0,
        ),
        Mistake(
            "you compare the two students with each other; both are to be compared with "
            "the teacher.",
            lambda t, a, b: _rank(a, b) > 0,
        ),
    ),
    "only the order of the pixels counts, not the scale.",
)


def _overlap(
    first: Tensor,
    second: Tensor,
    k: int,
    *,
    by: str = "k",
    which: str = "brightest",
    compare: str = "places",
    count: int = 0,
    gives: str = "shared",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    a, b = first, second
    if which == "darkest":
        a, b = -a, -b
    if which == "absolute":
        a, b = a.abs(), b.abs()
    n = k + count
    mine, other = a.flatten().topk(n), b.flatten().topk(n)
    if compare == "ranking":
        both = mine.indices == other.indices
    elif compare == "values":
        both = torch.isin(mine.values, other.values)
    elif compare == "itself":
        both = torch.isin(mine.indices, mine.indices)
    else:
        both = torch.isin(mine.indices, other.indices)
    number = both.double().sum()
    found: dict[str, Tensor] = {
        "k": number / both.numel(),
        "1": number,
        "pixels": number / first.numel(),
        "either": number / (2 * both.numel() - number),
        "100": 100 * number / both.numel(),
        "each": both.double(),
        "true k": number / k,
    }
    return 1 - found[by] if gives == "not shared" else found[by]


_A = torch.tensor(
    [[-1.53, -0.75, -0.65, -2.61], [-0.13, -0.61, -0.98, -1.61], [0.44, 1.17, 1.77, -0.1]]
)
_B = torch.tensor(
    [[0.14, -1.58, -0.32, -0.30], [-0.80, 0.34, 0.28, 1.72], [-0.06, 0.91, -1.39, 2.69]]
)
_C = torch.tensor(
    [[0.9, 0.8, 0.1, -2.0, 0.7], [0.6, -3.0, 0.5, 0.2, 0.4], [0.3, 0.0, -1.0, 1.2, -0.5]]
)
_D = torch.tensor(
    [[0.4, 0.95, -2.5, 0.3, 0.85], [1.1, 0.2, 0.6, -1.8, 0.1], [0.5, 0.7, -0.2, 0.8, -0.9]]
)
_OVERLAP = Exercise(
    _overlap,
    ((_A, _B, 3), (_A, _B, 2), (_B, _A, 4), (_C, _D, 5), (_D, _C, 7), (_C, _D, 2)),
    (
        Mistake(
            "you looked for the brightest pixels of each row; those of the whole map are "
            "asked for: flatten it first.",
            lambda a, b, k: (
                torch.isin(
                    a.topk(min(k, a.shape[1])).indices.flatten(),
                    b.topk(min(k, b.shape[1])).indices.flatten(),
                )
                .double()
                .mean()
            ),
        ),
    ),
    "by chance the overlap is k over the number of pixels.",
    slips=(
        slip("divide by k, not by the number of pixels.", by="pixels"),
        slip("that is the number of common pixels; the share is asked.", by="1"),
        slip(
            "divide by k, not by the pixels that either of the two names (their union).",
            by="either",
        ),
        slip("your result is in per cent; a share (a fraction) is asked for.", by="100"),
        slip(
            "you have an answer for each of the k pixels; one share is asked for, their "
            "mean.",
            by="each",
        ),
        slip("brightest means largest, not largest in absolute value.", which="absolute"),
        slip("those are the darkest pixels.", which="darkest"),
        slip(
            "you compare place by place in the ranking, first with first. A pixel counts "
            "wherever it stands among the k of the other map.",
            compare="ranking",
        ),
        slip(
            "you compare the values; it is the pixels, their places, that are to be the "
            "same.",
            compare="values",
        ),
        slip("you compare the first map with itself; take the second.", compare="itself"),
        slip("you took one pixel fewer than k.", count=-1),
        slip("you took one pixel fewer than k, but divided by k.", count=-1, by="true k"),
        slip("you took one pixel more than k.", count=1),
        slip(
            "that is the share that is not shared, 1 minus the one that is.",
            gives="not shared",
        ),
    ),
)


def _without(
    ab: float,
    ac: float,
    bc: float,
    *,
    above: str = "product",
    below: str = "both",
    root: bool = True,
    squares: bool = True,
) -> float:
    """The right answer of the second exercise, with places to go wrong at."""
    a, b = (ac**2, bc**2) if squares else (abs(ac), abs(bc))
    under = {
        "both": (1 - a) * (1 - b),
        "first": (1 - a) ** 2,
        "none": 1.0,
        "squared sum": 1 - a - b if a + b < 1 else 0.5,
        "of r": 1 - ab**2,
    }[below]
    over = {
        "product": ab - ac * bc,
        "alone": ab,
        "mean": ab - (ac + bc) / 2,
        "plus": ab + ac * bc,
        "sum": ab - ac - bc,
        "turned": ac * bc - ab,
    }[above]
    return over / (under**0.5 if root and below != "none" else under)


_WITHOUT = Exercise(
    _without,
    (
        (0.5, 0.6, 0.8),
        (0.48, 0.6, 0.8),
        (0.7, 0.0, 0.5),
        (0.2, 0.5, -0.4),
        (0.0, 0.3, 0.3),
        (-0.1, 0.7, 0.2),
        (0.3, 0.0, 0.0),
    ),
    (),
    "where both maps follow the ink alone, r is the product, and nothing is left.",
    slips=(
        slip(
            "you divide the whole correlation; what the ink explains has to be taken off "
            "first: what would r be if both maps agreed through the ink alone?",
            above="alone",
        ),
        slip(
            "what is taken off is no mean of the two: through the ink, one step follows "
            "the other, so that they are multiplied.",
            above="mean",
        ),
        slip("you add what the ink explains; take it off.", above="plus"),
        slip(
            "you take off the sum of the two; two steps in a row are multiplied.",
            above="sum",
        ),
        slip("the sign is turned round: r less the product.", above="turned"),
        slip(
            "the denominator is missing: less of the maps is left, and it is compared "
            "with what is left of them.",
            below="none",
        ),
        slip("the root is missing: below stands a product of two lengths.", root=False),
        slip("both maps lose what the ink explains, not the first alone.", below="first"),
        slip(
            "what is left of each map is a factor of its own: multiply (1 - a^2) and "
            "(1 - b^2), instead of taking off both squares at once.",
            below="squared sum",
        ),
        slip("the squares are missing: 1 - r^2 is what a correlation of r leaves.",
             squares=False),
        slip(
            "the denominator is made of the two correlations with the ink, not of that of "
            "the maps.",
            below="of r",
        ),
    ),
)  # fmt: skip


def check_is_closer(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(teacher, first, second) -> bool``, maps (H, W)."""
    return _CLOSER.check(answer)


def check_top_overlap(answer: Callable[[Tensor, Tensor, int], Any]) -> CheckResult:
    """Check ``answer(first (H, W), second (H, W), k) -> share``."""
    return _OVERLAP.check(answer)


def check_without_ink(answer: Callable[[float, float, float], Any]) -> CheckResult:
    """Check ``answer(r_maps, r_first_ink, r_second_ink) -> partial correlation``."""
    return _WITHOUT.check(answer)
