"""How few steps lead from what needs a person to what the person does: stop on a phone, and why a verdict blocks.

Each step leaves a screenshot in the test's folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.dashboard.page_walk import WatchedPage
from tests.fixtures.dashboard.released import NAME, Released, a_released_site
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE
from tests.fixtures.dashboard.visits import Visitors

pytestmark = pytest.mark.release("browser")

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    """A project whose experiment runs, and whose newest verdict blocks its candidate."""
    with a_released_site(tmp_path_factory.mktemp("blocked")) as found:
        found.block()
        yield found


@pytest.fixture
def page(browser: Browser, blocked: Released) -> Iterator[Page]:
    """The page of Rita, who is a release manager."""
    with closing(Visitors(browser, blocked.site)) as people:
        yield people.new_page("Rita")


def settled(page: Page) -> Page:
    WatchedPage(page).settle()
    return page


def test_two_clicks_lead_from_the_overview_to_the_lost_cases(page: Page, blocked: Released, tmp_path: Path) -> None:
    page.goto(f"{blocked.site.dashboard}/overview")
    settled(page).screenshot(path=tmp_path / "1-overview.png")
    page.get_by_role("link", name="Evidence").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("BLOCK")
    expect(settled(page).get_by_test_id("stMain")).to_contain_text("not worse than base by 10pp")
    page.screenshot(path=tmp_path / "2-why.png")
    page.get_by_role("link", name="Lost cases").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"losses: {CANDIDATE} against {BASELINE}")
    expect(settled(page).get_by_role("radio", name="lost: only the baseline is right (20)")).to_be_checked()
    page.screenshot(path=tmp_path / "3-lost.png")


def test_two_taps_and_a_reason_stop_a_variant_on_a_phone(page: Page, blocked: Released, tmp_path: Path) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{blocked.site.dashboard}/experiment?experiment={NAME}&do=kill")  # the first tap, on the message's link
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason (required)").fill("answers in French")
    page.screenshot(path=tmp_path / "1-stop.png")
    dialog.get_by_role("button", name="Stop now").click()
    expect(dialog).to_have_count(0)
    answer = page.get_by_role("region", name="The answer")
    expect(answer).to_contain_text("STOPPED by account Rita")
    settled(page).screenshot(path=tmp_path / "2-stopped.png")
    state = blocked.site.ask("GET", f"/api/experiments/{NAME}/state")
    assert (state["state"], state["last_transition"]["why"]) == ("killed", "answers in French")
    page.goto(f"{blocked.site.dashboard}/experiment?experiment={NAME}&do=kill")  # an old message
    expect(page.get_by_text("This is not possible now: Stop.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
