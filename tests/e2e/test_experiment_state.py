"""A release manager stops and restarts an experiment in the browser, each time with a reason."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site
from tests.fixtures.dashboard.visits import Visitors

NAME = f"{CANDIDATE}-vs-{BASELINE}"


def change(page: Page, button: str, why: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    confirm, reason = dialog.get_by_role("button", name=f"{button} now"), dialog.get_by_label("Reason (required)")
    expect(reason.first).to_have_value("")  # for a moment, the dialog of the change before may follow the new one
    expect(reason).to_have_count(1)
    confirm.click()
    expect(dialog).to_contain_text("a reason is required")
    reason.fill(why)
    confirm.click()
    expect(dialog).to_have_count(0)


@pytest.mark.release("browser")
def test_a_release_manager_kills_and_re_arms_an_experiment_with_a_reason(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Rita")
    page.goto(f"{site.dashboard}/experiment?experiment={NAME}")
    main = page.locator("[data-testid=stMain]")
    change(page, "Stop", "answers in French")
    expect(main).to_contain_text("Answers in French.")
    expect(main).to_contain_text("History")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_have_count(0)
    change(page, "Start again", "the language is fixed")
    expect(main).to_contain_text("the language is fixed")
    expect(main).to_contain_text("This is segment 2")
    (again, first) = site.ask("GET", f"/api/experiments/{NAME}/transitions")["rows"]
    assert [(row["action"], row["actor"]) for row in (first, again)] == [
        ("kill", "account Rita"),
        ("rearm", "account Rita"),
    ]


@pytest.mark.release("browser")
def test_a_reviewer_has_no_such_page(visitors: Visitors, site: Site) -> None:
    page = visitors.page("Anna")
    page.goto(f"{site.dashboard}/experiment")
    expect(page.locator("[data-testid=stMain]")).to_contain_text("release-manager")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
