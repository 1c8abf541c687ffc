"""The record of one job with four tools, against its numbers and SciPy."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench import job
from kdteach.experiments import photographs_peers as lab

ROOT = Path(__file__).resolve().parent.parent
RECORD = lab.photographs_peers()


def test_the_record_has_four_tools_with_the_pinned_versions():
    assert list(RECORD.tools) == list(job.TOOLS)
    pins = {}
    for file in ("requirements.txt", "bench/peers.txt", "bench/job.txt"):
        found = re.findall(r"(?m)^([\w-]+)==(\S+)$", (ROOT / file).read_text())
        pins |= dict(found)
    for name, tool in RECORD.measured.items():
        assert {k: pins[k] for k in job.TOOLS[name].packages} == tool.versions
        assert tool.lines == job.lines_of(job.TOOLS[name].text)
        assert len(tool.epochs["distilled-0"]) == RECORD.job["student_epochs"] - 1
    assert re.fullmatch(r"[0-9a-f]{12}", RECORD.made["commit"])
    assert RECORD.made["threads"] == 1
    assert RECORD.job["pictures"] == {"train": 2000, "valid": 500, "test": 2000}


def test_gains_are_those_of_scipy():
    for tool in RECORD.measured.values():
        pairs = [tool.right[f"distilled-{s}"] - tool.right[f"label-trained-{s}"]
                 for s in RECORD.job["seeds"]]  # fmt: skip
        points = np.array(pairs) / tool.pictures * 100
        assert all(f"{k} {v}" in RECORD.versions for k, v in tool.versions.items())
        wanted = stats.ttest_1samp(points, 0).confidence_interval(0.95)
        assert tool.gain.mean == pytest.approx(points.mean())
        assert tool.gain.low == pytest.approx(wanted.low)
        assert tool.gain.high == pytest.approx(wanted.high)
        assert tool.mean("distilled") - tool.mean("label-trained") == pytest.approx(
            points.mean()
        )
        times = [s for n, e in tool.epochs.items() if n[:4] == "dist" for s in e]
        assert tool.epoch == pytest.approx(np.median(times))


def test_the_tables_are_those_of_the_record():
    raw = json.loads((ROOT / "kdteach/records" / lab.FILE).read_text())["tools"]
    rows = [line.strip("| ").split(" | ") for line in RECORD.needs.splitlines()[2:]]
    assert [row[0] for row in rows] == list(raw)
    for name, lines, _, whole, peak in rows:
        assert int(lines) == raw[name]["lines"]
        assert int(whole) == round(raw[name]["whole"])
        assert int(peak.replace(",", "")) == round(raw[name]["peak"])
    for line in RECORD.results.splitlines()[2:]:
        name, teacher, *_ = line.strip("| ").split(" | ")
        assert float(teacher) == pytest.approx(
            raw[name]["right"]["teacher"] / 20, abs=0.051
        )
    for column, key in (("lines", "lines"), ("the job, s", "whole"), ("peak, MB", "peak")):
        for name in ("kdteach", "plain PyTorch"):
            less = [n for n in raw if n.partition(",")[0] != name
                    and raw[n][key] < raw[name][key]]  # fmt: skip
            assert RECORD.ahead_of(name)[column] == less


def test_reading_needs_none_of_the_tools():
    code = (
        "import sys\nfrom kdteach.experiments.photographs_peers import photographs_peers\n"
        "photographs_peers()\nprint([m for m in ('keras', 'jax', 'torchdistill') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True, cwd=ROOT)  # fmt: skip
    assert done.stdout.strip() == "[]"
