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
