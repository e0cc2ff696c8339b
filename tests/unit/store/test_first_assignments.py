"""First assignments: each unit once, by intention to treat, in the order of time and under one plan of analysis."""

from __future__ import annotations

from fairtrial.domain.events import ExposureEvent
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.database import Database
from fairtrial.store.first_assignments import FirstAssignments, first_assignments
from fairtrial.store.ingest import Ingester
from tests.unit.store import samples


def found(database: Database, ingester: Ingester, *events: ExposureEvent) -> FirstAssignments:
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
        samples.exposure(5, unit="late", assigned="base"),
        samples.exposure(2, unit="u", assigned="tuned", served="base", reason="fallback"),
        samples.exposure(3, unit="u", assigned="base"),
        samples.exposure(1, unit="first", assigned="base"),
        samples.exposure(4, unit="killed", assigned="tuned", served="base", reason="kill"),
    )
    assert seen.arms.tolist() == [0, 1, 1, 0]
    assert seen.earlier == 0


def test_units_that_are_not_on_trial_are_left_out(database: Database, ingester: Ingester) -> None:
    seen = found(
        database,
        ingester,
        samples.exposure(1, reason="forced", enrolled=False),
        samples.exposure(2, reason="not_enrolled", enrolled=False),
        samples.exposure(3, reason="no_unit", enrolled=False, unit=None),
        samples.exposure(4, experiment="another"),
        samples.exposure(5, assigned="tuned"),
    )
    assert seen.arms.tolist() == [1]


def test_another_plan_of_analysis_is_another_count(database: Database, ingester: Ingester) -> None:
    seen = found(
        database,
        ingester,
        samples.exposure(1, unit="gone", assigned="tuned", analysis_hash="a0", propensity=0.2),
        samples.exposure(2, unit="back", assigned="tuned", analysis_hash="a0", propensity=0.2),
        samples.exposure(3, unit="back", assigned="base"),
    )
    assert seen.arms.tolist() == [0]
    assert seen.earlier == 1


def test_nobody_is_an_empty_count(database: Database, ingester: Ingester) -> None:
    seen = found(database, ingester)
    assert seen.arms.size == 0
    assert seen.earlier == 0
