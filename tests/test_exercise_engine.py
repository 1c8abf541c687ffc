"""The kinds of trouble that answers make, each in a small exercise."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from kdteach import exercises, losses
from kdteach.exercises import temperature, which_temperature
from kdteach.exercises._check import Exercise, Law, Mistake, slip
from kdteach.exercises._judging import Judgement, Prediction


def scaled(x, factor, *, power=1, sign=1, add=0.0):
    return sign * factor**power * x + add


TABLES = tuple(
    torch.tensor(rows, dtype=torch.float64)
    for rows in ([1.37, -2.11], [0.53, 3.19, 4.07], [2.71, 7.43])
)
SCALED = Exercise(
    scaled,
    tuple(zip(TABLES, (2.0, 3.0, 5.0), strict=True)),
    (Mistake("that is the sum.", lambda x, f: x.sum() + 0 * f),),
    "well done.",
    slips=(
        slip("the factor comes in squared.", power=2),
        slip("the sign is reversed.", sign=-1),
        slip("what is added there?", add=1.0),
    ),
)


def test_the_general_answer_shows_the_first_failing_case_as_code():
    space = {}  # without a text that Python knows of
    exec("def mine(x, factor):\n    return x * factor if factor < 3 else x + factor", space)
    result = SCALED.check(space["mine"])
    assert result.named == ()
    assert result.message == (
        "Right in 1 of 3 cases, but your function gives a wrong value: "
        "`mine(torch.tensor([0.53, 3.19, 4.07]), 3.0)` gave [3.53, 6.19, 7.07]. Its "
        "shape is right, the numbers are not."
    )
    assert "<code>mine(torch.tensor" in result._repr_html_()


def test_the_case_that_is_shown_can_be_typed():
    long = replace(SCALED, cases=((torch.arange(99.0), 2.0), *SCALED.cases))
    assert (
        "torch.tensor([1.37, -2.11])" in long.check(lambda x, f: x + f.__pow__(3)).message
    )


@pytest.mark.parametrize(
    ("answer", "hints"),
    [
        (lambda x, f: f**2 * x, ["squared"]),
        (lambda x, f: -(f**2) * x, ["squared", "sign"]),
        (lambda x, f: f**2 * x + 1, ["squared", "added"]),
        (lambda x, f: 100 * f * x, ["per cent"]),
        (lambda x, f: 2 * f * x, ["twice"]),
        (lambda x, f: 1 / (f * x), ["upside down"]),
        (lambda x, f: f**3 * x, ["f squared times what it should be"]),
        (lambda x, f: x, ["1 / f times what it should be"]),
        (lambda x, f: f * x * len(x), ["the number of rows of x times"]),
        (lambda x, f: (f * x).abs(), ["absolute"]),
        (lambda x, f: (f * x).flip(0), ["order is reversed"]),
        (lambda x, f: (f * x)[1:], ["missing at the beginning"]),
        (lambda x, f: torch.cat([f * x, x[:1]]), ["more at the end"]),
        (lambda x, f: (f * x)[None], ["shape is not"]),
        (lambda x, f: (f * x).mean(), ["mean over everything"]),
    ],
)
def test_what_goes_wrong_in_all_exercises_alike(answer, hints):
    result = SCALED.check(answer)
    assert result.named
    for hint in hints:
        assert hint in result.message.lower(), result.message


def test_a_constant_is_called_one_and_named_after_no_mistake_that_it_resembles():
    result = SCALED.check(lambda x, f: torch.ones(2))
    assert "same result in every case" in result.message
    assert not result.named


def test_an_argument_without_effect_is_named():
    assert "`f` has no effect" in SCALED.check(lambda x, f: x + x**3).message
    assert "no effect" not in SCALED.check(lambda x, f: x + f**3).message


def test_an_argument_that_enters_in_a_wrong_way_is_named():
    said = SCALED.check(lambda x, f: x.exp() * f)
    assert said.named == ("`x` goes through an exponential first; take it as it is.",)


def test_what_the_failing_cases_share_is_said():
    several = ((3.0,), (-2.0,), (0.5,), (-7.25,), (4.0,))
    absolute = Exercise(abs, several, (), "")
    said = absolute.check(lambda x: x if x > 0 else x - 0.123)
    assert "The failing cases share, perhaps by chance," in said.message
    assert "what no other case that was tried has: `x` is negative" in said.message


def test_the_argument_that_was_changed_is_named():
    def mine(x, factor):
        return x.mul_(factor)

    result = SCALED.check(mine)
    assert "argument `x` in place" in result.message
    assert result.named


def test_an_error_comes_with_what_it_usually_means():
    pairs = Exercise(lambda a: a[0] - a[1], (([3, 1],), ([2, 2],)), (), "")
    assert "no arithmetic of its own" in pairs.check(lambda a: a - a).message


def test_nothing_in_one_case_alone_says_in_which():
    several = tuple((float(x),) for x in (3, -2, 5, 4))
    said = Exercise(abs, several, (), "").check(lambda x: x if x > 0 else None).message
    assert "Right in 3 of 4 cases" in said
    assert "(-2.0)" in said


def test_a_table_instead_of_numbers_is_told_what_to_take_of_each_row():
    table = torch.tensor([[1.5, 2.25], [4.125, 3.0]])
    best = Exercise(lambda x: x.argmax(1), ((table,), (table.flip(1),)), (), "")
    assert "argmax" in best.check(lambda x: x.softmax(1)).message


def test_a_mistake_in_most_cases_is_named_and_one_in_few_is_not():
    many = replace(SCALED, cases=(*SCALED.cases, (torch.ones(3), 4.0)))
    most = many.check(lambda x, f: f**2 * x if f > 2 else x - f)
    assert "squared" in most.message
    few = many.check(lambda x, f: f**2 * x if f < 3 else x - f)
    assert few.named == ()


def test_infinity_hides_no_mistake_and_is_named_beside_it():
    hot = replace(SCALED, cases=(*SCALED.cases, (torch.ones(1), 1e200)))
    said = hot.check(lambda x, f: f**2 * x.double() if f < 9 else x * math.inf).message
    assert "squared" in said
    result = SCALED.check(lambda x, f: f**2 * x if f < 5 else x * math.nan)
    assert "squared" in result.message
    assert "NaN or infinity for `f(torch.tensor([2.71, 7.43]), 5.0)`" in result.message


def test_an_error_in_one_case_hides_no_mistake():
    def mine(x, factor):
        return factor**2 * x + 0 * x[2]

    def fails_late(x, factor):
        if factor == 5:
            raise IndexError("out of range")
        return factor**2 * x

    assert "squared" in SCALED.check(fails_late).message
    first = SCALED.check(mine)
    assert "IndexError" in first.message
    assert "`mine(torch.tensor([1.37, -2.11]), 2.0)`" in first.message


def test_a_law_that_is_broken_is_said():
    law = Law("the first number is positive", lambda y, *_: bool(y[0] > 0))
    lawful = replace(SCALED, laws=(law,))
    broken = lawful.check(lambda x, f: -x.abs() - f)
    assert "the first number is positive, which it does not here" in broken.message
    kept = lawful.check(lambda x, f: x.abs() + f.__pow__(3))
    assert "positive" not in kept.message


def test_every_right_answer_keeps_the_laws_of_its_exercise():
    from tests.test_exercises import ALL

    for name, exercise in ALL:
        for law in exercise.laws:
            for case in exercise.cases:
                value = torch.as_tensor(exercise.reference(*case)).double()
                assert law.holds(value, *case), (name, law.says)


# --- losses


def error(z, v):
    return ((z - v) ** 2).mean()


LOSS = Exercise(
    error,
    tuple(
        (torch.tensor(z), torch.tensor(v))
        for z, v in (([1.0], [3.0]), ([0.0, 2], [1.0, 5]))
    ),
    (),
    "it can be learned from.",
    gradient=(0,),
)


def no_grad(z, v):
    with torch.no_grad():
        return error(z, v)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda z, v: error(z, v).item(), "`.item()`"),
        (lambda z, v: sum(error(z, v).tolist() for _ in range(1)), "Python number"),
        (lambda z, v: error(z.detach(), v), "`.detach()`"),
        (lambda z, v: torch.tensor(error(z, v).item()), "no gradient reaches the student"),
        (lambda z, v: error(z, v).detach().numpy(), "NumPy number"),
        (lambda z, v: ((z.numpy() - v.numpy()) ** 2).mean(), "NumPy computes no gradients"),
        (no_grad, "`torch.no_grad()`"),
        (lambda z, v: error(z, v) / 2 + error(z.detach(), v) / 2, "a part of the gradient"),
        (lambda z, v: error(z.detach(), v) + 0 * z.sum(), "no gradient reaches"),
    ],
)
def test_a_loss_without_its_gradient_is_refused(answer, says):
    result = LOSS.check(answer)
    assert not result
    assert result.named
    assert says.lower() in result.message.lower()


def helped(z, v):
    return z.detach() - v


NEAR = Exercise(  # the logarithm is steep: its value is near, and its slope is not
    lambda z: z.log().sum(),
    tuple((torch.tensor(z, dtype=torch.float64),) for z in ([2.0, 1.0], [0.05, 3.0])),
    (),
    "it can be learned from.",
    gradient=(0,),
)


@pytest.mark.parametrize(
    ("exercise", "answer", "says"),
    [
        (LOSS, lambda z, v: error(z.round(), v), "its gradient is 0"),
        (LOSS, lambda z, v: error((z + z.round()) / 2, v), "its gradient is not"),
        (NEAR, lambda z: torch.log(z + 1e-7).sum(), "its gradient is not"),
    ],
)
def test_a_wrong_gradient_that_nothing_cuts_off(exercise, answer, says):
    """The value is right, and none of the usual cuts stands in the answer."""
    message = exercise.check(answer).message
    assert says in message
    assert "inside of a logarithm" in message
    assert "detach" not in message


def test_a_cut_is_found_in_the_functions_that_an_answer_calls():
    said = LOSS.check(lambda z, v: helped(z, v).square().mean()).message
    assert "`.detach()`" in said

    def outer(z, v):
        def inner():
            with torch.no_grad():
                return z - v

        return inner().square().mean()

    assert "cut off by `torch.no_grad()`" in LOSS.check(outer).message


def test_a_loss_with_its_gradient_passes():
    assert LOSS.check(F.mse_loss)
    assert LOSS.check(lambda z, v: error(z, v.detach()))
    assert LOSS.check(
        lambda z, v: sum((a - b) ** 2 for a, b in zip(z, v, strict=True)) / len(z)
    )
    with torch.no_grad():
        assert LOSS.check(error)
    assert "in place" in LOSS.check(lambda z, v: z.sub_(v).square().mean()).message


# --- patches


def test_what_a_cell_before_the_check_has_replaced_makes_nothing_right(monkeypatch):
    soft = temperature._SOFT_TARGETS
    right = [soft.reference(*case) for case in soft.cases] * 4

    def forged(tensor, *_, **__):
        return right.pop(0)

    monkeypatch.setattr(torch.Tensor, "detach", forged)
    assert not soft.check(lambda z, t: z)
    assert torch.Tensor.detach is forged


def test_an_answer_replaces_no_check_of_a_chapter(monkeypatch):
    def forging(z, t):
        monkeypatch.setattr(which_temperature, "_temperature_for", lambda *_: 1.0)
        return z

    assert "replaced" in temperature.check_soft_targets(forging).message


# --- debugging, judging, predicting


def test_debugging_names_the_function_as_it_was_given():
    repair = replace(SCALED, slips=(), given=lambda x, f: f * x + f)
    assert "as it was given" in repair.check(lambda x, f: f * x + f).message
    assert repair.check(lambda x, f: f * x)


CLAIM = Judgement(
    {
        "real": "the difference is smaller than its standard error.",
        "undecided": "the interval of the difference covers 0, and is wide.",
        "equal": "an interval that is wide shows no equality.",
    },
    "undecided",
    0.0042,
    "one run each decides nothing.",
    tolerance=0.0002,
    slips=((0.00297, "that is the error of one accuracy; a difference has two."),),
)


@pytest.mark.parametrize(
    ("choice", "number", "says"),
    [
        (..., ..., "three dots"),
        ("undecided", ..., "three dots"),
        ("perhaps", 0.0042, "choose one of"),
        (3, 0.0042, "choose one of"),
        ("real", 0.0042, "smaller than its standard error"),
        ("equal", 0.00297, "a difference has two"),
        ("undecided", 0.00297, "a difference has two"),
        ("undecided", 0.42, "per cent"),
        ("undecided", 0.01, "too large"),
        ("undecided", 0.001, "too small"),
        ("undecided", math.nan, "NaN"),
        ("undecided", "much", "give a number"),
        ("undecided", [0.1, 0.2], "one number"),
        ("undecided", True, "one number"),
    ],
)
def test_judging_says_what_is_wrong_with_option_and_number(choice, number, says):
    result = CLAIM.check(choice, number)
    assert not result
    assert says.lower() in result.message.lower()


def test_judging_explains_every_option_when_it_is_right():
    result = CLAIM.check(" Undecided ", 0.00425)
    assert result
    for reason in CLAIM.options.values():
        assert reason in result.message


def test_a_judgement_needs_its_right_option():
    with pytest.raises(ValueError, match="right must be one of"):
        Judgement({"a": "no.", "b": "yes."}, "c", 1.0, "good.", 0.1)
    with pytest.raises(ValueError, match="right must be one of"):
        Judgement({"a": "no."}, "a", 1.0, "good.", 0.1)


def test_a_prediction_is_answered_option_by_option():
    guess = Prediction("Which <wins>?", {"the first": "it lost.", "the second": "it won."})
    page = guess.box()._repr_html_()
    assert page.count("<details") == 2
    assert "&lt;wins&gt;" in page
    assert "script" not in page
    assert repr(guess.box()).splitlines() == [
        "Predict: Which <wins>?",
        "  1. the first",
        "  2. the second",
    ]
    assert guess.answered("The Second") == guess.answered(2) == "it won."
    for choice in (0, 3, "third", True, None):
        with pytest.raises(ValueError, match="choice must be one of"):
            guess.answered(choice)
    with pytest.raises(ValueError, match="two or more"):
        Prediction("?", {"one": "alone."})


def test_what_the_task_forbids_is_remembered():
    """Also inside of a function of the answer's own; never where it is not used."""
    forbidden = replace(SCALED, without=("prod", "softmax"))

    def used(x, factor):
        def inner():
            return torch.stack([x, torch.full_like(x, factor)]).prod(dim=0)

        return inner()

    result = forbidden.check(used)
    assert result.passed
    assert result.message.endswith("but the task is to do it without `prod`.")
    assert forbidden.check(lambda x, f: x * f).message == "well done."
    assert forbidden.check(torch.mul).message == "well done."  # no code of its own


@pytest.mark.parametrize(
    ("check", "answer", "named"),
    [
        ("check_soft_targets", lambda z, t: torch.softmax(z / t, dim=1), "softmax"),
        ("check_kd_loss", losses.kd_loss, "kd_loss"),
        ("check_kd_loss", lambda z, v, y, t, a: losses.kd_loss(z, v, y, t, a), "kd_loss"),
        ("check_temperature_for", lambda m, p: m / math.log(p / (1 - p)), None),
    ],
)
def test_the_chapters_tasks_say_what_they_forbid(check, answer, named):
    result = getattr(exercises, check)(answer)
    assert result.passed
    assert (f"the task is to do it without `{named}`" in result.message) == bool(named)
