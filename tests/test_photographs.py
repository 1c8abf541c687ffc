"""torchvision's networks: heads, frozen parts, weights."""

import sys

import pytest
import torch
from torch import nn

from kdteach import fit
from kdteach.cost import count_parameters
from kdteach.metrics import predict_logits
from kdteach.models import Normalise, build, deep_stack, gradient_norms
from kdteach.objectives import hard_labels
from kdteach.types import Split

# of two classes: the report's tables, and torchvision's own count less the 1,000-way head
PARAMETERS = {
    "resnetv2_50": 25_549_352 - 2_049_000 + 4_098,
    "resnet50": 25_557_032 - 2_049_000 + 4_098,
    "mobilenet_v2": 3_504_872 - 1_281_000 + 2_562,
    "resnet18": 11_689_512 - 513_000 + 1_026,
}


@pytest.fixture(scope="module")
def tiles():
    noise = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (12, 3, 32, 32), generator=noise, dtype=torch.uint8)
    return Split(images, torch.arange(12) % 2, torch.arange(12))


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_heads_are_replaced_not_stacked(name, count):
    model = build(name, num_classes=2)
    assert count_parameters(model) == count
    assert {"resnet50": 23_512_130, "mobilenet_v2": 2_226_434}.get(name, count) == count
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 2)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_it_is_torchvisions_network(name, tiles):
    """The same weights in torchvision's own without its head: the same features."""
    import torchvision

    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)(weights=None).eval()
    ours = build(name, num_classes=2).eval()
    state = list(theirs.state_dict().values())[: len(ours.backbone.state_dict())]
    names = list(ours.backbone.state_dict())
    ours.backbone.load_state_dict(dict(zip(names, state, strict=True)))
    if name == "mobilenet_v2":
        theirs.classifier = nn.Identity()
    else:
        theirs.fc = nn.Identity()
    images = tiles.images.float() / 255
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        wanted = theirs((images - mean) / std)
        torch.testing.assert_close(ours.features(tiles.images), wanted)
        torch.testing.assert_close(ours.features(images), wanted)


def test_bytes_and_fractions_are_normalised_alike():
    images = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    layer = Normalise()
    torch.testing.assert_close(layer(images), layer(images.float() / 255))
    assert list(layer.state_dict()) == []  # it does not get into anybody's weights


@pytest.mark.parametrize(
    ("policy", "moves"), [("linear_probe", 0), ("fine-tune", 1), ("full", 5)]
)
def test_what_is_frozen_stays_in_weights_and_statistics(policy, moves, tiles):
    model = build("resnet18", num_classes=2, policy=policy)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fit(model, tiles, hard_labels(), epochs=2, batch_size=6, learning_rate=0.01)
    assert model.training
    changed = {
        key.split(".")[1] if key.startswith("backbone") else "head"
        for key, value in model.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert "head" in changed
    assert changed - {"head"} == {str(stage) for stage in range(5 - moves, 5)}
    norms = [m for m in model.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert any(not m.training for m in norms) == (policy != "full")


def test_features_once_equal_features_every_time(tiles):
    """A linear probe on stored features is the network with its backbone frozen."""
    model = build("resnet18", num_classes=2, policy="linear_probe").eval()
    with torch.no_grad():
        stored = model.features(tiles.images)
    table = Split(stored[:, :, None, None], tiles.labels, tiles.index)
    probe = build("linear", num_classes=2, input_shape=(512, 1, 1))
    probe.load_state_dict({"1.weight": model.head.weight, "1.bias": model.head.bias})
    options = {"epochs": 3, "batch_size": 4, "learning_rate": 0.01, "seed": 5}
    fit(model, tiles, hard_labels(), **options)
    fit(probe, table, hard_labels(), **options)
    torch.testing.assert_close(
        predict_logits(probe, table.images), predict_logits(model, tiles.images)
    )


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        (
            "resnet18",
            {"policy": "half"},
            "unknown policy 'half'; known are full, fine-tune",
        ),
        ("resnet18", {"weights": "cifar"}, "unknown weights 'cifar'"),
        ("resnet18", {"input_shape": (1, 28, 28)}, "takes images of 3 channels"),
        (
            "fc-8",
            {"policy": "linear_probe"},
            "options of resnet18, resnet50, .*tiny-resnet, tiny-mobilenet alone",
        ),
        ("fc-8", {"weights": "imagenet"}, "alone"),
        ("resnet18", {"dropout": 0.5}, "resnet18 has no dropout to be set, got 0.5"),
        ("linear", {"dropout": 0.1}, "linear has no dropout"),
    ],
)
def test_bad_options(name, options, says):
    with pytest.raises(ValueError, match=says):
        build(name, **options)


def test_the_pre_activation_network_is_timms(tiles):
    """The same weights: the same logits, with timm's own pixel statistics."""
    import timm

    torch.manual_seed(0)
    theirs = timm.create_model("resnetv2_50", num_classes=2).eval()
    ours = build("resnetv2_50", num_classes=2).eval()
    state = list(theirs.state_dict().values())
    assert len(state) == len(ours.state_dict())
    state[-2] = state[-2][..., 0, 0]  # timm's head is a 1x1 convolution
    ours.load_state_dict(dict(zip(ours.state_dict(), state, strict=True)))
    config = theirs.pretrained_cfg
    mean, std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))
    with torch.no_grad():
        wanted = theirs((tiles.images.float() / 255 - mean) / std)
        torch.testing.assert_close(ours(tiles.images), wanted)


def test_pre_activation_without_weights_or_timm(monkeypatch, tmp_path):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    with pytest.raises(FileNotFoundError, match=r"resnetv2_50.*download=True"):
        build("resnetv2_50", weights="imagenet")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'kdteach\[timm\]'"):
        build("resnetv2_50")


def test_deep_stacks_are_what_they_say():
    images = torch.randn(4, 1, 6, 6, dtype=torch.float64)
    for kind in ("plain", "plain, normalised", "residual V1", "residual V2"):
        stack = deep_stack(kind, 6, width=4).double()
        convolutions = [m for m in stack.modules() if isinstance(m, nn.Conv2d)]
        assert len(convolutions) == 7
        loss = nn.functional.cross_entropy(stack(images), torch.tensor([0, 1, 2, 3]))
        loss.backward(retain_graph=True)
        wanted = [float(c.weight.grad.norm()) for c in convolutions]
        assert gradient_norms(stack, loss) == pytest.approx(wanted)
    # a V2 stack whose branches are silent passes its input on unchanged; V1 takes the ReLU
    for kind, wanted in (("residual V1", images.relu()), ("residual V2", images)):
        block = deep_stack(kind, 2, width=1).double()[1]
        for parameter in block.parameters():
            nn.init.zeros_(parameter)
        torch.testing.assert_close(block(images), wanted)
    with pytest.raises(ValueError, match="unknown kind"):
        deep_stack("V3", 4)
    with pytest.raises(ValueError, match="depth must be even"):
        deep_stack("plain", 3)
