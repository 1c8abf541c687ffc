"""Exported, traced, scripted, compiled and quantised networks: teachers like any other."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

import kdteach as kd
from kdteach.models import evaluation_mode

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own about its older ways


def net(seed=0, norm=True):
    torch.manual_seed(seed)
    middle = nn.BatchNorm1d(32) if norm else nn.Identity()
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 32),
        middle,
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(32, 10),
    )


def exported(model, strict=False):
    batch = torch.zeros(8, 1, 8, 8)
    sizes = ({0: torch.export.Dim("batch")},)
    return torch.export.export(
        model, (batch,), dynamic_shapes=sizes, strict=strict
    ).module()


def traced(model):
    return torch.jit.trace(model, torch.zeros(8, 1, 8, 8), check_trace=False)


def quantised(model):
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear})


class Mine(nn.Module):
    """What the error for a function recommends."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


FORMS = {
    "exported": exported,
    "exported strictly": functools.partial(exported, strict=True),
    "exported, as a part": lambda model: nn.Sequential(exported(model)),
    "scripted": torch.jit.script,
    "traced": traced,
    "traced, as a part": lambda model: nn.Sequential(traced(model)),
    "frozen": lambda model: torch.jit.freeze(torch.jit.script(model)),
    "for inference": lambda m: torch.jit.optimize_for_inference(torch.jit.script(m)),
    "a graph of fx": torch.fx.symbolic_trace,
    "compiled": functools.partial(torch.compile, backend="eager"),
    "parallel": nn.DataParallel,
    "a function in a module": lambda model: Mine(lambda images: model(images)),
}


@pytest.fixture(scope="module")
def digits():
    whole = kd.load("digits")
    return whole.train.select(torch.arange(64)), whole.valid.select(torch.arange(100))


@pytest.fixture(scope="module")
def teacher(digits):
    model = net()
    kd.fit(model, digits[0], kd.hard_labels(), epochs=2, batch_size=16)
    return model.eval()


def learned(data, objective):
    student = net(5)
    # not Adam, whose steps do not get smaller with the gradient and magnify its rounding
    options = {"optimizer": kd.training.sgd_momentum, "learning_rate": 0.02}
    kd.fit(student, data, objective, epochs=2, batch_size=16, **options)
    return torch.cat([weight.detach().flatten() for weight in student.parameters()])


@pytest.mark.parametrize("name", FORMS)
def test_a_deployed_network_teaches_as_the_one_it_was_made_from(name, digits, teacher):
    train, valid = digits
    form = FORMS[name](teacher)
    wanted = kd.teacher_logits(teacher, train)
    torch.testing.assert_close(kd.teacher_logits(form, train), wanted, rtol=0, atol=1e-5)
    assert kd.evaluate(form, valid).accuracy == kd.evaluate(teacher, valid).accuracy
    live = learned(train, kd.distil(form, 2.0, 0.5))
    plain = learned(train, kd.distil(teacher, 2.0, 0.5))
    torch.testing.assert_close(live, plain, rtol=0, atol=1e-4)


def test_a_quantised_network_teaches_what_it_says(digits, teacher):
    train, valid = digits
    form = quantised(teacher)
    with torch.no_grad():
        said = form(train.images), form(valid.images)
    assert torch.equal(kd.teacher_logits(form, train, 64), said[0])
    right = (said[1].argmax(dim=1) == valid.labels).double().mean()
    assert kd.evaluate(form, valid).accuracy == pytest.approx(float(right))
    live = learned(train, kd.distil(form, 2.0, 0.5))
    stored = learned(train, kd.distil(kd.teacher_logits(form, train), 2.0, 0.5))
    # a batch of another size is quantised with another scale
    torch.testing.assert_close(live, stored, rtol=0, atol=1e-2)


def test_the_mode_of_an_exported_network_is_left(digits, teacher):
    for form in (exported(teacher), nn.Sequential(exported(teacher), nn.Dropout(0.5))):
        before = [(part, part.training) for part in form.modules()]
        with evaluation_mode(form):
            assert not any(part.training for part in form.modules())
        assert all(part.training is mode for part, mode in before)


@pytest.mark.parametrize("norm", [True, False], ids=["BatchNorm", "Dropout"])
@pytest.mark.parametrize("wrap", [lambda m: m, nn.Sequential], ids=["", "as a part"])
@pytest.mark.parametrize(("make", "how"), [(exported, "exported"), (traced, "traced")])
def test_what_was_made_in_train_mode_is_no_teacher(make, how, wrap, norm, digits):
    """It would draw dropout at each call, and no eval() can end that."""
    train, valid = digits
    form = wrap(make(net(norm=norm).train()))
    with torch.no_grad():
        assert not torch.equal(form(train.images), form(train.images))
    says = f"the model was {how} in train mode: its"
    for use in (
        lambda: kd.teacher_logits(form, train),
        lambda: kd.evaluate(form, valid),
        lambda: kd.fit(net(), train, kd.distil(form, 2.0, 0.5), epochs=1),
        lambda: kd.cost.measure_latency(form, (1, 8, 8), repeats=3),
    ):
        with pytest.raises(ValueError, match=says):
            use()


class Noisy(nn.Module):
    """Train mode changes nothing in it, whatever the graph says."""

    def __init__(self):
        super().__init__()
        self.none, self.body = nn.Dropout(0.0), nn.LSTM(8, 6, 2, batch_first=True)
        self.norm = nn.BatchNorm1d(6, track_running_stats=False)
        self.head = nn.Linear(6, 10)

    def forward(self, x):
        return self.head(self.norm(self.body(self.none(x[:, 0]))[0][:, -1]))


@pytest.mark.parametrize("make", [exported, traced])
def test_train_mode_without_an_effect_is_no_fault(make, digits):
    torch.manual_seed(0)
    model = Noisy().train()
    form = make(model)
    wanted = kd.teacher_logits(model, digits[0], 64)
    torch.testing.assert_close(
        kd.teacher_logits(form, digits[0], 64), wanted, rtol=0, atol=1e-5
    )


def test_an_exported_network_is_no_student(digits, teacher):
    for form in (exported(teacher), nn.Sequential(exported(teacher))):
        with pytest.raises(ValueError, match=r"the model came from torch\.export"):
            kd.fit(form, digits[0], kd.hard_labels(), epochs=1)
        with pytest.raises(ValueError, match=r"the model came from torch\.export"):
            kd.fit_many([form], digits[0], [kd.hard_labels()], epochs=1)


def test_functions_and_arrays_are_named_with_the_way_out(digits, teacher):
    train, _ = digits
    table = kd.teacher_logits(teacher, train).plain().numpy()
    function = teacher.forward
    for call, says in (
        (
            lambda: kd.teacher_logits(function, train),
            "the forward of a module of yours call",
        ),
        (lambda: kd.evaluate(function, train), "the forward of a module of yours call"),
        (lambda: kd.distil(function, 2.0, 0.5), "let the forward of a module of yours"),
        (
            lambda: kd.distil(table, 2.0, 0.5),
            r"teacher_logits must be a .*got an array of shape \(64, 10\), float32: "
            r"torch.from_numpy\(...\) makes one",
        ),
        (lambda: kd.distil(table.tolist(), 2.0, 0.5), r"torch.tensor\(...\) makes one"),
        (
            lambda: kd.objectives.weighted_labels(np.ones(10)),
            r"weights must be a .*got an array of shape \(10,\), float64: torch.from_numpy",
        ),
        (
            lambda: kd.hard_labels(class_weights=[1.0] * 10),
            r"class_weights must be a .*got \[1.0, .*: torch.tensor\(...\) makes one",
        ),
        (
            lambda: kd.objectives.soft_labels(table),
            r"targets must be a .*got an array .*: torch.from_numpy",
        ),
        (
            lambda: kd.losses.soft_targets(table, 2.0),
            "logits must be a torch.Tensor, got ndarray: torch.from_numpy",
        ),
    ):
        with pytest.raises(TypeError, match=says):
            call()
    weights = torch.from_numpy(np.ones(10, dtype=np.float32))
    assert kd.objectives.weighted_labels(weights).weights.shape == (10,)
