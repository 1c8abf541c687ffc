"""What it costs to get the teacher wrong: ten draws of the digits, students of 60 images.

The mistakes stand in ``kdteach.experiments.wrong_teachers``. A record is one arm and one
seed; ``role`` in its configuration names the arm, and the rate is the one that it chose.

Looked at before this was run, on three of these draws: other teachers (convolutions without
BatchNorm and with it), other normalisations, a crop, two classes exchanged, batches of 8.
T = 8 is the temperature that students of 60 images chose in ``digits-passed-on``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdteach.checks import check_list
from kdteach.data import small_sample
from kdteach.experiments import wrong_teachers
from kdteach.experiments.choosing import Found, as_they_are, network
from kdteach.experiments.studies import Studies
from kdteach.experiments.wrong_teachers import (
    ALPHA,
    IMAGES,
    LABELS,
    MISTAKES,
    RATES,
    RIGHT,
    TEACHER,
    TEMPERATURE,
    AsItIs,
    another_order,
    in_train_mode,
    other_rows,
    teach,
)
from kdteach.metrics import evaluate
from kdteach.models import build
from kdteach.models.normalised import Normalised
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.seeding import seeded
from kdteach.training import (
    TrainingDivergedError,
    cosine,
    fit,
    fit_many,
    sgd_momentum,
    teacher_logits,
)
from kdteach.types import History, ImageSet, Split

NAME = wrong_teachers.NAME
QUESTION = "What does it cost to get the teacher wrong?"
SEEDS = 10
EPOCHS, BATCH = 200, 32
_APART = 1000  # seeds of other networks


@dataclass(frozen=True, eq=False)
class _Arm:
    """Objectives of one arm, a draw each, and what its teachers know.

    Attributes:
        goals: makes them, anew for every rate: a teacher may change.
        rows: (60, 10) what the teacher answers about the training images, draw by draw.
        valid: its errors on the validation images, asked in the same way.
        stacks: whether the students can be trained together.
    """

    goals: Callable[[], list[Objective]]
    rows: Sequence[Tensor] = ()
    valid: Sequence[int] = ()
    stacks: bool = True


def study(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """Train teachers, and the students of every arm.

    Args:
        draws: data sets, a seed each.

    Returns:
        By arm: "teacher", for which nothing is chosen; "labels alone", "right" and all of
        ``MISTAKES``. ``more`` has of the students "first_loss" and "last_loss", the mean
        loss of the first and last epoch, and "training_errors" on the 60 images; of the
        teachers, asked as the arm asks them, "answers_wrong" (of the 60) and
        "teacher_errors" (on validation), and "teacher_later", on validation in eval mode
        after the students have learned.
    """
    draws = check_list("draws", draws, "data sets")
    seen = [small_sample(draw.train, IMAGES, seed=s) for s, draw in enumerate(draws)]
    teachers = [teach(draw, seed=s) for s, draw in enumerate(draws)]
    found = {TEACHER: as_they_are(teachers, draws, None)}
    for name, arm in _arms(teachers, draws, seen).items():
        found[name] = _learn(arm, draws, seen)
    return found


def _arms(
    teachers: Sequence[Normalised], draws: Sequence[ImageSet], seen: Sequence[Split]
) -> dict[str, _Arm]:
    tables = _asked(teachers, [draw.train for draw in draws])
    on_valid = _asked(teachers, [draw.valid for draw in draws])
    inner = [teacher.network for teacher in teachers]
    pupils = [network("fc-64", draw, _APART + s) for s, draw in enumerate(draws)]
    fit_many(
        pupils, list(seen), [hard_labels()] * len(draws), seeds=range(len(draws)),
        epochs=EPOCHS, batch_size=BATCH,
        learning_rate=0.06, optimizer=sgd_momentum, schedule=cosine, progress=False,
    )  # fmt: skip
    weak = [pupil.eval() for pupil in pupils]

    def stored(rows: Sequence[Tensor], valid: Sequence[Tensor]) -> _Arm:
        return _Arm(
            lambda: [distil(table, TEMPERATURE, ALPHA) for table in rows],
            [table[part.index] for table, part in zip(rows, seen, strict=True)],
            _errors(valid, draws),
        )

    def asked(networks: Callable[[], list[nn.Module]], trained: bool = False) -> _Arm:
        def goals() -> list[Objective]:
            return [AsItIs(each, trained=trained) for each in networks()]

        return _Arm(
            goals, _once(networks(), [part.images for part in seen]),
            _errors(_once(networks(), [draw.valid.images for draw in draws]), draws),
            stacks=False,
        )  # fmt: skip

    def train_mode(*kinds: type[nn.Module]) -> _Arm:
        return asked(lambda: [in_train_mode(teacher, kinds) for teacher in teachers])

    def free() -> list[nn.Module]:
        return [copy.deepcopy(teacher).requires_grad_(True) for teacher in teachers]

    rows = [
        other_rows(table, part.index, seed=s)
        for s, (table, part) in enumerate(zip(tables, seen, strict=True))
    ]
    arms = (
        train_mode(nn.Module), train_mode(nn.Dropout), train_mode(nn.BatchNorm1d),
        asked(free, trained=True),
        stored(*(_asked(inner, [getattr(d, part) for d in draws])
                 for part in ("train", "valid"))),
        stored(rows, on_valid),
        stored(*([another_order(x) for x in given] for given in (tables, on_valid))),
        stored(*(_asked(weak, [getattr(d, part) for d in draws])
                 for part in ("train", "valid"))),
    )  # fmt: skip
    return {
        LABELS: _Arm(lambda: [hard_labels()] * len(draws)),
        RIGHT: stored(tables, on_valid),
        **dict(zip(MISTAKES, arms, strict=True)),
    }


def _learn(arm: _Arm, draws: Sequence[ImageSet], seen: Sequence[Split]) -> Found:
    """Students of an arm at each rate; those of the best one are tested."""
    tried: dict[float, tuple[list[float], list[nn.Module], dict[str, list[float]]]] = {}
    for rate in RATES:
        goals = arm.goals()
        students = [network("fc-64", draw, s) for s, draw in enumerate(draws)]
        try:
            histories = _trained(students, goals, seen, rate, arm.stacks)
        except TrainingDivergedError:  # a rate that is of no use counts as all wrong
            tried[rate] = [float(len(draw.valid)) for draw in draws], [], {}
            continue
        pairs = list(zip(students, draws, seen, strict=True))
        valid = [float(evaluate(each, draw.valid).errors) for each, draw, _ in pairs]
        more: dict[str, list[float]] = {
            "first_loss": [history.loss[0] for history in histories],
            "last_loss": [history.loss[-1] for history in histories],
            "training_errors": [evaluate(each, part).errors for each, _, part in pairs],
        }
        if arm.rows:
            more["teacher_later"] = _later(goals, draws) or list(arm.valid)
        tried[rate] = valid, students, more
    best = min(RATES, key=lambda rate: sum(tried[rate][0]))
    valid, students, more = tried[best]
    if arm.rows:
        more["teacher_errors"] = list(arm.valid)
        more["answers_wrong"] = [
            int((rows.argmax(dim=1) != part.labels).sum())
            for rows, part in zip(arm.rows, seen, strict=True)
        ]
    setting = {"learning_rate": best, "temperature": TEMPERATURE, "alpha": ALPHA}
    return Found(
        setting if arm.rows else {"learning_rate": best},
        [({"learning_rate": rate}, sum(tried[rate][0])) for rate in RATES], valid,
        [evaluate(each, draw.test).errors for each, draw in zip(students, draws,
                                                                 strict=True)],
        more,
    )  # fmt: skip


def _trained(
    students: list[nn.Module], goals: list[Objective], seen: Sequence[Split],
    rate: float, stacks: bool,
) -> list[History]:  # fmt: skip
    if stacks:
        return fit_many(
            students, list(seen), goals, seeds=range(len(students)), epochs=EPOCHS,
            batch_size=BATCH, learning_rate=rate, optimizer=sgd_momentum, schedule=cosine,
            progress=False,
        )  # fmt: skip
    return [
        fit(student, part, goal, epochs=EPOCHS, batch_size=BATCH, learning_rate=rate,
            optimizer=sgd_momentum, schedule=cosine, seed=s, progress=False)
        for s, (student, part, goal) in enumerate(zip(students, seen, goals, strict=True))
    ]  # fmt: skip


def _later(goals: Sequence[Objective], draws: Sequence[ImageSet]) -> list[float]:
    """Errors of live teachers on validation, in eval mode, after their students learned."""
    live = [goal.asked[0] for goal in goals if isinstance(goal, AsItIs)]
    return [
        float(evaluate(each.eval(), draw.valid).errors)
        for each, draw in zip(live, draws, strict=False)
    ]


def _asked(networks: Sequence[nn.Module], parts: Sequence[Split]) -> list[Tensor]:
    """(N, 10) what networks answer in eval mode, without the memory for whom."""
    return [
        teacher_logits(each, part).as_subclass(Tensor)
        for each, part in zip(networks, parts, strict=True)
    ]


def _once(networks: Sequence[nn.Module], images: Sequence[Tensor]) -> list[Tensor]:
    """What networks answer in the mode in which they are, in batches, dropout seeded."""
    found = []
    for s, (each, part) in enumerate(zip(networks, images, strict=True)):
        with seeded(s, "dropout"), torch.no_grad():
            found.append(torch.cat([each(few) for few in part.split(BATCH)]))
    return found


def _errors(answers: Sequence[Tensor], draws: Sequence[ImageSet]) -> list[int]:
    return [
        int((logits.argmax(dim=1) != draw.valid.labels).sum())
        for logits, draw in zip(answers, draws, strict=True)
    ]


STUDIES: Mapping[str, Callable[[list[ImageSet]], dict[str, Found]]] = {"digits": study}
reproduce = Studies(
    NAME,
    SEEDS,
    STUDIES,
    lambda: build("fc-64", input_shape=(1, 8, 8), seed=0, dtype=torch.float64),
).reproduce
"""Run and record all arms, unless they are: about five minutes of one core."""
