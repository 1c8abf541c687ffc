"""Records: read strictly, written whole, never lost."""

import gzip
import json
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach import results
from kdteach.types import RunRecord
from tests.odd import values
from tests.odd.material import folder, noise, record, table
from tests.odd.sweep import Room, equals, found, nothing, require_equal

ROOM = Room("results")
ERRORS = (LookupError,)


def _lines() -> list[dict[str, Any]]:
    """Two runs of one configuration, one of another."""
    return [
        {
            "experiment": "x", "config": {"model": "fc-8", "T": t}, "seed": seed,
            "result": {"test_errors": 2, "test_wrong": [3, 5 + seed],
            "each": [1.0, 2.0 + seed]},
            "history": {"loss": [0.5, 0.25]}, "environment": {"data": "abc"},
        }
        for t, seed in ((1.0, 0), (1.0, 1), (4.0, 0))
    ]  # fmt: skip


def _folder(content: bytes | None = None, name: str = "x.jsonl") -> Path:
    place = folder()
    if content is None:
        content = b"".join(json.dumps(line, sort_keys=True).encode() + b"\n" for line
            in _lines())  # fmt: skip
    (place / name).write_bytes(content)
    return place


# which run it is

key = ROOM.function("kdteach.results.run_key",
    lambda: {"config": {"a": 1, "b": 2.5}, "seed": 3})  # fmt: skip
key.same("another order", lambda: {"config": {"b": 2.5, "a": 1}}, nothing)
key.same("NumPy's numbers", lambda: {"config": {"a": np.int64(1), "b": np.float64(2.5)}},
    nothing)  # fmt: skip
key.same("a tuple for a list", lambda: {"config": {"a": (1, 2)}},
    lambda: {"config": {"a": [1, 2]}})  # fmt: skip
key.vary("seed", [o for o in values.seed()])
for label, config in {
    "None": None, "a list": [("a", 1)], "a word": "a", "NaN": {"a": math.nan},
    "inf": {"a": [math.inf]}, "a tensor": {"a": torch.zeros(2)},
    "an array": {"a": np.zeros(2)}, "a set": {"a": {1}}, "a function": {"a": len},
    "bytes": {"a": b"x"}, "a number as key": {1: 2},
    "None as key": {None: 2}, "complex": {"a": 1j},
    "a broken repr": {"a": values.Unprintable()}, "10**400": {"a": 10**400},
    "a date": {"a": np.datetime64("2020")},
}.items():  # fmt: skip
    key.refuse(f"config: {label}", lambda c=config: {"config": c})


def _nested(levels: int) -> Any:
    inner: Any = 1
    for _ in range(levels):
        inner = [inner]
    return inner


def _circle() -> dict[str, Any]:
    inner: dict[str, Any] = {}
    inner["a"] = inner
    return inner


for levels in (100, 10_000):
    key.refuse(f"config: {levels:,} levels", lambda n=levels: {"config": {"a": _nested(n)}})
key.refuse("config: a circle", lambda: {"config": _circle()})


def _apart(value: str, arguments: dict[str, Any]) -> None:
    assert len(value) == 12
    assert value != results.run_key({"a": 1, "b": 2.5}, 3)


for label, change in {
    "another seed": {"seed": 4}, "True for 1": {"config": {"a": True, "b": 2.5}},
    "a word for 1": {"config": {"a": "1", "b": 2.5}},
}.items():  # fmt: skip
    key.right(label, lambda c=change: c, _apart)
key.circumstances()

where = ROOM.function("kdteach.results.records_path",
    lambda: {"experiment": "x", "folder": "/nowhere"})  # fmt: skip
where.right("as it is", nothing, equals(Path("/nowhere/x.jsonl")))
where.right("a Path", lambda: {"folder": Path("/nowhere")},
    equals(Path("/nowhere/x.jsonl")))  # fmt: skip
where.right("the package's", lambda: {"folder": None}, lambda value,
    _: require_equal(value.name, "x.jsonl"))  # fmt: skip
where.right("a name of digits-hinton's", lambda: {"experiment": "digits-hinton.2 b"},
            equals(Path("/nowhere/digits-hinton.2 b.jsonl")))  # fmt: skip
where.vary("experiment", values.file_name())
where.vary("folder", [o for o in values.path() if o.label != "too long a name"])
home = ROOM.function("kdteach.results.records_folder", dict)
home.right("as it is", nothing, lambda value, _: require_equal(
    (value / "digits-hinton.jsonl").exists(), True))  # fmt: skip

# reading

load = ROOM.function(
    "kdteach.results.load_records", lambda: {"experiment": "x", "folder": _folder()},
    also={"folder": ("x.jsonl", "line")},
)  # fmt: skip


def _as_written(value: list[RunRecord], _: Any) -> None:
    assert [vars(r) for r in value] == _lines()


load.right("as it is", nothing, _as_written)
load.right("a folder as str", lambda: {"folder": str(_folder())}, lambda value,
    _: require_equal(len(value), 3))  # fmt: skip
load.right("no file yet", lambda: {"folder": folder()}, equals([]))
load.right("no folder yet", lambda: {"folder": folder() / "none"}, equals([]))
load.vary("experiment", values.file_name())
load.vary("folder", values.path(), names=("folder", "x.jsonl"))


def _spoiled(change: Callable[[dict[str, Any]], Any]) -> bytes:
    lines = _lines()
    changed = change(lines[1])
    lines[1] = lines[1] if changed is None else changed
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _set(*place: Any) -> Callable[[dict[str, Any]], None]:
    *keys, value = place

    def act(line: dict[str, Any]) -> None:
        for part in keys[:-1]:
            line = line[part]
        line[keys[-1]] = value

    return act


SPOILED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "seed -1": _set("seed", -1), "seed True": _set("seed", True),
    "seed 1.0": _set("seed", 1.0), "seed '1'": _set("seed", "1"),
    "seed None": _set("seed", None),
    "of another experiment": _set("experiment", "y"),
    "experiment 3": _set("experiment", 3), "config a list": _set("config", []),
    "config None": _set("config", None), "result a list": _set("result", [1]),
    "result null": _set("result", "test_errors", None),
    "result '12'": _set("result", "test_errors", "12"),
    "result true": _set("result", "test_errors", True),
    "result NaN": _set("result", "x", math.nan),
    "result inf": _set("result", "x", math.inf),
    "result nested": _set("result", "x", [[1.0]]),
    "result an object": _set("result", "x", {"a": 1}),
    "test_wrong 3": _set("result", "test_wrong", 3),
    "test_wrong of words": _set("result", "test_wrong", ["3", "5"]),
    "test_wrong negative": _set("result", "test_wrong", [-1, 3]),
    "test_wrong of floats": _set("result", "test_wrong", [1.5, 2.0]),
    "test_wrong twice": _set("result", "test_wrong", [3, 3]),
    "more errors than images": _set("result", "test_errors", 5),
    "errors 2.5": _set("result", "test_errors", 2.5),
    "errors -2": _set("result", "test_errors", -2),
    "history a number": _set("history", "loss", 3),
    "history of words": _set("history", "loss", ["a"]),
    "history null": _set("history", "loss", [None]), "history a list": _set("history", []),
    "environment a list": _set("environment", []), "a field too many": _set("extra", 1),
    "a field missing": lambda line: line.pop("history") and None,
    "a list": lambda line: [1], "a number": lambda line: 3,
    "the run of line 1": lambda line: _lines()[0],
    "deep": lambda line: {**line, "config": {"a": _nested(900)}},
}  # fmt: skip
for label, change in SPOILED.items():
    load.refuse(f"a line with {label}", lambda c=change: {"folder": _folder(_spoiled(c))})
LINE = json.dumps(_lines()[0])
for label, content in {
    "empty": b"", "one empty line": b"\n", "garbage": noise(200),
    "half a line": LINE.encode()[:60], "not UTF-8": LINE.replace("fc-8",
    "fc-\udcff8").encode(
        "utf-8", "surrogateescape"), "a doubled key": LINE.replace('"seed"',
        '"seed": 9, "seed"').encode(),
    "a doubled result": LINE.replace('"test_errors"',
    '"test_errors": 1, "test_errors"').encode(),
    "NaN as word": LINE.replace("0.25", "NaN").encode(),
    "Infinity": LINE.replace("0.25", "-Infinity").encode(),
    "10,000 levels": b"[" * 10_000 + b"]" * 10_000,
    "a comma too many": LINE.replace("}", ",}").encode(),
    "single quotes": LINE.replace('"', "'").encode(),
    "Python's None": LINE.replace("0.25", "None").encode(),
    "two on a line": (LINE + LINE).encode(),
    "5,000 digits": LINE.replace("0.25", "9" * 5000).encode(),
    "1e999": LINE.replace("0.25", "1e999").encode(),
    "a NUL": LINE.replace("fc-8", "fc\0").encode(),
    "packed": gzip.compress(LINE.encode()),
    "an empty line between": (LINE + "\n\n" + LINE).encode(),
    "pickled": pickle.dumps(_lines()),
}.items():  # fmt: skip
    load.refuse(f"file: {label}", lambda c=content: {"folder": _folder(c)})


load.either("file: a byte order mark", lambda: {
    "folder": _folder(b"\xef\xbb\xbf" + LINE.encode())},
            lambda value, _: require_equal(len(value), 1))  # fmt: skip


def _special(kind: str) -> Path:
    place = folder()
    path = place / "x.jsonl"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a link in a circle":
        path.symlink_to("x.jsonl")
    elif kind == "a link to nothing":
        path.symlink_to("nowhere/else")
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "2 TB of nothing":
        with path.open("wb") as file:
            file.truncate(2**41)
    return place


KINDS = ("a pipe", "a folder", "a link in a circle", "a link to nothing", "a device",
    "2 TB of nothing")  # fmt: skip
for kind in KINDS:
    load.refuse(kind, lambda k=kind: {"folder": _special(k)})
load.right("a link to another file", lambda: {"folder": _linked()}, lambda value,
    _: require_equal(len(value), 3))  # fmt: skip


def _linked() -> Path:
    place, other = folder(), _folder()
    (place / "x.jsonl").symlink_to(other / "x.jsonl")
    return place


load.circumstances()

measured = ROOM.function(
    "kdteach.results.measured", lambda: {"experiment": "x", "metric": "test_errors",
    "folder": _folder(), "T": 1.0},
    errors=ERRORS, also={"folder": ("x.jsonl", "line", "x"), "T": ("configurations",)},
)  # fmt: skip
measured.right("as it is", nothing, lambda value,
    _: require_equal((value.tolist(), value.seeds), ([2.0, 2.0], (0, 1))))  # fmt: skip
measured.right("an item", lambda: {"metric": "each", "item": 1}, lambda value,
    _: require_equal(value.tolist(), [2.0, 3.0]))  # fmt: skip
measured.right("the first seed", lambda: {"first": 1}, lambda value,
    _: require_equal(value.tolist(), [2.0]))  # fmt: skip
measured.right("T = 1", lambda: {"T": 1}, lambda value, _: require_equal(len(value), 2))
measured.right("T of NumPy's", lambda: {"T": np.float64(4.0)}, lambda value,
    _: require_equal(len(value), 1))  # fmt: skip
for label, change in {
    "another metric": {"metric": "nonsense"}, "metric None": {"metric": None},
    "metric 3": {"metric": 3}, "a list without item": {"metric": "each"},
    "an item of a number": {"item": 0}, "item 2 of 2": {"metric": "each", "item": 2},
    "item -1": {"metric": "each", "item": -1}, "item 0.5": {"metric": "each", "item": 0.5},
    "item True": {"metric": "each", "item": True}, "first 0": {"first": 0},
    "first -1": {"first": -1}, "first 3 of 2": {"first": 3}, "first 1.5": {"first": 1.5},
    "first True": {"first": True}, "T = 2": {"T": 2.0}, "T None": {"T": None},
    "T True": {"T": True}, "T '1.0'": {"T": "1.0"}, "T nan": {"T": math.nan},
    "T a tensor": {"T": torch.tensor(1.0)}, "T a broken repr": {"T": values.Unprintable()},
    "a setting nobody has": {"nonsense": 3},
}.items():  # fmt: skip
    measured.refuse(label, lambda c=change: c,
        names=(*change, "metric", "x", "configurations"))  # fmt: skip
measured.refuse("a misspelt setting", lambda: {"modell": None}, names=("modell",))
measured.refuse("two configurations", lambda: {"T": 1.0,
    "folder": _folder(_spoiled(_set("config", "more", 1)))}, names=("configurations",
))  # fmt: skip
measured.vary("experiment", values.file_name())
measured.refuse("another experiment", lambda: {"experiment": "y"}, names=("y", "y.jsonl"))
measured.circumstances()

wrong = ROOM.function(
    "kdteach.results.wrong_images", lambda: {"experiment": "x", "folder": _folder(),
    "T": 1.0}, errors=ERRORS
)  # fmt: skip
wrong.right("as it is", nothing, lambda value, _: require_equal(
    (list(value), value.seeds, value.data), ([[3, 5], [3, 6]], (0, 1), ("abc", "abc"
))))  # fmt: skip
for label, change in {"T = 2": {"T": 2.0}, "T None": {"T": None}, "T nan": {"T": math.nan},
    "nobody has": {"nonsense": 3}}.items():  # fmt: skip
    wrong.refuse(label, lambda c=change: c, names=("configurations", *change))
wrong.refuse("without images", lambda: {"folder": _folder(b"".join(
    json.dumps({**line, "result": {"test_errors": 2}}).encode() + b"\n" for line
    in _lines()))}, names=("test_wrong",))  # fmt: skip
wrong.vary("experiment", values.file_name())

# writing


def _add(folder: Path, new: Any, **arguments: Any) -> list[RunRecord]:
    found("kdteach.results.add_records")("x", new, folder, **arguments)
    return results.load_records("x", folder)


add = ROOM.function(
    "kdteach.results.add_records", lambda: {"folder": _folder(), "new": [record(seed=7)]},
    call=_add,
    changes=("folder",), also={"folder": ("x.jsonl", "line"), "new": ("record", "x")},
)  # fmt: skip


def _more(count: int) -> Callable[[Any, Any], None]:
    """What was there is there, byte for byte, and so much more."""

    def check(value: list[RunRecord], arguments: dict[str, Any]) -> None:
        path = arguments["folder"] / "x.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        for line in _lines():
            assert json.dumps(line, sort_keys=True).encode() in lines, "a record is lost"
        assert len(value) == len(lines) == 3 + count
        assert [p.name for p in arguments["folder"].iterdir()] == [
            "x.jsonl"], "something is left"  # fmt: skip

    return check


add.right("as it is", nothing, _more(1))
add.right("none", lambda: {"new": []}, _more(0))
add.right("two", lambda: {"new": [record(seed=7), record(seed=8)]}, _more(2))
add.right("a generator", lambda: {"new": (record(seed=s) for s in (7, 8))}, _more(2))
add.right("a tuple", lambda: {"new": (record(seed=7),)}, _more(1))
add.right("NumPy's numbers", lambda: {"new": [record(seed=np.int64(7),
    result={"a": np.float32(0.5), "b": np.int8(3)})]}, _more(1))  # fmt: skip
add.right("seeds skipped", lambda: {"new": [_first(), record(seed=7)],
    "skip_recorded": True}, _more(1))  # fmt: skip
add.right("a file of mode 600", lambda: {"folder": _private()}, lambda value,
    a: require_equal(
    (a["folder"] / "x.jsonl").stat().st_mode & 0o777, 0o600))  # fmt: skip


def _first() -> RunRecord:
    return RunRecord(**_lines()[0])


def _private() -> Path:
    place = _folder()
    (place / "x.jsonl").chmod(0o600)
    return place


def _through_a_link(value: Any, arguments: dict[str, Any]) -> None:
    path = arguments["folder"] / "x.jsonl"
    assert path.is_symlink()
    assert len(path.read_bytes().splitlines()) == 4


add.right("through a link", lambda: {"folder": _linked()}, _through_a_link)
add.refuse("recorded already", lambda: {"new": [_first()]}, names=("recorded",))
add.refuse("the same twice", lambda: {"new": [record(seed=7), record(seed=7)]})
for label, new in {
    "None": None, "one alone": record(seed=7), "a dict": _lines()[0], "dicts": _lines(),
    "words": ["x"], "a word": "x", "None inside": [None], "3": 3, "bytes": b"x",
}.items():  # fmt: skip
    add.refuse(f"new: {label}", lambda n=new: {"new": n})
for label, change in SPOILED.items():
    if label in ("a field too many", "a field missing", "a list", "a number",
        "the run of line 1"):  # fmt: skip
        continue

    def spoiled(change: Callable[[dict[str, Any]], Any] = change) -> dict[str, Any]:
        line = {**_lines()[0], "seed": 7}
        line = change(line) or line
        return {"new": [record(seed=8), RunRecord(**line)]}

    add.refuse(f"a record with {label}", spoiled)
for label, change in {
    "a tensor": {"result": {"a": torch.tensor(1.0)}},
    "an array": {"result": {"a": np.zeros(2)}}, "a function": {"config": {"a": len}},
    "a path": {"config": {"a": Path("x")}},
    "a circle": {"config": _circle()}, "10**400": {"config": {"a": 10**400}},
    "complex": {"config": {"a": 1j}}, "a number as key": {"config": {1: 2}},
    "a set": {"config": {"a": {1}}},
    "half a character": {"config": {"a": "\ud800"}},
    "a broken repr": {"config": {"a": values.Unprintable()}},
    "NumPy's nan": {"result": {"a": np.float32("nan")}},
}.items():  # fmt: skip
    if label == "half a character":
        add.either(f"a record with {label}", lambda c=change: {"new": [record(seed=7,
            **c)]}, _more(1))  # fmt: skip
    else:
        add.refuse(f"a record with {label}", lambda c=change: {"new": [record(seed=8),
            record(seed=7, **c)]})  # fmt: skip
for label, content in {"half a line": LINE.encode()[:60], "empty": b"",
    "garbage": b"\xff\xfe\x00", "a run twice": f"{LINE}\n{LINE}\n".encode()}.items(
):  # fmt: skip
    for new in ("one", "none"):
        add.refuse(f"{new} to a file: {label}", lambda c=content, n=new: {
            "folder": _folder(c), "new": [record(seed=7)] if n == "one" else []},
            names=("x.jsonl", "line"))  # fmt: skip
for kind in KINDS:
    add.refuse(f"to {kind}", lambda k=kind: {"folder": _special(k)},
        names=("x.jsonl",))  # fmt: skip
add.refuse("to a file as folder", lambda: {"folder": _folder() / "x.jsonl"},
    names=("x.jsonl",))  # fmt: skip
add.vary("skip_recorded", [o for o in values.switch() if o.stands_for is None])
for odd in values.file_name():
    add.refuse(f"experiment: {odd.label}", lambda o=odd: {"experiment": o.make()},
        names=("experiment",),
               call=lambda folder, new, experiment: results.add_records(experiment, new,
               folder))  # fmt: skip

# two who write at once


def _raced(value: Any, arguments: dict[str, Any]) -> None:
    assert value == 30, f"{value} of 30 records are left"


def _race(folder: Path) -> int:
    children = []
    for writer in range(3):
        child = os.fork()
        if child == 0:
            try:
                for number in range(10):
                    results.add_records("x", [record(seed=100 * writer + number)], folder)
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return len(results.load_records("x", folder))


race = ROOM.function("kdteach.results.add_records", lambda: {"folder": folder()},
    call=_race, changes=("folder",))  # fmt: skip
race.right("three writers", nothing, _raced)

# logits in files


def _stored(path: Any, logits: Any) -> dict[str, Tensor]:
    found("kdteach.results.save_logits")(path, logits)
    return results.load_logits(path)


save = ROOM.function(
    "kdteach.results.save_logits", lambda: {"path": folder() / "a.safetensors",
    "logits": {"train": table(4, 3)}},
    call=_stored, changes=("path",),
)  # fmt: skip
save.right("as it is", nothing, equals(lambda a: a["logits"]))
for label, logits in {
    "float32": table(4, 3).float(), "half": table(4, 3).half(),
    "bfloat16": table(4, 3).bfloat16(), "transposed": table(3, 4).T,
    "expanded": table(1, 3).expand(4, 3),
    "with gradients": table(4, 3).requires_grad_(),
    "NaN rows": table(4, 3).index_fill(0, torch.tensor([1]), math.nan),
    "a part of another": table(9, 3)[2:6],
}.items():  # fmt: skip
    save.right(label, lambda z=logits: {"logits": {"train": z}}, lambda value,
        a: require_equal(
        value["train"], a["logits"]["train"].detach()))  # fmt: skip
save.right("over another", lambda: {"path": _file(b"old")}, equals(lambda a: a["logits"]))
save.right("of two splits that share memory", lambda: {"logits": dict.fromkeys(("test",
    "train"), table(4, 3))},
           equals(lambda a: a["logits"]))  # fmt: skip


def _file(content: bytes) -> Path:
    path = folder() / "a.safetensors"
    path.write_bytes(content)
    return path


for label, logits in {
    "None": None, "a table": table(4, 3), "empty": {}, "a list": [table(4, 3)],
    "integers": {"train": table(4, 3).long()}, "(N,)": {"train": table(4, 3)[:, 0]},
    "an array": {"train": table(4, 3).numpy()}, "None inside": {"train": None},
    "a number as name": {1: table(4, 3)}, "a path as name": {"../x": table(4, 3)},
    "sparse": {"train": table(4, 3).to_sparse()},
    "meta": {"train": table(4, 3).to("meta")}, "complex": {"train": table(4, 3) * 1j},
    "float8": {"train": table(4, 3).float().to(torch.float8_e4m3fn)},
}.items():  # fmt: skip
    save.refuse(f"logits: {label}", lambda z=logits: {"logits": z},
        names=("logits", "split"))  # fmt: skip
save.vary("path", [o for o in values.path()])
save.refuse("path: a folder", lambda: {"path": folder()}, names=("odd-", "results"))

read = ROOM.function("kdteach.results.load_logits", lambda: {"path": _file(b"")},
    also={"path": ("a.safetensors",)})  # fmt: skip
for label, content in {
    "empty": b"", "garbage": noise(300), "a header of 2**60": (2**60).to_bytes(8,
    "little") + b"{}", "pickled": pickle.dumps({"train": [1]}),
    "half": b"\x40" + bytes(
    7) + b'{"train":{"dtype":"F64","shape":[4,3],"data_offsets":[0,96]}}'.ljust(64),
    "JSON": b'{"train": 1}', "a header of NaN": b"\x08" + bytes(7) + b'{"a":NaN}',
    "10,000 levels": (20_000).to_bytes(8, "little") + b"[" * 10_000 + b"]" * 10_000,
}.items():  # fmt: skip
    read.refuse(f"file: {label}", lambda c=content: {"path": _file(c)})


def _other_tensors(**tensors: Tensor) -> Path:
    from safetensors.torch import save

    return _file(save(tensors))


for label, make in {
    "integers": lambda: _other_tensors(train=table(4, 3).long()),
    "(N,)": lambda: _other_tensors(train=table(4, 3)[:, 0].contiguous()),
    "answers of fewer rows": lambda: _other_tensors(**{"train": table(4, 3),
    "train.answers": torch.arange(3)}),
    "answers of floats": lambda: _other_tensors(**{"train": table(4, 3),
    "train.answers": torch.rand(4)}),
}.items():  # fmt: skip
    read.refuse(f"file: {label}", lambda m=make: {"path": m()})
read.refuse("not there", lambda: {"path": folder() / "a.safetensors"})
for kind in ("a pipe", "a folder", "a link in a circle", "a device", "2 TB of nothing"):
    read.refuse(kind, lambda k=kind: {"path": _special(k) / "x.jsonl"}, names=("x.jsonl",))
read.vary("path", values.path())

able = ROOM.function("kdteach.results.require_writable", lambda: {"folder": folder()})
able.right("as it is", nothing, lambda value, a: require_equal((value,
    list(a["folder"].iterdir())), (None, [])))  # fmt: skip
able.right("a user's .probe", lambda: {"folder": _with_probe()}, lambda value,
    a: require_equal(
    (a["folder"] / ".probe").read_text(), "mine"))  # fmt: skip
able.refuse("a file", lambda: {"folder": _folder() / "x.jsonl"}, names=("x.jsonl",))


def _with_probe() -> Path:
    place = folder()
    (place / ".probe").write_text("mine")
    return place
