"""Figures of the page: in its typeface and its colours, with names at the lines."""

import configparser
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from test_plots import ALT, FIGURES

from kdteach import plots
from kdteach.plots import _page
from kdteach.plots._labels import spread

CAPTION = "Distilled students make fewer mistakes; dots are seeds, n = 10 < 20."
SERIES = {"one": [1.0, 2.0], "two": [3.0, 2.1], "three": [0.0, 2.05]}


def on_page(name):
    """A figure of the tests of figures, drawn again with a caption."""
    drawn = {}
    original = getattr(plots, name if name != "maps_on_tiles" else "maps_on_images")

    def with_caption(*args, **options):
        drawn["figure"] = original(*args, **options, caption=CAPTION)
        return drawn["figure"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, original.__name__, with_caption)
        FIGURES[name](ALT)
    return drawn["figure"]


def drawings(html):
    return [ElementTree.fromstring(x) for x in re.findall(r"(?s)<svg .*?</svg>", html)]


@pytest.mark.parametrize("name", FIGURES)
def test_a_caption_makes_a_figure_of_the_page(name):
    figure = on_page(name)
    bundle, extra = figure._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert extra == {}
    html = bundle["text/html"]
    assert html == on_page(name).html()  # drawn again, the same
    assert bundle["text/plain"] == repr(figure) == f"Figure: {figure.alt}"
    assert "n = 10 &lt; 20.</figcaption>" in html
    assert len(html) < 80_000
    found = drawings(html)
    assert found
    for svg in found:  # well-formed
        assert svg.get("role") == "img"
        assert svg.get("aria-label") == figure.alt
    assert "font-family" not in html.split("<svg", 1)[1]
    assert "<script" not in html
    outside = re.sub(r"http://www.w3.org/(2000/svg|1999/xlink)", "", html)
    assert "http" not in outside
    for black in ("#000000", "#0072b2", "#d55e00", "#009e73"):
        assert black not in html.split("<svg", 1)[1]


@pytest.mark.parametrize("name", FIGURES)
def test_without_a_caption_it_is_the_png_it_was(name):
    bundle, extra = FIGURES[name](ALT)._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain"}
    assert extra["image/png"]["alt"]


def test_nothing_white_lies_under_a_chart():
    for name in ("lines", "seeds_by_setting", "curves_over_epochs", "paired_seeds"):
        svg = on_page(name).html().split("<svg", 1)[1]
        assert not re.search(r"#ffffff|\bwhite\b", svg), name


def test_roles_have_the_colours_of_the_diagrams():
    html = on_page("paired_seeds").html()
    for role in ("baseline", "student", "ink"):
        assert f"var(--kd-{role})" in html.split("<svg", 1)[1]


def test_two_figures_of_one_page_share_no_names():
    one, two = (on_page(name).html() for name in ("lines", "seeds_by_setting"))
    names = [re.findall(r' id="([^"]*)"', html) for html in (one, two)]
    assert names[0]
    assert not set(names[0]) & set(names[1])
    for html, own in zip((one, two), names, strict=True):
        assert len(set(own)) == len(own)
        used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", html))
        assert used == set(own)


def test_a_phone_gets_its_own_drawing_of_many_images():
    many = plots.soft_target_bars(
        np.zeros((5, 8, 8)), np.full((5, 3), 1 / 3), ["a", "b", "c"],
        titles=list("vwxyz"), alt=ALT, caption=CAPTION,
    )  # fmt: skip
    html = many.html()
    wide, narrow = drawings(html)
    widths = [float(svg.get("viewBox").split()[2]) for svg in (wide, narrow)]
    assert widths[1] <= 350 < widths[0]
    for svg in (wide, narrow):
        words = {text.text for text in svg.iter() if text.tag.endswith("text")}
        assert set("vwxyz") <= words
    assert 'class="kd-ink"' in html
    assert len(drawings(on_page("soft_target_bars").html())) == 1


def test_names_stand_at_the_lines_and_do_not_overlap():
    figure = plots.lines([1, 2], SERIES, xlabel="x", ylabel="y", alt=ALT, caption=CAPTION)
    (svg,) = drawings(figure.html())
    places = {
        text.text: float(text.get("y"))
        for text in svg.iter()
        if text.tag.endswith("text") and text.text in SERIES
    }
    assert set(places) == set(SERIES)
    order = sorted(places, key=places.get)  # from the top
    assert order == ["two", "three", "one"]
    for above, below in pairwise(sorted(places.values())):
        assert below - above >= 10  # the size of the words
    assert not figure.canvas.legends


places = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(places, st.floats(0.01, 0.15))
def test_labels_move_as_little_as_they_can(given_, gap):
    found = spread(given_, gap, -10.0, 10.0)
    ordered = np.argsort(given_, kind="stable")
    assert (np.diff(found[ordered]) >= gap - 1e-9).all()
    start = np.array(given_)
    constraints = [
        {"type": "ineq", "fun": lambda x, i=i, j=j: x[j] - x[i] - gap}
        for i, j in pairwise(ordered)
    ]
    best = minimize(
        lambda x: ((x - start) ** 2).sum(), start + gap * np.argsort(ordered),
        jac=lambda x: 2 * (x - start), constraints=constraints, method="SLSQP",
        options={"maxiter": 300, "ftol": 1e-12},
    )  # fmt: skip
    assert ((found - start) ** 2).sum() <= best.fun + 1e-6
    inside = spread(given_, gap, 0.0, 1.0)
    assert inside.min() >= -1e-9
    assert inside.max() <= max(1.0, gap * (len(given_) - 1)) + 1e-9


def test_places_with_room_stay():
    assert spread([0.1, 0.9, 0.5], 0.2, 0, 1).tolist() == [0.1, 0.9, 0.5]
    assert spread([], 0.2, 0, 1).tolist() == []


def test_matplotlib_writes_what_is_replaced():
    """Every form in which matplotlib has written fonts is known."""
    for style in (
        "font: 10px 'DejaVu Sans', sans-serif; text-anchor: middle",
        "font: 700 10px 'DejaVu Sans', sans-serif; text-anchor: middle",
        "font-size: 10px; font-family: 'DejaVu Sans', sans-serif; text-anchor: middle",
    ):
        tag = _page._on_page(f'<text style="{style}; fill: #000000" x="1.23456">')
        assert "DejaVu" not in tag
        assert "font-size: 10px" in tag
        assert "var(--kd-ink)" in tag
        assert 'x="1.23"' in tag
        assert ("font-weight: 700" in tag) == ("700" in style)


def test_chapters_are_compared_without_their_drawings():
    """Words and captions are, in whatever form a version of matplotlib draws."""
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(Path(__file__).parent / "sanitize.cfg")
    rule = rules["figures"]
    one, other = (
        plots.lines(
            [1, 2], {"a": [1, end]}, xlabel="x", ylabel="y", alt=ALT, caption=said
        ).html()
        for end, said in ((2.0, "It rises."), (3.0, "It falls."))
    )
    assert one.replace("rises", "falls") != other
    one, other = (re.sub(rule["regex"], rule["replace"], x) for x in (one, other))
    assert one != other
    assert one.replace("rises", "falls") == other


def test_bad_captions_are_named():
    for name in FIGURES:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(globals(), "CAPTION", 3)
            with pytest.raises(TypeError, match="caption must be a text"):
                on_page(name)


@pytest.mark.slow
def test_a_figure_follows_the_page_in_a_browser(browser):
    """Ink, roles and images in ink, light and dark; and the typeface of the page."""
    html = on_page("soft_target_bars").html()
    seen = {}
    for theme in ("light", "dark"):
        page = browser.new_page(color_scheme="light")
        page.set_content(
            f'<!doctype html><html data-theme={theme}><body style="font-family:monospace">'
            f"{html}"
        )
        seen[theme] = page.evaluate(
            """() => {
                const look = (s, what) => getComputedStyle(document.querySelector(s))[what];
                return [look('svg.kd-plot text', 'fill'), look('.kd-ink', 'filter'),
                        look('svg.kd-plot text', 'fontFamily'),
                        look('.kd-figure', 'backgroundColor')];
            }"""
        )
        page.close()
    assert seen["light"] == ["rgb(31, 39, 51)", "none", "monospace", "rgba(0, 0, 0, 0)"]
    assert seen["dark"][:3] == ["rgb(231, 236, 242)", "invert(1)", "monospace"]
