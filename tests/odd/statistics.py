"""Intervals and tests, runs and tables: against SciPy, scikit-learn and formulas."""

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pandas as pd
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdteach.stats import Interval
from tests.odd import lists, values
from tests.odd.sweep import Room, equals, found, near, nothing, require_equal

ROOM = Room("stats, tables")
A, B = [14.0, 12.0, 15.0, 11.0, 13.0], [9.0, 8.0, 10.0, 8.0, 7.0]
OURS = Interval(1.5, 0.5, 2.5, 0.95, 10)


def _level(value: float) -> bool:
    return 0 < value < 1


def _t(numbers: Any, level: float) -> tuple[float, float, float]:
    data = np.array([float(x) for x in numbers])
    size = float(np.abs(data).max()) or 1.0  # so that no square leaves the range
    data = data / size
    # the lower tail alone: of the upper one SciPy loses digits near 1
    low, _ = scipy.stats.t.interval(
        level, len(data) - 1, loc=data.mean(), scale=scipy.stats.sem(data)
    )
    mean, low = float(data.mean()), float(low)
    return mean * size, low * size, (2 * mean - low) * size


def _is(interval: Any, wanted: tuple[float, float, float], level: float, n: int) -> None:
    require_equal((interval.mean, interval.low, interval.high), wanted, rtol=1e-8)
    assert (interval.level, interval.n) == (level, n)


# one method, two methods

mean_interval = ROOM.function("kdteach.stats.mean_interval", lambda: {"values": list(A)})
mean_interval.vary("values", lists.numbers(A))
mean_interval.vary("level", values.number(0.5, _level))
mean_interval.circumstances()
for level in (0.5, 0.95, 0.999, 1e-6, 1 - 1e-12):
    mean_interval.right(
        f"level = {level}", lambda v=level: {"level": v},
        lambda value, a: _is(value, _t(a["values"], a["level"]), a["level"], 5),
    )  # fmt: skip
for label, numbers in {
    "two": [1.0, 2.0], "large": [1e15, 1e15 + 2, 1e15 + 4], "small": [1e-300, 3e-300],
    "bool": [True, False, True],
}.items():  # fmt: skip
    mean_interval.either(
        label, lambda v=numbers: {"values": v},
        lambda value, a: _is(value, _t(a["values"], 0.95), 0.95, len(a["values"])),
    )  # fmt: skip
mean_interval.right(
    "all equal", lambda: {"values": [3.0] * 4},
    lambda value, _: _is(value, (3.0, 3.0, 3.0), 0.95, 4),
)  # fmt: skip
mean_interval.either(
    "beyond float64", lambda: {"values": [1e308, 1.5e308]},
    lambda value, _: near(1.25e308)(value.mean, {}),
)  # fmt: skip
mean_interval.right(
    "runs with seeds",
    lambda: {"values": found("kdteach.runs.Runs")(A, range(5))},
    lambda value, _: _is(value, _t(A, 0.95), 0.95, 5),
)


def _drawn_means(_: Any, good: dict[str, Any]) -> None:
    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(
        st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8),
        st.sampled_from([np.float64, np.float32, list, tuple]),
    )
    def agrees(numbers: list[float], kind: Any) -> None:
        given_ = kind(numbers) if kind in (list, tuple) else np.array(numbers, dtype=kind)
        as_read = [float(x) for x in given_]
        got = mean_interval.call(values=given_)
        mean, low, high = _t(as_read, 0.95)
        size = max(map(abs, as_read)) + 1e-12
        for mine, its in ((got.mean, mean), (got.low, low), (got.high, high)):
            if not math.isnan(its):  # SciPy, where nothing varies
                assert abs(mine - its) <= 1e-8 * size, (mine, its)

    agrees()


mean_interval.right("drawn", nothing, _drawn_means, names=("nothing",))

difference = ROOM.function(
    "kdteach.stats.paired_difference", lambda: {"a": list(A), "b": list(B)}
)
for name, like in (("a", A), ("b", B)):
    difference.vary(name, lists.numbers(like))
difference.vary("level", values.number(0.5, _level))
difference.circumstances()
difference.right(
    "as it is", nothing,
    lambda value, a: _is(value, _t(np.subtract(A, B), 0.95), 0.95, 5),
)  # fmt: skip
difference.refuse("other lengths", lambda: {"b": B[:-1]}, names=("a", "b"))
difference.refuse("one for all", lambda: {"b": [3.0]}, names=("a", "b"))
difference.right(
    "unsigned numbers",
    lambda: {"a": np.array(B, dtype=np.uint8), "b": np.array(A, dtype=np.uint8)},
    lambda value, a: _is(value, _t(np.subtract(B, A), 0.95), 0.95, 5),
)

ratio = ROOM.function(
    "kdteach.stats.ratio_of_means", lambda: {"part": list(A), "whole": list(B)}
)
for name, like in (("part", A), ("whole", B)):
    ratio.vary(name, lists.numbers(like))
ratio.vary("level", values.number(0.5, lambda x: 0 < x < 1 - 1e-4))
ratio.circumstances()


def _by_t_tests(value: Any, arguments: dict[str, Any]) -> None:
    """At both ends the paired t test is on the verge of its level, inside it is not."""
    a, b = (np.array(arguments[name], dtype=float) for name in ("part", "whole"))
    assert math.isclose(value.mean, a.mean() / b.mean())
    for end in (value.low, value.high):
        p = scipy.stats.ttest_rel(a, end * b).pvalue
        assert math.isclose(p, 1 - value.level, rel_tol=1e-6)
    assert scipy.stats.ttest_rel(a, value.mean * b).pvalue > 0.999


ratio.right("as it is", nothing, _by_t_tests)
for scale in (1e-200, 1e-3, 1e5, 1e200):
    ratio.right(f"part times {scale}", lambda s=scale: {"part": [s * x for x in A]},
                lambda value, a: require_equal(value.n, 5))  # fmt: skip
ratio.refuse("a whole around 0", lambda: {"whole": [-1.0, 1, 2, -2, 0.1]}, names=("whole",))
ratio.refuse("other lengths", lambda: {"whole": B[:-1]}, names=("part", "whole"))


def _runs(numbers: Any, seeds: Any) -> Any:
    return found("kdteach.runs.Runs")(numbers, seeds)


difference.right(
    "seeds in another order",
    lambda: {"a": _runs(A, range(5)), "b": _runs(B[::-1], range(4, -1, -1))},
    lambda value, a: _is(value, _t(np.subtract(A, B), 0.95), 0.95, 5),
)
difference.refuse(
    "other seeds", lambda: {"a": _runs(A, range(5)), "b": _runs(B, range(1, 6))},
    names=("seed",),
)  # fmt: skip

compared = ROOM.function(
    "kdteach.comparisons.compare",
    lambda: {"a": list(A), "b": list(B), "expect": "higher", "unit": "points"},
)
for name, like in (("a", A), ("b", B)):
    compared.vary(name, lists.numbers(like))
compared.vary("level", values.number(0.5, _level))
compared.vary("expect", values.choice("higher", none=True))
compared.vary("bound", values.number(0.5, lambda x: x > 0, none=True))
compared.vary("unit", values.text())
compared.vary("comparisons", values.count(2, most=10_000))
compared.vary("test_share", values.number(0.5, lambda x: 0 < x < 1, none=True))
compared.circumstances()
compared.right(
    "corrected", lambda: {"comparisons": 4, "level": 0.9},
    lambda value, a: _is(value, _t(np.subtract(A, B), 0.975), 0.975, 5),
)  # fmt: skip
compared.refuse("other lengths", lambda: {"b": B[:-1]}, names=("a", "b"))
several = ROOM.function(
    "kdteach.comparisons.compare_many",
    lambda: {"pairs": {"one": (list(A), list(B)), "two": (list(B), list(A))}},
)
several.vary(
    "pairs",
    values.refused(
        ("None", lambda: None), ("a list", lambda: [(A, B)]), ("empty", dict),
        ("a word", lambda: "ab"), ("a number", lambda: {"one": 3.0}),
        ("three", lambda: {"one": (A, B, A)}), ("a set", lambda: {"one": {1, 2}}),
        ("an array", lambda: {"one": np.array([A, B])}),
    ),
)  # fmt: skip
several.refuse("words", lambda: {"pairs": {"x": ("ab", "cd")}}, names=("a",))
several.refuse("unpaired", lambda: {"pairs": {"x": (A, B[1:])}}, names=("a", "b"))
several.vary("level", values.number(0.5, _level))
several.vary("expect", values.choice("lower", none=True))
several.vary("bound", values.number(0.5, lambda x: x > 0, none=True))
several.vary("unit", values.text())
several.vary("test_share", values.number(0.5, lambda x: 0 < x < 1, none=True))
judged = ROOM.function(
    "kdteach.comparisons.Comparison",
    lambda: {
        "mean": 1.5, "low": 0.5, "high": 2.5, "level": 0.5, "n": 10, "expect": "lower",
        "bound": 3.0, "unit": "points", "comparisons": 2, "seeds": (0, 1),
    },
    call=lambda **a: repr(found("kdteach.comparisons.Comparison")(**a)),
)  # fmt: skip
judged.right(
    "as it is", nothing,
    equals("fails: 1.50 [0.50, 2.50] points (50% interval, n = 10, one of 2)"),
)  # fmt: skip
judged.vary("mean", values.number(1.5, lambda x: True))
judged.vary("low", values.number(0.5, lambda x: x <= 2.5), names=("low", "interval"))
judged.vary("high", values.number(2.5, lambda x: x >= 0.5), names=("high", "interval"))
judged.vary("level", values.number(0.5, _level))
judged.vary("n", values.count(10))
judged.vary("expect", values.choice("lower", none=True))
judged.vary("bound", values.number(3.0, lambda x: x > 0, none=True))
judged.vary("test_share", values.number(0.5, lambda x: 0 < x < 1, none=True))
judged.vary("unit", values.text())
judged.vary("comparisons", values.count(2, most=10_000))

verdict = ROOM.function(
    "kdteach.stats.verdict", lambda: {"published": 2.0, "ours": OURS, "negligible": 0.5},
    also={"ours": ("interval",)},
)  # fmt: skip
verdict.vary("published", values.number(2.0, lambda x: True))
verdict.vary("negligible", values.number(0.5, lambda x: x > 0))
verdict.vary(
    "ours",
    values.refused(
        ("None", lambda: None), ("a number", lambda: 1.5), ("a tuple", lambda: (0.5, 2.5)),
        ("a word", lambda: "1.5 [0.5, 2.5]"), ("the class", lambda: Interval),
        ("numbers", lambda: list(A)), ("a dict", lambda: {"low": 0.5, "high": 2.5}),
        ("NaN", lambda: Interval(math.nan, math.nan, math.nan, 0.95, 3)),
        ("an end NaN", lambda: Interval(1.0, math.nan, 2.0, 0.95, 3)),
        ("ends swapped", lambda: Interval(1.0, 2.0, 0.5, 0.95, 3)),
        ("words inside", lambda: Interval("a", "b", "c", 0.95,
        3)),  # type: ignore[arg-type]
    ),
)  # fmt: skip
for says, published, low, high, small in (
    ("real", 1.0, 0.1, 2.0, 0.5), ("real", -1.0, -2.0, -0.1, 0.5),
    ("reversed", 1.0, -2.0, -0.1, 0.5), ("reversed", -1.0, 0.1, 2.0, 5.0),
    ("noise", 1.0, -0.4, 0.4, 0.5), ("noise", -3, -0.4, 0.4, 0.5),
    ("cannot be told", 1.0, -0.4, 0.6, 0.5), ("cannot be told", 1.0, -0.5, 0.4, 0.5),
    ("cannot be told", 1.0, 0.0, 2.0, 0.5), ("cannot be told", 1.0, -math.inf, math.inf, 1),
):  # fmt: skip
    verdict.either(
        f"{published}, {low} to {high}",
        lambda p=published, lo=low, hi=high, s=small: {
            "published": p, "ours": Interval(0.0, lo, hi, 0.95, 5), "negligible": s,
        },
        equals(says),
    )  # fmt: skip
verdict.circumstances()

interval = ROOM.function(
    "kdteach.stats.Interval",
    lambda: {"mean": 1.5, "low": 0.5, "high": 2.5, "level": 0.5, "n": 10},
    call=lambda **a: str(found("kdteach.stats.Interval")(**a)),
)  # fmt: skip
interval.right("as it is", nothing, equals("1.50 [0.50, 2.50]"))
interval.right("a point", lambda: {"low": 1.5, "high": 1.5}, equals("1.50 [1.50, 1.50]"))
interval.vary("mean", values.number(1.5, lambda x: True))
interval.vary("low", values.number(0.5, lambda x: x <= 2.5), names=("low", "interval"))
interval.vary("high", values.number(2.5, lambda x: x >= 0.5), names=("high", "interval"))
interval.vary("level", values.number(0.5, _level))
interval.vary("n", values.count(10))
covers = ROOM.function(
    "kdteach.stats.Interval", lambda: {"value": 1.0}, title="Interval.covers",
    call=lambda value: OURS.covers(value),
)  # fmt: skip
for number, inside in ((0.5, True), (2.5, True), (1, True), (0.4999, False), (3, False)):
    covers.right(f"{number}", lambda n=number: {"value": n}, equals(inside))
covers.vary("value", values.number(1.0, lambda x: True))

# proportions

proportion = ROOM.function(
    "kdteach.stats.proportion_interval", lambda: {"successes": 8, "n": 10}
)
proportion.vary("successes", values.count(8, least=0, most=10))
proportion.vary("n", values.count(10, least=8))
proportion.vary("level", values.number(0.5, _level))
proportion.circumstances()


def _wilson(value: Any, arguments: dict[str, Any]) -> None:
    k, n = int(arguments["successes"]), int(arguments["n"])
    level = arguments.get("level", 0.95)
    with mpmath.workdps(40):
        z = mpmath.sqrt(2) * mpmath.erfinv(mpmath.mpf(level))
        p = mpmath.mpf(k) / n
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * mpmath.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        wanted = [float(x) for x in (p, centre - half, centre + half)]
    got = (value.mean, value.low, value.high)
    for mine, its in zip(got, wanted, strict=True):
        assert math.isclose(mine, its, rel_tol=1e-8, abs_tol=1e-12), (got, wanted)


for k, n in ((0, 1), (1, 1), (0, 1000), (1000, 1000), (3, 7), (5 * 10**8, 10**9)):
    proportion.right(f"{k} of {n}", lambda k=k, n=n: {"successes": k, "n": n}, _wilson)
for k, n in ((5 * 10**19, 10**20), (10**399, 10**400)):
    proportion.either(
        f"{float(Fraction(k, n)):g} of {len(str(n))} digits",
        lambda k=k, n=n: {"successes": k, "n": n}, _wilson, names=("n", "successes"),
    )  # fmt: skip
for kind in (np.int8, np.uint8, np.int64):
    proportion.right(
        f"both {kind.__name__}", lambda k=kind: {"successes": k(100), "n": k(127)}, _wilson
    )

# areas under curves

SCORES = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9]
TRUTH = [False, False, True, True, True, True]


def _delong(value: Any, arguments: dict[str, Any]) -> None:
    truth = [bool(x) for x in arguments["positive"]]
    scores = [float(x) for x in arguments["scores"]]
    up = [s for s, t in zip(scores, truth, strict=True) if t]
    down = [s for s, t in zip(scores, truth, strict=True) if not t]

    def wins(a: float, b: float) -> float:
        return 1.0 if a > b else 0.5 if a == b else 0.0

    rows = [np.mean([wins(a, b) for b in down]) for a in up]
    columns = [np.mean([wins(a, b) for a in up]) for b in down]
    area = float(np.mean(rows))
    spread = np.var(rows, ddof=1) / len(up) + np.var(columns, ddof=1) / len(down)
    reach = scipy.stats.norm.ppf((1 + arguments.get("level", 0.95)) / 2) * math.sqrt(spread)
    ends = max(area - reach, 0.0), min(area + reach, 1.0)
    require_equal((value.mean, value.low, value.high), (area, *map(float, ends)), rtol=1e-8)


auc = ROOM.function(
    "kdteach.stats.auc_interval", lambda: {"scores": list(SCORES), "positive": list(TRUTH)}
)
auc.vary("scores", [o for o in lists.numbers([1, 4, 3, 8, 4, 9]) if "float" not
    in o.label])  # fmt: skip
auc.vary("positive", lists.truths(TRUTH))
auc.vary("level", values.number(0.5, _level))
auc.circumstances()
auc.right("as it is", nothing, _delong)
auc.right("all ties", lambda: {"scores": [1.0] * 6}, _delong)
auc.right("close", lambda: {"scores": (1e15 + np.arange(6)).tolist()}, _delong)
auc.refuse("too few scores", lambda: {"scores": SCORES[:-1]}, names=("scores",))
auc.refuse("all positive", lambda: {"positive": [True] * 6}, names=("positive",))
auc.refuse("one positive", lambda: {"positive": [True] + [False] * 5}, names=("positive",))


def _many() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"scores": rng.random(60_000), "positive": rng.random(60_000) < 0.5}


def _area(value: Any, arguments: dict[str, Any]) -> None:
    from sklearn.metrics import roc_auc_score

    near(roc_auc_score(arguments["positive"], arguments["scores"]))(value.mean, {})


auc.right("60,000 images", _many, _area, alone=True, names=("scores",))

# which images were right

RIGHT_A = [[True, True, False, True], [True, False, False, True]]
RIGHT_B = [[True, False, False, True], [False, False, False, True]]


bootstrap = ROOM.function(
    "kdteach.stats.bootstrap_difference",
    lambda: {"correct_a": [list(r) for r in RIGHT_A],
    "correct_b": [list(r) for r in RIGHT_B],
             "resamples": 50},
)  # fmt: skip
for name, rows in (("correct_a", RIGHT_A), ("correct_b", RIGHT_B)):
    plain = values.Same(lambda rows=rows: [list(r) for r in rows])
    either = values.Maybe(lambda rows=rows: [list(r) for r in rows])
    bootstrap.vary(
        name,
        [
            values.Odd("an array", lambda rows=rows: np.array(rows), plain),
            values.Odd("a tensor", lambda rows=rows: torch.tensor(rows), plain),
            values.Odd("tuples", lambda rows=rows: tuple(map(tuple, rows)), plain),
            values.Odd("a list of tensors", lambda r=rows: [torch.tensor(x) for x in r],
            plain),
            values.Odd("a list of arrays", lambda r=rows: [np.array(x) for x in r], plain),
            values.Odd("a DataFrame", lambda rows=rows: pd.DataFrame(rows), either),
            values.Odd("0 and 1", lambda rows=rows: np.array(rows).astype(int), either),
            values.Odd("0.0 and 1.0", lambda rows=rows: np.array(rows).astype(float),
            either),
            *values.refused(
                ("wrong images", lambda: [[3, 5, 7, 11], [2, 4, 6, 8]]),
                ("of unequal length", lambda: [[3, 5], [2, 4, 6]]),
                ("accuracies", lambda: [[0.9, 0.8, 0.7, 0.9], [0.9, 0.8, 0.7, 0.9]]),
                ("NaN", lambda: np.full((2, 4), math.nan)),
                ("words", lambda: [["True"] * 4, ["False"] * 4]),
                ("None inside", lambda: [[None] * 4, [True] * 4]),
                ("None", lambda: None),
                ("one run", lambda rows=rows: rows[0]),
                ("other images", lambda rows=rows: [r[:-1] for r in rows]),
                ("another number of seeds", lambda rows=rows: rows[:1]),
                ("three dimensions", lambda rows=rows: [rows]),
                ("empty", list),
                ("no images", lambda: [[], []]),
                ("complex", lambda rows=rows: np.array(rows).astype(complex)),
                ("-1 and 1", lambda rows=rows: np.array(rows) * 2 - 1),
                ("a meta tensor", lambda rows=rows: torch.tensor(rows).to("meta")),
                ("a broken length", values.Sizeless),
                ("records of a file", lambda: found("kdteach.runs.WrongImages")(
                    [[1, 2], [3, 4]], [0, 1], ["a", "a"])),
            ),
        ],
    )  # fmt: skip
bootstrap.vary("level", values.number(0.5, _level))
bootstrap.vary("resamples", values.count(50, heavy=(10**13, 10**20)))
bootstrap.vary("seed", values.seed())
bootstrap.circumstances()


def _difference(value: Any, arguments: dict[str, Any]) -> None:
    exact = np.mean(arguments["correct_a"]) - np.mean(arguments["correct_b"])
    near(float(exact))(value.mean, {})
    assert value.low <= value.high
    assert value.low >= -1
    assert value.high <= 1


for label, change in {
    "as it is": nothing,
    "equal": lambda: {"correct_b": RIGHT_A},
    "one resample": lambda: {"resamples": 1},
    "one image": lambda: {"correct_a": [[True]], "correct_b": [[False]]},
    "seed of 18 digits": lambda: {"seed": 10**18},
}.items():
    bootstrap.right(label, change, _difference)
for digits in (20, 400):
    bootstrap.either(f"seed of {digits} digits", lambda d=digits: {"seed": 10**d},
        _difference)  # fmt: skip


def _reach(value: Any, arguments: dict[str, Any]) -> None:
    """Of one image a seed the two levels are one: quantiles of a mean of n differences."""
    n = len(arguments["correct_a"])
    # each resample's mean is binomial(n, 1/2) / n: half of the seeds differ by 1
    low, high = scipy.stats.binom.ppf([0.025, 0.975], n, 0.5) / n
    assert abs(value.low - low) <= 1.01 / n
    assert abs(value.high - high) <= 1.01 / n


bootstrap.right(
    "one image, many seeds",
    lambda: {"correct_a": [[i % 2 == 0] for i in range(100)], "correct_b": [[False]] * 100,
             "resamples": 4000},
    _reach,
)  # fmt: skip

mcnemar = ROOM.function(
    "kdteach.stats.mcnemar",
    lambda: {"correct_a": [True, True, False, True, True],
    "correct_b": [True] + [False] * 4},
)  # fmt: skip
mcnemar.vary("correct_a", lists.truths([True, True, False, True, True]))
mcnemar.vary("correct_b", lists.truths([True] + [False] * 4))
mcnemar.circumstances()


def _exact(value: Any, arguments: dict[str, Any]) -> None:
    a, b = (np.array(arguments[name]) for name in ("correct_a", "correct_b"))
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    p = 1.0
    if only_a + only_b:
        p = float(scipy.stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)
    require_equal((value.only_a, value.only_b, value.p_value), (only_a, only_b, p),
        rtol=1e-9)  # fmt: skip


mcnemar.right("as it is", nothing, _exact)
mcnemar.right("equal", lambda: {"correct_b": [True, True, False, True, True]}, _exact)
mcnemar.right("one image", lambda: {"correct_a": [True], "correct_b": [False]}, _exact)
mcnemar.right(
    "10,000 images",
    lambda: {"correct_a": [i % 7 != 0 for i in range(10_000)],
             "correct_b": [i % 5 != 0 for i in range(10_000)]},
    _exact,
)  # fmt: skip

# runs that know their seeds

runs = ROOM.function(
    "kdteach.runs.Runs", lambda: {"values": list(A), "seeds": list(range(5))}
)
runs.vary("values", [o for o in lists.numbers(A, short=False) if "Series" not in o.label])
for label, seeds in {
    "twice": [0, 1, 2, 3, 3], "too few": [0, 1], "below 0": [-1, 0, 1, 2, 3],
    "floats": [0.0, 1, 2, 3, 4], "bool": [True, 2, 3, 4, 5], "words": list("01234"),
    "None": None, "a number": 3, "NaN": [math.nan, 1, 2, 3, 4], "a word": "01234",
    "equal numbers": [0, np.int64(0), 1, 2, 3],
}.items():  # fmt: skip
    runs.refuse(f"seeds: {label}", lambda s=seeds: {"seeds": s}, names=("seed", "seeds"))
runs.right(
    "NumPy's seeds", lambda: {"seeds": np.arange(5)},
    lambda value, _: require_equal(value.seeds, (0, 1, 2, 3, 4)),
)  # fmt: skip


def _arithmetic(label: str, act: Any, other: Any, right: bool) -> None:
    """Arithmetic with two methods' runs: as NumPy's where the seeds are the same."""

    def check(value: Any, _: Any) -> None:
        require_equal(np.asarray(value), np.asarray(act(np.array(A), np.array(B))))

    runs.add(
        label, nothing, call=lambda **a: act(_runs(A, range(5)), other()),
        right=check if right else None, must=right, names=("seed", "seeds"),
    )  # fmt: skip


for label, act in {
    "minus": lambda a, b: a - b, "times 2": lambda a, b: 2.0 * a,
    "squared": lambda a, b: a**2, "some": lambda a, b: a[[0, 3]],
    "those above": lambda a, b: a[a > b + 4], "turned round": lambda a, b: a[::-1],
    "sorted": lambda a, b: np.sort(a), "mean": lambda a, b: np.array([a.mean()]),
    "stacked": lambda a, b: np.stack([a, b]), "over": lambda a, b: a / b,
    "larger": lambda a, b: np.maximum(a, b),
}.items():  # fmt: skip
    _arithmetic(label, act, lambda: _runs(B, range(5)), True)
for label, act in {
    "minus": lambda a, b: a - b, "+=": lambda a, b: a.__iadd__(b),
    "larger": lambda a, b: np.maximum(a, b), "compared": lambda a, b: a > b,
    "times": lambda a, b: np.multiply(a, b, out=np.empty(5)),
}.items():  # fmt: skip
    for whose, other in {
        "other seeds": lambda: _runs(B, range(1, 6)),
        "seeds in another order": lambda: _runs(B, [4, 3, 2, 1, 0]),
        "fewer seeds": lambda: _runs(B[:4], range(4)),
    }.items():
        _arithmetic(f"{label}, {whose}", act, other, False)

paired = ROOM.function("kdteach.runs.paired", lambda: {"a": list(A), "b": list(B)})
for label, change in {
    "other lengths": lambda: {"b": B[:-1]},
    "seeds that one lacks": lambda: {"a": _runs(A, range(5)), "b": _runs(B, range(1, 6))},
    "fewer seeds": lambda: {"a": _runs(A, range(5)), "b": _runs(B[:3], range(3))},
}.items():
    paired.refuse(label, change, names=("a", "b"))
paired.right("lists", nothing, equals((np.array(A), np.array(B))))
paired.right(
    "in another order", lambda: {"a": _runs(A, range(5)),
    "b": _runs(B[::-1], [4, 3, 2, 1, 0])},
    equals((np.array(A), np.array(B))),
)  # fmt: skip
for name in ("a", "b"):
    paired.vary(name, [o for o in lists.numbers(A) if o.stands_for is None
                       and o.label not in ("with NaN", "with inf", "with -inf"
                   )])  # fmt: skip

wrong = ROOM.function(
    "kdteach.runs.WrongImages",
    lambda: {"lists": [[1, 2], [3]], "seeds": [0, 1], "data": ["a", "a"]},
)
wrong.right("as it is", nothing, lambda value, _: require_equal(list(value), [[1, 2], [3]]))
wrong.add(
    "other images", nothing, names=("images", "data"),
    call=lambda **a: wrong_of(**a).require_same(wrong_of(a["lists"], a["seeds"],
    ["a", "b"])),
)  # fmt: skip
wrong.add(
    "other seeds", nothing, names=("seed", "seeds"),
    call=lambda **a: wrong_of(**a).require_same(wrong_of(a["lists"], [0, 2], a["data"])),
)  # fmt: skip


def wrong_of(lists: Any, seeds: Any, data: Any) -> Any:
    """Of a record."""
    return found("kdteach.runs.WrongImages")(lists, seeds, data)
