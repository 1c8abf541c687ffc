"""Clipping, patience, decay groups, schedulers, precision, callbacks: alone and stacked."""

import logging
import math
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

import kdteach
from kdteach import models, objectives, training
from kdteach.training import display
from kdteach.training.clipping import clip_each
from kdteach.types import History, Split

pytestmark = pytest.mark.usefixtures("either_way")

HARD = objectives.hard_labels()


def images(count=48, seed=0, classes=3, dtype=torch.float64):
    random = torch.Generator().manual_seed(seed)
    return Split(
        torch.rand(count, 1, 6, 6, generator=random, dtype=torch.float64).to(dtype),
        torch.randint(classes, (count,), generator=random),
        torch.arange(count),
    )


def small(seed, width=8, dtype=torch.float64):
    return models.build(
        f"fc-{width}", input_shape=(1, 6, 6), num_classes=3, seed=seed, dtype=dtype
    )


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def options(**changes):
    return {"epochs": 4, "batch_size": 16, "learning_rate": 0.02} | changes


def together(count=3, **changes):
    """A stack, and the same students each alone."""
    stack, alone = ([small(s) for s in range(count)] for _ in range(2))
    part = changes.pop("data", images())
    many = kdteach.fit_many(stack, part, [HARD] * count, **options(**changes))
    one = [
        kdteach.fit(model, part, HARD, seed=s, **options(**changes))
        for s, model in enumerate(alone)
    ]
    return stack, many, alone, one


def require_alike(stack, many, alone, one, atol=1e-10):
    for a, b, left, right in zip(stack, alone, many, one, strict=True):
        assert torch.allclose(weights(a), weights(b), rtol=0, atol=atol)
        assert left.loss == pytest.approx(right.loss, abs=atol)
        assert left.accuracy == right.accuracy
        assert left.learning_rate == pytest.approx(right.learning_rate, rel=1e-12)


# clipping


@pytest.mark.parametrize("most", [1e-3, 0.5, 2.0, 100.0])
def test_clipping_is_that_of_torch(most):
    """A step of plain SGD by hand: the change of the weights is the clipped gradient."""
    model, hand, part = small(0), small(0), images(16)
    loss = F.cross_entropy(hand(part.images), part.labels)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(hand.parameters(), most)
    torch.optim.SGD(hand.parameters(), lr=0.5).step()
    setting = {"epochs": 1, "batch_size": 16, "learning_rate": 0.5, "clip_norm": most}
    plain = training.sgd(0.0, nesterov=False)
    kdteach.fit(model, part, HARD, optimizer=plain, **setting)
    assert torch.allclose(weights(model), weights(hand), rtol=0, atol=1e-14)
    change = (weights(model) - weights(small(0))).norm() / 0.5
    assert float(change) == pytest.approx(min(most, float(norm)), rel=1e-4)


@pytest.mark.parametrize("optimizer", [training.adam, training.sgd_momentum])
def test_each_student_of_a_stack_is_clipped_by_its_own_norm(optimizer):
    found = together(clip_norm=0.3, optimizer=optimizer)
    require_alike(*found)
    free = together(optimizer=optimizer)
    assert not torch.allclose(weights(found[0][0]), weights(free[0][0]), atol=1e-4)


def test_a_students_infinite_gradient_leaves_the_others_alone():
    stack = [torch.zeros(2, 3, 2), torch.zeros(2, 4)]
    for weight in stack:
        weight.grad = torch.full_like(weight, 3.0)
    stack[0].grad[0, 0, 0] = math.inf
    clip_each(stack, 1.0)
    other = torch.cat([weight.grad[1].flatten() for weight in stack])
    assert float(other.norm()) == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(other, other[:1].expand(10))


@pytest.mark.parametrize("wrong", [0, -1.0, math.nan, math.inf, True, "1", torch.ones(2)])
def test_clip_norm_is_a_number_above_zero(wrong):
    with pytest.raises((TypeError, ValueError), match="clip_norm must be"):
        kdteach.fit(small(0), images(), HARD, clip_norm=wrong, **options())


# patience


def noisy():
    """Labels at random: accuracy on others goes up and down."""
    return options(epochs=14, learning_rate=0.05)


@pytest.mark.parametrize("keep", [False, True, "weighted_f1"])
@pytest.mark.parametrize("patience", [1, 3])
def test_patience_ends_when_nothing_improves(keep, patience):
    """Against the rule by hand, on a run that is not ended."""
    valid, part = images(20, seed=7), images()
    states, whole = [], small(1)

    def note(_):
        states.append({k: v.clone() for k, v in whole.state_dict().items()})

    run = {**noisy(), "validation": valid}
    full = kdteach.fit(whole, part, HARD, on_epoch=note, **run)
    measured = []
    for state in states:
        whole.load_state_dict(state)
        found = kdteach.metrics.evaluate(whole, valid)
        measured.append(found.weighted_f1 if keep == "weighted_f1" else found.accuracy)
    best, since, last = -1.0, 0, len(measured)
    for epoch, value in enumerate(measured, start=1):
        best, since = (value, 0) if value > best else (best, since + 1)
        if since == patience:
            last = epoch
            break
    assert last < 14, "the case shows nothing"
    model = small(1)
    history = kdteach.fit(model, part, HARD, keep_best=keep, patience=patience, **run)
    assert history.loss == full.loss[:last]
    assert history.accuracy == full.accuracy[:last]
    kept = measured.index(max(measured[:last])) if keep else last - 1
    for name, value in model.state_dict().items():
        assert torch.equal(value, states[kept][name])


@pytest.mark.parametrize("keep", [False, True])
def test_each_student_of_a_stack_ends_for_itself(keep):
    found = together(
        6, patience=2, keep_best=keep, validation=images(90, seed=8), **noisy()
    )
    require_alike(*found)
    assert len({history.epochs for history in found[1]}) > 1, "all ended together"


def test_who_has_ended_cannot_diverge_any_more():
    """Student 0 ends after an epoch; its weights in the stack may do as they like."""

    def rate(progress):
        return 1e200 if progress > 0.5 else 0.01

    stack = [small(0), small(1)]
    ends = {0: 1, 1: 2}
    histories = kdteach.fit_many(
        stack, images(), [HARD] * 2, schedule=rate,
        callback=lambda student, history: history.epochs == ends[student], **options(),
    )  # fmt: skip
    assert [history.epochs for history in histories] == [1, 2]
    with pytest.raises(training.TrainingDivergedError):
        kdteach.fit(small(0), images(), HARD, schedule=rate, **options())


def test_patience_needs_validation():
    with pytest.raises(ValueError, match="patience needs a validation split"):
        kdteach.fit(small(0), images(), HARD, patience=2, **options())
    for wrong in (0, 1.5, True, "2"):
        with pytest.raises((TypeError, ValueError), match="patience must be"):
            kdteach.fit(
                small(0), images(), HARD, patience=wrong, validation=images(), **options()
            )


def test_validation_and_its_former_name():
    valid = images(20, seed=7)
    new = kdteach.fit(small(0), images(), HARD, validation=valid, **options())
    says = "monitor= is now called validation="
    with pytest.warns(DeprecationWarning, match=says) as one:
        old = kdteach.fit(small(0), images(), HARD, monitor=valid, **options())
    with pytest.warns(DeprecationWarning, match=says) as many:
        stack = kdteach.fit_many([small(0)], images(), [HARD], monitor=valid, **options())
    assert new == old == stack[0]
    assert {Path(warning.filename) for warning in (*one, *many)} == {Path(__file__)}
    assert len(new.accuracy) == 4
    both = {"validation": valid, "monitor": valid}
    with pytest.raises(ValueError, match="validation and monitor are two names"):
        kdteach.fit(small(0), images(), HARD, **both, **options())
    with pytest.raises(ValueError, match="validation and monitor are two names"):
        kdteach.fit_many([small(0)], images(), [HARD], **both, **options())


# callbacks


def test_a_callback_sees_the_history_and_may_end_the_training():
    seen = []

    def look(history):
        seen.append(history)
        return history.epochs == 3

    whole = kdteach.fit(small(0), images(), HARD, **options(epochs=6))
    history = kdteach.fit(small(0), images(), HARD, callback=look, **options(epochs=6))
    assert [h.epochs for h in seen] == [1, 2, 3]
    assert history == seen[-1]
    assert history.loss == whole.loss[:3]
    assert all(isinstance(h, History) for h in seen)


def test_a_callback_of_many_ends_its_student_alone():
    ends = {0: 4, 1: 2, 2: 3}
    order = []

    def look(student, history):
        order.append((history.epochs, student))
        return history.epochs >= ends[student]

    stack = [small(s) for s in range(3)]
    histories = kdteach.fit_many(stack, images(), [HARD] * 3, callback=look, **options())
    assert [history.epochs for history in histories] == [4, 2, 3]
    assert order == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 0), (3, 2), (4, 0)]
    for seed, epochs in ends.items():
        model = small(seed)
        rule = {"callback": lambda history, n=epochs: history.epochs == n}
        kdteach.fit(model, images(), HARD, seed=seed, **rule, **options())
        assert torch.allclose(weights(model), weights(stack[seed]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("returned", [17, 1, "written", [0], 0.5, torch.tensor(1), None])
def test_what_a_logging_callback_returns_does_not_end_the_training(returned):
    history = kdteach.fit(
        small(0), images(), HARD, callback=lambda _: returned, **options(epochs=2)
    )
    assert history.epochs == 2


@pytest.mark.parametrize(
    "yes", [True, np.bool_(True), np.array([True]), torch.tensor(True)]
)
@pytest.mark.parametrize("which", ["callback", "stop"])
def test_true_of_any_library_ends_the_training_and_the_log_says_who(which, yes, caplog):
    rule = {which: lambda _: yes}
    with caplog.at_level(logging.INFO, logger="kdteach"):
        history = kdteach.fit(small(0), images(), HARD, **rule, **options(epochs=3))
    assert history.epochs == 1
    assert caplog.messages[-1] == f"ended after epoch 1 of 3: {which} returned True"


def test_a_rule_to_stop_that_answers_neither_is_refused():
    with pytest.raises(TypeError, match="stop must return True or False, got 3"):
        kdteach.fit(small(0), images(), HARD, stop=lambda _: 3, **options(epochs=3))
    unsaid = kdteach.fit(small(0), images(), HARD, stop=lambda _: None, **options(epochs=2))
    assert unsaid.epochs == 2
    with pytest.raises(TypeError, match="callback must return True or False"):
        kdteach.fit(
            small(0), images(), HARD, callback=lambda _: np.array([True, False]),
            **options(epochs=2),
        )  # fmt: skip


def test_stop_is_asked_for_each_student():
    goals = {"stop": lambda losses: losses[-1] < 1.03, **options(epochs=10)}
    found = together(4, **goals)
    require_alike(*found)
    assert len({history.epochs for history in found[1]}) > 1


# decay groups


def decay_of(optimizer, weight):
    for group in optimizer.param_groups:
        if any(weight is other for other in group["params"]):
            return group["weight_decay"]
    raise AssertionError("the weight is in no group")


def test_biases_and_normalisation_are_left_undecayed():
    """By the kind of layer: in torchvision's resnet a norm is called downsample.1."""
    from torchvision.models import resnet18

    net = resnet18(num_classes=3)
    groups = training.decay_groups(net, 0.1)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    decayed = {id(p) for p in groups[0]["params"]}
    layers = (nn.Conv2d, nn.Linear)
    wanted = {id(m.weight) for m in net.modules() if isinstance(m, layers)}
    assert decayed == wanted
    assert sum(len(g["params"]) for g in groups) == len(list(net.parameters()))


@pytest.mark.parametrize(
    ("no_decay", "spared"),
    [
        (("bias", "norm"), {"first.bias", "bn1.weight", "bn1.bias", "last.bias"}),
        ("bias", {"first.bias", "bn1.bias", "last.bias"}),
        (("first",), {"first.weight", "first.bias"}),
        (("first.weight",), {"first.weight"}),
        (["*.weight"], {"first.weight", "bn1.weight", "last.weight"}),
        (lambda name: name.startswith("last"), {"last.weight", "last.bias"}),
        ((), set()),
    ],
)
def test_what_is_left_undecayed_goes_by_name(no_decay, spared):
    net = nn.Sequential()
    for name, layer in {
        "first": nn.Linear(3, 4), "bn1": nn.BatchNorm1d(4), "last": nn.Linear(4, 2)
    }.items():  # fmt: skip
        net.add_module(name, layer)
    named = dict(net.named_parameters())
    groups = training.decay_groups(net, 0.1, no_decay)
    without = {id(p) for g in groups if g["weight_decay"] == 0 for p in g["params"]}
    assert {name for name, p in named.items() if id(p) in without} == spared
    assert sum(len(g["params"]) for g in groups) == 6


@pytest.mark.parametrize("factory", ["adamw", "sgd"])
def test_undecayed_weights_follow_torchs_optimiser(factory):
    """Against two groups by hand, over some steps; alone and in a stack."""
    mine = {
        "adamw": training.adamw(0.5, no_decay=("bias",)),
        "sgd": training.sgd(weight_decay=0.5, no_decay=("bias",)),
    }[factory]
    part = images(16)

    def by_hand(seed):
        net = small(seed)
        groups = [
            {"params": [p for n, p in net.named_parameters() if not n.endswith("bias")],
             "weight_decay": 0.5},
            {"params": [p for n, p in net.named_parameters() if n.endswith("bias")],
             "weight_decay": 0.0},
        ]  # fmt: skip
        optimizer = (
            torch.optim.AdamW(groups, lr=0.02)
            if factory == "adamw"
            else torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=True)
        )
        for _ in range(4):
            optimizer.zero_grad()
            F.cross_entropy(net(part.images), part.labels).backward()
            optimizer.step()
        return net

    stack, _, alone, _ = together(2, optimizer=mine, data=part)
    for seed in (0, 1):
        wanted = weights(by_hand(seed))
        assert torch.allclose(weights(alone[seed]), wanted, rtol=0, atol=1e-12)
        assert torch.allclose(weights(stack[seed]), wanted, rtol=0, atol=1e-10)


def test_an_optimiser_may_see_names():
    seen = []

    def factory(named, rate):
        seen.append([name for name, _ in named])
        return torch.optim.SGD(named, lr=rate)

    class Goal(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

        def forward(self, student, batch):
            return F.cross_entropy(self.scale * student(batch.images), batch.labels)

    net = small(0)
    kdteach.fit(net, images(), Goal(), optimizer=training.by_name(factory), **options())
    assert seen == [[name for name, _ in net.named_parameters()] + ["objective.scale"]]
    nets = [small(0), small(1)]
    named = training.by_name(factory)
    kdteach.fit_many(nets, images(), [HARD] * 2, optimizer=named, **options())
    assert torch.isfinite(weights(nets[1])).all()


def test_decay_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"no_decay: 'embed' fits no weight; there are '"):
        training.decay_groups(small(0), 0.1, ("embed",))
    factory = training.adamw(0.1, no_decay=("embed",))
    with pytest.raises(ValueError, match="'embed' fits no weight"):
        kdteach.fit(small(0), images(), HARD, optimizer=factory, **options())
    with pytest.raises(TypeError, match="no_decay must hold words"):
        training.adamw(0.1, no_decay=(3,))
    with pytest.raises(TypeError, match="no_decay must be a list of words"):
        training.adamw(0.1, no_decay=3)
    with pytest.raises(ValueError, match="weight_decay must be"):
        training.decay_groups(small(0), -0.1)
    with pytest.raises(TypeError, match="pairs of name and weight"):
        training.adamw(0.1, no_decay="bias")(list(small(0).parameters()), 0.1)
    with pytest.raises(ValueError, match="momentum must be"):
        training.sgd(1.0)


# schedulers of torch


def rates_by_hand(make, epochs, steps, per):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.02, momentum=0.9)
    scheduler, found = make(optimizer), []
    for _ in range(epochs):
        for _ in range(steps):
            last = optimizer.param_groups[0]["lr"]
            optimizer.step()
            if per == "step":
                scheduler.step()
        found.append(last)
        if per == "epoch":
            scheduler.step()
    return found


@pytest.mark.parametrize(
    ("make", "per"),
    [
        (lambda o: lr_scheduler.StepLR(o, 2, gamma=0.1), "epoch"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 12), "step"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=13), "step"),
        (lambda o: lr_scheduler.SequentialLR(o, [
            lr_scheduler.LinearLR(o, 0.1, total_iters=3),
            lr_scheduler.ExponentialLR(o, 0.9)], [3]), "step"),
    ],
)  # fmt: skip
def test_a_scheduler_of_torch_sets_the_rates(make, per):
    schedule = training.torch_schedule(make, per=per)
    found = together(2, schedule=schedule, optimizer=training.sgd_momentum)
    require_alike(*found)
    wanted = rates_by_hand(make, 4, 3, per)
    assert found[3][0].learning_rate == pytest.approx(wanted, rel=1e-12)


def test_plateau_looks_at_validation_of_each_student():
    def make(mode):
        return training.torch_schedule(
            lambda o: lr_scheduler.ReduceLROnPlateau(o, mode=mode, patience=0, factor=0.5)
        )

    valid = images(20, seed=7)
    found = together(3, schedule=make("max"), validation=valid, **noisy())
    require_alike(*found)
    for history in found[3]:
        best, rate = -1.0, 0.05
        for value, (before, after) in zip(
            history.accuracy, pairwise(history.learning_rate), strict=False
        ):
            assert before == pytest.approx(rate)
            # torch's threshold: better by a factor of 1 + 1e-4
            rate, best = (rate, value) if value > best * (1 + 1e-4) else (rate / 2, best)
            assert after == pytest.approx(rate)
    without = kdteach.fit(small(0), images(), HARD, schedule=make("min"), **options())
    assert without.learning_rate == (0.02,) * 4
    with pytest.raises(ValueError, match="mode='max', got 'min'"):
        kdteach.fit(
            small(0), images(), HARD, schedule=make("min"), validation=valid, **options()
        )
    with pytest.raises(ValueError, match="mode='min', got 'max'"):
        kdteach.fit(small(0), images(), HARD, schedule=make("max"), **options())


def test_a_scheduler_says_what_is_wrong():
    def fit(schedule):
        kdteach.fit(small(0), images(), HARD, schedule=schedule, **options())

    with pytest.raises(TypeError, match="torch_schedule"):
        fit(lambda optimizer: lr_scheduler.StepLR(optimizer, 2))
    with pytest.raises(TypeError, match="must return a scheduler"):
        fit(training.torch_schedule(lambda optimizer: optimizer))
    with pytest.raises(TypeError, match="factory must be a function such as"):
        training.torch_schedule(3)
    with pytest.raises(ValueError, match="per"):
        training.torch_schedule(lambda o: None, per="batch")
    with pytest.raises(ValueError, match="per='epoch'"):
        fit(training.torch_schedule(lr_scheduler.ReduceLROnPlateau, per="step"))


# precision


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("optimizer", [training.adam, training.sgd_momentum])
def test_half_precision_learns_what_full_precision_learns(precision, optimizer, digits):
    """Close to float32, not equal to it; the weights stay float32."""
    part = digits.train.to(dtype=torch.float32)
    losses = {}
    for kind in (None, precision):
        net = models.build("fc-32", input_shape=(1, 8, 8), seed=0)
        rate = 0.01 if optimizer is training.adam else 0.2
        setting = {"epochs": 3, "batch_size": 100, "learning_rate": rate}
        history = kdteach.fit(
            net, part, HARD, precision=kind, optimizer=optimizer, clip_norm=5.0, **setting
        )
        losses[kind] = history.loss
        assert all(p.dtype == torch.float32 for p in net.parameters())
    assert losses[precision] != losses[None]
    assert losses[precision] == pytest.approx(losses[None], rel=0.05)
    assert losses[precision][-1] < 0.5 * losses[precision][0]


def test_small_gradients_survive_in_float16():
    """Without scaling they would be 0 in float16: then nothing would be learned."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.Linear(4, 3))
    before = weights(net).clone()

    def tiny(student, batch):
        return 1e-7 * F.cross_entropy(student(batch.images).float(), batch.labels)

    part = images(dtype=torch.float32)
    plain = training.sgd(0.0, nesterov=False)
    setting = options(epochs=1, learning_rate=1e4, optimizer=plain)
    kdteach.fit(net, part, tiny, precision=torch.float16, **setting)
    assert float((weights(net) - before).norm()) > 1e-4


def test_many_in_float16_are_trained_alone():
    nets, others = ([small(s, dtype=torch.float32) for s in (0, 1)] for _ in range(2))
    part = images(dtype=torch.float32)
    half = {"precision": torch.float16, **options()}
    kdteach.fit_many(nets, part, [HARD] * 2, **half)
    for seed, net in enumerate(others):
        kdteach.fit(net, part, HARD, seed=seed, **half)
        assert torch.equal(weights(net), weights(nets[seed]))


# what is seen of it


def test_a_log_line_an_epoch(caplog):
    caplog.set_level(logging.INFO, logger="kdteach")
    valid = images(20, seed=7)
    history = kdteach.fit(small(0), images(), HARD, validation=valid, **options())
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4
    assert lines[1].startswith(f"epoch 2 of 4: loss {history.loss[1]:.4g}, accuracy ")
    assert f"accuracy {100 * history.accuracy[1]:.1f} %" in lines[1]
    caplog.clear()
    kdteach.fit_many([small(0), small(1)], images(), [HARD] * 2, **options())
    assert "(mean of 2 students)" in caplog.records[0].getMessage()
    caplog.set_level(logging.WARNING, logger="kdteach")
    caplog.clear()
    kdteach.fit(small(0), images(), HARD, **options())
    assert not caplog.records


def test_a_bar_when_it_is_asked_for(capsys):
    kdteach.fit(small(0), images(), HARD, **options())
    kdteach.fit(small(0), images(), HARD, progress=False, **options())
    assert capsys.readouterr() == ("", "")
    kdteach.fit(small(0), images(), HARD, progress=True, validation=images(), **options())
    out, err = capsys.readouterr()
    assert out == ""
    assert "12/12" in err
    assert "loss" in err
    assert "accuracy" in err
    with pytest.raises(TypeError, match="progress"):
        kdteach.fit(small(0), images(), HARD, progress="yes", **options())


@pytest.mark.parametrize(("seconds", "bar"), [(0.0, True), (1e9, False)])
def test_a_bar_in_a_terminal_for_a_long_training(seconds, bar, monkeypatch, capsys):
    monkeypatch.setattr(display, "_LOOK", 0.0)
    monkeypatch.setattr(display, "_WORTH_A_BAR", seconds)
    kdteach.fit(small(0), images(), HARD, **options())
    assert capsys.readouterr().err == ""  # no terminal
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    kdteach.fit(small(0), images(), HARD, **options())
    assert ("12/12" in capsys.readouterr().err) is bar
