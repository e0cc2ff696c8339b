"""Figures of traffic are those of a join of exposures and requests, in whatever order their lines arrive."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from fairtrial.domain.events import Event
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.derived import placements
from fairtrial.store.erasure.erase import Unit, erase, new_state
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import time_series, traffic
from fairtrial.store.traffic.first_assignments import FirstAssignments, first_assignments
from tests.fixtures.store import samples

JOINED = """
SELECT a.experiment, a.assigned, count(DISTINCT a.unit), count(*), count(*) FILTER (r.arm_outcome = 'failed'),
    count(*) FILTER (r.user_outcome = 'failed'), count(*) FILTER (a.reason = 'fallback'),
    quantile_cont(r.latency_ms, 0.5), quantile_cont(r.latency_ms, 0.95), quantile_cont(r.latency_ms, 0.99),
    quantile_cont(r.ttft_ms, 0.5), quantile_cont(r.ttft_ms, 0.95), quantile_cont(r.ttft_ms, 0.99),
    sum(r.tokens_in)::BIGINT, sum(r.cost_usd)::DOUBLE, count(*) FILTER (r.cost_usd IS NULL AND r.outcome = 'ok')
FROM exposures a JOIN requests r ON r.request_id = a.request_id
WHERE a.at_time >= $1 AND a.at_time < $2 AND r.at_time >= $1 AND r.at_time < $2
    AND a.enrolled AND a.reason IN ('assigned', 'fallback', 'kill', 'continued')
GROUP BY a.experiment, a.assigned
ORDER BY a.experiment, a.assigned
"""
"""The figures as they are defined; cost is compared where it is known of all."""
REASONS = ("assigned", "assigned", "fallback", "kill", "continued", "not_enrolled", "forced")


def traffic_of(count: int, seed: int = 7) -> Iterator[tuple[Event, Event]]:
    """Requests and their exposures: units that come back, change arms, are not on trial, or have no figures."""
    draw = random.Random(seed)
    for number in range(count):
        reason = draw.choice(REASONS)
        arm = draw.choice(("base", "tuned"))
        name = draw.choice(("tuned-vs-base", "long-vs-short"))
        outcome, status = draw.choice((("ok", 200), ("ok", 200), ("error", 502), ("cancelled", 499)))
        figures = {"latency_ms": draw.random() * 900, "tokens_in": draw.randrange(500), "cost_usd": "0.0025"}
        if draw.random() < 0.8:
            figures["ttft_ms"] = draw.random() * 90
        request = samples.request(number, outcome=outcome, status=status, unit="another", **figures)
        more = {"enrolled": reason not in ("not_enrolled", "forced"), "unit": f"u-{draw.randrange(count // 4)}"}
        yield request, samples.exposure(number, experiment=name, assigned=arm, served="base", reason=reason, **more)


def bring(database: Database, ingester: Ingester, events: Sequence[Event]) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert not events or writer.append(*events)
    writer.close()
    ingester.catch_up()


def shown(database: Database, page: Page) -> list[tuple[object, ...]]:
    found = []
    for one in traffic.by_variant(database, page):
        for arm in one.variants:
            latency = (arm.latency_p50, arm.latency_p95, arm.latency_p99, arm.ttft_p50, arm.ttft_p95, arm.ttft_p99)
            counts = (arm.units, arm.requests, arm.errors, arm.user_errors, arm.fallbacks)
            rest = (arm.tokens_in, pytest.approx(arm.cost_usd), arm.cost_unknown)
            found.append((one.experiment, arm.variant, *counts, *latency, *rest))
    return found


WINDOWS = (Page(), Page(since_us=samples.NOW + 100), Page(since_us=samples.NOW + 50, until_us=samples.NOW + 350))


@pytest.mark.parametrize("order", ["together", "requests first", "exposures first"])
@pytest.mark.parametrize("smallest", [1, 10**9])
def test_figures_are_those_of_the_join(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch, order: str, smallest: int
) -> None:
    monkeypatch.setattr(placements, "SMALLEST", smallest)
    pairs = list(traffic_of(400))
    requests, exposures = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    passes = {
        "together": (
            [event for pair in pairs[:200] for event in pair],
            [event for pair in pairs[200:] for event in pair],
        ),
        "requests first": (requests, exposures),
        "exposures first": (exposures, requests),
    }[order]
    for events in passes:
        bring(database, ingester, events)
    for page in WINDOWS:
        assert shown(database, page) == database.rows(JOINED, (page.since, page.until))


def test_an_exposure_whose_request_was_lost_counts_nowhere_but_among_the_reasons(
    database: Database, ingester: Ingester
) -> None:
    bring(database, ingester, [samples.request(1), samples.exposure(1), samples.exposure(2)])
    (found,) = traffic.by_variant(database, Page())
    assert [(arm.units, arm.requests) for arm in found.variants] == [(1, 1)]
    assert found.reasons == {"assigned": 2}
    series = time_series.series(database, Page(), experiment="tuned-vs-base")
    assert sum(slot.requests for slot in series.slots) == 1


def assignments(database: Database) -> FirstAssignments:
    return first_assignments(database, "tuned-vs-base", ["base", "tuned"], analysis_hash="a1")


def test_summed_up_exposures_say_the_same_of_first_assignments_and_survive_an_erasure(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = list(traffic_of(300))
    bring(database, ingester, [event for pair in pairs[150:] for event in pair])
    monkeypatch.setattr(placements, "SMALLEST", 1)
    assert placements.update_summary(database) == 150
    bring(database, ingester, [event for pair in pairs[:150] for event in pair])
    assert database.rows("SELECT position FROM watermarks WHERE name = 'placements'") == [(300,)]
    folded, figures = assignments(database), shown(database, Page())
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM placements")
        cursor.execute("DELETE FROM watermarks")
    assert assignments(database).arms.tolist() == folded.arms.tolist()
    assert shown(database, Page()) == figures
    unit = database.rows("SELECT unit FROM exposures WHERE enrolled LIMIT 1")[0][0]
    placements.update_summary(database)
    erase(database, new_state(Unit("somebody", "user", unit), now_us=samples.NOW, actor="test"), now_us=samples.NOW)
    assert sorted(assignments(database).arms.tolist()) == sorted(folded.arms.tolist())
    assert shown(database, Page()) == figures
    assert database.rows("SELECT count(*) FROM placements WHERE unit = $1", [unit]) == [(0,)]
    assert database.rows("SELECT position FROM watermarks WHERE name = 'placements'") == [(300,)]
