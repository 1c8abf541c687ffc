"""Live figures, in a browser, beside what Python computes."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from kdteach.data import load
from kdteach.live import Reader, live_draw, live_temperature, normalised
from kdteach.live.bundle import _IMPORT, joined, source
from kdteach.live.exported import layers_of, rounded
from kdteach.models import trained_teacher
from kdteach.training import teacher_logits
from kdteach.types import Split

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))),
    None,
)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
MODULES = ("network", "normalise", "kit", "percent", "temperature", "draw")


def shown(page, figure, theme="light"):
    page.kd_errors.clear()
    page.set_content(
        f'<!doctype html><html lang="en" data-theme="{theme}"><title>t</title><body><main>'
        f"{figure._repr_html_()}</main></body></html>"
    )
    return page


def asked(page, module, call, *arguments):
    """Call a function of a module in the browser."""
    given = ", ".join(json.dumps(a) for a in arguments)
    return page.evaluate(f"(() => {{ {joined(module)}\nreturn ({call})({given}); }})()")


def state(page):
    return page.evaluate("document.querySelector('.kd-live').kdState")


@pytest.fixture(scope="module")
def some():
    valid = load("digits").valid
    return valid.select(torch.tensor([172, 24, 88])), teacher_logits(
        trained_teacher(0), valid
    )


def network(kind):
    torch.manual_seed(1)
    chains = {
        "linear": (nn.Flatten(), nn.Linear(784, 10)),
        "hidden": (nn.Flatten(), nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, 10)),
        "conv": (
            nn.Conv2d(1, 4, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(4, 6, 3),
            nn.ReLU(), nn.MaxPool2d(3), nn.Flatten(), nn.Dropout(0.5), nn.Linear(96, 10),
        ),
    }  # fmt: skip
    return nn.Sequential(*chains[kind])


@needs_browser
@pytest.mark.parametrize("kind", ["linear", "hidden", "conv"])
def test_the_page_computes_what_torch_computes(page, kind):
    """Logits and probabilities to 1e-9, from weights rounded to half precision."""
    split = load("digits").test.select(torch.arange(3))
    images = nn.functional.interpolate(split.images.double(), size=28)
    drawn = Split(images, split.labels, split.index)
    model = network(kind)
    shown(page, live_draw([Reader("A", "teacher", "", model)], drawn, list("0123456789")))
    expected = rounded(model)(images)
    for image, logits in zip(images, expected, strict=True):
        found = page.evaluate(
            "(pixels) => document.querySelector('.kd-live').kdShow(pixels)",
            image.flatten().tolist(),
        )["found"][0]
        assert torch.allclose(torch.tensor(found["logits"]), logits.float(), atol=1e-6)
        assert np.abs(np.array(found["logits"]) - logits.detach().numpy()).max() < 1e-9
        soft = (logits / 4).softmax(dim=0).detach().numpy()
        assert np.abs(np.array(found["p"]) - soft).max() < 1e-9
        assert found["best"] == int(logits.argmax())
    assert not page.kd_errors


@needs_browser
def test_half_precision_is_read_as_numpy_reads_it(page):
    import base64

    values = np.array(
        [0, -0.0, 1, -2.5, 65504, 6e-8, 5.96e-8, 6.1e-5, 6.09e-5, 0.1, 1 / 3], "<f2"
    )
    text = base64.b64encode(values.tobytes()).decode()
    found = asked(page, "network", "(t) => Array.from(halfs(t))", text)
    assert np.array_equal(np.array(found), values.astype(float))


@needs_browser
def test_the_page_normalises_as_python_does(page):
    """Drawings of every place and form, to 1e-12."""
    random = np.random.default_rng(0)
    shapes = [(40, 40), (140, 140), (7, 90), (90, 7), (1, 1), (21, 20), (20, 20)]
    for number in range(30):
        high, wide = shapes[number % len(shapes)]
        ink = np.zeros((high, wide))
        y, x = random.integers(0, high), random.integers(0, wide)
        ink[y : y + random.integers(1, high + 1), x : x + random.integers(1, wide + 1)] = 1
        ink *= random.random((high, wide)) ** random.choice([0.0, 1.0, 3.0])
        call = "(i, w, h) => Array.from(normalised(i, w, h))"
        found = asked(page, "normalise", call, ink.ravel().tolist(), wide, high)
        assert np.abs(np.array(found).reshape(28, 28) - normalised(ink)).max() < 1e-12


def test_normalised_is_what_the_database_says():
    """The longer side has 20 pixels, the aspect is kept, the centre of mass is central."""
    ink = np.zeros((140, 140))
    ink[10:90, 20:60] = 1  # 80 by 40
    image = normalised(ink)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert (len(rows), len(columns)) == (20, 10)
    assert image.max() == pytest.approx(1)
    y, x = np.indices(image.shape) + 0.5
    assert (image * y).sum() / image.sum() == pytest.approx(14, abs=0.5)
    assert (image * x).sum() / image.sum() == pytest.approx(14, abs=0.5)
    assert np.array_equal(normalised(np.roll(ink, (31, 17), axis=(0, 1))), image)
    assert not normalised(np.zeros((5, 5))).any()


def test_ink_is_kept_by_area():
    """A picture that has 20 pixels already is moved and not changed."""
    random = np.random.default_rng(0)
    picture = random.random((20, 13)) * 0.9 + 0.1
    image = normalised(np.pad(picture, 9))
    assert image.sum() == pytest.approx(picture.sum())
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert np.allclose(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], picture)


@needs_browser
def test_strokes_have_their_width_and_place(page):
    ink = np.array(asked(page, "normalise", "(s) => Array.from(inked(s, 60, 40, 9))",
                         [[[10, 20], [50, 20]]])).reshape(40, 60)  # fmt: skip
    assert ink[:, 30].sum() == pytest.approx(9, abs=0.01)  # across the stroke
    assert ink.sum() == pytest.approx(9 * 40 + np.pi * 4.5**2, rel=0.02)  # round ends
    assert ink.max() == 1
    assert ink.min() == 0


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_temperature_figure_answers(page, some, theme):
    split, logits = some
    classes = load("digits").classes
    shown(page, live_temperature(split, logits, classes, temperature=4), theme)
    slider, radios = page.get_by_role("slider"), page.get_by_role("radio")
    assert radios.count() == 3

    def check(row, t):
        found = state(page)
        z = logits[split.index[row]].double()
        p = (z / t).softmax(dim=0)
        student = torch.zeros(10, dtype=torch.float64, requires_grad=True)
        kl = (p * (p.log() - (student / t).log_softmax(dim=0))).sum()
        (slope,) = torch.autograd.grad(t**2 * kl, student)
        assert np.abs(np.array(found["p"]) - p.numpy()).max() < 1e-9
        assert np.abs(np.array(found["downhill"]) + slope.numpy()).max() < 1e-9
        entropy = torch.distributions.Categorical(probs=p).entropy()
        assert found["entropy"] == pytest.approx(float(entropy), abs=1e-6)

    check(0, 4.0)
    slider.focus()
    slider.press("ArrowRight")
    check(0, 4.1)
    slider.press("End")
    check(0, 40.0)
    radios.nth(0).focus()
    radios.nth(0).press("ArrowRight")  # by keyboard alone
    check(1, 40.0)
    assert "Label 6" in page.locator(".kd-words").inner_text()
    assert not page.kd_errors


@needs_browser
def test_bars_that_are_no_classes_are_called_by_their_name(page, some):
    split, logits = some
    parts = [f"part {letter}" for letter in "abcdefghij"]
    figure = live_temperature(
        split, logits, parts, said="subclass", labels=load("digits").classes
    )
    shown(page, figure)
    best = (logits[split.index[0]]).argmax()
    words = page.locator(".kd-words").inner_text()
    assert words.startswith("Label 9. At T = 1.0 the teacher gives ")
    assert f"% to subclass {parts[best]} and " in words
    assert "class part" in words
    assert " to class " not in words
    assert "gives its first image subclass part" in figure.still


@needs_browser
def test_the_pull_can_be_left_out_and_keeps_its_scale(page, some):
    split, logits = some
    classes = load("digits").classes
    shown(page, live_temperature(split, logits, classes, pull=False))
    assert page.locator(".kd-bars").count() == 1
    assert "Pull" not in page.locator(".kd-live").inner_text()
    shown(page, live_temperature(split, logits, classes))
    assert page.locator(".kd-bars").count() == 2

    def scale():  # units of the drawing for each unit of the pull, by the longest bar
        bars = page.locator(".kd-bars").nth(1).locator("rect")
        longest = max(float(bars.nth(i).get_attribute("height")) for i in range(10))
        return longest / max(map(abs, state(page)["downhill"]))

    at_one = scale()
    page.get_by_role("slider").focus()
    page.get_by_role("slider").press("End")
    assert scale() == pytest.approx(at_one)


@needs_browser
def test_a_drawing_is_answered(page, some):
    split, _ = some
    images = nn.functional.interpolate(split.images, size=28)
    drawn = Split(images, split.labels, split.index)
    readers = [
        Reader("Teacher", "teacher", "a", network("conv")),
        Reader("Student", "student", "b", network("hidden")),
    ]
    shown(page, live_draw(readers, drawn, load("digits").classes))
    box = page.locator(".kd-pad").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 150, steps=6)
    page.mouse.up()
    image = np.array(state(page)["image"])
    assert 0.02 < image.mean() < 0.4
    before = state(page)["found"][0]["logits"]
    expected = rounded(readers[0].model)(torch.tensor(image).view(1, 1, 28, 28))[0]
    assert np.abs(np.array(before) - expected.detach().numpy()).max() < 1e-9
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    soft = expected.softmax(dim=0).detach().numpy()
    assert np.abs(np.array(state(page)["found"][0]["p"]) - soft).max() < 1e-9
    page.get_by_role("button", name="Clear").click()
    assert not any(state(page)["image"])
    assert "Draw a digit" in page.locator(".kd-verdict").inner_text()
    page.get_by_role("radio").nth(1).check()
    assert np.allclose(state(page)["image"], images[1].flatten(), atol=0.5 / 255 + 1e-9)
    assert not page.kd_errors


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_accessible_and_fit_a_phone(page, some, theme):
    from axe_playwright_python.sync_playwright import Axe

    split, logits = some
    images = nn.functional.interpolate(split.images, size=28)
    figures = (
        live_temperature(split, logits, load("digits").classes),
        live_draw([Reader("A", "teacher", "a", network("linear"))],
                  Split(images, split.labels, split.index), load("digits").classes),
    )  # fmt: skip
    for figure in figures:
        page.set_viewport_size({"width": 390, "height": 800})
        shown(page, figure, theme)
        ground = "#ffffff" if theme == "light" else "#12161c"
        page.evaluate(f"document.body.style.background = '{ground}'")
        wide = page.evaluate("document.documentElement.scrollWidth")
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
        page.set_viewport_size({"width": 900, "height": 900})
        assert wide <= 390
        assert found.violations_count == 0, found.generate_report()


@needs_browser
def test_two_of_a_kind_keep_their_own_data(page, some):
    split, logits = some
    classes = load("digits").classes
    both = [live_temperature(split, logits, classes, temperature=t) for t in (2, 7)]
    page.set_content("".join(figure._repr_html_() for figure in both))
    found = page.evaluate(
        "[...document.querySelectorAll('.kd-live')].map((f) => f.kdState.t)"
    )
    assert found == [2, 7]


def test_without_scripts_a_sentence_stands_there(some):
    split, logits = some
    figure = live_temperature(split, logits, load("digits").classes, temperature=4)
    assert "At T = 4 the teacher gives its first image 9 56.4 %, then 5" in figure.still
    assert figure.description in repr(figure)


def test_names_of_modules_do_not_collide():
    """They share one scope in a figure."""
    for top in ("temperature", "draw"):
        text = joined(top)
        names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
        names += [n for g in re.findall(r"^(?:const|let) \[([^\]]*)\]", text, re.M)
                  for n in g.split(", ")]  # fmt: skip
        assert len(names) == len(set(names))
        assert "import " not in re.sub(r"//.*", "", text)
        assert "export " not in re.sub(r"//.*", "", text)
    for module in MODULES:  # each import is of a form that joining understands
        lines = [line for line in source(module).splitlines() if line.startswith("import")]
        assert len(lines) == len(_IMPORT.findall(source(module)))


def test_nothing_ends_the_script(some):
    split, logits = some
    names = ["</script><b>", *"123456789"]
    html = live_temperature(split, logits, names)._repr_html_()
    assert html.count("</script>") == 1
    assert "<b>" not in html


def test_bad_input_is_named(some):
    split, logits = some
    classes = load("digits").classes
    with pytest.raises(TypeError, match=r"split must be one Split.*\.valid"):
        live_temperature(load("digits"), logits, classes)
    with pytest.raises(ValueError, match="column for each of 10 classes"):
        live_temperature(split, logits[:, :9], classes)
    with pytest.raises(ValueError, match="row i belongs to sample index i"):
        live_temperature(split, logits[:100], classes)
    with pytest.raises(ValueError, match="labels must be 10 names, as many as classes"):
        live_temperature(split, logits, classes, labels=classes[:9])
    with pytest.raises(TypeError, match="said must be a str"):
        live_temperature(split, logits, classes, said=3)
    with pytest.raises(ValueError, match="finite"):
        live_temperature(split, logits * float("inf"), classes)
    with pytest.raises(ValueError, match=r"must hold 1 to 40 images \(N, 1, 28, 28\)"):
        live_draw([Reader("A", "teacher", "", network("linear"))], split, classes)
    with pytest.raises(ValueError, match="unknown role 'king'"):
        Reader("A", "king", "", network("linear"))
    with pytest.raises(ValueError, match=r"readers\[0\].model.1 is Tanh"):
        layers_of(nn.Sequential(nn.Flatten(), nn.Tanh()), "readers[0].model")
    big = nn.Linear(2, 2)
    nn.init.constant_(big.weight, 1e6)
    with pytest.raises(ValueError, match="float16 cannot hold"):
        layers_of(big)
    with pytest.raises(ValueError, match=r"ink must lie in \[0, 1\]"):
        normalised([[2.0]])
