"""Makes and reads tokens with which the reader of one answer may vote on it, from a page that has no API key."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from fairtrial.domain.errors import BadRequest, NotAuthenticated
from fairtrial.domain.names.ids import KeyedHash, keyed_hash
from gateway.proxy.plan.routing_table import ANYONE, GatewayCaller, Routing
from gateway.proxy.stages import Authenticated

VOTE_HEADER = "x-fairtrial-vote"
USUAL_SECONDS, MOST_SECONDS = 3_600, 7 * 86_400
MOST_KEYS, LONGEST_KEY = 10, 200
LONGEST_TOKEN = 4_096
_FORM = f"name keys of feedback, such as `thumbs, reason; max-age=600` (at most {MOST_KEYS} keys, {MOST_SECONDS} s)"
_PURPOSE = b"tokens of votes, form 1"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for in its header: the keys of feedback that may be sent, and for how many seconds."""

    keys: tuple[str, ...]
    seconds: int


class Ballot(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a token allows: a value of these keys for one request, in the name of an API key, until ``expires_s``."""

    request_id: str
    key_id: str | None
    keys: tuple[str, ...]
    expires_s: int


@lru_cache(maxsize=64)
def read_wish(header: str) -> Wish:
    """The wish in a header; raises `BadRequest`."""
    names, _, parameter = header.partition(";")
    keys = tuple(name.strip() for name in names.split(","))
    seconds = parameter.strip().removeprefix("max-age=") if parameter else str(USUAL_SECONDS)
    sound = seconds.isascii() and seconds.isdigit() and len(seconds) < 8 and 0 < int(seconds) <= MOST_SECONDS
    if not sound or len(keys) > MOST_KEYS or not all(0 < len(key) <= LONGEST_KEY for key in keys):
        raise BadRequest(f"{VOTE_HEADER}: {_FORM}", code="invalid_vote_header")
    return Wish(keys, int(seconds))


def require_votable(request: Authenticated) -> None:
    """Raise `BadRequest` for a wish that can't be read, and `NotAllowed` for a key that may not send feedback."""
    read_wish(request.received.headers[VOTE_HEADER])
    request.caller.require("feedback")


def vote_line(request: Authenticated) -> bytes:
    """The header line with the token of a request that asked for one."""
    received, wish = request.received, read_wish(request.received.headers[VOTE_HEADER])
    expires_s = received.at_us // 1_000_000 + wish.seconds
    ballot = Ballot(received.request_id, request.caller.key_id, wish.keys, expires_s)
    return b"%b: %b\r\n" % (VOTE_HEADER.encode(), write_token(request.routing.published.pepper, ballot).encode())


def write_token(pepper: str, ballot: Ballot) -> str:
    """The ballot and its HMAC-SHA256, by a key that the store's secret gives for this purpose alone."""
    content = urlsafe_b64encode(msgspec.json.encode(ballot)).rstrip(b"=")
    return (content + b"." + _code(pepper, content)).decode()


def read_token(routing: Routing, token: str, *, now_us: int) -> tuple[Ballot, GatewayCaller]:
    """What the token allows, and who made the request; `NotAuthenticated` for a wrong, foreign or expired one."""
    content, _, code = token.encode("utf-8", "surrogatepass").partition(b".")
    if len(token) > LONGEST_TOKEN or not hmac.compare_digest(code, _code(routing.published.pepper, content)):
        raise NotAuthenticated("vote: the token is not valid here", code="invalid_vote_token")
    ballot = msgspec.json.decode(urlsafe_b64decode(content + b"=" * (-len(content) % 4)), type=Ballot)
    if ballot.expires_s * 1_000_000 <= now_us:
        raise NotAuthenticated("vote: the token has expired", code="vote_token_expired")
    caller = _caller(routing, ballot.key_id, now_us)
    if caller is None:
        raise NotAuthenticated("vote: the API key of the answer is no longer valid", code="invalid_vote_token")
    return ballot, caller


def _caller(routing: Routing, key_id: str | None, now_us: int) -> GatewayCaller | None:
    if routing.published.auth == "open":
        return ANYONE if key_id is None else None
    found: Any = (caller for caller in routing.keys.values() if key_id is not None and caller.key_id == key_id)
    caller: GatewayCaller | None = next(found, None)
    expires_us = None if caller is None or caller.key is None else caller.key.expires_us
    return caller if expires_us is None or expires_us > now_us else None


def _code(pepper: str, content: bytes) -> bytes:
    return urlsafe_b64encode(_purpose(pepper).digest(content)).rstrip(b"=")


def _purpose(pepper: str) -> KeyedHash:
    return keyed_hash(keyed_hash(pepper).digest(_PURPOSE).hex())
