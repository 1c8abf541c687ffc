"""Two networks side by side, in a browser, beside torch."""

import shutil

import numpy as np
import pytest
import torch

from kdteach.data import load
from kdteach.live import live_beside
from kdteach.models import trained_teacher
from kdteach.training import teacher_logits

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="Chromium is not installed",
)


@needs_browser
def test_the_page_computes_as_torch_does(browser):
    valid = load("digits").valid
    logits = teacher_logits(trained_teacher(0), valid)
    some = valid.select(torch.tensor([172, 24, 88]))  # their order is kept
    networks = {"net of 16": logits, "net of 144": 3 * logits}
    figure = live_beside(some, networks, list("0123456789"), temperature=4)
    page = browser.new_page(viewport={"width": 390, "height": 900})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(
        '<!doctype html><html lang="en" data-theme="light"><title>t</title><body><main>'
        f"{figure._repr_html_()}</main></body></html>"
    )

    def check(row, t):
        state = page.evaluate("document.querySelector('.kd-live').kdState")
        for target, rest, factor in zip(
            state["targets"], state["rest"], (1, 3), strict=True
        ):
            v = (factor * logits[some.index[row]].double()).round(decimals=6)
            expected = (v / t).softmax(0)
            assert np.abs(np.array(target) - expected.numpy()).max() < 1e-6
            wrong = 100 * float(1 - expected[some.labels[row]])
            assert rest == pytest.approx(wrong, abs=1e-4)

    check(0, 4)
    page.locator(".kd-live input[type=radio]").nth(2).check(force=True)
    check(2, 4)
    page.locator(".kd-live input[type=range]").evaluate(
        "knob => { knob.value = 0.5; knob.dispatchEvent(new Event('input')); }"
    )
    check(2, 0.5)
    words = page.locator(".kd-words").inner_text()
    assert "by the net of 16" in words
    assert "by the net of 144" in words
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not errors
    page.close()
