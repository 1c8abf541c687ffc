"""The slider between two starts, in a browser, beside what Python computes."""

import re

import pytest
from test_live import needs_browser, shown, state

from kdteach.live import live_shares
from kdteach.live.bundle import _IMPORT, joined, source

SHARES = (0.0, 0.5, 1.0)
KINDS = {
    "three outputs": [[10.0, 12.0], [11.0, 20.5], [30.0, 41.0]],
    "ten outputs": [[9.0, 12.5], [18.0, 21.0], [50.0, 61.0]],
}


@needs_browser
def test_the_page_says_what_python_computes(page):
    shown(page, live_shares(SHARES, KINDS, teacher=95.0))
    knob = page.get_by_role("slider")
    for kind, rows in enumerate(KINDS.values()):
        page.get_by_role("radio").nth(kind).check()
        for place, row in enumerate(rows):
            knob.fill(str(place))
            found = state(page)
            assert found["kind"] == kind
            assert found["share"] == SHARES[place]
            assert found["mean"] == pytest.approx(sum(row) / 2, abs=1e-9)
            assert page.locator("svg circle[r='4.5']").count() == 2
            said = page.locator(".kd-words").inner_text()
            assert f"{100 * SHARES[place]:.0f} % of the" in said
    assert not page.kd_errors


@needs_browser
def test_by_keyboard_alone_and_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, live_shares(SHARES, KINDS, teacher=95.0), theme="dark")
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    assert state(page)["share"] == 0.5
    page.get_by_role("radio").nth(0).focus()
    page.keyboard.press("ArrowDown")
    assert state(page)["kind"] == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 900, "height": 900})


def test_without_scripts_and_hostile_names():
    figure = live_shares(SHARES, {"</script><b>": KINDS["ten outputs"]}, teacher=95)
    assert "56 % with the teacher" in figure.still
    assert "</script><b>" not in figure._repr_html_()
    assert re.match(r"Live figure: Accuracy of students", repr(figure))


def test_the_module_can_be_joined():
    names = re.findall(r"^(?:export )?(?:function|const) (\w+)", joined("shares"), re.M)
    assert len(names) == len(set(names))
    imports = re.findall(r"^import.*$", source("shares"), re.M)
    assert all(_IMPORT.fullmatch(line + "\n") for line in imports)


@pytest.mark.parametrize(
    ("shares", "kinds", "options", "error", "says"),
    [
        ((0.0,), {"a": [[1]]}, {}, ValueError, "two or more"),
        ((1.0, 0.0), {"a": [[1], [2]]}, {}, ValueError, "rising"),
        (SHARES, [1], {}, TypeError, "dictionary"),
        (SHARES, {}, {}, ValueError, "one to 4"),
        (SHARES, {"a": [[1], [2]]}, {}, ValueError, "a row for each of 3"),
        (SHARES, {"a": [[1], [2], [101]]}, {}, ValueError, "per cent"),
        (SHARES, KINDS, {"teacher": 101}, ValueError, "teacher"),
    ],
)
def test_what_is_no_figure(shares, kinds, options, error, says):
    with pytest.raises(error, match=says):
        live_shares(shares, kinds, **{"teacher": 95.0, **options})
