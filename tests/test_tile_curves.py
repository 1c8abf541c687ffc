"""Learning curves of borrowed features: validation chooses the rate."""

import numpy as np
import pytest

from kdteach.experiments import tile_curves
from kdteach.experiments.tile_curves import EPOCHS, NAME, RATES, TILES, WAYS
from kdteach.results import load_records


@pytest.fixture(scope="module")
def curves():
    return tile_curves.pretraining_curves()


def test_each_point_is_the_mean_of_its_own_runs(curves):
    runs = load_records(NAME)
    for way, where in WAYS.items():
        for tiles in TILES:
            own = [
                run for run in runs
                if run.config.get("transfer", 1740) == tiles
                and run.config.get("weights") == where.get("weights")
                and ("policy" in run.config) == ("policy" in where)
                and run.config["epochs"] == EPOCHS[tiles]
            ]  # fmt: skip
            valid = {
                rate: np.mean([
                    100 * r.result["valid_auc"] for r in own
                    if r.config["learning_rate"] == rate
                ])
                for rate in RATES
            }  # fmt: skip
            point = curves[way][tiles]
            assert point.valid == pytest.approx(valid)
            assert point.rate == max(valid, key=valid.get)
            assert len(point.auc) == 10
            assert point.at_an_end == (point.rate != 0.01)
            test = [
                r.result["test_auc"] for r in own if r.config["learning_rate"] == point.rate
            ]
            assert sorted(point.auc) == pytest.approx(sorted(100 * np.array(test)))


def test_fine_tuning_that_stops_is_apart_from_that_which_ends(curves):
    stops = tile_curves.stopped_early()
    assert list(stops) == [5, 10]
    for epochs, point in stops.items():
        at = {"epochs": epochs, "learning_rate": point.rate, "weights": "tissues"}
        runs = [r for r in load_records(NAME) if {**r.config, **at} == r.config]
        assert {run.config["transfer"] for run in runs} == {60}
        assert not any("policy" in run.config for run in runs)
        found = {run.seed: 100 * run.result["test_auc"] for run in runs}
        assert list(point.auc) == pytest.approx([found[seed] for seed in range(10)])
        assert list(point.auc) != list(curves["fine-tuned"][60].auc)
        assert point.valid[point.rate] == max(point.valid.values())


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(LookupError, match=NAME):
        tile_curves.stopped_early(folder=tmp_path)
    with pytest.raises(LookupError, match=NAME):
        tile_curves.pretraining_curves(folder=tmp_path)
