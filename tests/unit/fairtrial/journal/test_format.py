"""The journal's format is frozen: golden lines of every kind are read as before, and written the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec import NODEFAULT
from msgspec.structs import fields, replace

from fairtrial.domain.errors import JournalError
from fairtrial.domain.events import EVENTS, Event
from fairtrial.domain.money.tokens import Tokens
from fairtrial.journal.reader import EVENTS_V1, EventV1, decode, read_chunk
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT
from tests.fixtures.store import samples

GOLDEN = ROOT / "tests" / "golden" / "journal"
SAMPLES: dict[str, Event] = {
    "request": samples.exposed(
        1,
        assigned="tuned",
        latency_ms=12.5,
        tags={"team": "a"},
        capture="redacted",
        request_body='{"model":"ü"}',
        prompt_digest="d1",
        breaker="closed",
        attempts=[
            samples.attempt_of(1, deployment="tuned", outcome="failed", fault="upstream", status=502),
            samples.attempt_of(2, purpose="fallback", tokens=Tokens(input=7, output=0), cost_usd="0.000123"),
        ],
    ),
    "shadow": samples.shadow(1, attempt={"tokens": Tokens(input=7, output=2)}, response_body='{"id":"ü"}'),
    "feedback": samples.feedback(1, comment="zwölf"),
    "run": samples.run(),
    "suite": samples.suite(),
    "case_result": samples.case_result(),
    "score": samples.score(),
}
SAMPLES_V1: dict[str, EventV1] = {
    "request": samples.request(
        1,
        unit="u1",
        experiment="tuned-vs-base",
        variant_assigned="tuned",
        variant_served="base",
        cost_usd="0.000123",
        latency_ms=12.5,
        tokens_in=7,
        tags={"team": "a"},
        capture="redacted",
        request_body='{"model":"ü"}',
    ),
    "attempt": samples.attempt(1),
    "exposure": samples.exposure(1),
}


def test_there_is_a_golden_line_for_every_kind_of_event() -> None:
    kinds = {kind_of(event) for event in EVENTS}
    assert kinds == set(SAMPLES) == {path.stem for path in GOLDEN.glob("*.jsonl")}
    assert {kind_of(event) for event in EVENTS_V1} == set(SAMPLES_V1)
    assert set(SAMPLES_V1) == {path.stem for path in (GOLDEN / "v1").glob("*.jsonl")}


def kind_of(event: type[msgspec.Struct]) -> str:
    (kind,) = (field for field in fields(event) if field.name == "kind")
    return str(kind.default if kind.default_factory is NODEFAULT else kind.default_factory())


@for_each("kind", SAMPLES)
def test_a_golden_line_is_read_and_written_as_it_stands(kind: str) -> None:
    line = (GOLDEN / f"{kind}.jsonl").read_bytes()
    assert decode(line) == SAMPLES[kind]
    assert msgspec.json.encode(SAMPLES[kind]) + b"\n" == line


@for_each("path", sorted(GOLDEN.glob("*/*.jsonl")), label=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_golden_line_of_an_earlier_version_is_read_with_the_defaults_of_new_fields(path: Path) -> None:
    assert decode(path.read_bytes()) == (SAMPLES | SAMPLES_V1)[path.stem]


def test_a_request_says_its_version_and_leaves_out_what_is_unknown() -> None:
    line = msgspec.json.encode(samples.record(1))
    assert line.startswith(b'{"kind":"request","v":2,')
    assert set(msgspec.json.decode(line)).isdisjoint({"exposure", "attempts", "latency_ms", "tags", "capture"})


def test_a_line_from_before_a_field_was_added_is_still_read() -> None:
    line = msgspec.to_builtins(samples.case_result())
    line.pop("asked")
    assert decode(msgspec.json.encode(line)) == replace(samples.case_result(), asked=None)


def test_fields_of_a_later_minor_change_are_passed_over() -> None:
    line = msgspec.json.encode(msgspec.to_builtins(samples.feedback(1)) | {"mood": "sunny"})
    assert decode(line) == samples.feedback(1)


@for_each(
    ("line", "why"),
    [
        (b"", "not an event"),
        (b"[]", "not an event"),
        # by hand: no gateway writes such a line
        (b'{"kind":"dream"}', "unknown kind 'dream'"),
        (b'{"kind":"feedback","v":2}', "version 2 is newer than this program"),
        (b'{"kind":"feedback","v":1}', "feedback: "),
        (b'{"kind":"request","v":3}', "version 3 is newer than this program"),
        (b'{"kind":"attempt","v":2}', "version 2 is newer than this program"),
        (b'{"kind":"request","v":2,"request_id":1}', "request: "),
    ],
)
def test_an_invalid_event_is_an_error_with_its_reason(line: bytes, why: str) -> None:
    with pytest.raises(JournalError, match=why):
        decode(line)


def test_the_reader_stops_at_the_last_newline_and_shows_the_tail(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"one\ntwo\nthr")
    chunk = read_chunk(path, 0)
    assert (chunk.lines, chunk.end, chunk.tail) == (b"one\ntwo\n", 8, b"thr")
    assert read_chunk(path, 8).lines == b""
    assert read_chunk(path, 0, limit=5).lines == b"one\n"


def test_a_line_longer_than_the_limit_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"x" * 100 + b"\nrest")
    assert read_chunk(path, 0, limit=8).lines == b"x" * 100 + b"\n"
