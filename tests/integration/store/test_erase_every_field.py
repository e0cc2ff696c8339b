"""Every field of a request that holds a text, a name or an id is empty after an erasure, in each file of the store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.experiments.unit import pseudonym
from fairtrial.journal.segment import files
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.ingest.segment_archive import compress_sealed
from fairtrial.store.restore import restore_backup
from gateway.control.maintain_store import StoreMaintenance
from tests.fixtures.store import live_experiment, marked_events, samples
from tests.fixtures.store.earlier_backup import Rows, earlier_backup
from tests.fixtures.store.marked_events import mark, marks
from tests.fixtures.store.segment_bytes import content

Kind = Literal["user", "conversation", "request"]

USER = 'Zoë "Z" O\'Hara\\'
CHAT = "chat \u00fcber \U0001f468\u200d\U0001f33e"
OTHER_USER, OTHER_CHAT = "bystander-1", "bystander-chat"
NAMED: dict[Kind, str] = {"user": USER, "conversation": CHAT, "request": mark(5, "request")}
OF: dict[Kind, set[int]] = {
    "user": {1, 2, 3, 6, 8, 10, 13, 20, 21},
    "conversation": {1, 4, 6, 8, 11, 20, 22},
    "request": {5},
}
STORIES = pytest.mark.release("stories")
"""The requests and the feedback of each unit. Those from 20 on are not ingested yet when the erasure begins."""
BEFORE = (1, 2, 3, 4, 5, 6, 7, 13)
IN_STORE = (*BEFORE, 20, 21, 22, 23)
BACKED_UP = 8
"""Only in the backup of an earlier schema; 9 is of somebody else, in the same backup."""
SAID: dict[int, str] = {10: USER, 11: CHAT, 12: OTHER_USER}
"""Feedback about a unit instead of a request."""
TEXTS = """
SELECT table_name, column_name FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal
    AND (data_type = 'JSON' OR data_type LIKE '%VARCHAR%')
ORDER BY ALL
"""
SUMS = "SELECT early, min(first_at), sum(sent) FROM unit_sums GROUP BY unit, early ORDER BY ALL"
STRANGERS = """
SELECT count(*)
FROM (SELECT unit FROM unit_sums UNION ALL SELECT subject_unit FROM feedback WHERE subject_unit IS NOT NULL)
WHERE unit NOT IN (SELECT exposed_unit FROM requests WHERE exposed_unit IS NOT NULL)
"""
EXPOSED = "SELECT count(*), count(DISTINCT exposed_unit), count(enrol_bucket) FROM requests WHERE enrolled"


class Store:
    """An open store, the pseudonyms of its units, and its two backups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = Layout(folder / "fairtrial.duckdb").make()
        self.now_us = samples.NOW + DAY_US
        self.open()

    def open(self) -> None:
        self.database = Database.open(self.layout)
        self.pepper = named_values.pepper(self.database)
        self.ingester = Ingester(self.database, lambda: self.now_us)
        self.maintenance = StoreMaintenance(self.database, self.ingester, lambda: self.now_us, actor="test")

    def unit(self, name: str) -> str:
        return pseudonym(self.pepper, name)

    def write(self, *events: Any, writer: str = "w", close: bool = True) -> JournalWriter:
        journal = JournalWriter(self.layout.journal, writer=writer)
        assert journal.append(*events)
        if close:
            journal.close()
        return journal

    def contents(self, *places: Path) -> dict[str, bytes]:
        """Every file, a compressed one decompressed as well."""
        files = [path for place in places or (self.folder,) for path in place.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() + content(path) for path in files}

    def cells_with(self, texts: list[str]) -> list[tuple[str, str]]:
        """The columns in which any row has one of these texts. The engine may compress strings in the file's bytes."""
        result = []
        for table, column in self.database.rows(TEXTS):
            cells = self.database.rows(f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {table}")
            if any(text in str(cell) for (cell,) in cells for text in texts):
                result.append((str(table), str(column)))
        return result


def events(store: Store, *numbers: int) -> list[Any]:
    """The events of these requests, with feedback about each."""
    user, chat = store.unit(USER), store.unit(CHAT)
    other_user, other_chat = store.unit(OTHER_USER), store.unit(OTHER_CHAT)
    own = store.unit(mark(5, "request"))
    make = marked_events.request
    body = {"user": USER, "metadata": {"conversation_id": CHAT}}
    of_other = {"user": OTHER_USER, "metadata": {"conversation_id": OTHER_CHAT}}
    first: dict[int, Any] = {
        1: lambda n: [make(n, unit=user, exposed=chat, kind="conversation", body=body)],
        2: lambda n: [make(n, unit=user, exposed=user, body={"safety_identifier": USER})],
        3: lambda n: [make(n, unit=other_user, body={"metadata": {"user_id": f" {USER} "}})],
        4: lambda n: [make(n, unit=other_user, exposed=chat, kind="conversation", body={"conversation": CHAT})],
        5: lambda n: [make(n, unit=own, exposed=own, kind="request")],
        6: lambda n: marked_events.request_of_version_1(n, unit=user, exposed=chat, kind="conversation"),
        7: lambda n: [make(n, unit=other_user, exposed=other_chat, kind="conversation", body=of_other)],
        13: lambda n: [make(n, unit=user, exposed=store.unit(mark(n, "request")), kind="request")],
    }
    again = {20: first[1], 21: first[2], 22: first[4], 23: first[7]}
    made = []
    for number in numbers:
        made += [*(first | again)[number](number), marked_events.feedback(number)]
    return made


def spoken(store: Store) -> list[Any]:
    """Feedback about units instead of requests."""
    return [marked_events.feedback(n, request_id=None, unit=store.unit(name)) for n, name in SAID.items()]


def rows(store: Store) -> Rows:
    """Two requests as an earlier schema stores them."""
    tables: Rows = {"requests": [], "exposures": [], "attempts": [], "payloads": []}
    for number, user, chat in ((BACKED_UP, USER, CHAT), (9, OTHER_USER, OTHER_CHAT)):
        common = {"request_id": mark(number, "request"), "at_time": samples.NOW}
        buckets = {"enrol_bucket": marked_events.BUCKET, "arm_bucket": marked_events.BUCKET}
        exposed = {"experiment": "tuned-vs-base", "unit_kind": "conversation", "enrolled": True, "reason": "assigned"}
        body = json.dumps({"user": user, "text": mark(number, "request_body")})
        tables["requests"].append(common | {"unit": store.unit(user), "response_id": mark(number, "response_id")})
        tables["exposures"].append(common | exposed | buckets | {"unit": store.unit(chat)})
        tables["attempts"].append(common | {"error_message": mark(number, "error_message")})
        tables["payloads"].append(common | {"request_body": body, "response_body": mark(number, "response_body")})
    return tables


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with a compressed segment, a backup, and a segment that is being written and not ingested."""
    store = Store(tmp_path / "here")
    live_experiment.store_plans(store.database, live_experiment.plan(started_us=samples.NOW))
    store.write(*events(store, *BEFORE), *spoken(store))
    store.ingester.catch_up()
    assert compress_sealed(store.database, lambda _: False) == 1
    store.maintenance.backup(tmp_path / "backup")
    store.layout.logs.joinpath("gateway.log").write_text(f"said {USER}\nsaid {CHAT}\nabout {mark(5, 'request')}\n")
    journal = store.write(*events(store, 20, 21, 22, 23), writer="later", close=False)
    yield store
    journal.close()
    store.database.close()


def names(name: str) -> re.Pattern[bytes]:
    spelled = {name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1], ascii(name)[1:-1], quote(name)}
    return re.compile(b"|".join(re.escape(spelling.encode()) for spelling in spelled))


def left(store: Store, kind: Kind, contents: dict[str, bytes]) -> list[tuple[str, str]]:
    """Which marks and names of the unit are in which file."""
    gone = [name for number in OF[kind] for name in (*marks(number), store.unit(mark(number, "request")))]
    gone.append(store.unit(NAMED[kind]))
    places = [(path, name) for path, held in contents.items() for name in gone if name.encode() in held]
    return places + [(path, NAMED[kind]) for path, held in contents.items() if names(NAMED[kind]).search(held)]


def kept(kind: Kind) -> list[int]:
    return [number for number in IN_STORE if number not in OF[kind]]


@pytest.mark.parametrize("kind", ["user", *(pytest.param(kind, marks=STORIES) for kind in ("conversation", "request"))])
def test_no_field_of_a_unit_stays_in_any_byte(store: Store, kind: Kind) -> None:
    before = store.contents(store.folder, store.folder.parent / "backup")
    assert {mark for _, mark in left(store, kind, before)} >= {
        text for number in OF[kind] & set(IN_STORE) - {6} for text in marks(number)
    }
    assert set(store.cells_with([store.unit(NAMED[kind])])) >= {("unit_sums", "unit"), ("feedback", "subject_unit")}
    erased = store.maintenance.erase(NAMED[kind], kind, rewrite_backups=True)
    assert [look.found for look in erased.backups] == ["rewritten"]
    assert erased.counts["requests"] == len(OF[kind] & set(IN_STORE))
    after = store.contents(store.folder, store.folder.parent / "backup")
    assert left(store, kind, after) == []
    gone = [text for number in OF[kind] for text in marks(number)] + [store.unit(NAMED[kind]), NAMED[kind]]
    assert store.cells_with(gone) == []
    stay = [("requests", "tags"), ("requests", "trace_id"), ("unit_sums", "tags")]
    assert store.cells_with([mark(7, "trace"), mark(7, "tags")]) == stay
    check_others(store, kind)
    again = store.maintenance.erase(NAMED[kind], kind, rewrite_backups=True)
    assert (again.counts, again.found) == ({}, False)
    assert [path.suffix for path in files(store.layout.journal / "done")] == [".zst"]


def check_others(store: Store, kind: Kind) -> None:
    """Everybody else has every field still."""
    held = b"".join(store.contents(store.layout.journal).values())
    lost = {text for number in kept(kind) if number != 6 for text in marks(number) if text.encode() not in held}
    assert lost == set()
    links = "SELECT request_id, prompt_digest, trace_id, span_id FROM requests WHERE trace_id IS NOT NULL ORDER BY 1"
    fields = ("request", "digest", "trace", "span")
    expected = sorted(tuple(mark(number, field) for field in fields) for number in kept(kind) if number != 6)
    assert store.database.rows(links) == expected
    calls = "SELECT provider_request_id FROM attempts WHERE provider_request_id LIKE '%last%' ORDER BY 1"
    assert store.database.rows(calls) == sorted((mark(n, "last_provider"),) for n in kept(kind) if n != 6)


@pytest.mark.parametrize("kind", ["user", *(pytest.param(kind, marks=STORIES) for kind in ("conversation", "request"))])
def test_the_numbers_and_the_clusters_of_a_unit_stay(store: Store, kind: Kind) -> None:
    store.ingester.catch_up()
    sizes = "SELECT count(*) FROM requests GROUP BY {} ORDER BY 1"
    columns = ("unit", "exposed_unit", "latency_ms", "outcome", "stage", "propensity", "experiment_state")
    before = [store.database.rows(sizes.format(column)) for column in columns]
    ((exposed, units, buckets),) = store.database.rows(EXPOSED)
    sums = store.database.rows(SUMS)
    assert sum(sent for _, _, sent in sums) == len(set(IN_STORE) - {3, 6})
    store.maintenance.erase(NAMED[kind], kind)
    assert [store.database.rows(sizes.format(column)) for column in columns] == before
    assert store.database.rows(SUMS) == sums
    assert store.database.rows(STRANGERS) == [(0,)], "sums and feedback have the unit's new name"
    enrolled = len(OF[kind] & set(IN_STORE) - {3})
    assert store.database.rows(EXPOSED) == [(exposed, units, buckets - enrolled)]
    same = "SELECT count(*) FROM requests WHERE unit = exposed_unit"
    assert store.database.rows(same) == [(3,)], "one name replaces another wherever it is"


@pytest.mark.release("upgrades")
@pytest.mark.parametrize("schema", [1, 9])
@pytest.mark.parametrize("kind", ["user", "conversation"])
def test_a_backup_of_an_earlier_schema_is_rewritten_in_its_schema(store: Store, kind: Kind, schema: int) -> None:
    folder = store.folder.parent / "earlier"
    earlier_backup(store.database, folder, schema=schema, rows=rows(store), at_us=store.now_us)
    assert left(store, kind, store.contents(folder)) != []
    erased = store.maintenance.erase(NAMED[kind], kind, rewrite_backups=True)
    assert [look.found for look in erased.backups] == ["rewritten", "rewritten"]
    assert left(store, kind, store.contents(folder)) == []
    restored = Store(store.folder.parent / "there")
    restored.database.close()
    restore_backup(folder, restored.layout, now_us=store.now_us, force=True)
    restored.open()
    assert restored.database.rows("SELECT count(*), count(DISTINCT request_id) FROM requests") == [(2, 2)]
    assert restored.database.rows("SELECT request_id FROM payloads") == [(mark(9, "request"),)]
    restored.database.close()


@pytest.mark.parametrize(
    ("backup", "kind"),
    [
        ("backup", "user"),
        ("backup", "conversation"),
        ("backup", "request"),
        ("earlier", "user"),
        ("earlier", "conversation"),
    ],
)
@pytest.mark.release("kills")
def test_a_restored_backup_brings_no_field_back(store: Store, backup: str, kind: Kind) -> None:
    folder = store.folder.parent
    earlier_backup(store.database, folder / "earlier", schema=9, rows=rows(store), at_us=store.now_us)
    store.now_us += DAY_US
    assert store.maintenance.erase(NAMED[kind], kind).found
    store.now_us += DAY_US
    store.database.close()
    restore_backup(folder / backup, store.layout, now_us=store.now_us, force=True)
    store.open()
    assert store.maintenance.erase_again() > 0
    assert left(store, kind, store.contents()) == []
    assert store.maintenance.erase_again() == 0
    ((number,),) = store.database.rows("SELECT count(*) FROM requests")
    backed_up = {"backup": set(BEFORE), "earlier": {BACKED_UP, 9}}[backup]
    assert number == len(backed_up | set(kept(kind))), "the journal has only the requests of others"


def test_a_store_elsewhere_has_each_field_of_a_backup_and_of_the_journal_since(store: Store) -> None:
    """What was ingested before the backup, after it, and only by the restore."""
    store.ingester.catch_up()
    requests = "SELECT COLUMNS(*) FROM requests ORDER BY request_id"
    calls = "SELECT COLUMNS(*) FROM attempts ORDER BY ALL"
    before = [store.database.rows(query) for query in (requests, calls, SUMS)]
    store.database.close()
    restored = restore_backup(store.folder.parent / "backup", store.layout, now_us=store.now_us, force=True)
    store.open()
    assert restored.since == len(events(store, 20, 21, 22, 23))
    assert [store.database.rows(query) for query in (requests, calls, SUMS)] == before
    newest = "SELECT count(*), count(trace_id), count(exposed_unit) FROM requests WHERE at_time >= ?"
    assert store.database.rows(newest, [timestamp(samples.NOW + 20)]) == [(4, 4, 4)]
