"""Studies whose arms choose their own settings: one arm and one seed is a record.

Such a study is a function from divisions of the digits to what each of its arms found. The
experiments that consist of them differ in these functions alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from kdteach.checks import check_choice
from kdteach.data import load
from kdteach.experiments.choosing import Found
from kdteach.experiments.environment import environment_of, settings
from kdteach.experiments.order import commit_of
from kdteach.files import check_path
from kdteach.results import Folder, add_records, load_records, records_path
from kdteach.types import ImageSet, RunRecord


@dataclass(frozen=True)
class Studies:
    """An experiment of several studies.

    Attributes:
        name: of the experiment, and of the file of its records.
        seeds: how many divisions of the digits each study gets, 0, 1, 2 and so on.
        of: the studies by name; each takes the divisions and returns its arms by role.
        network: makes one of the networks, for the environment that a record names.
    """

    name: str
    seeds: int
    of: Mapping[str, Callable[[list[ImageSet]], dict[str, Found]]]
    network: Callable[[], nn.Module]

    def reproduce(
        self,
        *,
        study: str | None = None,
        results_dir: Folder | None = None,
        say: Callable[[str], None] = print,
    ) -> Path:
        """Run and record the studies that are missing.

        Args:
            study: one of them, by default all.
            results_dir: where the records go, by default into the package.
            say: called with one line an arm.

        Returns:
            The path of the records.

        Raises:
            TypeError: an argument of another type.
            ValueError: there is no such study.
        """
        wanted = [*self.of] if study is None else [check_choice("study", study, self.of)]
        folder = None if results_dir is None else check_path("results_dir", results_dir)
        commit = commit_of(Path(__file__).parent)
        known = {str(r.config["study"]) for r in load_records(self.name, folder)}
        with settings(1):
            for name in wanted:
                if name not in known:
                    self._record(name, commit, folder, say)
        return records_path(self.name, folder)

    def _record(
        self, study: str, commit: str, folder: Path | None, say: Callable[[str], None]
    ) -> None:
        draws = [load("digits", draw=i, dtype=torch.float64) for i in range(self.seeds)]
        start = time.perf_counter()
        found = self.of[study](draws)
        seconds = (time.perf_counter() - start) / (len(found) * self.seeds)
        records = []
        for role, arm in found.items():
            config = {
                "study": study, "role": role, **arm.setting,
                "chosen_from": [
                    [dict(setting), errors] for setting, errors in arm.tried
                ],
            }  # fmt: skip
            for seed, draw in enumerate(draws):
                result: dict[str, float | int | list[int] | list[float]] = {
                    "valid_errors": int(arm.valid_errors[seed]),
                    "test_errors": int(arm.test_errors[seed]),
                    "test_accuracy": 1 - arm.test_errors[seed] / len(draw.test),
                }
                result.update({name: values[seed] for name, values in arm.more.items()})
                about = environment_of(seconds, draw, commit, self.network())
                records.append(RunRecord(self.name, config, seed, result, {}, about))
            wrong = sum(arm.test_errors) / self.seeds
            say(
                f"{self.name}: {study}: {role}: {dict(arm.setting)}, "
                f"{wrong:.1f} test errors"
            )
        add_records(self.name, records, folder, skip_recorded=True)
