"""Answers to the exercises of *Distil your own*."""

import numpy as np
import torch

from tests.answers import about

worst = about("check_worst_class")


def recalls(z, y):
    said = z.argmax(dim=1)
    return [float((said[y == c] == c).double().mean()) for c in y.unique()]


def precisions(z, y):
    said = z.argmax(dim=1)
    return [float((y[said == c] == c).double().mean()) for c in said.unique()]


worst.wrong(
    "accuracy", r"large class", lambda z, y: float((z.argmax(1) == y).double().mean())
)
worst.wrong("the best", r"best class", lambda z, y: max(recalls(z, y)))
worst.wrong("the mean", r"mean over", lambda z, y: sum(recalls(z, y)) / len(y.unique()))
worst.wrong("precision", r"precision", lambda z, y: min(precisions(z, y)))
worst.wrong(
    "its number", r"number of the class", lambda z, y: int(np.argmin(recalls(z, y)))
)
worst.wrong("its errors", r"share that is wrong", lambda z, y: 1 - min(recalls(z, y)))
worst.right("a list", lambda z, y: min(recalls(z, y)))


def by_numpy(z, y):
    said, truth = z.numpy().argmax(axis=1), y.numpy()
    count = np.bincount(truth, minlength=z.shape[1])
    right = np.bincount(truth[said == truth], minlength=z.shape[1])
    return (right[count > 0] / count[count > 0]).min()


worst.right("by NumPy", by_numpy)

lost = about("check_images_lost")


def right(z, y):
    return z.argmax(dim=1) == y


lost.wrong("won", r"wins", lambda z, b, y: int((right(z, y) & ~right(b, y)).sum()))
lost.wrong("mistakes", r"all mistakes", lambda z, b, y: int((~right(z, y)).sum()))
lost.wrong(
    "both", r"both get wrong", lambda z, b, y: int((~right(z, y) & ~right(b, y)).sum())
)
lost.wrong(
    "disagree", r"different things", lambda z, b, y: int((z.argmax(1) != b.argmax(1)).sum())
)
lost.wrong(
    "the difference", r"difference of the mistakes",
    lambda z, b, y: int((~right(z, y)).sum() - (~right(b, y)).sum()),
)  # fmt: skip
lost.wrong("either", r"together", lambda z, b, y: int((right(z, y) != right(b, y)).sum()))
lost.right("a tensor", lambda z, b, y: (right(b, y) & ~right(z, y)).sum())
lost.right(
    "one by one",
    lambda z, b, y: sum(
        bool(old == t and new != t)
        for new, old, t in zip(z.argmax(1), b.argmax(1), y, strict=True)
    ),
)
lost.right("by counting", lambda z, b, y: torch.count_nonzero(right(b, y) > right(z, y)))
