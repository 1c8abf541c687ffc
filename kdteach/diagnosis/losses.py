"""What is wrong with a loss: it is called, watched, and asked what it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import returns_probabilities
from kdteach.diagnosis import answers, inside, networks, terms
from kdteach.diagnosis.batches import part_of
from kdteach.diagnosis.calling import AskedLoss, Calls, Material, logits_of
from kdteach.diagnosis.constants import constants_of, named_constants
from kdteach.diagnosis.findings import Finding
from kdteach.diagnosis.identified import Identified, Probes, identified
from kdteach.diagnosis.weighing import Meant, findings_of, meant_hard, meant_reverse
from kdteach.models import evaluation_mode, modes_kept

_WEIGHTS = "the weights of the loss's terms"
_FORMULA = "what the loss computes"


@dataclass(frozen=True)
class Case:
    """A loss and what belongs to it.

    Attributes:
        loss: the caller's.
        teacher, student: networks; the teacher None where only its logits are known.
        given: a few images, their labels and indices.
        labels: (B,) class numbers of these images.
        z: (B, C) what the student answers.
        v: (B, C) what the teacher answers.
        all_v: (N, C) what it answers about the whole batch.
        alpha, temperature: where the caller says them.
    """

    loss: Callable[..., Any]
    teacher: nn.Module | None
    student: nn.Module
    given: Material
    labels: Tensor
    z: Tensor
    v: Tensor
    all_v: Tensor
    alpha: float | None
    temperature: float | None


def of_loss(
    case: Case, skipped: dict[str, str], own: list[bool] | None = None
) -> Iterator[Finding]:
    """What is wrong with a loss and with how it asks the networks.

    Args:
        case: the loss with its networks and images.
        skipped: gets what could not be looked for, and why.
        own: gets True where the loss shows the teacher other images than the batch's.
    """
    said = {"temperature": case.temperature, "alpha": case.alpha}
    known = {name: value for name, value in said.items() if value is not None}
    asked = AskedLoss(case.loss, case.teacher, case.student, case.given, known)
    z, v = _logits(case.z.shape, 0), _logits(case.v.shape, 1)
    why = asked.settle(z, v)
    calls = Calls()
    if why:
        skipped[_FORMULA] = why
        if own is not None:
            own.append(True)  # nobody knows
        yield from _of_modes(case, calls)
        return
    try:
        moved, drifted, got = _one_pass(asked, case, calls)
    except Exception as error:
        skipped["how the loss asks the networks"] = f"{type(error).__name__}: {error}"[:200]
        moved, drifted, got = [], [], 0
        calls = Calls()
    if own is not None:
        shown = calls.images.get("teacher", [])
        own += [not torch.equal(x.cpu(), case.given.images.cpu()) for x in shown]
        own.append(asked.calls_networks and not shown)
    yield from _of_modes(case, calls)
    if not type(case.loss).__module__.startswith("kdteach."):  # kd.fit sets the mode
        yield from networks.at_rest(case.student, case.teacher, calls)
    if case.teacher is not None:
        held = {n: w.grad is not None for n, w in case.teacher.named_parameters()}
        yield from networks.gradients(held, got, calls)
        yield from networks.drifting([], moved)
        yield from _seen(calls, case.teacher, case.labels, case.v.shape[1])
    if not asked.calls_networks:
        drifted = networks.drift_of(case.student, case.given.images)
    yield from networks.drifting(drifted, [])
    if case.z.shape[1] < 2:
        skipped[_FORMULA] = "there is one output, not a logit for each class"
        return
    yield from _of_formula(case, asked, z, v, skipped)


def _of_formula(
    case: Case, asked: AskedLoss, z: Tensor, v: Tensor, skipped: dict[str, str]
) -> Iterator[Finding]:
    alike = {}
    for who, answered in (("student", case.z), ("teacher", case.v)):
        alike[who] = _shifted_alike(asked, z, v, who)
        if not alike[who]:
            _take_what_the_loss_takes(asked, who, answered)
    yield from networks.last_layers(
        case.v if alike["teacher"] else None, case.z if alike["student"] else None
    )
    if _gradient(asked, z, v) is None:
        yield from _of_no_number(asked, z, v)
        return
    excluded = tuple(m for m in (case.teacher, case.student) if m is not None)
    constants = constants_of(case.loss, excluded)
    constants |= {asked.settings[r] for r in asked.way.roles if r in asked.settings}
    likely = [case.temperature] if case.temperature else []
    likely += sorted(c for c in constants if 0.5 <= c <= 100)[:20]
    probes = _probes(asked, case.z.shape, case.v.shape)
    formula = None if probes is None else identified(probes, likely)
    if formula is not None and formula.soft == "none" and formula.hard == "unknown":
        formula = inside.enclosed(probes, likely) if probes is not None else None
        if formula is not None and probes is not None:
            yield from inside.stored(formula, probes, case.all_v)
    taken = alike["student"] or "student" in asked.through
    if formula is not None and formula.hard == "unknown" and not taken:
        formula = None  # such as binary cross-entropies, whose terms are others
    asks = _questions(asked, case)
    sums = terms.summed(asks)
    yield from terms.of_teacher(asks, meant_hard(case.loss), skipped)
    yield from terms.of_labels(asks, formula, skipped)
    own_size = _names_a_batch_size(case, constants, named_constants(case.loss, excluded))
    if any(sums) and own_size:
        skipped[terms.SUMMED] = "the loss may divide by a batch size that it names itself"
        return
    yield from terms.of_sums(sums, len(case.z))
    if formula is None:
        skipped[_WEIGHTS] = "its formula is not known here"
        return
    formula = _averaged_over_images(formula, sums, len(case.z))
    if formula.hard == "unknown":
        skipped["the weight of the labels"] = "their term is not known here"
    averaged = _averaged(asked, case, formula)
    meant = Meant(
        case.alpha, constants, named_constants(case.loss, excluded), averaged,
        meant_reverse(case.loss), "teacher" in asked.way.probabilities,
    )  # fmt: skip
    yield from findings_of(formula, case.z.shape[1], meant)


def _questions(asked: AskedLoss, case: Case) -> terms.Questions:
    """The loss, to be asked about other labels, teachers and numbers of images."""
    weights = [w for w in case.student.parameters() if w.requires_grad]

    def elsewhere(z: Tensor, v: Tensor, y: Tensor) -> list[Tensor]:
        with torch.enable_grad():
            value = asked.value(z, v, y)
            if not value.requires_grad or not weights:
                return []
            found = torch.autograd.grad(value, weights, allow_unused=True)
        return [
            torch.zeros_like(w) if g is None else g
            for w, g in zip(weights, found, strict=True)
        ]

    def fewer(rows: Tensor, z: Tensor, v: Tensor, y: Tensor) -> Tensor | None:
        return _gradient(asked.about(part_of(asked.given, rows)), z[rows], v[rows], y[rows])

    return terms.Questions(
        lambda z, v, y: _gradient(asked, z, v, y), lambda z, v, y: asked.value(z, v, y),
        elsewhere, fewer, _logits(case.z.shape, 10), _logits(case.v.shape, 20, 2.0),
        asked.given.targets,
    )  # fmt: skip


def _names_a_batch_size(
    case: Case, constants: set[float], named: Sequence[tuple[str, float]]
) -> bool:
    names = {name.lower().replace("_", "") for name, value in named if value > 1}
    spoken = any(name in ("bs", "batch") or "batchsize" in name for name in names)
    return spoken or (len(case.all_v) > 1 and float(len(case.all_v)) in constants)


def _averaged_over_images(
    formula: Identified, sums: tuple[bool | None, bool | None], count: int
) -> Identified:
    """The formula as it would be if its sums over the batch were means."""
    soft, hard = (count if is_ else 1 for is_ in sums)
    return replace(
        formula, soft_weight=formula.soft_weight / soft,
        hard_weight=formula.hard_weight / hard,
    )  # fmt: skip


def _of_modes(case: Case, calls: Calls) -> Iterator[Finding]:
    if case.teacher is None:
        return
    yield from networks.modes(case.teacher, calls, case.given.images)


def _logits(shape: torch.Size | tuple[int, ...], seed: int, size: float = 1.5) -> Tensor:
    drawing = torch.Generator().manual_seed(seed)
    return size * torch.randn(shape, generator=drawing, dtype=torch.float64, device="cpu")


def _gradient(
    asked: AskedLoss, z: Tensor, v: Tensor, targets: Tensor | None = None
) -> Tensor | None:
    """(B, C) of the loss in the student's logits; None where it is no number."""
    own = z.clone().requires_grad_()
    with torch.enable_grad():
        value = asked.value(own, v, targets)
        if not value.requires_grad:
            return None
        (found,) = torch.autograd.grad(value, own, allow_unused=True)
    return found if found is not None and bool(torch.isfinite(found).all()) else None


def _shifted_alike(asked: AskedLoss, z: Tensor, v: Tensor, who: str) -> bool:
    """Whether nothing changes when an image's logits are shifted: a softmax is taken."""
    first = _gradient(asked, z, v)
    shifts = torch.linspace(-2, 3, len(z), dtype=z.dtype, device=z.device)[:, None]
    other = (z + shifts, v) if who == "student" else (z, v + shifts)
    second = _gradient(asked, *other)
    if first is None or second is None:
        return False
    return bool((first - second).abs().max() < 1e-4 * first.abs().max())


def _take_what_the_loss_takes(asked: AskedLoss, who: str, answered: Tensor) -> None:
    """Give a loss probabilities or their logarithms where the network answers with them."""
    probable = who in asked.way.probabilities
    if returns_probabilities(answered) or probable:
        asked.through[who] = lambda x: x.softmax(dim=1)
    elif float(answered.max()) <= 0 and float(answered.logsumexp(1).abs().max()) < 1e-3:
        asked.through[who] = lambda x: x.log_softmax(dim=1)


def _of_no_number(asked: AskedLoss, z: Tensor, v: Tensor) -> Iterator[Finding]:
    """A loss that is no number for ordinary logits."""
    before = dict(asked.through)
    for who in (("student",), ("teacher",), ("student", "teacher")):
        asked.through = before | {each: lambda x: x.softmax(dim=1) for each in who}
        if _gradient(asked, z, v) is not None:
            asked.through = before
            whose = " and the ".join(f"{each}'s" for each in who)
            yield Finding(
                "logits instead of probabilities",
                f"for ordinary logits the loss is no number: it takes logarithms of the "
                f"{whose} answers, which it expects to be probabilities",
                "F.kl_div(F.log_softmax(student / T, 1), F.softmax(teacher / T, 1), "
                'reduction="batchmean")',
                {"loss": "nan"},
            )
            return
    asked.through = before
    yield Finding(
        "arguments of KL exchanged",
        "for ordinary logits the loss is no number: a logarithm is taken of logarithms, as "
        "where the log-probabilities stand in the second place",
        "F.kl_div(F.log_softmax(student / T, 1), F.softmax(teacher / T, 1), "
        'reduction="batchmean"): log-probabilities of the student first, probabilities '
        "of the teacher second",
        {"loss": "nan"},
    )


def _probes(
    asked: AskedLoss, mine: tuple[int, ...], its: tuple[int, ...], more: int = 0
) -> Probes | None:
    """Two logits of the student, each with two of the teacher."""
    wider = [(shape[0], shape[1] + more) for shape in (mine, its)]
    zs = [_logits(wider[0], seed, size) for seed, size in ((10, 1.5), (11, 2.5))]
    vs = [_logits(wider[1], seed, size) for seed, size in ((20, 2.0), (21, 3.0))]
    asked_about = [(z, v) for z in zs for v in vs]
    y = asked.given.targets
    if more and y.ndim == 2:
        y = nn.functional.pad(y, (0, more))
    found = [_gradient(asked, z, v, y) for z, v in asked_about]
    gradients = [g for g in found if g is not None]
    if len(gradients) < len(asked_about):
        return None
    return Probes(
        torch.stack([z for z, _ in asked_about]), torch.stack([v for _, v in asked_about]),
        y, torch.stack(gradients).double(), ((0, 1), (2, 3)),
    )  # fmt: skip


def _averaged(asked: AskedLoss, case: Case, formula: Identified) -> bool | None:
    """Whether the soft term becomes weaker with more classes; None where nobody knows."""
    if formula.soft == "none":
        return None
    classes, more = case.z.shape[1], 3
    try:
        probes = _probes(asked, case.z.shape, case.v.shape, more)
        again = None if probes is None else identified(probes, [formula.temperature])
    except Exception:  # a loss may be made for one number of classes
        return None
    if again is None or again.soft != formula.soft or not formula.soft_weight:
        return None
    ratio = again.soft_weight / formula.soft_weight
    return abs(ratio - classes / (classes + more)) < 0.2 * more / (classes + more)


def _one_pass(
    asked: AskedLoss, case: Case, calls: Calls
) -> tuple[list[str], list[str], int]:
    """Compute a loss that calls the networks, as it is, and look what it leaves behind.

    Returns:
        The teacher's buffers that it changed, the student's frozen BatchNorm layers that it
        moved, and how many of the teacher's weights got a gradient.
    """
    before = networks.statistics(case.teacher), networks.statistics(case.student)
    value = asked.truly(calls)
    if value is None:
        return [], [], 0
    moved = [name for name, _ in networks.moved_since(case.teacher, before[0])]
    weights = (
        [w for w in case.teacher.parameters() if w.requires_grad] if case.teacher else []
    )
    own = [w for w in case.student.parameters() if w.requires_grad]
    reached: set[int] = set()
    if value.requires_grad and (weights or own):
        found = torch.autograd.grad(value, [*weights, *own], allow_unused=True)
        reached = {
            id(w) for w, g in zip([*weights, *own], found, strict=True) if g is not None
        }
    drifted = networks.frozen_but_moved(case.student, before[1], reached)
    return moved, drifted, sum(id(w) in reached for w in weights)


def _seen(
    calls: Calls, teacher: nn.Module, labels: Tensor, classes: int
) -> Iterator[Finding]:
    """What the two networks were given by the loss."""
    mine, its = (calls.images.get(who) for who in ("student", "teacher"))
    if not mine or not its:
        return
    if any(torch.equal(a, b) for a in mine for b in its if a.shape == b.shape):
        return
    knows = None
    if mine[0].shape == its[0].shape and len(mine[0]) == len(labels) and classes > 1:
        with modes_kept(teacher), evaluation_mode(teacher):
            knows = [answers.Knows.of(logits_of(teacher, x, "the teacher").cpu(), labels)
                     for x in (its[0], mine[0])]  # fmt: skip
    yield from answers.views(mine[0], its[0], (knows[0], knows[1]) if knows else None)
