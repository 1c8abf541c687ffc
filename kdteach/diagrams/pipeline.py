"""The pipeline of distillation: the picture that returns in each chapter."""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams._softmax import softmax
from kdteach.diagrams.example import LABEL, LOGITS, STUDENT_LOGITS
from kdteach.diagrams.vocabulary import Drawing

PARTS = (
    "image", "teacher", "student", "temperature", "soft target", "answer", "label",
    "soft loss", "hard loss", "gradient",
)  # fmt: skip
"""What can be highlighted."""

ALT = (
    "One image of a 9 goes to a frozen teacher and to a student. The teacher's softened "
    "answer, mostly 9 and a little 5, is the soft target; the label 9 is the hard target. "
    "The student's answer is compared with both, and the gradients of the two losses reach "
    "the student alone."
)

_SOFT = softmax(LOGITS, 4)
_ANSWER = softmax(STUDENT_LOGITS, 1)


def wide(highlight: Collection[str]) -> Drawing:
    """From left to right, 860 units wide."""
    draw = Drawing(860, 356, highlight)
    draw.image(14, 138, 92)
    draw.arrow((112, 166), (166, 104))
    draw.arrow((112, 202), (166, 262))
    draw.network(170, 52, 136, 96, "teacher", "teacher", "trained, frozen", frozen=True)
    draw.network(184, 236, 108, 62, "student", "student", "learns")
    draw.arrow((308, 100), (336, 100))
    draw.operation(364, 100, "\N{DIVISION SIGN} T", "temperature")
    draw.arrow((393, 100), (420, 100))
    draw.text(516, 30, "soft target, T = 4", "strong")
    draw.bars(426, 46, 180, 84, _SOFT, "teacher", marked=(LABEL, 5), top=0.6)
    draw.halo("soft target", 426, 14, 180, 134)
    draw.arrow((294, 267), (420, 267))
    draw.text(516, 202, "the student's answer", "strong")
    draw.bars(426, 216, 180, 72, _ANSWER, "student", marked=(LABEL,), top=0.6)
    draw.halo("answer", 426, 186, 180, 120)
    draw.arrow((612, 96), (652, 118))
    draw.arrow((612, 240), (652, 158))
    draw.arrow((612, 262), (652, 270))
    draw.loss(656, 104, 180, "soft loss", "far from the teacher?", "soft loss")
    draw.loss(656, 244, 180, "hard loss", "far from the label?", "hard loss")
    draw.tag(714, 196, str(LABEL))
    draw.halo("label", 714, 196, 64, 34)
    draw.arrow((746, 231), (746, 243))
    draw.arrow((746, 304), (746, 330), kind="gradient", head=False)
    draw.arrow((838, 133), (852, 133), (852, 330), (238, 330), (238, 301), kind="gradient")
    draw.text(500, 348, "gradients reach the student alone", "small")
    draw.halo("gradient", 242, 322, 600, 30)
    return draw


def narrow(highlight: Collection[str]) -> Drawing:
    """From top to bottom, 350 units wide, for phones."""
    draw = Drawing(350, 640, highlight)
    draw.image(139, 6, 72)
    draw.arrow((150, 82), (106, 112))
    draw.arrow((200, 82), (250, 130))
    draw.network(18, 116, 140, 84, "teacher", "teacher", "trained, frozen", frozen=True)
    draw.network(202, 134, 112, 58, "student", "student", "learns")
    draw.arrow((88, 202), (88, 222))
    draw.operation(88, 248, "\N{DIVISION SIGN} T", "temperature", radius=24)
    draw.arrow((88, 273), (88, 294))
    draw.text(88, 312, "soft target, T = 4", "strong")
    draw.bars(8, 322, 160, 70, _SOFT, "teacher", marked=(LABEL, 5), top=0.6)
    draw.halo("soft target", 8, 298, 160, 112)
    draw.arrow((258, 194), (258, 294))
    draw.text(258, 312, "student's answer", "strong")
    draw.bars(182, 322, 160, 70, _ANSWER, "student", marked=(LABEL,), top=0.6)
    draw.halo("answer", 182, 298, 160, 112)
    draw.arrow((88, 414), (88, 446))
    draw.arrow((216, 414), (140, 446))
    draw.arrow((280, 414), (280, 522))
    draw.loss(8, 450, 176, "soft loss", "far from the teacher?", "soft loss")
    draw.tag(66, 536, str(LABEL))
    draw.halo("label", 66, 536, 64, 34)
    draw.arrow((134, 553), (166, 553))
    draw.loss(170, 525, 168, "hard loss", "far from the label?", "hard loss")
    draw.arrow((186, 479), (346, 479), kind="gradient", head=False)
    draw.arrow((340, 536), (346, 530), (346, 163), (317, 163), kind="gradient")
    draw.text(175, 618, "Dashed: gradients reach the student alone.", "small")
    draw.halo("gradient", 20, 602, 310, 24)
    return draw
