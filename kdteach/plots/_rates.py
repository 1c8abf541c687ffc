"""Words and rings of a figure of errors over learning rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from kdteach.diagrams.curves import Note

_RING, _WIDER = 6.0, 4.0  # radius of a ring, and how much wider the next around it is


def apart(heights: Mapping[float, float], least: float) -> dict[float, float]:
    """Heights of words, pushed down where they would be closer than ``least``."""
    placed: dict[float, float] = {}
    above = math.inf
    for key in sorted(heights, key=lambda k: -heights[k]):
        above = placed[key] = min(heights[key], above - least)
    return placed


def rings_at(best: Mapping[float, Sequence[tuple[float, str]]], least: float) -> list[Note]:
    """The rings at the best rates: rate to each (errors, colour) there."""
    notes = []
    for rate, found in best.items():
        groups: list[list[tuple[float, str]]] = []
        for each in sorted(found):
            if groups and each[0] - groups[-1][-1][0] < least:
                groups[-1].append(each)
            else:
                groups.append([each])
        for group in groups:
            notes += [
                Note(rate, errors, "", ring=True, colour=colour,
                     radius=_RING + number * _WIDER)
                for number, (errors, colour) in enumerate(group)
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
