"""The numbers in the text of the first page, from the record of its networks."""

from __future__ import annotations

import json
from typing import Any

from kdteach.models import READERS
from kdteach.models.shipped import shipped_bytes
from kdteach.stats import Interval

_NAMES = {
    "teacher": "teacher", "label-trained": "label-trained student",
    "distilled": "distilled student", "without-3": "student without 3",
}  # fmt: skip


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
        By name: "images", "gain", "threes", "how", and "rows" of a table.
    """
    record = readers_record()
    pair, without = record["distilled"], record["without-3"]
    seed = record["seed that ships"]
    recall = 100 * without["share of test 3s that are read as 3"][seed]
    teacher = record["teacher"]
    how = (
        f"The teacher is a convolutional network of {teacher['weights']:,} weights, "
        f"trained on {teacher['images']:,} images. The students are convolutional networks "
        f"of {pair['weights']:,} weights. Those of the pair see the same "
        f"{pair['images']:,} images, the label-trained one "
        f"{record['label-trained']['epochs']} times and the distilled one "
        f"{pair['epochs']} times; that one learns at T = {pair['temperature']:g} with a "
        f"weight of {pair['alpha']:g} on the teacher, neither of them tuned. The student "
        f"without 3 learned from the teacher alone, at T = "
        f"{without['temperature']:g}, from {without['images']:,} "
        "images; then the bias of its class 3 was set on validation images, as "
        "{cite}`hinton2015` did on test images. Learning rates, and the number of epochs "
        "of the pair, are the best on validation images, for students over ten seeds. "
        "Network and number of images of the pair were found on validation too, so that "
        "it reads most digits and the gain is seen. Mistakes in a hundred of the "
        "label-trained and the distilled student there, three seeds each: "
        f"{_sizes(record['sizes tried'])}."
    )
    rows = []
    for name in READERS:
        of = record[name]
        which = 0 if name == "teacher" else seed
        shares = [of[f"{part} errors"][which] / 100 for part in ("as written", "test")]
        cells = (_NAMES[name], f"{of['weights']:,}", *(f"{share:.1f}" for share in shares))
        rows.append(f"| {' | '.join(cells)} |")
    return {
        "images": f"{pair['images']:,}",
        "gain": gain_in_words(Interval(**record["gain"]["test"])),
        "threes": f"and yet it reads {recall:.0f} of a hundred test 3s, drawn anew, as 3s.",
        "how": how,
        "rows": "\n".join(rows),
    }


def _sizes(tried: dict[str, dict[str, float]]) -> str:
    """Errors of both students by size, in words."""
    return "; ".join(
        f"{size}: {shares['label-trained']:.1f} and {shares['distilled']:.1f}"
        for size, shares in tried.items()
    )


def gain_in_words(gain: Interval) -> str:
    """A sentence on what distillation is worth here.

    Args:
        gain: in points of accuracy, label-trained errors less distilled ones.
    """
    span = f"95 % interval {gain.low:.1f} to {gain.high:.1f}, {gain.n} pairs of students"
    if gain.low > 0:
        return f"It saves {gain.mean:.1f} mistakes in a hundred test digits ({span})."
    if gain.high < 0:
        return f"Here it costs {-gain.mean:.1f} mistakes in a hundred ({span})."
    return f"Whether it helps here is undecided ({gain.mean:.1f} in a hundred; {span})."
