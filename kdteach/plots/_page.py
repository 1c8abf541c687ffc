"""A figure as part of the page: SVG in the page's typeface and colours, light or dark.

What matplotlib draws is turned into one SVG element that stands in the page itself. Its
words are words, in the typeface around them; its ground is the page; black is the page's
ink and each role has the colour that it has in the diagrams.
"""

from __future__ import annotations

import hashlib
import io
import re
from html import escape
from typing import Any
from xml.sax.saxutils import quoteattr

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from kdteach.diagrams.theme import in_the_dark, style

COLOURS = {
    "#000000": "var(--kd-ink)",
    "#0072b2": "var(--kd-baseline)",
    "#d55e00": "var(--kd-student)",
    "#009e73": "var(--kd-label)",
    "#4c4c4c": "var(--kd-soft)",
    "#4d4d4d": "var(--kd-soft)",
    "#666666": "var(--kd-soft)",
    "#999999": "var(--kd-soft)",
    "#cccccc": "var(--kd-edge)",
    "#56b4e9": "color-mix(in srgb,#56b4e9 60%,var(--kd-ink))",
}
"""What a colour of the drawing becomes on the page; every other one stays as it is."""
# so that no file and no page need matplotlib's fonts, and two runs give one text
_SAVING: Any = {"svg.fonttype": "none", "svg.hashsalt": "kdteach"}
_ENLARGED = 1.45  # pixels of the page a point of the drawing, at most
_HEX = re.compile(r"#[0-9a-f]{6}\b")
_FAMILY = re.compile(r" *font-family: [^;\"]*;?")
_FONT = re.compile(r"font: *(?:normal |italic )?(?:(\d+|bold) )?([\d.]+)px [^;\"]*")
INK = "kd-ink"
"""Name (gid) of an image that is drawn in ink, black, and turns white on a dark page."""
_RULES = (
    in_the_dark(f".kd-figure .{INK}", "filter:invert(1)")
    + ".kd-figure svg.kd-plot{stroke-linejoin:round;stroke-linecap:butt}"
)


def html(canvas: Canvas, narrow: Canvas | None, alt: str, caption: str) -> str:
    """The figure as it stands in a page, with its caption.

    Args:
        canvas: what was drawn, for screens.
        narrow: the same drawn for phones, where it differs.
        alt: what is seen, for those who do not see it.
        caption: the sentence below.
    """
    drawings = svg(canvas, alt, "kd-wide" if narrow is not None else "")
    if narrow is not None:
        drawings += svg(narrow, alt, "kd-narrow")
    said = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure class="kd-diagram kd-figure"><style>{style()}{_RULES}</style>'
        f"{drawings}{said}</figure>"
    )


def svg(canvas: Canvas, alt: str, kind: str = "") -> str:
    """A drawing as one SVG element in the colours of the page.

    Args:
        canvas: what was drawn.
        alt: what is seen.
        kind: "kd-wide" or "kd-narrow", where there are two.
    """
    buffer = io.StringIO()
    with mpl.rc_context(_SAVING):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        canvas.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    box = re.search(r'viewBox="([^"]*)"', text)
    inside = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    inside = re.sub(r"(?s)<metadata>.*?</metadata>|<!--.*?-->", "", inside)
    inside = re.sub(r"(?s)<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", inside)
    inside = re.sub(r"<[^>]*>", lambda tag: _on_page(tag[0]), inside)
    inside = _own_names(re.sub(r"\s*\n\s*", "", inside))
    where = box[1] if box else "0 0 1 1"
    width = float(where.split()[2]) * _ENLARGED
    kinds = f"kd-plot {kind}".rstrip()
    return (
        f'<svg class="{kinds}" viewBox="{where}" style="max-width:{width:.0f}px" '
        f'role="img" aria-label={quoteattr(alt)} fill="var(--kd-ink)" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"{inside}</svg>"
    )


def _on_page(tag: str) -> str:
    """One tag, with the colours and the typeface of the page and two decimals."""
    if "base64," in tag:
        return tag.replace("\n", "")
    tag = _HEX.sub(lambda colour: COLOURS.get(colour[0], colour[0]), tag)
    tag = _FONT.sub(_font, _FAMILY.sub("", tag))
    return re.sub(r"(\d\.\d{2})\d+", r"\1", tag).replace("\n", " ")


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1]}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}px"


def _own_names(inside: str) -> str:
    """Only names that the drawing itself refers to, and none that another one has."""
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", inside))
    mark = hashlib.sha256(inside.encode()).hexdigest()[:8]
    new = {name: f"kd{mark}-{number}" for number, name in enumerate(sorted(used))}

    def named(found: re.Match[str]) -> str:
        if found[1] in new:
            return f' id="{new[found[1]]}"'
        return f' class="{INK}"' if found[1].startswith(INK) else ""

    inside = re.sub(r' id="([^"]*)"', named, inside)
    return re.sub(r"(url\(|href=\")#([^)\"]+)", lambda m: f"{m[1]}#{new[m[2]]}", inside)
