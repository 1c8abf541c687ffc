"""Teacher logits in files: against those in memory, killed, and on a full disk."""

import copy
import errno
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

import kdteach as kd
from kdteach.training import LogitStore
from kdteach.types import Split
from tests.test_streams import COUNT, Made, Numbered, Unnumbered, images, labels, model

FORMS = [lambda: Split(images(), labels()), Made, lambda: (images(), labels()),
         lambda: DataLoader(Made(), 16, shuffle=True)]  # fmt: skip


@pytest.mark.parametrize("give", FORMS)
def test_what_is_stored_is_what_would_be_in_memory(give, tmp_path):
    teacher = model(9)
    store = kd.teacher_logits(teacher, give(), 7, store=tmp_path / "teacher")
    wanted = kd.teacher_logits(teacher, Split(images(), labels()), 7)
    assert store.shape == tuple(wanted.shape)
    assert torch.equal(store.to_tensor(), wanted)
    assert torch.equal(store.answers, wanted.answers)
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))
    assert torch.equal(store.rows(order), wanted[order])
    plain = np.load(tmp_path / "teacher" / "logits.npy")  # what anybody else reads
    assert np.array_equal(plain, wanted.numpy())
    again = LogitStore(str(tmp_path / "teacher"))
    assert torch.equal(again.rows(order), wanted[order])
    for copied in (pickle.loads(pickle.dumps(store)), copy.deepcopy(store)):
        assert torch.equal(copied.rows(order), wanted[order])


def test_students_learn_from_a_store_as_from_a_table(tmp_path):
    teacher = model(9)
    told = kd.teacher_logits(teacher, Made())
    store = kd.teacher_logits(teacher, Made(), store=tmp_path / "teacher")
    results = []
    for source in (told, store):
        for data in (Split(images(), labels()), Made()):
            net = model()
            history = kd.fit(net, data, kd.objectives.distil(source, 3.0, 0.7), epochs=2,
                             batch_size=32)  # fmt: skip
            results.append((history, net.state_dict()))
    for history, weights in results[1:]:
        assert history == results[0][0]
        assert all(torch.equal(weights[n], w) for n, w in results[0][1].items())
    stacks = []
    for source in (told, store):
        nets = [model(), model(1)]
        kd.fit_many(nets, (images(), labels()), [kd.objectives.distil(source, t, 0.5)
                    for t in (1.0, 4.0)], epochs=2, batch_size=32)  # fmt: skip
        stacks.append([p for net in nets for p in net.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*stacks, strict=True))


def test_float16_and_the_largest_logits(tmp_path):
    teacher, part = model(9), Split(images(), labels())
    wanted = kd.teacher_logits(teacher, part).plain().double().numpy()
    half = kd.teacher_logits(teacher, part, store=tmp_path / "a", dtype=torch.float16)
    assert half.dtype == torch.float16
    assert half.rows(torch.arange(3)).dtype == torch.float32
    assert np.array_equal(half.to_tensor().numpy(), wanted.astype("f2").astype("f4"))
    size = (tmp_path / "a" / "logits.npy").stat().st_size
    assert size == 128 + 2 * COUNT * 5
    top = kd.teacher_logits(teacher, part, store=tmp_path / "b", top_k=2,
                            dtype=torch.float64)  # fmt: skip
    found = top.to_tensor().double().numpy()
    assert found.dtype == np.float64
    chances = np.exp(wanted) / np.exp(wanted).sum(axis=1, keepdims=True)
    again = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
    best = np.argsort(-wanted, axis=1)
    for row in range(COUNT):
        kept, others = best[row, :2], best[row, 2:]
        np.testing.assert_allclose(found[row, kept], wanted[row, kept], rtol=1e-12)
        np.testing.assert_allclose(again[row, kept], chances[row, kept], rtol=1e-9)
        # the mass of all others, spread evenly
        np.testing.assert_allclose(again[row, others], chances[row, others].sum() / 3,
                                   rtol=1e-9)  # fmt: skip


def test_a_selection_is_stored_and_may_be_added_to(tmp_path):
    teacher = model(9)
    wanted = kd.teacher_logits(teacher, Made())
    part = Subset(Made(), [80, 3, 5])
    store = kd.teacher_logits(teacher, part, store=tmp_path / "teacher")
    assert len(store) == 81
    assert torch.equal(store.rows(torch.tensor([5, 80])), wanted[[5, 80]])
    assert torch.isnan(store.to_tensor()[4]).all()
    with pytest.raises(ValueError, match=r"index 4 .*not in the store"):
        store.rows(torch.tensor([3, 4]))
    with pytest.raises(ValueError, match="81 rows"):
        kd.fit(model(), Made(), kd.objectives.distil(store, 2.0, 0.5), epochs=1)
    with pytest.raises(ValueError, match="not in the store"):
        kd.fit(model(), Subset(Made(), range(9)), kd.objectives.distil(store, 2.0, 0.5),
               epochs=1)  # fmt: skip
    more = kd.teacher_logits(teacher, Subset(Made(), range(60)),
                             store=tmp_path / "teacher")  # fmt: skip
    assert torch.equal(more.rows(torch.arange(60)), wanted[:60])
    assert torch.equal(more.rows(torch.tensor([80])), wanted[80:81])


class Counting(nn.Module):
    """Counts the images that it is asked about, and fails after too many."""

    def __init__(self, inner, most=10**9):
        super().__init__()
        self.inner, self.most, self.asked = inner, most, 0

    def forward(self, x):
        self.asked += len(x)
        if self.asked > self.most:
            raise KeyboardInterrupt
        return self.inner(x)


@pytest.mark.parametrize("give", [Made, lambda: DataLoader(Numbered(), 10,
    sampler=torch.arange(COUNT).flip(0).tolist(),
    collate_fn=kd_collate)])  # fmt: skip
def test_an_interrupted_call_goes_on(give, tmp_path):
    path = tmp_path / "teacher"
    with pytest.raises(KeyboardInterrupt):
        kd.teacher_logits(Counting(model(9), 45), give(), 10, store=path)
    with pytest.raises(ValueError, match="not complete"):
        LogitStore(path)
    teacher = Counting(model(9))
    data = give()
    store = kd.teacher_logits(teacher, data, 10, store=path)
    if isinstance(data, Made):  # what is stored is not asked for again, a few tries aside
        assert teacher.asked <= COUNT - 30 + 9
    torch.testing.assert_close(
        store.to_tensor(), kd.teacher_logits(model(9), Made()), rtol=1e-5, atol=1e-6
    )
    teacher.asked = 0
    kd.teacher_logits(teacher, give(), 10, store=path)
    assert teacher.asked <= (9 if isinstance(data, Made) else COUNT)


def kd_collate(samples):
    x, y, i = zip(*samples, strict=True)
    return torch.stack(x), torch.tensor(y), torch.tensor(i)


SCRIPT = """
import sys, time, torch
sys.path.insert(0, {root!r})
torch.set_num_threads(1)
import kdteach as kd
from tests.test_streams import Made, model

class Slow(Made):
    def __getitem__(self, i):
        time.sleep(0.02)
        return super().__getitem__(i)

kd.teacher_logits(model(9), Slow(600), 5, store=sys.argv[1])
"""


def test_a_killed_process_leaves_what_it_has_stored(tmp_path):
    path, root = tmp_path / "teacher", str(Path(__file__).resolve().parent.parent)
    begun = subprocess.Popen([sys.executable, "-c", SCRIPT.format(root=root), str(path)])
    done = path / "done.npy"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        whole = done.exists() and done.stat().st_size == 128 + 600
        if whole and np.load(done).sum() >= 20:
            break
        time.sleep(0.05)
    os.kill(begun.pid, signal.SIGKILL)
    assert begun.wait() == -signal.SIGKILL
    stored = int(np.load(done).sum())
    assert 20 <= stored < 600
    teacher, data = model(9), Made(600)
    store = kd.teacher_logits(teacher, data, 5, store=path)
    assert sum(data.asked.values()) <= 600 - stored + 8
    wanted = kd.teacher_logits(teacher, Made(600), 5)
    torch.testing.assert_close(store.to_tensor(), wanted, rtol=1e-6, atol=1e-6)
    assert not list(tmp_path.glob(".*")), "a lock is left"


def test_a_full_disk_is_named_and_what_is_stored_stays(tmp_path):
    """A file may not grow beyond a limit: a write fails as on a full disk."""
    if not hasattr(signal, "SIGXFSZ"):
        pytest.skip("no such limit here")
    teacher, data = model(9), Made(800)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(OSError, match="stored and stay") as caught:
            kd.teacher_logits(teacher, data, 50, store=tmp_path / "teacher")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    assert "400 samples" in str(caught.value)  # 400 rows of 5 numbers of 4 bytes
    data.asked.clear()
    store = kd.teacher_logits(teacher, data, 50, store=tmp_path / "teacher")
    assert sum(data.asked.values()) <= 400 + 8
    torch.testing.assert_close(store.to_tensor(), kd.teacher_logits(teacher, Made(800), 50))


def test_a_disk_without_room_is_named_before_anything_is_computed(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(OSError, match="are needed and 100 bytes are free") as caught:
        kd.teacher_logits(model(9), Made(), store=tmp_path / "teacher")
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / "teacher").exists()


def stored(tmp_path, **options):
    return kd.teacher_logits(model(9), Made(), store=tmp_path / "teacher", **options)


class Scaled(nn.Module):
    """As the teacher, with the same weights, and another answer."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return 2 * self.inner(x)

    def state_dict(self, *a, **o):
        return self.inner.state_dict(*a, **o)


def other_images():
    return Made(change=lambda i, x, y: (x + 1, y))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: kd.teacher_logits(model(8), Made(), store=p), "another model"),
        (lambda p: kd.teacher_logits(Scaled(model(9)), Made(), store=p), "another model"),
        (lambda p: kd.teacher_logits(model(9), other_images(), store=p), "other images"),
        (lambda p: kd.teacher_logits(model(9), Made(95), store=p), "90 samples"),
        (lambda p: kd.teacher_logits(model(9), Made(), store=p, dtype=torch.float16),
         "float32"),
        (lambda p: kd.teacher_logits(model(9), Made(), store=p, top_k=2), "top_k"),
        (lambda p: kd.teacher_logits(model(9), Made(), store=p, views=lambda x: [x]),
         "views"),
        (lambda p: kd.fit(model(), other_images(), kd.objectives.distil(LogitStore(p), 2.0,
         0.5), epochs=1), "other images"),
        (lambda p: kd.fit(model(), Made(), kd.objectives.distil(LogitStore(p), 2.0, 0.5),
         epochs=1, augment=kd.data.random_shift(1)), "augment"),
        (lambda p: LogitStore(p).rows(torch.tensor([90])), "index"),
        (lambda p: LogitStore(p).rows(torch.tensor([-1])), "index"),
    ],
)  # fmt: skip
def test_the_wrong_store_is_refused_and_left_as_it_is(call, words, tmp_path):
    stored(tmp_path)
    before = {p.name: p.read_bytes() for p in (tmp_path / "teacher").iterdir()}
    with pytest.raises(ValueError, match=words):
        call(tmp_path / "teacher")
    assert before == {p.name: p.read_bytes() for p in (tmp_path / "teacher").iterdir()}


class Constant(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return torch.linspace(-1, 1, 5).expand(len(x), 5) * self.value


@pytest.mark.parametrize(
    ("teacher", "options", "kind", "words"),
    [
        (Constant(1e5), {"dtype": torch.float16}, ValueError, "too large for .*float16"),
        (Constant(torch.nan), {}, ValueError, "NaN"),
        (nn.Sequential(model(9), nn.Softmax(1)), {}, ValueError, "probabilities"),
        (model(9), {"top_k": 5}, ValueError, "top_k"),
        (model(9), {"top_k": 0}, ValueError, "top_k"),
        (model(9), {"dtype": torch.bfloat16}, ValueError, "dtype"),
        (model(9), {"dtype": torch.int8}, TypeError, "dtype"),
        (model(9), {"dtype": torch.float16, "store": None}, ValueError, "store"),
        (model(9), {"top_k": 2, "store": None}, ValueError, "store"),
        (model(9), {"store": 3}, TypeError, "store"),
        (model(9), {"store": ""}, ValueError, "store"),
    ],
)  # fmt: skip
def test_what_cannot_be_stored(teacher, options, kind, words, tmp_path):
    path = tmp_path / "teacher"
    with pytest.raises(kind, match=words):
        kd.teacher_logits(teacher, Made(), **{"store": path, **options})
    if path.exists():
        assert not json.loads((path / "about.json").read_text())["complete"]


def test_folders_that_are_no_store(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="store"):
        kd.teacher_logits(model(9), Made(), store=tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="other files"):
        kd.teacher_logits(model(9), Made(), store=tmp_path / "full")
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine.txt"]
    for folder in (tmp_path / "none", tmp_path / "full"):
        with pytest.raises(FileNotFoundError, match="no store"):
            LogitStore(folder)
    with pytest.raises(ValueError, match="which samples it gives"):
        kd.teacher_logits(model(9), DataLoader(Unnumbered(), 9), store=tmp_path / "x")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["logits.npy", "done.npy", "about.json", "answers.npy"])
@pytest.mark.parametrize("damage", ["cut", "gone", "garbage"])
def test_damage_is_named(name, damage, tmp_path):
    stored(tmp_path)
    path = tmp_path / "teacher" / name
    if damage == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"\0" * 300)
    with pytest.raises((ValueError, FileNotFoundError), match=r"damaged|no store"):
        LogitStore(tmp_path / "teacher")


@pytest.mark.parametrize("left", ["about.json", "logits.npy", "done.npy", ".about-0.part"])
def test_a_process_that_is_killed_as_it_begins(left, tmp_path):
    stored(tmp_path)
    whole = kd.teacher_logits(model(9), Made())
    for path in sorted((tmp_path / "teacher").iterdir()):
        if path.name == "about.json" and left != ".about-0.part":
            about = {**json.loads(path.read_text()), "complete": False, "done": 0}
            path.write_text(json.dumps(about))
        else:
            path.unlink()
    if left != "about.json":
        (tmp_path / "teacher" / left).touch()
    assert torch.equal(stored(tmp_path).to_tensor(), whole)


def test_views_are_part_of_a_store(tmp_path):
    pixels = [kd.data.random_shift(n) for n in (1, 1, 2)]
    first = stored(tmp_path, views=pixels[0].views)
    wanted = kd.teacher_logits(model(9), Made(), views=pixels[0].views)
    torch.testing.assert_close(first.to_tensor(), wanted)
    assert stored(tmp_path, views=pixels[1].views).shape == (COUNT, 5)
    with pytest.raises(ValueError, match="other views"):
        stored(tmp_path, views=pixels[2].views)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("workers", [0, 1])
def test_on_a_gpu_it_is_as_on_the_cpu(workers, tmp_path):
    teacher = model(9).cuda()
    data = kd.data.Stream(Made(), workers=workers)
    store = kd.teacher_logits(teacher, data, store=tmp_path / "teacher")
    wanted = kd.teacher_logits(model(9), Made())
    torch.testing.assert_close(
        store.to_tensor().plain(), wanted.plain(), atol=1e-4, rtol=1e-3
    )
    nets = [model().cuda(), model().cuda()]
    objective = kd.objectives.distil(store, 3.0, 0.7)
    histories = [kd.fit(net, part, objective, epochs=2, batch_size=32, validation=part)
                 for net, part in zip(nets, (data, Split(images(), labels())),
                 strict=True)]  # fmt: skip
    assert histories[0].loss == pytest.approx(histories[1].loss, rel=1e-5)
    assert kd.metrics.evaluate(nets[0], data).accuracy == histories[0].accuracy[-1]


def test_two_calls_at_the_same_store(tmp_path):
    from kdteach.writing import LockedError, locked

    busy = pytest.raises(LockedError, match="storing logits")
    with locked(tmp_path / "teacher", "logits"), busy:
        stored(tmp_path)
    assert stored(tmp_path).shape == (COUNT, 5)


def test_a_bar_only_when_it_is_asked_for(tmp_path, capsys):
    stored(tmp_path)
    assert capsys.readouterr() == ("", "")
    kd.teacher_logits(model(9), Made(), progress=True)
    assert "images" in capsys.readouterr().err
