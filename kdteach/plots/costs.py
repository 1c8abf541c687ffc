"""What a student costs beside its teacher, as bars."""

from __future__ import annotations

from collections.abc import Mapping

from kdteach.checks import check_choice, check_count, check_number
from kdteach.plots._figure import ROLES, Figure, axes_of, joined
from kdteach.plots._given import LARGEST, LONG, named, written


def cost_bars(
    groups: Mapping[str, Mapping[str, float]], *, alt: str, reference: str
) -> Figure:
    """Costs of several models as multiples of one of them, a panel for each cost.

    Args:
        groups: cost (with unit) to {model: value}, all above 0.
        alt: what is seen, one sentence; the main numbers are added.
        reference: the model that counts as 1.

    Raises:
        TypeError: no numbers or names.
        ValueError: no costs, more than 12 of them, the reference is missing in one, or a
            cost is not finite and above 0, or beyond 1e100 times the reference.
    """
    costs = {
        cost: named(f"cost {cost!r}", v) for cost, v in named("groups", groups).items()
    }
    check_count("number of groups", len(costs), most=12)
    for cost, values in costs.items():
        check_choice(f"reference in cost {cost!r}", reference, values)
        for model, value in values.items():
            values[model] = check_number(f"cost {cost!r} of {model!r}", value, above=0)
        for model, value in values.items():
            if not 1 / LARGEST <= value / values[reference] <= LARGEST:
                raise ValueError(
                    f"cost {cost!r} of {model!r} is {value:g}, too far from "
                    f"{values[reference]:g} of {reference!r} to be drawn as a multiple"
                )
    with axes_of(1, len(costs), (2.1 * len(costs), 3.2), squeeze=False, sharey=True) as (
        canvas,
        axes,
    ):
        for panel, (cost, values) in zip(axes[0], costs.items(), strict=True):
            ratios = {model: value / values[reference] for model, value in values.items()}
            colors = [
                ROLES["teacher" if model == reference else "distilled"]["color"]
                for model in ratios
            ]
            labels = [written(model) for model in ratios]
            bars = panel.bar(labels, list(ratios.values()), color=colors)
            panel.bar_label(bars, fmt=_multiple, fontsize=9)
            panel.axhline(1, color="0.4", linewidth=1, linestyle=":")
            panel.set_title(written(cost), fontsize=10)
            panel.tick_params(axis="x", rotation=25)
        axes[0, 0].set_ylabel(written(f"multiple of {reference}"))
    multiples = (
        f"{cost}: {model} {_multiple(value / values[reference])}"
        for cost, values in costs.items()
        for model, value in values.items()
        if model != reference
    )
    return Figure(canvas, joined(alt, multiples, f"Multiples of {reference}"))


def _multiple(value: float) -> str:
    return f"{value:.2f}" if value < LONG else f"{value:.2e}"
