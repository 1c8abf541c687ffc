"""What fit must not do in silence, and what it must not refuse."""

import math
import pickle
import threading
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import kdteach
from kdteach import models, objectives, training
from kdteach.models import require_logits
from kdteach.types import LossTerms, Split

HARD = objectives.hard_labels()


@pytest.fixture(scope="module")
def few():
    images = torch.rand(32, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    return Split(images, torch.arange(32) % 4)


def flat(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4))


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# A1: weights that are not dense


FUSED = [
    training.adam,
    training.adamw(0.1),
    training.adamw(0.1, no_decay=("bias",)),
    lambda p, rate: torch.optim.Adam(p, lr=rate, fused=True),
    lambda p, rate: torch.optim.SGD(p, lr=rate, fused=True),
]


@pytest.mark.parametrize("optimizer", FUSED)
def test_what_lies_beside_a_slice_stays(few, optimizer):
    """A slice of a table is trained as a weight of its own would be."""
    table = torch.zeros(4, 32)
    sliced, whole = flat(), flat()
    sliced[1].weight.data = table[:, :16]
    whole[1].weight.data = torch.zeros(4, 16)
    for net in (sliced, whole):
        kdteach.fit(net, few, HARD, epochs=3, batch_size=8, optimizer=optimizer)
    assert not table[:, 16:].any()
    assert table[:, :16].all(dim=0).all()
    torch.testing.assert_close(weights(sliced), weights(whole), rtol=1e-5, atol=1e-6)


def test_the_fused_update_is_kept_where_it_can_be():
    (weight,) = nn.Linear(2, 3, bias=False).parameters()
    made = [f([weight], 0.1) for f in (training.adam, training.adamw(0.1))]
    assert [m.param_groups[0]["fused"] for m in made] == [True, True]
    part = nn.Parameter(torch.zeros(4, 6)[:, :3])
    assert not training.adam([part], 0.1).param_groups[0]["fused"]
    assert training.adam(iter([weight]), 0.1).param_groups[0]["params"] == [weight]


def test_a_weight_whose_entries_are_one_number_is_named(few):
    table, net = torch.zeros(20), flat()
    net[1].bias = nn.Parameter(table[:1].expand(4))
    with pytest.raises(ValueError, match=r"'1\.bias' has 4 entries"):
        kdteach.fit(net, few, HARD, epochs=1)
    assert not table.any()


def test_real_and_complex_weights(few):
    class Spectral(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = flat()
            self.filter = nn.Parameter(torch.ones(4, 3, dtype=torch.complex64))

        def forward(self, x):
            return self.head(torch.fft.irfft2(torch.fft.rfft2(x) * self.filter))

    net = Spectral()
    kdteach.fit(net, few, HARD, epochs=1)
    assert not torch.equal(net.filter, torch.ones_like(net.filter))


# C1: buffers that were never finite


class Masked(nn.Module):
    def __init__(self, persistent=True, late=False):
        super().__init__()
        torch.manual_seed(0)
        self.ask, self.head, self.late = nn.Linear(4, 12), nn.Linear(16, 4), late
        mask = torch.full((4, 4), -math.inf).triu(1)
        shape = mask[:0] if late else mask
        self.register_buffer("mask", shape, persistent=persistent)

    def forward(self, x):
        if self.late:
            self.mask = torch.full((4, 4), -math.inf).triu(1)
        q, k, v = self.ask(x[:, 0]).chunk(3, -1)
        return self.head(((q @ k.mT + self.mask).softmax(-1) @ v).flatten(1))


@pytest.mark.parametrize("make", [Masked, lambda: Masked(False), lambda: Masked(late=True)])
def test_a_mask_of_minus_infinity_is_no_divergence(few, make):
    net = make()
    assert kdteach.fit(net, few, HARD, epochs=3).epochs == 3
    assert torch.isfinite(weights(net)).all()


def test_statistics_that_break_are_a_divergence(few):
    """The control for the mask: what was a number and is none is seen."""

    class Breaking(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = flat()
            self.register_buffer("mean", torch.zeros(3))

        def forward(self, x):
            if self.training:
                self.mean[1] = math.nan
            return self.net(x)

    with pytest.raises(training.TrainingDivergedError):
        kdteach.fit(Breaking(), few, HARD, epochs=1)


# C2: never more images at once than a batch


@pytest.mark.parametrize("size", [2, 8])
def test_nobody_is_asked_about_more_than_a_batch(few, size):
    counts = []

    def counting(seed):
        net = flat(seed)
        net.register_forward_pre_hook(lambda _, inputs: counts.append(len(inputs[0])))
        return net

    goals = [
        HARD,
        objectives.distil(counting(5), 2.0, 0.5),
        objectives.weighted((1.0, HARD), (1.0, objectives.distil(counting(5), 2.0, 0.5))),
    ]
    for goal in goals:
        kdteach.fit(counting(0), few, goal, epochs=1, batch_size=size, validation=few)
    assert max(counts) == size
    kdteach.fit(counting(0), few, HARD, epochs=1, batch_size=32, validation=few)
    assert max(counts) == 32


def test_a_network_for_batches_of_one_size(few):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = flat()

        def forward(self, x):
            return self.net(x.view(8, 1, 4, 4))

    found = kdteach.fit(Fixed(), few, HARD, epochs=1, batch_size=8, validation=few)
    assert found.epochs == 1


# C3: logits that are never negative


class Pooled(nn.Module):
    """As SqueezeNet ends: a convolution, ReLU, and the mean over the image."""

    def __init__(self, end=None):
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 4, 3, padding=1)
        )
        self.end = end or nn.ReLU()

    def forward(self, x):
        return self.end(self.layers(x)).mean(dim=(2, 3))


def test_logits_after_relu_and_pooling_are_logits():
    images = torch.rand(64, 1, 4, 4)
    net = Pooled().eval()
    alike = torch.rand(64, 4)
    alike[0, 0], alike[1, 1] = 0.0, 1.0  # what a sigmoid might say
    assert kdteach.checks.returns_probabilities(alike)
    require_logits(net, images, alike)
    for end, word in ((nn.Softmax(dim=1), "a softmax"), (nn.Sigmoid(), "a sigmoid")):
        ended = Pooled(end).eval()
        with pytest.raises(ValueError, match=word):
            require_logits(ended, images, ended(images).detach())


def test_validation_breaks_no_training_off(few, monkeypatch):
    """Whatever the values look like later, the question was asked before."""
    begun = []

    class Turning(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = flat()

        def forward(self, x):
            z = self.net(x)
            return z if self.training or not begun else z.softmax(1)

    found = kdteach.fit(
        Turning(), few, HARD, epochs=3, validation=few, on_epoch=begun.append
    )
    assert len(found.accuracy) == 3


# C4: the student as its own teacher


@pytest.mark.parametrize(
    "wrap",
    [
        lambda m: m,
        nn.Sequential,
        nn.DataParallel,
        lambda m: torch.compile(m, backend="eager"),
        lambda m: models.TemperatureScaled(m, 2.0),
        lambda m: nn.Sequential(nn.Flatten(), m[1]),
    ],
)
def test_the_student_in_a_wrapper_is_no_teacher(few, wrap):
    net = flat()
    for goal in (
        objectives.distil(wrap(net), 2.0, 0.5),
        objectives.weighted((1.0, HARD), (1.0, objectives.distil(wrap(net), 2.0, 0.5))),
    ):
        with pytest.raises(ValueError, match="the teacher is the student itself"):
            kdteach.fit(net, few, goal, epochs=1)


def test_what_is_frozen_may_be_shared_with_a_teacher(few):
    base = nn.Linear(16, 8).requires_grad_(False)
    student, teacher = (nn.Sequential(nn.Flatten(), base, nn.Linear(8, 4)) for _ in "ab")
    kdteach.fit(student, few, objectives.distil(teacher, 2.0, 0.5), epochs=1)


# C5: what the caller gives is data


def test_gradients_stop_at_what_is_given(few):
    images = few.images.clone().requires_grad_()
    targets = torch.full((32, 4), 0.25, requires_grad=True)
    heavy = torch.ones(4, requires_grad=True)
    kdteach.fit(flat(), Split(images, few.labels), HARD, epochs=2)
    kdteach.fit(flat(), few, objectives.soft_labels(targets), epochs=2)
    kdteach.fit(flat(), few, objectives.weighted_labels(heavy), epochs=2)
    assert images.grad is None
    assert targets.grad is None
    assert heavy.grad is None
    # of a graph: a second epoch would find it gone
    features = nn.Linear(16, 16)(few.images.flatten(1))
    kdteach.fit(nn.Linear(16, 4), Split(features, few.labels), HARD, epochs=2)
    kdteach.fit(flat(), few, objectives.soft_labels(targets.softmax(1)), epochs=2)


# C6, C7: what is never trained


def test_a_layer_that_is_unfrozen_too_late_is_named(few):
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    net[1].requires_grad_(False)
    with pytest.raises(ValueError, match=r"'1\.weight' requires a gradient since on_epoch"):
        kdteach.fit(
            net, few, HARD, epochs=3, on_epoch=lambda _: net[1].requires_grad_(True)
        )
    assert all(weight.grad is None for weight in net.parameters())
    # freezing, and unfreezing what the optimiser knows, goes on
    known = flat()
    kdteach.fit(
        known, few, HARD, epochs=3,
        on_epoch=lambda e: known[1].bias.requires_grad_(e != 1),
    )  # fmt: skip


def test_a_training_of_nothing_is_named(few):
    net, other = flat(0), flat(1)
    with pytest.raises(ValueError, match="holds none of the weights"):
        kdteach.fit(
            net, few, HARD, epochs=1,
            optimizer=lambda p, rate: torch.optim.SGD(other.parameters(), lr=rate),
        )  # fmt: skip
    with pytest.raises(ValueError, match="ask another model"):
        kdteach.fit(
            net, few, lambda s, b: F.cross_entropy(other(b.images), b.labels), epochs=1
        )
    assert torch.equal(weights(net), weights(flat(0)))
    # a part of the weights is enough
    kdteach.fit(
        net, few, HARD, epochs=1, optimizer=lambda p, rate: torch.optim.SGD(p[1:], lr=rate)
    )


# C9: the best epoch, whole


def test_the_best_epoch_comes_back_whole(few):
    class Remembering(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = flat()
            self.register_buffer("steps", torch.zeros(()), persistent=False)

        def forward(self, x):
            if self.training:
                self.steps += 1
            return self.net(x)

        def get_extra_state(self):
            return {"version": [1]}

        def set_extra_state(self, state):
            assert state == {"version": [1]}

    net, after = Remembering(), []
    found = kdteach.fit(
        net, few, HARD, epochs=6, batch_size=8, learning_rate=0.5,
        validation=Split(few.images, (few.labels + 1) % 4),  # learning makes it worse
        keep_best=True, on_epoch=lambda _: after.append(float(net.steps)),
    )  # fmt: skip
    best = found.accuracy.index(max(found.accuracy))
    assert best < 5
    assert float(net.steps) == after[best] > 0


# C10, C11


def test_a_teacher_that_turns_nan_is_named(few):
    class Breaking(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = flat(5)

        def forward(self, x):
            bad = (x == few.images[20]).flatten(1).all(dim=1)
            return torch.where(bad[:, None], math.nan, self.net(x))

    for goal in (
        objectives.distil(Breaking(), 2.0, 0.5),
        objectives.weighted((1.0, HARD), (1.0, objectives.distil(Breaking(), 2.0, 0.5))),
    ):
        with pytest.raises(
            training.TrainingDivergedError, match=r"teacher returns NaN.* sample index 20"
        ):
            kdteach.fit(flat(), few, goal, epochs=1, batch_size=8)
    with pytest.raises(training.TrainingDivergedError, match="smaller learning rate"):
        kdteach.fit(flat(), few, objectives.weighted((1e308, HARD)), epochs=1)


@pytest.mark.parametrize("size", [1e-300, 1e-50, 1.0, 1e42, 1e300])
def test_only_the_ratios_of_class_weights_count(few, size):
    ratios = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    found, wanted = (
        kdteach.fit(flat(), few, objectives.weighted_labels(w), epochs=2, batch_size=8)
        for w in (ratios * size, ratios)
    )
    assert found.loss == pytest.approx(wanted.loss, rel=1e-6)


# C13: train mode


class InTraining(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.net, self.change = flat(), change

    def forward(self, x):
        z = self.net(x)
        return self.change(z) if self.training else z


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda z: torch.cat([z, z]), r"in train mode must return \(B, C\)"),
        (lambda z: z[..., None], r"in train mode must return \(B, C\)"),
        (lambda z: torch.cat([z, z[:, :1]], 1), "5 logits for an image, and 4 in eval"),
        (lambda z: z.softmax(1), "in train mode returns probabilities"),
    ],
)
def test_answers_of_train_mode_are_looked_at(few, change, says):
    net = InTraining(change)
    before = weights(net)
    with pytest.raises(ValueError, match=says):
        kdteach.fit(net, few, HARD, epochs=1, batch_size=8)
    assert torch.equal(before, weights(net))
    with pytest.raises(ValueError, match=says):
        kdteach.fit_many(
            [InTraining(change), InTraining(change)], few, [HARD] * 2, epochs=1
        )


# C14 and the rest


def test_small_things(few):
    def bare(student, batch):
        return LossTerms(F.cross_entropy(student(batch.images), batch.labels), None)

    assert kdteach.fit(flat(), few, bare, epochs=1).parts == {}
    with pytest.raises(TypeError, match="stop must return True or False"):
        kdteach.fit(
            flat(), few, HARD, epochs=2, stop=lambda _: torch.zeros(2, dtype=torch.bool)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        script = torch.jit.script(flat())
    before = weights(script)
    kdteach.fit(script, few, bare, epochs=1)
    assert not torch.equal(before, weights(script))
    with pytest.raises(ValueError, match=r"no effect on weights of torch\.float64"):
        kdteach.fit(
            flat().double(), few.to(dtype=torch.float64), HARD, epochs=1,
            precision=torch.bfloat16,
        )  # fmt: skip
    with pytest.raises(ValueError, match="keep_best"):
        kdteach.fit(flat(), few, HARD, epochs=1, keep_best="")


def test_images_that_are_numbers(few):
    class Curve(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 4)

        def forward(self, x):
            return self.layer(x[:, None])

    kdteach.fit(Curve(), Split(torch.rand(32), few.labels), HARD, epochs=1)


def test_a_network_that_cannot_be_copied(few):
    class Locked(nn.Module):
        def __init__(self):
            super().__init__()
            self.lock = threading.Lock()
            self.norm, self.head = nn.BatchNorm1d(16), nn.Linear(16, 4)

        def forward(self, x):
            return self.head(self.norm(x.flatten(1)))

    net = Locked()
    with pytest.raises(ValueError, match="BatchNorm needs two"):
        kdteach.fit(net, few, HARD, epochs=1, batch_size=31)
    assert int(net.norm.num_batches_tracked) == 0
    assert net.training
    kdteach.fit(net, few, HARD, epochs=1, batch_size=16)


def test_the_history_has_the_rate_of_the_optimizer(few):
    found = kdteach.fit(
        flat(), few, HARD, epochs=2, optimizer=lambda p, rate: torch.optim.SGD(p, lr=0.5)
    )
    assert found.learning_rate == (0.5, 0.5)


def test_factories_and_rules_can_be_pickled(few):
    for made in (
        training.adamw(0.1), training.adamw(0.1, no_decay=("bias",)),
        training.sgd(weight_decay=0.1), training.plateau(0.1),
    ):  # fmt: skip
        assert pickle.loads(pickle.dumps(made)) == made
    rule = pickle.loads(pickle.dumps(training.plateau(0.1)))
    assert [rule(x) for x in ([1.0], [1.0, 0.95], [1.0, 0.5])] == [False, True, False]


# what hangs on a weight, also where a plain network is trained in a faster way


def test_a_hook_on_a_weight_is_asked(few):
    mask = (torch.arange(16) % 2).float()
    net = flat()
    with torch.no_grad():
        net[1].weight.mul_(mask)
    net[1].weight.register_hook(lambda gradient: gradient * mask)
    kdteach.fit(net, few, HARD, epochs=3, batch_size=8)
    assert not net[1].weight[:, ::2].any()
    assert net[1].weight[:, 1::2].all()


def test_what_on_epoch_does_to_a_weight_counts(few):
    net, seen = flat(), []

    def freeze(epoch):
        seen.append(net[1].bias.detach().clone())
        net[1].bias.requires_grad_(epoch != 1)

    kdteach.fit(net, few, HARD, epochs=3, batch_size=8, on_epoch=freeze)
    assert torch.equal(seen[0], seen[1])  # frozen in the second epoch
    assert not torch.equal(seen[1], seen[2])  # and free again in the third

    nets = [flat(), flat()]

    def inside(_):
        nets[0][1].weight.data.mul_(0.5)

    def elsewhere(_):  # the same numbers in another place of memory
        nets[1][1].weight.data = nets[1][1].weight.data * 0.5

    for model, change in zip(nets, (inside, elsewhere), strict=True):
        kdteach.fit(model, few, HARD, epochs=3, batch_size=8, on_epoch=change)
    torch.testing.assert_close(weights(nets[0]), weights(nets[1]), rtol=1e-4, atol=1e-6)
