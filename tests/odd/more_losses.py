"""Other losses and their objectives: directions, correlations, neighbours, contrast."""

import math
from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdteach import losses
from kdteach.types import Batch
from tests.odd import features, networks, values
from tests.odd.losses import (
    _DIGITS,
    LABELS,
    STUDENT,
    TEACHER,
    _divergence,
    _hard,
    _log_soft,
    _pair,
    _soft,
    _temperatures,
    _within,
)
from tests.odd.material import head, split, table
from tests.odd.sweep import Function, Room, found, near, nothing

ROOM = Room("losses")


def _rows(arguments: dict[str, Any]) -> Any:
    tables = (arguments[f"{whose}_logits"] for whose in ("student", "teacher"))
    return zip(*(t.double().tolist() for t in tables), strict=True)


def _reverse(arguments: dict[str, Any]) -> float:
    T = arguments["temperature"]
    with mpmath.workdps(_DIGITS):
        each = [_divergence(_soft(z, T), _log_soft(z, T), _log_soft(v, T))
                for z, v in _rows(arguments)]  # fmt: skip
        return float(mpmath.mpf(T) ** 2 * mpmath.fsum(each) / len(each))


def _jensen(arguments: dict[str, Any]) -> float:
    T, each = arguments["temperature"], []
    with mpmath.workdps(_DIGITS):
        beta = mpmath.mpf(float(arguments["beta"]))
        for z, v in _rows(arguments):
            q, p = _soft(z, T), _soft(v, T)
            log_q, log_p = _log_soft(z, T), _log_soft(v, T)
            m = [mpmath.log(beta * a + (1 - beta) * b) if a or b else mpmath.mpf(0)
                 for a, b in zip(p, q, strict=True)]  # fmt: skip
            each.append(
                beta * _divergence(p, log_p, m) + (1 - beta) * _divergence(q, log_q, m)
            )
        return float(mpmath.mpf(T) ** 2 * mpmath.fsum(each) / len(each))


def _both_tables(function: Function, check: Any) -> None:
    """As for the distillation loss: tables that are none, and two that do not fit."""
    both = ("student_logits", "teacher_logits")
    for name in both:
        function.vary(name, values.logits(function.good()[name]))
    for label, change in {
        "teacher of one row": lambda: {"teacher_logits": TEACHER[:1]},
        "teacher of one column": lambda: {"teacher_logits": TEACHER[:, :1]},
        "teacher of more classes": lambda: {"teacher_logits": table(4, 8)},
        "dtypes differ": lambda: {"teacher_logits": TEACHER.float()},
        "both empty": lambda: {n: TEACHER[:0] for n in both},
    }.items():
        function.refuse(label, change, names=both)
    function.right("logits of 1000", lambda: _pair(size=1e3), check)
    function.circumstances()


reverse = ROOM.function(
    "kdteach.losses.reverse_kl_loss", lambda: {**_pair(), "temperature": 2.0}
)
_both_tables(reverse, _within(_reverse))
_temperatures(reverse, _within(_reverse))
jensen = ROOM.function(
    "kdteach.losses.jensen_shannon_loss",
    lambda: {**_pair(), "temperature": 2.0, "beta": 0.25},
)
_both_tables(jensen, _within(_jensen))
_temperatures(jensen, _within(_jensen))
jensen.vary("beta", values.number(0.25, lambda x: 0 < x < 1))


def _correlated(arguments: dict[str, Any]) -> float:
    T = float(arguments["temperature"])
    q, p = (np.array([[float(x) for x in _soft(row, T)] for row in rows])
            for rows in zip(*_rows(arguments), strict=True))  # fmt: skip
    within = np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(q, p, strict=True)])
    across = np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(q.T, p.T, strict=True)])
    return T**2 * (float(arguments["beta"]) * within + float(arguments["gamma"]) * across)


def _is_correlated(value: Tensor, arguments: dict[str, Any]) -> None:
    assert value.shape == ()
    slack = {torch.float64: 1e-9, torch.float32: 1e-5}[value.dtype]
    wanted = _correlated(arguments)
    assert math.isclose(float(value), wanted, rel_tol=slack, abs_tol=1e-9), (value, wanted)


correlation = ROOM.function(
    "kdteach.losses.correlation_loss",
    lambda: {**_pair(), "temperature": 2.0, "beta": 0.5, "gamma": 2.0},
)
correlation.right("as it is", nothing, _is_correlated)
_both_tables(correlation, lambda value, arguments: None)
correlation.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
for weight in ("beta", "gamma"):
    correlation.vary(weight, values.number(0.5, lambda x: x >= 0))
correlation.refuse("a batch of one", lambda: {n: v[:1] for n, v in _pair().items()},
                   names=("images", "student_logits"))  # fmt: skip


def _standard(value: Tensor, arguments: dict[str, Any]) -> None:
    v = arguments["logits"].double().numpy()
    wanted = (v - v.mean(1, keepdims=True)) / v.std(1, keepdims=True)
    slack = {torch.float64: 1e-12, torch.float32: 1e-6}.get(value.dtype, 1e-2)
    assert value.dtype == arguments["logits"].dtype
    np.testing.assert_allclose(value.double().numpy(), wanted, rtol=slack, atol=slack)


standard = ROOM.function(
    "kdteach.losses.logit_standardised", lambda: {"logits": STUDENT.clone()}
)
for kind in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
    standard.right(str(kind)[6:], lambda k=kind: {"logits": STUDENT.to(k)}, _standard)
for size in (1e-30, 1e30):
    standard.right(f"{size:g}", lambda s=size: {"logits": STUDENT * s}, _standard)
standard.vary("logits", values.logits(STUDENT))
standard.circumstances()


def _made_up(arguments: dict[str, Any]) -> float:
    T, z, y = (arguments[name] for name in ("temperature", "logits", "labels"))
    classes, alpha = z.shape[1], mpmath.mpf(float(arguments["alpha"]))
    with mpmath.workdps(_DIGITS):
        a, each = mpmath.mpf(float(arguments["correct"])), []
        for row, label in zip(z.double().tolist(), y.tolist(), strict=True):
            v = [mpmath.log((1 - a) / (classes - 1))] * classes
            v[label] = mpmath.log(a)
            each.append(_divergence(_soft(v, T), _log_soft(v, T), _log_soft(row, T)))
        soft = mpmath.mpf(T) ** 2 * mpmath.fsum(each) / len(each)
        return float(alpha * soft + (1 - alpha) * _hard(z, y))


free = ROOM.function(
    "kdteach.losses.teacher_free_loss",
    lambda: {"logits": STUDENT.clone(), "labels": LABELS.clone(), "temperature": 2.0,
             "alpha": 0.25, "correct": 0.75},
)  # fmt: skip
free.right("as it is", nothing, _within(_made_up))
for T in (1e-3, 1.0, 1e8):
    free.right(f"T = {T:g}", lambda t=T: {"temperature": t}, _within(_made_up))
free.vary("logits", values.logits(STUDENT))
free.vary("labels", values.labels(LABELS, 4))
free.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
free.vary("alpha", values.number(0.25, lambda x: 0 <= x <= 1))
free.vary("correct", values.number(0.75, lambda x: 0.25 < x < 1))
free.circumstances()

# features


def _pkt(s: Any, t: Any) -> float:
    found_ = []
    for e in (s, t):
        flat = e.reshape(len(e), -1)
        length = np.sqrt((flat**2).sum(axis=1, keepdims=True)) + 1e-7
        close = ((flat / length) @ (flat / length).T + 1) / 2
        found_.append(close / close.sum(axis=1, keepdims=True))
    q, p = found_
    return float(np.mean(p * np.log((p + 1e-7) / (q + 1e-7))))


def _congruence(s: Any, t: Any) -> float:
    d = np.abs(s - t).reshape(len(s), -1)
    return float(np.mean((d[:-1] * d[1:]).sum(axis=1)))


def _selectivity(s: Any, t: Any) -> float:
    rows = []
    for maps in (s, t):
        flat = maps.reshape(*maps.shape[:2], -1)
        length = np.sqrt((flat**2).sum(axis=2, keepdims=True))
        rows.append(np.divide(flat, length, out=np.zeros_like(flat), where=length > 0))
    mine, its = rows

    def kernel(a: Any, b: Any) -> float:
        return float(np.mean(np.einsum("nik,njk->nij", a, b) ** 2))

    return kernel(its, its) + kernel(mine, mine) - 2 * kernel(mine, its)


def _of_features(
    name: str, formula: Any, good: tuple[Tensor, ...], words: str, room: Room = ROOM
) -> Function:
    names = (f"student_{words}", f"teacher_{words}")
    made = room.function(
        f"kdteach.losses.{name}",
        lambda: {n: value.clone() for n, value in zip(names, good, strict=True)},
    )
    made.right("as it is", nothing, features._is(formula))
    made.circumstances()
    for each, like in zip(names, good, strict=True):
        flat = like.ndim == 2
        made.vary(each, [
            o for o in values.logits(like)
            if flat or o.label not in ("(N,)", "(1, N, C)", "NaN", "inf", "-inf")
        ])  # fmt: skip
        for label, change in {
            "one sample less": lambda v: v[:-1], "another dtype": lambda v: v.float(),
            "no numbers": lambda v: v[:, :0], "a number": lambda v: v.sum(),
            "NaN everywhere": lambda v: v * float("nan"),
        }.items():  # fmt: skip
            made.refuse(f"{each}: {label}", lambda e=each, c=change, v=like: {e: c(v)},
                        names=names)  # fmt: skip
    for label, change in {
        "zeros": lambda v: v * 0, "equal samples": lambda v: v[[0, 0, 1, 1]],
    }.items():  # fmt: skip
        made.right(label, lambda c=change: {names[0]: c(good[0])}, features._is(formula))
    return made


pkt = _of_features("pkt_loss", _pkt, features.VECTORS, "embeddings")
congruence = _of_features(
    "correlation_congruence_loss", _congruence, features.VECTORS, "embeddings"
)
congruence.refuse("another width",
                  lambda: {"teacher_embeddings": features.VECTORS[1][:, :3]},
                  names=("student_embeddings", "teacher_embeddings"))  # fmt: skip
for each in (pkt, congruence):
    each.refuse("a batch of one", lambda e=each: {n: v[:1] for n, v in e.good().items()},
                names=("batch", "student_embeddings"))  # fmt: skip
selectivity = _of_features(
    "neuron_selectivity_loss", _selectivity, features.MAPS, "features"
)
selectivity.refuse("vectors", lambda: {"student_features": features.VECTORS[0]})
selectivity.right("other channels", lambda: {"teacher_features": features.MAPS[1][:, :1]},
                  features._is(_selectivity))  # fmt: skip

# contrast

SIZES = {"student_width": 8, "teacher_width": 8, "num_samples": 6}


def _contrast(**arguments: Any) -> float:
    made = found("kdteach.losses.ContrastiveLoss")(**arguments)
    mine, its = (v.float() for v in features.VECTORS)
    return float(made(mine, its, torch.arange(4)).detach())


contrast = ROOM.function(
    "kdteach.losses.ContrastiveLoss",
    lambda: {**SIZES, "width": 3, "negatives": 5, "temperature": 0.5, "momentum": 0.5,
             "seed": 3},
    call=_contrast,
)  # fmt: skip
contrast.right("as it is", nothing, lambda value, a: _finite(value))
for name, good, least in (("student_width", 8, 1), ("teacher_width", 8, 1),
                          ("num_samples", 6, 2), ("width", 3, 1),
                          ("negatives", 5, 1)):  # fmt: skip
    contrast.vary(name, values.count(good, least=least))
contrast.vary("temperature", values.number(0.5, lambda x: 1e-3 <= x <= 1e3))
contrast.vary("momentum", values.number(0.5, lambda x: 0 <= x < 1))
contrast.vary("seed", values.seed())
contrast.circumstances(dtype=False)


def _finite(value: float) -> None:
    assert math.isfinite(value), value


# objectives

COUNT = 12
TABLE = table(COUNT, 10, seed=8)
_NO_TABLE = ("NaN", "inf", "-inf", "a network", "a generator")


def _total(path: str, **arguments: Any) -> float:
    part = split(COUNT)
    batch = Batch(part.images, part.labels, part.index)
    goal = found(path)(**arguments)
    return float(goal(head(), batch).total.detach())


def _z() -> Tensor:
    return head()(split(COUNT).images).detach()


def _of_table(name: str, **more: Any) -> Function:
    path = f"kdteach.objectives.{name}"
    made = ROOM.function(
        path, lambda: {"teacher_logits": TABLE.clone(), **more},
        call=lambda **a: _total(path, **a), also={"teacher_logits": ("teacher", "logits")},
    )  # fmt: skip
    made.vary("teacher_logits",
              [o for o in values.logits(TABLE) if o.label not in _NO_TABLE])  # fmt: skip
    made.vary("teacher_logits", values.refused(
        ("probabilities", lambda: TABLE.softmax(1)), ("one column", lambda: TABLE[:, :1]),
        ("the class of a network", lambda: nn.Linear),
    ))  # fmt: skip
    made.vary("teacher_input", [o for o in values.function(none=True)])
    made.circumstances()
    return made


def _squares(student: Tensor, teacher: Tensor) -> Tensor:
    return (student - teacher).square().mean()


own = _of_table("logit_objective", loss=_squares, weight=2.0)
own.right("as it is", nothing, near(lambda a: 2 * float((_z() - TABLE).square().mean())))
own.right("of torch", lambda: {"loss": F.l1_loss},
          near(lambda a: 2 * float((_z() - TABLE).abs().mean())))  # fmt: skip
own.vary("loss", values.function())
own.vary("weight", values.number(2.0, lambda x: x >= 0))
parts = _of_table("decoupled", temperature=2.0, alpha=0.5, beta=4.0, hard_weight=0.25)


def _decoupled(arguments: dict[str, Any]) -> float:
    y = split(COUNT).labels
    soft = losses.decoupled_kd_loss(_z(), TABLE, y, 2.0, 0.5, 4.0)
    return float(soft + 0.25 * F.cross_entropy(_z(), y))


parts.right("as it is", nothing, near(_decoupled))
parts.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
for name in ("alpha", "beta", "hard_weight"):
    good = {"alpha": 0.5, "beta": 4.0, "hard_weight": 0.25}[name]
    parts.vary(name, values.number(good, lambda x: x >= 0))
parts.vary("warmup", values.count(1, least=0))
made_up = ROOM.function(
    "kdteach.objectives.teacher_free",
    lambda: {"temperature": 2.0, "alpha": 0.25, "correct": 0.75},
    call=lambda **a: _total("kdteach.objectives.teacher_free", **a),
)
made_up.right("as it is", nothing, near(lambda a: float(
    losses.teacher_free_loss(_z(), split(COUNT).labels, 2.0, 0.25, 0.75))))  # fmt: skip
made_up.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
made_up.vary("alpha", values.number(0.25, lambda x: 0 <= x <= 1))
made_up.vary("correct", values.number(0.75, lambda x: 0 < x < 1))
made_up.circumstances()


def _contrasted(**arguments: Any) -> float:
    return _total("kdteach.objectives.contrastive", **arguments)


memory = ROOM.function(
    "kdteach.objectives.contrastive",
    lambda: {"teacher": head(seed=5), "layers": {"1": "1"}, "num_samples": COUNT,
             "width": 3, "negatives": 5, "temperature": 0.5, "momentum": 0.5, "seed": 3},
    call=_contrasted, also={"layers": ("layer", "layers")},
)  # fmt: skip
memory.right("as it is", nothing, lambda value, a: _finite(value))
memory.vary("teacher", networks.no_network())
memory.vary("layers", values.refused(
    ("None", lambda: None), ("a word", lambda: "1"), ("a list", lambda: ["1"]),
    ("empty", dict), ("numbers", lambda: {1: 1}),
    ("two pairs", lambda: {"1": "1", "0": "0"}),
    ("another of the teacher", lambda: {"1": "2"}),
    ("another of the student", lambda: {"2": "1"}), ("no name", lambda: {"1": ""}),
    ("a broken repr", lambda: {"1": values.Unprintable()}),
))  # fmt: skip
for name, good, least in (("num_samples", COUNT, 2), ("width", 3, 1),
                          ("negatives", 5, 1)):  # fmt: skip
    memory.vary(name, values.count(good, least=least))
memory.vary("temperature", values.number(0.5, lambda x: 1e-3 <= x <= 1e3))
memory.vary("momentum", values.number(0.5, lambda x: 0 <= x < 1))
memory.vary("seed", values.seed())
memory.vary("teacher_input", [o for o in values.function(none=True)])
memory.circumstances(dtype=False)
