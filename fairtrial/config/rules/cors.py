"""Checks `gateway.cors`: origins as browsers send them, and never every origin on an open gateway."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile
from fairtrial.domain.names.addresses import origin_of

ANY = "*"
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
        elif (known := origin_of(origin)) != origin:
            yield FieldError((*path, place), f"{origin!r} is not an origin as browsers send it", known or EXAMPLE)


def _is_open(file: ProjectFile) -> bool:
    try:
        return file.gateway.access == "open"
    except ValueError:
        return False
