"""What is looked at before the first step: images, labels, models and objectives."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from kdteach.models import (
    answer,
    ask,
    device_of,
    dtype_of,
    evaluation_mode,
    failures_explained,
    modes_kept,
    require_logits,
)
from kdteach.objectives import TrainingSetup
from kdteach.seeding import seeded
from kdteach.training.batches import smallest_batch, steps_per_epoch
from kdteach.training.frozen import frozen_statistics
from kdteach.training.joined import JoinedSplits
from kdteach.training.learners import Learner, require_labels
from kdteach.training.options import Options
from kdteach.training.states import copied, put_state
from kdteach.types import Split

_MANY = 2**31  # classes, where nothing is known about them
_PROBED = 64  # images that a model is asked about before training


def examined(
    learner: Learner, joined: JoinedSplits, watched: JoinedSplits | None, options: Options
) -> int:
    """Raise where something cannot be trained as it was asked for.

    Args:
        learner: who is to be trained.
        joined: on what.
        watched: what is measured after each epoch, None for nothing.
        options: how.

    Returns:
        The number of outputs of the models, 0 where that is not known.

    Raises:
        TypeError: images and weights differ in dtype, or a model returns no logits.
        ValueError: images that are no numbers, labels that are no classes, batches that
            cannot be, or an objective that cannot serve.
    """
    for model in learner.students:
        _check_dtype(model, joined.whole)
        if options.precision is not None and dtype_of(model) is torch.float64:
            raise ValueError(
                f"precision {options.precision} has no effect on weights of torch.float64: "
                "give weights and images of torch.float32, or leave precision out"
            )
    if options.best_by and watched is None:
        raise ValueError("keep_best needs a validation split to say which epoch was best")
    if options.patience is not None and watched is None:
        raise ValueError("patience needs a validation split to say what is an improvement")
    steps_per_epoch(len(joined), options)
    _require_numbers(joined, "training")
    setup = _setup(learner, joined, options)
    learner.check(joined.splits, setup)
    joined.check_each(lambda split: learner.check([split], setup))
    if watched is not None:
        _check_watched(watched, joined.splits[0], setup.outputs)
        if not setup.outputs:
            _require_measurable(learner, watched)
    learner.outputs = setup.outputs
    return setup.outputs


def _check_dtype(model: nn.Module, split: Split) -> None:
    weights = dtype_of(model)
    if split.images.dtype in (torch.uint8, weights):
        return  # a network normalises bytes itself
    try:  # it may have weights of several types, and convert the images itself
        with evaluation_mode(model), torch.no_grad():
            model(split.images[:1].to(device_of(model)))
    except Exception as error:
        raise TypeError(
            f"images are {split.images.dtype} but the weights are {weights}: give both the "
            "same dtype, images.to(...), load(..., dtype=...) or build(..., dtype=...)"
        ) from error


def _require_numbers(joined: JoinedSplits, purpose: str) -> None:
    """Refuse images with NaN or infinity, before they spoil what is trained on them."""
    for split in {id(split): split for split in joined.splits}.values():
        if not split.images.is_floating_point() or torch.isfinite(split.images.sum()):
            continue  # a sum is finite where all are, and quickly made
        fine = torch.isfinite(split.images.reshape(len(split), -1)).all(dim=1)
        if not fine.all():
            bad = (~fine).nonzero()[:, 0]
            raise ValueError(
                f"{purpose}: {len(bad)} of {len(split)} images hold NaN or infinity, the "
                f"first is that of sample index {int(split.index[bad[0]])}"
            )


def _check_watched(watched: JoinedSplits, trained: Split, outputs: int) -> None:
    """Refuse validation data that cannot be used now, and not after the first epoch."""
    _require_numbers(watched, "validation")
    for split in {id(split): split for split in watched.splits}.values():
        for what in ("shape", "dtype"):
            its, ours = (_kind(part.images, what) for part in (split, trained))
            if its != ours:
                raise ValueError(
                    f"validation has images of {what} {its}, training of {ours}"
                )
        if None not in (split.num_classes, trained.num_classes) and (
            split.num_classes != trained.num_classes
        ):
            raise ValueError(
                f"validation has {split.num_classes} classes, training "
                f"{trained.num_classes}"
            )
        require_labels(split, outputs or _MANY, "validation")


def _require_measurable(learner: Learner, watched: JoinedSplits) -> None:
    """Refuse validation of models that only the objective understands."""
    for model in learner.students:
        images = watched.splits[0].images[:_PROBED].to(device_of(model))
        try:
            with evaluation_mode(model), torch.no_grad():
                ask(model, images)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"validation: {error}; or leave validation out, and measure in callback"
            ) from error


def _kind(images: Tensor, what: str) -> object:
    return tuple(images.shape[1:]) if what == "shape" else images.dtype


def _setup(learner: Learner, joined: JoinedSplits, options: Options) -> TrainingSetup:
    """What an objective may want to know, by asking the model about some images."""
    model, split = learner.students[0], joined.splits[0]
    smallest = smallest_batch(len(joined), options)
    probed = min(_PROBED, options.batch_size)
    images = split.images[:probed].to(device_of(model))
    with evaluation_mode(model), torch.no_grad():
        if learner.needs_logits:
            logits = ask(model, images)
            require_logits(model, images, logits)
            outputs = logits.shape[1]
        else:  # the objective knows what to make of what the model returns
            outputs = _width(model, images)
    _require_batches(model, images, smallest)
    return TrainingSetup(
        outputs, options.epochs, smallest, options.augment is not None, options.batch_size
    )


def _width(model: nn.Module, images: Tensor) -> int:
    """Number of classes where the model returns logits, else 0."""
    with failures_explained(model, images):
        try:
            logits = answer(model, images)
        except TypeError:
            return 0
    fits = logits.ndim == 2 and len(logits) == len(images) and logits.is_floating_point()
    return logits.shape[1] if fits else 0


def _require_batches(model: nn.Module, images: Tensor, smallest: int) -> None:
    """Refuse a batch of one where BatchNorm has nothing to average over."""
    norms = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())
    if smallest > 1 or not norms:
        return
    try:
        trial, before = copy.deepcopy(model), None
    except (RuntimeError, TypeError):  # a lock in it, for example
        trial, before = model, copied(model)
    try:
        with modes_kept(trial), torch.no_grad(), seeded(0, "probe"):
            trial.train()
            for layer in frozen_statistics(trial):
                layer.eval()
            trial(images[:1].clone())
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ValueError(
            "the last batch holds a single image, and BatchNorm needs two to average over: "
            "choose another batch_size, or drop_last=True"
        ) from error
    finally:
        if before is not None:
            put_state(model, before)
