"""The map of responses is shared, durable, bounded and erasable, and never delays a request."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from fairtrial.journal.response_map import FILE, KEEP_US, ResponseMap, ResponsePlace, erase_unit

Opened = Callable[[], ResponseMap]
TUNED = ResponsePlace("tuned", "bot", "tuned-vs-base", "tuned")
BASE = ResponsePlace("base", "direct")


@pytest.fixture(name="opened")
def opened_fixture(tmp_path: Path) -> Iterator[Opened]:
    """Opens the map of one file, as often as a test needs it, and closes all at its end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(ResponseMap(tmp_path / FILE)))


def test_what_one_worker_noted_another_finds_and_a_restart_too(opened: Opened) -> None:
    first, second = opened(), opened()
    assert first.note(["response resp_1", "conversation conv_1"], TUNED, unit="u", now_us=5)
    assert second.find("response resp_1", now_us=6) == TUNED
    assert second.find("conversation conv_1", now_us=6) == TUNED
    assert second.find("response resp_2", now_us=6) is None
    first.close()
    assert opened().find("response resp_1", now_us=6) == TUNED


def test_a_file_of_the_first_release_is_read_and_written(opened: Opened, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as old:
        columns = "name BLOB PRIMARY KEY, at_us INTEGER NOT NULL, unit TEXT, deployment TEXT NOT NULL, route TEXT"
        old.execute(f"CREATE TABLE places ({columns}, experiment TEXT, variant TEXT) WITHOUT ROWID")
        key = sha256(b"response old").digest()[:16]
        # by hand: a file of the first release
        old.execute("INSERT INTO places VALUES (?, 1, NULL, 'base', 'direct', NULL, NULL)", [key])
        old.commit()
    places = opened()
    assert places.find("response old", now_us=2) == BASE
    assert places.note(["response new"], replace(TUNED, owner="app"), unit=None, now_us=2)
    assert places.find("response new", now_us=3) == replace(TUNED, owner="app")


def test_a_name_is_where_it_was_last(opened: Opened) -> None:
    places = opened()
    places.note(["conversation c"], TUNED, unit=None, now_us=1)
    places.note(["conversation c"], BASE, unit=None, now_us=2)
    assert places.find("conversation c", now_us=3) == BASE


def test_an_entry_goes_with_its_age(opened: Opened) -> None:
    places = opened()
    places.note(["response old"], BASE, unit=None, now_us=1)
    assert places.find("response old", now_us=KEEP_US) == BASE
    assert places.find("response old", now_us=KEEP_US + 2) is None


def test_many_writers_lose_nothing(opened: Opened) -> None:
    def write(who: int) -> None:
        places = opened()
        for n in range(200):
            assert places.note([f"response {who}-{n}"], BASE, unit=None, now_us=1)
        places.close()
        assert places.lost == 0

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    places = opened()
    assert all(places.find(f"response {who}-{n}", now_us=2) for who in range(4) for n in range(200))


def test_what_another_writer_holds_up_is_known_here_at_once_and_written_with_the_next(
    opened: Opened, tmp_path: Path
) -> None:
    places, response_map = opened(), opened()
    assert response_map.note(["response o"], TUNED, unit=None, now_us=1)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        assert places.note(["response a"], BASE, unit=None, now_us=1)
        assert (places.find("response a", now_us=2), response_map.find("response a", now_us=2)) == (BASE, None)
        held.execute("ROLLBACK")
    assert places.note(["response b"], BASE, unit=None, now_us=1)
    assert response_map.find("response a", now_us=2) == BASE
    assert places.lost == 0


def test_a_file_that_is_no_map_stops_nothing(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to look at" * 50)
    places = opened()
    assert not places.note(["response a"], BASE, unit=None, now_us=1)
    assert places.find("response a", now_us=1) is None
    assert places.lost == 1


def test_an_erasure_leaves_no_byte_of_the_unit_and_keeps_the_others(opened: Opened, tmp_path: Path) -> None:
    places = opened()
    places.note(["response mine"], TUNED, unit="pseudonym-of-mine", now_us=1)
    places.note(["response named"], TUNED, unit=None, now_us=1)
    places.note(["response other"], TUNED, unit="pseudonym-of-other", now_us=1)
    assert erase_unit(tmp_path / FILE, "pseudonym-of-mine", ["named"]) == 2
    assert places.find("response mine", now_us=2) is None
    assert places.find("response named", now_us=2) is None
    assert places.find("response other", now_us=2) == TUNED
    assert not any(b"pseudonym-of-mine" in path.read_bytes() for path in tmp_path.iterdir())


def test_the_map_holds_no_ids_and_is_private(opened: Opened, tmp_path: Path) -> None:
    places = opened()
    places.note(["response resp_secret_id"], TUNED, unit="u", now_us=1)
    for path in tmp_path.iterdir():
        assert b"resp_secret_id" not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
