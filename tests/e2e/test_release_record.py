"""An auditor answers five questions from the dashboard alone, and a release manager votes on a verdict there.

Each answer leaves a screenshot in the test's folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gateway.control.verdicts.export_check import check_export
from tests.fixtures.dashboard.page_walk import WatchedPage
from tests.fixtures.dashboard.released import APPROVED, GATE, OTHER_GATE, PROMOTED, Released, published_long_ago
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, a_site, answer_by_model
from tests.fixtures.dashboard.visits import Visitors
from tests.fixtures.waiting import until

pytestmark = pytest.mark.release("browser")

SPLIT = f"split: {{{BASELINE}: 50, {CANDIDATE}: 50}}"
ANEW = f"split: {{{BASELINE}: 70, {CANDIDATE}: 30}}\n    salt: anew"
ALONE = "SHIP, approved by the person who asked for it and promoted it (account Rita)"
REASON = 'read <b>the</b> "answers"'
ENTRY = "ancestor::*[.//a[contains(., 'What changed')]][1]"
"""The entry of the audit trail around a text of it."""
CUT_OFF = """cell => [cell, ...cell.querySelectorAll('*')]
    .filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML)"""
"""The elements of a cell whose text is wider than they are."""
TUESDAY = 1
"""As `datetime.weekday` counts."""


@dataclass(frozen=True)
class Audited(Released):
    """A project in which one verdict was approved and used for a promotion; ``unofficial`` is of another gate."""

    released: str
    unofficial: str


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """The plan is 16 days old; today its split changed, and then the candidate was released."""
    with a_site(tmp_path_factory.mktemp("released"), answer_by_model, fill=published_long_ago) as site:
        path = site.services.project.path
        before = len(site.ask("GET", "/api/plans")["rows"])
        path.write_text(path.read_text().replace(SPLIT, ANEW))
        until(lambda: len(site.ask("GET", "/api/plans")["rows"]) > before)
        found = Released(site)
        unofficial = found.judge(OTHER_GATE)
        yield Audited(site, found.release(), unofficial)


@pytest.fixture(scope="module")
def people(browser: Browser, audited: Audited) -> Iterator[Visitors]:
    with closing(Visitors(browser, audited.site)) as found:
        yield found


@pytest.fixture
def auditor(people: Visitors) -> Page:
    """The page of Otto, who is an auditor."""
    return people.page("Otto")


def main(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def opened(page: Page, address: str, heading: str) -> WatchedPage:
    watched = WatchedPage(page)
    page.goto(address)
    watched.settle()
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    watched.settle()
    return watched


def shot(page: Page, tmp_path: Path, name: str) -> None:
    """A screenshot of the whole page, whose own height has no end in Streamlit."""
    height = page.get_by_test_id("stMainBlockContainer").evaluate("element => Math.ceil(element.scrollHeight)")
    page.set_viewport_size({"width": 1280, "height": min(9000, height + 120)})
    WatchedPage(page).settle()
    page.screenshot(path=tmp_path / f"{name}.png")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_who_released_this(auditor: Page, audited: Audited, tmp_path: Path) -> None:
    opened(auditor, f"{audited.site.dashboard}/gate", "Gate")
    auditor.goto(audited.address(audited.released))
    expect(auditor.get_by_role("heading", level=1)).to_have_text(ALONE)
    expect(main(auditor)).to_contain_text("OFFICIAL")
    expect(main(auditor)).to_contain_text("The gate requires: release-manager. All approvals are there.")
    vote = main(auditor).get_by_role("row").filter(has_text=APPROVED)
    expect(vote).to_contain_text("account Rita")
    expect(main(auditor).get_by_role("row").filter(has_text="asked by")).to_contain_text("account Rita")
    for name in ("Approve", "Reject"):
        expect(auditor.get_by_role("button", name=name, exact=True)).to_have_count(0)
    shot(auditor, tmp_path, "1-who")
    release = main(auditor).get_by_role("row").filter(has_text=PROMOTED)
    expect(release).to_contain_text("promote")
    expect(release).to_contain_text("account Rita")


def test_on_what_evidence(auditor: Page, audited: Audited, tmp_path: Path) -> None:
    opened(auditor, audited.address(audited.released), "SHIP")
    auditor.get_by_role("button", name="Judge again from the evidence").click()
    expect(main(auditor)).to_contain_text("The same: the evidence gives SHIP again")
    auditor.get_by_role("button", name="Verify").click()
    expect(main(auditor)).to_contain_text("Intact: this verdict, its evidence")
    for fact, value in (("trained from", "plover"), ("method", "lora"), ("cost of the training", "$12.50")):
        expect(main(auditor).get_by_role("row").filter(has_text=fact)).to_contain_text(value)
    expect(main(auditor).get_by_role("row").filter(has_text="train.jsonl")).to_contain_text("not read")
    expect(main(auditor)).to_contain_text("Changed without being asked")
    for cell in main(auditor).get_by_role("cell").filter(has_text=re.compile("^[0-9a-f]{64}$")).all():
        assert cell.evaluate(CUT_OFF) == [], cell.inner_text()
    shot(auditor, tmp_path, "2-evidence")
    auditor.get_by_role("link", name=f"Run on {CANDIDATE}").click()
    expect(auditor.get_by_role("heading", level=1)).to_contain_text(f"tickets on {CANDIDATE}")


def test_against_which_rules(auditor: Page, audited: Audited, tmp_path: Path) -> None:
    opened(auditor, audited.address(audited.released), "SHIP")
    auditor.get_by_text("The gate's text, SHA-256").click()
    expect(main(auditor)).to_contain_text("approvers: [release-manager]")
    rule = main(auditor).get_by_role("row").filter(has_text="contains.accuracy is 100.0 %")
    expect(rule).to_contain_text("tickets")
    expect(rule).to_contain_text("pass")
    shot(auditor, tmp_path, "3-rules")


def test_what_was_served_last_tuesday(auditor: Page, audited: Audited, tmp_path: Path) -> None:
    today = datetime.now(UTC)
    tuesday = today - timedelta(days=(today.weekday() - TUESDAY) % 7 or 7)
    address = f"{audited.site.dashboard}/plan-history?date={tuesday:%Y-%m-%d}&time=12:00"
    opened(auditor, address, "Configuration history")
    expect(main(auditor)).to_contain_text(f"At {tuesday:%d %b %Y}, 12:00 UTC: configuration")
    row = main(auditor).get_by_role("row").filter(has_text="support-bot")
    expect(row).to_contain_text(f"50 % {CANDIDATE} (openai/{CANDIDATE}-7b)")
    expect(row).to_contain_text(f"50 % {BASELINE} (openai/{BASELINE}-7b)")
    shot(auditor, tmp_path, "4-served")
    opened(auditor, f"{audited.site.dashboard}/plan-history", "Configuration history")
    row = main(auditor).get_by_role("row").filter(has_text="support-bot")
    expect(row).to_contain_text(f"100 % {CANDIDATE} (openai/{CANDIDATE}-7b)")


def test_who_changed_the_split(auditor: Page, audited: Audited, tmp_path: Path) -> None:
    opened(auditor, f"{audited.site.dashboard}/audit-trail?what=plan.", "Audit trail")
    newest = main(auditor).get_by_text("The project file changed").first
    link = newest.locator(f"xpath={ENTRY}").get_by_role("link", name="What changed")
    shot(auditor, tmp_path, "5-who-changed")
    link.click()
    expect(auditor.get_by_role("heading", level=1)).to_contain_text("Configuration history")
    expect(main(auditor)).to_contain_text("changed by the project file.")
    row = main(auditor).get_by_role("row").filter(has_text=f"split: percent of {CANDIDATE}")
    expect(row.get_by_role("cell").filter(has_text="30")).to_be_visible()
    shot(auditor, tmp_path, "5-split")


def test_a_release_manager_votes_with_a_reason_and_sees_the_new_state(
    people: Visitors, audited: Audited, tmp_path: Path
) -> None:
    page = people.page("Rita")
    verdict = audited.judge(GATE)
    watched = opened(page, audited.address(verdict), "SHIP, waiting for release-manager")
    expect(main(page)).to_contain_text("Still missing: release-manager (fairtrial verdict approve")
    shot(page, tmp_path, "6-waiting")
    page.get_by_role("button", name="Reject", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Reject now").click()
    expect(dialog).to_contain_text("a reason is required")
    dialog.get_by_label("Reason (required)").fill(REASON)
    page.screenshot(path=tmp_path / "6-dialog.png")
    dialog.get_by_role("button", name="Reject now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("SHIP, rejected by account Rita")
    watched.settle()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Approve", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason (required)")).to_have_count(1)
    dialog.get_by_label("Reason (required)").fill(APPROVED)
    dialog.get_by_role("button", name="Approve now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(ALONE.replace(" and promoted it", ""))
    expect(main(page)).to_contain_text("approved by the person who asked for it")
    votes = audited.site.ask("GET", f"/api/verdicts/{verdict}/record")["approvals"]["votes"]
    assert [(one["vote"], one["why"]) for one in votes] == [("reject", REASON), ("approve", APPROVED)]
    shot(page, tmp_path, "6-approved")


def test_an_unofficial_ship_looks_official_nowhere(people: Visitors, audited: Audited, tmp_path: Path) -> None:
    page = people.page("Rita")
    opened(page, audited.address(audited.unofficial), "Unofficial SHIP")
    expect(main(page)).to_contain_text("UNOFFICIAL")
    expect(main(page)).to_contain_text("It can't release anything: the official gate is release")
    shot(page, tmp_path, "7-unofficial")
    opened(page, f"{audited.site.dashboard}/overview", "Overview")
    expect(main(page)).to_contain_text("unofficial gate trial")
    expect(main(page)).to_contain_text("official gate release")
    expect(main(page)).to_contain_text("Unofficial SHIP")
    shot(page, tmp_path, "7-overview")
    opened(page, f"{audited.site.dashboard}/gate", "Gate")
    shot(page, tmp_path, "7-list")
    page.get_by_role("combobox", name="Open a verdict").click()
    names = page.get_by_role("option").all_inner_texts()
    assert any(name.startswith("Unofficial SHIP: ") and "gate trial" in name for name in names), names
    assert not any(name.startswith("SHIP") and "gate trial" in name for name in names), names


def test_the_export_is_a_page_for_print_that_proves_itself(auditor: Page, audited: Audited, tmp_path: Path) -> None:
    opened(auditor, audited.address(audited.released), "SHIP")
    with auditor.expect_download() as taken:
        auditor.get_by_role("button", name="Export", exact=True).click()
    taken.value.save_as(tmp_path / "export.html")
    found = check_export(tmp_path / "export.html")
    assert found.problems == [] and found.shows.verdict_id == audited.released
    with auditor.expect_popup() as popup:
        auditor.get_by_role("link", name="Print view").click()
    page = popup.value
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{ALONE}: {CANDIDATE} against {BASELINE}")
    expect(page.get_by_text("HEAD of the chain: hash")).to_be_visible()
    expect(page.get_by_text(re.compile("fairtrial verdict verify FILE.html"))).to_be_visible()
    assert page.pdf(path=tmp_path / "export.pdf").startswith(b"%PDF")
    page.close()
