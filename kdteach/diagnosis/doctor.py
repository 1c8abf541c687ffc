"""The examination: the one-line checks on the reader's own networks, batch and loss."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_alpha, check_function, check_model, check_tensor, shown
from kdteach.diagnosis import answers, networks
from kdteach.diagnosis.calling import AskedLoss, Calls, logits_of
from kdteach.diagnosis.findings import Diagnosis, Finding
from kdteach.diagnosis.identified import Identified, Probe, identified
from kdteach.diagnosis.weighing import constants_of, findings_of
from kdteach.models import evaluation_mode, modes_kept
from kdteach.types import Batch, Split

_ROWS = 12  # images that the loss is asked about
_MOST = 256  # images that the networks are asked about
_OF_NETWORKS = (
    "teacher in train mode", "teacher with gradients", "probabilities instead of logits",
    "softmax in the student", "student larger than its teacher", "BatchNorm that drifts",
)  # fmt: skip
_OF_ANSWERS = (
    "class order that differs", "stored logits of other images", "different views",
    "different normalisation",
)  # fmt: skip
_OF_LOSSES = (
    "missing T^2", "reduction over classes", "alpha on the other term",
    "arguments of KL exchanged", "temperature on one side",
    "probabilities instead of log-probabilities", "logits instead of probabilities",
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

    Args:
        teacher: the network, in the mode in which training will ask it; or its stored
            logits (B, C) for the batch.
        student: the network, as training will begin with it.
        batch: (images, labels) of some images, the more the better up to 256; a ``Split``
            or ``Batch`` will do. Images (B, ...), labels (B,) int64.
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
        sentence, a remedy and the measured evidence. If there are some, they are printed.

    Raises:
        TypeError: a teacher or student that is no network, a batch that is no pair of
            tensors, a loss that cannot be called.
        ValueError: images and labels that do not fit, or alpha out of range.
    """
    check_model("student", student)
    table = teacher if isinstance(teacher, Tensor) else None
    asked = None if isinstance(teacher, Tensor) else check_teacher(teacher)
    images, labels, index = pair_of(batch)
    if alpha is not None:
        alpha = check_alpha(alpha)
    if teacher_logits is not None:
        table = check_tensor("teacher_logits", teacher_logits)
    if loss is not None:
        check_function("loss", loss, "lambda student, teacher, labels: ...")
    skipped: dict[str, str] = {}
    models = [m for m in (asked, student) if m is not None]
    with as_they_were(models), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        findings = list(
            _networks_and_answers(
                asked, student, images, labels, table, teacher_images, classes, skipped
            )
        )
        if loss is not None:
            rows = slice(0, _ROWS)
            found = _losses(
                loss, asked, student, (images[rows], labels[rows], index[rows]),
                None if table is None else table[rows], alpha, temperature, skipped,
            )  # fmt: skip
            findings += list(found)
    unique = {(f.name, f.sentence): f for f in findings}
    one_each = {f.name: f for f in reversed(list(unique.values()))}
    checked = (*_OF_NETWORKS, *_OF_ANSWERS, *(_OF_LOSSES if loss is not None else ()))
    ordered = [f for f in unique.values() if one_each[f.name] is f]
    diagnosis = Diagnosis(tuple(ordered), checked, skipped)
    if diagnosis and not quiet:
        print(diagnosis)
    return diagnosis


def check_teacher(teacher: object) -> nn.Module:
    """Return a teacher that can be asked.

    Raises:
        TypeError: it is no network.
    """
    return check_model("teacher", teacher)


def pair_of(batch: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Images, labels and sample indices of a batch, at most 256, on the CPU.

    Args:
        batch: (images, labels), a ``Split`` or a ``Batch``.

    Raises:
        TypeError: something else.
        ValueError: lengths that differ, no images, or labels that are no class numbers.
    """
    if isinstance(batch, (Split, Batch)):
        images, labels, index = batch.images, batch.labels, batch.index
    elif isinstance(batch, (tuple, list)) and len(batch) >= 2:
        images, labels = batch[0], batch[1]
        index = torch.arange(len(images) if isinstance(images, Tensor) else 0)
    else:
        raise TypeError(f"batch must be a pair (images, labels), got {shown(batch)}")
    images, labels = check_tensor("images", images), check_tensor("labels", labels)
    if labels.is_floating_point() or labels.ndim != 1:
        raise ValueError(
            f"labels must be class numbers (B,), got {labels.dtype} of shape "
            f"{tuple(labels.shape)}"
        )
    if len(images) != len(labels) or not len(images):
        raise ValueError(
            f"batch must hold as many images as labels, got {len(images)} and {len(labels)}"
        )
    return images[:_MOST], labels[:_MOST].long().cpu(), index[:_MOST].cpu()


@contextmanager
def as_they_were(models: Sequence[nn.Module]) -> Iterator[None]:
    """Inside the block networks may be asked in any mode; afterwards all is as before.

    Args:
        models: whose modes, gradients and buffers are kept, and what requires gradients.
    """
    kept = [
        (
            {n: (w, w.grad, w.requires_grad) for n, w in m.named_parameters()},
            {n: (b, b.detach().clone()) for n, b in m.named_buffers()},
        )
        for m in models
    ]
    with torch.random.fork_rng(), modes_kept(*models):
        try:
            yield
        finally:
            for weights, buffers in kept:
                for weight, gradient, required in weights.values():
                    weight.requires_grad_(required)
                    weight.grad = gradient
                for buffer, before in buffers.values():
                    with torch.no_grad():
                        buffer.copy_(before)


def _networks_and_answers(
    teacher: nn.Module | None,
    student: nn.Module,
    images: Tensor,
    labels: Tensor,
    table: Tensor | None,
    teacher_images: Tensor | None,
    classes: tuple[Sequence[str], Sequence[str]] | None,
    skipped: dict[str, str],
) -> Iterator[Finding]:
    answered: Tensor | None = None
    if teacher is not None:
        yield from networks.sizes(teacher, student)
        seen = images if teacher_images is None else teacher_images[: len(images)]
        with evaluation_mode(teacher):
            answered = logits_of(teacher, seen, "the teacher").cpu()
            same = teacher_images is None or teacher_images.shape[1:] == images.shape[1:]
            other = logits_of(teacher, images, "the teacher").cpu() if same else None
        if teacher_images is not None:
            rights = None
            if other is not None:
                right = [float((x.argmax(1) == labels).double().mean())
                         for x in (answered, other)]  # fmt: skip
                rights = (right[0], right[1])
            yield from answers.views(images, seen, rights)
        yield from answers.class_order(answered, labels, classes)
    elif table is None or classes is not None:
        skipped["class order that differs"] = "there is no teacher to ask"
    if table is not None:
        yield from answers.stored(table[: len(labels)].cpu().detach(), answered, labels)
        if answered is None:
            yield from answers.class_order(table[: len(labels)].cpu(), labels, classes)


def _losses(
    loss: Callable[..., Any],
    teacher: nn.Module | None,
    student: nn.Module,
    part: tuple[Tensor, Tensor, Tensor],
    table: Tensor | None,
    alpha: float | None,
    temperature: float | None,
    skipped: dict[str, str],
) -> Iterator[Finding]:
    images, labels, index = part
    z = logits_of(student, images, "the student").cpu().double()
    if teacher is not None:
        with evaluation_mode(teacher):
            v = logits_of(teacher, images, "the teacher").cpu().double()
        with modes_kept(teacher):
            teacher.train()
            moving = logits_of(teacher, images, "the teacher").cpu().double()
    else:
        assert table is not None
        v = moving = table.detach().cpu().double()
    asked = AskedLoss(loss, teacher, student, images, index)
    questions = list(_questions(z.shape, v.shape, labels))
    why = asked.settle(*questions[0])
    if why:
        skipped["what the loss computes"] = why
        if teacher is not None:
            yield from networks.modes(teacher, Calls(), (moving, v))
        return
    calls = Calls()
    if teacher is not None:
        moved, got = _one_pass(asked, teacher, labels, calls)
        yield from networks.modes(teacher, calls, (moving, v))
        before = {n: w.grad is not None for n, w in teacher.named_parameters()}
        yield from networks.gradients(before, got, calls)
        yield from networks.drifting(student, moved)
        yield from _seen(calls, teacher, labels)
    value = asked.value(*questions[0]).detach()
    if not torch.isfinite(value):
        yield Finding(
            "arguments of KL exchanged",
            "for ordinary logits the loss is no number: a logarithm is taken of something "
            "that is no probability",
            "F.kl_div(F.log_softmax(student / T, 1), F.softmax(teacher / T, 1), "
            'reduction="batchmean"): log-probabilities of the student first, probabilities '
            "of the teacher second",
            {"loss": str(float(value))},
        )
        return
    first = questions[0]
    shifted = asked.value(first[0] + 3.0, first[1], first[2]).detach()
    alike = networks.shifted_alike(value, shifted)
    yield from networks.last_layers(v, z, loss_takes_softmax=alike)
    formula = _formula(asked, questions, temperature, loss)
    if formula is None:
        skipped["the weights of the loss's terms"] = "its formula is not known here"
        return
    yield from findings_of(formula, z.shape[1], loss, alpha)


def _questions(
    mine: torch.Size, its: torch.Size, labels: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Logits of both networks and labels: three times, some of them far apart."""
    drawing = torch.Generator().manual_seed(0)
    for size in (1.0, 2.0, 3.0):
        z = size * torch.randn(mine, generator=drawing, dtype=torch.float64)
        v = size * torch.randn(its, generator=drawing, dtype=torch.float64)
        yield z, v, labels


def _one_pass(
    asked: AskedLoss, teacher: nn.Module, labels: Tensor, calls: Calls
) -> tuple[list[str], int]:
    """Compute a loss that calls the networks, as it is, and look what it leaves behind.

    Returns:
        The teacher's buffers that it changed, and how many of its weights got a gradient.
    """
    before = {name: buffer.detach().clone() for name, buffer in teacher.named_buffers()}
    held = [weight.grad for weight in teacher.parameters()]
    value = asked.truly(labels, calls)
    if value is None:
        return [], 0
    moved = [
        name for name, buffer in teacher.named_buffers()
        if not torch.equal(buffer, before[name])
    ]  # fmt: skip
    got = 0
    if value.requires_grad:
        weights = [w for w in teacher.parameters() if w.requires_grad]
        if weights:
            found = torch.autograd.grad(value, weights, allow_unused=True)
            got = sum(gradient is not None for gradient in found)
    for weight, gradient in zip(teacher.parameters(), held, strict=True):
        weight.grad = gradient
    return moved, got


def _seen(calls: Calls, teacher: nn.Module, labels: Tensor) -> Iterator[Finding]:
    """What the two networks were given by the loss."""
    mine, its = (calls.images.get(who) for who in ("student", "teacher"))
    if not mine or not its:
        return
    rights = None
    if mine[0].shape == its[0].shape and len(mine[0]) == len(labels):
        with evaluation_mode(teacher):
            right = [float((logits_of(teacher, x, "the teacher").cpu().argmax(1) == labels)
                           .double().mean()) for x in (its[0], mine[0])]  # fmt: skip
        rights = (right[0], right[1])
    yield from answers.views(mine[0], its[0], rights)


def _formula(
    asked: AskedLoss,
    questions: list[tuple[Tensor, Tensor, Tensor]],
    temperature: float | None,
    loss: Callable[..., Any],
) -> Identified | None:
    probes = []
    for z, v, y in questions:
        own = z.clone().requires_grad_()
        with torch.enable_grad():
            value = asked.value(own, v, y)
            if not value.requires_grad:
                return None
            (gradient,) = torch.autograd.grad(value, own, allow_unused=True)
        if gradient is None or not torch.isfinite(gradient).all():
            return None
        probes.append(Probe(z, v, y, gradient))
    known = [temperature] if temperature else []
    literal = sorted(c for c in constants_of(loss) if 0.5 <= c <= 100)
    return identified(probes, [*known, *literal])
