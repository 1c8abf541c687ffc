"""Tables on disk, a file of NumPy's format each: written row by row, read without loading.

They are written through the file and not through memory: where a disk is full, a write says
so, while memory that stands for a file ends the process.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray


class Column:
    """A table (N, ...) in a file ``.npy``, whose rows are written in any order.

    Args:
        path: of the file, with its suffix.
        shape: of the whole.
        dtype: of its numbers, by NumPy's name such as "<f2".
    """

    def __init__(self, path: Path, shape: Sequence[int], dtype: str) -> None:
        self.path, self.shape, self.dtype = path, tuple(shape), np.dtype(dtype)
        self.row = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        self._file: IO[bytes] | None = None
        self._start = 0

    def open(self) -> None:
        """Open the file for writing; one that is not there begins with its header.

        Raises:
            OSError: it cannot be written.
            ValueError: the file that is there holds another table.
        """
        if not self.path.exists():
            with self.path.open("xb") as new:
                npy.write_array_header_1_0(
                    new,
                    {
                        "descr": npy.dtype_to_descr(self.dtype),
                        "fortran_order": False,
                        "shape": self.shape,
                    },
                )
        file = self.path.open("r+b", buffering=0)
        try:
            npy.read_magic(file)
            shape, fortran, dtype = npy.read_array_header_1_0(file)
        except (ValueError, OSError):
            file.close()
            raise
        if (shape, fortran, dtype) != (self.shape, False, self.dtype):
            file.close()
            raise ValueError(
                f"{self.path} holds {shape} of {dtype}, {self.shape} of {self.dtype} is "
                "expected"
            )
        self._file, self._start = file, file.tell()

    def write(self, rows: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Write some rows.

        Args:
            rows: (n,) their numbers.
            values: (n, ...).

        Raises:
            OSError: they do not fit on the disk, for example.
        """
        assert self._file is not None
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        values = np.ascontiguousarray(values[order], dtype=self.dtype)
        # neighbours are written together
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        for place, part in zip(np.split(rows, cuts), np.split(values, cuts), strict=True):
            if len(place) == 0:
                continue
            self._file.seek(self._start + int(place[0]) * self.row)
            rest = memoryview(part.tobytes())
            while rest:  # a file without a buffer may take a part only
                rest = rest[self._file.write(rest) :]

    def clear(self) -> None:
        """Fill the whole table with zeros, which take their place on the disk."""
        assert self._file is not None
        rows = np.arange(self.shape[0])
        zeros = np.zeros((len(rows), *self.shape[1:]), dtype=self.dtype)
        self.write(rows, zeros)

    def rows(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Read some rows of the open file; what was not written yet is zero.

        Args:
            rows: (n,) their numbers.
        """
        assert self._file is not None
        found = np.zeros((len(rows), *self.shape[1:]), dtype=self.dtype)
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        start = 0
        for place in np.split(rows, cuts):
            if len(place) == 0:
                continue
            self._file.seek(self._start + int(place[0]) * self.row)
            content = self._file.read(len(place) * self.row)
            content += bytes(len(place) * self.row - len(content))
            values = np.frombuffer(content, dtype=self.dtype)
            found[start : start + len(place)] = values.reshape(-1, *self.shape[1:])
            start += len(place)
        return found

    def settle(self) -> None:
        """Wait until what was written is on the disk."""
        assert self._file is not None
        os.fsync(self._file.fileno())

    def close(self, whole: bool = False) -> None:
        """Close the file.

        Args:
            whole: it gets its full length first, rows that were not written being zeros.
        """
        if self._file is None:
            return
        if whole:
            full = self._start + self.shape[0] * self.row
            if self._file.seek(0, os.SEEK_END) < full:
                self._file.truncate(full)
        self._file.close()
        self._file = None

    def read(self) -> NDArray[Any]:
        """The whole table, mapped into memory: what is not looked at is not loaded.

        Raises:
            OSError: the file is not there.
            ValueError: it is cut off, or holds another table.
        """
        table: NDArray[Any] = np.load(self.path, mmap_mode="r")
        if (table.shape, table.dtype) != (self.shape, self.dtype):
            raise ValueError(
                f"{self.path} holds {table.shape} of {table.dtype}, {self.shape} of "
                f"{self.dtype} is expected"
            )
        return table
