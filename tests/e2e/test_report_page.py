"""A report opened from a file in a real Chromium: what it shows and hides, and whether everybody can use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.dashboard.accessibility import serious_violations
from tests.fixtures.dashboard.visits import ColorScheme
from tests.fixtures.evaluators.support_runs import TARGETS, write_support_project
from tests.fixtures.for_each import for_each
from tests.fixtures.services import gate_project
from tests.fixtures.services.command import fairtrial

pytestmark = pytest.mark.release("browser")

CASES = 60
BASE, *CANDIDATES = (f"support-tickets@{target}" for target in TARGETS)
WIDTHS = {"wide": 1280, "narrow": 390}


@pytest.fixture(name="reports", scope="module")
def reports_fixture(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report on runs of four models, and one on a verdict."""
    runs, judged = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("judged")
    write_support_project(runs, cases=CASES)
    assert fairtrial("report", *CANDIDATES, BASE, "--html", "report.html", cwd=runs).returncode == 0
    gate_project.write_gate_project(judged)
    for target, right in (("base", 120), ("tuned", 60)):
        gate_project.record(judged, target, right)
    assert gate_project.gate(judged).returncode == 1
    [verdict] = json.loads(fairtrial("verdict", "list", "--json", cwd=judged).stdout)
    assert fairtrial("report", verdict["verdict_id"], "--html", "report.html", cwd=judged).returncode == 0
    return {"runs": runs / "report.html", "verdict": judged / "report.html"}


@pytest.fixture(name="page")
def page_fixture(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def opened(page: Page, path: Path, *, width: int = 1280, scheme: ColorScheme = "light") -> list[str]:
    """Open a report; returns what it requests beside itself, which is added to later."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(path.as_uri())
    requests.remove(path.as_uri())
    return requests


@for_each("report", ("runs", "verdict"))
@for_each("scheme", ("light", "dark"))
@for_each("width", WIDTHS)
def test_nobody_is_kept_from_reading_a_report(
    browser: Browser, reports: dict[str, Path], axe: str, report: str, scheme: ColorScheme, width: str
) -> None:
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        assert opened(page, reports[report], width=WIDTHS[width], scheme=scheme) == []
        assert serious_violations(page, axe) == []


def test_a_report_fits_a_narrow_screen_and_requests_nothing(page: Page, reports: dict[str, Path]) -> None:
    for report in reports.values():
        assert opened(page, report, width=WIDTHS["narrow"]) == []
        assert page.evaluate("document.documentElement.scrollWidth") == WIDTHS["narrow"]


def test_only_failures_and_only_changes_are_shown_without_a_script(browser: Browser, reports: dict[str, Path]) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        opened(page, reports["runs"])
        cases, failed, changed = (page.locator(name) for name in (".case", ".case.failed", ".case.changed"))
        expect(cases).to_have_count(CASES)
        page.get_by_label("failures").check()
        assert visible(cases) == failed.count() < CASES
        page.get_by_label("changed").check()
        assert visible(cases) == page.locator(".case.failed.changed").count()
        page.get_by_label("failures").uncheck()
        assert visible(cases) == changed.count() > 0


def visible(cases: Any) -> int:
    return sum(case.is_visible() for case in cases.all())


def test_the_link_of_a_worst_case_leads_to_it_also_if_it_is_filtered(page: Page, reports: dict[str, Path]) -> None:
    opened(page, reports["runs"])
    link = page.locator("a[href^='#s1c']").first
    place = str(link.get_attribute("href"))
    page.get_by_label("failures").check()
    link.click()
    expect(page.locator(place)).to_be_in_viewport()
    expect(page.locator(f"{place} h4")).to_contain_text(str(link.text_content()))
