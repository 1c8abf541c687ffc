"""What a page makes its reader fetch: 1.5 MB at most, and from this book alone."""

import gzip
import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from test_pages import CHROMIUM, HTML, PAGES, Visit

ROOT = Path(__file__).resolve().parent.parent
MOST, MOST_OF_THE_FIRST = 1_500_000, 400_000  # bytes
SHRINKING = {".html", ".js", ".css", ".svg", ".json", ".txt"}  # compressed by every host
built = pytest.mark.skipif(
    CHROMIUM is None or not (HTML / "index.html").exists(),
    reason="Chromium is not installed, or the book is not built: run make book",
)


def files(visit):
    """The files that a page has asked for, MathJax's typefaces among them."""
    visit.page.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
    visit.page.wait_for_load_state("networkidle")
    paths = {
        Path(unquote(urlsplit(url).path))
        for url in visit.requests
        if url.startswith("file:")
    }
    return sorted(path for path in paths if path.is_file())


def sent(path):
    """Bytes that a host sends of a file: text is compressed, as all of them do it."""
    data = path.read_bytes()
    return len(gzip.compress(data, 6)) if path.suffix in SHRINKING else len(data)


def own(path):
    """Whether a file is the page's alone, and not the theme's, which all pages share."""
    return "_static" not in path.parts and path.name != "searchindex.js"


@built
@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_light_and_asks_nobody_else(browser, name):
    with Visit(browser, name) as visit:
        found = files(visit)
        assert HTML / "book" / f"{name}.html" in found
        outside = [u for u in visit.requests if urlsplit(u).scheme.startswith("http")]
        assert outside == []
        sizes = {path.name: sent(path) for path in found}
        assert sum(sizes.values()) < MOST, heaviest(sizes)
        alone = {path.name: path.stat().st_size for path in found if own(path)}
        limit = MOST_OF_THE_FIRST if name == "index" else MOST
        assert sum(alone.values()) < limit, heaviest(alone)
        # every icon that the page has is drawn
        assert visit.page.locator('i[class*="fa-"]').count() == 0


def heaviest(sizes):
    return sorted(((size, name) for name, size in sizes.items()), reverse=True)[:6]


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
