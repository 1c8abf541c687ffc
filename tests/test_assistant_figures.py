"""The figures of the chapter on assistants are to scale and say their numbers."""

import re

import pytest

from kdteach.plots.teacher_assistants import (
    chain,
    differences,
    errors_by_arm,
    errors_by_size,
    errors_over,
)
from kdteach.stats import Interval

SQUARE = (
    r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"[^>]*--kd-(\w+)\)" '
    r'stroke-width="([\d.]+)"'
)
CHAIN = {
    "teacher": ("1200 units", 2_395_210),
    "assistant": ("190 units", 187_350),
    "student": ("30 units", 24_790),
}


def test_areas_of_a_chain_are_sizes():
    figure = chain(CHAIN, caption="Two ways.")
    for drawing in (figure.wide, figure.narrow):
        sides = [
            float(width)
            for *_, colour, width in re.findall(SQUARE, drawing)
            if colour in ("teacher", "label", "student")
        ]
        assert len(sides) == 3
        for side, (_, size) in zip(sides, CHAIN.values(), strict=True):
            assert (side / sides[0]) ** 2 == pytest.approx(size / 2_395_210, rel=0.03)
    assert "12.8 times smaller" in figure.alt
    assert "7.6 times smaller" in figure.alt
    assert "97 times smaller" in figure.alt


def test_a_narrow_chain_breaks_its_notes():
    """A note of 30 letters runs beyond the drawing, which is 350 wide, and is cut off."""
    notes = {"teacher": ("144 units, 31,690 parameters", 9), "b": ("x", 4), "c": ("y", 1)}
    figure = chain(notes, caption="Two ways.")
    assert ">144 units, 31,690 parameters<" in figure.wide
    assert ">144 units<" in figure.narrow
    assert ">31,690 parameters<" in figure.narrow


@pytest.mark.parametrize(
    ("networks", "error", "says"),
    [
        ([1, 2, 3], TypeError, "dictionary of pairs"),
        ({"a": ("", 3), "b": ("", 2)}, ValueError, "three"),
        ({"a": ("", 3), "b": ("", 4), "c": ("", 2)}, ValueError, "fall"),
        ({"a": ("", 3), "b": ("", 2), "c": ("", 0)}, ValueError, "size of 'c'"),
    ],
)
def test_chains_that_are_none(networks, error, says):
    with pytest.raises(error, match=says):
        chain(networks, caption="No.")


def over(lines, **more):
    return errors_over(
        (30, 75, 1200), lines, low=0, high=100, x_title="units", caption="Rises.", **more
    )


def test_a_faint_line_a_seed_and_their_mean_in_bold():
    runs = [[10, 30], [20, 40], [50, 70]]
    figure = over(
        {"T = 4": ("student", "", runs), "means": ("soft", "5 4", [5, 6, 7])},
        references={"labels": ("baseline", 90)},
    )
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count('stroke-opacity="0.25"') == 2
        assert "labels: 90" in drawing
    assert "T = 4: 20 at 30, 30 at 75, 60 at 1200" in figure.alt
    assert "means: 5 at 30" in figure.alt


def test_a_reference_is_named_where_the_page_wants_it():
    line, references = {"a": ("student", "", [1, 2, 3])}, {"labels": ("baseline", 90)}
    left, right = (
        over(line, references=references, named_at=named)
        for named in (None, {"labels": (2, "ends below")})
    )
    assert left.wide != right.wide
    for drawing in (left.wide, left.narrow, right.wide, right.narrow):
        assert "labels: 90" in drawing
    with pytest.raises(ValueError, match="where a name stands"):
        over(line, references=references, named_at={"labels": (0, "there")})


@pytest.mark.parametrize(
    ("lines", "error", "says"),
    [
        ([1], TypeError, "lines must be a dictionary"),
        ({"a": ("pink", "", [1, 2, 3])}, ValueError, "colour of 'a'"),
        ({"a": ("soft", "", [1, 2])}, ValueError, "each of 3 places"),
        ({"a": ("soft", "", [1, 2, 300])}, ValueError, "must lie in 0 to 100"),
    ],
)
def test_lines_that_cannot_be_drawn(lines, error, says):
    with pytest.raises(error, match=says):
        over(lines)


def test_places_rise():
    with pytest.raises(ValueError, match="rising"):
        errors_over(
            (3, 2), {"a": ("soft", "", [1, 2])}, low=0, high=9, x_title="x", caption="No."
        )


def test_networks_lie_at_their_size_and_error():
    figure = errors_by_size(
        {
            "teacher": ("teacher", 1_000_000, 100, "left"),
            "student": ("student", 10_000, 300, "above"),
            "another": ("student", 10_000, 200, ""),
        },
        low=100,
        high=300,
        y_title="errors",
        caption="Fewer.",
    )
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', figure.wide)
    places = sorted({(float(x), float(y)) for x, y in dots})
    assert len(places) == 3
    assert places[0][0] == places[1][0] < places[2][0]
    ys = [y for _, y in places]
    assert ys[0] < ys[1] < ys[2]
    assert ys[1] == pytest.approx((ys[0] + ys[2]) / 2, abs=0.2)
    assert "another: 200" not in figure.wide
    assert "another, 10,000 parameters: 200" in figure.alt


def test_arms_say_their_means():
    figure = errors_by_arm(
        {"labels": ("baseline", [1, 3]), "chain": ("student", [5])},
        low=0, high=10, step=5, alt="Two arms.", caption="Fewer.",
    )  # fmt: skip
    assert figure.alt == "Two arms. Means: labels: 2, chain: 5."
    with pytest.raises(ValueError, match="must lie in 0 to 10"):
        errors_by_arm(
            {"a": ("soft", [11])}, low=0, high=10, step=5, alt="Out.", caption="No."
        )


GAP = Interval(mean=5.0, low=-5.0, high=15.0, level=0.95, n=3)


def test_a_dot_a_pair_and_the_interval_on_one_axis():
    figure = differences(
        {"a gap": ("student", [-10, 5, 20], GAP), "another": ("label", [0, 1, 2], GAP)},
        low=-20, high=20, step=10, axis="more\nerrors", caption="A gap.",
    )  # fmt: skip
    for drawing in (figure.wide, figure.narrow):
        dots = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', drawing)]
        assert len(dots) == 6
        assert dots[1] - dots[0] == pytest.approx(dots[2] - dots[1], abs=0.2)
        assert "\N{MINUS SIGN}10" in drawing
        lines = [
            (float(a), float(b), float(width))
            for a, _, b, _, _, width in re.findall(SQUARE, drawing)
        ]
        whole = next((a, b) for a, b, width in lines if width == 3)
        assert whole[1] - whole[0] == pytest.approx(20 / 30 * (dots[2] - dots[0]), abs=0.3)
    assert figure.alt.startswith("more errors: one dot a pair")
    assert "a gap: +5.0, -5.0 to +15.0" in figure.alt


@pytest.mark.parametrize(
    ("rows", "low", "error", "says"),
    [
        ([1], -20, TypeError, "dictionary"),
        ({"a": ("pink", [1], GAP)}, -20, ValueError, "colour of 'a'"),
        ({"a": ("soft", [1], 3)}, -20, TypeError, "interval of 'a'"),
        ({"a": ("soft", [-21], GAP)}, -20, ValueError, "must lie in"),
        ({"a": ("soft", [1], GAP)}, 1, ValueError, "0 must be"),
    ],
)
def test_differences_that_cannot_be_drawn(rows, low, error, says):
    with pytest.raises(error, match=says):
        differences(rows, low=low, high=20, step=1, axis="x", caption="No.")
