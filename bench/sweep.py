"""A sweep over the teacher's epochs: its logits after each of twelve epochs.

One training of the teacher that keeps its logits on the way, against a training for each
epoch. Both on the digits, one thread; in either case the logits are computed twelve times,
so that the ratio is below that of the epochs, 78 to 12.
"""

import time

import torch

from kdteach import fit, teacher_logits
from kdteach.data import load
from kdteach.models import build
from kdteach.objectives import hard_labels

EPOCHS, TARGET = 12, 5.0
OPTIONS = {"batch_size": 16, "learning_rate": 1e-3}


def measure() -> list[dict[str, object]]:
    """Time both ways; they give the same logits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        once_seconds, once = _timed(_once)
        each_seconds, each = _timed(_one_training_each)
    finally:
        torch.set_num_threads(threads)
    for epoch, logits in once.items():
        torch.testing.assert_close(logits, each[epoch], atol=1e-4, rtol=1e-4)
    print(f"logits of {EPOCHS} teacher epochs: {once_seconds:.2f} s from one training, "
          f"{each_seconds:.2f} s from a training for each")  # fmt: skip
    ratio = each_seconds / once_seconds
    return [
        {
            "name": f"sweep over {EPOCHS} teacher epochs, times faster than naive",
            "ratio": ratio,
            "target": TARGET,
            "holds": ratio >= TARGET,
        }
    ]


def _timed(way):
    way()  # everything imported and loaded
    start = time.perf_counter()
    logits = way()
    return time.perf_counter() - start, logits


def _once() -> dict[int, torch.Tensor]:
    data, teacher, kept = load("digits"), _teacher(), {}

    def keep(epoch: int) -> None:
        kept[epoch] = teacher_logits(teacher, data.train)

    fit(teacher, data, hard_labels(), epochs=EPOCHS, on_epoch=keep, **OPTIONS)
    return kept


def _one_training_each() -> dict[int, torch.Tensor]:
    data, kept = load("digits"), {}
    for epoch in range(1, EPOCHS + 1):
        teacher = _teacher()
        fit(teacher, data, hard_labels(), epochs=epoch, **OPTIONS)
        kept[epoch] = teacher_logits(teacher, data.train)
    return kept


def _teacher() -> torch.nn.Module:
    return build("fc-300-300", input_shape=(1, 8, 8), seed=0)
