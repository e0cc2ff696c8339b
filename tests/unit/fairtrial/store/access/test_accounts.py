"""Accounts: invited once, signed in for a while, shut out at once, and every change in the audit trail."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.domain.accounts import ROLES, Account, Role, may, only_reads
from fairtrial.domain.errors import BadRequest, NotFound, UsageError
from fairtrial.store.access import accounts, audit, credentials, passwords
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from tests.fixtures.for_each import for_each
from tests.fixtures.store.empty_store import NOW

PASSWORD = "correct horse battery"
HOUR_US = 3_600_000_000


def joined(database: Database, name: str = "Rosa") -> Account:
    made = accounts.invite(database, name, "reviewer", actor="Ada", now_us=NOW)
    return accounts.accept(database, made.token, name="", password=PASSWORD, now_us=NOW)


def test_passwords_are_hashed_at_the_cost_that_rfc_9106_recommends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the cheap hashes that the other tests use
    assert passwords.hash_password(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_each_role_may_change_what_those_before_it_may() -> None:
    needed: tuple[Role, ...] = ("reviewer", "release-manager", "admin")
    assert {role: [may(role, each, reading=False) for each in needed] for role in ROLES} == {
        "auditor": [False, False, False],
        "reviewer": [True, False, False],
        "release-manager": [True, True, False],
        "admin": [True, True, True],
    }


def test_an_auditor_reads_what_a_release_manager_reads_and_other_roles_read_what_they_change() -> None:
    for needed in ROLES:
        assert may("auditor", needed, reading=True) == may("release-manager", needed, reading=True)
        for role in set(ROLES) - {"auditor"}:
            assert may(role, needed, reading=True) == may(role, needed, reading=False)
    assert [role for role in ROLES if only_reads(role)] == ["auditor"]


def test_an_invitation_works_once(database: Database) -> None:
    made = accounts.invite(database, "Rosa", "reviewer", actor="Ada", now_us=NOW)
    assert accounts.find_invited(database, made.token, now_us=NOW).name == "Rosa"
    account = accounts.accept(database, made.token, name="Other", password=PASSWORD, now_us=NOW)
    assert (account.name, account.state) == ("Rosa", "active")
    with pytest.raises(NotFound, match="not valid"):
        accounts.accept(database, made.token, name="", password=PASSWORD, now_us=NOW)


def test_an_invitation_ends_after_seven_days(database: Database) -> None:
    made = accounts.invite(database, "Rosa", "reviewer", actor="Ada", now_us=NOW)
    assert accounts.find_invited(database, made.token, now_us=made.expires_us - 1)
    with pytest.raises(NotFound):
        accounts.find_invited(database, made.token, now_us=made.expires_us)
    assert made.expires_us - NOW == 7 * 24 * HOUR_US


@pytest.mark.parametrize(
    ("name", "password"), [("Rosa", "short"), ("Rosa", "aaaaaaaaaaaa"), ("", PASSWORD), ("Rosa", "qwertyuiop")]
)
def test_a_name_or_password_that_will_not_do_uses_no_link_up(database: Database, name: str, password: str) -> None:
    made = accounts.invite(database, None, "reviewer", actor="Ada", now_us=NOW)
    with pytest.raises(BadRequest):
        accounts.accept(database, made.token, name=name, password=password, now_us=NOW)
    assert accounts.accept(database, made.token, name="Rosa", password=PASSWORD, now_us=NOW).name == "Rosa"


@pytest.fixture
def with_rosa(database: Database) -> Database:
    joined(database, "Rosa")
    return database


@for_each("name", ["rosa", "ROSA", " Rosa ", "Ｒosa", "R0sa"])
def test_two_people_have_no_name_that_looks_alike(with_rosa: Database, name: str) -> None:
    with pytest.raises(UsageError, match="taken"):
        accounts.invite(with_rosa, name, "admin", actor="Ada", now_us=NOW)
    open_one = accounts.invite(with_rosa, None, "admin", actor="Ada", now_us=NOW)
    with pytest.raises(UsageError, match="taken"):
        accounts.accept(with_rosa, open_one.token, name=name, password=PASSWORD, now_us=NOW)


@for_each(
    "name",
    ["", "   ", "a" * 81, "Ro\x00sa", "Ro\u202esa", "Ro\ufe0fsa", "local", "Command  Line", "loca1", "\u0410da"],
)
def test_a_name_must_be_readable_and_nobody_else_s(database: Database, name: str) -> None:
    with pytest.raises(BadRequest, match="name"):
        accounts.invite(database, name, "admin", actor="Ada", now_us=NOW)
    assert not accounts.any_exist(database)


def test_a_name_of_another_script_that_reads_like_a_taken_one_is_refused(database: Database) -> None:
    cyrillic_o, cyrillic_c, cyrillic_a = "\u043e", "\u0441", "\u0430"
    accounts.invite(database, "Coca", "admin", actor="Ada", now_us=NOW)
    with pytest.raises(UsageError, match="looks like"):
        accounts.invite(database, cyrillic_c + cyrillic_o + cyrillic_c + cyrillic_a, "admin", actor="x", now_us=NOW)
    assert accounts.invite(database, "\u0410\u0434\u0430", "admin", actor="x", now_us=NOW).name == "\u0410\u0434\u0430"


def test_passwords_and_tokens_are_kept_as_hashes_only(database: Database) -> None:
    made = accounts.invite(database, "Rosa", "reviewer", actor="Ada", now_us=NOW)
    account = accounts.accept(database, made.token, name="", password=PASSWORD, now_us=NOW)
    token = credentials.begin_session(database, account.account_id, now_us=NOW)
    tables = [database.rows(f"SELECT * FROM {table}") for table in ("accounts", "invitations", "sessions", "events")]
    for secret in (PASSWORD, made.token, token):
        assert secret not in str(tables)
    assert "$argon2id$" in str(tables)


def test_only_the_right_password_of_an_active_account_matches(database: Database) -> None:
    joined(database)
    accounts.invite(database, "Invited", "reviewer", actor="Ada", now_us=NOW)
    account, stored = accounts.password_of(database, "ROSA")
    assert account is not None
    assert passwords.verify_password(stored, PASSWORD)
    assert not passwords.verify_password(stored, PASSWORD + "x")
    assert accounts.password_of(database, "Invited") == (None, None)
    assert accounts.password_of(database, "Nobody") == (None, None)
    assert not passwords.verify_password(None, "nobody has this password")
    accounts.disable(database, "Rosa", actor="Ada", now_us=NOW)
    assert accounts.password_of(database, "Rosa") == (None, None)


def test_a_session_ends_when_it_is_idle_or_old(database: Database) -> None:
    rosa = joined(database)
    token = credentials.begin_session(database, rosa.account_id, now_us=NOW)
    assert credentials.account_of_session(database, token, now_us=NOW + 11 * HOUR_US) == rosa
    assert credentials.account_of_session(database, token, now_us=NOW + 22 * HOUR_US) == rosa
    assert credentials.account_of_session(database, token, now_us=NOW + 34 * HOUR_US) is None
    busy = credentials.begin_session(database, rosa.account_id, now_us=NOW)
    for hours in range(11, 7 * 24, 11):
        assert credentials.account_of_session(database, busy, now_us=NOW + hours * HOUR_US) == rosa
    assert credentials.account_of_session(database, busy, now_us=NOW + 7 * 24 * HOUR_US) is None


def test_signing_out_ends_one_session_and_a_reset_ends_all(database: Database) -> None:
    rosa = joined(database)
    here, there = (credentials.begin_session(database, rosa.account_id, now_us=NOW) for _ in range(2))
    credentials.end_session(database, here)
    assert credentials.account_of_session(database, here, now_us=NOW) is None
    assert credentials.account_of_session(database, there, now_us=NOW) == rosa
    link = accounts.reset(database, "Rosa", actor="Ada", now_us=NOW)
    assert credentials.account_of_session(database, there, now_us=NOW) is None
    accounts.accept(database, link.token, name="", password="another long one", now_us=NOW)
    assert accounts.password_of(database, "Rosa")[0] == rosa


@pytest.mark.parametrize("disabled", [False, True])
def test_a_reset_ends_the_old_password_and_the_account_still_counts_for_approvals(
    database: Database, *, disabled: bool
) -> None:
    joined(database)
    if disabled:
        accounts.disable(database, "Rosa", actor="Ada", now_us=NOW + 1)
    before = accounts.holders(database, "reviewer", NOW)
    accounts.reset(database, "Rosa", actor="Ada", now_us=NOW + 2)
    assert accounts.password_of(database, "Rosa") == (None, None)
    assert accounts.find(database, "Rosa").state == "invited"
    assert (before, accounts.holders(database, "reviewer", NOW)) == (1, 1)


def test_whoever_is_disabled_is_out_and_comes_back_only_by_a_new_link(database: Database) -> None:
    rosa = joined(database)
    token = credentials.begin_session(database, rosa.account_id, now_us=NOW)
    old = accounts.reset(database, "Rosa", actor="Ada", now_us=NOW)
    accounts.disable(database, rosa.account_id, actor="Ada", now_us=NOW)
    assert credentials.account_of_session(database, token, now_us=NOW) is None
    with pytest.raises(NotFound):
        accounts.find_invited(database, old.token, now_us=NOW)
    link = accounts.reset(database, "Rosa", actor="Ada", now_us=NOW)
    assert accounts.password_of(database, "Rosa") == (None, None)
    assert accounts.accept(database, link.token, name="", password=PASSWORD, now_us=NOW).state == "active"


def test_a_new_link_ends_the_one_before(database: Database) -> None:
    first = accounts.invite(database, "Rosa", "reviewer", actor="Ada", now_us=NOW)
    second = accounts.reset(database, "Rosa", actor="Ada", now_us=NOW)
    with pytest.raises(NotFound):
        accounts.find_invited(database, first.token, now_us=NOW)
    assert accounts.find_invited(database, second.token, now_us=NOW)


def test_every_change_is_in_the_audit_trail(database: Database) -> None:
    rosa = joined(database)
    accounts.set_role(database, "Rosa", "admin", actor="Ada", now_us=NOW)
    accounts.disable(database, "Rosa", actor="Ada", now_us=NOW)
    accounts.reset(database, "Rosa", actor="Ada", now_us=NOW)
    entries = [(row["actor"], row["action"], row["subject"]) for row in database.dicts(audit.listing(Page()))]
    assert entries[::-1] == [
        ("Ada", "account.invite", rosa.account_id),
        ("Rosa", "account.accept", rosa.account_id),
        ("Ada", "account.role", rosa.account_id),
        ("Ada", "account.disable", rosa.account_id),
        ("Ada", "account.reset", rosa.account_id),
    ]
    assert audit.first_broken_entry(database) is None


def test_an_unknown_account_or_role_is_an_error(database: Database) -> None:
    with pytest.raises(UsageError, match="accounts list"):
        accounts.disable(database, "Nobody", actor="Ada", now_us=NOW)
    joined(database)
    with pytest.raises(UsageError, match="release-manager"):
        accounts.set_role(database, "Rosa", "king", actor="Ada", now_us=NOW)  # type: ignore[arg-type]


def test_accounts_survive_a_restart(tmp_path: Path) -> None:
    from fairtrial.config.layout import Layout

    layout = Layout(tmp_path / "again.duckdb").make()
    first = Database.open(layout)
    rosa = joined(first)
    token = credentials.begin_session(first, rosa.account_id, now_us=NOW)
    first.close()
    second = Database.open(layout)
    assert credentials.account_of_session(second, token, now_us=NOW) == rosa
    second.close()


def test_a_change_whose_entry_can_not_be_written_does_not_happen(database: Database) -> None:
    made = accounts.invite(database, "Rosa", "reviewer", actor="meg", now_us=NOW)
    unwritable = "\ud800"
    with pytest.raises(Exception, match="UTF-8"):
        accounts.set_role(database, "Rosa", "admin", actor=unwritable, now_us=NOW)
    with pytest.raises(Exception, match="UTF-8"):
        accounts.disable(database, "Rosa", actor=unwritable, now_us=NOW)
    account = accounts.find(database, made.account_id)
    assert (account.role, account.state) == ("reviewer", "invited")
    assert accounts.find_invited(database, made.token, now_us=NOW) == account
