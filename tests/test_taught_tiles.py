"""The three students of few tiles: validation chooses the rate of each."""

import numpy as np
import pytest

from kdteach.experiments import EXPERIMENTS, taught_tiles
from kdteach.experiments.taught_tiles import NAME, RATES, STUDENTS
from kdteach.results import load_records


@pytest.fixture(scope="module")
def arms():
    return taught_tiles.students()


def own_runs(name):
    role = STUDENTS[name]["role"]
    return [
        run for run in load_records(NAME)
        if run.config["role"] == role
    ]  # fmt: skip


@pytest.mark.parametrize("name", STUDENTS)
def test_each_student_has_the_rate_that_is_best_on_validation(arms, name):
    runs = own_runs(name)
    valid = {
        rate: np.mean([
            100 * run.result["valid_auc"] for run in runs
            if run.config["learning_rate"] == rate
        ])
        for rate in RATES
    }  # fmt: skip
    arm = arms[name]
    assert arm.valid == pytest.approx(valid)
    assert arm.rate == max(valid, key=valid.get)
    assert arm.at_an_end == (arm.rate != RATES[1])
    test = [r.result["test_auc"] for r in runs if r.config["learning_rate"] == arm.rate]
    assert sorted(arm.runs()) == pytest.approx(sorted(100 * np.array(test)))
    assert len(test) == 10
    scaling = [
        r.result["valid_temperature"] for r in runs if r.config["learning_rate"] == arm.rate
    ]  # fmt: skip
    # a number, no share: it is not turned into per cent
    assert sorted(arm.runs("valid_temperature")) == pytest.approx(sorted(scaling))
    other = arm.runs("test_class_accuracy", item=1, rate=RATES[0])
    wanted = [
        r.result["test_class_accuracy"][1] for r in runs
        if r.config["learning_rate"] == RATES[0]
    ]  # fmt: skip
    assert sorted(other) == pytest.approx(sorted(100 * np.array(wanted)))


def test_arms_differ_in_what_they_are_named_after_alone():
    settings = [
        {k: v for k, v in config.items() if k not in
         ("role", "weights", "teacher", "temperature", "alpha", "targets", "learning_rate")}
        for config in EXPERIMENTS[NAME].configurations if config["role"] != "teacher"
    ]  # fmt: skip
    assert len(settings) == len(STUDENTS) * len(RATES)
    assert all(one == settings[0] for one in settings)
    assert settings[0]["transfer"] == 300


def test_what_is_recorded_beside_votes_is_what_it_says(arms):
    for arm in arms.values():
        agreement = np.asarray(arm.runs("test_rater_agreement"))
        assert ((agreement > 45) & (agreement < 82)).all()
        for metric in ("test_vote_gap", "test_label_gap", "test_vote_brier"):
            values = np.asarray(arm.runs(metric))
            assert ((values > 0) & (values < 50)).all()


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(LookupError, match=NAME):
        taught_tiles.students(folder=tmp_path)


def test_kinds_are_compared_with_labels_at_each_rate(arms):
    found = taught_tiles.by_rate(arms, "votes", "test_vote_gap", "test_scaled_vote_gap")
    for rate, gap in found.items():
        votes = arms["votes"].runs("test_vote_gap", rate=rate)
        labels = arms["labels"].runs("test_scaled_vote_gap", rate=rate)
        assert gap.mean == pytest.approx(votes.mean() - labels.mean())
        assert gap.seeds == tuple(range(10))
    assert list(found) == list(RATES)
    wide = taught_tiles.by_rate(arms, "distilled", comparisons=14)
    narrow = taught_tiles.by_rate(arms, "distilled")
    assert all(wide[r].low < narrow[r].low < narrow[r].mean for r in RATES)
