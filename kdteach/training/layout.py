"""Weights as they lie in memory, and whether somebody hangs on them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def is_dense(weight: Tensor) -> bool:
    """Say whether a tensor fills a stretch of memory, each number once, in any order.

    The fused optimisers go through the memory from the first number on, without looking at
    strides: in a slice of a larger tensor they would change its neighbours.

    Args:
        weight: any tensor.
    """
    if weight.layout is not torch.strided or weight.is_nested:
        return False
    if weight.is_contiguous():
        return True
    filled = 1
    for step, count in _steps(weight):
        if step != filled:
            return False
        filled *= count
    return True


def is_plain(weight: Tensor) -> bool:
    """Say whether a weight is nothing but numbers to be trained.

    Args:
        weight: of a model.
    """
    return (
        type(weight) is nn.Parameter
        and weight.requires_grad
        and not weight.is_inference()
        and is_dense(weight)
        and not is_hooked(weight)
    )


def is_hooked(weight: Tensor) -> bool:
    """Say whether something is called when the weight gets its gradient.

    Args:
        weight: any leaf.
    """
    later = getattr(weight, "_post_accumulate_grad_hooks", None)
    return bool(weight._backward_hooks) or bool(later)


def can_fuse(weights: Iterable[Tensor]) -> bool:
    """Say whether a fused optimiser may be given these weights.

    Args:
        weights: all that it is to train.
    """
    return all(is_dense(w) and w.is_floating_point() for w in weights)


def overlaps_itself(weight: Tensor) -> bool:
    """Say whether several entries are one number in memory, as after ``expand``.

    Args:
        weight: any tensor.
    """
    if weight.layout is not torch.strided or is_dense(weight):
        return False
    reach = 0
    for step, count in _steps(weight):
        if step <= reach:
            return len(_places(weight)) < weight.numel()
        reach += step * (count - 1)
    return False


def share_memory(one: Tensor, other: Tensor) -> bool:
    """Say whether two tensors have a number in common.

    Args:
        one: any tensor.
        other: any tensor.
    """
    if one is other:
        return True
    for tensor in (one, other):
        if tensor.layout is not torch.strided or tensor.is_meta or tensor.numel() == 0:
            return False  # nothing in memory, or nothing that could be a part of another
    spans = [(t.data_ptr(), t.data_ptr() + _span(t)) for t in (one, other)]
    if one.device != other.device or max(spans)[0] >= min(spans, key=_end)[1]:
        return False
    if one.dtype != other.dtype or (is_dense(one) and is_dense(other)):
        return True
    shift = (spans[1][0] - spans[0][0]) // one.element_size()
    both = torch.cat([_places(one), _places(other) + shift])
    return len(both.unique()) < len(both)


def _end(span: tuple[int, int]) -> int:
    return span[1]


def _steps(weight: Tensor) -> list[tuple[int, int]]:
    return sorted(
        (step, count)
        for step, count in zip(weight.stride(), weight.shape, strict=True)
        if count != 1
    )


def _span(weight: Tensor) -> int:
    """Bytes from the first number to the end of the last one."""
    last = sum(step * (count - 1) for step, count in _steps(weight))
    return (last + 1) * weight.element_size()


def _places(weight: Tensor) -> Tensor:
    """The places in memory of all numbers, each once, counted from the first."""
    numbers = torch.arange(_span(weight) // weight.element_size(), device="cpu")
    places = numbers.as_strided(weight.shape, weight.stride()).flatten()
    found: Tensor = torch.unique(places)
    return found
