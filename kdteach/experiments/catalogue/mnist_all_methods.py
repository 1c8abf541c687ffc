"""Every method of the library on MNIST, with one protocol.

The same twenty methods as of ``digits-all-methods`` teach a student of 1,714 weights,
``cnn-2k``, from transfer sets of 60, 600 and all 50,000 training images of 28x28. For each
method and each size twelve settings are tried, and the one with the fewest mistakes on the
10,000 validation images is taken. With it the method is run with ten seeds, and there the
10,000 test images are read, once. The students of different methods are paired: of one seed
they have the same transfer set, first weights and order of images.

**What all seeds share.** There is one teacher, ``trained_reader("teacher")``, a
convolutional network of 51,738 weights that ships with the package; it was trained on the
same 50,000 images, size-normalised and most of them drawn anew with another slant and
stroke, and its learning rate was chosen on the 10,000 validation images, drawn anew, too.
The division into training, validation and test images is the package's own. The seeds vary
the transfer set (but for all 50,000 images), the first weights, the order, and what a
method draws for itself. So the intervals are about further students of this teacher,
counted on these test images; they say nothing about other teachers.

With 60 and 600 images each setting is tried on three transfer sets, with other first
weights and orders than the tests have. With all images it is tried once, and a student sees
each image once, in batches of 32: that is what fits into two hours of one core. It is the
same for every method, but not as hard on each: of the numbers that the contrastive method
remembers, those of images that were not seen yet are random. The search of each size ends
before its tests begin.

Everything is computed in float32 by one thread. ``training_seconds`` are of the processor
and of the training alone, but that the first student of a process also pays for what is
loaded then, and that other work on the computer lengthens them: read medians, and of the
larger sets. Methods that compare answers have the teacher's stored; those
that compare layers ask it in every step. ``extra_parameters`` are trained beside the
student and thrown away, ``extra_memory`` and ``stored_logits`` are numbers that are kept
meanwhile. The misread test images are counted, not listed: the lists would be megabytes.

Looked at before this was run, on validation images alone: labels, and plain KD at alpha 0.9
with T = 2 and 8, for the lists of rates and the epochs. With 60 and 600 images this was at
0.005 to 0.04 on two transfer sets (with 60 also at 0.08; with 600 on one of them also for
20 epochs); with all images at 0.0025 to 0.03 with one seed, and twice through the images in
batches of 64 at 0.0025 to 0.04 with that seed and at 0.02 with two more. At 0.04 some
students learned nothing. Then one student of each method in the middle of its list, with
60, 600 and 2,560 images (plain KD and the contrastive one with all, too), to see that it
learns and what it costs. The lists of the methods'
own settings are those of the digits, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kdteach.data import load
from kdteach.experiments.all_methods import Order, record
from kdteach.experiments.methods import METHODS
from kdteach.experiments.protocols import MNIST
from kdteach.files import check_path
from kdteach.results import Folder

NAME = MNIST.record
QUESTION = "The same methods and protocol on MNIST: which beats plain distillation?"
SEEDS = 10


def reproduce(
    *,
    executor: str | None = None,
    data_dir: Folder | None = None,
    results_dir: Folder | None = None,
    say: Callable[[str], None] = print,
    methods: Sequence[str] = tuple(METHODS),
    images: Sequence[int] = MNIST.images,
    seeds: int = SEEDS,
    divisions: int | None = None,
    epochs: int | None = None,
) -> Path:
    """Search and test what is not recorded yet, less than two hours of one core.

    With one size of the transfer set after the other: first all searches that are missing,
    then all students. Each record is written down when it has ended, and the same call goes
    on from there.

    Args:
        executor: "local", "processes" or as ``kdteach.experiments.reproduce``; by default
            processes where there are several cores.
        data_dir: folder of MNIST, by default ``$KDTEACH_DATA``.
        results_dir: where the records go, by default into the package.
        say: called with one line a record.
        methods: some of ``METHODS``, by default all.
        images: sizes of the transfer set, by default 60, 600 and 50,000.
        seeds: of the tests.
        divisions: how often the search tries each setting, by default three times, with
            all images once.
        epochs: of each student, for a trial; by default as long as each size needs.

    Returns:
        The path of the records.

    Raises:
        FileNotFoundError: MNIST is not there.
        TypeError: an argument of another type.
        ValueError: an unknown method, size or executor, or a damaged file of MNIST.
        LockedError: another process is adding to these records.
    """
    folder = None if data_dir is None else check_path("data_dir", data_dir)
    order = Order(MNIST, methods, images, seeds, divisions, epochs, folder)
    load("mnist", folder)  # an error is raised here, and not in a worker
    return record(order, executor=executor, results_dir=results_dir, say=say)
