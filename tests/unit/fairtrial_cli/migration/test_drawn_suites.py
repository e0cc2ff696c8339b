"""A closed review becomes a suite of its agreed pairs, which an erasure reaches as it reaches one of traffic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.criteria.content_lines import REVIEW_LINE
from evaluators.loading.suite_reader import load
from fairtrial.config.project import Project
from fairtrial.domain.errors import FairtrialError, UsageError
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial_cli.migration.drawn_suites import FEWEST, review_suite, traffic_suite
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.evaluators.review_answers import judged
from tests.fixtures.services.projects import project
from tests.fixtures.store import samples
from tests.fixtures.store.erasing import erase_unit

CANDIDATE, BASELINE, TIE = ([{"preference": name}] for name in ("candidate", "baseline", "tie"))


def reviewed(tmp_path: Path, *votes: list[dict[str, str]]) -> tuple[Project, str]:
    of = project(tmp_path)
    database = Database.open(of.layout.make())
    queue_id = judged(database, dict(enumerate(votes)))
    database.close()
    return of, queue_id


def test_the_preferred_answers_are_references_and_an_erasure_reaches_their_rows(tmp_path: Path) -> None:
    of, queue_id = reviewed(tmp_path, CANDIDATE, BASELINE, TIE, CANDIDATE + BASELINE, BASELINE * 2)
    with open_store(of.layout, of.path) as store:
        path, is_new = review_suite(of, store, queue_id)
        assert (is_new, review_suite(of, store, queue_id)) == (True, (path, False))
    [suite] = load(path)
    assert {case.case_id: case.expected for case in suite.cases} == {
        "case-0": "crimson answer 0",
        "case-1": "azure answer 1",
        "case-4": "azure answer 4",
    }
    assert [case.fields["votes"] for case in suite.cases] == [1, 1, 2]
    assert {(case.fields["queue_id"], case.fields["preferred"]) for case in suite.cases} == {
        (queue_id, "tuned"),
        (queue_id, "base"),
    }
    assert suite.gate == ("agreement not worse than base by 5pp", "refusals not worse than base by 5pp", "errors <= 1%")
    database = Database.open(of.layout)
    erase_unit(database, "case-1", "nobody", kind="request")
    database.close()
    assert [case.case_id for case in load(path)[0].cases] == ["case-0", "case-4"]
    assert [json.loads(line)["id"] for line in path.with_suffix(".jsonl").read_text().splitlines() if line.strip()] == [
        "case-0",
        "case-4",
    ]


def test_a_queue_without_an_agreed_pair_and_an_unknown_one_are_refused(tmp_path: Path) -> None:
    of, queue_id = reviewed(tmp_path, TIE)
    with open_store(of.layout, of.path) as store:
        for name, message in ((queue_id, "has an agreed preference"), ("none", "there is no queue")):
            with pytest.raises(FairtrialError, match=message):
                review_suite(of, store, name)


def record(of: Project, count: int, *, answer: str, **fields: Any) -> None:
    writer = JournalWriter(of.layout.make().journal, writer="w")
    for number in range(count):
        messages = [{"role": "user", "content": f"I am ada{number}@example.org."}]
        reply = {"choices": [{"message": {"content": answer.replace("#", str(number))}}]}
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
    record(of, FEWEST, answer='{"mail": "bob@example.org", "order": #}', max_tokens=7, temperature=0.5)
    with open_store(of.layout, of.path) as store:
        drawn = traffic_suite(of, store, "base", 100)
        again = traffic_suite(of, store, "base", 30)
    path = drawn.path
    [suite] = load(path)
    assert (drawn.is_new, again.path, again.is_new) == (True, path, False)
    assert suite.params == {"temperature": 0.5, "max_tokens": 7}
    assert suite.gate[0] == "agreement >= 90% sure" and suite.entries["agreement"].kind == "json_equal"
    first = min(suite.cases, key=lambda case: case.case_id)
    assert (first.messages[0]["content"], first.expected) == ("I am [email].", '{"mail": "[email]", "order": 0}')
    assert first.fields["request_id"] == first.case_id == "r-0" and first.fields["requests"] == 1
    assert first.tags.keys() == {"route", "week"}
    assert path.stat().st_mode & 0o077 == 0 and path.with_suffix(".jsonl").stat().st_mode & 0o077 == 0


def test_prose_is_judged_by_people_and_little_traffic_is_refused(tmp_path: Path) -> None:
    of = project(tmp_path)
    record(of, FEWEST - 1, answer="Hello.")
    with open_store(of.layout, of.path) as store:
        with pytest.raises(UsageError, match=f"{FEWEST - 1} recorded prompts of base can be cases"):
            traffic_suite(of, store, "base", 100)
        writer = JournalWriter(of.layout.journal, writer="v")
        more = {"request_body": '{"messages": [{"role": "user", "content": "Hi"}]}',
                "response_body": '{"choices": [{"message": {"content": "Hello."}}]}'}  # fmt: skip
        writer.append(samples.record(99, route="base-direct", attempts=[samples.attempt_of(99)], **more))
        writer.close()
    with open_store(of.layout, of.path) as store:
        path = traffic_suite(of, store, "base", 100).path
    assert load(path)[0].gate == (REVIEW_LINE, "refusals not worse than base by 5pp", "errors <= 1%")
