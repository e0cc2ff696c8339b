"""`fairtrial verdict recompute` repeats looks that what users cost before the start has adjusted (CUPED)."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner

from fairtrial.config.layout import Layout
from fairtrial.experiments.assignment import assign
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.sums import control_levels
from fairtrial_cli.commands import verdict as commands
from tests.fixtures.control.judged_trial import PROJECT, JudgedTrial

RESOLVED = "{metric: feedback.resolved, require: superior, mde: 10pp, min_days: 7}"
COSTS = PROJECT.replace(RESOLVED, "{metric: cost.per_unit, require: superior, mde: 20%, min_days: 7}")
USERS, DAYS, CHEAPER = 160, 4, 0.7


class Judged(NamedTuple):
    """A verdict on closed looks, and one user of the treatment: what it cost before the start, and what since then."""

    project: Path
    verdict_id: str
    before: float
    since: float
    pays: str


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    trial = JudgedTrial(tmp_path_factory.mktemp("costs"), COSTS, watched=False)
    usual = np.random.default_rng(8).gamma(4.0, 0.001, USERS).round(6).tolist()
    for number, cost in enumerate(usual):
        trial.sent_outside(f"user-{number}", str(cost))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control_levels, "LEVEL_UNITS", USERS)
        trial.step(hours=1)
    treated = None
    for number, cost in enumerate(usual):
        arm = assign(trial.experiment, f"user-{number}").assigned
        since = round(cost * (CHEAPER if arm == "tuned" else 1.0), 6)
        trial.visit(f"user-{number}", call={"cost_usd": str(since)}, system_fingerprint="fp-1")
        treated = treated or ((cost, since) if arm == "tuned" else None)
        if number % (USERS // DAYS) == USERS // DAYS - 1:
            trial.step(hours=24)
    trial.run_both()
    verdict = trial.judge()
    trial.close()
    assert treated is not None
    return Judged(trial.config, verdict.verdict_id, *treated, verdict.pays)


def recomputed(judged: Judged) -> tuple[int, dict[str, Any]]:
    options = [judged.verdict_id, "--config", str(judged.project), "--json"]
    done = CliRunner().invoke(commands.recompute, options)
    return done.exit_code, json.loads(done.stdout)


def rows(judged: Judged, sql: str, *values: object) -> list[tuple[Any, ...]]:
    database = Database.open(Layout(judged.project.with_name("fairtrial.duckdb")))
    try:
        with database.transaction() as cursor:
            return cursor.execute(sql, list(values)).fetchall()
    finally:
        database.close()


@pytest.mark.release("stories")
def test_adjusted_looks_are_the_same_until_one_earlier_amount_changes(judged: Judged) -> None:
    code, found = recomputed(judged)
    (looks,) = found["looks"]
    assert (code, found["result"], found["differences"]) == (0, "THE SAME", [])
    assert re.fullmatch(r"tuned may save \$0\.00\d+ a request \(-\$0\.\d+ to \$0\.\d+\) at any volume", judged.pays)
    assert looks["repeated"] == looks["stored"] == looks["judged"] >= DAYS and looks["decisions"]
    where = "WHERE metric = 'cost.per_unit' AND number = 3"
    ((sums, finding),) = rows(judged, f"SELECT treatment_sums, finding FROM looks {where}")
    assert "CUPED took off" in json.loads(finding)["estimate"]["method"]
    planted = json.loads(sums)
    earlier, more = planted["with_earlier"], judged.before / 2
    earlier["y"] += more
    earlier["yy"] += (judged.before + more) ** 2 - judged.before**2
    earlier["xy"] += more * judged.since
    rows(judged, f"UPDATE looks SET treatment_sums = $1 {where}", json.dumps(planted))
    code, found = recomputed(judged)
    assert (code, found["result"], found["looks"][0]["different"]) == (1, "CHANGED", [3])
    assert "look 3 of tuned-vs-base does not repeat: its findings differ from its sums" in found["differences"]
    rows(judged, f"UPDATE looks SET treatment_sums = $1 {where}", sums)
    assert recomputed(judged)[0] == 0
