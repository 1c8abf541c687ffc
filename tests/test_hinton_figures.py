"""The figures of the missing digit say the numbers that they were given."""

import re

import pytest
import torch

from kdteach.plots.hintons_digits import (
    average_answers,
    before_and_after,
    digits_found,
    logits_rise,
    look_alike_rows,
)
from kdteach.plots.hintons_heights import bias_needed

IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_each_image_has_its_probability_and_the_last_stands_apart():
    figure = look_alike_rows(
        {"8s": (IMAGES, [0.41, 0.3, 0.22, 0.104, 0.012])}, 3, caption="They resemble it."
    )
    assert figure.wide.count("<image") == 5
    assert figure.narrow.count("<image") == 4  # three and the ordinary one
    for words in (">3: 41 %<", ">3: 22 %<", ">3: 1.2 %<"):
        assert words in figure.wide
        assert words in figure.narrow
    assert ">3: 10 %<" in figure.wide
    assert ">3: 10 %<" not in figure.narrow
    assert "8s: 41%, 30%, 22%, 10%, ordinary 1.2%" in figure.alt
    assert figure.caption == "They resemble it."


@pytest.mark.parametrize("low", [0.0, 0.02])
def test_dots_are_as_high_as_the_shares(low):
    figure = average_answers(
        {"a": ("x", "teacher", [0.3, 0.1, 0.6]), "b": ("y", "student", [0.5, 0.02, 0.48])},
        1, caption="It is low.", low=low,
    )  # fmt: skip
    for drawing, panel in ((figure.wide, 0), (figure.narrow, 216)):
        dots = re.findall(r'cy="([\d.]+)" r="4.5" fill="var\(--kd-(\w+)', drawing)
        assert [role for _, role in dots] == ["teacher"] * 3 + ["student"] * 3
        tall = [186 + panel * (i > 2) - float(y) for i, (y, _) in enumerate(dots)]
        assert tall == pytest.approx(
            [128 / 1.1 * (p - low) / (0.6 - low) for p in (0.3, 0.1, 0.6, 0.5, 0.02, 0.48)],
            abs=0.06,
        )
        assert drawing.count(">10.0 %<") == 1
        assert drawing.count(">2.0 %<") == 1
        assert f">{100 * low:.0f} %<" in drawing
        assert ">33 %<" in drawing
        assert drawing.count('r="6"') == 2  # a ring around the dot of the class
    assert "a: 10.0%; b: 2.0%" in figure.alt


def test_one_line_a_run_and_one_for_the_mean():
    arms = {
        "soft targets": ("student", [10, 30, 50], [80, 90, 100]),
        "labels": ("baseline", [0, 0, 0], [0, 10, 20]),
    }
    figure = before_and_after(
        arms, high=100, unit="per cent", names=("as trained", "with a bias"),
        caption="It moves.", alt="Lines of runs.",
    )  # fmt: skip
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<circle") == 12
        assert len(re.findall(r'--kd-student\)" stroke-width="1.4"', drawing)) == 3
        assert len(re.findall(r'--kd-baseline\)" stroke-width="4.2"', drawing)) == 1
        assert ">30<" in drawing
        assert ">90<" in drawing
    assert figure.alt == (
        "Lines of runs. Means: soft targets: 30 as trained, 90 with a bias; labels: 0 as "
        "trained, 10 with a bias."
    )


def test_the_axis_may_begin_above_zero():
    given = {"high": 100, "unit": "%", "names": ("a", "b"), "caption": "c", "alt": "d"}
    figure = before_and_after({"x": ("student", [95, 95], [98, 98])}, low=90, **given)
    for drawing in (figure.wide, figure.narrow):
        for tick in (">90<", ">95<", ">100<"):
            assert tick in drawing
        heights = {
            float(y) for y in re.findall(r'cy="([\d.]+)" r="4.5" fill="var', drawing)
        }
        assert len(heights) == 2
    assert max(heights) - min(heights) == pytest.approx(0.3 * (172 - 8), abs=0.2)
    for wrong in (96, 100, -1):
        with pytest.raises(ValueError, match=r"runs of 'x'|low|high"):
            before_and_after({"x": ("student", [95, 95], [98, 98])}, low=wrong, **given)


def test_two_bars_a_digit():
    figure = digits_found(
        IMAGES, [0, 0.5, 0, 0, 1], [0.25, 0.5, 0.75, 1, 0.9], (1, 4), caption="They appear."
    )
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<image") == 5
        assert drawing.count("--kd-accent-edge") == 2
        bars = re.findall(
            r'd="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)"[^>]*--kd-(soft|student)\)', drawing
        )
        tall = [float(a) - float(b) for a, b, colour in bars if colour == "student"]
        assert tall == pytest.approx([92 * p for p in (0.25, 0.5, 0.75, 1, 0.9)], abs=0.11)
    assert "0 0% to 25%" in figure.alt


def test_rises_are_drawn_to_one_scale():
    teacher, student = [20, 30, 22, 18, 24], [19, 10, 21, 18, 22]
    figure = logits_rise(teacher, student, 1, caption="It rises too little.")
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("--kd-accent-edge") == 1
        bars = re.findall(
            r'd="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)"[^>]*--kd-(teacher|student)\)', drawing
        )
        for role, values in (("teacher", teacher), ("student", student)):
            tall = [float(a) - float(b) for a, b, c in bars if c == role][1:]  # the key
            assert tall == pytest.approx([110 * v / 30 for v in values], abs=0.11)
    assert "1 30 and 10" in figure.alt


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: look_alike_rows([1], 3, caption="x"), TypeError, "rows must be a dict"),
        (lambda: look_alike_rows({}, 3, caption="x"), ValueError, "rows must not be empty"),
        (
            lambda: look_alike_rows({"a": (IMAGES, [0.1])}, 3, caption="x"),
            ValueError,
            "a probability for each",
        ),
        (
            lambda: average_answers({"a": ("", "red", [0.5, 0.5])}, 0, caption="x"),
            ValueError,
            "colour of 'a'",
        ),
        (
            lambda: average_answers({"a": ("", "student", [0.5, 0.5])}, 2, caption="x"),
            ValueError,
            "number",
        ),
        (
            lambda: average_answers(
                {"a": ("", "student", [0.3, 0.7])}, 0, caption="x", low=0.4
            ),
            ValueError,
            "low",
        ),
        (
            lambda: before_and_after(
                {"a": ("student", [1, 2], [3])}, high=9, unit="u", names=("b", "c"),
                caption="x", alt="y",
            ),
            ValueError,
            "must be paired",
        ),
        (
            lambda: before_and_after(
                {"a": ("student", [1], [30])}, high=9, unit="u", names=("b", "c"),
                caption="x", alt="y",
            ),
            ValueError,
            "must lie in 0 to 9",
        ),
        (
            lambda: digits_found(IMAGES, [0.1], [0.2], (), caption="x"),
            ValueError,
            "a share for each of 5",
        ),
        (
            lambda: digits_found(IMAGES, [0] * 5, [2] * 5, (), caption="x"),
            ValueError,
            "after",
        ),
        (lambda: logits_rise([1], [1, 2], 0, caption="x"), ValueError, "as many classes"),
        (lambda: logits_rise([1, 2], [1, -2], 0, caption="x"), ValueError, "student"),
        (lambda: logits_rise([1, 2], [1, 2], 2, caption="x"), ValueError, "missing"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(make, error, says):
    with pytest.raises(error, match=says):
        make()


def biases(**given):
    return bias_needed(
        {"a": ("soft", [1, 2, 2, 9], [1.5, 8, 8, 9.5, 40]), "b": ("baseline", [4], [5])}
        | given,
        ("on 3s", "on others"),
        unit="bias",
        caption="They part.",
    )


def test_a_bar_is_as_tall_as_the_share_of_images_that_need_its_bias():
    figure = biases()
    for drawing in (figure.wide, figure.narrow):
        bars = [
            (float(bottom) - float(top), float(x), shade)
            for x, bottom, top, shade in re.findall(
                r'd="M([\d.]+) ([\d.]+)L[\d.]+ ([\d.]+)" fill="none" '
                r'stroke="var\(--kd-soft\)"[^>]*?(?:stroke-opacity="([\d.]+)"|/>)',
                drawing,
            )
        ]
        assert len(bars) == 6  # 0 to 2, 8 to 10; 0 to 2, 6 to 8, 8 to 10, 38 to 40
        tall = [bar[0] for bar in bars]
        assert tall == pytest.approx([74, 74 / 3, 37, 74, 37, 37], abs=0.2)
        near, far = bars[1][1] - bars[0][1], bars[5][1] - bars[0][1]
        assert far == pytest.approx(19 / 4 * near, rel=0.02)
        for words in (">+2<", ">75 %<", ">20 %<", ">+4<", ">100 %<", ">0 %<"):
            assert words in drawing
    assert "a, with +2: 75 % and 20 %; b, with +4: 100 % and 0 %" in figure.alt
    assert figure.caption == "They part."


def test_small_shares_keep_a_digit():
    figure = biases(b=("student", [4, -5], [-6] + 299 * [9]))
    assert ">0.3 %<" in figure.wide
    assert "b, with -5: 50 % and 0.3 %" in figure.alt


def test_biases_are_checked():
    with pytest.raises(TypeError, match="panels must be a dictionary"):
        bias_needed([], ("a", "b"), unit="u", caption="c")
    for wrong, words in (
        (("soft", [], [1]), "'b'"),
        (("soft", [1], [float("nan")]), "biases of 'b'"),
        (("label", [1], [1]), "colour of 'b'"),
    ):
        with pytest.raises(ValueError, match=words):
            biases(b=wrong)
    with pytest.raises(ValueError, match="must not be empty"):
        bias_needed({}, ("a", "b"), unit="u", caption="c")
