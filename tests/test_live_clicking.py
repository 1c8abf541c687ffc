"""The figure of saliency, in a browser, beside what Python computes."""

import numpy as np
import pytest
import torch
from test_live import needs_browser, shown, state
from torch import nn

from kdteach.live import live_saliency, page_examples
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


def expected(reader, some, found):
    """The promise by autograd, the change by the network itself."""
    twin = rounded(reader)
    pixels = torch.tensor(
        [round(float(v), 3) for v in some.images[found["chosen"]].double().flatten()],
        dtype=torch.float64,
    ).view(1, 1, 28, 28)
    x = pixels.clone().requires_grad_()
    logits = twin(x)
    answer, second = logits[0].argsort(descending=True)[:2].tolist()

    def score(z):
        return (z[second] - z[answer], z[answer], z[second])[found["which"]]

    (slope,) = torch.autograd.grad(score(logits[0]), x)
    half = (found["side"] - 1) // 2
    rows = slice(max(found["row"] - half, 0), found["row"] + half + 1)
    columns = slice(max(found["column"] - half, 0), found["column"] + half + 1)
    changed = pixels.clone()
    changed[0, 0, rows, columns] = float(found["ink"])
    after = twin(changed)[0].detach()
    promised = float((slope * (changed - pixels)).sum())
    return promised, float(score(after) - score(logits[0].detach())), after


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_promise_and_truth_are_pythons(page, some, reader, theme):
    shown(page, live_saliency(some, reader, CLASSES, first=1), theme)
    field, words = page.locator(".kd-field").first, page.locator(".kd-words")

    def check(**wanted):
        found = state(page)
        assert {name: found[name] for name in wanted} == wanted
        promised, real, after = expected(reader, some, found)
        # slopes are sent with three decimals, of at most 81 pixels
        assert abs(found["promised"] - promised) < 0.001 * found["side"] ** 2
        assert abs(found["real"] - real) < 1e-6
        assert np.abs(np.array(found["after"]) - after.numpy()).max() < 1e-6
        assert np.abs(np.array(found["p"]) - after.softmax(0).numpy()).max() < 1e-6
        assert f"changes by {'−' if real < 0 else '+'}{abs(real):.2f}" in words.inner_text()

    check(chosen=1, which=0, ink=0, side=3, row=14, column=14)
    field.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft"):  # by keyboard alone
        field.press(key)
    check(row=12, column=13)
    box = field.bounding_box()
    field.click(position={"x": box["width"] * 10.5 / 28, "y": box["height"] * 5.5 / 28})
    check(row=5, column=10)
    page.get_by_role("radio", name="adds ink").check()
    check(ink=1)
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    check(side=5)
    radios = page.get_by_role("radio")
    radios.nth(4).check()  # three digits, the difference, then the two logits
    check(which=1)
    radios.nth(5).check()
    check(which=2)
    radios.nth(0).check()
    check(chosen=0, which=0)
    field.focus()
    for _ in range(30):
        field.press("ArrowDown")
    check(row=27)
    assert not page.kd_errors


def test_what_stands_where_no_script_runs(some, reader):
    made = live_saliency(some, reader, CLASSES)
    assert "reads the first digit as 4, then 9" in made.still
    assert len(made._repr_html_()) < 300_000


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda s, m: live_saliency(s, None, CLASSES), TypeError, "model"),
        (lambda s, m: live_saliency(s.images, m, CLASSES), TypeError, "split"),
        (lambda s, m: live_saliency(s, m, list("012")), ValueError, "classes"),
        (lambda s, m: live_saliency(s, m, CLASSES, first=3), ValueError, "first"),
        (lambda s, m: live_saliency(s, trained_teacher(0), CLASSES), ValueError, "model"),
        (
            lambda s, m: live_saliency(s, nn.Sequential(nn.Flatten(), nn.Tanh()), CLASSES),
            ValueError,
            "the page knows",
        ),
        (
            lambda s, m: live_saliency(
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
