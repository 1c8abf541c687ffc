"""Runner-ups, what teachers share, and an interval over teachers that keeps its promise."""

import numpy as np
import pytest
import torch

import kdteach as kd
from kdteach.dark_knowledge import (
    class_means,
    doubt_alone,
    leads,
    per_teacher,
    runner_up,
    same_runner_up,
    shuffled,
)
from kdteach.stats import mean_interval


def test_the_runner_up_is_never_the_label():
    torch.manual_seed(0)
    logits, labels = torch.randn(500, 5) - 3, torch.randint(5, (500,))
    found = runner_up(logits, labels)
    assert (found != labels).all()
    rest = logits.masked_fill(torch.nn.functional.one_hot(labels, 5).bool(), -1e9)
    assert torch.equal(found, rest.argmax(dim=1))


def test_knowing_the_class_alone_gives_no_lead():
    """Teachers that look at the class and not at the image share as much on any image."""
    random = np.random.default_rng(0)
    labels = torch.from_numpy(random.integers(0, 3, 3000))
    chances = np.array([[0, 0.8, 0.2], [0.5, 0, 0.5], [0.1, 0.9, 0]])
    a, b = (
        torch.tensor([random.choice(3, p=chances[y]) for y in labels.tolist()])
        for _ in range(2)
    )
    shared = same_runner_up(a, b, labels)
    expected = float(np.mean((chances**2).sum(axis=1)))
    assert shared.other_image == pytest.approx(expected, abs=0.02)
    assert shared.same_image == pytest.approx(shared.other_image, abs=0.03)
    alike = same_runner_up(a, a, labels)
    assert alike.same_image == 1
    assert alike.other_image == pytest.approx(expected, abs=0.02)


def test_shuffled_targets_are_as_soft_and_say_nothing():
    torch.manual_seed(0)
    logits, labels = torch.randn(4000, 6).double(), torch.randint(6, (4000,))
    logits[:, 1] += 5  # everything resembles a 1
    mixed = shuffled(logits, labels, seed=1)
    for temperature in (1.0, 4.0):
        before, after = (kd.losses.soft_targets(z, temperature) for z in (logits, mixed))
        rows = torch.arange(4000)
        assert torch.allclose(before[rows, labels], after[rows, labels], rtol=1e-12)
        assert torch.allclose(before.sort(dim=1).values, after.sort(dim=1).values)
    chosen = runner_up(mixed, labels)
    counts = torch.bincount(chosen[labels == 0], minlength=6)[1:].double()
    assert (counts / counts.sum() - 0.2).abs().max() < 0.06
    assert torch.equal(mixed, shuffled(logits, labels, seed=1))
    assert not torch.equal(mixed, shuffled(logits, labels, seed=2))


def test_class_means_say_the_same_of_every_image_of_a_class():
    logits = torch.tensor([[4.0, 0.0, 1.0], [2.0, 2.0, 3.0], [0.0, 6.0, 5.0]])
    found = class_means(logits, torch.tensor([0, 0, 1]))
    assert found.tolist() == [[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [0.0, 6.0, 5.0]]
    assert logits[0, 0] == 4  # a new tensor
    with pytest.raises(ValueError, match="labels"):
        class_means(logits, torch.tensor([0, 0, 3]))


def test_the_interval_over_teachers_keeps_its_promise():
    """95 % intervals hold the truth about 19 times in 20, though pairs share teachers.

    An interval over the 45 pairs as if they were independent fails: the test can tell.
    """
    random = np.random.default_rng(0)
    hits = naive = 0
    for _ in range(400):
        own = random.normal(size=10)
        noise = random.normal(size=(10, 10)) * 0.3
        table = own[:, None] + own[None, :] + (noise + noise.T) / 2
        hits += mean_interval(per_teacher(table)).covers(0)
        pairs = table[np.triu_indices(10, 1)]
        naive += mean_interval(pairs).covers(0)
    assert 0.92 <= hits / 400 <= 0.98
    assert naive / 400 < 0.8


def test_which_digits_a_teacher_was_trained_on():
    everything, seen = kd.data.whole_digits(), kd.data.digits_seen([0, 7])
    assert seen.sum(dim=1).tolist() == [1079, 1079]
    for row, draw in zip(seen, (0, 7), strict=True):
        train = kd.load("digits", draw=draw).train
        assert torch.equal(everything.images[row], train.images)
        held_out = torch.cat(
            [getattr(kd.load("digits", draw=draw), p).labels for p in ("valid", "test")]
        )
        assert torch.equal(everything.labels[~row].sort().values, held_out.sort().values)


def test_doubt_alone_is_as_soft_and_says_nothing_else():
    torch.manual_seed(0)
    logits, labels = 12 * torch.randn(300, 10).double(), torch.randint(10, (300,))
    rows = torch.arange(300)
    logits[rows, labels] += 20

    def softness(z):  # by torch's own distribution
        return torch.distributions.Categorical(logits=z / 10).entropy()

    made = doubt_alone(logits, labels, 10.0)
    assert torch.allclose(softness(made), softness(logits), atol=1e-9)
    assert (made[rows, labels] > 0).all()
    rest = made.scatter(1, labels[:, None], 0.0)
    assert not rest.any()  # all wrong classes alike

    same = doubt_alone(logits, labels, 10.0, like=torch.arange(0, 300, 3))
    assert torch.allclose(softness(same), softness(logits[::3]).mean().expand(300))
    # another temperature is another lead
    assert not torch.allclose(made, doubt_alone(logits, labels, 4.0))


def test_doubt_alone_of_a_teacher_without_doubt_and_of_one_without_an_opinion():
    logits = torch.tensor([[5000.0, 0, 0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    made = doubt_alone(logits, torch.tensor([0, 2]), 1.0)
    p = made.softmax(dim=1)
    assert p[0].tolist() == pytest.approx([1, 0, 0])
    assert p[1].tolist() == pytest.approx([1 / 3] * 3, abs=1e-6)
    with pytest.raises(ValueError, match="like must name rows from 0 to 1"):
        doubt_alone(logits, torch.tensor([0, 2]), 1.0, like=torch.tensor([2]))


def test_leads_are_those_of_numpy():
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(40, 6)) * 3, random.integers(0, 6, 40)
    ahead, odds, spread, share = [], [], [], []
    for row, label in zip(logits, labels, strict=True):
        wrong = np.delete(row, label)
        ahead.append(row[label] - wrong.mean())
        odds.append(row[label] - np.log(np.exp(wrong).mean()))
        spread.append(wrong.std())
        share.append(np.exp(row[label]) / np.exp(row).sum())
    found = leads(torch.from_numpy(logits), torch.from_numpy(labels))
    assert found.lead == pytest.approx(np.mean(ahead))
    assert found.over_odds == pytest.approx(np.mean(odds))
    assert found.spread == pytest.approx(np.mean(spread))
    assert found.share == pytest.approx(np.mean(share))
    assert found.over_odds < found.lead


def test_the_lead_of_a_smoothed_label_is_the_logarithm_of_91():
    """The network that gives exactly 0.91 and nine times 0.01: both leads, no spread."""
    logits = torch.full((3, 10), 0.01, dtype=torch.float64)
    labels = torch.tensor([2, 5, 9])
    logits[torch.arange(3), labels] = 0.91
    found = leads(logits.log(), labels)
    assert [found.lead, found.over_odds] == pytest.approx([np.log(91)] * 2)
    assert found.spread == pytest.approx(0)
    assert found.share == pytest.approx(0.91)
    with pytest.raises(ValueError, match="N, C >= 1"):
        leads(torch.zeros(0, 10), torch.zeros(0, dtype=torch.long))
    with pytest.raises(ValueError, match="3 classes"):
        leads(torch.zeros(2, 2), torch.zeros(2, dtype=torch.long))
