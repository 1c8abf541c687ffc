"""Training: against the loop that everybody would write."""

import copy
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import kdteach
from kdteach import objectives, training
from kdteach.types import Split
from tests.odd import networks, values
from tests.odd.judge import Own
from tests.odd.material import folder, head, image_set, split, table
from tests.odd.measures import labelled, splits, vars_of
from tests.odd.networks import MODEL_NAMES
from tests.odd.sweep import Room, equals, found, nothing, require_equal

ROOM = Room("training")
COUNT = 16
DATA_NAMES = ("data", "split", "train", "images", "image", "labels", "label", "model",
    "training", "validation", "dataset", "DataLoader", "batch")  # fmt: skip


def _refuses(*_: Any) -> Any:
    raise Own("of the caller")


def _good() -> dict[str, Any]:
    return {
        "model": head(), "data": split(COUNT), "objective": objectives.hard_labels(),
        "epochs": 2, "batch_size": 16,
    }  # fmt: skip


def _trained(**arguments: Any) -> dict[str, Any]:
    """What came of it: the losses, and the weights."""
    history = found("kdteach.training.fit")(**arguments)
    return {
        "loss": history.loss, "accuracy": history.accuracy, "rate": history.learning_rate,
        "weights": list(arguments["model"].state_dict().values()),
    }  # fmt: skip


def _by_hand(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Whole batches, Adam, cross-entropy."""
    model, part = head(), split(COUNT)
    optimizer = torch.optim.Adam(model.parameters(),
        lr=float(arguments.get("learning_rate", 1e-3)))  # fmt: skip
    losses = []
    for _ in range(int(arguments["epochs"])):
        loss = F.cross_entropy(model(part.images), part.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    require_equal(tuple(value["loss"]), tuple(losses), rtol=1e-8)
    require_equal(value["weights"], list(model.state_dict().values()), rtol=1e-8)


_BROKEN = ("NaN", "NaN in one row", "infinite")
fit = ROOM.function(
    "kdteach.training.fit", _good, call=_trained, changes=("model",),
    errors=(training.TrainingDivergedError,), rtol=1e-9,
)  # fmt: skip
fit.right("as it is", nothing, _by_hand)
fit.right("an ImageSet", lambda: {"data": image_set(COUNT)}, _by_hand)
fit.right("a rate of NumPy's", lambda: {"learning_rate": np.float32(0.5)}, _by_hand)
fit.right("of 20 digits", lambda: {"batch_size": 10**20}, _by_hand)
for label, make in {
    "under no_grad": torch.no_grad, "in inference mode": torch.inference_mode,
}.items():  # fmt: skip

    def call(make: Callable[[], Any] = make, **arguments: Any) -> Any:
        with make():
            return _trained(**arguments)

    fit.right(f"by hand, {label}", nothing, _by_hand, call=call)
fit.circumstances()
fit.vary("model", [o for o in networks.asked() if o.label not in (
    "frozen", "returns a detached answer", "asks for no gradient",
    "with BatchNorm and dropout",
    "left in eval mode", "without weights", "with weight norm", "with gradients",
    "with a hook",
    "begins in place", "ends in log_softmax", *_BROKEN)], names=MODEL_NAMES)  # fmt: skip
fit.vary("model", [o for o in networks.asked() if o.label in _BROKEN], names=MODEL_NAMES,
         unfinished=True)  # fmt: skip
for label, make in {
    "frozen": lambda: head().requires_grad_(False), "without weights": networks.Mean,
    "returns a detached answer": lambda: networks.Wrapped(lambda z: z.detach(), head()),
    "asks for no gradient": lambda: networks._without_gradient(head()),
    "of inference mode": lambda: _made_in_inference(),
}.items():  # fmt: skip
    fit.refuse(f"model: {label}", lambda m=make: {"model": m()}, names=MODEL_NAMES)


def _made_in_inference() -> nn.Module:
    with torch.inference_mode():
        return head()


fit.right("left in eval mode", lambda: {"model": head().eval()}, _by_hand)
fit.right("begins in place", lambda: {"model": networks.Begins(networks._sub, head())},
          lambda value, _: require_equal(value["loss"], _trained(**{
              **_good(), "model": networks.Begins(lambda x: x - 0.25, head())})["loss"
          ]))  # fmt: skip
for outputs in (1, 2, 9, 12, 20, 50):
    fit.refuse(f"{outputs} outputs", lambda o=outputs: {"model": head(o)},
               names=("outputs", "model", "classes", "labels"))  # fmt: skip
fit.vary("data", [o for o in labelled(COUNT) if o.label not in ("an ImageSet",)],
    names=DATA_NAMES)  # fmt: skip
fit.vary("epochs", values.count(2))
fit.vary("batch_size", values.count(8))
fit.vary("learning_rate", values.number(0.5, lambda x: x > 0))
fit.vary("seed", values.seed())
fit.vary("drop_last", values.switch())
for name in ("optimizer", "schedule"):
    fit.vary(name, values.function())
for name in ("augment", "stop", "on_epoch", "callback"):
    fit.vary(name, values.function(none=True))
fit.vary("clip_norm", values.number(0.5, lambda x: x > 0, none=True))
fit.vary("patience", [o for o in values.count(3, none=True) if o.stands_for is None])
fit.vary("progress", values.switch(on=False, none=True))
fit.vary("checkpoint_every", values.number(60.0, lambda x: x >= 0))
fit.vary("checkpoint", values.path())
fit.right(
    "a checkpoint",
    lambda: {"checkpoint": folder() / "run.pt"},
    _by_hand,
    changes=("model", "checkpoint"),
)
fit.refuse("checkpoint: a folder", lambda: {"checkpoint": folder()})
fit.refuse("checkpoint: in no folder", lambda: {"checkpoint": folder() / "none" / "run.pt"})
for label, content in {"empty": b"", "garbage": bytes(range(256)) * 9,
    "text": b"epoch 3"}.items():  # fmt: skip

    def _file(content: bytes = content) -> dict[str, Any]:
        path = folder() / "run.pt"
        path.write_bytes(content)
        return {"checkpoint": path}

    fit.refuse(f"checkpoint: {label}", _file)
fit.refuse("patience without validation", lambda: {"patience": 1}, names=("patience",))
fit.refuse("validation and monitor", lambda: {"validation": split(8), "monitor": split(8)})
fit.vary("objective", values.function())
for label, make in {
    "a loss of torch": nn.CrossEntropyLoss, "its class": lambda: nn.CrossEntropyLoss,
    "the function itself": lambda: objectives.hard_labels, "a network": head,
    "distil itself": lambda: objectives.distil, "of one argument": lambda: lambda s: 0.0,
    "returns a float": lambda: lambda s, b: 1.0, "returns None": lambda: lambda s, b: None,
    "returns a tuple": lambda: lambda s, b: (s(b.images).mean(), {}),
    "an image each": lambda: lambda s, b: F.cross_entropy(s(b.images), b.labels,
    reduction="none"),
    "detached": lambda: lambda s, b: s(b.images).mean().detach(),
    "NaN": lambda: lambda s, b: s(b.images).mean() * math.nan,
    "raises": lambda: _refuses,
    "logits of other images": lambda: objectives.distil(
        training.teacher_logits(head(), split(COUNT, start=40)), 2.0, 0.5),
    "logits in another order": lambda: objectives.distil(
        training.teacher_logits(head(), _turned(split(COUNT))), 2.0, 0.5),
    "logits of fewer images": lambda: objectives.distil(table(COUNT - 1, 10), 2.0, 0.5),
    "logits of other classes": lambda: objectives.distil(table(COUNT, 12), 2.0, 0.5),
    "logits of NaN": lambda: objectives.distil(table(COUNT, 10) * math.nan, 2.0, 0.5),
    "one row of NaN": lambda: objectives.distil(
        table(COUNT, 10).index_fill(0, torch.tensor([3]), math.nan), 2.0, 0.5),
    "a teacher that is a softmax": lambda: objectives.distil(
        nn.Sequential(head(seed=3), nn.Softmax(1)), 2.0, 0.5),
    "a teacher of one output": lambda: objectives.distil(head(1), 2.0, 0.5),
    "a teacher of other classes": lambda: objectives.distil(head(12), 2.0, 0.5),
    "a teacher that returns a tuple": lambda: objectives.distil(
        networks.Wrapped(lambda z: (z,), head(seed=3)), 2.0, 0.5),
    "a teacher of another size": lambda: objectives.distil(
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 2.0, 0.5),
    "stop after the end": lambda: objectives.distil(table(COUNT, 10), 2.0, 0.5,
    stop_epoch=5),
    "weights of other classes": lambda: objectives.weighted_labels(torch.ones(3)),
    "targets of fewer images": lambda: objectives.soft_labels(table(3, 10).softmax(1)),
    "subclasses that do not fit": lambda: objectives.subclass_labels(3),
}.items():  # fmt: skip
    names = ("objective", "teacher_logits", "teacher", "loss", "logits", "weights",
        "targets",
             "stop_epoch", "classes", "images")  # fmt: skip
    fit.refuse(f"objective: {label}", lambda m=make: {"objective": m()}, names=names,
               unfinished=label in ("NaN", "raises"))  # fmt: skip


def _turned(part: Split) -> Split:
    rows = torch.arange(len(part)).flip(0)
    return Split(part.images[rows], part.labels[rows], part.index, num_classes=10)


def _own_teacher() -> dict[str, Any]:
    model = head()
    return {"model": model, "objective": objectives.distil(model, 2.0, 0.5)}


fit.refuse("objective: the student itself", _own_teacher, names=("teacher", "student"))
for label, rate in {"nan": math.nan, "-1": -1.0, "inf": math.inf, "a word": "slow",
    "None": None,
                    "a list": [1.0], "1j": 1j, "True": True, "10**400": 10**400}.items(
                ):  # fmt: skip
    fit.refuse(f"schedule gives {label}", lambda r=rate: {"schedule": lambda _: r},
               names=("schedule", "schedule(0)"))  # fmt: skip
fit.right("schedule gives numpy.float32", lambda: {"schedule": lambda _: np.float32(1)},
    _by_hand)  # fmt: skip
fit.right("schedule gives a tensor", lambda: {"schedule": lambda _: torch.tensor(1.0)},
    _by_hand)  # fmt: skip
for label, make in {
    "LBFGS": lambda p, r: torch.optim.LBFGS(p, lr=r), "None": lambda p, r: None,
    "a class": lambda p, r: torch.optim.SGD, "a tuple": lambda p,
    r: (torch.optim.SGD(p, lr=r), 1),
    "a schedule of torch": lambda p, r: torch.optim.lr_scheduler.StepLR(torch.optim.SGD(p,
    lr=r), 1),
}.items():  # fmt: skip
    fit.refuse(f"optimizer gives {label}", lambda m=make: {"optimizer": m},
        names=("optimizer",))  # fmt: skip
fit.right("optimizer is torch.optim.Adam", lambda: {"optimizer": torch.optim.Adam},
          lambda value, a: _by_hand(value, {**a}))  # fmt: skip
for label, change in {
    "None": lambda x, g: None, "fewer images": lambda x, g: x[:3], "floats": lambda x,
    g: x.float(),
    "a tuple": lambda x, g: (x, x), "a list": lambda x, g: x.tolist(),
    "another size": lambda x, g: x[..., :4],
    "NaN": lambda x, g: x * math.nan, "of one argument": lambda x: x,
    "raises": _refuses,
}.items():  # fmt: skip
    fit.refuse(f"augment gives {label}", lambda c=change: {"augment": c}, unfinished=True,
               names=("augment", "images", "loss"))  # fmt: skip
fit.right("augment in place", lambda: {"augment": lambda x, g: x.mul_(1.0)}, _by_hand)
fit.right("augment changes nothing", lambda: {"augment": lambda x, g: x}, _by_hand)
fit.right("augment scribbles", lambda: {"augment": lambda x, g: x.zero_()},
          lambda value, _: None)  # fmt: skip
for label, word in {"None": None, "1": 1, "f1": "f1", "1.0": 1.0, "a list": ["accuracy"],
    "loss": "loss"}.items():  # fmt: skip
    fit.refuse(f"keep_best: {label}",
               lambda w=word: {"keep_best": w, "validation": split(8, start=40)}
               )  # fmt: skip
fit.refuse(
    "keep_best without validation", lambda: {"keep_best": True}, names=("keep_best",)
)
for label, kind in {"int8": torch.int8, "a word": "bfloat16", "float64": torch.float64,
    "3": 3,
                    "True": True, "a broken equality": values.Sizeless()}.items(
                ):  # fmt: skip
    fit.refuse(f"precision: {label}", lambda k=kind: {"precision": k})
fit.vary("validation", [o for o in labelled(8) if o.label not in ("None",
    "a list of splits", "labels as int32",
         "labels as floats")],
         names=(*DATA_NAMES, "evaluation"))  # fmt: skip


def _watched(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    _by_hand(value, arguments)
    model, part = head(), split(8)
    losses = training.fit(model, split(COUNT), objectives.hard_labels(), epochs=2,
        batch_size=16)  # fmt: skip
    del losses
    right = (model(part.images).argmax(dim=1) == part.labels).double().mean()
    assert abs(value["accuracy"][-1] - float(right)) < 1e-12, value["accuracy"]


fit.either("validation: a list of one", lambda: {"validation": [split(8)]}, _watched,
    names=("validation",))  # fmt: skip
for kind in (torch.int32, torch.float64):
    fit.either(f"validation: labels as {kind}", lambda k=kind: {"validation": Split(
        **{**vars_of(split(8)), "labels": split(8).labels.to(k)})}, _watched,
        names=("validation", "labels"))  # fmt: skip
fit.right("a validation split", lambda: {"validation": split(8, start=40)}, _by_hand)
for label, stop in {"never": lambda losses: False,
    "NumPy's": lambda losses: np.bool_(False)}.items():  # fmt: skip
    fit.right(f"stop: {label}", lambda s=stop: {"stop": s}, _by_hand)
fit.right("stop at once", lambda: {"stop": lambda losses: True},
          lambda value, _: require_equal(len(value["loss"]), 1))  # fmt: skip

fit.refuse("stop raises", lambda: {"stop": _refuses}, unfinished=True)
fit.refuse("on_epoch raises", lambda: {"on_epoch": _refuses},
           unfinished=True)  # fmt: skip
fit.refuse("no epochs", lambda: {"epochs": 0})
fit.refuse("an unknown option", lambda: {"lr": 0.1})
fit.refuse("drop_last of everything", lambda: {"drop_last": True, "batch_size": 17},
           names=("drop_last",))  # fmt: skip
for label, index in {"twice": [0] * COUNT, "far": [10**12] * COUNT}.items():
    fit.refuse(
        f"stored logits, index {label}",
        lambda i=index: {"data": Split(**{**vars_of(split(COUNT)),
        "index": torch.tensor(i)}),
                         "objective": objectives.distil(training.teacher_logits(head(),
                         split(COUNT)), 2.0, 0.5)},
        names=("index", "teacher_logits"),
    )  # fmt: skip
direct = ROOM.function("kdteach.fit", _good, changes=("model",))
direct.right("the same function", nothing, lambda value, a: require_equal(
        tuple(value.loss), tuple(_trained(**_good())["loss"])))  # fmt: skip
direct.vary("model", networks.no_network(), names=MODEL_NAMES)

# several students


def _many(models: Any, **arguments: Any) -> list[dict[str, Any]]:
    models = list(models) if isinstance(models, Iterator) else models
    histories = found("kdteach.training.fit_many")(models, **arguments)
    return [
        {"loss": h.loss, "weights": dict(m.state_dict())}
        for h, m in zip(histories, models, strict=True)
    ]


def _students(count: int = 3) -> list[nn.Module]:
    return [head(seed=s) for s in range(count)]


fit_many = ROOM.function(
    "kdteach.training.fit_many",
    lambda: {"models": _students(), "data": split(COUNT),
    "objectives": [objectives.hard_labels()] * 3,
             "epochs": 2, "batch_size": 8},
    call=_many, changes=("models",), errors=(training.TrainingDivergedError,), rtol=1e-7,
)  # fmt: skip


def _each_alone(value: list[dict[str, Any]], arguments: dict[str, Any]) -> None:
    seeds = arguments.get("seeds") or range(len(value))
    for number, (mine, seed) in enumerate(zip(value, seeds, strict=True)):
        model = head(seed=number)
        history = found("kdteach.training.fit")(
            model, split(COUNT), objectives.hard_labels(), epochs=2, batch_size=8,
            seed=int(seed)
        )  # fmt: skip
        require_equal(tuple(mine["loss"]), tuple(history.loss), rtol=1e-7)
        require_equal(mine["weights"], dict(model.state_dict()), rtol=1e-6)


fit_many.right("as it is", nothing, _each_alone)
fit_many.right("a tuple", lambda: {"models": tuple(_students())}, _each_alone)
fit_many.right("a generator", lambda: {"models": (m for m in _students())}, _each_alone)
fit_many.right("a ModuleList", lambda: {"models": nn.ModuleList(_students())}, _each_alone)
fit_many.right("objectives from a generator",
               lambda: {"objectives": (objectives.hard_labels() for _ in range(3))},
               _each_alone)  # fmt: skip
fit_many.right("seeds of NumPy's", lambda: {"seeds": [np.int64(s) for s in (5, 6, 7)]},
    _each_alone)  # fmt: skip
fit_many.right("one data set each", lambda: {"data": [split(COUNT)] * 3}, _each_alone)
fit_many.circumstances()
LISTS = ("models", "objectives", "seeds", "data", "model")
for label, models in {
    "empty": list, "one network": head, "None": lambda: None, "3": lambda: 3,
    "a word": lambda: "abc",
    "the same twice": lambda: [head()] * 3, "with None": lambda: [*_students(2), None],
    "other widths": lambda: [*_students(2), head(12)],
    "other dtypes": lambda: [*_students(2), head(kind=torch.float32)],
    "classes": lambda: [nn.Linear] * 3, "too few": lambda: _students(2),
    "functions": lambda: [len] * 3,
    "a dict": lambda: dict(enumerate(_students())), "a shared layer": lambda: _sharing(),
}.items():  # fmt: skip
    fit_many.refuse(f"models: {label}", lambda m=models: {"models": m()}, names=LISTS)


def _sharing() -> list[nn.Module]:
    models = _students()
    models[1][1] = models[0][1]
    return models


for label, wrong in {
    "empty": [], "None": None, "too few": [objectives.hard_labels()], "a word": "abc",
    "one alone": objectives.hard_labels(), "None inside": [None] * 3,
    "losses": [nn.CrossEntropyLoss()] * 3,
}.items():  # fmt: skip
    fit_many.refuse(f"objectives: {label}", lambda w=wrong: {"objectives": w},
                    names=("objectives", "objective"))  # fmt: skip
for label, wrong in {
    "too few": [0], "negative": [-1, 0, 1], "floats": [0.0, 1.0, 2.0], "a number": 3,
    "a word": "012",
    "words": ["0", "1", "2"], "bool": [True, False, True], "None inside": [None] * 3,
    "NaN": [math.nan] * 3,
}.items():  # fmt: skip
    fit_many.refuse(f"seeds: {label}", lambda w=wrong: {"seeds": w},
        names=("seeds", "seed"))  # fmt: skip
for label, make in {
    "None": lambda: None, "too few": lambda: [split(COUNT)],
    "other sizes": lambda: [split(COUNT), split(8), split(8)],
    "a word": lambda: "digits", "tensors": lambda: [table(3, 3)] * 3, "empty list": list,
    "other images": lambda: [split(COUNT), split(COUNT), _narrow(COUNT)],
    "a generator": lambda: (split(COUNT) for _ in range(3)),
}.items():  # fmt: skip
    if label == "a generator":
        fit_many.either("data: a generator", lambda m=make: {"data": m()}, _each_alone,
            names=DATA_NAMES)  # fmt: skip
    else:
        fit_many.refuse(f"data: {label}", lambda m=make: {"data": m()}, names=DATA_NAMES)


def _narrow(count: int) -> Split:
    whole = split(count)
    return Split(whole.images[..., :4], whole.labels, whole.index, num_classes=10)


for label, make in {"an ImageSet": lambda: image_set(8), "too few": lambda: [split(8)],
                    "a word": lambda: "valid", "None inside": lambda: [None] * 3}.items(
                ):  # fmt: skip
    fit_many.refuse(f"validation: {label}", lambda m=make: {"validation": m()},
                    names=DATA_NAMES)  # fmt: skip
fit_many.vary("epochs", values.count(2))
fit_many.vary("batch_size", values.count(8))
fit_many.vary("learning_rate", values.number(0.5, lambda x: x > 0))
fit_many.vary("drop_last", values.switch())
for name in ("optimizer", "schedule"):
    fit_many.vary(name, values.function())
fit_many.vary("clip_norm", values.number(0.5, lambda x: x > 0, none=True))
fit_many.vary("patience", [o for o in values.count(3, none=True) if o.stands_for is None])
fit_many.vary("callback", values.function(none=True))
fit_many.vary("stop", values.function(none=True))
fit_many.vary("checkpoint", values.path())
fit_many.right(
    "a checkpoint",
    lambda: {"checkpoint": folder() / "run.pt"},
    _each_alone,
    changes=("models", "checkpoint"),
)

# teachers' logits

logits = ROOM.function(
    "kdteach.training.teacher_logits", lambda: {"model": head(), "split": split(8)}
)


def _table(value: Tensor, arguments: dict[str, Any]) -> None:
    part = arguments["split"]
    with torch.no_grad():
        wanted = arguments["model"].eval()(part.images.clone())
    require_equal(torch.Tensor.as_subclass(value, Tensor)[part.index], wanted)


logits.right("as it is", nothing, _table)
logits.vary("model", networks.asked(), names=MODEL_NAMES)
logits.vary("split", splits(8, read=True), names=DATA_NAMES)
logits.vary("batch_size", values.count(3))
logits.vary("views", values.function(none=True))
logits.circumstances()


def _indexed(numbers: list[int]) -> Split:
    return Split(**{**vars_of(split(4)), "index": torch.tensor(numbers)})


def _selection(value: Tensor, arguments: dict[str, Any]) -> None:
    _table(value, arguments)
    outside = torch.ones(len(value), dtype=torch.bool)
    outside[arguments["split"].index] = False
    assert bool(torch.isnan(torch.Tensor.as_subclass(value, Tensor)[outside]).all())


logits.right("a selection", lambda: {"split": _indexed([7, 3, 0, 99])}, _selection)
logits.refuse("an index twice", lambda: {"split": _indexed([0, 1, 1, 2])}, names=("index",))
logits.refuse("an index of 10**12", lambda: {"split": _indexed([0, 1, 2, 10**12])},
    names=("index",))  # fmt: skip
logits.refuse("an index of 2**62", lambda: {"split": _indexed([0, 1, 2, 2**62])},
    names=("index",))  # fmt: skip
for label, give in {
    "nothing": lambda x: [], "None": lambda x: None, "a number": lambda x: 3,
    "words": lambda x: ["a"],
    "fewer images": lambda x: [x[:2]], "another size": lambda x: [x[..., :4]],
    "NaN": lambda x: [x * math.nan],
    "of two arguments": lambda x, g: [x], "raises": _refuses,
}.items():  # fmt: skip
    logits.refuse(f"views give {label}", lambda g=give: {"views": g},
        names=("views", "view", "images", "model"))  # fmt: skip
logits.right("two views", lambda: {"views": lambda x: (x, x)}, _table)
logits.right("views in place", lambda: {"views": lambda x: [x.mul_(1.0)]}, _table)

direct = ROOM.function("kdteach.teacher_logits",
    lambda: {"model": head(), "split": split(8)})  # fmt: skip
direct.right("the same function", nothing, _table)
direct.vary("split", splits(8, read=True), names=DATA_NAMES)
direct = ROOM.function(
    "kdteach.fit_many",
    lambda: {"models": _students(2), "data": split(8),
    "objectives": [objectives.hard_labels()] * 2, "epochs": 1},
    changes=("models",), call=lambda models, **a: [h.loss for h
    in found("kdteach.fit_many")(models, **a)],
)  # fmt: skip
direct.right("the same function", nothing, lambda value, _: require_equal(len(value), 2))
direct.refuse("no models", lambda: {"models": []})

# logits that are stored


def _stored(**options: Any) -> Any:
    def call(**arguments: Any) -> Any:
        store = found("kdteach.teacher_logits")(**{**options, **arguments})
        return store.to_tensor()

    return call


into = ROOM.function(
    "kdteach.training.teacher_logits",
    lambda: {"model": head(), "split": split(8), "store": folder() / "teacher"},
    call=_stored(), title="teacher_logits(store)",
    changes=("store",), unfinished=True, also={"store": ("folder", "path")},
    errors=(NotADirectoryError,),
)  # fmt: skip
into.right("as it is", nothing, _table)
into.right("a selection", lambda: {"split": _indexed([7, 3, 0, 99])}, _selection)
into.vary("split", splits(8, read=True), names=DATA_NAMES)
into.vary("model", [o for o in networks.asked() if o.label in _BROKEN or "tuple" in o.label
    or "None" in o.label], names=MODEL_NAMES)  # fmt: skip
into.vary("store", [o for o in values.path() if o.label != "None"])
into.vary("top_k", values.count(3, most=9, none=True))
into.vary("batch_size", values.count(3))
into.vary("progress", values.switch())
into.vary("dtype", [o for o in values.dtype(none=True) if o.stands_for is None])
into.refuse("a file", lambda: {"store": Path(__file__)}, names=("store", "learning.py"))
into.refuse("other files", lambda: {"store": _with_files()}, names=("store",))
into.refuse("an index twice", lambda: {"split": _indexed([0, 1, 1, 2])}, names=("index",))
into.refuse("an index of 10**12", lambda: {"split": _indexed([0, 1, 2, 10**12])},
    names=("index",))  # fmt: skip
for name, value in {"top_k": 3, "dtype": torch.float16}.items():
    logits.refuse(f"{name} without store", lambda n=name, v=value: {n: v},
        names=("store",))  # fmt: skip


def _with_files() -> Path:
    place = folder()
    (place / "mine.txt").write_text("mine")
    return place


def _store(change: Callable[[Path], None] = lambda _: None) -> Path:
    place = folder() / "teacher"
    kdteach.teacher_logits(head(), split(8), store=place)
    change(place)
    return place


opened = ROOM.function(
    "kdteach.training.LogitStore", lambda: {"folder": _store()},
    call=lambda **a: found("kdteach.training.LogitStore")(**a).to_tensor(),
    errors=(NotADirectoryError,),
)  # fmt: skip
opened.right("as it is", nothing, lambda value, _: _table(value,
    {"split": split(8), "model": head()}))  # fmt: skip
opened.vary("folder", values.path())
for label, change in {
    "without about": lambda p: (p / "about.json").unlink(),
    "about: a list": lambda p: (p / "about.json").write_text("[]"),
    "about: a number": lambda p: (p / "about.json").write_text("3"),
    "about: deep": lambda p: (p / "about.json").write_text("[" * 10**5),
    "about: garbage": lambda p: (p / "about.json").write_bytes(b"\xff\xfe"),
    "about: more": lambda p: (p / "about.json").write_text('{"x": 1}'),
    "about: a wrong number": lambda p: _told(p, num_samples=10**12),
    "about: a negative number": lambda p: _told(p, num_samples=-1),
    "about: a word": lambda p: _told(p, num_classes="ten"),
    "about: half a number": lambda p: _told(p, num_classes=2.5),
    "about: another dtype": lambda p: _told(p, dtype="float16"),
    "about: a dtype that is none": lambda p: _told(p, dtype="nn"),
    "about: top_k": lambda p: _told(p, top_k=2),
    "logits: a folder": lambda p: ((p / "logits.npy").unlink(),
        (p / "logits.npy").mkdir()),
    "logits: pickled": lambda p: np.save(p / "logits.npy", np.array([{}], dtype=object),
        allow_pickle=True),
    "logits: other": lambda p: np.save(p / "logits.npy", np.zeros((8, 9))),
}.items():  # fmt: skip
    opened.refuse(label, lambda c=change: {"folder": _store(c)},
        names=("folder", "store", "about.json", "damaged"))  # fmt: skip


def _told(place: Path, **changes: Any) -> None:
    about = json.loads((place / "about.json").read_text())
    (place / "about.json").write_text(json.dumps({**about, **changes}))


looked_up = ROOM.function(
    "kdteach.training.LogitStore", lambda: {"index": torch.tensor([3, 1, 1])},
    call=lambda index: training.LogitStore(_store()).rows(index), title="LogitStore.rows",
)  # fmt: skip
looked_up.right("as it is", nothing, lambda value, a: require_equal(
    value, head()(split(8).images)[a["index"]].detach()))  # fmt: skip
looked_up.vary("index", values.no_tensor(torch.tensor([3, 1, 1])))
for label, index in {"too large": [8], "negative": [-1], "10**15": [10**15]}.items():
    looked_up.refuse(label, lambda i=index: {"index": torch.tensor(i)})
for label, index in {"floats": torch.tensor([1.0]), "bool": torch.tensor([True]),
    "int32": torch.tensor([1]).int(), "()": torch.tensor(1),
    "(1, 1)": torch.tensor([[1]])}.items():  # fmt: skip
    looked_up.refuse(label, lambda i=index: {"index": i})

# a chain of assistants


def _chain() -> dict[str, Any]:
    return {
        "teachers": [training.teacher_logits(head(seed=9), split(COUNT))] * 2,
        "assistants": [_students(2), _students(2)], "data": split(COUNT),
        "temperature": 2.0,
        "alpha": 0.5, "epochs": 1,
    }  # fmt: skip


chain = ROOM.function(
    "kdteach.training.teach_assistants", _chain, changes=("assistants",), rtol=1e-7
)


def _steps(value: list[list[Tensor]], arguments: dict[str, Any],
    live: bool = False) -> None:  # fmt: skip
    told = [head(seed=9)] * 2 if live else _chain()["teachers"]
    for mine in value:
        models = _students(2)
        kdteach.fit_many(models, split(COUNT),
            [objectives.distil(t, 2.0, 0.5) for t in told], epochs=1)  # fmt: skip
        told = [training.teacher_logits(m, split(COUNT)) for m in models]
        for a, b in zip(mine, told, strict=True):
            require_equal(a, b, rtol=1e-7)


chain.right("as it is", nothing, _steps)
chain.right("generators", lambda: {"assistants": (iter(_students(2)) for _ in range(2)),
                                   "teachers": iter(_chain()["teachers"])}, _steps
                               )  # fmt: skip
chain.either("teachers: networks", lambda: {"teachers": [head(seed=9)] * 2},
             lambda value, a: _steps(value, a, live=True), names=("teachers",))  # fmt: skip
chain.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
chain.vary("alpha", values.number(0.5, lambda x: 0 <= x <= 1))
chain.vary("epochs", values.count(1))
for name, wrongs in {
    "teachers": {"None": None, "a table": table(COUNT, 10), "empty": [], "3": 3,
                 "words": ["a", "b"], "too many": [table(COUNT, 10)] * 3,
                 "probabilities": [table(COUNT, 10).softmax(1)] * 2},
    "assistants": {"None": None, "empty": [], "models": _students(2),
    "too few": [_students(1)], "an empty step": [[]],
                   "a word": "ab", "words": [["a", "b"]], "3": 3, "a network": head(),
                   "classes": [[nn.Linear] * 2]},
}.items():  # fmt: skip
    for label, wrong in wrongs.items():
        chain.refuse(f"{name}: {label}", lambda n=name, w=wrong: {n: copy.deepcopy(w)},
                     names=("teachers", "assistants", "teacher_logits", "teacher",
                     "assistants[0]"))  # fmt: skip

# features, rules, rates


def _photograph() -> nn.Module:
    from tests.odd.material import seeded

    return seeded(lambda: kdteach.models.BackboneWithHead(
        nn.Sequential(nn.Conv2d(3, 4, 4), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1),
        nn.Flatten()),
        nn.Linear(4, 10), 0))  # fmt: skip


def _tiles(count: int = 5) -> Split:
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8),
        dtype=np.uint8))  # fmt: skip
    return Split(images, torch.arange(count), torch.arange(count), num_classes=10)


features = ROOM.function(
    "kdteach.training.frozen_features", lambda: {"model": _photograph(), "split": _tiles()}
)


def _seen(value: Split, arguments: dict[str, Any]) -> None:
    with torch.no_grad():
        wanted = arguments["model"].eval().features(arguments["split"].images)
    require_equal(value.images[:, :, 0, 0], wanted)
    require_equal((value.labels, value.index),
        (arguments["split"].labels, arguments["split"].index))  # fmt: skip


features.right("as it is", nothing, _seen)
features.vary("model", networks.no_network())
features.refuse("another network", lambda: {"model": head()})
features.vary(
    "split",
    [o for o in splits(5) if "float16" not in o.label and o.stands_for is None],
    names=DATA_NAMES,
)
features.vary("batch_size", values.count(2))
features.circumstances()

plateau = ROOM.function(
    "kdteach.training.plateau", lambda: {"threshold": 0.5},
    call=lambda threshold: [
        found("kdteach.training.plateau")(threshold)(losses)
        for losses in ([], [1.0], [1.0, 0.4], [1.0, 0.6], [0.6, 1.0], [3.0, 2.0, 1.9])
    ],
)  # fmt: skip
plateau.right("as it is", nothing, equals([False, False, False, True, True, True]))
plateau.vary("threshold", values.number(0.5, lambda x: x > 0))
plateau.circumstances()
decayed = ROOM.function(
    "kdteach.training.adamw", lambda: {"weight_decay": 0.5},
    call=lambda weight_decay: found("kdteach.training.adamw")(weight_decay)(
        [nn.Parameter(torch.ones(2))], 0.1).param_groups[0]["weight_decay"],
)  # fmt: skip
decayed.right("as it is", nothing, equals(0.5))
decayed.vary("weight_decay", values.number(0.5, lambda x: x > 0))
_NET = nn.Linear(2, 2)
with_momentum = ROOM.function(
    "kdteach.training.sgd", lambda: {"momentum": 0.5, "weight_decay": 0.25},
    call=lambda **a: {k: v for k, v in found("kdteach.training.sgd")(**a)(
        [nn.Parameter(torch.ones(2))], 0.1).param_groups[0].items() if k in (
        "momentum", "weight_decay", "nesterov", "lr")},
)  # fmt: skip
with_momentum.right("as it is", nothing, equals(
    {"momentum": 0.5, "weight_decay": 0.25, "nesterov": True, "lr": 0.1}))  # fmt: skip
with_momentum.vary("momentum", values.number(0.5, lambda x: 0 <= x < 1))
with_momentum.vary("weight_decay", values.number(0.25, lambda x: x >= 0))
with_momentum.vary("nesterov", values.switch())
grouped = ROOM.function(
    "kdteach.training.decay_groups", lambda: {"model": _NET, "weight_decay": 0.5},
    call=lambda **a: [(g["weight_decay"], len(g["params"]))
        for g in found("kdteach.training.decay_groups")(**a)],
)  # fmt: skip
grouped.right("as it is", nothing, equals([(0.5, 1), (0.0, 1)]))
grouped.vary("model", networks.no_network())
grouped.vary("weight_decay", values.number(0.5, lambda x: x >= 0))
for each, wrongs in ((grouped, {"a word that fits none": "embed"}),
                     (decayed, {}), (with_momentum, {})):  # fmt: skip
    for label, wrong in {**wrongs, "3": 3, "words and numbers": ["bias", 3],
        "an empty word": ("",), "bytes": b"bias", "a dict": {"bias": 1},
        "a class": str}.items():  # fmt: skip
        each.refuse(f"no_decay: {label}", lambda w=wrong: {"no_decay": w})
for label, words, wanted in (
    ("a word", "bias", [(0.5, 1), (0.0, 1)]), ("none", (), [(0.5, 2)]),
    ("both", ["weight", "bias"], [(0.0, 2)]),
    ("a function", lambda name: name == "weight", [(0.5, 1), (0.0, 1)]),
):  # fmt: skip
    grouped.right(f"no_decay: {label}", lambda w=words: {"no_decay": w}, equals(wanted))
named = ROOM.function(
    "kdteach.training.by_name", lambda: {"factory": lambda n, r: torch.optim.SGD(n, lr=r)},
    call=lambda factory: found("kdteach.training.by_name")(factory)(
        [("a", nn.Parameter(torch.ones(2)))], 0.5).param_groups[0]["lr"],
)  # fmt: skip
named.right("as it is", nothing, equals(0.5))
named.vary("factory", values.function())
for path in ("kdteach.training.torch_schedule", "kdteach.training.TorchSchedule"):
    scheduled = ROOM.function(
        path, lambda: {"factory": lambda o: torch.optim.lr_scheduler.StepLR(o, 2)},
        call=lambda path=path, **a: found(path)(**a).per,
    )  # fmt: skip
    scheduled.right("as it is", nothing, equals("epoch"))
    scheduled.vary("factory", values.function())
    scheduled.vary("per", values.choice("epoch"))
for name in ("adam", "sgd_momentum"):
    made = ROOM.function(
        f"kdteach.training.{name}", lambda: {"parameters": [nn.Parameter(torch.ones(2))],
        "learning_rate": 0.5},
        call=lambda name=name, **a: type(found(f"kdteach.training.{name}")(**a)).__name__,
    )  # fmt: skip
    made.right("as it is", nothing, equals({"adam": "Adam", "sgd_momentum": "SGD"}[name]))
cosine = ROOM.function("kdteach.training.cosine", lambda: {"progress": 0.0})
for progress, wanted in ((0, 1.0), (0.5, 0.5), (1, 0.0), (0.25, 0.5 + 0.5**1.5)):
    cosine.right(f"at {progress}", lambda p=progress: {"progress": p}, equals(wanted, 1e-9))
constant = ROOM.function("kdteach.training.constant", lambda: {"_": 0.3})
constant.right("as it is", nothing, equals(1.0))
stackable = ROOM.function("kdteach.training.can_stack", lambda: {"model": head()})
for label, make, wanted in (
    ("as it is", head, True), ("frozen", lambda: head().requires_grad_(False), False),
    ("BatchNorm and dropout", lambda: networks.Normed(head(), torch.float64), False),
    ("a hook", lambda: networks._hooked(head)(), False),
):  # fmt: skip
    stackable.right(label, lambda m=make: {"model": m()}, equals(wanted))
sized = ROOM.function("kdteach.training.stack_size", lambda: {"model": head(), "count": 10})
sized.right("as it is", nothing, equals(10))
sized.right("large", lambda: {"model": head(5000)}, lambda value,
    _: require_equal(1 <= value <= 2, True))  # fmt: skip
for each in (stackable, sized):
    each.vary("model", networks.no_network())
sized.vary("count", values.count(10))
