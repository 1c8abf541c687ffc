"""Causal intervention in training: what counts when, and the study with it."""

import pytest
import torch
from torch.nn import functional as F

import kdteach as kd
from kdteach.experiments import intervention
from kdteach.experiments.catalogue import digits_without_a_teacher
from kdteach.experiments.intervention import Intervened, Intervention
from kdteach.losses import (
    class_contexts,
    class_similarity_loss,
    distillation_loss,
    normalised_hint_loss,
)
from kdteach.types import Batch, Split


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def student(seed=0):
    return kd.build("cnn-1k", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)


LOGITS, FEATURES = 3 * drawn(30, 10, seed=1), drawn(30, 12, seed=2)
IMAGES, LABELS = drawn(30, 1, 8, 8, seed=3), torch.arange(30) % 7


def batch(rows, epoch=0):
    return Batch(IMAGES[rows], LABELS[rows], rows, epoch)


def made(**options):
    return Intervention(LOGITS, FEATURES, 32, **{"before": 1, **options})


def features_of(net, images):
    with torch.no_grad(), kd.tap(net, ["8"]) as features:
        net(images)
    return features["8"]


def test_the_loss_is_the_sum_of_its_parts():
    net, objective = student(), made(sample=3.0, classes=2.0, temperature=4.0)
    rows = torch.arange(20)
    terms = objective(net, batch(rows))
    assert set(terms.parts) == {"soft", "sample", "class"}
    f = features_of(net, IMAGES[rows])
    wanted = {
        "soft": distillation_loss(net(IMAGES[rows]), LOGITS[rows], 4.0),
        "sample": normalised_hint_loss(objective.regressor(f), FEATURES[rows]),
        "class": class_similarity_loss(f, FEATURES[rows], LABELS[rows]),
    }
    for name, value in wanted.items():
        torch.testing.assert_close(terms.parts[name], value)
    total = wanted["soft"] + 3 * wanted["sample"] + 2 * wanted["class"]
    torch.testing.assert_close(terms.total, total)


def test_contexts_are_those_of_the_epoch_before_and_the_head_is_asked():
    net, objective = student(), made(temperature=2.0)
    for rows in torch.arange(30).split(11):
        objective(net, batch(rows))
    assert objective.contexts.abs().sum() == 0
    f = features_of(net, IMAGES)
    wanted = class_contexts(f, LOGITS, LABELS, 2.0)
    rows = torch.arange(5)
    terms = objective(net, batch(rows, epoch=1))
    torch.testing.assert_close(objective.contexts, wanted)
    mixture = (net(IMAGES[rows]) / 2).softmax(1) @ wanted
    answer = objective.head(torch.cat([f[rows], mixture], 1))
    torch.testing.assert_close(terms.parts["labels"], F.cross_entropy(answer, LABELS[:5]))
    second = objective.answering(net)
    torch.testing.assert_close(second(IMAGES[rows]), answer)
    terms.parts["labels"].backward()
    assert net[10].weight.grad is None  # the mixture of contexts is taken as it is
    assert net[0].weight.grad.abs().sum() > 0


def test_without_contexts_they_stay_0():
    net, objective = student(), made(use_contexts=False)
    for epoch in range(3):
        objective(net, batch(torch.arange(30), epoch))
    assert objective.contexts.abs().sum() == 0


def test_fit_trains_head_and_regressor():
    net, objective = student(), made()
    before = [w.clone() for w in objective.parameters()]
    kd.fit(net, Split(IMAGES, LABELS, torch.arange(30)), objective, epochs=3)
    for old, new in zip(before, objective.parameters(), strict=True):
        assert not torch.equal(old, new)
    assert objective.contexts.abs().sum() > 0
    assert isinstance(objective.answering(net), Intervened)


@pytest.mark.parametrize(
    ("options", "name"),
    [({"temperature": 0}, "temperature"), ({"sample": -1}, "sample"),
     ({"classes": float("nan")}, "classes"), ({"before": 0}, "before"),
     ({"use_contexts": 1}, "use_contexts")],
)  # fmt: skip
def test_what_does_not_fit_is_named(options, name):
    with pytest.raises((TypeError, ValueError), match=name):
        made(**options)


def test_the_study_has_the_arms_that_are_recorded(monkeypatch):
    monkeypatch.setattr(intervention, "RATES", (0.01,))
    monkeypatch.setattr(intervention, "TEMPERATURES", (2.0,))
    monkeypatch.setattr(intervention, "EPOCHS", 7)
    monkeypatch.setattr(intervention, "usual_teacher", lambda draw, seen, s: kd.build(
        "cnn-digits", input_shape=(1, 8, 8), seed=s, dtype=torch.float64))  # fmt: skip
    draws = [kd.load("digits", draw=0, dtype=torch.float64)]
    found = intervention.two_more_ways(draws)
    records = kd.results.load_records(digits_without_a_teacher.NAME)
    roles = {r.config["role"] for r in records if r.config["study"] == "two more ways"}
    assert set(found) == roles
    assert all(len(arm.test_errors) == 1 for arm in found.values())


def test_extracted_logits_teach_what_is_extracted():
    logits = intervention._extracted(LOGITS, 4.0)
    wanted = kd.losses.extracted_targets(LOGITS, 4.0)
    torch.testing.assert_close(kd.losses.soft_targets(logits, 4.0), wanted)
    z = drawn(30, 10, seed=4)
    torch.testing.assert_close(
        distillation_loss(z, logits, 4.0), kd.losses.extractive_loss(z, LOGITS, 4.0)
    )
