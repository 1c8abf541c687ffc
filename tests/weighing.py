"""What a page makes its reader fetch, and how heavy it is."""

import gzip
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

MOST, MOST_OF_THE_FIRST = 1_500_000, 400_000  # bytes
SHRINKING = {".html", ".js", ".css", ".svg", ".json", ".txt"}  # compressed by every host


def require_light(visit, page):
    """1.5 MB at most, 400 KB for the first page's own files, and every icon drawn.

    Args:
        visit: of a page that has loaded.
        page: its file.
    """
    found = files(visit)
    assert page in found
    sizes = {path.name: sent(path) for path in found}
    assert sum(sizes.values()) < MOST, heaviest(sizes)
    alone = {path.name: path.stat().st_size for path in found if own(path)}
    limit = MOST_OF_THE_FIRST if page.stem == "index" else MOST
    assert sum(alone.values()) < limit, heaviest(alone)
    assert visit.page.locator('i[class*="fa-"]').count() == 0


def files(visit):
    """The files that a page has asked for, MathJax's typefaces among them."""
    visit.page.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
    visit.page.evaluate("document.fonts.ready.then(() => true)")
    paths = {
        Path(unquote(urlsplit(url).path))
        for url in visit.requests
        if url.startswith("file:")
    }
    return sorted(path for path in paths if path.is_file())


@cache  # the theme's files are those of every page
def sent(path):
    """Bytes that a host sends of a file: text is compressed, as all of them do it."""
    data = path.read_bytes()
    return len(gzip.compress(data, 6)) if path.suffix in SHRINKING else len(data)


def own(path):
    """Whether a file is the page's alone, and not the theme's, which all pages share."""
    return "_static" not in path.parts and path.name != "searchindex.js"


def heaviest(sizes):
    return sorted(((size, name) for name, size in sizes.items()), reverse=True)[:6]
