"""The examination: the one-line checks on the reader's own networks, batch and loss."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_alpha,
    check_function,
    check_model,
    check_temperature,
    check_tensor,
)
from kdteach.diagnosis import networks
from kdteach.diagnosis.answers import of_answers
from kdteach.diagnosis.batches import (
    check_classes,
    check_fit,
    check_names_of_classes,
    check_stored,
    given_of,
    part_of,
)
from kdteach.diagnosis.calling import Calls, Material, logits_of
from kdteach.diagnosis.findings import Diagnosis, Finding
from kdteach.diagnosis.keeping import as_they_were
from kdteach.diagnosis.knowing import NAME as UNKNOWN
from kdteach.diagnosis.knowing import knows_the_images
from kdteach.diagnosis.losses import Case, of_loss
from kdteach.models import checked_shape, evaluation_mode, failures_explained

_ROWS = 11  # images that the loss is asked about: no number of classes in our examples
_OF_NETWORKS = (
    "teacher in train mode", "teacher with gradients", "probabilities instead of logits",
    "softmax in the student", "student in eval mode",
    "student larger than its teacher", "BatchNorm that drifts",
)  # fmt: skip
_OF_ANSWERS = (
    "class order that differs", "stored logits of other images", "different views",
    "different normalisation", UNKNOWN,
)  # fmt: skip
_OF_LOSSES = (
    "missing T^2", "reduction over classes", "alpha on the other term",
    "arguments of KL exchanged", "temperature on one side",
    "probabilities instead of log-probabilities", "logits instead of probabilities",
    "logits instead of log-probabilities", "term without gradient", "sign of a term",
    "labels on other classes", "labels of other images", "temperature on the labels",
    "only the teacher's first choice", "sum over the batch",
)  # fmt: skip


def doctor(
    teacher: nn.Module | Tensor,
    student: nn.Module,
    batch: Any,
    *,
    loss: Callable[..., Any] | None = None,
    alpha: float | None = None,
    temperature: float | None = None,
    teacher_logits: Tensor | None = None,
    teacher_images: Tensor | None = None,
    classes: tuple[Sequence[str], Sequence[str]] | None = None,
    quiet: bool = False,
) -> Diagnosis:
    """Look for the usual mistakes of distillation in a set-up of your own.

    Nothing is trained and nothing changed: modes, gradients, statistics and the random
    state are afterwards as they were. What the loss computes is found from its gradients at
    logits of our choice, however it is written. It may take logits (student's, teacher's
    and labels, recognised by their names or in this order), the networks and images, or a
    batch alone, and call the networks itself; an objective of ``kdteach`` is a loss too.

    Some set-ups do not say what was meant, and these rules decide:

    - Which term ``alpha`` weighs is not agreed upon: Keras and torchdistill weigh the
      labels by it. A named alpha above 0.5 is expected on the soft term, and a weight
      called ``kd_weight`` or ``ce_weight`` on the term of its name. Without a name, or with
      an alpha of 0.5 or less, nothing is said unless ``alpha=`` is given.
    - T^2 is missed where the weights add up to one without it, or are numbers that the loss
      names. A loss of free weights that no name explains is not judged. A soft term alone
      is expected to hold its T^2, also where the caller multiplies later.
      Multiplied by T once is found where the loss names the weight and the weights then
      add up to one.
    - The reverse KL divergence is a fault unless the loss has "reverse" in its name.
    - A normalisation of the teacher's own is right where the teacher knows clearly more
      on it than on the student's images; other crops and mirror images never are.
    - A weak teacher is no fault. One that does not know the images has come at most a tenth
      of the way from guessing to knowing all, or is right for 70 % or more in another usual
      scale of the pixels, and for 30 points fewer in this one; of at least 32 images.
    - Another order of the classes needs two images of a class on average, or ``classes=``.
    - A teacher that the loss does not ask itself is examined in the mode in which it comes.
    - A sum over the batch is a fault unless the loss names a batch size, by which it may
      divide. The teacher's first choice alone is one unless the loss has "hard", "pseudo",
      "argmax" or "deit" in its name.
    - A student in eval mode is a fault where all its dropout and BatchNorm layers are in it
      and the loss is no objective of ``kdteach``: ``kd.fit`` sets train mode itself.
    - A mean over classes in a squared error of logits is the usual form, and no fault.

    What is not known here stands in ``skipped`` of the result: the weights in formulas of
    other kinds (decoupled, correlations, features, a
    softmax over the batch), which are then not judged.

    Args:
        teacher: the network, in the mode in which training will ask it; or its stored
            logits (B, C) for the batch.
        student: the network, as training will begin with it.
        batch: (images, labels) of some images, the more the better up to 256, perhaps with
            sample indices (B,) or stored logits (B, C) behind them; a dictionary with such
            names, a ``Split`` or ``Batch`` will do. Images (B, ...), labels (B,) int64, or
            shares of the classes (B, C).
        loss: the function that is minimised. Without it the networks and data alone are
            examined.
        alpha: the weight that the SOFT term is to have, in [0, 1], where that is known.
        temperature: T of the loss, where that is known; it is found out otherwise.
        teacher_logits: (B, C) stored answers of the teacher for these images, to be
            compared with what it says today.
        teacher_images: (B, ...) the same images as the teacher sees them, where they
            differ from the student's.
        classes: names of the classes in the teacher's order and in that of the labels.
        quiet: print nothing.

    Returns:
        A ``Diagnosis``: true where something was found. Each ``Finding`` has a name, a
        sentence, a remedy and the measured evidence. If there are some, they are printed
        here already; ``print(found)`` also says what was looked for where nothing was.

    Raises:
        TypeError: a teacher or student that is no network, a batch that is no pair of
            tensors, a loss that cannot be called.
        ValueError: images and labels that do not fit, images or stored logits that are no
            numbers, labels without an output, alpha or temperature out of range.

    Example:
        >>> found = kd.doctor(teacher, student, (images, labels), loss=my_loss)
    """
    check_model("student", student)
    asked = None if isinstance(teacher, Tensor) else check_model("teacher", teacher)
    given, labels, within = given_of(batch)
    table = teacher if isinstance(teacher, Tensor) else within
    if teacher_logits is not None:
        table = teacher_logits
    if table is not None:
        table = check_stored(table, len(labels))
    seen = given.images if teacher_images is None else _views(teacher_images, labels)
    alpha = None if alpha is None else check_alpha(alpha)
    if temperature is not None:
        temperature = check_temperature(temperature)
    if loss is not None:
        check_function("loss", loss, "lambda student, teacher, labels: ...")
    classes = check_names_of_classes(classes)
    check_fit(student, given.images, "the student")
    if asked is not None:
        check_fit(asked, seen, "the teacher")
    skipped: dict[str, str] = {}
    models = [m for m in (asked, student, loss) if isinstance(m, nn.Module)]
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        as_they_were(models),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        answered = None
        if asked is not None:
            try:
                answered = _answered(asked, seen, "the teacher")
            except ValueError as error:
                if loss is None or teacher_images is not None:
                    raise
                # the loss may give it images of another size
                skipped["what the teacher answers"] = str(error)
        _check_numbers(answered, "the teacher")
        known = answered if answered is not None else table
        if known is not None:
            check_classes(labels, known.shape[1], "the teacher")
        about = list(of_answers(asked, given, labels, table, answered, seen, classes))
        own: list[bool] = []  # whether the loss shows other images to the teacher
        asking = list(_of_loss(loss, asked, student, given, labels, table, answered,
                               alpha, temperature, skipped, own))  # fmt: skip
        explained = {f.name for f in (*about, *asking)} & set(_OF_ANSWERS)
        if asked is not None and answered is not None and not explained and not any(own):
            about += knows_the_images(asked, seen, labels, answered)
        found = [*_of_networks(asked, student), *about, *asking]
    first = {f.name: f for f in reversed(found)}
    checked = (*_OF_NETWORKS, *_OF_ANSWERS, *(_OF_LOSSES if loss is not None else ()))
    findings = tuple(f for f in found if first[f.name] is f)
    diagnosis = Diagnosis(findings, checked, skipped)
    if diagnosis and not quiet:
        print(diagnosis)
    return diagnosis


def _views(images: Tensor, labels: Tensor) -> Tensor:
    check_tensor("teacher_images", images)
    if images.ndim < 2 or len(images) < len(labels):
        raise ValueError(
            f"teacher_images must hold the {len(labels)} images of the batch as the "
            f"teacher sees them, got shape {tuple(images.shape)}"
        )
    return images[: len(labels)]


def _answered(model: nn.Module, images: Tensor, who: str) -> Tensor:
    """(B, C) what a network answers in eval mode, on the CPU."""
    with torch.no_grad(), evaluation_mode(model), failures_explained(model, images, who):
        logits = logits_of(model, images, who)
    if logits.ndim == 2 and logits.shape[1] == 1 and len(logits) == len(images):
        return logits.cpu()  # one output for two classes: the loss is not looked into
    return checked_shape(logits, len(images), who).cpu()


def _check_numbers(logits: Tensor | None, who: str) -> None:
    if logits is not None and not bool(torch.isfinite(logits).all()):
        raise ValueError(f"{who} answers NaN or infinity about the images of the batch")


def _of_networks(teacher: nn.Module | None, student: nn.Module) -> Iterator[Finding]:
    if teacher is not None:
        yield from networks.sizes(teacher, student)
        yield from networks.shared(teacher, student)


def _of_loss(
    loss: Callable[..., Any] | None,
    teacher: nn.Module | None,
    student: nn.Module,
    given: Material,
    labels: Tensor,
    table: Tensor | None,
    answered: Tensor | None,
    alpha: float | None,
    temperature: float | None,
    skipped: dict[str, str],
    own: list[bool],
) -> Iterator[Finding]:
    """What shows when the loss is asked, or without one the networks."""
    # of one image alone, two classes would fit too many formulas: it is asked about often
    count = len(given.images)
    number = torch.arange(min(count, _ROWS) if count > 1 else 4, device=given.images.device)
    rows = number if count > 1 else number * 0
    few = part_of(given, rows)
    z = _answered(student, few.images, "the student").double()
    all_v = answered if answered is not None else table
    if all_v is None:  # only the loss knows which images the teacher can read
        all_v = z.new_zeros(0, z.shape[1])
    all_v = all_v.detach().cpu().double()
    _check_numbers(z, "the student")
    check_classes(labels, z.shape[1], "the student")
    if loss is not None:
        v = all_v[rows] if len(all_v) else 0 * z
        case = Case(loss, teacher, student, few, labels[rows], z, v, all_v, alpha,
                    temperature)  # fmt: skip
        yield from of_loss(case, skipped, own)
        return
    yield from networks.at_rest(student, teacher, Calls())
    if teacher is not None:
        yield from networks.modes(teacher, Calls(), few.images)
        held = {n: w.grad is not None for n, w in teacher.named_parameters()}
        yield from networks.gradients(held, 0, Calls())
    yield from networks.drifting(networks.drift_of(student, few.images), [])
    yield from networks.last_layers(all_v, z)
