"""Results print as a person would write them."""

import pytest
import torch

from kdteach import stats
from kdteach.metrics import Evaluation
from kdteach.metrics.evaluation import _per_cent
from kdteach.types import History


def evaluation(right, images):
    labels = torch.zeros(images, dtype=torch.int64)
    logits = torch.tensor([[0.0, 1.0]]).repeat(images, 1)
    logits[:right] = torch.tensor([1.0, 0.0])
    return Evaluation(logits, labels)


def test_an_evaluation():
    found = evaluation(443, 1000)
    assert found.accuracy == 0.443  # and not 0.44299999999999995
    assert str(found) == "44.3 % of 1,000 images right"
    assert repr(found) == "<Evaluation: 44.3 % of 1,000 images right, 2 classes>"
    assert str(evaluation(1, 1)) == "100 % of 1 image right"
    assert str(evaluation(9850, 10_000)) == "98.50 % of 10,000 images right"


@pytest.mark.parametrize(
    ("count", "whole", "text"),
    [
        (0, 7, "0 %"),
        (7, 7, "100 %"),
        (1, 3, "33.3 %"),
        (59_999, 60_000, "99.998 %"),
        (1, 60_000, "0.002 %"),
        (4_999, 5_001, "99.96 %"),
    ],
)
def test_a_share_is_all_only_where_it_is_all(count, whole, text):
    assert _per_cent(count, whole) == text


def test_a_difference_of_fractions():
    gain = stats.Interval(-0.0063, -0.0110, -0.0016, 0.95, 10)
    assert str(gain) == "-0.006 [-0.011, -0.002]"
    assert gain.in_points() == "-0.6 points (-1.1 to -0.2; 10 seeds)"
    assert gain.in_points("draws", digits=2) == "-0.63 points (-1.10 to -0.16; 10 draws)"
    small = stats.Interval(0.00052, 0.00032, 0.00072, 0.9, 12)
    assert small.in_points() == "+0.05 points (90% interval; +0.03 to +0.07; 12 seeds)"
    assert str(stats.Interval(4.5, 2.33, 6.67, 0.95, 10)) == "4.50 [2.33, 6.67]"
    assert str(stats.Interval(0.0, 0.0, 0.0, 0.95, 10)) == "0.00 [0.00, 0.00]"
    assert str(stats.Interval(1e-5, 1e-5, 1e-5, 0.95, 2)).startswith("0.00001")
    assert f"{gain:.1f}" == "-0.0 [-0.0, -0.0]"  # a format that is asked for is obeyed
    with pytest.raises(TypeError, match="each must be a str"):
        gain.in_points(3)
    with pytest.raises(ValueError, match="digits"):
        gain.in_points(digits=16)


def test_two_models_on_the_same_images():
    assert str(stats.McNemar(12, 3, 0.0352)) == (
        "12 images only a gets right, 3 only b; p = 0.035"
    )
    assert str(stats.McNemar(90, 3, 1.4e-20)).endswith("p = 1e-20")


def test_a_history():
    assert str(History(())) == "no epoch"
    assert str(History((2.0,))) == "1 epoch: loss 2"
    history = History((2.31, 0.5, 0.05123), accuracy=(0.5, 0.975, 0.972))
    assert str(history) == (
        "3 epochs: loss 2.31 to 0.05123, accuracy 97.2 % (best 97.5 % after epoch 2)"
    )
    assert repr(history) == f"<History: {history}>"
    assert history == History((2.31, 0.5, 0.05123), accuracy=(0.5, 0.975, 0.972))
    assert len(repr(History((1.0,) * 10_000))) < 200
