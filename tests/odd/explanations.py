"""Explanations: against networks whose explanation is known, NumPy and SciPy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdteach.explain import Maps
from tests.odd import networks, values
from tests.odd.material import head, split
from tests.odd.networks import MODEL_NAMES
from tests.odd.sweep import Check, Room, found, nothing, require_equal

ROOM = Room("explain")
IMAGES = split(3).images
IMAGE_NAMES = ("images", "image", "model")
COLOURS = torch.from_numpy(np.random.default_rng(4).random((2, 3, 8, 8)))


def _images(like: Tensor, *, one: bool = False) -> list[values.Odd]:
    """Odd values where pixels in [0, 1] are expected."""
    good = [o for o in values.no_tensor(like) if o.label != "a network"]
    good += [o for o in values.layouts(like) if one is False or o.label != "transposed"]
    fine = values.Same(lambda: like.clone())
    coarse = (like * 255).round().to(torch.uint8)
    good += [
        values.Odd("float32", lambda: like.float(), fine),
        values.Odd("float16", lambda: like.half(),
        values.Same(lambda: like.half().double())),
        values.Odd("bytes", lambda: coarse.clone(),
        values.Same(lambda: coarse.double() / 255)),
        values.Odd("an array", lambda: like.numpy().copy(),
        values.Maybe(lambda: like.clone())),
    ]  # fmt: skip
    return good + values.refused(
        ("empty", lambda: like[:0]), ("()", lambda: like.flatten()[0]),
        ("flat", lambda: like.flatten(1)), ("without channels", lambda: like[:, 0]),
        ("of another size", lambda: like[..., :4]), ("in per cent", lambda: like * 100),
        ("bytes as floats", lambda: coarse.double()), ("normalised", lambda: like * 2 - 1),
        ("NaN", lambda: like * math.nan), ("one NaN", lambda: _one_nan(like)),
        ("infinite", lambda: like / 0), ("integers", lambda: coarse.long()),
        ("bool", lambda: like > 0.5), ("complex", lambda: like.to(torch.complex128)),
        ("float8", lambda: like.float().to(torch.float8_e4m3fn)),
        ("a split", lambda: split(3)),
        ("quantised", lambda: values._quantised(like)),
        ("a batch of batches", lambda: like[None]),
    )  # fmt: skip


def _one_nan(like: Tensor) -> Tensor:
    spoiled = like.clone()
    spoiled[-1, 0, 0, 0] = math.nan
    return spoiled


def _targets(count: int) -> list[values.Odd]:
    """Odd values where a class, or one for each image, is expected."""
    each = [(3 * i) % 10 for i in range(count)]
    same, maybe = values.Same(lambda: torch.tensor(each)), values.Maybe(
        lambda: torch.tensor(each))  # fmt: skip
    return [
        values.Odd("a list", lambda: list(each), same),
        values.Odd("a tuple", lambda: tuple(each), same),
        values.Odd("an array", lambda: np.array(each), same),
        values.Odd("int32", lambda: torch.tensor(each).int(), same),
        values.Odd("uint8", lambda: np.array(each, dtype=np.uint8), same),
        values.Odd("numpy.int64", lambda: np.int64(4), values.Same(lambda: 4)),
        values.Odd("numpy.uint8", lambda: np.uint8(4), values.Same(lambda: 4)),
        values.Odd("a tensor ()", lambda: torch.tensor(4), values.Same(lambda: 4)),
        values.Odd("an array ()", lambda: np.array(4), values.Same(lambda: 4)),
        values.Odd("a range", lambda: range(0, 3 * count, 3), maybe),
        values.Odd("a generator", lambda: (t for t in each), maybe),
        *values.refused(
            ("-1", lambda: -1), ("10", lambda: 10), ("10**400", lambda: 10**400),
            ("4.0", lambda: 4.0),
            ("True", lambda: True), ("numpy.True_", lambda: np.True_),
            ("a word", lambda: "4"), ("NaN", lambda: math.nan),
            ("too few", lambda: each[:-1]), ("a column",
            lambda: torch.tensor(each)[:, None]),
            ("floats", lambda: torch.tensor(each).double()),
            ("bool", lambda: [True] * count),
            ("one is 10", lambda: [*each[:-1], 10]),
            ("one is -1", lambda: torch.tensor([*each[:-1], -1])),
            ("words", lambda: [str(t) for t in each]),
            ("None inside", lambda: [None] * count), ("empty", list),
            ("complex", lambda: 4j), ("a dict", lambda: {0: 4}), ("a set", lambda: {4}),
            ("one-hot", lambda: F.one_hot(torch.tensor(each), 10)),
            ("ragged", lambda: [[1], [2, 3]]),
            ("a meta tensor", lambda: torch.tensor(each).to("meta")),
            ("a sparse tensor", lambda: torch.tensor(each).to_sparse()),
            ("2**70", lambda: [2**70] * count),
            ("a broken repr", values.Unprintable), ("a broken length", values.Sizeless),
        ),
    ]  # fmt: skip


def _networks() -> list[values.Odd]:
    out = ("asks for no gradient", "returns a detached answer", "without weights")
    return [o for o in networks.asked() if o.label not in out and o.label not in (
        "of float16", "of another dtype")]  # fmt: skip


# by gradients

saliency = ROOM.function(
    "kdteach.explain.saliency", lambda: {"model": head(), "images": IMAGES.clone()},
    also={"images": IMAGE_NAMES, "model": (*MODEL_NAMES, "logits", "gradient")},
)  # fmt: skip


def _of_linear(method: str, signed: bool) -> Check:
    """The gradient of a linear network is its row of weights."""

    def check(value: Maps, arguments: dict[str, Any]) -> None:
        images = arguments["images"]
        rows = head()[1].weight.detach()[value.target].reshape(-1, 8, 8)
        by_input = method in ("gradient x input", "integrated gradients")
        wanted = rows * images[:, 0] if by_input else rows
        torch.testing.assert_close(value.values, wanted if signed else wanted.abs())
        assert torch.equal(value.target, head()(images).argmax(dim=1))

    return check


for method in ("gradient", "gradient x input", "integrated gradients", "smoothgrad"):
    for signed in (False, True):
        saliency.right(
            f"{method}, signed = {signed}",
            lambda m=method, s=signed: {"method": m, "signed": s, "samples": 3},
            _of_linear(method, signed),
        )  # fmt: skip
saliency.vary("model", _networks())
for label, make in {"asks for no gradient": lambda: networks._without_gradient(head()),
                    "is detached": lambda: networks.Wrapped(lambda z: z.detach(),
                    head())}.items():  # fmt: skip
    saliency.refuse(f"model {label}", lambda m=make: {"model": m()})
saliency.right("in float16", lambda: {"model": head(kind=torch.float16)},
               lambda value, _: torch.testing.assert_close(
                   value.values.double(), head(kind=torch.float16)[1].weight.detach(
                   ).double()[
                       value.target].abs().reshape(-1, 8, 8), rtol=1e-3, atol=1e-3
                   ))  # fmt: skip
saliency.vary("images", _images(IMAGES))
saliency.vary("target", _targets(3))
saliency.vary("method", values.choice("gradient"))
saliency.vary("signed", values.switch())
saliency.vary("samples", values.count(3, heavy=()))
saliency.vary("seed", values.seed())
saliency.circumstances()
for method in ("integrated gradients", "smoothgrad"):
    saliency.refuse(f"{method} in 10**12 steps",
                    lambda m=method: {"method": m, "samples": 10**12}, names=("samples",
                ))  # fmt: skip
    for odd in (np.int64(3), np.uint8(3)):
        saliency.same(f"{method}, samples of {type(odd).__name__}",
                      lambda m=method, o=odd: {"method": m, "samples": o},
                      lambda m=method: {"method": m, "samples": 3})  # fmt: skip
for kind in (torch.float32, torch.float64):
    saliency.right(
        f"smoothgrad under {kind}", lambda: {"method": "smoothgrad", "samples": 3},
        _of_linear("smoothgrad", False),
        call=lambda kind=kind, **a: _under(kind, found("kdteach.explain.saliency"), a),
    )  # fmt: skip


def _under(kind: torch.dtype, act: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    before = torch.get_default_dtype()
    torch.set_default_dtype(kind)
    try:
        return act(**arguments)
    finally:
        torch.set_default_dtype(before)


# by the feature maps of a layer


def _seeing() -> nn.Module:
    """A convolution that passes the image on, doubled, and a linear network."""
    first = nn.Conv2d(1, 1, 1, bias=False).double()
    nn.init.constant_(first.weight, 2.0)
    return nn.Sequential(first, head())


def _mean_slope(value: Maps, arguments: dict[str, Any]) -> None:
    """The map is the image, weighted by the mean of the class's row of weights."""
    rows = head()[1].weight.detach()[value.target].mean(dim=1)
    wanted = 2 * rows[:, None, None] * arguments["images"][:, 0]
    torch.testing.assert_close(
        value.values, wanted if arguments.get("signed") else wanted.clamp_min(0)
    )


cam = ROOM.function(
    "kdteach.explain.grad_cam",
    lambda: {"model": _seeing(), "images": IMAGES.clone(), "signed": True},
    also={"images": IMAGE_NAMES, "model": (*MODEL_NAMES, "logits", "gradient", "layer")},
)  # fmt: skip
cam.right("signed", nothing, _mean_slope)
cam.right("by name", lambda: {"layer": "0"}, _mean_slope)
cam.right("as coarse as it is", lambda: {"enlarge": False}, _mean_slope)
cam.vary("images", [o for o in _images(IMAGES) if o.label != "of another size"])
cam.vary("target", _targets(3))
cam.vary("signed", values.switch(on=True))
cam.vary("enlarge", values.switch())
cam.vary("layer", values.refused(
    ("a number", lambda: 0), ("a module", lambda: nn.ReLU()), ("empty", lambda: ""),
    ("no such layer", lambda: "7"), ("a list", lambda: ["0"]), ("True", lambda: True),
    ("behind the flattening", lambda: "1.0"),
))  # fmt: skip
for label, make in {"asks for no gradient": lambda: networks._without_gradient(_seeing()),
                    "without a convolution": lambda: head()}.items():  # fmt: skip
    cam.refuse(f"model {label}", lambda m=make: {"model": m()})
cam.circumstances()

# by masks

MASKS = torch.from_numpy(np.random.default_rng(5).random((6, 8, 8)))


def _rise(**arguments: Any) -> Maps:
    return found("kdteach.explain.rise")(**{"progress": False, **arguments})


rise = ROOM.function(
    "kdteach.explain.rise", lambda: {"model": head(), "images": IMAGES.clone(), "masks": 6,
    "cells": 3},
    call=_rise, also={"images": IMAGE_NAMES, "model": (*MODEL_NAMES, "logits")},
)  # fmt: skip


def _mean_of_masks(value: Maps, arguments: dict[str, Any]) -> None:
    """Eq. 6, mask by mask."""
    masks, images = arguments["masks"].double(), arguments["images"]
    keep = arguments.get("keep") or float(masks.mean())
    for number, image in enumerate(images):
        other = image.mean() if arguments.get("substrate") == "mean" else 0.0
        said = torch.stack([head()((image * m + other * (1 - m))[None]).softmax(1)[0,
            value.target[number]] for m in masks])  # fmt: skip
        if arguments.get("centred"):
            said = said - said.mean()
        wanted = (said[:, None, None] * masks).mean(dim=0) / keep
        torch.testing.assert_close(value.values[number], wanted.detach())


for label, change in {
    "masks given": {}, "keep": {"keep": 0.25}, "bool": {"masks": MASKS > 0.5},
    "float32": {"masks": MASKS.float().double()},
    "batches of one": {"batch_size": 1}, "a huge batch": {"batch_size": 10**9},
    "one mask": {"masks": MASKS[:1]},
}.items():  # fmt: skip
    rise.right(label, lambda c=change: {"masks": MASKS.clone(), **c}, _mean_of_masks)
rise.right("mean", lambda: {"masks": MASKS.clone(), "substrate": "mean"}, _mean_of_masks)
rise.right("centred", lambda: {"masks": MASKS.clone(), "centred": True}, _mean_of_masks)
rise.vary("model", [o for o in _networks() if o.label != "with BatchNorm and dropout"])
rise.vary("images", _images(IMAGES))
rise.vary("target", _targets(3))
rise.vary("masks", values.count(6, heavy=(10**9, 10**12, 10**20)))
rise.vary("masks", [
    values.Odd("an array", lambda: MASKS.numpy().copy(),
    values.Maybe(lambda: MASKS.clone())),
    values.Odd("bool array", lambda: (MASKS > 0.5).numpy(),
    values.Maybe(lambda: (MASKS > 0.5).double())),
    *[o for o in values.layouts(MASKS)],
    *values.refused(
        ("of another size", lambda: MASKS[:, :4]), ("none", lambda: MASKS[:0]),
        ("one alone", lambda: MASKS[0]),
        ("NaN", lambda: MASKS * math.nan), ("above 1", lambda: MASKS * 2),
        ("negative", lambda: -MASKS),
        ("all black", lambda: MASKS * 0), ("bytes", lambda: (MASKS * 255).to(torch.uint8)),
        ("complex", lambda: MASKS * 1j),
        ("a sparse tensor", lambda: MASKS.to_sparse()), ("a list", lambda: MASKS.tolist()),
        ("masks on the meta device", lambda: MASKS.to("meta")),
        ("a word", lambda: "many"),
    ),
])  # fmt: skip
rise.vary("cells", values.count(3, heavy=(10**9, 10**20)))
rise.vary("keep", values.number(0.5, lambda x: 0 < x < 1, none=True))
rise.vary("centred", values.switch())
rise.vary("substrate", values.choice("zero"))
rise.vary("batch_size", values.count(4))
rise.vary("seed", values.seed())
rise.vary("progress", values.switch(on=False, none=True))
rise.vary("precision", [o for o in values.dtype(none=True) if o.stands_for is None])
rise.circumstances()

masks = ROOM.function(
    "kdteach.explain.rise_masks", lambda: {"count": 4, "height": 9, "width": 7, "cells": 3}
)


def _by_definition(value: Tensor, arguments: dict[str, Any]) -> None:
    """Between 0 and 1, and so much is seen on average."""
    shape = tuple(int(arguments[name]) for name in ("count", "height", "width"))
    assert tuple(value.shape) == shape
    assert value.dtype == torch.float32
    assert 0 <= float(value.min()) <= float(value.max()) <= 1
    if shape[0] > 500:
        assert abs(float(value.mean()) - arguments.get("keep", 0.5)) < 0.03


for label, change in {
    "as it is": {}, "one pixel": {"height": 1, "width": 1}, "one cell": {"cells": 1},
    "more cells than pixels": {"cells": 20},
    "2,000": {"count": 2000}, "keep 0.1": {"count": 2000, "keep": 0.1},
    "keep 0.9": {"count": 2000, "keep": 0.9},
}.items():  # fmt: skip
    masks.right(label, lambda c=change: c, _by_definition)
for name, typical in (("count", 4), ("height", 9), ("width", 7), ("cells", 3)):
    masks.vary(name, values.count(typical, heavy=(10**12, 10**20)),
        names=(name, "masks", "cells", "pixels"))  # fmt: skip
masks.vary("keep", values.number(0.5, lambda x: 0 < x < 1))
masks.vary("seed", values.seed())
masks.circumstances()

# by parts

blocks = ROOM.function("kdteach.explain.blocks",
    lambda: {"height": 8, "width": 6, "cells": 3})  # fmt: skip
blocks.right("as it is", nothing, lambda value, a: require_equal(value, np.array(
    [[(r * 3 // 8) * 3 + c * 3 // 6 for c in range(6)] for r in range(8)])))  # fmt: skip
blocks.right("each its own", lambda: {"height": 2, "width": 2, "cells": 2},
             lambda value, _: require_equal(value, np.array([[0, 1], [2, 3]])))  # fmt: skip
blocks.vary("height", values.count(8, heavy=(10**12, 10**20)))
blocks.vary("width", values.count(6, heavy=(10**12, 10**20)))
blocks.vary("cells", values.count(3, most=6))
blocks.circumstances()


def _lime(**arguments: Any) -> Maps:
    return found("kdteach.explain.lime")(**{"progress": False, **arguments})


lime = ROOM.function(
    "kdteach.explain.lime",
    lambda: {"model": head(), "image": IMAGES[0].clone(), "segments": 2, "samples": 12,
    "hide": 0.0},
    call=_lime, also={"image": (*IMAGE_NAMES, "quickshift"),
    "model": (*MODEL_NAMES, "logits")},
)  # fmt: skip


def _quarters(value: Maps, arguments: dict[str, Any]) -> None:
    """One weight a block: what a ridge on all patterns gives, by its normal equations.

    Checked is what does not depend on the draw: the block that the network does not see
    has no weight, and the one that it sees decides.
    """
    map_ = value.values[0]
    parts = [map_[i : i + 4, j : j + 4] for i in (0, 4) for j in (0, 4)]
    for part in parts:
        assert float(part.max() - part.min()) < 1e-12
    weights = [float(part[0, 0]) for part in parts]
    assert abs(weights[3]) > 20 * max(map(abs, weights[:3])), weights


class _Corner(nn.Module):
    """Looks at the last quarter alone."""

    def forward(self, images: Tensor) -> Tensor:
        seen = images[:, :, 4:, 4:].mean(dim=(1, 2, 3))
        return torch.stack([4 * seen, -4 * seen], dim=1)


lime.right("a network that sees a quarter", lambda: {"model": _Corner(), "samples": 200,
    "image": torch.full(
    (1, 8, 8), 0.5, dtype=torch.float64)}, _quarters)  # fmt: skip
lime.right("with the batch", lambda: {"image": IMAGES[:1].clone()},
           lambda value, _: require_equal(value.values, _lime(**lime.good()).values
       ))  # fmt: skip
lime.vary("model", [o for o in _networks() if o.label != "with BatchNorm and dropout"])
lime.vary("image", [o for o in _images(IMAGES[0][None]) if o.label not
    in ("without channels", "a batch of batches")])  # fmt: skip
for label, image in {"two images": IMAGES[:2],
    "two channels": torch.rand(2, 8, 8).double(), "a plane": IMAGES[0, 0],
                     "uniform, four parts": None}.items():  # fmt: skip
    if image is not None:
        lime.refuse(f"image: {label}", lambda i=image: {"image": i})
lime.vary("target", [o for o in _targets(1) if o.label not in ("a generator", "a range")])
lime.vary("segments", [o for o in values.count(2, most=8, none=True) if o.label not in (
    "least - 1", "an array of two", "a tensor of two")])  # fmt: skip
PARTS = np.arange(64).reshape(8, 8) // 16
same = values.Same(lambda: PARTS.copy())
lime.vary("segments", [
    values.Odd("a tensor", lambda: torch.from_numpy(PARTS.copy()), same),
    values.Odd("nested lists", lambda: PARTS.tolist(), same),
    values.Odd("uint8", lambda: PARTS.astype(np.uint8), same),
    values.Odd("numbers with gaps", lambda: PARTS * 7 + 3, same),
    *values.refused(
        ("of another size", lambda: PARTS[:4]), ("floats", lambda: PARTS.astype(float)),
        ("negative", lambda: PARTS - 1),
        ("one part", lambda: PARTS * 0), ("a word", lambda: "slic"), ("empty", list),
        ("three dimensions", lambda: PARTS[None]),
        ("ragged", lambda: [[1], [2, 3]]), ("a mask", lambda: PARTS > 1),
        ("words", lambda: [["a"] * 8] * 8), ("a dict", dict),
        ("a broken length", values.Sizeless), ("parts on the meta device",
        lambda: torch.from_numpy(PARTS).to("meta")),
    ),
])  # fmt: skip
lime.vary("samples", values.count(12, least=2, heavy=(10**12, 10**20)))
lime.vary("hide", values.number(0.5, lambda x: 0 <= x <= 1, none=True))
lime.vary("batch_size", values.count(4))
lime.vary("seed", values.seed())
lime.vary("progress", values.switch(on=False, none=True))
lime.circumstances()
lime.right("quickshift of colours", lambda: {"image": COLOURS[0].clone(),
    "model": _Corner(), "segments": "quickshift"},
           lambda value, _: require_equal(tuple(value.values.shape), (1, 8, 8
       )))  # fmt: skip

# curves

for name, giving in (("deletion", False), ("insertion", True)):
    curve = ROOM.function(
        f"kdteach.explain.{name}",
        lambda: {"model": head(), "images": IMAGES.clone(),
        "maps": Maps(IMAGES[:, 0].clone(), torch.tensor([3, 0, 5])),
                 "steps": 4, "substrate": "zero"},
        also={"images": IMAGE_NAMES, "model": (*MODEL_NAMES, "logits")},
    )  # fmt: skip

    def _pixel_by_pixel(value: Any, arguments: dict[str, Any],
        giving: bool = giving) -> None:  # fmt: skip
        images, maps, steps = (arguments[k] for k in ("images", "maps", "steps"))
        for number in range(len(images)):
            order = np.argsort(-maps.values[number].numpy().ravel(), kind="stable")
            for column in range(steps + 1):
                chosen = order[: round(column * 64 / steps)]
                seen = np.zeros(64, dtype=bool)
                seen[chosen] = True
                shown = images[number].flatten() * torch.from_numpy(seen if giving
                    else ~seen)  # fmt: skip
                said = head()(shown.reshape(1, 1, 8, 8)).softmax(1)[0, maps.target[number]]
                assert abs(float(value.probability[number, column]) - float(said)) < 1e-9
        wanted = np.trapezoid(value.probability.numpy(), dx=1 / steps, axis=1)
        np.testing.assert_allclose(value.area.numpy(), wanted)

    curve.right("as it is", nothing, _pixel_by_pixel)
    curve.right("each pixel", lambda: {"steps": 64}, _pixel_by_pixel)
    curve.right("one step", lambda: {"steps": 1}, _pixel_by_pixel)
    curve.right("a huge batch", lambda: {"batch_size": 10**9}, _pixel_by_pixel)
    curve.vary("steps", values.count(4, most=64, none=True))
    curve.vary("substrate", values.choice("zero"))
    curve.vary("batch_size", values.count(2))
    curve.vary("images", _images(IMAGES))
    curve.vary("model", _networks())
    curve.vary("maps", values.refused(
        ("None", lambda: None), ("bare values", lambda: IMAGES[:, 0].clone()),
        ("an array", lambda: IMAGES[:, 0].numpy()),
        ("of fewer images", lambda: Maps(IMAGES[:2, 0], torch.tensor([3, 0]))),
        ("a word", lambda: "gradient"),
        ("of another size", lambda: Maps(IMAGES[:, 0, :4], torch.tensor([3, 0, 5]))),
        ("the class", lambda: Maps),
        ("NaN", lambda: Maps(IMAGES[:, 0] * math.nan, torch.tensor([3, 0, 5]))),
        ("a broken repr", values.Unprintable),
        ("infinite", lambda: Maps(IMAGES[:, 0] / 0, torch.tensor([3, 0, 5]))),
        ("of class 10", lambda: Maps(IMAGES[:, 0], torch.tensor([3, 0, 10]))),
        ("a list of maps", lambda: [Maps(IMAGES[:, 0], torch.tensor([3, 0, 5]))]),
    ), names=("maps", "target", "values"))  # fmt: skip
    curve.circumstances()
curves = ROOM.function("kdteach.explain.Curves", lambda: {"probability": torch.rand(2, 3)})
for label, rows in {"None": None, "flat": torch.rand(3), "one point": torch.rand(2, 1),
    "a list": [[0.5, 0.5]],
                    "integers": torch.ones(2, 3).long(),
                    "a meta tensor": torch.rand(2, 3).to("meta")}.items():  # fmt: skip
    curves.refuse(label, lambda r=rows: {"probability": r})
