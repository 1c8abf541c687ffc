"""How many test images of a division take part in the choices of other divisions."""

import pytest
import torch

import kdteach as kd
from kdteach.experiments.overlaps import chosen_elsewhere


def test_counts_are_those_of_a_loop_over_images():
    draws = [kd.load("digits", draw=n, dtype=torch.float64) for n in range(3)]
    counted = []
    for draw in draws:
        shared = 0
        for image in draw.test.images:
            shared += any(
                bool((other.valid.images == image).flatten(1).all(dim=1).any())
                for other in draws
                if other is not draw
            )
        counted.append(shared)
    assert chosen_elsewhere(draws) == counted
    assert 0 < min(counted) <= max(counted) < 359


def test_one_division_shares_nothing():
    draw = kd.load("digits", draw=0)
    assert chosen_elsewhere([draw]) == [0]


def test_what_is_no_division_is_named():
    with pytest.raises(ValueError, match="draws"):
        chosen_elsewhere([])
    with pytest.raises(TypeError, match="draws"):
        chosen_elsewhere([kd.load("digits").test])
    with pytest.raises(TypeError, match="draws"):
        chosen_elsewhere(3)
