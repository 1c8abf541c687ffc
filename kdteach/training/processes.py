"""Several processes train one student together: each takes a part of every batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from kdteach.checks import check_model, shown
from kdteach.extras import require_extra
from kdteach.objectives import LogitObjective, Objective
from kdteach.types import Batch, LossTerms

if TYPE_CHECKING:
    from accelerate import Accelerator


@contextmanager
def data_parallel(
    model: nn.Module, objective: Objective, accelerator: Accelerator | None = None
) -> Iterator[Objective]:
    """Inside the block ``fit`` with the objective given here is shared by all processes.

    Each process runs the same program, as ``accelerate launch --num_processes 2 train.py``
    starts it, with the same model, data, seed and options. Of each batch it takes every
    n-th image; gradients are averaged over the images of the whole batch before each step,
    so that all processes hold the same weights, and training is what one process does, but
    for rounding. Each process keeps the data in its own memory.

    Two things differ from one process: dropout draws another mask for each part, and
    BatchNorm sees a part of the batch (``nn.SyncBatchNorm.convert_sync_batchnorm`` changes
    that on GPUs). An objective with weights of its own is refused.

    Args:
        model: the student, the same in all processes, on the device of its process.
        objective: as for ``fit``; one that computes a mean over the batch.
        accelerator: of this process; by default a new one, which reads what
            ``accelerate launch`` or ``torchrun`` has set.

    Yields:
        The objective for ``fit``. Its loss is that of the whole batch, in every process.

    Raises:
        TypeError: no network, or no objective.
        ValueError: an objective that has weights of its own.
        ModuleNotFoundError: accelerate is not installed.
    """
    check_model("model", model)
    if not callable(objective) and not isinstance(objective, LogitObjective):
        raise TypeError(f"objective must be an objective, got {shown(objective)}")
    if isinstance(objective, nn.Module) and any(True for _ in objective.parameters()):
        raise ValueError(
            "objective has weights of its own, which would differ between the processes: "
            "train with it in one process"
        )
    if accelerator is None:
        require_extra("data_parallel", "accelerate")
        from accelerate import Accelerator

        accelerator = Accelerator(cpu=next(model.parameters()).device.type == "cpu")

    def average(weight: Tensor) -> None:
        weight.grad = accelerator.reduce(weight.grad, reduction="mean")

    hooks = [
        weight.register_post_accumulate_grad_hook(average)
        for weight in model.parameters()
        if weight.requires_grad
    ]
    try:
        yield _Share(objective, accelerator.num_processes, accelerator)
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(eq=False)
class _Share:
    """An objective that is computed on this process's part of each batch.

    Its fields are what a checkpoint compares: the place of this process is none of them,
    so that all processes may begin with the checkpoint of one.

    Args:
        objective: of the whole.
        processes: how many share it.
        accelerator: knows the others.
    """

    objective: Objective
    processes: int
    accelerator: InitVar[Accelerator]

    def __post_init__(self, accelerator: Accelerator) -> None:
        self._others = accelerator

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """The terms of the part, weighted by its size; values of the whole batch."""
        count, place = self.processes, self._others.process_index
        size = len(batch.labels)
        # a part without images takes one, whose weight is zero: all processes go along
        rows = slice(place, None, count) if place < size else slice(0, 1)
        part = Batch(
            batch.images[rows], batch.labels[rows], batch.index[rows], batch.epoch
        )  # fmt: skip
        if isinstance(self.objective, LogitObjective):
            said = student(part.images)
            logits = said if isinstance(said, Tensor) else said.logits
            terms = self.objective.terms(logits, part)
        else:
            terms = self.objective(student, part)
        mine = len(part.labels) if place < size else 0
        weight = count * mine / size
        return LossTerms(
            self._whole(terms.total * weight),
            {name: self._whole(value * weight) for name, value in terms.parts.items()},
        )

    def _whole(self, value: Tensor) -> Tensor:
        """The mean over the processes, with the gradient of this one's part."""
        whole: Tensor = self._others.reduce(value.detach().clone(), reduction="mean")
        return value + (whole - value.detach())
