"""Two students' answers over the epochs, in a browser, beside what torch computes."""

import pytest
import torch
import torch.nn.functional as F
from test_live import needs_browser, shown, state

from kdteach.data import load
from kdteach.live import live_opinions

CLASSES = list("0123456789")
EPOCHS = (0, 1, 8)
WAYS = ("apart", "from each other")


@pytest.fixture(scope="module")
def given():
    valid = load("digits").valid
    torch.manual_seed(0)
    tables = {
        way: tuple(
            {e: 2 * torch.randn(1797, 10, dtype=torch.float64) for e in EPOCHS}
            for _ in "AB"
        )
        for way in WAYS
    }
    return valid.select(torch.tensor([172, 24, 88])), tables


def made(given, **changed):
    return live_opinions(*given, CLASSES, **{"pulling": WAYS[1], **changed})


@needs_browser
def test_answers_divergence_and_pull_are_torchs(page, given):
    split, tables = given
    shown(page, made(given))
    knob = page.get_by_role("slider")
    for image in range(3):
        page.get_by_role("group", name="Choose an image").get_by_role("radio").nth(
            image
        ).check()
        for number, way in enumerate(WAYS):
            page.get_by_role("group", name="A and B learn").get_by_role("radio").nth(
                number
            ).check()
            for place, epoch in enumerate(EPOCHS):
                knob.fill(str(place))
                found = state(page)
                assert (found["chosen"], found["way"], found["epoch"]) == (
                    image, way, epoch,
                )  # fmt: skip
                mine, other = (
                    one[epoch][split.index[image]].clone().requires_grad_()
                    for one in tables[way]
                )
                p, q = mine.softmax(dim=0), other.softmax(dim=0)
                gap = F.kl_div(p.log(), q, reduction="sum")
                gap.backward()
                for name, wanted in (("p", p), ("q", q), ("pull", -mine.grad)):
                    got = torch.tensor(found[name], dtype=torch.float64)
                    assert torch.allclose(got, wanted.detach(), atol=1e-6), name
                assert found["divergence"] == pytest.approx(gap.item(), abs=1e-6)
                said = page.locator(".kd-words").inner_text()
                assert f"The label is {int(split.labels[image])}. " in said
                assert f"A says {int(p.argmax())} ({100 * p.max().item():.0f} %)" in said
                seen = page.get_by_text("How B pulls A").is_visible()
                assert seen == (way == WAYS[1])
                assert ("Nothing pulls them together" in said) == (way == WAYS[0])
    assert not page.kd_errors


@needs_browser
@pytest.mark.parametrize(
    ("epochs", "opens"),
    [((0, 60), 60), ((0, 1, 8), 8), ((0, 1, 2, 4, 8, 16, 32, 60), 60)],
)
def test_it_opens_at_the_last_epoch(page, given, epochs, opens):
    split, tables = given
    ways = {way: ({e: two[0][1] for e in epochs},) * 2 for way, two in tables.items()}
    shown(page, made((split, ways)))
    assert state(page)["epoch"] == opens
    knob = page.get_by_role("slider")
    assert knob.input_value() == str(epochs.index(opens))
    assert knob.get_attribute("aria-valuetext") == str(opens)
    assert f"after {opens} epoch" in page.locator(".kd-words").inner_text()


@needs_browser
def test_by_keyboard_alone(page, given):
    shown(page, made(given))
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    assert state(page)["epoch"] == 1
    page.keyboard.press("Home")
    assert state(page)["epoch"] == 0
    page.get_by_role("radio").nth(0).focus()
    page.keyboard.press("ArrowDown")
    assert state(page)["chosen"] == 1
    page.get_by_role("radio").nth(4).focus()
    page.keyboard.press("ArrowUp")
    assert state(page)["way"] == "apart"


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, given, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, made(given), theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_without_scripts_the_last_answers_stand_there(given):
    split, tables = given
    still = made(given).still
    for way in WAYS:
        for name, student in zip("AB", tables[way], strict=True):
            p = student[EPOCHS[-1]][split.index[0]].softmax(dim=0)
            assert f"{name} {int(p.argmax())} ({100 * p.max().item():.0f} %)" in still


def changed(tables, **ways):
    return {**tables, **ways}


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda t: list(t.values()), TypeError, "by way"),
        (lambda t: {"apart": t["apart"]}, ValueError, "2 ways"),
        (lambda t: changed(t, apart=t["apart"][:1]), ValueError, "two students"),
        (lambda t: changed(t, apart=3), TypeError, "pair of students"),
        (lambda t: changed(t, apart=(1, 2)), TypeError, "by epoch"),
        (lambda t: changed(t, apart=({1: t["apart"][0][1]},) * 2), ValueError, "rising"),
        (
            lambda t: changed(t, apart=({1: t["apart"][0][1], 2: t["apart"][0][1]},) * 2),
            ValueError,
            "the same epochs",
        ),
    ],
)
def test_what_cannot_be(change, error, says, given):
    split, tables = given
    with pytest.raises(error, match=says):
        live_opinions(split, change(tables), CLASSES, pulling=WAYS[1])


def test_the_pulling_way_is_one_of_them(given):
    with pytest.raises(ValueError, match="pulling must be one of"):
        made(given, pulling="by letter")
