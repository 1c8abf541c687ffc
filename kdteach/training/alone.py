"""One student in the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kdteach.metrics import require_classes
from kdteach.models import answer, checked_shape, device_of, last_step, modes_kept
from kdteach.objectives import LogitObjective, Objective, TrainingSetup
from kdteach.objectives.base import ModuleObjective, checked_terms, require_objective
from kdteach.training.clipping import clip_one
from kdteach.training.frozen import frozen_statistics
from kdteach.training.joined import JoinedSplits
from kdteach.training.options import Options
from kdteach.training.placing import placed
from kdteach.training.requirements import (
    check_member,
    is_finite,
    named_weights,
    on_a_copy,
    parameters_of,
    require_gradient,
    require_labels,
    require_some_gradient,
    require_trainable,
)
from kdteach.training.stepping import require_sparse_weights
from kdteach.types import Batch, LossTerms, Split


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
        require_trainable(model)
        others = parameters_of(objective, model)
        self.trained: list[Tensor] = [*own, *others]
        self.optimizer = options.optimizer_for(
            self.trained, named_weights(model, objective, self.trained)
        )
        require_sparse_weights(self.optimizer, model)
        self.chunk = min(128, options.batch_size)
        self.frozen = frozen_statistics(model)
        self.called = False
        # a mask of -inf or a mark of NaN says nothing about the training
        self.numbers = {
            name: buffer.shape
            for name, buffer in model.named_buffers()
            if is_finite(buffer) and buffer.numel()
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

    def check(self, splits: Sequence[Split], setup: TrainingSetup) -> None:
        """See ``Learner``."""
        (split,) = splits
        if isinstance(self.objective, LogitObjective):
            check_member(self.model, self.objective, split, setup)
            return
        if setup.outputs:
            require_labels(split, setup.outputs)
        if isinstance(self.objective, ModuleObjective):
            if self.needs_logits and self.objective.num_classes is None:
                require_classes(split, setup.outputs)
            self.objective.check(split, setup)

    def loss(self, batch: Batch) -> LossTerms:
        """See ``Learner``."""
        one = Batch(batch.images[0], batch.labels[0], batch.index[0], batch.epoch)
        if self.plain:
            terms = checked_terms(self._asked(one))
        elif self.called:
            terms = self.objective(self.model, one)
        else:
            terms = self._first(one)
        require_gradient(terms)
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

    def answers(self, joined: JoinedSplits) -> Tensor:
        """See ``Learner``."""
        logits = joined.logits(self.model, self.chunk)
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
        return [all(map(is_finite, (*self.trained, *buffers)))]

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
        require_some_gradient(self.trained)

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
            hook = self.model.register_forward_pre_hook(on_a_copy)
        try:
            with modes_kept(self.model, *others):
                yield
        finally:
            if hook is not None:
                hook.remove()
            for weight, before in gradients:
                weight.grad = before
