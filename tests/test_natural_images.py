"""Report 1's photographs beside ours: every number from a record, every gap from NumPy."""

import csv
import json
import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

import kdteach as kd
from kdteach.experiments import EXPERIMENTS
from kdteach.experiments.measures import measure
from kdteach.experiments.natural_images import (
    COMPARISONS,
    EPOCHS,
    RATE,
    STEPS,
    beside,
    detectable,
    gaps,
    settings,
    steps,
)
from kdteach.plots.natural_settings import sixteen
from kdteach.results import add_records, load_records
from kdteach.types import ImageSet, Split

FOLDER = Path(kd.__file__).parent / "records"
PRINTED = [
    line
    for line in csv.DictReader((FOLDER / "reports.csv").read_text("utf-8").splitlines())
    if (line["report"], line["dataset"]) == ("R1", "CIFAR-10")
]


def lines_of(name):
    text = (FOLDER / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def accuracies(name="cifar10", **where):
    """Per cent by seed, read without the library."""
    found = {}
    for line in lines_of(name):
        config = dict(line["config"])
        config["teacher"] = config.get("teacher", {}).get("model")
        if all(config.get(key) == value for key, value in where.items()):
            found[line["seed"]] = 100 * line["result"]["test_accuracy"]
    return found


# numbers


def test_the_steps_are_those_of_the_record():
    wanted = {
        "baseline": accuracies(role="plain", learning_rate=2e-4),
        "ten times the rate": accuracies(role="plain", learning_rate=2e-3, epochs=30),
        "and 85 epochs": accuracies(role="plain", learning_rate=2e-3, epochs=85),
        "ResNet50": accuracies(teacher="resnet50", temperature=3.0),
        "VGG16": accuracies(teacher="vgg16_bn", temperature=3.0),
    }
    found = steps()
    assert tuple(found) == STEPS == tuple(wanted)
    for name, runs in found.items():
        assert runs.seeds == (0, 1, 2)
        np.testing.assert_allclose(runs.plain(), [wanted[name][s] for s in range(3)])


def test_a_gap_is_student_s_interval_of_the_pairs_corrected_for_nine():
    found = gaps()
    assert len(found) == COMPARISONS == 9
    resnet = accuracies(teacher="resnet50", temperature=10.0, alpha=0.5)
    at_3 = accuracies(teacher="resnet50", temperature=3.0)
    cases = {
        RATE: (steps()["ten times the rate"], steps()["baseline"]),
        EPOCHS: (steps()["and 85 epochs"], steps()["ten times the rate"]),
        "T = 10 for 3, ResNet50": ([resnet[0], resnet[1]], [at_3[0], at_3[1]]),
        "the stem for small photographs": (
            [*accuracies("cifar10-stem", stem="cifar").values()],
            [*accuracies("cifar10-stem", stem=None).values()],
        ),
    }
    for name, (one, other) in cases.items():
        d = np.asarray(one) - np.asarray(other)
        half = stats.t(len(d) - 1).ppf(1 - 0.025 / 9) * d.std(ddof=1) / len(d) ** 0.5
        got = found[name].comparison
        assert (got.mean, got.low, got.high) == pytest.approx(
            (d.mean(), d.mean() - half, d.mean() + half)
        )
    words = {name: gap.comparison.word for name, gap in found.items()}
    assert words.pop(RATE) == "holds"
    assert set(words.values()) == {"undecided"}


def test_printed_gaps_are_differences_of_the_report_s_numbers():
    value = {
        (p["experiment"], p["temperature"], p["soft_weight"]): float(p["value"])
        for p in PRINTED
    }
    vgg, resnet = "kd-from-vgg16", "kd-from-resnet50"
    wanted = {
        "VGG16 for ResNet50, T = 3": value[vgg, "3", "0.5"] - value[resnet, "3", "0.5"],
        "T = 10 for 3, ResNet50": value[resnet, "10", "0.5"] - value[resnet, "3", "0.5"],
        "T = 10 for 3, VGG16": value[vgg, "10", "0.5"] - value[vgg, "3", "0.5"],
        "weight 0.5 for 0.7, ResNet50, T = 10":
            value[resnet, "10", "0.5"] - value[resnet, "10", "0.7"],
    }  # fmt: skip
    found = {n: g.printed for n, g in gaps().items() if g.printed is not None}
    assert found == pytest.approx(wanted)


# what would have been seen


@pytest.mark.parametrize(("n", "level", "chance"), [(3, 0.95, 0.8), (10, 0.99, 0.5)])
def test_a_detectable_difference_is_found_as_often_as_it_says(n, level, chance):
    """By drawing many new samples that scatter as the one that was given."""
    random_numbers = np.random.default_rng(0)
    one = random_numbers.normal(size=n)
    given = kd.compare(one, np.zeros(n), level)
    shift = detectable(given, chance)
    draws = random_numbers.normal(shift, one.std(ddof=1), size=(40_000, n))
    half = stats.t(n - 1).ppf((1 + level) / 2) * draws.std(axis=1, ddof=1) / n**0.5
    clear = draws.mean(axis=1) - half > 0
    assert abs(clear.mean() - chance) < 0.01


def test_more_is_needed_to_be_surer_and_nothing_where_nothing_scatters():
    given = kd.compare([1.0, 2.0, 4.0], [0.0, 0.0, 0.0])
    assert 0 < detectable(given, 0.5) < detectable(given, 0.9)
    assert detectable(kd.compare([2.0, 2.0], [1.0, 1.0])) == 0
    assert detectable(given, 1e-3) == 0  # luck alone does better


@pytest.mark.parametrize(
    ("comparison", "chance", "error", "says"),
    [
        (3.0, 0.8, TypeError, "kd.compare"),
        (None, 0.8, TypeError, "kd.compare"),
        (kd.compare([1.0, 2.0], [0.0, 0.0]), 1.0, ValueError, "chance"),
        (kd.compare([1.0, 2.0], [0.0, 0.0]), "much", TypeError, "chance"),
    ],
)
def test_what_is_no_comparison_is_refused(comparison, chance, error, says):
    with pytest.raises(error, match=says):
        detectable(comparison, chance)


# the sixteen settings


@pytest.fixture(scope="module")
def with_single_runs(tmp_path_factory):
    """A folder in which each setting that has no runs has one, and others have one more.

    Returns:
        The folder, and what was made up: accuracy by (teacher, T, weight).
    """
    folder = tmp_path_factory.mktemp("records")
    text = (FOLDER / "cifar10.jsonl").read_text("utf-8")
    (folder / "cifar10.jsonl").write_text(text, "utf-8")
    every = [r for r in load_records("cifar10") if r.config["role"] == "distilled"]
    made, records, draw = {}, [], random.Random(0)
    for config in EXPERIMENTS["cifar10-settings"].configurations:
        if config["role"] != "distilled":
            continue
        value = draw.uniform(0.74, 0.77)
        if config not in [r.config for r in every]:
            name = "VGG16" if "vgg" in config["teacher"]["model"] else "ResNet50"
            made[name, config["temperature"], config["alpha"]] = 100 * value
        result = {**every[0].result, "test_accuracy": value}
        of = {"experiment": "cifar10-settings", "config": config, "seed": 0}
        records.append(replace(every[0], **of, result=result))
    add_records("cifar10-settings", records, folder)
    return folder, made


def test_each_setting_has_the_runs_that_are_recorded(with_single_runs):
    folder, made = with_single_runs
    found = settings(folder)
    assert len(found) == 16
    assert [s.printed for s in found] == [
        float(p["value"]) for p in PRINTED if p["experiment"].startswith("kd-")
    ]
    assert len(made) == 11
    for s in found:
        key = (s.teacher, s.temperature, s.alpha)
        if key in made:
            assert (s.seeds, s.record, s.interval) == (1, "cifar10-settings", None)
            assert float(s.runs[0]) == pytest.approx(made[key])
            continue
        teacher = "vgg16_bn" if s.teacher == "VGG16" else "resnet50"
        own = accuracies(teacher=teacher, temperature=s.temperature, alpha=s.alpha)
        assert s.record == "cifar10"
        np.testing.assert_allclose(s.runs.plain(), [own[i] for i in sorted(own)])
    assert sorted(s.seeds for s in found) == [*[1] * 11, 2, 2, 3, 3, 3]


def test_a_setting_without_runs_says_so(tmp_path):
    text = (FOLDER / "cifar10.jsonl").read_text("utf-8")
    (tmp_path / "cifar10.jsonl").write_text(text, "utf-8")
    found = settings(tmp_path)
    assert sum(s.runs is None for s in found) == 11
    for s in found:
        assert (s.runs is None) == (not s.record) == (s.seeds == 0)
    rows = beside(tmp_path)
    assert sum(r.verdict == "not run" for r in rows) == 11
    assert all(len(r.why.split()) > 5 for r in rows if r.verdict == "not run")
    with pytest.raises(TypeError, match="results_dir"):
        settings(3)


def test_there_is_a_row_for_each_number_of_the_file(with_single_runs):
    folder, made = with_single_runs
    rows = beside(folder)
    assert [r.printed.value for r in rows] == [float(p["value"]) for p in PRINTED]
    assert len(rows) == 22
    assert not [r for r in rows if r.verdict == "not run"]
    single = [r for r in rows if r.seeds == 1]
    assert len(single) == len(made)
    for row in single:
        assert (row.verdict, row.protocol) == ("other protocol", "other")
        assert "One run" in row.why


def test_dots_rings_and_words_are_where_they_belong(with_single_runs, tmp_path):
    folder, made = with_single_runs
    figure = sixteen(settings(folder), alone=[73.72, 75.25, 73.94], caption="So.")
    for drawing in (figure.wide, figure.narrow):
        rings = re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)" r="[56]"[^>]*kd-(\w+)\)',
                           drawing)  # fmt: skip
        assert sum(colour == "ink" for _, colour in rings) == 16
        assert sum(colour == "student" for _, colour in rings) == len(made)
        assert len(re.findall(r'r="4.5"', drawing)) == 3 * 3 + 2 * 2
        assert "not" not in re.findall(r">([^<>]+)<", drawing)
    value = made["ResNet50", 5.0, 0.7]
    assert f"ResNet50, T = 5, 0.7: printed 75.62, ours {value:.2f};" in figure.alt
    text = (FOLDER / "cifar10.jsonl").read_text("utf-8")
    (tmp_path / "cifar10.jsonl").write_text(text, "utf-8")
    today = sixteen(settings(tmp_path), alone=[73.72, 75.25, 73.94], caption="So.")
    assert re.findall(r">([^<>]+)<", today.wide).count("not") == 11
    assert today.alt.count("not run") == 11
    # heights: a value that is twice as far from the lowest tick is twice as high
    ticks = {
        int(label): float(y) - 4.5
        for y, label in re.findall(
            r'y="([\d.]+)" text-anchor="end"[^>]*>(\d\d)<', today.wide
        )
    }
    low, high = min(ticks), max(ticks)
    ys = [float(y) for y, c in re.findall(
        r'<circle cx="[\d.]+" cy="([\d.]+)" r="5"[^>]*kd-(\w+)\)', today.wide)
        if c == "ink"]  # fmt: skip
    first = next(s for s in settings(tmp_path) if (s.temperature, s.alpha) == (3.0, 0.5))
    share = (first.printed - low) / (high - low)
    assert ys[0] == pytest.approx(ticks[low] + share * (ticks[high] - ticks[low]), abs=0.1)


def test_with_one_weight_the_temperature_is_the_axis_and_the_line_has_its_interval():
    given = [s for s in settings() if s.alpha == 0.5]
    figure = sixteen(given, alone=[73.0, 74.0, 75.0], caption="So.")
    words = re.findall(r">([^<>]+)<", figure.wide)
    assert words.count("temperature T") == 2
    assert "0.5" not in words
    assert "not" not in words
    half = 4.302652729911275 / 3**0.5  # Student's t of two degrees of freedom, s = 1
    assert f"74.0 ({74 - half:.1f} to {74 + half:.1f}) without a teacher" in figure.alt
    ticks = {
        int(label): float(y)
        for y, label in re.findall(
            r'y="([\d.]+)" text-anchor="end"[^>]*>(\d\d)<', figure.wide
        )
    }
    low, high = min(ticks), max(ticks)
    point = (ticks[low] - ticks[high]) / (high - low)
    bands = re.findall(r'stroke-width="([\d.]+)"[^>]*opacity="0?.18"', figure.wide)
    assert [float(b) for b in bands] == pytest.approx([2 * half * point] * 2, abs=0.1)


@pytest.mark.parametrize(
    ("given", "alone", "error", "says"),
    [
        ([], [74.0, 75.0], ValueError, "one or more"),
        (3, [74.0, 75.0], TypeError, "settings must be"),
        ([1], [74.0, 75.0], TypeError, "settings must be"),
        (settings(), "x", TypeError, "alone"),
        (settings(), [74.0, 101.0], ValueError, "alone"),
        (settings(), [74.0], ValueError, "two runs"),
    ],
)
def test_what_cannot_be_drawn_is_refused(given, alone, error, says):
    with pytest.raises(error, match=says):
        sixteen(given, alone=alone, caption="So.")


# what a record of photographs holds


def test_records_of_photographs_hold_what_probabilities_are_worth():
    """Against NumPy; other data do not get them."""
    noise = torch.Generator().manual_seed(0)
    images = torch.rand(40, 3, 4, 4, generator=noise)
    part = Split(images, torch.arange(40) % 10, num_classes=10)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 10))
    config = {"role": "plain"}
    names = tuple("abcdefghij")
    found = measure(config, model, ImageSet("cifar10-jpg", part, part, part, names, ""))
    with torch.no_grad():
        z = model(images).double().numpy()
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    labels = np.arange(40) % 10
    assert found["test_nll"] == pytest.approx(-np.log(p[range(40), labels]).mean(), 1e-5)
    assert found["test_confidence"] == pytest.approx(p.max(axis=1).mean(), 1e-5)
    bins = np.ceil(p.max(axis=1) * 15)
    right = p.argmax(axis=1) == labels
    ece = sum(
        abs((right[bins == b] - p.max(axis=1)[bins == b]).sum()) for b in set(bins)
    ) / 40  # fmt: skip
    assert found["test_ece"] == pytest.approx(ece, abs=1e-6)
    other = measure(config, model, ImageSet("patches", part, part, part, names, ""))
    assert "test_nll" not in other
    assert other["test_errors"] == found["test_errors"]
