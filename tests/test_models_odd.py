"""Odd arguments of the networks: the same weights everywhere, and errors with names."""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from kdteach import memory
from kdteach.models import (
    BackboneWithHead,
    Normalise,
    TemperatureScaled,
    build,
    deep_stack,
    gradient_norms,
    scale_for,
    trained_teacher,
)

HUGE = 10**400


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


OTHER_DEFAULTS = {
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "meta": lambda: torch.device("meta"),
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
}


def everything():
    return [
        build("fc-8-8", seed=3),
        build("cnn-valid", seed=3),
        build("cnn-digits", seed=3, dropout=0.2),
        build("linear", seed=3, dtype=torch.float64),
        build("tiny-resnet", seed=3, weights="tissues", policy="fine-tune"),
        build("tiny-mobilenet", seed=3, num_classes=2, weights="polyps"),
        build("resnet18", seed=3),
        deep_stack("residual V2", 4, seed=3),
        trained_teacher(3),
        Normalise(),
    ]


@pytest.mark.parametrize("defaults", OTHER_DEFAULTS)
def test_the_callers_defaults_change_no_weights(defaults):
    wanted = everything()
    state = torch.random.get_rng_state()
    with OTHER_DEFAULTS[defaults]():
        found = everything()
    assert torch.equal(state, torch.random.get_rng_state())
    for ours, theirs in zip(found, wanted, strict=True):
        for one, two in zip(
            (*ours.parameters(), *ours.buffers()),
            (*theirs.parameters(), *theirs.buffers()),
            strict=True,
        ):
            assert one.dtype == two.dtype
            assert one.device.type == "cpu"
            assert one.requires_grad == two.requires_grad
            assert not one.is_inference()
            assert torch.equal(one, two)


def test_weights_of_another_precision_are_the_same_numbers_rounded():
    single = build("fc-8", seed=1)
    for dtype in (torch.float64, "float64", torch.float16, "bfloat16"):
        other = build("fc-8", seed=1, dtype=dtype)
        for one, two in zip(single.parameters(), other.parameters(), strict=True):
            assert torch.equal(one.to(two.dtype), two)


def test_numbers_of_numpy_are_numbers():
    plain = build("fc-8", seed=1, num_classes=3, input_shape=(1, 8, 8), dropout=0.5)
    for shape in (
        [1, 8, 8],
        torch.Size([1, 8, 8]),
        np.array([1, 8, 8]),
        np.int8([1, 8, 8]),
    ):
        other = build(
            "fc-8",
            seed=np.uint8(1),
            num_classes=np.int32(3),
            input_shape=shape,
            dropout=np.float32(0.5),
            download=np.False_,
        )
        for one, two in zip(plain.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)
        assert repr(plain) == repr(other)
    assert build("cnn-valid", input_shape=[1, 28, 28])[0].weight.shape == (32, 1, 3, 3)
    teacher = trained_teacher(np.int64(1))
    for one, two in zip(teacher.parameters(), trained_teacher(1).parameters(), strict=True):
        assert torch.equal(one, two)
    stack = deep_stack("plain", np.int64(4), width=np.int8(2), seed=np.int64(0))
    assert len([m for m in stack.modules() if isinstance(m, nn.Conv2d)]) == 5
    logits = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    assert scale_for(logits, np.float64(0.5)) == scale_for(logits, 0.5)
    assert TemperatureScaled(plain, np.float32(2)).scale == 2.0


BAD = {
    "name": [
        (None, TypeError, "name of a network must be a str, got None"),
        (["fc-8"], TypeError, "name of a network"),
        (b"fc-8", TypeError, "name of a netw"),
        ("fc-", ValueError, "unknown model"),
        ("fc-8\n", ValueError, "unknown model"),
        ("fc-\uff18", ValueError, "unknown model"),
        ("fc-08-0", ValueError, "widths must be"),
        ("fc-10000000000", ValueError, r"would take 32 TB of memory.*smaller widths"),
        ("fc-" + "9" * 5000, ValueError, "at most 1,000 layers and 15 digits"),
        ("fc-1" + "-1" * 5000, ValueError, "has 5,001 hidden layers"),
        ("x" * 10**6, ValueError, "unknown model"),
    ],
    "seed": [
        (-1, ValueError, "seed must be"),
        (True, TypeError, "seed must be"),
        (1.0, TypeError, "seed must be"),
        ("0", TypeError, "seed must be"),
        (None, TypeError, "seed must be"),
        (HUGE, ValueError, "seed must be below"),
    ],
    "num_classes": [
        (1, ValueError, "num_classes must be"),
        (True, TypeError, "num_classes must be"),
        (10.0, TypeError, "num_classes must be"),
        (None, TypeError, "num_classes must be"),
        (10**12, ValueError, "would take 32 TB of memory"),
        (HUGE, ValueError, "would take"),
    ],
    "dropout": [
        (float("nan"), ValueError, r"dropout must be in \[0, 1\)"),
        (1, ValueError, "drop"),
        (-0.1, ValueError, "dropout"),
        (True, TypeError, "dropout must be a number"),
        ("0.5", TypeError, "dropout must be a number"),
        (1j, TypeError, "dropout must be a"),
    ],
    "input_shape": [
        ((64,), ValueError, r"input_shape must be \(channels, H, W\)"),
        ((1, 2, 3, 4), ValueError, "input_shape must be"),
        ((), ValueError, "input_shape"),
        (8, TypeError, "input_shape must be"),
        ("188", TypeError, "input_shape must be"),
        ((1, -8, 8), ValueError, "a number of input_shape must be"),
        ((1, 8.0, 8), TypeError, "a number of input_shape"),
        ((1, 10**8, 10**8), ValueError, "would take"),
        ((1, 8, HUGE), ValueError, "would"),
    ],
    "dtype": [
        (torch.int64, TypeError, "dtype must be a floating-point"),
        ("x", TypeError, "dtype"),
        (torch.complex64, TypeError, "dtype"),
        (None, TypeError, "dtype"),
        (torch.float8_e4m3fn, TypeError, "dtype"),
    ],
    "policy": [
        (
            "half",
            ValueError,
            "unknown policy 'half'; known are full, fine-tune, linear_probe",
        ),
        (None, ValueError, "unknown policy None"),
        ([], ValueError, r"unknown policy \[\]"),
    ],
    "weights": [
        ("x", ValueError, "alone"),
        (5, ValueError, "weights and policy are options"),
    ],
    "download": [
        (1, TypeError, "download must be True or False"),
        (None, TypeError, "down"),
    ],
}


@pytest.mark.parametrize("option", BAD)
def test_bad_options_are_named(option):
    for value, kind, says in BAD[option]:
        with pytest.raises(kind, match=says):
            build(**{"name": "fc-8", option: value})


def test_bad_options_of_other_networks():
    for name, options, says in (
        (
            "tiny-resnet",
            {"weights": "imagenet"},
            "unknown weights of tiny-resnet .*tissues, polyps",
        ),
        ("tiny-resnet", {"weights": []}, r"unknown weights of tiny-resnet \[\]"),
        ("tiny-resnet", {"num_classes": 10**12}, "tiny-resnet with .* would take"),
        ("resnet18", {"weights": 5}, "unknown weights 5"),
        ("resnet18", {"num_classes": 10**12}, "resnet18 with .* would take"),
        ("cnn-valid", {"num_classes": 10**12}, "cnn-valid with .* would take"),
        ("cnn-digits", {"input_shape": (1, 10**7, 10**7)}, "cnn-digits with .* would take"),
        ("cnn-digits", {"input_shape": (1, 3, 8)}, "at least 4x4"),
    ):
        with pytest.raises(ValueError, match=says):
            build(name, **options)


def test_what_fits_is_built_and_what_does_not_is_told(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 4 * 800 * 794)
    assert build("fc-800")[1].weight.shape == (800, 784)
    with pytest.raises(ValueError, match=r"the dense network with 6\.4e\+05 weights would"):
        build("fc-801")


def test_bad_arguments_of_the_rest():
    network = build("fc-8", input_shape=(1, 8, 8))
    for scale, kind in (
        (0, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        (1e-320, ValueError),
        (1e31, ValueError),
        (HUGE, ValueError),
        (True, TypeError),
        ("1", TypeError),
        (None, TypeError),
    ):
        with pytest.raises(kind, match="scale must"):
            TemperatureScaled(network, scale)
    for model in (None, nn.Linear, lambda x: x):
        with pytest.raises(TypeError, match=r"network (must be|is)"):
            TemperatureScaled(model, 1.0)
    logits = torch.zeros(3, 5)
    for sure, kind in (
        (0.2, ValueError),
        (1, ValueError),
        (float("nan"), ValueError),
        ("x", TypeError),
        (None, TypeError),
        (True, TypeError),
    ):
        with pytest.raises(kind, match="sure must"):
            scale_for(logits, sure)
    for bad, kind in (
        (logits[0], ValueError),
        (logits[:0], ValueError),
        (logits + torch.nan, ValueError),
        (logits.long(), TypeError),
        (logits.numpy(), TypeError),
        (None, TypeError),
        (logits.to_sparse(), TypeError),
        (logits.to("meta"), TypeError),
    ):
        with pytest.raises(kind, match="logits"):
            scale_for(bad, 0.5)
    for seed, kind in (
        (10, ValueError),
        (-1, ValueError),
        (HUGE, ValueError),
        (True, TypeError),
        (1.0, TypeError),
        ("1", TypeError),
    ):
        with pytest.raises(kind, match="seed"):
            trained_teacher(seed)
    with pytest.raises(TypeError, match="dtype must be a floating-point"):
        trained_teacher(0, dtype="int8")
    for kind_of, depth, kind in (
        ("plain", 3, ValueError),
        ("plain", 0, ValueError),
        ("plain", HUGE, ValueError),
        ("plain", 2.0, TypeError),
        ("plain", True, TypeError),
    ):
        with pytest.raises(kind, match="depth must be"):
            deep_stack(kind_of, depth)
    for option, value, kind in (
        ("width", 0, ValueError),
        ("width", 1.5, TypeError),
        ("width", 10**9, ValueError),
        ("num_classes", 0, ValueError),
        ("num_classes", 10**13, ValueError),
        ("seed", True, TypeError),
    ):
        with pytest.raises(kind, match=f"{option}"):
            deep_stack("plain", 2, **{option: value})


def test_gradients_that_are_not_there():
    stack = deep_stack("plain", 2, width=2)
    loss = stack(torch.ones(1, 1, 6, 6)).sum()
    assert gradient_norms(deep_stack("plain", 2, width=2), loss) == [0.0, 0.0, 0.0]
    assert gradient_norms(nn.Linear(1, 1), loss) == []
    for bad in (loss.detach(), stack(torch.ones(1, 1, 6, 6))):
        with pytest.raises(ValueError, match="loss must be one number with a gradient"):
            gradient_norms(stack, bad)
    with pytest.raises(TypeError, match=r"loss must be a torch\.Tensor"):
        gradient_norms(stack, 3.0)
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module"):
        gradient_norms(None, loss)
    stack[1][0].requires_grad_(False)
    with pytest.raises(ValueError, match=r"frozen convolutions.*'1\.0'"):
        gradient_norms(stack, stack(torch.ones(1, 1, 6, 6)).sum())


class Wrapped(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return SimpleNamespace(logits=self.network(images))


def test_networks_of_others_are_cooled():
    network = build("fc-8", input_shape=(1, 8, 8))
    images = torch.ones(2, 1, 8, 8)
    wanted = network(images) / 4
    assert torch.equal(TemperatureScaled(Wrapped(network), 4)(images), wanted)
    with pytest.raises(TypeError, match="network must return logits"):
        TemperatureScaled(nn.LSTM(8, 2), 4)(images[:, 0])


def test_images_that_are_no_photographs():
    layer = Normalise()
    for bad in (torch.zeros(3, 8, 8), torch.zeros(2, 1, 8, 8), torch.zeros(2, 4, 8, 8)):
        with pytest.raises(ValueError, match=r"images must be \(B, 3, H, W\)"):
            layer(bad)
    for dtype in (torch.int64, torch.bool, torch.complex64):
        with pytest.raises(TypeError, match="images must be bytes"):
            layer(torch.zeros(2, 3, 8, 8, dtype=dtype))
    for bad, kind in (
        ((1, 2), ValueError),
        ("abc", TypeError),
        (5, TypeError),
        ((1, 2, "x"), TypeError),
        ((1, 2, float("nan")), ValueError),
    ):
        with pytest.raises(kind, match="mean"):
            Normalise(mean=bad)
        with pytest.raises(kind, match="std"):
            Normalise(std=bad)
    with pytest.raises(ValueError, match="std must be finite and above 0"):
        Normalise(std=(0, 1, 1))
    flat = nn.Sequential(nn.Flatten())
    for arguments, kind, says in (
        ((nn.Flatten(), flat, 0), TypeError, "backbone must be a torch.nn.Sequential"),
        ((flat, None, 0), TypeError, "head must be"),
        ((flat, flat, 2), ValueError, "trained"),
        ((flat, flat, True), TypeError, "trained must be an integer"),
    ):
        with pytest.raises(kind, match=says):
            BackboneWithHead(*arguments)
