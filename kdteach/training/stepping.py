"""The step of an optimiser: what it may ask for, and which gradients it is given."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import torch
from torch import Tensor, nn

_SPARSE = (nn.Embedding, nn.EmbeddingBag)


def require_no_closure(optimizer: torch.optim.Optimizer) -> None:
    """Raise where an optimiser wants to compute the loss itself, such as LBFGS.

    Args:
        optimizer: that was made for a training.

    Raises:
        TypeError: its ``step`` cannot be called without a function.
    """
    try:
        # that of the class: a scheduler puts another into the object, around it
        _, *asked = inspect.signature(type(optimizer).step).parameters.values()
    except (TypeError, ValueError):  # nobody knows
        return
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if any(p.default is p.empty and p.kind not in several for p in asked):
        raise _closure_error(optimizer)


def _closure_error(optimizer: torch.optim.Optimizer) -> TypeError:
    return TypeError(
        f"optimizer: {type(optimizer).__name__} computes the loss several times in a step, "
        "on one batch (a closure); this loop computes it once. Take a first-order method "
        "such as kdteach.training.adam"
    )


def require_sparse_weights(optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    """Raise where an optimiser for sparse gradients is given a layer that has none.

    Args:
        optimizer: that was made for a training.
        model: whose weights it holds.

    Raises:
        ValueError: ``SparseAdam`` for other layers than ``Embedding(..., sparse=True)``.
    """
    if not isinstance(optimizer, torch.optim.SparseAdam):
        return
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    for name, weight in _dense_weights(model):
        if id(weight) in held:
            raise ValueError(
                "optimizer: SparseAdam takes the gradients of sparse embeddings alone, and "
                f"that of {name} is dense. Take kdteach.training.adam, which trains sparse "
                "and other layers, or freeze all but the embeddings"
            )


def _dense_weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Weights of torch's own layers that have no sparse gradients; others may."""
    for place, layer in model.named_modules():
        own = type(layer).__module__.startswith("torch.nn.")
        if own and not (isinstance(layer, _SPARSE) and layer.sparse):
            for name, weight in layer.named_parameters(recurse=False):
                yield f"{place}.{name}" if place else name, weight


def spread_out(optimizer: torch.optim.Optimizer) -> None:
    """Make sparse gradients dense, for the optimisers that take no others.

    A step is then that of the same layer without ``sparse=True``: also the rows that no
    sample has asked for go on by what Adam or momentum remembers of them.

    Args:
        optimizer: whose weights have their gradients.
    """
    if isinstance(optimizer, torch.optim.SparseAdam):
        return
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if weight.grad is not None and weight.grad.is_sparse:
                weight.grad = weight.grad.to_dense()


def take_step(optimizer: torch.optim.Optimizer) -> None:
    """Let an optimiser change the weights, and put its refusals into plain words.

    Args:
        optimizer: whose weights have their gradients.

    Raises:
        TypeError: it wants a closure after all.
        ValueError: it takes no gradients of this kind.
    """
    try:
        optimizer.step()
    except (RuntimeError, AssertionError, TypeError) as error:
        said = str(error)
        if "closure" in said:
            raise _closure_error(optimizer) from error
        if "sparse" in said or "dense" in said:
            raise ValueError(
                f"optimizer: {type(optimizer).__name__} cannot train these layers "
                f"({said}). kdteach.training.adam trains embeddings and all other layers"
            ) from error
        raise
