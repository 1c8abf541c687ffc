"""Pictures of many files, all of one size, decoded into one array.

A picture comes from anywhere. Only four plain formats are read, each by the one class of
Pillow that knows it: what else a library of images can open may start other programs
(PostScript), read other files or link in code of doubtful age.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from kdteach.checks import check_count, shown
from kdteach.data._whole import flaw_after, flaw_before, whole_alone
from kdteach.files import open_plain, reason
from kdteach.memory import amount, free_memory

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

WIDEST = 4096
"""Pixels a side that a tile may have."""
_MOST_PIXELS = 10**8  # of a photograph
_LARGEST = (
    2**20,
    16,
)  # bytes of a file, and of each of its pixels: well above what is needed
_PNG = b"\x89PNG\r\n\x1a\n"
_FORMATS = {
    _PNG: "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
}
_READ = "PNG, JPEG, TIFF and BMP are read"
_WEBP = "WebP"
_READ_AS_WELL = "PNG, JPEG, TIFF, WebP and BMP are read"
_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
"""Of 8 bits a channel or fewer."""
_TURNED = (5, 6, 7, 8)  # orientations of a camera that lay on its side
_ORIENTATION = 0x0112
_OTHERS = (
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"%PDF", "PDF"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"8BPS", "Photoshop"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML"),
)


def check_side(name: str, value: object, least: int = 1) -> int:
    """Return a number of pixels a side that a tile may have.

    Raises:
        TypeError: not an integer.
        ValueError: below ``least``, or above ``WIDEST``.
    """
    side = check_count(name, value, least=least)
    if side > WIDEST:
        raise ValueError(f"{name} must be at most {WIDEST:,} pixels, got {shown(value)}")
    return side


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures.

    Attributes:
        images: (N, 3, H, W) uint8; not filled where there is a problem.
        digests: of the pixels of each picture.
        problems: what is wrong with each picture, None where nothing is.
        too_much: set where the pictures need more memory than there is: nothing is decoded.
    """

    images: torch.Tensor
    digests: tuple[bytes, ...]
    problems: tuple[str | None, ...]
    too_much: str | None = None


def read_pictures(files: Sequence[Path], size: int | None) -> Pictures:
    """Decode pictures by several threads.

    Args:
        files: N paths.
        size: height and width that every picture must have; by default that of most.
    """
    threads = os.cpu_count() or 1
    with whole_alone(), ThreadPoolExecutor(max_workers=threads) as pool:
        sizes = list(pool.map(_size_of, files))
        known = [found for found in sizes if isinstance(found, tuple)]
        usual = Counter(known).most_common(1)[0][0] if known else (0, 0)
        width, height = usual if size is None else (size, size)
        # each thread holds a picture as it was decoded, converted and as an array
        need, free = (3 * len(known) + 12 * threads) * width * height, free_memory()
        if need > free:
            reason = (
                f"{len(known):,} images of {width}x{height} pixels take {amount(need)} of "
                f"memory, and {amount(free)} are free here: make smaller copies of them, "
                "or list fewer"
            )
            nothing = torch.empty(0, 3, height, width, dtype=torch.uint8, device="cpu")
            said = tuple(found if isinstance(found, str) else None for found in sizes)
            return Pictures(nothing, (), said, reason)
        whole = torch.empty(len(files), 3, height, width, dtype=torch.uint8, device="cpu")
        pixels = whole.numpy()

        def decode(number: int) -> str | bytes:
            found = sizes[number]
            if isinstance(found, str):
                return found
            if found != (width, height):
                return (
                    f"{files[number].name} is {found[0]}x{found[1]} pixels, the others "
                    f"{width}x{height}"
                )
            problem = _decode_into(files[number], pixels[number])
            return problem or hashlib.blake2b(pixels[number].data, digest_size=16).digest()

        done = list(pool.map(decode, range(len(files))))
    return Pictures(
        whole,
        tuple(found if isinstance(found, bytes) else b"" for found in done),
        tuple(found if isinstance(found, str) else None for found in done),
    )


def read_resized(
    files: Sequence[Path],
    names: Sequence[str],
    size: int | None,
    *,
    resize: str,
    channels: int,
    bytes_each: int,
    progress: bool,
) -> Pictures:
    """Decode pictures of any size by several threads, and bring them to one.

    Args:
        files: N paths.
        names: what they are called in a message.
        size: height and width; None for pictures that are all of one size already.
        resize: "crop" or "squash", see ``load_folder``.
        channels: 3 or 1.
        bytes_each: that each number will take at the end, for the check of the memory.
        progress: whether a bar shows how far it is.

    Returns:
        Images (N, channels, H, W), and of each picture what is wrong with it.
    """
    from tqdm import tqdm

    with whole_alone(), ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        sizes: list[tuple[int, int] | str | None] = [None] * len(files)
        height = width = size or 0
        if size is None:
            sizes = list(pool.map(_oriented_size, files))
            known = [found for found in sizes if isinstance(found, tuple)]
            width, height = Counter(known).most_common(1)[0][0] if known else (0, 0)
        need = len(files) * channels * height * width * bytes_each
        if need > (free := free_memory()):
            reason = (
                f"{len(files):,} images of {width}x{height} pixels take {amount(need)} of "
                f"memory, and {amount(free)} are free here: a smaller size or "
                "dtype=torch.uint8 takes less, and kdteach.data.Stream reads a data set in "
                "batches"
            )
            nothing = torch.empty(
                len(files), channels, 0, 0, dtype=torch.uint8, device="cpu"
            )
            return Pictures(nothing, (), (None,) * len(files), reason)
        whole = torch.empty(
            len(files), channels, height, width, dtype=torch.uint8, device="cpu"
        )
        pixels = whole.numpy()

        def decode(number: int) -> str | bytes:
            found = sizes[number]
            if isinstance(found, str):
                return found
            if found is not None and found != (width, height):
                return (
                    f"{files[number].name} is {found[0]}x{found[1]} pixels, the others "
                    f"{width}x{height}: size=... brings all to one size"
                )
            problem = _resized_into(files[number], pixels[number], resize)
            return problem or hashlib.blake2b(pixels[number].data, digest_size=16).digest()

        todo = pool.map(decode, range(len(files)))
        done = list(tqdm(todo, total=len(files), unit=" images", disable=not progress))
    return Pictures(
        whole,
        tuple(found if isinstance(found, bytes) else b"" for found in done),
        tuple(
            _with_path(found, file, name) if isinstance(found, str) else None
            for found, file, name in zip(done, files, names, strict=True)
        ),
    )


def _with_path(problem: str, file: Path, name: str) -> str:
    """What is wrong with a picture, the file named by its path below the folder."""
    rest = problem.removeprefix(str(file)).removeprefix(file.name)
    return f"{name}{rest}" if rest != problem else f"{name}: {problem}"


def _oriented_size(path: Path) -> tuple[int, int] | str:
    """Width and height of a picture as it is seen, or why there are none."""
    found: list[tuple[int, int]] = []

    def look(image: ImageFile, _: IO[bytes]) -> None:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION) in _TURNED
        found.append((height, width) if turned else (width, height))

    return _looked_at(path, look, webp=True) or found[0]


def _resized_into(path: Path, pixels: NDArray[np.uint8], resize: str) -> str | None:
    """Decode a picture into (channels, H, W), upright and of that size."""
    from PIL import ImageOps
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    channels, height, width = pixels.shape

    def decode(image: ImageFile, file: IO[bytes]) -> str | None:
        if flaw := flaw_before(image, file):
            return f"{path.name} is damaged ({flaw})"
        if image.size[0] * image.size[1] > _MOST_PIXELS:
            return (
                f"{path.name} is {image.size[0]}x{image.size[1]} pixels, more than the "
                f"{_MOST_PIXELS:,} that are read here"
            )
        if _is_deep(image):
            return f"{path.name} has 16 bits a channel; 8 are expected"
        if image.mode not in _MODES:
            return (
                f"{path.name} has pixels of mode {image.mode}; 8-bit colour or grey is "
                "expected"
            )
        image.load()
        if flaw := flaw_after(image, file):
            return f"{path.name} is damaged ({flaw})"
        plain = ImageOps.exif_transpose(image)
        if "transparency" in plain.info:  # of a palette: given by colour, so through alpha
            plain = plain.convert("RGBA")
        plain = plain.convert("RGB" if channels == 3 else "L")
        if plain.size != (width, height):
            sides = [height, width] if resize == "squash" else [min(height, width)]
            plain = functional.resize(plain, sides, InterpolationMode.BILINEAR)
            plain = functional.center_crop(plain, [height, width])
        array = np.asarray(plain)
        pixels[:] = array[None] if channels == 1 else array.transpose(2, 0, 1)
        return None

    return _looked_at(path, decode, "is damaged", webp=True)


def _size_of(path: Path) -> tuple[int, int] | str:
    """Width and height, or why there are none."""
    found: list[tuple[int, int]] = []
    problem = _looked_at(path, lambda image, _: found.append(image.size))
    if problem:
        return problem
    (width, height), weight = found[0], path.stat().st_size
    if max(width, height) > WIDEST:
        return f"{path.name} is {width}x{height} pixels, far more than a tile"
    if weight > _LARGEST[0] + _LARGEST[1] * width * height:
        return (
            f"{path.name} has {weight:,} bytes, far more than {width}x{height} pixels need"
        )
    return width, height


def _decode_into(path: Path, pixels: NDArray[np.uint8]) -> str | None:
    """Decode a picture into (3, H, W); grey and alpha are converted, nothing else."""

    def decode(image: ImageFile, file: IO[bytes]) -> str | None:
        if flaw := flaw_before(image, file):
            return f"{path.name} is damaged ({flaw})"
        if image.size != (pixels.shape[2], pixels.shape[1]):
            return f"{path.name} changed while it was read"
        if _is_deep(image):
            return f"{path.name} has 16 bits a channel; 8 are expected"
        if image.mode not in ("RGB", "RGBA", "L", "LA"):
            return (
                f"{path.name} has pixels of mode {image.mode}; 8-bit colour or grey is "
                "expected"
            )
        image.load()
        if flaw := flaw_after(image, file):
            return f"{path.name} is damaged ({flaw})"
        pixels[:] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        return None

    return _looked_at(path, decode, "is damaged")


def _looked_at(
    path: Path,
    look: Callable[[ImageFile, IO[bytes]], str | None],
    failed: str = "is not an image",
    webp: bool = False,
) -> str | None:
    """Open a picture and look at it; what is wrong comes back as words, never as an error.

    Damage shows in many ways in many decoders: whatever they raise means the same here.
    """
    try:
        with open_plain(path) as file:
            weight = os.fstat(file.fileno()).st_size
            if weight > _LARGEST[0] + _LARGEST[1] * WIDEST**2:
                return f"{path.name} has {weight:,} bytes, far more than a tile"
            begins = file.read(16)
            file.seek(0)
            kind = next(
                (f for magic, f in _FORMATS.items() if begins.startswith(magic)), ""
            )
            if webp and begins[:4] == b"RIFF" and begins[8:12] == b"WEBP":
                kind = _WEBP
            if not kind:
                read = _READ_AS_WELL if webp else _READ
                return f"{path.name} is not an image{_named(begins, read)}"
            try:
                with _reader(kind)(file, path.name) as image:
                    return look(image, file)
            except MemoryError:
                raise
            except Exception as error:
                said = " ".join(str(error).split())[:200] or type(error).__name__
                return f"{path.name} {failed} ({said})"
    except OSError as error:
        return f"{path.name} cannot be read ({reason(error)})"
    except ValueError as error:
        return str(error)


def _is_deep(image: ImageFile) -> bool:
    """Whether there are 16 bits a channel; a BMP's 16 bits a pixel are fewer."""
    kinds = [str(tile[-1]) for tile in image.tile]
    return image.mode[:2] == "I;" or any(
        ";16" in kind and "BGR;16" not in kind for kind in kinds
    )


def _named(begins: bytes, read: str) -> str:
    """What a file is instead, in brackets, where its first bytes tell."""
    for at, magic, name in _OTHERS:
        if begins[at : at + len(magic)] == magic:
            return f" that is read here (it is {name}; {read})"
    return f" ({read})"


def _reader(kind: str) -> Callable[[IO[bytes], str], ImageFile]:
    from PIL.BmpImagePlugin import BmpImageFile
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.TiffImagePlugin import TiffImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    readers = {
        "PNG": PngImageFile, "JPEG": JpegImageFile, "TIFF": TiffImageFile,
        "BMP": BmpImageFile, _WEBP: WebPImageFile,
    }  # fmt: skip
    return readers[kind]
