"""Learning curves of borrowed features: validation chooses the rate."""

import numpy as np
import pytest

from kdteach.experiments import tile_curves
from kdteach.experiments.tile_curves import NAME, RATES, TILES, WAYS
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


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(LookupError, match=NAME):
        tile_curves.pretraining_curves(folder=tmp_path)
