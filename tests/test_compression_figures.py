"""The figures of the chapter on compression are drawn to scale and say their numbers."""

import math
import re

import pytest
import torch

from kdteach.plots.compression import (
    mistakes_by_size,
    predicted_and_measured,
    time_by_size,
    to_scale,
    uses_of_a_weight,
)

NUMBERS = (
    r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"[^>]*--kd-(\w+)\)" '
    r'stroke-width="([\d.]+)"'
)


def segments(drawing, colour):
    """Straight lines of a colour: both ends and the width."""
    return [
        tuple(map(float, (*part[:4], part[5])))
        for part in re.findall(NUMBERS, drawing)
        if part[4] == colour
    ]


def test_areas_are_sizes():
    sizes = {"teacher": 1_276_810, "256": 203_530, "32": 25_450, "8": 6_370}
    figure = to_scale(
        {
            name: (f"{size}", "student" if name.isdigit() else "teacher", size)
            for name, size in sizes.items()
        },
        caption="It is.",
    )
    for drawing in (figure.wide, figure.narrow):
        squares = segments(drawing, "teacher") + segments(drawing, "student")
        assert len(squares) == 4
        first = squares[0][4]
        for (x0, y0, x1, y1, wide), size in zip(squares, sizes.values(), strict=True):
            assert x1 - x0 == pytest.approx(wide, abs=0.2)  # a square
            assert y0 == y1
            ratio = (wide / first) ** 2
            assert ratio == pytest.approx(size / sizes["teacher"], rel=0.03)
    assert "32, 25450: 0.0199 of the first area" in figure.alt
    feet = {round(y0 + w / 2) for _, y0, _, _, w in segments(figure.wide, "student")}
    assert len(feet) == 1  # all stand on one line


BRACKET = r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)L([\d.]+) '


@pytest.mark.parametrize(
    ("limit", "inside"),
    [(120, ["64", "32", "8"]), (64, ["64", "32", "8"]), (63, ["32", "8"])],
)
def test_what_is_inside_of_a_limit_stands_under_a_bracket(limit, inside):
    sizes = {"teacher": 500, "256": 256, "128": 128, "64": 64, "32": 32, "8": 8}
    figure = to_scale(
        {name: ("", "student", size) for name, size in sizes.items()},
        caption="x", limit=("fit here", limit),
    )  # fmt: skip
    assert f"fit here: {', '.join(inside)}." in figure.alt
    covered = []
    for drawing in (figure.wide, figure.narrow):
        squares = [line for line in segments(drawing, "student") if line[4] > 3]
        assert len(squares) == 6
        under = set()
        for found in re.findall(BRACKET, drawing):
            left, _, _, top, right, _, _ = map(float, found)
            under |= {
                name
                for name, (x0, y0, x1, _, wide) in zip(sizes, squares, strict=True)
                if left <= x0 and x1 <= right and 0 < y0 - wide / 2 - top < 60
            }
        covered.append(under)
        assert drawing.count(">fit here<") == 1  # in two rows on a phone, said once
    assert covered == [set(inside)] * 2


def test_no_limit_draws_no_bracket_and_one_too_small_covers_nothing():
    networks = {"a": ("", "teacher", 3), "b": ("", "student", 2)}
    assert not re.findall(BRACKET, to_scale(networks, caption="x").wide)
    small = to_scale(networks, caption="x", limit=("fit here", 1))
    assert not re.findall(BRACKET, small.wide)
    assert "fit here: none." in small.alt
    with pytest.raises(ValueError, match="limit"):
        to_scale(networks, caption="x", limit=("fit here", 0))


@pytest.mark.parametrize(
    ("networks", "error", "says"),
    [
        ([1, 2], TypeError, "networks must be a dictionary"),
        ({"a": ("", "student", 3)}, ValueError, "two or more"),
        ({"a": ("", "teacher", 3), "b": ("", "student", 0)}, ValueError, "size of 'b'"),
    ],
)
def test_bad_networks_are_named(networks, error, says):
    with pytest.raises(error, match=says):
        to_scale(networks, caption="x")


def test_places_of_a_kernel_are_written():
    figure = uses_of_a_weight(torch.rand(8, 8).tolist(), 676, caption="x")
    for drawing in (figure.wide, figure.narrow):
        assert "\N{MULTIPLICATION SIGN} 676<" in drawing
        assert "\N{MULTIPLICATION SIGN} 1<" in drawing
        cells = [line for line in segments(drawing, "student") if line[4] == 8]
        assert len(cells) == 5  # the same weight of nine, at each place
        assert all(end - start == 8 for start, _, end, _, _ in cells)
        apart = [
            max(abs(a[0] - b[0]), abs(a[1] - b[1]))
            for number, a in enumerate(cells)
            for b in cells[:number]
        ]
        assert min(apart) > 24  # no kernel is drawn across another
        assert ">output<" in drawing
    assert "each of its 676 places" in figure.alt
    with pytest.raises(ValueError, match="places"):
        uses_of_a_weight([[0.0]], 1, caption="x")


ARMS = {
    "labels": ("baseline", [[400, 410], [200, 220], [100, 110]]),
    "taught": ("student", [[390, 400], [180, 200], [80, 90]]),
}


def test_mistakes_are_where_they_belong():
    figure = mistakes_by_size(
        (8, 32, 128), ARMS, ("teacher", 75.0), low=50, high=500, images=10_000, caption="x"
    )
    assert "labels: 405 at 8, 210 at 32, 105 at 128" in figure.alt
    assert "teacher: 75" in figure.alt
    for drawing in (figure.wide, figure.narrow):
        dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4.5"', drawing)
        assert len(dots) == 6  # the means
        x = [float(dot[0]) for dot in dots[:3]]
        assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)  # equal factors
        y = [float(dot[1]) for dot in dots]
        slope = (y[2] - y[0]) / math.log(405 / 105)
        assert (y[3] - y[0]) / math.log(405 / 395) == pytest.approx(slope, rel=0.1)
        seeds = re.findall(
            r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"[^>]*--kd-(\w+)\)"[^>]*'
            r'stroke-opacity="0.7"',
            drawing,
        )
        assert len(seeds) == 12  # a short stroke a seed, 2 at each of 3 widths, 2 arms
        for number, (start, y0, end, y1, colour) in enumerate(seeds):
            assert y0 == y1
            middle = x[number % 6 // 2]
            side = {"baseline": -1, "student": 1}[colour]
            assert 0 < side * (float(start) - middle) < side * (float(end) - middle) < 30
        upper, lower = (float(seeds[number][1]) for number in (1, 0))
        assert (lower - upper) / math.log(410 / 400) == pytest.approx(slope, rel=0.15)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"arms": [1]}, TypeError, "arms must be a dictionary"),
        ({"units": (8, 32)}, ValueError, "a row for each of 2 widths"),
        ({"high": 300}, ValueError, "mistakes of 'labels' must lie in 50 to 300"),
        ({"arms": {"a": ("student", [["x"]] * 3)}}, TypeError, "mistakes of 'a'"),
    ],
)
def test_bad_mistakes_are_named(change, error, says):
    right = {
        "units": (8, 32, 128), "arms": ARMS, "reference": ("teacher", 75.0), "low": 50,
        "high": 500, "images": 10_000, "caption": "x",
    }  # fmt: skip
    with pytest.raises(error, match=says):
        mistakes_by_size(**right | change)


def test_times_on_an_axis_of_equal_factors():
    figure = predicted_and_measured(
        {"teacher": ("teacher", 0.2, 0.5), "student": ("student", 0.02, 0.09)}, caption="x"
    )
    for drawing in (figure.wide, figure.narrow):
        assert "\N{MULTIPLICATION SIGN} 2.5<" in drawing
        assert "\N{MULTIPLICATION SIGN} 4.5<" in drawing
        lines = [
            line for colour in ("teacher", "student") for line in segments(drawing, colour)
        ]
        teacher, student = (line for line in lines if line[4] == 2.0)
        per_decade = (teacher[2] - teacher[0]) / math.log10(0.5 / 0.2)
        assert (student[2] - student[0]) / math.log10(4.5) == pytest.approx(
            per_decade, rel=0.02
        )
    assert "student: predicted 0.02, measured 0.09 milliseconds" in figure.alt
    with pytest.raises(ValueError, match="a time of 'a'"):
        predicted_and_measured({"a": ("student", 0, 1)}, caption="x")
    with pytest.raises(TypeError, match="rows must be a dictionary"):
        predicted_and_measured([1], caption="x")


def test_times_of_each_width():
    figure = time_by_size(
        (8, 32, 128), {"one image": ("student", "", [20, 21, 30])}, caption="x"
    )
    assert "one image: 20 to 30 milliseconds" in figure.alt
    pair = {"upper": ("student", "", [2, 3, 5]), "lower": ("soft", "", [2, 2, 3])}
    both = time_by_size((8, 32, 128), pair, caption="x")
    words = r'<text x="[\d.]+" y="([\d.]+)"[^>]*text-anchor="(\w+)"[^>]*>'
    for drawing in (both.wide, both.narrow):
        above, below = (re.search(words + name, drawing) for name in pair)
        assert float(above[1]) < float(below[1])
        assert (above[2], below[2]) == ("start", "start")
    grid = r'd="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)"[^>]*--kd-edge'
    for value in (0.5, 0.65, 0.8, 0.9):  # a tick is at 1
        near = time_by_size((8, 32), {"a": ("soft", "", [value, 2])}, caption="x")
        for drawing in (near.wide, near.narrow):
            foot = float(re.search(words + "a<", drawing)[1])
            heights = [float(y) for y, end in re.findall(grid, drawing) if y == end]
            assert len(heights) == 3
            assert not any(foot - 9 < height < foot for height in heights)
    little = time_by_size((8, 32), {"a": ("soft", "", [0.0004, 0.02])}, caption="x")
    assert ">0.001<" in little.narrow
    assert ">0.0001<" not in little.narrow  # has no room on a phone
    with pytest.raises(ValueError, match="one for each width, got 2"):
        time_by_size((8, 32, 128), {"a": ("student", "", [1, 2])}, caption="x")
    with pytest.raises(ValueError, match="times of 'a'"):
        time_by_size((8, 32), {"a": ("student", "", [1, 0])}, caption="x")
    with pytest.raises(TypeError, match="times must be a dictionary"):
        time_by_size((8, 32), [1, 2], caption="x")
