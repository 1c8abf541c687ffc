"""Live figures: their data are what was given, and nothing odd reaches a page."""

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from kdteach.live import Reader
from kdteach.types import Split
from tests.odd import values
from tests.odd.sweep import Room, found, nothing, require_equal

ROOM = Room("live figures")
CLASSES = ["a", "b", "c"]
LOGITS = torch.tensor([[3.0, 1.0, 2.0], [0.0, 1.0, 5.0]])


def split(size: int = 28, count: int = 2) -> Split:
    images = torch.linspace(0, 1, count * size * size).view(count, 1, size, size)
    return Split(images, torch.arange(count) % 3, torch.arange(count))


def model() -> nn.Module:
    made = nn.Sequential(nn.Flatten(), nn.Linear(784, 3))
    nn.init.constant_(made[1].weight, 0.25)
    nn.init.zeros_(made[1].bias)
    return made


def reader() -> Reader:
    return Reader("A", "teacher", "a note", model())


SPLITS = values.refused(
    ("None", lambda: None), ("a number", lambda: 3), ("a word", lambda: "valid"),
    ("a tensor", lambda: torch.zeros(2, 1, 28, 28)), ("the class", lambda: Split),
    ("none of them", lambda: split(count=0)), ("too many", lambda: split(count=41)),
    ("three channels", lambda: Split(torch.zeros(2, 3, 28, 28), torch.zeros(2).long(),
        torch.arange(2))),
    ("flat", lambda: Split(torch.zeros(2, 784), torch.zeros(2).long(), torch.arange(2))),
)  # fmt: skip

temperature = ROOM.function(
    "kdteach.live.live_temperature",
    lambda: {"split": split(), "logits": LOGITS.clone(), "classes": list(CLASSES)},
    call=lambda **a: found("kdteach.live.live_temperature")(**a).data,
)  # fmt: skip


def _data(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert [image["logits"] for image in value["images"]] == LOGITS.tolist()
    assert value["classes"] == CLASSES


temperature.right("as it is", nothing, _data)
temperature.vary("split", SPLITS)
temperature.vary("temperature", values.number(2.0, lambda x: 0.5 <= x <= 40))
temperature.vary("pull", values.switch())
for label, make in {
    "None": lambda: None, "a list": LOGITS.tolist, "too few rows": lambda: LOGITS[:1],
    "another width": lambda: LOGITS[:, :2], "flat": LOGITS.flatten,
    "NaN": lambda: LOGITS * math.nan, "inf": lambda: LOGITS * math.inf,
    "a word": lambda: "logits", "sparse": LOGITS.to_sparse,
    "meta": lambda: LOGITS.to("meta"),
}.items():  # fmt: skip
    temperature.refuse(f"logits: {label}", lambda m=make: {"logits": m()})
for dtype in (torch.float64, torch.float16, torch.bfloat16):
    temperature.right(f"logits: {dtype}", lambda d=dtype: {"logits": LOGITS.to(d)}, _data)
for label, classes in {"None": None, "a word": "abc", "too few": ["a"], "a number": 3,
    "a set": {"a", "b", "c"}, "empty": []}.items():  # fmt: skip
    temperature.refuse(f"classes: {label}", lambda c=classes: {"classes": c})
    if classes is not None:
        temperature.refuse(f"labels: {label}", lambda c=classes: {"labels": c})
temperature.right("labels", lambda: {"labels": ["x", "y", "z"]}, _data)

gallery = ROOM.function(
    "kdteach.live.live_gallery",
    lambda: {"split": split(), "logits": LOGITS.clone(), "classes": list(CLASSES)},
    call=lambda **a: found("kdteach.live.live_gallery")(**a).data,
)  # fmt: skip
gallery.right("as it is", nothing, _data)
gallery.vary("split", SPLITS)
gallery.vary("first", values.count(1, least=0, most=1))
gallery.vary("temperature", values.number(4.0, lambda x: 0.5 <= x <= 20, none=True))
gallery.right("in groups", lambda: {"groups": {"a": 1, "b": len(split()) - 1}}, _data)
for label, groups in {
    "a word": "ab", "a list": ["a"], "too few": {"a": 1}, "none": {}, "below 0": {"a": -1},
    "half": {"a": 0.5}, "no name": {1: len(split())},
}.items():  # fmt: skip
    gallery.refuse(f"groups: {label}", lambda g=groups: {"groups": g})
for label, make in {
    "None": lambda: None, "a list": LOGITS.tolist, "too few rows": lambda: LOGITS[:1],
    "another width": lambda: LOGITS[:, :2], "flat": LOGITS.flatten,
    "NaN": lambda: LOGITS * math.nan, "integers": LOGITS.long, "a word": lambda: "logits",
    "complex": lambda: LOGITS + 1j, "sparse": LOGITS.to_sparse,
}.items():  # fmt: skip
    gallery.refuse(f"logits: {label}", lambda m=make: {"logits": m()})
for label, classes in {
    "None": None,
    "a word": "abc",
    "two": ["a", "b"],
    "a number": 3,
}.items():
    gallery.refuse(f"classes: {label}", lambda c=classes: {"classes": c})

loss = ROOM.function(
    "kdteach.live.live_loss",
    lambda: {"split": split(), "teacher_logits": LOGITS.clone(),
             "student_logits": LOGITS.flip(1), "classes": list(CLASSES)},
    call=lambda **a: found("kdteach.live.live_loss")(**a).data,
)  # fmt: skip


def _both(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert [image["teacher"] for image in value["images"]] == LOGITS.tolist()
    assert [image["student"] for image in value["images"]] == LOGITS.flip(1).tolist()


loss.right("as it is", nothing, _both)
loss.vary("split", SPLITS)
loss.vary("temperature", values.number(2.0, lambda x: 1 <= x <= 20))
loss.vary("alpha", values.number(0.5, lambda x: 0 <= x <= 1))
for which in ("teacher_logits", "student_logits"):
    for label, make in {
        "None": lambda: None, "a list": LOGITS.tolist, "too few rows": lambda: LOGITS[:1],
        "another width": lambda: LOGITS[:, :2], "flat": LOGITS.flatten,
        "NaN": lambda: LOGITS * math.nan, "a word": lambda: "logits",
        "meta": lambda: LOGITS.to("meta"),
    }.items():  # fmt: skip
        loss.refuse(f"{which}: {label}", lambda w=which, m=make: {w: m()})
LOST = Split(torch.zeros(1, 1, 4, 4), torch.tensor([3]), torch.arange(1))
loss.refuse("a label that is no class", lambda: {"split": LOST})
for label, classes in {"None": None, "a word": "abc", "too few": ["a"]}.items():
    loss.refuse(f"classes: {label}", lambda c=classes: {"classes": c})

biased = ROOM.function(
    "kdteach.live.live_bias",
    lambda: {"split": split(), "logits": {"student": LOGITS.clone()},
             "classes": list(CLASSES), "number": 0},
    call=lambda **a: found("kdteach.live.live_bias")(**a).data,
)  # fmt: skip


def _gaps(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    network = value["networks"][0]
    # the label of the first image is a: its rivals b and c have 1 and 2, it has 3
    assert (network["own"], network["others"]) == ([-1.0], [5.0])
    assert (network["rivals"], network["right"]) == ([2], [0])


biased.right("as it is", nothing, _gaps)
biased.vary("split", SPLITS)
biased.vary("number", values.count(0, least=0, most=1))
biased.vary("most", values.number(12.0, lambda x: 1 <= x <= 1000))
biased.vary("bias", values.number(1.0, lambda x: 0 <= x <= 12))
for label, table in {
    "None": None, "a list": LOGITS.tolist(), "too few rows": LOGITS[:1],
    "another width": LOGITS[:, :2], "NaN": LOGITS * math.nan, "a word": "logits",
    "meta": LOGITS.to("meta"),
}.items():  # fmt: skip
    biased.refuse(f"a table: {label}", lambda t=table: {"logits": {"student": t}})
for label, tables in {
    "None": None, "a tensor": LOGITS, "none": {}, "a number for a name": {1: LOGITS},
    "three": {"a": LOGITS, "b": LOGITS, "c": LOGITS},
}.items():  # fmt: skip
    biased.refuse(f"logits: {label}", lambda t=tables: {"logits": t})

draw = ROOM.function(
    "kdteach.live.live_draw",
    lambda: {"readers": [reader()], "split": split(), "classes": list(CLASSES)},
    call=lambda **a: found("kdteach.live.live_draw")(**a).data,
)  # fmt: skip


def _networks(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    (network,) = value["networks"]
    assert [layer["kind"] for layer in network["layers"]] == ["linear"]
    assert network["name"] == "A"


draw.right("as it is", nothing, _networks)
draw.vary("split", [*SPLITS, *values.refused(("8 by 8", lambda: split(8)))])
draw.vary("temperature", values.number(2.0, lambda x: 1 <= x <= 20))
for label, make in {
    "None": lambda: None, "one alone": reader, "empty": list, "a network": model,
    "networks": lambda: [model()], "five": lambda: [reader()] * 5, "a word": lambda: "A",
    "a layer unknown": lambda: [Reader("A", "teacher", "", nn.Tanh())],
}.items():  # fmt: skip
    draw.refuse(f"readers: {label}", lambda m=make: {"readers": m()})
for label, classes in {"None": None, "a word": "abc", "a number": 3}.items():
    draw.refuse(f"classes: {label}", lambda c=classes: {"classes": c})

one = ROOM.function(
    "kdteach.live.Reader",
    lambda: {"name": "A", "role": "teacher", "note": "a note", "model": model()},
    call=lambda **a: found("kdteach.live.Reader")(**a).name,
)  # fmt: skip
one.right("as it is", nothing, lambda value, _: require_equal(value, "A"))
one.vary("name", values.text())
one.vary("note", values.text())
one.vary("role", values.choice("teacher"))
for label, make in {"None": lambda: None, "a word": lambda: "cnn",
    "a function": lambda: len, "the class": lambda: nn.Linear}.items():  # fmt: skip
    one.refuse(f"model: {label}", lambda m=make: {"model": m()})

made = ROOM.function("kdteach.live.normalised", lambda: {"ink": np.eye(20)})


def _moved(value: Any, arguments: dict[str, Any]) -> None:
    del arguments
    wanted = np.zeros((28, 28))
    wanted[4:24, 4:24] = np.eye(20)
    assert np.allclose(value, wanted)


made.right("as it is", nothing, _moved)
made.right("a list", lambda: {"ink": np.eye(20).tolist()}, _moved)
made.right("a tensor", lambda: {"ink": torch.eye(20)}, _moved)
made.right("booleans", lambda: {"ink": np.eye(20, dtype=bool)}, _moved)
made.right("empty paper", lambda: {"ink": np.zeros((5, 9))}, lambda value,
    _: require_equal(float(value.sum()), 0.0))  # fmt: skip
for label, ink in {"None": None, "a word": "ink", "flat": np.zeros(9), "no cells":
    np.zeros((0, 4)), "negative": -np.eye(3), "above 1": 2 * np.eye(3), "NaN":
    np.eye(3) * math.nan, "complex": np.eye(3) * 1j, "dates": np.array([["2024-01-01"]],
    dtype="M8[D]"), "ragged": [[1], [1, 2]], "three axes": np.zeros((2, 2, 2)), "a dict":
    {}, "words": np.array([["a"]])}.items():  # fmt: skip
    made.refuse(f"ink: {label}", lambda i=ink: {"ink": i})
made.circumstances()

start = ROOM.function(
    "kdteach.live.start_here",
    lambda: {"temperature": 2.0},
    call=lambda **a: found("kdteach.live.start_here")(**a).data,
)  # fmt: skip


def _four(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert [network["unseen"] for network in value["networks"]] == [None, None, None, 3]
    assert value["temperature"] == arguments["temperature"]


start.right("as it is", nothing, _four)
start.vary("temperature", values.number(2.0, lambda x: 1 <= x <= 20))

for label, text in {"a number": 3, "bytes": b"<p>"}.items():
    draw.refuse(f"still: {label}", lambda t=text: {"still": t})
for label, number in {
    "a word": "3",
    "negative": -1,
    "a fraction": 0.5,
    "True": True,
}.items():
    one.refuse(f"unseen: {label}", lambda n=number: {"unseen": n})
for label, number in {"no class": 3, "all of them": 0}.items():
    draw.refuse(
        f"unseen: {label}",
        lambda n=number: {"readers": [Reader("A", "teacher", "", model(), n)]},
    )
draw.refuse("labels: no class", lambda: {"split": Split(
    torch.zeros(1, 1, 28, 28), torch.tensor([3]), torch.arange(1))})  # fmt: skip
draw.refuse("pixels above 1", lambda: {"split": Split(
    2 * torch.ones(1, 1, 28, 28), torch.tensor([0]), torch.arange(1))})  # fmt: skip

shipped = ROOM.function(
    "kdteach.models.trained_reader",
    lambda: {"name": "distilled"},
    call=lambda **a: found("kdteach.models.trained_reader")(**a),
)  # fmt: skip


def _small(value: nn.Module, arguments: dict[str, Any]) -> None:
    del arguments
    require_equal(sum(w.numel() for w in value.parameters()), 8 * 26 + 393 * 10)
    assert not value.training


shipped.right("as it is", nothing, _small)
shipped.vary("name", values.choice("distilled"))
shipped.vary("dtype", values.dtype())

luck = ROOM.function(
    "kdteach.live.live_luck",
    lambda: {"runs": {"a": [5, 6, 9, 7], "b": [3, 2, 1, 4]}, "counts": [1, 2]},
    call=lambda **a: found("kdteach.live.live_luck")(**a).data,
)  # fmt: skip


def _runs(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert value["runs"] == [[5, 6, 9, 7], [3, 2, 1, 4]]
    assert value["most"] == 8
    assert value["quantiles"]["paired"][1] - 12.706204736432095 < 1e-9


luck.right("as it is", nothing, _runs)
luck.right("arrays", lambda: {"runs": {"a": np.array([5, 6, 9, 7]),
    "b": torch.tensor([3, 2, 1, 4])}}, _runs)  # fmt: skip
for label, runs in {
    "None": None, "a list": [[1, 2], [3, 4]], "one method": {"a": [1, 2, 3, 4]},
    "three": {"a": [1] * 4, "b": [2] * 4, "c": [3] * 4}, "other lengths": {"a": [1] * 4,
    "b": [2] * 5}, "halves": {"a": [0.5] * 4, "b": [1] * 4}, "all alike": {"a": [2] * 4,
    "b": [2] * 4}, "NaN": {"a": [math.nan] * 4, "b": [1] * 4}, "words": {"a": ["x"] * 4,
    "b": [1] * 4}, "huge": {"a": [1e300] * 4, "b": [1] * 4},
    "a word": "ab", "empty": {},
}.items():  # fmt: skip
    luck.refuse(f"runs: {label}", lambda r=runs: {"runs": r})
for label, counts in {"None": None, "3": 3, "falling": [2, 1], "twice": [1, 1], "0": [0],
    "too many": [3], "half": [0.5], "empty": [], "a word": "12"}.items():  # fmt: skip
    luck.refuse(f"counts: {label}", lambda c=counts: {"counts": c})
for label, unit in {"None": None, "3": 3, "bytes": b"errors"}.items():
    luck.refuse(f"unit: {label}", lambda u=unit: {"unit": u})

checkpoints = ROOM.function(
    "kdteach.live.live_checkpoints",
    lambda: {"split": split(), "logits": {1: LOGITS.clone(), 3: 2 * LOGITS},
             "classes": list(CLASSES), "lines": {"a": ("teacher", [3, 1.5])}},
    call=lambda **a: found("kdteach.live.live_checkpoints")(**a).data,
)  # fmt: skip


def _epochs(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert value["epochs"] == [1, 3]
    first, second = zip(*(image["logits"] for image in value["images"]), strict=True)
    assert list(first) == LOGITS.tolist()
    assert list(second) == (2 * LOGITS).tolist()
    assert value["lines"][0]["values"] == [3.0, 1.5]


checkpoints.right("as it is", nothing, _epochs)
checkpoints.right("an array", lambda: {"lines": {"a": ("teacher", np.array([3, 1.5]))}},
                  _epochs)  # fmt: skip
checkpoints.vary("split", SPLITS)
checkpoints.vary("temperature", values.number(4.0, lambda x: x > 0))
for label, tables in {
    "None": None, "a tensor": LOGITS, "one epoch": {1: LOGITS}, "falling": {3: LOGITS,
    1: LOGITS}, "epoch 0": {0: LOGITS, 1: LOGITS}, "half an epoch": {0.5: LOGITS,
    1: LOGITS}, "words": {"a": LOGITS, "b": LOGITS}, "no tensor": {1: LOGITS, 2: None},
    "NaN": {1: LOGITS, 2: LOGITS * math.nan}, "another width": {1: LOGITS,
    2: LOGITS[:, :2]}, "too few rows": {1: LOGITS, 2: LOGITS[:1]},
}.items():  # fmt: skip
    checkpoints.refuse(f"logits: {label}", lambda t=tables: {"logits": t})
for label, lines in {
    "None": None, "a list": [1], "none": {}, "six": {n: ("teacher", [1, 2])
    for n in "abcdef"}, "no pair": {"a": [1, 2, 3]}, "a role": {"a": ("red", [1, 2])},
    "too short": {"a": ("teacher", [1])}, "below 0": {"a": ("teacher", [1, -2])},
    "NaN": {"a": ("teacher", [1, math.nan])}, "words": {"a": ("teacher", ["x", "y"])},
}.items():  # fmt: skip
    checkpoints.refuse(f"lines: {label}", lambda x=lines: {"lines": x})
checkpoints.refuse("unit: 3", lambda: {"unit": 3})

opinions = ROOM.function(
    "kdteach.live.live_opinions",
    lambda: {"split": split(), "classes": list(CLASSES), "pulling": "together",
             "logits": {way: ({1: LOGITS.clone(), 3: 2 * LOGITS},
                              {1: -LOGITS, 3: LOGITS.clone()})
                        for way in ("apart", "together")}},
    call=lambda **a: found("kdteach.live.live_opinions")(**a).data,
)  # fmt: skip
BOTH = ({1: LOGITS, 3: LOGITS}, {1: LOGITS, 3: LOGITS})


def _two(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert (value["epochs"], value["ways"]) == ([1, 3], ["apart", "together"])
    for way in value["ways"]:
        a, b = zip(*(image["logits"][way] for image in value["images"]), strict=True)
        for rows, first, last in ((a, LOGITS, 2 * LOGITS), (b, -LOGITS, LOGITS)):
            assert [row[0] for row in rows] == first.tolist()
            assert [row[1] for row in rows] == last.tolist()


opinions.right("as it is", nothing, _two)
opinions.vary("split", SPLITS)
for label, ways in {
    "None": None, "a tensor": LOGITS, "one way": {"together": BOTH}, "no student":
    {"apart": (), "together": BOTH}, "three": {"apart": (*BOTH, BOTH[0]), "together": BOTH},
    "falling": {"apart": ({3: LOGITS, 1: LOGITS},) * 2, "together": BOTH}, "other epochs":
    {"apart": ({1: LOGITS, 2: LOGITS},) * 2, "together": BOTH}, "one epoch":
    {"apart": ({1: LOGITS},) * 2, "together": ({1: LOGITS},) * 2}, "before the start":
    {"apart": ({-1: LOGITS, 1: LOGITS},) * 2, "together": BOTH}, "NaN":
    {"apart": ({1: LOGITS, 3: LOGITS * math.nan}, BOTH[0]), "together": BOTH}, "too wide":
    {"apart": ({1: LOGITS[:, :2], 3: LOGITS}, BOTH[0]), "together": BOTH}, "no tables":
    {"apart": ("a", "b"), "together": BOTH},
}.items():  # fmt: skip
    opinions.refuse(f"logits: {label}", lambda w=ways: {"logits": w})
for label, way in {"None": None, "another": "by letter", "a list": ["together"]}.items():
    opinions.refuse(f"pulling: {label}", lambda w=way: {"pulling": w})

doubled = ROOM.function(
    "kdteach.live.live_twice",
    lambda: {"split": split(), "logits": LOGITS.clone(), "classes": list(CLASSES)},
    call=lambda **a: found("kdteach.live.live_twice")(**a).data,
)  # fmt: skip


def _same_images(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert value["temperature"] == 1.0
    assert len(value["images"]) == len(split())


doubled.right("as it is", nothing, _same_images)
doubled.vary("split", SPLITS)
for label, change in {
    "T of 0": {"temperature": 0}, "T of NaN": {"temperature": math.nan},
    "too hot": {"temperature": 41}, "a word": {"temperature": "4"},
    "a list": {"logits": [[1.0, 2.0]]}, "infinity": {"logits": LOGITS * math.inf},
    "no classes": {"classes": None}, "one class": {"classes": ["a"]},
}.items():  # fmt: skip
    doubled.refuse(f"twice: {label}", lambda c=change: dict(c))

pair = ROOM.function(
    "kdteach.live.live_beside",
    lambda: {"split": split(), "classes": list(CLASSES),
             "logits": {"small": LOGITS.clone(), "large": 2 * LOGITS}},
    call=lambda **a: found("kdteach.live.live_beside")(**a).data,
)  # fmt: skip


def _both_networks(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert value["names"] == ["small", "large"]
    for image in value["images"]:
        small, large = image["logits"]
        assert all(
            math.isclose(2 * a, b, abs_tol=2e-6) for a, b in zip(small, large, strict=True)
        )


pair.right("as it is", nothing, _both_networks)
pair.vary("split", SPLITS)
for label, change in {
    "T of 0": {"temperature": 0}, "T of NaN": {"temperature": math.nan},
    "too hot": {"temperature": 21}, "a word": {"temperature": "4"},
    "a tensor": {"logits": LOGITS}, "one": {"logits": {"a": LOGITS}}, "three":
    {"logits": dict.fromkeys("abc", LOGITS)}, "infinity":
    {"logits": {"a": LOGITS, "b": LOGITS * math.inf}}, "no classes": {"classes": None},
}.items():  # fmt: skip
    pair.refuse(f"beside: {label}", lambda c=change: dict(c))

PLANE = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]])
smoothed = ROOM.function(
    "kdteach.live.live_smoothing",
    lambda: {"epsilons": [0.1], "points": [PLANE.clone()], "labels": torch.arange(3),
             "split": split(), "logits": [LOGITS.clone()], "classes": list(CLASSES),
             "leads": [4.5], "errors": [1], "total": 10},
    call=lambda **a: found("kdteach.live.live_smoothing")(**a).data,
)  # fmt: skip


def _goal(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    teacher = value["teachers"][0]
    assert math.isclose(teacher["goal"], math.log((0.9 + 0.1 / 3) / (0.1 / 3)))
    assert (teacher["lead"], teacher["errors"]) == (4.5, 1)


smoothed.right("as it is", nothing, _goal)
smoothed.vary("split", SPLITS)
smoothed.vary("total", values.count(10, least=1))
smoothed.vary("start", values.count(0, least=0, most=0))
for label, change in {
    "no teachers": {"epsilons": []}, "epsilon 1": {"epsilons": [1.0]},
    "falling": {"epsilons": [0.2, 0.1]}, "None": {"epsilons": None},
    "two tables": {"logits": [LOGITS, LOGITS]}, "a table alone": {"logits": LOGITS[0]},
    "three columns": {"points": [torch.zeros(3, 3)]}, "one place": {"points": [0 * PLANE]},
    "NaN": {"points": [PLANE * math.nan]}, "a list": {"points": [PLANE.tolist()]},
    "two classes": {"labels": torch.tensor([0, 1, 1])},
    "no class": {"labels": torch.tensor([0, 1, 7])}, "flat": {"labels": [0, 1, 2]},
    "lead NaN": {"leads": [math.nan]}, "too many errors": {"errors": [11]},
    "half an error": {"errors": [0.5]},
}.items():  # fmt: skip
    smoothed.refuse(f"smoothing: {label}", lambda c=change: dict(c))

MAPS = torch.linspace(0, 1, 2 * 3 * 4 * 4).view(2, 3, 4, 4)
inner = ROOM.function(
    "kdteach.live.live_maps",
    lambda: {"split": split(), "teacher": MAPS.clone(), "classes": list(CLASSES),
             "students": {"labels": MAPS[:, :2].clone(), "taught": MAPS[:, 1:].clone()}},
    call=lambda **a: found("kdteach.live.live_maps")(**a).data,
)  # fmt: skip


def _maps(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert value["side"] == 4
    assert value["students"] == ["labels", "taught"]
    for image, teacher in zip(value["images"], MAPS, strict=True):
        shown = torch.tensor(image["teacher"])
        assert torch.allclose(shown, teacher.flatten(1), atol=5.1e-4)
        assert [len(maps) for maps in image["students"]] == [2, 2]


inner.right("as it is", nothing, _maps)
inner.vary("split", SPLITS)
for label, maps in {
    "None": None, "a list": MAPS.tolist(), "integers": MAPS.long(), "flat": MAPS[0, 0],
    "NaN": MAPS * math.nan, "one image": MAPS[:1], "oblong": MAPS[..., :3],
    "empty": MAPS[..., :0, :0], "large": torch.zeros(2, 1, 17, 17),
}.items():  # fmt: skip
    inner.refuse(f"teacher: {label}", lambda m=maps: {"teacher": m})
    inner.refuse(f"students: {label}", lambda m=maps: {"students": {"a": m}})
for label, students in {
    "none": {}, "a tensor": MAPS, "five": dict.fromkeys("abcde", MAPS),
    "another size": {"a": MAPS[..., :2, :2]},
}.items():  # fmt: skip
    inner.refuse(f"students as {label}", lambda s=students: {"students": s})

ROWS = torch.tensor([[1.0, 0.0, 2.0], [0.5, -1.0, 1.0]])
related = ROOM.function(
    "kdteach.live.live_relations",
    lambda: {"split": split(), "classes": list(CLASSES),
             "networks": {"teacher": MAPS.clone(), "student": ROWS.clone()}},
    call=lambda **a: found("kdteach.live.live_relations")(**a).data,
)  # fmt: skip


def _products(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert [network["role"] for network in value["networks"]] == ["teacher", "baseline"]
    wanted = ROWS @ ROWS.T / (ROWS @ ROWS.T).abs().max()
    found_there = torch.tensor(value["networks"][1]["products"])
    assert torch.allclose(found_there, wanted, atol=5.1e-5)
    assert value["first"] in ([0, 1], [1, 0])


related.right("as it is", nothing, _products)
related.right("another pair", lambda: {"first": (1, 0)}, _products)
related.vary("split", SPLITS)
for label, rows in {
    "None": None, "a list": ROWS.tolist(), "integers": ROWS.long(), "flat": ROWS[0],
    "NaN": ROWS * math.nan, "one image": ROWS[:1], "all 0": 0 * ROWS,
}.items():  # fmt: skip
    related.refuse(f"student: {label}", lambda r=rows: {"networks": {"a": MAPS, "b": r}})
for label, given in {
    "none": {}, "a tensor": ROWS, "one": {"a": ROWS}, "five": dict.fromkeys("abcde", ROWS),
}.items():  # fmt: skip
    related.refuse(f"networks: {label}", lambda n=given: {"networks": n})
for label, pair in {"beyond": (0, 2), "negative": (-1, 0), "one": (0,), "three": (0, 1, 1),
                    "halves": (0.5, 0), "words": "ab"}.items():  # fmt: skip
    related.refuse(f"first: {label}", lambda p=pair: {"first": p})
clicked = ROOM.function(
    "kdteach.live.live_saliency",
    lambda: {"split": split(), "model": model(), "classes": list(CLASSES)},
    call=lambda **a: found("kdteach.live.live_saliency")(**a).data,
)  # fmt: skip


def _slopes(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    """All weights are 0.25, and so is the slope of every logit."""
    del arguments
    for image in value["images"]:
        assert image["maps"] == [[0.25] * 784] * 2


clicked.right("as it is", nothing, _slopes)
clicked.vary("split", SPLITS)
clicked.vary("first", values.count(0, least=0, most=1))

SIGNED = {
    "teacher": torch.arange(2 * 2 * 784.0).view(2, 2, 28, 28).sin().double(),
    "student": torch.arange(2 * 2 * 784.0).view(2, 2, 28, 28).cos().double(),
}  # fmt: skip
EXPLAINED = torch.tensor([[0, 1], [2, 0]])
agreeing = ROOM.function(
    "kdteach.live.live_agreement",
    lambda: {"split": split(), "maps": dict(SIGNED), "targets": EXPLAINED.clone(),
             "classes": list(CLASSES)},
    call=lambda **a: found("kdteach.live.live_agreement")(**a).data,
)  # fmt: skip


def _as_given(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert value["networks"] == list(arguments["maps"])
    for i, image in enumerate(value["images"]):
        assert image["targets"] == arguments["targets"][i].tolist()
        for k, maps in enumerate(arguments["maps"].values()):
            there = torch.tensor(image["maps"][k], dtype=torch.float64)
            assert torch.allclose(there, maps[i].flatten(1).double(), atol=5.1e-5)


agreeing.right("as it is", nothing, _as_given)
agreeing.right("one target", lambda: {
    "maps": {name: rows[:, :1] for name, rows in SIGNED.items()},
    "targets": EXPLAINED[:, :1]}, _as_given)  # fmt: skip
agreeing.right("in float32", lambda: {
    "maps": {name: rows.float() for name, rows in SIGNED.items()}}, _as_given)  # fmt: skip
agreeing.vary("split", SPLITS)
agreeing.vary("first", values.count(0, least=0, most=1))
for label, given in {
    "none": {}, "a tensor": SIGNED["teacher"], "one": {"a": SIGNED["teacher"]},
    "five": dict.fromkeys("abcde", SIGNED["teacher"]), "lists": {"a": [1.0], "b": [1.0]},
    "of one image": {n: v[:1] for n, v in SIGNED.items()},
    "without targets": {n: v[:, 0] for n, v in SIGNED.items()},
    "of another size": {n: v[..., :8] for n, v in SIGNED.items()},
    "NaN": {n: v * math.nan for n, v in SIGNED.items()},
    "integers": {n: v.long() for n, v in SIGNED.items()},
}.items():  # fmt: skip
    agreeing.refuse(f"maps: {label}", lambda g=given: {"maps": g})
for label, given in {
    "None": None, "a list": EXPLAINED.tolist(), "floats": EXPLAINED.double(),
    "bool": EXPLAINED > 0, "a row": EXPLAINED[0], "of one image": EXPLAINED[:1],
    "no class": EXPLAINED + 10, "negative": -EXPLAINED, "three": EXPLAINED[:, [0, 1, 0]],
}.items():  # fmt: skip
    agreeing.refuse(f"targets: {label}", lambda g=given: {"targets": g})

switched = ROOM.function(
    "kdteach.live.live_lime",
    lambda: {"split": split(), "model": model(), "classes": list(CLASSES), "samples": 20},
    call=lambda **a: found("kdteach.live.live_lime")(**a).data,
)  # fmt: skip


def _flat(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    """All logits are alike, so that the probability is a third whatever is on."""
    del arguments
    for image in value["images"]:
        assert max(map(abs, image["weights"])) < 1e-5
        assert abs(image["constant"] - 1 / 3) < 1e-4


switched.right("as it is", nothing, _flat)
switched.vary("split", SPLITS)
switched.vary("first", values.count(0, least=0, most=1))
switched.vary("cells", values.count(4, least=2, most=7))
switched.vary("samples", values.count(20, least=2, heavy=(10**6, 10**12, 10**20)))
masked = ROOM.function(
    "kdteach.live.live_rise",
    lambda: {"split": split(), "model": model(), "classes": list(CLASSES), "masks": 20},
    call=lambda **a: found("kdteach.live.live_rise")(**a).data,
)  # fmt: skip


def _grids(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Every cell is 0 or 1, and every row of the tables adds up to 1."""
    cells = int(arguments.get("cells", 7))
    assert len(value["masks"]) == int(arguments["masks"])
    for bits, top, left in value["masks"]:
        assert len(bits) == cells**2
        assert set(bits) <= {"0", "1"}
        assert 0 <= min(top, left) <= max(top, left) < math.ceil(28 / cells)
    for row in value["rows"] + value["columns"]:
        assert abs(sum(row) - 1) < 1e-12


masked.right("as it is", nothing, _grids)
masked.right("one mask of 14 cells", lambda: {"masks": 1, "cells": 14}, _grids)
masked.vary("split", SPLITS)
masked.vary("first", values.count(0, least=0, most=1))
masked.vary("cells", values.count(7, most=14))
masked.vary("masks", values.count(20, most=5000, heavy=(10**6, 10**12, 10**20)))
masked.vary("seed", values.seed())
THREE = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
turned = ROOM.function(
    "kdteach.live.live_directions", lambda: {"teacher": THREE.clone()},
    call=lambda **a: found("kdteach.live.live_directions")(**a).data,
)  # fmt: skip


def _shares(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert np.allclose(value["teacher"], THREE, atol=1e-7)


turned.right("as it is", nothing, _shares)
turned.right("float32", lambda: {"teacher": THREE.float()}, _shares)
for label, teacher in {
    "None": None, "a list": [0.2, 0.5, 0.3], "two places": THREE[:2],
    "a table": THREE[None],
    "too many": torch.full((101,), 1 / 101), "a zero": torch.tensor([0.0, 0.5, 0.5]),
    "no sum of 1": 2 * THREE, "NaN": THREE * math.nan, "integers": torch.ones(3).long(),
    "below 0": torch.tensor([-0.5, 1.0, 0.5]),
}.items():  # fmt: skip
    turned.refuse(f"teacher: {label}", lambda t=teacher: {"teacher": t})

mixed = ROOM.function(
    "kdteach.live.live_shares",
    lambda: {"shares": [0.0, 1.0], "kinds": {"a": [[1.0, 3.0], [50, 60]]}, "teacher": 90.0},
    call=lambda **a: found("kdteach.live.live_shares")(**a).data,
)  # fmt: skip


def _mixed_shares(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    assert value["shares"] == [0.0, 1.0]
    assert value["kinds"] == [{"name": "a", "rows": [[1.0, 3.0], [50.0, 60.0]]}]
    assert (value["teacher"], value["chance"]) == (90.0, 10.0)


mixed.right("as it is", nothing, _mixed_shares)
mixed.vary("teacher", values.number(90.0, lambda x: 0 <= x <= 100))

cut = ROOM.function(
    "kdteach.live.live_threshold",
    lambda: {"scores": {"a": [0.1, 0.8, 0.5]}, "positive": [0, 1, 1], "kinds": ["p", "q"]},
    call=lambda **a: found("kdteach.live.live_threshold")(**a).data,
)  # fmt: skip


def _networks(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    del arguments
    (network,) = value["networks"]
    assert (network["positives"], network["negatives"]) == ([0.8, 0.5], [0.1])
    assert (network["auc"], network["average_precision"]) == (1.0, 1.0)
    assert value["kinds"] == ["p", "q"]


cut.right("as it is", nothing, _networks)
cut.right("arrays", lambda: {"scores": {"a": np.array([0.1, 0.8, 0.5])},
    "positive": np.array([False, True, True])}, _networks)  # fmt: skip
cut.right("tensors", lambda: {"scores": {"a": torch.tensor([0.1, 0.8, 0.5])},
    "positive": torch.tensor([0, 1, 1])}, _networks)  # fmt: skip
cut.vary("threshold", values.number(0.5, lambda x: 0 <= x <= 1))
for label, given in {
    "None": None, "a list": [[0.1, 0.8, 0.5]], "empty": {}, "a word": "a",
    "five": {c: [0.1, 0.8, 0.5] for c in "abcde"}, "too short": {"a": [0.1, 0.8]},
    "NaN": {"a": [0.1, math.nan, 0.5]}, "above 1": {"a": [0.1, 1.1, 0.5]},
    "below 0": {"a": [-0.1, 0.9, 0.5]}, "words": {"a": ["x", "y", "z"]},
    "a number for a name": {3: [0.1, 0.8, 0.5]}, "a table": {"a": [[0.1, 0.8, 0.5]]},
}.items():  # fmt: skip
    cut.refuse(f"scores: {label}", lambda g=given: {"scores": g})
for label, given in {
    "None": None, "one kind": [1, 1, 1], "no kind": [0, 0, 0], "2": [0, 1, 2],
    "a table": [[0, 1, 1]], "words": ["a", "b", "b"], "too short": [0, 1],
}.items():  # fmt: skip
    cut.refuse(f"positive: {label}", lambda g=given: {"positive": g})
for label, given in {
    "None": None, "a word": "pq", "one": ["p"], "three": ["p", "q", "r"],
    "twice": ["p"] * 2,
    "numbers": [1, 2], "empty": [],
}.items():  # fmt: skip
    cut.refuse(f"kinds: {label}", lambda g=given: {"kinds": g})
