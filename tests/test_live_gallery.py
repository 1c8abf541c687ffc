"""The gallery of digits, in a browser, beside what Python computes."""

import math

import numpy as np
import pytest
import torch
from test_live import needs_browser, shown, state

from kdteach.data import load
from kdteach.live import live_gallery
from kdteach.live.bundle import joined
from kdteach.models import trained_teacher
from kdteach.training import teacher_logits


@pytest.fixture(scope="module")
def some():
    """Three 2s of draw 3: one that its teacher gets wrong, an unsure and a sure one."""
    valid = load("digits", draw=3).valid
    logits = teacher_logits(trained_teacher(3), valid)
    return valid.select(torch.tensor([90, 11, 126])), logits


def expected(some, row):
    """Probabilities, shares of the wrong classes and their order, by torch and NumPy."""
    split, logits = some
    p = logits[split.index[row]].double().softmax(dim=0)
    label = int(split.labels[row])
    rest = p.clone()
    rest[label] = 0
    shares = (rest / rest.sum()).numpy()
    order = [c for c in np.argsort(-shares, kind="stable").tolist() if c != label]
    return p.numpy(), shares, order


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_gallery_shows_what_torch_computes(page, some, theme):
    split, logits = some
    classes = load("digits").classes
    shown(page, live_gallery(split, logits, classes, first=1), theme)
    radios, box = page.get_by_role("radio"), page.get_by_role("checkbox")
    assert radios.count() == 3
    assert radios.nth(1).is_checked()

    def check(row, log):
        found = state(page)
        p, shares, order = expected(some, row)
        assert (found["chosen"], found["log"]) == (row, log)
        assert np.abs(np.array(found["p"]) - p).max() < 1e-9
        some_share = shares > 0
        ratio = np.array(found["rest"])[some_share] / shares[some_share]
        assert np.abs(ratio - 1).max() < 1e-6
        assert found["order"] == order
        high = np.clip(1 + np.log10(p) / 16, 0, 1) if log else p
        assert np.abs(np.array(found["heights"]) - high).max() < 1e-9
        bars = page.locator(".kd-bars").nth(1).locator("rect")
        drawn = [float(b.get_attribute("height")) for b in bars.all()]
        assert np.abs(np.array(drawn) - np.maximum(high * 150, 0.8)).max() < 1e-9
        hard = page.locator(".kd-bars").nth(0).get_attribute("aria-label")
        assert f"{int(split.labels[row])}: 1" in hard

    check(1, False)
    words = page.locator(".kd-words")
    said = "The label says 2, and nothing else. The teacher gives 0.719 to the 2 and"
    assert said in words.inner_text()
    box.focus()
    box.press("Space")  # by keyboard alone
    check(1, True)
    radios.nth(1).focus()
    radios.nth(1).press("ArrowLeft")
    check(0, True)
    assert "it reads another digit than the label" in words.inner_text()
    radios.nth(2).check()
    check(2, True)
    box.click()
    check(2, False)
    assert not page.kd_errors


@needs_browser
def test_the_switch_softens_the_answer(page, some):
    split, logits = some
    classes = load("digits").classes
    shown(page, live_gallery(split, logits, classes, first=1, temperature=4))
    boxes = page.get_by_role("checkbox")
    assert boxes.count() == 2
    titles, words = page.locator(".kd-title"), page.locator(".kd-words")

    def check(temperature):
        wanted = (logits[split.index[1]].double() / temperature).softmax(dim=0).numpy()
        found = state(page)
        assert found["temperature"] == temperature
        assert np.abs(np.array(found["p"]) - wanted).max() < 1e-9
        assert np.abs(np.array(found["heights"]) - wanted).max() < 1e-9
        assert titles.last.inner_text() == f"Soft target: the teacher, T = {temperature}"
        assert f"gives {wanted[2]:.3f} to the 2" in words.inner_text()

    check(1)
    boxes.first.focus()
    boxes.first.press("Space")  # by keyboard alone
    check(4)
    boxes.first.press("Space")
    check(1)
    assert not page.kd_errors


@needs_browser
def test_tiny_shares_are_said_as_powers_of_ten(page, some):
    split, _ = some
    logits = torch.zeros(359, 10).double()
    logits[:, 2], logits[:, 3] = 80.0, 50.0
    shown(page, live_gallery(split, logits, load("digits").classes))
    share = math.exp(-30)
    words = page.locator(".kd-words").inner_text()
    assert f"and {share * 1e14:.1f} × 10⁻¹⁴ to the 3" in words
    assert "it gets more than 10²¹ times as much as the" in words


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_gallery_is_accessible_and_fits_a_phone(page, some, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, live_gallery(*some, load("digits").classes), theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    wide = page.evaluate("document.documentElement.scrollWidth")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    page.set_viewport_size({"width": 900, "height": 900})
    assert wide <= 390
    assert found.violations_count == 0, found.generate_report()


@needs_browser
def test_without_scripts_three_images_stand_there(browser, some):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    try:
        shown_html = live_gallery(*some, load("digits").classes)._repr_html_()
        page.set_content(f"<!doctype html><title>t</title>{shown_html}")
        wide = page.locator("svg.kd-wide")
        assert wide.is_visible()
        assert wide.locator("image").count() == 3
        assert wide.get_by_text("hard target: the label").count() == 3
        assert not page.locator("svg.kd-narrow").is_visible()
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.locator("svg.kd-narrow").is_visible()
    finally:
        context.close()


def test_the_still_picture_has_the_same_bars(some):
    """Heights in the drawing are the probabilities."""
    import re

    figure = live_gallery(*some, load("digits").classes)
    p = expected(some, 0)[0]
    tall = re.findall(
        r'height="([\d.]+)" rx="1.5" fill="var\(--kd-teacher\)"', figure.still
    )
    assert len(tall) == 2 * 3 * 10  # wide and narrow
    wanted = np.maximum(62 * p, 1.2)
    assert np.abs(np.array(tall[:10], dtype=float) - wanted).max() < 0.06


def test_names_of_modules_do_not_collide():
    import re

    names = re.findall(
        r"^(?:async )?(?:function|const|let|class) (\w+)", joined("gallery"), re.M
    )
    assert len(names) == len(set(names))
    assert "import " not in re.sub(r"//.*", "", joined("gallery"))


def test_bad_input_is_named(some):
    split, logits = some
    classes = load("digits").classes
    with pytest.raises(ValueError, match="column for each of 10 classes, at least 3"):
        live_gallery(split, logits[:, :4], classes)
    with pytest.raises(ValueError, match="row i belongs to sample index i"):
        live_gallery(split, logits[:50], classes)
    with pytest.raises(ValueError, match="temperature must be"):
        live_gallery(split, logits, classes, temperature=0)
    with pytest.raises(ValueError, match="first must be"):
        live_gallery(split, logits, classes, first=3)
    with pytest.raises(TypeError, match="logits must be floating point"):
        live_gallery(split, logits.long(), classes)


@needs_browser
def test_groups_stand_above_their_images(page, some):
    split, answers = some
    groups = {"first": 1, "rest": len(split) - 1}
    classes = load("digits").classes
    shown(page, live_gallery(split, answers, classes, groups=groups))
    inside = page.locator(".kd-choices > *").all()
    tags = [(e.evaluate("e => e.tagName"), e.inner_text()) for e in inside]
    headings = [(i - 1, text) for i, (tag, text) in enumerate(tags) if tag == "P"]
    assert headings == [(0, "first"), (2, "rest")]
    with pytest.raises(ValueError, match=rf"groups must be of {len(split)} images in all"):
        live_gallery(split, answers, classes, groups={"first": 1})
