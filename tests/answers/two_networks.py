"""Answers to the exercises of *Why these two networks*."""

import math

import torch

from tests.answers import about

left = about("check_signal_left")
left.wrong("the mean square instead of the size", r"root|square", lambda c, d: (c / 6) ** d)
left.wrong("no ReLU", r"ReLU", lambda c, d: math.sqrt(c / 3) ** d)
left.wrong("one layer", r"layer", lambda c, d: math.sqrt(c / 6))
left.wrong("the head's layer left out", r"one layer", lambda c, d: (c / 6) ** ((d - 1) / 2))
left.wrong("factors added", r"multipl", lambda c, d: d * math.sqrt(c / 6))
left.wrong(
    "no ReLU, and no root", (r"root|square", r"ReLU"), lambda c, d: (c / 3) ** d
)  # fmt: skip
left.wrong(
    "a single layer without its ReLU", (r"layer", r"ReLU"), lambda c, d: math.sqrt(c / 3)
)


def _step_by_step(c, depth):
    square = 1.0
    for _ in range(depth):
        square = square * c / 3 / 2
    return square**0.5


left.right("step by step", _step_by_step)
left.right(
    "a tensor", lambda c, d: torch.tensor(c / 6, dtype=torch.float64).sqrt() ** d
)  # fmt: skip
left.right("by logarithms", lambda c, d: math.exp(0.5 * d * (math.log(c) - math.log(6))))

neck = about("check_bottleneck_weights")
neck.wrong("only the way in", r"missing", lambda o, i: o * i + 9 * i * i)
neck.wrong("MobileNet's window", r"depthwise|whole", lambda o, i: 2 * o * i + 9 * i)
neck.wrong(
    "the 3 x 3 where it is wide", r"inside|narrow", lambda o, i: 2 * o * i + 9 * o * o
)
neck.wrong("3 for 3 x 3", r"9 weights", lambda o, i: 2 * o * i + 3 * i * i)
neck.wrong("no middle", r"middle", lambda o, i: 2 * o * i)
neck.wrong("multiplied", r"add", lambda o, i: o * i * 9 * i * i * i * o)
neck.wrong(
    "only the way in, and 3 for 3 x 3", (r"missing", r"9 weights"),
    lambda o, i: o * i + 3 * i * i,
)  # fmt: skip


def _built(outside, inside):
    conv = torch.nn.Conv2d
    parts = (
        conv(outside, inside, 1, bias=False),
        conv(inside, inside, 3, bias=False),
        conv(inside, outside, 1, bias=False),
    )
    return sum(w.numel() for part in parts for w in part.parameters())


neck.right("built and counted", _built)
neck.right("factored", lambda o, i: i * (2 * o + 9 * i))
neck.right("a tensor", lambda o, i: torch.tensor(2 * o * i + 9 * i * i))
