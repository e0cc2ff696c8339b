"""A cursor parses a text once, and runs it with the values of each call."""

from __future__ import annotations

import duckdb
import pytest

from fairtrial.store.core import cursor as cursors
from fairtrial.store.core.database import Database

SAME = "SELECT count(*) FROM watermarks WHERE position > ?"


def add(database: Database, *positions: int) -> None:
    with database.transaction() as cursor:
        for position in positions:
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
