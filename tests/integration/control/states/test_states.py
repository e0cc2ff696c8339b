"""Every surface says of each state what the table says, and does what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fairtrial.domain.errors import FairtrialError
from fairtrial.domain.verdicts.approvals import exit_code_of
from fairtrial.experiments.assignment import assign
from fairtrial_cli.output.experiment_state import decision_lines
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.experiments.states import known_experiment
from gateway.control.verdicts.export_page import render
from gateway.control.verdicts.recompute import recompute
from gateway.control.verdicts.release.approvals import state_of
from gateway.control.verdicts.release.release_record import read_contents, release_record
from tests.fixtures.control.live_trial import NAME
from tests.fixtures.paths import ROOT
from tests.integration.control.states.scenarios import SCENARIOS, StatesTrial
from tests.integration.control.states.table import TABLE, Row

ALARMS = "SELECT kind, state FROM alarms WHERE experiment = ? AND NOT starts_with(kind, 'units') ORDER BY kind"


@pytest.fixture
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Row, StatesTrial]]:
    row: Row = request.param
    text, reach = SCENARIOS[row.state]
    with closing(StatesTrial(tmp_path, text)) as made:
        reach(made)
        yield row, made


SHORT = {"better", "decline accepted", "harmed, signal: pause", "promoted", "rolled back", "undecided"}
"""States of the documentation that are tested each time; others are among the stories."""


def _marks(row: Row) -> tuple[pytest.MarkDecorator, ...]:
    if row.state in SHORT:
        return ()
    return (pytest.mark.release("stories" if row.printed else "walks"),)


ROWS = [pytest.param(row, id=row.state, marks=_marks(row)) for row in TABLE]


@pytest.mark.parametrize("trial", ROWS, indirect=True)
def test_every_surface_says_the_same(trial: tuple[Row, StatesTrial]) -> None:
    row, found = trial
    seen: dict[str, Any] = {}
    plan = found.publisher.published.plan  # type: ignore[union-attr]
    experiment = known_experiment(found.database, plan, NAME)
    decided = describe_decision(found.database, experiment, None, now_us=found.now_us, slices=False)
    seen["status"] = next(decision_lines(decided)).startswith(f"{NAME}: {row.status}") or decided.box.headline
    seen["tone"] = decided.box.tone
    seen["serves"] = _serves(found)
    rows = found.database.rows(ALARMS, (NAME,))
    seen["alarms"] = tuple(kind for kind, state in rows if state != "closed")
    seen["notices"] = tuple(kind for kind, state in rows if kind.startswith("notice."))
    found.run_both()
    verdict = found.judge()
    seen["gate"], seen["exit code"] = (
        verdict.decision,
        exit_code_of(verdict.decision, state_of(found.database, verdict)),
    )
    said = " ".join(one.says for one in verdict.findings)
    seen["says"] = row.says in said or said
    record = release_record(found.database, verdict, found.present)
    seen["page of the verdict"] = row.gate == "SHIP" or any(row.says in one for one in (verdict.headline, said))
    seen["page and export"] = row.says in render(read_contents(found.database, verdict, found.present)) or said
    seen["stale from birth"], seen["ending"] = list(record.stale), decided.ending
    seen["recompute"] = recompute(found.database, verdict.verdict_id).differences
    seen["fit to start"] = "Fit to start, no user has been asked." in verdict.headline
    seen["promote"] = _promote(found, row)
    assert seen == {
        "status": True,
        "tone": row.tone,
        "serves": row.serves,
        "alarms": row.alarms,
        "notices": row.notices,
        "gate": row.gate,
        "exit code": row.exit_code,
        "says": True,
        "page of the verdict": True,
        "page and export": True,
        "stale from birth": [],
        "ending": row.ending,
        "recompute": (),
        "fit to start": row.state in ("declared", "no look", "resumed with another model"),
        "promote": row.promote,
    }


def _serves(trial: StatesTrial) -> str:
    """Which arms a hundred enrolled users would get now; of a removed experiment, what its route serves."""
    plan = trial.publisher.published.plan  # type: ignore[union-attr]
    if NAME not in plan.experiments:
        return str(plan.routes["support-bot"].deployment)
    served = {assign(trial.experiment, f"visitor-{number}").served for number in range(100)}
    return "both" if len(served) > 1 else served.pop()


def _promote(trial: StatesTrial, row: Row) -> str:
    """The expected words if the promotion is refused with them, empty if it serves everyone, or what happened."""
    try:
        trial.promote()
    except FairtrialError as refused:
        return row.promote if row.promote and row.promote in str(refused) else str(refused)
    return "" if trial.experiment.serves == "tuned" and _serves(trial) == "tuned" else "it is not promoted"


def test_the_documentation_prints_the_rows_that_matter() -> None:
    page = (ROOT / "docs" / "reference" / "experiment-states.md").read_text(encoding="utf-8")
    assert [_printed(row) for row in TABLE if row.printed and _printed(row) not in page] == []


def _printed(row: Row) -> str:
    alarms = ", ".join(f"`{one}`" for one in row.alarms) or "none"
    promote = f"refused: *{row.promote}*" if row.promote else "possible with an approved SHIP"
    status = f"*{row.status}* ({row.tone})"
    return f"| {row.meaning} | {status} | {row.gate}, {row.exit_code} | {promote} | {row.serves} | {alarms} |"


def test_the_table_covers_every_scenario() -> None:
    assert [row.state for row in TABLE] == list(SCENARIOS)
    assert {row.state for row in TABLE if row.printed} >= SHORT
    assert sum(row.printed for row in TABLE) == 25
