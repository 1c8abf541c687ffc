"""One whole job with four tools: what the record of ``python -m bench.job`` says.

The record ``photographs-peers.json`` holds what each tool needed for the same job, with
2,000 photographs in folders: lines, seconds, memory, and how many test photographs each
network got right. Whoever reads it needs none of the tools. Means, medians, gains and their
intervals are computed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from kdteach.comparisons import Comparison, compare
from kdteach.results import records_folder

__all__ = ["FILE", "PhotographsPeers", "Tool", "photographs_peers", "read"]

FILE = "photographs-peers.json"


@dataclass(frozen=True, eq=False)
class Tool:
    """What one tool needed, and what came of it.

    Attributes:
        name: as the table calls it.
        lines: that a user writes, neither blank nor comments.
        versions: of its packages.
        missing: what would have installed it, where it was not measured; then all that
            follows is empty.
        whole: seconds of the processor for the whole job.
        waited: seconds by the clock, on a machine that others may have used.
        peak: most memory, in MB of 2^20 bytes.
        epochs: of each training, the seconds of the processor for its epochs but for the
            first, in which a tool may compile.
        told: test accuracies that the tool has reported, in [0, 1].
        right: test photographs right, counted by plain PyTorch from the saved weights.
        pictures: how many test photographs there are.
        seeds: of the students.
    """

    name: str
    lines: int
    versions: Mapping[str, str]
    missing: str
    whole: float
    waited: float
    peak: float
    epochs: Mapping[str, tuple[float, ...]]
    told: Mapping[str, float]
    right: Mapping[str, int]
    pictures: int
    seeds: tuple[int, ...]

    def seconds(self, stage: str) -> float:
        """Median seconds of an epoch of the trainings whose name begins with ``stage``."""
        return median(s for n, times in self.epochs.items() if n.startswith(stage)
                      for s in times)  # fmt: skip

    @property
    def epoch(self) -> float:
        """Median seconds of a distilled epoch."""
        return self.seconds("distilled")

    def accuracies(self, arm: str) -> list[float]:
        """Test photographs right of an arm's students, in per cent, a seed each."""
        return [100 * self.right[f"{arm}-{s}"] / self.pictures for s in self.seeds]

    def mean(self, arm: str) -> float:
        """Their mean."""
        return sum(self.accuracies(arm)) / len(self.seeds)

    @property
    def teacher(self) -> float:
        """Test photographs right of the teacher, in per cent."""
        return 100 * self.right["teacher"] / self.pictures

    @cached_property
    def gain(self) -> Comparison:
        """Distilled less label-trained students, in points, in pairs of a seed."""
        return compare(
            self.accuracies("distilled"), self.accuracies("label-trained"),
            expect="higher", unit="points",
        )  # fmt: skip

    @property
    def wrong(self) -> dict[str, float]:
        """Networks whose accuracy the tool has told otherwise, and by how many points.

        Two photographs are allowed: rounding may turn a tie, where sums have another order.
        """
        off = {n: self.told[n] - k / self.pictures for n, k in self.right.items()}
        return {n: 100 * x for n, x in off.items() if abs(x) * self.pictures > 2.5}


@dataclass(frozen=True, eq=False)
class PhotographsPeers:
    """The record.

    Attributes:
        made: command, commit, Python, cores, threads, and how many tools ran at a time.
        job: pictures of each part, epochs, batch size, temperature, alpha, seeds.
        tools: by name, in the order of the table.
    """

    made: Mapping[str, Any]
    job: Mapping[str, Any]
    tools: Mapping[str, Tool]

    @property
    def measured(self) -> dict[str, Tool]:
        """The tools that were installed."""
        return {name: tool for name, tool in self.tools.items() if not tool.missing}

    @property
    def needs(self) -> str:
        """What each tool needs, as a table in Markdown."""
        rows = [["tool", *_NEEDS], ["---", *["---:"] * len(_NEEDS)]]
        for name, tool in self.tools.items():
            if tool.missing:
                rows.append(
                    [name, f"{tool.lines}", f"not measured: {tool.missing}", "", ""]
                )
            else:
                rows.append([name, *(format(of(tool), how) for of, how in _NEEDS.values())])
        return _markdown(rows)

    @property
    def results(self) -> str:
        """Test photographs right and the gain in points, as a table in Markdown."""
        rows = [["tool", "teacher, %", "label-trained, %", "distilled, %", "gain, points"],
                ["---", *["---:"] * 4]]  # fmt: skip
        for name, tool in self.measured.items():
            means = [tool.teacher, *map(tool.mean, ("label-trained", "distilled"))]
            gain = tool.gain
            rows.append(
                [name, *(f"{mean:.1f}" for mean in means),
                 f"{gain.mean:+.1f} ({gain.low:.1f} to {gain.high:.1f})"]
            )  # fmt: skip
        return _markdown(rows)

    @property
    def versions(self) -> str:
        """All packages with their versions, as a sentence names them."""
        found = {k: v for tool in self.measured.values() for k, v in tool.versions.items()}
        return ", ".join(f"{name} {version}" for name, version in found.items())

    def ahead_of(self, name: str) -> dict[str, list[str]]:
        """Column of the table to the other tools that need less there than this one.

        Tools whose name begins as this one's does are the same tool, used otherwise.
        """
        mine = self.measured[name]
        family = name.partition(",")[0]
        others = {n: t for n, t in self.measured.items() if not n.startswith(family)}
        return {
            column: [n for n, tool in others.items() if of(tool) < of(mine)]
            for column, (of, _) in _NEEDS.items()
        }


_NEEDS: Mapping[str, tuple[Callable[[Tool], float], str]] = {
    "lines": (lambda tool: tool.lines, "d"),
    "an epoch, s": (lambda tool: tool.epoch, ".2f"),
    "the job, s": (lambda tool: tool.whole, ".0f"),
    "peak, MB": (lambda tool: tool.peak, ",.0f"),
}


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def read(path: Path) -> PhotographsPeers:
    """Read such a record; no tool is needed for it.

    Raises:
        FileNotFoundError: there is no such file.
    """
    entry = json.loads(path.read_text(encoding="utf-8"))
    pictures, seeds = entry["job"]["pictures"]["test"], tuple(entry["job"]["seeds"])
    tools = {
        name: Tool(
            name, row["lines"], row.get("versions", {}), row.get("missing", ""),
            row.get("whole", 0.0), row.get("waited", 0.0), row.get("peak", 0.0),
            {stage: tuple(times) for stage, times in row.get("epochs", {}).items()},
            row.get("told", {}), row.get("right", {}), pictures, seeds,
        )
        for name, row in entry["tools"].items()
    }  # fmt: skip
    return PhotographsPeers(entry["made"], entry["job"], tools)


def photographs_peers() -> PhotographsPeers:
    """Read the record that ships with the package."""
    return read(records_folder() / FILE)
