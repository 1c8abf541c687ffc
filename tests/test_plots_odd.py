"""Figures of odd names and odd numbers: right, or refused by name."""

import configparser
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import altair
import matplotlib as mpl
import numpy as np
import pytest
import torch

from kdteach import memory, plots
from kdteach.interactive import temperature_slider
from kdteach.plots._given import written

RNG = np.random.default_rng(0)
ALT = "A sentence that says in words what the figure shows."
GREY, COLOUR = RNG.random((2, 8, 8)), RNG.random((2, 3, 8, 8))
SEEDS = RNG.normal(10, 1, (3, 5))
NAMES = [
    "$", "US$", "$5 and $6", r"$\frac{$", "$x$ $", "$$", r"\$a\$", "_hidden", "a_b^c",
    "<b>&", "{}", "%s", "#", "two\nlines", "\\", r"\mathrm{x}", "é", "\ud800", "0",
]  # fmt: skip


def lines(names=("a", "b"), x=(1, 2), values=(1.0, 2.0), **options):
    options = {"xlabel": "x", "ylabel": "y", "alt": ALT} | options
    return plots.lines(x, {name: values for name in names}, **options)


def settings(names=("1", "2", "3"), series=None, **options):
    options = {"xlabel": "x", "ylabel": "y", "alt": ALT} | options
    return plots.seeds_by_setting(names, series or {"d": SEEDS}, **options)


def epochs(series=None, **options):
    series = series or {"a": SEEDS}
    options = {"roles": dict.fromkeys(series, "plain"), "ylabel": "y", "alt": ALT} | options
    return plots.curves_over_epochs(series, **options)


def matrix(values=((0, 1), (2, 0)), classes=("a", "b"), **options):
    options = {"label": "share", "alt": ALT} | options
    return plots.class_matrix(values, classes, **options)


def bars(images=GREY, targets=((0.9, 0.1), (0.2, 0.8)), classes=("a", "b"), **options):
    options = {"titles": ["x", "y"], "alt": ALT} | options
    return plots.soft_target_bars(images, targets, classes, **options)


def maps(images=GREY, rows=None, **options):
    options = {"titles": ["x", "y"], "label": "logit", "alt": ALT} | options
    return plots.maps_on_images(images, {"a": GREY} if rows is None else rows, **options)


def pair(left=SEEDS[0], right=SEEDS[1], names=("a", "b"), **options):
    return plots.paired_seeds(left, right, names, **({"ylabel": "y", "alt": ALT} | options))


def costs(groups=None, reference="t", **options):
    groups = {"bytes": {"t": 2.0, "s": 1.0}} if groups is None else groups
    return plots.cost_bars(groups, reference=reference, **({"alt": ALT} | options))


def tiles(rows=None, **options):
    return plots.tiles({"a": COLOUR} if rows is None else rows, **({"alt": ALT} | options))


# --- names


def texts(figure):
    """All that stands in a picture."""
    figure.png(30)
    return {text.get_text() for text in figure.canvas.findobj(mpl.text.Text)}


def test_figures_in_threads_leave_the_callers_settings():
    """Also where they are drawn at the same time, with pictures of the same bytes."""
    mine = lines()
    before, picture, usual = dict(mpl.rcParams), mine.png(30), sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-5)
        with ThreadPoolExecutor(4) as pool:
            drawn = pool.map(
                lambda i: lines().png(30) if i % 2 else mine.png(30), range(12)
            )
            assert set(drawn) == {picture}
    finally:
        sys.setswitchinterval(usual)
        after = dict(mpl.rcParams)
        mpl.rcParams.update(before)
    assert after == before


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e100, 1e-100])
def test_the_largest_and_smallest_numbers_are_drawn(size):
    for figure in (
        lines(values=(-size, size)), lines(x=(-size, size)), lines(reference=(size, "r")),
        lines(values=(size, size / 2), yscale="log"), pair([-size, size], [size, -size]),
        matrix(((0, size), (-size, 0))), maps(rows={"a": GREY * size}),
        settings(series={"a": SEEDS / 100 * size}), costs({"c": {"t": 1.0, "s": size}}),
    ):  # fmt: skip
        figure.png(30)
        assert "inf" not in figure.alt
        assert "nan" not in figure.alt


def test_a_picture_that_does_not_fit_the_memory_is_refused(monkeypatch):
    figure = lines()
    monkeypatch.setattr(memory, "free_memory", lambda: 10**6)
    with pytest.raises(ValueError, match=r"900x540 pixels would take 5.83 MB.*smaller dpi"):
        figure.png()
    assert figure.png(30)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_of_every_kind_are_drawn(name):
    """On axes, at a line and in the legend, from which none is left out."""
    other = f"{name} too"
    figure = lines([name, other], xlabel=name, reference=(1.5, name))
    assert written(name) in texts(figure)
    legend = [text.get_text() for text in figure.canvas.legends[0].get_texts()]
    assert legend == [written(name), written(other)]
    assert name.encode("utf-8", "replace").decode() in figure.alt


@pytest.mark.parametrize("name", [r"$\frac{$", "_$5 and $6"])
def test_every_figure_draws_its_names(name):
    other = f"{name} too"
    drawn = [
        settings([name, "b", "c"], {other: SEEDS}, bands={name: SEEDS[0]}, ylabel=name),
        epochs({name: SEEDS}, ylabel=name),
        matrix(classes=[name, other], label=name),
        bars(classes=[name, other], titles=[name, other]),
        maps(rows={name: GREY}, titles=[name, other], label=name),
        pair(names=(name, other)),
        costs({name: {name: 1.0, other: 2.0}}, reference=name),
        tiles({name: COLOUR}, titles=[name, other]),
    ]
    for figure in drawn:
        assert any(written(name) in text for text in texts(figure))
    assert len(drawn[0].canvas.axes[0].legend_.get_texts()) == 2


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("$T = 1$", False), ("a $x_1$ and $x_2$", False), ("$5 and $6", True),
        ("US$", True), (r"$\frac{$", True), ("$x$ $", True), ("$ x $", True),
        ("$1 $2", True),
        (r"\$a\$", True), ("cost in $", True), (r"$\alpha$", False), ("$a$5", True),
    ],
)  # fmt: skip
def test_formulas_are_formulas_and_dollars_are_dollars(text, plain):
    shown = written(text)
    assert mpl.cbook.is_math_text(shown) is not plain
    if plain:
        assert shown.replace("\\$", "$") == text.replace("\\$", "$")
    else:
        assert shown == text


def test_an_empty_name_is_refused():
    for draw in (lines, lambda names: settings(series={name: SEEDS for name in names})):
        with pytest.raises(ValueError, match="empty name"):
            draw([" "])


# --- nothing of matplotlib's own state


def test_no_state_is_changed(monkeypatch):
    from matplotlib import pyplot

    monkeypatch.setitem(mpl.rcParams, "text.usetex", True)
    monkeypatch.setitem(mpl.rcParams, "axes.grid", False)
    before, backend = dict(mpl.rcParams), mpl.get_backend()
    for draw in (lines, settings, epochs, matrix, bars, maps, pair, costs, tiles):
        draw().png(30)
        with pytest.raises(ValueError, match="in a sentence"):
            draw(alt="too short")
    assert dict(mpl.rcParams) == before
    assert mpl.get_backend() == backend
    assert pyplot.get_fignums() == []


# --- numbers


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_every_kind(kind):
    values = torch.tensor([1.0, 2.0], dtype=kind, requires_grad=True)
    assert "from 1 to 2" in lines(values=values).alt
    assert "from 0 to 1" in maps(rows={"a": torch.ones(2, 8, 8, dtype=kind)}).alt


def test_one_seed_has_no_interval():
    one = SEEDS[:, :1]
    figure = settings(series={"d": one}, bands={"b": [10.0]})
    assert f"Means: d: 1 {one[0, 0]:.1f}" in figure.alt
    (axes,) = figure.canvas.axes
    assert not axes.collections  # neither a bar nor a band
    assert not axes.patches
    epochs({"a": SEEDS[0]}).png(30)
    assert "Means: a 1.0; b 2.0; 0 of 1 lines fall" in pair([1.0], [2.0]).alt


def test_grey_images_may_be_bytes_or_have_a_channel():
    bytes_ = (255 * GREY).round().astype(np.uint8)
    for draw in (bars, maps):
        drawn = draw(bytes_).canvas.axes[0].images[0].get_array()
        np.testing.assert_allclose(drawn, GREY[0], atol=0.01)
        drawn = draw(GREY[:, None]).canvas.axes[0].images[0].get_array()
        np.testing.assert_allclose(drawn, GREY[0])


def test_masks_without_an_edge_are_drawn_without_one():
    whole = np.ones((2, 8, 8), dtype=bool)
    maps(masks=whole).png(30)
    tiles(masks={"a": ~whole}).png(30)


def test_many_classes_keep_some_of_their_names():
    names = [f"class {i}" for i in range(200)]
    figure = matrix(RNG.random((200, 200)), names)
    labels = texts(figure)
    assert {"class 0", "class 7"} <= labels
    assert "class 1" not in labels
    assert len(figure.canvas.axes[0].texts) == 0
    wide = RNG.dirichlet(np.ones(200), 2)
    second = int(np.argsort(wide[0])[-2])
    assert f"x: runner-up class {second}" in bars(targets=wide, classes=names).alt
    with pytest.raises(ValueError, match="C from 2 to 1,000"):
        matrix(np.zeros((1001, 1001)), range(1001))


def test_names_may_be_numbers():
    assert "from true class 1 to class 0" in matrix(classes=[0, 1]).alt
    settings([1, 2, 3])
    lines([1, 2])


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("draw", "error", "says"),
    [
        (lambda: lines([]), ValueError, "series is empty"),
        (lambda: lines(values=(1.0, 2.0, 3.0)), ValueError, "series 'a' must be 2"),
        (lambda: lines(values=(1.0, NAN)), ValueError, "series 'a' must be finite"),
        (lambda: lines(values=(1.0, INF)), ValueError, "series 'a' must be finite"),
        (lambda: lines(x=(1.0, NAN)), ValueError, "x must be finite"),
        (lambda: lines(x=(), values=()), ValueError, "x must have 1 dimension"),
        (lambda: lines(values=(0.0, 1.0), yscale="log"), ValueError, 'yscale="linear"'),
        (lambda: lines(x=(0.0, 1.0), xscale="log"), ValueError, 'xscale="linear"'),
        (lambda: lines(yscale="logit"), ValueError, "unknown yscale 'logit'"),
        (lambda: lines(values=("a", "b")), TypeError, "series 'a' must be real numbers"),
        (lambda: lines(values=(1j, 2)), TypeError, "series 'a' must be real numbers"),
        (lambda: lines(values=([1.0], [1.0, 2.0])), ValueError, "rows must have one"),
        (lambda: lines(values=None), TypeError, "series 'a'"),
        (lambda: lines("abcdef"), ValueError, r"roles are missing for \['f'\]"),
        (lambda: lines(roles={"a": "hero", "b": "plain"}), ValueError, "role 'hero'"),
        (lambda: lines(roles={"c": "plain"}), ValueError, r"roles for \['c'\]"),
        (lambda: lines(roles="plain"), TypeError, "roles must be a dictionary"),
        (lambda: lines(reference=2.0), TypeError, "reference must be a pair"),
        (lambda: lines(reference=(NAN, "a")), ValueError, "reference"),
        (lambda: lines(reference=(-1.0, "a"), yscale="log"), ValueError, "reference"),
        (lambda: lines(points={"a": [NAN]}), ValueError, "points 'a' must be finite"),
        (lambda: plots.lines([1], [1], xlabel="x", ylabel="y", alt=ALT), TypeError,
         "series must be a dictionary"),
        (lambda: settings(("1", "2")), ValueError, "settings must be 3"),
        (lambda: settings("abc"), TypeError, "settings must be a list"),
        (lambda: settings(series={"a": SEEDS, "b": SEEDS[:2]}), ValueError, "series 'b'"),
        (lambda: settings(series={"a": SEEDS[0]}), ValueError, "2 dimensions"),
        (lambda: settings(series={"a": SEEDS * NAN}), ValueError, "finite"),
        (lambda: settings(series={"a": SEEDS - 20}, yscale="log"), ValueError, "above 0"),
        (lambda: settings(bands={"d": SEEDS[0]}), ValueError, "of a series and of a band"),
        (lambda: settings(bands={"b": []}), ValueError, "band 'b'"),
        (lambda: settings(roles={"x": "plain"}), ValueError, "roles for"),
        (lambda: settings(ordered="yes"), TypeError, "ordered"),
        (lambda: epochs(roles={}), ValueError, "roles is empty"),
        (lambda: epochs({"a": SEEDS, "b": SEEDS}, roles={"a": "plain"}), ValueError,
         r"missing for \['b'\]"),
        (lambda: epochs({"a": np.zeros((0, 3))}), ValueError, "series 'a'"),
        (lambda: epochs({"a": 0 * SEEDS}, yscale="log"), ValueError, "above 0"),
        (lambda: matrix(((0, 1, 2), (1, 0, 2))), ValueError, r"matrix must be \(C, C\)"),
        (lambda: matrix(((0,),), ["a"]), ValueError, "C from 2"),
        (lambda: matrix(((0, NAN), (1, 0))), ValueError, "matrix must be finite"),
        (lambda: matrix(classes=["a"]), ValueError, "classes must be 2"),
        (lambda: matrix(digits=-1), ValueError, "digits"),
        (lambda: matrix(digits=1.5), TypeError, "digits"),
        (lambda: bars(targets=((0.9, 0.1),)), ValueError, "images must be 1"),
        (lambda: bars(targets=((2.0, -1.0),) * 2), ValueError, "probabilities"),
        (lambda: bars(titles=["x"]), ValueError, "titles must be 2"),
        (lambda: bars(classes="ab"), TypeError, "classes"),
        (lambda: bars(GREY * 255), ValueError, r"images must be uint8 or lie in \[0, 1\]"),
        (lambda: bars(COLOUR), ValueError, r"images must be \(n, H, W\)"),
        (lambda: bars(floor=0), ValueError, "floor"),
        (lambda: maps(rows={}), ValueError, "maps is empty"),
        (lambda: maps(rows={"a": GREY[:, :4]}), ValueError, r"must be \(2, 8, 8\)"),
        (lambda: maps(rows={"a": GREY * NAN}), ValueError, "finite"),
        (lambda: maps(COLOUR * NAN), ValueError, "images must be uint8 or"),
        (lambda: maps(COLOUR * 255), ValueError, "images must be uint8 or"),
        (lambda: maps(np.zeros((2, 4, 8, 8))), ValueError, r"images must be \(n, 3"),
        (lambda: maps(titles=["x"]), ValueError, "titles must be 2"),
        (lambda: maps(masks=GREY), TypeError, "masks must be bool"),
        (lambda: maps(masks=GREY[:1] > 0.5), ValueError, "masks must be"),
        (lambda: maps(overlay=2), ValueError, "overlay"),
        (lambda: maps(signed=1), TypeError, "signed"),
        (lambda: maps(np.zeros((50, 8, 8)), {"a": np.zeros((50, 8, 8))}, titles=range(50)),
         ValueError, "more than can be seen"),
        (lambda: pair(SEEDS[0], SEEDS[1, :3]), ValueError, "right must be 5"),
        (lambda: pair([], []), ValueError, "left"),
        (lambda: pair(names=("a",)), ValueError, "names must be 2"),
        (lambda: pair(names="ab"), TypeError, "names"),
        (lambda: costs({}), ValueError, "groups is empty"),
        (lambda: costs({"bytes": {"s": 1.0}}), ValueError, "unknown reference"),
        (lambda: costs({"bytes": {"t": 0.0, "s": 1.0}}), ValueError, "cost 'bytes' of 't'"),
        (lambda: costs({"bytes": {"t": "1"}}), TypeError, "cost 'bytes' of 't'"),
        (lambda: costs({str(i): {"t": 1.0} for i in range(99)}), ValueError, "groups"),
        (lambda: tiles({}), ValueError, "rows is empty"),
        (lambda: tiles({"a": COLOUR, "b": COLOUR[:1]}), ValueError, "row 'b' must be 2"),
        (lambda: tiles(titles=["x"]), ValueError, "titles must be 2"),
        (lambda: tiles(masks={"b": GREY > 0.5}), ValueError, r"masks for \['b'\]"),
        (lambda: tiles(masks={"a": GREY[:1] > 0.5}), ValueError, "masks of 'a'"),
        (lambda: tiles({"a": GREY}), ValueError, "row 'a'"),
        (lambda: lines(alt=3), TypeError, "alt must be a text"),
        (lambda: lines(alt=None), TypeError, "alt must be a text"),
        (lambda: lines(alt="a b c d e f g \ud800"), ValueError, "alt holds half"),
        (lambda: lines().png(dpi=10**6), ValueError, "dpi"),
        (lambda: tiles({str(i): np.zeros((40, 3, 4, 4)) for i in range(4)}).png(dpi=1200),
         ValueError, "65,280x6,960 pixels is more than .* take dpi=1125 or less"),
        (lambda: lines(values=(-1.7e308, 1.7e308)), ValueError, "'a' must lie in -1e.100"),
        (lambda: lines(x=(-1.7e308, 1.7e308)), ValueError, "x must lie in -1e.100 to"),
        (lambda: lines(points={"a": [1.7e308]}), ValueError, "points 'a' must lie in"),
        (lambda: lines(reference=(1.7e308, "r")), ValueError, "reference"),
        (lambda: matrix(((0, 1.7e308), (-1.7e308, 0))), ValueError, "matrix must lie in"),
        (lambda: maps(rows={"a": GREY * 1.7e308}), ValueError, "maps 'a' must lie in"),
        (lambda: settings(series={"a": SEEDS * 1e306}), ValueError, "series 'a' must lie"),
        (lambda: pair([1e308, 1e308], [-1e308, -1e308]), ValueError, "left must lie in"),
        (lambda: costs({"c": {"t": 1e-300, "s": 1e300}}), ValueError, "'s' is 1e.300, too"),
        (lambda: costs({"c": {"t": 1e300, "s": 1e-300}}), ValueError, "'s' is 1e-300, too"),
        (lambda: costs({"c": {"t": 1.0, 1: 2.0, "1": 3.0}}), ValueError,
         "cost 'c' has two names that are written alike, 1 and '1'"),
        (lambda: costs({"c": {"t": 1.0, "_a": 2.0, "\u200b_a": 3.0}}), ValueError,
         "written alike"),
        (lambda: lines((1, "1")), ValueError, "series has two names"),
        (lambda: plots.Figure(None, ALT), TypeError, "canvas"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_named(draw, error, says):
    with pytest.raises(error, match=says):
        draw()


# --- the slider


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"logits": [1.0, INF]}, ValueError, "finite"),
        ({"logits": [1e308, -1e308]}, ValueError, "differences"),
        ({"logits": ["1", "2"]}, TypeError, "logits"),
        ({"logits": [True, False]}, TypeError, "logits"),
        ({"logits": [1j, 2]}, TypeError, "logits"),
        ({"logits": torch.ones(2) + 0j}, TypeError, "logits"),
        ({"logits": None}, TypeError, "logits"),
        ({"logits": [[1.0, 2.0]]}, ValueError, "one logit"),
        ({"logits": [1.0], "classes": ["a"]}, ValueError, "at least 2"),
        ({"classes": "ab"}, TypeError, "classes"),
        ({"classes": ["a", ""]}, ValueError, "empty name"),
        ({"classes": ["a", "</script><script>alert(1)</script>"]}, ValueError, "HTML"),
        ({"description": "</SCRIPT>"}, ValueError, "HTML"),
        ({"description": "<!-- "}, ValueError, "HTML"),
        ({"description": " "}, ValueError, "description"),
        ({"description": 3}, TypeError, "description"),
        ({"highest": 0.5}, ValueError, "highest"),
        ({"highest": NAN}, ValueError, "highest"),
        ({"highest": 1e9}, ValueError, "highest"),
        ({"highest": "20"}, TypeError, "highest"),
    ],
)
def test_sliders_that_cannot_be(change, error, says):
    usual = {"logits": [1.0, 2.0], "classes": ["a", "b"], "description": "bars"}
    with pytest.raises(error, match=says):
        temperature_slider(**(usual | change))


def html(*arguments, **options):
    bundle = temperature_slider(
        *arguments, description="bars", **options
    )._repr_mimebundle_()
    return (bundle if isinstance(bundle, dict) else bundle[0])["text/html"]


def test_names_of_every_kind_in_the_slider():
    names = [
        "a'b",
        'a"b',
        "a\\b",
        "<50K",
        "{{x}}",
        "a.b",
        "[0]",
        "ä",
        "$x$",
        "\n"[:0] + "n",
    ]
    page = html(np.arange(10), names)
    assert page.count("</script>") == 1
    values = next(iter(temperature_slider(
        np.arange(10), names, description="d").to_dict()["datasets"].values()
    ))  # fmt: skip
    assert [row["class"] for row in values] == names
    assert [row["z"] for row in values] == [float(i - 9) for i in range(10)]
    temperature_slider(np.array([1, 2]), [0, 1], description="d", highest=np.float32(5))
    temperature_slider(
        torch.ones(2, dtype=torch.bfloat16, requires_grad=True), ["a", "b"], description="d"
    )


def sanitised(text):
    """What the comparison of stored outputs makes of a text."""
    rules = configparser.RawConfigParser()
    rules.read(Path(__file__).parent / "sanitize.cfg")
    for name in rules.sections():
        text = re.sub(rules.get(name, "regex"), rules.get(name, "replace"), text)
    return text


def test_the_stored_chart_does_not_depend_on_altairs_version():
    """Other versions ask for other scripts; what the chart holds is still compared."""
    page = html([1.0, 2.0], ["a", "b"])
    older = page
    for name, new, old in (
        ("vega-lite", altair.VEGALITE_VERSION, "5.20.1"),
        ("vega-embed", altair.VEGAEMBED_VERSION, "6"),
        ("vega", altair.VEGA_VERSION, "5"),
    ):
        for place in ("{}@{}", '"{}", "{}"', "/schema/{}/v{}"):
            older = older.replace(place.format(name, new), place.format(name, old))
    assert older != page
    assert "5.20.1" in older
    assert altair.VEGALITE_VERSION not in sanitised(page)
    assert sanitised(older) == sanitised(page)
    assert sanitised(html([1.0, 2.5], ["a", "b"])) != sanitised(page)
    assert sanitised(html([1.0, 2.0], ["a", "c"])) != sanitised(page)
    assert sanitised(html([1.0, 2.0], ["a", "b"], highest=8)) != sanitised(page)
