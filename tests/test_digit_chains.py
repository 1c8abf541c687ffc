"""Chains on the digits: arms with one budget, choices that follow, fresh divisions."""

import pytest

from kdteach.experiments import EXPERIMENTS, chains
from kdteach.experiments.catalogue.digit_chains import (
    CHAINS,
    SEARCHED,
    SETTINGS,
    choices,
    student,
)
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
