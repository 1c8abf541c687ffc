"""The times of the chapter *What did we compress?*, measured where the page is run.

Networks are measured in rounds, one after the other in each. Of a round counts the median
of its passes, and of the rounds the quickest: what else a machine does can only add time.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_number, check_numbers, shown
from kdteach.cost import count_flops, measure_latency
from kdteach.models import build
from kdteach.quantisation import quantised

__all__ = [
    "as_long", "eight_bits_longer", "limits_and_times", "parts_in_eight_bits",
    "times_of_widths",
]  # fmt: skip

_ROUNDS = 15
_SHARES = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth", 6: "a sixth"}
_IMAGE = (1, 28, 28)


def limits_and_times(
    networks: Mapping[str, tuple[str, nn.Module]],
    input_shape: Sequence[int],
    *,
    peak: float,
    batch_size: int = 1,
    repeats: int = 30,
) -> dict[str, tuple[str, float, float]]:
    """The time that operations alone would take, and the one that was measured.

    Args:
        networks: name to (colour, model).
        input_shape: of one image, (channels, H, W).
        peak: operations a second at best, as ``kdteach.cost.matmul_peak`` measures them.
        batch_size: images in a pass.
        repeats: timed passes in each of fifteen rounds, 3 or more.

    Returns:
        Name to (colour, limit, measured), both in milliseconds a pass: the rows of
        ``predicted_and_measured``.

    Raises:
        TypeError: networks is no dictionary; what ``count_flops`` refuses.
        ValueError: peak not above 0; no networks.
    """
    if not isinstance(networks, Mapping):
        raise TypeError(f"networks must be a dictionary, got {shown(networks)}")
    if not networks:
        raise ValueError("networks must be one or more, got none")
    peak = check_number("peak", peak, above=0)
    models = {name: model for name, (_, model) in networks.items()}
    took = _quickest(models, input_shape, batch_size, repeats)
    return {
        name: (
            colour,
            1000 * batch_size * count_flops(model, input_shape) / peak,
            took[name],
        )
        for name, (colour, model) in networks.items()
    }


def times_of_widths(
    units: Sequence[int], *, repeats: int = 20
) -> dict[str, tuple[str, str, list[float]]]:
    """Students with one hidden layer, in single precision and in eight bits.

    Args:
        units: of the hidden layers, at least 1 each.
        repeats: timed passes in each of fifteen rounds, 3 or more.

    Returns:
        Four lines of ``time_by_size``: one image and 256 images at once, in both
        precisions; each name to (colour, dashes, milliseconds an image).

    Raises:
        ValueError: a width below 1.
    """
    widths = [check_count("units", int(u)) for u in check_numbers("units", units)]
    floats = {str(width): build(f"fc-{width}") for width in widths}
    small = {name: quantised(model) for name, model in floats.items()}
    lines = {}
    for name, colour, dashes, models, batch in (
        ("one image, 8 bits", "label", "", small, 1),
        ("one image", "soft", "", floats, 1),
        ("256 images, 8 bits", "label", "8 4", small, 256),
        ("256 images", "soft", "8 4", floats, 256),
    ):
        took = _quickest(models, _IMAGE, batch, repeats)
        times = [took[str(width)] / batch for width in widths]
        lines[name] = (colour, dashes, times)
    return lines


def eight_bits_longer(
    units: Sequence[int], lines: Mapping[str, tuple[str, str, Sequence[float]]]
) -> dict[str, dict[int, float]]:
    """How many times as long the students take in eight bits as in single precision.

    Args:
        units: of the hidden layers.
        lines: the four of ``times_of_widths`` for these units.

    Returns:
        "one image" and "256 images", each units to ratio.

    Raises:
        ValueError: another number of times than of units.
    """
    return {
        name: {
            int(width): small / whole
            for width, small, whole in zip(
                units, lines[f"{name}, 8 bits"][2], lines[name][2], strict=True
            )
        }
        for name in ("one image", "256 images")
    }


class _Whole(nn.Module):
    """The first dense layer of a student in eight bits, with rounding or after it."""

    def __init__(self, units: int, rounded: Tensor | None) -> None:
        super().__init__()
        layers = quantised(build(f"fc-{units}")).modules()
        self.packed: Any = next(
            part._packed_params._packed_params  # type: ignore[union-attr]
            for part in layers
            if hasattr(part, "_packed_params")
        )
        self.rounded = rounded

    def forward(self, images: Tensor) -> Tensor:
        """What the layer answers to (B, 1, 28, 28) images, or to the rounded ones."""
        known: Any = torch.ops.quantized
        answer: Tensor = (
            known.linear_dynamic(images.flatten(1), self.packed)
            if self.rounded is None
            else known.linear(self.rounded, self.packed, 0.1, 64)
        )
        return answer


def parts_in_eight_bits(
    units: int, *, batch_size: int = 256, repeats: int = 20
) -> dict[str, float]:
    """Where the time of a student's first layer goes in eight bits.

    The layer is timed as it is, and again with inputs that are whole numbers already: the
    difference is what it costs to find their range and to round them.

    Args:
        units: of the hidden layer, at least 1.
        batch_size: images in a pass, at least 1.
        repeats: timed passes in each of fifteen rounds, 3 or more.

    Returns:
        "rounding" and "product" in eight bits, and "single precision" for the same layer,
        in milliseconds a pass. With few images the difference may be below 0.

    Raises:
        ValueError: units or batch_size below 1.
    """
    units = check_count("units", units)
    batch_size = check_count("batch_size", batch_size)
    pixels = torch.linspace(0, 1, batch_size * 784, device="cpu").reshape(-1, 784)
    with warnings.catch_warnings():  # whole numbers are to move to a package of their own
        warnings.simplefilter("ignore")
        rounded = torch.quantize_per_tensor(pixels, 1 / 255, 0, torch.quint8)
    dense = next(m for m in build(f"fc-{units}").modules() if isinstance(m, nn.Linear))
    models = {
        "both": _Whole(units, None),
        "product": _Whole(units, rounded),
        "single precision": nn.Sequential(nn.Flatten(), dense),
    }
    took = _quickest(models, _IMAGE, batch_size, repeats)
    return {"rounding": took.pop("both") - took["product"], **took}


def as_long(ratio: float) -> str:
    """A ratio of two times in words: *1.4 times as long*, *about a third as long*.

    Args:
        ratio: above 0.
    """
    ratio = check_number("ratio", ratio, above=0)
    share = _SHARES.get(round(1 / ratio)) if ratio <= 2 / 3 else None
    if share:
        return f"about {share} as long"
    return "about as long" if f"{ratio:.1f}" == "1.0" else f"{ratio:.2g} times as long"


def _quickest(
    models: Mapping[str, nn.Module], input_shape: Sequence[int], batch: int, repeats: int
) -> dict[str, float]:
    """Milliseconds a pass: of each round the median, and of these the least."""
    rounds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(_ROUNDS):
        for name, model in models.items():
            passed = measure_latency(
                model, input_shape, batch_size=batch, repeats=repeats, warmup=3
            )
            rounds[name].append(passed.median_ms)
    return {name: min(found) for name, found in rounds.items()}
