"""Recorded traffic becomes a suite: masked, drawn once, with the ids of its requests, and refused if it is little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.loading.suite_reader import load
from fairtrial.config.project import Project
from fairtrial.domain.errors import UsageError
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.migration.traffic_suite import FEWEST, traffic_suite
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.projects import project
from tests.fixtures.store import samples


def record(of: Project, count: int, *, answer: str, **fields: Any) -> None:
    writer = JournalWriter(of.layout.make().journal, writer="w")
    for number in range(count):
        messages = [{"role": "user", "content": f"I am ada{number}@example.org."}]
        reply = {"choices": [{"message": {"content": answer}}]}
        writer.append(
            samples.record(
                number,
                route="base-direct",
                request_body=json.dumps({"model": "base-direct", "messages": messages, **fields}),
                response_body=json.dumps(reply),
                attempts=[samples.attempt_of(number)],
                prompt_digest=f"p-{number}",
            )
        )
    writer.close()


def test_a_suite_of_traffic_is_masked_names_its_requests_and_is_drawn_once(tmp_path: Path) -> None:
    of = project(tmp_path)
    record(of, FEWEST, answer='{"mail": "bob@example.org"}', max_tokens=7, temperature=0.5)
    with open_store(of.layout, of.path) as store:
        path, drawn = traffic_suite(of, store, "base", 100)
        again = traffic_suite(of, store, "base", 30)
    [suite] = load(path)
    assert (drawn, again) == (True, (path, False))
    assert suite.params == {"temperature": 0.5, "max_tokens": 7}
    assert suite.gate[0] == "json_equal not worse than base by 5pp"
    first = min(suite.cases, key=lambda case: case.case_id)
    assert (first.messages[0]["content"], first.expected) == ("I am [email].", '{"mail": "[email]"}')
    assert first.fields["request_id"] == first.case_id == "r-0" and first.fields["requests"] == 1
    assert first.tags.keys() == {"route", "week"}
    assert path.stat().st_mode & 0o077 == 0 and path.with_suffix(".jsonl").stat().st_mode & 0o077 == 0


def test_free_text_is_judged_by_refusals_and_little_traffic_is_refused(tmp_path: Path) -> None:
    of = project(tmp_path)
    record(of, FEWEST - 1, answer="Hello.")
    with open_store(of.layout, of.path) as store:
        with pytest.raises(UsageError, match=f"{FEWEST - 1} recorded prompts of base have texts"):
            traffic_suite(of, store, "base", 100)
        writer = JournalWriter(of.layout.journal, writer="v")
        more = {"request_body": '{"messages": [{"role": "user", "content": "Hi"}]}',
                "response_body": '{"choices": [{"message": {"content": "Hello."}}]}'}  # fmt: skip
        writer.append(samples.record(99, route="base-direct", attempts=[samples.attempt_of(99)], **more))
        writer.close()
    with open_store(of.layout, of.path) as store:
        path, _ = traffic_suite(of, store, "base", 100)
    assert load(path)[0].gate[0] == "refusals not worse than base by 5pp"
