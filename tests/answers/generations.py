"""Answers to the exercises of *Generations*."""

import numpy as np
import torch.nn.functional as F

from tests.answers import about

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


def kl(target, other):
    """Mean over the images of the divergence from target to other; it moves both."""
    log_p = target.log_softmax(1)
    return (log_p.exp() * (log_p - other.log_softmax(1))).sum(1).mean()


friendly = about("check_friendly_loss")
friendly.right(
    "by kl_div",
    lambda t, b, y, w: (
        F.cross_entropy(t, y)
        + F.cross_entropy(b, y)
        + w
        * F.kl_div(
            t.log_softmax(1), b.log_softmax(1), log_target=True, reduction="batchmean"
        )
    ),
)
friendly.right(
    "a cross-entropy less an entropy",
    lambda t, b, y, w: (
        F.cross_entropy(t, y)
        + F.cross_entropy(b, y)
        + w * (F.cross_entropy(t, b.softmax(1)) - F.cross_entropy(b, b.softmax(1)))
    ),
)
friendly.wrong(
    "the branch has no label", r"branch does not learn",
    lambda t, b, y, w: F.cross_entropy(t, y) + w * kl(b, t),
)  # fmt: skip
friendly.wrong(
    "the teacher has no label", r"teacher does not learn",
    lambda t, b, y, w: F.cross_entropy(b, y) + w * kl(b, t),
)  # fmt: skip
friendly.wrong(
    "the usual direction", r"swapped|direction",
    lambda t, b, y, w: F.cross_entropy(t, y) + F.cross_entropy(b, y) + w * kl(t, b),
)  # fmt: skip
friendly.wrong(
    "no weight", r"weight",
    lambda t, b, y, w: F.cross_entropy(t, y) + F.cross_entropy(b, y) + kl(b, t),
)  # fmt: skip
friendly.wrong(
    "no divergence", r"divergence is missing",
    lambda t, b, y, w: F.cross_entropy(t, y) + F.cross_entropy(b, y),
)  # fmt: skip
friendly.wrong(
    "the branch detached", r"gradient|detach",
    lambda t, b, y, w: F.cross_entropy(t, y) + F.cross_entropy(b, y)
    + w * kl(b.detach(), t),
)  # fmt: skip
friendly.wrong(
    "everything weighted", r"weight",
    lambda t, b, y, w: w
    * (F.cross_entropy(t, y) + F.cross_entropy(b, y) + kl(b, t)),
)  # fmt: skip
