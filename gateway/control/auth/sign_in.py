"""Checks a sign-in attempt. Its messages do not reveal which accounts exist."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.accounts import Account
from fairtrial.domain.limits.constants import MINUTE_US
from fairtrial.store.access import accounts, audit, passwords
from gateway.control.auth import known_device
from gateway.control.auth.sign_in_throttle import SignInAttempt, SignInThrottle
from gateway.control.context import Owner

WRONG = "Incorrect name or password."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a browser sent. ``device`` is its cookie from an earlier sign-in, or empty."""

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


def sign_in(owner: Owner, throttle: SignInThrottle, given: Credentials) -> Outcome:
    """Check a name and password, unless there were too many attempts."""
    account, stored = accounts.password_of(owner.database, given.name)
    attempt = SignInAttempt(given.name, given.address, _known_device(owner, given, account, stored))
    wait_us = throttle.begin(attempt, now_us=owner.clock_us())
    if wait_us:
        minutes = -(-wait_us // MINUTE_US)
        delay = "a minute" if minutes == 1 else f"{minutes} minutes"
        return Outcome(None, 429, f"Too many attempts. Try again in {delay}.")
    if passwords.verify_password(stored, given.password[: passwords.LONGEST + 1]) and account is not None:
        throttle.succeeded(attempt)
        return Outcome(account)
    if throttle.is_burst(attempt):
        _record_burst(owner, account)
    return Outcome(None, 401, WRONG)


def _known_device(owner: Owner, given: Credentials, account: Account | None, stored: str | None) -> str | None:
    if not given.device or account is None or stored is None:
        return None
    now_us = owner.clock_us()
    return known_device.recognise(owner.database, given.device, account.account_id, stored, now_us=now_us)


def _record_burst(owner: Owner, account: Account | None) -> None:
    """An unknown name is not recorded, because it may be a password typed into the wrong field."""
    subject = account.account_id if account else "an unknown name"
    audit.record(owner.database, now_us=owner.clock_us(), actor="control", action="sign_in.burst", subject=subject)
