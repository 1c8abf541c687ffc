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
        By name: "images", "teacher_images", "times", "gain", "teacher_errors", "pair",
        "doubts", "threes", "bias", "how", "equal", "guess", and "rows" and "sizes" of
        tables.
    """
    record = readers_record()
    pair, plain, teacher = (
        record[name] for name in ("distilled", "label-trained", "teacher")
    )
    seeds = record["doubts by seed"]
    shown = record["doubts"]["share of 3s read as 3"]
    spread = {
        how: f"{100 * np.mean(shares):.0f} of a hundred (from {100 * min(shares):.0f} to "
        f"{100 * max(shares):.0f}; the one you see, {100 * shown[how]:.0f})"
        for how, shares in seeds["share of 3s read as 3"].items()
    }
    gain = Interval(**record["gain"]["as written"])
    means = (float(np.mean(one["as written errors"])) / 100 for one in (plain, pair))
    return {
        "images": f"{pair['images']:,}",
        "teacher_images": f"{teacher['images']:,}",
        "times": f"{teacher['images'] / pair['images']:.0f}",
        "gain": gain_in_words(gain, *means),
        "teacher_errors": f"{teacher['as written errors'][0] / 100:.1f}",
        "pair": _middle(record),
        "doubts": doubts_in_words(seeds),
        "threes": spread["with"],
        "bias": spread["without"],
        "how": _made(record),
        "equal": _with_equal_settings(record),
        "guess": _chance(seeds),
        "rows": _rows(record),
        "sizes": _sizes(record["sizes tried"]),
    }


def _made(record: dict[str, Any]) -> str:
    """What the networks are, and what they learned from."""
    pair, plain, without, teacher = (
        record[n] for n in ("distilled", "label-trained", "without-3", "teacher")
    )
    return (
        f"The teacher is a convolutional network of {teacher['weights']:,} weights, the "
        f"students are smaller ones of {pair['weights']:,}. The label-trained student sees "
        f"its {plain['images']:,} images {plain['epochs']} times, at a learning rate of "
        f"{plain['rate']:g}; the distilled one {pair['epochs']} times, at "
        f"{pair['rate']:g}. The loss of the distilled student is {pair['alpha']:g} times "
        f"its distance from the teacher's probabilities at T = {pair['temperature']:g} "
        f"plus {1 - pair['alpha']:g} times its loss on the labels. The student without 3 "
        f"learned from the teacher alone, at T = {without['temperature']:g}, from "
        f"{without['images']:,} images."
    )


def _chance(doubts: dict[str, Any]) -> str:
    """What guessers reach, and what the students reach beyond their own chance."""
    same = doubts["same second answer as the teacher"]
    beyond = {
        name: 100 * (np.array(shares) - doubts["same when shuffled"][name])
        for name, shares in same.items()
    }
    told, plain = (beyond[name] for name in ("distilled", "label-trained"))
    gap = paired_difference(told, plain)
    any_other, usual = (
        100 * float(np.mean(doubts["same by a guess"][name]))
        for name in ("any other digit", "the usual one")
    )
    best = max(100 * float(np.mean(shares)) for shares in same.values())
    beaten = "more often than either student, but " if usual > best else ""
    return (
        "Whoever names one of the nine other digits at random meets the teacher's next "
        f"digit {any_other:.0f} times in a hundred. Whoever knows, for each digit, which "
        "one the teacher most often puts next, and always names that, meets it "
        f"{usual:.0f} times: {beaten}by the same guess for every image of a digit. The "
        "part that shuffling takes away comes from the single image: "
        f"{told.mean():.0f} times in a hundred for distilled students, {plain.mean():.0f} "
        f"for label-trained ones (95 % interval of the difference {gap.low:.1f} to "
        f"{gap.high:.1f})."
    )


def _with_equal_settings(record: dict[str, Any]) -> str:
    """In how many of the settings tried the distilled students are ahead on validation."""
    plain, told = (
        record[name]["valid errors by rate"] for name in ("label-trained", "distilled")
    )
    ahead = sum(sum(told[setting]) < sum(plain[setting]) for setting in plain)
    return f"{ahead} of the {len(plain)}"


def _middle(record: dict[str, Any]) -> str:
    """How many of the other pairs gain less on validation than the shown one, or more."""
    plain, told = (
        np.array(record[name]["valid errors"]) for name in ("label-trained", "distilled")
    )
    gains = plain - told
    here = gains[record["seed that ships"]]
    less, more = int((gains < here).sum()), int((gains > here).sum())
    return f"{less} of the other pairs gain less and {more} gain more"


def _rows(record: dict[str, Any]) -> str:
    """Mistakes in a hundred of the networks shown and of all ten, rows of a table."""
    rows = []
    for name in READERS:
        of = record[name]
        label = f"{name.replace('-3', ' 3')} ({of['images']:,})"
        which = 0 if name == "teacher" else record["seed that ships"]
        cells = [f"{of['as written errors'][which] / 100:.1f}"]
        for part in ("as written", "test"):
            shares = np.array(of[f"{part} errors"]) / 100
            span = f" ({shares.min():.1f}\u2013{shares.max():.1f})"
            cells.append(f"{shares.mean():.1f}{span if len(shares) > 1 else ''}")
        rows.append(f"| {' | '.join((label, *cells))} |")
    return "\n".join(rows)


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
    span = (
        f"means of {gain.n} pairs, 95 % interval of the difference {gain.low:.1f} to "
        f"{gain.high:.1f}"
    )
    text = (
        f"Of a hundred of MNIST's test digits, label-trained students misread {plain:.1f} "
        f"and distilled ones {told:.1f} ({span})"
    )
    if gain.high < 0:
        return f"{text}: here distillation costs."
    return f"{text}: whether it helps here is undecided." if gain.low <= 0 else f"{text}."


def doubts_in_words(doubts: dict[str, Any]) -> str:
    """A sentence on which student's second answer is more often the teacher's.

    Args:
        doubts: as ``kdteach.experiments.catalogue.drawing_doubts`` counts them by seed.
    """
    gap = Interval(**doubts["difference"])
    span = f"95 % interval of the difference {gap.low:.0f} to {gap.high:.0f}"
    if gap.low <= 0 <= gap.high:
        return f"Over the test digits the answer is undecided ({span})."
    same, dealt = (
        {name: 100 * float(np.mean(shares)) for name, shares in doubts[part].items()}
        for part in ("same second answer as the teacher", "same when shuffled")
    )
    best, other = sorted(same, key=lambda name: same[name], reverse=True)
    return (
        f"On test digits that all three read alike, {best} students name the teacher's "
        f"next digit {same[best]:.0f} times in a hundred, {other} ones {same[other]:.0f} "
        f"times ({gap.n} pairs, {span}). If their next digits were shuffled among the "
        f"images of the same digit, chance would give {dealt[best]:.0f} and "
        f"{dealt[other]:.0f} times."
    )
