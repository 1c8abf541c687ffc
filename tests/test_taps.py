"""Taps: features by hooks, that come and go; normalisation inside a network."""

import copy

import pytest
import torch
import torchvision
from torch import nn

from kdteach.models import build, normalised, tap


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def chain(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(),
            nn.Linear(4 * 36, 10),
        )  # fmt: skip


@pytest.fixture(scope="module")
def resnet():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torchvision.models.resnet18(num_classes=10).eval()


def hooks(model):
    return sum(
        len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules()
    )


def test_features_of_a_network_of_torchvision(resnet):
    images = drawn(2, 3, 64, 64)
    plain = resnet(images)
    with tap(resnet, ["layer2", "layer3"]) as features:
        assert len(features) == 0
        logits = resnet(images)
        assert features["layer2"].shape == (2, 128, 8, 8)
        assert features["layer3"].shape == (2, 256, 4, 4)
        assert list(features) == ["layer2", "layer3"]
    torch.testing.assert_close(logits, plain, rtol=0, atol=0)
    by_hand = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(images))))
    by_hand = resnet.layer2(resnet.layer1(by_hand))
    torch.testing.assert_close(features["layer2"], by_hand, rtol=0, atol=0)
    assert hooks(resnet) == 0


def test_what_works_in_place_afterwards_does_not_change_a_feature(resnet):
    """BatchNorm's output is overwritten by the ReLU that follows it."""
    images = drawn(2, 3, 32, 32)
    with torch.no_grad(), tap(resnet, ["bn1", "layer1.0.bn2"]) as features:
        resnet(images)
    wanted = resnet.bn1(resnet.conv1(images))
    torch.testing.assert_close(features["bn1"], wanted.detach(), rtol=0, atol=0)
    assert (features["bn1"] < 0).any()
    assert (features["layer1.0.bn2"] < 0).any()


@pytest.mark.parametrize("layer", ["bn1", "relu", "layer1.0.relu", "layer3", "avgpool"])
def test_a_feature_lies_on_the_way_to_the_output(resnet, layer):
    """Its gradient is that of the output, as maps of where a network looks need it."""
    with tap(resnet, [layer]) as features:
        logits = resnet(drawn(2, 3, 32, 32))
    (gradient,) = torch.autograd.grad(logits[:, 3].sum(), features[layer])
    assert gradient.shape == features[layer].shape
    assert gradient.abs().max() > 0


def test_gradients_reach_the_student_and_not_a_detached_teacher():
    model = chain()
    with tap(model, ["1"]) as features:
        model(drawn(3, 1, 8, 8))
    features["1"].square().mean().backward()
    assert model[0].weight.grad is not None
    assert model[4].weight.grad is None
    with tap(model, ["1"], detach=True) as features:
        logits = model(drawn(3, 1, 8, 8))
    assert not features["1"].requires_grad
    assert logits.requires_grad
    with torch.no_grad(), tap(model, ["1"]) as features:
        model(drawn(3, 1, 8, 8))
    assert not features["1"].requires_grad
    with torch.inference_mode(), tap(model, ["1"]) as features:
        model(drawn(3, 1, 8, 8))
        assert features["1"].shape == (3, 4, 6, 6)


def test_hooks_are_gone_after_an_error():
    model = chain()
    with pytest.raises(RuntimeError), tap(model, ["0", "4"]) as features:
        model(drawn(2, 1, 5, 5))
    assert hooks(model) == 0
    assert features["0"].shape == (2, 4, 3, 3)
    with pytest.raises(RuntimeError, match=r"'4'.* not called in the last pass"):
        features["4"]


def test_only_the_last_pass_is_kept():
    model = chain()
    with tap(model, ["0"]) as features:
        model(drawn(3, 1, 8, 8))
        first = features["0"]
        model(drawn(2, 1, 8, 8))
        assert len(features["0"]) == 2
    assert len(first) == 3
    assert not any(features["0"] is first for _ in features)


def test_blocks_can_be_nested_on_the_same_layer():
    model = chain().eval()
    images = drawn(2, 1, 8, 8)
    with tap(model, ["0", "1"]) as outer:
        with tap(model, ["1"]) as inner:
            logits = model(images)
        assert hooks(model) == 3
    torch.testing.assert_close(outer["1"], inner["1"])
    torch.testing.assert_close(logits, model(images))
    for features in (outer, inner):
        assert torch.autograd.grad(logits.sum(), features["1"], retain_graph=True)[0].any()


def test_a_tap_can_be_opened_again_but_not_twice_at_once():
    model = chain()
    features = tap(model, ["0"])
    with features:
        model(drawn(1, 1, 8, 8).expand(2, -1, -1, -1))
        with pytest.raises(RuntimeError, match="open already"), features:
            pass
        assert hooks(model) == 2
    with features:
        model(drawn(4, 1, 8, 8))
    assert len(features["0"]) == 4


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return self.layer(self.layer(x))


def test_a_layer_that_is_called_twice_keeps_its_last_output():
    model, x = Twice(), drawn(2, 3)
    with tap(model, ["layer"]) as features:
        out = model(x)
        assert features.calls == {"layer": 2}
        torch.testing.assert_close(features["layer"], out)
        model(x)
        assert features.calls == {"layer": 2}


class Returns(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.inner, self.make = Inner(make), make

    def forward(self, x):
        self.seen = self.inner(x)
        return x


class Inner(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x * 2)


class Named(dict):
    pass


@pytest.mark.parametrize(
    "make",
    [lambda y: (y,), lambda y: [y, None], lambda y: (y, 3), lambda y: {"hidden": y},
     lambda y: Named(x=y)],
)  # fmt: skip
def test_the_one_tensor_of_several_things(make):
    model, x = Returns(make), drawn(2, 3)
    with tap(model, ["inner"]) as features:
        model(x)
    torch.testing.assert_close(features["inner"], x * 2)
    assert type(model.seen) is type(make(x))
    assert len(model.seen) == len(make(x))


@pytest.mark.parametrize(
    ("make", "says"),
    [(lambda y: (y, y), r"tuple \(tensor \(2, 3\), tensor"), (lambda y: None, "NoneType"),
     (lambda y: {"a": y, "b": y}, "dict"), (lambda y: 3, "int"), (lambda y: (), "tuple")],
)  # fmt: skip
def test_what_cannot_be_told_is_named(make, says):
    model = Returns(make)
    with pytest.raises(TypeError, match=f"'inner' returns a {says}"), tap(model, ["inner"]):
        model(drawn(2, 3))
    assert hooks(model) == 0


def test_an_lstm_and_attention_have_one_output_that_is_meant():
    lstm = nn.LSTM(3, 4, batch_first=True)
    model = nn.Sequential(lstm)
    with tap(model, ["0"]) as features:
        out, _ = model(drawn(2, 5, 3))
    torch.testing.assert_close(features["0"], out)


def test_a_feature_that_was_changed_in_place_is_not_given_out():
    model = nn.Sequential(nn.Identity(), nn.Linear(3, 2))
    x = drawn(2, 3)
    with tap(model, ["0"]) as features:
        model(x)
    x.add_(1)  # Identity returned the images themselves
    with pytest.raises(RuntimeError, match="changed in place"):
        features["0"]


@pytest.mark.parametrize(
    ("layers", "error", "says"),
    [
        (["layer22"], ValueError, "no layer 'layer22'.*its layers are layer2, .*conv1"),
        (["layer2", "backbone.fc"], ValueError, "no layer 'backbone.fc'.*: its layers are"),
        ([""], ValueError, "no layer ''"),
        ([], ValueError, "at least one layer"),
        ("layer2", TypeError, "must be a list"),
        ([2], TypeError, "must be names"),
        (None, TypeError, "must be a list"),
    ],
)
def test_unknown_layers(resnet, layers, error, says):
    with pytest.raises(error, match=says):
        tap(resnet, layers)
    assert hooks(resnet) == 0


def test_a_feature_that_is_not_tapped_is_a_key_error():
    model = chain()
    with tap(model, ["0"]) as features:
        with pytest.raises(KeyError, match="tapped are 0"):
            features["1"]
        with pytest.raises(RuntimeError, match="Call the model inside the block"):
            features["0"]
        assert "0" not in features
        model(drawn(2, 1, 8, 8))
        assert "0" in features
        assert dict(features).keys() == {"0"}
        assert repr(features) == "Tap(0: (2, 4, 6, 6))"
    with pytest.raises(TypeError, match="Module"):
        tap(lambda x: x, ["0"])
    with pytest.raises(TypeError, match="detach"):
        tap(model, ["0"], detach=1)


def test_functional_call_fills_a_tap_and_vmap_is_refused():
    model, images = chain().eval(), drawn(2, 1, 8, 8)
    other = {name: weight.detach() * 2 for name, weight in model.named_parameters()}
    with tap(model, ["0"]) as features:
        torch.func.functional_call(model, other, (images,))
    conv = nn.functional.conv2d(images, other["0.weight"], other["0.bias"])
    torch.testing.assert_close(features["0"], conv)
    with pytest.raises(TypeError, match="inside vmap"), tap(model, ["0"]):
        torch.vmap(model)(images[:, None])


def test_networks_whose_layers_run_elsewhere_are_refused():
    model = chain()
    compiled = torch.compile(model, backend="eager")
    with pytest.raises(ValueError, match="compiled"):
        tap(compiled, ["0"])
    with pytest.raises(ValueError, match=r"model\.module"):
        tap(nn.DataParallel(model), ["module.0"])
    inside = nn.Sequential(copy.deepcopy(model))
    inside[0].compile(backend="eager")
    with pytest.raises(ValueError, match=r"compiled \(0\)"):
        tap(inside, ["0.0"])


def test_a_copy_made_inside_the_block_is_a_network_of_its_own():
    model = chain()
    with tap(model, ["0"]) as features:
        model(drawn(2, 1, 8, 8))
        other = copy.deepcopy(model)
    assert hooks(model) == 0
    del other
    assert len(features["0"]) == 2


# normalisation


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_network_behind_its_normalisation(kind):
    model = build("fc-6", input_shape=(3, 8, 8), dtype=kind).eval()
    inside = normalised(model, (0.5, 0.4, 0.3), (0.2, 0.25, 0.5))
    assert not inside.training
    images = torch.rand(2, 3, 8, 8, dtype=kind)
    mean = torch.tensor([0.5, 0.4, 0.3], dtype=kind)[:, None, None]
    std = torch.tensor([0.2, 0.25, 0.5], dtype=kind)[:, None, None]
    wanted = model((images - mean) / std)
    torch.testing.assert_close(inside(images), wanted)
    held = {id(weight) for weight in inside.parameters()}
    assert held == {id(weight) for weight in model.parameters()}
    inside.train()
    assert model.training
    assert list(inside.state_dict()) == [f"network.{name}" for name in model.state_dict()]


def test_bytes_become_fractions():
    model = nn.Flatten()
    inside = normalised(model, [0.5], [0.5])
    bytes_ = torch.tensor([[[[0, 255]]]], dtype=torch.uint8)
    torch.testing.assert_close(inside(bytes_), torch.tensor([[-1.0, 1.0]]))


def test_normalisation_can_be_exported():
    inside = normalised(chain(), [0.5], [0.5]).eval()
    images = torch.rand(2, 1, 8, 8)
    program = torch.export.export(inside, (images,))
    torch.testing.assert_close(program.module()(images), inside(images))


@pytest.mark.parametrize(
    ("mean", "std", "error", "says"),
    [
        ([0.5], [0.5, 0.5], ValueError, "each channel, got 1 and 2"),
        ([], [], ValueError, "mean is empty"),
        ([0.5], [0.0], ValueError, "number of std must be finite and above 0"),
        ([float("nan")], [1.0], ValueError, "number of mean"),
        (0.5, [1.0], TypeError, "mean must be a list"),
        (["a"], [1.0], TypeError, "number of mean"),
    ],
)
def test_bad_normalisation(mean, std, error, says):
    with pytest.raises(error, match=says):
        normalised(chain(), mean, std)


def test_images_of_other_channels_are_named():
    inside = normalised(chain(), [0.5], [0.5])
    with pytest.raises(ValueError, match=r"must be \(B, 1, H, W\)"):
        inside(torch.rand(2, 3, 8, 8))
    with pytest.raises(TypeError, match="bytes"):
        inside(torch.ones(2, 1, 8, 8, dtype=torch.int64))
