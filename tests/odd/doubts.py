"""What teachers say beside the true class: against loops over images and pairs."""

import itertools
import math
from typing import Any

import numpy as np
import torch

from tests.odd import values
from tests.odd.material import table
from tests.odd.sweep import Room, found, nothing, require_equal

ROOM = Room("dark knowledge")
LOGITS = table(8, 4)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 1, 3])
FIRST = torch.tensor([1, 2, 0, 1, 2, 1, 0, 2])
SECOND = torch.tensor([1, 0, 0, 2, 2, 0, 0, 1])
PLACE = "kdteach.dark_knowledge."


def _best_wrong(value: Any, arguments: dict[str, Any]) -> None:
    wanted = [
        max((z, c) for c, z in enumerate(row) if c != y)[1]
        for row, y in zip(arguments["logits"].tolist(), arguments["labels"].tolist(),
                          strict=True)
    ]  # fmt: skip
    assert value.tolist() == wanted


def _moved(value: Any, arguments: dict[str, Any]) -> None:
    logits, labels = arguments["logits"], arguments["labels"]
    require_equal(value.sort(dim=1).values, logits.sort(dim=1).values)
    rows = torch.arange(len(labels))
    require_equal(value[rows, labels.long()], logits[rows, labels.long()])


def _means(value: Any, arguments: dict[str, Any]) -> None:
    logits, labels = arguments["logits"], arguments["labels"].tolist()
    for row, label in zip(value, labels, strict=True):
        own = [z for z, y in zip(logits.tolist(), labels, strict=True) if y == label]
        assert np.allclose(row.tolist(), np.mean(own, axis=0), rtol=1e-5, atol=1e-6)
    assert value.dtype == logits.dtype


for name, check in (
    ("runner_up", _best_wrong),
    ("shuffled", _moved),
    ("class_means", _means),
):
    made = ROOM.function(
        PLACE + name, lambda: {"logits": LOGITS.clone(), "labels": LABELS.clone()}
    )
    made.right("as it is", nothing, check)
    made.right("float64", lambda: {"logits": LOGITS.double()}, check)
    made.vary("logits", values.logits(LOGITS))
    made.vary("labels", values.labels(LABELS, 4))
    made.refuse("two classes", lambda: {"logits": LOGITS[:, :2], "labels": LABELS % 2},
                names=("logits",))  # fmt: skip
    made.circumstances()
    if name == "shuffled":
        made.vary("seed", values.seed())

shared = ROOM.function(
    PLACE + "same_runner_up",
    lambda: {"first": FIRST.clone(), "second": SECOND.clone(), "labels": LABELS.clone()},
)


def _by_pairs(value: Any, arguments: dict[str, Any]) -> None:
    """Every image of a class with every other one, in a loop."""
    first, second, labels = (arguments[k].tolist() for k in ("first", "second", "labels"))
    same, other, images = 0, 0.0, 0
    for number in set(labels):
        rows = [i for i, y in enumerate(labels) if y == number]
        if len(rows) < 2:
            continue
        images += len(rows)
        same += sum(first[i] == second[i] for i in rows)
        pairs = [first[i] == second[j] for i, j in itertools.permutations(rows, 2)]
        other += len(rows) * sum(pairs) / len(pairs)
    assert math.isclose(value.same_image, same / images)
    assert math.isclose(value.other_image, other / images)


shared.right("as it is", nothing, _by_pairs)
shared.right("one class", lambda: {"labels": torch.zeros(8, dtype=torch.long)}, _by_pairs)
for name, like in (("first", FIRST), ("second", SECOND), ("labels", LABELS)):
    odds = [
        odd
        for odd in values.labels(like, 4)
        if odd.label not in ("C itself", "10**9", "2**62", "bool")
    ]
    shared.vary(name, odds)
    for large in (4, 10**9, 2**62):  # any number names a class
        shared.right(
            f"{name} with {large}",
            lambda name=name, like=like, large=large: {
                name: torch.where(like == like[0], large, like)
            },
            _by_pairs,
        )
shared.refuse("no two of a class", lambda: {"labels": torch.arange(8)}, names=("labels",))
shared.circumstances()

TABLE = np.arange(16.0).reshape(4, 4) ** 2 + 1
pseudo = ROOM.function(PLACE + "per_teacher", lambda: {"table": TABLE.copy()})


def _jackknife(value: Any, arguments: dict[str, Any]) -> None:
    numbers = np.asarray(arguments["table"], dtype=float)

    def mean(rows: list[int]) -> float:
        return float(np.mean([numbers[p] for p in itertools.permutations(rows, 2)]))

    everyone = list(range(len(numbers)))
    n = len(everyone)
    wanted = [
        n * mean(everyone) - (n - 1) * mean([r for r in everyone if r != i])
        for i in everyone
    ]
    require_equal(value, wanted)


pseudo.right("as it is", nothing, _jackknife)
pseudo.right("a list", lambda: {"table": TABLE.tolist()}, _jackknife)
pseudo.right("a tensor", lambda: {"table": torch.from_numpy(TABLE)}, _jackknife)
pseudo.right("integers", lambda: {"table": TABLE.astype(int)}, _jackknife)
for label, odd in {
    "None": None, "a number": 3.0, "a word": "table", "flat": TABLE.flatten(),
    "not square": TABLE[:3], "two teachers": TABLE[:2, :2], "empty": np.zeros((0, 0)),
    "NaN": TABLE * math.nan, "inf": TABLE + math.inf, "complex": TABLE * 1j,
    "bool": TABLE > 3, "words": np.array([["a"] * 3] * 3), "a dict": {}, "three axes":
    TABLE[None], "ragged": [[1.0], [1.0, 2.0]],
}.items():  # fmt: skip
    pseudo.refuse(f"table: {label}", lambda o=odd: {"table": o}, names=("table",))
pseudo.circumstances()

one = ROOM.function(
    PLACE + "Shared", lambda: {"same_image": 0.5, "other_image": 0.25},
    call=lambda **a: found(PLACE + "Shared")(**a).same_image,
)  # fmt: skip
one.right("as it is", nothing, lambda value, _: require_equal(value, 0.5))


def _as_soft(value: Any, arguments: dict[str, Any]) -> None:
    """Entropies by a sum over the classes, in a loop."""
    T, like = arguments["temperature"], arguments.get("like")

    def softness(row: list[float]) -> float:
        weights = [math.exp((z - max(row)) / T) for z in row]
        return -sum(w / sum(weights) * math.log(w / sum(weights)) for w in weights)

    wanted = [softness(row) for row in arguments["logits"].double().tolist()]
    if like is not None:
        wanted = [float(np.mean([wanted[i] for i in like.tolist()]))] * len(wanted)
    for row, label, nats in zip(
        value.double().tolist(), arguments["labels"].tolist(), wanted, strict=True
    ):
        assert math.isclose(softness(row), nats, abs_tol=1e-5)
        assert all(z == 0 for c, z in enumerate(row) if c != label)


alone = ROOM.function(
    PLACE + "doubt_alone",
    lambda: {"logits": LOGITS.clone(), "labels": LABELS.clone(), "temperature": 2.0},
)
alone.right("as it is", nothing, _as_soft)
alone.right("float64", lambda: {"logits": LOGITS.double()}, _as_soft)
alone.right("the mean of three", lambda: {"like": torch.tensor([0, 3, 5])}, _as_soft)
alone.vary("logits", values.logits(LOGITS))
alone.vary("labels", values.labels(LABELS, 4))
alone.vary("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
alone.refuse("two classes", lambda: {"logits": LOGITS[:, :2], "labels": LABELS % 2},
             names=("logits",))  # fmt: skip
for label, odd in {
    "no row": torch.zeros(0, dtype=torch.long), "beyond": torch.tensor([8]),
    "below": torch.tensor([-1]), "floats": torch.tensor([0.5]), "a list": [0, 1],
    "two axes": torch.zeros(2, 2, dtype=torch.long), "a word": "all",
}.items():  # fmt: skip
    alone.refuse(f"like: {label}", lambda o=odd: {"like": o}, names=("like",))
alone.circumstances()


def _leads(value: Any, arguments: dict[str, Any]) -> None:
    """Means over the rows, in a loop."""
    wanted = []
    for row, label in zip(
        arguments["logits"].double().tolist(), arguments["labels"].tolist(), strict=True
    ):
        wrong = np.delete(row, label)
        odds = math.log(np.exp(wrong - wrong.max()).mean()) + wrong.max()
        share = 1 / np.exp(np.asarray(row) - row[label]).sum()
        wanted.append((row[label] - wrong.mean(), row[label] - odds, wrong.std(), share))
    for got, mean in zip(
        (value.lead, value.over_odds, value.spread, value.share),
        np.mean(wanted, axis=0),
        strict=True,
    ):
        assert math.isclose(got, mean, rel_tol=1e-6, abs_tol=1e-6)


ahead = ROOM.function(
    PLACE + "leads", lambda: {"logits": LOGITS.clone(), "labels": LABELS.clone()}
)
ahead.right("as it is", nothing, _leads)
ahead.right("float64", lambda: {"logits": LOGITS.double()}, _leads)
ahead.vary("logits", values.logits(LOGITS))
ahead.vary("labels", values.labels(LABELS, 4))
ahead.refuse("two classes", lambda: {"logits": LOGITS[:, :2], "labels": LABELS % 2},
             names=("logits",))  # fmt: skip
ahead.circumstances()

four = ROOM.function(
    PLACE + "Leads", lambda: {"lead": 4.6, "over_odds": 4.5, "spread": 0.6, "share": 0.9},
    call=lambda **a: found(PLACE + "Leads")(**a).spread,
)  # fmt: skip
four.right("as it is", nothing, lambda value, _: require_equal(value, 0.6))
