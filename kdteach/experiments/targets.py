"""From a configuration to its objective: what the run learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from kdteach.data.mhist import vote_shares
from kdteach.experiments.contradictions import LOSS_MISTAKES
from kdteach.experiments.design import Config
from kdteach.experiments.inner import with_layers
from kdteach.experiments.mistakes import LabelsTwice, divided_alpha, softmax_twice
from kdteach.fingerprints import TeacherLogits, known_answers
from kdteach.losses import class_log_probs
from kdteach.objectives import (
    Objective,
    distil,
    distil_subclasses,
    hard_labels,
    smoothed_labels,
    soft_labels,
    subclass_labels,
    weighted_labels,
)
from kdteach.types import ImageSet

Answers = Mapping[str, Tensor]
"""A teacher's logits (N, C) by split: "train", "valid" and "test"."""


def for_student(
    config: Config, answers: Answers | None, num_classes: int
) -> Answers | None:
    """A student without subclasses learns from the classes of a teacher with them.

    Args:
        config: of the student.
        answers: of its teacher, None for labels alone.
        num_classes: C.
    """
    if answers is None or "subclasses" in config:
        return answers
    if answers["train"].shape[1] == num_classes:
        return answers
    return {name: _of_classes(table, num_classes) for name, table in answers.items()}


def _of_classes(table: Tensor, num_classes: int) -> Tensor:
    """Log-probabilities of the classes, which answer the same images."""
    joined = class_log_probs(table, num_classes)
    known = known_answers(table)  # also of one that came from a process
    return TeacherLogits.of(joined, known) if isinstance(known, Tensor) else joined


def objective_of(
    config: Config,
    answers: Answers | None,
    data: ImageSet,
    teacher: nn.Module | None = None,
    seed: int = 0,
) -> Objective:
    """What the run learns from.

    Args:
        config: of the run.
        answers: of its teacher, None for labels alone.
        data: gives classes, their sizes and votes.
        teacher: the teacher itself, where it is asked in every step.
        seed: of the run, for weights that the objective itself has.

    Raises:
        ValueError: settings that ask for two objectives at once.
    """
    if answers is None:
        return _BY_LABELS[labels_asked(config)](config, data)
    live = teacher is not None and not config.get("features")
    asked = teacher if live and teacher is not None else answers["train"]
    outer = _taught(config, asked, data.num_classes)
    if not config.get("features"):
        return outer
    if teacher is None:
        raise ValueError("features need the teacher itself, not its logits alone")
    return with_layers(config, outer, teacher, seed)


def labels_asked(config: Config) -> str:
    """In which form a run without a teacher learns from labels: a key of ``_BY_LABELS``.

    Args:
        config: of the run.

    Raises:
        ValueError: in more than one.
    """
    asked = {
        "subclasses": config.get("subclasses") is not None,
        "smoothing": bool(config.get("smoothing")),
        "targets": config.get("targets") == "votes",
        "balanced": bool(config.get("balanced")),
    }
    found = [setting for setting, there in asked.items() if there]
    if len(found) > 1:
        raise ValueError(
            f"{' and '.join(found)} cannot be combined: each is an objective of its own"
        )
    return found[0] if found else "plain"


def _subclasses(config: Config, data: ImageSet) -> Objective:
    return subclass_labels(data.num_classes, float(str(config.get("beta", 0.0))))


def _smoothed(config: Config, data: ImageSet) -> Objective:
    del data
    return smoothed_labels(float(str(config["smoothing"])))


def _votes(config: Config, data: ImageSet) -> Objective:
    del config
    return soft_labels(vote_shares([data.train])[0])


def _balanced(config: Config, data: ImageSet) -> Objective:
    """Each class weighed by the inverse of its size, 1 on average over the images."""
    del config
    classes = data.num_classes
    sizes = torch.bincount(data.train.labels, minlength=classes).double()
    return weighted_labels(sizes.sum() / (classes * sizes))


def _plain(config: Config, data: ImageSet) -> Objective:
    del data
    return LabelsTwice() if config.get("mistake") in LOSS_MISTAKES else hard_labels()


_BY_LABELS: dict[str, Callable[[Config, ImageSet], Objective]] = {
    "subclasses": _subclasses,
    "smoothing": _smoothed,
    "targets": _votes,
    "balanced": _balanced,
    "plain": _plain,
}


def _taught(config: Config, table: Tensor | nn.Module, num_classes: int) -> Objective:
    """The objective of a student with a teacher.

    Args:
        config: of the student.
        table: (N, C) the teacher's logits on the training images, or the teacher itself.
        num_classes: C.
    """
    temperature, alpha = (float(str(config[key])) for key in ("temperature", "alpha"))
    if config.get("mistake") == "soft term over classes":
        alpha = divided_alpha(alpha, num_classes)
    if config.get("mistake") in LOSS_MISTAKES:
        right = config["mistake"] == LOSS_MISTAKES[0]
        return softmax_twice(table, temperature, alpha, normalised=right)
    stop = config.get("stop_epoch")
    if "subclasses" in config:
        if stop is not None:
            raise ValueError("stop_epoch and subclasses cannot be combined")
        return distil_subclasses(table, num_classes, temperature, alpha)
    last = None if stop is None else int(str(stop))
    return distil(table, temperature, alpha, stop_epoch=last)
