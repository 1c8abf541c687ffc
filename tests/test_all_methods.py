"""Every method with one protocol: the losses by hand, the search, and what is recorded."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

import kdteach as kd
from bench import losses as timed
from kdteach.__main__ import main
from kdteach.experiments import method_runs, methods, one_protocol
from kdteach.experiments.catalogue import digits_all_methods
from kdteach.experiments.methods import FAMILIES, IMAGES, METHODS, RATES
from kdteach.types import Batch, RunRecord

TINY = {"images": [60], "seeds": 2, "divisions": 1, "epochs": 1, "executor": "local"}


@pytest.fixture(scope="module")
def given():
    return methods.world(0)


def batch_of(split):
    return Batch(split.images[:20], split.labels[:20], split.index[:20])


def by_hand(name, at, student, given, batch):
    """The loss of a method in the library's plain functions, and F's cross-entropy."""
    losses, z = kd.losses, student(batch.images)
    hard = F.cross_entropy(z, batch.labels)
    rows = [given.data.train.index.tolist().index(i) for i in batch.index.tolist()]
    v = given.logits[rows]
    if "temperature" in at:
        T = at["temperature"]
        p, q = (F.softmax(x / T, dim=1) for x in (v, z))
        kl = T**2 * (p * (p / q).log()).sum(dim=1).mean()
        m = (p + q) / 2
        soft = {
            "plain KD": kl,
            "reverse KL": T**2 * (q * (q / p).log()).sum(dim=1).mean(),
            "Jensen-Shannon": T**2
            * ((p * (p / m).log() + q * (q / m).log()).sum(dim=1).mean() / 2),
            "correlation (DIST)": T**2 * (_far(p, q).mean() + _far(p.T, q.T).mean()),
            "standardised logits": T**2
            * F.kl_div(
                F.log_softmax(_spread(z) / T, dim=1), F.softmax(_spread(v) / T, dim=1),
                reduction="batchmean",
            ),
        }.get(name)  # fmt: skip
        if soft is not None:
            return at["alpha"] * soft + (1 - at["alpha"]) * hard
        assert name == "decoupled (DKD)"
        return hard + losses.decoupled_kd_loss(z, v, batch.labels, T, 1.0, at["beta"])
    with kd.models.tap(student, ["3", "6", "8"]) as mine:
        student(batch.images)
        mine = dict(mine)
    with kd.models.tap(given.teacher, ["3", "6", "8"]) as its, torch.no_grad():
        given.teacher(batch.images)
        its = dict(its)
    inner = {
        "attention (AT)": lambda: sum(
            losses.attention_loss(mine[n], its[n]) for n in ("3", "6")
        ),
        "neuron selectivity (NST)": lambda: losses.neuron_selectivity_loss(
            mine["6"], its["6"]
        ),
        "similarity (SP)": lambda: losses.similarity_loss(mine["6"], its["6"]),
        "distances and angles (RKD)": lambda: (
            losses.relational_distance_loss(mine["8"], its["8"])
            + 2 * losses.relational_angle_loss(mine["8"], its["8"])
        ),
        "neighbours (PKT)": lambda: losses.pkt_loss(mine["8"], its["8"]),
    }[name]()
    return hard + at["weight"] * inner


def _far(p, q):
    return 1 - F.cosine_similarity(
        p - p.mean(dim=1, keepdim=True), q - q.mean(dim=1, keepdim=True), dim=1
    )


def _spread(z):
    z = z - z.mean(dim=1, keepdim=True)
    return z / z.square().mean(dim=1, keepdim=True).sqrt()


BY_HAND = [
    "plain KD", "reverse KL", "Jensen-Shannon", "correlation (DIST)", "standardised logits",
    "decoupled (DKD)", "attention (AT)", "neuron selectivity (NST)", "similarity (SP)",
    "distances and angles (RKD)", "neighbours (PKT)",
]  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("place", [1, 6])
def test_a_methods_loss_is_its_formula_beside_the_labels(given, name, place):
    seen = given.some(60, 100)
    at = METHODS[name].settings(60)[place]
    student = method_runs._student(given, 3)
    goal = METHODS[name].make(given, at, seen, 3)
    if hasattr(goal, "prepare"):
        goal.prepare(student, seen.images)
    found = goal(student, batch_of(seen)).total
    expected = by_hand(name, at, student, given, batch_of(seen))
    assert found.item() == pytest.approx(expected.item(), rel=1e-9)


def test_every_method_has_the_same_freedom():
    assert len(METHODS) == 20
    for method in METHODS.values():
        assert method.family in FAMILIES
        for images in IMAGES:
            settings = method.settings(images)
            texts = {str(sorted(one.items())) for one in settings}
            assert len(texts) == len(settings) == 12
            assert {one["learning_rate"] for one in settings} == set(RATES[images])


def test_the_permuted_control_keeps_the_doubt_and_mixes_its_classes(given):
    at, seen = METHODS["plain KD"].settings(60)[0], given.some(60, 0)
    mixed = METHODS[methods.PERMUTED].make(given, at, seen, 0)
    (table,) = mixed.teachers
    labels, rows = given.data.train.labels, torch.arange(1079)
    assert torch.equal(table[rows, labels], given.logits[rows, labels])
    assert torch.equal(table.sort(dim=1).values, given.logits.sort(dim=1).values)
    assert (table != given.logits).any(dim=1).double().mean() > 0.99


def test_students_of_one_seed_are_paired(given):
    one, other = (method_runs._student(given, 4) for _ in range(2))
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(given.some(600, 4).index, given.some(600, 4).index)
    assert not torch.equal(given.some(600, 4).index, given.some(600, 104).index)
    assert len(given.some(1079, 4)) == 1079


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_and_says_what_it_keeps(given, name):
    made = method_runs.taught(name, 60, METHODS[name].settings(60)[0], given, 0, epochs=1)
    fresh = method_runs._student(given, 0)
    pairs = zip(made.network.parameters(), fresh.parameters(), strict=True)
    assert all(not torch.equal(a, b) for a, b in pairs)
    assert made.seconds > 0
    expected = {
        "hints (FitNets)": (8 * 64 + 64, 0),
        "flow (FSP)": (8 * 32 + 32 + 8 * 64 + 64, 0),
        "mutual learning": (sum(w.numel() for w in fresh.parameters()), 0),
        # two heads of 64 numbers; two memories of 60 x 64, two constants and the step
        "contrastive (CRD)": ((32 + 1 + 256 + 1) * 64, 2 * 60 * 64 + 3),
        "correlation congruence (CC)": (made.parameters, 0),
    }.get(name, (0, 0))
    assert (made.parameters, made.memory) == expected
    assert made.stored == (600 if METHODS[name].asks == "logits" else 0)
    total = made.parameters + made.memory + made.stored
    assert made.extra_bytes == 8 * total


def search(errors, nll, seed=100):
    tried = [{"weight": float(n)} for n in range(len(errors))]
    return RunRecord(
        "x", {"settings": tried}, seed, {"valid_errors": errors, "valid_nll": nll}, {}, {}
    )


def test_the_choice_counts_mistakes_then_likelihood_then_order():
    assert method_runs.choose([search([3, 2, 4], [0.1, 9.0, 0.1])])["weight"] == 1
    two = [search([3, 2], [0.5, 0.5]), search([1, 3], [0.5, 0.5], 101)]
    assert method_runs.choose(two)["weight"] == 0
    assert method_runs.choose([search([2, 2, 2], [0.3, 0.2, 0.2])])["weight"] == 1


def test_a_search_sees_no_test_image(monkeypatch, given):
    hidden = replace(given.data.test, images=given.data.test.images * float("nan"))
    data = replace(given.data, test=hidden)
    monkeypatch.setattr(method_runs, "_world", lambda *at: replace(given, data=data))
    with pytest.raises(ValueError, match=r"NaN|finite"):
        method_runs.tested("plain KD", 60, METHODS["plain KD"].settings(60)[0], 0, "c", 1)
    found = method_runs.searched("plain KD", 60, 0, "c", 1)
    assert len(found.result["valid_errors"]) == 12
    assert not any("test" in key for key in found.result)


def test_a_student_that_diverges_has_everything_wrong(monkeypatch):
    def diverges(*args, **kwargs):
        raise kd.training.TrainingDivergedError("the loss is NaN")

    monkeypatch.setattr(method_runs, "taught", diverges)
    found = method_runs.searched("plain KD", 60, 0, "c", 1)
    assert found.result["valid_errors"] == [359] * 12


def test_recording_goes_on_where_it_ended(tmp_path, monkeypatch):
    two = ["plain KD", "labels alone"]
    said = []
    path = digits_all_methods.reproduce(
        results_dir=tmp_path, methods=two[:1], say=said.append, **TINY
    )
    before = path.read_text(encoding="utf-8").splitlines()
    assert len(before) == 1 + 2
    assert said[-1] == "digits-all-methods: test: 2 of 2 recorded"
    digits_all_methods.reproduce(
        results_dir=tmp_path, methods=two, say=said.append, **TINY | {"seeds": 3}
    )
    after = path.read_text(encoding="utf-8").splitlines()
    assert set(before) < set(after)
    assert len(after) == 2 + 2 * 3
    said.clear()
    digits_all_methods.reproduce(results_dir=tmp_path, methods=two, say=said.append, **TINY)
    assert said == []
    records = kd.results.load_records("digits-all-methods", tmp_path)
    tests = [r for r in records if r.config["stage"] == "test"]
    for record in tests:
        searches = [
            r for r in records
            if r.config["stage"] == "search"
            and r.config["method"] == record.config["method"]
        ]  # fmt: skip
        assert record.config["setting"] == method_runs.choose(searches)
        assert record.result["test_errors"] == len(record.result["test_wrong"])


def test_processes_record_the_same(tmp_path):
    for executor in ("local", "processes"):
        digits_all_methods.reproduce(
            results_dir=tmp_path / executor, methods=["plain KD"],
            say=lambda _: None, **TINY | {"executor": executor},
        )  # fmt: skip
    one, other = (
        {
            (r.config["stage"], r.seed): {
                k: v for k, v in r.result.items() if k != "training_seconds"
            }
            for r in kd.results.load_records("digits-all-methods", tmp_path / executor)
        }
        for executor in ("local", "processes")
    )
    assert one == other


def test_what_is_refused(tmp_path):
    for wrong in (
        {"methods": ["magic"]}, {"images": [61]}, {"methods": "plain KD"},
        {"executor": "cloud"},
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError)):
            digits_all_methods.reproduce(results_dir=tmp_path, **TINY | wrong)
    assert not list(tmp_path.glob("*.jsonl"))


def test_the_command_line_knows_it(capsys):
    assert main(["reproduce", "digits-all-methods", "--list"]) == 0
    assert "10 seeds" in capsys.readouterr().out


def test_flow_through_regressors(given):
    """FSP between networks of other widths: by matrix products, with gradients."""
    student, images = method_runs._student(given, 0), given.data.train.images[:4]
    goal = kd.objectives.flow(given.teacher, {("3", "6"): ("3", "6")}, regress=True)
    goal.prepare(student, images)
    labels = torch.zeros(4, dtype=torch.int64)
    value = goal(student, Batch(images, labels, labels)).total
    value.backward()
    assert all(w.grad is not None and w.grad.any() for w in goal.parameters())
    with kd.models.tap(student, ["3", "6"]) as mine, torch.no_grad():
        student(images)
        maps = [mine["3"], mine["6"]]
    with kd.models.tap(given.teacher, ["3", "6"]) as its, torch.no_grad():
        given.teacher(images)
        theirs = [its["3"], its["6"]]
    with torch.no_grad():
        wide = [
            torch.einsum("oc,nchw->nohw", head.project.weight[:, :, 0, 0], maps[place])
            + head.project.bias[:, None, None]
            for place, head in enumerate(goal.regressors.values())
        ]

    def flow(bottom, top):
        if bottom.shape[2:] != top.shape[2:]:
            bottom = F.adaptive_avg_pool2d(bottom, top.shape[2:])
        return torch.einsum("nahw,nbhw->nab", bottom, top) / top[0, 0].numel()

    expected = (flow(*wide) - flow(*theirs)).square().mean()
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)
    narrow = kd.objectives.flow(given.teacher, {("3", "6"): ("3", "6")})
    with pytest.raises(ValueError, match="same number of channels"):
        narrow.prepare(student, images)
    other = kd.build("cnn-digits", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
    with pytest.raises(ValueError, match="regressor was made for"):
        goal.prepare(other, images)


def test_each_loss_is_timed_beside_plain_kd():
    found = timed.times(batch=8, rounds=1)
    assert found.keys() == METHODS.keys() - {"mutual learning"}
    assert all(0 < seconds < 60 for seconds in found.values())


@pytest.fixture(scope="module")
def small_record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    digits_all_methods.reproduce(
        results_dir=folder, methods=["plain KD", "labels alone"], say=lambda _: None,
        **TINY | {"seeds": 3, "divisions": 2},
    )  # fmt: skip
    return folder


def test_the_record_is_read_as_it_was_written(small_record):
    records = kd.results.load_records("digits-all-methods", small_record)
    here = {"folder": small_record}
    errors = one_protocol.recorded("plain KD", 60, **here)
    assert errors.seeds == (0, 1, 2)
    by_seed = {
        r.seed: r.result["test_errors"]
        for r in records
        if r.config["method"] == "plain KD" and r.config["stage"] == "test"
    }
    assert errors.tolist() == [by_seed[seed] for seed in range(3)]
    searches = [
        r.result["valid_errors"]
        for r in records
        if r.config["method"] == "plain KD" and r.config["stage"] == "search"
    ]
    tried = one_protocol.tried("plain KD", 60, **here)
    assert [total for _, total in tried] == [a + b for a, b in zip(*searches, strict=True)]
    fewest = min(total for _, total in tried)
    chosen = one_protocol.chosen("plain KD", 60, **here)
    assert dict(chosen) in [dict(s) for s, total in tried if total == fewest]
    ends = one_protocol.at_an_end("plain KD", 60, **here)
    # of T and alpha two values each were on offer
    assert ends == ["learning_rate"] * (chosen["learning_rate"] in (0.01, 0.04))
    assert one_protocol.complete(**here) == ()
    seconds = sorted(
        r.result["training_seconds"]
        for r in records
        if r.config["method"] == "plain KD" and r.config["stage"] == "test"
    )
    step = one_protocol.milliseconds("plain KD", 60, **here)
    assert step == pytest.approx(1000 * seconds[1] / (3 * TINY["epochs"]))
    # of the three new students two have a division of the search
    again = [
        r.result["valid_errors"]
        for r in records
        if r.config["method"] == "plain KD" and r.config["stage"] == "test" and r.seed < 2
    ]
    looks = one_protocol.looks("plain KD", 60, **here)
    assert looks == pytest.approx((fewest / 2, sum(again) / 2, errors.mean()))
    gap = one_protocol.against("labels alone", 60, **here)
    other = one_protocol.recorded("labels alone", 60, **here)
    assert gap.mean == pytest.approx((other - errors).mean())
    assert gap.comparisons == one_protocol.COMPARISONS == 57
    for wrong in (("magic", 60), ("plain KD", 61)):
        with pytest.raises(ValueError, match=r"unknown method|must be one of"):
            one_protocol.recorded(*wrong, **here)
    for absent in (("plain KD", 600, "test_errors"), ("plain KD", 60, "height")):
        with pytest.raises(LookupError, match=r"recorded|record has"):
            one_protocol.recorded(*absent, **here)


def test_a_difference_of_the_visible_size_is_seen_as_often_as_said():
    """By simulation: 20,000 comparisons of ten pairs whose spread is known on average."""
    random = torch.Generator().manual_seed(0)
    gap = kd.compare([3.0, -1, 2, 4, 0, 1, -2, 5, 2, 1], [0.0] * 10, comparisons=57)
    size = one_protocol.visible(gap, 0.8)
    spread = torch.tensor([3.0, -1, 2, 4, 0, 1, -2, 5, 2, 1]).std()
    draws = size + spread * torch.randn(20_000, 10, generator=random)
    t = draws.mean(1) / (draws.std(1) / 10**0.5)
    critical = (gap.high - gap.mean) / (spread / 10**0.5)
    assert (t.abs() > critical).double().mean().item() == pytest.approx(0.8, abs=0.01)
    assert one_protocol.visible(gap, 0.9) > size > gap.high - gap.mean
    with pytest.raises(TypeError, match="gap"):
        one_protocol.visible(3.0)
    for power in (0.4, 1.0):
        with pytest.raises(ValueError, match="power"):
            one_protocol.visible(gap, power)


def test_the_settings_of_the_record_are_those_that_its_searches_choose():
    records = kd.results.load_records("digits-all-methods")
    for images in one_protocol.complete():
        for name in METHODS:
            mine = [
                r for r in records
                if (r.config["images"], r.config["method"]) == (images, name)
            ]  # fmt: skip
            searches = [r for r in mine if r.config["stage"] == "search"]
            tests = [r for r in mine if r.config["stage"] == "test"]
            assert sorted(r.seed for r in searches) == [100, 101, 102]
            assert sorted(r.seed for r in tests) == list(range(10))
            totals = [
                [sum(r.result[key][k] for r in searches) for k in range(12)]
                for key in ("valid_errors", "valid_nll")
            ]
            best = min(range(12), key=lambda k: (totals[0][k], totals[1][k], k))
            tried = METHODS[name].settings(images)
            assert {tuple(sorted(r.config["setting"].items())) for r in tests} == {
                tuple(sorted(tried[best].items()))
            }
    assert one_protocol.complete()


@pytest.mark.parametrize(("name", "seed"), [("plain KD", 0), ("similarity (SP)", 3)])
def test_a_recorded_student_is_trained_again(name, seed):
    """In float64 on any processor: an image more or less may change sides."""
    setting = one_protocol.chosen(name, 60)
    again = method_runs.tested(name, 60, setting, seed, "c", None)
    errors = one_protocol.recorded(name, 60)
    nll = one_protocol.recorded(name, 60, "test_nll")
    place = errors.seeds.index(seed)
    assert abs(again.result["test_errors"] - errors[place]) <= 2
    assert again.result["test_nll"] == pytest.approx(nll[place], rel=0.02)
