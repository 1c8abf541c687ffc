"""Drawn tiles in memory, the twins, and the clinical experiment, on a drawn copy."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import short_mhist
import torch
import torchvision
import warm
from sklearn.metrics import f1_score, roc_auc_score
from torch import nn
from torch.nn import functional

from kdteach import __main__ as command_line
from kdteach import fit, fit_many
from kdteach.cost import count_flops, count_parameters
from kdteach.data import flips, load, petri
from kdteach.data.mhist import vote_shares
from kdteach.data.tissues import TISSUES
from kdteach.experiments import (
    EXPERIMENTS,
    Experiment,
    guards,
    measures,
    mistakes,
    recipes,
    registry,
    reproduce,
    seeds_recorded,
    targets,
)
from kdteach.experiments.catalogue.shipped_twins import train_twin
from kdteach.experiments.executors import open_executor
from kdteach.metrics import best_threshold, evaluate, predict_logits
from kdteach.models import TWINS, build, pretrained_head
from kdteach.models.shipped import weights_folder
from kdteach.objectives import hard_labels
from kdteach.results import (
    add_records,
    load_records,
    measured,
    run_key,
)
from kdteach.training import frozen_features
from kdteach.types import RunRecord


@pytest.fixture(scope="module")
def tiles():
    return load("petri", scale=0.03)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return petri.write(
        tmp_path_factory.mktemp("m") / "MHIST", size=32, scale=0.02, workers=1
    )


def test_drawn_in_memory_as_written_to_a_folder(folder):
    drawn, read = load("petri", scale=0.02), load("mhist", folder)
    for name in ("train", "valid", "test"):
        mine, its = getattr(drawn, name), getattr(read, name)
        assert torch.equal(mine.images, its.images)
        assert torch.equal(mine.labels, its.labels)
        assert torch.equal(mine.votes, its.votes)
        assert torch.equal(mine.index, its.index)
        assert mine.masks.shape == (len(mine), 32, 32)
        assert its.masks is None
        assert mine.masks.flatten(1).any(1).all()
    assert (drawn.name, drawn.classes) == ("petri", ("HP", "SSA"))


def test_masks_follow_their_images(tiles):
    rows = torch.tensor([4, 1])
    chosen = tiles.test.select(rows)
    assert torch.equal(chosen.masks, tiles.test.masks[rows])
    assert torch.equal(chosen.to(dtype=torch.float64).masks, chosen.masks)
    with pytest.raises(ValueError, match="masks"):
        replace(tiles.test, masks=tiles.test.masks[1:])


def test_tissues_are_the_same_on_every_machine():
    data = load("tissues", count=10, size=24)
    assert data.classes == TISSUES
    assert [len(s) for s in (data.train, data.valid, data.test)] == [56, 8, 16]
    for split in (data.train, data.valid, data.test):
        assert torch.bincount(split.labels).unique().numel() == 1  # as many of each
    assert data.train.images.shape[1:] == (3, 24, 24)
    digest = hashlib.sha256(data.train.images.numpy().tobytes()).hexdigest()[:16]
    assert digest == "701d87b0452850fa"
    assert load("tissues", count=10, size=24, seed=1).checksum != data.checksum


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("tissues", {"size": 8}, "size must be an integer of at least 16, got 8"),
        ("tissues", {"count": 2}, "count must be an integer of at least 10, got 2"),
        ("tissues", {"seed": -1}, "seed must be"),
        ("tissues", {"root": "x"}, "leave root at None"),
        ("petri", {"root": "x"}, r"load\('mhist', folder\)"),
        ("petri", {"size": 8}, "size must be"),
        ("petri", {"scale": 0.0}, "scale must be"),
        ("petri", {"scale": 6.0}, "three letters are good for 17,576"),
    ],
)
def test_bad_drawings(name, options, says):
    with pytest.raises(ValueError, match=says):
        load(name, **options)


def test_flips_are_the_four_mirror_images():
    images = torch.arange(6).reshape(1, 1, 2, 3).expand(400, 1, 2, 3)
    seen = flips()(images, torch.Generator().manual_seed(0))
    kinds, counts = torch.unique(seen.flatten(1), dim=0, return_counts=True)
    one = images[0]
    wanted = {tuple(one.flip(d).flatten().tolist()) for d in ((), (1,), (2,), (1, 2))}
    assert {tuple(kind.tolist()) for kind in kinds} == wanted
    assert counts.min() > 70  # a quarter each: 100, standard deviation 8.7


@pytest.mark.parametrize(
    ("name", "count"), [("tiny-resnet", 77_522), ("tiny-mobilenet", 5_570)]
)
def test_twins(name, count):
    model = build(name, num_classes=2)
    assert count_parameters(model) == count
    assert model(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape == (2, 2)
    trained = build(name, num_classes=2, weights="tissues")
    other = build(name, num_classes=2, weights="tissues", seed=1)
    pairs = zip(trained.backbone.parameters(), other.backbone.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(trained.head.weight, other.head.weight)
    with pytest.raises(ValueError, match=r"unknown weights of tiny-.*tissues, polyps"):
        build(name, weights="imagenet")
    with pytest.raises(ValueError, match="unknown policy"):
        build(name, policy="some")
    assert count_flops(build("tiny-mobilenet"), (3, 32, 32)) * 5 < count_flops(
        build("tiny-resnet"), (3, 32, 32)
    )


@pytest.mark.parametrize("name", TWINS)
def test_shipped_twins_know_the_tissues(name):
    """Backbone and head together answer as the trained network did."""
    data = load("tissues", count=40, seed=5)
    model = build(name, num_classes=8, weights="tissues")
    model.head = pretrained_head(name, "tissues")
    assert evaluate(model, data.train).accuracy > 0.95


def test_the_recipe_of_the_twins_learns():
    data = load("tissues", count=30)
    assert evaluate(train_twin("tiny-mobilenet", data), data.test).accuracy > 0.6


def test_shipped_networks_of_the_polyps():
    """As good as the recorded ones on tiles that they have not seen."""
    test = load("petri", scale=0.15, seed=7).test
    scores = {
        (name, weights): evaluate(build(name, num_classes=2, weights=weights), test)
        for name, weights in (
            ("tiny-resnet", "polyps"),
            ("tiny-mobilenet", "polyps"),
            ("tiny-mobilenet", "polyps-distilled"),
        )
    }
    assert all(0.68 < score.accuracy < 0.9 for score in scores.values())
    with pytest.raises(ValueError, match="have 2 classes, asked for 10"):
        build("tiny-resnet", weights="polyps")
    with pytest.raises(ValueError, match=r"unknown weights of tiny-resnet 'polyps-dis"):
        build("tiny-resnet", num_classes=2, weights="polyps-distilled")


def test_no_such_head():
    with pytest.raises(ValueError, match="unknown weights of resnet18 'tissues'"):
        pretrained_head("resnet18", "tissues")


def test_features_are_computed_once_and_the_head_is_the_same(tiles):
    """Ten epochs of a head on features equal ten epochs of the frozen network."""
    options = {"epochs": 10, "batch_size": 16, "learning_rate": 0.02, "seed": 3}
    slow = build("tiny-mobilenet", num_classes=2, weights="tissues", policy="linear_probe")
    fast = build("tiny-mobilenet", num_classes=2, weights="tissues", policy="linear_probe")
    fit(slow, tiles, hard_labels(), **options)
    seen = frozen_features(fast, tiles.train)
    assert seen.images.shape == (len(tiles.train), 48, 1, 1)
    assert torch.equal(seen.votes, tiles.train.votes)
    fit(nn.Sequential(nn.Flatten(), fast.head), seen, hard_labels(), **options)
    torch.testing.assert_close(fast.head.weight, slow.head.weight, rtol=1e-4, atol=1e-5)
    assert fast.training
    with pytest.raises(ValueError, match="empty"):
        frozen_features(fast, tiles.train.select(torch.zeros(0, dtype=torch.int64)))


@pytest.mark.parametrize("many", [False, True])
def test_the_best_epoch_is_kept(many):
    """A learning rate far too large goes up and down; what is kept is the best."""
    data = load("digits")
    models = [build("fc-8", input_shape=(1, 8, 8), seed=s) for s in (0, 1)]
    options = {"epochs": 12, "learning_rate": 0.3, "batch_size": 64, "keep_best": True}
    if many:
        histories = fit_many(
            models, data, [hard_labels()] * 2, validation=data.valid, **options
        )
    else:
        histories = [
            fit(model, data, hard_labels(), validation=data.valid, seed=s, **options)
            for s, model in enumerate(models)
        ]
    for model, history in zip(models, histories, strict=True):
        assert evaluate(model, data.valid).accuracy == pytest.approx(max(history.accuracy))
    assert any(max(h.accuracy) > h.accuracy[-1] for h in histories)
    assert len(histories[0].accuracy) == 12
    with pytest.raises(ValueError, match="keep_best needs a validation split"):
        fit(models[0], data, hard_labels(), **options)


def test_the_best_epoch_brings_its_statistics(tiles):
    """BatchNorm's running means are those of the best epoch, not of the last."""
    network = build("tiny-mobilenet", num_classes=2, weights="tissues")
    means = []

    def note(epoch):
        means.append(network.backbone[0][1].running_mean.clone())

    history = fit(
        network, tiles, hard_labels(), epochs=6, batch_size=16, learning_rate=0.05,
        validation=tiles.valid, keep_best=True, on_epoch=note,
    )  # fmt: skip
    best = history.accuracy.index(max(history.accuracy))
    assert best < 5
    assert torch.equal(network.backbone[0][1].running_mean, means[best])


@pytest.mark.parametrize("many", [False, True])
def test_the_best_epoch_by_weighted_f1(many):
    """Of all epochs the one with the highest F1, by scikit-learn's count."""
    data = load("digits", groups=[[2, 3, 8], [0, 1, 4, 5, 6, 7, 9]])
    models = [build("fc-8", input_shape=(1, 8, 8), num_classes=2, seed=s) for s in (0, 1)]
    seen = [[], []]

    def note(_):
        for model, row in zip(models, seen, strict=True):
            said = predict_logits(model, data.valid.images).argmax(1)
            row.append(f1_score(data.valid.labels, said, average="weighted"))

    options = {
        "epochs": 8, "learning_rate": 0.1, "batch_size": 64, "validation": data.valid,
        "keep_best": "weighted_f1", "on_epoch": note,
    }  # fmt: skip
    if many:
        fit_many(models, data, [hard_labels()] * 2, **options)
    else:
        fit(models[0], data, hard_labels(), **options)
    for model, row in list(zip(models, seen, strict=True))[: 2 if many else 1]:
        assert evaluate(model, data.valid).weighted_f1 == pytest.approx(max(row))
    assert max(seen[0]) > seen[0][-1]  # or nothing was chosen
    with pytest.raises(ValueError, match="keep_best must be True, False or one of"):
        fit(models[0], data, hard_labels(), **options | {"keep_best": "luck"})


RECIPE = {
    "epochs": 4, "batch_size": 16, "learning_rate": 0.01, "choose_on": "valid",
    "choose_by": "weighted_f1",
}  # fmt: skip
TWIN = {"model": "tiny-mobilenet", "weights": "tissues", **RECIPE}
TEACHER = {"role": "teacher", **TWIN, "flips": True}
TOLD = {"teacher": TEACHER, "temperature": 2.0, "alpha": 0.4}
HEAD = {**TWIN, "policy": "features"}


@pytest.fixture
def small(monkeypatch):
    def add(name, data, configs):
        monkeypatch.setitem(
            EXPERIMENTS, name, Experiment(name, "?", data, tuple(configs), seeds=1)
        )
        return name

    return add


def run(name, folder, **options):
    options = {"executor": "local", "say": lambda _: None, **options}
    reproduce(name, results_dir=folder, **options)
    return {
        (r.config["role"], r.config.get("mistake", r.config.get("policy", "full"))): r
        for r in load_records(name, folder)
    }


def test_what_a_clinic_asks_for_is_recorded(small, tmp_path):
    name = small(
        "clinic-small", ("petri", {"size": 32, "scale": 0.03}),
        [
            TEACHER,
            {"role": "plain", **HEAD},
            {"role": "balanced", **HEAD, "balanced": True},
            {"role": "votes", **HEAD, "targets": "votes"},
            {"role": "distilled", **HEAD, **TOLD},
            {"role": "plain", **HEAD, "mistake": "drifting batchnorm"},
            {"role": "plain", **HEAD, "mistake": "no normalisation"},
            {"role": "plain", **HEAD, "mistake": "stacked head"},
            {"role": "distilled", **HEAD, **TOLD, "mistake": "soft term over classes"},
        ],
    )  # fmt: skip
    found = run(name, tmp_path)
    assert len(found) == 9
    data = load("petri", size=32, scale=0.03)
    result = found["teacher", "full"].result
    wrong = torch.zeros(len(data.test), dtype=torch.bool)
    wrong[result["test_wrong"]] = True
    said = torch.where(wrong, 1 - data.test.labels, data.test.labels)
    assert result["test_weighted_f1"] == pytest.approx(
        f1_score(data.test.labels, said, average="weighted")
    )
    assert result["test_class_f1"] == pytest.approx(
        list(f1_score(data.test.labels, said, average=None))
    )
    low, high = result["test_auc_interval"]
    assert 0 <= low <= result["test_auc"] <= high <= 1
    assert sum(result["test_confusion"]) == len(data.test)
    shipped = build("tiny-mobilenet", num_classes=2, weights="polyps")
    measured = measures.measure({"role": "plain"}, shipped, data)
    valid, test = evaluate(shipped, data.valid), evaluate(shipped, data.test)
    threshold = best_threshold(valid)
    assert threshold != best_threshold(test)  # or the next line could not tell them apart
    assert measured["valid_threshold"] == pytest.approx(threshold, rel=1e-5)
    logits = test.logits.double() + torch.tensor([0.0, threshold])
    assert measured["valid_threshold_test_weighted_f1"] == pytest.approx(
        f1_score(test.labels, logits.argmax(1), average="weighted")
    )
    assert measured["valid_weighted_f1"] == pytest.approx(valid.weighted_f1)
    for part, key in ((valid, "valid_auc"), (test, "test_auc")):
        above = part.logits[:, 1] - part.logits[:, 0]
        assert measured[key] == pytest.approx(roc_auc_score(part.labels, above))
    assert measured["test_ece"] == pytest.approx(test.ece(), rel=1e-5)
    assert measured["test_class_accuracy"] == list(test.per_class_accuracy)
    # a head on features, with labels that are weighed, is that head
    model = build("tiny-mobilenet", num_classes=2, weights="tissues", policy="linear_probe")
    sizes = torch.bincount(data.train.labels).double()
    weights = (sizes.sum() / (2 * sizes)).float()

    def weighed(student, batch):
        from kdteach.types import LossTerms

        loss = functional.cross_entropy(student(batch.images), batch.labels, weights)
        return LossTerms(loss, {"hard": loss})

    options = {key: RECIPE[key] for key in ("epochs", "batch_size", "learning_rate")}
    options["keep_best"] = RECIPE["choose_by"]
    fit(model, data, weighed, validation=data.valid, **options)
    answers = evaluate(model, data.test)
    mine = found["balanced", "features"].result
    assert mine["test_weighted_f1"] == pytest.approx(answers.weighted_f1, abs=0.03)
    scores = (answers.logits[:, 1] - answers.logits[:, 0]).numpy()
    assert mine["test_auc"] == pytest.approx(
        roc_auc_score(data.test.labels, scores), abs=0.01
    )
    # the recorded teacher is the one that taught: its best epoch, not its last
    taught = found["distilled", "features"].result["teacher_test_errors"]
    assert taught == result["test_errors"]
    losses = {key: tuple(r.history["loss"]) for key, r in found.items()}
    assert len(set(losses.values())) == len(losses)  # each setting has its effect


def test_a_small_cnn_can_learn_the_drawings_but_not_all_of_them():
    """As recorded: tiny-resnet with random weights, all training tiles."""
    right = measured("petri", "test_accuracy", role="teacher from scratch")
    assert len(right) == 10
    assert (right > 0.75).all()
    assert (right < 0.92).all()


def test_votes_are_the_targets(tiles):
    objective = targets.objective_of({"targets": "votes"}, None, tiles)
    shares = objective.tables[0]
    assert torch.equal(shares, vote_shares([tiles.train])[0])
    assert torch.equal((shares[:, 1] * 7).round().long(), tiles.train.votes)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"targets": "votes", "balanced": True}, "targets and balanced cannot be combined"),
        ({"subclasses": 5, "targets": "votes"}, "subclasses and targets cannot"),
    ],
)
def test_objectives_that_exclude_each_other(config, says, tiles):
    with pytest.raises(ValueError, match=says):
        targets.objective_of(config, None, tiles)


def test_subclasses_know_no_stop(tiles):
    config = {"subclasses": 5, "temperature": 4.0, "alpha": 0.5, "stop_epoch": 2}
    answers = {"train": torch.zeros(len(tiles.train), 10)}
    with pytest.raises(ValueError, match="stop_epoch and subclasses cannot be combined"):
        targets.objective_of(config, answers, tiles)


def test_changes_of_images_that_exclude_each_other():
    with pytest.raises(ValueError, match="flips and jitter cannot be combined"):
        recipes.augmentation({"flips": True, "jitter": 2})


@pytest.mark.parametrize(
    "ask",
    [
        lambda model, tiles: fit(
            model, tiles, hard_labels(), epochs=1, batch_size=8, learning_rate=1e-3
        ),
        lambda model, tiles: predict_logits(model, tiles.test.images),
    ],
)
def test_bytes_for_a_network_that_cannot_read_them(ask, tiles):
    model = build("fc-8", input_shape=(3, 32, 32), num_classes=2)
    with pytest.raises(TypeError, match=r"bytes \(uint8\).*images.float\(\) / 255"):
        ask(model, tiles)


def test_a_divided_soft_term_is_another_alpha():
    """alpha / C soft + (1 - alpha) hard, and a soft + (1 - a) hard: same direction."""
    soft, hard = torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    wrong = 0.4 / 2 * soft + 0.6 * hard
    a = mistakes.divided_alpha(0.4, 2)
    assert a == pytest.approx(0.25)
    right = a * soft + (1 - a) * hard
    torch.testing.assert_close(wrong, right * (1 - 0.4 + 0.4 / 2))


def test_mistakes_are_what_they_say(tiles):
    config = {"role": "plain", **HEAD}
    images = tiles.train.images[:8]
    sound = recipes.fresh_model(config, tiles, 0)
    drifting = recipes.fresh_model({**config, "mistake": "drifting batchnorm"}, tiles, 0)
    bare = recipes.fresh_model({**config, "mistake": "no normalisation"}, tiles, 0)
    stacked = recipes.fresh_model({**config, "mistake": "stacked head"}, tiles, 0)
    assert not recipes.is_probe({**config, "mistake": "drifting batchnorm"})
    assert recipes.is_probe(config)
    torch.testing.assert_close(drifting.eval()(images), sound.eval()(images))
    before = sound(images)
    for model in (sound, drifting):
        model.train()
        with torch.no_grad():
            model(images)
        model.eval()
    torch.testing.assert_close(sound(images), before)
    assert not torch.allclose(drifting(images), before, atol=1e-3)
    trained = [name for name, p in drifting.named_parameters() if p.requires_grad]
    assert trained == ["head.weight", "head.bias"]
    torch.testing.assert_close(bare.normalise(images), images.float() / 255)
    whole = build("tiny-mobilenet", num_classes=8)
    assert count_parameters(stacked) == count_parameters(whole) + 8 * 2 + 2
    assert [p.shape for p in stacked.head.parameters() if p.requires_grad] == [(2, 8), (2,)]
    old = pretrained_head("tiny-mobilenet", "tissues")
    assert torch.equal(stacked.head[0].weight, old.weight)


def test_the_whole_command_killed_and_resumed(folder, tmp_path):
    """All of ``reproduce mhist`` but for the epochs, from weights in torch's own cache."""
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    for name in ("resnet50", "mobilenet_v2"):
        file = Path(torchvision.models.get_model_weights(name).DEFAULT.url).name
        torch.save(
            getattr(torchvision.models, name)(weights=None).state_dict(), cache / file
        )
    script = Path(__file__).parent / "short_mhist.py"
    out = tmp_path / "records"
    out.mkdir()
    command = [sys.executable, script, "reproduce", "mhist", "--executor", "local"]
    command += ["--data-dir", folder, "--results-dir", out]
    told = {"cwd": script.parent.parent, "stderr": subprocess.PIPE, "text": True}
    told["env"] = os.environ | {"TORCH_HOME": str(tmp_path / "torch")}
    running = warm.Popen(command, **told)
    while running.poll() is None and len(load_records("mhist", out)) < 5:
        time.sleep(0.05)
    running.kill()
    _, said = running.communicate()
    assert running.returncode == -signal.SIGKILL, said
    first = load_records("mhist", out)
    assert 5 <= len(first) < 36
    done = warm.run(command, check=False, **told)
    assert done.returncode == 0, done.stderr
    records = load_records("mhist", out)
    assert [record for record in records if record in first] == first  # not run again
    configs = short_mhist.shortened_configurations()
    keys = sorted(run_key(config, 0) for config in configs)
    assert sorted(run_key(record.config, record.seed) for record in records) == keys
    assert len(keys) == 36
    begun = {r.environment["weights"] for r in records if "weights" in r.config}
    assert len(begun) == 2
    for name in begun:  # the digest tells that these are not ImageNet's
        official, found = name.split()
        assert found not in official


@pytest.mark.parametrize("content", [b"", b"not a network", b"PK\x03\x04 half"])
def test_a_damaged_file_in_the_cache_is_named(content, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = Path(torchvision.models.get_model_weights("mobilenet_v2").DEFAULT.url).name
    cached = tmp_path / "hub" / "checkpoints" / file
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{file} in torch's cache.*delete it"):
        build("mobilenet_v2", num_classes=2, weights="imagenet")


def test_all_experiments_go_on_without_data_that_is_not_there(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.delenv("KDTEACH_DATA", raising=False)
    data = ("petri", {"size": 16, "scale": 0.02})
    config = {"role": "plain", **HEAD}
    mine = {"mhist": Experiment("mhist", "?", ("mhist", {}), (config,), seeds=1)}
    mine["after"] = Experiment("after", "?", data, (config,), seeds=1)
    for place in (registry, command_line):
        monkeypatch.setattr(place, "EXPERIMENTS", mine)
    own = {
        name: command_line._OWN[name] for name in ("mnist-subliminal", "photographs-job")
    }
    monkeypatch.setattr(command_line, "_OWN", own)  # the others need no data, and take long
    assert command_line.main(["reproduce", "--results-dir", str(tmp_path)]) == 0
    assert "mhist: left out. MHIST is nowhere" in capsys.readouterr().err
    assert len(load_records("after", tmp_path)) == 1
    assert command_line.main(["reproduce", "mhist", "--results-dir", str(tmp_path)]) == 1


def test_complete_means_every_run(small, folder, tmp_path):
    name = small("mhist-whole", ("mhist", {}), [{"role": "plain", **HEAD}])
    assert seeds_recorded(name, tmp_path) == 0
    run(name, tmp_path, data_dir=folder)
    assert seeds_recorded(name, tmp_path) == EXPERIMENTS[name].seeds == 1
    small("mhist-whole", ("mhist", {}), [{"role": "plain", **HEAD}, TEACHER])
    assert seeds_recorded(name, tmp_path) == 0


def test_drawings_never_become_the_record_of_mhist(folder):
    with pytest.raises(ValueError, match=r"drawn by .*petri.*--results-dir"):
        reproduce("mhist", data_dir=folder)


def test_a_best_epoch_has_no_other_epochs(small):
    student = {"role": "distilled", **HEAD, **TOLD, "teacher_epoch": 2}
    with pytest.raises(ValueError, match=r"best-only.*teacher_epoch.*choose_on"):
        small("best-only", ("petri", {"size": 32, "scale": 0.03}), [TEACHER, student])


def test_a_drawn_experiment_minds_no_data_folder(small, folder, tmp_path):
    name = small(
        "drawn", ("petri", {"size": 16, "scale": 0.02}), [{"role": "plain", **HEAD}]
    )
    assert run(name, tmp_path, data_dir=folder)


def test_heavy_jobs_share_the_threads_of_one_process(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for heavy, wanted in ((True, 1), (False, 4)):
        with open_executor(None, 8, heavy) as (_, in_flight, _):
            assert in_flight == wanted


def test_a_folder_of_data_sets_is_as_good_as_the_set_itself(folder):
    assert load("mhist", folder.parent).checksum == load("mhist", folder).checksum


def test_records_of_two_copies_are_not_mixed(small, folder, tmp_path):
    name = small("mhist-two", ("mhist", {}), [{"role": "plain", **HEAD}])
    run(name, tmp_path, data_dir=folder)
    other = petri.write(tmp_path / "other", size=32, scale=0.02, seed=9, workers=1)
    small("mhist-two", ("mhist", {}), [{"role": "plain", **HEAD}, TEACHER])
    with pytest.raises(ValueError, match=r"mhist-two.*another copy.*--results-dir"):
        run(name, tmp_path, data_dir=other)
    small("mhist-two", ("mhist", {}), [{"role": "plain", **HEAD}])
    with pytest.raises(ValueError, match="another copy"):  # also with nothing missing
        run(name, tmp_path, data_dir=other)
    three = small("mhist-three", ("mhist", {}), [{"role": "plain", **HEAD}])
    run(three, tmp_path, data_dir=other)  # not taken over from the other copy
    theirs, mine = load_records(name, tmp_path)[0], load_records(three, tmp_path)[0]
    assert mine.environment["data"] != theirs.environment["data"]


def test_runs_from_other_weights_are_not_added(small, tmp_path, monkeypatch):
    data = ("petri", {"size": 16, "scale": 0.02})
    name = small("started", data, [{"role": "plain", **HEAD}])
    (record,) = run(name, tmp_path).values()
    twin = weights_folder() / "tiny-mobilenet-tissues.safetensors"
    digest = hashlib.sha256(twin.read_bytes()).hexdigest()
    assert record.environment["weights"] == digest[:16]
    small("started", data, [{"role": "plain", **HEAD}, {"role": "votes", **HEAD}])
    monkeypatch.setattr(guards, "weights_name", lambda *_: "of another day")
    with pytest.raises(ValueError, match=r"started: .*tiny-mobilenet.* of another day"):
        run(name, tmp_path)
    assert len(load_records(name, tmp_path)) == 1


def test_weights_that_are_not_here_are_no_other_weights(small, folder, tmp_path):
    """A run that goes on where ImageNet's file is missing asks for the file."""
    config = {"role": "plain", **HEAD, "model": "mobilenet_v2", "weights": "imagenet"}
    name = small("absent", ("mhist", {}), [config, {**config, "role": "votes"}])
    file = Path(torchvision.models.get_model_weights("mobilenet_v2").DEFAULT.url).name
    digest = load("mhist", folder).checksum
    begun = {"commit": "x", "data": digest, "weights": f"{file} 0123abcd"}
    add_records(name, [RunRecord(name, config, 0, {}, {}, begun)], tmp_path)
    with pytest.raises(FileNotFoundError, match=f"{file} belongs into torch's cache"):
        run(name, tmp_path, data_dir=folder)


def test_weights_are_fetched_once_the_data_is_there(small, folder, tmp_path, monkeypatch):
    """With --download nothing is fetched for data that is missing."""
    from kdteach.experiments import order

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    asked = []
    monkeypatch.setattr(
        order, "build", lambda name, **o: asked.append((name, o["weights"], o["download"]))
    )
    name = small(
        "mhist-fetch", ("mhist", {}),
        [{"role": "plain", "model": "mobilenet_v2", "weights": "imagenet", **RECIPE}],
    )  # fmt: skip
    with pytest.raises(FileNotFoundError, match="MHIST is a folder"):
        run(name, tmp_path, data_dir=tmp_path / "none", download=True)
    assert asked == []
    with pytest.raises(FileNotFoundError, match="ImageNet weights"):
        run(name, tmp_path, data_dir=folder, download=True)  # the stub fetched nothing
    assert asked == [("mobilenet_v2", "imagenet", True)]
