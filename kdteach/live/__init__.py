"""Live figures: they compute in the page, without a server, in the book, Jupyter and Colab.

Each is a plain ES module with its data. The arithmetic is that of Python in float64; tests
run it in a browser beside the Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from torch import Tensor

from kdteach.checks import check_names, check_number, check_switch
from kdteach.data.drawn import normalised
from kdteach.live.adding import live_rise
from kdteach.live.agreeing import live_agreement
from kdteach.live.beside import live_beside
from kdteach.live.biasing import live_bias
from kdteach.live.clicking import live_saliency
from kdteach.live.directing import live_directions
from kdteach.live.drawing import Reader, live_draw
from kdteach.live.figure import LiveFigure
from kdteach.live.gallery import live_gallery
from kdteach.live.inner import live_maps, live_relations
from kdteach.live.luck import live_luck
from kdteach.live.opinions import live_opinions
from kdteach.live.page_text import page_numbers, readers_record
from kdteach.live.pictured import check_pictured
from kdteach.live.pulls import live_loss
from kdteach.live.shared_start import live_shares
from kdteach.live.smoothing import live_smoothing
from kdteach.live.start import page_examples, page_readers, start_here
from kdteach.live.stopping import live_checkpoints
from kdteach.live.switching import live_lime
from kdteach.live.thresholding import live_threshold
from kdteach.live.twice import live_twice
from kdteach.types import Split

__all__ = [
    "LiveFigure",
    "Reader",
    "live_agreement",
    "live_beside",
    "live_bias",
    "live_checkpoints",
    "live_directions",
    "live_draw",
    "live_gallery",
    "live_lime",
    "live_loss",
    "live_luck",
    "live_maps",
    "live_opinions",
    "live_relations",
    "live_rise",
    "live_saliency",
    "live_shares",
    "live_smoothing",
    "live_temperature",
    "live_threshold",
    "live_twice",
    "normalised",
    "page_examples",
    "page_numbers",
    "page_readers",
    "readers_record",
    "start_here",
]


def live_temperature(
    split: Split,
    logits: Tensor,
    classes: Sequence[str],
    *,
    temperature: float = 1.0,
    pull: bool = True,
    said: str = "",
    labels: Sequence[str] | None = None,
) -> LiveFigure:
    """Soft targets of some real images under a slider for the temperature.

    The reader chooses an image and moves T: the soft target, and the pull
    ``T (p - 1/C)`` on the logits of a student that still gives all classes the same, which
    is minus the gradient of ``T^2 KL`` with respect to them. The bars of the pull keep one
    scale at all T.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 40 of them, with their labels.
        logits: (M, C) finite, the teacher's by sample index, as ``teacher_logits`` returns
            them: those of ``split.index`` are taken.
        classes: C names.
        temperature: where the slider, which ends at 40, begins, in [0.5, 40].
        pull: whether the pull is shown below the soft target.
        said: what a bar is, where it is no class, such as "subclass".
        labels: C names for the labels of the images, where the bars are no classes; None
            for the names of the bars.

    Returns:
        The figure.

    Raises:
        TypeError: split is no Split, logits are no floating-point tensor, classes no names,
            pull neither True nor False, said no str, labels no names.
        ValueError: other shapes, too many images, logits that are not finite, images
            outside of [0, 1], a label that is no class, a temperature out of range, or
            another number of labels than of classes.
    """
    found = check_pictured(split, classes, {"logits": logits})
    temperature = check_number("temperature", temperature, least=0.5, most=40)
    pull = check_switch("pull", pull)
    if not isinstance(said, str):
        raise TypeError(f"said must be a str, got {type(said).__name__}")
    before = f"{escape(said)} " if said else ""
    names, rows = found.classes, found.logits["logits"]
    words: dict[str, object] = {"said": said} if said else {}
    if labels is not None:
        words["labels"] = given = check_names("labels", labels)
        if len(given) != len(names):
            raise ValueError(
                f"labels must be {len(names)} names, as many as classes, got {len(given)}"
            )
    images = [
        record | {"logits": [float(z) for z in row]}
        for record, row in zip(found.records(), rows, strict=True)
    ]
    soft = (rows[0] / temperature).softmax(dim=0)
    best = [names[i] for i in soft.argsort(descending=True)[:2].tolist()]
    still = (
        f"<p>At T = {temperature:g} the teacher gives its first image "
        f"{before}{escape(best[0])}{':' * bool(said)} {100 * float(soft.max()):.1f} %, "
        f"then {before}{escape(best[1])}. Here a slider moves the temperature, "
        "where scripts run.</p>"
    )
    return LiveFigure(
        "temperature",
        {"classes": names, "images": images, "temperature": temperature, "pull": pull}
        | words,
        still,
        "Soft targets of real digits, with a slider for the temperature",
    )
