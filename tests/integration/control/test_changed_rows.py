"""Every row that a verdict or a page rests on is compared with the audit trail, and a change of it is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial.api.verdict_answers import ChainHead
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms
from gateway.control.experiments.record_alarms import acknowledge_alarm
from gateway.control.verdicts.release.approvals import vote_on_verdict
from gateway.control.verdicts.release.release_record import integrity
from tests.fixtures.control.judged_trial import PERSON, JudgedTrial
from tests.fixtures.control.live_trial import NAME
from tests.fixtures.for_each import every_failure, for_each

pytestmark = pytest.mark.release("attacks")

KEYS = {
    "transitions": "number",
    "approvals": "number",
    "looks": "number",
    "analysis_plans": "number",
    "published_plans": "number",
    "alarms": "alarm_id",
    "verdicts": "verdict_id",
}
NOUNS = {
    "transitions": "transition",
    "approvals": "approval",
    "looks": "look",
    "analysis_plans": "analysis plan",
    "published_plans": "published plan",
    "alarms": "alarm",
    "verdicts": "verdict",
}
OTHER = {
    "VARCHAR": "coalesce({column}, '') || 'x'",
    "JSON": 'json_merge_patch({column}, \'{{"headline": "all is well"}}\')',
    "TIMESTAMP": "coalesce({column}, TIMESTAMP '2027-01-01') + INTERVAL 1 MICROSECOND",
    "BIGINT": "{column} + 1000",
    "INTEGER": "{column} + 1000",
    "DOUBLE": "coalesce({column}, 1.0) + 0.5",
}
"""Another value of a column, by its type."""


class StoredRows:
    """A store with rows in each covered table."""

    def __init__(self, trial: JudgedTrial) -> None:
        self.trial = trial
        self.database = trial.database

    def found(self, verdict_id: str | None = None) -> list[str]:
        result = integrity(self.database, verdict_id)
        assert result.intact is (result.problems == [])
        return [one.says for one in result.problems]

    def do(self, *statements: str) -> None:
        with self.database.transaction() as cursor:
            for sql in statements:
                cursor.execute(sql)

    def keep(self, table: str) -> None:
        self.do(f"CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM {table}")

    def put_back(self, table: str) -> None:
        # by hand: forged, or rows of the product that are put back after a change
        self.do(f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM temp.kept")

    def columns(self, table: str) -> list[tuple[str, str]]:
        sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $1 AND database_name = $2"
        return self.database.rows(sql, (table, "fairtrial"))  # type: ignore[return-value]

    def key(self, table: str) -> str:
        return str(self.database.rows(f"SELECT max({KEYS[table]}) FROM {table}")[0][0])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoredRows]:
    trial = JudgedTrial.with_traffic_and_runs(tmp_path_factory.mktemp("rows"), 400)
    verdict = trial.judge()
    vote_on_verdict(
        trial.database, verdict.verdict_id, "approve", (PERSON, "release-manager"), why="read it", now_us=trial.now_us
    )
    trial.change("pause")
    trial.change("resume")
    trial.change("kill")
    rows = StoredRows(trial)
    alarm(rows, "experiment.changed", "Look.")
    yield rows
    trial.close()


def alarm(rows: StoredRows, kind: str, text: str | None) -> None:
    """Open, reword or close an alarm."""
    found = {} if text is None else {kind: text}
    alarms.settle(rows.database, NAME, found, families=(kind.split(".")[0],), now_us=rows.trial.now_us, actor="control")


def test_a_store_is_intact_and_everything_is_covered(stored: StoredRows) -> None:
    result = integrity(stored.database)
    assert result.problems == []
    assert set(result.uncovered.values()) == {0}
    assert all(result.covered[table] for table in KEYS), result.covered
    number, hash_ = stored.database.rows("SELECT number, hash FROM events ORDER BY number DESC LIMIT 1")[0]
    assert result.trail_head == ChainHead(number=number, hash=hash_)


def test_every_changed_column_is_found_and_its_row_is_named(stored: StoredRows) -> None:
    columns = [(table, *column) for table in KEYS for column in stored.columns(table)]
    assert len(columns) > 60
    with every_failure(len(columns)) as member:
        for table, column, kind in columns:
            key, number = stored.key(table), f"{NOUNS[table]} {stored.key(table)}"
            stored.keep(table)
            change = OTHER[kind].format(column=column)
            stored.do(f"UPDATE {table} SET {column} = {change} WHERE {KEYS[table]} = '{key}'")
            found = stored.found()
            stored.put_back(table)
            with member(f"{table}.{column}"):
                assert any(number in one for one in found), found
                assert all(NOUNS[table] in one for one in found), found
                gone = column == KEYS[table]
                words = "removed" if gone else "changed after it was stored"
                assert any(number in one and words in one for one in found), found
    assert stored.found() == []


@for_each("table", KEYS)
def test_a_removed_row_is_named(stored: StoredRows, table: str) -> None:
    key = stored.key(table)
    stored.keep(table)
    stored.do(f"DELETE FROM {table} WHERE {KEYS[table]} = '{key}'")
    found = stored.found()
    stored.put_back(table)
    assert len(found) == 1 and f"{NOUNS[table]} {key}" in found[0] and "was removed" in found[0], found


@for_each("table", KEYS)
def test_an_added_row_is_named(stored: StoredRows, table: str) -> None:
    key = "999" if KEYS[table] == "number" else "01b00000-0000-7000-8000-000000000000"
    stored.keep(table)
    # by hand: forged, or rows of the product that are put back after a change
    stored.do(f"INSERT INTO {table} SELECT * REPLACE ('{key}' AS {KEYS[table]}) FROM {table} LIMIT 1")
    found = stored.found()
    stored.put_back(table)
    assert f"{NOUNS[table]} {key}" in found[-1] and "was added" in found[-1], found
    assert all(key in one for one in found), found


@for_each("table", KEYS)
def test_a_second_copy_of_a_row_is_named(stored: StoredRows, table: str) -> None:
    key = stored.key(table)
    stored.keep(table)
    # by hand: forged, or rows of the product that are put back after a change
    stored.do(f"INSERT INTO {table} SELECT * FROM {table} WHERE {KEYS[table]} = '{key}'")
    found = stored.found()
    stored.put_back(table)
    assert len(found) == 1 and f"{NOUNS[table]} {key}" in found[0], found


def test_the_observed_changes_are_named(stored: StoredRows) -> None:
    stored.keep("transitions")
    stored.do("UPDATE transitions SET actor = 'account eve' WHERE action = 'kill'")
    assert stored.found() == [f"transition 3 of {NAME} was changed after it was stored"]
    stored.put_back("transitions")
    stored.keep("looks")
    stored.do("UPDATE looks SET finding = replace(finding, 'better', 'worse') WHERE number > 2")
    changed = [number for (number,) in stored.database.rows("SELECT DISTINCT number FROM looks ORDER BY 1")][2:]
    assert stored.found() == [f"look {number} of {NAME} was changed after it was stored" for number in changed]
    stored.put_back("looks")


def test_a_changed_entry_of_the_trail_is_named(stored: StoredRows) -> None:
    stored.keep("events")
    stored.do("UPDATE events SET details = replace(details, '\"row\": 3', '\"row\": 33') WHERE action = 'look.store'")
    (number,) = stored.database.rows("SELECT min(number) FROM events WHERE contains(details, '\"row\": 33')")[0]
    assert f"the audit trail was changed at entry {number}" in stored.found()
    stored.put_back("events")


def test_a_verdict_without_its_chain_entry_is_named(stored: StoredRows) -> None:
    """Also if it was the last one, and the chain before it is whole."""
    verdict = stored.trial.judge(gate=stored.trial.gate.read_text() + "# not the official one\n")
    assert not verdict.official and stored.found() == []
    stored.keep("verdict_records")
    stored.do(f"DELETE FROM verdict_records WHERE verdict_id = '{verdict.verdict_id}'")
    says = f"verdict {verdict.verdict_id}: the chain does not have the entry that the audit trail recorded"
    assert stored.found() == [says] == stored.found(verdict.verdict_id)
    stored.put_back("verdict_records")


def test_what_the_program_changes_stays_intact(stored: StoredRows) -> None:
    alarm(stored, "stage.approval", "Wait.")
    alarm(stored, "stage.approval", "Wait longer.")
    page = alarms.listing(Page(), standing=True)
    (opened,) = [row for row in stored.database.dicts(page) if row["kind"] == "stage.approval"]
    for _ in range(2):
        acknowledge_alarm(stored.database, opened["alarm_id"], actor=PERSON, why="I know", now_us=stored.trial.now_us)
    assert stored.found() == []
    alarm(stored, "stage.approval", None)
    assert stored.found() == []
    sql = "SELECT action FROM events WHERE subject = $1 ORDER BY number"
    actions = [action for (action,) in stored.database.rows(sql, (opened["alarm_id"],))]
    assert actions == ["alarm.open", "alarm.text", "alarm.acknowledge", "alarm.acknowledge", "alarm.close"]


class EarlierRows(StoredRows):
    """The same store as an earlier version left it: no entry has a digest, and there are none for looks and plans."""

    def forget_digests(self) -> None:
        rows = self.database.rows("SELECT number, epoch_us(at_time), actor, action, subject, details FROM events")
        known = ("experiment.", "verdict.", "alarm.acknowledge", "plan.publish")
        self.do("DELETE FROM events")
        from fairtrial.store.access import audit

        for _, at_us, actor, action, subject, text in sorted(rows):
            details = json.loads(text)
            details.pop("stored", None)
            details.pop("chain", None)
            if action.startswith(known):
                audit.record(self.database, now_us=at_us, actor=actor, action=action, subject=subject, details=details)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EarlierRows]:
    trial = JudgedTrial.with_traffic_and_runs(tmp_path_factory.mktemp("earlier"))
    verdict = trial.judge()
    voter = (PERSON, "release-manager")
    vote_on_verdict(trial.database, verdict.verdict_id, "reject", voter, why="no", now_us=trial.now_us)
    rows = EarlierRows(trial)
    alarm(rows, "experiment.changed", "Look.")
    alarm(rows, "stage.approval", "Wait.")
    trial.change("kill")
    rows.forget_digests()
    yield rows
    trial.close()


def uncovered(rows: StoredRows) -> dict[str, int]:
    return {table: count for table, count in integrity(rows.database).uncovered.items() if count}


def test_rows_of_an_earlier_version_are_counted_and_not_called_changed(earlier: EarlierRows) -> None:
    looks = earlier.database.rows("SELECT max(number) FROM looks")[0][0]
    before = {"transitions": 1, "approvals": 1, "looks": looks, "analysis_plans": 1, "published_plans": 2,
              "alarms": 4, "verdicts": 1}  # fmt: skip
    assert (earlier.found(), uncovered(earlier)) == ([], before)
    alarm(earlier, "stage.approval", None)
    assert (earlier.found(), uncovered(earlier)) == ([], before | {"alarms": 3})


@for_each("column", ("experiment", "action", "from_state", "to_state", "actor", "why", "at_time", "segment", "stage"))
def test_their_transitions_are_compared_with_their_entries(earlier: EarlierRows, column: str) -> None:
    kind = dict(earlier.columns("transitions"))[column]
    earlier.keep("transitions")
    earlier.do(f"UPDATE transitions SET {column} = {OTHER[kind].format(column=column)}")
    found = earlier.found()
    earlier.put_back("transitions")
    assert any("transition 1 of" in one for one in found), found


@for_each("column", ("verdict_id", "vote", "actor", "role", "why", "at_time"))
def test_so_are_their_approvals(earlier: EarlierRows, column: str) -> None:
    kind = dict(earlier.columns("approvals"))[column]
    earlier.keep("approvals")
    earlier.do(f"UPDATE approvals SET {column} = {OTHER[kind].format(column=column)}")
    found = earlier.found()
    earlier.put_back("approvals")
    assert any("approval 1 of the verdict" in one for one in found), found


@for_each("table", ("looks", "analysis_plans", "published_plans", "alarms", "transitions", "approvals"))
def test_added_and_removed_rows_are_found_beside_them(earlier: EarlierRows, table: str) -> None:
    if earlier.database.rows("SELECT count(*) FROM events WHERE contains(details, 'before')")[0][0] == 0:
        alarm(earlier, "stage.approval", None)
    key = earlier.key(table)
    earlier.keep(table)
    earlier.do(f"DELETE FROM {table} WHERE {KEYS[table]} = '{key}'")
    removed = earlier.found()
    earlier.put_back(table)
    new = "999" if KEYS[table] == "number" else "01b00000-0000-7000-8000-000000000000"
    # by hand: forged, or rows of the product that are put back after a change
    earlier.do(f"INSERT INTO {table} SELECT * REPLACE ('{new}' AS {KEYS[table]}) FROM {table} LIMIT 1")
    added = earlier.found()
    earlier.put_back(table)
    assert len(removed) == 1 and NOUNS[table] in removed[0] and ("removed" in removed[0] or table == "alarms"), removed
    assert len(added) == 1 and f"{NOUNS[table]} {new}" in added[0] and "was added" in added[0], added


def test_an_entry_without_meaning_is_no_crash(stored: StoredRows, tmp_path: Path) -> None:
    stored.keep("events")
    stored.do("UPDATE events SET details = '[1]' WHERE number = 2", "UPDATE events SET details = NULL WHERE number = 3")
    assert "the audit trail was changed at entry 2" in stored.found()
    stored.put_back("events")
