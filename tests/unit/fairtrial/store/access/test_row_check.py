"""Rows of a version that stored no digests are compared with what the audit trail recorded of them."""

from fairtrial.store.access import audit
from fairtrial.store.access.row_check import check_rows
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp
from tests.fixtures.store.empty_store import NOW

VOTE = {"verdict_id": "v1", "actor": "Ada", "role": "release-manager", "vote": "approve", "why": "I read the report."}
OTHER = {"actor": "Bob", "role": "admin", "vote": "reject", "why": "It looks fine."}


def problems(database: Database) -> list[str]:
    with database.read_transaction() as cursor:
        return [problem.says for problem in check_rows(cursor).problems]


def change(database: Database, column: str, value: str) -> None:
    with database.transaction() as cursor:
        cursor.execute(f"UPDATE approvals SET {column} = ?", [value])


def test_an_earlier_vote_is_what_its_entry_says_and_a_change_of_it_is_reported(database: Database) -> None:
    details = {"role": VOTE["role"], "why": VOTE["why"]}
    with database.transaction() as cursor:
        number = cursor.append("approvals", VOTE | {"at_time": timestamp(NOW)})
        audit.append(cursor, now_us=NOW, actor="Ada", action="verdict.approve", subject="v1", details=details)
    assert problems(database) == []
    reported = {}
    for column, value in OTHER.items():
        change(database, column, value)
        reported[column] = problems(database)
        change(database, column, VOTE[column])
    changed = f"approval {number} of the verdict v1 was changed after it was stored"
    assert reported == {column: [changed] for column in OTHER}
