"""Numbers that know their seeds: arithmetic against plain NumPy, other seeds refused."""

import copy
import pickle
import random

import numpy as np
import pytest
from scipy import stats as scipy_stats

from kdteach.runs import Runs, WrongImages, paired

A = Runs([3.0, 1.0, 2.5], [0, 1, 4])
B = Runs([1.0, 1.5, 2.0], [0, 1, 4])
OTHER = Runs([1.0, 1.0, 1.0], [0, 1, 5])


def same(mine, values, seeds):
    assert type(mine) is Runs
    assert mine.seeds == tuple(seeds)
    assert mine.tolist() == list(values)


def test_numbers_and_equal_seeds_keep_the_seeds():
    plain = A.plain()
    assert type(plain) is np.ndarray
    same(100 * A, 100 * plain, A.seeds)
    same(1 - A, 1 - plain, A.seeds)
    same(np.float64(2) * A, 2 * plain, A.seeds)
    same(-A / np.array(3.0), -plain / 3, A.seeds)
    same(A - B, plain - B.plain(), A.seeds)
    same(np.sqrt(A), np.sqrt(plain), A.seeds)
    changed = A.copy()
    changed *= 100
    changed -= B
    same(changed, 100 * plain - B.plain(), A.seeds)


@pytest.mark.parametrize(
    "meet",
    [
        lambda: A - OTHER, lambda: OTHER + A, lambda: A > OTHER, lambda: np.add(A, OTHER),
        lambda: np.subtract(A, B, out=OTHER.copy()), lambda: A[:2] - B,
        lambda: paired(A, OTHER), lambda: A.copy().__isub__(OTHER),
    ],
)  # fmt: skip
def test_other_seeds_are_refused_by_name(meet):
    with pytest.raises(ValueError, match=r"no run of seed (4|5)"):
        meet()


def test_the_same_seeds_in_another_order():
    turned = B[::-1]
    same(turned, [2.0, 1.5, 1.0], [4, 1, 0])
    with pytest.raises(ValueError, match=r"another order.*paired"):
        A - turned
    first, second = paired(A, turned)
    assert first.tolist() == A.tolist()
    assert second.tolist() == B.tolist()


def test_a_selection_keeps_its_seeds_and_a_move_loses_them():
    same(A[:2], [3.0, 1.0], [0, 1])
    same(A[A > 2], [3.0, 2.5], [0, 4])
    same(A[[2, 0]], [2.5, 3.0], [4, 0])
    assert type(A[[0, 0]]) is np.ndarray  # a run twice is no pairing
    assert A[1] == 1.0
    for moved in (
        np.sort(A), np.flip(A), np.concatenate([A, B]), np.stack([A, B]), np.array(A),
        A.reshape(3, 1) - np.zeros((3, 1)), A - np.ones(3), A > 2, np.where(A > 2, A, B),
        A[None], A.cumsum() + 0,
    ):  # fmt: skip
        assert type(moved) is np.ndarray
    ordered = A.copy()
    ordered.sort()
    assert ordered.tolist() == [1.0, 2.5, 3.0]
    assert ordered.seeds == ()
    assert (ordered - OTHER).tolist() == [0.0, 1.5, 2.0]  # seeds are no longer known


def test_it_is_an_array_in_all_other_respects():
    plain = A.plain()
    assert repr(A) == repr(plain)
    assert str(A) == str(plain)
    assert f"{A.mean():.3f}" == f"{plain.mean():.3f}"
    for name in ("mean", "sum", "min", "max", "var", "std", "argmax"):
        assert getattr(A, name)() == getattr(plain, name)()
    assert A.std(ddof=1) == plain.std(ddof=1)
    assert type(A.mean()) is np.float64
    assert np.median(A) == np.median(plain)
    assert scipy_stats.sem(A) == scipy_stats.sem(plain)
    assert plain @ B.plain() == A @ B
    assert list(A) == list(plain)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_know_as_much(again):
    same(again(A), A.tolist(), A.seeds)
    lists = WrongImages([[1], []], [0, 3], ["x", "y"])
    copied = again(lists)
    assert (list(copied), copied.seeds, copied.data) == ([[1], []], (0, 3), ("x", "y"))


@pytest.mark.parametrize(
    ("values", "seeds", "error", "says"),
    [
        ([1.0], [0, 1], ValueError, r"shape \(1,\) and 2 seeds"),
        ([[1.0]], [0], ValueError, r"values must be a list.*shape \(1, 1\)"),
        ([1.0, 2.0], [3, 3], ValueError, "seeds must differ"),
        ([1.0], [-1], ValueError, "seed must be"),
        ([1.0], [True], TypeError, "seed must be"),
        ([1.0], ["0"], TypeError, "seed must be"),
    ],
)
def test_values_and_seeds_belong_together(values, seeds, error, says):
    with pytest.raises(error, match=says):
        Runs(values, seeds)


def test_without_seeds_the_order_counts():
    assert [x.tolist() for x in paired([1, 2], np.array([3, 4]))] == [[1, 2], [3, 4]]
    assert paired(A, [1, 2, 3])[1].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="got 3 and 2 runs"):
        paired(A, [1, 2])


def test_wrong_images_of_other_seeds_or_images_are_refused():
    mine = WrongImages([[1], [2]], [0, 1], ["x", "x"])
    mine.require_same(WrongImages([[5], []], [0, 1], ["x", "x"]))
    with pytest.raises(ValueError, match="no run of seed 1"):
        mine.require_same(WrongImages([[5], []], [0, 2], ["x", "x"]))
    with pytest.raises(ValueError, match=r"seed 1 were tested on different.*x and y"):
        mine.require_same(WrongImages([[5], []], [0, 1], ["x", "y"]))


WRITTEN = {
    "q[:] = 0": True, "q[...] = 0": True, "q[1:] = 0": True, "q[::2] = 5": True,
    "q[[0, 1]] = 7": True, "q[q > 1.5] = 0": True, "q[0] = 9": True, "q[1:] += 5": True,
    "q[::-1] *= 2": True, "q *= 2": True, "q.fill(4)": False, "q[:] = q": True,
    "q[:] = np.sort(q)": False, "q[-2:] = [8, 9]": False, "q[0], q[1] = q[1], q[0]": False,
    "q.partition(1)": False, "q.byteswap(True)": False, "q.sort()": False,
    "q.put([0], [9])": False, "np.put(q, [0], [9])": False,
    "np.copyto(q, [7, 8, 9])": False, "np.putmask(q, q > 1.5, 0)": False,
    "np.random.default_rng(0).shuffle(q)": False, "q -= np.array([1.0, 2, 3])": False,
    "random.Random(0).shuffle(q)": False, "q.cumsum(out=q)": False,
    "np.random.RandomState(0).shuffle(q)": False, "np.cumsum(q, out=q)": False,
    "q.T[:] = 5": False, "q.reshape(3, 1)[:] = 5": False, "np.asarray(q).sort()": False,
}  # fmt: skip


@pytest.mark.parametrize(("code", "known"), WRITTEN.items(), ids=WRITTEN)
def test_writing_into_runs_does_what_it_does_to_an_array(code, known):
    """The values are those of a plain array; seeds stay where no value can have moved."""
    runs, array = Runs([3.0, 1.0, 2.0], [0, 1, 4]), np.array([3.0, 1.0, 2.0])
    for q in (runs, array):
        exec(code, {"q": q, "np": np, "random": random})
    assert runs.tolist() == array.tolist()
    assert runs.seeds == ((0, 1, 4) if known else ())


def test_runs_of_other_seeds_are_not_written_over_these():
    runs = A.copy()
    for write in (lambda: runs.__setitem__(slice(None), OTHER),
                  lambda: runs.__setitem__(slice(None, None, -1), A),
                  lambda: runs.__setitem__(slice(1, None), A[:2])):  # fmt: skip
        with pytest.raises(ValueError, match=r"no run of seed|another order"):
            write()
    same(runs, A, A.seeds)
    runs[1:] = B[1:]
    same(runs, [3.0, 1.5, 2.0], A.seeds)
    runs.shape = (3, 1)
    assert runs.seeds == ()
