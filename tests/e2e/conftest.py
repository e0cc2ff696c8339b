"""A real project and a real Chromium for the tests of this folder, started once for all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.fixtures.dashboard.accessibility import axe_script
from tests.fixtures.dashboard.hostile import SUITES, VERDICTS
from tests.fixtures.dashboard.page_walk import PageWalk, walk
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site, a_site, answer_by_model, answer_every_fourth
from tests.fixtures.dashboard.visits import ARGUMENTS, PATIENCE_MS, Visitors, chromium
from tests.fixtures.experiments.simulated_days import DAY_US, LIVE, LiveExperiment, Traffic, add_experiment
from tests.release_parts import OPTION

HERE = Path(__file__).parent
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A visit to every page costs about two seconds of CPU a page, so `make release` makes it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if "page_walk" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.release("browser"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Only this folder's: while Playwright runs, its thread has an event loop, which disturbs other folders' tests."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="package")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script that finds violations of accessibility rules."""
    return axe_script(tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="package")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The project that all tests share: accounts of every role, and runs of two models, some of which are hostile.

    Its live experiment takes five seconds to simulate, and only tests of `make release` look at it.
    """
    suites = SUITES | {"fourth": answer_every_fourth}
    fill = live_experiment if request.config.getoption(OPTION) else None
    with a_site(tmp_path_factory.mktemp("site"), answer_by_model, VERDICTS, suites, fill) as found:
        yield found


def live_experiment(path: Path) -> None:
    """Sixteen days of an experiment whose treatment is better, until now."""
    add_experiment(path, LIVE, control=BASELINE, treatment=CANDIDATE)
    live = LiveExperiment(path, LIVE, now_us=time.time_ns() // 1000 - 16 * DAY_US)
    live.step()
    live.run(Traffic(users={BASELINE: 70, CANDIDATE: 70}, yes={BASELINE: 0.5, CANDIDATE: 0.64}), days=16, looks=2)
    live.close()


@pytest.fixture(scope="package")
def visitors(browser: Browser, site: Site) -> Iterator[Visitors]:
    """The people of this folder's project, each with a page."""
    with closing(Visitors(browser, site)) as people:
        yield people


@pytest.fixture(autouse=True)
def empty_pages_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    """An open page costs CPU as long as it is open, also while tests of other projects run."""
    yield
    if "visitors" in request.fixturenames:
        request.getfixturevalue("visitors").rest()


@pytest.fixture(scope="package")
def page_walk(visitors: Visitors, site: Site, tmp_path_factory: pytest.TempPathFactory) -> PageWalk:
    """What a release manager meets on all pages."""
    site.enqueue(2, suite="hostile")
    with closing(visitors.new_page("Rita")) as page:
        return walk(page, site, tmp_path_factory.mktemp("downloads"))


@pytest.fixture
def page(visitors: Visitors) -> Page:
    """The page of Anna, who is a reviewer."""
    return visitors.page("Anna")
