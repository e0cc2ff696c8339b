"""Stores people's accounts, with roles and states, and the invitations by which people set a password."""

import hashlib
import secrets
from datetime import datetime

from fairtrial.domain.accounts import ROLES, Account, Invitation, Role, may, same_name
from fairtrial.domain.errors import NotFound, UsageError
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.names.look_alikes import look_alike, proper_name
from fairtrial.store.access import audit, passwords
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Query, timestamp

STATE = """
CASE WHEN disabled_time IS NOT NULL THEN 'disabled' WHEN coalesce(password, '') = '' THEN 'invited' ELSE 'active' END
"""
ANY = "SELECT count(*) > 0 FROM accounts"
ALL = f"SELECT account_id, name, role, {STATE} AS state FROM accounts ORDER BY created_time, account_id"  # noqa: S608 - a constant
ONE = f"SELECT account_id, name, role, {STATE} AS state FROM accounts WHERE account_id = ?"  # noqa: S608 - a constant
PASSWORD = "SELECT password FROM accounts WHERE account_id = ? AND disabled_time IS NULL"  # noqa: S105 - no password
LIST = f"""
SELECT account_id, name, role, {STATE} AS state, created_time, disabled_time,
    (SELECT max(seen_time) FROM sessions WHERE sessions.account_id = accounts.account_id) AS seen_time
FROM accounts
ORDER BY created_time, account_id
LIMIT $1 OFFSET $2
"""  # noqa: S608 - a constant
HOLDERS = """
SELECT role, count(*)
FROM accounts
WHERE password IS NOT NULL AND created_time <= $1 AND (disabled_time IS NULL OR disabled_time > $1)
GROUP BY role
"""
DISABLE = "UPDATE accounts SET disabled_time = ? WHERE account_id = ?"
SET_ROLE = "UPDATE accounts SET role = ? WHERE account_id = ?"
END_SESSIONS = "DELETE FROM sessions WHERE account_id = ?"
END_INVITATIONS = "UPDATE invitations SET ended_time = ? WHERE account_id = ? AND ended_time IS NULL"
TOKEN_BYTES = 32
LASTS_US = 7 * 86_400_000_000
VALID = "SELECT account_id FROM invitations WHERE sha256 = ? AND ended_time IS NULL AND expires_time > ?"
END_PASSWORD = "UPDATE accounts SET disabled_time = NULL, password = left(password, 0) WHERE account_id = ?"  # noqa: S105 - no password
"""An account that had a password has an empty one then, so that `HOLDERS` still counts it at earlier times."""
SET = "UPDATE accounts SET name = ?, password = ? WHERE account_id = ?"


def any_exist(database: Database) -> bool:
    """Whether there is any account, in any state. From the first account on, everyone must sign in."""
    return bool(database.value(ANY))


def holders(database: Database, role: Role, at_us: int) -> int:
    """How many accounts that are not disabled at this time have a role that includes ``role``."""
    rows = database.rows(HOLDERS, (timestamp(at_us),))
    return sum(count for held, count in rows if may(held, role, reading=False))


def listing(limit: int = 1000, offset: int = 0) -> Query:
    """All accounts, including disabled ones, oldest first, without hashes."""
    return Query(LIST, (limit, offset))


def find(database: Database, who: str) -> Account:
    """The account with this name or id; raises `UsageError` if there is none."""
    account = _find(database, who)
    if account is None:
        raise UsageError(f"accounts: there is none named {who!r} (see: fairtrial accounts list)")
    return account


def by_id(database: Database, account_id: str) -> Account | None:
    """The account with this id, in any state."""
    return next(iter(database.values(Account, ONE, [account_id])), None)


def password_of(database: Database, who: str) -> tuple[Account | None, str | None]:
    """The account with this name and its password hash, for signing in; ``None`` if it may not sign in."""
    account = _find(database, who)
    if account is None or account.state != "active":
        return None, None
    return account, database.value(PASSWORD, [account.account_id])


def disable(database: Database, who: str, *, actor: str, now_us: int) -> Account:
    """Disable an account and end all its sessions; what the person did stays. Raises `UsageError` if there is none."""
    account = find(database, who)
    with database.transaction() as cursor:
        cursor.execute(DISABLE, [timestamp(now_us), account.account_id])
        cursor.execute(END_INVITATIONS, [timestamp(now_us), account.account_id])
        cursor.execute(END_SESSIONS, [account.account_id])
        audit.append(cursor, now_us=now_us, actor=actor, action="account.disable", subject=account.account_id)
    return find(database, account.account_id)


def set_role(database: Database, who: str, role: Role, *, actor: str, now_us: int) -> Account:
    """Change an account's role, from the next request on; raises `UsageError`."""
    account, role = find(database, who), parse_role(role)
    subject, details = account.account_id, {"from": account.role, "to": role}
    with database.transaction() as cursor:
        cursor.execute(SET_ROLE, [role, account.account_id])
        audit.append(cursor, now_us=now_us, actor=actor, action="account.role", subject=subject, details=details)
    return find(database, account.account_id)


def parse_role(text: str) -> Role:
    """Parse the name of a role; raises `UsageError`."""
    for role in ROLES:
        if role == text:
            return role
    raise UsageError(f"role: there is no role {text!r} (known: {', '.join(ROLES)})")


def require_free_name(cursor: Cursor, name: str) -> None:
    """Raise `UsageError` if an account has this name or one that looks like it."""
    names = (row[1] for row in cursor.execute(ALL).fetchall() if row[1] is not None)
    if any(same_name(name) == same_name(taken) or look_alike(name, taken) for taken in names):
        raise UsageError(f"accounts: the name {name!r} is taken, or looks like one that is")


def _find(database: Database, who: str) -> Account | None:
    with database.read_cursor() as cursor:
        return next(iter(cursor.values(Account, ONE, [who])), None) or _named(cursor, who)


def _named(cursor: Cursor, name: str) -> Account | None:
    normal = same_name(name)
    return next(
        (
            account
            for account in cursor.values(Account, ALL)
            if account.name is not None and same_name(account.name) == normal
        ),
        None,
    )


def invite(database: Database, name: str | None, role: Role, *, actor: str, now_us: int) -> Invitation:
    """Create an account without a password, and the link to it. Without a name, the person chooses one.

    Raises `BadRequest` for an invalid name and `UsageError` for a taken one.
    """
    role = parse_role(role)
    invited_name = None if name is None else proper_name(name)
    account_id = id_at(now_us)
    with database.transaction() as cursor:
        if invited_name is not None:
            require_free_name(cursor, invited_name)
        cursor.insert("accounts", account_id=account_id, name=invited_name, role=role, created_time=timestamp(now_us))
        made = _link(cursor, Account(account_id, invited_name, role, "invited"), now_us)
        _record(cursor, "account.invite", account_id, actor=actor, now_us=now_us)
    return made


def reset(database: Database, who: str, *, actor: str, now_us: int) -> Invitation:
    """Create a new link for an account. Earlier links, the old password and every session end at once.

    A disabled account is enabled again. Raises `UsageError` if there is no such account.
    """
    account = find(database, who)
    with database.transaction() as cursor:
        cursor.execute(END_PASSWORD, [account.account_id])
        cursor.execute(END_SESSIONS, [account.account_id])
        cursor.execute(END_INVITATIONS, [timestamp(now_us), account.account_id])
        made = _link(cursor, account, now_us)
        _record(cursor, "account.reset", account.account_id, actor=actor, now_us=now_us)
    return made


def find_invited(database: Database, token: str, *, now_us: int) -> Account:
    """The account of this link. Raises `NotFound` without saying whether the link is unknown, used or expired."""
    with database.read_cursor() as cursor:
        account_id = _valid(cursor, token, timestamp(now_us))
    account = by_id(database, account_id)
    if account is None:
        raise _void()
    return account


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
            require_free_name(cursor, chosen)
        cursor.execute(SET, [chosen, hashed, account_id])
        cursor.execute(END_INVITATIONS, [timestamp(now_us), account_id])
        cursor.execute(END_SESSIONS, [account_id])
        _record(cursor, "account.accept", account_id, actor=chosen, now_us=now_us)
    return find(database, account_id)


def _link(cursor: Cursor, account: Account, now_us: int) -> Invitation:
    token, expires_us = secrets.token_urlsafe(TOKEN_BYTES), now_us + LASTS_US
    store_link(cursor, token, account.account_id, now_us=now_us, expires_us=expires_us)
    return Invitation(account.account_id, account.name, account.role, token, expires_us)


def store_link(cursor: Cursor, token: str, account_id: str, *, now_us: int, expires_us: int) -> None:
    """Store a link to an account until it expires, within the caller's transaction."""
    times = {"created_time": timestamp(now_us), "expires_time": timestamp(expires_us)}
    cursor.insert("invitations", sha256=token_digest(token), account_id=account_id, **times)


def token_digest(token: str) -> str:
    """The stored form of a token or a key. A fast hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _valid(cursor: Cursor, token: str, now: datetime) -> str:
    account_id = cursor.value(VALID, [token_digest(token), now])
    if account_id is None:
        raise _void()
    return str(account_id)


def _void() -> NotFound:
    return NotFound("this invitation is not valid: it was used or is older than seven days; ask for a new one")


def _record(cursor: Cursor, action: str, account_id: str, *, actor: str, now_us: int) -> None:
    audit.append(cursor, now_us=now_us, actor=actor, action=action, subject=account_id)
