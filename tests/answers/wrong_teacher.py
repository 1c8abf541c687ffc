"""Answers to the exercises of *Ways to get the teacher wrong*."""

import numpy as np
import torch

from tests.answers import about

rows = about("check_rows_in_order")


def placed(stored, order):
    table = torch.zeros_like(stored)
    table[order] = stored
    return table


rows.wrong("as it was given", r"as it stands|as it was given|nothing",
           lambda stored, order: stored[order])  # fmt: skip
rows.wrong("gathered", r"as it stands|as it was given",
           lambda s, order: torch.stack([s[int(i)] for i in order]))  # fmt: skip
rows.wrong("nothing is moved", r"nothing has moved", lambda stored, order: stored)
rows.wrong("the logits are sorted", r"sorted the logits",
           lambda stored, order: stored.sort(dim=0).values)  # fmt: skip
rows.wrong("turned round", r"last to first|upside|reverse",
           lambda stored, order: placed(stored, order).flip(0))  # fmt: skip
rows.wrong("columns", r"columns|argument", lambda stored, order: stored.flip(1))
rows.right("with argsort", lambda stored, order: stored[order.argsort()])
rows.right("in a loop", lambda stored, order: np.array(
    [stored[order.tolist().index(i)].numpy() for i in range(len(order))]
))  # fmt: skip

columns = about("check_columns_in_order")

columns.wrong("inverse", r"way from your order|in which column",
              lambda z, its, mine: z[:, [mine.index(name) for name in its]])  # fmt: skip
columns.wrong("nothing", r"as the teacher has them", lambda z, its, mine: z)
columns.wrong("alphabetical", r"sorted by name",
              lambda z, its, mine: z[:, np.argsort(its).tolist()])  # fmt: skip
columns.wrong("probabilities", r"logits are asked|probabilit",
              lambda z, its, mine: z[:, list(map(its.index, mine))].softmax(1))  # fmt: skip
columns.wrong("rows", r"rows", lambda z, its, mine: z.flip(0))
columns.right("by a dictionary", lambda z, its, mine: z[
    :, [{name: i for i, name in enumerate(its)}[name] for name in mine]
])  # fmt: skip
columns.right("by stacking", lambda z, its, mine: torch.stack(
    [z[:, its.index(name)] for name in mine], dim=1
))  # fmt: skip
