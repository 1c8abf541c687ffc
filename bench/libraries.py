"""What public libraries compute on one stored input, recorded.

``python -m bench.libraries`` asks each library of ``peers/library_losses.py`` in a process
of its own, with the environment of ``make libraries``, and writes the record that the
chapter *Which library computes what* reads. The input is that of
``kdteach.experiments.library_losses.stored_case``; ratios to the paper's formula are
computed when the record is read, and stand in no file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from kdteach.experiments.library_losses import FILE, stored_case
from kdteach.experiments.order import commit_of
from kdteach.results import records_folder

ENVIRONMENT = Path(".venv-libraries") / "bin" / "python"
SCRIPT = Path(__file__).parent / "peers" / "library_losses.py"
NAMES = (
    "PyTorch tutorial", "nn.KLDivLoss", "timm", "Keras", "torchdistill", "KD_Lib",
    "TextBrewer", "vit-pytorch", "ModelOpt", "TRL",
)  # fmt: skip


def ask(python: Path, name: str, case: dict[str, object]) -> dict[str, object]:
    """What one library computes, in a process and a folder of its own.

    Args:
        python: of the environment that has the library.
        name: one of ``NAMES``.
        case: stored logits, labels, temperature and alpha.

    Raises:
        RuntimeError: the library could not be asked; the message has its last words.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "case.json", Path(folder) / "found.json"
        given.write_text(json.dumps(case), encoding="utf-8")
        done = subprocess.run(
            [python.absolute(), "-W", "ignore", SCRIPT.absolute(), name, given, found],
            capture_output=True, text=True, cwd=folder, check=False, timeout=300,
            env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
        return json.loads(found.read_text(encoding="utf-8"))


def main(arguments: list[str] | None = None) -> int:
    """Ask all libraries and write the record; refused where files are not committed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=records_folder() / FILE)
    parser.add_argument("--python", type=Path, default=ENVIRONMENT)
    options = parser.parse_args(arguments)
    if not options.python.exists():
        print(f"there is no {options.python}: make libraries")
        return 2
    commit = commit_of(Path(__file__).parent)
    if commit.endswith("+"):
        print("commit your changes first: a record names the code that made it")
        return 2
    case = stored_case().as_numbers()
    libraries = {}
    for name in NAMES:
        libraries[name] = ask(options.python, name, case)
        print(f"{name}: {libraries[name]['package']} {libraries[name]['version']}")
    record = {
        "made": {
            "command": "python -m bench.libraries", "commit": commit,
            "python": platform.python_version(),
        },
        "case": case,
        "libraries": libraries,
    }  # fmt: skip
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    options.out.write_text(text, encoding="utf-8")
    print(f"written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
