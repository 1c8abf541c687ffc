"""The figures of Features and Relations: to scale, sorted, and their numbers in words."""

import re

import pytest

from kdteach.plots.beyond import against, layers

PANELS = {
    "60 images": {
        "labels": ("baseline", 12.0, 5.0, 19.0),
        "hint": ("soft", -3.0, -8.0, 2.0),
    },
    "all": {"hint": ("soft", 1.0, -1.0, 3.0), "labels": ("baseline", 2.0, 0.0, 4.0)},
}


def drawn(panels=PANELS, **more):
    options = {"low": -20, "high": 20, "zero": "plain KD", "title": "errors"} | more
    return against(panels, caption="Sorted.", **options)


def test_rows_are_sorted_and_to_scale():
    figure = drawn()
    assert "60 images: hint -3.0 (-8.0 to +2.0), labels +12.0" in figure.alt
    assert "all: hint +1.0" in figure.alt
    bars = re.findall(
        r'd="M([\d.]+) [\d.]+L([\d.]+) [\d.]+"[^>]*stroke-width="3"', figure.narrow
    )
    lengths = [float(b) - float(a) for a, b in bars]
    scale = (350 - 10 - 104) / 40
    assert lengths == pytest.approx([10 * scale, 14 * scale, 4 * scale, 4 * scale], abs=0.2)
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count('stroke-dasharray="5 4"') == 2  # the labels, in each panel
        assert "plain KD" in drawing


@pytest.mark.parametrize(
    ("panels", "options", "error", "says"),
    [
        ([1], {}, TypeError, "panels must be"),
        ({}, {}, TypeError, "panels must be"),
        ({"a": [1]}, {}, TypeError, r"panels\['a'\]"),
        ({"a": {}}, {}, ValueError, "at least one row"),
        ({"a": {"b": ("pink", 0, 0, 0)}}, {}, ValueError, "colour of 'b'"),
        ({"a": {"b": ("soft", 0, -30, 0)}}, {}, ValueError, "interval of 'b'"),
        ({"a": {"b": ("soft", 5, -3, 0)}}, {}, ValueError, "must hold its mean"),
        (PANELS, {"low": 1}, ValueError, "0 between them"),
    ],
)
def test_what_is_no_comparison_is_refused(panels, options, error, says):
    with pytest.raises(error, match=says):
        drawn(panels, **options)


@pytest.mark.parametrize(("part", "count"), [("features", 2), ("relations", 1)])
def test_the_losses_of_the_chapter_are_highlighted(part, count):
    figure = layers(part, caption="One of them.")
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("var(--kd-accent)") == count
        for name in ("attention", "hint", "relations", "plain KD", "convolution 2"):
            assert name in drawing
    with pytest.raises(ValueError, match="highlight"):
        layers("logits", caption="")
