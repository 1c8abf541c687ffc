"""Figures of the chapter on soft targets: what is drawn is what was given."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from kdteach.diagrams._ink import finer, ink_uri
from kdteach.plots import hard_and_soft_targets as figures

PIXELS = [[0.0, 0.25, 1.0], [0.5, 0.0, 0.0]]


def test_a_picture_is_a_png_of_its_ink():
    uri = ink_uri(PIXELS)
    image = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
    image.load()
    assert (image.mode, image.size) == ("LA", (12, 8))
    grey, ink = (np.asarray(band) for band in image.split())
    assert not grey.any()
    assert np.abs(ink / 255 - np.array(finer(PIXELS))).max() <= 0.5 / 255 + 1e-12


def test_pictures_are_enlarged_by_the_usual_cubic():
    """As torch's bicubic, of Catmull and Rom's weights, does it away from the edges."""
    random = np.random.default_rng(0)
    pixels = random.random((9, 9))
    mine = np.array(finer(pixels.tolist()))
    wanted = Image.fromarray((pixels * 2**20).astype(np.float32)).resize((36, 36), 3)
    inside = slice(8, -8)
    theirs = np.asarray(wanted)[inside, inside] / 2**20
    assert np.abs(mine[inside, inside] - theirs.clip(0, 1)).max() < 1e-5


def drawn(diagram):
    return [ElementTree.fromstring(svg) for svg in (diagram.wide, diagram.narrow)]


def inside(diagram):
    """Nothing is written outside of the drawing."""
    for root in drawn(diagram):
        assert root.get("aria-label") == diagram.alt
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        for text in (e for e in root.iter() if e.tag.endswith("text")):
            assert 0 <= float(text.get("x")) <= width
            assert 0 < float(text.get("y")) <= height
    assert diagram.caption in diagram._repr_html_()


def test_a_number_of_zero_is_not_written():
    made = figures.images_and_answers(
        torch.rand(1, 1, 8, 8), [{"one": torch.tensor([0.002, 0.9, 0.07, 0.028])}], ["a"],
        caption="A finding.", most=4,
    )  # fmt: skip
    assert "one says 1 90 %, 2 7 %, 3 3 %." in made.alt
    for root in drawn(made):
        texts = {e.text for e in root.iter() if e.tag.endswith("text")}
        assert {"0.90", "0.07", "0.03"} <= texts
        assert "0.00" not in texts


def test_images_and_what_networks_say():
    images = torch.rand(4, 1, 8, 8)
    p = torch.tensor([0.7, 0.25, 0.05])
    made = figures.images_and_answers(
        images, [{"one": p, "two": p.flip(0)}] * 4, list("abcd"), caption="A finding."
    )
    inside(made)
    wide, narrow = (root.get("viewBox").split() for root in drawn(made))
    assert float(wide[2]) == 566
    assert float(narrow[2]) == 350
    assert "a: one says 0 70 %, 1 25 %; a: two says 2 70 %, 1 25 %" in made.alt
    assert made.wide.count("<image ") == made.narrow.count("<image ") == 4
    names = re.findall(r'filter id="([\w-]+)"', made.wide + made.narrow)
    assert len(names) == len(set(names)) == 8
    assert all(f"url(#{name})" in made.wide + made.narrow for name in names)
    for root in drawn(made):  # the two largest have their numbers, above their bars
        texts = [e for e in root.iter() if e.tag.endswith("text")]
        numbers = [e for e in texts if e.text in ("0.70", "0.25")]
        rects = [e for e in root.iter() if e.tag.endswith("rect")]
        tops = {round(float(e.get("y")), 1) for e in rects}
        assert len(numbers) == 16
        assert all(round(float(e.get("y")) + 4, 1) in tops for e in numbers)
        assert not any(e.text == "0.05" for e in texts)
        # beside a higher bar a number keeps to its own side
        aside = {(e.text, e.get("text-anchor")) for e in numbers}
        assert ("0.25", "start") in aside
        assert ("0.25", "end") in aside
        assert not any(t == "0.70" and a in ("start", "end") for t, a in aside)
    with pytest.raises(ValueError, match="zip"):
        figures.images_and_answers(images, [], [], caption="")


def test_two_averages_are_drawn_as_they_are():
    shares = torch.tensor([0.0, 0.5, 0.375, 0.125])
    made = figures.two_averages(
        {"A?": ("added", shares), "B?": ("divided", shares.flip(0))}, 0, caption="Two."
    )
    inside(made)
    for root in drawn(made):
        tall = [float(e.get("height")) for e in root.iter() if e.tag.endswith("rect")]
        ratio = np.array(tall[:4]) / tall[1]
        assert np.abs(ratio[1:] - np.array([1, 0.75, 0.25])).max() < 0.01
        texts = [e.text for e in root.iter() if e.tag.endswith("text")]
        assert texts.count("50 %") == 2
    assert "A?: 1 50 %, 2 38 %, 3 12 %" in made.alt


def test_dots_stand_where_their_values_are():
    values = [20.0, 30.0, 40.0]
    made = figures.dots_by_setting(
        {"chance": ("soft", [10.0]), "seen": ("student", values)}, low=0, high=50,
        ticks=["0", "25", "50"], alt="Dots.", caption="A finding.",
    )  # fmt: skip
    inside(made)
    assert made.alt == "Dots. Means: chance: 10.0 %, seen: 30.0 %."
    for root, left, right in zip(drawn(made), (330, 20), (800, 322), strict=True):
        dots = [float(e.get("cx")) for e in root.iter() if e.tag.endswith("circle")]
        wanted = [left + (right - left) * v / 50 for v in values]
        assert np.abs(np.array(dots) - wanted).max() < 0.06
    plain = figures.dots_by_setting(
        {"x": ("soft", [0.25])}, low=0, high=1, ticks=["0", "1"], alt="Dots.",
        caption="", form="{:.2f}",
    )  # fmt: skip
    assert plain.alt == "Dots. Means: x: 0.25."
    with pytest.raises(ValueError, match="values of 'x' must lie in 0 to 1"):
        figures.dots_by_setting({"x": ("soft", [2.0])}, low=0, high=1, ticks=["0", "1"],
                                alt="", caption="")  # fmt: skip
    with pytest.raises(ValueError, match="colour must be one of"):
        figures.dots_by_setting({"x": ("red", [1.0])}, low=0, high=1, ticks=["0", "1"],
                                alt="", caption="")  # fmt: skip


def test_a_gap_parts_groups_of_dots():
    rows = {name: ("student", [1.0, 2.0]) for name in ("A", "B", "C")}

    def heights(apart):
        made = figures.dots_by_setting(
            rows, low=0, high=3, ticks=["0", "3"], alt="Dots.", caption="", apart=apart
        )
        inside(made)
        return [
            np.array([
                float(e.get("y")) for e in root.iter()
                if e.tag.endswith("text") and e.text in rows
            ])
            for root in drawn(made)
        ]  # fmt: skip

    for plain, parted in zip(heights([]), heights(["C"]), strict=True):
        assert np.array_equal(parted[:2], plain[:2])
        assert parted[2] > plain[2] + 20
        assert np.diff(plain)[0] == np.diff(plain)[1]
    with pytest.raises(ValueError, match=r"apart must name settings, got \['D'\]"):
        heights(["D"])


def test_accuracies_stand_on_one_axis():
    made = figures.accuracies(
        {"labels": ("baseline", [80.0, 82.0]), "soft": ("student", [84.0])},
        caption="Ahead.",
    )
    inside(made)
    assert made.alt.endswith("Means: labels: 81.0 %, soft: 84.0 %.")
    assert "90 %" in made.wide
    with pytest.raises(ValueError, match="must lie in 70 to 90"):
        figures.accuracies({"x": ("soft", [69.0])}, caption="")
    rows = {name: ("soft", [80.0, 81.0]) for name in "AB"}
    plain = figures.accuracies(rows, caption="")
    assert figures.accuracies(rows, caption="", apart=["B"]).wide != plain.wide
    with pytest.raises(ValueError, match=r"apart must name settings, got \['C'\]"):
        figures.accuracies(rows, caption="", apart=["C"])
