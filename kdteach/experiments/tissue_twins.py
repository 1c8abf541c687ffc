"""The recipe of the twins' weights that ship with the package, trained on drawn tissues."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kdteach.data import load
from kdteach.metrics import evaluate
from kdteach.models import TWINS, Photograph, build, shipped_name
from kdteach.objectives import hard_labels
from kdteach.results import records_folder
from kdteach.training import cosine, fit
from kdteach.types import ImageSet


def train_twin(name: str, data: ImageSet) -> Photograph:
    """Train one twin on the source task, about 6 s on one core.

    15 epochs in batches of 32, Adam with 5e-3 falling along a cosine.

    Args:
        name: of the twin.
        data: ``load("tissues")``.
    """
    twin = build(name, num_classes=data.num_classes)
    assert isinstance(twin, Photograph)
    fit(
        twin, data, hard_labels(), epochs=15, batch_size=32, learning_rate=5e-3,
        schedule=cosine,
    )  # fmt: skip
    return twin


def remake(out: Path | None = None, *, say: Callable[[str], None] = print) -> None:
    """Train the twins and write their weights in float16.

    Args:
        out: folder of the files, by default the package's own.
        say: called with one line a twin.
    """
    from safetensors.torch import save_file

    folder = out or records_folder() / "teachers"
    folder.mkdir(parents=True, exist_ok=True)
    data = load("tissues")
    for name in TWINS:
        twin = train_twin(name, data)
        weights = {
            key: value.half() if value.is_floating_point() else value
            for key, value in twin.state_dict().items()
        }
        path = folder / shipped_name(name)
        save_file(weights, path)
        say(f"{path.name}: {evaluate(twin, data.valid).errors} errors on validation")
