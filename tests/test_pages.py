"""The rendered book in a browser: offline, legible, usable; needs Chromium and a build."""

import re
import shutil
from pathlib import Path

import pytest
from weighing import require_light

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "book" / "_build" / "html"
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))),
    None,
)
CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("*.ipynb"))
PAGES = [*CHAPTERS, *sorted(path.stem for path in (ROOT / "book").glob("*.md"))]
WITH_MATHS = {"temperature", "distillation_loss", "loss_further", "notation"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed: pages not looked at"
    ),
    pytest.mark.skipif(
        not (HTML / "index.html").exists(), reason="the book is not built: run make book"
    ),
]


class Visit:
    """A page, what it asked for, and what went wrong on it."""

    def __init__(self, browser, name, *, scheme="light", width=1280):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        self.page = self.context.new_page()
        self.requests, self.errors = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(request.url))
        self.page.goto((HTML / "book" / f"{name}.html").as_uri())
        self.page.wait_for_load_state("load")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_offline_light_and_legible(browser, name):
    """No request, no error, maths set, nothing wider than a phone, WCAG 2 AA twice."""
    with Visit(browser, name) as visit:
        if name in WITH_MATHS:
            visit.page.wait_for_selector("mjx-container", state="attached")  # or folded
            assert visit.page.locator("mjx-container").count() > 3
            assert visit.page.locator("mjx-merror").count() == 0
        assert raw_tex(visit.page) == []
        text = visit.page.evaluate("document.querySelector('article').innerText")
        assert not re.search(r"\{(numref|cite|ref|doc)\}|\\\\frac|:::", text)
        outside = [
            u for u in visit.requests if not u.startswith(("file:", "data:", "blob:"))
        ]
        assert outside == []
        assert visit.errors == []
        require_light(visit, HTML / "book" / f"{name}.html")
        # axe comes last: it asks for style sheets again, which a page from a file may not
        assert violations(visit.page) == []
        visit.page.emulate_media(color_scheme="dark")
        visit.page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        assert violations(visit.page, structure=False) == []
        visit.page.set_viewport_size({"width": 390, "height": 800})
        visit.page.wait_for_timeout(100)
        assert overflow(visit.page) == []


RAW_TEX = r"""() => {
    const found = [], raw = /\$[^$]+\$|\\\(|\\\[|\\begin\{|\\[a-z]{2,}[^a-z]/;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.parentElement.closest('mjx-container, code, pre, kbd, script, style, svg'))
            continue;
        if (raw.test(node.textContent)) found.push(node.textContent.trim().slice(0, 100));
    }
    return found;
}"""


def raw_tex(page):
    """Text in which a formula stands as it was written instead of being typeset."""
    page.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
    return page.evaluate(RAW_TEX)


def test_raw_formulas_would_be_found(browser):
    """In text that code makes too, on a page of the book; code may hold dollars."""
    with Visit(browser, "temperature") as visit:
        assert raw_tex(visit.page) == []
        for text in ("At $T = 1$ a teacher", r"\(x\)", r"\[x\]", r"the mean \mu of all"):
            visit.page.evaluate(
                "text => document.querySelector('article p').innerText = text", text
            )
            assert raw_tex(visit.page) == [text]
        visit.page.evaluate(
            "() => document.querySelector('article p').innerHTML = '<code>$x$</code>'"
        )
        assert raw_tex(visit.page) == []


def test_formulas_that_code_makes_are_typeset(browser):
    """In claims, tables and what checks say: by MathJax, as in a notebook."""
    with Visit(browser, "temperature") as visit:
        visit.page.wait_for_selector("mjx-container", state="attached")
        for kind in ("kd-claim", "kd-mark", "dataframe", "kd-check"):
            count = visit.page.evaluate(
                """async kind => {
                    const box = document.createElement('div');
                    box.className = kind;
                    box.textContent = 'for $T = 1$ and $T = 4$';
                    document.querySelector('article section').append(box);
                    await MathJax.typesetPromise([document.querySelector('article')]);
                    return box.querySelectorAll('mjx-container').length;
                }""",
                kind,
            )
            # what a check says may hold the text of an error, which is no formula
            assert count == (0 if kind == "kd-check" else 2), kind


@pytest.mark.parametrize("name", ["index", "temperature"])
def test_there_is_one_search_field_on_every_screen(browser, name):
    with Visit(browser, name) as visit:
        fields = visit.page.locator(".search-button__button, input[type=search]")
        for width in (390, 820, 1000, 1400, 1920):
            visit.page.set_viewport_size({"width": width, "height": 900})
            seen = [field for field in fields.all() if field.is_visible()]
            assert len(seen) == 1, width
        seen[0].click()
        visit.page.locator("dialog input[type=search]").wait_for(state="visible")


# Three texts of each look: own colour, size, weight, and what lies behind, up to the page.
LOOKS = r"""() => {
    const behind = new Map(), seen = new Map();
    const backdrop = node => {
        if (!node) return '';
        if (!behind.has(node)) {
            const look = getComputedStyle(node);
            behind.set(node, [look.backgroundColor, look.backgroundImage, look.opacity,
                look.filter, look.visibility, look.position, backdrop(node.parentElement),
            ].join());
        }
        return behind.get(node);
    };
    for (const node of document.querySelectorAll('[data-look]'))
        node.removeAttribute('data-look');
    for (const node of document.querySelectorAll('body *')) {
        if (![...node.childNodes].some(part => part.nodeType === 3 && part.data.trim()))
            continue;
        if (!node.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}))
            continue;
        const look = getComputedStyle(node);
        const key = [node.tagName, look.color, look.fontSize, look.fontWeight,
            look.textShadow, look.webkitTextFillColor, node.getAttribute('aria-disabled'),
            backdrop(node)].join('|');
        seen.set(key, (seen.get(key) || 0) + 1);
        if (node.ownerSVGElement || seen.get(key) <= 3) node.setAttribute('data-look', '');
    }
    return seen.size;
}"""


def violations(page, structure=True):
    """What axe finds against WCAG 2 A and AA.

    The contrast of a text depends on nothing but its look, and takes axe nearly all of its
    time: of the thousands of words that look alike it is asked of three.

    Args:
        page: in the browser.
        structure: whether to ask about all else, too, which is the same in both themes.
    """
    from axe_playwright_python.sync_playwright import Axe

    # the theme changes colours along a transition, whose end nobody needs to wait for
    page.add_style_tag(content="*, ::before, ::after { transition: none !important }")
    assert page.evaluate(LOOKS) > 0
    axe = Axe()
    contrast = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
    rest = {
        "runOnly": ["wcag2a", "wcag2aa"],
        "rules": {"color-contrast": {"enabled": False}},
    }
    found = []
    asked = [({"include": [["[data-look]"]]}, contrast)]
    for context, options in [*asked, (None, rest)] if structure else asked:
        # no rule of these needs the style sheets, which a page from a file may not fetch
        more = {"preload": False, "resultTypes": ["violations"]}
        done = axe.run(page, context, options | more)
        found += done.response["violations"]
    return [
        (v["id"], [(n["target"], n["failureSummary"][:200]) for n in v["nodes"][:3]])
        for v in found
    ]


def test_pale_words_would_be_found(browser):
    """Also one among thousands that look alike, and one on another ground."""
    last = "[...document.querySelectorAll('article .highlight pre span')].filter(node => "
    last += "node.checkVisibility() && node.textContent.length > 3"  # axe skips a letter
    last += ").at(-1)"
    with Visit(browser, "temperature") as visit:
        assert violations(visit.page) == []
        for change, undo in (
            ("style.color = '#e8e8e8'", "style.color = ''"),
            ("parentElement.style.background = '#555'", "parentElement.style = ''"),
        ):
            visit.page.evaluate(f"() => {{ {last}.{change} }}")
            assert [rule for rule, _ in violations(visit.page)] == ["color-contrast"]
            visit.page.evaluate(f"() => {{ {last}.{undo} }}")


def overflow(page):
    """What is wider than the page, where the page scrolls sideways."""
    return page.evaluate(
        """() => {
            const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) return [];
            const wide = [...document.querySelectorAll('article *')].filter(
                node => node.getBoundingClientRect().right > root.clientWidth + 1);
            return ['page', ...wide.slice(0, 5).map(node => node.outerHTML.slice(0, 120))];
        }"""
    )


def test_the_first_page_leads_to_the_book(browser):
    page = browser.new_page()
    page.goto((HTML / "index.html").as_uri())
    page.wait_for_url("**/book/index.html")
    assert "Knowledge distillation" in page.title()
    page.close()


def test_the_first_page_is_small_and_reads_a_drawing(browser):
    """Under 400 KB with its networks, from a file, and in the first screen of a phone."""
    assert (HTML / "book" / "index.html").stat().st_size < 400_000
    with Visit(browser, "index", width=390) as visit:
        box = visit.page.locator(".kd-pad").bounding_box()
        assert box["y"] + box["height"] < 844
        before = visit.page.locator(".kd-verdict").inner_text()
        x, y = box["x"] + box["width"] / 2, box["y"] + 30
        visit.page.mouse.move(x, y)
        visit.page.mouse.down()
        visit.page.mouse.move(x, y + 150, steps=5)
        visit.page.mouse.up()
        assert visit.page.locator(".kd-verdict").inner_text() not in ("", before)
        text = visit.page.locator("article").inner_text()
        assert "{{" not in text  # all numbers are in their places
        assert visit.errors == []


def test_search_works_from_a_file(browser):
    page = browser.new_page()
    page.goto((HTML / "search.html").as_uri() + "?q=temperature")
    page.wait_for_selector("#search-results li")
    assert page.locator("#search-results li").count() >= 2
    page.close()


def test_figures_keep_their_alt_text():
    for name in CHAPTERS:
        text = (HTML / "book" / f"{name}.html").read_text(encoding="utf-8")
        images = re.findall(r"<img[^>]*_images/[^>]*>", text)
        images += re.findall(r'<svg[^>]*role="img"[^>]*aria-label=[^>]*>', text)
        assert images, name
        for image in images:
            alt = re.search(r'(?:alt|aria-label)="([^"]*)"', image)
            assert alt, image
            assert len(alt.group(1).split()) >= 8, image


def test_launch_button_leads_to_colab():
    for name in CHAPTERS:
        text = (HTML / "book" / f"{name}.html").read_text(encoding="utf-8")
        assert re.search(
            rf'href="https://colab\.research\.google\.com/github/[^"]*{name}', text
        )
