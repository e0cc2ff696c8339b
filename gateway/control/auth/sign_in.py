"""One attempt to sign in: counted, checked, and answered in words that do not say who has an account."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.accounts import Account
from fairtrial.store.access import accounts, audit, passwords
from gateway.control.auth import known_device
from gateway.control.auth.sign_in_throttle import Attempt, Attempts
from gateway.control.background.background_work import Keeper

MINUTE_US = 60_000_000
WRONG = "This name and password do not belong together."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a browser sent; ``device``: its cookie of an earlier sign-in, or nothing."""

    name: str
    password: str
    address: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The account, or an HTTP status with a message."""

    account: Account | None
    status: int = 200
    error: str | None = None


def sign_in(keeper: Keeper, attempts: Attempts, given: Credentials) -> Outcome:
    """Check a name and its password, unless there were too many attempts."""
    account, stored = accounts.password_of(keeper.database, given.name)
    attempt = Attempt(given.name, given.address, _known_device(keeper, given, account, stored))
    wait_us = attempts.begin(attempt, now_us=keeper.clock_us())
    if wait_us:
        minutes = -(-wait_us // MINUTE_US)
        again = "a minute" if minutes == 1 else f"{minutes} minutes"
        return Outcome(None, 429, f"There were too many tries. Try again in {again}.")
    if passwords.matches(stored, given.password[: passwords.LONGEST + 1]) and account is not None:
        attempts.succeeded(attempt)
        return Outcome(account)
    if attempts.is_burst(attempt):
        _record_burst(keeper, account)
    return Outcome(None, 401, WRONG)


def _known_device(keeper: Keeper, given: Credentials, account: Account | None, stored: str | None) -> str | None:
    if not given.device or account is None or stored is None:
        return None
    now_us = keeper.clock_us()
    return known_device.recognise(keeper.database, given.device, account.account_id, stored, now_us=now_us)


def _record_burst(keeper: Keeper, account: Account | None) -> None:
    """Without the name that was typed if nobody has it: it may be a password in the wrong field."""
    subject = account.account_id if account else "an unknown name"
    audit.record(keeper.database, now_us=keeper.clock_us(), actor="control", action="sign_in.burst", subject=subject)
