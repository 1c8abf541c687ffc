"""When several models may be trained as one stack, and when they only look like it.

A stack runs the code of its first model with the weights of each. That is right only where
all models compute the same thing, nothing is random or remembered between calls, and the
optimiser treats each number by itself. Whoever cannot be shown to be so is trained alone.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from kdteach.checks import check_count, check_model
from kdteach.models import device_of, last_step, logits_in
from kdteach.objectives import LogitObjective, Objective
from kdteach.seeding import seeded
from kdteach.training.decay import stacked_names, trained_weights
from kdteach.training.joined import JoinedSplits
from kdteach.training.layout import is_hooked, is_plain
from kdteach.training.optimizers import is_ours
from kdteach.training.options import Options
from kdteach.training.signature import Signature, draws, signature

STACK_BYTES = 2**22
"""Weights of one stack. Larger ones gain nothing on a CPU, where a step is then arithmetic
and no longer overhead."""

_BY_ENTRY = {
    torch.optim.ASGD, torch.optim.Adadelta, torch.optim.Adagrad, torch.optim.Adam,
    torch.optim.AdamW, torch.optim.Adamax, torch.optim.NAdam, torch.optim.RAdam,
    torch.optim.RMSprop, torch.optim.Rprop, torch.optim.SGD,
}  # fmt: skip
"""Optimisers whose step for a number depends on that number's gradients alone."""


_KNOWN = {nn.Sequential, nn.Flatten, nn.Linear, nn.ReLU, nn.Tanh, nn.Identity}
"""Layers that compute the same in train and in eval mode, one by one and stacked."""


def can_stack(model: nn.Module) -> bool:
    """Say whether ``fit_many`` can train several such models in one stack.

    Not with dropout (a stack would share its noise), buffers such as BatchNorm's, frozen
    weights, hooks on layers or weights, or weights that have attributes of their own or
    share their memory.
    """
    check_model("model", model)
    dropout = any(
        isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0 for m in model.modules()
    )
    weights = list(model.parameters())
    if not weights or not all(is_plain(w) and not vars(w) for w in weights):
        return False
    apart = len({w.untyped_storage().data_ptr() for w in weights}) == len(weights)
    stateful = next(model.buffers(), None) is not None
    return apart and not (dropout or stateful or _has_hooks(model))


def turned(weights: Tensor) -> Tensor:
    """A leaf with the same stack of weights; those of linear layers (S, in, out).

    A product's gradient comes in that order. Weights kept as (S, out, in) cost a transposed
    copy of it in each step: a tenth of the time of small students.

    Args:
        weights: (S, ...), of one name.
    """
    if weights.ndim != 3:
        return weights
    return weights.detach().mT.contiguous().requires_grad_()


def shown(weights: Tensor) -> Tensor:
    """What ``turned`` has turned, in the shape that the models know.

    Args:
        weights: (S, ...), as they are kept.
    """
    return weights.mT if weights.ndim == 3 else weights


def stack_size(model: nn.Module, count: int) -> int:
    """How many of ``count`` such models ``fit_many`` trains in one stack, evenly shared."""
    check_model("model", model)
    count = check_count("count", count)
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    most = max(1, STACK_BYTES // max(weights, 1))
    stacks = -(-count // most)
    return -(-count // stacks)


def alike(models: Sequence[nn.Module], images: Tensor) -> bool:
    """Say whether the first model's code with each model's weights is that model.

    They must hold the same things besides the numbers of their weights; then it is tried
    on some images, in train and in eval mode, in the layout that the weights of a stack
    have.

    Args:
        models: of one architecture, without buffers.
        images: (B, ...) a few, on their device.
    """
    own = [signature(model) for model in models]
    if own[0] is None or any(mine != own[0] for mine in own[1:]) or draws(models[0]):
        return False
    parts = list(models[0].modules())
    if all(type(part) in _KNOWN and "forward" not in vars(part) for part in parts):
        return True  # the weights say it all
    before = _random_states()
    try:
        return _computes_alike(models, images, own[0]) and before == _random_states()
    except Exception:
        return False  # what cannot be stacked is trained alone, where errors are named
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002  # the caller's own


def _random_states() -> tuple[Any, Any]:
    """Of the generators that ``seeded`` does not put back."""
    state: Any = np.random.get_state(legacy=True)  # noqa: NPY002
    return random.getstate(), (state[0], tuple(state[1].tolist()), *state[2:])


def _computes_alike(
    models: Sequence[nn.Module], images: Tensor, own: Signature | None
) -> bool:
    models = [copy.deepcopy(model) for model in models]  # some count their calls
    first = models[0]
    weights, _ = stack_module_state(list(models))
    weights = {name: shown(turned(weight)) for name, weight in weights.items()}

    def forward(stack: dict[str, Tensor]) -> Tensor:
        return logits_in(functional_call(first, stack, (images.clone(),)))

    same, widths = True, set()
    for training in (True, False):
        with torch.set_grad_enabled(training), seeded(0, "probe"):
            for model in models:
                model.train(training)
            random_before = torch.get_rng_state()
            answers = torch.stack([logits_in(m(images.clone())) for m in models])
            stacked: Tensor = vmap(forward)(weights)
            drawn = not torch.equal(random_before, torch.get_rng_state())
            again = logits_in(first(images.clone()))
            if training:
                torch.autograd.grad(
                    stacked.square().sum(), list(weights.values()), allow_unused=True
                )
        widths.add(answers.shape)
        loose = 1e-9 if images.dtype == torch.float64 else 1e-3
        size = float(answers.detach().abs().max()) * loose
        same = (
            same
            and math.isfinite(size)  # broken weights are named where one is trained alone
            and answers.ndim == 3
            and last_step(again) not in ("SoftmaxBackward0", "SigmoidBackward0")
            and not drawn
            and stacked.shape == answers.shape
            and torch.allclose(again, answers[0], rtol=loose, atol=size)
            and torch.allclose(stacked, answers, rtol=loose, atol=size)
        )
    return same and len(widths) == 1 and signature(first) == own


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
        replaced = "step" in vars(optimizer) or "zero_grad" in vars(optimizer)
        if type(optimizer) not in _BY_ENTRY or hooked or replaced:
            return False
    try:
        same: bool = _groups(stacked, weights) == _groups(alone, parameters)
    except RuntimeError:  # numbers of a group that are tensors
        return False
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
    everywhere = any(
        hooks
        for name, hooks in vars(torch.nn.modules.module).items()
        if name.startswith("_global_") and name.endswith("_hooks")
    )
    return everywhere or any(
        hooks
        for module in model.modules()
        for name, hooks in vars(module).items()
        if name.endswith("_hooks") and not name.startswith(("_state_dict", "_load_state"))
    )


def parts_of(
    models: Sequence[nn.Module],
    objectives: Sequence[Objective],
    joined: JoinedSplits,
    options: Options,
    watched: JoinedSplits | None = None,
) -> list[tuple[int, int]]:
    """Cut a list of students into stacks.

    Args:
        models: S models of one architecture.
        objectives: S objectives.
        joined: their images.
        options: of the training.
        watched: what is measured after each epoch.

    Returns:
        From where to where each stack goes; whoever is alone is trained alone.
    """
    whole = len(models)
    each = [(i, i + 1) for i in range(whole)]
    fitting = all(
        isinstance(o, LogitObjective) and not isinstance(o, nn.Module) for o in objectives
    )
    if joined.streamed or (watched is not None and watched.streamed):
        return each  # each reads in an order of its own
    # float16 leaves out a step where gradients are infinite: each student its own steps
    half = options.precision is torch.float16
    if half or whole == 1 or not fitting or not all(can_stack(m) for m in models):
        return each
    few = min(4, options.batch_size)
    images = joined.splits[0].images[:few].to(device_of(models[0]))
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
    try:
        optimizers = [
            options.optimizer_for(list(some.values()), stacked_names(models[0], some))
            for some in (stacked, own)
        ]
    except Exception:
        return False  # named where the students are trained alone
    if any(map(is_hooked, (*stacked.values(), *own.values()))):
        return False
    weights = list(stacked.values())
    if not by_entry(optimizers[0], weights, optimizers[1], list(own.values())):
        return False
    if not is_ours(options.optimizer):
        for model in models:  # a factory may know the weights themselves
            mine = options.optimizer_for(list(model.parameters()), trained_weights(model))
            if not by_entry(optimizers[0], weights, mine, list(model.parameters())):
                return False
    # ReduceLROnPlateau looks at the measure of one student and sets the rate of all
    return not options.rate_follows_measure(optimizers[1])
