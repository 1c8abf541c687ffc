"""The slider over a teacher's epochs, in a browser, beside what torch computes."""

import math
import re
from itertools import pairwise

import pytest
import torch
from test_live import needs_browser, shown, state

from kdteach.data import load
from kdteach.live import live_checkpoints
from kdteach.live.bundle import _IMPORT, joined, source
from kdteach.metrics import entropy

CLASSES = list("0123456789")
EPOCHS = (1, 4, 60)
LINES = {
    "teacher": ("teacher", (61.4, 17.3, 10.7)),
    "student": ("student", [68.7, 25.0, 17.1]),
    "another": ("label", [43.8, 17.2, 11.9]),
}


@pytest.fixture(scope="module")
def given():
    valid = load("digits").valid
    torch.manual_seed(0)
    base = torch.randn(1797, 10, dtype=torch.float64)
    return valid.select(torch.tensor([172, 24, 88])), {
        epoch: base * (1 + epoch / 10) for epoch in EPOCHS
    }


@needs_browser
def test_the_page_computes_what_torch_computes(page, given):
    split, logits = given
    shown(
        page, live_checkpoints(split, logits, CLASSES, LINES, temperature=4, unit="errors")
    )
    knob = page.get_by_role("slider")
    for image in range(3):
        page.get_by_role("radio").nth(image).check()
        for place, epoch in enumerate(EPOCHS):
            knob.fill(str(place))
            found = state(page)
            wanted = (logits[epoch][split.index[image]] / 4).softmax(dim=0)
            assert found["chosen"] == image
            assert found["epoch"] == epoch
            assert torch.allclose(torch.tensor(found["p"]).double(), wanted, atol=1e-6)
            assert found["entropy"] == pytest.approx(float(entropy(wanted[None])), abs=1e-6)
            said = page.locator(".kd-words").inner_text()
            label = int(split.labels[image])
            after = f"After {epoch} epoch{'' if epoch == 1 else 's'} the label, {label},"
            assert f"{after} has {100 * wanted[label]:.0f} %" in said
            assert f"teacher {LINES['teacher'][1][place]:.1f}" in said
    assert not page.kd_errors


@needs_browser
def test_by_keyboard_alone_and_names_apart(page, given):
    shown(page, live_checkpoints(*given, CLASSES, LINES))
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert state(page)["epoch"] == 4
    page.get_by_role("radio").nth(0).focus()
    page.keyboard.press("ArrowDown")
    assert state(page)["chosen"] == 1
    assert state(page)["epoch"] == 4
    heights = page.evaluate(
        "[...document.querySelectorAll('.kd-live text')].filter((n) => "
        "['teacher', 'student', 'another'].includes(n.textContent))"
        ".map((n) => Number(n.getAttribute('y'))).sort((a, b) => a - b)"
    )
    assert len(heights) == 3
    assert all(b - a >= 14.9 for a, b in pairwise(heights))


@needs_browser
def test_epochs_stand_at_the_distances_of_their_logarithms(page, given):
    shown(page, live_checkpoints(*given, CLASSES, LINES))
    one, four, sixty = page.evaluate(
        "['1', '4', '60'].map((e) => Number([...document.querySelectorAll('.kd-live text')]"
        ".find((n) => n.textContent === e && n.getAttribute('text-anchor') === 'middle' "
        "&& n.getAttribute('y') === '167').getAttribute('x')))"
    )
    assert (four - one) / (sixty - one) == pytest.approx(math.log(4) / math.log(60))


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, given, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, live_checkpoints(*given, CLASSES, LINES), theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_without_scripts_a_sentence_stands_there(given):
    split, logits = given
    still = live_checkpoints(split, logits, CLASSES, LINES, unit="errors").still
    label = int(split.labels[0])
    for epoch in (1, 60):
        share = (logits[epoch][split.index[0]] / 4).softmax(dim=0)[label]
        assert f"{100 * share:.0f} %" in still
    assert "teacher 61.4 to 10.7" in still


def test_its_module_is_of_the_form_that_joining_understands():
    text = joined("checkpoints")
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
    assert len(names) == len(set(names))
    lines = [x for x in source("checkpoints").splitlines() if x.startswith("import")]
    assert len(lines) == len(_IMPORT.findall(source("checkpoints")))
