"""The fast way of plain networks: the general way's numbers, and taken only where meant."""

import signal
import threading

import numpy as np
import pytest
import torch
from torch import nn

import kdteach
from kdteach import models, objectives, training
from kdteach.training import fused
from kdteach.training.denormals import denormals_as_zero
from kdteach.training.dense import dense_layers
from kdteach.training.interrupts import interrupts_later
from kdteach.types import Split


@pytest.fixture
def taken(monkeypatch):
    """What came of preparing the fast way, each time."""
    made = []
    real = fused.fused

    def noting(learner, joined, options):
        made.append(real(learner, joined, options))
        return made[-1]

    monkeypatch.setattr("kdteach.training.epochs.fused", noting)
    return made


def drawn(n=150, classes=5, seed=0, dtype=torch.float64, pixels=(1, 4, 4)):
    random = torch.Generator().manual_seed(seed)
    images = torch.randn(n, *pixels, generator=random, dtype=dtype)
    labels = torch.randint(classes, (n,), generator=random)
    return Split(images, labels, torch.randperm(n, generator=random))


def tables(data, classes=5, seed=0):
    random = torch.Generator().manual_seed(100 + seed)
    shape = (int(data.index.max()) + 1, classes)
    return torch.randn(shape, generator=random, dtype=torch.float64) * 3


def network(seed, name="fc-7-6", dtype=torch.float64):
    return models.build(name, seed=seed, input_shape=(1, 4, 4), num_classes=5, dtype=dtype)


def goals(data):
    """Every kind that is written out, with several teachers, T and alpha."""
    one, two = tables(data, seed=1), tables(data, seed=2)
    return [
        objectives.hard_labels(),
        objectives.distil(one, 4.0, 0.5),
        objectives.distil(two, 30.0, 0.9),
        objectives.smoothed_labels(0.1),
        objectives.distil(one, 1.0, 0.0),
        objectives.soft_labels(torch.softmax(two, dim=1)),
        objectives.distil(two, 0.5, 1.0, stop_epoch=2),
        objectives.distil(one, 3.0, 0.4, hard=objectives.smoothed_labels(0.2)),
        objectives.hard_labels(),
    ]


def both_ways(monkeypatch, made, train):
    """What the fast and the general way give: (histories, weights) of each."""
    found = []
    for precisions in (fused.PRECISIONS, set()):
        monkeypatch.setattr(fused, "PRECISIONS", precisions)
        count = len(made)
        histories, students = train()
        ways = [way is not None for way in made[count:]]
        assert ways == [bool(precisions)] * len(ways)
        assert ways
        found.append((histories, [[*m.parameters()] for m in students]))
    return found


def assert_alike(found, loose):
    (histories, weights), (others, their) = found
    for mine, other in zip(histories, others, strict=True):
        assert mine.loss == pytest.approx(other.loss, rel=loose, abs=loose)
        assert list(mine.parts) == list(other.parts)
        for name, values in other.parts.items():
            assert mine.parts[name] == pytest.approx(values, rel=loose, abs=loose)
        assert mine.learning_rate == other.learning_rate
        assert mine.accuracy == other.accuracy
    for mine, other in zip(weights, their, strict=True):
        for a, b in zip(mine, other, strict=True):
            torch.testing.assert_close(a, b, rtol=loose, atol=loose)


def plain_sgd(parameters, rate):
    return torch.optim.SGD(parameters, lr=rate)


def coupled(parameters, rate):
    return torch.optim.Adam(parameters, lr=rate, weight_decay=0.1, betas=(0.8, 0.9))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "optimizer": training.sgd_momentum,
            "schedule": training.cosine,
            "drop_last": True,
        },
        {"optimizer": training.adamw(0.1), "batch_size": 500},
        {"optimizer": coupled},
        {"optimizer": plain_sgd, "batch_size": 150},
    ],
)
@pytest.mark.parametrize("block", [1, 2**19])
def test_a_stack_of_all_objectives_as_the_general_way(taken, monkeypatch, changes, block):
    """Double precision, to the last digits but three; in one block, and a student each."""
    data = drawn()
    monkeypatch.setattr(fused, "BLOCK_BYTES", block)
    monkeypatch.setattr(fused, "CHUNK_FLOPS", 1e5)  # several chunks an epoch

    def train():
        students = [network(seed) for seed in range(9)]
        options = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01} | changes
        seeds = [3, 1, 4, 1, 5, 9, 2, 6, 5]
        return kdteach.fit_many(
            students,
            data,
            goals(data),
            seeds=seeds,
            validation=drawn(60, seed=3),
            **options,
        ), students

    assert_alike(both_ways(monkeypatch, taken, train), 1e-10)


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("name", ["fc-7-6", "fc-9", "linear"])
def test_one_student_as_the_general_way(taken, monkeypatch, number, name):
    data = drawn(50)

    def train():
        student = network(0, name)
        return [
            kdteach.fit(
                student, data, goals(data)[number], epochs=3, batch_size=16,
                learning_rate=0.01, keep_best=True, validation=drawn(40, seed=3),
            )
        ], [student]  # fmt: skip

    assert_alike(both_ways(monkeypatch, taken, train), 1e-10)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("optimizer", [training.adam, training.sgd_momentum])
def test_a_large_student_is_shared_among_threads(taken, monkeypatch, threads, optimizer):
    """Made large by what counts as such; the last batch is smaller than the threads."""
    data, before = drawn(50), torch.get_num_threads()
    monkeypatch.setattr(fused, "SMALL_PRODUCT", 0)

    def train():
        student = network(0)
        return [
            kdteach.fit(
                student, data, goals(data)[1], epochs=2, batch_size=16, optimizer=optimizer
            )
        ], [student]

    torch.set_num_threads(threads)
    try:
        found = both_ways(monkeypatch, taken, train)
        assert taken[0].crew.size == threads
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert_alike(found, 1e-10)


def test_one_step_is_the_formula(taken):
    """Gradient of the kd loss by autograd, one step of plain descent."""
    data = drawn(20)
    teacher, student, twin = tables(data), network(0), network(0)
    kdteach.fit(
        student, data, objectives.distil(teacher, 3.0, 0.7), epochs=1, batch_size=20,
        learning_rate=0.1, optimizer=plain_sgd,
    )  # fmt: skip
    assert taken[-1] is not None
    log_q = torch.log_softmax(twin(data.images) / 3, dim=1)
    p = torch.softmax(teacher[data.index] / 3, dim=1)
    soft = 9 * (p * (p.log() - log_q)).sum(dim=1).mean()
    hard = nn.functional.cross_entropy(twin(data.images), data.labels)
    (0.7 * soft + 0.3 * hard).backward()
    for mine, other in zip(student.parameters(), twin.parameters(), strict=True):
        wanted = other.detach() - 0.1 * other.grad
        torch.testing.assert_close(mine.detach(), wanted, rtol=1e-12, atol=1e-14)


def test_single_precision_and_data_of_their_own(taken, monkeypatch):
    """Single precision is what the fast way is for; equal to rounding over some epochs."""
    sets = [drawn(90, seed=s, dtype=torch.float32) for s in (0, 1, 0, 2)]
    goal = [
        objectives.distil(tables(data, seed=9).float(), 5.0, 0.6) for data in sets[:3]
    ] + [objectives.hard_labels()]

    def train():
        students = [network(s, dtype=torch.float32) for s in range(4)]
        return kdteach.fit_many(
            students, sets, goal, epochs=4, batch_size=32, learning_rate=0.003
        ), students

    assert_alike(both_ways(monkeypatch, taken, train), 2e-4)


def test_who_diverges_leaves_the_others_alone(taken):
    """The images of one student are so bright that descent makes its weights infinite."""
    data = drawn(80, dtype=torch.float32)
    bright = Split(data.images * 1e20, data.labels, data.index)
    fine = objectives.distil(tables(data).float(), 2.0, 0.5)
    options = {"epochs": 4, "batch_size": 32, "optimizer": training.sgd_momentum}
    together = [network(s, dtype=torch.float32) for s in (0, 1, 2)]
    alone = network(2, dtype=torch.float32)
    with pytest.raises(training.TrainingDivergedError, match="student 1") as error:
        kdteach.fit_many(together, [data, bright, data], [fine] * 3, **options)
    assert taken[-1] is not None
    kdteach.fit(alone, data, fine, seed=2, **options)
    for mine, other in zip(together[2].parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
    assert [history is None for history in error.value.histories] == [False, True, False]


def test_networks_with_infinite_answers_are_named_and_not_stumbled_over():
    students = [network(s, dtype=torch.float32) for s in (0, 1)]
    with torch.no_grad():
        for weight in students[1].parameters():
            weight.fill_(1e38)
    with pytest.raises((training.TrainingDivergedError, ValueError)):
        kdteach.fit_many(
            students, drawn(40, dtype=torch.float32), [objectives.hard_labels()] * 2,
            epochs=1,
        )  # fmt: skip


def test_the_state_of_the_optimiser_is_what_its_own_steps_leave(taken, monkeypatch):
    data, kept = drawn(40), []

    def keeping(parameters, rate):
        kept.append(torch.optim.Adam(parameters, lr=rate, fused=True))
        return kept[-1]

    def train():
        student = network(1)
        history = kdteach.fit(
            student, data, objectives.hard_labels(), epochs=2, batch_size=16,
            optimizer=keeping,
        )  # fmt: skip
        return [history], [student]

    both_ways(monkeypatch, taken, train)
    mine, other = (optimizer.state_dict()["state"] for optimizer in (kept[0], kept[-1]))
    for key, state in other.items():
        assert float(mine[key]["step"]) == float(state["step"]) == 6
        for name in ("exp_avg", "exp_avg_sq"):
            torch.testing.assert_close(mine[key][name], state[name], rtol=1e-9, atol=1e-15)


def hooked():
    model = network(0)
    model[1].register_forward_hook(lambda *a: None)
    return model


def tied():
    layer = nn.Linear(16, 16, dtype=torch.float64)
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer)


class Own(nn.Sequential):
    """A class of one's own may do anything."""


def sequential(*layers):
    return nn.Sequential(nn.Flatten(), *layers).double()


STRANGE = {
    "a hook": hooked,
    "a shared layer": tied,
    "another class": lambda: Own(nn.Flatten(), nn.Linear(16, 5)).double(),
    "tanh": lambda: sequential(nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 5)),
    "no bias": lambda: sequential(nn.Linear(16, 5, bias=False)),
    "two linear layers": lambda: sequential(nn.Linear(16, 4), nn.Linear(4, 5)),
    "relu last": lambda: sequential(nn.Linear(16, 5), nn.ReLU()),
    "relu first": lambda: sequential(nn.ReLU(), nn.Linear(16, 5)),
    "dropout": lambda: network(0, "fc-8").append(nn.Dropout(0.5)),
    "norm": lambda: sequential(nn.Linear(16, 5), nn.BatchNorm1d(5)),
    "another flatten": lambda: nn.Sequential(nn.Flatten(2), nn.Linear(16, 5)),
    "weight norm": lambda: sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(16, 5))
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_other_networks_are_not_taken_for_plain_ones(name):
    assert dense_layers(STRANGE[name]()) is None


def test_a_frozen_layer_and_a_changed_forward_are_seen():
    frozen, changed = network(0), network(0)
    frozen[1].requires_grad_(False)
    changed[1].forward = lambda x: x
    assert dense_layers(frozen) is None
    assert dense_layers(changed) is None
    assert dense_layers(nn.Sequential(network(0))) == [
        (f"0.{i}.weight", f"0.{i}.bias") for i in (1, 4, 7)
    ]


def stepping(parameters, rate):
    made = torch.optim.Adam(parameters, lr=rate)
    made.register_step_post_hook(lambda *a: None)
    return made


def grouped(parameters, rate):
    return torch.optim.Adam([{"params": [p]} for p in parameters], lr=rate)


@pytest.mark.parametrize(
    "changes",
    [
        {"augment": lambda images, random: images + 0},
        {"precision": torch.bfloat16},
        {"optimizer": lambda p, lr: torch.optim.Adam(p, lr=lr, amsgrad=True)},
        {"optimizer": lambda p, lr: torch.optim.RMSprop(p, lr=lr)},
        {"optimizer": lambda p, lr: torch.optim.SGD(p, lr=lr, maximize=True)},
        {"optimizer": stepping},
        {"optimizer": grouped},
        {"objective": objectives.weighted_labels(torch.ones(5))},
        {"objective": objectives.distil(network(3), 2.0, 0.5)},
        {"objective": objectives.distil(torch.zeros(60, 5), 1e6, 0.5)},
        {"objective": lambda student, batch: student(batch.images).square().mean()},
        {"images": "a view"},
    ],
)
def test_the_general_way_is_taken_where_something_else_is_asked_for(taken, changes):
    data = drawn(60)
    if changes.pop("images", None):
        turned = data.images.mT.contiguous().mT
        data = Split(turned, data.labels, data.index)
    objective = changes.pop("objective", objectives.hard_labels())
    model = network(0)
    if "precision" in changes:  # which double precision does not have
        model, data = model.float(), data.to(dtype=torch.float32)
    kdteach.fit(model, data, objective, epochs=1, batch_size=30, **changes)
    assert taken == [None]


def test_numbers_that_are_none_make_no_noise():
    """NaN and infinity are the loop's to report: NumPy warns of none of them."""
    data = drawn(40, dtype=torch.float32)
    with pytest.raises(training.TrainingDivergedError):
        kdteach.fit(
            network(0, dtype=torch.float32), data, objectives.hard_labels(), epochs=9,
            learning_rate=1e38,
        )  # fmt: skip
    assert np.geterr()["over"] == "warn"


@pytest.mark.parametrize("before", [False, True])
def test_denormal_numbers_are_as_before_afterwards(before):
    def is_zero():
        return float(torch.tensor(2.0**-126) * torch.tensor(0.5)) == 0.0

    if not torch.set_flush_denormal(before):
        pytest.skip("this processor has no such switch")
    try:
        with denormals_as_zero():
            assert is_zero()
        assert is_zero() == before
    finally:
        torch.set_flush_denormal(False)


def asked_to_stop(times, seen):
    with interrupts_later() as pending:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        seen.append("to the end")
    pending.now()


@pytest.mark.parametrize(("times", "whole"), [(1, True), (2, False)])
def test_an_interrupt_waits_for_the_end_of_a_chunk(times, whole):
    """The second one does not wait."""
    seen = []
    with pytest.raises(KeyboardInterrupt):
        asked_to_stop(times, seen)
    assert bool(seen) == whole
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_training_that_is_interrupted_goes_on_from_its_checkpoint(taken, tmp_path):
    """Ctrl-C in the middle of an epoch: the rest gives the same bits as without it."""
    data, file = drawn(150), tmp_path / "run.pt"
    student, whole, chunks = network(0), network(0), []

    def train(model, **more):
        return kdteach.fit(model, data, goals(data)[1], epochs=3, batch_size=16, **more)

    def stopping(self, *given, real=fused._Block.train):
        chunks.append(self)
        if len(chunks) == 4:
            signal.raise_signal(signal.SIGINT)
        return real(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "CHUNK_FLOPS", 1e5)
        history = train(whole)
        patch.setattr(fused._Block, "train", stopping)
        with pytest.raises(KeyboardInterrupt):
            train(student, checkpoint=file)
        chunks += [None] * 9
        again = network(0)
        assert train(again, checkpoint=file).loss == history.loss
    assert all(way is not None for way in taken)
    for mine, other in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_trainings_in_threads_take_the_fast_way_too(taken):
    data, students = drawn(60), [network(s) for s in (0, 1)]
    alone = [network(s) for s in (0, 1)]

    def train(model):
        kdteach.fit(model, data, objectives.hard_labels(), epochs=2, batch_size=16)

    workers = [threading.Thread(target=train, args=(model,)) for model in students]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for model, other in zip(students, alone, strict=True):
        train(other)
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b)
    assert None not in taken
