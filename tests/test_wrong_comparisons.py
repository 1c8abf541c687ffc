"""The wrong comparisons of the chapter: what each changes, and the forest of intervals."""

import pytest
import torch

import kdteach as kd
from kdteach.experiments import wrong_comparisons as lab
from kdteach.types import Split

MADE = lab.Compared(
    baseline=[26, 30], distilled=[20, 21], slower=[36, 39], copied=[27, 30],
    by_temperature={
        t: ([5 - i, i], [20 + i, 30 - i]) for i, t in enumerate(lab.TEMPERATURES)
    },
    by_epoch={"baseline": [[30, 26], [31, 30]], "distilled": [[22, 18, 20], [19, 21, 21]]},
    leaked=[10, 12], controlled=[15, 16], newer=[14, 16], teacher=[3, 4],
    carried={16.0: [20, 20]}, fresh={16.0: [24, 26]}, thrown={16.0: [20, 99]},
    one_draw=[6, 2], own={}, alone={},
)  # fmt: skip


def test_each_mistake_has_its_pair():
    assert MADE.gain == [6, 9]
    # draw 0: validation falls with T, test rises; draw 1 the other way round
    assert MADE.best_on == {"valid": [24, 30], "test": [20, 26]}
    means = {name: MADE.damage(name).mean for name in lab.MISTAKES}
    assert means == dict(zip(lab.MISTAKES, (9.5, 0.5, 4.0, 2.0, 4.5, 5.0), strict=True))
    assert MADE.damage(lab.MISTAKES[0]).comparisons == lab.COMPARISONS == 12
    draw = kd.load("digits", draw=0)
    share = len(draw.test) / (len(draw.train) + len(draw.test))
    assert round(share, 2) == lab.TEST_SHARE == MADE.damage(lab.MISTAKES[0]).test_share
    with pytest.raises(ValueError, match="mistake must be one of"):
        MADE.damage("luck")


def test_two_splits_become_one_with_an_index_of_its_own():
    one = Split(torch.zeros(2, 1, 3, 3), torch.tensor([0, 1]), torch.tensor([7, 9]))
    two = Split(torch.ones(3, 1, 3, 3), torch.tensor([1, 1, 0]), torch.tensor([7, 8, 2]))
    both = lab.together(one, two)
    assert both.index.tolist() == [0, 1, 2, 3, 4]
    assert both.labels.tolist() == [0, 1, 1, 1, 0]
    assert both.images[:2].sum() == 0
    assert int(torch.isin(two.fingerprints, both.fingerprints).sum()) == 3
    with pytest.raises(ValueError, match="more must have images of shape"):
        lab.together(one, Split(torch.ones(3, 1, 2, 3), torch.tensor([1, 1, 0])))


def test_students_are_trained(monkeypatch):
    monkeypatch.setattr(lab, "RATES", (0.08, 0.32))
    monkeypatch.setattr(lab, "TEMPERATURES", (1.0, 4.0))
    monkeypatch.setattr(lab, "TEACHERS", (0, 1))
    monkeypatch.setattr(lab, "EPOCHS", 3)
    found = lab.compared()
    last = [errors[-1] for errors in found.by_epoch["distilled"]]
    assert last == found.distilled  # watching the test images changes no student
    assert found.by_temperature[4.0][1] == found.distilled
    assert set(found.own.values()) <= {0.08, 0.32}
    assert found.carried[1.0] == found.fresh[1.0]  # the first is fresh
    assert found.carried[4.0] != found.fresh[4.0]
    assert found.fresh[4.0] == found.distilled  # the same rate: not trained again
    assert found.thrown[1.0] == found.by_temperature[1.0][1]
    assert found.one_draw[0] == found.gain[0]  # seed 0 of draw 0
    assert all(a <= b for a, b in zip(found.best_on["test"], found.best_on["valid"],
                                      strict=True))  # fmt: skip
    # two draws here: each has the fewer validation errors of its rates
    ten = lab._Lab(lab.TEACHERS)
    tried = {}
    for rate in lab.RATES:
        students, _ = ten.train(ten.goals(), rate)
        tried[rate] = ten.errors(students, "valid"), ten.errors(students)
    picked = [min(lab.RATES, key=lambda r: tried[r][0][d]) for d in range(2)]
    assert found.alone["distilled"] == [tried[r][1][d] for d, r in enumerate(picked)]
    first = lab.opening(found.own["baseline"], found.own["distilled"])
    assert first == {
        "baseline": found.baseline, "distilled": found.distilled, "slower": found.slower,
    }  # fmt: skip
    monkeypatch.setattr(lab, "EPOCHS", 1)
    short = lab.longer(0.08)  # ten times one epoch
    assert short == ten.errors(ten.train([kd.hard_labels()] * 2, 0.08, epochs=10)[0])
    assert short != ten.errors(ten.train([kd.hard_labels()] * 2, 0.08)[0])
    taught = lab.longer(0.08, distilled=True)
    assert taught == ten.errors(ten.train(ten.goals(), 0.08, epochs=10)[0])


def test_the_gradient_of_labels_is_theirs(monkeypatch):
    monkeypatch.setattr(lab, "TEACHERS", (0,))
    draw = kd.load("digits", draw=0, dtype=torch.float64)
    few = kd.data.small_sample(draw.train, 200, seed=0)
    start = kd.build("fc-64", seed=0, input_shape=(1, 8, 8), dtype=torch.float64)
    with torch.no_grad():
        wrong = start(few.images).softmax(1) - torch.eye(10)[few.labels].double()
    slope = lab.first_gradients()
    assert slope["baseline"] == pytest.approx(float(wrong.norm(dim=1).mean()))
    assert slope["distilled"] > slope["baseline"]  # T squared


def test_an_interval_as_wide_as_compare_makes_it():
    gain = [4, 7, 6, 10, 6]
    made = kd.compare(gain, [0] * 5)
    spread = float(torch.tensor(gain).double().std())
    assert lab.half_width(spread, 5) == pytest.approx((made.high - made.low) / 2)
    with pytest.raises(ValueError, match="runs must be"):
        lab.half_width(1.0, 1)


def test_the_forest_says_the_numbers():
    draw = kd.plots.wrong_comparison.forest
    axis = {"low": -5, "high": 10, "step": 5, "unit": "mistakes", "caption": "x"}
    rows = {"one": kd.compare([3.0, 5.0, 4.0], [1.0, 2.0, 3.0])}
    figure = draw(rows, {"one": [2.0, 3.0, 1.0]}, **axis)
    assert f"one: {rows['one'].mean:.1f}" in figure.alt
    assert figure.wide.count("<circle") == figure.narrow.count("<circle") == 3
    marked = draw(rows, {"one": [2.0]}, reference="one", **axis)
    assert marked.wide.count("stroke-dasharray") == 1
    two = {"one": rows["one"], "two": rows["one"]}
    both = draw(two, {"one": [2.0], "two": [2.0]}, reference=list(two), **axis)
    assert both.wide.count("stroke-dasharray") == 2
    assert "stroke-dasharray" not in figure.wide
    for bad, error in (
        ({"rows": [1]}, TypeError), ({"rows": {"one": 3}}, TypeError),
        ({"rows": {}}, ValueError), ({"low": 1}, ValueError), ({"step": 0}, ValueError),
        ({"runs": 3}, TypeError), ({"runs": {}}, ValueError),
        ({"runs": {"one": [11.0]}}, ValueError), ({"reference": "two"}, ValueError),
        ({"reference": ["one", "two"]}, ValueError),
    ):  # fmt: skip
        given = {"rows": rows, "runs": {"one": [2.0]}, **axis, **bad}
        with pytest.raises(error):
            draw(given.pop("rows"), given.pop("runs"), **given)


def test_the_printed_gains_say_their_parts():
    draw = kd.plots.wrong_comparison.printed_gains
    words = {"mistake": "a slow baseline", "unit": "errors", "caption": "x"}
    figure = draw([4, -1, 6], [10, 14, 12], **words)
    for said in ("Compared fairly: 3.0", "9.0 come from", "-1 to 6"):
        assert said in figure.alt
    assert figure.wide.count("<circle") == figure.narrow.count("<circle") == 3
    for gain, worse, words_said in (
        ([4.0], [3.0], "must enlarge"), ([-1.0], [3.0], "must enlarge"),
        ([], [3.0], "at least 1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words_said):
            draw(gain, worse, **words)


def test_runs_beside_printed_numbers():
    draw = kd.plots.wrong_comparison.runs_and_printed
    axis = {"low": 95, "high": 99, "step": 1, "unit": "per cent", "caption": "x"}
    figure = draw({"ours": [96.0, 95.5]}, {"theirs": [98.76]}, **axis)
    assert "ours: 95.50 to 96.00; theirs: 98.76 to 98.76" in figure.alt
    assert figure.wide.count("<circle") == figure.narrow.count("<circle") == 3
    for rows, printed, error in (
        ([1], {}, TypeError), ({"ours": [96.0]}, 3, TypeError), ({}, {}, ValueError),
        ({"ours": [96.0]}, {"ours": [96.0]}, ValueError),
        ({"ours": [94.0]}, {}, ValueError), ({"ours": []}, {}, ValueError),
    ):  # fmt: skip
        with pytest.raises(error):
            draw(rows, printed, **axis)


def test_the_three_logs():
    judge = kd.exercises.judge_rising_curve
    assert judge("B", 0.4)
    assert judge("b", 98.6 - 98.2)
    for choice, number, words in (
        ("A", 0.4, "before the sweep"), ("C", 0.7, "went on training"),
        ("B", 0.7, "program C"), ("B", -0.6, "first epoch"), (..., 0.4, "three dots"),
    ):  # fmt: skip
        made = judge(choice, number)
        assert not made
        assert words in str(made)
