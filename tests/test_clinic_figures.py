"""Figures of the chapter on the clinic: sticks and rings stand where their numbers are."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from kdteach.metrics import share_gap
from kdteach.plots import clinic

P = np.array([0.03, 0.05, 0.31, 0.32, 0.33, 0.97])
TRUE = np.array([0.4, 0.6, 0.3, 0.2, 0.1, 0.8])


def drawn(diagram):
    return [ElementTree.fromstring(svg) for svg in (diagram.wide, diagram.narrow)]


def circles(root):
    found = (e for e in root.iter() if e.tag.endswith("circle"))
    return [tuple(float(e.get(k)) for k in ("cx", "cy", "r")) for e in found]


def inside(diagram):
    for root in drawn(diagram):
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        for text in (e for e in root.iter() if e.tag.endswith("text")):
            assert 0 <= float(text.get("x")) <= width
            assert 0 < float(text.get("y")) <= height
    assert diagram.caption in diagram._repr_html_()


def test_sticks_average_to_the_gap():
    """Their lengths, weighted by the areas of the dots, are the calibration error."""
    made = clinic.reliability({"a": ("baseline", P, TRUE)}, kind="SSA", judge="votes",
                              caption="A finding.")  # fmt: skip
    inside(made)
    gap = share_gap(P, TRUE)
    assert f"a: gap {100 * gap:.0f} points" in made.alt
    for root in drawn(made):
        dots = circles(root)
        assert len(dots) == 3
        areas = np.array([r**2 for _, _, r in dots])
        assert areas / areas.sum() == pytest.approx([2 / 6, 3 / 6, 1 / 6], abs=0.01)
        sticks = [
            [float(n) for n in re.findall(r"[\d.]+", e.get("d"))]
            for e in root.iter() if e.get("stroke-width") == "2.6"
        ]  # fmt: skip
        lengths = [abs(y1 - y0) / 290 for _, y0, _, y1 in sticks]
        assert np.average(lengths, weights=areas) == pytest.approx(gap, abs=2e-3)
    both = clinic.reliability({"a": ("baseline", P, TRUE), "b": ("label", TRUE, TRUE)},
                              kind="SSA", judge="votes", caption="Two.")  # fmt: skip
    inside(both)
    assert "b: gap 0 points" in both.alt


@pytest.mark.parametrize(
    ("networks", "error", "says"),
    [
        ({}, ValueError, "networks"),
        ([1], TypeError, "networks"),
        ({n: ("label", P, TRUE) for n in "abc"}, ValueError, "one or two, got 3"),
        ({"a": ("red", P, TRUE)}, ValueError, "colour of 'a'"),
        ({"a": ("label", P, TRUE[1:])}, ValueError, "as many as probabilities"),
        ({"a": ("label", 2 * P, TRUE)}, ValueError, "probabilities"),
    ],
)
def test_odd_networks_are_named(networks, error, says):
    with pytest.raises(error, match=says):
        clinic.reliability(networks, kind="SSA", judge="votes", caption="")


ROWS = {"rate 1": {"a": ("baseline", 20.0, 5.0)}, "rate 2": {"a": ("label", 4.0, 8.0)}}


def rows(**change):
    arguments = {
        "groups": ROWS, "most": 30, "axis": "gap, points", "words": ("before", "after"),
        "caption": "A finding.", **change,
    }  # fmt: skip
    return clinic.before_and_after(**arguments)


def test_rings_and_dots_stand_where_their_numbers_are():
    made = rows(
        notes={"rate 1": "ahead"}, strong=[("rate 2", "a")], reference=(3.0, "always")
    )
    inside(made)
    assert made.alt == (
        "gap, points, before and after. rate 1, a: 20.0 to 5.0; rate 2, a: 4.0 to 8.0; "
        "always: 3.0."
    )
    for root, left, right in zip(drawn(made), (250, 74), (650, 330), strict=True):
        places = [x for x, _, _ in circles(root)][2:]  # behind the two of the key
        wanted = [left + (right - left) * v / 30 for v in (20, 5, 4, 8)]
        assert places == pytest.approx(wanted, abs=0.06)
        texts = {e.text: e for e in root.iter() if e.tag.endswith("text")}
        assert {"before", "after", "ahead", "always", "20.0", "8.0"} <= texts.keys()
        assert texts["20.0"].get("text-anchor") == "start"  # on the outer sides
        assert texts["5.0"].get("text-anchor") == "end"
        assert texts["4.0"].get("text-anchor") == "end"


def test_long_names_have_room_on_a_phone():
    """At eight units a letter, which is more than they take."""
    _, narrow = drawn(rows(groups={"rate 1": {"label-trained": ("soft", 20.0, 5.0)}}))
    (name,) = (e for e in narrow.iter() if e.text == "label-trained")
    assert float(name.get("x")) >= 8 * len("label-trained")


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"groups": {}}, ValueError, "groups"),
        ({"groups": {"x": {"a": ("red", 1, 2)}}}, ValueError, "colour of 'a'"),
        ({"groups": {"x": {"a": ("label", 1, 31)}}}, ValueError, "a must"),
        ({"most": 0}, ValueError, "most"),
        ({"notes": {"rate 3": "x"}}, ValueError, "heading of notes"),
        ({"strong": [("rate 1", "b")]}, ValueError, "row of strong"),
        ({"reference": (40, "x")}, ValueError, "reference"),
    ],
)
def test_odd_rows_are_named(change, error, says):
    with pytest.raises(error, match=says):
        rows(**change)
