"""When several models may be trained as one stack, and when they only look like it.

A stack runs the code of its first model with the weights of each. That is right only where
all models compute the same thing, nothing is random or remembered between calls, and the
optimiser treats each number by itself.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from kdteach.checks import check_count, check_model
from kdteach.models import device_of, logits_in
from kdteach.objectives import LogitObjective, Objective
from kdteach.seeding import seeded
from kdteach.training.decay import stacked_names
from kdteach.training.dense import dense_layers
from kdteach.training.options import Options
from kdteach.training.pool import Pool

STACK_BYTES = 2**22
"""Weights of one stack. Larger ones gain nothing on a CPU, where a step is then arithmetic
and no longer overhead."""

_BY_ENTRY = {
    torch.optim.ASGD, torch.optim.Adadelta, torch.optim.Adagrad, torch.optim.Adam,
    torch.optim.AdamW, torch.optim.Adamax, torch.optim.NAdam, torch.optim.RAdam,
    torch.optim.RMSprop, torch.optim.Rprop, torch.optim.SGD,
}  # fmt: skip
"""Optimisers whose step for a number depends on that number's gradients alone."""


def can_stack(model: nn.Module) -> bool:
    """Say whether ``fit_many`` can train several such models in one stack.

    Not with dropout (a stack would share its noise), buffers such as BatchNorm's, frozen
    weights, or hooks.
    """
    check_model("model", model)
    dropout = any(
        isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0 for m in model.modules()
    )
    frozen = any(not p.requires_grad for p in model.parameters())
    stateful = next(model.buffers(), None) is not None
    return not (dropout or frozen or stateful or _has_hooks(model))


def stack_size(model: nn.Module, count: int) -> int:
    """How many of ``count`` such models ``fit_many`` trains in one stack, evenly shared."""
    check_model("model", model)
    count = check_count("count", count)
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    most = max(1, STACK_BYTES // max(weights, 1))
    stacks = -(-count // most)
    return -(-count // stacks)


def require_separate(models: Sequence[nn.Module]) -> None:
    """Raise where two models share a weight that is trained.

    Args:
        models: that are trained together; each would undo what another has learned.

    Raises:
        ValueError: the message names both weights.
    """
    owners: dict[int, tuple[int, str]] = {}
    for number, model in enumerate(models):
        for name, weight in model.named_parameters():
            if not weight.requires_grad or weight.numel() == 0:
                continue
            other, its = owners.setdefault(
                weight.untyped_storage().data_ptr(), (number, name)
            )
            if other != number:
                raise ValueError(
                    f"models[{other}] and models[{number}] share a weight, {its!r} and "
                    f"{name!r}: each would change what the other has learned. Build each "
                    "model with layers of its own, or freeze what they share"
                )


def alike(models: Sequence[nn.Module], images: Tensor) -> bool:
    """Say whether the first model's code with each model's weights is that model.

    Tried on some images, in train mode: models may differ in what no list of their weights
    shows, such as a number that multiplies their output.

    Args:
        models: of one architecture, without buffers.
        images: (B, ...) a few, on their device.
    """
    plain = [dense_layers(model) for model in models]
    if plain[0] is not None and all(layers == plain[0] for layers in plain):
        return True  # nothing but linear layers and ReLU: the weights say it all
    try:
        models = [copy.deepcopy(model) for model in models]  # some count their calls
    except (RuntimeError, TypeError):
        return False
    first, own = models[0], [_plain(model) for model in models]
    if any(_has_hooks(model) or mine != own[0] for model, mine in zip(models, own)):  # noqa: B905
        return False
    weights, _ = stack_module_state(list(models))

    def forward(stack: dict[str, Tensor]) -> Tensor:
        return logits_in(functional_call(first, stack, (images.clone(),)))

    try:
        with torch.no_grad(), seeded(0, "probe"):
            for model in models:
                model.train()
            answers = torch.stack([logits_in(m(images.clone())) for m in models])
            again = logits_in(first(images.clone()))  # other random numbers, where any
            stacked: Tensor = vmap(forward)(weights)
    except (RuntimeError, TypeError, ValueError, AttributeError):
        return False  # what cannot be stacked is trained alone, where errors are named
    loose = 1e-9 if images.dtype == torch.float64 else 1e-3
    size = float(answers.abs().max()) * loose
    if not math.isfinite(size):
        return False  # who begins with such weights is named where it is trained alone
    return bool(
        torch.allclose(again, answers[0], rtol=loose, atol=size)
        and stacked.shape == answers.shape
        and torch.allclose(stacked, answers, rtol=loose, atol=size)
        and _plain(first) == own[0]
    )


def by_entry(
    stacked: torch.optim.Optimizer,
    weights: Sequence[Tensor],
    alone: torch.optim.Optimizer,
    parameters: Sequence[Tensor],
) -> bool:
    """Say whether an optimiser of stacked weights is one optimiser for each student.

    Args:
        stacked: over the weights of the stack.
        weights: of the stack.
        alone: what the same factory makes for one student.
        parameters: of that student, in the same order.
    """
    for optimizer in (stacked, alone):
        hooked = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
        if type(optimizer) not in _BY_ENTRY or hooked:
            return False
    same: bool = _groups(stacked, weights) == _groups(alone, parameters)
    return same


def _groups(optimizer: torch.optim.Optimizer, weights: Sequence[Tensor]) -> Any:
    """Which weights each group holds, by place, and all its numbers."""
    place = {id(weight): number for number, weight in enumerate(weights)}
    return [
        {key: value for key, value in group.items() if key != "params"}
        | {"weights": [place.get(id(weight)) for weight in group["params"]]}
        for group in optimizer.param_groups
    ]


def _has_hooks(model: nn.Module) -> bool:
    return any(
        hooks
        for module in model.modules()
        for name, hooks in vars(module).items()
        if name.endswith("_hooks") and not name.startswith(("_state_dict", "_load_state"))
    )


def _plain(model: nn.Module) -> list[dict[str, object]]:
    """The numbers, words and switches that each part holds apart from its weights."""
    simple = (bool, int, float, complex, str, bytes, type(None))

    def is_plain(value: object) -> bool:
        if isinstance(value, (tuple, list)):
            return all(isinstance(item, simple) for item in value)
        return isinstance(value, simple)

    return [
        {k: v for k, v in vars(module).items() if k != "training" and is_plain(v)}
        for module in model.modules()
    ]


def parts_of(
    models: Sequence[nn.Module],
    objectives: Sequence[Objective],
    pool: Pool,
    options: Options,
    watched: Pool | None = None,
) -> list[tuple[int, int]]:
    """Cut a list of students into stacks.

    Args:
        models: S models of one architecture.
        objectives: S objectives.
        pool: their images.
        options: of the training.
        watched: what is monitored.

    Returns:
        From where to where each stack goes; whoever is alone is trained alone.
    """
    whole = len(models)
    each = [(i, i + 1) for i in range(whole)]
    fitting = all(
        isinstance(o, LogitObjective) and not isinstance(o, nn.Module) for o in objectives
    )
    if pool.streamed or (watched is not None and watched.streamed):
        return each  # each reads in an order of its own
    # float16 leaves out a step where gradients are infinite: each student its own steps
    half = options.precision is torch.float16
    if half or whole == 1 or not fitting or not all(can_stack(m) for m in models):
        return each
    images = pool.splits[0].images[:4].to(device_of(models[0]))
    size = whole if options.on_epoch else stack_size(models[0], whole)
    found: list[tuple[int, int]] = []
    for start in range(0, whole, size):
        stop = min(start + size, whole)
        together = stop - start > 1 and _one_stack(models[start:stop], images, options)
        found += [(start, stop)] if together else each[start:stop]
    return found


def _one_stack(models: Sequence[nn.Module], images: Tensor, options: Options) -> bool:
    if len({device_of(model) for model in models}) > 1 or not alike(models, images):
        return False
    first = {name: weight.detach() for name, weight in models[0].named_parameters()}
    stacked = {n: torch.stack([w, w]).requires_grad_() for n, w in first.items()}
    own = {n: weight.clone().requires_grad_() for n, weight in first.items()}
    optimizers = [
        options.optimizer_for(list(some.values()), stacked_names(models[0], some))
        for some in (stacked, own)
    ]
    same = by_entry(
        optimizers[0], list(stacked.values()), optimizers[1], list(own.values())
    )
    # ReduceLROnPlateau looks at the measure of one student and sets the rate of all
    return same and not options.rate_follows_measure(optimizers[1])
