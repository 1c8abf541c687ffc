"""The figures of *MNIST beside the reports* say the numbers that they were given."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from kdteach.plots.mnist_beside_the_reports import lineup, one_picture, soft_targets_twice

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.permutation(np.arange(30.0)).reshape(6, 5)
TABLES = {"A": TABLE, "B": TABLE[::-1], "C": TABLE[:, ::-1]}
IMAGE = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0))


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


def test_higher_numbers_are_darker():
    figure = lineup(TABLES, rows="T", columns="alpha", caption="Which?")
    for drawing in both(figure):
        cells = re.findall(r'stroke-width="[\d.]+"[^>]*?stroke-opacity="([\d.]+)"', drawing)
        # the darkest of all is opaque, and says so by leaving the opacity out
        assert len(cells) == 3 * 29
        first = [float(c) for c in cells[:29]]
        values = TABLE.ravel()[TABLE.ravel() < 29]
        assert (np.argsort(first) == np.argsort(values)).all()
        assert min(first) == 0.05
    assert figure.caption == "Which?"
    assert "30 numbers, A, B, C" in figure.alt


def test_two_tables_of_other_numbers_stand_beside_each_other():
    pair = {"C": TABLE, "ours": np.exp(TABLE / 10)}  # the same order, so the same shades
    figure = lineup(pair, rows="T", columns="alpha", caption="x", shuffled=False)
    for drawing in both(figure):
        cells = re.findall(r'stroke-width="[\d.]+"[^>]*?stroke-opacity="([\d.]+)"', drawing)
        assert cells[:29] == cells[29:]
        left, right = re.findall(r'<text x="([\d.]+)"[^>]*>(?:C|ours)<', drawing)
        width = float(ElementTree.fromstring(drawing).get("viewBox").split()[2])
        assert float(left) < width / 2 < float(right)
    assert "2 tables of 30 numbers each, C, ours" in figure.alt
    with pytest.raises(ValueError, match="form of the first"):
        lineup({"C": TABLE, "ours": TABLE.T}, rows="T", columns="a", caption="x",
               shuffled=False)  # fmt: skip


def test_rows_and_columns_are_labelled():
    rows, columns = [f"r{i}" for i in range(6)], [f"c{i}" for i in range(5)]
    plain = lineup(TABLES, rows="T", columns="alpha", caption="x")
    axes = {"T": rows, "a": columns}
    figure = lineup(TABLES, rows="T", columns="alpha", caption="x", axes=axes)
    for drawing in both(figure):
        words = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
        for label in (*rows, *columns, "T", "a"):  # once a table
            assert words.count(label) == len(TABLES), label
        places = re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>r\d', drawing)[:6]
        assert [float(y) for y in places] == sorted(float(y) for y in places)
    assert all(">r0<" not in drawing for drawing in both(plain))


@pytest.mark.parametrize(
    ("axes", "error", "says"),
    [
        (["T", "a"], TypeError, "dictionary"),
        ({"T": ["1"] * 6}, ValueError, "axes"),
        ({"T": list("12345"), "a": list("123456")}, ValueError, "6 rows and 5 columns"),
        ({"T": list("123456"), "a": list("1234")}, ValueError, "6 rows and 5 columns"),
    ],
)
def test_bad_axes_are_named(axes, error, says):
    with pytest.raises(error, match=says):
        lineup(TABLES, rows="T", columns="alpha", caption="x", axes=axes)


@pytest.mark.parametrize(
    ("tables", "error", "says"),
    [
        ([TABLE], TypeError, "dictionary"),
        ({"A": TABLE}, ValueError, "two or more"),
        ({"A": TABLE, "B": TABLE + 1}, ValueError, "other places"),
        ({"A": TABLE, "B": TABLE.T}, ValueError, "form of the first"),
        ({"A": TABLE[0], "B": TABLE[0]}, ValueError, "table"),
    ],
)
def test_bad_tables_are_named(tables, error, says):
    with pytest.raises(error, match=says):
        lineup(tables, rows="T", columns="alpha", caption="x")


def picture(**options):
    given = {
        "settings": {"T = 1": ([97.4, 97.6], [98.1, 98.2]), "T = 4": ([97.5], [98.6])},
        "again": {"T = 1": (97.4, 97.9), "T = 4": (97.6, 97.7)},
        "luck": {"labels alone": [97.7, 98.1, 98.2]},
        "low": 97.2, "high": 98.8, "step": 0.4, "unit": "per cent", "caption": "x",
    } | options  # fmt: skip
    return one_picture(given.pop("settings"), **given)


def test_rings_are_printed_and_dots_are_ours():
    figure = picture()
    for drawing in both(figure):
        rings = re.findall(r'<circle cx="([\d.]+)"[^>]*fill="none"', drawing)[1:]
        dots = re.findall(r'<circle cx="([\d.]+)"[^>]*fill-opacity', drawing)[1:]
        places = [float(x) for x in (*rings, *dots)]
        twice = [97.4, 97.9, 97.6, 97.7]
        values = [97.4, 97.6, 97.5, *twice, 98.1, 98.2, 98.6, 97.7, 98.1, 98.2]
        scale = (places[1] - places[0]) / 0.2
        found = [97.4 + (x - places[0]) / scale for x in places]
        assert found == pytest.approx(values, abs=2e-3)
        assert drawing.count(">97.2<") == 2  # the axis is named above and below
        small = re.findall(r'cy="([\d.]+)" r="3"', drawing)  # the first run above
        assert len(small) == 4
        assert all(float(small[i]) < float(small[i + 1]) for i in (0, 2))
    assert "printed twice: up to 0.50 apart" in figure.alt
    assert "kd-baseline" not in figure.wide
    for blue in both(picture(baseline="labels alone")):
        assert blue.count('fill="var(--kd-baseline)"') == 3 + 1  # the key has one
        assert ">ours, labels alone<" in blue
    assert "ours, labels alone" not in figure.wide
    assert "T = 1: printed 97.40 to 97.60, ours 98.10 to 98.20" in figure.alt
    assert figure.alt.endswith("labels alone: 97.70 to 98.20.")


def test_a_printed_run_stands_beside_our_seeds():
    figure = picture(luck_printed={"labels alone": 97.3})
    assert figure.alt.endswith("labels alone: 97.70 to 98.20, printed 97.30.")
    for drawing, without in zip(both(figure), both(picture()), strict=True):
        rings = re.findall(r'<circle cx="([\d.]+)"[^>]*fill="none"', drawing)[1:]
        assert len(rings) == len(re.findall('<circle[^>]*fill="none"', without))
        first, *_, last = (float(x) for x in rings)
        scale = (float(rings[1]) - first) / 0.2
        assert 97.4 + (last - first) / scale == pytest.approx(97.3, abs=2e-3)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"settings": [1]}, TypeError, "settings"),
        ({"luck": [1]}, TypeError, "luck"),
        ({"again": [(97.4, 97.9)]}, TypeError, "again"),
        ({"again": {}}, ValueError, "again"),
        ({"baseline": "labels"}, ValueError, "baseline"),
        ({"luck_printed": [97.2]}, TypeError, "luck_printed"),
        ({"luck_printed": {"labels": 97.3}}, ValueError, "luck_printed"),
        ({"luck_printed": {"labels alone": 97.1}}, ValueError, "must lie in"),
        ({"low": 97.45}, ValueError, "must lie in"),
        ({"again": {"T = 1": (97.4, 99.0)}}, ValueError, "must lie in"),
    ],
)
def test_bad_settings_are_named(options, error, says):
    with pytest.raises(error, match=says):
        picture(**options)


def test_targets_have_their_numbers():
    logits = torch.tensor([0.0, 5.0, 1.0, -2.0], dtype=torch.float64)
    once, twice = logits.softmax(0), logits.softmax(0).softmax(0)
    targets = {"T = 1": (once, twice), "T = 4": (once, twice)}
    figure = soft_targets_twice(IMAGE, targets, [1], caption="x")
    for drawing in both(figure):
        assert drawing.count(">softmax twice<") == 2
        for target in (once, twice):
            assert f">{target[1]:.2f}<" in drawing
        assert drawing.count("<image") == 1
    assert f"T = 1, softmax twice: {twice[1]:.2f} for 1" in figure.alt
    assert "enlarged" not in figure.alt
    rows = (once, twice, twice, once)  # the enlarged ones second and fourth
    four = {"T = 1": rows, "T = 4": rows}
    for drawing in both(soft_targets_twice(IMAGE, four, [1], caption="x")):
        titles = (
            ">softmax once<",
            ">once, enlarged<",
            ">softmax twice<",
            ">twice, enlarged<",
        )
        places = [drawing.index(title) for title in titles]
        assert places == sorted(places)
        assert all(drawing.count(title) == 2 for title in titles)
        assert drawing.count(f">{once[1]:.2f}<") == 4
    for wrong in ({"a": (once,)}, {"a": rows[:3]}, {"a": rows, "b": (once, twice)}):
        with pytest.raises(ValueError, match="two rows of bars"):
            soft_targets_twice(IMAGE, wrong, [1], caption="x")
    with pytest.raises(TypeError, match="targets"):
        soft_targets_twice(IMAGE, [once], [1], caption="x")
    with pytest.raises(ValueError, match="image"):
        soft_targets_twice(IMAGE[0], {"a": (once, twice)}, [1], caption="x")
    with pytest.raises(ValueError, match="softmax once"):
        soft_targets_twice(IMAGE, {"a": (logits, twice)}, [1], caption="x")
