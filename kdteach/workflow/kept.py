"""The folder of a job: each piece of work is a file, written whole when it is done.

Whatever is there is not done again. So a job that was killed anywhere goes on where it was,
and what it says at the end does not depend on how often it was stopped.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdteach.files import printable, read_plain, read_tensors
from kdteach.memory import amount
from kdteach.writing import require_writable, write_whole

SETTINGS = "settings.json"
_MOST = 2**40  # bytes of a file
_KEY = "kdteach"  # of a file's metadata


class Kept:
    """The files of one job.

    Args:
        folder: of the job.
        about: what the job is, by name, as JSON holds it.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder = folder
        self.about = json.loads(json.dumps(dict(about)))
        self.work = folder / "work"

    def open(self) -> bool:
        """Make the folder this job's own; that of a job of fewer seeds is, too.

        Returns:
            Whether it goes on with what is there already.

        Raises:
            NotADirectoryError: something else stands there.
            FileExistsError: it holds other files, or another job.
            OSError: it cannot be written.
        """
        name, file = printable(str(self.folder)), self.folder / SETTINGS
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(
                f"out: {name} is no folder; give a new one, or that of this job"
            )
        require_writable(self.folder)
        if not file.exists():
            strange = sorted(p.name for p in self.folder.iterdir() if p.name != "work")
            strange = [n for n in strange if not n.startswith(".")]
            if strange or (self.work.is_dir() and any(self.work.iterdir())):
                said = ", ".join(map(repr, strange[:3])) or "'work'"
                raise FileExistsError(
                    f"out: {name} holds {said} and no {SETTINGS}, so it is not the folder "
                    "of such a job: give a new folder"
                )
            self._write(file, self.about)
            self.work.mkdir(exist_ok=True)
            return False
        try:
            found = json.loads(read_plain(file, _MOST).decode())
            if not isinstance(found, dict):
                raise ValueError("no settings")
        except ValueError as error:
            raise FileExistsError(
                f"out: {file} cannot be read as settings ({error}): give a new folder"
            ) from error
        if found != self.about:
            differ = [
                n for n in {**found, **self.about} if found.get(n) != self.about.get(n)
            ]
            if differ == ["seeds"] and _more(found["seeds"], self.about["seeds"]):
                self.work.mkdir(exist_ok=True)
                return True
            said = "; ".join(
                f"{n} was {found.get(n)!r}, now {self.about.get(n)!r}" for n in differ[:4]
            )
            raise FileExistsError(
                f"out: {name} is the folder of another job ({said}): give a new folder, or "
                "the settings of that job to go on with it"
            )
        self.work.mkdir(exist_ok=True)
        return True

    def add_seeds(self) -> list[int]:
        """Let the folder be that of a job with more seeds, where it was one with fewer.

        Only who holds the job's lock may call this.

        Returns:
            With how many seeds there was a report before seeds were added, in order.
        """
        file, reported = self.folder / SETTINGS, self.work / "reported.json"
        before = json.loads(read_plain(reported, _MOST)) if reported.exists() else []
        count = json.loads(read_plain(file, _MOST).decode())["seeds"]
        if count != self.about["seeds"]:
            if (self.folder / "report.json").exists() and count not in before:
                before.append(count)
                self._write(reported, before)
            self._write(file, self.about)
        return [number for number in before if number < self.about["seeds"]]

    def require_space(self, needed: int) -> None:
        """Raise where the disk has no room for what will be written.

        Args:
            needed: bytes.

        Raises:
            OSError: with ENOSPC.
        """
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OSError(
                errno.ENOSPC,
                f"out: about {amount(needed)} will be written and {amount(free)} are free: "
                "make room, or give a folder on another disk",
                str(self.folder),
            )

    def checkpoint(self, name: str) -> Path:
        """Where a training keeps itself until it is done."""
        return self.work / f"{name}.training"

    def once(self, name: str, work: Callable[[], Any]) -> Any:
        """What a piece of work gave, as JSON holds it; it is done where it was not.

        Args:
            name: of the piece.
            work: gives what JSON can hold.
        """
        file = self.work / f"{name}.json"
        if not file.exists():
            self._write(file, work())
        return json.loads(read_plain(file, _MOST).decode())

    def tensors_once(
        self, name: str, work: Callable[[], tuple[dict[str, Tensor], Mapping[str, Any]]]
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """As ``once``, for tensors by name and what is said of them.

        Args:
            name: of the piece.
            work: gives tensors, and what JSON can hold.
        """
        file = self.work / f"{name}.safetensors"
        if not file.exists():
            tensors, about = work()
            write_whole(file, tensor_bytes(tensors, {_KEY: json.dumps(dict(about))}))
        content = read_plain(file, _MOST)
        try:
            return read_tensors(content, file), json.loads(metadata_of(content)[_KEY])
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"{file} is damaged ({error}): remove it, and this piece is done again"
            ) from error

    def done(self, name: str) -> bool:
        """Whether a piece is there."""
        return any(
            (self.work / f"{name}{end}").exists() for end in (".json", ".safetensors")
        )

    def clear(self, name: str) -> None:
        """Remove the checkpoint of a training that is done."""
        self.checkpoint(name).unlink(missing_ok=True)

    def _write(self, file: Path, content: Any) -> None:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_whole(file, text.encode("utf-8", "surrogateescape"))


def _more(old: object, new: object) -> bool:
    return isinstance(old, int) and isinstance(new, int) and new > old


def tensor_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The content of a safetensors file.

    Args:
        tensors: by name; those that share memory are written twice.
        metadata: words by name.
    """
    from safetensors.torch import save

    whole = {n: t.detach().cpu().clone().contiguous() for n, t in tensors.items()}
    return bytes(save(whole, dict(metadata)))


def metadata_of(content: bytes) -> dict[str, str]:
    """The words in the head of a safetensors file; none where it holds none.

    Args:
        content: of the file.

    Raises:
        ValueError: no such file.
    """
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise ValueError("no whole safetensors file")
    head = json.loads(content[8 : 8 + size].decode())
    found = head.get("__metadata__", {}) if isinstance(head, dict) else {}
    return {str(name): str(value) for name, value in found.items()}


def state_bytes(model: torch.nn.Module) -> int:
    """Bytes of a network's weights and statistics."""
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())
