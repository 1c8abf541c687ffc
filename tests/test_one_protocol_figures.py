"""Figures of *Every method, one protocol*: numbers in them, and what they refuse."""

import re

import pytest

from kdteach.plots.one_protocol import costs, protocol, ranking

ROWS = {
    "A": ("student", -3.0, -9.0, 3.0), "labels": ("baseline", 5.0, 1.0, 9.0),
}  # fmt: skip
OTHER = {
    "A": ("student", 2.0, -30.0, 34.0), "labels": ("baseline", 1.0, 0.0, 2.0),
}  # fmt: skip
AXIS = {
    "ends": {"60": (-10, 20)}, "zero": "KD", "dashed": "labels", "title": "errors",
    "caption": "A finding.",
}  # fmt: skip


def test_the_protocol_is_drawn_for_wide_and_narrow_pages():
    html = protocol(caption="One way.")._repr_html_()
    assert "kd-wide" in html
    assert "kd-narrow" in html
    assert html.count("12 settings") >= 2
    assert "One way." in html


def test_methods_are_sorted_by_their_mean_rank_over_the_panels():
    ends = {"60": (-10, 20), "600": (-5, 5)}
    html = ranking({"60": ROWS, "600": OTHER}, **AXIS | {"ends": ends})._repr_html_()
    alt = re.search(r'aria-label="([^"]*)"', html)[1]
    assert "60: A -3.0, labels +5.0 (+1.0 to +9.0)" in alt  # this interval leaves 0
    assert alt.endswith("600: labels +1.0, A +2.0")
    start = html.index('<svg class="kd-wide"')
    wide, narrow = html[start:].split('<svg class="kd-narrow"')
    names = re.findall(r">(A|labels)</text>", wide)
    assert names == ["A", "labels"]
    assert re.findall(r">(A|labels)</text>", narrow) == ["A", "labels", "labels", "A"]


def test_methods_stand_below_the_headings_of_their_groups():
    groups = {"controls": ["labels"], "answers": ["A"]}
    html = ranking({"60": ROWS}, groups=groups, **AXIS)._repr_html_()
    start = html.index('<svg class="kd-wide"')
    for drawing in html[start:].split('<svg class="kd-narrow"'):
        found = re.findall(r">(controls|answers|A|labels)</text>", drawing)
        assert found == ["controls", "labels", "answers", "A"]


def test_rows_that_leave_the_line_are_marked_and_no_others():
    rows = {
        "A": ("student", -3.0, -9.0, -0.5), "labels": ("baseline", 5.0, 1.0, 9.0),
        "B": ("student", 1.0, -2.0, 4.0),
    }  # fmt: skip
    html = ranking({"60": rows}, **AXIS)._repr_html_()
    wide, narrow = html[html.index('<svg class="kd-wide"') :].split(
        '<svg class="kd-narrow"'
    )
    for drawing in (wide, narrow):
        assert drawing.count("--kd-accent-edge") == 2  # a band each
        assert drawing.count(">fewer</text>") == drawing.count(">more</text>") == 1
        ticks = re.findall(r">(0|[+\u2212]\d+)</text>", drawing)
        assert ticks == ["\u221210", "0", "+10", "+20"]


@pytest.mark.parametrize(
    "change",
    [
        {"words": ("fewer",)}, {"words": (1, 2)}, {"groups": {"answers": ["A"]}},
        {"groups": {"answers": ["A", "labels"], "controls": ["labels"]}},
        {"panels": {}}, {"panels": {"60": {}}}, {"panels": [ROWS]},
        {"panels": {"60": ROWS, "600": {"A": ROWS["A"]}},
         "ends": {"60": (-10, 20), "600": (-10, 20)}},
        {"panels": {"60": {**ROWS, "A": ("pink", 0.0, 0.0, 0.0)}}},
        {"panels": {"60": {**ROWS, "A": ("student", 0.0, 1.0, 2.0)}}},
        {"panels": {"60": {**ROWS, "A": ("student", 30.0, 1.0, 42.0)}}},
        {"panels": {"60": {**ROWS, "A": ("student", float("nan"), 1.0, 2.0)}}},
        {"ends": {"60": (1, 20)}}, {"ends": {"60": (-3, -1)}}, {"ends": {}},
        {"ends": {"600": (-10, 20)}}, {"ends": (-10, 20)}, {"dashed": "nobody"},
    ],
)  # fmt: skip
def test_rankings_that_are_refused(change):
    with pytest.raises((TypeError, ValueError)):
        ranking(**{"panels": {"60": ROWS}, **AXIS, **change})


POINTS = {
    "KD": ("student", 1.0, 0.0), "A": ("student", 2.5, -3.0), "B": ("baseline", 1.0, 4.0),
}  # fmt: skip
WORDS = {"across": "times", "up": "errors", "caption": "Cheap is good."}


def test_costs_stand_in_the_alternative_text():
    html = costs(POINTS, named=["A"], **WORDS)._repr_html_()
    assert "A 2.5 and -3.0" in html
    assert html.count(">A</text>") == 2  # on a wide page and on a narrow one
    assert ">B</text>" not in html


def test_names_that_would_lie_on_each_other_are_set_apart():
    points = {"one method": ("student", 1.0, 0.0), "another": ("student", 1.05, 0.1)}
    points |= {"far": ("baseline", 1.1, 40.0)}
    html = costs(points, named=["one method", "another"], **WORDS)._repr_html_()
    for size in ("kd-wide", "kd-narrow"):
        drawing = html[html.index(f'<svg class="{size}"') :].split("</svg>")[0]
        found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)"[^>]*>'
                           r"(one method|another)<", drawing)  # fmt: skip
        assert len(found) == 2
        spans = []
        for x, y, anchor, name in found:
            start = float(x) - 6 * len(name) * {"start": 0, "middle": 0.5, "end": 1}[anchor]
            spans.append((start, start + 6 * len(name), float(y)))
        (a, b, y), (c, d, other) = spans
        assert b <= c or d <= a or abs(y - other) >= 12


@pytest.mark.parametrize(
    "change",
    [
        {"points": {}}, {"points": [1, 2]}, {"points": {"A": POINTS["A"]}},
        {"named": ["C"]}, {"points": {**POINTS, "A": ("pink", 1.0, 1.0)}},
        {"points": {**POINTS, "A": ("student", -1.0, 1.0)}},
        {"points": {**POINTS, "A": ("student", 1.0, float("inf"))}},
    ],
)  # fmt: skip
def test_costs_that_are_refused(change):
    with pytest.raises((TypeError, ValueError)):
        costs(**{"points": POINTS, "named": ["A"], **WORDS, **change})
