"""Colours of the diagrams: one role, one colour, in light and dark pages."""

from __future__ import annotations

LIGHT = {
    "page": "#ffffff",
    "ink": "#1f2733",
    "soft": "#4d5867",
    "edge": "#c3ccd6",
    "card": "#f4f6f9",
    "teacher": "#2b3442",
    "student": "#b84a08",
    "baseline": "#0067a3",
    "label": "#0b7a53",
    "accent": "#ffe9a8",
    "accent-edge": "#c98a00",
}
"""By role: ink for words and lines, accent for the part that a chapter is about."""

DARK = {
    "page": "#12161c",
    "ink": "#e7ecf2",
    "soft": "#b3bdca",
    "edge": "#465262",
    "card": "#1b222b",
    "teacher": "#dfe6ee",
    "student": "#ff8f45",
    "baseline": "#5bb5f0",
    "label": "#4fd1a1",
    "accent": "#4a3a10",
    "accent-edge": "#f0b44c",
}

# how the places where a diagram is read say that they are dark: the rendered book,
# Colab, JupyterLab, VS Code
DARK_PLACES = (
    'html[data-theme="dark"]',
    "html[theme=dark]",
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
)
"""Selectors of dark pages."""
# elsewhere the system's own wish counts
_UNKNOWN = (
    "html:not([data-theme]):not([theme]) body:not([data-jp-theme-light]):not(.vscode-light)"
)
_NARROW = 560  # pixels of width below which the drawing for phones is shown


def _variables(colours: dict[str, str]) -> str:
    return ";".join(f"--kd-{role}:{colour}" for role, colour in colours.items())


def colours_of(*kinds: str) -> str:
    """The rules that give elements the colours of the page around them, light or dark.

    Args:
        *kinds: selectors, such as ``".kd-diagram"``.
    """
    dark = ",".join(f"{place} {kind}" for place in DARK_PLACES for kind in kinds)
    unknown = ",".join(f"{_UNKNOWN} {kind}" for kind in kinds)
    return (
        f"{','.join(kinds)}{{{_variables(LIGHT)};color:var(--kd-ink)}}"
        f"{dark}{{{_variables(DARK)}}}"
        "@media (prefers-color-scheme:dark)"
        f"{{{unknown}{{{_variables(DARK)}}}}}"
    )


def in_the_dark(selector: str, rules: str) -> str:
    """Rules for an element on dark pages alone.

    Args:
        selector: of the element.
        rules: such as ``"filter:invert(1)"``.
    """
    places = ",".join(f"{place} {selector}" for place in DARK_PLACES)
    return (
        f"{places}{{{rules}}}@media (prefers-color-scheme:dark)"
        f"{{{_UNKNOWN} {selector}{{{rules}}}}}"
    )


def style() -> str:
    """The style sheet that each diagram and live figure carries along, to stand alone."""
    return (
        f"{colours_of('.kd-diagram', '.kd-live')}"
        ".kd-diagram{container-type:inline-size;margin:0}"
        ".kd-diagram svg{display:block;width:100%;height:auto;margin:0 auto;"
        "overflow:visible}"
        ".kd-diagram svg.kd-narrow{display:none;max-width:420px}"
        f"@container (max-width:{_NARROW}px){{.kd-diagram svg.kd-wide{{display:none}}"
        ".kd-diagram svg.kd-narrow{display:block}}"
        ".kd-diagram text{font-family:inherit;font-size:15px;fill:var(--kd-ink)}"
        ".kd-diagram .kd-small{font-size:13px;fill:var(--kd-soft)}"
        ".kd-diagram .kd-strong{font-weight:650}"
        ".kd-diagram .kd-math{font-style:italic}"
        ".kd-diagram .kd-on{fill:var(--kd-page)}"
        ".kd-diagram figcaption{font-size:.93em;line-height:1.45;margin:.6em 0 0;color:"
        "var(--kd-soft)}"
    )
