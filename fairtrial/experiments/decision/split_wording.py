"""Says in words why the arms of an experiment can't be compared, and whose records were lost."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.domain.plan import UnitKind
from fairtrial.domain.wording import counted
from fairtrial.experiments.decision.values import ArmLost, Decision, LostRecords, Split
from fairtrial.experiments.metric_wording import moment_words

MANY = 100
"""From so many lost units on, some may share a cell, so that there can be more."""


def invalid_words(split: Split, unit: UnitKind, now_us: int) -> str:
    """What a sample-ratio mismatch or unequally lost records mean."""
    crossed_us, says = split.crossed_us, "the units do not arrive by the planned split"
    if isinstance(split.lost, LostRecords) and crossed_us is None:
        crossed_us = split.lost.crossed_us
        says = f"the arms lost the records of unequally many {unit}s ({_arms(split.lost, unit)})"
    since = "" if crossed_us is None else f", first seen {moment_words(crossed_us, now_us=now_us)}"
    return f"{says}{since}. The arms can't be compared; find the cause, then start anew with a new salt"


def lost_words(split: Split, unit: UnitKind) -> str:
    """How many records each arm lost, and whether the arms seem to differ; empty if none were lost."""
    found = split.lost
    if not isinstance(found, LostRecords) or not any(one.requests for one in found.arms):
        return ""
    differ = f"The arms seem to differ (p {found.p:.2g})" if found.differs else "No difference of the arms is shown"
    return f"Records that were assigned and never stored: {_arms(found, unit)}. {differ}."


def lost_sentence(decisions: Mapping[str, Decision]) -> str:
    """The same for all treatments, which share the test."""
    return next((lost_words(one.split, one.unit) for one in decisions.values()), "")


def _arms(found: LostRecords, unit: UnitKind) -> str:
    return "; ".join(_arm(one, unit) for one in found.arms)


def _arm(one: ArmLost, unit: UnitKind) -> str:
    if unit == "request" or not one.requests:
        return f"{one.variant} {counted(one.requests, 'request')}"
    least = "at least " if one.units >= MANY else ""
    return f"{one.variant} {counted(one.requests, 'request')} of {least}{counted(one.units, unit)}"
