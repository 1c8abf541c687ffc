"""The numbers in the text of the first page, from the record of its networks."""

from __future__ import annotations

import json
from typing import Any

from kdteach.models import READERS
from kdteach.models.shipped import shipped_bytes
from kdteach.stats import Interval


def readers_record() -> dict[str, Any]:
    """What was measured when the networks of the first page were trained.

    Returns:
        By name of the network: its learning rate and its errors on 10,000 images; and
        "gain", in points of accuracy, on "valid", "test" (both drawn anew) and "as
        written".
        ``kdteach.experiments.catalogue.drawing_readers`` says how each came about.
    """
    record: dict[str, Any] = json.loads(shipped_bytes("drawing-readers.json"))
    return record


def page_numbers() -> dict[str, str]:
    """Pieces of the first page's text that have numbers in them.

    Returns:
        By name: "images", "gain", "doubts", "threes", "bias", "how", and "rows" and "sizes"
        of tables.
    """
    record = readers_record()
    pair, plain, without = (record[n] for n in ("distilled", "label-trained", "without-3"))
    seed, teacher = record["seed that ships"], record["teacher"]
    threes = record["doubts"]["share of 3s read as 3"]
    how = (
        f"The teacher is a convolutional network of {teacher['weights']:,} weights, "
        f"trained on {teacher['images']:,} images. The students are smaller ones, of "
        f"{pair['weights']:,} weights. The label-trained student sees its "
        f"{plain['images']:,} images {plain['epochs']} times, the distilled one "
        f"{pair['epochs']} times: learning rate and number of passes are, for each, the "
        "best on validation images over ten seeds. The loss of the distilled student is "
        f"{pair['alpha']:g} times its distance from the teacher's probabilities at T = "
        f"{pair['temperature']:g} plus {1 - pair['alpha']:g} times its loss on the labels. "
        "The student without 3 learned from the teacher alone, at T = "
        f"{without['temperature']:g}, from {without['images']:,} images."
    )
    rows = []
    for name in READERS:
        of = record[name]
        which = 0 if name == "teacher" else seed
        shares = [of[f"{part} errors"][which] / 100 for part in ("as written", "test")]
        cells = (name.replace("-3", " 3"), *(f"{share:.1f}" for share in shares))
        rows.append(f"| {' | '.join(cells)} |")
    gains = (Interval(**record["gain"][part]) for part in ("as written", "test"))
    return {
        "images": f"{pair['images']:,}",
        "gain": gain_in_words(*gains),
        "doubts": doubts_in_words(record["doubts"]),
        "threes": f"{100 * threes['with']:.0f} of a hundred test 3s",
        "bias": f"{100 * threes['without']:.0f}",
        "how": how,
        "rows": "\n".join(rows),
        "sizes": _sizes(record["sizes tried"]),
    }


def _sizes(tried: dict[str, dict[str, float]]) -> str:
    """Errors of both students by size, rows of a table."""
    return "\n".join(
        f"| {_network(size)} | {shares['label-trained']:.1f} | {shares['distilled']:.1f} |"
        for size, shares in tried.items()
    )


def _network(size: str) -> str:
    """A name such as "fc-16, 1000 images" in words."""
    name, images = size.split(", ")
    width = name.split("-")[1]
    kind = "convolutional" if name.startswith("cnn") else f"{width} hidden units"
    return f"{kind}, {int(images.split()[0]):,} images"


def gain_in_words(gain: Interval, anew: Interval) -> str:
    """A sentence on what distillation is worth here.

    Args:
        gain: in points of accuracy, label-trained errors less distilled ones, on test
            images as they were written.
        anew: the same on test images that were drawn anew.
    """
    span = f"mean of {gain.n} pairs, 95 % interval {gain.low:.1f} to {gain.high:.1f}"
    if gain.high < 0:
        return f"Here it costs {-gain.mean:.1f} mistakes in a hundred ({span})."
    if gain.low <= 0:
        return f"Whether it helps here is undecided ({gain.mean:.1f} in a hundred; {span})."
    text = f"It saves {gain.mean:.1f} mistakes in a hundred of MNIST's test digits ({span})"
    if anew.low <= 0:
        return f"{text}."
    return (
        f"{text}, and {anew.mean:.1f} when these are redrawn, to be more like what "
        f"visitors may draw ({anew.low:.1f} to {anew.high:.1f})."
    )


def doubts_in_words(doubts: dict[str, Any]) -> str:
    """A sentence on which student's second answer is more often the teacher's.

    Args:
        doubts: as ``kdteach.experiments.catalogue.drawing_doubts`` counts them.
    """
    gap = Interval(**doubts["difference"])
    span = f"95 % interval of the difference {gap.low:.0f} to {gap.high:.0f}"
    if gap.low <= 0 <= gap.high:
        return f"Over the test digits the answer is undecided ({span})."
    shares = doubts["same second answer as the teacher"]
    best, other = sorted(shares, key=lambda name: shares[name], reverse=True)
    most, less = 100 * shares[best], 100 * shares[other]
    return (
        f"On the {doubts['images']:,} test digits that all three read alike, it is the "
        f"same digit as for the teacher {most:.0f} times in a hundred for "
        f"the {best} student, and {less:.0f} times for the {other} one ({span})."
    )
