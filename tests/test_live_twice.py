"""The live figure of a softmax too many, in a browser, beside torch."""

import shutil

import numpy as np
import pytest
import torch

from kdteach.data import load
from kdteach.live import live_twice
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
    some = valid.select(torch.tensor([172, 24, 88]))
    figure = live_twice(some, logits, list("0123456789"), temperature=4)
    page = browser.new_page(viewport={"width": 390, "height": 900})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(
        '<!doctype html><html lang="en" data-theme="light"><title>t</title><body><main>'
        f"{figure._repr_html_()}</main></body></html>"
    )

    def check(row, t):
        state = page.evaluate("document.querySelector('.kd-live').kdState")
        v = logits[some.index[row]].double().round(decimals=6)
        right, wrong = (v / t).softmax(0), (v.softmax(0) / t).softmax(0)
        assert np.abs(np.array(state["right"]) - right.numpy()).max() < 1e-9
        assert np.abs(np.array(state["wrong"]) - wrong.numpy()).max() < 1e-9

    check(0, 4)
    page.locator(".kd-live input[type=radio]").nth(2).check(force=True)
    check(2, 4)
    page.locator(".kd-live input[type=range]").evaluate(
        "knob => { knob.value = 0.5; knob.dispatchEvent(new Event('input')); }"
    )
    check(2, 0.5)
    assert "Twice: " in page.locator(".kd-words").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not errors
    page.close()
