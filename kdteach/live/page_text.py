"""The numbers in the text of the first page, from the record of its networks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from kdteach.models import READERS
from kdteach.models.shipped import shipped_bytes
from kdteach.stats import Interval, paired_difference


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
        By name: "images", "teacher_images", "times", "temperature", "tried", "gain",
        "teacher_errors", "threes", "bias", and, of the folded part, "how", "loss", "pair",
        "ends", "fixed", "equal", "met", "beyond", "spread", "redrawn", and "rows",
        "sizes" and "next" of tables.
    """
    record = readers_record()
    pair, plain, teacher = (
        record[name] for name in ("distilled", "label-trained", "teacher")
    )
    seeds = record["doubts by seed"]
    threes = seeds["share of 3s read as 3"]
    gain = Interval(**record["gain"]["as written"])
    means = (float(np.mean(one["as written errors"])) / 100 for one in (plain, pair))
    return {
        "images": f"{pair['images']:,}",
        "teacher_images": f"{teacher['images']:,}",
        "times": f"{teacher['images'] / pair['images']:.0f}",
        "temperature": f"{pair['temperature']:g}",
        "tried": f"{len(pair['valid errors by rate'])}",
        "gain": gain_in_words(gain, *means),
        "teacher_errors": f"{teacher['as written errors'][0] / 100:.1f}",
        "threes": f"{100 * np.mean(threes['with']):.0f}",
        "bias": f"{100 * np.mean(threes['without']):.0f}",
        "how": _made(record),
        "loss": _loss(pair),
        "pair": _middle(record),
        "ends": _ends(record),
        "fixed": _fixed(record),
        "equal": _with_equal_settings(record),
        "met": f"{doubts_in_words(seeds)}{_guessed(seeds)}",
        "beyond": _beyond(seeds),
        "spread": _spread(threes, record["doubts"]["share of 3s read as 3"]),
        "rows": _rows(record),
        "redrawn": _redrawn(record),
        "sizes": _sizes(record["sizes tried"]),
        "next": _next(seeds),
    }


def _made(record: dict[str, Any]) -> str:
    """What the networks are, and how long they learned."""
    pair, plain, without, teacher = (
        record[n] for n in ("distilled", "label-trained", "without-3", "teacher")
    )
    return (
        f"The teacher is a convolutional network of {teacher['weights']:,} weights, the "
        f"students are smaller ones of {pair['weights']:,}. The label-trained student saw "
        f"its images {plain['epochs']} times, at a learning rate of {plain['rate']:g}; the "
        f"distilled one {pair['epochs']} times, at {pair['rate']:g}; the student without 3 "
        f"saw its {without['images']:,} images {without['epochs']} times, at "
        f"{without['rate']:g}."
    )


def _loss(pair: dict[str, Any]) -> str:
    """The loss of the distilled student as a formula."""
    return (
        rf"${pair['alpha']:g}\,T^2\,\mathrm{{KL}}(p_T \,\|\, q_T) + "
        rf"{1 - pair['alpha']:g}\,\mathrm{{CE}}$ at $T = {pair['temperature']:g}$"
    )


def _fixed(record: dict[str, Any]) -> str:
    """What was set before anything was trained."""
    pair, without, teacher = (record[n] for n in ("distilled", "without-3", "teacher"))
    return (
        f"T = {pair['temperature']:g}, the teacher's weight of {pair['alpha']:g} in the "
        f"loss, the size of the batches, the teacher's {teacher['epochs']} passes and the "
        f"{without['epochs']} of the student without 3"
    )


def _ends(record: dict[str, Any]) -> str:
    """Which students took the most passes that were on their list; empty for none."""
    found = []
    for name in ("label-trained", "distilled"):
        lengths = [
            int(setting.split(", ")[1].split()[0])
            for setting in record[name]["valid errors by rate"]
        ]
        if record[name]["epochs"] == max(lengths):
            found.append(name)
    if not found:
        return ""
    who = " and the ".join(found)
    return (
        f"The {who} student took the most passes on the list, so still more might suit it "
        "better."
    )


def _spread(by_seed: dict[str, list[float]], shown: dict[str, float]) -> str:
    """How many 3s the students without 3 read, from the fewest to the most."""

    def of(how: str) -> str:
        low, high = (100 * end(by_seed[how]) for end in (min, max))
        return f"from {low:.0f} to {high:.0f}, the one you see {100 * shown[how]:.0f}"

    return f"{of('without')} before the correction, and {of('with')} after it"


def _next(doubts: dict[str, Any]) -> str:
    """How often the teacher's next digit is met, rows of a table."""
    same, dealt, guess = (
        {n: f"{100 * float(np.mean(shares)):.0f}" for n, shares in doubts[part].items()}
        for part in (
            "same second answer as the teacher", "same when shuffled", "same by a guess",
        )
    )  # fmt: skip
    rows = [
        *((f"{name} student", same[name], dealt[name]) for name in same),
        ("a fixed guess: the teacher's most usual next", guess["the usual one"], ""),
        ("any other digit, at random", guess["any other digit"], ""),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _guessed(doubts: dict[str, Any]) -> str:
    """That a fixed guess does better than the students, where it does."""
    same = doubts["same second answer as the teacher"]
    best = max(float(np.mean(shares)) for shares in same.values())
    usual = float(np.mean(doubts["same by a guess"]["the usual one"]))
    return " But a fixed guess meets it more often than either." if usual > best else ""


def _beyond(doubts: dict[str, Any]) -> str:
    """What the students reach beyond what they know of the class alone."""
    same = doubts["same second answer as the teacher"]
    told, plain = (
        100 * (np.array(same[name]) - doubts["same when shuffled"][name])
        for name in ("distilled", "label-trained")
    )
    gap = paired_difference(told, plain)
    return (
        f"{told.mean():.0f} in a hundred for distilled students and {plain.mean():.0f} for "
        f"label-trained ones, 95 % interval of the difference {gap.low:.1f} to "
        f"{gap.high:.1f}"
    )


def _with_equal_settings(record: dict[str, Any]) -> str:
    """In how many of the settings tried the distilled students are ahead on validation."""
    plain, told = (
        record[name]["valid errors by rate"] for name in ("label-trained", "distilled")
    )
    ahead = sum(sum(told[setting]) < sum(plain[setting]) for setting in plain)
    return f"{ahead} of the {len(plain)}"


def _middle(record: dict[str, Any]) -> str:
    """Where the shown pair stands among all: in its gain, and in its mistakes."""
    ships = record["seed that ships"]
    plain, told = (
        np.array(record[name]["valid errors"]) for name in ("label-trained", "distilled")
    )
    gains = plain - told
    less, more = int((gains < gains[ships]).sum()), int((gains > gains[ships]).sum())
    text = (
        "Its gain on validation images is in the middle: that of "
        f"{less} other pairs is smaller and that of {more} is larger."
    )
    best = all(
        min(errors) == errors[ships]
        for name in ("label-trained", "distilled")
        for errors in (record[name]["valid errors"], record[name]["as written errors"])
    )
    return (
        f"{text} In mistakes it is not: both its students make the fewest of their "
        f"{len(gains)}, on validation images and on MNIST's test images."
        if best
        else text
    )


def _rows(record: dict[str, Any]) -> str:
    """Mistakes in a hundred of the networks shown and of all ten, rows of a table."""
    rows = []
    for name in READERS:
        shares = np.array(record[name]["as written errors"]) / 100
        many = len(shares) > 1
        cells = (
            name.replace("-3", " 3"),
            f"{shares[record['seed that ships'] if many else 0]:.1f}",
            f"{shares.mean():.1f}" if many else "",
            f"{shares.min():.1f} to {shares.max():.1f}" if many else "",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _redrawn(record: dict[str, Any]) -> str:
    """Mean mistakes in a hundred redrawn images, in the order of the rows."""
    *most, last = (f"{np.mean(record[name]['test errors']) / 100:.1f}" for name in READERS)
    return f"{', '.join(most)} and {last}"


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


def gain_in_words(gain: Interval, plain: float, told: float) -> str:
    """A sentence on what distillation is worth here, from what to what.

    Args:
        gain: in points of accuracy, label-trained errors less distilled ones, on test
            images as they were written.
        plain: mean mistakes in a hundred of the label-trained students there.
        told: the same of the distilled ones.
    """
    misread = (
        f"Of a hundred test digits the label-trained student misreads {plain:.1f} and the "
        f"distilled one {told:.1f}, on average over {gain.n} pairs, one of which you see"
    )
    span = f"The pairs are compatible with a gain of {gain.low:.1f} to {gain.high:.1f}"
    if gain.low <= 0 <= gain.high:
        return f"We cannot say whether it helps here. {misread}. {span}"
    return f"Here it {'costs' if gain.high < 0 else 'helps'}. {misread}. {span}"


def doubts_in_words(doubts: dict[str, Any]) -> str:
    """A sentence on which student's second answer is more often the teacher's.

    Args:
        doubts: as ``kdteach.experiments.catalogue.drawing_doubts`` counts them by seed.
    """
    gap = Interval(**doubts["difference"])
    span = f"95 % interval of the difference {gap.low:.0f} to {gap.high:.0f}"
    if gap.low <= 0 <= gap.high:
        return f"We cannot say which student meets it more often, {span}."
    ahead, behind = ("distilled", "label-trained")[:: 1 if gap.low > 0 else -1]
    return f"The {ahead} student meets it more often than the {behind} one, {span}."
