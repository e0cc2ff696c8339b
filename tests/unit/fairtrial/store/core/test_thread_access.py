"""A cursor parses a text once, and runs it with the values of each call."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pytest

from fairtrial.store.core import thread_access as cursors
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query

SAME = "SELECT count(*) FROM watermarks WHERE position > ?"


def add(database: Database, *positions: int) -> None:
    with database.transaction() as cursor:
        for position in positions:
            # by hand: numbers alone, to see whether two threads exclude each other
            cursor.execute("INSERT INTO watermarks VALUES ('one', ?)", [position])


def test_the_same_text_runs_with_other_values_and_sees_new_rows_and_columns(database: Database) -> None:
    assert database.rows(SAME, [1]) == [(0,)]
    add(database, 1, 2, 3)
    assert (database.rows(SAME, [1]), database.rows(SAME, [2])) == ([(2,)], [(1,)])
    every = "SELECT * FROM watermarks WHERE position = 3"
    assert database.rows(every) == [("one", 3)]
    with database.transaction() as cursor:
        cursor.execute("ALTER TABLE watermarks ADD COLUMN more INTEGER")
    assert database.rows(every) == [("one", 3, None)]


def test_a_text_is_parsed_once_for_all_threads_and_stores(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "_parsed", {})
    database.rows(SAME, [1])
    first = cursors._parsed[SAME]
    database.rows(SAME, [2])
    assert cursors._parsed[SAME] is first


def test_few_texts_are_kept_and_no_long_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "_parsed", {})
    monkeypatch.setattr(cursors, "STATEMENTS", 3)
    for number in range(10):
        assert database.rows(f"SELECT {number}") == [(number,)]
        assert len(cursors._parsed) <= 3
    long = f"SELECT '{'x' * cursors.LONGEST}'"
    assert database.rows(long) and long not in cursors._parsed


def test_an_error_shows_the_text(database: Database) -> None:
    with database.read_transaction() as cursor:
        for text in ("SELECT nothing FROM watermarks", "SELECT count(* FROM watermarks"):
            with pytest.raises(duckdb.Error, match="LINE 1: SELECT"):
                cursor.execute(text)


@dataclass(frozen=True)
class Row:
    at_us: int | None
    counts: dict[str, int] | None
    names: tuple[str, ...]


def test_rows_become_values_with_times_in_microseconds_json_and_tuples(database: Database) -> None:
    sql = """
    SELECT make_timestamp(1500001) AS at_time, '{"a": 1}' AS counts_json, ['x', 'y'] AS names
    UNION ALL SELECT NULL, NULL, []
    """
    assert database.values(Row, sql) == [Row(1_500_001, {"a": 1}, ("x", "y")), Row(None, None, ())]


def test_one_value_is_read_to_its_end_and_is_none_without_a_row(database: Database) -> None:
    add(database, 7, 8)
    assert database.value("SELECT position FROM watermarks ORDER BY position") == 7
    assert database.arrow(Query("SELECT 1 AS one")).num_rows == 1
    assert database.value("SELECT position FROM watermarks WHERE position = 9") is None


def test_appended_rows_are_numbered(database: Database) -> None:
    row = {"plan_hash": "p", "actor": None, "plan": "{}"}
    with database.transaction() as cursor:
        assert [cursor.append("published_plans", row) for _ in range(2)] == [1, 2]
        # by hand: a setting, to see that `insert` names its columns
        cursor.insert("settings", name="a", value="b")
    assert database.rows("SELECT number, plan_hash, actor, at_time FROM published_plans") == [
        (1, "p", None, None),
        (2, "p", None, None),
    ]
    assert database.value("SELECT value FROM settings WHERE name = 'a'") == "b"
