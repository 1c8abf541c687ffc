"""*Hinton's missing digit* on the small digits: transfer sets, biases, choices."""

import pytest
import torch

import kdteach as kd
from kdteach.experiments import missing_digit as missing

KEEP = [0, 1, 2, 4, 5, 6, 7, 8, 9]
RATES = (0.02, 0.05)


@pytest.fixture(scope="module")
def draws():
    return [kd.load("digits", draw=n, dtype=torch.float64) for n in range(2)]


@pytest.fixture(scope="module")
def kind(draws):
    sets = missing.transfer_sets(draws, KEEP)
    return missing.learn(draws, sets, [kd.hard_labels()] * 2, [3], rates=RATES, epochs=2)


def test_only_the_kept_stay_in_their_order(draws):
    sets = missing.transfer_sets(draws, [7, 8], batch_size=32)
    assert len({len(s.labels) for s in sets}) == 1
    for part, draw in zip(sets, draws, strict=True):
        rows = [i for i, y in enumerate(draw.train.labels.tolist()) if y in (7, 8)]
        assert len(rows) - len(part.labels) < 64
        assert torch.equal(part.images, draw.train.images[rows[: len(part.labels)]])


def test_one_logit_for_all_images_of_a_class():
    logits = torch.tensor([[1.0, 4.0], [2.0, 6.0], [3.0, -1.0]])
    before = logits.clone()
    averaged = missing.class_averages(logits, torch.tensor([0, 0, 1]), 1)
    assert averaged.tolist() == [[1.0, 5.0], [2.0, 5.0], [3.0, -1.0]]
    assert torch.equal(logits, before)


def test_one_logit_for_all_images():
    logits = torch.tensor([[1.0, 4.0, 0.0], [2.0, 6.0, 1.0]], dtype=torch.float64)
    changed = missing.set_logit(logits, 1, 2.5)
    assert changed.tolist() == [[1, 2.5, 0], [2, 2.5, 1]]
    assert logits[:, 1].tolist() == [4, 6]
    erased = missing.set_logit(logits, 1, -1e5)
    p = torch.softmax(erased / 20, dim=1)
    assert p[:, 1].tolist() == [0, 0]
    assert torch.allclose(p[:, [0, 2]], torch.softmax(logits[:, [0, 2]] / 20, dim=1))
    for number, value, says in ((3, 0.0, "number"), (0, float("nan"), "value")):
        with pytest.raises(ValueError, match=says):
            missing.set_logit(logits, number, value)
    with pytest.raises(TypeError, match="logits"):
        missing.set_logit([[1.0]], 0, 0.0)


def test_a_student_trained_alone_gives_the_same(draws, kind):
    """In plain PyTorch: the bias by trying every gap, the rate by what is left."""
    errors = dict.fromkeys(RATES, 0)
    for rate in RATES:
        for seed, draw in enumerate(draws):
            part = missing.transfer_sets(draws, KEEP)[seed]
            assert 3 not in part.labels.tolist()
            student = kd.build(
                "fc-64", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64
            )
            kd.fit(
                student, part, kd.hard_labels(), seed=seed, epochs=2, batch_size=64,
                learning_rate=rate, schedule=kd.training.cosine,
                optimizer=kd.training.sgd_momentum,
            )  # fmt: skip
            with torch.no_grad():
                z = student(draw.valid.images)
            gaps = z.max(dim=1).values - z[:, 3]
            three = torch.arange(10) == 3
            tries = [0.0, *(gaps + 1e-9).tolist(), *(gaps - 1e-9).tolist()]
            left = [
                int(((z + b * three).argmax(1) != draw.valid.labels).sum()) for b in tries
            ]
            errors[rate] += min(left)
            if rate == kind.rate:
                assert kind.valid[0][seed] == int((z.argmax(1) != draw.valid.labels).sum())
                assert kind.valid[1][seed] == min(left)
    assert dict(kind.chosen_by) == errors
    assert kind.rate == min(errors, key=errors.get)
    assert not kind.is_between


def test_the_bias_moves_the_answers_to_the_test_images(draws, kind):
    for place, draw in enumerate(draws):
        answers, moved = kind.answers[place], kind.moved[place]
        rise = moved.logits - answers.logits
        assert torch.allclose(rise[:, 3], torch.tensor(kind.biases[place]).double())
        assert not rise[:, KEEP].any()
        assert torch.equal(answers.labels, draw.test.labels)
        threes = draw.test.labels == 3
        for table, given in zip(kind.recall, (answers, moved), strict=True):
            share = (given.logits.argmax(1) == 3)[threes].double().mean()
            assert float(table[place, 3]) == pytest.approx(float(share))
    assert kind.test == (
        [a.errors for a in kind.answers], [a.errors for a in kind.moved],
    )  # fmt: skip


def test_kinds_trained_together_are_as_those_trained_alone(draws, kind):
    sets = missing.transfer_sets(draws, KEEP)
    tables = [torch.randn(len(d.train.labels), 10).double() for d in draws]
    soft = [kd.distil(v, 20.0, alpha=1) for v in tables]
    kinds = {"soft": soft, "labels": [kd.hard_labels()] * 2}
    both = missing.learn_kinds(draws, sets, kinds, [3], rates=RATES, epochs=2)
    alone = missing.learn(draws, sets, soft, [3], rates=RATES, epochs=2)
    assert list(both) == ["soft", "labels"]
    for found, other in ((both["labels"], kind), (both["soft"], alone)):
        assert found.chosen_by == other.chosen_by
        for one, two in zip(found.answers, other.answers, strict=True):
            torch.testing.assert_close(one.logits, two.logits)
    assert not torch.allclose(both["soft"].answers[0].logits, kind.answers[0].logits)
    for wrong, error, says in (
        ({}, ValueError, "kinds must be one or more"),
        ([soft], TypeError, "kinds must be a dictionary"),
        ({"soft": soft[:1]}, ValueError, "must be as many"),
    ):
        with pytest.raises(error, match=says):
            missing.learn_kinds(draws, sets, wrong, [3], rates=RATES)


def test_odd_arguments_are_named(draws):
    sets, hard = missing.transfer_sets(draws, KEEP), [kd.hard_labels()] * 2
    for change, error, says in (
        ({"draws": []}, ValueError, "draws must be one or more"),
        ({"draws": [1, 2]}, TypeError, "draws must be data sets"),
        ({"sets": sets[:1]}, ValueError, "must be as many"),
        ({"objectives": kd.hard_labels()}, TypeError, "objectives"),
        ({"rates": []}, ValueError, "rates must be one or more"),
        ({"rates": [-1.0]}, ValueError, "rates"),
        ({"epochs": 0}, ValueError, "epochs"),
    ):
        given = {"draws": draws, "sets": sets, "objectives": hard, "classes": [3],
                 "rates": RATES} | change  # fmt: skip
        with pytest.raises(error, match=says):
            missing.learn(**given)
    with pytest.raises(ValueError, match="keep must leave a batch"):
        missing.transfer_sets(draws, [])
    with pytest.raises(ValueError, match=r"logits must be \(N, C\)"):
        missing.class_averages(torch.zeros(3, 2), torch.zeros(2), 1)
    with pytest.raises(ValueError, match="number"):
        missing.class_averages(torch.zeros(3, 2), torch.zeros(3), 2)
    with pytest.raises(TypeError, match="answers must be an Evaluation"):
        missing.with_bias(torch.zeros(3, 2), 1.0, [1])


def test_each_class_leaves_a_trace(draws):
    tables = [torch.randn(len(d.train.labels), 10).double() for d in draws]
    given = {"temperature": 20.0, "rate": 0.05, "size": 128, "epochs": 1}
    traces = missing.leave_out_each(draws, tables, **given)
    assert len(traces) == 10
    for number, trace in enumerate(traces):
        means = [
            float((v[d.train.labels != number] / 20).softmax(1)[:, number].mean())
            for v, d in zip(tables, draws, strict=True)
        ]
        assert trace.target == pytest.approx(sum(means) / 2)
        assert 0 <= trace.before <= 1
        assert 0 <= trace.after <= 1
    for change, error, says in (
        ({"tables": tables[:1]}, ValueError, "as many"),
        ({"draws": []}, ValueError, "one or more"),
        ({"rate": -1.0}, ValueError, "rate"),
        ({"size": 0}, ValueError, "size"),
    ):
        with pytest.raises(error, match=says):
            missing.leave_out_each(**({"draws": draws, "tables": tables} | given | change))


def test_a_trace_is_that_of_a_student_trained_alone(draws):
    """In a loop of its own: class 6 away, one student, its answers counted by hand."""
    tables = [torch.randn(len(d.train.labels), 10).double() for d in draws]
    found = missing.leave_out_each(
        draws[:1], tables[:1], temperature=5.0, rate=0.05, size=640, epochs=3
    )[6]
    rows = (draws[0].train.labels != 6).nonzero()[:640, 0]
    student = kd.build("fc-64", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
    kd.fit(
        student, draws[0].train.select(rows), kd.distil(tables[0], 5.0, alpha=1), seed=0,
        epochs=3, batch_size=64, learning_rate=0.05, schedule=kd.training.cosine,
        optimizer=kd.training.sgd_momentum,
    )  # fmt: skip
    bias = kd.metrics.best_bias(kd.evaluate(student, draws[0].valid), [6])
    with torch.no_grad():
        z = student(draws[0].test.images)
    sixes = draws[0].test.labels == 6
    assert found.before == pytest.approx(float((z.argmax(1) == 6)[sixes].double().mean()))
    z[:, 6] += bias
    assert found.after == pytest.approx(float((z.argmax(1) == 6)[sixes].double().mean()))
