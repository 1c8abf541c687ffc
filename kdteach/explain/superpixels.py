"""LIME: a simple model of the network around one image, on parts of the image."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from tqdm import tqdm

from kdteach.explain.maps import Maps, asked, prepared
from kdteach.checks import check_count
from kdteach.models import evaluation_mode

_Segments = NDArray[np.int64]


def blocks(height: int, width: int, cells: int) -> _Segments:
    """Cut an image into cells x cells blocks, as even as pixels allow.

    Args:
        height, width: pixels.
        cells: blocks a side, 1 to the smaller side.

    Returns:
        (height, width) int64, the number of each pixel's block.

    Raises:
        ValueError: more blocks than pixels, or none.
    """
    if isinstance(cells, bool) or not 1 <= cells <= min(height, width):
        raise ValueError(
            f"blocks a side must lie in 1 to {min(height, width)}, got {cells!r}"
        )
    rows, columns = (np.arange(length) * cells // length for length in (height, width))
    numbered: _Segments = rows[:, None] * cells + columns
    return numbered.astype(np.int64)


def lime(
    model: nn.Module,
    image: Tensor,
    target: int | None = None,
    *,
    segments: int | str | ArrayLike | None = None,
    samples: int = 1000,
    hide: float | None = None,
    batch_size: int = 128,
    seed: int = 0,
    progress: bool | None = None,
) -> Maps:
    """Which parts of the image speak for the class, by a linear model around the image.

    Parts are switched off at random; the class's probability is then fitted by a ridge
    regression on which parts were on, images with few parts off weighing most.

    Args:
        model: (N, channels, H, W) -> (N, C) logits, asked in eval mode, mode restored.
        image: (channels, H, W) or (1, channels, H, W), float in [0, 1] or uint8; one or
            three channels.
        target: the class; by default what the model says.
        segments: so many blocks a side, "quickshift", or (H, W) numbers of parts. By
            default blocks for grey images (7 a side, 4 below 28 pixels: quickshift finds
            next to nothing there) and quickshift for colour.
        samples: switched images, at least 2.
        hide: value of what is switched off; by default the mean of each part. For digits
            give 0.0, black, which is what an empty place looks like there.
        batch_size: images at a time.
        seed: of parts and switches.
        progress: show a bar; by default where the output is a terminal.

    Returns:
        Maps of one image: values (1, H, W), the weight of each pixel's part, in
        probability; fit (1,), R squared of the linear model: weighted, on the patterns it
        was fitted to, NaN where the probability does not change.

    Raises:
        TypeError: wrong types.
        ValueError: an image, target, number or segments that cannot be; a model whose
            output is NaN or a probability.

    Source: Ribeiro, Singh and Guestrin 2016, arXiv:1602.04938, by the package ``lime``.
    """
    if isinstance(image, Tensor) and image.ndim == 3:
        image = image[None]
    pixels, classes = prepared(model, image, target)
    if len(pixels) != 1 or pixels.shape[1] not in (1, 3):
        raise ValueError(
            f"lime explains one image of 1 or 3 channels, got {tuple(image.shape)}"
        )
    check_count("samples", samples)
    check_count("batch_size", batch_size)
    if samples < 2:
        raise ValueError("samples must be at least 2: nothing can be fitted to one pattern")
    grey, label = pixels.shape[1] == 1, int(classes[0])
    cut = _cutter(segments, tuple(pixels.shape[2:]), grey, seed)
    shown = pixels[0].expand(3, -1, -1).permute(1, 2, 0).cpu().double().numpy()

    spread: list[float] = []

    def probabilities(batch: NDArray[np.float64]) -> NDArray[np.float64]:
        seen = torch.from_numpy(batch).to(pixels).permute(0, 3, 1, 2)
        with torch.inference_mode():
            logits = asked(model, seen[:, :1] if grey else seen)
        said: NDArray[np.float64] = torch.softmax(logits.double(), dim=1).cpu().numpy()
        spread.extend(said[:, label].tolist())
        return said

    with evaluation_mode(model), _bar(progress):
        explained = _explainer(seed).explain_instance(
            shown, probabilities, labels=(label,), top_labels=None, hide_color=hide,
            num_samples=samples, batch_size=batch_size, segmentation_fn=cut,
            random_seed=seed,
        )  # fmt: skip
    values = np.zeros(shown.shape[:2])
    for part, weight in explained.local_exp[label]:
        values[explained.segments == part] = weight
    varies = max(spread) - min(spread) > 1e-9
    score = float(explained.score) if varies else float("nan")
    fit = torch.tensor([score], dtype=torch.float64)
    return Maps(torch.from_numpy(values)[None], classes, fit)


def _explainer(seed: int) -> Any:
    # all parts take part in the fit: the package's own choice of some would fit twice
    return _package().LimeImageExplainer(
        random_state=_random_state(seed), feature_selection="none"
    )


def _package() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm's notice that no widgets are installed
        from lime import lime_image
    return lime_image


def _random_state(seed: int) -> np.random.RandomState:
    return np.random.RandomState(seed)  # what the package asks for


def _cutter(
    segments: int | str | ArrayLike | None, shape: tuple[int, ...], grey: bool, seed: int
) -> Callable[[NDArray[np.float64]], _Segments]:
    """From an image to its parts, numbered from 0."""
    height, width = shape
    if segments is None:
        segments = (7 if min(shape) >= 28 else 4) if grey else "quickshift"
    if isinstance(segments, str):
        if segments != "quickshift":
            raise ValueError(f"unknown segments {segments!r}; known is 'quickshift'")
        return partial(_quickshift, seed=seed)
    if isinstance(segments, Integral):
        parts = blocks(height, width, int(segments))
    else:
        given = np.asarray(segments)
        if given.shape != shape or not np.issubdtype(given.dtype, np.integer):
            raise ValueError(
                f"segments must cover the image: integers ({height}, {width}), got "
                f"{given.dtype} {given.shape}"
            )
        if given.min() < 0:
            raise ValueError(
                "segments must cover the image: a number below 0 stands for no part"
            )
        parts = np.unique(given, return_inverse=True)[1].reshape(shape)
    if parts.max() == 0:
        raise ValueError("segments must be at least two parts")
    return lambda _: parts


def _quickshift(image: NDArray[np.float64], seed: int) -> _Segments:
    """Parts of like colour; with the package's settings on photographs."""
    from skimage.segmentation import quickshift

    large = min(image.shape[:2]) >= 128  # below, these settings find one part
    kernel, reach = (4, 200) if large else (1, 6)
    parts: _Segments = quickshift(
        image, kernel_size=kernel, max_dist=reach, ratio=0.2, rng=seed
    )
    if parts.max() == 0:
        raise ValueError(
            "quickshift finds a single part in this image: give blocks, such as segments=7"
        )
    return parts


@contextmanager
def _bar(progress: bool | None) -> Iterator[None]:
    """The package always draws a bar: draw it as everywhere else in this house."""
    lime_image = _package()
    before = lime_image.tqdm
    lime_image.tqdm = partial(tqdm, disable=None if progress is None else not progress)
    try:
        yield
    finally:
        lime_image.tqdm = before
