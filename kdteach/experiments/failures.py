"""Runs that could not be done: collected while the others go on, and named at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdteach.checks import shown
from kdteach.experiments.design import Config

_LISTED = 50  # failures that a message names


@dataclass(frozen=True)
class Failure:
    """A run that is not recorded.

    Attributes:
        config: of the run.
        seed: of the run.
        reason: why.
        left_out: it was not tried, for its teacher failed.
    """

    config: Config
    seed: int
    reason: str
    left_out: bool = False

    def __str__(self) -> str:
        verb = "left out" if self.left_out else "failed"
        return f"{verb}: {_brief(self.config)}, seed {self.seed}: {self.reason}"


class RunsFailedError(RuntimeError):
    """Some runs of an experiment failed; all others are recorded.

    Attributes:
        failures: one a run.
    """

    def __init__(self, name: str, recorded: int, failures: Sequence[Failure]) -> None:
        self.failures = tuple(failures)
        self.name, self.recorded = name, recorded
        out = sum(failure.left_out for failure in failures)
        counted = _runs(len(failures) - out, "failed")
        if out:
            counted += f" and {_runs(out, 'left out')} because a teacher failed"
        lines = [
            f"{name}: {counted}; {_runs(recorded, 'recorded')}. Once the reason is mended, "
            "the same command does those that are missing.",
            *map(str, failures[:_LISTED]),
        ]
        if len(failures) > _LISTED:
            lines.append(f"and {len(failures) - _LISTED} more")
        super().__init__("\n  ".join(lines))

    def __reduce__(self) -> tuple[type, tuple[str, int, tuple[Failure, ...]]]:
        return type(self), (self.name, self.recorded, self.failures)


def _runs(count: int, verb: str) -> str:
    one = count == 1
    was = "" if verb == "failed" else "was " if one else "were "
    return f"{count} run{'' if one else 's'} {was}{verb}"


def in_words(error: BaseException) -> str:
    """What an error says, in one line; its kind where it says little."""
    text = " ".join(str(error).split())
    kind = type(error).__name__
    plain = kind in ("ValueError", "RecordError", "TrainingDivergedError") and text
    return text if plain else f"{kind}: {text}" if text else kind


def title_of(configs: Sequence[Config], seed: int) -> str:
    """A few words for the runs of one job."""
    more = f" and {len(configs) - 1} more" if len(configs) > 1 else ""
    model = configs[0].get("model", "shipped")
    return f"{configs[0]['role']} ({model}){more}, seed {seed},"


def _brief(config: Config) -> str:
    """A configuration with its teacher's name in place of all that the teacher is."""
    teacher = config.get("teacher")
    if isinstance(teacher, Mapping):
        name = teacher.get("model", teacher.get("shipped"))
        config = {**config, "teacher": f"{teacher.get('role')} {name}"}
    try:
        return json.dumps(config, sort_keys=True)
    except (TypeError, ValueError):
        return shown(config)
