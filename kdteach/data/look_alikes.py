"""A few images of MNIST that are no 3 and look like one; they ship with the package."""

from __future__ import annotations

from importlib.resources import as_file, files

from kdteach.files import read_plain, read_tensors
from kdteach.types import Split

_FILE = "look-alikes.safetensors"
_LARGEST = 2**20  # bytes; it has some 20,000


def look_alikes() -> Split:
    """Training images of MNIST that the first page's teacher finds most like a 3.

    Eights, fives and twos, none of which the teacher takes for a 3: of each digit the six
    to which it gives the most probability of 3, from the most to the least, and then the
    one that stands in the middle of all images of the digit. They are remade by
    ``tools/look-alikes``; ``kdteach.experiments.catalogue.look_alikes`` has the rule.

    Returns:
        Images (21, 1, 28, 28) float32 in [0, 1], normalised as the page normalises them;
        labels; index: the row of MNIST's training images.

    Raises:
        ValueError: the file is damaged.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, the MNIST database.
    """
    with as_file(files("kdteach") / "weights" / _FILE) as path:
        content = read_plain(path, _LARGEST)
    stored = read_tensors(content, f"{_FILE}, which ships with kdteach,")
    pixels = stored["pixels"].float().div_(255)
    return Split(
        pixels[:, None], stored["labels"].long(), stored["index"].long(), num_classes=10
    )
