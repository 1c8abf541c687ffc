"""Answers on a student's steps, of somebody who had not seen the checks."""

import torch
import torch.nn.functional as F

import kdteach as kd
from tests.answers import about, wrong


def pulls(w, x, y, v, T):
    """The pulls of the teacher and of the labels."""
    z = x @ w.T
    soft = T * (F.softmax(v / T, dim=1) - F.softmax(z / T, dim=1))
    return soft, F.one_hot(y, z.shape[1]) - F.softmax(z, dim=1)


# --- one step


@wrong("check_one_step", "the mean pull times the mean image", r"mean of their products")
def _(w, x, y, v, T, a, rate):
    soft, hard = pulls(w, x, y, v, T)
    return w + rate * torch.outer((a * soft + (1 - a) * hard).mean(0), x.mean(0))


@wrong(
    "check_one_step", "one softened answer for both pulls", r"softened answer of your stu"
)
def _(w, x, y, v, T, a, rate):
    soft, _ = pulls(w, x, y, v, T)
    hard = F.one_hot(y, len(w)) - F.softmax(x @ w.T / T, dim=1)
    return w + rate * (a * soft + (1 - a) * hard).T @ x / len(x)


@wrong(
    "check_one_step", "label and teacher mixed to one target", r"mix the label and the tea"
)
def _(w, x, y, v, T, a, rate):
    target = a * F.softmax(v / T, 1) + (1 - a) * F.one_hot(y, len(w))
    return w + rate * T * (target - F.softmax(x @ w.T / T, 1)).T @ x / len(x)


@wrong("check_one_step", "the number of the class", r"number of its class")
def _(w, x, y, v, T, a, rate):
    soft, _ = pulls(w, x, y, v, T)
    hard = y.unsqueeze(1) - F.softmax(x @ w.T, dim=1)
    return w + rate * (a * soft + (1 - a) * hard).T @ x / len(x)


@wrong("check_one_step", "Adam's first step", r"Adam makes a step")
def _(w, x, y, v, T, a, rate):
    weights = torch.nn.Parameter(w.clone())
    adam = torch.optim.AdamW([weights], lr=rate)
    kd.losses.kd_loss(x @ weights.T, v, y, T, a).backward()
    adam.step()
    return weights.detach()


@wrong("check_one_step", "first the teacher, then the label", r"two steps, one for each")
def _(w, x, y, v, T, a, rate):
    w = w + rate * a * pulls(w, x, y, v, T)[0].T @ x / len(x)
    return w + rate * (1 - a) * pulls(w, x, y, v, T)[1].T @ x / len(x)


@wrong(
    "check_one_step", "each row by the images of its class", r"number of images of that c"
)
def _(w, x, y, v, T, a, rate):
    soft, hard = pulls(w, x, y, v, T)
    many = torch.bincount(y, minlength=len(w)).clamp(min=1)
    return w + rate * (a * soft + (1 - a) * hard).T @ x / many[:, None]


@wrong("check_one_step", "T times the label's pull", r"T multiplies the label's pull")
def _(w, x, y, v, T, a, rate):
    soft, hard = pulls(w, x, y, v, T)
    return w + rate * T * (a * soft / T + (1 - a) * hard).T @ x / len(x)


@wrong("check_one_step", "a step for each image", r"a step for each image")
def _(w, x, y, v, T, a, rate):
    for i in range(len(x)):
        one = slice(i, i + 1)
        soft, hard = pulls(w, x[one], y[one], v[one], T)
        w = w + rate * (a * soft + (1 - a) * hard).T @ x[one]
    return w


@wrong("check_one_step", "a step of length 1 times the rate", r"same length whatever")
def _(w, x, y, v, T, a, rate):
    soft, hard = pulls(w, x, y, v, T)
    change = (a * soft + (1 - a) * hard).T @ x
    return w + rate * change / change.norm()


def _by_classes(w, x, y, v, T, a, rate):
    soft, hard = pulls(w, x, y, v, T)
    rows = []
    for c in range(len(w)):
        pull = a * soft[:, c] + (1 - a) * hard[:, c]
        rows.append(w[c] + rate * (pull[:, None] * x).mean(dim=0))
    return torch.stack(rows)


about("check_one_step").right("class by class", _by_classes)

# --- a loop


def loop(w, x, y, v, T, a, rate, steps, soft=None, change=None):
    """The repaired loop, with another soft loss or another rule."""
    w = w.clone().requires_grad_()
    for k in range(steps):
        z = x @ w.T
        if soft is None:
            found = F.kl_div(
                F.log_softmax(z / T, 1), F.softmax(v / T, 1), reduction="batchmean"
            )
        else:
            found = soft(z, v, T, k)
        slope = torch.autograd.grad(a * T**2 * found + (1 - a) * F.cross_entropy(z, y), w)[
            0
        ]
        with torch.no_grad():
            w -= rate * slope if change is None else change(rate * slope, k, steps)
    return w.detach()


def with_soft(soft):
    """The loop with another soft loss of logits, temperature and step."""
    return lambda *case: loop(*case, soft=soft)


trained = about("check_repaired_training")
trained.wrong(
    "the arguments of kl_div exchanged",
    r"student's log-probabilities come first",
    with_soft(
        lambda z, v, T, _: F.kl_div(
            F.log_softmax(v / T, 1), F.softmax(z / T, 1), reduction="batchmean"
        )
    ),
)
trained.wrong(
    "the mean over all",
    r"averaged over the classes as well",
    with_soft(
        lambda z, v, T, _: F.kl_div(
            F.log_softmax(z / T, 1), F.softmax(v / T, 1), reduction="mean"
        )
    ),
)
trained.wrong(
    "the teacher's probabilities over T",
    r"teacher's probabilities are divided by T",
    with_soft(
        lambda z, v, T, _: F.kl_div(
            F.log_softmax(z / T, 1), F.softmax(v, 1) / T, reduction="batchmean"
        )
    ),
)
trained.wrong(
    "softened again in each step",
    r"softened again in each step",
    with_soft(
        lambda z, v, T, k: F.kl_div(
            F.log_softmax(z / T, 1), F.softmax(v / T ** (k + 1), 1), reduction="batchmean"
        )
    ),
)
trained.wrong(
    "the rate shared among the steps",
    r"rate is divided by the number of steps",
    lambda *case: loop(*case, change=lambda step, k, steps: step / steps),
)
trained.wrong(
    "shorter and shorter steps",
    r"shorter and shorter",
    lambda *case: loop(*case, change=lambda step, k, steps: step / (k + 1)),
)


@wrong(
    "check_repaired_training", "the sum of gradients over its number", r"mean of all grad"
)
def _(w, x, y, v, T, a, rate, steps):
    w = w.clone().requires_grad_()
    for k in range(1, steps + 1):
        kd.losses.kd_loss(x @ w.T, v, y, T, a).backward()
        with torch.no_grad():
            w -= rate * w.grad / k
    return w.detach()


@wrong("check_repaired_training", "the logits once", r"gradient of the first")
def _(w, x, y, v, T, a, rate, steps):
    soft, hard = pulls(w, x, y, v, T)
    for _ in range(steps):
        w = w + rate * (a * soft + (1 - a) * hard).T @ x / len(x)
    return w


@wrong("check_repaired_training", "momentum as in the chapter", r"have a momentum")
def _(w, x, y, v, T, a, rate, steps):
    w = w.clone().requires_grad_()
    sgd = torch.optim.SGD([w], lr=rate, momentum=0.9)
    for _ in range(steps):
        sgd.zero_grad()
        kd.losses.kd_loss(x @ w.T, v, y, T, a).backward()
        sgd.step()
    return w.detach()


@wrong("check_repaired_training", "returns the last loss", r"that is the loss;")
def _(w, x, y, v, T, a, rate, steps):
    for _ in range(steps):
        soft, hard = pulls(w, x, y, v, T)
        loss = kd.losses.kd_loss(x @ w.T, v, y, T, a)
        w = w + rate * (a * soft + (1 - a) * hard).T @ x / len(x)
    return loss


def _again(w, x, y, v, T, a, rate, steps):
    if not steps:
        return w.clone()
    soft, hard = pulls(w, x, y, v, T)
    new = w + rate * (a * soft + (1 - a) * hard).T @ x / len(x)
    return _again(new, x, y, v, T, a, rate, steps - 1)


trained.right("by recursion, without autograd", _again)

# --- a smoothing


def solved(share, classes):
    """The epsilon that leaves the label so much."""
    return (1 - share) * classes / (classes - 1)


def shares(v, y, T):
    """What the teacher gives each label."""
    return F.softmax(v / T, dim=1)[torch.arange(len(y)), y]


match = about("check_matching_smoothing")
for label, words, does in (
    ("a geometric mean", "geometric mean",
     lambda v, y, T: solved((-F.cross_entropy(v / T, y)).exp(), v.shape[1])),
    ("all labels of all images", "columns of all labels",
     lambda v, y, T: solved(F.softmax(v / T, 1)[:, y].mean(), v.shape[1])),
    ("always ten classes", "there are 10 classes",
     lambda v, y, T: (1 - shares(v, y, T).mean()) / 0.9),
    ("classes that occur", "that of the labels that occur",
     lambda v, y, T: solved(shares(v, y, T).mean(), len(y.unique()))),
    ("as many classes as images", "is the number of images",
     lambda v, y, T: solved(shares(v, y, T).mean(), len(v))),
    ("only where the teacher is right", "leave out the images",
     lambda v, y, T: solved(shares(v, y, T)[v.argmax(1) == y].mean(), v.shape[1])),
    ("the teacher's accuracy", "how often the teacher is right",
     lambda v, y, T: solved((v.argmax(1) == y).double().mean(), v.shape[1])),
    ("a sign in the algebra", "solve once more",
     lambda v, y, T: (1 - shares(v, y, T).mean()) / (1 + 1 / v.shape[1])),
    ("labels from 1", "count the labels from 1",
     lambda v, y, T: solved(shares(v, y - 1, T).mean(), v.shape[1])),
    ("probabilities over T", "changed by T after the softmax",
     lambda v, y, T: solved((shares(v, y, 1) / T).mean(), v.shape[1])),
    ("never above 1", "kept between 0 and 1",
     lambda v, y, T: solved(shares(v, y, T).mean(), v.shape[1]).clamp(max=1)),
    ("class by class", "within each class first",
     lambda v, y, T: solved(
         torch.stack([shares(v, y, T)[y == c].mean() for c in y.unique()]).mean(),
         v.shape[1])),
):  # fmt: skip
    match.wrong(label, words, does)
match.right(
    "by expm1 of the losses",
    lambda v, y, T: (
        -torch.expm1(-F.cross_entropy(v / T, y, reduction="none")).mean()
        / (1 - 1 / v.shape[1])
    ),
)
