"""The figures of *Is the difference real?* say the numbers that they were given."""

import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from kdteach.plots.is_the_difference_real import (
    gains,
    pairs,
    parted,
    power_curves,
    shared_luck,
    two_kinds_of_luck,
    which_test,
)

SETS = [
    torch.rand(9, 1, 8, 8, generator=torch.Generator().manual_seed(k)) for k in range(6)
]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(91, 0.2, 10)
Y = X - 0.1 + RANDOM.normal(0, 0.05, 10)


def both(figure):
    """Both drawings, read as XML: every word lies inside of its drawing."""
    for drawing in (figure.wide, figure.narrow):
        root = ElementTree.fromstring(drawing)
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        for text in root.iter():
            if text.tag.endswith("text"):
                assert 0 <= float(text.get("x")) <= width, text.text
                assert 0 < float(text.get("y")) <= height, text.text
        yield drawing


def luck(**options):
    given = {
        "sets": SETS, "wrong_by_set": [20, 21, 22, 23, 24, 25],
        "wrong_by_seed": [20, 31, 32, 33, 34, 35], "images": 200, "caption": "It is.",
    } | options  # fmt: skip
    return two_kinds_of_luck(
        given["sets"], given["wrong_by_set"], given["wrong_by_seed"],
        images=given["images"], caption=given["caption"],
    )  # fmt: skip


def test_each_count_stands_below_its_set_and_its_student():
    figure = luck()
    for drawing in both(figure):
        found = re.findall(r">(\d+) wrong<", drawing)
        assert sorted(map(int, found)) == [20, 20, *range(21, 26), *range(31, 36)]
        assert drawing.count("<image") == 7
        assert drawing.count(">seed 5<") == 1
    assert "20, 21, 22, 23, 24, 25 of them wrong" in figure.alt
    assert figure.caption == "It is."


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sets": SETS[:5]}, "6 each"),
        ({"wrong_by_set": [1] * 7}, "6 each"),
        ({"wrong_by_seed": [201] * 6}, "wrong_by_seed"),
        ({"sets": [each[:3] for each in SETS]}, "at least 4"),
    ],
)
def test_bad_sets_are_named(options, says):
    with pytest.raises(ValueError, match=says):
        luck(**options)


def test_scatter_of_pairs_is_that_of_numpy():
    figure = pairs(
        {"alike": (X, Y), "apart": (X, Y[::-1])}, names=("labels", "teacher"),
        unit="per cent", caption="x",
    )  # fmt: skip
    alone = np.hypot(X.std(ddof=1), Y.std(ddof=1))
    for drawing in both(figure):
        for y in (Y, Y[::-1]):
            assert f"difference scatters by {(y - X).std(ddof=1):.2f}<" in drawing
        assert drawing.count(f"separate seeds it would by {alone:.2f}<") == 2
        assert drawing.count(">dashed: pairs with the mean difference<") == 2
        assert drawing.count("<circle") == 20
    assert "10 seeds" in figure.alt


def test_a_dot_on_the_line_has_the_mean_difference():
    """Pairs that all differ by the same amount lie on the dashed line."""
    figure = pairs(
        {"a": (X, X - 1 + 1e-9 * Y), "b": (X, Y)}, names=("x", "y"), unit="", caption="c"
    )
    line = re.search(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"[^>]*dasharray', figure.wide)
    x0, y0, x1, y1 = map(float, line.groups())
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', figure.wide)[:10]
    for x, y in dots:
        on = y0 + (y1 - y0) * (float(x) - x0) / (x1 - x0)
        assert float(y) == pytest.approx(on, abs=0.25)


@pytest.mark.parametrize(
    ("panels", "error", "says"),
    [
        ([X, Y], TypeError, "dictionary"),
        ({"a": (X, Y)}, ValueError, "two, got 1"),
        ({"a": (X, Y), "b": (X, Y[:9])}, ValueError, "one length"),
        ({"a": (X, Y), "b": (X, 0 * X)}, ValueError, "not flat"),
        ({"a": (X, Y), "b": (X[:2], Y[:2])}, ValueError, "b"),
    ],
)
def test_bad_pairs_are_named(panels, error, says):
    with pytest.raises(error, match=says):
        pairs(panels, names=("x", "y"), unit="", caption="c")


def test_images_on_which_two_part():
    figure = parted(
        SETS[0], list("012345678"), [(str(i), str(9 - i)) for i in range(9)],
        {"only A is right": [3, 1], "only B is right": list(range(9))},
        ("A", "B"), most=4, caption="x",
    )  # fmt: skip
    for drawing in both(figure):
        assert "only A is right: 2 images" in drawing
        assert "only B is right: 9 images" in drawing
        assert drawing.count("<image") == 6
        assert ">A: 3<" in drawing
        assert ">B: 6<" in drawing
    assert "only B is right: 9 images" in figure.alt
    answers, labels = [("1", "2")] * 9, ["1"] * 9
    for wrong in ((labels, []), (labels[:8], answers)):
        with pytest.raises(ValueError, match="one an image"):
            parted(SETS[0], *wrong, {"a": [1]}, ("A", "B"), caption="x")
    with pytest.raises(ValueError, match="a place"):
        parted(SETS[0], labels, answers, {"a": [9]}, ("A", "B"), caption="x")


def test_answers_under_neighbouring_images_do_not_touch():
    """A bold letter is 8.6 wide at most, as measured in the rendered page."""
    answers, labels = [("5", "1")] * 9, ["5"] * 9
    figure = parted(
        SETS[0], labels, answers, {"a": list(range(8))}, ("seed 0", "seed 1"), caption="x"
    )
    for drawing in both(figure):
        starts = sorted({float(x) for x in re.findall(
            r'<text x="([\d.]+)"[^>]*>seed 0: 5<', drawing)})  # fmt: skip
        assert len(starts) in (3, 8)
        assert min(b - a for a, b in itertools.pairwise(starts)) > len("seed 0: 5") * 8.6


@pytest.mark.parametrize("right", [0, 1])
def test_only_the_right_answer_is_bold(right):
    answers = [("3", "5"), ("5", "3")][right]
    images = SETS[0][:1]
    figure = parted(images, ["3"], [answers], {"a": [0]}, ("A", "B"), caption="x")
    for drawing in both(figure):
        bold = re.findall(r'<text [^>]*class="([^"]*)"[^>]*>([AB]: \d)<', drawing)
        assert {said: "kd-strong" in style for style, said in bold} == {
            f"A: {answers[0]}": right == 0,
            f"B: {answers[1]}": right == 1,
        }


def test_gains_stand_where_they_are():
    figure = gains(
        {"T = 5": ([-0.5, -0.3], 0.1), "T = 7": (np.array([0.2, 0.4]), 0.3)},
        low=-1, high=0.5, step=0.5, unit="points", caption="x",
    )  # fmt: skip
    for drawing in both(figure):
        rings = re.findall(r'cx="([\d.]+)"[^>]*fill="none"', drawing)
        dots = re.findall(r'cx="([\d.]+)"[^>]*fill-opacity', drawing)
        (a, b), values = (float(r) for r in rings), [-0.5, -0.3, 0.2, 0.4]
        scale = (b - a) / 0.2
        zero = a - 0.1 * scale
        assert [(float(x) - zero) / scale for x in dots] == pytest.approx(values, abs=2e-3)
        assert ">\N{MINUS SIGN}0.5<" in drawing
    assert "T = 5: -0.40 on average, printed +0.10" in figure.alt
    with pytest.raises(ValueError, match="must lie in"):
        gains({"a": ([0.1, 2], 0)}, low=-1, high=1, step=1, unit="", caption="x")
    with pytest.raises(TypeError, match="dictionary"):
        gains([1], low=-1, high=1, step=1, unit="", caption="x")
    axis = {"low": -1, "high": 1, "step": 1, "unit": "", "caption": "x"}
    with_line = gains({"a": ([0.1, 0.3], 0)}, intervals={"a": (-0.5, 0.9)}, **axis)
    assert "printed +0.00, interval -0.50 to +0.90" in with_line.alt
    bare = gains({"a": ([0.1, 0.3], 0)}, **axis)
    for drawing, without in zip(both(with_line), both(bare), strict=True):
        assert (
            drawing.count('stroke-width="1.8"') == without.count('stroke-width="1.8"') + 3
        )
    with pytest.raises(ValueError, match="must lie in"):
        gains({"a": ([0.1, 0.3], 0)}, intervals={"a": (-0.5, 1.9)}, **axis)


def test_the_recipe_names_calls_that_there_are():
    import kdteach as kd

    figure = which_test(caption="x")
    for drawing in both(figure):
        calls = set(re.findall(r"kd\.([\w.]+)\(", drawing))
        assert calls == {
            "stats.proportion_interval", "stats.mcnemar", "compare",
            "stats.bootstrap_difference",
        }  # fmt: skip
        for call in calls:
            found = kd
            for name in call.split("."):
                found = getattr(found, name)
            assert callable(found)
    assert "comparisons=k" in figure.alt


PAIRED = {"in pairs": (-2.5, -0.1), "apart": (-4.0, 1.5)}


def luck_of_pairs(intervals=PAIRED, first=(26, 22, 24), second=(24, 23, 24)):
    return shared_luck(
        first, second, ("labels alone", "with a teacher"), intervals,
        unit="errors", caption="x",
    )  # fmt: skip


def test_both_parts_of_a_pair_have_one_scale_and_stand_in_a_row():
    figure = luck_of_pairs()
    for drawing in both(figure):
        rows = re.findall(r">seed (\d)<", drawing)
        assert rows[:3] == ["1", "2", "0"]  # by the errors of the first method
        blue, red = (
            [tuple(map(float, at)) for at in re.findall(
                rf'<circle cx="([\d.]+)" cy="([\d.]+)" r="4.5" fill="var\(--kd-{role}\)"',
                drawing)]
            for role in ("baseline", "student")
        )  # fmt: skip
        blue, runs, gaps = blue[::2], red[:6:2], red[6:]  # runs are drawn twice
        scale = (blue[2][0] - blue[0][0]) / 4
        for a, b, gap in zip(blue, runs, gaps, strict=True):
            assert a[1] == b[1]
            assert gap[0] - gaps[1][0] == pytest.approx(b[0] - a[0], abs=0.3)
        assert scale > 10
    assert "26, 22, 24" in figure.alt
    assert "in pairs -2.5 to -0.1; apart -4.0 to +1.5" in figure.alt


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"intervals": [(0, 1)]}, TypeError, "dictionary"),
        ({"first": (1, 2)}, ValueError, "must be pairs, got 2 and 3"),
        ({"first": (1,), "second": (2,)}, ValueError, "first"),
        ({"intervals": {}}, ValueError, "intervals"),
    ],
)
def test_bad_pairs_with_intervals_are_named(given, error, says):
    with pytest.raises(error, match=says):
        luck_of_pairs(**given)


CURVES = {"same": [0.1, 0.8, 1.0], "other": [0.05, 0.4, 0.8]}


def test_power_stands_at_its_share():
    figure = power_curves([3, 15, 80], CURVES, {"same": 15, "other": 80}, caption="x")
    for drawing in both(figure):
        dots = re.findall(r'cy="([\d.]+)" r="4.5"', drawing)
        tens = [float(y) for y in dots]
        unit = (tens[2] - tens[0]) / 0.9
        found = [1 + (y - tens[2]) / unit for y in tens]
        assert found == pytest.approx([0.1, 0.8, 1.0, 0.05, 0.4, 0.8], abs=2e-3)
        rings = re.findall(r'cy="([\d.]+)" r="8', drawing)
        assert [float(y) for y in rings] == pytest.approx([tens[1], tens[5]], abs=0.02)
        assert ">same: 15<" in drawing
        assert ">other: 80<" in drawing
    assert "same: 10 % at 3, 80 % at 15, 100 % at 80." in figure.alt


@pytest.mark.parametrize(
    ("curves", "error", "says"),
    [
        ([0.1], TypeError, "dictionary"),
        ({"same": [0.1, 0.2, 0.3]}, ValueError, "must be two"),
        (CURVES | {"other": [0.1, 0.2]}, ValueError, "as long as seeds"),
        (CURVES | {"other": [0.1, 0.2, 1.2]}, ValueError, "shares"),
    ],
)
def test_bad_power_is_named(curves, error, says):
    with pytest.raises(error, match=says):
        power_curves([3, 15, 80], curves, {"same": 15, "other": 80}, caption="x")
