"""Compares rows that earlier versions stored without a digest with the fields of their entries in the audit trail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairtrial.domain.limits.constants import microseconds

Fields = tuple[Any, ...]
"""What both a row and its entry say. The first one is the subject of the entry."""


@dataclass(frozen=True, slots=True)
class EarlierEntry:
    """How the fields are read. ``of_entry`` takes action, subject, time, actor and details.

    It returns nothing for an entry about something else.
    """

    of_entry: Callable[[str, str, int, str, Mapping[str, Any]], Fields]
    of_row: Callable[[Mapping[str, Any]], Fields]


def compared(
    rows: Mapping[Any, Fields], entries: Sequence[tuple[int, Fields]]
) -> tuple[list[Any], list[Any], list[tuple[int, Fields]]]:
    """The keys of rows that were changed and added, and the entries with their numbers of which the row is missing.

    A row without an equal entry was changed if an entry with the same subject has no equal row.
    """
    left: Counter[Hashable] = Counter(_hashable(fields) for _, fields in entries)
    unmatched = [key for key, fields in rows.items() if not _taken(left, fields)]
    missing = [(number, fields) for number, fields in reversed(entries) if _taken(left, fields)][::-1]
    changed, added = [], []
    for key in unmatched:
        same = next((one for one in missing if one[1][0] == rows[key][0]), None)
        if same is None:
            added.append(key)
        else:
            missing.remove(same)
            changed.append(key)
    return changed, added, missing


def _taken(left: Counter[Hashable], fields: Fields) -> bool:
    """Whether one of these was left; it then is not left any more."""
    wanted = _hashable(fields)
    there = left[wanted] > 0
    left[wanted] -= there
    return there


def _hashable(fields: Fields) -> Hashable:
    """Equal for equal numbers. Details of an entry that somebody changed may hold lists, so texts are compared."""
    return tuple(one if isinstance(one, int | float) else repr(one) for one in fields)


def _transition_entry(action: str, subject: str, at_us: int, actor: str, details: Mapping[str, Any]) -> Fields:
    group, _, verb = str(action).partition(".")
    if group != "experiment":
        return ()
    return subject, verb, at_us, actor, *(details.get(name) for name in ("from", "to", "segment", "why", "stage"))


def _transition_row(row: Mapping[str, Any]) -> Fields:
    names = ("actor", "from_state", "to_state", "segment", "why", "stage")
    return (row["experiment"], row["action"], _time(row), *(row[name] for name in names))


def _approval_entry(action: str, subject: str, at_us: int, actor: str, details: Mapping[str, Any]) -> Fields:
    if action not in ("verdict.approve", "verdict.reject"):
        return ()
    return subject, action.removeprefix("verdict."), at_us, actor, details.get("role"), details.get("why")


def _approval_row(row: Mapping[str, Any]) -> Fields:
    return row["verdict_id"], row["vote"], _time(row), row["actor"], row["role"], row["why"]


def _verdict_entry(action: str, subject: str, _: int, __: str, details: Mapping[str, Any]) -> Fields:
    """Release 0.1.0 recorded the time of the entry, and the row does not say who requested the verdict."""
    found = subject, details.get("decision"), details.get("candidate")
    return found if action == "verdict.save" else ()


def _verdict_row(row: Mapping[str, Any]) -> Fields:
    return row["verdict_id"], row["decision"], row["candidate"]


def _time(row: Mapping[str, Any]) -> int | None:
    return None if row["at_time"] is None else microseconds(row["at_time"])


EARLIER: Mapping[str, EarlierEntry] = {
    "transitions": EarlierEntry(_transition_entry, _transition_row),
    "approvals": EarlierEntry(_approval_entry, _approval_row),
    "verdicts": EarlierEntry(_verdict_entry, _verdict_row),
}
"""By the name of the table."""
