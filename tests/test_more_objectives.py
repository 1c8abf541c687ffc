"""Objectives of logits, of a made-up teacher and of contrast, against plain PyTorch."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import kdteach as kd
from kdteach import losses, objectives
from kdteach.objectives import (
    contrastive,
    decoupled,
    distil,
    hard_labels,
    logit_objective,
    teacher_free,
    weighted,
)
from kdteach.types import Batch

RECIPE = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def few():
    return kd.load("digits", dtype=torch.float64).train.select(torch.arange(48))


def network(seed=0, width=6):
    return kd.build(f"fc-{width}", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)


@pytest.fixture(scope="module")
def logits(few):
    return kd.teacher_logits(network(9, 16), few)


def weights(model):
    return torch.cat([w.detach().flatten() for w in model.parameters()])


def batch_of(split, rows=16, epoch=0):
    return Batch(split.images[:rows], split.labels[:rows], split.index[:rows], epoch)


KINDS = {
    "reverse": lambda v: logit_objective(v, lambda z, w: losses.reverse_kl_loss(z, w, 2.0)),
    "jensen": lambda v: logit_objective(
        v, lambda z, w: losses.jensen_shannon_loss(z, w, 2.0), weight=3.0
    ),
    "correlation": lambda v: weighted(
        (1, hard_labels()),
        (2, logit_objective(v, lambda z, w: losses.correlation_loss(z, w, 4.0))),
    ),
    "decoupled": lambda v: decoupled(v, 4.0, 1.0, 2.0, warmup=2),
    "none": lambda v: teacher_free(3.0, 0.5),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_by_one_and_in_a_stack(few, logits, kind):
    """A student in a stack ends where it ends alone, beside students of another kind."""
    alone = [network(seed) for seed in range(3)]
    together = copy.deepcopy(alone)
    made = [KINDS[kind](logits), KINDS[kind](logits), distil(logits, 2.0, 0.5)]
    for student, objective, seed in zip(alone, made, (4, 5, 6), strict=True):
        kd.fit(student, few, objective, seed=seed, **RECIPE)
    kd.fit_many(together, few, made, seeds=[4, 5, 6], **RECIPE)
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(weights(one), weights(other), rtol=1e-9, atol=1e-11)


def test_distillation_as_a_loss_of_ones_own_is_distil(few, logits):
    first, second = network(), network()
    own = logit_objective(logits, lambda z, v: losses.distillation_loss(z, v, 3.0))
    kd.fit(first, few, weighted((0.3, hard_labels()), (0.7, own)), **RECIPE)
    kd.fit(second, few, distil(logits, 3.0, 0.7), **RECIPE)
    torch.testing.assert_close(weights(first), weights(second), rtol=1e-9, atol=1e-11)


def test_decoupled_in_plain_pytorch(few, logits):
    """Cross-entropy, and the two parts written out as the paper has them."""
    student, T, alpha, beta = network(), 4.0, 1.0, 8.0
    batch = batch_of(few)
    found = decoupled(logits, T, alpha, beta)(student, batch)
    z, v, y = student(batch.images), logits[batch.index], batch.labels
    q, p = F.softmax(z / T, 1), F.softmax(v / T, 1)
    rows = torch.arange(16)
    binary = [torch.stack([x[rows, y], 1 - x[rows, y]], 1) for x in (q, p)]
    target = (binary[1] * (binary[1] / binary[0]).log()).sum(1)
    others = torch.ones_like(q).scatter(1, y[:, None], 0).bool()
    rest = [x[others].view(16, 9) for x in (q, p)]
    rest = [x / x.sum(1, keepdim=True) for x in rest]
    non_target = (rest[1] * (rest[1] / rest[0]).log()).sum(1)
    soft = T**2 * (alpha * target + beta * non_target).mean()
    wanted = F.cross_entropy(z, y) + soft
    torch.testing.assert_close(found.total, wanted, rtol=1e-9, atol=0)
    torch.testing.assert_close(found.parts["decoupled"], soft, rtol=1e-9, atol=0)


def test_the_decoupled_loss_grows_in_its_first_epochs(few, logits):
    student = network()
    objective = decoupled(logits, 4.0, hard_weight=0.0, warmup=4)
    totals = [
        float(objective(student, batch_of(few, epoch=e)).total.detach()) for e in range(6)
    ]
    assert totals == pytest.approx([s * totals[5] for s in (0.25, 0.5, 0.75, 1, 1, 1)])


def test_two_classes_have_nothing_to_decouple(few):
    halves = kd.types.Split(few.images, few.labels % 2)
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(64, 2)).double()
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 2)).double()
    v = kd.teacher_logits(teacher, halves)
    with pytest.warns(UserWarning, match="two classes.*beta=8 weighs is 0"):
        kd.fit(student, halves, decoupled(v, 4.0), **RECIPE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kd.fit(student, halves, distil(v, 4.0, 0.5), **RECIPE)


def test_a_live_teacher_is_asked_as_stored_logits_answer(few, logits):
    first, second = network(), network()
    teacher = network(9, 16).train()
    before = weights(teacher)
    kd.fit(first, few, decoupled(teacher, 4.0), **RECIPE)
    kd.fit(second, few, decoupled(logits, 4.0), **RECIPE)
    torch.testing.assert_close(weights(first), weights(second), rtol=1e-9, atol=1e-11)
    assert teacher.training
    assert torch.equal(before, weights(teacher))


def test_a_live_teacher_is_asked_once_for_two(few):
    asked = []
    teacher = network(9, 16)
    teacher.register_forward_hook(lambda *_: asked.append(1))
    both = weighted(
        (1, decoupled(teacher, 4.0)),
        (1, objectives.feature_objective(teacher, {"0": "0"}, lambda a, b: a.sum() * 0)),
    )
    student = network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both(student, batch_of(few))
    probed = len(asked)
    both(student, batch_of(few))
    assert len(asked) == probed + 1


def test_teacher_free_needs_no_teacher(few):
    """What Tf-KD trains towards: one step against the loss written out."""
    student = network()
    batch = batch_of(few)
    found = teacher_free(20.0, 0.3, 0.95)(student, batch)
    z = student(batch.images)
    p = torch.full((16, 10), 0.05 / 9, dtype=torch.float64)
    p[torch.arange(16), batch.labels] = 0.95
    soft = 400 * F.kl_div(
        F.log_softmax(z / 20, 1), F.log_softmax(p.log() / 20, 1),
        reduction="batchmean", log_target=True,
    )  # fmt: skip
    wanted = 0.3 * soft + 0.7 * F.cross_entropy(z, batch.labels)
    torch.testing.assert_close(found.total, wanted, rtol=1e-9, atol=0)


def test_a_student_that_diverges_is_named(few, logits):
    student = network()
    with torch.no_grad():
        student[-1].weight.mul_(float("inf"))
    objective = logit_objective(logits, lambda z, v: losses.reverse_kl_loss(z, v, 1.0))
    with pytest.raises((ValueError, FloatingPointError, RuntimeError), match=r"NaN|finite"):
        kd.fit(student, few, objective, **RECIPE)


@pytest.mark.parametrize(
    ("made", "error", "says"),
    [
        (lambda v: logit_objective(v, 3), TypeError, "loss must be"),
        (lambda v: logit_objective(v, F.mse_loss, weight=-1), ValueError, "weight"),
        (lambda v: logit_objective(v.softmax(1), F.mse_loss), ValueError, "probabilities"),
        (lambda v: decoupled(v, 0.0), ValueError, "temperature"),
        (lambda v: decoupled(v, 4.0, alpha=-1), ValueError, "alpha"),
        (lambda v: decoupled(v, 4.0, beta=float("nan")), ValueError, "beta"),
        (lambda v: decoupled(v, 4.0, warmup=-1), ValueError, "warmup"),
        (lambda v: teacher_free(1.0, 1.5), ValueError, "alpha"),
        (lambda v: teacher_free(1.0, 0.5, 1.0), ValueError, "correct"),
    ],
)
def test_settings_that_make_no_sense(logits, made, error, says):
    with pytest.raises(error, match=says):
        made(logits)


def test_a_loss_that_is_no_number(few, logits):
    objective = logit_objective(logits, lambda z, v: (z - v).square())
    with pytest.raises(TypeError, match="one number"):
        kd.fit(network(), few, objective, **RECIPE)


# contrast


def test_heads_and_memory_follow_the_training(few):
    """The heads are trained with the student, and the memory follows every step."""
    teacher, student = network(9, 16), network()
    layers = {"2": "2"}
    objective = weighted(
        (1, hard_labels()), (0.8, contrastive(teacher, layers, 48, width=5, negatives=7))
    )
    other = copy.deepcopy(student)
    kd.fit(student, few, objective, **RECIPE)
    loss = objective.members[1].loss
    assert isinstance(loss, losses.ContrastiveLoss)
    begun = losses.ContrastiveLoss(6, 16, 48, width=5, negatives=7)
    assert not torch.equal(loss.student_head.weight, begun.student_head.weight.double())
    assert not torch.equal(loss.student_memory, begun.student_memory.double())
    assert torch.isfinite(loss.log_constants).all()
    assert not torch.equal(weights(student), weights(other))


def test_contrast_goes_on_from_a_checkpoint(few, tmp_path):
    """Stopped after two of four epochs: heads, memory, constants and the others drawn."""
    teacher = network(9, 16)
    recipe = {**RECIPE, "epochs": 4}

    def made():
        return contrastive(teacher, {"2": "2"}, 48, width=5, negatives=7)

    whole, half = network(), network()
    undisturbed = made()
    kd.fit(whole, few, weighted((1, hard_labels()), (1, undisturbed)), **recipe)

    class Stopped(Exception):
        pass

    def stop(history):
        if len(history.loss) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        kd.fit(
            half, few, weighted((1, hard_labels()), (1, made())), callback=stop,
            checkpoint=tmp_path / "run.pt", **recipe,
        )  # fmt: skip
    resumed, again = network(), made()
    kd.fit(
        resumed, few, weighted((1, hard_labels()), (1, again)),
        checkpoint=tmp_path / "run.pt", **recipe,
    )  # fmt: skip
    assert torch.equal(weights(whole), weights(resumed))
    for name, value in undisturbed.loss.state_dict().items():
        assert torch.equal(value, again.loss.state_dict()[name]), name


def test_one_step_of_contrast_is_the_loss_itself(few):
    teacher, student = network(9, 16), network()
    batch = batch_of(few)
    found = contrastive(teacher, {"2": "2"}, 48, width=5, negatives=7, seed=3)
    value = found(student, batch).total
    loss = losses.ContrastiveLoss(6, 16, 48, width=5, negatives=7, seed=3).double()
    with kd.tap(student, ["2"]) as mine, kd.tap(teacher, ["2"]) as its:
        student(batch.images), teacher(batch.images)
        wanted = loss(mine["2"], its["2"].detach(), batch.index)
    torch.testing.assert_close(value, wanted, rtol=1e-12, atol=0)


def test_contrast_names_what_it_cannot_do(few):
    teacher = network(9, 16)
    with pytest.raises(ValueError, match=r"sample index 47.*num_samples=48"):
        kd.fit(network(), few, contrastive(teacher, {"2": "2"}, 40), **RECIPE)
    with pytest.raises(ValueError, match="one pair"):
        contrastive(teacher, {"2": "2", "0": "0"}, 48)
    with pytest.raises(ValueError, match="layers are"):
        contrastive(teacher, {"2": "nowhere"}, 48)
    with pytest.raises(TypeError, match="dictionary"):
        contrastive(teacher, ["2"], 48)
    with pytest.raises(TypeError, match="names of layers"):
        contrastive(teacher, {2: "2"}, 48)
    objective = contrastive(teacher, {"2": "2"}, 48, width=4, negatives=4)
    kd.fit(network(), few, objective, **RECIPE)
    with pytest.raises(ValueError, match="make another one"):
        kd.fit(network(width=7), few, objective, **RECIPE)
