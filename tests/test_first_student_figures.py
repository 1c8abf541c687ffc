"""The figure of the chapter *Your first student* shows the votes it was given."""

import re

import pytest
import torch

from kdteach.plots.first_student import votes_on_images

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
