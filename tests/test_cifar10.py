"""CIFAR-10: the official files, the copy in folders, the cut, the statistics."""

import hashlib
import pickle
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from kdteach.cost import count_parameters
from kdteach.data import channel_statistics, cifar10, load
from kdteach.models import build

PER_CLASS, TESTED = 12, 3


@pytest.fixture
def small(monkeypatch):
    """As if CIFAR-10 had 120 and 30 images."""
    monkeypatch.setattr(cifar10, "_TRAIN", 10 * PER_CLASS)
    monkeypatch.setattr(cifar10, "_TEST", 10 * TESTED)


@pytest.fixture
def pixels():
    noise = np.random.default_rng(0)
    count = 10 * (PER_CLASS + TESTED)
    images = noise.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    labels = np.concatenate(
        [noise.permutation(np.arange(10).repeat(n)) for n in (PER_CLASS, TESTED)]
    )
    return images, labels


@pytest.fixture
def official(small, pixels, tmp_path, monkeypatch):
    """A folder as torchvision leaves it, and the MD5 sums that belong to it."""
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    cuts = np.split(np.arange(10 * PER_CLASS), 5)
    cuts.append(np.arange(10 * PER_CLASS, 10 * (PER_CLASS + TESTED)))
    names = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]
    sums = []
    for name, rows in zip(names, cuts, strict=True):
        images, labels = pixels[0][rows], pixels[1][rows]
        content = pickle.dumps(
            {"data": images.reshape(len(rows), -1), "labels": labels.tolist()}
        )
        (folder / name).write_bytes(content)
        sums.append([name, hashlib.md5(content).hexdigest()])
    monkeypatch.setattr(CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(CIFAR10, "test_list", sums[5:])
    return tmp_path


def write_copy(folder, pixels, classes=cifar10.CLASSES, side=32):
    images, labels = pixels
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        part = "train" if number < 10 * PER_CLASS else "test"
        place = folder / cifar10.COPY / part / classes[label]
        place.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(image.transpose(1, 2, 0)).resize((side, side))
        picture.save(place / f"{number:04d}.png")


def test_pixels_labels_and_the_cut(official, pixels):
    data = load("cifar10", official, validation=20)
    images, labels = pixels
    assert data.name == "cifar10"
    assert data.classes[3] == "cat"
    assert [len(s) for s in (data.train, data.valid, data.test)] == [100, 20, 30]
    for label in range(10):
        rows = np.flatnonzero(labels[: 10 * PER_CLASS] == label)
        mine = images[rows[-2:]] / np.float32(255)
        np.testing.assert_array_equal(data.valid.images[data.valid.labels == label], mine)
    np.testing.assert_array_equal(data.test.images, images[120:] / np.float32(255))
    np.testing.assert_array_equal(data.test.labels, labels[120:])
    whole = torch.cat([data.train.images, data.valid.images])
    assert len(torch.unique(whole.flatten(1), dim=0)) == 120


def test_bytes_stay_bytes(official, pixels):
    data = load("cifar10", official, validation=0, dtype=torch.uint8)
    assert data.train.images.dtype == torch.uint8
    assert len(data.valid) == 0
    np.testing.assert_array_equal(data.train.images, pixels[0][:120])


def test_a_copy_in_folders_has_the_same_images(small, pixels, tmp_path, official):
    write_copy(tmp_path / "other", pixels)
    copy = load("cifar10", tmp_path / "other", validation=20, dtype=torch.uint8)
    whole = load("cifar10", official, validation=20, dtype=torch.uint8)
    assert (copy.name, copy.classes) == ("cifar10-jpg", whole.classes)
    for part in ("train", "valid", "test"):
        mine, theirs = getattr(copy, part), getattr(whole, part)
        key = mine.images.flatten(1).double() @ torch.arange(3072.0).double()
        other = theirs.images.flatten(1).double() @ torch.arange(3072.0).double()
        torch.testing.assert_close(key.sort().values, other.sort().values)
        assert torch.equal(mine.labels[key.argsort()], theirs.labels[other.argsort()])
    assert copy.checksum != whole.checksum


def test_missing_and_damaged_batches_are_named(official):
    folder = official / "cifar-10-batches-py"
    (folder / "data_batch_2").unlink()
    (folder / "test_batch").unlink()
    with pytest.raises(FileNotFoundError, match="lacks data_batch_2, test_batch"):
        load("cifar10", official, validation=0)
    (folder / "data_batch_2").write_bytes(b"")
    (folder / "test_batch").write_bytes(b"")
    content = (folder / "data_batch_1").read_bytes()
    (folder / "data_batch_1").write_bytes(content[:-100])
    with pytest.raises(ValueError, match="data_batch_1 is not the official file"):
        load("cifar10", official, validation=0)


def test_nothing_but_the_official_file_is_unpickled(official):
    """Unpickling runs what a file says."""

    class Bad:
        def __reduce__(self):
            return (pytest.fail, ("it ran",))

    place = official / "cifar-10-batches-py" / "data_batch_1"
    place.write_bytes(pickle.dumps(Bad()))
    with pytest.raises(ValueError, match="not the official file"):
        load("cifar10", official, validation=0)


def test_a_copy_that_lacks_a_class_or_has_other_sizes(small, pixels, tmp_path):
    few = tuple("cat" if name == "dog" else name for name in cifar10.CLASSES)
    write_copy(tmp_path / "few", pixels, few)
    with pytest.raises(ValueError, match="no copy of CIFAR-10: it has classes"):
        load("cifar10", tmp_path / "few", validation=0)
    write_copy(tmp_path / "large", pixels, side=16)
    with pytest.raises(ValueError, match=r"images of \(3, 16, 16\)"):
        load("cifar10", tmp_path / "large", validation=0)
    write_copy(tmp_path / "mixed", pixels)
    for number in range(4):
        place = tmp_path / "mixed" / cifar10.COPY / "train" / "cat" / f"odd-{number}.png"
        Image.new("RGB", (16, 16), (number, 0, 0)).save(place)
    says = (
        "no copy of CIFAR-10: train/cat/odd-0.png is 16x16 pixels.*; and 1 more. Expected"
    )
    with pytest.raises(ValueError, match=says) as caught:
        load("cifar10", tmp_path / "mixed", validation=0)
    assert "size=" not in str(caught.value)  # a remedy that is not CIFAR-10's


@pytest.mark.parametrize("validation", [-10, 15, 120, 2.5])
def test_the_number_kept_for_validation(official, validation):
    with pytest.raises((ValueError, TypeError), match="validation"):
        load("cifar10", official, validation=validation)


def test_without_a_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("KDTEACH_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="no folder given"):
        load("cifar10")
    with pytest.raises(FileNotFoundError, match=r"neither cifar-10-batches-py nor .*in "):
        load("cifar10", tmp_path)


def test_an_archive_that_lies_there_is_named(tmp_path, monkeypatch):
    """Whole ones are to be unpacked, others to be fetched again."""
    from torchvision.datasets import CIFAR10

    tar = tmp_path / "tar"
    tar.mkdir()
    content = b"the archive"
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(content).hexdigest())
    (tar / "cifar-10-python.tar.gz").write_bytes(content)
    with pytest.raises(FileNotFoundError, match=r"python.tar.gz is there: unpack it"):
        load("cifar10", tar)
    (tar / "cifar-10-python.tar.gz").write_bytes(content[:-1])
    with pytest.raises(FileNotFoundError, match=r"python.tar.gz is damaged or cut short"):
        load("cifar10", tar)
    place = tmp_path / "cifar10-jpg.zip"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("cifar10-jpg/train/cat/1.jpg", "a cat")
    with pytest.raises(FileNotFoundError, match=r"jpg.zip is there: unpack it"):
        load("cifar10", tmp_path)
    place.write_bytes(place.read_bytes()[:40])
    with pytest.raises(FileNotFoundError, match=r"jpg.zip is there: it is damaged or cut"):
        load("cifar10", tmp_path)


def test_another_version_and_the_folder_itself(tmp_path, official):
    (tmp_path / "other" / "cifar-10-batches-bin").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"version for C programs.*python version"):
        load("cifar10", tmp_path / "other", validation=0)
    inner = official / "cifar-10-batches-py"
    with pytest.raises(FileNotFoundError, match=f"give the one around it, {official}$"):
        load("cifar10", inner, validation=0)


@pytest.mark.parametrize("error", [OSError("no host"), RuntimeError("corrupted")])
def test_a_download_that_fails_says_what_and_what_to_do(tmp_path, monkeypatch, error):
    from torchvision.datasets import CIFAR10

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(CIFAR10, "__init__", fails)
    with pytest.raises(RuntimeError, match=rf"download into .* failed: {error}.*unpack it"):
        load("cifar10", tmp_path, download=True)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_statistics_against_numpy(pixels, kind):
    images = pixels[0] if kind is np.uint8 else (pixels[0] / 255).astype(kind)
    means, deviations = channel_statistics(torch.from_numpy(images))
    fractions = pixels[0] / 255
    np.testing.assert_allclose(means, fractions.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(deviations, fractions.std(axis=(0, 2, 3)), rtol=1e-6)


# torchvision's own counts less the 1,000-way head
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("resnet18", 11_689_512 - 990 * 513),
        ("resnet50", 25_557_032 - 990 * 2049),
        ("vgg16", 138_357_544 - 990 * 4097),
        ("vgg16_bn", 138_365_992 - 990 * 4097),
    ],
)
def test_parameters_of_report_1(name, count):
    assert count_parameters(build(name)) == count


def test_vgg_is_torchvisions_network():
    import torchvision

    torch.manual_seed(0)
    theirs = torchvision.models.vgg16_bn(weights=None, num_classes=10).eval()
    ours = build("vgg16_bn").eval()
    state = dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True))
    ours.load_state_dict(state)
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        wanted = theirs(ours.normalise(images))
        torch.testing.assert_close(ours(images), wanted)


def test_the_stem_for_small_pictures():
    """The first stage sees all 32x32 places, as in He et al. 2016, section 4.2."""
    seen = {}
    for stem in ("imagenet", "cifar"):
        network = build("resnet18", stem=stem).eval()
        with torch.no_grad():
            seen[stem] = network.backbone[1](network.backbone[0](torch.rand(1, 3, 32, 32)))
    assert seen["imagenet"].shape == (1, 64, 8, 8)
    assert seen["cifar"].shape == (1, 64, 32, 32)
    with pytest.raises(ValueError, match="stem"):
        build("vgg16", stem="cifar")
    with pytest.raises(ValueError, match="stem"):
        build("fc-64", stem="cifar")
    with pytest.raises(ValueError, match="stem"):
        build("resnet18", stem="cifar", weights="imagenet")
    with pytest.raises(ValueError, match="stem"):
        build("resnet18", stem="other")
