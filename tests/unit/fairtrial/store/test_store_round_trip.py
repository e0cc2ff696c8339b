"""What was written to the store comes back as it was: runs, verdicts, keys, traffic, the audit trail."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from fairtrial.api.keys import CreateKey
from fairtrial.api.run_answers import RunEvents
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import is_owned, read_note
from fairtrial.domain.errors import StoreError, StoreLocked, UsageError
from fairtrial.domain.events import Event
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.store_reports import KeyFeedback
from fairtrial.domain.verdicts import verdict_json
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.access import audit, credentials
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial.store.core.engine import migrate, migrations
from fairtrial.store.core.query import Page, timestamp
from fairtrial.store.evaluations import runs, verdicts
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance.overview import overview
from fairtrial.store.traffic import requests, traffic
from tests.fixtures.for_each import for_each
from tests.fixtures.store import samples
from tests.fixtures.store.stored_verdict import VERDICT


def bring(database: Database, ingester: Ingester, *events: Event) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    ingester.catch_up()


def test_a_run_comes_back_event_for_event(database: Database, ingester: Ingester) -> None:
    run, results = samples.run(), [samples.case_result(), samples.case_result(case_id="c2", output=None, error="boom")]
    scores = [samples.score(), samples.score(case_id="c2", value=None, why="crashed", details=None)]
    bring(database, ingester, *results, *scores, run)
    events = runs.events(database, "run-1")
    assert events == RunEvents(run=run, results=results, scores=scores)
    assert runs.events(database, "run-2") is None


def test_the_latest_run_of_each_suite_target_and_digest_is_a_finished_one(
    database: Database, ingester: Ingester
) -> None:
    bring(
        database,
        ingester,
        samples.run("old"),
        samples.run("new", ended_us=samples.NOW + 5000),
        samples.run("cut", ended_us=samples.NOW + 9000, status="interrupted"),
        samples.run("other", suite_digest="d2"),
        samples.run("tuned", target="tuned"),
    )
    assert runs.latest(database)[0] == "new"
    assert sorted(runs.latest(database)) == ["new", "other", "tuned"]
    assert runs.latest(database, target="base", suite_digest="d1") == ["new"]


def test_a_verdict_comes_back_with_evidence_of_every_kind(database: Database) -> None:
    verdicts.save(database, VERDICT, actor="test")
    verdicts.save(database, VERDICT, actor="test")
    assert verdicts.find(database, "v-1") == VERDICT
    assert verdicts.with_findings(database, Page(), candidate="tuned") == (VERDICT,)
    assert verdicts.with_findings(database, Page(), candidate="base") == ()
    assert verdicts.find(database, "v-2") is None


def test_evidence_of_an_unknown_kind_is_refused() -> None:
    text = verdict_json.encode(VERDICT).replace(b'"is":"estimate"', b'"is":"guess"')
    with pytest.raises(msgspec.ValidationError, match="guess"):
        verdict_json.decode(text)


def test_traffic_counts_by_intention_to_treat_on_enrolled_units(database: Database, ingester: Ingester) -> None:
    def visit(number: int, assigned: str, **more: object) -> list[Event]:
        served = more.pop("served", assigned)
        reason = more.pop("reason", "assigned")
        enrolled = more.pop("enrolled", True)
        unit = more.pop("unit", f"u-{number}")
        seen = samples.exposure(number, assigned=assigned, served=served, reason=reason, enrolled=enrolled, unit=unit)
        request = samples.request(number, variant_served=served, response_id=f"chatcmpl-{number}", **more)
        return [request, seen]

    bring(
        database,
        ingester,
        *visit(1, "base", latency_ms=10.0, cost_usd="0.5"),
        *visit(2, "base", latency_ms=30.0, cost_usd="0.25", unit="u-1"),
        *visit(3, "tuned", served="base", reason="fallback", cost_usd="0.5"),
        samples.attempt(3, deployment="tuned", status=None, error_type="upstream_error"),
        samples.attempt(30, request_id="r-3", ordinal=1, purpose="fallback"),
        *visit(4, "tuned", outcome="error", status=502),
        samples.attempt(4, deployment="tuned", status=502, error_type="upstream_error"),
        *visit(5, "base", enrolled=False, reason="not_enrolled"),
        *visit(6, "tuned", enrolled=False, reason="forced"),
        *visit(7, "base", enrolled=False, reason="no_unit", unit=None),
        *visit(8, "tuned"),
        samples.feedback(1, boolean=False),
        samples.feedback(11, request_id="r-1", boolean=True),
        samples.feedback(12, request_id="chatcmpl-2", boolean=False),
        samples.feedback(13, request_id=None, unit="u-3", boolean=None, number=4.0, key="stars"),
    )
    (experiment,) = traffic.by_variant(database, Page())
    base, tuned = experiment.variants
    assert (base.units, base.requests, base.errors, base.latency_p50, base.cost_usd) == (1, 2, 0, 20.0, 0.75)
    assert (tuned.units, tuned.requests, tuned.errors, tuned.user_errors) == (3, 3, 2, 1)
    assert (tuned.fallbacks, tuned.served_elsewhere, tuned.rejected) == (1, 1, 0)
    assert (tuned.cost_usd, tuned.cost_unknown, tuned.latency_p50) == (None, 1, None)
    assert base.feedback == {"resolved": KeyFeedback(2, 2, 0.5)}
    assert tuned.feedback == {"stars": KeyFeedback(1, 1, 4.0)}
    assert experiment.reasons == {"assigned": 4, "fallback": 1, "forced": 1, "no_unit": 1, "not_enrolled": 1}
    assert traffic.by_variant(database, Page(until_us=samples.NOW)) == []


def test_a_request_comes_with_its_bodies_attempts_and_exposures(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, samples.request(1, request_body="{}"), samples.attempt(1), samples.exposure(1))
    request = requests.find(database, "r-1")
    assert request is not None
    assert (request.request_body, request.response_body) == ("{}", None)
    assert (len(request.attempts), len(request.exposures)) == (1, 1)
    assert requests.find(database, "r-2") is None


def test_lists_are_bounded_in_time_and_paged(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, *(samples.request(n) for n in range(10)), *(samples.feedback(n) for n in range(3)))
    page = Page(since_us=samples.NOW + 2, until_us=samples.NOW + 8, limit=2, offset=1)
    assert [row["request_id"] for row in database.dicts(requests.listing(page))] == ["r-6", "r-5"]
    assert len(database.dicts(requests.feedback(Page(limit=2)))) == 2


@pytest.fixture
def with_36_requests(database: Database, ingester: Ingester) -> Database:
    ends = ("ok", "error", "error")
    minutes = [samples.NOW + n // 4 * 60_000_000 + n for n in range(36)]
    bring(
        database, ingester, *(samples.request(n, at_us=at_us, outcome=ends[n % 3]) for n, at_us in enumerate(minutes))
    )
    return database


@for_each("offset", [0, 1, 5, 11, 12, 40])
@for_each("outcome", [None, "error"])
def test_a_large_offset_gives_the_same_page(
    with_36_requests: Database, monkeypatch: pytest.MonkeyPatch, offset: int, outcome: str | None
) -> None:
    database = with_36_requests
    monkeypatch.setattr(requests, "LARGE_OFFSET", 1)
    page = Page(limit=5, offset=offset, until_us=samples.NOW + 7 * 60_000_000)
    skipped = requests.skip(database, page, outcome=outcome)
    assert skipped.offset <= 4
    expected = database.dicts(requests.listing(page, outcome=outcome))
    assert database.dicts(requests.listing(skipped, outcome=outcome)) == expected


def test_a_key_is_stored_as_its_hash_and_revoked_for_good(database: Database) -> None:
    made = credentials.create_key(
        database, CreateKey(name="ci", rights=("complete", "pin"), expires_us=samples.NOW + 1), now_us=samples.NOW
    )
    (key,) = credentials.valid_keys(database)
    assert key.sha256 == hashlib.sha256(made.secret.encode()).hexdigest()
    assert (key.key_id, key.rights, key.expires_us) == (made.key_id, ("complete", "pin"), samples.NOW + 1)
    assert made.secret.startswith(f"ft-{made.key_id}-")
    credentials.revoke_key(database, made.key_id, now_us=samples.NOW)
    assert credentials.valid_keys(database) == ()
    with pytest.raises(UsageError, match="no valid key"):
        credentials.revoke_key(database, made.key_id, now_us=samples.NOW)


def test_an_unknown_right_is_refused(database: Database) -> None:
    with pytest.raises(UsageError, match="unknown right 'fly'"):
        credentials.create_key(database, CreateKey(name="x", rights=["fly"]), now_us=1)  # type: ignore[list-item]


def test_the_audit_trail_shows_a_changed_entry(database: Database) -> None:
    for number in range(3):
        audit.record(database, now_us=samples.NOW + number, actor="me", action="plan.publish", subject="p")
    assert audit.first_broken_entry(database) is None
    with database.transaction() as cursor:
        cursor.execute("UPDATE events SET actor = 'you' WHERE number = 2")
    assert audit.first_broken_entry(database) == 2


def test_the_pepper_is_made_once(layout: Layout) -> None:
    first = Database.open(layout)
    pepper = named_values.pepper(first)
    first.close()
    second = Database.open(layout)
    assert named_values.pepper(second) == pepper
    assert len(pepper) == 64
    second.close()


def test_a_second_owner_is_refused_and_the_error_names_the_first(database: Database) -> None:
    database.lock.announce(control_url="http://127.0.0.1:8081")
    with pytest.raises(StoreLocked, match=r"pid \d+ owns this store and answers at http://127.0.0.1:8081"):
        Database.open(database.layout)
    assert is_owned(database.layout)


def test_the_store_is_free_after_its_owner_left(layout: Layout) -> None:
    Database.open(layout).close()
    assert not is_owned(layout)
    assert read_note(layout) is None
    Database.open(layout).close()


def test_migrations_are_applied_once(layout: Layout) -> None:
    for _ in range(2):
        database = Database.open(layout)
        assert migrate(database.cursor()) == max(migrations())
        assert database.rows("SELECT count(*) FROM schema_migrations") == [(len(migrations()),)]
        database.close()


def test_a_store_of_a_newer_program_is_refused_and_left_free(layout: Layout) -> None:
    database = Database.open(layout)
    with database.transaction() as cursor:
        # by hand: a store of a newer program
        cursor.execute("INSERT INTO schema_migrations VALUES (99, 'future', NULL)")
    database.close()
    with pytest.raises(StoreError, match="newer fairtrial"):
        Database.open(layout)
    assert not is_owned(layout)


def test_a_file_that_is_no_store_is_refused(layout: Layout) -> None:
    layout.store.write_text("this is not a database, but long enough to be mistaken for one" * 100)
    with pytest.raises(StoreError, match="can't be opened"):
        Database.open(layout)


def test_the_store_and_its_folder_are_private(database: Database) -> None:
    assert database.layout.store.stat().st_mode & 0o077 == 0
    assert database.layout.folder.stat().st_mode & 0o077 == 0


def test_rows_and_arrow_say_the_same(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, samples.request(1, cost_usd="0.25", tags={"a": "b"}), samples.request(2))
    query = requests.listing(Page())
    table = database.arrow(query)
    rows = database.dicts(query)
    assert table.column_names == list(rows[0])
    for name in ("request_id", "cost_usd", "latency_ms", "status"):
        assert table.column(name).to_pylist() == [row[name] for row in rows]


def test_the_overview_counts_rows(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, samples.request(1))
    described = overview(database)
    assert (described.rows["requests"], described.rows["runs"], described.schema) == (1, 0, max(migrations()))


def test_times_survive_the_way_to_the_store_and_back() -> None:
    for moment in (0, 1, samples.NOW + 123_457, 4_102_444_799_999_999):
        assert microseconds(timestamp(moment)) == moment
