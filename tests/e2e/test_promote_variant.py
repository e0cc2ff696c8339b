"""An admin promotes a variant in the browser and sees what to write, and a release manager rolls it back."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.fixtures.dashboard.page_walk import WatchedPage
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site
from tests.fixtures.dashboard.visits import Visitors
from tests.fixtures.experiments.simulated_days import add_experiment
from tests.fixtures.waiting import PATIENCE, until

NAME = "promoted-trial"
ADDRESS = f"experiment?experiment={NAME}"


@pytest.fixture
def experiment(site: Site) -> Iterator[str]:
    """A further experiment of the site, which its project has only during the test."""
    path = site.services.project.path
    before = path.read_text()
    add_experiment(path, NAME, control=BASELINE, treatment=CANDIDATE)
    until(lambda: NAME in names(site))
    yield NAME
    path.write_text(before)
    until(lambda: NAME not in names(site))


def names(site: Site) -> list[str]:
    return [row["name"] for row in site.ask("GET", "/api/experiment-states")["rows"]]


def reason(site: Site) -> str:
    """Why the gateway chose the variant of a new request."""
    body = {"model": NAME, "user": "somebody", "messages": [{"role": "user", "content": "hi"}]}
    answer = httpx.post(f"{site.services.urls.api}/chat/completions", json=body, timeout=PATIENCE)
    return answer.headers["x-fairtrial-reason"]


def opened(page: Page, site: Site, address: str) -> Page:
    page.goto(f"{site.dashboard}/{address}")
    WatchedPage(page).settle()
    return page


def confirm(page: Page, button: str, why: str) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason (required)").fill(why)
    dialog.get_by_role("button", name=f"{button} now").click()
    expect(dialog).to_have_count(0)


@pytest.mark.release("browser")
def test_an_admin_overrides_and_a_release_manager_rolls_back(visitors: Visitors, site: Site, experiment: str) -> None:
    rita = opened(visitors.page("Rita"), site, ADDRESS)
    rita.get_by_role("button", name="Promote", exact=True).click()
    dialog = rita.get_by_role("dialog")
    expect(dialog).to_contain_text("the variant serves everyone until you undo it")
    expect(dialog.get_by_role("button", name="Promote now")).to_be_visible()
    expect(dialog.get_by_text("even if something is missing")).to_have_count(0)
    ada = opened(visitors.page("Ada"), site, ADDRESS)
    ada.get_by_role("button", name="Promote", exact=True).click()
    ada.get_by_role("dialog").get_by_text("even if something is missing").click()
    confirm(ada, "Promote", "the experts agree")
    result = ada.get_by_role("region", name="The answer")
    expect(result).to_contain_text(f"PROMOTED: {CANDIDATE} serves everyone")
    expect(result).to_contain_text("The experts agree.")
    expect(result).to_contain_text("by account Ada")
    line = f"  {experiment}: {{deployment: {CANDIDATE}, fallback: {BASELINE}}}"
    expect(ada.get_by_test_id("stCode").first).to_contain_text(f"routes:\n{line}")
    until(lambda: reason(site) == "promoted")
    expect(ada.get_by_role("button", name="Pause", exact=True)).to_have_count(0)
    rita = opened(visitors.page("Rita"), site, "overview")
    expect(rita.get_by_role("row").filter(has_text=experiment)).to_contain_text("Promoted")
    opened(rita, site, ADDRESS).get_by_role("button", name="Roll back", exact=True).click()
    confirm(rita, "Roll back", "too many complaints")
    expect(rita.get_by_role("region", name="The answer")).to_contain_text("ROLLED BACK")
    until(lambda: reason(site) == "excluded")
    (undone, made) = site.ask("GET", f"/api/experiments/{experiment}/transitions")["rows"]
    assert [(row["action"], row["actor"]) for row in (made, undone)] == [
        ("promote", "account Ada"),
        ("rollback", "account Rita"),
    ]
