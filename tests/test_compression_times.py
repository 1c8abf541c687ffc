"""Times of the chapter on compression: counted by hand, in order, and in words."""

import time

import pytest
import torch
from torch import nn

from kdteach.cost import measure_latency
from kdteach.models import build
from kdteach.plots.compression import (
    as_long,
    eight_bits_longer,
    limits_and_times,
    parts_in_eight_bits,
    time_by_size,
    times_of_widths,
)
from kdteach.quantisation import quantised


class Sleeper(nn.Module):
    """A network that takes so many milliseconds an image, and multiplies a little."""

    def __init__(self, milliseconds):
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.milliseconds = milliseconds

    def forward(self, images):
        time.sleep(len(images) * self.milliseconds / 1000)
        return self.layer(images.flatten(1))


def test_limits_are_operations_over_speed_and_times_are_those_of_the_clock():
    network = Sleeper(2)
    network.train()
    rows = limits_and_times(
        {"slow": ("teacher", network), "quick": ("student", Sleeper(0))},
        (1, 2, 2), peak=1e6, batch_size=3, repeats=3,
    )  # fmt: skip
    assert list(rows) == ["slow", "quick"]
    for name, colour in (("slow", "teacher"), ("quick", "student")):
        # 3 images, 4 times 2 weights, a product and a sum each, a million a second
        assert rows[name][:2] == (colour, pytest.approx(1000 * 3 * 16 / 1e6))
    assert 6 <= rows["slow"][2] < 500
    assert rows["quick"][2] < rows["slow"][2]
    assert network.training
    with pytest.raises(ValueError, match="peak"):
        limits_and_times({"a": ("student", Sleeper(0))}, (1, 2, 2), peak=0)
    with pytest.raises(TypeError, match="networks must be a dictionary"):
        limits_and_times([network], (1, 2, 2), peak=1)
    with pytest.raises(ValueError, match="one or more"):
        limits_and_times({}, (1, 2, 2), peak=1)


def test_each_width_has_four_times_that_can_be_drawn():
    before = torch.random.get_rng_state()
    lines = times_of_widths((4, 8), repeats=3)
    assert torch.equal(before, torch.random.get_rng_state())
    assert list(lines) == [
        "one image, 8 bits", "one image", "256 images, 8 bits", "256 images",
    ]  # fmt: skip
    for _, _, times in lines.values():
        assert len(times) == 2
        assert min(times) > 0
    # milliseconds, as the clock of the library has them
    alone = measure_latency(build("fc-8"), (1, 28, 28), repeats=9).median_ms
    assert alone / 30 < lines["one image"][2][1] < 30 * alone
    # many images at once share the cost of a pass
    assert max(lines["256 images"][2]) < min(lines["one image"][2])
    assert "one image: " in time_by_size((4, 8), lines, caption="x").alt
    with pytest.raises(ValueError, match="units"):
        times_of_widths((0, 8))


def test_rounding_and_product_are_the_time_of_the_first_layer_in_eight_bits():
    before = torch.random.get_rng_state()
    parts = parts_in_eight_bits(8)
    assert torch.equal(before, torch.random.get_rng_state())
    assert list(parts) == ["rounding", "product", "single precision"]
    assert min(parts.values()) > 0
    layer = quantised(nn.Sequential(nn.Flatten(), nn.Linear(784, 8)))
    whole = min(
        measure_latency(layer, (1, 28, 28), batch_size=256, repeats=20).median_ms
        for _ in range(5)
    )
    assert whole / 3 < parts["rounding"] + parts["product"] < 3 * whole
    many = parts_in_eight_bits(2048, batch_size=64, repeats=3)
    one = parts_in_eight_bits(2048, batch_size=1, repeats=3)
    assert many["single precision"] > 4 * one["single precision"]  # all images pass
    with pytest.raises(ValueError, match="units"):
        parts_in_eight_bits(0)
    with pytest.raises(ValueError, match="batch_size"):
        parts_in_eight_bits(8, batch_size=0)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.4, "1.4 times as long"),
        (0.7, "0.7 times as long"),
        (0.5, "about half as long"),
        (0.34, "about a third as long"),
        (0.24, "about a quarter as long"),
        (1 / 6, "about a sixth as long"),
        (0.05, "0.05 times as long"),
        (0.97, "about as long"),
        (1.06, "1.1 times as long"),
    ],
)
def test_ratios_in_words(ratio, words):
    assert as_long(ratio) == words


def test_a_ratio_is_above_0():
    with pytest.raises(ValueError, match="ratio"):
        as_long(0)


def test_eight_bits_are_divided_by_single_precision_width_by_width():
    lines = {
        "one image, 8 bits": ("soft", "", [6.0, 8.0]),
        "one image": ("student", "", [2.0, 4.0]),
        "256 images, 8 bits": ("soft", "8 4", [0.1, 0.2]),
        "256 images": ("student", "8 4", [0.2, 0.2]),
    }
    assert eight_bits_longer((8, 16), lines) == {
        "one image": {8: 3.0, 16: 2.0},
        "256 images": {8: 0.5, 16: 1.0},
    }
    with pytest.raises(ValueError, match="zip"):
        eight_bits_longer((8, 16, 32), lines)
