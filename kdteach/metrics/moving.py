"""Numbers that are chosen on validation: added to logits, or that divide them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from kdteach.checks import check_choice, check_tensor, shown
from kdteach.metrics.evaluation import Evaluation
from kdteach.shifting import MEASURES, shift_of

_WIDEST = 1e6
"""Between a temperature and the spread of the logits, either way."""


def best_shift(
    answers: Evaluation, classes: Sequence[int], measure: str = "accuracy"
) -> float:
    """Find the number that, added to the logits of some classes, serves a measure best.

    The measure is a step function of the number; all its steps are visited. Of the
    stretches with the best value the widest is taken, and of that the middle, so that the
    choice does not hang on one image.

    Args:
        answers: on the images that decide; choose on validation, not on test.
        classes: class numbers that share the shift, at least one and not all; integers in
            [0, C), each once.
        measure: ``"accuracy"``, the fewest errors, or ``"weighted_f1"``. With classes of
            unequal size the two lie apart.

    Returns:
        The shift, in units of a logit, finite, and such that no shifted logit overflows; 0
        when nothing is gained by any other.

    Raises:
        TypeError: answers are no Evaluation, classes are no list of integers.
        ValueError: classes empty, all, repeated or out of range; an unknown measure; a
            table of weighted F1 that does not fit into memory.

    Source: with accuracy, the correction of Hinton et al. 2015, section 3.
    """
    _require_evaluation(answers)
    count = answers.logits.shape[1]
    numbers = _class_numbers(classes)
    distinct = set(numbers)
    if not numbers or len(distinct) < len(numbers) or not distinct < set(range(count)):
        raise ValueError(
            f"classes must be some of 0 to {count - 1}, not all and each once, "
            f"got {shown(classes)}"
        )
    measure = check_choice("measure", measure, MEASURES)
    chosen = torch.zeros(count, dtype=torch.bool, device="cpu")
    chosen[numbers] = True
    return shift_of(answers.logits.double(), answers.labels, chosen, measure)


def best_bias(answers: Evaluation, classes: Sequence[int]) -> float:
    """Find the shift of some classes with the fewest errors: ``best_shift`` by accuracy.

    Args:
        answers: on the images that decide; choose on validation, not on test.
        classes: as ``best_shift``.

    Returns:
        The bias, in units of a logit; 0 when nothing is gained by any other.

    Raises:
        TypeError: as ``best_shift``.
        ValueError: as ``best_shift``.

    Source: the correction of Hinton et al. 2015, section 3.
    """
    return best_shift(answers, classes)


def best_threshold(answers: Evaluation) -> float:
    """Find the shift of class 1 of two with the best weighted F1: see ``best_shift``.

    Args:
        answers: of a model with two classes; choose on validation, not on test.

    Returns:
        The number that is added to the logit of class 1; 0 when nothing is gained, and for
        a model that answers the same on every image, which no number can divide.

    Raises:
        TypeError: answers are no Evaluation.
        ValueError: not two classes.
    """
    _require_evaluation(answers)
    if answers.logits.shape[1] != 2:
        raise ValueError(f"a threshold is for two classes, got {answers.logits.shape[1]}")
    halves = answers.logits.double() / 2  # whose difference is always a number
    gaps = halves[:, 1] - halves[:, 0]
    return 0.0 if bool((gaps == gaps[0]).all()) else best_shift(answers, [1], "weighted_f1")


def best_temperature(answers: Evaluation) -> float:
    """Find the number that, dividing all logits, gives the labels the most probability.

    It is temperature scaling: the mean cross-entropy with the labels is least there. The
    errors stay the same; what changes is how sure the answers are.

    Args:
        answers: on the images that decide; choose on validation, not on test.

    Returns:
        The temperature, above 0. Where ever smaller or larger ones would be better, as
        with answers that are all right, a millionth of the logits' spread or a million
        times it; 1 where all logits of each image are the same.

    Raises:
        TypeError: answers are no Evaluation.

    Source: Guo et al. 2017, section 4.2.
    """
    from scipy.optimize import brentq

    _require_evaluation(answers)
    logits = answers.logits.double()
    halves = logits / 2  # whose differences are always numbers
    halves = halves - halves[:, :1]
    spread = float(halves.abs().max())
    if spread == 0:
        return 1.0
    halves = halves / spread
    right = halves.gather(1, answers.labels[:, None])[:, 0]

    def slope(log_inverse: float) -> float:
        """That of the mean cross-entropy, over the inverse: it grows."""
        chances = (halves * math.exp(log_inverse)).softmax(dim=1)
        return float(((chances * halves).sum(dim=1) - right).mean())

    ends = (-math.log(_WIDEST), math.log(_WIDEST))
    if slope(ends[0]) >= 0:
        inverse = ends[0]
    elif slope(ends[1]) <= 0:
        inverse = ends[1]
    else:
        inverse = float(brentq(slope, *ends))
    return min(2 * spread * math.exp(-inverse), sys.float_info.max)


def _class_numbers(classes: object) -> list[int]:
    if isinstance(classes, Tensor):
        classes = check_tensor("classes", classes)
    if isinstance(classes, (Tensor, np.ndarray)):
        classes = classes.tolist()
    if isinstance(classes, (str, bytes)) or not isinstance(classes, Iterable):
        raise TypeError(f"classes must be a list of class numbers, got {shown(classes)}")
    numbers = list(classes)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, Integral):
            raise TypeError(f"classes must be integers, got {shown(number)} among them")
    return [int(number) for number in numbers]


def _require_evaluation(answers: object) -> None:
    if not isinstance(answers, Evaluation):
        raise TypeError(
            "answers must be an Evaluation, as evaluate(model, split) gives it, got "
            f"{shown(answers)}"
        )
