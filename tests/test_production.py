"""Figures of *From notebook to production*."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import kdteach as kd
from kdteach.plots.production import answers_below, shares


def test_bars_are_shares_of_the_teacher():
    figure = shares(
        {"parameters": (1, 10), "time": (5, 4), "mistakes": (7, 7)}, caption="x"
    )
    for drawing in (figure.wide, figure.narrow):
        width = float(ElementTree.fromstring(drawing).get("viewBox").split()[2])
        bars = re.findall(
            r'd="M([\d.]+) [\d.]+L([\d.]+) [\d.]+"[^>]*stroke-opacity', drawing
        )
        lengths = [float(end) - float(start) for start, end in bars]
        assert [n / lengths[2] for n in lengths] == pytest.approx([0.1, 1.25, 1], abs=2e-3)
        assert max(float(end) for _, end in bars) + 40 < width
        (line,) = re.findall(r'd="M([\d.]+) 4L', drawing)
        assert float(line) == float(bars[2][1])  # at 100 %
    assert "parameters 10 %; time 125 %; mistakes 100 %" in figure.alt


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ([1], TypeError, "dictionary"),
        ({}, ValueError, "rows"),
        ({"a": 3}, TypeError, "pair"),
        ({"a": (1, 0)}, ValueError, "above 0"),
    ],
)
def test_what_is_no_share_is_refused(rows, error, says):
    with pytest.raises(error, match=says):
        shares(rows, caption="x")


def test_an_uncertain_share_has_words_and_dashes():
    rows = {"size": (1, 10), "time": (5, 4)}
    figure = shares(rows, caption="x", unsure={"time": "no less"})
    assert figure.alt.endswith("size 10 %; time no less.")
    for drawing in (figure.wide, figure.narrow):
        assert "no less" in drawing
        assert "125 %" not in drawing
        assert drawing.count("stroke-dasharray") == 1
    with pytest.raises(ValueError, match="unsure"):
        shares(rows, caption="x", unsure={"speed": "no less"})
    with pytest.raises(TypeError, match="unsure"):
        shares(rows, caption="x", unsure={"time": 3})


IMAGES = np.random.default_rng(0).random((4, 1, 8, 8))


def test_images_have_their_words_below():
    words = ["a 9, not 3", "a 5, not 1", "a 1, not 9", "a 3, not 2"]
    figure = answers_below(
        {"lost": ("teacher", IMAGES, words), "won": ("student", IMAGES[:1], ["a 2"])},
        caption="x",
    )
    for drawing in (figure.wide, figure.narrow):
        root = ElementTree.fromstring(drawing)
        width, height = map(float, root.get("viewBox").split()[2:])
        pictures = [e for e in root.iter() if e.tag.endswith("image")]
        assert len(pictures) == 5
        for picture in pictures:
            x, y, w, h = (float(picture.get(k)) for k in ("x", "y", "width", "height"))
            assert x >= 0
            assert x + w <= width
            assert y + h + 20 <= height
        assert all(f">{said}<" in drawing for said in [*words, "a 2"])
    assert "lost: a 9, not 3; a 5, not 1" in figure.alt
    assert figure.alt.endswith("won: a 2.")


@pytest.mark.parametrize(
    ("row", "error", "says"),
    [
        (3, TypeError, "colour, images, texts"),
        (("pink", IMAGES, ["a"] * 4), ValueError, "colour"),
        (("student", IMAGES[:0], []), ValueError, "images"),
        (("student", 2 + IMAGES, ["a"] * 4), ValueError, "images"),
        (("student", IMAGES, ["a"]), ValueError, "texts"),
    ],
)
def test_rows_of_images_are_checked(row, error, says):
    with pytest.raises(error, match=says):
        answers_below({"lost": row}, caption="x")


def test_why_the_photographs_student_saves_less_than_its_weights():
    """More layers than its teacher, and as many numbers between them."""
    layers, passed_on = {}, {}
    for name in ("tiny-resnet", "tiny-mobilenet"):
        network = kd.build(name).eval()
        kinds = (torch.nn.Conv2d, torch.nn.Linear)
        found = [part for part in network.modules() if isinstance(part, kinds)]
        layers[name], sizes = len(found), []
        for part in found:
            part.register_forward_hook(lambda *given, s=sizes: s.append(given[2].numel()))
        network(torch.zeros(1, 3, 32, 32))
        passed_on[name] = sum(sizes)
    assert layers["tiny-mobilenet"] > layers["tiny-resnet"]
    assert passed_on["tiny-mobilenet"] >= passed_on["tiny-resnet"]
