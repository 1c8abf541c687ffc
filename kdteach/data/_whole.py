"""Whether all of a picture is in its file, where its decoder does not tell.

Decoders are made to show as much as there is of a damaged picture: the rest stays black or
grey, and nothing is said. A network would learn from it.
"""

from __future__ import annotations

import io
import os
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_PNG = 8  # bytes before its first chunk
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a PNG, by its type of colour
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip
"""Of an interlaced PNG: first column and row, and their steps."""
_PIECE = 2**20  # bytes that are unpacked at once
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # that ends the data of a JPEG's scan
_SCANS = 200  # of a JPEG; programs write a dozen
_SOS, _EOI = b"\xff\xda", b"\xff\xd9"
_FILLER = bytes(254 - (37 * i * i + 11 * i) % 254 for i in range(2**12))
"""Holds no marker, and begins with a 1 where a decoder that lacks data reads a 0."""
_PLANAR = 284  # a TIFF's tag: 2 where each channel lies by itself


def flaw_before(image: ImageFile, file: IO[bytes]) -> str | None:
    """What is wrong with a picture that is opened and not yet decoded, in words.

    Args:
        image: as Pillow has opened it.
        file: its file; the place in it stays.
    """
    if image.format == "PNG" and not _sums_are_right(file):
        return "a checksum in it is wrong"
    if image.format == "TIFF" and not _is_covered(image):
        return "a part of it is missing"
    # only there a few bytes make the decoder go through the whole picture once more
    if image.info.get("progressive") and (scans := _scans(_content(file))[0]) > _SCANS:
        return f"it has {scans:,} scans, far more than are needed"
    return None


def flaw_after(image: ImageFile, file: IO[bytes]) -> str | None:
    """What is missing of a picture that has been decoded, in words.

    Of a JPEG whose data end too early, with an end mark behind them, the last block has one
    colour; only then it is decoded a second time. Not seen are data that end within the
    last block, and those of a progressive JPEG that would only make it sharper.

    Args:
        image: as Pillow has decoded it.
        file: its file; the place in it stays.
    """
    if image.format == "PNG" and _ends_black(image) and not _rows_are_there(file):
        return "it has too few rows"
    if image.format in ("JPEG", "MPO") and _ends_even(image):
        content = _content(file)
        end = _scans(content)[1]
        if end is not None and _takes_more(image, content, end):
            return "its data end too early"
    return None


def _content(file: IO[bytes]) -> bytes:
    at = file.tell()
    try:
        file.seek(0)
        return file.read()
    finally:
        file.seek(at)


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, content and checksum of each part of a PNG; the last may be cut."""
    at, size = file.tell(), os.fstat(file.fileno()).st_size
    file.seek(_PNG)
    try:
        while len(head := file.read(8)) == 8:
            length, name = int.from_bytes(head[:4], "big"), head[4:]
            if length > size:  # no room is made for it
                return
            yield name, file.read(length), file.read(4)
    finally:
        file.seek(at)


def _sums_are_right(file: IO[bytes]) -> bool:
    """Whether all parts of a PNG are what their checksums say: Pillow looks at a few."""
    for name, content, stated in _chunks(file):
        if zlib.crc32(name + content) != int.from_bytes(stated, "big") or len(stated) != 4:
            return False
        if name == b"IEND":
            return True
    return False


def _ends_black(image: ImageFile) -> bool:
    """Whether the last row may never have been written; of an interlaced PNG, any row."""
    width, height = image.size
    last = image.crop((0, height - 1, width, height))
    return bool(image.info.get("interlace")) or last.getbbox(alpha_only=False) is None


def _rows_are_there(file: IO[bytes]) -> bool:
    """Whether a PNG unpacks to as many bytes as its rows take."""
    unpack, found, wanted = zlib.decompressobj(), 0, 0
    for name, content, _ in _chunks(file):
        if name == b"IHDR" and not wanted:
            wanted = _bytes_of_rows(content)
        while name == b"IDAT" and content and not unpack.eof:
            found += len(unpack.decompress(content, _PIECE))
            content = unpack.unconsumed_tail
        if found >= wanted > 0:
            return True
    return False


def _bytes_of_rows(header: bytes) -> int:
    width, height = (int.from_bytes(header[i : i + 4], "big") for i in (0, 4))
    bits = header[8] * _CHANNELS[header[9]]
    total = 0
    for x, y, across, down in _PASSES if header[12] else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // across), -(-(height - y) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _is_covered(image: ImageFile) -> bool:
    """Whether the strips or tiles of a TIFF are as many as its pixels need."""
    tags = getattr(image, "tag_v2", {})
    layers = len(image.getbands()) if tags.get(_PLANAR) == 2 and len(image.tile) > 1 else 1
    boxes = [tile[1] or (0, 0, *image.size) for tile in image.tile]
    area = sum((right - left) * (low - top) for left, top, right, low in boxes)
    return area >= layers * image.size[0] * image.size[1]


def _scans(content: bytes) -> tuple[int, int | None]:
    """How many scans a JPEG has, and where its end mark stands, if it has one."""
    at, count = 2, 0
    while (found := _MARKER.search(content, at)) is not None:
        kind, at = b"\xff" + found[1], found.end()
        if kind == _EOI:
            return count, found.start()
        if kind in (b"\xff\x01", b"\xff\xd8"):  # without content
            continue
        count += kind == _SOS
        at += max(int.from_bytes(content[at : at + 2], "big"), 2)
    return count, None


def _ends_even(image: ImageFile) -> bool:
    """Whether the last block of a JPEG has one colour, as one that was never there."""
    layers = getattr(image, "layer", ())
    room = []
    blocks = [8 * max((layer[at] for layer in layers), default=1) for at in (1, 2)]
    if image.size[0] <= blocks[0] and image.size[1] <= blocks[1]:
        return True  # a single one, which may be cut
    for side, block in zip(image.size, blocks, strict=True):
        seen = (side - 1) % block + 1
        # the colours of the first two are mixed with those of the block before
        room.append(min(4, max(1, seen - 2)))
    width, height = image.size
    corner = image.crop((width - room[0], height - room[1], width, height))
    extremes = corner.getextrema()
    pairs = extremes if isinstance(extremes[0], tuple) else (extremes,)
    return all(low == high for low, high in pairs)


def _takes_more(image: ImageFile, content: bytes, end: int) -> bool:
    """Whether more data before the end mark change the picture: then some were missing."""
    from PIL.JpegImagePlugin import JpegImageFile

    longer = io.BytesIO(b"".join((content[:end], _FILLER, content[end:])))
    with JpegImageFile(longer, "longer") as other:
        return bool(other.tobytes() != image.tobytes())


_COUNTING = threading.Lock()
_readers: list[bool] = []  # what each that reads now has found set


@contextmanager
def whole_alone() -> Iterator[None]:
    """Inside the block Pillow takes no cut pictures, whatever its user has set."""
    from PIL import ImageFile

    with _COUNTING:
        _readers.append(ImageFile.LOAD_TRUNCATED_IMAGES if not _readers else _readers[0])
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        with _COUNTING:
            before = _readers.pop()
            if not _readers:
                ImageFile.LOAD_TRUNCATED_IMAGES = before
