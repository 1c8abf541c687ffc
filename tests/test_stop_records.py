"""What the two pages on early stopping read of the records."""

import json
from pathlib import Path

import pytest

import kdteach
from kdteach.experiments import teacher_stops as stops

RECORDS = Path(kdteach.__file__).resolve().parent / "records"


def by_hand(name, metric, matches):
    """Straight from the lines of the file."""
    lines = (RECORDS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [r for r in map(json.loads, lines) if matches(r["config"])]
    return [r["result"][metric] for r in sorted(kept, key=lambda r: r["seed"])]


@pytest.mark.parametrize(
    ("found", "matches"),
    [
        (
            stops.schedule("test_errors", stops.SMALL, 4),
            lambda c: c["role"] == "short schedule" and c["teacher"]["epochs"] == 4,
        ),
        (
            stops.checkpoint("test_errors", stops.SMALL, 3),
            lambda c: c["role"] == "checkpoint" and c["teacher_epoch"] == 3,
        ),
        (
            stops.labels_alone("test_errors", stops.SMALL),
            lambda c: c["role"] == "plain",
        ),
        (
            stops.stopped("test_errors", stops.SMALL, 6),
            lambda c: c["role"] == "switched off" and c["stop_epoch"] == 6,
        ),
    ],
)
def test_ten_students_of_the_configuration_are_read(found, matches):
    small = by_hand(
        "mnist-early-stopping", "test_errors",
        lambda c: c["model"] == stops.SMALL and matches(c),
    )  # fmt: skip
    assert len(small) == 10
    assert list(found) == small


def test_dense_checkpoints_taught_the_large_student_alone():
    dense = stops.checkpoint("test_errors", stops.LARGE, 4, kind="dense")
    assert list(dense) != list(stops.checkpoint("test_errors", stops.LARGE, 4))
    with pytest.raises(LookupError):
        stops.checkpoint("test_errors", stops.SMALL, 4, kind="dense")
    with pytest.raises(ValueError, match="kind"):
        stops.checkpoint("test_errors", stops.LARGE, 4, kind="wide")


def test_both_rates_of_the_small_student_are_told_apart():
    old, own = (stops.small_teacher("test_errors", "labels", r) for r in ("old", "own"))
    assert list(old) == list(stops.labels_alone("test_errors", stops.SMALL))
    assert list(own) == by_hand(
        "mnist-teacher-stops", "test_errors",
        lambda c: c["role"] == "plain" and c["learning_rate"] == 0.02,
    )  # fmt: skip
    with pytest.raises(ValueError, match="arm"):
        stops.small_teacher("test_errors", "schedule 12", "own")
    with pytest.raises(ValueError, match="rate"):
        stops.small_teacher("test_errors", "labels", "0.02")


@pytest.mark.parametrize("rate", ["old", "own"])
def test_large_and_small_teachers_have_a_record_each(rate):
    """A student of labels has no teacher, so both records have the same one."""
    large, small = stops.large_teacher, stops.small_teacher
    alone = list(large("test_errors", "labels", rate))
    assert alone == list(small("test_errors", "labels", rate))
    own = 0.001 if rate == "old" else 0.02
    assert list(large("test_errors", "checkpoint 4", rate)) == by_hand(
        "mnist-large-teacher-stops", "test_errors",
        lambda c: c.get("teacher_epoch") == 4 and c["learning_rate"] == own,
    )  # fmt: skip
    with pytest.raises(ValueError, match="arm"):
        large("test_errors", "schedule 12", rate)


@pytest.mark.parametrize("epochs", [4, 12])
def test_at_the_old_rate_large_teachers_repeat_the_earlier_record(epochs):
    arm = "schedule 4" if epochs == 4 else "checkpoint 12"
    again = stops.large_teacher("test_errors", arm, "old")
    earlier = stops.schedule("test_errors", stops.SMALL, epochs)
    assert again.mean() == pytest.approx(earlier.mean(), abs=15)  # float32, two machines


def test_a_course_has_a_seed_a_row():
    accuracy = stops.course("valid_accuracy", role="plain", model=stops.SMALL)
    assert accuracy.shape == (10, 12)
    last = 1 - stops.labels_alone("valid_errors", stops.SMALL).plain() / 10_000
    assert accuracy[:, -1] == pytest.approx(last)
    with pytest.raises(LookupError, match="no run"):
        stops.course("loss", role="unheard of")
