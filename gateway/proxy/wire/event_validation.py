"""Whether clients can read a stream's events: what is no JSON would fail in them, and not with an error of the API."""

from __future__ import annotations

import re

import msgspec

from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.wire import lenient_json

_JSON = msgspec.json.Decoder(msgspec.Raw)
_NAMED = re.compile(rb"(?:\A|[\r\n])event:")


def is_one_chunk(piece: bytes) -> bool:
    """Whether this is one event of one line with an object of JSON, as nearly all pieces are."""
    if not piece.startswith(b"data: {") or piece.find(b"\n") != len(piece) - 2:
        return False
    try:
        _JSON.decode(piece[6:-2])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def is_json(body: bytes) -> bool:
    """Whether a whole body is JSON."""
    try:
        _JSON.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _is_json_slowly(body)
    return True


def can_be_read(event: bytes, data: bytes) -> bool:
    """Whether a client can read an event with this data; one with a name is passed over by those who don't know it."""
    if not data or data == b"[DONE]" or _NAMED.search(event) is not None:
        return True
    return is_json(data)


def _is_json_slowly(data: bytes) -> bool:
    if excess(data, DECODED) is not None:
        return True  # more than is looked at here
    try:
        lenient_json.decode(data)
    except ValueError:
        return False
    except RecursionError:  # nested more deeply than is looked at here
        return True
    return True
