"""Tells finds that identify nobody and open nothing: local and documentation addresses, and placeholders in URLs.

Recording masks these, too, because a mask costs nothing there. An audit does not name them, and a repair keeps them,
because training data needs ``127.0.0.1`` as it is.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

HARMLESS = (
    "addresses of local networks and of documentation, such as 127.0.0.1 and 192.0.2.1, and numbers of versions",
    "placeholders in URLs, such as user:password@",
)
"""What recording masks, and audits, repairs, reports and exports leave as it is."""

_BEFORE = 20
"""Bytes before an address in which a word for a version may stand."""

_VERSION = re.compile(
    rb"(?i)(?:version|release|revision|firmware|build|update|driver|ver|v)s?\.?(?: is| to)?[ :=]{0,2}\Z"
)
_REQUIREMENT = re.compile(rb"[=<>~!^]=? ?\Z")
_PLACEHOLDER = re.compile(
    rb"(?i)(?:(?:my|your|some|the|db|database)[_-]?)?(?:user(?:[_-]?(?:name|id))?|usr|u|login|name|foo)?"
    rb":(?:(?:my|your|some|the|db|database|user)[_-]?)?(?:pass(?:word|wd|phrase)?|pwd?|p|secret|bar|x{3,}|\.{3})"
)
"""User and password as documentation writes them."""


def is_harmless(kind: str, look: bytes, start: int, end: int) -> bool:
    """Whether a find of a kind identifies nobody and opens nothing."""
    if kind == "ip":
        return (
            look[start:end] == b"1.2.3.4"
            or _is_local(look[start:end])
            or _is_version(look[max(0, start - _BEFORE) : start])
        )
    return kind == "password" and _PLACEHOLDER.fullmatch(look, start, end) is not None


def _is_local(address: bytes) -> bool:
    """Whether IANA reserves the address for this machine, for local networks or for documentation."""
    try:
        return not ip_address(address.decode().rstrip(".")).is_global
    except ValueError:
        return False


def _is_version(before: bytes) -> bool:
    return bool(_VERSION.search(before) or _REQUIREMENT.search(before))
