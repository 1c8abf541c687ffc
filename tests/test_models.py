import warnings

import pytest
import torch
from torch import nn

from kdteach import data, metrics, models
from kdteach.cost import (
    count_flops,
    count_parameters,
    matmul_peak,
    measure_latency,
    size_bytes,
)
from kdteach.experiments.catalogue.digit_teachers import train_teacher

PARAMETERS = {
    "cnn-valid": 1_011_466,
    "cnn-same": 1_625_866,
    "cnn-225k": 225_034,
    "cnn-52k": 51_738,
    "cnn-4k": 4_138,
    "cnn-2k": 1_714,
    "fc-784-784": 1_238_730,
    "fc-1200-1200": 2_395_210,
    "fc-11k": 11_140,
}


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_parameter_counts(name, count):
    model = models.build(name)
    assert count_parameters(model) == count
    assert size_bytes(model) == 4 * count
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize(
    ("name", "flops"),
    [
        ("cnn-valid", 21_875_456),
        ("fc-784-784", 2_474_304),
        ("cnn-same", 2 * (32 * 9 * 28**2 + 32 * 64 * 9 * 28**2 + 12544 * 128 + 1280)),
        ("fc-11k", 2 * (784 * 14 + 140)),
    ],
)
def test_flops(name, flops):
    model = models.build(name)
    assert count_flops(model, (1, 28, 28)) == flops
    assert model.training


def test_report_numbers_of_the_docstring():
    """What the reports print, against ours plus biases and pooling: within one per cent."""
    for name, printed in (("cnn-same", 0.0328e9), ("fc-784-784", 0.00248e9)):
        assert count_flops(models.build(name), (1, 28, 28)) == pytest.approx(
            printed, rel=0.01
        )
    for name, printed in (("cnn-valid", 5.6428e9), ("fc-784-784", 0.6338e9)):
        ours = 256 * count_flops(models.build(name), (1, 28, 28))
        assert ours == pytest.approx(printed, rel=0.01)


def test_seeds_and_global_state():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, again, other = (models.build("fc-8", seed=s) for s in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one[1].weight, again[1].weight)
    assert not torch.equal(one[1].weight, other[1].weight)


def test_dropout_and_names_of_weights():
    plain, dropped = models.build("fc-8"), models.build("fc-8", dropout=0.5)
    assert plain.state_dict().keys() == dropped.state_dict().keys()
    assert any(isinstance(m, nn.Dropout) and m.p == 0.5 for m in dropped.modules())
    assert not any(isinstance(m, nn.Dropout) for m in plain.modules())
    assert sum(isinstance(m, nn.Dropout) for m in models.build("cnn-valid").modules()) == 2


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("resnet9000", {}, "unknown model 'resnet9000'; known are cnn-valid"),
        ("fc-", {}, "unknown model"),
        ("fc-0", {}, "widths"),
        ("fc-8", {"num_classes": 1}, "num_classes"),
        ("fc-8", {"dropout": 1.0}, "dropout"),
        ("cnn-valid", {"input_shape": (1, 8, 8)}, r"\(1, 28, 28\)"),
        ("fc-8", {"seed": -1}, "seed"),
    ],
)
def test_bad_names_and_options(name, options, says):
    with pytest.raises(ValueError, match=says):
        models.build(name, **options)


def test_evaluation_mode_restores_each_part():
    model = models.build("cnn-digits", dropout=0.3)
    model[9].eval()
    with models.evaluation_mode(model):
        assert not any(module.training for module in model.modules())
    assert model.training
    assert not model[9].training
    with pytest.raises(RuntimeError), models.evaluation_mode(model):
        raise RuntimeError
    assert model.training


def test_shipped_teachers(digits):
    """Ten teachers, all different, each with something to teach about its own draw."""
    answers = []
    for seed in models.TEACHERS:
        teacher = models.trained_teacher(seed, dtype=torch.float64)
        assert not teacher.training
        draw = data.load("digits", draw=seed, dtype=torch.float64)
        assert metrics.evaluate(teacher, draw.valid).accuracy >= 0.98
        answers.append(metrics.evaluate(teacher, digits.valid).logits)
    assert len({float(answer.sum()) for answer in answers}) == len(models.TEACHERS)
    with pytest.raises(ValueError, match="seeds 0 to 9, got 10"):
        models.trained_teacher(10)


@pytest.mark.slow
def test_shipped_teachers_are_remade_by_the_recipe():
    again = train_teacher(data.load("digits", draw=3, dtype=torch.float64), 3)
    shipped = models.trained_teacher(3, dtype=torch.float64)
    for new, old in zip(again.parameters(), shipped.parameters(), strict=True):
        # float16 keeps 11 bits: half a unit in the last place
        assert torch.allclose(new, old, rtol=2**-11, atol=1e-6)


def test_latency_and_its_arguments():
    model = models.build("fc-8")
    latency = measure_latency(model, (1, 28, 28), batch_size=2, repeats=5, warmup=0)
    assert 0 < latency.low_ms <= latency.median_ms <= latency.high_ms
    assert (latency.repeats, latency.batch_size, latency.threads) == (5, 2, 1)
    assert model.training
    for options, says in (
        ({"repeats": 2}, "repeats"),
        ({"warmup": -1}, "warmup"),
        ({"batch_size": 0}, "batch_size"),
    ):
        with pytest.raises(ValueError, match=says):
            measure_latency(model, (1, 28, 28), **options)
    with pytest.raises(ValueError, match=r"cannot read images of shape \(1, 9, 9\)"):
        count_flops(model, (1, 9, 9))
    assert matmul_peak(64, repeats=2) > 1e6
    with pytest.raises(ValueError, match="size"):
        matmul_peak(0)


def test_cooled_networks_are_as_right_and_less_sure():
    network = models.trained_teacher(0)
    images = data.load("digits").valid.images
    with torch.no_grad():
        logits = network(images)
    scale = models.scale_for(logits, sure=0.8)
    with torch.no_grad():
        cooled = models.TemperatureScaled(network, scale)(images)
    assert float(torch.softmax(cooled, 1).amax(1).mean().detach()) == pytest.approx(
        0.8, abs=1e-5
    )
    assert torch.equal(cooled.argmax(1), logits.argmax(1))
    torch.testing.assert_close(cooled, logits / scale)
    for sure in (0.1, 1.0):
        with pytest.raises(ValueError, match="sure must lie above 1 / 10"):
            models.scale_for(logits, sure)
    with pytest.raises(ValueError, match="no scale"):
        models.scale_for(torch.zeros(3, 10), 0.5)
    with pytest.raises(ValueError, match="scale must be"):
        models.TemperatureScaled(network, 0.0)


@pytest.mark.parametrize("norm", ["parametrizations", "older"])
def test_gradient_norms_of_parametrised_convolutions(norm):
    by = (
        nn.utils.parametrizations.weight_norm
        if norm == "parametrizations"
        else (nn.utils.weight_norm)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = nn.Sequential(by(nn.Conv2d(1, 2, 3)), nn.ReLU(), nn.Conv2d(2, 2, 3))
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    loss = model(images).square().mean()
    norms = models.gradient_norms(model, loss)
    assert all(p.grad is None for p in model.parameters())
    loss.backward()  # the graph is still there
    parts = [p.grad for name, p in model[0].named_parameters() if name != "bias"]
    first = torch.cat([part.flatten() for part in parts]).norm()
    assert norms == pytest.approx([float(first), float(model[2].weight.grad.norm())])
    model[0].requires_grad_(False)
    with pytest.raises(ValueError, match="frozen"):
        models.gradient_norms(model, model(images).sum())
