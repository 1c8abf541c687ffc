"""The caller's default device decides about nothing: the library says where tensors lie.

A default device is set for a whole program, ``torch.set_default_device("cuda")``. Here it
is "meta", on which nothing has a value, and a GPU on a machine without one: whatever would
be made there by mistake fails, or is no number.
"""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._device import _device_constructors
from torch.utils.data import DataLoader, Dataset

import kdteach as kd
from kdteach import data, explain, losses, metrics, objectives, training
from kdteach.experiments import EXPERIMENTS, Experiment
from kdteach.types import Split

PACKAGE = Path(kd.__file__).parent
MAKERS = {function.__name__ for function in _device_constructors()}


def made_without_a_device(path):
    """Calls of torch's constructors that leave the place of their tensors open."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "torch"
            and node.func.attr in MAKERS
            and not any(keyword.arg in ("device", None) for keyword in node.keywords)
        ):
            yield f"{path.name}:{node.lineno} {ast.unparse(node)}"


def test_every_new_tensor_says_where_it_lies():
    """All but those of the exercises, whose package is imported and checks on the CPU."""
    assert {"zeros", "tensor", "arange", "randperm", "as_tensor"} <= MAKERS
    paths = [p for p in PACKAGE.rglob("*.py") if "exercises" not in p.parts]
    assert len(paths) > 100
    assert not [found for path in paths for found in made_without_a_device(path)]


def pictures(count=40):
    draw = np.random.default_rng(0)
    images = torch.from_numpy(draw.random((count, 1, 8, 8), dtype=np.float32))
    labels = torch.from_numpy(np.arange(count) % 4)
    return Split(images, labels, torch.from_numpy(np.arange(count)))


class Drawn(Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, i):
        split = pictures()
        return split.images[i].numpy(), int(split.labels[i])


class Numbered(Drawn):
    def __getitem__(self, i):
        return *super().__getitem__(i), i


def net(seed=0, width=16, norm=False):
    with torch.device("cpu"):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, width),
            nn.BatchNorm1d(width) if norm else nn.Tanh(),
            nn.Dropout(0.2 if norm else 0.0), nn.Linear(width, 4),
        )  # fmt: skip


def conv(seed=0):
    with torch.device("cpu"):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
            nn.Linear(16, 4),
        )  # fmt: skip


OPTIONS = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01}


def fitted(objective, model=None, split=None, **options):
    model = model or net(norm=True)
    split = split if split is not None else pictures()
    history = kd.fit(model, split, objective, **(OPTIONS | options))
    return [history.loss, history.accuracy, model.state_dict()]


def stacked(split=None, goals=None, **options):
    models = [net(seed) for seed in range(3)]
    split = split if split is not None else pictures()
    goals = goals or [kd.hard_labels()] * 3
    histories = kd.fit_many(models, split, goals, **(OPTIONS | options))
    return [[h.loss for h in histories], [model.state_dict() for model in models]]


def teacher():
    return net(7, 24)


def table():
    return kd.teacher_logits(teacher(), pictures())


def stored(tmp_path):
    store = kd.teacher_logits(teacher(), Drawn(), store=tmp_path / "store", top_k=2)
    rows = torch.from_numpy(np.arange(40))
    return [store[rows], fitted(kd.distil(store, 2.0, 0.5), split=Drawn())]


def resumed(tmp_path):
    path, left = tmp_path / "run.pt", [1]

    def stop(done):
        if left and left.pop():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(kd.hard_labels(), checkpoint=path, on_epoch=stop)
    return fitted(kd.hard_labels(), checkpoint=path)


def reproduced(tmp_path):
    recipe = {"epochs": 1, "batch_size": 256, "learning_rate": 0.02}
    first = {"role": "teacher", "model": "fc-16", **recipe}
    student = {"role": "distilled", "model": "fc-8", "temperature": 2.0, "alpha": 0.5,
               "teacher": first, **recipe}  # fmt: skip
    name = "default-device"
    EXPERIMENTS[name] = Experiment(
        name, "?", ("digits", {"dtype": "float64"}), (first, student), seeds=1
    )
    try:
        kd.experiments.reproduce(
            name, results_dir=tmp_path, executor="local", say=lambda line: None
        )
        recorded = kd.results.load_records(name, tmp_path)
        network = kd.experiments.recorded_teacher(
            name, "teacher", seed=0, results_dir=tmp_path
        )
        return [[record.result for record in recorded], network.state_dict()]
    finally:
        del EXPERIMENTS[name]


def evaluated():
    answers = kd.evaluate(net(), pictures())
    table = torch.from_numpy(np.random.default_rng(1).normal(size=(40, 2)))
    two = metrics.Evaluation(table, torch.from_numpy(np.arange(40) % 2))
    return [
        answers.logits, answers.accuracy, answers.nll, answers.ece(), answers.confusion,
        answers.per_class_accuracy, answers.weighted_f1, metrics.best_bias(answers, [1, 2]),
        metrics.best_threshold(two),
        metrics.prediction_agreement(answers.logits, answers.logits),
        metrics.subclass_recovery(answers.logits, answers.labels),
        kd.evaluate(net(), Drawn()).logits, kd.evaluate(net(), DataLoader(Drawn(), 7)).nll,
    ]  # fmt: skip


def lost():
    draw = np.random.default_rng(2)
    z, v, features, others = (
        torch.from_numpy(draw.normal(size=shape))
        for shape in ((6, 4), (6, 4), (6, 3, 4, 4), (6, 3, 4, 4))
    )
    y = torch.from_numpy(draw.integers(0, 4, 6))
    z.requires_grad_()
    values = [
        losses.soft_targets(z, 2.0), losses.distillation_loss(z, v, 3.0),
        losses.kd_loss(z, v, y, 2.0, 0.5), losses.decoupled_kd_loss(z, v, y, 2.0, 0.5, 0.5),
        losses.label_smoothing_loss(z, y, 0.1), losses.class_log_probs(z, 2),
        losses.subclass_diversity_loss(z),
        losses.subclass_kd_loss(z, v, y % 2, 2, 2.0, 0.5),
        losses.hint_loss(features, others), losses.attention_loss(features, others),
        losses.similarity_loss(features, others),
        losses.relational_distance_loss(features, others),
        losses.relational_angle_loss(features, others),
    ]  # fmt: skip
    sum(value.sum() for value in values).backward()
    return [values, z.grad]


def explained():
    model, images = conv(), pictures(3).images
    kinds = ("gradient", "smoothgrad", "integrated gradients")
    maps = [explain.saliency(model, images, method=kind).values for kind in kinds]
    rise = explain.rise(model, images, masks=20, cells=3)
    curve = explain.deletion(model, images, rise, steps=4)
    lime = explain.lime(model, images[0], segments=4, samples=30)
    return [maps, rise.values, curve.probability, lime.values]


def tapped():
    with kd.tap(net(), ["1", "4"]) as features:
        net()(pictures().images)
        first = dict(features)
    hints = [objectives.hints(teacher(), {"1": "1"}) for _ in range(2)]
    both = kd.weighted((0.3, kd.hard_labels()), (1.0, hints[1]))
    return [list(first), fitted(hints[0], net()), fitted(both, net())]


def cohort():
    models = [net(seed, norm=True) for seed in range(2)]
    histories = training.fit_cohort(models, pictures(), objectives.mutual(), **OPTIONS)
    return [[h.loss for h in histories], [model.state_dict() for model in models]]


def loaded(tmp_path):
    digits = kd.load("digits")
    small = data.small_sample(digits.train, 20, seed=1)
    cuts = data.in_quadrants(digits)
    return [
        digits.train.images, digits.test.labels, cuts.train.images, small.images,
        data.merge_classes(digits, [[0, 1], [2, 3, 4], [5, 6, 7, 8, 9]]).train.labels,
        kd.load("tissues", count=10).train.images, digits.train.fingerprints,
        digits.train.select(torch.from_numpy(np.array([3, 1]))).labels,
        kd.load("petri", scale=0.01, size=16).train.images,
    ]  # fmt: skip


VERBS = {
    "load": loaded,
    "build": lambda _: [
        kd.build(name, num_classes=4, input_shape=(1, 8, 8)).state_dict()
        for name in ("fc-8", "fc-16")
    ] + [kd.build("tiny-resnet", num_classes=4).state_dict()],
    "teacher_logits": lambda _: table(),
    "fit": lambda _: fitted(kd.hard_labels(), validation=pictures(), keep_best=True),
    "fit with stored logits": lambda _: fitted(kd.distil(table(), 2.0, 0.5)),
    "fit with a live teacher": lambda _: fitted(
        kd.distil(teacher(), 2.0, 0.5), augment=data.random_shift(1)
    ),
    "fit with smoothing": lambda _: fitted(
        kd.hard_labels(smoothing=0.1, class_weights=torch.from_numpy(np.ones(4)))
    ),
    "fit with SGD": lambda _: fitted(kd.hard_labels(), optimizer=training.sgd_momentum),
    "fit with an optimiser of torch": lambda _: fitted(
        kd.hard_labels(), optimizer=lambda w, rate: torch.optim.AdamW(w, lr=rate)
    ),
    "fit with a schedule of torch": lambda _: fitted(
        kd.hard_labels(),
        schedule=training.torch_schedule(lambda o: torch.optim.lr_scheduler.StepLR(o, 1)),
    ),
    "fit from a data set": lambda _: fitted(kd.hard_labels(), split=Drawn()),
    "fit from a loader": lambda _: fitted(
        kd.hard_labels(), batch_size=8, split=DataLoader(Numbered(), 8, sampler=range(40))
    ),
    "fit in bfloat16": lambda _: fitted(kd.hard_labels(), precision=torch.bfloat16),
    "fit with a store": stored,
    "a checkpoint": resumed,
    "fit_many": lambda _: stacked(validation=pictures()),
    "fit_many with logits": lambda _: stacked(
        goals=[kd.distil(table(), t, 0.5) for t in (1.0, 2.0, 4.0)]
    ),
    "fit_many with mixed goals": lambda _: stacked(
        goals=[kd.hard_labels(smoothing=0.1), kd.distil(table(), 2.0, 0.5),
               kd.hard_labels()],
    ),
    "fit_many by steps of torch": lambda _: stacked(
        optimizer=lambda w, rate: torch.optim.RAdam(w, lr=rate)
    ),
    "a cohort": lambda _: cohort(),
    "features": lambda _: tapped(),
    "evaluate": lambda _: evaluated(),
    "losses": lambda _: lost(),
    "explain": lambda _: explained(),
    "cost": lambda _: [
        kd.cost.count_flops(conv(), (1, 8, 8)), kd.cost.count_parameters(conv()),
        kd.cost.measure_latency(conv(), (1, 8, 8), repeats=3, warmup=0).device,
        kd.cost.matmul_peak(8, repeats=1) > 0,
    ],
    "reproduce": reproduced,
}  # fmt: skip


WITHOUT_A_GPU = {"build", "fit", "fit from a data set", "fit_many", "evaluate"}
"""Verbs that are tried on a GPU that is not there as well."""


def require_same(one, other):
    if isinstance(one, torch.Tensor):
        assert other.device.type == "cpu"
        torch.testing.assert_close(other, one, rtol=0, atol=0, equal_nan=True)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            require_same(one[name], other[name])
    elif isinstance(one, (list, tuple)):
        for a, b in zip(one, other, strict=True):
            require_same(a, b)
    else:
        assert one == other


@pytest.mark.parametrize("verb", VERBS)
def test_the_verbs_do_as_without_a_default_device(verb, tmp_path):
    do = VERBS[verb]
    torch.manual_seed(0)
    wanted = do(tmp_path / "plain")
    with torch.device("meta"):
        require_same(wanted, do(tmp_path / "meta"))
        assert torch.zeros(1).is_meta  # the caller's default is left
    if torch.cuda.is_available() or verb not in WITHOUT_A_GPU:
        return
    torch.set_default_device("cuda")
    try:
        require_same(wanted, do(tmp_path / "cuda"))
    finally:
        torch.set_default_device(None)


@pytest.fixture(autouse=True)
def folders(tmp_path):
    for name in ("plain", "meta", "cuda"):
        (tmp_path / name).mkdir()
