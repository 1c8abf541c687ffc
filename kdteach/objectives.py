"""Objectives: who supplies what the student is trained towards.

A loss is what the paper writes; an objective pairs it with its source of targets. Every
objective here works on one student or on a stack of them: logits (..., B, C) in, terms
(...) out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from kdteach.losses._check import check_alpha, check_temperature
from kdteach.losses.response import hard_term, soft_term
from kdteach.models import evaluation_mode
from kdteach.types import Batch, LossTerms, Split


class Objective(Protocol):
    """Anything that turns a student and a batch into loss terms can be trained on."""

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Compute the terms; ``total`` is minimised."""
        ...


@runtime_checkable
class LogitObjective(Protocol):
    """An objective that needs only the student's logits, so students can be stacked."""

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        ...

    def check(self, split: Split, num_classes: int, augmented: bool) -> None:
        """Raise ValueError when the objective cannot serve this training run."""
        ...

    @classmethod
    def stack(cls, members: Sequence[Self]) -> LogitObjective:
        """One objective for S students, its parameters in a leading dimension."""
        ...


@dataclass(frozen=True)
class HardLabels:
    """Cross-entropy with the labels."""

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(student(batch.images), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        hard = hard_term(logits, batch.labels).mean(dim=-1)
        return LossTerms(hard, {"hard": hard})

    def check(self, split: Split, num_classes: int, augmented: bool) -> None:
        """Nothing to add: labels are checked by the training loop."""

    @classmethod
    def stack(cls, members: Sequence[Self]) -> HardLabels:
        """All members are alike."""
        return members[0]


@dataclass(frozen=True, eq=False)
class Distil:
    """alpha T^2 KL(teacher || student) + (1 - alpha) CE with the labels.

    Attributes:
        teachers: (N, C) logits by sample index, or modules that see the batch; one entry
            for each distinct teacher of the stack.
        which: (S,) the teacher of each student, or None for a single student.
        temperature, alpha: numbers, or (S,) tensors for a stack.
        bank: (teachers, N, C), all logits of a stack whose tables are of one size: then a
            step looks them up at once instead of student by student.
    """

    teachers: tuple[Tensor | nn.Module, ...]
    temperature: float | Tensor
    alpha: float | Tensor
    which: tuple[int, ...] | None = None
    bank: Tensor | None = None

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(student(batch.images), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        teacher = self._teacher_logits(batch)
        hard = hard_term(logits, batch.labels).mean(dim=-1)
        temperature = torch.as_tensor(self.temperature, dtype=torch.float64).to(hard)
        alpha = torch.as_tensor(self.alpha, dtype=torch.float64).to(hard)
        soft = soft_term(logits, teacher, temperature[..., None]).mean(dim=-1)
        return LossTerms(alpha * soft + (1 - alpha) * hard, {"soft": soft, "hard": hard})

    def check(self, split: Split, num_classes: int, augmented: bool) -> None:
        """Refuse stored logits that do not cover the split, and stale ones."""
        for teacher in self.teachers:
            if isinstance(teacher, nn.Module):
                continue
            if augmented:
                raise ValueError(
                    "stored teacher logits belong to the images as they are, but training "
                    "changes them at random (augment=...). Give distil the teacher "
                    "module itself, so that it sees what the student sees."
                )
            if teacher.shape[1] != num_classes:
                raise ValueError(
                    f"teacher_logits have {teacher.shape[1]} classes, the student has "
                    f"{num_classes}"
                )
            if int(split.index.max()) >= len(teacher):
                raise ValueError(
                    f"teacher_logits have {len(teacher)} rows, but the training data goes "
                    f"up to sample index {int(split.index.max())}: row i must belong to "
                    "sample index i. Make them with teacher_logits(model, data.train)."
                )
            rows = teacher[split.index.to(teacher.device)]
            if not torch.isfinite(rows).all():
                bad = int(split.index[(~torch.isfinite(rows)).any(dim=1).cpu()][0])
                raise ValueError(
                    f"teacher_logits of sample index {bad} are NaN or infinite. Were they "
                    "computed on a selection that leaves this sample out?"
                )

    @classmethod
    def stack(cls, members: Sequence[Self]) -> Distil:
        """One objective for S students; a teacher that several share is kept once."""
        teachers: list[Tensor | nn.Module] = []
        which = []
        for member in members:
            (teacher,) = member.teachers
            known = [i for i, other in enumerate(teachers) if other is teacher]
            which.append(known[0] if known else len(teachers))
            if not known:
                teachers.append(teacher)
        return Distil(
            tuple(teachers),
            torch.tensor([float(m.temperature) for m in members], dtype=torch.float64),
            torch.tensor([float(m.alpha) for m in members], dtype=torch.float64),
            tuple(which),
            _bank(teachers),
        )

    def _teacher_logits(self, batch: Batch) -> Tensor:
        if self.which is None:
            return _ask(self.teachers[0], batch.images, batch.index)
        if self.bank is not None:
            place = self.bank.device
            rows = torch.tensor(self.which, device=place)[:, None]
            return self.bank[rows, batch.index.to(place)].to(batch.images.device)
        answers = [
            _ask(self.teachers[teacher], batch.images[i], batch.index[i])
            for i, teacher in enumerate(self.which)
        ]
        return torch.stack(answers)  # (S, B, C)


def _bank(teachers: Sequence[Tensor | nn.Module]) -> Tensor | None:
    tables = [teacher for teacher in teachers if isinstance(teacher, Tensor)]
    kinds = {(table.shape, table.dtype, table.device) for table in tables}
    return torch.stack(tables) if len(tables) == len(teachers) and len(kinds) == 1 else None


def _ask(teacher: Tensor | nn.Module, images: Tensor, index: Tensor) -> Tensor:
    if isinstance(teacher, Tensor):
        return teacher[index.to(teacher.device)].to(images.device)
    with evaluation_mode(teacher), torch.no_grad():
        logits: Tensor = teacher(images)
    return logits


def hard_labels() -> HardLabels:
    """Train on the labels alone: the baseline of every comparison."""
    return HardLabels()


def distil(teacher_logits: Tensor | nn.Module, temperature: float, alpha: float) -> Distil:
    """Train towards a teacher's soft targets and the labels.

    Args:
        teacher_logits: (N, C) float logits of ``data.train``, row i for sample index i, as
            ``kdteach.teacher_logits`` makes them; or the teacher itself, which is then
            asked in every step, in eval mode and without gradients, on the very view of
            the images that the student gets.
        temperature: T > 0 of the soft term.
        alpha: in [0, 1], the weight of the SOFT term; the hard term has 1 - alpha.

    Raises:
        TypeError: the teacher is neither a module nor a floating-point tensor.
        ValueError: T or alpha out of range; logits that are not (N, C).

    Source: Hinton et al. 2015, section 2; see ``kdteach.losses.kd_loss``.
    """
    check_temperature(temperature)
    check_alpha(alpha)
    if isinstance(teacher_logits, nn.Module):
        return Distil((teacher_logits,), temperature, alpha)
    if not isinstance(teacher_logits, Tensor) or not teacher_logits.is_floating_point():
        kind = getattr(teacher_logits, "dtype", type(teacher_logits).__name__)
        raise TypeError(
            f"teacher_logits must be a floating-point (N, C) tensor or a module, got {kind}"
        )
    if teacher_logits.ndim != 2 or 0 in teacher_logits.shape:
        raise ValueError(
            "teacher_logits must have shape (N, C), row i for sample index i, "
            f"got {tuple(teacher_logits.shape)}"
        )
    return Distil((teacher_logits.detach(),), temperature, alpha)


@dataclass(frozen=True)
class Mixed:
    """A stack whose students follow objectives of different kinds.

    Attributes:
        groups: (rows of the stack, their stacked objective).
    """

    groups: tuple[tuple[Tensor, LogitObjective], ...]

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(S, B, C) logits to terms of shape (S,); a term a student lacks is 0."""
        total = torch.zeros(len(logits), dtype=torch.float64, device=logits.device)
        parts: dict[str, Tensor] = {}
        for rows, objective in self.groups:
            mine = Batch(batch.images[rows], batch.labels[rows], batch.index[rows])
            terms = objective.terms(logits[rows], mine)
            total = total.index_put((rows,), terms.total.double())
            for name, value in terms.parts.items():
                blank = parts.setdefault(name, torch.zeros_like(total))
                parts[name] = blank.index_put((rows,), value.double())
        return LossTerms(total, parts)


def stacked(objectives: Sequence[LogitObjective]) -> LogitObjective | Mixed:
    """Join the objectives of S students, whatever their kinds, into one for the stack."""
    kinds = list(dict.fromkeys(type(objective) for objective in objectives))
    groups = []
    for kind in kinds:
        rows = [i for i, objective in enumerate(objectives) if type(objective) is kind]
        groups.append((torch.tensor(rows), kind.stack([objectives[i] for i in rows])))
    return groups[0][1] if len(groups) == 1 else Mixed(tuple(groups))
