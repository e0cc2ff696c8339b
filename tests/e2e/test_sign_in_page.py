"""People come in by their invitation, see what their role may see, and leave: in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from fairtrial.api import accounts
from fairtrial.domain.accounts import Role
from fairtrial_cli.processes.services import Services
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.dashboard.site import Site
from tests.fixtures.dashboard.visits import Visitors

PATIENCE_MS = 20_000
PASSWORD = "correct horse battery"


@pytest.fixture
def services(site: Site) -> Services:
    """Those of the project that all tests share."""
    return site.services


@pytest.fixture
def page(visitors: Visitors) -> Page:
    return visitors.page(None)


def invitation(services: Services, name: str, role: Role) -> str:
    with open_store(services.project.layout) as owner:
        token = owner.call(accounts.invite, accounts.Invite(name=name, role=role)).token
    return f"{services.urls.control}/invitation/{token}?next={services.urls.dashboard}/"


def come_in(page: Page, services: Services, name: str, role: Role) -> None:
    page.goto(invitation(services, name, role))
    expect(page.get_by_label("Your name")).to_have_value(name)
    page.get_by_label("Choose a password").fill(PASSWORD)
    page.get_by_label("Repeat the password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()


def in_navigation(page: Page, title: str) -> Locator:
    return page.get_by_test_id("stSidebarNavLink").filter(has_text=title)


@pytest.mark.release("stories")
def test_a_reviewer_comes_in_by_the_invitation_and_sees_the_review_page_alone(page: Page, services: Services) -> None:
    come_in(page, services, "Rosa", "reviewer")
    expect(page.get_by_text("Signed in as Rosa (reviewer)")).to_be_visible(timeout=PATIENCE_MS)
    expect(page).to_have_url(f"{services.urls.dashboard}/review")
    page.goto(f"{services.urls.dashboard}/review")
    expect(page.get_by_role("heading", name="Review")).to_be_visible(timeout=PATIENCE_MS)
    assert page.get_by_text("Page not found").count() == 0
    expect(in_navigation(page, "Overview")).to_have_count(0)
    page.goto(f"{services.urls.dashboard}/overview")
    expect(page.get_by_text("This page needs the role release-manager")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.release("browser")
def test_whoever_did_not_sign_in_is_led_to_the_form_and_back_to_the_page(page: Page, services: Services) -> None:
    come_in(page, services, "Mara", "release-manager")
    expect(page.get_by_text("Signed in as Mara (release-manager)")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{services.urls.dashboard}/review")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Name").fill("Mara")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Incorrect name or password")
    expect(page.get_by_label("Name")).to_have_value("Mara")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Signed in as Mara (release-manager)")).to_be_visible(timeout=PATIENCE_MS)
    expect(page).to_have_url(f"{services.urls.dashboard}/review")
    expect(in_navigation(page, "Overview")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.release("browser")
def test_the_link_to_sign_out_stays_in_place_while_the_page_changes(page: Page, services: Services) -> None:
    come_in(page, services, "Olga", "release-manager")
    expect(page).to_have_url(f"{services.urls.dashboard}/overview")
    sign_out = page.get_by_role("link", name="Sign out").element_handle()
    in_navigation(page, "Gate").click()
    expect(page).to_have_url(f"{services.urls.dashboard}/gate")
    in_navigation(page, "Runs").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert sign_out.evaluate("link => link.isConnected"), "a click while the page draws itself is lost"


@pytest.mark.release("browser")
def test_whoever_is_shut_out_while_a_page_is_open_is_asked_to_sign_in(page: Page, services: Services) -> None:
    come_in(page, services, "Paula", "release-manager")
    in_navigation(page, "Overview").click()
    expect(page.get_by_text("Signed in as Paula (release-manager)")).to_be_visible(timeout=PATIENCE_MS)
    with open_store(services.project.layout) as owner:
        owner.call(accounts.disable, accounts.NameAccount(who="Paula"))
    # The page may draw itself again at any moment, and then the link is gone.
    in_navigation(page, "Runs").evaluate_all("links => links.forEach(link => link.click())")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=PATIENCE_MS)
    expect(in_navigation(page, "Overview")).to_have_count(0, timeout=PATIENCE_MS)


def test_the_pages_to_sign_in_work_without_script_and_load_nothing(browser: Browser, services: Services) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(invitation(services, "Nora", "reviewer"))
    page.get_by_label("Choose a password").fill(PASSWORD)
    assert len(asked) == 1
    assert page.locator("main").evaluate("node => getComputedStyle(node).maxWidth") != "none"
    assert not complaints
    context.close()
