"""Without a finished teacher: peers by hand, branches by their formula, choices again."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import kdteach as kd
from kdteach.experiments import friendly, unlabelled_peers, without_a_teacher
from kdteach.experiments.catalogue import digits_without_a_teacher
from kdteach.types import Batch


def small(name="fc-64", seed=0):
    return kd.build(name, input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)


@pytest.fixture(scope="module")
def few():
    digits = kd.load("digits", draw=0, dtype=torch.float64)
    return kd.data.small_sample(digits.train, 100, seed=0)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_two_architectures_learn_together_as_in_plain_pytorch(few, temperature):
    """Weight by weight to 1e-9, with an optimiser each, over several epochs."""
    by_hand, students = ([small("fc-64"), small("cnn-1k")] for _ in range(2))
    optimizers = [torch.optim.Adam(net.parameters(), lr=0.01) for net in by_hand]
    order = kd.seeding.generator(3, "order")
    for _ in range(4):
        for rows in torch.randperm(100, generator=order, device="cpu").split(20):
            logits = [net(few.images[rows]) for net in by_hand]
            for k, optimizer in enumerate(optimizers):
                q = F.softmax(logits[k] / temperature, dim=1)
                p = F.softmax(logits[1 - k].detach() / temperature, dim=1)
                divergence = (p * (p / q).log()).sum(dim=1).mean()
                loss = F.cross_entropy(logits[k], few.labels[rows])
                optimizer.zero_grad()
                (loss + temperature**2 * divergence).backward()
            for optimizer in optimizers:
                optimizer.step()
    kd.fit_cohort(
        students, few, kd.objectives.mutual(temperature), epochs=4, batch_size=20,
        learning_rate=0.01, seed=3, progress=False,
    )  # fmt: skip
    for mine, its in zip(by_hand, students, strict=True):
        for one, other in zip(mine.parameters(), its.parameters(), strict=True):
            assert (one - other).abs().max() < 1e-9
    first = small("fc-64")
    assert not torch.equal(first[1].weight, students[0][1].weight)


def softmax(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def test_a_friendly_teachers_loss_by_its_formula(few):
    teacher = small("cnn-digits")
    digits = kd.load("digits", draw=0, dtype=torch.float64)
    branches = friendly.branches_of(small("cnn-1k", 1), digits, 2)
    assert list(branches) == ["4", "7"]
    objective = friendly.Friendly(branches, 3.0)
    batch = Batch(few.images[:7], few.labels[:7], few.index[:7])
    terms = objective(teacher, batch)
    labels = np.eye(10)[batch.labels.numpy()]
    p = softmax(teacher(batch.images).detach().numpy())
    wanted = -(labels * np.log(p)).sum(1).mean()
    for layer, branch in branches.items():
        middle = teacher[: int(layer) + 1](batch.images)
        q = softmax(branch(middle).detach().numpy())
        wanted += -(labels * np.log(q)).sum(1).mean()
        wanted += 3 * (q * np.log(q / p)).sum(1).mean()
    assert abs(terms.total.item() - wanted) < 1e-10
    # the divergence moves both
    for weights in (list(teacher.parameters()), list(objective.parameters())):
        moved = torch.autograd.grad(
            terms.parts["apart"], weights, retain_graph=True, allow_unused=True
        )
        assert any(g is not None and bool(g.abs().max() > 0) for g in moved)
    before = branches["4"][0].weight.clone()
    kd.fit(teacher, few, objective, epochs=1, batch_size=50, progress=False)
    assert not torch.equal(before, branches["4"][0].weight)


def test_what_a_friendly_teacher_cannot_have():
    with pytest.raises(TypeError, match="branches must map"):
        friendly.Friendly([nn.Linear(2, 2)])
    with pytest.raises(TypeError, match="branches must map"):
        friendly.Friendly({"4": "a branch"})
    with pytest.raises(ValueError, match="at least one branch"):
        friendly.Friendly({})
    with pytest.raises(ValueError, match="weight"):
        friendly.Friendly({"4": nn.Linear(2, 2)}, -1.0)


def test_partly_labelled_peers_by_their_formula(few):
    """Labels for 3 of 8 images: the others add to the divergence alone."""
    pair = [small("fc-64"), small("cnn-1k")]
    batch = Batch(few.images[:8], few.labels[:8], few.index[:8])
    known = torch.zeros(int(few.index.max()) + 1, dtype=torch.bool)
    known[few.index[:3]] = True
    found = unlabelled_peers.PartlyLabelled(known, 2.0, weight=0.5)(pair, batch)
    logits = [network(batch.images).detach().numpy() for network in pair]
    hard = np.eye(10)[batch.labels[:3].numpy()]
    for j, terms in enumerate(found):
        q, p = softmax(logits[j] / 2), softmax(logits[1 - j] / 2)
        wanted = -(hard * np.log(softmax(logits[j][:3]))).sum(1).mean()
        wanted += 0.5 * 4 * (p * np.log(p / q)).sum(1).mean()
        assert abs(terms.total.item() - wanted) < 1e-10
        of_other = torch.autograd.grad(
            terms.total, pair[1 - j].parameters(), retain_graph=True, allow_unused=True
        )
        assert all(g is None for g in of_other)


def test_partly_labelled_peers_do_not_read_the_other_labels(few):
    """Other labels where none is known change nothing; and no label at all is finite."""
    known = torch.zeros(int(few.index.max()) + 1, dtype=torch.bool)
    known[few.index[:3]] = True
    other = (few.labels + 1) % 10
    other[:3] = few.labels[:3]
    joint = unlabelled_peers.PartlyLabelled(known)
    pair = [small("fc-64"), small("cnn-1k")]
    one, two = (
        [terms.total.item() for terms in joint(pair, Batch(few.images, y, few.index))]
        for y in (few.labels, other)
    )
    assert one == two
    nothing = unlabelled_peers.PartlyLabelled(torch.zeros_like(known))
    for terms in nothing(pair, Batch(few.images, few.labels, few.index)):
        assert terms.parts["hard"].item() == 0
        assert torch.equal(terms.total, terms.parts["soft"])


def test_what_partly_labelled_peers_cannot_have(few):
    known = torch.ones(2000, dtype=torch.bool)
    with pytest.raises(ValueError, match="temperature"):
        unlabelled_peers.PartlyLabelled(known, 0.0)
    with pytest.raises(ValueError, match="weight"):
        unlabelled_peers.PartlyLabelled(known, weight=-1.0)
    with pytest.raises(ValueError, match="at least two"):
        unlabelled_peers.PartlyLabelled(known)(
            [small()], Batch(few.images, few.labels, few.index)
        )


def test_images_get_the_class_that_a_network_chooses(few):
    table = torch.full((int(few.index.max()) + 1, 10), torch.nan, dtype=torch.float64)
    table[few.index] = small()(few.images).detach()
    named = unlabelled_peers.named_by(table, few)
    assert torch.equal(named.labels, small()(few.images).argmax(dim=1))
    assert torch.equal(named.index, few.index)
    assert named.images is few.images


def test_an_ensemble_says_the_mean_of_the_probabilities(few):
    members = [small("fc-64", seed) for seed in range(3)]
    logs = without_a_teacher.Ensemble(members)(few.images)
    each = [softmax(m(few.images).detach().numpy()) for m in members]
    assert np.abs(logs.exp().detach().numpy() - np.mean(each, axis=0)).max() < 1e-12
    for wrong, error in (([], ValueError), ([nn.Linear, 3], TypeError)):
        with pytest.raises(error, match="member"):
            without_a_teacher.Ensemble(wrong)


def test_the_fewest_errors_on_validation_are_chosen():
    draws = [kd.load("digits", draw=0, dtype=torch.float64)]
    idle = small("fc-64")
    good = without_a_teacher.trained(
        [small("fc-64")], [draws[0].train], [kd.hard_labels()], 0.01, epochs=2
    )
    tried = [({"learning_rate": 1.0}, [[idle]]), ({"learning_rate": 0.01}, [good])]
    groups, found = without_a_teacher.chosen(tried, draws)
    assert groups[0][0] is good[0]
    assert found.setting == {"learning_rate": 0.01}
    assert [errors for _, errors in found.tried] == [
        kd.evaluate(network, draws[0].valid).errors for network in (idle, good[0])
    ]


def test_choices_are_those_of_the_records():
    """Each arm has the setting with the fewest errors, of all seeds and both peers."""
    arms = {}
    for record in kd.results.load_records(digits_without_a_teacher.NAME):
        assert not str(record.environment["commit"]).endswith("+")
        arms.setdefault((record.config["study"], record.config["role"]), []).append(record)
    assert {study for study, _ in arms} == set(digits_without_a_teacher.STUDIES)
    errors = {}
    for key, rows in arms.items():
        assert sorted(row.seed for row in rows) == list(range(10))
        errors[key] = sum(row.result["valid_errors"] for row in rows)
    for (study, role), rows in arms.items():
        tried = rows[0].config["chosen_from"]
        if not tried or role.startswith("ensemble"):
            continue
        setting, fewest = min(tried, key=lambda pair: pair[1])
        assert setting.items() <= rows[0].config.items()
        if study == "mutual":
            arm = role.rsplit(",", 1)[0]
            members = without_a_teacher.PAIR
            assert fewest == sum(errors[study, f"{arm}, {each}"] for each in members)
        else:
            assert fewest == errors[study, role]


def test_plain_answers_repeat_what_the_successor_tried():
    """Of the same teachers: as many validation errors as where they were one choice."""
    tried = {}
    for record in kd.results.load_records(digits_without_a_teacher.NAME):
        if record.config["role"].endswith("answers of A, fc-64"):
            tried[record.config["role"]] = record.config["chosen_from"]
    plain = [pair for pair in tried["answers of A, fc-64"] if pair[0]["smoothing"] == 0]
    assert len(plain) == 3
    assert tried["plain answers of A, fc-64"] == plain


def test_the_studies_have_the_arms_that_they_name(monkeypatch):
    """Two divisions and next to no training, for the names and the shapes alone."""
    monkeypatch.setattr(without_a_teacher, "RATES", (0.01,))
    monkeypatch.setattr(without_a_teacher, "TEMPERATURES", (2.0,))
    monkeypatch.setattr(without_a_teacher, "ALPHAS", (0.5,))
    monkeypatch.setattr(without_a_teacher, "SMOOTHINGS", (0.1,))
    monkeypatch.setattr(without_a_teacher, "EPOCHS", 2)
    monkeypatch.setattr(without_a_teacher.trained, "__kwdefaults__",
                        {"epochs": 2, "falls": True, "apart": 0})  # fmt: skip
    shortened = {
        "RATES": (0.01,), "TEMPERATURES": (2.0,), "SMOOTHINGS": (0.1, 0.2),
        "LABELS_EPOCHS": (2,), "FEW_EPOCHS": 2, "SAME_STEPS": 2, "ALL_EPOCHS": 1,
    }  # fmt: skip
    for name, value in shortened.items():
        monkeypatch.setattr(unlabelled_peers, name, value)
    draws = [kd.load("digits", draw=seed, dtype=torch.float64) for seed in range(2)]
    recorded = {
        (r.config["study"], r.config["role"])
        for r in kd.results.load_records(digits_without_a_teacher.NAME)
    }
    unlabelled = ("unlabelled", "unlabelled, controls", "unlabelled, unsmoothed")
    for study in ("mutual", "generations", *unlabelled):
        found = digits_without_a_teacher.STUDIES[study](draws)
        assert {role for s, role in recorded if s == study} == set(found)
        for arm in found.values():
            assert len(arm.test_errors) == len(arm.valid_errors) == 2
