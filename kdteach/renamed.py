"""Former names of public functions and classes: they still work, and name the new one.

A name stays for one version after it was replaced, so that code which runs today goes on to
run, with a DeprecationWarning that says what to write instead.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping


def former_names(module: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a module some of whose names have changed (PEP 562).

    Args:
        module: its ``__name__``.
        names: the name of today, by the former one.

    Returns:
        A function of a name that gives what is meant by a former one, with a
        DeprecationWarning at the line which asks for it, and raises AttributeError for
        anything else.
    """

    def find(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_renamed(f"{module}.{name}", f"{module}.{names[name]}")
        found: object = getattr(sys.modules[module], names[name])
        return found

    return find


def warn_renamed(former: str, today: str, levels: int = 1) -> None:
    """Say that something has another name now.

    Args:
        former: what was written.
        today: what to write instead.
        levels: calls between the library's function that was called and the caller's line.
    """
    warnings.warn(
        f"{former} is now called {today}; the former name will go with the next version",
        DeprecationWarning,
        stacklevel=levels + 2,
    )
