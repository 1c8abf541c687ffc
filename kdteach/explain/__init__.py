"""Explanations of single images, and numbers that compare them. No figures here."""

from kdteach.explain.comparison import (
    Agreement,
    agreement,
    closer_to_first,
    pointing_game,
)
from kdteach.explain.controls import cascade, random_maps
from kdteach.explain.curves import Curves, deletion, insertion
from kdteach.explain.grad_cam import grad_cam
from kdteach.explain.gradients import METHODS, saliency
from kdteach.explain.likeness import another_of_class, centred, rank_correlation
from kdteach.explain.maps import Maps, UninformativeMap
from kdteach.explain.masking import rise, rise_masks
from kdteach.explain.superpixels import blocks, lime

__all__ = [
    "METHODS",
    "Agreement",
    "Curves",
    "Maps",
    "UninformativeMap",
    "agreement",
    "another_of_class",
    "blocks",
    "cascade",
    "centred",
    "closer_to_first",
    "deletion",
    "grad_cam",
    "insertion",
    "lime",
    "pointing_game",
    "random_maps",
    "rank_correlation",
    "rise",
    "rise_masks",
    "saliency",
]
