"""Grad-CAM beside captum's, by hand, and where it cannot be."""

import pytest
import torch
from torch import nn

from kdteach import explain
from kdteach.explain import grad_cam
from kdteach.live import page_examples
from kdteach.models import build, trained_reader, trained_teacher


@pytest.fixture(scope="module")
def reader():
    return trained_reader("teacher").double()


@pytest.fixture(scope="module")
def images():
    return page_examples().images.double()


@pytest.mark.parametrize("layer", [None, "1", "3", "5", "6"])
def test_it_is_captums(reader, images, layer):
    from captum.attr import LayerAttribution, LayerGradCam

    said = reader(images).argmax(dim=1)
    part = reader[6] if layer is None else reader[int(layer)]
    theirs = LayerGradCam(reader, part).attribute(images.clone(), target=said).detach()
    mine = grad_cam(reader, images, layer=layer, signed=True, enlarge=False)
    torch.testing.assert_close(mine.values, theirs[:, 0], rtol=0, atol=1e-6)
    assert torch.equal(mine.target, said)
    if float(theirs.max()) <= 0:
        return
    wanted = LayerAttribution.interpolate(theirs.relu(), (28, 28), "bilinear")[:, 0]
    mine = grad_cam(reader, images[theirs.amax(dim=(1, 2, 3)) > 0][:1], layer=layer)
    chosen = int((theirs.amax(dim=(1, 2, 3)) > 0).nonzero()[0, 0])
    torch.testing.assert_close(mine.values[0], wanted[chosen], rtol=0, atol=1e-6)


def test_integrated_gradients_are_captums_and_complete(reader, images):
    from captum.attr import IntegratedGradients

    few = images[:3]
    said = reader(few).argmax(dim=1)
    theirs = IntegratedGradients(reader).attribute(few, target=said, n_steps=200)
    mine = explain.saliency(
        reader, few, method="integrated gradients", signed=True, samples=200
    )
    torch.testing.assert_close(mine.values, theirs[:, 0].detach(), rtol=0, atol=1e-6)
    # completeness, Sundararajan et al. 2017, proposition 1: from black to the image
    way = reader(few) - reader(torch.zeros_like(few))
    way = way.gather(1, said[:, None])[:, 0].detach()
    assert float((mine.values.sum(dim=(1, 2)) - way).abs().max()) < 0.1


def test_by_hand():
    """Two feature maps, image and its double; logits weigh their sums by 1 and by -3."""
    convolution = nn.Conv2d(1, 2, 1, bias=False).double()
    last = nn.Linear(8, 2, bias=False).double()
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
        last.weight.copy_(
            torch.tensor([[1.0] * 4 + [-3.0] * 4, [2.0, 0.0, 0.0, 2.0] + [0.0] * 4])
        )
    model = nn.Sequential(convolution, nn.Flatten(), last)
    image = torch.tensor([[[[0.1, 0.2], [0.3, 0.4]]]], dtype=torch.float64)
    against = grad_cam(model, image, 0, signed=True)
    torch.testing.assert_close(against.values, image[:, 0] * (1 - 3 * 2))
    # of class 1 the slopes are 2, 0, 0, 2: their mean is 1
    torch.testing.assert_close(grad_cam(model, image, 1).values, image[:, 0])
    with pytest.warns(explain.UninformativeMap, match=r"0 everywhere.*signed=True"):
        nothing = grad_cam(model, image, 0)
    assert float(nothing.values.abs().max()) == 0


@pytest.mark.parametrize(
    ("kind", "name"), [("tiny-resnet", "backbone.3"), ("tiny-mobilenet", "backbone.4")]
)
def test_of_residual_networks_the_last_block_is_taken(kind, name):
    photographs = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    network = build(kind, num_classes=2, weights="polyps")
    mine = grad_cam(network, photographs, 1, signed=True)
    named = grad_cam(network, photographs, 1, signed=True, layer=name)
    assert torch.equal(mine.values, named.values)


def test_activations_in_place_change_nothing(reader, images):
    layers = [nn.ReLU(inplace=True) if isinstance(x, nn.ReLU) else x for x in reader]
    for layer in ("5", "6"):
        torch.testing.assert_close(
            grad_cam(nn.Sequential(*layers), images, layer=layer, signed=True).values,
            grad_cam(reader, images, layer=layer, signed=True).values,
        )


def test_nothing_is_left_behind(reader, images):
    reader.train()
    reader.zero_grad()
    before = images.clone()
    with torch.no_grad():
        first = grad_cam(reader, images)
    with torch.inference_mode():
        second = grad_cam(reader, images)
    assert torch.equal(first.values, second.values)
    assert torch.equal(images, before)
    assert reader.training
    assert all(p.grad is None for p in reader.parameters())
    assert not any(part._forward_hooks for part in reader.modules())


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda m, x: grad_cam(m, x, layer="10"), ValueError, r"return \(N, K, h, w\)"),
        (lambda m, x: grad_cam(m, x, layer="no"), ValueError, r"one of the model's"),
        (lambda m, x: grad_cam(m, x, layer=""), ValueError, r"one of the model's"),
        (lambda m, x: grad_cam(m, x, layer=5), TypeError, "name of a module"),
        (lambda m, x: grad_cam(m, x, layer=m[5]), TypeError, "name of a module"),
        (lambda m, x: grad_cam(m, x, enlarge=1), TypeError, "enlarge"),
        (lambda m, x: grad_cam(m, x, signed="no"), TypeError, "signed"),
        (lambda m, x: grad_cam(m, x, 10), ValueError, "0 to 9"),
        (lambda m, x: grad_cam(m, x * 2), ValueError, r"lie in \[0, 1\]"),
        (lambda m, x: grad_cam(lambda v: v, x), TypeError, "model"),
        (lambda m, x: grad_cam(m, x.numpy()), TypeError, "images"),
    ],
)
def test_what_cannot_be(call, error, says, reader, images):
    with pytest.raises(error, match=says):
        call(reader, images)


class _Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.again, self.last = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(64, 10)

    def forward(self, x):
        return self.last(self.again(self.again(x)).flatten(1))


class _Cut(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        with torch.no_grad():
            return self.network(x)


def test_networks_that_have_no_such_map():
    image = torch.rand(1, 1, 8, 8)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(ValueError, match="passes no Conv2d"):
        grad_cam(flat, image)
    with pytest.raises(ValueError, match="passed 2 times"):
        grad_cam(_Twice(), image)
    with pytest.raises(ValueError, match="no gradient"):
        grad_cam(_Cut(trained_teacher(0)), image)
