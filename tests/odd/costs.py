"""Cost: counts by hand."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.odd import networks, values
from tests.odd.material import head, seeded
from tests.odd.networks import Wrapped
from tests.odd.sweep import Room, equals, found, nothing

ROOM = Room("metrics, cost")


def _tied() -> nn.Module:
    """One weight in two places."""
    one = nn.Linear(4, 4, bias=False)
    return nn.Sequential(one, nn.ReLU(), one)


def _net() -> nn.Module:
    return seeded(lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Flatten(),
        nn.Linear(72, 5)))  # fmt: skip


parameters = ROOM.function("kdteach.cost.count_parameters", lambda: {"model": _net()})
parameters.right("as it is", nothing, equals(2 * 9 + 2 + 4 + 72 * 5 + 5))
parameters.right("tied", lambda: {"model": _tied()}, equals(16))
parameters.right("none", lambda: {"model": nn.ReLU()}, equals(0))
parameters.right("frozen", lambda: {"model": _net().requires_grad_(False),
    "trainable": True},
                 equals(0))  # fmt: skip
parameters.right("on the meta device", lambda: {"model": _net().to("meta")}, equals(389))
parameters.vary("model", networks.no_network())
parameters.vary("trainable", values.switch())
parameters.circumstances()

size = ROOM.function("kdteach.cost.size_bytes", lambda: {"model": _net()})
BYTES = 4 * (389 + 4) + 8  # weights, running mean and variance, and a counter of batches
size.right("as it is", nothing, equals(BYTES))
size.right("float16", lambda: {"model": head(kind=torch.float16)}, equals(2 * 650))
size.right("float64", lambda: {"model": head()}, equals(8 * 650))
size.right("tied", lambda: {"model": _tied()}, equals(64))
size.right("none", lambda: {"model": nn.ReLU()}, equals(0))


class SharesABuffer(nn.Module):
    """One buffer under two names."""

    def __init__(self) -> None:
        super().__init__()
        numbers = torch.zeros(10)
        self.register_buffer("a", numbers)
        self.register_buffer("b", numbers)


size.right("a buffer twice", lambda: {"model": SharesABuffer()}, equals(40))
size.vary("model", networks.no_network())
size.circumstances()


class Attends(nn.Module):
    """Rows of the image attend to each other: 8 tokens of 8 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        rows = images[:, 0]
        return self.attention(rows, rows, rows, need_weights=False)[0].flatten(1)


class Recurs(nn.Module):
    """Row by row."""

    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.cell = kind(8, 6, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        return self.cell(images[:, 0])[0].flatten(1)


class Encoder(nn.Module):
    """A whole layer of a transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images[:, 0]).flatten(1)


ATTENTION = 2 * 8 * 8 * 24 + 2 * (2 * 8 * 8 * 4) * 2 + 2 * 8 * 8 * 8
FORWARD = 2 * 8 * 8 * 16 * 2
flops = ROOM.function(
    "kdteach.cost.count_flops", lambda: {"model": _net(), "input_shape": (1, 8, 8)}
)
flops.right("as it is", nothing, equals(2 * 36 * 2 * 9 + 2 * 72 * 5))
for label, make, wanted in (
    ("a linear network", head, 2 * 64 * 10),
    ("in float16", lambda: head(kind=torch.float16), 2 * 64 * 10),
    ("in eval mode", lambda: _net().eval(), 2 * 36 * 2 * 9 + 2 * 72 * 5),
    ("frozen", lambda: head().requires_grad_(False), 2 * 64 * 10),
    ("without products", nn.Flatten, 0),
    ("attention", Attends, ATTENTION),
    ("attention in eval mode", lambda: Attends().eval(), ATTENTION),
    ("an encoder", Encoder, ATTENTION + FORWARD),
    ("an encoder in eval mode", lambda: Encoder().eval(), ATTENTION + FORWARD),
    ("an LSTM", lambda: Recurs(nn.LSTM), 8 * 2 * (8 + 6) * 4 * 6),
    ("a GRU", lambda: Recurs(nn.GRU), 8 * 2 * (8 + 6) * 3 * 6),
    ("an RNN", lambda: Recurs(nn.RNN), 8 * 2 * (8 + 6) * 6),
    ("asks for no gradient", lambda: networks._without_gradient(head()), 2 * 64 * 10),
):
    flops.right(label, lambda m=make: {"model": seeded(m)}, equals(wanted),
        names=("model",))  # fmt: skip
for label, change in {"returns a tuple": lambda z: (z, z),
    "returns None": lambda z: None}.items():  # fmt: skip
    flops.either(label, lambda c=change: {"model": Wrapped(c, head())}, equals(1280),
                 names=("model",))  # fmt: skip
flops.vary("model", networks.no_network())
SHAPES = [
    values.Odd("a list", lambda: [1, 8, 8], values.Same(lambda: (1, 8, 8))),
    values.Odd("a Size", lambda: torch.Size([1, 8, 8]), values.Same(lambda: (1, 8, 8))),
    values.Odd("NumPy's", lambda: np.array([1, 8, 8]), values.Same(lambda: (1, 8, 8))),
    values.Odd("NumPy's integers", lambda: (np.int64(1), np.int32(8), np.uint8(8)),
               values.Same(lambda: (1, 8, 8))),
    values.Odd("a generator", lambda: (n for n in (1, 8, 8)),
    values.Maybe(lambda: (1, 8, 8))),
    *values.refused(
        ("None", lambda: None), ("8", lambda: 8), ("a word", lambda: "188"),
        ("with the batch", lambda: (1, 1, 8, 8, 8)), ("a zero", lambda: (1, 0, 8)),
        ("negative", lambda: (1, -8, -8)), ("floats", lambda: (1.0, 8.0, 8.0)),
        ("halves", lambda: (1, 8.5, 8)), ("bool", lambda: (True, 8, 8)), ("()", lambda: ()),
        ("NaN", lambda: (1, math.nan, 8)), ("10**400", lambda: (1, 10**400, 8)),
        ("words", lambda: ("1", "8", "8")), ("nested", lambda: ((1, 8), 8)),
        ("another size", lambda: (1, 9, 9)), ("other channels", lambda: (3, 8, 8)),
        ("the images", lambda: torch.zeros(1, 1, 8, 8)), ("a dict", lambda: {1: 8}),
        ("a set", lambda: {1, 8}), ("a broken length", values.Sizeless),
    ),
]  # fmt: skip
shape_names = ("input_shape", "images", "shape")
flops.vary("input_shape", SHAPES, names=shape_names)
for side in (10**5, 10**9):
    flops.refuse(f"{side} pixels a side", lambda s=side: {"input_shape": (1, s, s)},
                 names=shape_names, alone=True)  # fmt: skip
flops.refuse("a negative number of channels", lambda: {"input_shape": (-1, 8, 8)},
             names=shape_names)  # fmt: skip
flops.circumstances(dtype=False)

latency = ROOM.function(
    "kdteach.cost.measure_latency",
    lambda: {"model": head(), "input_shape": (1, 8, 8), "repeats": 3, "warmup": 0},
)


def _times(value: Any, arguments: dict[str, Any]) -> None:
    assert 0 < value.low_ms <= value.median_ms <= value.high_ms < 1e4
    assert value.repeats == arguments["repeats"]
    assert value.batch_size == arguments.get("batch_size", 1)
    for number in (value.repeats, value.batch_size, value.threads):
        assert type(number) is int, type(number)
    assert value.threads == torch.get_num_threads()


def _timed(odds: list[values.Odd], argument: str) -> None:
    """A time is compared with no other: it must only be one."""
    for odd in odds:
        right = None if odd.stands_for is None else _times
        must = isinstance(odd.stands_for, values.Same)
        names = shape_names if argument == "input_shape" else (argument,)
        latency.add(f"{argument}: {odd.label}", lambda o=odd: {argument: o.make()},
            right=right,
                    must=must, names=names)  # fmt: skip


latency.right("as it is", nothing, _times)
_timed(networks.no_network(), "model")
_timed(SHAPES, "input_shape")
_timed(values.count(4), "batch_size")
_timed(values.count(3, least=3), "repeats")
_timed(values.count(1, least=0), "warmup")
latency.refuse("a batch of 10**12", lambda: {"batch_size": 10**12}, alone=True,
               names=("batch_size", "images"))  # fmt: skip
for label, change in {"returns a tuple": lambda z: (z, z),
    "returns .logits": lambda z: networks.Output(logits=z)}.items():  # fmt: skip
    latency.either(label, lambda c=change: {"model": Wrapped(c, head())}, _times,
        names=("model",))  # fmt: skip
latency.right("begins in place", lambda: {"model": networks.Begins(networks._sub, head())},
    _times)  # fmt: skip

peak = ROOM.function("kdteach.cost.matmul_peak", lambda: {"size": 4, "repeats": 1})


def _speed(value: Any, _: Any) -> None:
    assert type(value) is float, type(value)
    assert 0 < value < 1e16, value


for argument, odds in (("size", values.count(4)), ("repeats", values.count(1))):
    for odd in odds:
        peak.add(f"{argument}: {odd.label}", lambda o=odd, n=argument: {n: o.make()},
                 right=None if odd.stands_for is None else _speed,
                 must=isinstance(odd.stands_for, values.Same), names=(argument,
             ))  # fmt: skip
for odd in values.dtype():
    peak.add(f"dtype: {odd.label}", lambda o=odd: {"dtype": o.make()},
             right=None if odd.stands_for is None else _speed, names=("dtype",
         ))  # fmt: skip
for kind in (torch.float64, torch.bfloat16, torch.float16):
    peak.right(str(kind)[6:], lambda k=kind: {"dtype": k}, _speed)
peak.refuse("a million rows", lambda: {"size": 10**6}, alone=True, names=("size",))
peak.refuse("10**20 rows", lambda: {"size": 10**20}, names=("size",))

# eight bits a weight

IMAGES = torch.linspace(-1, 1, 64, dtype=torch.float32).reshape(1, 1, 8, 8)


def _answers(**arguments: Any) -> list[list[float]]:
    """What the network in eight bits says, which is easier to compare than the network."""
    made = found("kdteach.quantisation.quantised")(**arguments)
    assert not made.training
    logits: list[list[float]] = made(IMAGES).tolist()
    return logits


small = ROOM.function("kdteach.quantisation.quantised", lambda: {"model": _net()},
    call=_answers)  # fmt: skip


def _rounded(value: Any, _: Any) -> None:
    """Its answers are the whole network's up to rounding."""
    whole = _net().eval()(IMAGES)
    off = (torch.tensor(value, dtype=torch.float32) - whole).abs().max()
    assert float(off) < 0.05 * float(whole.abs().max()) + 0.02


small.right("as it is", nothing, _rounded)
small.vary("model", networks.no_network())
small.refuse("no dense layer", lambda: {"model": nn.Conv2d(1, 2, 3)}, names=("model",))
small.refuse("double precision", lambda: {"model": head()}, names=("model", "float32"))
small.refuse("half precision", lambda: {"model": head(kind=torch.float16)},
    names=("model", "float32"))  # fmt: skip
small.refuse("on the meta device", lambda: {"model": _net().to("meta")}, names=("model",))
small.circumstances()

file = ROOM.function("kdteach.quantisation.file_bytes", lambda: {"model": _net()})


def _weights_and_names(value: Any, _: Any) -> None:
    assert type(value) is int
    assert BYTES < value < BYTES + 6000, value


file.right("as it is", nothing, _weights_and_names)
file.vary("model", networks.no_network())
file.circumstances()
