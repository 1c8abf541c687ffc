"""The experiment on chains: one budget for every arm, and all of its runs recorded."""

import pytest

from kdteach.experiments.catalogue import digit_chains as chains
from kdteach.results import load_records

NAME = "digits-chains-few"


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("arm", chains.ARMS)
def test_every_arm_has_eighteen_settings(arm, few):
    settings = chains.settings(arm, few)
    assert len(settings) == 18
    assert all(settings.count(config) == 1 for config in settings)
    assert {config["learning_rate"] for config in settings} == set(chains.RATES)
    assert {config["model"] for config in settings} == {"fc-16-16"}
    assert {config.get("transfer") for config in settings} == {100 if few else None}
    free = ("learning_rate", "temperature", "alpha", "smoothing", "teacher", "role")
    rest = [{k: v for k, v in c.items() if k not in free} for c in settings]
    assert all(config == rest[0] for config in rest)


def test_each_run_is_recorded_for_ten_draws():
    seeds = {}
    for record in load_records(NAME):
        key = tuple(sorted((k, str(v)) for k, v in record.config.items()))
        seeds.setdefault(key, []).append(record.seed)
    for config in chains.FEW_IMAGES.configurations:
        key = tuple(sorted((k, str(v)) for k, v in config.items()))
        assert sorted(seeds[key]) == list(range(10))


def test_the_chain_leads_from_large_to_small():
    for config in chains.settings("chain", few=True):
        widths = []
        while config is not None:
            widths.append(int(config["model"].split("-")[1]))
            config = config.get("teacher")
        assert widths == [16, 48, 144]
