"""Changes of whole lines: left out, moved, or indented in another way."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from kdteach.exercises._places import Edit, Slot

_OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


def lines(tree: ast.AST) -> Iterator[Iterator[Edit]]:
    """The changes of every line, line by line."""
    for parent in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(parent, field, None)
            if isinstance(block, list):
                for place, node in enumerate(block):
                    yield _of_statement(Slot(parent, field), block, place, node)


def _of_statement(
    slot: Slot, block: list[ast.stmt], place: int, node: ast.stmt
) -> Iterator[Edit]:
    before, after = block[:place], block[place + 1 :]
    if isinstance(node, ast.AugAssign):
        for operation in _OPERATIONS:
            if not isinstance(node.op, operation):
                change = ast.AugAssign(node.target, operation(), node.value)
                yield Edit(
                    node, slot, [*before, change, *after], "is that the right operation?"
                )
    if len(block) > 1 and not isinstance(node, ast.Return):
        yield Edit(node, slot, [*before, *after], "is that line needed?")
    if after:
        yield Edit(
            node, slot, [*before, after[0], node, *after[1:]],
            "should that line come later?",
        )  # fmt: skip
    if isinstance(node, (ast.For, ast.While, ast.If)) and len(node.body) > 1:
        first, last = copy.copy(node), copy.copy(node)
        last.body, first.body = node.body[:-1], node.body[1:]
        asks = "is it indented as it should be: inside of the block or outside?"
        yield Edit(node.body[-1], slot, [*before, last, node.body[-1], *after], asks)
        yield Edit(node.body[0], slot, [*before, node.body[0], first, *after], asks)
    if isinstance(node, (ast.For, ast.While)):
        asks = "is it indented as it should be: inside of the loop or outside?"
        if len(after) > 1:
            more = copy.copy(node)
            more.body = [*node.body, after[0]]
            yield Edit(after[0], slot, [*before, more, *after[1:]], asks)
        for back in range(place):
            more = copy.copy(node)
            more.body = [block[back], *node.body]
            rest = [*block[:back], *block[back + 1 : place]]
            yield Edit(block[back], slot, [*rest, more, *after], asks)
