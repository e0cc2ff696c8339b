"""First assignments: each unit once, by intention to treat, in the order of time and under one plan of analysis."""

from __future__ import annotations

import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import first_assignments as module
from fairtrial.store.traffic.first_assignments import FirstAssignments, first_assignments
from tests.fixtures.store import samples


def found(database: Database, ingester: Ingester, *events: RequestEvent) -> FirstAssignments:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert not events or writer.append(*events)
    writer.close()
    ingester.catch_up()
    return first_assignments(database, "tuned-vs-base", ["base", "tuned"], analysis_hash="a1")


def test_each_unit_counts_once_at_its_first_assignment_in_the_order_of_time(
    database: Database, ingester: Ingester
) -> None:
    seen = found(
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
    seen = found(
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
    seen = found(
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


def test_only_the_first_units_are_looked_at_and_more_are_said(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_UNITS", 3)
    arms = ["base", "tuned", "tuned"]
    three = found(database, ingester, *(samples.exposed(i, assigned=arm) for i, arm in enumerate(arms)))
    assert (three.arms.tolist(), three.more) == ([0, 1, 1], False)
    four = found(database, ingester, samples.exposed(9, assigned="base"))
    assert (four.arms.tolist(), four.more) == ([0, 1, 1], True)


def test_another_split_is_another_count(database: Database, ingester: Ingester) -> None:
    seen = found(
        database,
        ingester,
        samples.exposed(1, unit="gone", assigned="tuned", analysis_hash="a0", propensity=0.2),
        samples.exposed(2, unit="back", assigned="tuned", analysis_hash="a0", arm_bucket=0.9),
        samples.exposed(3, unit="back", assigned="base", arm_bucket=0.3),
    )
    assert seen.arms.tolist() == [0]
    assert seen.earlier == 1


def test_nobody_is_an_empty_count(database: Database, ingester: Ingester) -> None:
    seen = found(database, ingester)
    assert seen.arms.size == 0
    assert seen.earlier == 0
