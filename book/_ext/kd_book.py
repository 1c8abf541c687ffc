"""Sphinx extension: what the pages need from outside is served by the book itself.

MathJax and the Vega scripts come from Python packages and are copied into the build, so no
page asks another host for anything. The page of solutions, and the table of what to read
first, are gathered from the chapters.
The figure of the first page and the numbers in its text come from the library.
A line does not begin with the full stop or comma that follows a formula.
"""

import importlib.util
import json
import pathlib
import re
import shutil

import altair
import vl_convert
from docutils import nodes
from kdteach.live import page_numbers, start_here
from sphinx.errors import ExtensionError

import kd_pages


def collect_scripts(app):
    """Put MathJax and Vega where Sphinx finds static files."""
    if app.builder.format != "html":
        return
    out = pathlib.Path(app.doctreedir).parent / "kd_static" / "vendor"
    out.mkdir(parents=True, exist_ok=True)
    # Altair's stored output fetches its scripts unless VEGA_DEBUG already names the same
    # versions: here it does, in a notebook service it does not.
    versions = {
        "vega_version": altair.VEGA_VERSION,
        "vegalite_version": altair.VEGALITE_VERSION,
        "vegaembed_version": altair.VEGAEMBED_VERSION,
    }
    script = vl_convert.javascript_bundle(
        f"window.vegaEmbed = vegaEmbed; window.VEGA_DEBUG = {json.dumps(versions)};",
        vl_version=".".join(altair.VEGALITE_VERSION.split(".")[:2]),
    )
    # in a function, for the bundle declares a global named _
    (out / "vega-bundle.js").write_text(f"(function(){{{script}\n}})();\n")
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    package = pathlib.Path(spec.origin).parent / "static" / "mathjax"
    fonts = "output/chtml/fonts/woff-v2"
    shutil.copytree(package / fonts, out / "mathjax" / fonts, dirs_exist_ok=True)
    shutil.copy(package / "tex-mml-chtml.js", out / "mathjax")
    app.config.html_static_path.append(str(out.parent))


def add_vega(app, pagename, templatename, context, doctree):
    """Load the Vega bundle on pages with a chart, before the chart's own script."""
    if "altair-viz-" in (context.get("body") or ""):
        app.add_js_file("vendor/vega-bundle.js", priority=100)


def drop_deprecated_roles(app, pagename, templatename, context, doctree):
    """Drop roles that docutils gives to citations and WAI-ARIA has deprecated."""
    body = context.get("body") or ""
    if "citation-list" in body:
        body = body.replace(
            '<div role="list" class="citation-list">', '<div class="citation-list">'
        )
        context["body"] = body.replace(' role="doc-biblioentry"', "")


def gather_solutions(app, docname, source):
    """Fill the page of solutions from the exercises of the chapters."""
    if not docname.endswith("book/solutions"):
        return
    parts = []
    for name in kd_pages.chapter_names():
        cells = kd_pages.cells_of(name)
        chapter = kd_pages.title(cells)
        exercises = kd_pages.exercises(cells)
        if exercises:
            parts.append(f"## [{chapter}]({name}.ipynb)\n")
        for exercise in exercises:
            title = exercise.title.rstrip(".")
            parts.append(f"### {chapter}, exercise {exercise.number}: {title}\n")
            parts += _answers(exercise, name)
    source[0] = source[0].replace("<!-- solutions -->", "\n".join(parts))


def _answers(exercise, name):
    """What answers one exercise, as paragraphs of Markdown."""
    for title, body in exercise.prose:
        plain = re.fullmatch(r"(?:An |A )?(?:answer|solution)|What it shows", title, re.I)
        yield f"{body}\n" if plain else f"*{title}.* {_apart(body)}\n"
    for solution in exercise.code:
        yield f"```python\n{solution}\n```\n"
    if exercise.computed:
        more = "More of the answer" if exercise.prose or exercise.code else "The answer"
        yield f"{more} is computed [in the chapter]({name}.ipynb), below the exercise.\n"
    elif not exercise.prose and not exercise.code:
        yield (
            "No answer is printed: it is what comes out when you run it, or what the "
            "check says.\n"
        )


def _apart(body):
    """A text that may follow words on their line; a list may not."""
    return f"\n\n{body}" if re.match(r"(\d+\.|[-*|`:]) ?", body) else body


def show_needs(app, docname, source):
    """Fill the table of what to read first from the chapters' own lines."""
    if not docname.endswith("book/how_to_read"):
        return
    text = source[0].replace("<!-- needs -->", needs_table())
    # an exercise and its minutes, such as 2 (15), stay on one line
    source[0] = re.sub(r"(?m)(?<=\d) (?=\(\d+\)[,;| ])", "\N{NO-BREAK SPACE}", text)


def needs_table():
    """Which chapters can be read once which others have been, in Markdown.

    Chapters with the same needs share a row. The pages of the back matter, which belong to
    a chapter, have no such line and are left out.
    """
    names = [name for part in kd_pages.contents().values() for name in part]
    cells = {name: kd_pages.cells_of(name) for name in names}
    rows = {}
    for name in names:
        if kd_pages.stated_minutes(cells[name]) is not None:
            rows.setdefault(tuple(kd_pages.needs(cells[name])), []).append(name)

    def linked(of, minutes=False):
        return ", ".join(
            f"[{kd_pages.title(cells[name])}]({name}.ipynb)"
            + (f" ({kd_pages.stated_minutes(cells[name])})" if minutes else "")
            for name in of
        )

    lines = ["| after | you can read (minutes) |", "|:---|:---|"]
    for needed, here in rows.items():
        first = linked(needed) or "*no other chapter*"
        lines.append(f"| {first} | {linked(here, minutes=True)} |")
    return "\n".join(lines)


def place_figure(app, docname, source):
    """Put the field to draw in, and the numbers around it, into the first page."""
    if not docname.endswith("book/index"):
        return
    fence = "`" * 6  # the figure holds fewer in a row
    figure = f"{fence}{{raw}} html\n{start_here()._repr_html_()}\n{fence}"
    text = source[0].replace("<!-- start here -->", figure)
    for name, value in page_numbers().items():
        text = text.replace(f"{{{{ draw_{name} }}}}", value)
    if left := re.findall(r"\{\{.*?\}\}", text):
        raise ExtensionError(
            f"{docname}: nothing fills {', '.join(left)}: see page_text.py"
        )
    source[0] = text


def tie_punctuation(app, doctree, docname):
    """Keep a formula on one line with the signs that touch it, such as its full stop.

    A browser may break the line on either side of a formula, whatever stands there.
    """
    for formula in list(doctree.findall(nodes.math)):
        parent = formula.parent
        place = parent.index(formula)
        before, after = _text(parent, place - 1), _text(parent, place + 1)
        opening = re.search(r"[^\w\s]*$", before)[0]
        closing = re.match(r"[^\w\s]*", after)[0]
        if not opening and not closing:
            continue
        tied = nodes.inline(classes=["kd-tie"])
        tied += [nodes.Text(opening)] * bool(opening)
        tied += [formula, *[nodes.Text(closing)] * bool(closing)]
        if closing:
            parent[place + 1] = nodes.Text(after[len(closing) :])
        parent[place] = tied
        if opening:
            parent[place - 1] = nodes.Text(before[: -len(opening)])


def _text(parent, place):
    """The text at this place among the children, or none."""
    inside = 0 <= place < len(parent) and isinstance(parent[place], nodes.Text)
    return str(parent[place]) if inside else ""


def setup(app):
    """Register the extension."""
    app.connect("builder-inited", collect_scripts)
    app.connect("html-page-context", add_vega)
    app.connect("html-page-context", drop_deprecated_roles)
    app.connect("doctree-resolved", tie_punctuation)
    app.connect("source-read", gather_solutions)
    app.connect("source-read", show_needs)
    app.connect("source-read", place_figure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
