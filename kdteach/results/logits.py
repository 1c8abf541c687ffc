"""A teacher's logits in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from kdteach.checks import FLOATS, check_floats, shown
from kdteach.files import check_path, read_plain, read_tensors
from kdteach.fingerprints import TeacherLogits, known_answers
from kdteach.record import RecordError
from kdteach.results.records import Folder
from kdteach.writing import check_file_name, write_whole

_MOST_LOGITS = 2**33
_ANSWERS = ".answers"  # in a file of logits, behind the name of a split
_METADATA = "__metadata__"  # in the header of such a file


def save_logits(path: Folder, logits: Mapping[str, Tensor]) -> None:
    """Keep a teacher's logits, in one atomic step.

    Logits that know which images they answer (``kdteach.fingerprints``) keep it.

    Args:
        path: a ``.safetensors`` file; its folder is made.
        logits: (N, C) by name of the split.

    Raises:
        TypeError: not floating-point tensors by name.
        ValueError: a shape other than (N, C); a name that the file needs for itself:
            "__metadata__", or one that ends in ".answers".
        OSError: the file cannot be written.
    """
    from safetensors.torch import save

    place = check_path("path", path)
    if not isinstance(logits, Mapping) or not logits:
        raise TypeError(f"logits must be tensors by split, got {shown(logits)}")
    tables: dict[str, Tensor] = {}
    for name, table in logits.items():
        if check_file_name("a split", name).endswith(_ANSWERS) or name == _METADATA:
            raise ValueError(
                f"a split of logits cannot be named {shown(name)}: the file keeps "
                f"something else under {_METADATA!r} and names that end in {_ANSWERS!r}"
            )
        if check_floats(f"logits[{name!r}]", table).ndim != 2:
            raise ValueError(f"logits[{name!r}] must be (N, C), got {tuple(table.shape)}")
        # a copy, for two splits may be parts of one table, and a file holds each whole
        tables[name] = table.detach().as_subclass(Tensor).cpu().contiguous().clone()
        if isinstance(answers := known_answers(table), Tensor):
            tables[name + _ANSWERS] = answers.contiguous()
    write_whole(place, save(tables))


def load_logits(path: Folder, *, checksum: str | None = None) -> dict[str, Tensor]:
    """Read what ``save_logits`` has written.

    Args:
        path: of the file.
        checksum: the SHA-256 that its content must have, in hexadecimal digits; by default
            any.

    Raises:
        TypeError: checksum is no text.
        RecordError: the file is damaged, no plain file, or has another checksum; the
            message says what to do.
        OSError: it is not there, or cannot be read.
    """
    place = check_path("path", path)
    if checksum is not None and not isinstance(checksum, str):
        raise TypeError(f"checksum must be hexadecimal digits, got {shown(checksum)}")
    try:
        content = read_plain(place, _MOST_LOGITS)
        if checksum is not None and hashlib.sha256(content).hexdigest() != checksum.lower():
            raise ValueError("its content is another than it was: the checksum differs")
        tables = read_tensors(content, place)
        if not tables:
            raise ValueError("it holds no table")
        for name in tables:
            whose = name.removesuffix(_ANSWERS)
            if whose != name and whose not in tables:
                raise ValueError(f"it holds {name!r}, but no table {whose!r}")
        return {
            name: _table(name, table, tables.get(name + _ANSWERS))
            for name, table in tables.items()
            if not name.endswith(_ANSWERS)
        }
    except ValueError as error:
        raise RecordError(
            f"{place}: not a teacher's logits ({error}). Delete the file; the teacher is "
            "then trained again."
        ) from error


def _table(name: str, table: Tensor, answers: Tensor | None) -> Tensor:
    if table.dtype not in FLOATS or table.ndim != 2:
        raise ValueError(f"{name} is {tuple(table.shape)}, {table.dtype}")
    if answers is None:
        return table
    if answers.dtype != torch.int64 or answers.shape != table.shape[:1]:
        raise ValueError(f"{name} and the images it answers do not fit together")
    return TeacherLogits.of(table, answers)
