"""Killed at random moments in the middle of students: the records are the same."""

import sys
from pathlib import Path

import killed_students
import warm

from kdteach.results import load_records

HERE = Path(__file__).parent


def values(folder):
    """Everything of each run but where and when it was computed, by what it is."""
    return {
        (record.config["role"], record.seed): (record.result, record.history)
        for record in load_records("cropped", folder)
    }


def test_five_kills_change_nothing(tmp_path):
    killed = tmp_path / "killed"
    done = warm.run(
        [sys.executable, HERE / "killed_students.py", killed, "5"],
        check=True, cwd=HERE.parent, capture_output=True, text=True,
    )  # fmt: skip
    at = done.stdout.split()
    assert "None" not in at, f"it had ended before it was killed: {at}"
    assert len(at) == 5
    whole = tmp_path / "whole"
    whole.mkdir()
    killed_students.run(whole)
    assert int(at[-1]) < len(values(whole)) == 9
    assert values(killed) == values(whole)
