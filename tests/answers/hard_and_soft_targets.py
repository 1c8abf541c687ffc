"""Answers to the exercises of *Hard and soft targets*."""

import numpy as np
import torch
from torch.nn import functional as F

from tests.answers import about

second = about("check_runner_up")
second.wrong("the most likely class", r"surest|most likely", lambda p: p.argmax(dim=1))
second.wrong(
    "the probability, not the number", r"number", lambda p: p.topk(2, dim=1).values[:, 1]
)
second.wrong(
    "sorted upwards: the second least likely",
    r"least|smallest|upwards|ascending",
    lambda p: p.argsort(dim=1)[:, 1],
)
second.wrong(
    "kthvalue counts from below",
    r"least|smallest|below|ascending",
    lambda p: p.kthvalue(2, dim=1).indices,
)
second.wrong("the least likely class", r"least|smallest", lambda p: p.argmin(dim=1))
second.wrong(
    "the third, by counting from 1",
    r"third|from 0",
    lambda p: p.argsort(dim=1, descending=True)[:, 2],
)
second.wrong(
    "class numbers counted from 1", r"from 0", lambda p: p.topk(2, dim=1).indices[:, 1] + 1
)
second.wrong(
    "both of the best two", r"only|both|two numbers|one number", lambda p: p.topk(2).indices
)
second.wrong(
    "the second most likely image of each class",
    r"row|image|dim",
    lambda p: p.topk(2, dim=0).indices[1],
)
second.wrong(
    "the second row instead of the second column",
    r"row|column|image",
    lambda p: p.argsort(dim=1, descending=True)[1],
)


def without_the_best_by_value(p):
    q = p.clone()
    q[q == q.max()] = 0
    return q.argmax(dim=1)


second.wrong(
    "takes the largest of the whole table away",
    r"row|whole|table",
    without_the_best_by_value,
)


def with_a_loop(p):
    answer = []
    for row in p.tolist():
        best = max(row)
        place = row.index(best)
        row[place] = -1
        answer.append(row.index(max(row)))
    return answer


second.right("a loop over lists", with_a_loop)
second.right("NumPy", lambda p: np.argsort(p.numpy(), axis=1)[:, -2])
second.right(
    "the largest hidden first",
    lambda p: p.scatter(1, p.argmax(1, keepdim=True), -1.0).argmax(1),
)
second.right("kthvalue from above", lambda p: p.kthvalue(p.shape[1] - 1, dim=1).indices)

dark = about("check_dark_knowledge")


def only_zero(p, y):
    rest = p.clone()
    rest[torch.arange(len(y)), y] = 0
    return rest


def surest_out(p, y):
    rest = p.scatter(1, p.argmax(1, keepdim=True), 0.0)
    return rest / rest.sum(1, keepdim=True)


def over_the_table(p, y):
    rest = only_zero(p, y)
    return rest / rest.sum()


def columns(p, y):
    rest = only_zero(p, y)
    return rest / rest.sum(dim=0)


def whole_columns(p, y):
    rest = p.clone()
    rest[:, y] = 0
    return rest / rest.sum(dim=1, keepdim=True)


def dropped(p, y):
    keep = F.one_hot(y, p.shape[1]) == 0
    rest = p[keep].reshape(len(p), -1)
    return rest / rest.sum(dim=1, keepdim=True)


def in_place(p, y):
    p[torch.arange(len(y)), y] = 0
    return p / p.sum(dim=1, keepdim=True)


def only_the_label(p, y):
    kept = p * F.one_hot(y, p.shape[1])
    return kept / kept.sum(dim=1, keepdim=True)


dark.wrong("the rest does not sum to 1 again", r"sum to 1", only_zero)
dark.wrong("removes the class the teacher is surest of", r"label", surest_out)
dark.wrong("divides by the sum of the whole table", r"row|whole", over_the_table)
dark.wrong("divides by the sums of columns", r"row|column", columns)
dark.wrong("removes the column from every row", r"row|column", whole_columns)
dark.wrong("drops the class: one column less", r"zero|column|\b0\b|keep", dropped)
dark.wrong("changes its argument", r"in place", in_place)
dark.wrong("keeps the label and removes the rest", r"label|keeps|other way", only_the_label)
dark.wrong(
    "a softmax of the rest",
    r"softmax",
    lambda p, y: torch.softmax(only_zero(p, y), dim=1),
)
dark.wrong(
    "divides by 1 - p of the label, which is lost to rounding",
    r"round|1 -|digits|subtract|sum of (the rest|what)",
    lambda p, y: only_zero(p, y) / (1 - p.gather(1, y[:, None])),
)
dark.wrong(
    "divides by 1 - the largest probability",
    r"label|largest|surest",
    lambda p, y: only_zero(p, y) / (1 - p.max(dim=1, keepdim=True).values),
)
dark.wrong(
    "two slips: the surest removed, no division",
    (r"label|surest", r"sum to 1"),
    lambda p, y: p.scatter(1, p.argmax(1, keepdim=True), 0.0),
)


def by_lists(p, y):
    rows = []
    for row, label in zip(p.tolist(), y.tolist(), strict=True):
        row[label] = 0.0
        total = sum(row)
        rows.append([value / total for value in row])
    return rows


dark.right("lists", by_lists)
dark.right(
    "a softmax of logarithms",
    lambda p, y: torch.softmax(p.log().scatter(1, y[:, None], -torch.inf), dim=1),
)
dark.right(
    "normalize with an eps of 0",
    lambda p, y: F.normalize(only_zero(p, y), p=1, dim=1, eps=0),
)


def by_numpy(p, y):
    rest = p.numpy().copy()
    rest[np.arange(len(y)), y.numpy()] = 0
    return rest / rest.sum(axis=1, keepdims=True)


dark.right("NumPy", by_numpy)
