"""Which numbers a network keeps in memory: each once, those of quantised layers too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import gcd
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.memory import require_memory

_HIDING = ("_packed_params", "_packed_weight", "param")
"""Under which names the quantised layers of torch keep packed weights."""


def packed_weights(model: nn.Module) -> list[Tensor]:
    """Weights and biases of quantised layers, which are no parameters of the model.

    Args:
        model: any module, also a scripted one.

    Returns:
        Copies, of int8 or whatever they are kept in; none for a model without such layers.
    """
    return list(_packed_in(model, None, {}))


def _packed_in(
    part: nn.Module, kind: torch.dtype | None, seen: dict[int, object]
) -> Iterator[Tensor]:
    """Those of a part and of its children, in the precision that the layer says it has."""
    kind = getattr(part, "dtype", kind)
    for name in _HIDING:
        hidden = getattr(part, name, None)
        if not isinstance(hidden, torch.ScriptObject) or id(hidden) in seen:
            continue
        seen[id(hidden)] = hidden  # kept, or another might get its number
        for tensor in _unpacked(hidden):
            # weights of half precision are unpacked to single precision
            yield tensor.half() if kind == torch.float16 and tensor.ndim > 1 else tensor
    for child in part.children():
        if id(child) not in seen:
            seen[id(child)] = child
            yield from _packed_in(child, kind, seen)


def _unpacked(thing: Any) -> Iterator[Tensor]:
    if isinstance(thing, Tensor):
        yield thing
    elif isinstance(thing, (tuple, list)):
        for item in thing:
            yield from _unpacked(item)
    elif isinstance(thing, torch.ScriptObject):
        for way in ("unpack", "__getstate__"):
            if hasattr(thing, way):
                yield from _unpacked(getattr(thing, way)())
                return


def is_quantised(part: nn.Module) -> bool:
    """Say whether a single layer keeps packed weights, its children aside."""
    return any(
        isinstance(getattr(part, name, None), torch.ScriptObject) for name in _HIDING
    )


def held(tensors: Iterable[Tensor]) -> Iterator[tuple[int, int]]:
    """Numbers and bytes in each piece of memory that some tensors show.

    Memory that several of them show counts once, wholly or in part, and so does a number
    that ``expand`` repeats.

    Args:
        tensors: dense ones, or such as are made of others.

    Yields:
        The count of numbers, and their bytes with the scales of quantised ones.
    """
    by_storage: dict[int, list[Tensor]] = {}
    for tensor in tensors:
        if hasattr(tensor, "__tensor_flatten__"):  # one made of others, such as quantised
            parts = [getattr(tensor, name) for name in tensor.__tensor_flatten__()[0]]
            yield tensor.numel(), sum(size for _, size in held(parts))
            continue
        by_storage.setdefault(tensor.untyped_storage()._cdata, []).append(tensor)
    for group in by_storage.values():
        yield from _apart(group)


def _apart(group: list[Tensor]) -> Iterator[tuple[int, int]]:
    """Numbers and bytes of tensors on one storage: those that overlap, together."""
    spans = sorted(
        ((*_span(tensor), tensor) for tensor in group if tensor.numel()),
        key=lambda each: each[:2],
    )
    together: list[Tensor] = []
    reached = 0
    for start, stop, tensor in spans:
        if together and start >= reached:
            yield _joined(together)
            together = []
        together.append(tensor)
        reached = max(reached, stop)
    if together:
        yield _joined(together)


def _span(tensor: Tensor) -> tuple[int, int]:
    """First byte of a tensor in its storage, and the one behind its last."""
    width, start = tensor.element_size(), tensor.storage_offset()
    reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    return int(start * width), int((start + reach + 1) * width)


def _joined(group: list[Tensor]) -> tuple[int, int]:
    """Numbers and bytes of tensors whose memory overlaps, or of a single one."""
    width = max(tensor.element_size() for tensor in group)
    scales = _scales(group[0]) if group[0].is_quantized else 0
    spans = {_span(tensor) for tensor in group}
    low = min(spans)[0]
    if len(group) == 1 and _has_no_repeats(group[0]):
        count = int(group[0].numel())
        return count, count * width + scales
    if len(spans) == 1 and all(map(_is_solid, group)):
        size = group[0].numel() * group[0].element_size()
        return size // width, size + scales
    high = max(stop for _, stop in spans)
    unit = gcd(*(tensor.element_size() for tensor in group), *(a - low for a, _ in spans))
    require_memory("a mark for each number of shared weights", (high - low) // unit,
                   "count the layers one by one")  # fmt: skip
    marks = torch.zeros((high - low) // unit, dtype=torch.bool, device="cpu")
    for tensor in group:
        each = tensor.element_size() // unit
        marks.as_strided(
            (*tensor.shape, each), (*(each * s for s in tensor.stride()), 1),
            (_span(tensor)[0] - low) // unit,
        ).fill_(True)  # fmt: skip
    size = int(marks.sum()) * unit
    return size // width, size + scales


def _is_solid(tensor: Tensor) -> bool:
    """Whether every number between the first and the last of a tensor is one of its own."""
    first, last = _span(tensor)
    return (
        _has_no_repeats(tensor) and last - first == tensor.numel() * tensor.element_size()
    )


def _has_no_repeats(tensor: Tensor) -> bool:
    """Whether no two entries of a tensor surely stand on the same number."""
    reach = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size == 1:
            continue
        if stride < reach:
            return False
        reach = stride * (size - 1) + reach
    return True


def _scales(tensor: Tensor) -> int:
    """Bytes of the scale and zero point of a quantised tensor, or of each channel."""
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return 16  # a double and an int64
    parts = (tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points())
    return sum(part.numel() * part.element_size() for part in parts)
