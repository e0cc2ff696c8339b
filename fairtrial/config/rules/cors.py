"""Checks `gateway.cors`: origins as browsers send them, and never every origin on an open gateway."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from fairtrial.config.addresses import parse_address
from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile

ANY = "*"
PORTS = {"http": 80, "https": 443}
EXAMPLE = "https://app.example or http://localhost:3000"


def wrong_cors(file: ProjectFile) -> Iterator[FieldError]:
    """Origins that no browser sends, and `*` where callers need no key."""
    if file.gateway.cors is None:
        return
    path = ("gateway", "cors", "origins")
    origins = file.gateway.cors.origins
    for place, origin in enumerate(origins):
        if origin == ANY:
            if len(origins) > 1:
                yield FieldError((*path, place), "'*' allows every origin, so no others may be listed with it")
            if _is_open(file):
                wrong = "'*' lets every web page use this open gateway, because it asks for no key"
                yield FieldError((*path, place), wrong, "list the origins, or auth: keys")
        elif (known := _as_browsers_send_it(origin)) != origin:
            yield FieldError((*path, place), f"{origin!r} is not an origin as browsers send it", known or EXAMPLE)


def _is_open(file: ProjectFile) -> bool:
    if file.gateway.auth is not None:
        return file.gateway.auth == "open"
    try:
        return parse_address(file.gateway.bind).loopback
    except ValueError:
        return False


def _as_browsers_send_it(origin: str) -> str:
    """Scheme, host and non-default port (RFC 6454 §6.2); empty for an invalid origin."""
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    plain = host.isascii() and "*" not in host and not any(map(str.isspace, origin))
    if parts.scheme not in PORTS or not host or not plain or parts.username is not None:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None and port != PORTS[parts.scheme] else "")
