"""What follows the last step of an epoch: measures, callbacks, and who goes on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from kdteach.checks import shown
from kdteach.training.blame import broken_teacher
from kdteach.training.joined import JoinedSplits
from kdteach.training.progress import Epoch, history, scores
from kdteach.training.run import Run


def finish_epoch(
    run: Run,
    joined: JoinedSplits,
    watched: JoinedSplits | None,
    seeds: Sequence[int],
    first: int,
) -> None:
    """Do what follows the last step of an epoch.

    Args:
        run: whose epoch has ended.
        joined: what was trained on.
        watched: what is measured, None for nothing.
        seeds: S.
        first: place of the first student in the whole list.
    """
    learner, options, sums = run.learner, run.options, run.sums
    for student in sums.broken(learner.finite()):
        if student in run.alive:
            goal = learner.objectives[min(student, len(learner.objectives) - 1)]
            split = joined.splits[min(student, len(joined.splits) - 1)]
            run.failed[student] = sums.error(
                run.epoch, options.learning_rate, first + student, seeds[student],
                broken_teacher(goal, split, options.batch_size),
            )  # fmt: skip
    run.log.append(sums)
    run.epoch, run.step, run.sums = run.epoch + 1, 0, Epoch()
    if len(run.failed) < learner.size:
        measure = None
        if watched is not None:
            with run.dropout.turn():
                answers, labels = learner.answers(watched), watched.labels
            sums.accuracy = scores(answers, labels, "accuracy")
            if run.best is not None:
                run.best.note(answers, labels, (*run.failed, *run.ended.epochs))
                measure = run.best.now[0]
        run.rates.after_epoch(measure, float(sums.mean.reshape(-1)[0]))
        if options.on_epoch is not None or options.callback is not None:
            run.ended.show()
        if options.on_epoch is not None:
            options.on_epoch(run.epoch)
            learner.take()  # it may have changed them
        why = {i: _ends(run, i, first) for i in run.alive}
        why = {i: reason for i, reason in why.items() if reason}
        if options.callback is not None:
            learner.take()
        run.ended.add(why, run.epoch, rest=len(why) < len(run.alive))
    run.over = not run.alive


def _ends(run: Run, student: int, first: int) -> str:
    """Why a student's training ends after this epoch, empty where it goes on."""
    options = run.options
    patience = options.patience
    if (
        patience is not None
        and run.best is not None
        and run.best.since[student] >= patience
    ):
        return f"no better epoch for patience={patience} epochs"
    if options.stop is None and options.callback is None:
        return ""
    so_far = history(run.log, student)
    if options.stop is not None:
        answered = options.stop(list(so_far.loss))
        ends = _said("stop", answered)
        if ends is None and answered is not None:
            raise TypeError(f"stop must return True or False, got {shown(answered)}")
        if ends:
            return "stop returned True"
    # what else it returns is no answer: a logging one-liner returns what write does
    if options.callback is not None and _said(
        "callback", options.callback(first + student, so_far)
    ):
        return "callback returned True"
    return ""


def _said(name: str, answered: object) -> bool | None:
    """Take a truth value, also that of NumPy or torch; None for anything else."""
    if isinstance(answered, (bool, np.bool_)):
        return bool(answered)
    kind = getattr(answered, "dtype", None)
    if kind is not torch.bool and kind != np.dtype(bool):
        return None
    try:
        return bool(answered)
    except (RuntimeError, ValueError) as error:  # several at once
        raise TypeError(
            f"{name} must return True or False, got {shown(answered)} ({error})"
        ) from error
