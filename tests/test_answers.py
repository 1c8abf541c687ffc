"""What readers answer: no wrong answer passes or is misled, no right one is refused."""

import importlib
import pkgutil
import warnings

import pytest

from kdteach import exercises
from tests import answers

for module in pkgutil.iter_modules(answers.__path__):
    importlib.import_module(f"tests.answers.{module.name}")


def said(answer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(exercises, answer.check)(answer.does)


@pytest.fixture(scope="module")
def told():
    """Each wrong answer with what its check says."""
    return [(answer, said(answer)) for answer in answers.WRONG]


def test_there_are_many_of_every_exercise():
    assert len(answers.WRONG) >= 200
    assert len(answers.RIGHT) >= 80
    for check in (name for name in exercises.__all__ if name.startswith("check_")):
        assert sum(answer.check == check for answer in answers.WRONG) >= 5, check
        assert sum(answer.check == check for answer in answers.RIGHT) >= 2, check
    names = [(answer.check, answer.label) for answer in (*answers.WRONG, *answers.RIGHT)]
    assert len(set(names)) == len(names)


def test_no_wrong_answer_is_accepted(told):
    assert not [(answer.check, answer.label) for answer, result in told if result.passed]


def test_no_hint_names_another_mistake(told):
    """A hint that was given carries the words of the mistake that was made."""
    misled = [
        (answer.check, answer.label, result.message)
        for answer, result in told
        if result.named and not answer.named_by(result.message)
    ]
    assert not misled


def test_most_are_told_their_mistake(told):
    named = [answer.named_by(result.message) for answer, result in told]
    assert sum(named) >= 0.85 * len(named)


def test_two_slips_at_once_are_both_named(told):
    two = [(answer, result) for answer, result in told if len(answer.words) == 2]
    assert len(two) >= 15
    both = [answer.named_by(result.message) for answer, result in two]
    assert sum(both) >= 0.85 * len(both)


@pytest.mark.parametrize(
    "answer", answers.RIGHT, ids=lambda answer: f"{answer.check[6:]}: {answer.label}"
)
def test_no_right_answer_is_refused(answer):
    result = said(answer)
    assert result.passed, result.message
