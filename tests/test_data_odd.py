"""Odd arguments of the data: NumPy's numbers are numbers, all else is told by name."""

import os
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from kdteach import memory
from kdteach.data import (
    Flips,
    RandomShift,
    flips,
    in_quadrants,
    load,
    merge_classes,
    petri,
    random_shift,
    small_sample,
)
from kdteach.data.mhist import vote_shares
from kdteach.types import Split

HALVES = [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
HUGE = 10**400


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


OTHER_DEFAULTS = {
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "meta": lambda: torch.device("meta"),
    "inference": torch.inference_mode,
}


def random():
    return torch.Generator().manual_seed(0)


def same(ours, theirs):
    """All three splits are equal, in values, types and places."""
    assert ours.checksum == theirs.checksum
    for name in ("train", "valid", "test"):
        one, two = getattr(ours, name), getattr(theirs, name)
        for part in ("images", "labels", "index", "votes", "masks"):
            a, b = getattr(one, part), getattr(two, part)
            assert (a is None) == (b is None)
            if a is not None:
                assert a.dtype == b.dtype
                assert not a.is_inference()
                assert torch.equal(a, b)


@pytest.mark.parametrize("defaults", OTHER_DEFAULTS)
def test_the_callers_defaults_change_no_data(defaults):
    def all_of_them():
        digits = load("digits", groups=HALVES)
        return [
            digits,
            in_quadrants(digits, clutter=True, seed=1),
            load("petri", size=16, scale=0.005),
            load("tissues", size=16, count=10),
        ]

    wanted = all_of_them()
    with OTHER_DEFAULTS[defaults]():
        found = all_of_them()
    for ours, theirs in zip(found, wanted, strict=True):
        same(ours, theirs)


def test_numbers_of_numpy_are_numbers():
    integer = np.int64
    same(load("digits", draw=np.uint8(2)), load("digits", draw=2))
    same(load("digits", by_writer=np.True_), load("digits", by_writer=True))
    same(
        load("petri", size=integer(16), scale=np.float32(0.0078125), seed=integer(3)),
        load("petri", size=16, scale=0.0078125, seed=3),
    )
    same(
        load("tissues", size=np.int8(16), count=integer(10), seed=np.uint64(1)),
        load("tissues", size=16, count=10, seed=1),
    )
    digits = load("digits")
    same(
        in_quadrants(digits, clutter=np.True_, seed=integer(4)),
        in_quadrants(digits, clutter=True, seed=4),
    )
    ours = small_sample(digits.train, integer(7), seed=integer(5))
    assert torch.equal(ours.index, small_sample(digits.train, 7, seed=5).index)
    images = torch.rand(3, 1, 8, 8, generator=random())
    assert torch.equal(
        random_shift(integer(2))(images, random()), random_shift(2)(images, random())
    )
    assert random_shift(integer(2)) == random_shift(2) == RandomShift(integer(2))


@pytest.mark.parametrize(
    "groups",
    [
        np.arange(10).reshape(2, 5),
        [np.arange(5), range(5, 10)],
        (torch.arange(5), torch.arange(5, 10)),
        iter(HALVES),
        [iter(HALVES[0]), set(HALVES[1])],
    ],
    ids=["array", "arrays", "tensors", "iterator", "iterators"],
)
def test_groups_of_every_kind(groups):
    same(load("digits", groups=groups), load("digits", groups=HALVES))


def test_types_by_name():
    for name in ("float16", "bfloat16", "float32", "float64", "torch.float64"):
        dtype = getattr(torch, name.removeprefix("torch."))
        assert load("digits", dtype=name).train.images.dtype == dtype
    for dtype in (torch.int64, "int8", torch.complex64, torch.float8_e5m2, "x", None, 5):
        with pytest.raises(TypeError, match=r"dtype must be a floating-point torch\.dtype"):
            load("digits", dtype=dtype)


ONE = torch.zeros(2, 1, 8, 8)
BAD = [
    # name, call, error, what is said
    ("name", lambda d: load(None), TypeError, "name of a data set must be a str, got None"),
    ("name", lambda d: load(["digits"]), TypeError, "name of a data set"),
    ("name", lambda d: load("x" * 10**6), ValueError, "unknown data set 'xxx"),
    ("option", lambda d: load("digits", size=3), TypeError, "size"),
    ("root", lambda d: load("petri", "x"), ValueError, "petri is drawn"),
    ("root", lambda d: load("tissues", "x"), ValueError, "tissues are drawn"),
    ("draw", lambda d: load("digits", draw="1"), TypeError, "draw must be an integer"),
    ("draw", lambda d: load("digits", draw=HUGE), ValueError, "draw must be below"),
    ("writer", lambda d: load("digits", by_writer=1), TypeError, "by_writer must be True"),
    ("validation", lambda d: load("mnist", ".", validation=-1), ValueError, "validation"),
    ("validation", lambda d: load("mnist", ".", validation=0.5), TypeError, "validation"),
    ("download", lambda d: load("mnist", ".", download=1), TypeError, "download must be"),
    ("size", lambda d: load("mhist", ".", size=0), ValueError, "size must be"),
    ("size", lambda d: load("mhist", ".", size="224"), TypeError, "size must be"),
    ("groups", lambda d: load("digits", groups="01"), TypeError, "must be lists"),
    ("groups", lambda d: load("digits", groups=["01", "2"]), TypeError, "got '01' as a"),
    ("groups", lambda d: load("digits", groups={0: [1]}), TypeError, "must be lists"),
    ("groups", lambda d: load("digits", groups=5), TypeError, "must be lists"),
    ("groups", lambda d: merge_classes(d, [[0.5], [1]]), TypeError, "number of groups"),
    ("groups", lambda d: merge_classes(d, [[True], [1]]), TypeError, "number of groups"),
    ("groups", lambda d: merge_classes(d, [[-1], [1]]), ValueError, "number of groups"),
    ("groups", lambda d: merge_classes(d, [[0], []]), ValueError, "groups must be"),
    ("data", lambda d: merge_classes(d.train, HALVES), TypeError, "of which this is one"),
    ("data", lambda d: in_quadrants(None), TypeError, "data must be an ImageSet"),
    ("clutter", lambda d: in_quadrants(d, clutter=1), TypeError, "clutter must be True"),
    ("seed", lambda d: in_quadrants(d, seed=-1), ValueError, "seed must be"),
    ("split", lambda d: small_sample(d, 3), TypeError, "split must be one Split, got the"),
    ("size", lambda d: small_sample(d.train, True), TypeError, "size must be an integer"),
    ("seed", lambda d: small_sample(d.train, 3, seed=0.0), TypeError, "seed must be"),
    ("empty", lambda d: small_sample(d.train.select(d.train.labels > 9), 1), ValueError,
     "the split is empty"),
    ("pixels", lambda d: random_shift(HUGE)(ONE, random()), ValueError,
     "pixels must be less"),
    ("pixels", lambda d: random_shift(8)(ONE, random()), ValueError, "leaves nothing of"),
    ("pixels", lambda d: list(random_shift(8).views(ONE)), ValueError, "leaves nothing"),
    ("pixels", lambda d: random_shift("1"), TypeError, "pixels must be an integer"),
    ("votes", lambda d: vote_shares(d.train), TypeError, "splits must be several"),
    ("votes", lambda d: vote_shares([d]), TypeError, "each of splits must be one Split"),
    ("votes", lambda d: vote_shares(5), TypeError, "splits must be several"),
    ("case", lambda d: petri.draw("MHIST_aaa.png"), TypeError, "case must be one of petri"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "kind", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_what_is_wrong_is_named(digits, call, kind, says):
    with pytest.raises(kind, match=says):
        call(digits)


def test_votes_that_nobody_gave(digits):
    votes = torch.full((len(digits.train),), 8)
    with pytest.raises(ValueError, match="votes must lie in 0 to 7"):
        vote_shares([replace(digits.train, votes=votes)])


@pytest.mark.parametrize("change", [random_shift(1), flips()], ids=["jitter", "flips"])
def test_augmentation(change):
    images = torch.rand(6, 3, 5, 7, generator=random())
    before = images.clone()
    changed = change(images, random())
    assert torch.equal(images, before)
    assert changed.data_ptr() != images.data_ptr()
    assert not torch.equal(changed, before)
    for defaults in OTHER_DEFAULTS.values():  # the same draws, whatever the defaults
        with defaults():
            assert torch.equal(change(images, random()), changed)
    for dtype in (torch.uint8, torch.float16, torch.float64):
        assert change(images.to(dtype), random()).dtype == dtype
    assert change(images[:0], random()).shape == (0, 3, 5, 7)
    for bad in (images[0], images[None], images[0, 0, 0, 0]):
        with pytest.raises(ValueError, match=r"images must be \(B, channels, H, W\)"):
            change(bad, random())
    for bad in (None, images.numpy(), images.to_sparse(), images.to("meta")):
        with pytest.raises(TypeError, match="images"):
            change(bad, random())
    for bad in (None, 0, np.random.default_rng(0)):
        with pytest.raises(TypeError, match=r"generator must be a torch.Generator.*makes"):
            change(images, bad)
    assert Flips() == flips()


@pytest.mark.parametrize("name", ["petri", "tissues"])
def test_drawn_sizes(name, monkeypatch):
    for size in (15, 0, -1, 4097, 100_000, HUGE):
        with pytest.raises(
            ValueError, match=r"size must be (an integer of at least 16|at most 4,096)"
        ):
            load(name, size=size)
    for size in (32.0, "32", True, None):
        with pytest.raises(TypeError, match="size must be an integer"):
            load(name, size=size)
    monkeypatch.setattr(memory, "free_memory", lambda: 10**8)
    with pytest.raises(
        ValueError, match=r"tiles of 256 pixels would take \S+ [MG]B of memory"
    ):
        load(name, size=256)


def test_drawn_counts():
    for count in (9, -1, 10_001, HUGE):
        with pytest.raises(
            ValueError, match=r"count must be (an integer of at least 10|at most 10,000)"
        ):
            load("tissues", count=count)
    for scale in (0, -1, float("nan"), float("inf"), HUGE, 6, 1e308, 1e300):
        with pytest.raises(ValueError, match=r"^scale "):
            petri.cases(scale)
    for scale in ("1", True, None, 1j):
        with pytest.raises(TypeError, match="scale must be a number"):
            petri.cases(scale)
    case = petri.cases(0.005)[0]
    for shape in (float("nan"), 1e300, -1):
        with pytest.raises(ValueError, match="shape of the case must be"):
            petri.draw(replace(case, shape=shape), 16)


def test_quadrants_need_room(digits, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 10**5)
    with pytest.raises(ValueError, match="the larger canvases would take"):
        in_quadrants(digits)


@pytest.mark.gpu
def test_data_on_another_device_stays_there(digits):
    """What is drawn is drawn on the CPU, and follows the images."""
    there = digits.to(os.environ.get("KDTEACH_DEVICE", "cuda"))
    for clutter in (True, False):
        ours = in_quadrants(there, clutter=clutter, seed=2).to("cpu")
        same(ours, in_quadrants(digits, clutter=clutter, seed=2))
    same(merge_classes(there, HALVES).to("cpu"), merge_classes(digits, HALVES))
    sample = small_sample(there.train, 9, seed=1)
    assert torch.equal(sample.index.cpu(), small_sample(digits.train, 9, seed=1).index)


def test_bytes_become_fractions():
    count = torch.arange(256, dtype=torch.uint8)
    split = Split(count[:, None, None, None], torch.arange(256))
    for dtype in (torch.float32, torch.float64, torch.float16):
        moved = split.to(dtype=dtype)
        assert torch.equal(
            moved.images.flatten(), (torch.arange(256.0) / 255).to(dtype)
        ) or (dtype == torch.float64)
        exact = torch.arange(256, dtype=torch.float64) / 255
        assert (moved.images.flatten().double() - exact).abs().max() <= torch.finfo(
            dtype
        ).eps
        assert torch.equal(moved.fingerprints, split.fingerprints)
    assert torch.equal(split.to("cpu").images, split.images)


def test_a_mask_of_bytes_is_no_list_of_positions():
    split = load("digits").train
    mask = split.labels == 3
    with pytest.raises(TypeError, match=r"rows\.bool\(\)"):
        split.select(mask.to(torch.uint8))
    assert len(split.select(mask)) == int(mask.sum())
    three = torch.tensor([0, 1, 1], dtype=torch.uint8)
    assert torch.equal(split.select(three).index, split.index[three.long()])


def test_splits_and_sets_can_be_compared():
    data = load("digits")
    same = data
    assert data == same
    assert data.train != data.valid
    assert data.train in [data.valid, data.train]
    assert len({data.train, data.valid, data.train}) == 2


@pytest.mark.parametrize("wrong", [-1, 10])
def test_merged_classes_are_those_of_the_data(wrong):
    data = load("digits")
    labels = data.valid.labels.clone()
    labels[3] = wrong
    with pytest.raises(ValueError, match=f"0 to 9, got {wrong}: 1 of"):
        merge_classes(replace(data, valid=replace(data.valid, labels=labels)), HALVES)
    wanted = merge_classes(data, HALVES).valid.labels
    bytes_ = replace(data.valid, labels=data.valid.labels.to(torch.uint8))
    assert torch.equal(
        merge_classes(replace(data, valid=bytes_), HALVES).valid.labels, wanted
    )
    for kind in (torch.float32, torch.bool):
        odd = replace(data.valid, labels=data.valid.labels.to(kind))
        with pytest.raises(TypeError, match="class numbers"):
            merge_classes(replace(data, valid=odd), HALVES)
