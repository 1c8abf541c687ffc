"""Answers to the exercises of *Without a finished teacher*."""

import numpy as np
import torch.nn.functional as F

from tests.answers import about


def kl(mine, other):
    """Mean over the images of the divergence from the other's answer to mine."""
    return F.kl_div(
        mine.log_softmax(1), other.softmax(1), reduction="batchmean"
    )  # no gradient is looked at here


mutual = about("check_mutual_loss")
mutual.right(
    "by kl_div of logarithms",
    lambda a, b, y: F.cross_entropy(a, y)
    + F.kl_div(F.log_softmax(a, 1), F.log_softmax(b.detach(), 1), log_target=True,
               reduction="batchmean"),
)  # fmt: skip
mutual.right(
    "one cross-entropy with the sum of both targets, less the entropy",
    lambda a, b, y: (
        F.cross_entropy(a, F.one_hot(y, a.shape[1]).to(a) + b.detach().softmax(1))
        - F.cross_entropy(b.detach(), b.detach().softmax(1))
    ),
)
mutual.wrong(
    "labels alone", r"other student is missing", lambda a, b, y: F.cross_entropy(a, y)
)
mutual.wrong("the other alone", r"labels are missing", lambda a, b, y: kl(a, b.detach()))
mutual.wrong(
    "the other's cross-entropy", r"that of the other",
    lambda a, b, y: F.cross_entropy(b, y) + kl(a, b.detach()),
)  # fmt: skip
mutual.wrong(
    "the other direction", r"swapped|direction",
    lambda a, b, y: F.cross_entropy(a, y) + kl(b.detach(), a),
)  # fmt: skip
mutual.wrong(
    "a mean over classes, too", r"over the classes|times|too small",
    lambda a, b, y: F.cross_entropy(a, y)
    + (b.detach().softmax(1) * (b.detach().log_softmax(1) - a.log_softmax(1))).mean(),
)  # fmt: skip
mutual.wrong(
    "squares of logits", r"squared error",
    lambda a, b, y: F.cross_entropy(a, y) + (a - b.detach()).square().sum(1).mean(),
)  # fmt: skip
mutual.wrong(
    "cross-entropy in place of the divergence", r"entropy",
    lambda a, b, y: F.cross_entropy(a, y) + F.cross_entropy(a, b.detach().softmax(1)),
)  # fmt: skip
mutual.wrong(
    "half of each", r"weight 1|mean|half|times",
    lambda a, b, y: (F.cross_entropy(a, y) + kl(a, b.detach())) / 2,
)  # fmt: skip

ensemble = about("check_ensemble")


def by_numpy(z):
    z = np.array(z)
    p = np.exp(z - z.max(axis=2, keepdims=True))
    return (p / p.sum(axis=2, keepdims=True)).mean(axis=0)


ensemble.right("in NumPy", by_numpy)
ensemble.right(
    "member by member", lambda z: sum(F.softmax(member, dim=1) for member in z) / len(z)
)
ensemble.wrong("the mean logits", r"logits", lambda z: z.mean(0).softmax(1))
ensemble.wrong("the sum", r"summed|divide|sum", lambda z: z.softmax(2).sum(0))
ensemble.wrong(
    "votes", r"votes",
    lambda z: F.one_hot(z.argmax(2), z.shape[2]).to(z).mean(0),
)  # fmt: skip
ensemble.wrong("over the members", r"over the members|sum", lambda z: z.softmax(0).mean(0))
ensemble.wrong("over the images", r"over the images|sum", lambda z: z.softmax(1).mean(0))
ensemble.wrong("the first alone", r"first member", lambda z: z[0].softmax(1))
ensemble.wrong("logarithms", r"logarithm", lambda z: z.softmax(2).mean(0).log())
