"""Answers to *When should the teacher stop?* and *Teacher assistants*."""

import math
from itertools import pairwise

import numpy as np
import torch

from tests.answers import about

rule = about("check_stopping_epoch")


def first(losses, condition, shift=1, start=1):
    for i in range(start, len(losses)):
        if condition(losses[i], losses[i - 1]):
            return i + shift
    return len(losses)


rule.wrong(
    "counted from 0",
    r"from 1|from 0",
    lambda x, t: first(x, lambda a, b: abs(a - b) < t, 0),
)
rule.wrong(
    "no absolute value: a rise counts as small",
    r"absolute|rise|ris|grow|up",
    lambda x, t: first(x, lambda a, b: b - a < t),
)
rule.wrong(
    "the sign the other way",
    r"absolute|sign|fall|order",
    lambda x, t: first(x, lambda a, b: a - b < t),
)
rule.wrong(
    "the loss below the threshold",
    r"change|difference|differ",
    lambda x, t: next((i + 1 for i, a in enumerate(x) if a < t), len(x)),
)
rule.wrong(
    "also where it equals the threshold",
    r"equal|less than|<=|exactly",
    lambda x, t: first(x, lambda a, b: abs(a - b) <= t),
)
rule.wrong(
    "more than the threshold",
    r"more|less|larger|smaller",
    lambda x, t: first(x, lambda a, b: abs(a - b) > t),
)
rule.wrong(
    "None where it never stops",
    r"last|nothing|None",
    lambda x, t: next((i + 1 for i in range(1, len(x)) if abs(x[i] - x[i - 1]) < t), None),
)
rule.wrong(
    "the relative change",
    r"relative|divide|ratio|itself",
    lambda x, t: first(x, lambda a, b: abs(a - b) / b < t),
)


def last_that_changes(losses, threshold):
    for i in range(len(losses) - 1, 0, -1):
        if abs(losses[i] - losses[i - 1]) < threshold:
            return i + 1
    return len(losses)


rule.wrong("the last such epoch", r"first|last", last_that_changes)
rule.wrong(
    "compared with the first loss",
    r"before|first|previous|one to the next",
    lambda x, t: next((i + 1 for i in range(1, len(x)) if abs(x[i] - x[0]) < t), len(x)),
)
rule.wrong(
    "the smallest change",
    r"smallest|first",
    lambda x, t: (
        min(range(1, len(x)), key=lambda i: abs(x[i] - x[i - 1])) + 1 if len(x) > 1 else 1
    ),
)


def wraps(x, t):
    for i in range(len(x)):
        if abs(x[i] - x[i - 1]) < t:
            return i + 1
    return len(x)


rule.wrong(
    "the first epoch compared with the last (index -1)",
    r"-1|last|first epoch|before it",
    wraps,
)
rule.right(
    "NumPy",
    lambda x, t: (
        int(np.argmax(np.abs(np.diff(x)) < t)) + 2
        if (np.abs(np.diff(x)) < t).any()
        else len(x)
    ),
)


def with_a_while(losses, threshold):
    epoch = 2
    while epoch <= len(losses):
        change = losses[epoch - 1] - losses[epoch - 2]
        if -threshold < change < threshold:
            return epoch
        epoch += 1
    return len(losses)


rule.right("a while loop", with_a_while)
rule.right(
    "pairwise",
    lambda x, t: next(
        (i for i, (a, b) in enumerate(pairwise(x), start=2) if abs(a - b) < t), len(x)
    ),
)

off = about("check_switched_off")


def mixed(weight, soft, hard):
    return weight * soft + (1 - weight) * hard


off.wrong(
    "one epoch too long",
    r"too (long|late)|one epoch|<=",
    lambda s, h, a, n: mixed(a * (torch.arange(len(s)) <= n), s, h),
)
off.wrong(
    "one epoch too short",
    r"too (short|early)|one epoch",
    lambda s, h, a, n: mixed(a * (torch.arange(len(s)) < n - 1), s, h),
)
off.wrong(
    "the hard term keeps 1 - alpha",
    r"full|whole|1 - alpha|alone",
    lambda s, h, a, n: a * (torch.arange(len(s)) < n) * s + (1 - a) * h,
)
off.wrong(
    "switched on instead",
    r"other way|before|after|on",
    lambda s, h, a, n: mixed(a * (torch.arange(len(s)) >= n), s, h),
)
off.wrong("never switched off", r"never|off|stop", lambda s, h, a, n: mixed(a, s, h))
off.wrong(
    "alpha on the hard term",
    r"alpha",
    lambda s, h, a, n: torch.where(torch.arange(len(s)) < n, (1 - a) * s + a * h, h),
)
off.wrong(
    "the soft term alone before",
    r"alpha|hard",
    lambda s, h, a, n: torch.where(torch.arange(len(s)) < n, s, h),
)
off.wrong(
    "the weighted soft term alone before",
    r"hard",
    lambda s, h, a, n: torch.where(torch.arange(len(s)) < n, a * s, h),
)
off.wrong(
    "the hard term switched off as well",
    r"hard|zero|0",
    lambda s, h, a, n: (torch.arange(len(s)) < n) * mixed(a, s, h),
)
off.wrong(
    "the hard term switched off instead",
    r"hard|which|soft",
    lambda s, h, a, n: torch.where(torch.arange(len(s)) < n, mixed(a, s, h), s),
)
off.wrong(
    "only the first stop epochs",
    r"shape|all|every|epochs",
    lambda s, h, a, n: mixed(a, s, h)[:n],
)
off.wrong(
    "a mean over epochs",
    r"each|mean|shape",
    lambda s, h, a, n: mixed(a * (torch.arange(len(s)) < n), s, h).mean(),
)
off.wrong(
    "the hard term always whole",
    r"1 - alpha|weight|hard",
    lambda s, h, a, n: a * (torch.arange(len(s)) < n) * s + h,
)
off.wrong(
    "two slips: one epoch too long, hard term keeps 1 - alpha",
    (r"one epoch|too (long|late)", r"full|whole|1 - alpha|alone"),
    lambda s, h, a, n: a * (torch.arange(len(s)) <= n) * s + (1 - a) * h,
)


def by_pieces(soft, hard, alpha, stop):
    before = alpha * soft[:stop] + (1 - alpha) * hard[:stop]
    return torch.cat([before, hard[stop:]])


off.right("two pieces", by_pieces)
off.right(
    "a list",
    lambda s, h, a, n: [
        a * x + (1 - a) * y if i < n else y
        for i, (x, y) in enumerate(zip(s.tolist(), h.tolist(), strict=True))
    ],
)
off.right(
    "NumPy",
    lambda s, h, a, n: np.where(
        np.arange(len(s)) < n, a * s.numpy() + (1 - a) * h.numpy(), h.numpy()
    ),
)
off.right(
    "lerp", lambda s, h, a, n: torch.lerp(h, s, a * (torch.arange(len(s)) < n).to(s.dtype))
)

chosen = about("check_chosen_epochs")
chosen.wrong(
    "counted from 0", r"from 1|from 0", lambda v: len(v) - 1 - v.flip(0).argmin(dim=0)
)
chosen.wrong(
    "of equal ones the earliest",
    r"latest|last|earliest|first",
    lambda v: v.argmin(dim=0) + 1,
)
chosen.wrong(
    "over the seeds", r"seed|dim|shape", lambda v: v.shape[1] - v.flip(1).argmin(dim=1)
)
chosen.wrong(
    "flipped back wrongly",
    r"flip|backward|turn|reverse",
    lambda v: v.flip(0).argmin(dim=0) + 1,
)
chosen.wrong("the fewest errors themselves", r"epoch|number", lambda v: v.min(dim=0).values)
chosen.wrong("the most errors", r"most|fewest", lambda v: len(v) - v.flip(0).argmax(dim=0))
chosen.wrong(
    "one epoch for all seeds",
    r"each seed|all seeds|mean",
    lambda v: (len(v) - v.double().mean(1).flip(0).argmin()).repeat(v.shape[1]),
)
chosen.wrong(
    "two slips: from 0, the earliest",
    (r"from 1|from 0", r"latest|last|earliest|first"),
    lambda v: v.argmin(dim=0),
)
chosen.wrong(
    "flipped over the seeds",
    r"seed|dim|flip",
    lambda v: len(v) - v.flip(1).argmin(dim=0),
)
chosen.right("NumPy", lambda v: len(v) - np.argmin(np.array(v)[::-1], axis=0))
chosen.right(
    "NumPy on the tensor's flip", lambda v: v.shape[0] - np.flipud(v).argmin(axis=0)
)
chosen.right("axis=", lambda v: len(v) - v.flip(0).argmin(axis=0))
chosen.right(
    "NumPy idiom with ::-1",
    lambda v: (
        len(v) - v[::-1].argmin(axis=0)
        if isinstance(v, np.ndarray)
        else len(v) - v.numpy()[::-1].argmin(axis=0)
    ),
)


def loops(v):
    rows = v.tolist()
    answer = []
    for s in range(len(rows[0])):
        column = [row[s] for row in rows]
        answer.append(max(i + 1 for i, x in enumerate(column) if x == min(column)))
    return answer


chosen.right("loops", loops)

luck = about("check_luck_of_the_best")
luck.wrong(
    "the sign",
    r"sign|negative|order",
    lambda d, n, p: (d.min(1).values / n).double().mean() - p,
)
luck.wrong(
    "the mean of all", r"mean of all|best|all", lambda d, n, p: p - (d / n).double().mean()
)
luck.wrong("the best of all repeats", r"repeat", lambda d, n, p: p - d.min() / n)
luck.wrong(
    "over the repeats instead of the checkpoints",
    r"repeat|dim|checkpoint",
    lambda d, n, p: p - (d.min(0).values / n).double().mean(),
)
luck.wrong(
    "counts, not a fraction",
    r"fraction|divide|\bn\b",
    lambda d, n, p: n * p - d.min(1).values.double().mean(),
)
luck.wrong(
    "in per cent",
    r"per cent|fraction|percent",
    lambda d, n, p: 100 * (p - (d.min(1).values / n).double().mean()),
)
luck.wrong(
    "the worst instead of the best",
    r"best|worst|fewest",
    lambda d, n, p: p - (d.max(1).values / n).double().mean(),
)
luck.wrong(
    "the error of the best, not the gain",
    r"p\b|than|gain|better",
    lambda d, n, p: (d.min(1).values / n).double().mean(),
)
luck.wrong(
    "relative to p",
    r"relative|divide|ratio",
    lambda d, n, p: 1 - (d.min(1).values / n).double().mean() / p,
)
luck.wrong(
    "one value a repeat", r"mean|shape|repeat", lambda d, n, p: p - d.min(1).values / n
)
luck.wrong(
    "the median of the best",
    r"median|mean",
    lambda d, n, p: p - (d.min(1).values / n).double().median(),
)
luck.wrong(
    "compared with the mean count instead of p",
    r"p\b|known",
    lambda d, n, p: ((d.double().mean(1) - d.min(1).values) / n).mean(),
)
luck.wrong(
    "counts not divided",
    r"fraction|divide|\bn\b",
    lambda d, n, p: p - d.min(1).values.double().mean(),
)
luck.right("NumPy", lambda d, n, p: p - (np.array(d).min(axis=1) / n).mean())
luck.right("axis=", lambda d, n, p: p - (d.min(axis=1).values / n).mean())
luck.right("np.min of the tensor", lambda d, n, p: p - np.min(d.numpy(), axis=1).mean() / n)
luck.right("amin", lambda d, n, p: (p - d.amin(1) / n).mean())
luck.right("lists", lambda d, n, p: p - sum(min(row) / n for row in d.tolist()) / len(d))
luck.right("np.mean of a method", lambda d, n, p: np.mean(p - d.numpy().min(1) / n))

order = about("check_shrinking")
order.wrong(
    "equal steps allowed", r"same size|equal", lambda s: all(a >= b for a, b in pairwise(s))
)
order.wrong(
    "growing", r"grow|larger|order|other way", lambda s: all(a < b for a, b in pairwise(s))
)
order.wrong("any step", r"each|every|one|any", lambda s: any(a > b for a, b in pairwise(s)))
order.wrong(
    "first and last only", r"between|each|every|first and last|ends", lambda s: s[0] > s[-1]
)
order.wrong(
    "the first step only",
    r"first|each|every",
    lambda s: s[0] > s[1] if len(s) > 1 else True,
)
order.wrong("a step for a step", r"each|step", lambda s: [a > b for a, b in pairwise(s)])
order.wrong(
    "differences that shrink",
    r"differen|numbers themselves|sizes",
    lambda s: all(x > y for x, y in pairwise([a - b for a, b in pairwise(s)])),
)


def returns_early(sizes):
    for i in range(len(sizes) - 1):
        return sizes[i] > sizes[i + 1]
    return True


order.wrong("returns in the first round of the loop", r"first|each|every", returns_early)
order.wrong(
    "equal to the sorted list",
    r"same size|equal",
    lambda s: list(s) == sorted(s, reverse=True),
)
order.wrong(
    "not shrinking",
    r"not|other way|opposite|turn",
    lambda s: not all(a > b for a, b in pairwise(s)),
)
order.wrong(
    "the last step forgotten",
    r"last|student",
    lambda s: all(s[i] > s[i + 1] for i in range(len(s) - 2)),
)
order.right("sorted and a set", lambda s: list(s) == sorted(set(s), reverse=True))
order.right("NumPy", lambda s: (np.diff(s) < 0).all())
order.right("torch", lambda s: (torch.tensor(s).diff() < 0).all())


def early_false(sizes):
    before = float("inf")
    for size in sizes:
        if size >= before:
            return False
        before = size
    return True


order.right("a loop that leaves at the first fault", early_false)

even = about("check_even_steps")


def powers(t, s, n, parts=None, ends=range):
    f = (s / t) ** (1 / (parts if parts is not None else n + 1))
    return [t * f**i for i in range(1, n + 1)]


even.wrong(
    "equal differences",
    r"differences|factor",
    lambda t, s, n: [t + (s - t) * i / (n + 1) for i in range(1, n + 1)],
)
even.wrong(
    "n steps instead of n + 1",
    r"n \+ 1|steps|reach|one more",
    lambda t, s, n: powers(t, s, n, n),
)
even.wrong(
    "from small to large",
    r"order|large to small|largest",
    lambda t, s, n: powers(t, s, n)[::-1],
)
even.wrong(
    "with the ends",
    r"ends|between|teacher and student|shape",
    lambda t, s, n: [t, *powers(t, s, n), s],
)
even.wrong("rounded", r"round", lambda t, s, n: [round(x) for x in powers(t, s, n)])
even.wrong(
    "cut to whole numbers",
    r"round|whole",
    lambda t, s, n: [int(x) for x in powers(t, s, n)],
)
even.wrong(
    "the factor divided instead of its root",
    r"root",
    lambda t, s, n: [t * ((s / t) / (n + 1)) ** i for i in range(1, n + 1)],
)
even.wrong(
    "begins with the teacher",
    r"teacher",
    lambda t, s, n: [t * (s / t) ** (i / (n + 1)) for i in range(n)],
)
even.wrong(
    "each half of the one before",
    r"half|halv|student|factor",
    lambda t, s, n: [t / 2**i for i in range(1, n + 1)],
)
even.wrong(
    "the factors instead of the sizes",
    r"factor|sizes|teacher",
    lambda t, s, n: [(s / t) ** (i / (n + 1)) for i in range(1, n + 1)],
)
even.wrong(
    "growing from the student upwards",
    r"order|large to small|largest",
    lambda t, s, n: [s * (t / s) ** (i / (n + 1)) for i in range(1, n + 1)],
)
even.wrong(
    "n - 1 steps",
    r"n \+ 1|steps|reach|one more",
    lambda t, s, n: powers(t, s, n, max(n - 1, 1)),
)
even.wrong(
    "two slips: equal differences, with the ends",
    (r"differences|factor", r"ends|between|teacher and student"),
    lambda t, s, n: [t + (s - t) * i / (n + 1) for i in range(n + 2)],
)
even.right("geomspace", lambda t, s, n: np.geomspace(t, s, n + 2)[1:-1])
even.right("logspace", lambda t, s, n: np.logspace(np.log10(t), np.log10(s), n + 2)[1:-1])
even.right(
    "logarithms in torch",
    lambda t, s, n: torch.linspace(math.log(t), math.log(s), n + 2, dtype=torch.float64)[
        1:-1
    ].exp(),
)


def step_by_step(teacher, student, n):
    factor = (student / teacher) ** (1 / (n + 1))
    sizes = []
    size = teacher
    for _ in range(n):
        size = size * factor
        sizes.append(size)
    return sizes


even.right("step by step", step_by_step)


kept = about("check_kept_checkpoints")


def stepping(weights, gradients, rate, keep, *, before=False, sign=-1, own=True):
    now, states = (weights.clone() if own else weights), []
    for gradient in gradients:
        if before:
            states.append(keep(now))
        now += sign * rate * gradient
        if not before:
            states.append(keep(now))
    return states


def copied(x):
    return x.clone()


kept.wrong(
    "as it was given: one tensor in all rows",
    r"as it was given",
    lambda w, g, r: torch.stack(stepping(w, g, r, lambda x: x)),
)
kept.wrong(
    "detach shares its memory",
    r"as it was given",
    lambda w, g, r: torch.stack(stepping(w, g, r, lambda x: x.detach())),
)
kept.wrong(
    "a view shares its memory",
    r"as it was given",
    lambda w, g, r: torch.stack(stepping(w, g, r, lambda x: x[:])),
)
kept.wrong(
    "kept before the step",
    r"before|after",
    lambda w, g, r: torch.stack(stepping(w, g, r, copied, before=True)),
)
kept.wrong(
    "uphill",
    r"uphill|subtract|sign",
    lambda w, g, r: torch.stack(stepping(w, g, r, copied, sign=1)),
)
kept.wrong(
    "the last state alone", r"last|row", lambda w, g, r: stepping(w, g, r, copied)[-1]
)
kept.wrong(
    "with the start",
    r"too many|before the first|start",
    lambda w, g, r: torch.stack([w.clone(), *stepping(w, g, r, copied)]),
)
kept.right("cumulated", lambda w, g, r: w - r * g.cumsum(dim=0))
kept.right("a copy of each", lambda w, g, r: torch.stack(stepping(w, g, r, copied)))
