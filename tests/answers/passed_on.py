"""Answers to the exercises of *What is actually passed on?*."""

import numpy as np
import torch
import torch.nn.functional as F

from tests.answers import about

extra = about("check_extra_loss")
extra.right(
    "by PyTorch's kl_div",
    lambda s, v, c: F.kl_div(
        F.log_softmax(s[:, c:], 1), F.log_softmax(v[:, c:], 1), log_target=True,
        reduction="batchmean",
    ),
)  # fmt: skip
extra.right(
    "cross-entropy less entropy",
    lambda s, v, c: (
        F.cross_entropy(s[:, c:], v[:, c:].softmax(1))
        - F.cross_entropy(v[:, c:], v[:, c:].softmax(1))
    ),
)
extra.wrong(
    "the classes", r"class outputs",
    lambda s, v, c: F.kl_div(F.log_softmax(s[:, :c], 1), v[:, :c].softmax(1),
                             reduction="batchmean"),
)  # fmt: skip
extra.wrong(
    "all outputs",
    r"all outputs",
    lambda s, v, c: F.kl_div(F.log_softmax(s, 1), v.softmax(1), reduction="batchmean"),
)
extra.wrong(
    "the mean over outputs, too",
    r"sum over the outputs|mean runs|too small|times",
    lambda s, v, c: (
        v[:, c:].softmax(1) * (v[:, c:].log_softmax(1) - s[:, c:].log_softmax(1))
    ).mean(),
)
extra.wrong(
    "squared error",
    r"squared error",
    lambda s, v, c: (s[:, c:] - v[:, c:]).square().sum(1).mean(),
)
extra.wrong(
    "cross-entropy",
    r"cross-entropy|entropy|loss 0",
    lambda s, v, c: F.cross_entropy(s[:, c:], v[:, c:].softmax(1)),
)
extra.wrong(
    "the other direction", r"swapped|direction|exchang",
    lambda s, v, c: F.kl_div(F.log_softmax(v[:, c:], 1), F.log_softmax(s[:, c:], 1),
                             log_target=True, reduction="batchmean"),
)  # fmt: skip

top = about("check_top_classes")


def by_rows(p, k):
    p = np.array(p)
    out = np.empty_like(p)
    for row, made in zip(p, out, strict=True):
        order = np.argsort(row)[::-1]
        made[order[:k]] = row[order[:k]]
        made[order[k:]] = (1 - row[order[:k]].sum()) / max(len(row) - k, 1)
    return out


def by_threshold(p, k):
    least = p.topk(k, dim=1).values[:, -1:]
    sent = p >= least
    missing = (p * ~sent).sum(1, keepdim=True)
    return torch.where(sent, p, missing / (~sent).sum(1, keepdim=True))


top.right("row by row, in NumPy", by_rows)
top.right("by a threshold", by_threshold)
top.wrong(
    "renormalised", r"divided by what is left|others",
    lambda p, k: p * (p >= p.topk(k).values[:, -1:])
    / p.topk(k).values.sum(1, keepdim=True),
)  # fmt: skip
top.wrong(
    "the rest set to 0",
    r"sum to less than 1|gone|sum",
    lambda p, k: p * (p >= p.topk(k).values[:, -1:]),
)
top.wrong(
    "the smallest", r"smallest|largest",
    lambda p, k: torch.where(
        p <= (-p).topk(k).values[:, -1:].neg(), p,
        (1 - p.topk(k, largest=False).values.sum(1, keepdim=True)) / (p.shape[1] - k)),
)  # fmt: skip
top.wrong(
    "divided by C", r"C - k|divided by C|sum",
    lambda p, k: torch.where(p >= p.topk(k).values[:, -1:], p,
                             (1 - p.topk(k).values.sum(1, keepdim=True)) / p.shape[1]),
)  # fmt: skip
top.wrong(
    "the whole rest to each", r"whole|divide|sum",
    lambda p, k: torch.where(p >= p.topk(k).values[:, -1:], p,
                             (1 - p.topk(k).values.sum(1, keepdim=True)).expand_as(p)),
)  # fmt: skip

permuted = about("check_repaired_control")


def one_by_one(z, y, keys):
    found = z.clone()
    for i in range(len(z)):
        wrong = torch.tensor([c for c in range(z.shape[1]) if c != y[i]])
        found[i, wrong] = z[i, wrong[keys[i, wrong].argsort()]]
    return found


def by_scatter(z, y, keys):
    others = torch.ones_like(z, dtype=torch.bool).scatter(1, y[:, None], False)
    n, c = z.shape
    values = z[others].view(n, c - 1).gather(1, keys[others].view(n, c - 1).argsort(1))
    return z.masked_scatter(others, values)


permuted.right("one by one", one_by_one)
permuted.right("by a mask", by_scatter)
permuted.wrong(
    "still as given",
    r"label|unchanged|given|changed",
    lambda z, y, keys: z.gather(1, keys.argsort(dim=1)),
)
permuted.wrong(
    "the same order in all rows",
    r"rows|same way",
    lambda z, y, keys: one_by_one(z, y, keys[:1].expand_as(keys)),
)
permuted.wrong(
    "the label put back and another lost", r"keeps its numbers|numbers",
    lambda z, y, keys: z.gather(1, keys.argsort(1)).scatter(
        1, y[:, None], z.gather(1, y[:, None])),
)  # fmt: skip
permuted.wrong(
    "nothing moves",
    r"order|place|unchanged|moves|keys|given|differ",
    lambda z, y, keys: z.clone(),
)
permuted.wrong(
    "the wrong classes are averaged", r"keeps its numbers|numbers",
    lambda z, y, keys: torch.full_like(z, 0.0)
    + (z.sum(1, keepdim=True) - z.gather(1, y[:, None])) / (z.shape[1] - 1)
    * torch.ones_like(z).scatter(1, y[:, None], 0.0)
    + torch.zeros_like(z).scatter(1, y[:, None], z.gather(1, y[:, None])),
)  # fmt: skip
