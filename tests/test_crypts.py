"""The drawn tissue: the same bytes, the deciding region, the dyes, the outlines."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from kdteach.data import load, mhist, petri
from kdteach.data.crypts import draw, load_crypts
from kdteach.data.crypts.outline import HALF, Tube, crypt
from kdteach.data.crypts.raster import ellipses, fill, rounded, walk, window
from kdteach.data.crypts.stain import EOSIN, HAEMATOXYLIN, MOST, Stain

CASES = petri.cases(0.01, seed=3)


def test_the_same_bytes_on_every_machine():
    data = load("crypts", scale=0.003, size=24)
    assert data.checksum == load_crypts(scale=0.003, size=24).checksum == "4c8bdb48608160fc"
    assert data.checksum != load("crypts", scale=0.003, size=24, seed=1).checksum
    assert (data.name, data.classes) == ("crypts", ("HP", "SSA"))
    assert data.train.masks.flatten(1).any(dim=1).all()


def test_the_cases_are_those_of_petri():
    ours, theirs = load("crypts", scale=0.004, size=16), load("petri", scale=0.004, size=16)
    for name in ("train", "valid", "test"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert torch.equal(a.labels, b.labels)
        assert torch.equal(a.votes, b.votes)
        assert not torch.equal(a.images, b.images)


@pytest.mark.parametrize("size", [64, 224])
def test_two_shapes_differ_inside_their_masks_alone(size):
    """The mask covers where the classes differ, all of it."""
    for case in CASES[:6]:
        low, high = (draw(replace(case, shape=shape), size) for shape in (0.1, 0.95))
        moved = np.abs(low.image.astype(int) - high.image).max(axis=2)
        inside = low.mask | high.mask
        assert (moved[~inside] > 8).mean() < (0.004 if size == 64 else 0.0004)
        assert moved[~inside].max() <= 32  # at the edge, where a pixel is half inside
        assert (moved[inside] > 8).mean() > 0.25
        assert 0.02 < inside.mean() < 0.5


def test_the_scene_does_not_depend_on_the_size():
    for case in CASES[:4]:
        large, small = draw(case, 256), draw(case, 64)
        shrunk = large.image.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
        assert np.corrcoef(shrunk.ravel(), small.image.ravel())[0, 1] > 0.9
        assert (large.mask[::4, ::4] == small.mask).mean() > 0.97


def test_the_base_of_a_crypt_widens_with_the_shape_and_its_upper_half_does_not():
    tube = Tube(0.5, 0.0, 0.8, 0.08, 0.05, 0.12, (0.0, 0.0, 0.0))
    made = [crypt(np.random.Generator(np.random.Philox(5)), tube, s) for s in (0, 0.5, 1)]
    wide = [np.ptp(w.feet[w.depths > 0.8, 0]) for w in made]
    assert wide[0] < 0.13 < wide[1] < wide[2]
    upper = [w.feet[w.depths < HALF - 0.06] for w in made]
    assert np.array_equal(upper[0], upper[2])
    rough = [np.std(w.heights[w.depths > 0.8]) / np.mean(w.heights) for w in made]
    assert rough[2] > 2 * rough[0]
    for wall in made:
        assert np.allclose((wall.inward**2).sum(1), 1, atol=1e-6)


def test_densities_of_the_dyes_add():
    """Beer and Lambert: twice the dye, twice the density; both dyes, the sum."""
    stain = Stain(np.random.Generator(np.random.Philox(1)))
    stain.strengths = np.ones(2)

    def density(h, e):
        one = [np.full((1, 1), v * MOST / 255, np.float32) for v in (h, e)]
        light = stain.photographed(*one)[0, 0] / stain.table[0].astype(float)
        return -np.log10(light)

    only_h, only_e = density(40.2, 0), density(0, 40.2)
    assert density(40.2, 40.2) == pytest.approx(only_h + only_e, abs=0.01)
    assert density(80.2, 0) == pytest.approx(2 * only_h, abs=0.01)
    for found, dye in ((only_h, HAEMATOXYLIN), (only_e, EOSIN)):
        assert found == pytest.approx(np.array(dye) * 40 * MOST / 255, rel=0.2, abs=0.01)


def test_outlines_are_filled_as_pillow_fills_them():
    rng = np.random.Generator(np.random.Philox(2))
    for _ in range(5):
        angles = np.sort(rng.random(12)) * 2 * np.pi
        around = 0.3 + 0.6 * rng.random(12)
        points = 40 + 36 * around[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        at = window(points, 80)
        ours = np.zeros((80, 80))
        ours[at] = fill(points, at)
        large = Image.new("L", (1280, 1280))
        from PIL import ImageDraw

        ImageDraw.Draw(large).polygon([tuple(p) for p in points * 16], fill=255)
        theirs = np.asarray(large.resize((80, 80), Image.Resampling.BOX)) / 255
        assert np.abs(ours - theirs).mean() < 0.012
        assert ours.sum() == pytest.approx(theirs.sum(), rel=0.02)
        assert fill(points[::-1], at) == pytest.approx(fill(points, at))


def test_ellipses_have_their_area():
    layer = np.zeros((60, 50), np.float32)
    at = (slice(10, 70), slice(0, 50))
    ellipses(
        layer, at, np.array([[25.3, 40.1], [900.0, 5.0]]), np.array([[0.6, 0.8]] * 2),
        np.array([[12.0, 5.0]] * 2), np.array([0.5, 1.0]),
    )  # fmt: skip
    assert layer.sum() == pytest.approx(0.5 * np.pi * 60, rel=0.05)
    assert layer.max() == 0.5


def test_a_walk_has_equal_steps():
    line = rounded(np.array([[0.0, 0], [1, 0], [1, 1]]))
    at, direction = walk(line, 0.01)
    steps = np.sqrt((np.diff(at, axis=0) ** 2).sum(1))
    assert steps == pytest.approx(0.01, rel=0.02)
    assert np.allclose((direction**2).sum(1), 1)
    assert (line[0] == (0, 0)).all()
    assert (line[-1] == (1, 1)).all()


def test_a_folder_in_mhists_layout(tmp_path):
    folder = petri.write(tmp_path / "x", size=32, scale=0.003, look="crypts", workers=1)
    read, drawn = load("mhist", folder), load("crypts", size=32, scale=0.003)
    assert mhist.is_drawn(folder)
    assert torch.equal(read.train.images, drawn.train.images)
    assert torch.equal(read.test.votes, drawn.test.votes)
    with pytest.raises(ValueError, match="look must be 'petri' or 'crypts', got 'ink'"):
        petri.write(tmp_path / "y", look="ink")
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda: load("crypts", "x"), ValueError, "crypts are drawn and read no folder"),
        (lambda: load("crypts", size=15), ValueError, "size must be"),
        (lambda: load("crypts", scale=0), ValueError, "scale must be"),
        (lambda: load("crypts", size="64"), TypeError, "size must be an integer"),
        (lambda: draw("MHIST_aaa.png"), TypeError, "case must be one of petri.cases"),
        (lambda: draw(replace(CASES[0], shape=2.0)), ValueError, "shape of the case"),
        (lambda: load("crypts", size=4096, scale=5.0), ValueError, "of memory"),
    ],
)
def test_what_is_wrong_is_named(call, kind, says):
    with pytest.raises(kind, match=says):
        call()
