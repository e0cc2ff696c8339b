"""How long each page of the dashboard takes in Chromium, and a key on the review page: after warm-up, on real services.

    python benchmarks/pages.py [--cases 400] [--times 5]

A page is measured from its address to the moment when all of it is drawn; a vote from Enter to the next pair. The
store holds two runs of ``--cases`` cases each. Medians and the slowest are printed; nothing is asserted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from dashboard.client import SESSION_COOKIE  # noqa: E402 - found by the line above
from tests.fixtures.dashboard import site as sites  # noqa: E402
from tests.fixtures.dashboard.reviewing import Reviewing  # noqa: E402
from tests.fixtures.dashboard.visits import ARGUMENTS, PATIENCE_MS, chromium  # noqa: E402

DRAWN = """() => {
    const still = document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner], [data-stale=true]');
    const app = document.querySelector('[data-testid=stApp]');
    const drawn = document.querySelector('[data-testid=stMain] h1, [data-testid=stBidiComponentIsolated]');
    return !still && app?.dataset.testScriptState === 'notRunning' && drawn;
}"""


def main() -> None:
    """Start the services, warm each page up once, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--times", type=int, default=5)
    wanted = parser.parse_args()
    sites.CASES = wanted.cases
    with (
        tempfile.TemporaryDirectory() as folder,
        sites.a_site(Path(folder), sites.answer_by_model) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": SESSION_COOKIE, "value": site.session("Rita"), "url": site.control}])
        _pages(context.new_page(), site, wanted.times)
        _votes(context, site)
        browser.close()


def _pages(page: Page, site: sites.Site, times: int) -> None:
    runs = {str(run["target"]): str(run["run_id"]) for run in site.ask("GET", "/api/runs")["rows"]}
    one, other = runs[sites.CANDIDATE], runs[sites.BASELINE]
    queue = site.enqueue(20)
    compared = f"runs?run={one}&against={other}"
    for address in (
        "overview",
        "experiment",
        "runs",
        f"runs?run={one}",
        compared,
        "gate",
        "review",
        f"review?queue={queue}",
    ):
        seconds = [_seconds(page, f"{site.dashboard}/{address}") for _ in range(times + 1)][1:]
        _say(address.replace(one, "…").replace(other, "…").replace(queue, "…"), seconds)


def _seconds(page: Page, url: str) -> float:
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_function(DRAWN, polling=20)
    return time.perf_counter() - started


def _votes(context: BrowserContext, site: sites.Site) -> None:
    count = 20
    desk = Reviewing(context.new_page(), site.dashboard).open(site.enqueue(count))
    seconds = []
    for done in range(count - 1):
        desk.press("1", "4", "3", "5", "4", "4", "3").wait_saved()
        started = time.perf_counter()
        desk.press("Enter")
        expect(desk.page.locator(".count")).to_contain_text(f"{done + 1} / {count}")
        seconds.append(time.perf_counter() - started)
    _say("a vote, to the next pair", seconds[1:])


def _say(what: str, seconds: list[float]) -> None:
    print(f"{what:32} median {statistics.median(seconds):6.2f} s   slowest {max(seconds):6.2f} s   n {len(seconds)}")


if __name__ == "__main__":
    main()
