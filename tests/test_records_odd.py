"""Record files, names and folders of every odd kind: read strictly, written carefully."""

import errno
import json
import math
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from kdteach import record, results, writing
from kdteach.__main__ import main
from kdteach.experiments import reproduce, seeds_recorded
from kdteach.fingerprints import TeacherLogits
from kdteach.results import RecordError
from kdteach.types import RunRecord

WHOLE = {
    "experiment": "x", "config": {"T": 4.0, "role": "plain"}, "seed": 0,
    "result": {"test_errors": 2, "test_wrong": [3, 7], "score": 0.5},
    "history": {"loss": [0.5, 0.25]}, "environment": {"data": "abc"},
}  # fmt: skip
RECORD = RunRecord(**WHOLE)


def with_line(folder, text):
    path = folder / "x.jsonl"
    path.write_text(text + "\n", encoding="utf-8")
    return path


def changed(**parts):
    return json.dumps(WHOLE | parts)


EDITED = [
    (changed(result={"score": None}), "'score' must be a number or a list .* got None"),
    (changed(result={"score": "12"}), "'score' must be a number.*got '12'"),
    (changed(result={"score": True}), "'score' must be a number.*got True"),
    (changed(result={"score": {"a": 1}}), "'score' must be a number"),
    (changed(result={"score": [1, None]}), "list of numbers, got None in it"),
    (changed(result={"score": [1, "2"]}), "list of numbers, got '2' in it"),
    (changed(result={"score": [True]}), "list of numbers, got True in it"),
    (changed(result={"score": [[1]]}), r"list of numbers, got \[1\] in it"),
    (changed(result={"score": math.nan}), "NaN is no number"),
    (changed(result={"score": math.inf}), "Infinity is no number"),
    (changed(result={"score": -math.inf}), "-Infinity is no number"),
    (changed(result={}).replace("{}", '{"score": 1e999}', 1), "'score' must be a number"),
    (changed(result={}).replace("{}", '{"score": [1e999]}', 1), "got inf in it"),
    (changed(result={"score": 10**400}), "'score' must be a number.*got 1000"),
    (changed(result={"score": [1, -(10**400)]}), "list of numbers, got -1000.* in it"),
    (changed(result={"score": [0.5, 10**400]}), "list of numbers, got 1000.* in it"),
    (changed(history={"loss": [10**400]}), "history of 'loss' must be.*got 1000"),
    (changed(seed=2**63), "seed must be a whole number.*below 2\\*\\*63"),
    (changed(result={"test_wrong": 3}), "test_wrong must be a list of sample indices"),
    (changed(result={"test_wrong": [1.0]}), "test_wrong must be a list"),
    (changed(result={"test_wrong": [-1]}), "test_wrong must be a list"),
    (changed(result={"test_wrong": [4, 4]}), "test_wrong lists the image 4 twice"),
    (changed(result={"test_errors": 2.0}), "test_errors must be a whole number"),
    (changed(result={"test_errors": -1}), "test_errors must be a whole number"),
    (changed(result={"test_errors": 5, "test_wrong": [1]}), "5 test errors, but 1 wrong"),
    (changed(result=[]), r"result must be an object, got \[\]"),
    (changed(result=None), "result must be an object, got None"),
    (changed(history=3), "history must be an object, got 3"),
    (changed(history={"loss": 0.5}), "history of 'loss' must be a list of numbers"),
    (changed(history={"loss": [None]}), "history of 'loss'.*got None in it"),
    (changed(history={"loss": ["1"]}), "history of 'loss'"),
    (changed(history={"loss": [math.nan]}), "NaN is no number"),
    (changed(environment="cpu"), "environment must be an object, got 'cpu'"),
    (changed(config=[1]), r"config must be an object, got \[1\]"),
    (changed(config={"T": math.nan}), "NaN is no number"),
    (changed(seed=-1), "seed must be a whole number, got -1"),
    (changed(seed=True), "seed must be a whole number, got True"),
    (changed(seed="0"), "seed must be a whole number, got '0'"),
    (changed(seed=0.0), "seed must be a whole number, got 0.0"),
    (changed(seed=None), "seed must be a whole number, got None"),
    (changed(experiment="y"), "a record of 'y', not 'x'"),
    (changed(experiment=None), "a record of None, not 'x'"),
    (changed(more=1), "not a record; expected the fields"),
    (changed().replace('"seed": 0', '"seed": 1, "seed": 0'), "'seed' stands twice"),
    (changed().replace('"T": 4.0', '"T": 4.0, "T": 8.0'), "'T' stands twice"),
    (changed().replace("0.5}", '0.5, "score": 0.7}'), "'score' stands twice"),
    ("[" * 100_000, "nested deeper than|not JSON"),
    ('{"a":' * 5000 + "1" + "}" * 5000, "nested deeper than"),
    (
        changed(config={"a": [[[[1]]]]}).replace("1", "[" * 60 + "]" * 60, 1),
        "nested deeper",
    ),
    ("9" * 5000, "not JSON"),
    ("null", "not a record"),
    ("3", "not a record"),
    ('"text"', "not a record"),
    ("", "not JSON"),
    ("{", "not JSON"),
    (changed() + changed(), "not JSON"),
    (changed()[:-20], "not JSON"),
    ("\x00" * 50, "not JSON"),
]


@pytest.mark.parametrize(("line", "says"), EDITED, ids=range(len(EDITED)))
def test_a_line_edited_by_hand_is_named_and_the_file_left(tmp_path, line, says):
    path = with_line(tmp_path, line)
    before = path.read_bytes()
    for ask in (
        lambda: results.load_records("x", tmp_path),
        lambda: results.measured("x", "score", folder=tmp_path),
        lambda: results.wrong_images("x", folder=tmp_path),
        lambda: results.add_records("x", [RunRecord(**WHOLE | {"seed": 9})], tmp_path),
    ):
        with pytest.raises(RecordError, match=rf"x\.jsonl, line 1: .*({says})"):
            ask()
    assert path.read_bytes() == before


@pytest.mark.parametrize(("line", "says"), EDITED, ids=range(len(EDITED)))
def test_what_is_refused_in_reading_is_refused_in_writing(tmp_path, line, says):
    """Each line above that is a record of Python's in another sense than in JSON's."""
    try:
        entry = json.loads(line)
        record = RunRecord(**entry)
    except (ValueError, TypeError, RecursionError):
        return  # cannot even be made
    if "stands twice" in says:
        return  # Python has no doubled keys
    results.add_records("x", [RunRecord(**WHOLE | {"seed": 5})], tmp_path)
    before = (tmp_path / "x.jsonl").read_bytes()
    fine = RunRecord(**WHOLE | {"seed": 6})
    with pytest.raises(RecordError, match="x, new record 1"):
        results.add_records("x", [fine, record], tmp_path)
    assert (tmp_path / "x.jsonl").read_bytes() == before


def test_a_file_in_another_encoding_is_named_and_left(tmp_path):
    """Some editors write UTF-16, some a mark before UTF-8; the mark alone does no harm."""
    path = tmp_path / "x.jsonl"
    path.write_bytes((changed() + "\n").encode("utf-16"))
    before = path.read_bytes()
    for ask in (
        lambda: results.load_records("x", tmp_path),
        lambda: results.add_records("x", [RunRecord(**WHOLE | {"seed": 9})], tmp_path),
    ):
        with pytest.raises(RecordError, match=r"x\.jsonl, line 1: not JSON"):
            ask()
    assert path.read_bytes() == before
    path.write_bytes((changed(seed=5) + "\n").encode("utf-8-sig"))
    results.add_records("x", [RECORD], tmp_path)
    assert [r.seed for r in results.load_records("x", tmp_path)] == [0, 5]
    assert path.read_text(encoding="utf-8").count("\ufeff") == 0


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"T": torch.tensor(4.0)}, "cannot hold a tensor"),
        ({"T": np.array([1.0])}, r"cannot hold an array.*tolist"),
        ({"T": {4}}, r"cannot hold \{4\}"),
        ({"T": b"4"}, "cannot hold b'4'"),
        ({"T": 4 + 0j}, "cannot hold"),
        ({4: "T"}, "every key must be a str, got 4"),
        ({"T": {1: 2, "1": 2}}, "every key must be a str, got 1"),
        ({"T": float("nan")}, "must be a finite number, got nan"),
        ({"T": 10**400}, "more than 300 digits"),
        ({"T": object}, "cannot hold <class 'object'>"),
    ],
)
def test_what_json_cannot_hold_is_named(tmp_path, config, says):
    record = RunRecord(**WHOLE | {"config": config})
    with pytest.raises(RecordError, match=rf"new record 0: config.*{says}"):
        results.add_records("x", [record], tmp_path)
    with pytest.raises(ValueError, match=says):
        results.run_key(config, 0)
    assert not any(tmp_path.iterdir())


def test_a_list_in_itself_ends(tmp_path):
    ring = []
    ring.append(ring)
    with pytest.raises(RecordError, match="nested deeper"):
        results.add_records("x", [RunRecord(**WHOLE | {"config": {"a": ring}})], tmp_path)


def test_numbers_of_numpy_are_written_as_numbers(tmp_path):
    record = RunRecord(
        "x", {"T": np.float64(4), "e": np.int64(3), "f": np.bool_(True), "o": (3, 4)},
        np.int64(2), {"score": np.float32(0.5), "test_wrong": [np.int64(4)]},
        {"loss": (np.float64(1.5),)}, {"data": np.str_("abc")},
    )  # fmt: skip
    results.add_records("x", [record], tmp_path)
    (read,) = results.load_records("x", tmp_path)
    assert read.config == {"T": 4.0, "e": 3, "f": True, "o": [3, 4]}
    assert (read.seed, read.result) == (2, {"score": 0.5, "test_wrong": [4]})
    assert read.history == {"loss": [1.5]}
    assert results.measured("x", "score", folder=tmp_path, o=(3, 4)).tolist() == [0.5]


@pytest.mark.parametrize(
    "new",
    [RECORD, [WHOLE], [None], None, 3, "x", [("x", {}, 0, {}, {}, {})], {"x": RECORD}],
)
def test_only_records_are_added(tmp_path, new):
    with pytest.raises(TypeError, match="RunRecord"):
        results.add_records("x", new, tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_run_given_twice_is_refused_and_nothing_is_no_file(tmp_path):
    with pytest.raises(RecordError, match="new record 1 is a run that is given twice"):
        results.add_records("x", [RECORD, RECORD], tmp_path)
    results.add_records("x", [], tmp_path)
    assert not any(tmp_path.iterdir())
    results.add_records("x", iter([RECORD]), str(tmp_path))
    again = RunRecord(**WHOLE | {"seed": 1})
    results.add_records("x", [RECORD, again], tmp_path, skip_recorded=True)
    assert results.load_records("x", tmp_path) == [RECORD, again]


NAMES = [
    "../out", "a/b", "", "\0", "a\0b", ".", "..", "/etc/x", "\\x", "a\\b", "~", "~/x", "-x",
    ".x", " x", "x\n", "x\r", "x/", "C:x", "x:y", "x*", "x" * 101, "\ud800", "a/../b",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused_everywhere(tmp_path, name):
    inner = tmp_path / "in"
    inner.mkdir()
    record = RunRecord(**WHOLE | {"experiment": name})
    for ask in (
        lambda: results.load_records(name, inner),
        lambda: results.add_records(name, [record], inner),
        lambda: results.measured(name, "score", folder=inner),
        lambda: results.wrong_images(name, folder=inner),
        lambda: results.records_path(name, inner),
        lambda: results.save_logits(inner / "t.safetensors", {name: torch.ones(1, 2)}),
        lambda: reproduce(name, results_dir=inner),
    ):
        with pytest.raises(ValueError, match=r"must have a name of|unknown experiment"):
            ask()
    with pytest.raises(ValueError, match="unknown experiment"):
        seeds_recorded(name, inner)
    assert [p.name for p in tmp_path.rglob("*")] == ["in"]


@pytest.mark.parametrize("name", [None, 3, b"x", ["x"], Path("x")])
def test_names_are_text(tmp_path, name):
    with pytest.raises(TypeError, match="named by a str"):
        results.load_records(name, tmp_path)
    with pytest.raises(TypeError, match="name must be a str"):
        reproduce(name, results_dir=tmp_path)


@pytest.mark.parametrize(
    ("folder", "error"),
    [("", ValueError), ("a\0b", ValueError), (3, TypeError), (True, TypeError)],
)
def test_folders_are_paths(folder, error):
    for ask in (results.load_records, results.records_path):
        with pytest.raises(error, match="folder"):
            ask("x", folder)
    with pytest.raises(error, match="results_dir"):
        reproduce("mnist-fc", results_dir=folder)


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444, 0o666])
def test_permissions_stay(tmp_path, usual_umask, mode):
    path = results.add_records("x", [RECORD], tmp_path)
    logits = tmp_path / "t.safetensors"
    results.save_logits(logits, {"train": torch.ones(2, 2)})
    for file in (path, logits):
        file.chmod(mode)
    results.add_records("x", [RunRecord(**WHOLE | {"seed": 1})], tmp_path)
    results.save_logits(logits, {"train": torch.zeros(2, 2)})
    for file in (path, logits):
        assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002, 0o027])
def test_new_files_obey_the_umask(tmp_path, usual_umask, umask):
    os.umask(umask)
    path = results.add_records("x", [RECORD], tmp_path / "new")
    logits = tmp_path / "teachers" / "t.safetensors"
    results.save_logits(logits, {"train": torch.ones(2, 2)})
    for file in (path, logits):
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o777 & ~umask


def test_while_it_is_written_no_stranger_reads_a_private_file(tmp_path, monkeypatch):
    path = results.add_records("x", [RECORD], tmp_path)
    path.chmod(0o600)
    seen = []

    def look(_):
        seen.extend(p.stat().st_mode & 0o077 for p in tmp_path.glob(".x-*.part"))

    monkeypatch.setattr(os, "fsync", look)
    results.add_records("x", [RunRecord(**WHOLE | {"seed": 1})], tmp_path)
    assert seen == [0, 0] or seen == [0]


def test_links_are_followed(tmp_path):
    away, here = tmp_path / "away", tmp_path / "here"
    away.mkdir()
    here.mkdir()
    (here / "x.jsonl").symlink_to(away / "kept.jsonl")  # to a file that is to come
    results.add_records("x", [RECORD], here)
    results.add_records("x", [RunRecord(**WHOLE | {"seed": 1})], here)
    assert (here / "x.jsonl").is_symlink()
    assert len((away / "kept.jsonl").read_text().splitlines()) == 2
    assert [p.name for p in away.iterdir()] == ["kept.jsonl"]
    (here / "t").symlink_to("../away/logits")
    results.save_logits(here / "t", {"train": torch.ones(2, 2)})
    assert (here / "t").is_symlink()
    assert results.load_logits(away / "logits")["train"].tolist() == [[1, 1], [1, 1]]


def test_links_that_lead_nowhere_are_told(tmp_path):
    link = tmp_path / "x.jsonl"
    link.symlink_to(tmp_path / "unplugged" / "x.jsonl")
    for ask in (
        lambda: results.load_records("x", tmp_path),
        lambda: results.add_records("x", [RECORD], tmp_path),
    ):
        with pytest.raises(FileNotFoundError, match="whose folder is not there"):
            ask()
    assert link.is_symlink()
    link.unlink()
    link.symlink_to("x.jsonl")
    with pytest.raises(OSError, match="circle"):
        results.load_records("x", tmp_path)
    with pytest.raises(OSError, match="circle"):
        results.add_records("x", [RECORD], tmp_path)
    assert link.is_symlink()


def odd_things(path):
    """What may stand where a file belongs."""
    yield "a named pipe", lambda: os.mkfifo(path), path.unlink
    yield "a folder", path.mkdir, path.rmdir
    yield "a device", lambda: path.symlink_to("/dev/zero"), path.unlink
    yield "a device", lambda: path.symlink_to("/dev/null"), path.unlink


def test_pipes_folders_and_devices_are_refused_at_once(tmp_path):
    path, logits = tmp_path / "x.jsonl", tmp_path / "t.safetensors"
    start = time.monotonic()
    for kind, make, remove in odd_things(path):
        make()
        with pytest.raises(RecordError, match=rf"x\.jsonl is {kind}"):
            results.load_records("x", tmp_path)
        with pytest.raises(RecordError, match=rf"x\.jsonl is {kind}"):
            results.add_records("x", [RECORD], tmp_path)
        with pytest.raises(OSError, match=kind):
            writing.write_whole(path, b"1")
        assert path.exists()
        remove()
    for kind, make, remove in odd_things(logits):
        make()
        with pytest.raises(RecordError, match=kind):
            results.load_logits(logits)
        with pytest.raises(OSError, match=kind):
            results.save_logits(logits, {"train": torch.ones(1, 2)})
        remove()
    assert time.monotonic() - start < 5


def test_a_file_with_a_hole_of_a_terabyte_takes_no_memory(tmp_path):
    for name in ("x.jsonl", "t.safetensors"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**40)
    with pytest.raises(RecordError, match="far more than"):
        results.load_records("x", tmp_path)
    with pytest.raises(RecordError, match="far more than"):
        results.load_logits(tmp_path / "t.safetensors")


def test_a_users_files_are_left_alone(tmp_path):
    names = (".probe", ".x-notes.part", "x.jsonl.bak", ".x-0123456789abcdef.part", "probe")
    for name in names:
        (tmp_path / name).write_text("mine")
    writing.require_writable(tmp_path)
    results.add_records("x", [RECORD], tmp_path)
    for name in names:
        assert (tmp_path / name).read_text() == "mine"
    # half-made by a process that was killed the day before yesterday
    half = tmp_path / ".x-0123456789abcdef.part"
    probe = tmp_path / ".probe-0123456789abcdef.part"
    probe.write_text("0")
    for left in (half, probe):
        os.utime(left, (time.time() - 2 * 86400,) * 2)
    results.add_records("x", [RunRecord(**WHOLE | {"seed": 1})], tmp_path)
    writing.require_writable(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["x.jsonl", ".probe", ".x-notes.part", "x.jsonl.bak", "probe"]
    )


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    file = tmp_path / "a-file"
    file.write_text("mine")
    with pytest.raises(OSError, match="cannot write results"):
        writing.require_writable(file)
    with pytest.raises(OSError, match="cannot write results"):
        results.add_records("x", [RECORD], file / "deeper")
    with pytest.raises(NotADirectoryError):
        results.load_records("x", file)
    assert file.read_text() == "mine"


def fill(folder):
    runs = [
        RunRecord(
            "x", {"T": T, "policy": "p"} | more, seed,
            {"score": seed + T / 100, "items": [seed, seed + 0.5]}, {},
            {"data": f"d{seed}"},
        )
        for T in (1, 4.0)
        for more in ({}, {"drop": True})
        for seed in (10, 2, 7)
    ]  # fmt: skip
    results.add_records("x", runs, folder)


def test_measured_knows_its_seeds(tmp_path):
    fill(tmp_path)
    found = results.measured("x", "score", folder=tmp_path, T=4, drop=None)
    assert found.seeds == (2, 7, 10)
    assert found.tolist() == [2.04, 7.04, 10.04]
    two = results.measured("x", "score", folder=tmp_path, first=np.int64(2), T=1, drop=True)
    assert two.seeds == (2, 7)
    with pytest.raises(ValueError, match="the second has no run of seed 10"):
        found - two
    items = results.measured(
        "x", "items", item=np.int64(1), folder=tmp_path, T=1, drop=None
    )
    assert items.tolist() == [2.5, 7.5, 10.5]


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"first": -1}, ValueError, "first must be an integer of at least 1, got -1"),
        ({"first": 0}, ValueError, "first must be"),
        ({"first": True}, TypeError, "first must be"),
        ({"first": 1.0}, TypeError, "first must be"),
        ({"first": "1"}, TypeError, "first must be"),
        ({"first": 4}, LookupError, "first=4, but 3 seeds are recorded"),
        ({"item": 0}, LookupError, "'score' is one number, not a list: leave item out"),
        ({"metric": "items"}, LookupError, "is a list; say which item"),
        ({"metric": "items", "item": 2}, LookupError, "has 2 items, the last is item=1"),
        ({"metric": "items", "item": -1}, ValueError, "item must be"),
        ({"metric": "items", "item": "0"}, TypeError, "item must be"),
        ({"metric": "items", "item": True}, TypeError, "item must be"),
        ({"metric": None}, TypeError, "metric must be a str"),
        ({"metric": "scores"}, LookupError, "no 'scores' in the results of seed 2"),
        ({"T": True}, LookupError, "0 configurations fit"),  # 1 is recorded
        ({"T": "4"}, LookupError, "0 configurations fit"),
        ({"drop": 1}, LookupError, "0 configurations fit"),
        ({"polciy": None}, LookupError, "did you mean 'policy'"),
        ({"t": None}, LookupError, "did you mean 'T'"),
        ({"T": object()}, RecordError, "T: a record cannot hold"),
        ({"folder": "/nowhere"}, LookupError, "there is no /nowhere/x.jsonl"),
    ],
)
def test_measured_refuses(tmp_path, asked, error, says):
    fill(tmp_path)
    usual = {"metric": "score", "folder": tmp_path, "T": 4.0, "drop": None}
    with pytest.raises(error, match=says):
        results.measured("x", **usual | asked)


def test_wrong_images_know_their_seeds_and_images(tmp_path):
    runs = [
        RunRecord("x", {}, seed, {"test_wrong": [seed]}, {}, {"data": "abc"})
        for seed in (3, 1)
    ]
    results.add_records("x", runs, tmp_path)
    found = results.wrong_images("x", folder=tmp_path)
    assert (found, found.seeds, found.data) == ([[1], [3]], (1, 3), ("abc", "abc"))
    fill(tmp_path / "other")
    with pytest.raises(LookupError, match="no 'test_wrong'"):
        results.wrong_images("x", folder=tmp_path / "other", T=1, drop=True)


@pytest.mark.parametrize("seed", [True, -1, 1.0, "0", None])
def test_a_key_needs_a_seed(seed):
    with pytest.raises((TypeError, ValueError), match="seed must be"):
        results.run_key({"a": 1}, seed)
    with pytest.raises(TypeError, match="config must be a mapping"):
        results.run_key("a", 0)


def test_logits_come_back_as_they_were(tmp_path):
    path = tmp_path / "t.safetensors"
    table = torch.randn(4, 3, dtype=torch.float64)
    known = TeacherLogits.of(table, torch.tensor([5, 6, 7, 8]))
    results.save_logits(path, {"train": known, "test": table.float().T.contiguous().T})
    back = results.load_logits(path)
    assert sorted(back) == ["test", "train"]
    assert torch.equal(back["train"].plain(), table)
    assert back["train"].answers.tolist() == [5, 6, 7, 8]
    assert type(back["test"]) is torch.Tensor
    assert torch.equal(back["test"], table.float())


@pytest.mark.parametrize(
    ("logits", "error"),
    [
        (None, TypeError), ({}, TypeError), ([torch.ones(2, 2)], TypeError),
        ({"train": [[1.0]]}, TypeError), ({"train": np.ones((2, 2))}, TypeError),
        ({"train": torch.ones(2, 2, dtype=torch.int64)}, TypeError),
        ({"train": torch.ones(2)}, ValueError),
        ({"train": torch.ones(2, 2, 2)}, ValueError),
        ({"train": torch.ones(2, 2, device="meta")}, TypeError),
    ],
)  # fmt: skip
def test_only_logits_are_kept(tmp_path, logits, error):
    with pytest.raises(error, match="logits"):
        results.save_logits(tmp_path / "t", logits)
    assert not any(tmp_path.iterdir())


class Word(str):
    """Text that is no key of another text; a dictionary holds it beside its own text."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return self is other


def test_two_keys_of_one_text_are_not_one_setting(tmp_path):
    config = {"m": 1, Word("m"): 2}
    assert len(config) == 2
    for ask in (lambda: results.run_key(config, 0),
                lambda: results.add_records("x", [RunRecord(**WHOLE | {"config": config})],
                                            tmp_path)):  # fmt: skip
        with pytest.raises(RecordError, match="config: the key 'm' stands twice"):
            ask()
    assert not any(tmp_path.iterdir())


def test_what_stands_twice_is_found_in_one_pass():
    """60,000 of them take no time; it was half a minute where each was counted anew."""
    many = 60_000
    line = changed(result={"test_errors": many + 1, "test_wrong": [*range(many), many - 1]})
    doubled = "{" + ",".join(f'"{i}":0' for i in (*range(many), many - 1)) + "}"
    start = time.process_time()
    for text, says in (
        (line, f"image {many - 1} twice"),
        (doubled, "stands twice"),
    ):
        with pytest.raises(RecordError, match=says):
            record.read_line(text.encode(), "here", "x")
    assert time.process_time() - start < 2


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 10**299 + 1], ids=range(3))
def test_measured_rounds_no_number(tmp_path, value):
    results.add_records(
        "x", [RunRecord(**WHOLE | {"result": {"a": value, "b": [value], "c": 2**53}})],
        tmp_path,
    )  # fmt: skip
    assert results.load_records("x", tmp_path)[0].result["a"] == value
    assert results.measured("x", "c", folder=tmp_path).tolist() == [2.0**53]
    for metric, item in (("a", None), ("b", 0)):
        with pytest.raises(
            ValueError, match=f"'{metric}' of seed 0 .* a float would round"
        ):
            results.measured("x", metric, item=item, folder=tmp_path)


@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="needs users of a Unix")
def test_a_folder_that_only_others_may_write_is_told_as_that(tmp_path):
    """As an ordinary user, whom permissions hold; nothing is "not there"."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o555)
        told = as_nobody(lambda: results.add_records("x", [RECORD], folder))
        assert told.startswith(f"PermissionError {errno.EACCES}"), told
        assert "cannot write results: Permission denied" in told
        told = as_nobody(
            lambda: main(["reproduce", "digits-hinton", "digits-recipes", "--seeds", "1",
                          "--executor", "local", "--results-dir", str(folder)])
        )  # fmt: skip
        assert told == "1"
        # a lock that another user has left behind is taken all the same
        folder.chmod(0o777)
        (folder / ".x-writing.lock").write_text("")
        (folder / ".x-writing.lock").chmod(0o444)
        assert as_nobody(lambda: results.add_records("x", [RECORD], folder)).endswith(
            ".jsonl"
        )
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def as_nobody(call):
    """What a call gives, or raises, in a child process of an ordinary user."""
    reading, writing_end = os.pipe()
    if (child := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            said = str(call())
        except OSError as error:
            said = f"{type(error).__name__} {error.errno} {error}"
        except BaseException as error:
            said = f"{type(error).__name__} {error}"
        os.write(writing_end, said.encode())
        os._exit(0)
    os.close(writing_end)
    os.waitpid(child, 0)
    with os.fdopen(reading) as file:
        return file.read()


@pytest.mark.parametrize("folder", [None, 3, b"", "", "a\0b"])
def test_a_folder_to_be_written_is_a_path(folder):
    with pytest.raises((TypeError, ValueError), match=r"folder (must be|is) "):
        writing.require_writable(folder)


def test_a_folder_may_be_a_text(tmp_path):
    results.require_writable(str(tmp_path / "new"))
    assert (tmp_path / "new").is_dir()


def test_names_are_counted_in_bytes(tmp_path):
    """What the check lets through can be written."""
    results.add_records(
        "数" * 60, [RunRecord(**WHOLE | {"experiment": "数" * 60})], tmp_path
    )
    results.add_records(
        "x" * 100, [RunRecord(**WHOLE | {"experiment": "x" * 100})], tmp_path
    )
    with pytest.raises(ValueError, match="a name of 240 bytes"):
        results.records_path("数" * 80, tmp_path)


@pytest.mark.parametrize("names", [["valid.answers"], ["__metadata__"],
                                   ["train", "train.answers"]])  # fmt: skip
def test_a_split_of_logits_takes_no_name_that_the_file_needs(tmp_path, names):
    with pytest.raises(ValueError, match="a split of logits cannot be named"):
        results.save_logits(tmp_path / "t", {name: torch.ones(2, 2) for name in names})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"12345678", b"\xff" * 100, b"PK\x03\x04"])
def test_damaged_logits_say_what_to_do(tmp_path, content):
    path = tmp_path / "t.safetensors"
    path.write_bytes(content)
    with pytest.raises(RecordError, match="Delete the file; the teacher is then trained"):
        results.load_logits(path)
    with pytest.raises(FileNotFoundError):
        results.load_logits(tmp_path / "none")


def test_numbers_that_are_no_logits_are_not_taken_for_them(tmp_path):
    from safetensors.torch import save_file

    save_file({"train": torch.arange(6)}, tmp_path / "a")
    save_file({"train": torch.ones(3, 2), "train.answers": torch.arange(2)}, tmp_path / "b")
    save_file({}, tmp_path / "c")
    save_file({"x.answers": torch.arange(2)}, tmp_path / "d")
    save_file({"train": torch.ones(2, 2).to(torch.float8_e4m3fn)}, tmp_path / "e")
    for name in ("a", "b", "c", "d", "e"):
        with pytest.raises(RecordError, match="not a teacher's logits"):
            results.load_logits(tmp_path / name)
