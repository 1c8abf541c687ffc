"""Answers to the exercises of *Saliency* and *LIME* that came with the second edition."""

import numpy as np

from tests.answers import about

cam = about("check_grad_cam")
cam.wrong(
    "the function as it was given",
    r"place|cut|nothing has changed|as it was|same",
    lambda a, g: (a * g).clamp(min=0).sum(dim=0),
)
cam.wrong(
    "one weight, but cut map by map",
    r"early|map by map",
    lambda a, g: (g.mean(dim=(1, 2), keepdim=True) * a).relu().sum(dim=0),
)
cam.wrong(
    "cut at the end, but weights place by place",
    r"place|how many weights",
    lambda a, g: (a * g).sum(dim=0).relu(),
)
cam.wrong(
    "no ReLU", r"below 0|cut", lambda a, g: (g.mean((1, 2), keepdim=True) * a).sum(dim=0)
)
cam.wrong(
    "sum of the slopes instead of their mean",
    r"factor|mean|times",
    lambda a, g: (g.sum((1, 2), keepdim=True) * a).sum(dim=0).relu(),
)
cam.wrong(
    "mean over the maps",
    r"places|over the feature maps",
    lambda a, g: (g.mean(dim=0) * a).sum(dim=0).relu(),
)
cam.wrong(
    "absolute value instead of ReLU",
    r"absolute",
    lambda a, g: (g.mean((1, 2), keepdim=True) * a).sum(dim=0).abs(),
)
cam.right("einsum", lambda a, g: torch_einsum(a, g))
cam.right(
    "NumPy",
    lambda a, g: np.maximum(
        np.tensordot(g.numpy().mean(axis=(1, 2)), a.numpy(), axes=1), 0
    ),
)


def torch_einsum(a, g):
    import torch

    return torch.relu(torch.einsum("k,khw->hw", g.mean(dim=(1, 2)), a))


near = about("check_nearness")


def cosine(on):
    ones = on * 0 + 1
    length = on.norm(dim=1).clamp(min=1e-12) * ones.norm(dim=1)
    return 1 - (on * ones).sum(dim=1) / length


near.wrong(
    "the kernel of the paper",
    r"paper|2",
    lambda on, width: (-(cosine(on) ** 2) / width**2).exp(),
)
near.wrong(
    "Hamming distance",
    r"cosine",
    lambda on, width: (-((1 - on.mean(dim=1)) ** 2) / (2 * width**2)).exp(),
)
near.wrong(
    "Euclidean distance",
    r"cosine",
    lambda on, width: (-((1 - on).norm(dim=1) ** 2) / (2 * width**2)).exp(),
)
near.wrong(
    "similarity for distance",
    r"cosine itself|1 minus",
    lambda on, width: (-((1 - cosine(on)) ** 2) / (2 * width**2)).exp(),
)
near.wrong(
    "no minus", r"sign|grows", lambda on, width: (cosine(on) ** 2 / (2 * width**2)).exp()
)
near.wrong(
    "no square",
    r"square",
    lambda on, width: (-cosine(on) / (2 * width**2)).exp(),
)
near.right(
    "root of the paper's",
    lambda on, width: (-(cosine(on) ** 2) / width**2).exp() ** 0.5,
)
near.right(
    "NumPy",
    lambda on, width: np.exp(
        -0.5 * ((1 - np.sqrt(on.numpy().sum(axis=1) / on.shape[1])) / width) ** 2
    ),
)
