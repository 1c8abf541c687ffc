"""Which images of MNIST open the chapter on the missing 3, and how they are stored.

Of the 50,000 training images those that are no 3, and that the teacher does not take for
one: the eights, fives and twos to which it gives the most probability of 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kdteach.data import load
from kdteach.experiments.catalogue.drawing_images import UNSEEN, as_drawings
from kdteach.metrics import predict_logits
from kdteach.models import trained_reader
from kdteach.models.shipped import weights_folder
from kdteach.types import Split
from kdteach.writing import write_whole

FILE = "look-alikes.safetensors"
DIGITS = (8, 5, 2)
EACH = 6
TEMPERATURE = 4.0


def chosen(
    logits: Tensor, labels: Tensor, digits: Sequence[int] = DIGITS, each: int = EACH
) -> list[int]:
    """The images that look most like a 3, and an ordinary one, for each digit.

    Args:
        logits: (N, 10) of the teacher.
        labels: (N,).
        digits: the classes among which to choose.
        each: images of each.

    Returns:
        Places: of each digit ``each`` images, those to which the teacher gives the most
        probability of 3 at T = 4, and the one in the middle of all that are ordered so.
        Images that the teacher misreads are left out.
    """
    share = (logits.double() / TEMPERATURE).softmax(dim=1)[:, UNSEEN]
    right = logits.argmax(dim=1) == labels
    found: list[int] = []
    for digit in digits:
        places = (right & (labels == digit)).nonzero()[:, 0]
        order = places[share[places].argsort(descending=True, stable=True)].tolist()
        found += [*order[:each], order[len(order) // 2]]
    return found


def stored(split: Split) -> bytes:
    """Images, labels and rows of MNIST as the content of a file."""
    from safetensors.torch import save

    pixels = (255 * split.images[:, 0]).round().to(torch.uint8).contiguous()
    tensors = {
        "pixels": pixels, "labels": split.labels.to(torch.uint8),
        "index": split.index.to(torch.int32),
    }  # fmt: skip
    return save(tensors, metadata={"made by": "tools/look-alikes: MNIST's training images"})


def remake() -> Split:
    """Choose the images anew and write the file; ``$KDTEACH_DATA`` has MNIST."""
    split = load("mnist").train
    shown = as_drawings(split, seed=5, anew=0.0)
    logits = predict_logits(trained_reader("teacher"), shown.images)
    few = shown.select(torch.tensor(chosen(logits, shown.labels), device="cpu"))
    write_whole(weights_folder() / FILE, stored(few))
    return few
