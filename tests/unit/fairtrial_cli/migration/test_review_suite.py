"""A closed review becomes a suite of its agreed pairs, which an erasure reaches as it reaches one of traffic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluators.loading.suite_reader import load
from fairtrial.config.project import Project
from fairtrial.domain.errors import FairtrialError
from fairtrial.store.core.database import Database
from fairtrial_cli.migration.review_suite import review_suite
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.evaluators.review_answers import judged
from tests.fixtures.services.projects import project
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
    assert suite.gate[0] == "refusals not worse than base by 5pp"
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
