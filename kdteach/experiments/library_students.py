"""Students that learn by the lines of public libraries, all other numbers copied.

In ten draws of the digits, students learn from the same 200 images and the same teacher,
with T = 4, alpha = 0.9 and the rate of SGD that suits the paper's formula on validation
images. Only the loss differs. The test images are read once.

The chapter *Which library computes what* shows the recorded students. The training with
the default of Keras amplifies rounding: on another processor some of its students make a
mistake more or less.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdteach.comparisons import Comparison, compare
from kdteach.data import load, random_shift, small_sample
from kdteach.experiments.choosing import Found
from kdteach.experiments.library_losses import COMPUTES, library_losses
from kdteach.metrics import evaluate
from kdteach.models import TEACHERS, build, trained_teacher
from kdteach.objectives.labels import HardLabels
from kdteach.results import Folder, load_records, measured
from kdteach.training import cosine, fit_many, sgd_momentum, teacher_logits
from kdteach.types import Batch, ImageSet, LossTerms, Split

__all__ = [
    "LABELS", "NAME", "PAPER", "RATES", "SETTINGS", "Copied", "copied", "learn", "recorded",
]  # fmt: skip

NAME = "digits-library-lines"
"""Of the records."""

PAPER, LABELS = "the paper's formula", "labels alone"
RATES = (0.03, 0.1, 0.3)
"""Of SGD with momentum, from which the paper's formula takes its own."""
SETTINGS = (
    "A number is the mean difference over ten draws of the digits, in mistakes on 359 test "
    "images. The two students of a draw have the same teacher, training images, first "
    "weights, order of images and learning rate. T = 4 stands in every line, and 0.9, or "
    "for Keras 0.1, the labels' weight.\n"
    "Training: 200 images in batches of 50, 64 hidden units, 60 epochs of SGD with "
    "momentum 0.9 and a rate that falls along a cosine. It starts at the one of 0.03, 0.1 "
    "and 0.3 with the fewest mistakes of the paper's formula on the validation images of "
    "all draws. The teacher learned from five times as many images; its answers are means "
    "over shifts by a pixel.\n"
    "The draws overlap: each divides the same digits anew."
)
"""What a doubter asks, for the details of a mark."""
_SAMPLE, _TESTED, _EPOCHS, _T, _ALPHA = 200, 359, 60, 4.0, 0.9
_LINEAR = ("nn.KLDivLoss", "timm", "torchdistill", "TextBrewer")
_OTHERS = ("KD_Lib", "Keras")


@dataclass(frozen=True, eq=False)
class _Line(HardLabels):
    """A line's loss as an objective.

    Attributes:
        library: whose; empty for a mixture of the paper's two terms.
        soft, hard: () weights of the mixture, or (S,) for a stack.
        table: (N, C) teacher's logits by sample index, or (S, N, C) for a stack.
    """

    library: str = ""
    soft: Tensor = field(default_factory=lambda: torch.zeros((), device="cpu"))
    hard: Tensor = field(default_factory=lambda: torch.ones((), device="cpu"))
    table: Tensor = field(default_factory=lambda: torch.zeros(1, 2, device="cpu"))

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        index = batch.index[..., None].expand(*batch.index.shape, self.table.shape[-1])
        teacher = self.table.gather(-2, index)
        if self.library:
            total = COMPUTES[self.library](logits, teacher, batch.labels, _T, _ALPHA)
        else:
            paper = COMPUTES["PyTorch tutorial"]
            soft, hard = (paper(logits, teacher, batch.labels, _T, a) for a in (1.0, 0.0))
            total = self.soft * soft + self.hard * hard
        return LossTerms(total, {"loss": total})

    @property
    def stack_key(self) -> Hashable:
        """Mixtures stack, whatever their weights, and so do students of one library."""
        return (type(self), self.library)

    @classmethod
    def stack(cls, members: Sequence[Self]) -> _Line:
        """One objective for S students, each with its weights and its teacher's answers."""
        rows = max(len(member.table) for member in members)
        tables = [
            functional.pad(member.table, (0, 0, 0, rows - len(member.table)))
            for member in members
        ]
        soft, hard = (
            torch.stack([getattr(member, name) for member in members])
            for name in ("soft", "hard")
        )
        return _Line(members[0].library, soft, hard, torch.stack(tables))


@dataclass(frozen=True, eq=False)
class Copied:
    """What the students got wrong, draw by draw.

    Attributes:
        valid: rate to the paper's formula's mistakes on the validation images of all draws.
        test: arm to the mistakes on test images, a draw each. An arm is ``PAPER``,
            ``LABELS``, a library by its name, or "library, its alpha": the paper's formula
            with the alpha that the library's line has in effect.
        rate: of all arms.
    """

    valid: Mapping[float, float]
    test: Mapping[str, list[int]]
    rate: float

    def mean(self, arm: str) -> float:
        """Mean mistakes of an arm on test images, over the draws."""
        return sum(self.test[arm]) / len(self.test[arm])

    def against(self, arm: str, other: str = PAPER) -> Comparison:
        """More mistakes than with the other? Corrected for all such questions.

        Those are: every arm against the formula, and two lines against the formula with
        their own alpha.
        """
        return compare(
            self.test[arm], self.test[other], expect="higher", unit="mistakes",
            comparisons=len(self.test) + 1, test_share=_TESTED / (_TESTED + _SAMPLE),
        )  # fmt: skip


def _mixtures() -> dict[str, tuple[float, float]]:
    """The arms whose loss mixes the paper's two terms, with both weights."""
    lines = library_losses().lines("copied")
    found = {PAPER: (_ALPHA, 1 - _ALPHA), LABELS: (0.0, 1.0)}
    for name in _LINEAR:
        found[name] = lines[name].weights
    for name in ("nn.KLDivLoss", "TextBrewer"):
        alpha = lines[name].alpha
        found[f"{name}, its alpha"] = alpha, 1 - alpha
    return found


def learn() -> Copied:
    """Train the paper's formula at three rates, and all other arms at its best one."""
    draws = [load("digits", draw=seed, dtype=torch.float64) for seed in TEACHERS]
    arms = copied(draws)
    tried = {setting["learning_rate"]: errors for setting, errors in arms[PAPER].tried}
    return Copied(
        tried,
        {name: [int(n) for n in arm.test_errors] for name, arm in arms.items()},
        arms[PAPER].setting["learning_rate"],
    )


def copied(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """What the students of every line reach, at the rate that suits the paper's formula.

    Args:
        draws: divisions 0, 1, 2 and so on of the digits, at most ten, in float64.

    Returns:
        By arm. Only the paper's formula has something to choose from.
    """
    seeds = list(TEACHERS)[: len(draws)]
    few = [
        small_sample(d.train, _SAMPLE, seed=s) for s, d in zip(seeds, draws, strict=True)
    ]
    goals = _goals(few, seeds)
    tried: list[tuple[dict[str, float], float]] = []
    best: tuple[float, float, list[nn.Module]] | None = None
    for rate in RATES:
        students = _trained({PAPER: goals[PAPER]}, few, seeds, rate)[PAPER]
        wrong = float(sum(_mistakes(students, [draw.valid for draw in draws])))
        tried.append(({"learning_rate": rate}, wrong))
        if best is None or wrong < best[0]:
            best = wrong, rate, students
    assert best is not None
    _, rate, papers = best
    others = {name: goal for name, goal in goals.items() if name != PAPER}
    learned = {PAPER: papers} | _trained(others, few, seeds, rate)
    return {
        name: Found(
            {"learning_rate": rate, "temperature": _T, "alpha": _ALPHA},
            tried if name == PAPER else [],
            _mistakes(ten, [draw.valid for draw in draws]),
            _mistakes(ten, [draw.test for draw in draws]),
        )
        for name, ten in learned.items()
    }


def recorded(folder: Folder | None = None) -> Copied:
    """The recorded students.

    Args:
        folder: of the records, by default the package's.

    Raises:
        LookupError: there are no such records.
    """
    settings: dict[str, Mapping[str, Any]] = {
        str(run.config["role"]): run.config for run in load_records(NAME, folder)
    }
    if PAPER not in settings:
        raise LookupError(
            f"there are no records of {NAME} here: python -m kdteach reproduce {NAME}"
        )
    first = settings[PAPER]
    return Copied(
        {setting["learning_rate"]: wrong for setting, wrong in first["chosen_from"]},
        {
            name: [int(n) for n in measured(NAME, "test_errors", folder=folder, role=name)]
            for name in settings
        },
        first["learning_rate"],
    )


def _goals(few: Sequence[Split], seeds: Sequence[int]) -> dict[str, list[_Line]]:
    """What the students of each arm learn from, one a draw."""
    answers = [
        teacher_logits(trained_teacher(seed, dtype=torch.float64), part,
                       views=random_shift(1).views).as_subclass(Tensor)
        for seed, part in zip(seeds, few, strict=True)
    ]  # fmt: skip
    goals = {
        name: [
            _Line("", torch.tensor(a, dtype=torch.float64, device="cpu"),
                  torch.tensor(b, dtype=torch.float64, device="cpu"), table)
            for table in answers
        ]
        for name, (a, b) in _mixtures().items()
    }  # fmt: skip
    return goals | {
        name: [_Line(name, table=table) for table in answers] for name in _OTHERS
    }


def _trained(
    goals: Mapping[str, Sequence[_Line]], few: Sequence[ImageSet | Split],
    seeds: Sequence[int], rate: float,
) -> dict[str, list[nn.Module]]:  # fmt: skip
    """Students of each goal, one a draw."""
    students = [
        build("fc-64", seed=seed, input_shape=(1, 8, 8), dtype=torch.float64)
        for _ in goals
        for seed in seeds
    ]
    fit_many(
        students, list(few) * len(goals), [one for ten in goals.values() for one in ten],
        seeds=list(seeds) * len(goals), learning_rate=rate, epochs=_EPOCHS, batch_size=50,
        optimizer=sgd_momentum, schedule=cosine, progress=False,
    )  # fmt: skip
    return {
        name: students[i * len(seeds) : (i + 1) * len(seeds)]
        for i, name in enumerate(goals)
    }


def _mistakes(students: Sequence[nn.Module], parts: Sequence[Split]) -> list[int]:
    return [evaluate(s, part).errors for s, part in zip(students, parts, strict=True)]
