"""Networks as readers bring them: in place, frozen, with a softmax, returning anything."""

import copy
import dataclasses
import pickle
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

import kdteach
from kdteach import data, metrics, models, objectives, training
from kdteach.fingerprints import TeacherLogits, fingerprints, known_answers
from kdteach.types import ImageSet, Split


def net(*layers, width=64, seed=0, outputs=10):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(width, outputs, dtype=torch.float64)
        )


def options(**changes):
    return {"epochs": 2, "batch_size": 100, "learning_rate": 0.01} | changes


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.fixture
def few(digits):
    """Images with both signs, so that a ReLU changes them."""
    part = digits.train.select(torch.arange(200))
    return Split(part.images - 0.5, part.labels, part.index, num_classes=10)


class Subtracts(nn.Module):
    def forward(self, x):
        return x.sub_(0.25).mul_(2)


class SubtractsACopy(nn.Module):
    def forward(self, x):
        return x.sub(0.25).mul(2)


IN_PLACE = {
    "relu": (nn.ReLU(inplace=True), nn.ReLU()),
    "sub_": (Subtracts(), SubtractsACopy()),
}


@pytest.mark.parametrize("kind", IN_PLACE)
def test_a_network_that_begins_in_place_gives_what_it_gives_otherwise(few, kind):
    """Everywhere a network is asked: same numbers as out of place, images as they were."""
    inside, outside = IN_PLACE[kind]
    before = few.images.clone()
    found = []
    for layer in (inside, outside):
        teacher, student = net(layer, seed=1), net(layer, seed=2)
        table = kdteach.teacher_logits(teacher, few)
        twice = kdteach.teacher_logits(teacher, few)
        assert torch.equal(table, twice)
        histories = [
            kdteach.fit(copy.deepcopy(student), few, goal, validation=few, **options())
            for goal in (
                objectives.hard_labels(),
                objectives.distil(table, 2.0, 0.5),
                objectives.distil(teacher, 2.0, 0.5),
                objectives.smoothed_labels(0.1),
            )
        ]
        stack = [net(layer, seed=s) for s in range(3)]
        goals = [objectives.distil(teacher, 2.0, 0.5), objectives.hard_labels()] * 2
        histories += kdteach.fit_many(stack, few, goals[:3], validation=few, **options())
        found.append(
            (
                table,
                metrics.evaluate(student, few).logits,
                metrics.predict_logits(teacher, few.images),
                [(h.loss, h.accuracy) for h in histories],
                [weights(model) for model in stack],
            )
        )
        assert torch.equal(few.images, before)
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


def test_a_live_teacher_sees_the_image_and_not_what_an_objective_left_of_it(few):
    """An objective of the caller's own, and a student that works in place."""
    teacher = net(seed=1)
    seen = []

    def own(student, batch):
        loss = F.cross_entropy(student(batch.images), batch.labels)
        with torch.no_grad():
            seen.append((batch.images.clone(), batch.index))
            target = teacher(batch.images)
        return loss + F.mse_loss(student(batch.images), target)

    student = net(nn.ReLU(inplace=True), seed=2)
    kdteach.fit(student, few, own, **options())
    for images, index in seen:
        assert torch.equal(images, few.images[index])
    assert not student._forward_pre_hooks


@pytest.mark.parametrize("end", [nn.Softmax(dim=1), nn.Sigmoid()])
def test_probabilities_are_no_logits(few, end):
    student, ended = net(seed=2), nn.Sequential(net(seed=1), end)
    says = "probabilities"
    for split in (few, few.select(torch.arange(1))):  # the values of one image say little
        with pytest.raises(ValueError, match=says):
            kdteach.teacher_logits(ended, split)
        with pytest.raises(ValueError, match=says):
            metrics.evaluate(ended, split)
    with pytest.raises(ValueError, match="the teacher returns probabilities"):
        kdteach.fit(student, few, objectives.distil(ended, 2.0, 0.5), **options())
    with torch.no_grad():
        table = ended(few.images)
    with pytest.raises(ValueError, match="teacher_logits are probabilities"):
        objectives.distil(table, 2.0, 0.5)
    with pytest.raises(ValueError, match=says):
        kdteach.fit(ended, few, objectives.hard_labels(), **options())


def test_frozen_networks_with_a_softmax_are_seen_by_their_values(few):
    """No gradient says what the last step was."""
    ended = nn.Sequential(net(seed=1), nn.Softmax(dim=1)).requires_grad_(False)
    with torch.inference_mode(), pytest.raises(ValueError, match="probabilities"):
        kdteach.teacher_logits(ended, few)


def test_logarithms_of_probabilities_are_logits(few):
    ended = nn.Sequential(net(seed=1), nn.LogSoftmax(dim=1))
    table, raw = kdteach.teacher_logits(ended, few), kdteach.teacher_logits(ended[0], few)
    losses = [
        kdteach.fit(net(seed=2), few, objectives.distil(t, 2.0, 0.5), **options()).loss
        for t in (table, raw, ended)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    assert losses[2] == pytest.approx(losses[1], rel=1e-12)
    assert metrics.evaluate(ended, few).nll == pytest.approx(
        metrics.evaluate(ended[0], few).nll
    )


def test_small_logits_are_not_taken_for_probabilities(few):
    """All zero, all positive, in [0, 1] for a few images: these are logits."""
    zero = net()
    nn.init.zeros_(zero[-1].weight)
    nn.init.zeros_(zero[-1].bias)
    assert metrics.evaluate(zero, few).nll == pytest.approx(torch.tensor(10.0).log().item())
    positive = nn.Sequential(net(), nn.Softplus())
    metrics.evaluate(positive, few)
    between = nn.Sequential(net(), nn.Softplus(), nn.Tanh())
    metrics.evaluate(between, few.select(torch.arange(3)))
    # a fresh network with two outputs that hardly depend on the image
    pair = net(outputs=2)
    nn.init.constant_(pair[-1].weight, 1e-3)
    pair[-1].bias.data = torch.tensor([0.6, 0.45], dtype=torch.float64)
    two = Split(few.images, few.labels % 2, few.index)
    objectives.distil(kdteach.teacher_logits(pair, two), 1.0, 0.0)
    kdteach.fit(pair, two, objectives.hard_labels(), **options())


def test_one_number_for_two_classes_is_named(few):
    two = Split(few.images, few.labels % 2, few.index)
    one = net(outputs=1)
    for call in (
        lambda: kdteach.teacher_logits(one, two),
        lambda: metrics.evaluate(one, two),
        lambda: kdteach.fit(one, two, objectives.hard_labels(), **options()),
        lambda: kdteach.fit(net(), two, objectives.distil(one, 1.0, 0.5), **options()),
        lambda: objectives.distil(torch.zeros(200, 1), 1.0, 0.5),
    ):
        with pytest.raises(ValueError, match=r"torch\.cat\(\[torch\.zeros_like\(z\), z\]"):
            call()


@dataclass
class Output:
    logits: torch.Tensor
    loss: object = None


class Returns(nn.Module):
    def __init__(self, make, seed=1):
        super().__init__()
        self.inner, self.make = net(seed=seed), make

    def forward(self, x):
        return self.make(self.inner(x))


@pytest.mark.parametrize(
    "make",
    [Output, lambda z: {"logits": z}, lambda z: OrderedDict(aux=z, logits=z)],
)
def test_logits_by_name_are_taken(few, make, general_way):
    """As the networks of Hugging Face and torchvision return them."""
    wrapped = Returns(make)
    table = kdteach.teacher_logits(wrapped, few)
    assert torch.equal(table, kdteach.teacher_logits(wrapped.inner, few))
    assert torch.equal(metrics.evaluate(wrapped, few).logits, table)
    for goal in (objectives.distil(table, 2.0, 0.5), objectives.distil(wrapped, 2.0, 0.5)):
        student = Returns(make, seed=2)
        history = kdteach.fit(student, few, goal, validation=few, **options())
        plain = kdteach.fit(net(seed=2), few, goal, validation=few, **options())
        assert history == plain
    stack = [Returns(make, seed=s) for s in range(2)]
    bare = [net(seed=s) for s in range(2)]
    goals = [objectives.hard_labels()] * 2
    assert kdteach.fit_many(stack, few, goals, **options()) == kdteach.fit_many(
        bare, few, goals, **options()
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda z: (z, z), r"tuple \(tensor \(.*return output\[0\]"),
        (lambda z: [z], r"list.*return output\[0\]"),
        (lambda z: {"out": z}, r"dictionary with 'out'.*return output\['out'\]"),
        (lambda z: None, "None: does its forward end with a return"),
        (lambda z: object(), "an object of type object"),
        (lambda z: z.detach().numpy(), "an object of type ndarray"),
        (lambda z: "cat", "an object of type str"),
        (lambda z: z.argmax(dim=1, keepdim=True).expand(-1, 3), "floating-point"),
        (lambda z: z.sum(dim=1), r"must return \(B, C\) logits"),
        (lambda z: z[:1], r"must return \(B, C\) logits"),
        (lambda z: z[..., None], r"must return \(B, C\) logits"),
        (lambda z: z.to_sparse(), "dense"),
    ],
)
def test_what_is_no_table_of_logits_is_named_with_the_way_out(few, make, says):
    wrapped, before = Returns(make), few.images.clone()
    for call in (
        lambda: kdteach.teacher_logits(wrapped, few),
        lambda: metrics.evaluate(wrapped, few),
        lambda: kdteach.fit(wrapped, few, objectives.hard_labels(), **options()),
        lambda: kdteach.fit(net(), few, objectives.distil(wrapped, 1.0, 0.5), **options()),
    ):
        with pytest.raises((TypeError, ValueError), match=says):
            call()
    assert torch.equal(few.images, before)


def test_an_objective_of_ones_own_may_have_a_model_that_returns_anything(few):
    """Features beside logits: the objective takes its pick."""

    def own(student, batch):
        logits, features = student(batch.images)
        return F.cross_entropy(logits, batch.labels) + 1e-3 * features.square().mean()

    student = Returns(lambda z: (z, z))
    before = kdteach.fit(student, few, own, **options()).loss
    assert before[1] < before[0]


def test_frozen_layers_keep_their_statistics(few):
    """A backbone without gradients, as most people freeze it; its output may not drift."""

    def build(affine=True):
        head = nn.Linear(64, 10)
        backbone = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64, affine=affine), nn.ReLU()
        )
        backbone.requires_grad_(False)
        return nn.Sequential(OrderedDict(backbone=backbone, head=head)).double()

    for affine in (True, False):
        models_ = [build(affine), build(affine)]
        states = [copy.deepcopy(m.backbone.state_dict()) for m in models_]
        kdteach.fit(models_[0], few, objectives.hard_labels(), **options())
        kdteach.fit_many(models_, few, [objectives.hard_labels()] * 2, **options())
        for model, state in zip(models_, states, strict=True):
            after = model.backbone.state_dict()
            assert all(torch.equal(state[name], after[name]) for name in state)
            assert model.training
            assert model.backbone[2].training
    trained = build()
    trained.backbone[2].requires_grad_(True)
    before = trained.backbone[2].running_mean.clone()
    kdteach.fit(trained, few, objectives.hard_labels(), **options())
    assert not torch.equal(before, trained.backbone[2].running_mean)


def test_outputs_that_are_other_classes_are_named(digits):
    """Fifty subclasses read as classes, twelve outputs for ten."""
    fifty, twelve = net(outputs=50), net(outputs=12)
    with pytest.raises(
        ValueError, match=r"50 outputs, but the data has 10.*num_classes=10"
    ):
        metrics.evaluate(fifty, digits.test)
    assert metrics.evaluate(fifty, digits.test, num_classes=10).logits.shape == (359, 10)
    with pytest.raises(ValueError, match="12 outputs, but the data has 10"):
        metrics.evaluate(twelve, digits.test)
    for goal in (objectives.hard_labels(), objectives.distil(twelve, 1.0, 0.5)):
        with pytest.raises(ValueError, match="12 outputs, but the data has 10"):
            kdteach.fit(net(outputs=12), digits, goal, **options())
    only = digits.test.select(digits.test.labels < 3)
    assert only.num_classes == 10
    assert metrics.evaluate(net(), only).logits.shape[1] == 10
    with pytest.raises(ValueError, match="5 outputs, but the data has 10"):
        metrics.evaluate(net(outputs=5), only)


def test_a_whole_image_set_is_no_split(digits):
    says = r"ImageSet 'digits': give its \.train, \.valid or \.test"
    backbone = models.build("tiny-resnet", num_classes=2)
    for call in (
        lambda: metrics.evaluate(net(), digits),
        lambda: kdteach.teacher_logits(net(), digits),
        lambda: kdteach.fit(
            net(), digits, objectives.hard_labels(), validation=digits, **options()
        ),
        lambda: kdteach.fit_many(
            [net()], digits, [objectives.hard_labels()], validation=digits, **options()
        ),
        lambda: training.frozen_features(backbone, digits),
    ):
        with pytest.raises(TypeError, match=says):
            call()


# logits and the images they answer


def test_logits_of_other_images_are_refused(digits):
    teacher, train = net(seed=1), digits.train
    table = kdteach.teacher_logits(teacher, train)
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    shuffled = Split(train.images[order], train.labels[order], torch.arange(len(train)))
    tests = Split(digits.test.images, digits.test.labels, digits.test.index)
    zeros = torch.zeros(len(train), dtype=torch.int64)
    for split in (shuffled, tests, Split(train.images, train.labels, zeros)):
        with pytest.raises(ValueError, match="answer other images"):
            kdteach.fit(net(), split, objectives.distil(table, 2.0, 0.5), **options())
        bare = objectives.distil(table.clone(), 2.0, 0.5)  # on the caller's own word
        kdteach.fit(net(), split, bare, **options())
    goal = objectives.distil(table, 2.0, 0.5)
    for split in (train, train.select(order[:50]), train.to(dtype=torch.float64)):
        kdteach.fit(net(), split, goal, **options())
    features = train.seen_as(train.images.flatten(1)[:, :, None, None] * 2)
    kdteach.fit(net(), features, goal, **options())
    with pytest.raises(ValueError, match="sample index 0 stands for different images"):
        kdteach.teacher_logits(teacher, Split(train.images, train.labels, zeros))
    with pytest.raises(ValueError, match="at least 0, got -1"):
        Split(train.images, train.labels, zeros - 1)
    far = Split(train.images[:1], train.labels[:1], torch.tensor([10**12]))
    with pytest.raises(ValueError, match="number the images from 0"):
        kdteach.teacher_logits(teacher, far)


def test_the_table_knows_its_images_through_a_change_of_type_and_a_file(digits, tmp_path):
    table = kdteach.teacher_logits(net(seed=1), digits.valid)
    assert torch.equal(table.answers, digits.valid.fingerprints)
    torch.save(table, tmp_path / "table.pt")
    read = torch.load(tmp_path / "table.pt", weights_only=True)
    for other in (
        table.float(),
        table.to("cpu", torch.float32),
        copy.deepcopy(table),
        read,
    ):
        goal = objectives.distil(other, 2.0, 0.5)
        with pytest.raises(ValueError, match="answer other images"):
            kdteach.fit(net(), digits.test, goal, **options())
        kdteach.fit(net(), digits.valid, goal, **options())
    for other in (table > 0, table[:3], table.flip(0), table.clone(), table[None]):
        assert type(other) is torch.Tensor
        assert not hasattr(other, "answers")
    assert repr(table) == repr(table.clone())
    assert isinstance(table, TeacherLogits)


COMBINED = {
    "mean": lambda a, b: (a + b) / 2,
    "from the left": lambda a, b: 0.5 * a + 0.5 * b,
    "sum": lambda a, b: sum([a, b]) / 2,
    "stack": lambda a, b: torch.stack([a, b]).mean(0),
    "stack, named": lambda a, b: torch.mean(torch.stack((a, b), dim=0), dim=0),
    "float": lambda a, b: a.float() * 1.0 + b.float() * 0,
    "negated": lambda a, b: 1 - -a + b,
    "probabilities": lambda a, b: ((a.softmax(1) + b.softmax(1)) / 2).log(),
    "lerp": lambda a, b: torch.lerp(a, b, 0.5),
    "a plain one": lambda a, b: (b.clone() + a) / 2,
    "weights": lambda a, b: a * torch.ones(len(a), 1) + b,
}


@pytest.mark.parametrize("way", COMBINED.values(), ids=COMBINED)
def test_arithmetic_of_tables_keeps_the_images(digits, way):
    part, other = (digits.train.select(torch.arange(n, n + 12)) for n in (0, 12))
    tables = [kdteach.teacher_logits(net(seed=s), part) for s in (1, 2)]
    found = way(*tables)
    expected = way(*(table.clone() for table in tables))
    assert torch.equal(found.plain(), expected)
    assert torch.equal(found.answers, part.fingerprints)
    flipped = Split(part.images.flip(-1), part.labels, part.index)
    goal = objectives.distil(found, 4.0, 0.5)
    with pytest.raises(ValueError, match="answer other images"):
        kdteach.fit(net(), flipped, goal, **options())
    of_others = kdteach.teacher_logits(
        net(seed=1), Split(other.images, part.labels, part.index)
    )
    if way is not COMBINED["a plain one"]:
        with pytest.raises(ValueError, match="different images: 12 of 12 rows"):
            way(tables[0], of_others)
    way(tables[0].clone(), of_others.clone())


class Mixed(nn.Module):
    """Its first weights are bfloat16, its images single precision."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 8).bfloat16(), nn.Linear(8, 10)

    def forward(self, images):
        return self.last(self.first(images.flatten(1).bfloat16()).float().relu())


def test_a_network_that_converts_its_images_is_trained(digits):
    part = digits.train.select(torch.arange(20)).to(dtype=torch.float32)
    hard = objectives.hard_labels()
    few = {"epochs": 1, "learning_rate": 0.01, "batch_size": 10}
    assert kdteach.fit(Mixed(), part, hard, **few).epochs == 1
    assert len(kdteach.fit_many([Mixed(), Mixed()], part, [hard] * 2, **few)) == 2
    with pytest.raises(TypeError, match="give both the same dtype"):
        kdteach.fit(net().bfloat16(), part, hard, **few)


@pytest.mark.parametrize("kind", [tuple, dict])
def test_validation_that_cannot_be_measured_is_refused_beforehand(digits, kind):
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        def forward(self, images):
            z = self.net(images)
            return (z, z) if kind is tuple else {"main": z}

    def loss(student, batch):
        steps.append(1)
        z = student(batch.images)
        z = z[0] if kind is tuple else z["main"]
        return nn.functional.cross_entropy(z, batch.labels)

    steps, part = [], digits.train.select(torch.arange(20))
    with pytest.raises(TypeError, match=r"validation: .* or leave validation out"):
        kdteach.fit(Both(), part, loss, validation=digits.valid, **options())
    assert not steps
    kdteach.fit(Both(), part, loss, **options())


def test_a_sampler_that_leaves_samples_out_is_named(digits):
    part = digits.train.select(torch.arange(20))
    rows = [(part.images[i], int(part.labels[i]), i) for i in range(20)]
    loader = DataLoader(rows, batch_size=4, sampler=[0, 3, 3, 7, 19])
    with pytest.warns(UserWarning, match="left out 16 of the 20 samples"):
        table = kdteach.teacher_logits(net(), loader)
    assert int(table.isnan().any(dim=1).sum()) == 16
    kdteach.teacher_logits(net(), DataLoader(rows, batch_size=4, sampler=range(20)))


def test_random_data_and_labels_of_other_kinds_are_named(digits):
    part = digits.train.select(torch.arange(20))

    class Random(torch.utils.data.Dataset):
        def __len__(self):
            return 20

        def __getitem__(self, i):
            return part.images[i] + torch.rand(()), int(part.labels[i])

    table = kdteach.teacher_logits(net(), Random())
    with pytest.raises(
        ValueError, match=r"at random, .* augment=\.\.\. and give distil the"
    ):
        kdteach.fit(net(), Random(), objectives.distil(table, 2.0, 0.5), **options())
    for labels in (torch.rand(20), torch.ones(20, 10, dtype=torch.int64)):
        with pytest.raises((TypeError, ValueError), match="Only single-label class"):
            kdteach.fit(net(), (part.images, labels), objectives.hard_labels(), **options())
        data = torch.utils.data.TensorDataset(part.images, labels)
        with pytest.raises(TypeError, match="Only single-label class"):
            kdteach.fit(net(), data, objectives.hard_labels(), **options())


def test_attention_of_one_position_is_named(digits):
    def deep(seed):
        return nn.Sequential(
            nn.Conv2d(1, 4, 8, dtype=torch.float64), nn.Flatten(),
            nn.Linear(4, 10, dtype=torch.float64),
        )  # fmt: skip

    goal = objectives.attention(deep(0), {"0": "0"})
    with pytest.warns(UserWarning, match=r"layer '0' is 0 for every student .* earlier"):
        kdteach.fit(deep(1), digits.train.select(torch.arange(20)), goal, **options())


def test_tables_of_a_selection_and_learned_scales(digits):
    part = digits.train.select(torch.arange(12))
    whole = kdteach.teacher_logits(net(seed=1), part)
    some = kdteach.teacher_logits(net(seed=2), part.select(torch.arange(3, 12)))
    mean = (whole + some) / 2
    assert mean.answers[:3].tolist() == [0] * 3
    assert torch.equal(mean.answers[3:], part.fingerprints[3:])
    scale = torch.ones((), requires_grad=True)
    (whole * scale).sum().backward()
    assert scale.grad is not None
    assert type(whole.mean(0)) is type(whole[0]) is torch.Tensor
    with pytest.raises(TypeError, match=r"Average the tables .*: \(a \+ b\) / 2$"):
        objectives.distil([whole, some], 4.0, 0.5)
    with pytest.raises(TypeError, match="each made with teacher_logits"):
        objectives.distil((net(), net()), 4.0, 0.5)


def test_fingerprints_tell_images_apart():
    noise = torch.Generator().manual_seed(0)
    images = torch.rand(500, 1, 9, 9, generator=noise, dtype=torch.float64).float()
    numbers = fingerprints(images)
    assert len(numbers.unique()) == 500
    assert torch.equal(numbers, fingerprints(images.double()))
    assert torch.equal(numbers[7:9], fingerprints(images[7:9]))
    assert torch.equal(fingerprints(images * 0), fingerprints(images * -0.0))
    changed = images.clone()
    changed[3, 0, 4, 4] += 1e-6
    assert (fingerprints(changed) != numbers).nonzero().flatten().tolist() == [3]
    large = torch.rand(2, 3, 64, 64, generator=noise)
    assert not torch.equal(fingerprints(large), fingerprints(large.flip(-1)))
    tiny = (torch.arange(256) % 256).to(torch.uint8)[:, None]
    assert len(fingerprints(tiny).unique()) == 256


def test_a_split_checks_itself():
    images, labels, index = torch.zeros(3, 1, 2, 2), torch.arange(3), torch.arange(3)
    for given, error, says in (
        ((images.numpy().astype(object), labels), TypeError, "images must hold numbers"),
        ((images.tolist(), labels, index), TypeError, "images must be .*, got list"),
        ((images, [0, 1, 2], index), TypeError, "labels must be a torch.Tensor, got list"),
        ((images, labels, index.float()), TypeError, "index must be int64"),
        (
            (images, labels, index - 1),
            ValueError,
            "sample index must be at least 0, got -1",
        ),
        ((images, labels[:2], index), ValueError, r"same length, got \[3, 2, 3\]"),
        ((images.to_sparse(), labels, index), TypeError, "dense"),
        ((images.to("meta"), labels, index), TypeError, "meta device"),
        ((torch.tensor(1.0), labels, index), ValueError, "entry for each image"),
    ):
        with pytest.raises(error, match=says):
            Split(*given)
    made = Split(images.numpy(), labels.numpy().astype("int32"), index.numpy())
    for given, kept in ((images, made.images), (labels, made.labels), (index, made.index)):
        assert torch.equal(given, kept)  # arrays of NumPy are taken as they are


def test_images_that_a_model_cannot_read_are_named(digits):
    for call in (
        lambda s: metrics.evaluate(net(width=60), s),
        lambda s: kdteach.teacher_logits(net(width=60), s),
        lambda s: kdteach.fit(net(width=60), s, objectives.hard_labels(), **options()),
        lambda s: kdteach.fit(
            net(), s, objectives.distil(net(width=60), 1.0, 0.5), **options()
        ),
    ):
        with pytest.raises(ValueError, match=r"cannot read images of shape \(1, 8, 8\)"):
            call(digits.train)
    single = net().float()
    with pytest.raises(TypeError, match=r"images are torch\.float64 but the weights"):
        metrics.evaluate(single, digits.test)
    # a teacher in another precision than the student's is asked in its own
    goal = objectives.distil(single, 2.0, 0.5)
    history = kdteach.fit(net(seed=1), digits, goal, **options())
    same = kdteach.fit(net(seed=1), digits, objectives.distil(net(), 2.0, 0.5), **options())
    assert history.loss == pytest.approx(same.loss, rel=1e-5)
    assert data.random_shift(1) is not None


def test_models_that_are_none_are_named(digits):
    for model in (nn.Linear, lambda x: x, None, "resnet50"):
        for call in (
            lambda m: metrics.evaluate(m, digits.test),
            lambda m: kdteach.teacher_logits(m, digits.test),
            lambda m: kdteach.fit(m, digits, objectives.hard_labels(), **options()),
            lambda m: kdteach.fit_many(
                [m], digits, [objectives.hard_labels()], **options()
            ),
            lambda m: objectives.distil(m, 2.0, 0.5),
        ):
            with pytest.raises(TypeError, match=r"nn\.Module|instance of it"):
                call(model)


def test_rows_of_a_split_exist(digits):
    """Masks and positions in any form; what NumPy's rules would wrap is refused."""
    some, n = digits.valid, len(digits.valid)
    wanted = some.select(torch.tensor([3, 0, 5]))
    for rows in (
        [3, 0, 5],
        np.array([3, 0, 5]),
        torch.tensor([3, 0, 5], dtype=torch.int32),
    ):
        assert torch.equal(some.select(rows).index, wanted.index)
    mask = some.labels == 7
    assert torch.equal(some.select(mask).index, some.select(mask.numpy()).index)
    assert len(some.select([])) == 0
    for rows, error in (
        ([-1], ValueError), ([n], ValueError), (mask[1:], ValueError), ([0.5], TypeError),
        ("all", TypeError), (None, TypeError), (torch.tensor(3), TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match=r"rows|mask of"):
            some.select(rows)
    with pytest.raises(TypeError, match="dtype must be a floating-point"):
        some.to(dtype=torch.int64)
    assert some.to(dtype="float32").images.dtype == torch.float32


def test_numbers_of_rules_are_checked():
    for make, name in ((training.plateau, "threshold"), (training.adamw, "weight_decay")):
        for bad, error in (("1", TypeError), (True, TypeError), (None, TypeError),
                           (0, ValueError), (-1.0, ValueError), (float("nan"), ValueError),
                           (10**400, ValueError)):  # fmt: skip
            with pytest.raises(error, match=name):
                make(bad)
        make(np.float32(0.5))
    assert training.plateau(np.float64(0.5))([1.0, 0.75])
    with pytest.raises(ValueError, match="objectives are empty"):
        objectives.stacked([])
    with pytest.raises(TypeError, match=r"objectives\[1\] needs more"):
        objectives.stacked([objectives.hard_labels(), F.cross_entropy])


def test_lazy_layers_without_weights_are_named(digits):
    """Asking would give them weights: the caller's network would be another afterwards."""
    for call in (
        lambda m: metrics.evaluate(m, digits.test),
        lambda m: kdteach.teacher_logits(m, digits.test),
        lambda m: kdteach.fit(m, digits, objectives.hard_labels(), **options()),
        lambda m: kdteach.fit_many([m], digits, [objectives.hard_labels()], **options()),
        lambda m: kdteach.fit(net(), digits, objectives.distil(m, 1.0, 0.5), **options()),
    ):
        lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(10, dtype=torch.float64))
        with pytest.raises(TypeError, match="then its lazy layers have weights"):
            call(lazy)
        assert isinstance(lazy[1], nn.LazyLinear)


CHANGES = {
    "copy_": lambda table, rows: table.copy_(table[rows]),
    "assigned": lambda table, rows: table.__setitem__(slice(None), table[rows]),
    "index_copy_": lambda table, rows: table.index_copy_(0, rows, table.plain().clone()),
    "through a view": lambda table, rows: table[:4].copy_(table[rows][:4]),
    "detached": lambda table, rows: table.detach().copy_(table[rows]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_logits_changed_in_place_know_no_images(digits, change):
    part = digits.train.select(torch.arange(16))
    rows = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).to(part.images.dtype)
    table = training.teacher_logits(teacher, part)
    loaded = pickle.loads(pickle.dumps(table))
    assert torch.equal(known_answers(loaded), part.fingerprints)
    assert torch.equal(table.float().answers, part.fingerprints)
    change(table, rows)
    assert table.answers is None
    assert not isinstance(table.float(), TeacherLogits)
    assert known_answers(pickle.loads(pickle.dumps(table))) is None
    assert known_answers(copy.deepcopy(table)) is None
    loaded.copy_(loaded[rows])
    assert known_answers(loaded) is None


def test_images_changed_in_place_are_other_images(digits):
    part = digits.train.select(torch.arange(16))
    split = Split(part.images.clone(), part.labels, part.index)
    first = split.fingerprints
    assert first is split.fingerprints  # computed once
    split.images.copy_(split.images.flip(0))
    assert torch.equal(split.fingerprints, first.flip(0))
    with torch.inference_mode():
        inside = Split(part.images.clone(), part.labels, part.index)
        assert torch.equal(inside.fingerprints, first)
        inside.images.copy_(inside.images.flip(0))
        assert torch.equal(inside.fingerprints, first.flip(0))


def test_another_form_of_samples_stays_known(digits):
    part = digits.train.select(torch.arange(16))
    known, rows = part.fingerprints, torch.tensor([5, 3, 9])
    form = part.seen_as(part.images * 2 - 1)
    for name, other in {
        "form": form,
        "other labels": dataclasses.replace(form, labels=1 - form.labels),
        "pickled": pickle.loads(pickle.dumps(form)),
        "copied": copy.deepcopy(form),
        "half": part.to(dtype=torch.bfloat16),
        "wide": form.to(dtype=torch.float64),
        "a set": ImageSet("x", form, form, form, tuple("0123456789"), "").train,
    }.items():
        assert torch.equal(other.fingerprints, known), name
        assert torch.equal(other.select(rows).fingerprints, known[rows]), name
        mask = torch.zeros(16, dtype=torch.bool)
        mask[4:7] = True
        assert torch.equal(other.select(mask).fingerprints, known[4:7]), name
    fresh = dataclasses.replace(form, images=form.images.clone())
    assert torch.equal(fresh.fingerprints, fingerprints(form.images))
    form.images.mul_(0.5)
    assert torch.equal(form.fingerprints, fingerprints(form.images))
    changed = pickle.loads(pickle.dumps(form))
    assert torch.equal(changed.fingerprints, fingerprints(form.images))


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_frozen_script_answers_and_is_not_counted_as_empty():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).eval()
    frozen = torch.jit.freeze(torch.jit.script(plain))
    split = kdteach.data.load("digits").valid
    expected = kdteach.teacher_logits(plain, split)
    assert torch.allclose(kdteach.teacher_logits(frozen, split), expected, atol=1e-5)
    assert kdteach.metrics.evaluate(frozen, split).accuracy == (
        kdteach.metrics.evaluate(plain, split).accuracy
    )
    with pytest.raises(TypeError, match="constants of its code"):
        kdteach.cost.count_parameters(frozen)
    with pytest.raises(TypeError, match="constants of its code"):
        kdteach.cost.size_bytes(frozen)
