"""Figures, sentences and tables: the numbers in the text are those of NumPy."""

import math
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
import torch

from kdteach.claims import ClaimError
from kdteach.stats import Interval
from tests.odd import lists, values
from tests.odd.material import SENTENCE
from tests.odd.sweep import Function, Room, equals, found, nothing, require_equal

ROOM = Room("claims, tables, figures")
SEEDS = np.random.default_rng(0).normal(10, 1, (3, 5))
INTERVAL = Interval(1.5, 0.5, 2.5, 0.95, 10)
FEW = [o for o in lists.numbers([3, 1, 2]) if o.label in (
    "a tuple", "float32", "int64", "a tensor", "a Series", "None", "a number", "a word",
    "words", "ragged", "complex", "with None", "with NaN",
    "with inf", "empty", "a dict", "a generator", "a broken length", "a meta tensor",
    "with 10**400", "a parameter", "dates", "a masked array",
)]  # fmt: skip
"""The strange ones of a list of numbers: figures take as long as all other rooms."""


def _refused(odds: list[values.Odd]) -> list[values.Odd]:
    return [o for o in odds if o.stands_for is None]


# sentences and their evidence

claim = ROOM.function(
    "kdteach.claims.claim", lambda: {"sentence": "It holds.",
    "evidence": True, "text": "3 of 3"},
    errors=(ClaimError,), call=lambda **a: str(found("kdteach.claims.claim")(**a)),
)  # fmt: skip
claim.right("as it is", nothing, equals("Checked: It holds. (3 of 3)"))
claim.right("an interval", lambda: {"text": INTERVAL},
            equals("Checked: It holds. (mean 1.50, 95% interval 0.50 to 2.50, n = 10)"
        ))  # fmt: skip
claim.refuse("does not hold", lambda: {"evidence": False}, names=("does not hold",))
claim.refuse("numpy.False_", lambda: {"evidence": np.False_}, names=("does not hold",))
claim.vary("evidence", values.switch())
claim.vary("sentence", values.text())
claim.vary("text", [o for o in values.text() if o.label != "None"])
marked = ROOM.function(
    "kdteach.claims.claim", lambda: {"sentence": "It holds.", "evidence": True,
    "says": "holds", "details": "ten seeds", "code": "assert True"}, title="claim, marked",
    errors=(ClaimError,), call=lambda **a: str(found("kdteach.claims.claim")(**a)),
)  # fmt: skip
marked.right("as it is", nothing, equals("It holds. [holds: ten seeds]"))
marked.refuse("does not hold", lambda: {"evidence": False}, names=("holds", "fails"))
marked.right("fails as it says", lambda: {"evidence": False, "says": "fails"},
    equals("It holds. [fails: ten seeds]"))  # fmt: skip
marked.vary("says", [o for o in values.choice("holds") if o.label != "None"])
for part in ("details", "code"):
    marked.vary(part, values.text())
claim.right("HTML in it", lambda: {"sentence": "<b>&"}, lambda value,
    _: require_equal("<b>" in value, False),
            call=lambda **a: found("kdteach.claims.claim")(**a)._repr_html_())  # fmt: skip
claim.circumstances()
text = ROOM.function("kdteach.claims.interval_text", lambda: {"interval": INTERVAL})
text.right("as it is", nothing, equals("mean 1.50, 95% interval 0.50 to 2.50, n = 10"))
text.right("a unit", lambda: {"unit": "points", "digits": 1},
    equals("mean 1.5 points, 95% interval 0.5 to 2.5, n = 10"))  # fmt: skip
INTERVALS = values.refused(
    ("None", lambda: None), ("numbers", lambda: [1.0, 2.0]),
    ("a tuple", lambda: (0.5, 2.5)), ("3.0", lambda: 3.0), ("a word", lambda: "0.5 to 2.5"),
    ("the class", lambda: Interval), ("a dict", lambda: {"low": 1}),
    ("a broken repr", values.Unprintable),
)  # fmt: skip
text.vary("interval", INTERVALS)
text.vary("unit", values.text())
text.vary("digits", values.count(2, least=0, heavy=(10**9, 10**20)))
said = ROOM.function("kdteach.claims.sentence", lambda: {"text": "A sentence."},
    call=lambda text: repr(found("kdteach.claims.sentence")(text)))  # fmt: skip
said.right("as it is", nothing, equals("A sentence."))
said.vary("text", values.text())
for name, good in (
    ("Claim", {"sentence": "It holds.", "evidence": "3 of 3"}),
    ("Sentence", {"text": "A sentence."}),
):
    made = ROOM.function(
        f"kdteach.claims.{name}", lambda good=good: dict(good),
        call=lambda name=name, **a: str(found(f"kdteach.claims.{name}")(**a)),
    )  # fmt: skip
    wanted = "A sentence." if name == "Sentence" else "Checked: It holds. (3 of 3)"
    made.right("as it is", nothing, equals(wanted))
    for argument in good:
        made.vary(argument, values.text())

# tables

A, B = [14.0, 12.0, 15.0, 11.0], [9.0, 8.0, 10.0, 8.0]


def _span(numbers: Any, digits: int = 1, scale: float = 1.0) -> str:
    data = np.array(numbers, dtype=float)
    low, high = scipy.stats.t.interval(0.95, len(data) - 1, loc=data.mean(),
        scale=scipy.stats.sem(data))  # fmt: skip
    return f"{scale * low:.{digits}f} to {scale * high:.{digits}f}"


pairs = ROOM.function(
    "kdteach.tables.pairs", lambda: {"rows": {"T = 1": (A, B)},
    "names": ("plain", "distilled")}
)  # fmt: skip


def _paired(value: pd.DataFrame, arguments: dict[str, Any]) -> None:
    digits, scale = int(arguments.get("digits", 1)), float(arguments.get("scale", 1.0))
    wanted = [f"{scale * np.mean(A):.{digits}f}", f"{scale * np.mean(B):.{digits}f}",
              f"{scale * np.mean(np.subtract(A, B)):.{digits}f}",
              _span(np.subtract(A, B), digits, scale), "4"]  # fmt: skip
    assert value.loc["T = 1"].tolist() == wanted, value.loc["T = 1"].tolist()
    assert list(value.columns)[:2] == list(arguments["names"])


pairs.right("as it is", nothing, _paired)
pairs.right("per cent", lambda: {"scale": 100, "digits": 2}, _paired)
pairs.right("arrays", lambda: {"rows": {"T = 1": (np.array(A), np.array(B))}}, _paired)
pairs.vary("digits", values.count(2, least=0, heavy=(10**9, 10**20)))
pairs.vary("scale", values.number(2.0, lambda x: True))
pairs.circumstances()
for label, rows in {
    "None": None, "a list": [(A, B)], "a word": "rows", "one method": {"a": A},
    "of three": {"a": (A, B, A)}, "other lengths": {"a": (A, B[:2])},
    "words": {"a": ("ab", "cd")},
    "one run each": {"a": ([1.0], [2.0])}, "None inside": {"a": (None, None)},
    "NaN": {"a": ([math.nan, 1.0], [1.0, 2.0])}, "numbers": {"a": 3.0}, "a set": {1, 2},
    "bytes": {"a": (b"12", b"34")},
}.items():  # fmt: skip
    pairs.refuse(f"rows: {label}", lambda r=rows: {"rows": r},
        names=("rows", "a", "b", "values"))  # fmt: skip
for label, names in {"None": None, "one": ("a",), "three": ("a", "b", "c"), "a word": "ab",
    "the same": ("a", "a"), "taken": ("difference", "seeds"),
    "None inside": ("a", None)}.items():  # fmt: skip
    pairs.refuse(f"names: {label}", lambda n=names: {"names": n})
table = ROOM.function("kdteach.tables.runs", lambda: {"rows": {"T = 1": A, "T = 2": B}})


def _listed(value: pd.DataFrame, arguments: dict[str, Any]) -> None:
    digits = int(arguments.get("digits", 1))
    for name, numbers in (("T = 1", A), ("T = 2", B)):
        row = value.loc[name]
        assert row["here, mean"] == f"{np.mean(numbers):.{digits}f}"
        assert row["seeds"] == "4"
        assert row["95 % interval"] == _span(numbers, digits)


table.right("as it is", nothing, _listed)
table.right("a published one", lambda: {"published": {"T = 1": 12.0}}, lambda value,
    _: require_equal(
    value["published"].tolist(), ["12.0", ""]))  # fmt: skip
table.vary("digits", values.count(2, least=0, heavy=(10**9, 10**20)))
table.vary("scale", values.number(2.0, lambda x: True))
table.circumstances()
for label, rows in {
    "None": None, "a list": [A], "a word": "rows", "words": {"a": "ab"},
    "one run": {"a": [1.0]}, "None inside": {"a": None}, "NaN": {"a": [math.nan, 1.0]},
    "a number": {"a": 3.0}, "tables": {"a": [A, B]},
}.items():  # fmt: skip
    table.refuse(f"rows: {label}", lambda r=rows: {"rows": r},
        names=("rows", "a", "values"))  # fmt: skip
for label, published in {"a list": [12.0], "a word": "12", "words": {"T = 1": "12"},
    "NaN": {"T = 1": math.nan}, "a list inside": {"T = 1": [12.0]},
    "True": {"T = 1": True}}.items():  # fmt: skip
    table.refuse(f"published: {label}", lambda p=published: {"published": p},
        names=("published", "T = 1"))  # fmt: skip
judged = ROOM.function("kdteach.tables.verdicts",
    lambda: {"rows": {"T = 1": (2.0, INTERVAL)}, "negligible": 0.5})  # fmt: skip
judged.right("as it is", nothing, lambda value,
    _: require_equal(value.loc["T = 1"].tolist(),
    ["+2.00", "+1.50 [+0.50, +2.50]", "real", "10"]))  # fmt: skip
judged.vary("negligible", values.number(0.5, lambda x: x > 0))
judged.vary("digits", values.count(2, least=0, heavy=(10**9, 10**20)))
judged.circumstances()
for label, rows in {
    "None": None, "a list": [(2.0, INTERVAL)], "a word": "rows", "a number": {"a": 3.0},
    "swapped": {"a": (INTERVAL, 2.0)}, "a tuple for ours": {"a": (2.0, (1.0, 2.0))},
    "NaN": {"a": (math.nan, INTERVAL)},
    "of three": {"a": (2.0, INTERVAL, 1)}, "None inside": {"a": (None, INTERVAL)},
    "words": {"a": ("2", INTERVAL)}, "True": {"a": (True, INTERVAL)},
}.items():  # fmt: skip
    judged.refuse(f"rows: {label}", lambda r=rows: {"rows": r},
        names=("rows", "a", "published", "ours"))  # fmt: skip

# the slider

slider = ROOM.function(
    "kdteach.interactive.temperature_slider",
    lambda: {"logits": [3.0, 1.0, 2.0], "classes": ["a", "b", "c"],
    "description": SENTENCE},
    call=lambda **a: found("kdteach.interactive.temperature_slider")(**a).to_dict(),
)  # fmt: skip


def _rows(chart: dict[str, Any]) -> list[dict[str, Any]]:
    data = chart["data"]
    return data["values"] if "values" in data else chart["datasets"][data["name"]]


def _bars(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    rows = {row["class"]: row["z"] for row in _rows(value)}
    assert rows == {"a": 0.0, "b": -2.0, "c": -1.0}
    assert value["params"][0]["bind"]["max"] == float(arguments.get("highest", 20.0))


slider.right("as it is", nothing, _bars)
slider.vary("logits", FEW)
slider.vary("highest", values.number(2.0, lambda x: x > 0.5))
slider.vary("description", values.text())
slider.right("large", lambda: {"logits": [1e300, 1e300, 1e300]}, lambda value,
    _: require_equal(
    [row["z"] for row in _rows(value)], [0.0] * 3))  # fmt: skip
for label, classes in {"None": None, "a word": "abc", "twice": ["a", "a", "b"],
    "too few": ["a"], "a number": 3, "None inside": ["a", "b", None],
    "a set": {"a", "b", "c"}, "empty": []}.items():  # fmt: skip
    if label != "a word":
        slider.refuse(f"classes: {label}", lambda c=classes: {"classes": c})

# diagrams

drawn = ROOM.function(
    "kdteach.diagrams.diagram", lambda: {"name": "pipeline", "highlight": "teacher"},
    call=lambda **a: found("kdteach.diagrams.diagram")(**a).wide,
)  # fmt: skip


def _one_mark(value: str, arguments: dict[str, Any]) -> None:
    assert value.count("var(--kd-accent)") == 1
    assert value.startswith("<svg")


drawn.right("as it is", nothing, _one_mark)
drawn.right("in a list", lambda: {"highlight": ["teacher"]}, _one_mark)
drawn.right("in a tuple", lambda: {"highlight": ("teacher",)}, _one_mark)
drawn.right("twice", lambda: {"highlight": ["teacher", "student"]}, lambda value,
    _: require_equal(value.count("var(--kd-accent)"), 2))  # fmt: skip
drawn.vary("name", values.choice("pipeline"))
for label, part in {"None": None, "a number": 3, "another": "studnet", "empty": "",
    "None inside": ["teacher", None], "a set": {"teacher"},
    "True": True}.items():  # fmt: skip
    drawn.refuse(f"highlight: {label}", lambda p=part: {"highlight": p})
for label, words in {"None": None, "a number": 3, "bytes": b"a", "a list": ["a"]}.items():
    drawn.refuse(f"caption: {label}", lambda w=words: {"caption": w})
for label, given in {"zero": 0, "below 0": -1.0, "nan": float("nan"), "a word": "hot",
    "True": True}.items():  # fmt: skip
    drawn.refuse(f"temperature: {label}", lambda t=given: {"temperature": t})
drawn.refuse("temperature: of the loss", lambda: {
    "name": "loss", "highlight": (), "temperature": 8.0})  # fmt: skip
drawn.right("HTML in the caption", lambda: {"caption": "<b>&"}, lambda value,
    _: require_equal("<b>" in value, False),
    call=lambda **a: found("kdteach.diagrams.diagram")(**a)._repr_html_(),
)  # fmt: skip
drawn.circumstances()
listed = ROOM.function("kdteach.diagrams.diagram_names", dict)
listed.right("as it is", nothing, lambda value, _: require_equal(value[0], "pipeline"))

# figures


def _figure(name: str, good: dict[str, Any], **options: Any) -> Function:
    """Its description, which holds the main numbers, and that it can be drawn."""
    made = ROOM.function(
        f"kdteach.plots.{name}", lambda: {**good, "alt": SENTENCE},
        call=lambda **a: found(f"kdteach.plots.{name}")(**a).alt, **options,
    )  # fmt: skip
    made.vary("alt", [o for o in values.text() if o.label != "None"])
    made.refuse("alt: empty", lambda: {"alt": ""})
    made.refuse("alt: three words", lambda: {"alt": "Just three words."})
    return made


def _ends(*wanted: str) -> Any:
    def check(value: str, _: Any) -> None:
        for part in wanted:
            assert part in value, f"{part!r} is not in {value!r}"

    return check


def _wrong(function: Function, argument: str, wrongs: dict[str, Any],
    names: tuple[str, ...] = ()) -> None:  # fmt: skip
    for label, wrong in wrongs.items():
        function.refuse(f"{argument}: {label}", lambda w=wrong: {argument: w},
            names=(argument, *names))  # fmt: skip


matrix = _figure("class_matrix", {"matrix": [[0.0, 7.0], [2.0, 0.0]],
    "classes": ["a", "b"], "label": "share"})  # fmt: skip
matrix.right("as it is", nothing, _ends("Largest value 7.0, from true class a to class b"))
matrix.right("an array", lambda: {"matrix": np.array([[0, 7], [2, 0]])},
    _ends("Largest value 7.0"))  # fmt: skip
matrix.right("a tensor", lambda: {"matrix": torch.tensor([[0.0, 7.0], [2.0, 0.0]])},
    _ends("Largest value 7.0"))  # fmt: skip
matrix.right("a large diagonal", lambda: {"matrix": [[99.0, 7.0], [2.0, 99.0]]},
    _ends("Largest value 7.0"))  # fmt: skip
_wrong(matrix, "matrix", {"None": None, "flat": [1.0, 2.0], "a word": "ab",
    "not square": [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], "ragged": [[1.0], [1.0, 2.0]],
    "NaN": [[0, math.nan], [1, 0]], "inf": [[0, math.inf], [1, 0]],
                          "empty": [], "words": [["a", "b"], ["c", "d"]],
                          "complex": [[0, 1j], [1, 0]], "three dimensions": [[[1.0]]],
                          "one class": [[1.0]], "three classes": np.ones((3, 3))},
                          ("classes",))  # fmt: skip
_wrong(matrix, "classes", {"None": None, "too few": ["a"], "too many": ["a", "b", "c"],
    "a number": 2, "None inside": ["a", None]})  # fmt: skip
_wrong(matrix, "label", {"None": None, "a list": ["a"]})
matrix.vary("digits", [o for o in values.count(2, least=0,
    heavy=(10**9,)) if o.stands_for is None or o.label == "numpy.int64"])  # fmt: skip

lines = _figure("lines", {"x": [1.0, 2.0, 3.0],
    "series": {"a": [1.0, 2.0, 4.0], "b": [3.0, 4.0, 5.0]}, "xlabel": "x", "ylabel": "y"
})  # fmt: skip
lines.right("as it is", nothing, _ends("a: from 1 to 4", "b: from 3 to 5"))
lines.right("NumPy's", lambda: {"x": np.arange(3),
    "series": {"a": np.array([1, 2, 4], dtype=np.int8)}}, _ends("a: from 1 to 4"
))  # fmt: skip
lines.right("a reference and points", lambda: {"reference": (2.0, "two"),
    "points": {"a": [1.0, 2.0]}}, _ends("a: from 1 to 4"))  # fmt: skip
for odd in _refused(FEW):
    lines.refuse(f"x: {odd.label}", lambda o=odd: {"x": o.make()}, names=("x",))
    lines.refuse(f"series, one: {odd.label}", lambda o=odd: {"series": {"a": o.make()}},
        names=("series", "a", "x"))  # fmt: skip
_wrong(lines, "series", {"None": None, "empty": {}, "a list": [[1.0, 2.0, 3.0]],
    "a word": "a", "too short": {"a": [1.0]}, "too long": {"a": [1.0] * 4},
    "six": {c: [1.0] * 3 for c in "abcdef"}}, ("a", "x"))  # fmt: skip
_wrong(lines, "roles", {"a list": ["plain"], "unknown": {"a": "nonsense", "b": "plain"},
    "None inside": {"a": None, "b": None}, "a word": "plain"}, ("role", "b"))  # fmt: skip
_wrong(lines, "reference", {"a number": 2.0, "of three": (1.0, "a", 2), "a word": "two",
    "NaN": (math.nan, "two"), "swapped": ("two", 2.0), "None inside": (None, "two"
)})  # fmt: skip
_wrong(lines, "points", {"a list": [1.0], "of no series": {"c": [1.0]},
    "too many": {"a": [1.0] * 4}, "words": {"a": ["1"]}, "None": {"a": None},
    "a word": "a"}, ("a",))  # fmt: skip
for name in ("xlabel", "ylabel"):
    _wrong(lines, name, {"None": None, "a list": ["x"]})
for name in ("xscale", "yscale"):
    lines.vary(name, [o for o in values.choice("log") if o.stands_for is None
        and o.label not in ("a long word", "half a character")])  # fmt: skip

settings = _figure("seeds_by_setting", {"settings": ["1", "2", "3"],
    "series": {"d": SEEDS}, "xlabel": "T", "ylabel": "errors"})  # fmt: skip
settings.right("as it is", nothing, _ends(*(f"{n} {SEEDS[i].mean():.1f}" for i,
    n in enumerate("123"))))  # fmt: skip
settings.right("with bands", lambda: {"bands": {"plain": SEEDS[0]}},
    _ends(f"plain: {SEEDS[0].mean():.1f}"))  # fmt: skip
settings.right("lists", lambda: {"series": {"d": SEEDS.tolist()}},
    _ends(f"1 {SEEDS[0].mean():.1f}"))  # fmt: skip
_wrong(settings, "settings", {"None": None, "too few": ["1"], "a number": 3, "empty": [],
    "None inside": ["1", "2", None]}, ("series",))  # fmt: skip
_wrong(settings, "series", {"None": None, "empty": {}, "a list": [SEEDS],
    "flat": {"d": SEEDS[0]}, "NaN": {"d": SEEDS * math.nan},
    "words": {"d": [["a", "b"]] * 3}, "ragged": {"d": [[1.0, 2.0], [1.0], [1.0, 2.0]]},
    "transposed": {"d": SEEDS.T}, "None inside": {"d": None}}, ("d", "settings", "values"
))  # fmt: skip
settings.either("one seed", lambda: {"series": {"d": SEEDS[:, :1]}},
    _ends(f"1 {SEEDS[0, 0]:.1f}"), names=("series", "d"))  # fmt: skip
settings.either("one seed of a band", lambda: {"bands": {"p": [1.0]}}, _ends("p: 1.0"),
    names=("bands", "p"))  # fmt: skip
_wrong(settings, "bands", {"a list": [SEEDS[0]], "two-dimensional": {"p": SEEDS},
    "NaN": {"p": [math.nan, 1.0]}, "words": {"p": ["a", "b"]}}, ("p", "values"
))  # fmt: skip
_wrong(settings, "roles", {"unknown": {"d": "nonsense"}, "a list": ["plain"],
    "a word": "plain"}, ("role", "d"))  # fmt: skip
settings.vary("ordered", [o for o in values.switch() if o.stands_for is None
    or o.label == "numpy.bool"])  # fmt: skip
settings.vary("yscale", _refused(values.choice("log"))[:6])

curves = _figure("curves_over_epochs", {"series": {"a": SEEDS}, "ylabel": "errors",
    "roles": {"a": "plain"}})  # fmt: skip
curves.right("as it is", nothing,
    _ends(f"after the last epoch: a: {SEEDS[:, -1].mean():.1f}"))  # fmt: skip
curves.right("one seed", lambda: {"series": {"a": SEEDS[0]}},
    _ends(f"a: {SEEDS[0, -1]:.1f}"))  # fmt: skip
_wrong(curves, "series", {"None": None, "empty": {}, "a list": [SEEDS],
    "words": {"a": [["a"]]}, "NaN": {"a": SEEDS * math.nan},
    "three dimensions": {"a": SEEDS[None]}, "ragged": {"a": [[1.0], [1.0, 2.0]]},
    "no epochs": {"a": SEEDS[:, :0]}}, ("a", "values"))  # fmt: skip
_wrong(curves, "roles", {"None": None, "empty": {}, "unknown": {"a": "nonsense"},
    "a list": ["plain"], "a word": "plain"}, ("role", "a"))  # fmt: skip

both = _figure("paired_seeds", {"left": SEEDS[0], "right": SEEDS[1], "names": ("a", "b"),
    "ylabel": "errors"})  # fmt: skip
both.right("as it is", nothing, _ends(f"a {SEEDS[0].mean():.1f}",
    f"b {SEEDS[1].mean():.1f}", f"{(SEEDS[1] < SEEDS[0]).sum()} of 5 lines fall"
))  # fmt: skip
both.right("lists", lambda: {"left": SEEDS[0].tolist(), "right": SEEDS[1].tolist()},
    _ends("of 5 lines fall"))  # fmt: skip
for name in ("left", "right"):
    for odd in _refused(FEW):
        both.refuse(f"{name}: {odd.label}", lambda o=odd, n=name: {n: o.make()},
            names=("left", "right"))  # fmt: skip
both.refuse("other lengths", lambda: {"right": SEEDS[1, :3]}, names=("left", "right"))
both.refuse("other seeds", lambda: {"left": found("kdteach.runs.Runs")(SEEDS[0], range(5)),
    "right": found("kdteach.runs.Runs")(SEEDS[1], range(1, 6))}, names=("seed",
))  # fmt: skip
_wrong(both, "names", {"None": None, "one": ("a",), "three": ("a", "b", "c")})

bars = _figure("cost_bars", {"groups": {"bytes": {"t": 2.0, "s": 1.0}}, "reference": "t"})
bars.right("as it is", nothing, _ends("Multiples of t: bytes: s 0.50"))
bars.right("NumPy's", lambda: {"groups": {"bytes": {"t": np.int64(2),
    "s": np.float32(1)}}}, _ends("s 0.50"))  # fmt: skip
_wrong(bars, "groups", {"None": None, "empty": {}, "a list": [1.0], "flat": {"t": 2.0},
    "zero": {"bytes": {"t": 0.0, "s": 1.0}}, "negative": {"bytes": {"t": 2.0, "s": -1.0}},
    "NaN": {"bytes": {"t": 2.0, "s": math.nan}}, "words": {"bytes": {"t": "2", "s": "1"}},
    "no reference": {"bytes": {"s": 1.0}}, "None inside": {"bytes": None},
    "True": {"bytes": {"t": True, "s": True}}, "of no model": {"bytes": {}}},
    ("bytes", "reference", "cost"))  # fmt: skip
_wrong(bars, "reference", {"None": None, "unknown": "x", "3": 3, "a list": ["t"]},
    ("groups",))  # fmt: skip

GREY, CHANCES = np.random.default_rng(1).random((2, 8, 8)), np.array([[0.9, 0.1],
    [0.2, 0.8]])  # fmt: skip
soft = _figure("soft_target_bars", {"images": GREY, "targets": CHANCES,
    "classes": ["a", "b"], "titles": ["x", "y"]})  # fmt: skip
soft.right("as it is", nothing,
    _ends("x: runner-up b with 1.0e-01; y: runner-up a with 2.0e-01"))  # fmt: skip
soft.right("tensors", lambda: {"images": torch.from_numpy(GREY),
    "targets": torch.from_numpy(CHANCES)}, _ends("x: runner-up b with 1.0e-01"
))  # fmt: skip
_wrong(soft, "images", {"None": None, "flat": GREY[0, 0], "too few": GREY[:1],
    "a word": "ab", "colours": np.ones((2, 3, 8, 8)), "NaN": GREY * math.nan,
    "empty": GREY[:0]}, ("targets",))  # fmt: skip
_wrong(soft, "targets", {"None": None, "flat": CHANCES[0], "too few": CHANCES[:1],
    "logits": CHANCES * 9 - 4, "NaN": CHANCES * math.nan, "words": [["a", "b"]] * 2,
    "one class": CHANCES[:, :1], "of three classes": np.full((2, 3), 1 / 3)},
    ("classes", "images"))  # fmt: skip
_wrong(soft, "classes", {"None": None, "too few": ["a"], "a number": 2}, ("targets",))
_wrong(soft, "titles", {"None": None, "too few": ["x"], "too many": ["x", "y", "z"],
    "a number": 2})  # fmt: skip
soft.vary("floor", [o for o in values.number(0.5,
    lambda x: 0 < x < 1) if o.stands_for is None])  # fmt: skip

TILES = np.random.default_rng(2).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
tiles = _figure("tiles", {"rows": {"a": TILES, "b": TILES}})
tiles.right("as it is", nothing, equals(SENTENCE))
tiles.right("tensors and masks", lambda: {"rows": {"a": torch.from_numpy(TILES)},
    "masks": {"a": GREY > 0.5}, "titles": ["x", "y"]}, equals(SENTENCE))  # fmt: skip
_wrong(tiles, "rows", {"None": None, "empty": {}, "a list": [TILES], "grey": {"a": GREY},
    "last channel": {"a": TILES.transpose(0, 2, 3, 1)},
    "other lengths": {"a": TILES, "b": TILES[:1]}, "no images": {"a": TILES[:0]},
    "NaN": {"a": TILES * math.nan}, "None inside": {"a": None}, "a word": "a",
    "words": {"a": "abc"}, "in millions": {"a": TILES.astype(float) * 1e6}}, ("a", "b"
))  # fmt: skip
_wrong(tiles, "titles", {"too few": ["x"], "too many": ["x", "y", "z"], "a number": 2})
_wrong(tiles, "masks", {"a list": [GREY > 0.5], "of no row": {"c": GREY > 0.5},
    "of another size": {"a": GREY[:, :4] > 0.5}, "too few": {"a": GREY[:1] > 0.5},
    "words": {"a": "abc"}, "floats": {"a": GREY}}, ("a", "c"))  # fmt: skip

maps = _figure("maps_on_images", {"images": GREY, "maps": {"a": GREY * 2},
    "titles": ["x", "y"], "label": "logit"})  # fmt: skip
maps.right("as it is", nothing, _ends(f"from 0 to {2 * GREY.max():.2g}"))
maps.right("signed", lambda: {"signed": True, "maps": {"a": -GREY}},
    _ends(f"from {-GREY.max():.2g} to {GREY.max():.2g}"))  # fmt: skip
maps.right("tiles", lambda: {"images": TILES}, _ends(f"from 0 to {2 * GREY.max():.2g}"))
maps.right("all 0", lambda: {"maps": {"a": GREY * 0}}, _ends("from 0 to"))
_wrong(maps, "images", {"None": None, "flat": GREY[0, 0], "too few": GREY[:1],
    "a word": "ab", "NaN": GREY * math.nan, "last channel": TILES.transpose(0, 2, 3, 1),
    "empty": GREY[:0]}, ("maps",))  # fmt: skip
_wrong(maps, "maps", {"None": None, "empty": {}, "a list": [GREY],
    "too few": {"a": GREY[:1]}, "NaN": {"a": GREY * math.nan}, "inf": {"a": GREY / 0},
    "flat": {"a": GREY[0, 0]}, "words": {"a": "abc"}, "None inside": {"a": None},
    "of another size": {"a": GREY[:, :4]}, "complex": {"a": GREY * 1j}}, ("a", "images"
))  # fmt: skip
_wrong(maps, "titles", {"None": None, "too few": ["x"], "too many": ["x", "y", "z"],
    "a number": 2})  # fmt: skip
_wrong(maps, "masks", {"too few": GREY[:1] > 0.5, "of another size": GREY[:, :4] > 0.5,
    "a word": "ab", "floats": GREY})  # fmt: skip
_wrong(maps, "label", {"None": None, "a list": ["a"]})
maps.vary("signed", _refused(values.switch()))
maps.vary("overlay", [o for o in values.number(0.5,
    lambda x: 0 <= x <= 1) if o.stands_for is None])  # fmt: skip
figure = ROOM.function(
    "kdteach.plots.Figure", lambda: {"canvas": _canvas(), "alt": SENTENCE},
    call=lambda **a: found("kdteach.plots.Figure")(**a).png()[:4],
)  # fmt: skip
figure.right("as it is", nothing, equals(b"\x89PNG"))
figure.vary("alt", values.text())
figure.vary("caption", values.text())
figure.right("a caption", lambda: {"caption": "A < B"}, lambda value, _: require_equal(
    ("A &lt; B" in value, "<svg" in value), (True, True)),
    call=lambda **a: found("kdteach.plots.Figure")(**a).html())  # fmt: skip
_wrong(figure, "narrow", {"a word": "figure", "3": 3})
_wrong(figure, "canvas", {"None": None, "a word": "figure", "3": 3})


def _canvas() -> Any:
    from matplotlib.figure import Figure as Canvas

    return Canvas(figsize=(1, 1))
