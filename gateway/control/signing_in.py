"""One try to sign in: counted, checked, and told in words that say nothing about who has an account."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.accounts import Account
from fairtrial.store import accounts, audit, passwords
from gateway.control.attempts import Attempts
from gateway.control.keeper import Keeper

MINUTE_US = 60_000_000
WRONG = "This name and password do not belong together."


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it: the account, or an HTTP status with what to tell."""

    account: Account | None
    status: int = 200
    error: str | None = None


def sign_in(keeper: Keeper, attempts: Attempts, name: str, password: str) -> Attempt:
    """Check a name and its password, unless there were too many tries."""
    wait_us = attempts.begin(name, now_us=keeper.clock_us())
    if wait_us:
        minutes = -(-wait_us // MINUTE_US)
        again = "a minute" if minutes == 1 else f"{minutes} minutes"
        return Attempt(None, 429, f"There were too many tries. Try again in {again}.")
    account, stored = accounts.password_of(keeper.database, name)
    if passwords.matches(stored, password[: passwords.LONGEST + 1]) and account is not None:
        attempts.succeeded(name)
        return Attempt(account)
    if attempts.is_burst(name):
        _record_burst(keeper, account)
    return Attempt(None, 401, WRONG)


def _record_burst(keeper: Keeper, account: Account | None) -> None:
    """Without the name that was typed if nobody has it: it may be a password in the wrong field."""
    subject = account.account_id if account else "an unknown name"
    audit.record(keeper.database, now_us=keeper.clock_us(), actor="control", action="sign_in.burst", subject=subject)
