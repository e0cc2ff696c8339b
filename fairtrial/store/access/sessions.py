"""Sessions: a browser that signed in, until it signs out, is idle for half a day, or a week is over."""

from __future__ import annotations

import secrets

from fairtrial.domain.accounts import Account
from fairtrial.store.access import accounts
from fairtrial.store.access.invitations import TOKEN_BYTES, digest
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import at, microseconds

IDLE_US = 12 * 3_600_000_000
LASTS_US = 7 * 86_400_000_000
RENEW_US = 300_000_000
"""A session that was seen is written down again only so often: reading a page writes nothing."""

LOCAL = Account("local", "local", "admin", "active")
"""The user of this machine, who signs in by a one-time link; counts only while there is no account."""

INSERT = "INSERT INTO sessions (sha256, account_id, created_time, seen_time) VALUES (?, ?, ?, ?)"
FIND = "SELECT account_id, seen_time FROM sessions WHERE sha256 = ? AND created_time > ? AND seen_time > ?"
SEEN = "UPDATE sessions SET seen_time = ? WHERE sha256 = ?"
END = "DELETE FROM sessions WHERE sha256 = ?"
END_OLD = "DELETE FROM sessions WHERE created_time <= ? OR seen_time <= ?"


def begin(database: Database, account_id: str, *, now_us: int) -> str:
    """A new session's token: 256 random bits, of which the hash is kept. Sessions that are over are removed."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with database.writing() as cursor:
        cursor.execute(END_OLD, [at(now_us - LASTS_US), at(now_us - IDLE_US)])
        cursor.execute(INSERT, [digest(token), account_id, at(now_us), at(now_us)])
    return token


def account_of(database: Database, token: str, *, now_us: int) -> Account | None:
    """Who signed in with it; ``None`` once it is over, or if that account may not sign in any more."""
    rows = database.rows(FIND, [digest(token), at(now_us - LASTS_US), at(now_us - IDLE_US)])
    if not rows:
        return None
    account_id, seen = rows[0]
    found = _account(database, account_id)
    if found is None or found.state != "active":
        return None
    if now_us - microseconds(seen) > RENEW_US:
        with database.writing() as cursor:
            cursor.execute(SEEN, [at(now_us), digest(token)])
    return found


def end(database: Database, token: str) -> None:
    """Sign out; a token of no session is nothing to end."""
    with database.writing() as cursor:
        cursor.execute(END, [digest(token)])


def _account(database: Database, account_id: str) -> Account | None:
    if account_id == LOCAL.account_id:
        return None if accounts.exist(database) else LOCAL
    return accounts.by_id(database, account_id)
