"""Small pictures as text: a PNG in an address, the same bytes on every machine."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FINER = 4
_FINE = 20  # pixels of a side: from here on a browser's own smoothing does
# cubic weights (Catmull and Rom) of the four pixels around a place; exact in binary
_WEIGHTS = tuple(
    (
        (-(t**3) + 2 * t**2 - t) / 2,
        (3 * t**3 - 5 * t**2 + 2) / 2,
        (-3 * t**3 + 4 * t**2 + t) / 2,
        (t**3 - t**2) / 2,
    )
    for t in (0.625, 0.875, 0.125, 0.375)
)
_FIRST = (-2, -2, -1, -1)  # which pixel the first weight belongs to


def finer(pixels: Sequence[Sequence[float]]) -> list[list[float]]:
    """Enlarge a picture four times by cubic interpolation, within [0, 1].

    Args:
        pixels: rows of numbers in [0, 1].
    """

    def along(row: Sequence[float]) -> list[float]:
        padded = (0.0, 0.0, *row, 0.0, 0.0)
        return [
            sum(w * padded[2 + i + _FIRST[k] + j] for j, w in enumerate(_WEIGHTS[k]))
            for i in range(len(row))
            for k in range(_FINER)
        ]

    wide = [along(row) for row in pixels]
    columns = [along(column) for column in zip(*wide, strict=True)]
    return [[min(max(v, 0.0), 1.0) for v in row] for row in zip(*columns, strict=True)]


def ink_uri(pixels: Sequence[Sequence[float]]) -> str:
    """A picture whose ink is black and whose paper is transparent, as a ``data:`` address.

    Coarse pictures are enlarged smoothly; those of 20 pixels and more are kept as they are.

    Args:
        pixels: rows of numbers in [0, 1], 1 where there is ink.
    """
    rows = finer(pixels) if len(pixels) < _FINE else pixels
    lines = b"".join(
        b"\0" + bytes(byte for v in row for byte in (0, int(255 * v + 0.5))) for row in rows
    )
    return _address(lines, len(rows[0]), len(rows), 4)


def colour_uri(pixels: Sequence[Sequence[Sequence[float]]]) -> str:
    """A small photograph as a ``data:`` address.

    Args:
        pixels: rows of places (red, green, blue), each in [0, 1].
    """
    lines = b"".join(
        b"\0" + bytes(int(255 * v + 0.5) for place in row for v in place) for row in pixels
    )
    return _address(lines, len(pixels[0]), len(pixels), 2)


def _address(lines: bytes, width: int, height: int, kind: int) -> str:
    """Lines of bytes as a PNG; kind 2 has colours, 4 grey and transparency, 6 both."""
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    # stored and not compressed: libraries compress in different ways
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b""))
    png = _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body
        + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )  # fmt: skip
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


ABOVE, BELOW = (128, 84, 200), (222, 120, 20)  # violet and orange, as on live figures


def signed_uri(values: Sequence[Sequence[float]], most: float) -> str:
    """Numbers of both signs as colours on a transparent ground, as a ``data:`` address.

    Violet stands above 0 and orange below, so that 0 is the page itself, light or dark.

    Args:
        values: rows of numbers.
        most: the absolute value that is full colour.
    """

    def place(value: float) -> tuple[int, ...]:
        share = min(abs(value) / most, 1.0) if most > 0 else 0.0
        return (*(ABOVE if value >= 0 else BELOW), int(255 * share + 0.5))

    lines = b"".join(
        b"\0" + bytes(byte for value in row for byte in place(value)) for row in values
    )
    return _address(lines, len(values[0]), len(values), 6)
