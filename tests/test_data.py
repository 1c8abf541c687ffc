import struct

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from kdteach import data


def write_idx(path, array, header=None):
    head = header or struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(head + array.tobytes())


@pytest.fixture
def mnist(tmp_path):
    """A folder in torchvision's layout with made-up images of the right size."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n in (("train", 60_000), ("t10k", 10_000)):
        images = np.zeros((n, 28, 28), dtype=np.uint8)
        images[:, 14, 14] = rng.integers(0, 256, n)
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", (np.arange(n) % 10).astype(np.uint8))
    return tmp_path


def test_digits_are_all_there_once(digits):
    assert [len(s) for s in (digits.train, digits.valid, digits.test)] == [1079, 359, 359]
    bunch = load_digits()
    pixels = torch.cat([s.images for s in (digits.train, digits.valid, digits.test)])
    ours = sorted(map(bytes, (16 * pixels).round().byte().flatten(1).numpy()))
    theirs = sorted(map(bytes, bunch.images.astype(np.uint8).reshape(len(ours), -1)))
    assert ours == theirs
    for split in (digits.train, digits.valid, digits.test):
        shares = torch.bincount(split.labels).double() / len(split)
        assert (shares - 0.1).abs().max() < 0.05
        assert torch.equal(split.index, torch.arange(len(split)))
    assert digits.image_shape == (1, 8, 8)
    assert digits.classes == tuple("0123456789")
    assert digits.train.images.min() == 0
    assert digits.train.images.max() == 1


def test_draws_of_the_digits_differ_and_stay():
    first, again, other = (data.load("digits", draw=draw) for draw in (3, 3, 4))
    assert torch.equal(first.test.images, again.test.images)
    assert first.checksum == again.checksum != other.checksum
    for draw, kind in ((-1, ValueError), (1.0, TypeError), (True, TypeError)):
        with pytest.raises(kind, match="draw must be an integer of at least 0"):
            data.load("digits", draw=draw)


def test_digits_by_writer_keep_the_order_of_the_file():
    digits = data.load("digits", by_writer=True)
    assert [len(s) for s in (digits.train, digits.valid, digits.test)] == [646, 383, 768]
    labels = torch.cat([s.labels for s in (digits.train, digits.valid, digits.test)])
    assert labels.tolist() == load_digits().target.tolist()
    for split in (digits.valid, digits.test):
        # a run of one writer begins with 0 to 9
        assert split.labels[:10].tolist() == list(range(10))
    with pytest.raises(ValueError, match="the cut by writer is one"):
        data.load("digits", by_writer=True, draw=1)


def test_digits_are_the_same_everywhere():
    assert data.load("digits").checksum == "574259ed2a87bd30"
    assert data.load("digits").train.images.dtype == torch.float32


def test_mnist_reads_the_files_and_keeps_a_validation_split(mnist, monkeypatch):
    monkeypatch.setenv("KDTEACH_DATA", str(mnist))
    images = data.load("mnist")
    assert [len(s) for s in (images.train, images.valid, images.test)] == [
        50_000,
        10_000,
        10_000,
    ]
    assert images.image_shape == (1, 28, 28)
    whole = data.load("mnist", root=mnist, validation=0)
    assert len(whole.train) == 60_000
    assert len(whole.valid) == 0
    assert torch.equal(whole.train.images[50_000:], images.valid.images)
    assert whole.train.images.max() == 1


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "truncated.*47,040,015.*47,040,016"),
        (lambda p: p.write_bytes(p.read_bytes() + b"x"), "damaged"),
        (lambda p: p.write_bytes(b""), "not the expected IDX"),
        (lambda p: p.write_bytes(b"<html>not found</html>"), "not the expected IDX"),
        (lambda p: p.write_bytes(b"\0\0\x0d" + p.read_bytes()[3:]), "header"),
    ],
)
def test_damaged_files_are_named(mnist, damage, says):
    path = mnist / "MNIST" / "raw" / "train-images-idx3-ubyte"
    damage(path)
    with pytest.raises(ValueError, match=says) as error:
        data.load("mnist", root=mnist)
    assert "train-images-idx3-ubyte" in str(error.value)


def test_a_damaged_gzip_file_is_named(mnist):
    path = mnist / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.unlink()
    path.with_name(path.name + ".gz").write_bytes(b"\x1f\x8b\x08half")
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: not a whole gzip"):
        data.load("mnist", root=mnist)


def test_labels_above_nine_are_refused(mnist):
    labels = np.full(10_000, 10, dtype=np.uint8)
    write_idx(mnist / "MNIST" / "raw" / "t10k-labels-idx1-ubyte", labels)
    with pytest.raises(ValueError, match="labels above 9"):
        data.load("mnist", root=mnist)


def test_missing_data_is_not_downloaded_unasked(tmp_path, monkeypatch):
    monkeypatch.delenv("KDTEACH_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="KDTEACH_DATA"):
        data.load("mnist")
    with pytest.raises(FileNotFoundError, match=r"train-images.*missing.*download=True"):
        data.load("mnist", root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_download_is_torchvisions(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "torchvision.datasets.MNIST", lambda root, **options: asked.append((root, options))
    )
    with pytest.raises(FileNotFoundError):  # the stand-in fetches nothing
        data.load("mnist", root=tmp_path, download=True)
    assert asked == [(str(tmp_path), {"train": True, "download": True})]


def test_unknown_name_and_options():
    with pytest.raises(ValueError, match="'cifar'; known are digits, mnist"):
        data.load("cifar")
    with pytest.raises(ValueError, match="leave root at None"):
        data.load("digits", root="somewhere")
    with pytest.raises(TypeError, match="floating-point"):
        data.load("digits", dtype=torch.int64)
    with pytest.raises(ValueError, match="validation"):
        data.load("mnist", root=".", validation=60_000)


def test_selection_keeps_the_index(digits):
    without = digits.train.select(digits.train.labels != 3)
    assert 3 not in without.labels
    rows = without.index
    assert torch.equal(digits.train.images[rows], without.images)


def test_jitter_shifts_each_image_and_fills_with_zero():
    images = torch.zeros(500, 1, 5, 5)
    images[:, 0, 2, 2] = 1
    moved = data.random_shift(1)(images, torch.Generator().manual_seed(0))
    places = moved.flatten(1).argmax(dim=1)
    assert (moved.sum(dim=(1, 2, 3)) == 1).all()
    wanted = {5 * row + column for row in (1, 2, 3) for column in (1, 2, 3)}
    assert set(places.tolist()) == wanted  # all nine shifts, no other
    counts = torch.bincount(places)[sorted(wanted)]
    assert counts.min() > 30
    full = torch.ones(50, 1, 4, 4)
    shifted = data.random_shift(2)(full, torch.Generator().manual_seed(1))
    assert shifted.min() == 0


def test_views_are_all_shifts_once():
    images = torch.rand(3, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    views = list(data.random_shift(1).views(images))
    assert len(views) == 9
    expected = [
        torch.roll(torch.nn.functional.pad(images, [1] * 4), (down, right), (2, 3))[
            :, :, 1:-1, 1:-1
        ]
        for down in (1, 0, -1)
        for right in (1, 0, -1)
    ]
    for view, shifted in zip(views, expected, strict=True):
        assert torch.equal(view, shifted)
    assert any(torch.equal(view, images) for view in views)


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)],
)
def test_jitter_refuses(pixels, kind):
    with pytest.raises(kind, match="pixels must be an integer of at least 1"):
        data.random_shift(pixels)
    with pytest.raises(kind, match="pixels must be an integer of at least 1"):
        data.RandomShift(pixels)


def test_data_are_shown_in_a_line():
    """Printed as they were, a data set filled the page with pixels."""
    whole = data.load("digits")
    counts = [f"{len(part):,}" for part in (whole.train, whole.valid, whole.test)]
    assert repr(whole) == (
        f"ImageSet 'digits': {counts[0]} train, {counts[1]} valid, {counts[2]} test images "
        f"(1, 8, 8), {whole.train.images.dtype}, 10 classes"
    )
    assert repr(whole.test) == (
        f"Split of {counts[2]} images (1, 8, 8), {whole.test.images.dtype}, 10 classes"
    )
