"""A step that does not fit into the memory: the error says which batch size does."""

import pytest
import torch

from kdteach import fit, fit_many
from kdteach.data import load
from kdteach.models import build
from kdteach.objectives import hard_labels


class Small(torch.nn.Module):
    """A network on a device with memory for so many images."""

    def __init__(self, most):
        super().__init__()
        self.inner, self.most = build("fc-8", input_shape=(1, 8, 8)), most

    def forward(self, images):
        if len(images) > self.most and self.training and torch.is_grad_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.inner(images)


@pytest.mark.parametrize(
    ("most", "says"),
    [
        (100, "batch_size=256 does not fit into the memory of cpu; batch_size=64 does"),
        (1, "batch_size=1 does"),
        (0, "nor does any smaller one"),
    ],
)
def test_the_batch_size_that_fits_is_named(most, says):
    model = Small(most)
    with pytest.raises(torch.OutOfMemoryError, match=says):
        fit(model, load("digits"), hard_labels(), epochs=1, batch_size=256)
    assert all(p.grad is None for p in model.parameters())


def test_with_that_size_it_trains():
    fit(Small(64), load("digits"), hard_labels(), epochs=1, batch_size=64)


def test_several_students():
    with pytest.raises(torch.OutOfMemoryError, match="batch_size=64 does"):
        fit_many([Small(100), Small(100)], load("digits"), [hard_labels()] * 2,
                 seeds=[0, 1], epochs=1, batch_size=256)  # fmt: skip
