"""Live answers show signals with the number of measured answers; what no answer shows is unknown."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from fairtrial.api.experiment_traffic import LiveRate, LiveSignals
from fairtrial.domain.events import RequestEvent
from fairtrial.domain.money.tokens import Tokens
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.ingest.ingest import Ingester
from gateway.control.operations.experiments import MOST_SAMPLES, live_signals
from tests.fixtures.store import samples

GERMAN = "Die Türklingel läutet seit gestern Abend nicht mehr. Was kann ich tun?"
ENGLISH = "Please charge the battery of the doorbell, and then press the button for ten seconds."
NAME = "tuned-vs-base"


def answered(number: int, variant: str, text: str | None = None, **more: Any) -> RequestEvent:
    """An answered request of a variant; its texts are recorded only if ``text`` is given."""
    bodies = {}
    if text is not None:
        request = {"messages": [{"role": "user", "content": GERMAN}]}
        bodies = {
            "capture": "redacted",
            "request_body": json.dumps(request),
            "response_body": json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}),
        }
    return samples.exposed(number, assigned=variant, served=variant, **bodies, **more)


def signals(database: Database, *events: RequestEvent) -> dict[str, LiveSignals]:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    Ingester(database, lambda: samples.NOW).catch_up()
    return {signal.variant: signal for signal in live_signals(database, Page(), NAME)}


def test_each_rate_has_the_number_of_answers_that_could_be_measured(database: Database) -> None:
    tokens = [samples.attempt_of(0, tokens=Tokens(input=5, output=30))]
    rates = signals(
        database,
        answered(1, "base", GERMAN, refused=False, refused_by_text=False, schema_valid=True, attempts=tokens),
        answered(2, "base", ENGLISH, refused=False, refused_by_text=True, schema_valid=False),
        answered(3, "base", "ok", refused=True),
        answered(4, "base"),
        answered(5, "base", GERMAN, arm_outcome="failed"),
    )["base"]
    assert rates == LiveSignals(
        "base",
        answered=4,
        sampled=3,
        refusals=LiveRate(2 / 3, 3),
        format_valid=LiveRate(0.5, 2),
        tokens=LiveRate(30.0, 1),
        language_switch=LiveRate(0.5, 2),
    )


def test_a_variant_without_recorded_texts_has_no_rate_of_language_switches(database: Database) -> None:
    rates = signals(database, answered(1, "base", GERMAN), answered(2, "tuned"))
    assert rates["base"].language_switch == LiveRate(0.0, 1)
    assert (rates["tuned"].language_switch, rates["tuned"].sampled) == (LiveRate(None, 0), 0)
    assert rates["tuned"].refusals == LiveRate(None, 0)


def test_only_the_newest_texts_are_read(database: Database) -> None:
    older = [answered(number, "base", ENGLISH) for number in range(20)]
    newer = [answered(number, "base", GERMAN) for number in range(20, 20 + MOST_SAMPLES)]
    rates = signals(database, *older, *newer)["base"]
    assert rates.language_switch == LiveRate(0.0, MOST_SAMPLES)


def test_redacted_or_broken_texts_are_not_measured(database: Database) -> None:
    broken = replace(answered(1, "base", GERMAN), response_body="[redacted")
    assert signals(database, broken)["base"].language_switch == LiveRate(None, 0)


def test_without_traffic_there_is_no_variant(database: Database) -> None:
    assert live_signals(database, Page(), NAME) == []
