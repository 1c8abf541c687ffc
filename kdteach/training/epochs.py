"""The loop over epochs and steps, for whoever learns in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from kdteach.models import device_of
from kdteach.seeding import Turns, generator
from kdteach.training.allocator import keep_freed_memory
from kdteach.training.batches import batches, steps_per_epoch
from kdteach.training.beforehand import examined
from kdteach.training.checkpoint import Saved, saving
from kdteach.training.display import shown
from kdteach.training.ending import finish_epoch
from kdteach.training.fused import fused
from kdteach.training.joined import JoinedSplits
from kdteach.training.learners import Learner
from kdteach.training.options import Options
from kdteach.training.progress import TrainingDivergedError, TrainingInterrupted
from kdteach.training.room import too_large
from kdteach.training.run import Run
from kdteach.types import History


def train(
    learner: Learner,
    joined: JoinedSplits,
    watched: JoinedSplits | None,
    seeds: Sequence[int],
    options: Options,
    saved: Saved,
    first: int = 0,
    new: bool = True,
) -> list[History | TrainingDivergedError]:
    """The loop. Everything in it has a leading dimension of S students.

    Args:
        learner: the students.
        joined: their images.
        watched: what is measured after each epoch.
        seeds: S.
        options: of the training.
        saved: where it is kept.
        first: the place of the first student in the whole list.
        new: whether nobody has examined them yet.

    Returns:
        For each student its history, or the error with which it ended.
    """
    options = joined.adapted(options)
    if new:
        examined(learner, joined, watched, options)
    steps = steps_per_epoch(len(joined), options)
    keep_freed_memory()
    about = saved.about(learner, joined, watched, seeds, options)
    joined = joined.to(device_of(learner.students[0]))
    orders = [generator(seed, "order") for seed in seeds]
    views = [generator(seed, "augment") for seed in seeds]
    dropout = Turns(seeds[0], "dropout")
    run = Run(learner, options, steps, orders, views, dropout, watched is not None)
    clip, untried = None, True
    if options.clip_norm is not None:
        clip = partial(learner.clip, options.clip_norm)
    try:
        with (
            learner.kept(),
            saving(saved.path, run, about, saved.every) as file,
            shown(run, options.progress) as display,
        ):
            # what a checkpoint has put into the optimiser must be there before
            fast = fused(learner, joined, options)
            while run.epoch < options.epochs and not run.over:
                learner.train_mode()
                run.begin_epoch()
                if fast is not None and run.step < steps and fast.goes_on:
                    for done in fast.epoch(run.epoch, orders, run.step, run.sums):
                        run.step = done
                        file.step()
                        display.step()
                todo = batches(joined, orders, views, options, run.epoch, run.step)
                for step in range(run.step, steps):  # none where it was the fast way
                    progress = (run.epoch + step / steps) / options.epochs
                    rate = run.rates.before_step(progress)
                    with dropout.turn():
                        batch = next(todo)
                        try:
                            with run.scaling.autocast():
                                terms = learner.loss(batch)
                            # the sum, for a student's gradient is its own
                            run.scaling.update(terms.total.sum(), learner.optimizer, clip)
                        except torch.OutOfMemoryError as error:
                            raise too_large(error, learner, batch, run.scaling) from error
                    if untried:
                        learner.require_learning()
                        untried = False
                    run.rates.after_step()
                    run.sums.add(terms, batch.labels.shape[-1], rate)
                    run.step = step + 1
                    file.step()
                    display.step()
                finish_epoch(run, joined, watched, seeds, first)
                file.epoch(last=run.over or run.epoch == options.epochs)
                display.epoch()
    except KeyboardInterrupt as stop:
        run.ended.restore()
        raise TrainingInterrupted(
            f"training was interrupted after {run.epoch} of {options.epochs} epochs; the "
            "model has what it learned until then", run.histories(),
        ) from stop  # fmt: skip
    except BaseException:
        run.ended.restore()
        raise
    run.restore()
    histories = run.histories()
    return [run.failed.get(s) or histories[s] for s in range(learner.size)]
