"""Explanations of networks as they come, and of images that say nothing."""

import threading
import time
import warnings
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from kdteach import explain
from kdteach.explain import Maps, UninformativeMap, masking

X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
TILE = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))


def small(channels=1, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(),
            nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 5),
        ).to(**options)  # fmt: skip


class Around(nn.Module):
    """A network with something before it and after it."""

    def __init__(self, net, before=lambda x: x, after=lambda z: z):
        super().__init__()
        self.net, self.before, self.after = net, before, after

    def forward(self, images):
        return self.after(self.net(self.before(images)))


BEGINNINGS = {
    "ReLU": (nn.ReLU(inplace=True), nn.ReLU()),
    "Hardswish": (nn.Hardswish(inplace=True), nn.Hardswish()),
    "sub_": (lambda x: x.sub_(0.5), lambda x: x - 0.5),
    "zero_": (lambda x: x.mul_(0.5).add_(0.1), lambda x: 0.5 * x + 0.1),
}


def methods(model, images):
    """Every entry point that asks a network, on the same images."""
    flat = Maps(
        torch.arange(64.0).reshape(1, 8, 8).expand(3, 8, 8), torch.tensor([0, 1, 2])
    )
    for method in explain.METHODS:
        yield explain.saliency(model, images, 1, method=method, samples=6).values
    yield explain.saliency(model, images).target
    for centred in (False, True):
        yield explain.rise(model, images, 1, masks=40, cells=4, centred=centred).values
    yield explain.rise(model, images, masks=explain.rise_masks(30, 8, 8)).values
    for hide in (None, 0.0):
        maps = explain.lime(model, images[0], 1, samples=40, hide=hide)
        yield maps.values
        yield maps.fit
    for curve in (explain.deletion, explain.insertion):
        for substrate in ("zero", "blur"):
            yield curve(model, images, flat, steps=7, substrate=substrate).probability
    for _, spoiled in explain.cascade(model):
        yield explain.saliency(spoiled, images, 1).values


@pytest.mark.parametrize("name", BEGINNINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_networks_that_begin_in_place(name, dtype):
    """The same maps as of the same network written out of place; the images stay."""
    inside, outside = BEGINNINGS[name]
    images = X.to(dtype)
    before = images.clone()
    found = list(methods(Around(small(dtype=dtype), inside), images))
    assert torch.equal(images, before)
    wanted = list(methods(Around(small(dtype=dtype), outside), images))
    assert len(found) == len(wanted) > 15
    for mine, its in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, its)
    again = list(methods(Around(small(dtype=dtype), inside), images))
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))


OUTPUTS = {
    "object": lambda z: SimpleNamespace(logits=z, hidden=None),
    "dictionary": lambda z: {"logits": z, "aux": z},
    "ordered": lambda z: OrderedDict(loss=None, logits=z),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_networks_that_return_logits_by_name(name):
    found = list(methods(Around(small(), after=OUTPUTS[name]), X))
    for mine, its in zip(found, methods(small(), X), strict=True):
        torch.testing.assert_close(mine, its)


EVERY = {
    "saliency": lambda m, x, **k: explain.saliency(m, x, **k),
    "integrated": lambda m, x, **k: explain.saliency(
        m, x, method="integrated gradients", **k
    ),
    "rise": lambda m, x, **k: explain.rise(m, x, masks=20, **k),
    "lime": lambda m, x, **k: explain.lime(m, x[:1], samples=20, **k),
    "deletion": lambda m, x, **k: explain.deletion(
        m, x, Maps(torch.rand(len(x), 8, 8), torch.zeros(len(x)).long())
    ),
}


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize(
    ("after", "error", "says"),
    [
        (lambda z: (z, z), TypeError, r"got a tuple .*output\[0\]"),
        (lambda z: [z], TypeError, "got a list"),
        (lambda z: {"out": z}, TypeError, r"output\['out'\]"),
        (lambda z: None, TypeError, "does its forward end with a return"),
        (lambda z: z.detach().numpy(), TypeError, "got an object of type ndarray"),
        (lambda z: z.argmax(1), ValueError, "logits"),
        (lambda z: z[:-1], ValueError, "logits"),
        (lambda z: z[:, :1], ValueError, "one number for two classes"),
        (lambda z: z.long(), TypeError, "floating"),
        (lambda z: z + 0j, TypeError, "floating"),
        (lambda z: z.to_sparse(), TypeError, "sparse"),
        (lambda z: z / 0, ValueError, "NaN or infinite"),
        (lambda z: z.softmax(1), ValueError, "softmax.*logits are expected"),
        (lambda z: z.sigmoid(), ValueError, "sigmoid.*logits are expected"),
    ],
)
def test_what_is_no_logits(method, after, error, says):
    """Also of a single image, and named before anything is explained."""
    for images in (X, X[:1]):
        with pytest.raises(error, match=says):
            EVERY[method](Around(small(), after=after), images)


def test_logarithms_of_probabilities_are_logits():
    plain, logs = small(), Around(small(), after=lambda z: z.log_softmax(1))
    torch.testing.assert_close(
        explain.rise(plain, X, masks=20).values, explain.rise(logs, X, masks=20).values
    )


@pytest.mark.parametrize(
    "after",
    [
        lambda z: z.detach(),
        lambda z: torch.from_numpy(z.detach().numpy().copy()),
        lambda z: torch.zeros_like(z).scatter(1, z.argmax(1, keepdim=True), 3.0),
    ],
)
@pytest.mark.parametrize("method", explain.METHODS)
def test_networks_without_a_gradient_are_named(method, after):
    with pytest.raises(ValueError, match="no gradient with respect to the images"):
        explain.saliency(Around(small(), after=after), X[:1], method=method, samples=3)


class Quiet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = small()

    @torch.no_grad()
    def forward(self, images):
        return self.net(images)


def test_networks_that_forbid_gradients():
    with pytest.raises(ValueError, match="no gradient with respect to the images"):
        explain.saliency(Quiet(), X[:1])
    explain.rise(Quiet(), X[:1], masks=20)


@pytest.mark.parametrize("method", EVERY)
def test_layers_that_have_no_weights_yet(method):
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(5))
    with pytest.raises(TypeError, match="call the model once on an image"):
        EVERY[method](lazy, X[:1])
    assert lazy[1].has_uninitialized_params()


@pytest.mark.parametrize("wrong", [small, nn.Conv2d, lambda x: x, None, "resnet18"])
@pytest.mark.parametrize("method", EVERY)
def test_what_is_no_model(method, wrong):
    with pytest.raises(TypeError, match="model"):
        EVERY[method](wrong, X[:1])


# --- settings of the caller


@pytest.fixture
def settings():
    kind = torch.get_default_dtype()
    yield
    torch.set_default_dtype(kind)
    torch.set_default_device(None)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_the_same_numbers_under_another_default(kind, settings):
    model = small()
    wanted = [*methods(model, X), explain.rise_masks(9, 8, 8, keep=0.3)]
    maps = explain.saliency(model, X)
    wanted.append(explain.random_maps(maps, seed=2).values)
    torch.set_default_dtype(kind)
    found = [*methods(model, X), explain.rise_masks(9, 8, 8, keep=0.3)]
    found.append(explain.random_maps(maps, seed=2).values)
    assert torch.get_default_dtype() == kind
    for mine, its in zip(found, wanted, strict=True):
        assert mine.dtype == its.dtype
        torch.testing.assert_close(mine, its, rtol=0, atol=0, equal_nan=True)


def test_a_network_sees_the_callers_default(settings):
    """Integrated gradients sets another one for captum alone."""
    seen = set()

    def noting(x):
        seen.add(torch.get_default_dtype())
        return x

    torch.set_default_dtype(torch.float64)
    explain.saliency(
        Around(small(), before=noting), X[:1], method="integrated gradients", samples=3
    )
    assert seen == {torch.float64}


def test_maps_are_drawn_on_the_cpu_whatever_the_default_device(settings):
    masks = explain.rise_masks(4, 8, 8)
    torch.set_default_device("meta")
    assert torch.equal(explain.rise_masks(4, 8, 8), masks)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_networks_in_half_precision(dtype):
    exact = list(methods(small(), X))
    half = list(methods(small(dtype=dtype), X.to(dtype)))
    for number, (mine, its) in enumerate(zip(half, exact, strict=True)):
        if mine.is_floating_point() and number not in (8, 10):  # the fits of LIME
            torch.testing.assert_close(mine.float(), its.float(), rtol=0.2, atol=0.05)


def test_smoothgrad_repeats_beside_other_threads():
    model = small().eval()

    def once(_):
        return explain.saliency(model, X[:1], method="smoothgrad", samples=20).values

    wanted = once(None)
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(found, wanted) for found in pool.map(once, range(8)))
    assert all(weight.requires_grad for weight in model.parameters())


def test_smoothgrad_in_portions_is_captums(monkeypatch):
    from captum.attr import NoiseTunnel, Saliency

    from kdteach.explain import gradients
    from kdteach.seeding import seeded

    model = small().eval()
    found = explain.saliency(model, X[:1], 1, method="smoothgrad", samples=30, signed=True)
    with seeded(0, "noise"):
        its = NoiseTunnel(Saliency(model)).attribute(
            X[:1].clone().requires_grad_(), nt_type="smoothgrad", nt_samples=30,
            stdevs=0.15, target=1, abs=False,
        )  # fmt: skip
    torch.testing.assert_close(found.values, its[:, 0])
    sizes = []
    real = gradients._gradient

    def noting(model, pixels, classes):
        sizes.append(len(pixels))
        return real(model, pixels, classes)

    monkeypatch.setattr(gradients, "_gradient", noting)
    explain.saliency(model, X[:1], method="smoothgrad", samples=300)
    assert sizes == [128, 128, 44]


# --- networks that cannot be copied, or not without loss


class Locked(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net, self.lock = net, threading.Lock()

    def forward(self, images):
        with self.lock:
            return self.net(images)


class Itself(nn.Module):
    """Hands out itself as its copy."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def __deepcopy__(self, memo):
        return self

    def forward(self, images):
        return self.net(images)


class Remembering(nn.Module):
    """A hook on a layer writes to the network, whose forward reads it."""

    def __init__(self, net, own=True):
        super().__init__()
        self.net, self.kept = net, None
        if own:
            net[0].register_forward_hook(self._keep)

    def _keep(self, _, __, output):
        self.kept = output

    def forward(self, images):
        logits = self.net(images)
        return logits + self.kept.mean(dim=(1, 2, 3))[:, None] * torch.arange(5)


def outside_hook():
    """The hook belongs to the original and writes there; a copy would read the old."""
    model = Remembering(small(), own=False)

    def keep(_, __, output):
        model.kept = output

    model.net[0].register_forward_hook(keep)
    return model


def patched():
    model = small()
    before = model.forward
    model.forward = lambda images: 2 * before(images)
    return model


def normed():
    model = small()
    nn.utils.parametrizations.weight_norm(model[0])
    return model


def tied():
    model = small()
    other = nn.Conv2d(4, 4, 3)
    other.weight, other.bias = model[2].weight, model[2].bias
    model.insert(4, other)
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: Locked(small()), lambda: Itself(small()), lambda: Remembering(small()),
        outside_hook, patched, tied,
        lambda: normed(),
    ],
)  # fmt: skip
def test_rise_of_networks_that_are_hard_to_copy(make):
    """By the published formula, computed here."""
    model, masks = make().eval(), explain.rise_masks(25, 8, 8, cells=4)
    formats = [weight.is_contiguous() for weight in model.parameters()]
    with torch.no_grad():
        chances = torch.stack([model(X * mask).softmax(1)[:, 2] for mask in masks])
    wanted = torch.einsum("kn,khw->nhw", chances, masks) / len(masks) / 0.5
    found = explain.rise(model, X, 2, masks=masks, keep=0.5).values
    torch.testing.assert_close(found, wanted)
    assert [weight.is_contiguous() for weight in model.parameters()] == formats


def test_a_cascade_says_what_it_cannot_do():
    with pytest.raises(TypeError, match="cannot be copied"):
        next(explain.cascade(Locked(small())))
    with pytest.raises(ValueError, match="2 and 4 share a weight"):
        next(explain.cascade(tied()))
    with pytest.raises(TypeError, match="seed"):
        next(explain.cascade(small(), seed=1.5))


# --- maps that say nothing


def told(says):
    return pytest.warns(UninformativeMap, match=says)


def test_dead_networks_are_named():
    dead = small()
    with torch.no_grad():
        dead[0].bias.fill_(-100)
    for method in explain.METHODS:
        with told(r"for images 0, 1, 2 of 3 the saliency is 0 everywhere"):
            maps = explain.saliency(dead, X, method=method, samples=3)
        assert float(maps.values.abs().sum()) == 0
    with told("equally probable behind all masks"):
        explain.rise(dead, X, masks=20)
    with told("does the model look at the image"):
        explain.lime(dead, X[0], samples=20)


def test_only_the_images_that_say_nothing_are_named():
    images = X.clone()
    images[1] = 0
    with told(r"for image 1 of 3 the saliency is 0"):
        explain.saliency(small(), images, 0, method="gradient x input")
    with told(r"for image 1 of 3 the class is equally probable"):
        explain.rise(small(), images, 0, masks=20)
    flat, good = torch.rand(9, 8, 8), torch.rand(9, 8, 8)
    flat[1:8] = 0.25
    classes = torch.zeros(9).long()
    with told("for images 1, 2, 3, 4, 5 and 2 more of 9 a map is the same everywhere"):
        found = explain.agreement(Maps(flat, classes), Maps(good, classes), top=0.25)
    assert found.spearman[1:8].tolist() == [0] * 7
    assert found.spearman[0] != 0
    assert found.overlap[1:8] == pytest.approx(0.25)
    with told("of 9 the map is the same everywhere and puts the pixels in no order"):
        explain.deletion(small(), torch.rand(9, 1, 8, 8), Maps(flat, classes))


def test_the_warning_shows_the_line_of_the_caller():
    with pytest.warns(UninformativeMap) as caught:
        explain.rise(small(), torch.zeros(1, 1, 8, 8), masks=20)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("segments", [None, 4, np.arange(64).reshape(8, 8) // 20])
def test_lime_on_a_tile_of_one_value(segments):
    tile = torch.full((1, 8, 8), 0.6)
    with told(r"every part has one colour, its own mean: give hide=0\.0"):
        maps = explain.lime(small(), tile, samples=30, segments=segments)
    assert torch.isnan(maps.fit).all()
    maps = explain.lime(small(), tile, samples=30, segments=segments, hide=0.0)
    assert float(maps.values.abs().max()) > 0
    assert torch.isfinite(maps.fit).all()
    with told("the whole image is 0 already: give another value"):
        explain.lime(small(), 0 * tile, samples=30, segments=segments, hide=0.0)


def test_pixels_that_no_mask_shows():
    masks = torch.zeros(6, 8, 8)
    masks[::2, :4] = 1
    masks[1::2, :4, :4] = 1
    with told("32 of 64 pixels are hidden by all masks"):
        explain.rise(small(), X[:1], masks=masks)
    with pytest.raises(ValueError, match=r"keep is 1e-09, and all 20 masks .* let nothing"):
        explain.rise(small(), X[:1], masks=20, keep=1e-9)


def test_nothing_is_said_where_the_maps_say_something():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(methods(small(), X))
        one = explain.saliency(small(), X, 1)
        explain.agreement(one, explain.random_maps(one))


# --- LIME as the package does it


@pytest.mark.parametrize("hide", [None, 0.0])
def test_lime_is_the_packages_own_loop(hide):
    from lime.lime_image import LimeImageExplainer

    model, parts = small(3).eval(), explain.blocks(32, 32, 5)

    def says(batch):
        with torch.no_grad():
            seen = torch.from_numpy(batch).float().permute(0, 3, 1, 2)
            return model(seen).double().softmax(1).numpy()

    explainer = LimeImageExplainer(random_state=4, feature_selection="none")
    picture = TILE[0].permute(1, 2, 0).double().numpy()
    its = explainer.explain_instance(
        picture, says, labels=(2,), top_labels=None, hide_color=hide, num_samples=50,
        batch_size=16, segmentation_fn=lambda _: parts, random_seed=4,
    )  # fmt: skip
    mine = explain.lime(
        model, TILE, 2, segments=parts, samples=50, hide=hide, batch_size=16, seed=4
    )
    wanted = torch.tensor([dict(its.local_exp[2])[i] for i in range(25)])[parts]
    torch.testing.assert_close(mine.values[0], wanted)
    assert float(mine.fit) == pytest.approx(its.score)


def test_lime_in_threads_changes_nothing_of_the_package():
    from lime import lime_image

    bar, model = lime_image.tqdm, small()

    def once(seed):
        return explain.lime(model, X[0], samples=30, seed=seed).values

    wanted = [once(seed) for seed in range(4)]
    filters = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(once, range(4)))
    assert lime_image.tqdm is bar
    assert warnings.filters == filters
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_seeds_of_any_size():
    large = explain.lime(small(), X[0], samples=30, seed=2**60).values
    assert torch.equal(large, explain.lime(small(), X[0], samples=30, seed=2**60).values)
    assert not torch.equal(large, explain.lime(small(), X[0], samples=30).values)
    explain.rise_masks(2, 8, 8, seed=2**60)


# --- numbers of NumPy, and numbers out of all measure


def test_numbers_of_numpy():
    i, f = np.int64, np.float32
    model = small()
    pairs = [
        (
            explain.rise(model, X, i(1), masks=i(20), cells=np.uint8(4), keep=f(0.5),
                         batch_size=np.int32(7), seed=i(3), centred=np.True_),
            explain.rise(model, X, 1, masks=20, cells=4, batch_size=7, seed=3,
                         centred=True),
        ),
        (
            explain.saliency(model, X, np.array([0, 1, 2], dtype=np.uint16),
                             method="smoothgrad", samples=np.uint8(5), seed=i(1)),
            explain.saliency(model, X, [0, 1, 2], method="smoothgrad", samples=5, seed=1),
        ),
        (
            explain.lime(model, X[0], i(2), segments=np.uint8(4), samples=i(20), hide=f(0),
                         seed=np.uint64(1), batch_size=i(6)),
            explain.lime(model, X[0], 2, segments=4, samples=20, hide=0, seed=1,
                         batch_size=6),
        ),
    ]  # fmt: skip
    for mine, its in pairs:
        assert torch.equal(mine.target, its.target)
        torch.testing.assert_close(mine.values, its.values)
    maps = explain.saliency(model, X)
    mine = explain.deletion(model, X, maps, steps=i(5), batch_size=i(2)).probability
    torch.testing.assert_close(mine, explain.deletion(model, X, maps, steps=5).probability)
    explain.agreement(maps, maps, top=f(0.2))
    small_integers = explain.rise_masks(i(3), np.uint8(200), np.uint8(20))
    assert torch.equal(small_integers, explain.rise_masks(3, 200, 20))
    masks = torch.ones(3, 8, 8, dtype=torch.bool)
    assert explain.pointing_game(maps, masks, tolerance=i(1)).tolist() == [1, 1, 1]
    assert explain.blocks(i(8), i(8), np.uint8(2)).max() == 3


def test_masks_as_truth_values_or_in_any_precision():
    masks = explain.rise_masks(30, 8, 8) > 0.5
    wanted = explain.rise(small(), X, masks=masks.float()).values
    for kind in (masks, masks.half(), masks.double(), masks.float().requires_grad_()):
        torch.testing.assert_close(explain.rise(small(), X, masks=kind).values, wanted)


M, MASKS = small(), torch.ones(3, 8, 8, dtype=torch.bool)
BIG = 10**400
OUT_OF_MEASURE = {
    "masks": lambda: explain.rise(M, X, masks=20_000_000),
    "masks, more": lambda: explain.rise(M, X, masks=BIG),
    "cells": lambda: explain.rise(M, X, cells=10**5),
    "batch_size": lambda: explain.rise(M, X, masks=9, batch_size=BIG),
    "count": lambda: explain.rise_masks(5 * 10**6, 10**4, 10**4),
    "height": lambda: explain.rise_masks(1, BIG, 8),
    "samples of lime": lambda: explain.lime(M, X[0], samples=10**9),
    "samples of smoothgrad": lambda: explain.saliency(
        M, X, method="smoothgrad", samples=10**9
    ),
    "samples of integrated": lambda: explain.saliency(
        M, X, method="integrated gradients", samples=10**6
    ),
    "steps": lambda: explain.deletion(M, X, explain.saliency(M, X), steps=10**9),
    "segments": lambda: explain.lime(M, X[0], segments=10**9),
    "width": lambda: explain.blocks(10**5, 10**5, 3),
    "target": lambda: explain.saliency(M, X, BIG),
}


@pytest.mark.parametrize("name", OUT_OF_MEASURE)
def test_out_of_measure_is_refused_at_once(name):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=name.split()[0].strip(",")):
        OUT_OF_MEASURE[name]()
    assert time.perf_counter() - start < 5


def test_large_tolerances_reach_everything():
    maps = explain.saliency(M, X)
    corner = torch.zeros(3, 8, 8, dtype=torch.bool)
    corner[:, 0, 0] = True
    assert explain.pointing_game(maps, corner, tolerance=BIG).tolist() == [1, 1, 1]


def test_masks_are_drawn_in_portions_from_one_stream(monkeypatch):
    whole = explain.rise_masks(200, 8, 8, cells=5, seed=7)
    monkeypatch.setattr(masking, "_DRAWN", 25 * 8)
    assert torch.equal(explain.rise_masks(200, 8, 8, cells=5, seed=7), whole)
    drawn = torch.Generator().manual_seed(masking.generator(7, "masks").initial_seed())
    grid = torch.rand(200, 5, 5, generator=drawn) < 0.5
    assert torch.equal(masking.coarse_masks(200, 8, 8, 5, 0.5, 7)[0], grid)


def test_steps_beyond_a_batch_are_the_same_integral():
    model = small(dtype=torch.float64)
    one = X[:1].double()
    few = explain.saliency(model, one, 1, method="integrated gradients", samples=128)
    many = explain.saliency(model, one, 1, method="integrated gradients", samples=300)
    torch.testing.assert_close(few.values, many.values, rtol=0, atol=2e-3)


def test_extreme_maps_are_compared():
    classes = torch.zeros(1).long()
    values = 2 * torch.rand(1, 8, 8, dtype=torch.float64) - 1
    for factor in (1e-300, 1.0, 1.7e308):
        found = explain.agreement(
            Maps(factor * values, classes), Maps(factor * values, classes)
        )
        assert found.spearman == pytest.approx(1)
        assert found.ssim == pytest.approx(1)


# --- what is no map, no mask, no number


V, T = torch.rand(2, 8, 8), torch.zeros(2).long()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: Maps(V.numpy(), T), TypeError, "values of maps must be a torch.Tensor"),
        (lambda: Maps(V > 0.5, T), TypeError, "values of maps must be floating"),
        (lambda: Maps(V[0], T), ValueError, r"values of maps must be \(N, H, W\)"),
        (lambda: Maps(V, T[:1]), ValueError, r"target of maps must be \(2,\)"),
        (lambda: Maps(V, T.float()), TypeError, "target must hold integers"),
        (lambda: Maps(V, T, torch.zeros(3)), ValueError, "fit of maps"),
        (lambda: explain.agreement(V, V), TypeError, r"Maps\(values, classes\)"),
        (lambda: explain.deletion(M, X[:2], V), TypeError, "maps must be Maps"),
        (lambda: explain.random_maps(V), TypeError, "like must be Maps"),
        (lambda: explain.random_maps(Maps(V, T), seed=-1), ValueError, "seed"),
        (lambda: explain.Curves(V), ValueError, "probability"),
        (lambda: explain.Curves(V[0, :, :1]), ValueError, "at least 2 points"),
        (lambda: explain.saliency(M, X, ["a"] * 3), TypeError, "target"),
        (lambda: explain.saliency(M, X, [[0], [1, 2], []]), TypeError, "target"),
        (lambda: explain.saliency(M, X, [True] * 3), TypeError, "target"),
        (lambda: explain.saliency(M, X, 1 + 0j), TypeError, "target"),
        (lambda: explain.saliency(M, X, [0.0] * 3), TypeError, "target"),
        (lambda: explain.saliency(M, X, torch.tensor([0, 1, 9])), ValueError, "0 to 4"),
        (lambda: explain.saliency(M, X, signed=1), TypeError, "signed"),
        (lambda: explain.saliency(M, X, samples=2.0), TypeError, "samples"),
        (lambda: explain.saliency(M, X, seed=True), TypeError, "seed"),
        (lambda: explain.saliency(M, X, method=3), ValueError, "method"),
        (lambda: explain.saliency(M, X.to_sparse()), TypeError, "dense"),
        (lambda: explain.saliency(M, X.to("meta")), TypeError, "meta"),
        (lambda: explain.saliency(M, X + 0j), TypeError, "floats or uint8"),
        (lambda: explain.saliency(M, X.to(torch.float8_e5m2)), TypeError, "floats"),
        (lambda: explain.saliency(M, [X[0]]), TypeError, "images must be a torch.Tensor"),
        (lambda: explain.rise(M, X, masks=MASKS.numpy()), TypeError, "from_numpy"),
        (lambda: explain.rise(M, X, masks=True), TypeError, "masks"),
        (lambda: explain.rise(M, X, masks=MASKS.long()), TypeError, "masks must be floats"),
        (lambda: explain.rise(M, X, masks=MASKS.float().to_sparse()), TypeError, "masks"),
        (lambda: explain.rise(M, X, keep=True), TypeError, "keep"),
        (lambda: explain.rise(M, X, keep=float("nan")), ValueError, "keep"),
        (lambda: explain.rise(M, X, precision=torch.int8), ValueError, "precision"),
        (lambda: explain.rise(M, X, precision="bfloat16"), TypeError, "precision"),
        (lambda: explain.rise(M, X, progress=1), TypeError, "progress"),
        (lambda: explain.rise(M, X, batch_size=2.5), TypeError, "batch_size"),
        (lambda: explain.lime(M, X), ValueError, "one image"),
        (lambda: explain.lime(M, X[0], hide=128), ValueError, "hide"),
        (lambda: explain.lime(M, X[0], hide="black"), TypeError, "hide"),
        (lambda: explain.lime(M, X[0], segments=True), TypeError, "segments"),
        (lambda: explain.lime(M, X[0], segments=4.0), TypeError, "segments"),
        (lambda: explain.lime(M, X[0], segments=[[0], [1, 2]]), ValueError, "segments"),
        (lambda: explain.lime(M, X[0], segments=MASKS[0]), ValueError, "segments"),
        (lambda: explain.deletion(M, X, explain.saliency(M, X), steps=True), TypeError,
         "steps"),
        (lambda: explain.deletion(M, X, explain.saliency(M, X), batch_size=0), ValueError,
         "batch_size"),
        (lambda: explain.blocks(8, 8, 2.0), TypeError, "cells"),
        (lambda: explain.pointing_game(Maps(V, T), MASKS.numpy()), TypeError, "masks"),
        (lambda: explain.pointing_game(Maps(V, T), MASKS[:2], tolerance=True), TypeError,
         "tolerance"),
        (lambda: explain.agreement(Maps(V, T), Maps(V, T), top="all"), TypeError, "top"),
        (lambda: explain.closer_to_first(*[Maps(V, T)] * 3, measure=None), ValueError,
         "measure"),
    ],
)  # fmt: skip
def test_what_came_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_segments_may_be_a_tensor():
    parts = torch.arange(64).reshape(8, 8) // 16
    mine = explain.lime(M, X[0], segments=parts, samples=20)
    its = explain.lime(M, X[0], segments=parts.numpy(), samples=20)
    assert torch.equal(mine.values, its.values)
