"""Data: splits, sources, changes of the images; against NumPy and by construction."""

import gzip
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

from kdteach.types import ImageSet, Split
from tests.odd import values
from tests.odd.material import digits, folder, image_set, noise, split, tiles
from tests.odd.measures import splits
from tests.odd.sweep import Function, Room, found, nothing, require_equal

ROOM = Room("data")

# what a split is

IMAGES = split(5).images
made = ROOM.function(
    "kdteach.types.Split",
    lambda: {"images": IMAGES.clone(), "labels": torch.arange(5), "index": torch.arange(5)},
)
for name in ("images", "labels", "index", "votes", "masks"):
    like = IMAGES if name == "images" else torch.arange(5)
    none = "None" if name in ("index", "votes", "masks") else ""
    made.vary(name, [o for o in values.no_tensor(like) if o.label != none])
    made.refuse(f"{name}: too few", lambda n=name, x=like: {n: x[:4]})
    made.refuse(f"{name}: ()", lambda n=name: {n: torch.tensor(3)})
    made.same(f"{name}: an array", lambda n=name, x=like: {n: x.numpy()},
              lambda n=name, x=like: {n: x})  # fmt: skip
    made.refuse(f"{name}: a list", lambda n=name, x=like: {n: x.tolist()})
for label, index in {
    "negative": [-1, 0, 1, 2, 3], "floats": [0.0, 1, 2, 3, 4], "bool": [True] * 5,
    "a column": [[0], [1], [2], [3], [4]], "complex": [1j] * 5,
}.items():  # fmt: skip
    made.refuse(f"index: {label}", lambda i=index: {"index": torch.tensor(i)})
made.refuse("index: int32", lambda: {"index": torch.arange(5).int()})
made.vary("num_classes", [o for o in values.count(10, none=True) if o.stands_for is None])


def _fields(value: Split, arguments: dict[str, Any]) -> None:
    for name, wanted in arguments.items():
        require_equal(getattr(value, name), wanted)
    assert len(value) == len(arguments["labels"])


made.right("as it is", nothing, _fields)
made.right("empty", lambda: {"images": IMAGES[:0], "labels": torch.arange(0),
                             "index": torch.arange(0)}, _fields)  # fmt: skip
made.right("bytes", lambda: {"images": (IMAGES * 255).to(torch.uint8)}, _fields)
made.same("no index", lambda: {"index": None}, nothing)
for label, array in {
    "not to be written": np.broadcast_to(np.float64(1), (5, 1, 8, 8)),
    "backwards": IMAGES.numpy()[:, :, ::-1], "of another byte order":
    IMAGES.numpy().astype(">f8"),
}.items():  # fmt: skip
    made.same(f"images: an array {label}", lambda a=array: {"images": a},
              lambda a=array: {"images": torch.tensor(a.astype("=f8").copy())})  # fmt: skip
for label, array in {
    "words": np.array(["a"] * 5), "objects": np.array([None] * 5),
    "complex numbers": np.ones((5, 1, 8, 8)) * 1j,
    "masked numbers": np.ma.masked_less(IMAGES.numpy(), 0.5),
    "long floats": np.ones((5, 1, 8, 8), dtype=np.longdouble),
    "dates": np.array(["2020-01-01"] * 5, dtype="M8[D]"),
}.items():  # fmt: skip
    made.refuse(f"images: an array of {label}", lambda a=array: {"images": a})
made.circumstances()

selected = ROOM.function(
    "kdteach.types.Split", lambda: {"rows": torch.tensor([3, 1])}, title="Split.select",
    call=lambda rows: tiles().select(rows),
)  # fmt: skip


def _chosen(value: Split, arguments: dict[str, Any]) -> None:
    whole, rows = tiles(), np.asarray(arguments["rows"])
    for name in ("images", "labels", "index", "votes", "masks"):
        require_equal(getattr(value, name).numpy(), getattr(whole, name).numpy()[rows])
    assert value.num_classes == whole.num_classes


for label, rows in {
    "positions": torch.tensor([3, 1]), "a mask": torch.tensor([True, False, True, False]),
    "all": torch.arange(4), "twice": torch.tensor([1, 1]),
}.items():  # fmt: skip
    selected.right(label, lambda r=rows: {"rows": r}, _chosen)
selected.right("nothing", lambda: {"rows": torch.zeros(4, dtype=torch.bool)}, _chosen)
for label, rows in {"a list": [3, 1], "an array": np.array([3, 1]),
    "a range": range(2)}.items():  # fmt: skip
    selected.either(label, lambda r=rows: {"rows": r}, _chosen)
for label, rows in {
    "out of range": torch.tensor([4]), "negative": torch.tensor([-1]),
    "a short mask": torch.tensor([True, False]), "a long mask": torch.ones(5).bool(),
    "floats": torch.tensor([1.0]), "None": None, "a word": "all", "a number": 2,
    "Ellipsis": ..., "two-dimensional": torch.tensor([[0, 1], [2, 3]]), "True": True,
    "a slice of words": slice("a", "b"), "a meta tensor": torch.tensor([1]).to("meta"),
    "()": torch.tensor(2), "complex": torch.tensor([1j]), "a dict": {0: 1},
}.items():  # fmt: skip
    selected.refuse(label, lambda r=rows: {"rows": r},
        names=("rows", "row", "mask", "positions"))  # fmt: skip

moved = ROOM.function(
    "kdteach.types.Split", lambda: {"dtype": torch.float32}, title="Split.to",
    call=lambda **a: split(4).to(**a).images,
)  # fmt: skip
moved.right("float32", nothing, lambda value, _: require_equal(value,
    split(4).images.float()))  # fmt: skip
moved.right("float16", lambda: {"dtype": torch.float16},
            lambda value, _: require_equal(value, split(4).images.half()))  # fmt: skip
moved.vary("dtype", [o for o in values.dtype(none=True) if o.label != "torch.int8"
                     and "bool" not in o.label and "complex" not in o.label
                     and "float8" not in o.label])  # fmt: skip
for device in ("nowhere", "cuda:99", 3.5, [], "meta"):
    moved.refuse(f"device = {device!r}", lambda d=device: {"device": d},
        errors=(RuntimeError,))  # fmt: skip

seen = ROOM.function(
    "kdteach.types.Split", lambda: {"images": torch.zeros(4, 3)}, title="Split.seen_as",
    call=lambda images: split(4).seen_as(images),
)  # fmt: skip
seen.right("as it is", nothing, lambda value, _: require_equal(value.images,
    torch.zeros(4, 3)))  # fmt: skip
seen.vary("images", [*values.no_tensor(torch.zeros(4, 3)),
                     *values.refused(("too few", lambda: torch.zeros(3, 3)))])  # fmt: skip

whole = ROOM.function(
    "kdteach.types.ImageSet",
    lambda: {"name": "mine", "train": split(4), "valid": split(3), "test": split(2),
             "classes": tuple("0123456789"), "checksum": "0" * 16},
)  # fmt: skip
whole.right("as it is", nothing, lambda value, _: require_equal(
    (value.num_classes, value.image_shape, value.train.num_classes), (10, (1, 8, 8), 10
)))  # fmt: skip
for name in ("train", "valid", "test"):
    whole.vary(name, [o for o in splits(4) if not o.label.startswith(("images of", "empty",
                      "images without", "images as"))], names=(name, "split"))  # fmt: skip
for label, classes in {"None": None, "a number": 10, "empty": (), "bytes": b"0123",
                       "numbers": (1, 2), "None inside": ("a", None)}.items():  # fmt: skip
    whole.refuse(f"classes: {label}", lambda c=classes: {"classes": c})

# sources

load = ROOM.function("kdteach.data.load", lambda: {"name": "digits", "root": None})


def _digits(value: ImageSet, arguments: dict[str, Any]) -> None:
    """The images of scikit-learn, each once, in [0, 1]."""
    from sklearn.datasets import load_digits

    wanted = load_digits()
    rows = sorted(
        (tuple((image * 16).round().int().flatten().tolist()), int(label))
        for part in (value.train, value.valid, value.test)
        for image, label in zip(part.images, part.labels, strict=True)
    )
    peers = sorted(
        (tuple(image.astype(int).flatten().tolist()), int(label))
        for image, label in zip(wanted.images, wanted.target, strict=True)
    )
    assert rows == peers
    assert value.train.images.max() == 1
    assert value.train.images.min() == 0
    kind = arguments.get("dtype", torch.float32)
    assert value.train.images.dtype == kind, value.train.images.dtype


load.right("as it is", nothing, _digits)
load.either("draw of 20 digits", lambda: {"draw": 10**20}, _digits)
load.right("by writer", lambda: {"by_writer": True}, _digits)
load.right("float64", lambda: {"dtype": torch.float64}, _digits)
load.vary("name", values.choice("digits"), names=("name", "data set"))
load.vary("draw", [o for o in values.count(3, least=0)
                   if o.stands_for is None or o.label == "numpy.int64"])  # fmt: skip
load.vary("by_writer", values.switch())
load.vary("dtype", values.dtype())
load.circumstances()
load.refuse("both", lambda: {"draw": 1, "by_writer": True}, names=("draw", "by_writer"))
for name in ("digits", "petri", "crypts", "tissues", "patches"):
    for root in ("/tmp", Path("/nowhere"), "", 3):
        load.refuse(f"{name}, root = {root!r}", lambda n=name,
            r=root: {"name": n, "root": r},
                    names=("root",))  # fmt: skip
for option in ("scale", "validation", "size", "nonsense", "download", "duplicates"):
    load.refuse(f"digits, {option}", lambda o=option: {o: 1}, names=(option,))
GROUPS = ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))


def _joined(value: ImageSet, arguments: dict[str, Any]) -> None:
    before = digits()
    groups = [[int(c) for c in group] for group in arguments["groups"]]
    for name in ("train", "valid", "test"):
        old, new = getattr(before, name).labels, getattr(value, name).labels
        wanted = [next(g for g, group in enumerate(groups) if c in group) for c
            in old.tolist()]  # fmt: skip
        assert new.tolist() == wanted
    assert value.classes == tuple("+".join(map(str, group)) for group in groups)
    assert value.train.num_classes == len(groups)


def _groupings(function: Function, check: Any) -> None:
    for label, groups in {
        "lists": [list(g) for g in GROUPS], "arrays": [np.array(g) for g in GROUPS],
        "ranges": [range(5), range(5, 10)], "an array": np.array(GROUPS),
        "NumPy's integers": [[np.int64(c) for c in g] for g in GROUPS],
        "tensors": [torch.tensor(g) for g in GROUPS],
    }.items():  # fmt: skip
        function.right(f"groups: {label}", lambda g=groups: {"groups": g}, check)
    for label, make in {
        "a generator": lambda: (g for g in GROUPS),
        "generators": lambda: [(c for c in g) for g in GROUPS],
        "sets": lambda: [set(g) for g in GROUPS],
        "a tensor": lambda: torch.tensor(GROUPS),
    }.items():

        def as_lists(value: Any, arguments: dict[str, Any]) -> None:
            check(value, {**arguments, "groups": GROUPS})

        function.either(f"groups: {label}", lambda m=make: {"groups": m()}, as_lists)
    for label, groups in {
        "one": [range(10)], "none": [], "a class is missing": [range(4), range(5, 10)],
        "a class twice": [range(6), range(5, 10)], "an empty one": [range(10), []],
        "out of range": [range(5), range(5, 11)],
        "negative": [[-1, *range(4)], range(4, 10)],
        "a number": 3, "a word": "01234", "words": ["01234", "56789"], "halves": [
            [0.5, 1, 2, 3, 4], range(5, 10)], "floats": [[0.0, 1, 2, 3, 4], range(5, 10)],
        "numbers": [0, 1], "None inside": [None, range(10)],
        "NaN": [[float("nan")], range(10)],
        "bool": [[False, True, 2, 3, 4], range(5, 10)],
        "a broken length": values.Sizeless(),
        "a class by name": [["0", "1", "2", "3", "4"], range(5, 10)],
        "10**400": [[10**400], range(10)], "a dict": {0: range(10)},
    }.items():  # fmt: skip
        function.refuse(f"groups: {label}", lambda g=groups: {"groups": g},
                        names=("groups", "group"))  # fmt: skip


load.right("groups", lambda: {"groups": GROUPS, "dtype": torch.float64}, _joined)
merge = ROOM.function(
    "kdteach.data.merge_classes", lambda: {"data": digits(), "groups": GROUPS}
)
merge.right("as it is", nothing, _joined)
_groupings(merge, _joined)
merge.refuse("groups: None", lambda: {"groups": None})
SETS = values.refused(
    ("None", lambda: None), ("a split", lambda: split(4)), ("a word", lambda: "digits"),
    ("a tuple", lambda: (split(4), split(4), split(4))), ("images", lambda: IMAGES),
    ("the class", lambda: ImageSet), ("a list", lambda: [image_set(4)]),
    ("a broken repr", values.Unprintable),
)  # fmt: skip
merge.vary("data", SETS)
merge.circumstances()

sample = ROOM.function("kdteach.data.small_sample", lambda: {"split": split(20), "size": 5})


def _drawn(value: Split, arguments: dict[str, Any]) -> None:
    before = arguments["split"]
    assert len(value) == arguments["size"]
    assert len(set(value.index.tolist())) == len(value)
    require_equal(value.images, before.images[value.index])
    require_equal(value.labels, before.labels[value.index])


for size in (1, 5, 20):
    sample.right(f"size = {size}", lambda s=size: {"size": s}, _drawn)
sample.vary("size", values.count(5, most=20))
sample.vary("seed", values.seed())
sample.vary("split", [o for o in splits(20) if not o.label.startswith("images")])
sample.circumstances()
for kind in range(3):

    def _apart(value: Any, arguments: dict[str, Any], kind: int = kind) -> None:
        other = found("kdteach.data.small_sample")(split(20), 5, seed=2**60 + kind)
        assert not torch.equal(value.index, other.index)

    sample.right(f"another seed, {kind}", lambda: {"seed": 7}, _apart)

# what is read in batches

stream = ROOM.function(
    "kdteach.data.Stream",
    lambda: {"dataset": TensorDataset(split(6).images, split(6).labels)},
    call=lambda **a: found("kdteach.data.Stream")(**a).to_split(),
)  # fmt: skip


def _read(value: Split, arguments: dict[str, Any]) -> None:
    require_equal((value.images, value.labels, value.index),
                  (split(6).images, split(6).labels, torch.arange(6)))  # fmt: skip


def _samples(change: Callable[[Tensor, int], Any]) -> list[Any]:
    """Six samples, the last of them another one."""
    good = [(image, int(label)) for image, label in zip(split(6).images, split(6).labels,
            strict=True)]  # fmt: skip
    return [*good[:5], change(*good[5])]


stream.right("as it is", nothing, _read)
for label, change in {
    "tuples": lambda x, y: (x, y), "lists": lambda x, y: [x, y],
    "with more": lambda x, y: (x, y, None, "more"),
    "arrays": lambda x, y: (x.numpy(), np.int16(y)), "tensors": lambda x,
    y: (x, torch.tensor(y)),
    "dictionaries": lambda x, y: {"image": x, "label": y, "more": None},
    "names of others": lambda x, y: {"pixel_values": x, "labels": y},
    "with gradients": lambda x, y: (x.clone().requires_grad_(), y),
}.items():  # fmt: skip
    stream.right(f"samples: {label}", lambda c=change: {"dataset": _samples(c)}, _read)
for label, change in {
    "images alone": lambda x, y: x, "None": lambda x, y: None,
    "a number": lambda x, y: 3, "a word": lambda x, y: "ab",
    "one of it": lambda x, y: (x,), "the other way": lambda x, y: (y, x),
    "NaN": lambda x, y: (x * math.nan, y), "label 1.0": lambda x, y: (x, 1.0),
    "label -1": lambda x, y: (x, -1), "label True": lambda x, y: (x, True),
    "label '1'": lambda x, y: (x, "1"), "labels": lambda x, y: (x, torch.tensor([y, y])),
    "label 10**30": lambda x, y: (x, 10**30), "label None": lambda x, y: (x, None),
    "one-hot": lambda x, y: (x, nn.functional.one_hot(torch.tensor(y), 10)),
    "another size": lambda x, y: (x[..., :3], y), "float32": lambda x, y: (x.float(), y),
    "no size": lambda x, y: (x[0, 0, 0], y), "complex": lambda x, y: (x * 1j, y),
    "words": lambda x, y: (np.array("ab"), y), "sparse": lambda x, y: (x.to_sparse(), y),
    "a meta tensor": lambda x, y: (x.to("meta"), y), "lists": lambda x, y: (x.tolist(), y),
    "a dictionary": lambda x, y: {"image": x}, "a broken repr": lambda x,
    y: (values.Unprintable(), y),
}.items():  # fmt: skip
    stream.refuse(f"a sample: {label}", lambda c=change: {"dataset": _samples(c)},
        names=("sample", "label", "labels", "image", "images"))  # fmt: skip
stream.vary("dataset", values.refused(
    ("None", lambda: None), ("3", lambda: 3), ("a word", lambda: "abc"),
    ("images", lambda: split(6).images), ("a generator", lambda: (x for x in [1])),
    ("a set", lambda: {1, 2}), ("empty", list), ("a network", lambda: nn.Linear(2, 2)),
    ("the class", lambda: TensorDataset), ("a broken repr", values.Unprintable),
    ("no length", lambda: Dataset()), ("a broken length", values.Sizeless),
))  # fmt: skip
stream.vary("workers", [o for o in values.count(1, least=0) if o.stands_for is None])
stream.vary("num_classes", [o for o in values.count(10, none=True)
                            if o.stands_for is None])  # fmt: skip
stream.vary("collate", values.function(none=True))
for label, give in {
    "None": None, "a number": 3, "images": split(6).images, "one": (split(6).images,),
    "fewer": (split(5).images, split(5).labels), "words": ("ab", "cd"),
    "floats": (split(6).images, split(6).labels.double()),
    "other labels": (split(6).images, split(5).labels),
}.items():  # fmt: skip
    stream.refuse(f"collate gives {label}", lambda g=give: {"collate": lambda _: g},
        names=("batch", "labels", "images"))  # fmt: skip
stream.circumstances()

# changes of the images

shifted = ROOM.function("kdteach.data.random_shift", lambda: {"pixels": 1})
shifted.vary("pixels", values.count(1, heavy=()))
shifted.circumstances()
PICTURES = torch.arange(2 * 1 * 4 * 4, dtype=torch.float64).reshape(2, 1, 4, 4) + 1


def _shifts(images: Tensor, reach: int) -> list[np.ndarray]:
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    side = images.shape[2], images.shape[3]
    return [
        padded[:, :, i : i + side[0], j : j + side[1]]
        for i in range(2 * reach + 1)
        for j in range(2 * reach + 1)
    ]


def _random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _changed(name: str, make: Callable[[], Any],
    wanted: Callable[[Tensor], list[np.ndarray]]) -> None:  # fmt: skip
    path = f"kdteach.data.{name}"
    applied = ROOM.function(
        path, lambda: {"images": PICTURES.clone(), "generator": _random()},
        call=lambda images, generator: make()(images, generator), changes=("generator",),
        title=f"{name}()",
    )  # fmt: skip

    def check(value: Tensor, arguments: dict[str, Any]) -> None:
        images = arguments["images"]
        assert value.dtype == images.dtype
        assert value.shape == images.shape
        known = wanted(images)
        for row in range(len(images)):
            assert any(np.array_equal(value[row].numpy(), w[row]) for w in known)

    for label, images in {
        "as it is": PICTURES, "bytes": PICTURES.to(torch.uint8),
        "float32": PICTURES.float(),
        "one image": PICTURES[:1], "wide": PICTURES.flatten(2)[:, :, None].clone(),
        "of one pixel": PICTURES[..., :1, :1], "half": PICTURES.half(),
        "none": PICTURES[:0],
        "colours": PICTURES.expand(2, 3, 4, 4), "bool": PICTURES > 9,
        "integers": PICTURES.long(), "strided": PICTURES.repeat_interleave(2, 3)[..., ::2],
    }.items():  # fmt: skip
        applied.either(label, lambda i=images: {"images": i}, check,
                       names=("images", "pixels"))  # fmt: skip
    applied.vary("images", [o for o in values.no_tensor(PICTURES) if "network" not
        in o.label])  # fmt: skip
    applied.vary("images", values.refused(
        ("()", lambda: torch.tensor(3.0)), ("(N,)", lambda: torch.arange(3.0)),
        ("without channels", lambda: PICTURES[:, 0]),
        ("a batch of batches", lambda: PICTURES[None]),
        ("features", lambda: PICTURES.flatten(1)),
    ))  # fmt: skip
    applied.vary("generator", values.refused(
        ("None", lambda: None), ("a seed", lambda: 3),
        ("NumPy's", lambda: np.random.default_rng(0)),
        ("a word", lambda: "cpu"), ("the class", lambda: torch.Generator),
    ))  # fmt: skip


_changed(
    "RandomShift", lambda: found("kdteach.data.random_shift")(1), lambda x: _shifts(x, 1)
)
_changed(
    "Flips", lambda: found("kdteach.data.flips")(),
    lambda x: [x.numpy()[:, :, ::a, ::b] for a in (1, -1) for b in (1, -1)],
)  # fmt: skip
built = ROOM.function("kdteach.data.RandomShift", lambda: {"pixels": 1})
built.vary("pixels", values.count(1))
flips = ROOM.function("kdteach.data.flips", lambda: {})
flips.right(
    "as it is", nothing, lambda value, _: require_equal(repr(value), "Flips(vertical=True)")
)
flips.vary("vertical", values.switch())
flips.circumstances()
level = ROOM.function("kdteach.data.horizontal_flip", dict)
level.right("as it is", nothing, lambda value, _: require_equal(repr(value),
    "Flips(vertical=False)"))  # fmt: skip
_changed(
    "horizontal_flip",
    lambda: found("kdteach.data.horizontal_flip")(),
    lambda x: [x.numpy()[:, :, :, ::a] for a in (1, -1)],
)
_changed(
    "random_crop", lambda: found("kdteach.data.random_crop")(1), lambda x: _shifts(x, 1)
)
_changed(
    "transform",
    lambda: found("kdteach.data.transform")(lambda image: image.flip(-1)),
    lambda x: [x.numpy()[:, :, :, ::-1]],
)
_changed(
    "compose",
    lambda: found("kdteach.data.compose")(found("kdteach.data.flips")(), lambda x, g: x),
    lambda x: [x.numpy()[:, :, ::a, ::b] for a in (1, -1) for b in (1, -1)],
)
crop = ROOM.function(
    "kdteach.data.random_crop", lambda: {"padding": 1}, title="random_crop of"
)
crop.vary("padding", values.count(1))
crop.vary("fill", values.choice("zeros"))


def _statistics(value: Any, arguments: dict[str, Any]) -> None:
    images = arguments["images"]
    white = 255.0 if images.dtype == torch.uint8 else 1.0
    pixels = images.double().numpy() / white
    axes = (0, 2, 3)
    np.testing.assert_allclose(value[0], pixels.mean(axes), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(value[1], pixels.std(axes), rtol=1e-9, atol=1e-12)


colour = ROOM.function(
    "kdteach.data.channel_statistics", lambda: {"images": PICTURES.clone()}
)
for label, images in {
    "as it is": PICTURES, "bytes": PICTURES.to(torch.uint8), "half": PICTURES.half(),
    "one pixel": PICTURES[:1, :, :1, :1], "colours": PICTURES.expand(2, 3, 4, 4),
    "strided": PICTURES.repeat_interleave(2, 3)[..., ::2],
}.items():  # fmt: skip
    colour.right(label, lambda i=images: {"images": i}, _statistics)
colour.vary("images", [o for o in values.no_tensor(PICTURES) if "network" not in o.label])
colour.vary("images", values.refused(
    ("()", lambda: torch.tensor(3.0)), ("features", lambda: PICTURES.flatten(1)),
    ("none", lambda: PICTURES[:0]), ("without pixels", lambda: PICTURES[..., :0]),
    ("integers", lambda: PICTURES.long()), ("bool", lambda: PICTURES > 9),
    ("NaN", lambda: PICTURES * math.nan), ("infinity", lambda: PICTURES + math.inf),
))  # fmt: skip
wrapped = ROOM.function("kdteach.data.transform", lambda: {"change": torch.flip},
    call=lambda **a: found("kdteach.data.transform")(**a).per_image,
    title="transform of")  # fmt: skip
wrapped.right("as it is", nothing, lambda value, _: require_equal(value, True))
wrapped.vary("change", values.function())
wrapped.vary("per_image", values.switch())
joined = ROOM.function("kdteach.data.compose", lambda: {"change": lambda x, g: x},
    call=lambda change: found("kdteach.data.compose")(change), title="compose of",
    also={"change": ("changes[0]",)})  # fmt: skip
joined.right("as it is", nothing, lambda value, _: require_equal(len(value.changes), 1))
joined.vary("change", values.function())
joined.refuse("nothing", nothing, names=("compose",),
    call=lambda change: found("kdteach.data.compose")())  # fmt: skip
views = ROOM.function(
    "kdteach.data.RandomShift", lambda: {"images": PICTURES.clone()},
    title="RandomShift.views",
    call=lambda images: list(found("kdteach.data.random_shift")(1).views(images)),
)  # fmt: skip
views.right("views", nothing, lambda value, a: require_equal(
    [v.numpy() for v in value], _shifts(a["images"], 1)))  # fmt: skip
views.vary("images", [o for o in values.no_tensor(PICTURES) if "network" not in o.label])
for pixels in (4, 100, 10**9):
    shifted.either(
        f"{pixels} pixels of 4", lambda p=pixels: {"pixels": p},
        lambda value, _: _all_black(value), names=("pixels", "images"), alone=pixels > 100,
        call=lambda pixels: found("kdteach.data.random_shift")(pixels)(
            PICTURES[:1], _random()),
    )  # fmt: skip


def _all_black(value: Tensor) -> None:
    assert value.shape == (1, 1, 4, 4)


quadrants = ROOM.function("kdteach.data.in_quadrants", lambda: {"data": image_set(6)})


def _placed(value: ImageSet, arguments: dict[str, Any]) -> None:
    for name in ("train", "valid", "test"):
        old, new = getattr(arguments["data"], name), getattr(value, name)
        for image, canvas, mask in zip(old.images, new.images, new.masks, strict=True):
            rows, columns = mask.nonzero(as_tuple=True)
            assert len(rows) == 64
            assert rows[0] % 8 == 0
            assert columns[0] % 8 == 0
            inside = canvas[:, mask].reshape(image.shape)
            require_equal(inside, image)
            others = canvas[:, ~mask].reshape(1, 3, 64)
            if arguments.get("clutter"):
                for part in _quadrants(canvas):
                    require_equal(part.flatten().sort().values,
                        image.flatten().sort().values)  # fmt: skip
            else:
                assert not others.any()


def _quadrants(canvas: Tensor) -> list[Tensor]:
    return [canvas[:, i : i + 8, j : j + 8] for i in (0, 8) for j in (0, 8)]


quadrants.right("as it is", nothing, _placed)
quadrants.right("clutter", lambda: {"clutter": True}, _placed)
quadrants.right("numpy.True_", lambda: {"clutter": np.True_}, _placed)
quadrants.vary("data", SETS)
quadrants.vary("clutter", values.switch())
quadrants.vary("seed", values.seed())
quadrants.circumstances()

# the reader's own pictures


def _album(**changes: Any) -> Path:
    """Two classes of six pictures, and more."""
    root = folder()
    for label in ("one", "two"):
        (root / label).mkdir()
        for number in range(6):
            pixels = np.random.default_rng([number, len(label), ord(label[0])])
            Image.fromarray(pixels.integers(0, 256, (9, 8, 3), dtype=np.uint8)).save(
                root / label / f"{number}.png")  # fmt: skip
    for name, content in changes.items():
        (root / "one" / name).write_bytes(content)
    return root


album = ROOM.function(
    "kdteach.data.load", lambda: {"name": "folder", "root": _album(), "size": 8},
    title="load('folder')",
)  # fmt: skip


def _shown(value: ImageSet, arguments: dict[str, Any]) -> None:
    assert value.classes == ("one", "two")
    assert [len(s) for s in (value.train, value.valid, value.test)] == [8, 2, 2]
    assert value.image_shape == (3, 8, 8)
    assert 0 <= float(value.train.images.min()) <= float(value.train.images.max()) <= 1


album.right("as it is", nothing, _shown)
album.circumstances()
album.vary("root", values.path(), names=("root", "path", "folder"))
album.vary("size", [o for o in values.count(8, none=True) if o.stands_for is None])
album.vary("resize", values.choice("crop"))
album.vary("duplicates", values.choice("warn"))
album.vary("progress", values.switch())
album.vary("dtype", [o for o in values.dtype() if o.stands_for is None])
for name in ("validation", "test"):
    album.vary(name, [o for o in values.number(0.25, lambda x: 0 <= x < 1)
                      if o.stands_for is None])  # fmt: skip
for value in (0, 2, 4, "3", None, True, 3.5, [3]):
    album.refuse(f"channels: {value!r}", lambda v=value: {"channels": v})
for label, content in {"empty": b"", "noise": noise(100), "text": b"words", "a PNG's start":
    b"\x89PNG\r\n\x1a\n", "a PostScript file": b"%!PS-Adobe"}.items():  # fmt: skip
    album.refuse(f"a file: {label}", lambda c=content: {"root": _album(x=c)},
        names=("one/x",))  # fmt: skip

# folders and files

_IDX = {"train": 60_000, "t10k": 10_000}


def _mnist(change: Callable[[Path], None] = lambda _: None) -> Path:
    """A folder in MNIST's layout, of four small packed files of zeros."""
    root = folder()
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in _IDX.items():
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
            path = raw / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(header)  # not packed yet
    change(raw)
    return root


mnist = ROOM.function(
    "kdteach.data.load", lambda: {"name": "mnist", "root": _mnist()}, title="load('mnist')",
    also={"root": ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz")},
)  # fmt: skip
mnist.vary("root", values.path(), names=("root", "path", "MNIST"))
for label, content in {
    "a header alone": None, "empty": b"", "garbage": noise(100), "text": b"not a file",
    "a packed header": gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 60_000, 28, 28)),
    "half a packed file": gzip.compress(bytes(10_000))[:40],
    "packed garbage": gzip.compress(b"\x1f\x8b" * 50),
    "another shape": gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 10, 28,
    28) + bytes(7840)),
    "floats": gzip.compress(struct.pack(">HBB3I", 0, 13, 3, 60_000, 28, 28)),
    "a wrong checksum": gzip.compress(bytes(1000))[:-8] + b"12345678",
    "a flag that is reserved": b"\x1f\x8b\x08\xe0" + bytes(30),
    "a damaged stream": gzip.compress(noise(2000))[:20] + b"\xff" * 200,
}.items():  # fmt: skip

    def change(raw: Path, content: bytes | None = content) -> None:
        if content is not None:
            (raw / "train-images-idx3-ubyte.gz").write_bytes(content)

    mnist.refuse(f"images: {label}", lambda c=change: {"root": _mnist(c)})


def _bomb(raw: Path) -> None:
    """2 MB that become 2 GB."""
    once = gzip.compress(bytes(2**27), 9)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(once * 16)


def _pipe(raw: Path) -> None:
    os.mkfifo(raw / "train-images-idx3-ubyte")


def _folder_there(raw: Path) -> None:
    (raw / "train-images-idx3-ubyte").mkdir()


def _loop(raw: Path) -> None:
    (raw / "train-images-idx3-ubyte").symlink_to("train-images-idx3-ubyte")


def _device(raw: Path) -> None:
    (raw / "train-images-idx3-ubyte").symlink_to("/dev/zero")


def _huge(raw: Path) -> None:
    with (raw / "train-images-idx3-ubyte").open("wb") as file:
        file.truncate(2**41)


for label, change in {"a bomb": _bomb, "a pipe": _pipe, "a folder": _folder_there,
                      "a link in a circle": _loop, "a device": _device,
                      "2 TB of nothing": _huge}.items():  # fmt: skip
    mnist.refuse(f"images: {label}", lambda c=change: {"root": _mnist(c)},
                 alone=label == "a bomb")  # fmt: skip
mnist.refuse("an empty folder", lambda: {"root": folder()})
mnist.refuse("no folder", lambda: {"root": folder() / "none"})
mnist.refuse("a file", lambda: {"root": Path(__file__)}, names=("datasets.py", "root"))
mnist.refuse("no root", lambda: {"root": None}, names=("root", "folder", "KDTEACH_DATA"))
mnist.vary("validation", [o for o in values.count(100, least=0, most=59_999)
                          if o.stands_for is None])  # fmt: skip
mnist.vary("dtype", [o for o in values.dtype() if o.stands_for is None])
mnist.vary("download", [o for o in values.switch() if o.stands_for is None])

whole = ROOM.function("kdteach.data.whole_digits", lambda: {"dtype": torch.float32})


def _all_digits(value: Split, arguments: dict[str, Any]) -> None:
    del arguments
    from sklearn.datasets import load_digits

    wanted = load_digits()
    assert value.images.double().mul(16).round().view(-1, 8, 8).tolist() == (
        wanted.images.tolist()
    )
    assert value.labels.tolist() == wanted.target.tolist()
    assert value.index.tolist() == list(range(1797))


whole.right("as it is", nothing, _all_digits)
whole.right("float64", lambda: {"dtype": torch.float64}, _all_digits)
whole.vary("dtype", values.dtype())

seen = ROOM.function("kdteach.data.digits_seen", lambda: {"draws": [0, 3]})


def _in_training(value: Any, arguments: dict[str, Any]) -> None:
    """A digit was seen where the training part of the draw holds its pixels and label."""
    from kdteach.data import load, whole_digits

    everything = whole_digits()
    for row, draw in zip(value, arguments["draws"], strict=True):
        train = load("digits", draw=int(draw)).train
        assert torch.equal(everything.images[row], train.images)
        assert torch.equal(everything.labels[row], train.labels)


seen.right("as it is", nothing, _in_training)
seen.right("a tuple", lambda: {"draws": (1,)}, _in_training)
seen.right("a range", lambda: {"draws": range(2)}, _in_training)
for label, odd in {"None": None, "a number": 3, "a word": "3", "empty": [], "negative":
    [-1], "a half": [0.5], "bool": [True], "words": ["0"], "None inside": [None]
}.items():  # fmt: skip
    seen.refuse(f"draws: {label}", lambda o=odd: {"draws": o}, names=("draws",))

# a data set as a folder of pictures


def _fresh() -> Path:
    """A folder that is not there yet."""
    return Path(mkdtemp()) / "pictures"


made = ROOM.function(
    "kdteach.data.write_folder", lambda: {"data": image_set(), "folder": _fresh()}
)
made.refuse("data: a split", lambda: {"data": split(5)})
made.refuse("data: a number", lambda: {"data": 3})
made.refuse("data: None", lambda: {"data": None})
made.refuse("folder: a number", lambda: {"folder": 3})
made.refuse("folder: None", lambda: {"folder": None})
made.refuse("folder: a NUL", lambda: {"folder": "a\0b"})
made.refuse("folder: not empty", lambda: {"folder": Path(__file__).parent})
