"""One job with four tools: the scripts, the command, and what is read from its record."""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torchvision import models

from bench import job, job_material
from kdteach.experiments import photographs_peers as lab

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "bench" / "peers").glob("job_*.py"))


def test_the_lines_of_a_user_are_counted():
    text = '"""A script."""\n\nimport os  # kept\n\n# a comment\nx = """\n\na\n"""\n'
    assert job.lines_of(text) == 4  # import, x, a and the end of the string
    assert job.lines_of("x = 1\n") == 1
    assert len(SCRIPTS) == 4
    for script in SCRIPTS:
        compile(script.read_text(), script.name, "exec")
        assert max(map(len, script.read_text().splitlines())) <= 92


def test_the_scripts_do_one_job():
    for script in SCRIPTS:
        text = script.read_text()
        assert "0.491, 0.482, 0.447" in text
        assert "0.247, 0.243, 0.262" in text
        assert '("label-trained", "distilled")' in text or '"label-trained":' in text
        assert "range(3)" in text
        assert "0.001" in text or "kdteach" in script.name  # its default
    live = job.TOOLS["kdteach, teacher asked at each step"].text
    assert "answers = teacher\n" in live
    assert "teacher_logits" not in live
    with pytest.raises(ValueError, match="no line"):
        _ = job.Tool(Path("x"), "job_plain.py", (), replaced=job.LIVE).text


def test_both_lines_of_a_script_are_known():
    for line in ("3", "epoch 12", "32/32 - 5s - 160ms/step - accuracy: 0.1 - loss: 2.3"):
        assert job.EPOCH.fullmatch(line)
    for line in ("Epoch 1/2", "teacher 0.3", "epoch", ""):
        assert not job.EPOCH.fullmatch(line)
    assert job.STAGE.fullmatch("distilled-2 0.315").groups() == ("distilled-2", "0.315")
    assert not job.STAGE.fullmatch("distilled 0.315")


@pytest.mark.parametrize(
    "build", [lambda: models.resnet18(num_classes=10), job_material.small]
)
def test_weights_go_to_channels_last_and_back(build):
    state = build().state_dict()
    arrays = job_material.for_keras(state)
    back = job_material.from_keras(arrays, build())
    assert set(back) == {n for n in state if not n.endswith("num_batches_tracked")}
    assert all(torch.equal(back[name], state[name]) for name in back)
    with pytest.raises(ValueError, match="arrays"):
        job_material.from_keras(arrays[1:], build())


def test_a_dense_layer_after_channels_last_computes_the_same():
    network = job_material.small()
    image = torch.randn(1, 32, 8, 8)
    wanted = network[8](image.flatten(1)).detach().numpy()
    kernel, bias = job_material.for_keras(network.state_dict())[-2:]
    found = image.permute(0, 2, 3, 1).reshape(1, -1).numpy() @ kernel + bias
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Ten classes of grey levels, which a network could tell apart, as a zip of JPEG."""
    path = tmp_path_factory.mktemp("zip") / "tiny.zip"
    draw = np.random.default_rng(1)
    with zipfile.ZipFile(path, "w") as file:
        for part, each in (("train", 9), ("test", 3)):
            for label in range(10):
                for i in range(each):
                    pixels = draw.normal(25 * label + 10, 20, (32, 32, 3)).clip(0, 255)
                    data = io.BytesIO()
                    Image.fromarray(pixels.astype(np.uint8)).save(data, "JPEG")
                    file.writestr(f"x/{part}/class{label}/{i:04}.jpg", data.getvalue())
    return path


def test_what_is_written_is_the_same_each_time(archive, tmp_path):
    first = job_material.prepare(archive, tmp_path / "a", 6, 2, 3)
    assert first == job_material.prepare(archive, tmp_path / "b", 6, 2, 3)
    assert first != job_material.prepare(archive, tmp_path / "c", 5, 2, 3)
    for part, each in (("train", 6), ("valid", 2), ("test", 3)):
        assert len(list((tmp_path / "a/pictures" / part).glob("class*/*.jpg"))) == 10 * each
    names = [{f.name for f in (tmp_path / "a/pictures" / part / "class3").iterdir()}
             for part in ("train", "valid")]  # fmt: skip
    assert not names[0] & names[1]


def test_the_command_counts_what_was_saved(archive, tmp_path, monkeypatch, capsys):
    """Ours and plain PyTorch are in the book's own environment; others may be missing."""
    monkeypatch.setattr(job, "commit_of", lambda here: "abc+")
    assert job.main([str(archive)]) == 2
    assert "commit your changes" in capsys.readouterr().out
    absent = job.Tool(tmp_path / "none", "job_keras.py", ("keras",), "make peers")
    chosen = {name: job.TOOLS[name] for name in ("kdteach", "plain PyTorch")}
    monkeypatch.setattr(job, "TOOLS", chosen | {"Keras on JAX": absent})
    out = tmp_path / "record.json"
    arguments = [str(archive), "--out", str(out), "--work", str(tmp_path / "work")]
    arguments += ["--train", "6", "--valid", "2", "--test", "3"]
    arguments += ["--teacher-epochs", "2", "--student-epochs", "2"]
    assert job.main([*arguments, "--tools", *job.TOOLS]) == 0
    said = capsys.readouterr().out
    assert "not measured: make peers" in said
    record = lab.read(out)
    assert list(record.measured) == ["kdteach", "plain PyTorch"]
    assert record.tools["Keras on JAX"].missing == "make peers"
    for tool in record.measured.values():
        assert set(tool.right) == set(job.STAGES) == set(tool.epochs)
        assert not tool.wrong
        assert tool.peak > 100
        assert 0 <= tool.epoch < tool.whole <= tool.waited + 0.1
    before = out.read_text()
    assert job.main([*arguments, "--tools", *job.TOOLS]) == 0  # nothing is done again
    assert out.read_text() == before


def test_a_script_that_fails_says_so(tmp_path, monkeypatch):
    (tmp_path / "job_bad.py").write_text("print('teacher 0.5')\nraise SystemExit('no')\n")
    monkeypatch.setattr(job, "SCRIPTS", tmp_path)
    with pytest.raises(RuntimeError, match="job_bad"):
        job.run(job.Tool(Path(sys.executable), "job_bad.py", ()), tmp_path, (1, 1))


def made_up():
    """A record of two tools, and one that was not installed."""
    right = {"teacher": 800, "label-trained-0": 700, "label-trained-1": 720,
             "label-trained-2": 690, "distilled-0": 730, "distilled-1": 715,
             "distilled-2": 740}  # fmt: skip
    row = {
        "script": "x", "lines": 30, "versions": {"torch": "2.15.0"}, "whole": 100.4,
        "waited": 200.0, "peak": 900.0, "load": [0.0, 1.0], "right": right,
        "told": {name: count / 2000 for name, count in right.items()},
        "epochs": {name: [1.0, 2.0, 9.0] for name in right},
    }  # fmt: skip
    less = row | {"peak": 899.0, "epochs": {name: [0.5, 0.7, 0.9] for name in right}}
    return {
        "made": {}, "job": {"pictures": {"test": 2000}, "seeds": [0, 1, 2]},
        "tools": {
            "kdteach": row, "kdteach, live": less, "plain": less,
            "Keras": {"script": "y", "lines": 20, "missing": "make peers"},
        },
    }  # fmt: skip


def written(tmp_path, entry):
    (tmp_path / "record.json").write_text(json.dumps(entry))
    return lab.read(tmp_path / "record.json")


def test_gains_are_those_of_scipy(tmp_path):
    tool = written(tmp_path, made_up()).tools["kdteach"]
    points = np.array([30, -5, 50]) / 20
    wanted = stats.ttest_1samp(points, 0).confidence_interval(0.95)
    assert tool.gain.mean == pytest.approx(points.mean())
    assert (tool.gain.low, tool.gain.high) == pytest.approx((wanted.low, wanted.high))
    assert tool.teacher == 40
    assert tool.mean("distilled") == pytest.approx((730 + 715 + 740) / 60)
    assert tool.epoch == 2.0


def test_the_tables_say_what_was_read(tmp_path):
    record = written(tmp_path, made_up())
    assert record.needs.splitlines()[2:] == [
        "| kdteach | 30 | 2.00 | 100 | 900 |",
        "| kdteach, live | 30 | 0.70 | 100 | 899 |",
        "| plain | 30 | 0.70 | 100 | 899 |",
        "| Keras | 20 | not measured: make peers |  |  |",
    ]
    first = record.results.splitlines()[2]
    assert first.startswith("| kdteach | 40.0 | 35.2 | 36.4 | +1.2 (-2.2 to 4.7) |")
    assert "torch" in record.versions
    assert "Keras" not in record.results
    assert record.ahead_of("kdteach") == {
        "lines": [], "an epoch, s": ["plain"], "the job, s": [], "peak, MB": ["plain"],
    }  # fmt: skip
    assert record.ahead_of("plain")["peak, MB"] == []
    text = job.table(record)
    assert "not measured: make peers" in text
    assert "TOLD OTHERWISE" not in text


def test_a_wrong_report_is_found(tmp_path):
    entry = made_up()
    row = entry["tools"]["plain"]
    entry["tools"]["plain"] = row | {"told": row["told"] | {"teacher": 0.41}}
    record = written(tmp_path, entry)
    assert record.tools["plain"].wrong == {"teacher": pytest.approx(1.0)}
    assert record.tools["kdteach"].wrong == {}
    assert job.table(record).count("TOLD OTHERWISE") == 1
