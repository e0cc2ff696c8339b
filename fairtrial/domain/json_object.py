"""Reads a text that may hold a JSON object."""

import json
from typing import Any


def json_object(text: Any) -> dict[str, Any] | None:
    """The object that this text or these bytes hold as JSON; ``None`` if they hold none, or if there is no text."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
