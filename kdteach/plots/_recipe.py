"""The recipe of *Is the difference real?*: what one has, and which test to take."""

from __future__ import annotations

from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["which_test"]

_WIDE, _NARROW = 860.0, 350.0
_RECIPE = (
    ("one network", "How accurate is it on other images like these?",
     "interval of a share", "kd.stats.proportion_interval(n_right, n)"),
    ("two networks, the same images", "Is this one better than that one?",
     "images only one gets right (McNemar)", "kd.stats.mcnemar(right_a, right_b)"),
    ("two methods, ten seeds each", "Is this method better, on these test images?",
     "paired differences (Student's t)", "kd.compare(errors_a, errors_b)"),
    ("two methods, seeds and images",
     "Is it better with other seeds and other test images?",
     "bootstrap (rather wide intervals)",
     "kd.stats.bootstrap_difference(table_a, table_b)"),
)  # fmt: skip


def which_test(*, caption: str) -> Diagram:
    """What one has, what one asks, and the test that answers: four rows.

    Args:
        caption: the sentence below.
    """
    last = (
        "Several comparisons? Each has its share of the 5 %: kd.compare(..., comparisons=k)"
    )
    alt = "Which test? " + " ".join(
        f"You have {have}, and ask: {ask} Take: {test}, {call}."
        for have, ask, test, call in _RECIPE
    ) + f" {last}."  # fmt: skip
    foot, end = 30 + 94.0 * len(_RECIPE), 178.0 * len(_RECIPE)
    wide, narrow = Drawing(_WIDE, foot + 40), Drawing(_NARROW, end + 84)
    for x, title in ((0, "You have"), (252, "You ask"), (530, "Take")):
        wide.text(x, 16, title, "small strong", "start")
    for number, (have, ask, test, call) in enumerate(_RECIPE):
        y = 30.0 + 94 * number
        wide.line((0, y), (_WIDE, y), "edge", 1)
        _icons(wide, 0, y + 10, number)
        wide.text(0, y + 84, have, "small", "start")
        for line, words in enumerate(_halves(ask, 34)):
            wide.text(252, y + 42 + 19 * line, words, "", "start")
        wide.text(530, y + 42, test, "strong", "start")
        wide.text(530, y + 63, call, "small", "start")
        top = 178.0 * number
        if number:
            narrow.line((0, top), (_NARROW, top), "edge", 1)
        _icons(narrow, 0, top + 12, number)
        narrow.text(0, top + 86, have, "small", "start")
        for line, words in enumerate(_halves(ask, 44)):
            narrow.text(0, top + 110 + 18 * line, words, "", "start")
        narrow.text(0, top + 148, test, "strong", "start")
        narrow.text(0, top + 167, call, "small", "start")
    wide.line((0, foot), (_WIDE, foot), "edge", 1)
    wide.text(0, foot + 26, last, "strong", "start")
    narrow.line((0, end), (_NARROW, end), "edge", 1)
    question, rest = last.split("? ")
    lines = (f"{question}?", *rest.split(": "))
    for line, words in enumerate(lines):
        style = "" if line == 1 else "small" if line else "strong"
        narrow.text(0, end + 24 + 20 * line, words, style, "start")
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _icons(draw: Drawing, x: float, y: float, row: int) -> None:
    """Networks, of several seeds where they stand behind each other, and images."""
    for number, (role, name) in enumerate(
        (("baseline", "A"), ("student", "B"))[: 1 + (row > 0)]
    ):
        left = x + 74 * number
        if row > 1:
            draw.behind(left + 8, y + 6, 50, 46, role)
        draw.network(left, y, 50, 46, role, "", "")
        draw.text(left + 25, y + 29, name, "on strong")
    if row > 2:
        draw.image(x + 172, y + 6, 46)
    draw.image(x + 74 * (1 + (row > 0)) + 10, y, 46)


def _halves(words: str, most: int) -> list[str]:
    """A line, or two where it is longer than ``most`` signs."""
    if len(words) <= most:
        return [words]
    cut = words.rindex(" ", 0, most)
    return [words[:cut], words[cut + 1 :]]
