"""Charts that compute in the page: no kernel, no server."""

from __future__ import annotations

from collections.abc import Sequence

import altair
import numpy as np
from numpy.typing import ArrayLike


def temperature_slider(
    logits: ArrayLike, classes: Sequence[str], *, description: str, highest: float = 20.0
) -> altair.Chart:
    """Bars of softmax(logits / T) with a slider for T, computed by the browser.

    Args:
        logits: (C,) finite numbers.
        classes: C different names.
        description: what the chart shows, read aloud by screen readers.
        highest: right end of the slider; the left end is 0.5, the step 0.1.

    Returns:
        The chart; in a notebook its last expression shows it.

    Raises:
        ValueError: lengths differ, names repeat, logits not finite.
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.shape != (len(classes),) or len(set(classes)) != len(classes):
        raise ValueError(
            f"need one logit for each of {len(classes)} different classes, "
            f"got shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("logits must be finite")
    rows = [
        {"class": name, "z": float(z - values.max())}
        for name, z in zip(classes, values, strict=True)
    ]
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
            x=altair.X(
                "class:N", sort=list(classes), title=None, axis=altair.Axis(labelAngle=0)
            ),
            y=altair.Y("p:Q", title="probability", scale=altair.Scale(domain=[0, 1])),
            tooltip=[altair.Tooltip("class:N"), altair.Tooltip("p:Q", format=".4f")],
        )
    )
    chart: altair.Chart = bars.add_params(temperature).properties(
        width=260, height=200, description=description, usermeta=embed
    )
    return chart
