"""An objective of contrastive representation distillation, with its memory."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from kdteach.checks import check_count, check_model, check_number, check_seed, shown
from kdteach.losses.contrastive import ContrastiveLoss
from kdteach.models.taps import tap
from kdteach.objectives.answers import Answers, Wanted
from kdteach.objectives.base import ModuleObjective, TrainingSetup
from kdteach.objectives.features import between, probed
from kdteach.objectives.live import View, check_view
from kdteach.types import LossTerms, Split


class ContrastiveObjective(ModuleObjective):
    """``ContrastiveLoss`` between one layer of a student and one of a teacher.

    Attributes:
        pair: the student's layer and the teacher's.
        num_samples: sample indices that the memory holds.
        settings: of the loss.
        loss: made by ``prepare``, when the layers' widths are known; trained with the
            student.
    """

    def __init__(
        self,
        teacher: nn.Module,
        pair: tuple[str, str],
        num_samples: int,
        settings: Mapping[str, float],
        view: View | None,
    ) -> None:
        super().__init__()
        self.teachers, self.pair, self.layers = (teacher,), pair, (pair[0],)
        self.num_samples, self.settings = num_samples, dict(settings)
        self.wanted = (Wanted(teacher, view, (pair[1],)),)
        self.loss: ContrastiveLoss | None = None

    def prepare(self, student: nn.Module, images: Tensor) -> None:
        """Make the two linear maps and the memory; see ``ModuleObjective``."""
        mine, its = probed(student, images, self.layers, self.wanted[0])
        own, other = self.pair
        widths = mine[own].flatten(1).shape[1], its[other].flatten(1).shape[1]
        if self.loss is None:
            made = ContrastiveLoss(*widths, self.num_samples, **self.settings)  # type: ignore[arg-type]
            self.loss = made.to(mine[own].device, mine[own].dtype)
        heads = self.loss.student_head.in_features, self.loss.teacher_head.in_features
        if heads != widths:
            with between(own, other):
                raise ValueError(
                    f"this objective was made for features of {heads[0]} and {heads[1]} "
                    f"numbers, these have {widths[0]} and {widths[1]}: make another one"
                )

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse sample indices that the memory does not hold."""
        del setup
        highest = int(split.index.max())
        if highest >= self.num_samples:
            raise ValueError(
                f"the training data goes up to sample index {highest}, but the memory "
                f"holds num_samples={self.num_samples}: give num_samples={highest + 1}"
            )

    def terms_of(self, answers: Answers) -> LossTerms:
        """The loss of what the student's layer puts out for a batch."""
        if self.loss is None:
            self.prepare(answers.student, answers.batch.images)
        assert self.loss is not None
        mine = answers.features[self.pair[0]]
        its = answers.of_teacher(self.wanted[0])[1][self.pair[1]].to(mine)
        index = answers.batch.index.to(mine.device)
        value = self.loss.term(mine, its, index)
        return LossTerms(value, {"contrastive": value})


def contrastive(
    teacher: nn.Module,
    layers: Mapping[str, str],
    num_samples: int,
    *,
    width: int = 128,
    negatives: int = 1024,
    temperature: float = 0.07,
    momentum: float = 0.5,
    seed: int = 0,
    teacher_input: View | None = None,
) -> ContrastiveObjective:
    """Train a student's features to pick out the teacher's of the same image.

    For training with labels as well, put it into ``weighted``; RepDistiller's weight is
    0.8. In a step the memory gives (B, 1 + negatives, width) numbers twice.

    Args:
        teacher: a network.
        layers: one pair ``{"student layer": "teacher layer"}``, usually the ones before the
            last; of maps all numbers are taken.
        num_samples: of the training data: its sample indices lie below it.
        width: as ``kdteach.losses.ContrastiveLoss``.
        negatives: as there; the paper takes 16384 for 50,000 images.
        temperature: as there.
        momentum: as there.
        seed: as there.
        teacher_input: as ``kdteach.objectives.distil``.

    Raises:
        TypeError: teacher is no network, layers are no mapping of names, a size that is no
            whole number.
        ValueError: not one pair of layers, a value out of range, a layer that the teacher
            does not have. In training also: one that the student does not have, or a sample
            index that the memory does not hold.

    Source: Tian et al. 2020 (CRD); see ``kdteach.losses.ContrastiveLoss``.
    """
    check_model("teacher", teacher)
    if not isinstance(layers, Mapping):
        raise TypeError(
            'layers must be a dictionary {"student layer": "teacher layer"}, got '
            f"{shown(layers)}"
        )
    if len(layers) != 1:
        raise ValueError(
            f"contrastive takes one pair of layers, got {len(layers)}: for more, put one "
            "objective for each into weighted"
        )
    ((own, other),) = layers.items()
    for name in (own, other):
        if not isinstance(name, str):
            raise TypeError(f"layers must be names of layers, got {shown(name)} among them")
    tap(teacher, [other])  # which names those that the teacher has
    settings = {
        "width": check_count("width", width),
        "negatives": check_count("negatives", negatives),
        "temperature": check_number("temperature", temperature, least=1e-3, most=1e3),
        "momentum": check_number("momentum", momentum, least=0, below=1),
        "seed": check_seed(seed),
    }
    count = check_count("num_samples", num_samples, least=2)
    return ContrastiveObjective(
        teacher, (own, other), count, settings, check_view(teacher_input)
    )
