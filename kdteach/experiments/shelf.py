"""Teachers' logits between the runs: kept beside the records, shared by experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kdteach.experiments.design import Config
from kdteach.experiments.jobs import answers_of
from kdteach.experiments.recipes import Answers
from kdteach.models import trained_teacher
from kdteach.results import RecordError, load_logits, run_key, save_logits
from kdteach.types import ImageSet


class Shelf:
    """Teachers' logits by data, configuration, epoch and seed, on disk.

    Experiments on the same data share their teachers; each copy of the data has its own.

    Args:
        folder: of the files.
        data: the images of a seed.
    """

    def __init__(self, folder: Path, data: Callable[[int], ImageSet]) -> None:
        self.folder, self.data = folder, data

    def path(self, config: Config, epoch: int, seed: int) -> Path:
        """Where a teacher's logits are, or would be."""
        after = "best" if "choose_on" in config else epoch
        data = self.data(seed)
        name = f"{run_key({**config, 'after': after}, seed)}.safetensors"
        return self.folder / f"{data.name}-{data.checksum}" / name

    def has(self, config: Config, epoch: int, seed: int) -> bool:
        """Say whether a teacher need not be trained for its logits."""
        return "shipped" in config or self.path(config, epoch, seed).exists()

    def get(self, config: Config, epoch: int, seed: int) -> Answers:
        """Read a teacher's logits, or compute those of a shipped one.

        Raises:
            RecordError: the file is damaged, or does not belong to these images.
            OSError: it cannot be read.
        """
        data = self.data(seed)
        if "shipped" in config:
            teacher = trained_teacher(seed, dtype=data.train.images.dtype)
            return answers_of(config, teacher, data)
        path = self.path(config, epoch, seed)
        answers = load_logits(path)
        for name in ("train", "valid", "test"):
            split = getattr(data, name)
            rows = int(split.index.max()) + 1 if len(split) else 0
            if rows != (len(answers[name]) if name in answers else 0):
                raise RecordError(
                    f"{path}: has not one row for each image of the split {name!r}. Delete "
                    "the file; the teacher is then trained again."
                )
        return answers

    def put(self, config: Config, epoch: int, seed: int, logits: Answers) -> None:
        """Keep a teacher's logits."""
        save_logits(self.path(config, epoch, seed), logits)
