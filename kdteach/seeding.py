"""Randomness as an argument: one seed, separate streams, no global state left behind."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kdteach.checks import check_seed
from kdteach.drawing import Floor

_GLOBAL = Floor()
"""Held while torch's global generators are in use: threads do not mix their draws."""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_GLOBAL.after_fork)


def stream_seed(seed: int, stream: str) -> int:
    """Derive the seed of one use of randomness ("init", "order", "augment", "dropout").

    Streams of one seed are unrelated, so a change in the order of the samples leaves the
    initial weights alone.

    Args:
        seed: an integer of at least 0.
        stream: the name of the use.

    Returns:
        An integer in [0, 2**63).

    Raises:
        TypeError: seed is not an integer.
        ValueError: seed is negative.
    """
    seed = check_seed(seed)
    digest = hashlib.blake2b(f"{stream}:{seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, stream: str) -> torch.Generator:
    """Make a CPU generator for one stream of a seed."""
    return torch.Generator().manual_seed(stream_seed(seed, stream))


@contextmanager
def seeded(seed: int, stream: str) -> Iterator[None]:
    """Seed torch's global generators inside the block and put them back afterwards.

    For code that takes no generator: weight initialisation and dropout. Other threads wait
    until it ends (``kdteach.drawing``).
    """
    number = stream_seed(seed, stream)
    with _GLOBAL as floor:
        outside = _state()
        torch.manual_seed(number)
        try:
            yield
        finally:
            floor.regain()
            _put_back(outside)


class RoundedOnce(TorchDispatchMode):
    """Inside the block ``uniform_`` gives the same float32 numbers on every processor.

    Torch scales a draw u from [0, 1) to u (high - low) + low. Where a processor has a fused
    multiply-add, the result is rounded once; where it has none, twice, and half of the
    numbers differ in their last bit. Training lets such differences grow until they show.
    Here the product is taken in float64, where it is exact, so that every processor rounds
    as the fused one does. Dense and convolutional layers draw their first weights by
    ``uniform_``.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch imports its compiler here, which takes seconds

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is torch.ops.aten.uniform_.default and args[0].dtype == torch.float32:
            return _uniform(*args, **kwargs)
        return function(*args, **kwargs)


def _uniform(
    tensor: torch.Tensor, low: float = 0.0, high: float = 1.0, **options: Any
) -> torch.Tensor:
    if not low <= high or not tensor.is_contiguous():
        return tensor.uniform_(low, high, **options)  # or torch says what is wrong
    ends = torch.tensor([low, high], dtype=torch.float32, device="cpu")
    width = (ends[1] - ends[0]).item()  # torch takes the difference in float32, too
    tensor.uniform_(**options)
    for part in tensor.view(-1).split(1 << 15):  # which stay in the cache
        part.copy_(part.double().mul_(width).add_(ends[0].item()))
    return tensor


@contextmanager
def single_precision() -> Iterator[None]:
    """Inside the block new tensors are float32, whatever the caller's default is.

    The same seed draws other numbers in another precision: what is drawn under a seed, such
    as initial weights, is drawn here and converted afterwards.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def tensors_on(device: torch.device | str) -> Iterator[None]:
    """Inside the block new tensors lie on a device, whatever the caller's default is.

    For code of others that does not say where: it means the device of the model or of the
    data that it is given. Our own code says it.

    Args:
        device: where they shall lie.
    """
    place, usual = torch.device(device), _usual_device()
    if (
        usual is not None
        and place.type == usual.type
        and place.index in (None, usual.index)
    ):
        yield
        return
    with place:
        yield


def _usual_device() -> torch.device | None:
    """Where new tensors lie without a word, None where they cannot be made at all."""
    try:
        return torch.get_default_device()
    except (RuntimeError, AssertionError):  # it says so by making one
        return None


class Turns:
    """A stream of randomness for code that draws from torch's global generators.

    A training step that contains dropout draws from them. Between the steps they belong to
    the caller again, so that a callback that draws numbers changes nothing in the training,
    and two trainings in two threads draw each from a stream of its own.
    """

    def __init__(self, seed: int, stream: str) -> None:
        self._state: _State | None = None
        self._seed = stream_seed(seed, stream)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Inside the block the stream goes on; afterwards the caller's state is back."""
        with _GLOBAL as floor:
            outside = _state()
            if self._state is None:
                torch.manual_seed(self._seed)
            else:
                _put_back(self._state)
            try:
                yield
            finally:
                floor.regain()
                self._state = _state()
                _put_back(outside)

    def state(self) -> dict[str, object]:
        """Where the stream stands, to be stored: tensors alone."""
        if self._state is None:
            return {}
        return {"cpu": self._state[0], "cuda": list(self._state[1])}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on where a stored stream stood.

        Args:
            state: what ``state`` gave.
        """
        self._state = (state["cpu"], list(state["cuda"])) if state else None


_State = tuple[torch.Tensor, list[torch.Tensor]]


def _state() -> _State:
    on_gpu = torch.cuda.is_initialized()
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if on_gpu else []


def _put_back(state: _State) -> None:
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])


@contextmanager
def usual_tensors() -> Iterator[None]:
    """Inside the block new tensors are float32, on the CPU, and fit to be trained with.

    Whatever the caller's defaults are, and also where the caller is in inference mode,
    whose tensors no gradient passes.
    """
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        stack.enter_context(tensors_on("cpu"))
        if torch.get_default_dtype() != torch.float32:
            stack.enter_context(single_precision())
        yield


@contextmanager
def first_weights(seed: int, stream: str) -> Iterator[None]:
    """Inside the block new layers draw what a seed means, on every processor the same.

    Only for the drawing of weights: whatever runs inside takes the way through Python for
    every operation.
    """
    with seeded(seed, stream), usual_tensors(), RoundedOnce():
        yield
