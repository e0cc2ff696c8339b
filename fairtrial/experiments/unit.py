"""Finds the unit of a request in its headers and its body, and computes the pseudonym that is stored for it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.names.ids import UnitHash, keyed_hash
from fairtrial.domain.settings import UnitKind

UNIT_HEADER = "x-fairtrial-unit"
LONGEST_UNIT = 512
"""Characters of a unit, in requests and in feedback: as many as OpenAI's API allows in a value of `metadata`."""
TOO_LONG = "unit_too_long"
SEPARATORS = (",", ":")
PSEUDONYM_HEX = 32

WHAT_TO_SEND: Mapping[UnitKind, str] = {
    "user": f"send the end user's id as `safety_identifier`, `user`, `metadata.user_id` or the header {UNIT_HEADER}",
    "conversation": f"send `metadata.conversation_id` or the header {UNIT_HEADER}, or messages with one of role `user`",
    "request": "nothing: each request is its own unit",
}
"""For the alarm on requests without a unit: what the application should do about it."""


def refuse_longer(unit: str, source: str) -> str:
    """The unit itself; raises `BadRequest`, which names the field or header that it comes from."""
    if len(unit) > LONGEST_UNIT:
        raise BadRequest(f"{source}: a unit has at most {LONGEST_UNIT} characters", param=source, code=TOO_LONG)
    return unit


def find_unit(
    kind: UnitKind,
    *,
    headers: Mapping[str, str],
    body: Mapping[str, Any],
    request_id: str,
    user_headers: Sequence[str] = (),
) -> str | None:
    """The unit of one request, or ``None`` if none of the sources of its kind has one.

    ``headers``: by lower-case name. ``body``: the request's JSON object; only the fields of the kind are read, in their
    order, so a lazy mapping decodes no other. Values that are blank, or neither text nor whole numbers, are ignored,
    and the next source is tried. ``user_headers`` name a user if nothing else does. Raises `BadRequest` for one that is
    too long.
    """
    if kind == "request":
        return request_id
    named = _named_by_header(headers)
    if named is not None:
        return named
    if kind == "conversation":
        return _named_conversation(body) or opening(body.get("messages"))
    by_headers = (_named_by_header(headers, name) for name in user_headers)
    return _user(body) or next(filter(None, by_headers), None)


def named_conversation(headers: Mapping[str, str], body: Mapping[str, Any]) -> str | None:
    """The conversation that a request names explicitly, not one that is identified only by its opening."""
    named = _named_by_header(headers)
    return named if named is not None else _named_conversation(body)


def pseudonym(pepper: str, unit: str) -> UnitHash:
    """What is stored instead of a unit: 128 bits of HMAC-SHA256 keyed by the store's own secret, in hex."""
    return UnitHash(keyed_hash(pepper).digest(unit.encode("utf-8", "surrogatepass")).hex()[:PSEUDONYM_HEX])


def opening(messages: Any) -> str | None:
    """A unit for a conversation without a name: a hash of its messages up to and including the first user's.

    Later turns repeat those messages, so they keep the unit. ``None`` if there is no user's message.
    """
    if not isinstance(messages, list):
        return None
    for end, message in enumerate(messages, 1):
        if isinstance(message, Mapping) and message.get("role") == "user":
            return "opening:" + hashlib.sha256(_canonical(messages[:end])).hexdigest()
    return None


def _user(body: Mapping[str, Any]) -> str | None:
    for name in ("safety_identifier", "user"):
        unit = _text(body.get(name), name)
        if unit is not None:
            return unit
    return _in_metadata(body, "user_id")


def _named_conversation(body: Mapping[str, Any]) -> str | None:
    conversation, source = body.get("conversation"), "conversation"
    if isinstance(conversation, Mapping):
        conversation, source = conversation.get("id"), "conversation.id"
    return _text(conversation, source) or _in_metadata(body, "conversation_id")


def _in_metadata(body: Mapping[str, Any], name: str) -> str | None:
    metadata = body.get("metadata")
    return _text(metadata.get(name), f"metadata.{name}") if isinstance(metadata, Mapping) else None


def _text(value: Any, source: str) -> str | None:
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        value = str(value)
    return refuse_longer(value.strip(), source) or None


def _named_by_header(headers: Mapping[str, str], name: str = UNIT_HEADER) -> str | None:
    """Decode the header as UTF-8. Servers return headers as Latin-1, but a name must be the same unit as in a body."""
    value = headers.get(name)
    if value is None:
        return None
    with suppress(UnicodeError):  # it is not as servers return it
        value = value.encode("latin-1").decode("utf-8")
    return _text(value, name)


def _canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, in UTF-8: the same bytes however the client ordered its fields."""
    text = json.dumps(value, sort_keys=True, separators=SEPARATORS, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")
