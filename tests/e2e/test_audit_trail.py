"""An auditor sees every page about releases and changes nothing: the audit trail, the history, and the rest."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dashboard.client import SESSION_COOKIE
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site, a_site, answer_by_model
from tests.fixtures.dashboard.visits import Visitors
from tests.fixtures.waiting import until

pytestmark = pytest.mark.release("browser")

NAME = f"{CANDIDATE}-vs-{BASELINE}"
WHY = "answers in French"
SPLIT = f"split: {{{BASELINE}: 50, {CANDIDATE}: 50}}"
ANEW = f"split: {{{BASELINE}: 70, {CANDIDATE}: 30}}\n    salt: anew"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project whose experiment was re-armed, and then got another split by a change of the file."""
    with a_site(tmp_path_factory.mktemp("audited"), answer_by_model) as site:
        for action in ("kill", "rearm"):
            site.ask("POST", f"/api/experiments/{NAME}/{action}", {"why": WHY})
        path = site.services.project.path
        text = path.read_text()
        assert SPLIT in text
        path.write_text(text.replace(SPLIT, ANEW))
        until(lambda: len(site.ask("GET", "/api/plans")["rows"]) == 4)
        yield site


@pytest.fixture(scope="module")
def auditor(browser: Browser, project: Site) -> Iterator[Page]:
    """The page of Otto, who is an auditor."""
    with closing(Visitors(browser, project)) as people:
        yield people.page("Otto")


def main(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def test_an_auditor_sees_all_pages_but_the_rating_and_no_button_that_changes_something(
    auditor: Page, project: Site
) -> None:
    auditor.goto(f"{project.dashboard}/overview")
    expect(auditor.get_by_text("Signed in as Otto (auditor, read only)")).to_be_visible()
    links = auditor.get_by_test_id("stSidebarNavLink")
    expect(links).to_contain_text(["Overview", "Experiment", "Runs", "Gate", "Audit trail", "Configuration history"])
    auditor.goto(f"{project.dashboard}/experiment?experiment={NAME}")
    expect(main(auditor)).to_contain_text("History")
    for name in ("Stop", "Pause", "Amend", "End", "Approve stage"):
        expect(auditor.get_by_role("button", name=name, exact=True)).to_have_count(0)
    auditor.goto(f"{project.dashboard}/review")
    expect(main(auditor)).to_contain_text("This page needs the role reviewer. You are signed in as Otto (auditor).")


def test_what_an_auditor_s_browser_could_send_is_refused(project: Site) -> None:
    before = project.ask("GET", f"/api/experiments/{NAME}/state")
    answer = httpx.post(
        f"{project.control}/api/experiments/{NAME}/kill",
        json={"why": "an attempt"},
        headers={"cookie": f"{SESSION_COOKIE}={project.session('Otto')}"},
    )
    assert answer.status_code == 403
    message = answer.json()["error"]["message"]
    assert "this needs the role release-manager, but Otto has the role auditor, which only reads" in message
    assert project.ask("GET", f"/api/experiments/{NAME}/state") == before


def test_the_trail_says_who_stopped_the_experiment_and_why(auditor: Page, project: Site, tmp_path: Path) -> None:
    auditor.goto(f"{project.dashboard}/audit-trail?what=experiment.&subject={NAME.upper()}")
    expect(main(auditor)).to_contain_text("The chain of entries is intact")
    expect(main(auditor)).to_contain_text(f"stopped the experiment {NAME} (running → killed).")
    expect(main(auditor)).to_contain_text(f"Why: {WHY}")
    expect(main(auditor)).not_to_contain_text("published the configuration")
    auditor.get_by_text("Raw entry").first.click()
    expect(auditor.get_by_test_id("stJson").first).to_contain_text("experiment.")
    auditor.keyboard.press("Escape")  # the open entry may lie over the button
    expect(auditor.get_by_test_id("stPopoverBody")).to_have_count(0)
    with auditor.expect_download() as taken:
        auditor.get_by_role("button", name="CSV").click()
    taken.value.save_as(tmp_path / "trail.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "trail.csv").read_text(encoding="utf-8-sig"))))
    (kill,) = (row for row in rows if row["action"] == "experiment.kill")
    assert json.loads(kill["details"])["why"] == WHY and "stopped the experiment" in kill["sentence"]
    auditor.get_by_label("Subject").fill("nothing of this name")
    auditor.get_by_label("Subject").press("Enter")
    expect(main(auditor)).to_contain_text("No entry matches")
    assert "subject=nothing" in auditor.url and "what=experiment." in auditor.url


def test_who_changed_the_split_is_answered_from_the_trail_to_the_difference(auditor: Page, project: Site) -> None:
    auditor.goto(f"{project.dashboard}/audit-trail?what=plan.")
    newest = main(auditor).get_by_test_id("stVerticalBlock").filter(has_text="The project file changed")
    expect(newest.first).to_be_visible()
    expect(main(auditor)).to_contain_text("changed the state of an experiment")
    auditor.get_by_role("link", name="What changed").first.click()
    expect(auditor.get_by_role("heading", level=1)).to_contain_text("Configuration history")
    expect(main(auditor)).to_contain_text("changed by the project file.")
    row = main(auditor).get_by_role("row").filter(has_text=f"split: percent of {CANDIDATE}")
    expect(row).to_contain_text(f"experiment {NAME}")
    expect(row).to_contain_text("changed")
    expect(row.get_by_role("cell").filter(has_text="50")).to_be_visible()
    expect(row.get_by_role("cell").filter(has_text="30")).to_be_visible()


def test_what_was_served_at_a_time_is_answered_with_models_and_shares(auditor: Page, project: Site) -> None:
    auditor.goto(f"{project.dashboard}/plan-history")
    row = main(auditor).get_by_role("row").filter(has_text="support-bot")
    expect(row).to_contain_text(f"30 % {CANDIDATE} (openai/{CANDIDATE}-7b)")
    expect(row).to_contain_text(f"70 % {BASELINE} (openai/{BASELINE}-7b)")
    expect(main(auditor)).to_contain_text("Now: configuration")
    auditor.goto(f"{project.dashboard}/plan-history?date=2020-01-31&time=14:30")
    expect(main(auditor)).to_contain_text("no configuration was in force at 2020-01-31 14:30:00 UTC; the first one was")
    tomorrow = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1, day=1)
    auditor.goto(f"{project.dashboard}/plan-history?date={tomorrow:%Y-%m-%d}")
    expect(main(auditor)).to_contain_text("is in the future")


def test_a_plan_that_is_not_in_the_history_is_shown_as_missing(auditor: Page, project: Site) -> None:
    auditor.goto(f"{project.dashboard}/plan-history?after={'0' * 32}")
    expect(main(auditor)).to_contain_text("This configuration is not in the history.")
    auditor.get_by_role("button", name="The newest configurations").click()
    expect(main(auditor)).to_contain_text("From configuration")
