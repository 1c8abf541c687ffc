"""Where several people judged each image: how far they agree, and answers beside theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import check_count, check_numbers

_MOST_RATERS = 10_000
_MOST_BINS = 100_000


@dataclass(frozen=True)
class RaterAgreement:
    """How far raters agree on images that are of two kinds, all in [0, 1] but kappa.

    Attributes:
        pairs: the chance that two raters, drawn at random, say the same of a random image.
        chance: the same for raters who say the second kind as often, but blindly.
        kappa: (pairs - chance) / (1 - chance), at most 1 and 0 for agreement by chance;
            NaN where all raters always say the same kind.
        majority: the chance that a rater, drawn at random, says what most say. No answers
            to these images agree more with a rater drawn at random.
    """

    pairs: float
    chance: float
    kappa: float
    majority: float


def rater_agreement(votes: ArrayLike, raters: int) -> RaterAgreement:
    """How far raters agree, from the number of votes for the second kind.

    Who voted what need not be known: kappa is Fleiss', for raters who are exchangeable. It
    is Cohen's kappa of all ordered pairs of raters taken together, and computed as that.

    Args:
        votes: (N,) whole numbers from 0 to ``raters``, N at least 1.
        raters: how many judged each image, at least 2.

    Returns:
        The agreement.

    Raises:
        TypeError: votes are no numbers, raters is no integer.
        ValueError: no votes, another shape, a number that is not whole or out of range.

    Source: J. L. Fleiss, Psychological Bulletin 76 (1971) 378-382, through scikit-learn.
    """
    from sklearn.metrics import cohen_kappa_score

    count = check_count("raters", raters, least=2, most=_MOST_RATERS)
    found = _votes(votes, count)
    second, first = found, count - found
    # ordered pairs of raters: both say the second kind, one does, none does
    cells = np.array([
        [(first * (first - 1)).sum(), (first * second).sum()],
        [(first * second).sum(), (second * (second - 1)).sum()],
    ])  # fmt: skip
    whole = cells.sum()
    share = float(found.mean()) / count
    one_kind = share in (0.0, 1.0)
    kappa = np.nan if one_kind else cohen_kappa_score(
        [0, 0, 1, 1], [0, 1, 0, 1], sample_weight=cells.ravel()
    )  # fmt: skip
    return RaterAgreement(
        float((cells[0, 0] + cells[1, 1]) / whole),
        share**2 + (1 - share) ** 2,
        float(kappa),
        float(np.maximum(first, second).mean() / count),
    )


def share_gap(probabilities: ArrayLike, shares: ArrayLike, bins: int = 15) -> float:
    """Mean gap between the probability of a kind and its share, bin by bin.

    With labels 0 and 1 as shares it is the expected calibration error of the probability of
    class 1; with shares of votes it asks whether a model is as unsure as its raters. The
    ``ece`` of an ``Evaluation`` is another number: it takes the probability of the class
    that is predicted, and whether it was right.

    Args:
        probabilities: (N,) in [0, 1], N at least 1.
        shares: (N,) in [0, 1], of the same images.
        bins: number of bins of equal width, 1 to 100,000.

    Returns:
        The gap, in [0, 1].

    Raises:
        TypeError: no numbers, bins is no integer.
        ValueError: no images, shapes that differ, a number out of range.

    Source: Guo et al. 2017, Eq. 3, with shares in place of right and wrong.
    """
    count = check_count("bins", bins, most=_MOST_BINS)
    said, true = _shares("probabilities", probabilities), _shares("shares", shares)
    if len(said) != len(true):
        raise ValueError(
            f"shares must be as many as probabilities, {len(said)}, got {len(true)}"
        )
    # bins are (m/bins, (m + 1)/bins] as in the paper
    which = np.clip(np.ceil(said * count).astype(np.int64), 1, count) - 1
    gaps = np.bincount(which, weights=true - said, minlength=count)
    return float(np.abs(gaps).sum() / len(said))


def _votes(votes: ArrayLike, raters: int) -> NDArray[np.float64]:
    found = check_numbers("votes", votes)
    if (found != np.round(found)).any() or found.min() < 0 or found.max() > raters:
        raise ValueError(
            f"votes must be whole numbers from 0 to {raters}, the number of raters, got "
            f"{found.min():g} to {found.max():g}"
        )
    return found


def _shares(name: str, values: ArrayLike) -> NDArray[np.float64]:
    found = check_numbers(name, values)
    if found.min() < 0 or found.max() > 1:
        raise ValueError(
            f"{name} must lie in [0, 1], got {found.min():g} to {found.max():g}"
        )
    return found
