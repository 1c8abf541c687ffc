"""The embedded default: 1,797 real handwritten digits of 8x8 pixels (UCI, scikit-learn)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from kdteach.data._splits import image_set
from kdteach.types import ImageSet

# The images stand in the file writer after writer: fourteen runs, each starting anew at 0
# to 9. The parts are cut between two runs, so that validation and test show new hands. Half
# of the runs are kept for testing: few errors on few images would decide nothing.
_VALID_FROM, _TEST_FROM = 646, 1029


def load_digits(
    root: str | Path | None = None, *, dtype: torch.dtype = torch.float32
) -> ImageSet:
    """Load scikit-learn's digits, split by writer.

    Args:
        root: must be None: the images come with scikit-learn.
        dtype: of the images.

    Returns:
        646 train, 383 valid and 768 test images (1, 8, 8), pixels in [0, 1].

    Raises:
        ValueError: a root was given.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI
    Machine Learning Repository (1998), as in ``sklearn.datasets.load_digits``. The order
    by writer is described in the scikit-learn MOOC, chapter on sample grouping.
    """
    if root is not None:
        raise ValueError("digits are embedded and read no folder: leave root at None")
    from sklearn.datasets import load_digits as embedded

    bunch = embedded()
    labels = bunch.target.astype(np.int64)
    rows = np.arange(len(labels))
    return image_set(
        "digits",
        bunch.images.astype(np.uint8),
        labels,
        (rows[:_VALID_FROM], rows[_VALID_FROM:_TEST_FROM], rows[_TEST_FROM:]),
        tuple("0123456789"),
        white=16,
        dtype=dtype,
    )
