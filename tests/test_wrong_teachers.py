"""The wrong teachers of the chapter: what each mistake changes, and what was recorded."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

import kdteach as kd
from kdteach.experiments import wrong_comparisons
from kdteach.experiments import wrong_teachers as lab
from kdteach.experiments.catalogue import digits_wrong_teacher as recipe
from kdteach.types import Batch

T, ALPHA = lab.TEMPERATURE, lab.ALPHA


@pytest.fixture(scope="module")
def draws():
    return [kd.load("digits", draw=n, dtype=torch.float64) for n in range(2)]


@pytest.fixture(scope="module")
def teacher(draws):
    return lab.teach(draws[0], seed=0, epochs=2)


def test_columns_and_rows_change_places():
    names = [lab.WORDS[digit] for digit in lab.ORDER]
    assert names == sorted(lab.WORDS)
    table = torch.arange(30.0).reshape(3, 10)
    assert lab.another_order(table)[0].tolist() == [8, 5, 4, 9, 1, 7, 6, 3, 2, 0]
    many = torch.arange(40.0).reshape(20, 2)
    index = torch.tensor([1, 4, 7, 9, 12, 19])
    moved = lab.other_rows(many, index, seed=3)
    rest = [i for i in range(20) if i not in index]
    assert torch.equal(moved[rest], many[rest])
    assert not torch.equal(moved[index], many[index])
    assert sorted(moved[index, 0].tolist()) == sorted(many[index, 0].tolist())
    assert torch.equal(moved, lab.other_rows(many, index, seed=3))
    assert torch.equal(many, torch.arange(40.0).reshape(20, 2))


def test_the_teacher_normalises_and_comes_in_eval_mode(draws, teacher):
    images = draws[0].valid.images
    with torch.no_grad():
        wanted = teacher.network((images - 0.3) / 0.38)
        assert torch.allclose(teacher(images), wanted)
    assert not any(part.training for part in teacher.modules())
    assert not any(weight.requires_grad for weight in teacher.parameters())


@pytest.mark.parametrize("kinds", [nn.Module, nn.Dropout, nn.BatchNorm1d])
def test_some_layers_are_in_train_mode(teacher, kinds):
    made = lab.in_train_mode(teacher, kinds)
    for part in made.modules():
        assert part.training == isinstance(part, kinds)
    assert not any(part.training for part in teacher.modules())
    with pytest.raises(TypeError, match="teacher"):
        lab.in_train_mode("a teacher")


def batch_of(draw, count=32):
    part = draw.train.select(torch.arange(count))
    return Batch(part.images, part.labels, part.index)


def test_the_objective_lets_mistakes_happen(draws, teacher):
    batch = batch_of(draws[0])
    student = kd.build("fc-8", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
    calm = lab.AsItIs(copy.deepcopy(teacher))
    wanted = kd.losses.kd_loss(
        student(batch.images), teacher(batch.images), batch.labels, T, ALPHA
    )
    assert torch.allclose(calm(student, batch), wanted)
    assert not list(calm.parameters())
    # BatchNorm moves its statistics in train mode alone, and dropout moves none
    for kinds, moves in ((nn.BatchNorm1d, True), (nn.Dropout, False)):
        one = lab.in_train_mode(teacher, kinds)
        lab.AsItIs(one).eval()(student, batch)
        pairs = zip(one.buffers(), teacher.buffers(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs) is moves
    free = lab.AsItIs(copy.deepcopy(teacher).requires_grad_(True), trained=True)
    loss = free(student, batch)
    assert torch.allclose(loss, wanted)
    loss.backward()
    weights = list(free.parameters())
    assert weights
    assert all(float(w.grad.abs().sum()) > 0 for w in weights if w.ndim == 2)
    with pytest.raises(TypeError, match="teacher"):
        lab.AsItIs(torch.zeros(3, 10))


def test_all_arms_learn(monkeypatch, draws):
    monkeypatch.setattr(recipe, "EPOCHS", 3)
    monkeypatch.setattr(recipe, "RATES", (0.02, 0.06))
    monkeypatch.setattr(recipe, "teach", partial(lab.teach, epochs=3))
    found = recipe.study(draws)
    assert list(found) == [lab.TEACHER, lab.LABELS, lab.RIGHT, *lab.MISTAKES]
    for name, arm in found.items():
        assert len(arm.test_errors) == 2
        if name != lab.TEACHER:
            best = min(arm.tried, key=lambda pair: pair[1])
            assert best[0]["learning_rate"] == arm.setting["learning_rate"]
            assert best[1] == sum(arm.valid_errors)
    right, more = found[lab.RIGHT], {name: arm.more for name, arm in found.items()}
    assert more["other rows"]["teacher_errors"] == right.more["teacher_errors"]
    assert more["other rows"]["answers_wrong"] > right.more["answers_wrong"]
    assert more["other order of classes"]["teacher_errors"][0] > 250
    for name in ("dropout alone", lab.RIGHT, "other rows"):
        assert list(more[name]["teacher_later"]) == list(right.more["teacher_errors"])
    assert more["BatchNorm alone"]["teacher_later"] != right.more["teacher_errors"]
    assert min(more["not frozen"]["last_loss"]) < min(right.more["last_loss"])


def test_a_teacher_in_eval_mode_teaches_as_its_table_does(monkeypatch, draws, teacher):
    """The arms with a live teacher are paired with those of stored answers."""
    monkeypatch.setattr(recipe, "EPOCHS", 4)
    part = kd.data.small_sample(draws[0].train, 60, seed=0)
    students = []
    for goal, stacks in (
        (kd.distil(kd.teacher_logits(teacher, draws[0].train), T, ALPHA), True),
        (lab.AsItIs(teacher), False),
    ):
        student = kd.build("fc-64", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
        recipe._trained([student], [goal], [part], 0.06, stacks)
        students.append(torch.cat([w.flatten() for w in student.parameters()]))
    assert torch.allclose(*students, atol=1e-9)


def test_choices_are_those_of_the_records():
    records = kd.results.load_records(lab.NAME)
    arms = {}
    for record in records:
        assert not str(record.environment["commit"]).endswith("+")
        arms.setdefault(record.config["role"], []).append(record)
    assert set(arms) == {lab.TEACHER, lab.LABELS, lab.RIGHT, *lab.MISTAKES}
    for role, rows in arms.items():
        assert sorted(r.seed for r in rows) == list(range(10))
        if role == lab.TEACHER:
            continue
        tried = rows[0].config["chosen_from"]
        assert [pair[0]["learning_rate"] for pair in tried] == list(lab.RATES)
        best = min(tried, key=lambda pair: pair[1])
        assert best[0]["learning_rate"] == rows[0].config["learning_rate"]
        assert best[1] == sum(r.result["valid_errors"] for r in rows)


def test_a_cost_is_paired_and_corrected():
    cost = lab.cost("other rows", lab.LABELS)
    a, b = lab.recorded("other rows").plain(), lab.recorded(lab.LABELS).plain()
    assert cost.mean == pytest.approx((a - b).mean())
    assert (cost.n, cost.comparisons) == (10, 17)
    assert lab.cost(lab.RIGHT, lab.LABELS).mean < 0
    for name in ("luck", "", 3):
        with pytest.raises((TypeError, ValueError), match="unknown arm"):
            lab.recorded(name)
    with pytest.raises(LookupError):
        lab.recorded(lab.RIGHT, "happiness")


def test_the_answers_to_one_digit_are_drawn_and_said():
    draw = kd.plots.wrong_teacher.answers_to_one
    image = torch.rand(1, 8, 8)
    answers = {"right": [0.75, 0.25], "wrong": [0.125, 0.875]}
    figure = draw(image, answers, [0], caption="They differ.")
    assert figure.alt.endswith("right: 0.75 for 0; wrong: 0.12 for 0, 0.88 for 1.")
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<image") == 2
        assert ">0.75<" in drawing
    other = draw(image, answers, [0], caption="x", seen={"wrong": 1 - image})
    assert other.wide != draw(image, answers, [0], caption="x").wide
    for seen in ({"elsewhere": image}, {"wrong": image[0]}):
        with pytest.raises(ValueError, match=r"seen|image must be"):
            draw(image, answers, [0], caption="x", seen=seen)
    with pytest.raises(TypeError, match="answers must be"):
        draw(image, [0.5, 0.5], [0], caption="x")
    with pytest.raises(ValueError, match="answers"):
        draw(image, {"right": [1.5, 0.5]}, [0], caption="x")
    with pytest.raises(ValueError, match="image must be"):
        draw(image[0], answers, [0], caption="x")


def test_losses_stand_over_their_errors():
    draw = kd.plots.wrong_teacher.loss_and_errors
    points = {"right": ("teacher", 0.1, 40.0), "wrong": ("student", 10.0, 200.0)}
    axes = {"low": 0.01, "high": 100.0, "top": 300.0, "step": 100.0, "caption": "Look."}
    figure = draw(points, **axes, beside={"wrong": "left"})
    assert "right: loss 0.1, 40 errors; wrong: loss 10, 200 errors." in figure.alt
    assert ">0.01<" in figure.wide
    assert 'text-anchor="end"' in figure.wide.partition(">wrong<")[0].rpartition("<text")[2]
    lined = draw(points, **axes, line=("no teacher", 60.0))
    assert lined.alt.endswith("no teacher: 60 errors.")
    assert lined.wide.count("stroke-dasharray") == figure.wide.count("stroke-dasharray") + 1
    moved = draw(points, **axes, beside={"wrong": "edge"})
    assert moved.wide == draw(points, **axes).wide
    assert moved.narrow != draw(points, **axes).narrow
    with pytest.raises(ValueError, match="errors of 'no teacher'"):
        draw(points, **axes, line=("no teacher", 301.0))
    for wrong, says in (
        ({"right": ("teacher", 1000.0, 40.0)}, "loss of 'right'"),
        ({"right": ("teacher", 0.1, 400.0)}, "errors of 'right'"),
        ({"right": ("judge", 0.1, 40.0)}, "role of 'right'"),
    ):
        with pytest.raises(ValueError, match=says):
            draw(wrong, **axes)
    with pytest.raises(ValueError, match="beside"):
        draw(points, **axes, beside={"wrong": "behind"})
    with pytest.raises(TypeError, match="points must be"):
        draw([], **axes)


def test_errors_stand_over_their_epochs():
    draw = kd.plots.wrong_teacher.errors_by_epoch
    found = {"teacher": ("teacher", {1: 10.0, 5: 90.0, 20: 30.0}),
             "student": ("student", {1: 80.0, 5: 85.0, 20: 20.0})}  # fmt: skip
    beside = {"teacher": (1, "below"), "student": (20, "left")}
    axes = {"top": 100.0, "step": 20.0, "unit": "errors of 100", "caption": "They meet."}
    figure = draw(found, beside=beside, **axes)
    assert figure.alt.startswith("Errors by epoch. teacher: 10 at 1, 90 at 5, 30 at 20;")
    for drawing in (figure.wide, figure.narrow):
        assert ">errors of 100<" in drawing
        assert ">teacher<" in drawing
    before = {n: (role, {0: 50.0, **by}) for n, (role, by) in found.items()}
    whole = draw(before, beside=beside, **axes)
    assert "teacher: 50 at 0, 10 at 1, 90 at 5, 30 at 20;" in whole.alt
    assert ">0</text>" in whole.wide.partition(">1</text>")[0]
    short = {"teacher": ("teacher", {1: 10.0})}
    for wrong, places, says in (
        (short, beside, "two epochs"),
        ({**found, "student": short["teacher"]}, beside, "must have the epochs"),
        ({"teacher": ("judge", found["teacher"][1])}, beside, "role of 'teacher'"),
        ({"teacher": ("teacher", {1: 10.0, 5: 900.0})}, beside, "errors of 'teacher'"),
        (found, {"teacher": (1, "below")}, "an epoch of 'student'"),
        (found, {**beside, "teacher": (3, "below")}, "an epoch of 'teacher'"),
        (found, {**beside, "teacher": (1, "behind")}, "beside"),
    ):
        with pytest.raises(ValueError, match=says):
            draw(wrong, beside=places, **axes)
    with pytest.raises(TypeError, match="errors must be"):
        draw([], beside=beside, **axes)


def test_what_report_3_prints_is_read_from_its_file():
    over_T = wrong_comparisons.report_3()
    assert list(over_T) == [1.0, 2.0, 4.0, 16.0, 32.0, 64.0]
    assert max(over_T, key=over_T.get) == 16.0
    assert list(wrong_comparisons.report_3("first_epoch_test_accuracy")) == [1.0]
    with pytest.raises(ValueError, match="metric"):
        wrong_comparisons.report_3("accuracy")


def test_two_logs_are_judged():
    assert kd.exercises.judge_shrinking_loss("not frozen", 200)
    assert kd.exercises.judge_below_chance("other order", 10)
    for judge, choice, number, says in (
        (kd.exercises.judge_shrinking_loss, "train mode", 200, "changes no weight"),
        (kd.exercises.judge_shrinking_loss, "not frozen", 147, "how many did it lose"),
        (kd.exercises.judge_below_chance, "other rows", 10, "as good as chance"),
        (kd.exercises.judge_below_chance, "other order", 0.1, "per cent are asked"),
        (kd.exercises.judge_below_chance, "luck", 10, "none of them"),
    ):
        result = judge(choice, number)
        assert not result
        assert says in result.message
