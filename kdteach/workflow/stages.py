"""The stages of a job before its report: pictures, teacher, trials, students."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.data import load
from kdteach.diagnosis import doctor
from kdteach.files import check_path
from kdteach.metrics import Evaluation, evaluate
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.training import TrainingDivergedError, cosine, fit, teacher_logits
from kdteach.types import ImageSet, Split
from kdteach.workflow.kept import Kept
from kdteach.workflow.networks import (
    network,
    put_weights,
    read_weights,
    require_classes,
)
from kdteach.workflow.settings import Settings
from kdteach.workflow.trials import ARMS, Trial, best_of, coarse, fine, trial_of

Builder = Callable[[int], nn.Module]
"""From a seed to a network with fresh weights."""
Say = Callable[[str], object]

_SEARCH = 1_000_003  # added to the seed of the trials: no student has theirs
_EXAMINED = 256  # images
_NO_REASON_TO_STOP = ("student larger than its teacher", "BatchNorm that drifts")


@dataclass(frozen=True)
class Training:
    """One training of a student.

    Attributes:
        kind: "trial" of settings, or "student" that is compared.
        trial: what it is made with.
        number: of the trial, or of the student, from 0.
    """

    kind: str
    trial: Trial
    number: int

    def name(self, settings: Settings) -> str:
        """Of its file."""
        if self.kind == "trial":
            return f"trial-{self.trial.arm}-{self.number:03d}"
        return f"student-{self.trial.arm}-{settings.seed + self.number}"


def nobody_ahead(trainings: Sequence[Training]) -> Iterator[None]:
    """Nobody else does trainings before the job comes to them."""
    for _ in trainings:
        yield None


@dataclass
class Job:
    """What all stages share.

    Attributes:
        settings: of the job.
        kept: its files.
        data: the pictures.
        build_teacher, build_student: from a seed to a network.
        device: where it runs.
        say: takes a line about each stage.
        progress: of ``kdteach.fit``.
        ahead: goes through trainings and comes back from each when it is there, or when
            nobody else does it.
    """

    settings: Settings
    kept: Kept
    data: ImageSet
    build_teacher: Builder
    build_student: Builder
    device: torch.device
    say: Say
    progress: bool | None
    ahead: Callable[[Sequence[Training]], Iterator[None]] = nobody_ahead

    def on_device(self, model: nn.Module) -> nn.Module:
        """A network where the job runs."""
        return model.to(self.device)


def read_pictures(settings: Settings, say: Say) -> ImageSet:
    """Read the class folders; whatever is wrong in them is named at once.

    Raises:
        kdteach.data.folder.FolderError: a single class, an empty one, files that are
            no pictures.
        OSError: no such folder.
        ValueError: more pictures than fit into memory.
    """
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        data = load(
            "folder", check_path("data", settings.data), size=settings.size,
            channels=settings.channels, progress=False,
        )  # fmt: skip
    for warning in noted:
        say(f"pictures: {warning.message}")
    say(
        f"pictures: {len(data.train):,} to train on, {len(data.valid):,} for validation, "
        f"{len(data.test):,} for the test; {data.num_classes} classes"
    )
    for part in ("valid", "test"):
        if not len(getattr(data, part)):
            raise ValueError(f"data: {part} holds no picture, and one is needed")
    return data


def builder(name: str, settings: Settings, classes: int) -> Builder:
    """From a seed to the network of a name.

    Args:
        name: as ``network`` takes it.
        settings: of the job.
        classes: C.
    """
    return lambda seed: network(
        name, classes=classes, size=settings.size, channels=settings.channels, seed=seed,
        start=settings.start,
    )  # fmt: skip


def given_teacher(settings: Settings, data: ImageSet, build: Builder) -> nn.Module | None:
    """The teacher with the weights of its file, None where it is to be trained.

    Args:
        settings: of the job.
        data: the pictures.
        build: from a seed to a teacher.

    Raises:
        ValueError: weights of another network, or classes that differ.
        OSError: the file cannot be read.
    """
    require_classes(settings.teacher_classes, data.classes, "teacher_classes")
    if settings.teacher_weights is None:
        return None
    file = settings.teacher_weights
    path = check_path("teacher_weights", file)
    tensors, classes = read_weights(path)
    require_classes(classes, data.classes, f"as {path.name} says")
    model = build(settings.seed)
    put_weights(model, tensors, path, settings.teacher)
    return model


def teacher_of(job: Job, given: nn.Module | None) -> tuple[nn.Module, dict[str, Tensor]]:
    """The trained teacher, and its logits of the validation and the test pictures."""
    settings = job.settings
    model = job.on_device(given or job.build_teacher(settings.teacher_seed))

    def train() -> tuple[dict[str, Tensor], dict[str, Any]]:
        about: dict[str, Any] = {"from": "file" if given is not None else "trained here"}
        if given is None:
            job.say(f"teacher: {settings.teacher} is trained, {_epochs(settings, True)}")
            about |= train_teacher(
                job, model, hard_labels(), job.kept.checkpoint("teacher")
            )
        return answered(model, job.data), about

    kept, about = job.kept.tensors_once("teacher", train)
    job.kept.clear("teacher")
    model.load_state_dict(
        {n.removeprefix("w:"): t for n, t in kept.items() if n[:2] == "w:"}
    )
    model.eval()
    right = evaluation(kept["valid"], job.data.valid)
    job.say(f"teacher: {settings.teacher}, {about['from']}; validation: {right}")
    return model, {part: kept[part] for part in ("valid", "test")}


def train_teacher(
    job: Job, model: nn.Module, objective: Objective, checkpoint: Path
) -> dict[str, Any]:
    """Train a teacher, and return how its loss and its accuracy went.

    Args:
        job: at hand.
        model: with fresh weights, where it is to be trained.
        objective, checkpoint: as for ``kdteach.fit``.
    """
    settings = job.settings
    history = fit(
        model, job.data, objective, epochs=settings.teacher_epochs or 1,
        batch_size=settings.batch_size, seed=settings.seed, schedule=cosine,
        validation=job.data.valid, checkpoint=checkpoint, progress=job.progress,
        keep_best=True,
    )  # fmt: skip
    return {"loss": list(history.loss), "accuracy": list(history.accuracy)}


def stored_logits(job: Job, teacher: nn.Module) -> Any:
    """The teacher's logits of the training pictures, stored once."""
    store = job.kept.work / "teacher-logits"
    kept = teacher_logits(teacher, job.data.train, store=store, progress=bool(job.progress))
    job.say(f"teacher: its logits of {len(job.data.train):,} pictures are stored")
    return kept


def examined(job: Job, teacher: nn.Module, stored: Any) -> list[dict[str, str]]:
    """What the doctor finds in the set-up.

    Args:
        job: at hand.
        teacher: in eval mode.
        stored: its logits of the training pictures.

    Raises:
        ValueError: something that makes the result worthless.
    """

    def look() -> list[dict[str, str]]:
        train, seed = job.data.train, job.settings.seed
        some = torch.randperm(
            len(train), generator=torch.Generator().manual_seed(seed), device="cpu"
        )
        batch = train.select(some[:_EXAMINED])
        device = job.device
        found = doctor(
            teacher, job.on_device(job.build_student(seed)).train(),  # as kd.fit will
            Split(batch.images.to(device), batch.labels.to(device), batch.index.to(device)),
            teacher_logits=stored.rows(batch.index).to(torch.float32),
            quiet=True,
        )  # fmt: skip
        return [{"name": f.name, "sentence": f.sentence, "remedy": f.remedy} for f in found]

    findings: list[dict[str, str]] = job.kept.once("doctor", look)
    for finding in findings:
        job.say(f"doctor: {finding['name']}: {finding['sentence']}")
    grave = [f for f in findings if f["name"] not in _NO_REASON_TO_STOP]
    if grave:
        said = "; ".join(
            f"{f['name']}: {f['sentence']} Remedy: {f['remedy']}" for f in grave
        )
        raise ValueError(f"the set-up is not sound. {said}")
    if not findings:
        job.say("doctor: nothing found")
    return findings


def chosen(job: Job, stored: Any) -> tuple[dict[str, Trial], list[dict[str, Any]]]:
    """The settings of each arm, chosen on validation, and all that was tried, arm by arm.

    Args:
        job: at hand.
        stored: the teacher's logits of the training pictures.
    """
    settings = job.settings
    job.say(
        f"trials: {settings.trials} settings of each arm, {settings.epochs} epochs, one "
        "seed that no student gets; % of validation pictures right"
    )
    tried = {arm: coarse(arm, settings) for arm in ARMS}
    results: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}

    def settle(new: Sequence[tuple[str, int]]) -> None:
        trainings = [Training("trial", tried[arm][i], i) for arm, i in new]
        for (arm, _), result in zip(new, done(job, trainings, stored), strict=True):
            results[arm].append(result)

    settle([(arm, i) for arm in ARMS for i in range(len(tried[arm]))])
    later = []
    for arm in ARMS:
        first = tried[arm]
        second = fine(arm, settings, first[best_of(first, results[arm])])
        later += [(arm, len(first) + i) for i in range(len(second))]
        tried[arm] = [*first, *second]
    settle(later)
    choice = {a: trial_of(results[a][best_of(tried[a], results[a])]) for a in ARMS}
    for arm in ARMS:
        job.say(f"trials: {arm}, chosen {choice[arm]}")
    return choice, [result for arm in ARMS for result in results[arm]]


def students(
    job: Job, choice: dict[str, Trial], stored: Any
) -> dict[str, list[dict[str, Tensor]]]:
    """Students of both arms, seed by seed: weights, logits of validation and test.

    Args:
        job: at hand.
        choice: what each arm is trained with.
        stored: the teacher's logits of the training pictures.
    """
    count = job.settings.seeds
    trainings = [Training("student", choice[a], i) for i in range(count) for a in ARMS]
    found: dict[str, list[dict[str, Tensor]]] = {arm: [] for arm in ARMS}
    for training, kept in zip(trainings, done(job, trainings, stored), strict=True):
        found[training.trial.arm].append(kept)
    return found


def done(job: Job, trainings: Sequence[Training], stored: Any) -> Iterator[Any]:
    """Do trainings, those that are not there, and give what came of each, in order.

    Args:
        job: at hand.
        trainings: which.
        stored: the teacher's logits of the training pictures.
    """
    for training, _ in zip(trainings, job.ahead(trainings), strict=True):
        yield WORK[training.kind](job, stored, training)


def evaluation(logits: Tensor, split: Split) -> Evaluation:
    """Stored logits of a split's images with their labels."""
    return Evaluation(logits, split.labels)


def student_with(job: Job, kept: dict[str, Tensor]) -> nn.Module:
    """A student with the weights of a finished training, in eval mode, on the CPU."""
    model = job.build_student(job.settings.seed).cpu()
    model.load_state_dict(
        {n.removeprefix("w:"): t for n, t in kept.items() if n[:2] == "w:"}
    )
    return model.eval()


def _tried(job: Job, stored: Any, training: Training) -> dict[str, Any]:
    trial, name = training.trial, training.name(job.settings)

    def run() -> dict[str, Any]:
        try:
            seed = job.settings.seed + _SEARCH
            found = evaluate(_trained(job, trial, seed, stored, name), job.data.valid)
        except TrainingDivergedError:
            return {**asdict(trial), "accuracy": None, "nll": None}
        return {**asdict(trial), "accuracy": found.accuracy, "nll": found.nll}

    result: dict[str, Any] = job.kept.once(name, run)
    job.kept.clear(name)
    right = result["accuracy"]
    said = "diverged" if right is None else f"{100 * right:.1f} % right"
    job.say(f"trials: {trial.arm} {training.number + 1}, {trial}: {said}")
    return result


def _student(job: Job, stored: Any, training: Training) -> dict[str, Tensor]:
    trial, name = training.trial, training.name(job.settings)
    seed = job.settings.seed + training.number

    def train() -> tuple[dict[str, Tensor], dict[str, Any]]:
        model = _trained(job, trial, seed, stored, name)
        return answered(model, job.data), {"seed": seed, **asdict(trial)}

    kept, _ = job.kept.tensors_once(name, train)
    job.kept.clear(name)
    right = 100 * evaluation(kept["valid"], job.data.valid).accuracy
    number = f"{training.number + 1} of {job.settings.seeds}"
    job.say(f"students: {trial.arm}, {number}: {right:.1f} % of validation right")
    return kept


WORK: dict[str, Callable[[Job, Any, Training], Any]] = {
    "trial": _tried,
    "student": _student,
}
"""What is done, by the kind of training."""


def _trained(job: Job, trial: Trial, seed: int, stored: Any, name: str) -> nn.Module:
    model = job.on_device(job.build_student(seed))
    if trial.temperature is None or trial.alpha is None:
        objective: Any = hard_labels()
    else:
        objective = distil(stored, trial.temperature, trial.alpha)
    fit(
        model, job.data, objective, epochs=job.settings.epochs,
        batch_size=job.settings.batch_size, learning_rate=trial.rate, seed=seed,
        schedule=cosine, checkpoint=job.kept.checkpoint(name), progress=job.progress,
    )  # fmt: skip
    return model


def answered(model: nn.Module, data: ImageSet) -> dict[str, Tensor]:
    """Weights, and the logits of the validation and the test pictures: asked once."""
    kept = {f"w:{n}": t for n, t in model.state_dict().items()}
    logits = {p: evaluate(model, getattr(data, p)).logits for p in ("valid", "test")}
    return kept | logits


def _epochs(settings: Settings, teacher: bool = False) -> str:
    count = settings.teacher_epochs if teacher else settings.epochs
    return f"{count} epoch{'s' if count != 1 else ''}"
