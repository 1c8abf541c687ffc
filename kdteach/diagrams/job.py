"""The five stages of a job that distils: which pictures each uses, and what it hands on."""

from __future__ import annotations

from collections.abc import Callable, Collection

from kdteach.diagrams.vocabulary import Drawing

PARTS = ("pictures", "teacher", "doctor", "trials", "students")
ALT = (
    "Five stages. Pictures are divided into training, validation and test. The teacher "
    "learns, and its logits are stored. The doctor examines the set-up. Trials: six "
    "settings of the label-trained and six of the distilled arm, one of each chosen on "
    "validation. Students: ten pairs, seed by seed, compared on the test pictures."
)
_NOTES = (
    ("cut into three parts", "once, before all else"),
    ("logits stored", "training pictures"),
    ("is the set-up sound?", "training pictures"),
    ("one setting an arm", "validation pictures"),
    ("ten pairs", "test pictures"),
)
_SHARES = (("training", 0.6), ("validation", 0.2), ("test", 0.2))
_TRIALS, _PAIRS = 6, 10
_CHOSEN = (3, 4)  # an example: that of the first and of the second arm


def wide(highlight: Collection[str]) -> Drawing:
    """The stages side by side, 860 units wide."""
    draw = Drawing(860, 226, highlight)
    for number, part in enumerate(PARTS):
        left = 6.0 + 173 * number
        draw.halo(part, left + 4, 14, 148, 198)
        draw.text(left + 78, 28, f"{number + 1}. {part}", "strong")
        _DRAWN[number](draw, left + 78, 98.0)
        draw.text(left + 78, 174, _NOTES[number][0], "small")
        draw.text(left + 78, 198, _NOTES[number][1], "small strong")
        if number + 1 < len(PARTS):
            draw.arrow((left + 156, 98), (left + 171, 98))
    return draw


def narrow(highlight: Collection[str]) -> Drawing:
    """The stages one below the other, 350 units wide."""
    draw = Drawing(350, 680, highlight)
    for number, part in enumerate(PARTS):
        top = 8.0 + 136 * number
        draw.halo(part, 10, top + 6, 330, 104)
        draw.text(172, top + 38, f"{number + 1}. {part}", "strong", "start")
        draw.text(172, top + 62, _NOTES[number][0], "small", "start")
        draw.text(172, top + 84, _NOTES[number][1], "small strong", "start")
        _DRAWN[number](draw, 84.0, top + 58)
        if number + 1 < len(PARTS):
            draw.arrow((84, top + 115), (84, top + 137))
    return draw


def _pictures(draw: Drawing, x: float, y: float) -> None:
    """A digit, and the bar of which each part is a share."""
    draw.image(x - 26, y - 50, 52)
    left, width = x - 73, 146.0
    for name, share in _SHARES:
        right = left + width * share
        shade = {"training": 1.0, "validation": 0.6, "test": 0.3}[name]
        draw.curve([(left + 1, y + 22), (right - 1, y + 22)], "label", 13, opacity=shade)
        draw.text((left + right) / 2, y + 46, name if name != "validation" else "val.",
                  "small")  # fmt: skip
        left = right


def _teacher(draw: Drawing, x: float, y: float) -> None:
    draw.network(x - 58, y - 38, 116, 70, "teacher", "teacher", "asked once", frozen=True)


def _doctor(draw: Drawing, x: float, y: float) -> None:
    draw.operation(x, y - 3, "", "", 30)
    draw.curve([(x - 13, y - 2), (x - 3, y + 9), (x + 15, y - 14)], "label", 5)


def _trials(draw: Drawing, x: float, y: float) -> None:
    """A row of settings for each arm, and the one that validation chooses."""
    for row, (role, words) in enumerate((("baseline", "label-trained"),
                                         ("student", "distilled"))):  # fmt: skip
        level = y - 16 + 46 * row
        draw.text(x, level - 16, words, "small")
        for trial in range(_TRIALS):
            at = x + 20 * (trial - (_TRIALS - 1) / 2)
            draw.dot(at, level, role)
            if trial == _CHOSEN[row]:
                draw.ring(at, level, role, 9)


def _students(draw: Drawing, x: float, y: float) -> None:
    """Pairs: a student of each arm, joined where their seeds are the same."""
    draw.text(x, y - 32, "label-trained", "small")
    draw.text(x, y + 46, "distilled", "small")
    for pair in range(_PAIRS):
        at = x + 13 * (pair - (_PAIRS - 1) / 2)
        draw.line((at, y - 15), (at, y + 21), "edge", 1.2)
        draw.dot(at, y - 15, "baseline")
        draw.dot(at, y + 21, "student")


_DRAWN: tuple[Callable[[Drawing, float, float], None], ...] = (
    _pictures, _teacher, _doctor, _trials, _students,
)  # fmt: skip
