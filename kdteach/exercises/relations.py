"""Checks of the chapter *Relations*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.seeding import generator


def _rows(n: int, d: int, seed: int) -> Tensor:
    noise = torch.randn(n, d, generator=generator(seed, "exercise"), dtype=torch.float64)
    return noise.round(decimals=1) + 0.05


def _similarities(
    features: Tensor, *, product: str = "pairs", length: str = "rows"
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    rows = features.flatten(1)
    if length == "features":
        rows = rows / rows.norm(dim=1, keepdim=True)
    found: Tensor = rows.mT @ rows if product == "columns" else rows @ rows.mT
    divisor: Tensor = {
        "rows": found.norm(dim=1, keepdim=True),
        "columns": found.norm(dim=0, keepdim=True),
        "whole": found.norm(),
        "sum": found.abs().sum(dim=1, keepdim=True),
    }.get(length, torch.ones(()))
    return found / divisor


_SIMILARITIES = Exercise(
    _similarities,
    (
        (torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]], dtype=torch.float64),),
        (_rows(4, 3, 0),),
        (_rows(6, 16, 1),),
        (100 * _rows(5, 2, 2),),
    ),
    (),
    "it has as many rows as there are images, whatever the width of the network.",
    laws=(
        Law(
            "every row has the length 1",
            lambda g, *_: g.dim() == 2 and bool(((g.norm(dim=1) - 1).abs() < 1e-6).all()),
        ),
    ),
    slips=(
        slip("you compared the features with each other (columns); the images, the rows, "
             "are compared.", product="columns"),
        slip("those are cosines: you divided the features by their length. Here the rows "
             "of the matrix of products are divided.", length="features"),
        slip("you divided each column; divide each row by its length.", length="columns"),
        slip("you divided the whole matrix by one length; each row has its own.",
             length="whole"),
        slip("you divided by the sum of the row; its length is asked for.", length="sum"),
        slip("the products are right; now divide each row by its length.", length="none"),
    ),
)  # fmt: skip


def _distances(
    embeddings: Tensor, *, mean: str = "apart", squared: bool = False, unit: bool = False
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    rows = functional.normalize(embeddings) if unit else embeddings
    apart = (rows[:, None] - rows[None]).square().sum(dim=2)
    if not squared:
        apart = torch.where(apart > 0, apart, 1.0).sqrt() * (apart > 0)
    if mean == "apart":
        return apart / apart[apart > 0].mean()
    if mean == "all":
        return apart / apart.mean()
    if mean == "largest":
        return apart / apart.max()
    if mean == "rows":
        return apart / (apart.sum(dim=1, keepdim=True) / (len(apart) - 1))
    return apart


_DISTANCES = Exercise(
    _distances,
    (
        (torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], dtype=torch.float64),),
        (_rows(4, 3, 3),),
        (1000 * _rows(6, 8, 4),),
        (torch.tensor([[2.0], [3.0]], dtype=torch.float64),),
    ),
    (
        Mistake(
            "those are the distances themselves; divide them by their mean.",
            lambda e: torch.cdist(e, e),
        ),
    ),
    "the unit is gone: a network whose numbers are a thousand times larger has the same.",
    laws=(
        Law(
            "two different images are 1 apart on average",
            lambda d, *_: d.dim() == 2 and abs(float(d[d > 0].mean()) - 1) < 1e-6,
        ),
    ),
    slips=(
        slip("your mean counts the distances of each image to itself, which are 0: leave "
             "them out.", mean="all"),
        slip("you divided by the largest distance; the mean is asked for.",
             mean="largest"),
        slip("one mean for the whole matrix: you took one for each row.", mean="rows"),
        slip("those are squares of distances: the root is missing.", squared=True),
        slip("you brought each embedding to length 1 first, and so lost how far each is "
             "from the origin.", unit=True),
        slip("those are the distances themselves; divide them by their mean.",
             mean="none"),
    ),
)  # fmt: skip


def _loss(
    student: Tensor,
    teacher: Tensor,
    *,
    compared: str = "images",
    by: str = "pairs",
    length: str = "rows",
    order: int = 2,
) -> Tensor:
    """The right answer of the third exercise, with places to go wrong at."""
    product = "pairs" if compared == "images" else "columns"
    mine, its = (
        _similarities(x, product=product, length=length) for x in (student, teacher)
    )
    apart = (mine - its.detach()).abs() ** order
    return apart.sum() / {"pairs": apart.numel(), "images": len(apart), "none": 1}[by]


def _as_given(student: Tensor, teacher: Tensor) -> Tensor:
    """What the reader finds: features compared, the whole matrix of length 1."""
    return _loss(student, teacher, compared="features", length="whole")


_LOSS = Exercise(
    _loss,
    (
        (_rows(3, 2, 5), _rows(3, 2, 6)),
        (_rows(4, 3, 7), 20 * _rows(4, 3, 8)),
        (_rows(6, 5, 9), _rows(6, 5, 10)),
    ),
    (),
    "now teacher and student may have any widths, and each image counts alike.",
    slips=(
        slip("you still compare the features (columns) with each other: it fails where "
             "the widths differ. Compare the images, the rows.", compared="features"),
        slip("you still divide the whole matrix by one length: divide each row by its own.",
             length="whole"),
        slip("now nothing is divided by its length.", length="none"),
        slip("the mean over the pairs was right; you divide by the number of images.",
             by="images"),
        slip("the mean over the pairs was right; the sum is taken now.", by="none"),
        slip("squares were right; you take absolute differences.", order=1),
    ),
    given=_as_given,
    gradient=(0,),
)  # fmt: skip


def check_similarities(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(features (N, D)) -> (N, N)``, similarities with rows of length 1."""
    return _SIMILARITIES.check(answer)


def check_relative_distances(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(embeddings (N, D)) -> (N, N)``, distances in units of their mean."""
    return _DISTANCES.check(answer)


def check_repaired_similarity(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(student (N, d), teacher (N, D)) -> ()``, the similarity loss."""
    return _LOSS.check(answer)
