"""Explanations against public values, against known places, and against bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kdteach import explain
from kdteach.data import in_quadrants, load
from kdteach.explain import Maps
from kdteach.explain.masking import enlarged
from kdteach.models import build, trained_teacher

ORACLES = np.load(Path(__file__).parent / "oracles" / "oracles.npz")


def stored(name):
    return torch.from_numpy(ORACLES[name])


@pytest.fixture(scope="module")
def network():
    """The stored network: two convolutions and a linear layer."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(4, 5, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(180, 3),
    ).double()  # fmt: skip
    names = ("cnn/c1_w", "cnn/c1_b", "cnn/c2_w", "cnn/c2_b", "cnn/fc_w", "cnn/fc_b")
    with torch.no_grad():
        for parameter, name in zip(model.parameters(), names, strict=True):
            parameter.copy_(stored(name))
    torch.testing.assert_close(model(stored("cnn/x")), stored("cnn/logits"))
    return model


@pytest.fixture(scope="module")
def image():
    return stored("cnn/x")


def exactly(mine, name, atol=1e-6):
    torch.testing.assert_close(mine, stored(name).to(mine.dtype), rtol=0, atol=atol)


# --- public values


def test_saliency_is_captums(network, image):
    maps = explain.saliency(network, image)
    assert maps.target.tolist() == [2]
    wanted = stored("captum/saliency_abs").amax(dim=1)
    torch.testing.assert_close(maps.values, wanted, rtol=0, atol=1e-12)
    signed = explain.saliency(network, image, signed=True).values
    torch.testing.assert_close(signed.abs(), wanted, rtol=0, atol=1e-12)
    rows = stored("captum/saliency_signed")
    assert (rows - signed[:, None]).abs().amin(dim=1).max() < 1e-12


def test_products_and_means_are_captums(network, image):
    from captum.attr import InputXGradient, IntegratedGradients

    image = image.clone().requires_grad_()
    theirs = InputXGradient(network).attribute(image, target=2)
    mine = explain.saliency(network, image, method="gradient x input")
    torch.testing.assert_close(mine.values, theirs.abs().amax(1).detach())
    theirs = IntegratedGradients(network).attribute(image, target=2, n_steps=20)
    mine = explain.saliency(network, image, method="integrated gradients", samples=20)
    torch.testing.assert_close(mine.values, theirs.abs().amax(1).detach())
    # completeness: what the pixels add up to is the logit's way from black
    signed = IntegratedGradients(network).attribute(image, target=2, n_steps=2000).sum()
    way = network(image)[0, 2] - network(torch.zeros_like(image))[0, 2]
    assert float(signed.detach()) == pytest.approx(float(way.detach()), abs=0.005)


def test_smoothgrad_is_the_mean_gradient_over_noise(network, image):
    maps = explain.saliency(network, image, method="smoothgrad", samples=400, signed=True)
    noise = torch.Generator().manual_seed(1)
    shape = (4000, *image.shape[1:])
    noisy = image + 0.15 * torch.randn(shape, generator=noise, dtype=image.dtype)
    noisy.requires_grad_()
    (slopes,) = torch.autograd.grad(network(noisy)[:, 2].sum(), noisy)
    wanted = slopes.mean(dim=0)
    strongest = wanted.abs().argmax(dim=0, keepdim=True)
    wanted = wanted.gather(0, strongest)[0]
    assert float((maps.values[0] - wanted).abs().mean()) < 0.1 * float(wanted.abs().mean())
    again = explain.saliency(network, image, method="smoothgrad", samples=400, signed=True)
    assert torch.equal(again.values, maps.values)


def test_masks_are_the_published_ones():
    masks = enlarged(stored("rise/grid"), stored("rise/shifts"), 12, 12)
    exactly(masks, "rise/masks", atol=1e-5)


def test_masks_of_any_shape():
    masks = explain.rise_masks(500, 9, 14, cells=4, keep=0.3, seed=2)
    assert masks.shape == (500, 9, 14)
    assert 0 <= float(masks.min()) <= float(masks.max()) <= 1
    assert float(masks.mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(masks, explain.rise_masks(500, 9, 14, cells=4, keep=0.3, seed=2))
    assert not torch.equal(masks, explain.rise_masks(500, 9, 14, cells=4, keep=0.3))
    one = explain.rise_masks(3, 5, 5, cells=1)
    assert set(one.unique().tolist()) <= {0.0, 1.0}


def test_rise_is_the_published_sum(network, image):
    masks = stored("rise/masks")
    for target in range(3):
        mine = explain.rise(network, image, target, masks=masks, keep=0.5, batch_size=7)
        wanted = stored("rise/saliency")[target]
        torch.testing.assert_close(mine.values[0], wanted, rtol=0, atol=1e-9)


def test_lime_is_the_published_fit(network, image, monkeypatch):
    """The package, given the stored switches, finds the stored weights and R squared."""
    switches = ORACLES["lime/z"]

    class Stored(np.random.RandomState):
        def randint(self, low, high=None, size=None, **_):
            return switches.ravel() if size == switches.size else 0

    monkeypatch.setattr(explain.superpixels, "_random_state", lambda _: Stored())
    maps = explain.lime(
        network, image, segments=ORACLES["lime/segments"], samples=len(switches), hide=0.0
    )
    wanted = torch.from_numpy(ORACLES["lime/coef"][ORACLES["lime/segments"]])
    torch.testing.assert_close(maps.values[0], wanted, rtol=0, atol=1e-6)
    assert float(maps.fit) == pytest.approx(float(ORACLES["lime/score_r2"]), abs=1e-6)


# --- same seed, other seed, nothing left behind


@pytest.fixture(scope="module")
def teacher():
    return trained_teacher(0)


@pytest.fixture(scope="module")
def digits():
    return load("digits").test


METHODS = {
    "saliency": lambda m, x, s: explain.saliency(m, x),
    "smoothgrad": lambda m, x, s: explain.saliency(
        m, x, method="smoothgrad", samples=5, seed=s
    ),
    "integrated": lambda m, x, s: explain.saliency(
        m, x, method="integrated gradients", samples=5
    ),
    "rise": lambda m, x, s: explain.rise(m, x, masks=60, cells=4, seed=s),
    "lime": lambda m, x, s: explain.lime(m, x, samples=60, seed=s),
}


@pytest.mark.parametrize("name", METHODS)
def test_same_seed_same_bits_and_nothing_is_left(name, teacher, digits):
    one, explained = digits.images[:1], METHODS[name]
    teacher.train()
    teacher[0].eval()
    modes = [module.training for module in teacher.modules()]
    for parameter in teacher.parameters():
        parameter.grad = torch.ones_like(parameter)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = explained(teacher, one, 3), explained(teacher, one, 3)
    assert torch.equal(first.values, again.values)
    assert first.values.shape == (1, 8, 8)
    assert first.target.tolist() == [int(teacher.eval()(one).argmax())]
    other = explained(teacher, one, 4)
    if name in ("smoothgrad", "rise", "lime"):
        assert not torch.equal(first.values, other.values)
    teacher.train()
    teacher[0].eval()
    explained(teacher, one, 3)
    assert [module.training for module in teacher.modules()] == modes
    assert all(torch.equal(p.grad, torch.ones_like(p)) for p in teacher.parameters())
    assert all(p.requires_grad for p in teacher.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert one.grad is None
    teacher.zero_grad()
    teacher.eval()


def test_frozen_weights_are_no_hindrance(digits):
    teacher = trained_teacher(1).requires_grad_(False)
    assert explain.saliency(teacher, digits.images[:2]).values.abs().sum() > 0


def test_many_images_are_each_explained_alone(teacher, digits):
    images = digits.images[:3]
    together = explain.rise(teacher, images, masks=40, cells=4)
    for i in range(3):
        alone = explain.rise(teacher, images[i : i + 1], masks=40, cells=4)
        torch.testing.assert_close(together.values[i], alone.values[0])
    together = explain.saliency(teacher, images, torch.tensor([1, 2, 3]))
    assert together.target.tolist() == [1, 2, 3]
    alone = explain.saliency(teacher, images[1:2], 2)
    torch.testing.assert_close(together.values[1:2], alone.values)


def test_what_the_masks_do_not_change_is_zero_when_centred():
    """A model that always says the same: no picture of the masks' mean."""
    model, images = Fixed([0.3, 0.1, 2.0]), torch.rand(1, 1, 8, 8)
    with pytest.warns(explain.UninformativeMap, match="for image 0 of 1 .*all masks"):
        plain = explain.rise(model, images, 0, masks=50, cells=4).values
    chance = float(torch.softmax(torch.tensor([0.3, 0.1, 2.0]), 0)[0])
    masks = explain.rise_masks(50, 8, 8, cells=4)
    torch.testing.assert_close(plain[0], chance * masks.mean(dim=0) / 0.5)
    with pytest.warns(explain.UninformativeMap, match="all masks"):
        centred = explain.rise(model, images, 0, masks=50, cells=4, centred=True).values
    assert float(centred.abs().max()) < 1e-6
    with pytest.warns(explain.UninformativeMap, match="does the model look at"):
        assert torch.isnan(explain.lime(model, images, 0, samples=30).fit).all()


def test_centred_is_the_plain_map_less_the_mean(teacher, digits):
    options = {"masks": 80, "cells": 4}
    one = digits.images[:1]
    masks = explain.rise_masks(80, 8, 8, cells=4)
    chances = torch.softmax(teacher(one * masks[:, None]), 1)[:, int(teacher(one).argmax())]
    wanted = ((chances - chances.mean())[:, None, None] * masks).mean(dim=0) / 0.5
    mine = explain.rise(teacher, one, centred=True, **options).values[0]
    torch.testing.assert_close(mine, wanted.detach(), atol=1e-5, rtol=1e-4)


def test_given_masks_have_their_own_share(teacher, digits):
    """Whatever share is seen, a model that says the same everywhere has one map level."""
    masks = explain.rise_masks(400, 8, 8, cells=4, keep=0.2)
    with pytest.warns(explain.UninformativeMap, match="all masks"):
        values = explain.rise(Fixed([1.0, 1.0]), digits.images[:1], 0, masks=masks).values
    assert float(values.mean()) == pytest.approx(0.5)


def test_small_and_odd_shapes():
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(1, 2))
    dot = torch.rand(2, 1, 1, 1)
    maps = explain.saliency(model, dot)
    assert maps.values.shape == (2, 1, 1)
    assert explain.insertion(model, dot, maps).probability.shape == (2, 2)
    wide = nn.Sequential(nn.Flatten(), nn.Linear(10, 3))
    image = torch.rand(1, 1, 2, 5)
    maps = explain.rise(wide, image, masks=20, cells=2)
    assert maps.values.shape == (1, 2, 5)
    assert explain.deletion(wide, image, maps).probability.shape == (1, 11)
    closer = explain.closer_to_first(maps, maps, explain.random_maps(maps))
    assert closer.tolist() == [1.0]


def test_half_precision_gives_nearly_the_same_map(teacher, digits):
    options = {"masks": 300, "cells": 4}
    whole = explain.rise(teacher, digits.images[:2], **options)
    half = explain.rise(teacher, digits.images[:2], precision=torch.bfloat16, **options)
    assert half.values.dtype == whole.values.dtype
    assert not torch.equal(half.values, whole.values)
    torch.testing.assert_close(half.values, whole.values, atol=5e-3, rtol=0)


def test_bytes_are_explained_as_fractions():
    tiles = load("tissues", count=10).test.images[:2]
    model = build("tiny-mobilenet", weights="tissues")
    for method in (explain.saliency, lambda m, x: explain.rise(m, x, masks=20)):
        torch.testing.assert_close(
            method(model, tiles).values, method(model, tiles.float() / 255).values
        )
    parts = explain.lime(model, tiles[0], samples=30, progress=False)
    assert parts.values.shape == (1, 32, 32)
    assert 0 <= float(parts.fit) <= 1


def test_lime_finds_the_part_that_matters():
    """A model that looks at one block alone; quickshift on colour runs as well."""

    class Corner(nn.Module):
        def forward(self, x):
            bright = x[:, :, :2, :2].mean(dim=(1, 2, 3))
            return torch.stack([4 * bright - 2, torch.zeros_like(bright)], dim=1)

    image = torch.full((1, 1, 8, 8), 0.9)
    image[..., ::2] = 0.7
    maps = explain.lime(Corner(), image, 0, samples=400, hide=0.0)
    corner = maps.values[0, :2, :2]
    assert corner.min() == maps.values.max() > 0.3
    rest = maps.values[0].clone()
    rest[:2, :2] = 0
    assert rest.abs().max() < 0.05


# --- where the evidence is


@pytest.mark.parametrize("clutter", [False, True])
def test_quadrants(clutter):
    plain = load("digits")
    data = in_quadrants(plain, clutter=clutter, seed=2)
    test = data.test
    assert test.images.shape == (359, 1, 16, 16)
    assert test.masks.sum(dim=(1, 2)).unique().tolist() == [64]
    corners = test.images.unfold(2, 8, 8).unfold(3, 8, 8).reshape(359, 4, 64)
    here = test.masks[:, ::8, ::8].flatten(1)
    assert torch.equal(corners[here], plain.test.images.flatten(1))
    around = corners[~here].reshape(359, 3, 64)
    if clutter:
        wanted = plain.test.images.flatten(1).sort(dim=1).values[:, None].expand(-1, 3, -1)
        assert torch.equal(around.sort(dim=2).values, wanted)
    else:
        assert around.abs().max() == 0
    assert torch.bincount(here.double().argmax(dim=1)).min() > 60  # about a quarter each
    assert torch.equal(test.labels, plain.test.labels)
    assert data.checksum not in (plain.checksum, in_quadrants(plain).checksum)
    assert torch.equal(
        test.images, in_quadrants(plain, clutter=clutter, seed=2).test.images
    )


def test_quickshift_finds_parts_or_says_so(monkeypatch):
    import skimage.segmentation

    model = build("tiny-mobilenet", num_classes=2, weights="polyps")
    tile = load("petri", scale=0.005).test.images[0]
    maps = explain.lime(model, tile, samples=40)
    assert len(maps.values.unique()) > 5
    large = load("petri", size=160, scale=0.005).test.images[0]
    assert len(explain.lime(model, large, samples=20).values.unique()) > 1
    one_part = np.zeros((32, 32), dtype=np.int64)
    monkeypatch.setattr(skimage.segmentation, "quickshift", lambda *_, **__: one_part)
    with pytest.raises(ValueError, match=r"single part.*segments=7"):
        explain.lime(model, torch.full((3, 32, 32), 0.5))


# --- curves


class Sum(nn.Module):
    """The logit of class 1 is the sum of the pixels."""

    def forward(self, x):
        total = x.flatten(1).sum(dim=1)
        return torch.stack([torch.zeros_like(total), total], dim=1)


def test_curves_by_hand():
    image = torch.tensor([[[[0.5, 0.25], [0.125, 1.0]]]], dtype=torch.float64)
    best = Maps(image[0], torch.tensor([1]))
    taken = explain.deletion(Sum(), image, best, steps=4)
    left = torch.tensor([1.875, 0.875, 0.375, 0.125, 0.0], dtype=torch.float64)
    torch.testing.assert_close(taken.probability[0], torch.sigmoid(left))
    rows = torch.sigmoid(left)
    area = ((rows[1:] + rows[:-1]) / 2).mean()
    torch.testing.assert_close(taken.area[0], area)
    published = (rows.sum() - rows[0] / 2 - rows[-1] / 2) / (len(rows) - 1)
    torch.testing.assert_close(taken.area[0], published)
    given = explain.insertion(Sum(), image, best, steps=2, substrate="zero")
    got = torch.tensor([0.0, 1.5, 1.875], dtype=torch.float64)
    torch.testing.assert_close(given.probability[0], torch.sigmoid(got))
    worst = Maps(-image[0], torch.tensor([1]))
    assert explain.deletion(Sum(), image, worst, steps=4).area > taken.area
    # ends: the image as it is, and what takes its place
    blurred = explain.insertion(Sum(), image, best, steps=4)
    torch.testing.assert_close(blurred.probability[0, -1], torch.sigmoid(left)[0])


def test_ties_go_in_reading_order():
    image = torch.tensor([[[[0.5, 0.25], [0.125, 1.0]]]], dtype=torch.float64)
    flat = Maps(torch.zeros(1, 2, 2), torch.tensor([1]))
    with pytest.warns(explain.UninformativeMap, match="no order"):
        curve = explain.deletion(Sum(), image, flat, steps=4).probability[0]
    left = torch.tensor([1.875, 1.375, 1.125, 1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(curve, torch.sigmoid(left))


# --- comparison


def maps_of(*rows):
    return Maps(torch.tensor(rows, dtype=torch.float64), torch.zeros(len(rows)).long())


def test_agreement_by_hand():
    from skimage.metrics import structural_similarity

    random = np.random.default_rng(0)
    a, b = random.random((2, 1, 9, 9))
    result = explain.agreement(
        Maps(torch.from_numpy(a), torch.zeros(1).long()),
        Maps(torch.from_numpy(b), torch.zeros(1).long()), top=0.2,
    )  # fmt: skip
    ranks = [np.argsort(np.argsort(x.ravel())) for x in (a, b)]
    assert result.spearman[0] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    scaled = [(x[0] - x.min()) / np.ptp(x) for x in (a, b)]
    assert result.ssim[0] == pytest.approx(
        structural_similarity(*scaled, data_range=1.0, win_size=7)
    )
    best = [set(np.argsort(x.ravel())[-16:]) for x in (a, b)]
    assert result.overlap[0] == pytest.approx(len(best[0] & best[1]) / 16)
    same = maps_of(a[0].tolist())
    alike = explain.agreement(same, same)
    for measure in (alike.spearman, alike.ssim, alike.overlap):
        assert measure[0] == pytest.approx(1)


def test_constant_maps_agree_with_nothing():
    flat, other = maps_of([[1.0] * 5] * 5), maps_of(torch.rand(5, 5).tolist())
    for pair in ((flat, other), (other, flat), (flat, flat)):
        with pytest.warns(explain.UninformativeMap, match="for image 0 of 1 .*everywhere"):
            result = explain.agreement(*pair, top=0.2)
        assert result.spearman[0] == 0
        assert np.isfinite(result.ssim[0])
        assert result.overlap[0] == pytest.approx(0.2)  # chance
    with pytest.warns(explain.UninformativeMap, match="everywhere"):
        closer = explain.closer_to_first(other, flat, flat)
    assert closer.tolist() == [0.5]


def test_closer():
    a = torch.rand(4, 6, 6, dtype=torch.float64)
    target = torch.zeros(4).long()
    teacher, near, far = Maps(a, target), Maps(a + 0.01, target), Maps(-a, target)
    for measure in ("spearman", "ssim", "overlap"):
        found = explain.closer_to_first(teacher, near, far, measure=measure)
        assert found.tolist() == [1, 1, 1, 1]
        turned = explain.closer_to_first(teacher, far, near, measure=measure)
        assert turned.tolist() == [0, 0, 0, 0]


def test_pointing_by_hand():
    values = torch.zeros(3, 4, 4)
    values[0, 1, 1] = values[1, 1, 1] = 1
    values[2, 0, 0] = values[2, 3, 3] = 1  # two maxima, one inside
    masks = torch.zeros(3, 4, 4, dtype=torch.bool)
    masks[0, 1, 1] = masks[1, 2, 2] = masks[2, 3, 3] = True
    maps = Maps(values, torch.zeros(3).long())
    assert explain.pointing_game(maps, masks).tolist() == [1, 0, 0.5]
    assert explain.pointing_game(maps, masks, tolerance=1).tolist() == [1, 1, 0.5]
    flat = Maps(torch.ones(3, 4, 4), torch.zeros(3).long())
    assert explain.pointing_game(flat, masks).tolist() == [1 / 16] * 3


# --- controls


def test_cascade_goes_from_the_top(teacher, digits):
    steps = list(explain.cascade(teacher, seed=1))
    names = [name for name, _ in steps]
    layers = [
        name for name, m in teacher.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)
    ]
    assert names == layers[::-1]
    original = teacher.state_dict()
    for number, (_, spoiled) in enumerate(steps, 1):
        fresh = {
            key.rsplit(".", 1)[0]
            for key, value in spoiled.state_dict().items()
            if not torch.equal(value, original[key])
        }
        assert fresh == set(names[:number])
    before = dict(steps)
    assert torch.equal(
        steps[0][1].state_dict()[f"{names[0]}.weight"],
        steps[-1][1].state_dict()[f"{names[0]}.weight"],
    )
    assert len(before) == len(names)
    start = build("cnn-digits", seed=1, dropout=0.3)
    for mine, its in zip(steps[-1][1].parameters(), start.parameters(), strict=True):
        assert not torch.equal(mine, its)  # fresh, and not the network's own start
    with pytest.raises(ValueError, match="has none at all"):
        list(explain.cascade(nn.ReLU()))
    with pytest.raises(ValueError, match="in_proj_weight"):
        list(explain.cascade(nn.MultiheadAttention(4, 1)))


def test_random_maps(teacher, digits):
    like = explain.saliency(teacher, digits.images[:2])
    chance = explain.random_maps(like, seed=1)
    assert chance.values.shape == like.values.shape
    assert torch.equal(chance.target, like.target)
    assert torch.equal(chance.values, explain.random_maps(like, seed=1).values)


# --- bad input


class Fixed(nn.Module):
    def __init__(self, row):
        super().__init__()
        self.row = torch.tensor(row)

    def forward(self, x):
        return self.row.expand(len(x), -1) + 0 * x.flatten(1).sum(dim=1, keepdim=True)


C = torch.zeros(1, dtype=torch.int64)
X = torch.rand(2, 1, 8, 8)
EVERY = [explain.saliency, explain.rise, explain.lime]


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize(
    ("images", "error", "says"),
    [
        (torch.rand(8, 8), ValueError, "must be|channels"),
        (torch.rand(0, 1, 8, 8), ValueError, "must be"),
        (torch.rand(1, 1, 8, 8) * 3, ValueError, r"lie in \[0, 1\]"),
        (torch.rand(1, 1, 8, 8) - 1, ValueError, r"lie in \[0, 1\]"),
        (torch.full((1, 1, 8, 8), torch.nan), ValueError, r"lie in \[0, 1\]"),
        (torch.ones(1, 1, 8, 8, dtype=torch.int64), TypeError, "floats or uint8"),
        (np.zeros((1, 1, 8, 8)), TypeError, r"must be a torch\.Tensor"),
    ],
)
def test_bad_images(method, images, error, says, teacher):
    with pytest.raises(error, match=says):
        method(teacher, images)


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize(
    ("target", "error", "says"),
    [
        (10, ValueError, "must lie in 0 to 9"),
        (-1, ValueError, "must lie in 0 to 9"),
        (1.5, TypeError, "integer"),
        (True, TypeError, "integer"),
        (torch.tensor([1.0]), TypeError, "must hold integers"),
        (torch.tensor([1, 2, 3]), ValueError, r"one class or \(1,\)"),
    ],
)
def test_bad_targets(method, target, error, says, teacher):
    with pytest.raises(error, match=says):
        method(teacher, X[:1], target)


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([0.2, 0.8], r"returns probabilities .*logits are expected"),
        ([0.2, torch.nan], "returns NaN"),
        ([1.0], "C of at least 2"),
    ],
)
def test_bad_models(method, row, says):
    with pytest.raises(ValueError, match=says):
        method(Fixed(row), X[:1])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: explain.rise(m, X, masks=0), "masks must be an integer of at least 1"),
        (lambda m: explain.rise(m, X, keep=0.0), r"keep must be in \(0, 1\)"),
        (lambda m: explain.rise(m, X, keep=1.0), r"keep must be in \(0, 1\)"),
        (lambda m: explain.rise(m, X, cells=0), "cells must be"),
        (lambda m: explain.rise(m, X, batch_size=0), "batch_size must be"),
        (lambda m: explain.rise(m, X, masks=torch.ones(3, 4, 4)), r"must be \(K, 8, 8\)"),
        (lambda m: explain.rise(m, X, masks=torch.zeros(3, 8, 8)), "let nothing through"),
        (lambda m: explain.rise(m, X, masks=torch.full((3, 8, 8), 5.0)), r"\[0, 1\]"),
        (lambda m: explain.rise(m, X, masks=torch.ones(3, 8, 8) * torch.nan), "masks must"),
        (lambda m: explain.rise(m, torch.rand(1, 3, 8, 8)), r"images of shape \(3, 8, 8\)"),
        (lambda m: explain.saliency(m, torch.rand(1, 1, 20, 9)), r"\(1, 20, 9\)"),
        (lambda m: explain.saliency(m, X, method="guess"), "unknown method 'guess'"),
        (lambda m: explain.saliency(m, X, samples=0), "samples must be"),
        (lambda m: explain.lime(m, X), "one image"),
        (lambda m: explain.lime(m, X[:1], samples=1), "samples must be"),
        (lambda m: explain.lime(m, X[0], segments=0), "a side, must be .* at most 8"),
        (lambda m: explain.lime(m, X[0], segments=1), "at least two parts"),
        (lambda m: explain.lime(m, X[0], segments="slic"), "unknown segments"),
        (
            lambda m: explain.lime(m, X[0], segments=np.zeros((4, 4), dtype=int)),
            "must cover the image",
        ),
        (
            lambda m: explain.lime(m, X[0], segments=np.arange(64).reshape(8, 8) - 1),
            "below 0 stands for no part",
        ),
        (
            lambda m: explain.deletion(
                m, X, Maps(torch.full((2, 8, 8), torch.nan), torch.zeros(2).long())
            ),
            "NaN or infinity",
        ),
        (
            lambda m: explain.agreement(*(explain.saliency(m, X, c) for c in (1, 2))),
            "different classes",
        ),
        (
            lambda m: explain.deletion(m, X, explain.saliency(m, X[:1])),
            r"target must be one class or \(2,\)",
        ),
        (
            lambda m: explain.deletion(m, X, Maps(X[:, 0, :4], torch.zeros(2).long())),
            r"maps must be \(2, 8, 8\)",
        ),
        (
            lambda m: explain.insertion(m, X, explain.saliency(m, X), steps=65),
            "steps must be an integer of at least 1 and at most 64",
        ),
        (
            lambda m: explain.insertion(m, X, explain.saliency(m, X), substrate="mud"),
            "unknown substrate",
        ),
        (
            lambda m: explain.agreement(explain.saliency(m, X), explain.saliency(m, X[:1])),
            "one shape",
        ),
        (
            lambda m: explain.agreement(
                explain.saliency(m, X), explain.saliency(m, X), top=1.0
            ),
            "top must be in",
        ),
        (
            lambda m: explain.closer_to_first(*[explain.saliency(m, X)] * 3, measure="x"),
            "unknown measure",
        ),
        (
            lambda m: explain.pointing_game(
                explain.saliency(m, X), torch.zeros(2, 8, 8, dtype=torch.bool)
            ),
            "mask is empty",
        ),
        (
            lambda m: explain.pointing_game(
                explain.saliency(m, X), torch.ones(2, 4, 4, dtype=torch.bool)
            ),
            r"masks must be \(2, 8, 8\)",
        ),
        (
            lambda m: explain.pointing_game(
                explain.saliency(m, X), torch.ones(2, 8, 8, dtype=torch.bool), tolerance=-1
            ),
            "tolerance",
        ),
    ],
)  # fmt: skip
def test_bad_options(call, says, teacher):
    with pytest.raises(ValueError, match=says):
        call(teacher)


def test_masks_that_are_no_bools_and_tolerances_that_are_no_integers(teacher):
    maps = explain.saliency(teacher, X)
    with pytest.raises(TypeError, match="bool"):
        explain.pointing_game(maps, torch.ones(2, 8, 8))
    with pytest.raises(TypeError, match="tolerance must be an integer"):
        explain.pointing_game(maps, torch.ones(2, 8, 8, dtype=torch.bool), tolerance=1.5)


@pytest.mark.filterwarnings("ignore::kdteach.explain.UninformativeMap")
def test_a_black_image_has_defined_maps(teacher):
    black = torch.zeros(1, 1, 8, 8)
    for method in EVERY:
        values = method(teacher, black).values
        assert torch.isfinite(values).all()
    maps = explain.saliency(teacher, black, method="gradient x input")
    assert float(maps.values.abs().sum()) == 0
    assert torch.isfinite(explain.deletion(teacher, black, maps).area).all()


def test_an_infinite_gradient_is_told(teacher):
    class Root(nn.Module):
        def forward(self, images):
            return teacher(images.sqrt())

    with pytest.raises(ValueError, match="gradient is NaN or infinite"):
        explain.saliency(Root(), torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize("method", ["integrated gradients", "smoothgrad"])
def test_what_the_model_says_on_the_way_is_checked(method, teacher):
    class Hole(nn.Module):
        """NaN for every image but two: black, and the one that is explained."""

        def forward(self, images):
            known = [torch.equal(image, X[0]) or not image.any() for image in images]
            return torch.where(torch.tensor(known)[:, None], teacher(images), torch.nan)

    with pytest.raises(ValueError, match="NaN"):
        explain.saliency(Hole(), X[:1], method=method, samples=4)


@pytest.mark.parametrize("method", explain.METHODS)
def test_slopes_where_the_caller_wants_no_gradients(method, teacher):
    wanted = explain.saliency(teacher, X, method=method, samples=4).values
    with torch.inference_mode():
        found = explain.saliency(teacher, X.clone(), method=method, samples=4).values
    assert torch.equal(found, wanted)


def test_one_number_of_numpy_is_a_number(teacher):
    mine = explain.lime(teacher, X[0], segments=np.int64(4), samples=20)
    assert torch.equal(
        mine.values, explain.lime(teacher, X[0], segments=4, samples=20).values
    )


@pytest.mark.filterwarnings("ignore::kdteach.explain.UninformativeMap")
def test_a_constant_map_is_similar_to_nothing():
    flat, other = Maps(torch.ones(1, 8, 8), C), Maps(torch.rand(1, 8, 8), C)
    for first, second in ((flat, flat), (flat, other), (other, flat)):
        assert explain.agreement(first, second).ssim.tolist() == [0.0]
    for measure in ("spearman", "ssim"):
        assert explain.closer_to_first(other, flat, flat, measure=measure) == [0.5]


def test_statistics_without_weights_are_made_fresh_too():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 2))
    model(torch.randn(32, 4) + 3)
    names = [name for name, _ in explain.cascade(model)]
    assert names == ["2", "1", "0"]
    *_, (_, last) = explain.cascade(model)
    assert last[1].running_mean.tolist() == [0.0] * 4


def test_in_the_blur_no_shape_is_left():
    digits = load("digits").test
    network = trained_teacher(0)
    maps = Maps(torch.rand(len(digits), 8, 8), digits.labels)
    begun = explain.insertion(network, digits.images, maps, steps=1).probability
    assert float(begun[:, 0].mean()) < 0.2  # chance 0.1; 0.9 under a blur of 0.8 pixels
    assert float(begun[:, 1].mean()) > 0.9


def test_masks_are_enlarged_when_their_turn_comes(monkeypatch, teacher):
    """4,000 masks of a large image are never in memory at once."""
    sizes = []

    def watched(grid, *rest):
        sizes.append(len(grid))
        return enlarged(grid, *rest)

    monkeypatch.setattr(explain.masking, "enlarged", watched)
    monkeypatch.setattr(explain.masking, "_PIXELS", 2 * 16 * 64)
    by_batch = explain.rise(teacher, X, masks=100, cells=3, batch_size=16, centred=True)
    assert sizes == [32, 32, 32, 4]
    whole = explain.rise_masks(100, 8, 8, cells=3)
    assert sizes[-1] == 100
    given = explain.rise(teacher, X, masks=whole, keep=0.5, centred=True)
    torch.testing.assert_close(by_batch.values, given.values)


@pytest.mark.filterwarnings("ignore:.*weight_norm")
def test_a_model_that_cannot_be_copied_is_asked_as_it_is():
    model = build("cnn-digits")
    model[0] = nn.utils.weight_norm(model[0])
    model[0].weight  # noqa: B018 - computed, so that a copy fails
    maps = explain.rise(model, X, masks=10, cells=3)
    assert torch.isfinite(maps.values).all()


def test_every_public_entry_is_compared_with():
    manifest = json.loads((Path(__file__).parent / "oracles" / "oracles.json").read_text())
    entries = [
        entry
        for entry in manifest["entries"]
        if entry["name"].split("/")[0] in ("rise", "captum", "lime") and entry["canonical"]
    ]
    assert len(entries) == 4
    tests = Path(__file__).read_text()
    for entry in entries:
        assert any(f'"{output}"' in tests for output in entry["outputs"]), entry["name"]


@pytest.mark.parametrize("substrate", ["mean", "blur"])
def test_what_is_hidden_may_be_tissue_too(substrate):
    """Mask by mask: the mean colour, or SciPy's Gaussian with a mirrored border."""
    from scipy.ndimage import gaussian_filter

    torch.manual_seed(0)
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).double()
    masks = explain.rise_masks(9, 8, 8, cells=3).double()
    mine = explain.rise(model, images, 1, masks=masks, keep=0.5, substrate=substrate)
    for image, values in zip(images, mine.values, strict=True):
        if substrate == "mean":
            other = image.mean(dim=(1, 2), keepdim=True).expand(3, 8, 8)
        else:
            rows = [gaussian_filter(c.numpy(), 3.0, mode="mirror", radius=7) for c in image]
            other = torch.from_numpy(np.stack(rows))
        wanted = torch.zeros(8, 8, dtype=torch.float64)
        for m in masks:
            p = model((image * m + other * (1 - m))[None]).softmax(dim=1)[0, 1]
            wanted += p.detach() * m / (9 * 0.5)
        torch.testing.assert_close(values, wanted, atol=1e-6, rtol=0)
    maps = explain.Maps(images[:, 0], torch.tensor([1, 1]))
    curves = explain.deletion(model, images, maps, steps=64, substrate=substrate)
    p = model(other[None]).softmax(dim=1)[0, 1].detach()  # of the last image, all taken
    assert abs(float(curves.probability[1, -1]) - float(p)) < 1e-6
    untouched = explain.insertion(model, images, maps, steps=4, substrate=substrate)
    torch.testing.assert_close(curves.probability[:, 0], untouched.probability[:, -1])
