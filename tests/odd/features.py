"""Losses of features: against their formulas, sample by sample."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.odd import values
from tests.odd.material import table
from tests.odd.sweep import Check, Function, Room, found, nothing

ROOM = Room("losses")
ROWS = 4
VECTORS = tuple(table(ROWS, 8, seed=seed) for seed in (11, 12))
MAPS = tuple(vectors.reshape(ROWS, 2, 2, 2) for vectors in VECTORS)
HALVES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def _arrays(arguments: dict[str, Any]) -> list[Any]:
    return [value.detach().double().numpy() for value in arguments.values()]


def _hint(s: Any, t: Any) -> float:
    return float(np.mean((s - t) ** 2))


def _attention(s: Any, t: Any) -> float:
    rows = []
    for maps in (s, t):
        energy = (maps**2).mean(axis=1).reshape(len(maps), -1)
        length = np.sqrt((energy**2).sum(axis=1, keepdims=True))
        rows.append(energy / np.maximum(length, 1e-12))
    return float(np.mean((rows[0] - rows[1]) ** 2))


def _similarity(s: Any, t: Any) -> float:
    rows = []
    for features in (s, t):
        flat = features.reshape(len(features), -1)
        gram = flat @ flat.T
        length = np.sqrt((gram**2).sum(axis=1, keepdims=True))
        rows.append(np.divide(gram, length, out=np.zeros_like(gram), where=length > 0))
    return float(np.mean((rows[0] - rows[1]) ** 2))


def _huber(x: Any) -> float:
    return float(np.mean(np.where(np.abs(x) < 1, 0.5 * x**2, np.abs(x) - 0.5)))


def _distance(s: Any, t: Any) -> float:
    found_ = []
    for e in (s, t):
        flat = e.reshape(len(e), -1)
        d = np.sqrt(((flat[:, None] - flat[None]) ** 2).sum(axis=2))
        found_.append(d / d[d > 0].mean() if (d > 0).any() else d)
    return _huber(found_[0] - found_[1])


def _angle(s: Any, t: Any) -> float:
    cosines = []
    for e in (s, t):
        flat = e.reshape(len(e), -1)
        sides = flat[None] - flat[:, None]
        length = np.sqrt((sides**2).sum(axis=2, keepdims=True))
        unit = np.divide(sides, length, out=np.zeros_like(sides), where=length > 0)
        cosines.append(np.einsum("ijd,ikd->ijk", unit, unit))
    return _huber(cosines[0] - cosines[1])


def _flow(sb: Any, st: Any, tb: Any, tt: Any) -> float:
    flows = [np.einsum("nihw,njhw->nij", b, u) / (b.shape[2] * b.shape[3])
             for b, u in ((sb, st), (tb, tt))]  # fmt: skip
    return float(np.mean((flows[0] - flows[1]) ** 2))


def _is(formula: Callable[..., float]) -> Check:
    def check(value: Tensor, arguments: dict[str, Any]) -> None:
        assert value.shape == (), f"shape {tuple(value.shape)}"
        kind = next(iter(arguments.values())).dtype
        assert value.dtype == (kind if kind == torch.float64 else torch.float32)
        wanted = formula(*_arrays(arguments))
        slack = 1e-9 if kind == torch.float64 else 1e-4
        assert abs(float(value) - wanted) <= slack * max(abs(wanted), 1e-2), (value, wanted)

    return check


def _function(
    name: str, formula: Callable[..., float], good: tuple[Tensor, ...], words: str
) -> Function:
    names = (f"student_{words}", f"teacher_{words}")
    made = ROOM.function(
        f"kdteach.losses.{name}",
        lambda: {n: value.clone() for n, value in zip(names, good, strict=True)},
    )
    made.right("as it is", nothing, _is(formula))
    made.circumstances()
    for each, like in zip(names, good, strict=True):
        flat = like.ndim == 2
        made.vary(each, [
            o for o in values.logits(like)
            if flat or o.label not in ("(N,)", "(1, N, C)", "NaN", "inf", "-inf")
        ])  # fmt: skip
        other = next(n for n in names if n != each)
        for label, change in {
            "one sample less": lambda v: v[:-1],
            "one sample for all": lambda v: v[:1],
            "another dtype": lambda v: v.float(),
            "no numbers": lambda v: v[:, :0],
            "a number": lambda v: v.sum(),
            "NaN everywhere": lambda v: v * float("nan"),
        }.items():
            made.refuse(f"{each}: {label}",
                        lambda e=each, c=change, v=like: {e: c(v)},
                        names=(each, other))  # fmt: skip
    for kind in HALVES:
        made.right(
            f"in {str(kind)[6:]}",
            lambda k=kind: {n: v.to(k) for n, v in zip(names, good, strict=True)},
            _is(formula),
        )
    for label, change in {
        "zeros": lambda v: v * 0, "constant": lambda v: v * 0 + 3,
        "equal samples": lambda v: v[[0, 0, 1, 1]], "small": lambda v: v * 1e-3,
        "large": lambda v: v * 1e4,
    }.items():  # fmt: skip
        made.right(label, lambda c=change: {names[0]: c(good[0])}, _is(formula))
    if name in ("hint_loss", "attention_loss"):
        made.refuse(
            "too large",
            lambda: {n: v.float() * 1e30 for n, v in zip(names, good, strict=True)},
            names=names,
        )
    else:
        for size in (1e30, 1e-30):
            made.right(f"numbers of {size:g}", lambda s=size: {names[0]: good[0] * s},
                       _is(lambda s, t, f=formula, by=size: f(s / by, t)))  # fmt: skip
    return made


hint = _function("hint_loss", _hint, VECTORS, "features")
hint.right("maps", lambda: dict(zip(hint.good(), MAPS, strict=True)), _is(_hint))
hint.refuse("another width", lambda: {"teacher_features": VECTORS[1][:, :3]},
            names=("student_features", "teacher_features"))  # fmt: skip
attention = _function("attention_loss", _attention, MAPS, "features")
attention.refuse("vectors", lambda: {"student_features": VECTORS[0]})
attention.right("other channels", lambda: {"teacher_features": MAPS[1][:, :1]},
                _is(_attention))  # fmt: skip
similarity = _function("similarity_loss", _similarity, VECTORS, "features")
distance = _function("relational_distance_loss", _distance, VECTORS, "embeddings")
angle = _function("relational_angle_loss", _angle, VECTORS, "embeddings")
for each, formula in ((similarity, _similarity), (distance, _distance), (angle, _angle)):
    second = list(each.good())[1]
    each.right("another width", lambda s=second: {s: VECTORS[1][:, :3]}, _is(formula))
    each.right("maps", lambda s=second: {s: MAPS[1]}, _is(formula))
for each in (distance, angle):
    each.refuse("a batch of one", lambda e=each: {n: v[:1] for n, v in e.good().items()},
                names=("batch", "student_embeddings"))  # fmt: skip

BOTTOM, TOP = MAPS, tuple(table(ROWS, 12, seed=s).reshape(ROWS, 3, 2, 2) for s in (13, 14))
FLOW = {
    "student_bottom": BOTTOM[0], "student_top": TOP[0], "teacher_bottom": BOTTOM[1],
    "teacher_top": TOP[1],
}  # fmt: skip
flow = ROOM.function(
    "kdteach.losses.fsp_loss", lambda: {name: maps.clone() for name, maps in FLOW.items()}
)
flow.right("as it is", nothing, _is(_flow))
flow.circumstances()
for name, like in FLOW.items():
    flow.vary(name, [o for o in values.logits(like) if o.label not in
              ("(N,)", "(1, N, C)", "NaN", "inf", "-inf")],
              names=(name, "student_bottom"))  # fmt: skip
    flow.refuse(f"{name}: other channels", lambda n=name, v=like: {n: v[:, :1]})
    flow.refuse(f"{name}: vectors", lambda n=name, v=like: {n: v[:, :, 0, 0]})
    flow.refuse(f"{name}: one sample less", lambda n=name, v=like: {n: v[:-1]})
for kind in HALVES:
    flow.right(f"in {str(kind)[6:]}", lambda k=kind: {n: v.to(k) for n, v in FLOW.items()},
               _is(_flow))  # fmt: skip


def _gradient(path: str) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        names = list(arguments)
        half = len(names) // 2
        tensors = {n: arguments[n].clone().requires_grad_() for n in names}
        found(path)(**tensors).backward()
        assert all(tensors[n].grad is None for n in names[half:])
        return [tensors[n].grad for n in names[:half]]

    return call


def _finite(value: list[Tensor], arguments: dict[str, Any]) -> None:
    del arguments
    assert all(torch.isfinite(gradient).all() for gradient in value)


for each in (hint, attention, similarity, distance, angle, flow):
    first = next(iter(each.good()))
    for label, change in {
        "as it is": lambda v: v, "zeros": lambda v: v * 0,
        "equal samples": lambda v: v[[0, 0, 0, 0]], "one of zeros":
        lambda v: torch.cat([v[:3], v[:1] * 0]),
    }.items():  # fmt: skip
        each.right(
            f"gradient, {label}",
            lambda f=first, c=change, e=each: {f: c(e.good()[f])}, _finite,
            call=_gradient(each.path), names=(first,),
        )  # fmt: skip
