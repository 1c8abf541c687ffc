"""What a student must be so that it can be trained, and what it trains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_labels
from kdteach.metrics import require_classes
from kdteach.models import device_of
from kdteach.models.baked import is_exported
from kdteach.objectives import LogitObjective, Objective, TrainingSetup
from kdteach.training.decay import Trained, trained_weights
from kdteach.training.layout import overlaps_itself
from kdteach.types import LossTerms, Split


def check_member(
    model: nn.Module,
    objective: LogitObjective,
    split: Split,
    setup: TrainingSetup,
    labels: bool = True,
) -> None:
    """Refuse what an objective cannot serve.

    Args:
        model: the student.
        objective: of its logits.
        split: that it is trained on.
        setup: of the training.
        labels: whether the labels are looked at: once a split is enough.

    Raises:
        ValueError: a teacher that is the student itself, or labels or a split that do not
            fit the objective.
    """
    read = getattr(objective, "num_classes", None)
    if read is None:
        require_classes(split, setup.outputs)
    if labels:
        require_labels(split, setup.outputs)
    for teacher in getattr(objective, "teachers", ()):
        if teacher is model:
            raise ValueError(
                "the teacher is the student itself: it would chase its own answers. Give "
                "distil a copy, copy.deepcopy(model)"
            )
    objective.check(split, setup)


def require_labels(split: Split, outputs: int, name: str = "") -> None:
    """Raise unless labels are classes that a model has outputs for.

    Args:
        split: with the labels.
        outputs: of the model.
        name: of the split, where the message is to say it.
    """
    try:
        check_labels(split.labels, len(split), outputs)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{name}{': ' if name else ''}{error} (the model has {outputs} outputs)"
        ) from error


def require_trainable(model: nn.Module) -> None:
    """Raise where an optimiser could not change a model's weights.

    Args:
        model: the student.

    Raises:
        ValueError: weights that share their memory, or were made in inference mode; a
            model that came from ``torch.export``.
    """
    for part in model.modules():
        if is_exported(part):
            raise ValueError(
                "the model came from torch.export, whose graph has no train mode: train "
                "the network that it was exported from (as a teacher it serves as it is)"
            )
    for name, weight in model.named_parameters():
        if weight.requires_grad and overlaps_itself(weight):
            raise ValueError(
                f"the weight {name!r} has {weight.numel()} entries that share fewer "
                "numbers in memory, as after expand, and cannot be trained so: give it "
                "numbers of its own, nn.Parameter(weight.clone())"
            )
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if any(weight.is_inference() for weight in weights):
        raise ValueError(
            "the model was made inside torch.inference_mode(), and such weights cannot be "
            "trained: build it outside"
        )


def parameters_of(objective: object, model: nn.Module) -> list[Tensor]:
    """Weights of the objective itself, such as a regressor: trained with the student's.

    Args:
        objective: any; one that is no ``nn.Module`` has none.
        model: the student.

    Raises:
        ValueError: they lie on another device than the student's.
    """
    if not isinstance(objective, nn.Module):
        return []
    taken = {id(weight) for weight in model.parameters()}
    own: list[Tensor] = [
        p for p in objective.parameters() if p.requires_grad and id(p) not in taken
    ]
    place = device_of(model)
    if any(weight.device != place for weight in own):
        raise ValueError(
            f"the objective has weights on {own[0].device}, the model lies on {place}: "
            f"objective.to({str(place)!r})"
        )
    return own


def named_weights(
    model: nn.Module, objective: Objective, weights: list[Tensor]
) -> list[Trained]:
    """What the weights of a student and its objective are called, in their order.

    Args:
        model: the student.
        objective: whose own weights are called ``objective.`` and their name.
        weights: those that are trained.
    """
    known = trained_weights(model)
    if isinstance(objective, nn.Module):
        known += trained_weights(objective, "objective.")
    by_id = {id(each.weight): each for each in reversed(known)}
    return [by_id[id(weight)] for weight in weights]


def require_some_gradient(weights: Iterable[Tensor]) -> None:
    """Raise where no weight of a student has a gradient after its first step.

    Args:
        weights: that are trained.

    Raises:
        ValueError: none has one.
    """
    if all(weight.grad is None for weight in weights):
        raise ValueError(
            "the loss does not depend on the model's weights, only on others: does the "
            "objective ask another model than the student that it is given?"
        )


def is_finite(tensor: Tensor) -> bool:
    """Say whether all are numbers, neither infinite nor NaN.

    Args:
        tensor: any; whole numbers are.
    """
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def require_gradient(terms: LossTerms) -> None:
    """Raise where a loss depends on nothing that is trained.

    Args:
        terms: of the loss.

    Raises:
        ValueError: its total has no gradient.
    """
    if not terms.total.requires_grad:
        raise ValueError(
            "the loss does not depend on the model's weights: was the model called under "
            "no_grad, or its answer detached?"
        )


def on_a_copy(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give a model copies of its tensors: a forward hook that goes before.

    Args:
        module: that is called.
        inputs: what it is called with.
    """
    del module
    return tuple(item.clone() if isinstance(item, Tensor) else item for item in inputs)
