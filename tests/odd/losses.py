"""Losses: against the formulas in 130 digits."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.odd import values
from tests.odd.material import table
from tests.odd.sweep import Check, Function, Room, found, near, nothing

ROOM = Room("losses")
_DIGITS = 130
TEMPERATURES = (1e-30, 1e-20, 1e-3, 0.1, 1.0, 3.0, 300.0, 1e3, 1e4, 1e8, 1e16, 1e30)


def _soft(row: Sequence[Any], temperature: float) -> list[Any]:
    scaled = [mpmath.mpf(x) / mpmath.mpf(temperature) for x in row]
    top = max(scaled)
    grown = [mpmath.exp(x - top) for x in scaled]
    return [x / mpmath.fsum(grown) for x in grown]


def _log_soft(row: Sequence[Any], temperature: float) -> list[Any]:
    scaled = [mpmath.mpf(x) / mpmath.mpf(temperature) for x in row]
    top = max(scaled)
    total = top + mpmath.log(mpmath.fsum(mpmath.exp(x - top) for x in scaled))
    return [x - total for x in scaled]


def _divergence(p: Sequence[Any], log_p: Sequence[Any], log_q: Sequence[Any]) -> Any:
    return mpmath.fsum(a * (b - c) for a, b, c in zip(p, log_p, log_q, strict=True) if a)


def soft_term(student: Tensor, teacher: Tensor, temperature: float) -> Any:
    """T^2 KL, mean over the images."""
    with mpmath.workdps(_DIGITS):
        each = []
        for z, v in zip(student.double().tolist(), teacher.double().tolist(), strict=True):
            p = _soft(v, temperature)
            each.append(_divergence(p, _log_soft(v, temperature),
                _log_soft(z, temperature)))  # fmt: skip
        return mpmath.mpf(temperature) ** 2 * mpmath.fsum(each) / len(each)


def _hard(logits: Tensor, labels: Tensor) -> Any:
    rows = zip(logits.double().tolist(), labels.tolist(), strict=True)
    return -mpmath.fsum(_log_soft(z, 1)[y] for z, y in rows) / len(labels)


def kd(arguments: dict[str, Any]) -> float:
    """Both terms."""
    with mpmath.workdps(_DIGITS):
        alpha = mpmath.mpf(float(arguments["alpha"]))
        student = arguments["student_logits"]
        soft = soft_term(student, arguments["teacher_logits"], arguments["temperature"])
        return float(alpha * soft + (1 - alpha) * _hard(student, arguments["labels"]))


def decoupled(arguments: dict[str, Any]) -> float:
    """The target class and the rest."""
    temperature = arguments["temperature"]
    tables = (arguments["student_logits"], arguments["teacher_logits"])
    with mpmath.workdps(_DIGITS):
        each = []
        for z, v, y in zip(*(t.double().tolist() for t in tables),
                           arguments["labels"].tolist(), strict=True):  # fmt: skip
            p, q = _soft(v, temperature), _soft(z, temperature)
            rest_p, rest_q = (mpmath.fsum(x[i] for i in range(len(x)) if i != y) for x
                in (p, q))  # fmt: skip
            binary = sum(
                a * mpmath.log(a / b) for a, b in ((p[y], q[y]), (rest_p, rest_q)) if a
            )
            others = [[x for i, x in enumerate(row) if i != y] for row in (v, z)]
            log_p, log_q = (_log_soft(row, temperature) for row in others)
            rest = _divergence(_soft(others[0], temperature), log_p, log_q)
            each.append(arguments["alpha"] * binary + arguments["beta"] * rest)
        return float(mpmath.mpf(temperature) ** 2 * mpmath.fsum(each) / len(each))


def smoothed(arguments: dict[str, Any]) -> float:
    """Cross-entropy with smoothed labels."""
    epsilon, logits = arguments["smoothing"], arguments["logits"]
    with mpmath.workdps(50):
        rows = [_log_soft(row, 1) for row in logits.double().tolist()]
        each = [
            -((1 - epsilon) * row[y] + epsilon * mpmath.fsum(row) / len(row))
            for row, y in zip(rows, arguments["labels"].tolist(), strict=True)
        ]
        return float(mpmath.fsum(each) / len(each))


def _classes(row: Sequence[Any], classes: int) -> list[Any]:
    p = _soft(row, 1)
    size = len(p) // classes
    return [mpmath.log(mpmath.fsum(p[c * size : (c + 1) * size])) for c in range(classes)]


def subclass_kd(arguments: dict[str, Any]) -> float:
    """Soft term over subclasses, hard term over classes."""
    student, alpha = arguments["student_logits"], arguments["alpha"]
    with mpmath.workdps(_DIGITS):
        soft = soft_term(student, arguments["teacher_logits"], arguments["temperature"])
        rows = zip(student.double().tolist(), arguments["labels"].tolist(), strict=True)
        hard = [-_classes(z, arguments["num_classes"])[y] for z, y in rows]
        return float(alpha * soft + (1 - alpha) * mpmath.fsum(hard) / len(hard))


def diversity(arguments: dict[str, Any]) -> float:
    """Equal logits give 0, the published 1e-9 in the variance included."""
    temperature = arguments["temperature"]
    with mpmath.workdps(50):
        normal = []
        for row in arguments["subclass_logits"].double().tolist():
            z = [mpmath.mpf(x) for x in row]
            mean = mpmath.fsum(z) / len(z)
            variance = mpmath.fsum((x - mean) ** 2 for x in z) / len(z)
            root = mpmath.sqrt(variance + mpmath.mpf("1e-9"))
            normal.append([(x - mean) / root for x in z])
        each = []
        for a in normal:
            c = [mpmath.fdot(a, b) / len(a) / temperature for b in normal]
            top = max(c)
            each.append(top + mpmath.log(mpmath.fsum(mpmath.exp(x - top) for x in c)))
        n = len(normal)
        return float(mpmath.fsum(each) / n - 1 / mpmath.mpf(temperature) - mpmath.log(n))


def _within(wanted: Callable[[dict[str, Any]], float], slack: float = 1e-36) -> Check:
    """As exact as the type of the result can be, and a tensor () of it.

    Args:
        wanted: the formula.
        slack: absolute, where terms of size 1 cancel.
    """

    def check(value: Tensor, arguments: dict[str, Any]) -> None:
        assert value.shape == (), f"shape {tuple(value.shape)}"
        rtol = {torch.float64: 1e-8, torch.float32: 2e-5}[value.dtype]
        number = wanted(arguments)
        got = float(value)
        fine = math.isclose(got, number, rel_tol=rtol,
            abs_tol=slack if value.dtype == torch.float32 else 1e-36)  # fmt: skip
        assert fine, f"{got!r}, not {number!r}"

    return check


def _rows_sum_to_one(value: Tensor, arguments: dict[str, Any]) -> None:
    with mpmath.workdps(_DIGITS):
        rows = arguments["logits"].double().tolist()
        wanted = torch.tensor(
            [[float(x) for x in _soft(row, arguments["temperature"])] for row in rows],
            dtype=torch.float64,
        )
    assert value.dtype == arguments["logits"].dtype
    slack = {torch.float64: 1e-12, torch.float32: 1e-6}.get(value.dtype, 8e-3)
    torch.testing.assert_close(value.double(), wanted, rtol=slack, atol=slack)


def _log_probs(value: Tensor, arguments: dict[str, Any]) -> None:
    with mpmath.workdps(50):
        rows = arguments["subclass_logits"].double().tolist()
        wanted = torch.tensor(
            [[float(x) for x in _classes(row, arguments["num_classes"])] for row in rows],
            dtype=torch.float64,
        )
    slack = 1e-10 if value.dtype == torch.float64 else 1e-5
    torch.testing.assert_close(value.double(), wanted, rtol=slack, atol=slack)


STUDENT, TEACHER = table(4, 4, seed=1), table(4, 4, seed=2)
LABELS = torch.tensor([0, 3, 1, 2])


def _pair(kind: torch.dtype = torch.float64, size: float = 1.0) -> dict[str, Any]:
    return {
        "student_logits": (STUDENT * size).to(kind),
        "teacher_logits": (TEACHER * size).to(kind)
    }  # fmt: skip


def _inside(value: float) -> bool:
    return 1e-30 <= value <= 1e30


def _temperatures(function: Function, check: Check, half: bool = True) -> None:
    function.vary("temperature", values.number(2.0, _inside))
    kinds = (torch.float64, torch.float32)
    for T in TEMPERATURES:
        for kind in kinds:

            def change(T: float = T, kind: torch.dtype = kind) -> dict[str, Any]:
                pair = {k: v.to(kind) for k, v in function.good().items()
                        if k.endswith("logits")}  # fmt: skip
                return {**pair, "temperature": T}

            function.right(f"T = {T:g}, {str(kind)[6:]}", change, check)
    for kind in (torch.float16, torch.bfloat16) if half else ():
        for T in (1.0, 1e4):

            def half_change(T: float = T, kind: torch.dtype = kind) -> dict[str, Any]:
                pair = {k: v.to(kind) for k, v in function.good().items()
                        if k.endswith("logits")}  # fmt: skip
                return {**pair, "temperature": T}

            function.right(f"T = {T:g}, {str(kind)[6:]}", half_change, check)


def _two_tables(function: Function) -> None:
    for name in ("student_logits", "teacher_logits"):
        like = function.good()[name]
        function.vary(name, values.logits(like))
    both = ("student_logits", "teacher_logits")
    for label, change in {
        "teacher of one row": lambda: {"teacher_logits": TEACHER[:1]},
        "teacher of one column": lambda: {"teacher_logits": TEACHER[:, :1]},
        "teacher of more classes": lambda: {"teacher_logits": table(4, 8)},
        "teacher of more rows": lambda: {"teacher_logits": table(8, 4)},
        "transposed teacher": lambda: {"teacher_logits": table(8, 4).T},
        "dtypes differ": lambda: {"teacher_logits": TEACHER.float()},
        "both empty": lambda: {n: TEACHER[:0] for n in both},
    }.items():
        function.refuse(label, change, names=both)
    for size in (1e3, 1e6):
        function.right(
            f"logits of {size:g}",
            lambda size=size: {k: v * size for k,
            v in function.good().items() if k in both},
            _CHECKS[function.path],
        )  # fmt: skip


def _gradient(value: Tensor, arguments: dict[str, Any]) -> None:
    """T (q - p) / N."""
    T, z, v = (arguments[k] for k in ("temperature", "student_logits", "teacher_logits"))
    with mpmath.workdps(_DIGITS):
        wanted = torch.tensor(
            [
                [float(T * (b - a) / len(z)) for a,
                b in zip(_soft(p, T), _soft(q, T), strict=True)]
                for q, p in zip(z.tolist(), v.tolist(), strict=True)
            ],
            dtype=torch.float64,
        )  # fmt: skip
    size = float(wanted.abs().max())
    torch.testing.assert_close(value, wanted, rtol=1e-7, atol=1e-9 * size)


def _with_gradient(**arguments: Any) -> Tensor:
    student = arguments["student_logits"].clone().requires_grad_()
    teacher = arguments["teacher_logits"].clone().requires_grad_()
    loss = found("kdteach.losses.distillation_loss")(
        **{**arguments, "student_logits": student, "teacher_logits": teacher}
    )
    loss.backward()
    assert teacher.grad is None
    return student.grad


def _under_autocast(function: Function, check: Check) -> None:
    def call(**arguments: Any) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return function.call(**arguments)

    function.right("under autocast", nothing, check, call=call, names=("nothing",))


def _drawn(function: Function, wanted: Callable[[dict[str, Any]], float]) -> None:
    """Many drawn logits, temperatures and labels at once."""

    def check(_: Any, good: dict[str, Any]) -> None:
        @settings(max_examples=25, deadline=None, derandomize=True, database=None)
        @given(
            st.integers(2, 3), st.integers(1, 3), st.integers(0, 10**6), st.floats(-8, 8),
            st.floats(-2, 2),
        )  # fmt: skip
        def agrees(classes: int, rows: int, seed: int, power: float, size: float) -> None:
            width = 2 * classes
            arguments = dict(good)
            for i, name in enumerate(n for n in good if n.endswith("logits")):
                arguments[name] = table(rows + 1, width, seed=seed + i) * 10**size
            if "labels" in good:
                few = good.get("num_classes", width)
                arguments["labels"] = torch.arange(rows + 1) % min(few, 2)
            if "temperature" in good:
                arguments["temperature"] = 10**power
            got, number = float(function.call(**arguments)), wanted(arguments)
            assert math.isclose(got, number, rel_tol=1e-8, abs_tol=1e-12), (got, number)

        agrees()

    function.right("drawn", nothing, check, names=("nothing",))


distillation = ROOM.function(
    "kdteach.losses.distillation_loss", lambda: {**_pair(), "temperature": 2.0}
)
kd_loss = ROOM.function(
    "kdteach.losses.kd_loss",
    lambda: {**_pair(), "labels": LABELS.clone(), "temperature": 2.0, "alpha": 0.25},
)
decoupled_loss = ROOM.function(
    "kdteach.losses.decoupled_kd_loss",
    lambda: {**_pair(), "labels": LABELS.clone(), "temperature": 2.0, "alpha": 0.5,
             "beta": 2.0},
)  # fmt: skip
subclass_loss = ROOM.function(
    "kdteach.losses.subclass_kd_loss",
    lambda: {**_pair(), "labels": torch.tensor([0, 1, 1, 0]), "num_classes": 2,
             "temperature": 2.0, "alpha": 0.25},
    also={"num_classes": ("classes",)},
)  # fmt: skip
smoothing_loss = ROOM.function(
    "kdteach.losses.label_smoothing_loss",
    lambda: {"logits": STUDENT.clone(), "labels": LABELS.clone(), "smoothing": 0.25},
)
soft_targets = ROOM.function(
    "kdteach.losses.soft_targets", lambda: {"logits": STUDENT.clone(), "temperature": 2.0}
)
log_probs = ROOM.function(
    "kdteach.losses.class_log_probs",
    lambda: {"subclass_logits": STUDENT.clone(), "num_classes": 2},
    also={"num_classes": ("classes",)},
)
diversity_loss = ROOM.function(
    "kdteach.losses.subclass_diversity_loss",
    lambda: {"subclass_logits": STUDENT.clone(), "temperature": 2.0},
)
_CHECKS: dict[str, Check] = {
    distillation.path: _within(
        lambda a: float(soft_term(a["student_logits"], a["teacher_logits"],
        a["temperature"]))
    ),
    kd_loss.path: _within(kd),
    decoupled_loss.path: _within(decoupled),
    subclass_loss.path: _within(subclass_kd),
    smoothing_loss.path: _within(smoothed),
}  # fmt: skip

for each in (distillation, kd_loss, decoupled_loss, subclass_loss):
    _temperatures(each, _CHECKS[each.path])
    _two_tables(each)
    _under_autocast(each, _CHECKS[each.path])
    each.circumstances()
for T in TEMPERATURES:
    distillation.right(
        f"gradient, T = {T:g}", lambda T=T: {"temperature": T}, _gradient,
        call=_with_gradient, names=("temperature",),
    )  # fmt: skip
distillation.right(
    "equal logits",
    lambda: {"teacher_logits": STUDENT.clone(), "temperature": 1e4},
    near(0.0),
)
distillation.right(
    "one class", lambda: {k: v[:, :1] for k, v in _pair().items()}, near(0.0)
)
distillation.right(
    "a constant is added",
    lambda: {"student_logits": STUDENT + 1000.0},
    _CHECKS[distillation.path],
)
distillation.right(
    "far apart",
    lambda: {"student_logits": torch.tensor([[0.0, 800.0]] * 2, dtype=torch.float64),
             "teacher_logits": torch.tensor([[800.0, 0.0]] * 2, dtype=torch.float64),
             "temperature": 1.0},
    near(800.0),
)  # fmt: skip

for each, classes in ((kd_loss, 4), (decoupled_loss, 4), (subclass_loss, 2),
    (smoothing_loss, 4)):  # fmt: skip
    each.vary("labels", values.labels(each.good()["labels"], classes))
for each in (kd_loss, subclass_loss):
    each.vary("alpha", values.number(0.25, lambda x: 0 <= x <= 1))
    for weight in (0, 1, 0.0, -0.0, 1.0, 5e-324):
        each.right(
            f"alpha = {weight!r}", lambda weight=weight: {"alpha": weight},
            _CHECKS[each.path]
        )  # fmt: skip
for name in ("alpha", "beta"):
    decoupled_loss.vary(name, values.number(0.5, lambda x: x >= 0))
    for weight in (0, 1, 0.0, 1e30):
        decoupled_loss.right(
            f"{name} = {weight!r}", lambda n=name, w=weight: {n: w},
            _CHECKS[decoupled_loss.path]
        )  # fmt: skip
decoupled_loss.refuse(
    "one class",
    lambda: {**{k: v[:, :1] for k, v in _pair().items()}, "labels": torch.zeros(4).long()},
    names=("classes", "student_logits"),
)
decoupled_loss.right(
    "two classes",
    lambda: {**{k: v[:, :2] for k, v in _pair().items()}, "labels": LABELS % 2},
    _CHECKS[decoupled_loss.path],
)
decoupled_loss.right(
    "a certain teacher",
    lambda: {"teacher_logits": torch.eye(4, dtype=torch.float64)[LABELS] * 1e3},
    _CHECKS[decoupled_loss.path],
)
for each in (subclass_loss, log_probs):
    each.vary("num_classes", values.count(2, heavy=(10**9, 10**20)))
    each.refuse("num_classes = 3", lambda: {"num_classes": 3},
        names=("num_classes", "classes"))  # fmt: skip
for each, name in ((smoothing_loss, "logits"), (soft_targets, "logits"),
                   (log_probs, "subclass_logits"), (diversity_loss, "subclass_logits"
               )):  # fmt: skip
    each.vary(name, values.logits(STUDENT))
    each.circumstances()
smoothing_loss.vary("smoothing", values.number(0.25, lambda x: 0 <= x < 1))
for epsilon in (0, 0.0, 0.1, 0.999999, 1e-300):
    smoothing_loss.right(
        f"smoothing = {epsilon!r}",
        lambda e=epsilon: {"smoothing": e},
        _CHECKS[smoothing_loss.path],
    )
_under_autocast(smoothing_loss, _CHECKS[smoothing_loss.path])
smoothing_loss.right("one class", lambda: {"logits": STUDENT[:, :1], "labels": LABELS * 0},
                     near(0.0))  # fmt: skip
for T in TEMPERATURES:
    for kind in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        soft_targets.right(
            f"T = {T:g}, {str(kind)[6:]}",
            lambda T=T, kind=kind: {"logits": STUDENT.to(kind), "temperature": T},
            _rows_sum_to_one,
        )
soft_targets.vary("temperature", values.number(2.0, _inside))
soft_targets.right("logits of 1e300", lambda: {"logits": STUDENT * 1e300}, _rows_sum_to_one)
log_probs.right("as it is", nothing, _log_probs)
log_probs.right("one class", lambda: {"num_classes": 1}, _log_probs)
log_probs.right("each its own", lambda: {"num_classes": 4}, _log_probs)
log_probs.right("float32", lambda: {"subclass_logits": STUDENT.float()}, _log_probs)
log_probs.right("large", lambda: {"subclass_logits": STUDENT * 1e4}, _log_probs)
diversity_loss.vary("temperature", values.number(2.0, _inside))
for T in (0.01, 0.1, 1.0, 10.0, 1e3):
    for kind in (torch.float64, torch.float32):
        diversity_loss.right(
            f"T = {T:g}, {str(kind)[6:]}",
            lambda T=T, kind=kind: {"subclass_logits": STUDENT.to(kind), "temperature": T},
            _within(diversity, 3e-7),
        )
for size in (0.0, 1.0, 1e6):
    for kind in (torch.float64, torch.float32):
        diversity_loss.right(
            f"nothing but {size:g}, {str(kind)[6:]}",
            lambda s=size, k=kind: {"subclass_logits": torch.full((3, 4), s, dtype=k)},
            near(-1 / 2.0),  # nothing to normalise: unlike every image, itself included
        )
diversity_loss.right(
    "the same image thrice", lambda: {"subclass_logits": STUDENT[:1].expand(3, 4).clone()},
    lambda value, _: _nothing(value),
)  # fmt: skip
diversity_loss.refuse("a batch of one", lambda: {"subclass_logits": STUDENT[:1]},
                      names=("batch", "subclass_logits"))  # fmt: skip
diversity_loss.refuse("one logit", lambda: {"subclass_logits": STUDENT[:, :1]},
                      names=("logit", "subclass_logits"))  # fmt: skip


def _nothing(value: Tensor) -> None:
    assert abs(float(value)) < 1e-5, f"{float(value)!r}, not 0"


_drawn(distillation, lambda a: float(soft_term(a["student_logits"], a["teacher_logits"],
    a["temperature"])))  # fmt: skip
_drawn(kd_loss, kd)
_drawn(decoupled_loss, decoupled)
_drawn(subclass_loss, subclass_kd)
_drawn(smoothing_loss, smoothed)
