"""Recorded students that learn from a teacher's layers: their losses and their choices."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import kdteach as kd
from kdteach.experiments import EXPERIMENTS, Recipe, layered
from kdteach.experiments.catalogue.digit_features import (
    ARMS,
    CHOSEN,
    FEATURES,
    IMAGES,
    LAYERS,
    NUMBERS,
    SETTINGS,
    choices,
    student,
)
from kdteach.experiments.jobs import Job, run_job
from kdteach.experiments.side_by_side import Division, SideBySide, record
from kdteach.experiments.teacher_store import TeacherStore

TEACHER = {"role": "teacher", "shipped": "cnn-digits"}
DATA = ("digits", {"dtype": "float64", "draw": "seed"})
SHORT = {"epochs": 2, "batch_size": 20, "transfer": 60}


@pytest.fixture(scope="module")
def digits():
    return kd.load("digits", draw=0, dtype=torch.float64)


@pytest.fixture(scope="module")
def reference(tmp_path_factory, digits):
    store = TeacherStore(tmp_path_factory.mktemp("teachers"), lambda seed: digits)
    return store.reference(TEACHER, 1, 0)


def terms(arm, teacher):
    """The loss of an arm in plain PyTorch: student, images, teacher's maps to a number."""
    regressor = nn.Conv2d(8, 64, 1, dtype=torch.float64)
    layers = list(LAYERS[arm])

    def loss(network, images):
        with (
            kd.tap(network, layers) as mine,
            torch.no_grad(),
            kd.tap(teacher, layers) as its,
        ):
            teacher(images)
            with torch.enable_grad():
                logits = network(images)
        pairs = [(mine[name], its[name]) for name in layers]
        if arm == "hint":
            return logits, nn.functional.mse_loss(regressor(pairs[0][0]), pairs[0][1])
        if arm == "attention":
            return logits, sum(kd.losses.attention_loss(a, b) for a, b in pairs)
        if arm == "similarity":
            return logits, kd.losses.similarity_loss(*pairs[0])
        near = kd.losses.relational_distance_loss(*pairs[0])
        return logits, near + 2 * kd.losses.relational_angle_loss(*pairs[0])

    return loss, regressor


@pytest.mark.parametrize("arm", LAYERS)
def test_the_recorded_student_learns_what_plain_pytorch_says(arm, digits, reference):
    weight = NUMBERS[arm][1]
    config = student(arm, 60, 0.01, weight) | SHORT
    config.pop("schedule")
    job = Job(DATA, None, 0, (config,), (reference,), teachers=(TEACHER,))
    (run,) = run_job(job).records

    teacher = kd.trained_teacher(0, dtype=torch.float64)
    network = kd.build("cnn-1k", seed=0, dtype=torch.float64)
    loss, regressor = terms(arm, teacher)
    if arm == "hint":  # the library's own first weights
        made = kd.objectives.hints(teacher, LAYERS[arm], seed=0)
        made.prepare(network, digits.train.images)
        regressor.load_state_dict(made.regressors["0"].project.state_dict())
    weights = [*network.parameters(), *(regressor.parameters() if arm == "hint" else ())]
    adam = torch.optim.Adam(weights, lr=0.01)
    few = kd.data.small_sample(digits.train, 60, seed=0)
    # the order of the batches, from a fit that learns nothing
    batches = []

    def spy(model, batch):
        batches.append(batch)
        return kd.types.LossTerms((model(batch.images) * 0).sum(), {})

    kd.fit(
        kd.build("cnn-1k", seed=0, dtype=torch.float64), few, spy, epochs=2, batch_size=20,
        learning_rate=0.01, seed=0, progress=False,
    )  # fmt: skip
    for batch in batches:
        logits, term = loss(network, batch.images)
        total = nn.functional.cross_entropy(logits, batch.labels) + weight * term
        adam.zero_grad()
        total.backward()
        adam.step()
    with torch.no_grad():
        answers = network(digits.test.images)
    nll = float(nn.functional.cross_entropy(answers, digits.test.labels))
    assert run.result["test_nll"] == pytest.approx(nll, rel=1e-6)
    assert run.result["test_errors"] == int((answers.argmax(1) != digits.test.labels).sum())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"features": "hint"}, "feature_weight belong together"),
        ({"features": "hint", "feature_weight": 1.0}, "layers belong together"),
        ({"feature_weight": 1.0}, "features and feature_weight"),
        ({"layers": {"3": "3"}}, "features and layers"),
        ({"features": "hints"}, "features"),
        ({"features": "hint", "feature_weight": 0.0, "layers": {"3": "3"}}, "weight"),
        ({"features": "hint", "feature_weight": 1.0, "layers": {}}, "layers"),
        ({"features": "hint", "feature_weight": 1.0, "layers": ["3"]}, "layers"),
        ({"likelihood": 1}, "likelihood"),
    ],
)
def test_what_contradicts_itself_is_refused(change, says):
    with pytest.raises((ValueError, TypeError), match=says):
        Recipe.of(student("labels", 60, 0.01, 0.0) | change)


def test_layers_need_a_teacher():
    plain = {"role": "plain", "model": "cnn-1k", "learning_rate": 0.01, **SHORT}
    more = {"features": "hint", "feature_weight": 1.0, "layers": {"3": "3"}}
    with pytest.raises(ValueError, match="features needs temperature"):
        Recipe.of(plain | more)
    with pytest.raises(ValueError, match="likelihood needs temperature"):
        Recipe.of(plain | {"likelihood": True})


@pytest.mark.parametrize("arm", ARMS)
def test_students_side_by_side_are_those_of_reproduce(arm, digits, reference):
    """Two settings and two divisions in one network, beside two trainings."""
    divisions = {seed: Division.of(seed, torch.float64) for seed in (0, 1)}
    rates = (0.01, 0.04)
    configs = [student(arm, 60, rate, NUMBERS[arm][1]) | {"epochs": 2} for rate in rates]
    group = SideBySide(configs[::-1], [1, 0], divisions)
    group.train()
    job = Job(DATA, None, 0, configs[:1], (reference,), teachers=(TEACHER,))
    (run,) = run_job(job).records
    answers = kd.metrics.predict_logits(group.models[1], digits.test.images)
    nll = kd.metrics.Evaluation(answers, digits.test.labels).nll
    assert run.result["test_nll"] == pytest.approx(nll, rel=1e-9)


def test_every_arm_has_the_same_budget():
    assert {arm: len(set(choices(arm))) for arm in ARMS} == dict.fromkeys(ARMS, 9)
    assert EXPERIMENTS["digits-feature-settings"] is SETTINGS
    assert len(SETTINGS.configurations) == 2 * 6 * 9
    assert len(FEATURES.configurations) == 2 * 6
    assert layered.ARMS == ARMS
    assert layered.IMAGES == IMAGES


@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize("arm", ARMS)
def test_each_arm_has_the_setting_with_the_fewest_mistakes(arm, images):
    tried = layered.tried(arm, images)
    assert list(tried) == choices(arm)
    best = min(tried, key=tried.get)
    assert layered.chosen(arm, images) == CHOSEN[f"{arm}, {images}"] == best
    assert layered.recorded(arm, images).seeds == tuple(range(10))
    for metric in ("test_agreement", "test_nll", "seconds"):
        assert len(layered.recorded(arm, images, metric)) == 10


def test_what_is_recorded_is_not_trained_again(tmp_path, monkeypatch):
    few = replace(FEATURES, configurations=(FEATURES["kd, 60"],), seeds=1, labels={})
    monkeypatch.setitem(EXPERIMENTS, FEATURES.name, few)
    assert record(FEATURES.name, tmp_path) == 1
    assert record(FEATURES.name, tmp_path) == 0
    (run,) = kd.results.load_records(FEATURES.name, tmp_path)
    assert run.config == few.configurations[0]
    assert run.result["test_errors"] < 250


def test_names_that_are_unknown():
    with pytest.raises(ValueError, match="arm"):
        layered.tried("rkd", 60)
    with pytest.raises(ValueError, match="images must be one of"):
        layered.recorded("kd", 100)


def test_against_plain_kd_is_one_of_fifteen_comparisons():
    found = layered.against_kd("relational", 200, expect="lower")
    differences = [
        a - b
        for a, b in zip(
            layered.recorded("relational", 200), layered.recorded("kd", 200), strict=True
        )
    ]
    assert found.mean == pytest.approx(sum(differences) / len(differences))
    assert (found.comparisons, found.expect, found.unit) == (15, "lower", "errors")
    assert set(layered.NAMES) == set(layered.ARMS)
    with pytest.raises(ValueError, match="arm"):
        layered.against_kd("hints", 200)
    with pytest.raises(ValueError, match="images"):
        layered.against_kd("hint", 100)
