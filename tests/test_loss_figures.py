"""The figures of the chapter on the loss say the numbers that they were given."""

import re

import numpy as np
import pytest

from kdteach.plots.distillation_loss import (
    errors_by_program,
    errors_by_rate,
    shares,
)


def test_bars_are_as_long_as_the_shares():
    figure = shares(
        {"ours": [0.9, 0.9], "theirs": [0.36, 0.022]}, [4, 20], caption="It is."
    )
    for drawing in (figure.wide, figure.narrow):
        lengths = {"teacher": [], "label": []}
        for x0, x1, role in re.findall(
            r'd="M([\d.]+) [\d.]+L([\d.]+) [\d.]+"[^>]*--kd-(teacher|label)\)', drawing
        ):
            lengths[role].append(float(x1) - float(x0))
        found = np.array(lengths["teacher"]) / np.add(lengths["teacher"], lengths["label"])
        assert sorted(found) == pytest.approx(sorted([0.9, 0.9, 0.36, 0.022]), abs=2e-3)
        assert drawing.count(">0.900<") == 2
        assert ">0.022<" in drawing
    assert "theirs: 0.360 at T = 4, 0.022 at T = 20" in figure.alt
    assert figure.caption == "It is."


def test_nothing_of_a_part_that_is_not_there():
    figure = shares({"labels": [0.0, 0.0], "teacher": [1.0, 1.0]}, [1, 2], caption="x")
    parts = re.findall(r"L[\d.]+ [\d.]+\"[^>]*--kd-(teacher|label)\)", figure.wide)
    assert sorted(parts) == ["label", "label", "teacher", "teacher"]


@pytest.mark.parametrize(
    ("programs", "temperatures", "error", "says"),
    [
        ([0.9], [4, 20], TypeError, "programs must be a dictionary"),
        ({"a": [0.9, 0.5]}, [4], ValueError, "two or three"),
        ({"a": [0.9]}, [4, 20], ValueError, "share for each of 2"),
        ({"a": [0.9, 1.2]}, [4, 20], ValueError, "share of 'a'"),
        ({"a": [0.9, 0.2]}, [4, 0], ValueError, "temperatures"),
    ],
)
def test_bad_shares_are_named(programs, temperatures, error, says):
    with pytest.raises(error, match=says):
        shares(programs, temperatures, caption="x")


def test_one_dot_a_student_and_the_mean():
    rows = {
        "labels, rate 0.1": ("", "baseline", [28, 29, 27]),
        "ours,": ("own rate", "student", np.array([20, 21, 13])),
    }
    figure = errors_by_program(rows, most=40, caption="Fewer.", alt="Dots of students.")
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<circle") == 6
        assert ">28.0<" in drawing
        assert ">18.0<" in drawing
        assert "ours, own rate" in drawing
    assert (
        figure.alt
        == "Dots of students. Means: labels, rate 0.1: 28.0, ours, own rate: 18.0."
    )


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ([1, 2], TypeError, "programs must be a dictionary"),
        ({"a": ("", "red", [1, 2])}, ValueError, "colour of 'a' is unknown"),
        ({"a": ("", "student", [1, 41])}, ValueError, "must lie in 0 to 40"),
        ({"a": ("", "student", [1, float("nan")])}, ValueError, "mistakes of 'a'"),
    ],
)
def test_bad_rows_are_named(rows, error, says):
    with pytest.raises(error, match=says):
        errors_by_program(rows, most=40, caption="x", alt="Dots of students.")


@pytest.mark.parametrize(("most", "ticks"), [(40, 9), (200, 9), (150, 7)])
def test_few_ticks_whatever_the_axis(most, ticks):
    figure = errors_by_program(
        {"ours": ("", "student", [1, 2])}, most=most, caption="x", alt="Dots."
    )
    found = re.findall(r">(\d+)</text>", figure.wide)
    assert len(found) == ticks
    assert found[-1] == str(most)
    with pytest.raises(ValueError, match="most must be"):
        errors_by_program({"a": ("", "student", [1])}, most=most + 1, caption="x", alt="x")


def test_the_axis_says_what_is_counted():
    rows = {"ours": ("", "student", [1, 2])}
    bare = errors_by_program(rows, most=40, caption="x", alt="Dots.")
    titled = errors_by_program(rows, most=40, caption="x", alt="Dots.", axis="mistakes")
    for without, drawing in ((bare.wide, titled.wide), (bare.narrow, titled.narrow)):
        assert ">mistakes<" not in without
        ticks = [float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>\d+</text>', drawing)]
        (below,) = (float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>mistakes<', drawing))
        (foot,) = re.findall(r'viewBox="0 0 \d+ (\d+)"', drawing)
        assert max(ticks) + 15 < below < float(foot)


def test_each_program_is_ringed_where_it_makes_fewest_mistakes():
    figure = errors_by_rate(
        [0.05, 0.1, 0.2],
        {"ours": [16.0, 25.0, 313.0], "theirs": np.array([50.0, 30.0, 20.5])},
        most=100, caption="It moves.",
    )  # fmt: skip
    assert figure.alt == (
        "Mean mistakes over the learning rate. ours: fewest, 16.0, at 0.05; theirs: "
        "fewest, 20.5, at 0.2."
    )
    for drawing in (figure.wide, figure.narrow):
        assert ">ours</text>" in drawing
        assert ">theirs</text>" in drawing
        assert "--kd-baseline" not in drawing


def test_curves_have_their_own_colours_and_a_named_point_on_a_doubling_axis():
    figure = errors_by_rate(
        [0.05, 0.1, 0.2],
        {"ours": [20.0, 40.0, 320.0], "theirs": [160.0, 80.0, 20.0]},
        most=320, least=10, point=("theirs", 0.05, "the second one"), caption="It moves.",
    )  # fmt: skip
    assert "theirs: fewest, 20.0, at 0.2, and 160.0 at 0.05" in figure.alt
    dots = re.findall(
        r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4.5" fill="var\(--kd-(\w+)\)', figure.wide
    )
    height = {"student": [], "label": []}
    for _, y, colour in dots:
        height[colour].append(float(y))
    octave = height["student"][0] - height["student"][1]  # from 20 to 40
    assert octave > 20
    assert height["student"][1] - height["student"][2] == pytest.approx(3 * octave, abs=0.3)
    assert height["label"] == pytest.approx(
        [height["student"][0] - k * octave for k in (3, 2, 0)], abs=0.3
    )
    for drawing in (figure.wide, figure.narrow):
        assert ">the second one</text>" in drawing
        found = re.findall(r">(\d+)</text>", drawing)
        assert found == ["10", "20", "40", "80", "160", "320"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"least": 0}, "least"),
        ({"least": 60}, "least"),
        ({"least": 30}, "least mistakes of 'a'"),
        ({"point": ("b", 0.1, "x")}, "point must name one of"),
        ({"point": ("a", 0.3, "x")}, "mistakes at point"),
        ({"point": ("a", 0.2, "x")}, "mistakes at point"),
    ],
)
def test_bad_ends_and_points_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        errors_by_rate([0.1, 0.2], {"a": [20.0, 200.0]}, most=100, caption="x", **given)


def test_the_curves_take_other_colours_and_the_point_its_curves():
    given = {
        "rates": [0.1, 0.2], "programs": {"ours": [20.0, 40.0], "theirs": [80.0, 30.0]},
        "most": 100, "point": ("theirs", 0.1, "the\nsecond"), "caption": "x",
    }  # fmt: skip
    figure = errors_by_rate(**given, colours=("student", "soft"))
    for drawing in (figure.wide, figure.narrow):
        assert "--kd-label" not in drawing
        dots = re.findall(r'<circle[^>]* fill="var\(--kd-(\w+)\)', drawing)
        assert {"student", "soft"} <= set(dots)
        lines = [re.search(f'<text[^>]*y="([\\d.]+)"[^>]*kd-soft[^>]*>{words}<', drawing)
                 for words in ("the", "second")]  # fmt: skip
        assert float(lines[1][1]) - float(lines[0][1]) == pytest.approx(17)
    for colours in (("student",), ("student", "red")):
        with pytest.raises(ValueError, match="colours must be 2 or more"):
            errors_by_rate(**given, colours=colours)


@pytest.mark.parametrize("alone", [[31.0, 25.0, 325.0], [31.0, 25.0, 26.0]])
def test_labels_alone_stand_beside_the_programs(alone):
    """In the baseline's colour, and named where their curve ends or leaves the axis."""
    figure = errors_by_rate(
        [0.05, 0.1, 0.2], {"ours": [16.0, 25.0, 313.0]}, labels_alone=alone,
        most=100, caption="It moves.",
    )  # fmt: skip
    assert figure.alt.endswith("; labels alone: fewest, 25.0, at 0.1.")
    for drawing in (figure.wide, figure.narrow):
        left, right = (38.0, 336.0) if drawing is figure.narrow else (56.0, 846.0)
        found = re.search(
            r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>labels alone</text>', drawing
        )
        share = 1 + (100 - 25) / (325 - 25) if alone[-1] > 100 else 2
        x = left + (right - left) * share / 2 + (8 if alone[-1] > 100 else 0)
        assert float(found[1]) == pytest.approx(x, abs=0.1)
        assert len(re.findall(r"<circle[^>]*--kd-baseline", drawing)) >= 2


@pytest.mark.parametrize(
    ("rates", "programs", "error", "says"),
    [
        ([0.1, 0.2], [1, 2], TypeError, "programs must be a dictionary"),
        ([0.2, 0.1], {"a": [1, 2]}, ValueError, "rates must be at least two, rising"),
        ([0.0, 0.1], {"a": [1, 2]}, ValueError, "rates"),
        ([0.1, 0.2], {"a": [1]}, ValueError, "each of 2 rates"),
        ([0.1, 0.2], {"a": [200, 300]}, ValueError, "least mistakes of 'a'"),
        ([0.1, 0.2], {name: [1, 2] for name in "abcd"}, ValueError, "up to 3"),
    ],
)
def test_bad_rates_are_named(rates, programs, error, says):
    with pytest.raises(error, match=says):
        errors_by_rate(rates, programs, most=100, caption="x")


@pytest.mark.parametrize(
    ("alone", "says"),
    [([1.0], "labels_alone must have"), ([200.0, 300.0], "least mistakes of 'labels")],
)
def test_bad_labels_alone_are_named(alone, says):
    with pytest.raises(ValueError, match=says):
        errors_by_rate([0.1, 0.2], {"a": [1, 2]}, most=99, caption="x", labels_alone=alone)
