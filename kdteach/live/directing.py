"""A student too small for its teacher, under sliders: three divergences at once."""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.checks import check_count, check_floats, shown
from kdteach.live.figure import LiveFigure

__all__ = ["bump", "divergences", "live_directions", "two_modes"]

_MOST = 100
_WIDTHS = (0.5, 20.0)
_STEP = 0.25
_NAMES = ("forward", "reverse", "js")


def two_modes(places: int = 40) -> Tensor:
    """A distribution over places in a row with two modes, one larger than the other.

    Six parts of a bump at a quarter of the row and four of a narrower one at nearly three
    quarters, and a little everywhere, so that no place is impossible.

    Args:
        places: K, 8 to 100.

    Returns:
        (K,) probabilities, float64.

    Raises:
        TypeError: places is no integer.
        ValueError: places out of range.
    """
    places = check_count("places", places, least=8, most=_MOST)
    parts = [
        share * bump(centre * places, width * places, places).softmax(dim=0)
        for share, centre, width in ((0.6, 0.25, 0.075), (0.4, 0.725, 0.05))
    ]
    return 0.99 * torch.stack(parts).sum(dim=0) + 0.01 / places


def bump(centre: float, width: float, places: int) -> Tensor:
    """The logits of a student that is one bump: -(k - centre)^2 / (2 width^2).

    Args:
        centre: where it is highest, in places.
        width: its standard deviation, in places, above 0.
        places: how many there are, K.

    Returns:
        (K,) logits, float64; their softmax is the bump.
    """
    k = torch.arange(places, dtype=torch.float64, device="cpu")
    return -((k - centre) ** 2) / (2 * width**2)


def divergences(p: Tensor, log_q: Tensor) -> dict[str, Tensor]:
    """Three divergences of a student from its teacher, in nats.

    Args:
        p: (..., K) probabilities above 0, the teacher's.
        log_q: (..., K) logarithms of the student's probabilities.

    Returns:
        "forward": KL(p || q); "reverse": KL(q || p); "js": the mean of KL(p || m) and
        KL(q || m) with m = (p + q) / 2; (...) each.
    """
    q, log_p = log_q.exp(), p.log()
    log_m = torch.logaddexp(log_p, log_q) - torch.log(p.new_tensor(2.0))
    return {
        "forward": (p * (log_p - log_q)).sum(dim=-1),
        "reverse": (q * (log_q - log_p)).sum(dim=-1),
        "js": ((p * (log_p - log_m)).sum(-1) + (q * (log_q - log_m)).sum(-1)) / 2,
    }


def live_directions(teacher: Tensor) -> LiveFigure:
    """One bump that is to imitate a teacher's distribution, by the reader's hand.

    Two sliders move the bump and widen it; three numbers say how far it is from the
    teacher: forward and reverse divergence and Jensen-Shannon's. A button each goes to the
    best place of the sliders.

    Args:
        teacher: (K,) probabilities above 0 that sum to 1, 3 <= K <= 100, over places in a
            row.

    Returns:
        The figure.

    Raises:
        TypeError: teacher is no floating-point tensor.
        ValueError: another shape, or numbers that are no such probabilities.
    """
    given = check_floats("teacher", teacher)
    if given.ndim != 1 or not 3 <= len(given) <= _MOST:
        raise ValueError(
            f"teacher must be a row of 3 to {_MOST} probabilities, got {shown(teacher)}"
        )
    p = given.detach().to("cpu", torch.float64)
    if not bool((p > 0).all()) or not bool((p.sum() - 1).abs() < 1e-6):
        raise ValueError(
            f"teacher must be probabilities above 0 that sum to 1, got {shown(teacher)}"
        )
    p = p / p.sum()
    best = _best(p)
    said = "; ".join(
        f"{title} {value['centre']:g} and width {value['width']:g}"
        for title, value in zip(("forward", "reverse", "Jensen-Shannon"), best.values(),
                                strict=True)
    )  # fmt: skip
    still = (
        "<p>A single bump that imitates this teacher is best, by each divergence, with its "
        f"centre at: {said}. Here two sliders move it, where scripts run.</p>"
    )
    return LiveFigure(
        "directions",
        {
            "teacher": p.tolist(), "best": best, "widths": list(_WIDTHS), "step": _STEP,
        },
        still,
        "A teacher and a student of one bump, with sliders for its place and "
        "width, and three divergences between them",
    )  # fmt: skip


def _best(p: Tensor) -> dict[str, dict[str, float]]:
    """The place of the sliders with the least of each divergence."""
    last = len(p) - 1
    centres = torch.arange(0, last + _STEP / 2, _STEP, dtype=p.dtype, device=p.device)
    widths = torch.arange(
        _WIDTHS[0], _WIDTHS[1] + _STEP / 2, _STEP, dtype=p.dtype, device=p.device
    )
    k = torch.arange(len(p), dtype=p.dtype, device=p.device)
    logits = -((k - centres[:, None, None]) ** 2) / (2 * widths[:, None] ** 2)
    found = {}
    for name, values in divergences(p, logits.log_softmax(dim=-1)).items():
        place = int(values.argmin())
        row, column = divmod(place, len(widths))
        found[name] = {
            "centre": float(centres[row]), "width": float(widths[column]),
            "value": float(values.flatten()[place]),
        }  # fmt: skip
    return found
