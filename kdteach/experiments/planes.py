"""Features on the plane of three classes, and how tight their clusters are there."""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.checks import shown

__all__ = ["looseness", "on_plane"]


def on_plane(features: Tensor, templates: Tensor) -> Tensor:
    """Project features on the plane through the directions of three classes.

    Args:
        features: (N, D) what the last layer gets.
        templates: (3, D) the last layer's weights of three classes, not on one line.

    Returns:
        (N, 2) coordinates on an orthonormal basis of the plane; its origin is the mean of
        the templates.

    Raises:
        ValueError: other shapes.

    Source: Mueller, Kornblith and Hinton (2019), section 2.
    """
    if features.dim() != 2 or templates.shape != (3, features.shape[-1]):
        raise ValueError(
            f"features must be (N, D) and templates (3, D), got {tuple(features.shape)} "
            f"and {tuple(templates.shape)}"
        )
    edges = (templates[1:] - templates[0]).T
    basis: Tensor = torch.linalg.qr(edges).Q
    return (features - templates.mean(dim=0)) @ basis


def looseness(points: Tensor, labels: Tensor) -> float:
    """How wide the clusters are, beside the distance between them.

    Args:
        points: (N, D) floating-point.
        labels: (N,) classes, two or more, each with two points or more.

    Returns:
        The root of the mean over the classes of the mean squared distance to the class's
        centre, divided by the mean distance between two centres.

    Raises:
        TypeError: points or labels are no tensors.
        ValueError: other shapes, or one class.
    """
    if not isinstance(points, Tensor) or not isinstance(labels, Tensor):
        raise TypeError(f"points and labels must be tensors, got {shown(points)}")
    if points.dim() != 2 or labels.shape != points.shape[:1]:
        raise ValueError(
            f"points must be (N, D) and labels (N,), got {tuple(points.shape)} and "
            f"{tuple(labels.shape)}"
        )
    centres, within = [], []
    for c in labels.unique():
        own = points[labels == c]
        centres.append(own.mean(dim=0))
        within.append(((own - own.mean(dim=0)) ** 2).sum(dim=1).mean())
    if len(centres) < 2:
        raise ValueError("labels must be of two classes or more, got one")
    apart = torch.pdist(torch.stack(centres)).mean()
    return float(torch.stack(within).mean().sqrt() / apart)
