"""Four words, from the interval and what was asked of it; and how they are shown."""

import html
import json
import re

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import kdteach as kd
from kdteach.claims import ClaimError, claim, compare_many
from kdteach.comparisons import Comparison, compare
from kdteach.marks import Mark
from kdteach.runs import Runs
from kdteach.stats import Interval

SEVERAL = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def word_of(low, high, expect, bound, unit=""):
    """The rule of the book, written a second time."""
    if expect == "higher" and low > 0:
        return "holds"
    if expect == "higher" and high < 0:
        return "fails"
    if expect == "lower" and high < 0:
        return "holds"
    if expect == "lower" and low > 0:
        return "fails"
    covers = low <= 0 <= high
    if not covers:
        return "differs"
    if bound is not None and covers and low > -bound and high < bound:
        return f"no difference larger than {bound:g}" + (f" {unit}" if unit else "")
    return "undecided"


numbers = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=12
)
expectations = st.sampled_from([None, "lower", "higher"])
bounds = st.one_of(st.none(), st.sampled_from([0.5, 3.0, 20.0, 200.0]))


@SEVERAL
@given(numbers, expectations, bounds, st.sampled_from([0.5, 0.9, 0.95]), st.integers(1, 5))
def test_the_word_follows_from_scipys_interval(pairs, expect, bound, level, count):
    a, b = (np.array(x, dtype=float) for x in zip(*pairs, strict=True))
    gap = a - b
    found = compare(a, b, level=level, expect=expect, bound=bound, comparisons=count)
    each = 1 - (1 - level) / count
    if gap.std() == 0:
        low = high = gap.mean()
    else:
        low, high = scipy.stats.t.interval(
            each, len(gap) - 1, loc=gap.mean(), scale=scipy.stats.sem(gap)
        )
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    if min(abs(low), abs(high)) > 1e-9:  # else rounding decides on which side it is
        assert found.word == word_of(low, high, expect, bound)
    assert found.word == word_of(found.low, found.high, expect, bound)


@SEVERAL
@given(numbers, bounds)
def test_swapping_the_two_methods_swaps_the_words(pairs, bound):
    a, b = zip(*pairs, strict=True)
    one, other = compare(a, b, expect="lower", bound=bound), compare(
        b, a, expect="higher", bound=bound
    )  # fmt: skip
    assert one.word == other.word
    opposite = {"holds": "fails", "fails": "holds"}
    turned = compare(a, b, expect="higher", bound=bound)
    assert turned.word == opposite.get(one.word, one.word)


@SEVERAL
@given(numbers, expectations)
def test_more_comparisons_never_decide_more(pairs, expect):
    a, b = zip(*pairs, strict=True)
    words = [compare(a, b, expect=expect, comparisons=k).word for k in (1, 2, 10, 1000)]
    later = words[words.index("undecided") :] if "undecided" in words else []
    assert set(later) <= {"undecided"}
    assert len(set(words) - {"undecided"}) <= 1


def test_the_ends_are_told_apart():
    def word(low, high, **asked):
        return Comparison.of(
            Interval((low + high) / 2, low, high, 0.95, 10), **asked
        ).word  # fmt: skip

    assert word(0.0, 1.0, expect="higher") == "undecided"  # 0 itself is covered
    assert word(-1.0, 0.0, expect="lower") == "undecided"
    assert word(0.1, 1.0) == "differs"  # nothing was expected
    assert word(-0.5, 0.5, bound=0.5) == "undecided"
    assert word(-0.4, 0.4, bound=0.5, unit="points") == (
        "no difference larger than 0.5 points"
    )
    assert word(0.1, 0.2, expect="higher", bound=0.5) == "holds"
    assert word(0.1, 0.2, expect="lower", bound=0.5) == "fails"
    assert word(0.1, 0.2, bound=0.5) == "differs"


def test_comparisons_are_the_first_editions_intervals():
    a, b = [14.0, 12.0, 15.0, 11.0, 13.0], [9.0, 8.0, 10.0, 8.0, 7.0]
    old, new = kd.stats.paired_difference(a, b), kd.compare(a, b)
    assert isinstance(new, Interval)
    assert (new.mean, new.low, new.high, new.level, new.n) == (
        old.mean, old.low, old.high, old.level, old.n
    )  # fmt: skip
    assert f"{new}" == f"{old}"
    assert f"{new:.1f}" == f"{old:.1f}"
    assert new.in_points() == old.in_points()
    assert kd.compare(a, b, 0.9).level == kd.compare(a, b, level=0.9).level == 0.9
    assert kd.claims.interval_text(new) == kd.claims.interval_text(old)


def test_pairing_is_by_seed_where_seeds_are_known():
    a, b = Runs([3.0, 1.0, 2.0], [2, 0, 1]), Runs([1.0, 1.5, 2.5], [0, 1, 2])
    found = compare(a, b)
    assert found.mean == pytest.approx(np.mean([0.5, 0.0, 0.5]))
    assert found.pairing == "3 pairs, one for each seed (0 to 2)"
    apart = compare(Runs([1.0, 2.0], [0, 7]), Runs([2.0, 2.0], [7, 0]))
    assert apart.pairing == "2 pairs, one for each seed (0, 7)"
    assert compare(list(a), list(b)).pairing == (
        "3 pairs: first run with first run, second with second, and so on"
    )


def test_many_are_counted_and_corrected():
    a, b = [3.0, 4.0, 6.0, 5.0], [1.0, 2.0, 3.0, 4.5]
    found = compare_many({"x": (a, b), "y": (b, a), "z": (a, a)}, level=0.94)
    assert list(found) == ["x", "y", "z"]
    for part in found.values():
        assert part.level == pytest.approx(0.98)
        assert part.comparisons == 3
        assert "98 % instead of 94 %" in part.correction
        assert "stays at 6 %" in part.correction
        assert "Bonferroni" in part.correction
        assert "one of 3" in repr(part)
    assert found["x"].low == -found["y"].high
    single = compare(a, b, level=0.98)
    assert (found["x"].low, found["x"].high) == pytest.approx((single.low, single.high))


def test_new_images_need_a_wider_interval():
    """Nadeau and Bengio 2003, section 4: s^2 (1/J + n2/n1), t with J - 1 degrees."""
    generator = np.random.default_rng(0)
    a, b = generator.normal(10, 2, 10), generator.normal(12, 2, 10)
    tested, rest = 359, 1438
    found = compare(a, b, expect="lower", test_share=tested / (tested + rest))
    assert found == compare(a, b, expect="lower", test_share=found.test_share)
    plain = compare(a, b, expect="lower")
    assert (found.low, found.high, found.word) == (plain.low, plain.high, plain.word)
    assert plain.for_new_images is None
    gaps = a - b
    error = np.sqrt(gaps.var(ddof=1) * (1 / 10 + tested / rest))
    half = scipy.stats.t.ppf(0.975, 9) * error
    wider = found.for_new_images
    assert wider.low == pytest.approx(gaps.mean() - half, rel=1e-12)
    assert wider.high == pytest.approx(gaps.mean() + half, rel=1e-12)
    assert wider.for_new_images is None
    # both words stand in the mark, and the mark keeps that of the interval that is shown
    near = Comparison(-0.5, -0.8, -0.2, 0.95, 10, "lower", test_share=0.2)
    assert near.for_new_images.word == "undecided"
    shown = claim("Fewer.", near)._repr_html_()
    assert "This interval is for other random divisions of the same images" in shown
    assert "-1.06 to 0.06" in shown
    assert "Bengio (2003): undecided." in shown
    assert 'data-kd-word="holds"' in shown
    assert "<summary>holds for these images</summary>" in shown
    both = claim("Fewer.", {"x": near, "y": HOLDS}, says="holds")._repr_html_()
    assert "-1.06 to 0.06: undecided" in both
    assert "<summary>holds for these images</summary>" in both
    sure = Comparison(-0.5, -0.6, -0.4, 0.95, 10, "lower", test_share=0.2)
    assert "<summary>holds</summary>" in claim("Fewer.", sure)._repr_html_()
    assert both.count("For new images they are wider, by the correction") == 1
    assert both.count("<td></td></tr>") == 1  # nothing to correct for y
    several = compare_many({"x": (a, b)}, test_share=0.5)["x"]
    assert several.for_new_images.low < several.low
    given = Comparison.of(Interval(1, 0.5, 1.5, 0.95, 10), test_share=0.5)
    assert given.for_new_images.low == pytest.approx(1 - 0.5 * np.sqrt(11))


# claims


HOLDS = Comparison(-0.52, -0.80, -0.24, 0.95, 10, "lower", None, "points", 1, (0, 1))
OPEN = Comparison(-0.1, -0.8, 0.6, 0.95, 10, "lower", 0.5)
CLOSE = Comparison(-0.01, -0.1, 0.08, 0.95, 10, None, 0.5, "points")


def test_a_claim_says_what_its_evidence_says():
    made = claim("Fewer mistakes.", HOLDS)
    assert isinstance(made, Mark)
    assert made.word == "holds"
    assert str(made) == repr(made)
    assert str(made) == (
        "Fewer mistakes. [holds: -0.52 [-0.80, -0.24] points (95% interval, n = 10)]"
    )
    assert claim("Nobody knows.", OPEN, says="undecided").word == "undecided"
    close = "no difference larger than 0.5 points"
    assert claim("Alike.", CLOSE, says=close).word == close
    assert claim("Alike.", CLOSE, says="no difference").word == close
    assert claim("Alike.", CLOSE, says="no difference larger than 0.5").word == close
    assert claim("One is one.", 1 == 1, details="exactly").word == "holds"
    assert claim("One is two.", np.bool_(False), says="fails").word == "fails"


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (OPEN, "holds"), (OPEN, "fails"), (OPEN, "no difference"), (HOLDS, "undecided"),
        (HOLDS, "fails"), (CLOSE, "holds"), (CLOSE, "undecided"),
        (CLOSE, "no difference larger than 0.4"), (True, "fails"), (True, "undecided"),
        (False, "holds"), ({"a": HOLDS, "b": OPEN}, "holds"),
    ],
)  # fmt: skip
def test_prose_and_evidence_cannot_part(evidence, says):
    with pytest.raises(ClaimError):
        claim("It is so.", evidence, says=says)


def test_a_difference_that_nobody_asked_for_is_not_called_undecided():
    with pytest.raises(ValueError, match="not asked on which side"):
        claim("x", compare([3.0, 4.0, 5.0], [1.0, 2.1, 3.0]), says="undecided")


def test_the_first_editions_claims_are_as_they_were():
    made = claim("Two is more.", True, Interval(2, 1, 3, 0.95, 4))
    assert type(made).__name__ == "Claim"
    assert str(made) == (
        "Checked: Two is more. (mean 2.00, 95% interval 1.00 to 3.00, n = 4)"
    )
    assert made._repr_html_().startswith('<div class="kd-claim" style="border-left: 4px')
    with pytest.raises(ClaimError, match="does not hold"):
        claim("x", False, "numbers")
    # with any of the new words, and beside a comparison, the text is a detail
    assert claim("x", True, "numbers", says="holds").details == "numbers"
    assert claim("x", HOLDS, "ten epochs").details == "ten epochs"


def facts(shown):
    """Word and evidence from the attributes of a mark."""
    word, evidence = re.search(
        r'data-kd-word="([^"]*)" data-kd-evidence="([^"]*)"', shown
    ).groups()
    return html.unescape(word), json.loads(html.unescape(evidence))


@SEVERAL
@given(
    st.floats(-1e3, 1e3), st.floats(0, 10), st.floats(1e-6, 1), expectations, bounds
)  # fmt: skip
def test_the_word_can_be_computed_from_the_attributes(mean, below, scale, expect, bound):
    whole = Interval(mean * scale, (mean - below) * scale, (mean + 5) * scale, 0.95, 10)
    made = Mark(
        "x", (c := Comparison.of(whole, expect=expect, bound=bound)).word, (("", c),)
    )
    word, (numbers,) = facts(made._repr_html_())
    asked = (numbers["expect"], numbers["bound"], numbers["unit"])
    assert word == c.word == word_of(numbers["low"], numbers["high"], *asked)
    for key in ("mean", "low", "high"):
        assert numbers[key] == pytest.approx(getattr(c, key), rel=6e-4)


def test_a_mark_folds_everything_a_doubter_asks_for():
    many = compare_many(
        {"a < b": (Runs([1, 2, 3], [0, 1, 2]), Runs([5, 7, 9], [0, 1, 2])),
         "c": ([1, 2, 3], [5, 7, 9.5])},
        expect="lower", unit="errors",
    )  # fmt: skip
    shown = claim(
        "Fewer <in all>.", many, details="one rate\n20 epochs", code="x < y"
    )._repr_html_()
    assert "Fewer &lt;in all&gt;." in shown
    assert "<details><summary>holds</summary>" in shown
    for part in ("<tr><th scope=\"row\">a &lt; b</th>",
                 "one for each seed (0 to 2)", "2 comparisons were made together",
                 "Before the run we expected a difference below 0.", "<p>20 epochs</p>",
                 "<pre>x &lt; y</pre>", "97.5 % interval"):  # fmt: skip
        assert part.lower() in shown.lower(), part
    # what holds for all comparisons is said once, what holds for one with its name
    assert shown.count("made together") == shown.count("Before the run we expected") == 1
    assert "<p>a &lt; b: 3 pairs, one for each seed (0 to 2)</p>" in shown
    assert "<p>c: 3 pairs: first run with first run" in shown
    word, evidence = facts(shown)
    assert word == "holds"
    assert [part["name"] for part in evidence] == ["a < b", "c"]
    assert "http" not in shown
    bound = claim("x", CLOSE, says="no difference")._repr_html_()
    assert "a difference below 0.5 points would not matter" in bound
    assert facts(claim("x", True)._repr_html_()) == ("holds", [])


@pytest.mark.parametrize(
    ("evidence", "says", "meaning"),
    [
        (HOLDS, "holds", "Holds: the whole interval lies on the side of 0"),
        (CLOSE, "no difference", "the whole interval lies within 0.5 points of 0"),
        (Comparison(1, -2, 4, 0.95, 5, "lower"), "undecided", "the interval contains 0"),
        (Comparison(2, 1, 3, 0.95, 5, "lower"), "fails", "on the other side of 0"),
    ],
)
def test_a_mark_says_what_its_word_means(evidence, says, meaning):
    assert meaning in claim("x", evidence, says=says)._repr_html_()
    both = claim("x", {"a": evidence, "b": evidence}, says=says)._repr_html_()
    assert (
        meaning.replace("the whole interval lies", "every interval lies wholly").replace(
            "the interval", "every interval"
        )
        in both
    )


def test_a_mark_says_when_its_direction_was_set_after_earlier_looks():
    shown = claim("It is lower.", HOLDS, planned=False)._repr_html_()
    assert "this direction, below 0, only after we had seen similar results" in shown
    assert "Before the run" not in shown
    near = claim("x", CLOSE, says="no difference", planned=False)._repr_html_()
    assert "We say that a difference below 0.5 points would not matter." in near
    assert "before the run" not in near.lower()
    with pytest.raises(TypeError, match="planned must be a bool"):
        claim("It is lower.", HOLDS, planned="no")


PLACES = {
    "the book, light": ('<html data-theme="light">', "<body>", "light"),
    "the book, dark": ('<html data-theme="dark">', "<body>", "dark"),
    "Colab, dark": ("<html theme=dark>", "<body>", "dark"),
    "JupyterLab, dark": ("<html>", '<body data-jp-theme-light="false">', "dark"),
    "a page that does not say": ("<html>", "<body>", "light"),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_mark_in_a_browser(browser, place):
    """Its colours follow the page, the keyboard opens it, and paper shows it open."""
    html_tag, body_tag, theme = PLACES[place]
    made = claim("It is lower.", HOLDS, details="ten epochs")._repr_html_()
    page = browser.new_page(color_scheme="light")
    page.set_content(f"<!doctype html>{html_tag}{body_tag}{made}")
    mark = page.locator("summary")
    colours = {
        "light": ("rgb(31, 39, 51)", "rgb(244, 246, 249)"),
        "dark": ("rgb(231, 236, 242)", "rgb(27, 34, 43)"),
    }
    look = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    assert tuple(mark.evaluate(look)) == colours[theme]
    proof = page.locator(".kd-proof")
    assert not proof.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert proof.is_visible()
    assert "ten epochs" in proof.inner_text()
    page.keyboard.press("Space")
    assert not proof.is_visible()
    page.emulate_media(media="print")
    assert proof.is_visible()
    page.close()


def test_what_is_seen_is_found_as_often_as_promised():
    """A simulated experiment, and the value that R's power.t.test(n = 10, d = 1) gives."""
    runs = np.arange(10.0) - 4.5
    runs /= runs.std(ddof=1)
    assert kd.compare(runs, 0 * runs).seen_from(0.8030962) == pytest.approx(1, abs=1e-5)
    seventh = kd.compare(runs, 0 * runs, comparisons=7)
    random = np.random.default_rng(0)
    apart = random.normal(seventh.seen_from(), 1, size=(4000, 10))
    found = [kd.compare(each, 0 * each, comparisons=7).low > 0 for each in apart]
    assert np.mean(found) == pytest.approx(0.8, abs=0.02)
    assert kd.compare(3 * runs, 0 * runs).seen_from() == pytest.approx(
        3 * kd.compare(runs, 0 * runs).seen_from()
    )
    assert kd.compare([2.0, 3.0], [1.0, 2.0]).seen_from() == 0  # these do not scatter
    for power in (0.3, 1.0, float("nan")):
        with pytest.raises(ValueError, match="power"):
            seventh.seen_from(power)
    with pytest.raises(TypeError, match="power"):
        seventh.seen_from("80 %")
