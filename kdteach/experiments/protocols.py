"""What all methods share in one experiment: images, a teacher, a student and its training.

A ``Protocol`` says it in numbers, a ``World`` holds the images and the teacher.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from kdteach.data import load, small_sample
from kdteach.files import check_path
from kdteach.metrics import predict_logits
from kdteach.models import trained_reader, trained_teacher
from kdteach.results import Folder
from kdteach.training import teacher_logits
from kdteach.types import ImageSet, Split

__all__ = ["DIGITS", "LONGER", "MNIST", "PROTOCOLS", "Protocol", "World", "world"]


@dataclass(frozen=True)
class Protocol:
    """What is the same for every method.

    Attributes:
        data: its name in ``PROTOCOLS``.
        record: the name of the experiment and of its records.
        student: network that is taught, as ``kdteach.build`` names it.
        teacher: network that teaches.
        rates: the learning rates that every method tries, by the size of the transfer set.
        epochs: passes over a transfer set, by its size.
        batches: images of a step, by the size of the transfer set.
        divisions: how often the search tries each setting, by the size.
        divided: whether each seed has its own division of the images and its own teacher.
        test_share: of test images among training and test images, where each seed divides
            them anew; None where all seeds share them.
        lists_wrong: whether records list the test images that were misread.
        together: how many records are written at once, if there are several processes.
    """

    data: str
    record: str
    student: str
    teacher: str
    rates: Mapping[int, tuple[float, ...]]
    epochs: Mapping[int, int]
    batches: Mapping[int, int]
    divisions: Mapping[int, int]
    divided: bool
    test_share: float | None
    lists_wrong: bool
    together: int

    @property
    def images(self) -> tuple[int, ...]:
        """Sizes of the transfer set, from small to large."""
        return tuple(self.rates)


DIGITS = Protocol(
    data="digits", record="digits-all-methods", student="cnn-1k", teacher="cnn-digits",
    rates={60: (0.01, 0.02, 0.04), 600: (0.005, 0.01, 0.02), 1079: (0.005, 0.01, 0.02)},
    epochs={60: 80, 600: 12, 1079: 8}, batches={60: 20, 600: 20, 1079: 20},
    divisions={60: 3, 600: 3, 1079: 3}, divided=True, test_share=0.25, lists_wrong=True,
    together=16,
)  # fmt: skip
"""``kdteach.experiments.catalogue.digits_all_methods`` says more of it."""
MNIST = Protocol(
    data="mnist", record="mnist-all-methods", student="cnn-2k", teacher="cnn-52k",
    rates=dict.fromkeys((60, 600, 50_000), (0.005, 0.01, 0.02)),
    epochs={60: 80, 600: 12, 50_000: 1}, batches={60: 20, 600: 20, 50_000: 32},
    divisions={60: 3, 600: 3, 50_000: 1}, divided=False, test_share=None,
    lists_wrong=False, together=1,
)  # fmt: skip
"""``kdteach.experiments.catalogue.mnist_all_methods`` says more of it."""
LONGER = Protocol(
    data="digits, longer", record="digits-longer", student="cnn-1k", teacher="cnn-digits",
    rates=dict.fromkeys((200, 600), (0.005, 0.01, 0.02, 0.04)),
    epochs={200: 20, 600: 12}, batches={200: 20, 600: 20},
    divisions={200: 3, 600: 3}, divided=True, test_share=0.25, lists_wrong=True,
    together=16,
)  # fmt: skip
"""``kdteach.experiments.catalogue.digits_longer`` says more of it."""
PROTOCOLS = {protocol.data: protocol for protocol in (DIGITS, MNIST, LONGER)}
"""By the name of the data, and of what is special."""


@dataclass(frozen=True)
class World:
    """What students learn from: images and a teacher.

    Attributes:
        data: the three parts.
        teacher: trained on all training images.
        logits: (N, 10), what it says of the N training images.
        protocol: whose students these are.
    """

    data: ImageSet
    teacher: nn.Module
    logits: Tensor
    protocol: Protocol = DIGITS

    def some(self, images: int, seed: int) -> Split:
        """The transfer set.

        Args:
            images: of the protocol's sizes.
            seed: of the draw.
        """
        if images == len(self.data.train):
            return self.data.train
        return small_sample(self.data.train, images, seed=seed)

    @cached_property
    def its_answers(self) -> Tensor:
        """(M, 10), the teacher's logits for the M test images."""
        return predict_logits(self.teacher, self.data.test.images)


def world(draw: int, protocol: Protocol = DIGITS, data_dir: Folder | None = None) -> World:
    """Load the images of a protocol and the shipped teacher.

    Digits are in float64; each division has its own teacher. MNIST is in float32, with one
    division and one teacher.

    Args:
        draw: of the digits, 0 to 9; MNIST is the same with each.
        protocol: of ``PROTOCOLS``.
        data_dir: folder of MNIST, by default ``$KDTEACH_DATA``.

    Raises:
        FileNotFoundError: MNIST is not there.
        TypeError: an argument of another type.
        ValueError: there is no such division, or a file of MNIST is damaged.
    """
    if protocol.divided:
        data = load("digits", draw=draw, dtype=torch.float64)
        teacher = trained_teacher(draw, dtype=torch.float64)
    else:
        folder = None if data_dir is None else check_path("data_dir", data_dir)
        data, teacher = load("mnist", folder), trained_reader("teacher")
    return World(data, teacher, teacher_logits(teacher, data.train), protocol)
