"""What stands around the package: citation, workflow, metadata, and the way of a name."""

import sys
import tomllib
from pathlib import Path

import pytest
import quick_experiment
import yaml

from kdteach.experiments import EXPERIMENTS, reproduce

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_is_of_this_version():
    """The keys that the schema of CFF 1.2.0 demands, and values equal to the package's."""
    citation = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in ("software", "dataset")
    assert citation["authors"] == [{"name": "The kdteach authors"}]
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]["text"]
    config = yaml.safe_load(read("_config.yml"))
    assert citation["repository-code"] == config["repository"]["url"]
    for name, url in PROJECT["urls"].items():
        assert url.startswith(config["repository"]["url"]), name


def test_the_workflow_runs_the_gate_and_may_write_nothing():
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12"]
    assert [step["run"] for step in job["steps"] if step.get("run") == ".ci/run"]
    checkout = next(step for step in job["steps"] if "checkout" in step.get("uses", ""))
    assert checkout["with"]["persist-credentials"] is False
    python = next(step for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert python["with"]["cache"] == "pip"
    triggers = workflow[True]  # YAML reads the key "on" as a truth value
    assert "pull_request_target" not in triggers
    assert not any("secrets." in str(step) for step in job["steps"])


def test_nothing_is_pinned_that_is_not_used():
    """What was thrown out stays out."""
    pinned = {line.split("==")[0].lower() for line in read("requirements.txt").splitlines()}
    assert not pinned & {"statsmodels"}
    wanted = {line.split(">")[0] for line in PROJECT["dependencies"]}
    for extra in ("book", "explain", "dask", "multi", "timm"):
        wanted |= {line.split(">")[0] for line in PROJECT["optional-dependencies"][extra]}
    assert wanted <= pinned


def test_the_changelog_has_what_is_not_released_first():
    heads = [line for line in read("CHANGELOG.md").splitlines() if line.startswith("## ")]
    assert heads[0] == "## [Unreleased]"
    assert heads[1] == f"## [{PROJECT['version']}]"


@pytest.mark.parametrize("name", ["quick"])
def test_the_name_of_an_experiment_passes_few_functions(name, monkeypatch, tmp_path):
    """Fewer than 14 functions are given it: the plan and its jobs need no name."""
    monkeypatch.setitem(EXPERIMENTS, name, quick_experiment.QUICK)
    stops = set()

    def look(frame, event, _):
        code = frame.f_code
        if event == "call" and "/kdteach/" in code.co_filename:
            count = code.co_argcount + code.co_kwonlyargcount
            if any(frame.f_locals.get(v) == name for v in code.co_varnames[:count]
                   if isinstance(frame.f_locals.get(v), str)):  # fmt: skip
                stops.add((Path(code.co_filename).name, code.co_name))

    sys.setprofile(look)
    try:
        reproduce(name, seeds=1, executor="local", results_dir=tmp_path, say=lambda _: None)
    finally:
        sys.setprofile(None)
    assert {f for f, _ in stops} >= {"runner.py", "ledger.py", "records.py"}
    assert len(stops) < 14, sorted(stops)
    assert not {"jobs.py", "plan.py", "teacher_store.py", "guards.py"} & {
        f for f, _ in stops
    }
