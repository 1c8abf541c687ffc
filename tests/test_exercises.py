"""Checks: right answers pass, wrong ones get a hint of their own, nothing breaks them."""

import math
from functools import partial

import pytest
import torch

from kdteach import exercises
from kdteach.exercises import (
    _check,
    best_checkpoint,
    borrowed_features,
    clinic,
    compression,
    dark_knowledge,
    distil_your_own,
    distillation_loss,
    early_stopping,
    effective_alpha,
    features,
    first_student,
    freezing,
    generations,
    hard_and_soft_targets,
    hintons_digits,
    is_the_difference_real,
    label_smoothing,
    lime,
    luck_of_tables,
    missing_class,
    natural_images,
    one_protocol,
    passed_on,
    relations,
    reports_revisited,
    rise,
    runner_up,
    saliency,
    same_place,
    screening,
    softness,
    subclass_distillation,
    teacher_and_student,
    teacher_assistants,
    temperature,
    two_networks,
    votes,
    which_library,
    which_temperature,
    which_way_round,
    without_a_teacher,
    wrong_comparison,
    wrong_loss,
    wrong_teacher,
)

F = torch.nn.functional
ROOMS = (
    hard_and_soft_targets,
    dark_knowledge,
    runner_up,
    temperature,
    which_temperature,
    softness,
    votes,
    distillation_loss,
    effective_alpha,
    teacher_and_student,
    first_student,
    compression,
    hintons_digits,
    missing_class,
    natural_images,
    passed_on,
    is_the_difference_real,
    luck_of_tables,
    label_smoothing,
    subclass_distillation,
    early_stopping,
    best_checkpoint,
    teacher_assistants,
    features,
    generations,
    relations,
    borrowed_features,
    freezing,
    two_networks,
    clinic,
    screening,
    reports_revisited,
    wrong_comparison,
    wrong_loss,
    wrong_teacher,
    distil_your_own,
    saliency,
    rise,
    lime,
    same_place,
    which_library,
    which_way_round,
    without_a_teacher,
    one_protocol,
)
ALL = [
    (f"{room.__name__.rsplit('.', 1)[-1]}{name}", exercise)
    for room in ROOMS
    for name, exercise in vars(room).items()
    if isinstance(exercise, _check.Exercise)
]
CHECKS = [
    getattr(exercises, name) for name in exercises.__all__ if name.startswith("check_")
]
ids = [name for name, _ in ALL]


@pytest.mark.parametrize("exercise", [e for _, e in ALL], ids=ids)
def test_reference_passes_and_each_mistake_has_its_hint(exercise):
    passed = exercise.check(exercise.reference)
    assert passed
    assert repr(passed).startswith("Right: ")
    assert passed.raise_if_failed() is passed
    wrong = [(mistake.hint, mistake.does) for mistake in exercise.mistakes]
    wrong += [
        (slip.hint, partial(exercise.reference, **slip.change)) for slip in exercise.slips
    ]
    for hint, does in wrong:
        result = exercise.check(does)
        assert not result
        # two mistakes may come to the same thing, where their hints say the same
        assert result.message.lower() == hint.lower(), hint
    assert len(wrong) >= 3


def test_there_are_two_checks_a_chapter():
    assert len(CHECKS) == len(ALL) >= 2 * len(ROOMS)


# Wrong answers as a student would write them, without a look at the library.
WRONG = [
    ("check_soft_targets", lambda z, t: F.softmax(z * t, dim=-1), "did you multiply"),
    ("check_soft_targets", lambda z, t: F.softmax(z, dim=-1) / t, "inside the exponential"),
    ("check_soft_targets", lambda z, t: F.softmax(z / t, 0), "columns sum to 1"),
    (
        "check_soft_targets",
        lambda z, t: torch.exp(z / t) / torch.sum(torch.exp(z / t), 1, keepdim=True),
        "overflows",
    ),
    (
        "check_temperature_for",
        lambda m, p: 1 / (m / math.log(p / (1 - p))),
        "inverse of the temperature",
    ),
    (
        "check_kd_loss",
        lambda z, v, y, t, a: (
            a
            * F.kl_div(F.log_softmax(z / t, 1), F.softmax(v / t, 1), reduction="batchmean")
            + (1 - a) * F.cross_entropy(z, y)
        ),
        "the soft term shrinks as T grows",
    ),
    (
        "check_kd_loss",
        lambda z, v, y, t, a: (
            a
            * t**2
            * F.kl_div(F.log_softmax(z / t, 1), F.softmax(v / t, 1), reduction="sum")
            / z.numel()
            + (1 - a) * F.cross_entropy(z, y)
        ),
        "number of classes",
    ),
    (
        "check_kd_loss",
        lambda z, v, y, t, a: (
            a
            * t**2
            * F.kl_div(F.log_softmax(v / t, 1), F.softmax(z / t, 1), reduction="batchmean")
            + (1 - a) * F.cross_entropy(z, y)
        ),
        "from the student to the teacher",
    ),
    (
        "check_kd_loss",
        lambda z, v, y, t, a: (
            (1 - a)
            * t**2
            * F.kl_div(F.log_softmax(z / t, 1), F.softmax(v / t, 1), reduction="batchmean")
            + a * F.cross_entropy(z, y)
        ),
        "alpha weighs the hard term",
    ),
    (
        "check_kd_loss",
        lambda z, v, y, t, a: (
            a * t**2 * F.cross_entropy(z / t, F.softmax(v / t, 1))
            + (1 - a) * F.cross_entropy(z, y)
        ),
        "cross-entropy form",
    ),
    (
        "check_soft_gradient",
        lambda z, v, t: t * (F.softmax(v / t, 1) - F.softmax(z / t, 1)) / z.shape[0],
        "sign is wrong",
    ),
    (
        "check_repaired_runner_up",
        lambda z, y: z.masked_fill(F.one_hot(y, 4).bool(), 0).max(1).indices,
        "Is 0 smaller",
    ),
    (
        "check_repaired_runner_up",
        lambda z, y: torch.topk(z, 2).indices[:, 1],
        "the second largest",
    ),
    ("check_runner_up", lambda p: p.max(1).indices, "surest"),
    ("check_runner_up", lambda p: torch.topk(p, 2).values[:, 1], "its number is asked"),
    (
        "check_dark_knowledge",
        lambda p, y: p * (1 - F.one_hot(y, p.shape[1])),
        "do not sum to 1",
    ),
    ("check_votes", lambda d, s: [2, int(d // s)], "not ahead yet"),
    ("check_votes", lambda d, s: torch.tensor([2, d / s]), "no whole number"),
    ("check_votes", lambda d, s: [1, int(d // s)], "only reach a tie"),
    ("check_conv_flops", lambda i, o, k, h, w: 2 * i * o * k * k * h * w - 1, "your count"),
    ("check_matched_bias", lambda z, n, s: 0.0, "0 every time"),
    ("check_is_closer", lambda t, a, b: False, "False every time"),
    ("check_votes", lambda d, s: (d // s + 1, d // s + 1), "size of the doubt"),
    (
        "check_dense_parameters",
        lambda w: sum(w[i] * w[i + 1] for i in range(len(w) - 1)),
        "bias",
    ),
    ("check_conv_flops", lambda i, o, k, h, w: i * o * k**2 * h * w, "multiply-adds"),
    ("check_choose_temperature", lambda v: min(v, key=lambda t: min(v[t])), "lucky"),
    ("check_paired_interval", lambda a, b: [sum(b) - sum(a)] * 3, "wrong value"),
    (
        "check_smoothed_targets",
        lambda y, c, e: (
            torch.full((len(y), c), e / (c - 1)).double().scatter(1, y[:, None], 1 - e)
        ),
        "among the wrong classes alone",
    ),
    ("check_ideal_margin", lambda c, e: math.log((1 - e) * c / e), "own share of epsilon"),
    (
        "check_correlations",
        lambda z: (
            F.layer_norm(z, z.shape[1:], eps=0) @ F.layer_norm(z, z.shape[1:], eps=0).T
        ),
        "correlation with itself",
    ),
    ("check_correlations", lambda z: torch.corrcoef(z.T), "rows and columns"),
    (
        "check_class_probabilities",
        lambda z, c: F.softmax(z, 1).unflatten(1, (-1, c)).sum(1),
        "side by side",
    ),
    (
        "check_stopping_epoch",
        lambda x, t: next((i + 1 for i in range(len(x)) if x[i] < t), len(x)),
        "change that counts",
    ),
    (
        "check_stopping_epoch",
        lambda x, t: next(
            (i + 1 for i in range(len(x) - 1) if abs(x[i + 1] - x[i]) < t), len(x)
        ),
        "the change is seen after the later",
    ),
    ("check_luck_of_the_best", lambda d, n, p: p - float(d.min() / n), "all repeats"),
    ("check_luck_of_the_best", lambda d, n, p: p - d.mean() / n, "mean of all"),
    ("check_shrinking", lambda x: x == sorted(x, reverse=True), "same size"),
    (
        "check_even_steps",
        lambda a, b, n: torch.linspace(a, b, n + 2)[1:-1].tolist(),
        "equal differences",
    ),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG)
def test_wrong_answers_in_other_words(check, answer, hint):
    result = getattr(exercises, check)(answer)
    assert not result
    assert hint.lower() in result.message.lower()


def boom(*_):
    raise ZeroDivisionError("division by zero")


def leave(*_):
    raise SystemExit


def spoil(*arguments):
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            argument.zero_()
        elif isinstance(argument, (list, dict)):
            argument.clear()
    return 0.0


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "takes your function itself"),
        (3.0, "takes your function itself"),
        (torch.zeros(2), "takes your function itself"),
        (lambda *_: None, "returned nothing"),
        (lambda *_: ..., "three dots"),
        (lambda *_: "many", "type str; "),
        (lambda *_: object(), "type object; "),
        (lambda *_: torch.zeros(7, 7, 7), "shape"),
        (lambda: 1, "raised TypeError"),
        (boom, "raised ZeroDivisionError (division by zero)"),
        (leave, "raised SystemExit"),
        (int, ""),
    ],
)
def test_nothing_breaks_a_check(check, answer, says):
    result = check(answer)
    assert not result
    assert says in result.message
    with pytest.raises(AssertionError):
        result.raise_if_failed()


def test_arguments_must_stay():
    assert "in place" in exercises.check_soft_targets(spoil).message
    assert "in place" in exercises.check_dense_parameters(spoil).message


@pytest.mark.parametrize("exercise", [e for _, e in ALL], ids=ids)
def test_the_answer_is_never_shown(exercise):
    """No message holds a value of the reference that an almost right answer lacks."""
    shape = [_check.read(exercise.reference(*case)).numbers for case in exercise.cases]

    def almost(*arguments):
        return _check.read(exercise.reference(*arguments)).numbers + 0.123

    message = exercise.check(almost).message
    for value in shape:
        for number in value.flatten().tolist():
            for digits in (3, 4, 6):
                assert f"{number:.{digits}f}" not in message
    assert "lambda" not in message


def test_html_is_escaped():
    def bad(*_):
        raise ValueError("<script>")

    assert "<script>" not in exercises.check_soft_targets(bad)._repr_html_()
