"""A real project and a real Chromium for the tests of this folder, started once for all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from dashboard.client import SESSION_COOKIE
from tests.fixtures.dashboard.site import Site, a_site, answer_by_model

HERE = Path(__file__).parent
PATIENCE_MS = 20_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=PATIENCE_MS)

Visit = Callable[..., BrowserContext]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def chromium() -> str:
    """Where Chromium is; a test fails without one, and says how to get it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return found or pytest.fail("the tests of the dashboard need Chromium: make browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A module's own: while Playwright runs, its thread has an event loop, which other folders' tests may not find."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The project that all tests share, with accounts of every role and the runs of two models."""
    with a_site(tmp_path_factory.mktemp("site"), answer_by_model) as found:
        yield found


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Makes a browser context in which that person has signed in; ``None``: nobody has."""
    with visits(browser, site) as visit:
        yield visit


@contextmanager
def visits(browser: Browser, site: Site) -> Iterator[Visit]:
    """The same for a site of a test's own."""
    made: list[BrowserContext] = []

    def one(name: str | None, **options: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(PATIENCE_MS)
        if name is not None:
            context.add_cookies([{"name": SESSION_COOKIE, "value": site.session(name), "url": site.control}])
        made.append(context)
        return context

    yield one
    for context in made:
        context.close()


@pytest.fixture
def context(visit: Visit) -> BrowserContext:
    """The browser of Anna, who is a reviewer."""
    return visit("Anna")
