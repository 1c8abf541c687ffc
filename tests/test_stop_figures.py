"""Charts over a teacher's epochs are drawn to scale and say their means."""

import re

import pytest

from kdteach.plots.early_stopping import EpochPanel, lead_of_the_luckiest, over_epochs

LINES = {"small": ("student", "", "above", [[3.0, 5.0], [2.0, 2.0], [1.0, 3.0]])}


def panel(**changes):
    return EpochPanel(**{
        "title": "mistakes", "epochs": (1, 4, 12), "lines": LINES, "ticks": (0, 5),
        "references": [("labels", 2.5)], **changes,
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


def test_seeds_of_a_dashed_line_are_crosses():
    lines = {
        "solid": ("student", "", "above", [[3.0, 5.0], [2.0, 4.0]]),
        "dashed": ("student", "6 4", "below", [[1.0, 2.0], [1.0, 2.0]]),
    }
    made = over_epochs([panel(lines=lines, epochs=(4, 12))], alt="x", caption="y")
    for drawing in (made.wide, made.narrow):
        assert len(re.findall(r'r="4.5"', drawing)) == 4
        strokes = re.findall(r'--kd-student\)" stroke-width="1.3"', drawing)
        assert len(strokes) == 8  # four crosses


def test_each_of_two_references_has_its_line_and_name():
    two = [("few", 1.0), ("many", 4.0)]
    made = over_epochs([panel(references=two)], alt="x", caption="y")
    line = re.compile(r'd="M[\d.]+ ([\d.]+)L[\d.]+ \1"[^>]*--kd-baseline')
    for drawing in (made.wide, made.narrow):
        few, many = map(float, line.findall(drawing))
        assert few > many  # further down
        for name, level in (("few", few), ("many", many)):
            (y,) = re.findall(rf' y="([\d.]+)"[^>]*>{name}<', drawing)
            assert float(y) == pytest.approx(level + 5, abs=0.11)
    assert "; few 1.0; many 4.0." in made.alt


def test_the_reference_is_named_right_of_the_chart_a_word_a_row():
    made = over_epochs([panel(references=[("labels alone", 2.5)])], alt="x", caption="y")
    word = re.compile(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>(labels|alone)<')
    line = re.compile(r'd="M[\d.]+ ([\d.]+)L([\d.]+) \1"[^>]*--kd-baseline')
    for drawing in (made.wide, made.narrow):
        (above, below), end = word.findall(drawing), line.search(drawing)
        assert (above[2], below[2]) == ("labels", "alone")
        assert float(above[0]) == float(below[0]) > float(end[2])
        assert float(above[1]) < float(end[1]) + 5 < float(below[1])


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


def test_bars_of_luck_are_as_high_as_their_counts_and_the_lead_is_a_line():
    leads = [0.0, 0.01, 0.01, 0.19]  # up to 0.2, in twenty bars of 0.0105
    made = lead_of_the_luckiest(leads, 0.2, name="seen", unit="points", caption="So.")
    bars = re.findall(
        r'd="M([\d.]+) 168L\1 ([\d.]+)"[^>]*--kd-soft', made.wide
    )  # fmt: skip
    assert [168 - float(top) for _, top in bars] == pytest.approx([130, 130 / 3], abs=0.1)
    (line,) = re.findall(r'd="M([\d.]+) 22L\1 168"', made.wide)
    assert float(line) == pytest.approx(10 + 840 / 1.05, abs=0.1)
    assert "seen: 0.20; 0% of the leads are as large." in made.alt
    for bad in ([-0.1, 1], [0, 0]):
        with pytest.raises(ValueError, match="leads"):
            lead_of_the_luckiest(bad, 0.2, name="a", unit="b", caption="c")
