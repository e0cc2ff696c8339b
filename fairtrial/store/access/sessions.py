"""Manages browser sessions, and the one-time links that begin one until the first account exists."""

from __future__ import annotations

import secrets

from fairtrial.domain.accounts import LOCAL, Account, OneTimeLink
from fairtrial.domain.errors import Conflict, NotFound
from fairtrial.domain.limits.constants import microseconds
from fairtrial.store.access import accounts, audit
from fairtrial.store.access.accounts import TOKEN_BYTES, digest, store_link
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
LINK_LASTS_US = 15 * 60_000_000
REMOVE_OLD = "DELETE FROM invitations WHERE account_id = ? AND (expires_time <= ? OR ended_time IS NOT NULL)"
USE = """
UPDATE invitations SET ended_time = $now
WHERE sha256 = $sha256 AND account_id = $account AND ended_time IS NULL AND expires_time > $now
RETURNING sha256
"""


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
    account = _account(database, account_id)
    if account is None or account.state != "active":
        return None
    if now_us - microseconds(seen) > RENEW_US:
        with database.transaction() as cursor:
            cursor.execute(SEEN, [timestamp(now_us), digest(token)])
    return account


def end(database: Database, token: str) -> None:
    """Sign out. An unknown token is ignored."""
    with database.transaction() as cursor:
        cursor.execute(END, [digest(token)])


def _account(database: Database, account_id: str) -> Account | None:
    if account_id == LOCAL.account_id:
        return None if accounts.any_exist(database) else LOCAL
    return accounts.by_id(database, account_id)


def create(database: Database, *, actor: str, now_us: int) -> OneTimeLink:
    """A new link; raises `Conflict` once an account exists, because people then sign in by name."""
    if accounts.any_exist(database):
        raise Conflict("one-time link: people sign in with their accounts now (see: fairtrial accounts list)")
    token, expires_us = secrets.token_urlsafe(TOKEN_BYTES), now_us + LINK_LASTS_US
    with database.transaction() as cursor:
        cursor.execute(REMOVE_OLD, [LOCAL.account_id, timestamp(now_us)])
        store_link(cursor, token, LOCAL.account_id, now_us=now_us, expires_us=expires_us)
        audit.append(cursor, now_us=now_us, actor=actor, action="link.create", subject=LOCAL.account_id)
    return OneTimeLink(token, expires_us)


def redeem(database: Database, token: str, *, now_us: int) -> str:
    """End the link and begin a session; returns the session's token.

    Raises `NotFound` for an unknown, used or expired link, and `Conflict` once an account exists.
    """
    if accounts.any_exist(database):
        raise Conflict("this link no longer works, because people sign in with their accounts now")
    local = LOCAL.account_id
    with database.transaction() as cursor:
        used = cursor.execute(USE, {"now": timestamp(now_us), "sha256": digest(token), "account": local}).fetchall()
        if not used:
            raise NotFound("this link was already used or is older than 15 minutes")
        audit.append(cursor, now_us=now_us, actor=local, action="link.use", subject=local)
    return begin(database, local, now_us=now_us)
