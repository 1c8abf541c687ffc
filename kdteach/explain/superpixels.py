"""LIME: a simple model of the network around one image, on parts of the image."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from tqdm import tqdm

from kdteach.checks import (
    check_count,
    check_number,
    check_seed,
    check_switch,
    check_tensor,
    shown,
)
from kdteach.explain.maps import MOST, Maps, asked, prepared, warn_of
from kdteach.extras import require_extra
from kdteach.memory import require_memory
from kdteach.models import evaluation_mode
from kdteach.seeding import stream_seed

_Segments = NDArray[np.int64]
_Pixels = NDArray[np.float64]

_SWITCHES = 2**25
"""Samples times parts, at most: the fit then takes about 2 GB."""

_PIXELS = 2**28
"""Of an image that is cut into blocks."""

_IMPORTING = threading.Lock()


def blocks(height: int, width: int, cells: int) -> _Segments:
    """Cut an image into cells x cells blocks, as even as pixels allow.

    Args:
        height, width: pixels.
        cells: blocks a side, 1 to the smaller side.

    Returns:
        (height, width) int64, the number of each pixel's block.

    Raises:
        TypeError: a number that is no integer.
        ValueError: more blocks than pixels, or none; more than 268 million pixels.
    """
    height = check_count("height", height, most=_PIXELS)
    width = check_count("width", width, most=_PIXELS // height)
    cells = check_count("cells, the blocks a side,", cells, most=min(height, width))
    rows, columns = (np.arange(length) * cells // length for length in (height, width))
    numbered: _Segments = rows[:, None] * cells + columns
    return numbered.astype(np.int64)


def lime(
    model: nn.Module,
    image: Tensor,
    target: int | None = None,
    *,
    segments: int | str | Tensor | ArrayLike | None = None,
    samples: int = 1000,
    hide: float | None = None,
    batch_size: int = 128,
    seed: int = 0,
    progress: bool | None = None,
) -> Maps:
    """Which parts of the image speak for the class, by a linear model around the image.

    Parts are switched off at random; the class's probability is then fitted by a ridge
    regression on which parts were on, images with few parts off weighing most. Where
    switching changes nothing, as on an image of one colour, a warning says so.

    Args:
        model: (N, channels, H, W) -> (N, C) logits, asked in eval mode, mode restored.
        image: (channels, H, W) or (1, channels, H, W), float in [0, 1] or uint8; one or
            three channels; left as it is.
        target: the class; by default what the model says.
        segments: so many blocks a side, "quickshift", or (H, W) numbers of parts. By
            default blocks for grey images (7 a side, 4 below 28 pixels: quickshift finds
            next to nothing there) and quickshift for colour.
        samples: switched images, at least 2; times the number of parts 33 million at most.
        hide: value of what is switched off, in [0, 1]; by default the mean of each part.
            For digits give 0.0, black, which is what an empty place looks like there.
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
    samples = check_count("samples", samples, least=2, most=_SWITCHES)  # one fits anything
    batch_size = check_count("batch_size", batch_size, most=MOST)
    hide = None if hide is None else check_number("hide", hide, least=0, most=1)
    progress = None if progress is None else check_switch("progress", progress)
    seed = check_seed(seed)
    grey, label = pixels.shape[1] == 1, int(classes[0])
    cut = _cutter(segments, tuple(pixels.shape[2:]), grey, seed)
    picture = pixels[0].expand(3, -1, -1).permute(1, 2, 0).cpu().double().numpy()

    spread: list[float] = []

    def probabilities(batch: _Pixels) -> _Pixels:
        seen = torch.from_numpy(batch).to(pixels).permute(0, 3, 1, 2)
        with torch.inference_mode():
            logits = asked(model, seen[:, :1] if grey else seen)
        said: _Pixels = torch.softmax(logits.double(), dim=1).cpu().numpy()
        spread.extend(said[:, label].tolist())
        return said

    together = min(samples, batch_size)
    require_memory(
        f"batch_size: {together:,} images",
        64.0 * together * picture.shape[0] * picture.shape[1],
        "give a smaller batch_size",
    )
    explainer = _explainer(seed)
    explainer.data_labels = partial(_switched, explainer.random_state, progress)
    with evaluation_mode(model):
        explained = explainer.explain_instance(
            picture, probabilities, labels=(label,), top_labels=None, hide_color=hide,
            num_samples=samples, batch_size=batch_size, segmentation_fn=cut,
            random_seed=seed,
        )  # fmt: skip
    values = np.zeros(picture.shape[:2])
    for part, weight in explained.local_exp[label]:
        values[explained.segments == part] = weight
    varies = max(spread) - min(spread) > 1e-9
    if not varies:
        _warn(picture, explained.segments, hide)
    score = float(explained.score) if varies else float("nan")
    fit = torch.tensor([score], dtype=torch.float64, device="cpu")
    return Maps(torch.from_numpy(values)[None], classes, fit)


def _switched(
    random: np.random.RandomState,
    progress: bool | None,
    image: _Pixels,
    hidden: _Pixels,
    parts: _Segments,
    says: Callable[[_Pixels], _Pixels],
    count: int,
    batch_size: int,
) -> tuple[NDArray[np.int64], _Pixels]:
    """Draw which parts are on, and ask about the images in which the others are hidden.

    It stands in for the package's own loop, which goes through the parts of each image one
    by one and draws a bar that cannot be switched off.

    Args:
        random: draws the patterns.
        progress: as ``lime``.
        image: (H, W, 3).
        hidden: (H, W, 3), what takes its place.
        parts: (H, W), numbered from 0.
        says: (B, H, W, 3) -> (B, C) probabilities.
        count: number of patterns; in the first all parts are on.
        batch_size: images at a time.

    Returns:
        (count, parts) patterns of 0 and 1, and (count, C) probabilities.
    """
    number = int(parts.max()) + 1
    if count * number > _SWITCHES:
        raise ValueError(
            f"samples: {count:,} samples of {number:,} parts are {count * number:,} "
            f"switches, more than {_SWITCHES:,}: give fewer samples, or fewer segments"
        )
    patterns = random.randint(0, 2, count * number).reshape(count, number)
    patterns[0] = 1
    said = []
    with tqdm(total=count, disable=None if progress is None else not progress) as bar:
        for start in range(0, count, batch_size):
            on = patterns[start : start + batch_size].astype(bool)[:, parts]
            said.append(says(np.where(on[..., None], image, hidden)))
            bar.update(len(on))
    return patterns, np.concatenate(said)


def _warn(image: _Pixels, parts: _Segments, hide: float | None) -> None:
    """Say why switching parts off changes nothing."""
    if hide is None:
        low = np.full((parts.max() + 1, image.shape[2]), np.inf)
        high = -low
        np.minimum.at(low, parts, image)
        np.maximum.at(high, parts, image)
        same = bool((low == high).all())
        remedy = "every part has one colour, its own mean: give hide=0.0, or another value"
    else:
        same = bool((image == hide).all())
        remedy = f"the whole image is {hide:g} already: give another value for hide"
    warn_of(
        [True],
        "switching parts off does not change the probability of the class, and the "
        f"weights mean nothing; {remedy if same else 'does the model look at the image?'}",
    )


def _explainer(seed: int) -> Any:
    # all parts take part in the fit: the package's own choice of some would fit twice
    return _package().LimeImageExplainer(
        random_state=_random_state(seed), feature_selection="none"
    )


def _package() -> Any:
    if "lime.lime_image" not in sys.modules:
        # in turn, for what threads do to the filters of warnings would mix
        with _IMPORTING, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm's notice that no widgets are installed
            require_extra("kdteach.explain.lime", "lime", "skimage")
            import lime.lime_image  # noqa: F401
    return sys.modules["lime.lime_image"]


def _random_state(seed: int) -> np.random.RandomState:
    """What the package asks for, which takes no seed above 32 bits."""
    small = seed if seed < 2**32 else stream_seed(seed, "lime") % 2**32
    return np.random.RandomState(small)


def _cutter(
    segments: int | str | Tensor | ArrayLike | None,
    shape: tuple[int, ...],
    grey: bool,
    seed: int,
) -> Callable[[NDArray[np.float64]], _Segments]:
    """From an image to its parts, numbered from 0."""
    height, width = shape
    if segments is None:
        segments = (7 if min(shape) >= 28 else 4) if grey else "quickshift"
    if isinstance(segments, str):
        if segments != "quickshift":
            raise ValueError(f"unknown segments {segments!r}; known is 'quickshift'")
        return partial(_quickshift, seed=seed)
    if isinstance(segments, Integral) and not isinstance(segments, bool):
        cells = check_count("segments, blocks a side,", segments, most=min(shape))
        parts = blocks(height, width, cells)
    else:
        given = _numbers(segments)
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


def _numbers(segments: object) -> NDArray[Any]:
    """An array of what the caller gave, whatever that is."""
    if isinstance(segments, Tensor):
        return check_tensor("segments", segments).detach().cpu().numpy()
    try:
        given = np.asarray(segments)
    except Exception as error:  # rows of unequal length, or an __array__ that fails
        raise ValueError(
            f"segments must cover the image: integers (H, W), got {shown(segments)}"
        ) from error
    if given.shape == ():
        raise TypeError(
            'segments must be a number of blocks a side, "quickshift", or integers (H, W), '
            f"got {shown(segments)}"
        )
    return given


def _quickshift(image: NDArray[np.float64], seed: int) -> _Segments:
    """Parts of like colour; with the package's settings on photographs."""
    require_extra("kdteach.explain.lime(segments='quickshift')", "skimage")
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
