import itertools
import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom

from kdteach.data import load
from kdteach.diagrams import diagram, diagram_names
from kdteach.diagrams.blocks import CONVOLUTION_PARTS, RESIDUAL_PARTS
from kdteach.diagrams.example import LABEL, LOGITS, OUTLINES, SAMPLE, STUDENT_LOGITS
from kdteach.diagrams.freezing import PARTS as FREEZING
from kdteach.diagrams.generations import PARTS as GENERATIONS
from kdteach.diagrams.idea import LOSS_PARTS, TARGETS_PARTS, TEMPERATURE_PARTS
from kdteach.diagrams.job import PARTS as JOB
from kdteach.diagrams.pipeline import ADDED, CHAPTERS, PARTS
from kdteach.diagrams.stops import PARTS as STOPS
from kdteach.diagrams.theme import DARK, LIGHT
from kdteach.diagrams.unfinished import PARTS as UNFINISHED
from kdteach.diagrams.vocabulary import Drawing
from kdteach.models import trained_teacher
from kdteach.training import teacher_logits

KINDS = {
    "pipeline": PARTS,
    "targets": TARGETS_PARTS,
    "temperature": TEMPERATURE_PARTS,
    "loss": LOSS_PARTS,
    "stops": STOPS,
    "unfinished": UNFINISHED,
    "generations": GENERATIONS,
    "residual": RESIDUAL_PARTS,
    "convolutions": CONVOLUTION_PARTS,
    "freezing": FREEZING,
    "job": JOB,
}


def test_all_kinds_are_tested():
    assert set(KINDS) == set(diagram_names())


def test_the_example_is_a_real_digit_with_its_teachers_logits():
    valid = load("digits").valid
    assert int(valid.labels[SAMPLE]) == LABEL
    logits = teacher_logits(trained_teacher(0), valid)[SAMPLE]
    assert torch.allclose(logits, torch.tensor(LOGITS), atol=0.006)


def test_outlines_hold_the_ink_of_the_image():
    """Where the image has more ink than a level, the outline of that level is around it."""
    path = pytest.importorskip("matplotlib.path")
    image = load("digits").valid.images[SAMPLE, 0].double().numpy()
    fine = zoom(np.pad(image, 1), 8, order=3, grid_mode=True, mode="grid-constant")
    fine = fine.clip(0) / image.max()
    where = (np.arange(80) - 8 + 0.5) * 100 / 64
    x, y = np.meshgrid(where, where)
    for level, outline in zip((0.2, 0.4, 0.6, 0.8), OUTLINES, strict=True):
        inside = np.zeros(x.shape, dtype=bool)
        for ring in outline.split("M")[1:]:
            corners = np.array(ring.rstrip("Z").split(), dtype=float).reshape(-1, 2)
            inside ^= (
                path.Path(corners)
                .contains_points(np.c_[x.ravel(), y.ravel()])
                .reshape(x.shape)
            )
        assert (
            inside != (fine > level)
        ).mean() < 0.02  # rounded to hundredths of the image


@pytest.mark.parametrize("name", KINDS)
def test_drawings_are_whole_and_say_what_they_show(name):
    made = diagram(name, caption="A < B & C")
    for svg in (made.wide, made.narrow):
        root = ElementTree.fromstring(svg)  # well-formed
        assert root.get("role") == "img"
        assert root.get("aria-label") == made.alt
        assert len(made.alt) > 60
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        texts = [e for e in root.iter() if e.tag.endswith("text")]
        assert texts
        for text in texts:  # nothing is written outside of the drawing
            assert 0 <= float(text.get("x")) <= width
            assert 0 < float(text.get("y")) <= height
        assert " id=" not in svg  # so that a page may hold the same drawing twice
        assert "href" not in svg
    html = made._repr_html_()
    assert "A &lt; B &amp; C" in html
    assert len(html) < 40_000
    assert made.alt in repr(made)


def test_a_place_is_the_same_on_every_processor():
    """0.9 of 19.5 is 17.55, or a hair less where a sum was rounded otherwise."""
    pictures = []
    for width in (17.55, math.nextafter(17.55, 0), math.nextafter(17.55, 99)):
        draw = Drawing(100, 50)
        draw.text(width, 10, "here")
        pictures.append(draw.svg("a text", "plain"))
    assert len(set(pictures)) == 1


@pytest.mark.parametrize(("name", "part"), [(n, p) for n, ps in KINDS.items() for p in ps])
def test_every_part_can_be_highlighted(name, part):
    plain, lit = diagram(name), diagram(name, part)
    for before, after in ((plain.wide, lit.wide), (plain.narrow, lit.narrow)):
        assert "kd-accent" not in before
        if (name, part) == ("temperature", "softmax"):
            assert after.count("kd-accent)") == 1
        assert "kd-accent)" in after


@pytest.mark.parametrize("part", ADDED)
def test_a_part_that_is_added_is_drawn_and_said(part):
    plain, added = diagram("pipeline"), diagram("pipeline", part)
    assert added.alt != plain.alt
    for before, after in ((plain.wide, added.wide), (plain.narrow, added.narrow)):
        shapes = [len(list(ElementTree.fromstring(svg).iter())) for svg in (before, after)]
        assert shapes[1] > shapes[0] + 1 or part == "peers"  # and not the halo alone
        assert added.alt in after.replace("&amp;", "&")
        root = ElementTree.fromstring(after)
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        for text in root.iter():
            if text.tag.endswith("text"):
                assert 0 <= float(text.get("x")) <= width
                assert 0 < float(text.get("y")) <= height
    assert "student B" in added.narrow or part != "peers"


def test_every_chapter_of_the_second_edition_has_its_variant():
    assert len(CHAPTERS) == 25
    for name, parts in CHAPTERS.items():
        made = diagram("pipeline", parts)
        assert made.wide.count("var(--kd-accent)") >= 1, name
        assert made.narrow.count("var(--kd-accent)") >= 1, name
    assert {part for parts in CHAPTERS.values() for part in parts} >= set(ADDED)
    assert diagram("pipeline") == diagram("pipeline", ())


def test_the_pipeline_is_drawn_at_the_temperature_of_its_page():
    given = diagram("pipeline", temperature=4.0)
    assert given == diagram("pipeline")
    made = diagram("pipeline", temperature=8)
    p = torch.softmax(torch.tensor(LOGITS).double() / 8, dim=0)
    for svg, high in ((made.wide, 84), (made.narrow, 70)):
        assert ">soft target, T = 8<" in svg
        bars = [
            float(e.get("height"))
            for e in ElementTree.fromstring(svg).iter()
            if e.tag.endswith("rect") and e.get("fill") == "var(--kd-teacher)"
        ][-10:]
        expected = [max(high * float(share) / 0.6, 1.2) for share in p]
        assert bars == pytest.approx(expected, abs=0.06)


def test_bars_are_softmax_of_the_logits():
    root = ElementTree.fromstring(diagram("temperature").wide)
    bars = [
        e for e in root.iter()
        if e.tag.endswith("rect") and e.get("fill") == "var(--kd-teacher)"
    ]  # fmt: skip
    assert len(bars) == 30
    for number, temperature in enumerate((1, 4, 20)):
        expected = torch.softmax(torch.tensor(LOGITS).double() / temperature, dim=0)
        for bar, p in zip(bars[10 * number : 10 * number + 10], expected, strict=True):
            assert float(bar.get("height")) == pytest.approx(
                max(140 * float(p), 1.2), abs=0.06
            )


def test_what_the_5_and_the_9_get_stands_above_their_bars():
    made = diagram("temperature")
    for svg in (made.wide, made.narrow):
        said = [t.text for t in ElementTree.fromstring(svg).iter() if t.text]
        for temperature in (1, 4, 20):
            p = torch.softmax(torch.tensor(LOGITS).double() / temperature, dim=0)
            for number in (5, 9):
                assert f"{p[number]:.0%}" in said
        assert "7.0" in said  # the largest logit, and the smallest
        assert "\N{MINUS SIGN}17.8" in said


def test_words_are_legible_on_their_ground():
    """WCAG 2: a contrast of 4.5 for every pair of colours that meet in a drawing."""
    for colours in (LIGHT, DARK):
        pairs = itertools.chain(
            (
                (ink, ground)
                for ink in ("ink", "soft")
                for ground in ("page", "card", "accent")
            ),
            (("page", ground) for ground in ("teacher", "student", "baseline", "label")),
        )
        for ink, ground in pairs:
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(c, 16) / 255 for c in re.findall("..", colour[1:])]
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="unknown name 'pipe'; known are pipeline"):
        diagram("pipe")
    with pytest.raises(ValueError, match="unknown highlight 'studnet'; known are image"):
        diagram("pipeline", "studnet")
    with pytest.raises(TypeError, match="highlight must be a list of names"):
        diagram("pipeline", 3)
    with pytest.raises(TypeError, match="caption must be a text"):
        diagram("pipeline", caption=None)


def test_no_diagram_needs_torch_or_a_file():
    assert diagram("pipeline", ["teacher", "student"]) == diagram(
        "pipeline", ("student", "teacher")
    )


def test_the_pipeline_divides_the_logits_of_both_networks():
    made = diagram("pipeline")
    for svg in (made.wide, made.narrow):
        assert svg.count(">\N{DIVISION SIGN} T<") == 2
        assert "student's logits<" in svg
        bars = [
            float(e.get("height"))
            for e in ElementTree.fromstring(svg).iter()
            if e.tag.endswith("rect") and e.get("stroke") == "var(--kd-student)"
        ][-10:]
        high = 72 if svg == made.wide else 70
        unit = high / (max(STUDENT_LOGITS) - min(STUDENT_LOGITS))
        assert bars == pytest.approx([unit * abs(z) for z in STUDENT_LOGITS], abs=0.06)
