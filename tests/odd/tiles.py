"""MHIST and its stand-in: folders of pictures that are damaged, too large or hostile."""

import csv
import io
import math
import os
import pickle
import shutil
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from kdteach.data import petri
from kdteach.types import ImageSet, Split
from tests.odd import values
from tests.odd.material import folder, noise, split, tiles
from tests.odd.sweep import Room, found, nothing, require_equal

ROOM = Room("data")

# drawing

cases = ROOM.function("kdteach.data.petri.cases", lambda: {"scale": 0.005})


def _planned(value: Any, arguments: dict[str, Any]) -> None:
    scale = float(arguments["scale"])
    for partition, label, count in (("train", "HP", 1545), ("train", "SSA", 630),
        ("test", "HP", 617), ("test", "SSA", 360)):  # fmt: skip
        wanted = max(2, int(count * scale + 0.5))
        assert sum((c.partition, c.label) == (partition, label) for c in value) == wanted
    assert [c.name for c in value] == sorted({c.name for c in value})
    assert all((c.votes > 3) == (c.label == "SSA") for c in value)


for scale in (1e-300, 0.001, 0.005, np.float32(0.25)):
    cases.right(f"scale = {scale!r}", lambda s=scale: {"scale": s}, _planned)
cases.vary("scale", [o for o in values.number(0.0078125, lambda x: 0 < x < 5.5)],
    names=("scale", "names"))  # fmt: skip
cases.vary("seed", values.seed())
for scale in (10, 1e9, 1e300):
    cases.refuse(f"scale = {scale:g}", lambda s=scale: {"scale": s})
cases.circumstances()


def _apart(value: Any, _: Any) -> None:
    assert [c.shape for c in value] != [c.shape for c in petri.cases(0.005)]


cases.right("another seed", lambda: {"seed": 1}, _apart)
draw = ROOM.function("kdteach.data.petri.draw",
    lambda: {"case": petri.cases(0.001)[0], "size": 16})  # fmt: skip


def _tile(value: Any, arguments: dict[str, Any]) -> None:
    size = int(arguments["size"])
    assert value.image.shape == (size, size, 3)
    assert value.image.dtype == np.uint8
    assert value.mask.shape == (size, size)
    assert value.mask.any()
    assert value.image.std() > 5


for size in (16, 33, 64):
    draw.right(f"size = {size}", lambda s=size: {"size": s}, _tile)
draw.vary("size", values.count(16, least=16, most=4096))
draw.vary("case", values.refused(
    ("None", lambda: None), ("a number", lambda: 3), ("its name", lambda: "MHIST_aaa.png"),
    ("the class", lambda: petri.Case), ("all cases", lambda: petri.cases(0.001)),
    ("a dict", lambda: vars(petri.cases(0.001)[0])),
    ("a tile", lambda: petri.draw(petri.cases(0.001)[0], 16)),
))  # fmt: skip
draw.refuse("a shape of NaN", lambda: {"case": petri.Case("a", "train", "HP", 1, math.nan,
    (0, 0))}, names=("shape",))  # fmt: skip
draw.refuse("a shape of 2", lambda: {"case": petri.Case("a", "train", "HP", 1, 2.0,
    (0, 0))}, names=("shape",))  # fmt: skip
for name, options in (("load_petri", {"size": 16, "scale": 0.002}),
    ("load", {"name": "petri", "size": 16, "scale": 0.002})):  # fmt: skip
    path = "kdteach.data.load" if name == "load" else "kdteach.data.petri.load_petri"
    drawn = ROOM.function(path, lambda options=options: dict(options),
        title=name + ", petri")  # fmt: skip

    def _set(value: ImageSet, arguments: dict[str, Any]) -> None:
        whole = petri.cases(arguments["scale"], arguments.get("seed", 0))
        assert sum(len(part) for part in (value.train, value.valid,
            value.test)) == len(whole)  # fmt: skip
        assert value.image_shape == (3, 16, 16)
        assert value.classes == ("HP", "SSA")
        first = value.test.images[0]
        case = next(c for c in whole if c.partition == "test")
        require_equal(first, torch.from_numpy(petri.draw(case, 16).image).permute(2, 0, 1))

    drawn.right("petri", nothing, _set)
    drawn.right("petri, another seed", lambda: {"seed": 5}, _set)
    if name == "load":
        drawn.vary("size", [o for o in values.count(16, least=16,
            most=4096) if o.stands_for is None or "int64" in o.label])  # fmt: skip
        drawn.vary("scale", [o for o in values.number(0.001953125,
            lambda x: 0 < x < 5.5) if o.stands_for is None or "float32" in o.label
        ])  # fmt: skip
        drawn.vary("seed", [o for o in values.seed() if o.stands_for is None or "int64"
            in o.label])  # fmt: skip
    drawn.refuse("10 TB of tiles", lambda: {"size": 4096, "scale": 5.0},
        names=("size", "scale"), alone=True)  # fmt: skip
tissues = ROOM.function("kdteach.data.load", lambda: {"name": "tissues", "size": 16,
    "count": 10}, title="load('tissues')")  # fmt: skip


def _eight(value: ImageSet, arguments: dict[str, Any]) -> None:
    counts = [torch.bincount(part.labels, minlength=8).tolist() for part in (value.train,
        value.valid, value.test)]  # fmt: skip
    assert counts == [[7] * 8, [1] * 8, [2] * 8], counts
    assert value.image_shape == (3, 16, 16)


for argument, odds in (("size", values.count(16, least=16)),
    ("count", values.count(10, least=10)), ("seed", values.seed())):  # fmt: skip
    tissues.vary(argument, [o for o in odds if o.stands_for is None])
tissues.right("NumPy's numbers", lambda: {"size": np.int64(16), "count": np.uint8(10)},
    _eight)  # fmt: skip
tissues.refuse("10 TB of tiles", lambda: {"count": 10**9}, names=("count",), alone=True)
tissues.refuse("tiles of 10**6 pixels", lambda: {"size": 10**6}, names=("size",),
    alone=True)  # fmt: skip

# writing

write = ROOM.function(
    "kdteach.data.petri.write", lambda: {"out": folder() / "new", "size": 16,
    "scale": 0.001, "workers": 1},
    changes=("out",),
)  # fmt: skip


def _written(value: Path, arguments: dict[str, Any]) -> None:
    place = Path(arguments["out"])
    assert value == place
    assert sorted(p.name for p in place.iterdir()) == ["annotations.csv", "images", "masks"]
    whole = found("kdteach.data.load")("mhist", place)
    plain = found("kdteach.data.load")("petri", size=16, scale=0.001)
    for name in ("train", "valid", "test"):
        require_equal(getattr(whole, name).images, getattr(plain, name).images)
        require_equal(getattr(whole, name).votes, getattr(plain, name).votes)
    left = [p.name for p in place.parent.iterdir() if p.name.startswith(".")]
    assert not left, left


write.right("as it is", nothing, _written)
write.right("a str", lambda: {"out": str(folder() / "new")}, lambda value,
    a: require_equal(sorted(os.listdir(a["out"])), ["annotations.csv", "images", "masks"
]))  # fmt: skip
write.vary("out", values.path())
write.vary("size", [o for o in values.count(16, least=16,
    most=4096) if o.stands_for is None])  # fmt: skip
write.vary("scale", [o for o in values.number(0.005,
    lambda x: 0 < x < 5.5) if o.stands_for is None and o.label != "10**400"],
    names=("scale", "names"))  # fmt: skip
write.vary("seed", [o for o in values.seed() if o.stands_for is None])
write.vary("workers", [o for o in values.count(1, none=True) if o.stands_for is None])


def _full() -> Path:
    place = folder()
    (place / "mine.txt").write_text("mine")
    return place


write.refuse("a full folder", lambda: {"out": _full()}, names=("mine.txt", "out"))
write.refuse("a file", lambda: {"out": _full() / "mine.txt"}, names=("mine.txt",))
write.refuse("inside a file", lambda: {"out": _full() / "mine.txt" / "new"},
    names=("mine.txt",))  # fmt: skip
write.refuse("this folder", lambda: {"out": "."}, names=("folder",))

# reading


@cache
def _template() -> Path:
    place = folder() / "MHIST"
    petri.write(place, size=16, scale=0.001, workers=1)
    return place


def _copy(change: Callable[[Path], Any] = lambda _: None) -> Path:
    place = folder() / "MHIST"
    shutil.copytree(_template(), place)
    change(place)
    return place


mhist = ROOM.function(
    "kdteach.data.load", lambda: {"name": "mhist", "root": _copy()}, title="load('mhist')",
    also={"root": ("annotations.csv", "row", "images", "column")},
)  # fmt: skip


def _as_drawn(value: ImageSet, arguments: dict[str, Any]) -> None:
    plain = found("kdteach.data.load")("petri", size=16, scale=0.001)
    for name in ("train", "valid", "test"):
        require_equal(getattr(value, name).images, getattr(plain, name).images)
        require_equal(getattr(value, name).labels, getattr(plain, name).labels)


mhist.right("as it is", nothing, _as_drawn)
mhist.right("the folder around it", lambda: {"root": _copy().parent}, _as_drawn)
mhist.right("a str", lambda: {"root": str(_copy())}, _as_drawn)
mhist.right("bytes", lambda: {"root": os.fsencode(_copy())}, _as_drawn)
mhist.right("size = 16", lambda: {"size": np.int64(16)}, _as_drawn)
mhist.right("with a link to it", lambda: {"root": _link(_copy())}, _as_drawn)
mhist.circumstances()
mhist.vary("root", values.path(), names=("root", "path", "MHIST"))
mhist.refuse("no folder", lambda: {"root": folder() / "none"}, names=("none",))
mhist.refuse("an empty folder", lambda: {"root": folder()},
    names=("annotations.csv", "MHIST"))  # fmt: skip
mhist.refuse("a file", lambda: {"root": _copy() / "annotations.csv"})
mhist.vary("size", [o for o in values.count(16, none=True,
    most=4096) if o.stands_for is None])  # fmt: skip
mhist.refuse("another size", lambda: {"size": 32}, names=("row",))
mhist.vary("duplicates", [o for o in values.choice("refuse")])


def _link(target: Path) -> Path:
    path = folder() / "link"
    path.symlink_to(target)
    return path


def _table(change: Callable[[list[list[str]]], Any]) -> Callable[[Path], None]:
    def act(place: Path) -> None:
        path = place / "annotations.csv"
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        changed = change(rows)
        rows = rows if changed is None else changed
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)

    return act


def _cell(row: int, column: int, text: str) -> Callable[[list[list[str]]], None]:
    def act(rows: list[list[str]]) -> None:
        rows[row][column] = text

    return act


def _content(data: bytes) -> Callable[[Path], None]:
    def act(place: Path) -> None:
        (place / "annotations.csv").write_bytes(data)

    return act


TABLES: dict[str, Callable[[Path], Any]] = {
    "empty": _content(b""), "a header alone": _table(lambda rows: rows[:1]),
    "garbage": _content(noise(500)), "UTF-16": _content(
    "Image Name".encode("utf-16")), "NULs": _content(bytes(100)),
    "an open quote": _content(b'"Image Name,Majority'),
    "no header": _table(lambda rows: rows[1:]), "another header": _table(_cell(0, 1,
    "Label")), "a column twice": _table(_cell(0, 1, "Partition")),
    "a short row": _table(lambda rows: rows[3].pop() and None),
    "a long row": _table(lambda rows: rows[3].append("x")),
    "a name twice": _table(lambda rows: rows.append(list(rows[1]))),
    "all of one class": _table(lambda rows: [rows[0],
    *(r for r in rows[1:] if r[1] == "HP")]),
    "no test": _table(lambda rows: [rows[0], *(r for r in rows[1:] if r[3] == "train")]),
    "label 'hp'": _table(_cell(1, 1, "hp")), "an empty label": _table(_cell(1, 1, "")),
    "votes 8": _table(_cell(1, 2, "8")), "votes -1": _table(_cell(1, 2, "-1")),
    "votes 3.0": _table(_cell(1, 2, "3.0")), "votes NaN": _table(_cell(1, 2, "nan")),
    "votes ٣": _table(_cell(1, 2, "٣")), "partition 'valid'": _table(_cell(1, 3, "valid")),
    "name '..'": _table(_cell(1, 0, "..")), "name '../../etc/passwd'": _table(_cell(1, 0,
    "../../etc/passwd")),
    "name '/etc/passwd'": _table(_cell(1, 0, "/etc/passwd")),
    "an empty name": _table(_cell(1, 0, "")), "a name with NUL": _table(_cell(1, 0,
    "a\\0b")), "a long name": _table(_cell(1, 0, "x" * 5000)),
    "a name that is not there": _table(_cell(1, 0, "nobody.png")),
    "a cell of 200,000 characters": _table(_cell(1, 1, "x" * 200_000)),
    "votes against the label": _table(lambda rows: _cell(1, 2,
    "0" if rows[1][1] == "SSA" else "7")(rows)),
    "a pipe": lambda p: _instead(p / "annotations.csv", "pipe"),
    "a folder": lambda p: _instead(p / "annotations.csv", "folder"),
    "a device": lambda p: _instead(p / "annotations.csv", "device"),
    "2 TB of nothing": lambda p: _instead(p / "annotations.csv", "sparse"),
    "a link in a circle": lambda p: _instead(p / "annotations.csv", "circle"),
}  # fmt: skip


def _instead(path: Path, kind: str) -> None:
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "circle":
        path.symlink_to(path.name)
    elif kind == "outside":
        other = folder() / "x.png"
        Image.new("RGB", (16, 16)).save(other)
        path.symlink_to(other)
    elif kind == "nothing":
        path.symlink_to("nobody")
    else:
        with path.open("wb") as file:
            file.truncate(2**41)


for label, change in TABLES.items():
    mhist.refuse(f"table: {label}", lambda c=change: {"root": _copy(c)})
mhist.refuse("columns in another order",
             lambda: {"root": _copy(_table(lambda rows: [[r[3], r[0], r[1],
             r[2]] for r in rows]))})  # fmt: skip


def _first(place: Path) -> Path:
    return sorted((place / "images").iterdir())[0]


def _picture(data: bytes | Callable[[], bytes]) -> Callable[[Path], None]:
    def act(place: Path) -> None:
        _first(place).write_bytes(data() if callable(data) else data)

    return act


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _png(width: int, height: int, extra: bytes = b"") -> bytes:
    """A PNG that says it is so large, and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I",
            zlib.crc32(kind + data))  # fmt: skip

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT",
        zlib.compress(bytes(100))) + chunk(b"IEND", b"")  # fmt: skip


POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n"
    b"(%s) (w) file closefile\nshowpage\n"
)
"""It writes a file, if anybody runs it."""


def _postscript(end: bytes) -> Callable[[Path], None]:
    def act(place: Path) -> None:
        program = POSTSCRIPT.replace(b"%s", os.fsencode(place / "was-here"))
        _first(place).write_bytes(program.replace(b"showpage", end))

    return act


PICTURES: dict[str, Callable[[Path], Any]] = {
    "empty": _picture(b""), "garbage": _picture(noise(300)),
    "half a PNG": lambda p: _first(p).write_bytes(_first(p).read_bytes()[:120]),
    "one byte changed": lambda p: _flip(_first(p)), "PostScript": _postscript(b"showpage"),
    "PostScript that never ends": _postscript(b"{} loop"),
    "PDF": _picture(b"%PDF-1.4\n1 0 obj<</S/JavaScript>>endobj"),
    "SVG": _picture(
    b"<svg xmlns='http://www.w3.org/2000/svg'><image href='http://localhost/x'/></svg>"),
    "GIF": _picture(lambda: _saved(Image.new("P", (16, 16)), "GIF")),
    "WebP": _picture(lambda: _saved(Image.new("RGB", (16, 16)), "WEBP")),
    "AVIF": _picture(b"\0\0\0\x20ftypavif" + bytes(200)),
    "ICO": _picture(b"\0\0\1\0\1\0" + bytes(60)),
    "a pickle": _picture(pickle.dumps([1])),
    "text": _picture(b"a picture"), "another size": _picture(
    lambda: _saved(Image.new("RGB", (17, 17)), "PNG")),
    "one pixel": _picture(lambda: _saved(Image.new("RGB", (1, 1)), "PNG")),
    "60,000 x 60,000 in 100 bytes": _picture(_png(60_000, 60_000)),
    "no width": _picture(_png(0, 16)),
    "a pixel more than there are": _picture(_png(16, 16)),
    "of 2**31 pixels": _picture(_png(2**31 - 1, 1)),
    "a bomb in a text chunk": _picture(lambda: _png(16, 16, _text_bomb())),
    "a TIFF bomb": _picture(b"II*\0" + struct.pack("<I", 8) + struct.pack("<H",
    65535) + bytes(12)),
    "a TIFF that points at itself": _picture(b"II*\0\x08\0\0\0\0\0\x08\0\0\0"),
    "a JPEG's head": _picture(b"\xff\xd8\xff\xe0" + bytes(40)),
    "a BMP of negative width": _picture(b"BM" + bytes(12) + struct.pack("<Iii", 40, -5,
    16) + bytes(40)), "a pipe": lambda p: _instead(_first(p), "pipe"),
    "a folder": lambda p: _instead(_first(p), "folder"),
    "a device": lambda p: _instead(_first(p), "device"),
    "a link in a circle": lambda p: _instead(_first(p), "circle"),
    "a link to nothing": lambda p: _instead(_first(p), "nothing"),
    "a link to outside": lambda p: _instead(_first(p), "outside"),
    "2 TB of nothing": lambda p: _instead(_first(p), "sparse"),
    "missing": lambda p: _first(p).unlink(), "no images": lambda p: shutil.rmtree(
    p / "images"), "images is a file": lambda p: (shutil.rmtree(p / "images"),
    (p / "images").write_text("x")), "of mode 0": lambda p: _first(p).chmod(0),
}  # fmt: skip


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


def _text_bomb() -> bytes:
    data = b"Comment\0\0" + zlib.compress(bytes(2**26), 9)
    return struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I",
        zlib.crc32(b"zTXt" + data))  # fmt: skip


for label, change in PICTURES.items():
    if label == "of mode 0" and os.geteuid() == 0:
        continue  # for root there is no such thing
    hostile = label in ("PostScript that never ends", "a bomb in a text chunk")
    mhist.refuse(f"picture: {label}", lambda c=change: {"root": _copy(c)}, alone=hostile)
for label, kind, mode in (("JPEG", "JPEG", "RGB"), ("TIFF", "TIFF", "RGB"),
    ("BMP", "BMP", "RGB"), ("grey PNG", "PNG", "L"), ("PNG with a palette", "PNG", "P"),
    ("PNG with alpha", "PNG", "RGBA")):  # fmt: skip

    def _replaced(place: Path, kind: str = kind, mode: str = mode) -> None:
        path = _first(place)
        picture = Image.open(path).convert(mode)
        path.write_bytes(_saved(picture, kind))

    def _as_pillow(value: ImageSet, arguments: dict[str, Any]) -> None:
        path = _first(Path(arguments["root"]))
        wanted = torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0,
            1)  # fmt: skip
        everything = torch.cat([value.train.images, value.valid.images, value.test.images])
        assert (everything == wanted).flatten(1).all(dim=1).any(
            ), "the picture is not there"  # fmt: skip

    mhist.either(f"picture: {label}", lambda c=_replaced: {"root": _copy(c)}, _as_pillow)


def _twice(place: Path) -> None:
    """The same picture in train and test."""
    rows = list(csv.DictReader(io.StringIO((place / "annotations.csv").read_text(
        encoding="utf-8"))))  # fmt: skip
    train = next(r["Image Name"] for r in rows if r["Partition"] == "train")
    test = next(r["Image Name"] for r in rows if r["Partition"] == "test")
    shutil.copy(place / "images" / train, place / "images" / test)


def _warned(**arguments: Any) -> list[str]:
    import warnings

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found("kdteach.data.load")(**arguments)
    return [str(w.message) for w in seen]


def _named(value: list[str], arguments: dict[str, Any]) -> None:
    assert any("equal in every pixel" in text and ".png" in text for text in value), value


mhist.right("a picture in two splits", lambda: {"root": _copy(_twice)}, _named,
    call=_warned)  # fmt: skip
mhist.refuse("a picture in two splits, refused",
    lambda: {"root": _copy(_twice), "duplicates": "refuse"})  # fmt: skip

shares = ROOM.function("kdteach.data.mhist.vote_shares", lambda: {"splits": [tiles()]})
shares.right("as it is", nothing, lambda value, a: require_equal(
    value[0].tolist(), [[1 - v / 7, v / 7] for v in tiles().votes.tolist()], rtol=1e-12
))  # fmt: skip
shares.vary("splits", values.refused(
    ("None", lambda: None), ("one split", tiles), ("3", lambda: 3),
    ("words", lambda: ["train"]), ("without votes", lambda: [split(3)]),
    ("None inside", lambda: [None]),
    ("votes of 8", lambda: [_votes(8)]), ("votes of -1", lambda: [_votes(-1)]),
    ("a broken length", values.Sizeless),
), names=("splits", "split", "votes"))  # fmt: skip


def _votes(number: int) -> Split:
    whole = tiles()
    return Split(whole.images, whole.labels, whole.index, torch.full((len(whole),), number))
