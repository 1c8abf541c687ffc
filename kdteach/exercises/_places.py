"""A place in the code of an answer, and a change of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MODULES = (
    "torch",
    "F",
    "np",
    "numpy",
    "math",
    "kd",
    "nn",
    "functional",
    "special",
    "scipy",
)
_ASIDE = ("annotation", "returns", "decorator_list", "type_params")


@dataclass(frozen=True)
class Slot:
    """A place in a tree that holds one node, or a list of statements.

    Attributes:
        parent: of the node.
        field: of the parent.
        place: in a list; None where the field holds the node itself, or the whole list.
    """

    parent: ast.AST
    field: str
    place: int | None = None

    def get(self) -> Any:
        """What stands there."""
        held = getattr(self.parent, self.field)
        return held if self.place is None else held[self.place]

    def put(self, node: Any) -> None:
        """Put something else there."""
        if self.place is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.place] = node


@dataclass(frozen=True)
class Edit:
    """One change.

    Attributes:
        at: the node that is quoted.
        slot: where it is made.
        new: what is put there.
        asks: what to ask oneself, to follow the quoted code.
    """

    at: ast.AST
    slot: Slot
    new: Any
    asks: str


def slots(node: ast.AST) -> Iterator[Slot]:
    """Every place of an expression whose value is used."""
    for field, value in ast.iter_fields(node):
        if field in _ASIDE:
            continue
        several = enumerate(value) if isinstance(value, list) else ((None, value),)
        for place, item in several:
            if isinstance(item, ast.AST) and not isinstance(item, ast.arguments):
                if isinstance(item, ast.expr) and _used(item):
                    yield Slot(node, field, place)
                yield from slots(item)


def _used(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", None), (ast.Load, type(None)))


def assigned(tree: ast.AST) -> list[str]:
    """Names that get a value somewhere in the code."""
    return [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def called(slot: Slot) -> bool:
    """Whether what stands there is the function of a call."""
    return isinstance(slot.parent, ast.Call) and slot.field == "func"


def taken(call: ast.Call) -> ast.expr | None:
    """What a call works on: `x` of ``x.mean(0)``, ``torch.log(x)`` and ``len(x)``."""
    func = call.func
    if isinstance(func, ast.Attribute) and not _module(func.value):
        return func.value
    return call.args[0] if call.args and not isinstance(call.args[0], ast.Starred) else None


def given(call: ast.Call, node: ast.expr) -> ast.Call:
    """The call with something else to work on."""
    func = call.func
    if isinstance(func, ast.Attribute) and not _module(func.value):
        changed = ast.Attribute(node, func.attr, ast.Load())
        return ast.Call(changed, call.args, call.keywords)
    return ast.Call(func, [node, *call.args[1:]], call.keywords)


def _module(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _MODULES


def is_guard(value: object) -> bool:
    """Whether a constant only keeps something from being 0: another is right by chance."""
    return isinstance(value, float) and 0 < abs(value) < 1e-6
