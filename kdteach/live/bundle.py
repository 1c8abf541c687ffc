"""One self-contained script from the modules of a figure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', flags=re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?=(?:async )?function |const |let |class )", flags=re.MULTILINE
)


def source(name: str) -> str:
    """The text of one module.

    Args:
        name: without ``.js``.
    """
    return (resources.files(__package__) / "modules" / f"{name}.js").read_text("utf-8")


@cache
def joined(name: str) -> str:
    """A module with all that it imports, in one scope, each once and before its use.

    Names of the modules do not collide; a test sees to it.

    Args:
        name: without ``.js``.
    """
    order: list[str] = []

    def visit(module: str) -> None:
        for other in _IMPORT.findall(source(module)):
            visit(other)
        if module not in order:
            order.append(module)

    visit(name)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", source(module))) for module in order)


def script(name: str, data: Mapping[str, object]) -> str:
    """The element that makes each waiting figure of this kind come alive.

    Where a page holds several figures of one kind, each takes its own data: the script
    stands right behind its figure, and takes the last one that waits.

    Args:
        name: of the figure, and of the function in the module of that name.
        data: what it shows, values that JSON has.
    """
    # "<" would let a text end the script
    values = json.dumps(data, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    return (
        f"<script>(() => {{\n{joined(name)}\n"
        f'const waiting = document.querySelectorAll(".kd-live[data-kd={name}]");\n'
        "const root = [...waiting].reverse().find((one) => !one.dataset.ready);\n"
        f'if (root) {{ root.dataset.ready = "yes"; {name}(root, {values}); }}\n'
        "})();</script>"
    )
