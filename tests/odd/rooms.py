"""All rooms with their cases."""

import warnings
from importlib import import_module

from tests.odd.sweep import Room

MODULES = (
    "losses", "more_losses", "statistics", "measures", "costs", "datasets", "tiles",
    "architectures", "targets", "learning", "explanations", "comparisons", "recorded",
    "experimenting", "figures", "live", "answers", "features", "taps", "composed",
    "cohorts", "doubts", "diagnosis", "two_more",
)  # fmt: skip


def rooms(wanted: list[str] | None = None) -> list[Room]:
    """The rooms of these names, by default all."""
    names = [name for name in MODULES if not wanted or name in wanted]
    found: dict[str, Room] = {}
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values are made there
            room: Room = import_module(f"tests.odd.{name}").ROOM
        if room.name in found:
            found[room.name].functions += room.functions
        else:
            found[room.name] = room
    return list(found.values())
