"""Stored logits that a loss holds itself, read out of its gradients.

Such a loss depends on the student's logits alone. The difference of its gradients at two of
them does not depend on what is stored, so T and the weights follow from it; and then the
stored probabilities follow from a gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from kdteach.diagnosis.findings import Finding
from kdteach.diagnosis.identified import Identified, Probes

_USUAL = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 1.5, 2.5, 7.0)


def enclosed(probes: Probes, temperatures: Sequence[float]) -> Identified | None:
    """T and weights of a usual loss with stored targets; None where it is another one.

    Args:
        probes: of a loss that does not depend on the teacher's logits.
        temperatures: tried before the usual ones.
    """
    z, gradients = probes.z, probes.gradients
    count = z.shape[1]
    (a, _), (b, _) = probes.pairs
    wanted = (gradients[a] - gradients[b]).numpy().ravel()
    power = float(np.sqrt(np.mean(wanted**2)))
    if power == 0:
        return None
    labels = (z[a].softmax(1) - z[b].softmax(1)).numpy().ravel() / count
    for t in dict.fromkeys([*temperatures, *_USUAL]):
        if t == 1:
            continue  # there the two terms cannot be kept apart
        soft = ((z[a] / t).softmax(1) - (z[b] / t).softmax(1)).numpy().ravel() / count / t
        table = np.stack([soft, labels], axis=1)
        weights = np.linalg.lstsq(table, wanted, rcond=None)[0]
        misfit = float(np.sqrt(np.mean((wanted - table @ weights) ** 2))) / power
        if misfit < 1e-4 and weights[0] > 1e-6:
            hard = 0.0 if abs(weights[1]) < 1e-6 else float(weights[1])
            name = "cross-entropy" if hard else "none"
            return Identified("forward", name, t, float(weights[0]), hard, misfit)
    return None


def stored(formula: Identified, probes: Probes, answered: Tensor) -> Iterator[Finding]:
    """Stored targets that are not what the teacher answers about these images.

    Args:
        formula: of the loss.
        probes: of the loss.
        answered: (N, C) what the teacher answers about the batch, of which the first rows
            were asked about.
    """
    t, z = formula.temperature, probes.z[0]
    count, classes = z.shape
    y = probes.y
    certain = F.one_hot(y, classes).double() if y.ndim == 1 else y.double()
    rest = probes.gradients[0] * count - formula.hard_weight * (z.softmax(1) - certain)
    targets = (z / t).softmax(1) - rest * t / formula.soft_weight
    if float(targets.min()) < -1e-2 or float((targets.sum(1) - 1).abs().max()) > 1e-2:
        return
    if not len(answered) or answered.shape[1] != classes or _of_labels(targets, certain):
        return
    its = (answered.double() / t).softmax(1)
    apart = (targets[:, None] - its[None]).abs().sum(dim=2) / 2
    own = apart.diagonal()
    uneven = float((its - its.mean(0)).abs().sum(1).mean()) / 2
    if float(own.median()) < max(0.2 * uneven, 1e-3):
        return
    others = float((apart.amin(dim=1) < 0.05 * max(uneven, 0.02)).double().mean())
    fits = ", and most fit other images of the batch" if others > 0.5 else ""
    yield Finding(
        "stored logits of other images",
        f"the targets that the loss holds are not what the teacher answers about these "
        f"images{fits}",
        "store logits by sample index without shuffling or augmentation, and look them "
        "up by the index of the image: kdteach.teacher_logits(teacher, data.train)",
        {"median distance from the teacher's answer": float(own.median()), "T": t},
    )


def _of_labels(targets: Tensor, certain: Tensor) -> bool:
    """Whether targets follow from the labels alone, as a virtual teacher's do."""
    others = targets.masked_select(certain < 1e-6)
    if float(others.max() - others.min()) < 1e-3 * float(targets.max()):
        return True
    own = certain.argmax(dim=1)
    alike = [targets[own == label] for label in own.unique()]
    several = [rows for rows in alike if len(rows) > 1]
    return bool(several) and all(float((r - r[0]).abs().max()) < 1e-4 for r in several)
