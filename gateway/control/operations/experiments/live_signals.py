"""Describes what each variant's live answers show without being asked, with the number of answers behind each rate.

These are plain rates that decide nothing. Languages are detected here, on a sample of recorded texts, because the
gateway must not spend time and memory on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fairtrial.domain.answers.language import switches
from fairtrial.domain.answers.messages import answered_text, asked_text
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.traffic import answers
from fairtrial.store.traffic.answers import Exchange

MOST_SAMPLES = 200
"""Recorded exchanges of each variant whose languages are compared."""


@dataclass(frozen=True, slots=True)
class LiveRate:
    """A part of ``n`` answers, or a mean over them; ``value`` is ``None`` if no answer could be measured."""

    value: float | None
    n: int


@dataclass(frozen=True, slots=True)
class LiveSignals:
    """The signals of one variant, of ``answered`` answers, ``sampled`` of them with recorded texts."""

    variant: str
    answered: int
    sampled: int
    refusals: LiveRate
    format_valid: LiveRate
    tokens: LiveRate
    language_switch: LiveRate


def live_signals(database: Database, page: Page, experiment: str) -> list[LiveSignals]:
    """The signals of every variant with answers in the window. What no answer shows is unknown, and never 0."""
    counted = answers.by_variant(database, page, experiment)
    exchanges = answers.samples(database, page, experiment, most=MOST_SAMPLES) if counted else []
    found = []
    for one in counted:
        mine = [exchange for exchange in exchanges if exchange.variant == one.variant]
        found.append(
            LiveSignals(
                one.variant,
                one.answered,
                len(mine),
                refusals=_share(one.refused, one.refusal_known),
                format_valid=_share(one.format_valid, one.format_checked),
                tokens=LiveRate(one.tokens_mean, one.tokens_known),
                language_switch=_language_switches(mine),
            )
        )
    return found


def _language_switches(exchanges: Iterable[Exchange]) -> LiveRate:
    known = [found for one in exchanges if (found := _switches(one)) is not None]
    return _share(sum(known), len(known))


def _switches(exchange: Exchange) -> bool | None:
    asked, answered = asked_text(exchange.request), answered_text(exchange.response)
    return None if asked is None or answered is None else switches(asked, answered)


def _share(part: int, whole: int) -> LiveRate:
    return LiveRate(part / whole if whole else None, whole)
