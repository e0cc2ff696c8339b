"""Creates and redeems invitations: links that are valid once, for a week, and let their holder set a password."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from fairtrial.domain.accounts import Account, Invitation, Role, proper_name
from fairtrial.domain.errors import NotFound
from fairtrial.domain.names.ids import ENTROPY_BYTES, uuid7
from fairtrial.store.access import accounts, audit, passwords
from fairtrial.store.access.accounts import END_INVITATIONS, END_SESSIONS
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp

TOKEN_BYTES = 32
LASTS_US = 7 * 86_400_000_000

VALID = "SELECT account_id FROM invitations WHERE sha256 = ? AND ended_time IS NULL AND expires_time > ?"
ENABLE = "UPDATE accounts SET disabled_time = NULL, password = NULL WHERE account_id = ? AND disabled_time IS NOT NULL"
SET = "UPDATE accounts SET name = ?, password = ? WHERE account_id = ?"


def invite(database: Database, name: str | None, role: Role, *, actor: str, now_us: int) -> Invitation:
    """Create an account without a password, and the link to it. Without a name, the person chooses one.

    Raises `BadRequest` for an invalid name and `UsageError` for a taken one.
    """
    role = accounts.parse_role(role)
    wanted = None if name is None else proper_name(name)
    account_id = uuid7(now_us // 1000, secrets.token_bytes(ENTROPY_BYTES))
    with database.transaction() as cursor:
        if wanted is not None:
            accounts.require_free_name(cursor, wanted)
        cursor.insert("accounts", account_id=account_id, name=wanted, role=role, created_time=timestamp(now_us))
        made = _link(cursor, Account(account_id, wanted, role, "invited"), now_us)
        _record(cursor, "account.invite", account_id, actor=actor, now_us=now_us)
    return made


def reset(database: Database, who: str, *, actor: str, now_us: int) -> Invitation:
    """Create a new link for an account. Earlier links end; the old password works until the new one is set.

    A disabled account is enabled again, without its old password. Raises `UsageError` if there is no such account.
    """
    found = accounts.find(database, who)
    with database.transaction() as cursor:
        cursor.execute(ENABLE, [found.account_id])
        cursor.execute(END_INVITATIONS, [timestamp(now_us), found.account_id])
        made = _link(cursor, found, now_us)
        _record(cursor, "account.reset", found.account_id, actor=actor, now_us=now_us)
    return made


def find_invited(database: Database, token: str, *, now_us: int) -> Account:
    """The account of this link. Raises `NotFound` without saying whether the link is unknown, used or expired."""
    with database.read_cursor() as cursor:
        account_id = _valid(cursor, token, timestamp(now_us))
    found = accounts.by_id(database, account_id)
    if found is None:
        raise _void()
    return found


def accept(database: Database, token: str, *, name: str, password: str, now_us: int) -> Account:
    """Set the password, and the name if it is still open; ends the link and every session of the account.

    Raises `NotFound` as `find_invited` does, and `BadRequest` or `UsageError` for an invalid name or password. The link
    then stays valid.
    """
    account = find_invited(database, token, now_us=now_us)
    chosen = account.name or proper_name(name)
    hashed = passwords.hash_password(passwords.require_acceptable(password, name=chosen))
    with database.transaction() as cursor:
        account_id = _valid(cursor, token, timestamp(now_us))
        if account.name is None:
            accounts.require_free_name(cursor, chosen)
        cursor.execute(SET, [chosen, hashed, account_id])
        cursor.execute(END_INVITATIONS, [timestamp(now_us), account_id])
        cursor.execute(END_SESSIONS, [account_id])
        _record(cursor, "account.accept", account_id, actor=chosen, now_us=now_us)
    return accounts.find(database, account_id)


def _link(cursor: Cursor, account: Account, now_us: int) -> Invitation:
    token, expires_us = secrets.token_urlsafe(TOKEN_BYTES), now_us + LASTS_US
    store_link(cursor, token, account.account_id, now_us=now_us, expires_us=expires_us)
    return Invitation(account.account_id, account.name, account.role, token, expires_us)


def store_link(cursor: Cursor, token: str, account_id: str, *, now_us: int, expires_us: int) -> None:
    """Store a link to an account until it expires, within the caller's transaction."""
    times = {"created_time": timestamp(now_us), "expires_time": timestamp(expires_us)}
    cursor.insert("invitations", sha256=digest(token), account_id=account_id, **times)


def digest(token: str) -> str:
    """The stored form of a token. A fast hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _valid(cursor: Cursor, token: str, now: datetime) -> str:
    account_id = cursor.value(VALID, [digest(token), now])
    if account_id is None:
        raise _void()
    return str(account_id)


def _void() -> NotFound:
    return NotFound("this invitation is not valid: it was used or is older than seven days; ask for a new one")


def _record(cursor: Cursor, action: str, account_id: str, *, actor: str, now_us: int) -> None:
    audit.append(cursor, now_us=now_us, actor=actor, action=action, subject=account_id)
