"""The images that the networks of the first page learn from, and those that stand on it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from kdteach.data.drawn import normalised, redrawn
from kdteach.metrics import predict_logits
from kdteach.types import ImageSet, Split

UNSEEN = 3
"""The digit that one of the students is never shown."""
ANEW = 0.8
"""The share of training images that are redrawn."""
EXAMPLES = "drawing-examples.safetensors"
_FOUR, _NINE = 4, 9


def as_drawings(split: Split, *, seed: int, anew: float) -> Split:
    """The images as the page would show them to its networks.

    Args:
        split: images (N, 1, 28, 28) of MNIST.
        seed: of what is random.
        anew: the share of images that are drawn anew before, in [0, 1].

    Returns:
        The same samples; pixels are multiples of 1/255.
    """
    random = np.random.default_rng(seed)
    pixels = np.empty((len(split), 28, 28), dtype=np.uint8)
    for place, image in enumerate(split.images[:, 0].double().numpy()):
        ink = redrawn(image, random) if random.random() < anew else image
        pixels[place] = np.round(255 * normalised(ink))
    images = torch.from_numpy(pixels)[:, None].float().div_(255)
    return Split(images, split.labels, num_classes=10)


def drawings(mnist: ImageSet) -> dict[str, Split]:
    """All images that are needed, about a minute on one core.

    Args:
        mnist: ``load("mnist")``.

    Returns:
        "train" (50,000, four of five drawn anew), "valid" and "test" (10,000 each, all
        drawn anew) and "as written" (the test images, normalised alone).
    """
    return {
        "train": as_drawings(mnist.train, seed=1, anew=ANEW),
        "valid": as_drawings(mnist.valid, seed=3, anew=1.0),
        "test": as_drawings(mnist.test, seed=4, anew=1.0),
        "as written": as_drawings(mnist.test, seed=5, anew=0.0),
    }


def examples(readers: Mapping[str, nn.Module], split: Split) -> Split:
    """Images for those who cannot draw: first where teacher and students disagree.

    The first is a 4 that is nearly a 9: teacher and distilled student read a 4 and put 9
    next, the label-trained student misreads it, and of all such images it is the one to
    which the teacher gives the most probability of 9. Of other images on which the networks
    answer in the same way, those come first of whose label the teacher is surest, so that
    people can read them.

    Args:
        readers: the networks, by name.
        split: images of MNIST among which to choose, not its test images.

    Returns:
        That 4; two more images that only the label-trained student misreads, one that only
        the distilled student does, one that both misread in different ways, a 3 that the
        student without 3 misreads, and one of each digit on which all agree.
    """
    data = as_drawings(split, seed=5, anew=0.0)
    labels = data.labels
    said = {name: predict_logits(model, data.images) for name, model in readers.items()}
    sure = said["teacher"].softmax(dim=1).gather(1, labels[:, None])[:, 0]
    order = sure.argsort(descending=True, stable=True)
    answers = {name: z.argmax(dim=1)[order] for name, z in said.items()}
    truth = labels[order]
    right = {name: found == truth for name, found in answers.items()}
    plain, told, teacher = (right[n] for n in ("label-trained", "distilled", "teacher"))
    apart = answers["label-trained"] != answers["distilled"]
    groups = (
        (teacher & told & ~plain, 2), (teacher & ~told & plain, 1),
        (teacher & ~told & ~plain & apart, 1),
        ((truth == UNSEEN) & teacher & told & plain & ~right["without-3"], 1),
    )  # fmt: skip
    chosen: list[int] = []
    for group, count in groups:
        kinds: set[int] = set()
        for place in group.nonzero()[:, 0].tolist():
            if len(kinds) < count and int(truth[place]) not in kinds:  # of several digits
                kinds.add(int(truth[place]))
                chosen.append(place)
    agreed = teacher & told & plain & right["without-3"]
    for digit in (UNSEEN, *(d for d in range(10) if d != UNSEEN)):
        chosen += (agreed & (truth == digit)).nonzero()[:1, 0].tolist()
    first = _nearly_a_nine(said, labels)
    rest = [place for place in order[chosen].tolist() if place not in first]
    return data.select(torch.tensor(first + rest, device="cpu"))


def _nearly_a_nine(said: Mapping[str, Tensor], labels: Tensor) -> list[int]:
    """The place of the 4 that stands first, in a list; none where no image fits."""
    best = {name: z.topk(2).indices for name, z in said.items()}
    fits = (labels == _FOUR) & (best["label-trained"][:, 0] != _FOUR)
    for name in ("teacher", "distilled"):
        fits &= (best[name] == torch.tensor([_FOUR, _NINE], device="cpu")).all(dim=1)
    places = fits.nonzero()[:, 0]
    if not len(places):
        return []
    nine = said["teacher"].softmax(dim=1)[places, _NINE]
    return [int(places[nine.argmax()])]


def stored(split: Split) -> bytes:
    """Images and labels as the content of a file, a byte a number."""
    from safetensors.torch import save

    pixels = (255 * split.images[:, 0]).round().to(torch.uint8).contiguous()
    about = {"made by": "python -m kdteach readers: training images of MNIST"}
    return save({"pixels": pixels, "labels": split.labels.to(torch.uint8)}, metadata=about)
