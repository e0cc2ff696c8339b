"""The dashboard in a real Chromium: foreign text stays text, files are defused, nothing is fetched elsewhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from fairtrial.domain.verdict import Finding, Verdict
from tests.e2e.conftest import Visit, visits
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site, a_site, say

HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script> ![b](http://example.invalid/b.png) "
    "[l](javascript:alert(3)) **bold** $x^2$ :smile: http://example.invalid/c refund"
)
FORMULA = '=HYPERLINK("http://example.invalid","refund")'
OTHERS = "img, script, a[href*='example.invalid'], a[href^='javascript']"


def hostile(asked: dict[str, Any]) -> dict[str, Any]:
    """One model writes markup, the other a formula."""
    return say(HOSTILE if asked["model"].startswith(CANDIDATE) else FORMULA)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    finding = Finding(FORMULA, "tickets", "cannot tell", HOSTILE)
    verdict = Verdict("v1", 1_800_000_000_000_000, "release", FORMULA, BASELINE, "HOLD", HOSTILE, (finding,))
    with a_site(tmp_path_factory.mktemp("hostile"), hostile, verdict) as found:
        yield found


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    with visits(browser, site) as visit:
        yield visit


def run_ids(site: Site) -> tuple[str, str]:
    """The runs of candidate and baseline."""
    found = {row["target"]: row["run_id"] for row in site.ask("GET", "/api/runs")["rows"]}
    return found[CANDIDATE], found[BASELINE]


def addresses(site: Site) -> dict[str, str]:
    new, old = run_ids(site)
    return {
        "": "Overview",
        "experiment": "Experiment",
        "runs": "Runs",
        f"runs?run={new}": f"tickets on {CANDIDATE}",
        f"runs?run={new}&against={old}": f"tickets: {CANDIDATE} against {BASELINE}",
        "gate": "Gate",
        "gate?verdict=v1": "against",
    }


def opened(page: Page, site: Site, address: str, title: str) -> Page:
    page.goto(f"{site.dashboard}/{address}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    expect(page.locator("[data-test-script-state=running]")).to_have_count(0)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_fetches_anything_from_elsewhere_or_runs_what_a_model_wrote(
    visit: Visit, site: Site, scheme: str
) -> None:
    page = visit("Rita", color_scheme=scheme).new_page()
    elsewhere: list[str] = []
    page.on("request", lambda sent: elsewhere.append(sent.url) if _is_elsewhere(sent.url) else None)
    page.on("dialog", lambda dialog: elsewhere.append(dialog.message))
    for address, title in addresses(site).items():
        opened(page, site, address, title)
        page.wait_for_load_state("networkidle")
    assert elsewhere == []


def _is_elsewhere(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def test_an_answer_is_shown_as_it_was_written_and_nothing_of_it_becomes_an_element(visit: Visit, site: Site) -> None:
    new, old = run_ids(site)
    page = opened(visit("Rita").new_page(), site, f"runs?run={new}&against={old}", "against")
    article = page.locator("article").first
    assert article.locator(".pane").nth(1).locator(".text").inner_text() == HOSTILE
    assert article.locator(".pane").nth(0).locator(".text").inner_text() == FORMULA
    assert article.locator(OTHERS).count() == 0
    assert article.locator("ins").count() > 0
    assert article.locator("del").count() > 0


def test_a_verdict_shows_foreign_words_as_text(visit: Visit, site: Site) -> None:
    page = opened(visit("Rita").new_page(), site, "gate?verdict=v1", "against")
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text("<img src=x onerror=alert(1)>")
    assert main.locator(OTHERS).count() == 0
    assert main.locator(".katex").count() == 0


def test_a_link_to_one_case_shows_that_case_alone(visit: Visit, site: Site) -> None:
    new, old = run_ids(site)
    page = opened(visit("Rita").new_page(), site, f"runs?run={new}&against={old}", "against")
    link = page.locator("article .link").nth(2)
    name = link.inner_text()
    link.click()
    expect(page.locator("article")).to_have_count(1)
    expect(page.locator("article .link")).to_have_text(name)
    assert f"case={name}" in page.url


def test_cases_are_turned_page_by_page_and_another_question_begins_at_the_first(visit: Visit, site: Site) -> None:
    new, _ = run_ids(site)
    page = opened(visit("Rita").new_page(), site, f"runs?run={new}", "tickets")
    names = page.locator("article .link")
    expect(names).to_have_count(10)
    first = names.first.inner_text()
    page.locator("[data-testid=stPagination]").get_by_text("4", exact=True).click()
    expect(names.first).not_to_have_text(first)
    page.get_by_label("With the text").fill(first)
    page.keyboard.press("Enter")
    expect(names.first).to_have_text(first)


def test_a_table_is_taken_away_defused_and_streamlits_own_export_is_not_there(
    visit: Visit, site: Site, tmp_path: Path
) -> None:
    page = opened(visit("Rita").new_page(), site, "gate", "Gate")
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
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["candidate"] == f"'{FORMULA}"


def test_the_look_is_ours_and_follows_the_readers_system(visit: Visit, site: Site) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        page = opened(visit("Rita", color_scheme=scheme).new_page(), site, "", "Overview")
        app = page.locator("[data-testid=stApp]")
        grounds.append(app.evaluate("element => getComputedStyle(element).backgroundColor"))
        expect(page.locator("[data-testid=stSidebarLogo], [data-testid=stLogo]").first).to_be_visible()
        for furniture in ("#MainMenu", "[data-testid=stAppDeployButton]", "[data-testid=stDecoration]", "footer"):
            assert page.locator(furniture).locator("visible=true").count() == 0, furniture
    assert grounds == ["rgb(253, 252, 249)", "rgb(18, 24, 30)"]
