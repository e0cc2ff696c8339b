"""The page Data audit: audits of a deployment, the rows of a finding, waivers, a fixed copy, and a changed file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError as NotShown, expect

from tests.fixtures.dashboard.hostile import MARKUP
from tests.fixtures.dashboard.site import CANDIDATE, Site, a_site, answer_by_model
from tests.fixtures.dashboard.visits import Visitors
from tests.fixtures.services.command import fairtrial
from tests.fixtures.training_data.reports import Row, as_lines, sound_rows, with_text

pytestmark = pytest.mark.release("browser")

WAIVER = "waivers: [{check: pii, all: true, reason: our own address, owner: Rosa}]"
TRAINING = f"training: {{method: lora, data: [train.jsonl], {WAIVER}}}"


def rows_with_faults() -> list[Row]:
    """80 sound rows: one is hostile and has an e-mail address, two have no answer. The last repeats the third."""
    rows = sound_rows(80, seed=1)
    rows[5] = with_text(rows[5], 1, f"{MARKUP} mail anna@example.org")
    rows[7], rows[8] = (with_text(row, -1, "") for row in rows[7:9])
    return [*rows, rows[2]]


def declare(path: Path) -> None:
    path.write_text(re.sub(r"parent: \w+}", lambda found: found[0][:-1] + f", {TRAINING}}}", path.read_text()))
    path.with_name("train.jsonl").write_text(as_lines(rows_with_faults()), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project with two audits: before the second, a row without an answer was removed."""
    with a_site(tmp_path_factory.mktemp("data"), answer_by_model, fill=declare) as site:
        folder = site.services.project.path.parent
        assert fairtrial("data", "audit", "--deployment", CANDIDATE, cwd=folder).returncode == 1
        rows = rows_with_faults()
        (folder / "train.jsonl").write_text(as_lines([*rows[:8], *rows[9:]]), encoding="utf-8")
        assert fairtrial("data", "audit", "--deployment", CANDIDATE, cwd=folder).returncode == 1
        yield site


@pytest.fixture(scope="module")
def people(browser: Browser, project: Site) -> Iterator[Visitors]:
    with closing(Visitors(browser, project)) as visitors:
        yield visitors


def main(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def newest(project: Site) -> str:
    return str(project.ask("GET", "/api/data-audits")["rows"][0]["audit_id"])


def opened(page: Page, project: Site, query: str = "") -> Page:
    page.goto(f"{project.dashboard}/data-audit?audit={newest(project)}{query}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Data audit of {CANDIDATE}")
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
    return page


def make_a_copy(page: Page) -> None:
    page.get_by_text("Take a fixed copy").click()
    shown = page.get_by_role("button", name="Download train").or_(page.get_by_role("alert"))
    for _ in range(3):  # a page that is drawn anew loses clicks
        expect(page.locator("[data-test-script-state=running]")).to_have_count(0)
        page.get_by_role("button", name="Make the copy").click()
        try:
            return shown.first.wait_for(timeout=20_000)
        except NotShown:
            continue
    raise AssertionError("neither a copy nor an error after three clicks")


def test_audits_are_listed_with_their_trend_and_open_by_the_keyboard(people: Visitors, project: Site) -> None:
    page = people.page("Rita")
    page.goto(f"{project.dashboard}/data-audit?deployment={CANDIDATE}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Data audit")
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    page.get_by_label("Open an audit").fill("not clean")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Data audit of {CANDIDATE}")


def test_an_audit_shows_waivers_the_difference_and_masked_rows_as_text(people: Visitors, project: Site) -> None:
    page = opened(people.page("Rita"), project, "&check=pii")
    expect(main(page)).to_contain_text("our own address")
    expect(main(page)).to_contain_text("Since the audit before")
    expect(main(page)).to_contain_text("Row 6")
    expect(main(page)).to_contain_text(f"{MARKUP} mail [email]")
    expect(main(page)).not_to_contain_text("anna@example.org")
    assert main(page).locator("img, script").count() == 0
    page = opened(page, project, "&check=duplicates")
    expect(main(page).get_by_text("Row 3", exact=True)).to_be_visible()
    expect(main(page).get_by_text("Row 80", exact=True)).to_be_visible()


def test_a_fixed_copy_is_taken_and_an_auditor_cannot_take_one(people: Visitors, project: Site, tmp_path: Path) -> None:
    page = opened(people.page("Rita"), project)
    make_a_copy(page)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download train.fixed.jsonl").click()
    taken.value.save_as(tmp_path / "copy.jsonl")
    assert taken.value.suggested_filename == "train.fixed.jsonl"
    assert len((tmp_path / "copy.jsonl").read_text(encoding="utf-8").splitlines()) == 80
    page = opened(people.page("Otto"), project)
    expect(page.get_by_text("Take a fixed copy")).to_have_count(0)


def test_a_page_of_390_pixels_does_not_scroll_sideways(people: Visitors, project: Site) -> None:
    page = people.page("Rita")
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, project, "&check=duplicates")
    expect(main(page).get_by_text("Row 3", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_file_that_changed_shows_no_rows_and_is_not_copied(people: Visitors, project: Site) -> None:
    path = project.services.project.path.with_name("train.jsonl")
    with path.open("a") as file:
        file.write("\n")
    page = opened(people.page("Rita"), project, "&check=pii")
    expect(main(page)).to_contain_text("the file has changed since the audit")
    make_a_copy(page)
    expect(page.get_by_role("alert").filter(has_text="train.jsonl")).to_contain_text("changed")
