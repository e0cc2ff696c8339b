"""How long a report takes to open from a file in Chromium, beside the same report without its cases.

    python benchmarks/report_page.py [--cases 2000] [--times 7]

The report is on runs of four models, with texts as long as real ones. Both pages are opened in turn, each in a new
browser context. Medians and the slowest are printed, from the address to the first paint and to the event `load`,
and a switch to failures only, to the next frame. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from evaluators.report_content.content import ReportContent  # noqa: E402 - found by the line above
from evaluators.report_content.page import render  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial_cli.store_client.client import open_store  # noqa: E402
from fairtrial_cli.store_client.report_source import read_report  # noqa: E402
from tests.fixtures.dashboard.visits import ARGUMENTS, chromium  # noqa: E402
from tests.fixtures.evaluators.support_runs import TARGETS, write_support_project  # noqa: E402

TIMES = """() => new Promise(done => requestAnimationFrame(() => setTimeout(() => {
    const page = performance.getEntriesByType('navigation')[0];
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    done([paint ? paint.startTime : NaN, page.loadEventEnd]);
}, 100)))"""
SWITCH = """() => new Promise(done => {
    const begun = performance.now();
    document.querySelector('.only-failed').click();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
})"""


def main() -> None:
    """Make the store and both pages, open them in turn, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--times", type=int, default=7)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = _pages(Path(folder), wanted.cases)
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        rounds = [[_opened(browser, path) for path in pages.values()] for _ in range(wanted.times + 1)][1:]
        browser.close()
    loads = []
    for number, name in enumerate(pages):
        times = list(zip(*(each[number] for each in rounds), strict=True))
        medians = [_say(name, what, each) for what, each in zip(WHAT, times, strict=True)]
        loads.append(medians[1])
    print(f"load with its cases over load without: {loads[0] / loads[1]:.1f}")


def _pages(folder: Path, cases: int) -> dict[str, Path]:
    content = _content(folder, cases)
    without = replace(content, suites=tuple(replace(suite, cases=()) for suite in content.suites))
    return {
        "with its cases": _written(folder / "with.html", content),
        "without": _written(folder / "without.html", without),
    }


WHAT = ("first paint", "load", "only failures")


def _content(folder: Path, cases: int) -> ReportContent:
    write_support_project(folder, cases=cases)
    base, *candidates = (f"support-tickets@{target}" for target in TARGETS)
    with open_store(Layout(folder / "store.duckdb"), folder / "fairtrial.yaml") as store:
        begun = time.process_time()
        content = read_report(store, [*candidates, base])
    print(f"reading and comparing {cases:,} cases of {len(TARGETS)} models: {time.process_time() - begun:.1f} s of CPU")
    return content


def _written(path: Path, content: ReportContent) -> Path:
    begun = time.process_time()
    path.write_text(render(content), encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, rendered in {time.process_time() - begun:.1f} s of CPU")
    return path


def _opened(browser: Browser, path: Path) -> list[float]:
    """Milliseconds to the first paint, to the event `load`, and to show failures only."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        times: list[float] = page.evaluate(TIMES)
        switch = page.evaluate(SWITCH) if page.locator(".only-failed").count() else float("nan")
        return [*times, switch]


def _say(page: str, what: str, milliseconds: tuple[float, ...]) -> float:
    known = [one for one in milliseconds if one == one]
    if not known:
        return float("nan")
    median = statistics.median(known)
    print(f"{page:16}{what:16}median {median:6.0f} ms   slowest {max(known):6.0f} ms   n {len(known)}")
    return median


if __name__ == "__main__":
    main()
