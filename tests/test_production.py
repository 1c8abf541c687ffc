"""The figure of *From notebook to production*."""

import re
from xml.etree import ElementTree

import pytest

from kdteach.plots.production import shares


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
