"""Which way round: the live figure beside SciPy, the figures, and arms of phases."""

import shutil

import numpy as np
import pytest
import scipy.special
import torch

import kdteach as kd
from kdteach.experiments import phases
from kdteach.live import directing, live_directions
from kdteach.plots import which_way_round as figures

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="Chromium is not installed",
)
K = np.arange(40)
TWO = 0.6 * np.exp(-((K - 10) ** 2) / 18) / 3 + 0.4 * np.exp(-((K - 29) ** 2) / 8) / 2
TWO = TWO / TWO.sum() * (1 - 40e-6) + 1e-6
TEACHER = torch.from_numpy(TWO)


def three(centre, width):
    """The divergences by SciPy."""
    log_q = scipy.special.log_softmax(-((K - centre) ** 2) / (2 * width**2))
    q, m = np.exp(log_q), (TWO + np.exp(log_q)) / 2
    return {
        "forward": (TWO * (np.log(TWO) - log_q)).sum(),  # rel_entr: infinite where q is 0
        "reverse": scipy.special.rel_entr(q, TWO).sum(),
        "js": (scipy.special.rel_entr(TWO, m) + scipy.special.rel_entr(q, m)).sum() / 2,
    }


def test_divergences_are_those_of_scipy_and_of_the_losses():
    logits = directing.bump(12.5, 4.0, 40)
    found = directing.divergences(TEACHER, logits.log_softmax(0))
    for name, expected in three(12.5, 4.0).items():
        assert float(found[name]) == pytest.approx(expected, rel=1e-10), name
    z, v = logits[None], TEACHER.log()[None]
    assert float(kd.losses.reverse_kl_loss(z, v, 1.0)) == pytest.approx(found["reverse"])
    assert float(kd.losses.distillation_loss(z, v, 1.0)) == pytest.approx(found["forward"])
    assert float(kd.losses.jensen_shannon_loss(z, v, 1.0)) == pytest.approx(found["js"])


def test_two_modes_are_two():
    p = directing.two_modes()
    assert p.dtype == torch.float64
    assert float(p.sum()) == pytest.approx(1)
    inner = (p[1:-1] > p[:-2]) & (p[1:-1] > p[2:])
    assert [int(k) + 1 for k in inner.nonzero()] == [10, 29]
    assert float(p.min()) >= 0.01 / 40
    with pytest.raises(ValueError, match="places"):
        directing.two_modes(7)


def test_the_best_places_are_the_best_of_the_sliders():
    best = live_directions(TEACHER).data["best"]
    grid = [(c / 4, w / 4) for c in range(0, 157) for w in range(2, 81)]
    for name, found in best.items():
        centre, width = (
            min(grid, key=lambda place: three(*place)[name])
            if (name == "reverse")
            else (found["centre"], found["width"])
        )
        assert (found["centre"], found["width"]) == (centre, width)
        assert found["value"] == pytest.approx(three(centre, width)[name], rel=1e-9)
        for other in ((centre + 0.25, width), (centre - 0.25, width),
                      (centre, width + 0.25), (centre, width - 0.25)):  # fmt: skip
            assert three(*other)[name] >= found["value"] - 1e-12
    # forward covers both bumps, reverse sits on one
    assert 10 < best["forward"]["centre"] < 29
    assert min(abs(best["reverse"]["centre"] - c) for c in (10, 29)) < 1


def shown(page, theme="light"):
    page.set_content(
        f'<!doctype html><html lang="en" data-theme="{theme}"><title>t</title><body><main>'
        f"{live_directions(TEACHER)._repr_html_()}</main></body></html>"
    )


@needs_browser
def test_the_page_computes_as_scipy_does(page):
    shown(page)
    state = lambda: page.evaluate("document.querySelector('.kd-live').kdState")  # noqa: E731

    def check():
        found = state()
        for name, expected in three(found["centre"], found["width"]).items():
            assert found[name] == pytest.approx(expected, abs=1e-9)
        return found

    check()
    centre, width = page.get_by_role("slider").all()
    centre.focus()
    centre.press("ArrowRight")
    assert check()["centre"] == 19.75
    width.focus()
    width.press("Home")
    assert check()["width"] == 0.5
    best = live_directions(TEACHER).data["best"]
    for button, found in zip(page.get_by_role("button").all(), best.values(), strict=True):
        button.click()
        now = check()
        assert (now["centre"], now["width"]) == (found["centre"], found["width"])
    page.get_by_role("button").nth(1).click()
    q = scipy.special.softmax(
        -((K - best["reverse"]["centre"]) ** 2) / (2 * best["reverse"]["width"] ** 2)
    )
    missed = TWO[q < TWO / 10].sum()
    assert state()["missed"] == pytest.approx(missed, abs=1e-9)
    words = page.locator(".kd-words").inner_text()
    assert f"Missed: {100 * missed:.0f} %" in words
    assert not page.kd_errors


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 390, "height": 800})
    shown(page, theme)
    ground = "#ffffff" if theme == "light" else "#12161c"
    page.evaluate(f"document.body.style.background = '{ground}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_figures_say_their_numbers():
    q = directing.bump(10, 3, 40).softmax(0)
    figure = figures.fitted_bumps(TWO, {"reverse": ("one bump", q)}, caption="c")
    assert f"reverse: highest at place 10, {q.max():.1%}" in figure.alt
    figure = figures.pulls_of_two(0.9, caption="c")
    gap = np.log(9) - np.log(0.01 / 0.99)
    assert f"at q = 0.01 forward 0.890, reverse {0.01 * 0.99 * gap:.3f}" in figure.alt
    for wrong in ({}, None):
        with pytest.raises((TypeError, ValueError), match="students"):
            figures.fitted_bumps(TWO, wrong, caption="c")
    with pytest.raises(ValueError, match="40 probabilities"):
        figures.fitted_bumps(TWO, {"a": ("b", q[:3])}, caption="c")
    with pytest.raises(ValueError, match="p must"):
        figures.pulls_of_two(1.0, caption="c")


def test_holes_are_the_classes_left_out():
    panels = [
        ("a", "x", [{1, 2}, {0}], [{2}, set()]),
        ("b", "x", [set(), set()], [set()] * 2),
    ]
    figure = figures.digits_left_out(panels, classes=3, columns=2, caption="c")
    assert "Holes of 2 students together. a, x: 3, of which 1 had been named; b, x: 0." in (
        figure.alt
    )
    html = figure._repr_html_()  # on a screen and on a phone
    assert html.count('fill="none" stroke="var(--kd-edge)"') == 2 * 3
    assert html.count('fill="var(--kd-student)"') == 2 * 9
    assert html.count("m0 -7l-7 7") == 2 * 1
    for wrong, match in (
        ([], "fill rows"), (panels[:1], "fill rows"),
        ([panels[0], ("b", "x", [set()], [])], "equal length"),
        ([panels[0], ("b", "x", [{3}], [set()])], "below 3"),
        ([panels[0], ("b", "x", [{1}], [{2}])], "some of these"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            figures.digits_left_out(wrong, classes=3, columns=2, caption="c")


def test_what_is_heard_epoch_by_epoch():
    arms = {"a": [[0.1, 0.2, 0.4], [0.1, 0.4, 0.8]], "b": [[0.1, 0.01, 1e-7]]}
    figure = figures.heard_by_epoch(arms, epochs=2, caption="c")
    assert (
        "a, median of 2: 0.1 after 0, 0.3 after 1, 0.6 after 2; b, median of 1"
    ) in figure.alt
    for wrong, match in (
        ({"a": arms["a"]}, "two losses"), (arms | {"b": [[0.1, 0.2]]}, "more than 2"),
        (arms | {"b": [[0.1, 0.0, 0.1]]}, "above 0"), (arms | {"b": []}, "rows"),
        (arms | {"b": [[0.1, 1.2, 0.1]]}, "1.2"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            figures.heard_by_epoch(wrong, epochs=2, caption="c")


def test_the_pull_of_two_classes_is_that_of_autograd():
    for q in (0.001, 0.2):
        z = torch.tensor([[np.log(q), np.log(1 - q)]], requires_grad=True)
        v = torch.tensor([[np.log(0.9), np.log(0.1)]])
        (slope,) = torch.autograd.grad(kd.losses.reverse_kl_loss(z, v, 1.0), z)
        gap = np.log(9) - np.log(q / (1 - q))
        assert float(-slope[0, 0]) == pytest.approx(q * (1 - q) * gap, rel=1e-9)


@pytest.fixture(scope="module")
def draws():
    return [kd.load("digits", draw=n, dtype=torch.float64) for n in range(2)]


def test_phases_are_trained_one_after_the_other(draws):
    """As by ``kd.fit``, one student at a time."""
    labels, smooth = [kd.hard_labels()] * 2, [kd.hard_labels(smoothing=0.2)] * 2
    arms = {"one": [labels], "two": [labels, smooth]}
    found = phases.learn_in_phases(3, arms, draws, (0.05, 0.2), epochs=2, batch_size=64)
    assert list(found) == ["one", "two"]
    for arm in found.values():  # the best rate has a worse one on either side, or six more
        known = list(arm.valid)
        assert known == sorted(known)
        assert {0.05, 0.2} <= set(known)
        assert arm.rate not in (known[0], known[-1]) or len(known) == 2 + 6
    two = found["two"]
    assert two.rate == min(two.valid, key=lambda rate: sum(two.valid[rate]))
    for seed, draw in enumerate(draws):
        student = kd.build("fc-3", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)
        for objective in (labels[0], smooth[0]):
            kd.fit(
                student, draw.train, objective, epochs=1, batch_size=64, seed=seed,
                learning_rate=two.rate, optimizer=kd.training.sgd_momentum,
                schedule=kd.training.cosine,
            )  # fmt: skip
        answers = kd.evaluate(student, draw.test)
        assert two.errors[seed] == answers.errors
        torch.testing.assert_close(two.answers[seed].logits, answers.logits)
        named = set(answers.logits.argmax(1).tolist())
        assert two.never_named[seed] == 10 - len(named)
        assert two.left_out[seed] == set(range(10)) - named
    half, end = phases.after_each_phase(
        3, arms["two"], draws, two.rate, epochs=2, batch_size=64
    )
    (alone,) = phases.after_each_phase(
        3, [labels], draws, two.rate, epochs=1, batch_size=64
    )
    for seed in range(2):
        torch.testing.assert_close(end.answers[seed].logits, two.answers[seed].logits)
        # also one phase: the students of a phase are tested before the next one
        assert not torch.equal(half.answers[seed].logits, end.answers[seed].logits)
        torch.testing.assert_close(half.answers[seed].logits, alone.answers[seed].logits)
    with pytest.raises(ValueError, match="multiple of the phases"):
        phases.after_each_phase(3, arms["two"], draws, 0.1, epochs=3)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"arms": {}}, "arms must map"), ({"arms": None}, "arms must map"),
        ({"arms": {"a": []}}, "multiple of the phases"),
        ({"arms": {"a": [[kd.hard_labels()]] }}, "one objective for each of 2"),
        ({"rates": ()}, "rates"), ({"rates": (0.1, 0.1)}, "rates"),
        ({"rates": (0.0,)}, "rates"), ({"draws": [3]}, "draws must be data sets"),
        ({"width": 0}, "width"), ({"epochs": 0}, "epochs"),
        ({"epochs": 3, "arms": {"a": [[kd.hard_labels()] * 2] * 2}}, "multiple"),
    ],
)  # fmt: skip
def test_bad_input_is_named(draws, change, match):
    given = {
        "width": 2, "arms": {"a": [[kd.hard_labels()] * 2]}, "draws": draws,
        "rates": (0.1,), "epochs": 2,
    } | change  # fmt: skip
    with pytest.raises((TypeError, ValueError), match=match):
        phases.learn_in_phases(**given)


def test_a_rate_between_two_others():
    for valid, between in (
        ({0.1: [5], 0.2: [3], 0.4: [4]}, True),
        ({0.1: [2], 0.2: [3], 0.4: [4]}, False),
        ({0.1: [5], 0.2: [3], 0.4: [1]}, False),
    ):
        assert phases.PhasedArm(valid, []).is_between is between
