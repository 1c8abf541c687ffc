"""Objectives that compose, and those of features: against sums and losses by hand."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdteach import losses, objectives
from kdteach.types import Batch
from tests.odd import networks, values
from tests.odd.material import head, split
from tests.odd.sweep import Check, Function, Room, found, nothing

ROOM = Room("objectives")
COUNT = 8
WORDS = ("members", "weighted", "weight", "weights", "objective")


def _batch() -> Batch:
    part = split(COUNT)
    return Batch(part.images, part.labels, part.index)


def _logits(seed: int = 0) -> Tensor:
    return head(seed=seed)(split(COUNT).images).detach()


def _hard() -> float:
    return float(F.cross_entropy(_logits(), split(COUNT).labels))


def _near(wanted: Any) -> Check:
    def check(value: float, arguments: dict[str, Any]) -> None:
        number = float(wanted(arguments))
        assert math.isclose(value, number, rel_tol=1e-9), f"{value}, not {number}"

    return check


# sums


def _summed(members: Any) -> float:
    goal = found("kdteach.objectives.weighted")(*members)
    return float(goal(head(), _batch()).total.detach())


def _square(student: nn.Module, batch: Batch) -> Tensor:
    return student(batch.images).square().mean()


HARD = objectives.hard_labels()
weighted = ROOM.function(
    "kdteach.objectives.weighted", lambda: {"members": [(0.25, HARD), (2, HARD)]},
    call=_summed, also={"members": WORDS},
)  # fmt: skip
weighted.right("as it is", nothing, _near(lambda a: 2.25 * _hard()))
weighted.right("one", lambda: {"members": [(3, HARD)]}, _near(lambda a: 3 * _hard()))
weighted.right("lists", lambda: {"members": [[3, HARD]]}, _near(lambda a: 3 * _hard()))
weighted.right("NumPy's", lambda: {"members": [(np.float32(3), HARD)]},
               _near(lambda a: 3 * _hard()))  # fmt: skip
weighted.right("one of weight 0", lambda: {"members": [(3, HARD), (0, _square)]},
               _near(lambda a: 3 * _hard()))  # fmt: skip
weighted.right("ones own", lambda: {"members": [(1, HARD), (0.5, _square)]},
               _near(lambda a: _hard() + 0.5 * float(_logits().square().mean()))
               )  # fmt: skip
weighted.right("nested", lambda: {"members": [(2, objectives.weighted((1, HARD),
               (0.5, _square)))]},
               _near(lambda a: 2 * _hard() + float(_logits().square().mean())))  # fmt: skip
weighted.circumstances()
weighted.vary("members", values.refused(
    ("empty", list), ("all zero", lambda: [(0, HARD), (0, HARD)]),
    ("no pair", lambda: [HARD]), ("a triple", lambda: [(1, HARD, 1)]),
    ("turned", lambda: [(HARD, 1)]), ("a list in it", lambda: [[(1, HARD)]]),
    ("a loss of torch", lambda: [(1, nn.CrossEntropyLoss())]),
    ("the function", lambda: [(1, objectives.hard_labels)]),
    ("None", lambda: [(1, None)]), ("a word", lambda: [(1, "hard")]),
    ("two readings", lambda: [(1, HARD), (1, objectives.subclass_labels(5))]),
    ("a broken repr", lambda: [(1, values.Unprintable())]),
    ("a broken repr as member", lambda: [values.Unprintable()]),
    ("None as member", lambda: [None]), ("a dict", lambda: [{1: HARD}]),
))  # fmt: skip
for odd in values.number(0.5, lambda x: x >= 0):
    if odd.stands_for is None:
        weighted.refuse(f"a weight: {odd.label}",
                        lambda o=odd: {"members": [(o.make(), HARD), (1, HARD)]},
                        common=True)  # fmt: skip

# features: the layer 1 of a head is its logits

PAIR = {"1": "1"}


def _asked(path: str, **arguments: Any) -> float:
    goal = found(path)(**arguments)
    student = head()
    goal.prepare(student, split(COUNT).images)
    for weight in goal.parameters():
        weight.data.copy_(torch.eye(10) if weight.ndim == 2 else weight * 0)
    return float(goal(student, _batch()).total.detach())


def _features(name: str, wanted: Any, **more: Any) -> Function:
    path = f"kdteach.objectives.{name}"
    made = ROOM.function(
        path, lambda: {"teacher": head(seed=5), "layers": dict(PAIR), **more},
        call=lambda **a: _asked(path, **a), also={"layers": ("layer", "layers")},
    )  # fmt: skip
    made.right("as it is", nothing, _near(lambda a: wanted(_logits(), _logits(5))))
    made.right("a float32 teacher", lambda: {"teacher": head(seed=5, kind=torch.float32)},
               lambda value, a: _close(value, wanted(_logits(), _logits(5))))  # fmt: skip
    made.right("begins in place", lambda: {"teacher": nn.Sequential(*head(seed=5)),
               "teacher_input": lambda x: x.mul_(1.0)},
               _near(lambda a: wanted(_logits(), _logits(5))))  # fmt: skip
    made.circumstances()
    made.vary("teacher", networks.no_network())
    made.vary("layers", values.refused(
        ("None", lambda: None), ("a word", lambda: "1"), ("a list", lambda: ["1"]),
        ("empty", dict), ("numbers", lambda: {1: 1}), ("a layer", lambda: {"1": head()[1]}),
        ("another of the teacher", lambda: {"1": "2"}),
        ("another of the student", lambda: {"2": "1"}), ("no name", lambda: {"1": ""}),
        ("a tensor", lambda: torch.zeros(2)), ("pairs", lambda: [("1", "1")]),
        ("a broken repr", lambda: {"1": values.Unprintable()}),
        ("a broken equality", lambda: {"1": values.Sizeless()}),
    ))  # fmt: skip
    made.vary("teacher_input", values.function(none=True))
    return made


def _close(value: float, wanted: Tensor) -> None:
    assert math.isclose(value, float(wanted), rel_tol=1e-4), f"{value}, not {wanted}"


general = _features("feature_objective", losses.hint_loss, loss=losses.hint_loss)
general.vary("loss", values.function())
general.vary("weight", values.number(0.5, lambda x: x >= 0))
general.vary("regress", values.switch())
general.vary("seed", values.seed())
general.refuse("a loss of torch's shape", lambda: {"loss": lambda a, b: a - b},
               names=("loss",))  # fmt: skip
hint = _features("hints", losses.hint_loss)
hint.vary("loss", values.function())
hint.vary("weight", values.number(0.5, lambda x: x >= 0))
hint.vary("seed", values.seed())
maps = ROOM.function(
    "kdteach.objectives.attention",
    lambda: {"teacher": _with_maps(5), "layers": {"0": "0"}},
    call=lambda **a: _attended(**a), also={"layers": ("layer", "layers")},
)  # fmt: skip


def _with_maps(seed: int) -> nn.Module:
    numbers = np.random.default_rng(seed).normal(0, 1, (2, 1, 3, 3))
    with torch.random.fork_rng():
        conv = nn.Conv2d(1, 2, 3, bias=False, dtype=torch.float64)
        rest = nn.Linear(72, 10, dtype=torch.float64)
    conv.weight.data.copy_(torch.from_numpy(numbers))
    return nn.Sequential(conv, nn.Flatten(), rest)


def _attended(**arguments: Any) -> float:
    goal = found("kdteach.objectives.attention")(**arguments)
    student = _with_maps(0)
    goal.prepare(student, split(COUNT).images)
    return float(goal(student, _batch()).total.detach())


def _maps(seed: int) -> Tensor:
    return _with_maps(seed)[0](split(COUNT).images).detach()


maps.right("as it is", nothing,
           _near(lambda a: losses.attention_loss(_maps(0), _maps(5))))  # fmt: skip
maps.circumstances()
maps.vary("weight", values.number(0.5, lambda x: x >= 0))
maps.refuse("vectors", lambda: {"layers": {"1": "1"}})
maps.vary("teacher", networks.no_network())
alike = _features("similarity", losses.similarity_loss)
alike.vary("weight", values.number(0.5, lambda x: x >= 0))
relations = _features(
    "relational",
    lambda s, t: (
        25 * losses.relational_distance_loss(s, t) + 50 * losses.relational_angle_loss(s, t)
    ),
)
for name in ("distance", "angle"):
    relations.vary(name, values.number(0.5, lambda x: x >= 0))
relations.right("distances alone", lambda: {"angle": 0},
    _near(lambda a: 25 * losses.relational_distance_loss(_logits(), _logits(5)))
    )  # fmt: skip
relations.refuse("neither", lambda: {"angle": 0, "distance": 0}, names=("distance",))

flows = ROOM.function(
    "kdteach.objectives.flow",
    lambda: {"teacher": _two_maps(5), "layers": {("0", "1"): ("0", "1")}},
    call=lambda **a: _flowed(**a), also={"layers": ("layer", "layers")},
)  # fmt: skip


def _two_maps(seed: int) -> nn.Module:
    first = _with_maps(seed)[0]
    return nn.Sequential(first, nn.AvgPool2d(2), nn.Flatten())


def _flowed(**arguments: Any) -> float:
    goal = found("kdteach.objectives.flow")(**arguments)
    student = _two_maps(0)
    goal.prepare(student, split(COUNT).images)
    return float(goal(student, _batch()).total.detach())


def _flow(arguments: dict[str, Any]) -> Tensor:
    ends = [(m, F.avg_pool2d(m, 2)) for m in (_maps(0), _maps(5))]
    return losses.fsp_loss(*ends[0], *ends[1])


flows.right("as it is", nothing, _near(_flow))
flows.circumstances()
flows.vary("weight", values.number(0.5, lambda x: x >= 0))
flows.vary("regress", values.switch())
flows.vary("seed", values.seed())
flows.vary("teacher", networks.no_network())
flows.vary("teacher_input", values.function(none=True))
flows.vary("layers", values.refused(
    ("None", lambda: None), ("a word", lambda: "1"), ("a list", lambda: ["0", "1"]),
    ("empty", dict), ("single layers", lambda: {"0": "0"}), ("words", lambda: {"01": "01"}),
    ("three", lambda: {("0", "1", "2"): ("0", "1", "2")}),
    ("numbers", lambda: {(0, 1): (0, 1)}), ("vectors", lambda: {("0", "2"): ("0", "1")}),
    ("unknown", lambda: {("0", "1"): ("0", "9")}),
    ("unknown to the student", lambda: {("0", "9"): ("0", "1")}),
))  # fmt: skip

# mutual learning


def _mutual(**arguments: Any) -> list[float]:
    goal = found("kdteach.objectives.mutual")(**arguments)
    return [float(t.total.detach()) for t in goal([head(), head(seed=5)], _batch())]


def _by_hand(value: list[float], arguments: dict[str, Any]) -> None:
    T, alpha = arguments.get("temperature", 1.0), arguments.get("alpha")
    logits = [_logits(0), _logits(5)]
    for k in (0, 1):
        q, p = logits[k] / T, logits[1 - k] / T
        soft = F.kl_div(q.log_softmax(1), p.softmax(1), reduction="batchmean") * T**2
        hard = F.cross_entropy(logits[k], split(COUNT).labels)
        total = soft + hard if alpha is None else alpha * soft + (1 - alpha) * hard
        assert math.isclose(value[k], float(total), rel_tol=1e-8), (value, total)


mutual = ROOM.function("kdteach.objectives.mutual", lambda: {"temperature": 2.0},
    call=_mutual)  # fmt: skip
mutual.right("as it is", nothing, _by_hand)
mutual.right("weighed", lambda: {"alpha": 0.25}, _by_hand)
mutual.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
mutual.vary("alpha", values.number(0.25, lambda x: 0 <= x <= 1, none=True))
mutual.circumstances()

# the hard term of a distilled student

sharp = ROOM.function(
    "kdteach.objectives.subclass_labels", lambda: {"num_classes": 5},
    call=lambda **a: found("kdteach.objectives.subclass_labels")(**a),
)  # fmt: skip
for T in (1e-7, 1e-30):
    sharp.refuse(f"tau = {T:g}", lambda t=T: {"temperature": t}, names=("temperature",))


def _hard_labels(**arguments: Any) -> float:
    goal = found("kdteach.objectives.hard_labels")(**arguments)
    return float(goal(head(), _batch()).total.detach())


def _by_torch(value: float, arguments: dict[str, Any]) -> None:
    weights = arguments.get("class_weights")
    wanted = F.cross_entropy(
        _logits(), split(COUNT).labels,
        weight=None if weights is None else weights.double(),
        label_smoothing=float(arguments.get("smoothing", 0)),
    )  # fmt: skip
    assert math.isclose(value, float(wanted), rel_tol=1e-9), (value, wanted)


BALANCE = torch.linspace(0.5, 2.0, 10, dtype=torch.float64)
labels = ROOM.function("kdteach.objectives.hard_labels", lambda: {"smoothing": 0.25},
    call=_hard_labels, title="hard_labels with options")  # fmt: skip
labels.right("smoothed", nothing, _by_torch)
labels.right("both", lambda: {"class_weights": BALANCE.clone()}, _by_torch)
labels.right("weights", lambda: {"class_weights": BALANCE.float(), "smoothing": 0},
             _by_torch)  # fmt: skip
labels.vary("smoothing", values.number(0.25, lambda x: 0 <= x < 1))
labels.vary("class_weights", [o for o in values.no_tensor(BALANCE) if o.label != "None"])
labels.vary("class_weights", values.refused(
    ("zero", lambda: BALANCE * 0), ("negative", lambda: -BALANCE),
    ("NaN", lambda: BALANCE * math.nan), ("integers", lambda: torch.arange(1, 11)),
    ("()", lambda: BALANCE[0]), ("a column", lambda: BALANCE[:, None]),
))  # fmt: skip
with_hard = ROOM.function(
    "kdteach.objectives.distil",
    lambda: {"hard": objectives.hard_labels(smoothing=0.25)},
    call=lambda hard: float(
        found("kdteach.objectives.distil")(_logits(5), 2.0, 0.0, hard=hard)(
            head(), _batch()
        ).total.detach()
    ),
    title="distil with another hard term",
)
with_hard.right("smoothed", nothing, _near(lambda a: F.cross_entropy(
    _logits(), split(COUNT).labels, label_smoothing=0.25)))  # fmt: skip
with_hard.vary("hard", values.refused(
    ("a word", lambda: "smoothing"), ("a number", lambda: 0.1),
    ("the function", lambda: objectives.hard_labels),
    ("a function", lambda: _square), ("a loss of torch", nn.CrossEntropyLoss),
    ("distil", lambda: objectives.distil(_logits(5), 2.0, 0.5)),
    ("weights", lambda: BALANCE), ("a broken repr", values.Unprintable),
))  # fmt: skip
seen = ROOM.function(
    "kdteach.objectives.distil",
    lambda: {"teacher": head(seed=5), "teacher_input": lambda x: x * 2},
    call=lambda teacher, teacher_input: float(
        found("kdteach.objectives.distil")(teacher, 2.0, 1.0, teacher_input=teacher_input)(
            head(), _batch()
        ).total.detach()
    ),
    title="distil with another input of the teacher",
    also={"teacher": ("teacher_logits", "teacher_input")},
)


def _seen(a: dict[str, Any]) -> Tensor:
    logits = head(seed=5)(a["teacher_input"](split(COUNT).images)).detach()
    return losses.distillation_loss(_logits(), logits, 2.0)


seen.right("as it is", nothing, _near(_seen))
seen.right("in place", lambda: {"teacher_input": lambda x: x.mul_(2)},
           _near(lambda a: _seen({"teacher_input": lambda x: x * 2})))  # fmt: skip
seen.vary("teacher_input", values.function(none=True))
seen.vary("teacher_input", values.refused(
    ("no tensor", lambda: lambda x: None), ("fewer", lambda: lambda x: x[:1]),
    ("a number", lambda: lambda x: 3),
))  # fmt: skip
seen.refuse("of stored logits", lambda: {"teacher": _logits(5)})
