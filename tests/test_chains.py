"""Students that learn all at once learn as they would alone."""

import math

import pytest
import torch

from kdteach.experiments.chains import Lessons, answers, learn
from kdteach.losses import kd_loss, soft_targets
from kdteach.models import build

T = torch.tensor([1.0, 4.0, 16.0], dtype=torch.float64)
ALPHA = torch.tensor([0.5, 0.9, 1.0], dtype=torch.float64)
RATE = torch.tensor([0.003, 0.01, 0.1], dtype=torch.float64)


def lessons():
    random = torch.Generator().manual_seed(5)
    images = torch.rand(2, 12, 16, generator=random, dtype=torch.float64)
    labels = torch.randint(5, (2, 12), generator=random)
    logits = 4 * torch.randn(2, 12, 5, generator=random, dtype=torch.float64)
    targets = torch.stack([(logits / t).softmax(-1) for t in T], dim=1)
    return Lessons(images, labels, targets, T, ALPHA, RATE), logits


def alone(draw, student, given, logits, epochs, batch_size):
    """The same student by PyTorch's Adam and the library's loss."""
    network = build(
        "fc-6-6", seed=draw, input_shape=(1, 4, 4), num_classes=5, dtype=torch.float64
    )
    adam = torch.optim.Adam(network.parameters(), lr=1.0)
    order, step = torch.Generator().manual_seed(0), 0
    steps = epochs * math.ceil(12 / batch_size)
    for _ in range(epochs):
        for rows in torch.randperm(12, generator=order).split(batch_size):
            fall = (1 + math.cos(math.pi * step / steps)) / 2
            adam.param_groups[0]["lr"] = float(RATE[student]) * fall
            step += 1
            z = network(given.images[draw, rows].view(-1, 1, 4, 4))
            adam.zero_grad()
            kd_loss(
                z, logits[draw, rows], given.labels[draw, rows], float(T[student]),
                float(ALPHA[student]),
            ).backward()  # fmt: skip
            adam.step()
    with torch.no_grad():
        return network(given.images[draw].view(-1, 1, 4, 4))


def test_each_learns_as_alone():
    given, logits = lessons()
    together = answers(learn(6, given, epochs=7, batch_size=5), given.images)
    assert together.shape == (2, 3, 12, 5)
    for draw in range(2):
        for student in range(3):
            one = alone(draw, student, given, logits, 7, 5)
            torch.testing.assert_close(together[draw, student], one, rtol=0, atol=1e-9)


def test_targets_are_the_library_s():
    given, logits = lessons()
    torch.testing.assert_close(
        given.targets[0, 1], soft_targets(logits[0], temperature=4.0)
    )


def test_shapes_have_to_fit():
    given, _ = lessons()
    with pytest.raises(ValueError, match="rate must have the shape"):
        Lessons(given.images, given.labels, given.targets, T, ALPHA, RATE[:2])
    with pytest.raises(ValueError, match="images must have the shape"):
        Lessons(given.images[:, :3], given.labels, given.targets, T, ALPHA, RATE)
