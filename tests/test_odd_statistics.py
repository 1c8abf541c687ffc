"""What is no list of runs, or says neither right nor wrong, is refused by name."""

import time
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats as scipy_stats

from kdteach import stats, tables
from kdteach.claims import Claim, claim, interval_text, sentence
from kdteach.runs import Runs

ONE_TWO_FOUR = stats.mean_interval([1.0, 2.0, 4.0])
HIT = [True, False, True, True]


@pytest.mark.parametrize(
    "runs",
    [
        (1, 2, 4),
        np.array([1, 2, 4], dtype=np.int8),
        np.array([1, 2, 4], dtype=np.float16),
        np.array([1, 2, 4], dtype=object),
        [Fraction(1), np.float32(2), np.int64(4)],
        pd.Series([1, 2, 4], index=["a", "b", "c"]),
        torch.tensor([1.0, 2.0, 4.0], requires_grad=True),
        torch.tensor([1, 2, 4]).bfloat16(),
        [torch.tensor(1.0, requires_grad=True), torch.tensor(2.0), torch.tensor(4.0)],
        np.ma.array([1.0, 2.0, 4.0]),
        Runs([1, 2, 4], [5, 6, 7]),
    ],
    ids=lambda runs: type(runs).__name__,
)
def test_runs_come_in_many_forms(runs):
    assert stats.mean_interval(runs) == ONE_TWO_FOUR


@pytest.mark.parametrize(
    ("runs", "error", "says"),
    [
        ([1, 2 + 1j], TypeError, "values must be real numbers, got complex128"),
        (torch.zeros(3, dtype=torch.complex64), TypeError, "values must be real numbers"),
        (["1", "2"], TypeError, "values must be real numbers"),
        ("12", TypeError, "values must be a list or an array of numbers, got '12'"),
        ((x for x in (1, 2)), TypeError, r"becomes one by list\(\.\.\.\)"),
        ({1: 2, 3: 4}.values(), TypeError, "values must be a list"),
        ({1.0, 2.0}, TypeError, "values must be a list"),
        (3.0, TypeError, "values must be a list"),
        (None, TypeError, "values must be a list"),
        ([None, 1.0], TypeError, "an entry of values must be a number, got NoneType"),
        ([True, False], TypeError, "values must be numbers, got true and false"),
        ([1, True], TypeError, "numbers and truth values mixed"),
        (np.array(["2020-01-01", "2020-01-02"], "M8[D]"), TypeError, "real numbers"),
        (
            np.ma.array([1.0, 2, 3], mask=[0, 1, 0]),
            ValueError,
            "values is masked in places",
        ),
        (pd.Series([1.0, None]), ValueError, "values holds values that are not finite"),
        ([1.0, np.inf], ValueError, "values holds values that are not finite"),
        ([10**400, 1], ValueError, "an entry of values must be finite"),
        ([[1, 2], [3]], ValueError, "rows of one length"),
        ([[1, 2], [3, 4]], ValueError, r"list of at least 2 numbers, got shape \(2, 2\)"),
        (torch.zeros(3).to_sparse(), TypeError, "values must be a dense tensor"),
        (torch.zeros(3, device="meta"), TypeError, "values is on the meta device"),
        ([1e308, -1e308], ValueError, "values must not be so large"),
    ],
)
def test_what_is_no_list_of_runs(runs, error, says):
    with pytest.raises(error, match=says):
        stats.mean_interval(runs)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1.0, 1e200, 1e306])
def test_intervals_of_any_size(size):
    """Squares of 1e-200 vanish and those of 1e200 overflow: SciPy's ones are taken at 1."""
    values = np.array([1.0, 2.0, 4.0, 4.5])
    mean, half = values.mean(), scipy_stats.t.ppf(0.975, 3) * scipy_stats.sem(values)
    interval = stats.mean_interval(size * values)
    np.testing.assert_allclose(
        [interval.mean, interval.low, interval.high],
        [size * mean, size * (mean - half), size * (mean + half)],
        rtol=1e-9,
    )


def test_a_level_next_to_one_is_not_infinite():
    interval = stats.mean_interval([1.0, 2.0, 4.0], level=1 - 1e-16)
    assert np.isfinite([interval.low, interval.high]).all()


@pytest.mark.parametrize(
    ("level", "error"),
    [("0.95", TypeError), (None, TypeError), (True, TypeError), (95, ValueError),
     (0, ValueError), (1.0, ValueError), (float("nan"), ValueError)],
)  # fmt: skip
def test_odd_levels(level, error):
    for call in (
        lambda: stats.mean_interval([1, 2], level),
        lambda: stats.paired_difference([1, 2], [1, 3], level),
        lambda: stats.proportion_interval(1, 2, level),
        lambda: stats.auc_interval([1, 2, 3, 4], HIT, level),
        lambda: stats.bootstrap_difference([HIT], [HIT], level=level),
    ):
        with pytest.raises(error, match="level must be"):
            call()


def test_pairs_follow_seeds_and_names_of_rows():
    first, second = Runs([1, 2, 4], [0, 1, 2]), Runs([5, 1, 2], [2, 0, 1])
    assert stats.paired_difference(first, second).mean == pytest.approx(-1 / 3)
    with pytest.raises(ValueError, match="a has no run of seed 3"):
        stats.paired_difference(first, Runs([1, 2, 3], [0, 1, 3]))
    with pytest.raises(ValueError, match=r"row 'x': .*has no run of seed 9"):
        tables.pairs({"x": (first, Runs([1, 2, 3], [0, 1, 9]))}, ("a", "b"))
    column = pd.Series([1.0, 2, 3], index=[0, 1, 2])
    with pytest.raises(ValueError, match="different names"):
        stats.paired_difference(column, column.sort_values(ascending=False))


TRUTHS = [
    [1, 0, 1, 1],
    [1.0, 0.0, 1.0, 1.0],
    np.array(HIT),
    np.array(HIT, dtype=object),
    torch.tensor(HIT),
    pd.Series(HIT),
    tuple(HIT),
]


@pytest.mark.parametrize("right", TRUTHS, ids=lambda right: type(right).__name__)
def test_right_and_wrong_come_in_many_forms(right):
    other = [False, False, True, False]
    assert stats.mcnemar(right, other).only_a == 2
    assert stats.bootstrap_difference([right], [other], resamples=3).mean == 0.5
    area = stats.auc_interval([4.0, 1.0, 2.0, 3.0], [1, 0, 1, 0]).mean
    assert stats.auc_interval([4.0, 1.0, 2.0, 3.0], np.array([1.0, 0, 1, 0])).mean == area


@pytest.mark.parametrize(
    ("right", "error", "says"),
    [
        ([3, 17, 40, 5], ValueError, r"got .*3.*~np\.isin\(np\.arange\(images\), wrong\)"),
        ([0.97, 0.96, 0.95, 1.0], ValueError, r"0\.97.*paired_difference"),
        ([np.nan, 1, 0, 1], ValueError, "must say of each image"),
        ([-1, 0, 1, 1], ValueError, "must say of each image"),
        ([2, 0, 1, 1], ValueError, "must say of each image"),
        ([None, True, True, True], ValueError, "must say of each image"),
        (["1", "0", "1", "1"], TypeError, "must be true or false"),
        ([1j, 0, 1, 1], TypeError, "must be true or false"),
        ("1011", TypeError, "must be a list or an array of true and false"),
        ((x for x in HIT), TypeError, "must be a list or an array of true and false"),
        ([[1, 2], [3]], ValueError, "rows of one length"),
        (np.ma.array(HIT, mask=[0, 1, 0, 0]), ValueError, "is masked in places"),
    ],
)
def test_what_is_neither_right_nor_wrong(right, error, says):
    with pytest.raises(error, match=f"correct_a .*{says}"):
        stats.mcnemar(right, HIT)
    if isinstance(right, list):
        with pytest.raises(error, match="positive"):
            stats.auc_interval([1, 2, 3, 4], right)
        with pytest.raises(error, match="correct_b"):
            stats.bootstrap_difference([HIT], [right])


def test_auc_of_many_images_needs_no_table_of_pairs():
    """Against scikit-learn, at a size whose pairs would fill 20 GB; ties included."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 1000, 100_000), rng.random(100_000) < 0.5
    scores = scores + 300 * positive
    start = time.perf_counter()
    area = stats.auc_interval(scores, positive)
    assert time.perf_counter() - start < 5
    assert area.mean == pytest.approx(roc_auc_score(positive, scores), rel=1e-12)


def test_auc_spread_is_that_of_all_pairs():
    """DeLong's sums, written out over the table of pairs."""
    rng = np.random.default_rng(1)
    scores, positive = rng.integers(0, 9, 60).astype(float), rng.random(60) < 0.4
    above, below = scores[positive], scores[~positive]
    wins = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    spread = wins.mean(axis=1).var(ddof=1) / len(above)
    spread += wins.mean(axis=0).var(ddof=1) / len(below)
    area = stats.auc_interval(scores, positive, level=0.6)
    reach = scipy_stats.norm.ppf(0.8) * np.sqrt(spread)
    assert area.mean == pytest.approx(wins.mean())
    assert area.high - area.mean == pytest.approx(reach)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: stats.proportion_interval(2.5, 5), TypeError, "successes must be an int"),
        (lambda: stats.proportion_interval(True, 5), TypeError, "successes"),
        (lambda: stats.proportion_interval(np.True_, 5), TypeError, "successes"),
        (lambda: stats.proportion_interval(-1, 5), ValueError, "successes"),
        (lambda: stats.proportion_interval(0, 0), ValueError, "n must be an integer of"),
        (lambda: stats.proportion_interval(1, 10**30), ValueError, "n must be"),
        (
            lambda: stats.bootstrap_difference([HIT], [HIT], resamples=10**12),
            ValueError,
            "resamples must be an integer of at least 1 and at most 1,000,000",
        ),
        (
            lambda: stats.bootstrap_difference([HIT], [HIT], resamples=2.5),
            TypeError,
            "resamples",
        ),
        (lambda: stats.bootstrap_difference([HIT], [HIT], seed=-1), ValueError, "seed"),
        (lambda: stats.bootstrap_difference([HIT], [HIT], seed=None), TypeError, "seed"),
        (lambda: stats.verdict("0.1", ONE_TWO_FOUR, 0.1), TypeError, "published"),
        (lambda: stats.verdict(0.1, (1, 0, 2), 0.1), TypeError, "ours must be an Interval"),
        (lambda: stats.verdict(0.1, ONE_TWO_FOUR, None), TypeError, "negligible"),
        (lambda: stats.Interval(1, 3, 2, 0.95, 4), ValueError, "low <= high, got 3 and 2"),
        (lambda: stats.Interval(np.nan, 1, 2, 0.95, 4), ValueError, "mean of an interval"),
        (lambda: stats.Interval(1, 1, 2, 95, 4), ValueError, "level must be"),
        (lambda: stats.Interval(1, 1, 2, 0.95, 2.0), TypeError, "n of an interval"),
        (lambda: ONE_TWO_FOUR.covers("2"), TypeError, "value must be a number"),
        (lambda: f"{ONE_TWO_FOUR:d}", ValueError, r"such as \.2f, got 'd'"),
        (lambda: f"{ONE_TWO_FOUR:words}", ValueError, r"such as \.2f, got 'words'"),
    ],
)
def test_odd_numbers(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_numbers_of_numpy_and_whole_fractions():
    assert stats.proportion_interval(np.int64(3), np.int32(4)).mean == 0.75
    assert stats.proportion_interval(0, 10).low == 0
    assert stats.proportion_interval(10, 10).high == 1
    assert stats.verdict(np.float32(0.5), ONE_TWO_FOUR, np.float64(0.1)) == "cannot be told"
    assert f"{stats.Interval(0.5, 0.25, 0.75, 0.95, 3):.0%}" == "50% [25%, 75%]"


RUNS = {"x": ([1.0, 2, 4], [1.0, 1, 1])}


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: tables.pairs({}, ("a", "b")), ValueError, "rows are empty"),
        (lambda: tables.pairs([1], ("a", "b")), TypeError, "rows must be a mapping"),
        (lambda: tables.pairs(RUNS, ("a", "a")), ValueError, "names must differ"),
        (lambda: tables.pairs(RUNS, ("a", "seeds")), ValueError, "names must differ"),
        (lambda: tables.pairs(RUNS, "ab"), TypeError, "names must be the names of two"),
        (lambda: tables.pairs(RUNS, ("a", 2)), TypeError, "names must be the names"),
        (
            lambda: tables.pairs({"x": [1, 2, 3]}, ("a", "b")),
            ValueError,
            "row 'x'.*3 things",
        ),
        (
            lambda: tables.pairs({"x": 5}, ("a", "b")),
            TypeError,
            "row 'x': must be two lists",
        ),
        (
            lambda: tables.pairs({"x": ([1, 2], [1, np.nan])}, ("a", "b")),
            ValueError,
            "row 'x': .*not finite",
        ),
        (lambda: tables.pairs(RUNS, ("a", "b"), digits=-1), ValueError, "digits"),
        (lambda: tables.pairs(RUNS, ("a", "b"), digits=1.5), TypeError, "digits"),
        (lambda: tables.pairs(RUNS, ("a", "b"), scale=-1), ValueError, "scale"),
        (lambda: tables.pairs(RUNS, ("a", "b"), scale="100"), TypeError, "scale"),
        (lambda: tables.pairs(RUNS, ("a", "b"), scale=1e308), ValueError, "smaller scale"),
        (lambda: tables.runs({}), ValueError, "rows are empty"),
        (
            lambda: tables.runs({"x": [1, 2]}, published={"y": 3}),
            ValueError,
            r"published values of \['y'\] belong to no row",
        ),
        (
            lambda: tables.runs({"x": [1, 2]}, published={"x": np.nan}),
            ValueError,
            "row 'x': the published value must be finite",
        ),
        (lambda: tables.runs({"x": [1, 2]}, published=[3]), TypeError, "published must be"),
        (lambda: tables.verdicts({}, negligible=0.1), ValueError, "rows are empty"),
        (
            lambda: tables.verdicts({"x": (0.1, 0.2)}, negligible=0.1),
            TypeError,
            "row 'x': ours must be an Interval",
        ),
        (
            lambda: tables.verdicts({"x": (np.nan, ONE_TWO_FOUR)}, negligible=0.1),
            ValueError,
            "row 'x': published must be finite",
        ),
    ],
)
def test_odd_tables(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: claim("x", torch.tensor(True), ""), TypeError, r"Tensor.*x\.all"),
        (
            lambda: claim("x", np.array([True, False]), ""),
            TypeError,
            "evidence must be a bool",
        ),
        (
            lambda: claim("x", 1, ""),
            TypeError,
            "evidence must be a bool, got int",
        ),
        (lambda: claim("x", None, ""), TypeError, "evidence must be a bool"),
        (lambda: claim(5, True, ""), TypeError, "sentence must be a str, got 5"),
        (lambda: claim(" ", True, ""), ValueError, "sentence must say something"),
        (lambda: claim("x", True, 0.5), TypeError, "text must be a str, got 0.5"),
        (lambda: claim("x", False, 3), TypeError, "text must be a str"),
        (lambda: claim("x", None), TypeError, "evidence must be a Comparison"),
        (lambda: claim("x", ONE_TWO_FOUR), TypeError, r"Comparison\.of"),
        (lambda: claim("x", {}), TypeError, "evidence must be a Comparison"),
        (lambda: claim("x", {"a": 3}), TypeError, "evidence must be a Comparison"),
        (lambda: claim("x", True, details=3), TypeError, "details must be a str"),
        (lambda: claim("x", True, code=3), TypeError, "code must be a str"),
        (lambda: claim("x", True, says=3), TypeError, "says must be a str"),
        (lambda: claim("x", True, says="true"), ValueError, "says must be holds, fails"),
        (lambda: Claim("x", 3), TypeError, "evidence must be a str"),
        (lambda: sentence(3), TypeError, "text must be a str"),
        (lambda: interval_text([1, 2]), TypeError, "interval must be an Interval"),
        (lambda: interval_text(ONE_TWO_FOUR, digits=-1), ValueError, "digits"),
        (lambda: interval_text(ONE_TWO_FOUR, unit=None), TypeError, "unit must be a str"),
    ],
)
def test_odd_claims(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_claim_of_numpy_holds():
    assert str(claim("One.", np.float64(1) > 0, "1")) == "Checked: One. (1)"
