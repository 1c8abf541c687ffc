"""What two answers have in common, and how sure an answer is."""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.checks import check_labels, check_logits, check_pair, sum_tolerance
from kdteach.losses.divergence import exact, wide
from kdteach.memory import require_memory

_ANY_CLASS = 2**63 - 1  # no end of the class numbers


def prediction_agreement(student_logits: Tensor, teacher_logits: Tensor) -> float:
    """Fraction of images on which student and teacher choose the same class.

    How alike two maps of what counted are is ``kdteach.explain.agreement``.

    Args:
        student_logits: (N, C).
        teacher_logits: (N, C), the same images in the same order.

    Raises:
        TypeError: not floating-point tensors, or dtypes differ.
        ValueError: shapes or devices differ, NaN logits.

    Source: Stanton et al. 2021, section 3.
    """
    check_pair(student_logits, teacher_logits)
    same = student_logits.argmax(dim=1) == teacher_logits.argmax(dim=1)
    return float(same.double().mean())


def subclass_recovery(subclass_logits: Tensor, labels: Tensor) -> float:
    """How well subclasses that nobody named match classes that nobody showed.

    Each image is given to its largest logit. Subclasses and classes are matched one to
    one, so that as many images as possible fall into the subclass of their class.

    Args:
        subclass_logits: (N, K) float.
        labels: (N,) int64 of the hidden classes, at least 0.

    Returns:
        Fraction of images in the subclass of their class, in [0, 1]; with fewer subclasses
        than classes some classes have none. Chance is not 0: compare with a control.

    Raises:
        TypeError: not a floating-point tensor, labels are not int64.
        ValueError: wrong shapes, NaN logits, negative labels, or so many classes that
            their table does not fit into memory.

    Source: the matching is Kuhn's, by ``scipy.optimize.linear_sum_assignment``.
    """
    from scipy.optimize import linear_sum_assignment

    check_logits("subclass_logits", subclass_logits)
    check_labels(labels, len(subclass_logits), _ANY_CLASS)
    # the classes that occur, numbered anew: a large number is no large table
    _, truth = torch.unique(labels.cpu(), return_inverse=True)
    found = subclass_logits.argmax(dim=1).cpu()
    width, classes = subclass_logits.shape[1], int(truth.max()) + 1
    require_memory(
        f"a table of {width:,} subclasses times {classes:,} classes", 24 * width * classes,
        "are the labels class numbers?",
    )  # fmt: skip
    together = torch.bincount(found * classes + truth, minlength=width * classes)
    counts = together.reshape(width, classes).numpy()
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / len(truth))


def entropy(probabilities: Tensor) -> Tensor:
    """Shannon entropy of each row in nats: (N, C) -> (N,), with 0 log 0 = 0.

    Args:
        probabilities: (N, C) float, each row sums to 1.

    Returns:
        (N,) in [0, log C]; float32 for half precision, else the same dtype.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: a row with negative entries or that does not sum to 1.
    """
    check_logits("probabilities", probabilities)
    total = exact(probabilities).sum(dim=1)
    near = sum_tolerance(probabilities.dtype)
    if (probabilities < 0).any() or not torch.allclose(
        total, torch.ones_like(total), rtol=1e-5, atol=near
    ):
        raise ValueError("probabilities must be at least 0 and each row must sum to 1")
    nats: Tensor = torch.special.entr(exact(probabilities)).sum(dim=1)
    return nats.to(wide(probabilities).dtype)
