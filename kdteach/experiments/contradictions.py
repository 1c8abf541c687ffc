"""What speaks against a configuration: settings that contradict or ignore each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from kdteach.checks import shown
from kdteach.models import TWINS
from kdteach.models.photographs import NAMES as PHOTOGRAPHS
from kdteach.models.photographs import WITH_STEM

if TYPE_CHECKING:
    from kdteach.experiments.recipe import Recipe

NETWORK_MISTAKES = ("drifting batchnorm", "no normalisation", "stacked head")
LOSS_MISTAKES = ("softmax twice", "softmax twice, not normalised")
MISTAKES = (*NETWORK_MISTAKES, "soft term over classes", *LOSS_MISTAKES)
_OF_A_SOFT_TERM = ("soft term over classes", "softmax twice, not normalised")
METHODS = ("hint", "attention", "similarity", "relational")
"""What a student may learn from a teacher's layers by; see ``experiments.inner``."""
_OF_A_TEACHER = (
    "alpha", "teacher", "stop_epoch", "teacher_epoch", "features", "likelihood",
)  # fmt: skip


def check_layers(name: str, value: object) -> tuple[tuple[str, str], ...]:
    """The layers of a student, each with the teacher's.

    Args:
        name: of the setting.
        value: a mapping, or the pairs as a recipe keeps them.

    Raises:
        TypeError: something else, or names that are no words.
    """
    if isinstance(value, tuple):
        value = dict(value)
    if not isinstance(value, Mapping) or not value:
        raise TypeError(
            f'{name} must be a mapping {{"student layer": "teacher layer"}}, got '
            f"{shown(value)}"
        )
    pairs = tuple(value.items())
    if not all(isinstance(part, str) and part for pair in pairs for part in pair):
        raise TypeError(f"{name} must be names of layers, got {shown(value)}")
    return pairs


def contradictions(recipe: Recipe) -> Iterator[str]:
    """What speaks against a recipe, each in a sentence.

    Args:
        recipe: whose settings are each of the right type and in range.
    """
    if recipe.shipped is not None:
        yield from _shipped(recipe)
        return
    yield from _network(recipe)
    yield from _training(recipe)
    yield from _inner(recipe)
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
    if recipe.dropout is not None and not recipe.may_drop_out:
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
    if recipe.stem not in (None, "imagenet"):
        if name not in WITH_STEM:
            yield (
                f"stem {recipe.stem!r} and model {name!r} contradict each other: it is one "
                f"of {' and '.join(WITH_STEM)}"
            )
        elif recipe.weights is not None:
            yield (
                f"stem {recipe.stem!r} and weights {recipe.weights!r} contradict each "
                "other: these weights were trained with the stem 'imagenet'"
            )
    if recipe.flips and recipe.jitter:
        yield "flips and jitter cannot be combined: give one of them"
    if (recipe.crop or recipe.mirror) and (recipe.flips or recipe.jitter):
        yield "crop and mirror cannot be combined with flips or jitter: give one pair"
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
    if mistake in _OF_A_SOFT_TERM and recipe.temperature is None:
        yield (
            f"mistake {mistake!r} needs temperature: without a teacher there is no soft "
            "term"
        )
    if mistake in LOSS_MISTAKES:
        for name, there in (
            ("subclasses", recipe.subclasses is not None),
            ("smoothing", bool(recipe.smoothing)),
            ("targets", recipe.targets == "votes"),
            ("balanced", recipe.balanced),
            ("stop_epoch", recipe.stop_epoch is not None),
        ):
            if there:
                yield f"mistake {mistake!r} and {name} cannot be combined"


def _training(recipe: Recipe) -> Iterator[str]:
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


def _inner(recipe: Recipe) -> Iterator[str]:
    """What the teacher's layers teach, where they do."""
    parts = {"feature_weight": recipe.feature_weight is not None, "layers": recipe.layers}
    for key, there in parts.items():
        if bool(there) != (recipe.features is not None):
            yield (
                f"features and {key} belong together: features says what the student "
                "learns from the teacher's layers, give both or none"
            )
    if recipe.features is not None and recipe.subclasses is not None:
        yield "features and subclasses cannot be combined"


def _labels(recipe: Recipe) -> Iterator[str]:
    """Without a teacher."""
    for key in _OF_A_TEACHER:
        if getattr(recipe, key) not in (None, False):
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
    if recipe.asks_live and teacher.subclasses != recipe.subclasses:
        yield (
            "crop and mirror, and a teacher with subclasses that the student has not, "
            "contradict each other: the teacher's own logits are asked for in every step"
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
