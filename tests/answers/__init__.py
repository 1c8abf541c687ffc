"""Answers to the checked exercises, written from the text of the exercise alone.

Whoever adds some reads the exercise as a reader of the chapter does, writes down what
somebody might answer and which mistake that makes, and opens the check only afterwards: a
check that is tried with its own idea of a mistake proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An answer of a reader.

    Attributes:
        check: name of the check.
        label: the mistake that it makes, or how a right one is dressed.
        words: patterns (regular expressions, any case) that a message which names the
            mistake contains, one for each mistake; none where the answer is right.
        does: the function.
    """

    check: str
    label: str
    words: tuple[str, ...]
    does: Callable[..., Any]

    def named_by(self, message: str) -> bool:
        """Whether a message names every mistake."""
        return all(re.search(word, message, re.IGNORECASE) for word in self.words)


WRONG: list[Answer] = []
RIGHT: list[Answer] = []


class about:
    """Collects the answers to one exercise."""

    def __init__(self, check: str) -> None:
        self.check = check

    def wrong(
        self, label: str, words: str | tuple[str, ...], does: Callable[..., Any]
    ) -> None:
        """Add a wrong answer."""
        several = (words,) if isinstance(words, str) else words
        WRONG.append(Answer(self.check, label, several, does))

    def right(self, label: str, does: Callable[..., Any]) -> None:
        """Add a right answer in unusual dress."""
        RIGHT.append(Answer(self.check, label, (), does))


def wrong(check: str, label: str, *words: str) -> Callable[..., Any]:
    """Add the function below as a wrong answer."""

    def keep(does: Callable[..., Any]) -> Callable[..., Any]:
        WRONG.append(Answer(check, label, words, does))
        return does

    return keep
