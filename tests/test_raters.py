"""Agreement of raters, and probabilities beside votes: by hand and by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from kdteach.data import load
from kdteach.metrics import rater_agreement, share_gap


def test_by_hand():
    """Three raters, four tiles: two of one mind, two with one who differs."""
    found = rater_agreement([0, 3, 1, 2], 3)
    # pairs: 1, 1, 1/3, 1/3; half of all votes are for the second kind
    assert found.pairs == pytest.approx(2 / 3)
    assert found.chance == pytest.approx(1 / 2)
    assert found.kappa == pytest.approx(1 / 3)
    assert found.majority == pytest.approx(5 / 6)


def test_fleiss_own_formula_and_cohens_of_all_pairs():
    rng = np.random.default_rng(1)
    votes = rng.binomial(7, rng.random(200))
    found = rater_agreement(votes, 7)
    table = np.stack([votes, 7 - votes], axis=1).astype(float)
    share = table.sum(axis=0) / table.sum()
    agree = ((table**2).sum(axis=1) - 7).mean() / 42
    assert found.kappa == pytest.approx((agree - (share**2).sum()) / (1 - (share**2).sum()))
    said = np.arange(7)[None] < votes[:, None]  # a row a tile, a column a rater
    pairs = [(i, j) for i in range(7) for j in range(7) if i != j]
    one = np.concatenate([said[:, i] for i, _ in pairs])
    other = np.concatenate([said[:, j] for _, j in pairs])
    assert found.kappa == pytest.approx(cohen_kappa_score(one, other))


@pytest.mark.parametrize(
    ("votes", "kappa"), [([0, 7, 0, 7], 1.0), ([0, 0, 0], np.nan), ([7, 7], np.nan)]
)
def test_the_ends(votes, kappa):
    assert rater_agreement(votes, 7).kappa == pytest.approx(kappa, nan_ok=True)


def test_blind_raters_have_none():
    votes = np.random.default_rng(2).binomial(7, 0.3, size=20_000)
    assert abs(rater_agreement(votes, 7).kappa) < 0.01


def test_no_answers_agree_more_with_a_rater_than_the_majority():
    votes = load("petri", scale=0.02).test.votes.numpy()
    most = rater_agreement(votes, 7).majority
    rng = np.random.default_rng(0)
    for _ in range(50):
        said = rng.random(len(votes)) < 0.5
        assert np.where(said, votes, 7 - votes).mean() / 7 <= most
    best = votes > 3
    assert np.where(best, votes, 7 - votes).mean() / 7 == pytest.approx(most)


def test_the_gap_by_hand():
    # one bin says 0.25 where half are, the other 0.75 where all are
    assert share_gap([0.25, 0.25, 0.75, 0.75], [0, 1, 1, 1], bins=2) == pytest.approx(0.25)
    assert share_gap([0.3, 0.7], [0.3, 0.7]) == pytest.approx(0, abs=1e-12)
    # of the same probabilities, what fits the votes does not fit their majority
    votes = np.array([5 / 7] * 10 + [2 / 7] * 10)
    assert share_gap(votes, votes) == pytest.approx(0, abs=1e-12)
    assert share_gap(votes, (votes > 0.5).astype(float)) == pytest.approx(2 / 7)


def test_a_bin_ends_with_its_upper_edge():
    assert share_gap([0.5, 0.5 + 1e-9], [1, 0], bins=2) == pytest.approx(0.5)
    assert share_gap([0.5, 0.5 - 1e-9], [1, 0], bins=2) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (rater_agreement, ([8], 7), "votes must be whole numbers from 0 to 7"),
        (rater_agreement, ([0.5], 7), "votes must be whole"),
        (rater_agreement, ([], 7), "votes must be a list"),
        (rater_agreement, ([1], 1), "raters"),
        (share_gap, ([0.5], [0.5, 0.1]), "shares must be as many"),
        (share_gap, ([1.5], [0.5]), r"probabilities must lie in \[0, 1\]"),
        (share_gap, ([0.5], [-0.5]), r"shares must lie in \[0, 1\]"),
        (share_gap, ([0.5], [0.5], 0), "bins"),
    ],
)
def test_odd_arguments_are_named(function, arguments, says):
    with pytest.raises(ValueError, match=says):
        function(*arguments)
