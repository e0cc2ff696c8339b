"""Creates and redeems links that sign in one browser as this machine's user, until the first account exists."""

from __future__ import annotations

import secrets

from fairtrial.domain.accounts import LOCAL, OneTimeLink
from fairtrial.domain.errors import Conflict, NotFound
from fairtrial.store.access import accounts, audit, sessions
from fairtrial.store.access.invitations import TOKEN_BYTES, digest, store_link
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp

LASTS_US = 15 * 60_000_000

REMOVE_OLD = "DELETE FROM invitations WHERE account_id = ? AND (expires_time <= ? OR ended_time IS NOT NULL)"
USE = """
UPDATE invitations SET ended_time = $now
WHERE sha256 = $sha256 AND account_id = $account AND ended_time IS NULL AND expires_time > $now
RETURNING sha256
"""


def create(database: Database, *, actor: str, now_us: int) -> OneTimeLink:
    """A new link; raises `Conflict` once an account exists, because people then sign in by name."""
    if accounts.any_exist(database):
        raise Conflict("one-time link: people sign in with their accounts now (see: fairtrial accounts list)")
    token, expires_us = secrets.token_urlsafe(TOKEN_BYTES), now_us + LASTS_US
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
    return sessions.begin(database, local, now_us=now_us)
