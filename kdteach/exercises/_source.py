"""An answer as its author wrote it: found, changed at one place, and built again."""

from __future__ import annotations

import ast
import linecache
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

_LONGEST = 60  # characters of code that are quoted
_END = 20  # of them from its end, where much is left out
_LARGEST = 200_000  # characters of a file that is read
_NAME = "__answer"
_COMPUTING = (  # of Python's own library
    "builtins", "math", "cmath", "itertools", "functools", "statistics", "random",
    "decimal", "fractions", "collections", "operator", "numbers", "bisect", "heapq",
)  # fmt: skip
_ACTING = (
    "open", "exec", "eval", "compile", "__import__", "setattr", "delattr", "input",
    "globals", "save", "load", "savez", "savetxt", "loadtxt", "tofile", "set_num_threads",
)  # fmt: skip

Written = ast.FunctionDef | ast.Lambda


@dataclass(frozen=True)
class Source:
    """The text of a function.

    Attributes:
        function: that was defined by it.
        tree: its definition.
        text: of the file or the cell around it.
    """

    function: FunctionType
    tree: Written
    text: str

    def quoted(self, node: ast.AST) -> str:
        """The code of a node, on one line and in backticks."""
        code = " ".join((ast.get_source_segment(self.text, node) or "").split())
        code = code.replace("( ", "(").replace(" )", ")")
        if len(code) > _LONGEST:
            # no name is cut in two
            start = re.sub(r"\w*$", "", code[: _LONGEST - _END - 5])
            end = re.sub(r"^\w*", "", code[-_END:])
            code = f"{start} ... {end}"
        return f"`{code}`" if code and "`" not in code else ""

    def line(self, node: ast.AST) -> int:
        """The line of a node, counted from 1 where the function begins."""
        first = self.tree.lineno
        return int(getattr(node, "lineno", first)) - first + 1

    def names(self, also: Mapping[str, Any]) -> dict[str, Any]:
        """What its code may use, a dictionary of its own.

        Args:
            also: names besides those that it could use before.
        """
        return {**self.function.__globals__, **also}

    def built(self, names: dict[str, Any]) -> Callable[..., Any]:
        """The function as its tree is now.

        Args:
            names: what its code may use.

        Raises:
            SyntaxError, ValueError: the tree is no program any more.
        """
        old = self.function.__code__
        inside = _compiled(self.tree, old.co_freevars)
        cells = dict(zip(old.co_freevars, self.function.__closure__ or (), strict=True))
        built = FunctionType(
            inside,
            names,
            self.function.__name__,
            self.function.__defaults__,
            tuple(cells[name] for name in inside.co_freevars),
        )
        built.__kwdefaults__ = self.function.__kwdefaults__
        return built


def source(answer: Callable[..., Any]) -> Source | None:
    """Find the text of a function.

    Args:
        answer: written with ``def`` or ``lambda`` in a cell of a notebook or in a file.

    Returns:
        None where there is no text, or it is not that of the function.
    """
    if type(answer) is not FunctionType or hasattr(answer, "__wrapped__"):
        return None
    code = answer.__code__
    text = "".join(linecache.getlines(code.co_filename))
    if not text or len(text) > _LARGEST:
        return None
    try:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, Written) and _begins(node) == code.co_firstlineno:
                if isinstance(node, ast.FunctionDef):
                    node.decorator_list = []  # they have done their work already
                if _same(node, code.co_freevars, code):
                    return Source(answer, node, text) if _plain(answer, node) else None
    except (SyntaxError, ValueError, RecursionError):
        return None
    return None


def reminder(answer: Callable[..., Any], without: tuple[str, ...]) -> str:
    """What to add where a right answer uses what its task forbids; nothing else.

    Args:
        answer: a function; only its own code is looked at, also what is defined inside.
        without: names, as they stand after the last dot.
    """
    names: set[str] = set()
    codes = [getattr(answer, "__code__", None)]
    if str(getattr(answer, "__module__", "")).partition(".")[0] in ("kdteach", "torch"):
        names.add(getattr(answer, "__name__", ""))  # not written, but handed on
    while codes:
        code = codes.pop()
        if isinstance(code, CodeType):
            names.update(code.co_names)
            codes.extend(code.co_consts)
    used = [f"`{name}`" for name in without if name in names]
    if not used:
        return ""
    return f" The numbers are right; but the task is to do it without {' and '.join(used)}."


def _plain(answer: FunctionType, tree: Written) -> bool:
    """Whether it only computes: a change of threads, files or processes may do harm."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)):
            return False
        if isinstance(node, ast.Attribute) and node.attr in _ACTING:
            return False
        if isinstance(node, ast.Name) and (
            node.id in _ACTING or _of_the_system(answer.__globals__.get(node.id))
        ):
            return False
    return True


def _of_the_system(meant: Any) -> bool:
    """Whether a name stands for something of Python's own library that does not compute."""
    if isinstance(meant, ModuleType):
        home = meant.__name__
    else:
        home = getattr(meant, "__module__", None) or ""
    root = str(home).split(".")[0]
    return root in sys.stdlib_module_names and root not in _COMPUTING


def _begins(node: Written) -> int:
    above = node.decorator_list if isinstance(node, ast.FunctionDef) else ()
    return int(min(part.lineno for part in (node, *above)))


def locate(new: ast.AST | list[ast.AST]) -> None:
    """Give a place to what was put into a tree.

    A node that has one is not looked into: it was parsed, and so is all that it holds. To
    look through the whole tree for each change takes longer than to compile it.

    Args:
        new: a node, or several.
    """
    rest = list(new) if isinstance(new, list) else [new]
    while rest:
        node = rest.pop()
        if "lineno" not in vars(node):
            if "lineno" in node._attributes:
                node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
                node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
            rest.extend(ast.iter_child_nodes(node))


def _compiled(tree: Written, free: tuple[str, ...]) -> CodeType:
    """Compile a definition inside of another function, which has its free variables."""
    defined: ast.stmt = tree if isinstance(tree, ast.FunctionDef) else ast.Assign(
        [ast.Name(_NAME, ast.Store())], tree
    )  # fmt: skip
    arguments = ast.arguments([], [ast.arg(one) for one in free], None, [], [], None, [])
    outer = ast.copy_location(ast.FunctionDef(_NAME, arguments, [defined], []), tree)
    locate(outer.args)
    locate(defined)
    module = ast.Module([outer], [])
    try:
        found = compile(module, "<answer>", "exec")
    except TypeError:  # a node without a place
        found = compile(ast.fix_missing_locations(module), "<answer>", "exec")
    for _ in range(2):
        found = next(
            part for part in reversed(found.co_consts) if isinstance(part, CodeType)
        )
    return found


def _same(node: Written, free: tuple[str, ...], code: CodeType) -> bool:
    """Whether a definition is that of the code. The instructions themselves may differ.

    Python writes others for a name that is imported in the same file.
    """
    if isinstance(node, ast.Lambda):  # of several in a line, the one at this place
        body = node.body
        place = (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset)
        if place not in set(code.co_positions()):
            return False
    found = _compiled(node, free)
    plain = [
        repr([part for part in one.co_consts if not isinstance(part, CodeType)])
        for one in (found, code)
    ]
    return (
        found.co_name == code.co_name
        and found.co_names == code.co_names
        and found.co_varnames == code.co_varnames
        and plain[0] == plain[1]
    )
