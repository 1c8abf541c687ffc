"""``python -m tests.odd [ROOM...]``: the whole sweep, and a table of what came of it."""

import os
import sys
import time
from collections import Counter

import torch

from tests.odd.judge import CLASSES, HANG, LOST, MEMORY, STATE, UNCLEAR, WRONG, judge
from tests.odd.rooms import rooms

_NEVER = (WRONG, STATE, LOST, HANG, MEMORY)
_MOST_UNCLEAR = 0.03


def main(wanted: list[str]) -> int:
    """Print counts and faults; 1 where there are too many."""
    torch.set_num_threads(1)
    os.environ.pop("KDTEACH_DATA", None)  # what is given counts
    counts: dict[str, Counter[str]] = {}
    faults: list[str] = []
    start = time.perf_counter()
    for room in rooms(wanted):
        mine = counts[room.name] = Counter()
        cpu = time.process_time()
        for cases in room.cases().values():
            for case in cases:
                began = time.perf_counter()
                outcome = judge(case)
                took = time.perf_counter() - began
                mine[outcome.kind] += 1
                if "-v" in sys.argv and took > 0.3:
                    print(f"{took:6.2f} s  {case.label}", flush=True)
                if not outcome.fine:
                    faults.append(
                        f"[{room.name}] {outcome.kind}: {case.label}: {outcome.text}"
                    )  # fmt: skip
        if "-v" in sys.argv:
            print(f"{time.process_time() - cpu:6.1f} s of the processor  {room.name}",
                flush=True)  # fmt: skip
    print("\n".join(faults))
    _table(counts)
    whole = sum(counts.values(), Counter())
    print(f"{whole.total():,} cases in {time.perf_counter() - start:.0f} s")
    unclear = whole[UNCLEAR] / max(whole.total(), 1)
    print(f"unclear errors: {unclear:.1%}")
    return int(any(whole[kind] for kind in _NEVER) or unclear >= _MOST_UNCLEAR)


def _table(counts: dict[str, Counter[str]]) -> None:
    wide = max(map(len, counts), default=4) + 2
    print(" " * wide + "".join(f"{kind:>15}" for kind in CLASSES) + f"{'all':>8}")
    whole: Counter[str] = Counter()
    for name, mine in counts.items():
        whole += mine
        numbers = "".join(f"{mine[kind]:>15}" for kind in CLASSES)
        print(f"{name:<{wide}}{numbers}{mine.total():>8}")
    numbers = "".join(f"{whole[kind]:>15}" for kind in CLASSES)
    print(f"{'all':<{wide}}{numbers}{whole.total():>8}")


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if not name.startswith("-")]))
