"""The figures of the chapter *Temperature*, beside what torch and scipy say."""

import re
from itertools import pairwise

import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from kdteach.diagrams.curves import Axis, Curve, Note, narrow, wide
from kdteach.plots import _rates
from kdteach.plots import temperature as figures

CLASSES = list("abcd")
LOGITS = torch.tensor([6.0, 3.5, -4.0, 2.0], dtype=torch.float64)
X = Axis(1, 100, [(1, "1"), (10, "10"), (100, "100")], "T", log=True)
Y = Axis(0, 1, [(0, "0"), (1, "1")], "p")


def lines(svg):
    """The points of every curve, in units of the drawing."""
    return [
        [tuple(map(float, point.split())) for point in path.split("L")]
        for path in re.findall(r'<path d="M([^"]*L[^"]*)" fill="none"', svg)
    ]


def words(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_loudest_temperature_is_that_of_an_optimiser():
    for column in (1, 3):
        best = minimize_scalar(
            lambda t, c=column: -softmax(LOGITS.numpy() / t)[c],
            bounds=(1, 100), method="bounded",
        )  # fmt: skip
        heat, share = figures.loudest(LOGITS, column)
        assert heat == pytest.approx(best.x, rel=4e-3)
        assert share == pytest.approx(-best.fun, abs=1e-5)


def test_a_class_turns_where_the_average_logit_passes_it():
    """The rule of the chapter: d ln p / dT = (average - z) / T^2."""
    heat, _ = figures.loudest(LOGITS, 1)
    p = softmax(LOGITS.numpy() / heat)
    assert (p * LOGITS.numpy()).sum() == pytest.approx(3.5, abs=0.02)
    assert figures.loudest(LOGITS, 2)[0] == pytest.approx(100)  # below the mean: ever more


def test_the_average_passes_a_logit_where_its_class_turns():
    figure = figures.average_curve(LOGITS, CLASSES, caption="c")
    heat, _ = figures.loudest(LOGITS, 1)
    assert f"passes the logit of the b at T = {heat:.3g}, of the d at T = " in figure.alt
    assert figure.wide.count('r="6" fill="none"') == 2  # b and d lie above the plain mean
    p = softmax(LOGITS.numpy())
    assert f"from {(p * LOGITS.numpy()).sum():.1f} at T = 1" in figure.alt
    assert "towards the plain mean, 1.9," in figure.alt
    # the average falls, through the rings
    (curve,) = (c for c in lines(figure.wide) if len(c) > 10)
    assert all(a[1] < b[1] for a, b in pairwise(curve))
    rings = re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="6" fill="none"', figure.wide)
    for x, y in rings:
        nearest = min(curve, key=lambda point, x=float(x): abs(point[0] - x))
        assert nearest[1] == pytest.approx(float(y), abs=4)
    with pytest.raises(ValueError, match="classes must name 4 columns, got 2"):
        figures.average_curve(LOGITS, CLASSES[:2], caption="c")


def test_logits_end_at_their_rings_and_those_never_passed_have_names():
    logits = torch.tensor([6.0, 3.5, -4.0, -4.5, -9.0, -20.0], dtype=torch.float64)
    figure = figures.average_curve(logits, list("abcdef"), caption="c")
    # c is above the plain mean, -4.7, and d, too; e never turns, and f lies too low
    said = words(figure.wide)
    assert [w for w in said if re.fullmatch("[a-f](, [a-f])*", w)] == ["e"]
    flat = [c for c in lines(figure.wide) if len(c) == 2 and c[0][1] == c[1][1]]
    ends = sorted(c[1][0] for c in flat)
    rings = re.findall(r'cx="([\d.]+)" cy="[\d.]+" r="6" fill="none"', figure.wide)
    assert ends[: len(rings)] == pytest.approx(sorted(map(float, rings)), abs=0.2)
    near = torch.tensor([6.0, 3.5, -4.0, -5.0, -9.0], dtype=torch.float64)
    figure = figures.average_curve(near, list("abcde"), caption="c")
    assert "c, d" in words(figure.wide)


def test_classes_that_fall_again_are_ringed_and_said():
    figure = figures.class_curves(LOGITS, CLASSES, caption="c")
    assert figure.wide.count('r="6" fill="none"') == 2
    for column in (1, 3):
        heat, share = figures.loudest(LOGITS, column)
        said = f"{CLASSES[column]} is largest, {share:.1%}, at T = {heat:.3g}"
        assert said in figure.alt
    assert "a falls from" in figure.alt
    with pytest.raises(ValueError, match="classes must name 4 columns, got 2"):
        figures.class_curves(LOGITS, CLASSES[:2], caption="c")


def test_only_what_the_text_speaks_of_has_a_name():
    logits = torch.tensor([6.0, 3.5, -4.0, 2.0, -1.0, -1.0], dtype=torch.float64)
    figure = figures.class_curves(logits, list("abcdef"), caption="c")
    said = words(figure.wide)
    assert "a: falls from 91%," in said  # the top class, with where it comes from
    assert "above the figure" in said
    assert "c: rises all the way" in said  # the last of all
    assert [w[0] for w in said if "T =" in w] == ["b", "d"]  # those that fall again
    # a bare name in the middle of crossing lines would belong to any of them
    assert not any(re.fullmatch("[a-f](, [a-f])*", w) for w in said)


def test_gradients_are_multiplied_by_the_square():
    heats = [1, 2, 4, 10, 20, 100]
    lengths = torch.tensor([[1, 0.5, 0.2, 0.04, 0.01, 0.0003]] * 3, dtype=torch.float64)
    figure = figures.gradient_curves(heats, lengths, 0.9, caption="c")
    assert "4.00 at T = 10, 4.00 at T = 20, 3.00 at T = 100" in figure.alt
    assert "For the labels it is 0.90." in figure.alt
    assert "with T\N{SUPERSCRIPT TWO}: 4.00 at T = 10" in words(figure.wide)
    assert "length of the first gradient of the weights" in words(figure.wide)
    other = figures.gradient_curves(heats, lengths, 0.9, caption="c", of="logits")
    assert "length of the first gradient of the logits" in words(other.wide)


RATES = {
    (1, 0.1): [40, 42], (1, 0.2): [38, 40], (10, 0.1): [30, 31], (10, 0.2): [300, 302]
}  # fmt: skip


def test_the_best_rate_of_each_temperature_is_ringed():
    figure = figures.errors_by_rate(RATES, 359, caption="c")
    assert "T = 1: fewest, 39.0, at 0.2; broken down: none." in figure.alt
    assert "T = 10: fewest, 30.5, at 0.1; broken down: 2 at 0.2." in figure.alt
    for svg in (figure.wide, figure.narrow):
        assert svg.count('r="6" fill="none"') == 2
        assert words(svg).count("T = 1") == words(svg).count("T = 10") == 1


def test_lines_of_students_that_broke_down_leave_the_figure():
    figure = figures.errors_by_rate(RATES, 359, caption="c")
    for svg in (figure.wide, figure.narrow):
        assert svg.count('r="4.5"') == 3  # no dot above the figure
        assert "300" not in words(svg)
    # 179 wrong of 359 is less than half, 180 is more
    edge = figures.errors_by_rate(
        {(1, 0.1): [179, 30], (1, 0.2): [180, 30]}, 359, caption=""
    )
    assert "broken down: 1 at 0.2." in edge.alt


def test_names_have_the_colours_of_their_lines():
    figure = figures.errors_by_rate({**RATES, (10, 0.2): [32, 34]}, 359, caption="c")
    for svg in (figure.wide, figure.narrow):
        found = re.findall(r"fill:var\(--kd-([\w-]+)\)\">T = (\d+)<", svg)
        assert sorted(found) == [("baseline", "10"), ("soft", "1")]
        for colour in ("soft", "baseline"):
            assert f'stroke="var(--kd-{colour})" stroke-width="2.' in svg


def test_one_ring_stands_for_two_that_would_cover_each_other():
    near = {**RATES, (10, 0.1): [45, 45], (10, 0.2): [39, 39]}
    figure = figures.errors_by_rate(near, 359, caption="c")
    for svg in (figure.wide, figure.narrow):
        assert re.findall(r'<circle [^>]*r="(\d+)" fill="none"', svg) == ["10"]
        assert words(svg).count("T = 1") == words(svg).count("T = 10") == 1
    assert "best of T = 1 and 10" in words(figure.wide)
    assert not any("best" in said for said in words(figure.narrow))
    apart = figures.errors_by_rate({**near, (10, 0.2): [30, 30]}, 359, caption="c")
    assert re.findall(r'<circle [^>]*r="(\d+)" fill="none"', apart.wide) == ["6", "6"]
    assert {"best of T = 1", "best of T = 10"} < set(words(apart.wide))


def test_the_names_of_the_lines_have_room():
    """The axis starts where the names begin: on a phone they need a larger part of it."""
    both = {(100, 0.1): [32, 32], (100, 0.2): [33, 33]}
    figure = figures.errors_by_rate({**RATES, **both}, 359, caption="c")
    for svg in (figure.wide, figure.narrow):
        for x, said in re.findall(r'<text x="([\d.]+)"[^>]*>(T = \d+)<', svg):
            assert float(x) - 7.6 * len(said) > 0  # a letter is narrower than this


def test_two_rings_at_one_rate_have_the_colours_of_their_lines():
    figure = figures.errors_by_rate({**RATES, (10, 0.2): [28, 28]}, 359, caption="c")
    for svg in (figure.wide, figure.narrow):
        rings = re.findall(r'<circle [^>]*r="6" fill="none"[^>]*>', svg)
        assert ["baseline" in ring for ring in sorted(rings)].count(True) == 1
        assert words(svg).count("T = 1") == words(svg).count("T = 10") == 1


def test_lines_that_leave_together_are_named_where_they_leave():
    together = {**RATES, (100, 0.1): [32, 32], (100, 0.2): [310, 310]}
    figure = figures.errors_by_rate(together, 359, caption="c")
    assert "T = 10, 100" in words(figure.wide)
    assert _rates.leaving({(1, 1): 40, (1, 2): 60}, 50) == []  # one alone has its name
    means = {(T, x): y for T in (1, 4) for x, y in ((1, 40), (4, 60))}
    (note,) = _rates.leaving(means, 50)
    assert (note.x, note.y, note.words) == (pytest.approx(2), 50, "T = 1, 4")
    means[4, 1] = 49.9  # this one leaves much sooner
    assert _rates.leaving(means, 50) == []
    means = dict.fromkeys(means, 40) | {(4, 4): 50}  # at the top, not beyond it
    assert _rates.leaving(means, 50) == []


@pytest.mark.parametrize("shift", [(0, 60), (0, -60)])
def test_a_leader_runs_from_the_ring_to_the_words(shift):
    note = Note(10, 0.5, "far", shift, ring=True, radius=10, leader=True)
    svg = wide(X, Y, [], [note]).svg("k", "a")
    x, y = map(float, re.search(r'cx="([\d.]+)" cy="([\d.]+)" r="10"', svg).groups())
    (line,) = (
        c for c in lines(svg)
        if c[0][0] == c[1][0] == x and abs(c[0][1] - y) == pytest.approx(10, abs=0.11)
    )  # fmt: skip
    assert 10 < abs(line[1][1] - y) <= 60
    assert (line[1][1] - y) * shift[1] > 0
    plain = wide(X, Y, [], [Note(10, 0.5, "far", shift, ring=True, radius=10)])
    assert len(lines(svg)) == len(lines(plain.svg("k", "a"))) + 1


def test_every_ring_on_a_screen_has_its_words():
    logits = torch.tensor([7, 3.1, -1.6, -2.8, -3.4, -17.8, -9.3], dtype=torch.float64)
    figure = figures.class_curves(logits, list("abcdefg"), caption="c")
    rings = figure.wide.count('r="6" fill="none"')
    assert rings == sum("T = " in said for said in words(figure.wide)) == 4
    assert figure.narrow.count('r="6" fill="none"') == 2


def test_names_at_the_lines_do_not_touch():
    starts = {1: 50.0, 4: 42.0, 10: 41.0, 100: 40.5}
    placed = _rates.apart(starts, 3)
    heights = sorted(placed.values())
    assert all(b - a >= 3 for a, b in pairwise(heights))
    assert placed[1] == 50
    assert placed[4] == 42
    assert list(placed) == [1, 4, 10, 100]  # in their order


def test_targets_are_said_with_their_largest_classes():
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    kinds = {
        "even": torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1]]),
        "own": torch.tensor([[0.6, 0.3, 0.06, 0.04], [0.1, 0.4, 0.15, 0.35]]),
    }
    figure = figures.targets(images, kinds, ["one", "two"], caption="c")
    assert "one, even: 0 70%, the others alike; one, own: 0 60%, 1 30%;" in figure.alt
    assert "two, own: 1 40%, 3 35%." in figure.alt
    for svg in (figure.wide, figure.narrow):
        assert words(svg).count("even") == words(svg).count("own") == 2
    with pytest.raises(ValueError, match="zip"):
        figures.targets(images, kinds, ["one"], caption="c")


@pytest.mark.parametrize("draw", [wide, narrow])
def test_points_lie_where_the_axes_say(draw):
    drawing = draw(X, Y, [Curve([(1, 0), (10, 0.5), (100, 1)])], [Note(10, 0.5, "half")])
    (curve,) = (c for c in lines(drawing.svg("k", "a")) if len(c) == 3)
    (x0, y0), (x1, y1), (x2, y2) = curve
    assert x1 == pytest.approx((x0 + x2) / 2, abs=0.11)  # equal factors, equal steps
    assert y1 == pytest.approx((y0 + y2) / 2, abs=0.11)
    assert 0 < x0 < x2 < drawing.width
    assert 0 < y2 < y0 < drawing.height
    assert "half" in words(drawing.svg("k", "a"))


def test_what_lies_above_the_axis_is_cut_where_it_crosses():
    points = [(1, 2.0), (10, 0.8), (20, 0.5), (40, 2.0), (80, 0.5)]
    flat = Axis(0, 100, [(0, "0")], "x")
    found = lines(wide(flat, Y, [Curve(points)], []).svg("k", "a"))
    curves = [c for c in found if len({y for _, y in c}) > 1 and len({x for x, _ in c}) > 1]
    assert len(curves) == 2
    top = min(y for c in curves for _, y in c)
    crossings = sorted(x for c in curves for x, y in c if y == top)
    unit = (860 - 14 - 56) / 100
    expected = [8.5, 20 + 20 / 3, 40 + 40 * 2 / 3]
    assert crossings == pytest.approx([56 + unit * x for x in expected], abs=0.1)


def test_figures_say_the_same_in_both_forms():
    figure = figures.class_curves(LOGITS, CLASSES, caption="A finding.")
    html = figure._repr_html_()
    assert html.count(f'aria-label="{figure.alt}"') == 2
    assert "<figcaption>A finding.</figcaption>" in html
    assert "#" not in re.sub(r"<style>.*?</style>", "", html)  # colours are the theme's
