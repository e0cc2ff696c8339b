"""Names what became of a case, in the words that the dashboard and the command line share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from fairtrial.domain.plurals import counted

Grade = Literal["right", "wrong", "unscored"]
"""A case of one run, by one metric."""
Change = Literal["lost", "gained", "same", "both wrong", "unscored"]
"""A case of two runs, by one metric."""

GRADES: Mapping[str, str] = {"right": "right", "wrong": "wrong", "unscored": "unscored"}
CHANGES: Mapping[Change, str] = {
    "lost": "lost: only the baseline is right",
    "gained": "gained: only the candidate is right",
    "same": "same",
    "both wrong": "both wrong",
    "unscored": "unscored in one run",
}
OUTCOMES: Mapping[str, str] = {
    "scored": "answered and scored",
    "off_format": "answered in the wrong format",
    "refused": "the model refused",
    "truncated": "truncated at its limit",
    "provider_error": "no answer from the provider",
    "judge_error": "a scorer failed",
    "skipped": "not sent to the model",
}
IN_POINTS = "Differences are candidate − baseline over the same cases, with 95 % intervals; for shares in points."
UNADJUSTED = "Each interval holds by itself; it is not adjusted for choosing the best of several candidates."
"""What a reader has to know about the comparisons of more than one candidate."""
TEXT_DELETED = "deleted, because it is older than the retention period"
TEXT_NOT_STORED = "not stored, because the run is from an earlier version"


def noise_floor_in_words(changed: int, n: int, metric: str | None) -> str:
    """How many of ``n`` cases change by a metric where nothing but chance differs."""
    if metric is None:
        return "Noise floor: the baseline answered again, but no metric has values of single cases."
    cases = f"{changed:,} of {counted(n, 'case')}"
    return f"Noise floor: {cases} change by {metric} where the baseline answers the same suite again."
