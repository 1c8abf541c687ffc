"""Short and long training with RKD and plain KD: the run, its record and its reader."""

from dataclasses import replace

import pytest

import kdteach as kd
from kdteach.__main__ import main
from kdteach.experiments import longer, method_runs, one_protocol, protocols
from kdteach.experiments.catalogue import digits_longer
from kdteach.experiments.methods import METHODS, RATES
from kdteach.experiments.protocols import DIGITS, LONGER, PROTOCOLS


def shorten(patch):
    """One rate, and one epoch or four of the smaller transfer set."""
    small = replace(LONGER, rates=dict.fromkeys(LONGER.images, (0.02,)))
    patch.setitem(PROTOCOLS, LONGER.data, small)
    patch.setitem(LONGER.epochs, 200, 1)
    method_runs._kept.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("longer")
    said = []
    options = {"executor": "local", "results_dir": place, "say": said.append}
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        path = digits_longer.reproduce(images=[200], seeds=2, divisions=1, **options)
        assert path == place / "digits-longer.jsonl"
        assert said[0] == "digits-longer: search: 1 of 3 recorded"
        assert len(said) == 2 * (3 + 6)
        said.clear()
        digits_longer.reproduce(images=[200], seeds=2, divisions=1, **options)
        assert said == []  # nothing is missing
    method_runs._kept.cache_clear()
    return place


@pytest.fixture
def small_record(folder, monkeypatch):
    shorten(monkeypatch)
    yield folder
    method_runs._kept.cache_clear()


def test_the_grid_is_the_same_for_both_sizes_and_both_lengths():
    assert LONGER.images == longer.IMAGES == (200, 600)
    for method in longer.METHODS:
        (one, other) = (METHODS[method].settings(n, LONGER) for n in longer.IMAGES)
        assert one == other
        assert len({str(sorted(each.items())) for each in one}) == 16
        rates = {each["learning_rate"] for each in one}
        assert rates > set(RATES[600])
        assert rates > {0.01, 0.02, 0.04}  # those of digits-features
        for length in longer.LENGTHS:
            config = method_runs.search_config(
                method, 600, longer.epochs_of(600, length), LONGER.data
            )
            assert config["settings"] == [dict(each) for each in one]
    assert [longer.epochs_of(n, k) for n in (200, 600) for k in (1, 4)] == [20, 80, 12, 48]
    assert longer.epochs_of(600, 1) == DIGITS.epochs[600]
    assert LONGER.batches == {n: DIGITS.batches[600] for n in LONGER.images}


def test_the_record_is_read_as_it_was_written(small_record):
    records = kd.results.load_records("digits-longer", small_record)
    assert len(records) == 2 * 3 * (1 + 2)
    at = {"images": 200, "length": 4, "folder": small_record}
    tests = {
        (r.config["method"], r.config["epochs"], r.seed): r
        for r in records
        if r.config["stage"] == "test"
    }
    assert {epochs for _, epochs, _ in tests} == {1, 4}
    for method in longer.METHODS:
        runs = longer.recorded(method, **at)
        assert runs.seeds == (0, 1)
        for seed in runs.seeds:
            record = tests[method, 4, seed]
            assert runs[seed] == record.result["test_errors"]
            assert record.config["setting"] == dict(longer.chosen(method, **at))
            assert record.environment["precision"] == "float64"
    (search,) = (
        r
        for r in records
        if r.config["stage"] == "search"
        and (r.config["method"], r.config["epochs"]) == (longer.KD, 4)
    )
    pairs = longer.tried(longer.KD, **at)
    assert [errors for _, errors in pairs] == search.result["valid_errors"]
    taken = longer.chosen(longer.KD, **at)
    assert [e for s, e in pairs if s == taken] == [min(e for _, e in pairs)]


def test_gaps_and_their_change_are_differences_of_pairs(small_record):
    def errors(method, length):
        return longer.recorded(method, 200, length, folder=small_record)

    gaps = {k: errors(longer.RKD, k) - errors(longer.KD, k) for k in longer.LENGTHS}
    for length, each in gaps.items():
        found = longer.gap(200, length, folder=small_record)
        assert found.mean == pytest.approx(each.mean())
        assert found.level == pytest.approx(1 - 0.05 / 4)
    found = longer.change(200, folder=small_record)
    assert found.mean == pytest.approx((gaps[4] - gaps[1]).mean())
    assert found.comparisons == longer.COMPARISONS == 4


def test_a_student_is_that_of_the_protocol_of_all_methods():
    setting = {"learning_rate": 0.02, "temperature": 8.0, "alpha": 0.9}
    found = [
        method_runs.taught(longer.KD, 600, setting, protocols.world(3, p), 3, epochs=1)
        for p in (DIGITS, LONGER)
    ]
    one, other = (each.network.state_dict() for each in found)
    assert all(one[name].equal(other[name]) for name in one)


def test_wrong_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match="images must be one of"):
        longer.recorded(longer.KD, 60, 1)
    with pytest.raises(ValueError, match="length must be one of"):
        longer.chosen(longer.KD, 200, 2)
    with pytest.raises(ValueError, match="method"):
        longer.tried("attention (AT)", 200, 1)
    with pytest.raises(LookupError, match="reproduce digits-longer"):
        longer.recorded(longer.KD, 200, 1, folder=tmp_path)
    with pytest.raises(LookupError, match="no record has 'hours'"):
        longer.recorded(longer.KD, 600, 1, "hours")
    with pytest.raises(LookupError, match="no record has 'hours'"):
        one_protocol.recorded(longer.KD, 600, "hours")
    with pytest.raises(ValueError, match="data"):
        one_protocol.recorded(longer.KD, 600, data=LONGER.data)


def test_it_is_listed(capsys):
    assert main(["reproduce", "digits-longer", "--list"]) == 0
    assert digits_longer.QUESTION in capsys.readouterr().out
