"""Teacher assistants: from a large teacher to a small student in several steps."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from kdteach.checks import check_list, check_model
from kdteach.cost import count_parameters
from kdteach.objectives import distil
from kdteach.training.joined import Data, list_of_data
from kdteach.training.loop import fit_many
from kdteach.training.teachers import teacher_logits
from kdteach.types import ImageSet


def teach_assistants(
    teachers: Sequence[Tensor],
    assistants: Sequence[Sequence[nn.Module]],
    data: Data | Sequence[Data],
    *,
    temperature: float,
    alpha: float,
    **options: Any,
) -> list[list[Tensor]]:
    """Train assistants one after the other, each by the one before it.

    Args:
        teachers: S tables of teacher logits (N, C), one for each chain, as
            ``teacher_logits`` makes them.
        assistants: the steps of the chain, from large to small, each of S models of one
            architecture; trained in place.
        data: as ``fit_many``: shared, or S of them.
        temperature: T > 0 of every step.
        alpha: weight of the soft term of every step, in [0, 1].
        **options: of ``fit_many``: ``epochs``, ``seeds`` and so on, for every step.

    Returns:
        For each step the S tables of logits of its assistants on their training images; the
        last are those for the student.

    Raises:
        ValueError: no assistants, no teachers, a step whose number of models is not S, or
            as ``fit_many``.
        TypeError: a step that is one model instead of a list of them.

    Warns:
        UserWarning: a step that is not smaller than the one before: what a smaller network
            has lost, a larger one behind it cannot give back.

    Source: Mirzadeh et al. 2020.
    """
    if isinstance(teachers, Tensor):
        raise ValueError(
            "teachers must be a list of at least one table of logits (N, C), one for each "
            "chain of assistants"
        )
    teachers = check_list("teachers", teachers, "tables of logits (N, C)")
    if not teachers:
        raise ValueError(
            "teachers must be a list of at least one table of logits (N, C), one for each "
            "chain of assistants"
        )
    chain: list[list[nn.Module]] = []
    steps = check_list("assistants", assistants, "steps, each a list of models")
    for number, step in enumerate(steps):
        if isinstance(step, (nn.Module, str)):
            raise TypeError(
                f"assistants[{number}] must be a list of {len(teachers)} models, one for "
                f"each teacher, got {type(step).__name__}"
            )
        # an iterator would be empty the second time
        members = check_list(f"assistants[{number}]", step, "models")
        if len(members) != len(teachers):
            raise ValueError(
                f"assistants[{number}] has {len(members)} models for {len(teachers)} "
                "teachers: one is needed for each"
            )
        for place, model in enumerate(members):
            check_model(f"assistants[{number}][{place}]", model)
        chain.append(members)
    if not chain:
        raise ValueError(
            "assistants is empty: without one the student learns from the teacher itself, "
            "fit(student, data, distil(...))"
        )
    sizes = [count_parameters(step[0]) for step in chain]
    if any(later >= earlier for earlier, later in pairwise(sizes)):
        warnings.warn(
            f"assistants have {', '.join(f'{size:,}' for size in sizes)} parameters, not "
            "from large to small: a step passes on what it could hold, so what a smaller "
            "network has lost, a larger one behind it cannot give back",
            stacklevel=2,
        )
    splits = list_of_data(data, len(teachers))
    taught_by, tables = teachers, []
    for step in chain:
        objectives = [distil(table, temperature, alpha) for table in taught_by]
        fit_many(step, splits, objectives, **options)
        taught_by = [
            teacher_logits(model, part.train if isinstance(part, ImageSet) else part)
            for model, part in zip(step, splits, strict=True)
        ]
        tables.append(taught_by)
    return tables
