"""The journal's format is frozen: golden lines of every kind are read as before, and written the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import fields, replace

from fairtrial.domain.errors import JournalError
from fairtrial.domain.events import EVENTS, Event
from fairtrial.journal.reader import decode, read_chunk
from tests.fixtures.paths import ROOT
from tests.fixtures.store import samples

GOLDEN = ROOT / "tests" / "golden" / "journal"
SAMPLES: dict[str, Event] = {
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
    "feedback": samples.feedback(1, comment="zwölf"),
    "run": samples.run(),
    "suite": samples.suite(),
    "case_result": samples.case_result(),
    "score": samples.score(),
}


def test_there_is_a_golden_line_for_every_kind_of_event() -> None:
    kinds = {next(field.default for field in fields(event) if field.name == "kind") for event in EVENTS}
    assert kinds == set(SAMPLES) == {path.stem for path in GOLDEN.glob("*.jsonl")}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_golden_line_is_read_and_written_as_it_stands(kind: str) -> None:
    line = (GOLDEN / f"{kind}.jsonl").read_bytes()
    assert decode(line) == SAMPLES[kind]
    assert msgspec.json.encode(SAMPLES[kind]) + b"\n" == line


@pytest.mark.parametrize("path", sorted((GOLDEN / "0.1.0").glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_golden_line_of_an_earlier_release_is_read_with_the_defaults_of_new_fields(path: Path) -> None:
    assert decode(path.read_bytes()) == SAMPLES[path.stem]


def test_a_line_from_before_a_field_was_added_is_still_read() -> None:
    line = msgspec.to_builtins(samples.case_result())
    line.pop("asked")
    assert decode(msgspec.json.encode(line)) == replace(samples.case_result(), asked=None)


def test_fields_of_a_later_minor_change_are_passed_over() -> None:
    line = msgspec.json.encode(msgspec.to_builtins(samples.feedback(1)) | {"mood": "sunny"})
    assert decode(line) == samples.feedback(1)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "not an event"),
        (b"[]", "not an event"),
        (b'{"kind":"dream"}', "unknown kind 'dream'"),
        (b'{"kind":"feedback","v":2}', "version 2 is newer than this program"),
        (b'{"kind":"feedback","v":1}', "feedback: "),
    ],
)
def test_what_is_no_event_says_why(line: bytes, why: str) -> None:
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
