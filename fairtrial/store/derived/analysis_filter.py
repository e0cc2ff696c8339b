"""The condition that selects the exposures to analyse, shared by all figures: they count for the assigned arm."""

from __future__ import annotations

REASONS = "('assigned', 'fallback', 'kill', 'continued')"
ANALYSED = f"enrolled AND reason IN {REASONS}"
"""A condition over columns of `exposures`."""
