"""Whether everybody can use the pages about experiments and verdicts, light or dark, at a desk or on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page

from tests.fixtures.dashboard.accessibility import serious_violations
from tests.fixtures.dashboard.page_walk import WatchedPage
from tests.fixtures.dashboard.site import Site
from tests.fixtures.dashboard.visits import ColorScheme, Visitors
from tests.fixtures.experiments.simulated_days import LIVE
from tests.fixtures.for_each import for_each

pytestmark = pytest.mark.release("browser")

WIDTHS = {"desk": 1280, "phone": 390}
WIDER = "element => element.scrollWidth - element.clientWidth"


@pytest.fixture(name="page", scope="module")
def page_fixture(browser: Browser, site: Site) -> Iterator[Page]:
    """Rita's page, into which a script may be written."""
    with closing(Visitors(browser, site, scripts=True)) as people:
        yield people.page("Rita")


@for_each("width", WIDTHS)
@for_each("scheme", ("light", "dark"))
@for_each("place", ("overview", "experiment", "verdicts", "verdict", "stop"))
def test_nobody_is_kept_from_using_a_page(
    page: Page, site: Site, axe: str, place: str, scheme: ColorScheme, width: str
) -> None:
    verdict = site.ask("GET", "/api/verdicts")["rows"][0]["verdict_id"]
    address = {
        "overview": "overview",
        "experiment": f"experiment?experiment={LIVE}&window=all",
        "verdicts": "gate",
        "verdict": f"gate?verdict={verdict}",
        "stop": f"experiment?experiment={LIVE}&do=kill",
    }[place]
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": WIDTHS[width], "height": 900})
    page.goto(f"{site.dashboard}/{address}")
    WatchedPage(page).settle()
    assert serious_violations(page, axe) == []
    assert page.get_by_test_id("stMain").evaluate(WIDER) <= 0
