"""The recorded students of eight widths, by SciPy's interval, and odd arguments."""

import numpy as np
import pytest
from scipy import stats

from kdteach.experiments import student_widths
from kdteach.experiments.catalogue import mnist_widths
from kdteach.results import load_records

UNITS = (8, 12, 16, 24, 32, 64, 128, 256)


def mistakes(metric, role, units, first=0):
    """Straight from the lines of the record, by seed."""
    found = {
        r.seed: r.result[metric]
        for r in load_records("mnist-widths")
        if (r.config["role"], r.config["model"]) == (role, f"fc-{units}")
    }
    assert sorted(found) == list(range(10))
    return np.array([found[seed] for seed in range(first, 10)], dtype=float)


def interval(gaps):
    """Student's t at 1 - 0.05 / 22, by SciPy."""
    return stats.t.interval(
        1 - 0.05 / 22, len(gaps) - 1, loc=gaps.mean(), scale=stats.sem(gaps)
    )


@pytest.mark.parametrize(
    ("made", "gaps"),
    [
        (
            student_widths.against_labels(),
            {u: mistakes("test_errors", "distilled", u)
                - mistakes("test_errors", "plain", u) for u in UNITS},
        ),
        (
            student_widths.against_labels("valid_errors", first_seed=1),
            {u: mistakes("valid_errors", "distilled", u, 1)
                - mistakes("valid_errors", "plain", u, 1) for u in UNITS},
        ),
        (
            student_widths.against_twice(),
            {u: mistakes("test_errors", "distilled", u)
                - mistakes("test_errors", "plain", 2 * u) for u in UNITS if 2 * u in UNITS},
        ),
        (
            student_widths.in_eight_bits(),
            {u: mistakes("int8_test_errors", "distilled", u)
                - mistakes("test_errors", "distilled", u) for u in UNITS},
        ),
    ],
)  # fmt: skip
def test_the_intervals_are_scipys_of_the_records(made, gaps):
    assert list(made) == list(gaps)
    for units, found in made.items():
        assert found.mean == pytest.approx(gaps[units].mean())
        assert (found.low, found.high) == pytest.approx(interval(gaps[units]))


@pytest.mark.parametrize(
    ("metric", "first"), [("test_errors", 0), ("valid_errors", 0), ("valid_errors", 1)]
)
def test_the_averaged_change_is_scipys_interval_of_the_averaged_logarithms(metric, first):
    ratios = np.log([
        mistakes(metric, "distilled", u, first) / mistakes(metric, "plain", u, first)
        for u in UNITS
    ])  # fmt: skip
    each = ratios.mean(axis=0)
    low, high = stats.t.interval(
        0.95, len(each) - 1, loc=each.mean(), scale=stats.sem(each)
    )
    found = student_widths.averaged_change(metric, first_seed=first)
    assert found.mean == pytest.approx(100 * (np.exp(each.mean()) - 1))
    assert found.low == pytest.approx(100 * (np.exp(low) - 1))
    assert found.high == pytest.approx(100 * (np.exp(high) - 1))
    assert (found.level, found.n) == (0.95, 10 - first)


def test_22_comparisons_were_named():
    assert student_widths.UNITS == mnist_widths.UNITS == UNITS
    groups = (
        student_widths.against_labels(),
        student_widths.against_twice(),
        student_widths.in_eight_bits(),
    )
    assert sum(map(len, groups)) == student_widths.COUNT == 22
    assert {c.expect for group in groups[:2] for c in group.values()} == {"lower"}
    assert {c.bound for c in groups[2].values()} == {10}


def test_the_widest_that_fits():
    assert student_widths.widest_within(100_000) == {"": 24, "int8_": 64}
    largest = mistakes("file_bytes", "plain", 8).max()
    largest = int(max(largest, mistakes("file_bytes", "distilled", 8).max()))
    assert student_widths.widest_within(largest)[""] == 8
    assert student_widths.widest_within(largest - 1)[""] == 0
    assert student_widths.widest_within(1) == {"": 0, "int8_": 0}


def test_seed_0_at_the_best_of_four_rates():
    records = load_records("mnist-width-rates")
    for temperature in (1.0, 4.0, None):
        found = student_widths.tried_at(temperature)
        assert list(found) == list(UNITS)
        for units, fewest in found.items():
            tried = {
                r.config["learning_rate"]: r.result["valid_errors"]
                for r in records
                if r.config["model"] == f"fc-{units}"
                and r.config.get("temperature") == temperature
                and r.config["role"] != "teacher"
            }
            assert sorted(tried) == sorted(mnist_widths.LEARNING_RATES)
            assert fewest == min(tried.values())


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: student_widths.recorded("test_errors", "teacher", 8), ValueError, "role"),
        (lambda: student_widths.recorded("test_errors", "plain", 9), ValueError, "units"),
        (lambda: student_widths.recorded("errors", "plain", 8), LookupError, "errors"),
        (lambda: student_widths.against_labels("x"), LookupError, "x"),
        (lambda: student_widths.against_labels(first_seed=9), ValueError, "first_seed"),
        (lambda: student_widths.against_labels(first_seed=-1), ValueError, "first_seed"),
        (lambda: student_widths.averaged_change("x"), LookupError, "x"),
        (lambda: student_widths.averaged_change(first_seed=9), ValueError, "first_seed"),
        (lambda: student_widths.averaged_change(first_seed=0.5), TypeError, "first_seed"),
        (lambda: student_widths.widest_within(0), ValueError, "budget"),
        (lambda: student_widths.widest_within(1.5), TypeError, "budget"),
        (lambda: student_widths.tried_at(2), ValueError, "temperature"),
        (lambda: student_widths.tried_at("4"), ValueError, "temperature"),
    ],
)
def test_odd_arguments_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ((8,), "8"), ((8, 12), "8 and 12"), ((8, 12, 16), "8 to 16"),
        ((12, 16, 32), "12, 16 and 32"), (UNITS, "8 to 256"), ([64, 128, 256], "64 to 256"),
    ],
)  # fmt: skip
def test_widths_in_words(units, words):
    assert student_widths.listed(units) == words


@pytest.mark.parametrize("units", [(), (9,), (8, 12, 48)])
def test_only_recorded_widths_are_put_into_words(units):
    with pytest.raises(ValueError, match="units must be some of"):
        student_widths.listed(units)


def test_a_row_says_the_means_the_rates_and_the_intervals():
    rows = student_widths.overview()
    assert list(rows) == list(UNITS)
    row = rows[64]
    mean = mistakes("test_errors", "plain", 64).mean()
    assert row["alone"] == f"{mean:.1f} (0.01)"
    gaps = mistakes("test_errors", "distilled", 64) - mistakes("test_errors", "plain", 64)
    low, high = interval(gaps)
    assert row["taught less alone"] == f"{gaps.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
    partners = {u for u in UNITS if rows[u]["taught less twice the units"]}
    assert partners == {8, 12, 16, 32, 64, 128}
    assert student_widths.written(None) == ""
