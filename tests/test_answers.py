"""What readers answer: no wrong answer passes or is misled, no right one is refused."""

import importlib
import pkgutil
import warnings

import pytest

from kdteach import exercises
from tests import answers

for module in pkgutil.iter_modules(answers.__path__):
    importlib.import_module(f"tests.answers.{module.name}")

CHECKS = [name for name in exercises.__all__ if name.startswith("check_")]


def said(check, several):
    """Each answer to a check with what is said of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            (answer, getattr(exercises, check)(answer.does))
            for answer in several
            if answer.check == check
        ]


def test_there_are_many():
    assert len(answers.WRONG) >= 200
    assert len(answers.RIGHT) >= 80
    assert sum(len(answer.words) == 2 for answer in answers.WRONG) >= 15
    names = [(answer.check, answer.label) for answer in (*answers.WRONG, *answers.RIGHT)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("check", CHECKS)
def test_wrong_answers(check):
    """None passes, none gets the hint of another mistake, at least 85 % get their own."""
    told = said(check, answers.WRONG)
    assert len(told) >= 5
    assert not [answer.label for answer, result in told if result.passed]
    misled = [
        (answer.label, result.message)
        for answer, result in told
        if result.named and not answer.named_by(result.message)
    ]
    assert not misled
    named = [answer.named_by(result.message) for answer, result in told]
    assert sum(named) >= 0.85 * len(named)


@pytest.mark.parametrize("check", CHECKS)
def test_right_answers_in_unusual_dress(check):
    dressed = said(check, answers.RIGHT)
    assert len(dressed) >= 2
    refused = [(answer.label, result.message) for answer, result in dressed if not result]
    assert not refused
