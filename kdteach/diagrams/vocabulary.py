"""The drawn vocabulary: one shape and one colour for each thing that distillation has.

A square with a digit is an image, a block is a network (a lock on it: frozen), bars are
probabilities, a tag is a label, a circle is an operation, a pill is a loss, a solid arrow
carries data and a dashed one gradients. Colours follow the theme of the page.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from xml.sax.saxutils import escape, quoteattr

from kdteach.diagrams._ink import colour_uri, ink_uri
from kdteach.diagrams.example import OUTLINES

Point = tuple[float, float]

_HEAD = 8.0  # length of an arrow's head
_HALO = 9.0  # how far a highlight reaches beyond its part


class Drawing:
    """One drawing, in a coordinate system of its own; y grows downwards.

    Attributes:
        width, height: of the drawing, in its own units; a unit of a phone's drawing is
            about a pixel.
    """

    def __init__(
        self, width: float, height: float, highlight: Collection[str] = ()
    ) -> None:
        self.width, self.height = width, height
        self._highlight = set(highlight)
        self._halos: list[str] = []
        self._shapes: list[str] = []

    @property
    def highlight(self) -> set[str]:
        """The parts that are highlighted."""
        return set(self._highlight)

    def svg(self, kind: str, alt: str) -> str:
        """The drawing as one SVG element.

        Args:
            kind: class of the element, ``"kd-wide"`` or ``"kd-narrow"``.
            alt: what the drawing shows, for those who do not see it.
        """
        return (
            f'<svg class="{kind}" viewBox="0 0 {_n(self.width)} {_n(self.height)}" '
            f'role="img" aria-label={quoteattr(alt)} xmlns="http://www.w3.org/2000/svg">'
            + "".join((*self._halos, *self._shapes))
            + "</svg>"
        )

    def halo(self, part: str, x: float, y: float, width: float, height: float) -> None:
        """Mark a part of the drawing, if it is one of those to be highlighted."""
        if part in self._highlight:
            self._halos.append(
                f'<rect x="{_n(x - _HALO)}" y="{_n(y - _HALO)}" '
                f'width="{_n(width + 2 * _HALO)}" height="{_n(height + 2 * _HALO)}" '
                'rx="14" fill="var(--kd-accent)" stroke="var(--kd-accent-edge)" '
                'stroke-width="1.5"/>'
            )

    def shape(self, element: str) -> None:
        """A shape of another module of this room, as SVG."""
        self._shapes.append(element)

    def text(
        self, x: float, y: float, words: str, style: str = "", anchor: str = "middle"
    ) -> None:
        """Words with their baseline at y; style is any of strong, small, on, math."""
        names = " ".join(f"kd-{name}" for name in style.split())
        kind = f' class="{names}"' if names else ""
        self._shapes.append(
            f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"{kind}>'
            f"{escape(words)}</text>"
        )

    def image(self, x: float, y: float, size: float) -> None:
        """The example digit in its frame."""
        self._frame(x, y, size, size, 6, "card")
        scale = size * 0.84 / 104
        self._shapes.append(
            f'<g transform="translate({_n(x + size * 0.08)} {_n(y + size * 0.09)}) '
            f'scale({scale:.3f})" fill="var(--kd-ink)" fill-opacity=".4" '
            'fill-rule="evenodd">'
            + "".join(f'<path d="{outline}"/>' for outline in OUTLINES)
            + "</g>"
        )
        self.halo("image", x, y, size, size)

    def picture(
        self, x: float, y: float, size: float, pixels: Sequence[Sequence[float]]
    ) -> None:
        """Any grey picture in a frame, its ink in the colour of the page's.

        Args:
            x, y: upper left corner.
            size: of the frame's side.
            pixels: rows of numbers in [0, 1], 1 where there is ink.
        """
        self._frame(x, y, size, size, 6, "card")
        uri = ink_uri(pixels)
        # a page may hold the same picture twice: the place is a part of the name
        key = f"{uri} {self.width} {self.height} {x} {y}".encode()
        name = f"kd-ink-{hashlib.sha256(key).hexdigest()[:12]}"
        self._shapes.append(
            f'<filter id="{name}" x="0" y="0" width="1" height="1" '
            'color-interpolation-filters="sRGB"><feFlood flood-color="var(--kd-ink)"/>'
            '<feComposite in2="SourceAlpha" operator="in"/></filter>'
            f'<image x="{_n(x + 3)}" y="{_n(y + 3)}" width="{_n(size - 6)}" '
            f'height="{_n(size - 6)}" filter="url(#{name})" href="{uri}"/>'
        )

    def photograph(
        self, x: float, y: float, size: float,
        pixels: Sequence[Sequence[Sequence[float]]],
    ) -> None:  # fmt: skip
        """A square photograph, every pixel as a square of its own.

        Args:
            x, y: upper left corner.
            size: of its side.
            pixels: rows of places (red, green, blue), each in [0, 1].
        """
        self._shapes.append(
            f'<image x="{_n(x)}" y="{_n(y)}" width="{_n(size)}" height="{_n(size)}" '
            f'style="image-rendering:pixelated" href="{colour_uri(pixels)}"/>'
        )

    def network(
        self, x: float, y: float, width: float, height: float, role: str, title: str,
        note: str, *, frozen: bool = False,
    ) -> None:  # fmt: skip
        """A network: role is teacher, student or baseline."""
        self._frame(x, y, width, height, 12, role, edge=False)
        middle, centre = y + height / 2 + (7 if frozen else 0), x + width / 2
        self.text(centre, middle - 3, title, "on strong")
        self.text(centre, middle + 15, note, "on small")
        if frozen:
            self._lock(x + width - 21, y + 8)
        self.halo(role, x, y, width, height)

    def bars(
        self, x: float, y: float, width: float, height: float, values: Sequence[float],
        role: str, *, marked: Sequence[int] = (), top: float = 1.0,
    ) -> None:  # fmt: skip
        """Probabilities of the classes 0, 1, ... as bars on a line, the class below each.

        Args:
            x: left end.
            y: upper end of a bar that is as high as ``top``.
            width: of all bars together.
            height: of a bar that is as high as ``top``.
            values: (C,) probabilities.
            role: whose they are, the colour.
            marked: classes whose number is set in bold.
            top: the probability that fills the height.
        """
        step = width / len(values)
        base = y + height
        self._shapes.append(
            f'<path d="M{_n(x)} {_n(base)}h{_n(width)}" stroke="var(--kd-edge)"/>'
        )
        for number, value in enumerate(values):
            tall = max(value / top * height, 1.2)
            self._shapes.append(
                f'<rect x="{_n(x + number * step + step * 0.12)}" y="{_n(base - tall)}" '
                f'width="{_n(step * 0.76)}" height="{_n(tall)}" rx="1.5" '
                f'fill="var(--kd-{role})"/>'
            )
            style = "small strong" if number in marked else "small"
            self.text(x + (number + 0.5) * step, base + 15, str(number), style)

    def logits(
        self, x: float, y: float, width: float, height: float, values: Sequence[float],
        role: str,
    ) -> None:  # fmt: skip
        """Scores of the classes: bars up and down from zero, the class below each."""
        step = width / len(values)
        scale = height / (max(*values, 0.0) - min(*values, 0.0))
        zero = y + max(*values, 0.0) * scale
        self._shapes.append(
            f'<path d="M{_n(x)} {_n(zero)}h{_n(width)}" stroke="var(--kd-soft)"/>'
        )
        for number, value in enumerate(values):
            tall = max(abs(value) * scale, 1.0)
            self._shapes.append(
                f'<rect x="{_n(x + number * step + step * 0.12)}" '
                f'y="{_n(zero - tall if value > 0 else zero)}" width="{_n(step * 0.76)}" '
                f'height="{_n(tall)}" rx="1.5" fill="none" stroke="var(--kd-{role})" '
                'stroke-width="1.6"/>'
            )
            self.text(x + (number + 0.5) * step, y + height + 15, str(number), "small")

    def tag(self, x: float, y: float, words: str) -> None:
        """A label, 64 wide and 34 high."""
        self._shapes.append(
            f'<path d="M{_n(x)} {_n(y + 17)}l14 -17h50v34h-50z" fill="var(--kd-label)"/>'
            f'<circle cx="{_n(x + 15)}" cy="{_n(y + 17)}" r="3.5" fill="var(--kd-page)"/>'
        )
        self.text(x + 40, y + 23, words, "on strong")

    def heat(self, x: float, y: float, size: float) -> None:
        """The example digit in its frame, and on it where a network looks."""
        self.image(x, y, size)
        for cx, cy, radius in ((0.44, 0.3, 0.2), (0.62, 0.5, 0.14), (0.58, 0.76, 0.16)):
            for share in (1.0, 0.66, 0.33):
                self._shapes.append(
                    f'<circle cx="{_n(x + cx * size)}" cy="{_n(y + cy * size)}" '
                    f'r="{_n(radius * share * size)}" fill="var(--kd-student)" '
                    'fill-opacity=".3"/>'
                )

    def behind(self, x: float, y: float, width: float, height: float, role: str) -> None:
        """The corner of another network that stands behind one, drawn before it."""
        self._frame(x, y, width, height, 12, "page", edge=False)
        self._shapes.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
            f'rx="12" fill="var(--kd-{role})" fill-opacity=".45" '
            'stroke="var(--kd-page)" stroke-width="1.5"/>'
        )

    def operation(
        self, x: float, y: float, words: str, part: str, radius: float = 27
    ) -> None:
        """A circle around (x, y): what is done to the numbers that pass."""
        self._shapes.append(
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="var(--kd-page)" '
            'stroke="var(--kd-ink)" stroke-width="1.6"/>'
        )
        self.text(x, y + 5, words, "small strong" if len(words) > 4 else "strong")
        self.halo(part, x - radius, y - radius, 2 * radius, 2 * radius)

    def loss(
        self, x: float, y: float, width: float, title: str, note: str, part: str,
        height: float = 58,
    ) -> None:  # fmt: skip
        """A pill: what is made small."""
        self._frame(x, y, width, height, height / 2, "card")
        self.text(x + width / 2, y + height / 2 - 4, title, "strong")
        self.text(x + width / 2, y + height / 2 + 15, note, "small")
        self.halo(part, x, y, width, height)

    def curve(
        self, points: Sequence[Point], colour: str = "ink", width: float = 2.2,
        dashes: str = "", opacity: float = 1.0,
    ) -> None:  # fmt: skip
        """A line through points, in one of the theme's colours.

        Args:
            points: at least two.
            colour: of the theme.
            width: of the line.
            dashes: as SVG's stroke-dasharray; empty for a solid line.
            opacity: in (0, 1].
        """
        path = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        faint = f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
        self._shapes.append(
            f'<path d="M{path}" fill="none" stroke="var(--kd-{colour})" '
            f'stroke-width="{_n(width)}" stroke-linejoin="round"{dashed}{faint}/>'
        )

    def ring(self, x: float, y: float, colour: str, radius: float = 6.0) -> None:
        """A circle around a point that the text speaks of."""
        self._shapes.append(
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="none" '
            f'stroke="var(--kd-{colour})" stroke-width="2.2"/>'
        )

    def words_over(
        self, x: float, y: float, words: str, style: str = "", anchor: str = "middle",
        colour: str = "",
    ) -> None:  # fmt: skip
        """Words as ``text``, with a rim that keeps lines behind them away.

        Args:
            x, y, words, style, anchor: as of ``text``.
            colour: of the theme; empty for that of all text.
        """
        fill = f";fill:var(--kd-{colour})" if colour else ""
        names = " ".join(f"kd-{name}" for name in style.split())
        self._shapes.append(
            f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" class="{names}" '
            'style="paint-order:stroke;stroke:var(--kd-page);stroke-width:4px;'
            f'stroke-linejoin:round{fill}">{escape(words)}</text>'
        )

    def arrow(self, *points: Point, kind: str = "data", head: bool = True) -> None:
        """A line with a head at its last point.

        Args:
            *points: at least two, the corners of the line.
            kind: ``"data"``, solid, or ``"gradient"``, dashed in the student's colour.
            head: False for a line that runs into another one.
        """
        colour = "var(--kd-student)" if kind == "gradient" else "var(--kd-ink)"
        dashes = ' stroke-dasharray="5 5"' if kind == "gradient" else ""
        stroke = f'fill="none" stroke="{colour}" stroke-width="1.8"{dashes}'
        if not head:
            line = " ".join(f"{_n(x)} {_n(y)}" for x, y in points)
            self._shapes.append(f'<path d="M{line}" {stroke}/>')
            return
        (x0, y0), (x1, y1) = points[-2:]
        length = math.hypot(x1 - x0, y1 - y0)
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        neck = (x1 - ux * _HEAD, y1 - uy * _HEAD)
        line = " ".join(f"{_n(x)} {_n(y)}" for x, y in (*points[:-1], neck))
        left = (neck[0] - uy * _HEAD / 2, neck[1] + ux * _HEAD / 2)
        right = (neck[0] + uy * _HEAD / 2, neck[1] - ux * _HEAD / 2)
        tip = " ".join(f"{_n(x)} {_n(y)}" for x, y in (left, (x1, y1), right))
        self._shapes.append(
            f'<path d="M{line}" {stroke}/><path d="M{tip}z" fill="{colour}"/>'
        )

    def line(
        self, start: Point, end: Point, colour: str = "ink", width: float = 1.4
    ) -> None:
        """A straight line without a head, in one of the theme's colours."""
        (x0, y0), (x1, y1) = start, end
        self._shapes.append(
            f'<path d="M{_n(x0)} {_n(y0)}L{_n(x1)} {_n(y1)}" fill="none" '
            f'stroke="var(--kd-{colour})" stroke-width="{_n(width)}"/>'
        )

    def dot(self, x: float, y: float, colour: str) -> None:
        """One run, see-through, so that several at one place are seen."""
        self._shapes.append(
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="4.5" fill="var(--kd-{colour})" '
            'fill-opacity=".45"/>'
        )

    def _frame(
        self, x: float, y: float, width: float, height: float, radius: float, fill: str,
        *, edge: bool = True,
    ) -> None:  # fmt: skip
        stroke = ' stroke="var(--kd-edge)" stroke-width="1.3"' if edge else ""
        self._shapes.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
            f'rx="{_n(radius)}" fill="var(--kd-{fill})"{stroke}/>'
        )

    def _lock(self, x: float, y: float) -> None:
        """Frozen: a padlock, 13 wide and 16 high, in the colour of the page."""
        self._shapes.append(
            f'<path d="M{_n(x + 3)} {_n(y + 7)}v-3a3.5 3.5 0 0 1 7 0v3" fill="none" '
            'stroke="var(--kd-page)" stroke-width="2"/>'
            f'<rect x="{_n(x)}" y="{_n(y + 7)}" width="13" height="9" rx="2" '
            'fill="var(--kd-page)"/>'
        )


def _n(value: float) -> str:
    """A coordinate with at most one decimal.

    Processors compute a value halfway between two steps a little differently: all round
    it alike here.
    """
    return f"{round(value, 6):.1f}".removesuffix(".0")
