"""What a job is told before it begins, checked and kept beside its results."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kdteach.checks import check_choice, check_count, check_number, check_seed, shown
from kdteach.files import check_path

_MOST = 1_000  # seeds, trials
_MOST_EPOCHS = 100_000
_MOST_WORKERS = 256
_ELSEWHERE = 10**6  # added to a seed: more than any job has students
STARTS = ("random", "imagenet")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Settings:
    """One job: the pictures, both networks, and how much work may go into them.

    Attributes:
        data: folder of the pictures, as ``kdteach.load("folder", data)`` reads it:
            ``data/class/picture``, or ``data/train/class/picture`` with ``valid`` and
            ``test`` beside ``train``.
        teacher: name of the teacher: one that ``kdteach.build`` knows,
            ``torchvision:NAME``, or ``timm:NAME`` where timm is installed. The last two
            get the normalisation inside that their usual weights were trained with. Or
            your own, ``MODULE:FUNCTION``: a function, or a class, that takes
            ``num_classes`` (and ``size`` and ``channels`` where it has them) and returns a
            network of images in [0, 1].
        student: name of the student, likewise.
        out: folder for everything that is made; a new one, an empty one, or that of the
            same job, which then goes on, also with more seeds.
        teacher_weights: file of a trained teacher: safetensors, or a state dictionary that
            ``torch.save`` wrote; pickled objects are refused. Without it the teacher is
            trained on the pictures.
        teacher_classes: the class names in the order of the teacher's outputs, where its
            file does not say them and they may differ from the folders', sorted.
        size: height and width to which the pictures are brought, in pixels.
        channels: 3 for RGB, 1 for grey.
        start: "random" initial weights, or "imagenet" for torchvision's trained ones, of
            both networks, from torch's cache; nothing is fetched.
        epochs: of each student, at least 1.
        teacher_epochs: of the teacher; by default as many.
        batch_size: images a step.
        trials: settings that each arm tries on ``valid``, at least 1. The first half are
            learning rates, the same for both; with the second the distilled arm looks for
            T and alpha, the label-trained one closer around its rate.
        seeds: students of each arm, at least 2; the comparison is paired by seed.
        seed: the first of the seeds.
        rates: smallest and largest learning rate of the first trials; where one of these
            is best, some of the others lie a little beyond it.
        temperatures: smallest and largest T of the trials.
        alphas: smallest and largest weight of the soft term of the trials, in [0, 1].
        bound: a difference in accuracy below this, in points, would matter to nobody.
        device: "cpu", "cuda", or "auto" for a GPU where there is one.
        workers: processes that train students side by side, each with a copy of the
            pictures and with one thread on a CPU, or a GPU of its own; as many GPUs train
            the teacher together, where accelerate is installed. By default one a GPU, or
            as many as torch was given threads, and one for large sets of pictures, short
            trainings and networks of your own.

    Raises:
        TypeError: an attribute of another type.
        ValueError: one out of range.
    """

    data: str | os.PathLike[str]
    teacher: str
    student: str
    out: str | os.PathLike[str] = "distilled"
    teacher_weights: str | os.PathLike[str] | None = None
    teacher_classes: tuple[str, ...] | None = None
    size: int = 224
    channels: int = 3
    start: str = "random"
    epochs: int = 30
    teacher_epochs: int | None = None
    batch_size: int = 64
    trials: int = 6
    seeds: int = 10
    seed: int = 0
    rates: tuple[float, float] = (3e-4, 1e-2)
    temperatures: tuple[float, float] = (1.0, 8.0)
    alphas: tuple[float, float] = (0.3, 1.0)
    bound: float = 1.0
    device: str = "auto"
    workers: int | None = None

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("data", check_path("data", self.data))
        put("out", check_path("out", self.out))
        if self.teacher_weights is not None:
            put("teacher_weights", check_path("teacher_weights", self.teacher_weights))
        for name in ("teacher", "student"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise TypeError(f"{name} must be the name of a network, got {shown(value)}")
            if not value.strip():
                raise ValueError(f"{name} must be the name of a network, got an empty one")
        if self.teacher_classes is not None:
            put("teacher_classes", _class_names(self.teacher_classes))
        most = {"size": 4096, "trials": _MOST, "seeds": _MOST, "epochs": _MOST_EPOCHS}
        for name in ("size", "epochs", "batch_size", "trials"):
            put(name, check_count(name, getattr(self, name), most=most.get(name)))
        put("seeds", check_count("seeds", self.seeds, least=2, most=_MOST))
        after = self.epochs if self.teacher_epochs is None else self.teacher_epochs
        put("teacher_epochs", check_count("teacher_epochs", after, most=_MOST_EPOCHS))
        put("seed", check_seed(self.seed))
        if isinstance(self.channels, bool) or self.channels not in (1, 3):
            raise ValueError(
                f"channels must be 1 (grey) or 3 (RGB), got {shown(self.channels)}"
            )
        put("rates", _range("rates", self.rates, above=0))
        put("temperatures", _range("temperatures", self.temperatures, above=0))
        put("alphas", _range("alphas", self.alphas, least=0, most=1))
        put("bound", check_number("bound", self.bound, above=0))
        put("start", check_choice("start", self.start, STARTS))
        put("device", check_choice("device", self.device, DEVICES))
        if self.workers is not None:
            put("workers", check_count("workers", self.workers, most=_MOST_WORKERS))

    def described(self) -> dict[str, Any]:
        """All settings as JSON holds them, without what may be another the next time.

        The folders may be moved, and more or fewer processes may go on with a job.
        """
        left_out = ("data", "out", "teacher_weights", "workers")
        kept = {name: value for name, value in asdict(self).items() if name not in left_out}
        return {n: list(v) if isinstance(v, tuple) else v for n, v in kept.items()}

    @property
    def teacher_seed(self) -> int:
        """Seed of the initial weights of a teacher that is trained here.

        A teacher of the students' own architecture gets a seed far from theirs: where both
        begin at the same weights, a student can learn from its teacher what it could not
        learn from another one (Cloud et al. 2025).
        """
        return self.seed + (_ELSEWHERE if self.teacher == self.student else 0)

    @property
    def place(self) -> Path:
        """The folder for everything that is made."""
        return Path(self.out)


def _class_names(names: object) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, (list, tuple)):
        raise TypeError(
            f"teacher_classes must be a list of names in the teacher's order, got "
            f"{shown(names)}"
        )
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"teacher_classes must be names, got {shown(names)}")
    if len(set(names)) != len(names) or len(names) < 2:
        raise ValueError(
            f"teacher_classes must be at least two different names, got {shown(names)}"
        )
    return tuple(names)


def _range(name: str, value: object, **limits: float) -> tuple[float, float]:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} must be a pair (smallest, largest), got {shown(value)}")
    if len(value) != 2:
        raise ValueError(f"{name} must be a pair (smallest, largest), got {shown(value)}")
    low, high = (check_number(f"a number of {name}", end, **limits) for end in value)
    if low > high:
        raise ValueError(f"{name} must begin with the smaller one, got {shown(value)}")
    return low, high
