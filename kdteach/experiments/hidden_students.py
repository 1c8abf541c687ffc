"""The recorded students of *Subclass distillation*: two classes of five hidden digits.

``kdteach.experiments.hidden_digits`` trains them; ``digits-2x5`` is their record. Larger
ones learn MNIST, in the same two classes (``mnist-2x5``) or in ten (``mnist-10x5``).
"""

from __future__ import annotations

from collections.abc import Sequence

from kdteach.checks import check_choice, check_count, shown
from kdteach.experiments.choosing import Found
from kdteach.experiments.hidden_digits import KINDS, learn, teach
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.results import load_records, measured
from kdteach.runs import Runs
from kdteach.types import ImageSet

__all__ = ["STUDIES", "chosen_rate", "on_mnist", "recorded", "studied"]

STUDIES = {60: "60 images", None: "all images"}
"""How many images a student gets, and the name of the study."""
_RECORD = "digits-2x5"
_MNIST = {2: "mnist-2x5", 10: "mnist-10x5"}


def studied(draws: Sequence[ImageSet], images: int | None) -> dict[str, Found]:
    """Train teachers and students anew: each kind of student at the rate that it chooses.

    Args:
        draws: divisions of the digits; number i is draw i.
        images: how many each student gets, None for all of them.

    Returns:
        By kind, one of ``kdteach.experiments.hidden_digits.KINDS``.

    Raises:
        ValueError: no draws, or a number out of range.
    """
    learned = learn(teach(range(len(draws))), [images])
    found = {}
    for kind in KINDS:
        tried = [
            ({"learning_rate": rate}, float(sum(learned.valid[kind, images, rate])))
            for rate in learned.rates
        ]
        own = learned.own(kind, images)
        found[kind] = Found(
            {"learning_rate": own}, tried, learned.valid[kind, images, own],
            learned.test[kind, images],
        )  # fmt: skip
    return found


def recorded(kind: str, images: int | None) -> Runs:
    """The recorded mistakes of ten students on their 359 test images.

    Args:
        kind: one of ``kdteach.experiments.hidden_digits.KINDS``.
        images: how many each student got: 60, or None for all of them.

    Returns:
        One number for each of the seeds 0 to 9.

    Raises:
        ValueError: an unknown kind, or another number of images.
        LookupError: nothing is recorded.
    """
    return measured(_RECORD, "test_errors", study=_study(images), role=_kind(kind))


def chosen_rate(kind: str, images: int | None) -> float:
    """The learning rate with the fewest mistakes on validation images, over all draws.

    Args:
        kind: one of ``kdteach.experiments.hidden_digits.KINDS``.
        images: how many each student got: 60, or None for all of them.

    Raises:
        ValueError: an unknown kind, or another number of images.
        LookupError: nothing is recorded.
    """
    asked = {"study": _study(images), "role": _kind(kind)}
    for run in load_records(_RECORD):
        if asked.items() <= run.config.items():
            return float(str(run.config["learning_rate"]))
    raise LookupError(f"nothing is recorded for {kind!r} with {shown(images)} images")


def on_mnist(kind: str, images: int | None = None, *, classes: int = 2) -> Runs:
    """The recorded mistakes of ten networks on the 10,000 test images of MNIST.

    Args:
        kind: one of ``kdteach.experiments.hidden_digits.KINDS``, or "teacher, control" or
            "teacher, diverse".
        images: how many a student got: 60 (of two classes), or None for all of them;
            teachers always got all.
        classes: 2 or 10, of five subclasses each.

    Returns:
        One number for each of the seeds 0 to 9.

    Raises:
        TypeError: classes is no whole number.
        ValueError: an unknown kind, or another number of classes or images.
        LookupError: nothing is recorded.
    """
    check_choice("kind", kind, (*KINDS, "teacher, control", "teacher, diverse"))
    if check_count("classes", classes) not in _MNIST:
        raise ValueError(f"classes must be 2 or 10, got {shown(classes)}")
    _study(images)
    experiment = EXPERIMENTS[_MNIST[classes]]
    role, _, teacher = kind.partition(", ")
    name, metric = experiment.name, "test_errors"
    if not teacher:
        return measured(name, metric, role=role, transfer=images)
    taught = experiment.labels[teacher]
    if role == "teacher":
        return measured(name, metric, role=role, beta=taught["beta"])
    return measured(name, metric, role=role, transfer=images, teacher=taught)


def _kind(kind: str) -> str:
    return str(check_choice("kind", kind, KINDS))


def _study(images: int | None) -> str:
    if images not in STUDIES:
        raise ValueError(f"images must be 60, or None for all, got {shown(images)}")
    return STUDIES[images]
