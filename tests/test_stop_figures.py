"""Charts over a teacher's epochs are drawn to scale and say their means."""

import re

import pytest

from kdteach.plots.early_stopping import EpochPanel, over_epochs

LINES = {"small": ("student", "", "above", [[3.0, 5.0], [2.0, 2.0], [1.0, 3.0]])}


def panel(**changes):
    return EpochPanel(**{
        "title": "mistakes", "epochs": (1, 4, 12), "lines": LINES, "ticks": (0, 5),
        "reference": ("labels", 2.5), **changes,
    })  # fmt: skip


def test_dots_and_means_stand_where_they_belong():
    figure = over_epochs([panel(), panel(title="other")], alt="Two.", caption="It is.")
    for drawing in (figure.wide, figure.narrow):
        ticks = [
            float(y) for y in re.findall(
                r'd="M[\d.]+ ([\d.]+)L[\d.]+ \1"[^>]*--kd-edge', drawing
            )
        ]  # fmt: skip
        foot, top = ticks[0], ticks[1]  # of the first panel: 0 and 5
        rings = [
            float(y) for y in re.findall(r'cy="([\d.]+)" r="6"', drawing)
        ][:3]  # fmt: skip
        for y, mean in zip(rings, (4, 2, 2), strict=True):
            assert y == pytest.approx(foot - (foot - top) * mean / 5, abs=0.11)
        assert len(re.findall(r'r="4.5"', drawing)) == 12
        assert drawing.count(">labels<") == 2
    assert "small 1 4.0, 4 2.0, 12 2.0; labels 2.5. other:" in figure.alt
    assert figure.caption == "It is."


def test_names_may_stand_at_the_first_point():
    last, first = (
        over_epochs([panel(named_first=where)], alt="x", caption="y").narrow
        for where in (False, True)
    )
    place = re.compile(r'<text x="([\d.]+)"[^>]*text-anchor="(\w+)"[^>]*>small<')
    assert place.search(last)[2] == "end"
    assert place.search(first)[2] == "start"
    assert float(place.search(first)[1]) < float(place.search(last)[1])


@pytest.mark.parametrize(
    ("panels", "error", "says"),
    [
        ([], ValueError, "panels"),
        ([1], TypeError, "must hold EpochPanel"),
        ([panel()] * 4, ValueError, "one to 3"),
        ([panel(lines=[1])], TypeError, "lines must be a dictionary"),
        ([panel(ticks=(0, 2))], ValueError, "must lie in 0 to 2"),
        ([panel(ticks=(5, 0))], ValueError, "must rise"),
        ([panel(epochs=(1, 4))], ValueError, "a row for each of 2 epochs"),
        ([panel(lines={"a": ("red", "", "above", [[1]] * 3)})], ValueError, "role"),
        ([panel(lines={"a": ("label", "", "left", [[1]] * 3)})], ValueError, "side"),
    ],
)
def test_odd_panels_are_refused(panels, error, says):
    with pytest.raises(error, match=says):
        over_epochs(panels, alt="x", caption="y")
