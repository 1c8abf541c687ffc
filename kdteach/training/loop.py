"""Training: one loop, for one student or for a stack of students of one architecture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from kdteach.checks import check_list, check_model, check_seed
from kdteach.models import device_of
from kdteach.objectives import Objective
from kdteach.objectives.base import prepare, prepare_each
from kdteach.training.beforehand import examined
from kdteach.training.checkpoint import Saved
from kdteach.training.decay import NamingFactory
from kdteach.training.epochs import train
from kdteach.training.joined import Data, Part, join_splits, watched_splits
from kdteach.training.learners import Alone, Learner, Stack
from kdteach.training.optimizers import OptimizerFactory, Schedule, adam, constant
from kdteach.training.options import Options, for_one, validation_of
from kdteach.training.progress import (
    TrainingDivergedError,
    TrainingInterrupted,
)
from kdteach.training.rates import TorchSchedule
from kdteach.training.scaling import usual_modes
from kdteach.training.separate import (
    require_own_teachers,
    require_separate,
    require_separate_objectives,
)
from kdteach.training.stacking import parts_of
from kdteach.training.stopping import StopRule
from kdteach.types import Augment, History


def fit(
    model: nn.Module,
    data: Data,
    objective: Objective,
    *,
    epochs: int,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    seed: int = 0,
    validation: Part | None = None,
    checkpoint: str | Path | None = None,
    clip_norm: float | None = None,
    precision: torch.dtype | None = None,
    progress: bool | None = None,
    optimizer: OptimizerFactory | NamingFactory = adam,
    schedule: Schedule | TorchSchedule = constant,
    augment: Augment | nn.Module | None = None,
    drop_last: bool = False,
    keep_best: bool | str = False,
    patience: int | None = None,
    stop: StopRule | None = None,
    on_epoch: Callable[[int], None] | None = None,
    callback: Callable[[History], object] | None = None,
    checkpoint_every: float = 60.0,
    monitor: Part | None = None,
) -> History:
    """Train a model in place.

    Args:
        model: (B, channels, H, W) -> (B, C) logits, or an object with ``.logits``; trained
            on the device it is on. BatchNorm layers of a part whose weights are all frozen
            (``requires_grad_(False)``) keep their statistics, unless the model has a
            ``train`` method of its own.
        data: an ImageSet, whose ``train`` is used, a Split, or (images, labels): kept in
            memory, moved to the model's device once. Or what does not fit in memory, a
            map-style ``torch.utils.data.Dataset`` of (image, label), a ``DataLoader``, or
            a ``kdteach.data.Stream``: read in batches, in the order in which the same
            images would be seen in memory, and with the batch size of the loader. See
            ``kdteach.data.Stream`` for what a data set gives.
        objective: see ``kdteach.objectives``; baseline and distilled student differ here
            and nowhere else. Your own is a function of the model and a ``Batch`` that
            returns ``LossTerms`` or the loss as a tensor (); where it is an ``nn.Module``,
            its weights are trained with the model's.
        epochs: passes over the data, at least 1.
        batch_size: images a step, at least 1; the last batch may be smaller.
        learning_rate: above 0.
        seed: of order, augmentation and dropout, by separate streams. The initial weights
            are the model's own (``kdteach.models.build(..., seed=...)``).
        validation: a split (or whatever ``data`` may be, an ImageSet aside) whose accuracy
            is noted after each epoch; never the test split.
        checkpoint: path of a file that keeps the training. Where it is there already, the
            training goes on from it, and ends with the same bits as one that was never
            stopped; a finished one only gives its weights and its History. Written after
            each epoch, every ``checkpoint_every`` seconds within one, and on Ctrl-C, whole
            or not at all. The model has to be built as the first time; another model, other
            data or other options are refused. With ``schedule=constant`` more ``epochs``
            than before go on where the run had ended.
        clip_norm: largest norm of the gradient of all weights together, above 0; a longer
            one is shortened to it, as ``torch.nn.utils.clip_grad_norm_`` does.
        precision: ``torch.bfloat16`` or ``torch.float16`` computes matrix products in it
            (autocast), float16 with scaled gradients; by default everything has the dtype
            of the weights.
        progress: True shows a bar with the time left, the loss and the accuracy, False
            none; None shows one in a terminal where the training takes more than some five
            seconds. Each epoch is logged as well, ``logging.getLogger("kdteach")``, INFO.
        optimizer: from (parameters, learning_rate): ``adam``, ``adamw(0.1)``, ``momentum``,
            ``sgd(weight_decay=5e-4, no_decay=("bias", "norm"))``; or ``by_name(f)``.
        schedule: factor on the learning rate by progress in [0, 1], at least 0:
            ``constant`` or ``cosine``, each group of the optimiser keeps its own rate; or a
            scheduler of torch, ``torch_schedule(lambda optimizer: StepLR(optimizer, 30))``.
        augment: random change of each batch, such as ``kdteach.data.random_shift(1)``, or a
            transform of ``torchvision.transforms.v2``, see ``kdteach.data.transform``.
        drop_last: leave out the last, smaller batch of each epoch.
        keep_best: leave the model as it was after the epoch with the highest accuracy
            (True) or ``"weighted_f1"`` on ``validation``, the first of equals, instead of
            after the last. Accuracy undoes class weights where classes are unequal.
        patience: end after so many epochs without a better measure of ``keep_best``
            (accuracy where that is False) on ``validation``.
        stop: asked after each epoch, with the losses of the epochs so far, whether to end
            before ``epochs``, such as ``plateau(0.01)``; the schedule of the learning rate
            still counts all epochs.
        on_epoch: called with the number of finished epochs, after each of them; the model
            is then as it is after that epoch.
        callback: called after each epoch with the History so far; returns True to end.
            Anything else that it returns counts for nothing.
        checkpoint_every: seconds between two files within an epoch, at least 0.
        monitor: the former name of ``validation``, for one version more.

    Returns:
        The History of the run; the model is trained. Modes, ``.grad`` and the global random
        state are as they were before; also after an error or Ctrl-C, which leaves the model
        with what it has learned so far.

    Raises:
        ValueError: an option out of range, an empty split, images with NaN, labels outside
            [0, C), a model with other outputs than the data has classes or that returns
            probabilities, stored teacher logits that do not fit the data, answer other
            images, or cannot fit an augmentation; a checkpoint that is damaged or of
            another run (``CheckpointError``).
        TypeError: images and weights differ in dtype; the model returns no logits;
            ``objective``, ``optimizer``, ``schedule``, ``stop``, ``on_epoch`` or
            ``callback`` is no function; an ImageSet as ``validation``.
        FileNotFoundError: the folder of the checkpoint does not exist.
        OSError: the checkpoint cannot be written.
        kdteach.writing.LockedError: another process trains with the same checkpoint.
        TrainingDivergedError: the loss or the weights became NaN or infinite.
        TrainingInterrupted: Ctrl-C, a KeyboardInterrupt whose ``history`` has the epochs
            until then.
    """
    options = Options(
        epochs, batch_size, learning_rate, optimizer, schedule, augment, drop_last,
        precision, on_epoch, stop, keep_best, clip_norm, patience,
        for_one(callback), progress,
    )  # fmt: skip
    check_model("model", model)
    seed = check_seed(seed)
    saved = Saved.checked(checkpoint, checkpoint_every)
    validation = validation_of(validation, monitor)
    joined = join_splits([data], 1, "training")
    watched = watched_splits(validation, 1)
    with usual_modes(device_of(model)):
        prepare(objective, model, joined.splits[0].images)
        require_own_teachers([model], [objective])
        learner = Alone(model, objective, options)
        (result,) = train(learner, joined, watched, (seed,), options, saved)
    if isinstance(result, TrainingDivergedError):
        raise result
    return result


def fit_many(
    models: Sequence[nn.Module],
    data: Data | Sequence[Data],
    objectives: Sequence[Objective],
    *,
    seeds: Sequence[int] | None = None,
    epochs: int,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    validation: Part | Sequence[Part] | None = None,
    checkpoint: str | Path | None = None,
    clip_norm: float | None = None,
    precision: torch.dtype | None = None,
    progress: bool | None = None,
    optimizer: OptimizerFactory | NamingFactory = adam,
    schedule: Schedule | TorchSchedule = constant,
    augment: Augment | nn.Module | None = None,
    drop_last: bool = False,
    keep_best: bool | str = False,
    patience: int | None = None,
    stop: StopRule | None = None,
    on_epoch: Callable[[int], None] | None = None,
    callback: Callable[[int, History], object] | None = None,
    checkpoint_every: float = 60.0,
    monitor: Part | Sequence[Part] | None = None,
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
        validation: as ``fit``, or a list of S splits of one size.
        checkpoint: as ``fit``. Students that are trained in several stacks have a file for
            each stack, named after it: ``run.pt`` becomes ``run.0-7.pt`` for students 0-7.
        clip_norm: as ``fit``, each student by its own norm.
        precision: as ``fit``; with float16 the students are trained one after the other.
        progress: as ``fit``, a bar for each stack.
        optimizer: as ``fit``.
        schedule: as ``fit``.
        augment: as ``fit``; each student gets shifts of its own.
        drop_last: as ``fit``.
        keep_best: as ``fit``, each student by its own best epoch.
        patience: as ``fit``: each student ends for itself, and the others go on.
        stop: as ``fit``, asked for each student.
        on_epoch: as ``fit``; models that are trained one after the other call it each.
        callback: called after each epoch for each student, with its place in the list and
            its History so far; returns True to end the training of that student.
        checkpoint_every: as ``fit``.
        monitor: the former name of ``validation``, for one version more.

    Returns:
        S histories, equal to those of ``fit`` up to the rounding of sums.

    Raises:
        ValueError: the lists differ in length or are empty, architectures differ, or as
            ``fit``.
        TypeError: as ``fit``.
        TrainingDivergedError: as ``fit``, when all others are trained. The message names
            the student, ``histories`` holds those of the others.
        TrainingInterrupted: as ``fit``; ``histories`` holds those of all, None for those
            who had not begun.
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
    shapes = [_shapes(model) for model in models]
    for i, shape in enumerate(shapes):
        if shape != shapes[0] or str(models[i]) != str(models[0]):
            raise ValueError(f"models[{i}] differs in architecture or dtype from models[0]")
    options = Options(
        epochs, batch_size, learning_rate, optimizer, schedule, augment, drop_last,
        precision, on_epoch, stop, keep_best, clip_norm, patience, callback, progress,
    )  # fmt: skip
    saved = Saved.checked(checkpoint, checkpoint_every)
    joined = join_splits(data, len(models), "training")
    watched = watched_splits(validation_of(validation, monitor), len(models))
    results: list[History | TrainingDivergedError] = []
    with usual_modes(device_of(models[0])):
        require_own_teachers(models, objectives)
        prepare_each(objectives, models, joined.splits)
        require_separate_objectives(objectives)
        parts = parts_of(models, objectives, joined, options, watched)
        parts_joined = [joined.part(*part) for part in parts]
        seen = [watched and watched.part(*part) for part in parts]
        widths = [0] * len(parts)
        if len(parts) > 1:  # whoever cannot be trained is named before anybody is
            trial = replace(options, optimizer=adam)
            for number, (start, end) in enumerate(parts):
                part, mine = parts_joined[number], seen[number]
                who = _learner(models[start:end], objectives[start:end], trial)
                widths[number] = examined(who, part, mine, part.adapted(trial))
        for number, (start, end) in enumerate(parts):
            learner = _learner(models[start:end], objectives[start:end], options)
            learner.outputs = learner.outputs or widths[number]
            where = saved.part(parts, number)
            try:
                results += train(
                    learner, parts_joined[number], seen[number], seeds[start:end], options,
                    where, start, new=len(parts) == 1,
                )  # fmt: skip
            except TrainingInterrupted as interrupt:
                rest = [None] * (len(models) - end)
                raise TrainingInterrupted(
                    f"{interrupt} (students {start} to {end - 1} of {len(models)})",
                    (*_histories(results), *interrupt.histories, *rest),
                ) from interrupt
    return _all_or_error(results)


def _shapes(model: nn.Module) -> dict[str, object]:
    return {
        name: (value.shape, value.dtype) if isinstance(value, Tensor) else type(value)
        for name, value in model.state_dict().items()
    }


def _learner(
    models: Sequence[nn.Module], objectives: Sequence[Objective], options: Options
) -> Learner:
    if len(models) > 1:
        return Stack(models, objectives, options)
    return Alone(models[0], objectives[0], options)


def _all_or_error(results: Sequence[History | TrainingDivergedError]) -> list[History]:
    """The histories, or one error that names whoever diverged and carries the others'."""
    failed = [result for result in results if isinstance(result, TrainingDivergedError)]
    fine = _histories(results)
    if not failed:
        return [result for result in fine if result is not None]
    rest = len(results) - len(failed)
    more = f" ({len(failed)} students diverged, {rest} were trained)" if rest else ""
    raise TrainingDivergedError(f"{failed[0]}{more}", fine) from failed[0]


def _histories(
    results: Sequence[History | TrainingDivergedError],
) -> list[History | None]:
    return [None if isinstance(r, TrainingDivergedError) else r for r in results]
