"""What figures ask of the numbers and names they are given, before they draw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.mathtext import MathTextParser
from numpy.typing import NDArray
from torch import Tensor

from kdteach.checks import (
    check_choice,
    check_names,
    check_number,
    check_tensor,
    is_name,
    shown,
)
from kdteach.plots._figure import ROLES

LARGEST = 1e100  # what is drawn: axes and intervals calculate with squares of it
Numbers = NDArray[np.float64]
_FORMULA = re.compile(r"\$(?=\S)[^$]*?(?<=\S)\$(?!\d)")


def array(name: str, values: object) -> NDArray[Any]:
    """An array of real numbers or truth values, whatever they come in.

    Raises:
        TypeError: no numbers, or complex ones.
        ValueError: rows of unequal length.
    """
    if isinstance(values, Tensor):
        values = check_tensor(name, values).detach().cpu()
        values = values.double() if values.is_floating_point() else values
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} must be numbers, and none of them masked")
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name}: rows must have one length, got {shown(values)}"
        ) from error
    except Exception as error:
        raise TypeError(f"{name} must be numbers, got {shown(values)}") from error
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got {shown(values)}")
    return found


def numbers(
    name: str, values: object, *, ndim: int, positive: str | None = None
) -> Numbers:
    """Finite numbers of so many dimensions, none of them empty.

    Args:
        name: of what they are, for the error.
        values: whatever has them.
        ndim: number of dimensions.
        positive: why all of them must be above 0, where they must.

    Raises:
        TypeError: no numbers.
        ValueError: another shape, NaN or infinity, beyond 1e100, 0 or less where that
            cannot be drawn.
    """
    found = array(name, values).astype(np.float64)
    if found.ndim != ndim or 0 in found.shape:
        raise ValueError(
            f"{name} must have {ndim} dimension{'s' if ndim > 1 else ''} and no empty one, "
            f"got shape {found.shape}"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    if (size := np.abs(found).max()) > LARGEST:
        raise ValueError(
            f"{name} must lie in -{LARGEST:g} to {LARGEST:g} to be drawn, got numbers of "
            f"the size {size:.3g}"
        )
    if positive is not None and found.min() <= 0:
        raise ValueError(f"{name} must be above 0, {positive}, got {found.min():g}")
    return found


def same_length(name: str, values: Sequence[Any] | Numbers, count: int, of: str) -> None:
    """Raise ValueError unless there are as many values as there are of something else."""
    if len(values) != count:
        raise ValueError(f"{name} must be {count}, one for each {of}, got {len(values)}")


def named(name: str, values: object) -> dict[str, Any]:
    """A mapping with something in it, its keys as they are.

    Raises:
        TypeError: no mapping, or keys that are no names.
        ValueError: an empty one, an empty name in it, or two that look the same.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} must be a dictionary, name to values, got {shown(values)}")
    if not values:
        raise ValueError(f"{name} is empty: there is nothing to draw")
    for key in values:
        if not is_name(key):
            raise TypeError(f"{name} must have names as keys, got {shown(key)} among them")
        if str(key).strip() == "":
            raise ValueError(f"{name} has an empty name")
    owner: dict[str, Any] = {}
    for key in values:
        if (other := owner.setdefault(written(key), key)) is not key:
            raise ValueError(
                f"{name} has two names that are written alike, {shown(other)} and "
                f"{shown(key)}: rename one"
            )
    return dict(values)


def perhaps(name: str, values: object) -> dict[str, Any]:
    """As ``named``, and nothing where nothing was given."""
    if values is None or (isinstance(values, Mapping) and not values):
        return {}
    return named(name, values)


def texts(name: str, values: object, count: int, of: str) -> list[str]:
    """So many names.

    Raises:
        TypeError: no sequence of names.
        ValueError: another number of them.
    """
    found = check_names(name, values)
    same_length(name, found, count, of)
    return found


def styles(
    roles: object, names: Iterable[str], default: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Colour, mark and line of each series.

    Args:
        roles: name to role, or None.
        names: of all series.
        default: role of those that ``roles`` does not name.

    Raises:
        ValueError: a role or a name that is unknown, or a series without a role.
    """
    names, given = list(names), {} if roles is None else dict(named("roles", roles))
    if unknown := given.keys() - set(names):
        raise ValueError(f"roles for {sorted(unknown)}, but the series are {names}")
    chosen = dict(default) | given
    if missing := [name for name in names if name not in chosen]:
        raise ValueError(
            f"roles are missing for {missing}: by themselves {len(ROLES)} series at most "
            f"can be told apart; known are {', '.join(ROLES)}"
        )
    return {name: ROLES[check_choice("role", chosen[name], ROLES)] for name in names}


def scale(name: str, value: object) -> str:
    """The scale of an axis."""
    return check_choice(name, value, ("linear", "log"))


def on_log(of: str) -> str:
    """Why what is drawn on a logarithmic axis must be above 0."""
    return f'to lie on a logarithmic axis (or give {of}="linear")'


def share(name: str, value: object) -> float:
    """A number in [0, 1]."""
    return check_number(name, value, least=0, most=1)


def axis_label(name: str, value: object) -> str:
    """What stands beside an axis, as matplotlib is to draw it.

    Raises:
        TypeError: no text.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text, got {shown(value)}")
    return written(value)


def written(value: object) -> str:
    """A name as matplotlib is to draw it: formulas as formulas, other signs as they are.

    A dollar sign stands for itself unless two of them enclose a formula that can be read,
    and not "$5 and $6". A name with an underscore in front would be left out of the legend,
    so that a space of no width goes before it.
    """
    text = str(value).encode("utf-8", "replace").decode()
    if "$" in text and not _formulas(text):
        text = text.replace("\\$", "$").replace("$", "\\$")
    return f"\u200b{text}" if text.startswith("_") else text


def _formulas(text: str) -> bool:
    if "$" in _FORMULA.sub("", text.replace("\\$", "")):
        return False
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return False
    return True
