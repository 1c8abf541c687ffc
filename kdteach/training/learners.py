"""Who learns in the loop: one student, or a stack of students of one architecture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from kdteach.checks import check_labels
from kdteach.metrics import require_classes
from kdteach.models import (
    answer,
    checked_shape,
    device_of,
    evaluation_mode,
    last_step,
    logits_in,
    modes_kept,
)
from kdteach.models.baked import is_exported
from kdteach.objectives import Course, LogitObjective, Objective, stacked
from kdteach.objectives.base import ModuleObjective, checked_terms, require_objective
from kdteach.training.clipping import clip_each, clip_one
from kdteach.training.decay import Trained, stacked_names, trained_weights
from kdteach.training.frozen import frozen_statistics
from kdteach.training.layout import overlaps_itself
from kdteach.training.options import Options
from kdteach.training.placing import placed
from kdteach.training.pool import Pool
from kdteach.training.stacking import shown as as_models
from kdteach.training.stacking import turned
from kdteach.training.stepping import require_sparse_weights
from kdteach.types import Batch, LossTerms, Split


class Learner(Protocol):
    """What the loop needs of one student, or of a stack of S of them."""

    size: int
    optimizer: torch.optim.Optimizer
    outputs: int  # of a model, where that is known

    @property
    def needs_logits(self) -> bool:
        """Whether the objective wants (B, C) logits of a model, and nothing else."""
        ...

    @property
    def students(self) -> Sequence[nn.Module]:
        """All S of them."""
        ...

    @property
    def objectives(self) -> Sequence[Objective]:
        """That of each student."""
        ...

    def train_mode(self) -> None:
        """Put what is trained into train mode."""
        ...

    def check(self, splits: Sequence[Split], course: Course) -> None:
        """Raise where an objective cannot serve this training."""
        ...

    def loss(self, batch: Batch) -> LossTerms:
        """Terms of shape (S,)."""
        ...

    def answers(self, pool: Pool) -> Tensor:
        """(S, n) classes on the CPU."""
        ...

    def finite(self) -> list[bool]:
        """Of each student, whether its weights are numbers."""
        ...

    def show(self) -> None:
        """Let the models have the weights as they are now."""
        ...

    def take(self) -> None:
        """Go on with the weights that the models have: ``show``, the other way round.

        Raises:
            ValueError: others are to be trained now than the optimiser holds.
        """
        ...

    def require_learning(self) -> None:
        """Raise where the first step has given no weight of a model a gradient."""
        ...

    def clip(self, most: float) -> None:
        """Shorten each student's gradient to a largest norm."""
        ...

    def kept(self) -> Any:
        """A context after which modes and gradients are as they were before."""
        ...


class Alone:
    """One student."""

    size = 1
    outputs = 0

    def __init__(self, model: nn.Module, objective: Objective, options: Options) -> None:
        self.model, self.given = model, objective
        self.objective = placed(objective, device_of(model))
        self.plain = not isinstance(objective, LogitObjective)
        if self.plain:
            require_objective(objective)
        own = [p for p in model.parameters() if p.requires_grad]
        if not own:
            raise ValueError("the model has no parameter that requires a gradient")
        _require_trainable(model)
        others = _parameters_of(objective, model)
        self.trained: list[Tensor] = [*own, *others]
        self.optimizer = options.optimizer_for(
            self.trained, _named(model, objective, self.trained)
        )
        require_sparse_weights(self.optimizer, model)
        self.chunk = min(128, options.batch_size)
        self.frozen = frozen_statistics(model)
        self.called = False
        # a mask of -inf or a mark of NaN says nothing about the training
        self.numbers = {
            name: buffer.shape
            for name, buffer in model.named_buffers()
            if _is_finite(buffer) and buffer.numel()
        }

    @property
    def needs_logits(self) -> bool:
        """See ``Learner``."""
        if isinstance(self.objective, ModuleObjective):
            return self.objective.needs_logits
        return not self.plain

    @property
    def students(self) -> Sequence[nn.Module]:
        """See ``Learner``."""
        return (self.model,)

    @property
    def objectives(self) -> Sequence[Objective]:
        """See ``Learner``."""
        return (self.given,)

    def train_mode(self) -> None:
        """See ``Learner``."""
        self.model.train()
        for layer in self.frozen:
            layer.eval()

    def check(self, splits: Sequence[Split], course: Course) -> None:
        """See ``Learner``."""
        (split,) = splits
        if isinstance(self.objective, LogitObjective):
            _check_member(self.model, self.objective, split, course)
            return
        if course.outputs:
            require_labels(split, course.outputs)
        if isinstance(self.objective, ModuleObjective):
            if self.needs_logits and self.objective.num_classes is None:
                require_classes(split, course.outputs)
            self.objective.check(split, course)

    def loss(self, batch: Batch) -> LossTerms:
        """See ``Learner``."""
        one = Batch(batch.images[0], batch.labels[0], batch.index[0], batch.epoch)
        if self.plain:
            terms = checked_terms(self._asked(one))
        elif self.called:
            terms = self.objective(self.model, one)
        else:
            terms = self._first(one)
        _require_gradient(terms)
        parts = {name: value[None] for name, value in terms.parts.items()}
        return LossTerms(terms.total[None], parts)

    def _first(self, batch: Batch) -> LossTerms:
        """The first batch, with a look at what the model returns in train mode."""
        self.called = True
        objective = self.objective
        own = not type(objective).__module__.startswith("kdteach.objectives.")
        if own or not isinstance(objective, LogitObjective):
            return objective(self.model, batch)
        who = "the model in train mode"
        logits = checked_shape(
            answer(self.model, batch.images, who), len(batch.images), who
        )
        if self.outputs and logits.shape[1] != self.outputs:
            raise ValueError(
                f"{who} returns {logits.shape[1]} logits for an image, and "
                f"{self.outputs} in eval mode"
            )
        if last_step(logits) in ("SoftmaxBackward0", "SigmoidBackward0"):
            raise ValueError(
                f"{who} returns probabilities, logits are expected: leave out its last "
                "step, or return the logarithm of the probabilities"
            )
        return objective.terms(logits, batch)

    def _asked(self, batch: Batch) -> object:
        try:
            terms: object = self.objective(self.model, batch)
        except TypeError as error:
            if self.called:
                raise
            raise TypeError(
                f"objective(student, batch) failed at the first batch: {error}. An "
                "objective takes the model and a Batch (images, labels, index) and returns "
                "LossTerms, or the loss"
            ) from error
        self.called = True
        return terms

    def answers(self, pool: Pool) -> Tensor:
        """See ``Learner``."""
        logits = pool.logits(self.model, self.chunk)
        if isinstance(self.objective, (LogitObjective, ModuleObjective)):
            logits = self.objective.read(logits)
        return logits.argmax(dim=1)[None]

    def finite(self) -> list[bool]:
        """See ``Learner``."""
        known = self.numbers
        buffers = [
            buffer for name, buffer in self.model.named_buffers()
            if known.get(name) == buffer.shape
        ]  # fmt: skip
        return [all(map(_is_finite, (*self.trained, *buffers)))]

    def show(self) -> None:
        """The model is trained in place: there is nothing to do."""

    def take(self) -> None:
        """See ``Learner``; the model is trained in place."""
        known = {id(weight) for weight in self.trained}
        for name, weight in self.model.named_parameters():
            if weight.requires_grad and id(weight) not in known:
                raise ValueError(
                    f"the weight {name!r} requires a gradient since on_epoch or callback, "
                    "and the optimiser, made before, does not hold it: it would never be "
                    "trained. Call fit a second time to train more layers than at first"
                )

    def require_learning(self) -> None:
        """See ``Learner``."""
        _require_some_gradient(self.trained)

    def clip(self, most: float) -> None:
        """See ``Learner``."""
        clip_one(self.trained, most)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """See ``Learner``."""
        others = (self.objective,) if isinstance(self.objective, nn.Module) else ()
        gradients = [(weight, weight.grad) for weight in self.trained]
        for weight in self.trained:
            weight.grad = None
        # an objective of the caller's own hands the batch to the model and then to others
        hook = None
        if self.plain and not isinstance(self.model, torch.jit.ScriptModule):
            hook = self.model.register_forward_pre_hook(_on_a_copy)
        try:
            with modes_kept(self.model, *others):
                yield
        finally:
            if hook is not None:
                hook.remove()
            for weight, before in gradients:
                weight.grad = before


class Stack:
    """S students of one architecture, their weights in a leading dimension."""

    needs_logits = True
    outputs = 0

    def __init__(
        self,
        models: Sequence[nn.Module],
        objectives: Sequence[Objective],
        options: Options,
    ) -> None:
        self.models = models
        self.size = len(models)
        self.members = [o for o in objectives if isinstance(o, LogitObjective)]
        self.objective = placed(stacked(self.members), device_of(models[0]))
        weights, _ = stack_module_state(list(models))
        self.weights_kept = {name: turned(w) for name, w in weights.items()}
        self.trained = list(self.weights_kept.values())
        self.optimizer = options.optimizer_for(
            self.trained, stacked_names(models[0], self.weights_kept)
        )
        self.chunk = min(256, options.batch_size)
        self.forward = vmap(self._answer)
        self.shared_forward = vmap(self._answer, in_dims=(0, None))

    def _answer(self, weights: dict[str, Tensor], images: Tensor) -> Tensor:
        # the copy is for a first layer that works in place
        return logits_in(functional_call(self.models[0], weights, (images.clone(),)))

    @property
    def weights(self) -> dict[str, Tensor]:
        """By name, in the models' shapes after a leading S."""
        return {name: as_models(weight) for name, weight in self.weights_kept.items()}

    @property
    def students(self) -> Sequence[nn.Module]:
        """See ``Learner``."""
        return self.models

    @property
    def objectives(self) -> Sequence[Objective]:
        """See ``Learner``."""
        return self.members

    def train_mode(self) -> None:
        """See ``Learner``."""
        self.models[0].train()  # stateless in a forward pass: the first stands for all

    def check(self, splits: Sequence[Split], course: Course) -> None:
        """See ``Learner``."""
        seen: dict[int, Split] = {}
        for model, split, member in zip(self.models, splits, self.members, strict=True):
            # what is the same for all students of one split is looked at once
            first = id(split) not in seen
            seen[id(split)] = split
            _check_member(model, member, split, course, labels=first)

    def loss(self, batch: Batch) -> LossTerms:
        """See ``Learner``."""
        terms = self.objective.terms(self.forward(self.weights, batch.images), batch)
        _require_gradient(terms)
        return terms

    def answers(self, pool: Pool) -> Tensor:
        """See ``Learner``."""
        weights = self.weights
        device = next(iter(weights.values())).device
        found = []
        with evaluation_mode(self.models[0]), torch.no_grad():
            for part in torch.split(torch.arange(len(pool), device="cpu"), self.chunk):
                if pool.shared:
                    images = pool.whole.images[part]
                    logits = self.shared_forward(weights, images.to(device))
                else:
                    images = pool.whole.images[pool.first[:, None] + part]  # (S, B, ...)
                    logits = self.forward(weights, images.to(device))
                found.append(self.objective.read(logits).argmax(dim=-1).cpu())
        return torch.cat(found, dim=1)

    def finite(self) -> list[bool]:
        """See ``Learner``."""
        fine = torch.stack(
            [torch.isfinite(w).reshape(self.size, -1).all(dim=1) for w in self.trained]
        )
        return fine.all(dim=0).tolist()

    def show(self) -> None:
        """See ``Learner``."""
        weights = self.weights
        with torch.no_grad():
            for i, model in enumerate(self.models):
                for name, parameter in model.named_parameters():
                    parameter.copy_(weights[name][i])

    def take(self) -> None:
        """See ``Learner``."""
        if not all(p.requires_grad for model in self.models for p in model.parameters()):
            raise ValueError(
                "a weight was frozen in on_epoch or callback, and students of a stack are "
                "trained as a whole: train them one by one with fit"
            )
        weights = self.weights
        with torch.no_grad():
            for i, model in enumerate(self.models):
                for name, parameter in model.named_parameters():
                    weights[name][i].copy_(parameter)

    def require_learning(self) -> None:
        """See ``Learner``."""
        _require_some_gradient(self.trained)

    def clip(self, most: float) -> None:
        """See ``Learner``."""
        clip_each(self.trained, most)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """See ``Learner``."""
        try:
            with modes_kept(*self.models):
                yield
        finally:
            self.show()  # also after Ctrl-C: what was learned so far stays


def _check_member(
    model: nn.Module,
    objective: LogitObjective,
    split: Split,
    course: Course,
    labels: bool = True,
) -> None:
    """Refuse what an objective cannot serve; labels once a split."""
    read = getattr(objective, "num_classes", None)
    if read is None:
        require_classes(split, course.outputs)
    if labels:
        require_labels(split, course.outputs)
    for teacher in getattr(objective, "teachers", ()):
        if teacher is model:
            raise ValueError(
                "the teacher is the student itself: it would chase its own answers. Give "
                "distil a copy, copy.deepcopy(model)"
            )
    objective.check(split, course)


def require_labels(split: Split, outputs: int, name: str = "") -> None:
    """Raise unless labels are classes that a model has outputs for.

    Args:
        split: with the labels.
        outputs: of the model.
        name: of the split, where the message is to say it.
    """
    try:
        check_labels(split.labels, len(split), outputs)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{name}{': ' if name else ''}{error} (the model has {outputs} outputs)"
        ) from error


def _require_trainable(model: nn.Module) -> None:
    for part in model.modules():
        if is_exported(part):
            raise ValueError(
                "the model came from torch.export, whose graph has no train mode: train "
                "the network that it was exported from (as a teacher it serves as it is)"
            )
    for name, weight in model.named_parameters():
        if weight.requires_grad and overlaps_itself(weight):
            raise ValueError(
                f"the weight {name!r} has {weight.numel()} entries that share fewer "
                "numbers in memory, as after expand, and cannot be trained so: give it "
                "numbers of its own, nn.Parameter(weight.clone())"
            )
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if any(weight.is_inference() for weight in weights):
        raise ValueError(
            "the model was made inside torch.inference_mode(), and such weights cannot be "
            "trained: build it outside"
        )


def _parameters_of(objective: object, model: nn.Module) -> list[Tensor]:
    """Weights of the objective itself, such as a regressor: trained with the student's."""
    if not isinstance(objective, nn.Module):
        return []
    taken = {id(weight) for weight in model.parameters()}
    own: list[Tensor] = [
        p for p in objective.parameters() if p.requires_grad and id(p) not in taken
    ]
    place = device_of(model)
    if any(weight.device != place for weight in own):
        raise ValueError(
            f"the objective has weights on {own[0].device}, the model lies on {place}: "
            f"objective.to({str(place)!r})"
        )
    return own


def _named(model: nn.Module, objective: Objective, weights: list[Tensor]) -> list[Trained]:
    """What the weights of a student and its objective are called, in their order."""
    known = trained_weights(model)
    if isinstance(objective, nn.Module):
        known += trained_weights(objective, "objective.")
    by_id = {id(each.weight): each for each in reversed(known)}
    return [by_id[id(weight)] for weight in weights]


def _require_some_gradient(weights: Iterable[Tensor]) -> None:
    if all(weight.grad is None for weight in weights):
        raise ValueError(
            "the loss does not depend on the model's weights, only on others: does the "
            "objective ask another model than the student that it is given?"
        )


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _require_gradient(terms: LossTerms) -> None:
    if not terms.total.requires_grad:
        raise ValueError(
            "the loss does not depend on the model's weights: was the model called under "
            "no_grad, or its answer detached?"
        )


def _on_a_copy(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    del module
    return tuple(item.clone() if isinstance(item, Tensor) else item for item in inputs)
