"""Cases of one run and of two runs: grades by a metric, its direction, errors, and texts that retention deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fairtrial.api.run_answers import CasePage, PairPage
from fairtrial.api.runs import CasesOf, PairsOf
from fairtrial.domain.errors import BadRequest, NotFound
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance.retention import drop_old_texts
from gateway.control.operations.runs import read_cases, read_pairs
from tests.fixtures.store import samples

BOTH = ("new", "old")
PAIR = {"candidate_run": "new", "baseline_run": "old"}
NEW = (1, 0, 1, 0, None)
OLD = (1, 1, 0, 0, 1)


def bring(database: Database, run_id: str, values: Sequence[float | None], **more: Any) -> None:
    writer = JournalWriter(database.layout.journal, writer=f"w-{run_id}")
    for number, value in enumerate(values):
        writer.append(samples.case_result(run_id, f"c{number}", output=f"{run_id} says {number}"))
        writer.append(samples.score(run_id, f"c{number}", metric="intent.accuracy", value=value))
        off = None if value is None else 1 - value
        writer.append(samples.score(run_id, f"c{number}", metric="intent.off_label", value=off, details=None))
    metrics = {"intent.accuracy": 0.5, "intent.off_label": 0.5, "tone.mean": None}
    writer.append(samples.run(run_id, **({"metrics": metrics} | more)))
    writer.close()
    Ingester(database, lambda: samples.NOW).catch_up()


def both(database: Database) -> None:
    bring(database, "new", NEW, target="tuned")
    bring(database, "old", OLD)


def ids(page: CasePage | PairPage) -> list[str]:
    return [row.case_id for row in page.rows]


def test_cases_are_graded_by_the_first_metric_or_the_named_one(database: Database) -> None:
    both(database)
    cases = read_cases(database, Page(), CasesOf(run_id="new", grade="wrong"))
    assert cases.metric == "intent.accuracy"
    assert cases.counts == {"right": 2, "wrong": 2, "unscored": 1}
    assert (cases.total, ids(cases)) == (2, ["c1", "c3"])
    assert read_cases(database, Page(), CasesOf(run_id="new", metric="intent")).metric == "intent.accuracy"
    assert read_cases(database, Page(), CasesOf(run_id="new", metric="tone")).counts["unscored"] == 5


def test_where_less_is_better_a_high_value_is_wrong_and_a_lower_one_gained(database: Database) -> None:
    both(database)
    cases = read_cases(database, Page(), CasesOf(run_id="new", metric="intent.off_label", grade="wrong"))
    assert ids(cases) == ["c1", "c3"]
    by_change = {
        change: ids(read_pairs(database, Page(), PairsOf(**PAIR, metric="intent.off_label", change=change)))
        for change in ("lost", "gained", "same", "both wrong", "unscored")
    }
    assert by_change == {"lost": ["c1"], "gained": ["c2"], "same": ["c0"], "both wrong": ["c3"], "unscored": ["c4"]}


def test_pairs_are_found_by_a_text_in_either_answer_a_page_at_a_time(database: Database) -> None:
    both(database)
    pairs = read_pairs(database, Page(limit=1, offset=1), PairsOf(**PAIR, text="OLD says"))
    assert (pairs.total, ids(pairs)) == (5, ["c1"])
    assert read_pairs(database, Page(), PairsOf(**PAIR, text="new says 4")).total == 1


def test_an_unknown_metric_or_run_names_those_that_exist(database: Database) -> None:
    both(database)
    with pytest.raises(BadRequest, match=r"'intent.acuracy' \(did you mean intent.accuracy\? known: intent.accuracy"):
        read_pairs(database, Page(), PairsOf(**PAIR, metric="intent.acuracy"))
    with pytest.raises(NotFound, match="nearest: new"):
        read_cases(database, Page(), CasesOf(run_id="nex"))


def test_runs_of_different_suites_are_not_put_side_by_side(database: Database) -> None:
    both(database)
    bring(database, "other", OLD, suite="sums", suite_digest="d2")
    with pytest.raises(BadRequest, match=r"the suites are general and sums.*fairtrial eval SUITE.yaml --on tuned,base"):
        read_pairs(database, Page(), PairsOf(candidate_run="new", baseline_run="other"))


def test_deleted_texts_are_marked_and_counted_and_grades_stay(database: Database) -> None:
    both(database)
    assert read_cases(database, Page(), CasesOf(run_id="new")).texts_deleted == 0
    drop_old_texts(database, before_us=samples.NOW + 1)
    cases = read_cases(database, Page(), CasesOf(run_id="new"))
    assert cases.texts_deleted == 5
    assert cases.counts == {"right": 2, "wrong": 2, "unscored": 1}
    assert all(row.texts_deleted and row.output is None for row in cases.rows)
    pairs = read_pairs(database, Page(), PairsOf(**PAIR))
    assert pairs.texts_deleted == 5
    assert all(side.texts_deleted for row in pairs.rows for side in (row.candidate, row.baseline))
