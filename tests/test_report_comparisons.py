"""The comparisons of *MNIST beside the reports*: typed off the reports, and the records."""

import numpy as np
import pytest

from kdteach.experiments import report_comparisons as beside
from kdteach.results import load_records

PRINTED = {  # differences of accuracies that stand in the reports, in points
    "Report 0, T = 1": 98.16 - 98.21,
    "Report 0, T = 64": 98.92 - 98.21,
    "Report 2, T = 32": 97.84 - 97.20,
    "Report 3, T = 20": 98.68 - 97.95,
    "Report 0, T = 16 against 4": 98.83 - 98.71,
    "Report 2, T = 64 against 1": 97.80 - 97.93,
    "Report 2, T = 16, 0.9": 98.08 - 97.20,
    "Report 1, T = 7, with T²": 91.90 - 91.69,
    "Report 1, T = 10 against 5, without T²": 92.04 - 91.71,
}


def by_hand(experiment, **where):
    found = {
        r.seed: 100 * r.result["test_accuracy"]
        for r in load_records(experiment)
        if all(r.config.get(k) == v for k, v in where.items())
    }
    return [found[seed] for seed in sorted(found)]


@pytest.fixture(scope="module")
def found():
    return beside.comparisons()


def test_they_are_53_with_ten_pairs_each(found):
    counts = [sum(name.startswith(f"Report {n}") for name in found) for n in range(4)]
    assert counts == [6, 8, 38, 1]
    assert list(found)[:11] == list(beside.against_labels())
    for one in found.values():
        assert len(one.one) == len(one.other) == 10
        assert np.array_equal(one.gaps, np.asarray(one.one) - np.asarray(one.other))


def test_the_printed_differences_are_those_of_the_reports(found):
    for name, gain in PRINTED.items():
        assert found[name].printed == pytest.approx(gain, abs=1e-9), name


def test_ours_are_the_records(found):
    for name, one, other in (
        ("Report 0, T = 16", {"role": "report 0", "temperature": 16.0}, {"role": "plain"}),
        ("Report 2, T = 64 against 4", {"role": "over T", "temperature": 64.0},
         {"role": "over T", "temperature": 4.0}),
        ("Report 2, T = 2, 0.3", {"role": "grid", "temperature": 2.0, "alpha": 0.3},
         {"role": "plain"}),
    ):  # fmt: skip
        assert list(found[name].one) == by_hand("mnist-reports", **one)
        assert list(found[name].other) == by_hand("mnist-reports", **other)
    last = found["Report 1, T = 10 against 5, without T²"]
    role = "without the factor"
    assert list(last.one) == by_hand("mnist-fc", role=role, temperature=10.0)
    assert list(last.other) == by_hand("mnist-fc", role=role, temperature=5.0)


def test_every_printed_accuracy_has_its_runs():
    rows, printed = beside.accuracies()
    assert list(rows) == list(printed)
    assert printed["Report 0, Fig. 8: distilled, T = 64"] == pytest.approx(98.92)
    assert printed["Report 1: teacher"] == pytest.approx(98.03)
    third = by_hand("mnist-report3", role="plain")
    assert list(rows["Report 3 with 60,000 images: labels"]) == third


def test_right_answers_are_the_accuracy():
    right = beside.right_answers(4)
    assert right.shape == (10, 10_000)
    share = by_hand("mnist-reports", role="over T", temperature=4.0)
    assert 100 * right.mean(axis=1) == pytest.approx(np.array(share))
    for report, experiment, role, t in (
        ("Report 0", "mnist-reports", "report 0", 64.0),
        ("Report 1", "mnist-fc", "without the factor", 10.0),
        ("Report 2", "mnist-reports", "over T", 1.0),
    ):
        for asked, where in (
            (t, {"role": role, "temperature": t}),
            (None, {"role": "plain"}),
        ):
            share = np.array(by_hand(experiment, **where))
            found = beside.right_answers(asked, report)
            assert 100 * found.mean(axis=1) == pytest.approx(share)
    with pytest.raises(LookupError):
        beside.right_answers(3)
    with pytest.raises(LookupError):
        beside.right_answers(5, "Report 0")
    with pytest.raises(ValueError, match="temperature"):
        beside.right_answers(0)
    with pytest.raises(TypeError, match="temperature"):
        beside.right_answers("4")
    with pytest.raises(ValueError, match="report"):
        beside.right_answers(4, "Report 3")


def test_runs_with_report_2s_loss_are_the_records():
    found = beside.own_loss()
    assert list(found) == [
        "teacher", "labels", "T = 1", "T = 64",
        "usual, T = 4", "usual, T = 1", "usual, T = 64",
    ]  # fmt: skip
    for name, where in (
        ("teacher", {"role": "teacher"}),
        ("labels", {"role": "labels twice"}),
        ("T = 64", {"role": "report 2", "temperature": 64.0}),
        ("usual, T = 4", {"role": "usual", "temperature": 4.0}),
        ("usual, T = 64", {"role": "usual", "temperature": 64.0}),
    ):
        assert list(found[name]) == by_hand("mnist-softmax-twice", **where)
        assert len(found[name]) == 10


def test_six_settings_are_printed_twice():
    twice = beside.printed_twice()
    assert list(twice) == [f"T = {t}" for t in (1, 2, 4, 16, 32, 64)]
    assert twice["T = 4"] == pytest.approx((97.48, 97.91))
    assert twice["T = 64"] == pytest.approx((97.55, 97.80))


def test_outcomes_are_counted_report_by_report(found):
    words = {name: "even" if n % 2 else "odd" for n, name in enumerate(found)}
    table = beside.outcomes(words, ("even", "odd"))
    assert list(table) == [
        "Report 0, against T = 4 (2)", "Report 0, over labels (4)", "Report 1 (8)",
        "Report 2, by the usual loss (38)", "Report 3 (1)",
    ]  # fmt: skip
    assert table["Report 0, over labels (4)"] == [2, 2]
    assert table["Report 3 (1)"] == [0, 1]
    assert [sum(column) for column in zip(*table.values(), strict=True)] == [26, 27]
    assert beside.outcomes({}, ("even",)) == {}
    with pytest.raises(ValueError, match="among"):
        beside.outcomes(words, ("even",))
    with pytest.raises(TypeError, match="dictionary"):
        beside.outcomes(["even"], ("even",))
