"""fit_many trains each student as fit alone does, whatever hides in models and factories.

The oracle is ``fit``: weights and histories of both ways are compared. Whether a stack was
used is read off a counter, so that "trained one by one" is not passed by doing nothing.
"""

import random
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import kdteach
from kdteach import objectives, training
from kdteach.training import layout, signature, stacking
from kdteach.types import Split

HARD = objectives.hard_labels()


@pytest.fixture(scope="module")
def few():
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(32, 1, 4, 4, generator=draw, dtype=torch.float64)
    return Split(images, torch.arange(32) % 4)


@pytest.fixture
def stacks(monkeypatch):
    """How many students each stack had."""
    made, stack = [], training.loop.Stack
    monkeypatch.setattr(
        training.loop, "Stack", lambda *a: made.append(len(a[0])) or stack(*a)
    )
    return made


def flat(seed=0, width=16):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(width, 4)).double()


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def require_same(make, few, goals=(HARD, HARD), **changes):
    recipe = {"epochs": 3, "batch_size": 8, "learning_rate": 0.05} | changes
    alone, many = [make(s) for s in range(2)], [make(s) for s in range(2)]
    pairs = enumerate(zip(alone, goals, strict=True))
    left = [kdteach.fit(m, few, goal, seed=s, **recipe) for s, (m, goal) in pairs]
    right = kdteach.fit_many(many, few, list(goals), **recipe)
    for a, b, one, other in zip(alone, many, left, right, strict=True):
        torch.testing.assert_close(weights(a), weights(b), rtol=0, atol=1e-9)
        assert one.loss == pytest.approx(other.loss, abs=1e-9)
        assert one.accuracy == other.accuracy
        assert one.parts.keys() == other.parts.keys()


class Holding(nn.Module):
    """A network and something else that its forward uses."""

    def __init__(self, seed, thing, use):
        super().__init__()
        self.net, self.thing, self.use = flat(seed), thing, use

    def forward(self, x):
        return self.use(self.net(x), self.thing)


def scaled(logits, thing):
    return logits * thing


def configured(logits, thing):
    return logits * thing["scale"][0]


def named(logits, thing):
    return logits * thing.scale


def called(logits, thing):
    return thing(logits * 5)


class Plain:
    def __init__(self, scale):
        self.scale = scale


THINGS = {
    "a number": (scaled, lambda s: 1.0 + s),
    "a dictionary": (configured, lambda s: {"scale": [1.0 + s]}),
    "a namespace": (named, lambda s: types.SimpleNamespace(scale=1.0 + s)),
    "an object": (named, lambda s: Plain(1.0 + s)),
    "a function": (called, lambda s: (F.relu, F.relu6)[s]),
    "a closure": (called, lambda s: lambda z: z * (1 + s)),
    "an array": (configured, lambda s: {"scale": np.array([1.0 + s])}),
    "a tensor, nearly the same": (
        scaled,
        lambda s: torch.ones(1).double() * (1.0 + 9e-10 * s),
    ),
}


@pytest.mark.parametrize("kind", THINGS)
def test_what_differs_in_any_attribute_is_trained_apart(few, stacks, kind):
    use, thing = THINGS[kind]
    require_same(lambda s: Holding(s, thing(s), use), few)
    assert stacks == []
    own = [signature.signature(Holding(s, thing(s), use)) for s in (0, 0, 1)]
    assert own[0] == own[1] != own[2]


@pytest.mark.parametrize("kind", THINGS)
def test_what_is_equal_in_every_attribute_is_stacked(few, stacks, kind):
    use, thing = THINGS[kind]
    require_same(lambda s: Holding(s, thing(0), use), few)
    assert stacks == [2]


def test_what_is_not_understood_has_no_signature():
    net = flat()
    for thing in (torch.Generator(), random.Random(0), open, net[1].weight[0]):
        made = signature.signature(Holding(0, thing, scaled))
        assert (made is None) == (thing is not open)
    held = Holding(0, None, scaled)
    held.thing = [held.net[1].weight]
    assert signature.signature(held) is not None
    held.thing = held.net[1].weight.data[0]  # a view of a weight
    assert signature.signature(held) is None


def hooked(seed):
    net = flat(seed)
    net[1].weight.register_hook(lambda g: g * (torch.arange(16) % 2))
    return net


def hooked_later(seed):
    net = flat(seed)

    def halve(weight):
        weight.grad = weight.grad / 2 if weight.ndim == 2 else weight.grad

    net[1].weight.register_post_accumulate_grad_hook(halve)
    return net


@pytest.mark.parametrize("make", [hooked, hooked_later])
def test_hooks_on_weights_are_kept(few, stacks, make):
    recipe = {"optimizer": training.sgd(0.0)}
    require_same(make, few, **recipe)
    assert stacks == []
    with_hook, without = make(0), flat(0)
    for net in (with_hook, without):
        kdteach.fit(net, few, HARD, epochs=1, **recipe)
    assert not torch.equal(weights(with_hook), weights(without))


def marked(seed):
    net = flat(seed)
    net[1].weight.no_decay = True
    return net


def by_mark(parameters, rate):
    free = [p for p in parameters if getattr(p, "no_decay", False)]
    rest = [p for p in parameters if not getattr(p, "no_decay", False)]
    groups = [{"params": free, "weight_decay": 0.0}, {"params": rest, "weight_decay": 0.5}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=rate)


def test_attributes_of_weights_reach_the_optimizer(few, stacks):
    require_same(marked, few, optimizer=by_mark)
    assert stacks == []


def test_a_factory_that_knows_the_weights_themselves(few, stacks):
    known = set()

    def make(seed):
        net = flat(seed)
        known.add(net[1].weight)
        return net

    def factory(parameters, rate):
        slow = [p for p in parameters if any(p is k for k in known)]
        rest = [p for p in parameters if not any(p is k for k in known)]
        groups = [{"params": slow, "lr": rate / 10}, {"params": rest}]
        return torch.optim.SGD([g for g in groups if g["params"]], lr=rate)

    require_same(make, few, optimizer=factory)
    assert stacks == []


def test_a_factory_that_hooks_the_weights(few, stacks):
    def factory(parameters, rate):
        for p in parameters:
            p.register_hook(lambda g: g / g.norm().clamp(min=0.1))
        return torch.optim.SGD(parameters, lr=rate)

    require_same(flat, few, optimizer=factory)
    assert stacks == []


def test_a_factory_that_replaces_the_step(few, stacks):
    def factory(parameters, rate):
        made = torch.optim.SGD(parameters, lr=rate)
        torch.optim.lr_scheduler.StepLR(made, 1)  # wraps made.step
        return made

    require_same(flat, few, optimizer=factory)
    assert stacks == []
    require_same(flat, few, optimizer=lambda p, rate: torch.optim.SGD(p, lr=rate))
    assert stacks == [2]


def test_what_on_epoch_changes_is_trained_on(few, stacks):
    def run(train):
        nets = [flat(s) for s in range(2)]

        def pruned(_):
            with torch.no_grad():
                for net in nets:
                    net[1].weight[:, ::2] = 0

        train(nets, pruned)
        return nets

    recipe = {"epochs": 3, "batch_size": 8, "learning_rate": 0.05}
    alone = run(
        lambda nets, change: [
            kdteach.fit(net, few, HARD, seed=s, on_epoch=change, **recipe)
            for s, net in enumerate(nets[:1])
        ]
    )
    many = run(
        lambda nets, change: kdteach.fit_many(
            nets, few, [HARD] * 2, on_epoch=change, **recipe
        )
    )
    assert stacks == [2]
    torch.testing.assert_close(weights(alone[0]), weights(many[0]), rtol=0, atol=1e-9)
    assert not many[1][1].weight[:, ::2].any()


def test_freezing_in_on_epoch_is_refused_where_it_cannot_be(few):
    nets = [flat(s) for s in range(2)]
    with pytest.raises(ValueError, match="frozen in on_epoch"):
        kdteach.fit_many(
            nets, few, [HARD] * 2, epochs=2,
            on_epoch=lambda _: nets[1][1].bias.requires_grad_(False),
        )  # fmt: skip


class TwoWays(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.a, self.b = flat(seed), flat(seed + 50)

    def forward(self, x):
        return self.a(x) if self.training else self.a(x) + 3 * self.b(x)


def test_accuracy_is_that_of_eval_mode(few, stacks):
    require_same(TwoWays, few, validation=few)
    assert stacks == [2]
    nets = [TwoWays(s) for s in range(2)]
    found = kdteach.fit_many(nets, few, [HARD] * 2, epochs=2, validation=few)
    for net, history in zip(nets, found, strict=True):
        assert history.accuracy[-1] == kdteach.evaluate(net, few).accuracy


class Drawing(nn.Module):
    def __init__(self, seed, draw):
        super().__init__()
        self.a, self.b, self.draw = flat(seed), flat(seed + 9), draw

    def forward(self, x):
        more = not self.training or self.draw() > 0.001
        return self.a(x) + (self.b(x) if more else 0)


class Rarely(nn.Module):
    """Draws in a place that is hardly ever reached."""

    def __init__(self, seed):
        super().__init__()
        self.net = flat(seed)

    def forward(self, x):
        if len(x) == 12345:
            x = self._noisy(x)
        return self.net(x)

    def _noisy(self, x):
        return x + random.random()


@pytest.mark.parametrize(
    "make",
    [
        lambda s: Drawing(s, random.random),
        lambda s: Drawing(s, np.random.rand),
        lambda s: Drawing(s, lambda: float(torch.rand(()))),
        Rarely,
    ],
)
def test_models_that_draw_are_trained_apart(few, stacks, make):
    before = random.getstate()
    kdteach.fit_many([make(0), make(1)], few, [HARD] * 2, epochs=1)
    assert stacks == []
    random.setstate(before)


def test_looking_at_models_draws_no_number_of_the_caller(few):
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    wanted = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    model = Drawing(0, lambda: random.random() + np.random.rand())  # noqa: NPY002
    stacking.alike([model, model], few.images[:4])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == wanted  # noqa: NPY002


def test_a_student_has_the_terms_of_its_own_objective(few, stacks):
    table = torch.randn(32, 4, dtype=torch.float64)
    require_same(flat, few, goals=(HARD, objectives.distil(table, 2.0, 0.5)))
    assert stacks == [2]


class Viewed(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.net = flat(seed)

    def forward(self, x):
        w = self.net[1].weight
        return F.linear(x.flatten(1), w / w.view(-1).norm())


class Picky(nn.Module):
    """Wants whole batches."""

    def __init__(self, seed):
        super().__init__()
        self.net = flat(seed)

    def forward(self, x):
        assert len(x) == 8
        return self.net(x)


def traced(seed):
    return torch.fx.symbolic_trace(flat(seed))


def tied(seed):
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(16, 16, bias=False), nn.Tanh(),
        nn.Linear(16, 16, bias=False), nn.Linear(16, 4),
    ).double()  # fmt: skip
    torch.manual_seed(seed)
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.3)
    if seed == 1:
        net[3].weight = net[1].weight
    else:
        net[3].weight = nn.Parameter(net[1].weight.detach().clone())
    return net


class Extra(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.net = flat(seed)

    def forward(self, x):
        return self.net(x)

    def get_extra_state(self):
        return {"version": 1}

    def set_extra_state(self, state):
        pass


@pytest.mark.parametrize("make", [Viewed, Picky, traced, tied, Extra])
def test_what_cannot_be_stacked_is_trained_apart(few, make):
    require_same(make, few)


def test_slices_of_one_memory_are_separate_models(few):
    memory = torch.zeros(4, 4, 16, dtype=torch.float64)
    places = iter(memory)

    def make(seed):
        net, place = flat(seed), next(places)
        place.copy_(net[1].weight.data)
        net[1].weight.data = place
        return net

    require_same(make, few)
    nets = [flat(0), flat(1)]
    nets[1][1].weight.data = nets[0][1].weight.data[:]
    with pytest.raises(ValueError, match=r"share a weight, '1\.weight'"):
        kdteach.fit_many(nets, few, [HARD] * 2, epochs=1)


def test_what_share_memory_means():
    table = torch.zeros(4, 6)
    assert layout.share_memory(table[0], table[0:1])
    assert not layout.share_memory(table[0], table[1])
    assert not layout.share_memory(table[:, :3], table[:, 3:])  # in between each other
    assert layout.share_memory(table[:, :3], table[:, 2:])
    assert not layout.share_memory(table[:, ::2], table[:, 1::2])
    assert layout.share_memory(table.T, table[2])
    meta = torch.zeros(3, device="meta")
    assert not layout.share_memory(meta, torch.zeros(3, device="meta"))
    for tensor, dense, twice in (
        (table, True, False),
        (table.T, True, False),
        (table[:, :3], False, False),
        (table[:1].expand(4, 6), False, True),
        (table.as_strided((3, 3), (2, 1)), False, True),
        (torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last), True, False),
        (torch.zeros(0, 3)[:, :2], True, False),
    ):
        assert layout.is_dense(tensor) == dense
        assert layout.overlaps_itself(tensor) == twice


def test_inference_models_are_named_before_the_first_step(few):
    with torch.inference_mode():
        nets = [flat(0), flat(1)]
    steps = []
    with pytest.raises(ValueError, match="inference_mode"):
        kdteach.fit_many(
            nets, few, [HARD] * 2, epochs=1, schedule=lambda p: steps.append(p) or 1.0
        )
    assert steps == []


def test_autocast_of_the_caller_changes_nothing(few, stacks):
    single = few.to(dtype=torch.float32)
    wanted = [flat(s).float() for s in range(2)]
    kdteach.fit_many(wanted, single, [HARD] * 2, epochs=2)
    for train in (kdteach.fit_many, None):
        nets = [flat(s).float() for s in range(2)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            if train is None:
                for s, net in enumerate(nets):
                    kdteach.fit(net, single, HARD, epochs=2, seed=s)
            else:
                train(nets, single, [HARD] * 2, epochs=2)
            assert torch.is_autocast_enabled("cpu")
        for a, b in zip(wanted, nets, strict=True):
            torch.testing.assert_close(weights(a), weights(b), rtol=0, atol=1e-6)


def test_all_students_are_looked_at_before_one_is_trained(few):
    class Narrow(Extra):
        def forward(self, x):
            return self.net(x)[:, : self.width]

    nets = [Narrow(0), Narrow(1)]
    nets[0].width, nets[1].width = 4, 3
    before = weights(nets[0])
    with pytest.raises(ValueError, match="3 outputs"):
        kdteach.fit_many(nets, few, [HARD] * 2, epochs=1)
    assert torch.equal(before, weights(nets[0]))


# who may not belong to two


def test_a_fellow_student_is_no_teacher(few):
    for wrap in (lambda m: m, nn.Sequential, lambda m: torch.compile(m, backend="eager")):
        first, second = flat(0), flat(1)
        goals = [HARD, objectives.distil(wrap(first), 2.0, 0.9)]
        with pytest.raises(ValueError, match=r"teacher of models\[1\] is models\[0\]"):
            kdteach.fit_many([first, second], few, goals, epochs=1)
    first, second = flat(0), flat(1)
    other = objectives.distil(flat(2), 2.0, 0.9)  # the control: one teacher for both
    kdteach.fit_many([first, second], few, [other, other], epochs=1)


def test_statistics_and_objectives_belong_to_one_student(few):
    norm = nn.BatchNorm1d(16, affine=False).double()
    nets = [nn.Sequential(nn.Flatten(), norm, nn.Linear(16, 4).double()) for _ in "ab"]
    with pytest.raises(ValueError, match=r"share running statistics, '1\.running_mean'"):
        kdteach.fit_many(nets, few, [HARD] * 2, epochs=1)

    class Goal(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4).double()

        def forward(self, student, batch):
            return F.cross_entropy(self.layer(student(batch.images)), batch.labels)

    goal = Goal()
    with pytest.raises(ValueError, match=r"objectives\[0\] and objectives\[1\]"):
        kdteach.fit_many([flat(0), flat(1)], few, [goal, goal], epochs=1)
    kdteach.fit_many([flat(0), flat(1)], few, [Goal(), Goal()], epochs=1)
