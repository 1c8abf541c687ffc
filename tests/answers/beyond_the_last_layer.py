"""Answers to the exercises of *Features* and *Relations*."""

import torch
from torch.nn import functional as F

from tests.answers import about

attention = about("check_attention_map")
hint = about("check_hint")
repaired = about("check_repaired_attention")
similar = about("check_similarities")
distances = about("check_relative_distances")
loss = about("check_repaired_similarity")

attention.right(
    "by normalize", lambda m: F.normalize((m * m).sum(1).reshape(len(m), -1), dim=-1)
)
attention.right(
    "by einsum",
    lambda m: torch.stack(
        [(e := torch.einsum("chw,chw->hw", x, x).ravel()) / e.norm() for x in m]
    ),
)
attention.wrong(
    "mean of the channels, then squared", r"first", lambda m: F.normalize(
        m.mean(1).pow(2).flatten(1)
    ),
)  # fmt: skip
attention.wrong("not squared", r"square", lambda m: F.normalize(m.mean(1).flatten(1)))
attention.wrong("no length", r"length", lambda m: m.pow(2).mean(1).flatten(1))
attention.wrong(
    "over the positions", r"channels",
    lambda m: F.normalize(m.square().mean(dim=(-1, -2))),
)  # fmt: skip


def to_sum(m):
    rows = m.square().mean(1).flatten(1)
    return rows / rows.sum(1)[:, None]


attention.wrong("a share of the sum", r"sum", to_sum)
attention.wrong(
    "still a map", r"row", lambda m: F.normalize(m.pow(2).mean(1).flatten(1)).view(
        len(m), *m.shape[2:]
    ),
)  # fmt: skip
attention.wrong(
    "the batch's length", r"batch|own",
    lambda m: m.square().mean(1).flatten(1) / m.square().mean(1).norm(),
)  # fmt: skip

hint.right(
    "as a convolution", lambda s, t, w: F.mse_loss(F.conv2d(s, w[:, :, None, None]), t)
)
hint.right(
    "channels last",
    lambda s, t, w: ((s.movedim(1, -1) @ w.T - t.movedim(1, -1)) ** 2).mean(),
)


def apart(s, t, w):
    return F.conv2d(s, w[:, :, None, None]) - t


hint.wrong("summed", r"sum", lambda s, t, w: apart(s, t, w).pow(2).sum())
hint.wrong(
    "per image", r"images", lambda s, t, w: apart(s, t, w).pow(2).flatten(1).sum(1).mean()
)
hint.wrong(
    "as the paper has it", r"paper|half",
    lambda s, t, w: apart(s, t, w).pow(2).flatten(1).sum(1).mean() / 2,
)  # fmt: skip
hint.wrong("absolute", r"squares", lambda s, t, w: apart(s, t, w).abs().mean())
hint.wrong("root of the mean", r"root", lambda s, t, w: apart(s, t, w).pow(2).mean() ** 0.5)
hint.wrong("half of the mean", r"half", lambda s, t, w: apart(s, t, w).pow(2).mean() / 2)


def q(m):
    return F.normalize(m.pow(2).mean(1).flatten(1))


repaired.right("by mse_loss", lambda s, t: F.mse_loss(q(s), q(t)))
repaired.right(
    "by the cosine",
    lambda s, t: (
        (
            2
            - 2
            * F.cosine_similarity(s.pow(2).sum(1).flatten(1), t.pow(2).sum(1).flatten(1))
        )
        .div(s[0, 0].numel())
        .mean()
    ),
)


def late(m):
    return F.normalize(m.mean(1).pow(2).flatten(1))


def whole(m):
    rows = m.pow(2).mean(1).flatten(1)
    return rows / rows.norm()


repaired.wrong("one repaired", r"cancel|square", lambda s, t: F.mse_loss(late(s), late(t)))
repaired.wrong(
    "the other repaired", r"batch|own", lambda s, t: F.mse_loss(whole(s), whole(t))
)
repaired.wrong(
    "no length at all", r"length",
    lambda s, t: F.mse_loss(s.pow(2).mean(1).flatten(1), t.pow(2).mean(1).flatten(1)),
)  # fmt: skip
repaired.wrong("summed", r"sum", lambda s, t: (q(s) - q(t)).pow(2).sum())
repaired.wrong("turned", r"sign", lambda s, t: -F.mse_loss(q(s), q(t)))

similar.right("by normalize", lambda f: F.normalize(f @ f.T, dim=1))
similar.right(
    "row by row",
    lambda f: torch.stack([(f @ x) / torch.linalg.vector_norm(f @ x) for x in f]),
)
similar.wrong("cosines", r"cosine", lambda f: F.normalize(f) @ F.normalize(f).T)
similar.wrong("products", r"length", lambda f: f @ f.T)
similar.wrong("features compared", r"images|rows", lambda f: F.normalize(f.T @ f))
similar.wrong("columns of length 1", r"row", lambda f: F.normalize(f @ f.T, dim=0))
similar.wrong("the matrix of length 1", r"own", lambda f: f @ f.T / (f @ f.T).norm())


def pairwise(e):
    return torch.stack([torch.stack([(a - b).norm() for b in e]) for a in e])


def relative(e):
    d = pairwise(e)
    return d / (d.sum() / (len(e) * (len(e) - 1)))


distances.right("two loops", relative)
distances.right("pdist for the mean", lambda e: torch.cdist(e, e) / torch.pdist(e).mean())
distances.wrong(
    "zeros in the mean", r"itself|0", lambda e: pairwise(e) / pairwise(e).mean()
)
distances.wrong("no mean", r"mean", pairwise)
distances.wrong("largest", r"largest", lambda e: pairwise(e) / pairwise(e).max())
distances.wrong(
    "squares", r"root|square",
    lambda e: pairwise(e) ** 2 / (torch.pdist(e) ** 2).mean(),
)  # fmt: skip
distances.wrong("of unit vectors", r"length 1", lambda e: relative(F.normalize(e)))


def g(x):
    return F.normalize(x @ x.T)


loss.right("by mse_loss", lambda s, t: F.mse_loss(g(s), g(t.detach())))
loss.right(
    "by the trace", lambda s, t: ((g(s) - g(t)) @ (g(s) - g(t)).T).trace() / len(s) ** 2
)
loss.wrong(
    "still features", r"features|images",
    lambda s, t: F.mse_loss(F.normalize(s.T @ s), F.normalize(t.T @ t)),
)  # fmt: skip
loss.wrong(
    "still one length", r"own|each row",
    lambda s, t: F.mse_loss(s @ s.T / (s @ s.T).norm(), t @ t.T / (t @ t.T).norm()),
)  # fmt: skip
loss.wrong("no length", r"length", lambda s, t: F.mse_loss(s @ s.T, t @ t.T))
loss.wrong("summed", r"sum", lambda s, t: (g(s) - g(t)).pow(2).sum())
loss.wrong(
    "divided by N", r"number of images", lambda s, t: (g(s) - g(t)).pow(2).sum() / len(s)
)
loss.wrong("absolute", r"absolute", lambda s, t: (g(s) - g(t)).abs().mean())
