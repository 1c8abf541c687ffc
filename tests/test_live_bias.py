"""The live figure of one class's bias, in a browser, beside the library's own counts."""

import re
import shutil

import numpy as np
import pytest
import torch

from kdteach.data import load
from kdteach.live import live_bias
from kdteach.live.bundle import _IMPORT, joined, source
from kdteach.metrics import Evaluation
from kdteach.models import trained_teacher
from kdteach.seeding import generator
from kdteach.training import teacher_logits

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="Chromium is not installed",
)
CLASSES = list("0123456789")


@pytest.fixture(scope="module")
def given():
    valid = load("digits").valid
    teacher = teacher_logits(trained_teacher(0), valid).double()
    noise = torch.randn(teacher.shape, generator=generator(0, "test"), dtype=torch.float64)
    shy = teacher + noise
    shy[:, 3] -= 12
    deaf = teacher + 4 * noise
    deaf[:, 3] -= 20
    return valid, {"distilled": shy.round(decimals=5), "label-trained": deaf}


def shown(page, figure, theme="light"):
    page.set_content(
        f'<!doctype html><html lang="en" data-theme="{theme}"><title>t</title><body><main>'
        f"{figure._repr_html_()}</main></body></html>"
    )


def expected(logits, split, bias):
    """What the library counts after a bias on class 3."""
    moved = logits.clone()
    moved[:, 3] += bias
    answers = Evaluation(moved, split.labels)
    said = moved.argmax(dim=1)
    found = int(((said == 3) & (split.labels == 3)).sum())
    alarms = int(((said == 3) & (split.labels != 3)).sum())
    return {"found": found, "alarms": alarms, "errors": answers.errors}


@needs_browser
def test_the_page_counts_as_the_library_does(page, given):
    """By keyboard, over the whole slider, for both networks; its words say the counts."""
    split, logits = given
    shown(page, live_bias(split, logits, CLASSES, 3, most=20, bias=4))
    knob = page.get_by_role("slider")
    knob.focus()
    for place, name in enumerate(logits):
        page.get_by_role("radio", name=name).check()
        knob.focus()
        seen = set()
        for key, times in (("Home", 1), ("ArrowRight", 7), ("PageUp", 4), ("End", 1)):
            for _ in range(times):
                knob.press(key)
                state = page.evaluate("document.querySelector('.kd-live').kdState")
                wanted = expected(logits[name], split, state["bias"])
                assert {k: state[k] for k in wanted} == wanted, state
                assert state["chosen"] == place
                seen.add(round(state["bias"], 6))
                said = page.locator(".kd-words").inner_text()
                assert f"{wanted['found']} of 36 images" in said or "images of a 3" in said
                assert f"{wanted['errors']} are misread" in said
                lit = page.locator(".kd-lit").count()
                assert lit == wanted["found"]
        assert len(seen) > 10
        assert max(seen) == 20
    assert not page.kd_errors


@needs_browser
def test_both_curves_are_the_counts(page, given):
    """The drawn lines, read back from the picture, to a pixel of their height."""
    split, logits = given
    shown(page, live_bias(split, logits, CLASSES, 3, most=10))
    lines = page.evaluate(
        "[...document.querySelectorAll('.kd-steps')].map((svg) => "
        "[...svg.querySelectorAll('path')].map((p) => p.getAttribute('d'))"
        ".find((d) => (d.match(/L/g) || []).length > 50))"
    )
    threes = int((split.labels == 3).sum())
    counts = [
        expected(logits["distilled"], split, 0.1 * i - 1e-9 * (i > 0)) for i in range(101)
    ]
    found = np.array([float(p.split()[1]) for p in re.split("[ML]", lines[0])[1:]])
    values = np.array([one["found"] for one in counts])
    assert np.abs(124 - 110 * values / threes - found).max() < 0.06 + 110 / threes
    assert found[0] > found[-1]  # more of them are found at the right end
    assert len(found) == 101


@needs_browser
def test_the_ring_stands_where_the_fewest_are_misread(page, given):
    """Its height and place, for both networks; the words of the picture say the number."""
    split, logits = given
    shown(page, live_bias(split, logits, CLASSES, 3, most=10))
    for name in logits:
        page.get_by_role("radio", name=name).check()
        counts = [
            expected(logits[name], split, 0.1 * i - 1e-9 * (i > 0))["errors"]
            for i in range(101)
        ]
        ring = page.locator(".kd-ring")
        assert ring.count() == 1
        x, y = (float(ring.get_attribute(at)) for at in ("cx", "cy"))
        assert x == pytest.approx(34 + 276 * counts.index(min(counts)) / 100, abs=0.1)
        said = page.locator(".kd-steps").nth(1).get_attribute("aria-label")
        assert said.endswith(f"fewest {min(counts)}")
        assert 14 < y < 124


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, given, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, live_bias(*given, CLASSES, 3, bias=6), theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_without_scripts_a_picture_and_a_sentence_stand_there(given):
    """Their numbers are the library's: at the start, and where the errors are fewest."""
    split, logits = given
    still = live_bias(split, logits, CLASSES, 3, most=20).still
    threes = int((split.labels == 3).sum())
    start = expected(logits["distilled"], split, 0)
    assert f"Without a bias {start['found']} of {threes} images of a 3" in still
    assert f"and {start['errors']} of all 359 images are misread" in still
    found = re.search(r"With \+([\d.]+) it is (\d+), and (\d+) are misread", still)
    best = expected(logits["distilled"], split, float(found[1]))
    assert (best["found"], best["errors"]) == (int(found[2]), int(found[3]))
    everywhere = [expected(logits["distilled"], split, 0.1 * i) for i in range(201)]
    assert best["errors"] == min(one["errors"] for one in everywhere)
    assert "<svg" in still


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"logits": {}}, ValueError, "one or two networks"),
        ({"logits": [1, 2]}, TypeError, "logits must be a dictionary"),
        ({"number": 10}, ValueError, "number"),
        ({"bias": 13.0}, ValueError, "bias"),
        ({"most": 0}, ValueError, "most"),
    ],
)
def test_odd_arguments_are_named(given, change, error, says):
    split, logits = given
    arguments = {
        "split": split,
        "logits": logits,
        "classes": CLASSES,
        "number": 3,
        **change,
    }
    with pytest.raises(error, match=says):
        live_bias(**arguments)


def test_a_split_without_the_class_is_refused(given):
    split, logits = given
    for some in (split.labels == 3, split.labels != 3):
        with pytest.raises(ValueError, match=r"images of class 3 \(number 3\) and of"):
            live_bias(split.select(some.nonzero()[:, 0]), logits, CLASSES, 3)


def test_its_module_is_of_the_form_that_joining_understands():
    text = joined("bias")
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
    assert len(names) == len(set(names))
    lines = [line for line in source("bias").splitlines() if line.startswith("import")]
    assert len(lines) == len(_IMPORT.findall(source("bias")))
