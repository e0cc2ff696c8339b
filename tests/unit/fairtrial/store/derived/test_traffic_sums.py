"""Traffic that is read from sums of hours equals a direct scan, whatever arrived late, was moved, filled or erased."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import msgspec
import pytest

from fairtrial.api.experiment_traffic import VariantErrors
from fairtrial.config.layout import Layout
from fairtrial.domain.events import Event
from fairtrial.domain.limits.constants import END_OF_TIME_US, HOUR_US, MINUTE_US
from fairtrial.domain.money.tokens import Tokens
from fairtrial.journal.reader import EventV1
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.derived import traffic_sums, unit_summaries
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import experiment_traffic, summed_traffic, traffic
from fairtrial.store.traffic.client_calls import errors_by_variant
from tests.fixtures.store import samples
from tests.fixtures.store.empty_store import database as database, ingester as ingester, layout as layout
from tests.fixtures.store.erasing import erase_unit

BEGIN = samples.NOW // HOUR_US * HOUR_US
HOURS = 30
PAGES = [
    Page(),
    Page(since_us=BEGIN + 3 * HOUR_US),
    Page(since_us=BEGIN + 3 * HOUR_US + 17 * MINUTE_US + 1),
    Page(since_us=BEGIN + 5 * MINUTE_US, until_us=BEGIN + 20 * HOUR_US + 1),
    Page(since_us=BEGIN + 2 * HOUR_US, until_us=BEGIN + 4 * HOUR_US),
    Page(since_us=BEGIN + 100 * HOUR_US, until_us=END_OF_TIME_US),
]
REQUESTS = "SELECT sum(requests)::BIGINT FROM traffic_sums"
LATENCIES = {"latency_p50", "latency_p95", "latency_p99", "ttft_p50", "ttft_p95", "ttft_p99"}
OF_PAGE = "SELECT latency_ms FROM requests WHERE at_time >= $1 AND at_time < $2 ORDER BY latency_ms"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of few requests, in several slices, and read for every window."""
    least(monkeypatch, 1)
    monkeypatch.setattr(traffic_sums, "AT_ONCE", 70)
    monkeypatch.setattr(summed_traffic, "MOST_DIRECT", 0)


def least(monkeypatch: pytest.MonkeyPatch, requests: int) -> None:
    """Sum new requests as soon as there are so many."""
    monkeypatch.setattr(traffic_sums, "LEAST", requests)
    monkeypatch.setattr(unit_summaries, "LEAST_PLACEMENTS", requests)


def requests(seed: int, numbers: range) -> list[Event]:
    """Random requests over thirty hours, in any order."""
    return [_request(random.Random(f"{seed}/{number}"), number) for number in numbers]


def _request(draw: random.Random, number: int) -> Event:
    at_us, fell_back = BEGIN + draw.randrange(HOURS * HOUR_US), draw.random() < 0.1
    common: dict[str, Any] = {
        "at_us": at_us,
        "route": draw.choice(["support-bot", "sales-bot"]),
        "latency_ms": draw.choice([None, 0.0, round(draw.lognormvariate(5, 1), 3)]),
        "ttft_ms": draw.choice([None, round(draw.lognormvariate(3, 1), 3)]),
        "arm_outcome": draw.choice(["answered", "failed", "rejected", "kept_away"]),
        "user_outcome": draw.choice(["answered", "failed"]),
    }
    calls = [("live", draw.choice(["base", "tuned"]))] * (draw.random() < 0.95)
    if fell_back:
        calls, common["reason"] = [*calls, ("fallback", "base")], "fallback"
    figures = {
        "tokens": draw.choice([None, Tokens(input=7), Tokens(input=7, output=draw.randrange(900))]),
        "cost_usd": draw.choice([None, f"0.00000{draw.randrange(1000):03}"]),
    }
    common["attempts"] = [
        samples.attempt_of(number, at_us=at_us, purpose=purpose, deployment=name, **figures) for purpose, name in calls
    ]
    if draw.random() < 0.3:
        return samples.record(number, **common)
    arm = draw.choice(["base", "tuned"])
    common |= {"assigned": arm, "served": draw.choice([arm, "base"]), "unit": f"u-{draw.randrange(60)}"}
    common |= {"experiment": draw.choice(["one", "two"]), "enrolled": draw.random() < 0.9}
    common |= {"prompt_digest": draw.choice(["p", None]), "retry_ordinal": draw.choice([0, 0, 0, 1])}
    return samples.exposed(number, **common)


def bring(database: Database, ingester: Ingester, events: Iterable[Event | EventV1]) -> None:
    """Write the events to a journal of their own, and ingest them."""
    with closing(JournalWriter(database.layout.journal, writer="w0")) as journal:
        for event in events:
            journal.append(event)  # type: ignore[arg-type]
    ingester.catch_up()


def assert_same(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """All figures of all windows, read both ways. Latencies differ by the width of a bucket."""
    for page in PAGES:
        with monkeypatch.context() as direct:
            direct.setattr(summed_traffic, "MOST_DIRECT", math.inf)
            routes, variants = shown(database, page)
            series, errors = of_experiment(database, page)
        summed_routes, summed_variants = shown(database, page)
        summed_series, summed_errors = of_experiment(database, page)
        assert summed_errors == errors, page
        assert _without_latencies(summed_series) == _without_latencies(series), page
        assert _without_latencies(summed_routes) == _without_latencies(routes), page
        assert _without_latencies(summed_variants) == _without_latencies(variants), page
        for summed, exact in zip(summed_routes, routes, strict=True):
            assert (summed["latency_p50"] is None) == (exact["latency_p50"] is None)


def shown(database: Database, page: Page) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What `/api/routes` and the Overview show."""
    routes = database.dicts(traffic.by_route(database, page))
    routes.sort(key=lambda row: (row["route"], str(row["deployment"])))
    variants = []
    for seen in traffic.by_variant(database, page):
        row = msgspec.to_builtins(seen)
        for variant in row.pop("variants"):
            cost = variant["cost_usd"]
            variants.append(row | variant | {"cost_usd": None if cost is None else round(cost, 9)})
    return routes, variants


def of_experiment(database: Database, page: Page) -> tuple[list[dict[str, Any]], list[VariantErrors]]:
    """What an experiment's page shows: its slots, and its errors by try and by call."""
    slots = experiment_traffic.series(database, page, experiment="one").slots
    return [msgspec.to_builtins(slot) for slot in slots], errors_by_variant(database, page, "one")


def _without_latencies(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in LATENCIES} for row in rows]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.release("stories")) for seed in (1, 2, 3))])
def test_sums_equal_a_direct_scan_with_late_rows_and_rows_that_are_not_summed_yet(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    least(monkeypatch, 1)
    summed = database.value(REQUESTS) or 0
    for first in range(1000 * seed, 1000 * seed + 600, 200):
        bring(database, ingester, requests(seed, range(first, first + 200)))
        assert_same(database, monkeypatch)
    assert database.value(REQUESTS) >= summed + 600
    least(monkeypatch, 1000)
    bring(database, ingester, requests(seed, range(1000 * seed + 600, 1000 * seed + 700)))
    assert database.value(REQUESTS) < database.value("SELECT count(*) FROM requests")
    assert_same(database, monkeypatch)


def test_latencies_are_within_a_bucket_of_those_of_the_requests(database: Database, ingester: Ingester) -> None:
    draw = random.Random(5)
    events = [
        samples.record(number, at_us=BEGIN + number * MINUTE_US, latency_ms=round(draw.lognormvariate(5, 2), 3))
        for number in range(900)
    ]
    bring(database, ingester, events)
    for page in (Page(), Page(since_us=BEGIN + 90 * MINUTE_US)):
        latencies = [latency for (latency,) in database.rows(OF_PAGE, (page.since, page.until))]
        [row] = database.dicts(traffic.by_route(database, page))
        for name, share in {"latency_p50": 0.5, "latency_p95": 0.95}.items():
            exact = latencies[math.floor(share * (len(latencies) - 1))]
            assert row[name] == pytest.approx(exact, rel=(traffic_sums.WIDTH - 1) / 2 + 1e-3)


def test_requests_that_get_their_exposure_or_their_outcome_later_are_summed_again(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(database, ingester, requests(1, range(1000, 1100)))
    early = [samples.request(number, at_us=BEGIN + number * MINUTE_US) for number in range(200)]
    bring(database, ingester, early)
    assert database.value(REQUESTS) == 300
    bring(
        database,
        ingester,
        [samples.exposure(number, at_us=BEGIN + number * MINUTE_US, unit=f"u-{number % 50}") for number in range(150)],
    )
    moved = "SELECT sum(requests) FROM traffic_sums WHERE enrolled AND experiment = 'tuned-vs-base'"
    assert database.value(moved) == 150
    assert database.value("SELECT count(*) FROM requests WHERE arm_outcome IS NULL") == 0
    assert database.value(REQUESTS) == 300
    assert_same(database, monkeypatch)


def test_an_erased_unit_leaves_no_trace_in_the_sums_and_the_same_figures(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(database, ingester, requests(2, range(300)))
    before = database.value("SELECT hash('u-7')")
    known = "SELECT count(*) FROM last_requests WHERE unit = $1"
    assert database.value(known, (before,)) > 0
    erase_unit(database, "u-7", "u-7")
    assert database.value(known, (before,)) == 0
    assert database.value(REQUESTS) == 300
    assert_same(database, monkeypatch)


@pytest.mark.release("stories")
def test_an_older_store_is_filled_in_slices_each_by_a_pass(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Database.open(layout)) as database:
        bring(database, Ingester(database, lambda: samples.NOW), requests(3, range(300)))
        with database.transaction() as cursor:
            for table in ("traffic_sums", "latency_sums", "last_requests"):
                cursor.execute(f"DELETE FROM {table}")
            cursor.execute("DELETE FROM watermarks WHERE name = 'traffic_sums'")
        seconds = 0.0
        least(monkeypatch, 50)
        ingester = Ingester(database, lambda: samples.NOW, monotonic=lambda: seconds)
        left = []
        for _ in range(6):
            ingester.catch_up(paced=True)
            left.append(300 - (database.value(REQUESTS) or 0))
            assert_same(database, monkeypatch)
            seconds += 100.0
        assert left[:4] == [230, 160, 90, 20] and left[-1] == 20
