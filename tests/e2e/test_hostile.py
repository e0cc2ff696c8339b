"""What models and people write is hostile: on every page, and in every file, it is text and nothing more."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, expect

from fairtrial.domain.verdict import Finding, Verdict
from tests.e2e.conftest import visits
from tests.fixtures.dashboard.reviewing import Reviewing
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site, a_site, say

BEACON = "beacon.invalid"
HOSTILE = (
    f'=HYPERLINK("http://{BEACON}/0") <img src="http://{BEACON}/1.png" onerror="alert(1)"><script>alert(2)</script>'
    f"![look](http://{BEACON}/3.png) [link](javascript:alert(4)) $\\href{{http://{BEACON}/5}}{{x}}$ "
    f'<style>@import "http://{BEACON}/6.css"</style> <iframe src="http://{BEACON}/7"></iframe> **bold** :red[red]'
)
SHOWING = ("overview", "gate?verdict=v1")
"""Pages on which hostile text is seen without a click: so this reads pages that have some."""
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    finding = Finding(rule=HOSTILE, source=HOSTILE, result="fail", says=HOSTILE)
    verdict = Verdict("v1", 1, "release", CANDIDATE, BASELINE, "BLOCK", HOSTILE, (finding,))
    answers = lambda asked: say(f"{HOSTILE} {asked['model'][0]}")  # noqa: E731 - one short answer
    with a_site(tmp_path_factory.mktemp("hostile"), answers, verdict) as site:
        yield site


class Watched:
    """A page whose dialogs and requests to anybody else are written down."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.trouble: list[str] = []
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _dialog(self, dialog: Dialog) -> None:
        self.trouble.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in (None, "", "127.0.0.1"):
            self.trouble.append(f"request {request.url}")

    def settle(self) -> None:
        """Until Streamlit has drawn all of the page, and what it draws would have asked for things."""
        expect(self.page.get_by_test_id("stMain")).to_be_visible()
        expect(self.page.get_by_test_id("stStatusWidget")).to_have_count(0)
        expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0)
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        self.page.wait_for_load_state("networkidle")

    def foreign(self) -> list[str]:
        """Elements of the page that only foreign text can have made."""
        script = """foreign => {
            const all = root => [...root.querySelectorAll('*')].flatMap(one =>
                [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
            const made = one => ['src', 'href', 'style', 'onerror'].some(name =>
                new RegExp(foreign).test(one.getAttribute(name) ?? ''));
            return all(document).filter(made).map(one => one.outerHTML.slice(0, 200));
        }"""
        found: list[str] = self.page.evaluate(script, f"{BEACON}|javascript:|alert")
        return found


def addresses(site: Site) -> list[str]:
    """Every page, and the pages of a run, a case and a comparison."""
    runs = {str(run["target"]): str(run["run_id"]) for run in site.ask("GET", "/api/runs")["rows"]}
    one, other = runs[CANDIDATE], runs[BASELINE]
    return [
        "overview",
        "experiment",
        "runs",
        f"runs?run={one}",
        f"runs?run={one}&against={other}",
        f"runs?run={one}&against={other}&case=case-1",
        "gate",
        "gate?verdict=v1",
        "review",
    ]


def test_no_page_obeys_what_a_model_wrote(browser: Browser, hostile: Site) -> None:
    with visits(browser, hostile) as visit:
        watched = Watched(visit("Rita").new_page())
        hostile.enqueue(2)
        for address in addresses(hostile):
            watched.page.goto(f"{hostile.dashboard}/{address}")
            watched.settle()
            assert (watched.trouble, watched.foreign()) == ([], []), address
            if address in SHOWING:
                expect(watched.page.get_by_text("HYPERLINK").first).to_be_attached()


def test_the_review_page_shows_hostile_answers_as_they_are(browser: Browser, hostile: Site) -> None:
    with visits(browser, hostile) as visit:
        watched = Watched(visit("Anna").new_page())
        desk = Reviewing(watched.page, hostile.dashboard).open(hostile.enqueue(2, title=f"<b>{HOSTILE}"[:200]))
        for side in ("left", "right"):
            assert desk.answer(side)[:-2] == HOSTILE
        desk.press("d", "1", "e").write(HOSTILE[:40]).press("Escape", "n").write(HOSTILE[:60]).press(
            "Escape"
        ).wait_saved()
        desk.press("Enter").wait_count(1, 2)
        watched.settle()
        assert (watched.trouble, watched.foreign()) == ([], [])


def test_no_file_that_is_downloaded_has_a_formula(browser: Browser, hostile: Site, tmp_path: Path) -> None:
    with visits(browser, hostile) as visit:
        watched, files = Watched(visit("Rita", accept_downloads=True).new_page()), []
        for address in addresses(hostile):
            watched.page.goto(f"{hostile.dashboard}/{address}")
            watched.settle()
            for button in watched.page.get_by_test_id("stDownloadButton").get_by_role("button").all():
                if not button.is_visible():
                    continue
                with watched.page.expect_download() as downloaded:
                    button.click()
                file = tmp_path / f"{len(files)}-{downloaded.value.suggested_filename}"
                downloaded.value.save_as(file)
                files.append(file)
        tables = [file for file in files if file.suffix == ".csv"]
        assert tables, f"no table was downloaded, only {files}"
        for file in tables:
            assert formulas_in(file.read_text(encoding="utf-8-sig")) == [], file.name
        assert watched.trouble == []


def formulas_in(text: str) -> list[str]:
    """Cells that a spreadsheet would evaluate; a number is not one."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    return [cell for cell in cells if cell.startswith(FORMULAS) and not is_number(cell)]


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_the_tables_on_the_pages_offer_no_download_that_goes_around_this(browser: Browser, hostile: Site) -> None:
    tables = 0
    with visits(browser, hostile) as visit:
        page = visit("Rita").new_page()
        for address in addresses(hostile):
            page.goto(f"{hostile.dashboard}/{address}")
            Watched(page).settle()
            for table in page.get_by_test_id("stDataFrame").all():
                if table.is_visible():
                    table.hover()
                    tables += 1
                assert page.get_by_role("button", name=re.compile("download as csv", re.IGNORECASE)).count() == 0, (
                    address
                )
    assert tables
