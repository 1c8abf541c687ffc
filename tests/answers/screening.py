"""Answers to the exercises of *Distilling for the clinic*, second edition."""

import numpy as np
from sklearn.metrics import cohen_kappa_score

from tests.answers import about

precision = about("check_precision_elsewhere")
precision.wrong(
    "specificity for alarms", r"false alarms|1 less the specificity",
    lambda se, sp, p: p * se / (p * se + (1 - p) * sp),
)  # fmt: skip
precision.wrong("no prevalence", r"alike|share", lambda se, sp, p: se / (se + 1 - sp))
precision.wrong("the sensitivity", r"sensitivity", lambda se, sp, p: se)
precision.wrong(
    "negative predictive value", r"negative predictive",
    lambda se, sp, p: (1 - p) * sp / ((1 - p) * sp + p * (1 - se)),
)  # fmt: skip
precision.wrong(
    "share of false ones", r"false alarms",
    lambda se, sp, p: (1 - p) * (1 - sp) / ((1 - p) * (1 - sp) + p * se),
)  # fmt: skip
precision.wrong(
    "share on the wrong side", r"places|share",
    lambda se, sp, p: (1 - p) * se / ((1 - p) * se + p * (1 - sp)),
)  # fmt: skip
precision.wrong(
    "in per cent", r"per cent",
    lambda se, sp, p: 100 * p * se / (p * se + (1 - p) * (1 - sp)),
)  # fmt: skip
precision.wrong(
    "accuracy", r"accuracy", lambda se, sp, p: p * se + (1 - p) * sp
)  # fmt: skip


def _counted(se, sp, p):
    ill = np.round(p * 10**9)
    found, alarms = ill * se, (10**9 - ill) * (1 - sp)
    return found / (found + alarms)


precision.right("with a billion people", _counted)
precision.right(
    "by odds", lambda se, sp, p: 1 / (1 + (1 - sp) / se * (1 - p) / p)
)  # fmt: skip

kappa = about("check_kappa")


def _parts(v, n):
    v = v.double()
    agree = ((v * (v - 1) + (n - v) * (n - v - 1)) / (n * (n - 1))).mean()
    q = v.mean() / n
    return float(agree), float(q)


def _with(agree, chance):
    return (agree - chance) / (1 - chance)


kappa.wrong("chance left out", r"chance", lambda v, n: _parts(v, n)[0])
kappa.wrong("chance a half", r"half", lambda v, n: _with(_parts(v, n)[0], 0.5))
kappa.wrong(
    "with himself", r"himself",
    lambda v, n: _with(
        float(((v / n).double() ** 2 + (1 - (v / n).double()) ** 2).mean()),
        _parts(v, n)[1] ** 2 + (1 - _parts(v, n)[1]) ** 2,
    ),
)  # fmt: skip
kappa.wrong(
    "not divided", r"1 - chance|leaves",
    lambda v, n: _parts(v, n)[0] - _parts(v, n)[1] ** 2 - (1 - _parts(v, n)[1]) ** 2,
)  # fmt: skip
kappa.wrong(
    "one kind of chance", r"first|square",
    lambda v, n: _with(_parts(v, n)[0], _parts(v, n)[1] ** 2),
)  # fmt: skip
kappa.wrong(
    "one rater and the majority", r"majority",
    lambda v, n: _with(
        float(np.maximum(v.numpy(), n - v.numpy()).mean() / n),
        _parts(v, n)[1] ** 2 + (1 - _parts(v, n)[1]) ** 2,
    ),
)  # fmt: skip


def _by_pairs(v, n):
    one, other = [], []
    for k in v.tolist():
        said = [1] * k + [0] * (n - k)
        for i in range(n):
            for j in range(n):
                if i != j:
                    one.append(said[i])
                    other.append(said[j])
    return cohen_kappa_score(one, other)


def _by_table(v, n):
    table = np.stack([v.numpy(), n - v.numpy()], axis=1).astype(float)
    share = table.sum(axis=0) / table.sum()
    agree = ((table**2).sum(axis=1) - n) / (n * (n - 1))
    return 1 - (1 - agree.mean()) / (1 - (share**2).sum())


kappa.right("Cohen's, of all pairs", _by_pairs)
kappa.right("as Fleiss writes it", _by_table)
