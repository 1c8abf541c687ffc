"""Cohorts: against a loop of one's own."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from kdteach import objectives, training
from tests.odd import networks, values
from tests.odd.judge import Own
from tests.odd.material import head, image_set, split
from tests.odd.measures import labelled
from tests.odd.sweep import Room, found, nothing, require_equal

ROOM = Room("training")
COUNT = 16


def _good() -> dict[str, Any]:
    return {
        "models": [head(), head(seed=5)], "data": split(COUNT),
        "objective": objectives.mutual(), "epochs": 2, "batch_size": 16,
    }  # fmt: skip


def _trained(**arguments: Any) -> dict[str, Any]:
    histories = found("kdteach.training.fit_cohort")(**arguments)
    return {
        "loss": [h.loss for h in histories], "accuracy": [h.accuracy for h in histories],
        "weights": [list(m.state_dict().values()) for m in arguments["models"]],
    }  # fmt: skip


def _by_hand(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Whole batches, Adam, labels and the other's predictions."""
    models, part = [head(), head(seed=5)], split(COUNT)
    weights = [p for m in models for p in m.parameters()]
    optimizer = torch.optim.Adam(weights, lr=float(arguments.get("learning_rate", 1e-3)))
    losses: list[list[float]] = [[], []]
    for _ in range(int(arguments["epochs"])):
        logits = [model(part.images) for model in models]
        optimizer.zero_grad()
        for k in (0, 1):
            other = logits[1 - k].detach().softmax(1)
            soft = F.kl_div(logits[k].log_softmax(1), other, reduction="batchmean")
            loss = F.cross_entropy(logits[k], part.labels) + soft
            loss.backward()
            losses[k].append(float(loss.detach()))
        optimizer.step()
    require_equal([tuple(each) for each in value["loss"]], [tuple(each) for each in losses],
                  rtol=1e-8)  # fmt: skip
    require_equal(value["weights"], [list(m.state_dict().values()) for m in models],
                  rtol=1e-8)  # fmt: skip


NAMES = ("models", "model", "network", "weight", "weights", "layer")
cohort = ROOM.function(
    "kdteach.training.fit_cohort", _good, call=_trained, changes=("models",),
    errors=(training.TrainingDivergedError,), rtol=1e-9,
    also={"models": NAMES, "data": ("split", "images", "labels", "models", "training")},
)  # fmt: skip
cohort.right("as it is", nothing, _by_hand)
cohort.right("in eval mode", lambda: {"models": [head().eval(), head(seed=5)]}, _by_hand)
cohort.right("begins in place", lambda: {"models": [
    networks.Begins(lambda x: x.sub_(0.0), head()), head(seed=5)]}, _by_hand)  # fmt: skip
cohort.right("a watched split", lambda: {"validation": split(8, start=40)}, _by_hand)
cohort.circumstances()
cohort.vary("models", values.refused(
    ("None", lambda: None), ("empty", list), ("a network", head),
    ("a word", lambda: "fc-6"),
    ("one", lambda: [head()]), ("words", lambda: ["fc-6", "fc-6"]), ("3", lambda: 3),
    ("classes", lambda: [nn.Linear, nn.Linear]),
    ("None among them", lambda: [head(), None]), ("twice the same", lambda: [head()] * 2),
    ("other classes", lambda: [head(), head(12)]),
    ("fewer classes", lambda: [head(), head(3)]),
    ("a softmax", lambda: [head(), nn.Sequential(head(), nn.Softmax(1))]),
    ("float32", lambda: [head(), head(kind=torch.float32)]),
    ("frozen", lambda: [head(), head().requires_grad_(False)]),
    ("a broken repr", lambda: [head(), values.Unprintable()]),
), unfinished=True)  # fmt: skip
cohort.right("an ImageSet", lambda: {"data": image_set(COUNT)}, _by_hand)
cohort.vary("data", [o for o in labelled(COUNT) if o.stands_for is None and o.label !=
            "an ImageSet"])  # fmt: skip
cohort.vary("epochs", values.count(2))
cohort.vary("batch_size", values.count(8))
cohort.vary("learning_rate", values.number(0.5, lambda x: x > 0))
cohort.vary("seed", values.seed())
cohort.vary("drop_last", values.switch())
cohort.vary("objective", values.function())
for label, make in {
    "the function itself": lambda: objectives.mutual, "says a word": lambda m, b: "loss",
    "one loss too many": lambda m, b: [_loss(m[0], b)] * 3,
    "without a gradient": lambda m, b: torch.ones(2),
    "of each image": lambda m, b: m[0](b.images).square(),
    "a loss of torch": nn.CrossEntropyLoss,
}.items():  # fmt: skip
    plain = label in ("the function itself", "a loss of torch")
    cohort.refuse(f"objective: {label}", lambda v=make, p=plain: {"objective": v() if p
                  else v}, names=("objective", "loss"), unfinished=True)  # fmt: skip


def _loss(model: nn.Module, batch: Any) -> torch.Tensor:
    return F.cross_entropy(model(batch.images), batch.labels)


def _raises(*_: Any) -> Any:
    raise Own("of the caller")


cohort.refuse("objective raises", lambda: {"objective": _raises}, unfinished=True)
cohort.refuse("on_epoch raises", lambda: {"on_epoch": _raises}, unfinished=True)
cohort.refuse("keep_best of nothing", lambda: {"keep_best": True}, names=("keep_best",))
cohort.refuse("an unknown option", lambda: {"lr": 0.1})
