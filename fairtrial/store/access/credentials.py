"""Creates and ends API keys, browser sessions and one-time links, of which the store has only hashes."""

import secrets

from fairtrial.api.keys import CreateKey
from fairtrial.domain.accounts import LOCAL, RIGHTS, Account, NewKey, OneTimeLink
from fairtrial.domain.errors import Conflict, NotFound, UsageError, control_character
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.plan import Key
from fairtrial.store.access import accounts, audit
from fairtrial.store.access.accounts import TOKEN_BYTES, store_link, token_digest
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query, timestamp

SECRET_BYTES = 32
ID_BYTES = 6

LIST_KEYS = """
SELECT key_id, name, rights, routes, created_time, expires_time, revoked_time
FROM keys
ORDER BY created_time DESC, key_id
LIMIT $1 OFFSET $2
"""
VALID_KEYS = (
    "SELECT key_id, name, sha256, rights, routes, expires_time FROM keys WHERE revoked_time IS NULL ORDER BY key_id"
)
REVOKE_KEY = "UPDATE keys SET revoked_time = ? WHERE key_id = ? AND revoked_time IS NULL RETURNING key_id"
SESSION_IDLE_US = 12 * 3_600_000_000
SESSION_LASTS_US = 7 * 86_400_000_000
SESSION_RENEW_US = 300_000_000
"""How often a session's last use is written at most, because reading a page should write nothing."""

FIND_SESSION = "SELECT account_id, seen_time FROM sessions WHERE sha256 = ? AND created_time > ? AND seen_time > ?"
SESSION_SEEN = "UPDATE sessions SET seen_time = ? WHERE sha256 = ?"
END_SESSION = "DELETE FROM sessions WHERE sha256 = ?"
END_OLD_SESSIONS = "DELETE FROM sessions WHERE created_time <= ? OR seen_time <= ?"
LINK_LASTS_US = 15 * 60_000_000
REMOVE_OLD_LINKS = "DELETE FROM invitations WHERE account_id = ? AND (expires_time <= ? OR ended_time IS NOT NULL)"
USE_LINK = """
UPDATE invitations SET ended_time = $now
WHERE sha256 = $sha256 AND account_id = $account AND ended_time IS NULL AND expires_time > $now
RETURNING sha256
"""


def create_key(database: Database, request: CreateKey, *, now_us: int) -> NewKey:
    """Create a key; raises `UsageError` for an unknown right or a name with control characters."""
    name, rights, routes, expires_us = request.name, request.rights, request.routes, request.expires_us
    unknown = [right for right in rights if right not in RIGHTS]
    if unknown:
        raise UsageError(f"keys: unknown right {unknown[0]!r} (known: {', '.join(RIGHTS)})")
    for text in (name, *routes):
        if (odd := control_character(text)) is not None:
            raise UsageError(f"keys: {text!r} holds the control character {odd} (use visible characters)")
    key_id = secrets.token_hex(ID_BYTES)
    secret = f"ft-{key_id}-{secrets.token_urlsafe(SECRET_BYTES)}"
    may = {"rights": list(rights), "routes": list(routes)}
    times = {"created_time": timestamp(now_us), "expires_time": None if expires_us is None else timestamp(expires_us)}
    with database.transaction() as cursor:
        cursor.insert("keys", key_id=key_id, name=name, sha256=token_digest(secret), **may, **times)
    return NewKey(key_id, name, secret, rights, routes, expires_us)


def list_keys(limit: int = 1000, offset: int = 0) -> Query:
    """All keys, including revoked ones, newest first, without hashes."""
    return Query(LIST_KEYS, (limit, offset))


def valid_keys(database: Database) -> tuple[Key, ...]:
    """The keys that are not revoked, in the form that the gateway gets."""
    return tuple(database.values(Key, VALID_KEYS))


def revoke_key(database: Database, key_id: str, *, now_us: int) -> None:
    """Revoke a key; raises `UsageError` if there is no valid key with this id."""
    with database.transaction() as cursor:
        done = cursor.execute(REVOKE_KEY, [timestamp(now_us), key_id]).fetchall()
    if not done:
        raise UsageError(f"keys: there is no valid key {key_id!r} (see: fairtrial keys list)")


def begin_session(database: Database, account_id: str, *, now_us: int) -> str:
    """Begin a session and return its token of 256 random bits; only the hash is stored. Deletes expired sessions."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with database.transaction() as cursor:
        cursor.execute(END_OLD_SESSIONS, [timestamp(now_us - SESSION_LASTS_US), timestamp(now_us - SESSION_IDLE_US)])
        times = {"created_time": timestamp(now_us), "seen_time": timestamp(now_us)}
        cursor.insert("sessions", sha256=token_digest(token), account_id=account_id, **times)
    return token


def account_of_session(database: Database, token: str, *, now_us: int) -> Account | None:
    """The account that signed in with this token; ``None`` if the session is over or the account may not sign in."""
    rows = database.rows(
        FIND_SESSION, [token_digest(token), timestamp(now_us - SESSION_LASTS_US), timestamp(now_us - SESSION_IDLE_US)]
    )
    if not rows:
        return None
    account_id, seen = rows[0]
    account = _account(database, account_id)
    if account is None or account.state != "active":
        return None
    if now_us - microseconds(seen) > SESSION_RENEW_US:
        with database.transaction() as cursor:
            cursor.execute(SESSION_SEEN, [timestamp(now_us), token_digest(token)])
    return account


def end_session(database: Database, token: str) -> None:
    """Sign out. An unknown token is ignored."""
    with database.transaction() as cursor:
        cursor.execute(END_SESSION, [token_digest(token)])


def _account(database: Database, account_id: str) -> Account | None:
    if account_id == LOCAL.account_id:
        return None if accounts.any_exist(database) else LOCAL
    return accounts.by_id(database, account_id)


def create_link(database: Database, *, actor: str, now_us: int) -> OneTimeLink:
    """A new link; raises `Conflict` once an account exists, because people then sign in by name."""
    if accounts.any_exist(database):
        raise Conflict("one-time link: people sign in with their accounts now (see: fairtrial accounts list)")
    token, expires_us = secrets.token_urlsafe(TOKEN_BYTES), now_us + LINK_LASTS_US
    with database.transaction() as cursor:
        cursor.execute(REMOVE_OLD_LINKS, [LOCAL.account_id, timestamp(now_us)])
        store_link(cursor, token, LOCAL.account_id, now_us=now_us, expires_us=expires_us)
        audit.append(cursor, now_us=now_us, actor=actor, action="link.create", subject=LOCAL.account_id)
    return OneTimeLink(token, expires_us)


def redeem_link(database: Database, token: str, *, now_us: int) -> str:
    """End the link and begin a session; returns the session's token.

    Raises `NotFound` for an unknown, used or expired link, and `Conflict` once an account exists.
    """
    if accounts.any_exist(database):
        raise Conflict("this link no longer works, because people sign in with their accounts now")
    local = LOCAL.account_id
    with database.transaction() as cursor:
        used = cursor.execute(
            USE_LINK, {"now": timestamp(now_us), "sha256": token_digest(token), "account": local}
        ).fetchall()
        if not used:
            raise NotFound("this link was already used or is older than 15 minutes")
        audit.append(cursor, now_us=now_us, actor=local, action="link.use", subject=local)
    return begin_session(database, local, now_us=now_us)
