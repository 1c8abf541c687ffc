"""Changes of a piece of code itself: another operation, number, name or function."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any

from kdteach.exercises._pieces import SIZES, piece
from kdteach.exercises._places import Edit, Slot, called, given, is_guard, taken

_OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_ONE_WAY = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)
_STRICT = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OTHER_WAY = {
    ast.Lt: (ast.Gt, ast.GtE), ast.Gt: (ast.Lt, ast.LtE), ast.LtE: (ast.GtE, ast.Gt),
    ast.GtE: (ast.LtE, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip
_ALIKE = (
    ("sum", "mean", "median", "nansum", "nanmean", "prod"),
    ("max", "min"), ("amax", "amin", "mean", "sum"), ("maximum", "minimum"),
    ("argmax", "argmin"), ("argsort", "sort"), ("std", "var"), ("any", "all"),
    ("log", "exp", "log2", "log10", "log1p", "expm1", "sqrt"), ("sqrt", "square", "abs"),
    ("softmax", "log_softmax", "sigmoid"), ("logsigmoid", "sigmoid"),
    ("floor", "ceil", "round", "trunc"), ("zeros_like", "ones_like"), ("zeros", "ones"),
    ("cross_entropy", "nll_loss"), ("cumsum", "cumprod"), ("gt", "ge"), ("lt", "le"),
)  # fmt: skip
_KEYWORDS = {
    "sum": ("over",), "mean": ("over",), "amax": ("over",), "amin": ("over",),
    "max": ("over",), "min": ("over",), "argmax": ("over",), "argmin": ("over",),
    "softmax": ("over",), "log_softmax": ("over",), "logsumexp": ("over",),
    "std": ("over", "freedom"), "var": ("over", "freedom"), "norm": ("over",),
    "kl_div": ("reduction", "log"), "cross_entropy": ("reduction",), "sort": ("down",),
    "nll_loss": ("reduction",), "mse_loss": ("reduction",), "argsort": ("down",),
    "sorted": ("reverse",),
}  # fmt: skip
_GIVEN: dict[str, tuple[tuple[str, Any], ...]] = {
    "over": (("dim", 1), ("dim", 0), ("dim", -1), ("keepdim", True)),
    "reduction": (("reduction", "batchmean"), ("reduction", "sum"), ("reduction", "none")),
    "log": (("log_target", True),),
    "freedom": (("correction", 0), ("unbiased", False), ("ddof", 1)),
    "down": (("descending", True),),
    "reverse": (("reverse", True),),
}
_REDUCTIONS = ("batchmean", "sum", "mean", "none")
_DIMENSION = ("dim", "axis", "dims")


def direct(slot: Slot) -> Iterator[Edit]:
    """Another operation, order, comparison, function or dimension."""
    node = slot.get()

    def edit(new: ast.AST, asks: str) -> Edit:
        return Edit(node, slot, new, asks)

    if isinstance(node, ast.BinOp):
        yield from (edit(*change) for change in _operations(node))
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.USub):
            yield edit(node.operand, "is its sign right?")
        elif isinstance(node.op, ast.Not):
            yield edit(node.operand, "is that the condition, or its opposite?")
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from (edit(*change) for change in _comparisons(node))
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield edit(
            ast.BoolOp(other, node.values), "do both conditions have to hold, or one?"
        )
    elif isinstance(node, ast.Constant) and isinstance(slot.parent, ast.keyword):
        dimension = slot.parent.arg in _DIMENSION
        asks = "is that the right dimension?" if dimension else "is that the right value?"
        for value in _values(node.value):
            yield Edit(slot.parent, slot, ast.Constant(value), asks)
    elif isinstance(node, ast.Call):
        yield from (edit(*change) for change in _calls(node))
    elif isinstance(node, ast.Attribute) and not called(slot):
        yield edit(node.value, f"is `.{node.attr}` needed there?")
    elif isinstance(node, ast.IfExp):
        yield edit(
            ast.IfExp(node.test, node.orelse, node.body), "which of the two goes when?"
        )
    elif isinstance(node, ast.Subscript):
        yield edit(node.value, "is the index needed there?")
    elif isinstance(node, ast.Slice):
        yield from (edit(*change) for change in _slices(node))


def values(slot: Slot, known: list[str]) -> Iterator[Edit]:
    """Another variable or number, or an argument less.

    Args:
        slot: where they stand.
        known: variables of the answer.
    """
    node, parent = slot.get(), slot.parent
    if isinstance(node, ast.Name) and not called(slot):
        for name in known:
            if name != node.id:
                other = ast.Name(name, ast.Load())
                yield Edit(node, slot, other, "is that the right variable?")
    if isinstance(node, ast.Call):
        for place, keyword in enumerate(node.keywords):
            rest = node.keywords[:place] + node.keywords[place + 1 :]
            less = ast.Call(node.func, node.args, rest)
            yield Edit(node, slot, less, f"is `{keyword.arg}` needed there?")
    if not isinstance(node, ast.Constant):
        return
    if is_guard(node.value):
        return
    at = parent if isinstance(parent, (ast.keyword, ast.expr)) else node
    if not isinstance(parent, ast.keyword):
        for value in _values(node.value):
            asks = f"is `{node.value!r}` the right value there?"
            yield Edit(at, slot, ast.Constant(value), asks)
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        asks = f"should `{node.value!r}` stand there, or what belongs to the arguments?"
        for name in known:
            variable = ast.Name(name, ast.Load())
            yield Edit(at, slot, variable, asks)
            for size in SIZES:
                yield Edit(at, slot, piece(size, variable), asks)


def _operations(node: ast.BinOp) -> Iterator[tuple[ast.AST, str]]:
    left, right = node.left, node.right
    if isinstance(node.op, _ONE_WAY):
        yield ast.BinOp(right, node.op, left), "which of the two comes first?"
    if isinstance(node.op, ast.BitXor):
        yield ast.BinOp(left, ast.Pow(), right), "is that the operator of a power?"
    # a bracket that is missing, or one that reaches too far
    if isinstance(left, ast.BinOp):
        inner = ast.BinOp(left.right, node.op, right)
        yield ast.BinOp(left.left, left.op, inner), "which operation comes first there?"
    if isinstance(right, ast.BinOp):
        inner = ast.BinOp(left, node.op, right.left)
        yield ast.BinOp(inner, right.op, right.right), "which operation comes first there?"
    if isinstance(left, ast.BinOp) and isinstance(right, ast.BinOp):
        inner = ast.BinOp(left.right, node.op, right.left)
        inner = ast.BinOp(inner, right.op, right.right)
        yield ast.BinOp(left.left, left.op, inner), "is a bracket missing there?"
    yield left, "is everything in it needed?"
    yield right, "is everything in it needed?"
    for operation in _OPERATIONS:
        if not isinstance(node.op, operation):
            yield ast.BinOp(left, operation(), right), "is that the right operation?"
    inside = taken(left) if isinstance(left, ast.Call) else None
    if isinstance(left, ast.Call) and inside is not None:
        within = ast.BinOp(inside, node.op, right)
        yield given(left, within), "which comes first, the function or the operation?"
    for name in ("log", "exp", "softmax", "square", "root"):
        yield (
            ast.BinOp(piece(name, left), node.op, piece(name, right)),
            "are both sides the quantities that you want there?",
        )


def _comparisons(node: ast.Compare) -> Iterator[tuple[ast.AST, str]]:
    kind = type(node.ops[0])
    if kind in _STRICT:
        yield (
            ast.Compare(node.left, [_STRICT[kind]()], node.comparators),
            "what should happen where both sides are equal?",
        )
    for other in _OTHER_WAY.get(kind, ()):
        yield (
            ast.Compare(node.left, [other()], node.comparators),
            "which way round does the comparison go?",
        )


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        whole = (value + 1, value - 1, -value, 0, 1, 2, -1, None, float("inf"))
        yield from (one for one in whole if one is None or one != value)
    elif isinstance(value, float):
        several = (1 - value, -value, 0.0, 1.0, 0.5, 2.0, value * 100, value / 100)
        yield from (one for one in several if one != value)
        yield from (float("inf"), -float("inf"))
    elif value is None:
        yield from (0, 1, -1)
    elif value in _REDUCTIONS:
        yield from (one for one in _REDUCTIONS if one != value)


def _calls(node: ast.Call) -> Iterator[tuple[ast.AST, str]]:
    func, args, keywords = node.func, node.args, node.keywords
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    for place in range(len(args) - 1):
        turned = [*args]
        turned[place], turned[place + 1] = args[place + 1], args[place]
        yield ast.Call(func, turned, keywords), "are its arguments in the right order?"
    for alike in _ALIKE:
        for other in alike if name in alike else ():
            if other != name:
                change = copy.copy(func)
                setattr(change, "attr" if isinstance(func, ast.Attribute) else "id", other)
                asks = f"is `{name}` what you want there?"
                if other == f"nan{name}":
                    asks = "can there be a NaN in it, as from 0 times the logarithm of 0?"
                yield ast.Call(change, args, keywords), asks
    here = {keyword.arg for keyword in keywords}
    for group in _KEYWORDS.get(name, ()):
        for new, value in _GIVEN[group]:
            if new not in here:
                more = ast.keyword(new, ast.Constant(value))
                yield (
                    ast.Call(func, args, [*keywords, more]),
                    _WITHOUT[group].format(name=name),
                )
    inside = taken(node)
    within = taken(inside) if isinstance(inside, ast.Call) else None
    if isinstance(inside, ast.Call) and within is not None:
        yield (
            given(inside, given(node, within)),
            f"is `{name}` to be taken before or after what stands in it?",
        )
    if isinstance(inside, ast.BinOp):
        asks = f"does all of it belong inside of `{name}`?"
        yield ast.BinOp(given(node, inside.left), inside.op, inside.right), asks
        yield ast.BinOp(inside.left, inside.op, given(node, inside.right)), asks
        yield (
            ast.BinOp(given(node, inside.left), inside.op, given(node, inside.right)),
            asks,
        )
    if isinstance(func, ast.Attribute):
        yield func.value, f"is `.{name}(...)` needed there?"
    for arg in args[:1]:
        yield arg, f"is `{name}(...)` needed there?"


_WITHOUT = {
    "over": "over which dimension does `{name}` go as it stands, and what shape comes out?",
    "reduction": "how does `{name}` put the numbers together if nothing else is said?",
    "log": "does `{name}` take its target as probabilities or as their logarithms?",
    "freedom": "does `{name}` divide by n or by n - 1?",
    "down": "in which order does `{name}` put them?",
    "reverse": "in which order does `{name}` put them?",
}


def _slices(node: ast.Slice) -> Iterator[tuple[ast.AST, str]]:
    asks = "where should it begin and end?"
    yield ast.Slice(None, node.upper, node.step), asks
    yield ast.Slice(node.lower, None, node.step), asks
    for one in (1, -1):
        yield ast.Slice(ast.Constant(one), node.upper, node.step), asks
        yield ast.Slice(node.lower, ast.Constant(one), node.step), asks
