"""Mistakes of idea about the label smoothing that is as soft as a teacher."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from kdteach.exercises._matching import Mistake

_Of = Callable[[Tensor, Tensor], Tensor]


def _labels(p: Tensor, y: Tensor) -> Tensor:
    """The share of the label of each image."""
    return p.gather(1, y[:, None])[:, 0]


def _solved(share: Tensor, classes: float) -> Tensor:
    return (1 - share) * classes / (classes - 1)


def _share(of: _Of) -> Callable[..., Tensor]:
    """The smoothing where the label's share is another function of p and the labels."""
    return lambda v, y, t: _solved(of(torch.softmax(v / t, dim=1), y), v.shape[1])


def _classes(of: Callable[[Tensor, Tensor], float]) -> Callable[..., Tensor]:
    """The smoothing where the number of classes is another one."""

    def found(v: Tensor, y: Tensor, t: float) -> Tensor:
        return _solved(_labels(torch.softmax(v / t, dim=1), y).mean(), of(v, y))

    return found


def _algebra(of: Callable[[Tensor, int], Tensor]) -> Callable[..., Tensor]:
    """Another function of the label's share and the number of classes."""
    return lambda v, y, t: of(_labels(torch.softmax(v / t, dim=1), y).mean(), v.shape[1])


def _fixed(count: int, *_: Tensor) -> int:
    return count


def _by_class(p: Tensor, y: Tensor) -> Tensor:
    return torch.stack([p[y == c, c].mean() for c in y.unique()]).mean()


def _where(right: bool) -> _Of:
    return lambda p, y: _labels(p, y)[(p.argmax(dim=1) == y) == right].mean()


_LABELS_PLACE = "you count the labels from 1; the first class is number 0."
_ALGEBRA = (
    "solve once more: the label keeps 1 - epsilon and gets epsilon / C back. Which sign "
    "has each of them?"
)
_TWO = (
    "the probabilities are changed by T after the softmax, and no longer sum to 1: divide "
    "the logits."
)
MATCHING = (
    Mistake(
        "that is a geometric mean: the mean is taken of logarithms, as in a cross-entropy. "
        "The mean of the probabilities themselves is asked for.",
        _share(lambda p, y: _labels(p, y).log().mean().exp()),
    ),
    Mistake(
        "you take the columns of all labels from every image, as with `[:, labels]`. Each "
        "image has one label, its own.",
        _share(lambda p, y: p[:, y].mean()),
    ),
    *(
        Mistake(
            f"your function takes it that there are {count} classes: their number is in "
            "the shape of the logits.",
            _classes(partial(_fixed, count)),
        )
        for count in (10, 100, 1000)
    ),
    Mistake(
        "your number of classes is that of the labels that occur. A class without an image "
        "is a class, too: which dimension of the logits counts them?",
        _classes(lambda v, y: len(y.unique())),
    ),
    Mistake(
        "your number of classes ends with the largest label that occurs. Which dimension "
        "of the logits counts all classes?",
        _classes(lambda v, y: int(y.max()) + 1),
    ),
    Mistake(
        "your number of classes is the number of images: `len` counts rows.",
        _classes(lambda v, y: len(v)),
    ),
    Mistake(
        "you average within each class first, and then over the classes. The mean over the "
        "images is asked for, and some classes have more of them.",
        _share(_by_class),
    ),
    Mistake(
        "you leave out the images that the teacher misreads. There the label gets little, "
        "and that belongs to the mean.",
        _share(_where(True)),
    ),
    Mistake("you count only the images that the teacher misreads.", _share(_where(False))),
    Mistake(
        "that is made from how often the teacher is right. How much does it give the "
        "label: a probability, and not yes or no?",
        _share(lambda p, y: (p.argmax(dim=1) == y).to(p.dtype).mean()),
    ),
    Mistake(
        "you took the class that the teacher likes least: which is the labelled one?",
        _share(lambda p, y: p.amin(dim=1).mean()),
    ),
    Mistake(
        "you average the answers over the images, and take the largest of what is left. "
        "Take the label's share of each image first.",
        _share(lambda p, y: p.mean(dim=0).amax()),
    ),
    Mistake(
        _LABELS_PLACE, _share(lambda p, y: _labels(p, y - 1 + p.shape[1] * (y == 0)).mean())
    ),
    Mistake(_LABELS_PLACE, _share(lambda p, y: _labels(p, (y + 1) % p.shape[1]).mean())),
    Mistake(
        "you add up over the images; on average is asked for.",
        _share(lambda p, y: _labels(p, y).sum()),
    ),
    Mistake(
        "your mean runs over images and classes, as with a one-hot mask: the label's share "
        "is a sum over the classes.",
        _share(lambda p, y: _labels(p, y).mean() / p.shape[1]),
    ),
    Mistake(
        "your epsilon is kept between 0 and 1. A teacher that errs may give the label less "
        "than 1 / C, and then epsilon is above 1.",
        lambda v, y, t: _share(lambda p, y: _labels(p, y).mean())(v, y, t).clamp(0, 1),
    ),
    Mistake(_ALGEBRA, _algebra(lambda share, c: (1 - share) / (1 + 1 / c))),
    Mistake(_ALGEBRA, _algebra(lambda share, c: 1 - share + share / c)),
    Mistake(_ALGEBRA, _algebra(lambda share, c: 1 - share + 1 / c)),
    Mistake(_ALGEBRA, _algebra(lambda share, c: 1 - share - 1 / c)),
    Mistake(_ALGEBRA, _algebra(lambda share, c: (1 - share) * c)),
    Mistake(_ALGEBRA, _algebra(lambda share, c: share * c / (c - 1))),
    Mistake(_ALGEBRA, _algebra(lambda share, c: (share - 1 / c) * c / (c - 1))),
    Mistake(
        _TWO,
        lambda v, y, t: _solved(_labels(torch.softmax(v, 1) / t, y).mean(), v.shape[1]),
    ),
    Mistake(
        _TWO,
        lambda v, y, t: _solved(
            _labels(torch.softmax(v, 1) ** (1 / t), y).mean(), v.shape[1]
        ),
    ),
    Mistake(
        "the logits are divided by T squared: that square belongs to the loss.",
        lambda v, y, t: _share(lambda p, y: _labels(p, y).mean())(v, y, t * t),
    ),
    Mistake(
        "the softmax runs over the images (dim=0); each image, that is each row, has "
        "probabilities of its own (dim=1).",
        lambda v, y, t: _solved(_labels(torch.softmax(v / t, 0), y).mean(), v.shape[1]),
    ),
    Mistake(
        "your epsilon has one number for each class; one number for all images is asked "
        "for.",
        lambda v, y, t: _solved(torch.softmax(v / t, 1).mean(dim=0), v.shape[1]),
    ),
)
