"""The choices of the experiment on chains follow from its records."""

import pytest

from kdteach.experiments import EXPERIMENTS
from kdteach.experiments.catalogue import mnist_chains as chains
from kdteach.results import load_records

NEVER = ("learning_rate", "weight_decay", "temperature", "alpha")


def tried(kind, config):
    """Validation errors of each setting of an arm, in the order of the list."""
    found = {}
    records = load_records(f"mnist-chain-{kind}")
    wanted = {k: v for k, v in config.items() if k not in (*NEVER, "role")}
    for config in EXPERIMENTS[f"mnist-chain-{kind}"].configurations:
        its = {k: v for k, v in config.items() if k not in (*NEVER, "role")}
        if its != wanted or config["role"] not in ("plain", "distilled"):
            continue
        runs = [r for r in records if r.config == config]
        assert [r.seed for r in runs] == [0]
        key = (config["learning_rate"], config.get("weight_decay", 0.0))
        if "temperature" in config:
            key = (config["learning_rate"], config["temperature"], config["alpha"])
        found[key] = runs[0].result["valid_errors"]
    return found


ARMS = [
    *(
        ("few-settings", f"few, {arm}", setting)
        for arm, setting in chains.CHOSEN_FEW.items()
    ),
    *(("settings", f"all, {arm}", setting) for arm, setting in chains.CHOSEN.items()),
]


@pytest.mark.parametrize(("kind", "name", "setting"), ARMS)
def test_each_arm_has_the_setting_with_the_fewest_mistakes(kind, name, setting):
    errors = tried(kind, chains.NAMED[name])
    assert len(errors) == (24 if kind == "few-settings" else 18)
    assert min(errors, key=errors.get) == setting  # of equal ones the first


@pytest.mark.parametrize("arm", chains.CHOSEN_ASSISTANTS)
def test_so_has_each_assistant(arm):
    teaches = chains.TEACHES["chain" if arm == "teacher" else "assistant by labels"]
    errors = tried("assistants", teaches)
    assert len(errors) == 24
    assert min(errors, key=errors.get) == chains.CHOSEN_ASSISTANTS[arm]


def test_what_was_chosen_is_what_was_run():
    records = load_records("mnist-chains")
    for config in chains.NAMED.values():
        seeds = sorted(r.seed for r in records if r.config == config)
        assert seeds == list(range(11))


def test_nobody_is_wider_than_who_teaches():
    for config in chains.CHAINS.configurations:
        if (above := config.get("teacher")) is not None:
            widths = [int(c["model"].split("-")[1]) for c in (config, above)]
            assert widths[0] <= widths[1]
