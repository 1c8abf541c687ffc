"""Answers to the exercises of *Ways to get the comparison wrong*."""

import numpy as np
import torch

from tests.answers import about

repaired = about("check_repaired_gain")


def best(table):
    return table.mean(axis=1).argmin()


repaired.wrong(
    "nothing changed", r"Two things|as it was given|nothing",
    lambda bv, bt, nv, nt: float(bt[0].mean() - nt[best(nt)].mean()),
)  # fmt: skip
repaired.wrong(
    "both chosen on test", r"test images",
    lambda bv, bt, nv, nt: float(bt[best(bt)].mean() - nt[best(nt)].mean()),
)  # fmt: skip
repaired.wrong(
    "the first rate for the baseline", r"first rate|suits it",
    lambda bv, bt, nv, nt: float(bt[0].mean() - nt[best(nv)].mean()),
)  # fmt: skip
repaired.wrong(
    "one rate for both", r"other arm|one for each",
    lambda bv, bt, nv, nt: float(bt[best(nv)].mean() - nt[best(nv)].mean()),
)  # fmt: skip
repaired.wrong(
    "turned round", r"order|sign|turned|minus",
    lambda bv, bt, nv, nt: float(nt[best(nv)].mean() - bt[best(bv)].mean()),
)  # fmt: skip
repaired.wrong(
    "validation reported", r"validation images",
    lambda bv, bt, nv, nt: float(bv.mean(axis=1).min() - nv.mean(axis=1).min()),
)  # fmt: skip
repaired.right(
    "with sums",
    lambda bv, bt, nv, nt: bt[bv.sum(1).argmin()].mean() - nt[nv.sum(1).argmin()].mean(),
)
repaired.right(
    "in a loop",
    lambda bv, bt, nv, nt: np.mean(
        [float(a - b) for a, b in zip(bt[best(bv)], nt[best(nv)], strict=True)]
    ),
)

seen = about("check_seen_before")


def same(test, transfer):
    return (test[:, None] == transfer[None]).flatten(2).all(2)


seen.wrong("pairs", r"pairs|twice", lambda a, b: int(same(a, b).sum()))
seen.wrong(
    "the transfer set's", r"transfer set; one|pairs|twice",
    lambda a, b: int(same(a, b).any(0).sum()),
)  # fmt: skip
seen.wrong(
    "those that are clean", r"not in it", lambda a, b: int((~same(a, b).any(1)).sum())
)
seen.wrong("by pixel", r"pixel", lambda a, b: int(torch.isin(a, b).sum()))
seen.wrong(
    "place by place", r"same place|order",
    lambda a, b: int(same(a, b).diagonal().sum()),
)  # fmt: skip
seen.wrong("nothing is found", r"order|behind|every image", lambda a, b: 0)
seen.right("by comparison", lambda a, b: same(a, b).any(1).sum())
seen.right(
    "with a set of bytes",
    lambda a, b: sum(x.numpy().tobytes() in {y.numpy().tobytes() for y in b} for x in a),
)
