"""Arms of students: trained as by hand, each at the rate that validation chose."""

import math

import pytest
import torch
from torch.nn import functional

import kdteach as kd
from kdteach.experiments import arms

RATES = (0.02, 0.2)
EPOCHS = 3


@pytest.fixture(scope="module")
def draws():
    return [kd.load("digits", draw=n, dtype=torch.float64) for n in range(2)]


@pytest.fixture(scope="module")
def few(draws):
    return [draw.train.select(torch.arange(40)) for draw in draws]


@pytest.fixture(scope="module")
def tables(draws):
    random = torch.Generator().manual_seed(0)
    return [
        3 * torch.randn(len(d.train), 10, generator=random, dtype=torch.float64)
        for d in draws
    ]


@pytest.fixture(scope="module")
def found(draws, few, tables):
    given = {"labels": [kd.hard_labels()] * 2, 4: [kd.distil(v, 4, 1.0) for v in tables]}
    return arms.search(given, draws, few, RATES, epochs=EPOCHS, batch_size=40)


def by_hand(draw, part, rate, seed, loss):
    student = kd.build("fc-64", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)
    sgd = torch.optim.SGD(student.parameters(), lr=rate, momentum=0.9, nesterov=True)
    for epoch in range(EPOCHS):  # all 40 images in one step
        sgd.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2
        sgd.zero_grad()
        loss(student(part.images), part).backward()
        sgd.step()
    with torch.no_grad():
        return [
            int((student(split.images).argmax(dim=1) != split.labels).sum())
            for split in (draw.valid, draw.test)
        ]


def test_a_student_trained_by_hand_gives_the_same(draws, few, tables, found):
    def hard(z, part):
        return functional.cross_entropy(z, part.labels)

    def soft(table):
        def loss(z, part):
            p = torch.softmax(table[part.index] / 4, dim=1)
            log_q = torch.log_softmax(z / 4, dim=1)
            return 16 * functional.kl_div(log_q, p, reduction="batchmean")

        return loss

    for name in ("labels", 4):
        losses = [hard, hard] if name == "labels" else [soft(table) for table in tables]
        errors = {
            rate: [by_hand(draws[s], few[s], rate, s, losses[s]) for s in range(2)]
            for rate in RATES
        }
        valid = {rate: [v for v, _ in each] for rate, each in errors.items()}
        best = min(valid, key=lambda rate, valid=valid: sum(valid[rate]))
        assert found[name].valid == valid
        assert found[name].rate == best
        assert found[name].test == [t for _, t in errors[best]]


def test_students_are_those_of_the_chosen_rate(draws, found):
    for arm in found.values():
        (run,) = arm.students
        errors = [
            kd.evaluate(student, draw.test).errors
            for student, draw in zip(run, draws, strict=True)
        ]
        assert errors == arm.test


def test_runs_are_averaged_and_differ_in_the_order_of_the_images(draws, few):
    given = {"labels": [kd.hard_labels()] * 2}
    one = arms.search(given, draws, few, RATES, epochs=2, batch_size=8)["labels"]
    two = arms.search(given, draws, few, RATES, runs=2, epochs=2, batch_size=8)["labels"]
    assert len(two.students) == 2
    counts = [
        [kd.evaluate(n, d.valid).errors for n, d in zip(run, draws, strict=True)]
        for run in two.students
    ]
    assert two.valid[two.rate] == [(a + b) / 2 for a, b in zip(*counts, strict=True)]
    assert one.valid[two.rate] == counts[0]  # the first run is the single one
    first, second = (run[0].state_dict()["1.weight"] for run in two.students)
    assert not torch.equal(first, second)


def test_at_a_tie_the_first_rate_is_taken():
    assert arms.Arm({0.1: [3, 4], 0.2: [4, 3], 0.3: [9, 9]}, [], []).rate == 0.1


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"arms": {}}, ValueError, "arms must map names"),
        ({"arms": {"a": [kd.hard_labels()]}}, ValueError, r"one member a seed.*\[1, 2\]"),
        ({"arms": {"a": 3}}, TypeError, "arms"),
        ({"draws": [1, 2]}, TypeError, "draws must be data sets"),
        ({"rates": ()}, ValueError, "rates must be one or more"),
        ({"rates": (0.1, 0.1)}, ValueError, "rates must be one or more"),
        ({"rates": (0.1, -1)}, ValueError, "rates"),
        ({"runs": 0}, ValueError, "runs"),
        ({"epochs": 0}, ValueError, "epochs"),
    ],
)
def test_what_does_not_fit_is_refused(draws, few, change, error, says):
    given = {
        "arms": {"a": [kd.hard_labels()] * 2}, "draws": draws, "seen": few,
        "rates": RATES, "epochs": 1,
    }  # fmt: skip
    with pytest.raises(error, match=says):
        arms.search(**{**given, **change})


def test_a_pair_of_temperature_and_rate_is_chosen_on_validation():
    valid = {(1.0, 0.1): [5, 5], (1.0, 0.2): [4, 5], (8.0, 0.1): [3, 5], (8.0, 0.2): [9, 9]}
    found = {pair: [torch.nn.Identity()] for pair in valid}
    arm = arms.SoftArm(valid, found)
    assert (arm.T, arm.rate) == (8.0, 0.1)
    assert arm.students is found[8.0, 0.1]
    assert arm.at(1.0) is found[1.0, 0.2]
    with pytest.raises(ValueError, match=r"one of \[1.0, 8.0\], got 2"):
        arm.at(2.0)
    for wrong in ({}, {(1.0, 0.1): []}):
        with pytest.raises(ValueError, match="the same pairs"):
            arms.SoftArm(valid, wrong)
    with pytest.raises(ValueError, match="at least one"):
        arms.SoftArm({}, {})


def test_what_an_arm_chose_in_words():
    one = arms.SoftArm({(20.0, 0.18): [3]}, {(20.0, 0.18): []})
    two = arms.SoftArm({(1.0, 0.06): [3]}, {(1.0, 0.06): []})
    assert arms.in_words({"hard": one, "other": two}) == (
        "hard T = 20, 0.18, other T = 1, 0.06"
    )
    with pytest.raises(ValueError, match="one or more"):
        arms.in_words({})
    with pytest.raises(TypeError, match="dictionary"):
        arms.in_words([one])


def test_recall_is_that_of_a_loop(draws):
    network = kd.build("fc-8", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
    found = arms.recall([network, network], [d.valid for d in draws], 3)
    for share, draw in zip(found, draws, strict=True):
        with torch.no_grad():
            said = network(draw.valid.images[draw.valid.labels == 3]).argmax(dim=1)
        assert share == pytest.approx(100 * sum(s == 3 for s in said.tolist()) / len(said))
    with pytest.raises(ValueError, match="as many"):
        arms.recall([network], [d.valid for d in draws], 3)
    with pytest.raises(ValueError, match="number"):
        arms.recall([network], [draws[0].valid], 10)
    with pytest.raises(TypeError, match="students"):
        arms.recall(network, [draws[0].valid], 3)
