"""Teachers with subclasses and their students: what differs, what is chosen, on what."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

import kdteach as kd
from kdteach.experiments import hidden_digits as hidden
from kdteach.experiments import hidden_students
from kdteach.experiments.catalogue import digits_2x5


@pytest.fixture(scope="module")
def taught():
    return hidden.teach(draws=(0, 3), epochs=2)


@pytest.fixture(scope="module")
def learned(taught):
    return hidden.learn(taught, (60, None), rates=(0.01, 0.1), steps=20)


def test_teachers_are_those_of_plain_calls(taught):
    """The second draw's, one at a time, to rounding; they differ in beta alone."""
    data = kd.load("digits", draw=3, groups=hidden.HALVES, dtype=torch.float64)
    for name, beta in hidden.TEACHERS.items():
        network = kd.build(
            "fc-128", input_shape=(1, 8, 8), num_classes=10, seed=3, dtype=torch.float64
        )
        kd.fit(
            network, data, kd.objectives.subclass_labels(2, beta), epochs=2, batch_size=128,
            learning_rate=0.1, seed=3, drop_last=True, schedule=kd.training.cosine,
            optimizer=kd.training.sgd_momentum,
        )  # fmt: skip
        pairs = zip(
            network.parameters(), taught.teachers[name][1].parameters(), strict=True
        )
        assert max((a - b).abs().max().item() for a, b in pairs) < 1e-9
    assert set(hidden.TEACHERS.values()) == {0.0, 1.0}


def test_the_hidden_digits_belong_to_the_images(taught):
    for half, digit in zip(taught.halves, taught.digits, strict=True):
        for part in ("train", "valid", "test"):
            two, ten = getattr(half, part), getattr(digit, part)
            assert torch.equal(two.images, ten.images)
            assert torch.equal(two.labels, (ten.labels > 4).long())


def test_each_kind_takes_its_own_rate_on_validation_alone(learned):
    assert {kind for kind, _ in learned.test} == set(hidden.KINDS)
    for kind, images in learned.test:
        sums = {r: sum(learned.valid[kind, images, r]) for r in learned.rates}
        assert sums[learned.own(kind, images)] == min(sums.values())
        assert len(learned.test[kind, images]) == 2
        assert all(0 <= wrong <= 359 for wrong in learned.test[kind, images])


def test_a_student_is_that_of_a_plain_call(taught, learned):
    """Of the diverse teacher's subclasses, first draw, 60 images, at its own rate."""
    kind = "subclasses, diverse"
    data = taught.halves[0]
    answers = kd.teacher_logits(taught.teachers["diverse"][0], data.train)
    student = kd.build(
        "fc-32-32", input_shape=(1, 8, 8), num_classes=10, seed=0, dtype=torch.float64
    )
    kd.fit(
        student, kd.data.small_sample(data.train, 60, seed=0),
        kd.objectives.distil_subclasses(answers, 2, 4.0, 1.0), epochs=6, batch_size=20,
        learning_rate=learned.own(kind, 60), seed=0, schedule=kd.training.cosine,
        optimizer=kd.training.sgd_momentum,
    )  # fmt: skip
    for part, found in (
        ("test", learned.test[kind, 60]),
        ("valid", learned.valid[kind, 60, learned.own(kind, 60)]),
    ):
        assert kd.evaluate(student, getattr(data, part), num_classes=2).errors == found[0]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda t: hidden.teach(draws=[]), ValueError, "draws"),
        (lambda t: hidden.teach(draws=[0.5]), TypeError, "draws"),
        (lambda t: hidden.teach(epochs=0), ValueError, "epochs"),
        (lambda t: hidden.learn("taught"), TypeError, "taught"),
        (lambda t: hidden.learn(t, rates=[]), ValueError, "rates"),
        (lambda t: hidden.learn(t, rates=[0.1, 0.1]), ValueError, "rates"),
        (lambda t: hidden.learn(t, [3]), ValueError, "images"),
        (lambda t: hidden.learn(t, []), ValueError, "images"),
        (lambda t: hidden.learn(t, steps=1), ValueError, "steps"),
    ],
)
def test_odd_arguments_are_named(taught, call, error, says):
    with pytest.raises(error, match=says):
        call(taught)


def test_what_teachers_use_and_misread(taught):
    """Counted image by image."""
    used, wrong = hidden.subclasses_used(taught), hidden.misread(taught)
    for kind, networks in taught.teachers.items():
        for place, network in enumerate(networks):
            valid = taught.halves[place].valid
            with torch.no_grad():
                logits = network(valid.images)
            assert used[kind][place] == len(set(logits.argmax(dim=1).tolist()))
            classes = torch.stack([logits[:, :5].exp().sum(1), logits[:, 5:].exp().sum(1)])
            assert wrong[kind][place] == int((classes.argmax(dim=0) != valid.labels).sum())
    for call in (hidden.subclasses_used, hidden.misread):
        with pytest.raises(TypeError, match="taught"):
            call("taught")


def test_a_study_has_what_learn_finds(taught, monkeypatch):
    def of_both(draws, **how):
        assert list(draws) == [0, 1]
        return taught

    monkeypatch.setattr(hidden_students, "teach", of_both)
    found = hidden_students.studied(taught.halves, 60)
    wanted = hidden.learn(taught, [60])
    assert list(found) == list(hidden.KINDS)
    for kind, arm in found.items():
        assert arm.test_errors == wanted.test[kind, 60]
        assert arm.setting == {"learning_rate": wanted.own(kind, 60)}
        assert [e for _, e in arm.tried] == [
            sum(wanted.valid[kind, 60, rate]) for rate in hidden.RATES
        ]


def test_the_record_has_ten_seeds_of_every_kind_at_its_own_rate():
    for images in hidden_students.STUDIES:
        for kind in hidden.KINDS:
            runs = hidden_students.recorded(kind, images)
            assert runs.seeds == tuple(range(digits_2x5.SEEDS))
            assert all(0 <= wrong <= 359 for wrong in runs)
            (config,) = {
                str(r.config): r.config
                for r in kd.results.load_records(digits_2x5.NAME)
                if r.config["role"] == kind
                and r.config["study"] == hidden_students.STUDIES[images]
            }.values()
            tried = {s["learning_rate"]: errors for s, errors in config["chosen_from"]}
            assert set(tried) == set(hidden.RATES)
            assert tried[hidden_students.chosen_rate(kind, images)] == min(tried.values())


def test_recovery_is_the_share_of_the_best_matching(taught):
    found = hidden.recovered(taught)
    assert set(found) == set(hidden.TEACHERS)
    for kind, shares in found.items():
        for share, network, data in zip(
            shares, taught.teachers[kind], taught.digits, strict=True
        ):
            chosen = kd.metrics.predict_logits(network, data.valid.images).argmax(dim=1)
            table = np.zeros((10, 10), dtype=int)
            np.add.at(table, (chosen.numpy(), data.valid.labels.numpy()), 1)
            best = table[linear_sum_assignment(table, maximize=True)].sum()
            assert share == pytest.approx(100 * best / 359)
    with pytest.raises(TypeError, match="taught must come from teach"):
        hidden.recovered(taught.teachers)


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("name", ["control", "diverse"])
def test_networks_on_mnist_are_those_of_their_teacher(classes, name):
    beta = {"control": 0.0, "diverse": {2: 1.0, 10: 0.1}[classes]}[name]

    def of_record(role, transfer):
        return {
            r.seed: r.result["test_errors"]
            for r in kd.results.load_records(f"mnist-{classes}x5")
            if r.config["role"] == role
            and r.config.get("transfer") == transfer
            and r.config.get("teacher", r.config).get("beta") == beta
        }

    for images in (60, None) if classes == 2 else (None,):
        for role in ("classes", "subclasses", "teacher"):
            runs = hidden_students.on_mnist(f"{role}, {name}", images, classes=classes)
            wanted = of_record(role, None if role == "teacher" else images)
            assert dict(zip(runs.seeds, runs, strict=True)) == wanted
            assert len(wanted) == 10


def test_unknown_networks_on_mnist_are_named():
    for kind, images, classes, error, says in (
        ("nobody", None, 2, ValueError, "kind"),
        ("teacher", None, 2, ValueError, "kind"),
        ("labels", 61, 2, ValueError, "images"),
        ("labels", None, 5, ValueError, "classes must be 2 or 10"),
        ("labels", None, "2", TypeError, "classes"),
        ("labels", 60, 10, LookupError, "mnist-10x5"),
    ):
        with pytest.raises(error, match=says):
            hidden_students.on_mnist(kind, images, classes=classes)


def test_unknown_students_are_named():
    for call in (hidden_students.recorded, hidden_students.chosen_rate):
        with pytest.raises(ValueError, match="kind"):
            call("nobody", 60)
        with pytest.raises(ValueError, match="images"):
            call("labels", 61)
