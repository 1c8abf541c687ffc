"""Answers to the exercises of *The distillation loss*."""

import numpy as np
import torch
from torch.nn import functional as F

from tests.answers import about

loss = about("check_kd_loss")


def kl(z, v, t, reduction="batchmean"):
    return F.kl_div(
        F.log_softmax(z / t, dim=1), F.softmax(v / t, dim=1), reduction=reduction
    )


loss.wrong(
    "no factor T squared",
    r"T = 1|T\^2|square|shrinks as T grows",
    lambda z, v, y, t, a: a * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "T instead of its square",
    r"T\^2|square",
    lambda z, v, y, t, a: a * t * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "T squared on both terms",
    r"both|hard",
    lambda z, v, y, t, a: t**2 * (a * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y)),
)
loss.wrong(
    "T squared on the hard term",
    r"hard",
    lambda z, v, y, t, a: a * kl(z, v, t) + (1 - a) * t**2 * F.cross_entropy(z, y),
)
loss.wrong(
    "divided by T squared",
    r"divid|multipl",
    lambda z, v, y, t, a: a / t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "mean over classes too",
    r"classes",
    lambda z, v, y, t, a: a * t**2 * kl(z, v, t, "mean") + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "sum over the batch",
    r"sum|batch|images|mean",
    lambda z, v, y, t, a: a * t**2 * kl(z, v, t, "sum") + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "teacher and student exchanged",
    r"student to the teacher|exchang|swap|other way|direction",
    lambda z, v, y, t, a: a * t**2 * kl(v, z, t) + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "alpha on the hard term",
    r"alpha",
    lambda z, v, y, t, a: (1 - a) * t**2 * kl(z, v, t) + a * F.cross_entropy(z, y),
)
loss.wrong(
    "alpha on both",
    r"alpha",
    lambda z, v, y, t, a: a * (t**2 * kl(z, v, t) + F.cross_entropy(z, y)),
)
loss.wrong(
    "no weight on the hard term",
    r"alpha|weight",
    lambda z, v, y, t, a: a * t**2 * kl(z, v, t) + F.cross_entropy(z, y),
)
loss.wrong(
    "no weights",
    r"alpha|weight",
    lambda z, v, y, t, a: t**2 * kl(z, v, t) + F.cross_entropy(z, y),
)
loss.wrong(
    "probabilities of the student into kl_div",
    r"log",
    lambda z, v, y, t, a: (
        a
        * t**2
        * F.kl_div(F.softmax(z / t, dim=1), F.softmax(v / t, dim=1), reduction="batchmean")
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "logits of the student into kl_div",
    r"log",
    lambda z, v, y, t, a: (
        a * t**2 * F.kl_div(z / t, F.softmax(v / t, dim=1), reduction="batchmean")
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "log-probabilities of the teacher without log_target",
    r"log_target|logarithm",
    lambda z, v, y, t, a: (
        a
        * t**2
        * F.kl_div(
            F.log_softmax(z / t, dim=1), F.log_softmax(v / t, dim=1), reduction="batchmean"
        )
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "log_target with probabilities",
    r"log_target|logarithm",
    lambda z, v, y, t, a: (
        a
        * t**2
        * F.kl_div(
            F.log_softmax(z / t, dim=1),
            F.softmax(v / t, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "softmax before the cross-entropy",
    r"twice|two softmax|softmax.*cross",
    lambda z, v, y, t, a: (
        a * t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(F.softmax(z, dim=1), y)
    ),
)
loss.wrong(
    "hard term at T",
    r"hard.*(T = 1|temperature|divided)|labels.*(temperature|T = 1)",
    lambda z, v, y, t, a: a * t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(z / t, y),
)
loss.wrong(
    "the teacher at T = 1",
    r"teacher",
    lambda z, v, y, t, a: (
        a
        * t**2
        * F.kl_div(F.log_softmax(z / t, dim=1), F.softmax(v, dim=1), reduction="batchmean")
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "the student at T = 1",
    r"student",
    lambda z, v, y, t, a: (
        a
        * t**2
        * F.kl_div(F.log_softmax(z, dim=1), F.softmax(v / t, dim=1), reduction="batchmean")
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "over the images: dim=0",
    r"dim|row|image",
    lambda z, v, y, t, a: (
        a
        * t**2
        * F.kl_div(
            F.log_softmax(z / t, dim=0), F.softmax(v / t, dim=0), reduction="batchmean"
        )
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "the softmax of a softmax",
    r"twice|two softmax|softmax of",
    lambda z, v, y, t, a: (
        a * t**2 * kl(F.softmax(z, dim=1), F.softmax(v, dim=1), t)
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "cross-entropy with soft targets instead of the divergence",
    r"cross-entropy form|entropy of the (teacher|soft)",
    lambda z, v, y, t, a: (
        a * t**2 * F.cross_entropy(z / t, F.softmax(v / t, dim=1))
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "squared error of logits",
    r"square|logits",
    lambda z, v, y, t, a: a * t**2 * F.mse_loss(z, v) + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "squared error of probabilities",
    r"square",
    lambda z, v, y, t, a: (
        a * t**2 * F.mse_loss(F.softmax(z / t, dim=1), F.softmax(v / t, dim=1))
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
loss.wrong(
    "the sign of the divergence",
    r"sign|minus|negative",
    lambda z, v, y, t, a: -a * t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong("the soft term alone", r"hard|label", lambda z, v, y, t, a: t**2 * kl(z, v, t))
loss.wrong(
    "hard term from the teacher",
    r"teacher",
    lambda z, v, y, t, a: a * t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(v, y),
)
loss.wrong(
    "sums in the hard term",
    r"sum|mean|images",
    lambda z, v, y, t, a: (
        a * t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y, reduction="sum")
    ),
)
loss.wrong(
    "a Python number",
    r"gradient|\.item",
    lambda z, v, y, t, a: (a * t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y)).item(),
)
loss.wrong(
    "the student detached",
    r"gradient|detach",
    lambda z, v, y, t, a: (
        a * t**2 * kl(z.detach(), v, t) + (1 - a) * F.cross_entropy(z.detach(), y)
    ),
)
loss.wrong(
    "the student detached in the soft term",
    r"gradient|detach",
    lambda z, v, y, t, a: a * t**2 * kl(z.detach(), v, t) + (1 - a) * F.cross_entropy(z, y),
)


def without_gradients(z, v, y, t, a):
    with torch.no_grad():
        return a * t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y)


def in_numpy(z, v, y, t, a):
    def soft(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    z, v, y = z.detach().numpy(), v.numpy(), y.numpy()
    p, q = soft(v / t), soft(z / t)
    hard = -np.log(soft(z)[np.arange(len(y)), y]).mean()
    return a * t**2 * (p * np.log(p / q)).sum(axis=1).mean() + (1 - a) * hard


loss.wrong("under no_grad", r"gradient|no_grad", without_gradients)
loss.wrong("in NumPy", r"gradient|numpy", in_numpy)
loss.wrong(
    "wrapped in a new tensor",
    r"gradient|torch\.tensor|new tensor",
    lambda z, v, y, t, a: torch.tensor(
        (a * t**2 * kl(z, v, t) + (1 - a) * F.cross_entropy(z, y)).item(),
        requires_grad=True,
    ),
)
loss.wrong(
    "two slips: no T squared, alpha on the hard term",
    (r"T = 1|T\^2|square|shrinks as T grows", r"alpha"),
    lambda z, v, y, t, a: (1 - a) * kl(z, v, t) + a * F.cross_entropy(z, y),
)
loss.wrong(
    "two slips: mean over classes, no T squared",
    (r"classes", r"T = 1|T\^2|square|shrinks as T grows"),
    lambda z, v, y, t, a: a * kl(z, v, t, "mean") + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "two slips: exchanged, mean over classes",
    (r"student to the teacher|exchang|swap|direction", r"classes"),
    lambda z, v, y, t, a: a * t**2 * kl(v, z, t, "mean") + (1 - a) * F.cross_entropy(z, y),
)
loss.wrong(
    "two slips: hard term at T, alpha on the hard term",
    (r"hard", r"alpha"),
    lambda z, v, y, t, a: (1 - a) * t**2 * kl(z, v, t) + a * F.cross_entropy(z / t, y),
)


def by_hand(z, v, y, t, a):
    p = torch.softmax(v / t, dim=1)
    q = torch.softmax(z / t, dim=1)
    soft = torch.special.xlogy(p, p).sum(1) - (p * torch.log_softmax(z / t, 1)).sum(1)
    del q
    hard = -torch.log_softmax(z, dim=1)[torch.arange(len(y)), y]
    return (a * t * t * soft + (1 - a) * hard).mean()


def with_modules(z, v, y, t, a):
    soft = torch.nn.KLDivLoss(reduction="batchmean")(
        torch.nn.LogSoftmax(dim=1)(z / t), torch.nn.Softmax(dim=1)(v / t)
    )
    return a * soft * t**2 + (1 - a) * torch.nn.CrossEntropyLoss()(z, y)


def image_by_image(z, v, y, t, a):
    total = 0.0
    for i in range(len(z)):
        total = total + a * t**2 * kl(z[i : i + 1], v[i : i + 1], t)
        total = total + (1 - a) * F.cross_entropy(z[i : i + 1], y[i : i + 1])
    return total / len(z)


def teacher_detached(z, v, y, t, a):
    return a * t**2 * kl(z, v.detach(), t) + (1 - a) * F.cross_entropy(z, y)


def from_sum(z, v, y, t, a):
    return a * kl(z, v, t, "sum") * t**2 / z.shape[0] + (1 - a) * F.cross_entropy(z, y)


def as_a_vector_of_one(z, v, y, t, a):
    soft = kl(z, v, t, "none").sum(dim=1).mean()
    return torch.lerp(F.nll_loss(F.log_softmax(z, dim=1), y), soft * t**2, a)


for does in (by_hand, with_modules, image_by_image, teacher_detached, from_sum):
    loss.right(does.__name__, does)
loss.right("lerp", as_a_vector_of_one)

gradient = about("check_soft_gradient")


def difference(z, v, t, dim=1):
    return torch.softmax(z / t, dim=dim) - torch.softmax(v / t, dim=dim)


gradient.wrong("the sign", r"sign", lambda z, v, t: -t * difference(z, v, t) / len(z))
gradient.wrong(
    "T squared left", r"T\b", lambda z, v, t: t**2 * difference(z, v, t) / len(z)
)
gradient.wrong("no T", r"T\b", lambda z, v, t: difference(z, v, t) / len(z))
gradient.wrong("divided by T", r"T\b", lambda z, v, t: difference(z, v, t) / t / len(z))
gradient.wrong(
    "not divided by the images",
    r"mean|images|\bN\b",
    lambda z, v, t: t * difference(z, v, t),
)
gradient.wrong(
    "divided by images and classes",
    r"classes",
    lambda z, v, t: t * difference(z, v, t) / z.numel(),
)
gradient.wrong(
    "divided by the classes",
    r"classes",
    lambda z, v, t: t * difference(z, v, t) / z.shape[1],
)
gradient.wrong(
    "softmax without T",
    r"\bT\b|temperature",
    lambda z, v, t: t * difference(z, v, 1.0) / len(z),
)
gradient.wrong(
    "over the images", r"dim|row|image", lambda z, v, t: t * difference(z, v, t, 0) / len(z)
)
gradient.wrong(
    "the difference of logits",
    r"softmax|probabilit",
    lambda z, v, t: t * (z - v) / len(z),
)
gradient.wrong(
    "multiplied by T inside",
    r"multipl|divide",
    lambda z, v, t: t * difference(z * t, v * t, 1.0) / len(z),
)
gradient.wrong(
    "the mean over the images as one row",
    r"row|each image|shape",
    lambda z, v, t: t * difference(z, v, t).mean(dim=0),
)
gradient.wrong(
    "two slips: sign, no T",
    (r"sign", r"\bT\b"),
    lambda z, v, t: -difference(z, v, t) / len(z),
)
gradient.wrong(
    "two slips: T squared, not divided by the images",
    (r"\bT\b", r"mean|images|\bN\b"),
    lambda z, v, t: t**2 * difference(z, v, t),
)


def by_autograd(z, v, t):
    z = z.clone().requires_grad_()
    (t**2 * kl(z, v, t)).backward()
    return z.grad


def by_differences(z, v, t):
    found = torch.zeros_like(z)
    for i in range(z.shape[0]):
        for k in range(z.shape[1]):
            step = torch.zeros_like(z)
            step[i, k] = 1e-4
            found[i, k] = t**2 * (kl(z + step, v, t) - kl(z - step, v, t)) / 2e-4
    return found


gradient.right("autograd all the same", by_autograd)
gradient.wrong("differences", r"single precision", by_differences)
gradient.right(
    "NumPy",
    lambda z, v, t: t / len(z) * difference(z, v, t).numpy(),
)
gradient.right(
    "torch.func", lambda z, v, t: torch.func.grad(lambda x: t**2 * kl(x, v, t))(z)
)
