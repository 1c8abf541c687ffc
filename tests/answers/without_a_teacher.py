"""Answers to the exercises of *Without a finished teacher*."""

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

pseudo = about("check_pseudo_loss")


def smooth(z, e):
    return (1 - e) * F.one_hot(z.argmax(1), z.shape[1]).to(z) + e / z.shape[1]


pseudo.right(
    "torch's smoothing",
    lambda s, t, e: F.cross_entropy(s, t.argmax(1), label_smoothing=e),
)
pseudo.right("targets by hand", lambda s, t, e: F.cross_entropy(s, smooth(t, e)))
pseudo.wrong("soft targets", r"probabilities", lambda s, t, e: F.cross_entropy(
    s, (1 - e) * t.softmax(1) + e / t.shape[1]))  # fmt: skip
pseudo.wrong(
    "not smoothed", r"not smoothed|epsilon", lambda s, t, e: F.cross_entropy(s, t.argmax(1))
)
pseudo.wrong(
    "the student's own answers", r"student itself",
    lambda s, t, e: F.cross_entropy(s, s.argmax(1), label_smoothing=e),
)  # fmt: skip
pseudo.wrong(
    "spread over the other classes", r"other classes",
    lambda s, t, e: F.cross_entropy(
        s,
        (1 - e - e / (s.shape[1] - 1)) * F.one_hot(t.argmax(1), s.shape[1]).to(s)
        + e / (s.shape[1] - 1),
    ),
)  # fmt: skip
pseudo.wrong(
    "a sum over the images", r"sum",
    lambda s, t, e: F.cross_entropy(s, smooth(t, e), reduction="sum"),
)  # fmt: skip
pseudo.wrong(
    "a divergence", r"entropy",
    lambda s, t, e: F.kl_div(s.log_softmax(1), smooth(t, e), reduction="batchmean"),
)  # fmt: skip
pseudo.wrong(
    "a mean over classes, too", r"over the classes|times|too small",
    lambda s, t, e: -(smooth(t, e) * s.log_softmax(1)).mean(),
)  # fmt: skip
