"""Checks of the chapter *Every method, one protocol*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, slip


def _chosen(
    errors: Tensor, *, by: str = "sum", best: str = "fewest", tie: str = "first"
) -> int:
    """The right answer of the first exercise, with places to go wrong at."""
    if by == "smallest entry":
        score = errors.min(dim=0).values
    elif by == "largest entry":
        score = errors.max(dim=0).values
    elif by == "wins":
        winners = errors.argmin(dim=1)
        score = -torch.bincount(winners, minlength=errors.shape[1])
    elif by == "first division":
        score = errors[0]
    else:
        score = errors.sum(dim=1 if by == "divisions" else 0)
    if best == "most":
        score = -score
    places = (score == score.min()).nonzero()[:, 0]
    return int(places[0 if tie == "first" else -1])


# in the first and the last every mistake finds another column
_E = torch.tensor([
    [13, 3, 6, 2, 3, 19, 10, 13], [14, 17, 1, 3, 7, 7, 4, 7], [14, 17, 14, 4, 4, 3, 18, 9],
    [14, 14, 13, 8, 3, 4, 9, 3], [13, 16, 16, 19, 14, 7, 14, 10],
])  # fmt: skip
_TIED = torch.tensor([[4, 1, 3, 2, 9], [5, 6, 4, 5, 7]])
_WIDE = torch.tensor([
    [7, 16, 11, 7, 10, 17, 6, 18], [6, 2, 4, 18, 17, 5, 7, 19], [7, 9, 14, 3, 3, 2, 17, 16],
    [3, 15, 2, 13, 1, 13, 4, 11], [16, 3, 12, 8, 16, 6, 9, 8],
])  # fmt: skip

_CHOSEN = Exercise(
    _chosen,
    ((_E,), (_TIED,), (_WIDE,)),
    (),
    "all divisions count together, so one lucky division cannot decide.",
    slips=(
        slip("that is the setting with the smallest single number: a lucky division "
             "decides. Add up each setting's mistakes over the divisions first.",
             by="smallest entry"),
        slip("you looked at the worst division of each setting; its sum is asked for.",
             by="largest entry"),
        slip("you counted in how many divisions a setting is best; the sum of the mistakes "
             "is asked for.", by="wins"),
        slip("you looked at the first division alone.", by="first division"),
        slip("you summed over the settings: that finds a division. The rows are divisions, "
             "the columns settings.", by="divisions"),
        slip("that is the setting with the most mistakes.", best="most"),
        slip("of settings with equally many mistakes the first is asked for.", tie="last"),
    ),
)  # fmt: skip


def _holm(
    p: Tensor, *, step: str = "down", stop: bool = True, order: str = "given",
    level: float = 0.05,
) -> Tensor:  # fmt: skip
    """The right answer of the second exercise, with places to go wrong at."""
    count = len(p)
    ranks = torch.arange(count, device="cpu")
    values, places = p.sort()
    allowed = {
        "down": level / (count - ranks),
        "Bonferroni": torch.full((count,), level / count, device="cpu"),
        "none": torch.full((count,), level, device="cpu"),
        "reversed": level / (ranks + 1),
        "false discovery": level * (ranks + 1) / count,
        "one less": level / (count - ranks - 1).clamp(min=1),
    }[step]
    small = values <= allowed
    if step == "false discovery":
        small = small.flip(0).cummax(dim=0).values.flip(0)
    elif stop:
        small = small.cummin(dim=0).values
    if order == "sorted":
        return small
    return torch.zeros_like(small).scatter(0, places, small)


def _p(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


_HOLM = Exercise(
    _holm,
    (
        (_p(0.2, 0.01, 0.02, 0.011),),
        (_p(0.001, 0.04, 0.03, 0.013, 0.6),),
        (_p(0.013, 0.3, 0.02, 0.016, 0.0001),),
        (_p(0.03, 0.026, 0.9),),
        (_p(0.049, 0.012, 0.02),),
    ),
    (),
    "each step has one comparison fewer left to guard, so it may be a little less strict, "
    "and the chance of any false alarm stays below 5 %.",
    slips=(
        slip("that is Bonferroni's correction: every p is compared with 0.05 / m. Holm "
             "divides by the number of comparisons that are left.", step="Bonferroni"),
        slip("nothing is corrected: every p is compared with 0.05.", step="none"),
        slip("that is the procedure for the false discovery rate, which promises less.",
             step="false discovery"),
        slip("the steps are in the wrong order: the smallest p must pass the strictest "
             "line, 0.05 / m.", step="reversed"),
        slip("the smallest p must pass 0.05 / m; you divide by one too few.",
             step="one less"),
        slip("stop at the first p that does not pass: no larger one holds.", stop=False),
        slip("the answers stand in sorted order; give them in the order of the p values.",
             order="sorted"),
    ),
)  # fmt: skip


def check_chosen_setting(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(errors (divisions, settings)) -> int``, the column that is chosen."""
    return _CHOSEN.check(answer)


def check_holm(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(p (m,)) -> (m,) bool``, which hold by Holm's procedure at 0.05."""
    return _HOLM.check(answer)
