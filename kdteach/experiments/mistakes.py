"""Mistakes of the reports, made on purpose, so that their effect can be measured."""

from __future__ import annotations

from torch import Tensor, nn

from kdteach.experiments.design import Config
from kdteach.experiments.recipe import policy_of
from kdteach.models import BackboneWithHead, Normalise, pretrained_head
from kdteach.seeding import seeded


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
    with seeded(seed, "init"):
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


class _Fractions(Normalise):
    """Bytes to [0, 1] and no further, where the weights expect ImageNet's statistics."""

    def forward(self, images: Tensor) -> Tensor:
        """Scale a batch."""
        return images.to(self.mean.dtype) / 255


def _width(head: nn.Module) -> int:
    last = [module for module in head.modules() if isinstance(module, nn.Linear)][-1]
    return last.out_features
