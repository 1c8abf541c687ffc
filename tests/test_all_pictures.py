"""``make figures``: every picture of the book on one page, light and dark."""

import importlib.machinery
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

from kdteach.diagrams import diagram_names
from kdteach.diagrams.pipeline import CHAPTERS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tool():
    loader = importlib.machinery.SourceFileLoader("figures", str(ROOT / "tools/figures"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("figures", loader)
    )
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page(tool, tmp_path_factory):
    out = tmp_path_factory.mktemp("gallery") / "figures.html"
    tool.main(["--out", str(out)])
    return out


def test_it_has_every_picture(page):
    text = page.read_text(encoding="utf-8")
    for name in diagram_names():
        assert f'id="diagram: {name}"' in text
    for name in CHAPTERS:
        assert f'id="pipeline: {name}"' in text
    pictures = 0
    for path in (ROOT / "book").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                if "image/png" in data and "text/html" not in data:
                    pictures += 1
                    assert data["image/png"].strip() in text
                elif re.search("<svg|<img", data.get("text/html", "")):
                    pictures += 1
                    assert data["text/html"] in text
    assert text.count("<section") >= pictures + len(CHAPTERS) + len(diagram_names())
    assert f"<strong>{text.count('<section')} pictures" in text


@pytest.mark.slow
def test_each_is_shown_light_and_dark(page, browser):
    visit = browser.new_page(viewport={"width": 1200, "height": 800})
    visit.goto(page.as_uri())
    visit.wait_for_selector("section iframe")
    frames = visit.locator("section").first.locator("iframe")
    assert frames.count() == 2
    grounds = []
    for number in range(2):
        inside = frames.nth(number).content_frame
        inside.locator("svg.kd-wide, svg.kd-narrow").first.wait_for(state="attached")
        ink = "getComputedStyle(document.querySelector('.kd-diagram')).color"
        grounds.append(inside.locator("body").evaluate(f"() => {ink}"))
    assert grounds[0] != grounds[1]
    visit.close()
