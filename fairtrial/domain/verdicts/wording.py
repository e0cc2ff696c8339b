"""Words for verdicts that pages, reports and commands share, so that an unofficial one never looks official."""

from __future__ import annotations

from collections.abc import Iterable

UNOFFICIAL = "Unofficial"


def titled(words: str, *, official: bool) -> str:
    """``SHIP, waiting for release-manager`` of the official gate, and ``Unofficial SHIP`` of another gate."""
    return words if official else f"{UNOFFICIAL} {words}"


def approval_of(verdict_id: str, roles: Iterable[str]) -> str:
    """``the approval of release-manager (fairtrial verdict approve ID --why …)``, which a verdict needs."""
    return f"the approval of {' and '.join(roles)} (fairtrial verdict approve {verdict_id} --why …)"


def standing_word(*, official: bool) -> str:
    """``official`` or ``unofficial``, for a column."""
    return "official" if official else UNOFFICIAL.lower()
