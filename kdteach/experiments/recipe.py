"""A configuration that was checked: known settings, right types, nothing that contradicts.

A setting that nobody reads is trained as something else and recorded under its name. So a
configuration becomes a ``Recipe`` before it may be run, and what is ignored when two
settings meet is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
from kdteach.experiments.contradictions import (
    METHODS,
    MISTAKES,
    check_layers,
    contradictions,
)
from kdteach.models import TWINS
from kdteach.models.photographs import NAMES as PHOTOGRAPHS
from kdteach.models.photographs import POLICIES, STEMS
from kdteach.record import plain
from kdteach.training.progress import SCORES

SHIPPED = "cnn-digits"
_CNNS = (
    "cnn-valid", "cnn-same", "cnn-225k", "cnn-52k", "cnn-4k", "cnn-2k", "cnn-digits",
    "cnn-1k",
)  # fmt: skip
_DENSE = re.compile(r"fc-11k|fc-\d+(?:-\d+)*")
KINDS = ("teacher", "assistant", "student")
_TEACHING = KINDS[:2]
_STORED_KEYS = {"random_shift": "jitter"}
_STORED_VALUES = {
    ("policy", "linear_probe"): "features",
    ("optimizer", "sgd_momentum"): "momentum",
}
"""Names of a setting and of values; what is stored and hashed is what the records have."""
_NEEDED = ("model", "epochs", "batch_size", "learning_rate")


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
    start: int = 0
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
    stem: str | None = None
    flips: bool = False
    crop: int = 0
    mirror: bool = False
    choose_on: str | None = None
    choose_by: str | None = None
    targets: str = "labels"
    balanced: bool = False
    mistake: str | None = None
    transfer: int | None = None
    shipped: str | None = None
    int8: bool = False
    features: str | None = None
    feature_weight: float | None = None
    layers: tuple[tuple[str, str], ...] = ()
    likelihood: bool = False

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
        config = _one_name_each(config)
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
        for problem in contradictions(self):
            raise ValueError(problem)

    @property
    def may_drop_out(self) -> bool:
        """Whether its network has dropout that can be set."""
        return self.model in _CNNS or _DENSE.fullmatch(self.model) is not None

    @property
    def asks_live(self) -> bool:
        """Whether its teacher is asked in every step, about the view it gets itself."""
        return self.temperature is not None and bool(
            self.crop or self.mirror or self.features
        )

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
    config = {_STORED_KEYS.get(key, key): value for key, value in config.items()}
    for key, value in config.items():
        if isinstance(value, dict):
            config[key] = _canonical(value)
        elif isinstance(value, str):
            config[key] = _STORED_VALUES.get((key, value), value)
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


def asks_live(config: Mapping[str, object]) -> bool:
    """Whether a run's teacher is asked in every step, about the view that the run gets.

    Stored logits belong to the images as they are; a student that is shown parts of them
    and mirror images needs what the teacher says of these, and one that learns from the
    teacher's layers needs the teacher itself.

    Args:
        config: of the run.
    """
    live = config.get("crop") or config.get("mirror") or config.get("features")
    return "temperature" in config and bool(live)


def _usual_kind(role: object) -> str:
    """What the role says where ``kind`` is not given."""
    return str(role) if role in _TEACHING else "student"


def policy_of(config: Mapping[str, object]) -> str:
    """How much of the network is trained, by the name that ``kdteach.models.build`` takes.

    Args:
        config: of the run, where a linear probe has the earlier name "features".
    """
    policy = str(config.get("policy", "full"))
    return "linear_probe" if policy == "features" else policy


def _one_name_each(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by the names under which they are stored."""
    for key, former in _STORED_KEYS.items():
        if key in config and former in config:
            raise ValueError(f"{key} and {former} are two names of one setting: give one")
    return {_STORED_KEYS.get(key, key): value for key, value in config.items()}


def _require_known(key: object) -> None:
    if isinstance(key, str) and (key in _CHECKS or key in _STORED_KEYS):
        return
    if not isinstance(key, str):
        raise TypeError(f"settings are named by a str, got {shown(key)}")
    near = get_close_matches(key, _CHECKS, 1, 0.0)
    raise ValueError(
        f"unknown setting {shown(key)}; the nearest known one is {near[0]!r}"
        if near
        else f"unknown setting {shown(key)}; known are {', '.join(_CHECKS)}"
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
    text = _one_of(*POLICIES, "features")(name, value)
    return _STORED_VALUES.get((name, text), text)


def _optimizer(name: str, value: object) -> str:
    text = _one_of("adam", "sgd_momentum", "momentum")(name, value)
    return _STORED_VALUES.get((name, text), text)


def _least(least: int) -> Callable[[str, object], int]:
    return lambda name, value: check_count(name, value, least)


_CHECKS: dict[str, Callable[[str, Any], object]] = {
    "role": _text,
    "kind": _one_of(*KINDS),
    "model": _model,
    "epochs": check_count,
    "batch_size": check_count,
    "learning_rate": lambda name, value: check_number(name, value, above=0),
    "optimizer": _optimizer,
    "weight_decay": lambda name, value: check_number(name, value, above=0),
    "schedule": _one_of("constant", "cosine"),
    "dropout": lambda name, value: check_number(name, value, least=0, below=1),
    "start": _least(0),
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
    "stem": _one_of(*STEMS),
    "flips": check_switch,
    "crop": _least(0),
    "mirror": check_switch,
    "choose_on": _one_of("valid", "test"),
    "choose_by": _one_of(*SCORES),
    "targets": _one_of("labels", "votes"),
    "balanced": check_switch,
    "mistake": _one_of(*MISTAKES),
    "transfer": check_count,
    "shipped": _one_of(SHIPPED),
    "int8": check_switch,
    "features": _one_of(*METHODS),
    "feature_weight": lambda name, value: check_number(name, value, above=0),
    "layers": check_layers,
    "likelihood": check_switch,
}
"""Each setting and who checks it; the fields of ``Recipe``."""
