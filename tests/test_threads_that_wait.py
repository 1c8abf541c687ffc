"""Threads that wait for one another around torch's generators: no hang, nothing mixed."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from multiprocessing.pool import ThreadPool

import pytest
import torch
from torch import nn

import kdteach as kd
from kdteach import drawing, seeding
from kdteach.types import Split

LIMIT = 20.0


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(drawing, "IDLE", 0.35)


def images(count=24):
    draw = torch.Generator().manual_seed(0)
    pictures = torch.rand(count, 1, 8, 8, generator=draw)
    return Split(pictures, torch.arange(count) % 3)


def net(seed=0):
    with seeding.seeded(seed, "test"):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
        )


def numbers(model):
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def built(seed=0):
    return numbers(kd.build("fc-8", input_shape=(1, 8, 8), num_classes=3, seed=seed))


def trained(seed=0, **options):
    model = net(seed)
    options = {"epochs": 2, "batch_size": 8, "learning_rate": 0.1} | options
    kd.fit(model, images(), kd.hard_labels(), **options)
    return numbers(model)


def by_join(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work(1)))
    thread.start()
    thread.join()
    return found


def by_join_with_a_limit(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work(1)), daemon=True)
    thread.start()
    thread.join(LIMIT)
    return found


def by_a_future(work):
    with ThreadPoolExecutor(1) as pool:
        return [pool.submit(work, 1).result()]


def by_futures_in_another_order(work):
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(work, seed) for seed in (1, 2, 3)]
        return [future.result() for future in futures[::-1]][::-1]


def by_map(work):
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(work, [1, 2, 3, 4]))


def by_waiting_for_all(work):
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(work, seed) for seed in (1, 2)]
        wait(futures)
        return [future.result() for future in futures]


def by_a_pool_of_threads(work):
    with ThreadPool(2) as pool:
        return pool.map(work, [1, 2, 3], chunksize=1)


def by_leaving_the_pool(work):
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(work, seed) for seed in (1, 2)]
    return [future.result() for future in futures]


def by_a_queue(work):
    asked, answered = queue.Queue(), queue.Queue()
    worker = threading.Thread(target=lambda: answered.put(work(asked.get())), daemon=True)
    worker.start()
    asked.put(1)
    return [answered.get()]


def by_an_event(work):
    found, done = [], threading.Event()

    def run():
        found.append(work(1))
        done.set()

    threading.Thread(target=run, daemon=True).start()
    done.wait()
    return found


def by_a_thread_of_a_thread(work):
    return by_join(lambda seed: by_join(work)[0])


WAYS = (
    by_join, by_join_with_a_limit, by_a_future, by_futures_in_another_order, by_map,
    by_waiting_for_all, by_a_pool_of_threads, by_leaving_the_pool, by_a_queue, by_an_event,
    by_a_thread_of_a_thread,
)  # fmt: skip


class Asking:
    """An augmentation that has work done by threads, once, and draws before and after."""

    def __init__(self, way, work):
        self.way, self.work, self.found = way, work, None

    def __call__(self, batch, generator):
        del generator
        noise = torch.rand(batch.shape[0], 1, 1, 1)
        if self.found is None and self.way is not None:
            self.found = self.way(self.work)
        return batch * noise + 0.01 * torch.randn(batch.shape)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("work", [built, trained], ids=["build", "fit"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_step_may_wait_for_threads_that_draw(way, work):
    """Everybody gets the numbers that they would have got alone."""
    before = torch.get_rng_state()
    asking = Asking(way, work)
    mine = trained(augment=asking)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(mine, trained(augment=Asking(None, None)))
    assert asking.found
    for seed, theirs in enumerate(asking.found, start=1):
        assert torch.equal(theirs, work(seed))


@pytest.mark.timeout(120)
def test_an_objective_and_a_data_set_may_wait_as_well():
    class Reading(torch.utils.data.Dataset):
        def __init__(self, way):
            self.split, self.way = images(), way

        def __len__(self):
            return len(self.split)

        def __getitem__(self, i):
            if self.way is not None:
                (weights,) = self.way(built)
                assert torch.equal(weights, expected)
            return self.split.images[i] + torch.rand(()), int(self.split.labels[i])

    expected = built(1)
    found = []
    for way in (None, by_join):

        def objective(student, batch, way=way):
            if way is not None:
                (weights,) = way(built)
                assert torch.equal(weights, expected)
            return nn.functional.cross_entropy(student(batch.images), batch.labels)

        model = net()
        kd.fit(model, Reading(way), objective, epochs=1, batch_size=8)
        found.append(numbers(model))
    assert torch.equal(*found)


@pytest.mark.timeout(60)
def test_numbers_that_were_mixed_are_an_error_for_both():
    inside, errors = threading.Event(), []

    def slow():
        try:
            with seeding.seeded(1, "other"):
                inside.set()
                time.sleep(0.5)
                torch.rand(3)
        except drawing.HeldError as error:
            errors.append(error)

    thread = threading.Thread(target=slow)

    def impatient(batch, generator):
        del generator
        if not thread.ident:
            thread.start()
            thread.join(0.2)
            assert inside.is_set()
        return batch + torch.rand(batch.shape)

    before = torch.get_rng_state()
    with pytest.raises(drawing.HeldError, match="drawn from torch's global random numbers"):
        trained(augment=impatient)
    thread.join()
    assert len(errors) == 1
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(built(1), built(1))  # the generators are free again


@pytest.mark.timeout(60)
def test_a_holder_that_does_not_move_is_named(monkeypatch):
    monkeypatch.setattr(drawing, "LONGEST_STEP", 0.3)
    locked, errors = threading.Lock(), []
    locked.acquire()

    def work():
        try:
            built()
        except drawing.HeldError as error:
            errors.append(str(error))
        finally:
            locked.release()

    def holding(batch, generator):
        del generator
        if not errors:
            threading.Thread(target=work).start()
            locked.acquire()  # nobody can see for whom this waits
        return batch

    trained(augment=holding)
    (said,) = errors
    assert "held by thread 'MainThread', which has not gone on for 0 seconds" in said
    assert "Build before the training" in said


@pytest.mark.timeout(60)
def test_trainings_side_by_side_take_turns():
    """A thread that computes lends nothing, however long others wait for it."""
    alone = [trained(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(trained, range(4)))
    for one, other in zip(alone, beside, strict=True):
        assert torch.equal(one, other)
