"""What networks keep: weights that overlap, weights of quantised layers; and their time."""

import copy
import warnings

import pytest
import torch
from torch import nn

from kdteach.cost import count_flops, count_parameters, measure_latency, size_bytes

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own about its quantisation


class Holding(nn.Module):
    """Parameters and buffers as they are given."""

    def __init__(self, *parameters, buffers=()):
        super().__init__()
        for i, value in enumerate(parameters):
            self.register_parameter(f"p{i}", nn.Parameter(value, requires_grad=i % 2 == 0))
        for i, value in enumerate(buffers):
            self.register_buffer(f"b{i}", value)


def by_marking(tensors):
    """Bytes that the entries of tensors stand on, marked one by one."""
    marked = set()
    for tensor in tensors:
        start, width = tensor.data_ptr(), tensor.element_size()
        flat = torch.tensor([0])
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
            flat = (flat[:, None] + torch.arange(size) * stride).flatten()
        for place in (flat * width).tolist():
            marked.update(range(start + place, start + place + width))
    return len(marked)


BASE = torch.arange(240.0)
OVERLAPS = {
    "two halves": lambda w: (w[:10], w[5:15]),
    "a part of another": lambda w: (w[:60], w[20:25]),
    "side by side": lambda w: (w[:10], w[10:30]),
    "apart": lambda w: (w[:10], w[100:120]),
    "columns of one table": lambda w: (
        w[:60].view(6, 10)[:, :5],
        w[:60].view(6, 10)[:, 5:],
    ),
    "columns that overlap": lambda w: (
        w[:60].view(6, 10)[:, :7],
        w[:60].view(6, 10)[:, 4:],
    ),
    "each second, and a part": lambda w: (w[:40:2], w[30:50]),
    "transposed": lambda w: (w[:60].view(6, 10), w[:60].view(6, 10).T),
    "a chain": lambda w: (w[:20], w[15:40], w[35:50], w[100:110]),
    "expanded": lambda w: (w[:1].expand(50), w[:3]),
    "windows": lambda w: (w[:30].unfold(0, 5, 1),),
    "windows beside a part": lambda w: (w[:30].unfold(0, 5, 1), w[28:40]),
    "another dtype": lambda w: (w[:20], w[:40].view(torch.float64)[5:15]),
    "bytes within": lambda w: (w[:20], w.view(torch.float16)[30:50]),
    "empty": lambda w: (w[:0], w[:10]),
    "a scalar": lambda w: (w[3], w[2:5]),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_memory_that_weights_share_in_part_counts_once(name):
    tensors = OVERLAPS[name](BASE.clone())
    model = Holding(*tensors)
    assert size_bytes(model) == by_marking(tensors)
    if len({tensor.dtype for tensor in tensors}) == 1:
        assert count_parameters(model) == by_marking(tensors) // 4
        chosen = by_marking(tensors[::2])  # those that require a gradient
        assert count_parameters(model, trainable=True) == chosen // 4
    beside = Holding(*tensors[:1], buffers=tensors[1:])
    assert size_bytes(beside) == by_marking(tensors)
    assert count_parameters(beside) == by_marking(tensors[:1]) // 4


def test_weights_without_memory_are_counted_by_their_places():
    whole = torch.empty(20, device="meta")
    assert count_parameters(Holding(whole[:10], whole[5:15])) == 15
    apart = Holding(torch.empty(10, device="meta"), torch.empty(10, device="meta"))
    assert count_parameters(apart) == 20


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.LSTM(8, 4, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.body(x)[0][:, -1])


class Static(nn.Module):
    def __init__(self):
        super().__init__()
        quantization = torch.ao.quantization
        self.enter, self.leave = quantization.QuantStub(), quantization.DeQuantStub()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4 * 36, 10)

    def forward(self, x):
        x = self.conv(self.enter(x)).relu().flatten(1)
        return self.leave(self.head(x))


def flat():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))


def dynamic(model, kind=torch.qint8):
    layers = {nn.Linear, nn.LSTM, nn.GRUCell}
    return torch.ao.quantization.quantize_dynamic(model.eval(), layers, dtype=kind)


def static(model):
    quantization = torch.ao.quantization
    model = copy.deepcopy(model).eval()
    engine = torch.backends.quantized.engine
    model.qconfig = quantization.get_default_qconfig(engine)
    prepared = quantization.prepare(model)
    prepared(torch.randn(8, 1, 8, 8))
    return quantization.convert(prepared)


def parts(model):
    """Weights and biases of a plain model: numbers, by their number of dimensions."""
    found = [(w.ndim, w.numel(), len(w)) for w in model.parameters()]
    weights = [(n, rows) for ndim, n, rows in found if ndim > 1]
    return weights, sum(n for ndim, n, _ in found if ndim == 1)


@pytest.mark.parametrize("script", [False, True], ids=["", "scripted"])
@pytest.mark.parametrize(
    ("make", "shape"), [(flat, (1, 8, 8)), (Recurrent, (5, 8))], ids=["linear", "LSTM"]
)
def test_dynamically_quantised_layers_are_counted_and_timed(make, shape, script):
    plain = make()
    quantised = dynamic(plain)
    model = torch.jit.script(quantised) if script else quantised
    weights, biases = parts(plain)
    assert count_parameters(model) == count_parameters(plain)
    assert count_parameters(model, trainable=True) == 0
    # a byte a weight, a scale (8) and a zero point (8) a table, biases in float32
    assert size_bytes(model) == sum(n + 16 for n, _ in weights) + 4 * biases
    assert size_bytes(model) < 0.5 * size_bytes(plain)
    found = measure_latency(model, shape, repeats=3, warmup=0)
    assert 0 < found.low_ms <= found.median_ms
    with pytest.raises(TypeError, match="is quantised and multiplies no floating-point"):
        count_flops(model, shape)


def test_half_precision_is_kept_in_two_bytes():
    plain = flat()
    weights, biases = parts(plain)
    quantised = dynamic(plain, torch.float16)
    assert count_parameters(quantised) == count_parameters(plain)
    assert size_bytes(quantised) == 2 * sum(n for n, _ in weights) + 4 * biases


def test_statically_quantised_layers_have_a_scale_for_each_channel():
    plain = Static()
    quantised = static(plain)
    weights, biases = parts(plain)
    assert count_parameters(quantised) == count_parameters(plain)
    numbers = sum(n + 16 * rows for n, rows in weights) + 4 * biases
    buffers = sum(b.numel() * b.element_size() for b in quantised.buffers())
    assert size_bytes(quantised) == numbers + buffers
    assert measure_latency(quantised, (1, 8, 8), repeats=3, warmup=0).median_ms > 0


def test_a_quantised_layer_that_stands_twice_counts_once():
    layer = dynamic(nn.Sequential(nn.Linear(8, 8)))[0]
    assert count_parameters(nn.Sequential(layer, nn.ReLU(), layer)) == 72


def test_whatever_computes_is_timed():
    """Whether its weights can be counted makes no difference."""
    plain = flat().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frozen = torch.jit.freeze(torch.jit.script(plain))
    for model in (frozen, torch.fx.symbolic_trace(plain)):
        assert measure_latency(model, (1, 8, 8), repeats=3, warmup=0).median_ms > 0
    for wrong in (None, nn.Linear, nn.LazyLinear(3)):
        with pytest.raises(TypeError, match="model"):
            measure_latency(wrong, (8,))
