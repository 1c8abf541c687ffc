"""The figure of LIME, in a browser, beside what Python and the package compute."""

import numpy as np
import pytest
import torch
from test_live import needs_browser, shown, state

from kdteach import explain
from kdteach.explain import blocks
from kdteach.live import live_lime, page_examples
from kdteach.live.exported import rounded
from kdteach.models import trained_reader, trained_teacher
from kdteach.types import Split

CLASSES = list("0123456789")


@pytest.fixture(scope="module")
def some():
    return page_examples().select(torch.tensor([0, 4, 12]))


@pytest.fixture(scope="module")
def reader():
    return trained_reader("teacher")


def pixels(some, number):
    rows = some.images[number].double().flatten().tolist()
    return torch.tensor([round(v, 3) for v in rows], dtype=torch.float64).view(1, 28, 28)


@pytest.mark.parametrize("cells", [4, 5])
def test_the_surrogate_is_the_packages(some, reader, cells):
    made = live_lime(some, reader, CLASSES, cells=cells, samples=300, seed=3)
    parts = torch.tensor(made.data["parts"]).view(28, 28)
    assert torch.equal(parts, torch.from_numpy(blocks(28, 28, cells)))
    for number, image in enumerate(made.data["images"]):
        theirs = explain.lime(
            rounded(reader), pixels(some, number), image["target"], hide=0.0, seed=3,
            segments=cells, samples=300,
        )  # fmt: skip
        mine = torch.tensor(image["weights"], dtype=torch.float64)[parts]
        assert float((mine - theirs.values[0]).abs().max()) < 1e-5


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_answers_are_pythons(page, some, reader, theme):
    figure = live_lime(some, reader, CLASSES, samples=200)
    shown(page, figure, theme)
    field, words = page.locator(".kd-field").first, page.locator(".kd-words")
    parts, twin = torch.from_numpy(blocks(28, 28, 4)), rounded(reader)

    def check(chosen, off, tried):
        found = state(page)
        assert (found["chosen"], found["tried"]) == (chosen, tried)
        on = torch.tensor(found["on"], dtype=torch.float64)
        assert (on == 0).nonzero()[:, 0].tolist() == sorted(off)
        p = twin((pixels(some, chosen) * on[parts])[None])[0].softmax(dim=0).detach()
        assert np.abs(np.array(found["p"]) - p.numpy()).max() < 1e-6
        image = figure.data["images"][chosen]
        wanted = image["constant"] + float(
            on @ torch.tensor(image["weights"], dtype=torch.float64)
        )
        assert abs(found["network"] - float(p[image["target"]])) < 1e-6
        assert abs(found["surrogate"] - wanted) < 1e-9
        assert page.locator(".kd-chart circle").count() == tried
        assert f"{16 - len(off)} of 16 blocks are on" in words.inner_text()

    check(0, [], 1)
    field.focus()
    field.press("ArrowDown")
    field.press("ArrowRight")
    field.press(" ")  # by keyboard alone
    check(0, [5], 2)
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp", "Enter"):
        field.press(key)  # beyond the edge nothing moves
    check(0, [3, 5], 3)
    box = field.bounding_box()
    field.click(position={"x": box["width"] * 0.1, "y": box["height"] * 0.9})
    check(0, [3, 5, 12], 4)
    page.get_by_role("button", name="All blocks off").click()
    check(0, list(range(16)), 5)
    page.get_by_role("radio").nth(2).check()
    check(2, [], 1)
    assert not page.kd_errors


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda s, m: live_lime(s, None, CLASSES), TypeError, "model"),
        (lambda s, m: live_lime(s.images, m, CLASSES), TypeError, "split"),
        (lambda s, m: live_lime(s, m, list("012")), ValueError, "classes"),
        (lambda s, m: live_lime(s, m, CLASSES, first=3), ValueError, "first"),
        (lambda s, m: live_lime(s, m, CLASSES, cells=1), ValueError, "cells"),
        (lambda s, m: live_lime(s, m, CLASSES, cells=8), ValueError, "cells"),
        (lambda s, m: live_lime(s, m, CLASSES, samples=1), ValueError, "samples"),
        (lambda s, m: live_lime(s, m, CLASSES, seed=-1), ValueError, "seed"),
        (lambda s, m: live_lime(s, m, CLASSES, seed=2**32), ValueError, "seed"),
        (lambda s, m: live_lime(s, trained_teacher(0), CLASSES), ValueError, "model"),
        (
            lambda s, m: live_lime(
                Split(s.images.repeat(5, 1, 1, 1), s.labels.repeat(5), num_classes=10),
                m,
                CLASSES,
            ),
            ValueError,
            "1 to 12 images",
        ),
    ],
)
def test_what_cannot_be(call, error, says, some, reader):
    with pytest.raises(error, match=says):
        call(some, reader)
