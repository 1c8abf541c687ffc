"""Every number that four student reports print, and our recorded runs beside it.

``reports()`` has a row for each of the 122 published numbers. Our numbers in a row come
from the records, or, for sizes of networks, from the network, which is built when it is
asked for. Nothing in a row is typed but what the report printed.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np
from torch import nn

from kdteach.checks import shown
from kdteach.cost import count_flops, count_parameters
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.models import build
from kdteach.results import measured, records_folder
from kdteach.runs import Runs
from kdteach.stats import Interval, mean_interval

__all__ = [
    "PROTOCOLS", "VERDICTS", "Beside", "Printed", "printed", "printed_values", "reports",
]  # fmt: skip

PROTOCOLS = {
    "partly guessed": "we follow what the report prints, guess or infer what it does not, "
    "and keep back a part of the training images for validation",
    "other": "something that matters differs; the row says what",
    "computed": "the network is built, and its numbers are counted",
    "": "nothing was run",
}
"""How our runs relate to a report's, by the word in ``Beside.protocol``."""
VERDICTS = (
    "inside our range", "outside our range", "other protocol", "same count",
    "other count", "not run",
)  # fmt: skip
"""The words of ``Beside.verdict``. Our range is where 95 of 100 further runs of ours would
lie (a prediction interval by Student's t), and not the narrower interval of our mean."""
FILE = "reports.csv"


@dataclass(frozen=True)
class Printed:
    """A number that a report prints; a line of the file, whose columns have these names.

    Attributes:
        number: of the line, from 1.
        report: "R0" to "R3".
        dataset: "MNIST", "CIFAR-10" or "MHIST".
        experiment: such as "teacher", "no-kd" (labels alone) or "kd".
        model: whose number it is.
        temperature, soft_weight: T and alpha, None where there are none or none is printed.
        teacher_epochs, epochs: of training, None where not printed.
        metric: such as "test_accuracy".
        value: in ``unit``.
        unit: "%", "count", "ratio" and others.
        where: in the report.
    """

    number: int
    report: str
    dataset: str
    experiment: str
    model: str
    temperature: float | None
    soft_weight: float | None
    teacher_epochs: int | None
    epochs: int | None
    metric: str
    value: float
    unit: str
    where: str


@dataclass(frozen=True, eq=False)
class Beside:
    """A published number and what stands beside it here.

    Attributes:
        printed: the report's number.
        record: name of the experiment whose runs these are, empty without.
        runs: (seeds,) our numbers in the report's unit, None without runs.
        computed: our count in the report's unit, None where nothing is counted.
        protocol: a key of ``PROTOCOLS``.
        why: what differs, or why nothing was run; may be empty.
    """

    printed: Printed
    record: str = ""
    runs: Runs | None = None
    computed: float | None = None
    protocol: str = ""
    why: str = ""

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of our mean, None with fewer than two runs."""
        if self.runs is None or len(self.runs) < 2:
            return None
        return mean_interval(self.runs)

    @property
    def seeds(self) -> int:
        """How many runs of ours there are."""
        return 0 if self.runs is None else len(self.runs)

    @property
    def ours(self) -> float | None:
        """Our mean, or our count."""
        return self.computed if self.runs is None else float(np.mean(self.runs))

    @property
    def range(self) -> tuple[float, float] | None:
        """Where 95 of 100 further runs of ours would lie."""
        if self.runs is None or self.seeds < 2:
            return None
        from scipy import stats

        n, mean = self.seeds, float(np.mean(self.runs))
        wide = float(stats.t.ppf(0.975, n - 1)) * float(np.std(self.runs, ddof=1))
        half = wide * (1 + 1 / n) ** 0.5
        return mean - half, mean + half

    @property
    def line(self) -> dict[str, object]:
        """The row as numbers and words by name, for tables and a CSV file."""
        between, span = self.interval, self.range
        return {
            **{part.name: getattr(self.printed, part.name) for part in fields(Printed)},
            "ours": self.ours, "low": between and between.low,
            "high": between and between.high, "range_low": span and span[0],
            "range_high": span and span[1], "seeds": self.seeds, "record": self.record,
            "protocol": self.protocol, "verdict": self.verdict, "why": self.why,
        }  # fmt: skip

    @property
    def verdict(self) -> str:
        """One of ``VERDICTS``."""
        if self.computed is not None:
            same = written(self.computed, self.printed.value) == self.printed.value
            return "same count" if same else "other count"
        if self.runs is None:
            return "not run"
        span = self.range
        if self.protocol == "other" or span is None:
            return "other protocol"
        inside = span[0] <= self.printed.value <= span[1]
        return "inside our range" if inside else "outside our range"


@cache
def printed() -> tuple[Printed, ...]:
    """The published numbers, in the order of the file."""
    with (records_folder() / FILE).open(encoding="utf-8", newline="") as lines:
        return tuple(_read(n, line) for n, line in enumerate(csv.DictReader(lines), 1))


def reports() -> tuple[Beside, ...]:
    """Every published number of the four reports with ours beside it.

    Returns:
        122 rows, in the order of the file ``reports.csv`` that ships with the records. They
        are four course reports, Report 0 to Report 3.

    Raises:
        LookupError: records that should be there are not.
    """
    return tuple(_ROWS.get((p.report, p.dataset), _clinic)(p) for p in printed())


def printed_values(
    report: str, metric: str, experiment: str, *, temperature: float | None = None
) -> list[float]:
    """The numbers that a report prints for one experiment, in the order of the file.

    Args:
        report: "R0" to "R3".
        metric: such as "test_accuracy".
        experiment: such as "teacher", "no-kd" or "kd".
        temperature: only what is printed for this T; by default all.

    Returns:
        In the report's unit.

    Raises:
        LookupError: it prints none.
    """
    asked = (report, metric, experiment)
    found = [
        p.value
        for p in printed()
        if (p.report, p.metric, p.experiment) == asked
        and temperature in (None, p.temperature)
    ]
    if not found:
        raise LookupError(f"no report prints a number of {shown((*asked, temperature))}")
    return found


def written(value: float, like: float) -> float:
    """A number with as many decimals as another one, which is taken as it is written."""
    return round(value, len(str(like).partition(".")[2]) if like % 1 else 0)


def _read(number: int, line: dict[str, str]) -> Printed:
    def optional(name: str, kind: Callable[[str], Any]) -> Any:
        return kind(line[name]) if line[name] else None

    return Printed(
        number, line["report"], line["dataset"], line["experiment"], line["model"],
        optional("temperature", float), optional("soft_weight", float),
        optional("teacher_epochs", int), optional("epochs", int), line["metric"],
        float(line["value"]), line["unit"], line["where"],
    )  # fmt: skip


def _runs(p: Printed, record: str, protocol: str, why: str = "", **where: object) -> Beside:
    """Test accuracies in per cent."""
    found = measured(record, "test_accuracy", **where)  # type: ignore[arg-type]
    points = Runs(100 * found.plain(), found.seeds)
    return Beside(p, record, points, None, protocol, why)


_KERAS = "The report's tool also counts biases, pooling and the softmax."
_INFERRED = "That the report's loss is the usual one we inferred from its numbers."
_SHAPE = (1, 28, 28)


@cache
def _size(name: str, outputs: int) -> tuple[int, int, int]:
    """Parameters, running statistics of BatchNorm, and FLOPs of one image of digits."""
    photographs = outputs != 10 or not name.startswith(("cnn", "fc"))
    shape = (3, 32, 32) if photographs else _SHAPE
    network = build(name, seed=0, num_classes=outputs, input_shape=shape)
    statistics = sum(b.numel() for n, b in network.named_buffers() if "running" in n)
    flops = 0 if photographs else count_flops(network, shape)
    return count_parameters(network), statistics, flops


@cache
def _second_version() -> int:
    """Parameters and statistics of Keras' ResNet50V2, from those of ResNet50.

    The second version has BatchNorm before a block, twice in it and once at the end,
    instead of behind each convolution; and Keras has biases in the stem, in the last
    convolution of a block and in its short cut (He et al. 2016, Identity mappings).
    """
    network = build("resnet50", seed=0, num_classes=_IMAGENET, input_shape=(3, 32, 32))
    parameters, statistics, _ = _size("resnet50", _IMAGENET)
    normalised = biases = 0
    for name, layer in network.named_modules():
        if not isinstance(layer, nn.Conv2d):
            continue
        if name.endswith(".conv1"):  # the first of a block
            normalised += layer.in_channels + 2 * layer.out_channels
        if name.endswith((".conv3", ".downsample.0")) or layer.in_channels == 3:
            biases += layer.out_channels
    normalised += 2048  # at the end
    # scale and shift are parameters, mean and variance are not; Keras counts all four
    return parameters - statistics + 4 * normalised + biases


def _counted(p: Printed) -> Beside:
    """Sizes of the networks for digits."""
    parameters, _, flops = _size(p.model, 10)
    if p.metric == "params":
        return Beside(p, computed=float(parameters), protocol="computed")
    images = 256 if "256" in p.unit else 1
    return Beside(p, computed=images * flops / 1e9, protocol="computed", why=_KERAS)


def _report_0(p: Printed) -> Beside:
    if p.metric in ("params", "flops"):
        return _counted(p)
    if p.metric != "test_accuracy":
        return Beside(p, why="Our records hold no accuracy on training images.")
    if p.experiment == "no-kd":
        return _runs(p, "mnist-reports", "partly guessed", _INFERRED, role="plain")
    return _runs(
        p, "mnist-reports", "partly guessed",
        f"{_INFERRED} It prints no alpha; ours is 0.5.",
        role="report 0", temperature=p.temperature,
    )  # fmt: skip


def _report_1(p: Printed) -> Beside:
    if p.experiment == "teacher":
        why = "Batch size and dropout are not printed; ours are 20 and 0.5."
        return _runs(p, "mnist-fc", "partly guessed", why, role="teacher")
    if p.experiment == "no-kd":
        why = (
            "The batch size is not printed; ours is 20, chosen so that this student "
            "follows the report's curve. So being inside is no finding."
        )
        return _runs(p, "mnist-fc", "partly guessed", why, role="plain")
    return _runs(
        p, "mnist-fc", "partly guessed",
        "The batch size is not printed; ours is 20. The report does not mention the factor "
        "T²; ours leaves it out.",
        role="without the factor", temperature=p.temperature,
    )  # fmt: skip


_SCRATCH = "The report's teachers start from ImageNet's weights, ours from nothing."
_SQUARED = " Our soft loss is multiplied by T², which the report does not mention."


def _natural(p: Printed) -> Beside:
    """Report 1 on photographs."""
    if p.metric == "params":
        return Beside(
            p, computed=_size(p.model, 10)[0] / 1e6, protocol="computed",
            why="Ours has 10 outputs; what else the report counts, it does not say.",
        )  # fmt: skip
    if p.experiment == "no-kd":
        return _runs(
            p, "cifar10", "partly guessed", "The batch size is not printed; ours is 256.",
            role="plain", model="resnet18", epochs=30, learning_rate=2e-4,
        )  # fmt: skip
    run = EXPERIMENTS["cifar10"]
    teachers = {name: run[f"teacher {name}"] for name in ("resnet50", "vgg16")}
    if p.experiment == "teacher":
        config = teachers[p.model.removesuffix("-pretrained")]
        more = " Ours is VGG16 with BatchNorm." if "vgg" in p.model else ""
        return _runs(
            p, "cifar10", "other", _SCRATCH + more, role="teacher", model=config["model"]
        )
    where = {
        "role": "distilled", "temperature": p.temperature, "alpha": p.soft_weight,
        "teacher": teachers[p.experiment.removeprefix("kd-from-")],
    }  # fmt: skip
    if not any(where.items() <= c.items() for c in run.configurations):
        return Beside(p, why="We ran 5 of the report's 16 settings, and not this one.")
    return _runs(p, "cifar10", "other", _SCRATCH + _SQUARED, **where)


_TWICE = "The report takes the softmax twice, ours is the usual loss."


def _report_2(p: Printed) -> Beside:
    if p.metric in ("params", "flops"):
        return _counted(p)
    if p.experiment == "eskd":
        return _runs(
            p, "mnist-early-stopping", "other", _TWICE, role="checkpoint",
            model="fc-784-784", teacher=EXPERIMENTS["mnist-reports"]["teacher"],
            teacher_epoch=p.teacher_epochs,
        )  # fmt: skip
    where: dict[str, object] = {"role": "teacher", "model": "cnn-valid"}
    if p.experiment == "no-kd":
        where = {"role": "plain"}
    elif p.experiment == "kd":
        where = {
            "temperature": p.temperature, "alpha": p.soft_weight,
            "teacher": EXPERIMENTS["mnist-reports"]["teacher"], "role": "grid",
        }  # fmt: skip
        if p.soft_weight == 0.5:
            where["role"] = "over T"
    return _runs(p, "mnist-reports", "other", _TWICE, **where)


_IMAGENET = 1000  # outputs of a network for ImageNet
_NEW_LAYER = _IMAGENET * 2 + 2  # weights and biases of two outputs on top of them


def _stacked(p: Printed) -> Beside:
    """Report 2's networks for tiles: two outputs on top of ImageNet's thousand."""
    second = "resnet" in p.model
    number = _second_version() if second else sum(_size("mobilenet_v2", _IMAGENET))
    why = (
        "A layer with 2 outputs on top of the 1,000 of ImageNet, as the report's number "
        "says. The running means and variances of BatchNorm are counted as Keras does"
    )
    if second:
        why += ", and the biases that convolutions have in Keras' version"
    number += _NEW_LAYER
    return Beside(p, computed=float(number), protocol="computed", why=f"{why}.")


def _clinic(p: Printed) -> Beside:
    if p.metric == "params":
        return _stacked(p)
    return Beside(
        p, why="The images of MHIST are given on request only. Our drawn tiles are another "
        "task; no number of theirs stands beside this one.",
    )  # fmt: skip


_ROWS: dict[tuple[str, str], Callable[[Printed], Beside]] = {
    ("R0", "MNIST"): _report_0,
    ("R1", "MNIST"): _report_1,
    ("R1", "CIFAR-10"): _natural,
    ("R2", "MNIST"): _report_2,
}
