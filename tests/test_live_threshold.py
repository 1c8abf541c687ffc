"""The live figure of a decision threshold, in a browser, beside scikit-learn's counts."""

import re
import shutil

import numpy as np
import pytest
from sklearn import metrics

from kdteach.live import live_threshold
from kdteach.live.bundle import _IMPORT, joined, source

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="Chromium is not installed",
)
KINDS = ("HP", "SSA")


@pytest.fixture(scope="module")
def given():
    """Two networks on 170 images; ties and values that lie on a step of the slider."""
    rng = np.random.default_rng(0)
    truth = (rng.random(170) < 0.35).astype(int)
    sharp = 1 / (1 + np.exp(-(2.4 * truth - 1.4 + rng.normal(size=170))))
    shy = np.round(0.3 * sharp + 0.1 * rng.random(170), 2)
    return {"label-trained": sharp.round(4), "distilled": shy}, truth


def shown(page, figure, theme="light"):
    page.set_content(
        f'<!doctype html><html lang="en" data-theme="{theme}"><title>t</title><body><main>'
        f"{figure._repr_html_()}</main></body></html>"
    )


def state_of(page):
    return page.evaluate("document.querySelector('.kd-live').kdState")


@needs_browser
def test_the_page_counts_as_scikit_learn_does(page, given):
    """By keyboard over the whole slider; the table and the words say the counts."""
    scores, truth = given
    shown(page, live_threshold(scores, truth, KINDS))
    knob = page.get_by_role("slider")
    for place, (name, said) in enumerate(scores.items()):
        page.get_by_role("radio", name=name).check()
        knob.focus()
        seen = set()
        for key, times in (("Home", 1), ("ArrowRight", 12), ("PageUp", 5), ("End", 1)):
            for _ in range(times):
                knob.press(key)
                state = state_of(page)
                called = (said >= state["threshold"]).astype(int)
                table = metrics.confusion_matrix(truth, called, labels=[0, 1])
                (cleared, alarms), (missed, found) = table.tolist()
                wanted = {
                    "cleared": cleared, "alarms": alarms, "missed": missed, "found": found,
                }  # fmt: skip
                assert {k: state[k] for k in wanted} == wanted, state
                assert state["chosen"] == place
                recall = metrics.recall_score(truth, called)
                other = metrics.recall_score(truth, called, pos_label=0)
                assert state["sensitivity"] == pytest.approx(recall, abs=1e-9)
                assert 1 - state["falsely"] == pytest.approx(other, abs=1e-9)
                if found + alarms:
                    precision = metrics.precision_score(truth, called)
                    assert state["precision"] == pytest.approx(precision, abs=1e-9)
                else:
                    assert state["precision"] is None
                    assert "no precision" in page.locator(".kd-words").inner_text()
                cells = page.locator(".kd-matrix td b").all_inner_texts()
                assert [int(c) for c in cells] == [cleared, alarms, missed, found]
                words = page.locator(".kd-words").inner_text()
                assert f"{found} of {truth.sum()} SSA are found" in words
                seen.add(state["threshold"])
        assert {0, 1} < seen
        assert len(seen) > 12
    assert not page.kd_errors


@needs_browser
def test_curves_and_dots_are_where_they_belong(page, given):
    """Read back from the picture: the curves of scikit-learn, and the dot on them."""
    scores, truth = given
    shown(page, live_threshold(scores, truth, KINDS, threshold=0.4))
    drawings = page.evaluate(
        "[...document.querySelectorAll('.kd-square')].map((svg) => ({"
        "d: svg.querySelector('.kd-curve').getAttribute('d'),"
        "x: Number(svg.querySelector('circle').getAttribute('cx')),"
        "y: Number(svg.querySelector('circle').getAttribute('cy'))}))"
    )
    said = scores["label-trained"]
    called = said >= 0.4
    false, found, _ = metrics.roc_curve(truth, said)
    precision, recall, _ = metrics.precision_recall_curve(truth, said)
    dots = (
        (called[truth == 0].mean(), called[truth == 1].mean()),
        (called[truth == 1].mean(), truth[called].mean()),
    )
    for one, (across, up), dot in zip(
        drawings, ((false, found), (recall, precision)), dots, strict=True
    ):
        points = [tuple(map(float, p.split())) for p in re.split("[ML]", one["d"])[1:]]
        wanted = {(round(44 + 200 * x, 1), round(212 - 200 * y, 1))
                  for x, y in zip(across, up, strict=True)}  # fmt: skip
        assert len(points) > 20
        for x, y in points:
            assert min(abs(x - a) + abs(y - b) for a, b in wanted) < 0.21
        assert one["x"] == pytest.approx(44 + 200 * dot[0], abs=1e-6)
        assert one["y"] == pytest.approx(212 - 200 * dot[1], abs=1e-6)


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, given, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, live_threshold(*given, KINDS), theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_without_scripts_both_curves_and_the_counts_stand_there(given):
    scores, truth = given
    still = live_threshold(scores, truth, KINDS, threshold=0.4).still
    called = scores["label-trained"] >= 0.4
    found, alarms = int(called[truth == 1].sum()), int(called[truth == 0].sum())
    assert f"{found} of {truth.sum()} SSA are found" in still
    assert f"and {alarms} are false alarms" in still
    area = metrics.roc_auc_score(truth, scores["label-trained"])
    assert f"Area under the ROC curve {area:.2f}" in still
    assert still.count("<circle") == 2
    nothing = live_threshold({"shy": [0.1, 0.2]}, [0, 1], KINDS, threshold=1).still
    assert nothing.count("<circle") == 1  # nobody is called: there is no precision


def test_a_probability_on_the_threshold_is_called():
    figure = live_threshold({"a": [0.3, 0.3, 0.29]}, [1, 0, 1], KINDS, threshold=0.3)
    assert "1 of 2 SSA are found and 1 missed" in figure.still


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_each_network_has_a_colour_of_its_own(count):
    scores = {name: [0.1, 0.8] for name in "abcd"[:count]}
    networks = live_threshold(scores, [0, 1], KINDS).data["networks"]
    roles = [network["role"] for network in networks]
    assert len(set(roles)) == count
    assert roles[:2] == ["baseline", "student"][:count]
    if count > 2:
        assert roles[-1] == "teacher"


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"scores": {}}, ValueError, "scores"),
        ({"scores": [0.1, 0.2]}, TypeError, "scores must be a dictionary"),
        ({"scores": {c: [0.1, 0.2] for c in "abcde"}}, ValueError, "one to 4 networks"),
        ({"scores": {"a": [0.1]}}, ValueError, "2 probabilities"),
        ({"scores": {"a": [0.1, 1.2]}}, ValueError, r"probabilities in \[0, 1\]"),
        ({"positive": [1, 1]}, ValueError, "both kinds"),
        ({"positive": [0, 2]}, (TypeError, ValueError), "positive"),
        ({"kinds": ("HP",)}, ValueError, "two names"),
        ({"kinds": "HP"}, (TypeError, ValueError), "kinds"),
        ({"threshold": 1.5}, ValueError, "threshold"),
    ],
)
def test_odd_arguments_are_named(change, error, says):
    arguments = {
        "scores": {"a": [0.1, 0.8]},
        "positive": [0, 1],
        "kinds": KINDS,
        **change,
    }
    with pytest.raises(error, match=says):
        live_threshold(**arguments)


def test_its_module_is_of_the_form_that_joining_understands():
    text = joined("threshold")
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
    assert len(names) == len(set(names))
    lines = [line for line in source("threshold").splitlines() if line.startswith("import")]
    assert len(lines) == len(_IMPORT.findall(source("threshold")))
