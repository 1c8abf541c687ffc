"""Features, sums and cohorts on a GPU give what they give on the CPU."""

import copy

import pytest
import torch
from torch import nn

import kdteach
from kdteach import data, losses
from kdteach.objectives import attention, distil, hard_labels, hints, mutual, weighted
from kdteach.training import fit_cohort

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]
RECIPE = {"epochs": 3, "batch_size": 16, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def few():
    return data.load("digits", dtype=torch.float64).train.select(torch.arange(48))


def network(width, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width),
            nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64 * width, 10),
        ).double()  # fmt: skip


@pytest.mark.parametrize(
    "loss",
    [losses.hint_loss, losses.attention_loss, losses.similarity_loss,
     losses.relational_distance_loss, losses.relational_angle_loss],
)  # fmt: skip
def test_losses(loss):
    made = torch.Generator().manual_seed(0)
    s, t = (torch.randn(6, 4, 3, 3, generator=made, dtype=torch.float64) for _ in "st")
    s[1] = s[0]
    mine, its = s.clone().requires_grad_(), s.cuda().requires_grad_()
    a, b = loss(mine, t), loss(its, t.cuda())
    torch.testing.assert_close(b.cpu(), a, rtol=1e-10, atol=1e-14)
    a.backward()
    b.backward()
    torch.testing.assert_close(its.grad.cpu(), mine.grad, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("live", ["cpu", "cuda"])
def test_a_sum_with_features(few, live):
    """Also where the teacher lies elsewhere than the student."""
    found = {}
    for place, teacher_at in (("cpu", "cpu"), ("cuda", live)):
        teacher, student = network(6, 9).to(teacher_at), network(4, 0).to(place)
        goal = weighted(
            (1, hard_labels()), (0.5, distil(teacher, 4.0, 0.5)),
            (2, hints(teacher, {"2": "2"})), (1, attention(teacher, {"0": "0"})),
        )  # fmt: skip
        history = kdteach.fit(student, few, goal, validation=few, **RECIPE)
        assert all(weight.device.type == place for weight in goal.parameters())
        assert next(teacher.parameters()).device.type == teacher_at
        found[place] = history.loss
    assert found["cuda"] == pytest.approx(found["cpu"], rel=1e-6)


def test_sums_are_stacked_on_a_gpu(few):
    table = kdteach.teacher_logits(network(6, 9), few)
    goals = [
        weighted((a, hard_labels()), (1 - a, distil(table, 4.0, 1.0))) for a in (0.2, 0.6)
    ]
    made = [nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).double() for _ in goals]
    there = [copy.deepcopy(model).cuda() for model in made]
    a = kdteach.fit_many(made, few, goals, **RECIPE)
    b = kdteach.fit_many(there, few, goals, **RECIPE)
    for one, other in zip(a, b, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-6)


def test_a_cohort(few):
    made = [network(4, 0), network(6, 1)]
    there = [copy.deepcopy(model).cuda() for model in made]
    a = fit_cohort(made, few, mutual(), validation=few, **RECIPE)
    b = fit_cohort(there, few, mutual(), validation=few, **RECIPE)
    for one, other in zip(a, b, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-6)


def test_models_on_two_devices_are_refused(few):
    with pytest.raises(ValueError, match="different devices"):
        fit_cohort([network(4, 0), network(4, 1).cuda()], few, mutual(), **RECIPE)
