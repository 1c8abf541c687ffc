"""What a step does on an accelerator: it waits for nothing, and Apple's has no float64."""

import copy
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import kdteach
from kdteach import data, models, objectives, training
from kdteach.losses import divergence
from kdteach.objectives.numbers import beside
from kdteach.training.placing import placed
from kdteach.types import Split

HARD = objectives.hard_labels()
PACKAGE = Path(kdteach.__file__).parent


def images(count=64, seed=0, dtype=torch.float32):
    random = torch.Generator().manual_seed(seed)
    return Split(
        torch.rand(count, 1, 6, 6, generator=random, dtype=torch.float64).to(dtype),
        torch.randint(3, (count,), generator=random),
        torch.arange(count),
    )


def small(seed, dtype=torch.float32):
    return models.build(
        "fc-8", input_shape=(1, 6, 6), num_classes=3, seed=seed, dtype=dtype
    )


def table(seed=5):
    return kdteach.teacher_logits(small(seed), images())


class Waits(TorchDispatchMode):
    """Counts the calls that read a number from a tensor: on a GPU each waits for it."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name()
        if name in ("aten::_local_scalar_dense", "aten::equal", "aten::nonzero"):
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


GOALS = {
    "labels": lambda: HARD,
    "smoothed": lambda: objectives.smoothed_labels(0.1),
    "weighted": lambda: objectives.weighted_labels(torch.tensor([1.0, 2.0, 3.0])),
    "stored": lambda: objectives.distil(table(), 4.0, 0.5, stop_epoch=1),
    "live": lambda: objectives.distil(small(5), 4.0, 0.5),
    "subclasses": lambda: objectives.subclass_labels(3),
}


def waits(steps, many, goal, **changes):
    """How often numbers are read in a training of one epoch with so many steps."""
    setting = {"epochs": 1, "batch_size": 64 // steps, **changes}
    with Waits() as mode:
        if many:
            nets = [small(s) for s in range(3)]
            kdteach.fit_many(nets, images(), [GOALS[goal]() for _ in nets], **setting)
        else:
            kdteach.fit(small(0), images(), GOALS[goal](), **setting)
    return mode.seen


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("goal", GOALS)
def test_no_step_waits_for_a_number(goal, many, monkeypatch):
    """Twice the steps read no more numbers. On the CPU, and there alone, ``soft_term`` has
    a quicker way that looks at its numbers.
    """
    monkeypatch.setattr(divergence, "_quick", divergence._careful)
    changes = {"clip_norm": 1.0}
    assert waits(8, many, goal, **changes) == waits(4, many, goal, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"augment": data.compose(data.random_crop(1), data.horizontal_flip())},
        {"schedule": training.cosine},
        {"precision": torch.bfloat16},
        {
            "schedule": training.torch_schedule(
                lambda o: torch.optim.lr_scheduler.StepLR(o, 2), per="step"
            )
        },
    ],
    ids=["augment", "cosine", "bfloat16", "scheduler"],
)
def test_no_option_makes_a_step_wait(changes):
    assert waits(8, False, "labels", **changes) == waits(4, False, "labels", **changes)


def test_the_counter_counts():
    with Waits() as mode:
        torch.ones(2).sum().item()
        bool(torch.ones(1))
    assert mode.seen["aten::_local_scalar_dense"] == 2

    def goal(student, batch):
        loss = student(batch.images).square().mean()
        return loss * (1 + float(loss.detach()))

    GOALS["own"] = lambda: goal
    try:
        assert waits(8, False, "own") != waits(4, False, "own")
    finally:
        del GOALS["own"]


# tables follow the model


def test_tables_are_moved_once():
    """To the device "meta", which every machine has."""
    device = torch.device("meta")
    goal = objectives.distil(table(), 4.0, 0.5)
    moved = placed(goal, device)
    assert moved.teachers[0].device == device
    assert goal.teachers[0].device == torch.device("cpu")
    assert placed(goal, torch.device("cpu")) is goal
    assert placed(HARD, device) is HARD
    stack = objectives.stacked([goal, objectives.distil(table(6), 2.0, 0.9), HARD])
    groups = placed(stack, device).groups
    assert {rows.device for rows, _ in groups} == {device}
    assert groups[0][1].temperature.device == device
    live = objectives.distil(small(5), 4.0, 0.5)
    assert placed(live, device).teachers[0] is live.teachers[0]
    weighed = placed(objectives.weighted_labels(torch.ones(3)), device)
    assert weighed.weights.device == device

    def own(student, batch):
        return student(batch.images).mean()

    assert placed(own, device) is own


def test_numbers_stand_beside_what_they_multiply():
    for dtype in (torch.float32, torch.float64):
        like = torch.ones(3, dtype=dtype)
        number = beside(0.1, like)
        assert number.dtype == dtype
        assert number == torch.tensor(0.1, dtype=torch.float64).to(dtype)
        column = beside(torch.tensor([0.1, 0.2], dtype=torch.float64), like)
        assert column.dtype == dtype
    assert beside(3.0, torch.empty(2, device="meta")).device.type == "meta"


# Apple's GPU


class Apple(TorchDispatchMode):
    """Raises where a tensor becomes float64, as Apple's GPU would."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for made in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(made, torch.Tensor) and made.dtype == torch.float64:
                raise TypeError(f"{func.name()} makes float64")
        return result


@pytest.mark.parametrize("goal", ["labels", "smoothed", "weighted", "subclasses"])
@pytest.mark.parametrize("many", [False, True])
def test_apples_gpu_needs_no_float64(goal, many, monkeypatch):
    """Where ``exact`` says, as there, that float32 is all there is: from the first step of
    an epoch to the end of it no tensor is float64. ``soft_term`` asks the device itself.
    """
    from kdteach.objectives import base
    from kdteach.training import progress

    mode, steps, epochs = Apple(), [], []

    def watch(progress):
        if len(steps) % 4 == 0:
            mode.__enter__()
        steps.append(progress)
        return 1.0

    def end(epoch):
        mode.__exit__(None, None, None)
        epochs.append(epoch)

    # clipping: not by the fast way, which is for the CPU alone
    setting = {"epochs": 2, "batch_size": 16, "schedule": watch, "on_epoch": end}
    setting["clip_norm"] = 1e3

    def train():
        if many and goal != "subclasses":
            goals = [GOALS[goal](), objectives.weighted_labels(torch.ones(3))]
            kdteach.fit_many([small(0), small(1)], images(), goals, **setting)
        else:
            kdteach.fit(small(0), images(), GOALS[goal](), **setting)

    try:
        with pytest.raises(TypeError, match="makes float64"):
            train()  # on the CPU, sums are
    finally:
        mode.__exit__(None, None, None)
    steps.clear()
    for place in (base, progress):
        monkeypatch.setattr(place, "exact", lambda tensor: tensor)
    train()
    assert epochs == [1, 2]


# on a GPU


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
class TestOnGpu:
    @pytest.mark.filterwarnings("ignore:Synchronization debug mode")
    @pytest.mark.parametrize("goal", GOALS)
    @pytest.mark.parametrize("many", [False, True])
    def test_a_step_waits_for_nothing(self, goal, many):
        """torch raises at each wait between the first step and the end of the epoch."""
        made = GOALS[goal]()
        if goal == "live":  # a teacher on the CPU would need the images there
            made = objectives.distil(small(5).cuda(), 4.0, 0.5)
        nets = [small(s).cuda() for s in range(3)]
        steps = []

        def watch(progress):
            steps.append(progress)
            torch.cuda.set_sync_debug_mode("error" if len(steps) % 4 == 2 else "default")
            return 1.0

        setting = {"epochs": 2, "batch_size": 16, "schedule": watch}
        try:
            if many:
                kdteach.fit_many(nets, images(), [copy.deepcopy(made)] * 3, **setting)
            else:
                kdteach.fit(nets[0], images(), made, **setting)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert len(steps) == 8

    @pytest.mark.parametrize("precision", [None, torch.bfloat16, torch.float16])
    def test_what_is_learned_is_what_the_cpu_learns(self, precision):
        losses = {}
        for device in ("cpu", "cuda"):
            net = small(0).to(device)
            setting = {"epochs": 5, "batch_size": 16, "clip_norm": 1.0}
            losses[device] = kdteach.fit(
                net, images(), HARD, precision=precision if device == "cuda" else None,
                **setting,
            ).loss  # fmt: skip
        near = 1e-4 if precision is None else 0.02
        assert losses["cuda"] == pytest.approx(losses["cpu"], rel=near)

    def test_a_checkpoint_goes_on_to_the_same_bits(self, tmp_path):
        def net():
            return nn.Sequential(nn.Dropout(0.3), *small(0)).cuda()

        path = tmp_path / "run.pt"
        setting = {"batch_size": 16, "precision": torch.float16}
        whole, resumed = net(), net()
        wanted = kdteach.fit(whole, images(), HARD, epochs=3, **setting)
        kdteach.fit(resumed, images(), HARD, epochs=1, checkpoint=path, **setting)
        resumed = net()
        found = kdteach.fit(resumed, images(), HARD, epochs=3, checkpoint=path, **setting)
        assert found == wanted
        for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(one, other)
