"""The sums of units do not depend on how requests arrive, on compaction, or on a pass that was killed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pytest

from fairtrial.domain.metrics import UNIT_COLUMNS
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.derived import derived_columns, unit_summaries
from fairtrial.store.derived.unit_summaries import Folded
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.store import live_experiment as live, samples
from tests.fixtures.store.erasing import erase_unit

TOTALS = f"""
SELECT experiment, analysis_hash, variant, unit, early, min(first_at), kept_away,
    {", ".join(f"round(sum({name})::DOUBLE, 9)" for name in UNIT_COLUMNS)}
FROM unit_sums GROUP BY ALL ORDER BY ALL
"""
ROWS = "SELECT count(*) FROM unit_sums"
REPEATED = """
SELECT experiment, analysis_hash, variant, unit, early, kept_away, is_first,
    first_at < since + INTERVAL 1 HOUR AS first_hour
FROM (
    SELECT *, min(first_at) FILTER (NOT early) OVER (PARTITION BY experiment, analysis_hash, unit) AS since
    FROM unit_sums
)
GROUP BY ALL HAVING count(*) > 1
"""
COLUMNS = """
SELECT column_name FROM duckdb_columns() WHERE table_name = 'unit_sums' AND database_name = current_database()
ORDER BY column_index
"""
ABOUT = """
SELECT count(*) FROM feedback f JOIN requests r ON f.subject = r.request_id AND f.subject_unit = r.exposed_unit
"""
FIRST = "SELECT unit, early, epoch_us(min(first_at)), sum(sent)::INT FROM unit_sums GROUP BY ALL ORDER BY ALL"

TAGS = "SELECT unit, arg_min(tags, first_at) FROM unit_sums GROUP BY unit ORDER BY unit"


def ingest(database: Database, ingester: Ingester, *events: Any) -> bool:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    return ingester.catch_up().failed


def totals(database: Database) -> list[tuple[Any, ...]]:
    return database.rows(TOTALS)


@pytest.fixture
def whole(database: Database, ingester: Ingester) -> list[tuple[Any, ...]]:
    """The totals after one pass; the store is empty again afterwards, apart from its requests."""
    live.store_plans(database, live.plan(), live.amended())
    ingest(database, ingester, *live.random_traffic(5).lines())
    sums = totals(database)
    assert len(sums) > 60
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM unit_sums")
        cursor.execute("DELETE FROM watermarks WHERE starts_with(name, 'unit_sums')")
    return sums


def test_the_table_has_the_columns_of_the_catalogue(database: Database) -> None:
    names = [name for (name,) in database.rows(COLUMNS)]
    key = ["experiment", "analysis_hash", "variant", "unit", "early", "first_at"]
    assert names == [*key, *UNIT_COLUMNS, "kept_away", "is_first", "tags"]


def test_many_passes_give_the_sums_of_one(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan(), live.amended())
    lines = live.random_traffic(5).lines()
    for start in range(0, len(lines), 60):
        ingest(database, ingester, *lines[start : start + 60])
    sums, rows = totals(database), database.rows(ROWS)
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM unit_sums")
        cursor.execute("DELETE FROM watermarks WHERE starts_with(name, 'unit_sums')")
    assert unit_summaries.update_sums(database) == Folded(300, failed=True)
    assert totals(database) == sums
    assert database.rows(ROWS) < rows
    assert unit_summaries.update_sums(database) == Folded()


@pytest.mark.parametrize("size", [37, 299, 300, 301])
def test_slices_give_the_sums_of_one_pass(
    database: Database, whole: Sequence[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(unit_summaries, "SLICE", size)
    assert unit_summaries.update_sums(database) == Folded(300, failed=True)
    assert totals(database) == whole


def test_compaction_keeps_the_sums_and_leaves_one_row_for_each_window_of_a_unit(
    database: Database, whole: Sequence[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_summaries, "SLICE", 20)
    unit_summaries.update_sums(database)
    ((before,),) = database.rows(ROWS)
    monkeypatch.setattr(unit_summaries, "SMALLEST", 1)
    for _ in range(unit_summaries.PARTS):
        unit_summaries.update_sums(database)
        assert totals(database) == whole
    ((after,),) = database.rows(ROWS)
    assert len(whole) < after < before
    assert database.rows(REPEATED) == []
    marks = dict(database.rows("SELECT name, position FROM watermarks"))
    assert (marks[unit_summaries.COMPACTED], marks.get(unit_summaries.PART)) == (after, 0)
    monkeypatch.setattr(unit_summaries, "TOTAL", "SELECT error('no compaction is due')")
    unit_summaries.update_sums(database)


def test_a_killed_pass_adds_nothing_and_a_later_one_everything(
    database: Database, whole: Sequence[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_summaries, "SLICE", 100)
    mark = unit_summaries.MARK
    monkeypatch.setattr(
        unit_summaries, "MARK", mark.replace("WHERE", "WHERE if($2 > 200, error('power cut'), true) AND")
    )
    with pytest.raises(duckdb.Error, match="power cut"):
        unit_summaries.update_sums(database)
    assert dict(database.rows("SELECT name, position FROM watermarks"))[unit_summaries.SUMS] == 200
    monkeypatch.setattr(unit_summaries, "MARK", mark)
    assert unit_summaries.update_sums(database).rows == 100
    assert totals(database) == whole


def test_a_killed_compaction_changes_nothing(
    database: Database, whole: Sequence[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    unit_summaries.update_sums(database)
    monkeypatch.setattr(unit_summaries, "SMALLEST", 1)
    monkeypatch.setattr(unit_summaries, "FORGET", "SELECT error('power cut')")
    with pytest.raises(duckdb.Error, match="power cut"):
        unit_summaries.update_sums(database)
    assert totals(database) == whole
    monkeypatch.undo()
    assert unit_summaries.update_sums(database) == Folded()
    assert totals(database) == whole


def test_requests_before_the_start_count_only_by_their_time(database: Database, ingester: Ingester) -> None:
    before, after = live.STARTED - 1, live.STARTED
    ingest(database, ingester, samples.exposed(1, unit="u", at_us=before, arm_outcome="failed"))
    live.store_plans(database, live.plan())
    failed = ingest(
        database,
        ingester,
        samples.exposed(2, unit="u", at_us=before - 1),
        samples.exposed(3, unit="u", at_us=after),
        samples.exposed(4, unit="v", at_us=after, state="paused", arm_outcome="failed"),
        samples.exposed(5, unit="v", at_us=before, state="paused", arm_outcome="failed"),
        samples.exposed(6, unit="w", at_us=after, analysis_hash="unknown"),
    )
    assert not failed
    assert database.rows(FIRST) == [
        ("u", False, after, 1),
        ("u", True, before - 1, 0),
        ("v", True, before, 0),
        ("w", True, after, 0),
    ]


def test_the_tags_of_a_unit_are_those_of_its_first_request_in_whatever_order_requests_arrive(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = live.STARTED
    live.store_plans(database, live.plan())
    ingest(
        database,
        ingester,
        samples.exposed(1, unit="late", at_us=at + 9, tags={"team": "late"}),
        samples.exposed(2, unit="late", at_us=at + 10, tags={"team": "later"}),
        samples.exposed(3, unit="none", at_us=at + 1),
        samples.exposed(4, unit="away", at_us=at + 5, tags={"team": "away"}, arm_outcome="kept_away"),
        samples.exposed(5, unit="away", at_us=at + 6, tags={"team": "served"}),
        samples.exposed(6, unit="early", at_us=at - 1, tags={"team": "early"}),
    )
    ingest(
        database,
        ingester,
        samples.exposed(7, unit="late", at_us=at + 3, tags={"team": "first"}),
        samples.exposed(8, unit="none", at_us=at + 2, tags={"team": "second"}),
    )
    tags = [("away", {"team": "away"}), ("early", None), ("late", {"team": "first"}), ("none", {})]
    assert database.rows(TAGS) == tags
    monkeypatch.setattr(unit_summaries, "SMALLEST", 1)
    for _ in range(unit_summaries.PARTS):
        unit_summaries.update_sums(database)
    assert database.rows(TAGS) == tags
    stored = database.rows("SELECT DISTINCT tags['team'] FROM unit_sums WHERE tags IS NOT NULL ORDER BY ALL")
    assert stored == [("away",), ("first",), ("served",), (None,)], "tags that are not the first ones go"


def test_the_newest_start_of_a_plan_counts(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan(), live.plan(started_us=live.STARTED + 10, from_us=live.STARTED + 10))
    ingest(database, ingester, *(samples.exposed(n, unit="u", at_us=live.STARTED + 9 + n) for n in range(2)))
    assert database.rows(FIRST) == [("u", False, live.STARTED + 10, 1), ("u", True, live.STARTED + 9, 0)]


@pytest.mark.parametrize(
    "more",
    [
        {"arm_outcome": "failed"},
        {"arm_outcome": "rejected"},
        {"user_outcome": "failed"},
        {"attempts": [samples.attempt_of(1, outcome="failed", fault="configuration"), samples.attempt_of(1)]},
    ],
)
def test_a_pass_says_whether_requests_failed(database: Database, ingester: Ingester, more: dict[str, Any]) -> None:
    live.store_plans(database, live.plan())
    assert not ingest(database, ingester, samples.exposed(1, at_us=live.STARTED))
    assert ingest(database, ingester, samples.exposed(2, at_us=live.STARTED, **more))
    assert not ingest(database, ingester, samples.exposed(3, at_us=live.STARTED))
    assert not ingester.catch_up().failed


def test_only_the_calls_to_the_arm_count_and_not_what_the_gateway_or_the_caller_broke_off(
    database: Database, ingester: Ingester
) -> None:
    live.store_plans(database, live.plan())
    calls = [
        samples.attempt_of(1, outcome="failed", fault="upstream"),
        samples.attempt_of(1, purpose="retry", outcome="failed", fault="upstream"),
        samples.attempt_of(1, purpose="fallback", outcome="failed", fault="upstream"),
        samples.attempt_of(1, purpose="retry", outcome="failed", fault="upstream"),
    ]
    others = [("cancelled", "gateway"), ("cancelled", "caller"), ("rejected", "caller")]
    ingest(
        database,
        ingester,
        samples.exposed(1, at_us=live.STARTED, unit="fell back", attempts=calls),
        *(
            samples.exposed(
                n, at_us=live.STARTED, unit="broke off", attempts=[samples.attempt_of(n, outcome=o, fault=f)]
            )
            for n, (o, f) in enumerate(others, 2)
        ),
    )
    columns = "unit, sum(attempts)::INT, sum(attempts_failed)::INT"
    rows = database.rows(f"SELECT {columns} FROM unit_sums GROUP BY unit ORDER BY unit")
    assert rows == [("broke off", 3, 0), ("fell back", 2, 2)]


def test_requests_that_a_breaker_kept_away_are_summed_apart(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan())
    away = {"at_us": live.STARTED, "unit": "u", "arm_outcome": "kept_away", "attempts": []}
    ingest(database, ingester, *(samples.exposed(n, at_us=live.STARTED, unit="u") for n in range(3)))
    assert ingest(database, ingester, samples.exposed(4, **away), samples.exposed(5, **away)), "the monitor steps now"
    columns = "kept_away, sum(sent)::INT, sum(asked)::INT, sum(failed)::INT, sum(attempts)::INT"
    rows = database.rows(f"SELECT {columns} FROM unit_sums GROUP BY kept_away ORDER BY kept_away")
    assert rows == [(False, 3, 3, 0, 0), (True, 2, 2, 2, 0)]


@pytest.mark.parametrize("late", [True, False])
def test_an_exposure_of_an_earlier_version_is_early_whenever_it_joins_its_request(
    database: Database, ingester: Ingester, late: bool
) -> None:
    exposures = [samples.exposure(n, unit="u") for n in range(3)]
    requests = [samples.request(n) for n in range(3)]
    live.store_plans(database, live.plan())
    ingest(database, ingester, *requests, *([] if late else exposures))
    ingest(database, ingester, samples.exposed(9, unit="u", at_us=live.STARTED))
    if late:
        ingest(database, ingester, *exposures)
    expected = [("u", False, live.STARTED, 1), ("u", True, samples.NOW, 0)]
    assert database.rows(FIRST) == expected
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM unit_sums")
        cursor.execute("DELETE FROM watermarks WHERE starts_with(name, 'unit_sums')")
    unit_summaries.update_sums(database)
    assert database.rows(FIRST) == expected


def test_exposures_that_move_after_the_start_of_a_plan_are_left_out(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derived_columns, "EXPOSURE_BATCH", 2)
    live.store_plans(database, live.plan())
    ingest(database, ingester, *(samples.request(n, at_us=live.STARTED + n - 2) for n in range(4)))
    ingest(database, ingester, *(samples.exposure(n, at_us=live.STARTED + n - 2) for n in range(4)))
    assert [unit for unit, *_ in database.rows(FIRST)] == ["u-0", "u-1"]


def test_an_erasure_gives_the_unit_of_sums_and_of_feedback_the_name_that_its_requests_get(
    database: Database, ingester: Ingester
) -> None:
    live.store_plans(database, live.plan(), live.amended())
    ingest(database, ingester, *live.random_traffic(6).lines())
    before = [row[4:] for row in totals(database)], database.rows(ABOUT)
    assert erase_unit(database, "somebody", "u-7")["requests"] > 1
    assert sorted(row[4:] for row in totals(database)) == sorted(before[0])
    assert database.rows(ABOUT) == before[1] != [(0,)]
    assert database.rows("SELECT count(*) FROM unit_sums WHERE unit = 'u-7'") == [(0,)]
    assert database.rows("SELECT count(*) FROM feedback WHERE subject_unit = 'u-7'") == [(0,)]
    strange = "SELECT count(*) FROM unit_sums WHERE unit NOT IN (SELECT exposed_unit FROM requests)"
    assert database.rows(strange) == [(0,)]
    assert unit_summaries.update_sums(database) == Folded()
    sums = totals(database)
    ingest(database, ingester, samples.exposed(999, unit="u-new", at_us=live.END))
    assert len(totals(database)) == len(sums) + 1
