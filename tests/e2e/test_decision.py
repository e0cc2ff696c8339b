"""What a release manager reads about a live experiment in the browser, and that a refresh loses nothing typed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fixtures.dashboard.page_walk import WatchedPage
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site
from tests.fixtures.dashboard.visits import Visitors
from tests.fixtures.experiments.simulated_days import LIVE

pytestmark = pytest.mark.release("browser")

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
WIDER = "element => element.scrollWidth - element.clientWidth"


def opened(page: Page, site: Site, address: str) -> Locator:
    page.goto(f"{site.dashboard}/{address}")
    WatchedPage(page).settle()
    return page.get_by_test_id("stMain")


def test_the_experiment_page_begins_with_the_result_and_shows_what_it_rests_on(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Rita")
    main = opened(page, site, f"experiment?experiment={LIVE}&window=all")
    result = main.get_by_test_id("stAlert").first
    expect(result).to_contain_text(f"{CANDIDATE} is better: feedback.resolved is")
    expect(main.get_by_text(f"points higher with {CANDIDATE} than with {BASELINE} (")).to_be_visible()
    expect(main.get_by_text("Decided: better, as planned.")).to_be_visible()
    expect(main.get_by_text("No guardrail shows proven harm;")).to_be_visible()
    expect(main.get_by_text("No sample-ratio mismatch so far")).to_be_visible()
    expect(main.get_by_text("Enrolled: 10 %. Next stage: 40 %, after your approval.")).to_be_visible()
    chart = main.get_by_test_id("stVegaLiteChart").first
    expect(chart).to_be_visible()
    expect(main.get_by_text("Effect on feedback.resolved over time")).to_be_visible()
    expect(main.get_by_text("no harm is proven; not proven safe yet").first).to_be_visible()
    expect(main.get_by_text("40 %: next, needs an approval")).to_be_visible()
    expect(main.get_by_text("Who gets worse?")).to_be_visible()
    expect(main.get_by_text("A unit counts by the tags of its first request")).to_be_visible()


def test_the_overview_begins_with_what_needs_a_decision(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Rita")
    main = opened(page, site, "overview")
    first = main.get_by_test_id("stAlert").first
    expect(first).to_contain_text(f"{LIVE}: the 40 % stage waits for an approval")
    button = main.get_by_role("button", name="Acknowledge").first
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    reason = dialog.get_by_label("Reason (required)")
    expect(reason).to_be_visible()
    dialog.get_by_role("button", name="Acknowledge now").click()
    expect(dialog).to_contain_text("a reason is required")
    reason.fill("we decide on Monday")
    dialog.get_by_role("button", name="Acknowledge now").click()
    expect(dialog).to_have_count(0)
    expect(main.get_by_text("Acknowledged alarms (1)")).to_be_visible()
    assert site.ask("GET", "/api/services")["alarms"] == {"open": 0, "acknowledged": 1}
    (alarm,) = site.ask("GET", "/api/alarms")["rows"]
    assert (alarm["state"], alarm["changed_by"]) == ("acknowledged", "account Rita")


@pytest.mark.release("browser")
def test_a_change_made_elsewhere_appears_by_itself(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Rita")
    main = opened(page, site, f"experiment?experiment={LIVE}")
    site.ask("POST", f"/api/experiments/{LIVE}/pause", {"why": "a test of the page"})
    expect(main.get_by_test_id("stAlert").first).to_contain_text("PAUSED by")
    resume = page.get_by_role("button", name="Continue", exact=True)
    expect(resume).to_be_visible()
    site.ask("POST", f"/api/experiments/{LIVE}/resume", {"why": "the test is over"})
    expect(resume).to_have_count(0)


@pytest.mark.release("browser")
def test_a_refresh_keeps_what_is_typed_into_an_open_dialog(visitors: Visitors, site: Site) -> None:
    page = visitors.new_page("Rita")
    opened(page, site, f"experiment?experiment={LIVE}")
    page.get_by_role("button", name="End", exact=True).click()
    reason = page.get_by_role("dialog").get_by_label("Reason (required)")
    reason.type("half of a sen")
    site.ask("POST", f"/api/experiments/{LIVE}/pause", {"why": "while somebody types"})
    expect(page.get_by_test_id("stAlert").first).to_contain_text("PAUSED by")  # the refreshed part
    expect(reason).to_have_value("half of a sen")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Continue", exact=True)).to_be_visible()
    site.ask("POST", f"/api/experiments/{LIVE}/resume", {"why": "the test is over"})


@pytest.mark.release("browser")
@pytest.mark.parametrize("address", ["overview", f"experiment?experiment={LIVE}&window=all"])
def test_a_phone_does_not_scroll_sideways(visitors: Visitors, site: Site, address: str) -> None:
    page = visitors.page("Rita")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    main = opened(page, site, address)
    expect(main.get_by_test_id("stVegaLiteChart").or_(main.get_by_test_id("stDataFrame")).first).to_be_visible()
    assert main.evaluate(WIDER) <= 0
    assert page.locator("html").evaluate(WIDER) <= 0
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
