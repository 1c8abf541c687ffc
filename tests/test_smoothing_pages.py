"""The two pages on label smoothing: students that both train are the same on both."""

import re
from pathlib import Path

import nbformat
import pytest
import second_edition
import torch

import kdteach as kd
from kdteach.experiments import smoothed_students as students
from kdteach.types import Split

BOOK = Path(__file__).resolve().parent.parent / "book"


def page(name):
    return nbformat.read(BOOK / f"{name}.ipynb", as_version=4)


MAIN, FURTHER = page("label_smoothing"), page("label_smoothing_further")


def said(notebook):
    """What the cells write and what their pictures say."""
    found = []
    for cell in second_edition.code(notebook):
        found += second_edition.shown(cell, "text/markdown")
        found += second_edition.alts(cell)
    return "\n".join(found)


def test_3s_without_a_bias_and_with_one_are_the_same_on_both_pages():
    row = r"(?m)^\| 160 steps{} \| (\d+) \| (\d+) \| (\d+) \|"
    plain, biased = (
        re.search(row.format(more), said(FURTHER)).groups()
        for more in ("", ", with a bias")
    )
    picture = re.findall(r"(\d+) as it is, (\d+) with a bias", said(MAIN))
    assert picture[:3] == [*zip(plain, biased, strict=True)]


def test_errors_with_64_images_are_the_same_on_both_pages():
    for kind in ("smoothed teacher", "hard teacher"):
        main, further = (
            re.search(rf"{kind} (\d+\.\d)", said(x))[1] for x in (MAIN, FURTHER)
        )
        assert main == further


def test_both_pages_count_their_comparisons_together():
    code = ["\n".join(c.source for c in second_edition.code(x)) for x in (MAIN, FURTHER)]
    assert "assert len(differences) == asked - 4" in code[0]
    assert "assert len(differences) == 4" in code[1]
    assert all("asked = pupils.COMPARISONS" in text for text in code)


def test_no_cell_is_long():
    """Plumbing of more than 40 lines belongs into the library."""
    for notebook in (MAIN, FURTHER):
        for cell in second_edition.code(notebook):
            assert len(second_edition.statements(cell)) <= 40, cell.source[:60]


def test_sets_and_losses_of_the_students(digits):
    unseen, few = students.two_sets([digits])
    assert (len(unseen[0]), len(few[0])) == (128, 64)
    assert not (unseen[0].labels == 3).any()
    torch.testing.assert_close(few[0].images, digits.train.images[:64])
    v = torch.randn(len(digits.train), 10, dtype=torch.float64)
    assert [*students.soft([v])] == [1.0, 4.0, 20.0, 100.0]
    alone = students.doubting([v], [digits], [4.0])[4.0][0]
    batch = kd.types.Batch(few[0].images, few[0].labels, few[0].index)
    rows = kd.dark_knowledge.doubt_alone(v, digits.train.labels, 4.0)
    wanted = kd.distil(rows, 4.0, alpha=1.0)
    network = kd.build("fc-4", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
    assert alone(network, batch).total.item() == wanted(network, batch).total.item()
    equal = students.doubting([v], [digits], [4.0], like=unseen)[4.0][0]
    assert equal(network, batch).total.item() != wanted(network, batch).total.item()
    with pytest.raises(ValueError, match="as many"):
        students.doubting([v], [digits] * 2)
    with pytest.raises(TypeError, match="draws"):
        students.two_sets(digits)


def test_each_arm_has_its_own_rates(digits):
    few = digits.train.select(torch.arange(40))
    assert isinstance(few, Split)
    arms = {
        "plain": {1.0: [kd.hard_labels()]},
        "two": {T: [kd.hard_labels(smoothing=T / 10)] for T in (1.0, 2.0)},
    }
    rates = {"plain": (0.1,), "two": (0.1, 0.2)}
    found = students.learn(arms, [digits], [few], epochs=2, rates=rates)
    assert [*found["plain"].valid] == [(1.0, 0.1)]
    assert {*found["two"].valid} == {(T, r) for T in (1.0, 2.0) for r in (0.1, 0.2)}
    (student,) = found["plain"].students
    assert found["plain"].valid[1.0, 0.1] == [kd.evaluate(student, digits.valid).errors]
    single = students.learn(
        {"two": {2.0: arms["two"][2.0]}}, [digits], [few], epochs=2, rates=(0.2,)
    )
    for a, b in zip(
        single["two"].students[0].parameters(),
        found["two"].found[2.0, 0.2][0].parameters(),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
    with pytest.raises(TypeError, match="arms"):
        students.learn([], [digits], [few], epochs=1)
