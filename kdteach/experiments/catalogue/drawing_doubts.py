"""What the first page says of its own networks, counted on MNIST's test images.

Two things: whether a student's second answer is its teacher's (in a folded part of the
page), and what the student without 3 reads before and after the bias of its
class 3 is set: how many 3s, how many other digits as a 3, and how many mistakes in all.
``python -m kdteach readers`` counts second answers and 3s for the students of all ten
seeds. Nothing is trained for it, so ``python -m kdteach readers --measure`` counts all of
it again for those whose weights ship, and chooses the images beside the field again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kdteach.data import load
from kdteach.experiments.catalogue.drawing_images import (
    EXAMPLES,
    UNSEEN,
    as_drawings,
    examples,
    stored,
)
from kdteach.files import check_path
from kdteach.metrics import predict_logits
from kdteach.models import READERS, trained_reader
from kdteach.models.shipped import shipped_bytes, weights_folder
from kdteach.results import require_writable
from kdteach.stats import paired_difference
from kdteach.types import Split
from kdteach.writing import write_whole

RECORD = "drawing-readers.json"
_PAIR = ("label-trained", "distilled")


def doubts(models: Mapping[str, nn.Module], data: Split, added: float) -> dict[str, Any]:
    """Second answers of the pair, and the 3s that the student without 3 reads.

    Second answers are compared on the images to which the teacher and both students give
    the same answer, right or wrong; on others a second answer means something else.

    Args:
        models: the networks that ship, by name.
        data: test images as the page shows them to its networks.
        added: what was added to the bias of class 3 of the student without 3.

    Returns:
        "images" on which the three agree; "same second answer as the teacher", shares in
        [0, 1] by student; "same when shuffled", what these shares would be on average if
        each student's second answers were dealt out anew among the images of one first
        answer: what it knows of the class, without what it sees in the image;
        "same by a guess", the share for whoever names any other class, and for whoever
        names the class that is most often the teacher's second after that first answer;
        "difference", distilled less label-trained in points,
        paired by image, with its interval, None where they agree on fewer than two;
        "share of 3s read as 3", "other digits read as 3" and "mistakes without 3", the
        latter two counted on all images, of the student without 3, with and without what
        was added; "other digits", how many images are no 3.
    """
    logits = {name: predict_logits(models[name], data.images) for name in READERS}
    best = {name: z.topk(2).indices for name, z in logits.items()}
    first, second = ({name: two[:, k] for name, two in best.items()} for k in (0, 1))
    alike = torch.stack([first[n] == first["teacher"] for n in _PAIR]).all(dim=0)
    same = {n: (second[n] == second["teacher"])[alike].double().numpy() for n in _PAIR}
    agreed, theirs = int(alike.sum()), second["teacher"][alike]
    gap = None
    if agreed > 1:  # an interval needs two
        gap = paired_difference(100 * same["distilled"], 100 * same["label-trained"])
    after = logits["without-3"].double()
    before = after.clone()
    before[:, UNSEEN] -= added
    read = {"with": after.argmax(dim=1), "without": before.argmax(dim=1)}
    others = data.labels != UNSEEN
    return {
        "images": agreed,
        "same second answer as the teacher": {
            name: float(np.mean(hits)) if agreed else None for name, hits in same.items()
        },
        "same when shuffled": {
            n: matches_by_chance(first["teacher"][alike], theirs, second[n][alike])
            for n in _PAIR
        },
        "same by a guess": {
            "any other digit": 1 / (logits["teacher"].shape[1] - 1),
            "the usual one": matches_by_chance(first["teacher"][alike], theirs),
        },
        "difference": None if gap is None else dict(vars(gap)),
        "share of 3s read as 3": {
            how: float((said[~others] == UNSEEN).double().mean())
            for how, said in read.items()
        },
        "other digits": int(others.sum()),
        "other digits read as 3": {
            how: int((said[others] == UNSEEN).sum()) for how, said in read.items()
        },
        "mistakes without 3": {
            how: int((said != data.labels).sum()) for how, said in read.items()
        },
    }


def matches_by_chance(
    first: Tensor, second: Tensor, others: Tensor | None = None
) -> float | None:
    """The share of images whose second answer is met by chance, within one first answer.

    Args:
        first: (N,) answers.
        second: (N,) those that are to be met.
        others: (N,) those that are dealt out anew; by default the most usual of ``second``.

    Returns:
        The share in [0, 1], on average over all ways of dealing; None without images.
    """
    if not len(first):
        return None
    hits = 0.0
    for digit in first.unique():
        here = first == digit
        met = second[here].bincount().double()
        if others is None:
            hits += float(met.max())
            continue
        dealt = others[here].bincount().double()
        both = min(len(met), len(dealt))
        hits += float(met[:both] @ dealt[:both]) / int(here.sum())
    return hits / len(first)


def doubts_by_seed(
    models: Mapping[str, Sequence[nn.Module]], data: Split, added: Sequence[float]
) -> dict[str, Any]:
    """The same for the students of every seed, all with the same teacher.

    Args:
        models: by name, the teacher alone and the students, one a seed.
        data: test images as the page shows them to its networks.
        added: what was added to the bias of class 3 of each student without 3.

    Returns:
        As ``doubts``, with a list by seed in place of each number; "difference" is paired
        by seed.
    """
    found = []
    for seed, shift in enumerate(added):
        students = {name: models[name][seed] for name in READERS if name != "teacher"}
        found.append(doubts({"teacher": models["teacher"][0], **students}, data, shift))
    parts = (
        "same second answer as the teacher", "same when shuffled", "same by a guess",
        "share of 3s read as 3",
    )  # fmt: skip
    lists: dict[str, Any] = {
        part: {name: [one[part][name] for one in found] for name in found[0][part]}
        for part in parts
    }
    same = lists["same second answer as the teacher"]
    gap = None
    if None not in same["distilled"]:
        plain, told = (100 * np.array(same[name]) for name in _PAIR)
        gap = dict(vars(paired_difference(told, plain)))
    return {"images": [one["images"] for one in found], **lists, "difference": gap}


def measure(
    out: Path | None = None,
    root: str | Path | None = None,
    *,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Count again what the shipped networks do, and choose the page's images again.

    Args:
        out: folder of the record and the images, by default the package's own.
        root: the folder that holds ``MNIST/raw``; by default ``$KDTEACH_DATA``.
        say: called with one line at the end.

    Returns:
        The record, with "doubts" as ``doubts`` returns them.

    Raises:
        FileNotFoundError: MNIST is not there.
    """
    folder = weights_folder() if out is None else check_path("out", out)
    require_writable(folder)
    record: dict[str, Any] = json.loads(shipped_bytes(RECORD))
    added = record["without-3"]["added to the bias of 3"][record["seed that ships"]]
    mnist, models = load("mnist", root), {n: trained_reader(n) for n in READERS}
    data = as_drawings(mnist.test, seed=5, anew=0.0)
    record["doubts"] = doubts(models, data, added)
    write_whole(folder / EXAMPLES, stored(examples(models, mnist.valid)))
    write_whole(folder / RECORD, f"{json.dumps(record, indent=1)}\n".encode())
    say(f"second answers and 3s on test images: {record['doubts']}")
    return record
