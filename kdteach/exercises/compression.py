"""Checks of the chapter *What did we compress?*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _dense(widths: Sequence[int], *, biases: str = "outputs", layers: str = "all") -> int:
    """The right answer of the first exercise, with places to go wrong at."""
    steps = list(pairwise(widths))
    kept = {"all": steps, "without the last": steps[:-1], "without the first": steps[1:]}
    extra = {
        "outputs": sum(widths[1:]),
        "inputs": sum(widths[:-1]),
        "one": len(widths) - 1,
        "none": 0,
        "all": sum(widths),
        "hidden": sum(widths[1:-1]),
    }[biases]
    if layers == "without the last" and biases == "outputs":
        extra = sum(widths[1:-1])
    return sum(a * b for a, b in kept[layers]) + extra


_DENSE = Exercise(
    _dense,
    (([784, 784, 784, 10],), ([784, 14, 10],), ([64, 10],), ([5, 7, 3, 2],)),
    (
        Mistake(
            "these are operations (two for each weight), not parameters.",
            lambda w: 2 * sum(a * b for a, b in pairwise(w)),
        ),
        Mistake(
            "that is the product of all widths. Each layer has inputs times outputs, and "
            "the layers add up: a sum.",
            lambda w: prod(w),
        ),
        Mistake(
            "that is the number of units; each pair of neighbouring layers has a weight "
            "for every input and every output.",
            lambda w: sum(w),
        ),
        Mistake(
            "you multiplied each width with itself, a square; a layer goes from one width "
            "to the next.",
            lambda w: sum(x * x + x for x in w[1:]),
        ),
        Mistake(
            "you multiplied each width with itself, a square; a layer goes from one width "
            "to the next.",
            lambda w: sum(x * x for x in w),
        ),
    ),
    "weights are inputs times outputs, and each output has a bias.",
    amounts=True,
    slips=(
        slip("you have the weights; each output also has a bias.", biases="none"),
        slip(
            "one bias for each input? A bias is added to the outputs of a layer.",
            biases="inputs",
        ),
        slip("one bias a layer is too few.", biases="one"),
        slip(
            "you gave the input a bias too; biases belong to outputs of layers.",
            biases="all",
        ),
        slip("the output layer (the last one) has biases as well.", biases="hidden"),
        slip("the last layer is missing.", layers="without the last"),
        slip("the first layer is missing.", layers="without the first"),
    ),
)


def _conv(
    inputs: int,
    outputs: int,
    kernel: int,
    height: int,
    width: int,
    *,
    each: int = 2,
    sums: str = "as many",
    power: int = 2,
    without: str = "",
    size: str = "output",
    biases: str = "none",
) -> int:
    """The right answer of the second exercise, with places to go wrong at."""
    places = {
        "output": height * width,
        "shrunk": (height - kernel + 1) * (width - kernel + 1),
        "grown": (height + kernel - 1) * (width + kernel - 1),
        "height": height * height,
        "width": width * width,
        "one": 1,
    }[size]
    channels = {
        "": inputs * outputs,
        "inputs": outputs,
        "outputs": inputs,
        "both": 1,
        "added": inputs + outputs,
    }[without]
    more = {"none": 0, "biases": outputs * places}[biases]
    fewer = {
        "as many": 0,
        "one fewer": outputs * places,
        "fewer a window": channels * places,
    }
    weights: int = channels * kernel**power
    return each * weights * places - fewer[sums] + more


_CONV = Exercise(
    _conv,
    ((1, 32, 3, 26, 26), (32, 64, 3, 23, 23), (3, 8, 5, 4, 6), (5, 2, 2, 7, 9)),
    (),
    "every output number costs a product and a sum for each weight it sees.",
    amounts=True,
    slips=(
        slip(
            "you counted multiply-adds. This book counts both the product and the sum.",
            each=1,
        ),
        slip(
            "you counted one sum fewer than products for each output number. That is what "
            "adding takes at least; this book counts a sum for every product, 2 FLOPs.",
            sums="one fewer",
        ),
        slip(
            "you counted one sum fewer than products in each window of each input channel. "
            "This book counts a sum for every product, 2 FLOPs.",
            sums="fewer a window",
        ),
        slip("the kernel has two dimensions: k x k weights a window.", power=1),
        slip("each output sums over all input channels.", without="inputs"),
        slip(
            "that is one output channel: each of the output channels has windows of its "
            "own.",
            without="outputs",
        ),
        slip(
            "you added the channels. Every output channel sees every input channel: a "
            "product.",
            without="added",
        ),
        slip(
            "these are the operations for one output position: how many are there? Each "
            "weight is used once for every position.",
            size="one",
        ),
        slip(
            "height and width are those of the output already; the kernel takes nothing "
            "off any more.",
            size="shrunk",
        ),
        slip(
            "height and width are those of the output; you went back to the input.",
            size="grown",
        ),
        slip("you used the height twice, and not the width.", size="height"),
        slip("you used the width twice, and not the height.", size="width"),
        slip("the biases are in there; the question leaves them out.", biases="biases"),
    ),
)


def check_dense_parameters(answer: Callable[[Sequence[int]], Any]) -> CheckResult:
    """Check ``answer([inputs, width, ..., classes]) -> number of parameters``."""
    return _DENSE.check(answer)


def check_conv_flops(answer: Callable[..., Any]) -> CheckResult:
    """Check ``answer(inputs, outputs, kernel, height, width)``: FLOPs of a convolution."""
    return _CONV.check(answer)


_PIXELS, _CLASSES, _SINGLE = 784, 10, 4


def _widest(
    budget: int,
    size: int,
    *,
    biases: str = "four bytes",
    layers: str = "both",
    rounding: str = "down",
    below: str = "zero",
    unit: str = "bytes",
) -> int:
    """The right answer of the third exercise, with places to go wrong at."""
    a_bias = {"four bytes": _SINGLE, "as weights": size, "none": 0}[biases]
    of_outputs = 0 if biases == "none" or layers == "without the last" else _CLASSES
    joined = {
        "both": _PIXELS + _CLASSES,
        "without the last": _PIXELS,
        "without the first": _CLASSES,
    }[layers]
    room = budget * (8 if unit == "bits" else 1) - a_bias * of_outputs
    each = size * joined + a_bias
    if layers == "without the first":
        each = size * joined
    units = -(-room // each) if rounding == "up" else room // each
    if rounding == "nearest":
        units = round(room / each)
    return max(units, 0) if below == "zero" else units


_WIDEST = Exercise(
    _widest,
    (
        (101_800, 4),
        (101_799, 4),
        (100_000, 1),
        (3_200, 4),
        (1_000_000, 4),
        (20, 1),
        (1_000_000, 1),
        (818, 1),
        (35_000, 2),
        (39, 4),
    ),
    (
        Mistake(
            "that is how many weights fit. Each hidden unit brings 784 weights in front of "
            "it and 10 behind it.",
            lambda budget, size: budget // size,
        ),
    ),
    "from a budget in bytes to a network, and 8-bit weights buy nearly four times the "
    "units.",
    amounts=True,
    slips=(
        slip("the biases take room as well.", biases="none"),
        slip(
            "a bias stays in single precision: 4 bytes, whatever a weight takes.",
            biases="as weights",
        ),
        slip(
            "each hidden unit is also joined with the 10 classes behind it.",
            layers="without the last",
        ),
        slip(
            "each hidden unit is also joined with the 784 pixels in front of it.",
            layers="without the first",
        ),
        slip("you rounded up; then the file is larger than its budget.", rounding="up"),
        slip(
            "you rounded to the nearest whole number; that may be one unit too many for "
            "the budget.",
            rounding="nearest",
        ),
        slip(
            "where not even one unit fits, the answer is 0; a network cannot have fewer.",
            below="anything",
        ),
        slip("budget and sizes are bytes already, not bits.", unit="bits"),
    ),
)


def check_widest_student(answer: Callable[[int, int], Any]) -> CheckResult:
    """Check ``answer(budget, size)``: hidden units that fit, from bytes and bytes a weight.

    The network has 784 inputs, one hidden layer and 10 outputs; a weight takes ``size``
    bytes, a bias 4.
    """
    return _WIDEST.check(answer)
