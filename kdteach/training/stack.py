"""Students of one architecture that are trained together, in the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from kdteach.models import device_of, evaluation_mode, logits_in, modes_kept
from kdteach.objectives import LogitObjective, Objective, TrainingSetup, stacked
from kdteach.training.clipping import clip_each
from kdteach.training.decay import stacked_names
from kdteach.training.joined import JoinedSplits
from kdteach.training.options import Options
from kdteach.training.placing import placed
from kdteach.training.requirements import (
    check_member,
    require_gradient,
    require_some_gradient,
)
from kdteach.training.stacking import shown as as_models
from kdteach.training.stacking import turned
from kdteach.types import Batch, LossTerms, Split


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

    def check(self, splits: Sequence[Split], setup: TrainingSetup) -> None:
        """See ``Learner``."""
        seen: dict[int, Split] = {}
        for model, split, member in zip(self.models, splits, self.members, strict=True):
            # what is the same for all students of one split is looked at once
            first = id(split) not in seen
            seen[id(split)] = split
            check_member(model, member, split, setup, labels=first)

    def loss(self, batch: Batch) -> LossTerms:
        """See ``Learner``."""
        terms = self.objective.terms(self.forward(self.weights, batch.images), batch)
        require_gradient(terms)
        return terms

    def answers(self, joined: JoinedSplits) -> Tensor:
        """See ``Learner``."""
        weights = self.weights
        device = next(iter(weights.values())).device
        found = []
        with evaluation_mode(self.models[0]), torch.no_grad():
            for part in torch.split(torch.arange(len(joined), device="cpu"), self.chunk):
                if joined.shared:
                    images = joined.whole.images[part]
                    logits = self.shared_forward(weights, images.to(device))
                else:
                    images = joined.whole.images[
                        joined.first[:, None] + part
                    ]  # (S, B, ...)
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
        require_some_gradient(self.trained)

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
