"""The figures about units count what a window has, under one plan at a time, and show no unit's whole pseudonym."""

from __future__ import annotations

import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import units as module
from fairtrial.store.traffic.units import ArmFigures, FirstAssignments, UnitFigures, first_assignments, unit_figures
from tests.fixtures.store import samples

UNIT = "0123456789abcdef0123456789abcdef"
OUTSIDE = {"enrolled": False, "propensity": None, "arm_bucket": None}


def figures(database: Database, ingester: Ingester, *events: RequestEvent, page: Page | None = None) -> UnitFigures:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert not events or writer.append(*events)
    writer.close()
    ingester.catch_up()
    return unit_figures(database, page or Page(), "tuned-vs-base")


def test_nothing_gives_zeros(database: Database, ingester: Ingester) -> None:
    units = figures(database, ingester)
    assert (units.requests, units.unnamed, units.analysed, units.units, units.largest) == (0, 0, 0, 0, 0)
    assert units.arms == {}


def test_requests_without_a_unit_are_counted_whatever_served_them(database: Database, ingester: Ingester) -> None:
    units = figures(
        database,
        ingester,
        samples.exposed(1),
        samples.exposed(2, reason="not_enrolled", **OUTSIDE),
        samples.exposed(3, reason="no_unit", unit=None, **OUTSIDE),
        samples.exposed(4, reason="fallback", served="tuned", unit=None, **OUTSIDE),
        samples.exposed(5, reason="excluded", state="paused", unit=None, **OUTSIDE),
        samples.record(6, reason="forced", experiment="tuned-vs-base", variant_assigned="tuned"),
        samples.exposed(7, reason="no_unit", experiment="another", unit=None, **OUTSIDE),
    )
    assert (units.requests, units.unnamed, units.analysed) == (4, 2, 1)


def test_the_largest_unit_is_not_named(database: Database, ingester: Ingester) -> None:
    units = figures(
        database,
        ingester,
        samples.exposed(1, unit=UNIT),
        samples.exposed(2, unit=UNIT, analysis_hash="a2"),
        samples.exposed(3, unit="another"),
        samples.exposed(4, unit="absent", reason="not_enrolled", **OUTSIDE),
    )
    assert (units.units, units.analysed, units.largest) == (2, 3, 2)
    assert UNIT not in repr(units)


def test_units_in_two_arms_are_those_of_one_plan(database: Database, ingester: Ingester) -> None:
    units = figures(
        database,
        ingester,
        samples.exposed(1, unit="moved", assigned="base"),
        samples.exposed(2, unit="moved", assigned="tuned"),
        samples.exposed(3, unit="same", assigned="tuned"),
        samples.exposed(4, unit="same", assigned="tuned", served="base", reason="fallback"),
        samples.exposed(5, unit="new-salt", assigned="base"),
        samples.exposed(6, unit="new-salt", assigned="tuned", analysis_hash="a2"),
        samples.exposed(7, unit="once", assigned="tuned"),
    )
    assert (units.units, units.repeated, units.in_both) == (4, 2, 1)


def test_what_another_arm_served_is_apart_from_fallbacks_and_kills(database: Database, ingester: Ingester) -> None:
    units = figures(
        database,
        ingester,
        samples.exposed(1, assigned="tuned", served="tuned"),
        samples.exposed(2, assigned="tuned", served="base", reason="continued"),
        samples.exposed(3, assigned="tuned", served="base", reason="fallback"),
        samples.exposed(4, assigned="tuned", served="base", reason="kill"),
        samples.exposed(5, assigned="base", served="base", reason="kill"),
        samples.exposed(6, assigned="base", served="tuned", reason="continued", **OUTSIDE),
    )
    assert units.arms == {"base": ArmFigures(1, 1, 0, 0), "tuned": ArmFigures(4, 1, 1, 1)}


def test_only_the_window_counts(database: Database, ingester: Ingester) -> None:
    events = [samples.exposed(number) for number in range(6)]
    page = Page(since_us=samples.NOW + 2, until_us=samples.NOW + 5)
    units = figures(database, ingester, *events, page=page)
    assert (units.requests, units.units) == (3, 3)
    assert (units.since_us, units.until_us) == (page.since_us, page.until_us)


def test_a_window_with_too_many_requests_is_cut_to_the_newest(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_REQUESTS", 3)
    units = figures(database, ingester, *(samples.exposed(number) for number in range(10)))
    assert (units.requests, units.since_us) == (4, samples.NOW + 6)
    early = unit_figures(database, Page(since_us=samples.NOW + 8), "tuned-vs-base")
    assert (early.requests, early.since_us) == (2, samples.NOW + 8)


def assignments(database: Database, ingester: Ingester, *events: RequestEvent) -> FirstAssignments:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert not events or writer.append(*events)
    writer.close()
    ingester.catch_up()
    return first_assignments(database, "tuned-vs-base", ["base", "tuned"], analysis_hash="a1")


def test_each_unit_counts_once_at_its_first_assignment_in_the_order_of_time(
    database: Database, ingester: Ingester
) -> None:
    seen = assignments(
        database,
        ingester,
        samples.exposed(5, unit="late", assigned="base"),
        samples.exposed(2, unit="u", assigned="tuned", served="base", reason="fallback"),
        samples.exposed(3, unit="u", assigned="base"),
        samples.exposed(1, unit="first", assigned="base"),
        samples.exposed(4, unit="killed", assigned="tuned", served="base", reason="kill"),
    )
    assert seen.arms.tolist() == [0, 1, 1, 0]
    assert seen.earlier == 0


def test_units_that_are_not_on_trial_are_left_out(database: Database, ingester: Ingester) -> None:
    seen = assignments(
        database,
        ingester,
        samples.exposed(1, reason="forced", enrolled=False),
        samples.exposed(2, reason="not_enrolled", enrolled=False),
        samples.exposed(3, reason="no_unit", enrolled=False, unit=None),
        samples.exposed(4, experiment="another"),
        samples.exposed(5, assigned="tuned"),
    )
    assert seen.arms.tolist() == [1]


def test_a_plan_that_splits_alike_goes_on_counting(database: Database, ingester: Ingester) -> None:
    # "a0" shares a unit in its bucket with "b", and that one another with "a1": all three have one salt
    seen = assignments(
        database,
        ingester,
        samples.exposed(1, unit="gone", assigned="tuned", analysis_hash="a0", arm_bucket=0.7),
        samples.exposed(2, unit="back", assigned="base", analysis_hash="a0", arm_bucket=0.1),
        samples.exposed(3, unit="back", assigned="base", analysis_hash="b", arm_bucket=0.1),
        samples.exposed(4, unit="too", assigned="tuned", analysis_hash="b", arm_bucket=0.8),
        samples.exposed(5, unit="too", assigned="tuned", arm_bucket=0.8),
        samples.exposed(6, unit="other", assigned="base", analysis_hash="c", arm_bucket=0.2),
    )
    assert seen.arms.tolist() == [1, 0, 1]
    assert seen.earlier == 1


def test_only_the_first_units_are_read_and_the_result_shows_that_there_are_more(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_UNITS", 3)
    arms = ["base", "tuned", "tuned"]
    three = assignments(database, ingester, *(samples.exposed(i, assigned=arm) for i, arm in enumerate(arms)))
    assert (three.arms.tolist(), three.more) == ([0, 1, 1], False)
    four = assignments(database, ingester, samples.exposed(9, assigned="base"))
    assert (four.arms.tolist(), four.more) == ([0, 1, 1], True)


def test_another_split_is_another_count(database: Database, ingester: Ingester) -> None:
    seen = assignments(
        database,
        ingester,
        samples.exposed(1, unit="gone", assigned="tuned", analysis_hash="a0", propensity=0.2),
        samples.exposed(2, unit="back", assigned="tuned", analysis_hash="a0", arm_bucket=0.9),
        samples.exposed(3, unit="back", assigned="base", arm_bucket=0.3),
    )
    assert seen.arms.tolist() == [0]
    assert seen.earlier == 1


def test_nobody_is_an_empty_count(database: Database, ingester: Ingester) -> None:
    seen = assignments(database, ingester)
    assert seen.arms.size == 0
    assert seen.earlier == 0
