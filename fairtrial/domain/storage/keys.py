"""Defines what a new API key may do, and the key as it is shown once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Right = Literal["complete", "feedback", "pin", "see_variant", "admin"]
"""The rights of keys: query models, send feedback, force an arm or deployment, see the arm in headers, use control."""

RIGHTS: tuple[Right, ...] = ("complete", "feedback", "pin", "see_variant", "admin")
DEFAULT_RIGHTS: tuple[Right, ...] = ("complete", "feedback")


# A `Key` has the hash of the secret instead, and is published to the workers.
@dataclass(frozen=True, slots=True)
class NewKey:
    """A newly created key. ``secret`` is the whole text that callers send; it is never shown again."""

    key_id: str
    name: str
    secret: str
    rights: tuple[Right, ...]
    routes: tuple[str, ...]
    expires_us: int | None
