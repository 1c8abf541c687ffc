"""The figure of *A report's tables*: five mistakes, where they sit and what they do."""

from xml.etree import ElementTree

import pytest
import torch

from kdteach.plots import clinic_report

TILE = torch.zeros(3, 8, 8, dtype=torch.uint8)
MISTAKES = ("1 not scaled", "2 drift", "3 old classes", "4 soft term", "5 test epoch")


def test_each_mistake_is_written_and_inside():
    made = clinic_report.where_mistakes_sit(TILE, caption="A finding.")
    assert made.caption == "A finding."
    for svg in (made.wide, made.narrow):
        root = ElementTree.fromstring(svg)
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        texts = [e for e in root.iter() if e.tag.endswith("text")]
        assert set(MISTAKES) <= {e.text for e in texts}
        for text in texts:
            assert 0 <= float(text.get("x")) <= width
            assert 0 < float(text.get("y")) <= height


@pytest.mark.parametrize("tile", [TILE[:1], TILE[0], TILE.double()])
def test_odd_tiles_are_refused(tile):
    with pytest.raises(ValueError, match="uint8"):
        clinic_report.where_mistakes_sit(tile, caption="")


ROWS = {"1 a": (-2.0, -3.0, -1.0), "2 b": (1.0, -1.0, 3.0), "3 c": (0.0, -1.0, 1.0)}
AXIS = {"low": -5, "high": 5, "zero": "sound", "title": "points", "caption": "A finding."}


def test_rows_keep_their_order_in_all_panels():
    made = clinic_report.mistakes_in_order({"F1": ROWS, "AUC": ROWS}, **AXIS)
    assert made.alt.endswith(
        "AUC: 1 a -2.0 (-3.0 to -1.0), 2 b +1.0 (-1.0 to +3.0), 3 c +0.0 (-1.0 to +1.0)."
    )
    for svg, times in ((made.wide, 1), (made.narrow, 2)):
        root = ElementTree.fromstring(svg)
        high = {}
        for text in root.iter("{http://www.w3.org/2000/svg}text"):
            high.setdefault(text.text, []).append(float(text.get("y")))
        assert all(len(high[name]) == times for name in ROWS)
        assert high["1 a"] < high["2 b"] < high["3 c"]


@pytest.mark.parametrize(
    ("ticks", "written"), [((), ("-5", "0", "+5")), ((-4, 0, 2), ("-4", "0", "+2"))]
)
def test_the_axis_has_the_ticks_that_it_is_given(ticks, written):
    made = clinic_report.mistakes_in_order({"F1": ROWS}, **AXIS, ticks=ticks)
    for svg in (made.wide, made.narrow):
        texts = {e.text for e in ElementTree.fromstring(svg).iter() if e.text}
        assert {t for t in texts if t.lstrip("+-").isdigit()} == set(written)


@pytest.mark.parametrize(
    ("panels", "axis", "says"),
    [
        ({}, {}, "same rows"),
        ({"F1": {}}, {}, "same rows"),
        ({"F1": ROWS, "AUC": dict(reversed(ROWS.items()))}, {}, "same rows"),
        ({"F1": {"a": (2.0, -1.0, 1.0)}}, {}, "hold its mean"),
        ({"F1": {"a": (2.0, -1.0, 9.0)}}, {}, "interval of 'a'"),
        ({"F1": ROWS}, {"low": 0}, "between them"),
        ({"F1": ROWS}, {"ticks": (-6, 0)}, "tick"),
    ],
)
def test_odd_rows_are_refused(panels, axis, says):
    with pytest.raises(ValueError, match=says):
        clinic_report.mistakes_in_order(panels, **AXIS | axis)
