"""Students that see crops and mirror images, and ask their recorded teacher about these."""

import json

import pytest
import torch

from kdteach import fit, teacher_logits
from kdteach.data import compose, horizontal_flip, load, random_crop
from kdteach.experiments import EXPERIMENTS, Experiment, reproduce
from kdteach.experiments.recipe import Recipe
from kdteach.metrics import evaluate
from kdteach.models import build
from kdteach.objectives import distil, hard_labels
from kdteach.results import RecordError

SHARED = {"batch_size": 64, "learning_rate": 0.01}
TEACHER = {"role": "teacher", "model": "fc-32", "epochs": 3, **SHARED}
STUDENT = {
    "role": "distilled", "model": "fc-8", "epochs": 2, "temperature": 4.0, "alpha": 0.5,
    **SHARED,
}  # fmt: skip
SEEN = {"crop": 1, "mirror": True}
DATA = ("digits", {"dtype": "float64"})


def experiment(*students):
    return Experiment("views", "?", DATA, (TEACHER, *students), seeds=1)


@pytest.fixture
def run(monkeypatch, tmp_path):
    def one(*students, name="results"):
        monkeypatch.setitem(EXPERIMENTS, "views", experiment(*students))
        reproduce("views", executor="local", results_dir=tmp_path / name)
        lines = (tmp_path / name / "views.jsonl").read_text(encoding="utf-8").splitlines()
        return {json.loads(line)["config"]["role"]: json.loads(line) for line in lines}

    return one


def test_the_teacher_is_asked_about_the_same_view(run):
    """As fit with the live teacher and the same augmentation gives it."""
    found = run({**STUDENT, **SEEN}, {**STUDENT, "role": "unchanged"})
    torch.set_num_threads(1)
    digits = load("digits", dtype=torch.float64)
    option = {"input_shape": (1, 8, 8), "dtype": torch.float64, "seed": 0}
    recipe = {**SHARED, "seed": 0}
    teacher, student, other = (build(n, **option) for n in ("fc-32", "fc-8", "fc-8"))
    fit(teacher, digits, hard_labels(), epochs=3, **recipe)
    asked = distil(teacher.eval(), 4.0, 0.5)
    augment = compose(random_crop(1), horizontal_flip())
    history = fit(student, digits, asked, epochs=2, augment=augment, **recipe)
    mine = found["distilled"]
    assert mine["history"]["loss"] == pytest.approx(list(history.loss), rel=1e-9)
    assert mine["result"]["test_errors"] == evaluate(student, digits.test).errors
    stored = distil(teacher_logits(teacher, digits.train), 4.0, 0.5)
    history = fit(other, digits, stored, epochs=2, **recipe)
    plain = found["unchanged"]["history"]["loss"]
    assert plain == pytest.approx(list(history.loss), rel=1e-6)
    assert plain != mine["history"]["loss"]


def test_a_student_that_is_added_later_finds_the_teachers_weights(run):
    before = run({**STUDENT, "role": "unchanged"})
    after = run({**STUDENT, "role": "unchanged"}, {**STUDENT, **SEEN})
    alone = run({**STUDENT, **SEEN}, name="alone")
    assert after["teacher"] == before["teacher"]
    assert after["distilled"]["history"] == alone["distilled"]["history"]


def test_weights_that_belong_to_other_logits_are_refused(run, tmp_path):
    run({**STUDENT, "role": "unchanged"})
    (weights,) = (tmp_path / "results").rglob("*.weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises((RecordError, RuntimeError), match="weights"):
        run({**STUDENT, "role": "unchanged"}, {**STUDENT, **SEEN})


def test_without_the_weights_the_teacher_is_trained_again(run, tmp_path):
    before = run({**STUDENT, "role": "unchanged"})
    (weights,) = (tmp_path / "results").rglob("*.weights.safetensors")
    weights.unlink()
    after = run({**STUDENT, "role": "unchanged"}, {**STUDENT, **SEEN})
    assert after["teacher"] == before["teacher"]
    assert "distilled" in after


@pytest.mark.parametrize(
    "wrong",
    [
        {**TEACHER, **SEEN, "jitter": 1},
        {**TEACHER, "mirror": True, "flips": True},
        {**STUDENT, **SEEN, "teacher": {**TEACHER, "subclasses": 2}},
    ],
)
def test_settings_that_contradict_each_other(wrong):
    with pytest.raises(ValueError, match="crop and mirror"):
        Recipe.of(wrong)
