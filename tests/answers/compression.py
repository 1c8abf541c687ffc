"""Answers to *the widest student* of *What did we compress?*."""

import math

import torch

from tests.answers import about

widest = about("check_widest_student")

widest.wrong("no biases at all", r"bias", lambda b, s: max(0, b // (794 * s)))
widest.wrong(
    "biases in eight bits too",
    r"bias",
    lambda b, s: max(0, (b - 10 * s) // (795 * s)),
)
widest.wrong(
    "the last layer forgotten",
    r"class|last|behind",
    lambda b, s: max(0, b // (784 * s + 4)),
)
widest.wrong(
    "rounded up",
    r"round|larger|budget",
    lambda b, s: max(0, math.ceil((b - 40) / (794 * s + 4))),
)
widest.wrong(
    "rounded to the nearest",
    r"round|nearest|one unit too many",
    lambda b, s: max(0, round((b - 40) / (794 * s + 4))),
)
widest.wrong(
    "negative where nothing fits", r"0|negative|fewer",
    lambda b, s: (b - 40) // (794 * s + 4),
)  # fmt: skip
widest.wrong("weights counted", r"weights", lambda b, s: b // s)
widest.wrong(
    "bits taken for bytes",
    r"bit",
    lambda b, s: max(0, (8 * b - 40) // (794 * s + 4)),
)
widest.wrong(
    "the first layer forgotten",
    r"pixel|front|784",
    lambda b, s: max(0, (b - 40) // (10 * s)),
)


def by_trying(budget, size):
    units = 0
    while 784 * (units + 1) * size + 10 * (units + 1) * size + 4 * (units + 11) <= budget:
        units += 1
    return units


widest.right("one unit more, as long as it fits", by_trying)
widest.right(
    "a float, cut off", lambda b, s: float(math.floor(max(b - 40, 0) / (794 * s + 4)))
)
widest.right(
    "torch divides",
    lambda b, s: torch.div(torch.tensor(b - 40), 794 * s + 4, rounding_mode="floor").clamp(
        min=0
    ),
)
