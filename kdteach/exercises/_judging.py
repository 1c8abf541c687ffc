"""Exercises without a function: to judge a claim, and to predict a result."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdteach.exercises._results import CheckResult, capital, ended, no
from kdteach.exercises._values import kind, read


@dataclass(frozen=True)
class Judgement:
    """A claim to judge: choose an option, and give the number that decides.

    Attributes:
        options: what can be chosen, each with the reason why it is right or wrong; the
            reason of a wrong one leads on without naming the right one.
        right: the option to choose.
        number: what has to be computed for it.
        praise: said when both are right, before the reasons.
        tolerance: absolute, that the number may be off.
        slips: numbers that typical mistakes give, each with its hint.

    Raises:
        ValueError: the right option is none of them, or there are fewer than two.
    """

    options: Mapping[str, str]
    right: str
    number: float
    praise: str
    tolerance: float
    slips: tuple[tuple[float, str], ...] = ()

    def __post_init__(self) -> None:
        if len(self.options) < 2 or self.right not in self.options:
            raise ValueError(
                f"right must be one of at least two options, got {self.right!r} and "
                f"{list(self.options)}: name it as it stands among the options"
            )

    def check(self, choice: Any, number: Any) -> CheckResult:
        """Say what is right about a choice and its number.

        Args:
            choice: one of the options; capitals and spaces around it do not matter.
            number: what decides, in the unit that the exercise asks for.

        Returns:
            With a wrong option its reason; with a wrong number what is known of it; with
            both right the reasons of all options.
        """
        if choice is ... or number is ...:
            return no(
                "there are still three dots: replace them with an option and a number."
            )
        chosen = self._option(choice)
        if chosen is None:
            quoted = ", ".join(repr(option) for option in self.options)
            return no(f"choose one of {quoted}; got {kind(choice)} that is none of them.")
        value = read(number)
        if isinstance(value, str):
            return no(f"the number is {value}; give a number.")
        if value.shape or value.truth:
            return no("one number is expected, not several and not True or False.")
        told = self._of_number(float(value.numbers))
        if chosen != self.right:
            reason = capital(ended(self.options[chosen]))
            said = f"{chosen!r}: {reason}"
            return no(f"{said} {capital(told)}" if told else said, (self.options[chosen],))
        if told:
            return no(f"the option is right, and the number is not: {told}", (told,))
        others = " ".join(
            f"{option!r}: {ended(reason)}" for option, reason in self.options.items()
        )
        return CheckResult(True, f"{ended(self.praise)} {others}")

    def _option(self, choice: Any) -> str | None:
        if not isinstance(choice, str):
            return None
        meant = choice.strip().casefold()
        return next((one for one in self.options if one.casefold() == meant), None)

    def _of_number(self, number: float) -> str:
        """What to say of a number; nothing where it is right."""
        if not math.isfinite(number):
            return "your number is NaN or infinity."
        if abs(number - self.number) <= self.tolerance:
            return ""
        for wrong, hint in self.slips:
            if abs(number - wrong) <= self.tolerance:
                return hint
        if abs(number - 100 * self.number) <= 100 * self.tolerance:
            return "it is a hundred times too large: is it in per cent?"
        if abs(100 * number - self.number) <= self.tolerance:
            return "it is a hundred times too small: per cent are asked for."
        side = "large" if number > self.number else "small"
        return f"{number:g} is too {side}."


@dataclass(frozen=True)
class Prediction:
    """A question to be answered before the experiment, and what happened, option by option.

    Attributes:
        question: what will happen?
        options: what can be predicted, each with what the experiment said to it.

    Raises:
        ValueError: there are fewer than two options.
    """

    question: str
    options: Mapping[str, str]

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise ValueError(
                f"options must be two or more, got {len(self.options)}: a prediction needs "
                "something to choose from"
            )

    def box(self) -> Predicted:
        """The question with its options; each opens what happened. Needs no script."""
        return Predicted(self)

    def answered(self, choice: Any) -> str:
        """What the experiment said to one of the options.

        Args:
            choice: one of the options, or its number counted from 1.

        Raises:
            ValueError: it is none of them.
        """
        options = list(self.options)
        if isinstance(choice, int) and not isinstance(choice, bool):
            if 1 <= choice <= len(options):
                return self.options[options[choice - 1]]
        elif isinstance(choice, str):
            meant = choice.strip().casefold()
            for option in options:
                if option.casefold() == meant:
                    return self.options[option]
        raise ValueError(
            f"choice must be one of {options} or a number from 1 to {len(options)}, got "
            f"{kind(choice)}"
        )


@dataclass(frozen=True)
class Predicted:
    """A prediction as it is shown in a notebook.

    Attributes:
        of: the prediction.
    """

    of: Prediction

    def __repr__(self) -> str:
        options = [f"  {i}. {option}" for i, option in enumerate(self.of.options, start=1)]
        return "\n".join([f"Predict: {self.of.question}", *options])

    def _repr_html_(self) -> str:
        parts = [
            '<details style="margin: 0.4em 0;"><summary>'
            f"{html.escape(option)}</summary>"
            f'<div style="padding: 0.3em 1.2em;">{html.escape(reason)}</div></details>'
            for option, reason in self.of.options.items()
        ]
        return (
            '<div class="kd-predict" style="border-left: 4px solid #0072b2; '
            'padding: 0.4em 0.8em; margin: 0.5em 0;">'
            f"<strong>Predict:</strong> {html.escape(self.of.question)}"
            f"{''.join(parts)}</div>"
        )
