"""Which exposures count for the arm that their unit was assigned: the one condition that all figures share."""

from __future__ import annotations

REASONS = "('assigned', 'fallback', 'kill', 'continued')"
ANALYSED = f"enrolled AND reason IN {REASONS}"
"""Over columns of `exposures`."""
