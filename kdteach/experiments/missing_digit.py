"""Students from whom digits are taken away: *Hinton's missing digit*, on the small digits.

All kinds of students have the same draws, images, first weights and orders. The learning
rate of a kind and the bias of each student are chosen on validation images; then each
student answers the test images, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_count,
    check_list,
    check_names,
    check_number,
    check_tensor,
    shown,
)
from kdteach.metrics import Evaluation, best_bias, evaluate
from kdteach.models import build
from kdteach.objectives import Objective, distil
from kdteach.training import cosine, fit_many, sgd_momentum
from kdteach.types import ImageSet, Split

__all__ = [
    "Kind",
    "Trace",
    "class_averages",
    "learn",
    "learn_kinds",
    "leave_out_each",
    "set_logit",
    "transfer_sets",
    "with_bias",
]  # fmt: skip


_Tried = tuple[list[nn.Module], list[float], list[int], list[int]]


@dataclass(frozen=True, eq=False)
class Kind:
    """Students of one kind, one a draw, and what they reached.

    Attributes:
        students: as trained, at the learning rate that was chosen.
        biases: one for each student, chosen on the validation images of its draw.
        chosen_by: learning rate to errors on validation images, with the biases, all
            students together; the rate with the fewest was chosen.
        valid: errors of each student on validation images, as trained and with its bias.
        answers: to the test images, as trained.
        moved: the same answers with the bias.
    """

    students: list[nn.Module]
    biases: list[float]
    chosen_by: Mapping[float, int]
    valid: tuple[list[int], list[int]]
    answers: list[Evaluation]
    moved: list[Evaluation]

    @property
    def rate(self) -> float:
        """The learning rate that was chosen; at a tie the first one."""
        return min(self.chosen_by, key=self.chosen_by.__getitem__)

    @property
    def is_between(self) -> bool:
        """Whether smaller and larger learning rates than the chosen one were tried."""
        return min(self.chosen_by) < self.rate < max(self.chosen_by)

    @property
    def test(self) -> tuple[list[int], list[int]]:
        """Errors of each student on test images, as trained and with its bias."""
        return [a.errors for a in self.answers], [a.errors for a in self.moved]

    @property
    def recall(self) -> tuple[Tensor, Tensor]:
        """(S, C) share of each class that is recognised, as trained and with the bias."""
        before = [answers.per_class_accuracy for answers in self.answers]
        after = [answers.per_class_accuracy for answers in self.moved]
        return _table(before), _table(after)


def transfer_sets(
    draws: Sequence[ImageSet], keep: Sequence[int], batch_size: int = 64
) -> list[Split]:
    """Take all training images away but those of some classes.

    Args:
        draws: data sets, splits of the same images.
        keep: the classes that stay.
        batch_size: the sets are as large as the smallest of them, in whole batches of so
            many images, so that students of all draws train in one stack.

    Returns:
        One set a draw, in the order of its training images.

    Raises:
        TypeError: no lists, or a batch size that is no integer.
        ValueError: no draws, or classes of which there is not one batch.
    """
    draws, keep = _draws(draws), check_list("keep", keep, "classes")
    batch_size = check_count("batch_size", batch_size)
    kept = torch.tensor(keep, dtype=torch.int64, device="cpu")
    rows = [torch.isin(d.train.labels, kept).nonzero()[:, 0] for d in draws]
    size = min(len(row) for row in rows) // batch_size * batch_size
    if not size:
        raise ValueError(f"keep must leave a batch of {batch_size}, got {shown(keep)}")
    return [d.train.select(row[:size]) for d, row in zip(draws, rows, strict=True)]


def class_averages(logits: Tensor, labels: Tensor, number: int) -> Tensor:
    """Give all images of a class one logit of a number: their mean.

    The logits still say how much the images of a class resemble the number on average, and
    no longer which of them do.

    Args:
        logits: (N, C) of a teacher.
        labels: (N,) of the same images.
        number: the column that is averaged, 0 to C - 1.

    Returns:
        (N, C), a copy; the other columns are as they were.

    Raises:
        TypeError: no tensors.
        ValueError: another shape, or a number out of range.
    """
    logits, labels = check_tensor("logits", logits), check_tensor("labels", labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must be (N, C) and labels (N,), got {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}"
        )
    number = check_count("number", number, 0, logits.shape[1] - 1)
    averaged = logits.clone()
    for label in labels.unique().tolist():
        own = labels == label
        averaged[own, number] = logits[own, number].mean()
    return averaged


def set_logit(logits: Tensor, number: int, value: float) -> Tensor:
    """Give all images one logit of a number; -1e5 leaves a probability of 0.

    Args:
        logits: (N, C) of a teacher.
        number: the column, 0 to C - 1.
        value: its new logit, finite.

    Returns:
        (N, C), a copy; the other columns are as they were.
    """
    changed = check_tensor("logits", logits).clone()
    number = check_count("number", number, 0, changed.shape[-1] - 1)
    changed[..., number] = check_number("value", value)
    return changed


def with_bias(answers: Evaluation, bias: float, classes: Sequence[int]) -> Evaluation:
    """Add one number to the logits of some classes.

    Args:
        answers: of a student.
        bias: the number, in units of a logit.
        classes: their columns.

    Raises:
        TypeError: answers are no Evaluation, or the bias is no number.
    """
    if not isinstance(answers, Evaluation):
        raise TypeError(f"answers must be an Evaluation, got {shown(answers)}")
    logits = answers.logits.clone()
    logits[:, check_list("classes", classes, "classes")] += check_number("bias", bias)
    return Evaluation(logits, answers.labels)


def learn(
    draws: Sequence[ImageSet],
    sets: Sequence[Split],
    objectives: Sequence[Objective],
    classes: Sequence[int],
    *,
    rates: Sequence[float],
    epochs: int = 40,
    batch_size: int = 64,
) -> Kind:
    """Train a student a draw, choose rate and biases on validation, and test once.

    Args:
        draws: data sets; the student of place i has seed i for its weights and order.
        sets: what each student learns from, all of one size, as ``transfer_sets`` gives.
        objectives: one for each student.
        classes: the classes that share the bias.
        rates: learning rates to choose from, for all students together.
        epochs: passes over the set; the rate falls along a cosine.
        batch_size: images a step of gradient descent with momentum.

    Returns:
        The students at the chosen rate, their biases and their answers.

    Raises:
        TypeError: no lists, or members of another type.
        ValueError: lists that are empty or differ in length, or numbers out of range.
    """
    alone = {"objectives": objectives}
    found = learn_kinds(
        draws, sets, alone, classes, rates=rates, epochs=epochs, batch_size=batch_size
    )
    return found["objectives"]


def learn_kinds(
    draws: Sequence[ImageSet],
    sets: Sequence[Split],
    kinds: Mapping[str, Sequence[Objective]],
    classes: Sequence[int],
    *,
    rates: Sequence[float],
    epochs: int = 40,
    batch_size: int = 64,
) -> dict[str, Kind]:
    """``learn`` for several kinds of students, which are trained together: that is faster.

    Args:
        draws: as ``learn``, like all that follow but kinds.
        sets: all kinds learn from the same.
        kinds: name to objectives, one for each draw.
        classes: the classes that share the bias.
        rates: each kind chooses its own.
        epochs: passes over the set.
        batch_size: images a step.

    Returns:
        Name to what ``learn`` gives for these objectives, up to the rounding of sums.

    Raises:
        TypeError: kinds are no dictionary by name, or as ``learn``.
        ValueError: no kinds, or as ``learn``.
    """
    draws = _draws(draws)
    sets = check_list("sets", sets, "splits")
    if not isinstance(kinds, Mapping):
        raise TypeError(f"kinds must be a dictionary by name, got {shown(kinds)}")
    if not kinds:
        raise ValueError("kinds must be one or more, got none")
    names = check_names("kinds", list(kinds))
    for name in names:
        objectives = check_list(name, kinds[name], "objectives")
        if not len(draws) == len(sets) == len(objectives):
            raise ValueError(
                "draws, sets and objectives must be as many, got "
                f"{len(draws)}, {len(sets)} and {len(objectives)}"
            )
    rates = [check_number("rates", r, above=0) for r in check_list("rates", rates, "rates")]
    if not rates:
        raise ValueError("rates must be one or more numbers, got none")
    seeds = list(range(len(draws))) * len(names)
    tried: dict[str, dict[float, _Tried]] = {name: {} for name in names}
    for rate in rates:
        students = [
            build("fc-64", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)
            for seed in seeds
        ]
        fit_many(
            students, sets * len(names), [o for name in names for o in kinds[name]],
            seeds=seeds, epochs=check_count("epochs", epochs),
            batch_size=check_count("batch_size", batch_size), learning_rate=rate,
            schedule=cosine, optimizer=sgd_momentum, progress=False,
        )  # fmt: skip
        for place, name in enumerate(names):
            own = students[place * len(draws) : (place + 1) * len(draws)]
            valid = [evaluate(s, d.valid) for s, d in zip(own, draws, strict=True)]
            biases = [best_bias(a, classes) for a in valid]
            left = [
                with_bias(a, b, classes).errors for a, b in zip(valid, biases, strict=True)
            ]
            tried[name][rate] = own, biases, [a.errors for a in valid], left
    return {name: _chosen(draws, tried[name], classes) for name in names}


def _chosen(
    draws: Sequence[ImageSet], tried: Mapping[float, _Tried], classes: Sequence[int]
) -> Kind:
    chosen_by = {rate: sum(left) for rate, (*_, left) in tried.items()}
    best = min(chosen_by, key=chosen_by.__getitem__)
    students, biases, before, after = tried[best]
    answers = [evaluate(s, d.test) for s, d in zip(students, draws, strict=True)]
    moved = [with_bias(a, b, classes) for a, b in zip(answers, biases, strict=True)]
    return Kind(students, biases, chosen_by, (before, after), answers, moved)


@dataclass(frozen=True)
class Trace:
    """What is left of a class whose images were taken away, means over the draws.

    Attributes:
        target: its mean soft target on the training images of the other classes.
        before: share of its test images that the students recognise, as trained.
        after: the same with a bias chosen on validation images.
    """

    target: float
    before: float
    after: float


def leave_out_each(
    draws: Sequence[ImageSet],
    tables: Sequence[Tensor],
    *,
    temperature: float,
    rate: float,
    size: int = 896,
    epochs: int = 40,
) -> list[Trace]:
    """Take away each class in turn, and distil a student a draw without it.

    Args:
        draws: data sets; the student of place i has seed i for its weights and order.
        tables: (N, C) logits of each draw's teacher, for its training images.
        temperature: T of the soft targets; the students see no labels.
        rate: learning rate, which falls along a cosine.
        size: of each transfer set, the first images of the other classes.
        epochs: passes over it, in batches of 64.

    Returns:
        One for each class.

    Raises:
        TypeError: no lists, or members of another type.
        ValueError: lists that are empty or differ in length, or numbers out of range.
    """
    draws, tables = _draws(draws), check_list("tables", tables, "tensors")
    if len(draws) != len(tables):
        raise ValueError(
            f"draws and tables must be as many, got {len(draws)} and {len(tables)}"
        )
    size, classes = check_count("size", size), range(tables[0].shape[1])
    rest = [
        [(draw.train.labels != number).nonzero()[:, 0] for draw in draws]
        for number in classes
    ]
    seeds = list(range(len(draws))) * len(classes)
    students = [
        build("fc-64", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)
        for seed in seeds
    ]
    fit_many(
        students,
        [draws[s].train.select(r[:size]) for each in rest for s, r in enumerate(each)],
        [distil(table, temperature, alpha=1) for table in tables] * len(classes),
        seeds=seeds, epochs=check_count("epochs", epochs), batch_size=64,
        learning_rate=check_number("rate", rate, above=0),
        schedule=cosine, optimizer=sgd_momentum, progress=False,
    )  # fmt: skip
    traces, line = [], iter(students)
    for number in classes:
        three = [
            _trace(next(line), draw, torch.softmax(table[rows] / temperature, 1), number)
            for draw, table, rows in zip(draws, tables, rest[number], strict=True)
        ]
        traces.append(Trace(*(sum(x) / len(draws) for x in zip(*three, strict=True))))
    return traces


def _trace(
    student: nn.Module, draw: ImageSet, targets: Tensor, number: int
) -> tuple[float, float, float]:
    answers = evaluate(student, draw.test)
    moved = with_bias(answers, best_bias(evaluate(student, draw.valid), [number]), [number])
    before, after = (a.per_class_accuracy[number] for a in (answers, moved))
    return float(targets[:, number].mean()), before, after


def _draws(draws: Sequence[ImageSet]) -> list[ImageSet]:
    found = check_list("draws", draws, "data sets")
    if not found:
        raise ValueError("draws must be one or more data sets, got none")
    for draw in found:
        if not isinstance(draw, ImageSet):
            raise TypeError(f"draws must be data sets, as kd.load gives, got {shown(draw)}")
    return found


def _table(rows: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64, device="cpu")
