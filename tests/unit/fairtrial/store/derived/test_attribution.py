"""A feedback counts for the one request or unit that it names, in whatever order journals arrive."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.domain.events import Event
from fairtrial.domain.limits.constants import END_OF_TIME_US
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.derived.attribution import unattributed_since_us
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import requests, traffic
from tests.fixtures.store import samples

OLLAMA = "chatcmpl-7"


def bring(database: Database, ingester: Ingester, *events: Event) -> None:
    """Write the events to a segment of their own, and ingest it."""
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    ingester.catch_up()


def visit(number: int, **more: Any) -> tuple[Event, Event]:
    """A request of an experiment and its exposure; ``r-NUMBER`` begins NUMBER microseconds after the start."""
    arm = more.pop("arm", "base")
    unit = more.pop("unit", f"u-{number}")
    request = samples.request(number, experiment="tuned-vs-base", variant_assigned=arm, unit=unit, **more)
    return request, samples.exposure(number, assigned=arm, served=arm, unit=unit)


def by_response(serial: int, response_id: str = OLLAMA, **more: Any) -> Event:
    return samples.feedback(serial, request_id=None, response_id=response_id, **more)


def attributions(database: Database) -> dict[str, str]:
    """What was found for each feedback: the request or unit, or why there is none."""
    sql = "SELECT feedback_id, attribution, coalesce(subject, unit, '') FROM feedback ORDER BY feedback_id"
    counted = {"request", "unit"}
    return {name: subject if kind in counted else kind for name, kind, subject in database.rows(sql)}


def rates(database: Database, key: str = "resolved") -> dict[str, tuple[int, float | None]]:
    (experiment,) = traffic.by_variant(database, Page())
    arms = [arm for arm in experiment.variants if key in arm.feedback]
    return {arm.variant: (arm.feedback[key].n, arm.feedback[key].rate) for arm in arms}


def test_a_response_id_names_a_request_if_exactly_one_earlier_one_has_it(
    database: Database, ingester: Ingester
) -> None:
    bring(database, ingester, *visit(1, response_id=OLLAMA), by_response(2))
    assert attributions(database) == {"f-2": "r-1"}
    bring(database, ingester, *visit(3, response_id=OLLAMA, arm="tuned"), by_response(4, boolean=False))
    assert attributions(database) == {"f-2": "r-1", "f-4": "ambiguous"}
    assert rates(database) == {"base": (1, 1.0)}
    (experiment,) = traffic.by_variant(database, Page())
    assert experiment.ambiguous == {"resolved": 1}


def test_a_request_that_arrives_late_makes_what_was_attributed_ambiguous(
    database: Database, ingester: Ingester
) -> None:
    bring(database, ingester, *visit(5, response_id=OLLAMA), by_response(9))
    assert attributions(database) == {"f-9": "r-5"}
    bring(database, ingester, *visit(2, response_id=OLLAMA))
    assert attributions(database) == {"f-9": "ambiguous"}
    assert rates(database) == {}


def test_feedback_that_arrives_before_its_request_is_attributed_when_that_comes(
    database: Database, ingester: Ingester
) -> None:
    bring(database, ingester, samples.feedback(9, request_id="r-1"), by_response(8), unit_feedback(7, "u-1"))
    assert attributions(database) == {"f-9": "unknown_request", "f-8": "unknown_request", "f-7": "unknown_unit"}
    bring(database, ingester, *visit(1, response_id=OLLAMA))
    assert attributions(database) == {"f-9": "r-1", "f-8": "r-1", "f-7": "u-1"}


def test_what_an_ended_program_left_is_attributed_by_the_next(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, *visit(1, response_id=OLLAMA), by_response(2))
    with database.transaction() as cursor:
        cursor.execute("UPDATE feedback SET attribution = NULL, subject = NULL")
    Ingester(database, lambda: samples.NOW).catch_up()
    assert attributions(database) == {"f-2": "r-1"}


def unit_feedback(serial: int, unit: str, **more: Any) -> Event:
    return samples.feedback(serial, request_id=None, unit=unit, **more)


def test_only_requests_of_the_same_api_key_have_the_response_id(database: Database, ingester: Ingester) -> None:
    theirs, ours = visit(1, response_id=OLLAMA, key_id="k1"), visit(2, response_id=OLLAMA, key_id="k2")
    feedback = by_response(5, key_id="k1"), by_response(6, key_id="k2"), by_response(7, key_id="k3"), by_response(8)
    bring(database, ingester, *theirs, *ours, *feedback)
    assert attributions(database) == {"f-5": "r-1", "f-6": "r-2", "f-7": "unknown_request", "f-8": "unknown_request"}


def test_another_api_key_may_speak_by_the_request_id(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, *visit(1, key_id="k1"), samples.feedback(2, request_id="r-1", key_id="thumbs"))
    assert attributions(database) == {"f-2": "r-1"}


def test_a_key_that_is_bound_to_routes_counts_on_those_only(database: Database, ingester: Ingester) -> None:
    bound = {"key_id": "k1", "routes": ["support-bot"]}
    mine = visit(1, key_id="k1", response_id="a", unit="u-1")
    other_visit = visit(2, key_id="k1", response_id="b", unit="u-2", route="sales-bot")
    feedback = (
        samples.feedback(11, request_id="r-1", **bound),
        samples.feedback(12, request_id="r-2", **bound),
        by_response(13, "b", **bound),
        unit_feedback(14, "u-1", **bound),
        unit_feedback(15, "u-2", **bound),
    )
    bring(database, ingester, *mine, *other_visit, *feedback)
    other_route = dict.fromkeys(("f-12", "f-13", "f-15"), "other_route")
    assert attributions(database) == {"f-11": "r-1", "f-14": "u-1"} | other_route
    bring(database, ingester, *visit(3, key_id="k1", unit="u-2"))
    assert attributions(database)["f-15"] == "u-2", "the unit has a request on the key's route too"


def test_an_undeclared_key_and_an_unknown_name_are_stored_and_count_nowhere(
    database: Database, ingester: Ingester
) -> None:
    feedback = (
        samples.feedback(11, request_id="r-1", key="mood", declared=False),
        samples.feedback(12, request_id="r-9", declared=True),
        unit_feedback(13, "u-9", declared=True),
    )
    bring(database, ingester, *visit(1), *feedback)
    assert attributions(database) == {"f-11": "undeclared_key", "f-12": "unknown_request", "f-13": "unknown_unit"}
    assert rates(database, "mood") == rates(database) == {}
    shown = {(row["attribution"], row["key"]): row["feedback"] for row in database.dicts(requests.attributions(Page()))}
    assert shown == {
        ("undeclared_key", "mood"): 1,
        ("unknown_request", "resolved"): 1,
        ("unknown_unit", "resolved"): 1,
    }


def test_a_unit_s_feedback_is_about_what_came_before_it(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, unit_feedback(2, "u"), *visit(5, unit="u"), unit_feedback(7, "u", boolean=False))
    assert attributions(database) == {"f-2": "unknown_unit", "f-7": "u"}
    assert rates(database) == {"base": (1, 0.0)}


def test_the_latest_value_of_a_request_counts_and_a_comment_does_not_replace_it(
    database: Database, ingester: Ingester
) -> None:
    feedback = (
        by_response(13, boolean=True),
        samples.feedback(12, request_id="r-1", boolean=False),
        samples.feedback(14, request_id="r-1", boolean=None, comment="thank you"),
    )
    bring(database, ingester, *visit(1, response_id=OLLAMA), *feedback)
    assert rates(database) == {"base": (1, 1.0)}


def test_an_idempotency_key_is_stored_once_for_each_api_key(database: Database, ingester: Ingester) -> None:
    def say(serial: int, **more: Any) -> Event:
        return samples.feedback(serial, request_id="r-1", idempotency_key="once", **more)

    bring(database, ingester, *visit(1), say(5), say(4, boolean=False), say(6, key_id="k1"))
    bring(database, ingester, say(7), say(8, key_id="k1"), say(9, key_id="k2"), samples.feedback(10))
    assert set(attributions(database)) == {"f-4", "f-6", "f-9", "f-10"}


@pytest.mark.parametrize("name", ["r-1", OLLAMA])
def test_a_line_of_an_earlier_release_has_either_name_in_its_request_id(
    database: Database, ingester: Ingester, name: str
) -> None:
    bring(database, ingester, *visit(1, response_id=OLLAMA), samples.feedback(2, request_id=name))
    assert attributions(database) == {"f-2": "r-1"}
    bring(database, ingester, *visit(3, response_id=OLLAMA), samples.feedback(4, request_id=name))
    assert attributions(database)["f-4"] == ("r-1" if name == "r-1" else "ambiguous")


def test_a_request_outside_of_experiments_can_be_spoken_of_and_is_in_no_figure(
    database: Database, ingester: Ingester
) -> None:
    bring(database, ingester, samples.request(1, reason="direct"), samples.feedback(2, request_id="r-1"))
    assert attributions(database) == {"f-2": "r-1"}
    assert traffic.by_variant(database, Page()) == []


def test_the_next_program_begins_where_the_last_one_ended(database: Database, ingester: Ingester) -> None:
    assert unattributed_since_us(database) == END_OF_TIME_US
    bring(database, ingester, *visit(1, response_id=OLLAMA), by_response(2))
    assert unattributed_since_us(database) == END_OF_TIME_US
    with database.transaction() as cursor:
        cursor.execute(
            # by hand: a request that an earlier program stored without its derived columns
            "INSERT INTO requests (request_id, at_time) VALUES ('r-5', make_timestamp(?))",
            [samples.NOW + 5],
        )
    assert unattributed_since_us(database) == samples.NOW + 5
