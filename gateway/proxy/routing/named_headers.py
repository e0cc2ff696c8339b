"""Headers in which a caller names a unit or tags: control characters in them are refused, before the body is read."""

from __future__ import annotations

import re

from fairtrial.domain.errors import BadRequest
from fairtrial.experiments.units import UNIT_HEADER
from gateway.proxy.wire.headers import TAGS_HEADER, Headers

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
"""As `control_character` has them, in UTF-8."""


def refuse_control_characters(headers: Headers) -> None:
    """`BadRequest` if one of these headers holds a control character."""
    for name in (UNIT_HEADER, TAGS_HEADER):
        value = headers.raw.get(name)
        if value is not None and _CONTROL.search(value) is not None:
            raise BadRequest(f"{name}: holds a control character", param=name, code="control_character")
