"""Answers to the exercises of *Which way round?*."""

import numpy as np
import torch
from scipy.special import log_softmax, rel_entr
from torch.distributions import Categorical, kl_divergence
from torch.nn import functional as F

from tests.answers import about

repair = about("check_repaired_direction")


def logs(z, v):
    return F.log_softmax(z, dim=1), F.log_softmax(v, dim=1)


def exchanged(z, v):
    log_q, log_p = logs(z, v)
    return F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)


repair.right("arguments exchanged, log_target", exchanged)
repair.right(
    "torch.distributions",
    lambda z, v: kl_divergence(Categorical(logits=z), Categorical(logits=v)).mean(),
)
repair.wrong(
    "the direction only", r"classes|reduction|images",
    lambda z, v: F.kl_div(F.log_softmax(v, 1), F.softmax(z, 1), reduction="mean"),
)  # fmt: skip
repair.wrong(
    "the reduction only", r"forward|direction|kl_div",
    lambda z, v: F.kl_div(F.log_softmax(z, 1), F.softmax(v, 1), reduction="batchmean"),
)  # fmt: skip
repair.wrong(
    "summed", r"sum|mean",
    lambda z, v: F.kl_div(F.log_softmax(v, 1), F.softmax(z, 1), reduction="sum"),
)  # fmt: skip
repair.wrong(
    "the student's answer detached", r"gradient|detach",
    lambda z, v: (
        F.softmax(z, 1).detach() * (F.log_softmax(z, 1) - F.log_softmax(v, 1))
    ).sum(1).mean(),
)  # fmt: skip
repair.wrong(
    "without the entropy", r"entropy",
    lambda z, v: -(F.softmax(z, 1) * F.log_softmax(v, 1)).sum(1).mean(),
)  # fmt: skip
repair.wrong(
    "both directions", r"both",
    lambda z, v: 0.5 * (exchanged(z, v) + exchanged(v, z)),
)  # fmt: skip
repair.wrong("given back", r"nothing|changed|as it was|given|still", lambda z, v: F.kl_div(
    F.log_softmax(z, dim=1), F.softmax(v, dim=1), reduction="mean"))  # fmt: skip

shannon = about("check_jensen_shannon")


def js(z, v):
    log_q, log_p = logs(z, v)
    log_m = torch.logaddexp(log_q, log_p) - np.log(2)
    return 0.5 * (
        F.kl_div(log_m, log_p, reduction="batchmean", log_target=True)
        + F.kl_div(log_m, log_q, reduction="batchmean", log_target=True)
    )


shannon.right("through logarithms", js)
shannon.right(
    "entropy of the mean less mean entropy",
    lambda z, v: (
        Categorical(probs=(F.softmax(z, 1) + F.softmax(v, 1)) / 2).entropy()
        - (Categorical(logits=z).entropy() + Categorical(logits=v).entropy()) / 2
    ).mean(),
)
shannon.wrong("twice", r"half|mean of two", lambda z, v: 2 * js(z, v))
shannon.wrong(
    "mean of the directions", r"each other|compared with",
    lambda z, v: (exchanged(z, v) + exchanged(v, z)) / 2,
)  # fmt: skip
shannon.wrong(
    "mean logits", r"logits",
    lambda z, v: 0.5 * (exchanged(v, (z + v) / 2) + exchanged(z, (z + v) / 2)),
)  # fmt: skip
shannon.wrong("in bits", r"bits|natural", lambda z, v: js(z, v) / np.log(2))
shannon.wrong("distance", r"square root|distance", lambda z, v: js(z, v).sqrt())


def from_the_mean(z, v):
    log_q, log_p = logs(z, v)
    m = (log_q.exp() + log_p.exp()) / 2
    return 0.5 * (
        F.kl_div(log_p, m, reduction="batchmean")
        + F.kl_div(log_q, m, reduction="batchmean")
    )


shannon.wrong("from the mean", r"begin|end at m", from_the_mean)

pull = about("check_reverse_pull")


def by_autograd(z, v):
    z = z.clone().requires_grad_()
    loss = (F.softmax(z, 1) * (F.log_softmax(z, 1) - F.log_softmax(v, 1))).sum()
    return -torch.autograd.grad(loss, z)[0]


def in_numpy(z, v):
    log_q, log_p = log_softmax(z.numpy(), axis=1), log_softmax(v.numpy(), axis=1)
    q = np.exp(log_q)
    kl = rel_entr(q, np.exp(log_p)).sum(axis=1, keepdims=True)
    return q * (kl - (log_q - log_p))


pull.right("autograd", by_autograd)
pull.right("NumPy", in_numpy)
pull.wrong("the gradient itself", r"sign|minus", lambda z, v: -by_autograd(z, v))
pull.wrong(
    "forward", r"forward", lambda z, v: F.softmax(v, 1) - F.softmax(z, 1),
)  # fmt: skip
pull.wrong(
    "not centred", r"subtract|divergence",
    lambda z, v: -F.softmax(z, 1) * (F.log_softmax(z, 1) - F.log_softmax(v, 1)),
)  # fmt: skip
pull.wrong(
    "mean over images",
    r"number of images|own pull",
    lambda z, v: by_autograd(z, v) / len(z),
)


def no_weight(z, v):
    return by_autograd(z, v) / F.softmax(z, 1)


pull.wrong("no q in front", r"factor q|weigh", no_weight)
