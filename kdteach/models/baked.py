"""Networks whose mode is part of their code: exported and traced ones.

``eval()`` does nothing to such a network, or fails. Made in train mode, it draws dropout at
each call and follows the statistics of the batch, whatever is asked of it afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

_MODES = ("train", "training")  # what operations call the mode
_RANDOM = ("dropout", "rrelu", "batch_norm")  # parts of the names of those that have one
_RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")  # their dropout may be 0


def is_exported(part: nn.Module) -> bool:
    """Say whether a module came from ``torch.export``, whose graph has one mode for good.

    Args:
        part: any module.
    """
    return isinstance(part, torch.fx.GraphModule) and "train" in vars(part)


def put_into_eval_mode(model: nn.Module) -> None:
    """Call ``eval()``, also where a part of the model has none.

    Args:
        model: any module.
    """
    try:
        model.eval()
    except NotImplementedError:  # one that was exported, or holds such a part
        model.training = False
        for part in model.children():
            put_into_eval_mode(part)


def require_eval_graph(model: nn.Module, who: str = "the model") -> None:
    """Raise where a part of a network computes as in train mode, whatever its mode is.

    Args:
        model: any module; looked through once.
        who: what it is called in the error.

    Raises:
        ValueError: it was exported or traced in train mode, with dropout or BatchNorm.
    """
    if model not in _KNOWN:
        _KNOWN[model] = next(_train_steps(model), None)
    step = _KNOWN[model]
    if step is not None:
        raise ValueError(
            f"{who} was {step[0]} in train mode: its {step[1]} goes on as in training, and "
            f"eval() cannot end that. Call eval() on the network before it is {step[0]}"
        )


_KNOWN: WeakKeyDictionary[nn.Module, tuple[str, str] | None] = WeakKeyDictionary()


def _train_steps(model: nn.Module) -> Iterator[tuple[str, str]]:
    """How a part was made, and its operation in train mode."""
    inner: dict[int, nn.Module] = {}  # parts of a script, whose code the whole contains
    for part in model.modules():
        if is_exported(part):
            yield from _exported_steps(part)
        elif isinstance(part, torch.jit.ScriptModule) and id(part) not in inner:
            inner |= {id(each): each for each in part.modules()}
            yield from _scripted_steps(part)


def _exported_steps(part: Any) -> Iterator[tuple[str, str]]:
    for node in part.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op == "call_function" and schema is not None:
            values = dict(_values(schema, node.args, node.kwargs))
            if _trains(schema.name, values):
                yield "exported", schema.name.partition("::")[2]


def _scripted_steps(part: Any) -> Iterator[tuple[str, str]]:
    graph = getattr(part, "inlined_graph", None)  # none without a forward
    for constant in graph.findAllNodes("prim::Constant") if graph is not None else ():
        # only where the mode is a constant of the code was it decided by tracing
        for use in constant.output().uses() if constant.output().toIValue() is True else ():
            values, name = _scripted(use.user), use.user.kind()
            if _trains(name, values):
                yield "traced", name.partition("::")[2]


def _trains(operation: str, values: dict[str, Any]) -> bool:
    """Whether an operation does in train mode what it would not do otherwise."""
    name = operation.partition("::")[2]
    if not any(values.get(mode) is True for mode in _MODES):
        return False
    if name.startswith(_RECURRENT):
        return bool(values.get("dropout"))
    if "batch_norm" in name:
        return values.get("running_mean") is not None
    return any(word in name for word in _RANDOM) and values.get("p") != 0


def _values(schema: Any, args: Any, kwargs: Any) -> Iterator[tuple[str, Any]]:
    for argument, value in zip(schema.arguments, args, strict=False):
        yield argument.name, value
    yield from kwargs.items()
    named = set(kwargs)
    for argument in schema.arguments[len(args) :]:
        if argument.name not in named and argument.has_default_value():
            yield argument.name, argument.default_value


def _scripted(node: Any) -> dict[str, Any]:
    """The arguments of an operation of a script, ``...`` for what is no constant."""
    values: dict[str, Any] = {}
    with suppress(RuntimeError):  # an operation without a schema
        for argument, value in zip(
            torch._C.parse_schema(node.schema()).arguments, node.inputs(), strict=False
        ):
            constant = value.toIValue() if value.node().kind() == "prim::Constant" else ...
            values[argument.name] = constant
    return values
