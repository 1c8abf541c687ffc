"""Run all benchmarks, print the table, write it to build/bench.json."""

import json
import sys
from pathlib import Path

from bench import distil_epoch, explain, photographs, stack, streaming, sweep


def main() -> int:
    """Return 0 when every target holds, else 1."""
    parts = (stack, sweep, distil_epoch, explain, photographs, streaming)
    rows = [row for part in parts for row in part.measure()]
    for row in rows:
        verdict = "holds" if row["holds"] else "DOES NOT HOLD"
        print(
            f"{row['name']:52s} {row['ratio']:7.2f}   target {row['target']:g}   {verdict}"
        )
    out = Path("build") / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"written to {out}")
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
