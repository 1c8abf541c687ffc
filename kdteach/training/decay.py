"""Which weights are decayed: groups by name and by kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from kdteach.checks import check_function, check_list, check_model, check_number, shown

NO_DECAY = ("bias", "norm")
"""What is usually left undecayed: biases, and all weights of normalisation layers."""

_NORMS = (
    nn.modules.batchnorm._NormBase,  # batch and instance normalisation
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)

NamedFactory = Callable[[list[tuple[str, Tensor]], float], torch.optim.Optimizer]
"""``([(name, weight), ...], learning rate) -> optimiser``."""


@dataclass(frozen=True)
class Trained:
    """One weight that is trained.

    Attributes:
        name: as in ``model.named_parameters()``; ``objective.`` goes before those of an
            objective.
        weight: what the optimiser changes; in a stack with a leading S.
        layer: the module that holds it in the model.
    """

    name: str
    weight: Tensor
    layer: nn.Module | None

    @property
    def normalises(self) -> bool:
        """Whether it belongs to a normalisation layer."""
        kind = type(self.layer).__name__.lower()
        return isinstance(self.layer, _NORMS) or "norm" in kind


@runtime_checkable
class NamingFactory(Protocol):
    """A factory of optimisers that wants to know what the weights are called."""

    def __call__(
        self, parameters: list[Any], learning_rate: float
    ) -> torch.optim.Optimizer:
        """Make the optimiser from pairs of name and weight."""
        ...

    def from_names(
        self, trained: Sequence[Trained], learning_rate: float
    ) -> torch.optim.Optimizer:
        """Make the optimiser from all that is known of the weights."""
        ...


@dataclass(frozen=True)
class ByName:
    """An optimiser's factory that is given names; see ``by_name``."""

    factory: NamedFactory

    def __call__(
        self, parameters: list[tuple[str, Tensor]], learning_rate: float
    ) -> torch.optim.Optimizer:
        """Make the optimiser from pairs of name and weight."""
        return self.factory(parameters, learning_rate)

    def from_names(
        self, trained: Sequence[Trained], learning_rate: float
    ) -> torch.optim.Optimizer:
        """See ``NamingFactory``."""
        return self.factory([(t.name, t.weight) for t in trained], learning_rate)


def by_name(factory: NamedFactory) -> ByName:
    """Let an optimiser see the names of the weights: ``fit(..., optimizer=by_name(f))``.

    Args:
        factory: function of a list of (name, weight) and the learning rate that returns a
            ``torch.optim.Optimizer``. Names are those of ``model.named_parameters()``.

    Raises:
        TypeError: factory is no function.
    """
    check_function("factory", factory, "lambda named, rate: torch.optim.SGD(named, rate)")
    return ByName(factory)


@dataclass(frozen=True)
class Decaying:
    """An optimiser whose weight decay leaves some weights out.

    Attributes:
        make: from (groups of weights, learning rate).
        weight_decay: of the others.
        no_decay: see ``decay_groups``.
    """

    make: Callable[[Any, float], torch.optim.Optimizer]
    weight_decay: float
    no_decay: tuple[str, ...] | Callable[[str], bool]

    def __call__(
        self, parameters: list[Any], learning_rate: float
    ) -> torch.optim.Optimizer:
        """Make the optimiser from pairs of name and weight, outside of ``fit``."""
        if not all(isinstance(p, tuple) and len(p) == 2 for p in parameters):
            raise TypeError(
                "parameters must be pairs of name and weight, as in "
                "list(model.named_parameters()): no_decay goes by the names"
            )
        return self.from_names([Trained(n, w, None) for n, w in parameters], learning_rate)

    def from_names(
        self, trained: Sequence[Trained], learning_rate: float
    ) -> torch.optim.Optimizer:
        """See ``NamingFactory``."""
        return self.make(_groups(trained, self.weight_decay, self.no_decay), learning_rate)


def check_no_decay(
    no_decay: object,
) -> tuple[str, ...] | Callable[[str], bool]:
    """Return what is left undecayed as a tuple of words, or the function that says it.

    Args:
        no_decay: see ``decay_groups``.

    Raises:
        TypeError: neither words nor a function.
        ValueError: an empty word.
    """
    if callable(no_decay) and not isinstance(no_decay, type):
        return check_function("no_decay", no_decay, "lambda name: 'embed' in name")
    words = [no_decay] if isinstance(no_decay, str) else no_decay
    words = check_list("no_decay", words, "words, such as ('bias', 'norm')")
    for word in words:
        if not isinstance(word, str):
            raise TypeError(
                "no_decay must hold words such as 'bias' and 'norm', or parts of names of "
                f"weights, got {shown(word)}"
            )
        if not word:
            raise ValueError("no_decay holds an empty word, which names no weight")
    return tuple(words)


def decay_groups(
    model: nn.Module,
    weight_decay: float,
    no_decay: Sequence[str] | Callable[[str], bool] = NO_DECAY,
) -> list[dict[str, Any]]:
    """Sort a model's trained weights into a group with weight decay and one without.

    For an optimiser of your own: ``torch.optim.SGD(decay_groups(model, 5e-4), lr=0.1)``.
    ``adamw`` and ``sgd`` do the same by their ``no_decay``.

    Args:
        model: whose weights that require a gradient are sorted.
        weight_decay: of the first group, at least 0.
        no_decay: what goes into the second group, whose decay is 0. "bias": every bias.
            "norm": weights and biases of normalisation layers, whatever they are called.
            Another word: the weight of that name, or those in whose name it is a part
            between dots, such as "pos_embed"; with ``*`` those whose name fits. A function
            goes from a name to whether that weight is left undecayed.

    Returns:
        Groups for ``torch.optim``, each ``{"params", "weight_decay"}``; empty ones are
        left out.

    Raises:
        TypeError: wrong types.
        ValueError: a decay below 0; a word that fits no weight.

    Source: no decay for biases and normalisation, He et al. 2019 ("Bag of tricks"),
    section 3.1.
    """
    check_model("model", model)
    weight_decay = check_number("weight_decay", weight_decay, least=0)
    return _groups(trained_weights(model), weight_decay, check_no_decay(no_decay))


def trained_weights(model: nn.Module, prefix: str = "") -> list[Trained]:
    """List the weights of a module that require a gradient.

    Args:
        model: that holds them.
        prefix: goes before each name.
    """
    found, seen = [], set()
    for path, layer in model.named_modules():
        for name, weight in layer.named_parameters(recurse=False):
            if weight.requires_grad and id(weight) not in seen:
                seen.add(id(weight))
                whole = f"{path}.{name}" if path else name
                found.append(Trained(prefix + whole, weight, layer))
    return found


def stacked_names(model: nn.Module, weights: Mapping[str, Tensor]) -> list[Trained]:
    """List the weights of a stack, by the names and layers of one of its models.

    Args:
        model: one of the stack.
        weights: by name, with a leading S.
    """
    layers = {each.name: each.layer for each in trained_weights(model)}
    return [Trained(name, weight, layers[name]) for name, weight in weights.items()]


def _groups(
    trained: Sequence[Trained],
    weight_decay: float,
    no_decay: tuple[str, ...] | Callable[[str], bool],
) -> list[dict[str, Any]]:
    spared = _spared(trained, no_decay)
    groups = (
        {"params": [t.weight for t in trained if t.name not in spared],
         "weight_decay": weight_decay},
        {"params": [t.weight for t in trained if t.name in spared], "weight_decay": 0.0},
    )  # fmt: skip
    return [group for group in groups if group["params"]]


def _spared(
    trained: Sequence[Trained], no_decay: tuple[str, ...] | Callable[[str], bool]
) -> set[str]:
    """Names of the weights that are not decayed."""
    if not isinstance(no_decay, tuple):
        return {t.name for t in trained if no_decay(t.name)}
    spared: set[str] = set()
    for word in no_decay:
        fitting = {t.name for t in trained if _fits(t, word)}
        if not fitting and word not in NO_DECAY:
            some = ", ".join(repr(t.name) for t in trained[:4])
            raise ValueError(f"no_decay: {word!r} fits no weight; there are {some}, ...")
        spared |= fitting
    return spared


def _fits(trained: Trained, word: str) -> bool:
    name = trained.name
    if word == "bias" and name.rsplit(".", 1)[-1].endswith("bias"):
        return True
    if word == "norm" and trained.normalises:
        return True
    return fnmatchcase(name, word) if "*" in word else word in (name, *name.split("."))
