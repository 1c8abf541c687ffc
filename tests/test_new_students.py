"""New students of *Your first student*: as `kd.fit` trains them alone, arm by arm."""

import pytest
import torch

import kdteach as kd
from kdteach.experiments.catalogue.first_student import EXPERIMENT
from kdteach.experiments.new_students import ALPHA, SMOOTHING, TEMPERATURE, mistakes

SMALL = {"size": 20, "rounds": 2, "seeds": (3, 5), "epochs": 2}
OBJECTIVES = {
    "smoothed labels": lambda logits: kd.objectives.smoothed_labels(0.38),
    "distilled": lambda logits: kd.distil(logits, temperature=8, alpha=0.9),
}


@pytest.mark.parametrize("arm", OBJECTIVES)
def test_each_is_trained_as_if_alone(arm):
    found = mistakes({arm: 0.1}, **SMALL)
    assert list(found) == [arm]
    for place, seed in enumerate(SMALL["seeds"]):
        draw = kd.load("digits", draw=seed, dtype=torch.float64)
        teacher = kd.trained_teacher(seed, dtype=torch.float64)
        loss = OBJECTIVES[arm](kd.teacher_logits(teacher, draw.train))
        wrong = []
        for number in (1000 + seed, 2000 + seed):
            student = kd.build(
                "fc-64", seed=number, input_shape=(1, 8, 8), dtype=torch.float64
            )
            kd.fit(
                student, kd.data.small_sample(draw.train, 20, seed=seed), loss, epochs=2,
                batch_size=32, learning_rate=0.1, optimizer=kd.training.sgd_momentum,
                schedule=kd.training.cosine, seed=number,
            )  # fmt: skip
            with torch.no_grad():
                answers = student(draw.test.images).argmax(dim=1)
            wrong.append(int((answers != draw.test.labels).sum()))
        assert found[arm][place] == sum(wrong) / 2


def test_the_settings_are_those_of_the_record():
    distilled = dict(EXPERIMENT["distilled, rate 0.1"])
    assert (distilled["temperature"], distilled["alpha"]) == (TEMPERATURE, ALPHA)
    assert dict(EXPERIMENT["smoothed labels, rate 0.1"])["smoothing"] == SMOOTHING


@pytest.mark.parametrize(
    ("rates", "change", "error", "says"),
    [
        ([0.1], {}, TypeError, "rates must be a dictionary"),
        ({}, {}, TypeError, "rates must be a dictionary"),
        ({"labels": 0.1}, {}, ValueError, "arm"),
        ({"distilled": 0.0}, {}, ValueError, "rates"),
        ({"distilled": 0.1}, {"rounds": 0}, ValueError, "rounds"),
        ({"distilled": 0.1}, {"epochs": 0}, ValueError, "epochs"),
        ({"distilled": 0.1}, {"seeds": 3}, TypeError, "seeds"),
    ],
)
def test_odd_arguments_are_named(rates, change, error, says):
    with pytest.raises(error, match=says):
        mistakes(rates, **SMALL | change)
