"""Costs against formulas by hand: attention, recurrent layers, shared memory, odd input."""

import numpy as np
import pytest
import torch
from torch import nn

from kdteach.cost import (
    count_flops,
    count_parameters,
    matmul_peak,
    measure_latency,
    size_bytes,
)


class Using(nn.Module):
    """Calls a function of the images and a weight of (8, 3)."""

    def __init__(self, function):
        super().__init__()
        self.weight, self.function = nn.Parameter(torch.randn(8, 3)), function

    def forward(self, x):
        return self.function(x, self.weight)


class First(nn.Module):
    """The first of what a layer returns, asked with the images several times over."""

    def __init__(self, layer, times=1):
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, x):
        return self.layer(*[x] * self.times)[0]


D, H, STEPS, WIDTH = 8, 4, 5, 16
ATTENTION = (
    2 * STEPS * WIDTH * (3 * WIDTH) + 2 * 2 * STEPS**2 * WIDTH + 2 * STEPS * WIDTH**2
)
ENCODER = ATTENTION + 2 * 2 * STEPS * WIDTH * 32
sdpa = nn.functional.scaled_dot_product_attention


def encoder():
    return nn.TransformerEncoderLayer(WIDTH, 2, dim_feedforward=32, batch_first=True)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers(kind, gates, bidirectional):
    """Each gate of each step: one product with the input, one with the state."""
    ways = 2 if bidirectional else 1
    one = First(kind(D, H, batch_first=True, bidirectional=bidirectional))
    step = 2 * gates * H
    assert count_flops(one, (STEPS, D)) == ways * STEPS * step * (D + H)
    two = First(kind(D, H, 2, batch_first=True, bidirectional=bidirectional))
    both = step * (D + H) + step * (ways * H + H)
    assert count_flops(two, (STEPS, D)) == ways * STEPS * both


@pytest.mark.parametrize("training", [False, True])
def test_attention_in_either_mode(training):
    """torch has a fast path for eval mode, and kernels that do all at once."""
    layer = encoder().train(training)
    assert count_flops(layer, (STEPS, WIDTH)) == ENCODER
    assert layer.training is training
    stack = nn.TransformerEncoder(encoder(), 3).train(training)
    assert count_flops(stack, (STEPS, WIDTH)) == 3 * ENCODER
    heads = First(nn.MultiheadAttention(WIDTH, 2, batch_first=True), 3).train(training)
    assert count_flops(heads, (STEPS, WIDTH)) == ATTENTION
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(
    ("function", "shape", "flops"),
    [
        (lambda x, w: sdpa(x, x, x), (2, 5, 8), 2 * 2 * 2 * 5 * 5 * 8),
        (lambda x, w: sdpa(x, x, x, is_causal=True), (2, 5, 8), 2 * 2 * 2 * 5 * 5 * 8),
        (lambda x, w: x @ w, (5, 8), 2 * 5 * 8 * 3),
        (lambda x, w: x[0] @ w[:, 0], (8,), 2 * 8),
        (lambda x, w: w.T @ x[0], (8,), 2 * 8 * 3),
        (lambda x, w: torch.addmv(w[0], w.T, x[0]), (8,), 2 * 8 * 3),
        (lambda x, w: torch.addbmm(torch.zeros(5, 3), x, w[None]), (5, 8), 2 * 5 * 8 * 3),
        (lambda x, w: torch.baddbmm(torch.zeros(5, 3), x, w[None]), (5, 8), 2 * 5 * 8 * 3),
        (lambda x, w: torch.einsum("nlc,cd->nld", x, w), (5, 8), 2 * 5 * 8 * 3),
        (lambda x, w: torch.relu(x) + 1, (8,), 0),
        (
            lambda x, w: nn.functional.interpolate(x, scale_factor=2, mode="bilinear"),
            (3, 8, 8),
            0,
        ),
    ],
)
def test_functions_of_tensors(function, shape, flops):
    assert count_flops(Using(function), shape) == flops


@pytest.mark.parametrize(
    ("layer", "shape", "flops"),
    [
        (nn.Linear(8, 3), (7, 8), 2 * 7 * 8 * 3),
        (nn.Conv1d(3, 4, 3), (3, 8), 2 * 3 * 3 * 4 * 6),
        (nn.Conv2d(4, 4, 3, groups=4), (4, 8, 8), 2 * 9 * 4 * 36),
        (nn.Conv3d(3, 4, 3), (3, 5, 5, 5), 2 * 27 * 3 * 4 * 27),
        (nn.ConvTranspose2d(3, 4, 3), (3, 8, 8), 2 * 64 * 9 * 3 * 4),
        (nn.Conv2d(3, 4, 3, dtype=torch.bfloat16), (3, 8, 8), 2 * 27 * 4 * 36),
        (nn.Linear(8, 3, device="meta"), (8,), 48),
        (nn.Conv2d(3, 4, 3, device="meta"), (3, 10_000, 10_000), 2 * 27 * 4 * 9_998**2),
    ],
    ids=str,
)
def test_layers(layer, shape, flops):
    assert count_flops(layer, shape) == flops
    assert count_flops(layer, np.array(shape)) == flops
    assert count_flops(layer, torch.tensor(shape)) == flops


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x, w: torch.fft.fft(x).real, "_fft_r2c"),
        (lambda x, w: torch.cdist(x, x), "_cdist_forward"),
        (lambda x, w: torch.linalg.svd(x)[1], "_linalg_svd"),
        (lambda x, w: nn.functional.bilinear(x, x, torch.ones(3, 8, 8)), "_trilinear"),
    ],
)
def test_what_cannot_be_counted_is_named(function, named):
    """Never 0 in silence: the products of these have no number that all agree upon."""
    with pytest.raises(TypeError, match=f"cannot be counted: it calls aten::{named}"):
        count_flops(Using(function), (8, 8))
    assert torch.backends.mha.get_fastpath_enabled()


class Fails(nn.Module):
    def forward(self, x):
        raise RuntimeError("out of order")


@pytest.mark.parametrize(
    ("model", "shape", "error", "says"),
    [
        (
            nn.Linear(8, 3),
            8,
            TypeError,
            r"input_shape must be .* such as .*\(784,\), got 8",
        ),
        (nn.Linear(8, 3), "8", TypeError, "input_shape must be"),
        (nn.Linear(8, 3), {8}, TypeError, "input_shape must be"),
        (nn.Linear(8, 3), (8.0,), TypeError, "each size of input_shape must be an integer"),
        (nn.Linear(8, 3), (True,), TypeError, "each size of input_shape"),
        (nn.Linear(8, 3), (-8,), ValueError, "each size of input_shape"),
        (nn.Linear(8, 3), (), ValueError, "input_shape must have at least one size"),
        (
            nn.Linear(8, 3),
            (9,),
            ValueError,
            r"the model cannot read images of shape \(9,\)",
        ),
        (nn.Conv2d(3, 4, 3), (3, 10**6, 10**6), ValueError, "would take .*TB of memory"),
        (nn.Conv2d(3, 4, 3), (3, 10**30, 9), ValueError, "would take .* of memory"),
        (nn.Linear(8, 3, device="meta"), (10**30,), ValueError, "than a tensor can hold"),
        (nn.Embedding(8, 3), (5,), ValueError, "the model cannot read images"),
        (nn.Linear, (8,), TypeError, "model is the class Linear; give an instance"),
        (len, (8,), TypeError, "model must be a torch.nn.Module"),
        (
            nn.Bilinear(8, 8, 3),
            (8,),
            TypeError,
            "the model cannot be called with images alone",
        ),
        (nn.LazyLinear(3), (8,), TypeError, "call the model once on an image"),
        (Fails(), (8,), ValueError, "out of order"),
    ],
)
def test_odd_shapes_and_models(model, shape, error, says):
    for measure in (count_flops, lambda m, s: measure_latency(m, s, repeats=3, warmup=0)):
        with pytest.raises(error, match=says):
            measure(model, shape)


class Sharing(nn.Module):
    """Two parameters in one memory, one in a larger one, a buffer that repeats itself."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.ones(4, 4))
        self.b = nn.Parameter(self.a.data)
        self.c = nn.Parameter(torch.ones(10, 2)[:3], requires_grad=False)
        self.register_buffer("d", torch.ones(1).expand(1000))


def test_shared_memory_counts_once():
    model = Sharing()
    assert count_parameters(model) == 16 + 6
    assert count_parameters(model, trainable=True) == 16
    assert size_bytes(model) == 4 * (16 + 6 + 1)
    assert size_bytes(model.half()) == 2 * (
        16 + 16 + 6 + 1000
    )  # .half() parts what was shared
    assert size_bytes(nn.Linear(8, 3, device="meta")) == 4 * 27
    recurrent = nn.LSTM(8, 4, 2)
    assert count_parameters(recurrent) == sum(p.numel() for p in recurrent.parameters())


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: count_parameters(None), TypeError, "model must be a torch.nn.Module"),
        (
            lambda: count_parameters(nn.Linear(2, 2), 1),
            TypeError,
            "trainable must be True or",
        ),
        (
            lambda: count_parameters(nn.LazyLinear(2)),
            TypeError,
            "weight of the model has no",
        ),
        (
            lambda: size_bytes(nn.LazyLinear(2)),
            TypeError,
            "weight of the model has no shape",
        ),
        (
            lambda: count_parameters(
                nn.ParameterList([nn.Parameter(torch.eye(2).to_sparse())])
            ),
            TypeError,
            "0 of the model is not dense",
        ),
        (
            lambda: measure_latency(nn.Linear(2, 2, device="meta"), (2,)),
            ValueError,
            "model is on the meta device",
        ),
        (lambda: measure_latency(nn.Linear(2, 2), (2,), repeats=2), ValueError, "repeats"),
        (lambda: measure_latency(nn.Linear(2, 2), (2,), repeats=9.5), TypeError, "repeats"),
        (
            lambda: measure_latency(nn.Linear(2, 2), (2,), repeats=10**9),
            ValueError,
            "repeats",
        ),
        (lambda: measure_latency(nn.Linear(2, 2), (2,), warmup=-1), ValueError, "warmup"),
        (
            lambda: measure_latency(nn.Linear(2, 2), (2,), batch_size=10**13),
            ValueError,
            "10,000,000,000,000 images .* would take",
        ),
        (lambda: matmul_peak(10**6), ValueError, "size must be .* at most 16,384"),
        (lambda: matmul_peak(8.0), TypeError, "size must be an integer"),
        (lambda: matmul_peak(8, dtype=torch.int8), TypeError, "dtype must be a floating"),
        (lambda: matmul_peak(8, repeats=0), ValueError, "repeats"),
    ],
)
def test_odd_arguments(call, error, says):
    with pytest.raises(error, match=says):
        call()


class Grows(nn.Module):
    """Works in place, and keeps something for its next call."""

    def __init__(self):
        super().__init__()
        self.weight, self.largest = nn.Parameter(torch.ones(2)), 0.0

    def forward(self, x):
        x.add_(1).mul_(10)
        self.largest, self.kept = float(x.max()), x * self.weight
        return x


def test_a_network_that_works_in_place_is_timed_on_the_same_images():
    model = Grows().train()
    latency = measure_latency(model, (2,), repeats=20, warmup=5)
    assert model.largest == 10
    assert model.training
    assert latency.repeats == 20
    (
        model.kept * model.weight
    ).sum().backward()  # no tensor of inference mode is left behind
    assert matmul_peak(np.int64(16), dtype="float64", repeats=2) > 0
