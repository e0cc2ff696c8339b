"""Defines the words that pages and commands share: plurals, ages, times and durations, and the outcomes of cases."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

MINUTE_S, SIX_DAYS_US = 60, 6 * 86_400_000_000
UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))
Grade = Literal["right", "wrong", "unscored"]
"""A case of one run, by one metric."""
Change = Literal["lost", "gained", "same", "both wrong", "unscored"]
"""A case of two runs, by one metric."""

GRADES: Mapping[Grade, str] = {"right": "right", "wrong": "wrong", "unscored": "unscored"}
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
WITHOUT_CONTROL = (
    "Traffic is still served and recorded, and on control's machine `fairtrial experiment kill NAME --why …` still "
    "stops an experiment."
)
"""What works while control does not answer."""
TEXT_DELETED = "deleted, because it is older than the retention period"
TEXT_NOT_STORED = "not stored, because the run is from an earlier version"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 case``, ``1,200 cases``; ``plural`` if it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def drawn_pairs(judged: int, equal: int) -> str:
    """``40 pairs, 12 of them with equal answers counted as ties``; ``judged``: the pairs that people judge."""
    return f"{counted(judged + equal, 'pair')}{equal_pairs(equal)}"


def equal_pairs(equal: int) -> str:
    """``, 12 of them with equal answers counted as ties``, or nothing."""
    return f", {equal:,} of them with equal answers counted as {'a tie' if equal == 1 else 'ties'}" if equal else ""


def rows_by_table(counts: Mapping[str, int]) -> str:
    """``2 looks, 1 analysis plan``; tables without rows are left out."""
    return ", ".join(
        counted(count, table.replace("_", " ").removesuffix("s")) for table, count in counts.items() if count
    )


def age(then_us: int, now_us: int) -> str:
    """``3 days ago``, ``just now``; times are microseconds since 1970, UTC."""
    seconds = (now_us - then_us) // 1_000_000
    return next((f"{counted(seconds // size, noun)} ago" for noun, size in UNITS if seconds >= size), "just now")


def noise_floor_in_words(changed: int, n: int, metric: str | None) -> str:
    """How many of ``n`` cases change by a metric where nothing but chance differs."""
    if metric is None:
        return "Noise floor: the baseline answered again, but no metric has values of single cases."
    cases = f"{changed:,} of {counted(n, 'case')}"
    return f"Noise floor: {cases} change by {metric} where the baseline answers the same suite again."


def moment_words(at_us: float, *, now_us: float) -> str:
    """A time such as ``Thursday 10:00 UTC``, with the date if it is not within the next week."""
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    return f"{at:%A %H:%M} UTC" if 0 <= at_us - now_us < SIX_DAYS_US else f"{at.day} {at:%b %Y, %H:%M} UTC"


def duration_words(seconds: float) -> str:
    """A duration such as ``3 h 20 min``, ``45 s`` or ``2 days 4 h``."""
    if seconds < MINUTE_S:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / MINUTE_S)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return f"{days} day{'' if days == 1 else 's'}" + (f" {hours} h" if hours else "")
    return f"{hours} h" + (f" {rest} min" if rest else "") if hours else f"{rest} min"
