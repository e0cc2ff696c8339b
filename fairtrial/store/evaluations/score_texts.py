"""The text parts of a score (failure reasons and details), except the details that statistics are computed from."""

from __future__ import annotations

STATISTICAL_DETAILS = ("label", "expected", "counts", "totals", "sys_len", "ref_len", "statistics")
"""Numbers, and labels that a suite declares. A scorer whose statistics need another detail must list it here."""

_NAMES = ", ".join(f"'{name}'" for name in STATISTICAL_DETAILS)
_PAIRS = ", ".join(f"'{name}', json_extract(details, '$.{name}')" for name in STATISTICAL_DETAILS)

HAS_TEXT = (
    f"(why IS NOT NULL OR NOT list_has_all([{_NAMES}], json_keys(CASE WHEN json_valid(details) THEN details END)))"
)
"""Whether a row of `scores` has any text; may be NULL."""

NUMBERS_ONLY = f"CASE WHEN json_valid(details) THEN json_merge_patch('{{}}', json_object({_PAIRS}))::VARCHAR END"
"""The details without texts."""
