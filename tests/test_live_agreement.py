"""The figure of maps beside each other, in a browser, beside what SciPy computes."""

import numpy as np
import pytest
import scipy.stats
import torch
from test_live import needs_browser, shown, state

from kdteach.data import load
from kdteach.live import live_agreement

CLASSES = list("0123456789")


@pytest.fixture(scope="module")
def split():
    return load("digits").test.select(torch.tensor([3, 11, 40]))


@pytest.fixture(scope="module")
def given(split):
    random = torch.Generator().manual_seed(4)
    teacher = torch.randn(3, 2, 8, 8, generator=random, dtype=torch.float64)
    near = teacher + torch.randn(3, 2, 8, 8, generator=random, dtype=torch.float64)
    # ties, and a map that follows the ink
    tied = (2 * near).round() / 2
    tied[2, 0] = split.images[2, 0].double()
    other = (split.labels + 1) % 10
    targets = torch.stack([split.labels, other], dim=1)
    return {"teacher": teacher, "distilled": near, "labels": tied}, targets


def made(split, given, **more):
    return live_agreement(split, *given, CLASSES, **more)


def left(a, b, c):
    """Correlation of what regressions of the ranks on those of the ink leave."""
    a, b, c = (scipy.stats.rankdata(x) for x in (a, b, c))
    design = np.stack([np.ones_like(c), c], axis=1)
    a, b = (x - design @ np.linalg.lstsq(design, x, rcond=None)[0] for x in (a, b))
    if min(np.linalg.norm(a), np.linalg.norm(b)) < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_agreement_is_scipys(page, split, given, theme):
    shown(page, made(split, given, first=1), theme)
    assert state(page)["chosen"] == 1
    maps, targets = given
    radios, words = page.get_by_role("radio"), page.locator(".kd-words")
    for chosen in (0, 1, 2):
        radios.nth(chosen).check()
        ink = split.images[chosen, 0].double().numpy().round(3).ravel()
        for which in (0, 1):
            radios.nth(3 + which).check()  # three digits, then the two logits
            found = state(page)
            assert (found["chosen"], found["which"]) == (chosen, which)
            its = maps["teacher"][chosen, which].numpy().round(4).ravel()
            for k, rows in enumerate(maps.values()):
                mine = rows[chosen, which].numpy().round(4).ravel()
                wanted = scipy.stats.spearmanr(its, mine).statistic
                assert abs(found["agreement"][k] - wanted) < 1e-9
                if k:
                    assert abs(found["without"][k] - left(its, mine, ink)) < 1e-9
            assert f"the {targets[chosen, which]}'s logit" in words.inner_text()
    assert not page.kd_errors


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, split, given, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, made(split, given), theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("radio").nth(0).focus()
    page.keyboard.press("ArrowRight")  # by keyboard alone
    assert state(page)["chosen"] == 1


def test_what_stands_where_no_script_runs(split, given):
    maps, _ = given
    pair = (maps[name][0, 0].numpy().ravel() for name in ("teacher", "distilled"))
    rank = scipy.stats.spearmanr(*pair).statistic
    assert f"distilled {rank:.2f}" in made(split, given).still


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"maps": {}}, ValueError, "maps"),
        ({"maps": None}, TypeError, "maps"),
        ({"targets": torch.zeros(3, 3).long()}, ValueError, "targets"),
        ({"targets": torch.zeros(3, 2)}, TypeError, "targets"),
        ({"first": 3}, ValueError, "first"),
        ({"classes": list("01")}, ValueError, "classes"),
    ],
)
def test_what_cannot_be(split, given, change, error, says):
    maps, targets = given
    arguments = {"maps": maps, "targets": targets, "classes": CLASSES} | change
    with pytest.raises(error, match=says):
        live_agreement(split, **arguments)
