"""Every method of the library on the digits, with one protocol.

Twenty methods teach the same small student from transfer sets of 60, 600 and all 1,079
training images (``kdteach.experiments.methods``). For each method and each size, twelve
settings are tried on three divisions of the digits, and the one with the fewest mistakes on
their validation images is taken. With it the method is run on ten divisions, and there the
test images are read, once. The ten students of different methods are paired: of one seed
they have the same division, teacher, transfer set, first weights and order of images.

The students of the search have other transfer sets (but for all 1,079 images, of which
there is one a division), first weights and orders than those that are tested. Their three
divisions are the first three of the ten: for these alone teachers ship. A test image of one
division may be a validation image of another, as in the other chapters.

A record of the stage "search" is a method, a size and a division, with a number for each
setting; one of the stage "test" is a student. Everything is computed in float64 by one
thread. ``training_seconds`` are of the processor and of the training alone, but that the
first student of a process also pays for what is loaded then: these are the students of the
first methods with 60 images, so read medians, and of the larger sets. ``extra_parameters``
are trained beside the student and thrown away, ``extra_memory`` and ``stored_logits`` are
numbers that are kept meanwhile.

The record is whole, 180 searches and 600 tests. All searches and the first 160 tests, of
60 images, were recorded on one computer (Intel Xeon, PyTorch 2.11, Python 3.12), the
other 440 tests on a second one (Intel Xeon, PyTorch 2.15, Python 3.11); the record of a
run says which. So all tests with 600 and 1,079 images are of the second computer. With 60
images contrastive, correlation congruence, mutual learning and some students of PKT and
RKD are, too, and are paired with students of plain KD of the first.

Looked at before this was run, on validation images alone: labels and plain KD at four rates
with 60 and 600 images of two divisions, for the lists of rates and the epochs; and one
student of each method and size at a setting in the middle of its list, to see that it
learns and what it costs. The lists of the methods' own settings stayed as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kdteach.experiments.all_methods import Order, record
from kdteach.experiments.methods import IMAGES, METHODS
from kdteach.experiments.protocols import DIGITS
from kdteach.results import Folder

NAME = DIGITS.record
QUESTION = "Every method with one protocol: which of them beats plain distillation?"
SEEDS = 10


def reproduce(
    *,
    executor: str | None = None,
    results_dir: Folder | None = None,
    say: Callable[[str], None] = print,
    methods: Sequence[str] = tuple(METHODS),
    images: Sequence[int] = IMAGES,
    seeds: int = SEEDS,
    divisions: int | None = None,
    epochs: int | None = None,
) -> Path:
    """Search and test what is not recorded yet, about 75 minutes of one core.

    With one size of the transfer set after the other: first all searches that are missing,
    then all students. What has ended is written down at once or nearly so, and the same
    call goes on from there.

    Args:
        executor: "local", "processes" or as ``kdteach.experiments.reproduce``; by default
            processes where there are several cores.
        results_dir: where the records go, by default into the package.
        say: called with one line a group of records.
        methods: some of ``METHODS``, by default all.
        images: sizes of the transfer set, by default all.
        seeds: of the tests.
        divisions: of the search, by default three.
        epochs: of each student, for a trial; by default as long as each size needs.

    Returns:
        The path of the records.

    Raises:
        TypeError: an argument of another type.
        ValueError: an unknown method, size or executor.
        LockedError: another process is adding to these records.
    """
    order = Order(DIGITS, methods, images, seeds, divisions, epochs)
    return record(order, executor=executor, results_dir=results_dir, say=say)
