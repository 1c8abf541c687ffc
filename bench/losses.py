"""What a training step costs with each method, beside a step of plain KD.

Batches of 256 digits, the small student and its teacher of the chapter *Every method, one
protocol*, one thread, float32: the student's answer, the loss, its gradients and a step of
Adam. Methods that compare layers ask the teacher in every step, and that is a part of what
they cost; the answers that others compare with are stored. The methods take turns, and the
shortest of several steps counts. A target is no promise: it tells when a loss has become
much slower than it was.
"""

import time

import torch
from torch import nn

from kdteach.data import load
from kdteach.experiments.methods import KD, METHODS, MUTUAL, World, numbered
from kdteach.models import build, trained_teacher
from kdteach.training import teacher_logits
from kdteach.types import Batch

BATCH, ROUNDS = 256, 7
MOST = {"distances and angles (RKD)": 400.0}  # three images an angle: with the third power
MOST_OTHERS = 50.0


def measure() -> list[dict[str, object]]:
    """A row a method: how many times as long as with plain KD its step takes."""
    seconds = times()
    print(f"a step with a batch of {BATCH}, one thread, plain KD "
          f"{1e3 * seconds[KD]:.1f} ms; times as long:")  # fmt: skip
    rows: list[dict[str, object]] = []
    for name, own in sorted(seconds.items(), key=lambda pair: pair[1]):
        ratio = own / seconds[KD]
        print(f"  {name:34s} {ratio:6.2f}")
        if name != KD:
            most = MOST.get(name, MOST_OTHERS)
            rows.append({
                "name": f"step of {name}, times KD's, at most",
                "ratio": ratio, "target": most, "holds": ratio <= most,
            })  # fmt: skip
    return rows


def times(batch: int = BATCH, rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of a step of each method that teaches one student.

    Args:
        batch: images of a step.
        rounds: how often each method takes its turn.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        data, teacher = load("digits"), trained_teacher(0)
        given = World(data, teacher, teacher_logits(teacher, data.train))
        steps = {name: _Step(name, given, batch) for name in METHODS if name != MUTUAL}
        found = dict.fromkeys(steps, float("inf"))
        for _ in range(rounds):
            for name, step in steps.items():
                start = time.perf_counter()
                step()
                found[name] = min(found[name], time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    return found


class _Step:
    """One training step of a method, again and again on the same images."""

    def __init__(self, name: str, given: World, batch: int) -> None:
        split = numbered(given.data.train)
        self.batch = Batch(split.images[:batch], split.labels[:batch], split.index[:batch])
        self.student = build("cnn-1k", input_shape=(1, 8, 8), seed=0)
        method = METHODS[name]
        self.goal = method.make(given, method.settings(600)[0], split, 0)
        weights = list(self.student.parameters())
        if isinstance(self.goal, nn.Module):
            prepare = getattr(self.goal, "prepare", None)
            if prepare is not None:
                prepare(self.student, self.batch.images)
            weights += list(self.goal.parameters())
        self.optimizer = torch.optim.Adam(weights)
        self()

    def __call__(self) -> None:
        """Take the step."""
        self.optimizer.zero_grad()
        self.goal(self.student, self.batch).total.backward()
        self.optimizer.step()
