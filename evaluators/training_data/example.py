"""Defines a training example: the messages of one row, the last of which is the completion, and its other fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a training file, whatever its format.

    ``line``: its line in the file, or its position in a JSON list, from 1. ``messages``: each has ``role`` and
    ``content``; the last is the assistant's completion. ``fields``: everything else of the row, with ``metadata``
    flattened in. What else a message has (such as ``weight``) is in the field ``message_fields``, by its position.
    """

    line: int
    messages: tuple[Mapping[str, str], ...]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> str:
        """The system prompt, or an empty text."""
        return "\n".join(said["content"] for said in self.messages if said["role"] in ("system", "developer"))

    @property
    def prompt(self) -> str:
        """The text of all messages except the system prompt and the completion."""
        return "\n".join(said["content"] for said in self.messages[:-1] if said["role"] not in ("system", "developer"))

    @property
    def completion(self) -> str:
        """The text that the model learns to write."""
        return self.messages[-1]["content"]

    @property
    def labels(self) -> Mapping[str, Any]:
        """The completion as a JSON object, or an empty mapping if it is not one."""
        text = self.completion.strip()
        if not (text.startswith("{") and text.endswith("}")):
            return {}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}
