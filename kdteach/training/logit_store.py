"""Teachers' logits in files, by sample index: looked up row by row, never loaded whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdteach.checks import check_tensor, shown
from kdteach.files import check_path, read_plain
from kdteach.fingerprints import TeacherLogits
from kdteach.training.columns import Column

ABOUT = "about.json"
FORMAT = 1
_MOST = 2**20  # bytes of about.json
TYPES = {torch.float16: "<f2", torch.float32: "<f4", torch.float64: "<f8"}
"""What logits may be stored as, and the name of NumPy for it."""


@dataclass(frozen=True)
class About:
    """What a store says of itself, in ``about.json``.

    Attributes:
        num_samples: N, one more than the largest sample index.
        num_classes: C.
        dtype: of the logits: float16, float32 or float64.
        top_k: how many logits of each image are kept, None for all.
        model: digest of the teacher's weights.
        views: what the teacher saw, None for the images as they are.
        complete: whether the pass over the data has ended.
        done: images that are stored, when it had.
        format: of the store.
    """

    num_samples: int
    num_classes: int
    dtype: str
    top_k: int | None
    model: str
    views: str | None
    complete: bool = False
    done: int = 0
    format: int = FORMAT

    def text(self) -> str:
        """As it stands in the file."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def columns(self, folder: Path) -> dict[str, Column]:
        """The files of the store, by name."""
        n, c, k = self.num_samples, self.num_classes, self.top_k
        kind = TYPES[getattr(torch, self.dtype)]
        tables: dict[str, tuple[tuple[int, ...], str]] = (
            {"logits": ((n, c), kind)}
            if k is None
            else {
                "values": ((n, k), kind),
                "classes": ((n, k), "<i4"),
                "rest": ((n,), kind),
            }
        )
        tables |= {"answers": ((n,), "<i8"), "done": ((n,), "|u1")}
        return {
            name: Column(folder / f"{name}.npy", shape, dtype)
            for name, (shape, dtype) in tables.items()
        }


def about(folder: Path) -> About:
    """Read what a store says of itself.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a damaged file, or a store of another version.
    """
    path = folder / ABOUT
    if not path.exists():
        raise FileNotFoundError(
            f"{folder} is no store of logits ({ABOUT} is missing): make one with "
            "teacher_logits(model, data, store=...)"
        )
    try:
        found = About(**json.loads(read_plain(path, _MOST)))
        wrong = found.format != FORMAT or getattr(torch, found.dtype, None) not in TYPES
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): remove the folder") from error
    if wrong:
        raise ValueError(f"{path} is of a store that another version has written")
    return found


class LogitStore:
    """Logits of a teacher in a folder, looked up by sample index.

    ``kdteach.teacher_logits(model, data, store=folder)`` makes it, and every objective that
    takes teacher logits (N, C) takes it. The folder holds ``logits.npy``, which
    ``numpy.load`` reads as well, or with ``top_k`` the files ``values.npy``,
    ``classes.npy`` and ``rest.npy``; ``answers.npy``, the fingerprints of the images;
    ``done.npy``, 1 for each row that is there; and ``about.json``.

    With ``top_k`` the k largest logits are kept, and the logarithm of the sum of the
    exponentials of the others, which is shared evenly among them. The probabilities of the
    k classes and the mass of all others are then right at temperature 1; at other
    temperatures, where the others would not be equal, they are an approximation.

    Args:
        folder: of the store.

    Attributes:
        shape: (N, C).
        answers: (N,) int64, the fingerprint of the image that each row answers, 0 for none.
        device: always the CPU: rows are moved when they are looked up.

    Raises:
        TypeError: no path.
        FileNotFoundError: there is no store.
        ValueError: it is damaged, or not complete: the call that makes it goes on with it.
    """

    device = torch.device("cpu")

    def __init__(self, folder: str | Path) -> None:
        self.folder = check_path("folder", folder)
        self.about = about(self.folder)
        if not self.about.complete:
            raise ValueError(
                f"the store {self.folder} is not complete: the call of teacher_logits that "
                "began it goes on where it stopped"
            )
        try:
            self._tables: dict[str, NDArray[Any]] = {
                name: column.read()
                for name, column in self.about.columns(self.folder).items()
            }
        except (OSError, ValueError) as error:
            raise ValueError(
                f"the store {self.folder} is damaged ({error}): remove it and make it anew"
            ) from error
        self._done = np.array(self._tables["done"], dtype=bool)
        self.answers = torch.from_numpy(np.array(self._tables["answers"]))

    @property
    def shape(self) -> tuple[int, int]:
        """(N, C)."""
        return self.about.num_samples, self.about.num_classes

    @property
    def dtype(self) -> torch.dtype:
        """Of the numbers in the file; ``rows`` gives float32 for float16."""
        kind: torch.dtype = getattr(torch, self.about.dtype)
        return kind

    def __len__(self) -> int:
        return self.about.num_samples

    def __repr__(self) -> str:
        top = "" if self.about.top_k is None else f", the largest {self.about.top_k}"
        return (
            f"LogitStore({str(self.folder)!r}: {self.shape[0]:,} x {self.shape[1]:,} "
            f"{self.about.dtype}{top})"
        )

    def __reduce__(self) -> tuple[type[LogitStore], tuple[str]]:
        # a process of its own opens the files itself
        return LogitStore, (str(self.folder.absolute()),)

    def __getitem__(self, index: Tensor) -> Tensor:
        return self.rows(index)

    def rows(self, index: Tensor) -> Tensor:
        """Look up the logits of some samples.

        Args:
            index: (B,) int64 sample indices, in any order.

        Returns:
            (B, C) float32, or float64 where that was stored, on the index's device.

        Raises:
            TypeError: no integers.
            ValueError: an index outside the store, or of a sample that is not in it.
        """
        index = check_tensor("index", index)
        if index.dtype != torch.int64 or index.ndim != 1:
            raise TypeError(f"index must be int64 (B,), got {shown(index)}")
        at = index.cpu().numpy()
        if len(at) and not (int(at.min()) >= 0 and int(at.max()) < len(self)):
            raise ValueError(
                f"index must lie in 0 to {len(self) - 1}, got {int(at.min())} to "
                f"{int(at.max())}"
            )
        if not self._done[at].all():
            missing = int(at[~self._done[at]][0])
            raise ValueError(
                f"teacher logits of sample index {missing} are not in the store "
                f"{self.folder}: were they computed on a selection that leaves it out?"
            )
        if self.about.top_k is None:
            found = self._of("logits", at)
        else:
            values, rest = self._of("values", at), self._of("rest", at)
            classes = torch.from_numpy(self._tables["classes"][at]).long()
            others = self.shape[1] - self.about.top_k
            each = (rest - float(np.log(others)))[:, None]
            found = each.repeat(1, self.shape[1]).scatter(1, classes, values)
        return found.to(index.device)

    def _of(self, name: str, at: NDArray[np.int64]) -> Tensor:
        rows = torch.from_numpy(self._tables[name][at])
        return rows.float() if rows.dtype == torch.float16 else rows

    def to_tensor(self) -> TeacherLogits:
        """All logits in memory, (N, C); rows that are not there are NaN."""
        there = torch.from_numpy(np.flatnonzero(self._done))
        kind = torch.float64 if self.dtype == torch.float64 else torch.float32
        table = torch.full(self.shape, torch.nan, dtype=kind, device="cpu")
        for part in torch.split(there, 4096):
            table[part] = self.rows(part)
        return TeacherLogits.of(table, self.answers.clone())
