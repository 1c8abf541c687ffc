"""What every figure shares: its description, its style, seeds as dots."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from kdteach.checks import check_number
from kdteach.memory import require_memory
from kdteach.plots import _page
from kdteach.stats import mean_interval

# Okabe and Ito's colours, safe for colour-blind readers, with one role each.
ROLES: dict[str, dict[str, Any]] = {
    "teacher": {"color": "#000000", "marker": "s", "linestyle": "-"},
    "plain": {"color": "#0072B2", "marker": "o", "linestyle": "--"},
    "distilled": {"color": "#D55E00", "marker": "^", "linestyle": "-"},
    "other": {"color": "#009E73", "marker": "D", "linestyle": "-."},
    "fourth": {"color": "#56B4E9", "marker": "v", "linestyle": ":"},
}
_STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "svg.hashsalt": "kdteach",
    "text.usetex": False,  # names may hold any sign
}
# black becomes the ink of the page, the grid its pale edges: see _page
_PAGE_STYLE = {
    "axes.edgecolor": "#000000",
    "axes.labelcolor": "#000000",
    "axes.linewidth": 0.8,
    "font.size": 10.5,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "grid.alpha": 0.7,
    "grid.color": "#cccccc",
    "patch.force_edgecolor": False,
    "text.color": "#000000",
    "xtick.color": "#000000",
    "ytick.color": "#000000",
}
_LEAST = 8  # words of a sentence
_MOST_PIXELS = 4 * 10**8  # of a file: 20,000 a side
_BYTES = 12  # of memory that a pixel takes while a file is made
_STYLED = threading.RLock()  # matplotlib's settings are shared by all threads


class Figure:
    """A picture with its description.

    With a caption it is a figure of the page: SVG in the typeface and the colours around
    it, light or dark, its caption below. Without one it is a PNG on white.

    Attributes:
        canvas: the matplotlib figure, for further changes.
        alt: what is seen, for those who do not see it.
        caption: a sentence that states the finding, and what dots, bars and n mean; may be
            empty.
        narrow: the same drawn for phones, where it differs.

    Raises:
        TypeError: alt or caption is no text, or canvas no matplotlib figure.
        ValueError: alt is no sentence.
    """

    def __init__(
        self, canvas: Canvas, alt: str, caption: str = "", narrow: Canvas | None = None
    ) -> None:
        require_sentence(alt)
        check_caption(caption)
        if not isinstance(canvas, Canvas):
            raise TypeError(
                f"canvas must be a matplotlib Figure, got {type(canvas).__name__}"
            )
        if narrow is not None and not isinstance(narrow, Canvas):
            raise TypeError(
                f"narrow must be a matplotlib Figure, got {type(narrow).__name__}"
            )
        self.canvas, self.alt, self.caption = canvas, alt, caption
        self.narrow = narrow

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def _repr_mimebundle_(
        self, **_: Any
    ) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        if self.caption:
            return {"text/html": self.html(), "text/plain": repr(self)}, {}
        return {"image/png": self.png(), "text/plain": repr(self)}, {
            "image/png": {"alt": self.alt}
        }

    def html(self) -> str:
        """The figure as a piece of a page, which needs no other file."""
        with _STYLED:
            return _page.html(self.canvas, self.narrow, self.alt, self.caption)

    def png(self, dpi: float = 150) -> bytes:
        """The picture as PNG.

        Args:
            dpi: pixels an inch, 10 to 1,200.

        Raises:
            TypeError: dpi is no number.
            ValueError: dpi is out of range, or a figure of this size would have more than
                400 million pixels, or take more memory than is free.
        """
        dpi = check_number("dpi", dpi, least=10, most=1200)
        width, height = (float(side) * dpi for side in self.canvas.get_size_inches())
        if (pixels := width * height) > _MOST_PIXELS:
            fits = int(dpi * (_MOST_PIXELS / pixels) ** 0.5)
            raise ValueError(
                f"a figure of {width:,.0f}x{height:,.0f} pixels is more than the "
                f"{_MOST_PIXELS:,} that are drawn: take dpi={fits} or less, got {dpi:g}"
            )
        require_memory(
            f"a figure of {width:,.0f}x{height:,.0f} pixels", _BYTES * pixels,
            "take a smaller dpi",
        )  # fmt: skip
        buffer = io.BytesIO()
        with _STYLED:  # not in the style in which another thread draws
            self.canvas.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        return buffer.getvalue()


def check_caption(caption: object) -> bool:
    """Whether there is a caption, and with it a figure of the page.

    Raises:
        TypeError: no text.
    """
    if not isinstance(caption, str):
        raise TypeError(
            f"caption must be a text that states the finding, got {type(caption).__name__}"
        )
    return bool(caption.strip())


def require_sentence(alt: str) -> None:
    """Raise ValueError for a description that is none, TypeError for what is no text."""
    if not isinstance(alt, str):
        raise TypeError(
            f"alt must be a text that says what the figure shows, got {type(alt).__name__}"
        )
    if alt != alt.encode("utf-8", "replace").decode():
        raise ValueError("alt holds half of a character, which no file can hold")
    if len(alt.split()) < _LEAST:
        raise ValueError(f"alt must say what the figure shows, in a sentence: {alt!r}")


@contextmanager
def axes_of(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (6.0, 3.6),
    *, page: bool = False, **grid: Any,
) -> Iterator[tuple[Canvas, Any]]:  # fmt: skip
    """Axes in the style of the book, without pyplot; for one thread after the other.

    Args:
        rows: of panels.
        columns: of panels.
        size: in inches.
        page: whether it becomes a figure of the page, see ``_page``.
        **grid: for matplotlib's ``subplots``.
    """
    with _STYLED, mpl.rc_context():
        mpl.rcParams.update(seaborn.axes_style("ticks"))
        mpl.rcParams.update(cast(Any, _STYLE | (_PAGE_STYLE if page else {})))
        canvas = Canvas(figsize=size, layout="constrained")
        yield canvas, canvas.subplots(rows, columns, **grid)


def joined(alt: str, numbers: Iterable[str], title: str = "") -> str:
    """What is seen, then the numbers that carry it."""
    require_sentence(alt)  # before numbers make it long
    shown_numbers = "; ".join(numbers).encode("utf-8", "replace").decode()
    return f"{alt} {title + ': ' if title else ''}{shown_numbers}."


def shifts(count: int) -> list[float]:
    """Places beside a setting for so many series."""
    return [0.16 * (i - (count - 1) / 2) for i in range(count)]


def seeds_at(
    axes: Axes,
    x: np.ndarray,
    values: np.ndarray,
    name: str | None,
    style: dict[str, Any],
    joined: bool = True,
    dots: bool = True,
) -> None:
    """Dots for the seeds, mean and interval of each setting: values (len(x), seeds).

    A single seed has no interval.
    """
    line = style["linestyle"] if len(x) > 1 and joined else "none"
    ends = None
    if values.shape[1] > 1:
        intervals = [mean_interval(row) for row in values]
        means = np.array([interval.mean for interval in intervals])
        ends = np.array([[i.mean - i.low, i.high - i.mean] for i in intervals]).T
    else:
        means = values[:, 0]
    if dots:
        for place, row in zip(x, values, strict=True):
            axes.plot(np.full(len(row), place), row, marker=".", linestyle="none",
                      color=style["color"], alpha=0.3)  # fmt: skip
    axes.errorbar(
        x, means, yerr=ends, color=style["color"], marker=style["marker"],
        linestyle=line, capsize=3, label=name,
    )  # fmt: skip
