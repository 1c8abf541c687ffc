"""Objectives that compose: weighted sums, hard terms, features, live teachers."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import kdteach
from kdteach import data, losses, models, objectives
from kdteach.models import tap
from kdteach.objectives import (
    attention,
    distil,
    distil_subclasses,
    feature_objective,
    hard_labels,
    hints,
    relational,
    similarity,
    smoothed_labels,
    soft_labels,
    subclass_labels,
    weighted,
)
from kdteach.types import Batch, LossTerms

RECIPE = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2}
HARD = hard_labels()


@pytest.fixture(scope="module")
def few():
    whole = data.load("digits", dtype=torch.float64).train
    return whole.select(torch.arange(48))


def network(width=4, seed=0, kind=torch.float64):
    """With BatchNorm, maps of 8 x 8 in layer 3, of 4 x 4 in layer 5, a vector in 7."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width),
            nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10),
        )  # fmt: skip
    return made.to(kind)


def flat(seed=0, width=6):
    return models.build(
        f"fc-{width}", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64
    )


@pytest.fixture(scope="module")
def table(few):
    teacher = network(6, seed=9)
    answers = kdteach.teacher_logits(teacher, few)
    return answers * 30  # sure enough that the temperature matters


def batch_of(split, count=12):
    return Batch(split.images[:count], split.labels[:count], split.index[:count])


def counted(model):
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    return calls


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def require_close(ours, theirs, rtol=1e-12):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=rtol)


# weighted sums


@pytest.mark.parametrize(("T", "alpha"), [(1.0, 0.3), (4.0, 0.7), (20.0, 0.9)])
def test_weighted_terms_of_a_teacher_are_distillation(few, table, T, alpha):
    whole = distil(table, T, alpha)
    parts = weighted((1 - alpha, HARD), (alpha, distil(table, T, 1.0)))
    logits = flat()(batch_of(few).images)
    a, b = (o.terms(logits, batch_of(few)) for o in (whole, parts))
    torch.testing.assert_close(a.total, b.total, rtol=1e-13, atol=0)
    one, other = flat(), flat()
    kdteach.fit(one, few, whole, **RECIPE)
    kdteach.fit(other, few, parts, **RECIPE)
    require_close(weights(one), weights(other), rtol=1e-9)


def test_weighted_equals_the_sum_by_hand(few, table):
    student, batch = flat(), batch_of(few)
    goal = weighted((0.25, HARD), (2, smoothed_labels(0.1)), (0.5, distil(table, 4.0, 0.5)))
    logits = student(batch.images)
    wanted = 0.25 * F.cross_entropy(logits, batch.labels)
    wanted = wanted + 2 * F.cross_entropy(logits, batch.labels, label_smoothing=0.1)
    wanted = wanted + 0.5 * losses.kd_loss(
        logits, table[batch.index], batch.labels, 4.0, 0.5
    )
    terms = goal(student, batch)
    torch.testing.assert_close(terms.total, wanted, rtol=1e-12, atol=0)
    assert list(terms.parts) == ["hard", "smoothed", "soft", "hard 2"]
    torch.testing.assert_close(terms.parts["hard"], F.cross_entropy(logits, batch.labels))


def test_a_sum_of_sums(few, table):
    inner = weighted((0.5, HARD), (0.5, smoothed_labels(0.2)))
    outer = weighted((2, inner), (1, HARD), (0, distil(table, 2.0, 0.5)))
    plain = weighted((1, HARD), (1, smoothed_labels(0.2)), (1, HARD))
    batch, student = batch_of(few), flat()
    a, b = outer(student, batch), plain(student, batch)
    torch.testing.assert_close(a.total, b.total, rtol=1e-12, atol=0)
    assert list(a.parts) == ["hard", "smoothed", "hard 2", "soft", "hard 3"]


def test_sums_are_stacked_and_equal_one_by_one(few, table):
    """Each student with weights of its own, two kinds of sums and others between them."""
    other = table.flip(1)
    goals = [
        weighted((0.3, HARD), (0.7, distil(table, 4.0, 1.0))),
        weighted((0.6, HARD), (0.1, distil(other, 2.0, 0.5))),
        HARD,
        weighted((1, smoothed_labels(0.1)), (0.2, soft_labels(table.softmax(1)))),
        weighted((2, smoothed_labels(0.3)), (0.5, soft_labels(other.softmax(1)))),
        distil(table, 3.0, 0.4),
    ]
    together, alone = ([flat(seed) for seed in range(len(goals))] for _ in range(2))
    histories = kdteach.fit_many(together, few, goals, **RECIPE)
    for seed, goal in enumerate(goals):
        history = kdteach.fit(alone[seed], few, goal, seed=seed, **RECIPE)
        assert history.loss == pytest.approx(histories[seed].loss, rel=1e-9)
        require_close(weights(alone[seed]), weights(together[seed]), rtol=1e-9)


def test_sums_of_one_kind_are_one_stack(table):
    made = objectives.stacked([weighted((0.3, HARD), (0.7, distil(table, 4.0, 1.0)))] * 3)
    assert not isinstance(made, objectives.Mixed)
    mixed = objectives.stacked([weighted((1, HARD)), weighted((1, smoothed_labels(0.1)))])
    assert isinstance(mixed, objectives.Mixed)


def test_the_student_passes_each_batch_once(few, table):
    student, teacher = network(), network(6, seed=9)
    seen = []

    def own(model, batch):
        seen.append(isinstance(model, nn.Sequential))
        return model(batch.images).square().mean()

    goal = weighted(
        (1, HARD), (0.5, distil(table, 4.0, 1.0)), (10, hints(teacher, {"4": "4"})),
        (1, attention(teacher, {"0": "0", "4": "4"})), (1e-3, own),
        (1, weighted((1, relational(teacher, {"7": "7"})), (1, HARD))),
    )  # fmt: skip
    goal.prepare(student, few.images)
    calls = counted(student)
    terms = goal(student, batch_of(few))
    assert len(calls) == 1
    assert seen == [True]
    assert list(terms.parts) == [
        "hard", "soft", "hard 2", "hint", "attention 0", "attention 4", "own", "distance",
        "angle", "hard 3",
    ]  # fmt: skip
    calls.clear()
    images = few.images.clone()
    history = kdteach.fit(student, few, goal, validation=few, **RECIPE)
    assert torch.equal(images, few.images)
    probes = len(calls) - 2 * (3 + 3)  # two epochs of three steps, few looked at in three
    assert probes <= 5
    assert set(history.parts) == set(terms.parts)
    assert history.accuracy


def test_a_live_teacher_passes_each_batch_once(few):
    """For its logits and for all its layers; each view of the images is another pass."""
    student, teacher = network().eval(), network(6, seed=9)
    members = [
        (0.5, distil(teacher, 4.0, 0.5)), (2, hints(teacher, {"4": "4"}, seed=2)),
        (3, weighted((1, attention(teacher, {"0": "0", "4": "4"})), (1, HARD))),
        (1, relational(teacher, {"7": "7"})),
    ]  # fmt: skip
    goal = weighted(*members)
    goal.prepare(student, few.images)
    calls, batch = counted(teacher), batch_of(few)
    total = goal(student, batch).total
    assert len(calls) == 1
    apart = [weight * member(student, batch).total for weight, member in members]
    assert len(calls) == 5
    torch.testing.assert_close(total, sum(apart), rtol=1e-12, atol=0)

    def view(images):
        return images * 2

    goal = weighted(*members, (1, attention(teacher, {"0": "0"}, teacher_input=view)))
    goal.prepare(student, few.images)
    calls.clear()
    other = goal(student, batch).total
    assert len(calls) == 2
    seen = attention(models.normalised(teacher, [0.0], [0.5]), {"0": "network.0"})
    torch.testing.assert_close(other, total + seen(student, batch).total)


def test_the_pass_is_shared_by_value_and_by_gradient(few):
    """As if each had asked the student itself."""
    student, teacher, batch = network(), network(6, seed=9), batch_of(few)
    shares = torch.full((len(few), 10), 0.1, dtype=torch.float64)
    goal = weighted(
        (0.5, soft_labels(shares)), (3, hints(teacher, {"4": "0"}, seed=4)),
        (0.1, lambda model, b: model(b.images).square().mean()),
    )  # fmt: skip
    goal.prepare(student.train(), few.images)
    goal(student, batch).total.backward()
    got = [p.grad.clone() for p in student.parameters()]
    student.zero_grad()
    regressor = next(iter(goal.parameters()))
    (bias,) = [p for p in goal.parameters() if p is not regressor]
    with tap(student, ["4"]) as features:
        logits = student(batch.images)
    with torch.no_grad():
        target = teacher.eval()[0](batch.images)  # 8 x 8: the student's 4 x 4 is enlarged
    mine = F.conv2d(features["4"], regressor, bias)
    mine = F.interpolate(mine, size=(8, 8), mode="bilinear", align_corners=False)
    loss = 0.5 * F.cross_entropy(logits, shares[batch.index])
    loss = loss + 3 * F.mse_loss(mine, target) + 0.1 * logits.square().mean()
    loss.backward()
    require_close(got, [p.grad for p in student.parameters()], rtol=1e-10)


def test_an_objective_of_ones_own_may_ask_more_than_once(few):
    """A second pass is another one, with other dropout; so is one with other images."""
    student = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10)).double()
    answers = []

    def twice(model, batch):
        first, second = model(batch.images), model(batch.images)
        answers.append((first, second, model(batch.images * 0)))
        return (first - second).square().mean()

    calls = counted(student)
    goal = weighted((1, hints(network(), {"2": "8"})), (1, twice), (1, HARD))
    goal.prepare(student, few.images)
    calls.clear()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        terms = goal(student, batch_of(few))
    ((first, second, third),) = answers
    assert len(calls) == 3
    assert not torch.equal(first, second)
    assert terms.parts["twice"] > 0
    torch.testing.assert_close(third, student[2].bias.expand(12, -1).clone())


def test_changed_weights_and_taps_of_ones_own_get_passes_of_their_own(few):
    student, teacher = network().train(), network(6, seed=9)
    found = {}

    def own(model, batch):
        with tap(model, ["4"]) as features:
            logits = model(batch.images)
        with torch.no_grad():
            model[8].bias.add_(1)  # as sharpness-aware minimisation moves the weights
        moved = model(batch.images)
        with torch.no_grad():
            model[8].bias.sub_(1)
        found.update(feature=features["4"], difference=moved - logits)
        return logits.square().mean()

    goal = weighted((1, hints(teacher, {"4": "4"})), (1, own))
    goal(student, batch_of(few))
    assert found["feature"].shape == (12, 4, 4, 4)
    torch.testing.assert_close(found["difference"], torch.ones(12, 10, dtype=torch.float64))


def test_a_copy_of_the_student_is_one_of_the_student(few):
    copies = []

    def own(model, batch):
        copies.append((copy.deepcopy(model), model))
        return model(batch.images).square().mean()

    student = network()
    weighted((1, Own()), (1, own))(student, batch_of(few))
    ((made, model),) = copies
    assert type(made) is nn.Sequential
    assert made[0].weight is not student[0].weight
    assert model[0] is student[0]
    assert dict(model.named_parameters()).keys() == dict(student.named_parameters()).keys()
    assert isinstance(model, nn.Sequential)


def test_what_ones_own_objective_does_to_the_logits_stays_there(few):
    student, batch = flat(), batch_of(few)

    def rude(model, b):
        return model(b.images).mul_(0).sum()

    terms = weighted((1, Own()), (1, rude), (1, HARD))
    wanted = F.cross_entropy(student(batch.images), batch.labels)
    torch.testing.assert_close(terms(student, batch).parts["hard"], wanted)


class Own(nn.Module):
    """An objective with a weight of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, student, batch):
        loss = F.cross_entropy(student(batch.images) * self.scale, batch.labels)
        return LossTerms(loss, {"scaled": loss})


def test_an_objective_with_weights_joins_the_optimiser_in_a_sum(few):
    own = Own()
    goal = weighted((1, HARD), (1, weighted((2, own), (1, HARD))))
    assert [p is own.scale for p in goal.parameters()] == [True]
    assert list(goal.state_dict()) == ["modules_of_members.1.modules_of_members.0.scale"]
    history = kdteach.fit(flat(), few, goal, **RECIPE)
    assert own.scale != 1
    assert own.scale.grad is None
    assert list(history.parts) == ["hard", "scaled", "hard 2"]
    with pytest.raises(TypeError, match="needs more than the logits"):
        objectives.stacked([goal])
    apart = [weighted((1, HARD), (1, Own())) for _ in range(2)]
    histories = kdteach.fit_many([flat(1), flat(2)], few, apart, **RECIPE)
    alone = kdteach.fit(flat(2), few, weighted((1, HARD), (1, Own())), seed=1, **RECIPE)
    assert histories[1] == alone
    with pytest.raises(ValueError, match=r"objectives\[0\] and objectives\[1\] are one"):
        kdteach.fit_many([flat(1), flat(2)], few, [goal, goal], **RECIPE)


@pytest.mark.parametrize(
    ("members", "error", "says"),
    [
        ([], ValueError, "no members"),
        ([(-0.1, HARD)], ValueError, r"weight of members\[0\] must be finite and at least"),
        ([(1, HARD), (math.nan, HARD)], ValueError, r"weight of members\[1\]"),
        ([(math.inf, HARD)], ValueError, "weight of members"),
        ([(0, HARD), (0.0, HARD)], ValueError, "all weights of the members are 0"),
        ([(True, HARD)], TypeError, "weight of members"),
        ([("1", HARD)], TypeError, "weight of members"),
        ([HARD], TypeError, "pairs"),
        ([(HARD, 1)], TypeError, "weight of members"),
        ([(1, HARD, 2)], TypeError, "pairs"),
        ([[(1, HARD), (1, HARD)]], TypeError, r"weighted\(\*members\)"),
        ([(1, hard_labels)], TypeError, "call it"),
        ([(1, nn.CrossEntropyLoss())], TypeError, "is the loss CrossEntropyLoss"),
        ([(1, None)], TypeError, r"objective of members\[0\] must be a function"),
        ([(1, HARD), (1, subclass_labels(5))], ValueError, "read the student's logits"),
    ],
)
def test_bad_members(members, error, says):
    with pytest.raises(error, match=says):
        weighted(*members)


def test_numpy_numbers_are_weights(few):
    batch, student = batch_of(few), flat()
    a = weighted((np.float32(0.5), HARD), (np.int64(2), HARD))(student, batch)
    b = weighted((2.5, HARD))(student, batch)
    torch.testing.assert_close(a.total, b.total)


def test_what_a_member_refuses_the_sum_refuses(few, table):
    with pytest.raises(ValueError, match="3 classes, the student has 10"):
        kdteach.fit(flat(), few, weighted((1, HARD), (1, distil(table[:, :3], 2.0, 1.0))),
                    **RECIPE)  # fmt: skip
    student = flat()
    goal = weighted((1, HARD), (1, distil(student, 2.0, 1.0)))
    with pytest.raises(ValueError, match="the teacher is the student itself"):
        kdteach.fit(student, few, goal, **RECIPE)
    with pytest.raises(ValueError, match="the teacher is the student itself"):
        kdteach.fit(student, few, weighted((1, goal), (1, Own())), **RECIPE)


def test_subclasses_in_a_sum(few):
    """The accuracy is that of the classes."""
    split = few.select(few.labels < 5)
    goal = weighted((1, subclass_labels(5, beta=0.1)), (0, Own()))
    model = flat()
    history = kdteach.fit(model, split, goal, validation=split, **RECIPE)
    with torch.no_grad():
        classes = model(split.images).reshape(len(split), 5, 2).logsumexp(2).argmax(1)
    assert history.accuracy[-1] == pytest.approx(
        float((classes == split.labels).double().mean())
    )


# the hard term of a distilled student


def balance():
    return torch.linspace(0.5, 2.0, 10, dtype=torch.float64)


def shares(table):
    return (table / 8).softmax(dim=1)


def hards(few, table):
    return {
        "weights": (
            hard_labels(class_weights=balance()),
            lambda z, b: F.cross_entropy(z, b.labels, weight=balance()),
        ),
        "smoothing": (
            hard_labels(smoothing=0.2),
            lambda z, b: F.cross_entropy(z, b.labels, label_smoothing=0.2),
        ),
        "both": (
            hard_labels(class_weights=balance(), smoothing=0.2),
            lambda z, b: F.cross_entropy(
                z, b.labels, weight=balance(), label_smoothing=0.2
            ),
        ),
        "votes": (
            soft_labels(shares(table)),
            lambda z, b: F.cross_entropy(z, shares(table)[b.index]),
        ),
        "plain": (hard_labels(), lambda z, b: F.cross_entropy(z, b.labels)),
    }


@pytest.mark.parametrize("kind", ["weights", "smoothing", "both", "votes", "plain"])
def test_the_hard_term_may_be_another(few, table, kind):
    hard, by_torch = hards(few, table)[kind]
    batch, student = batch_of(few), flat()
    logits = student(batch.images)
    soft = losses.distillation_loss(logits, table[batch.index], 4.0)
    wanted = 0.7 * soft + 0.3 * by_torch(logits, batch)
    terms = distil(table, 4.0, 0.7, hard=hard)(student, batch)
    torch.testing.assert_close(terms.total, wanted, rtol=1e-12, atol=0)
    torch.testing.assert_close(terms.parts["hard"], by_torch(logits, batch))
    summed = weighted((0.3, hard), (0.7, distil(table, 4.0, 1.0)))(student, batch)
    torch.testing.assert_close(summed.total, wanted, rtol=1e-12, atol=0)


def test_hard_terms_are_stacked_by_kind(few, table):
    goals = [distil(table, 4.0, 0.7, hard=h) for h, _ in hards(few, table).values()]
    goals += [distil(table, 2.0, 0.5, hard=hard_labels(smoothing=0.4))]
    goals += [distil(table, 2.0, 0.5, hard=hard_labels(class_weights=balance().flip(0)))]
    together, alone = ([flat(seed) for seed in range(len(goals))] for _ in range(2))
    kdteach.fit_many(together, few, goals, **RECIPE)
    for seed, goal in enumerate(goals):
        kdteach.fit(alone[seed], few, goal, seed=seed, **RECIPE)
        require_close(weights(alone[seed]), weights(together[seed]), rtol=1e-9)


def test_the_hard_term_of_subclasses_is_over_classes(few, table):
    batch = batch_of(few)
    batch = Batch(batch.images, batch.labels % 5, batch.index)
    logits = flat()(batch.images)
    classes = losses.class_log_probs(logits, 5)
    goal = distil_subclasses(table, 5, 4.0, 0.25, hard=smoothed_labels(0.1))
    hard = F.cross_entropy(classes, batch.labels, label_smoothing=0.1)
    soft = losses.distillation_loss(logits, table[batch.index], 4.0)
    total = goal.terms(logits, batch).total
    torch.testing.assert_close(total, 0.25 * soft + 0.75 * hard, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda t: distil(t, 4.0, 0.5, hard="smoothing"), TypeError, "hard must be"),
        (
            lambda t: distil(t, 4.0, 0.5, hard=distil(t, 4.0, 0.5)),
            TypeError,
            "hard must be",
        ),
        (lambda t: distil(t, 4.0, 0.5, hard=hard_labels), TypeError, "hard must be"),
        (lambda t: hard_labels(class_weights=[1.0]), TypeError, "class_weights must be"),
        (lambda t: hard_labels(class_weights=t), ValueError, "class_weights must be"),
        (lambda t: hard_labels(smoothing=1.0), ValueError, "smoothing"),
        (lambda t: hard_labels(smoothing=None), TypeError, "smoothing"),
        (lambda t: distil(t, 4.0, 0.5, teacher_input=3), TypeError, "teacher_input"),
        (lambda t: distil(t, 4.0, 0.5, teacher_input=lambda x: x), ValueError, "stored"),
        (lambda t: subclass_labels(5, temperature=1e-7), ValueError, "at least 1e-06"),
    ],
)
def test_bad_terms(table, make, error, says):
    with pytest.raises(error, match=says):
        make(table)


def test_class_weights_of_other_classes_are_refused(few, table):
    goal = distil(table, 4.0, 0.5, hard=hard_labels(class_weights=torch.ones(3).double()))
    with pytest.raises(ValueError, match="3 class weights for 10 classes"):
        kdteach.fit(flat(), few, goal, **RECIPE)


# a teacher that sees the images otherwise


def test_teacher_and_student_with_different_normalisation(few):
    teacher = network(6, seed=9)
    seen = []

    def view(images):
        seen.append(images.clone())
        return F.interpolate(images, scale_factor=2) * 2 - 1

    shift = data.random_shift(1)
    goal = distil(teacher, 4.0, 0.5, teacher_input=view)
    one, other = flat(), flat()
    before = few.images.clone()
    kdteach.fit(one, few, goal, augment=shift, **RECIPE)
    assert torch.equal(before, few.images)
    assert any(not torch.equal(s, few.images[: len(s)]) for s in seen[1:])

    class Sees(nn.Module):
        def __init__(self):
            super().__init__()
            self.teacher = teacher

        def forward(self, images):
            return self.teacher(F.interpolate(images, scale_factor=2) * 2 - 1)

    kdteach.fit(other, few, distil(Sees(), 4.0, 0.5), augment=shift, **RECIPE)
    require_close(weights(one), weights(other))
    inside = models.normalised(teacher, [0.5], [0.5])
    batch, logits = batch_of(few), flat()(batch_of(few).images)
    a = distil(inside, 4.0, 0.5).terms(logits, batch)
    b = distil(teacher, 4.0, 0.5, teacher_input=lambda x: x * 2 - 1).terms(logits, batch)
    torch.testing.assert_close(a.total, b.total, rtol=1e-12, atol=0)


def test_teachers_with_different_inputs_are_stacked(few):
    teacher = flat(9)
    views = [None, lambda x: x * 2, lambda x: x.flip(3)]
    goals = [distil(teacher, 4.0, 0.5, teacher_input=view) for view in views]
    together, alone = ([flat(seed) for seed in range(3)] for _ in range(2))
    kdteach.fit_many(together, few, goals, **RECIPE)
    for seed, goal in enumerate(goals):
        kdteach.fit(alone[seed], few, goal, seed=seed, **RECIPE)
        require_close(weights(alone[seed]), weights(together[seed]), rtol=1e-9)


@pytest.mark.parametrize(
    ("view", "error", "says"),
    [
        (lambda x: x[:1], ValueError, "as many images as it is given"),
        (lambda x: None, TypeError, "teacher_input must return a tensor"),
        (lambda x: x.repeat(1, 3, 1, 1), ValueError, "the teacher cannot read images"),
    ],
)
def test_bad_views(few, view, error, says):
    goal = distil(network(), 4.0, 0.5, teacher_input=view)
    with pytest.raises(error, match=says):
        kdteach.fit(flat(), few, goal, **RECIPE)


# features


def test_hints_train_the_regressors_with_the_student(few):
    student, teacher = network(4), network(6, seed=9)
    state = copy.deepcopy(teacher.state_dict())
    goal = hints(teacher, {"4": "4", "7": "7"}, weight=5.0)
    assert not list(goal.parameters())
    goal.prepare(student, few.images)
    names = ["regressors.0.project", "regressors.1.project"]
    assert [n for n, _ in goal.named_parameters()] == [
        f"{name}.{kind}" for name in names for kind in ("weight", "bias")
    ]
    before, head = weights(goal), student[8].weight.clone()
    history = kdteach.fit(student, few, goal, epochs=30, batch_size=16, learning_rate=1e-2)
    assert history.loss[-1] < 0.2 * history.loss[0]
    assert all(not torch.equal(a, b) for a, b in zip(before, weights(goal), strict=True))
    assert torch.equal(head, student[8].weight)  # nothing behind the hint is trained
    assert list(history.parts) == ["hint 4", "hint 7"]
    total = 5 * (history.parts["hint 4"][0] + history.parts["hint 7"][0])
    assert history.loss[0] == pytest.approx(total, rel=1e-12)
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, state[name])
    assert teacher.training
    assert all(p.grad is None for p in teacher.parameters())
    assert not any(len(m._forward_hooks) for m in [*student.modules(), *teacher.modules()])


def test_regressors_come_from_the_seed(few):
    made = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed + made.__len__())
        goal = hints(network(6), {"4": "4", "1": "1"}, seed=seed)
        goal.prepare(network(4), few.images)
        made.append(weights(goal))
    assert all(torch.equal(a, b) for a, b in zip(made[0], made[1], strict=True))
    assert not torch.equal(made[0][0], made[2][0])
    assert made[0][0].shape == made[0][2].shape
    assert not torch.equal(made[0][0], made[0][2])


def test_an_objective_with_weights_follows_the_model_to_its_device(few):
    """The meta device stands for one that is not here: a place, without numbers."""
    goal = weighted((1, HARD), (1, Own()))
    objectives.base.prepare(goal, flat().to("meta"), few.images)
    assert next(goal.parameters()).device.type == "meta"


def test_a_trained_regressor_stays_and_another_student_is_refused(few):
    teacher = network(6)
    goal = hints(teacher, {"4": "4"})
    kdteach.fit(network(4), few, goal, **RECIPE)
    before = weights(goal)
    goal.prepare(network(4, seed=5), few.images)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(goal), strict=True))
    with pytest.raises(ValueError, match="made for 4 numbers of the student and 6"):
        kdteach.fit(network(5), few, goal, **RECIPE)


@pytest.mark.parametrize(
    ("pair", "shape"),
    [({"0": "4"}, (6, 4, 1, 1)), ({"4": "0"}, (6, 4, 1, 1)), ({"4": "7"}, (6, 4)),
     ({"7": "7"}, (6, 4)), ({"8": "7"}, (6, 10))],
)  # fmt: skip
def test_maps_of_other_sizes_and_vectors(few, pair, shape):
    goal = hints(network(6), pair)
    goal.prepare(network(4), few.images)
    assert next(goal.parameters()).shape == shape
    history = kdteach.fit(network(4), few, goal, **RECIPE)
    assert history.loss[-1] < history.loss[0]


@pytest.mark.parametrize(
    ("make", "loss", "pair"),
    [
        (attention, losses.attention_loss, {"0": "4"}),
        (similarity, losses.similarity_loss, {"4": "7"}),
        (lambda t, p: relational(t, p, angle=0, distance=1),
         losses.relational_distance_loss, {"7": "7"}),
        (lambda t, p: relational(t, p, angle=1, distance=0), losses.relational_angle_loss,
         {"7": "4"}),
        (lambda t, p: feature_objective(t, p, losses.hint_loss), losses.hint_loss,
         {"8": "8"}),
        (lambda t, p: feature_objective(t, p, lambda a, b: (a.sum() - b.sum()) ** 2),
         lambda a, b: (a.sum() - b.sum()) ** 2, {"8": "8"}),
    ],
)  # fmt: skip
def test_objectives_of_features_are_their_losses(few, make, loss, pair):
    student, teacher, batch = network(4).eval(), network(6, seed=9).eval(), batch_of(few)
    ((own, other),) = pair.items()
    with torch.no_grad(), tap(student, [own]) as mine, tap(teacher, [other]) as its:
        student(batch.images)
        teacher(batch.images)
    terms = make(teacher, pair)(student, batch)
    torch.testing.assert_close(
        terms.total.detach(), loss(mine[own], its[other]), rtol=1e-12, atol=0
    )
    history = kdteach.fit(network(4), few, make(teacher, pair), **RECIPE)
    assert all(math.isfinite(value) for value in history.loss)


def test_flow_is_its_loss(few):
    student, teacher = network(6, seed=3).eval(), network(6, seed=9).eval()
    pairs = {("0", "4"): ("0", "4"), ("1", "0"): ("0", "1")}
    goal, batch = objectives.flow(teacher, pairs, weight=3.0), batch_of(few)
    goal.prepare(student, few.images)
    with torch.no_grad(), tap(student, ["0", "1", "4"]) as mine:
        student(batch.images)
    with torch.no_grad(), tap(teacher, ["0", "1", "4"]) as its:
        teacher(batch.images)
    wanted = losses.fsp_loss(mine["0"], mine["4"], its["0"], its["4"])
    wanted = wanted + losses.fsp_loss(mine["1"], mine["0"], its["0"], its["1"])
    terms = goal(student, batch)
    torch.testing.assert_close(terms.total.detach(), 3 * wanted, rtol=1e-12, atol=0)
    assert list(terms.parts) == ["flow 0 4", "flow 1 0"]
    history = kdteach.fit(network(6), few, goal, epochs=8, batch_size=16)
    assert history.loss[-1] < history.loss[0]
    with pytest.raises(ValueError, match=r"layers \('0', '4'\) .* same number of channels"):
        kdteach.fit(network(4), few, goal, **RECIPE)


class Scaled(nn.Module):
    """A loss with a weight of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, mine, its):
        return (self.scale * mine - its).square().mean()


def test_a_loss_with_weights_is_trained_as_well(few):
    loss = Scaled()
    goal = feature_objective(network(6), {"8": "8"}, loss)
    assert [p is loss.scale for p in goal.parameters()] == [True]
    history = kdteach.fit(network(4), few, goal, **RECIPE)
    assert loss.scale != 1
    assert list(history.parts) == ["Scaled"]


def test_a_loss_that_cannot_be_hashed(few):
    class Loss:
        __hash__ = None

        def __eq__(self, other):
            return True

        def __call__(self, mine, its):
            return (mine - its).abs().mean()

    history = kdteach.fit(
        network(4), few, feature_objective(network(6), {"8": "8"}, Loss()), **RECIPE
    )
    assert math.isfinite(history.loss[-1])


def test_nothing_is_half_prepared(few):
    goal = hints(network(6), {"4": "4", "8": "0"})
    with pytest.raises(ValueError, match="no regressor leads from vectors to maps"):
        goal.prepare(network(4), few.images)
    assert not list(goal.parameters())


def test_relations_have_the_weights_of_the_paper(few):
    student, teacher, batch = network(4).eval(), network(6), batch_of(few)
    terms = relational(teacher, {"7": "7"})(student, batch)
    parts = terms.parts
    total = 25 * parts["distance"] + 50 * parts["angle"]
    torch.testing.assert_close(terms.total, total)


def test_a_single_student_in_single_precision_with_a_double_teacher(few):
    single = few.to(dtype=torch.float32)
    goal = weighted((1, HARD), (1, hints(network(6), {"4": "4"})))
    history = kdteach.fit(network(4, kind=torch.float32), single, goal, **RECIPE)
    assert next(goal.parameters()).dtype == torch.float32
    assert math.isfinite(history.loss[-1])
    again = kdteach.fit(
        network(4, kind=torch.float32), single, goal, precision=torch.bfloat16, **RECIPE
    )
    assert math.isfinite(again.loss[-1])


def test_the_teacher_of_features_sees_the_view_of_the_student(few):
    seen = []
    teacher = network(6)
    teacher.register_forward_pre_hook(lambda m, x: seen.append(x[0].clone()))
    student = network(4)
    student.register_forward_pre_hook(lambda m, x: seen.append(x[0].clone()))
    goal = hints(teacher, {"4": "4"}, teacher_input=lambda x: x * 3)
    kdteach.fit(student, few, goal, augment=data.random_shift(1), **RECIPE)
    pairs = [(a, b) for a, b in itertools.pairwise(seen) if len(a) == len(b) == 16]
    assert sum(torch.equal(3 * a, b) for a, b in pairs) >= 6


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda t: hints(t, {"4": "9"}), ValueError, "no layer '9'"),
        (lambda t: hints(t, {}), ValueError, "layers are empty"),
        (lambda t: hints(t, ["4"]), TypeError, "layers must be a dictionary"),
        (lambda t: hints(t, {"4": 4}), TypeError, "names of layers"),
        (lambda t: hints(t, {"4": "4"}, weight=-1), ValueError, "weight"),
        (lambda t: hints(t, {"4": "4"}, seed=-1), ValueError, "seed"),
        (lambda t: hints(t, {"4": "4"}, loss="mse"), TypeError, "loss must be a function"),
        (lambda t: hints(t, {"4": "4"}, teacher_input=1), TypeError, "teacher_input"),
        (lambda t: hints("resnet18", {"4": "4"}), TypeError, "teacher must be"),
        (lambda t: hints(nn.Sequential, {"4": "4"}), TypeError, "teacher is the class"),
        (lambda t: relational(t, {"4": "4"}, distance=0, angle=0), ValueError, "both 0"),
        (lambda t: feature_objective(t, {"4": "4"}, losses.hint_loss, regress=1),
         TypeError, "regress"),
    ],
)  # fmt: skip
def test_bad_features(make, error, says):
    with pytest.raises(error, match=says):
        make(network(6))


@pytest.mark.parametrize(
    ("make", "student", "says"),
    [
        (lambda t: hints(t, {"conv": "4"}), network(4), "no layer 'conv'"),
        (lambda t: feature_objective(t, {"4": "4"}, losses.hint_loss), network(4),
         r"layers '4' of the student and '4' of the teacher: student_features and .* same"),
        (lambda t: hints(t, {"8": "4"}), network(4), "no regressor leads from vectors"),
        (lambda t: attention(t, {"8": "4"}), network(4), "layers '8'.*shape"),
        (lambda t: feature_objective(t, {"8": "8"}, lambda a, b: (a - b) ** 2),
         network(4), None),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_before_training(few, make, student, says):
    before = weights(student)
    with pytest.raises((ValueError, TypeError), match=says):
        kdteach.fit(student, few, make(network(6)), **RECIPE)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(student), strict=True))
    assert student.training
    assert not any(len(m._forward_hooks) for m in student.modules())


def test_a_teacher_is_not_its_own_student_and_relations_need_two(few):
    student = network(4)
    with pytest.raises(ValueError, match="the teacher is the student itself"):
        kdteach.fit(student, few, hints(student, {"4": "4"}), **RECIPE)
    goal = similarity(network(6), {"4": "4"})
    with pytest.raises(ValueError, match="the last batch holds one alone"):
        kdteach.fit(student, few, goal, epochs=1, batch_size=47)


def test_a_student_that_diverges_is_named_by_the_training(few):
    goal = weighted((1, HARD), (1, hints(network(6), {"4": "4"})))
    wild = weighted((1e300, goal), (1, HARD))
    with pytest.raises(kdteach.training.TrainingDivergedError):
        kdteach.fit(network(4), few, wild, epochs=3, batch_size=16, learning_rate=1e200)
