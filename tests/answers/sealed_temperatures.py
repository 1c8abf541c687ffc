"""Sealed answers on temperatures. Written before reading the checks."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from tests.answers import about

# --- soft targets -------------------------------------------------------------

soft = about("check_soft_targets")


def below_the_largest(logits):
    return logits - logits.amax(dim=1, keepdim=True)


def scaled(weights):
    return weights / weights.sum(dim=1, keepdim=True)


def columns_after_rows(logits, temperature):
    weights = (below_the_largest(logits) / temperature).exp()
    return weights / weights.sum(dim=0)


def nan_to_one(logits, temperature):
    return torch.nan_to_num(scaled((logits / temperature).exp()), nan=1.0)


def root_of_plain(logits, temperature):
    plain = scaled(below_the_largest(logits).exp())
    return scaled(plain ** (1 / temperature))


def softened_below(logits, temperature):
    shifted = below_the_largest(logits)
    return shifted.exp() / (shifted / temperature).exp().sum(dim=1, keepdim=True)


def absolute_largest(logits, temperature):
    largest = logits.abs().amax(dim=1, keepdim=True)
    return scaled(((logits - largest) / temperature).exp())


def divided_by_the_largest(logits, temperature):
    largest = logits.abs().amax(dim=1, keepdim=True)
    return scaled((logits / largest / temperature).exp())


def whole_temperature(logits, temperature):
    return scaled((below_the_largest(logits) / max(int(temperature), 1)).exp())


def mixed_with_equal_shares(logits, temperature):
    plain = scaled(below_the_largest(logits).exp())
    return plain / temperature + (1 - 1 / temperature) / logits.shape[1]


soft.wrong("rows shifted, columns scaled", r"columns sum to 1", columns_after_rows)
soft.wrong("NaN replaced", r"overflow is still there", nan_to_one)
soft.wrong("the root of plain probabilities", r"underflow to 0, and no root", root_of_plain)
soft.wrong("T in the sum alone", r"sum below alone", softened_below)
soft.wrong("the largest absolute value", r"largest absolute", absolute_largest)
soft.wrong("divided by the largest", r"divide by the largest logit", divided_by_the_largest)
soft.wrong("T cut", r"cut to a whole number", whole_temperature)
soft.wrong("mixed with equal shares", r"label smoothing", mixed_with_equal_shares)
soft.wrong(
    "cut off above",
    r"If you cut the logits off",
    lambda z, t: scaled((z / t).clamp(max=80).exp()),
)
soft.wrong(
    "rounded down",
    r"rounds down",
    lambda z, t: scaled((below_the_largest(z) // t).exp()),
)
soft.wrong(
    "scaled by F.normalize as it comes",
    r"sum of squares",
    lambda z, t: F.normalize((below_the_largest(z) / t).exp()),
)
soft.wrong(
    "times T squared",
    r"factor belongs to the loss",
    lambda z, t: t * t * (z / t).softmax(1),
)
soft.wrong(
    "never colder than 1",
    r"never is below 1",
    lambda z, t: scaled((below_the_largest(z) / max(t, 1)).exp()),
)
soft.wrong(
    "powers of 10",
    r"powers of 10",
    lambda z, t: scaled(10 ** (below_the_largest(z) / t)),
)
soft.right(
    "from all differences",
    lambda z, t: 1 / ((z[:, None, :] - z[:, :, None]) / t).exp().sum(dim=2),
)
soft.right(
    "normalised, the largest found by sorting",
    lambda z, t: F.normalize(((z - z.sort(1).values[:, -1:]) / t).exp(), p=1),
)

# --- the temperature for a probability ---------------------------------------------

which = about("check_temperature_for")


def exchanged(probability, margin):
    return margin / math.log(probability / (1 - probability))


def root_not_scaled(margin, probability):
    return math.log(1 / (1 + math.exp(-margin))) / math.log(probability)


def by_the_sigmoid(margin, probability):
    plain = 1 / (1 + math.exp(-margin))
    return math.log(plain / (1 - plain)) / math.log(probability / (1 - probability))


def narrow_search(margin, probability):
    low, high = 0.1, 10
    for _ in range(60):
        middle = (low + high) / 2
        if 1 / (1 + math.exp(-margin / middle)) > probability:
            low = middle
        else:
            high = middle
    return middle


def best_tenth(margin, probability):
    def off(t):
        return abs(1 / (1 + math.exp(-margin / t)) - probability)

    return min((k / 10 for k in range(1, 101)), key=off)


which.wrong("exchanged", r"changed places", exchanged)
which.wrong("the root is not scaled", r"no power of the probability", root_not_scaled)
which.wrong("by the sigmoid", r"sigmoid of a large margin", by_the_sigmoid)
which.wrong("searched from 0.1 to 10", r"lies above 10", narrow_search)
which.wrong("the best of a hundred", r"that you tried", best_tenth)
which.wrong(
    "rounded odds",
    r"rounded before the logarithm",
    lambda m, p: m / math.log(round(p / (1 - p), 1)),
)
which.wrong("a straight line", r"straight line", lambda m, p: m / (4 * (p - 0.5)))
which.wrong(
    "logarithms divided",
    r"logarithm of a quotient",
    lambda m, p: m * math.log(1 - p) / math.log(p),
)
which.wrong("difference of probabilities", r"p - \(1 - p\)", lambda m, p: m / (2 * p - 1))
which.wrong("against one half", r"p with 1/2", lambda m, p: m / math.log(2 * p))
which.wrong(
    "logarithms added", r"add both log", lambda m, p: m / (math.log(p) + math.log(1 - p))
)
which.wrong(
    "torch's logarithm of a number", r"math", lambda m, p: m / torch.log(p / (1 - p))
)
which.right("by logit", lambda m, p: (m / torch.logit(torch.tensor(p).double())).item())
which.right("by atanh", lambda m, p: m / (2 * math.atanh(2 * p - 1)))

# --- the temperature at an entropy ---------------------------------------------------

entropy = about("check_temperature_at_entropy")


def searched(measure, nats, steps=60, near=0.0):
    low, high = 0.01, 1000
    for _ in range(steps):
        middle = (low + high) / 2
        found = float(measure(middle))
        if abs(found - nats) <= near:
            break
        if found < nats:
            low = middle
        else:
            high = middle
    return middle


def each(p):
    return torch.special.entr(p).sum(dim=1)


def of(measure):
    return lambda z, h: searched(lambda t: measure((z / t).softmax(1)), h)


def one_temperature_each(logits, nats):
    alone = [searched(lambda t, z=z: each((z[None] / t).softmax(1)), nats) for z in logits]
    return float(np.mean(alone))


def from_a_table(logits, nats):
    grid = np.geomspace(0.01, 1000, 50)
    found = np.array([float(each((logits / t).softmax(1)).mean()) for t in grid])
    return float(grid[np.abs(found - nats).argmin()])


def plain_root(logits, nats):
    plain = logits.softmax(1)

    def measure(t):
        root = plain ** (1 / t)
        return each(root / root.sum(dim=1, keepdim=True)).mean()

    return searched(measure, nats)


entropy.wrong(
    "mean over classes, too", r"sum over the classes", of(lambda p: each(p).mean() / 4)
)
entropy.wrong(
    "the surest class alone", r"a part of it", of(lambda p: -p.amax(1).log().mean())
)
entropy.wrong(
    "twice a softmax",
    r"softmax too many",
    of(lambda p: -(p * p.log_softmax(1)).sum(1).mean()),
)
entropy.wrong(
    "the mean logits",
    r"averaged the logits",
    lambda z, h: searched(lambda t: each((z.mean(0, keepdim=True) / t).softmax(1)), h),
)
entropy.wrong(
    "ten halvings",
    r"each halving",
    lambda z, h: searched(lambda t: each((z / t).softmax(1)).mean(), h, steps=10),
)
entropy.wrong(
    "near enough",
    r"near enough",
    lambda z, h: searched(lambda t: each((z / t).softmax(1)).mean(), h, near=0.02),
)
entropy.wrong("one temperature each", r"for every image", one_temperature_each)
entropy.wrong("from a table", r"best of some temperatures", from_a_table)
entropy.wrong(
    "the wrong half",
    r"wrong half",
    lambda z, h: searched(lambda t: -each((z / t).softmax(1)).mean(), h),
)
entropy.wrong(
    "softmax over the images",
    r"over the images",
    lambda z, h: searched(lambda t: each((z / t).softmax(0)).mean(), h),
)
entropy.wrong(
    "1 - the sum of squares", r"sum of squares", of(lambda p: 1 - (p * p).sum(1).mean())
)
entropy.wrong("the doubt", r"1 minus the largest", of(lambda p: 1 - p.amax(1).mean()))
entropy.wrong(
    "the least sure image", r"largest, or the last, of", of(lambda p: each(p).max())
)
entropy.wrong("the root of plain", r"no root brings them back", plain_root)
entropy.wrong(
    "multiplied by T",
    r"T multiplies",
    lambda z, h: searched(lambda t: each((z * t).softmax(1)).mean(), h),
)
entropy.right(
    "through a Categorical",
    lambda z, h: searched(
        lambda t: torch.distributions.Categorical(logits=z / t).entropy().mean(), h, 100
    ),
)
entropy.right("by xlogy", of(lambda p: -p.xlogy(p).sum(dim=1).mean()))
