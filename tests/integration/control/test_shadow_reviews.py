"""Pairs of a shadow fill a review queue: real questions of a route, whose second answer no user got."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import read
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.reviews.votes import read_evidence
from gateway.control.review_queues import current_queues
from tests.fixtures.services.command import in_process
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import samples
from tests.fixtures.store.erasing import erase_unit

ENQUEUE = ("review", "enqueue", "--shadow", "support-bot")
ITEMS = "SELECT case_id, cluster, unit, asked, candidate_output, baseline_output, probability, wants FROM review_items"


def said(folder: Path, *words: str, code: int = 0) -> str:
    done = in_process(*words, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def answer(text: str) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]})


def fill(folder: Path, *, pairs: int) -> Database:
    """A shadow that a person started, and its pairs, two for each user; every tenth has equal answers."""
    said(folder, "shadow", "start", "base", "tuned")
    layout = Layout(folder / "fairtrial.duckdb")
    (shadow,) = read(layout.plan).shadows
    with closing(JournalWriter(layout.journal, writer="w0")) as journal:
        for number in range(1, pairs + 1):
            asked = json.dumps({"messages": [{"role": "user", "content": f"question {number}"}]})
            texts = {"request_body": asked, "response_body": answer(f"old {number}")}
            journal.append(samples.record(number, unit=f"u-{number // 2}", **texts))
            new = answer(f"old {number}" if number % 10 == 0 else f"new {number}")
            copy = samples.shadow(number, shadow_id=shadow.shadow_id, unit=f"u-{number // 2}", response_body=new)
            journal.append(copy)
        journal.append(samples.record(pairs + 1), samples.shadow(pairs + 1, shadow_id=shadow.shadow_id, dropped=True))
    database = Database.open(layout)
    Ingester(database, lambda: samples.NOW).catch_up()
    return database


def test_a_queue_has_the_questions_of_a_route_and_hides_who_asked(tmp_path: Path) -> None:
    write_project(tmp_path)
    for words in (
        (),
        ("tickets",),
        ("tickets", "--candidate", "tuned"),
        ("--candidate", "tuned", "--baseline", "base"),
    ):
        assert "name SUITE with --candidate and --baseline, or --shadow ROUTE" in said(
            tmp_path, *ENQUEUE[:2], *words, code=2
        )
    assert "support-bot has no shadow" in said(tmp_path, *ENQUEUE, code=2)
    said(tmp_path, "shadow", "start", "base", "tuned")
    assert "no pair that both answered" in said(tmp_path, *ENQUEUE, code=2)
    said(tmp_path, "shadow", "stop", "support-bot")
    fill(tmp_path, pairs=40).close()
    assert "name a shadow's route alone" in said(tmp_path, *ENQUEUE, "--candidate", "tuned", code=2)
    assert "would reveal" in said(tmp_path, *ENQUEUE, "--title", "Is tuned better?", code=2)
    made = json.loads(said(tmp_path, *ENQUEUE, "--size", "40", "--seed", "7", "--json"))
    assert (made["candidate"], made["baseline"], made["suite"]) == ("tuned", "base", "shadow:support-bot")
    assert (made["items"], made["equal"], made["sampling"]["of"]) == (36, 4, 40)
    with closing(Database.open(Layout(tmp_path / "fairtrial.duckdb"))) as database:
        rows = database.rows(ITEMS)
        assert len(rows) == 40 and len({cluster for _, cluster, *_ in rows}) == 21
        by_case = {row[0]: row for row in rows}
        _, cluster, unit, asked, new, old, probability, wants = by_case["r-7"]
        assert (new, old, probability, unit) == ("new 7", "old 7", 1.0, "u-3") and wants in (1, 2)
        assert json.loads(asked) == [{"role": "user", "content": "question 7"}] and "u-3" not in cluster
        assert by_case["r-6"][1] == cluster and by_case["r-10"][7] == 0
        plan = read(Layout(tmp_path / "fairtrial.duckdb").plan).plan
        (queue,) = current_queues(read_evidence(database, "tuned", "base"), plan)
        assert queue.queue_id == made["queue_id"] and queue.items == 36
        erase_unit(database, "Rosa", "u-3")
        gone = [row for row in database.rows(ITEMS) if row[4] == "[erased]"]
        assert len(gone) == 2 and all(row[1] != cluster and row[2] != "u-3" and row[3] == "[]" for row in gone)
        assert not {"r-6", "r-7"} & {row[0] for row in gone}


def test_a_changed_model_needs_another_shadow(tmp_path: Path) -> None:
    path = write_project(tmp_path)
    fill(tmp_path, pairs=4).close()
    path.write_text(path.read_text().replace("openai/tuned", "openai/other"))
    refused = said(tmp_path, *ENQUEUE, code=2)
    assert "has changed since it began" in refused and "fairtrial shadow start base tuned" in refused
