"""Ways to compare two students wrongly, each measured with ten paired draws of the digits.

The chapter *Ways to get the comparison wrong* trains these students while it is read. The
honest comparison gives each student its own learning rate, chosen on validation images, and
reads the test images once. Each mistake changes one thing about it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from kdteach.checks import check_choice, check_count, check_number
from kdteach.comparisons import Comparison, compare
from kdteach.data import load, random_shift, small_sample
from kdteach.losses import kd_loss
from kdteach.metrics import evaluate
from kdteach.models import TEACHERS, build, trained_teacher
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.results import records_folder
from kdteach.training import cosine, fit_many, sgd_momentum, teacher_logits
from kdteach.types import History, Split

__all__ = [
    "COMPARISONS", "EPOCHS", "FIRST_SETTING", "MISTAKES", "RATES", "SETTINGS",
    "TEMPERATURES", "TEST_SHARE", "Compared", "compared", "first_gradients", "half_width",
    "longer", "opening", "report_3", "together",
]  # fmt: skip

RATES = (0.005, 0.02, 0.08, 0.32, 1.28)
"""Of SGD with momentum, each four times the one before."""
TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 16.0)
EPOCHS = 30
COMPARISONS = 12
"""Three gains, six mistakes, two of these less the gain, test images against new ones."""
TEST_SHARE = 0.25  # of a draw's training and test images: 359 of 1,438
MISTAKES = (
    "a tenth of the rate", "one rate for both", "temperature chosen on test",
    "epoch chosen on test", "test images in the transfer set", "student never reset",
)  # fmt: skip
SETTINGS = (
    "A number is a difference in errors on 359 test images, a mean over ten draws of the "
    "digits. In a draw both students have the same teacher and first weights and, with "
    "the same transfer set, the same images in the same order.\n"
    "Training: 200 images in batches of 50, 64 hidden units, 30 epochs of SGD with "
    "momentum 0.9 and a rate that falls along a cosine; T = 4 and alpha = 0.9, not tuned, "
    "unless said. The rate that it starts from is one of 0.005, 0.02, 0.08, 0.32 and 1.28: "
    "for each kind of student the one with the fewest errors on the validation images of "
    "all draws.\n"
    "Students of the answers to test images, and their controls, learn at T = 4 and "
    "alpha = 1, so from the teacher's answers alone, and at the rate of the honest "
    "distilled student, which was tuned for none of them.\n"
    "The teacher learned from the training split, 1,079 images. The draws overlap: the "
    "interval speaks of further draws of these digits, not of digits by other writers."
)
"""What a doubter asks, for the details of a mark."""
FIRST_SETTING = {"fresh": 33.8, "carried": 16.5}
"""Mean errors at T = 32 in an earlier setting of the student that is never reset: with
``EPOCHS = 40``, 32.0 more in ``TEMPERATURES``, in ``by_temperature`` and ``thrown``."""
_IMAGES, _T, _ALPHA = 200, 4.0, 0.9


def report_3(metric: str = "mean_test_accuracy") -> dict[float, float]:
    """What Report 3's notebook prints for MNIST, over the temperature.

    One student goes on training from each temperature to the next, at alpha = 0.5.

    Args:
        metric: "mean_test_accuracy", the mean over the epochs of a temperature, or
            "first_epoch_test_accuracy", which is known for T = 1.

    Returns:
        Temperature to per cent.

    Raises:
        ValueError: no such metric.
    """
    check_choice("metric", metric, ("mean_test_accuracy", "first_epoch_test_accuracy"))
    path = records_folder() / "report-3-sweep.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return {
            float(line["temperature"]): float(line["value"])
            for line in csv.DictReader(lines)
            if line["metric"] == metric
        }


def together(transfer: Split, more: Split) -> Split:
    """Two splits as one, with a sample index of its own.

    Args:
        transfer: (N, ...) images.
        more: (M, ...) further images.

    Returns:
        (N + M, ...) images, numbered from 0.

    Raises:
        ValueError: images of different shapes.
    """
    if transfer.images.shape[1:] != more.images.shape[1:]:
        raise ValueError(
            f"more must have images of shape {tuple(transfer.images.shape[1:])}, "
            f"as transfer has, got {tuple(more.images.shape[1:])}"
        )
    return Split(
        torch.cat([transfer.images, more.images]), torch.cat([transfer.labels, more.labels])
    )


def half_width(spread: float, runs: int) -> float:
    """How far a 95 % interval of a mean reaches to either side: Student's t.

    Args:
        spread: standard deviation of the runs, 0 or more.
        runs: how many, at least 2.

    Raises:
        TypeError: no numbers.
        ValueError: out of range.
    """
    from scipy import stats

    spread = check_number("spread", spread, least=0)
    runs = check_count("runs", runs, least=2)
    return float(stats.t.isf(0.025, runs - 1) * spread / runs**0.5)


@dataclass(frozen=True, eq=False)
class Compared:
    """Errors on test images, draw by draw.

    Attributes:
        baseline, distilled: of the honest comparison.
        slower: of a baseline with a tenth of its rate.
        copied: of a baseline at the distilled student's rate.
        by_temperature: T to the errors on (validation, test) images.
        by_epoch: role to the test errors after each epoch, draw by draw.
        leaked, controlled, newer: of students of the teacher's answers to 200 images and
            to all test images, to as many training images, or to the validation images,
            which are as new to the teacher as the test images.
        teacher: of the teacher.
        carried, fresh: T to the errors of a student that goes on training from one T to
            the next, and of a new one, both at the rate of the distilled student.
        thrown: T to the errors of a student that goes on, at the rate that suits a new
            student of each T.
        one_draw: gains of ten seeds in the first draw; images and teacher are the same.
        own: role to the rate it got.
        alone: role to the errors where each draw chose the rate on its own images.
    """

    baseline: list[int]
    distilled: list[int]
    slower: list[int]
    copied: list[int]
    by_temperature: Mapping[float, tuple[list[int], list[int]]]
    by_epoch: Mapping[str, list[list[int]]]
    leaked: list[int]
    controlled: list[int]
    newer: list[int]
    teacher: list[int]
    carried: Mapping[float, list[int]]
    fresh: Mapping[float, list[int]]
    thrown: Mapping[float, list[int]]
    one_draw: list[int]
    own: Mapping[str, float]
    alone: Mapping[str, list[int]]

    @property
    def gain(self) -> list[int]:
        """Errors of the baseline less those of the distilled student."""
        return [b - d for b, d in zip(self.baseline, self.distilled, strict=True)]

    @property
    def best_on(self) -> dict[str, list[int]]:
        """Test errors at the T with the fewest on "valid" and on "test", draw by draw."""
        found: dict[str, list[int]] = {"valid": [], "test": []}
        for draw in range(len(self.distilled)):
            for part, where in (("valid", 0), ("test", 1)):
                best = min(TEMPERATURES, key=lambda t: self.by_temperature[t][where][draw])
                found[part].append(self.by_temperature[best][1][draw])
        return found

    def pair(self, mistake: str) -> tuple[list[int], list[int]]:
        """Two lists whose difference is how much too good the distilled student looks.

        Args:
            mistake: one of ``MISTAKES``.

        Raises:
            ValueError: no such mistake.
        """
        if mistake not in MISTAKES:
            raise ValueError(f"mistake must be one of {list(MISTAKES)}, got {mistake!r}")
        last = TEMPERATURES[-1]
        pairs = {
            MISTAKES[0]: (self.slower, self.baseline),
            MISTAKES[1]: (self.copied, self.baseline),
            MISTAKES[2]: (self.best_on["valid"], self.best_on["test"]),
            MISTAKES[3]: (self.distilled, [min(e) for e in self.by_epoch["distilled"]]),
            MISTAKES[4]: (self.controlled, self.leaked),
            MISTAKES[5]: (self.fresh[last], self.carried[last]),
        }
        return pairs[mistake]

    def damage(self, mistake: str) -> Comparison:
        """How many errors too good, corrected for all comparisons; as ``pair``."""
        return compare(
            *self.pair(mistake), expect="higher", unit="errors",
            comparisons=COMPARISONS, test_share=TEST_SHARE,
        )  # fmt: skip


class _Lab:
    """Ten draws, their teachers' answers, and students of them."""

    def __init__(self, teachers: Sequence[int]) -> None:
        self.seeds = list(teachers)
        self.data = [load("digits", draw=s, dtype=torch.float64) for s in self.seeds]
        pairs = zip(self.seeds, self.data, strict=True)
        self.few = [small_sample(draw.train, _IMAGES, seed=s) for s, draw in pairs]
        self.teachers = [trained_teacher(s, dtype=torch.float64) for s in self.seeds]
        self.answers = self.asked(self.few)

    def asked(self, splits: Sequence[Split]) -> list[torch.Tensor]:
        views, pairs = random_shift(1).views, zip(self.teachers, splits, strict=True)
        return [teacher_logits(teacher, split, views=views) for teacher, split in pairs]

    def new(self) -> list[nn.Module]:
        shape, dtype = (1, 8, 8), torch.float64
        return [build("fc-64", seed=s, input_shape=shape, dtype=dtype) for s in self.seeds]

    def train(
        self, goals: Sequence[Objective], rate: float,
        students: list[nn.Module] | None = None, data: Sequence[Split] | None = None,
        watch: bool = False, epochs: int | None = None,
    ) -> tuple[list[nn.Module], list[History]]:  # fmt: skip
        ten = self.new() if students is None else students
        watched = [draw.test for draw in self.data] if watch else None  # on purpose
        histories = fit_many(
            ten, list(self.few if data is None else data), goals, seeds=self.seeds,
            learning_rate=rate, epochs=epochs or EPOCHS, batch_size=50, schedule=cosine,
            optimizer=sgd_momentum, validation=watched, progress=False,
        )  # fmt: skip
        return ten, histories

    def errors(self, students: Sequence[nn.Module], part: str = "test") -> list[int]:
        pairs = zip(students, self.data, strict=True)
        return [evaluate(s, getattr(draw, part)).errors for s, draw in pairs]

    def goals(self, temperature: float = _T) -> list[Objective]:
        return [distil(table, temperature, _ALPHA) for table in self.answers]

    def tuned(
        self, goals: Sequence[Objective]
    ) -> tuple[float, list[int], list[int], list[int]]:
        """Rate with the fewest validation errors, these, test errors, and those below."""
        tried = {}
        for rate in RATES:
            students, _ = self.train(goals, rate)
            tried[rate] = self.errors(students, "valid"), students
        best = min(RATES, key=lambda rate: sum(tried[rate][0]))
        # test errors where each draw chooses alone, the lowest of equal rates
        own = [min(RATES, key=lambda r: tried[r][0][d]) for d in range(len(self.data))]
        alone = self.errors([tried[rate][1][d] for d, rate in enumerate(own)])
        return best, tried[best][0], self.errors(tried[best][1]), alone


@cache  # teachers' answers take seconds, and nothing changes them
def _lab(teachers: Sequence[int]) -> _Lab:
    return _Lab(teachers)


def compared() -> Compared:
    """Train all students of the chapter, under a minute on one core."""
    lab = _lab(TEACHERS)
    labels: list[Objective] = [hard_labels() for _ in lab.seeds]
    base_rate, _, baseline, alone = lab.tuned(labels)
    found = {t: lab.tuned(lab.goals(t)) for t in TEMPERATURES}
    rate = found[_T][0]
    slower, copied = (lab.train(labels, r)[0] for r in (base_rate / 10, rate))
    by_epoch = {}
    pair = (("baseline", labels, base_rate), ("distilled", lab.goals(), rate))
    for role, goals, own in pair:
        _, histories = lab.train(goals, own, watch=True)
        by_epoch[role] = [
            [round((1 - share) * len(draw.test)) for share in history.accuracy]
            for history, draw in zip(histories, lab.data, strict=True)
        ]
    # a new student that was found best at this rate need not be trained again
    fresh = {
        t: errors if own == rate else lab.errors(lab.train(lab.goals(t), rate)[0])
        for t, (own, _, errors, _) in found.items()
    }
    return Compared(
        baseline, found[_T][2], lab.errors(slower), lab.errors(copied),
        {t: result[1:3] for t, result in found.items()}, by_epoch,
        **_with_more_images(lab, rate), teacher=lab.errors(lab.teachers),
        carried=_carried(lab, dict.fromkeys(TEMPERATURES, rate)), fresh=fresh,
        thrown=_carried(lab, {t: own for t, (own, *_) in found.items()}),
        one_draw=_one_draw(lab, base_rate, rate),
        own={"baseline": base_rate, "distilled": rate},
        alone={"baseline": alone, "distilled": found[_T][3]},
    )  # fmt: skip


def opening(baseline: float, distilled: float) -> dict[str, list[int]]:
    """Test errors of three kinds of student, for the first picture of the chapter.

    Args:
        baseline, distilled: their learning rates.

    Returns:
        "baseline", "distilled" and "slower", a baseline with a tenth of its rate, to their
        errors, draw by draw.
    """
    lab = _lab(TEACHERS)
    labels: list[Objective] = [hard_labels() for _ in lab.seeds]
    kinds = {
        "baseline": (labels, baseline), "distilled": (lab.goals(), distilled),
        "slower": (labels, baseline / 10),
    }  # fmt: skip
    return {name: lab.errors(lab.train(*kind)[0]) for name, kind in kinds.items()}


def longer(rate: float, *, distilled: bool = False) -> list[int]:
    """Test errors of students that train ten times as long, draw by draw.

    Args:
        rate, distilled: their learning rate, and whether they have a teacher.
    """
    lab = _lab(TEACHERS)
    goals = lab.goals() if distilled else [hard_labels() for _ in lab.seeds]
    return lab.errors(lab.train(goals, rate, epochs=10 * EPOCHS)[0])


def first_gradients() -> dict[str, float]:
    """Length of the loss's gradient with respect to the logits, before the first step.

    Returns:
        "baseline" and "distilled" to the mean over the images of all draws.
    """
    lab = _lab(TEACHERS)
    lengths: dict[str, list[float]] = {"baseline": [], "distilled": []}
    for student, few, table in zip(lab.new(), lab.few, lab.answers, strict=True):
        logits = student(few.images).detach().requires_grad_()
        losses = {
            "baseline": F.cross_entropy(logits, few.labels),
            "distilled": kd_loss(logits, table[few.index], few.labels, _T, _ALPHA),
        }
        for role, loss in losses.items():
            (slope,) = torch.autograd.grad(loss, logits)
            # the loss is a mean over images: N times as much is one image's share
            lengths[role].append(len(few) * float(slope.norm(dim=1).mean()))
    return {role: sum(each) / len(each) for role, each in lengths.items()}


def _with_more_images(lab: _Lab, rate: float) -> dict[str, list[int]]:
    """Students of 200 images and of as many more as there are test images."""
    errors = {}
    for role in ("leaked", "controlled", "newer"):
        added: list[Split] = []
        for seed, few, draw in zip(lab.seeds, lab.few, lab.data, strict=True):
            unused = ~torch.isin(draw.train.index, few.index)
            rest = draw.train.select(unused.nonzero()[:, 0])
            own = small_sample(rest, len(draw.test), seed=seed)
            more = {"leaked": draw.test, "newer": draw.valid, "controlled": own}
            added.append(more[role])
        parts = zip(lab.answers, lab.few, lab.asked(added), added, strict=True)
        tables = [torch.cat([k[few.index], n[m.index]]) for k, few, n, m in parts]
        goals = [distil(table, _T, 1.0) for table in tables]
        splits = [together(*pair) for pair in zip(lab.few, added, strict=True)]
        errors[role] = lab.errors(lab.train(goals, rate, data=splits)[0])
    return errors


def _carried(lab: _Lab, rates: Mapping[float, float]) -> dict[float, list[int]]:
    """One student a draw that is never reset between the temperatures."""
    students, errors = lab.new(), {}
    for t, rate in rates.items():
        lab.train(lab.goals(t), rate, students=students)
        errors[t] = lab.errors(students)
    return errors


def _one_draw(lab: _Lab, base_rate: float, rate: float) -> list[int]:
    """Gains in the first draw, where first weights and order alone change."""
    same = [lab.few[0] for _ in lab.seeds]
    errors = []
    for goal, own in ((hard_labels(), base_rate), (lab.goals()[0], rate)):
        students, _ = lab.train([goal for _ in lab.seeds], own, data=same)
        errors.append([evaluate(s, lab.data[0].test).errors for s in students])
    return [b - d for b, d in zip(*errors, strict=True)]
