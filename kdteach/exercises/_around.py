"""Changes around a piece of code: what may be missing there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kdteach.exercises._pieces import HELPERS, SIZES, piece
from kdteach.exercises._places import Edit, Slot, called, is_guard


def around(slot: Slot) -> Iterator[Edit]:
    """What may be missing around a piece of code."""
    node = slot.get()
    if isinstance(node, (ast.Tuple, ast.List)):
        for name in ("first", "last"):
            yield Edit(node, slot, piece(name, node), HELPERS[name])
    if not _has_a_value(slot):
        return
    yield Edit(node, slot, ast.UnaryOp(ast.USub(), node), "is its sign right?")
    yield Edit(node, slot, ast.UnaryOp(ast.Not(), node), "is that it, or its opposite?")
    if isinstance(node, ast.Constant) and is_guard(node.value):
        return
    for name, asks in HELPERS.items():
        if isinstance(node, ast.Constant):
            asks = "is that the right value there?"
        yield Edit(node, slot, piece(name, node), asks)


def with_arguments(slot: Slot, names: list[str]) -> Iterator[Edit]:
    """Whether an argument is missing there, as a factor or below the line.

    Args:
        slot: where the piece of code stands.
        names: of the answer's arguments.
    """
    node = slot.get()
    for name in names if _has_a_value(slot) else ():
        other = ast.Name(name, ast.Load())
        rest = ast.BinOp(ast.Constant(1), ast.Sub(), other)
        powers = [ast.BinOp(other, ast.Pow(), ast.Constant(p)) for p in (2, 0.5)]
        same = isinstance(node, ast.Name) and node.id == name
        asks = f"does `{name}` have to enter there, and how?"
        for more in (*(() if same else (other,)), *powers, rest):
            for operation in (ast.Div, ast.Mult):
                yield Edit(node, slot, ast.BinOp(node, operation(), more), asks)


def with_others(slot: Slot, known: list[str], names: list[str]) -> Iterator[Edit]:
    """What else may be missing beside it: a variable, or a number of rows or columns.

    Args:
        slot: where the piece of code stands.
        known: variables of the answer.
        names: of its arguments.
    """
    node = slot.get()
    if not _has_a_value(slot):
        return
    for name in known:
        if isinstance(node, ast.Name) and node.id == name:
            continue
        other = ast.Name(name, ast.Load())
        if isinstance(node, (ast.Call, ast.Attribute, ast.Subscript)):
            yield Edit(node, slot, other, "is that the quantity you mean?")
        asks = f"does `{name}` have to enter there, and how?"
        for operation in (ast.Mult, ast.Div, ast.Sub, ast.Add):
            yield Edit(node, slot, ast.BinOp(node, operation(), other), asks)
    for name in names:
        for size in SIZES:
            count = piece(size, ast.Name(name, ast.Load()))
            asks = "is it divided by the right count, and once?"
            for operation in (ast.Mult, ast.Div):
                yield Edit(node, slot, ast.BinOp(node, operation(), count), asks)
            if isinstance(node, (ast.Call, ast.Attribute, ast.Subscript)):
                yield Edit(node, slot, count, "is that the number of what you mean?")


def _has_a_value(slot: Slot) -> bool:
    node = slot.get()
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float))
    return not called(slot) and not isinstance(node, (ast.Slice, ast.Tuple, ast.List))
