"""The students of the loss chapter: weights, choices, comparisons, beside plain PyTorch."""

import pytest
import torch
from torch.nn import functional

import kdteach as kd
from kdteach.experiments import loss_variants as variants

RATES = (0.05, 0.4)


@pytest.fixture(scope="module")
def learned():
    return variants.learn(draws=(0, 3), rates=RATES, epochs=3)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_the_weights_are_those_of_the_losses_as_programs_write_them(temperature):
    torch.manual_seed(0)
    z, v = 3 * torch.randn(2, 6, 10, dtype=torch.float64)
    y = torch.arange(6)
    log_q = (z / temperature).log_softmax(dim=1)
    p = (v / temperature).softmax(dim=1)
    hard = functional.cross_entropy(z, y)
    kl = functional.kl_div(log_q, p, reduction="batchmean")
    mean = (p * (p.log() - log_q)).mean()  # over classes, too
    square = temperature**2
    written = {
        variants.WRITTEN: 0.9 * square * kl + 0.1 * hard,
        variants.AVERAGED: 0.9 * square * mean + 0.1 * hard,
        variants.NO_SQUARE: 0.9 * kl + 0.1 * hard,
        variants.SWAPPED: 0.1 * square * kl + 0.9 * hard,
        variants.ALONE: hard,
    }
    found = variants.weights(temperature)
    assert list(found) == list(written)
    for name, (a, b) in found.items():
        assert float(a * square * kl + b * hard) == pytest.approx(float(written[name]))


def test_a_student_trained_alone_makes_the_same_mistakes(learned):
    """Two arms by the public calls: sample, teacher, objective, one student at a time."""
    for place, seed in enumerate((0, 3)):
        draw = kd.load("digits", draw=seed, dtype=torch.float64)
        few = kd.data.small_sample(draw.train, 200, seed=seed)
        teacher = kd.models.trained_teacher(seed, dtype=torch.float64)
        logits = kd.teacher_logits(teacher, few, views=kd.data.random_shift(1).views)
        for name, objective in (
            (variants.WRITTEN, kd.distil(logits, 20.0, alpha=0.9)),
            (variants.ALONE, kd.hard_labels()),
        ):
            student = kd.build(
                "fc-64", seed=seed, input_shape=(1, 8, 8), dtype=torch.float64
            )
            kd.fit_many(
                [student], [few], [objective], seeds=[seed], learning_rate=0.4, epochs=3,
                batch_size=50, schedule=kd.training.cosine,
                optimizer=kd.training.sgd_momentum,
            )  # fmt: skip
            errors = kd.evaluate(student, draw.valid).errors
            assert learned.valid[name, 0.4][place] == errors


def test_rates_are_chosen_on_validation_images(learned):
    for name, rate in learned.own.items():
        assert sum(learned.valid[name, rate]) == min(
            sum(learned.valid[name, other]) for other in RATES
        )
    assert learned.copied == learned.own[variants.WRITTEN]
    assert learned.test["as written, copied"] == learned.test["as written, own"]
    for name in learned.factors:
        for i, errors in enumerate(learned.by_draw[name]):
            on_valid = [learned.valid[name, rate][i] for rate in RATES]
            if on_valid.index(min(on_valid)) == RATES.index(learned.own[name]):
                assert errors == learned.test[f"{name}, own"][i]


def test_comparisons_are_paired_and_counted(learned):
    pairs = learned.compared()
    assert sum(pair.planned for pair in pairs) == 14
    assert sum(pair.by_draw is not None for pair in pairs) == 7
    assert len(pairs) + 7 + 2 == variants.MADE  # two were cut with their students
    for pair in pairs:
        a, b = learned.test[pair.first], learned.test[pair.second]
        assert pair.common.mean == pytest.approx(sum(a) / 2 - sum(b) / 2)
        assert pair.common.bound == (3.6 if pair.planned else None)
        assert pair.common.level == pytest.approx(1 - 0.05 / 30)
        wider = pair.common.for_new_images  # two draws, 1,079 to learn from, 359 to test on
        width = (pair.common.high - pair.common.low) * (1 + 2 * 359 / 1079) ** 0.5
        assert wider.high - wider.low == pytest.approx(width, rel=1e-3)
    with pytest.raises(ValueError, match="a pair that was compared"):
        learned.between("as written, own", "as written, own")


def test_fewer_losses_give_the_same_students(learned):
    some = variants.learn(
        [variants.WRITTEN, variants.ALONE], draws=(0, 3), rates=RATES, epochs=3
    )
    assert all(learned.test[arm] == ten for arm, ten in some.test.items())
    assert all(learned.valid[arm] == ten for arm, ten in some.valid.items())
    assert {pair.first for pair in some.compared()} == {
        "as written, copied", "as written, own",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"losses": ["labels alone"]}, "losses must be of"),
        ({"losses": ["as written", "mine"]}, "losses must be of"),
        ({"draws": [0]}, "draws must be two or more"),
        ({"draws": [0, 99]}, "draws must be two or more"),
        ({"rates": []}, "rates must be one or more"),
        ({"rates": [0.1, 0.1]}, "rates must be one or more"),
        ({"temperature": 0}, "temperature"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        variants.learn(**arguments)
