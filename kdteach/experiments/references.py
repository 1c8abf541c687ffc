"""A teacher's logits by name: a job carries where they are, and not the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kdteach.experiments.targets import Answers
from kdteach.results import RecordError, load_logits
from kdteach.types import ImageSet


class UnreachableError(RuntimeError):
    """A worker, perhaps on another machine, cannot open the file of a teacher's logits."""


@dataclass(frozen=True)
class Reference:
    """The file of a teacher's logits.

    Attributes:
        path: of the file, absolute.
        checksum: the SHA-256 of its content, in hexadecimal digits.
    """

    path: Path
    checksum: str

    def read(self, data: ImageSet) -> Answers:
        """Read the logits.

        Args:
            data: the images that they answer.

        Raises:
            UnreachableError: the file cannot be opened here.
            RecordError: it is damaged, another than it was, or of other images.
        """
        try:
            answers = load_logits(self.path, checksum=self.checksum)
        except OSError as error:
            raise UnreachableError(f"{self.path} cannot be read: {error}") from error
        require_rows(answers, data, self.path)
        return answers


Learned = Answers | Reference | None
"""What a student is given of its teacher: the logits, or where they are."""


def answers_for(learned: tuple[Learned, ...], data: ImageSet) -> list[Answers | None]:
    """The logits of each student's teacher, each file read once and shared.

    Args:
        learned: what the students are given, None for labels alone.
        data: the images.

    Raises:
        UnreachableError: as ``Reference.read``.
        RecordError: as ``Reference.read``.
    """
    tables = {
        one: one.read(data)
        for one in dict.fromkeys(x for x in learned if isinstance(x, Reference))
    }
    return [tables[one] if isinstance(one, Reference) else one for one in learned]


def require_rows(answers: Answers, data: ImageSet, path: Path) -> None:
    """Raise unless there is one row for each image of each split.

    Args:
        answers: logits by split.
        data: the images.
        path: of the file, for the error.

    Raises:
        RecordError: there are more or fewer.
    """
    for name in ("train", "valid", "test"):
        split = getattr(data, name)
        rows = int(split.index.max()) + 1 if len(split) else 0
        if rows != (len(answers[name]) if name in answers else 0):
            raise RecordError(
                f"{path}: has not one row for each image of the split {name!r}. Delete "
                "the file; the teacher is then trained again."
            )
