"""The numbers in the text of the first page, from the record of its networks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from kdteach.experiments.catalogue.drawing_images import ANEW
from kdteach.experiments.catalogue.drawing_readers import TEACHER_BATCH, TEACHER_DROPOUT
from kdteach.models import READERS
from kdteach.models.shipped import shipped_bytes
from kdteach.stats import Interval

_THREE = ("teacher", "label-trained", "distilled")  # that one may compare


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
        By name: "images", "teacher_images", "anew", "times", "larger", "temperature",
        "combinations", "gain", "shown", "teacher", "threes", "bias" and "unseen"; and, of
        the folded parts, "second", "tried", "dropout", "loss", "pair", "rates", "ends",
        "fixed", "equal", "spread", "price", "redrawn", "without", and "rows", "training"
        and "sizes" of tables.
    """
    record = readers_record()
    pair, plain, teacher = (
        record[name] for name in ("distilled", "label-trained", "teacher")
    )
    threes = record["doubts by seed"]["share of 3s read as 3"]
    gain = Interval(**record["gain"]["as written"])
    means = [float(np.mean(one["as written errors"])) / 100 for one in (plain, pair)]
    return {
        "images": f"{pair['images']:,}",
        "teacher_images": f"{teacher['images']:,}",
        "anew": f"{100 * ANEW:.0f} %",
        "times": f"{teacher['images'] / pair['images']:.0f}",
        "larger": f"{teacher['weights'] / pair['weights']:.1f}",
        "temperature": f"{pair['temperature']:g}",
        "tried": _tried(pair["valid errors by rate"]),
        "combinations": str(len(pair["valid errors by rate"])),
        "gain": gain_in_words(gain, *means),
        "shown": _shown(record),
        "teacher": f"{np.mean(teacher['as written errors']) / 100:.1f}",
        "second": _second(record["doubts"]),
        "threes": f"{100 * np.mean(threes['with']):.0f}",
        "bias": f"{100 * np.mean(threes['without']):.0f}",
        "unseen": f"{record['without-3']['images']:,}",
        "price": _price(record["doubts"]),
        "dropout": f"{TEACHER_DROPOUT:g}",
        "training": _training(record),
        "loss": _loss(pair),
        "pair": _middle(record),
        "rates": _rates(record),
        "ends": _ends(record),
        "fixed": _fixed(record),
        "equal": _with_equal_settings(record),
        "spread": _spread(threes, record["doubts"]["share of 3s read as 3"]),
        "rows": _rows(record),
        "redrawn": _redrawn(record),
        "without": _without(record),
        "sizes": _sizes(record["sizes tried"], f"{pair['model']}, {pair['images']} images"),
    }


def _shown(record: dict[str, Any]) -> str:
    """Mistakes in a hundred of the two students that one sees, in a sentence."""
    plain, distilled = (
        record[name]["as written errors"][record["seed that ships"]] / 100
        for name in ("label-trained", "distilled")
    )
    return (
        f"The two above misread {plain:.1f} and {distilled:.1f}; each happens to be the "
        "best of its ten."
    )


def _second(doubts: dict[str, Any]) -> str:
    """How often the distilled student has the teacher's second answer, and a guess has."""
    same = doubts["same second answer as the teacher"]
    guess = doubts["same by a guess"]["the usual one"]
    dealt = doubts["same when shuffled"]["distilled"]
    return (
        f"{100 * same['distilled']:.0f} % of the {doubts['images']:,} test images on which "
        f"the three agree, that of the label-trained one on "
        f"{100 * same['label-trained']:.0f} %. Shuffled among images with the same first "
        f"answer, the distilled student's are right on only {100 * dealt:.0f} %, so they "
        "depend on the image. Yet a fixed guess, the teacher's usual second answer after "
        f"each first one, is right on {100 * guess:.0f} %."
    )


def _training(record: dict[str, Any]) -> str:
    """What each network learned from, and how, rows of a table."""
    rows = []
    for name in READERS:
        one = record[name]
        cells = (
            _title(name),
            f"{one['images']:,}",
            str(one["epochs"]),
            f"{one['rate']:g}",
            str(one.get("batch_size", TEACHER_BATCH)),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


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


def _tried(settings: dict[str, list[int]]) -> str:
    """Which combinations of a learning rate and passes were tried: of each, all."""
    pairs = [setting.removesuffix(" epochs").split(", ") for setting in settings]
    rates, passes = (sorted({p[i] for p in pairs}, key=float) for i in (0, 1))
    if len(pairs) != len(rates) * len(passes):
        raise ValueError(f"not every rate was tried with every length: {list(settings)}")
    return (
        f"{len(pairs)}: learning rates of {', '.join(rates[:-1])} and {rates[-1]}, each "
        f"with {', '.join(passes[:-1])} and {passes[-1]} passes"
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


def _rates(record: dict[str, Any]) -> str:
    """How the learning rates of the teacher and of the student without 3 were found."""
    teacher, without = record["teacher"], record["without-3"]
    return (
        f"the teacher's rate, {teacher['rate']:g}, of "
        f"{len(teacher['valid errors by rate'])} rates; that of the students without 3, "
        f"{without['rate']:g}, of {len(without['valid errors by rate'])}, by the mistakes "
        "that were left with the number added to the score for 3"
    )


def _price(doubts: dict[str, Any]) -> str:
    """What the number added does to the student without 3 that is shown."""
    false, wrong = (
        [doubts[part][how] for how in ("without", "with")]
        for part in ("other digits read as 3", "mistakes without 3")
    )
    return (
        f"of 10,000 test digits it calls {false[1]} others a 3, up from {false[0]}, "
        f"although its mistakes in all fall to {wrong[1]}, from {wrong[0]}"
    )


def _spread(by_seed: dict[str, list[float]], shown: dict[str, float]) -> str:
    """How many 3s the students without 3 read, from the fewest to the most."""

    def of(how: str) -> str:
        low, high = (100 * end(by_seed[how]) for end in (min, max))
        return f"from {low:.0f} to {high:.0f}, the one you see {100 * shown[how]:.0f}"

    return f"{of('without')}, and with the number added {of('with')}"


def _with_equal_settings(record: dict[str, Any]) -> str:
    """In how many of the settings tried the distilled students are ahead on validation."""
    plain, told = (
        record[name]["valid errors by rate"] for name in ("label-trained", "distilled")
    )
    ahead = sum(sum(told[setting]) < sum(plain[setting]) for setting in plain)
    return f"{ahead} of the {len(plain)}"


def _middle(record: dict[str, Any]) -> str:
    """Where the gain of the shown pair stands among all."""
    ships = record["seed that ships"]
    gains = np.subtract(
        *(record[name]["valid errors"] for name in ("label-trained", "distilled"))
    )
    less, more = int((gains < gains[ships]).sum()), int((gains > gains[ships]).sum())
    return f"that of {less} other pairs is smaller and that of {more} is larger."


def _title(name: str) -> str:
    """A network's name in a table."""
    return {"teacher": name, "without-3": "student without 3"}.get(name, f"{name} student")


def _rows(record: dict[str, Any]) -> str:
    """Mistakes in a hundred of the three networks and of all ten, rows of a table."""
    rows = []
    for name in _THREE:
        shares = np.array(record[name]["as written errors"]) / 100
        many = len(shares) > 1
        cells = (
            _title(name),
            f"{shares[record['seed that ships'] if many else 0]:.1f}",
            f"{shares.mean():.1f}" if many else "",
            f"{shares.min():.1f} to {shares.max():.1f}" if many else "",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _redrawn(record: dict[str, Any]) -> str:
    """Mean mistakes in a hundred redrawn images, in the order of the rows."""
    *most, last = (f"{np.mean(record[name]['test errors']) / 100:.1f}" for name in _THREE)
    return f"{', '.join(most)} and {last}"


def _without(record: dict[str, Any]) -> str:
    """Mistakes of the students without 3, which learned from other images, in words."""
    one = record["without-3"]
    written, redrawn = (
        np.array(one[f"{how} errors"]) / 100 for how in ("as written", "test")
    )
    return (
        f"learned from {one['images']:,} images and no label, so they cannot be compared "
        f"with the pair. With the number added they make {written.mean():.1f} mistakes in "
        f"a hundred ({written.min():.1f} to {written.max():.1f}), and {redrawn.mean():.1f} "
        "on redrawn images."
    )


def _sizes(tried: dict[str, dict[str, float]], chosen: str) -> str:
    """Errors of both students by size, rows of a table."""
    if chosen not in tried:
        raise ValueError(f"{chosen} is none of {list(tried)}")
    return "\n".join(
        f"| {_network(size)}{' (chosen)' if size == chosen else ''} "
        f"| {shares['label-trained']:.1f} | {shares['distilled']:.1f} |"
        for size, shares in tried.items()
    )


def _network(size: str) -> str:
    """A name such as "fc-16, 1000 images" in words."""
    name, images = size.split(", ")
    width = name.split("-")[1]
    kind = "convolutional" if name.startswith("cnn") else f"{width} hidden units"
    return f"{kind}, {int(images.split()[0]):,} images"


def gain_in_words(gain: Interval, plain: float, told: float) -> str:
    """What distillation is worth here, from what to what.

    Args:
        gain: in points of accuracy, label-trained errors less distilled ones, on test
            images as they were written.
        plain: mean mistakes in a hundred of the label-trained students there.
        told: the same of the distilled ones.
    """
    misread = (
        "of a hundred of MNIST's test digits, label-trained students misread "
        f"{plain:.1f} and distilled ones {told:.1f}, on average over {gain.n} such pairs "
        "with this teacher"
    )
    interval = f"[{100 * gain.level:.0f} % interval](an-interval)"
    if gain.low <= 0 <= gain.high:
        low = f"{gain.low:.1f}".replace("-", "\N{MINUS SIGN}")
        return (
            f"Whether learning from the teacher's answers helps is undecided: {misread}, "
            f"and the {interval} of the difference, {low} to {gain.high:.1f}, holds 0."
        )
    ends = sorted((abs(gain.low), abs(gain.high)))
    word, more = ("helps", "fewer") if gain.low > 0 else ("does not help", "more")
    return (
        f"Learning from the teacher's answers {word}: {misread} "
        f"({abs(gain.mean):.1f} {more}; {interval} {ends[0]:.1f} to {ends[1]:.1f})."
    )
