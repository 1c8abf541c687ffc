"""The recipe of the networks that read drawings on the first page of the book.

All see MNIST as the page shows it to them, size-normalised and centred by ``normalised``,
and most images drawn anew before (``redrawn``): another slant, turn, aspect, and stroke.

- The *teacher* is a CNN trained on 50,000 such images and their labels.
- The *label-trained* and the *distilled* student are the same small CNN, trained on the
  same few of these images, with the same initial weights. They differ in the loss, and in
  the learning rate and number of epochs that suit each best.
- The *student without 3* is the same network, distilled on 5,000 images none of which is a
  3, without a label; the bias of its class 3 is then chosen on validation images, as Hinton
  et al. 2015, section 3, choose it on test images.

Learning rate and number of epochs of each are those of its list with the fewest errors on
10,000 validation images that are drawn anew, for students the mean of ten seeds. The pair
that ships is the seed whose gain on validation is the median (the lower of two); the
student without 3 has the same seed. Test images are counted at the end and decide nothing.
They were counted once before, with shorter lists (students: rates up to 0.02, up to 30
epochs), which were made longer because validation chose their ends.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from kdteach.cost import count_parameters
from kdteach.data import load, small_sample
from kdteach.experiments.catalogue.drawing_doubts import RECORD, doubts, doubts_by_seed
from kdteach.experiments.catalogue.drawing_images import (
    EXAMPLES,
    UNSEEN,
    drawings,
    examples,
    stored,
)
from kdteach.files import check_path
from kdteach.metrics import best_bias, evaluate
from kdteach.models import READERS, build, reader_file
from kdteach.models.shipped import weights_folder
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.results import require_writable
from kdteach.stats import paired_difference
from kdteach.training import cosine, fit, fit_many, teacher_logits
from kdteach.types import Split
from kdteach.writing import write_whole

SEEDS = tuple(range(10))
TEACHER_EPOCHS = 5
TEACHER_BATCH, TEACHER_DROPOUT = 128, 0.3
TEACHER_RATES = (1e-3, 3e-3, 6e-3, 1.2e-2)
RATES = (5e-3, 1e-2, 2e-2, 4e-2)
PARTS = ("valid", "test", "as written")
PAIR_NAMES = ("label-trained", "distilled")


@dataclass(frozen=True)
class Course:
    """How a student is trained.

    Attributes:
        model: name of its network.
        images: that it sees.
        batch_size: images a step.
        epochs: passes over the images.
        rate: the learning rate.
    """

    model: str
    images: int
    batch_size: int
    epochs: int = 0
    rate: float = 0.0

    def __str__(self) -> str:
        return f"{self.rate:g}, {self.epochs} epochs"


PAIR, WITHOUT = Course("cnn-4k", 1000, 32), Course("cnn-4k", 5000, 64)
PAIR_EPOCHS, WITHOUT_EPOCHS = (15, 30, 60), (8,)
SIZES = (("cnn-4k", 300), ("cnn-4k", 1000), ("fc-16", 1000), ("fc-32", 1000))
"""Networks and numbers of images that were tried before, with three seeds each."""
TEMPERATURE, ALPHA = 4.0, 0.9
# of the student without 3, which learns from the teacher alone
_PURE = 4.0, 1.0


def train_teacher(data: Mapping[str, Split], rate: float, kept: Path) -> nn.Module:
    """Train the teacher, about a minute on one core.

    Five epochs in batches of 128, Adam falling along a cosine, dropout 0.3.

    Args:
        data: as ``drawings`` makes them.
        rate: the learning rate.
        kept: folder of the file that lets an interrupted training go on.
    """
    teacher = build("cnn-52k", dropout=TEACHER_DROPOUT).to(
        memory_format=torch.channels_last
    )
    fit(
        teacher, data["train"], hard_labels(), epochs=TEACHER_EPOCHS,
        batch_size=TEACHER_BATCH, learning_rate=rate, schedule=cosine,
        checkpoint=kept / f"teacher-{rate:g}.pt", progress=False,
    )  # fmt: skip
    return teacher.eval()


def train_students(
    splits: Sequence[Split], objective: Objective, course: Course, kept: Path
) -> list[nn.Module]:
    """Train a student for each split, number i with seed i, in one stack.

    Args:
        splits: what each sees.
        objective: of all.
        course: network and training.
        kept: file that lets an interrupted training go on.
    """
    students = [build(course.model, seed=seed) for seed in range(len(splits))]
    fit_many(
        students, list(splits), [objective] * len(splits), epochs=course.epochs,
        batch_size=course.batch_size, learning_rate=course.rate, schedule=cosine,
        checkpoint=kept, progress=False,
    )  # fmt: skip
    return [student.eval() for student in students]


def shift_bias(student: nn.Module, data: Split) -> float:
    """Add to the bias of class 3 what gives the fewest errors on these images.

    Args:
        student: whose last layer has a bias; changed in place.
        data: images that decide.

    Returns:
        What was added.
    """
    bias = best_bias(evaluate(student, data), [UNSEEN])
    last = [part for part in student.modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():
        last.bias[UNSEEN] += bias
    return bias


def rounded(model: nn.Module) -> nn.Module:
    """The network that ships: its weights in half precision, put back into it."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half())
    return model


def remake(
    out: Path | None = None,
    root: str | Path | None = None,
    *,
    kept: Path,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train the four networks and write their weights in float16, with a record.

    About ten minutes on one core. Where it was interrupted, the same call goes on.

    Args:
        out: folder of the files, by default the package's own.
        root: the folder that holds ``MNIST/raw``; by default ``$KDTEACH_DATA``.
        kept: folder of what lets an interrupted training go on; made where it is missing.
        say: called with one line after each step.

    Returns:
        The record.

    Raises:
        FileNotFoundError: MNIST is not there.
    """
    folder = weights_folder() if out is None else check_path("out", out)
    require_writable(folder)
    mnist = load("mnist", root)
    kept.mkdir(parents=True, exist_ok=True)
    data = drawings(mnist)
    say("the images are drawn")
    record: dict[str, Any] = {
        "made by": "python -m kdteach readers",
        "data": {"name": "mnist", "checksum": mnist.checksum},
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    teacher, record["teacher"] = _teacher(data, kept, say)
    chosen = {"teacher": [teacher]}
    few = [small_sample(data["train"], PAIR.images, seed=seed) for seed in SEEDS]
    others = data["train"].select(data["train"].labels != UNSEEN)
    logits = teacher_logits(teacher, data["train"])
    soft, pure = distil(logits, TEMPERATURE, ALPHA), distil(logits, *_PURE)
    record["sizes tried"] = pilot(data["train"], data["valid"], soft, kept, say)
    arms: dict[str, tuple[Sequence[Split], Objective, Course, Sequence[int]]] = {
        "label-trained": (few, hard_labels(), PAIR, PAIR_EPOCHS),
        "distilled": (few, soft, PAIR, PAIR_EPOCHS),
        "without-3": (
            [small_sample(others, WITHOUT.images, seed=seed) for seed in SEEDS],
            pure,
            WITHOUT,
            WITHOUT_EPOCHS,
        ),
    }
    for name, arm in arms.items():
        chosen[name], record[name] = _students(name, *arm, data["valid"], kept, say)
    record["distilled"] |= {"temperature": TEMPERATURE, "alpha": ALPHA}
    record["without-3"] |= dict(zip(("temperature", "alpha"), _PURE, strict=True))
    for name, models in chosen.items():
        record[name] |= _counted(models, data)
    record["gain"] = {part: _gain(record, part) for part in PARTS}
    gains = np.subtract(*(record[name]["valid errors"] for name in PAIR_NAMES))
    seed = SEEDS[int(np.argsort(gains, kind="stable")[(len(SEEDS) - 1) // 2])]
    record["seed that ships"] = seed
    shipped = {n: m[0 if n == "teacher" else seed] for n, m in chosen.items()}
    added = record["without-3"]["added to the bias of 3"]
    record["doubts"] = doubts(shipped, data["as written"], added[seed])
    record["doubts by seed"] = doubts_by_seed(chosen, data["as written"], added)
    for name in READERS:
        number = 0 if name == "teacher" else seed
        _write(chosen[name][number], folder / reader_file(name), name, number)
    write_whole(folder / EXAMPLES, stored(examples(shipped, mnist.valid)))
    text = json.dumps(record, indent=1)
    write_whole(folder / RECORD, f"{text}\n".encode())
    say(f"gain in points of accuracy: {record['gain']}")
    return record


def _teacher(
    data: Mapping[str, Split], kept: Path, say: Callable[[str], None]
) -> tuple[nn.Module, dict[str, Any]]:
    """The teacher with the rate that is best on validation, and what is recorded of it."""
    models = {rate: train_teacher(data, rate, kept) for rate in TEACHER_RATES}
    errors = {rate: evaluate(model, data["valid"]).errors for rate, model in models.items()}
    best = min(errors, key=lambda rate: errors[rate])
    say(f"teacher: errors on validation by rate {errors}")
    return rounded(models[best]), {
        "rate": best, "epochs": TEACHER_EPOCHS, "images": len(data["train"]),
        "valid errors by rate": errors,
    }  # fmt: skip


def pilot(
    train: Split, valid: Split, soft: Objective, kept: Path, say: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """What students of other sizes gain, on validation: how the size of the pair was found.

    The pair should read most of what visitors draw, and the gain should be seen. Three
    seeds, 30 epochs, the better of two learning rates for each arm.

    Args:
        train: images for the students.
        valid: images that decide.
        soft: the objective of the distilled students.
        kept: folder of what lets an interrupted training go on.
        say: called with one line a size.

    Returns:
        By network and number of images, mean errors in a hundred of both.
    """
    found = {}
    for model, images in SIZES:
        few = [small_sample(train, images, seed=seed) for seed in range(3)]
        shares = {}
        for name, objective in zip(PAIR_NAMES, (hard_labels(), soft), strict=True):
            means = []
            for rate in RATES[:2]:
                course = Course(model, images, 32, 30, rate)
                file = kept / f"pilot-{name}-{model}-{images}-{course}.pt"
                models = train_students(few, objective, course, file)
                means.append(
                    100 * np.mean([1 - evaluate(m, valid).accuracy for m in models])
                )
            shares[name] = round(float(min(means)), 2)
        found[f"{model}, {images} images"] = shares
        say(f"{model}, {images} images: errors in a hundred {shares}")
    return found


def _students(
    name: str,
    splits: Sequence[Split],
    objective: Objective,
    course: Course,
    epochs: Sequence[int],
    valid: Split,
    kept: Path,
    say: Callable[[str], None],
) -> tuple[list[nn.Module], dict[str, Any]]:
    """The students of an arm with the rate and length that are best on validation."""
    options = [replace(course, rate=r, epochs=e) for e in epochs for r in RATES]
    best: list[nn.Module] = []
    found, shifts = course, list[float]()
    errors: dict[str, list[int]] = {}
    for option in options:
        file = kept / f"{name}-{course.model}-{course.images}-{option}.pt"
        models = train_students(splits, objective, option, file)
        moved = [shift_bias(model, valid) for model in models if name == "without-3"]
        models = [rounded(model) for model in models]
        errors[str(option)] = [evaluate(model, valid).errors for model in models]
        if not best or sum(errors[str(option)]) < sum(errors[str(found)]):
            best, found, shifts = models, option, moved
        say(f"{name}, {option}: errors on validation {errors[str(option)]}")
    facts = {**vars(found), "valid errors by rate": errors}
    return best, facts | ({"added to the bias of 3": shifts} if shifts else {})


def _counted(models: Sequence[nn.Module], data: Mapping[str, Split]) -> dict[str, Any]:
    """What is recorded of networks that are chosen: size, errors, and who reads a 3."""
    answers = [evaluate(model, data["test"]) for model in models]
    errors = {
        f"{part} errors": [evaluate(model, data[part]).errors for model in models]
        for part in PARTS
    }
    return errors | {
        "weights": count_parameters(models[0]),
        "share of test 3s that are read as 3": [
            one.per_class_accuracy[UNSEEN] for one in answers
        ],
    }


def _gain(record: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Errors of the label-trained less those of the distilled students, in points."""
    plain, distilled = (np.array(record[name][f"{part} errors"]) for name in PAIR_NAMES)
    return dict(vars(paired_difference(plain / 100, distilled / 100)))


def _write(model: nn.Module, path: Path, name: str, seed: int) -> None:
    from safetensors.torch import save

    state = {key: value.half().contiguous() for key, value in model.state_dict().items()}
    # one entry alone, for safetensors writes several in any order
    about = {"made by": f"python -m kdteach readers: {name}, seed {seed}"}
    write_whole(path, save(state, metadata=about))
