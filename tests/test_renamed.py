"""What had another name is found by it for one version more, with a word on the new one."""

import copy
import warnings

import pytest

from kdteach import data, experiments, metrics, models, objectives, training
from kdteach.data import augment
from kdteach.experiments.recipe import Recipe, stored
from kdteach.renamed import former_names
from kdteach.results import run_key

FORMER = [
    (data, "jitter", "random_shift"), (data, "Jitter", "RandomShift"),
    (augment, "jitter", "random_shift"), (augment, "Jitter", "RandomShift"),
    (models, "Cooled", "TemperatureScaled"), (models, "Photograph", "BackboneWithHead"),
    (training, "momentum", "sgd_momentum"), (training, "settled", "plateau"),
    (objectives, "Course", "TrainingSetup"),
    (metrics, "agreement", "prediction_agreement"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "former", "today"), FORMER)
def test_a_former_name_is_what_the_new_one_is(module, former, today):
    says = f"{module.__name__}.{former} is now called {module.__name__}.{today};"
    with pytest.warns(DeprecationWarning, match=says) as seen:
        found = getattr(module, former)
    assert found is getattr(module, today)
    assert [warning.filename for warning in seen] == [__file__]
    assert former not in getattr(module, "__all__", ())
    assert not hasattr(module, f"{former}s")


def test_an_import_of_a_former_name_is_told_where_it_stands():
    with pytest.warns(DeprecationWarning, match=r"momentum is now called") as seen:
        from kdteach.training import momentum
    assert momentum is training.sgd_momentum
    assert {warning.filename for warning in seen} == {__file__}


def test_what_never_was_is_no_attribute():
    find = former_names("kdteach.data", {"jitter": "random_shift"})
    with pytest.raises(AttributeError, match=r"'kdteach\.data' has no attribute 'giggle'"):
        find("giggle")


def test_a_linear_probe_by_its_former_name():
    options = {"num_classes": 2, "seed": 3}
    with pytest.warns(DeprecationWarning, match=r"is now called policy=") as seen:
        old = models.build("tiny-mobilenet", policy="features", **options)
    assert [warning.filename for warning in seen] == [__file__]
    new = models.build("tiny-mobilenet", policy="linear_probe", **options)
    trained = [
        [name for name, weight in model.named_parameters() if weight.requires_grad]
        for model in (old, new)
    ]
    assert trained[0] == trained[1] == ["head.weight", "head.bias"]


PLAIN = {
    "role": "plain", "model": "fc-16", "epochs": 2, "batch_size": 32, "learning_rate": 0.1,
}  # fmt: skip
SPELLINGS = [
    ({"random_shift": 2}, {"jitter": 2}),
    ({"optimizer": "sgd_momentum"}, {"optimizer": "momentum"}),
]


@pytest.mark.parametrize(("today", "recorded"), SPELLINGS)
def test_a_setting_is_stored_under_the_name_of_the_records(today, recorded):
    """The hash of a configuration is the one that its records have."""
    given, old = {**PLAIN, **today}, {**PLAIN, **recorded}
    kept = copy.deepcopy(given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # both are configurations that may be written
        assert Recipe.of(given) == Recipe.of(old)
        assert stored(given) == old
        assert run_key(stored(given), 0) == run_key(old, 0)
    assert given == kept
    student = {**PLAIN, "temperature": 2.0, "alpha": 0.5}
    taught = {**student, "teacher": {**PLAIN, "role": "teacher", **today}}
    assert stored(taught)["teacher"] == {**PLAIN, "role": "teacher", **recorded}


def test_two_names_of_one_setting_are_refused():
    with pytest.raises(ValueError, match="random_shift and jitter are two names"):
        Recipe.of({**PLAIN, "random_shift": 1, "jitter": 1})


def test_the_catalogue_is_stored_as_it_is_written():
    """No configuration of the book has got another hash by the new names."""
    for experiment in experiments.EXPERIMENTS.values():
        assert experiment.configurations
        for config in experiment.configurations:
            assert stored(config) == config
