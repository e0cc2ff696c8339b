"""Until there is an account, the one-time link that `fairtrial up` prints is the only way in: in a real browser."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fairtrial.api import accounts
from fairtrial.config.project import load_project
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services import command
from tests.fixtures.services.project_files import write_project
from tests.fixtures.waiting import PATIENCE

pytestmark = pytest.mark.release("browser")


@dataclass(frozen=True)
class Running:
    """What `fairtrial up` runs and printed."""

    folder: Path
    printed: str

    @property
    def dashboard(self) -> str:
        return load_project(self.folder / "fairtrial.yaml", {}).dashboard.url

    @property
    def link(self) -> str:
        return re.search(r"^sign in +(\S+)$", self.printed, re.MULTILINE)[1]  # type: ignore[index]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return command.fairtrial(*words, cwd=self.folder)


@pytest.fixture(name="running", scope="module")
def running_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("one-time")
    path = write_project(folder, workers=1)
    text = path.read_text()
    path.write_text(text.replace('dashboard: {bind: "127.0.0.1', 'dashboard: {bind: "0.0.0.0'))
    process = command.start("up", cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = ""
    while "Ctrl-C" not in printed:
        line = process.stdout.readline()
        assert line, printed
        printed += line
    yield Running(folder, printed)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with closing(browser.new_context()) as context:
        yield context.new_page()


@pytest.fixture
def another_page(browser: Browser) -> Iterator[Page]:
    """The page of another visitor, who has other cookies."""
    with closing(browser.new_context()) as context:
        yield context.new_page()


def expect_no_page_but_the_sign_in(page: Page) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("fairtrial dashboard --link")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)


def expect_everything(page: Page) -> None:
    expect(page.get_by_text("Signed in as local (admin)")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink").filter(has_text="Overview")).to_be_visible()


def test_a_visitor_without_the_link_sees_how_to_get_one_and_nothing_else(page: Page, running: Running) -> None:
    page.goto(running.dashboard)
    expect_no_page_but_the_sign_in(page)
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("heading", name="No accounts yet")).to_be_visible()
    expect(page.get_by_text("fairtrial dashboard --link")).to_be_visible()


def test_the_link_opens_the_dashboard_once_until_the_first_account(
    page: Page, another_page: Page, running: Running
) -> None:
    first, second = page, another_page
    first.goto(running.link)
    expect_everything(first)
    assert "/one-time/" not in first.url
    first.goto(running.link)  # the browser that it signed in is led on
    expect_everything(first)
    second.goto(running.link)
    expect(second.get_by_role("heading", name="This link does not work")).to_be_visible()
    another = running.command("dashboard", "--link")
    assert another.returncode == 0, another.stderr
    second.goto(another.stdout.strip())
    expect_everything(second)
    second.get_by_role("link", name="Sign out").click()
    second.get_by_role("button", name="Sign out").click()
    second.goto(running.dashboard)
    expect_no_page_but_the_sign_in(second)

    unused = running.command("dashboard", "--link").stdout.strip()
    with open_store(load_project(running.folder / "fairtrial.yaml", {}).layout) as owner:
        owner.call(accounts.invite, accounts.Invite(name="Ada", role="admin"))
    first.reload()
    expect_no_page_but_the_sign_in(first)
    first.goto(unused)
    expect(first.get_by_text("people sign in with their accounts now")).to_be_visible()
    refused = running.command("dashboard", "--link")
    assert (refused.returncode, "accounts reset" in refused.stderr) == (2, True)
