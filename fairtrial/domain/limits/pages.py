"""Limits of listings."""

from __future__ import annotations

LARGEST_PAGE = 10_000
LARGEST_OFFSET = 10**12
END_OF_TIME_US = 4_102_444_800_000_000
"""The year 2100, for a window without an end."""
