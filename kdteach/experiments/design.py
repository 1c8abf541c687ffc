"""What an experiment is: a name, configurations, seeds, and published values beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from kdteach.checks import check_count, check_dtype, check_number, shown
from kdteach.data import NAMES
from kdteach.experiments.labels import labels_of
from kdteach.experiments.recipe import Recipe, kind_of, stored
from kdteach.record import plain
from kdteach.writing import check_file_name

MOST_SEEDS = 10_000
"""Of an experiment: a number with more digits is a slip of the finger."""

Config = Mapping[str, object]
"""Everything that decides a run apart from its seed, JSON values only.

The form that is stored and hashed; ``kdteach.experiments.recipe.Recipe`` checks it.

=================  ====================================================================
key                meaning; where it is missing, the default
=================  ====================================================================
``role``           what the run is called in the experiment, such as "plain"
``kind``           "teacher", "assistant" or "student": what the run is to the engine, which
                   keeps logits and weights of the first two for their students; by default
                   what ``role`` says, and "student" where it is another word
``model``          name for ``kdteach.models.build``
``epochs``         passes over the training images
``batch_size``     images a step
``learning_rate``  of ``optimizer``
``optimizer``      "adam" (default) or "sgd_momentum", stored by its earlier name "momentum"
``weight_decay``   decoupled for Adam; for "sgd_momentum" added to the gradient
``schedule``       "constant" (default) or "cosine"
``dropout``        by default the model's own
``start``          added to the seed of the first weights, 0: another network of the same
                   kind, on the same images in the same order
``random_shift``   images are shifted at random by so many pixels at most, 0
``jitter``         its earlier name, under which it is stored
``views``          a teacher's logits are means over all shifts of so many pixels, 0
``drop_last``      leave out the last, smaller batch, false
``precision``      "bfloat16" computes matrix products in it; by default that of the weights
``smoothing``      epsilon of smoothed labels, 0
``subclasses``     S: the network puts out S logits a class
``beta``           weight of the diversity of subclasses, 0
``temperature``    T of a distilled student; without it the student has labels alone
``alpha``          weight of the soft term
``teacher``        configuration of the teacher; by default the experiment's own
``stop_epoch``     the soft term is switched off after this epoch
``teacher_epoch``  the teacher as it was after this epoch; by default after the last, or
                   after the best where the teacher has ``choose_on``
``omit``           classes left out of the student's training images
``only``           classes kept of the student's training images
``weights``        "imagenet" or "tissues", of a network for photographs; fresh ones
``policy``         "full" (default), "fine-tune" or "linear_probe", by its earlier name
                   "features", under which it is stored; see ``models.build``
``stem``           "imagenet" (default) or "cifar", of a ResNet, see ``models.build``
``flips``          mirror images at random, both ways, false
``crop``           widen each side by so many black pixels and cut the old size out at
                   random, 0; with a teacher, it is asked about the same view in every step
``mirror``         mirror images left to right at random, false; a teacher as for ``crop``
``choose_on``      "valid": keep the epoch that is best on it ("test": one of the mistakes);
                   by default the last epoch is kept
``choose_by``      "accuracy" (default) or "weighted_f1": by what an epoch is best
``targets``        "labels" (default) or "votes", the shares of the annotators
``balanced``       weigh each class by the inverse of its size, false
``mistake``        of a report, made on purpose, see ``experiments.mistakes``
``transfer``       so many of these images are drawn, by default all are used
``shipped``        "cnn-digits": a teacher that comes trained, in place of all but ``role``
                   and ``views``
``int8``           test it once more with the weights of its dense layers in 8-bit
                   integers (``kdteach.quantisation.quantised``), false
``features``       what the student also learns from the teacher's layers: "hint",
                   "attention", "similarity" or "relational", the objectives of
                   ``kdteach.objectives`` (of the last: distances, and angles twice)
``feature_weight`` weight of that term, beside the loss that alpha divides
``layers``         the student's layers, each with the teacher's: ``{"3": "3"}``
``likelihood``     measure the mean negative log-likelihood on test as well, false
=================  ====================================================================
"""


@dataclass(frozen=True)
class Published:
    """A published value that stands beside our runs.

    Attributes:
        source: such as "Report 2, Table I" or "Hinton et al. 2015, section 3".
        where: the settings of the runs it belongs to; a run fits when it has them all.
        metric: name in the records' results.
        value: in the unit of the records (fractions, counts).
        item: which entry of a result that is a list, such as a class.
    """

    source: str
    where: Config
    metric: str
    value: float
    item: int | None = None

    def __post_init__(self) -> None:
        for name in ("source", "metric"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name} must be a str, got {shown(getattr(self, name))}")
        if not isinstance(self.where, Mapping):
            raise TypeError(f"where must be a mapping of settings, got {shown(self.where)}")
        check_number("value", self.value)
        if self.item is not None:
            check_count("item", self.item, least=0)

    def fits(self, config: Config) -> bool:
        """Say whether a run with this configuration stands beside the value."""
        return all(config.get(key) == value for key, value in self.where.items())


@dataclass(frozen=True)
class Experiment:
    """What to run.

    Attributes:
        name: on the command line and of the results file.
        question: what it answers, one line.
        data: name and options of the data set; the option value "seed" stands for the
            seed of the run, such as ``{"draw": "seed"}``.
        configurations: one run each and seed; each is checked as a ``Recipe`` and copied.
        seeds: how many by default.
        published: values to stand beside.
        labels: names for some of the configurations, by which they can be asked for, as in
            ``experiment["smoothed"]``. They are no part of what is stored and hashed. The
            others are called by their role, with what tells them from others of that role.
        named: all configurations by name.

    Raises:
        TypeError: a part of another type.
        ValueError: a name that is none, an unknown data set, a configuration that
            contradicts itself, the data or another; the message says which.
    """

    name: str
    question: str
    data: tuple[str, Mapping[str, object]]
    configurations: tuple[Config, ...]
    seeds: int = 10
    published: tuple[Published, ...] = field(default=(), repr=False)
    labels: Mapping[str, Config] = field(default_factory=dict, repr=False)
    named: Mapping[str, Config] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_file_name("an experiment", self.name)
        if not isinstance(self.question, str):
            raise TypeError(f"question must be a str, got {shown(self.question)}")
        object.__setattr__(self, "data", _data(self.data))
        seeds = check_count("seeds", self.seeds, most=MOST_SEEDS)
        object.__setattr__(self, "seeds", seeds)
        for name, kind in (("configurations", Mapping), ("published", Published)):
            parts = getattr(self, name)
            if not isinstance(parts, (list, tuple)) or not all(
                isinstance(part, kind) for part in parts
            ):
                raise TypeError(
                    f"{name} must be a tuple of {kind.__name__}, got {shown(parts)}"
                )
            object.__setattr__(self, name, tuple(parts))
        object.__setattr__(self, "configurations", self._checked())
        given = self.labels
        if not isinstance(given, Mapping) or not all(isinstance(k, str) for k in given):
            raise TypeError(f"labels must be a mapping by name, got {shown(given)}")
        chosen = {label: stored(config) for label, config in given.items()}
        object.__setattr__(self, "labels", chosen)
        object.__setattr__(self, "named", labels_of(self.configurations, chosen))

    def __getitem__(self, label: str) -> Config:
        """A configuration by its name.

        Args:
            label: a key of ``named``.

        Raises:
            LookupError: no configuration has that name; the message names the nearest.
        """
        if isinstance(label, str) and label in self.named:
            return self.named[label]
        near = get_close_matches(str(label), self.named, 3, 0.3)
        raise LookupError(
            f"{self.name} has no configuration {shown(label)}; "
            + (f"the nearest are {'; '.join(near)}" if near else "see .named")
        )

    def _checked(self) -> tuple[Config, ...]:
        """The configurations, each as it is stored."""
        copies: list[Config] = []
        recipes: list[Recipe] = []
        teachers = sum(kind_of(config) == "teacher" for config in self.configurations)
        for i, config in enumerate(self.configurations):
            where = f"{self.name}, configuration {i} ({shown(config.get('role'))})"
            try:
                recipe = Recipe.of(config)
                _check_with(recipe, self.data, teachers)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{where}: {error}") from error
            if recipe in recipes:
                raise ValueError(
                    f"{where}: the same as configuration {recipes.index(recipe)}"
                )
            recipes.append(recipe)
            copies.append(stored(config))
        if not copies:
            raise ValueError(f"{self.name}: an experiment needs a configuration")
        return tuple(copies)

    def teacher_of(self, config: Config) -> Config | None:
        """The configuration of a student's teacher, None for labels alone."""
        if "temperature" not in config:
            return None
        if "teacher" in config:
            teacher = config["teacher"]
            assert isinstance(teacher, Mapping)
            return teacher  # itself without one, or an assistant with its own
        (teacher,) = (c for c in self.configurations if kind_of(c) == "teacher")
        return teacher


def _data(data: object) -> tuple[str, Mapping[str, object]]:
    if not isinstance(data, (list, tuple)) or len(data) != 2:
        raise TypeError(
            "data must be name and options of a data set, such as ('digits', {}), got "
            f"{shown(data)}"
        )
    name, options = data
    if name not in NAMES:
        raise ValueError(f"unknown data set {shown(name)}; known are {', '.join(NAMES)}")
    if not isinstance(options, Mapping):
        raise TypeError(f"the options of {name!r} must be a mapping, got {shown(options)}")
    copy: Any = plain(options, "data")
    if "dtype" in copy:
        check_dtype("dtype of the data", copy["dtype"])
    return name, copy


def _check_with(
    recipe: Recipe, data: tuple[str, Mapping[str, object]], teachers: int
) -> None:
    """Raise ValueError where a recipe does not go with the experiment's data or teacher.

    Args:
        recipe: of a run.
        data: of the experiment.
        teachers: how many teachers the experiment has.
    """
    name, options = data
    if recipe.shipped is not None:
        raise ValueError(
            "a shipped teacher is not trained: give it to a student as teacher"
        )
    if recipe.temperature is not None and recipe.teacher is None and teachers != 1:
        raise ValueError(
            f"teacher is not given, and the experiment has {teachers} configurations with "
            "the role 'teacher' instead of one: say from which the student learns"
        )
    for taught in _chain(recipe):
        own = name == "digits" and options.get("draw") == "seed"
        if taught.shipped is not None and not own:
            raise ValueError(
                "the shipped teachers belong to ('digits', {'draw': 'seed'}): of other "
                "draws they have seen images that must be new to them"
            )
        if taught.precision is not None and options.get("dtype") == "float64":
            raise ValueError(
                f"precision {taught.precision!r} and data in float64 contradict each "
                "other: products of float64 numbers stay float64"
            )
        if taught.choose_on == "valid" and options.get("validation") == 0:
            raise ValueError("choose_on 'valid' and data without validation images")


def _chain(recipe: Recipe | None) -> list[Recipe]:
    """A recipe, its teacher, the teacher's teacher..."""
    return [] if recipe is None else [recipe, *_chain(recipe.teacher)]


def config_text(config: Config) -> str:
    """One spelling for equal configurations, whatever the order of their keys."""
    return json.dumps(config, sort_keys=True)
