"""The tables of *Hinton's missing digit* are the records, read without the library."""

import pytest

from kdteach.experiments import hinton_runs
from kdteach.results import load_records

COUNTS = {  # of the paper, section 3
    "test errors": {
        "teacher": 67, "student, labels": 146, "student, T = 20": 74, "without 3": 206,
        "without 3, bias by test images": 109,
    },
    "3s missed of 1,010": {
        "soft targets, as trained": 133, "soft targets, bias by test images": 14,
    },
    "only 7 and 8: test errors": {"as trained": 4730, "bias by test images": 1320},
}  # fmt: skip


def by_hand(role, metric, **where):
    """Seed to number, of the records whose settings are these."""
    found = {
        r.seed: r.result[metric]
        for r in load_records("mnist-hinton")
        if r.config.get("role") == role
        and all(r.config.get(k) == v for k, v in where.items())
    }
    return [found[seed] for seed in sorted(found)]


@pytest.mark.parametrize("name", hinton_runs.TABLES)
def test_ten_runs_a_row_and_the_papers_numbers_beside(name):
    rows, printed = hinton_runs.table(name)
    assert printed == COUNTS[name]
    assert all(len(runs) == 10 for runs in rows.values())


def test_the_rows_are_the_records():
    rows, _ = hinton_runs.table("test errors")
    assert list(rows["without 3"]) == by_hand("without 3", "test_errors")
    long = {"epochs": 60, "batch_size": 32}
    assert list(rows["student, labels"]) == by_hand("plain", "test_errors", **long)
    assert list(rows["nothing left out"]) == by_hand("all digits", "test_errors")
    biased = by_hand("without 3", "valid_bias_test_errors")
    assert list(rows["without 3, bias by validation"]) == biased
    missed, _ = hinton_runs.table("3s missed of 1,010")
    by_class = by_hand("without 3", "test_class_errors")
    assert list(missed["soft targets, as trained"]) == [n[3] for n in by_class]


@pytest.mark.parametrize("units", [30, 300])
def test_every_temperature_and_labels_alone(units):
    found = hinton_runs.widths(units)
    model = f"fc-{units}-{units}"
    alone = by_hand("width, labels", "test_errors", model=model)
    assert list(found.labels) == alone
    for T, runs in found.soft.items():
        assert list(runs) == by_hand("width", "test_errors", model=model, temperature=T)
    assert list(found.soft) == list(hinton_runs.TEMPERATURES)


def test_what_is_not_there_is_said():
    with pytest.raises(ValueError, match="name"):
        hinton_runs.table("wins")
    with pytest.raises(LookupError):
        hinton_runs.widths(31)
    with pytest.raises(LookupError):
        hinton_runs.runs("nobody")
