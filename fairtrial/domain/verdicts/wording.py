"""Words for verdicts that pages, reports and commands share, so that an unofficial one never looks official."""

from __future__ import annotations

UNOFFICIAL = "Unofficial"


def titled(words: str, *, official: bool) -> str:
    """``SHIP, waiting for release-manager`` of the official gate, and ``Unofficial SHIP`` of another gate."""
    return words if official else f"{UNOFFICIAL} {words}"


def standing_word(*, official: bool) -> str:
    """``official`` or ``unofficial``, for a column."""
    return "official" if official else UNOFFICIAL.lower()
