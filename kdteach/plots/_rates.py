"""Words and rings of a figure of errors over learning rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from kdteach.diagrams.curves import Note

_RING, _WIDER = 6.0, 10.0  # radius of a ring for one temperature, and for several


def apart(heights: Mapping[float, float], least: float) -> dict[float, float]:
    """Heights of words, pushed down where they would be closer than ``least``."""
    placed: dict[float, float] = {}
    above = math.inf
    for key in sorted(heights, key=lambda k: -heights[k]):
        above = placed[key] = min(heights[key], above - least)
    return placed


def rings_at(
    best: Mapping[float, Sequence[tuple[float, str, float]]], least: float
) -> list[Note]:
    """The rings at the best rates, with words on a screen that say whose they are.

    Args:
        best: rate to each (errors, colour, T) there.
        least: rings closer than this would cover each other, and become one.
    """
    notes = []
    for rate, found in best.items():
        groups: list[list[tuple[float, str, float]]] = []
        for each in sorted(found):
            if groups and each[0] - groups[-1][-1][0] < least:
                groups[-1].append(each)
            else:
                groups.append([each])
        for number, group in enumerate(groups):
            errors = sum(e for e, _, _ in group) / len(group)
            alone = len(group) == 1
            colour = group[0][1] if alone else "accent-edge"
            heats = " and ".join(f"{heat:g}" for heat in sorted(T for _, _, T in group))
            # the lowest has its words below, any other above: lines meet between them
            shift = (-6.0, -12.0) if number else (0.0, 33.0)
            notes += [
                Note(rate, errors, "", ring=True, colour=colour,
                     radius=_RING if alone else _WIDER),
                Note(rate, errors, f"best of T = {heats}", shift, None,
                     "end" if number else "middle", ink=colour if alone else "ink",
                     wide_only=True),
            ]  # fmt: skip
    return notes


def leaving(means: Mapping[tuple[float, float], float], high: float) -> list[Note]:
    """Words beside lines that leave the figure at the top together."""
    rates = sorted({rate for _, rate in means})
    leave: dict[float, list[float]] = {}
    for heat in sorted({T for T, _ in means}):
        for before, after in pairwise(rates):
            start, end = means[heat, before], means[heat, after]
            if start <= high < end:
                part = (high - start) / (end - start)
                place = before * (after / before) ** part
                near = [x for x in leave if max(x, place) < 1.06 * min(x, place)]
                leave.setdefault(near[0] if near else place, []).append(heat)
    return [
        Note(x, high, f"T = {', '.join(f'{heat:g}' for heat in heats)}", (12.0, 15.0), None,
             "start", wide_only=True)
        for x, heats in leave.items()
        if len(heats) > 1
    ]  # fmt: skip
