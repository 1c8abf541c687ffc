"""The figures of the chapter *Subclass distillation* show what they were given."""

import re

import pytest
import torch

from kdteach.plots.subclass_distillation import (
    digit_maps,
    patterns,
    rows_by_subclass,
    traces,
)

IMAGES = torch.rand(
    12, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
)
FOUND = torch.tensor([0] * 9 + [3, 5, 9])
MAP = torch.tensor([[3, 0], [1, 4]])


FRAME = r'<rect x="([\d.]+)" y="([\d.]+)"[^>]*fill="none" stroke="var\(--kd-ink'


def rows(images=IMAGES, found=FOUND, classes=("low", "high"), **more):
    return rows_by_subclass(images, found, classes, caption="They are sorted.", **more)


def test_each_image_stands_in_the_row_of_its_subclass():
    made = rows()
    # of nine images of subclass 0 eight, on a phone six; three more elsewhere
    for drawing, count, right in ((made.wide, 11, 436), (made.narrow, 9, 0)):
        places = re.findall(r'<image x="([\d.]+)" y="([\d.]+)"', drawing)
        assert len(places) == count
        rows_used = {(float(x) >= right if right else None, y) for x, y in places}
        assert len(rows_used) == 4
        assert drawing.count(">stays empty<") == 6
        assert ">class low<" in drawing
        names = re.findall(r">([AB][a-e])<", drawing)
        assert names == [f"{c}{s}" for c in "AB" for s in "abcde"]
    assert "class low: 9, 0, 0, 1, 0; class high: 1, 0, 0, 0, 1." in made.alt


def test_an_image_in_the_wrong_half_is_framed():
    assert not re.findall(FRAME, rows().wide)
    wrong = torch.zeros(12, dtype=torch.bool)
    wrong[[2, 8, 10]] = True  # the third of subclass 0, the ninth, and that of subclass 5
    made = rows(wrong=wrong)
    for drawing, second in ((made.wide, ("459.0", "29.0")), (made.narrow, ("23.0", None))):
        frames = re.findall(FRAME, drawing)
        assert len(frames) == 2  # the ninth is not shown
        assert frames[0] == ("123.0", "29.0")
        assert frames[1][0] == second[0]
        assert second[1] in (None, frames[1][1])


def test_the_digit_stands_in_the_corner_of_its_image():
    corner = r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>(\d)<'
    assert not re.findall(corner, rows().wide)
    made = rows(digits=[*range(9), 3, 5, 7])
    for drawing, first in ((made.wide, 8), (made.narrow, 6)):
        places = re.findall(r'<image x="([\d.]+)" y="([\d.]+)"', drawing)
        found = re.findall(corner, drawing)
        assert [int(digit) for *_, digit in found] == [*range(first), 3, 5, 7]
        for (x, y, _), (left, top) in zip(found, places, strict=True):
            assert 0 < float(x) - float(left) < 10
            assert 0 < float(y) - float(top) < 15


def test_cells_of_a_map_are_framed():
    made = digit_maps(
        {"control": MAP, "diverse": MAP}, ["0", "1"], caption="Two.",
        framed={"diverse": [(1, 0)]},
    )  # fmt: skip
    for drawing in (made.wide, made.narrow):
        ((x, y),) = re.findall(FRAME, drawing)
        number = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>1<', drawing)[-1]
        assert (float(x) + 15, float(y) + 20) == pytest.approx(tuple(map(float, number)))


def test_patterns_are_as_high_as_their_logits():
    made = patterns(
        {"alike": ("r = 1", [[2, 0], [2, 0]]), "apart": ("r = -1", [[2, 0], [0, 1]])},
        ["a", "b"], caption="They differ.",
    )  # fmt: skip
    for drawing in (made.wide, made.narrow):
        bars = re.findall(r'd="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)"[^>]*stroke-width="20"',
                          drawing)  # fmt: skip
        tall = [float(low) - float(high) for low, high in bars]
        assert tall == pytest.approx([70, 1.2, 70, 1.2, 70, 1.2, 1.2, 35], abs=0.11)
        assert drawing.count(">image 2<") == 2
        numbers = re.findall(r'class="kd-small">([\d.]+)<', drawing)
        assert numbers == ["2", "0", "2", "0", "2", "0", "0", "1"]
    assert "alike: r = 1; apart: r = -1." in made.alt


def test_a_map_has_its_counts_and_says_what_is_used():
    made = digit_maps({"control": MAP, "diverse": 2 * MAP}, ["0", "1"], caption="Two.")
    for drawing in (made.wide, made.narrow):
        for number in (3, 1, 4, 6, 2, 8):
            assert f">{number}<" in drawing
        opacity = [float(x) for x in re.findall(r'stroke-opacity="([\d.]+)"', drawing)]
        # 3 of 4, 1 of 4 and 4 of 4 images of their digits, in both maps
        assert opacity == pytest.approx([0.275, 0.125, 0.35] * 2, abs=0.01)
    assert "control: 2 of 2 subclasses are used" in made.alt


def test_traces_stand_where_their_numbers_are():
    made = traces(
        {"one": ("student", [1.0, 0.5, 0.0]), "other": ("label", [0.0, 0.0, 1.0])},
        title="share", caption="They cross.", alt="Two lines.",
    )  # fmt: skip
    paths = re.findall(r'd="M([^"]*)"[^>]*stroke-width="3"', made.wide)
    points = [[tuple(map(float, p.split())) for p in path.split("L")] for path in paths]
    assert len(points) == 2
    (first, second) = points
    assert first[0][1] < first[1][1] < first[2][1]  # falls: y grows downwards
    assert first[0][1] == second[2][1]
    assert first[1][1] == pytest.approx((first[0][1] + first[2][1]) / 2, abs=0.1)
    assert "one: 1.00 at first, 0.00 at last" in made.alt


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: rows(found=FOUND[:3]), ValueError, "subclasses"),
        (lambda: rows(found=FOUND + 5), ValueError, "subclasses must lie in 0 to 9"),
        (lambda: rows(classes=("a", "b", "c")), ValueError, "classes"),
        (lambda: rows(images=IMAGES[:, 0]), ValueError, "images"),
        (lambda: rows(wrong=[0, 1]), ValueError, "wrong"),
        (lambda: rows(digits=[0, 1]), ValueError, "digits"),
        (lambda: patterns({"a": ("", [[1, 2]])}, ["b", "c"], caption=""), ValueError,
         "logits 'a'"),
        (lambda: patterns({"a": ("", [[-1, 2]] * 2)}, ["b", "c"], caption=""), ValueError,
         "logits 'a'"),
        (lambda: digit_maps({}, ["0", "1"], caption=""), ValueError, "maps"),
        (lambda: digit_maps([MAP], ["0", "1"], caption=""), TypeError, "maps"),
        (lambda: digit_maps({"a": MAP}, ["0"], caption=""), ValueError, "map 'a'"),
        (lambda: digit_maps({"a": -MAP}, ["0", "1"], caption=""), ValueError, "map 'a'"),
        (lambda: traces({"a": ("ink", [2.0])}, title="", caption="", alt=""), ValueError,
         "curve 'a'"),
    ],
)  # fmt: skip
def test_bad_values_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
