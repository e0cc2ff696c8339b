"""A real project and a real Chromium for the tests of this folder, started once for all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from fairtrial.cli.services import Services
from tests.e2e.site import Site, answer_by_model
from tests.integration.fake_upstream import FakeUpstream
from tests.integration.project_files import write_project

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

Visit = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A module's own: while Playwright runs, its thread has an event loop, which other folders' tests may not find."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("the tests of the dashboard need Chromium: make browser")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with FakeUpstream() as upstream:
        upstream.script = answer_by_model
        path = write_project(folder, upstream=upstream.url.removesuffix("/v1"), workers=1)
        with Services(path, workers=1) as services:
            found = Site(services, upstream)
            with ThreadPoolExecutor(1) as aside:  # Playwright's event loop may run in this thread
                aside.submit(found.run_suite, folder).result()
            yield found


@pytest.fixture
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    made.set_default_timeout(PATIENCE_MS)
    yield made
    made.close()
