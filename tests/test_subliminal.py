"""Students of noise: what is trained, what stays, and where they begin."""

import copy

import pytest
import torch
import torch.nn.functional as F

from kdteach import results
from kdteach.data import load
from kdteach.experiments import subliminal
from kdteach.experiments.catalogue import mnist_subliminal
from kdteach.experiments.subliminal import Way
from kdteach.models import build
from kdteach.types import Split

C = 3


def network(seed):
    return build(
        "fc-8", seed=seed, input_shape=(1, 8, 8), num_classes=C + 2, dtype=torch.float64
    )


@pytest.fixture(scope="module")
def few():
    train = load("digits", dtype=torch.float64).train
    rows = (train.labels < C).nonzero()[:40, 0]
    return Split(train.images[rows], train.labels[rows])


@pytest.fixture(scope="module")
def taught(few):
    first = [network(s) for s in (0, 1)]
    return first, subliminal.teach(
        first, [few] * 2, C, seeds=[0, 1], epochs=3, batch_size=20, learning_rate=0.01,
        progress=False,
    )  # fmt: skip


def test_rows_are_outputs_and_the_network_stays():
    net = network(0)
    before = copy.deepcopy(net.state_dict())
    x = torch.rand(4, 1, 8, 8, dtype=torch.float64)
    assert torch.allclose(subliminal.rows(net, [4, 0])(x), net(x)[:, [4, 0]])
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    with pytest.raises(ValueError, match="at most 4"):
        subliminal.rows(net, [5])
    with pytest.raises(TypeError, match="dense layer"):
        subliminal.rows(build("cnn-digits")[:-1], [0])


def test_a_mixture_keeps_the_spread():
    torch.manual_seed(0)
    one, two = (torch.nn.Linear(300, 300) for _ in range(2))
    for share in (0.0, 0.3, 0.8, 1.0):
        net = subliminal.mixed(one, two, share)
        a, b = one.weight.detach().flatten(), net.weight.detach().flatten()
        assert float(b.std()) == pytest.approx(float(a.std()), rel=0.02)
        assert float(torch.corrcoef(torch.stack([a, b]))[0, 1]) == pytest.approx(
            share, abs=0.02
        )
    assert torch.equal(subliminal.mixed(one, two, 1.0).weight, one.weight)
    with pytest.raises(ValueError, match="share"):
        subliminal.mixed(one, two, 1.1)
    with pytest.raises(ValueError, match="one architecture"):
        subliminal.mixed(one, torch.nn.Linear(300, 2), 0.5)


def test_noise_is_uniform_and_comes_again():
    one, two, other = (subliminal.noise(500, (1, 8, 8), seed=s) for s in (3, 3, 4))
    assert torch.equal(one.images, two.images)
    assert not torch.equal(one.images, other.images)
    assert -1 <= float(one.images.min()) < -0.99
    assert 0.99 < float(one.images.max()) <= 1
    assert abs(float(one.images.mean())) < 0.02
    assert float(one.images.var()) == pytest.approx(1 / 3, rel=0.03)


def test_the_extra_outputs_of_a_teacher_are_not_trained(few, taught):
    """As a hand-written loop that minimises the loss of the class outputs alone."""
    (first, _), (teacher, _) = taught
    assert torch.equal(teacher[-1].weight[C:], first[-1].weight[C:])
    assert torch.equal(teacher[-1].bias[C:], first[-1].bias[C:])
    assert not torch.equal(teacher[-1].weight[:C], first[-1].weight[:C])
    net = copy.deepcopy(first)
    loss = F.cross_entropy(net(few.images)[:, :C], few.labels)
    loss.backward()
    assert float(net[-1].weight.grad[C:].abs().max()) == 0


def test_a_student_is_trained_as_by_hand(taught):
    first, teachers = taught
    others = [network(s) for s in (7, 8)]
    split = subliminal.noise(16, (1, 8, 8), dtype=torch.float64)
    ways = [Way(1.0, outputs=2), Way(0.0, "teacher", 2), Way(0.0, "first", None)]
    found = subliminal.learn(
        ways, first, others, teachers, split, C, seeds=[0, 1], epochs=1, batch_size=16,
        learning_rate=0.01, progress=False,
    )  # fmt: skip
    for way, students in zip(ways, found, strict=True):
        for i, student in enumerate(students):
            net = subliminal.beginning(way, first[i], others[i], teachers[i])
            outputs = slice(C, None) if way.outputs else slice(None)
            optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
            given, wanted = (n(split.images)[:, outputs] for n in (net, teachers[i]))
            F.kl_div(
                given.log_softmax(1), wanted.detach().log_softmax(1), log_target=True,
                reduction="batchmean",
            ).backward()  # fmt: skip
            optimizer.step()
            for mine, theirs in zip(student.parameters(), net.parameters(), strict=True):
                assert torch.allclose(mine, theirs, atol=1e-9)
    assert torch.equal(found[0][0][-1].weight[:C], first[0][-1].weight[:C])
    assert torch.equal(found[1][0][-1].weight[:C], teachers[0][-1].weight[:C])


def test_classes_are_read_without_the_extra_outputs(few):
    net = network(0)
    answers = subliminal.evaluate_classes(net, few, C)
    wanted = net(few.images)[:, :C].argmax(dim=1) != few.labels
    assert answers.errors == int(wanted.sum())


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"share": 2.0}, ValueError, "share"),
        ({"head": "none"}, ValueError, "head"),
        ({"outputs": 1}, ValueError, "outputs"),
    ],
)
def test_ways_that_are_none(options, error, says):
    with pytest.raises(error, match=says):
        Way(**options)


def test_more_outputs_than_there_are(taught):
    first, teachers = taught
    split = subliminal.noise(4, (1, 8, 8), dtype=torch.float64)
    with pytest.raises(ValueError, match="at most 2"):
        subliminal.learn([Way(outputs=3)], first, first, teachers, split, C,
                         seeds=[0, 1], epochs=1)  # fmt: skip
    with pytest.raises(ValueError, match="one member a teacher"):
        subliminal.learn([Way()], first, first, teachers, split, C, seeds=[0], epochs=1)


def test_what_is_recorded_is_what_the_experiment_asks_for():
    """Every record belongs to a known kind of student, and a kind has all its seeds."""
    records = results.load_records(mnist_subliminal.NAME)
    known = {"teacher": mnist_subliminal.TEACHER} | {
        name: mnist_subliminal.config_of(way) for name, way in mnist_subliminal.WAYS.items()
    }
    known |= {
        name: mnist_subliminal.config_of(way, mnist_subliminal.LONGER_EPOCHS)
        for name, way in mnist_subliminal.LONGER.items()
    }
    assert records
    for record in records:
        assert dict(record.config) in known.values()
        assert not str(record.environment["commit"]).endswith("+")
    for name in ("teacher", "same start", "other start"):
        seeds = [r.seed for r in records if r.config == known[name]]
        assert sorted(seeds) == list(range(mnist_subliminal.SEEDS)), name
