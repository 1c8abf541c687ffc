"""Report 1 on CIFAR-10: ResNet50 and VGG16 teach ResNet18.

As published: the three architectures with the stem of ImageNet on pictures of 32x32,
teachers trained for 30 epochs by Adam (2e-4, VGG16 1e-4), the student for 85 epochs at
2e-3, its baseline for 30 epochs at 2e-4; T in {3, 5, 7, 10}, weight of the soft term 0.7
and 0.5.
Not said there, and chosen here before anything was run: batches of 256, no augmentation, so
that the teachers' logits are stored, T^2 before the soft term, the last epoch counts. 5,000
training images are kept for validation, on which nothing is chosen.

The report's teachers start from the weights of ImageNet: ``PRETRAINED``. Without them the
teachers start from nothing, and VGG16 has BatchNorm, which is usual then. What
the student reaches without a teacher, but with the rate and the epochs of the distilled
ones, stands beside the report's baseline. Products are computed in bfloat16.

The shipped records were computed on a GPU, from the JPEG copy of the photographs, with the
files of commit 67fcca8c6508; the machine's repository knew an earlier commit, so they say
9bb4357ee2fe+. Of 30 runs of ``cifar10`` 28 are recorded: two students of seed 2 (ResNet50
at T = 10) had not ended when the time on that machine did.

``cifar10-settings`` has all sixteen settings of the report with one seed; it is not
recorded. Run into the same folder, it takes over from ``cifar10`` the five that are.

``cifar10-small`` asks the same on two cores. Teachers see all training images for ten
epochs, students 10,000 of them, drawn by the seed, for 300,000 views; all are cropped and
mirrored at random, and a teacher is asked about the view that its student sees. The
baseline has a tenth of the rate and a third of the epochs, as in the report. Measured with
one thread, in batches of 128: 144 views of training a second for ResNet50, 56 for VGG16,
572 for ResNet18, three times as many for a teacher's answers. So three seeds take some 16
core-hours.
"""

from __future__ import annotations

from collections.abc import Iterator

from kdteach.experiments.design import Experiment, Published

_SHARED = {"batch_size": 256, "precision": "bfloat16"}
_TEACHERS = {
    "resnet50": {
        "role": "teacher", "model": "resnet50", "epochs": 30, "learning_rate": 2e-4,
    },
    "vgg16": {
        "role": "teacher", "model": "vgg16_bn", "epochs": 30, "learning_rate": 1e-4,
    },
}  # fmt: skip
RESNET50, VGG16 = ({**teacher, **_SHARED} for teacher in _TEACHERS.values())
_RESNET18 = {"model": "resnet18", **_SHARED}
STUDENT = {**_RESNET18, "epochs": 85, "learning_rate": 2e-3}
BASELINE = {**_RESNET18, "epochs": 30, "learning_rate": 2e-4}
FASTER = {**_RESNET18, "epochs": 30, "learning_rate": 2e-3}
LONGER = {**_RESNET18, "epochs": 85, "learning_rate": 2e-4}

# Report 1, Tables 4 and 6: a row for each teacher and weight of the soft term
_TEMPERATURES = (3.0, 5.0, 7.0, 10.0)
_PRINTED = {
    ("resnet50", 0.7): (0.7549, 0.7562, 0.7648, 0.7634),
    ("resnet50", 0.5): (0.7582, 0.7664, 0.7709, 0.7760),
    ("vgg16", 0.7): (0.7657, 0.7619, 0.7590, 0.7514),
    ("vgg16", 0.5): (0.7714, 0.7722, 0.7610, 0.7627),
}


def _distilled(
    teacher: dict[str, object], temperature: float, alpha: float
) -> dict[str, object]:
    return {
        "role": "distilled", "temperature": temperature, "alpha": alpha,
        "teacher": teacher, **STUDENT,
    }  # fmt: skip


def _settings(teachers: dict[str, dict[str, object]]) -> Iterator[dict[str, object]]:
    for (name, alpha), row in _PRINTED.items():
        for temperature, _ in zip(_TEMPERATURES, row, strict=True):
            yield _distilled(teachers[name], temperature, alpha)


def _published(teachers: dict[str, dict[str, object]]) -> Iterator[Published]:
    for name, table, value in (("resnet50", 3, 0.8096), ("vgg16", 5, 0.8593)):
        where = {"role": "teacher", "model": teachers[name]["model"]}
        yield Published(f"Report 1, Table {table}", where, "test_accuracy", value)
    where = {"role": "plain", **BASELINE}
    yield Published("Report 1, Table 3", where, "test_accuracy", 0.5911)
    for (name, alpha), row in _PRINTED.items():
        table = 4 if name == "resnet50" else 6
        for temperature, value in zip(_TEMPERATURES, row, strict=True):
            where = _distilled(teachers[name], temperature, alpha)
            yield Published(f"Report 1, Table {table}", where, "test_accuracy", value)


def _beside(
    values: Iterator[Published], configurations: tuple[dict[str, object], ...]
) -> tuple[Published, ...]:
    """Those that a configuration stands beside."""
    return tuple(v for v in values if any(v.fits(c) for c in configurations))


_SCRATCH: dict[str, dict[str, object]] = {"resnet50": RESNET50, "vgg16": VGG16}
_PLAIN = tuple(
    {"role": "plain", **arm} for arm in (BASELINE, FASTER, STUDENT, LONGER)
)  # fmt: skip

_DECIDING: tuple[dict[str, object], ...] = (
    RESNET50,
    VGG16,
    *_PLAIN[:3],
    *(
        _distilled(teacher, temperature, 0.5)
        for temperature in (3.0, 10.0)
        for teacher in (RESNET50, VGG16)
    ),
    _distilled(RESNET50, 10.0, 0.7),
)
_ALL: tuple[dict[str, object], ...] = (RESNET50, VGG16, *_settings(_SCRATCH))

DECIDING = Experiment(
    "cifar10",
    "Are Report 1's readings of its runs on CIFAR-10 noise, and what is its gain made of?",
    ("cifar10", {}),
    _DECIDING,
    published=_beside(_published(_SCRATCH), _DECIDING),
    seeds=3,
    labels={"teacher resnet50": RESNET50, "teacher vgg16": VGG16},
)
SETTINGS = Experiment(
    "cifar10-settings",
    "All sixteen settings of Report 1's tables, once each",
    ("cifar10", {}),
    _ALL,
    published=_beside(_published(_SCRATCH), _ALL),
    seeds=1,
    labels={"teacher resnet50": RESNET50, "teacher vgg16": VGG16},
)
STEM = Experiment(
    "cifar10-stem",
    "What is a stem worth that fits pictures of 32x32?",
    ("cifar10", {}),
    tuple({**_PLAIN[1], "epochs": 10, **stem} for stem in ({}, {"stem": "cifar"})),
    seeds=3,
)

_IMAGENET: dict[str, dict[str, object]] = {
    "resnet50": {**RESNET50, "weights": "imagenet"},
    "vgg16": {**VGG16, "model": "vgg16", "weights": "imagenet"},
}
PRETRAINED = Experiment(
    "cifar10-pretrained",
    "Report 1 on CIFAR-10 with its own teachers, from the weights of ImageNet",
    ("cifar10", {}),
    (*_IMAGENET.values(), *_PLAIN, *_settings(_IMAGENET)),
    published=tuple(_published(_IMAGENET)),
    seeds=3,
    labels={
        "teacher resnet50": _IMAGENET["resnet50"], "teacher vgg16": _IMAGENET["vgg16"],
    },
)  # fmt: skip

_SEEN = {"batch_size": 128, "precision": "bfloat16", "crop": 4, "mirror": True}
SMALL_RESNET50, SMALL_VGG16 = (
    {**teacher, **_SEEN, "epochs": 10} for teacher in _TEACHERS.values()
)
_SMALL_STUDENT: dict[str, object] = {
    "model": "resnet18", **_SEEN, "transfer": 10_000, "epochs": 30, "learning_rate": 2e-3,
}  # fmt: skip
SMALL = Experiment(
    "cifar10-small",
    "Report 1's readings on two cores: fewer images and epochs, the same three networks",
    ("cifar10", {}),
    (
        SMALL_RESNET50,
        SMALL_VGG16,
        {"role": "plain", **_SMALL_STUDENT, "epochs": 10, "learning_rate": 2e-4},
        {"role": "plain", **_SMALL_STUDENT, "epochs": 10},
        {"role": "plain", **_SMALL_STUDENT},
        *(
            {
                "role": "distilled", "temperature": temperature, "alpha": 0.5,
                "teacher": teacher, **_SMALL_STUDENT,
            }
            for temperature in (3.0, 10.0)
            for teacher in (SMALL_RESNET50, SMALL_VGG16)
        ),
    ),
    seeds=3,
    labels={"teacher resnet50": SMALL_RESNET50, "teacher vgg16": SMALL_VGG16},
)  # fmt: skip
