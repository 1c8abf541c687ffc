"""The live figure of the distillation loss, in a browser, beside autograd."""

import re
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from kdteach.data import load
from kdteach.live import live_loss
from kdteach.live.bundle import _IMPORT, joined, source
from kdteach.losses import kd_loss
from kdteach.models import build, trained_teacher
from kdteach.training import teacher_logits

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="Chromium is not installed",
)
CLASSES = list("0123456789")


@pytest.fixture(scope="module")
def given():
    valid = load("digits").valid
    student = build("fc-64", input_shape=(1, 8, 8), seed=0)
    answers = [teacher_logits(network, valid) for network in (trained_teacher(0), student)]
    return valid.select(torch.tensor([172, 24, 88])), *answers


def shown(page, figure, theme="light"):
    page.set_content(
        f'<!doctype html><html lang="en" data-theme="{theme}"><title>t</title><body><main>'
        f"{figure._repr_html_()}</main></body></html>"
    )


def tallest(page):
    return page.evaluate(
        "Math.max(...[...document.querySelectorAll('.kd-live .kd-pair > :nth-child(n + 3) "
        "rect')].map((bar) => Number(bar.getAttribute('height'))))"
    )


@needs_browser
def test_the_page_pulls_as_autograd_does(page, given):
    """Both pulls and the effective alpha, for all programs, to 1e-9."""
    split, teacher, student = given
    shown(page, live_loss(split, teacher, student, CLASSES, temperature=4, alpha=0.9))

    def check(row, t, alpha, how):
        found = page.evaluate("document.querySelector('.kd-live').kdState")
        place = split.index[row]
        z = student[place].double()[None].round(decimals=8).requires_grad_()
        log_q = (z / t).log_softmax(dim=1)
        v = teacher[place].double()[None].round(decimals=8)  # as in the page
        p = (v / t).softmax(dim=1)
        kl = functional.kl_div(log_q, p, reduction="batchmean")
        factor = [t * t, 1, t * t / 10][how]
        assert np.abs(np.array(found["p"]) - p[0].numpy()).max() < 1e-9
        q = log_q.exp()[0].detach().numpy()
        assert np.abs(np.array(found["q"]) - q).max() < 1e-9
        hard = functional.cross_entropy(z, split.labels[row][None])
        pulls = [
            -torch.autograd.grad(term, z, retain_graph=True)[0][0].numpy()
            for term in ((1 - alpha) * hard, alpha * factor * kl)
        ]
        for name, expected in zip(
            ("fromLabel", "fromTeacher", "both"), (*pulls, sum(pulls)), strict=True
        ):
            assert np.abs(np.array(found[name]) - expected).max() < 1e-9, name
        # our loss with the alpha, times the scale, that the page names
        ours = kd_loss(
            z, v, split.labels[row][None], t, found["effective"],
        )  # fmt: skip
        (slope,) = torch.autograd.grad(ours, z)
        both = torch.tensor(found["both"], dtype=torch.float64)
        assert (-found["scale"] * slope[0] - both).abs().max() < 1e-9

    check(0, 4.0, 0.9, 0)
    alpha, temperature = page.get_by_role("slider").all()
    alpha.focus()
    alpha.press("ArrowLeft")
    check(0, 4.0, 0.89, 0)
    temperature.focus()
    temperature.press("End")
    check(0, 20.0, 0.89, 0)
    tall = tallest(page)
    page.get_by_role("radio", name="without T²").check()
    check(0, 20.0, 0.89, 1)
    assert tallest(page) < tall / 5  # and not drawn as tall again
    page.get_by_role("radio", name="averaged over classes").check()
    check(0, 20.0, 0.89, 2)
    page.get_by_role("radio", name="digit 2").check()
    check(1, 20.0, 0.89, 2)
    assert "Label 6" in page.locator(".kd-words").inner_text()
    alpha.focus()
    alpha.press("Home")
    assert "α = 0.000" in page.locator(".kd-words").inner_text()
    assert not page.kd_errors


@needs_browser
def test_the_class_that_comes_second_is_seen_and_named(page, given):
    """In the bars of p and q, and in the words with the numbers of the bars."""
    split, teacher, student = given
    shown(page, live_loss(split, teacher, student, CLASSES, temperature=4, alpha=0.5))
    p = (teacher[split.index[0]].double() / 4).softmax(dim=0)
    second = int(p.argsort(descending=True)[1])
    assert split.labels[0] == p.argmax()
    answer = page.locator(".kd-pair > :first-child")
    assert "softmax(v / T)" in answer.inner_text()
    numbers = answer.locator(".kd-number").all_text_contents()
    assert numbers[second] == f"{p[second]:.2f}"
    q = (student[split.index[0]].double() / 4).softmax(dim=0)
    own = page.locator(".kd-pair > :nth-child(2)")
    assert "softmax(z / T)" in own.inner_text()
    assert own.locator(".kd-number").all_text_contents()[second] == f"{q[second]:.2f}"
    words = page.locator(".kd-words").inner_text()
    assert f"most to {second}, p = {p[second]:.3f}" in words
    assert f"student gives it q = {q[second]:.3f}, and" in words
    plain = student[split.index[0]].double().softmax(dim=0)[second]
    assert f"softmax z = {plain:.3f} at T = 1" in words
    found = page.evaluate("document.querySelector('.kd-live').kdState")
    for row, name in ((3, "fromTeacher"), (4, "fromLabel"), (5, "both")):
        bar = page.locator(f".kd-pair > :nth-child({row}) .kd-number").nth(second)
        assert (
            bar.text_content().replace("\N{MINUS SIGN}", "-")
            == f"{found[name][second]:.2f}"
        )
    for text, name in (("the label pulls", "fromLabel"), ("the teacher", "fromTeacher")):
        told = f"{found[name][second]:+.2f}".replace("-", "\N{MINUS SIGN}")
        assert f"{text} by {told}" in words


@needs_browser
@pytest.mark.parametrize("width", [390, 700, 900])
def test_charts_side_by_side_are_level_and_their_numbers_apart(page, given, width):
    page.set_viewport_size({"width": width, "height": 900})
    shown(page, live_loss(*given, CLASSES, temperature=4, alpha=0.5))
    page.get_by_role("radio", name="averaged over classes").check()  # the longest formula
    boxes = "[...document.querySelectorAll('.kd-pair > div')]"
    places = page.evaluate(
        f"{boxes}.map((box) => [box.getBoundingClientRect(), box.querySelector('svg')"
        ".getBoundingClientRect()].map((r) => [r.top, r.bottom]))"
    )
    assert len(places) == 5
    for (top, _), svg in places:
        for (other, _), its in places:
            assert top != other or svg == its
    if width > 600:
        assert places[0] == places[1]
    page.get_by_role("radio", name="times T²", exact=True).check()
    for row in page.evaluate(
        f"{boxes}.map((box) => [...box.querySelectorAll('.kd-number')].filter((n) => "
        "n.textContent).map((n) => n.getBoundingClientRect())"
        ".map((r) => [r.left, r.right]))"
    ):
        assert row
        for (_, right), (left, _) in pairwise(row):
            assert right + 2 <= left


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, given, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, live_loss(*given, CLASSES), theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_without_scripts_a_sentence_stands_there(given):
    """Its two numbers are those of autograd."""
    split, teacher, student = given
    figure = live_loss(split, teacher, student, CLASSES, temperature=4, alpha=0.9)
    z = student[split.index[:1]].double().requires_grad_()
    v = teacher[split.index[:1]].double()
    pulls = []
    for alpha, share in ((0.0, 0.1), (1.0, 0.9)):
        (slope,) = torch.autograd.grad(kd_loss(z, v, split.labels[:1], 4.0, alpha), z)
        pulls.append(-share * float(slope[0, 5]))
    assert f"of 5 by {pulls[0]:+.2f}, the teacher by {pulls[1]:+.2f}" in figure.still
    assert pulls[0] < 0 < pulls[1]


def test_its_module_is_of_the_form_that_joining_understands():
    text = joined("loss")
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
    assert len(names) == len(set(names))
    lines = [line for line in source("loss").splitlines() if line.startswith("import")]
    assert len(lines) == len(_IMPORT.findall(source("loss")))
