"""Contestants take turns, each time in a fresh process; medians with least and most.

A rival's script is run with the peers' environment, ``make peers``; without that its rows
say so and nothing fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

PEERS = Path(".venv-peers") / "bin" / "python"
SCRIPTS = Path(__file__).parent / "peers"
ROUNDS = 3
PINS = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "XLA_FLAGS",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
)
"""Variables that hold one numerical library to other instructions or sizes than it would
choose. They are dropped, so that every contestant may use the processor as it finds it."""


def ours(module: str, *arguments: object) -> list[str]:
    """The command of a contestant that uses this environment."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def rival(script: str, *arguments: object) -> list[str] | None:
    """The command of a rival; None without the peers' environment."""
    if not PEERS.exists():
        return None
    return [str(PEERS), str(SCRIPTS / script), *map(str, arguments)]


def take_turns(
    commands: Mapping[str, Sequence[str] | None],
    threads: int | None = None,
    rounds: int = ROUNDS,
) -> dict[str, list[dict[str, Any]]]:
    """Run the contestants in turns.

    Args:
        commands: each prints a JSON object with ``seconds`` as its last line.
        threads: of the numerical libraries, None for their own choice.
        rounds: how often each runs.

    Returns:
        What each has printed, round by round; nothing for one that is not there.
    """
    environment = {key: value for key, value in os.environ.items() if key not in PINS}
    if pinned := sorted(set(os.environ) - set(environment)):
        print(f"  without {', '.join(pinned)}, which this machine sets", file=sys.stderr)
    if threads is not None:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(threads)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            if command is None:
                continue
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, check=False
            )
            if done.returncode:
                raise RuntimeError(f"{name} failed:\n{done.stderr[-3000:]}")
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    return found


def seconds(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Median, least and most of the seconds."""
    times = [result["seconds"] for result in results]
    return {"median": median(times), "least": min(times), "most": max(times)}


def shown(name: str, results: Sequence[Mapping[str, Any]], unit: float = 1.0) -> str:
    """A contestant's times as a line.

    Args:
        name: of the contestant.
        results: of its rounds.
        unit: seconds are divided by it, such as the number of students.
    """
    if not results:
        return f"  {name:44s} not measured: make peers"
    times = {key: value / unit for key, value in seconds(results).items()}
    cpu = median(result["cpu"] for result in results) / unit
    return (
        f"  {name:44s} {times['median']:8.3f} s  "
        f"({times['least']:.3f} to {times['most']:.3f}; {cpu:.3f} s of processors)"
    )


def row(
    name: str,
    mine: Sequence[Mapping[str, Any]],
    other: Sequence[Mapping[str, Any]],
    target: float,
) -> dict[str, Any]:
    """How many times faster the first is; a ratio of at least the target holds.

    Args:
        name: of the row.
        mine: what the contestant has printed.
        other: what the rival has; nothing where it is not there.
        target: of the ratio.
    """
    if not other:
        return {"name": name, "ratio": None, "target": target, "holds": None}
    ratio = seconds(other)["median"] / seconds(mine)["median"]
    return {
        "name": name, "ratio": ratio, "target": target, "holds": ratio >= target,
        "ours": seconds(mine), "rival": seconds(other),
    }  # fmt: skip
