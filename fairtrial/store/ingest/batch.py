"""Checks the lines of a batch, groups them by kind, and inserts them through JSON files that DuckDB reads."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fairtrial.domain import events
from fairtrial.domain.errors import JournalError
from fairtrial.domain.events import Event, RequestEvent
from fairtrial.domain.limits.constants import END_OF_TIME_US
from fairtrial.journal.counts import arm_cell
from fairtrial.journal.reader import AttemptEventV1, Chunk, EventV1, ExposureEventV1, NewerEvent, decode
from fairtrial.safe_files import PRIVATE
from fairtrial.store.core.thread_access import Cursor
from fairtrial.store.ingest import earlier_requests
from fairtrial.store.ingest.earlier_requests import EarlierLines, json_columns
from fairtrial.store.ingest.record_counts import SourceArm

WHY_LETTERS = 200
FAILED = frozenset({"failed", "rejected", "kept_away"})

ATTEMPTS = """
INSERT INTO attempts BY NAME
SELECT request_id, make_timestamp(at_us) AS at_time, ordinal, purpose, deployment, plan_hash, status, error_type,
    error_message, latency_ms, ttft_ms, tokens_in, tokens_out, usage_source,
    TRY_CAST(cost_usd AS DECIMAL(18, 9)) AS cost_usd
FROM lines
"""

EXPOSURES = """
INSERT INTO exposures
SELECT request_id, make_timestamp(at_us), experiment, assigned, served, reason, enrolled, unit, unit_kind,
    enrol_bucket, arm_bucket, propensity, stage, retry_ordinal, plan_hash, analysis_hash
FROM lines
"""
"""Only exposures whose request was not in the batch; they wait for it (`earlier_exposures`)."""

FEEDBACK = """
INSERT INTO feedback
SELECT feedback_id, make_timestamp(at_us), key, request_id, unit, boolean, number, category, comment, correction,
    idempotency_key, key_id, response_id, routes, declared, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (
    SELECT *, row_number() OVER (PARTITION BY coalesce(key_id, ''), idempotency_key ORDER BY at_us, feedback_id) AS nth
    FROM lines
) sent ANTI JOIN (
    SELECT coalesce(key_id, '') AS sender, idempotency_key AS mark FROM feedback WHERE idempotency_key IS NOT NULL
) stored ON stored.mark = sent.idempotency_key AND stored.sender = coalesce(sent.key_id, '')
WHERE idempotency_key IS NULL OR nth = 1
"""
"""A value sent again with its `idempotency_key` is stored once for each API key.

`attribution` finds its subject later, when the requests are in the store too.
"""

SAME = "INSERT INTO {} BY NAME SELECT * EXCLUDE (at_us), make_timestamp(at_us) AS at_time{} FROM lines"
"""Into a table whose columns have the names of the fields."""

SHADOW_PAIRS = """
INSERT INTO shadow_pairs BY NAME
SELECT request_id, copy_id, make_timestamp(at_us) AS at_time, shadow_id, route, unit, plan_hash, prompt_bytes, dropped,
    attempt.deployment, attempt.outcome, attempt.error_code, attempt.latency_ms, attempt.ttft_ms,
    attempt.tokens.input AS tokens_in, attempt.tokens.output AS tokens_out,
    TRY_CAST(attempt.cost_usd AS DECIMAL(18, 9)) AS cost_usd, refused, schema_valid, response_body
FROM lines
"""

RUNS = """
INSERT INTO runs BY NAME
SELECT * EXCLUDE (at_us, ended_us), make_timestamp(at_us) AS at_time, make_timestamp(ended_us) AS ended_time
FROM lines
"""

SMALLEST_OBJECT = 1 << 20
"""DuckDB allocates buffers of the largest object's size, so the size is set from the lines at hand."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is not inserted: its position, reason and size, but not its text, which may contain a body."""

    segment: str
    position: int
    why: str
    size: int


@dataclass(frozen=True, slots=True)
class Newer:
    """The position and kind of the first event of a newer version."""

    position: int
    why: str


class DerivedWork(Protocol):
    """Registers events that are being ingested, so that the columns that depend on them are computed."""

    def note(self, event: Event) -> None:
        """An event that is not a request."""

    def note_requests(self, count: int, earliest_us: int, *, exposed: bool, failed: bool) -> None:
        """Requests. ``exposed``: one is of an experiment. ``failed``: such a one may be a failure."""

    def note_earlier(self, event: EventV1) -> None:
        """An event of version 1."""


class Batch:
    """The lines of one transaction. ``rows`` is the number of events, each of which was one line.

    ``sources``: the file that counts what the writer of a segment assigned, by segment. ``arms``: the cell of each
    request of such a writer, by file and arm.
    """

    def __init__(self, derived: DerivedWork, sources: Mapping[str, str]) -> None:
        self.rows = 0
        self.rejects: list[Reject] = []
        self.arms: dict[SourceArm, list[int]] = {}
        self._sources = sources
        self._derived = derived
        self.requests: list[events.RequestEvent] = []
        self._others: dict[str, list[bytes]] = {}
        self._earlier = EarlierLines()

    def add(self, segment: str, chunk: Chunk) -> Newer | None:
        """Add a chunk's lines, up to the first event of a newer version. The header is neither event nor reject."""
        position, requests, earliest_us, newer = chunk.start, len(self.requests), None, None
        exposed, failed, source = False, False, self._sources.get(segment, "")
        for line in lines_of(chunk.lines):
            if position and not line.isspace():  # an erasure leaves blank lines
                try:
                    event = _decoded(line)
                except NewerEvent as error:
                    newer = Newer(position, str(error))
                    break
                except JournalError as error:
                    self.rejects.append(Reject(segment, position, str(error)[:WHY_LETTERS], len(line)))
                else:
                    if type(event) is events.RequestEvent:
                        self.requests.append(event)
                        if event.exposure is not None:
                            exposed, failed = True, failed or may_have_failed(event)
                        if source:
                            self._count(source, event)
                        if earliest_us is None or event.at_us < earliest_us:
                            earliest_us = event.at_us
                    elif isinstance(event, EventV1):
                        self._earlier.add(event)
                        self._derived.note_earlier(event)
                    else:
                        self._others.setdefault(event.kind, []).append(line)
                        self._derived.note(event)
                    self.rows += 1
            position += len(line)
        if earliest_us is not None:
            count = len(self.requests) - requests
            self._derived.note_requests(count, earliest_us, exposed=exposed, failed=failed)
        return newer

    def _count(self, source: str, event: events.RequestEvent) -> None:
        cell = arm_cell(event.experiment, event.variant_assigned, event.reason, event.exposure)
        if cell is not None:
            self.arms.setdefault((source, *cell[0]), []).append(cell[1])

    def lines(self) -> Mapping[str, Sequence[bytes]]:
        """The lines to insert, by kind, except the requests of today."""
        return self._earlier.joined() | self._others


def lines_of(lines: bytes) -> list[bytes]:
    """Whole lines with their newlines. `bytes.splitlines` is several times slower, and would split at ``\\r`` too."""
    return [line + b"\n" for line in lines.split(b"\n")[:-1]]


def _decoded(line: bytes) -> events.Event | EventV1:
    """The event of a line; `JournalError` also for a time that is not a date."""
    event = decode(line)
    if not 0 <= event.at_us < END_OF_TIME_US:
        raise JournalError(f"{event.kind}: the time {event.at_us} is out of range")
    return event


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of line: its JSON fields with their types, and one insert for each table that it feeds.

    An insert selects from ``lines``, which stands for the lines of the batch.
    """

    fields: Mapping[str, str]
    inserts: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    "request_v1": Kind(earlier_requests.FIELDS, earlier_requests.INSERTS),
    "attempt": Kind(json_columns(AttemptEventV1), (ATTEMPTS,)),
    "exposure": Kind(json_columns(ExposureEventV1), (EXPOSURES,)),
    "feedback": Kind(json_columns(events.FeedbackEvent), (FEEDBACK,)),
    "shadow": Kind(json_columns(events.ShadowEvent) | {"attempt": earlier_requests.ATTEMPT}, (SHADOW_PAIRS,)),
    "run": Kind(json_columns(events.RunEvent) | {"versions": "JSON"}, (RUNS,)),
    "suite": Kind(json_columns(events.SuiteEvent), (SAME.format("suite_texts", ", sha256(text) AS text_digest"),)),
    "case_result": Kind(json_columns(events.CaseResultEvent), (SAME.format("results", ""),)),
    "score": Kind(json_columns(events.ScoreEvent), (SAME.format("scores", ""),)),
}


def insert_lines(cursor: Cursor, lines: Mapping[str, Sequence[bytes]], scratch: Path) -> None:
    """Insert lines by kind, within the caller's transaction; raises `duckdb.Error`."""
    for name in (kind for kind in KINDS if kind in lines):
        of_kind = lines[name]
        file = scratch / f"{os.getpid()}-{name}.jsonl"
        try:
            with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, PRIVATE), "wb") as out:
                out.writelines(of_kind)
            _insert(cursor, KINDS[name], file, longest=max(map(len, of_kind)))
        finally:
            file.unlink(missing_ok=True)


def sweep(scratch: Path) -> None:
    """Delete files of a killed owner, because they contain bodies. For the owner of the store only."""
    for file in scratch.glob("*.jsonl"):
        file.unlink()


def _insert(cursor: Cursor, kind: Kind, file: Path, *, longest: int) -> None:
    """Insert into each table. Lines for several tables are parsed only once, into a temporary table."""
    columns = ", ".join(f"'{field}': '{type_}'" for field, type_ in kind.fields.items())
    size = max(SMALLEST_OBJECT, 2 * longest)
    lines = f"read_json($file, format = 'newline_delimited', columns = {{{columns}}}, maximum_object_size = {size})"
    named = {"file": str(file.absolute())}
    if len(kind.inserts) == 1:
        cursor.execute(kind.inserts[0].replace("FROM lines", f"FROM {lines}"), named)
        return
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE lines AS SELECT * FROM {lines}", named)  # noqa: S608 - ours
    for insert in kind.inserts:
        cursor.execute(insert.replace("FROM lines", "FROM temp.lines"))
    cursor.execute("DROP TABLE temp.lines")


def may_have_failed(request: RequestEvent) -> bool:
    """Whether a guardrail may count the request as bad; several attempts mean that one of them failed."""
    return request.arm_outcome in FAILED or request.user_outcome == "failed" or len(request.attempts) > 1
