"""Losses of causal intervention and of extractive distillation, against their formulas."""

from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor

from tests.odd import features, values
from tests.odd.losses import (
    _DIGITS,
    STUDENT,
    _divergence,
    _log_soft,
    _pair,
    _soft,
    _within,
)
from tests.odd.material import table
from tests.odd.more_losses import _both_tables, _of_features, _rows
from tests.odd.sweep import Room, nothing

ROOM = Room("losses")
TEMPERATURES = (1e-30, 1e-3, 1.0, 4.0, 1e4, 1e12)
TWO_EACH = torch.tensor([2, 0, 2, 0])


def _relative(s: Any, t: Any) -> float:
    s, t = (x.reshape(len(x), -1) for x in (s, t))
    return float(np.mean(((s - t) ** 2).sum(axis=1) / (t**2).sum(axis=1)))


hint = _of_features("normalised_hint_loss", _relative, features.VECTORS, "features", ROOM)
hint.refuse("another width", lambda: {"teacher_features": features.VECTORS[1][:, :3]},
            names=("student_features", "teacher_features"))  # fmt: skip


def _cosines(rows: Any) -> Any:
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    unit = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit @ unit.T


def _within_classes(value: Tensor, arguments: dict[str, Any]) -> None:
    s, t = (arguments[f"{who}_features"].double().flatten(1).numpy()
            for who in ("student", "teacher"))  # fmt: skip
    labels = arguments["labels"].numpy()
    each = []
    for k in np.unique(labels):
        rows = labels == k
        if rows.sum() > 1:
            each.append(np.mean((_cosines(s[rows]) - _cosines(t[rows])) ** 2))
    wanted = float(np.mean(each)) if each else 0.0
    slack = 1e-9 if value.dtype == torch.float64 else 1e-4
    assert value.shape == ()
    assert abs(float(value) - wanted) <= slack, (value, wanted)


alike = ROOM.function(
    "kdteach.losses.class_similarity_loss",
    lambda: {
        "student_features": features.VECTORS[0].clone(),
        "teacher_features": features.VECTORS[1].clone(), "labels": TWO_EACH.clone(),
    },
)  # fmt: skip
alike.right("as it is", nothing, _within_classes)
alike.circumstances()
for each, like in zip(("student_features", "teacher_features"), features.VECTORS,
                      strict=True):  # fmt: skip
    alike.vary(each, values.logits(like))
    for label, change in {
        "one sample less": lambda v: v[:-1], "another dtype": lambda v: v.float(),
        "no numbers": lambda v: v[:, :0], "a number": lambda v: v.sum(),
    }.items():  # fmt: skip
        alike.refuse(f"{each}: {label}", lambda e=each, c=change, v=like: {e: c(v)},
                     names=("student_features", "teacher_features"))  # fmt: skip
# a class is who belongs together, so a large number is one like others
alike.vary("labels", [odd for odd in values.labels(TWO_EACH, 3)
                      if odd.label not in ("C itself", "10**9", "2**62")])  # fmt: skip
for label, labels in {
    "no class twice": torch.arange(4), "one class": torch.zeros(4, dtype=torch.int64),
    "large numbers": TWO_EACH * 10**18, "one alone": torch.tensor([5, 5, 5, 1]),
}.items():  # fmt: skip
    alike.right(label, lambda y=labels: {"labels": y.clone()}, _within_classes)
alike.right("another width", lambda: {"teacher_features": features.VECTORS[1][:, :3]},
            _within_classes)  # fmt: skip
alike.right("zeros", lambda: {"student_features": features.VECTORS[0] * 0},
            _within_classes)  # fmt: skip


def _means(value: Tensor, arguments: dict[str, Any]) -> None:
    rows, labels = arguments["features"].double(), arguments["labels"]
    with mpmath.workdps(_DIGITS):
        belief = [float(_soft(v, arguments["temperature"])[y]) for v, y in
                  zip(arguments["teacher_logits"].double().tolist(), labels.tolist(),
                      strict=True)]  # fmt: skip
    wanted = torch.zeros(4, rows.shape[1], dtype=torch.float64)
    for k in range(4):
        mine = [n for n, y in enumerate(labels.tolist()) if y == k and belief[n] > 0]
        if mine:
            weight = torch.tensor([belief[n] for n in mine], dtype=torch.float64)
            wanted[k] = (weight[:, None] * rows[mine]).sum(dim=0) / weight.sum()
    slack = 1e-8 if value.dtype == torch.float64 else 1e-4
    torch.testing.assert_close(value.double(), wanted, rtol=slack, atol=slack)


context = ROOM.function(
    "kdteach.losses.class_contexts",
    lambda: {"features": table(4, 3, seed=5), "teacher_logits": STUDENT.clone(),
             "labels": torch.tensor([0, 3, 0, 2]), "temperature": 2.0},
)  # fmt: skip
context.right("as it is", nothing, _means)
context.circumstances()
context.vary("features", values.logits(table(4, 3, seed=5)))
context.vary("teacher_logits", values.logits(STUDENT))
context.vary("labels", values.labels(torch.tensor([0, 3, 0, 2]), 4))
context.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
context.refuse("maps", lambda: {"features": features.MAPS[0]})
context.refuse("other batches", lambda: {"features": table(3, 3, seed=5)},
               names=("features", "teacher_logits"))  # fmt: skip
for T in (1e-3, 1.0, 1e4):
    context.right(f"T = {T:g}", lambda T=T: {"temperature": T}, _means)


def _rest(row: Any, T: float) -> Any:
    p = _soft(row, T)
    m = min(p)
    if max(row) == min(row):
        return p
    return [(x - m) / (1 - len(p) * m) for x in p]


def _extractive(arguments: dict[str, Any]) -> float:
    T, each = arguments["temperature"], []
    with mpmath.workdps(_DIGITS):
        for z, v in _rows(arguments):
            p = _rest(v, T)
            if max(v) == min(v):
                each.append(mpmath.mpf(0))
                continue
            logs = [mpmath.log(x) if x > 0 else mpmath.mpf(0) for x in p]
            each.append(_divergence(p, logs, _log_soft(z, T)))
        return float(mpmath.mpf(T) ** 2 * mpmath.fsum(each) / len(each))


def _is_rest(value: Tensor, arguments: dict[str, Any]) -> None:
    with mpmath.workdps(_DIGITS):
        wanted = torch.tensor(
            [[float(x) for x in _rest(row, arguments["temperature"])]
             for row in arguments["logits"].double().tolist()],
            dtype=torch.float64,
        )  # fmt: skip
    assert value.dtype == arguments["logits"].dtype
    slack = {torch.float64: 1e-12, torch.float32: 1e-6}.get(value.dtype, 8e-3)
    torch.testing.assert_close(value.double(), wanted, rtol=slack, atol=slack)


loss = ROOM.function(
    "kdteach.losses.extractive_loss", lambda: {**_pair(), "temperature": 2.0}
)
_both_tables(loss, _within(_extractive))
targets = ROOM.function(
    "kdteach.losses.extracted_targets",
    lambda: {"logits": STUDENT.clone(), "temperature": 2.0},
)
targets.vary("logits", values.logits(STUDENT))
targets.circumstances()
for made, check in ((loss, _within(_extractive)), (targets, _is_rest)):
    made.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
    for T in TEMPERATURES:
        made.right(f"T = {T:g}", lambda T=T: {"temperature": T}, check)
for kind in features.HALVES:
    targets.right(f"in {str(kind)[6:]}", lambda k=kind: {"logits": STUDENT.to(k)},
                  _is_rest)  # fmt: skip
targets.right("equal logits", lambda: {"logits": STUDENT * 0 + 3}, _is_rest)
loss.refuse("float32 and a huge T",
            lambda: {**_pair(torch.float32), "temperature": 1e30},
            names=("loss", "temperature", "logits"))  # fmt: skip
