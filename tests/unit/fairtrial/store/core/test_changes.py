"""Write transactions are counted by the experiments that they concern, and apart for each thread."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fairtrial.store.core.changes import Changes
from fairtrial.store.experiments import alarm_messages
from fairtrial.store.traffic import shadows
from tests.fixtures.store.empty_store import empty_store


def test_a_transaction_concerns_all_experiments_unless_its_thread_says_which() -> None:
    changes = Changes()
    changes.note()
    with changes.about("one"):
        changes.note()
        with changes.about():
            changes.note()
            changes.add({"two"})
            changes.note()
        changes.note()
    changes.add({"three"})
    changes.note()
    assert [changes.count(name) for name in ("one", "two", "three")] == [4, 3, 2]


def test_those_of_other_threads_are_not_its_own() -> None:
    changes = Changes()
    thread = threading.Thread(target=changes.note)
    thread.start()
    thread.join()
    with changes.about("one"):
        changes.note()
    assert (changes.count("one"), changes.own("one"), changes.own("two")) == (2, 1, 0)


def test_only_committed_transactions_count(tmp_path: Path) -> None:
    with empty_store(tmp_path) as (database, _):
        before = database.changes.count("one")
        with pytest.raises(ZeroDivisionError), database.transaction():
            raise ZeroDivisionError
        assert database.changes.count("one") == before
        with database.transaction():
            pass
        assert database.changes.count("one") == before + 1


def test_transactions_are_counted_by_the_tables_that_got_rows(tmp_path: Path) -> None:
    with empty_store(tmp_path) as (database, _):

        def fail() -> None:
            with database.transaction() as cursor:
                alarm_messages.note(cursor, "one", "opened", now_us=0)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with database.transaction():
            pass
        assert database.changes.into(alarm_messages.OUTBOX) == 0
        with database.transaction() as cursor:
            alarm_messages.note(cursor, "one", "opened", now_us=0)
            alarm_messages.note(cursor, "one", "closed", now_us=0)
        assert (database.changes.into(alarm_messages.OUTBOX), database.changes.into(shadows.TABLE)) == (1, 0)
