"""A request is one row, from one line of today or from the lines of version 1, and what is unknown stays empty."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict

from fairtrial.domain.events import Event
from fairtrial.domain.money.tokens import Tokens
from fairtrial.journal.reader import EventV1
from fairtrial.journal.segment import names
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import requests
from tests.fixtures.for_each import for_each
from tests.fixtures.store import samples
from tests.fixtures.store.empty_store import empty_store

TOKENS = {"tokens_in": 7, "tokens_out": 5, "tokens_cached": 4, "tokens_cache_write": 3, "tokens_reasoning": 2}
TOKENS |= {"tokens_audio_in": 1, "tokens_audio_out": 0}
COUNTED = Tokens(input=7, output=5, cached=4, cache_write=3, reasoning=2, audio_in=1, audio_out=0)
LEFT_OUT = {"stream": False, "retry_ordinal": 0, "tags": {}, "usage_source": "none", "capture": "none"}
"""Columns whose default a writer leaves out."""
ONLY_TODAY = {"latency_censored": False, "schema_requested": False}


def bring(database: Database, ingester: Ingester, *events: Event | EventV1) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    ingester.catch_up()


def row(database: Database, table: str = "requests") -> dict[str, Any]:
    (row_,) = database.dicts(Query(f"SELECT * FROM {table}"))
    return row_


def known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


@for_each(
    ("costs", "outcome", "cost"),
    [
        (["0.25", "0.5"], "ok", Decimal("0.75")),
        ([None, "0.5"], "ok", Decimal("0.5")),
        (["0.25", None], "ok", None),
        (["0.25", None], "error", Decimal("0.25")),
        ([None, None], "error", None),
    ],
)
def test_the_cost_of_a_request_is_that_of_all_its_attempts(
    tmp_path: Path, costs: list[str | None], outcome: Any, cost: Decimal | None
) -> None:
    attempts = [samples.attempt_of(number, cost_usd=one) for number, one in enumerate(costs)]
    with empty_store(tmp_path) as (database, ingester):
        bring(database, ingester, samples.record(1, outcome=outcome, attempts=attempts))
        assert row(database)["cost_usd"] == cost


def test_all_fields_of_a_line_are_in_its_rows(database: Database, ingester: Ingester) -> None:
    first = samples.attempt_of(1, outcome="failed", fault="upstream", status=502, error_message="no", error_code="e")
    last = samples.attempt_of(
        2,
        purpose="fallback",
        deployment="other",
        tokens=COUNTED,
        usage_source="provider",
        cost_usd="0.000123",
        provider_request_id="req_1",
        ttft_ms=1.5,
    )
    more: dict[str, Any] = {
        "stream": True,
        "latency_censored": True,
        "refused_by_text": True,
        "schema_requested": True,
        "schema_valid": False,
        "prompt_digest": "d1",
        "trace_id": "t1",
        "span_id": "s1",
        "breaker": "half_open",
        "retry_ordinal": 2,
        "tags": {"team": "a"},
        "capture": "full",
    }
    bodies = {"request_body": '{"model":"ü"}', "response_body": "{}"}
    bring(database, ingester, samples.exposed(1, served="other", attempts=[first, last], unit="mine", **more, **bodies))
    stored_row = row(database)
    assert stored_row.items() >= (more | TOKENS).items()
    last_call = {"deployment": "other", "usage_source": "provider", "provider_request_id": "req_1"}
    assert stored_row.items() >= (last_call | {"cost_usd": Decimal("0.000123")}).items()
    exposed = {"enrolled": True, "exposed_unit": "mine", "unit_kind": "user", "enrol_bucket": 0.25, "arm_bucket": 0.5}
    exposed |= {"propensity": 0.5, "stage": 100.0, "analysis_hash": "a1", "experiment_state": "running", "unit": None}
    assert stored_row.items() >= exposed.items()
    first, two = database.dicts(Query("SELECT * FROM attempts ORDER BY ordinal"))
    assert (first["ordinal"], first["outcome"], first["fault"], first["status"]) == (0, "failed", "upstream", 502)
    assert (first["error_message"], first["error_code"]) == ("no", "e")
    assert (first["tokens_in"], first["plan_hash"]) == (None, "p1")
    assert two.items() >= (TOKENS | last_call | {"ordinal": 1, "purpose": "fallback", "ttft_ms": 1.5}).items()
    assert row(database, "payloads").items() >= bodies.items()


def test_what_a_line_leaves_out_is_its_default_or_unknown(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, samples.record(1))
    given = {"request_id", "at_time", "endpoint", "route", "status", "outcome", "reason", "plan_hash", "worker"}
    given |= {"arm_outcome", "user_outcome"}
    fields = known(row(database))
    assert {name: value for name, value in fields.items() if name not in given} == LEFT_OUT | ONLY_TODAY
    assert database.rows("SELECT (SELECT count(*) FROM attempts) + (SELECT count(*) FROM payloads)") == [(0,)]


def test_the_hash_of_an_exposure_is_empty_and_not_unknown(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, samples.exposed(1, analysis_hash="", unit=None, enrolled=False, reason="no_unit"))
    stored_row = row(database)
    assert (stored_row["analysis_hash"], stored_row["exposed_unit"], stored_row["enrolled"]) == ("", None, False)


def lines_of_version_1() -> list[EventV1]:
    more = {"deployment": "other", "tokens_in": 7, "usage_source": "provider", "cost_usd": "0.5"}
    return [
        samples.request(1, unit="mine", arm_outcome="failed", user_outcome="answered", request_body="{}", **more),
        samples.attempt(1, status=502, error_message="no"),
        samples.attempt(1, ordinal=1, purpose="fallback", **more),
        samples.exposure(1, assigned="tuned", reason="fallback"),
    ]


@for_each("cuts", [(), (1,), (2,), (3,), (1, 2, 3)])
@for_each("backwards", [False, True])
def test_lines_of_version_1_become_the_same_rows_wherever_a_batch_ends(
    tmp_path: Path, cuts: tuple[int, ...], backwards: bool
) -> None:
    lines = lines_of_version_1()[:: -1 if backwards else 1]
    with empty_store(tmp_path) as (database, ingester):
        for start, end in zip((0, *cuts), (*cuts, len(lines)), strict=True):
            bring(database, ingester, *lines[start:end])
        check_rows_of_version_1(database)


def check_rows_of_version_1(database: Database) -> None:
    stored_row = row(database)
    expected = {"deployment": "other", "tokens_in": 7, "tokens_out": None, "usage_source": "provider", "unit": "mine"}
    expected |= {"variant_assigned": "tuned", "reason": "fallback", "exposed_unit": "u-1", "enrolled": True}
    expected |= dict.fromkeys(ONLY_TODAY, None) | {"experiment_state": None, "arm_outcome": "failed"}
    assert stored_row.items() >= (expected | {"cost_usd": Decimal("0.5"), "stage": 100.0, "retry_ordinal": 0}).items()
    attempts = database.rows("SELECT ordinal, purpose, status, outcome, cost_usd, plan_hash FROM attempts ORDER BY 1")
    assert attempts == [(0, "live", 502, None, None, "p1"), (1, "fallback", 200, None, Decimal("0.5"), "p1")]
    assert database.rows("SELECT (SELECT count(*) FROM payloads), (SELECT count(*) FROM exposures)") == [(1, 0)]


def test_a_half_ingested_segment_of_version_1_goes_on(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w", version=1)
    lines = [*lines_of_version_1(), samples.request(2), samples.exposure(2)]
    for events in (lines[:2], lines[2:5], [lines[5], samples.exposed(3)]):
        writer.append(*events)
        ingester.catch_up(paced=True)
        ingester = Ingester(database, lambda: samples.NOW)
    writer.close()
    ingester.catch_up()
    assert database.rows("SELECT request_id, enrolled FROM requests ORDER BY 1") == [
        ("r-1", True),
        ("r-2", True),
        ("r-3", True),
    ]
    assert database.rows("SELECT count(*) FROM attempts") == [(2,)]
    assert database.rows("SELECT count(*) FROM exposures") == [(0,)]


ODD: dict[str, tuple[str, Any]] = {
    "a huge status": ("status", 2**40),
    "a time out of range": ("at_us", 2**63 - 1),
    "a whole number of 30 digits": ("at_us", 10**30),
    "text for a number": ("latency_ms", "long"),
    "a number for text": ("route", 5),
    "a list for a struct": ("exposure", []),
    "a struct for a list": ("attempts", {}),
    "half an exposure": ("exposure", {"enrolled": True}),
    "tags in tags": ("tags", {"a": {"b": "c"}}),
    "a huge retry": ("retry_ordinal", 2**40),
    "an attempt with a huge status": ("attempts", [{"status": 2**40}]),
    "tokens as text": ("attempts", [{"tokens": {"input": "7"}}]),
    "tokens beyond a bigint": ("attempts", [{"tokens": {"input": 2**63}}]),
}


@for_each("name", ODD)
def test_an_odd_value_costs_only_its_own_line(tmp_path: Path, name: str) -> None:
    field, value = ODD[name]
    if field == "attempts" and isinstance(value, list):
        value = [msgspec.to_builtins(samples.attempt_of(1)) | value[0]]
    odd = msgspec.to_builtins(samples.exposed(5)) | {field: value}
    with empty_store(tmp_path) as (database, ingester):
        append(database, samples.exposed(1), json.dumps(odd).encode(), samples.exposed(2))
        done = ingester.catch_up()
        assert (done.rows, done.rejects) == (2, 1)
        assert database.rows("SELECT request_id FROM requests ORDER BY 1") == [("r-1",), ("r-2",)]
        assert database.rows("SELECT count(*) FROM attempts") == [(0,)]


def test_a_lone_surrogate_and_a_zero_byte_stop_nothing(database: Database, ingester: Ingester) -> None:
    surrogate = msgspec.json.encode(samples.exposed(5)).replace(b'"u-5"', b'"\\ud800"')
    zero = msgspec.json.encode(samples.exposed(6, tags={"a": "x\0y"}, attempts=[samples.attempt_of(1)]))
    append(database, samples.exposed(1), surrogate, zero)
    done = ingester.catch_up()
    assert (done.rows, done.rejects) == (2, 1)
    assert database.rows("SELECT tags FROM requests WHERE request_id = 'r-6'") == [({"a": "x\0y"},)]


def append(database: Database, *lines: Event | bytes) -> None:
    """A segment of a writer that has ended, with lines as they are given."""
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.close()
    (path,) = names(database.layout.journal)
    with path.open("ab") as file:
        for line in lines:
            file.write((line if isinstance(line, bytes) else msgspec.json.encode(line)) + b"\n")


def test_a_cost_that_is_no_number_is_unknown(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, samples.record(1, attempts=[samples.attempt_of(1, cost_usd="much")]))
    assert row(database)["cost_usd"] is row(database, "attempts")["cost_usd"] is None


def test_one_request_is_shown_with_its_attempts_and_its_exposure(database: Database, ingester: Ingester) -> None:
    attempt = samples.attempt_of(1, outcome="failed", fault="caller", tokens=COUNTED)
    bring(database, ingester, samples.exposed(1, attempts=[attempt], prompt_digest="d1", trace_id="t1"))
    request = requests.find(database, "r-1")
    assert request is not None
    assert (request.prompt_digest, request.trace_id, request.latency_censored) == ("d1", "t1", False)
    (shown,), (exposure,) = request.attempts, request.exposures
    assert asdict(shown).items() >= ({"outcome": "failed", "fault": "caller"} | TOKENS).items()
    assert (exposure.assigned, exposure.unit, exposure.state) == ("base", "u-1", "running")


def test_a_request_outside_experiments_has_no_exposure(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, samples.record(1, reason="direct"))
    request = requests.find(database, "r-1")
    assert request is not None and request.exposures == request.attempts == []
