"""Command line: ``python -m kdteach reproduce|petri|teachers``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kdteach.experiments import EXPERIMENTS, reproduce
from kdteach.experiments.executors import KNOWN


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0; 1 after an error, told in one line; 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "teachers":
            from kdteach.experiments import digit_teachers, shipped_twins

            digit_teachers.remake(options.out, say=print)
            shipped_twins.remake(options.out, say=print)
        elif options.command == "petri":
            from kdteach.data import petri

            folder = petri.write(
                options.out, size=options.size, scale=options.scale, seed=options.seed
            )
            print(f"drawn into {folder}: read it with load('mhist', {str(folder)!r})")
        else:
            _reproduce(options)
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        print(f"kdteach: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # the runner has said what is kept
    return 0


def _reproduce(options: argparse.Namespace) -> None:
    if options.list:
        for experiment in EXPERIMENTS.values():
            print(f"{experiment.name}  {experiment.seeds} seeds  {experiment.question}")
        return
    for name in options.names or EXPERIMENTS:
        try:
            reproduce(
                name,
                seeds=options.seeds,
                executor=options.executor,
                data_dir=options.data_dir,
                results_dir=options.results_dir,
                download=options.download,
            )
        except FileNotFoundError as error:
            if options.names:
                raise
            # of all experiments some need data that a reader may not have
            print(f"{name}: left out. {error}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kdteach", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    rerun = commands.add_parser("reproduce", help="run what is not recorded yet")
    rerun.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    rerun.add_argument("--list", action="store_true", help="list the experiments")
    rerun.add_argument("--seeds", type=int, metavar="N", help="seeds 0 to N - 1")
    rerun.add_argument(
        "--executor",
        metavar="WHERE",
        help=f"{KNOWN}; by default processes where it pays",
    )
    rerun.add_argument("--data-dir", type=Path, metavar="DIR", help="or KDTEACH_DATA")
    rerun.add_argument("--results-dir", type=Path, metavar="DIR")
    rerun.add_argument(
        "--download", action="store_true", help="fetch data and trained weights first"
    )
    petri = commands.add_parser("petri", help="draw a stand-in for MHIST, in its layout")
    petri.add_argument(
        "--out", type=Path, metavar="DIR", required=True, help="a new folder"
    )
    petri.add_argument("--size", type=int, default=224, metavar="PIXELS")
    petri.add_argument("--scale", type=float, default=1.0, help="factor on 3,152 tiles")
    petri.add_argument("--seed", type=int, default=0)
    teachers = commands.add_parser("teachers", help="train the shipped networks")
    teachers.add_argument("--out", type=Path, metavar="DIR", help="by default the package")
    return parser


if __name__ == "__main__":
    sys.exit(main())
