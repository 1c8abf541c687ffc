"""Objectives: their terms against torch's own losses, their refusals in training."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import kdteach
from kdteach.types import Batch, LossTerms
from tests.odd import networks, values
from tests.odd.material import head, split, table
from tests.odd.sweep import Check, Function, Room, found, nothing, require_equal

ROOM = Room("objectives")
COUNT = 12
TEACHER = table(COUNT, 10, seed=8)


def _terms(objective: Any, epoch: int = 0) -> LossTerms:
    part = split(COUNT)
    return objective(head(), Batch(part.images, part.labels, part.index, epoch))


def _logits() -> Tensor:
    return head()(split(COUNT).images).detach()


def _objective(name: str, good: dict[str, Any], **options: Any) -> Function:
    """Made, and asked about a batch."""
    path = f"kdteach.objectives.{name}"
    return ROOM.function(
        path, lambda: {k: v.clone() if isinstance(v, Tensor) else v for k,
        v in good.items()},
        call=lambda **a: float(_terms(found(path)(**a)).total), **options,
    )  # fmt: skip


def _is(wanted: Any) -> Check:
    def check(value: float, arguments: dict[str, Any]) -> None:
        number = float(wanted(**arguments))
        assert math.isclose(value, number, rel_tol=1e-9), f"{value}, not {number}"

    return check


def _soft(teacher: Tensor, T: float) -> Tensor:
    q = F.log_softmax(_logits() / T, dim=1)
    return T**2 * F.kl_div(q, F.softmax(teacher / T, dim=1), reduction="batchmean")


def _hard() -> Tensor:
    return F.cross_entropy(_logits(), split(COUNT).labels)


hard = _objective("hard_labels", {})
hard.right("as it is", nothing, _is(lambda: _hard()))
hard.circumstances()

smoothed = _objective("smoothed_labels", {"smoothing": 0.25})


def _smooth(smoothing: float) -> Tensor:
    return F.cross_entropy(_logits(), split(COUNT).labels, label_smoothing=float(smoothing))


smoothed.vary("smoothing", values.number(0.25, lambda x: 0 <= x < 1))
for epsilon in (0, 0.0, 0.1, 0.999, np.float32(0.25)):
    smoothed.right(f"{epsilon!r}", lambda e=epsilon: {"smoothing": e}, _is(_smooth))
smoothed.circumstances()

WEIGHTS = torch.linspace(0.5, 2.0, 10, dtype=torch.float64)
weighted = _objective("weighted_labels", {"weights": WEIGHTS})


def _weigh(weights: Tensor) -> Tensor:
    return F.cross_entropy(_logits(), split(COUNT).labels, weight=weights.double())


weighted.right("as it is", nothing, _is(_weigh))
weighted.right("times a million", lambda: {"weights": WEIGHTS * 1e6}, _is(_weigh))
weighted.right("float32", lambda: {"weights": WEIGHTS.float()}, _is(_weigh))
weighted.right("half", lambda: {"weights": WEIGHTS.half()}, _is(_weigh))
weighted.vary("weights", [o for o in values.no_tensor(WEIGHTS)])
weighted.vary("weights", values.layouts(WEIGHTS))
weighted.vary("weights", values.refused(
    ("zero", lambda: WEIGHTS * 0), ("one zero", lambda: WEIGHTS - 0.5),
    ("negative", lambda: -WEIGHTS),
    ("NaN", lambda: WEIGHTS * math.nan), ("infinite", lambda: WEIGHTS / 0),
    ("integers", lambda: torch.arange(1, 11)), ("bool", lambda: WEIGHTS > 1),
    ("()", lambda: WEIGHTS[0]),
    ("a column", lambda: WEIGHTS[:, None]), ("a row", lambda: WEIGHTS[None]),
    ("empty", lambda: WEIGHTS[:0]),
    ("complex", lambda: WEIGHTS.to(torch.complex64)),
    ("float8", lambda: WEIGHTS.float().to(torch.float8_e4m3fn)),
    ("quantised", lambda: values._quantised(WEIGHTS)),
))  # fmt: skip
weighted.circumstances()

SHARES = table(COUNT, 10, seed=9).softmax(dim=1)
soft = _objective("soft_labels", {"targets": SHARES})


def _shares(targets: Tensor) -> Tensor:
    return F.cross_entropy(_logits(), targets.double())


soft.right("as it is", nothing, _is(_shares))
soft.right("certain", lambda: {"targets": F.one_hot(split(COUNT).labels, 10).double()},
           _is(lambda targets: _hard()))  # fmt: skip
soft.vary("targets", [o for o in values.logits(SHARES)])
soft.vary("targets", values.refused(
    ("logits", lambda: TEACHER), ("percent", lambda: SHARES * 100),
    ("votes", lambda: (SHARES * 7).round()),
    ("negative", lambda: SHARES - 0.2), ("one sum is 2",
    lambda: torch.cat([SHARES[:-1], 2 * SHARES[-1:]])),
))  # fmt: skip
soft.circumstances()

subclass = ROOM.function(
    "kdteach.objectives.subclass_labels", lambda: {"num_classes": 5, "beta": 0.5,
    "temperature": 2.0},
    call=lambda **a: float(_apart(found("kdteach.objectives.subclass_labels")(**a))),
    also={"num_classes": ("classes",)},
)  # fmt: skip


def _apart(objective: Any) -> Tensor:
    part = split(COUNT)
    return objective(head(), Batch(part.images, part.labels % 5, part.index)).total


def _parts(num_classes: int, beta: float, temperature: float) -> Tensor:
    z, n = _logits(), COUNT
    chances = z.softmax(dim=1).reshape(n, num_classes, -1).sum(dim=2)
    hard_ = F.nll_loss(chances.log(), split(n).labels % 5)
    normal = (z - z.mean(1, keepdim=True)) / (z.var(1, correction=0,
        keepdim=True) + 1e-9).sqrt()  # fmt: skip
    c = normal @ normal.T / z.shape[1] / temperature
    return hard_ + beta * (c.logsumexp(1).mean() - 1 / temperature - math.log(n))


subclass.right("as it is", nothing, _is(_parts))
subclass.right("beta = 0", lambda: {"beta": 0}, _is(_parts))
subclass.vary("num_classes", values.count(5))
subclass.vary("beta", values.number(0.5, lambda x: x >= 0))
subclass.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
subclass.circumstances()

# with a teacher

distil = _objective(
    "distil", {"teacher_logits": TEACHER, "temperature": 2.0, "alpha": 0.25},
    also={"teacher_logits": ("teacher", "logits")},
)  # fmt: skip


def _both(teacher_logits: Tensor, temperature: float, alpha: float) -> Tensor:
    return alpha * _soft(teacher_logits.double(), temperature) + (1 - alpha) * _hard()


distil.right("as it is", nothing, _is(_both))
for alpha in (0, 1, 0.5):
    distil.right(f"alpha = {alpha}", lambda a=alpha: {"alpha": a}, _is(_both))
for T in (0.1, 1, 20.0):
    distil.right(f"T = {T}", lambda t=T: {"temperature": t}, _is(_both))
distil.right("float32", lambda: {"teacher_logits": TEACHER.float()},
             lambda value, a: _near(value, float(_both(**a))))  # fmt: skip
distil.right("log-probabilities", lambda: {"teacher_logits": TEACHER.log_softmax(1)},
    _is(_both))  # fmt: skip


def _near(value: float, wanted: float) -> None:
    assert math.isclose(value, wanted, rel_tol=1e-5), f"{value}, not {wanted}"


distil.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
distil.vary("alpha", values.number(0.25, lambda x: 0 <= x <= 1))
distil.vary("teacher_logits", [o for o in values.logits(TEACHER) if o.label not in
            ("NaN", "inf", "-inf", "a network", "a generator")])  # fmt: skip
distil.vary("teacher_logits", values.refused(
    ("probabilities", lambda: TEACHER.softmax(1)),
    ("of a sigmoid", lambda: table(60, 10).sigmoid()),
    ("one column", lambda: TEACHER[:, :1]), ("the class of a network", lambda: nn.Linear),
    ("a path", lambda: "teacher.safetensors"), ("a function", lambda: lambda x: TEACHER),
    ("all splits", lambda: {"train": TEACHER}),
    ("an evaluation", lambda: kdteach.metrics.evaluate(head(), split(12))),
))  # fmt: skip
distil.vary("stop_epoch", [o for o in values.count(2, none=True)])
distil.circumstances()
live = ROOM.function(
    "kdteach.objectives.distil", lambda: {"teacher_logits": head(seed=5)},
    call=lambda **a: float(_terms(found("kdteach.objectives.distil")(**a, temperature=2.0,
    alpha=0.25)).total),
    also={"teacher_logits": ("teacher", "logits")},
)  # fmt: skip


def _live(value: float, arguments: dict[str, Any]) -> None:
    with torch.no_grad():
        teacher = head(seed=5)(split(COUNT).images)
    _near(value, float(0.25 * _soft(teacher, 2.0) + 0.75 * _hard()))


live.right("a live teacher", nothing, _live)
live.right("in float32", lambda: {"teacher_logits": head(seed=5, kind=torch.float32)},
    _live)  # fmt: skip
live.right("in train mode", lambda: {"teacher_logits": networks.Normed(head(seed=5),
    torch.float64)},
           lambda value, a: _near(value, live.call(
               teacher_logits=networks.Normed(head(seed=5), torch.float64).eval(
           ))))  # fmt: skip
live.right("begins in place", lambda: {"teacher_logits": networks.Begins(networks._sub,
    head(seed=5))},
           lambda value, a: _near(value, live.call(
               teacher_logits=networks.Begins(lambda x: x - 0.25, head(seed=5
           )))))  # fmt: skip
stopped = ROOM.function(
    "kdteach.objectives.distil", lambda: {"stop_epoch": 2},
    call=lambda stop_epoch: [
        float(_terms(found("kdteach.objectives.distil")(TEACHER, 2.0, 0.25,
        stop_epoch=stop_epoch), e).total)
        for e in range(4)
    ],
)  # fmt: skip
stopped.right("after two epochs", nothing, lambda value, _: require_equal(
    value, [float(x) for x in (_both(TEACHER, 2.0, 0.25),) * 2 + (_hard(),) * 2],
    rtol=1e-9))  # fmt: skip

parts = ROOM.function(
    "kdteach.objectives.distil_subclasses",
    lambda: {"teacher_logits": TEACHER.clone(), "num_classes": 5, "temperature": 2.0,
    "alpha": 0.25},
    call=lambda **a: float(_apart(found("kdteach.objectives.distil_subclasses")(**a))),
    also={"teacher_logits": ("teacher", "logits"), "num_classes": ("classes",)},
)  # fmt: skip


def _over_parts(teacher_logits: Tensor, num_classes: int, temperature: float,
    alpha: float) -> Tensor:  # fmt: skip
    chances = _logits().softmax(dim=1).reshape(COUNT, num_classes, -1).sum(dim=2)
    hard_ = F.nll_loss(chances.log(), split(COUNT).labels % 5)
    return alpha * _soft(teacher_logits.double(), temperature) + (1 - alpha) * hard_


parts.right("as it is", nothing, _is(_over_parts))
parts.vary("num_classes", values.count(5, heavy=(3, 20, 10**20)))
parts.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
parts.vary("alpha", values.number(0.25, lambda x: 0 <= x <= 1))
parts.vary("teacher_logits", [o for o in values.logits(TEACHER) if o.label not in
           ("NaN", "inf", "-inf", "a network", "a generator")])  # fmt: skip
parts.circumstances()

# several objectives as one


def _stack(objectives: Any) -> list[float]:
    made = found("kdteach.objectives.stacked")(objectives)
    part = split(COUNT)
    logits = torch.stack([_logits()] * len(objectives))
    whole = Batch(*(torch.stack([t] * len(objectives)) for t in (part.images, part.labels,
        part.index)))  # fmt: skip
    return made.terms(logits, whole).total.tolist()


stacked = ROOM.function(
    "kdteach.objectives.stacked",
    lambda: {"objectives": [kdteach.objectives.smoothed_labels(0.1),
    kdteach.objectives.smoothed_labels(0.5)]},
    call=_stack,
)  # fmt: skip
stacked.right("of one kind", nothing, lambda value, _: require_equal(
    value, [float(_smooth(0.1)), float(_smooth(0.5))], rtol=1e-9))  # fmt: skip
stacked.right(
    "of different kinds",
    lambda: {"objectives": [kdteach.objectives.hard_labels(),
    kdteach.objectives.distil(TEACHER, 2.0, 0.25)]},
    lambda value, _: require_equal(value, [float(_hard()),
    float(_both(TEACHER, 2.0, 0.25))], rtol=1e-9),
)  # fmt: skip
