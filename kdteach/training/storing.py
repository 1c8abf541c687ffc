"""Teachers' logits on their way into a store: batch by batch, resumed when interrupted."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kdteach.checks import check_count, check_dtype, check_model
from kdteach.data.source import Source
from kdteach.files import check_path
from kdteach.fingerprints import fingerprints
from kdteach.memory import amount
from kdteach.training.columns import Column
from kdteach.training.logit_store import ABOUT, TYPES, About, LogitStore, about
from kdteach.types import Batch
from kdteach.writing import locked, write_whole

Answers = Callable[[Tensor | None], Iterator[tuple[Tensor, Batch]]]
"""From the order of some samples to the teacher's logits and the batches."""

_EVERY = 1.0  # seconds after which what is written is made to last
_TRIED = 8  # stored rows that are compared before more are added


def store_logits(
    folder: str | Path,
    model: nn.Module,
    source: Source,
    answers: Answers,
    *,
    dtype: torch.dtype | None,
    top_k: int | None,
    views: str | None,
) -> LogitStore:
    """Compute what a store does not hold yet, and open it.

    Args:
        folder: of the store; made where it is not there.
        model: the teacher.
        source: the data.
        answers: asks the teacher.
        dtype: of the stored numbers, by default that of the logits.
        top_k: how many of each image are kept, by default all.
        views: what the teacher sees, in words.

    Raises:
        TypeError: an option of another type.
        ValueError: an option out of range; the folder holds something else, or logits of
            another model or of other data; logits that do not fit into the dtype.
        OSError: the disk is full, for example. What was stored stays and is gone on with.
        LockedError: another process is writing into the store.
    """
    path = check_path("store", folder)
    check_model("model", model)
    if dtype is not None:
        dtype = check_dtype("dtype", dtype)
        if dtype not in TYPES:
            raise ValueError(
                f"dtype of a store must be float16, float32 or float64, got {dtype}"
            )
    if top_k is not None:
        top_k = check_count("top_k", top_k)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"store: {path} is a file; a store of logits is a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    busy = f"{path}: {{who}} is storing logits there"
    with locked(path, "logits", patience=0.0, busy=busy):
        _Writer(path, model, source, answers, dtype, top_k, views).run()
    return LogitStore(path)


class _Writer:
    """The work of one call."""

    def __init__(
        self,
        path: Path,
        model: nn.Module,
        source: Source,
        answers: Answers,
        dtype: torch.dtype | None,
        top_k: int | None,
        views: str | None,
    ) -> None:
        self.path, self.source, self.answers = path, source, answers
        self.dtype, self.top_k, self.views = dtype, top_k, views
        self.digest = _digest(model)
        self.columns: dict[str, Column] = {}
        self.about: About | None = None
        self.done = np.zeros(0, dtype=bool)
        self.prints = np.zeros(0, dtype=np.int64)
        self.fresh: list[NDArray[np.int64]] = []
        self.settled = time.monotonic()

    def run(self) -> None:
        """Go on with a store, or begin one; afterwards no file is open."""
        try:
            if (self.path / ABOUT).exists():
                self._go_on()
            elif self.path.is_dir() and any(
                not entry.name.startswith(".") for entry in self.path.iterdir()
            ):
                raise ValueError(
                    f"store: {self.path} is a folder with other files in it: give a folder "
                    "of its own"
                )
            self._write()
        finally:
            for column in self.columns.values():
                column.close()

    def _write(self) -> None:
        try:
            order = self._missing()
            if order is None or len(order):
                for logits, batch in self.answers(order):
                    self._add(logits, batch)
            self._finish()
        except OSError as error:
            self._settle_what_can_be()
            stored = int(self.done.sum())
            raise OSError(
                error.errno,
                f"the logits could not be written ({error.strerror or error}). Those of "
                f"{stored:,} samples are stored and stay: free some space and make the "
                "same call, it goes on from there",
                str(self.path),
            ) from error
        except BaseException:  # also Ctrl-C, and an error of the model
            self._settle_what_can_be()
            raise

    def _go_on(self) -> None:
        """Open what is there, where it is the same work."""
        old = about(self.path)
        kind = None if self.dtype is None else str(self.dtype).removeprefix("torch.")
        for name, mine, its in (
            ("of another model (its weights differ)", self.digest, old.model),
            ("of other views", self.views, old.views),
            (f"with top_k={old.top_k}", self.top_k, old.top_k),
            (f"of dtype {old.dtype}", kind or old.dtype, old.dtype),
        ):
            if mine != its:
                raise self._other(name)
        self._open(old)
        index = self.source.index
        if index is not None and int(index.max()) >= old.num_samples:
            raise self._other(
                f"for {old.num_samples:,} samples, and the data go up to sample index "
                f"{int(index.max()):,}"
            )
        if index is None or not self.done.any():
            return
        there = np.flatnonzero(self.done[index.numpy()])
        tried = there[np.linspace(0, len(there) - 1, min(_TRIED, len(there))).astype(int)]
        if len(tried) == 0:
            return
        for logits, batch in self.answers(torch.from_numpy(tried)):
            rows = batch.index.numpy()
            self._require_same_images(rows, fingerprints(batch.images).numpy())
            self._require_same_answers(rows, logits)

    def _other(self, what: str) -> ValueError:
        return ValueError(
            f"store: {self.path} holds logits {what}: give another folder, or remove it"
        )

    def _require_same_images(
        self,
        rows: NDArray[np.int64],
        prints: NDArray[np.int64],
    ) -> None:
        wrong = self.done[rows] & (self.prints[rows] != prints)
        if wrong.any():
            raise self._other(
                f"of other images: sample index {int(rows[wrong][0])} stands for another "
                "image there"
            )

    def _require_same_answers(self, rows: NDArray[np.int64], logits: Tensor) -> None:
        """Some models differ in more than their weights."""
        assert self.about is not None
        if self.about.num_classes != logits.shape[1]:
            raise self._other(f"of {self.about.num_classes} classes, not {logits.shape[1]}")
        name, wanted = "logits", logits.double()
        if self.top_k is not None:
            name, (wanted, _, _) = "values", _top(wanted, self.top_k)
        stored = self.columns[name].rows(rows)
        size = max(1.0, float(wanted.abs().max()))
        if not np.allclose(stored, wanted.numpy(), rtol=0, atol=1e-2 * size):
            raise self._other("of another model (it answers otherwise)")

    def _open(self, found: About) -> None:
        self.about = found
        self.columns = found.columns(self.path)
        for column in self.columns.values():
            column.open()
        everything = np.arange(found.num_samples)
        self.done = self.columns["done"].rows(everything) > 0
        self.prints = self.columns["answers"].rows(everything)

    def _missing(self) -> Tensor | None:
        """Positions of the samples that are not stored; None where they have no order."""
        index = self.source.index
        if index is None:
            return None
        if self.about is None:
            return torch.arange(len(index), device="cpu")
        return torch.from_numpy(np.flatnonzero(~self.done[index.numpy()]))

    def _begin(self, logits: Tensor) -> None:
        """Make the store when the teacher has answered for the first time."""
        index, classes = self.source.index, logits.shape[1]
        rows = len(self.source) if index is None else int(index.max()) + 1
        if self.top_k is not None and self.top_k >= classes:
            raise ValueError(
                f"top_k must be below {classes}, the number of classes, got {self.top_k}"
            )
        dtype = self.dtype or (logits.dtype if logits.dtype in TYPES else torch.float32)
        fresh = About(
            rows, classes, str(dtype).removeprefix("torch."), self.top_k, self.digest,
            self.views,
        )  # fmt: skip
        columns = fresh.columns(self.path)
        need = sum(column.row * rows for column in columns.values())
        free = shutil.disk_usage(self.path.parent).free
        if need > free:
            raise OSError(
                28,  # ENOSPC
                f"{amount(need)} are needed and {amount(free)} are free: top_k=... or "
                "dtype=torch.float16 take less",
            )
        self.path.mkdir(exist_ok=True)
        write_whole(self.path / ABOUT, fresh.text().encode())
        self._open(fresh)
        for name in ("done", "answers"):  # a full disk shall not keep these from being kept
            self.columns[name].clear()

    def _add(self, logits: Tensor, batch: Batch) -> None:
        if self.about is None:
            self._begin(logits)
        assert self.about is not None
        if logits.shape[1] != self.about.num_classes:
            raise self._other(f"of {self.about.num_classes} classes, not {logits.shape[1]}")
        rows, prints = batch.index.numpy(), fingerprints(batch.images).numpy()
        if int(rows.max()) >= len(self.done):
            raise ValueError(
                f"sample index {int(rows.max()):,} lies outside the {len(self.done):,} "
                "samples that the data say they have: number the images from 0"
            )
        self._require_same_images(rows, prints)
        table = self._rounded(logits, rows)
        for name, values in table.items():
            self.columns[name].write(rows, values.numpy())
        self.prints[rows] = prints
        twice = self.prints[rows] != prints
        if twice.any():
            raise ValueError(
                f"sample index {int(rows[twice][0])} stands for different images: each "
                "image needs an index of its own"
            )
        self.columns["answers"].write(rows, prints)
        self.done[rows] = True
        self.fresh.append(rows)
        if time.monotonic() - self.settled > _EVERY:
            self._settle()

    def _rounded(self, logits: Tensor, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """What is stored of some logits, in the dtype of the store."""
        assert self.about is not None
        kind: torch.dtype = getattr(torch, self.about.dtype)
        most = torch.finfo(kind).max
        large = logits.abs().amax(dim=1) > most
        if large.any():
            worst = float(logits.abs().max())
            raise ValueError(
                f"a logit of sample index {int(rows[large.numpy()][0])} is too large for "
                f"{kind}, {worst:.4g} beside at most {most:.4g}: give dtype=torch.float32"
            )
        if self.top_k is None:
            return {"logits": logits.to(kind)}
        values, classes, rest = _top(logits.double(), self.top_k)
        return {"values": values.to(kind), "classes": classes.int(), "rest": rest.to(kind)}

    def _settle(self) -> None:
        """Let what was written last, and only then say that it is done."""
        if not self.fresh:
            return
        for name, column in self.columns.items():
            if name != "done":
                column.settle()
        rows = np.unique(np.concatenate(self.fresh))
        self.columns["done"].write(rows, np.ones(len(rows), dtype=np.uint8))
        self.columns["done"].settle()
        self.fresh.clear()
        self.settled = time.monotonic()

    def _settle_what_can_be(self) -> None:
        with suppress(OSError):
            self._settle()
        if self.fresh:  # could not be said to be done: then they are not
            self.done[np.concatenate(self.fresh)] = False

    def _finish(self) -> None:
        if self.about is None:
            raise ValueError("the data gave no images: there is nothing to store")
        self._settle()
        for column in self.columns.values():
            column.close(whole=True)
        ended = replace(self.about, complete=True, done=int(self.done.sum()))
        if ended != self.about:
            write_whole(self.path / ABOUT, ended.text().encode())


def _top(logits: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The k largest, their classes, and the logarithm of the sum of the others' exp."""
    values, classes = logits.topk(k, dim=1)
    rest = logits.scatter(1, classes, -torch.inf).logsumexp(dim=1)
    return values, classes, rest


def _digest(model: nn.Module) -> str:
    """A short name of a model's weights, the same for equal ones."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        if isinstance(value, Tensor):
            whole = value.detach().cpu().contiguous()
            digest.update(f"{tuple(whole.shape)} {whole.dtype}".encode())
            digest.update(whole.flatten().view(torch.uint8).numpy().data)
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()[:32]
