"""Sphinx extension: of two thousand icons, each page gets the twenty that the book shows.

The theme sends all of Font Awesome to every page, 1.5 MB. After the build, the script
keeps the icons whose names stand in a page. What is not understood stays as it is: then
the script is large, and a test of the pages says so.
"""

import pathlib
import re

# "name": [width, height, [other names], "unicode", "path"]
ICON = re.compile(
    r'(?:"([\w-]+)"|([\w$]+)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",'
    r'(?:"[^"]*"|\[[^\]]*\])\],?'
)
NAME = re.compile(r"\bfa-([a-z0-9-]+)")


def only(script, names):
    """The script with these icons alone.

    Args:
        script: text of Font Awesome's script.
        names: of the icons that stay, without "fa-".
    """

    def kept(found):
        others = re.findall(r'"([\w-]+)"', found[3])
        return found[0] if names & {found[1] or found[2], *others} else ""

    return ICON.sub(kept, script)


def drop_icons(app, error):
    """Rewrite the script of a finished build."""
    if error is not None or app.builder.format != "html":
        return
    out = pathlib.Path(app.outdir)
    names = set()
    for page in out.rglob("*.html"):
        names |= set(NAME.findall(page.read_text(encoding="utf-8")))
    # from the whole script: a page that is new may need an icon that was dropped before
    source = next((pathlib.Path(p) for p in _sources()), None)
    script = out / "_static" / "scripts" / "fontawesome.js"
    if source is not None and script.exists():
        whole = source.read_text(encoding="utf-8")
        script.write_text(only(whole, names), encoding="utf-8")


def _sources():
    """Where the theme keeps the whole script."""
    import pydata_sphinx_theme

    home = pathlib.Path(pydata_sphinx_theme.__file__).parent
    return sorted(home.glob("theme/*/static/scripts/fontawesome.js"))


def setup(app):
    """Register the extension."""
    app.connect("build-finished", drop_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
