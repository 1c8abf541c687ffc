"""What pages make their reader fetch: nothing from other hosts, and no spare icons."""

import importlib.util
import re
from pathlib import Path

import pytest
from test_pages import CHROMIUM, HTML

ROOT = Path(__file__).resolve().parent.parent
built = pytest.mark.skipif(
    CHROMIUM is None or not (HTML / "index.html").exists(),
    reason="Chromium is not installed, or the book is not built: run make book",
)


@built
def test_no_page_names_a_file_of_another_host():
    """Scripts, styles, pictures and frames; links that a reader may follow are another
    matter, and so are the scripts that a stored chart names for notebook services.
    """
    loads = re.compile(
        r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=[\"'](https?:)?//"
        r"|<link\b[^>]*\brel=[\"'](?:stylesheet|preload|icon)[\"'][^>]*href=[\"'](https?:)?//"
        r"|@import [\"']?(?:url\()?https?:|url\([\"']?https?:"
    )
    for page in HTML.rglob("*.html"):
        assert not loads.search(page.read_text(encoding="utf-8")), page.name


def icons():
    spec = importlib.util.spec_from_file_location(
        "kd_icons", ROOT / "book" / "_ext" / "kd_icons.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_icons_that_no_page_shows_are_dropped():
    pytest.importorskip("pydata_sphinx_theme")
    tool = icons()
    (source,) = tool._sources()
    whole = source.read_text(encoding="utf-8")
    light = tool.only(whole, {"bars", "search", "github"})
    assert len(light) < 120_000 < len(whole)
    assert '"magnifying-glass":[512,512,[128269,"search"]' in light  # by another name
    for name in ("bars", "github"):
        assert re.search(rf'[{{,]"?{name}"?:\[\d', light)
    assert "circle-half-stroke" not in light
    everything = {x[1] or x[2] for x in tool.ICON.finditer(whole)}
    assert len(everything) > 1500
    assert tool.only(whole, everything) == whole
    assert tool.only("nothing to see", {"bars"}) == "nothing to see"


def test_icons_are_dropped_after_the_build(tmp_path):
    class App:
        class builder:
            format = "html"

        outdir = str(tmp_path)

    script = tmp_path / "_static" / "scripts" / "fontawesome.js"
    script.parent.mkdir(parents=True)
    script.write_text("old")
    page = tmp_path / "a.html"
    page.write_text('<i class="fa-solid fa-bars">')
    icons().drop_icons(App, ValueError("the build failed"))
    assert script.read_text() == "old"
    icons().drop_icons(App, None)
    assert "magnifying-glass" not in script.read_text()
    assert re.search(r'[{,]"?bars"?:\[\d', script.read_text())
