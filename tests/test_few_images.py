"""Groups of small students: tuned alike, paired, tested at the rate that was chosen."""

import pytest
import torch

import kdteach as kd
from kdteach.experiments import few_images as few

RATES = (0.01, 0.03)


@pytest.fixture(scope="module")
def draws():
    return [kd.load("digits", draw=n, dtype=torch.float64) for n in range(2)]


@pytest.fixture(scope="module")
def group(draws):
    return few.learn(draws, [kd.hard_labels()] * 2, 20, epochs=5, rates=RATES)


def test_a_student_trained_alone_gives_the_same(draws, group):
    """By hand, in plain PyTorch: sample, student, Adam on the whole sample."""
    errors, right = dict.fromkeys(RATES, 0), {rate: [] for rate in RATES}
    for rate in RATES:
        for seed in range(8):
            draw = draws[seed % 2]
            part = kd.data.small_sample(draw.train, 20, seed=seed)
            student = kd.build(
                "fc-64", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64
            )
            adam = torch.optim.Adam(student.parameters(), lr=rate)
            for _ in range(5):
                adam.zero_grad()
                loss = torch.nn.functional.cross_entropy(student(part.images), part.labels)
                loss.backward()
                adam.step()
            with torch.no_grad():
                answers = student(draw.valid.images).argmax(dim=1)
                errors[rate] += int((answers != draw.valid.labels).sum())
                answers = student(draw.test.images).argmax(dim=1)
                right[rate].append(100 * (answers == draw.test.labels).double().mean())
    assert dict(group.errors) == errors
    assert group.rate == min(errors, key=errors.get)
    chosen = right[group.rate]
    by_draw = torch.stack([torch.stack(chosen[n::2]).mean() for n in range(2)])
    assert torch.allclose(group.accuracy, by_draw, atol=1e-9)


def test_towards_is_the_cross_entropy_with_the_target():
    """Its gradients are those of T squared times - sum p log q, for a label, too."""
    torch.manual_seed(0)
    z = torch.randn(6, 10, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(10, (6,))
    soft = torch.randn(6, 10, dtype=torch.float64).softmax(dim=1)
    for p in (soft, torch.nn.functional.one_hot(labels, 10).double()):
        for temperature in (1.0, 4.0):
            log_q = torch.log_softmax(z / temperature, dim=1)
            plain = -(temperature**2) * (p * log_q).sum(dim=1).mean()
            objective = few.towards(p, temperature)
            terms = kd.losses.kd_loss(
                z, objective.teachers[0], labels, temperature, alpha=1.0
            )
            wanted, got = (torch.autograd.grad(x, z)[0] for x in (plain, terms))
            assert torch.allclose(got, wanted, atol=1e-12)


def test_simpler_targets_are_those_of_the_horse():
    """Two horses and a car, by hand: doubts of 0.3, 0.1 and 0.5, mean 0.3."""
    p = torch.tensor(
        [[0.7, 0.25, 0.05], [0.9, 0.07, 0.03], [0.2, 0.3, 0.5]], dtype=torch.float64
    )
    made = few.simpler_targets(p, torch.tensor([0, 0, 2]))
    wanted = {
        "the label": [[1, 0, 0], [1, 0, 0], [0, 0, 1]],
        "same doubt for all": [[0.7, 0.15, 0.15], [0.7, 0.15, 0.15], [0.15, 0.15, 0.7]],
        "own doubt": [[0.7, 0.15, 0.15], [0.9, 0.05, 0.05], [0.25, 0.25, 0.5]],
        # the horses leave 0.32 to the donkey and 0.08 to the car: four parts to one
        "class resemblances": [[0.7, 0.24, 0.06], [0.9, 0.08, 0.02], [0.2, 0.3, 0.5]],
    }
    assert list(made) == list(wanted)
    for name, rows in wanted.items():
        rows = torch.tensor(rows, dtype=torch.float64)
        assert torch.allclose(made[name], rows, atol=1e-12), name


def test_simpler_targets_refuse_what_is_no_target():
    p, labels = torch.full((2, 2), 0.5), torch.tensor([0, 1])
    with pytest.raises(TypeError, match="target must be a tensor of floats"):
        few.simpler_targets(p.long(), labels)
    with pytest.raises(ValueError, match=r"target must be \(N, C\)"):
        few.simpler_targets(p[0], labels)
    with pytest.raises(ValueError, match="add up to 1"):
        few.simpler_targets(2 * p, labels)
    with pytest.raises(ValueError, match="labels"):
        few.simpler_targets(p, labels + 1)
    with pytest.raises(ValueError, match="leave something to the wrong classes"):
        few.simpler_targets(torch.eye(2), labels)


def test_a_rate_at_the_edge_is_seen():
    made = few.Group(torch.zeros(1), {0.01: 5, 0.03: 4, 0.1: 6})
    assert made.rate == 0.03
    assert made.is_between
    assert not few.Group(torch.zeros(1), {0.01: 3, 0.03: 4, 0.1: 6}).is_between
    assert not few.Group(torch.zeros(1), {0.01: 5, 0.03: 4, 0.1: 2}).is_between
    told = few.rates_tried({"one": made, "another": made}).splitlines()
    assert told[0].split() == ["0.01", "0.03", "0.1"]
    assert told[2].split() == ["another", "5", "4*", "6"]
    assert len({line.index("6") for line in told[1:]}) == 1


def test_bad_input_is_named(draws):
    labels = [kd.hard_labels()] * 2
    with pytest.raises(ValueError, match="one objective for each data set, got 2 and 1"):
        few.learn(draws, labels[:1], 20)
    with pytest.raises(TypeError, match="draws must be data sets"):
        few.learn([d.train for d in draws], labels, 20)
    with pytest.raises(ValueError, match="rates must be one or more numbers, all diff"):
        few.learn(draws, labels, 20, rates=(0.1, 0.1))
    with pytest.raises(ValueError, match="rates must be"):
        few.learn(draws, labels, 20, rates=(0.0,))
    with pytest.raises(ValueError, match="size must be an integer"):
        few.learn(draws, labels, 0)
    with pytest.raises(ValueError, match="epochs"):
        few.learn(draws, labels, 20, epochs=0)
    with pytest.raises(ValueError, match="same learning rates"):
        few.rates_tried({})
    with pytest.raises(TypeError, match="target"):
        few.towards([0.5, 0.5], 4.0)
    with pytest.raises(ValueError, match="temperature"):
        few.towards(torch.full((2, 2), 0.5), 0.0)
