"""Taps: what the layers inside a network put out, by forward hooks, no network edited."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from kdteach.checks import check_list, check_model, check_switch, shown

_SHOWN = 40  # layers that a message lists


class Tap(Mapping[str, Tensor]):
    """The features of some layers, filled by each pass inside the ``with`` block.

    Attributes:
        layers: the names that were asked for.
        calls: how often each of them was called in the last pass.
    """

    def __init__(self, model: nn.Module, layers: Iterable[str], *, detach: bool) -> None:
        self.layers = tuple(dict.fromkeys(layers))
        self.calls: dict[str, int] = {}
        self._model, self._detach = model, detach
        self._found: dict[str, tuple[Tensor, int | None]] = {}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> Self:
        if self._hooks:
            raise RuntimeError("this tap is open already: open another one, tap(...)")
        try:
            self._hooks.append(self._model.register_forward_pre_hook(self._begin()))
            for name in self.layers:
                layer = self._model.get_submodule(name)
                self._hooks.append(layer.register_forward_hook(self._keep(name)))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    # closures and not methods, so that a copy of the model made inside the block does not
    # bring along a copy of the features

    def _begin(self) -> Callable[..., None]:
        def begin(module: nn.Module, inputs: object) -> None:
            del module, inputs
            self.calls = dict.fromkeys(self.layers, 0)
            self._found.clear()

        return begin

    def _keep(self, name: str) -> Callable[..., Any]:
        def keep(module: nn.Module, inputs: object, output: Any) -> Any:
            del module, inputs
            feature, handed_on = _taken(name, output)
            self.calls[name] = self.calls.get(name, 0) + 1
            kept = feature.detach() if self._detach else feature
            self._found[name] = kept, _version(kept)
            return handed_on

        return keep

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.layers:
            raise KeyError(
                f"{shown(name)} is not tapped; tapped are {', '.join(self.layers)}"
            )
        if name not in self._found:
            raise RuntimeError(
                f"there is no feature of {name!r}: the layer was not called in the last "
                "pass. Call the model inside the block, with tap(...) as features"
            )
        feature, version = self._found[name]
        if _version(feature) != version:
            raise RuntimeError(
                f"the feature of {name!r} was changed in place after the layer returned it"
            )
        return feature

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.layers if name in self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        parts = (
            f"{name}: {tuple(self._found[name][0].shape)}"
            if name in self
            else f"{name}: none yet"
            for name in self.layers
        )
        return f"Tap({', '.join(parts)})"


def tap(model: nn.Module, layers: Iterable[str], *, detach: bool = False) -> Tap:
    """Look at what layers inside a network put out.

    >>> with tap(network, ["layer2", "layer3"]) as features:
    ...     logits = network(images)
    ...     features["layer2"]  # (N, C, H, W)

    The hooks are there inside the block alone, also after an error. Each pass of the
    network replaces the features of the one before; they can still be read after the block.
    They lie on the way to the output, so that a loss of them trains the network, and
    ``torch.autograd.grad(logits[:, 3].sum(), features["layer3"])`` has an answer. What
    comes after a layer and works in place, such as ``ReLU(inplace=True)``, works on a copy.

    A layer that is called several times in a pass keeps its last output;
    ``features.calls[name]`` says how often it was called. Of a layer that returns a tuple,
    a list or a dictionary with exactly one tensor, it is that tensor. Blocks can be nested,
    on the same layers too. ``torch.func.functional_call`` fills a tap as a call does, as do
    several processes, where each has its own network. Inside ``torch.vmap`` or ``grad`` of
    ``torch.func`` a feature belongs to no single pass: that is refused, as are compiled and
    scripted networks and ``DataParallel``, whose layers run elsewhere: tap the network that
    was compiled, or the ``.module``.

    Args:
        model: any network.
        layers: names as ``model.named_modules()`` has them, such as ``"layer2.0.conv1"``.
        detach: leave out the gradient, for a teacher outside ``torch.no_grad``.

    Returns:
        The features by the names of the layers: a context to be entered, and a mapping.

    Raises:
        TypeError: model is no network, layers are no names, or, in a pass, a layer returns
            several tensors or none.
        ValueError: no layer, one that the network does not have (the message lists those
            that it has, the closest first), or a network whose layers run elsewhere.
        KeyError: a feature is asked for that is not tapped.
        RuntimeError: a feature is asked for whose layer was not called.
    """
    check_model("model", model)
    detach = check_switch("detach", detach)
    names = check_list("layers", layers, "names of layers")
    if not names:
        raise ValueError("layers are empty: give the name of at least one layer to tap")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"layers must be names of layers, got {shown(name)} among them")
    _require_eager(model)
    known = [name for name, _ in model.named_modules() if name]
    for name in names:
        if name not in known:
            raise ValueError(_unknown(name, known, model))
    return Tap(model, map(str, names), detach=detach)


def _unknown(name: str, known: list[str], model: nn.Module) -> str:
    near = difflib.get_close_matches(name[:200], known, n=5, cutoff=0.5)
    rest = [other for other in known if other not in near]
    rest.sort(key=lambda other: other.count("."))  # the large parts first
    listed = ", ".join([*near, *rest][:_SHOWN])
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    has = f"its layers are {listed}{more}" if known else "it has no layers inside"
    return f"{type(model).__name__} has no layer {shown(name)} (layers): {has}"


def _require_eager(model: nn.Module) -> None:
    """Refuse networks whose layers are not called one by one here."""
    for name, part in model.named_modules():
        if isinstance(part, nn.DataParallel):
            raise ValueError(
                "model is a DataParallel, which calls copies of the network, one a device: "
                "tap the network itself, model.module, or use DistributedDataParallel"
            )
        if isinstance(part, torch.jit.ScriptModule):
            raise ValueError(
                f"model is a scripted network ({name or 'the whole'}), whose layers call "
                "no hooks: tap the network it was made from"
            )
        compiled = getattr(part, "_compiled_call_impl", None) is not None
        if compiled or hasattr(part, "_orig_mod"):
            raise ValueError(
                f"model is compiled ({name or 'the whole'}), and compiled code calls no "
                "hooks of layers: tap the network that was compiled"
            )


def _taken(name: str, output: Any) -> tuple[Tensor, Any]:
    """The feature in what a layer returned, and what goes on to the next layer.

    The next layer gets a copy: it may work in place.
    """
    if isinstance(output, Tensor):
        _require_plain(name, output)
        return output, output.clone()
    values: list[Any] = []
    if isinstance(output, (tuple, list)):
        values = list(output)
    elif isinstance(output, Mapping):
        values = list(output.values())
    tensors = [value for value in values if isinstance(value, Tensor)]
    if len(tensors) != 1:
        said = f"a {type(output).__name__}"
        if values:
            kinds = ", ".join(
                f"tensor {tuple(v.shape)}" if isinstance(v, Tensor) else type(v).__name__
                for v in values
            )
            said += f" ({kinds})"
        raise TypeError(
            f"layer {name!r} returns {said}: it is not clear which tensor is meant. Tap a "
            "layer inside it, or one that takes the tensor that you mean"
        )
    feature = tensors[0]
    _require_plain(name, feature)
    if type(output) in (tuple, list):  # others may be more than what they hold
        copies = (v.clone() if v is feature else v for v in values)
        return feature, type(output)(copies)
    return feature.clone(), None  # what is handed on stays as it is


def _version(feature: Tensor) -> int | None:
    """How often a tensor was changed in place; tensors of inference mode do not count."""
    return None if feature.is_inference() else feature._version


def _require_plain(name: str, feature: Tensor) -> None:
    if torch._C._functorch.is_functorch_wrapped_tensor(feature):
        raise TypeError(
            f"layer {name!r} is called inside vmap or another transformation of "
            "torch.func, where a feature belongs to no single pass: call the network "
            "itself inside the block with layers tapped"
        )
