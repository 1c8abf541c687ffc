"""MHIST and its stand-in: read as it should be, and told what is wrong with a copy."""

import csv
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from kdteach import __main__ as command_line
from kdteach.data import load, mhist, petri

HEADER = ",".join(mhist.COLUMNS)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A small stand-in of 32 x 32 pixels."""
    folder = tmp_path_factory.mktemp("petri") / "MHIST"
    return petri.write(folder, size=32, scale=0.02, seed=1, workers=1)


@pytest.fixture
def copy(drawn, tmp_path):
    """A copy to be spoilt, with its rows as lists."""
    folder = tmp_path / "MHIST"
    shutil.copytree(drawn, folder)
    return folder


def rows(folder):
    with (folder / "annotations.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def put(folder, table, encoding="utf-8", end="\n"):
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows(table)
    (folder / "annotations.csv").write_bytes(text.getvalue().encode(encoding))


def test_a_stand_in_is_read_like_the_real_one(drawn):
    data = load("mhist", drawn)
    table = rows(drawn)[1:]
    assert data.classes == ("HP", "SSA")
    assert data.image_shape == (3, 32, 32)
    assert data.train.images.dtype == torch.uint8
    wanted = {
        ("train", "HP"): 31,
        ("train", "SSA"): 13,
        ("test", "HP"): 12,
        ("test", "SSA"): 7,
    }
    for (partition, label), count in wanted.items():
        assert sum(r[1] == label and r[3] == partition for r in table) == count
    # a fifth of each class of train is kept for validation, nothing is lost or doubled
    assert (data.valid.labels == 0).sum() == 6
    assert (data.valid.labels == 1).sum() == 3
    assert len(data.train) + len(data.valid) == 44
    assert (len(data.test), int(data.test.labels.sum())) == (19, 7)
    by_pixels = {}
    for name, label, votes, partition in table:
        with Image.open(drawn / "images" / name) as image:
            by_pixels[np.asarray(image).tobytes()] = (name, label, int(votes), partition)
    seen = []
    for part in ("train", "valid", "test"):
        split = getattr(data, part)
        assert torch.equal(split.index, torch.arange(len(split)))
        assert torch.equal((split.votes > 3).long(), split.labels)
        for image, label, votes in zip(
            split.images, split.labels, split.votes, strict=True
        ):
            known = by_pixels[image.permute(1, 2, 0).numpy().tobytes()]
            assert known[1:3] == (data.classes[label], int(votes))
            assert (known[3] == "test") == (part == "test")
            seen.append(known[0])
    assert sorted(seen) == sorted(row[0] for row in table)


def test_the_cut_does_not_hang_on_the_order_of_the_rows(copy, drawn):
    table = rows(copy)
    put(copy, [table[0], *reversed(table[1:])])
    ours, theirs = load("mhist", copy).valid, load("mhist", drawn).valid
    assert torch.equal(ours.images.flip(0), theirs.images)


def test_votes_are_soft_targets_and_follow_a_selection(drawn):
    train = load("mhist", drawn).train
    (shares,) = mhist.vote_shares([train])
    assert torch.equal(shares.sum(dim=1), torch.ones(len(train), dtype=torch.float64))
    assert torch.equal((shares[:, 1] * 7).round().long(), train.votes)
    some = train.select(train.labels == 1)
    assert torch.equal(some.votes, train.votes[train.labels == 1])
    assert torch.equal(train.to("cpu").votes, train.votes)
    with pytest.raises(ValueError, match="has no votes"):
        mhist.vote_shares([load("digits").train])


def test_bom_and_line_ends_of_other_systems_are_fine(copy, drawn):
    put(copy, rows(copy), encoding="utf-8-sig", end="\r\n")
    assert load("mhist", copy).checksum == load("mhist", drawn).checksum


def test_grey_and_alpha_are_converted(copy, drawn):
    first, second, third = (row[0] for row in rows(copy)[1:4])
    for name, mode in ((first, "L"), (second, "RGBA"), (third, "LA")):
        path = copy / "images" / name
        with Image.open(path) as image:
            changed = image.convert(mode)
        changed.save(path)
    data = load("mhist", copy)
    assert data.image_shape == (3, 32, 32)
    whole = torch.cat([data.train.images, data.valid.images, data.test.images])
    grey = (whole[:, 0] == whole[:, 1]).all(dim=(1, 2))
    assert int(grey.sum()) == 2


def change(row, column, value):
    def spoil(folder):
        table = rows(folder)
        table[row][column] = value
        put(folder, table)

    return spoil


def header(columns):
    return lambda folder: put(folder, [columns, *rows(folder)[1:]])


def image(make, number=1):
    def spoil(folder):
        make(folder / "images" / rows(folder)[number][0])

    return spoil


def saved(mode, size=(32, 32)):
    return lambda path: Image.new(mode, size).save(path)


def swap(path, target):
    path.unlink()
    path.symlink_to(target)


def png(kind, channels, side=32):
    """A PNG of 16 bits a channel, by hand: no library here writes one in colour."""

    def part(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", side, side, 16, kind, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\1\2" * channels * 32) * 32)

    def write(path):
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels)
            + part(b"IEND", b"")
        )  # fmt: skip

    return write


def sixteen_bits(path):
    Image.fromarray(np.zeros((32, 32), dtype=np.uint16)).save(path)


def no_class(folder):
    table = [row for row in rows(folder) if (row[1], row[3]) != ("SSA", "test")]
    put(folder, table)


BAD = {
    "missing column": (header(list(mhist.COLUMNS[:3])), "missing column 'Partition'"),
    "extra column": (header([*mhist.COLUMNS, "Age"]), "unknown column 'Age'"),
    "renamed column": (
        header(["Image", *mhist.COLUMNS[1:]]),
        "missing column 'Image Name'",
    ),
    "other order": (header(list(reversed(mhist.COLUMNS))), "must stand in the order"),
    "empty file": (lambda f: (f / "annotations.csv").write_text(""), "missing column"),
    "no rows": (lambda f: put(f, rows(f)[:1]), "no row has partition train and label HP"),
    "no class": (no_class, "no row has partition test and label SSA"),
    "not text": (
        lambda f: (f / "annotations.csv").write_bytes(b"\xff\xfe\x00"),
        "not UTF-8",
    ),
    "short row": (lambda f: put(f, [*rows(f), ["a.png"]]), "1 cells instead of 4"),
    "label": (change(2, 1, "hp"), "row 3: label 'hp' is neither HP nor SSA"),
    "votes above": (change(2, 2, "8"), "row 3: '8' votes; a whole number from 0 to 7"),
    "votes below": (change(2, 2, "-1"), "row 3: '-1' votes"),
    "votes of words": (change(2, 2, "many"), "row 3: 'many' votes"),
    "votes in parts": (change(2, 2, "3.5"), "row 3: '3.5' votes"),
    "votes missing": (change(2, 2, ""), "row 3: '' votes"),
    "partition": (change(2, 3, "valid"), "row 3: partition 'valid' is neither train nor"),
    "name with a way up": (
        change(2, 0, "../x.png"),
        "row 3: '../x.png' is not the plain name",
    ),
    "absolute name": (change(2, 0, "/etc/passwd"), "row 3: '/etc/passwd' is not the plain"),
    "name of Windows": (change(2, 0, "..\\x.png"), "is not the plain name"),
    "name of a folder": (change(2, 0, ".."), "row 3: '..' is not the plain name"),
    "no name": (change(2, 0, ""), "row 3: '' is not the plain name"),
    "row twice": (lambda f: put(f, [*rows(f), rows(f)[1]]), "has a row already, row 2"),
    "image missing": (image(os.remove), "is missing"),
    "image is a folder": (image(lambda p: (p.unlink(), p.mkdir())), "is not a file"),
    "link to outside": (image(lambda p: swap(p, "/dev/null")), "is a link to outside"),
    "image truncated": (image(lambda p: p.write_bytes(p.read_bytes()[:300])), "is damaged"),
    "no image": (image(lambda p: p.write_text("hello")), "is not an image"),
    "empty image": (image(lambda p: p.write_bytes(b"")), "is not an image"),
    "other size": (image(saved("RGB", (32, 16))), "is 32x16 pixels, the others 32x32"),
    "16 bits": (image(sixteen_bits), "has 16 bits a channel"),
    "16 bits, colour": (image(png(2, 3)), "has 16 bits a channel"),
    "16 bits, alpha": (image(png(6, 4)), "has 16 bits a channel"),
    "16 bits, grey and alpha": (image(png(4, 2)), "has 16 bits a channel"),
    "huge": (image(png(2, 3, side=30_000)), "far more"),
    "large": (image(png(2, 3, side=9_500)), "far more"),
    "open quote": (
        lambda f: (f / "annotations.csv").write_text(
            ",".join(mhist.COLUMNS) + '\n"a.png,' + "x" * 200_000
        ),
        "not a table",
    ),
    "long name": (change(2, 0, "x" * 300 + ".png"), "is not the plain name"),
    "long number": (change(2, 2, "1" * 5000), "votes; a whole number"),
    "space": (change(2, 1, " HP"), "label ' HP' is neither"),
    "column twice": (
        lambda f: put(f, [[*row, row[1]] for row in rows(f)]),
        "column 'Majority Vote Label' stands there twice",
    ),
    "one image, two names": (
        image(lambda p: swap(p, min(q for q in p.parent.iterdir() if q != p)), 5),
        "which has a row",
    ),
    "palette": (image(saved("P")), "mode P"),
    "print colours": (
        image(lambda p: Image.new("CMYK", (32, 32)).save(p, "TIFF")),
        "mode CMYK",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named(copy, name):
    spoil, says = BAD[name]
    spoil(copy)
    with pytest.raises(mhist.MhistError) as error:
        load("mhist", copy)
    assert says in str(error.value)
    assert str(copy) in str(error.value)


def test_votes_that_contradict_the_label(copy):
    table = rows(copy)
    at = next(i for i, row in enumerate(table) if row[1] == "HP")
    table[at][2] = "4"
    put(copy, table)
    with pytest.raises(
        mhist.MhistError, match=f"row {at + 1}: 4 of 7 votes for SSA contra"
    ):
        load("mhist", copy)


def test_all_problems_of_a_file_come_together(copy):
    for spoil in (
        change(1, 1, "x"),
        change(2, 2, "9"),
        change(3, 3, "?"),
        change(4, 0, "/a"),
    ):
        spoil(copy)
    with pytest.raises(mhist.MhistError, match="4 problems") as error:
        load("mhist", copy)
    assert [f"row {line}: " in str(error.value) for line in (2, 3, 4, 5)] == [True] * 4


def test_one_row_can_be_wrong_in_several_ways(copy):
    table = rows(copy)
    table.append([table[1][0], "no kind", "9", "train"])
    table[2] = ["gone.png", "?", "x", "nowhere"]
    put(copy, table)
    with pytest.raises(mhist.MhistError) as error:
        load("mhist", copy)
    last = len(table)
    for line, says in (
        (3, "label '?'"), (3, "'x' votes"), (3, "partition 'nowhere'"),
        (3, "gone.png is missing"), (last, "has a row already, row 2"),
        (last, "label 'no kind'"), (last, "'9' votes"),
    ):  # fmt: skip
        found = [p for p in error.value.problems if p.startswith(f"row {line}: ")]
        assert any(says in problem for problem in found), says
    assert len(error.value.problems) == 7


def test_columns_in_another_order_do_not_hide_the_rows(copy):
    table = [[*reversed(row)] for row in rows(copy)]
    table[1][2] = "?"
    put(copy, table)
    with pytest.raises(mhist.MhistError) as error:
        load("mhist", copy)
    assert "must stand in the order" in error.value.problems[0]
    assert "row 2: label '?'" in error.value.problems[1]


def test_rows_and_images_are_reported_in_one_message(copy):
    change(1, 1, "x")(copy)
    image(os.remove, 2)(copy)
    image(lambda p: p.write_text("hello"), 3)(copy)
    image(saved("RGB", (8, 8)), 4)(copy)
    with pytest.raises(mhist.MhistError, match="4 problems") as error:
        load("mhist", copy)
    assert [line.split(":")[0] for line in error.value.problems] == [
        "row 2", "row 3", "row 4", "row 5",
    ]  # fmt: skip


def test_the_message_ends_but_the_list_does_not(copy):
    table = rows(copy)
    put(copy, [*table, *([f"{number}.png"] for number in range(150))])
    with pytest.raises(mhist.MhistError, match=r"150 problems(.|\n)*and 50 more") as error:
        load("mhist", copy)
    assert len(error.value.problems) == 150


def test_no_images_folder(copy):
    shutil.rmtree(copy / "images")
    with pytest.raises(FileNotFoundError, match="images is missing"):
        load("mhist", copy)


def test_all_bad_images_come_together(copy):
    image(os.remove, 1)(copy)
    with pytest.raises(mhist.MhistError, match="1 problem\n"):
        load("mhist", copy)
    image(saved("RGB"), 1)(copy)
    for number in (2, 3):
        image(lambda p: p.write_text("hello"), number)(copy)
    image(saved("RGB", (8, 8)), 4)(copy)
    with pytest.raises(mhist.MhistError, match="3 problems") as error:
        load("mhist", copy)
    assert "row 3: " in str(error.value)
    assert "row 5: " in str(error.value)
    for path in (copy / "images").iterdir():
        path.write_text("hello")
    with pytest.raises(mhist.MhistError, match=r"63 problems\n"):
        load("mhist", copy)


@pytest.mark.parametrize("labels", [["HP"], ["HP", "SSA"]])
def test_a_class_with_a_single_training_image_is_told(copy, labels):
    """It would all go into validation; nothing would be left to train on."""
    table = rows(copy)
    kept = {label: 1 if label in labels else 2 for label in ("HP", "SSA")}
    few = [table[0]]
    for row in table[1:]:
        if row[3] == "test" or kept[row[1]]:
            few.append(row)
            kept[row[1]] -= row[3] == "train"
    put(copy, few)
    with pytest.raises(mhist.MhistError) as error:
        load("mhist", copy)
    assert error.value.problems == tuple(
        f"class {label!r} has 1 training image, too few for train and valid"
        for label in labels
    )


def test_names_give_a_terminal_no_orders(copy, capsys, tmp_path):
    table = rows(copy)
    table[1][0], table[2][0] = "\x1b[2Ja.png", "a\nb.png"
    put(copy, table)
    with pytest.raises(mhist.MhistError) as error:
        load("mhist", copy)
    assert "row 2: \\x1b[2Ja.png is missing" in str(error.value)
    assert "row 3: a\\nb.png is missing" in str(error.value)
    assert all(problem.isprintable() for problem in error.value.problems)
    out = tmp_path / "a\x1b[31m\nb"
    arguments = ["petri", "--size", "16", "--scale", "0.001", "--out", str(out)]
    assert command_line.main(arguments) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.strip().isprintable()


def test_the_callers_limit_of_cells_is_not_ours(copy, drawn):
    usual = csv.field_size_limit(5)
    try:
        assert load("mhist", copy).checksum == load("mhist", drawn).checksum
        assert csv.field_size_limit() == 5
    finally:
        csv.field_size_limit(usual)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs limits of a Unix")
def test_what_cannot_be_drawn_is_told_with_the_folder_that_was_named(tmp_path):
    with pytest.raises(OSError, match="tiles cannot be drawn: Not a directory") as error:
        petri.write("/dev/null/x", size=16, scale=0.001)
    assert error.value.filename == "/dev/null/x"
    code = (
        "import resource, signal, sys; from kdteach.data import petri;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300));"
        "petri.write(sys.argv[1], size=64, scale=0.001)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x")], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "tiles cannot be drawn: File too large" in ran.stderr
    assert str(tmp_path / "x") in ran.stderr.splitlines()[-1]
    assert not any(tmp_path.iterdir())


def test_the_environment_may_name_the_home(drawn, monkeypatch):
    monkeypatch.setenv("HOME", str(drawn.parent))
    for named in ("~", "~/MHIST"):
        monkeypatch.setenv("KDTEACH_DATA", named)
        assert load("mhist").checksum == load("mhist", drawn).checksum


def test_a_wished_size_is_demanded(drawn):
    assert load("mhist", drawn, size=32).image_shape == (3, 32, 32)
    with pytest.raises(mhist.MhistError, match="is 32x32 pixels, the others 64x64"):
        load("mhist", drawn, size=64)


def test_no_folder_is_told_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.delenv("KDTEACH_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"use agreement.*kdteach petri"):
        load("mhist")
    monkeypatch.setenv("KDTEACH_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="MHIST is missing"):
        load("mhist")
    (tmp_path / "MHIST").mkdir()
    with pytest.raises(FileNotFoundError, match=r"annotations.csv is missing"):
        load("mhist")


def test_the_folder_one_is_in_is_not_drawn_into(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileExistsError, match="folder you are in"):
        petri.write(".", size=16, scale=0.01)


def test_the_drawings_are_the_same_everywhere():
    """Exact arithmetic and a counter-based generator: a checksum over sizes and seeds."""
    digest = hashlib.sha256()
    for seed, size in ((0, 64), (3, 224)):
        for case in petri.cases(0.01, seed)[:4]:
            tile = petri.draw(case, size)
            digest.update(tile.image.tobytes())
            digest.update(tile.mask.tobytes())
            digest.update(
                f"{case.name} {case.label} {case.votes} {case.partition}".encode()
            )
    assert digest.hexdigest()[:16] == "d578d2bb27f90351"


def test_counts_votes_and_names_at_full_scale():
    planned = petri.cases()
    count = {}
    for case in planned:
        key = (case.partition, case.label)
        count[key] = count.get(key, 0) + 1
        assert (case.votes > 3) == (case.label == "SSA")
    assert count == {
        ("train", "HP"): 1545, ("train", "SSA"): 630,
        ("test", "HP"): 617, ("test", "SSA"): 360,
    }  # fmt: skip
    names = [case.name for case in planned]
    assert names[0] == "MHIST_aaa.png"
    assert names == sorted(set(names))
    close = sum(case.votes in (3, 4) for case in planned) / len(planned)
    assert 0.1 < close < 0.3  # 16.7 % of the real ones are 4 to 3
    assert petri.cases(seed=1)[0].key != planned[0].key
    for scale in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="scale"):
            petri.cases(scale)
    with pytest.raises(ValueError, match="seed"):
        petri.cases(seed=-1)


def test_the_mask_is_where_the_evidence_lies():
    """The same scene with another shape differs inside the mask, and hardly elsewhere."""
    from dataclasses import replace

    for case in petri.cases(0.01)[:6]:
        tile = petri.draw(case, 96)
        assert 0 < tile.mask.mean() < 0.25
        other = petri.draw(replace(case, shape=0.0 if case.shape > 0.5 else 1.0), 96)
        moved = np.abs(tile.image.astype(int) - other.image).max(axis=2) > 40
        assert moved.any()
        # a base that grows reaches beyond the mask of the smaller one
        either = tile.mask | other.mask
        assert moved[either].mean() > 5 * moved[~either].mean()


def test_the_same_bytes_twice_and_never_half_a_folder(drawn, tmp_path, monkeypatch):
    again = petri.write(tmp_path / "again", size=32, scale=0.02, seed=1, workers=2)
    for part in ("annotations.csv", "images", "masks"):
        ours, theirs = again / part, drawn / part
        files = sorted(p.name for p in ours.iterdir()) if ours.is_dir() else [""]
        assert len(files) in (1, 63)
        for name in files:
            assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    with pytest.raises(FileExistsError, match="there and not empty"):
        petri.write(again, size=32, scale=0.02)
    with pytest.raises(ValueError, match="size must be an integer of at least 16"):
        petri.write(tmp_path / "small", size=8)
    monkeypatch.setattr(petri, "_draw_to", _full)
    with pytest.raises(OSError, match="No space left"):
        petri.write(tmp_path / "half", size=32, scale=0.02, workers=1)
    assert {p.name for p in tmp_path.iterdir()} == {"again"}


def _full(*_, **__):
    raise OSError(28, "No space left on device")


def test_the_command(tmp_path, capsys):
    arguments = ["petri", "--out", str(tmp_path / "x"), "--size", "16", "--scale", "0.005"]
    assert command_line.main(arguments) == 0
    assert "read it with load('mhist'" in capsys.readouterr().out
    assert len(load("mhist", tmp_path / "x").test) == 5
    assert command_line.main(arguments) == 1
    assert "there and not empty" in capsys.readouterr().err
