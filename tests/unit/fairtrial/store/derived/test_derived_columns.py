"""Exposures of version 1 join their requests in any order, and figures are those of the join."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from fairtrial.domain.events import Event
from fairtrial.journal.reader import EventV1, ExposureEventV1
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page
from fairtrial.store.derived import derived_columns, unit_summaries
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import experiment_traffic, traffic
from fairtrial.store.traffic.units import FirstAssignments, first_assignments
from tests.fixtures.store import samples

JOINED = """
WITH exposures AS (
    SELECT unnest($ids) AS request_id, unnest($names) AS experiment, unnest($assigned) AS assigned,
        unnest($reasons) AS reason, unnest($enrolled) AS enrolled, unnest($units) AS unit
)
SELECT a.experiment, a.assigned, count(DISTINCT a.unit), count(*), count(*) FILTER (r.arm_outcome = 'failed'),
    count(*) FILTER (r.user_outcome = 'failed'), count(*) FILTER (a.reason = 'fallback'),
    quantile_cont(r.latency_ms, 0.5), quantile_cont(r.latency_ms, 0.95), quantile_cont(r.latency_ms, 0.99),
    quantile_cont(r.ttft_ms, 0.5), quantile_cont(r.ttft_ms, 0.95), quantile_cont(r.ttft_ms, 0.99),
    sum(r.tokens_in)::BIGINT, sum(r.cost_usd)::DOUBLE, count(*) FILTER (r.cost_usd IS NULL AND r.outcome = 'ok')
FROM exposures a JOIN requests r ON r.request_id = a.request_id
WHERE r.at_time >= $since AND r.at_time < $until
    AND a.enrolled AND a.reason IN ('assigned', 'fallback', 'kill', 'continued')
GROUP BY a.experiment, a.assigned
ORDER BY a.experiment, a.assigned
"""
"""The figures as they are defined; cost is compared where it is known of all."""
REASONS = ("assigned", "assigned", "fallback", "kill", "continued", "not_enrolled", "forced")
LEFT = "SELECT count(*) FROM exposures"
EXPOSED = "SELECT count(*) FROM requests WHERE enrolled IS NOT NULL"


def traffic_of(count: int, seed: int = 7) -> Iterator[tuple[EventV1, ExposureEventV1]]:
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


def bring(database: Database, ingester: Ingester, events: Sequence[Event | EventV1]) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert not events or writer.append(*events)
    writer.close()
    ingester.catch_up()


def shown(database: Database, page: Page) -> list[tuple[object, ...]]:
    rows = []
    for experiment in traffic.by_variant(database, page):
        for arm in experiment.variants:
            latency = (arm.latency_p50, arm.latency_p95, arm.latency_p99, arm.ttft_p50, arm.ttft_p95, arm.ttft_p99)
            counts = (arm.units, arm.requests, arm.errors, arm.user_errors, arm.fallbacks)
            rest = (arm.tokens_in, pytest.approx(arm.cost_usd), arm.cost_unknown)
            rows.append((experiment.experiment, arm.variant, *counts, *latency, *rest))
    return rows


def joined(database: Database, exposures: Sequence[ExposureEventV1], page: Page) -> list[tuple[object, ...]]:
    bound = {
        "ids": [exposure.request_id for exposure in exposures],
        "names": [exposure.experiment for exposure in exposures],
        "assigned": [exposure.assigned for exposure in exposures],
        "reasons": [exposure.reason for exposure in exposures],
        "enrolled": [exposure.enrolled for exposure in exposures],
        "units": [exposure.unit for exposure in exposures],
    }
    return database.rows(JOINED, bound | {"since": page.since, "until": page.until})


WINDOWS = (Page(), Page(since_us=samples.NOW + 100), Page(since_us=samples.NOW + 50, until_us=samples.NOW + 350))


@pytest.mark.parametrize("order", ["together", "requests first", "exposures first"])
@pytest.mark.parametrize("smallest", [1, 10**9])
def test_figures_are_those_of_the_join(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch, order: str, smallest: int
) -> None:
    monkeypatch.setattr(unit_summaries, "LEAST_PLACEMENTS", smallest)
    monkeypatch.setattr(derived_columns, "EXPOSURE_BATCH", 70)
    pairs = list(traffic_of(400))
    requests, exposures = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    passes: dict[str, tuple[Sequence[EventV1], ...]] = {
        "together": (
            [event for pair in pairs[:200] for event in pair],
            [event for pair in pairs[200:] for event in pair],
        ),
        "requests first": (requests, exposures),
        "exposures first": (exposures, requests),
    }
    for events in passes[order]:
        bring(database, ingester, events)
    assert database.rows(LEFT) == [(0,)]
    for page in WINDOWS:
        assert shown(database, page) == joined(database, exposures, page) != []


def test_an_exposure_whose_request_was_lost_counts_nowhere_and_waits(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, [samples.request(1), samples.exposure(1), samples.exposure(2)])
    (experiment,) = traffic.by_variant(database, Page())
    assert [(arm.units, arm.requests) for arm in experiment.variants] == [(1, 1)]
    assert experiment.reasons == {"assigned": 1}
    series = experiment_traffic.series(database, Page(), experiment="tuned-vs-base")
    assert sum(slot.requests for slot in series.slots) == 1
    assert database.rows("SELECT request_id FROM exposures") == [("r-2",)]
    bring(database, ingester, [samples.request(2)])
    assert (database.rows(LEFT), database.rows(EXPOSED)) == ([(0,)], [(2,)])


def test_a_second_exposure_of_a_request_is_counted_once_and_kept(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, [samples.request(1), samples.exposure(1), samples.exposure(1, assigned="tuned")])
    bring(database, ingester, [samples.exposure(1, assigned="tuned")])
    assert database.rows("SELECT variant_assigned FROM requests") == [("base",)]
    assert database.rows(LEFT) == [(2,)]


def test_feedback_counts_for_the_arm_of_an_exposure_that_came_late(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, [samples.request(1)])
    bring(database, ingester, [samples.feedback(1), samples.feedback(9, request_id=None, unit="u-1")])
    query = "SELECT feedback_id, attribution, subject_arm FROM feedback ORDER BY feedback_id"
    assert database.rows(query) == [("f-1", "request", None), ("f-9", "unknown_unit", None)]
    bring(database, ingester, [samples.exposure(1, assigned="tuned")])
    assert database.rows(query) == [("f-1", "request", "tuned"), ("f-9", "unit", None)]


def test_a_killed_move_has_moved_whole_batches_and_goes_on(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third batch ends after its rows were copied and before they were deleted."""
    pairs = list(traffic_of(100))
    bring(database, ingester, [samples.feedback(1), *(request for request, _ in pairs)])
    monkeypatch.setattr(derived_columns, "EXPOSURE_BATCH", 30)
    monkeypatch.setattr(derived_columns, "MOVED", f"{derived_columns.MOVED} AND stop()")
    with database.transaction() as cursor:
        _stop_after(cursor, 60)
    with pytest.raises(Exception, match="power cut"):
        bring(database, ingester, [exposure for _, exposure in pairs])
    assert (database.rows(LEFT), database.rows(EXPOSED)) == ([(40,)], [(60,)])
    assert database.rows("SELECT position FROM watermarks WHERE name = 'attribution'") == [(0,)]
    monkeypatch.undo()
    Ingester(database, lambda: samples.NOW).catch_up()
    assert (database.rows(LEFT), database.rows(EXPOSED)) == ([(0,)], [(100,)])
    exposures = [exposure for _, exposure in pairs]
    assert shown(database, Page()) == joined(database, exposures, Page()) != []
    assert database.rows("SELECT subject_arm FROM feedback") == [(exposures[1].assigned,)]


def _stop_after(cursor: Cursor, rows: int) -> None:
    cursor.execute(
        "CREATE OR REPLACE MACRO stop() AS"
        f" CASE WHEN (SELECT count(*) FROM requests WHERE enrolled IS NOT NULL) > {rows} THEN error('power cut')"
        " ELSE true END"
    )


def assignments(database: Database) -> FirstAssignments:
    return first_assignments(database, "tuned-vs-base", ["base", "tuned"], analysis_hash="a1")


def test_summed_up_requests_say_the_same_of_first_assignments(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = list(traffic_of(300))
    bring(database, ingester, [event for pair in pairs[150:] for event in pair])
    monkeypatch.setattr(unit_summaries, "LEAST_PLACEMENTS", 1)
    assert unit_summaries.update_placements(database) == 150
    bring(database, ingester, [event for pair in pairs[:150] for event in pair])
    assert database.rows("SELECT position FROM watermarks WHERE name = 'placements'") == [(300,)]
    folded, figures = assignments(database), shown(database, Page())
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM placements")
        cursor.execute("DELETE FROM watermarks")
    assert assignments(database).arms.tolist() == folded.arms.tolist()
    assert shown(database, Page()) == figures


def test_a_request_that_was_summed_up_without_its_exposure_is_summed_up_again(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_summaries, "LEAST_PLACEMENTS", 1)
    pairs = list(traffic_of(100))
    bring(database, ingester, [request for request, _ in pairs])
    assert database.rows("SELECT position FROM watermarks WHERE name = 'placements'") == [(100,)]
    bring(database, ingester, [exposure for _, exposure in pairs])
    assert database.rows("SELECT position FROM watermarks WHERE name = 'placements'") == [(100,)]
    units = {exposure.unit for _, exposure in pairs if exposure.enrolled}
    assert {unit for (unit,) in database.rows("SELECT unit FROM placements")} == units
