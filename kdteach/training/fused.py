"""Epochs of plain networks in few calls: the same training as the loop's, only faster.

A student of some thousand weights spends most of a step between operations, not in them.
Where network, objective and optimiser are the common ones, their forward pass, gradients
and update are written out (``dense``, ``heads``, ``updates``), and a stack is trained in
blocks whose weights, gradients and moments stay in the processor's cache. Everything else
takes the loop's general way. Both give the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn

from kdteach.objectives import LogitObjective
from kdteach.training.batches import orders_of, steps_per_epoch
from kdteach.training.crew import Crew, one_thread_each
from kdteach.training.denormals import denormals_as_zero
from kdteach.training.dense import (
    SMALL_PRODUCT,
    Array,
    Layer,
    Passes,
    Room,
    dense_layers,
)  # fmt: skip
from kdteach.training.heads import LARGEST_TABLE, Heads, Slopes, pull_of, table_bytes
from kdteach.training.interrupts import interrupts_later
from kdteach.training.joined import JoinedSplits
from kdteach.training.learners import Alone, Learner, Stack
from kdteach.training.options import Options
from kdteach.training.progress import Epoch
from kdteach.training.rates import named_rate
from kdteach.training.shares import Shares
from kdteach.training.updates import Step, Updates, can_update

PRECISIONS = {torch.float32, torch.float64}
"""Of weights and images that are trained in this way."""

BLOCK_BYTES = 2**21
"""Weights of a block of students. With gradients and moments it is four times as much, and
fits a processor's last cache; smaller blocks spend more of a step between operations."""

CHUNK_FLOPS = 2e10
"""Operations between two moments at which a training can be interrupted or stored."""

_HONOURED = {
    "epochs", "batch_size", "learning_rate", "optimizer", "schedule", "drop_last",
    "on_epoch", "stop", "keep_best",
    "patience", "callback", "progress",
}  # fmt: skip
"""Options that are followed here, or that concern what happens between epochs."""


def fused(learner: Learner, joined: JoinedSplits, options: Options) -> Fused | None:
    """Prepare the fast way for a training.

    Args:
        learner: who is trained; already checked.
        joined: the images, where the weights are.
        options: of the training.

    Returns:
        None where the general way must be taken: another network than linear layers and
        ReLU, another objective than this library's with labels or stored logits, another
        optimiser than Adam, AdamW and SGD, an augmentation, half precision, a GPU, or any
        option that is not known here.
    """
    found = _parts(learner)
    if found is None or _unknown(options):
        return None
    images, trained = joined.whole.images, found.trained
    first, last = (found.shape(n) for n in (0, -1))
    known = (
        not joined.streamed
        and images.dtype in PRECISIONS
        and all(w.dtype == images.dtype and w.device.type == "cpu" for w in trained)
        and images.device.type == "cpu"
        and images.is_contiguous()
        and images[0].numel() == first[0]
        and can_update(learner.optimizer, trained)
        and all(pull_of(objective) is not None for objective in found.objectives)
        and table_bytes(found.objectives, len(images), last[1]) <= LARGEST_TABLE
    )
    return Fused(found, learner.optimizer, joined, options) if known else None


def _unknown(options: Options) -> bool:
    """Whether something is asked for that is not done here."""
    given = {field.name: getattr(options, field.name) for field in fields(options)}
    # a schedule of another form than a factor, such as one of torch's schedulers
    return not callable(options.schedule) or any(
        value not in (None, False) for name, value in given.items() if name not in _HONOURED
    )


@dataclass(frozen=True)
class _Parts:
    """What a learner is made of, where all of it is known here.

    Attributes:
        objectives: S.
        trained: all weights in the optimiser's order.
        stacked: whether they have a leading dimension of S.
        layers: places of weight and bias of each layer in ``trained``.
        model: the first one.
    """

    objectives: Sequence[LogitObjective]
    trained: Sequence[Tensor]
    stacked: bool
    layers: Sequence[tuple[int, int]]
    model: nn.Module

    def as_they_are(self) -> object:
        """What must stay so that the memory set aside belongs to the weights."""
        own = None if self.stacked else dense_layers(self.model)
        return own, [weight.data_ptr() for weight in self.trained]

    def shape(self, number: int) -> tuple[int, int]:
        """(in, out) of a layer."""
        shape = self.trained[self.layers[number][0]].shape
        return (shape[1], shape[2]) if self.stacked else (shape[1], shape[0])

    def seen(self, weight: Tensor, part: slice) -> Tensor:
        """A weight or its gradient as (b, in, out), a bias as (b, out)."""
        weight = weight.detach()
        if self.stacked:
            return weight[part]
        return weight.mT[None] if weight.ndim == 2 else weight[None]


def _parts(learner: Learner) -> _Parts | None:
    model = learner.students[0]
    names = dense_layers(model)
    if names is None:
        return None
    if type(learner) is Stack:
        if any(dense_layers(other) != names for other in learner.models):
            return None
        place = {name: i for i, name in enumerate(learner.weights_kept)}
        objectives: Sequence[LogitObjective] = learner.members
    elif type(learner) is Alone and isinstance(learner.objective, LogitObjective):
        place = {name: i for i, (name, _) in enumerate(model.named_parameters())}
        objectives = [learner.objective]
    else:
        return None
    layers = [(place[w], place[b]) for w, b in names]
    return _Parts(objectives, learner.trained, type(learner) is Stack, layers, model)


class Fused:
    """The fast way of a training, prepared. Made by ``fused``."""

    @property
    def goes_on(self) -> bool:
        """Whether the models are still as they were: ``on_epoch`` may have changed them.

        Numbers may be others; a weight that was frozen, hooked or put elsewhere in memory
        takes the general way.
        """
        return self.parts.as_they_are() == self._made

    def __init__(
        self,
        parts: _Parts,
        optimizer: torch.optim.Optimizer,
        joined: JoinedSplits,
        options: Options,
    ) -> None:
        self.parts, self.joined, self.options = parts, joined, options
        self.steps = steps_per_epoch(len(joined), options)
        self.heads = Heads(parts.objectives, joined.whole, parts.shape(-1)[1])
        self.updates = Updates(optimizer, parts.trained)
        self.rates = [float(group["lr"]) for group in optimizer.param_groups]
        self.named = named_rate(self.rates, options.learning_rate)
        self._made = parts.as_they_are()
        self.images = joined.whole.images.detach().flatten(1)
        students, images = len(parts.objectives), min(options.batch_size, len(joined))
        weights = sum(weight.numel() for weight in parts.trained)
        size = max(weights // students * parts.trained[0].element_size(), 1)
        blocks = -(-students // max(1, BLOCK_BYTES // size))
        each = -(-students // blocks)
        widest = max(
            images * inputs * outputs
            for inputs, outputs in map(parts.shape, range(len(parts.layers)))
        )
        # a single large student keeps all threads busy
        large = not parts.stacked and widest > SMALL_PRODUCT
        self.crew = Crew(torch.get_num_threads()) if large else None
        rooms: dict[tuple[int, int], Room] = {}
        self.blocks = [
            _Block(self, slice(at, min(at + each, students)), images, rooms)
            for at in range(0, students, each)
        ]
        self.chunk = max(1, min(self.steps, int(CHUNK_FLOPS / (6 * weights * images))))

    def epoch(
        self, number: int, orders: Sequence[torch.Generator], start: int, sums: Epoch
    ) -> Iterator[int]:
        """Train an epoch, in chunks of some tenths of a second.

        Args:
            number: of epochs that were finished before.
            orders: S generators of the orders.
            start: steps of this epoch that were taken before, as this gave it.
            sums: of the epoch, which grow.

        Yields:
            Finished steps of the epoch. Between two chunks weights, optimiser and sums are
            those after so many steps; Ctrl-C takes effect there.
        """
        order = orders_of(self.joined, orders)  # (S, n)
        batch = self.options.batch_size
        for begin in range(start, self.steps, self.chunk):
            end = min(begin + self.chunk, self.steps)
            part = order[:, begin * batch : end * batch]
            factors = [
                self.options.factor((number + step / self.steps) / self.options.epochs)
                for step in range(begin, end)
            ]
            alone = one_thread_each() if self.crew is not None else denormals_as_zero()
            with (
                interrupts_later() as pending,
                alone,
                torch.no_grad(),
                np.errstate(all="ignore"),
            ):
                done = torch.cat(
                    [
                        block.train(part[block.part], number, factors)
                        for block in self.blocks
                    ],
                    dim=1,
                )
                self.updates.advance(end - begin)
                self._add(sums, done, number, part.shape[1])
                sums.rate = self.named * factors[-1]
            yield end
            pending.now()

    def _add(self, sums: Epoch, done: Tensor, number: int, samples: int) -> None:
        total, parts = self.heads.terms(done, number)
        sums.samples += samples
        sums.total = sums.total + total
        for name, value in parts.items():
            sums.parts[name] = sums.parts[name] + value if name in sums.parts else value


@dataclass(frozen=True)
class _Way:
    """The steps of a block of students, for batches of one size: as ``Shares``."""

    passes: Passes
    slopes: Slopes
    update: Step

    def begin(self, weights: Tensor) -> None:
        self.slopes.begin(weights)

    def sums(self) -> Tensor:
        return self.slopes.sums()

    def step(
        self, images: Tensor, rows: Array, columns: Array, rate: float, number: Tensor
    ) -> None:
        self.passes.forward(images, rows)
        self.slopes.slope(columns)
        self.passes.backward()
        self.update(rate, number)


class _Block:
    """Students whose weights fit into the cache together."""

    def __init__(
        self, whole: Fused, part: slice, batch: int, rooms: dict[tuple[int, int], Room]
    ) -> None:
        parts, self.whole, self.part = whole.parts, whole, part
        gradients = [
            torch.empty_like(weight.detach()[part] if parts.stacked else weight.detach())
            for weight in parts.trained
        ]
        layers = [
            Layer(
                parts.seen(parts.trained[w], part),
                parts.seen(parts.trained[b], part),
                gradients[w] if parts.stacked else parts.seen(gradients[w], part),
                gradients[b] if parts.stacked else parts.seen(gradients[b], part),
            )
            for w, b in parts.layers
        ]
        self.batch, self.students = batch, part.stop - part.start
        widths = [parts.shape(0)[0], *(parts.shape(n)[1] for n in range(len(layers)))]
        dtype = parts.trained[0].dtype
        ragged = 0 if whole.options.drop_last else len(whole.joined) % batch
        self.ways: dict[int, _Way | Shares] = {}
        for size in (batch, ragged) if ragged else (batch,):
            key = (self.students, size)
            if key not in rooms:
                rooms[key] = Room(self.students, widths, size, dtype)
            if whole.crew is not None:
                outputs = [weight.shape[0] for weight in parts.trained]
                self.ways[size] = Shares(
                    whole.crew, layers, rooms[key], whole.heads, whole.updates, gradients,
                    outputs,
                )  # fmt: skip
                continue
            mine = part if parts.stacked else slice(None)
            update = whole.updates.step_of([mine] * len(gradients), gradients)
            slopes = Slopes(whole.heads, part, rooms[key], size)
            self.ways[size] = _Way(Passes(layers, rooms[key]), slopes, update)

    def train(self, order: Tensor, epoch: int, factors: Sequence[float]) -> Tensor:
        """Take some steps.

        Args:
            order: (b, n) rows of the images, n of all these steps.
            epoch: number of epochs that were finished before.
            factors: on the learning rate, one for each step.

        Returns:
            (heads, b) sums of the divergence and the cross-entropy.
        """
        whole, heads = self.whole, self.whole.heads
        weights = heads.weights(epoch)[:, self.part]
        for way in self.ways.values():
            way.begin(weights)
        columns = order + heads.first[:, self.part, None]  # (heads, b, n)
        numbers = (
            torch.arange(1.0, len(factors) + 1, device="cpu")
            .add_(whole.updates.done)
            .unbind()
        )
        (rate,) = whole.rates
        steps = zip(self._split(order), self._split(columns), factors, numbers, strict=True)
        for rows, places, factor, number in steps:
            way = self.ways[len(rows) // self.students]
            way.step(whole.images, rows, places, rate * factor, number)
        sums = torch.stack([way.sums() for way in self.ways.values()]).sum(dim=0)
        if heads.count == 2:  # from the cross-entropy to the divergence
            sums[0] += heads.entropies[columns[0]].sum(dim=1)
        return sums

    def _split(self, table: Tensor) -> list[Array]:
        """(..., n) to the flat (... * B) of each batch, in memory one after the other."""
        whole = table.shape[-1] // self.batch
        front = table[..., : whole * self.batch].unflatten(-1, (whole, self.batch))
        batches = list(front.movedim(-2, 0).flatten(1).contiguous().numpy())
        if whole * self.batch < table.shape[-1]:
            batches.append(table[..., whole * self.batch :].flatten().numpy())
        return batches
