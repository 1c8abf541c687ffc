"""Maps and relations: the figures in a browser, beside what torch computes."""

import re

import pytest
import torch
from test_live import needs_browser, shown, state

from kdteach.data import load
from kdteach.live import live_maps, live_relations
from kdteach.live.bundle import _IMPORT, joined, source
from kdteach.losses import attention_loss, similarity_loss

CLASSES = list("0123456789")


@pytest.fixture(scope="module")
def split():
    return load("digits").valid.select(torch.tensor([172, 24, 88]))


@pytest.fixture(scope="module")
def maps():
    torch.manual_seed(0)
    drawn = [torch.rand(3, c, 8, 8, dtype=torch.float64) for c in (5, 2, 3)]
    return [x.mul(1000).round() / 1000 for x in drawn]


@pytest.fixture(scope="module")
def rows():
    torch.manual_seed(1)
    return [torch.randn(3, d, dtype=torch.float64) for d in (16, 4, 4)]


def of_maps(split, maps):
    teacher, one, other = maps
    return live_maps(split, teacher, {"labels": one, "taught": other}, CLASSES)


def of_rows(split, rows):
    networks = dict(zip(("teacher", "labels", "taught"), rows, strict=True))
    return live_relations(split, networks, CLASSES, first=(2, 0))


@needs_browser
def test_the_page_computes_the_attention_of_torch(page, split, maps):
    shown(page, of_maps(split, maps))
    teacher, *students = maps
    for image in range(3):
        page.get_by_role("radio").nth(image).check()
        found = state(page)
        assert found["chosen"] == image
        here = slice(image, image + 1)
        wanted = [float(attention_loss(s[here], teacher[here])) for s in students]
        assert found["losses"] == pytest.approx(wanted, abs=1e-6)
        drawn = [found["teacher"], *found["students"]]
        for attention, network in zip(drawn, maps, strict=True):
            a = network[image].square().mean(dim=0).flatten()
            assert attention == pytest.approx((a / a.norm()).tolist(), abs=1e-6)
        said = page.locator(".kd-words").inner_text()
        assert f"labels {1000 * wanted[0]:.2f}, taught {1000 * wanted[1]:.2f}" in said
    assert page.locator(".kd-shelf").nth(0).locator("canvas").count() == 5
    assert page.locator(".kd-shelf").nth(1).locator("canvas").count() == 2
    assert page.locator(".kd-shelf").nth(2).locator("canvas").count() == 3
    assert page.locator(".kd-looks canvas").count() == 4  # the digit and three networks
    assert not page.kd_errors


@needs_browser
def test_the_page_computes_the_similarities_of_torch(page, split, rows):
    shown(page, of_rows(split, rows))
    wanted = [float(similarity_loss(r, rows[0])) for r in rows]
    knobs = page.get_by_role("slider")
    for i in range(3):
        for j in range(3):
            knobs.nth(0).fill(str(i))
            knobs.nth(1).fill(str(j))
            found = state(page)
            assert found["pair"] == [i, j]
            assert found["losses"] == pytest.approx(wanted, abs=1e-4)
            for value, features in zip(found["values"], rows, strict=True):
                g = features @ features.T
                exact = float(g[i, j] / g[i].norm())
                assert value == pytest.approx(exact, abs=1e-3)  # products of four decimals
    assert not page.kd_errors


@needs_browser
def test_moving_over_a_matrix_chooses_the_pair(page, split, rows):
    shown(page, of_rows(split, rows))
    assert state(page)["pair"] == [2, 0]
    box = page.locator(".kd-matrix").nth(1).bounding_box()
    third = box["width"] / 3
    page.mouse.move(box["x"] + 2.5 * third, box["y"] + 0.5 * third)
    assert state(page)["pair"] == [0, 2]
    assert page.get_by_role("slider").nth(1).input_value() == "2"


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["maps", "relations"])
def test_they_are_accessible_and_fit_a_phone(page, split, maps, rows, kind, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    made = of_maps(split, maps) if kind == "maps" else of_rows(split, rows)
    shown(page, made, theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_without_scripts_the_losses_stand_there(split, maps, rows):
    teacher, one, other = maps
    still = of_maps(split, maps).still
    for name, student in (("labels", one), ("taught", other)):
        assert (
            f"{name} {1000 * float(attention_loss(student[:1], teacher[:1])):.2f}" in still
        )
    still = of_rows(split, rows).still
    for name, features in (("labels", rows[1]), ("taught", rows[2])):
        assert f"{name} {1000 * float(similarity_loss(features, rows[0])):.2f}" in still


@pytest.mark.parametrize("kind", ["maps", "relations"])
def test_their_modules_are_of_the_form_that_joining_understands(kind):
    text = joined(kind)
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
    assert len(names) == len(set(names))
    lines = [x for x in source(kind).splitlines() if x.startswith("import")]
    assert len(lines) == len(_IMPORT.findall(source(kind)))
