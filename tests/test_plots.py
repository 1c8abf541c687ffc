import matplotlib as mpl
import numpy as np
import pytest
import torch
from scipy import stats

from kdteach import interactive, plots

RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 8, 8))
SEEDS = RNG.normal(10, 1, (3, 10))
TILES = RNG.integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
MASKS = np.arange(128).reshape(2, 8, 8) % 64 > 40
ALT = "A sentence that says in words what the figure shows."
FIGURES = {
    "soft_target_bars": lambda alt: plots.soft_target_bars(
        IMAGES, [[0.9, 0.1], [0.2, 0.8]], ["a", "b"], titles=["x", "y"], alt=alt
    ),
    "class_matrix": lambda alt: plots.class_matrix(
        [[0, 7.0], [2, 0]], ["a", "b"], label="share", alt=alt
    ),
    "lines": lambda alt: plots.lines(
        [1, 2], {"a": [1.0, 2.0], "b": [3.0, 4.0]}, xlabel="x", ylabel="y", alt=alt,
        reference=(2.0, "two"),
    ),
    "seeds_by_setting": lambda alt: plots.seeds_by_setting(
        ["1", "2", "3"], {"d": SEEDS}, xlabel="T", ylabel="errors", alt=alt,
        bands={"plain": SEEDS[0]},
    ),
    "curves_over_epochs": lambda alt: plots.curves_over_epochs(
        {"a": SEEDS}, ylabel="errors", alt=alt, roles={"a": "plain"}
    ),
    "paired_seeds": lambda alt: plots.paired_seeds(
        SEEDS[0], SEEDS[1], ("a", "b"), ylabel="errors", alt=alt
    ),
    "cost_bars": lambda alt: plots.cost_bars(
        {"bytes": {"t": 2.0, "s": 1.0}}, reference="t", alt=alt
    ),
    "tiles": lambda alt: plots.tiles(
        {"a": TILES, "b": TILES}, titles=["x", "y"], masks={"b": MASKS}, alt=alt
    ),
    "maps_on_images": lambda alt: plots.maps_on_images(
        IMAGES, {"a": -IMAGES, "b": 2 * IMAGES}, titles=["x", "y"], label="logit",
        alt=alt, signed=True, masks=MASKS,
    ),
    "maps_on_tiles": lambda alt: plots.maps_on_images(
        TILES, {"a": IMAGES}, titles=["x", "y"], label="logit", alt=alt
    ),
}  # fmt: skip
NUMBERS = {
    "soft_target_bars": "x: runner-up b with 1.0e-01; y: runner-up a with 2.0e-01",
    "class_matrix": "Largest value 7.0, from true class a to class b",
    "lines": "a: from 1 to 2; b: from 3 to 4",
    "seeds_by_setting": f"Means: d: 1 {SEEDS[0].mean():.1f}, 2 {SEEDS[1].mean():.1f}",
    "curves_over_epochs": f"after the last epoch: a: {SEEDS[:, -1].mean():.1f}",
    "paired_seeds": f"Means: a {SEEDS[0].mean():.1f}; b {SEEDS[1].mean():.1f}; "
    f"{(SEEDS[1] < SEEDS[0]).sum()} of 10 lines fall",
    "tiles": ALT,
    "maps_on_images": f"Colours: from {-2 * IMAGES.max():.2g} to {2 * IMAGES.max():.2g}",
    "maps_on_tiles": f"Colours: from 0 to {IMAGES.max():.2g}",
    "cost_bars": "Multiples of t: bytes: s 0.50",
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_carry_picture_and_numbers(name):
    before = dict(mpl.rcParams)
    figure = FIGURES[name](ALT)
    data, metadata = figure._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == figure.alt
    assert figure.alt.startswith(ALT)
    assert NUMBERS[name] in figure.alt
    assert data["text/plain"] == f"Figure: {figure.alt}"
    assert dict(mpl.rcParams) == before
    assert FIGURES[name](ALT).png() == FIGURES[name](ALT).png()


@pytest.mark.parametrize("name", FIGURES)
def test_no_chart_without_a_sentence(name):
    with pytest.raises(ValueError, match="in a sentence"):
        FIGURES[name]("fig 1")


@pytest.mark.parametrize("name", FIGURES)
def test_alt_text_must_be_a_sentence(name):
    with pytest.raises(ValueError, match="alt must say what"):
        plots.Figure(FIGURES[name](ALT).canvas, "fig 1")


def test_curves_show_the_interval_of_each_epoch():
    figure = FIGURES["curves_over_epochs"](ALT)
    (axes,) = figure.canvas.axes
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    for epoch in range(1, SEEDS.shape[1] + 1):
        heights = corners[corners[:, 0] == epoch][:, 1]
        mean, seeds = SEEDS[:, epoch - 1].mean(), len(SEEDS)
        half = stats.t.ppf(0.975, seeds - 1) * stats.sem(SEEDS[:, epoch - 1])
        assert heights.min() == pytest.approx(mean - half)
        assert heights.max() == pytest.approx(mean + half)


def test_the_slider_holds_what_the_page_needs():
    chart = interactive.temperature_slider(
        [3.0, 1.0, -1.0], ["a", "b", "c"], description="d"
    )
    spec = chart.to_dict()
    assert spec["description"] == "d"
    assert spec["usermeta"] == {"embedOptions": {"actions": False, "renderer": "svg"}}
    (parameter,) = spec["params"]
    assert (parameter["name"], parameter["bind"]["input"]) == ("T", "range")
    rows = next(iter(spec["datasets"].values()))
    assert [row["z"] for row in rows] == [0.0, -2.0, -4.0]  # shifted, so nothing overflows


@pytest.mark.parametrize(
    ("logits", "classes", "says"),
    [
        ([1.0], ["a", "b"], "one logit for each of 2"),
        ([1.0, 2.0], ["a", "a"], "different classes"),
        ([1.0, np.nan], ["a", "b"], "finite"),
    ],
)
def test_bad_sliders(logits, classes, says):
    with pytest.raises(ValueError, match=says):
        interactive.temperature_slider(logits, classes, description="d")


def test_slider_takes_tensors():
    interactive.temperature_slider(torch.zeros(2), ["a", "b"], description="d")


def test_points_are_open_marks_at_the_first_positions():
    figure = plots.lines(
        [3, 4, 5], {"a": [3.0, 2.0, 1.0]}, points={"a": [4.0, 1.5]},
        xlabel="seeds", ylabel="half-width", alt=ALT,
    )  # fmt: skip
    curve, marks = figure.canvas.axes[0].lines
    assert (curve.get_linestyle(), marks.get_linestyle()) == ("-", "None")
    np.testing.assert_array_equal(marks.get_xydata(), [[3, 4.0], [4, 1.5]])
    assert marks.get_fillstyle() == "none"
    assert marks.get_color() == curve.get_color()


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ({"b": [1.0]}, r"points for \['b'\], but the series are \['a'\]"),
        ({"a": [1.0, 2.0, 3.0]}, "3 points for 'a', but 2 positions"),
    ],
)
def test_points_must_fit_the_curves(points, says):
    with pytest.raises(ValueError, match=says):
        plots.lines(
            [1, 2], {"a": [1.0, 2.0]}, points=points, xlabel="x", ylabel="y", alt=ALT
        )
