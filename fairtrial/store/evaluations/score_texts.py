"""What of a score is text: why it could not be had, and its details but for the few that figures come from."""

from __future__ import annotations

KEPT_DETAILS = ("label", "expected", "counts", "totals", "sys_len", "ref_len", "statistics")
"""Numbers, and labels, which a suite declares; a scorer whose figures need another detail names it here."""

_NAMES = ", ".join(f"'{name}'" for name in KEPT_DETAILS)
_PAIRS = ", ".join(f"'{name}', json_extract(details, '$.{name}')" for name in KEPT_DETAILS)

HAS_TEXT = (
    f"(why IS NOT NULL OR NOT list_has_all([{_NAMES}], json_keys(CASE WHEN json_valid(details) THEN details END)))"
)
"""Whether a row of `scores` has any; may be NULL."""

NUMBERS_ONLY = f"CASE WHEN json_valid(details) THEN json_merge_patch('{{}}', json_object({_PAIRS}))::VARCHAR END"
"""The details without texts."""
