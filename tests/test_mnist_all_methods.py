"""The twenty methods on MNIST: the protocol, the order, the record and its readers.

On small digits in the size of MNIST, which need not be there.
"""

import pytest
import torch

import kdteach as kd
from kdteach.__main__ import main
from kdteach.experiments import method_runs, one_protocol, protocols
from kdteach.experiments.catalogue import mnist_all_methods
from kdteach.experiments.methods import KD, LABELS, METHODS
from kdteach.experiments.protocols import DIGITS, MNIST, World
from kdteach.results import run_key
from kdteach.types import ImageSet, Split

NAME = "mnist-all-methods"
TINY = {"images": [60], "seeds": 2, "divisions": 1, "epochs": 1, "executor": "local"}


def small_mnist():
    digits = kd.load("digits")
    splits = []
    for split, count in ((digits.train, 160), (digits.valid, 60), (digits.test, 60)):
        images = torch.nn.functional.interpolate(split.images[:count], size=28)
        splits.append(Split(images, split.labels[:count], torch.arange(count)))
    return ImageSet("mnist", *splits, digits.classes, "none")


@pytest.fixture(scope="module")
def given():
    data, teacher = small_mnist(), kd.models.trained_reader("teacher")
    return World(data, teacher, kd.training.teacher_logits(teacher, data.train), MNIST)


@pytest.fixture
def small(monkeypatch):
    for place in (protocols, mnist_all_methods):
        monkeypatch.setattr(place, "load", lambda name, root=None: small_mnist())
    method_runs._kept.cache_clear()
    yield
    method_runs._kept.cache_clear()


def test_every_method_has_the_same_freedom():
    assert MNIST.images == (60, 600, 50_000)
    for method in METHODS.values():
        for images in MNIST.images:
            settings = method.settings(images, MNIST)
            assert len({str(sorted(one.items())) for one in settings}) == 12
            rates = {one["learning_rate"] for one in settings}
            assert rates == set(MNIST.rates[images])
            own = [{**one, "learning_rate": 0} for one in settings[:4]]
            digits = method.settings(60)[:4]
            assert own == [{**one, "learning_rate": 0} for one in digits]
    for table in (MNIST.epochs, MNIST.batches, MNIST.divisions):
        assert tuple(table) == MNIST.images


def test_the_student_has_the_layers_that_methods_compare(given):
    student = method_runs._student(given, 3)
    assert kd.cost.count_parameters(student) == 1714
    images = given.data.train.images[:2]
    shapes = []
    for network in (student, given.teacher):
        with kd.models.tap(network, ["3", "6", "8"]) as seen, torch.no_grad():
            network(images)
            shapes.append([tuple(seen[name].shape) for name in ("3", "6", "8")])
    assert shapes[0] == [(2, 8, 14, 14), (2, 8, 7, 7), (2, 72)]
    assert shapes[1] == [(2, 32, 14, 14), (2, 64, 7, 7), (2, 576)]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_and_says_what_it_keeps(given, name):
    at = METHODS[name].settings(60, MNIST)[0]
    made = method_runs.taught(name, 60, at, given, 0, epochs=1)
    fresh = method_runs._student(given, 0)
    pairs = list(zip(made.network.parameters(), fresh.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in pairs)
    assert all(a.dtype == torch.float32 for a, _ in pairs)
    expected = {
        "hints (FitNets)": (8 * 64 + 64, 0),
        "flow (FSP)": (8 * 32 + 32 + 8 * 64 + 64, 0),
        "mutual learning": (1714, 0),
        "contrastive (CRD)": ((72 + 1 + 576 + 1) * 64, 2 * 60 * 64 + 3),
        "correlation congruence (CC)": (72 * 576 + 576, 0),
    }.get(name, (0, 0))
    assert (made.parameters, made.memory) == expected
    assert made.stored == (600 if METHODS[name].asks == "logits" else 0)
    assert made.extra_bytes == 4 * (sum(expected) + made.stored)


def test_all_images_are_taken_as_they_are(given):
    assert given.some(160, 0) is given.data.train
    assert not torch.equal(given.some(60, 0).index, given.some(60, 100).index)


def test_recording_goes_on_where_it_ended(small, tmp_path):
    said = []
    options = {"results_dir": tmp_path, "say": said.append, **TINY}
    path = mnist_all_methods.reproduce(methods=[KD], **options)
    assert said == [
        f"{NAME}: search: 1 of 1 recorded", f"{NAME}: test: 1 of 2 recorded",
        f"{NAME}: test: 2 of 2 recorded",
    ]  # fmt: skip
    before = path.read_text(encoding="utf-8").splitlines()
    said.clear()
    mnist_all_methods.reproduce(methods=[KD, LABELS], **options | {"seeds": 3})
    assert len(said) == 1 + 1 + 3
    after = path.read_text(encoding="utf-8").splitlines()
    assert set(before) < set(after)
    said.clear()
    mnist_all_methods.reproduce(methods=[KD, LABELS], **options)
    assert said == []
    records = kd.results.load_records(NAME, tmp_path)
    tests = [r for r in records if r.config["stage"] == "test"]
    for record in tests:
        assert record.config["model"] == "cnn-2k"
        assert record.config["teacher"] == "cnn-52k"
        assert record.config["batch_size"] == 20
        assert record.environment["precision"] == "float32"
        assert record.environment["threads"] == 1
        assert record.result.keys() == {
            "valid_errors", "test_errors", "test_accuracy", "test_nll", "test_agreement",
            "teacher_test_errors", "training_seconds", "extra_parameters",
            "extra_memory", "stored_logits", "extra_bytes",
        }  # fmt: skip
    assert len({r.result["teacher_test_errors"] for r in tests}) == 1


def test_each_size_is_searched_and_tested_before_the_next(small, monkeypatch, tmp_path):
    sizes = {60: 1, 160: 1}
    for name in ("epochs", "batches", "divisions"):
        monkeypatch.setitem(vars(MNIST), name, {**sizes, 160: 20, 60: 20})
    monkeypatch.setitem(vars(MNIST), "rates", dict.fromkeys(sizes, (0.01,)))
    said = []
    mnist_all_methods.reproduce(
        results_dir=tmp_path, methods=[KD], say=said.append,
        **TINY | {"images": [60, 160], "seeds": 1},
    )  # fmt: skip
    assert [line.split(": ")[1] for line in said] == ["search", "test"] * 2


def test_an_interrupted_run_keeps_what_has_ended(small, monkeypatch, tmp_path):
    usual, calls = method_runs.taught, []

    def stops(*args, **kwargs):
        calls.append(args)
        if len(calls) > 13:
            raise KeyboardInterrupt
        return usual(*args, **kwargs)

    options = {"results_dir": tmp_path, "methods": [KD], "say": lambda line: None, **TINY}
    monkeypatch.setattr(method_runs, "taught", stops)
    with pytest.raises(KeyboardInterrupt):
        mnist_all_methods.reproduce(**options)
    assert len(kd.results.load_records(NAME, tmp_path)) == 2  # the search, one student
    monkeypatch.setattr(method_runs, "taught", usual)
    mnist_all_methods.reproduce(**options)
    assert len(kd.results.load_records(NAME, tmp_path)) == 3


def test_the_record_is_read_as_it_was_written(small, tmp_path):
    options = {"results_dir": tmp_path, "say": lambda line: None, **TINY}
    mnist_all_methods.reproduce(methods=[KD, LABELS], **options | {"seeds": 3})
    here = {"folder": tmp_path, "data": "mnist"}
    records = kd.results.load_records(NAME, tmp_path)
    mine = {
        r.seed: r.result for r in records
        if r.config["method"] == KD and r.config["stage"] == "test"
    }  # fmt: skip
    errors = one_protocol.recorded(KD, 60, **here)
    assert errors.tolist() == [mine[seed]["test_errors"] for seed in range(3)]
    gap = one_protocol.against(LABELS, 60, **here)
    assert gap.for_new_images is None
    assert gap.comparisons == 57
    tried = one_protocol.tried(KD, 60, **here)
    chosen = one_protocol.chosen(KD, 60, **here)
    assert {one["learning_rate"] for one, _ in tried} == set(MNIST.rates[60])
    fewest = min(total for _, total in tried)
    assert chosen in [one for one, total in tried if total == fewest]
    assert one_protocol.at_an_end(KD, 60, **here) in ([], ["learning_rate"])
    seconds = sorted(result["training_seconds"] for result in mine.values())
    step = one_protocol.milliseconds(KD, 60, **here)
    assert step == pytest.approx(1000 * seconds[1] / 3)
    again = [result["valid_errors"] for result in mine.values()]
    expected = (fewest, sum(again) / 3, errors.mean())
    assert one_protocol.looks(KD, 60, **here) == pytest.approx(expected)
    assert one_protocol.complete(**here) == ()
    for wrong in ({"images": 1079}, {"data": "letters"}):
        with pytest.raises(ValueError, match=r"images must be|unknown data"):
            one_protocol.recorded(KD, **{"images": 60, **here, **wrong})


def test_what_is_refused_leaves_nothing(small, tmp_path):
    for wrong in ({"methods": ["magic"]}, {"images": [1079]}, {"executor": "cloud"}):
        with pytest.raises((TypeError, ValueError)):
            mnist_all_methods.reproduce(results_dir=tmp_path, **TINY | wrong)
    assert not list(tmp_path.iterdir())


def test_without_mnist_the_command_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("KDTEACH_DATA", raising=False)
    assert main(["reproduce", NAME, "--results-dir", str(tmp_path)]) == 1
    assert "KDTEACH_DATA" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_line_knows_it(capsys):
    assert main(["reproduce", NAME, "--list"]) == 0
    assert f"{NAME}  10 seeds" in capsys.readouterr().out


def test_the_record_of_the_digits_is_that_of_the_same_protocol():
    """Keys decide what is run anew: none of the digits' may have changed."""
    for record in kd.results.load_records(DIGITS.record):
        method, images = record.config["method"], record.config["images"]
        config = (
            method_runs.search_config(method, images)
            if record.config["stage"] == "search"
            else method_runs.chosen_config(method, images, record.config["setting"])
        )
        assert config == record.config
        assert run_key(config, record.seed) == run_key(record.config, record.seed)
