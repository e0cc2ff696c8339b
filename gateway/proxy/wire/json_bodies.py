"""Parses JSON bodies: decodes only a request's top level, and reads lone surrogates, which msgspec refuses."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.limits.canonical_json import refuse_constant
from fairtrial.domain.limits.json_limits import DECODED, FIELD, UNCOUNTED, UNCOUNTED_TOP, refuse_excess
from gateway.proxy.wire.http import Headers

_SPACE = re.compile(r"[ \t\r\n]*")
_TOP = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder(Any)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OPENING = 1_000
"""How many messages are searched for the first one from the user."""

_TRUE = b"true"
PROMPTS = ("messages", "input", "prompt", "instructions", "previous_response_id", "conversation")
"""The fields that hold what a model was asked, in any of the endpoints."""

DIGESTED = 2**20
"""Bytes of a field that are digested. Of a larger one it is the first and the last half of this, and its length."""

_NULL = b"null"


_DECODER = json.JSONDecoder(parse_constant=refuse_constant)


def decode_leniently(raw: bytes | msgspec.Raw) -> Any:
    """The whole value; `ValueError` (of which `UnicodeDecodeError` is one) or `RecursionError` if it isn't JSON."""
    return _DECODER.decode(bytes(raw).decode())


def split_object(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """An object's values by name, each as undecoded bytes; `ValueError` if it is not a JSON object."""
    if not isinstance(decode_leniently(raw), dict):
        raise ValueError("not an object")
    text = bytes(raw).decode()
    fields: dict[str, msgspec.Raw] = {}
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        fields[name] = msgspec.Raw(text[start:end].encode())
        at = _next(text, end)
    return fields


def split_array(raw: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """An array's elements, each as undecoded bytes; `ValueError` if it is not a JSON array."""
    if not isinstance(decode_leniently(raw), list):
        raise ValueError("not an array")
    text = bytes(raw).decode()
    elements: list[msgspec.Raw] = []
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        elements.append(msgspec.Raw(text[at:end].encode()))
        at = _next(text, end)
    return elements


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _next(text: str, end: int) -> int:
    """The position of the next element or of the closing bracket, after a comma if there is one."""
    at = _skip(text, end)
    return _skip(text, at + 1) if text[at] == "," else at


_LABELS = tuple((name, name.encode() + b" %d:") for name in PROMPTS)
"""What stands before each of them in their digest."""


class RequestBody(msgspec.Struct):
    """A request body. ``fields``: in their order, each value as raw JSON; ``model`` and ``stream``: decoded.

    ``strict``: whether all of it is known to be JSON, which Python's own decoder does not require. ``names_format``:
    whether it names a format for its output, in the field of a chat or of the Responses API.
    """

    body: bytes
    fields: dict[str, msgspec.Raw]
    model: str
    stream: bool
    strict: bool = False
    names_format: bool = False

    @property
    def wants_usage(self) -> bool:
        """Whether the client itself requested the usage chunk at the end of a stream."""
        options = decode_field(self.fields, "stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


class LazyFields(Mapping[str, Any]):
    """The fields of a body, each decoded on access, because a unit seldom needs more than one of them.

    ``messages`` has only the messages up to and including the first one from the user, which identify a conversation.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, msgspec.Raw]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> Any:
        return _decoded(name, self._fields[name])

    def get(self, name: str, default: Any = None) -> Any:
        raw = self._fields.get(name)
        return default if raw is None else _decoded(name, raw)

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def parse_body(body: bytes) -> RequestBody:
    """Decode the top level of a body; `BadRequest` if it isn't a JSON object with a non-empty string ``model``."""
    if len(body) >= UNCOUNTED_TOP:
        refuse_excess(body, DECODED)
    fields, strict = _top_level(body)
    if len(fields) > DECODED.top:
        refuse_excess(body, DECODED)
    model = decode_field(fields, "model")
    if not isinstance(model, str) or not model:
        known = "missing" if "model" not in fields else "empty" if model == "" else "not a string"
        raise BadRequest(f"model: is {known} (send the name of a route)", param="model", code="invalid_model")
    stream = fields.get("stream")
    streams = stream is not None and bytes(stream).strip() == _TRUE
    return RequestBody(body, fields, model, streams, strict, "response_format" in fields or "text" in fields)


def decode_field(fields: dict[str, msgspec.Raw], name: str) -> Any:
    """One field's value, or ``None`` if it is absent."""
    raw = fields.get(name)
    return None if raw is None else _decode(name, raw)


def _top_level(body: bytes) -> tuple[dict[str, msgspec.Raw], bool]:
    try:
        return _TOP.decode(body), True
    except msgspec.ValidationError:
        raise BadRequest("body: is not a JSON object", code="invalid_json") from None
    except UnicodeDecodeError:
        raise BadRequest("body: is not valid UTF-8", code="invalid_json") from None
    except msgspec.DecodeError as error:
        return _top_level_leniently(body, str(error)), False
    except RecursionError:
        raise BadRequest("body: is nested too deeply", code="invalid_json") from None


def _top_level_leniently(body: bytes, why: str) -> dict[str, msgspec.Raw]:
    refuse_excess(body, DECODED)  # Python's decoder takes fifty times as long
    try:
        return split_object(body)
    except ValueError:
        raise BadRequest(f"body: is not valid JSON ({why})", code="invalid_json") from None
    except RecursionError:
        raise BadRequest("body: is nested too deeply", code="invalid_json") from None


def _decode(name: str, raw: msgspec.Raw) -> Any:
    if memoryview(raw).nbytes >= UNCOUNTED:
        refuse_excess(bytes(raw), FIELD, where=name)
    try:
        return _ANY.decode(raw)
    except UnicodeDecodeError:
        raise BadRequest("body: is not valid UTF-8", code="invalid_json") from None
    except msgspec.DecodeError:
        return _decode_leniently(raw)
    except RecursionError:
        raise BadRequest("body: is nested too deeply", code="invalid_json") from None


def _decoded(name: str, raw: msgspec.Raw) -> Any:
    """The value of a field as `LazyFields` gives it."""
    return _opening(raw) if name == "messages" else _decode(name, raw)


def _opening(raw: msgspec.Raw) -> list[Any] | None:
    """The messages up to and including the first user's; `None` if they are not a list."""
    opening = []
    for message in (elements(raw) or [])[:_OPENING]:
        opening.append(_decode("messages", message))
        if isinstance(opening[-1], dict) and opening[-1].get("role") == "user":
            break
    return opening or None


def elements(raw: msgspec.Raw) -> list[msgspec.Raw] | None:
    """A list's elements as they came; ``None`` if it is not a list."""
    try:
        return _LIST.decode(raw)
    except (msgspec.ValidationError, RecursionError):
        return None
    except msgspec.DecodeError:
        pass
    try:
        return split_array(raw)
    except (ValueError, RecursionError):
        return None


def _decode_leniently(raw: msgspec.Raw) -> Any:
    try:
        return decode_leniently(raw)
    except (ValueError, RecursionError):
        raise BadRequest("body: is not valid JSON", code="invalid_json") from None


def require_json(headers: Headers) -> None:
    """Refuse a body that is not declared as plain JSON. This also keeps foreign web pages from posting to loopback."""
    if headers.raw.get("content-type") == b"application/json" and "content-encoding" not in headers.raw:
        return
    declared = headers.text("content-type").partition(";")[0].strip().lower()
    if declared != "application/json" and not declared.endswith("+json"):
        raise BadRequest(
            f"content-type: {declared or 'none'} can't be read here (send application/json)",
            code="unsupported_content_type",
        )
    if headers.text("content-encoding").lower() not in ("", "identity"):
        raise BadRequest(
            "content-encoding: compressed bodies can't be read here (send identity)",
            code="unsupported_content_encoding",
        )


def prompt_digest(pepper: str, fields: Mapping[str, msgspec.Raw]) -> str | None:
    """128 bits of a digest of the prompt, in hex, keyed by the store's secret; ``None`` if there is no prompt.

    Two requests have the same if the same fields hold the same bytes.
    """
    digest = None
    for name, label in _LABELS:
        if name in fields and ((raw := memoryview(fields[name])).nbytes > len(_NULL) or raw != _NULL):
            digest = digest or _keyed(pepper).copy()
            digest.update(label % raw.nbytes)
            if raw.nbytes > DIGESTED:
                digest.update(raw[: DIGESTED // 2])
                raw = raw[-DIGESTED // 2 :]
            digest.update(raw)
    return None if digest is None else digest.hexdigest()


@lru_cache(maxsize=8)
def _keyed(pepper: str) -> blake2b:
    key = blake2b(pepper.encode("utf-8", "surrogatepass"), digest_size=32, person=b"prompt").digest()
    return blake2b(key=key, digest_size=16)
