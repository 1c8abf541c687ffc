"""The wrong losses of the chapter, against PyTorch's own functions, and their students."""

import pytest
import torch
import torch.nn.functional as F

import kdteach as kd
from kdteach.experiments import wrong_losses
from kdteach.experiments.wrong_losses import (
    LABELS,
    LOSSES,
    PARTS,
    REPORT_2,
    RIGHT,
    learn,
    value,
)

DRAW = torch.Generator().manual_seed(0)
Z = torch.randn(6, 10, generator=DRAW).double().requires_grad_()
V = 4 * torch.randn(6, 10, generator=DRAW).double()
MOST = V.amax(1, keepdim=True)
Y = torch.arange(6)
T, ALPHA = 4.0, 0.9


def written(loss):
    """As people write it."""
    log_q, q = F.log_softmax(Z / T, 1), F.softmax(Z / T, 1)
    log_p, p = F.log_softmax(V / T, 1), F.softmax(V / T, 1)
    hard = F.cross_entropy(Z, Y)
    soft = {
        RIGHT: lambda: F.kl_div(log_q, p, reduction="batchmean"),
        "no logarithm": lambda: F.kl_div(q, p, reduction="batchmean"),
        "exchanged": lambda: F.kl_div(log_p, q, reduction="batchmean"),
        "averaged over classes": lambda: F.kl_div(log_q, p, reduction="none").mean(),
        "not normalised": lambda: F.kl_div(
            log_q, ((V - MOST) / T).exp() / (MOST / T).exp(), reduction="batchmean"
        ),
        "softmax twice": lambda: -(
            F.softmax(F.softmax(V, 1) / T, 1) * F.log_softmax(F.softmax(Z, 1) / T, 1)
        ).sum(1).mean(),
    }[loss]()  # fmt: skip
    if loss == "softmax twice":
        hard = F.cross_entropy(F.softmax(Z, 1), Y)
    return ALPHA * T**2 * soft + (1 - ALPHA) * hard


@pytest.mark.parametrize(
    "loss",
    [
        RIGHT, "no logarithm", "exchanged", "averaged over classes", "softmax twice",
        "not normalised",
    ],
)  # fmt: skip
def test_each_is_what_people_write(loss):
    ours, theirs = value(loss, Z, V, Y, T, ALPHA), written(loss)
    assert torch.allclose(ours, theirs, rtol=1e-12)
    slopes = [torch.autograd.grad(x, Z)[0] for x in (ours, theirs)]
    assert torch.allclose(*slopes, atol=1e-14)


def test_targets_that_do_not_add_up_are_another_weight():
    """Their gradient is that of normalised ones, times the sum, image by image."""
    for inner, wrong, like in (
        (V.softmax(1), REPORT_2, "softmax twice"), (V, "not normalised", RIGHT)
    ):  # fmt: skip
        most = inner.amax(1, keepdim=True)
        factor = (((inner - most) / T).exp() / (most / T).exp()).sum(1)
        for row in range(6):
            z = Z[row : row + 1].detach().requires_grad_()
            slopes = [
                torch.autograd.grad(
                    value(loss, z, V[row : row + 1], Y[row : row + 1], T, 1.0), z
                )[0]
                for loss in (wrong, like)
            ]
            assert torch.allclose(slopes[0], factor[row] * slopes[1], atol=1e-12)


def test_the_parts_of_softmax_twice_add_up_to_it():
    """Each has the extra softmax in its own term, and the other term as it should be."""
    both, right = value("softmax twice", Z, V, Y), value(RIGHT, Z, V, Y)
    soft, hard = (value(part, Z, V, Y) for part in PARTS)
    assert torch.allclose(soft + hard, both + right)
    first, second = F.cross_entropy(Z, Y), F.cross_entropy(F.softmax(Z, 1), Y)
    assert torch.allclose(both - soft, (1 - ALPHA) * (second - first))
    assert torch.allclose(hard - right, (1 - ALPHA) * (second - first))


def test_labels_alone_and_names():
    assert torch.allclose(value(LABELS, Z, V, Y), F.cross_entropy(Z, Y))
    with pytest.raises(ValueError, match="loss must be one of"):
        value("wrong", Z, V, Y)
    with pytest.raises(ValueError, match="losses must be of"):
        learn(["wrong"])


def test_the_doctor_finds_what_it_says_it_finds():
    digits = kd.load("digits", dtype=torch.float64)
    teacher = kd.models.trained_teacher(0, dtype=torch.float64).eval()
    student = kd.build("fc-64", seed=0, input_shape=(1, 8, 8), dtype=torch.float64)
    batch = digits.train.images[:64], digits.train.labels[:64]
    found = {
        name: kd.doctor(
            teacher, student, batch, quiet=True,
            loss=lambda student_logits, teacher_logits, labels, name=name: value(
                name, student_logits, teacher_logits, labels
            ),
        )
        for name in LOSSES[:-1]
    }  # fmt: skip
    assert not found[RIGHT]
    assert "softmax in the student" in found["softmax twice"]
    assert "probabilities instead of log-probabilities" in found["no logarithm"]
    assert "arguments of KL exchanged" in found["exchanged"]
    assert "reduction over classes" in found["averaged over classes"]
    assert found["not normalised"].skipped
    assert found[REPORT_2].skipped


def test_students_are_paired_and_chosen_on_validation(monkeypatch):
    monkeypatch.setattr(wrong_losses, "RATES", (0.008, 0.032))
    monkeypatch.setattr(wrong_losses, "TEACHERS", (0, 1))
    learned = learn([RIGHT, REPORT_2])
    assert set(learned.test) == {RIGHT, REPORT_2}
    assert all(len(errors) == 2 for errors in learned.test.values())
    assert learned.lost == {RIGHT: [{}, {}], REPORT_2: [{}, {}]}
    for name, rate in learned.own.items():
        assert sum(learned.valid[name, rate]) == min(
            sum(learned.valid[name, r]) for r in (0.008, 0.032)
        )
    assert learned.against(REPORT_2).comparisons == 2 * (len(LOSSES) - 2) + 1


def test_a_class_that_a_student_never_answers_is_lost():
    """By a student that says what it is shown, but for one class."""

    class Student(torch.nn.Module):
        def forward(self, images):
            z = 5.0 * images.flatten(1)
            return z - torch.tensor([0.0, 0.0, 9.0])

    images = torch.eye(3).reshape(3, 1, 1, 3)
    split = kd.types.Split(images, torch.arange(3))
    lost = wrong_losses._never_answered(Student(), split, split)
    share = torch.tensor([0.0, 0.0, -4.0]).softmax(dim=0)[2]
    assert lost == {2: pytest.approx(float(share))}


def test_refused_gives_the_message():
    assert wrong_losses.refused(lambda: int("x")).startswith("invalid literal")
    with pytest.raises(RuntimeError, match="nothing was refused"):
        wrong_losses.refused(lambda: 3)


def test_the_figure_says_the_numbers():
    draw = kd.plots.wrong_loss.runs_by_loss
    axis = {"low": 0, "high": 10, "step": 2, "unit": "mistakes", "caption": "x"}
    rows = {"right": ("student", [1.0, 3.0]), "labels": ("baseline", [5.0, 6.0, 7.0])}
    figure = draw(rows, printed={"labels": [8.0]}, reference="right", **axis)
    assert "right: mean 2.00, 1.00 to 3.00" in figure.alt
    assert "printed 8.00 to 8.00" in figure.alt
    assert figure.wide.count("<circle") == figure.narrow.count("<circle") == 5 + 1 + 2
    for bad, error in (
        ({"rows": [1]}, TypeError), ({"rows": {"a": ("nobody", [1.0])}}, ValueError),
        ({"rows": {"a": ("student", [11.0])}}, ValueError),
        ({"printed": {"b": [1.0]}}, ValueError), ({"reference": "b"}, ValueError),
    ):  # fmt: skip
        given = {"rows": rows, **axis, **bad}
        with pytest.raises(error):
            draw(given.pop("rows"), **given)
