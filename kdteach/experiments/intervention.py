"""Causal intervention (CID) as an objective, and a study of two more ways of teaching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdteach.checks import (
    check_count,
    check_model,
    check_switch,
    check_temperature,
    check_weight,
)
from kdteach.data import small_sample
from kdteach.experiments.choosing import Found, network
from kdteach.experiments.friendly import usual_teacher
from kdteach.experiments.without_a_teacher import BATCH, EPOCHS, RATES, chosen, trained
from kdteach.losses import extracted_targets
from kdteach.losses.intervention import (
    class_similarity_term,
    context_sums,
    contexts_of,
    normalised_hint_term,
)
from kdteach.metrics import evaluate
from kdteach.models import tap
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.seeding import seeded
from kdteach.training import cosine, fit, teacher_logits
from kdteach.types import Batch, ImageSet, LossTerms, Split

__all__ = ["Intervened", "Intervention", "two_more_ways"]

STUDENT, LAYER, IMAGES = "cnn-1k", "8", 200
TEMPERATURES = (1.0, 4.0, 16.0)
SAMPLE, CLASSES, BEFORE = 10.0, 1.0, 5
"""The weights of both losses of features, as in one of the authors' settings, and the
epochs before there are contexts: a twelfth of all, as theirs."""
_LEAST = 1e-300  # in place of a probability of 0, whose logarithm no table can hold


class Intervened(nn.Module):
    """A student that answers behind its contexts.

    Args:
        student: (B, ...) -> (B, C) logits, its first answer.
        layer: whose features are (B, D), or of any shape with D numbers.
        contexts: (C, D), a vector a class.
        head: (B, 2 D) -> (B, C) logits, the second answer.
        temperature: of the probabilities by which the contexts are mixed.
    """

    def __init__(
        self, student: nn.Module, layer: str, contexts: Tensor, head: nn.Module,
        temperature: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.student, self.layer, self.head = check_model("student", student), layer, head
        self.register_buffer("contexts", contexts)
        self.temperature = check_temperature(temperature)

    def forward(self, images: Tensor) -> Tensor:
        """(B, ...) to (B, C), the second answer."""
        with tap(self.student, [self.layer]) as features:
            logits = self.student(images)
        assert isinstance(self.contexts, Tensor)
        return _second(
            features[self.layer].flatten(1), logits, self.contexts, self.head,
            self.temperature,
        )  # fmt: skip


def _second(
    features: Tensor, logits: Tensor, contexts: Tensor, head: nn.Module, temperature: float
) -> Tensor:
    mixture = (logits.detach() / temperature).softmax(dim=1)
    answer: Tensor = head(torch.cat([features, mixture @ contexts], dim=1))
    return answer


class Intervention(nn.Module):
    r"""Distillation with causal intervention, for ``kdteach.fit``.

    .. math:: L = T^2\, \mathrm{KL}(p \,\|\, q) + b\, L_{sample} + c\, L_{class}
        + \mathrm{CE}\big(y,\; \mathrm{head}[f,\; \textstyle\sum_k q_k c_k]\big)

    The losses of features are ``normalised_hint_loss``, behind a linear regressor that is
    trained with the student, and ``class_similarity_loss``. The contexts c_k are those of
    the epoch before (``class_contexts``, with the features as the student had them batch
    by batch). In the first epochs there are none, and no cross-entropy. The second answer,
    of the head, counts in the end: ``answering`` gives a network that gives it.

    Args:
        teacher_logits: (M, C) float, row i of the sample with index i.
        teacher_features: (M, D') float, likewise.
        width: D, of the student's features.
        layer: of the student, whose features are taken, all numbers of an image.
        temperature: T, of all softened probabilities.
        sample: b, at least 0.
        classes: c, at least 0.
        before: epochs before the contexts, at least 1.
        use_contexts: False leaves them at 0, which shows what they add.
        seed: of the regressor's and the head's first weights.

    Raises:
        TypeError: an argument of another type.
        ValueError: a number out of its range.

    Source: Deng and Zhang 2021 (CID), as the authors' code trains, with their moving
    average of contexts at its default, none.
    """

    contexts: Tensor

    def __init__(
        self,
        teacher_logits: Tensor,
        teacher_features: Tensor,
        width: int,
        layer: str = LAYER,
        *,
        temperature: float = 4.0,
        sample: float = SAMPLE,
        classes: float = CLASSES,
        before: int = BEFORE,
        use_contexts: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.tables = teacher_logits.detach(), teacher_features.detach().flatten(1)
        self.layer, self.before = layer, check_count("before", before)
        self.temperature = check_temperature(temperature)
        self.sample = check_weight("sample", sample)
        self.classes = check_weight("classes", classes)
        self.use_contexts = check_switch("use_contexts", use_contexts)
        width, count = check_count("width", width), teacher_logits.shape[1]
        kind = teacher_logits.dtype
        with seeded(seed, "init"):
            self.regressor = nn.Linear(width, self.tables[1].shape[1], dtype=kind)
            self.head = nn.Linear(2 * width, count, dtype=kind)
        self.register_buffer("contexts", teacher_logits.new_zeros(count, width))
        self._sums = torch.zeros_like(self.contexts), self.contexts.new_zeros(count)
        self._epoch = 0

    def forward(self, student: nn.Module, batch: Batch) -> LossTerms:
        """The loss of a batch and its parts."""
        if batch.epoch != self._epoch:
            self._next_epoch(batch.epoch)
        with tap(student, [self.layer]) as tapped:
            logits = student(batch.images)
        features = tapped[self.layer].flatten(1)
        its_logits, its_features = (table[batch.index] for table in self.tables)
        self._add(features, its_logits, batch.labels)
        t = self.temperature
        log_p, log_q = (its_logits / t).log_softmax(1), (logits / t).log_softmax(1)
        soft = t**2 * F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")
        sample = normalised_hint_term(self.regressor(features), its_features)
        alike = class_similarity_term(features, its_features, batch.labels)
        total = soft + self.sample * sample + self.classes * alike
        parts = {"soft": soft, "sample": sample, "class": alike}
        if batch.epoch >= self.before:
            answer = _second(features, logits, self.contexts, self.head, t)
            parts["labels"] = F.cross_entropy(answer, batch.labels)
            total = total + parts["labels"]
        return LossTerms(total, parts)

    def _add(self, features: Tensor, logits: Tensor, labels: Tensor) -> None:
        more = context_sums(features, logits, labels, self.temperature)
        self._sums = self._sums[0] + more[0], self._sums[1] + more[1]

    def _next_epoch(self, epoch: int) -> None:
        if self.use_contexts and epoch >= self.before:
            self.contexts.copy_(contexts_of(*self._sums))
        self._sums = torch.zeros_like(self._sums[0]), torch.zeros_like(self._sums[1])
        self._epoch = epoch

    def answering(self, student: nn.Module) -> Intervened:
        """The trained student with the head and the contexts of the last epoch."""
        return Intervened(
            student, self.layer, self.contexts.clone(), self.head, self.temperature
        )


def two_more_ways(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """Causal intervention and extractive distillation beside usual distillation.

    Args:
        draws: data sets, a seed each.

    Returns:
        "labels"; the students "of usual", "extractive", "intervention" and "no contexts",
        the last as causal intervention with contexts of 0. All have the same teachers and
        choose temperature and rate from the same list.
    """
    seeds = range(len(draws))
    seen = [small_sample(draw.train, IMAGES, seed=s) for s, draw in enumerate(draws)]
    teachers = [usual_teacher(draws[s], seen[s], s) for s in seeds]
    tables = [
        teacher_logits(t, d.train) for t, d in zip(teachers, draws, strict=True)
    ]  # fmt: skip
    features = [_features(t, d.train) for t, d in zip(teachers, draws, strict=True)]

    def students() -> list[nn.Module]:
        return [network(STUDENT, draws[s], s) for s in seeds]

    def usual(objectives: Sequence[Objective], rate: float) -> list[nn.Module]:
        return trained(students(), seen, objectives, rate)

    def intervened(temperature: float, rate: float, contexts: bool) -> list[nn.Module]:
        found: list[nn.Module] = []
        for s, student in enumerate(students()):
            objective = Intervention(
                tables[s], features[s], 32, temperature=temperature,
                use_contexts=contexts, seed=3000 + s,
            )  # fmt: skip
            fit(
                student, seen[s], objective, epochs=EPOCHS, batch_size=BATCH,
                learning_rate=rate, schedule=cosine, seed=s, progress=False,
            )  # fmt: skip
            found.append(objective.answering(student).eval())
        return found

    arms: dict[str, Callable[[float, float], list[nn.Module]]] = {
        "of usual": lambda t, r: usual([distil(v, t, 0.5) for v in tables], r),
        "extractive": lambda t, r: usual(
            [distil(_extracted(v, t), t, 0.5) for v in tables], r
        ),
        "intervention": lambda t, r: intervened(t, r, True),
        "no contexts": lambda t, r: intervened(t, r, False),
    }
    found = {}
    labels = [hard_labels() for _ in seeds]
    tried = [({"learning_rate": r}, [(n,) for n in usual(labels, r)]) for r in RATES]
    best, about = chosen(tried, draws)
    found["labels"] = _tested([group[0] for group in best], draws, about)
    for name, arm in arms.items():
        tried = [
            ({"temperature": t, "learning_rate": r}, [(n,) for n in arm(t, r)])
            for t, r in product(TEMPERATURES, RATES)
        ]
        best, about = chosen(tried, draws)
        found[name] = _tested([group[0] for group in best], draws, about)
    return found


def _extracted(logits: Tensor, temperature: float) -> Tensor:
    """Logits whose softmax at T is the teacher's without its uniform part."""
    targets = extracted_targets(logits, temperature)
    return temperature * targets.clamp(min=_LEAST).log()


def _features(teacher: nn.Module, split: Split) -> Tensor:
    """(M, D') of all images of a part, row i of the sample with index i."""
    with torch.no_grad(), tap(teacher, [LAYER]) as features:
        teacher(split.images)
    rows = features[LAYER].flatten(1)
    if split.index is None:
        return rows
    table = rows.new_zeros(int(split.index.max()) + 1, rows.shape[1])
    table[split.index] = rows
    return table


def _tested(
    networks: Sequence[nn.Module], draws: Sequence[ImageSet], about: Found
) -> Found:  # fmt: skip
    pairs = list(zip(networks, draws, strict=True))
    return Found(
        about.setting, about.tried, [evaluate(n, d.valid).errors for n, d in pairs],
        [evaluate(n, d.test).errors for n, d in pairs],
    )  # fmt: skip
