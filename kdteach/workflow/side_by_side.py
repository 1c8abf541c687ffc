"""Trainings that do not wait for each other, done side by side by several processes.

A small network does not keep several cores busy: two of them with a core each are trained
in about half the time that they take one after the other with both cores. Where there are
several GPUs, each process has one. Each training ends in a file of the job's folder, so a
process has nothing else to give back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch

from kdteach import workers
from kdteach.checks import shown
from kdteach.types import ImageSet
from kdteach.workflow import stages
from kdteach.workflow.kept import Kept
from kdteach.workflow.settings import Settings

_WORTH = 20_000  # images of a training: shorter ones are over before a process has begun
_COPIES = 2**30  # bytes that the pictures of all processes may take together


def count(settings: Settings, data: ImageSet, device: torch.device, own: bool) -> int:
    """How many processes train students.

    By default one a GPU, or on a CPU as many as torch was given threads; and one where that
    would not pay or where the copies of the pictures, one in each process, would take much
    memory.

    Args:
        settings: of the job.
        data: the pictures.
        device: where the job runs.
        own: whether the caller builds the student, whom other processes do not know.

    Raises:
        ValueError: more are asked for than there can be.
    """
    asked = settings.workers
    gpus = torch.cuda.device_count() if device.type == "cuda" else 0
    if asked is not None:
        if asked > 1 and own:
            raise ValueError(
                "workers: several processes train only students that have a name; leave "
                f"workers out, or give 1, got {shown(asked)}"
            )
        if asked > max(gpus, 1) and device.type != "cpu":
            raise ValueError(
                f"workers: each process has a GPU of its own, and there {_are(gpus)}; "
                f"leave workers out, or give at most {max(gpus, 1)}, got {shown(asked)}"
            )
        return workers.count(asked)
    images = sum(len(part) for part in (data.train, data.valid, data.test))
    takes = 4 * max(images, 1) * data.train.images[0].numel()
    if own or len(data.train) * settings.epochs < _WORTH:
        return 1
    most = workers.count(None)
    most = min(torch.get_num_threads(), most) if device.type == "cpu" else gpus
    return max(1, min(most, _COPIES // takes))


def _are(gpus: int) -> str:
    return "is one" if gpus == 1 else f"are {gpus}"


@contextmanager
def several(job: stages.Job, stored: Any, processes: int) -> Iterator[None]:
    """Inside the block the trainings of a job are done by several processes.

    Args:
        job: at hand.
        stored: the teacher's logits of the training pictures, in files.
        processes: how many; with 1 nothing changes.

    Raises:
        RuntimeError: a process was killed.
        Exception: what a training raises.
    """
    if processes == 1:
        yield
        return
    recipe = job.settings, job.data.checksum, job.device.type, stored

    with workers.pool(processes) as pool:

        def ahead(trainings: Sequence[stages.Training]) -> Iterator[None]:
            new = [t for t in trainings if not job.kept.done(t.name(job.settings))]
            done = {t: pool.submit(_train, *recipe, t) for t in new}
            for training in trainings:
                if training in done:
                    done[training].result()
                yield None

        job.ahead = ahead
        try:
            yield
        except BrokenProcessPool as error:
            raise RuntimeError(
                f"workers: one of {processes} processes that train students was ended, for "
                "want of memory perhaps. What is done is kept: the same call goes on with "
                "it, and needs least memory with workers=1"
            ) from error
        finally:
            job.ahead = stages.nobody_ahead


def _train(
    settings: Settings, checksum: str, kind: str, stored: Any, training: Any
) -> None:
    job = _job(settings, checksum, kind)
    stages.WORK[training.kind](job, stored, training)


@lru_cache(maxsize=1)
def _job(settings: Settings, checksum: str, kind: str) -> stages.Job:
    """The job in a process of its own, which reads the pictures once."""
    torch.set_num_threads(1)
    device = torch.device(kind, workers.place()) if kind == "cuda" else torch.device(kind)
    return elsewhere(settings, checksum, device)


def elsewhere(settings: Settings, checksum: str, device: torch.device) -> stages.Job:
    """The job as another process sees it, which says nothing.

    Args:
        settings: of the job.
        checksum: of its pictures.
        device: where this process trains.

    Raises:
        ValueError: the pictures are others by now.
    """

    def silent(_: str) -> None:
        pass

    data = stages.read_pictures(settings, silent)
    if data.checksum != checksum:
        raise ValueError(
            f"data: the pictures of {settings.data} have changed since the job began"
        )
    teacher, student = (
        stages.builder(name, settings, data.num_classes)
        for name in (settings.teacher, settings.student)
    )
    return stages.Job(
        settings, Kept(settings.place, {}), data, teacher, student, device, silent, False
    )
