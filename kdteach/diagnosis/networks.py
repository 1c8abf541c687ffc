"""What is wrong with the two networks: modes, gradients, last layers, sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from kdteach.checks import returns_probabilities
from kdteach.diagnosis.calling import Calls
from kdteach.diagnosis.findings import Finding

_TWO_MODES = (_BatchNorm, nn.modules.dropout._DropoutNd)


def modes(
    teacher: nn.Module, calls: Calls, both: tuple[Tensor, Tensor]
) -> Iterator[Finding]:
    """A teacher that is asked in train mode.

    Args:
        teacher: as it came.
        calls: of the loss with the networks, empty where it takes logits.
        both: its logits (B, C) for one batch in train mode and in eval mode.
    """
    asked = calls.modes.get("teacher")
    trains = any(asked) if asked else any(part.training for part in teacher.modules())
    if not trains:
        return
    parts = [p for p in teacher.modules() if isinstance(p, _TWO_MODES)]
    kinds = sorted({type(part).__name__ for part in parts})
    moved = float((both[0] - both[1]).abs().max())
    share = float((both[0].argmax(1) != both[1].argmax(1)).double().mean())
    why = (
        f"its {' and '.join(kinds)} layers answer differently there, and BatchNorm goes on "
        "averaging the student's batches" if kinds
        else "it has no layer today that answers differently there, but the next one may"
    )  # fmt: skip
    yield Finding(
        "teacher in train mode", f"the teacher is asked in train mode: {why}",
        "call teacher.eval() before training, and again wherever .train() is called on a "
        "module that holds the teacher",
        {"largest change of a logit": moved, "share of changed answers": share},
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
    teacher_logits: Tensor, student_logits: Tensor, *, loss_takes_softmax: bool
) -> Iterator[Finding]:
    """Networks that answer with probabilities.

    Args:
        teacher_logits: (B, C) what the teacher answers.
        student_logits: (B, C) what the student answers.
        loss_takes_softmax: whether the loss does not change when all logits of an image are
            shifted, so that it expects logits.
    """
    if not loss_takes_softmax:
        return
    if returns_probabilities(teacher_logits):
        yield Finding(
            "probabilities instead of logits",
            "the teacher answers with probabilities, and the loss takes another softmax of "
            "them: the soft targets are almost uniform",
            "leave out the teacher's last softmax, or give the loss the logarithms",
            _spread(teacher_logits),
        )
    if returns_probabilities(student_logits):
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
    mine, its = (sum(w.numel() for w in m.parameters()) for m in (student, teacher))
    if mine > its > 0:
        yield Finding(
            "student larger than its teacher",
            f"the student has {mine:,} parameters and the teacher {its:,}: nothing is "
            "compressed, at least not in this measure",
            "exchange the two, or say which cost the student saves (kdteach.cost counts "
            "operations, and measures time)",
            {"student's parameters": float(mine), "teacher's parameters": float(its)},
        )


def drifting(student: nn.Module, teacher_moved: list[str]) -> Iterator[Finding]:
    """BatchNorm whose statistics move although nothing of it is trained.

    Args:
        student: as it came.
        teacher_moved: buffers of the teacher that a pass of the loss has changed.
    """
    if teacher_moved:
        yield Finding(
            "BatchNorm that drifts",
            f"each step changes the teacher's {teacher_moved[0]}"
            + (f" and {len(teacher_moved) - 1} more" if len(teacher_moved) > 1 else ""),
            "call teacher.eval() before training",
            {"buffers that changed": float(len(teacher_moved))},
        )
    frozen = [
        name for name, part in student.named_modules()
        if isinstance(part, _BatchNorm) and part.training and part.track_running_stats
        and not any(w.requires_grad for w in part.parameters())
        and (part.affine or _frozen_around(student, name))
    ]  # fmt: skip
    if frozen:
        yield Finding(
            "BatchNorm that drifts",
            f"{len(frozen)} BatchNorm layers of the student are frozen but in train mode: "
            "their running statistics go on moving, so the frozen features change",
            "after student.train() put the frozen part into eval mode again",
            {"layers": float(len(frozen)), "the first": frozen[0]},
        )


def _frozen_around(model: nn.Module, name: str) -> bool:
    """Whether the part around a layer has weights, and none of them is trained."""
    parent = model.get_submodule(name.rpartition(".")[0])
    weights = list(parent.parameters())
    return bool(weights) and not any(w.requires_grad for w in weights)


def shifted_alike(value: Tensor, shifted: Tensor) -> bool:
    """Whether a loss is the same for logits that are shifted: it takes a softmax."""
    size = max(abs(float(value)), 1e-12)
    return bool(torch.isfinite(value)) and abs(float(value - shifted)) < 1e-5 * size + 1e-9
