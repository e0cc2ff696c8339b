"""Screenshots of the dashboard's pages in Chromium, light and dark, wide and on a phone, from stores that it makes.

    python benchmarks/screens.py INTO [--stores empty released twenty large] [--requests 10000000] [--people 10]

Each page is drawn at full height. Beside each file it prints the page's height, the seconds from its address to the
moment when all of it is drawn (after warm-up), what axe-core finds (npm fetches it), and what the dashboard's process
keeps in memory while ``--people`` look at the overview. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import monitored_store  # noqa: E402 - found by the line above
from benchmarks.pages import DRAWN  # noqa: E402
from dashboard.client import SESSION_COOKIE  # noqa: E402
from fairtrial.config.project import load_project  # noqa: E402
from fairtrial.store.derived import traffic_sums  # noqa: E402
from fairtrial.store.derived.unit_summaries import update_placements  # noqa: E402
from tests.fixtures.dashboard import site as sites  # noqa: E402
from tests.fixtures.dashboard.accessibility import axe_script, serious_violations  # noqa: E402
from tests.fixtures.dashboard.many_experiments import STORIES, fill_many  # noqa: E402
from tests.fixtures.dashboard.released import NAME, OTHER_GATE, a_released_site  # noqa: E402
from tests.fixtures.dashboard.visits import ARGUMENTS, PATIENCE_MS, chromium  # noqa: E402
from tests.fixtures.experiments.simulated_days import LiveExperiment  # noqa: E402

LOOKS = {
    "light": (1280, "light"), "dark": (1280, "dark"), "phone": (390, "light"), "phone-dark": (390, "dark"),
}  # fmt: skip
WEEK_US = 7 * 86_400_000_000
Fill = Callable[[Path], None]


class Visit(NamedTuple):
    """A page of a store, and how it is looked at."""

    page: str
    look: str
    url: str


def main() -> None:
    """Make each store, start its services, and take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("into", type=Path)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--looks", nargs="+", choices=LOOKS, default=list(LOOKS))
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--people", type=int, default=10)
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        axe = axe_script(Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for store in options.stores:
            with _site(store, options.requests) as site:
                for page, address in STORES[store](site).items():
                    for look in options.looks:
                        visit = Visit(f"{store}-{page}", look, f"{site.dashboard}/{address}")
                        _shoot(browser, site, visit, options.into, axe)
                _memory(browser, site, options.people)
        browser.close()


@contextmanager
def _site(store: str, requests: int) -> Iterator[sites.Site]:
    fills: Mapping[str, Fill] = {"twenty": fill_many, "large": lambda path: _fill_large(path, requests)}
    with tempfile.TemporaryDirectory() as folder:
        if store == "released":
            with a_released_site(Path(folder)) as found:
                found.judge(OTHER_GATE)
                found.release()
                found.as_rita(f"/api/experiments/{NAME}/rollback", {"why": "complaints about the tone"})
                found.block()
                yield found.site
        else:
            fill, runs = fills.get(store), store != "empty"
            with sites.a_site(Path(folder), sites.answer_by_model, fill=fill, runs=runs) as site:
                yield site


def _empty(_: sites.Site) -> dict[str, str]:
    return {"overview": "overview", "experiment": "experiment", "verdicts": "gate"}


def _released(site: sites.Site) -> dict[str, str]:
    rows = site.ask("GET", "/api/verdicts")["rows"]
    verdicts = {f"{at}-verdict-{row['reads']}": f"gate?verdict={row['verdict_id']}" for at, row in enumerate(rows)}
    return {"overview": "overview", "verdicts": "gate", **verdicts}


def _twenty(_: sites.Site) -> dict[str, str]:
    pages = {name: f"experiment?experiment={name}&window=all" for name in STORIES}
    dialogs = {f"{do}-dialog": f"experiment?experiment=refund-tone&do={do}" for do in ("promote", "kill")}
    return {"overview": "overview", **pages, **dialogs}


def _large(_: sites.Site) -> dict[str, str]:
    return {"overview": "overview", "experiment": f"experiment?experiment={NAME}&window=all"}


STORES: Mapping[str, Callable[[sites.Site], Mapping[str, str]]] = {
    "empty": _empty,
    "released": _released,
    "twenty": _twenty,
    "large": _large,
}


def _fill_large(path: Path, requests: int) -> None:
    """A week until now, by SQL, of an experiment that the product starts; its monitor looks once at the end.

    What control computes while requests arrive is computed here, too.
    """
    began, now_us = time.perf_counter(), time.time_ns() // 1000
    for name in ("REQUESTS", "ATTEMPTS", "FEEDBACK"):
        setattr(monitored_store, name, sites.with_names(getattr(monitored_store, name)))
    path.write_text(path.read_text().replace("kind: boolean}", "kind: boolean, window: 1d}"))
    live = LiveExperiment(path, NAME, now_us=now_us - WEEK_US)
    live.step()
    size = monitored_store.Size(requests, max(1, requests // 10), now_us - WEEK_US)
    for _ in monitored_store.fill(live.database, load_project(path, {}), size):
        pass
    update_placements(live.database)
    traffic_sums.update(live.database)
    live.now_us = now_us
    live.step()
    live.close()
    print(f"{requests:,} requests stored in {time.perf_counter() - began:.0f} s", flush=True)


def _context(browser: Browser, site: sites.Site, width: int, scheme: Any) -> BrowserContext:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": SESSION_COOKIE, "value": site.session("Rita"), "url": site.control}])
    return context


def _shoot(browser: Browser, site: sites.Site, visit: Visit, into: Path, axe: str) -> None:
    width, scheme = LOOKS[visit.look]
    context = _context(browser, site, width, scheme)
    page = context.new_page()
    seconds = [_drawn(page, visit.url) for _ in range(2)][-1]
    height = _whole(page, width)
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{visit.page}-{visit.look}")
    page.screenshot(path=into / f"{name}.png")
    faults = serious_violations(page, axe)
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    faults += ["wider than the window"] if wide > width else []
    shown = "; ".join(faults) or "nothing serious"
    print(f"{visit.page:40} {visit.look:10} {height:6} px {seconds:6.2f} s  {shown}", flush=True)
    context.close()


def _drawn(page: Page, url: str) -> float:
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_function(DRAWN, polling=20)
    return time.perf_counter() - started


def _whole(page: Page, width: int) -> int:
    """Make the window as high as the page, whose own height has no end in Streamlit; returns that height."""
    page.wait_for_load_state("networkidle")
    height = int(page.get_by_test_id("stMainBlockContainer").evaluate("element => Math.ceil(element.scrollHeight)"))
    page.set_viewport_size({"width": width, "height": min(16_000, height + 60)})
    page.wait_for_function(DRAWN, polling=20)
    page.wait_for_load_state("networkidle")
    time.sleep(0.5)  # charts are drawn after their page
    return height


def _memory(browser: Browser, site: sites.Site, people: int) -> None:
    contexts = [_context(browser, site, 1280, "light") for _ in range(people)]
    for context in contexts:
        _drawn(context.new_page(), f"{site.dashboard}/overview")
    process = site.services.children["dashboard"].pid
    kilobytes = int(re.search(r"Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text())[1])  # type: ignore[index]
    print(f"{people} people on the overview: the dashboard keeps {kilobytes / 1024:.0f} MB", flush=True)
    for context in contexts:
        context.close()


if __name__ == "__main__":
    main()
