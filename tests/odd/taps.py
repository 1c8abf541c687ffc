"""Taps and normalisation: what the layers put out, by hand."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.odd import networks, values
from tests.odd.material import head, split
from tests.odd.sweep import Room, found, nothing, require_equal

ROOM = Room("models")
COUNT = 6


def _tapped(**arguments: Any) -> dict[str, Tensor]:
    """Opened, and the network called."""
    with found("kdteach.models.tap")(**arguments) as features:
        arguments["model"](split(COUNT).images)
    made = {name: feature.detach().clone() for name, feature in features.items()}
    hooks = [m for m in arguments["model"].modules() if m._forward_hooks]
    assert not hooks, f"hooks are left on {hooks}"
    return made


def _by_hand(value: dict[str, Tensor], arguments: dict[str, Any]) -> None:
    images = split(COUNT).images.flatten(1)
    wanted = {"0": images, "1": head()(split(COUNT).images).detach()}
    require_equal(value, {name: wanted[name] for name in arguments["layers"]})


tap = ROOM.function(
    "kdteach.models.tap", lambda: {"model": head(), "layers": ["0", "1"]}, call=_tapped,
    also={"layers": ("layer", "layers"), "model": ("model", "network")},
)  # fmt: skip
tap.right("as it is", nothing, _by_hand)
tap.right("one layer", lambda: {"layers": ["1"]}, _by_hand)
tap.right("a tuple", lambda: {"layers": ("1",)}, _by_hand)
tap.right("a set", lambda: {"layers": {"1"}}, _by_hand)
tap.right("NumPy's words", lambda: {"layers": np.array(["1"])}, _by_hand)
tap.right("detached", lambda: {"detach": True}, _by_hand)
tap.circumstances()
tap.vary("model", networks.no_network())
tap.vary("layers", values.refused(
    ("None", lambda: None), ("a word", lambda: "1"), ("3", lambda: 3),
    ("empty", list), ("another name", lambda: ["2"]), ("numbers", lambda: [1]),
    ("no name", lambda: [""]), ("a layer itself", lambda: [nn.Linear(2, 2)]),
    ("half a character", lambda: ["\ud800"]), ("a long name", lambda: ["x" * 100_000]),
    ("a NUL", lambda: ["1\0"]), ("a dict", lambda: {"1": "1"}), ("nested", lambda: [["1"]]),
    ("a tensor", lambda: torch.zeros(2)), ("a broken repr", lambda: [values.Unprintable()]),
    ("a broken equality", lambda: [values.Sizeless()]), ("bytes", lambda: [b"1"]),
))  # fmt: skip
tap.vary("detach", values.switch())
tap.refuse("a compiled network", lambda: {"model": torch.compile(head(), backend="eager")},
           names=("compiled",))  # fmt: skip
tap.refuse("a DataParallel", lambda: {"model": nn.DataParallel(head()),
           "layers": ["module.1"]}, names=("DataParallel",))  # fmt: skip

# normalisation

MEAN, STD = [0.5], [0.25]


def _answers(**arguments: Any) -> Tensor:
    made = found("kdteach.models.normalised")(**arguments)
    return made(split(COUNT).images).detach()


def _normalised(value: Tensor, arguments: dict[str, Any]) -> None:
    mean, std = (float(arguments[name][0]) for name in ("mean", "std"))
    require_equal(value, head()((split(COUNT).images - mean) / std).detach(), rtol=1e-9)


normalised = ROOM.function(
    "kdteach.models.normalised",
    lambda: {"model": head(), "mean": list(MEAN), "std": list(STD)}, call=_answers,
)  # fmt: skip
normalised.right("as it is", nothing, _normalised)
normalised.right("a tuple", lambda: {"mean": (0.1,)}, _normalised)
normalised.right("an array", lambda: {"std": np.array([0.5])}, _normalised)
normalised.right("float32", lambda: {"std": np.array([0.5], dtype=np.float32)}, _normalised)
normalised.right("a tensor", lambda: {"mean": torch.tensor([0.5])}, _normalised)
normalised.right("negative", lambda: {"mean": [-3]}, _normalised)
normalised.circumstances()
normalised.vary("model", networks.no_network())
for name in ("mean", "std"):
    normalised.vary(name, values.refused(
        ("None", lambda: None), ("a word", lambda: "imagenet"), ("a number", lambda: 0.5),
        ("empty", list), ("words", lambda: ["0.5"]), ("NaN", lambda: [float("nan")]),
        ("infinite", lambda: [float("inf")]), ("a bool", lambda: [True]),
        ("a dict", lambda: {"red": 0.5}), ("a set", lambda: {0.5}),
        ("complex", lambda: [1j]), ("nested", lambda: [[0.5]]),
        ("two", lambda: [0.5, 0.5]), ("a broken repr", lambda: [values.Unprintable()]),
    ))  # fmt: skip
normalised.refuse("std: zero", lambda: {"std": [0.0]})
normalised.refuse("std: negative", lambda: {"std": [-1.0]})
normalised.refuse("three channels", lambda: {"mean": [0.5] * 3, "std": [0.5] * 3},
                  names=("images",))  # fmt: skip

# a teacher that remembers


def _twice(**arguments: Any) -> Tensor:
    made = arguments.pop("made")(**arguments)
    with found("kdteach.models.evaluation_mode")(made), torch.no_grad():
        first, again = (made(split(COUNT).images) for _ in range(2))
    require_equal(first, again)
    return first


for name in ("remembering", "Remembering"):
    place = f"kdteach.models.{name}"
    given = "model" if name == "remembering" else "network"
    remembers = ROOM.function(
        place, lambda given=given: {given: head(), "most": 4},
        call=lambda place=place, **a: _twice(made=found(place), **a),
        also={given: ("model", "network")},
    )  # fmt: skip
    remembers.right("as it is", nothing, lambda value, a: require_equal(
        value, head()(split(COUNT).images).detach(), rtol=1e-9))  # fmt: skip
    remembers.circumstances()
    remembers.vary(given, networks.no_network())
    remembers.vary("most", values.count(4, least=1))
