"""Reads the path of a request once: decoded, with a single meaning, and in one spelling from then on.

RFC 3986 §6.2.2 says which spellings of a path are equivalent. Servers go beyond it in different ways: some decode
twice, resolve dot segments after decoding, or cut off parameters. A path that such a server reads differently is
refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import normalize
from urllib.parse import quote, unquote_to_bytes

import httptools

from fairtrial.domain.errors import BadRequest, NotFound

SHOWN = 200
"""Characters of a path that an error message repeats."""

NAMES_WITH_SLASHES = b"/v1/models/"
"""Below this prefix the rest is one name. The official client encodes the slashes in it."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH = re.compile(rb"%2[fF]")
_SAFE = "-._~!$&'()*+,=:@"
_STRUCTURE = "/\\%;?#."
_SCHEMES = (b"http", b"https")


@dataclass(frozen=True, slots=True)
class RequestPath:
    """``path``: decoded; ``raw``: the same in its one encoded spelling; ``query``: as it came, without the ``?``."""

    path: str
    raw: bytes
    query: bytes


def read_path(method: bytes, target: bytes) -> RequestPath:
    """The path of a request target; `BadRequest` if servers could read it in different ways."""
    raw, query = _split(target)
    names = method in (b"GET", b"HEAD") and raw.startswith(NAMES_WITH_SLASHES)
    if wrong := _wrong_bytes(raw, slashes=names):
        raise _ambiguous(raw, wrong)
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise _ambiguous(raw, "is not UTF-8 when it is decoded") from None
    if wrong := _wrong_text(path):
        raise _ambiguous(raw, wrong)
    return RequestPath(path, quote(path, safe="/" + _SAFE).encode(), query)


def shown(path: str) -> str:
    """A path as an error message repeats it."""
    return path[:SHOWN]


def folded(text: str) -> str:
    """The text as a server reads it that ignores case and normalises Unicode."""
    return normalize("NFKC", text).casefold()


def _split(target: bytes) -> tuple[bytes, bytes]:
    """Path and query as they came; of an absolute URL (RFC 9112 §3.2.2) the part behind the host."""
    if b"#" in target:
        raise _ambiguous(target, "has a fragment (#), which is never sent to a server")
    if not target.startswith(b"/"):
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            raise _no_path(target) from None
        if (url.schema or b"").lower() not in _SCHEMES:
            raise _no_path(target)
        return url.path or b"/", url.query or b""
    path, _, query = target.partition(b"?")
    return path, query


def _wrong_bytes(raw: bytes, *, slashes: bool) -> str:
    if _BAD_ESCAPE.search(raw):
        return "has a % that does not start an escape"
    if not slashes and _ENCODED_SLASH.search(raw):
        return "has an encoded slash"
    return ""


def _wrong_text(path: str) -> str:
    """What a server would read differently that decodes twice, ignores case, or normalises Unicode."""
    if "%" in path:
        return "changes when it is decoded twice"
    if "\\" in path:
        return "has a backslash"
    if ";" in path:
        return "has parameters (;)"
    if not path.isprintable():
        return "has a control character or an invisible one"
    if not path.isascii():
        plain = normalize("NFKC", path)
        if any(plain.count(sign) != path.count(sign) for sign in _STRUCTURE):
            return "has a character that is a separator when it is normalised"
    for segment in path.split("/"):
        if segment and not segment.strip(". "):
            return "has a dot segment"
        if segment != segment.strip():
            return "has a space at the end of a segment"
    return ""


def _ambiguous(raw: bytes, wrong: str) -> BadRequest:
    return BadRequest(f"path: {shown(raw.decode('latin-1'))!r} {wrong}", code="ambiguous_path")


def _no_path(target: bytes) -> NotFound:
    return NotFound(f"Invalid URL ({shown(target.decode('latin-1'))})", code="unknown_url")
