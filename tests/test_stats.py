import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdteach import stats
from kdteach.claims import Claim, ClaimError, claim, interval_text, sentence

runs = st.lists(st.floats(-100, 100), min_size=2, max_size=20)


def test_t_interval_by_table():
    """t(0.975, 9) = 2.262 and sd of 0..9 = 3.02765, by the usual tables."""
    interval = stats.mean_interval(range(10))
    assert interval.mean == 4.5
    assert interval.high - interval.mean == pytest.approx(
        2.262 * 3.02765 / 10**0.5, abs=1e-3
    )
    assert (interval.n, interval.level) == (10, 0.95)
    assert interval.covers(4.5)
    assert not interval.covers(9)
    assert f"{interval:.1f}" == "4.5 [2.3, 6.7]"
    assert str(interval) == "4.50 [2.33, 6.67]"


@settings(deadline=None)
@given(runs)
def test_paired_differences_turn_around(values):
    a, b = np.array(values), np.array(values[::-1])
    forth, back = stats.paired_difference(a, b), stats.paired_difference(b, a)
    assert forth.mean == pytest.approx(-back.mean)
    assert forth.low == pytest.approx(-back.high)


def test_signs_of_a_difference_are_written():
    interval = stats.Interval(-0.04, -1.25, 2.5, 0.95, 10)
    assert interval.signed() == "\u22120.0 (\u22121.2 to +2.5)"
    assert interval.signed(2) == "\u22120.04 (\u22121.25 to +2.50)"


def test_the_interval_of_a_share_keeps_its_promise():
    """Ten paired runs, 4,000 times: the true share lies inside 95 % of the intervals."""
    random = np.random.default_rng(0)
    held = 0
    for _ in range(4000):
        whole = random.normal(10, 3, 10)
        part = 0.3 * whole + random.normal(0, 2, 10)
        held += stats.ratio_of_means(part, whole).covers(0.3)
    assert held / 4000 == pytest.approx(0.95, abs=0.012)


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="whole must have a mean that is clearly not 0"):
        stats.ratio_of_means([1, 2, 3], [1, -1, 0.5])
    column = pd.Series([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="part and whole must be paired run by run"):
        stats.ratio_of_means(column, column.sort_values(ascending=False))


def test_wilson_published():
    """Newcombe 1998, Table I: 81 of 263 has the Wilson interval 0.2553 to 0.3662."""
    interval = stats.proportion_interval(81, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)
    assert stats.proportion_interval(0, 10).low == pytest.approx(0)
    for successes, n, low, high in ((15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
                                    (1, 29, 0.0061, 0.1718)):  # fmt: skip
        interval = stats.proportion_interval(successes, n)
        assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_mcnemar_is_a_binomial_test():
    """Ten against two discordant pairs: 2 (1 + 12 + 66) / 2^12."""
    a = np.array([1] * 10 + [0] * 2 + [1] * 5 + [0] * 3, dtype=bool)
    b = np.array([0] * 10 + [1] * 2 + [1] * 5 + [0] * 3, dtype=bool)
    result = stats.mcnemar(a, b)
    assert (result.only_a, result.only_b) == (10, 2)
    assert result.p_value == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert stats.mcnemar(a, a).p_value == 1


def test_bootstrap_covers_what_it_should():
    """Methods of equal accuracy: the 80 % interval covers 0 in about 80 % of cases."""
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        a, b = rng.random((2, 8, 60)) < 0.8
        interval = stats.bootstrap_difference(a, b, level=0.8, resamples=200, seed=trial)
        covered += interval.covers(0)
    assert 70 <= covered <= 99  # two levels are a little wide on purpose
    clear = stats.bootstrap_difference(np.ones((3, 50)), np.zeros((3, 50)))
    assert (clear.mean, clear.low, clear.n) == (1, 1, 3)
    again = [stats.bootstrap_difference(a, b, resamples=50, seed=1) for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: stats.mean_interval([1.0]), "at least 2 numbers"),
        (lambda: stats.mean_interval([1.0, np.nan]), "not finite"),
        (lambda: stats.mean_interval([1.0, 2.0], level=95), r"\(0, 1\), got 95"),
        (lambda: stats.paired_difference([1, 2], [1, 2, 3]), "got 2 and 3 runs"),
        (lambda: stats.proportion_interval(3, 2), "got 3 of 2"),
        (lambda: stats.mcnemar([1, 0], [1]), "one length"),
        (lambda: stats.bootstrap_difference([[1]], [[1, 0]]), r"\(seeds, images\)"),
        (lambda: stats.bootstrap_difference([[1]], [[1]], resamples=0), "resamples"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_claims_hold_or_raise():
    interval = stats.mean_interval([1.0, 2.0, 3.0])
    held = claim("Two is more than one.", True, interval)
    assert isinstance(held, Claim)
    assert repr(held).startswith("Checked: Two is more than one. (mean 2.00, 95% interval")
    assert "n = 3" in repr(held)
    with pytest.raises(ClaimError, match=r"does not hold: One < two.*evidence"):
        claim("One < two", False, "evidence")
    with pytest.raises(TypeError, match="bool, got str"):
        claim("x", "yes", "evidence")
    html = claim("a < b", True, "<b>")._repr_html_()
    assert "a &lt; b" in html
    assert "<b>" not in html
    assert sentence("two")._repr_markdown_() == repr(sentence("two")) == "two"
    assert interval_text(interval, "errors", 1).startswith("mean 2.0 errors, 95%")


@pytest.mark.parametrize(
    ("published", "low", "high", "says"),
    [
        (0.3, 0.1, 0.5, "real"),
        (-0.3, -0.5, -0.1, "real"),
        (0.3, -0.5, -0.1, "reversed"),
        (-0.3, 0.1, 0.5, "reversed"),
        (0.3, -0.05, 0.05, "noise"),
        (0.3, 0.01, 0.05, "real"),  # small, but told from zero
        (0.3, -0.2, 0.4, "cannot be told"),
        (-0.3, -0.4, 0.2, "cannot be told"),
        (0.3, -0.1, 0.05, "cannot be told"),  # touches what is of interest
    ],
)
def test_verdicts(published, low, high, says):
    ours = stats.Interval((low + high) / 2, low, high, 0.95, 10)
    assert stats.verdict(published, ours, negligible=0.1) == says


def test_verdicts_refuse():
    ours = stats.Interval(0.0, -1.0, 1.0, 0.95, 10)
    for published, negligible, says in (
        (0.1, 0.0, "negligible must be finite and above 0, got 0.0"),
        (float("nan"), 0.1, "published must be finite, got nan"),
    ):
        with pytest.raises(ValueError, match=says):
            stats.verdict(published, ours, negligible)


def test_auc_and_its_interval():
    """scikit-learn's area; the width of Hanley and McNeil's formula and of a bootstrap."""
    from scipy.stats import norm
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    positive = np.arange(977) < 360  # MHIST's test set
    shift = np.sqrt(2) * norm.ppf(0.845)
    widths, areas = [], []
    for _ in range(200):
        scores = rng.normal(size=977) + shift * positive
        area = stats.auc_interval(scores, positive)
        assert area.mean == pytest.approx(roc_auc_score(positive, scores))
        widths.append((area.high - area.low) / 2 / 1.96)
        areas.append(area.mean)
    assert np.mean(widths) == pytest.approx(np.std(areas), rel=0.15)
    q1, q2 = 0.845 / (2 - 0.845), 2 * 0.845**2 / (1 + 0.845)
    formula = 0.845 * 0.155 + 359 * (q1 - 0.845**2) + 616 * (q2 - 0.845**2)
    assert np.mean(widths) == pytest.approx(np.sqrt(formula / 360 / 617), rel=0.1)
    ties = stats.auc_interval([1, 1, 1, 1], [True, True, False, False])
    assert (ties.mean, ties.n) == (0.5, 4)
    for scores, truth, says in (
        ([1, 2], [True], "scores and positive"),
        ([1, np.nan], [True, False], "scores holds values that are not finite"),
        ([1, 2], [1, 0], "two images of each"),
    ):
        with pytest.raises(ValueError, match=says):
            stats.auc_interval(scores, truth)
