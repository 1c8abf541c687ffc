"""Answers to the exercises of *Borrowed features*."""

import torch

from tests.answers import about

drift = about("check_drifted_mean")
drift.wrong("frozen", r"frozen", lambda s, b, m: s)
drift.wrong("mean of the batches", r"share", lambda s, b, m: sum(b) / len(b))
drift.wrong(
    "momentum as the optimiser has it", r"momentum", lambda s, b, m: _run(s, b, 1 - m)
)
drift.wrong("the last batch alone", r"last", lambda s, b, m: (1 - m) * s + m * b[-1])
drift.wrong("nothing is lost", r"lose|1 - momentum", lambda s, b, m: s + m * sum(b))
drift.wrong(
    "all batches at once",
    r"once|each batch",
    lambda s, b, m: (1 - m) * s + m * sum(b) / len(b),
)


def _run(stored, means, momentum):
    for mean in means:
        stored = stored + momentum * (mean - stored)
    return stored


def _by_torch(stored, means, momentum):
    norm = torch.nn.BatchNorm1d(1, momentum=momentum).double()
    norm.running_mean.fill_(stored)
    for mean in means:
        norm(torch.tensor([[mean - 1.0], [mean + 1.0]], dtype=torch.float64))
    return norm.running_mean.item()


drift.right("step by step", _run)
drift.right("PyTorch's own layer", _by_torch)

head = about("check_head_parameters")
head.wrong("no biases", r"bias", lambda f, o, c: (f * c, o * c))
head.wrong("the other way round", r"places", lambda f, o, c: (o * c + c, f * c + c))
head.wrong("one number", r"two numbers", lambda f, o, c: f * c + c)
head.wrong(
    "the old head counted as well", r"old head|alone",
    lambda f, o, c: (f * c + c, f * o + o + o * c + c),
)  # fmt: skip
head.wrong(
    "no biases, and the other way round",
    (r"bias", r"places"),
    lambda f, o, c: (o * c, f * c),
)


def _built(f, o, c):
    count = [sum(w.numel() for w in torch.nn.Linear(n, c).parameters()) for n in (f, o)]
    return tuple(count)


head.right("built and counted", _built)
head.right("factored", lambda f, o, c: [(f + 1) * c, (o + 1) * c])
