"""How two recorded teachers of MNIST see three digits: points on the plane of the classes.

The first hard and the first smoothed teacher of ``mnist-smoothing`` (seed 0), and of each
part the first images of each digit, in the order of the data, so that nothing is picked.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.data import load
from kdteach.experiments.planes import on_plane
from kdteach.experiments.recorded import recorded_teacher
from kdteach.files import check_path
from kdteach.models.shipped import shipped_tensors, weights_folder
from kdteach.results import Folder
from kdteach.types import Split
from kdteach.writing import write_whole

FILE = "smoothed-planes.safetensors"
DIGITS = (3, 5, 8)
EACH = 60
KINDS = ("hard", "smoothed")
PARTS = ("train", "valid")
DECIMALS = 3


def planes() -> dict[tuple[str, str], tuple[Tensor, Tensor]]:
    """The stored points.

    Returns:
        For each kind of teacher, "hard" or "smoothed", and each part, "train" or "valid":
        points (180, 2) float64 on the plane of the templates of 3, 5 and 8, and labels.

    Raises:
        ValueError: the file is damaged.

    Source: Mueller, Kornblith and Hinton (2019), section 2, for the picture.
    """
    stored = shipped_tensors(FILE, torch.float64)
    return {
        (kind, part): (stored[f"{kind}-{part}"], stored[f"labels-{part}"].long())
        for kind in KINDS
        for part in PARTS
    }


def first_of_each(split: Split) -> Split:
    """The first images of each of the three digits, in the order of the data."""
    places = [(split.labels == digit).nonzero()[:EACH, 0] for digit in DIGITS]
    return split.select(torch.cat(places))


def remake(results_dir: Folder | None = None) -> None:
    """Project anew and write the file; ``$KDTEACH_DATA`` has MNIST.

    ``python -m kdteach reproduce mnist-smoothing --weights --seeds 1`` makes the teachers.

    Args:
        results_dir: folder of the teachers' weights, as ``reproduce("mnist-smoothing",
            weights=True)`` leaves them; by default the package's records.
    """
    from safetensors.torch import save

    folder = None if results_dir is None else check_path("results_dir", results_dir)
    data = load("mnist")
    found: dict[str, Tensor] = {}
    for kind in KINDS:
        teacher = recorded_teacher("mnist-smoothing", kind, results_dir=folder)
        layers = list(teacher.children())
        last = layers[-1]
        before = torch.nn.Sequential(*layers[:-1]).eval()
        templates = last.get_parameter("weight").detach()[list(DIGITS)].double()
        for part in PARTS:
            few = first_of_each(getattr(data, part))
            with torch.no_grad():
                features = before(few.images).double()
            points = on_plane(features, templates)
            found[f"{kind}-{part}"] = points.round(decimals=DECIMALS).float().contiguous()
            found[f"labels-{part}"] = few.labels.to(torch.uint8)
    made = {"made by": "catalogue/smoothed_planes.py from mnist-smoothing, seed 0"}
    write_whole(weights_folder() / FILE, save(found, metadata=made))
