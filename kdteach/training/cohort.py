"""A cohort: several models of any architecture that learn together in one loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast, overload

import torch
from torch import Tensor, nn

from kdteach.checks import check_list, check_model, check_seed, shown
from kdteach.models import ask, device_of, evaluation_mode, modes_kept
from kdteach.objectives import Objective, TrainingSetup, hard_labels
from kdteach.objectives.base import checked_terms, require_objective
from kdteach.training.beforehand import examined
from kdteach.training.checkpoint import Saved
from kdteach.training.clipping import clip_one
from kdteach.training.decay import NamingFactory, trained_weights
from kdteach.training.epochs import train
from kdteach.training.joined import Data, JoinedSplits, Part, join_splits, watched_splits
from kdteach.training.learners import Alone
from kdteach.training.optimizers import OptimizerFactory, Schedule, adam, constant
from kdteach.training.options import Options
from kdteach.training.progress import TrainingDivergedError
from kdteach.training.rates import TorchSchedule
from kdteach.training.requirements import parameters_of
from kdteach.training.scaling import usual_modes
from kdteach.training.separate import require_separate
from kdteach.training.stopping import StopRule
from kdteach.types import Augment, Batch, History, LossTerms, Split

CohortObjective = Callable[[Sequence[nn.Module], Batch], Any]
"""``(models, batch) -> the terms of each model, or one loss for all of them``."""


class Cohort:
    """M models with one joint objective and one optimiser; a ``Learner`` of the loop.

    Attributes:
        size: M.
        members: each model as a learner of its own, which looks after its modes.
        objective: of all of them.
    """

    outputs = 0

    def __init__(
        self, models: Sequence[nn.Module], objective: CohortObjective, options: Options
    ) -> None:
        self.models, self.objective, self.size = models, objective, len(models)
        goal = _reads_logits if self.needs_logits else _reads_nothing
        self.members = [Alone(model, goal(), options) for model in models]
        self.own = parameters_of(objective, nn.ModuleList(models))
        trained = [weight for member in self.members for weight in member.trained]
        self.trained: list[Tensor] = [*trained, *self.own]
        names = trained_weights(nn.ModuleList(models), "models.")
        if isinstance(objective, nn.Module):
            names += trained_weights(objective, "objective.")
        by_id = {id(each.weight): each for each in reversed(names)}
        self.optimizer = options.optimizer_for(
            self.trained, [by_id[id(weight)] for weight in self.trained]
        )
        self.broken_first: Tensor | None = None

    @property
    def needs_logits(self) -> bool:
        """See ``Learner``."""
        return bool(getattr(self.objective, "needs_logits", False))

    @property
    def students(self) -> Sequence[nn.Module]:
        """See ``Learner``."""
        return self.models

    @property
    def objectives(self) -> Sequence[Objective]:
        """The joint one."""
        return (cast(Objective, self.objective),)

    def train_mode(self) -> None:
        """See ``Learner``."""
        for member in self.members:
            member.train_mode()

    def check(self, splits: Sequence[Split], setup: TrainingSetup) -> None:
        """See ``Learner``."""
        del setup
        check = getattr(self.objective, "check", None)
        if not (self.needs_logits and callable(check)):
            return
        outputs = []
        for number, model in enumerate(self.models):
            with evaluation_mode(model), torch.no_grad():
                few = splits[0].images[:2].to(device_of(model))
                outputs.append(ask(model, few, f"models[{number}]").shape[1])
        check(outputs)

    def loss(self, batch: Batch) -> LossTerms:
        """See ``Learner``."""
        one = Batch(batch.images[0], batch.labels[0], batch.index[0], batch.epoch)
        terms = _of_each(self.objective(self.models, one), self.size)
        if not terms.total.requires_grad:
            raise ValueError(
                "the loss does not depend on the models' weights: were the models called "
                "under no_grad, or their answers detached?"
            )
        # one that is broken breaks whoever learns from it: the first one is remembered
        broken = ~torch.isfinite(terms.total.detach())
        if self.broken_first is None:
            self.broken_first = torch.zeros_like(broken)
        self.broken_first = torch.where(self.broken_first.any(), self.broken_first, broken)
        return terms

    def answers(self, joined: JoinedSplits) -> Tensor:
        """See ``Learner``."""
        return torch.cat([member.answers(joined) for member in self.members])

    def finite(self) -> list[bool]:
        """See ``Learner``."""
        objective = all(bool(torch.isfinite(weight).all()) for weight in self.own)
        return [objective and member.finite()[0] for member in self.members]

    def show(self) -> None:
        """The models are trained in place: there is nothing to do."""

    def take(self) -> None:
        """See ``Learner``; the models are trained in place."""
        for member in self.members:
            member.take()

    def require_learning(self) -> None:
        """See ``Learner``."""
        if all(weight.grad is None for weight in self.trained):
            self.members[0].require_learning()

    def clip(self, most: float) -> None:
        """See ``Learner``; the objective's own weights have a norm of their own."""
        for weights in (*(member.trained for member in self.members), self.own):
            clip_one(weights, most)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """See ``Learner``."""
        gradients = [(weight, weight.grad) for weight in self.own]
        with ExitStack() as stack:
            for member in self.members:
                stack.enter_context(member.kept())
            if isinstance(self.objective, nn.Module):
                stack.enter_context(modes_kept(self.objective))
            for weight, _ in gradients:
                weight.grad = None
            try:
                yield
            finally:
                for weight, before in gradients:
                    weight.grad = before


class _OneSeed(Sequence[int]):
    """The seed of a cohort: there is one order, whichever model is asked about."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[int]:
        return iter((self.seed,))

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[int]: ...
    def __getitem__(self, place: int | slice) -> int | Sequence[int]:
        return self if isinstance(place, slice) else self.seed


def fit_cohort(
    models: Sequence[nn.Module],
    data: Data,
    objective: CohortObjective,
    *,
    epochs: int,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    seed: int = 0,
    validation: Part | None = None,
    checkpoint: str | Path | None = None,
    clip_norm: float | None = None,
    precision: torch.dtype | None = None,
    progress: bool | None = None,
    optimizer: OptimizerFactory | NamingFactory = adam,
    schedule: Schedule | TorchSchedule = constant,
    augment: Augment | nn.Module | None = None,
    drop_last: bool = False,
    keep_best: bool | str = False,
    patience: int | None = None,
    stop: StopRule | None = None,
    on_epoch: Callable[[int], None] | None = None,
    callback: Callable[[int, History], object] | None = None,
    checkpoint_every: float = 60.0,
) -> list[History]:
    """Train several models together, in place, on the same batches.

    All models see the same view of the same images in the same order. One optimiser holds
    the weights of all; models that do not look at each other are trained as ``fit`` would
    train each alone with this seed, apart from dropout, whose random numbers they share.

    Args:
        models: M models, of any architectures, with no weight in common, on one device.
        data: as ``fit``.
        objective: the joint one, such as ``kdteach.objectives.mutual()``: a function of the
            list of models and a ``Batch``. It returns a list with the ``LossTerms`` or the
            loss () of each model; or ``LossTerms`` or a tensor with totals (M,), or with
            one total () for all, which then stands in the History of each. The totals are
            added: to keep a model from learning by another's loss, detach what it says.
            Where it is an ``nn.Module``, its weights are trained with the models'.
        epochs: as ``fit``, like all that follow.
        batch_size: as ``fit``.
        learning_rate: as ``fit``.
        seed: as ``fit``; one for all models.
        validation: a split on which the accuracy of each model is noted after each epoch.
        checkpoint: as ``fit``, one file for all.
        clip_norm: as ``fit``, the norm of each model's own gradient.
        precision: as ``fit``.
        progress: as ``fit``.
        optimizer: as ``fit``, of the weights of all models; their names begin with the
            number of the model, ``models.0.``.
        schedule: as ``fit``.
        augment: as ``fit``; all models see the same view.
        drop_last: as ``fit``.
        keep_best: as ``fit``, each model by its own best epoch.
        patience: as ``fit``. A model that has ended keeps its weights of then; until all
            have ended, the others go on with it.
        stop: as ``fit``, asked for each model.
        on_epoch: as ``fit``.
        callback: as ``fit_many``, with the number of the model and its History.
        checkpoint_every: as ``fit``.

    Returns:
        The History of each model. Modes, ``.grad`` and the global random state are as they
        were before; also after an error or Ctrl-C, which leaves the models with what they
        have learned so far.

    Raises:
        ValueError: no models, one twice, two that share a weight or lie on different
            devices, a joint objective that cannot serve them, or as ``fit``; the message
            says which model is meant.
        TypeError: as ``fit``, or an objective that returns something else.
        TrainingDivergedError: the loss or the weights of a model became NaN or infinite.
            The message names the first; ``histories`` holds those of the models that were
            trained.
    """
    options = Options(
        epochs, batch_size, learning_rate, optimizer, schedule, augment, drop_last,
        precision, on_epoch, stop, keep_best, clip_norm, patience, callback, progress,
    )  # fmt: skip
    models = _checked_models(models)
    require_objective(objective)
    seed = check_seed(seed)
    saved = Saved.checked(checkpoint, checkpoint_every)
    joined, watched = join_splits([data], 1, "training"), watched_splits(validation, 1)
    with usual_modes(device_of(models[0])):
        if isinstance(objective, nn.Module):
            objective.to(device_of(models[0]))
        cohort = Cohort(models, objective, options)
        for number, member in enumerate(cohort.members):
            try:
                examined(member, joined, watched, options)
            except (ValueError, TypeError) as error:
                raise type(error)(f"models[{number}]: {error}") from error
        if validation is not None:
            watched = watched_splits([validation] * len(models), len(models))
        results = train(cohort, joined, watched, _OneSeed(seed), options, saved)
    return _all_or_first_broken(results, cohort)


def _checked_models(models: object) -> list[nn.Module]:
    found = check_list("models", models, "networks")
    if not found:
        raise ValueError("models are empty: a cohort has at least one model")
    for number, model in enumerate(found):
        check_model(f"models[{number}]", model)
    if len({id(model) for model in found}) != len(found):
        raise ValueError("models holds the same module twice; build one for each place")
    require_separate(found)
    places = [device_of(model) for model in found]
    if len(set(places)) > 1:
        raise ValueError(
            f"the models lie on different devices, {', '.join(map(str, places))}: move "
            f"them to one, model.to({str(places[0])!r})"
        )
    return found


def _all_or_first_broken(
    results: Sequence[History | TrainingDivergedError], cohort: Cohort
) -> list[History]:
    """The histories, or one error that names who diverged first."""
    fine = [None if isinstance(r, TrainingDivergedError) else r for r in results]
    failed = [i for i, result in enumerate(results) if fine[i] is None]
    if not failed:
        return [result for result in fine if result is not None]
    marks = cohort.broken_first
    first = [i for i in failed if marks is not None and bool(marks[i])] or failed
    named = ", ".join(f"models[{i}]" for i in first)
    cause = results[first[0]]
    more = f"; it broke {len(failed) - len(first)} others" if first != failed else ""
    raise TrainingDivergedError(f"{named}: {cause}{more}", fine) from (
        cause if isinstance(cause, TrainingDivergedError) else None
    )


def _of_each(terms: Any, count: int) -> LossTerms:
    """What a joint objective returned, as LossTerms of shape (M,)."""
    if isinstance(terms, (list, tuple)):
        if len(terms) != count:
            raise ValueError(
                f"a joint objective must return the loss of each of the {count} models, "
                f"got {len(terms)}"
            )
        each = [checked_terms(term) for term in terms]
        names = dict.fromkeys(name for term in each for name in term.parts)
        total = torch.stack([term.total for term in each])
        none = torch.full_like(total[0].detach(), math.nan)
        return LossTerms(
            total,
            {n: torch.stack([term.parts.get(n, none) for term in each]) for n in names},
        )
    if isinstance(terms, Tensor):
        terms = LossTerms(terms, {})
    if not isinstance(terms, LossTerms):
        raise TypeError(
            "a joint objective must return a list with LossTerms or a loss for each model, "
            f"LossTerms, or a tensor, got {shown(terms)}"
        )
    for name, value in {"total": terms.total, **terms.parts}.items():
        if not isinstance(value, Tensor) or value.shape not in ((), (count,)):
            raise ValueError(
                f"a joint objective's {name!r} must be one number, or one for each of the "
                f"{count} models, got {shown(value)}"
            )
    total = terms.total
    if not total.ndim:
        # the same number for all, and its gradient once
        others = total.detach().expand(count - 1)
        total = torch.cat([total[None], others])
    parts = {name: value.expand(count) for name, value in terms.parts.items()}
    return LossTerms(total, parts)


def _reads_logits() -> Objective:
    return hard_labels()


def _reads_nothing() -> Objective:
    def nothing(student: nn.Module, batch: Batch) -> LossTerms:
        raise NotImplementedError(f"{student} learns in a cohort, from {batch}")

    return nothing
