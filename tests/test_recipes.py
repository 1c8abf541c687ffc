"""Configurations: what is unknown, of the wrong type or contradictory is refused."""

import json
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest
import torch

from kdteach.data import load
from kdteach.experiments import EXPERIMENTS, Experiment, Published, Recipe, jobs, recipes
from kdteach.experiments.contradictions import MISTAKES
from kdteach.experiments.recipe import stored
from kdteach.models import TWINS, build
from kdteach.models.photographs import NAMES as PHOTOGRAPHS
from kdteach.results import load_records, run_key

PLAIN = {
    "role": "plain", "model": "fc-16", "epochs": 6, "batch_size": 32, "learning_rate": 0.01
}  # fmt: skip
TEACHER = {**PLAIN, "role": "teacher", "model": "fc-32"}
SOFT = {**PLAIN, "role": "distilled", "temperature": 4.0, "alpha": 0.5, "teacher": TEACHER}
TWIN = {**PLAIN, "model": "tiny-mobilenet", "weights": "tissues"}
HEAD = {**TWIN, "policy": "features"}
SHIPPED = {"role": "teacher", "shipped": "cnn-digits", "views": 1}
DIGITS = ("digits", {"dtype": "float64"})


def sha(config, seed):
    """The key of a run, as it was computed when the existing records were written."""
    import hashlib

    text = json.dumps({"config": dict(config), "seed": seed}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_exists_is_valid_and_keeps_its_key(name):
    recorded = [(r.config, r.seed) for r in load_records(name)]
    designed = [(c, 3) for c in EXPERIMENTS[name].configurations]
    assert designed
    for config, seed in recorded + designed:
        Recipe.of(config)
        assert sha(config, seed) == run_key(config, seed) == run_key(stored(config), seed)


def test_the_table_of_settings_is_whole():
    from kdteach.experiments import design, recipe

    table = Path(design.__file__).read_text(encoding="utf-8")
    names = {part.name for part in fields(Recipe)}
    assert names == set(recipe._CHECKS)
    for name in names:
        assert f"\n``{name}``" in table


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("temprature", "temperature"), ("learning_rat", "learning_rate"), ("T", "omit"),
        ("weight-decay", "weight_decay"), ("batchsize", "batch_size"), ("epoch", "epochs"),
        ("Model", "model"), ("num_epochs", "epochs"), ("", "role"),
    ],
)  # fmt: skip
def test_an_unknown_setting_names_the_nearest(typo, meant):
    with pytest.raises(ValueError, match="unknown setting") as told:
        Recipe.of({**PLAIN, typo: 1})
    if len(typo) > 2:
        assert f"nearest known one is {meant!r}" in str(told.value)
    with pytest.raises(TypeError, match="settings are named by a str, got 3"):
        Recipe.of({**PLAIN, 3: 1})


WRONG_TYPES = [
    ("epochs", "12"), ("epochs", 12.0), ("epochs", True), ("epochs", None),
    ("batch_size", 32.5), ("batch_size", "32"), ("learning_rate", "0.01"),
    ("learning_rate", True), ("learning_rate", None), ("learning_rate", 1j),
    ("temperature", True), ("temperature", "4"), ("alpha", "0.5"), ("alpha", False),
    ("omit", 3), ("omit", "3"), ("omit", [3.0]), ("omit", ["3"]), ("omit", [True]),
    ("omit", {3}), ("omit", torch.tensor([3])), ("only", 7), ("role", None), ("role", 3),
    ("model", None), ("model", 16), ("model", torch.nn.Linear(2, 2)), ("optimizer", None),
    ("optimizer", torch.optim.Adam), ("schedule", 1), ("dropout", "0.5"), ("dropout", True),
    ("weight_decay", "0.1"), ("weight_decay", True), ("jitter", 1.0), ("jitter", "1"),
    ("views", True), ("drop_last", 1), ("drop_last", "yes"), ("drop_last", None),
    ("precision", torch.bfloat16), ("smoothing", "0.1"), ("smoothing", True),
    ("subclasses", "5"), ("subclasses", 5.0), ("subclasses", True), ("beta", "1"),
    ("teacher", "teacher"), ("teacher", None), ("teacher", [TEACHER]), ("stop_epoch", 3.0),
    ("teacher_epoch", "3"), ("weights", True), ("policy", None), ("flips", 1),
    ("flips", "yes"), ("choose_on", True), ("choose_by", None), ("targets", None),
    ("balanced", 1), ("balanced", "no"), ("mistake", None), ("mistake", 1),
    ("transfer", 60.0), ("transfer", "60"), ("shipped", True),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG_TYPES)
def test_a_wrong_type_is_a_type_error(key, value):
    name = {"alpha": "alpha", "smoothing": "smoothing"}.get(key, key)
    with pytest.raises(TypeError, match=rf"{name}.*must be"):
        Recipe.of({**SOFT, key: value})


OUT_OF_RANGE = [
    ("epochs", 0), ("epochs", -1), ("batch_size", 0), ("learning_rate", 0),
    ("learning_rate", -1.0), ("learning_rate", float("nan")), ("learning_rate", 1e999),
    ("temperature", 0), ("temperature", -4.0), ("temperature", float("nan")),
    ("temperature", 1e300), ("alpha", -0.1), ("alpha", 1.1), ("alpha", float("nan")),
    ("omit", []), ("omit", [-1]), ("omit", [3, 3]), ("role", ""), ("model", "resnet19"),
    ("model", "fc-"), ("model", "fc-0"), ("model", "fc-16-0"), ("model", "fc-16-"),
    ("model", ""), ("optimizer", "sgd"), ("schedule", "linear"), ("dropout", 1),
    ("dropout", -0.1), ("weight_decay", -1), ("weight_decay", 0), ("jitter", -1),
    ("views", -1), ("precision", "float16"), ("smoothing", 1.0), ("smoothing", -0.1),
    ("subclasses", 0), ("beta", -1), ("stop_epoch", 0), ("teacher_epoch", 0),
    ("weights", "coco"), ("weights", "IMAGENET1K"), ("policy", "head"),
    ("choose_on", "train"), ("choose_by", "auc"), ("targets", "soft"),
    ("mistake", "none"), ("transfer", 0),
    ("shipped", "mnist"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), OUT_OF_RANGE)
def test_a_value_out_of_range_is_a_value_error(key, value):
    with pytest.raises(ValueError, match=key):
        Recipe.of({**PLAIN, key: value})


CONTRADICTIONS = [
    ({**PLAIN, "temperature": 4.0}, "temperature needs alpha"),
    ({**PLAIN, "alpha": 0.5}, "alpha needs temperature"),
    ({**PLAIN, "teacher": TEACHER}, "teacher needs temperature"),
    ({**PLAIN, "stop_epoch": 3}, "stop_epoch needs temperature"),
    ({**PLAIN, "teacher_epoch": 3}, "teacher_epoch needs temperature"),
    ({**SOFT, "smoothing": 0.1}, "smoothing and temperature"),
    ({**SOFT, "targets": "votes"}, "targets and temperature"),
    ({**SOFT, "balanced": True}, "balanced and temperature"),
    ({**SOFT, "beta": 0.1}, "beta and temperature"),
    ({**SOFT, "flips": True}, "flips and temperature"),
    ({**SOFT, "jitter": 1}, "jitter and temperature"),
    ({**SOFT, "stop_epoch": 7}, "stop_epoch 7 and epochs 6"),
    ({**SOFT, "teacher_epoch": 7}, "teacher_epoch 7 and a teacher of 6 epochs"),
    ({**SOFT, "subclasses": 5}, "subclasses 5 and a teacher with none"),
    (
        {**SOFT, "subclasses": 5, "teacher": {**TEACHER, "subclasses": 3}},
        "subclasses 5 and a teacher with 3",
    ),
    (
        {
            **SOFT,
            "subclasses": 5,
            "teacher": {**TEACHER, "subclasses": 5},
            "stop_epoch": 2,
        },
        "stop_epoch and subclasses",
    ),
    ({**SOFT, "teacher": PLAIN}, "role must be 'teacher' or 'assistant', got 'plain'"),
    ({**SOFT, "role": "teacher"}, "role 'teacher' and temperature"),
    ({**PLAIN, "role": "assistant"}, "'assistant' needs temperature"),
    ({**SOFT, "teacher": {**TEACHER, "epochs": "6"}}, "teacher: epochs must be"),
    ({**SOFT, "teacher": {**TEACHER, "beta": 1.0}}, "teacher: beta needs subclasses"),
    ({**SOFT, "teacher": {**TEACHER, "epoch": 6}}, "teacher: unknown setting 'epoch'"),
    ({**SOFT, "teacher": {"role": "teacher"}}, "teacher: .*needs the settings model"),
    ({**SOFT, "teacher": SHIPPED, "teacher_epoch": 1}, "teacher_epoch and a shipped"),
    ({**SOFT, "teacher": {**SHIPPED, "epochs": 3}}, "teacher: shipped.*leave epochs out"),
    ({**SOFT, "teacher": {**SHIPPED, "role": "plain"}}, "its role must be 'teacher'"),
    ({**PLAIN, "beta": 0.5}, "beta needs subclasses"),
    ({**PLAIN, "smoothing": 0.1, "balanced": True}, "smoothing and balanced cannot"),
    ({**PLAIN, "targets": "votes", "balanced": True}, "targets and balanced cannot"),
    ({**PLAIN, "subclasses": 5, "targets": "votes"}, "subclasses and targets cannot"),
    ({**PLAIN, "subclasses": 5, "smoothing": 0.1}, "subclasses and smoothing cannot"),
    ({**PLAIN, "flips": True, "jitter": 2}, "flips and jitter cannot be combined"),
    ({**PLAIN, "omit": [3], "only": [4]}, "omit and only contradict"),
    ({**PLAIN, "choose_by": "accuracy"}, "choose_by needs choose_on"),
    ({**PLAIN, "transfer": 20, "drop_last": True}, "drop_last and transfer"),
    ({**PLAIN, "views": 1}, "views and role 'plain'"),
    ({**PLAIN, "weights": "imagenet"}, "weights and model 'fc-16'"),
    ({**TWIN, "weights": "imagenet"}, "weights 'imagenet' and model 'tiny-mobilenet'"),
    ({**PLAIN, "model": "resnet18", "weights": "tissues"}, "weights 'tissues' and model"),
    ({**PLAIN, "policy": "features"}, "policy 'features' and model 'fc-16'"),
    ({**TWIN, "dropout": 0.5}, "dropout and model 'tiny-mobilenet'"),
    ({**PLAIN, "model": "linear", "dropout": 0.5}, "dropout and model 'linear'"),
    ({**PLAIN, "mistake": "no normalisation"}, "mistake 'no normalisation' and model"),
    ({**TWIN, "mistake": "drifting batchnorm"}, "'drifting batchnorm' and policy 'full'"),
    (
        {**PLAIN, "model": "tiny-resnet", "mistake": "stacked head"},
        "'stacked head' needs weights",
    ),
    ({**HEAD, "mistake": "soft term over classes"}, "needs temperature"),
    ({"role": "plain"}, "needs the settings model.*missing are model, epochs"),
    ({k: v for k, v in PLAIN.items() if k != "epochs"}, "missing is epochs"),
    ({k: v for k, v in PLAIN.items() if k != "role"}, "needs the setting role"),
    ({}, "needs the setting role"),
]


@pytest.mark.parametrize(("config", "says"), CONTRADICTIONS, ids=range(len(CONTRADICTIONS)))
def test_what_contradicts_itself_is_refused_everywhere(config, says):
    """In a recipe, in an experiment, and where a job is run."""
    with pytest.raises((ValueError, TypeError), match=says):
        Recipe.of(config)
    with pytest.raises((ValueError, TypeError), match=rf"x, configuration 1 \(.*{says}"):
        Experiment("x", "?", DIGITS, (TEACHER, config))
    job = jobs.Job(DIGITS, None, 0, (config,), (None,))
    with pytest.raises((ValueError, TypeError), match=says):
        jobs.run_job(job)


@pytest.mark.parametrize("config", [None, 3, "plain", [("role", "plain")], {"role"}])
def test_a_configuration_is_a_mapping(config):
    with pytest.raises(TypeError, match="must be a mapping"):
        Recipe.of(config)
    with pytest.raises(TypeError, match="configurations must be a tuple of Mapping"):
        Experiment("x", "?", DIGITS, (config,))


def test_a_recipe_is_frozen_and_checks_itself():
    recipe = Recipe.of(SOFT)
    assert Recipe.of(recipe) is recipe
    assert recipe.teacher == Recipe.of(TEACHER)
    with pytest.raises(FrozenInstanceError):
        recipe.epochs = 3
    with pytest.raises(TypeError, match="epochs must be"):
        Recipe(role="plain", model="fc-8", epochs="3", batch_size=8, learning_rate=0.1)
    with pytest.raises(ValueError, match="needs the settings model"):
        Recipe(role="plain")
    same = Recipe(
        role="plain", model="fc-16", epochs=6, batch_size=32, learning_rate=0.01,
        optimizer="adam",
    )  # fmt: skip
    assert same == Recipe.of(PLAIN)


def test_numbers_of_numpy_and_tuples_are_stored_as_pythons():
    odd = {
        **SOFT, "epochs": np.int64(6), "temperature": np.float64(4), "omit": (np.int32(3),),
        "drop_last": np.bool_(False),
        "teacher": {**TEACHER, "learning_rate": np.float64(0.01)},
    }  # fmt: skip
    usual = {**SOFT, "epochs": 6, "omit": [3], "drop_last": False}
    assert stored(odd) == usual
    assert json.dumps(stored(odd)) == json.dumps(usual)
    (kept,) = Experiment("x", "?", DIGITS, [odd]).configurations
    assert kept == usual
    assert sha(kept, 0) == run_key(odd, 0)


def test_an_experiment_does_not_change_with_the_callers_mappings():
    mine = {**SOFT, "omit": [3], "teacher": dict(TEACHER)}
    experiment = Experiment("x", "?", DIGITS, (mine,))
    mine["epochs"] = "many"
    mine["omit"].append(4)
    mine["teacher"]["epochs"] = 0
    (kept,) = experiment.configurations
    assert kept == {**SOFT, "omit": [3]}


GROUPS = ("digits", {"groups": ((0, 1), (2, 3, 4, 5, 6, 7, 8, 9))})
NO_VALIDATION = ("mnist", {"validation": 0})


@pytest.mark.parametrize(
    ("parts", "error", "says"),
    [
        ({"name": "../x"}, ValueError, "must have a name of"),
        ({"name": ""}, ValueError, "must have a name of"),
        ({"name": None}, TypeError, "named by a str"),
        ({"question": None}, TypeError, "question must be a str"),
        ({"data": "digits"}, TypeError, "data must be name and options"),
        ({"data": ("digits",)}, TypeError, "data must be name and options"),
        ({"data": ("digit", {})}, ValueError, "unknown data set 'digit'; known are digits"),
        ({"data": (["digits"], {})}, ValueError, "unknown data set"),
        ({"data": ("digits", None)}, TypeError, "options of 'digits' must be a mapping"),
        ({"data": ("digits", {"dtype": torch.float64})}, ValueError, "cannot hold"),
        ({"data": ("digits", {"dtype": "float7"})}, TypeError, "dtype of the data must be"),
        ({"data": ("digits", {"dtype": "int64"})}, TypeError, "dtype of the data must be"),
        ({"seeds": 0}, ValueError, "seeds must be"),
        ({"seeds": True}, TypeError, "seeds must be"),
        ({"seeds": "10"}, TypeError, "seeds must be"),
        ({"seeds": 10**20}, ValueError, "seeds must be"),
        ({"configurations": ()}, ValueError, "needs a configuration"),
        ({"configurations": None}, TypeError, "configurations must be a tuple"),
        ({"configurations": PLAIN}, TypeError, "configurations must be a tuple"),
        ({"published": (0.9,)}, TypeError, "published must be a tuple of Published"),
        ({"configurations": (PLAIN, dict(PLAIN))}, ValueError, "same as configuration 0"),
        (
            {"configurations": (PLAIN, {**PLAIN, "optimizer": "adam"})},
            ValueError, "the same as configuration 0",
        ),
        (
            {"configurations": ({**SOFT, "temperature": 4}, SOFT)},
            ValueError, "the same as configuration 0",
        ),
        (
            {"configurations": ({k: v for k, v in SOFT.items() if k != "teacher"},)},
            ValueError, "has 0 configurations with the role 'teacher' instead of one",
        ),
        (
            {
                "configurations": (
                    TEACHER, {**TEACHER, "epochs": 2},
                    {k: v for k, v in SOFT.items() if k != "teacher"},
                )
            },
            ValueError, "has 2 configurations with the role 'teacher' instead of one",
        ),
        ({"configurations": (SHIPPED,)}, ValueError, "shipped teacher is not trained"),
        ({"configurations": ({**SOFT, "teacher": SHIPPED},)}, ValueError, "'draw': 'seed'"),
        (
            {"configurations": ({**PLAIN, "precision": "bfloat16"},)},
            ValueError, "'bfloat16' and data in float64",
        ),
        (
            {"data": NO_VALIDATION, "configurations": ({**PLAIN, "choose_on": "valid"},)},
            ValueError, "choose_on 'valid' and data without validation",
        ),
    ],
)  # fmt: skip
def test_experiments_that_cannot_be(parts, error, says):
    usual = {"name": "x", "question": "?", "data": DIGITS, "configurations": (PLAIN,)}
    with pytest.raises(error, match=says):
        Experiment(**usual | parts)


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"value": "0.9"}, TypeError), ({"value": True}, TypeError),
        ({"value": float("nan")}, ValueError), ({"where": "role"}, TypeError),
        ({"metric": None}, TypeError), ({"source": 3}, TypeError),
        ({"item": 0.0}, TypeError), ({"item": -1}, ValueError),
    ],
)  # fmt: skip
def test_published_values_are_numbers(parts, error):
    usual = {"source": "s", "where": {}, "metric": "m", "value": 0.9}
    with pytest.raises(error, match=next(iter(parts))):
        Published(**usual | parts)


NETWORKS = [
    "cnn-valid", "cnn-same", "cnn-225k", "cnn-52k", "cnn-4k", "cnn-2k", "cnn-digits",
    "cnn-1k", "fc-11k",
    "fc-8", "fc-8-4", "linear", *TWINS, *PHOTOGRAPHS,
]  # fmt: skip
SHAPES = {"cnn-digits": (1, 8, 8), "cnn-1k": (1, 8, 8)}


@pytest.mark.parametrize("name", [n for n in NETWORKS if n != "resnetv2_50"])
def test_a_recipe_knows_what_a_network_can(name):
    """``build`` refuses what the recipe refuses, and makes what the recipe lets pass."""

    def agree(asked, options):
        try:
            Recipe.of({**PLAIN, "model": name, **asked})
        except ValueError:
            with pytest.raises(ValueError, match=r"has no dropout|weights and policy"):
                build(name, **options)
        else:
            assert build(name, **options)

    shape = {"input_shape": SHAPES[name]} if name in SHAPES else {}
    assert build(name, **shape)
    agree({"dropout": 0.25}, {"dropout": 0.25, **shape})
    agree({"policy": "linear_probe"}, {"policy": "linear_probe", **shape})
    if name not in PHOTOGRAPHS:  # ImageNet's may not be here
        agree({"weights": "tissues"}, {"weights": "tissues", **shape})


def test_mistakes_change_something_on_every_network_that_may_have_them():
    data = load("petri", scale=0.02)
    images = data.train.images[:4]
    for name in TWINS:
        sound = {**HEAD, "model": name}
        for mistake in MISTAKES[:3]:
            config = {**sound, "mistake": mistake}
            Recipe.of(config)
            one, other = (recipes.fresh_model(c, data, 0) for c in (sound, config))
            answers = []
            for model in (one, other):
                model.train()
                answers.append(model(images))
            assert not torch.allclose(*answers, atol=1e-4)


def test_classes_that_the_data_does_not_have_are_named():
    train = load("digits").train
    for key in ("omit", "only"):
        with pytest.raises(ValueError, match=f"{key} names the class 10, but the data has"):
            recipes.transfer_set({key: [3, 10]}, train, 0)


def test_a_head_on_features_is_not_shifted_or_seen_in_views():
    """Features have no places: with shifts, images go through the whole network."""
    for key in ("flips", "jitter", "views"):
        assert not recipes.is_probe({**HEAD, key: 1})
    assert recipes.is_probe(HEAD)


def test_a_job_is_one_stack():
    configs = ({**PLAIN}, {**PLAIN, "epochs": 7})
    job = jobs.Job(DIGITS, None, 0, configs, (None, None))
    with pytest.raises(ValueError, match="must agree in all that a stack shares"):
        jobs.run_job(job)
    for seed, error in ((True, TypeError), (-1, ValueError)):
        with pytest.raises(error, match="seed must be"):
            jobs.run_job(jobs.Job(DIGITS, None, seed, (PLAIN,), (None,)))
    with pytest.raises(ValueError, match="one entry a configuration"):
        jobs.run_job(jobs.Job(DIGITS, None, 0, (PLAIN,), ()))
