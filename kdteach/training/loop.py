"""Training: one loop, for one student or for a stack of students of one architecture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from kdteach.checks import check_list, check_model, check_seed
from kdteach.models import device_of
from kdteach.objectives import Objective
from kdteach.seeding import Turns, generator
from kdteach.training.allocator import keep_freed_memory
from kdteach.training.batches import batches, steps_per_epoch
from kdteach.training.beforehand import examined
from kdteach.training.fused import fused
from kdteach.training.learners import Alone, Learner, Stack
from kdteach.training.optimizers import OptimizerFactory, Schedule, adam, constant
from kdteach.training.options import Options
from kdteach.training.pool import Pool, as_split, pool_splits, watched_splits
from kdteach.training.progress import (
    Best,
    Epoch,
    TrainingDivergedError,
    history,
    scores,
)
from kdteach.training.stacking import parts_of, require_separate
from kdteach.training.stopping import StopRule
from kdteach.types import Augment, History, ImageSet, Split


def fit(
    model: nn.Module,
    data: ImageSet | Split,
    objective: Objective,
    *,
    epochs: int,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    seed: int = 0,
    optimizer: OptimizerFactory = adam,
    schedule: Schedule = constant,
    augment: Augment | None = None,
    drop_last: bool = False,
    precision: torch.dtype | None = None,
    monitor: Split | None = None,
    on_epoch: Callable[[int], None] | None = None,
    stop: StopRule | None = None,
    keep_best: bool | str = False,
) -> History:
    """Train a model in place.

    Args:
        model: (B, channels, H, W) -> (B, C) logits, or an object with ``.logits``; trained
            on the device it is on. BatchNorm layers of a part whose weights are all frozen
            (``requires_grad_(False)``) keep their statistics, unless the model has a
            ``train`` method of its own.
        data: an ImageSet, whose ``train`` is used, or a Split. Kept in memory, moved to
            the model's device once.
        objective: see ``kdteach.objectives``; baseline and distilled student differ here
            and nowhere else. Your own is a function of the model and a ``Batch`` that
            returns ``LossTerms`` or the loss as a tensor (); where it is an ``nn.Module``,
            its weights are trained with the model's.
        epochs: passes over the data, at least 1.
        batch_size: images a step, at least 1; the last batch may be smaller.
        learning_rate: above 0.
        seed: of order, augmentation and dropout, by separate streams. The initial weights
            are the model's own (``kdteach.models.build(..., seed=...)``).
        optimizer: from (parameters, learning_rate): ``adam``, ``adamw(0.1)`` or
            ``momentum``.
        schedule: factor on the learning rate by progress in [0, 1], at least 0:
            ``constant`` or ``cosine``. Each group of the optimiser keeps its own rate.
        augment: random change of each batch, such as ``kdteach.data.jitter(1)``.
        drop_last: leave out the last, smaller batch of each epoch.
        precision: ``torch.bfloat16`` computes matrix products in bfloat16 (autocast);
            by default everything has the dtype of the weights.
        monitor: a split whose accuracy is noted after each epoch; never the test split.
        on_epoch: called with the number of finished epochs, after each of them; the model
            is then as it is after that epoch.
        stop: asked after each epoch, with the losses of the epochs so far, whether to end
            before ``epochs``, such as ``settled(0.01)``; the schedule of the learning rate
            still counts all epochs.
        keep_best: leave the model as it was after the epoch with the highest accuracy
            (True) or ``"weighted_f1"`` on ``monitor``, the first of equals, instead of
            after the last. Accuracy undoes class weights where classes are unequal.

    Returns:
        The History of the run; the model is trained. Modes, ``.grad`` and the global random
        state are as they were before; also after an error or Ctrl-C, which leaves the model
        with what it has learned so far.

    Raises:
        ValueError: an option out of range, an empty split, images with NaN, labels outside
            [0, C), a model with other outputs than the data has classes or that returns
            probabilities, stored teacher logits that do not fit the data, answer other
            images, or cannot fit an augmentation.
        TypeError: images and weights differ in dtype; the model returns no logits;
            ``objective``, ``optimizer``, ``schedule``, ``stop`` or ``on_epoch`` is no
            function; an ImageSet as ``monitor``.
        TrainingDivergedError: the loss or the weights became NaN or infinite.
    """
    options = Options(
        epochs, batch_size, learning_rate, optimizer, schedule, augment, drop_last,
        precision, on_epoch, stop, keep_best,
    )  # fmt: skip
    check_model("model", model)
    seed = check_seed(seed)
    pool, watched = pool_splits(as_split(data), 1, "training"), watched_splits(monitor, 1)
    with torch.inference_mode(False), torch.enable_grad():
        learner = Alone(model, objective, options)
        (result,) = _train(learner, pool, watched, (seed,), options)
    if isinstance(result, TrainingDivergedError):
        raise result
    return result


def fit_many(
    models: Sequence[nn.Module],
    data: ImageSet | Split | Sequence[ImageSet | Split],
    objectives: Sequence[Objective],
    *,
    seeds: Sequence[int] | None = None,
    epochs: int,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    optimizer: OptimizerFactory = adam,
    schedule: Schedule = constant,
    augment: Augment | None = None,
    drop_last: bool = False,
    precision: torch.dtype | None = None,
    monitor: Split | Sequence[Split] | None = None,
    on_epoch: Callable[[int], None] | None = None,
    keep_best: bool | str = False,
) -> list[History]:
    """Train S models of one architecture together, each as ``fit`` would train it alone.

    The weights are stacked, so a step is one batched matrix product for all of them; that
    pays for small models, where a step alone is mostly overhead. Models with dropout or
    buffers (BatchNorm), and objectives that need more than logits, are trained one after
    the other instead: same result, no gain. So are models that compute different things
    although their weights have the same shapes, and optimisers that mix the entries of a
    weight, such as Adafactor or one that clips gradients.

    A long list is trained in several stacks: beyond a few megabytes of weights a larger
    one is no faster, and takes more memory.

    Args:
        models: S models of one architecture, on one device, trained in place.
        data: as ``fit``; all students see it, each in the order of its own seed. Or a list
            of S, one a student, all of one size.
        objectives: S objectives, one a student; kinds may be mixed.
        seeds: S seeds, by default 0 to S - 1.
        epochs: as ``fit``, like all that follow; shared by all students.
        batch_size: as ``fit``.
        learning_rate: as ``fit``.
        optimizer: as ``fit``.
        schedule: as ``fit``.
        augment: as ``fit``; each student gets shifts of its own.
        drop_last: as ``fit``.
        precision: as ``fit``.
        monitor: as ``fit``, or a list of S splits of one size.
        on_epoch: as ``fit``; models that are trained one after the other call it each.
        keep_best: as ``fit``, each student by its own best epoch.

    Returns:
        S histories, equal to those of ``fit`` up to the rounding of sums.

    Raises:
        ValueError: the lists differ in length or are empty, architectures differ, or as
            ``fit``.
        TypeError: as ``fit``.
        TrainingDivergedError: as ``fit``, when all others are trained. The message names
            the student, ``histories`` holds those of the others.
    """
    models = check_list("models", models, "networks")
    objectives = check_list("objectives", objectives, "objectives, one for each model")
    if seeds is None:
        seeds = range(len(models))
    else:
        seeds = [check_seed(seed) for seed in check_list("seeds", seeds, "integers")]
    if not models or not len(models) == len(objectives) == len(seeds):
        raise ValueError(
            "models, objectives and seeds must be lists of one length of at least 1, "
            f"got {len(models)}, {len(objectives)} and {len(seeds)}"
        )
    for i, model in enumerate(models):
        check_model(f"models[{i}]", model)
    if len({id(model) for model in models}) != len(models):
        raise ValueError("models holds the same module twice; build one for each student")
    require_separate(models)
    shapes = [{k: (v.shape, v.dtype) for k, v in m.state_dict().items()} for m in models]
    for i, shape in enumerate(shapes):
        if shape != shapes[0] or str(models[i]) != str(models[0]):
            raise ValueError(f"models[{i}] differs in architecture or dtype from models[0]")
    options = Options(
        epochs, batch_size, learning_rate, optimizer, schedule, augment, drop_last,
        precision, on_epoch, keep_best=keep_best,
    )  # fmt: skip
    pool = pool_splits(data, len(models), "training")
    watched = watched_splits(monitor, len(models))
    results: list[History | TrainingDivergedError] = []
    with torch.inference_mode(False), torch.enable_grad():
        for start, stop in parts_of(models, objectives, pool, options):
            learner: Learner = (
                Stack(models[start:stop], objectives[start:stop], options)
                if stop - start > 1
                else Alone(models[start], objectives[start], options)
            )
            mine = watched and watched.part(start, stop)
            part = pool.part(start, stop)
            results += _train(learner, part, mine, seeds[start:stop], options, start)
    return _all_or_error(results)


def _all_or_error(results: Sequence[History | TrainingDivergedError]) -> list[History]:
    """The histories, or one error that names whoever diverged and carries the others'."""
    failed = [result for result in results if isinstance(result, TrainingDivergedError)]
    fine = [None if isinstance(r, TrainingDivergedError) else r for r in results]
    if not failed:
        return [result for result in fine if result is not None]
    rest = len(results) - len(failed)
    more = f" ({len(failed)} students diverged, {rest} were trained)" if rest else ""
    raise TrainingDivergedError(f"{failed[0]}{more}", fine) from failed[0]


def _train(
    learner: Learner,
    pool: Pool,
    watched: Pool | None,
    seeds: Sequence[int],
    options: Options,
    first: int = 0,
) -> list[History | TrainingDivergedError]:
    """The loop. Everything in it has a leading dimension of S students.

    Returns:
        For each student its history, or the error with which it ended.
    """
    examined(learner, pool, watched, options)
    steps = steps_per_epoch(len(pool), options)
    keep_freed_memory()
    pool = pool.to(device_of(learner.students[0]))
    orders = [generator(seed, "order") for seed in seeds]
    views = [generator(seed, "augment") for seed in seeds]
    dropout = Turns(seeds[0], "dropout")
    log: list[Epoch] = []
    failed: dict[int, TrainingDivergedError] = {}
    best = Best(learner, options.best_by) if options.best_by else None
    optimizer = learner.optimizer
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    fast = fused(learner, pool, options)
    with learner.kept():
        for epoch in range(options.epochs):
            learner.train_mode()
            sums = Epoch()
            todo = enumerate(batches(pool, orders, views, options, epoch))
            if fast is not None:
                for _ in fast.epoch(epoch, orders, 0, sums):
                    pass  # between two chunks all is as after so many steps
            for step in range(steps if fast is None else 0):
                factor = options.factor((epoch + step / steps) / options.epochs)
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor
                with dropout.turn():
                    _, batch = next(todo)
                    with _autocast(pool.whole.images.device, options.precision):
                        terms = learner.loss(batch)
                    optimizer.zero_grad(set_to_none=True)
                    # the sum, for a student's gradient is its own
                    torch.autograd.backward(terms.total.sum())
                    optimizer.step()
                sums.add(terms, batch.labels.shape[-1], options.learning_rate * factor)
            for student in sums.broken(learner.finite()):
                failed.setdefault(
                    student,
                    sums.error(
                        epoch, options.learning_rate, first + student, seeds[student]
                    ),
                )
            log.append(sums)
            if len(failed) == learner.size:
                break
            if watched is not None:
                with dropout.turn():
                    answers, labels = learner.answers(watched), watched.labels
                sums.accuracy = scores(answers, labels, "accuracy")
                if best is not None:
                    best.note(answers, labels, failed)
            if options.on_epoch is not None:
                learner.show()
                options.on_epoch(epoch + 1)
            if options.stop is not None and options.stop([float(e.mean) for e in log]):
                break
    if best is not None:
        best.restore()
    return [failed.get(s) or history(log, s) for s in range(learner.size)]


def _autocast(device: torch.device, precision: torch.dtype | None) -> Any:
    return torch.autocast(
        device.type, dtype=precision or torch.bfloat16, enabled=precision is not None
    )
