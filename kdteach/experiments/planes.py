"""Features on the plane of three classes, and how tight their clusters are there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_list, shown
from kdteach.types import Split

__all__ = ["class_points", "last_layer_inputs", "looseness", "on_plane", "turned"]

_CLASSES = 3  # three templates span a plane


def last_layer_inputs(network: nn.Sequential, images: Tensor) -> Tensor:
    """What the last layer of a network gets: its penultimate activations.

    Args:
        network: its last layer is linear, as ``kd.build("fc-128")`` makes it; in the mode
            in which it is to be asked.
        images: (N, C, H, W).

    Returns:
        (N, D), without gradients.

    Raises:
        TypeError: the network is no ``nn.Sequential`` that ends in an ``nn.Linear``.
    """
    if not isinstance(network, nn.Sequential) or not isinstance(network[-1], nn.Linear):
        raise TypeError(
            "network must be an nn.Sequential that ends in an nn.Linear, got "
            f"{type(network).__name__}"
        )
    with torch.no_grad():
        inputs: Tensor = network[:-1](images)
    return inputs


def class_points(
    network: nn.Sequential, split: Split, classes: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The images of three classes, on the plane of the three classes' templates.

    Args:
        network: as for ``last_layer_inputs``.
        split: images and labels; those of other classes are left out.
        classes: three of them.

    Returns:
        Points (M, 2), as ``on_plane`` gives them, and labels (M,).

    Raises:
        TypeError: the network is of another kind.
        ValueError: other than three classes, or one that the network does not have.
    """
    features = last_layer_inputs(network, split.images)
    weight = network[-1].get_parameter("weight").detach()
    chosen = [
        check_count("classes", c, least=0, most=len(weight) - 1)
        for c in check_list("classes", classes, "classes")
    ]
    if len(chosen) != _CLASSES:
        raise ValueError(f"classes must be three, got {shown(classes)}")
    wanted = torch.tensor(chosen, device=split.labels.device)
    own = torch.isin(split.labels, wanted)
    return on_plane(features, weight[chosen])[own], split.labels[own]


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


def turned(points: Tensor, labels: Tensor, like: Tensor, like_labels: Tensor) -> Tensor:
    """Turn a picture, mirrored where need be, until its classes lie as in another one.

    The basis of a plane is arbitrary, so that two networks show one class above and below.
    A rotation or reflection of the plane changes no distance in it.

    Args:
        points: (N, 2) floating-point.
        labels: (N,) their classes.
        like: (M, 2) the picture to be turned to, of the same dtype.
        like_labels: (M,) its classes, the same as in ``labels``, two or more.

    Returns:
        (N, 2) points, moved so that the mean of the class centres is the origin, and turned
        so that the centres lie as near to those of ``like`` as they can.

    Raises:
        ValueError: other shapes, other classes, or only one class.

    Source: P. H. Schoenemann, Psychometrika 31 (1966) 1-10, the orthogonal Procrustes
    problem.
    """
    for name, given, own in (("points", points, labels), ("like", like, like_labels)):
        if given.dim() != 2 or given.shape[1] != 2 or own.shape != given.shape[:1]:
            raise ValueError(
                f"{name} must be (N, 2) with labels (N,), got {tuple(given.shape)} and "
                f"{tuple(own.shape)}"
            )
    classes = labels.unique().tolist()
    if len(classes) < 2 or classes != like_labels.unique().tolist():
        raise ValueError(
            f"both pictures must have the same two classes or more, got {classes} and "
            f"{like_labels.unique().tolist()}"
        )
    own_centres, goal = (
        torch.stack([given[own == c].mean(dim=0) for c in classes])
        for given, own in ((points, labels), (like, like_labels))
    )
    middle = own_centres.mean(dim=0)
    left, _, right = torch.linalg.svd((own_centres - middle).T @ (goal - goal.mean(dim=0)))
    moved: Tensor = (points - middle) @ (left @ right)
    return moved


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
