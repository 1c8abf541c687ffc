"""The figure of the chapter *Your first student* shows the votes it was given."""

import re

import pytest
import torch

import kdteach as kd
from kdteach.plots.first_student import (
    differences,
    here_and_new,
    read_by_one,
    votes_on_images,
)
from kdteach.stats import Interval

IMAGES = torch.rand(2, 1, 8, 8, dtype=torch.float64, generator=torch.Generator())
LABELS = torch.tensor([[0, 3, 7], [10, 0, 0]])
TAUGHT = torch.tensor([[0, 10, 0], [4, 6, 0]])
GOOD = {"labels alone": ("baseline", LABELS), "distilled": ("student", TAUGHT)}


def figure(votes=GOOD, images=IMAGES, titles=("a 1", "a 0")):
    return votes_on_images(images, votes, titles, alt="Votes.", caption="They differ.")


def test_the_largest_share_is_written_and_said():
    made = figure()
    for drawing in (made.wide, made.narrow):
        assert sorted(re.findall(r">(\d\.\d\d)<", drawing)) == [
            "0.60", "0.70", "1.00", "1.00",
        ]  # fmt: skip
        assert drawing.count("<image") == 2
        for words in ("a 1", "a 0", "labels alone", "distilled"):
            assert f">{words}<" in drawing
        assert "--kd-baseline" in drawing
        assert "--kd-student" in drawing
    assert made.alt == (
        "Votes. a 1: labels alone 2, 70%, distilled 1, 100%; "
        "a 0: labels alone 0, 100%, distilled 1, 60%."
    )
    assert made.caption == "They differ."


def test_the_runner_up_is_named_where_there_is_one():
    votes = {
        "label": ("label", torch.tensor([[0, 1, 0], [1, 0, 0]])),
        "even": ("baseline", torch.tensor([[1, 8, 1], [8, 1, 1]])),
        "teacher": ("teacher", torch.tensor([[1, 6, 3], [2, 3, 5]])),
    }
    made = votes_on_images(
        IMAGES, votes, ("a 1", "a 0"), alt="Votes.", caption="x", runner_up=True
    )
    for drawing in (made.wide, made.narrow):
        assert sorted(re.findall(r">(\d\.\d\d)<", drawing)) == [
            "0.30", "0.30", "0.50", "0.60", "0.80", "0.80", "1.00", "1.00",
        ]  # fmt: skip
    assert (
        "label 1, 100%, even 1, 80% (all others 10% each), teacher 1, 60%, then 2, 30%;"
        in (made.alt)
    )
    assert made.alt.endswith("teacher 2, 50%, then 1, 30%.")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([0.1, 0.8, 0.1], ["0.10 each"]),
        ([1, 1, 8], ["0.10 each"]),
        ([0.3, 0.6, 0.1], []),  # they differ
        ([0, 1, 0], []),  # a hard label: nothing to read
    ],
)
def test_one_share_of_all_others_is_written_once(row, words):
    votes = {"smoothed": ("baseline", torch.tensor([row, [4, 6, 0]], dtype=torch.float64))}
    made = figure(votes)
    for drawing in (made.wide, made.narrow):
        assert re.findall(r">(\d\.\d\d each)<", drawing) == words
    assert ("(all others 10% each)" in made.alt) == bool(words)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"votes": {}}, ValueError, "votes is empty"),
        ({"votes": [LABELS]}, TypeError, "votes must be a dictionary"),
        ({"votes": {"a": LABELS}}, TypeError, r"votes of 'a' must be \(colour, votes\)"),
        ({"votes": {"a": ("red", LABELS)}}, ValueError, "colour of 'a'"),
        ({"votes": {"a": ("label", LABELS[:1])}}, ValueError, "votes of 'a' must be 2"),
        ({"votes": {"a": ("label", 0 * LABELS)}}, ValueError, "some for each image"),
        ({"votes": {"a": ("label", -LABELS)}}, ValueError, "must be counts"),
        ({"titles": ("one",)}, ValueError, "titles"),
        ({"images": IMAGES[:, 0]}, ValueError, "images must have 4 dimensions"),
        ({"images": 2 + IMAGES}, ValueError, r"images must be \(n, 1, H, W\) in"),
    ],
)
def test_bad_votes_are_named(change, error, says):
    with pytest.raises(error, match=says):
        figure(**change)


def gap(low, mean, high):
    return Interval(mean, low, high, 0.95, 10)


INTERVALS = {"labels alone": gap(-6.0, -3.0, -1.0), "smoothed": gap(-2.0, 2.0, 6.0)}


def intervals(given=INTERVALS, step=2.0, **more):
    axis = "Mistakes of distilled"
    return differences(given, step=step, axis=axis, caption="One.", **more)


def test_intervals_stand_where_their_numbers_are():
    made = intervals()
    for drawing, left, right in ((made.wide, 230, 800), (made.narrow, 22, 328)):
        for words in ("labels alone", "smoothed", "fewer", "more", "\N{MINUS SIGN}6", "+6"):
            assert f">{words}<" in drawing

        def at(value, left=left, right=right):
            return left + (right - left) * (value + 6) / 12

        bars = re.findall(r'd="M([\d.]+) [\d.]+L([\d.]+) [^>]*stroke-width="3"', drawing)
        expected = [at(v) for low_high in ((-6, -1), (-2, 6)) for v in low_high]
        assert [float(x) for bar in bars for x in bar] == pytest.approx(expected, abs=0.06)
        rings = re.findall(
            r'cx="([\d.]+)"[^>]*fill="none" stroke="var\(--kd-(\w+)', drawing
        )
        assert [colour for _, colour in rings] == ["student", "soft"]
        assert [float(x) for x, _ in rings] == pytest.approx([at(-3), at(2)], abs=0.06)
    assert made.alt == (
        "Mistakes of distilled, mean and interval. labels alone: -3.0, -6.0 to -1.0; "
        "smoothed: +2.0, -2.0 to +6.0."
    )


def test_a_baseline_is_blue_wherever_its_interval_lies():
    ring = re.compile(r'cx="[\d.]+"[^>]*fill="none" stroke="var\(--kd-(\w+)')
    made = intervals(baselines=("labels alone", "smoothed"))
    for drawing in (made.wide, made.narrow):
        assert ring.findall(drawing) == ["baseline", "baseline"]
    other = intervals(baselines=("smoothed",))
    assert ring.findall(other.wide) == ["student", "baseline"]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"baselines": ("labels",)}, ValueError, "a baseline"),
        ({"given": {}}, ValueError, "intervals is empty"),
        ({"given": {"a": (1, 2, 3)}}, TypeError, "intervals of 'a' must be an Interval"),
        ({"step": 0.0}, ValueError, "step must be above 0"),
    ],
)
def test_bad_intervals_are_named(change, error, says):
    with pytest.raises(error, match=says):
        intervals(**change)


def test_long_names_have_room():
    name = "subclasses minus classes, diverse"
    made = intervals({name: gap(-6.0, -3.0, -1.0)})
    (left,) = re.findall(rf'<text x="([\d.]+)"[^>]*>{name}<', made.wide)
    assert float(left) > 7.5 * len(name)  # it ends there, and begins right of 0


ROWS = {
    "only distilled": ("student", IMAGES, [9, 8], [3, 1]),
    "only labels": ("baseline", IMAGES[:1], [6], torch.tensor([1])),
}


def test_images_that_one_student_reads_say_what_the_other_says():
    made = read_by_one(ROWS, caption="Two to one.")
    for drawing in (made.wide, made.narrow):
        assert drawing.count("<image") == 3
        for words in ("only distilled", "only labels", "a 9, not 3", "an 8, not 1"):
            assert f">{words}<" in drawing
    assert made.alt == (
        "Images that only one of two students reads correctly. only distilled: a 9, not 3; "
        "an 8, not 1. only labels: a 6, not 1."
    )
    assert made.caption == "Two to one."


def test_many_images_go_on_in_another_line():
    many = torch.rand(8, 1, 8, 8, dtype=torch.float64, generator=torch.Generator())
    made = read_by_one({"all": ("student", many, [1] * 8, [2] * 8)}, caption="x")
    for drawing, lines in ((made.wide, 2), (made.narrow, 3)):
        height = re.search(r'viewBox="0 0 \d+ (\d+)', drawing)[1]
        assert int(height) == 34 + 132 * lines


@pytest.mark.parametrize(
    ("row", "error", "says"),
    [
        (IMAGES, TypeError, r"row 'a' must be \(colour, images, labels, answers\)"),
        (("red", IMAGES, [1, 2], [3, 4]), ValueError, "colour of 'a'"),
        (("label", IMAGES[:0], [], []), ValueError, "images of 'a'"),
        (("label", 2 + IMAGES, [1, 2], [3, 4]), ValueError, r"images of 'a' must be some"),
        (("label", IMAGES, [1], [3, 4]), ValueError, "labels of 'a'"),
        (("label", IMAGES, [1, 2], [3]), ValueError, "answers of 'a'"),
        (("label", IMAGES, [1, 2], [3, 2]), ValueError, "must differ from the labels"),
    ],
)
def test_bad_rows_are_named(row, error, says):
    with pytest.raises(error, match=says):
        read_by_one({"a": row}, caption="x")


def gap(*differences, test_share=0.25):
    return kd.compare(differences, [0.0] * len(differences), test_share=test_share)


def test_two_intervals_of_a_difference_are_drawn_and_said():
    rows = {"labels": gap(-4.0, -3.0, -2.0), "shifts": gap(-4.0, 1.0, 2.0)}
    made = here_and_new(rows, step=5, axis="mistakes of the arm", caption="Both.")
    for name, here in rows.items():
        new = here.for_new_images
        assert f"{name}: {here.mean:+.1f}, {here.low:+.1f} to {here.high:+.1f}" in made.alt
        assert f"for new images {new.low:+.1f} to {new.high:+.1f}" in made.alt
        assert (new.low < here.low) == (new.high > here.high)
    for drawing in (made.wide, made.narrow):
        assert "--kd-student" in drawing  # labels: the interval leaves 0 out
        assert "--kd-soft" in drawing
        for words in ("labels", "shifts", "fewer", "more", "0"):
            assert f">{words}<" in drawing


def test_each_of_two_intervals_has_its_own_colour():
    sides = ("the first wins", "the second wins")
    made = here_and_new(
        {"labels": gap(-4.0, -3.0, -2.0)}, step=5, axis="x", caption="x", sides=sides,
        baselines=["labels"],
    )  # fmt: skip
    for drawing in (made.wide, made.narrow):
        assert "--kd-baseline" in drawing  # here: the interval leaves 0 out
        assert "--kd-student" not in drawing
        thin = [line for line in re.findall(r"<path[^>]*>", drawing) if '"1.2"' in line]
        assert len(thin) == 3
        assert all("soft" in line for line in thin)  # new images: it covers 0
        for words in sides:
            assert f">{words}<" in drawing
    with pytest.raises(ValueError, match="baseline"):
        here_and_new({"a": gap(1.0, 2.0)}, step=1, axis="x", caption="x", baselines=["b"])


@pytest.mark.parametrize(
    ("rows", "step", "error", "says"),
    [
        ({}, 1, ValueError, "empty"),
        ({"a": (1, 2)}, 1, TypeError, "must be a Comparison"),
        ({"a": gap(1.0, 2.0, test_share=None)}, 1, ValueError, "no test_share"),
        ({"a": gap(1.0, 2.0)}, 0, ValueError, "step"),
    ],
)
def test_two_intervals_ask_for_comparisons(rows, step, error, says):
    with pytest.raises(error, match=says):
        here_and_new(rows, step=step, axis="x", caption="x")
