"""The dashboard in a real Chromium: foreign text stays text, files are defused, nothing is fetched elsewhere."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fixtures.dashboard.hostile import FORMULA, MARKUP
from tests.fixtures.dashboard.page_walk import PageWalk, WatchedPage, addresses
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site
from tests.fixtures.dashboard.visits import Visitors

pytestmark = pytest.mark.release("browser")

OTHERS = "img, script, a[href*='example.invalid'], a[href^='javascript']"


def run_ids(site: Site) -> tuple[str, str]:
    """The runs of candidate and baseline."""
    runs = site.runs("markup")
    return runs[CANDIDATE], runs[BASELINE]


def opened(page: Page, site: Site, address: str, title: str) -> Page:
    page.goto(f"{site.dashboard}/{address}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    expect(page.locator("[data-test-script-state=running]")).to_have_count(0)
    return page


def test_no_page_fetches_anything_from_elsewhere_or_runs_what_a_model_wrote(page_walk: PageWalk) -> None:
    assert not any(page_walk.attacks.values())


@pytest.mark.release("browser")
def test_nor_does_a_dark_page(visitors: Visitors, site: Site) -> None:
    watched = WatchedPage(visitors.page("Rita", "dark"))
    for address, title in addresses(site).items():
        if "hostile" not in title:  # one suite shows how runs and comparisons are drawn
            opened(watched.page, site, address, title)
            watched.page.wait_for_load_state("networkidle")
    assert watched.attacks == []


def test_an_answer_is_shown_as_it_was_written_and_nothing_of_it_becomes_an_element(
    visitors: Visitors, site: Site
) -> None:
    new, old = run_ids(site)
    page = opened(visitors.page("Rita"), site, f"runs?run={new}&against={old}", "against")
    article = page.locator("article").first
    assert article.locator(".pane").nth(1).locator(".text").inner_text() == MARKUP
    assert article.locator(".pane").nth(0).locator(".text").inner_text() == FORMULA
    assert article.locator(OTHERS).count() == 0
    assert article.locator("ins").count() > 0
    assert article.locator("del").count() > 0


def test_a_verdict_shows_foreign_words_as_text(visitors: Visitors, site: Site) -> None:
    page = opened(visitors.page("Rita"), site, "gate?verdict=v2", "Unofficial HOLD")
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text("<img src=x onerror=alert(1)>")
    assert main.locator(OTHERS).count() == 0
    assert main.locator(".katex").count() == 0


@pytest.mark.release("browser")
def test_a_link_to_one_case_shows_that_case_alone(visitors: Visitors, site: Site) -> None:
    new, old = run_ids(site)
    page = opened(visitors.page("Rita"), site, f"runs?run={new}&against={old}", "against")
    link = page.locator("article .link").nth(2)
    name = link.inner_text()
    link.click()
    expect(page.locator("article")).to_have_count(1)
    expect(page.locator("article .link")).to_have_text(name)
    assert f"case={name}" in page.url


@pytest.mark.release("browser")
def test_cases_are_turned_page_by_page_and_another_question_begins_at_the_first(visitors: Visitors, site: Site) -> None:
    new, _ = run_ids(site)
    page = opened(visitors.page("Rita"), site, f"runs?run={new}", "markup")
    names = page.locator("article .link")
    expect(names).to_have_count(10)
    first = names.first.inner_text()
    page.locator("[data-testid=stPagination]").get_by_text("4", exact=True).click()
    expect(names.first).not_to_have_text(first)
    page.get_by_role("textbox", name="Search").fill(first)
    page.keyboard.press("Enter")
    expect(names.first).to_have_text(first)


@pytest.mark.release("browser")
def test_the_cases_of_a_run_are_filtered_by_grade_as_on_the_command_line(visitors: Visitors, site: Site) -> None:
    page = opened(visitors.page("Rita"), site, f"runs?run={site.runs('fourth')[CANDIDATE]}", "fourth")
    expect(page.get_by_text("40 matching cases", exact=True)).to_be_visible()
    page.get_by_text("right (10)", exact=True).click()
    expect(page.get_by_text("10 matching cases", exact=True)).to_be_visible()
    expect(page.locator("article .link").nth(1)).to_have_text("case-4")
    expect(page).to_have_url(re.compile("grade=right"))
    page = opened(page, site, f"runs?run={site.runs('fourth')[CANDIDATE]}&grade=wrong", "fourth")
    expect(page.get_by_text("wrong (30)", exact=True)).to_be_visible()
    expect(page.get_by_text("30 matching cases", exact=True)).to_be_visible()


@pytest.mark.release("browser")
def test_a_run_and_its_comparison_show_what_was_measured_without_being_asked(visitors: Visitors, site: Site) -> None:
    runs = site.runs("fourth")
    page = opened(visitors.page("Rita"), site, f"runs?run={runs[CANDIDATE]}", "fourth")
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("Signals: refusals 0.0 % of 40 cases, over_refusals 0.0 % of 40")
    opened(page, site, f"runs?run={runs[CANDIDATE]}&against={runs[BASELINE]}", "against")
    expect(main).to_contain_text("Changed without being asked")
    expect(main).to_contain_text("Not notable: the refusal rate 0 → 0 of 40")


def test_a_table_is_taken_away_defused_and_streamlits_own_export_is_not_there(
    visitors: Visitors, site: Site, tmp_path: Path
) -> None:
    page = opened(visitors.page("Rita"), site, "gate", "Gate")
    table = page.locator("[data-testid=stDataFrame]").first
    table.hover()
    toolbar = page.locator("[data-testid=stElementToolbar]").first
    expect(toolbar.get_by_role("button").first).to_be_visible()
    names = [button.get_attribute("aria-label") or "" for button in toolbar.get_by_role("button").all()]
    assert not [name for name in names if "ownload" in name or "opy" in name], names
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV").click()
    taken.value.save_as(tmp_path / "verdicts.csv")
    text = (tmp_path / "verdicts.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["candidate"] for row in rows if row["candidate"] != CANDIDATE] == [f"'{FORMULA}"]


@pytest.mark.release("browser")
def test_the_look_is_ours_and_follows_the_readers_system(visitors: Visitors, site: Site) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        page = opened(visitors.page("Rita", scheme), site, "", "Overview")
        app = page.locator("[data-testid=stApp]")
        grounds.append(app.evaluate("element => getComputedStyle(element).backgroundColor"))
        expect(page.locator("[data-testid=stSidebarLogo], [data-testid=stLogo]").first).to_be_visible()
        for furniture in ("#MainMenu", "[data-testid=stAppDeployButton]", "[data-testid=stDecoration]", "footer"):
            assert page.locator(furniture).locator("visible=true").count() == 0, furniture
    assert grounds == ["rgb(253, 252, 249)", "rgb(18, 24, 30)"]
