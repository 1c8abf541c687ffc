"""What is wrong with the two networks: modes, gradients, last layers, sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from kdteach.checks import returns_probabilities
from kdteach.diagnosis.calling import Calls, first_logits, logits_of
from kdteach.diagnosis.findings import Finding
from kdteach.models import modes_kept

_TWO_MODES = (_NormBase, nn.modules.dropout._DropoutNd)


def modes(teacher: nn.Module, calls: Calls, images: Tensor) -> Iterator[Finding]:
    """A teacher that is asked in train mode.

    Args:
        teacher: as it came.
        calls: of the loss with the networks, empty where it takes logits.
        images: (B, ...) on which the two modes are compared.
    """
    asked = calls.modes.get("teacher")
    trains = any(asked) if asked else any(part.training for part in teacher.modules())
    if not trains:
        return
    parts = [p for p in teacher.modules() if isinstance(p, _TWO_MODES)]
    kinds = sorted({type(part).__name__ for part in parts})
    why = (
        f"its {' and '.join(kinds)} layers answer differently there"
        + (", and BatchNorm goes on averaging the student's batches"
           if any(isinstance(p, _NormBase) for p in parts) else "") if kinds
        else "it has no layer today that answers differently there, but the next one may"
    )  # fmt: skip
    yield Finding(
        "teacher in train mode", f"the teacher is asked in train mode: {why}",
        "call teacher.eval() before training, and again wherever .train() is called on a "
        "module that holds the teacher",
        _changes(teacher, calls.images.get("teacher", [images])[0]),
    )  # fmt: skip


def _changes(teacher: nn.Module, images: Tensor) -> dict[str, float | str]:
    """What the mode changes in a teacher's answers."""
    with modes_kept(teacher):
        teacher.eval()
        calm = logits_of(teacher, images, "the teacher").double()
        teacher.train()
        try:
            moving = logits_of(teacher, images, "the teacher").double()
        except (RuntimeError, ValueError) as error:  # BatchNorm and a single image
            return {"in train mode": f"{type(error).__name__}: {error}"[:100]}
    return {
        "largest change of a logit": float((moving - calm).abs().max()),
        "share of changed answers": float(
            (moving.argmax(1) != calm.argmax(1)).double().mean()
        ),
    }


def at_rest(
    student: nn.Module, teacher: nn.Module | None, calls: Calls
) -> Iterator[Finding]:
    """A student whose dropout and BatchNorm are all switched off for training.

    Args:
        student: as it came.
        teacher: whose layers do not count where the student holds them too.
        calls: of the loss with the networks, empty where it takes logits.
    """
    asked = calls.modes.get("student")
    its = set() if teacher is None else set(teacher.modules())
    parts = [p for p in student.modules() if p not in its and _differs(p)]
    trains = any(asked) if asked else student.training
    if trains or not parts or any(p.training for p in parts):
        return
    dropout = sum(isinstance(p, nn.modules.dropout._DropoutNd) for p in parts)
    norms = len(parts) - dropout
    off = [
        *(["dropout is off"] if dropout else []),
        *(["BatchNorm uses its stored statistics and no longer learns them"] if norms
          else []),
    ]  # fmt: skip
    yield Finding(
        "student in eval mode", f"the student is in eval mode: {', and '.join(off)}",
        "call student.train() before each epoch, and after each evaluation; kd.fit does so "
        "itself, a loop of your own must",
        {"dropout layers": float(dropout), "BatchNorm layers": float(norms)},
    )  # fmt: skip


def _differs(part: nn.Module) -> bool:
    """Whether a layer that is trained answers differently in the two modes."""
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return part.p > 0
    # a frozen BatchNorm is put into eval mode on purpose
    own = list(part.parameters(recurse=False))
    return isinstance(part, _NormBase) and part.track_running_stats and (
        not own or any(w.requires_grad for w in own)
    )  # fmt: skip


def gradients(before: Mapping[str, bool], got: int, calls: Calls) -> Iterator[Finding]:
    """Gradients that reach the teacher.

    Args:
        before: whether each of the teacher's weights had a gradient when it came.
        got: how many of its weights a backward pass of the loss itself reached.
        calls: of the loss with the networks.
    """
    if got:
        recorded = any(calls.recording.get("teacher", []))
        how = "the teacher is asked with gradients, and" if recorded else "the loss"
        sentence = f"{how} passes gradients to {got} of its weights"
    elif any(before.values()):
        count = sum(before.values())
        sentence = f"{count} of the teacher's weights hold gradients of an earlier step"
    else:
        return
    yield Finding(
        "teacher with gradients",
        f"{sentence}: an optimiser that holds them would train the teacher, and each step "
        "costs a second backward pass",
        "ask the teacher under torch.no_grad(), and call teacher.requires_grad_(False)",
        {"weights with gradients": float(got or sum(before.values()))},
    )


def last_layers(
    teacher_logits: Tensor | None, student_logits: Tensor | None
) -> Iterator[Finding]:
    """Networks that answer with probabilities, where a loss takes a softmax of them.

    Args:
        teacher_logits: (B, C) what the teacher answers; None where the loss does not take
            a softmax of it.
        student_logits: (B, C) what the student answers, or None.
    """
    if teacher_logits is not None and returns_probabilities(teacher_logits):
        yield Finding(
            "probabilities instead of logits",
            "the teacher answers with probabilities, and the loss takes another softmax of "
            "them: the soft targets are almost uniform",
            "leave out the teacher's last softmax, or give the loss the logarithms",
            _spread(teacher_logits),
        )
    if student_logits is not None and returns_probabilities(student_logits):
        yield Finding(
            "softmax in the student",
            "the student ends in a softmax, and the loss takes another one: it cannot "
            "become sure of a class, and where it is surely wrong no gradient is left",
            "leave out the student's last softmax",
            _spread(student_logits),
        )


def _spread(probabilities: Tensor) -> dict[str, float | str]:
    twice = probabilities.double().softmax(dim=1).amax(dim=1).mean()
    return {
        "mean of its largest answer": float(probabilities.double().amax(dim=1).mean()),
        "and behind a second softmax": float(twice),
    }


def sizes(teacher: nn.Module, student: nn.Module) -> Iterator[Finding]:
    """A student that has more weights than its teacher."""
    own = {id(w): w for w in teacher.parameters()}
    its = sum(w.numel() for w in own.values())
    # a module that holds the teacher as well, as Lightning's do, is not larger for that
    mine = sum(w.numel() for w in student.parameters() if id(w) not in own)
    if mine > its > 0:
        yield Finding(
            "student larger than its teacher",
            f"the student has {mine:,} parameters and the teacher {its:,}: nothing is "
            "compressed, at least not in this measure",
            "exchange the two, or say which cost the student saves (kdteach.cost counts "
            "operations, and measures time)",
            {"student's parameters": float(mine), "teacher's parameters": float(its)},
        )


def shared(teacher: nn.Module, student: nn.Module) -> Iterator[Finding]:
    """A student that is its own teacher, or holds all of its weights to be trained."""
    own = {id(w) for w in teacher.parameters() if w.requires_grad}
    held = own & {id(w) for w in student.parameters()}
    if teacher is student or (held and len(held) == len(own)):
        same = (
            "is the teacher itself" if teacher is student else "holds the teacher's weights"
        )
        yield Finding(
            "teacher with gradients",
            f"the student {same}: an optimiser of its parameters trains the teacher",
            "copy.deepcopy(...) the network, or teacher.requires_grad_(False)",
            {"weights in both": float(len(held))},
        )


def statistics(model: nn.Module | None) -> dict[str, Tensor]:
    """A copy of all buffers of a network."""
    if model is None:
        return {}
    return {name: buffer.detach().clone() for name, buffer in model.named_buffers()}


def moved_since(
    model: nn.Module | None, before: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """Buffers that are no longer what they were.

    Args:
        model: a network, or None.
        before: its ``statistics`` of an earlier moment.
    """
    if model is None:
        return
    for name, buffer in model.named_buffers():
        if name in before and not torch.equal(buffer, before[name]):
            yield name, buffer


def frozen_but_moved(
    student: nn.Module, before: Mapping[str, Tensor], reached: set[int]
) -> list[str]:
    """BatchNorm layers whose statistics moved although no gradient reached their part.

    Args:
        student: after a pass.
        before: its ``statistics`` before the pass.
        reached: ``id`` of each weight that got a gradient.
    """
    moved = {name.rpartition(".")[0] for name, _ in moved_since(student, before)}
    modules = dict(student.named_modules())
    found = []
    for name in sorted(moved):
        layer = modules[name]
        if isinstance(layer, _NormBase) and not _learns(student, name, reached):
            found.append(name)
    return found


def _learns(model: nn.Module, name: str, reached: set[int]) -> bool:
    """Whether gradients reach a layer's weights, or those around it where it has none."""
    modules = dict(model.named_modules())
    while True:
        weights = list(modules[name].parameters())
        if weights or not name:
            return any(id(w) in reached for w in weights)
        name = name.rpartition(".")[0]


def drift_of(student: nn.Module, images: Tensor) -> list[str]:
    """Frozen BatchNorm layers of a student that a training step as it came would move.

    Args:
        student: as training will begin with it.
        images: (B, ...) of a batch.
    """
    before = statistics(student)
    weights = [w for w in student.parameters() if w.requires_grad]
    try:
        with torch.enable_grad():
            total = first_logits(student(images.clone()), "the student").double().sum()
        grads: tuple[Tensor | None, ...] = ()
        if total.requires_grad and weights:
            grads = torch.autograd.grad(total, weights, allow_unused=True)
    except (RuntimeError, ValueError):  # one image, or layers for another device
        return [
            name for name, part in student.named_modules()
            if isinstance(part, _NormBase) and part.training and part.track_running_stats
            and not _learns(student, name, {id(w) for w in weights})
        ]  # fmt: skip
    reached = {id(w) for w, g in zip(weights, grads, strict=False) if g is not None}
    return frozen_but_moved(student, before, reached)


def drifting(student_moved: list[str], teacher_moved: list[str]) -> Iterator[Finding]:
    """BatchNorm whose statistics move although nothing of it is trained.

    Args:
        student_moved: layers of the student that are frozen and moved.
        teacher_moved: buffers of the teacher that a pass of the loss has changed.
    """
    if teacher_moved:
        more = f" and {len(teacher_moved) - 1} more" if len(teacher_moved) > 1 else ""
        yield Finding(
            "BatchNorm that drifts",
            f"each step changes the teacher's {teacher_moved[0]}{more}",
            "call teacher.eval() before training",
            {"buffers that changed": float(len(teacher_moved))},
        )
    if student_moved:
        yield Finding(
            "BatchNorm that drifts",
            f"{len(student_moved)} BatchNorm layers of the student are frozen but in train "
            "mode: their running statistics go on moving, so the frozen features change",
            "after student.train() put the frozen part into eval mode again",
            {"layers": float(len(student_moved)), "the first": student_moved[0]},
        )
