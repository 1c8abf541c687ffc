"""Answers to the exercises on chains: as soft as another teacher, the work of a chain."""

import math

from tests.answers import about, wrong


@wrong("check_matching_softness", "counts the label among the others", r"classes - 1")
def _(lead, rest, classes):
    return lead / math.log(classes * (1 - rest) / rest)


@wrong(
    "check_matching_softness",
    "forgets that there are several others",
    r"one other class",
)
def _(lead, rest, classes):
    return lead / math.log((1 - rest) / rest)


@wrong("check_matching_softness", "turns the odds upside down", r"upside down")
def _(lead, rest, classes):
    return lead / math.log((classes - 1) * rest / (1 - rest))


@wrong("check_matching_softness", "returns 1 / T", r"1 / T")
def _(lead, rest, classes):
    return math.log((classes - 1) * (1 - rest) / rest) / lead


@wrong("check_matching_softness", "takes the logarithm to base 10", r"base 10")
def _(lead, rest, classes):
    return lead / math.log10((classes - 1) * (1 - rest) / rest)


@wrong("check_matching_softness", "takes the logarithm to base 2", r"base 2")
def _(lead, rest, classes):
    return lead / math.log2((classes - 1) * (1 - rest) / rest)


@wrong(
    "check_matching_softness",
    "forgets that the label itself gets 1 - rest",
    r"odds",
)
def _(lead, rest, classes):
    return lead / math.log((classes - 1) / rest)


def halving(lead, rest, classes):
    low, high = 1e-6, 1e6
    for _ in range(200):
        T = (low * high) ** 0.5
        others = (classes - 1) * math.exp(-lead / T)
        if others / (1 + others) < rest:
            low = T
        else:
            high = T
    return T


def logarithms(lead, rest, classes):
    return lead / (math.log(classes - 1) + math.log1p(-rest) - math.log(rest))


@wrong(
    "check_chain_flops",
    "lets the student answer for nobody",
    r"teaches nobody",
)
def _(sizes, images, epochs):
    return 6 * sum(sizes) * images * epochs + 2 * sum(sizes) * images


@wrong(
    "check_chain_flops",
    "computes the soft targets again in every epoch",
    r"once and kept",
)
def _(sizes, images, epochs):
    return (6 * sum(sizes) + 2 * sum(sizes[:-1])) * images * epochs


@wrong("check_chain_flops", "leaves the answers out", r"left out the answers")
def _(sizes, images, epochs):
    return 6 * sum(sizes) * images * epochs


@wrong("check_chain_flops", "trains with a forward pass alone", r"counted one")
def _(sizes, images, epochs):
    return 2 * sum(sizes) * images * epochs + 2 * sum(sizes[:-1]) * images


@wrong("check_chain_flops", "asks the teacher alone for soft targets", r"not the first")
def _(sizes, images, epochs):
    return 6 * sum(sizes) * images * epochs + 2 * sizes[0] * images


@wrong("check_chain_flops", "answers with the cost of three passes", r"forward pass alone")
def _(sizes, images, epochs):
    return 6 * sum(sizes) * images * epochs + 6 * sum(sizes[:-1]) * images


def one_by_one(sizes, images, epochs):
    work = 0
    for place, size in enumerate(sizes):
        work += 3 * 2 * size * images * epochs
        if place < len(sizes) - 1:
            work += 2 * size * images
    return work


def taken_away(sizes, images, epochs):
    whole = sum(sizes) * images * (6 * epochs + 2)
    return whole - 2 * sizes[-1] * images


softness = about("check_matching_softness")
softness.right("solves for T by halving", halving)
softness.right("adds logarithms", logarithms)
flops = about("check_chain_flops")
flops.right("goes through the networks one by one", one_by_one)
flops.right("takes the last answers away again", taken_away)
