"""The figure of RISE, in a browser, beside what Python computes."""

import numpy as np
import pytest
import torch
from test_live import needs_browser, shown, state

from kdteach import explain
from kdteach.explain.masking import coarse_masks, enlarged
from kdteach.live import live_rise, page_examples
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


def picture(some, number):
    rows = some.images[number].double().flatten().tolist()
    kept = [round(v, 3) for v in rows]
    return torch.tensor(kept, dtype=torch.float64).view(1, 1, 28, 28)


def exact(count, cells, seed):
    """The masks in double precision."""
    grid, shifts = coarse_masks(count, 28, 28, cells, 0.5, seed)
    return enlarged(grid.double(), shifts, 28, 28)


@pytest.mark.parametrize("cells", [1, 5, 7])
def test_the_masks_are_those_of_rise(some, reader, cells):
    data = live_rise(some, reader, CLASSES, cells=cells, masks=20, seed=3).data
    rows, columns = (torch.tensor(data[name]) for name in ("rows", "columns"))
    theirs = explain.rise_masks(20, 28, 28, cells=cells, seed=3)
    for (bits, top, left), wanted in zip(data["masks"], theirs, strict=True):
        grid = torch.tensor([float(b) for b in bits]).view(cells, cells)
        mine = rows[top : top + 28] @ grid @ columns[left : left + 28].T
        assert float((mine - wanted).abs().max()) < 1e-6


@needs_browser
@pytest.mark.filterwarnings("ignore::kdteach.explain.UninformativeMap")  # of two masks
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_is_pythons(page, some, reader, theme):
    shown(page, live_rise(some, reader, CLASSES, masks=120, seed=1), theme)
    masks, twin = exact(120, 7, 1), rounded(reader)
    words = page.locator(".kd-words")

    def press(name, count):
        page.get_by_role("button", name=name).click()
        page.wait_for_function(
            "count => document.querySelector('.kd-live').kdState.count === count",
            arg=count,
        )

    def check(chosen, count):
        found = state(page)
        assert (found["chosen"], found["count"], found["busy"]) == (chosen, count, False)
        image = picture(some, chosen)
        if not count:
            assert not np.any(found["values"])
            return
        asked = masks[:count]
        target = int(twin(image).argmax())
        with torch.no_grad():
            p = twin(image * asked[:, None]).softmax(dim=1)[:, target]
        wanted = ((p - p.mean())[:, None, None] * asked).mean(dim=0) / 0.5
        assert np.abs(np.array(found["values"]) - wanted.flatten().numpy()).max() < 1e-6
        assert abs(found["last"] - float(p[-1])) < 1e-6
        assert abs(found["mean"] - float(p.mean())) < 1e-6
        if count > 1:
            its = explain.rise(twin, image, target, masks=asked, keep=0.5, centred=True)
            assert float((its.values[0] - wanted).abs().max()) < 1e-9
        assert page.locator(".kd-tile").count() == min(count, 6)

    check(0, 0)
    assert "No mask yet" in words.inner_text()
    press("One mask", 1)
    check(0, 1)
    assert "the map is empty" in words.inner_text()
    page.get_by_role("button", name="One mask").focus()
    page.keyboard.press("Enter")  # by keyboard alone
    check(0, 2)
    press("10 more", 12)
    check(0, 12)
    press("100 more", 112)
    check(0, 112)
    assert words.inner_text().startswith("112 masks")
    assert page.get_by_role("button", name="10 more").is_disabled()  # 120 are all
    page.get_by_role("radio").nth(2).check()
    check(2, 0)
    press("10 more", 10)
    check(2, 10)
    page.get_by_role("button", name="Start again").click()
    check(2, 0)
    assert not page.kd_errors


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda s, m: live_rise(s, None, CLASSES), TypeError, "model"),
        (lambda s, m: live_rise(s.images, m, CLASSES), TypeError, "split"),
        (lambda s, m: live_rise(s, m, list("012")), ValueError, "classes"),
        (lambda s, m: live_rise(s, m, CLASSES, first=3), ValueError, "first"),
        (lambda s, m: live_rise(s, m, CLASSES, cells=0), ValueError, "cells"),
        (lambda s, m: live_rise(s, m, CLASSES, cells=15), ValueError, "cells"),
        (lambda s, m: live_rise(s, m, CLASSES, masks=0), ValueError, "masks"),
        (lambda s, m: live_rise(s, m, CLASSES, masks=5001), ValueError, "masks"),
        (lambda s, m: live_rise(s, m, CLASSES, masks=2.5), TypeError, "masks"),
        (lambda s, m: live_rise(s, m, CLASSES, seed=-1), ValueError, "seed"),
        (lambda s, m: live_rise(s, trained_teacher(0), CLASSES), ValueError, "model"),
        (
            lambda s, m: live_rise(
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
