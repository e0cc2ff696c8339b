"""Checks sign-in attempts and throttles them, and sets the cookies. Its messages do not reveal which accounts exist."""

import base64
import hmac
import ipaddress
import re
import secrets
import threading
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from fastapi import Request, Response

from fairtrial.domain.accounts import LONGEST_NAME, Account, same_name
from fairtrial.domain.limits.constants import MINUTE_US, SECOND_US
from fairtrial.domain.names.ids import KeyedHash
from fairtrial.store.access import accounts, audit, credentials, passwords
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from gateway.control.context import Owner

WRONG = "Incorrect name or password."
WINDOW_US = 600_000_000
MAX_PER_NAME = 8
"""Attempts for one name from one address."""
MAX_PER_ADDRESS = 20
MAX_PER_DEVICE = 8
MAX_OF_ALL = 60
"""Attempts per minute of all unknown browsers together, because each one computes a slow hash."""
ALL_WINDOW_US = 60_000_000
IPV6_NETWORK = 64
"""The prefix length of the network that one customer usually has."""

SESSION_COOKIE = "fairtrial_session"
DEVICE_COOKIE = "fairtrial_device"
DEVICE_SECRET = "device_secret"  # noqa: S105 - the name of a setting
DEVICE_LASTS_US = 365 * 86_400_000_000
NONCE_BYTES = 16
_DEVICE_FORM = re.compile(r"([0-9a-f-]{36})\.([0-9a-f]{32})\.([0-9]{1,17})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a browser sent. ``device`` is its cookie from an earlier sign-in, or empty."""

    name: str
    password: str
    address: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class SignInOutcome:
    """The account, or an HTTP status with a message."""

    account: Account | None
    status: int = 200
    error: str | None = None


def sign_in(owner: Owner, throttle: "SignInThrottle", given: Credentials) -> SignInOutcome:
    """Check a name and password, unless there were too many attempts."""
    account, stored = accounts.password_of(owner.database, given.name)
    attempt = SignInAttempt(given.name, given.address, _known_device(owner, given, account, stored))
    wait_us = throttle.begin(attempt, now_us=owner.clock_us())
    if wait_us:
        minutes = -(-wait_us // MINUTE_US)
        delay = "a minute" if minutes == 1 else f"{minutes} minutes"
        return SignInOutcome(None, 429, f"Too many attempts. Try again in {delay}.")
    if passwords.verify_password(stored, given.password[: passwords.LONGEST + 1]) and account is not None:
        throttle.succeeded(attempt)
        return SignInOutcome(account)
    if throttle.is_burst(attempt):
        _record_burst(owner, account)
    return SignInOutcome(None, 401, WRONG)


def _known_device(owner: Owner, given: Credentials, account: Account | None, stored: str | None) -> str | None:
    if not given.device or account is None or stored is None:
        return None
    now_us = owner.clock_us()
    return recognise(owner.database, given.device, account.account_id, stored, now_us=now_us)


def _record_burst(owner: Owner, account: Account | None) -> None:
    """An unknown name is not recorded, because it may be a password typed into the wrong field."""
    subject = account.account_id if account else "an unknown name"
    audit.record(owner.database, now_us=owner.clock_us(), actor="control", action="sign_in.burst", subject=subject)


# Throttles sign-in attempts by address, by name and address, and by known device.
#
# No limit applies to a name alone, so password guessers cannot lock out its owner.


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """An attempt for ``name`` from ``address``. ``device`` identifies a browser in which ``name`` signed in before."""

    name: str
    address: str
    device: str | None = None


class SignInThrottle:
    """Counts attempts before they are checked, so that concurrent ones count too. Successful ones are subtracted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: deque[int] = deque()
        self._counted: dict[Hashable, deque[int]] = {}

    def begin(self, attempt: SignInAttempt, *, now_us: int) -> int:
        """Count an attempt. Returns 0, or the microseconds to wait if there were too many attempts."""
        with self._lock:
            self._forget(now_us)
            for key, limit in _limits(attempt):
                times = self._counted.get(key)
                if times is not None and len(times) >= limit:
                    return times[0] + WINDOW_US - now_us
            if attempt.device is None:
                if len(self._all) >= MAX_OF_ALL:
                    return self._all[0] + ALL_WINDOW_US - now_us
                self._all.append(now_us)
            for key, _ in _limits(attempt):
                self._counted.setdefault(key, deque()).append(now_us)
            return 0

    def is_burst(self, attempt: SignInAttempt) -> bool:
        """Whether the attempt just counted was the last one allowed for now."""
        with self._lock:
            return any(len(self._counted.get(key, ())) == limit for key, limit in _limits(attempt))

    def succeeded(self, attempt: SignInAttempt) -> None:
        """Reset the counter of this name and address, and uncount this attempt for the address."""
        with self._lock:
            first, *others = (key for key, _ in _limits(attempt))
            self._counted.pop(first, None)
            for key in others:
                if self._counted.get(key):
                    self._counted[key].pop()
            if attempt.device is None and self._all:
                self._all.pop()

    def _forget(self, now_us: int) -> None:
        _drop(self._all, now_us, lasts_us=ALL_WINDOW_US)
        for times in self._counted.values():
            _drop(times, now_us, lasts_us=WINDOW_US)
        self._counted = {key: times for key, times in self._counted.items() if times}


def _limits(attempt: SignInAttempt) -> Iterator[tuple[Hashable, int]]:
    """The counters of an attempt with their limits, the most specific one first."""
    if attempt.device is not None:
        yield ("device", attempt.device), MAX_PER_DEVICE
        return
    network = _network(attempt.address)
    yield ("pair", same_name(attempt.name[: 2 * LONGEST_NAME]), network), MAX_PER_NAME
    yield ("address", network), MAX_PER_ADDRESS


def _network(address: str) -> str:
    """The IPv4 address, or the IPv6 network, because one host can use any address of its network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, IPV6_NETWORK), strict=False))


def _drop(times: deque[int], now_us: int, *, lasts_us: int) -> None:
    """Drop times that are too old, or in the future after the clock was corrected."""
    while times and abs(now_us - times[0]) >= lasts_us:
        times.popleft()


def set_session(request: Request, answer: Response, token: str) -> None:
    """Set the session cookie, which the browser also sends to the dashboard, because cookies ignore ports."""
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=credentials.SESSION_LASTS_US // SECOND_US,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def set_device(request: Request, answer: Response, value: str) -> None:
    """Set the cookie of a known device, which the browser sends only to the page that checks passwords."""
    answer.set_cookie(
        DEVICE_COOKIE,
        value,
        max_age=DEVICE_LASTS_US // SECOND_US,
        path="/sign-in",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


# Recognises browsers that signed in before by a signed cookie, so that password guessers cannot lock them out.
#
# The cookie holds the account, a random number, the time, and a keyed hash of these and of the stored password hash.
# A new password therefore invalidates all known devices of the account. The cookie alone grants no access.


def remember(database: Database, account_id: str, *, now_us: int) -> str | None:
    """The cookie for a browser in which this account has just signed in; ``None`` for an account without a password."""
    _, stored = accounts.password_of(database, account_id)
    if stored is None:
        return None
    nonce = secrets.token_hex(NONCE_BYTES)
    return f"{account_id}.{nonce}.{now_us}.{_mac(database, account_id, nonce, now_us, stored)}"


def recognise(database: Database, cookie: str, account_id: str, stored: str, *, now_us: int) -> str | None:
    """The device's identifier if its cookie is valid for this account; ``stored`` is the account's password hash."""
    form = _DEVICE_FORM.fullmatch(cookie)
    if form is None or form[1] != account_id:
        return None
    nonce, since_us = form[2], int(form[3])
    if not now_us - DEVICE_LASTS_US < since_us <= now_us:
        return None
    expected = _mac(database, account_id, nonce, since_us, stored)
    return nonce if hmac.compare_digest(form[4], expected) else None


def _mac(database: Database, account_id: str, nonce: str, since_us: int, stored: str) -> str:
    key = bytes.fromhex(named_values.secret(database, DEVICE_SECRET))
    message = "\0".join((account_id, nonce, str(since_us), stored))
    return base64.urlsafe_b64encode(KeyedHash(key).digest(message.encode())).rstrip(b"=").decode()
