"""A teacher that several GPUs train together: each takes a part of every batch.

The students of a job do not wait for each other and have a GPU each (``side_by_side``); its
teacher is one long training, and is shared by means of accelerate.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import FIRST_EXCEPTION, wait
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from kdteach import workers
from kdteach.objectives import hard_labels
from kdteach.training.processes import data_parallel
from kdteach.workflow import side_by_side, stages
from kdteach.workflow.settings import Settings

if TYPE_CHECKING:
    from accelerate import Accelerator


_REASON = 10.0  # seconds, until a process that failed has said so


def count(settings: Settings, device: torch.device, own: bool) -> int:
    """How many processes train the teacher: one a GPU, and one on a CPU.

    Args:
        settings: of the job.
        device: where the job runs.
        own: whether the caller builds the teacher, whom other processes do not know.
    """
    if own or device.type != "cuda":
        return 1
    gpus = torch.cuda.device_count()
    return max(1, gpus if settings.workers is None else min(settings.workers, gpus))


def teach_together(job: stages.Job, processes: int) -> None:
    """Train the teacher of a job by several processes, one a GPU, into the job's folder.

    Nothing is done where it lies there already, where there is one process or no GPU, or
    where accelerate is not installed, which is then said.

    Args:
        job: at hand; its teacher is to be trained, and has a name.
        processes: how many.

    Raises:
        RuntimeError: a process was killed.
        Exception: what the training raises.
    """
    if processes == 1 or job.device.type == "cpu" or job.kept.done("teacher"):
        return
    if find_spec("accelerate") is None:
        job.say(
            "teacher: one GPU trains it; with accelerate (pip install 'kdteach[multi]') "
            f"{processes} would"
        )
        return
    job.say(f"teacher: {job.settings.teacher} is trained by {processes} GPUs")
    share(job, processes)


def share(job: stages.Job, processes: int) -> None:
    """Train the teacher of a job by several processes on the devices of its kind.

    Args:
        job: at hand.
        processes: how many.

    Raises:
        RuntimeError: a process was killed.
        Exception: what the training raises.
    """
    recipe = job.settings, job.data.checksum, job.device.type, processes, _free_port()
    try:
        with workers.pool(processes) as pool:
            parts = [pool.submit(_take_part, *recipe, n) for n in range(processes)]
            wait(parts, return_when=FIRST_EXCEPTION)
            # where one fails, the others lose it: their errors do not say why
            ended, _ = wait(parts, timeout=_REASON)
            errors = [e for part in parts if part in ended and (e := part.exception())]
            if errors:
                raise min(errors, key=_consequence)
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"teacher: one of {processes} processes that train it was ended, for want of "
            "memory perhaps. What is done is kept: the same call goes on with it, and "
            "needs least memory with workers=1"
        ) from error


def _consequence(error: BaseException) -> bool:
    """Whether an error only says that another process has gone."""
    if isinstance(error, BrokenProcessPool):
        return False
    return any(word in str(error).lower() for word in ("gloo", "nccl", "connection"))


def _free_port() -> int:
    """Where the processes can meet: the store that opens it is gone when this returns."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    return int(store.port)


def _take_part(
    settings: Settings, checksum: str, kind: str, processes: int, port: int, rank: int
) -> None:
    """What one process does: all read and train the same, the first writes."""
    # accelerate reads its place among the others from here, as torchrun would set it
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    from accelerate import Accelerator

    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=kind == "cpu")
    try:
        with TemporaryDirectory() as own:
            _train(settings, checksum, accelerator, Path(own))
    finally:
        accelerator.end_training()
        accelerator.state.destroy_process_group()


def _train(settings: Settings, checksum: str, accelerator: Accelerator, own: Path) -> None:
    job = side_by_side.elsewhere(settings, checksum, accelerator.device)
    model = job.on_device(job.build_teacher(settings.teacher_seed))
    if accelerator.device.type != "cpu":  # statistics of the whole batch; GPUs only
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    name = f"teacher-by-{accelerator.num_processes}"
    first = accelerator.is_main_process
    checkpoint = job.kept.checkpoint(name)
    if not first:  # begins where the first does, and leaves its file alone
        there, checkpoint = checkpoint, own / "teacher.training"
        if there.exists():
            shutil.copyfile(there, checkpoint)
    accelerator.wait_for_everyone()
    with data_parallel(model, hard_labels(), accelerator) as objective:
        about = stages.train_teacher(job, model, objective, checkpoint)
    if first:
        by = {"from": f"trained here by {accelerator.num_processes} processes"}
        job.kept.tensors_once(
            "teacher", lambda: (stages.answered(model, job.data), by | about)
        )
        job.kept.clear(name)
    accelerator.wait_for_everyone()
