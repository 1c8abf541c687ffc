"""A data set written as a folder of pictures, and the records of the job."""

import re
from xml.etree import ElementTree

import pytest
import torch

import kdteach as kd
from kdteach.types import ImageSet, Split
from kdteach.workflow import photographs as photographs_job


def test_a_written_folder_is_read_again(tmp_path):
    digits = kd.load("digits")
    folder = kd.data.write_folder(digits, tmp_path / "d")
    again = kd.load("folder", folder, size=8, channels=1)
    assert again.classes == digits.classes
    for part in ("train", "valid", "test"):
        mine, its = getattr(again, part), getattr(digits, part)
        order = torch.argsort(its.labels, stable=True)  # a folder sorts by class
        assert torch.equal(mine.labels, its.labels[order])
        assert float((mine.images - its.images[order]).abs().max()) <= 0.5 / 255 + 1e-6


def image_set(pixels, classes=("a", "b")):
    split = Split(pixels, torch.arange(len(pixels)) % 2)
    return ImageSet("made", split, split, split, classes, "0")


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(TypeError, match="ImageSet"):
        kd.data.write_folder([1], tmp_path / "x")
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        kd.data.write_folder(image_set(torch.full((4, 1, 2, 2), 1.5)), tmp_path / "x")
    with pytest.raises(ValueError, match="channels"):
        kd.data.write_folder(image_set(torch.zeros(4, 2, 2, 2)), tmp_path / "x")
    with pytest.raises(ValueError, match="cannot be a folder"):
        kd.data.write_folder(
            image_set(torch.zeros(4, 1, 2, 2), ("a/b", "c")), tmp_path / "x"
        )
    assert not (tmp_path / "x").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(FileExistsError, match="not empty"):
        kd.data.write_folder(image_set(torch.zeros(4, 1, 2, 2)), tmp_path / "full")


@pytest.mark.parametrize("epochs", photographs_job.EPOCHS)
def test_the_records_are_a_whole_job(epochs):
    """A teacher and ten pairs; each arm had as many trials and kept the best of them."""
    records = photographs_job.recorded(epochs)
    by_role = {}
    for record in records:
        assert not str(record.environment["commit"]).endswith("+")
        by_role.setdefault(record.config["role"], []).append(record)
    assert {role: len(rows) for role, rows in by_role.items()} == {
        "teacher": 1, "label-trained": 10, "distilled": 10,
    }  # fmt: skip
    for role in ("label-trained", "distilled"):
        assert [r.seed for r in by_role[role]] == list(range(10))
        config = by_role[role][0].config
        tried = config["chosen_from"]
        assert len(tried) == photographs_job.OPTIONS["trials"]
        best = max(row[3] for row in tried)
        mine = [config["learning_rate"], config["temperature"], config["alpha"], best]
        assert mine in tried
    (out,) = [r for r in by_role["distilled"] if "won" in r.result]
    (twin,) = [r for r in by_role["label-trained"] if r.seed == out.seed]
    gap = (out.result["test_accuracy"] - twin.result["test_accuracy"]) * 1000
    assert out.result["won"] - out.result["lost"] == pytest.approx(gap)
    assert out.result["onnx_difference"] <= 1e-4


@pytest.mark.parametrize("epochs", photographs_job.EPOCHS)
def test_the_table_of_trials_is_the_record(epochs):
    records = photographs_job.recorded(epochs)
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in photographs_job.trials_table(epochs).splitlines()[2:]
    ]
    for arm, (settings, shares) in {"label-trained": (0, 1), "distilled": (2, 3)}.items():
        config = next(r.config for r in records if r.config["role"] == arm)
        for row, tried in zip(rows, config["chosen_from"], strict=True):
            given = [x for x in tried[:3] if x is not None]
            said = [float(x) for x in row[settings].strip("*").split(", ")]
            assert said == pytest.approx(given, rel=0.05, abs=0.05)
            assert float(row[shares].strip("*")) == pytest.approx(100 * tried[3])
        (best,) = [row for row in rows if row[settings].startswith("**")]
        assert best[shares].startswith("**")
        assert max(row[3] for row in config["chosen_from"]) == pytest.approx(
            float(best[shares].strip("*")) / 100
        )


def test_photographs_that_are_missing_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="needs 500 photographs"):
        photographs_job.sort_out(tmp_path, tmp_path / "out")


ROWS = {
    "better": ("student", 1.1, 3.6, "the distilled student"),
    "undecided": ("baseline", -0.4, 3.3, "a label-trained student"),
}


def drawn(rows=ROWS, **options):
    options = {"bound": 1.0, "low": -3, "high": 4, "axis": "gain"} | options
    return kd.plots.distil_your_own.verdicts(rows, caption="x", **options)


def test_intervals_stand_over_zero_and_the_bound():
    figure = drawn()
    for drawing in (figure.wide, figure.narrow):
        root = ElementTree.fromstring(drawing)
        width = float(root.get("viewBox").split()[2])
        lines = re.findall(
            r'd="M([\d.]+) [\d.]+L([\d.]+) [^"]+"[^>]*width="([\d.]+)"', drawing
        )
        (zero,) = [float(a) for a, _, w in lines if w == "1.6"]
        minus, plus = [float(a) for a, _, w in lines if w == "1.4"]
        assert zero - minus == pytest.approx(plus - zero, abs=0.2)
        unit = plus - zero
        bars = [(float(a), float(b)) for a, b, w in lines if w == "5"]
        for (start, end), (_, low, high, _) in zip(bars, ROWS.values(), strict=True):
            assert (start - zero) / unit == pytest.approx(low, abs=0.02)
            assert (end - zero) / unit == pytest.approx(high, abs=0.02)
            assert 0 <= start < end <= width
        assert drawing.count("stroke-dasharray") == 2
        assert all(f">{row[3]}<" in drawing for row in ROWS.values())
    assert "undecided, -0.4 to +3.3: a label-trained student." in figure.alt


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"rows": [1]}, TypeError, "rows"),
        ({"rows": {}}, ValueError, "rows"),
        ({"rows": {"a": ("student", 1, 2)}}, TypeError, "what to do"),
        ({"rows": {"a": ("pink", 1, 2, "x")}}, ValueError, "colour"),
        ({"rows": {"a": ("student", 2, 1, "x")}}, ValueError, "high end"),
        ({"rows": {"a": ("student", 1, 5, "x")}}, ValueError, "high end"),
        ({"rows": {"a": ("student", 1, 2, 3)}}, TypeError, "what to do"),
        ({"bound": 0}, ValueError, "bound"),
        ({"bound": 5}, ValueError, "low"),
    ],
)
def test_what_is_no_verdict_is_refused(change, error, says):
    with pytest.raises(error, match=says):
        drawn(**change)
