"""A training that was stopped anywhere goes on to the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

import kdteach
from kdteach import data, objectives, training, writing
from kdteach.training import checkpoint as files
from kdteach.training import fused
from kdteach.types import Split

HARD = objectives.hard_labels()


class Stop(Exception):
    """Raised in the middle of a step, as by a power cut."""


def images(count=50, seed=0, classes=3):
    random = torch.Generator().manual_seed(seed)
    return Split(
        torch.rand(count, 1, 6, 6, generator=random, dtype=torch.float64),
        torch.randint(classes, (count,), generator=random),
        torch.arange(count),
    )


def network(seed=0, kind="dropout"):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        middle = {
            "dropout": [nn.Dropout(0.3)],
            "norm": [nn.BatchNorm1d(8), nn.Dropout(0.3)],
            "plain": [],
        }[kind]
        return nn.Sequential(
            nn.Flatten(), nn.Linear(36, 8), *middle, nn.ReLU(), nn.Linear(8, 3)
        ).double()


def bits(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def require_equal(left, right):
    assert list(left) == list(right)
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


class Breaking(nn.Module):
    """An objective of its own weights and buffers that fails in one of its steps."""

    def __init__(self, at=None):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.float64))
        self._left = [at]  # no part of what it computes

    def forward(self, student, batch):
        if self._left[0] is not None:
            if self._left[0] == 0:
                raise Stop
            self._left[0] -= 1
        self.seen += 1
        loss = nn.functional.cross_entropy(self.scale * student(batch.images), batch.labels)
        return loss + 0.01 * self.scale**2 / self.seen


EVERYTHING = {
    "dropout, jitter, Adam, cosine, best": (
        "dropout",
        {"augment": data.random_shift(1), "schedule": training.cosine, "keep_best": True},
    ),
    "BatchNorm, momentum, clipping": (
        "norm",
        {"optimizer": training.sgd_momentum, "clip_norm": 0.5, "learning_rate": 0.05},
    ),
    "torch's scheduler, decay groups": (
        "plain",
        {
            "optimizer": training.adamw(0.1, no_decay=("bias",)),
            "schedule": training.torch_schedule(
                lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 12), per="step"
            ),
        },
    ),
    "plateau, patience": (
        "dropout",
        {
            "schedule": training.torch_schedule(
                lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(
                    o, mode="max", patience=0, factor=0.3
                )
            ),
            "patience": 2,
            "keep_best": "weighted_f1",
            "learning_rate": 0.02,
        },
    ),
}


def setting(changes, **more):
    return (
        {"epochs": 3, "batch_size": 16, "learning_rate": 0.01, "seed": 3} | changes | more
    )


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("at", [0, 1, 3, 4, 7, 11])
def test_stopped_at_any_step_it_ends_with_the_same_bits(name, at, tmp_path):
    """With an objective that has weights and buffers of its own; 4 steps an epoch."""
    kind, changes = EVERYTHING[name]
    part, valid, path = images(), images(30, seed=9), tmp_path / "run.pt"
    whole, goal = network(1, kind), Breaking()
    wanted = kdteach.fit(whole, part, goal, validation=valid, **setting(changes))
    if len(wanted.loss) * 4 <= at:
        pytest.skip("it ended before")
    options = setting(changes, validation=valid, checkpoint=path, checkpoint_every=0)
    with pytest.raises(Stop):
        kdteach.fit(network(1, kind), part, Breaking(at), **options)
    assert path.exists() == (at > 0)
    resumed, its = network(1, kind), Breaking()
    history = kdteach.fit(resumed, part, its, **options)
    assert history == wanted
    require_equal(bits(resumed), bits(whole))
    require_equal(bits(its), bits(goal))
    # once more: finished, nothing is trained
    again = network(1, kind)
    assert kdteach.fit(again, part, Breaking(0), **options) == wanted
    require_equal(bits(again), bits(whole))


def test_between_two_files_the_steps_are_made_again(tmp_path):
    """By default a file an epoch: what came after it is computed a second time."""
    part, path = images(), tmp_path / "run.pt"
    whole = network(1)
    wanted = kdteach.fit(whole, part, Breaking(), **setting({}))
    with pytest.raises(Stop):
        kdteach.fit(network(1), part, Breaking(6), checkpoint=path, **setting({}))
    assert files.read_checkpoint(path)["run"]["epoch"] == 1
    resumed = network(1)
    assert kdteach.fit(resumed, part, Breaking(), checkpoint=path, **setting({})) == wanted
    require_equal(bits(resumed), bits(whole))


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import test_checkpoint
test_checkpoint.trained(sys.argv[2], *sys.argv[3:])
"""
SHIFT = data.random_shift(1)


def slow(images, generator):
    time.sleep(float(os.environ.get("KDTEACH_TEST_DELAY", "0")))
    return SHIFT(images, generator)


def trained(many, path=None):
    options = setting({"augment": slow, "epochs": 6}, checkpoint=path, checkpoint_every=0)
    if many == "many":
        del options["seed"]
        nets = [network(s, "plain") for s in range(3)]
        histories = kdteach.fit_many(nets, images(), [HARD] * 3, **options)
    else:
        nets = [network(1)]
        histories = [kdteach.fit(nets[0], images(), HARD, **options)]
    return histories, [bits(net) for net in nets]


@pytest.mark.parametrize(("many", "number"), [("one", "SIGKILL"), ("many", "SIGINT")])
def test_killed_in_the_middle_it_ends_with_the_same_bits(many, number, tmp_path):
    path = tmp_path / "run.pt"
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(Path(__file__).parent), many, str(path)],
        stderr=subprocess.PIPE, env={**os.environ, "KDTEACH_TEST_DELAY": "0.05"},
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if path.exists() and files.read_checkpoint(path)["run"]["epoch"] >= 1:
            break
        time.sleep(0.005)
    process.send_signal(getattr(signal, number))
    said = process.communicate()[1].decode()
    if number == "SIGKILL":
        assert process.returncode == -signal.SIGKILL, "it was not killed in the middle"
    else:
        assert "TrainingInterrupted: training was interrupted after" in said
    assert 1 <= files.read_checkpoint(path)["run"]["epoch"] < 6
    wanted, found = trained(many), trained(many, path)
    assert wanted[0] == found[0]
    for left, right in zip(wanted[1], found[1], strict=True):
        require_equal(left, right)
    assert files.read_checkpoint(path)["run"]["epoch"] == 6


def interrupted(**changes):
    """A training that Ctrl-C ends in its sixth step, and what it raised."""
    model, steps = network(1), []

    def goal(student, batch):
        steps.append(0)
        if len(steps) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return nn.functional.cross_entropy(student(batch.images), batch.labels)

    with pytest.raises(training.TrainingInterrupted, match="after 1 of 3 epochs") as found:
        kdteach.fit(model, images(), goal, **setting(changes))
    return model, found.value, len(steps)


def test_the_history_survives_ctrl_c(tmp_path):
    whole = kdteach.fit(network(1), images(), HARD, **setting({"epochs": 1}))
    model, stop, _ = interrupted()
    assert stop.history.loss == pytest.approx(whole.loss, rel=1e-12)
    assert isinstance(stop, KeyboardInterrupt)
    assert not torch.equal(bits(model)["1.weight"], bits(network(1))["1.weight"])
    # with a checkpoint the step is finished first
    path, handler = tmp_path / "run.pt", signal.getsignal(signal.SIGINT)
    model, stop, steps = interrupted(checkpoint=path)
    assert stop.history.epochs == 1
    assert steps == 6
    stored = files.read_checkpoint(path)["run"]
    assert (stored["epoch"], stored["step"]) == (1, 2)
    require_equal(bits(model), stored["students"][0])
    assert signal.getsignal(signal.SIGINT) is handler


def test_histories_of_many_survive_ctrl_c():
    def stop(epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    nets, options = [network(s) for s in range(3)], setting({})
    del options["seed"]
    with pytest.raises(training.TrainingInterrupted, match="students 0 to 0 of 3") as found:
        kdteach.fit_many(nets, images(), [HARD] * 3, on_epoch=stop, **options)
    first, *others = found.value.histories
    assert first.epochs == 2
    assert others == [None, None]


def test_more_epochs_go_on_where_the_rate_is_constant(tmp_path):
    path = tmp_path / "run.pt"
    whole, part = network(1), images()
    wanted = kdteach.fit(whole, part, HARD, **setting({"epochs": 5}))
    model = network(1)
    kdteach.fit(model, part, HARD, checkpoint=path, **setting({"epochs": 2}))
    # with the same model, as it is now, or with one built anew
    history = kdteach.fit(model, part, HARD, checkpoint=path, **setting({"epochs": 3}))
    assert history.loss == wanted.loss[:3]
    model = network(1)
    history = kdteach.fit(model, part, HARD, checkpoint=path, **setting({"epochs": 5}))
    assert history == wanted
    require_equal(bits(model), bits(whole))
    with pytest.raises(training.CheckpointError, match="has 5 finished epochs, and epochs"):
        kdteach.fit(network(1), part, HARD, checkpoint=path, **setting({"epochs": 4}))


def test_the_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    teacher = kdteach.teacher_logits(network(5, "plain"), images())
    cosine = {"schedule": training.cosine}
    goal = objectives.distil(teacher, 4.0, 0.5)
    good = {"model": network(1), "data": images(), "objective": goal, **setting(cosine)}
    kdteach.fit(**good, checkpoint=path)
    before = path.read_bytes()
    other = kdteach.teacher_logits(network(6, "plain"), images())
    wide = nn.Sequential(nn.Flatten(), nn.Linear(36, 9), nn.ReLU(), nn.Linear(9, 3))
    others = {
        "another model": {"model": wide.double()},
        "began with other weights": {"model": network(2)},
        "seed 3 there, 4 here": {"seed": 4},
        "learning_rate 0.01 there, 0.02 here": {"learning_rate": 0.02},
        "batch_size 16 there, 17 here": {"batch_size": 17},
        "epochs 3 there, 4 here": {"epochs": 4},
        "optimizer": {"optimizer": training.sgd_momentum},
        "schedule": {"schedule": training.constant},
        "clip_norm None there, 1.0 here": {"clip_norm": 1.0},
        "validation": {"validation": images(9, seed=2)},
        "data": {"data": images(seed=8), "objective": HARD},
        "temperature=4.0": {"objective": objectives.distil(teacher, 4.5, 0.5)},
        "alpha=0.5": {"objective": objectives.distil(teacher, 4.0, 0.6)},
        "objective": {"objective": objectives.distil(other, 4.0, 0.5)},
        "drop_last False there, True here": {"drop_last": True},
        "stop": {"stop": training.plateau(0.1)},
    }
    for says, change in others.items():
        arguments = {**good, "model": network(1), **change}
        start = bits(arguments["model"])
        with pytest.raises(training.CheckpointError, match=says):
            kdteach.fit(**arguments, checkpoint=path)
        require_equal(bits(arguments["model"]), start)
        assert path.read_bytes() == before
    model = network(1)
    kdteach.fit(**{**good, "model": model}, checkpoint=path)  # the same run is not
    require_equal(bits(model), bits(good["model"]))


@pytest.mark.parametrize(
    "factory", [training.adamw, lambda d: training.sgd(weight_decay=d)]
)
def test_numbers_within_functions_tell_runs_apart(factory, tmp_path):
    path = tmp_path / "run.pt"

    def run(decay):
        changes = setting({"epochs": 1}, optimizer=factory(decay), checkpoint=path)
        kdteach.fit(network(1), images(), HARD, **changes)

    run(0.1)
    run(0.1)
    with pytest.raises(training.CheckpointError, match="optimizer"):
        run(0.2)


def own_loss(words, **outside):
    """A loss as a notebook's cell defines it anew, under the same name."""
    space = {"F": nn.functional, "objectives": objectives, "__name__": "__main__"} | outside
    exec(words, space)
    return space["loss"]


OWN = """
SCALE = 1.0
def helper(z):
    return 2.0 * z
def make(weight):
    seen = 0
    def loss(student, batch, power=2):
        'About it.'
        nonlocal seen
        seen += 1  # a note
        z = student(batch.images)
        hard = weight * F.cross_entropy(helper(z), batch.labels)
        return hard + SCALE * z.pow(power).mean()
    return loss
loss = make(0.5)
"""
OTHERS = {
    "code": ("weight * F", "weight + F"),
    "a number in it": ("seen += 1", "seen += 3"),
    "what it closes over": ("make(0.5)", "make(0.25)"),
    "a default": ("power=2", "power=4"),
    "a constant": ("SCALE = 1.0", "SCALE = 0.1"),
    "a function that it calls": ("2.0 * z", "3.0 * z"),
    "code of a method": (
        "loss = make(0.5)",
        "class Loss:\n    def __init__(self, f): self.f = f\n"
        "    def __call__(self, s, b): return 2 * self.f(s, b)\nloss = Loss(make(0.5))",
    ),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_an_own_loss_that_was_changed_is_another_run(change, tmp_path):
    path, old = tmp_path / "run.pt", OWN
    if change is OTHERS["code of a method"]:
        old, change = OWN.replace(*change), ("return 2 * self", "return 3 * self")

    def run(words, epochs=1):
        kdteach.fit(
            model, images(), own_loss(words), checkpoint=path, **setting({"epochs": epochs})
        )

    model = network(1, "plain")
    run(old)
    notes = (("# a note", "# another"), ("def make", "\ndef make"))
    for words, said in notes:
        assert old.replace(words, said) != old
        run(old.replace(words, said), 2)
    new = old.replace(*change)
    assert new != old
    with pytest.raises(
        training.CheckpointError, match=r"own code .*loss .* remove the file"
    ):
        run(new, 3)


def test_own_functions_within_objectives_and_options_count(tmp_path):
    table = kdteach.teacher_logits(network(5, "plain"), images())

    def goal(number):
        return objectives.logit_objective(
            table, own_loss(f"def loss(z, v): return {number} * (z - v).square().mean()")
        )

    def stop(number):
        return own_loss(f"def loss(losses): return losses[-1] < {number}")

    path = tmp_path / "run.pt"
    good = {"objective": goal(2.0), "stop": stop(0.0)}
    run = {"checkpoint": path, **setting({"epochs": 1})}
    kdteach.fit(network(1), images(), **good, **run)
    kdteach.fit(network(1), images(), **good, **run)
    for name, other in (("objective", goal(3.0)), ("stop", stop(0.1))):
        with pytest.raises(training.CheckpointError, match=f"own code .*{name}"):
            kdteach.fit(network(1), images(), **good | {name: other}, **run)
    # as an earlier version has written it, or another Python
    stored = torch.load(path, weights_only=True)
    stored["about"] = {
        k: v for k, v in stored["about"].items() if not k.startswith("own code")
    } | {"own code (Python 3.7), stop": "loss 12"}
    torch.save(stored, path)
    kdteach.fit(network(1), images(), **good | {"stop": stop(0.1)}, **run)


def test_code_of_libraries_is_not_somebodys_own():
    from kdteach.training.own_code import own_code

    assert own_code([HARD, training.adam, nn.Linear(2, 2), training.plateau(0.1)]) == ""


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "run.pt"
    kdteach.fit(network(1), images(), HARD, checkpoint=path, **setting({}))
    whole = path.read_bytes()
    flipped = []
    for place in range(0, len(whole) - 100, len(whole) // 7):
        damaged = bytearray(whole)
        damaged[place : place + 8] = bytes(255 - b for b in damaged[place : place + 8])
        flipped.append(bytes(damaged))
    for content in (b"", b"words", whole[: len(whole) // 2], whole[:-10], *flipped):
        path.write_bytes(content)
        model = network(1)
        with pytest.raises(training.CheckpointError, match=r"run\.pt' is damaged"):
            kdteach.fit(model, images(), HARD, checkpoint=path, **setting({}))
        assert path.read_bytes() == content
        require_equal(bits(model), bits(network(1)))
    torch.save({"weights": torch.ones(3)}, path)
    with pytest.raises(training.CheckpointError, match="no checkpoint of kdteach"):
        kdteach.fit(network(1), images(), HARD, checkpoint=path, **setting({}))


def test_reading_a_checkpoint_runs_no_code(tmp_path):
    path, touched = tmp_path / "run.pt", tmp_path / "touched"

    class Bad:
        def __reduce__(self):
            return Path.touch, (touched,)

    torch.save({"format": files.FORMAT, "run": Bad()}, path)
    with pytest.raises(training.CheckpointError, match="damaged"):
        kdteach.fit(network(1), images(), HARD, checkpoint=path, **setting({}))
    assert not touched.exists()


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        ("missing/run.pt", FileNotFoundError, "does not exist; make it first"),
        (".", ValueError, "stands there, give the path of a file"),
        (3, TypeError, "checkpoint must be a path .* got 3"),
        ("", ValueError, "checkpoint is an empty path"),
    ],
)
def test_a_checkpoint_needs_a_place(where, error, says, tmp_path):
    model = network(1)
    place = tmp_path / where if isinstance(where, str) and where else where
    with pytest.raises(error, match=says):
        kdteach.fit(model, images(), HARD, checkpoint=place, **setting({}))
    require_equal(bits(model), bits(network(1)))
    with pytest.raises(ValueError, match="checkpoint_every"):
        kdteach.fit(model, images(), HARD, checkpoint_every=-1, **setting({}))
    assert list(tmp_path.iterdir()) == []


def test_two_trainings_do_not_share_a_checkpoint(tmp_path):
    path = tmp_path / "run.pt"

    def second(epoch):
        with pytest.raises(writing.LockedError, match="trains with it"):
            kdteach.fit(network(2), images(), HARD, checkpoint=path, **setting({}))

    options = setting({}, checkpoint=path, on_epoch=second)
    kdteach.fit(network(1), images(), HARD, **options)
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_what_cannot_be_stored_is_said_at_once(tmp_path):
    class Odd(nn.Sequential):
        def get_extra_state(self):
            return self.__class__

        def set_extra_state(self, state):
            pass

    model = Odd(*network(1))
    with pytest.raises(training.CheckpointError, match="cannot be made"):
        kdteach.fit(model, images(), HARD, checkpoint=tmp_path / "run.pt", **setting({}))
    assert list(tmp_path.iterdir()) == []


def test_buffers_outside_of_the_state_are_kept(tmp_path):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network(1)
            self.register_buffer("calls", torch.zeros(()), persistent=False)

        def forward(self, images):
            if self.training:
                self.calls += 1
            return self.inner(images) / (1 + self.calls)

    whole, path = Counting(), tmp_path / "run.pt"
    wanted = kdteach.fit(whole, images(), Breaking(), **setting({}))
    options = setting({}, checkpoint=path, checkpoint_every=0)
    with pytest.raises(Stop):
        kdteach.fit(Counting(), images(), Breaking(6), **options)
    model = Counting()
    assert kdteach.fit(model, images(), Breaking(), **options) == wanted
    assert model.calls == whole.calls
    require_equal(bits(model), bits(whole))


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
def test_the_fast_way_is_stored_between_its_chunks(many, at, tmp_path, monkeypatch):
    """Also after the last chunk of an epoch, before what follows the epoch."""
    part = images().to(dtype=torch.float32)
    setting_ = {"epochs": 3, "batch_size": 16, "schedule": training.cosine}
    written, step = [], files.Saver.step

    def stopped(saver):
        step(saver)
        written.append(saver.run.step)
        if len(written) == at:
            raise Stop

    def train(path=None):
        nets = [network(s, "plain").float() for s in range(3 if many else 1)]
        options = {**setting_, "checkpoint": path, "checkpoint_every": 0}
        if many:
            histories = kdteach.fit_many(nets, part, [HARD] * 3, **options)
        else:
            histories = [kdteach.fit(nets[0], part, HARD, **options)]
        return histories, [bits(net) for net in nets]

    fast, made = fused.Fused.__init__, []

    def short(self, *arguments):
        fast(self, *arguments)
        self.chunk = 2
        made.append(self)

    monkeypatch.setattr(fused.Fused, "__init__", short)
    wanted, path = train(), tmp_path / "run.pt"
    monkeypatch.setattr(files.Saver, "step", stopped)
    with pytest.raises(Stop):
        train(path)
    assert made, "it was not the fast way"
    assert written == [2, 4, 2, 4, 2, 4][:at]
    monkeypatch.setattr(files.Saver, "step", step)
    found = train(path)
    assert found[0] == wanted[0]
    for left, right in zip(found[1], wanted[1], strict=True):
        require_equal(left, right)


def test_many_are_stored_stack_by_stack(tmp_path, monkeypatch):
    """Two stacks; each has a file, and each student ends as alone."""
    monkeypatch.setattr(training.stacking, "STACK_BYTES", 6000)
    options = setting({"patience": 1, "keep_best": True, "epochs": 6})
    del options["seed"]
    part, valid = images(), images(12, seed=9)
    goals = [objectives.hard_labels() for _ in range(4)]
    plain = [network(s, "plain") for s in range(4)]
    wanted = kdteach.fit_many(plain, part, goals, validation=valid, **options)
    path, left = tmp_path / "run.pt", [3]

    def stop(number, history):
        left[0] -= 1
        if left[0] < 0:
            raise Stop

    nets = [network(s, "plain") for s in range(4)]
    options |= {"validation": valid, "checkpoint": path}
    with pytest.raises(Stop):
        kdteach.fit_many(nets, part, goals, callback=stop, **options)
    nets = [network(s, "plain") for s in range(4)]
    assert kdteach.fit_many(nets, part, goals, **options) == wanted
    for net, other in zip(nets, plain, strict=True):
        require_equal(bits(net), bits(other))
    assert {file.name for file in tmp_path.iterdir()} == {"run.0-1.pt", "run.2-3.pt"}


class Pictures(torch.utils.data.Dataset):
    """Images that are made when they are asked for."""

    def __init__(self, part):
        self.part = part

    def __len__(self):
        return len(self.part)

    def __getitem__(self, place):
        return self.part.images[place], int(self.part.labels[place])


LEFT = [None]  # batches until an objective stops, None for never


def countdown():
    if LEFT[0] is not None:
        LEFT[0] -= 1
        if LEFT[0] < 0:
            LEFT[0] = None
            raise Stop


def counting(student, batch):
    countdown()
    return nn.functional.cross_entropy(student(batch.images), batch.labels)


def jointly(models, batch):
    countdown()
    return objectives.mutual()(models, batch)


@pytest.mark.parametrize("at", [2, 4, 6])
def test_data_that_are_read_in_batches_go_on_in_the_middle(at, tmp_path):
    options = setting({"augment": data.random_shift(1)})
    whole, path = network(1), tmp_path / "run.pt"
    wanted = kdteach.fit(whole, images(), counting, **options)
    options |= {"checkpoint": path, "checkpoint_every": 0}
    LEFT[0] = at
    with pytest.raises(Stop):
        kdteach.fit(network(1), Pictures(images()), counting, **options)
    model = network(1)
    found = kdteach.fit(model, Pictures(images()), counting, **options)
    assert found == wanted
    require_equal(bits(model), bits(whole))
    with pytest.raises(training.CheckpointError, match="data"):
        kdteach.fit(network(1), Pictures(images(51)), counting, **options)


@pytest.mark.parametrize("at", [3, 4])
def test_a_cohort_goes_on_in_the_middle(at, tmp_path):
    def nets():
        return [network(1), network(2, "norm")]

    whole, path, options = nets(), tmp_path / "run.pt", setting({})
    wanted = training.fit_cohort(whole, images(), jointly, **options)
    options |= {"checkpoint": path, "checkpoint_every": 0}
    LEFT[0] = at
    with pytest.raises(Stop):
        training.fit_cohort(nets(), images(), jointly, **options)
    resumed = nets()
    assert training.fit_cohort(resumed, images(), jointly, **options) == wanted
    for left, right in zip(resumed, whole, strict=True):
        require_equal(bits(left), bits(right))


def test_hints_are_stored_with_their_regressors(tmp_path):
    """And a run with another teacher, or another weight of the hints, is another run."""
    teacher, part, path = network(5, "plain"), images(), tmp_path / "run.pt"

    def goal(net=teacher, weight=0.5):
        hints = objectives.hints(net, {"1": "1"})
        return objectives.weighted((weight, HARD), (1.0, hints))

    def fit(model, objective, epochs, **more):
        return kdteach.fit(model, part, objective, **setting({"epochs": epochs}), **more)

    whole = network(1)
    wanted = fit(whole, goal(), 4)
    fit(network(1), goal(), 2, checkpoint=path)
    for other in (goal(network(6, "plain")), goal(weight=0.6)):
        with pytest.raises(training.CheckpointError, match="objective"):
            fit(network(1), other, 4, checkpoint=path)
    model = network(1)
    assert fit(model, goal(), 4, checkpoint=path) == wanted
    require_equal(bits(model), bits(whole))
