"""Run all benchmarks or some, print the table, write it to build/bench.json."""

import json
import sys
from importlib import import_module
from pathlib import Path

PARTS = (
    "students",
    "distil_epoch",
    "stack",
    "sweep",
    "explain",
    "photographs",
    "streaming",
    "crops",
    "losses",
)


def main() -> int:
    """Return 0 when every target holds that could be measured, else 1."""
    wanted = sys.argv[1:] or PARTS
    if unknown := set(wanted) - set(PARTS):
        print(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(PARTS)}")
        return 2
    rows = []
    for part in wanted:
        rows += import_module(f"bench.{part}").measure()
    print()
    for row in rows:
        known = row["ratio"] is not None
        ratio = f"{row['ratio']:7.2f}" if known else "      -"
        verdict = {True: "holds", False: "DOES NOT HOLD", None: "not measured: make peers"}
        print(f"{row['name']:62s} {ratio}   target {row['target']:g}   "
              f"{verdict[row['holds']]}")  # fmt: skip
    out = Path("build") / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"written to {out}")
    return 0 if all(row["holds"] is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
