"""The whole job: from a folder of pictures to a student and the report about it."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_function, check_model, shown
from kdteach.files import check_path, printable
from kdteach.training.own_code import own_code
from kdteach.types import ImageSet
from kdteach.workflow import export, side_by_side, stages, together
from kdteach.workflow.card import cards
from kdteach.workflow.kept import Kept, state_bytes
from kdteach.workflow.networks import digest_of, own_network, plain
from kdteach.workflow.numbers import best_seed, numbers_of, resolved, verdict
from kdteach.workflow.settings import Settings
from kdteach.workflow.stages import Builder, Job, Say
from kdteach.workflow.trials import ARMS, Trial
from kdteach.workflow.usage import prepared
from kdteach.writing import locked, write_whole

_SPARE = 8 * 2**20  # bytes for the report and its figures
_TRAINING = 4  # times the weights: of a network in training, with its optimiser


@dataclass(frozen=True)
class Outcome:
    """What a job has made.

    Attributes:
        folder: where it lies: ``card.md``, ``card.html``, ``report.json``,
            ``model.safetensors``, ``model.onnx`` where that could be written, and the
            teacher that was trained here, ``teacher.safetensors``, in the form that
            ``Settings.teacher_weights`` takes.
        report: all that was measured, as ``report.json`` holds it.
        student: the exported distilled student, in eval mode, on the CPU.
    """

    folder: Path
    report: dict[str, Any]
    student: nn.Module

    @property
    def verdict(self) -> str:
        """Whether the distilled student is better, in a sentence."""
        return str(self.report["verdict"])

    def __str__(self) -> str:
        return f"{self.verdict} {printable(str(self.folder / 'card.html'))}"


def distil(
    settings: Settings,
    *,
    teacher: Builder | None = None,
    student: Builder | None = None,
    say: Say | None = print,
    progress: bool | None = None,
) -> Outcome:
    """Distil a teacher into a student on the reader's own pictures, and report on it.

    Everything that can be wrong is looked for before training begins. Then each piece of
    work ends in a file of ``settings.out``; a call that was stopped anywhere, by whatever
    means, goes on when it is made again, and ends with the same numbers.

    Args:
        settings: what is to be done.
        teacher: from a seed to a teacher with fresh weights, (B, channels, size, size) in
            [0, 1] to logits (B, C) or an object with ``.logits``; by default the network
            that ``settings.teacher`` names, which is then no more than its label.
        student: likewise.
        say: takes a line about each stage; None for silence.
        progress: of each training, as of ``kdteach.fit``.

    Returns:
        The report, the student, and where all of it lies.

    Raises:
        TypeError: settings are none, or a builder is no function or builds no network.
        ValueError: pictures, weights or classes that do not fit; a set-up in which
            ``kdteach.doctor`` finds a fault that would make the result worthless.
        FileExistsError: the folder belongs to another job; one that differs only in fewer
            seeds is gone on with.
        OSError: a folder or file is not there or cannot be written, or the disk is full.
        LockedError: another process is at the same job.
        ModuleNotFoundError: the network comes from a library that is not installed.
    """
    if not isinstance(settings, Settings):
        raise TypeError(
            f"settings must be kdteach.workflow.Settings(...), got {shown(settings)}"
        )
    for name, given in (("teacher", teacher), ("student", student)):
        if given is not None:
            check_function(name, given, "lambda seed: MyNetwork()")
    speak: Say = say or (lambda _: None)
    device = _device(settings.device)
    data = stages.read_pictures(settings, speak)
    if few := _few(data, settings):
        speak(f"pictures: {few}")
    build_teacher = teacher or stages.builder(settings.teacher, settings, data.num_classes)
    build_student = student or stages.builder(settings.student, settings, data.num_classes)
    made = check_model("what student builds", build_student(settings.seed))
    given = stages.given_teacher(settings, data, build_teacher)
    master = given or check_model(
        "what teacher builds", build_teacher(settings.teacher_seed)
    )
    for who, model in (("teacher", master), ("student", made)):
        _fits(who, model, data)
    processes = side_by_side.count(settings, data, device, student is not None)
    teachers = together.count(settings, device, teacher is not None)
    weights = settings.teacher_weights
    kept = Kept(
        settings.place,
        {
            **replace(settings, device=device.type).described(),
            **_code_of(settings, teacher=teacher is None, student=student is None),
            "pictures": data.checksum,
            "weights": digest_of(check_path("w", weights)) if weights is not None else None,
        },
    )
    goes_on = kept.open()
    if goes_on:
        speak("goes on with what is there already")
    pieces = 2 * settings.seeds + 2
    rows = len(data.train) + 2 * pieces * (len(data.valid) + len(data.test))
    if not (settings.place / "report.json").exists():
        kept.require_space(
            (pieces + _TRAINING) * state_bytes(made)
            + (2 + _TRAINING) * state_bytes(master)
            + 4 * rows * data.num_classes
            + _SPARE
        )
    busy = f"{settings.place}: {{who}} is at this job already"
    with locked(settings.place / "settings.json", "job", patience=0, busy=busy):
        job = Job(
            settings, kept, data, build_teacher, build_student, device, speak, progress
        )
        kept.add_seeds()
        named = student is None
        return _run(job, given, processes, teachers, named)


def _run(
    job: Job, given: nn.Module | None, processes: int, teachers: int, named: bool
) -> Outcome:
    settings, kept, data = job.settings, job.kept, job.data
    if given is None:
        together.teach_together(job, teachers)
    teacher, asked = stages.teacher_of(job, given)
    own = settings.place / "teacher.safetensors"
    if given is None and not own.exists():
        export.write_model(own, teacher, data.classes, _about(job, settings.teacher))
    stored = stages.stored_logits(job, teacher)
    findings = stages.examined(job, teacher, stored)
    with side_by_side.several(job, stored, processes):
        choice, tried = stages.chosen(job, stored)
        made = stages.students(job, choice, stored)
    numbers = numbers_of(data, asked, made, bound=settings.bound, first_seed=settings.seed)
    number = best_seed(data, made["distilled"])
    models = {arm: stages.student_with(job, made[arm][number]) for arm in ARMS}
    job.say("export: safetensors, ONNX, 8 bits, costs")
    costs = kept.once(
        f"exported-{settings.seeds}", lambda: _exported(job, teacher, models, numbers)
    )
    report = {
        "verdict": verdict(numbers["comparisons"]["accuracy"], numbers["learned"]),
        "settings": kept.about,
        "numbers": numbers,
        "trials": tried,
        "chosen": {arm: next(r for r in tried if _same(r, choice[arm])) for arm in ARMS},
        "doctor": findings,
        "costs": costs,
        "use": {"named": named, **plain(models["distilled"])[1]},
        "made": _made(job, asked, given),
        "notes": [n for n in (_few(data, settings), _looked(kept)) if n]
        + _notes(costs, findings),
    }
    _write(job, report, asked, made, number, models)
    job.say(f"report: {report['verdict']}")
    return Outcome(settings.place, report, models["distilled"])


def _exported(
    job: Job, teacher: nn.Module, models: dict[str, nn.Module], numbers: dict[str, Any]
) -> dict[str, Any]:
    folder, data, student = job.settings.place, job.data, models["distilled"]
    told: dict[str, dict[str, Any]] = {}
    for arm, name in (("label-trained", "label-trained"), ("distilled", "model")):
        told[arm] = {
            **_about(job, job.settings.student), "arm": arm,
            "seed": numbers["exported"]["seed"],
            "test accuracy": numbers["exported"][arm]["accuracy"],
        }  # fmt: skip
        file = folder / f"{name}.safetensors"
        export.write_model(file, models[arm], data.classes, told[arm])
    words = export.words_of(data.classes, told["distilled"])
    try:
        onnx = export.write_onnx(folder / "model.onnx", student, data.valid.images, words)
    except (ModuleNotFoundError, RuntimeError) as error:
        onnx = {"why": str(error)}
    shape = data.image_shape
    here = teacher.to("cpu")
    found = {
        "teacher": export.costs_of(here, shape),
        "student": export.costs_of(student, shape),
        "onnx": onnx,
        "int8": export.in_eight_bits(student, data.test),
        "threads": torch.get_num_threads(),
        "device": platform.machine() or "this processor",
    }
    job.on_device(teacher)
    return found


def _about(job: Job, network: str) -> dict[str, Any]:
    """What every exported file says of itself."""
    return {
        "made by": "kdteach distil", "network": network, "size": job.settings.size,
        "channels": job.settings.channels, "pixels": "floats in [0, 1]",
        "preprocessing": prepared(job.settings.size, job.settings.channels),
    }  # fmt: skip


def _write(
    job: Job, report: dict[str, Any], asked: dict[str, Tensor],
    made: dict[str, list[dict[str, Tensor]]], number: int, models: dict[str, nn.Module],
) -> None:  # fmt: skip
    from kdteach.workflow.pictures import figures

    folder = job.settings.place
    logits = {"teacher": asked["test"]}
    logits |= {arm: made[arm][number]["test"] for arm in reversed(ARMS)}
    logits = {name: logits[name] for name in ("teacher", *ARMS)}
    why = ""
    try:
        drawn = figures(job.data, logits, models, report["costs"], report["numbers"])
    except ModuleNotFoundError as error:
        drawn, why = {}, f"There are no figures: {error}"
    markdown, page, files = cards(report, drawn, why)
    for name, content in files.items():
        write_whole(folder / "figures" / f"{name}.png", content)
    write_whole(folder / "card.md", markdown.encode("utf-8", "replace"))
    write_whole(folder / "card.html", page.encode("utf-8", "replace"))
    text = json.dumps(report, indent=1, ensure_ascii=False)
    write_whole(folder / "report.json", text.encode("utf-8", "surrogateescape"))


def _made(job: Job, asked: dict[str, Tensor], given: nn.Module | None) -> list[str]:
    settings, data = job.settings, job.data
    parts = ", ".join(
        f"{len(getattr(data, part)):,} {words}"
        for part, words in (
            ("train", "to train on"), ("valid", "for validation"), ("test", "for the test")
        )
    )  # fmt: skip
    origin = (
        f"loaded from {check_path('w', settings.teacher_weights).name}"
        if given is not None and settings.teacher_weights is not None
        else f"trained here for {settings.teacher_epochs} epochs, of which the best on "
        "validation was kept"
    )
    valid = stages.evaluation(asked["valid"], data.valid)
    return [
        f"pictures: {parts}, {settings.size} pixels a side, classes "
        + ", ".join(data.classes),
        f"teacher: {settings.teacher}, {origin}; {100 * valid.accuracy:.1f} % of the "
        "validation pictures right; its logits were stored once, so nothing is augmented",
        f"budget: each arm tried {settings.trials} settings of {settings.epochs} epochs, "
        "and the one with the most validation pictures right was kept; the trials had a "
        "seed of their own",
        f"students: {settings.seeds} of each arm, {settings.epochs} epochs, batches of "
        f"{settings.batch_size}, Adam with a cosine schedule; the pairs of a seed share "
        "initial weights and order, and differ in the objective and what was chosen for it",
    ]


def _notes(costs: dict[str, Any], findings: list[dict[str, str]]) -> list[str]:
    notes = []
    onnx, small = costs["onnx"], costs["int8"]
    if "why" in onnx:
        notes.append(f"No ONNX: {onnx['why']}")
    else:
        said = "equal to" if onnx["equal"] else "NOT equal to, and not written:"
        notes.append(
            f"ONNX, asked about {onnx['images']} validation pictures, is {said} PyTorch; "
            f"the largest difference is {onnx['difference']:.1e} of the largest logit (or "
            f"of 1, where that is larger), allowed are {export.TOLERANCE:g}"
        )
    if "why" in small:
        notes.append(f"No 8-bit variant: {small['why']}")
    notes += [f"The doctor found: {f['name']}: {f['sentence']}" for f in findings]
    return notes


def _few(data: ImageSet, settings: Settings) -> str:
    """That no number of seeds can show a difference to be small; empty where it can."""
    count = len(data.test)
    if resolved(settings.bound, count):
        return ""
    return (
        f"one of the {count:,} test pictures is {100 / count:.3g} points of accuracy, more "
        f"than the bound of {settings.bound:g}: so few cannot show that a difference is "
        "smaller than that"
    )


def _looked(kept: Kept) -> str:
    """That seeds were added after a report was there; empty where none were."""
    before = kept.add_seeds()
    if not before:
        return ""
    return (
        f"There was a report with {' and one with '.join(map(str, before))} seeds before "
        "the others were added: who adds seeds until a verdict comes finds a difference "
        "that is none more often than the level of the interval says"
    )


def _same(result: dict[str, Any], trial: Trial) -> bool:
    names = ("arm", "rate", "temperature", "alpha")
    return all(result[name] == getattr(trial, name) for name in names)


def _fits(who: str, model: nn.Module, data: Any) -> None:
    """Ask a network about one picture, so that a wrong one is named before training."""
    from kdteach.metrics import outputs_of

    try:
        width = outputs_of(model, data.train.images[:1]).shape[1]
    except (TypeError, ValueError) as error:
        raise type(error)(f"{who}: {error}") from error
    if width != data.num_classes:
        raise ValueError(
            f"{who}: it has {width} outputs for {data.num_classes} classes "
            f"({', '.join(data.classes[:5])}{', ...' if data.num_classes > 5 else ''})"
        )


def _code_of(settings: Settings, **by_name: bool) -> dict[str, str]:
    """The code of networks of the reader's own: a changed one makes another job."""
    found = {}
    for who, named in by_name.items():
        function = own_network(getattr(settings, who)) if named else None
        if function is not None:
            found[f"{who}'s code"] = own_code(function)
    return found


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device: there is no GPU here that torch can use: give 'cpu'")
    return torch.device(name)
