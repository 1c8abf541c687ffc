"""The record of public libraries, and what the chapter says of it, against NumPy."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import kdteach as kd
from bench import libraries as bench
from kdteach import results
from kdteach.experiments import library_losses as lab
from kdteach.experiments import library_students

ROOT = Path(__file__).resolve().parent.parent
RECORD = lab.library_losses()
CASE = RECORD.case
LINES = [(n, k) for n, x in RECORD.libraries.items() for k in x.lines]


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_the_paper(z, v, y, t, soft, hard):
    """soft T^2 KL + hard CE, value and gradient, term by term."""
    value, slope = 0.0, np.zeros_like(z)
    p, q, q1 = softmax(v / t), softmax(z / t), softmax(z)
    for i in range(len(z)):
        for k in range(z.shape[1]):
            value += soft * t**2 * p[i, k] * np.log(p[i, k] / q[i, k])
            slope[i, k] += soft * t * (q[i, k] - p[i, k])
            slope[i, k] += hard * (q1[i, k] - (y[i] == k))
        value -= hard * np.log(q1[i, y[i]])
    return value / len(z), slope / len(z)


def stored():
    z, v = CASE.student_logits.numpy(), CASE.teacher_logits.numpy()
    return z, v, CASE.labels.numpy(), CASE.temperature


def test_the_input_comes_from_its_seed():
    again = lab.stored_case()
    for name in ("student_logits", "teacher_logits", "labels"):
        assert torch.equal(getattr(again, name), getattr(CASE, name))
    assert (again.temperature, again.alpha) == (4.0, 0.9)
    assert CASE.student_logits.dtype == torch.float64
    assert CASE.student_logits.shape == (6, 10)
    assert again.as_numbers() == CASE.as_numbers()


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9, 1.0])
def test_the_reference_is_the_paper_in_numpy(alpha):
    value, slope = by_the_paper(*stored(), alpha, 1 - alpha)
    ours, gradient = CASE.paper(alpha)
    assert ours == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(gradient.numpy(), slope, atol=1e-14)
    assert not np.allclose(gradient.numpy(), by_the_paper(*stored(), 1, 1)[1])


def test_the_teachers_entropy():
    p = softmax(stored()[1] / 4)
    wanted = -(p * np.log(p)).sum() / 6
    assert CASE.teacher_entropy == pytest.approx(wanted, rel=1e-12)


def test_all_ten_are_there_with_version_and_place():
    assert tuple(RECORD.libraries) == bench.NAMES == tuple(lab.COMPUTES)
    pins = dict(
        re.findall(r"(?m)^([\w-]+)==(\S+)$", (ROOT / "bench/libraries.txt").read_text())
    ) | dict(
        re.findall(
            r"(?m)^([\w-]+)==(\S+)$", (ROOT / "bench/libraries-alone.txt").read_text()
        )
    )
    for library in RECORD.libraries.values():
        assert pins[library.package] == library.version
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", library.repository)
        assert ".py" in library.file
        assert {"copied", "agreeing"} <= set(library.lines)
    assert re.fullmatch(r"[0-9a-f]{12}", RECORD.made["commit"])


@pytest.mark.parametrize("name", bench.NAMES)
def test_after_the_setting_each_agrees_with_the_paper(name):
    line = RECORD.libraries[name].lines["agreeing"]
    value, slope = by_the_paper(*stored(), 0.9, 0.1)
    length = np.linalg.norm(slope)
    assert np.linalg.norm(line.gradient.numpy() - slope) < 1e-6 * length
    added = 0.9 * 16 * CASE.teacher_entropy if name == "TextBrewer" else 0.0
    assert (line.value - added) / value == pytest.approx(1, abs=1e-6)


MIXED = {
    "PyTorch tutorial": (0.9, 0.1), "nn.KLDivLoss": (0.09, 0.1), "timm": (0.9, 1.0),
    "torchdistill": (0.1, 0.9), "TextBrewer": (0.9 / 16, 0.1), "vit-pytorch": (0.9, 0.1),
    "ModelOpt": (0.09, 0.1),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
def test_seven_mix_the_two_terms(name):
    """Weights that follow from each convention, and no others, explain the gradient."""
    line = RECORD.libraries[name].lines["copied"]
    slope = by_the_paper(*stored(), *MIXED[name])[1]
    np.testing.assert_allclose(line.gradient.numpy(), slope, atol=1e-12)
    assert line.weights == pytest.approx(MIXED[name], abs=1e-9)
    assert line.rest < 1e-9
    assert line.factor == pytest.approx(sum(MIXED[name]))
    assert line.alpha == pytest.approx(MIXED[name][0] / sum(MIXED[name]))


def test_three_have_another_shape():
    copied = RECORD.lines("copied")
    assert {n for n, line in copied.items() if line.rest > 1e-3} == {
        "Keras",
        "KD_Lib",
        "TRL",
    }
    assert copied["Keras"].rest > 0.99
    also = RECORD.lines("also")
    assert set(also) == {"timm", "torchdistill", "KD_Lib", "TRL"}
    assert also["KD_Lib"].value < 0  # nn.KLDivLoss in the place of the default
    assert also["torchdistill"].weights == pytest.approx((1 / 16, 0), abs=1e-9)
    assert also["timm"].weights == pytest.approx((1, 1), abs=1e-9)


@pytest.mark.parametrize("name", bench.NAMES)
def test_what_we_say_each_computes_is_what_it_gave(name):
    line = RECORD.libraries[name].lines["copied"]
    z = CASE.student_logits.clone().requires_grad_()
    loss = lab.COMPUTES[name](z, CASE.teacher_logits, CASE.labels, 4.0, 0.9)
    (gradient,) = torch.autograd.grad(loss, z)
    assert loss.item() == pytest.approx(line.value, abs=1e-6)
    np.testing.assert_allclose(gradient.numpy(), line.gradient.numpy(), atol=1e-6)
    twice = torch.stack([z, z])  # a stack of two students, each by itself
    stacked = lab.COMPUTES[name](
        twice,
        torch.stack([CASE.teacher_logits] * 2),
        torch.stack([CASE.labels] * 2),
        4.0,
        0.9,
    )
    assert stacked.shape == (2,)
    torch.testing.assert_close(stacked[1], loss)


@pytest.mark.parametrize(("name", "kind"), LINES)
def test_ratios_are_those_of_numpy(name, kind):
    line = RECORD.libraries[name].lines[kind]
    value, slope = by_the_paper(*stored(), 0.9, 0.1)
    g = line.gradient.numpy()
    assert line.value_ratio == pytest.approx(line.value / value)
    assert line.gradient_ratio == pytest.approx(np.linalg.norm(g) / np.linalg.norm(slope))
    columns = np.stack(
        [by_the_paper(*stored(), *w)[1].ravel() for w in ((1, 0), (0, 1))], axis=1
    )
    found, *_ = np.linalg.lstsq(columns, g.ravel(), rcond=None)
    assert line.weights == pytest.approx(tuple(found), abs=1e-9)
    left = np.linalg.norm(g.ravel() - columns @ found) / np.linalg.norm(g)
    assert line.rest == pytest.approx(left, abs=1e-9)


def test_a_library_that_is_here_is_asked_again(tmp_path):
    """timm and torch belong to the book's own environment: the script runs with it."""
    given = CASE.as_numbers()
    for name in ("timm", "nn.KLDivLoss", "PyTorch tutorial"):
        found = bench.ask(Path(sys.executable), name, given)
        for kind, line in RECORD.libraries[name].lines.items():
            assert found["lines"][kind]["value"] == pytest.approx(line.value, rel=1e-12)
            assert found["lines"][kind]["line"] == line.text
    with pytest.raises(RuntimeError, match="nobody"):
        bench.ask(Path(sys.executable), "nobody", given)


def test_the_command_refuses(tmp_path, monkeypatch, capsys):
    out = tmp_path / "record.json"
    assert bench.main(["--out", str(out), "--python", str(tmp_path / "none")]) == 2
    assert "make libraries" in capsys.readouterr().out
    monkeypatch.setattr(bench, "commit_of", lambda here: "abc+")
    assert bench.main(["--out", str(out), "--python", sys.executable]) == 2
    assert "commit your changes" in capsys.readouterr().out
    monkeypatch.setattr(bench, "commit_of", lambda here: "abc")
    monkeypatch.setattr(bench, "NAMES", ("timm",))
    assert bench.main(["--out", str(out), "--python", sys.executable]) == 0
    written = json.loads(out.read_text())
    assert written["case"] == CASE.as_numbers()
    assert set(written["libraries"]) == {"timm"}


def test_reading_needs_none_of_the_libraries():
    code = (
        "import sys\nfrom kdteach.experiments.library_losses import library_losses\n"
        "library_losses()\nprint([m for m in ('timm', 'keras', 'trl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True, cwd=ROOT)  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_students_of_a_mixture_are_those_of_its_alpha(monkeypatch):
    """A few epochs: weights of 0.09 and 0.1 at a rate are 0.9 and 1 at a tenth of it."""
    monkeypatch.setattr(library_students, "TEACHERS", (0, 1))
    monkeypatch.setattr(library_students, "RATES", (0.03, 0.1))
    monkeypatch.setattr(library_students, "_EPOCHS", 6)
    learned = library_students.learn()
    assert set(learned.test) == {
        library_students.PAPER, library_students.LABELS, "nn.KLDivLoss", "timm",
        "torchdistill", "TextBrewer", "KD_Lib", "Keras", "nn.KLDivLoss, its alpha",
        "TextBrewer, its alpha",
    }  # fmt: skip
    assert learned.rate in (0.03, 0.1)
    assert all(len(m) == 2 for m in learned.test.values())
    chosen = min((0.03, 0.1), key=lambda rate: learned.valid[rate])
    assert learned.rate == chosen
    assert learned.mean("Keras") > learned.mean(library_students.PAPER)
    found = learned.against("Keras")
    assert found.comparisons == 11
    assert found.test_share == pytest.approx(359 / 559)


def test_recorded_students_are_those_that_learn(tmp_path, monkeypatch):
    """Two seeds trained again, to the image: all but those whose training is chaotic."""
    recorded = library_students.recorded()
    assert set(recorded.valid) == set(library_students.RATES)
    assert recorded.rate == min(recorded.valid, key=recorded.valid.get)
    assert {len(ten) for ten in recorded.test.values()} == {len(library_students.TEACHERS)}
    for record in results.load_records(library_students.NAME):
        assert record.config["learning_rate"] == recorded.rate
        assert not str(record.environment["commit"]).endswith("+")
    monkeypatch.setattr(library_students, "RATES", (recorded.rate,))
    draws = [kd.load("digits", draw=draw, dtype=torch.float64) for draw in (0, 1)]
    again = library_students.copied(draws)
    for arm in set(again) - {"Keras"}:
        assert again[arm].test_errors == recorded.test[arm][:2], arm
    assert set(again) == set(recorded.test)
    with pytest.raises(LookupError, match="reproduce digits-library-lines"):
        library_students.recorded(tmp_path)


def test_figures_draw_what_they_are_given():
    draw = kd.plots.which_library
    figure = draw.ratios({"a": (1.0, 0.1), "b": (3.0, 20.0)}, caption="A finding.")
    assert "a value 1.00, gradient 0.10" in figure.alt
    for bad in ({"a": (0.001, 1.0)}, {"a": (1.0, 200.0)}, {"a": (1.0,)}, {}):
        with pytest.raises(ValueError, match="rows"):
            draw.ratios(bad, caption="x")
    with pytest.raises(TypeError, match="rows"):
        draw.ratios([(1.0, 1.0)], caption="x")
    bars = draw.weights({"a": (0.9, 0.1)}, notes={"a": "as it is"}, caption="A finding.")
    assert "a 0.900 and 0.100, as it is" in bars.alt
    for rows, notes in (
        ({"a": (11.0, 0.0)}, {"a": "x"}), ({"a": (-0.1, 0.0)}, {"a": "x"}),
        ({"a": (0.1, 0.0)}, {"b": "x"}), ({"a": (0.1, 0.0)}, {"a": 3}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"rows|notes"):
            draw.weights(rows, notes=notes, caption="x")
    with pytest.raises(TypeError, match="notes"):
        draw.weights({"a": (0.1, 0.0)}, notes=3, caption="x")


def test_the_judgement_of_the_chapter():
    judge = kd.exercises.judge_teacher_alone
    line = RECORD.libraries["torchdistill"].lines["also"]
    factor = float(CASE.paper(1.0)[1].norm() / line.gradient.norm())
    assert factor == pytest.approx(16, rel=1e-6)
    assert judge("T squared", factor)
    for choice, number in (("nothing", 16.0), ("the labels", 16.0), ("T squared", 4.0),
                           ("T squared", 1 / 16)):  # fmt: skip
        assert not judge(choice, number)
