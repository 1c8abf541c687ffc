import numpy as np
import pytest
from scipy import stats

from kdteach import tables
from kdteach.stats import Interval, paired_difference


def test_pairs_give_the_paired_interval():
    """Against SciPy's paired t interval."""
    a, b = np.array([5.0, 7.0, 6.0, 9.0]), np.array([4.0, 4.0, 5.0, 5.0])
    table = tables.pairs({"x": (a, b)}, ("plain", "distilled"), digits=3)
    row = table.loc["x"]
    interval = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert row["plain"] == "6.750"
    assert row["distilled"] == "4.500"
    assert row["difference"] == "2.250"
    assert row["95 % interval"] == f"{interval.low:.3f} to {interval.high:.3f}"
    assert row["seeds"] == "4"
    percent = tables.pairs({"x": (a / 100, b / 100)}, ("p", "d"), scale=100)
    assert percent.loc["x", "difference"] == "2.2"


def test_intervals_end_at_the_largest_value_there_can_be():
    rows = {"a": [8.0, 10.0], "b": [1.0, 1.5]}
    free = tables.runs(rows)["95 % interval"]
    capped = tables.runs(rows, most=10, scale=2)["95 % interval"]
    assert free["a"] == "-3.7 to 21.7"
    assert capped["a"] == "-7.4 to 20.0"
    assert capped["b"] == tables.runs(rows, scale=2)["95 % interval"]["b"]
    for wrong in (8.5, float("nan")):
        with pytest.raises(ValueError, match=r"a mean|most"):
            tables.runs(rows, most=wrong)


def test_runs_stand_beside_the_published():
    values = [0.981, 0.983, 0.982]
    table = tables.runs(
        {"a": values, "b": values}, published={"a": 0.979}, digits=2, scale=100
    )
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert table.loc["a", "published"] == "97.90"
    assert table.loc["b", "published"] == ""
    assert table.loc["a", "here, mean"] == "98.20"
    assert table.loc["a", "95 % interval"] == f"{100 * low:.2f} to {100 * high:.2f}"
    assert "published" not in tables.runs({"a": values}).columns


def test_pairs_refuse_what_is_not_paired():
    with pytest.raises(ValueError, match="paired"):
        tables.pairs({"x": ([1, 2, 3], [1, 2])}, ("a", "b"))


def test_verdicts_stand_beside_both_differences():
    ours = Interval(0.3, 0.1, 0.5, 0.95, 10)
    table = tables.verdicts(
        {("a", "x"): (0.7, ours), ("a", "y"): (-0.2, ours)}, negligible=0.1
    )
    assert table.loc[("a", "x")].to_dict() == {
        "published": "+0.70",
        "here": "+0.30 [+0.10, +0.50]",
        "verdict": "real",
        "seeds": "10",
    }
    assert table.loc[("a", "y"), "verdict"] == "reversed"
    with pytest.raises(ValueError, match="negligible"):
        tables.verdicts({"a": (0.7, ours)}, negligible=0)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([("a", "b"), ("c",)], "tuples of one length"), ([("a", "b"), "c"], "single names"),
        ([1, "1"], "written alike, 1 and '1'"), ([(1,), ("1",)], None),
    ],
)  # fmt: skip
def test_rows_are_named_in_one_way(names, says):
    ours = paired_difference([1.0, 2.0, 4.0], [1.0, 1.0, 2.0])
    calls = (
        lambda: tables.runs({name: [1.0, 2.0] for name in names}),
        lambda: tables.verdicts(dict.fromkeys(names, (0.3, ours)), negligible=0.1),
        lambda: tables.pairs(
            {name: ([1.0, 2.0], [2.0, 4.0]) for name in names}, ("p", "q")
        ),
    )
    for call in calls:
        if says is None:
            assert len(call()) == 2
        else:
            with pytest.raises(ValueError, match=says):
                call()
