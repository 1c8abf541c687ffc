"""Teachers that are recorded keep their weights; configurations have names and kinds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kdteach import results
from kdteach.data import load
from kdteach.experiments import (
    EXPERIMENTS,
    Experiment,
    Recipe,
    recorded_teacher,
    reproduce,
)
from kdteach.experiments.images import load_data
from kdteach.experiments.recipe import kind_of, stored
from kdteach.experiments.teacher_store import TeacherStore
from kdteach.training import teacher_logits

RECIPE = {"epochs": 2, "batch_size": 64, "learning_rate": 0.01}
TEACHER = {"role": "teacher", "model": "fc-16", **RECIPE}
SOFT = {"temperature": 4.0, "alpha": 0.5, **RECIPE}
ASSISTANT = {"role": "assistant", "model": "fc-12", **SOFT, "teacher": TEACHER}
PLAIN = {"role": "plain", "model": "fc-8", **RECIPE}
STUDENT = {"role": "through", "model": "fc-8", **SOFT, "teacher": ASSISTANT}
EARLY = {"role": "early", "model": "fc-8", **SOFT, "teacher": TEACHER, "teacher_epoch": 1}
DIGITS = ("digits", {"dtype": "float64"})


@pytest.fixture
def small(monkeypatch):
    def add(*configs, data=DIGITS, **options):
        made = Experiment("small", "?", data, configs, seeds=1, **options)
        monkeypatch.setitem(EXPERIMENTS, "small", made)
        return made

    return add


def go(folder, **options):
    options = {"executor": "local", "say": lambda _: None, **options}
    return reproduce("small", results_dir=folder, **options)


def weights_in(folder):
    return sorted(Path(folder).rglob("*.weights.safetensors"))


def logits_in(folder):
    return sorted(Path(folder).rglob("*[0-9a-f].safetensors"))


def test_a_recorded_teacher_gives_the_logits_that_are_stored(small, tmp_path):
    """Each state that teaches somebody, the assistant too, bit for bit on the same path."""
    small(TEACHER, ASSISTANT, STUDENT, EARLY, PLAIN)
    go(tmp_path)
    assert len(weights_in(tmp_path)) == len(logits_in(tmp_path)) == 3
    digits = load("digits", dtype=torch.float64)
    shelf = TeacherStore(tmp_path / ".teachers", lambda seed: load_data(DIGITS, None, seed))
    for label, config, epoch in (
        ("teacher", TEACHER, 2), ("teacher", TEACHER, 1), ("assistant", ASSISTANT, 2)
    ):  # fmt: skip
        model = recorded_teacher("small", label, epoch=epoch, results_dir=tmp_path)
        assert not model.training
        table = shelf.get(config, epoch, 0)
        for name in ("train", "test"):
            assert torch.equal(teacher_logits(model, getattr(digits, name)), table[name])
    late = recorded_teacher("small", results_dir=tmp_path)
    early = recorded_teacher("small", epoch=1, results_dir=tmp_path)
    assert not torch.equal(late(digits.test.images), early(digits.test.images))


def test_a_teacher_of_photographs_whose_head_was_trained_on_features(small, tmp_path):
    """The whole network comes back, with its best epoch and on images."""
    probe = {"role": "teacher", "model": "tiny-mobilenet", "weights": "tissues",
             "policy": "linear_probe", "choose_on": "valid", **RECIPE}  # fmt: skip
    made = small(probe, data=("petri", {"size": 16, "scale": 0.02}))
    go(tmp_path)
    (config,) = made.configurations
    assert config["policy"] == "features"
    model = recorded_teacher("small", results_dir=tmp_path)
    images = load("petri", size=16, scale=0.02).test.images
    stored_logits = results.load_logits(logits_in(tmp_path)[0])["test"]
    assert torch.allclose(model(images), stored_logits, atol=1e-5)


def test_shelves_without_weights_are_filled_when_asked(small, tmp_path):
    small(TEACHER, ASSISTANT, STUDENT)
    go(tmp_path)
    before = {path: path.read_bytes() for path in weights_in(tmp_path)}
    logits = {path: path.read_bytes() for path in logits_in(tmp_path)}
    for path in before:
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"remake=True\) trains it again"):
        recorded_teacher("small", "assistant", results_dir=tmp_path)
    model = recorded_teacher("small", "assistant", results_dir=tmp_path, remake=True)
    assert model is not None
    (made,) = weights_in(tmp_path)  # its own teacher's logits were there
    assert made.read_bytes() == before[made]
    assert {path: path.read_bytes() for path in logits_in(tmp_path)} == logits


def test_reproduce_trains_recorded_teachers_again_where_weights_are_wanted(small, tmp_path):
    """As after a fresh checkout: records, and an empty shelf."""
    small(TEACHER, ASSISTANT, STUDENT, EARLY)
    go(tmp_path)
    shelf = {path: path.read_bytes() for path in (tmp_path / ".teachers").rglob("*.s*")}
    records = (tmp_path / "small.jsonl").read_bytes()
    for path in shelf:
        path.unlink()
    assert go(tmp_path) is None  # nothing is missing
    assert go(tmp_path, weights=True) == tmp_path / "small.jsonl"
    again = {path: path.read_bytes() for path in (tmp_path / ".teachers").rglob("*.s*")}
    assert again == shelf
    assert (tmp_path / "small.jsonl").read_bytes() == records
    said = []
    assert go(tmp_path, weights=True, say=said.append) is None
    assert said == ["small: all 4 runs are recorded"]


def spoil(path, change):
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t["1.weight"].mul_(1.01), "gives other logits"),
        (lambda t: t.pop("kdteach.logits"), "belongs to other logits"),
        (lambda t: t["kdteach.logits"].add_(1), "belongs to other logits"),
        (lambda t: t.pop("1.bias"), "weights of another network"),
    ],
)
def test_weights_that_are_not_those_of_the_logits_are_refused(
    small, tmp_path, change, says
):
    small(TEACHER)
    go(tmp_path)
    (path,) = weights_in(tmp_path)
    spoil(path, change)
    with pytest.raises(results.RecordError, match=f"{says}.*Delete the file"):
        recorded_teacher("small", results_dir=tmp_path)


def test_a_damaged_file_of_weights_is_named(small, tmp_path):
    small(TEACHER)
    go(tmp_path)
    (path,) = weights_in(tmp_path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(results.RecordError, match=rf"{path.name}.*Delete the file"):
        recorded_teacher("small", results_dir=tmp_path)


def test_weights_trained_again_must_be_those_of_the_stored_logits(small, tmp_path):
    """Logits of another machine stay; no weights of another network come beside them."""
    small(TEACHER)
    go(tmp_path)
    (weights,), (logits,) = weights_in(tmp_path), logits_in(tmp_path)
    weights.unlink()
    tables = results.load_logits(logits)
    results.save_logits(logits, {name: 2 * table for name, table in tables.items()})
    kept = logits.read_bytes()
    with pytest.raises(results.RecordError, match="of another machine"):
        recorded_teacher("small", results_dir=tmp_path, remake=True)
    assert logits.read_bytes() == kept
    assert weights_in(tmp_path) == []


def test_a_kill_between_logits_and_weights_leaves_no_wrong_pair(
    small, tmp_path, monkeypatch
):
    small(TEACHER)
    go(tmp_path)
    (weights,), (logits,) = weights_in(tmp_path), logits_in(tmp_path)
    shelf = TeacherStore(tmp_path / ".teachers", lambda seed: load_data(DIGITS, None, seed))

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("kdteach.experiments.teacher_store._save_weights", killed)
    tables = {k: t.clone() for k, t in results.load_logits(logits).items()}
    with pytest.raises(KeyboardInterrupt):
        shelf.put(TEACHER, 2, 0, tables, load_file(weights))
    assert weights_in(tmp_path) == []
    assert shelf.has(TEACHER, 2, 0)


def test_who_teaches_nobody_and_states_that_nobody_keeps(small, tmp_path):
    small(TEACHER, PLAIN)
    for arguments, error, says in (
        ({"label": "plain"}, ValueError, "teaches nobody"),
        ({"label": "teecher"}, LookupError, "nearest are teacher"),
        ({"epoch": 1}, ValueError, "no state of 'teacher' after 1 epochs is kept"),
        ({"epoch": 0}, ValueError, "epoch"), ({"epoch": True}, TypeError, "epoch"),
        ({"seed": -1}, ValueError, "seed"), ({"remake": 1}, TypeError, "remake"),
        ({"experiment": "smal"}, ValueError, "experiment"),
        ({"label": 3}, LookupError, "no configuration 3"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            recorded_teacher(
                **{"experiment": "small", "results_dir": tmp_path, **arguments}
            )


# names and kinds


def test_every_configuration_has_a_name_of_its_own():
    for experiment in EXPERIMENTS.values():
        assert tuple(experiment.named.values()) == experiment.configurations
        for label, config in experiment.named.items():
            assert experiment[label] is config
            assert label.strip() == label != ""


def test_names_say_what_tells_configurations_apart():
    made = Experiment(
        "x", "?", DIGITS, (TEACHER, PLAIN, {**PLAIN, "epochs": 3}, STUDENT),
        labels={"large": TEACHER},
    )  # fmt: skip
    assert list(made.named) == ["large", "plain, epochs 2", "plain, epochs 3", "through"]
    assert replace(made, seeds=3)["large"] == TEACHER
    with pytest.raises(LookupError, match=r"x has no configuration 'larg'.*large"):
        made["larg"]
    for labels, error in (
        ({"large": EARLY}, ValueError), ({"": TEACHER}, ValueError), ([], TypeError),
        ({"a": TEACHER, "b": TEACHER}, ValueError), ({3: TEACHER}, TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match="label"):
            Experiment("x", "?", DIGITS, (TEACHER, PLAIN), labels=labels)


def test_a_name_is_no_part_of_what_is_hashed():
    plain = Experiment("x", "?", DIGITS, (TEACHER,))
    named = Experiment("x", "?", DIGITS, (TEACHER,), labels={"large": TEACHER})
    (a,), (b,) = plain.configurations, named.configurations
    assert json.dumps(a) == json.dumps(b)


def test_the_kind_is_what_the_role_says_unless_it_is_given(small, tmp_path):
    assert [kind_of(c) for c in (TEACHER, ASSISTANT, PLAIN)] == [
        "teacher", "assistant", "student"
    ]  # fmt: skip
    said_twice = {**TEACHER, "kind": "teacher"}
    assert results.run_key(stored(said_twice), 0) == results.run_key(TEACHER, 0)
    assert Recipe.of(said_twice) == Recipe.of(TEACHER)
    large = {**TEACHER, "role": "large network", "kind": "teacher"}
    taught = {"role": "small network", "model": "fc-8", **SOFT}
    made = small(large, taught)
    assert made.teacher_of(taught) == large
    go(tmp_path)
    assert len(results.load_records("small", tmp_path)) == 2
    assert recorded_teacher("small", "large network", results_dir=tmp_path) is not None
    with pytest.raises(ValueError, match="kind must be 'teacher' or 'assistant', got"):
        Recipe.of({**SOFT, "role": "x", "model": "fc-8",
                   "teacher": {**TEACHER, "kind": "student"}})  # fmt: skip
    with pytest.raises(ValueError, match="kind 'assistant' needs temperature"):
        Recipe.of({**PLAIN, "kind": "assistant"})
    with pytest.raises(ValueError, match="kind 'teacher' and temperature contradict"):
        Recipe.of({**STUDENT, "kind": "teacher"})


def test_a_linear_probe_is_stored_under_its_earlier_name():
    old = {**PLAIN, "model": "tiny-mobilenet", "weights": "tissues", "policy": "features"}
    new = {**old, "policy": "linear_probe"}
    assert results.run_key(stored(new), 0) == results.run_key(old, 0)
    assert Recipe.of(new) == Recipe.of(old)
    taught = {"role": "x", "model": "fc-8", **SOFT}
    as_teacher = [{**taught, "teacher": {**c, "role": "teacher"}} for c in (new, old)]
    assert stored(as_teacher[0]) == stored(as_teacher[1])
