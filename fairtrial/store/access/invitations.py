"""Invitations: a link that works once and for a week, by which its holder sets a password."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from fairtrial.domain.accounts import Account, Invitation, Role, proper_name
from fairtrial.domain.errors import NotFound
from fairtrial.domain.ids import ENTROPY_BYTES, uuid7
from fairtrial.store.access import accounts, audit, passwords
from fairtrial.store.access.accounts import END_INVITATIONS, END_SESSIONS
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import at

TOKEN_BYTES = 32
LASTS_US = 7 * 86_400_000_000

INSERT_ACCOUNT = """
INSERT INTO accounts (account_id, name, role, password, created_time, disabled_time) VALUES (?, ?, ?, NULL, ?, NULL)
"""
INSERT = (
    "INSERT INTO invitations (sha256, account_id, created_time, expires_time, ended_time) VALUES (?, ?, ?, ?, NULL)"
)
VALID = "SELECT account_id FROM invitations WHERE sha256 = ? AND ended_time IS NULL AND expires_time > ?"
ENABLE = "UPDATE accounts SET disabled_time = NULL, password = NULL WHERE account_id = ? AND disabled_time IS NOT NULL"
SET = "UPDATE accounts SET name = ?, password = ? WHERE account_id = ?"


def invite(database: Database, name: str | None, role: Role, *, actor: str, now_us: int) -> Invitation:
    """Make an account without a password, and the link to it; no name lets the person choose one.

    Raises `BadRequest` for a name that will not do and `UsageError` for one that is taken.
    """
    role = accounts.known_role(role)
    wanted = None if name is None else proper_name(name)
    account_id = uuid7(now_us // 1000, secrets.token_bytes(ENTROPY_BYTES))
    with database.writing() as cursor:
        if wanted is not None:
            accounts.refuse_taken(cursor, wanted)
        cursor.execute(INSERT_ACCOUNT, [account_id, wanted, role, at(now_us)])
        made = _link(cursor, Account(account_id, wanted, role, "invited"), now_us)
        _record(cursor, "account.invite", account_id, actor=actor, now_us=now_us)
    return made


def reset(database: Database, who: str, *, actor: str, now_us: int) -> Invitation:
    """A new link for an account: the links before it end, the password lasts until the new one is set.

    A disabled account is enabled again, without its old password. Raises `UsageError` if there is none.
    """
    found = accounts.find(database, who)
    with database.writing() as cursor:
        cursor.execute(ENABLE, [found.account_id])
        cursor.execute(END_INVITATIONS, [at(now_us), found.account_id])
        made = _link(cursor, found, now_us)
        _record(cursor, "account.reset", found.account_id, actor=actor, now_us=now_us)
    return made


def invited(database: Database, token: str, *, now_us: int) -> Account:
    """Whose link this is; `NotFound` if it never was one, was used, or has expired: the message doesn't say which."""
    with database.looking() as cursor:
        account_id = _valid(cursor, token, at(now_us))
    found = accounts.by_id(database, account_id)
    if found is None:
        raise _void()
    return found


def accept(database: Database, token: str, *, name: str, password: str, now_us: int) -> Account:
    """Set the password, and the name if it was left open; ends the link and every session of the account.

    Raises `NotFound` as `invited` does, and `BadRequest` or `UsageError` for a name or password that will not do: the
    link then works on.
    """
    account = invited(database, token, now_us=now_us)
    chosen = account.name or proper_name(name)
    hashed = passwords.hashed(passwords.proper_password(password, name=chosen))
    with database.writing() as cursor:
        account_id = _valid(cursor, token, at(now_us))
        if account.name is None:
            accounts.refuse_taken(cursor, chosen)
        cursor.execute(SET, [chosen, hashed, account_id])
        cursor.execute(END_INVITATIONS, [at(now_us), account_id])
        cursor.execute(END_SESSIONS, [account_id])
        _record(cursor, "account.accept", account_id, actor=chosen, now_us=now_us)
    return accounts.find(database, account_id)


def _link(cursor: Cursor, account: Account, now_us: int) -> Invitation:
    token, expires_us = secrets.token_urlsafe(TOKEN_BYTES), now_us + LASTS_US
    cursor.execute(INSERT, [digest(token), account.account_id, at(now_us), at(expires_us)])
    return Invitation(account.account_id, account.name, account.role, token, expires_us)


def digest(token: str) -> str:
    """What is stored of a token: a fast hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _valid(cursor: Cursor, token: str, now: datetime) -> str:
    row: Any = cursor.execute(VALID, [digest(token), now]).fetchone()
    if row is None:
        raise _void()
    return str(row[0])


def _void() -> NotFound:
    return NotFound("this invitation is not valid: it was used, or is older than seven days; ask for a new one")


def _record(cursor: Cursor, action: str, account_id: str, *, actor: str, now_us: int) -> None:
    audit.append(cursor, now_us=now_us, actor=actor, action=action, subject=account_id)
