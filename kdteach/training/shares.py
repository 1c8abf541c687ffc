"""One large student, its batches shared out among threads.

Each thread takes a part of the images through the network and back, then a part of the
outputs of every layer: the gradient of those weights, over all images, and their update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from kdteach.training.crew import Crew
from kdteach.training.dense import Array, Layer, Passes, Room, product
from kdteach.training.heads import Heads, Slopes
from kdteach.training.updates import Updates


class Shares:
    """The steps of one student, for batches of one size.

    Args:
        crew: who does the work.
        layers: of the student.
        room: for a batch.
        heads: its objective.
        updates: its optimiser.
        gradients: as the optimiser wants them, where those of the layers are views of.
        outputs: the width of the layer that each of the trained weights belongs to.
    """

    def __init__(
        self,
        crew: Crew,
        layers: Sequence[Layer],
        room: Room,
        heads: Heads,
        updates: Updates,
        gradients: Sequence[Tensor],
        outputs: Sequence[int],
    ) -> None:
        batch = room.images.shape[1]
        self.crew, self.heads, self.batch = crew, heads.count, batch
        self.rows = [
            rows for rows in shared_out(batch, crew.size) if rows.stop > rows.start
        ]
        rooms = [room.share(rows) for rows in self.rows]
        self.passes = [Passes(layers, its, through_numpy=True) for its in rooms]
        self.slopes = [Slopes(heads, slice(0, 1), its, batch) for its in rooms]
        self.gradients, self.updates = [], []
        for number in range(crew.size):
            self.gradients.append(_gradients(layers, room, number, crew.size))
            parts = [shared_out(width, crew.size)[number] for width in outputs]
            its = [g[part] for g, part in zip(gradients, parts, strict=True)]
            self.updates.append(updates.step_of(parts, its))

    def begin(self, weights: Tensor) -> None:
        """See ``Slopes``."""
        for slopes in self.slopes:
            slopes.begin(weights)

    def sums(self) -> Tensor:
        """See ``Slopes``."""
        return torch.stack([slopes.sums() for slopes in self.slopes]).sum(dim=0)

    def step(
        self, images: Tensor, rows: Array, columns: Array, rate: float, number: Tensor
    ) -> None:
        """Take a step.

        Args:
            images: (N, D), all of them.
            rows: (B,) of the batch.
            columns: (heads * B,) of the table of distributions.
            rate: of learning.
            number: of the step.
        """
        table = columns.reshape(self.heads, self.batch)
        through = [
            partial(self._through, i, images, rows[part], table[:, part].ravel())
            for i, part in enumerate(self.rows)
        ]
        self.crew.run(through)
        learn = [partial(self._learn, i, rate, number) for i in range(self.crew.size)]
        self.crew.run(learn)

    def _through(self, share: int, images: Tensor, rows: Array, columns: Array) -> None:
        self.passes[share].forward(images, rows)
        self.slopes[share].slope(np.ascontiguousarray(columns))
        self.passes[share].down()

    def _learn(self, share: int, rate: float, number: Tensor) -> None:
        for compute in self.gradients[share]:
            compute()
        self.updates[share](rate, number)


def _gradients(
    layers: Sequence[Layer], room: Room, number: int, shares: int
) -> list[Callable[[], object]]:
    """What computes the gradients of one share of the outputs of every layer."""
    found: list[Callable[[], object]] = []
    inputs = [room.images, *room.hidden]
    slopes = [*room.slopes, room.logits_slope.mT]
    for a, slope, layer in zip(inputs, slopes, layers, strict=True):
        part = shared_out(slope.shape[2], shares)[number]
        mine, out = slope[..., part], layer.weight_gradient[..., part]
        found.append(product(a.mT, mine, out, through_numpy=True))
        found.append(partial(torch.sum, mine, 1, out=layer.bias_gradient[:, part]))
    return found


def shared_out(count: int, shares: int) -> list[slice]:
    """Cut a count into consecutive parts of equal size; empty ones where it is small."""
    ends = [count * i // shares for i in range(shares + 1)]
    return [slice(a, b) for a, b in pairwise(ends)]
