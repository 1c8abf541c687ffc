"""Files of every kind in a data folder: nothing runs, hangs, or takes all memory."""

import csv
import gzip
import io
import os
import shutil
import socket
import struct
import threading
import time
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from kdteach import memory
from kdteach.data import _pictures, load, mhist, petri
from kdteach.data import mnist as mnist_files
from kdteach.files import check_path, open_plain, read_plain, read_start, read_tensors


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("petri") / "MHIST"
    return petri.write(folder, size=16, scale=0.01, seed=1, workers=1)


@pytest.fixture
def copy(drawn, tmp_path):
    """A copy to be spoilt."""
    folder = tmp_path / "MHIST"
    shutil.copytree(drawn, folder)
    return folder


def rows(folder):
    with (folder / "annotations.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def put(folder, table):
    with (folder / "annotations.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)


def first(folder):
    """The image of the first row, taken away."""
    path = folder / "images" / rows(folder)[1][0]
    path.unlink()
    return path


def encoded(kind, mode="RGB"):
    content = io.BytesIO()
    Image.new(mode, (16, 16)).save(content, kind)
    return content.getvalue()


def chunk(name, content):
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def png(width, height, extra=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
        + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )  # fmt: skip


# ---- pictures that are programs, and other formats


POSTSCRIPT = (
    "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n"
    "(WRITTEN) (w) file closefile\nshowpage\n"
)
LOOP = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n{} loop\n"


@pytest.mark.parametrize("program", [POSTSCRIPT, LOOP, "\xc5\xd0\xd3\xc6" + "x" * 99])
def test_a_picture_that_is_a_program_is_not_run(copy, tmp_path, monkeypatch, program):
    """Not even where Ghostscript is at hand: here, one that leaves a mark."""
    written = tmp_path / "written"
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("gs", "gswin64c"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {written}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    program = program.replace("WRITTEN", str(written)).encode("latin-1")
    first(copy).write_bytes(program)
    with pytest.raises(mhist.MhistError, match=r"it is PostScript; PNG, JPEG, TIFF and"):
        load("mhist", copy)
    assert not written.exists()


def test_no_other_reader_of_pillow_is_asked(copy, monkeypatch):
    """Of fifty formats four are read; nothing looks for a reader by the content."""
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("asked"))
    monkeypatch.setattr(Image, "init", lambda: pytest.fail("asked"))
    assert len(load("mhist", copy).test)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_formats_that_are_read(copy, kind):
    grey = Image.fromarray(np.full((16, 16), 77, dtype=np.uint8))
    grey.save(first(copy), kind)
    whole = load("mhist", copy)
    images = torch.cat([s.images for s in (whole.train, whole.valid, whole.test)])
    assert int((images == 77).all(dim=1).all(dim=(1, 2)).sum()) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (encoded("GIF"), "it is GIF"),
        (encoded("WEBP"), "it is WebP"),
        (b"\0\0\0\x1cftypavif" + bytes(99), "it is AVIF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99), "it is JPEG 2000"),
        (encoded("PDF"), "it is PDF"),
        (encoded("PPM"), "PNG, JPEG, TIFF and BMP are read"),
        (encoded("ICO"), "PNG, JPEG, TIFF and BMP are read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is SVG"),
        (b"", "PNG, JPEG, TIFF and BMP are read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is not an image"),
        (b"\xff\xd8\xff" + bytes(range(256)), "is not an image"),
        (b"II*\0" + bytes(range(256)), "is not an image"),
        (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "is not an image"),
        (b"BM" + bytes(range(256)), "is not an image"),
        (png(16, 16)[:50], "is "),
        (png(0, 16), "is not an image"),
        (png(60_000, 60_000), "is 60000x60000 pixels, far more than a tile"),
        (png(16, 16) + bytes(3_000_000), "bytes, far more than 16x16 pixels need"),
        (
            png(16, 16, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
            "Decompressed data too large",
        ),
        (
            png(16, 16, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
            "Decompressed data too large",
        ),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else None,
)
def test_other_formats_and_damage_are_told_with_the_file(copy, content, says):
    path = first(copy)
    path.write_bytes(content)
    with pytest.raises(mhist.MhistError) as error:
        load("mhist", copy)
    (problem,) = error.value.problems
    assert problem.startswith(f"row 2: {path.name} ")
    assert says in problem


NOISE = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
NOISE[-1] = 0  # black at the end, and yet all there


def png_of(rows, depth=8, colour=2, interlaced=0, size=(48, 64)):
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip


def tiff_of(strips, rows, planar=1):
    """A raw TIFF of 48x64 pixels in colour, with those strips of so many rows."""
    data, places = b"", []
    for strip in strips:
        places.append(8 + len(data))
        data += strip
    sizes = [len(strip) for strip in strips]
    entries = [
        (256, 3, [48]), (257, 3, [64]), (258, 3, [8, 8, 8]), (259, 3, [1]), (262, 3, [2]),
        (273, 4, places), (277, 3, [3]), (278, 3, [rows]), (279, 4, sizes),
        (284, 3, [planar]),
    ]  # fmt: skip
    at = 8 + len(data)
    beyond, listed, more = at + 2 + 12 * len(entries) + 4, b"", b""
    for tag, kind, values in entries:
        value = b"".join(struct.pack("<I" if kind == 4 else "<H", v) for v in values)
        if len(value) > 4:
            more, value = more + value, struct.pack("<I", beyond + len(more))
        listed += struct.pack("<HHI", tag, kind, len(values)) + value.ljust(4, b"\0")
    return (
        b"II*\0" + struct.pack("<I", at) + data + struct.pack("<H", len(entries)) + listed
        + bytes(4) + more
    )  # fmt: skip


def jpeg_of(pixels=NOISE, **options):
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=90, **options)
    return content.getvalue()


def lines_of(pixels):
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def passes(pixels):
    """The rows of the seven passes of an interlaced PNG."""
    starts = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
              (1, 0, 2, 2), (0, 1, 1, 2))  # fmt: skip
    return b"".join(lines_of(pixels[y::down, x::across]) for x, y, across, down in starts)


HALF = NOISE[:32]
PLANES = [NOISE[..., i].tobytes() for i in range(3)]
EVEN = np.concatenate([NOISE[:32], np.full((32, 48, 3), 128, np.uint8)])
ALL_THERE = {
    "png": png_of(lines_of(NOISE)),
    "png, more than its rows": png_of(lines_of(NOISE) + bytes(5000)),
    "interlaced": png_of(passes(NOISE), interlaced=1),
    "black and white": png_of(b"\0\xf0\0\0\0\0\0" * 63 + bytes(7), depth=1, colour=0),
    "tiff": tiff_of([HALF.tobytes(), NOISE[32:].tobytes()], 32),
    "tiff in planes": tiff_of(PLANES, 64, planar=2),
    "jpeg": jpeg_of(), "jpeg of an even end": jpeg_of(EVEN),
    "jpeg, grey": jpeg_of(EVEN[..., 0]),
    "jpeg of full colour": jpeg_of(EVEN, subsampling=0),
    "progressive jpeg": jpeg_of(EVEN, progressive=True),
    "jpeg with restarts": jpeg_of(EVEN, restart_marker_rows=1),
    "jpeg, junk behind it": jpeg_of(EVEN) + b"junk" * 99,
    "jpeg of 16": jpeg_of(NOISE[:16, :16]), "jpeg of 17": jpeg_of(EVEN[:41, :17]),
}  # fmt: skip
LACKING = {
    "png, half": png_of(lines_of(HALF)),
    "png, no row": png_of(b""),
    "png, all but the last": png_of(lines_of(NOISE[:-1])),
    "interlaced, six passes": png_of(passes(NOISE)[: -32 * 145], interlaced=1),
    "black and white, half": png_of(b"\0\xf0\0\0\0\0\0" * 32, depth=1, colour=0),
    "tiff, one of two strips": tiff_of([HALF.tobytes()], 32),
    "tiff, two of three planes": tiff_of(PLANES[:2], 64, planar=2),
    "jpeg, half": jpeg_of()[:-1500] + b"\xff\xd9",
    "jpeg, a little": jpeg_of()[:-400] + b"\xff\xd9",
    "jpeg, no end mark": jpeg_of()[:-1500],
    "jpeg of full colour": jpeg_of(subsampling=0)[:-900] + b"\xff\xd9",
    "jpeg, grey": jpeg_of(NOISE[..., 0])[:-300] + b"\xff\xd9",
    "jpeg with restarts": jpeg_of(restart_marker_rows=1)[:-900] + b"\xff\xd9",
    "jpeg of 16": jpeg_of(NOISE[:16, :16])[:-32] + b"\xff\xd9",
    "jpeg of 17": jpeg_of(NOISE[:41, :17])[:-600] + b"\xff\xd9",
}


def seen(path):
    """What both readers of pictures say of a file."""
    with Image.open(path) as image:
        width, height = image.size
    square = _pictures.read_pictures([path, path], None).problems[0]
    resized = _pictures.read_resized(
        [path], ["name"], max(width, height), resize="squash", channels=3, bytes_each=1,
        progress=False,
    ).problems[0]  # fmt: skip
    return square, resized


@pytest.mark.parametrize("name", ALL_THERE)
def test_whole_pictures_are_taken_for_whole(tmp_path, name):
    path = tmp_path / "a"
    path.write_bytes(ALL_THERE[name])
    square, resized = seen(path)
    assert resized is None
    assert square is None or "mode 1" in square  # a tile is in grey or colour


@pytest.mark.parametrize("careless", [False, True])
@pytest.mark.parametrize("name", LACKING)
def test_pictures_of_which_a_part_is_missing_are_damaged(tmp_path, name, careless):
    """Pillow shows them, the rest black or grey; also where its user wants to see any."""
    path = tmp_path / "a"
    path.write_bytes(LACKING[name])
    usual = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        ImageFile.LOAD_TRUNCATED_IMAGES = careless
        square, resized = seen(path)
        assert ImageFile.LOAD_TRUNCATED_IMAGES is careless
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = usual
    assert "a is damaged (" in square or "mode 1" in square
    assert resized.startswith("name is damaged (")


def test_a_jpeg_of_thousands_of_scans_is_refused_at_once(tmp_path):
    """Each scan of a progressive JPEG may say in a few bytes that nothing changes."""
    head = (
        b"\xff\xd8\xff\xdb\0\x43\0" + b"\1" * 64
        + b"\xff\xc2\0\x0b\x08" + struct.pack(">HH", 2048, 2048) + b"\1\1\x11\0"
        + b"\xff\xc4\0\x14\0" + bytes([1, *[0] * 15]) + b"\0"
        + b"\xff\xc4\0\x14\x10" + bytes([1, *[0] * 15]) + b"\xe0"
        + b"\xff\xda\0\x08\1\1\0\0\0\0" + bytes(8193)
    )  # fmt: skip
    scan = b"\xff\xda\0\x08\1\1\0\1\x3f\0" + bytes(9) + b"\x0f"
    path = tmp_path / "a"
    for count in (20, 15_000):
        path.write_bytes(head + scan * count + b"\xff\xd9")
        start = time.process_time()
        (problem,) = _pictures.read_pictures([path], 2048).problems
        assert time.process_time() - start < 5
        said = "a is damaged (it has 15,001 scans, far more than are needed)"
        assert problem == (None if count == 20 else said)


def test_sixteen_bits_a_pixel_are_not_sixteen_a_channel(tmp_path):
    """A BMP of 5, 6 and 5 bits is read as one of 5, 5 and 5."""
    head = struct.pack("<IiiHHIIiiII", 40, 16, 16, 1, 16, 3, 512, 0, 0, 0, 0)
    masks, red = struct.pack("<III", 0xF800, 0x7E0, 0x1F), struct.pack("<H", 0xF800) * 256
    path = tmp_path / "a"
    path.write_bytes(b"BM" + struct.pack("<IHHI", 66 + 512, 0, 0, 66) + head + masks + red)
    pictures = _pictures.read_pictures([path], 16)
    assert pictures.problems == (None,)
    assert pictures.images[0].amax(dim=(1, 2)).tolist() == [255, 0, 0]


def test_no_bit_of_a_png_changes_unseen(copy):
    """Pillow decodes most changed bits without a word where they hit the pixels' end."""
    path = copy / "images" / rows(copy)[1][0]
    content = bytearray(path.read_bytes())
    for at in (*range(8, len(content) - 12, 37), *range(len(content) - 40, len(content))):
        content[at] ^= 4
        path.write_bytes(content)
        (problem,) = _pictures.read_pictures([path], 16).problems
        assert problem is not None
        assert problem.startswith(path.name)
        content[at] ^= 4
    path.write_bytes(content + b"what follows the end is no part of the picture")
    assert len(load("mhist", copy).test) == 10


# ---- what is no plain file


def listen(path):
    """A socket at a path, by its short name: those have at most about 100 bytes."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(before)


NO_FILE = {
    "pipe": (os.mkfifo, "a named pipe"),
    "socket": (listen, "a socket"),
    "folder": (Path.mkdir, "a folder"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "a device"),
}


@pytest.mark.parametrize("kind", NO_FILE)
def test_what_is_no_file_is_refused_at_once(copy, tmp_path, kind):
    make, says = NO_FILE[kind]
    path = first(copy)
    make(path)
    told = "is a link to outside" if kind == "device" else f"is not a file but {says}"
    with pytest.raises(mhist.MhistError, match=told):
        load("mhist", copy)
    path.unlink() if kind != "folder" else path.rmdir()
    (copy / "annotations.csv").unlink()
    make(copy / "annotations.csv")
    with pytest.raises(mhist.MhistError, match=rf"annotations\.csv is {says}, not a plain"):
        load("mhist", copy)
    shutil.rmtree(copy / "images")
    if kind != "folder":
        make(copy / "images")
        with pytest.raises(NotADirectoryError, match=f"images is {says}"):
            load("mhist", copy)
        make(tmp_path / "root")
        for name in ("mhist", "mnist"):
            with pytest.raises(NotADirectoryError, match=f"root is {says}"):
                load(name, tmp_path / "root")
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"):
        make(raw / name)
        with pytest.raises(ValueError, match=rf"{name} is {says}, not a plain file"):
            load("mnist", tmp_path)
        (raw / name).unlink() if kind != "folder" else (raw / name).rmdir()
    make(tmp_path / "other")
    for reader in (open_plain, lambda p: read_plain(p, 9), lambda p: read_start(p, 9)):
        with pytest.raises(ValueError, match=f"other is {says}, not a plain file: nothing"):
            reader(tmp_path / "other")


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(tmp_path, monkeypatch):
    """Between the look and the opening another thing may come to stand there."""
    path = tmp_path / "x"
    os.mkfifo(path)
    plain = (tmp_path / "plain").write_text("x") and (tmp_path / "plain").stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: plain)
    with pytest.raises(ValueError, match="x is a named pipe"):
        open_plain(path)


def test_links(copy):
    table = rows(copy)
    path = first(copy)
    path.symlink_to(path.name)
    with pytest.raises(mhist.MhistError, match=r"cannot be read \((a link|links)"):
        load("mhist", copy)
    path.unlink()
    path.symlink_to("nowhere.png")
    with pytest.raises(mhist.MhistError, match="is missing, a link to nothing"):
        load("mhist", copy)
    path.unlink()
    (copy / "images" / table[2][0]).rename(path)
    (copy / "images").rename(copy / "elsewhere")
    (copy / "images").symlink_to("elsewhere")  # a whole folder may lie on another disk
    with pytest.raises(mhist.MhistError, match=f"row 3: {table[2][0]} is missing"):
        load("mhist", copy)


def test_no_permission_is_told_with_all_the_rest(copy, monkeypatch):
    """The owner of this process may be root, who may read everything: so by pretence."""
    name = rows(copy)[1][0]
    usual = os.open

    def refuse(path, *arguments, **named):
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return usual(path, *arguments, **named)

    monkeypatch.setattr("kdteach.files.os.open", refuse)
    with pytest.raises(
        mhist.MhistError, match=rf"{name} cannot be read \(Permission denied"
    ):
        load("mhist", copy)


def test_files_that_change_while_they_are_read(copy, monkeypatch):
    path = copy / "images" / rows(copy)[1][0]
    usual = _pictures._decode_into

    def grown(file, pixels):
        if file.name == path.name:
            Image.new("RGB", (64, 64)).save(file)
        return usual(file, pixels)

    monkeypatch.setattr(_pictures, "_decode_into", grown)
    with pytest.raises(mhist.MhistError, match="changed while it was read"):
        load("mhist", copy)

    def gone(file, pixels):
        if file.name == path.name:
            file.unlink()
        return usual(file, pixels)

    Image.new("RGB", (16, 16)).save(path)
    monkeypatch.setattr(_pictures, "_decode_into", gone)
    with pytest.raises(mhist.MhistError, match=r"cannot be read \(No such file"):
        load("mhist", copy)


# ---- more than there is room for


def test_many_large_tiles_are_counted_before_they_are_decoded(copy, monkeypatch):
    for path in (copy / "images").iterdir():
        path.write_bytes(png(4096, 4096))
    monkeypatch.setattr(_pictures, "free_memory", lambda: 10**9)
    monkeypatch.setattr(_pictures, "_decode_into", lambda *_: pytest.fail("decoded"))
    with pytest.raises(mhist.MhistError, match=r"31 images of 4096x4096 pixels take 1\.9"):
        load("mhist", copy)


def test_a_table_of_any_size(copy):
    path = copy / "annotations.csv"
    os.truncate(path, 10**12)
    with pytest.raises(mhist.MhistError, match="has 1,000,000,000,000 bytes, far more"):
        load("mhist", copy)
    path.write_bytes(b"," * 300_000)
    with pytest.raises(mhist.MhistError, match="missing column 'Image Name'"):
        load("mhist", copy)
    path.write_text(",".join(mhist.COLUMNS) + "\n" + "x" * 200_000 + ",HP,0,train\n")
    with pytest.raises(mhist.MhistError, match="field larger than field limit"):
        load("mhist", copy)
    path.write_bytes(b"a\0b,c\n")
    with pytest.raises(mhist.MhistError, match="missing column 'Image Name'"):
        load("mhist", copy)


def idx(shape, content=None):
    size = int(np.prod(shape))
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + (
        bytes(size) if content is None else content
    )


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    raw = tmp_path_factory.mktemp("mnist") / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 60_000), ("t10k", 10_000)):
        (raw / f"{part}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(idx((n, 28, 28)), 1)
        )
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx((n,)))
    return raw.parent.parent


def zipped(content, more=0):
    """A gzip file that goes on with so many zeros, ten million at a time."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(content)]
    parts += [packer.compress(bytes(10**7)) for _ in range(more // 10**7)]
    return b"".join([*parts, packer.flush()])


WHOLE = gzip.compress(idx((60_000, 28, 28)), 1)
DAMAGED = {
    "empty": (b"", "not a whole gzip file"),
    "no gzip": (b"<html>", "not a whole gzip file"),
    "cut": (WHOLE[: len(WHOLE) // 2], "not a whole gzip file"),
    "other bits": (WHOLE[:50] + b"\xff" * 40 + WHOLE[90:], "(not a whole gzip|truncated)"),
    "other sum": (WHOLE[:-8] + bytes(8), "not a whole gzip file"),
    "more behind it": (WHOLE + b"PK\x03\x04", "not a whole gzip file"),
    "a bomb": (zipped(b"", 300_000_000), "not the expected IDX"),
    "a bomb in form": (zipped(idx((60_000, 28, 28)), 300_000_000), "over 47,040,016 bytes"),
    "many members": (gzip.compress(b"") * 1_000_000, "more than 1,000 members"),
    "far too long": (bytes(49_000_000), "49,000,000 bytes, far more than"),
    "an endless name": (b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 10**6, "not a whole gzip"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_gzip_file_is_named_and_no_bomb_goes_off(mnist, tmp_path, name):
    content, says = DAMAGED[name]
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(ValueError, match=rf"ubyte\.gz.*{says}"):
        load("mnist", tmp_path)


def test_no_more_is_unpacked_than_is_expected():
    bomb = zipped(b"abc", 300_000_000)
    whole = mnist_files._inflated
    tracemalloc.start()
    assert whole(bomb, 1000) == b"abc" + bytes(997)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    several = gzip.compress(b"abc") + gzip.compress(b"") + gzip.compress(b"def") + bytes(9)
    assert whole(several, 99) == gzip.decompress(several) == b"abcdef"


def test_a_long_plain_file_is_not_read_to_its_end(mnist, tmp_path):
    shutil.copytree(mnist, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    os.truncate(path, 10**12)
    with pytest.raises(ValueError, match="1,000,000,000,000 bytes instead of 60,008"):
        load("mnist", tmp_path)


def test_nobody_is_asked_for_mnist_where_nothing_is_missing(mnist, monkeypatch):
    monkeypatch.setattr(
        "torchvision.datasets.MNIST", lambda *_, **__: pytest.fail("torchvision asked")
    )
    assert len(load("mnist", mnist, download=True, dtype="float16").test) == 10_000


# ---- the same picture in two splits


def equal_pictures(folder):
    """Two test images become equal to one of training, one of them in another format."""
    table = rows(folder)[1:]
    source = next(name for name, _, _, part in table if part == "train")
    targets = [name for name, _, _, part in table if part == "test"][:2]
    shutil.copy(folder / "images" / source, folder / "images" / targets[0])
    with Image.open(folder / "images" / source) as image:
        image.save(folder / "images" / targets[1], "TIFF")
    return source, targets


def test_equal_pictures_in_two_splits_are_all_named(copy):
    source, targets = equal_pictures(copy)
    with pytest.warns(UserWarning, match="stand in more than one split") as warned:
        data = load("mhist", copy)
    (warning,) = warned
    assert warning.filename == __file__
    said = str(warning.message)
    assert source in said
    assert all(f"{name} (test)" in said for name in targets)
    assert len(data.test) == 10  # all of them can still be read
    with pytest.raises(mhist.MhistError) as error:
        load("mhist", copy, duplicates="refuse")
    (problem,) = error.value.problems
    assert all(name in problem for name in (source, *targets))
    with pytest.raises(ValueError, match="unknown duplicates 'no'; known are warn, refuse"):
        load("mhist", copy, duplicates="no")


def test_equal_pictures_are_told_with_all_other_problems(copy):
    source, _ = equal_pictures(copy)
    last = rows(copy)[-1][0]
    (copy / "images" / last).write_text("no image")
    with pytest.raises(mhist.MhistError, match="2 problems") as error:
        load("mhist", copy)
    assert any(source in problem for problem in error.value.problems)
    assert any(last in problem for problem in error.value.problems)


def test_equal_pictures_within_a_split_are_nobodys_gain(copy):
    test = [row[0] for row in rows(copy)[1:] if row[3] == "test"]
    shutil.copy(copy / "images" / test[0], copy / "images" / test[1])
    assert len(load("mhist", copy).test) == 10  # a warning would be an error here


def test_the_drawings_are_all_different():
    data = load("petri", size=16, scale=0.1)
    images = torch.cat([data.train.images, data.valid.images, data.test.images])
    assert len({image.numpy().tobytes() for image in images}) == len(images) == 316


# ---- names and paths


@pytest.mark.parametrize(
    "name",
    ["with space.png", "ünï.png", "a\u2028b.png", "日本.png", "-rf.png", "a,b.png",
     'a"b.png', " begins.png", "a\x0bb.png"],
)  # fmt: skip
def test_any_file_name(copy, drawn, name):
    table = rows(copy)
    (copy / "images" / table[1][0]).rename(copy / "images" / name)
    table[1][0] = name
    put(copy, table)
    assert len(load("mhist", copy).train) == len(load("mhist", drawn).train)


def test_empty_lines_and_line_ends_of_old_macs(copy, drawn):
    content = (copy / "annotations.csv").read_bytes().replace(b"\r\n", b"\r")
    (copy / "annotations.csv").write_bytes(content + b"\r\r")
    assert load("mhist", copy).checksum == load("mhist", drawn).checksum


class Named:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def test_paths_of_every_kind(drawn, monkeypatch):
    wanted = load("mhist", drawn).checksum
    text = str(drawn)
    for root in (text, os.fsencode(text), Path(text), Named(text), Named(text.encode())):
        assert load("mhist", root).checksum == wanted
    monkeypatch.setenv("KDTEACH_DATA", text)
    assert load("mhist").checksum == wanted
    monkeypatch.setenv("KDTEACH_DATA", "")
    for name in ("mhist", "mnist"):
        with pytest.raises(FileNotFoundError, match="set KDTEACH_DATA"):
            load(name)


@pytest.mark.parametrize(
    ("root", "kind", "says"),
    [
        ("", ValueError, "is an empty path"), (b"", ValueError, "is an empty path"),
        ("a\0b", ValueError, "is no path: it holds"),
        ("\ud800", ValueError, "is no path of this file"),
        (5, TypeError, "must be a path"), (True, TypeError, "must be a path"),
        (["x"], TypeError, "must be a path"),
    ],
)  # fmt: skip
def test_what_is_no_path(root, kind, says):
    for name in ("mhist", "mnist"):
        with pytest.raises(kind, match=f"root {says}"):
            load(name, root)
    with pytest.raises(kind, match=f"out {says}"):
        petri.write(root)
    with pytest.raises(kind, match=f"where {says}"):
        check_path("where", root)


def test_whole_files_and_their_limit(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert read_plain(path, 3) == b"abc"
    assert read_start(path, 2) == (b"ab", 3)
    with pytest.raises(ValueError, match="has 3 bytes, far more than the 2"):
        read_plain(path, 2)
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "y", 3)
    grows = Path("/proc/self/status")  # is said to have no bytes, and has some
    if grows.exists():
        with pytest.raises(ValueError, match="changed while it was read"):
            read_plain(grows, 99_999)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff" * 100, struct.pack("<Q", 2**62) + b"{}",
     struct.pack("<Q", 57) + b'{"a":{"dtype":"F32","shape":[9999],"data_offsets":[0,4]}}'],
)  # fmt: skip
def test_damaged_weights_are_told(content):
    with pytest.raises(ValueError, match="x is no whole safetensors file"):
        read_tensors(content, "x")


def test_loading_in_threads_leaves_the_warnings_alone(drawn):
    before = list(warnings.filters)
    threads = [threading.Thread(target=load, args=("mhist", drawn)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_memory_is_known_and_written_in_words(monkeypatch, tmp_path):
    assert 2**20 < memory.free_memory() < 2**50
    written = [memory.amount(n) for n in (5, 1.2e4, 3.4e9, 5.6e14, 10**400)]
    assert written[:4] == ["5 bytes", "12 kB", "3.4 GB", "560 TB"]
    memory.require_memory("this", 1000, "take less")
    with pytest.raises(ValueError, match=r"this would take 1,000 TB .* here: take less"):
        memory.require_memory("this", 1e15, "take less")
    for name, value in (("max", "2000"), ("now", "1500"), ("stat", "x 1\nidle 700\n")):
        (tmp_path / name).write_text(value)
    (tmp_path / "now").rename(tmp_path / "current")
    (tmp_path / "stat").rename(tmp_path / "memory.stat")
    shares = ((tmp_path, "max", "current", "idle"),)
    monkeypatch.setattr(memory, "_SHARES", shares)
    assert memory.free_memory() == 2000 - 1500 + 700
    (tmp_path / "max").write_text("max")
    assert memory.free_memory() > 2**20
