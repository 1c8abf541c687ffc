"""A row for every published number, and every number of ours from a record."""

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import kdteach as kd
from kdteach.experiments.reports import PROTOCOLS, VERDICTS, printed, printed_values
from kdteach.plots.reports_revisited import every_number, one_more, printed_less_ours

FOLDER = Path(kd.__file__).parent / "records"
ROWS = kd.reports()
LINES = list(csv.DictReader((FOLDER / "reports.csv").read_text("utf-8").splitlines()))


def test_there_is_a_row_for_every_line_of_the_file():
    assert len(ROWS) == len(LINES) == len(printed()) == 122
    for row, line in zip(ROWS, LINES, strict=True):
        for name, text in line.items():
            value = getattr(row.printed, name)
            if not text:
                assert value is None
            elif isinstance(value, str):
                assert value == text
            else:
                assert value == float(text)


def test_every_number_of_ours_is_in_a_record():
    """Found again without the library's reading: line by line in the record's file."""
    for row in ROWS:
        if row.runs is None:
            assert not row.record
            continue
        assert row.seeds == len(row.runs)
        p, found = row.printed, {}
        for text in (FOLDER / f"{row.record}.jsonl").read_text("utf-8").splitlines():
            run = json.loads(text)
            c = run["config"]
            t, kind = c.get("temperature"), p.experiment
            a = c.get("alpha")
            if kind == "teacher" and c["role"] != "teacher":
                continue
            if kind == "no-kd" and (c["role"] != "plain" or t is not None):
                continue
            if kind not in ("teacher", "no-kd") and t != p.temperature:
                continue
            usual_alpha = p.dataset == "CIFAR-10" or p.report == "R2"
            if usual_alpha and p.soft_weight is not None and a != p.soft_weight:
                continue
            if kind == "eskd" and c.get("teacher_epoch") != p.teacher_epochs:
                continue
            found.setdefault(run["seed"], []).append(100 * run["result"]["test_accuracy"])
        for seed, value in zip(row.runs.seeds, row.runs.plain(), strict=True):
            near = [abs(value - other) for other in found[seed]]
            assert min(near) < 1e-9, (p, seed)


def test_a_row_without_runs_says_why():
    for row in ROWS:
        assert row.verdict in VERDICTS
        assert row.protocol in PROTOCOLS
        if row.verdict == "not run":
            assert len(row.why.split()) > 5
            assert row.ours is row.interval is row.range is None
        if row.protocol in ("other", "partly guessed"):
            assert len(row.why.split()) > 5
    counts = Counter(row.verdict for row in ROWS)
    assert counts["not run"] == 42


def test_the_range_is_the_textbook_s_prediction_interval():
    row = next(r for r in ROWS if r.seeds == 10)
    n, mean, s = 10, np.mean(row.runs.plain()), np.std(row.runs.plain(), ddof=1)
    half = stats.t(n - 1).ppf(0.975) * s * np.sqrt(1 + 1 / n)
    assert row.range == pytest.approx((mean - half, mean + half))
    assert row.interval.low > row.range[0]
    inside = row.range[0] <= row.printed.value <= row.range[1]
    assert (row.verdict == "inside our range") == inside


def test_of_many_one_more_runs_95_in_100_lie_inside():
    """What the range promises, for normal luck."""
    draw = np.random.default_rng(0).normal(size=(4000, 11))
    t = stats.t(9).ppf(0.975)
    half = t * draw[:, :10].std(axis=1, ddof=1) * np.sqrt(1.1)
    inside = np.abs(draw[:, 10] - draw[:, :10].mean(axis=1)) <= half
    assert abs(inside.mean() - 0.95) < 0.012


def test_counts_are_exact_where_the_report_counts_weights():
    found = {
        (r.printed.report, r.printed.model): (r.verdict, r.ours)
        for r in ROWS
        if r.printed.metric == "params"
    }
    assert found["R0", "cnn-same"] == ("same count", 1_625_866)
    assert found["R2", "cnn-valid"] == ("same count", 1_011_466)
    assert found["R2", "mobilenetv2-keras"] == ("same count", 3_540_986)
    assert found["R2", "resnet50v2-keras"] == ("same count", 25_615_802)
    assert found["R1", "resnet18"][0] == "other count"


def test_a_line_is_ready_for_a_file():
    table = pd.DataFrame([row.line for row in ROWS])
    link = kd.tables.download(table.round(9), "reports.csv")
    again = pd.read_csv(io.StringIO(link.text))
    assert len(again) == 122
    assert list(again["value"]) == [row.printed.value for row in ROWS]
    assert "base64," in link._repr_html_()
    assert repr(link) == "Download as CSV (reports.csv)"


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (([], "x.csv"), TypeError, "table"),
        ((pd.DataFrame(), 3), TypeError, "name"),
        ((pd.DataFrame(), "x.txt"), ValueError, r"\.csv"),
        ((pd.DataFrame(), "x.csv", " "), ValueError, "words"),
    ],
)
def test_what_is_no_table_is_refused(given, error, says):
    with pytest.raises(error, match=says):
        kd.tables.download(*given)


def drawings(figure):
    for drawing in (figure.wide, figure.narrow):
        root = ElementTree.fromstring(drawing)
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        for text in root.iter():
            if text.tag.endswith("text"):
                assert 0 <= float(text.get("x")) <= width, text.text
                assert 0 < float(text.get("y")) <= height, text.text
        yield drawing


def test_rings_stand_at_printed_less_ours():
    chosen = [r for r in ROWS if r.printed.report == "R0"]
    figure = printed_less_ours(chosen, caption="x")
    measured = [r for r in chosen if r.runs is not None]
    for drawing in drawings(figure):
        rings = re.findall(r'<circle cx="([\d.]+)"[^>]*fill="none"', drawing)
        rings = rings[2:]  # the first two are the key's
        places = np.array([float(x) for x in rings])
        values = np.array([r.printed.value - r.ours for r in measured])
        slope, start = np.polyfit(values, places, 1)
        assert places == pytest.approx(start + slope * values, abs=0.06)
    assert f"T = 64 {measured[-1].printed.value - measured[-1].ours:+.2f}" in figure.alt
    every = printed_less_ours(ROWS, caption="x")
    assert len(list(drawings(every))) == 2


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_each_ring_has_its_own_bar(width):
    """Also where eleven rows share a name: a wide range of one must not hide another."""
    chosen = [r for r in ROWS if r.printed.dataset == "CIFAR-10" and r.runs is not None]
    drawing = getattr(printed_less_ours(chosen, caption="x"), width)
    bars = re.findall(
        r'd="M([\d.]+) ([\d.]+)L([\d.]+) [\d.]+"[^>]*stroke-opacity="0.45"', drawing
    )[2:]  # the first two are the key's
    rings = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawing)[2:]  # the key's
    teachers = [r for r in chosen if r.printed.experiment == "teacher"]
    students = [r for r in chosen if r.printed.experiment != "teacher"]
    assert len(rings) == len(bars) == len(chosen) == 8
    for bar, ring, row in zip(bars, rings, teachers + students, strict=True):
        low, y, high = map(float, bar)
        x = float(ring[0])
        assert y == float(ring[1])
        inside = row.range[0] <= row.printed.value <= row.range[1]
        assert (low <= x <= high) == inside, row.printed
    every = printed_less_ours(ROWS, caption="x")
    drawn = getattr(every, width)
    assert drawn.count("<circle") == 2 + sum(r.range is not None for r in ROWS)
    assert drawn.count('stroke-opacity="0.45"') == drawn.count("<circle")


def test_outside_is_crossed_and_panels_may_share_an_axis():
    early = [
        r for r in ROWS if r.printed.report in ("R0", "R1") and r.record[:5] == "mnist"
    ]
    missed = sum(r.verdict == "outside our range" for r in early)
    assert (len(early), missed) == (10, 4)
    figure = printed_less_ours(early, caption="x", one_scale=True)
    assert figure.alt.count(", outside") == missed
    for drawing in drawings(figure):
        assert drawing.count('stroke-width="1.6"') == 2 * (missed + 1)  # one is the key's
        bars = re.findall(
            r'd="M([\d.]+) [\d.]+L([\d.]+) [\d.]+"[^>]*stroke-opacity="0.45"', drawing
        )
        widths = [float(high) - float(low) for low, high in bars]
        halves = [(r.range[1] - r.range[0]) / 2 for r in early]
        pixels = np.array(widths) / halves  # a point, in both panels
        assert pixels == pytest.approx(pixels[0], rel=2e-3)


def test_dashes_say_that_the_protocol_is_another_one():
    zero = [r for r in ROWS if r.printed.report == "R0"]
    assert "stroke-dasharray" not in printed_less_ours(zero, caption="x").wide
    second = [r for r in ROWS if r.printed.report == "R2" and r.runs is not None]
    figure = printed_less_ours(second, caption="x")
    assert figure.wide.count("stroke-dasharray") == len(second) + 1
    assert "our range of one more run, other protocol" in figure.wide
    assert "teacher stopped early 11 numbers" in figure.alt


def test_rings_of_one_name_may_share_the_widest_bar():
    second = [r for r in ROWS if r.printed.report == "R2" and r.runs is not None]
    figure = printed_less_ours(second, caption="x", widest=True)
    for drawing in drawings(figure):
        assert drawing.count("<circle") == 1 + len(second) == 50
        bars = re.findall(
            r'd="M([\d.]+) ([\d.]+)L([\d.]+) [\d.]+"[^>]*stroke-opacity="0.45"', drawing
        )[1:]  # the first is the key's
        height = {y: float(high) - float(low) for low, y, high in bars}
        assert len(bars) == len(height) == 9  # teacher, labels alone, six T, stopped early
        rings = re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', drawing)[1:]
        assert set(rings) == set(height)


def test_the_tables_hold_every_row_and_each_reason_once():
    groups = kd.experiments.report_tables.grouped(ROWS)
    assert sum(len(g.table) for g in groups) == 122
    lines = {n: (g, line) for g in groups for n, line in g.table.iterrows()}
    for row in ROWS:
        group, line = lines[row.printed.number]
        verdict, _, letter = line["verdict"].partition(" (")
        assert verdict == row.verdict
        assert group.reasons.get(letter.removesuffix(")"), "") == row.why
        assert bool(line["ours"]) == (row.ours is not None)
    assert lines[10][1]["our range"] == "98.426 to 98.916"
    assert lines[6][1]["our range"] == "97.46 to 98.46"
    with pytest.raises(TypeError, match="rows"):
        kd.experiments.report_tables.grouped([3])
    with pytest.raises(ValueError, match="rows"):
        kd.experiments.report_tables.grouped([])


def test_the_row_of_a_network_says_how_many_settings_were_run():
    settings = [r for r in ROWS if r.printed.experiment.startswith("kd-from")]
    run = sum(r.runs is not None for r in settings)
    assert {r.why for r in settings if r.runs is None} == {
        f"We ran {run} of the report's {len(settings)} settings, and not this one."
    }


def test_biases_pooling_and_softmax_are_the_whole_difference_of_operations():
    """Report 2 prints all digits; four operations for each output of a pooling layer."""
    extra = {
        "fc-784-784": 784 + 784 + 10 + 5 * 10,
        "cnn-valid": 26 * 26 * 32 + 23 * 23 * 64 + 128 + 10 + 5 * 10
        + 4 * (25 * 25 * 32 + 11 * 11 * 64),
    }  # fmt: skip
    found = [r for r in ROWS if r.printed.metric == "flops" and r.printed.report == "R2"]
    assert len(found) == 2
    for row in found:
        difference = 1e9 * (row.printed.value - row.ours) / 256
        assert round(difference) == extra[row.printed.model]


def test_one_more_shows_both_intervals():
    row = next(r for r in ROWS if r.seeds == 10)
    figure = one_more(row, caption="x")
    assert len(list(drawings(figure))) == 2
    assert figure.wide.count("<circle") == 11
    assert f"{row.range[0]:.2f} to {row.range[1]:.2f}" in figure.alt


def test_every_number_has_its_mark():
    figure = every_number(ROWS, caption="x")
    counts = Counter(row.verdict for row in ROWS)
    again = counts["inside our range"] + counts["same count"]
    missed = counts["outside our range"] + counts["other count"]
    other, idle = counts["other protocol"], counts["not run"]
    assert again + missed + other + idle == 122
    for drawing in drawings(figure):  # each kind once more in the key
        assert drawing.count("<rect") == again + missed + other + 3
        assert drawing.count('fill="var(--kd-ink)" stroke') == again + 1
        assert drawing.count('stroke-width="2"/>') == 2 * (missed + 1)
        assert drawing.count("<circle") == idle + 1
        for number, word in (
            (again, "reproduced"), (missed, "not reproduced"),
            (other, "other protocol"), (idle, "not run"),
        ):  # fmt: skip
            assert f">{number} {word}</text>" in drawing
        counts = [r for r in ROWS if r.computed is not None]
        round_marks = re.findall(r'width="(\d+)" height="\1" rx="([\d.]+)"', drawing)
        assert sum(float(s) == 2 * float(r) for s, r in round_marks) == len(counts) == 13
    assert "Report 3: 30+0 not run." in figure.alt
    assert "Report 0: 4+2 reproduced, 1+2 not reproduced, 1+0 not run." in figure.alt
    with pytest.raises(TypeError, match="rows"):
        every_number([3], caption="x")
    with pytest.raises(ValueError, match="rows"):
        every_number([], caption="x")


def test_bad_rows_are_named():
    nothing = next(r for r in ROWS if r.runs is None)
    with pytest.raises(TypeError, match="rows"):
        printed_less_ours([1], caption="x")
    with pytest.raises(ValueError, match="rows"):
        printed_less_ours([nothing], caption="x")
    with pytest.raises(TypeError, match="row"):
        one_more(3, caption="x")
    with pytest.raises(ValueError, match="two runs"):
        one_more(nothing, caption="x")


def test_judgements_lead_on_and_say_why():
    judge = kd.exercises.judge_new_layer
    assert "three dots" in judge(..., ...).message
    assert not judge("features", 2562)
    assert not judge("outputs", 2000)
    assert judge("outputs", 2002)
    far = next(
        r for r in ROWS if r.printed.model == "fc-11K" and r.printed.temperature == 10
    )
    scatter = np.std(far.runs.plain(), ddof=1)
    number = (far.printed.value - far.ours) / scatter
    assert kd.exercises.judge_far_rings("unknown", number)
    for other in ("luck", "batch size", "error"):
        assert not kd.exercises.judge_far_rings(other, number)
    assert not kd.exercises.judge_far_rings("unknown", number * 10**0.5)
    chance = 2 * stats.t(9).sf(number / 1.1**0.5)
    assert 1 / chance == pytest.approx(150, abs=10)  # as the hint says


def test_printed_values_are_those_of_the_file():
    for T in (1.0, 64.0, None):
        wanted = [
            float(line["value"])
            for line in LINES
            if (line["report"], line["metric"], line["experiment"])
            == ("R2", "test_accuracy", "kd")
            and (T is None or float(line["temperature"] or "nan") == T)
        ]
        assert printed_values("R2", "test_accuracy", "kd", temperature=T) == wanted
        assert wanted
    with pytest.raises(LookupError, match="no report prints"):
        printed_values("R2", "test_accuracy", "kd", temperature=3.0)
    with pytest.raises(LookupError, match="'R9'"):
        printed_values("R9", "test_accuracy", "kd")
