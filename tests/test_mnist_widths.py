"""The choices of the experiment over eight widths follow from its records."""

import numpy as np
import pytest

from kdteach.experiments import EXPERIMENTS
from kdteach.experiments.catalogue import mnist_widths
from kdteach.results import load_records, measured

RATES, WIDTHS = "mnist-width-rates", "mnist-widths"


def valid(units, rate, temperature):
    """Mean validation mistakes of a setting, of the seeds that chose."""
    return measured(
        RATES, "valid_errors", model=f"fc-{units}", learning_rate=rate,
        temperature=temperature,
    ).mean()  # fmt: skip


@pytest.mark.parametrize("units", mnist_widths.UNITS)
def test_each_arm_has_the_setting_with_the_fewest_mistakes(units):
    rates = mnist_widths.LEARNING_RATES
    alone = {rate: valid(units, rate, None) for rate in rates}
    taught = {
        (rate, T): valid(units, rate, T)
        for rate in rates
        for T in mnist_widths.TEMPERATURES
    }
    rate, (its_rate, its_temperature) = mnist_widths.CHOSEN[units]
    assert alone[rate] == min(alone.values())
    assert taught[its_rate, its_temperature] == min(taught.values())


def test_what_was_chosen_is_what_was_run():
    experiment = EXPERIMENTS[WIDTHS]
    assert experiment.seeds == 10
    records = load_records(WIDTHS)
    for units, (rate, (its_rate, temperature)) in mnist_widths.CHOSEN.items():
        plain = [r for r in records if r.config == experiment[f"alone, {units}"]]
        taught = [r for r in records if r.config == experiment[f"taught, {units}"]]
        assert sorted(r.seed for r in plain) == list(range(10))
        assert sorted(r.seed for r in taught) == list(range(10))
        assert {r.config["learning_rate"] for r in plain} == {rate}
        assert {r.config["learning_rate"] for r in taught} == {its_rate}
        assert {r.config["temperature"] for r in taught} == {temperature}
        for record in (*plain, *taught):
            shared = mnist_widths.labels(units, record.config["learning_rate"], int8=True)
            assert shared.items() - {("role", "plain")} <= record.config.items()


def test_eight_bits_are_recorded_beside_single_precision():
    for units in mnist_widths.UNITS:
        weights, biases = 794 * units, units + 10
        for role in ("plain", "distilled"):
            of = {"role": role, "model": f"fc-{units}"}
            whole = measured(WIDTHS, "file_bytes", **of)
            small = measured(WIDTHS, "int8_file_bytes", **of)
            assert np.all(whole > 4 * (weights + biases))
            assert np.all(whole < 4 * (weights + biases) + 4000)
            assert np.all(small > weights + 4 * biases)
            assert np.all(small < weights + 4 * biases + 4000)
            assert len(measured(WIDTHS, "int8_test_errors", **of)) == 10
