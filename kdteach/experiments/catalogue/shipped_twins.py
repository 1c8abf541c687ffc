"""The recipes of the twins' weights that ship with the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdteach.data import flips, load
from kdteach.files import check_path
from kdteach.metrics import evaluate
from kdteach.models import TWINS, BackboneWithHead, build, shipped_name
from kdteach.models.shipped import weights_folder
from kdteach.objectives import distil, hard_labels
from kdteach.results import require_writable
from kdteach.training import cosine, fit, teacher_logits
from kdteach.types import ImageSet
from kdteach.writing import write_whole


def train_twin(name: str, data: ImageSet) -> BackboneWithHead:
    """Train one twin on the source task, about 6 s on one core.

    15 epochs in batches of 32, Adam with 5e-3 falling along a cosine.

    Args:
        name: of the twin.
        data: ``load("tissues")``.
    """
    twin = build(name, num_classes=data.num_classes)
    assert isinstance(twin, BackboneWithHead)
    fit(
        twin, data, hard_labels(), epochs=15, batch_size=32, learning_rate=5e-3,
        schedule=cosine,
    )  # fmt: skip
    return twin


def train_polyps(data: ImageSet) -> dict[tuple[str, str], BackboneWithHead]:
    """Train teacher, student and distilled student on the stand-in, a minute on one core.

    From the shipped weights of the tissues, everything trained: 25 epochs in batches of 32,
    Adam with 3e-3 falling along a cosine, the best epoch on validation kept. The teacher
    sees mirror images; the distilled student learns with T 2 and alpha 0.5.

    Args:
        data: ``load("petri")``.

    Returns:
        (name, weights) to network.
    """
    recipe: dict[str, Any] = {
        "epochs": 25, "batch_size": 32, "learning_rate": 3e-3, "schedule": cosine,
        "validation": data.valid, "keep_best": True,
    }  # fmt: skip
    teacher = _from_tissues("tiny-resnet")
    fit(teacher, data, hard_labels(), augment=flips(), **recipe)
    plain, distilled = _from_tissues("tiny-mobilenet"), _from_tissues("tiny-mobilenet")
    fit(plain, data, hard_labels(), **recipe)
    soft = distil(teacher_logits(teacher, data.train), temperature=2.0, alpha=0.5)
    fit(distilled, data, soft, **recipe)
    return {
        ("tiny-resnet", "polyps"): teacher,
        ("tiny-mobilenet", "polyps"): plain,
        ("tiny-mobilenet", "polyps-distilled"): distilled,
    }


def _from_tissues(name: str) -> BackboneWithHead:
    twin = build(name, num_classes=2, weights="tissues")
    assert isinstance(twin, BackboneWithHead)
    return twin


def remake(out: Path | None = None, *, say: Callable[[str], None] = print) -> None:
    """Train the twins and write their weights in float16.

    Args:
        out: folder of the files, by default the package's own; the networks of the polyps
            begin with the package's own weights of the tissues in any case.
        say: called with one line a network.
    """
    folder = weights_folder() if out is None else check_path("out", out)
    require_writable(folder)
    tissues, polyps = load("tissues"), load("petri")
    for name in TWINS:
        _write(train_twin(name, tissues), name, "tissues", folder, tissues, say)
    for (name, weights), twin in train_polyps(polyps).items():
        _write(twin, name, weights, folder, polyps, say)


def _write(
    twin: BackboneWithHead,
    name: str,
    weights: str,
    folder: Path,
    data: ImageSet,
    say: Callable[[str], None],
) -> None:
    from safetensors.torch import save

    state = {
        key: value.half() if value.is_floating_point() else value
        for key, value in twin.state_dict().items()
    }
    path = folder / shipped_name(name, weights)
    write_whole(path, save(state))
    say(f"{path.name}: {evaluate(twin, data.valid).errors} errors on validation")
