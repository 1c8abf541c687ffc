"""Studies are recorded arm by arm and seed by seed, and only where they are missing."""

import pytest
import torch

from kdteach.experiments.choosing import Found
from kdteach.experiments.studies import Studies
from kdteach.models import build
from kdteach.results import load_records


def test_missing_studies_are_run_and_recorded(tmp_path):
    ran, said = [], []

    def study(name, wrong):
        def run(draws):
            ran.append((name, [len(draw.test) for draw in draws]))
            tried = (({"rate": 0.1}, 9.0), ({"rate": 0.2}, 7.0))
            return {"labels": Found({"rate": 0.2}, tried, [7, 7], wrong, {"own": [1, 2]})}

        return run

    several = Studies(
        "studies-tried",
        2,
        {"one": study("one", [5, 6]), "two": study("two", [8, 10])},
        lambda: build("fc-8", input_shape=(1, 8, 8), seed=0, dtype=torch.float64),
    )
    several.reproduce(study="two", results_dir=tmp_path, say=said.append)
    path = several.reproduce(results_dir=tmp_path, say=said.append)
    several.reproduce(results_dir=tmp_path, say=said.append)
    assert ran == [("two", [359, 359]), ("one", [359, 359])]
    assert path == tmp_path / "studies-tried.jsonl"
    assert [line.rpartition(", ")[2] for line in said] == [
        "9.0 test errors", "5.5 test errors"
    ]  # fmt: skip
    records = load_records("studies-tried", tmp_path)
    found = {
        (r.config["study"], r.seed): (r.result["test_errors"], r.result["own"])
        for r in records
    }
    assert found == {
        ("one", 0): (5, 1), ("one", 1): (6, 2), ("two", 0): (8, 1), ("two", 1): (10, 2)
    }  # fmt: skip
    assert {r.config["rate"] for r in records} == {0.2}
    assert records[0].result["test_accuracy"] == pytest.approx(1 - 5 / 359)
    with pytest.raises(ValueError, match="study"):
        several.reproduce(study="three", results_dir=tmp_path)
