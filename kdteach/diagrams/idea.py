"""Diagrams of the first part: targets, temperature and the loss."""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams._softmax import softmax
from kdteach.diagrams.example import LABEL, LOGITS, STUDENT_LOGITS
from kdteach.diagrams.vocabulary import Drawing

_HARD = [float(c == LABEL) for c in range(len(LOGITS))]
_TEMPERATURES = (1, 4, 20)

TARGETS_PARTS = ("image", "label", "hard target", "teacher", "soft target")
TARGETS_ALT = (
    "The same image of a 9 with two targets. The label says 9 and nothing else. The "
    "teacher's softened answer says 9 most of all, then 5, 3 and 0: the classes that this "
    "9 resembles."
)


def targets_wide(highlight: Collection[str]) -> Drawing:
    """What the label says beside what the teacher says, 860 units wide."""
    draw = Drawing(860, 250, highlight)
    draw.image(370, 72, 120)
    draw.arrow((364, 132), (312, 132))
    draw.arrow((496, 132), (532, 132))
    draw.text(150, 26, "hard target: the label", "strong")
    draw.bars(20, 60, 220, 130, _HARD, "label", marked=(LABEL,))
    draw.halo("hard target", 20, 10, 220, 200)
    draw.tag(246, 115, str(LABEL))
    draw.halo("label", 246, 115, 64, 34)
    draw.text(130, 238, "the class, and nothing else", "small")
    draw.network(536, 92, 96, 80, "teacher", "teacher", "frozen", frozen=True)
    draw.arrow((634, 132), (652, 132))
    draw.text(754, 26, "soft target, T = 4", "strong")
    draw.bars(656, 60, 196, 130, softmax(LOGITS, 4), "teacher", marked=(LABEL, 5, 3))
    draw.halo("soft target", 656, 10, 196, 200)
    draw.text(754, 238, "and the classes it resembles", "small")
    return draw


def targets_narrow(highlight: Collection[str]) -> Drawing:
    """The same, one below the other, 350 units wide."""
    draw = Drawing(350, 420, highlight)
    draw.image(6, 150, 96)
    draw.arrow((64, 146), (96, 118))
    draw.arrow((64, 250), (84, 288))
    draw.tag(84, 84, str(LABEL))
    draw.halo("label", 84, 84, 64, 34)
    draw.text(252, 20, "hard target: the label", "strong")
    draw.bars(160, 34, 184, 104, _HARD, "label", marked=(LABEL,))
    draw.halo("hard target", 160, 6, 184, 150)
    draw.text(252, 180, "the class, and nothing else", "small")
    draw.network(30, 292, 104, 66, "teacher", "teacher", "frozen", frozen=True)
    draw.arrow((136, 325), (156, 325))
    draw.text(252, 232, "soft target, T = 4", "strong")
    draw.bars(
        160, 246, 184, 104, softmax(LOGITS, 4), "teacher", marked=(LABEL, 5, 3), top=0.7
    )
    draw.halo("soft target", 160, 216, 184, 152)
    draw.text(252, 396, "and the classes it resembles", "small")
    return draw


TEMPERATURE_PARTS = ("logits", "temperature", "softmax", "T = 1", "T = 4", "T = 20")
TEMPERATURE_ALT = (
    "The teacher's ten logits for one 9 are divided by T before the softmax. At T = 1 "
    "nearly all probability is on the 9; at T = 4 the 5, the 3 and the 0 show; at T = 20 "
    "every class has a share, and the 9 and the 5 still stand out."
)
_SAYS = ("almost the label", "it resembles a 5", "every class has a share")


def temperature_wide(highlight: Collection[str]) -> Drawing:
    """Logits, divided by T, through softmax: three temperatures, 860 units wide."""
    draw = Drawing(860, 400, highlight)
    draw.image(20, 40, 100)
    draw.text(262, 24, "the teacher's logits v", "strong")
    draw.logits(166, 42, 192, 96, LOGITS, "teacher")
    draw.text(337, 58, f"{LOGITS[9]:.1f}", "small", "end")
    draw.text(278, 137, _minus(LOGITS[6]), "small", "end")
    draw.halo("logits", 166, 8, 192, 150)
    draw.arrow((124, 90), (160, 90))
    draw.arrow((364, 90), (412, 90))
    draw.operation(442, 90, "\N{DIVISION SIGN} T", "temperature")
    draw.arrow((471, 90), (526, 90))
    draw.operation(566, 90, "softmax", "softmax", radius=36)
    draw.text(740, 86, "probabilities", "strong")
    draw.text(740, 104, "that add up to one", "small")
    draw.arrow((604, 90), (676, 90))
    for number, (temperature, says) in enumerate(zip(_TEMPERATURES, _SAYS, strict=True)):
        x = 20 + number * 290
        draw.text(x + 120, 212, f"T = {temperature}: {says}", "strong")
        draw.bars(
            x, 228, 240, 140, softmax(LOGITS, temperature), "teacher", marked=(LABEL,)
        )
        _shares(draw, x, 228, 240, 140, softmax(LOGITS, temperature))
        draw.halo(f"T = {temperature}", x, 192, 240, 196)
    return draw


def temperature_narrow(highlight: Collection[str]) -> Drawing:
    """The same, one below the other, 350 units wide."""
    draw = Drawing(350, 670, highlight)
    draw.image(6, 34, 84)
    draw.text(234, 20, "the teacher's logits v", "strong")
    draw.logits(130, 34, 208, 84, LOGITS, "teacher")
    draw.text(315, 50, f"{LOGITS[9]:.1f}", "small", "end")
    draw.text(252, 117, _minus(LOGITS[6]), "small", "end")
    draw.halo("logits", 130, 6, 208, 130)
    draw.arrow((94, 76), (124, 76))
    draw.arrow((234, 142), (234, 158))
    draw.operation(234, 184, "\N{DIVISION SIGN} T", "temperature", radius=24)
    draw.arrow((209, 184), (152, 184))
    draw.operation(114, 184, "softmax", "softmax", radius=36)
    draw.arrow((114, 222), (114, 244))
    for number, (temperature, says) in enumerate(zip(_TEMPERATURES, _SAYS, strict=True)):
        y = 250 + number * 140
        draw.text(175, y + 14, f"T = {temperature}: {says}", "strong")
        draw.bars(
            40, y + 24, 270, 80, softmax(LOGITS, temperature), "teacher", marked=(LABEL,)
        )
        _shares(draw, 40, y + 24, 270, 80, softmax(LOGITS, temperature))
        draw.halo(f"T = {temperature}", 40, y, 270, 124)
    return draw


def _minus(value: float) -> str:
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


def _shares(
    draw: Drawing, x: float, y: float, width: float, height: float, p: list[float]
) -> None:
    """What the 5 and the 9 get, above their bars."""
    for number in (5, LABEL):
        place = x + (number + 0.5) * width / len(p)
        draw.text(place, y + height * (1 - p[number]) - 5, f"{p[number]:.0%}", "small")


LOSS_PARTS = ("soft target", "answer", "label", "soft loss", "hard loss", "alpha", "total")
LOSS_ALT = (
    "The student's logits are compared twice: softened by T with the teacher's soft "
    "target, and unsoftened with the label. The soft term is multiplied by alpha and T "
    "squared, the hard term by one minus alpha; training makes their sum small."
)


def loss_wide(highlight: Collection[str]) -> Drawing:
    """Both terms of the loss and their weights, 860 units wide."""
    draw = Drawing(860, 330, highlight)
    draw.text(110, 24, "soft target, T = 4", "strong")
    draw.bars(20, 38, 180, 66, softmax(LOGITS, 4), "teacher", marked=(LABEL, 5), top=0.6)
    draw.halo("soft target", 20, 8, 180, 114)
    draw.text(110, 166, "student's logits", "strong")
    draw.logits(20, 182, 180, 58, STUDENT_LOGITS, "student")
    draw.halo("answer", 20, 150, 180, 110)
    draw.tag(78, 286, str(LABEL))
    draw.halo("label", 78, 286, 64, 34)
    draw.arrow((206, 200), (258, 152))
    draw.operation(282, 132, "\N{DIVISION SIGN} T", "temperature", radius=25)
    draw.arrow((300, 113), (344, 86))
    draw.arrow((206, 66), (344, 66))
    draw.arrow((206, 224), (344, 248))
    draw.arrow((146, 303), (344, 270))
    draw.loss(348, 44, 220, "soft loss", "KL divergence, both softened", "soft loss", 62)
    draw.loss(348, 226, 220, "hard loss", "cross-entropy with the label", "hard loss", 62)
    draw.arrow((570, 75), (616, 75))
    draw.arrow((570, 257), (616, 257))
    draw.operation(650, 75, "\u03b1 T\N{SUPERSCRIPT TWO}", "alpha", radius=32)
    draw.operation(650, 257, "1 \N{MINUS SIGN} \u03b1", "alpha", radius=32)
    draw.arrow((680, 90), (728, 142))
    draw.arrow((680, 242), (728, 190))
    draw.operation(752, 166, "+", "total", radius=26)
    draw.arrow((780, 166), (806, 166))
    draw.text(833, 172, "loss", "strong")
    return draw


def loss_narrow(highlight: Collection[str]) -> Drawing:
    """The same, from top to bottom, 350 units wide."""
    draw = Drawing(350, 500, highlight)
    draw.text(86, 20, "soft target, T = 4", "strong")
    draw.bars(8, 32, 156, 60, softmax(LOGITS, 4), "teacher", marked=(LABEL, 5), top=0.6)
    draw.halo("soft target", 8, 6, 156, 104)
    draw.text(264, 20, "student's logits", "strong")
    draw.logits(186, 36, 156, 56, STUDENT_LOGITS, "student")
    draw.halo("answer", 186, 6, 156, 104)
    draw.arrow((86, 114), (86, 212))
    draw.arrow((240, 114), (202, 142))
    draw.operation(180, 158, "\N{DIVISION SIGN} T", "temperature", radius=22)
    draw.arrow((162, 173), (128, 212))
    draw.arrow((304, 114), (304, 212))
    draw.loss(4, 216, 164, "soft loss", "KL, both softened", "soft loss", 60)
    draw.loss(182, 216, 164, "hard loss", "cross-entropy", "hard loss", 60)
    draw.tag(212, 166, str(LABEL))
    draw.halo("label", 212, 166, 64, 34)
    draw.arrow((238, 202), (246, 213))
    draw.arrow((86, 278), (86, 300))
    draw.arrow((264, 278), (264, 300))
    draw.operation(86, 334, "\u03b1 T\N{SUPERSCRIPT TWO}", "alpha", radius=31)
    draw.operation(264, 334, "1 \N{MINUS SIGN} \u03b1", "alpha", radius=31)
    draw.arrow((106, 358), (152, 404))
    draw.arrow((244, 358), (198, 404))
    draw.operation(175, 424, "+", "total", radius=26)
    draw.arrow((175, 452), (175, 472))
    draw.text(175, 490, "loss", "strong")
    return draw
