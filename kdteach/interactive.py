"""Charts that compute in the page: no kernel, no server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdteach.checks import check_names, check_number, check_tensor, shown
from kdteach.extras import require_extra

require_extra("kdteach.interactive", "altair")
import altair  # noqa: E402


def temperature_slider(
    logits: ArrayLike, classes: Sequence[str], *, description: str, highest: float = 20.0
) -> altair.Chart:
    """Bars of softmax(logits / T) with a slider for T, computed by the browser.

    Args:
        logits: (C,) finite numbers, C of at least 2.
        classes: C different names.
        description: what the chart shows, read aloud by screen readers: one sentence.
        highest: right end of the slider, in (1, 1000]; the left end is 0.5, the step 0.1.

    Returns:
        The chart; in a notebook its last expression shows it.

    Raises:
        TypeError: no numbers, names or description.
        ValueError: lengths differ, names repeat or are empty, logits not finite, an end of
            the slider that is out of range, HTML in a name or in the description.
    """
    values = _finite(logits)
    names = _names(classes)
    if values.shape != (len(names),) or len(set(names)) != len(names) or len(names) < 2:
        raise ValueError(
            f"need one logit for each of {len(names)} different classes, at least 2, got "
            f"logits of shape {values.shape} and classes {shown(names)}"
        )
    if not isinstance(description, str):
        raise TypeError(f"description must be a text, got {shown(description)}")
    if not description.strip():
        raise ValueError("description is empty: say what the chart shows")
    highest = check_number("highest", highest, above=1, most=1000)
    _require_harmless([*names, description])
    with np.errstate(over="ignore"):
        shifted = values - values.max()
    if not np.isfinite(shifted).all():
        raise ValueError("logits must be finite, and so must be their differences")
    rows = [{"class": name, "z": float(z)} for name, z in zip(names, shifted, strict=True)]
    # No menu in the corner, which has no accessible name; bars that screen readers find.
    embed = {"embedOptions": {"actions": False, "renderer": "svg"}}
    temperature = altair.param(
        name="T",
        value=1.0,
        bind=altair.binding_range(min=0.5, max=highest, step=0.1, name="Temperature T "),
    )
    bars: altair.Chart = (
        altair.Chart(altair.InlineData(values=rows))
        .transform_calculate(e="exp(datum.z / T)")
        .transform_joinaggregate(total="sum(e)")
        .transform_calculate(p="datum.e / datum.total")
        .mark_bar(color="#D55E00")
        .encode(
            x=altair.X("class:N", sort=names, title=None, axis=altair.Axis(labelAngle=0)),
            y=altair.Y("p:Q", title="probability", scale=altair.Scale(domain=[0, 1])),
            tooltip=[altair.Tooltip("class:N"), altair.Tooltip("p:Q", format=".4f")],
        )
    )
    chart: altair.Chart = bars.add_params(temperature).properties(
        width=260, height=200, description=description, usermeta=embed
    )
    return chart


def _finite(logits: object) -> NDArray[np.float64]:
    if isinstance(logits, Tensor):
        logits = check_tensor("logits", logits).detach().cpu()
        logits = logits.double() if logits.is_floating_point() else logits
    if isinstance(logits, np.ma.MaskedArray):
        raise TypeError("logits must be (C,) numbers, and none of them masked")
    try:
        found = np.asarray(logits)
    except Exception as error:
        raise TypeError(f"logits must be (C,) numbers, got {shown(logits)}") from error
    if found.dtype.kind not in "iuf":
        raise TypeError(f"logits must be (C,) numbers, got {shown(logits)}")
    values: NDArray[np.float64] = found.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("logits must be finite")
    return values


def _names(classes: object) -> list[str]:
    names = check_names("classes", classes)
    if any(not name.strip() for name in names):
        raise ValueError(f"a class has an empty name: {shown(names)}")
    return names


def _require_harmless(texts: Iterable[str]) -> None:
    """Raise ValueError for what a browser would take for the end of the chart's script."""
    for text in texts:
        if re.search("</|<!|<script", text, flags=re.IGNORECASE):
            raise ValueError(
                f"{shown(text)} looks like HTML, and a browser would end the chart's "
                "script there: leave out '</', '<!' and '<script'"
            )
