import os
import shutil
import signal
from collections import defaultdict

import pytest
import seconds
import torch
import warm
from hypothesis import settings

from kdteach import data

# a machine that keeps no bytecode would compile the package in each of 200 processes
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
settings.register_profile("busy", deadline=None)  # nothing hangs on how busy a machine is
settings.load_profile("busy")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def heard():
    """Ctrl-C is heard, also where the tests run in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")  # one for all pages that a process looks at
def browser():
    """Chromium, where it is installed."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser")
    chromium = next((path for name in names if (path := shutil.which(name))), None)
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """An empty page that keeps what goes wrong in it, and every address it asks for."""
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.kd_errors = []
    page.on("pageerror", lambda error: page.kd_errors.append(str(error)))
    page.on("request", lambda request: page.kd_errors.append(request.url))
    yield page
    page.close()


@pytest.fixture
def general_way(monkeypatch):
    """Plain networks are trained by the loop too, as every other network is."""
    monkeypatch.setattr("kdteach.training.fused.PRECISIONS", set())


@pytest.fixture(params=["fast", "general"])
def either_way(request):
    """A test that plain networks pass by the fast way, and by the loop."""
    if request.param == "general":
        request.getfixturevalue("general_way")


@pytest.fixture(scope="session")
def digits():
    return data.load("digits", dtype=torch.float64)


@pytest.hookimpl(optionalhook=True)  # where xdist is installed
def pytest_xdist_make_scheduler(config, log):
    """Groups stay with one process, and the longest begin."""
    from grouping import Grouped

    return Grouped(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    arranged = seconds.arrange(items, seconds.listed())
    gpu = torch.cuda.is_available() or os.environ.get("KDTEACH_DEVICE")
    items[:] = [item for item, *_ in arranged]
    for item, _, slow, quick in arranged:
        if slow:
            item.add_marker(pytest.mark.slow)
        elif quick and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.quick)
        if item.get_closest_marker("gpu") and not gpu:
            item.add_marker(pytest.mark.skip(reason="no GPU here"))


class Stopwatch:
    """Adds up what set-up, call and end of each test take."""

    def __init__(self, config):
        self.config, self.seconds = config, defaultdict(float)

    def pytest_runtest_logreport(self, report):
        self.seconds[seconds.of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self):
        kept = self.config.cache.get(seconds.CACHE, {}) | self.seconds
        self.config.cache.set(seconds.CACHE, kept)

    def pytest_terminal_summary(self, terminalreporter):
        """Say where ``make quick`` is no longer quick, and by what."""
        if self.config.getoption("markexpr") != "quick":
            return
        whole = sum(self.seconds.values())
        if whole > seconds.BUDGET:
            longest = sorted(self.seconds, key=self.seconds.get)[-5:]
            terminalreporter.write_line(
                f"These tests took {whole:.0f} s together, and should take at most "
                f"{seconds.BUDGET:.0f} s: run make test and make times, which leave out "
                f"what takes long. The longest: {', '.join(reversed(longest))}",
                yellow=True,
            )


def pytest_configure(config):
    apart = hasattr(config, "workerinput") or not hasattr(config, "cache")
    if not apart:  # the process that hears of all tests
        config.pluginmanager.register(Stopwatch(config), "kdteach-stopwatch")
        if config.getoption("dist", "no") != "no":
            warm.share()
    if warm.PLACE in os.environ:  # this process, or the one that started it, has shared it
        warm.copy_workers()
