"""What a release manager reads about a live experiment in the browser, and that a refresh loses nothing typed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fixtures.dashboard.page_walk import WatchedPage
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site
from tests.fixtures.dashboard.visits import Visitors
from tests.fixtures.experiments.simulated_days import LIVE

pytestmark = pytest.mark.release("browser")


def opened(page: Page, site: Site, address: str) -> Locator:
    page.goto(f"{site.dashboard}/{address}")
    WatchedPage(page).settle()
    return page.get_by_test_id("stMain")


def test_the_experiment_page_begins_with_the_result_and_shows_what_it_rests_on(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Rita")
    main = opened(page, site, f"experiment?experiment={LIVE}&window=all")
    answer = main.get_by_role("region", name="The answer")
    expect(answer).to_contain_text(f"{CANDIDATE} is better: feedback.resolved is")
    expect(answer.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"feedback\.resolved: .* points \("))
    expect(main.get_by_text(f"points higher with {CANDIDATE} than with {BASELINE} (")).to_be_visible()
    expect(main.get_by_text("Decided: better, as planned.")).to_be_visible()
    expect(main.get_by_text("of 3 proven safe").or_(main.get_by_text("of 2 proven safe")).first).to_be_visible()
    expect(main.get_by_text("No sample-ratio mismatch so far")).to_be_visible()
    (coloured,) = main.locator("button[kind=primary]:visible").all()
    expect(coloured).to_have_text("Approve stage")
    chart = main.get_by_test_id("stVegaLiteChart").first
    expect(chart).to_be_visible()
    expect(main.get_by_text("Effect on feedback.resolved over time")).to_be_visible()
    expect(main.get_by_text("no harm is proven; not proven safe yet").first).to_be_visible()
    expect(main.get_by_text("40 %: next, needs an approval")).to_be_visible()
    expect(main.get_by_text("Who gets worse?")).to_be_visible()
    expect(main.get_by_text("A unit counts by the tags of its first request")).to_be_visible()


def test_the_overview_is_one_table_of_what_needs_a_person(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Rita")
    main = opened(page, site, "overview")
    row = main.get_by_role("row").filter(has_text=LIVE)
    expect(row).to_contain_text("Approve the next stage.")
    expect(row).to_contain_text("Better")
    expect(row.get_by_role("link", name=f"Approve stage: {LIVE}")).to_have_count(1)
    expect(main.get_by_test_id("stAlert")).to_have_count(0)
    expect(main.get_by_text("1 unchanged")).to_have_count(0)  # nobody has looked before
    page.reload()
    expect(main.get_by_text("Since you last looked")).to_contain_text("unchanged")


def test_an_alarm_is_acknowledged_with_a_reason(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Rita")
    main = opened(page, site, f"experiment?experiment={LIVE}")
    main.get_by_role("button", name="Acknowledge").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    reason = dialog.get_by_label("Reason (required)")
    expect(reason).to_be_visible()
    dialog.get_by_role("button", name="Acknowledge now").click()
    expect(dialog).to_contain_text("a reason is required")
    reason.fill("we decide on Monday")
    dialog.get_by_role("button", name="Acknowledge now").click()
    expect(dialog).to_have_count(0)
    expect(main.get_by_text("Acknowledged by account Rita")).to_be_visible()
    assert site.ask("GET", "/api/services")["alarms"] == {"open": 0, "acknowledged": 1}
    (alarm,) = site.ask("GET", "/api/alarms")["rows"]
    assert (alarm["state"], alarm["changed_by"]) == ("acknowledged", "account Rita")


@pytest.mark.release("browser")
def test_a_change_made_elsewhere_appears_by_itself(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Rita")
    main = opened(page, site, f"experiment?experiment={LIVE}")
    site.ask("POST", f"/api/experiments/{LIVE}/pause", {"why": "a test of the page"})
    expect(main.get_by_role("region", name="The answer")).to_contain_text("PAUSED by")
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
    expect(page.get_by_label("The answer")).to_contain_text("PAUSED by")  # the refreshed part
    expect(reason).to_have_value("half of a sen")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Continue", exact=True)).to_be_visible()
    site.ask("POST", f"/api/experiments/{LIVE}/resume", {"why": "the test is over"})
