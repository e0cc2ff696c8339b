"""The condition that selects the requests to analyse, shared by all figures: they count for the assigned arm."""

from __future__ import annotations

REASONS = "('assigned', 'fallback', 'kill', 'continued')"
ANALYSED = f"enrolled AND reason IN {REASONS}"
"""A condition over columns of `requests`; ``enrolled`` is NULL without an exposure."""
