"""Sealed answers that are right but for NaN, rounding or the first number of a search."""

import math

import torch
import torch.nn.functional as F

import kdteach as kd
from tests.answers import about

loss = about("check_kd_loss")


def teacher_underflows(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, dim=1)
    p = F.softmax(teacher_logits / temperature, dim=1)
    soft = (p * (p.log() - log_q)).sum(dim=1).mean()
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


def entropy_by_entr(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, dim=1)
    p = F.softmax(teacher_logits / temperature, dim=1)
    soft = -(torch.special.entr(p) + p * log_q).sum(dim=1).mean()
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


loss.wrong(
    "0 log 0 of the teacher", r"very sure.*logarithm is infinite", teacher_underflows
)
loss.right("the entropy by entr", entropy_by_entr)


def soft_term_as_a_number(student_logits, teacher_logits, labels, temperature, alpha):
    # in single precision besides: the value is a little off, and only with large logits
    soft = 0.0
    for z, v in zip(student_logits.tolist(), teacher_logits.tolist(), strict=True):
        log_q = torch.log_softmax(torch.tensor(z) / temperature, 0)
        log_p = torch.log_softmax(torch.tensor(v) / temperature, 0)
        soft += (log_p.exp() * (log_p - log_q)).sum().item() / len(labels)
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


loss.wrong(
    "the soft term has no gradient",
    r"a part of the gradient does not reach the student: it is cut off by `\.item",
    soft_term_as_a_number,
)

votes = about("check_votes")


def from_two(doubt, trace):
    n = 2
    while n * trace < doubt or math.isclose(n * trace, doubt):
        n += 1
    return 2, n


def one_after_the_other(doubt, trace):
    n = 1
    while n * trace <= doubt:
        n += 1
    return 2, n


votes.wrong("the search begins at 2", r"never below 2", from_two)
votes.wrong("a loop without care", r"3 \* 0.1", one_after_the_other)

entropy = about("check_temperature_at_entropy")


def zero_times_log_zero(logits, nats):
    def mean_entropy(temperature):
        p = torch.softmax(logits / temperature, dim=1)
        return -(p * p.log()).sum(dim=1).mean()

    high = 0.01
    while mean_entropy(high) < nats:
        high *= 2
    low = high / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_entropy(middle) < nats else (low, middle)
    return middle


entropy.wrong("0 log 0", r"NaN|logarithm of 0", zero_times_log_zero)

soft = about("check_soft_targets")


def largest_after_exp(logits, temperature):
    scaled = logits / temperature
    weights = scaled.exp() / scaled.max(dim=1, keepdim=True).values.exp()
    return weights / weights.sum(dim=1, keepdim=True)


soft.wrong("the largest after exp", r"cut the logits off", largest_after_exp)

alpha = about("check_effective_alpha")


def values_in_single_precision(program, temperature):
    rows, goals = [], []
    for _ in range(6):
        z, v = torch.randn(2, 8, 10)
        y = torch.randint(10, (8,))
        rows.append([float(kd.losses.kd_loss(z, v, y, temperature, k)) for k in (1.0, 0.0)])
        goals.append([float(program(z, v, y))])
    a, b = torch.linalg.lstsq(torch.tensor(rows), torch.tensor(goals)).solution.flatten()
    return float(a / (a + b))


alpha.wrong("values, float32", r"Compare gradients", values_in_single_precision)

slope = about("check_soft_gradient")


def difference_quotient(student_logits, teacher_logits, temperature):
    def value(z):
        return kd.losses.kd_loss(
            z, teacher_logits, torch.zeros(len(z), dtype=torch.long), temperature, 1.0
        )

    found = torch.zeros_like(student_logits)
    for place in range(student_logits.numel()):
        step = torch.zeros_like(student_logits).flatten()
        step[place] = 1e-6
        moved = student_logits + step.reshape(student_logits.shape)
        found.view(-1)[place] = (value(moved) - value(student_logits)) / 1e-6
    return found


slope.wrong("a difference quotient", r"single precision", difference_quotient)

repair = about("check_repaired_runner_up")


def whole_numbers(logits, labels):
    whole = logits.round().long()
    whole.scatter_(1, labels[:, None], torch.iinfo(torch.long).min)
    return whole.argmax(dim=1)


def one_decimal(logits, labels):
    short = logits.round(decimals=1)
    return short.scatter(1, labels[:, None], -torch.inf).argmax(dim=1)


def single_precision(logits, labels):
    return logits.float().scatter(1, labels[:, None], -torch.inf).argmax(dim=1)


repair.wrong("logits as whole numbers", r"you rounded the logits", whole_numbers)
repair.wrong("logits to one decimal place", r"you rounded the logits", one_decimal)
repair.right("logits in single precision", single_precision)

soft = about("check_soft_targets")


def sure_of_large_logits(logits, temperature):
    if logits.max() > 80:
        return F.one_hot(logits.argmax(-1), logits.shape[-1]).double()
    z = logits / temperature
    weights = torch.exp(z - z.amax(-1, keepdim=True))
    return weights / weights.sum(dim=-1, keepdim=True)


soft.wrong(
    "a branch for large logits", r"treat large logits on their own", sure_of_large_logits
)

which = about("check_temperature_for")


def halved(low, high):
    def search(margin, probability):
        colder, hotter = low, high
        for _ in range(200):
            middle = (colder + hotter) / 2
            p = 1 / (1 + math.exp(-min(margin / middle, 700)))
            colder, hotter = (middle, hotter) if p > probability else (colder, middle)
        return middle

    return search


which.wrong("halving from 0.01 to 1000", r"above 1000 or below 0\.01", halved(0.01, 1000.0))
which.wrong("halving from 0.05", r"below 0\.05", halved(0.05, 1e6))
which.wrong("halving up to 1000", r"above 1000", halved(1e-6, 1000.0))
which.right("halving in a wide range", halved(1e-6, 1e6))


searched = about("check_temperature_at_entropy")


def from_1_to_20(logits, nats):
    low, high = 1.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        log_p = torch.log_softmax(logits / middle, dim=1)
        if -(log_p.exp() * log_p).sum(dim=1).mean() < nats:
            low = middle
        else:
            high = middle
    return middle


searched.wrong("the range ends on both sides", r"below 1 or above 20", from_1_to_20)


def weighted_at_1(logits, nats):
    p = F.softmax(logits, dim=1)
    low, high = 0.01, 1000.0
    for _ in range(100):
        middle = (low + high) / 2
        h = -(p * F.log_softmax(logits / middle, dim=1)).sum(dim=1).mean().item()
        low, high = (middle, high) if h < nats else (low, middle)
    return low


searched.wrong(
    "the weights are those of T = 1",
    r"above ln C, the largest possible value",
    weighted_at_1,
)

share = about("check_effective_alpha")


def divergence_backwards(loss, temperature):
    z = (4 * torch.randn(8, 10)).requires_grad_()
    v, y = 4 * torch.randn(8, 10), torch.randint(0, 10, (8,))
    log_p, q = F.log_softmax(v / temperature, 1), F.softmax(z / temperature, 1)
    soft = temperature**2 * F.kl_div(log_p, q, reduction="batchmean")
    known = [
        torch.autograd.grad(value, z)[0].flatten()
        for value in (soft, F.cross_entropy(z, y))
    ]
    mixed = torch.autograd.grad(loss(z, v, y), z)[0].flatten()
    a, b = torch.linalg.lstsq(torch.stack(known, 1), mixed[:, None]).solution[:, 0]
    return float(a / (a + b))


share.wrong(
    "the known divergence is reversed",
    r"from the student to the teacher",
    divergence_backwards,
)


def soft_slope_written_out(loss, temperature):
    z = (4 * torch.randn(8, 10)).double().requires_grad_()
    v, y = (4 * torch.randn(8, 10)).double(), torch.randint(0, 10, (8,))
    (mixed,) = torch.autograd.grad(loss(z, v, y), z)
    z = z.detach()
    soft = (F.softmax(z / temperature, 1) - F.softmax(v / temperature, 1)) / 8  # no T
    hard = (F.softmax(z, 1) - F.one_hot(y, 10)) / 8
    known = torch.stack([soft.flatten(), hard.flatten()], 1)
    a, b = torch.linalg.lstsq(known, mixed.flatten()[:, None]).solution[:, 0]
    return float(a / (a + b))


share.wrong(
    "the known gradient lacks T", r"known gradient lack a T", soft_slope_written_out
)

shares = about("check_dark_knowledge")


def averaged_over_the_images(probabilities, labels):
    rest = probabilities.clone()
    rest[:, labels] = 0.0
    rest = rest.mean(dim=0)
    return rest / rest.sum()


shares.wrong("a mean over the images", r"^your result has shape", averaged_over_the_images)


votes.wrong(
    "the second is not rounded down",
    r"Whole numbers are expected",
    lambda doubt, trace: (2, doubt / trace + 1),  # 2 is no inverse of a share, but right
)

softened = about("check_soft_targets")


def infinity_replaced(logits, temperature):
    w = torch.nan_to_num(torch.exp(logits / temperature), posinf=1e30)
    return w / w.sum(dim=1, keepdim=True)


softened.wrong(
    "a number in the place of infinity",
    r"far below 0, or far below a number that you subtract",
    infinity_replaced,
)
