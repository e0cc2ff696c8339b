"""The page Migration in a real Chromium, on a desk and on a phone: what it shows, offers and leads to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from fairtrial.config.layout import Layout
from tests.fixtures.dashboard.migration_report import PIECE, save_report
from tests.fixtures.dashboard.site import BASELINE, a_site, answer_by_model
from tests.fixtures.dashboard.visits import Visitors

pytestmark = pytest.mark.release("browser")

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
DAYS, GONE = 45, "dodo"
TOO_WIDE = "() => document.documentElement.scrollWidth - window.innerWidth"


def retire(path: Path) -> None:
    """One model ends soon and has a report; another one has ended, and has none."""
    soon, past = ((datetime.now(UTC) + timedelta(days=days)).date() for days in (DAYS, -3))
    text = path.read_text()
    line = next(line for line in text.split("\n") if line.startswith(f"  {BASELINE}: {{model"))
    ends, ended = (line.replace("{model", f'{{shutdown_date: "{day}", model', 1) for day in (soon, past))
    path.write_text(text.replace(line, f"{ends}\n{ended.replace(BASELINE, GONE)}"))
    save_report(Layout(path.parent / "fairtrial.duckdb"), BASELINE, "wren", "heron")


@pytest.fixture(name="page", scope="module")
def page_fixture(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of Rita, who is a release manager."""
    with (
        a_site(tmp_path_factory.mktemp("migrating"), answer_by_model, fill=retire) as site,
        closing(Visitors(browser, site)) as people,
    ):
        page = people.page("Rita")
        page.goto(f"{site.dashboard}/migration")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Migration")
        expect(page.locator("[data-test-script-state=running]")).to_have_count(0)
        yield page


def main(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def test_the_countdown_comes_first_and_then_the_baseline_the_verdicts_and_the_experiment(page: Page) -> None:
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    headings = [one.inner_text() for one in main(page).get_by_role("heading", level=2).all()]
    assert headings == [GONE, BASELINE]
    expect(main(page)).to_contain_text("3 days ago")
    expect(main(page)).to_contain_text(f"fairtrial migrate {GONE} NEW --suite FILE")
    for text in (
        str(DAYS),
        "the route support-bot",
        "SHIP wren: is not worse",
        "3 erased cases",
        "$0.0421",
        "1,200 users",
    ):
        expect(main(page)).to_contain_text(text)
    expect(main(page).locator("img")).to_have_count(0)
    expect(main(page).get_by_role("link", name="Evidence")).to_have_count(2)


def test_the_new_part_of_the_project_file_can_be_taken(page: Page, tmp_path: Path) -> None:
    with page.expect_download() as taken:
        main(page).get_by_test_id("stDownloadButton").get_by_role("button").click()
    assert taken.value.suggested_filename == f"migrate-{BASELINE}.yaml"
    taken.value.save_as(tmp_path / "part.yaml")
    assert (tmp_path / "part.yaml").read_text() == PIECE


def test_a_phone_shows_all_of_it_in_its_width(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    expect(main(page)).to_contain_text("1,200 users")
    assert page.evaluate(TOO_WIDE) <= 0
