"""A run is found by its id, a unique beginning of it, or as the newest one of a suite on a target."""

from __future__ import annotations

import pytest

from fairtrial.domain.errors import BadRequest, NotFound
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations.runs import find_run
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.for_each import for_each
from tests.fixtures.store import samples

RUNS = (("aa-1", "base", "finished"), ("aa-12", "base", "finished"), ("ab-3", "tuned", "finished"))


def bring(database: Database, *runs: tuple[str, str, str]) -> None:
    writer = JournalWriter(database.layout.journal, writer="w0")
    for number, (run_id, target, status) in enumerate(runs):
        writer.append(samples.run(run_id, target=target, status=status, at_us=samples.NOW + number * 1000))
    writer.close()
    Ingester(database, lambda: samples.NOW).catch_up()


@pytest.fixture
def with_runs(database: Database) -> Database:
    bring(database, *RUNS)
    return database


@for_each(
    ("name", "run_id"),
    [("aa-1", "aa-1"), ("aa-12", "aa-12"), ("ab", "ab-3"), ("general@base", "aa-12"), ("general@tuned", "ab-3")],
)
def test_a_name_leads_to_one_run(with_runs: Database, name: str, run_id: str) -> None:
    assert find_run(with_runs, name) == run_id


def test_a_beginning_of_several_ids_names_them(database: Database) -> None:
    bring(database, *RUNS)
    with pytest.raises(BadRequest, match=r"more than one id begins with 'a' \(ab-3, aa-12, aa-1\)"):
        find_run(database, "a")


@for_each(
    ("name", "words"),
    [
        ("ab-4", "nearest: ab-3"),
        ("zzzzzz", "fairtrial runs list"),
        ("", "fairtrial runs list"),
        ("100%_", "fairtrial runs list"),
        ("generel@base", "nearest: general@base"),
        ("sums@other", "fairtrial eval SUITE.yaml --on other"),
    ],
)
def test_an_unknown_run_is_an_error_that_names_what_exists(with_runs: Database, name: str, words: str) -> None:
    with pytest.raises(NotFound, match=words):
        find_run(with_runs, name)


def test_an_interrupted_run_is_newer_but_not_the_newest_result(database: Database) -> None:
    bring(database, *RUNS, ("ac-4", "tuned", "interrupted"), ("ad-5", "sick", "interrupted"))
    assert find_run(database, "general@tuned") == "ab-3"
    with pytest.raises(NotFound, match=r"the run ad-5 was interrupted; to continue it: fairtrial eval"):
        find_run(database, "general@sick")
