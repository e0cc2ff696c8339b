"""Every table that could tell of a unit is known to the erasure, and verdicts' numbers survive it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import UsageError
from fairtrial.journal.response_map import FILE, ResponseMap, ResponsePlace, response_name
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core import state_files
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.erasure.erase import ErasedUnit, new_state
from fairtrial.store.erasure.rows import CHANGES, COMPUTED, TOUCHED
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import traffic
from tests.fixtures.for_each import for_each
from tests.fixtures.store import samples
from tests.fixtures.store.empty_store import empty_store
from tests.fixtures.store.erasing import erase_unit

NAMING = """
SELECT DISTINCT table_name FROM duckdb_columns()
WHERE column_name IN ('unit', 'exposed_unit', 'request_id', 'item_id')
"""
NO_TEXT = {"review_claims"}
"""Only who has which item, and until when."""
REPLACED = '[{},{"label":"b","said":"secret"},{"label":"a"},{"counts":[1,0]}]'
"""What the controls of one answer keep, with a text that no scorer of ours keeps."""


def test_every_table_that_names_a_unit_a_request_or_an_item_is_known(database: Database) -> None:
    naming = {name for (name,) in database.rows(NAMING)} - NO_TEXT - set(COMPUTED) | {"scores"}
    assert naming == set(TOUCHED) == set(CHANGES)


def test_the_numbers_of_an_experiment_are_the_same_after_an_erasure(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    for number in range(40):
        unit = f"u-{number % 8}"
        arm = "tuned" if number % 2 else "base"
        more = {"assigned": arm, "served": arm}
        writer.append(
            samples.request(number, unit=unit, latency_ms=float(number), request_body="{}"),
            samples.exposure(number, unit=unit, **more),
            samples.feedback(number, boolean=number % 3 == 0, comment="words"),
        )
    writer.close()
    ingester.catch_up()
    before = traffic.by_variant(database, Page())
    assert erase_unit(database, "somebody", "u-3")["requests"] == 5
    assert traffic.by_variant(database, Page()) == before
    assert database.rows("SELECT count(DISTINCT exposed_unit) FROM requests") == [(8,)]
    assert database.rows("SELECT count(*) FROM requests WHERE 'u-3' IN (unit, exposed_unit)") == [(0,)]


def test_a_request_outside_of_experiments_is_found_by_the_name_in_its_body(
    database: Database, ingester: Ingester
) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    bodies = ['{"user":"alice"}', '{"metadata":{"user_id":"alice"}}', '{"user":"alice2"}', '{"text":"alice"}', "alice"]
    writer.append(*(samples.request(number, request_body=body) for number, body in enumerate(bodies)))
    writer.close()
    ingester.catch_up()
    assert erase_unit(database, "alice", "p-alice") == {"requests": 2, "payloads": 2, "journal lines": 2}
    assert database.rows("SELECT request_body FROM payloads ORDER BY 1") == [(body,) for body in sorted(bodies[2:])]


def test_where_a_units_responses_are_goes_with_it(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1, request_body='{"user":"alice"}', response_id="resp_1"))
    writer.close()
    ingester.catch_up()
    places = ResponseMap(database.layout.folder / FILE)
    for name, unit in (("resp_1", None), ("resp_2", "p-alice"), ("resp_3", "p-bob")):
        places.note([response_name(name)], ResponsePlace("base", "bot"), unit=unit, now_us=1)
    assert erase_unit(database, "alice", "p-alice")["places of responses"] == 2
    left = [name for name in ("resp_1", "resp_2", "resp_3") if places.find(response_name(name), now_us=1)]
    assert left == ["resp_3"]


ODD_NAMES = ["a/b", 'Zoë "Z" O\'Hara\\', "👩\u200d💻", "a\nb", "%_*", "x" * 1000, "名\u00a0前", "4711"]


@pytest.mark.release("stories")
@for_each("name", ODD_NAMES)
def test_erasure_finds_every_spelling_of_a_name_in_json_with_blanks_around_it(tmp_path: Path, name: str) -> None:
    mine = [json.dumps({"user": name}), json.dumps({"user": f" {name}\t"}, ensure_ascii=False).replace("/", r"\/")]
    others = [json.dumps({"user": similar}) for similar in (f"{name}1", f"1{name}", name[:-1])]
    others += [json.dumps({"user": "u", "text": name}), f"no json, but {name}\\"]
    with empty_store(tmp_path) as (database, ingester):
        writer = JournalWriter(database.layout.journal, writer="w")
        writer.append(*(samples.request(number, request_body=body) for number, body in enumerate(mine + others)))
        writer.close()
        ingester.catch_up()
        assert erase_unit(database, name, "p-odd") == {"requests": 2, "payloads": 2, "journal lines": 2}
        assert database.rows("SELECT request_body FROM payloads ORDER BY request_id") == [(body,) for body in others]


def test_a_log_loses_the_lines_that_name_the_unit_in_any_spelling_and_no_other(database: Database) -> None:
    name = "Zoë O'Hara"
    spelled = [name, json.dumps(name), repr(name), ascii(name), "GET /x?unit=Zo%C3%AB%20O%27Hara HTTP/1.1"]
    others = ["Traceback (most recent call last):", '  File "app.py", line 3', "Zoë O'Haras", "Zoë"]
    log = database.layout.logs / "gateway.log"
    log.write_text("\n".join(spelled + others) + "\n")
    assert erase_unit(database, name, "p-zoe") == {"log lines": len(spelled)}
    assert [line for line in log.read_text().splitlines() if line.strip()] == others


def test_a_single_request_can_be_erased_by_its_id(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(*(samples.request(number, request_body="{}", unit="u") for number in range(3)))
    writer.append(
        samples.case_result(request_id="r-1", refusal="secret"),
        samples.score(details='{"compared": "secret", "label": "a"}', controls=[0.0] * 4, control_details=REPLACED),
        samples.score(metric="judge", value=None, why="secret"),
        samples.score(case_id="c2", details='{"compared": "other"}'),
        samples.run(),
    )
    writer.close()
    ingester.catch_up()
    with database.transaction() as cursor:
        cursor.execute(
            # by hand: only the columns of a review that an erasure reads
            "INSERT INTO review_queues (queue_id, candidate_run, baseline_run) VALUES ('q', 'run-1', 'run-2')"
        )
        for case in ("c1", "c2"):
            cursor.execute(
                # by hand: only the columns of a review that an erasure reads
                "INSERT INTO review_items (item_id, queue_id, case_id, asked, candidate_output, baseline_output)"
                " VALUES (?, 'q', ?, 'asked', 'secret', 'secret')",
                [f"i-{case}", case],
            )
    assert erase_unit(database, "r-1", "p-request", kind="request") == {
        "requests": 1,
        "payloads": 1,
        "results": 1,
        "scores": 2,
        "review_items": 1,
        "journal lines": 2,
    }
    assert database.rows("SELECT count(*), count(request_id) FILTER (request_id = 'r-1') FROM requests") == [(3, 0)]
    assert database.rows("SELECT output, refusal, expected, outcome FROM results") == [
        (None, None, '"Paris"', "scored")
    ]
    assert database.rows("SELECT case_id, details, why FROM scores ORDER BY rowid") == [
        ("c1", '{"label":"a"}', None),
        ("c1", "{}", "[erased]"),
        ("c2", '{"compared": "other"}', None),
    ]
    assert database.rows("SELECT controls, control_details FROM scores WHERE controls IS NOT NULL") == [
        ([0.0] * 4, '[{},{"label":"b"},{"label":"a"},{"counts":[1,0]}]')
    ], "the controls of corpus figures such as BLEU need the details of each value"
    assert database.rows("SELECT candidate_output FROM review_items ORDER BY 1") == [("[erased]",), ("secret",)]


def test_review_texts_of_a_unit_go_and_its_votes_stay(database: Database) -> None:
    with database.transaction() as cursor:
        for item, unit in (("i1", "u-1"), ("i2", "u-2")):
            cursor.execute(
                # by hand: only the columns of a review that an erasure reads
                "INSERT INTO review_items (item_id, queue_id, unit, asked, candidate_output, baseline_output)"
                " VALUES (?, 'q', ?, 'asked', 'secret a', 'secret b')",
                [item, unit],
            )
            cursor.execute(
                # by hand: only the columns of a review that an erasure reads
                "INSERT INTO review_votes (vote_id, item_id, queue_id, preference, comment, edited_candidate)"
                " VALUES (?, ?, 'q', 'candidate', 'secret c', 'secret d')",
                ["v" + item, item],
            )
            # by hand: only the columns of a review that an erasure reads
            cursor.execute("INSERT INTO review_drafts (item_id, queue_id, draft) VALUES (?, 'q', 'secret')", [item])
    counts = erase_unit(database, "somebody", "u-1")
    assert counts == {"review_items": 1, "review_votes": 1, "review_drafts": 1}
    assert database.rows("SELECT item_id, preference, comment, edited_candidate FROM review_votes ORDER BY 1") == [
        ("i1", "candidate", "", None),
        ("i2", "candidate", "secret c", "secret d"),
    ]
    assert database.rows("SELECT candidate_output FROM review_items ORDER BY item_id") == [("[erased]",), ("secret a",)]
    assert database.rows("SELECT item_id FROM review_drafts") == [("i2",)]


@pytest.mark.parametrize("name", ["", "  ", "x" * 100_001, "\udcff"])
def test_a_name_that_can_not_be_one_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="unit: "):
        new_state(ErasedUnit(name, "user", "p"), now_us=1, actor="test")


def test_readers_and_writers_go_on_with_the_new_file(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1, unit="unit-u", request_body="{}"))
    ingester.catch_up()
    inode = database.layout.store.stat().st_ino
    assert database.rows("SELECT count(*) FROM requests") == [(1,)]
    erase_unit(database, "somebody", "unit-u")
    assert database.layout.store.stat().st_ino != inode
    writer.append(samples.request(2))
    writer.close()
    ingester.catch_up()
    assert database.rows("SELECT count(*) FROM requests") == [(2,)]
    assert state_files.load_erasure(database.layout) is None


def test_notes_that_a_killed_program_left_half_written_go_when_the_store_is_opened(layout: Layout) -> None:
    left = layout.folder / ".erasure.json.0123abcd"
    left.write_text("customer-4711")
    Database.open(layout).close()
    assert not left.exists()


def test_a_comment_goes_with_its_author_though_others_share_the_response_id(
    database: Database, ingester: Ingester
) -> None:
    """Nobody can tell whose an ambiguous comment is, so it goes; the figures and the counts stay."""
    writer = JournalWriter(database.layout.journal, writer="w")
    for number, unit in enumerate(("alice", "bob", "carol")):
        answer = "shared" if unit != "carol" else "hers"
        request = samples.request(number, unit=unit, response_id=answer, experiment="tuned-vs-base")
        writer.append(request, samples.exposure(number, unit=unit))
    comments = {"early": (0, "shared"), "both": (1, "shared"), "carol's": (5, "hers")}
    for words, (at, answer) in comments.items():
        writer.append(
            samples.feedback(at, feedback_id=words, request_id=None, response_id=answer, comment=f"{words} words")
        )
    writer.append(samples.feedback(7, feedback_id="unit", request_id=None, unit="alice", comment="unit words"))
    writer.close()
    ingester.catch_up()
    before = traffic.by_variant(database, Page())
    assert before[0].ambiguous == {"resolved": 1}
    assert erase_unit(database, "alice", "alice")["feedback"] == 3
    assert database.rows("SELECT comment FROM feedback WHERE comment IS NOT NULL") == [("carol's words",)]
    ingester.catch_up()
    assert traffic.by_variant(database, Page()) == before
    Ingester(database, lambda: samples.NOW).catch_up()
    assert traffic.by_variant(database, Page()) == before, "what an erasure renamed is attributed as it was"
    left = b"".join(path.read_bytes() for path in database.layout.journal.rglob("*.jsonl"))
    assert [words in left for words in (b"early words", b"both words", b"unit words", b"carol's words")] == [
        False,
        False,
        False,
        True,
    ]
