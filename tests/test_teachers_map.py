"""The recorded maps of students: what is measured, and that it can be measured again."""

import pytest
import torch

import kdteach as kd
from kdteach.experiments import teachers_map
from kdteach.experiments.catalogue import digits_teachers_map


def test_a_copy_of_the_teacher_has_its_map():
    teacher = kd.trained_teacher(0, dtype=torch.float64)
    part = kd.load("digits", dtype=torch.float64).valid
    found = teachers_map._compared(teacher, teacher, part)
    assert found["distance"] == found["similarity"] == 0
    assert found["shared"] == 5
    stranger = kd.build("cnn-1k", seed=0, dtype=torch.float64)
    other = teachers_map._compared(stranger, teacher, part)
    assert other["distance"] > 0 < other["similarity"]
    assert 0 < other["shared"] < 5


def test_the_recorded_students_are_those_that_learn():
    draws = [kd.load("digits", draw=draw, dtype=torch.float64) for draw in (0, 1)]
    again = teachers_map.followed(draws)
    assert tuple(again) == teachers_map.ARMS
    for arm, found in again.items():
        for measure in teachers_map.MEASURES:
            runs = teachers_map.recorded(arm, measure)
            assert runs.seeds == tuple(range(10))
            assert list(runs[:2]) == pytest.approx(found.more[measure], rel=1e-3)
    for record in kd.results.load_records(teachers_map.NAME):
        assert record.environment["precision"] == "float64"
        weight = teachers_map.OBJECTIVES[record.config["role"]]
        assert record.config.get("weight", 0.0) == weight
    assert digits_teachers_map.SEEDS == 10


def test_wrong_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match="arm"):
        teachers_map.recorded("plain KD", "shared")
    with pytest.raises(ValueError, match="measure"):
        teachers_map.recorded("labels alone", "agreement")
    with pytest.raises(LookupError):
        teachers_map.recorded("labels alone", "shared", folder=tmp_path)
