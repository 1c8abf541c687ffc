"""Chains on the digits: arms with one budget, choices that follow, fresh divisions."""

from collections.abc import Mapping

import pytest
import torch

from kdteach.data import load
from kdteach.experiments import EXPERIMENTS, chains
from kdteach.experiments.catalogue.digit_chains import (
    CHAINS,
    SEARCHED,
    SETTINGS,
    choices,
    student,
)
from kdteach.experiments.recipes import fresh_model
from kdteach.results import load_records


def test_every_arm_has_the_same_budget():
    assert {arm: len(set(choices(arm))) for arm in chains.ARMS} == dict.fromkeys(
        chains.ARMS, 24
    )
    assert EXPERIMENTS["digits-chain-settings"] is SETTINGS
    assert len(SETTINGS.configurations) == 5 + 5 * 24


@pytest.mark.parametrize("arm", chains.ARMS)
def test_each_arm_has_the_setting_with_the_fewest_mistakes(arm):
    tried = chains.tried(arm)
    assert list(tried) == choices(arm)
    assert chains.CHOSEN[arm] == min(tried, key=tried.get)
    assert CHAINS[f"{arm}, own"] == student(arm, *chains.CHOSEN[arm])


def test_students_differ_in_who_teaches_them_alone():
    for temperature in (1, 4, 16):
        found = [dict(CHAINS[f"{units}, T = {temperature}"]) for units in (16, 48, 144)]
        teachers = [config.pop("teacher")["model"] for config in found]
        assert teachers == ["fc-16-16", "fc-48-48", "fc-144-144"]
        assert found[0] == found[1] == found[2]


def test_an_assistant_learns_from_the_teacher():
    config = student("chain", 0.03, 4.0, 1.0)
    assert config["teacher"]["model"] == "fc-48-48"
    assert config["teacher"]["teacher"]["model"] == "fc-144-144"
    assert config["teacher"]["temperature"] == 1.0


def test_fresh_divisions_took_no_part_in_the_search():
    searched = {run.seed for run in load_records(SETTINGS.name)}
    assert searched == set(range(SEARCHED))
    for name in ("144, own", "16, T = 1", "teacher, 48"):
        assert chains.fresh(name).seeds == tuple(range(10, 20))


def test_names_that_are_unknown():
    with pytest.raises(ValueError, match="arm"):
        chains.tried("12")
    with pytest.raises(LookupError, match="no configuration"):
        chains.fresh("12, own")


def test_a_row_says_what_an_arm_tried_and_chose():
    row = chains.choices("chain")
    counts = sorted(chains.tried("chain").values())
    assert row["settings"] == "24"
    assert row["fewest"] == f"{counts[0]:.1f}"
    assert row["median"] == f"{(counts[11] + counts[12]) / 2:.1f}"
    assert row["most"] == f"{counts[-1]:.1f}"
    rate, T, own = chains.CHOSEN["chain"]
    assert row["chosen"] == f"rate {rate:g}, T {T:g}, assistant at {own:g}"
    assert chains.in_words("labels", (0.01, 0.1)) == "rate 0.01, smoothing 0.1"
    assert chains.in_words("48", (0.01, 4.0, 0.5)) == "rate 0.01, T 4, alpha 0.5"
    with pytest.raises(ValueError, match="arm"):
        chains.choices("12")
    for arm, setting in (("48", (0.01, 4.0)), ("labels", (0.01, 0.1, 0.5))):
        with pytest.raises(ValueError, match="keys of tried"):
            chains.in_words(arm, setting)


@pytest.mark.parametrize("arm", chains.ARMS[1:])
def test_a_validation_curve_has_the_best_at_each_temperature(arm):
    curve, tried = chains.best_at(arm), chains.tried(arm)
    assert len(curve) == len(chains.TEMPERATURES)
    assert min(curve) == tried[chains.CHOSEN[arm]]
    for T, best in zip(chains.TEMPERATURES, curve, strict=True):
        assert best == min(v for (_, t, _), v in tried.items() if t == T)


def test_labels_alone_have_no_temperature():
    with pytest.raises(ValueError, match="arm"):
        chains.best_at("labels")


def test_the_first_edition_is_that_of_its_record():
    found = chains.first_edition()
    by_units = [key for key in found if key[0] != "assistants"]
    assert {student for student, _ in by_units} == {"10-10", "30"}
    assert ("10-10", "300-300 > 100-100 > 30-30") in found
    runs = [
        r.result["test_errors"]
        for r in load_records("mnist-assistants")
        if (r.config["role"], r.config["model"]) == ("plain", "fc-30")
    ]
    assert sorted(found["30", "labels alone"].tolist()) == sorted(runs)
    last = found["assistants", "30-30-30-30 > 30-30 for 30"]
    assert len(last) == len(runs) == 10


def test_a_division_that_tunes_alone_takes_its_own_fewest_validation_errors():
    found = chains.tuned_alone("144")
    assert found.seeds == tuple(range(10))
    for n in (0, 7):
        fewest, test = min(
            (
                (chains.searched("144", s, "valid_errors")[n], chains.searched("144", s)[n])
                for s in chains.tried("144")
            ),
            key=lambda pair: pair[0],
        )
        assert fewest <= chains.searched("144", chains.CHOSEN["144"], "valid_errors")[n]
        assert found[n] == test
    with pytest.raises(ValueError, match="keys of tried"):
        chains.searched("144", (1.0,))


def test_work_counts_each_network_once():
    large, middle, small = 31_690, 5_962, 1_482
    student = 6 * small * 100 * 60
    direct = 6 * large * 1079 * 40 + 2 * large * 100 + student
    chain = 6 * (large + middle) * 1079 * 40 + 2 * large * 1079 + 2 * middle * 100 + student
    assert chains.work((), 1079) == student / 1e9
    assert chains.work((144,), 1079) == direct / 1e9
    assert chains.work((144, 48), 1079) == chain / 1e9
    there = 6 * large * 1079 * 40
    assert chains.work((144, 48), 1079, owned=True) == (chain - there) / 1e9
    with pytest.raises(ValueError, match="images"):
        chains.work((144,), 99)
    for config in CHAINS.configurations:
        few = "transfer" in config
        assert config["epochs"] == (60 if few else 40)
        assert not few or (config["model"], config["transfer"]) == ("fc-16-16", 100)


def test_the_second_teacher_of_16_units_begins_elsewhere():
    """The first one begins where its students begin, for they share the seed."""
    data = load("digits", draw=0, dtype=torch.float64)
    of = {
        name: fresh_model(CHAINS[name], data, 3).state_dict()
        for name in ("teacher, 16", "teacher, 16 from another start", "16, T = 1",
                     "16 from another start, T = 1")
    }  # fmt: skip
    first, second, student, other = of.values()
    for name, weights in student.items():
        assert torch.equal(weights, first[name])
        assert torch.equal(weights, other[name])
        assert not torch.equal(weights, second[name])


def test_no_other_teacher_begins_where_its_students_begin():
    """A teacher of the students' own architecture needs first weights of its own."""
    alike = {
        name
        for name, experiment in EXPERIMENTS.items()
        for config in experiment.configurations
        if isinstance(teacher := config.get("teacher"), Mapping)
        and teacher.get("model") == config["model"] and not teacher.get("start")
    }  # fmt: skip
    assert alike == {"digits-chains", "digits-chain-settings"}  # which have the control


def test_its_students_differ_in_their_teacher_alone():
    for name in ("own", "T = 1", "T = 4", "T = 16"):
        mine, other = (
            dict(CHAINS[f"16, {name}"]),
            dict(CHAINS[f"16 from another start, {name}"]),
        )
        teacher = mine.pop("teacher")
        assert other.pop("teacher") == {**teacher, "start": 1000}
        assert mine == other


def test_the_chain_from_another_start_shares_no_weight_with_its_student():
    """By one seed a wider layer begins with the rows of a narrower one."""
    again = CHAINS["chain from another start, own"]
    assert {**again, "teacher": None} == {**CHAINS["chain, own"], "teacher": None}
    data, rows = load("digits", draw=0, dtype=torch.float64), {}
    for name, config in (
        ("student", again),
        ("assistant", again["teacher"]),
        ("teacher", again["teacher"]["teacher"]),
        ("usual assistant", CHAINS["chain, own"]["teacher"]),
    ):
        rows[name] = next(fresh_model(config, data, 3).parameters())[:16]
    assert torch.equal(rows["usual assistant"], rows["student"])
    assert not torch.isclose(rows["assistant"], rows["student"]).any()
    assert not torch.isclose(rows["teacher"], rows["student"]).any()
