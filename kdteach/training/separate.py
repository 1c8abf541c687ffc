"""Nobody trains what belongs to another: students, objectives, teachers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from kdteach.training.frozen import NORMS, frozen_statistics
from kdteach.training.layout import share_memory

Owned = tuple[int, str, Tensor]
"""Whose, by what name, and what."""


def require_separate(models: Sequence[nn.Module]) -> None:
    """Raise where two models share a weight that is trained, or statistics of BatchNorm.

    Args:
        models: that are trained together; each would undo what another has learned.

    Raises:
        ValueError: the message names both.
    """
    weights = [
        (number, name, weight)
        for number, model in enumerate(models)
        for name, weight in model.named_parameters()
        if weight.requires_grad
    ]
    for (other, its, _), (number, name, _) in _shared(weights):
        raise ValueError(
            f"models[{other}] and models[{number}] share a weight, {its!r} and "
            f"{name!r}: each would change what the other has learned. Build each "
            "model with layers of its own, or freeze what they share"
        )
    statistics = [
        (number, name, buffer)
        for number, model in enumerate(models)
        for name, buffer in _statistics(model)
    ]
    for (other, its, _), (number, name, _) in _shared(statistics):
        raise ValueError(
            f"models[{other}] and models[{number}] share running statistics, {its!r} and "
            f"{name!r}: each would change those of the other. Build each model with layers "
            "of its own"
        )


def require_separate_objectives(objectives: Sequence[object]) -> None:
    """Raise where two objectives share a weight that is trained.

    Args:
        objectives: those of S students, after ``prepare``.

    Raises:
        ValueError: the message names both objectives.
    """
    weights = [
        (number, name, weight)
        for number, objective in enumerate(objectives)
        if isinstance(objective, nn.Module)
        for name, weight in objective.named_parameters()
        if weight.requires_grad
    ]
    for (other, _, _), (number, name, _) in _shared(weights):
        raise ValueError(
            f"objectives[{other}] and objectives[{number}] share the weight {name!r}, "
            "which is trained: each student would change what the other has learned. Make "
            "an objective for each student"
        )


def require_own_teachers(models: Sequence[nn.Module], objectives: Sequence[object]) -> None:
    """Raise where a student is a teacher, its own or another's, also inside a wrapper.

    Args:
        models: S students that are trained together.
        objectives: S, one a student.

    Raises:
        ValueError: a teacher has a weight that is trained as a student's.
    """
    asked = [
        (number, teacher)
        for number, objective in enumerate(objectives)
        for teacher in getattr(objective, "teachers", ())
        if isinstance(teacher, nn.Module)
    ]
    if not asked:
        return
    trained = [
        (number, name, weight)
        for number, model in enumerate(models)
        for name, weight in model.named_parameters()
        if weight.requires_grad
    ]
    seen: set[int] = set()
    for learner, teacher in asked:
        if id(teacher) in seen and len(models) > 1:
            continue
        seen.add(id(teacher))
        its = [(-1, name, weight) for name, weight in teacher.named_parameters()]
        for (student, name, _), _ in _shared([*trained, *its]):
            if len(models) == 1 or student == learner:
                raise ValueError(
                    "the teacher is the student itself: it would chase its own answers "
                    f"(they share the weight {name!r}, which is trained). Give the "
                    "objective a copy, copy.deepcopy(model), or freeze what they share"
                )
            raise ValueError(
                f"the teacher of models[{learner}] is models[{student}], which is trained "
                f"at the same time (they share the weight {name!r}): what it says would "
                "depend on who is trained first. Give a copy, copy.deepcopy(model); "
                "students that teach each other are trained by fit_cohort with "
                "kdteach.objectives.mutual()"
            )


def _statistics(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    frozen = {id(layer) for layer in frozen_statistics(model)}
    for path, layer in model.named_modules():
        if isinstance(layer, NORMS) and id(layer) not in frozen:
            for name, buffer in layer.named_buffers(recurse=False):
                yield f"{path}.{name}" if path else name, buffer


def _shared(owned: Iterable[Owned]) -> Iterator[tuple[Owned, Owned]]:
    """Pairs of different owners whose tensors have a number in common."""
    places: dict[object, list[Owned]] = {}
    for mine in owned:
        tensor = mine[2]
        if is_lazy(tensor):
            continue
        place: object = id(tensor)
        if not tensor.is_meta and tensor.layout is torch.strided:
            place = tensor.untyped_storage().data_ptr()
        others = places.setdefault(place, [])
        for other in others:
            if other[0] != mine[0] and share_memory(other[2], mine[2]):
                yield other, mine
        others.append(mine)
