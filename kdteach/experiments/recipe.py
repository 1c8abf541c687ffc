"""A configuration that was checked: known settings, right types, nothing that contradicts.

A setting that nobody reads is trained as something else and recorded under its name. So a
configuration becomes a ``Recipe`` before it may be run, and what is ignored when two
settings meet is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from kdteach.checks import (
    check_alpha,
    check_choice,
    check_count,
    check_number,
    check_smoothing,
    check_switch,
    check_temperature,
    check_weight,
    shown,
)
from kdteach.models import TWINS
from kdteach.models.photographs import NAMES as PHOTOGRAPHS
from kdteach.models.photographs import POLICIES
from kdteach.record import plain
from kdteach.training.progress import SCORES

NETWORK_MISTAKES = ("drifting batchnorm", "no normalisation", "stacked head")
MISTAKES = (*NETWORK_MISTAKES, "soft term over classes")
SHIPPED = "cnn-digits"
_CNNS = ("cnn-valid", "cnn-same", "cnn-225k", "cnn-52k", "cnn-4k", "cnn-digits")
_DENSE = re.compile(r"fc-11k|fc-\d+(?:-\d+)*")
KINDS = ("teacher", "assistant", "student")
_TEACHING = KINDS[:2]
_SYNONYMS = {("policy", "linear_probe"): "features"}
"""Other names of a value; what is stored and hashed is the one that the records have."""
_NEEDED = ("model", "epochs", "batch_size", "learning_rate")
_OF_A_TEACHER = ("alpha", "teacher", "stop_epoch", "teacher_epoch")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a run apart from its seed; defaults for what is not said.

    What each setting means stands in the table of ``kdteach.experiments.design.Config``,
    the mapping that is stored and hashed. Two recipes are equal where they train the same.

    Raises:
        TypeError: a setting of another type, by ``Recipe.of``.
        ValueError: a setting out of range, or two that contradict each other.
    """

    role: str
    kind: str | None = None
    model: str = ""
    epochs: int = 0
    batch_size: int = 0
    learning_rate: float = 0.0
    optimizer: str = "adam"
    weight_decay: float | None = None
    schedule: str = "constant"
    dropout: float | None = None
    jitter: int = 0
    views: int = 0
    drop_last: bool = False
    precision: str | None = None
    smoothing: float | None = None
    subclasses: int | None = None
    beta: float | None = None
    temperature: float | None = None
    alpha: float | None = None
    teacher: Recipe | None = None
    stop_epoch: int | None = None
    teacher_epoch: int | None = None
    omit: tuple[int, ...] = ()
    only: tuple[int, ...] = ()
    weights: str | None = None
    policy: str = "full"
    flips: bool = False
    choose_on: str | None = None
    choose_by: str | None = None
    targets: str = "labels"
    balanced: bool = False
    mistake: str | None = None
    transfer: int | None = None
    shipped: str | None = None

    @classmethod
    def of(cls, config: Mapping[str, object]) -> Recipe:
        """Check a configuration.

        Args:
            config: settings by name.

        Returns:
            The recipe.

        Raises:
            TypeError: no mapping, or a setting of another type.
            ValueError: an unknown setting (the message names the nearest one), one that is
                missing or out of range, or two that contradict each other.
        """
        if isinstance(config, Recipe):
            return config
        if not isinstance(config, Mapping):
            raise TypeError(
                "a configuration must be a mapping of settings such as {'role': 'plain', "
                f"'model': 'fc-64', ...}}, got {shown(config)}"
            )
        for key in config:
            _require_known(key)
        try:
            given: dict[str, Any] = {
                key: _CHECKS[key](key, value) for key, value in config.items()
            }
        except RecursionError:
            raise ValueError(
                "teacher: a chain of teachers that is too long, or leads back to itself"
            ) from None
        if "role" not in given:
            raise ValueError("a configuration needs the setting role, such as 'plain'")
        return cls(**given)

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if value is not part.default:
                checked = _CHECKS[part.name](part.name, value)
                object.__setattr__(self, part.name, checked)
        if self.kind == _usual_kind(self.role):  # said twice, it is said once
            object.__setattr__(self, "kind", None)
        if self.shipped is None and (
            missing := [key for key in _NEEDED if not getattr(self, key)]
        ):
            raise ValueError(
                f"a configuration needs the settings {', '.join(_NEEDED)}; missing "
                f"{'is' if len(missing) == 1 else 'are'} {', '.join(missing)}"
            )
        for problem in _contradictions(self):
            raise ValueError(problem)

    @property
    def teaches(self) -> bool:
        """Whether its logits and weights are kept for its students."""
        return self.does in _TEACHING

    @property
    def does(self) -> str:
        """What it is to the engine: one of ``KINDS``."""
        return self.kind or _usual_kind(self.role)


def stored(config: Mapping[str, object]) -> dict[str, object]:
    """The form of a checked configuration that is stored and hashed.

    A copy of its own, in Python's own types: NumPy's numbers and tuples become what they
    are once they have been written and read.

    Args:
        config: settings by name.

    Raises:
        TypeError: as ``Recipe.of``.
        ValueError: as ``Recipe.of``.
    """
    Recipe.of(config)
    copy: dict[str, object] = plain(config, "config")
    return _canonical(copy)


def _canonical(config: dict[str, object]) -> dict[str, object]:
    """One spelling for what has two, so that it has one hash."""
    for key, value in config.items():
        if isinstance(value, dict):
            config[key] = _canonical(value)
        elif isinstance(value, str):
            config[key] = _SYNONYMS.get((key, value), value)
    if config.get("kind") == _usual_kind(config.get("role")):
        del config["kind"]
    return config


def kind_of(config: Mapping[str, object]) -> str:
    """What a run is to the engine: "teacher", "assistant" or "student".

    A teacher learns from labels and an assistant from a teacher; the logits and weights of
    both are kept for those who learn from them.

    Args:
        config: of the run.
    """
    return str(config.get("kind") or _usual_kind(config.get("role")))


def _usual_kind(role: object) -> str:
    """What the role says where ``kind`` is not given."""
    return str(role) if role in _TEACHING else "student"


def _require_known(key: object) -> None:
    if isinstance(key, str) and key in _CHECKS:
        return
    if not isinstance(key, str):
        raise TypeError(f"settings are named by a str, got {shown(key)}")
    near = get_close_matches(key, _CHECKS, 1, 0.0)
    raise ValueError(
        f"unknown setting {shown(key)}; the nearest known one is {near[0]!r}"
        if near
        else f"unknown setting {shown(key)}; known are {', '.join(_CHECKS)}"
    )


def _contradictions(recipe: Recipe) -> Iterator[str]:
    """What speaks against a recipe, each in a sentence."""
    if recipe.shipped is not None:
        yield from _shipped(recipe)
        return
    yield from _network(recipe)
    yield from _course(recipe)
    if recipe.temperature is None:
        yield from _labels(recipe)
    else:
        yield from _soft(recipe)
        if recipe.teacher is not None:
            yield from _taught(recipe, recipe.teacher)


def _shipped(recipe: Recipe) -> Iterator[str]:
    free = ("role", "kind", "shipped", "views")
    extra = [
        part.name
        for part in fields(recipe)
        if part.name not in free and getattr(recipe, part.name) != part.default
    ]
    if extra:
        yield (
            f"shipped is a network that is trained already: leave {' and '.join(extra)} out"
        )
    if recipe.does != "teacher":
        yield (
            f"shipped is a teacher: its {_said(recipe)} must be 'teacher', got "
            f"{recipe.does if recipe.kind else recipe.role!r}"
        )


def _said(recipe: Recipe) -> str:
    """The setting that says what a run is to the engine."""
    return "kind" if recipe.kind else "role"


def _network(recipe: Recipe) -> Iterator[str]:
    name = recipe.model
    photograph, twin = name in PHOTOGRAPHS, name in TWINS
    if recipe.dropout is not None and not (name in _CNNS or _DENSE.fullmatch(name)):
        yield f"dropout and model {name!r} contradict each other: it has none to be set"
    if recipe.weights is not None:
        known = "imagenet" if photograph else "tissues" if twin else None
        if known is None:
            yield f"weights and model {name!r} contradict each other: there are none for it"
        elif recipe.weights != known:
            yield (
                f"weights {recipe.weights!r} and model {name!r} contradict each other: the "
                f"ones for it are {known!r}"
            )
    if recipe.policy != "full" and not (photograph or twin):
        yield (
            f"policy {recipe.policy!r} and model {name!r} contradict each other: only "
            f"{', '.join((*PHOTOGRAPHS, *TWINS))} have parts that can be frozen"
        )
    if recipe.flips and recipe.jitter:
        yield "flips and jitter cannot be combined: give one of them"
    yield from _mistaken(recipe, photograph or twin)


def _mistaken(recipe: Recipe, coloured: bool) -> Iterator[str]:
    mistake, name = recipe.mistake, recipe.model
    if mistake in NETWORK_MISTAKES and not coloured:
        yield (
            f"mistake {mistake!r} and model {name!r} contradict each other: it is one of "
            f"{', '.join((*PHOTOGRAPHS, *TWINS))}"
        )
    if mistake == "drifting batchnorm" and recipe.policy == "full":
        yield (
            "mistake 'drifting batchnorm' and policy 'full' contradict each other: with "
            "nothing frozen it is no mistake and changes nothing"
        )
    if mistake == "stacked head" and recipe.weights is None:
        yield (
            "mistake 'stacked head' needs weights: the old head is that of the trained "
            "network"
        )
    if mistake == "soft term over classes" and recipe.temperature is None:
        yield (
            "mistake 'soft term over classes' needs temperature: without a teacher there "
            "is no soft term"
        )


def _course(recipe: Recipe) -> Iterator[str]:
    if recipe.weight_decay is not None and recipe.optimizer != "adam":
        yield (
            f"weight_decay and optimizer {recipe.optimizer!r} contradict each other: it is "
            "Adam with decoupled weight decay, in place of another optimizer"
        )
    if recipe.omit and recipe.only:
        yield "omit and only contradict each other: give one of them"
    if recipe.choose_by is not None and recipe.choose_on is None:
        yield "choose_by needs choose_on: without it the last epoch is kept, not the best"
    if recipe.drop_last and recipe.transfer and recipe.transfer < recipe.batch_size:
        yield (
            f"drop_last and transfer contradict each other: of {recipe.transfer} images "
            f"in batches of {recipe.batch_size} nothing is left"
        )
    if recipe.views and not recipe.teaches:
        yield (
            f"views and {_said(recipe)} {recipe.kind or recipe.role!r} contradict each "
            "other: it is about the logits that a teacher or an assistant leaves to its "
            "students"
        )


def _labels(recipe: Recipe) -> Iterator[str]:
    """Without a teacher."""
    for key in _OF_A_TEACHER:
        if getattr(recipe, key) is not None:
            yield f"{key} needs temperature: without it the run has no teacher"
    if recipe.does == "assistant":
        yield (
            f"{_said(recipe)} 'assistant' needs temperature: an assistant learns from a "
            "teacher; who learns from labels alone and teaches is a 'teacher'"
        )
    if recipe.beta is not None and recipe.subclasses is None:
        yield "beta needs subclasses: it weighs their diversity"
    asked = [
        name
        for name, there in (
            ("subclasses", recipe.subclasses is not None),
            ("smoothing", bool(recipe.smoothing)),
            ("targets", recipe.targets == "votes"),
            ("balanced", recipe.balanced),
        )
        if there
    ]
    if len(asked) > 1:
        yield f"{' and '.join(asked)} cannot be combined: each is an objective of its own"


def _soft(recipe: Recipe) -> Iterator[str]:
    """With a teacher, whoever it is."""
    if recipe.alpha is None:
        yield "temperature needs alpha, the weight of the soft term"
    if recipe.does == "teacher":
        yield (
            f"{_said(recipe)} 'teacher' and temperature contradict each other: who learns "
            "from a teacher and teaches is an 'assistant'"
        )
    for name, there in (
        ("smoothing", bool(recipe.smoothing)),
        ("targets", recipe.targets == "votes"),
        ("balanced", recipe.balanced),
        ("beta", recipe.beta is not None),
    ):
        if there:
            yield (
                f"{name} and temperature contradict each other: beside a teacher it "
                "changes nothing"
            )
    for name, there in (("flips", recipe.flips), ("jitter", bool(recipe.jitter))):
        if there:
            yield (
                f"{name} and temperature contradict each other: the teacher's logits are "
                "stored, and belong to the images as they are"
            )
    if recipe.stop_epoch is not None:
        if recipe.subclasses is not None:
            yield "stop_epoch and subclasses cannot be combined"
        if recipe.stop_epoch > recipe.epochs:
            yield (
                f"stop_epoch {recipe.stop_epoch} and epochs {recipe.epochs} contradict "
                "each other: the run has ended before"
            )


def _taught(recipe: Recipe, teacher: Recipe) -> Iterator[str]:
    """With a teacher that is named."""
    if not teacher.teaches:
        yield (
            f"teacher: its {_said(teacher)} must be 'teacher' or 'assistant', got "
            f"{teacher.kind or teacher.role!r}: the logits of others are not kept"
        )
    if recipe.subclasses is not None and teacher.subclasses != recipe.subclasses:
        yield (
            f"subclasses {recipe.subclasses} and a teacher with "
            f"{teacher.subclasses or 'none'} contradict each other: both need as many"
        )
    if recipe.teacher_epoch is None:
        return
    if teacher.shipped is not None:
        yield "teacher_epoch and a shipped teacher contradict each other: it has one state"
    elif teacher.choose_on is not None:
        yield (
            "teacher_epoch and a teacher with choose_on contradict each other: of its best "
            "epoch alone the logits are kept"
        )
    elif recipe.teacher_epoch > teacher.epochs:
        yield (
            f"teacher_epoch {recipe.teacher_epoch} and a teacher of {teacher.epochs} "
            "epochs contradict each other"
        )


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {shown(value)}")
    if not value:
        raise ValueError(f"{name} must not be empty")
    return value


def _model(name: str, value: object) -> str:
    text = _text(name, value)
    known = (*_CNNS, *PHOTOGRAPHS, *TWINS, "linear")
    if text not in known and not _DENSE.fullmatch(text):
        raise ValueError(
            f"unknown {name} {shown(text)}; known are {', '.join(known)}, fc-11k and "
            "fc-<width>-<width>..."
        )
    if text.startswith("fc-") and text != "fc-11k" and 0 in map(int, text.split("-")[1:]):
        raise ValueError(f"{name}: the widths of {shown(text)} must be at least 1")
    return text


def _teacher(name: str, value: object) -> Recipe:
    if isinstance(value, Recipe):
        return value
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{name} must be a configuration, a mapping of settings, got {shown(value)}"
        )
    try:
        return Recipe.of(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error


def _classes(name: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(
            f"{name} must be a list of class numbers such as [3], got {shown(value)}"
        )
    classes = tuple(check_count(f"a class of {name}", part, least=0) for part in value)
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(
            f"{name} must name at least one class, each once, got {shown(value)}"
        )
    return classes


def _one_of(*known: str) -> Callable[[str, object], str]:
    def check(name: str, value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(f"{name} must be one of {', '.join(known)}, got {shown(value)}")
        return check_choice(name, value, known)

    return check


def _policy(name: str, value: object) -> str:
    text = _one_of(*POLICIES, "linear_probe")(name, value)
    return _SYNONYMS.get((name, text), text)


def _least(least: int) -> Callable[[str, object], int]:
    return lambda name, value: check_count(name, value, least)


_CHECKS: dict[str, Callable[[str, Any], object]] = {
    "role": _text,
    "kind": _one_of(*KINDS),
    "model": _model,
    "epochs": check_count,
    "batch_size": check_count,
    "learning_rate": lambda name, value: check_number(name, value, above=0),
    "optimizer": _one_of("adam", "momentum"),
    "weight_decay": lambda name, value: check_number(name, value, above=0),
    "schedule": _one_of("constant", "cosine"),
    "dropout": lambda name, value: check_number(name, value, least=0, below=1),
    "jitter": _least(0),
    "views": _least(0),
    "drop_last": check_switch,
    "precision": _one_of("bfloat16"),
    "smoothing": lambda _, value: check_smoothing(value),
    "subclasses": check_count,
    "beta": check_weight,
    "temperature": lambda _, value: check_temperature(value),
    "alpha": lambda _, value: check_alpha(value),
    "teacher": _teacher,
    "stop_epoch": check_count,
    "teacher_epoch": check_count,
    "omit": _classes,
    "only": _classes,
    "weights": _one_of("imagenet", "tissues"),
    "policy": _policy,
    "flips": check_switch,
    "choose_on": _one_of("valid", "test"),
    "choose_by": _one_of(*SCORES),
    "targets": _one_of("labels", "votes"),
    "balanced": check_switch,
    "mistake": _one_of(*MISTAKES),
    "transfer": check_count,
    "shipped": _one_of(SHIPPED),
}
"""Each setting and who checks it; the fields of ``Recipe``."""
