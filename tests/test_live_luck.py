"""The experiment that is run again and again, in a browser, beside SciPy and kd.compare."""

import re
import warnings

import numpy as np
import pytest
import scipy.stats
from test_live import needs_browser, shown, state

from kdteach.comparisons import compare
from kdteach.live import live_luck
from kdteach.live.bundle import _IMPORT, joined, source
from kdteach.runs import Runs

NAMES = ("labels alone", "with a teacher")


def figure(total=60, **options):
    random = np.random.default_rng(1)
    common = random.normal(0, 2, total)
    one = np.round(43 + common + random.normal(0, 1.5, total))
    other = np.round(41 + common + random.normal(0, 1.5, total))
    return live_luck(dict(zip(NAMES, (one, other), strict=True)), **options), one, other


def press(page, name, times=1):
    for _ in range(times):
        page.get_by_role("button", name=name).click()


def check(found, runs, design, n):
    """The newest experiment as SciPy and kd.compare compute it, to 1e-9."""
    latest, (first, second) = found["latest"], runs
    assert found["design"] == design
    assert found["n"] == n == len(latest["one"]) == len(latest["other"])
    a = np.array(first)[latest["one"]]
    b = np.array(first if design == 2 else second)[latest["other"]]
    assert latest["values"] == [a.tolist(), b.tolist()]
    assert latest["mean"] == pytest.approx((b - a).mean(), abs=1e-9)
    if design == 1:
        assert latest["one"] == latest["other"]
    else:  # nobody is compared with himself
        assert len({*latest["one"], *latest["other"]}) == 2 * n
    if n == 1:
        assert latest["low"] is None
        return
    with warnings.catch_warnings():  # three runs may happen to be the same
        warnings.simplefilter("ignore", RuntimeWarning)
        if design == 1:
            wanted = compare(b, a)
        else:
            wanted = scipy.stats.ttest_ind(b, a).confidence_interval(0.95)
    if np.isfinite(wanted.low):
        assert latest["low"] == pytest.approx(wanted.low, abs=1e-9)
        assert latest["high"] == pytest.approx(wanted.high, abs=1e-9)


@needs_browser
@pytest.mark.parametrize("design", [0, 1, 2])
@pytest.mark.parametrize(("place", "n"), [(0, 1), (1, 3), (2, 10)])
def test_the_page_computes_what_python_computes(page, design, place, n):
    made, *runs = figure()
    shown(page, made)
    radios = page.get_by_role("radio")
    assert radios.count() == 6
    radios.nth(design).check()
    radios.nth(3 + place).check()
    found = state(page)
    check(found, runs, design, n)
    start = [*found["latest"]["one"], *found["latest"]["other"]]
    assert sorted(set(start)) == list(range(n if design == 1 else 2 * n))
    means = [found["latest"]["mean"]]
    intervals = [(found["latest"]["low"], found["latest"]["high"])]
    for _ in range(12):
        press(page, "Run it again")
        found = state(page)
        check(found, runs, design, n)
        means.append(found["latest"]["mean"])
        intervals.append((found["latest"]["low"], found["latest"]["high"]))
    assert len(set(means)) > 2
    assert found["tally"] == {
        "experiments": 13,
        "fewer": sum(mean < 0 for mean in means),
        "more": sum(mean > 0 for mean in means),
        "without": sum(n > 1 and (low > 0 or high < 0) for low, high in intervals),
    }
    assert sum(found["bins"]) == 13
    assert not page.kd_errors


@needs_browser
def test_draws_are_without_preference(page):
    """Every seed comes, and every one about as often."""
    made, *_ = figure(20)
    shown(page, made)
    many = page.evaluate(
        f"(() => {{ {joined('luck')}\nreturn Array.from({{ length: 4000 }}, () => "
        "drawnBlind(20, 3)); })()"
    )
    assert all(len(set(three)) == 3 for three in many)
    counts = np.bincount(np.ravel(many), minlength=20)
    assert scipy.stats.chisquare(counts).pvalue > 1e-6
    assert len(counts) == 20


@needs_browser
def test_by_keyboard_alone(page):
    shown(page, figure()[0])
    page.get_by_role("radio").nth(2).check()
    words = page.locator(".kd-words").inner_text()
    assert re.search(r": B \(seed \d+\) \d+ errors, A \(seed \d+\) \d+: ", words)
    page.get_by_role("radio").nth(2).focus()
    page.keyboard.press("ArrowUp")
    assert state(page)["design"] == 1
    page.keyboard.press("ArrowUp")
    assert state(page)["design"] == 0
    page.get_by_role("button", name="20 times").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert state(page)["tally"]["experiments"] == 41
    said = page.locator(".kd-note").inner_text()
    tally = state(page)["tally"]
    assert (
        f"41 experiments so far: with a teacher had fewer errors in {tally['fewer']}"
        in said
    )
    page.get_by_role("button", name="Start over").focus()
    page.keyboard.press("Enter")
    assert state(page)["tally"]["experiments"] == 1
    assert "1 experiment so far" in page.locator(".kd-note").inner_text()
    newest = page.locator(".kd-words").inner_text()
    assert "with a teacher (seed 1)" in newest
    assert "labels alone (seed 0)" in newest


@needs_browser
def test_an_interval_without_zero_is_thick(page):
    made, one, other = figure()
    shown(page, made)
    page.get_by_role("radio").nth(1).check()
    page.get_by_role("radio", name="10 seeds").check()
    press(page, "20 times")
    thick = page.locator("svg.kd-luck path[stroke-width='4']").count()
    thin = page.locator("svg.kd-luck path[stroke='var(--kd-student)'][stroke-width='1.6']")
    dashed = page.locator("svg.kd-luck path[stroke-dasharray]").count()
    assert dashed == 1  # the mean of all runs
    assert thick + thin.count() - dashed == 10
    assert thick >= 5
    assert state(page)["truth"] == pytest.approx((other - one).mean(), abs=1e-9)


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, figure()[0], theme)
    press(page, "20 times")
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    wide = page.evaluate("document.documentElement.scrollWidth")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    page.set_viewport_size({"width": 900, "height": 900})
    assert wide <= 390
    assert found.violations_count == 0, found.generate_report()


def test_without_scripts_a_picture_and_a_sentence_stand_there():
    made, one, other = figure()
    behind = sum(other[i + 1] > one[i] for i in range(40))
    assert f"with a teacher has more errors than labels alone in {behind}." in made.still
    assert made.still.count("<svg") == 2
    assert made.still.count("<circle") == 2 * 3 * 40
    assert f"{(other - one)[:40].mean():+.1f}" in made.still


def test_runs_are_paired_by_their_seeds():
    one, other = Runs([5, 6, 9], [0, 1, 2]), Runs([1, 3, 2], [2, 0, 1])
    made = live_luck({"a": one, "b": other}, counts=[1])
    assert made.data["runs"] == [[5, 6, 9], [3, 2, 1]]
    assert made.data["designs"][1]["truth"] == pytest.approx(-14 / 3)


def test_all_differences_lie_on_the_axis():
    for factor in (1, 7, 300):
        data = live_luck(
            {"a": np.array([0, 3, 4]) * factor, "b": np.array([9, 2, 1]) * factor},
            counts=[1],
        ).data
        assert data["most"] >= 9 * factor
        assert data["most"] <= 20 * factor
        assert (data["most"] / data["step"]) % 1 == 0
        assert data["most"] / data["step"] <= 40
        assert data["ticks"][1] * 2 == data["ticks"][0] == -data["most"]


def test_its_module_is_of_the_form_that_joining_understands():
    text = joined("luck")
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
    assert len(names) == len(set(names))
    assert "export " not in re.sub(r"//.*", "", text)
    lines = [line for line in source("luck").splitlines() if line.startswith("import")]
    assert len(lines) == len(_IMPORT.findall(source("luck")))


def test_nothing_ends_the_script():
    html = live_luck({"</script><b>": [1, 2], "c": [2, 3]}, counts=[1])._repr_html_()
    assert html.count("</script>") == 1
    assert "<b>" not in html


@pytest.mark.parametrize(
    ("runs", "options", "error", "says"),
    [
        ([1, 2], {}, TypeError, "runs must be a dictionary"),
        ({"a": [1, 2]}, {}, ValueError, "two methods, got 1"),
        ({"a": [1, 2], "b": [1, 2, 3]}, {}, ValueError, "got 2 and 3 runs"),
        ({"a": [1, 2], "b": [1, 2.5]}, {"counts": [1]}, ValueError, "whole numbers"),
        ({"a": [1, 1], "b": [1, 1]}, {"counts": [1]}, ValueError, "must differ"),
        ({"a": [1, 2], "b": [3, 2]}, {"counts": [2]}, ValueError, "counts"),
        ({"a": [1, 2], "b": [3, 2]}, {"counts": [1, 1]}, ValueError, "rising"),
        ({"a": [1, 2], "b": [3, 2]}, {"counts": 1}, TypeError, "counts"),
        ({"a": [1, 2], "b": [3, 2]}, {"counts": [1], "unit": 3}, TypeError, "unit"),
        ({"a": [1], "b": [3]}, {"counts": [1]}, ValueError, "2 to 1,000"),
    ],
)
def test_bad_input_is_named(runs, options, error, says):
    with pytest.raises(error, match=says):
        live_luck(runs, **options)
