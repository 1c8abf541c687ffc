"""Student-friendly teachers, trained together with branches that are like the student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import torch
from torch import nn
from torch.nn import functional as F

from kdteach.checks import check_weight, shown
from kdteach.experiments.choosing import Found, network
from kdteach.experiments.without_a_teacher import BATCH, RATES, chosen, few, trained
from kdteach.metrics import evaluate, predict_logits, prediction_agreement
from kdteach.models import tap
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.seeding import seeded
from kdteach.training import cosine, fit, teacher_logits
from kdteach.types import Batch, ImageSet, LossTerms, Split

__all__ = ["Friendly", "branches_of", "friendly_teachers", "usual_teacher"]

TEACHER, STUDENT = "cnn-digits", "cnn-1k"
IMAGES, TEACHER_EPOCHS, TEACHER_RATE = 200, 60, 0.003
WEIGHTS = (1.0, 3.0)
TEMPERATURES = (1.0, 2.0, 4.0)
_TAPPED = {"4": "5", "7": "8"}
"""The teacher's layer behind which a branch begins, and the student's first layer in it."""


class Friendly(nn.Module):
    r"""Train a teacher on labels, while branches learn to answer from its layers.

    .. math:: L = \mathrm{CE}(y, z_T) + \sum_b \left[\mathrm{CE}(y, z_b)
        + \lambda\, \mathrm{KL}(p_b \,\|\, p_T)\right]

    The divergence pulls both: the branch towards the teacher, and the teacher towards what
    the branch can say. An objective for ``kdteach.fit``, which trains the branches with the
    teacher.

    Args:
        branches: the teacher's layer to the network that goes on from it, its features
            (B, ...) to (B, C) logits; at least one.
        weight: lambda, at least 0.

    Raises:
        TypeError: branches are no modules by name.
        ValueError: there is none, or the weight is negative.

    Source: Park et al. 2021 (SFTN), with the weights of both cross-entropies at 1.
    """

    def __init__(self, branches: Mapping[str, nn.Module], weight: float = 1.0) -> None:
        super().__init__()
        if not isinstance(branches, Mapping) or not all(
            isinstance(name, str) and isinstance(branch, nn.Module)
            for name, branch in branches.items()
        ):
            raise TypeError(
                f"branches must map the teacher's layers to modules, got {shown(branches)}"
            )
        if not branches:
            raise ValueError("branches must have at least one branch")
        self.layers = list(branches)
        self.branches = nn.ModuleList(branches.values())
        self.weight = check_weight("weight", weight)

    def forward(self, teacher: nn.Module, batch: Batch) -> LossTerms:
        """The loss of a batch and its parts."""
        with tap(teacher, self.layers) as features:
            logits = teacher(batch.images)
        own = F.cross_entropy(logits, batch.labels)
        log_t = logits.log_softmax(dim=1)
        labels, apart = torch.zeros_like(own), torch.zeros_like(own)
        for layer, branch in zip(self.layers, self.branches, strict=True):
            log_b = branch(features[layer]).log_softmax(dim=1)
            labels = labels + F.nll_loss(log_b, batch.labels)
            apart = apart + (log_b.exp() * (log_b - log_t)).sum(dim=1).mean()
        total = own + labels + self.weight * apart
        return LossTerms(total, {"teacher": own, "branches": labels, "apart": apart})


def branches_of(student: nn.Sequential, draw: ImageSet, seed: int) -> dict[str, nn.Module]:
    """Two branches for ``cnn-digits``: a 1 x 1 convolution, then the rest of a student.

    Args:
        student: a ``cnn-1k``, whose layers go into the branches.
        draw: the data set, for its precision.
        seed: of the convolutions' first weights.
    """
    dtype = draw.train.images.dtype
    found: dict[str, nn.Module] = {}
    for number, (layer, first) in enumerate(_TAPPED.items()):
        with seeded(seed + number, "init"):
            change = nn.Conv2d((32, 64)[number], 8, kernel_size=1, dtype=dtype)
        found[layer] = nn.Sequential(change, *student[int(first) :])
    return found


def friendly_teachers(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """Students of usual teachers and of student-friendly ones, from the same images.

    Args:
        draws: data sets, a seed each.

    Returns:
        "usual teacher" and "friendly teacher, w" for each weight; "labels", and the
        students "of usual" and "of friendly", which choose temperature, rate and, of the
        friendly teacher, the weight. ``more`` of a student of a teacher has "agreement"
        with it on test images.
    """
    seen, seeds = few(draws, IMAGES), range(len(draws))
    teachers = {
        name: [_teacher(draws[s], seen[s], s, weight) for s in seeds]
        for name, weight in (
            ("usual teacher", None), *((f"friendly teacher, {w:g}", w) for w in WEIGHTS),
        )
    }  # fmt: skip
    found = {
        name: _errors(each, draws, Found({}, [], [], [])) for name, each in teachers.items()
    }

    def students() -> list[nn.Module]:
        return [network(STUDENT, draws[s], s) for s in seeds]

    labels = [hard_labels() for _ in seeds]
    best, about = chosen(
        [({"learning_rate": r}, [(n,) for n in trained(students(), seen, labels, r)])
         for r in RATES],
        draws,
    )  # fmt: skip
    found["labels"] = _errors([group[0] for group in best], draws, about)
    for arm, weights in (("of usual", (None,)), ("of friendly", WEIGHTS)):
        tried = []
        for weight, t, r in product(weights, TEMPERATURES, RATES):
            name = "usual teacher" if weight is None else f"friendly teacher, {weight:g}"
            tables = [
                teacher_logits(each.eval(), d.train)
                for each, d in zip(teachers[name], draws, strict=True)
            ]
            setting = {"temperature": t, "learning_rate": r}
            made = trained(students(), seen, [distil(table, t, 0.5) for table in tables], r)
            more = {} if weight is None else {"weight": weight}
            tried.append((more | setting, [(n,) for n in made]))
        best, about = chosen(tried, draws)
        mine = about.setting.get("weight")
        name = "usual teacher" if mine is None else f"friendly teacher, {mine:g}"
        made = [group[0] for group in best]
        shares = [
            prediction_agreement(
                predict_logits(student, draw.test.images),
                predict_logits(teacher, draw.test.images),
            )
            for student, teacher, draw in zip(made, teachers[name], draws, strict=True)
        ]
        found[arm] = _errors(made, draws, about, agreement=shares)
    return found


def usual_teacher(draw: ImageSet, seen: Split, seed: int) -> nn.Module:
    """A teacher of the study, trained on labels alone, in evaluation mode.

    Args:
        draw: the data set.
        seen: what it learns from.
        seed: of its first weights and its order.
    """
    return _teacher(draw, seen, seed, None).eval()


def _teacher(draw: ImageSet, seen: Split, seed: int, weight: float | None) -> nn.Module:
    teacher = network(TEACHER, draw, seed)
    objective: Objective = hard_labels()
    if weight is not None:
        student = network(STUDENT, draw, 1000 + seed)
        assert isinstance(student, nn.Sequential)
        objective = Friendly(branches_of(student, draw, 2000 + seed), weight)
    fit(
        teacher, seen, objective, epochs=TEACHER_EPOCHS, batch_size=BATCH,
        learning_rate=TEACHER_RATE, schedule=cosine, seed=seed, progress=False,
    )  # fmt: skip
    return teacher


def _errors(
    networks: Sequence[nn.Module], draws: Sequence[ImageSet], about: Found,
    **more: Sequence[float],
) -> Found:  # fmt: skip
    pairs = list(zip(networks, draws, strict=True))
    return Found(
        about.setting, about.tried, [evaluate(n, d.valid).errors for n, d in pairs],
        [evaluate(n, d.test).errors for n, d in pairs], more,
    )  # fmt: skip
