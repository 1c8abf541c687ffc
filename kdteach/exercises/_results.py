"""What a check says."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class CheckResult:
    """What a check says of an answer. Shown as a box in a notebook; true when passed.

    Attributes:
        passed: whether the answer is right.
        message: one or two sentences, a hint where there is one, never the answer.
        named: the hints of the mistakes that were recognised; none where the message tells
            only what came out.
    """

    passed: bool
    message: str
    named: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'Right' if self.passed else 'Not yet'}: {self.message}"

    def _repr_html_(self) -> str:
        color, word = ("#009e73", "Right") if self.passed else ("#d55e00", "Not yet")
        return (
            f'<div class="kd-check" style="border-left: 4px solid {color}; '
            'padding: 0.4em 0.8em; margin: 0.5em 0;">'
            f"<strong>{word}:</strong> {_marked_up(self.message)}</div>"
        )

    def raise_if_failed(self) -> CheckResult:
        """Return itself, or raise AssertionError with the message."""
        if not self.passed:
            raise AssertionError(self.message)
        return self


def no(message: str, named: tuple[str, ...] = ()) -> CheckResult:
    """A result that is not right.

    Args:
        message: may hold what an error said.
        named: hints of the mistakes that were recognised.
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in message)
    return CheckResult(False, capital(plain), named)


def capital(text: str) -> str:
    """The text with a capital letter in front."""
    return text[0].upper() + text[1:]


def ended(text: str) -> str:
    """The text with a full stop where it has none."""
    return text if text[-1] in ".?!" else f"{text}."


def _marked_up(message: str) -> str:
    """Escaped, and what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(message))
