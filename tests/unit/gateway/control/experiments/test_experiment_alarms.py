"""A variant behind which another model answers is found once the answers show it, and alternation is no change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.events import RequestEvent
from fairtrial.domain.limits.constants import DAY_US, HOUR_US
from fairtrial.domain.plan import Experiment, Variant
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import transitions
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic.answers import Pair
from fairtrial.store.traffic.units import ArmFigures, UnitFigures
from gateway.control.background.circumstances import changed_models
from gateway.control.experiments.experiment_alarms import UnitAlarm, find_unit_alarms, unit_alarms
from tests.fixtures.store import samples
from tests.fixtures.store.empty_store import database, ingester, layout

__all__ = ["database", "ingester", "layout"]

VARIANTS = (Variant("base", "base", 50.0), Variant("tuned", "tuned", 50.0))
TRIAL = Experiment("tuned-vs-base", "?", "user", "base", VARIANTS, salt="s", stage=100.0)
OLD, NEW, BARE = ("m", "fp1"), ("m", "fp2"), ("m", None)
NOTHING: Pair = (None, None)


def bring(database: Database, ingester: Ingester, pairs: Sequence[Pair], *, arm: str = "tuned", first: int = 0) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    for number, (model, fingerprint) in enumerate(pairs, first):
        named = {"model_served": model, "system_fingerprint": fingerprint}
        assert writer.append(samples.exposed(number, assigned=arm, served=arm, **named))
    writer.close()
    ingester.catch_up()


@pytest.mark.parametrize(
    ("pairs", "changed"),
    [
        ([OLD] * 100 + [NEW] * 50, True),
        ([OLD] * 400 + [("other", "fp1")] * 50, True),
        ([OLD, BARE] * 50 + [NEW] * 50, True),
        ([OLD] * 100 + [BARE] * 50, True),
        ([BARE] * 100 + [OLD] * 50, True),
        ([OLD] * 100 + [NEW] * 49, False),
        ([OLD] * 99 + [NEW] * 50, False),
        ([OLD] * 100 + [NEW] * 50 + [OLD], False),
        ([OLD] * 49 + [NEW] * 49, False),
        ([OLD, NEW] * 200, False),
        ([OLD] * 100 + [NEW, ("m", "fp3")] * 100, False),
        ([OLD, *[NEW] * 300], False),
        ([BARE] * 300, False),
        ([NOTHING] * 300, False),
        ([OLD] * 100 + [NOTHING] * 50, False),
        ([], False),
    ],
)
def test_a_change_is_one_new_pair_in_all_newest_answers(
    database: Database, ingester: Ingester, *, pairs: list[Pair], changed: bool
) -> None:
    bring(database, ingester, [OLD] * 200, arm="base", first=10_000)
    bring(database, ingester, pairs)
    assert changed_models(database, TRIAL, since_us=0) == (("tuned",) if changed else ())


def test_what_answered_before_the_start_does_not_count(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, [OLD] * 150 + [NEW] * 200)
    assert changed_models(database, TRIAL, since_us=0) == ("tuned",)
    assert changed_models(database, TRIAL, since_us=samples.NOW + 150) == ()


def test_fallbacks_to_another_model_are_no_change(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, [OLD] * 150)
    writer = JournalWriter(database.layout.journal, writer="w")
    for number in range(1_000, 1_060):
        assert writer.append(
            samples.exposed(number, assigned="tuned", served="base", reason="fallback", model_served="base-model")
        )
    writer.close()
    ingester.catch_up()
    assert changed_models(database, TRIAL, since_us=0) == ()


def test_several_variants_can_change(database: Database, ingester: Ingester) -> None:
    for arm, first in (("base", 0), ("tuned", 1_000)):
        bring(database, ingester, [OLD] * 100 + [NEW] * 50, arm=arm, first=first)
    assert changed_models(database, TRIAL, since_us=0) == ("base", "tuned")


LATER = samples.NOW + HOUR_US
OUTSIDE = {"enrolled": False, "propensity": None, "arm_bucket": None}
UNIT = "0123456789abcdef0123456789abcdef"


def alarms_of(database: Database, ingester: Ingester, events: Iterable[RequestEvent], **more: Any) -> list[UnitAlarm]:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    ingester.catch_up()
    return find_unit_alarms(database, TRIAL, **{"now_us": LATER, **more})


def twice(units: int, **more: Any) -> list[RequestEvent]:
    """Two requests of each unit."""
    return [samples.exposed(number, unit=f"u-{number // 2}", **more) for number in range(2 * units)]


def nameless(count: int) -> list[RequestEvent]:
    return [samples.exposed(10_000 + n, unit=None, reason="no_unit", **OUTSIDE) for n in range(count)]


def test_sound_traffic_and_no_traffic_give_no_alarm(database: Database, ingester: Ingester) -> None:
    assert find_unit_alarms(database, TRIAL, now_us=LATER) == []
    assert alarms_of(database, ingester, twice(300)) == []


@pytest.mark.parametrize(("count", "fires"), [(1, False), (2, True)])
def test_more_than_one_percent_without_a_unit(
    database: Database, ingester: Ingester, *, count: int, fires: bool
) -> None:
    alarms = alarms_of(database, ingester, [*twice(50)[: 100 - count], *nameless(count)])
    assert [alarm.kind for alarm in alarms] == (["no_unit"] if fires else [])
    if fires:
        assert "2.0 % (2 of 100 requests) of tuned-vs-base in the last 24 hours named no unit." in alarms[0].text
        assert "`user`" in alarms[0].text and "x-fairtrial-unit" in alarms[0].text
        assert alarms[0].details == {"requests": 100, "without_unit": 2}


@pytest.mark.parametrize(
    ("own", "others", "fires"), [(40, 160, False), (41, 159, True), (41, 158, False), (199, 0, False), (200, 0, True)]
)
def test_one_unit_with_more_than_a_fifth_of_at_least_200_requests(
    database: Database, ingester: Ingester, *, own: int, others: int, fires: bool
) -> None:
    events = [samples.exposed(1_000 + number, unit=UNIT) for number in range(own)]
    alarms = alarms_of(database, ingester, [*events, *(samples.exposed(n, unit=f"u-{n // 4}") for n in range(others))])
    assert [alarm.kind for alarm in alarms] == (["dominant_unit"] if fires else [])
    assert UNIT[:9] not in repr(alarms)
    if fires:
        assert "One unit sent" in alarms[0].text
        assert alarms[0].details == {"requests": own + others, "of_the_unit": own}


def turn(
    number: int, *, continues: int | None = None, example: str = "", answer: str = "", unit: str = ""
) -> RequestEvent:
    """A recorded question with its answer, perhaps after the answer to an earlier one, or after an example."""
    before = example if continues is None else f"The parcel {continues} arrives on Monday."
    asked = [{"role": "assistant", "content": before}] if before else []
    question = json.dumps({"messages": [*asked, {"role": "user", "content": f"And parcel {number}?"}]})
    text = answer or example or f"The parcel {number} arrives on Monday."
    body = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]})
    named = {"unit": unit or f"u-{number}", "request_body": question, "response_body": body}
    return samples.exposed(number, arm_outcome="answered", **named)


def test_honest_users_with_one_question_each_raise_no_alarm(database: Database, ingester: Ingester) -> None:
    assert alarms_of(database, ingester, [turn(number) for number in range(600)]) == []


def test_an_example_in_each_prompt_continues_no_conversation(database: Database, ingester: Ingester) -> None:
    events = [turn(number, example="A refund takes up to five working days.") for number in range(600)]
    assert alarms_of(database, ingester, events) == []


STANDARD = (
    "The parcel arrives within three working days.",
    "A refund takes five working days.",
    "Our shop opens at nine in the morning.",
)


def standard(number: int, unit: int, *, continues: str = "") -> RequestEvent:
    """A question that gets one of three standard answers, perhaps after the standard answer that its user had got."""
    return turn(number, example=continues, answer=STANDARD[number % 3], unit=f"u-{unit}")


def test_users_who_come_back_after_a_standard_answer_continue_their_own_conversation(
    database: Database, ingester: Ingester
) -> None:
    asked = [standard(number, number) for number in range(600)]
    back = [standard(1_000 + number, number, continues=STANDARD[number % 3]) for number in range(24)]
    assert alarms_of(database, ingester, [*asked, *back]) == []


def test_standard_answers_that_many_repeat_continue_no_conversation(database: Database, ingester: Ingester) -> None:
    asked = [standard(number, number, continues=STANDARD[(number + 1) % 3]) for number in range(600)]
    own = [turn(number) for number in range(1_000, 1_010)]
    assert alarms_of(database, ingester, [*asked, *own]) == []


@pytest.mark.parametrize(
    ("units", "again", "fires"), [(500, 0, True), (500, 24, True), (500, 25, False), (499, 0, False)]
)
def test_almost_one_request_for_each_of_500_users_who_continue_what_others_began(
    database: Database, ingester: Ingester, *, units: int, again: int, fires: bool
) -> None:
    events = [turn(number, continues=number - 1) for number in range(units)]
    alarms = alarms_of(
        database, ingester, [*events, *(samples.exposed(5_000 + n, unit=f"u-{n}") for n in range(again))]
    )
    assert [alarm.kind for alarm in alarms] == (["one_request_per_unit"] if fires else [])
    if fires:
        assert "random id" in alarms[0].text and alarms[0].details == {"units": units, "requests": units + again}


@pytest.mark.parametrize("kind", ["request", "conversation"])
def test_one_request_for_each_unit_is_usual_where_it_is_no_user(kind: Any) -> None:
    once = UnitFigures(0, DAY_US, requests=600, analysed=600, units=600, largest=1, continued=3)
    assert unit_alarms(TRIAL, replace(once, continued=2)) == []
    assert unit_alarms(replace(TRIAL, unit=kind), once) == []
    assert [alarm.kind for alarm in unit_alarms(TRIAL, once)] == ["one_request_per_unit"]
    assert "another unit had got" in unit_alarms(TRIAL, once)[0].text


@pytest.mark.parametrize(("units", "fires"), [(1000, False), (999, True)])
def test_units_in_two_arms(database: Database, ingester: Ingester, *, units: int, fires: bool) -> None:
    events = twice(units)
    moved = samples.exposed(1, unit="u-0", assigned="tuned", served="tuned")
    alarms = alarms_of(database, ingester, [events[0], moved, *events[2:]])
    assert [alarm.kind for alarm in alarms] == (["units_in_two_arms"] if fires else [])
    if fires:
        assert alarms[0].text.startswith("0.10 % (1 of 999 units) with two or more requests in tuned-vs-base")
        assert alarms[0].details == {"units": 999, "in_two_arms": 1}


@pytest.mark.parametrize(("moved", "fires"), [(5, False), (6, True)])
def test_an_arm_that_another_one_served(database: Database, ingester: Ingester, *, moved: int, fires: bool) -> None:
    served = [("base", "continued")] * moved + [("tuned", "assigned")] * (100 - moved)
    served += [("base", "fallback")] * 90 + [("base", "kill")] * 80
    events = [
        samples.exposed(1_000 + number, unit=f"t-{number % 50}", assigned="tuned", served=arm, reason=reason)
        for number, (arm, reason) in enumerate(served)
    ]
    alarms = alarms_of(database, ingester, [*twice(60), *events])
    assert [alarm.kind for alarm in alarms] == (["served_by_another_arm"] if fires else [])
    if fires:
        assert "(tuned: 6.0 % (6 of 100 requests))" in alarms[0].text
        assert alarms[0].details == {"arms": {"tuned": {"requests": 270, "moved": 6, "fallbacks": 90, "kills": 80}}}


def test_only_the_current_segment_and_the_last_day_count(database: Database, ingester: Ingester) -> None:
    assert [alarm.kind for alarm in alarms_of(database, ingester, nameless(50))] == ["no_unit"]
    assert find_unit_alarms(database, TRIAL, now_us=LATER + DAY_US) == []
    rearmed = Transition("tuned-vs-base", LATER, "rearm", "killed", "running", 2, "a", "mended", "p1")
    with database.transaction() as cursor:
        transitions.append(cursor, rearmed)
    assert find_unit_alarms(database, TRIAL, now_us=LATER + HOUR_US) == []


def test_all_alarms_come_in_one_order_and_read_well() -> None:
    figures = UnitFigures(
        since_us=0,
        until_us=HOUR_US,
        requests=2_000,
        unnamed=1_000,
        analysed=1_000,
        units=990,
        repeated=10,
        in_both=1,
        largest=300,
        continued=3,
        arms={"base": ArmFigures(500, 0, 0, 100), "tuned": ArmFigures(500, 100, 200, 100)},
    )
    alarms = unit_alarms(TRIAL, figures)
    assert [alarm.kind for alarm in alarms] == [
        "no_unit", "dominant_unit", "one_request_per_unit", "units_in_two_arms", "served_by_another_arm",
    ]  # fmt: skip
    assert all(
        "tuned-vs-base in the last hour" in alarm.text or alarm.kind == "one_request_per_unit" for alarm in alarms
    )
    assert "base: 20.0 % (100 of 500 requests); tuned: 50.0 % (100 of 200 requests)" in alarms[4].text
