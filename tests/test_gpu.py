"""What is computed on a GPU is what is computed on the CPU, up to rounding.

``make gpu`` runs these where there is one; ``KDTEACH_DEVICE=cpu make gpu`` runs them
without, to see that the tests themselves are sound.
"""

import copy
import os

import pytest
import torch
from torch import nn

import kdteach
from kdteach import cost, explain, losses, metrics, models, objectives, training
from kdteach.data import random_shift
from kdteach.types import LossTerms

pytestmark = pytest.mark.gpu

OPTIONS = {"epochs": 3, "batch_size": 100, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def device():
    return torch.device(os.environ.get("KDTEACH_DEVICE", "cuda"), 0)


@pytest.fixture(scope="module")
def few(digits):
    return digits.train.select(torch.arange(330))


@pytest.fixture(scope="module")
def teacher():
    return models.trained_teacher(0, dtype=torch.float64)


def small(seed=0, device="cpu", dtype=torch.float64):
    model = models.build("fc-16", input_shape=(1, 8, 8), seed=seed, dtype=dtype)
    return model.to(device)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).cpu()


def on(device, *values):
    return [value.to(device) if torch.is_tensor(value) else value for value in values]


SEED = torch.Generator().manual_seed(0)
Z, V = torch.randn(2, 40, 10, dtype=torch.float64, generator=SEED).unbind(0)
Y = torch.arange(40) % 10
CASES = {
    "distillation_loss": (V, 4.0),
    "kd_loss": (V, Y, 4.0, 0.7),
    "decoupled_kd_loss": (V, Y, 4.0, 1.0, 2.0),
    "label_smoothing_loss": (Y, 0.1),
    "subclass_kd_loss": (V, Y % 5, 5, 4.0, 0.7),
    "subclass_diversity_loss": (0.5,),
    "class_log_probs": (5,),
    "soft_targets": (4.0,),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", CASES)
def test_losses_and_their_gradients(name, dtype, device):
    found = []
    for place in ("cpu", device):
        z = Z.to(place, dtype).requires_grad_()
        others = [v.to(dtype) if v is V else v for v in CASES[name]]
        value = getattr(losses, name)(z, *on(place, *others))
        assert value.device.type == torch.device(place).type
        (gradient,) = torch.autograd.grad((value**2).sum(), z)
        found.append((value.detach().double().cpu(), gradient.double().cpu()))
    slack = {torch.float64: 1e-10, torch.float32: 1e-5}.get(dtype, 0.03)
    for here, there in zip(*found, strict=True):
        torch.testing.assert_close(there, here, rtol=slack, atol=slack)


def goals(table, teacher):
    return {
        "labels": objectives.hard_labels(),
        "smoothed": objectives.smoothed_labels(0.1),
        "stored": objectives.distil(table, 4.0, 0.9),
        "live": objectives.distil(teacher, 4.0, 0.9),
        "own": lambda student, batch: LossTerms(
            nn.functional.cross_entropy(student(batch.images), batch.labels), {}
        ),
    }


@pytest.mark.parametrize("where", ["table here", "table there"])
@pytest.mark.parametrize("kind", ["labels", "smoothed", "stored", "live", "own"])
def test_a_student_learns_the_same(kind, where, few, teacher, device):
    """Images stay with the caller; stored logits may lie on either side."""
    table = kdteach.teacher_logits(teacher, few)
    here, there = small(), small(device=device)
    wanted = kdteach.fit(here, few, goals(table, teacher)[kind], validation=few, **OPTIONS)
    moved = table if where == "table here" else table.to(device)
    found = kdteach.fit(there, few, goals(moved, teacher)[kind], validation=few, **OPTIONS)
    assert found.loss == pytest.approx(wanted.loss, rel=1e-8)
    assert found.accuracy == pytest.approx(wanted.accuracy, abs=0.01)
    torch.testing.assert_close(weights(there), weights(here), rtol=1e-6, atol=1e-8)
    assert next(there.parameters()).device.type == device.type
    assert few.images.device.type == "cpu"


@pytest.mark.parametrize("optimizer", [training.adam, training.sgd_momentum])
def test_a_stack_learns_what_each_learns_alone(optimizer, few, teacher, device):
    table = kdteach.teacher_logits(teacher, few)
    objective = [objectives.hard_labels(), objectives.distil(table, 4.0, 0.5)] * 2
    seeds, options = [3, 1, 4, 1], OPTIONS | {"optimizer": optimizer}
    together = [small(seed, device) for seed in seeds]
    kdteach.fit_many(together, few, objective, seeds=seeds, validation=few, **options)
    for model, goal, seed in zip(together, objective, seeds, strict=True):
        alone = small(seed, device)
        kdteach.fit(alone, few, goal, seed=seed, **options)
        torch.testing.assert_close(weights(model), weights(alone), rtol=1e-6, atol=1e-8)


def test_augmented_images_and_dropout_stay_repeatable(few, device):
    runs = []
    for _ in range(2):
        model = models.build("cnn-digits", dropout=0.3, dtype=torch.float64).to(device)
        history = kdteach.fit(
            model, few, objectives.hard_labels(), augment=random_shift(1), **OPTIONS
        )
        runs.append(history.loss)
    assert runs[1] == pytest.approx(runs[0], rel=1e-6)


def test_reduced_precision_learns(few, device):
    images = few.to(dtype=torch.float32)
    model = small(device=device, dtype=torch.float32)
    history = kdteach.fit(
        model, images, objectives.hard_labels(), precision=torch.bfloat16, **OPTIONS
    )
    assert history.loss[-1] < history.loss[0]
    assert next(model.parameters()).dtype == torch.float32


def test_answers_are_the_same(digits, teacher, device):
    there = models.trained_teacher(0, dtype=torch.float64).to(device)
    table = kdteach.teacher_logits(there, digits.train)
    wanted = kdteach.teacher_logits(teacher, digits.train)
    torch.testing.assert_close(table.cpu(), wanted, rtol=1e-9, atol=1e-9)
    for split in (digits.valid, digits.valid.to(device)):
        assert metrics.evaluate(there, split).errors == (
            metrics.evaluate(teacher, digits.valid).errors
        )


@pytest.mark.parametrize(
    "explained",
    [
        lambda m, x: explain.saliency(m, x),
        lambda m, x: explain.saliency(m, x, method="smoothgrad", samples=5),
        lambda m, x: explain.rise(m, x, masks=40, cells=4),
    ],
    ids=["saliency", "smoothgrad", "rise"],
)
def test_maps_are_the_same(explained, digits, teacher, device):
    there = models.trained_teacher(0, dtype=torch.float64).to(device)
    images = digits.test.images[:3]
    for given in (images, images.to(device)):
        found = explained(there, given).values.cpu()
        torch.testing.assert_close(found, explained(teacher, images).values, rtol=1e-6,
            atol=1e-9)  # fmt: skip


def test_costs_are_measured_there(device):
    model = small(device=device, dtype=torch.float32)
    took = cost.measure_latency(model, (1, 8, 8), batch_size=4, repeats=5)
    assert 0 < took.low_ms <= took.median_ms
    assert cost.count_flops(model, (1, 8, 8)) == cost.count_flops(small(), (1, 8, 8))


class WithWeights(nn.Module):
    """An objective that learns a scale of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, student, batch):
        return nn.functional.cross_entropy(self.scale * student(batch.images), batch.labels)


def test_an_objective_with_weights_joins_its_student(few, device):
    here, there, mine, its = small(), small(device=device), WithWeights(), WithWeights()
    wanted = kdteach.fit(here, few, mine, **OPTIONS)
    found = kdteach.fit(there, few, its, **OPTIONS)
    assert found.loss == pytest.approx(wanted.loss, rel=1e-6)
    assert its.scale.device == weights_on(there)
    assert its.scale.item() == pytest.approx(mine.scale.item(), rel=1e-6)
    assert mine.scale.item() != 1.0


def weights_on(model):
    return next(model.parameters()).device


class Read(torch.utils.data.Dataset):
    """The same images, read one by one."""

    def __init__(self, split):
        self.split = split

    def __len__(self):
        return len(self.split)

    def __getitem__(self, i):
        return self.split.images[i], int(self.split.labels[i])


@pytest.mark.parametrize("form", ["table", "store", "live"])
def test_images_that_are_read_teach_the_same(form, few, teacher, device, tmp_path):
    there = copy.deepcopy(teacher).to(device)
    kept = {"store": tmp_path / "logits", "dtype": torch.float64} if form == "store" else {}
    answers = kdteach.teacher_logits(there, Read(few), **kept)
    torch.testing.assert_close(
        answers[few.index].to("cpu"), kdteach.teacher_logits(teacher, few)[few.index],
        rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    goal = objectives.distil(there if form == "live" else answers, 4.0, 0.5)
    read, held = small(device=device), small(device=device)
    found = kdteach.fit(read, Read(few), goal, **OPTIONS)
    wanted = kdteach.fit(held, few, goal, **OPTIONS)
    assert found.loss == pytest.approx(wanted.loss, rel=1e-6)
    score = metrics.evaluate(read, Read(few))
    assert score.accuracy == metrics.evaluate(held, few).accuracy
