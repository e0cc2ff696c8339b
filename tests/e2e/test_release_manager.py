"""A release manager reads "Decided: better", has it judged, approves the verdict and promotes, with clicks alone.

The project is the one of the how-to page "promote a model"; only its dashboard has an address of its own.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fairtrial.config.owner_lock import read_note
from tests.fixtures.control.served_trial import ServedTrial
from tests.fixtures.dashboard.page_walk import WatchedPage
from tests.fixtures.dashboard.visits import PATIENCE_MS
from tests.fixtures.docs.followed_page import parts
from tests.fixtures.paths import ROOT
from tests.fixtures.proxies import listens
from tests.fixtures.services import command
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.waiting import PATIENCE, until

pytestmark = pytest.mark.release("browser")

DAYS = 21
NAME = "tuned-vs-base"
RESOLVED = {"base": 0.6, "tuned": 0.7}
ERRORS = {"base": 0.005, "tuned": 0.005}


class Decided:
    """The how-to page's project after three weeks; its dashboard runs."""

    def __init__(self, folder: Path) -> None:
        page = (ROOT / "docs" / "how-to" / "promote-a-model.md").read_text(encoding="utf-8")
        project, gate = (part.text for part in parts(page) if part.kind == "yaml")
        (folder / "release.gate.yaml").write_text(gate)
        (port,) = free_ports(1)
        self.dashboard = f"http://127.0.0.1:{port}"
        self.trial = ServedTrial(folder, f'{project}dashboard: {{bind: "127.0.0.1:{port}"}}\n')
        for _ in range(DAYS):
            self.trial.day(428, resolved=RESOLVED, errors=ERRORS)
        note = read_note(self.trial.layout)
        assert note is not None and note.control_url is not None
        self.control = note.control_url
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = command.start("dashboard", "--control-url", self.control, cwd=folder, **streams)
        until(lambda: listens(port), "the dashboard")  # the link that signs in leads to it

    def link(self) -> str:
        """A link that signs in once; its host is control's, because no dashboard of `up` leads there."""
        printed = self.trial.run("dashboard", "--link").stdout.strip()
        return re.sub(r"^http://[^/]+", self.control, printed)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        self.trial.close()


@pytest.fixture
def decided(tmp_path: Path) -> Iterator[Decided]:
    with closing(Decided(tmp_path)) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with closing(browser.new_context(viewport={"width": 1280, "height": 900})) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


def test_from_a_decision_to_a_promotion_with_clicks_alone(decided: Decided, page: Page, tmp_path: Path) -> None:
    page.goto(decided.link())
    page.goto(f"{decided.dashboard}/experiment?experiment={NAME}&window=all")
    WatchedPage(page).settle()
    headline = "tuned is better: feedback.resolved is"
    expect(page.get_by_text(headline).first).to_be_visible()
    page.get_by_role("button", name="Promote", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(headline)
    expect(dialog).to_contain_text("Official verdict: there is none.")
    dialog.get_by_role("button", name="Judge by the official gate").click()
    expect(dialog).to_contain_text("SHIP tuned: all 2 rules hold against base.")
    page.screenshot(path=tmp_path / "judged.png")
    address = dialog.get_by_role("link", name="Read and approve it").get_attribute("href")
    assert address is not None
    page.goto(f"{decided.dashboard}/{address.lstrip('/')}" if not address.startswith("http") else address)
    WatchedPage(page).settle()
    page.get_by_role("button", name="Approve", exact=True).click()
    confirm(page, "Approve", "read 40 answers")
    expect(page.get_by_text("approved by the person who asked for it").first).to_be_visible()
    page.goto(f"{decided.dashboard}/experiment?experiment={NAME}&window=all")
    WatchedPage(page).settle()
    page.get_by_role("button", name="Promote", exact=True).click()
    expect(dialog).to_contain_text("SHIP, approved by the person who asked for it")
    expect(dialog.get_by_role("button", name="Judge by the official gate")).to_have_count(0)
    confirm(page, "Promote", "SHIP, and the support team agrees")
    expect(page.get_by_text("tuned serves everyone").first).to_be_visible()
    assert decided.trial.experiment.name == NAME
    (actions,) = decided.trial.database.rows(
        "SELECT list(action ORDER BY at_time) FROM transitions WHERE action IN ('promote', 'rollback')"
    )
    assert actions == (["promote"],)


def confirm(page: Page, button: str, why: str) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason (required)").fill(why)
    dialog.get_by_role("button", name=f"{button} now").click()
    expect(dialog).to_have_count(0)
