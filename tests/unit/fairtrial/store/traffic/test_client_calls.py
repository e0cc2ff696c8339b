"""Several tries of one client's call are counted as one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from fairtrial.api.experiment_traffic import VariantErrors
from fairtrial.domain.events import RequestEvent
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic.client_calls import LONGEST_WAIT_S, errors_by_variant
from tests.fixtures.store import samples

SECOND = 1_000_000
FAILED = {"arm_outcome": "failed", "user_outcome": "failed"}
RESCUED = {"arm_outcome": "failed", "reason": "fallback"}
KEPT_AWAY = {"arm_outcome": "kept_away", "user_outcome": "failed"}


def events(*tries: dict[str, Any], first: int = 0, arm: str = "base") -> Iterator[RequestEvent]:
    """Tries, each a second after the one before it; ``at`` is a second of its own."""
    for number, entry in enumerate(tries):
        at_us = samples.NOW + int(entry.get("at", number) * SECOND)
        fields = {"assigned": arm, "unit": f"u-{arm}", "prompt_digest": "p", "latency_ms": 10.0, "at_us": at_us}
        fields |= {name: value for name, value in entry.items() if name != "at"}
        yield samples.exposed(first + number, **fields)


def stored(database: Database, recorded: Iterable[RequestEvent]) -> dict[str, VariantErrors]:
    writer = JournalWriter(database.layout.journal, writer="w0")
    writer.append(*recorded)
    writer.close()
    Ingester(database, lambda: samples.NOW).catch_up()
    return counted(database)


def counted(database: Database) -> dict[str, VariantErrors]:
    return {variant.variant: variant for variant in errors_by_variant(database, Page(), "tuned-vs-base")}


def again(ordinal: int, **more: Any) -> dict[str, Any]:
    return {"retry_ordinal": ordinal} | more


CASES: tuple[tuple[list[dict[str, Any]], tuple[int, ...], tuple[int, ...]], ...] = (
    ([FAILED, again(1)], (2, 1, 1, 0), (2, 1, 1, 0)),
    ([FAILED, again(1, **FAILED), again(2, **FAILED)], (3, 3, 1, 1), (3, 3, 1, 1)),
    ([FAILED, {}], (2, 1, 2, 1), (2, 1, 2, 1)),
    ([FAILED, again(1), FAILED, again(1, **FAILED)], (4, 3, 2, 1), (4, 3, 2, 1)),
    ([FAILED, again(1, **RESCUED)], (2, 2, 1, 1), (2, 1, 1, 0)),
    ([FAILED, again(1, **KEPT_AWAY), again(2)], (2, 1, 1, 0), (3, 2, 1, 0)),
    ([FAILED, again(1, **KEPT_AWAY)], (1, 1, 1, 1), (2, 2, 1, 1)),
    ([KEPT_AWAY], (0, 0, 0, 0), (1, 1, 1, 1)),
    ([FAILED, again(1, at=LONGEST_WAIT_S)], (2, 1, 1, 0), (2, 1, 1, 0)),
    ([FAILED, again(1, at=LONGEST_WAIT_S + 1)], (2, 1, 2, 1), (2, 1, 2, 1)),
    ([{"latency_ms": 600_000.0} | FAILED, again(1, at=610)], (2, 1, 1, 0), (2, 1, 1, 0)),
    ([FAILED, again(1, prompt_digest="q")], (2, 1, 2, 1), (2, 1, 2, 1)),
    ([{"prompt_digest": None} | FAILED, again(1, prompt_digest=None)], (2, 1, 1, 0), (2, 1, 1, 0)),
    ([again(1)], (1, 0, 1, 0), (1, 0, 1, 0)),
)  # fmt: skip
"""Tries; then tries, failed tries, calls and failed calls of the variant; then the same as users saw them."""


def test_tries_of_a_call_are_counted_once_by_their_last_one(database: Database) -> None:
    """Each case has a variant of its own, so that all share one store."""
    cases = (events(*tries, first=100 * number, arm=f"{number:02}") for number, (tries, _, _) in enumerate(CASES))
    errors = stored(database, chain.from_iterable(cases))
    for number, (_, arm, users) in enumerate(CASES):
        assert errors[f"{number:02}"] == VariantErrors(f"{number:02}", *arm, *users), CASES[number]


def test_users_whose_tries_come_between_each_other_s_have_their_own_calls(database: Database) -> None:
    elsewhere: dict[str, Any] = {"unit": "v", "assigned": "tuned"}
    tries = FAILED, elsewhere | FAILED, again(1), elsewhere | again(1, **FAILED), elsewhere | again(2, **FAILED)
    errors = stored(database, events(*tries))
    assert (errors["base"].calls, errors["base"].failed_calls) == (1, 0)
    assert (errors["tuned"].calls, errors["tuned"].failed_calls, errors["tuned"].tries) == (1, 1, 3)


def test_a_store_without_the_count_of_retries_has_a_call_for_each_try(database: Database) -> None:
    stored(database, events(FAILED, {}))
    with database.transaction() as cursor:
        cursor.execute("UPDATE requests SET retry_ordinal = NULL, prompt_digest = NULL")
    errors = counted(database)["base"]
    assert (errors.tries, errors.calls, errors.failed_calls) == (2, 2, 1)
