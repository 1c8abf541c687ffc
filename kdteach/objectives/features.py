"""Objectives with a teacher's intermediate features, looked at through taps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_function,
    check_model,
    check_seed,
    check_switch,
    check_weight,
    shown,
)
from kdteach.losses import feature, relation
from kdteach.models import device_of, failures_explained
from kdteach.models.taps import tap
from kdteach.objectives.answers import Answers, Wanted
from kdteach.objectives.base import ModuleObjective, TrainingSetup
from kdteach.objectives.live import View, asked, check_view
from kdteach.objectives.regressor import Regressor
from kdteach.types import Batch, LossTerms, Split

FeatureLoss = Callable[[Tensor, Tensor], Tensor]
"""``(student's features, teacher's features) -> loss ()``."""

_TERMS: dict[FeatureLoss, FeatureLoss] = {
    feature.hint_loss: feature.hint_term,
    feature.attention_loss: feature.attention_term,
    feature.neuron_selectivity_loss: feature.neuron_selectivity_term,
    relation.similarity_loss: relation.similarity_term,
    relation.relational_distance_loss: relation.relational_distance_term,
    relation.relational_angle_loss: relation.relational_angle_term,
    relation.pkt_loss: relation.pkt_term,
    relation.correlation_congruence_loss: relation.correlation_congruence_term,
}
"""Losses without their checks, for a student that diverges is named by the training."""
_OF_PAIRS = [loss for loss in _TERMS if loss.__module__ == relation.__name__]
_PROBED = 4  # images that student and teacher are asked about before training


class FeatureObjective(ModuleObjective):
    """The weighted sum of losses between layers of a student and of a teacher.

    Attributes:
        teachers: the teacher; no part of this module, for it is not trained.
        pairs: the student's layers, and the teacher's layer of each.
        losses: with their names, each is computed for each pair; with their weights.
        regressors: by the number of the pair, from the student's features to the form of
            the teacher's; empty before ``prepare``, or where none are wanted.
        loss_modules: those of the losses that are modules, whose weights are trained too.
    """

    def __init__(
        self,
        teacher: nn.Module,
        pairs: Mapping[str, str],
        losses: Mapping[str, tuple[float, FeatureLoss]],
        *,
        regress: bool,
        seed: int,
        view: View | None,
    ) -> None:
        super().__init__()
        self.teachers, self.pairs = (teacher,), dict(pairs)
        self.layers = tuple(pairs)
        self.losses, self.regress, self.seed = dict(losses), regress, seed
        self.wanted = (Wanted(teacher, view, tuple(dict.fromkeys(pairs.values()))),)
        self.regressors = nn.ModuleDict()
        modules = {
            n: loss for n, (_, loss) in losses.items() if isinstance(loss, nn.Module)
        }
        self.loss_modules = nn.ModuleDict(modules)
        self._ready = not regress

    def prepare(self, student: nn.Module, images: Tensor) -> None:
        """Make the regressors, and see whether the losses fit the layers.

        The first student decides their form; for it and its like they stay.

        Args:
            student: that is to be trained, left as it is.
            images: (B, ...) some of those that it will be trained on.

        Raises:
            ValueError: a layer that one of the networks does not have or call, features
                that do not fit the loss, or the teacher itself as the student.
        """
        mine, its = probed(student, images, self.layers, self.wanted[0])
        made: dict[str, nn.Module] = {}
        for number, (own, other) in enumerate(self.pairs.items()):
            with between(own, other):
                ours, theirs = mine[own], its[other].to(mine[own])
                if self.regress:
                    ours, made[str(number)] = self._regressed(number, ours, theirs)
                self._require_losses(ours, theirs, own)
        self.regressors.update(made)
        self._ready = True

    def _regressed(
        self, number: int, mine: Tensor, its: Tensor
    ) -> tuple[Tensor, Regressor]:
        """The student's features behind the regressor of a pair, old or new."""
        if str(number) in self.regressors:
            regressor = self.regressors[str(number)]
            assert isinstance(regressor, Regressor)
        else:
            regressor = Regressor.between(mine, its, self.seed, number)
        regressor.require(mine, its)
        with torch.no_grad():
            return regressor(mine, its), regressor

    def _require_losses(self, mine: Tensor, its: Tensor, layer: str) -> None:
        for _, loss in self.losses.values():
            if _is_of_pairs(loss) and len(mine) < 2:
                continue  # of a single image there is nothing to see
            value = loss(mine, its)
            if loss is feature.attention_loss:
                feature.warn_of_single_positions(mine, its, layer)
            if not isinstance(value, Tensor) or value.ndim:
                raise TypeError(f"a loss must return one number (), got {shown(value)}")

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse a batch of one where samples are compared."""
        del split
        of_pairs = any(_is_of_pairs(loss) for _, loss in self.losses.values())
        if of_pairs and setup.smallest_batch < 2:
            raise ValueError(
                "relations compare the images of a batch, and the last batch holds one "
                "alone: choose another batch_size, or drop_last=True"
            )

    def terms_of(self, answers: Answers) -> LossTerms:
        """The losses of what the student's layers put out for a batch."""
        if not self._ready:
            self.prepare(answers.student, answers.batch.images)
        mine, (_, its) = answers.features, answers.of_teacher(self.wanted[0])
        total: Tensor | None = None
        parts: dict[str, Tensor] = {}
        for name, (weight, loss) in self.losses.items():
            term = next((term for known, term in _TERMS.items() if known is loss), loss)
            for number, (own, other) in enumerate(self.pairs.items()):
                ours, theirs = mine[own], its[other].to(mine[own])
                if self.regress:
                    ours = self.regressors[str(number)](ours, theirs)
                value = term(ours, theirs)
                parts[f"{name} {own}" if len(self.pairs) > 1 else name] = value
                total = weight * value if total is None else total + weight * value
        assert total is not None
        return LossTerms(total, parts)


def _is_of_pairs(loss: FeatureLoss) -> bool:
    return any(loss is known for known in _OF_PAIRS)


def probed(
    student: nn.Module, images: Tensor, layers: tuple[str, ...], wanted: Wanted
) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    """Features of a student and of a teacher for a few images, before training.

    Args:
        student: left as it is.
        images: (B, ...) some of those that it will be trained on.
        layers: of the student.
        wanted: of the teacher.

    Raises:
        ValueError: a layer that one of them does not have or call, images that one of them
            cannot read, or the teacher itself as the student.
    """
    if wanted.teacher is student:
        raise ValueError(
            "the teacher is the student itself: it would chase its own features. Give "
            "a copy, copy.deepcopy(model)"
        )
    images = images[:_PROBED].to(device_of(student, images.device))
    labels = torch.zeros(len(images), dtype=torch.int64, device="cpu")
    answers = Answers(student, Batch(images, labels, labels), layers)
    with asked(student), failures_explained(student, images, "the student"):
        mine = answers.features
    with failures_explained(wanted.teacher, images, "the teacher"):
        _, its = answers.of_teacher(wanted)
    return mine, its


@contextmanager
def between(own: object, other: object) -> Iterator[None]:
    """Inside the block errors say which layers they are about.

    Args:
        own: of the student.
        other: of the teacher.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        raise type(error)(
            f"layers {own!r} of the student and {other!r} of the teacher: {error}"
        ) from error


def feature_objective(
    teacher: nn.Module,
    layers: Mapping[str, str],
    loss: FeatureLoss,
    *,
    weight: float = 1.0,
    regress: bool = False,
    seed: int = 0,
    teacher_input: View | None = None,
) -> FeatureObjective:
    """Train layers of a student towards layers of a teacher, by any loss of two features.

    The loss is summed over the pairs of layers. The teacher is asked in every step, in eval
    mode and without gradients, on the very view of the images that the student gets. For
    training with labels as well, put it into ``weighted``. On its own it trains the layers
    up to those it looks at, as the first stage of FitNets does.

    Args:
        teacher: a network; its output does not matter.
        layers: the student's layers, each with the teacher's, by their names in
            ``named_modules()``: ``{"layer2": "layer3"}``.
        loss: from (student's features, teacher's features) to one number, such as
            ``kdteach.losses.attention_loss``; the weights of one that is an ``nn.Module``
            are trained as well.
        weight: of the loss, at least 0.
        regress: whether the student's features first go through a regressor, which is
            trained with the student: a linear map of the channels (1 x 1 convolution) to
            the teacher's number, with maps averaged or interpolated to the teacher's size.
        seed: of the regressors' initial weights.
        teacher_input: as ``kdteach.objectives.distil``.

    Returns:
        An objective that is an ``nn.Module``. Its regressors are made when training starts
        (``prepare(student, images)`` makes them at once, for a loop of your own): only then
        the layers' widths are known. They are the same for the same seed.

    Raises:
        TypeError: teacher is no network, layers are no mapping of names, loss or
            teacher_input no function.
        ValueError: no layers, weight or seed out of range, a layer that the teacher does
            not have. In training also: one that the student does not have, or features that
            do not fit each other.
    """
    check_function("loss", loss, "kdteach.losses.attention_loss")
    known = str(getattr(loss, "__name__", type(loss).__name__))
    known = known.removesuffix("_loss").strip("<>")
    losses = {known: (check_weight("weight", weight), loss)}
    return _made(teacher, layers, losses, regress, seed, teacher_input)


def hints(
    teacher: nn.Module,
    layers: Mapping[str, str],
    *,
    loss: FeatureLoss = feature.hint_loss,
    weight: float = 1.0,
    seed: int = 0,
    teacher_input: View | None = None,
) -> FeatureObjective:
    """Train layers of a student, through regressors, to put out what the teacher's do.

    Args:
        teacher: as ``feature_objective``.
        layers: as ``feature_objective``: ``{"student layer": "teacher layer", ...}``.
        loss: between what a regressor makes of the student's features and the teacher's.
        weight: as ``feature_objective``.
        seed: of the regressors' initial weights.
        teacher_input: as ``feature_objective``.

    Returns:
        As ``feature_objective``, with a regressor for each pair of layers.

    Raises:
        TypeError: as ``feature_objective``.
        ValueError: as ``feature_objective``.

    Source: Romero et al. 2015 (FitNets), Eq. 3; see ``kdteach.losses.hint_loss``. There the
    hints are a first stage of training; in ``weighted`` they go along with the labels, as
    in RepDistiller and mdistiller, whose regressors have BatchNorm and ReLU as well.
    """
    check_function("loss", loss, "kdteach.losses.hint_loss")
    losses = {"hint": (check_weight("weight", weight), loss)}
    return _made(teacher, layers, losses, True, seed, teacher_input)


def attention(
    teacher: nn.Module,
    layers: Mapping[str, str],
    *,
    weight: float = 1.0,
    teacher_input: View | None = None,
) -> FeatureObjective:
    """Train layers of a student to be active where the teacher's are.

    Args:
        teacher: as ``feature_objective``.
        layers: as ``feature_objective``, of layers with maps (N, C, H, W).
        weight: as ``feature_objective``; RepDistiller and mdistiller take 1000.
        teacher_input: as ``feature_objective``.

    Raises:
        TypeError: as ``feature_objective``.
        ValueError: as ``feature_objective``.

    Source: Zagoruyko and Komodakis 2017; see ``kdteach.losses.attention_loss``.
    """
    losses = {"attention": (check_weight("weight", weight), feature.attention_loss)}
    return _made(teacher, layers, losses, False, 0, teacher_input)


def similarity(
    teacher: nn.Module,
    layers: Mapping[str, str],
    *,
    weight: float = 1.0,
    teacher_input: View | None = None,
) -> FeatureObjective:
    """Train layers of a student to find the same images alike as the teacher's do.

    Args:
        teacher: as ``feature_objective``.
        layers: as ``feature_objective``; features of any shape.
        weight: as ``feature_objective``; RepDistiller and mdistiller take 3000.
        teacher_input: as ``feature_objective``.

    Raises:
        TypeError: as ``feature_objective``.
        ValueError: as ``feature_objective``; a batch of one.

    Source: Tung and Mori 2019; see ``kdteach.losses.similarity_loss``.
    """
    losses = {"similarity": (check_weight("weight", weight), relation.similarity_loss)}
    return _made(teacher, layers, losses, False, 0, teacher_input)


def relational(
    teacher: nn.Module,
    layers: Mapping[str, str],
    *,
    distance: float = 25.0,
    angle: float = 50.0,
    teacher_input: View | None = None,
) -> FeatureObjective:
    """Train a student to keep the distances and angles between the teacher's embeddings.

    Args:
        teacher: as ``feature_objective``.
        layers: as ``feature_objective``, usually the one before the last of each network;
            of maps all numbers are taken.
        distance: weight of the distances, at least 0.
        angle: weight of the angles, at least 0.
        teacher_input: as ``feature_objective``.

    Raises:
        TypeError: as ``feature_objective``.
        ValueError: as ``feature_objective``; both weights 0, or a batch of one.

    Source: Park et al. 2019 (RKD), whose weights these are; see
    ``kdteach.losses.relational_distance_loss`` and ``relational_angle_loss``.
    """
    losses = {
        "distance": (check_weight("distance", distance), relation.relational_distance_loss),
        "angle": (check_weight("angle", angle), relation.relational_angle_loss),
    }
    wanted = {name: both for name, both in losses.items() if both[0] > 0}
    if not wanted:
        raise ValueError("distance and angle are both 0: then there is nothing to train")
    return _made(teacher, layers, wanted, False, 0, teacher_input)


def _made(
    teacher: nn.Module,
    layers: Mapping[str, str],
    losses: Mapping[str, tuple[float, FeatureLoss]],
    regress: bool,
    seed: int,
    teacher_input: View | None,
) -> FeatureObjective:
    check_model("teacher", teacher)
    if not isinstance(layers, Mapping):
        raise TypeError(
            'layers must be a dictionary {"student layer": "teacher layer"}, got '
            f"{shown(layers)}"
        )
    for name in [*layers.keys(), *layers.values()]:
        if not isinstance(name, str):
            raise TypeError(f"layers must be names of layers, got {shown(name)} among them")
    if not layers:
        raise ValueError("layers are empty: give at least one pair of layers")
    tap(teacher, layers.values())  # which names those that the teacher has
    return FeatureObjective(
        teacher, layers, losses, regress=check_switch("regress", regress),
        seed=check_seed(seed), view=check_view(teacher_input),
    )  # fmt: skip
