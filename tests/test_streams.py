"""Data read in batches against the same data in memory, and what is said of bad ones."""

import copy
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

import kdteach as kd
from kdteach.data import Stream, random_shift
from kdteach.data.stream import OrderedStream, as_source
from kdteach.training import sgd_momentum
from kdteach.types import Split

COUNT = 90


def images(count=COUNT, kind=torch.float32):
    random = np.random.default_rng(0)
    return torch.from_numpy(random.normal(size=(count, 3, 6, 6))).to(kind)


def labels(count=COUNT):
    return torch.arange(count) * 7 % 5


class Made(Dataset):
    """Samples that are made when they are asked for, and counted."""

    classes = tuple("abcde")

    def __init__(self, count=COUNT, change=lambda i, image, label: (image, label)):
        self.images, self.labels, self.change = images(count), labels(count), change
        self.asked = Counter()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        self.asked[i] += 1
        return self.change(i, self.images[i], int(self.labels[i]))


def model(seed=0, dropout=0.0, normed=False):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4) if normed else nn.Identity(), nn.ReLU(),
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(64, 5),
        )  # fmt: skip


def split(count=COUNT):
    return Split(images(count), labels(count))


def same_weights(one, other):
    for (name, a), b in zip(
        one.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name


def trained(data, seed=3, make=model, **options):
    net = make()
    options = {"epochs": 2, "batch_size": 32, "seed": seed, **options}
    objective = options.pop("objective", kd.objectives.hard_labels())
    return net, kd.fit(net, data, objective, **options)


def with_index(samples):
    """A collate function as people write it."""
    x, y, i = zip(*samples, strict=True)
    return torch.stack(x), torch.tensor(y), torch.tensor(i)


class Numbered(Made):
    def __getitem__(self, i):
        return (*super().__getitem__(i), i)


# the same as in memory, bit for bit


@pytest.mark.parametrize(
    "options",
    [
        {}, {"drop_last": True}, {"augment": random_shift(1)},
        {"optimizer": sgd_momentum},
        {"make": lambda: model(dropout=0.5)}, {"make": lambda: model(normed=True)},
        {"validation": split(40)}, {"validation": Made(40), "keep_best": True},
    ],
    ids=lambda o: ",".join(o) or "plain",
)  # fmt: skip
def test_fit_on_a_dataset_is_fit_on_its_split(options):
    in_memory = {**options}
    if "validation" in options:
        in_memory["validation"] = split(40)
    one, first = trained(split(), **in_memory)
    other, second = trained(Made(), **options)
    same_weights(one, other)
    assert first == second


@pytest.mark.parametrize(
    "give",
    [
        lambda: TensorDataset(images(), labels()),
        lambda: Stream(Made(), workers=2),
        lambda: DataLoader(Made(), batch_size=32, shuffle=True),
        lambda: DataLoader(Made(), batch_size=32, shuffle=True, num_workers=1),
        lambda: (images(), labels()),
        lambda: (images().numpy(), labels().int().numpy()),
        lambda: [images(), labels()],
        lambda: Made(change=lambda i, x, y: (x.numpy(), np.int64(y), "what follows")),
        lambda: Made(change=lambda i, x, y: {"image": x, "label": torch.tensor(y)}),
        lambda: Stream([(x, y) for x, y in zip(images(), labels(), strict=True)]),
    ],
)
def test_every_form_of_the_same_images(give):
    one, first = trained(split())
    other, second = trained(give())
    same_weights(one, other)
    assert first == second


def test_workers_leave_the_caller_alone_and_are_seeded():
    before = torch.get_rng_state()
    noisy = Made(change=lambda i, x, y: (x + torch.randn(()), y))
    runs = [trained(Stream(noisy, workers=w), seed=s)[1] for w, s in
            ((2, 0), (2, 0), (2, 1), (0, 0), (0, 0))]  # fmt: skip
    assert torch.equal(before, torch.get_rng_state())
    assert runs[0] == runs[1] != runs[2]
    assert runs[3] == runs[4]


def test_distilling_from_a_dataset_is_distilling_from_its_split():
    teacher = model(9)
    in_memory = kd.teacher_logits(teacher, split())
    streamed = kd.teacher_logits(teacher, Made())
    assert torch.equal(in_memory, streamed)
    assert torch.equal(in_memory.answers, streamed.answers)
    results = [
        trained(data, objective=kd.objectives.distil(told, 3.0, 0.7))
        for data, told in ((split(), in_memory), (Made(), streamed), (Made(), in_memory))
    ]
    for net, history in results[1:]:
        same_weights(net, results[0][0])
        assert history == results[0][1]
    live = [trained(d, objective=kd.objectives.distil(teacher, 3.0, 0.7))[0]
            for d in (split(), Made())]  # fmt: skip
    same_weights(*live)


def test_teachers_views_are_averaged_batch_by_batch():
    teacher, views = model(9), lambda x: (x, x.flip(3))
    told = kd.teacher_logits(teacher, Made(), views=views)
    torch.testing.assert_close(
        told.plain(), kd.teacher_logits(teacher, split(), views=views).plain()
    )


def test_evaluate_is_the_same_for_every_form():
    net = model()
    wanted = kd.metrics.evaluate(net, split())
    by_hand = net.eval()(images()).argmax(dim=1)
    assert wanted.accuracy == float((by_hand == labels()).double().mean())
    shuffled = DataLoader(
        TensorDataset(images(), labels()), 16, sampler=torch.randperm(COUNT).tolist()
    )
    for data in (Made(), Stream(Made(), workers=2), DataLoader(Made(), 7),
                 DataLoader(Made(), 7, drop_last=True), shuffled, Unnumbered(),
                 (images(), labels())):  # fmt: skip
        found = kd.metrics.evaluate(
            net, DataLoader(data, 8) if isinstance(data, Unnumbered) else data
        )
        assert found.accuracy == wanted.accuracy
        assert abs(found.nll - wanted.nll) < 1e-6


class Unnumbered(IterableDataset):
    """Samples in the order in which they come."""

    def __init__(self, index=False, sized=False):
        self.index = index

    def __iter__(self):
        for i, (x, y) in enumerate(zip(images(), labels(), strict=True)):
            yield (x, int(y), i) if self.index else (x, int(y))


class Sized(Unnumbered):
    def __len__(self):
        return COUNT


def test_a_loader_with_an_order_of_its_own_says_which_samples_it_gives():
    teacher = model(9)
    told = kd.teacher_logits(teacher, split())
    weights = torch.linspace(1, 2, COUNT)
    sampler = WeightedRandomSampler(weights, COUNT, generator=torch.Generator())
    loader = DataLoader(Numbered(), 30, sampler=sampler, collate_fn=with_index)
    assert isinstance(as_source("data", loader), OrderedStream)
    _, history = trained(loader, batch_size=256,
        objective=kd.objectives.distil(told, 2.0, 0.5))  # fmt: skip
    assert history.epochs == 2
    in_order = DataLoader(Sized(index=True), 32)
    _, history = trained(in_order, objective=kd.objectives.distil(told, 2.0, 0.5))
    assert history.epochs == 2
    read = kd.teacher_logits(teacher, DataLoader(Unnumbered(index=True), 32))
    torch.testing.assert_close(read.plain(), told.plain())


def test_an_ordered_loader_trains_as_a_plain_loop_does():
    net, history = trained(DataLoader(Sized(index=True), 30), epochs=1, batch_size=30)
    peer = model()
    optimizer = torch.optim.Adam(peer.parameters(), lr=1e-3)
    total = 0.0
    for x, y in zip(images().split(30), labels().split(30), strict=True):
        loss = nn.functional.cross_entropy(peer.train()(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(y)
    assert abs(history.loss[0] - total / COUNT) < 1e-6
    for a, b in zip(net.parameters(), peer.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_subset_keeps_the_sample_index_of_the_whole():
    teacher, rows = model(9), [70, 3, 11, 12, 40, 41, 42, 5]
    part = Subset(Subset(Made(), list(range(0, COUNT, 2))), [r // 2 for r in (70, 40, 12)])
    assert Stream(part).index.tolist() == [70, 40, 12]
    told = kd.teacher_logits(teacher, Subset(Made(), rows))
    assert torch.equal(told[rows], kd.teacher_logits(teacher, split())[rows])
    assert torch.isnan(told[4]).all()
    selected = split().select(torch.tensor(rows))
    whole = kd.teacher_logits(teacher, split())
    results = [trained(d, batch_size=4, objective=kd.objectives.distil(whole, 2.0, 0.5))
               for d in (selected, Subset(Made(), rows), Stream(Made()).select(
                   torch.tensor(rows)))]  # fmt: skip
    for net, history in results[1:]:
        same_weights(net, results[0][0])
        assert history == results[0][1]


def test_fit_many_trains_each_as_fit_would():
    told = kd.teacher_logits(model(9), split())
    objectives = [kd.objectives.hard_labels(), kd.objectives.distil(told, 2.0, 0.5)]
    alone = [trained(split(), seed=s, objective=o) for s, o in enumerate(objectives)]
    for data, watched in ((Made(), None), ([Made(), Made()], None), (Made(), Made(40)),
                          (split(), Made(40)), ((images(), labels()), None)):  # fmt: skip
        nets = [model(), model()]
        histories = kd.fit_many(nets, data, objectives, epochs=2, batch_size=32,
                                validation=watched)  # fmt: skip
        for net, history, (peer, wanted) in zip(nets, histories, alone, strict=True):
            for a, b in zip(net.parameters(), peer.parameters(), strict=True):
                torch.testing.assert_close(a, b)
            assert history.loss == pytest.approx(wanted.loss)
            assert len(history.accuracy) == (0 if watched is None else 2)


def test_assistants_read_a_dataset():
    told = [kd.teacher_logits(model(9), split())]
    options = {"temperature": 2.0, "alpha": 0.5, "epochs": 1, "batch_size": 32}
    (in_memory,), (streamed,) = (
        kd.training.teach_assistants(told, [[small()]], data, **options)[0]
        for data in (split(), Made())
    )
    assert torch.equal(in_memory, streamed)


def small():
    return model(1)


def test_a_stream_in_memory():
    part = Stream(Made(), workers=1).to_split()
    assert torch.equal(part.images, images())
    assert torch.equal(part.labels, labels())
    assert (part.num_classes, part.index.tolist()) == (5, list(range(COUNT)))


def test_each_sample_is_read_once_an_epoch():
    data = Made()
    trained(data, epochs=3)
    assert set(data.asked.values()) == {3, 4}  # and once more those that are looked at
    data = Made()
    kd.metrics.evaluate(model(), data)
    assert set(data.asked.values()) == {1}


# what is refused, and how


class Grows(Made):
    def __init__(self, by):
        super().__init__()
        self.by, self.calls = by, 0

    def __len__(self):
        self.calls += 1
        return COUNT + self.by * (self.calls > 4)


class Breaks(Made):
    """Says that it has more samples than there are."""

    def __len__(self):
        return COUNT + 5


def at(number, change):
    return Made(change=lambda i, x, y: change(x, y) if i == number else (x, y))


BAD = {
    "another size": (lambda: at(77, lambda x, y: (x[:, :4], y)), ValueError, "sample 77"),
    "another dtype": (lambda: at(77, lambda x, y: (x.half(), y)), ValueError, "sample 77"),
    "NaN": (lambda: at(77, lambda x, y: (x * torch.nan, y)), ValueError, "sample 77"),
    "label 5": (lambda: at(77, lambda x, y: (x, 5)), ValueError, "5 for sample 77"),
    "label -1": (lambda: at(77, lambda x, y: (x, -1)), ValueError, "-1 for sample 77"),
    "label 2.0": (lambda: at(77, lambda x, y: (x, 2.0)), TypeError, "sample 77"),
    "label True": (lambda: at(77, lambda x, y: (x, True)), TypeError, "sample 77"),
    "no label": (lambda: at(77, lambda x, y: x), TypeError, "sample 77"),
    "image None": (lambda: at(77, lambda x, y: (None, y)), TypeError, "sample 77"),
    "too short": (Breaks, ValueError, "sample 9"),
    "longer": (lambda: Grows(3), ValueError, "length"),
    "shorter": (lambda: Grows(-3), ValueError, "length"),
    "integers": (lambda: Made(change=lambda i, x, y: (x.long(), y)), TypeError, "int64"),
    "empty": (lambda: Made(0), ValueError, "empty"),
    "without numbers": (Unnumbered, TypeError, "IterableDataset"),
    "a loader without index": (
        lambda: DataLoader(Made(), 32, sampler=torch.randperm(COUNT).tolist()),
        ValueError, "which samples it gives",
    ),
    "a loader of an iterable": (lambda: DataLoader(Sized(), 8), ValueError,
                                "which samples it gives"),
    "a loader without length": (lambda: DataLoader(Unnumbered(index=True), 32), TypeError,
                                "length"),
    "a batch sampler": (
        lambda: DataLoader(Numbered(), batch_sampler=[[0, 1], [2, 3]]), ValueError,
        "batch_size",
    ),
    "another batch size": (lambda: DataLoader(Made(), 16), ValueError, "batch_size"),
    "a list of images": (lambda: [images()], TypeError, "pair"),
    "channels last": (lambda: (np.zeros((9, 6, 6, 3)), labels(9)), ValueError, "transpose"),
    "no channel": (lambda: (np.zeros((9, 6, 6)), labels(9)), ValueError, "None"),
    "labels in a list": (lambda: (images(3), [0, 1, 2]), TypeError, "torch.tensor"),
    "more images": (lambda: (images(3), labels(2)), ValueError, "length"),
    "words": (lambda: (np.array([["a"]]), labels(1)), TypeError, "images"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("workers", [0, 1])
def test_what_cannot_be_trained_on_is_named(case, workers):
    make, kind, words = BAD[case]
    data = make()
    if workers:
        if not isinstance(data, Made) or len(data.labels) == 0 or case in ("longer",
            "shorter"):  # fmt: skip
            pytest.skip("not read by workers")
        data = Stream(data, workers=1)
    before = torch.get_rng_state()
    net = model()
    state = copy.deepcopy(net.state_dict())
    with pytest.raises(kind, match=words):
        kd.fit(net, data, kd.objectives.hard_labels(), epochs=3, batch_size=32)
    assert torch.equal(before, torch.get_rng_state())
    assert all(p.grad is None for p in net.parameters())
    if case not in ("longer", "shorter") and not isinstance(data, (Made, Stream)):
        assert all(torch.equal(a, b) for a, b in zip(state.values(),
            net.state_dict().values(), strict=True))  # fmt: skip


def test_stored_logits_of_other_images_are_refused():
    told = kd.teacher_logits(model(9), split())
    other = Made(change=lambda i, x, y: (x + (i == 77), y))
    with pytest.raises(ValueError, match=r"other images.*77"):
        trained(other, objective=kd.objectives.distil(told, 2.0, 0.5))
    few = kd.teacher_logits(model(9), split(80))
    with pytest.raises(ValueError, match="80 rows"):
        trained(Made(), objective=kd.objectives.distil(few, 2.0, 0.5))
    holes = kd.teacher_logits(model(9), Subset(Made(), [*range(76), *range(78, COUNT)]))
    with pytest.raises(ValueError, match="sample index 76"):
        trained(Made(), objective=kd.objectives.distil(holes, 2.0, 0.5))
    with pytest.raises(ValueError, match="augment"):
        trained(
            Made(), objective=kd.objectives.distil(told, 2.0, 0.5), augment=random_shift(1)
        )


def test_a_shuffling_loader_without_index_is_refused_for_stored_logits():
    loader = DataLoader(Unnumbered(), 32)
    with pytest.raises(ValueError, match="which samples it gives"):
        kd.teacher_logits(model(9), loader)


def test_in_memory_and_streamed_students_are_not_mixed():
    with pytest.raises(ValueError, match="same kind"):
        kd.fit_many([model(), model()], [split(), Made()],
            [kd.objectives.hard_labels()] * 2, epochs=1)  # fmt: skip


def test_a_pillow_picture_is_refused_with_the_transform_that_it_needs():
    from PIL import Image

    data = Made(change=lambda i, x, y: (Image.new("RGB", (6, 6)), y))
    with pytest.raises(TypeError, match="ToImage"):
        trained(data)


# splits that are given as they come


def test_a_split_needs_no_index():
    part = Split(images(), labels())
    assert part.index.tolist() == list(range(COUNT))
    array = Split(images().numpy(), labels().numpy().astype(np.uint8))
    assert array.labels.dtype == torch.int64
    assert torch.equal(array.images, images())
    assert part.images.data_ptr() == Split(part.images, part.labels).images.data_ptr()
    fixed = images().numpy()
    fixed.flags.writeable = False
    assert torch.equal(Split(fixed[::-1], labels()).images, images().flip(0))
    assert torch.equal(Split(fixed.astype(">f4"), labels()).images, images())


def test_a_file_that_is_mapped_is_not_copied(tmp_path):
    np.save(tmp_path / "images.npy", images().numpy())
    before = (tmp_path / "images.npy").read_bytes()
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    part = Split(mapped, labels())
    assert part.images.data_ptr() == mapped.ctypes.data
    net, history = trained(part, augment=lambda x, g: x.add_(0.0))
    peer, wanted = trained(split(), augment=lambda x, g: x.add_(0.0))
    assert history == wanted
    same_weights(net, peer)
    assert (tmp_path / "images.npy").read_bytes() == before


def test_pairs_stand_for_splits():
    net, pair = model(), (images(), labels())
    assert kd.metrics.evaluate(net, pair).accuracy == (
        kd.metrics.evaluate(net, split()).accuracy
    )
    told = kd.teacher_logits(net, pair)
    assert torch.equal(told, kd.teacher_logits(net, split()))
    assert torch.equal(
        kd.teacher_logits(net, (images(), labels(), torch.arange(COUNT).flip(0))),
        told.flip(0),
    )
    _, history = trained(pair, validation=(images(20).numpy(), labels(20).numpy()))
    assert len(history.accuracy) == 2
    whole = kd.types.ImageSet("mine", pair, pair, pair, tuple("abcde"), "0")
    assert whole.train.num_classes == 5
    assert len(kd.data.small_sample(pair, 9)) == 9
