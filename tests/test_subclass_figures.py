"""The figures of the chapter *Subclass distillation* show what they were given."""

import re

import pytest
import torch

from kdteach.plots.subclass_distillation import digit_maps, rows_by_subclass, traces

IMAGES = torch.rand(
    12, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
)
FOUND = torch.tensor([0] * 9 + [3, 5, 9])
MAP = torch.tensor([[3, 0], [1, 4]])


def rows(images=IMAGES, found=FOUND, classes=("low", "high")):
    return rows_by_subclass(images, found, classes, caption="They are sorted.")


def test_each_image_stands_in_the_row_of_its_subclass():
    made = rows()
    # of nine images of subclass 0 eight, on a phone six; three more elsewhere
    for drawing, count, right in ((made.wide, 11, 436), (made.narrow, 9, 0)):
        places = re.findall(r'<image x="([\d.]+)" y="([\d.]+)"', drawing)
        assert len(places) == count
        rows_used = {(float(x) >= right if right else None, y) for x, y in places}
        assert len(rows_used) == 4
        assert drawing.count(">no image<") == 6
        assert ">class low<" in drawing
        names = re.findall(r">([AB][a-e])<", drawing)
        assert names == [f"{c}{s}" for c in "AB" for s in "abcde"]
    assert "class low: 9, 0, 0, 1, 0; class high: 1, 0, 0, 0, 1." in made.alt


def test_a_map_has_its_counts_and_says_what_is_used():
    made = digit_maps({"control": MAP, "diverse": 2 * MAP}, ["0", "1"], caption="Two.")
    for drawing in (made.wide, made.narrow):
        for number in (3, 1, 4, 6, 2, 8):
            assert f">{number}<" in drawing
        opacity = [float(x) for x in re.findall(r'stroke-opacity="([\d.]+)"', drawing)]
        # 3 of 4, 1 of 4 and 4 of 4 images of their digits, in both maps
        assert opacity == pytest.approx([0.36, 0.16, 0.46] * 2, abs=0.01)
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
