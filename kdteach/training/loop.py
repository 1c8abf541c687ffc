"""Training: one loop, for one student or for a stack of students of one architecture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from kdteach.checks import check_labels
from kdteach.metrics import predict_logits
from kdteach.models import evaluation_mode, failures_explained
from kdteach.objectives import Course, LogitObjective, Objective, stacked
from kdteach.seeding import generator, seeded
from kdteach.training.allocator import keep_freed_memory
from kdteach.training.optimizers import OptimizerFactory, Schedule, adam, constant
from kdteach.training.pool import Pool, as_split, pool_splits, watched_splits
from kdteach.training.progress import (
    SCORES,
    Best,
    Epoch,
    history,
    scores,
)
from kdteach.training.stopping import StopRule
from kdteach.types import Augment, Batch, History, ImageSet, LossTerms, Split


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
        model: (B, channels, H, W) -> (B, C) logits; trained on the device it is on.
        data: an ImageSet, whose ``train`` is used, or a Split. Kept in memory, moved to
            the model's device once.
        objective: see ``kdteach.objectives``; baseline and distilled student differ here
            and nowhere else.
        epochs: passes over the data, at least 1.
        batch_size: images a step, at least 1; the last batch may be smaller.
        learning_rate: above 0.
        seed: of order, augmentation and dropout, by separate streams. The initial weights
            are the model's own (``kdteach.models.build(..., seed=...)``).
        optimizer: from (parameters, learning_rate): ``adam``, ``adamw(0.1)`` or
            ``momentum``.
        schedule: factor on the learning rate by progress in [0, 1]: ``constant`` or
            ``cosine``.
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
        The History of the run; the model is trained, each part in the mode it had.

    Raises:
        ValueError: an option out of range, an empty split, labels outside [0, C), stored
            teacher logits that do not fit the data or the augmentation.
        TypeError: images and weights differ in dtype; ``optimizer``, ``schedule``, ``stop``
            or ``on_epoch`` is no function.
        TrainingDivergedError: the loss became NaN or infinite.
    """
    options = _Options(
        epochs, batch_size, learning_rate, optimizer, schedule, augment, drop_last,
        precision, on_epoch, stop, keep_best,
    )  # fmt: skip
    pool, watched = pool_splits(as_split(data), 1, "training"), watched_splits(monitor, 1)
    return _train(_Alone(model, objective, options), pool, watched, (seed,), options)[0]


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
    the other instead: same result, no gain.

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
        TrainingDivergedError: as ``fit``; the message names the student.
    """
    seeds = tuple(range(len(models))) if seeds is None else tuple(seeds)
    if not models or not len(models) == len(objectives) == len(seeds):
        raise ValueError(
            "models, objectives and seeds must be lists of one length of at least 1, "
            f"got {len(models)}, {len(objectives)} and {len(seeds)}"
        )
    if len({id(model) for model in models}) != len(models):
        raise ValueError("models holds the same module twice; build one for each student")
    shapes = [{k: (v.shape, v.dtype) for k, v in m.state_dict().items()} for m in models]
    for i, shape in enumerate(shapes):
        if shape != shapes[0] or str(models[i]) != str(models[0]):
            raise ValueError(f"models[{i}] differs in architecture or dtype from models[0]")
    options = _Options(
        epochs, batch_size, learning_rate, optimizer, schedule, augment, drop_last,
        precision, on_epoch, keep_best=keep_best,
    )  # fmt: skip
    pool = pool_splits(data, len(models), "training")
    watched = watched_splits(monitor, len(models))
    logit_only = all(isinstance(objective, LogitObjective) for objective in objectives)
    stacks = logit_only and can_stack(models[0])
    size = (
        stack_size(models[0], len(models)) if stacks and on_epoch is None else len(models)
    )
    histories: list[History] = []
    for start in range(0, len(models), size if stacks else 1):
        stop = min(start + (size if stacks else 1), len(models))
        learner: _Learner = (
            _Stack(models[start:stop], objectives[start:stop], options)
            if stacks
            else _Alone(models[start], objectives[start], options)
        )
        mine = watched and watched.part(start, stop)
        part = pool.part(start, stop)
        histories += _train(learner, part, mine, seeds[start:stop], options)
    return histories


def can_stack(model: nn.Module) -> bool:
    """Say whether ``fit_many`` can train several such models in one stack.

    Not with dropout (a stack would share its noise), buffers such as BatchNorm's, or
    frozen weights.
    """
    dropout = any(
        isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0 for m in model.modules()
    )
    frozen = any(not p.requires_grad for p in model.parameters())
    stateful = next(model.buffers(), None) is not None
    return not (dropout or frozen or stateful)


_STACK_BYTES = 2**22
"""Weights of one stack. Larger ones gain nothing on a CPU, where a step is then arithmetic
and no longer overhead."""


def stack_size(model: nn.Module, count: int) -> int:
    """How many of ``count`` such models ``fit_many`` trains in one stack, evenly shared."""
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    most = max(1, _STACK_BYTES // max(weights, 1))
    stacks = -(-count // most)
    return -(-count // stacks)


@dataclass(frozen=True)
class _Options:
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: OptimizerFactory
    schedule: Schedule
    augment: Augment | None
    drop_last: bool
    precision: torch.dtype | None
    on_epoch: Callable[[int], None] | None
    stop: StopRule | None = None
    keep_best: bool | str = False

    @property
    def best_by(self) -> str:
        """The measure of the best epoch, empty for the last one."""
        return "accuracy" if self.keep_best is True else self.keep_best or ""

    def __post_init__(self) -> None:
        if self.best_by and self.best_by not in SCORES:
            raise ValueError(
                f"keep_best must be True, False or one of {', '.join(SCORES)}, got "
                f"{self.keep_best!r}"
            )
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
        rate = self.learning_rate
        if not (isinstance(rate, Real) and math.isfinite(rate) and rate > 0):
            raise ValueError(f"learning_rate must be finite and above 0, got {rate!r}")
        # records name these as words, functions take the things themselves
        for name, example in (("optimizer", "adam"), ("schedule", "cosine")):
            value = getattr(self, name)
            if not callable(value):
                raise TypeError(
                    f"{name} must be a function such as kdteach.training.{example}, "
                    f"got {value!r}"
                )
        for name, example in (("stop", "settled(0.01)"), ("on_epoch", "print")):
            value = getattr(self, name)
            if value is not None and not callable(value):
                raise TypeError(
                    f"{name} must be a function such as {example}, got {value!r}"
                )
        if self.precision not in (None, torch.bfloat16):
            raise ValueError(
                f"precision must be None or torch.bfloat16, got {self.precision!r}"
            )


class _Learner(Protocol):
    """What the loop needs of one student, or of a stack of S of them."""

    size: int
    optimizer: torch.optim.Optimizer

    @property
    def students(self) -> Sequence[nn.Module]: ...

    def modules(self) -> Sequence[nn.Module]: ...

    def check(self, splits: Sequence[Split], course: Course) -> None: ...

    def loss(self, batch: Batch) -> LossTerms: ...

    def answers(self, pool: Pool) -> Tensor: ...

    def show(self) -> None: ...

    def finish(self) -> None: ...


def _train(
    learner: _Learner,
    pool: Pool,
    watched: Pool | None,
    seeds: Sequence[int],
    options: _Options,
) -> list[History]:
    """The loop. Everything in it has a leading dimension of S students."""
    _check_dtype(learner.modules()[0], pool.whole)
    learner.check(pool.splits, _course(learner, pool, options))
    keep_freed_memory()
    pool = pool.to(next(learner.modules()[0].parameters()).device)
    orders = [generator(seed, "order") for seed in seeds]
    views = [generator(seed, "augment") for seed in seeds]
    steps = _steps_per_epoch(len(pool), options)
    by = options.best_by
    log: list[Epoch] = []
    best = Best(learner, by) if by else None
    if best is not None and watched is None:
        raise ValueError("keep_best needs a monitor split that says which epoch was best")
    with seeded(seeds[0], "dropout"):
        for epoch in range(options.epochs):
            for module in learner.modules():
                module.train()
            sums = Epoch()
            for step, batch in enumerate(_batches(pool, orders, views, options, epoch)):
                progress = (epoch + step / steps) / options.epochs
                rate = options.learning_rate * options.schedule(progress)
                for group in learner.optimizer.param_groups:
                    group["lr"] = rate
                with _autocast(pool.whole.images.device, options.precision):
                    terms = learner.loss(batch)
                learner.optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(
                    terms.total.sum()
                )  # a student's gradient is its own
                learner.optimizer.step()
                sums.add(terms, batch.labels.shape[-1], rate)
            sums.require_finite(epoch, options.learning_rate, seeds)
            if watched is not None:
                answers, labels = learner.answers(watched), watched.labels
                sums.accuracy = scores(answers, labels, "accuracy")
            log.append(sums)
            if best is not None:
                best.note(answers, labels)
            if options.on_epoch is not None:
                learner.show()
                options.on_epoch(epoch + 1)
            if options.stop is not None and options.stop([float(e.mean) for e in log]):
                break
    learner.finish()
    if best is not None:
        best.restore()
    return [history(log, student) for student in range(learner.size)]


class _Alone:
    """One student."""

    size = 1

    def __init__(self, model: nn.Module, objective: Objective, options: _Options) -> None:
        self.model, self.objective = model, objective
        self.modes = [(module, module.training) for module in model.modules()]
        trainable: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
        if not trainable:
            raise ValueError("the model has no parameter that requires a gradient")
        self.optimizer = options.optimizer(trainable, options.learning_rate)

    @property
    def students(self) -> Sequence[nn.Module]:
        return (self.model,)

    def modules(self) -> Sequence[nn.Module]:
        return (self.model,)

    def check(self, splits: Sequence[Split], course: Course) -> None:
        (split,) = splits
        check_labels(split.labels, len(split), course.outputs)
        if isinstance(self.objective, LogitObjective):
            self.objective.check(split, course)

    def loss(self, batch: Batch) -> LossTerms:
        one = Batch(batch.images[0], batch.labels[0], batch.index[0], batch.epoch)
        terms = self.objective(self.model, one)
        parts = {name: value[None] for name, value in terms.parts.items()}
        return LossTerms(terms.total[None], parts)

    def answers(self, pool: Pool) -> Tensor:
        logits = predict_logits(self.model, pool.whole.images)
        if isinstance(self.objective, LogitObjective):
            logits = self.objective.read(logits)
        return logits.argmax(dim=1)[None]

    def show(self) -> None:
        """The model is trained in place: there is nothing to do."""

    def finish(self) -> None:
        for module, training in self.modes:
            module.training = training


class _Stack:
    """S students of one architecture, their weights in a leading dimension."""

    def __init__(
        self,
        models: Sequence[nn.Module],
        objectives: Sequence[Objective],
        options: _Options,
    ) -> None:
        self.models = models
        self.size = len(models)
        self.members = [o for o in objectives if isinstance(o, LogitObjective)]
        self.objective = stacked(self.members)
        weights, _ = stack_module_state(list(models))
        self.kept = {name: _turned(w) for name, w in weights.items()}
        self.optimizer = options.optimizer(list(self.kept.values()), options.learning_rate)
        self.forward = vmap(
            lambda weights, images: functional_call(models[0], weights, (images,))
        )
        self.shared_forward = vmap(
            lambda weights, images: functional_call(models[0], weights, (images,)),
            in_dims=(0, None),
        )

    @property
    def weights(self) -> dict[str, Tensor]:
        """By name, in the models' shapes after a leading S."""
        return {name: w.mT if w.ndim == 3 else w for name, w in self.kept.items()}

    @property
    def students(self) -> Sequence[nn.Module]:
        return self.models

    def modules(self) -> Sequence[nn.Module]:
        return self.models[:1]  # stateless in a forward pass: the first stands for all

    def check(self, splits: Sequence[Split], course: Course) -> None:
        for split, member in zip(splits, self.members, strict=True):
            check_labels(split.labels, len(split), course.outputs)
            member.check(split, course)

    def loss(self, batch: Batch) -> LossTerms:
        return self.objective.terms(self.forward(self.weights, batch.images), batch)

    def answers(self, pool: Pool) -> Tensor:
        weights = self.weights
        device = next(iter(weights.values())).device
        found = []
        with torch.no_grad():
            for part in torch.split(torch.arange(len(pool)), 256):
                if pool.shared:
                    images = pool.whole.images[part]
                    logits = self.shared_forward(weights, images.to(device))
                else:
                    images = pool.whole.images[pool.first[:, None] + part]  # (S, B, ...)
                    logits = self.forward(weights, images.to(device))
                found.append(self.objective.read(logits).argmax(dim=-1).cpu())
        return torch.cat(found, dim=1)

    def show(self) -> None:
        """Let the models have the weights as they are now."""
        weights = self.weights
        with torch.no_grad():
            for i, model in enumerate(self.models):
                for name, parameter in model.named_parameters():
                    parameter.copy_(weights[name][i])

    def finish(self) -> None:
        self.show()


def _turned(weights: Tensor) -> Tensor:
    """A leaf with the same stack of weights; those of linear layers (S, in, out).

    A product's gradient comes in that order. Weights kept as (S, out, in) cost a transposed
    copy of it in each step: a tenth of the time of small students.
    """
    if weights.ndim != 3:
        return weights
    return weights.detach().mT.contiguous().requires_grad_()


def _batches(
    pool: Pool,
    orders: Iterable[torch.Generator],
    views: Sequence[torch.Generator],
    options: _Options,
    epoch: int,
) -> Iterator[Batch]:
    n, split, device = len(pool), pool.whole, pool.whole.images.device
    order = torch.stack([torch.randperm(n, generator=g) for g in orders])
    order = (order + pool.first[:, None]).to(device)
    for start in range(0, n, options.batch_size):
        rows = order[:, start : start + options.batch_size]  # (S, B)
        if options.drop_last and rows.shape[1] < options.batch_size:
            return
        images = _rows_of(split.images, rows)
        if options.augment is not None:
            images = torch.stack(
                [options.augment(x, g) for x, g in zip(images, views, strict=True)]
            )
        yield Batch(images, split.labels[rows], split.index[rows], epoch)


def _rows_of(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``, faster where they are many: index_select copies whole rows."""
    return table.index_select(0, rows.flatten()).view(*rows.shape, *table.shape[1:])


def _steps_per_epoch(n: int, options: _Options) -> int:
    steps = n // options.batch_size if options.drop_last else -(-n // options.batch_size)
    if steps == 0:
        raise ValueError(
            f"drop_last leaves nothing: batch_size {options.batch_size} exceeds the "
            f"{n} training images"
        )
    return steps


def _autocast(device: torch.device, precision: torch.dtype | None) -> Any:
    return torch.autocast(
        device.type, dtype=precision or torch.bfloat16, enabled=precision is not None
    )


def _check_dtype(model: nn.Module, split: Split) -> None:
    weights = next(model.parameters()).dtype
    if split.images.dtype == torch.uint8:
        return  # the network normalises bytes itself
    if split.images.dtype != weights:
        raise TypeError(
            f"images are {split.images.dtype} but the weights are {weights}: give both the "
            "same dtype, load(..., dtype=...) and build(..., dtype=...)"
        )


def _course(learner: _Learner, pool: Pool, options: _Options) -> Course:
    n, size = len(pool), options.batch_size
    rest = size if options.drop_last else n % size or size
    outputs = _outputs(learner.modules()[0], pool.splits[0])
    return Course(outputs, options.epochs, min(rest, n), options.augment is not None)


def _outputs(model: nn.Module, split: Split) -> int:
    """Width of the last layer, by asking the model about one image."""
    device = next(model.parameters()).device
    with evaluation_mode(model), torch.no_grad(), failures_explained(model, split.images):
        logits = model(split.images[:1].to(device))
    if logits.ndim != 2 or len(logits) != 1:
        raise ValueError(
            f"the model must return (B, C), got {tuple(logits.shape)} for B = 1"
        )
    return int(logits.shape[1])
