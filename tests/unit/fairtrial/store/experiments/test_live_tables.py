"""Plans, looks and alarms come back as they were stored, and the monitor's memory survives a restart."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf

import pytest

from fairtrial.domain.decision.transition import Action, Transition
from fairtrial.domain.errors import Conflict, NotFound
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.lifecycle import TO
from fairtrial.experiments.sums import Sums
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms, analysis_plans, looks, transitions
from fairtrial.store.experiments.attempts import Definition, count_attempts, count_tried
from fairtrial.store.experiments.sums.arm_sums import read_sums
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.store import live_experiment as live


def test_plans_come_back_with_who_froze_them_and_why(database: Database) -> None:
    live.store_plans(database, live.plan(), live.amended())
    stored = analysis_plans.newest(database, live.NAME)
    assert stored == analysis_plans.StoredPlan(2, live.AMENDED, "amend", "ann", "a test", live.amended())
    live.store_plans(database, live.plan(experiment="other", segment=3))
    assert set(analysis_plans.newest_of_all(database)) == {live.NAME, "other"}
    assert analysis_plans.newest_of_all(database)["other"].plan.segment == 3
    assert analysis_plans.newest(database, "third") is None
    assert analysis_plans.hashes(database, live.plan()) == ["a1", "a2"]
    assert analysis_plans.hashes(database, live.plan(started_us=live.STARTED + 1)) == []
    listed = database.dicts(analysis_plans.listing(Page(), live.NAME))
    assert [(row["number"], row["revision"], row["kind"]) for row in listed] == [(2, 2, "amend"), (1, 1, "start")]
    assert AnalysisPlan.restored(json.loads(listed[1]["plan"])) == live.plan()


def test_attempts_are_counted_by_models_under_any_name(database: Database) -> None:
    three = {"base": 0.4, "tuned": 0.3, "third": 0.3}
    models = {"base": "m0", "tuned": "m1", "third": "m2"}
    live.store_plans(database, live.plan(), live.plan(experiment="renamed"), live.amended())
    third = live.plan(shares=three, models=models, experiment="three")
    live.store_plans(database, third, live.plan(models={"base": "m1", "tuned": "m0"}, experiment="swapped"))
    with database.transaction() as cursor:
        analysis_plans.append(cursor, live.plan(), now_us=live.END, kind="levels", actor="monitor", why="levels")
        analysis_plans.append(cursor, live.plan(revision=9), now_us=live.END, kind="amend", actor="ann", why="stages")
    m0, m1, m2, new = (Definition(name, name) for name in ("m0", "m1", "m2", "new"))
    assert count_attempts(database, m0, [m1]) == 4
    assert count_attempts(database, m0, [m2]) == 1
    assert count_attempts(database, m0, [m1, m2]) == 4
    assert count_attempts(database, m0, [new]) == 0
    assert count_attempts(database, m1, [m0]) == 1


def test_attempts_count_definitions_and_not_deployments(database: Database) -> None:
    first = live.plan(definitions={"base": "d0", "tuned": "d1"})
    second = live.plan(definitions={"base": "d0", "tuned": "d2"}, experiment="prompted")
    live.store_plans(database, first, second)
    base, prompted = Definition("d0", "m0"), Definition("d2", "m1")
    assert count_attempts(database, base, [prompted]) == 1
    assert count_attempts(database, base, [Definition("d3", "m1")]) == 0
    assert count_tried(database, first, now_us=live.END) == 1


@pytest.fixture
def seen(database: Database, ingester: Ingester) -> list[Sums]:
    """The sums of two looks at one experiment."""
    live.store_plans(database, live.plan(), live.amended())
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(*live.random_traffic(7, requests=900, units=200).lines())
    writer.close()
    ingester.catch_up()
    with database.read_transaction() as cursor:
        times = (live.STARTED + 4_000 * live.SECOND, live.END)
        return [read_sums(cursor, live.plan(), live.HASHES, now_us=at_us) for at_us in times]


def test_the_memory_is_restored_from_the_looks(database: Database, seen: list[Sums]) -> None:
    plan, memory = live.plan(), Memory()
    for number, sums in enumerate(seen, 1):
        findings = find(plan, sums)
        memory = memory.after(plan, sums, findings)
        with database.transaction() as cursor:
            assert looks.append(cursor, 1, Looked(plan=plan, memory=memory, findings=findings, sums=sums), {}) == number
            assert looks.memory(cursor, 1, plan) == memory
            assert looks.memory(cursor, 2, live.amended()) == Memory()
    assert memory.split.units > 0
    assert not memory.is_due(seen[-1])
    assert any(latch.running.looks == 2 for latch in memory.latched.values())


def test_the_memory_goes_on_when_the_levels_become_known(database: Database, seen: list[Sums]) -> None:
    plan, sums = live.plan(), seen[0]
    findings = find(plan, sums)
    memory = Memory().after(plan, sums, findings)
    with_levels = replace(plan, metrics=tuple(replace(metric, level=1.0) for metric in plan.metrics))
    with database.transaction() as cursor:
        looks.append(cursor, 1, Looked(plan=plan, memory=memory, findings=findings, sums=sums), {})
        number = analysis_plans.append(cursor, with_levels, now_us=live.END, kind="levels", actor="m", why="w")
        assert looks.memory(cursor, number, with_levels) == memory


def test_looks_are_listed_without_units_and_without_infinite_numbers(database: Database, seen: list[Sums]) -> None:
    plan, sums = live.plan(), seen[0]
    quantile = sums.arms["base"].metrics["requests.ttft_p95"]
    assert quantile.upper == inf  # type: ignore[union-attr]
    findings = find(plan, sums)
    with database.transaction() as cursor:
        memory = Memory().after(plan, sums, findings)
        looks.append(cursor, 1, Looked(plan=plan, memory=memory, findings=findings, sums=sums), {})
    rows = looks.shown(database, Page(), live.NAME)
    assert len(rows) == len(live.METRICS)
    (row,) = looks.shown(database, Page(), live.NAME, metric="requests.ttft_p95")
    assert (row["variant"], row["control_units"], row["treatment_units"]) == (
        "tuned", sums.arms["base"].units, sums.arms["tuned"].units,
    )  # fmt: skip
    assert row["control_sums"]["upper"] is None
    assert row["control_sums"]["users"]["n"] == quantile.users.n  # type: ignore[union-attr]
    assert row["finding"]["answer"] == "cannot tell"
    assert "u-1" not in json.dumps(rows, default=str)
    assert looks.shown(database, Page(), "other") == []


def test_an_alarm_is_opened_once_until_it_is_closed(database: Database) -> None:
    def opened(kind: str = "experiment.srm", experiment: str | None = live.NAME) -> str | None:
        with database.transaction() as cursor:
            return alarms.open_alarm(cursor, kind, experiment, text="Look.", now_us=live.END, actor="monitor")

    first = opened()
    assert first is not None
    assert (opened(), opened("experiment.srm", None) is None, opened("experiment.killed") is None) == (
        None,
        False,
        False,
    )
    with database.transaction() as cursor:
        alarms.acknowledge(cursor, first, now_us=live.END + 1, actor="ann", why="seen")
    assert opened() is None
    assert alarms.counts(database) == {
        ("acknowledged", "experiment.srm"): 1, ("open", "experiment.killed"): 1, ("open", "experiment.srm"): 1,
    }  # fmt: skip
    with database.transaction() as cursor:
        assert alarms.close(cursor, "experiment.srm", live.NAME, now_us=live.END + 2, actor="monitor")
        assert not alarms.close(cursor, "experiment.srm", live.NAME, now_us=live.END + 3, actor="monitor")
        with pytest.raises(Conflict, match="closed"):
            alarms.acknowledge(cursor, first, now_us=live.END, actor="ann", why="seen")
        with pytest.raises(NotFound, match="no alarm 'nothing'"):
            alarms.acknowledge(cursor, "nothing", now_us=live.END, actor="ann", why="seen")
    (row,) = database.dicts(alarms.listing(Page(), state="closed"))
    assert (row["alarm_id"], row["changed_by"], row["details"]) == (first, "monitor", "{}")
    again = opened()
    assert again not in (None, first)
    assert len(database.dicts(alarms.listing(Page(), experiment=live.NAME))) == 3


def test_interruptions_are_from_a_stop_to_the_next_resume_of_the_same_segment(database: Database) -> None:
    changes: list[tuple[int, Action, int]] = [
        (10, "pause", 1), (20, "resume", 1), (30, "pause", 1), (35, "kill", 1), (40, "rearm", 2), (50, "pause", 2),
        (60, "resume", 2), (70, "end", 2),
    ]  # fmt: skip
    with database.transaction() as cursor:
        for at_us, action, segment in changes:
            made = Transition(live.NAME, at_us, action, "running", TO[action], segment, "ann", "why", "p")
            transitions.append(cursor, made)
    assert transitions.interruptions(database, live.NAME, 1) == [(10, 20), (30, None)]
    assert transitions.interruptions(database, live.NAME, 2) == [(50, 60), (70, None)]
    assert transitions.interruptions(database, live.NAME, 3) == []
    assert transitions.interruptions(database, "other", 1) == []
