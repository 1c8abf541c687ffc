"""Frozen records that every room shares: what a batch, a data set and a history are."""

from kdteach.types.image_set import (
    ImageSet,
    Pair,
    as_split,
    is_pair,
    require_set,
    require_split,
)
from kdteach.types.recorded import RunRecord
from kdteach.types.split import Split
from kdteach.types.training import Augment, Batch, History, LossTerms

__all__ = [
    "Augment",
    "Batch",
    "History",
    "ImageSet",
    "LossTerms",
    "Pair",
    "RunRecord",
    "Split",
    "as_split",
    "is_pair",
    "require_set",
    "require_split",
]
