"""Class folders: against Pillow and torchvision, and what is said of bad ones."""

import os
import unicodedata
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from kdteach.data import load
from kdteach.data.folder import FolderError, load_folder

RANDOM = np.random.default_rng(0)
CLASSES = ("Äpfel rot", "birne", "quitte")


def picture(width=20, height=14, mode="RGB"):
    bands = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    shape = (height, width) if bands == 1 else (height, width, bands)
    return Image.fromarray(RANDOM.integers(0, 256, shape, dtype=np.uint8), mode=None)


def encoded(kind, image=None, **options):
    out = BytesIO()
    (image or picture()).save(out, kind, **options)
    return out.getvalue()


def write(root, names):
    """Files by their path: bytes, or a picture as PNG."""
    for name, content in names.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else encoded("PNG", content))
    return root


def flat(root, count=10, classes=CLASSES, **sizes):
    return write(root, {f"{c}/{i:02}.png": picture(**sizes)
                        for c in classes for i in range(count)})  # fmt: skip


def parted(root, counts=(6, 3, 3), parts=("train", "valid", "test"), classes=CLASSES):
    return write(root, {f"{part}/{c}/{part}{i}.png": picture() for c in classes
                        for part, n in zip(parts, counts, strict=True)
                        for i in range(n)})  # fmt: skip


def peer(path, size, resize="crop", mode="RGB"):
    """What torchvision makes of a file."""
    sides = size if resize == "crop" else (size, size)
    change = v2.Compose([v2.Resize(sides), v2.CenterCrop(size), v2.ToImage(),
                         v2.ToDtype(torch.float32, scale=True)])  # fmt: skip
    with Image.open(path) as image:
        return torch.as_tensor(change(image.convert(mode)))


def levels(image):
    """The pixels as bytes."""
    return tuple((image * 255).round().int().flatten().tolist())


# what is read


@pytest.mark.parametrize("resize", ["crop", "squash"])
def test_pictures_are_those_of_torchvision(resize, tmp_path):
    parted(tmp_path)
    data = load("folder", tmp_path, size=12, resize=resize)
    assert data.classes == tuple(sorted(CLASSES))
    for part in ("train", "valid", "test"):
        split = getattr(data, part)
        wanted = ImageFolder(tmp_path / part)
        assert data.classes == tuple(wanted.classes)
        assert split.labels.tolist() == [label for _, label in wanted.samples]
        assert split.index.tolist() == list(range(len(wanted)))
        for image, (path, _) in zip(split.images, wanted.samples, strict=True):
            torch.testing.assert_close(image, peer(path, 12, resize))
    assert data.train.images.dtype == torch.float32
    assert (data.num_classes, data.train.num_classes, data.name) == (3, 3, "folder")
    assert 0 <= data.train.images.min() <= data.train.images.max() <= 1


def test_bytes_greys_and_pictures_as_they_are(tmp_path):
    flat(tmp_path, width=14)
    whole = load("folder", tmp_path, size=None)
    small = load("folder", tmp_path, size=None, dtype=torch.uint8)
    assert whole.image_shape == (3, 14, 14)
    assert small.train.images.dtype == torch.uint8
    assert torch.equal(small.train.images.float() / 255, whole.train.images)
    half = load("folder", tmp_path, size=8, dtype=torch.float64, channels=1)
    assert (half.image_shape, half.train.images.dtype) == ((1, 8, 8), torch.float64)
    first = sorted((tmp_path / "birne").iterdir())
    images = {levels(i) for s in (half.train, half.valid, half.test) for i in s.images}
    assert {levels(peer(path, 8, mode="L")) for path in first} <= images


KINDS = {
    "a.png": lambda: encoded("PNG"),
    "a.jpg": lambda: encoded("JPEG", quality=95),
    "a.tif": lambda: encoded("TIFF"),
    "a.webp": lambda: encoded("WEBP", lossless=True),
    "a.bmp": lambda: encoded("BMP"),
    "grey.png": lambda: encoded("PNG", picture(mode="L")),
    "greyalpha.png": lambda: encoded("PNG", picture(mode="LA")),
    "alpha.png": lambda: encoded("PNG", picture(mode="RGBA")),
    "alpha.webp": lambda: encoded("WEBP", picture(mode="RGBA"), lossless=True, exact=True),
    "palette.png": lambda: encoded("PNG", picture().quantize(16)),
    "transparent.png": lambda: encoded("PNG", picture().quantize(16),
        transparency=bytes([0, 128] * 8)),
    "one bit.png": lambda: encoded("PNG", picture().convert("1")),
    "cmyk.jpg": lambda: encoded("JPEG", picture(mode="RGB").convert("CMYK")),
    "wrong suffix.txt": lambda: encoded("PNG"),
    "no suffix": lambda: encoded("JPEG"),
}  # fmt: skip


def test_every_kind_of_picture(tmp_path):
    write(tmp_path, {f"{c}/{name}": make() for c in ("a", "b")
                     for name, make in KINDS.items()})  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load("folder", tmp_path, size=10, validation=0, test=0)
    names = sorted(KINDS)
    assert len(data.train) == 2 * len(names)
    assert len(data.valid) == len(data.test) == 0
    for number, name in enumerate(names):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of transparent palettes
            wanted = peer(tmp_path / "a" / name, 10)
        torch.testing.assert_close(data.train.images[number], wanted, msg=name)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_camera_is_respected(orientation, tmp_path):
    image = picture(16, 8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_90}  # fmt: skip
    upright = image.transpose(turn[orientation]) if orientation in turn else image
    write(tmp_path, {"a/1": encoded("PNG", image, exif=exif), "b/1": upright})
    data = load("folder", tmp_path, size=None, validation=0, test=0)
    assert torch.equal(data.train.images[0], data.train.images[1])
    assert data.image_shape[1:] == ((8, 16) if orientation < 5 else (16, 8))


# how it is split


def names_of(root, data):
    """The files of each part, found by their pixels."""
    by_pixels = {}
    for path in sorted(root.rglob("*.png")):
        by_pixels[levels(peer(path, 8))] = path.relative_to(root)
    return {
        part: [by_pixels[levels(i)].as_posix()
               for i in getattr(data, part).images]
        for part in ("train", "valid", "test")
    }  # fmt: skip


def test_one_level_is_cut_class_by_class(tmp_path):
    counts = {"a": 20, "b": 5, "c": 3}
    for c, n in counts.items():
        flat(tmp_path, n, (c,), width=8, height=8)
    data = load("folder", tmp_path, size=8)
    found = names_of(tmp_path, data)
    assert sorted(name for part in found.values() for name in part) == sorted(
        f"{c}/{i:02}.png" for c, n in counts.items() for i in range(n)
    )
    sizes = {
        p: [split.labels.tolist().count(c) for c in range(3)]
        for p, split in (("train", data.train), ("valid", data.valid), ("test", data.test))
    }
    assert sizes == {"train": [12, 3, 1], "valid": [4, 1, 1], "test": [4, 1, 1]}
    assert found["train"] == sorted(found["train"])
    # the rule, written down anew
    from hashlib import sha256

    order = sorted((sha256(f"a/{i:02}.png".encode()).digest(), i) for i in range(20))
    assert {f"a/{i:02}.png" for _, i in order[:4]} <= set(found["test"])
    assert {f"a/{i:02}.png" for _, i in order[4:8]} <= set(found["valid"])
    other = load("folder", tmp_path, size=8, validation=0.5, test=0.0)
    assert (len(other.test), other.valid.labels.tolist().count(0)) == (0, 10)


def test_the_order_of_a_system_changes_nothing(tmp_path, monkeypatch):
    flat(tmp_path, width=8, height=8)
    one = load("folder", tmp_path, size=8)
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda p: sorted(scandir(p), key=lambda e: e.name,
        reverse=True))  # fmt: skip
    other = load("folder", tmp_path, size=8)
    assert one.checksum == other.checksum
    assert torch.equal(one.train.images, other.train.images)
    # letters written in another way, as some systems do
    monkeypatch.undo()
    (tmp_path / CLASSES[0]).rename(tmp_path / unicodedata.normalize("NFD", CLASSES[0]))
    assert load("folder", tmp_path, size=8).checksum == one.checksum
    (tmp_path / "birne" / "00.png").write_bytes(encoded("PNG"))
    assert load("folder", tmp_path, size=8).checksum != one.checksum


@pytest.mark.parametrize(
    ("parts", "counts", "wanted"),
    [
        (("train", "val", "test"), (6, 3, 2), (18, 9, 6)),
        (("Train", "Validation", "TEST"), (6, 3, 2), (18, 9, 6)),
        (("train", "test"), (10, 3), (24, 6, 9)),
        (("train", "valid"), (10, 3), (24, 9, 6)),
        (("train",), (10,), (18, 6, 6)),
    ],
)
def test_parts_that_are_not_there_are_cut_from_train(parts, counts, wanted, tmp_path):
    data = load("folder", parted(tmp_path, counts, parts), size=8)
    assert (len(data.train), len(data.valid), len(data.test)) == wanted
    for split in (data.train, data.valid, data.test):
        assert len(set(split.labels.bincount().tolist())) == 1


def test_a_class_may_be_named_train(tmp_path):
    data = load("folder", flat(tmp_path, classes=("train", "ship")), size=8)
    assert data.classes == ("ship", "train")


def test_folders_in_a_class_belong_to_it(tmp_path):
    write(tmp_path, {f"{c}/{day}/{i}.png": picture() for c in "ab" for day in ("mon", "tue")
                     for i in range(3)})  # fmt: skip
    data = load("folder", tmp_path, size=8)
    assert data.classes == ("a", "b")
    assert sum(len(s) for s in (data.train, data.valid, data.test)) == 12


def test_what_systems_leave_behind_is_ignored(tmp_path):
    flat(tmp_path)
    before = load("folder", tmp_path, size=8)
    write(tmp_path, {"birne/.DS_Store": b"x", "birne/Thumbs.db": b"x", ".git/x/y.png": b"x",
                     "__MACOSX/birne/._a.png": b"x", "README.md": b"x",
                     "birne/._01.png": b"x"})  # fmt: skip
    assert load("folder", tmp_path, size=8).checksum == before.checksum


def test_root_by_the_environment(tmp_path, monkeypatch):
    flat(tmp_path / "pears")
    monkeypatch.setenv("KDTEACH_DATA", str(tmp_path))
    assert load("folder", "pears", size=8).num_classes == 3
    monkeypatch.setenv("KDTEACH_DATA", str(tmp_path / "pears"))
    assert load("folder", size=8).num_classes == 3
    monkeypatch.delenv("KDTEACH_DATA")
    with pytest.raises(FileNotFoundError, match="KDTEACH_DATA"):
        load("folder")


def test_a_bar_only_when_it_is_asked_for(tmp_path, capsys):
    flat(tmp_path)
    load("folder", tmp_path, size=8)
    assert capsys.readouterr() == ("", "")
    load("folder", tmp_path, size=8, progress=True)
    assert "images" in capsys.readouterr().err


def test_links_are_followed(tmp_path):
    flat(tmp_path / "real")
    (tmp_path / "linked").mkdir()
    for c in CLASSES:
        (tmp_path / "linked" / c).symlink_to(tmp_path / "real" / c)
    (tmp_path / "linked" / "nothing").mkdir()
    (tmp_path / "linked" / "nothing").rmdir()
    one, other = (load("folder", tmp_path / n, size=8) for n in ("real", "linked"))
    assert one.checksum == other.checksum


# what is refused


def problems(root, **options):
    with pytest.raises(FolderError) as caught:
        load("folder", root, **{"size": 8, **options})
    assert str(root) in str(caught.value)
    assert all(text in str(caught.value) for text in caught.value.problems)
    return caught.value.problems


def test_all_bad_files_in_one_report(tmp_path):
    whole = encoded("PNG")
    parted(tmp_path)
    bad = {
        "train/birne/cut off.png": whole[: len(whole) // 2],
        "train/birne/empty.png": b"",
        "valid/quitte/überall.txt": b"notes",
        "test/birne/film.gif": encoded("GIF"),
        "test/birne/deep.png": encoded(
            "PNG", Image.fromarray(RANDOM.integers(0, 2**16, (8, 8), dtype=np.uint16))
        ),
        "test/birne/text.pdf": b"%PDF-1.4",
        "train/quitte/spoiled.png": whole[:60] + b"\xff" * 20 + whole[80:],
        "train/quitte/half.jpg": encoded("JPEG", picture(64, 64))[:900],
    }
    write(tmp_path, bad)
    (tmp_path / "train" / "birne" / "lost.png").symlink_to("nowhere.png")
    (tmp_path / "train" / "birne" / "round").symlink_to("..")
    (tmp_path / "train" / "birne" / "self").symlink_to("self")
    os.mkfifo(tmp_path / "test" / "quitte" / "pipe.png")
    found = problems(tmp_path)
    for name in (*bad, "train/birne/lost.png", "train/birne/self",
                 "test/quitte/pipe.png"):  # fmt: skip
        assert sum(text.startswith((name, f"{name}:")) for text in found) == 1, name
    assert sum("circle" in text for text in found) >= 1
    told = "\n".join(found)
    assert "16 bits" in told
    assert "it is GIF" in told
    assert "named pipe" in told


def test_two_parts_with_the_same_picture(tmp_path):
    parted(tmp_path)
    content = (tmp_path / "train" / "birne" / "train0.png").read_bytes()
    (tmp_path / "test" / "birne" / "again.bmp").write_bytes(
        encoded("BMP", Image.open(BytesIO(content)))
    )
    says = r"train/birne/train0.png \(train\) and test/birne/again.bmp \(test\)"
    with pytest.warns(UserWarning, match=says):
        load("folder", tmp_path, size=8)
    assert "equal in every pixel" in problems(tmp_path, duplicates="refuse")[0]


def test_folders_that_cannot_be_learned_from(tmp_path):
    assert "no pictures" in problems(tmp_path)[0]
    flat(tmp_path / "one", classes=("a",))
    assert "single class, 'a'" in problems(tmp_path / "one")[0]
    flat(tmp_path / "few", 2)
    assert "class 'birne' has 2 pictures, too few for train, test, valid" in problems(
        tmp_path / "few"
    )
    write(tmp_path / "loose", {"a.png": picture(), "b.png": picture()})
    assert "a folder for each class" in problems(tmp_path / "loose")[0]
    flat(tmp_path / "hollow")
    (tmp_path / "hollow" / "nothing").mkdir()
    assert problems(tmp_path / "hollow") == ("nothing holds no pictures",)
    flat(tmp_path / "sizes", width=9)
    flat(tmp_path / "sizes", 1, width=10)
    said = problems(tmp_path / "sizes", size=None)
    assert len(said) == 3
    assert all("10x14 pixels, the others 9x14" in text for text in said)
    with pytest.raises(FileNotFoundError, match="missing"):
        load("folder", tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match="a folder is expected"):
        load("folder", tmp_path / "file")


def test_classes_that_a_part_lacks(tmp_path):
    parted(tmp_path)
    write(tmp_path, {f"test/Birne/{i}.png": picture() for i in range(2)})
    assert "class 'Birne' is in test but not in train" in problems(tmp_path)[0]
    for path in (tmp_path / "test" / "Birne").iterdir():
        path.unlink()
    (tmp_path / "test" / "Birne").rmdir()
    for path in (tmp_path / "test" / "birne").iterdir():
        path.unlink()
    (tmp_path / "test" / "birne").rmdir()
    with pytest.warns(UserWarning, match="test has no picture of 'birne'"):
        data = load("folder", tmp_path, size=8)
    assert data.classes == tuple(sorted(CLASSES))


def test_two_names_of_one_part_and_folders_that_are_none(tmp_path):
    parted(tmp_path, (6, 3, 3), ("train", "val", "valid"))
    assert "val and valid are both the part 'valid'" in problems(tmp_path)[0]
    parted(tmp_path / "x")
    (tmp_path / "x" / "annotations").mkdir()
    with pytest.warns(UserWarning, match="left aside, being no part: annotations"):
        load("folder", tmp_path / "x", size=8)


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    flat(tmp_path)
    scandir = os.scandir

    def refused(path):
        if Path(path).name == "birne":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert "birne cannot be read (Permission denied)" in problems(tmp_path)


def test_more_than_the_memory_holds(tmp_path, monkeypatch):
    flat(tmp_path)
    monkeypatch.setattr("kdteach.data._pictures.free_memory", lambda: 10_000)
    assert "dtype=torch.uint8" in problems(tmp_path)[0]


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"size": 0}, ValueError, "size"), ({"size": 2.0}, TypeError, "size"),
        ({"size": 10**6}, ValueError, "size"), ({"resize": "fit"}, ValueError, "resize"),
        ({"channels": 2}, ValueError, "channels"), ({"channels": True}, ValueError,
         "channels"),
        ({"dtype": torch.int64}, TypeError, "dtype"),
        ({"validation": 1}, ValueError, "validation"),
        ({"validation": 0.5, "test": 0.5}, ValueError, "train on"),
        ({"test": "0.2"}, TypeError, "test"), ({"progress": 1}, TypeError, "progress"),
        ({"duplicates": "drop"}, ValueError, "duplicates"),
        ({"shuffle": True}, TypeError, "shuffle"),
    ],
)  # fmt: skip
def test_bad_options(options, kind, words, tmp_path):
    flat(tmp_path, 3)
    with pytest.raises(kind, match=words):
        load_folder(tmp_path, **options)
