"""Manages browser sessions, which end by signing out, after half a day without use, or after a week."""

from __future__ import annotations

import secrets

from fairtrial.domain.accounts import LOCAL, Account
from fairtrial.domain.limits.constants import microseconds
from fairtrial.store.access import accounts
from fairtrial.store.access.invitations import TOKEN_BYTES, digest
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp

IDLE_US = 12 * 3_600_000_000
LASTS_US = 7 * 86_400_000_000
RENEW_US = 300_000_000
"""How often a session's last use is written at most, because reading a page should write nothing."""

FIND = "SELECT account_id, seen_time FROM sessions WHERE sha256 = ? AND created_time > ? AND seen_time > ?"
SEEN = "UPDATE sessions SET seen_time = ? WHERE sha256 = ?"
END = "DELETE FROM sessions WHERE sha256 = ?"
END_OLD = "DELETE FROM sessions WHERE created_time <= ? OR seen_time <= ?"


def begin(database: Database, account_id: str, *, now_us: int) -> str:
    """Begin a session and return its token of 256 random bits; only the hash is stored. Deletes expired sessions."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with database.transaction() as cursor:
        cursor.execute(END_OLD, [timestamp(now_us - LASTS_US), timestamp(now_us - IDLE_US)])
        times = {"created_time": timestamp(now_us), "seen_time": timestamp(now_us)}
        cursor.insert("sessions", sha256=digest(token), account_id=account_id, **times)
    return token


def account_of(database: Database, token: str, *, now_us: int) -> Account | None:
    """The account that signed in with this token; ``None`` if the session is over or the account may not sign in."""
    rows = database.rows(FIND, [digest(token), timestamp(now_us - LASTS_US), timestamp(now_us - IDLE_US)])
    if not rows:
        return None
    account_id, seen = rows[0]
    found = _account(database, account_id)
    if found is None or found.state != "active":
        return None
    if now_us - microseconds(seen) > RENEW_US:
        with database.transaction() as cursor:
            cursor.execute(SEEN, [timestamp(now_us), digest(token)])
    return found


def end(database: Database, token: str) -> None:
    """Sign out. An unknown token is ignored."""
    with database.transaction() as cursor:
        cursor.execute(END, [digest(token)])


def _account(database: Database, account_id: str) -> Account | None:
    if account_id == LOCAL.account_id:
        return None if accounts.any_exist(database) else LOCAL
    return accounts.by_id(database, account_id)
