"""Eight bits a weight: rounded as by hand, a quarter of the bytes, the model untouched."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from kdteach.cost import count_flops, count_parameters, size_bytes
from kdteach.experiments.measures import measure
from kdteach.models import build
from kdteach.quantisation import file_bytes, quantised
from kdteach.types import ImageSet, Split


def student(units=16, seed=0):
    return build(f"fc-{units}", seed=seed)


def test_the_weights_are_those_rounded_by_hand():
    """One scale a layer: the largest weight becomes 127 or -128 steps."""
    model = student()
    made = quantised(model)
    layers = [part for part in made.modules() if callable(getattr(part, "weight", None))]
    dense = [part for part in model.modules() if isinstance(part, nn.Linear)]
    assert len(layers) == len(dense) >= 2
    for small, whole in zip(layers, dense, strict=True):
        weight = small.weight()
        w = whole.weight.detach().numpy()
        step = float(weight.q_scale())
        assert step == pytest.approx(np.abs(w).max() / 127.5, rel=0.01)
        found = weight.int_repr().numpy()
        assert found.dtype == np.int8
        assert np.abs(found * step - w).max() <= step / 2 + 1e-7
        assert torch.equal(small.bias(), whole.bias)


def test_a_quarter_of_the_bytes():
    model = student(256)
    weights = 784 * 256 + 256 * 10
    biases = 256 + 10
    assert count_parameters(model) == weights + biases
    made = quantised(model)
    assert count_parameters(made) == weights + biases
    assert size_bytes(made) == pytest.approx(weights + 4 * biases, abs=64)
    for network, inside in ((model, 4 * (weights + biases)), (made, weights + 4 * biases)):
        assert inside < file_bytes(network) < inside + 6000
    assert file_bytes(model) / file_bytes(made) > 3.8


def test_the_model_stays_as_it_was():
    model = student().train()
    before = copy.deepcopy(model.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = quantised(model)
    assert model.training
    assert not made.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    model(torch.rand(2, 1, 28, 28)).sum().backward()  # still can be trained


def test_what_it_is_given_is_named():
    with pytest.raises(TypeError, match="model must be"):
        quantised("fc-16")
    with pytest.raises(ValueError, match="no dense layer"):
        quantised(nn.Conv2d(1, 2, 3))
    with pytest.raises(TypeError, match=r"in torch\.float32, got torch\.float64"):
        quantised(student().double())
    with pytest.raises(TypeError, match="quantised and multiplies no floating-point"):
        count_flops(quantised(student()), (1, 28, 28))


def test_convolutions_stay():
    made = quantised(build("cnn-52k"))
    kept = [part for part in made.modules() if isinstance(part, nn.Conv2d)]
    assert len(kept) == 3
    assert all(part.weight.dtype == torch.float32 for part in kept)


def test_a_run_that_asks_for_it_is_tested_twice():
    g = torch.Generator().manual_seed(0)
    parts = [
        Split(torch.rand(n, 1, 28, 28, generator=g), torch.arange(n) % 10)
        for n in (20, 30, 40)
    ]
    data = ImageSet("mnist", *parts, tuple("0123456789"), "none")
    model = student()
    plain = measure({"role": "plain"}, model, data)
    assert not any(name.startswith("int8") for name in plain)
    both = measure({"role": "plain", "int8": True}, model, data)
    assert {name: both[name] for name in plain} == plain
    small = quantised(model)
    wrong = (small(parts[2].images).argmax(1) != parts[2].labels).sum()
    assert both["int8_test_errors"] == int(wrong)
    assert both["int8_file_bytes"] == file_bytes(small)
    assert both["file_bytes"] == file_bytes(model)
