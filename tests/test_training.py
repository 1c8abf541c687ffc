"""The loop: alone against stacked, repeatable, honest about what goes wrong."""

import math
import os
import platform
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import kdteach
from kdteach import data, metrics, models, objectives, training
from kdteach.losses import kd_loss
from kdteach.training import stacking
from kdteach.types import Batch, ImageSet, LossTerms, Split

pytestmark = pytest.mark.usefixtures("either_way")


def small(seed, width=8):
    return models.build(
        f"fc-{width}", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64
    )


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.fixture(scope="module")
def logits(digits):
    teachers = [models.trained_teacher(s, dtype=torch.float64) for s in (0, 1)]
    return [kdteach.teacher_logits(teacher, digits.train) for teacher in teachers]


def options(**changes):
    return {"epochs": 3, "batch_size": 100, "learning_rate": 0.01} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": training.cosine, "optimizer": training.sgd_momentum},
        {"drop_last": True},
        {"batch_size": 5000},
    ],
)
def test_many_equal_one_by_one(digits, logits, changes):
    """Different kinds, teachers, temperatures, weights and seeds in one stack."""
    goals = [
        objectives.hard_labels(),
        objectives.distil(logits[0], 4.0, 0.5),
        objectives.distil(logits[1], 20.0, 0.9),
        objectives.distil(logits[0], 1.0, 0.0),
        objectives.hard_labels(),
    ]
    seeds = [3, 1, 4, 1, 5]
    if changes.get("batch_size") == 5000:
        goals, seeds = goals[1:4], seeds[1:4]  # one kind only
    setting = options(validation=digits.valid, **changes)
    if setting.get("drop_last"):
        setting["batch_size"] = 64
    together, alone = [small(s) for s in seeds], [small(s) for s in seeds]
    many = kdteach.fit_many(together, digits, goals, seeds=seeds, **setting)
    one = [
        kdteach.fit(model, digits, goal, seed=seed, **setting)
        for model, goal, seed in zip(alone, goals, seeds, strict=True)
    ]
    for a, b, left, right in zip(together, alone, many, one, strict=True):
        assert torch.allclose(weights(a), weights(b), atol=1e-9, rtol=0)
        assert left.loss == pytest.approx(right.loss, abs=1e-9)
        assert left.accuracy == right.accuracy
        assert left.learning_rate == right.learning_rate
        for name, values in right.parts.items():
            assert left.parts[name] == pytest.approx(values, abs=1e-9)


def test_many_with_data_of_their_own_equal_one_by_one():
    """Three students, two draws of the digits, one draw shared."""
    draws = [data.load("digits", draw=draw, dtype=torch.float64) for draw in (0, 1)]
    sets = [draws[0], draws[1], draws[0]]
    tables = [kdteach.teacher_logits(small(9), draw.train) for draw in draws]
    goals = [
        objectives.distil(tables[0], 2.0, 0.5),
        objectives.distil(tables[1], 8.0, 0.9),
        objectives.hard_labels(),
    ]
    together, alone = [small(i) for i in range(3)], [small(i) for i in range(3)]
    watched = [images.valid for images in sets]
    many = kdteach.fit_many(together, sets, goals, validation=watched, **options())
    for i in range(3):
        one = kdteach.fit(
            alone[i], sets[i], goals[i], seed=i, validation=watched[i], **options()
        )
        assert many[i].accuracy == pytest.approx(one.accuracy, abs=1e-12)
        assert torch.allclose(weights(together[i]), weights(alone[i]), rtol=0, atol=1e-9)


def test_data_of_a_stack_must_be_of_one_size(digits):
    hard = [objectives.hard_labels()] * 2
    short = digits.train.select(torch.arange(10))
    with pytest.raises(ValueError, match="of one size, got 1079 and 10 images"):
        kdteach.fit_many([small(0), small(1)], [digits, short], hard, **options())
    with pytest.raises(ValueError, match="1 data sets for 2 students"):
        kdteach.fit_many([small(0), small(1)], [digits], hard, **options())


def test_many_equal_one_by_one_with_augmentation(digits):
    teacher = models.trained_teacher(0, dtype=torch.float64)
    goals = [objectives.distil(teacher, 4.0, 0.5), objectives.distil(teacher, 2.0, 1.0)]
    setting = options(augment=data.random_shift(1))
    together, alone = [small(s) for s in (0, 1)], [small(s) for s in (0, 1)]
    kdteach.fit_many(together, digits, goals, **setting)
    for seed in (0, 1):
        kdteach.fit(alone[seed], digits, goals[seed], seed=seed, **setting)
        assert torch.allclose(weights(together[seed]), weights(alone[seed]), atol=1e-9)


@pytest.mark.parametrize("name", ["dropout", "buffers"])
def test_what_cannot_be_stacked_is_trained_one_by_one(digits, name):
    def build(seed):
        if name == "dropout":
            return models.build(
                "fc-8", input_shape=(1, 8, 8), seed=seed, dropout=0.5, dtype=torch.float64
            )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return nn.Sequential(
                nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10)
            ).double()

    together, alone = [build(s) for s in (0, 1)], [build(s) for s in (0, 1)]
    kdteach.fit_many(together, digits, [objectives.hard_labels()] * 2, **options())
    for seed in (0, 1):
        kdteach.fit(alone[seed], digits, objectives.hard_labels(), seed=seed, **options())
        assert torch.equal(weights(together[seed]), weights(alone[seed]))


def test_same_seed_same_bits_other_seed_other_run(digits):
    runs = []
    for order in (7, 7, 8):
        model = small(0)
        history = kdteach.fit(
            model, digits, objectives.hard_labels(), seed=order, **options()
        )
        runs.append((history.loss, weights(model)))
    assert runs[0][0] == runs[1][0]
    assert torch.equal(runs[0][1], runs[1][1])
    assert runs[0][0] != runs[2][0]


def test_global_random_state_and_modes_stay(digits):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    model = models.build("cnn-digits", dropout=0.5, dtype=torch.float64)
    model[9].eval()
    few = digits.train.select(torch.arange(64))
    kdteach.fit(
        model, few, objectives.hard_labels(), **options(augment=data.random_shift(1))
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert model.training
    assert not model[9].training


def test_a_student_learns_and_stays_in_train_mode_every_epoch(digits):
    few = digits.train.select(torch.arange(32))
    model, modes = small(0, 64), []
    kdteach.fit(
        model, few, objectives.hard_labels(), validation=few,
        on_epoch=lambda _: modes.append(model.training),
        **options(epochs=150, batch_size=16),
    )  # fmt: skip
    assert metrics.evaluate(model, few).errors == 0
    assert modes == [True] * 150


def test_the_teacher_is_asked_in_eval_mode_and_left_alone(digits):
    """A teacher with dropout and batch statistics gives one answer, and learns nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        teacher = nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(0.5), nn.Linear(64, 10)
        ).double()
    teacher.train()
    state = {name: value.clone() for name, value in teacher.state_dict().items()}
    first = kdteach.teacher_logits(teacher, digits.train)
    second = kdteach.teacher_logits(teacher, digits.train, batch_size=7)
    assert torch.allclose(first, second, atol=1e-12)
    few = digits.train.select(torch.arange(50))
    by_module, by_table = small(0), small(0)
    kdteach.fit(by_module, few, objectives.distil(teacher, 4.0, 0.5), **options())
    kdteach.fit(by_table, few, objectives.distil(first, 4.0, 0.5), **options())
    assert torch.allclose(weights(by_module), weights(by_table), atol=1e-12)
    assert teacher.training
    assert all(torch.equal(state[name], v) for name, v in teacher.state_dict().items())
    assert all(p.grad is None for p in teacher.parameters())


def test_logits_are_looked_up_by_sample_index(digits, logits):
    """A selection of the images still gets the logits of its own images."""
    sevens = digits.train.select(digits.train.labels == 7)
    with_table, with_own = small(0), small(0)
    kdteach.fit(with_table, sevens, objectives.distil(logits[0], 4.0, 1.0), **options())
    renumbered = Split(sevens.images, sevens.labels, torch.arange(len(sevens)))
    own = logits[0][sevens.index]
    kdteach.fit(with_own, renumbered, objectives.distil(own, 4.0, 1.0), **options())
    assert torch.allclose(weights(with_table), weights(with_own), atol=1e-12)


def test_one_step_is_the_formula(digits, logits):
    """One full-batch step of plain gradient descent, by hand."""
    model, by_hand = small(0), small(0)
    kdteach.fit(
        model, digits, objectives.distil(logits[0], 4.0, 0.3), epochs=1,
        batch_size=len(digits.train), learning_rate=0.5,
        optimizer=lambda parameters, rate: torch.optim.SGD(parameters, lr=rate),
    )  # fmt: skip
    loss = kd_loss(by_hand(digits.train.images), logits[0], digits.train.labels, 4.0, 0.3)
    loss.backward()
    for parameter in by_hand.parameters():
        parameter.data -= 0.5 * parameter.grad
    assert torch.allclose(weights(model), weights(by_hand), atol=1e-12)


def test_history_weighs_the_last_batch_by_its_size(digits):
    """Learning rate so small that nothing moves: the mean loss is that of the whole set."""
    model = small(0)
    history = kdteach.fit(
        model, digits, objectives.hard_labels(), **options(learning_rate=1e-300)
    )
    whole = metrics.evaluate(small(0), digits.train).nll
    assert history.loss == pytest.approx([whole] * 3, abs=1e-12)
    assert history.parts["hard"] == pytest.approx([whole] * 3, abs=1e-12)
    assert history.epochs == 3


def test_adam_reads_a_wrong_factor_as_another_alpha(digits, logits):
    """What the chapter on the loss says: only the ratio of the two weights counts."""
    T, alpha, C = 4.0, 0.9, 10

    def by_mistake(student, batch: Batch) -> LossTerms:
        z = student(batch.images)
        v = logits[0][batch.index]
        soft = kd_loss(z, v, batch.labels, T, 1.0) / C
        hard = kd_loss(z, v, batch.labels, T, 0.0)
        return LossTerms(alpha * soft + (1 - alpha) * hard, {})

    effective = (alpha / C) / (alpha / C + 1 - alpha)
    wrong, right = small(0), small(0)
    kdteach.fit(wrong, digits, by_mistake, **options())
    kdteach.fit(right, digits, objectives.distil(logits[0], T, effective), **options())
    assert torch.allclose(weights(wrong), weights(right), atol=1e-3)
    stated = small(0)
    kdteach.fit(stated, digits, objectives.distil(logits[0], T, alpha), **options())
    assert (weights(stated) - weights(right)).abs().max() > 0.03


def test_bfloat16_trains(digits):
    model = small(0).float()
    single = digits.to(dtype=torch.float32)
    history = kdteach.fit(
        model, single, objectives.hard_labels(), **options(precision=torch.bfloat16)
    )
    assert history.loss[-1] < history.loss[0]
    assert all(p.dtype == torch.float32 for p in model.parameters())


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"epochs": 0}, ValueError, "epochs must be an integer of at least 1, got 0"),
        ({"epochs": 1.5}, TypeError, "epochs"),
        ({"epochs": True}, TypeError, "epochs"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate"),
        ({"learning_rate": "0.1"}, TypeError, "learning_rate"),
        ({"optimizer": "adam"}, TypeError, "optimizer must be a function such as"),
        ({"schedule": "cosine"}, TypeError, r"kdteach\.training\.cosine, got 'cosine'"),
        ({"precision": "bfloat16"}, ValueError, r"torch\.float16, got 'bfloat16'"),
        ({"precision": torch.float64}, ValueError, r"got torch\.float64"),
        ({"stop": 0.01}, TypeError, r"stop must be a function such as plateau\(0\.01\)"),
        ({"on_epoch": 3}, TypeError, "on_epoch must be a function such as print, got 3"),
        ({"seed": -1}, ValueError, "seed"),
        ({"drop_last": True, "batch_size": 2000}, ValueError, "batch_size 2000 exceeds"),
    ],
)
def test_bad_options(digits, changes, error, says):
    model = small(0)
    before = weights(model)
    with pytest.raises(error, match=says):
        kdteach.fit(model, digits, objectives.hard_labels(), **options(**changes))
    assert torch.equal(before, weights(model))


def test_bad_data(digits, logits):
    hard = objectives.hard_labels()
    empty = digits.train.select(torch.zeros(len(digits.train), dtype=torch.bool))
    with pytest.raises(ValueError, match="split is empty: training"):
        kdteach.fit(small(0), empty, hard, **options())
    with pytest.raises(ValueError, match="split is empty: teacher_logits"):
        kdteach.teacher_logits(small(0), empty)
    with pytest.raises(TypeError, match=r"images are torch\.float64.*torch\.float32"):
        kdteach.fit(small(0).float(), digits, hard, **options())
    with pytest.raises(TypeError, match=r"ImageSet, a Split .* pair .* got"):
        kdteach.fit(small(0), [1, 2], hard, **options())
    wrong = Split(digits.train.images, digits.train.labels + 1, digits.train.index)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 10\)"):
        kdteach.fit(small(0), wrong, hard, **options())
    with pytest.raises(ValueError, match="same length"):
        Split(digits.train.images, digits.train.labels[1:], digits.train.index)
    few = digits.train.select(torch.arange(10))
    table = torch.full((len(digits.train), 10), torch.nan, dtype=torch.float64)
    table[:10] = kdteach.teacher_logits(small(0), few)
    for teacher, says in (
        (table, "sample index 10 are NaN"),
        (logits[0][:10], r"10 rows.*sample index 1078"),
        (logits[0][:, :9], "9 classes, the student has 10"),
    ):
        goal = objectives.distil(teacher, 4.0, 0.5)
        with pytest.raises(ValueError, match=says):
            kdteach.fit(small(0), digits, goal, **options())
    stale = objectives.distil(logits[0], 4.0, 0.5)
    with pytest.raises(ValueError, match="changes them at random"):
        kdteach.fit(small(0), digits, stale, **options(augment=data.random_shift(1)))
    with pytest.raises(ValueError, match="changes them at random"):
        kdteach.fit_many(
            [small(0)], digits, [stale], **options(augment=data.random_shift(1))
        )


def test_logits_are_averaged_over_views(digits):
    few = digits.train.select(torch.arange(7))
    model = small(0)
    by_hand = torch.stack([model(x) for x in data.random_shift(1).views(few.images)]).mean(
        dim=0
    )
    table = kdteach.teacher_logits(model, few, views=data.random_shift(1).views)
    assert torch.allclose(table, by_hand, rtol=0, atol=1e-12)


def test_logits_of_a_selection_are_nan_elsewhere(digits):
    odd = digits.train.select(digits.train.labels % 2 == 1)
    table = kdteach.teacher_logits(small(0), odd)
    assert torch.isfinite(table[odd.index]).all()
    missing = torch.ones(len(table), dtype=torch.bool)
    missing[odd.index] = False
    assert torch.isnan(table[missing]).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((4.0, 1.5), "alpha"),
        ((0.0, 0.5), "temperature"),
    ],
)
def test_bad_objectives(logits, arguments, says):
    with pytest.raises(ValueError, match=says):
        objectives.distil(logits[0], *arguments)
    with pytest.raises(TypeError, match="floating-point"):
        objectives.distil(logits[0].long(), 4.0, 0.5)
    with pytest.raises(TypeError, match="list"):
        objectives.distil([[0.0]], 4.0, 0.5)
    with pytest.raises(ValueError, match=r"\(N, C\)"):
        objectives.distil(logits[0][0], 4.0, 0.5)


def test_training_that_turns_nan_says_where(digits):
    goals = [objectives.hard_labels()] * 2
    wild = options(learning_rate=1e200, optimizer=training.sgd_momentum)
    says = r"epoch 1.*rate 1e\+200.*seed 0"
    with pytest.raises(training.TrainingDivergedError, match=says):
        kdteach.fit_many([small(0), small(1)], digits, goals, **wild)
    with pytest.raises(training.TrainingDivergedError, match=says):
        kdteach.fit(small(0), digits, goals[0], **wild)


def test_images_that_are_no_numbers_are_named(digits):
    images = digits.train.images.clone()
    images[5] = torch.nan
    broken = Split(images, digits.train.labels, digits.train.index)
    hard, before = objectives.hard_labels(), weights(small(0))
    for given in ({"data": broken}, {"data": digits, "validation": broken}):
        model = small(0)
        with pytest.raises(ValueError, match=r"1 of 1079 images.*sample index 5"):
            kdteach.fit(model, objective=hard, **given, **options())
        assert torch.equal(weights(model), before)


def test_bad_stacks(digits):
    hard = objectives.hard_labels()
    with pytest.raises(ValueError, match=r"one length of at least 1, got 0, 0 and 0"):
        kdteach.fit_many([], digits, [], **options())
    with pytest.raises(ValueError, match="got 2, 1 and 2"):
        kdteach.fit_many([small(0), small(1)], digits, [hard], **options())
    with pytest.raises(ValueError, match=r"models\[1\] differs in architecture"):
        kdteach.fit_many([small(0), small(0, 9)], digits, [hard] * 2, **options())
    model = small(0)
    with pytest.raises(ValueError, match="same module twice"):
        kdteach.fit_many([model, model], digits, [hard] * 2, **options())
    with pytest.raises(ValueError, match="no parameter that requires"):
        kdteach.fit(small(0).requires_grad_(False), digits, hard, **options())


def test_training_stops_when_the_loss_has_settled(digits):
    def run(**more):
        return kdteach.fit(
            small(3), digits, objectives.hard_labels(), **options(epochs=40, **more)
        )

    whole, rule = run(), training.plateau(0.05)
    falls = [abs(b - a) for a, b in pairwise(whole.loss)]
    first = next(i for i, fall in enumerate(falls) if fall < 0.05) + 2  # epochs are 1, 2 ..
    seen = []
    stopped = run(stop=rule, on_epoch=seen.append)
    assert 2 < first < 40
    assert stopped.epochs == first == seen[-1]
    assert stopped.loss == whole.loss[:first]
    assert next(e for e in range(1, 41) if rule(whole.loss[:e])) == first
    assert not rule(whole.loss[:1])
    for threshold in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="threshold"):
            training.plateau(threshold)
    with pytest.raises(TypeError, match="threshold must be a number"):
        training.plateau("0.1")


def test_weighted_and_soft_labels_are_torchs(digits):
    """Alone and in a stack, against torch's own cross-entropy."""
    noise = torch.Generator().manual_seed(0)
    balance = torch.rand(2, 10, generator=noise, dtype=torch.float64) + 0.1
    shares = torch.rand(2, len(digits.train), 10, generator=noise, dtype=torch.float64)
    shares = shares / shares.sum(dim=2, keepdim=True)
    given = [objectives.weighted_labels(w) for w in balance]
    given += [objectives.soft_labels(p) for p in shares]

    def by_torch(i):
        def objective(model, batch):
            if i < 2:
                loss = F.cross_entropy(model(batch.images), batch.labels, balance[i])
            else:
                loss = F.cross_entropy(model(batch.images), shares[i - 2][batch.index])
            return LossTerms(loss, {})

        return objective

    stack = [small(s) for s in range(4)]
    together = kdteach.fit_many(stack, digits, given, **options())
    for i in range(4):
        wanted, alone = small(i), small(i)
        by_hand = kdteach.fit(wanted, digits, by_torch(i), seed=i, **options())
        history = kdteach.fit(alone, digits, given[i], seed=i, **options())
        assert history.loss == pytest.approx(by_hand.loss, rel=1e-9)
        assert together[i].loss == pytest.approx(by_hand.loss, rel=1e-9)
        torch.testing.assert_close(weights(stack[i]), weights(wanted))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: objectives.weighted_labels(torch.ones(2, 2)), r"must be \(C,\)"),
        (lambda: objectives.weighted_labels(torch.tensor([1.0, 0.0])), "above 0"),
        (lambda: objectives.soft_labels(torch.ones(3)), r"shape \(N, C\)"),
        (lambda: objectives.soft_labels(torch.ones(3, 2)), "sum to 1"),
        (lambda: objectives.soft_labels(torch.tensor([[1.5, -0.5]])), "at least 0"),
    ],
)
def test_bad_targets(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_targets_must_cover_the_data(digits):
    few = torch.full((5, 10), 0.1, dtype=torch.float64)
    with pytest.raises(ValueError, match="do not cover 10 classes and sample indices"):
        kdteach.fit(small(0), digits, objectives.soft_labels(few), **options())
    two = objectives.weighted_labels(torch.ones(2))
    with pytest.raises(ValueError, match="2 class weights for 10 classes"):
        kdteach.fit(small(0), digits, two, **options())
    for make in (objectives.soft_labels, objectives.weighted_labels):
        with pytest.raises(TypeError, match="must be a floating-point tensor"):
            make([1.0])


def test_a_long_list_is_trained_in_several_stacks(digits, logits, monkeypatch):
    """With room for two students a stack: the same results, the same order."""
    # bare copies: the logits do not belong to these images, and need not here
    tables = [table.clone() for table in logits]
    given = [objectives.distil(tables[i % 2], 4.0, i / 5) for i in range(5)]
    own = [digits.train, digits.valid.select(torch.arange(300))]
    own = [own[0].select(torch.arange(300)), own[1]] * 2 + [own[1]]
    runs = []
    for room in (stacking.STACK_BYTES, 2 * 8 * 610):
        monkeypatch.setattr(stacking, "STACK_BYTES", room)
        nets = [small(s) for s in range(5)]
        watched = [digits.valid, digits.test.select(torch.arange(359))] * 2 + [digits.valid]
        histories = kdteach.fit_many(nets, own, given, validation=watched, **options())
        runs.append(([h.loss for h in histories], [h.accuracy for h in histories],
                     [weights(net) for net in nets]))  # fmt: skip
    assert stacking.stack_size(small(0), 5) == 2
    assert [stacking.stack_size(small(0), n) for n in (1, 2, 3, 4)] == [1, 2, 2, 2]
    torch.testing.assert_close(runs[0], runs[1], atol=1e-9, rtol=1e-9)


def test_after_each_epoch_the_models_of_a_stack_are_as_they_are(digits):
    seen = {"alone": [], "stack": []}
    alone, stack = small(3), [small(3), small(4)]
    kdteach.fit(
        alone, digits, objectives.hard_labels(), seed=3, **options(),
        on_epoch=lambda _: seen["alone"].append(weights(alone).clone()),
    )  # fmt: skip
    kdteach.fit_many(
        stack, digits, [objectives.hard_labels()] * 2, seeds=[3, 4], **options(),
        on_epoch=lambda _: seen["stack"].append(weights(stack[0]).clone()),
    )  # fmt: skip
    assert len(seen["alone"]) == 3
    assert not torch.equal(seen["alone"][0], seen["alone"][1])
    torch.testing.assert_close(seen["stack"], seen["alone"], atol=1e-9, rtol=1e-9)


def test_assistants_are_taught_in_a_row(digits, logits):
    recipe = options(seeds=[0, 1])
    steps = [[small(s, width) for s in (0, 1)] for width in (12, 6)]
    tables = training.teach_assistants(
        logits, steps, digits, temperature=4.0, alpha=0.7, **recipe
    )
    told = logits
    for number, width in enumerate((12, 6)):
        wanted = [small(s, width) for s in (0, 1)]
        objective = [objectives.distil(table, 4.0, 0.7) for table in told]
        kdteach.fit_many(wanted, digits, objective, **recipe)
        told = [kdteach.teacher_logits(model, digits.train) for model in wanted]
        torch.testing.assert_close(tables[number], told)
    own = training.teach_assistants(  # each chain with data of its own
        logits,
        [[small(0), small(1)]],
        [digits, digits],
        temperature=4.0,
        alpha=0.7,
        **recipe,
    )
    shared = training.teach_assistants(
        logits, [[small(0), small(1)]], digits, temperature=4.0, alpha=0.7, **recipe
    )
    torch.testing.assert_close(own, shared)


def test_assistants_refuse_and_warn(digits, logits):
    def chain(steps):
        return training.teach_assistants(
            logits, steps, digits, temperature=4.0, alpha=0.7, **options()
        )

    with pytest.raises(ValueError, match="assistants is empty"):
        chain([])
    with pytest.raises(ValueError, match=r"assistants\[1\] has 1 models for 2 teachers"):
        chain([[small(0, 9), small(1, 9)], [small(0)]])
    with pytest.raises(TypeError, match=r"assistants\[0\] must be a list of 2 models"):
        chain([small(0, 9), small(0, 6)])
    for nobody in ([], logits[0]):
        with pytest.raises(ValueError, match="list of at least one table of logits"):
            training.teach_assistants(
                nobody, [[small(0)]], digits, temperature=4.0, alpha=0.7, **options()
            )
    with pytest.warns(UserWarning, match="cannot give back"):
        chain([[small(0, 4), small(1, 4)], [small(0, 9), small(1, 9)]])


def test_schedules():
    assert training.constant(0.7) == 1
    assert training.cosine(0) == 1
    assert training.cosine(1) == pytest.approx(0)
    assert training.cosine(0.5) == pytest.approx(0.5)


def test_imagesets_move():
    whole = data.load("digits")
    assert isinstance(whole.to("cpu", torch.float64), ImageSet)
    assert whole.to(dtype=torch.float64).test.images.dtype == torch.float64
    assert whole.to(dtype=torch.float64).test.labels.dtype == torch.int64
    assert whole.num_classes == 10


_FAULTS = """
import resource
import torch
from kdteach.training.allocator import keep_freed_memory

def step():
    blocks = [torch.zeros(3 * 2**20) for _ in range(3)]  # 12 MiB each

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

KEEP
for _ in range(5):  # until the heap has its shape
    step()
before = faults()
for _ in range(20):
    step()
print((faults() - before) * resource.getpagesize() / 2**20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the others do not do this")
def test_steps_reuse_the_memory_that_they_free():
    fresh = {}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    for call in ("keep_freed_memory()", ""):
        done = subprocess.run(
            [sys.executable, "-c", _FAULTS.replace("KEEP", call)],
            check=True, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        fresh[call] = float(done.stdout)
    # 36 MiB a step, 720 MiB in all steps
    if fresh[""] <= 36:
        pytest.skip("this system reuses the memory, or counts larger pages, by itself")
    assert fresh["keep_freed_memory()"] < 24
