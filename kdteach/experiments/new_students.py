"""New students for a comparison of recorded ones: *Your first student*, with 200 images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdteach.checks import check_choice, check_count, check_list, check_number, shown
from kdteach.data import load, small_sample
from kdteach.metrics import evaluate
from kdteach.models import build, trained_teacher
from kdteach.objectives import Objective, distil, smoothed_labels
from kdteach.training import cosine, fit_many, sgd_momentum, teacher_logits

__all__ = ["mistakes"]

ARMS = ("smoothed labels", "distilled")
SMOOTHING, TEMPERATURE, ALPHA = 0.38, 8.0, 0.9  # as recorded in digits-few-images
_APART = 1000  # seeds of new students are far from those of the recorded ones


def mistakes(
    rates: Mapping[str, float],
    *,
    size: int = 200,
    rounds: int = 4,
    seeds: Sequence[int] = tuple(range(10)),
    epochs: int = 60,
) -> dict[str, Tensor]:
    """Train new students of few images, as in ``digits-few-images``, and test each once.

    A new student has the draw, the sample of images and the teacher of its seed, and first
    weights and an order of images of its own, 1000 * round + seed. Both arms share them.

    Args:
        rates: arm to its learning rate, above 0; the arms are *smoothed labels* (0.38 of
            each label is spread evenly) and *distilled* (T = 8, alpha = 0.9).
        size: training images of a student, of the 1,079 or so of its draw.
        rounds: new students of an arm for each seed.
        seeds: of the draws, 0 to 9.
        epochs: passes over the sample, in batches of 32.

    Returns:
        Arm to (S,) float64: for each seed the mean mistakes of its new students on the 359
        test images.

    Raises:
        TypeError: an argument of another type.
        ValueError: an unknown arm, or a number out of range.
    """
    if not isinstance(rates, Mapping) or not rates:
        raise TypeError(f"rates must be a dictionary of arms, got {shown(rates)}")
    arms = {
        check_choice("arm", arm, ARMS): check_number("rates", rate, above=0)
        for arm, rate in rates.items()
    }
    rounds, epochs = check_count("rounds", rounds), check_count("epochs", epochs)
    seeds = check_list("seeds", seeds, "numbers of draws")
    draws = [load("digits", draw=seed, dtype=torch.float64) for seed in seeds]
    samples = [
        small_sample(draw.train, size, seed=seed)
        for seed, draw in zip(seeds, draws, strict=True)
    ]
    numbers = [_APART * (1 + turn) + seed for turn in range(rounds) for seed in seeds]
    found = {}
    for arm, rate in arms.items():
        losses: list[Objective] = []
        for seed, draw in zip(seeds, draws, strict=True):
            if arm == "distilled":
                teacher = trained_teacher(seed, dtype=torch.float64)
                logits = teacher_logits(teacher, draw.train)
                losses.append(distil(logits, temperature=TEMPERATURE, alpha=ALPHA))
            else:
                losses.append(smoothed_labels(SMOOTHING))
        students = [
            build("fc-64", seed=number, input_shape=(1, 8, 8), dtype=torch.float64)
            for number in numbers
        ]
        fit_many(
            students, samples * rounds, losses * rounds, seeds=numbers, epochs=epochs,
            batch_size=32, learning_rate=rate, optimizer=sgd_momentum, schedule=cosine,
            progress=False,
        )  # fmt: skip
        wrong = [
            evaluate(student, draw.test).errors
            for student, draw in zip(students, draws * rounds, strict=True)
        ]
        table = torch.tensor(wrong, dtype=torch.float64, device="cpu")
        found[arm] = table.view(rounds, len(draws)).mean(dim=0)
    return found
