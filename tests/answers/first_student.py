"""Answers to the exercises of *Your first student*."""

import numpy as np
import torch
from torch.nn import functional as F

from tests.answers import about, wrong

step = about("check_one_step")


def loss(z, v, y, t, a, factor=None):
    soft = F.kl_div(F.log_softmax(z / t, 1), F.softmax(v / t, 1), reduction="batchmean")
    scale = t**2 if factor is None else factor
    return a * scale * soft + (1 - a) * F.cross_entropy(z, y)


def slope(w, x, y, v, t, a, **more):
    w = w.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(x @ w.T, v, y, t, a, **more), w)
    return found


def by_hand(w, x, y, v, t, a, r, soft=1.0, hard=1.0, sign=-1.0, size=None):
    z = x @ w.T
    first = t * (F.softmax(z / t, 1) - F.softmax(v / t, 1))
    second = F.softmax(z, 1) - F.one_hot(y, z.shape[1])
    g = (a * soft * first + (1 - a) * hard * second).T @ x / (size or len(x))
    return w + sign * r * g


step.right(
    "by autograd",
    lambda w, x, y, v, t, a, r: w - r * slope(w, x, y, v, t, a),
)


def _with_an_optimizer(w, x, y, v, t, a, r):
    w = torch.nn.Parameter(w.clone())
    optimizer = torch.optim.SGD([w], lr=r)
    loss(x @ w.T, v, y, t, a).backward()
    optimizer.step()
    return w.detach()


def _image_by_image(w, x, y, v, t, a, r):
    new = np.array(w)
    for image, label, answer in zip(np.array(x), np.array(y), np.array(v), strict=True):
        z = np.array(w) @ image

        def soft(logits):
            e = np.exp(logits - logits.max())
            return e / e.sum()

        pull = a * t * (soft(answer / t) - soft(z / t))
        pull += (1 - a) * (np.eye(len(z))[label] - soft(z))
        new = new + r * np.outer(pull, image) / len(x)
    return new


step.right("with an optimizer", _with_an_optimizer)
step.right("image by image, in NumPy", _image_by_image)
step.wrong(
    "plus instead of minus", r"uphill|direction",
    lambda *g: by_hand(*g, sign=1.0),
)  # fmt: skip
step.wrong(
    "the gradient without the step", r"gradient",
    lambda w, x, y, v, t, a, r: slope(w, x, y, v, t, a),
)  # fmt: skip
step.wrong(
    "no learning rate", r"learning rate|whole gradient",
    lambda w, x, y, v, t, a, r: w - slope(w, x, y, v, t, a),
)  # fmt: skip
step.wrong(
    "T squared in place of T in the gradient", r"T too many|1 / T",
    lambda w, x, y, v, t, a, r: by_hand(w, x, y, v, t, a, r, soft=t),
)  # fmt: skip
step.wrong(
    "no T squared in the loss", r"T squared",
    lambda w, x, y, v, t, a, r: w - r * slope(w, x, y, v, t, a, factor=1.0),
)  # fmt: skip
step.wrong(
    "T once in the loss", r"square",
    lambda w, x, y, v, t, a, r: w - r * slope(w, x, y, v, t, a, factor=t),
)  # fmt: skip
step.wrong(
    "sum over the batch", r"mean|added up",
    lambda *g: by_hand(*g, size=1),
)  # fmt: skip
step.wrong(
    "the label's pull forgotten", r"hard term|label",
    lambda *g: by_hand(*g, hard=0.0),
)  # fmt: skip
step.wrong(
    "the teacher's pull forgotten", r"soft term|teacher",
    lambda *g: by_hand(*g, soft=0.0),
)  # fmt: skip
step.wrong(
    "alpha the other way round", r"alpha",
    lambda w, x, y, v, t, a, r: by_hand(w, x, y, v, t, 1 - a, r),
)  # fmt: skip


@wrong("check_one_step", "student not divided by T", r"student.*not softened|both sides")
def _(w, x, y, v, t, a, r):
    w0 = w.clone().requires_grad_()
    z = x @ w0.T
    soft = F.kl_div(F.log_softmax(z, 1), F.softmax(v / t, 1), reduction="batchmean")
    total = a * t**2 * soft + (1 - a) * F.cross_entropy(z, y)
    return w - r * torch.autograd.grad(total, w0)[0]


repaired = about("check_repaired_training")


def loop(
    w, x, y, v, t, a, r, steps, zero=True, teacher=True, student=True, factor=2, late=False
):
    w = w.clone().requires_grad_()
    for _ in range(steps):
        if zero and not late:
            w.grad = None
        z = x @ w.T
        log_q = F.log_softmax(z / t if student else z, dim=1)
        p = F.softmax(v / t if teacher else v, dim=1)
        soft = F.kl_div(log_q, p, reduction="batchmean")
        (a * t**factor * soft + (1 - a) * F.cross_entropy(z, y)).backward()
        if late:
            w.grad.zero_()
        with torch.no_grad():
            w -= r * w.grad
    return w.detach()


def _with_sgd(w, x, y, v, t, a, r, steps):
    w = torch.nn.Parameter(w.clone())
    optimizer = torch.optim.SGD([w], lr=r)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(x @ w.T, v, y, t, a).backward()
        optimizer.step()
    return w.detach()


def _zeroed_at_the_end(w, x, y, v, t, a, r, steps):
    w = w.clone().requires_grad_()
    for _ in range(steps):
        loss(x @ w.T, v, y, t, a).backward()
        with torch.no_grad():
            w -= r * w.grad
            w.grad.zero_()
    return w


repaired.right("with torch.optim.SGD", _with_sgd)
repaired.right("zeroed after the step", _zeroed_at_the_end)
repaired.wrong(
    "as it was given", r"as it was|changed|as you found|as given",
    lambda *g: loop(*g, zero=False, teacher=False),
)  # fmt: skip
repaired.wrong(
    "zeroed, teacher still sharp", r"teacher",
    lambda *g: loop(*g, teacher=False),
)  # fmt: skip
repaired.wrong(
    "softened, gradients still add up", r"add|zero",
    lambda *g: loop(*g, zero=False),
)  # fmt: skip
repaired.wrong(
    "zeroed between backward and the step", r"never move|between",
    lambda *g: loop(*g, late=True),
)  # fmt: skip
repaired.wrong(
    "T taken from the student as well", r"neither|both",
    lambda *g: loop(*g, teacher=False, student=False),
)  # fmt: skip
repaired.wrong(
    "T squared taken away", r"T squared",
    lambda *g: loop(*g, factor=0),
)  # fmt: skip
repaired.wrong(
    "T in place of T squared", r"T squared|square",
    lambda *g: loop(*g, factor=1),
)  # fmt: skip

match = about("check_matching_smoothing")


def label_share(v, y, t):
    return F.softmax(v / t, dim=1)[torch.arange(len(y)), y].mean()


match.right(
    "by a mean of nll_loss",
    lambda v, y, t: -(F.nll_loss(F.softmax(v / t, 1), y) * -1 - 1) / (1 - 1 / v.shape[1]),
)


def _search(v, y, t):
    low, high = 0.0, 2.0
    wanted, c = float(label_share(v, y, t)), v.shape[1]
    for _ in range(100):
        middle = (low + high) / 2
        if 1 - middle + middle / c > wanted:
            low = middle
        else:
            high = middle
    return middle


match.right("by halving an interval", _search)
match.wrong(
    "one minus the share", r"gets a part|back|all classes",
    lambda v, y, t: 1 - label_share(v, y, t),
)  # fmt: skip
match.wrong(
    "the share itself", r"share itself|epsilon",
    lambda v, y, t: label_share(v, y, t),
)  # fmt: skip
match.wrong(
    "the teacher's favourite class", r"labelled|likes most|errs",
    lambda v, y, t: (1 - F.softmax(v / t, 1).max(1).values.mean()) / (1 - 1 / v.shape[1]),
)  # fmt: skip
match.wrong(
    "without T", r"softened|divide",
    lambda v, y, t: (1 - label_share(v, y, 1.0)) / (1 - 1 / v.shape[1]),
)  # fmt: skip
match.wrong(
    "times T", r"divided by T|multipl",
    lambda v, y, t: (1 - label_share(v, y, 1 / t)) / (1 - 1 / v.shape[1]),
)  # fmt: skip
match.wrong(
    "the correction the wrong way", r"upside down|larger or smaller",
    lambda v, y, t: (1 - label_share(v, y, t)) * (1 - 1 / v.shape[1]),
)  # fmt: skip
