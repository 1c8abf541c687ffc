"""The live figures that show real images check them in one place, with the same words."""

import math

import pytest
import torch

from kdteach.live import live_gallery, live_loss, live_temperature
from kdteach.types import Split

CLASSES = ["a", "b", "c"]
LOGITS = torch.tensor([[3.0, 1.0, 2.0], [0.0, 1.0, 5.0], [1.0, 4.0, 0.0]])


def split(images=None, labels=(2, 0), index=(2, 0)):
    images = torch.linspace(0, 1, 2 * 4 * 5).view(2, 1, 4, 5) if images is None else images
    return Split(images, torch.tensor(labels), torch.tensor(index))


FIGURES = {
    "temperature": (lambda s, z, c: live_temperature(s, z, c), "logits", ["logits"]),
    "gallery": (lambda s, z, c: live_gallery(s, z, c), "logits", ["logits"]),
    "teacher of the loss": (
        lambda s, z, c: live_loss(s, z, LOGITS, c),
        "teacher_logits",
        ["teacher", "student"],
    ),
    "student of the loss": (
        lambda s, z, c: live_loss(s, LOGITS.repeat(2, 1), z, c),
        "student_logits",
        ["teacher", "student"],
    ),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_each_image_keeps_its_own_row(figure):
    """Rows are found by sample index, not by position."""
    make, _, keys = FIGURES[figure]
    some = split()
    images = make(some, LOGITS, CLASSES).data["images"]
    assert [image["label"] for image in images] == [2, 0]
    for image, row, number in zip(images, some.images, (2, 0), strict=True):
        assert (image["height"], image["width"]) == (4, 5)
        assert image["pixels"] == pytest.approx(row.flatten().tolist(), abs=5.1e-4)
        for key in keys:
            assert image[key] == LOGITS[number].tolist()


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"split": split(torch.zeros(2, 3, 4, 4))}, ValueError, "split must hold 1 to 40"),
        ({"split": split(torch.full((2, 1, 4, 4), 1.5))}, ValueError, r"lie in \[0, 1\]"),
        ({"split": split(torch.full((2, 1, 4, 4), -0.1))}, ValueError, r"lie in \[0, 1\]"),
        ({"split": split(torch.full((2, 1, 4, 4), math.nan))}, ValueError, "in .0, 1."),
        ({"split": split(labels=(0, 3))}, ValueError, "labels of split must be numbers of"),
        ({"split": split(labels=(-1, 0))}, ValueError, "got -1 to 0"),
        (
            {"split": split(labels=(0.0, 1.0))},
            TypeError,
            "labels of split must be int",
        ),
        ({"split": split(index=(0, 3))}, ValueError, "{name} must have a row for each"),
        ({"logits": LOGITS[:, :2]}, ValueError, "{name} must have a column for each of 3"),
        ({"logits": LOGITS.long()}, TypeError, "{name} must be floating point"),
        ({"logits": LOGITS + 1j}, TypeError, "{name} must be floating point"),
        ({"logits": LOGITS * math.nan}, ValueError, "{name} must be finite"),
        ({"logits": None}, TypeError, "{name} must be a torch.Tensor"),
        ({"classes": "abc"}, TypeError, "classes"),
    ],
)
@pytest.mark.parametrize("figure", FIGURES)
def test_all_refuse_the_same_in_the_same_words(figure, given, error, says):
    make, name, _ = FIGURES[figure]
    with pytest.raises(error, match=says.replace("{name}", f"^{name}")):
        make(
            given.get("split", split()),
            given.get("logits", LOGITS),
            given.get("classes", CLASSES),
        )


@pytest.mark.parametrize("figure", FIGURES)
def test_rows_of_other_images_may_be_anything(figure):
    """Tables of a selection hold NaN elsewhere."""
    make, _, keys = FIGURES[figure]
    table = LOGITS.clone()
    table[1] = math.nan
    images = make(split(), table, CLASSES).data["images"]
    assert all(math.isfinite(z) for image in images for key in keys for z in image[key])


def test_what_was_given_stays_as_it_was():
    some, logits = split(), LOGITS.clone().requires_grad_()
    live_loss(some, logits, LOGITS, CLASSES)
    assert torch.equal(some.images, split().images)
    assert torch.equal(logits, LOGITS)
    assert logits.grad is None
