"""Targets that are cut, labels that are wrong, and choices that can be made again."""

import pytest
import torch

from kdteach import results
from kdteach.data import load
from kdteach.experiments import passed_on
from kdteach.experiments.catalogue import digits_passed_on
from kdteach.plots.passed_on import digits_and_answers, two_trainings

P = torch.tensor([[0.7, 0.15, 0.1, 0.05], [0.1, 0.2, 0.3, 0.4]]).double()


def test_targets_are_cut_to_the_largest():
    dropped = passed_on.top_classes(P, 2, "dropped")
    wanted = torch.tensor([[0.7, 0.15, 0, 0], [0, 0, 0.3, 0.4]]).double()
    assert torch.allclose(dropped, wanted / wanted.sum(1, keepdim=True))
    spread = passed_on.top_classes(P, 2, "spread")
    wanted = torch.tensor([[0.7, 0.15, 0.075, 0.075], [0.15, 0.15, 0.3, 0.4]]).double()
    assert torch.allclose(spread, wanted)
    for rest in passed_on.RESTS:
        assert torch.allclose(passed_on.top_classes(P, 4, rest), P)
        assert torch.allclose(passed_on.top_classes(P, 1, rest).sum(1), P.sum(1))
    for arguments, says in (
        ((P, 5), "kept"),
        ((P, 2, "gone"), "rest"),
        ((P[0], 1), "p must"),
    ):
        with pytest.raises(ValueError, match=says):
            passed_on.top_classes(*arguments)


def test_some_labels_are_wrong_and_images_are_moved():
    train = load("digits").train
    wrong = passed_on.noisy(train, 0.4, 10, seed=1)
    changed = wrong.labels != train.labels
    assert int(changed.sum()) == round(0.4 * len(train))
    assert torch.equal(wrong.images, train.images)
    assert len(wrong.labels[changed].unique()) == 10
    few = train.select(torch.arange(3))
    moved = passed_on.shifted(few)
    assert len(moved) == 24
    assert torch.equal(moved.labels, few.labels.repeat(8))
    up = torch.zeros_like(few.images)
    up[:, :, :-1] = few.images[:, :, 1:]
    assert any(torch.equal(up, moved.images[i : i + 3]) for i in range(0, 24, 3))


def test_choices_are_those_of_the_records():
    """Each arm has the setting with the fewest errors on validation, of all seeds."""
    records = results.load_records(digits_passed_on.NAME)
    arms = {}
    for record in records:
        assert not str(record.environment["commit"]).endswith("+")
        arms.setdefault((record.config["study"], record.config["role"]), []).append(record)
    assert {study for study, _ in arms} <= set(digits_passed_on.STUDIES)
    for rows in arms.values():
        assert sorted(r.seed for r in rows) == list(range(10))
        tried = rows[0].config["chosen_from"]
        if not tried:
            continue
        best = min(tried, key=lambda pair: pair[1])
        assert best[1] == sum(r.result["valid_errors"] for r in rows)
        assert best[0].items() <= rows[0].config.items()


def test_the_first_figure_says_what_it_shows():
    picture = torch.rand(8, 8)
    figure = two_trainings(picture, [picture] * 3, caption="It is.")
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<image") == 4
        assert "the student matches" in drawing
        assert drawing.count('stroke-width="13"') == 26
    assert "noise" in figure.alt
    with pytest.raises(ValueError, match="3 pictures"):
        two_trainings(picture, [picture], caption="x")
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        two_trainings(picture[0], [picture] * 3, caption="x")


def test_digits_stand_above_what_is_read():
    pictures = torch.rand(6, 8, 8)
    says = {"one": ("student", [0, 1, 2, 3, 4, 5]), "two": ("soft", [0, 0, 0, 0, 0, 0])}
    figure = digits_and_answers(pictures, range(6), says, caption="It is.")
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<image") == 6
        assert drawing.count("var(--kd-student)") == 6  # a line below each right answer
        assert drawing.count("var(--kd-soft)") == 1
    assert "one reads 0, 1, 2, 3, 4, 5, 6 of 6 right" in figure.alt
    assert figure.wide.count(">one</text>") == 1
    assert figure.narrow.count(">one</text>") == 2
    with pytest.raises(ValueError, match="labels"):
        digits_and_answers(pictures, range(5), says, caption="x")
    with pytest.raises(ValueError, match=r"\(n, H, W\)"):
        digits_and_answers(pictures[0], range(6), says, caption="x")
