"""Squares of photographs, and the figures of *Natural images* with their numbers."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data as photographs

from kdteach.data import load
from kdteach.experiments import EXPERIMENTS
from kdteach.plots.natural_images import (
    by_class,
    learning,
    looks_like,
    stems,
    taken_apart,
)
from kdteach.plots.natural_settings import filled_in, what_changed

SQUARES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def pictures(drawing):
    """The photographs of a drawing, as bytes (H, W, 3)."""
    return [
        np.array(Image.open(io.BytesIO(base64.b64decode(text))))
        for text in re.findall(r"data:image/png;base64,([\w+/=]+)", drawing)
    ]


# squares


def test_squares_lie_on_the_grid_of_their_photograph_and_none_is_there_twice():
    found = load("patches", dtype=torch.uint8)
    assert found.classes[3] == "cat"
    assert [len(s) for s in (found.train, found.valid, found.test)] == [210, 210, 420]
    cat = photographs.chelsea()
    grid = {
        cat[i : i + 32, j : j + 32].transpose(2, 0, 1).tobytes()
        for i in range(0, 300 - 31, 32)
        for j in range(0, 451 - 31, 32)
    }
    seen = [
        image.numpy().tobytes()
        for part in (found.train, found.valid, found.test)
        for image in part.images[part.labels == 3]
    ]
    assert len(set(seen)) == len(seen) == 120
    assert set(seen) <= grid
    grass = found.test.images[found.test.labels == 1]
    assert torch.equal(grass[:, 0], grass[:, 2])


def test_squares_are_the_same_everywhere():
    whole = load("patches", dtype=torch.float64)
    assert whole.checksum == "f08b5d6487ffdbda"
    fractions = load("patches", dtype=torch.uint8).train.images.double() / 255
    torch.testing.assert_close(whole.train.images, fractions)
    with pytest.raises(ValueError, match="leave root at None"):
        load("patches", "/tmp")
    with pytest.raises((TypeError, ValueError), match="dtype"):
        load("patches", dtype=torch.int64)


# figures


def test_photographs_have_their_own_pixels_and_the_three_first_classes():
    shares = [[0.1, 0.2, 0.7, 0.0], [0.5, 0.3, 0.15, 0.05]]
    figure = looks_like(SQUARES, shares, ["a 2", "a 0"], list("wxyz"), caption="So.")
    for drawing in (figure.wide, figure.narrow):
        for shown, image in zip(pictures(drawing), SQUARES, strict=True):
            wanted = (255 * image.permute(1, 2, 0).double() + 0.5).floor()
            np.testing.assert_array_equal(shown, wanted)
        for words in ("y 0.70", "x 0.20", "w 0.10", "w 0.50", "x 0.30", "y 0.15"):
            assert f">{words}<" in drawing
        assert ">z 0.05<" not in drawing
    assert figure.alt.endswith("a 2: y 0.70, x 0.20, w 0.10; a 0: w 0.50, x 0.30, y 0.15.")


def test_the_first_map_is_a_mean_over_its_places():
    figure = stems(SQUARES[0], {"a": ((8, 4), "n"), "b": ((32,), "m")}, caption="So.")
    whole, small, again, large = pictures(figure.wide)
    mean = SQUARES[0].double().reshape(3, 8, 4, 8, 4).mean(dim=(2, 4))
    wanted = (255 * mean.permute(1, 2, 0) + 0.5).floor()
    np.testing.assert_array_equal(small, wanted)
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_array_equal(whole, large)
    assert "a, n: 8 by 8, 4 by 4; b, m: 32 by 32" in figure.alt


ALONE = ("baseline", ("1", "x"), 59.11)
TAUGHT = ("student", ("2", "y"), 77.14)


def test_the_question_shows_what_changed_and_no_answer():
    figure = what_changed(
        SQUARES[0], {"a": ALONE, "b": TAUGHT}, ("rate", "teacher"), caption="So."
    )
    wanted = (255 * SQUARES[0].permute(1, 2, 0).double() + 0.5).floor()
    for drawing in (figure.wide, figure.narrow):
        one, other = pictures(drawing)
        np.testing.assert_array_equal(one, wanted)
        np.testing.assert_array_equal(other, wanted)
        said = re.findall(r">([^<>]+)<", drawing)
        for words in ("1", "x", "2", "y", "rate?", "teacher?"):
            assert said.count(words) == 1
        assert "18.0 points: whose work?" in said  # 77.14 less 59.11, and not 77.1 - 59.1
        for words in ("59.1 %", "77.1 %"):
            assert said.count(words) == 2
        # equal parts: the drawing must not suggest which is large
        x = [
            float(v) for v in re.findall(r'M([\d.]+) [\d.]+L[^"]+"[^>]*dasharray', drawing)
        ]
        (width,) = re.findall(r'viewBox="0 0 (\d+)', drawing)
        assert x == [pytest.approx(int(width) / 2)]
    assert "a: rate 1, teacher x, 59.1 % right; b: rate 2, teacher y, 77.1" in figure.alt


def test_the_answer_has_each_part_as_wide_as_it_is_worth():
    parts = {"rate": ("baseline", 6.0), "epochs": ("baseline", 0.5), "t": ("student", 3.5)}
    figure = filled_in(parts, 60.0, caption="So.")
    for drawing in (figure.wide, figure.narrow):
        bars = re.findall(r'M([\d.]+) [\d.]+L([\d.]+) [^"]+"[^>]*opacity', drawing)
        widths = np.array([float(end) - float(start) for start, end in bars])
        np.testing.assert_allclose(widths / widths.sum(), [0.6, 0.05, 0.35], atol=2e-3)
        said = re.findall(r">([^<>]+)<", drawing)
        for words in ("rate", "6.0", "epochs 0.5", "60.0 %", "70.0 %", "10.0 points"):
            assert said.count(words) == 1
    assert "60.0 % to 70.0 %, to scale: rate 6.0 points, epochs 0.5" in figure.alt


def test_every_run_is_a_dot_where_it_belongs():
    figure = taken_apart(
        {"a": ("baseline", [60.0, 64.0], 59.0), "b": ("student", [70.0], None)},
        low=50, high=80, step=10, unit="%", caption="So.",
    )  # fmt: skip
    dots = re.findall(r'<circle cx="([\d.]+)"[^>]*--kd-(\w+)\)" fill-op', figure.wide)
    left, right = 300.0, 830.0
    for (x, role), (value, wanted) in zip(
        dots, [(60, "baseline"), (64, "baseline"), (70, "student")], strict=True
    ):
        assert float(x) == pytest.approx(left + (right - left) * (value - 50) / 30, abs=0.1)
        assert role == wanted
    assert "a: 62.0 on average of 2, printed 59.0; b: 70.0 on average of 1." in figure.alt
    for mean in ("62.0", "70.0"):
        assert f">{mean}<" in figure.wide


def test_classes_and_curves_say_their_numbers():
    row = {"t": ("teacher", 51.2), "s": ("student", 57.9)}
    figure = by_class({"cat": row}, low=50, high=60, step=5, unit="%", caption="So.")
    assert "cat: t 51, s 58." in figure.alt
    curves = learning(
        {"s": ("student", [1.0, 0.02])}, {"s": ("student", [50.0, 77.0])}, caption="So."
    )
    assert "s: loss 0.020, accuracy 77.0 % at the end." in curves.alt
    ends = re.findall(r'<path d="M([\d. L]+)"[^>]*--kd-student', curves.wide)
    assert len(ends) == 2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: looks_like(SQUARES[:, :2], [[1.0]] * 2, ["a"] * 2, ["x"], caption=""),
         r"images must be \(n, 3, H, H\)"),
        (lambda: looks_like(SQUARES + 1, [[1.0]] * 2, ["a"] * 2, ["x"], caption=""),
         r"\[0, 1\]"),
        (lambda: looks_like(SQUARES, [[1.0]], ["a"] * 2, ["x"], caption=""),
         "probabilities must be 2"),
        (lambda: stems(SQUARES[0], {"a": ((5,), "n")}, caption=""), "divide 32"),
        (lambda: taken_apart({"a": ("red", [1.0], None)}, low=0, high=2, step=1,
                             unit="", caption=""), "colour of 'a'"),
        (lambda: taken_apart({"a": ("label", [3.0], None)}, low=0, high=2, step=1,
                             unit="", caption=""), "must lie in 0 to 2"),
        (lambda: by_class({"a": {"t": ("label", 1.0)}, "b": {"s": ("label", 1.0)}},
                          low=0, high=2, step=1, unit="", caption=""), "must have t"),
        (lambda: what_changed(SQUARES[0], {"a": TAUGHT, "b": ALONE}, ("r", "t"),
                              caption=""), "rows must be two students"),
        (lambda: what_changed(SQUARES[0], {"a": ALONE, "b": TAUGHT}, ("r",), caption=""),
         "must have 1 settings"),
        (lambda: what_changed(SQUARES, {"a": ALONE, "b": TAUGHT}, ("r", "t"), caption=""),
         r"image must be \(3, H, H\)"),
        (lambda: what_changed(2 * SQUARES[0], {"a": ALONE, "b": TAUGHT}, ("r", "t"),
                              caption=""), r"\[0, 1\]"),
        (lambda: filled_in({"a": ("student", 50.0)}, 60.0, caption=""), "end of the bar"),
        (lambda: filled_in({"a": ("student", 0.0)}, 60.0, caption=""), "points of 'a'"),
        (lambda: learning({"a": ("label", [0.0])}, {"a": ("label", [1.0])}, caption=""),
         "above 0"),
        (lambda: learning({"a": ("label", [1.0])}, {"b": ("label", [1.0])}, caption=""),
         "the names a"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_the_small_experiment_changes_one_thing_at_a_time():
    """And fits into 16 hours of a core, by the rates of its docstring."""
    small = EXPERIMENTS["cifar10-small"]
    plain = [c for c in small.configurations if c["role"] == "plain"]
    rest = [
        {k: v for k, v in c.items() if k not in ("learning_rate", "epochs")} for c in plain
    ]
    assert rest[0] == rest[1] == rest[2]
    assert plain[0]["learning_rate"] * 10 == pytest.approx(plain[1]["learning_rate"])
    assert plain[1]["epochs"] * 3 == plain[2]["epochs"]
    rate = {"resnet50": 144, "vgg16_bn": 56, "resnet18": 572}
    seconds = 0.0
    for config in small.configurations:
        views = config["epochs"] * int(config.get("transfer", 45_000))
        seconds += views / rate[config["model"]]
        if "teacher" in config:
            same = {
                **plain[2],
                **{k: config[k] for k in ("temperature", "alpha", "teacher")},
            }
            assert config == {**same, "role": "distilled"}
            seconds += views / (3 * rate[config["teacher"]["model"]])
    assert small.seeds * seconds / 3600 < 16
