"""Until there is an account, the dashboard opens for this machine alone: not for the network, nor for another site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from fairtrial.cli.services import Services
from tests.integration.project_files import write_project


@contextmanager
def dashboard_at(folder: Path, host: str) -> Iterator[Services]:
    path = write_project(folder, workers=1)
    text = path.read_text()
    path.write_text(text.replace('dashboard: {bind: "127.0.0.1', f'dashboard: {{bind: "{host}'))
    with Services(path, workers=1) as running:
        yield running


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(address)
    return page


def test_a_name_that_another_site_made_lead_here_opens_nothing(browser: Browser, tmp_path: Path) -> None:
    """Chromium resolves every name under localhost to this machine, as a rebound name of another site would be."""
    with dashboard_at(tmp_path, "127.0.0.1") as services:
        address = str(services.urls.dashboard)
        ours, rebound = opened(browser, address), opened(browser, address.replace("127.0.0.1", "other.localhost"))
        expect(ours.get_by_test_id("stSidebarNavLink").filter(has_text="Overview")).to_be_visible()
        expect(rebound.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(rebound.get_by_test_id("stSidebarNavLink")).to_have_count(0)


def test_a_dashboard_that_others_can_reach_asks_everybody_to_sign_in(browser: Browser, tmp_path: Path) -> None:
    """Its word is control's word, and control believes whoever is on its machine: that is the dashboard."""
    with dashboard_at(tmp_path, "0.0.0.0") as services:
        page = opened(browser, str(services.urls.dashboard))
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)
