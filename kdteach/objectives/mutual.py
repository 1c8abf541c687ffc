"""Deep mutual learning: several students, each of whom is a teacher of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdteach.checks import check_alpha, check_temperature
from kdteach.losses.response import hard_term, mixed, soft_term
from kdteach.models import answer
from kdteach.types import Batch, LossTerms


@dataclass(frozen=True)
class Mutual:
    """The joint objective of a cohort; see ``mutual``.

    Attributes:
        temperature: T of the soft term.
        alpha: weight of the soft term, or None for the sum of both terms.
    """

    temperature: float = 1.0
    alpha: float | None = None
    needs_logits: bool = True

    def __call__(self, models: Sequence[nn.Module], batch: Batch) -> list[LossTerms]:
        """Ask all models about the batch and compute the terms of each."""
        return self.terms(
            [
                answer(model, batch.images, f"models[{number}]")
                for number, model in enumerate(models)
            ],
            batch,
        )

    def terms(self, logits: Sequence[Tensor], batch: Batch) -> list[LossTerms]:
        """M times (B, C) logits to the terms () of each model."""
        found = []
        for number, mine in enumerate(logits):
            hard = hard_term(mine, batch.labels).mean(dim=-1)
            others = [other for i, other in enumerate(logits) if i != number]
            each = [
                soft_term(mine, other.detach().to(mine), self.temperature).mean(dim=-1)
                for other in others
            ]
            soft = torch.stack(each).mean(dim=0)
            total = soft + hard if self.alpha is None else mixed(soft, hard, self.alpha)
            found.append(LossTerms(total, {"soft": soft, "hard": hard}))
        return found

    def check(self, outputs: Sequence[int]) -> None:
        """Refuse a cohort of one, and models with different classes.

        Args:
            outputs: number of logits of each model.
        """
        if len(outputs) < 2:
            raise ValueError(
                "mutual learning takes at least two models, who teach each other: got one"
            )
        if len(set(outputs)) > 1:
            raise ValueError(
                f"the models have {', '.join(map(str, outputs))} classes: to teach each "
                "other they need the same"
            )


def mutual(temperature: float = 1.0, alpha: float | None = None) -> Mutual:
    r"""Let several students learn from the labels and from each other.

    .. math:: L_k = \mathrm{CE}(y, z_k) + \frac{1}{K-1} \sum_{l \ne k} T^2\,
        \mathrm{KL}(p_l \,\|\, p_k)

    No gradient passes through the predictions of the others, p_l: for each model they are
    the soft targets of a teacher.

    Args:
        temperature: T > 0 of all predictions in the soft term; 1 in the paper.
        alpha: weight of the SOFT term in [0, 1], the hard one then has 1 - alpha; by
            default both are added as they are, as in the paper.

    Returns:
        The joint objective for ``kdteach.training.fit_cohort``.

    Raises:
        TypeError: temperature or alpha is no number.
        ValueError: out of range. In training: fewer than two models, or models with
            different classes.

    Source: Zhang et al. 2018 (DML), Eqs. 5 to 7 and, for more than two, Eq. 10. There the
    models take their steps one after the other, each on predictions made anew; here, as in
    KD-Zoo, all at once.
    """
    temperature = check_temperature(temperature)
    return Mutual(temperature, None if alpha is None else check_alpha(alpha))
