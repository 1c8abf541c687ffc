"""Ways to get the teacher wrong, each with ten paired students of 60 digits.

Every arm has the same students, images, first weights and order of the images; the arms
differ in what the teacher's answers go through on their way into the loss. Every arm takes
the learning rate with the fewest errors on the validation images of all draws.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from kdteach.checks import check_choice, check_model
from kdteach.comparisons import Comparison, compare
from kdteach.data import random_shift
from kdteach.losses import kd_loss
from kdteach.models import normalised
from kdteach.models.initial import initial_weights
from kdteach.models.normalised import Normalised
from kdteach.objectives import hard_labels
from kdteach.results import measured
from kdteach.runs import Runs
from kdteach.seeding import generator
from kdteach.training import cosine, fit
from kdteach.types import Batch, ImageSet, Split

__all__ = [
    "ALPHA", "IMAGES", "LABELS", "MISTAKES", "NAME", "ORDER", "RATES", "RIGHT",
    "SETTINGS", "TEACHER", "TEMPERATURE", "WEAK", "WORDS", "AsItIs", "another_order",
    "cost", "in_train_mode", "other_rows", "recorded", "teach",
]  # fmt: skip

NAME = "digits-wrong-teacher"
RIGHT, LABELS, TEACHER = "right", "labels alone", "teacher"
WEAK = "no better than its student"
MISTAKES = (
    "train mode", "dropout alone", "BatchNorm alone", "not frozen", "other pixels",
    "other rows", "other order of classes", WEAK,
)  # fmt: skip
"""Names of the arms with a mistake. The second and third are parts of the first."""
IMAGES = 60
TEMPERATURE, ALPHA = 8.0, 0.9
RATES = (0.006, 0.02, 0.06, 0.18, 0.54)
"""Of SGD with Nesterov's momentum of 0.9; each falls to 0 along a cosine."""
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ORDER = tuple(sorted(range(10), key=WORDS.__getitem__))
"""The digit that each column stands for where folders are sorted by the digits' names."""
SETTINGS = (
    "Errors on 359 test images, mean over ten draws of the digits. The students of a draw "
    "have the same 60 training images, first weights and order of the images.\n"
    "Students: 64 hidden units, 200 epochs in batches of 32, SGD with Nesterov's momentum "
    "of 0.9, T = 8 and alpha = 0.9. The rate falls to 0 along a cosine, from 0.006, 0.02, "
    "0.06, 0.18 or 0.54: for each arm the one with the fewest errors on the validation "
    "images of all draws.\n"
    "Teachers: two hidden layers of 256 units with BatchNorm and dropout of 0.5, which "
    "learned from all 1,079 training images of the draw, standardised and shifted by up to "
    "a pixel.\n"
    "The 17 comparisons: the six mistakes, dropout alone and BatchNorm alone, each against "
    "no mistake and against labels alone; and no mistake against labels alone.\n"
    "T = 8 comes from an earlier study on these draws, and three of the ten draws were "
    "looked at while this experiment was made. The draws overlap: the interval speaks of "
    "further trainings on these digits, not of digits by other writers."
)
"""What a doubter asks, for the details of a mark."""
_MEAN, _STD = 0.3, 0.38  # about those of the pixels of all digits


def teach(
    draw: ImageSet, *, seed: int = 0, epochs: int = 40, images: Split | None = None
) -> Normalised:
    """Train a teacher of the chapter, with BatchNorm and dropout, behind a normalisation.

    Args:
        draw: the digits.
        seed: of the first weights, the order, the shifts and dropout.
        epochs: passes over the images.
        images: to learn from, by default ``draw.train``.

    Returns:
        A network (B, 1, 8, 8) -> (B, 10), in eval mode. Its ``network`` alone takes images
        that are standardised already.
    """
    with initial_weights(seed):
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs in (draw.train.images[0].numel(), 256):
            layers += [nn.Linear(inputs, 256), nn.BatchNorm1d(256), nn.ReLU(),
                       nn.Dropout(0.5)]  # fmt: skip
        inner = nn.Sequential(*layers, nn.Linear(256, draw.num_classes))
    inner.to(draw.train.images.dtype)
    teacher = normalised(inner, (_MEAN,), (_STD,))
    fit(
        teacher, draw.train if images is None else images, hard_labels(), epochs=epochs,
        batch_size=64, learning_rate=4e-3, schedule=cosine, augment=random_shift(1),
        seed=seed, progress=False,
    )  # fmt: skip
    teacher.requires_grad_(False)
    return teacher.eval()


class AsItIs(nn.Module):
    """An objective that asks a teacher in each step, in the mode in which it is.

    ``kdteach.distil`` asks a network in eval mode and without gradients, always; this one
    lets the mistakes happen.

    Attributes:
        asked: the teacher.
        trained: it again where it is trained with the student, so that it is among the
            weights; else None.
    """

    def __init__(self, teacher: nn.Module, *, trained: bool = False) -> None:
        super().__init__()
        self.asked = (check_model("teacher", teacher),)  # a tuple: no part of this module
        self.trained = teacher if trained else None
        self._modes = {part: part.training for part in teacher.modules()}

    def forward(self, student: nn.Module, batch: Batch) -> Tensor:
        """The loss of a batch, T^2 KL and cross-entropy, weighted with alpha.

        Args:
            student: (B, C, H, W) -> (B, classes).
            batch: images and labels.

        Returns:
            The loss, a tensor ().
        """
        (teacher,) = self.asked
        for part, mode in self._modes.items():  # training changes those of its own parts
            part.training = mode
        z = student(batch.images)
        if self.trained is None:
            with torch.no_grad():
                v = teacher(batch.images)
            return kd_loss(z, v, batch.labels, TEMPERATURE, ALPHA)
        # the library's own loss lets no gradient into the teacher
        log_p = (teacher(batch.images) / TEMPERATURE).log_softmax(dim=1)
        log_q = (z / TEMPERATURE).log_softmax(dim=1)
        soft = (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()
        hard = nn.functional.cross_entropy(z, batch.labels)
        loss: Tensor = ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * hard
        return loss


def in_train_mode(
    teacher: nn.Module, kinds: type[nn.Module] | tuple[type[nn.Module], ...] = nn.Module
) -> nn.Module:
    """A copy of a teacher, some of whose layers are in train mode.

    Args:
        teacher: left as it is.
        kinds: of the layers, such as ``torch.nn.Dropout``; by default all.
    """
    made = copy.deepcopy(check_model("teacher", teacher)).eval()
    for part in made.modules():
        part.training = isinstance(part, kinds)
    return made


def another_order(logits: Tensor) -> Tensor:
    """The columns as a teacher has them whose folders are sorted by the digits' names.

    Args:
        logits: (N, 10), column c for digit c.

    Returns:
        (N, 10): column 0 is of the eight, 1 of the five, and so on to zero.
    """
    return logits[:, list(ORDER)]


def other_rows(logits: Tensor, index: Tensor, *, seed: int = 0) -> Tensor:
    """A table whose rows belong to other images, as a loader that shuffles stores them.

    Args:
        logits: (N, C) by sample index.
        index: (M,) the images that are learned from; their rows change places.
        seed: of the new order.

    Returns:
        (N, C).
    """
    order = torch.randperm(len(index), generator=generator(seed, "order"), device="cpu")
    table = logits.clone()
    table[index] = logits[index[order]]
    return table


def recorded(arm: str, metric: str = "test_errors") -> Runs:
    """What was recorded of an arm, draw by draw.

    Args:
        arm: "teacher", "labels alone", "right" or one of ``MISTAKES``.
        metric: such as "test_errors", "valid_errors", "last_loss" or "teacher_later".

    Raises:
        ValueError: there is no such arm, or no such number of it.
    """
    check_choice("arm", arm, (TEACHER, LABELS, RIGHT, *MISTAKES))
    return measured(NAME, metric, role=arm)


def cost(arm: str, other: str = RIGHT) -> Comparison:
    """How many more errors an arm makes than another; corrected for all such questions.

    Args:
        arm: one of ``MISTAKES``, or "right".
        other: "right" or "labels alone".

    Raises:
        ValueError: there is no such arm.
    """
    return compare(
        recorded(arm), recorded(other), expect="lower" if arm == RIGHT else "higher",
        unit="errors", comparisons=2 * len(MISTAKES) + 1, test_share=0.25,
    )  # fmt: skip
