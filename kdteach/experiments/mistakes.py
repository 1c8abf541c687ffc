"""Mistakes of the reports, made on purpose, so that their effect can be measured."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from kdteach.experiments.design import Config
from kdteach.experiments.recipe import policy_of
from kdteach.losses.response import wide
from kdteach.models import BackboneWithHead, Normalise, pretrained_head
from kdteach.models.initial import initial_weights
from kdteach.objectives import Objective, logit_objective, weighted
from kdteach.objectives.labels import HardLabels
from kdteach.types import Batch, LossTerms


def with_mistake(model: nn.Module, config: Config, seed: int) -> BackboneWithHead:
    """Spoil a network as a report did.

    Args:
        model: a ``BackboneWithHead``, built as the configuration says.
        config: of the run; its ``mistake`` is "drifting batchnorm", "no normalisation" or
            "stacked head".
        seed: of the new weights.
    """
    mistake = config["mistake"]
    if not isinstance(model, BackboneWithHead):
        raise ValueError(
            f"mistake {mistake!r} and model {config['model']!r} contradict each other: it "
            "is one of networks for photographs"
        )
    if mistake == "drifting batchnorm":
        # mistake 8 of the reports: frozen weights, but BatchNorm follows the batches
        model.frozen = []
        return model.train()
    if mistake == "no normalisation":
        model.normalise = _Fractions()
        return model
    if mistake != "stacked head":
        raise ValueError(f"unknown mistake of a network: {mistake!r}")
    old = pretrained_head(str(config["model"]), str(config["weights"]))
    with initial_weights(seed):
        new = nn.Linear(old.out_features, _width(model.head))
    if policy_of(config) == "linear_probe":
        old.requires_grad_(False)
    # what stands before the head, such as dropout, stays
    before = list(model.head)[:-1] if isinstance(model.head, nn.Sequential) else []
    model.head = nn.Sequential(*before, old, new)
    return model


def divided_alpha(alpha: float, num_classes: int) -> float:
    """The weight that a soft term has in truth when it is divided by the classes as well.

    ``alpha / C * soft + (1 - alpha) * hard`` is a multiple of ``a * soft + (1 - a) * hard``
    with the ``a`` returned here; the multiple is 1 - alpha + alpha / C, which Adam does not
    notice.

    Args:
        alpha: the weight as written.
        num_classes: C.
    """
    soft = alpha / num_classes
    return soft / (soft + 1 - alpha)


@dataclass(frozen=True)
class LabelsTwice(HardLabels):
    """Cross-entropy with the labels of the softmax of a softmax: mistake 1."""

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        return super().terms(wide(logits).softmax(dim=-1), batch)


def soft_targets_twice(logits: Tensor, temperature: float, normalised: bool) -> Tensor:
    """What becomes of a teacher's logits when the softmax is taken twice.

    The first softmax ends the network; the loss divides its probabilities by T and takes
    another one. Mistakes 1 and 2 of the reports: Report 2 has ``exp((p - max) / T)`` above
    the line and ``exp(max / T)`` below it, so its targets do not add up to one.

    Args:
        logits: (..., C) of the teacher.
        temperature: T above 0.
        normalised: whether the targets add up to one; false for Report 2's.

    Returns:
        (..., C) soft targets.
    """
    p = logits.softmax(dim=-1)
    if normalised:
        return (p / temperature).softmax(dim=-1)
    most = p.amax(dim=-1, keepdim=True)
    return ((p - most) / temperature).exp() / (most / temperature).exp()


def softmax_twice(
    teacher_logits: Tensor | nn.Module,
    temperature: float,
    alpha: float,
    *,
    normalised: bool = True,
) -> Objective:
    """Distil with a loss that takes the softmax of probabilities.

    ``alpha * T**2 * CE(targets, softmax(p / T)) + (1 - alpha) * CE(labels, softmax(p))``,
    where p are the student's probabilities and not its logits.

    Args:
        teacher_logits: as ``distil``.
        temperature: T above 0.
        alpha: the weight of the soft term.
        normalised: as ``soft_targets_twice``.
    """

    def soft(student: Tensor, teacher: Tensor) -> Tensor:
        p = wide(student).softmax(dim=-1)
        targets = soft_targets_twice(wide(teacher), temperature, normalised)
        each = -(targets * (p / temperature).log_softmax(dim=-1)).sum(dim=-1)
        return temperature**2 * each.mean(dim=-1)

    return weighted(
        (alpha, logit_objective(teacher_logits, soft)), (1 - alpha, LabelsTwice())
    )


class _Fractions(Normalise):
    """Bytes to [0, 1] and no further, where the weights expect ImageNet's statistics."""

    def forward(self, images: Tensor) -> Tensor:
        """Scale a batch."""
        return images.to(self.mean.dtype) / 255


def _width(head: nn.Module) -> int:
    last = [module for module in head.modules() if isinstance(module, nn.Linear)][-1]
    return last.out_features
