"""Command line: ``python -m kdteach reproduce|distil|petri|teachers|readers``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from kdteach.checks import check_choice, check_count, shown
from kdteach.experiments import EXPERIMENTS, RunsFailedError, reproduce
from kdteach.experiments.catalogue import (
    digits_2x5,
    digits_all_methods,
    digits_library_lines,
    digits_longer,
    digits_passed_on,
    digits_same_place,
    digits_teachers_map,
    digits_without_a_teacher,
    digits_wrong_teacher,
    mnist_all_methods,
    mnist_subliminal,
)
from kdteach.experiments.executors import KNOWN, check_name
from kdteach.files import check_path, printable
from kdteach.workers import tidy_end
from kdteach.workflow import photographs
from kdteach.writing import LockedError

_OWN: dict[str, Any] = {
    module.NAME: module
    for module in (
        mnist_subliminal,
        digits_2x5,
        digits_library_lines,
        digits_passed_on,
        digits_same_place,
        digits_teachers_map,
        digits_without_a_teacher,
        digits_wrong_teacher,
        digits_all_methods,
        digits_longer,
        mnist_all_methods,
        photographs,
    )
}
"""Experiments that no list of configurations describes: they run and record themselves."""
_STUDIES = {
    m.NAME
    for m in (
        digits_2x5,
        digits_library_lines,
        digits_passed_on,
        digits_same_place,
        digits_teachers_map,
        digits_without_a_teacher,
        digits_wrong_teacher,
    )
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0; 1 after an error, in one line, or where runs failed while
        others went on; 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        with tidy_end():
            return _run(options)
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        _say(f"kdteach: {error}", sys.stderr)
        return 1
    except MemoryError as error:
        _say(f"kdteach: there is not enough memory. {error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # the runner, or the job, has said what is kept


def _run(options: argparse.Namespace) -> int:
    if options.command == "teachers":
        from kdteach.experiments.catalogue import digit_teachers, shipped_twins

        digit_teachers.remake(options.out, say=_say)
        shipped_twins.remake(options.out, say=_say)
    elif options.command == "readers":
        from kdteach.experiments.catalogue import drawing_doubts, drawing_readers

        out, root = options.out, options.data_dir
        if options.measure:
            drawing_doubts.measure(out, root, say=_say)
        else:
            drawing_readers.remake(out, root, kept=options.kept, say=_say)
    elif options.command == "distil":
        _distil(options)
    elif options.command == "petri":
        from kdteach.data import petri

        folder = petri.write(
            options.out, size=options.size, scale=options.scale, seed=options.seed,
            look=options.look,
        )  # fmt: skip
        place = printable(str(folder))
        _say(f"drawn into {place}: read it with load('mhist', {str(folder)!r})")
    else:
        return _reproduce(options)
    return 0


def _distil(options: argparse.Namespace) -> None:
    from kdteach.workflow import Settings, distil

    given = {name: value for name, value in vars(options).items() if value is not None}
    given.pop("command")
    if "teacher_classes" in given:
        given["teacher_classes"] = tuple(given["teacher_classes"])
    settings = Settings(**given)
    try:
        _say(str(distil(settings, say=_say)))
    except KeyboardInterrupt:
        place = printable(str(settings.place))
        _say(
            f"kdteach: stopped. What is finished is kept in {place}, and so is the last "
            "checkpoint of the training at hand: the same command goes on with both"
            if (settings.place / "settings.json").exists()
            else f"kdteach: stopped, before anything was written into {place}",
            sys.stderr,
        )
        raise


def _reproduce(options: argparse.Namespace) -> int:
    names = options.names or [*EXPERIMENTS, *_OWN]
    for name in names:  # before the first of them takes its hours
        check_choice("experiment", name, sorted([*EXPERIMENTS, *_OWN]))
    if options.list:
        if options.seeds is not None:
            check_count("seeds", options.seeds)
        if options.executor is not None:
            check_name(options.executor)
        for name in names:
            if name in _OWN:
                _say(f"{name}  {_OWN[name].SEEDS} seeds  {_OWN[name].QUESTION}")
                continue
            experiment = EXPERIMENTS[name]
            _say(f"{experiment.name}  {experiment.seeds} seeds  {experiment.question}")
        return 0
    status = 0
    for name in names:
        try:
            if name in _STUDIES:
                _OWN[name].reproduce(results_dir=options.results_dir, say=_say)
                continue
            if name in (digits_all_methods.NAME, digits_longer.NAME):
                _OWN[name].reproduce(
                    executor=options.executor, results_dir=options.results_dir, say=_say
                )
                continue
            if name == mnist_all_methods.NAME:
                mnist_all_methods.reproduce(
                    executor=options.executor, data_dir=options.data_dir,
                    results_dir=options.results_dir, say=_say,
                )  # fmt: skip
                continue
            if name == photographs.NAME:
                photographs.reproduce(
                    data_dir=options.data_dir, results_dir=options.results_dir, say=_say
                )
                continue
            if name == mnist_subliminal.NAME:
                mnist_subliminal.reproduce(
                    seeds=options.seeds, data_dir=options.data_dir,
                    results_dir=options.results_dir, say=_say,
                )  # fmt: skip
                continue
            reproduce(
                name,
                seeds=options.seeds,
                executor=options.executor,
                data_dir=options.data_dir,
                results_dir=options.results_dir,
                download=options.download,
                weights=options.weights,
            )
        except FileNotFoundError as error:
            if len(names) == 1 or error.errno is not None:  # the system's message, not ours
                raise
            # of all experiments some need data that a reader may not have
            _say(f"{name}: left out. {error}", sys.stderr)
            status = status or int(bool(options.names))
        except (RunsFailedError, LockedError, ValueError) as error:
            if len(names) == 1:
                raise
            _say(f"kdteach: {error}", sys.stderr)
            status = 1
    return status


def _say(line: str, file: TextIO | None = None) -> None:
    """Print a line, if there is still somebody who reads it."""
    stream = file or sys.stdout
    try:
        print(line, file=stream, flush=True)
    except UnicodeEncodeError:
        with suppress(OSError, ValueError):
            plain = line.encode("ascii", "backslashreplace").decode()
            print(plain, file=stream, flush=True)
    except (OSError, ValueError):  # a closed pipe, a full disk
        pass


def _folder(text: str) -> Path:
    try:
        return check_path("the folder", text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"a whole number is expected, got {shown(text)}"
        ) from error


def _add_distil(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    job = commands.add_parser(
        "distil", help="distil a teacher into a student on your own pictures",
        allow_abbrev=False,
    )  # fmt: skip
    job.add_argument("--data", type=_folder, metavar="DIR", required=True,
                     help="a folder for each class")  # fmt: skip
    named = "as kd.build, torchvision:NAME, timm:NAME, or MODULE:FUNCTION for your own"
    job.add_argument("--teacher", metavar="NAME", required=True, help=named)
    job.add_argument("--student", metavar="NAME", required=True, help=named)
    job.add_argument("--out", type=_folder, metavar="DIR", help="by default distilled")
    job.add_argument(
        "--teacher-weights", type=_folder, metavar="FILE",
        help="safetensors or a state dictionary; without it the teacher is trained",
    )  # fmt: skip
    job.add_argument(
        "--teacher-classes", nargs="+", metavar="CLASS", help="in the teacher's order"
    )
    job.add_argument("--start", metavar="HOW", help="random (default) or imagenet")
    job.add_argument("--device", metavar="WHERE", help="auto (default), cpu or cuda")
    for name, said in (
        ("size", "pixels a side, by default 224"),
        ("channels", "3 (default) or 1"),
        ("epochs", "of each student, by default 30"),
        ("teacher-epochs", "by default as many"),
        ("batch-size", "by default 64"),
        ("trials", "settings that each arm tries, by default 6"),
        ("seeds", "students of each arm, by default 10"),
        ("seed", "the first of them, by default 0"),
        (
            "workers",
            "processes that train students, by default one a core or GPU where it pays",
        ),
    ):
        job.add_argument(f"--{name}", type=_whole, metavar="N", help=said)
    for name, said in (
        ("rates", "ends of the first learning rates tried; later ones may lie beyond"),
        ("temperatures", "temperatures that are tried"),
        ("alphas", "weights of the soft term that are tried"),
    ):
        job.add_argument(
            f"--{name}", type=float, nargs=2, metavar=("LOW", "HIGH"), help=said
        )
    job.add_argument(
        "--bound", type=float, metavar="POINTS", help="a difference that does not matter"
    )


def _parser() -> argparse.ArgumentParser:
    # whole names only: --seed would pass for --seeds, and run others than were meant
    parser = argparse.ArgumentParser(
        prog="python -m kdteach", description=__doc__, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    rerun = commands.add_parser(
        "reproduce", help="run what is not recorded yet", allow_abbrev=False
    )
    rerun.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    rerun.add_argument(
        "--list", action="store_true", help="list the experiments, or those named"
    )
    rerun.add_argument("--seeds", type=_whole, metavar="N", help="seeds 0 to N - 1")
    rerun.add_argument(
        "--executor",
        metavar="WHERE",
        help=f"{KNOWN}; by default processes where it pays",
    )
    rerun.add_argument("--data-dir", type=_folder, metavar="DIR", help="or KDTEACH_DATA")
    rerun.add_argument("--results-dir", type=_folder, metavar="DIR")
    rerun.add_argument(
        "--download", action="store_true", help="fetch data and trained weights first"
    )
    rerun.add_argument(
        "--weights",
        action="store_true",
        help="train recorded teachers again whose weights are not kept here",
    )
    _add_distil(commands)
    petri = commands.add_parser(
        "petri", help="draw a stand-in for MHIST, in its layout", allow_abbrev=False
    )
    petri.add_argument(
        "--out", type=_folder, metavar="DIR", required=True, help="a new folder"
    )
    petri.add_argument("--size", type=_whole, default=224, metavar="PIXELS")
    petri.add_argument("--scale", type=float, default=1.0, help="factor on 3,152 tiles")
    petri.add_argument("--seed", type=_whole, default=0)
    petri.add_argument("--look", choices=("petri", "crypts"), default="petri")
    teachers = commands.add_parser(
        "teachers", help="train the shipped networks", allow_abbrev=False
    )
    teachers.add_argument(
        "--out", type=_folder, metavar="DIR", help="by default the package"
    )
    readers = commands.add_parser(
        "readers", help="train the networks of the first page, on MNIST", allow_abbrev=False
    )
    readers.add_argument(
        "--out", type=_folder, metavar="DIR", help="by default the package"
    )
    readers.add_argument("--data-dir", type=_folder, metavar="DIR", help="or KDTEACH_DATA")
    readers.add_argument(
        "--kept", type=_folder, metavar="DIR", default=Path("build/readers"),
        help="what lets an interrupted training go on; by default build/readers",
    )  # fmt: skip
    readers.add_argument(
        "--measure", action="store_true",
        help="train nothing: count again what the shipped ones do on test images",
    )  # fmt: skip
    return parser


def _close() -> None:
    """Let Python end quietly where what it would still write cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


if __name__ == "__main__":
    try:
        status = main()
    finally:
        _close()
    sys.exit(status)
