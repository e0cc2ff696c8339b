"""Stores people's accounts, with their roles and states, and records every change in the audit trail."""

from __future__ import annotations

from fairtrial.domain.accounts import ROLES, Account, Role, may, same_name
from fairtrial.domain.errors import UsageError
from fairtrial.domain.names.look_alikes import look_alike
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Query, timestamp

STATE = "CASE WHEN disabled_time IS NOT NULL THEN 'disabled' WHEN password IS NULL THEN 'invited' ELSE 'active' END"
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
    found = _found(database, who)
    if found is None:
        raise UsageError(f"accounts: there is none named {who!r} (see: fairtrial accounts list)")
    return found


def by_id(database: Database, account_id: str) -> Account | None:
    """The account with this id, in any state."""
    return next(iter(database.values(Account, ONE, [account_id])), None)


def password_of(database: Database, who: str) -> tuple[Account | None, str | None]:
    """The account with this name and its password hash, for signing in; ``None`` if it may not sign in."""
    found = _found(database, who)
    if found is None or found.state != "active":
        return None, None
    return found, database.value(PASSWORD, [found.account_id])


def disable(database: Database, who: str, *, actor: str, now_us: int) -> Account:
    """Disable an account and end all its sessions; what the person did stays. Raises `UsageError` if there is none."""
    found = find(database, who)
    with database.transaction() as cursor:
        cursor.execute(DISABLE, [timestamp(now_us), found.account_id])
        cursor.execute(END_INVITATIONS, [timestamp(now_us), found.account_id])
        cursor.execute(END_SESSIONS, [found.account_id])
        audit.append(cursor, now_us=now_us, actor=actor, action="account.disable", subject=found.account_id)
    return find(database, found.account_id)


def set_role(database: Database, who: str, role: Role, *, actor: str, now_us: int) -> Account:
    """Change an account's role, from the next request on; raises `UsageError`."""
    found, role = find(database, who), parse_role(role)
    subject, details = found.account_id, {"from": found.role, "to": role}
    with database.transaction() as cursor:
        cursor.execute(SET_ROLE, [role, found.account_id])
        audit.append(cursor, now_us=now_us, actor=actor, action="account.role", subject=subject, details=details)
    return find(database, found.account_id)


def parse_role(text: str) -> Role:
    """Parse the name of a role; raises `UsageError`."""
    for role in ROLES:
        if role == text:
            return role
    raise UsageError(f"role: there is no role {text!r} (known: {', '.join(ROLES)})")


def require_free_name(cursor: Cursor, name: str) -> None:
    """Raise `UsageError` if an account has this name or one that looks like it."""
    names = (row[1] for row in cursor.execute(ALL).fetchall() if row[1] is not None)
    if any(same_name(name) == same_name(other) or look_alike(name, other) for other in names):
        raise UsageError(f"accounts: the name {name!r} is taken, or looks like one that is")


def _found(database: Database, who: str) -> Account | None:
    with database.read_cursor() as cursor:
        return _search(cursor, who)


def _search(cursor: Cursor, who: str) -> Account | None:
    return next(iter(cursor.values(Account, ONE, [who])), None) or _named(cursor, who)


def _named(cursor: Cursor, name: str) -> Account | None:
    wanted = same_name(name)
    return next(
        (one for one in cursor.values(Account, ALL) if one.name is not None and same_name(one.name) == wanted), None
    )
