"""Checks of the chapter *Subclass distillation*."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._general import rows_sum_to_1
from kdteach.seeding import generator


def _logits(n: int, k: int, seed: int) -> Tensor:
    noise = torch.randn(n, k, generator=generator(seed, "exercise"), dtype=torch.float64)
    return (3 * noise + torch.arange(n)[:, None]).round(decimals=1)


def _correlations(
    logits: Tensor,
    *,
    centre: str = "own",
    spread: str = "own",
    correction: int = 0,
    by: str = "K",
    product: str = "pairs",
    of: str = "logits",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    z = torch.softmax(logits, dim=1) if of == "probabilities" else logits
    means = {
        "own": z.mean(dim=1, keepdim=True),
        "batch": z.mean(dim=0),
        "all": z.mean(),
        "none": torch.zeros(()),
    }[centre]
    centred = z - means
    if spread == "length":
        scaled = centred / centred.norm(dim=1, keepdim=True) * z.shape[1] ** 0.5
    else:
        deviation = {
            "own": z.std(dim=1, correction=correction, keepdim=True),
            "batch": z.std(dim=0, correction=correction),
            "all": z.std(correction=correction),
            "none": torch.ones(()),
            "variance": z.var(dim=1, correction=correction, keepdim=True),
        }[spread]
        scaled = centred / deviation
    count = {"K": z.shape[1], "1": 1, "N": len(z), "K - 1": z.shape[1] - 1}[by]
    left = scaled.mT if product == "columns" else scaled
    found: Tensor = scaled * scaled if product == "elements" else left @ left.mT
    return found / count


_CORRELATIONS = Exercise(
    _correlations,
    (
        (torch.tensor([[1.0, 2.0, 4.0], [0.0, 3.0, 1.0]], dtype=torch.float64),),
        (_logits(3, 4, 0),),
        (_logits(6, 10, 1),),
        (_logits(5, 50, 2),),
    ),
    (
        Mistake(
            "those are inner products of the logits: the mean has to go first, and the "
            "deviation has to be divided by.",
            lambda z: z @ z.mT / z.shape[1],
        ),
        Mistake(
            "those are inner products of the logits: the mean has to go first, and the "
            "deviation has to be divided by.",
            lambda z: z @ z.mT,
        ),
        Mistake(
            "that is the cosine of the angle: the mean of each image's logits has to go "
            "first.",
            lambda z: _correlations(z, centre="none", spread="length"),
        ),
    ),
    "its diagonal is 1, whatever the number of subclasses.",
    laws=(
        Law(
            "an image's correlation with itself is 1",
            lambda r, *_: r.dim() == 2 and bool(((r.diagonal() - 1).abs() < 1e-6).all()),
        ),
    ),
    slips=(
        slip(
            "you normalised over the images of the batch. Each image is normalised on its "
            "own, over its logits (dim=1, with `keepdim=True`).",
            centre="batch",
            spread="batch",
        ),
        slip(
            "you normalised over the images of the batch. Each image is normalised on its "
            "own, over its logits; and divide by n, not by n - 1.",
            centre="batch",
            spread="batch",
            correction=1,
        ),
        slip(
            "you took one mean and one deviation of the whole table; each image (each row) "
            "has its own.",
            centre="all",
            spread="all",
        ),
        slip(
            "what is an image's correlation with itself? Here it is K instead of 1.", by="1"
        ),
        slip(
            "you divided by the number of images N; each sum runs over the K logits.",
            by="N",
        ),
        slip(
            "you divided by K - 1, and by a deviation that divides by K: then an image's "
            "correlation with itself is not 1.",
            by="K - 1",
        ),
        slip("the mean of each image's logits has to go first.", centre="none"),
        slip(
            "you subtracted the means over the batch; each image has a mean of its own, "
            "over its logits.",
            centre="batch",
        ),
        slip(
            "you divided by the deviation over the batch; each image has its own.",
            spread="batch",
        ),
        slip(
            "your standard deviation divides by K - 1 (the default, `correction=1`): "
            "then an image's correlation with itself is not quite 1.",
            correction=1,
        ),
        slip(
            "that is the covariance: the standard deviation has to be divided by, or an "
            "image's correlation with itself is not 1.",
            spread="none",
        ),
        slip(
            "you divided by the variance; its root, the standard deviation, is needed.",
            spread="variance",
        ),
        slip(
            "you compared the columns; it is the images, the rows, that are compared.",
            product="columns",
        ),
        slip(
            "you multiplied each number with itself. Every image is compared with every "
            "other: a matrix product, for each pair of rows.",
            product="elements",
        ),
        slip(
            "you took the softmax first; the correlations are of the logits.",
            of="probabilities",
        ),
    ),
)


def _classes(
    logits: Tensor,
    num_classes: int,
    *,
    order: str = "class by class",
    combine: str = "sum",
    softmax: str = "all",
    after: str = "",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""

    def parts(values: Tensor) -> Tensor:
        if order == "class by class":
            return values.reshape(len(values), num_classes, -1)
        if order == "by subclasses":
            return values.reshape(len(values), -1, num_classes)
        return values.reshape(len(values), -1, num_classes).mT

    combined: Callable[[Tensor], Tensor] = {
        "sum": lambda x: x.sum(dim=2),
        "mean": lambda x: x.mean(dim=2),
        "largest": lambda x: x.amax(dim=2),
        "product": lambda x: x.prod(dim=2),
        "first": lambda x: x[:, :, 0],
        "logsumexp": lambda x: x.logsumexp(dim=2),
    }[combine]
    if softmax == "after":
        found = torch.softmax(combined(parts(logits)), dim=1)
    elif softmax == "within":
        found = combined(torch.softmax(parts(logits), dim=2))
    elif softmax == "between":
        found = combined(torch.softmax(parts(logits), dim=1))
    elif softmax == "images":
        found = combined(parts(torch.softmax(logits, dim=0)))
    elif softmax == "none":
        found = combined(parts(logits))
    else:
        found = combined(parts(torch.softmax(logits, dim=1)))
    if after == "softmax":
        return torch.softmax(found, dim=1)
    return found.log() if after == "log" else found


_CLASSES = Exercise(
    _classes,
    (
        (
            torch.tensor(
                [[2.0, 0.0, 1.0, 1.5], [-1.0, 0.5, 3.0, 0.0]], dtype=torch.float64
            ),
            2,
        ),
        (_logits(5, 12, 4), 3),
        (_logits(4, 5, 5), 5),
        (_logits(3, 8, 6), 2),
    ),
    (
        Mistake(
            "those are the probabilities of the subclasses: a class has the sum of its "
            "own.",
            lambda z, c: torch.softmax(z, dim=1),
        ),
    ),
    "an image may be uncertain between two subclasses and quite certain of its class.",
    laws=(Law("every row sums to 1", lambda p, *_: rows_sum_to_1(p)),),
    slips=(
        slip(
            "the softmax has to come first, over all logits of an image: you combined "
            "logits and took the softmax afterwards. It is probabilities that add up.",
            softmax="after",
        ),
        slip(
            "you took a softmax within each class; it has to run over all subclasses of "
            "all classes together.",
            softmax="within",
        ),
        slip(
            "you took a softmax between the classes for each subclass; it has to run over "
            "all of them together.",
            softmax="between",
        ),
        slip(
            "your softmax runs over the images (dim=0); it should run over each row.",
            softmax="images",
        ),
        slip(
            "those are sums of logits; a softmax makes probabilities first.", softmax="none"
        ),
        slip(
            "the subclasses of a class lie side by side: class 0 has the first columns.",
            order="interleaved",
        ),
        slip(
            "`num_classes` is the number of classes, not of the subclasses of each.",
            order="by subclasses",
        ),
        slip(
            "those are logits of the classes (logsumexp); a softmax makes probabilities of "
            "them.",
            softmax="none",
            combine="logsumexp",
        ),
        slip(
            "you took the largest subclass of each class; the others count too.",
            combine="largest",
        ),
        slip(
            "your rows do not sum to 1: the mean over the subclasses was taken instead of "
            "the sum.",
            combine="mean",
        ),
        slip(
            "you multiplied the probabilities of the subclasses. An image shows one of "
            "them *or* another: add.",
            combine="product",
        ),
        slip("you took the first subclass of each class; all count.", combine="first"),
        slip(
            "there is a second softmax: sums of probabilities are probabilities already.",
            after="softmax",
        ),
        slip("those are the logarithms of the probabilities.", after="log"),
    ),
)


def _diversity(
    logits: Tensor,
    tau: float,
    *,
    over: str = "logits",
    factor: str = "1/K",
    order: str = "logsumexp",
    less: str = "both",
    sign: float = 1.0,
    end: str = "mean",
    tau_at: str = "inside",
) -> Tensor:
    """The right answer of the third exercise, with places to go wrong at."""
    dim = 1 if over == "logits" else 0
    centred = logits - logits.mean(dim=dim, keepdim=True)
    normal = centred / logits.std(dim=dim, correction=0, keepdim=True)
    n, k = logits.shape
    pairs = normal @ normal.mT / {"1/K": k, "none": 1, "1/N": n}[factor]
    scaled = pairs / tau if tau_at == "inside" else pairs
    if order == "exp first":
        row = torch.exp(scaled).sum(dim=1).log()
    elif order == "mean":
        row = scaled.mean(dim=1)
    else:
        row = torch.logsumexp(scaled, dim=1)
    count = math.log(n) if less in ("both", "N") else 0.0
    own = 1 / tau if less in ("both", "tau") else 0.0
    row = row - own - count
    return sign * (row.sum() if end == "sum" else row.mean())


def _as_given(logits: Tensor, tau: float) -> Tensor:
    """What the reader finds: over the batch, without 1/K, exp before log."""
    return _diversity(logits, tau, over="batch", factor="none", order="exp first")


_DIVERSITY = Exercise(
    _diversity,
    (
        (torch.tensor([[1.0, 2.0, 4.0], [0.0, 3.0, 1.0]], dtype=torch.float64), 1.0),
        (_logits(6, 10, 7), 1.0),
        (_logits(5, 50, 8), 0.5),
        (_logits(4, 8, 9), 0.001),
        (_logits(8, 100, 10), 1.0),
    ),
    (),
    "each image on its own, correlations of at most 1, and no exponential that can "
    "overflow.",
    slips=(
        slip(
            "you still normalise over the images of the batch. Each image is normalised on "
            "its own, over its K logits.",
            over="batch",
        ),
        slip(
            "what is an image's correlation with itself? It is K: the factor 1/K is "
            "missing.",
            factor="none",
        ),
        slip(
            "you divided the inner products by the number of images; each is a sum over K "
            "logits.",
            factor="1/N",
        ),
        slip(
            "the exponential overflows where tau is small: `torch.logsumexp` takes out the "
            "largest first.",
            order="exp first",
        ),
        slip(
            "the mean of the correlations is another loss: it is the logarithm of a sum of "
            "exponentials that is asked for.",
            order="mean",
        ),
        slip("`- 1 / tau` was right: it is missing now.", less="N"),
        slip("`- log N` was right: it is missing now.", less="tau"),
        slip("the sign was right: a loss is made small, and it is turned now.", sign=-1.0),
        slip("the mean over the images was right: the sum is taken now.", end="sum"),
        slip("the division of the correlations by tau is gone.", tau_at="nowhere"),
    ),
    given=_as_given,
    gradient=(0,),
)


def check_correlations(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (N, K)) -> (N, N)`` correlations between images."""
    return _CORRELATIONS.check(answer)


def check_class_probabilities(answer: Callable[[Tensor, int], Any]) -> CheckResult:
    """Check ``answer(logits (N, C * S), num_classes) -> (N, C)`` probabilities."""
    return _CLASSES.check(answer)


def check_repaired_diversity(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, K), tau) -> ()``, the diversity loss, repaired."""
    return _DIVERSITY.check(answer)
