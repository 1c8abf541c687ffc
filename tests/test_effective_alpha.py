"""The exercise on a loss that can only be called: answers as students would write them."""

import pytest
import torch

from kdteach.exercises import check_effective_alpha, effective_alpha
from kdteach.exercises._alpha_mistakes import BY_LOGITS
from kdteach.exercises._check import Exercise
from kdteach.losses import distillation_loss, kd_loss

F = torch.nn.functional


def amounts(loss, temperature):
    """How much of T^2 KL and of the cross-entropy is in the gradient of a loss."""
    z = torch.randn(12, 10, dtype=torch.float64, requires_grad=True)
    v, y = torch.randn(12, 10, dtype=torch.float64), torch.randint(10, (12,))

    def slope(value):
        return torch.autograd.grad(value, z)[0].flatten()

    soft, hard = slope(distillation_loss(z, v, temperature)), slope(F.cross_entropy(z, y))
    known = torch.stack([soft, hard], dim=1)
    return torch.linalg.lstsq(known, slope(loss(z, v, y))[:, None]).solution.flatten()


def by_least_squares(loss, temperature):
    soft, hard = amounts(loss, temperature)
    return soft / (soft + hard)


def where_the_teacher_is_silent(loss, temperature):
    """A student that is its teacher already feels the pull of the label alone."""
    z = torch.randn(1, 10, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([3])

    def slope(value):
        return torch.autograd.grad(value, z)[0]

    hard = (slope(loss(z, z.detach(), y)) / slope(F.cross_entropy(z, y))).mean()
    v = torch.randn(1, 10, dtype=torch.float64)
    both = slope(loss(z, v, y)) - hard * slope(F.cross_entropy(z, y))
    soft = (both / slope(kd_loss(z, v, y, temperature, 1.0))).mean()
    return float(soft / (soft + hard))


@pytest.mark.parametrize("answer", [by_least_squares, where_the_teacher_is_silent])
def test_right_answers_pass(answer):
    assert check_effective_alpha(answer)


def without_the_square(loss, temperature):
    soft, hard = amounts(loss, temperature)
    return soft * temperature**2 / (soft * temperature**2 + hard)


def of_the_values(loss, temperature):
    z, v = torch.randn(2, 12, 10, dtype=torch.float64)
    y = torch.randint(10, (12,))
    low, high = F.cross_entropy(z, y), distillation_loss(z, v, temperature)
    return (loss(z, v, y) - low) / (high - low)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda f, t: 1 - by_least_squares(f, t), "share of the hard one"),
        (without_the_square, "divide it out"),
        (lambda f, t: amounts(f, t)[0], "its share of both is asked for"),
        (lambda f, t: amounts(f, t)[0] / amounts(f, t)[1], "ratio of both weights"),
        (of_the_values, ""),
        (lambda f, t: 0.9, ""),
    ],
)
def test_wrong_answers_do_not(answer, hint):
    result = check_effective_alpha(answer)
    assert not result
    assert hint in result.message
    assert "0x" not in result.message  # a program has a name


def _logits(images, classes, alike):
    torch.manual_seed(0)
    student = torch.randn(images, classes, dtype=torch.float64)
    teacher = student.clone() if alike else torch.randn_like(student)
    return student, teacher, torch.randint(classes, (images,), device="cpu")


@pytest.mark.parametrize("place", range(len(BY_LOGITS)))
def test_a_mistake_gives_another_number_for_some_logits(place):
    """One that always ends in an error is suppressed, and would never be recognised."""
    (check,) = (x for x in vars(effective_alpha).values() if isinstance(x, Exercise))
    _, wrong = BY_LOGITS[place]
    found = []
    for program, temperature in check.cases:
        right = float(check.reference(program, temperature))
        for case in ((8, 10, False), (8, 10, True), (1, 2, False)):
            try:
                found.append(float(wrong(program, temperature, _logits(*case))) - right)
            except (ValueError, ZeroDivisionError):  # these logits do not show it
                continue
    assert any(abs(gap) > 1e-3 for gap in found)
