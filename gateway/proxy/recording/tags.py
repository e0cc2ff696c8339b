"""Tags of a request: ``x-fairtrial-tags: team=search,release=7``, a few short words, kept with the request."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.domain.plan import Capture
from gateway.proxy.recording.redaction import redact_text
from gateway.proxy.wire.headers import TAGS_HEADER

MAX_TAGS = 16
MAX_LENGTH = 128


def read_tags(headers: Mapping[str, str], capture: Capture) -> dict[str, str]:
    """The tags; what is not ``name=value`` is passed over. Redacted like a body, unless all is captured."""
    line = headers.get(TAGS_HEADER)
    if not line:
        return {}
    tags: dict[str, str] = {}
    for part in line.split(",")[:MAX_TAGS]:
        name, equals, value = part.partition("=")
        if equals and name.strip():
            tags[name.strip()[:MAX_LENGTH]] = value.strip()[:MAX_LENGTH]
    return tags if capture == "full" else {redact_text(name): redact_text(value) for name, value in tags.items()}
