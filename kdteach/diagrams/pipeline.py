"""The pipeline of distillation: the picture that returns in each chapter.

Most chapters highlight a part of it. Some are about a part that the plain pipeline does not
have, such as hidden features or an assistant: it is drawn where it is highlighted.
"""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams._softmax import softmax
from kdteach.diagrams.example import LABEL, LOGITS, STUDENT_LOGITS
from kdteach.diagrams.vocabulary import Drawing

ADDED = (
    "features", "relations", "assistant", "peers", "seeds", "explanation",
)  # fmt: skip
"""Parts that are drawn only where they are highlighted."""
PARTS = (
    "image", "teacher", "student", "temperature", "soft target", "answer", "label",
    "soft loss", "hard loss", "gradient", *ADDED,
)  # fmt: skip
"""What can be highlighted."""

CHAPTERS = {
    "hard_and_soft_targets": ("soft target", "label"),
    "temperature": ("temperature",),
    "distillation_loss": ("soft loss", "hard loss"),
    "first_student": ("student", "gradient"),
    "hintons_digits": ("image", "soft target"),
    "compression": ("teacher", "student"),
    "is_the_difference_real": ("seeds", "answer"),
    "mnist_beside_the_reports": ("answer", "hard loss", "soft loss"),
    "when_to_stop": ("teacher",),
    "label_smoothing": ("teacher", "soft target"),
    "teacher_assistants": ("assistant",),
    "subclass_distillation": ("soft target", "soft loss"),
    "features": ("features",),
    "relations": ("relations",),
    "without_a_finished_teacher": ("peers",),
    "what_is_passed_on": ("soft target", "answer"),
    "natural_images": ("image",),
    "borrowed_features": ("image", "teacher"),
    "clinic": ("answer", "label"),
    "saliency": ("explanation",),
    "lime": ("explanation", "image"),
    "rise": ("explanation", "image"),
    "same_place": ("explanation", "teacher", "student"),
    "ways_to_get_it_wrong": ("temperature", "soft loss", "hard loss"),
    "distil_your_own": ("teacher", "student"),
}
"""What each chapter of the second edition highlights, by the name of its file."""

ALT = (
    "One image of a 9 goes to a frozen teacher and to a student. The teacher's softened "
    "answer, mostly 9 and a little 5, is the soft target; the label 9 is the hard target. "
    "The student's logits are compared with both, divided by T for the soft target, and "
    "the gradients of the two losses reach the student alone."
)

TEMPERATURE = 4.0
"""At which the soft target is drawn where a page does not say."""


_ADDED_ALT = {
    "features": "Hidden features of teacher and student are compared as well.",
    "relations": "How alike two images are inside each network is compared as well.",
    "assistant": "A larger teacher has taught an assistant, which teaches the student.",
    "peers": "Two students that both learn teach each other; none is frozen.",
    "seeds": "The student is trained ten times, each from other initial weights.",
    "explanation": "A map on the image shows where the student looks.",
}


def alt(highlight: Collection[str]) -> str:
    """What the drawing shows, for those who do not see it, with what was added to it.

    Args:
        highlight: the parts that are.
    """
    if "peers" in highlight:
        return (
            "One image of a 9 goes to two students that both learn. The softened answer of "
            f"each is the soft target of the other. {_ADDED_ALT['peers']}"
        )
    said = [_ADDED_ALT[part] for part in ADDED if part in highlight]
    return " ".join((ALT, *said))


def _source(draw: Drawing, box: tuple[float, float, float, float], size: str) -> None:
    """Who supplies the soft target: the teacher, an assistant, or another student."""
    highlight = draw.highlight
    if "peers" in highlight:
        draw.network(*box, "baseline", "student B", "learns too")
        draw.halo("peers", *box)
    elif "assistant" in highlight:
        draw.network(*box, "label", "assistant", f"taught, {size}", frozen=True)
        draw.halo("assistant", *box)
    else:
        draw.network(*box, "teacher", "teacher", f"trained, {size}", frozen=True)


def _student(draw: Drawing, box: tuple[float, float, float, float]) -> None:
    x, y, width, height = box
    if "seeds" in draw.highlight:
        for step in (12, 6):
            draw.behind(x + step, y - step, width, height, "student")
        draw.halo("seeds", x, y - 12, width + 12, height + 12)
    draw.network(*box, "student", "student", _learns(draw.highlight))


def _learns(highlight: Collection[str]) -> str:
    return "ten seeds" if "seeds" in highlight else "learns"


def _gradients(highlight: Collection[str]) -> str:
    if "peers" in highlight:
        return "gradients reach both students"
    return "gradients reach the student alone"


def _far_from(highlight: Collection[str]) -> str:
    if "peers" in highlight:
        return "far from student B?"
    return f"far from the {'assistant' if 'assistant' in highlight else 'teacher'}?"


def wide(highlight: Collection[str], temperature: float = TEMPERATURE) -> Drawing:
    """From left to right, 860 units wide."""
    draw, soft = Drawing(860, 356, highlight), softmax(LOGITS, temperature)
    draw.image(14, 138, 92)
    draw.arrow((112, 166), (166, 104))
    draw.arrow((112, 202), (166, 262))
    _source(draw, (170, 52, 136, 96), "frozen")
    _student(draw, (184, 236, 108, 62))
    _added_wide(draw)
    draw.arrow((308, 100), (336, 100))
    draw.operation(364, 100, "\N{DIVISION SIGN} T", "temperature")
    draw.arrow((393, 100), (420, 100))
    draw.text(516, 30, f"soft target, T = {temperature:g}", "strong")
    draw.bars(426, 46, 180, 84, soft, "teacher", marked=(LABEL, 5), top=0.6)
    draw.halo("soft target", 426, 14, 180, 134)
    draw.arrow((294, 267), (420, 267))
    draw.text(516, 202, "the student's logits", "strong")
    draw.logits(426, 216, 180, 72, STUDENT_LOGITS, "student")
    draw.halo("answer", 426, 186, 180, 120)
    draw.arrow((612, 96), (652, 118))
    draw.arrow((612, 240), (622, 217), head=False)
    draw.operation(631, 199, "\N{DIVISION SIGN} T", "temperature", radius=19)
    draw.arrow((640, 181), (652, 158))
    draw.arrow((612, 262), (652, 270))
    draw.loss(656, 104, 180, "soft loss", _far_from(highlight), "soft loss")
    draw.loss(656, 244, 180, "hard loss", "far from the label?", "hard loss")
    draw.tag(714, 196, str(LABEL))
    draw.halo("label", 714, 196, 64, 34)
    draw.arrow((746, 231), (746, 243))
    draw.arrow((746, 304), (746, 330), kind="gradient", head=False)
    draw.arrow((838, 133), (852, 133), (852, 330), (238, 330), (238, 301), kind="gradient")
    draw.text(500, 348, _gradients(highlight), "small")
    draw.halo("gradient", 242, 322, 600, 30)
    return draw


def narrow(highlight: Collection[str], temperature: float = TEMPERATURE) -> Drawing:
    """From top to bottom, 350 units wide, for phones."""
    draw, soft = Drawing(350, 640, highlight), softmax(LOGITS, temperature)
    draw.image(139, 6, 72)
    draw.arrow((150, 82), (106, 112))
    draw.arrow((200, 82), (250, 130))
    _source(draw, (18, 116, 140, 84), "frozen")
    _student(draw, (202, 134, 112, 58))
    _added_narrow(draw)
    draw.arrow((88, 202), (88, 222))
    draw.operation(88, 248, "\N{DIVISION SIGN} T", "temperature", radius=24)
    draw.arrow((88, 273), (88, 294))
    draw.text(88, 312, f"soft target, T = {temperature:g}", "strong")
    draw.bars(8, 322, 160, 70, soft, "teacher", marked=(LABEL, 5), top=0.6)
    draw.halo("soft target", 8, 298, 160, 112)
    draw.arrow((258, 194), (258, 294))
    draw.text(258, 312, "student's logits", "strong")
    draw.logits(182, 322, 160, 70, STUDENT_LOGITS, "student")
    draw.halo("answer", 182, 298, 160, 112)
    draw.arrow((88, 414), (88, 446))
    draw.arrow((212, 413), (198, 420), head=False)
    draw.operation(183, 429, "\N{DIVISION SIGN} T", "temperature", radius=17)
    draw.arrow((166, 436), (142, 446))
    draw.arrow((280, 414), (280, 522))
    draw.loss(8, 450, 176, "soft loss", _far_from(highlight), "soft loss")
    draw.tag(66, 536, str(LABEL))
    draw.halo("label", 66, 536, 64, 34)
    draw.arrow((134, 553), (166, 553))
    draw.loss(170, 525, 168, "hard loss", "far from the label?", "hard loss")
    draw.arrow((186, 479), (346, 479), kind="gradient", head=False)
    draw.arrow((340, 536), (346, 530), (346, 163), (317, 163), kind="gradient")
    draw.text(175, 618, f"Dashed: {_gradients(highlight)}.", "small")
    draw.halo("gradient", 20, 602, 310, 24)
    return draw


def _added_wide(draw: Drawing) -> None:
    """What the plain pipeline does not have, 860 units wide."""
    if {"features", "relations"} & draw.highlight:
        draw.arrow((204, 192), (204, 152))
        draw.arrow((204, 192), (204, 232))
    for part, words in (("features", "same features?"), ("relations", "same relations?")):
        if part in draw.highlight:
            draw.text(270, 197, words, "strong")
            draw.halo(part, 196, 162, 138, 60)
    if "assistant" in draw.highlight:
        draw.network(8, 20, 118, 66, "teacher", "teacher", "large", frozen=True)
        draw.arrow((128, 62), (166, 82))
    if "peers" in draw.highlight:
        draw.arrow((238, 192), (238, 152), kind="gradient")
        draw.text(250, 178, "learns from the other", "small", anchor="start")
    if "explanation" in draw.highlight:
        draw.heat(14, 246, 92)
        draw.arrow((180, 282), (112, 290))
        draw.halo("explanation", 14, 246, 92, 92)


def _added_narrow(draw: Drawing) -> None:
    """The same, 350 units wide."""
    for part in ("features", "relations"):
        if part in draw.highlight:
            draw.arrow((180, 164), (160, 164))
            draw.arrow((180, 164), (200, 164))
            draw.text(180, 96, "same", "small strong")
            draw.text(180, 111, f"{part}?", "small strong")
            draw.halo(part, 150, 88, 60, 84)
    if "assistant" in draw.highlight:
        draw.network(6, 6, 112, 62, "teacher", "teacher", "large", frozen=True)
        draw.arrow((62, 70), (68, 113))
    if "peers" in draw.highlight:
        draw.arrow((198, 176), (162, 176), kind="gradient")
    if "explanation" in draw.highlight:
        draw.heat(262, 12, 76)
        draw.arrow((282, 132), (292, 94))
        draw.halo("explanation", 262, 12, 76, 76)
