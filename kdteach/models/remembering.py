"""A teacher that remembers: no view of an image is computed twice."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kdteach.checks import check_count, check_model, check_tensor
from kdteach.fingerprints import fingerprints
from kdteach.models.modes import logits_in

_MOST = 2**23


class Remembering(nn.Module):
    """A network that keeps its logits for each image; see ``remembering``.

    Attributes:
        network: (B, ...) -> (B, C) logits; shared, not copied.
        most: images whose logits are kept.
        asked: images that it was asked about so far.
        computed: how many of them the network had to compute.
    """

    def __init__(self, network: nn.Module, most: int = _MOST) -> None:
        super().__init__()
        self.network = check_model("model", network)
        self.most = check_count("most", most)
        self.training = network.training
        self.asked = self.computed = 0
        self._memory = _Memory()

    def forward(self, images: Tensor) -> Any:
        """Look the logits of (B, ...) images up, and compute those that are new.

        In train mode, where gradients are wanted, and while hooks watch its layers, the
        network is asked about all of them, and nothing is remembered.
        """
        check_tensor("images", images)
        if self.training or torch.is_grad_enabled() or _watched(self.network):
            return self.network(images)
        return self._memory.answer(self, images)

    def forget(self) -> None:
        """Give the memory back; a changed network forgets by itself."""
        self._memory = _Memory()

    def __getstate__(self) -> dict[str, Any]:
        # a copy, or one in another process, begins with an empty memory
        kept = {name: own for name, own in vars(self).items() if name != "_memory"}
        return {**kept, "asked": 0, "computed": 0}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._memory = _Memory()

    def extra_repr(self) -> str:
        """What ``print`` shows beside the network."""
        return f"{self.asked:,} images asked, {self.computed:,} computed"


def remembering(model: nn.Module, most: int = _MOST) -> Remembering:
    """Make a live teacher compute each augmented view of an image once.

    With augmentation a teacher's logits cannot be stored beforehand: each epoch shows other
    views. But views come back. A crop with 4 pixels of padding and a mirror image have 162
    views an image; and students that are trained with one seed, such as those of a search
    over temperatures and weights, see the very same views. The teacher that this returns
    knows an image by its pixels, whatever made it, so one can serve all of them::

        teacher = kd.models.remembering(vgg16)
        for T in (3, 5, 7, 10):
            kd.fit(student(T), data, kd.distil(teacher, T, 0.5), augment=crop, ...)

    Args:
        model: (B, ...) -> (B, C) logits, or an object with ``.logits``; in eval mode each
            answer must depend on its image alone, as networks' answers do.
        most: images whose logits are kept, at least 1; what comes beyond is computed each
            time. An image takes 4 C + 16 bytes, so 8 million with ten classes 470 MB.

    Returns:
        A network of the same images and logits, up to the rounding of sums: a batch of
        another size may round otherwise. It remembers in eval mode without gradients, as
        objectives ask a live teacher, and forgets when weights change or autocast does.
        Weights that are changed through ``.data`` tell nobody: call ``forget()``.

    Raises:
        TypeError: model is no network, or most no integer.
        ValueError: most below 1.
    """
    return Remembering(model, most)


class _Memory:
    """Logits by the fingerprints of images, of a network in one state."""

    def __init__(self) -> None:
        self.state: object = None
        self.places = _Places()
        self.table: Tensor | None = None
        self.used = 0
        self.lock = threading.RLock()

    def answer(self, owner: Remembering, images: Tensor) -> Tensor:
        """(B, C) logits, on the device of the images."""
        keys = fingerprints(images, every=True).numpy() ^ hash(images.shape[1:])
        with self.lock:
            state = _state(owner.network, images)
            if state != self.state:
                self.state, self.places, self.table, self.used = state, _Places(), None, 0
            rows = self.places.find(keys)
            new = np.flatnonzero(rows < 0)
            owner.asked += len(keys)
            owner.computed += len(new)
            if not len(new):
                assert self.table is not None
                return self.table[torch.from_numpy(rows)].to(images.device)
            at = torch.from_numpy(new).to(images.device)
            part = images if len(new) == len(keys) else images[at]
            logits = logits_in(owner.network(part), "the network")
            self._keep(keys[new], logits, owner.most)
            if len(new) == len(keys):
                return logits
            assert self.table is not None
            known = torch.from_numpy(np.flatnonzero(rows >= 0))
            whole = logits.new_empty((len(keys), *logits.shape[1:]))
            whole[at] = logits
            whole[known.to(whole.device)] = self.table[
                torch.from_numpy(rows[rows >= 0])
            ].to(whole.device)
            return whole

    def _keep(self, keys: NDArray[np.int64], logits: Tensor, most: int) -> None:
        _, first = np.unique(keys, return_index=True)  # a batch may hold an image twice
        first = np.sort(first)[: most - self.used]
        if not len(first):
            return
        kept = logits.detach()[torch.from_numpy(first).to(logits.device)].cpu()
        end = self.used + len(first)
        if self.table is None or end > len(self.table):
            room = kept.new_empty((min(2 * end, most), *kept.shape[1:]))
            if self.table is not None:
                room[: self.used] = self.table[: self.used]
            self.table = room
        self.table[self.used : end] = kept
        self.places.add(keys[first], np.arange(self.used, end))
        self.used = end


class _Places:
    """From keys to rows, in sorted blocks each of which is larger than the one after.

    A dictionary would take a hundred bytes a key, these blocks sixteen.
    """

    def __init__(self) -> None:
        self.blocks: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def find(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each key, -1 where it is not known."""
        rows = np.full(len(keys), -1, dtype=np.int64)
        for known, places in self.blocks:
            at = np.searchsorted(known, keys).clip(max=len(known) - 1)
            hit = known[at] == keys
            rows[hit] = places[at[hit]]
        return rows

    def add(self, keys: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Note where some new keys are."""
        self.blocks.append((keys, rows))
        size = len(keys)
        joined = []
        while self.blocks and len(self.blocks[-1][0]) <= size:
            joined.append(self.blocks.pop())
            size = sum(len(block[0]) for block in joined)
        keys, rows = (np.concatenate(parts) for parts in zip(*joined, strict=True))
        order = np.argsort(keys, kind="stable")
        self.blocks.append((keys[order], rows[order]))


def _watched(network: nn.Module) -> bool:
    """Whether somebody wants to see what happens inside, such as ``kd.tap``."""
    return any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())


def _state(network: nn.Module, images: Tensor) -> object:
    """What an answer depends on besides the pixels; changes when a weight does."""
    held = [*network.parameters(), *network.buffers()]
    kind = images.device.type
    autocast = torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind)
    return (
        [(id(t), 0 if t.is_inference() else t._version) for t in held],
        autocast, images.dtype, images.device,
    )  # fmt: skip
