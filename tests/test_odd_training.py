"""Training that is asked for odd things: the right result, or a word before it begins."""

import itertools
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import kdteach
from kdteach import data, models, objectives, training
from kdteach.types import LossTerms, Split


def small(seed=0, width=8, **more):
    return models.build(
        f"fc-{width}", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64, **more
    )


@pytest.fixture
def few(digits):
    return digits.train.select(torch.arange(200))


HARD = objectives.hard_labels()


def options(**changes):
    return {"epochs": 2, "batch_size": 50, "learning_rate": 0.01} | changes


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def one_by_one(make, few, count=3, **changes):
    """What fit gives each of them alone: the oracle for what fit_many gives all."""
    nets = [make(s) for s in range(count)]
    histories = [
        kdteach.fit(n, few, HARD, seed=s, **options(**changes)) for s, n in enumerate(nets)
    ]
    return [weights(n) for n in nets], histories


def all_together(make, few, count=3, **changes):
    nets = [make(s) for s in range(count)]
    histories = kdteach.fit_many(nets, few, [HARD] * count, **options(**changes))
    return [weights(n) for n in nets], histories


def require_same(make, few, **changes):
    alone, one = one_by_one(make, few, **changes)
    together, many = all_together(make, few, **changes)
    for a, b, left, right in zip(alone, together, one, many, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)
        assert left.loss == pytest.approx(right.loss, abs=1e-9)


# models that only look alike


class Scaled(nn.Module):
    def __init__(self, seed, scale):
        super().__init__()
        self.net, self.scale = small(seed), scale

    def forward(self, x):
        return self.net(x) * self.scale


class Activated(nn.Module):
    def __init__(self, seed, function):
        super().__init__()
        self.net, self.function = small(seed), function

    def forward(self, x):
        return self.net[4](self.function(self.net[1](x.flatten(1))))


class Warming(nn.Module):
    """Its output grows with the number of calls in train mode."""

    def __init__(self, seed):
        super().__init__()
        self.net, self.calls = small(seed), 0

    def forward(self, x):
        self.calls += self.training
        return self.net(x) * min(1.0, 0.1 * self.calls)


class Dropping(nn.Module):
    """Dropout by function: no layer says so."""

    def __init__(self, seed):
        super().__init__()
        self.net = small(seed, 16)

    def forward(self, x):
        return F.dropout(self.net(x), 0.5, self.training)


def hooked(seed):
    net = small(seed)
    if seed == 1:
        net[1].register_forward_hook(lambda *a: a[2] * 0.5)
    return net


@pytest.mark.parametrize(
    "make",
    [
        lambda s: Scaled(s, 1.0 + s),
        lambda s: Scaled(s, (1.0, torch.tensor(2.0), np.float64(3.0))[s]),
        lambda s: Activated(s, (torch.relu, torch.tanh, F.gelu)[s]),
        hooked,
        Warming,
        Dropping,
    ],
    ids=["scale", "scale of any type", "activation", "hook", "counter", "dropout"],
)
def test_models_that_look_alike_are_trained_each_as_it_is(few, make):
    require_same(make, few)


def test_models_that_are_alike_are_still_stacked(few, monkeypatch):
    """The control: a stack is used where it may be, and only there."""
    used = []
    stack = kdteach.training.loop.Stack
    monkeypatch.setattr(
        kdteach.training.loop, "Stack", lambda *a: used.append(1) or stack(*a)
    )
    require_same(small, few)
    require_same(lambda s: Activated(s, torch.tanh), few)
    assert used == [1, 1]
    require_same(Warming, few)
    assert used == [1, 1]


def test_models_that_share_a_layer_are_refused(few):
    shared = nn.Linear(8, 10, dtype=torch.float64)
    nets = [small(s) for s in range(3)]
    for net in nets[1:]:
        net[4] = shared
    before = [weights(n) for n in nets]
    with pytest.raises(ValueError, match=r"models\[1\] and models\[2\] share a weight, '4"):
        kdteach.fit_many(nets, few, [HARD] * 3, **options())
    assert all(torch.equal(weights(n), b) for n, b in zip(nets, before, strict=True))
    shared.requires_grad_(False)
    kdteach.fit_many(nets, few, [HARD] * 3, **options())


# optimisers


def adafactor(parameters, rate):
    return torch.optim.Adafactor(parameters, lr=rate)


def clipped(parameters, rate):
    made = torch.optim.SGD(parameters, lr=rate)
    made.register_step_pre_hook(
        lambda *_: nn.utils.clip_grad_norm_(parameters, 0.1) and None
    )
    return made


class Clipping(torch.optim.Adam):
    def step(self, closure=None):
        for group in self.param_groups:
            nn.utils.clip_grad_norm_(group["params"], 0.1)
        return super().step(closure)


def no_decay_on_biases(parameters, rate):
    matrices = [p for p in parameters if p.ndim > 1]
    rest = [p for p in parameters if p.ndim <= 1]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.5}, {"params": rest, "weight_decay": 0.0}],
        lr=rate,
    )


@pytest.mark.parametrize(
    "optimizer",
    [adafactor, clipped, lambda p, r: Clipping(p, lr=r), no_decay_on_biases,
     lambda p, r: torch.optim.RMSprop(p, lr=r), training.sgd_momentum],
    ids=["adafactor", "clipped", "subclass", "groups", "rmsprop", "momentum"],
)  # fmt: skip
def test_optimisers_that_mix_numbers_see_one_student_at_a_time(few, optimizer):
    require_same(small, few, optimizer=optimizer, learning_rate=0.05)


def test_each_group_keeps_its_own_rate(few):
    """Head ten times faster than the rest, under a schedule: by hand."""
    model, wanted = small(), small()

    def two_rates(parameters, rate):
        return torch.optim.SGD(
            [{"params": parameters[:2], "lr": rate / 10}, {"params": parameters[2:]}],
            lr=rate,
        )

    history = kdteach.fit(
        model, few, HARD, optimizer=two_rates, schedule=training.cosine,
        **options(batch_size=200, epochs=3, learning_rate=0.5),
    )  # fmt: skip
    by_hand = list(wanted.parameters())
    for epoch in range(3):
        loss = F.cross_entropy(wanted(few.images), few.labels)
        gradients = torch.autograd.grad(loss, by_hand)
        for place, (p, g) in enumerate(zip(by_hand, gradients, strict=True)):
            rate = 0.5 * training.cosine(epoch / 3) * (0.1 if place < 2 else 1)
            p.data -= rate * g
    torch.testing.assert_close(weights(model), weights(wanted), rtol=0, atol=1e-12)
    assert history.learning_rate == pytest.approx([0.5, 0.375, 0.125])


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"optimizer": lambda p, r: torch.optim.LBFGS(p, lr=r)}, TypeError, "LBFGS"),
        ({"optimizer": lambda p, r: None}, TypeError, "returned None"),
        ({"optimizer": torch.optim.Adam}, None, ""),
        ({"schedule": lambda t: -1.0}, ValueError, r"schedule\(0\) must be finite and at"),
        ({"schedule": lambda t: float("nan")}, ValueError, "schedule"),
        ({"schedule": lambda t: "fast"}, TypeError, "schedule.* must be a number, got str"),
        ({"schedule": lambda t: torch.tensor(0.5)}, None, ""),
        ({"learning_rate": True}, TypeError, "learning_rate must be a number, got bool"),
        ({"learning_rate": 10**400}, ValueError, "learning_rate"),
        ({"learning_rate": np.float32(0.01)}, None, ""),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an integer"),
        ({"batch_size": np.int64(50), "epochs": np.int32(1)}, None, ""),
        ({"seed": np.int64(3)}, None, ""),
        ({"seed": 1.5}, TypeError, "seed must be an integer"),
        ({"seed": True}, TypeError, "seed"),
        ({"drop_last": "no"}, TypeError, "drop_last must be True or False"),
        ({"precision": torch.int8}, ValueError, "precision"),
        ({"keep_best": "f1"}, ValueError, "keep_best must be True, False or one of"),
        ({"keep_best": 1}, TypeError, "keep_best"),
        ({"keep_best": True}, ValueError, "needs a validation split"),
        ({"augment": "jitter"}, TypeError, "augment must be a function"),
        ({"augment": lambda x, g: x[:3]}, ValueError, "as many images as it gets"),
        ({"augment": lambda x, g: None}, TypeError, "what augment returns"),
        ({"augment": lambda x, g: x.float()}, ValueError, "of the same shape and dtype"),
    ],
)  # fmt: skip
def test_odd_options(few, changes, error, says):
    model = small()
    before = weights(model)
    if error is None:
        kdteach.fit(model, few, HARD, **options(**changes))
        assert not torch.equal(before, weights(model))
        return
    with pytest.raises(error, match=says):
        kdteach.fit(model, few, HARD, **options(**changes))
    assert torch.equal(before, weights(model))
    assert all(p.grad is None for p in model.parameters())


# objectives


@pytest.mark.parametrize(
    ("objective", "error", "says"),
    [
        (nn.CrossEntropyLoss(), TypeError, r"hard_labels\(\)"),
        (F.cross_entropy, TypeError, "takes the model and a Batch"),
        (objectives.hard_labels, TypeError, r"call it, hard_labels\(\.\.\.\)"),
        (objectives.distil, TypeError, "call it, distil"),
        (torch.tensor(1.0), TypeError, "objective must be a function"),
        (0.5, TypeError, "objective must be a function"),
        ("hard", TypeError, "objective must be a function"),
        (lambda s, b: 0.5, TypeError, "got 0.5"),
        (lambda s, b: None, TypeError, "got None"),
        (lambda s: s, TypeError, "failed at the first batch"),
        (
            lambda s, b: F.cross_entropy(s(b.images), b.labels, reduction="none"),
            ValueError,
            r"'total' must be one number, got shape \(50,\): is a \.mean\(\) missing",
        ),
        (
            lambda s, b: LossTerms(s(b.images).mean(), {"each": s(b.images)[:, 0]}),
            ValueError,
            "'each' must be one number",
        ),
        (
            lambda s, b: F.cross_entropy(s(b.images).detach(), b.labels),
            ValueError,
            "does not depend on the model's weights",
        ),
    ],
)
def test_objectives_that_are_none_are_named_at_the_first_batch(few, objective, error, says):
    model = small()
    before = weights(model)
    for call in (
        lambda: kdteach.fit(model, few, objective, **options()),
        lambda: kdteach.fit_many([model], few, [objective], **options()),
    ):
        with pytest.raises(error, match=says):
            call()
    assert torch.equal(before, weights(model))
    assert model.training


def test_a_loss_alone_is_an_objective(few):
    model, wanted = small(), small()
    history = kdteach.fit(
        model, few, lambda s, b: F.cross_entropy(s(b.images), b.labels), **options()
    )
    assert history.loss == pytest.approx(kdteach.fit(wanted, few, HARD, **options()).loss)
    assert history.parts == {}


def test_weights_of_an_objective_are_trained(few):
    """A regressor in the objective moves; the teacher beside it does not."""

    class Hint(nn.Module):
        def __init__(self):
            super().__init__()
            with torch.random.fork_rng():
                torch.manual_seed(0)
                self.regressor = nn.Linear(10, 10, dtype=torch.float64)
            self.teacher = small(9).requires_grad_(False)

        def forward(self, student, batch):
            with torch.no_grad():
                wanted = self.teacher(batch.images)
            return F.mse_loss(self.regressor(student(batch.images)), wanted)

    hint, model = Hint(), small()
    start, held = weights(hint.regressor), weights(hint.teacher)
    history = kdteach.fit(model, few, hint, **options(epochs=20))
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert not torch.equal(start, weights(hint.regressor))
    assert torch.equal(held, weights(hint.teacher))
    assert all(p.grad is None for p in hint.parameters())


def test_the_student_is_not_its_own_teacher(few):
    model = small()
    with pytest.raises(ValueError, match="teacher is the student itself"):
        kdteach.fit(model, few, objectives.distil(model, 2.0, 0.5), **options())


# what goes wrong on the way


def test_one_student_that_diverges_costs_no_other(few):
    """In a stack, and one by one: the others are as if it had not been there."""

    def broken(s, b):
        return F.cross_entropy(s(b.images), b.labels) * float("nan")

    wild = objectives.weighted((1e308, HARD))
    for bad in (broken, wild):
        nets = [small(s) for s in range(3)]
        with pytest.raises(training.TrainingDivergedError) as caught:
            kdteach.fit_many(nets, few, [HARD, bad, HARD], **options())
        assert "student 1, seed 1" in str(caught.value)
        assert "1 students diverged, 2 were trained" in str(caught.value)
        first, failed, last = caught.value.histories
        assert failed is None
        for seed, history in ((0, first), (2, last)):
            wanted = small(seed)
            alone = kdteach.fit(wanted, few, HARD, seed=seed, **options())
            assert history.loss == pytest.approx(alone.loss, abs=1e-9)
            torch.testing.assert_close(weights(nets[seed]), weights(wanted))


def test_weights_that_diverge_in_the_last_step_are_no_success(few):
    """The loss before that step is still a number."""
    calls = itertools.count()

    class Last(torch.optim.SGD):
        def step(self, closure=None):
            if next(calls) == 7:
                self.param_groups[0]["params"][0].data[0, 0] = float("inf")
            return super().step(closure)

    with pytest.raises(training.TrainingDivergedError, match=r"weights.*epoch 2"):
        kdteach.fit(small(), few, HARD, optimizer=lambda p, r: Last(p, lr=r), **options())


def test_what_was_learned_before_ctrl_c_stays(few):
    def stop(epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    wanted = [small(s) for s in range(2)]
    kdteach.fit_many(wanted, few, [HARD] * 2, **options(epochs=2))
    nets = [small(s).eval() for s in range(2)]
    with pytest.raises(KeyboardInterrupt):
        kdteach.fit_many(nets, few, [HARD] * 2, on_epoch=stop, **options(epochs=2))
    for net, same in zip(nets, wanted, strict=True):
        assert torch.equal(weights(net), weights(same))
        assert not any(part.training for part in net.modules())
    # in the middle of an epoch, of a stack as of one student
    for count in (1, 2):
        calls = itertools.count()

        def schedule(_, calls=calls):
            if next(calls) == 5:
                raise KeyboardInterrupt
            return 1.0

        nets = [small(s) for s in range(count)]
        with pytest.raises(KeyboardInterrupt):
            kdteach.fit_many(nets, few, [HARD] * count, schedule=schedule, **options())
        assert all(
            not torch.equal(weights(n), weights(small(s))) for s, n in enumerate(nets)
        )
        assert all(torch.isfinite(weights(n)).all() for n in nets)


def test_modes_gradients_and_random_state_are_the_callers(few):
    nets = [small(s, dropout=0.5) for s in range(2)] + [small(2), small(3)]
    nets[0].eval()
    nets[1][2].eval()
    for net in nets:
        for p in net.parameters():
            p.grad = torch.full_like(p, 7.0)
    modes = [[part.training for part in net.modules()] for net in nets]
    state = torch.get_rng_state()
    kdteach.fit(nets[0], few, HARD, validation=few, **options())
    kdteach.fit_many(nets[:2], few, [HARD] * 2, **options())
    kdteach.fit_many(nets[2:], few, [HARD] * 2, **options())
    with pytest.raises(RuntimeError, match="boom"):
        kdteach.fit(nets[0], few, HARD, on_epoch=lambda _: explode(), **options())
    assert [[part.training for part in net.modules()] for net in nets] == modes
    assert all((p.grad == 7).all() for net in nets for p in net.parameters())
    assert torch.equal(state, torch.get_rng_state())


def explode():
    raise RuntimeError("boom")


def test_a_callback_that_draws_numbers_changes_nothing(few):
    """And draws from the caller's own state, as it would outside."""
    plain = small(0, 16, dropout=0.5)
    quiet = kdteach.fit(plain, few, HARD, **options())
    drawn = []
    with torch.random.fork_rng():
        torch.manual_seed(5)
        wanted = [torch.rand(3) for _ in range(2)]
        torch.manual_seed(5)
        model = small(0, 16, dropout=0.5)
        loud = kdteach.fit(
            model, few, HARD, on_epoch=lambda _: drawn.append(torch.rand(3)), **options()
        )
    assert loud == quiet
    assert torch.equal(weights(model), weights(plain))
    assert all(torch.equal(a, b) for a, b in zip(drawn, wanted, strict=True))


def test_two_trainings_in_two_threads_repeat(few):
    def train(seed):
        model = small(seed, 16, dropout=0.5)
        kdteach.fit(model, few, HARD, seed=seed, **options(epochs=6))
        return weights(model)

    wanted = [train(s) for s in range(3)]
    found = {}
    threads = [
        threading.Thread(target=lambda s=s: found.update({s: train(s)})) for s in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[s], wanted[s]) for s in range(3))


def test_training_works_where_the_caller_wants_no_gradients(few):
    wanted = small()
    kdteach.fit(wanted, few, HARD, **options())
    for mode in (torch.no_grad, torch.inference_mode):
        model = small()
        with mode():
            kdteach.fit(model, few, HARD, **options())
        assert torch.equal(weights(model), weights(wanted))
        assert not torch.is_inference(next(model.parameters()))
    with torch.inference_mode():
        inside = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, dtype=torch.float64))
    with pytest.raises(ValueError, match="inference_mode"):
        kdteach.fit(inside, few, HARD, **options())


def test_batchnorm_and_a_last_batch_of_one(few):
    def build(frozen=False):
        norm = nn.BatchNorm1d(64).requires_grad_(not frozen)
        return nn.Sequential(nn.Flatten(), norm, nn.Linear(64, 10)).double()

    odd = few.select(torch.arange(101))
    model = build()
    before = weights(model)
    with pytest.raises(ValueError, match="another batch_size, or drop_last=True"):
        kdteach.fit(model, odd, HARD, **options())
    assert torch.equal(before, weights(model))
    kdteach.fit(model, odd, HARD, **options(drop_last=True))
    kdteach.fit(build(frozen=True), odd, HARD, **options())


def test_validation_that_does_not_fit_is_named_before_training(few):
    for watched, says in (
        (
            Split(few.images, few.labels + 5, few.index),
            r"validation: labels must lie in \[0, 10\), got values from 5 to 14",
        ),
        (
            Split(few.images[..., :7], few.labels, few.index),
            "validation has images of shape",
        ),
        (few.select(torch.arange(0)), "split is empty: validation"),
    ):
        for call in (
            lambda m, nets, watch: kdteach.fit(m, few, HARD, validation=watch, **options()),
            lambda m, nets, watch: kdteach.fit_many(
                nets, few, [HARD] * 2, validation=watch, **options()
            ),
        ):
            nets = [small(0), small(1)]
            with pytest.raises(ValueError, match=says):
                call(nets[0], nets, watched)
            assert torch.equal(weights(nets[0]), weights(small(0)))


def test_iterators_are_lists(few):
    """Each is gone after one pass; nothing may depend on a second."""
    teachers = [kdteach.teacher_logits(small(8 + s), few) for s in range(2)]

    def chain(wrap):
        steps = [[small(s, width) for s in range(2)] for width in (12, 6)]
        tables = training.teach_assistants(
            wrap(teachers), wrap([wrap(step) for step in steps]), few, temperature=2.0,
            alpha=0.5, **options(),
        )  # fmt: skip
        return tables, [weights(m) for step in steps for m in step]

    torch.testing.assert_close(chain(iter), chain(list))
    nets, same = ([small(s) for s in range(2)] for _ in range(2))
    many = kdteach.fit_many(
        iter(nets), few, iter([HARD] * 2), seeds=iter([4, 5]), **options()
    )
    assert many == kdteach.fit_many(same, few, [HARD] * 2, seeds=[4, 5], **options())
    with pytest.raises(ValueError, match="assistants is empty"):
        training.teach_assistants(teachers, iter([]), few, temperature=2.0, alpha=0.5)


def test_the_callers_default_precision_changes_no_number(few):
    plain, single = few.to(dtype=torch.float32), []
    for default in (torch.float32, torch.float64, torch.float16):
        torch.set_default_dtype(default)
        try:
            model = models.build("fc-16", input_shape=(1, 8, 8), dropout=0.5)
            table = kdteach.teacher_logits(
                models.build("fc-8", input_shape=(1, 8, 8)), plain
            )
            history = kdteach.fit(
                model, plain, objectives.distil(table, 4.0, 0.5), augment=None, **options()
            )
        finally:
            torch.set_default_dtype(torch.float32)
        single.append((weights(model), history.loss))
    assert torch.equal(single[0][0], single[1][0])
    assert torch.equal(single[0][0], single[2][0])
    assert single[0][1] == single[1][1] == single[2][1]


def test_pools_of_different_images_are_named(few):
    other = Split(few.images.float(), few.labels, few.index)
    wide = Split(few.images[..., :4], few.labels, few.index)
    for second in (other, wide):
        with pytest.raises(ValueError, match="of one shape and dtype"):
            kdteach.fit_many([small(0), small(1)], [few, second], [HARD] * 2, **options())


def test_jittered_images_are_the_students_own(few):
    before = few.images.clone()
    kdteach.fit(small(), few, HARD, augment=data.random_shift(1), **options())
    assert torch.equal(before, few.images)
