"""The experiment that moves traffic stands in a copy of the project file, and its plan says what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from fairtrial.api.migrations import PlannedMove
from fairtrial.config.plan.retirement import Retirement
from fairtrial.config.project import load_project
from fairtrial.stats.planning.question import Design, Question
from fairtrial.stats.planning.trial import plan_trial
from fairtrial_cli.migration.experiment_file import plan_moves, planned, write_move
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.projects import ENVIRON, project

TODAY = date(2027, 1, 1)


def test_the_copy_is_sound_and_the_project_file_stays(tmp_path: Path) -> None:
    of = project(tmp_path, ("version: 1\n", "version: 1   # ours\n"))
    before = of.path.read_text()
    path, piece = write_move(of, "base", "tuned") or (of.path, "")
    made = load_project(path, ENVIRON).plan
    assert made.routes["base-direct"].experiment == "migrate-base-direct"
    experiment = made.experiments["migrate-base-direct"]
    assert (experiment.control, experiment.stage) == ("base", 2)
    assert experiment.primary is not None and experiment.primary.metric == "feedback.resolved"
    assert "# ours" in path.read_text() and 'api_key: "${CLOUD_KEY}"' in path.read_text()
    assert piece.startswith("routes:\n  base-direct:") and "deployments" not in piece
    assert of.path.read_text() == before
    assert write_move(of, "cloud", "tuned") is None
    with open_store(of.layout, of.path) as store:
        [move] = plan_moves(store, path, "base", None, TODAY, ENVIRON)
    assert move.weeks is None and "it can't be planned yet" in move.summary


def test_users_and_days_that_are_missing_before_the_last_day_are_named() -> None:
    begun, ends = PlannedMove("migrate-a", "a", ""), Retirement("old", date(2027, 1, 15), "shutdown_date")
    question = Question("feedback.resolved", "superior", 0.62, 0.03)
    trial = plan_trial([question], Design(per_week=4000))
    move = planned(begun, trial, ends, TODAY)
    assert (move.weeks, move.days_missing) == (4, 14)
    assert move.users_missing == round((trial.metrics[0].chosen.units or 0) - 8000)
    assert "14 days are missing" in move.summary
    late = replace(ends, day=date(2027, 6, 1))
    assert planned(begun, trial, late, TODAY).summary == "it decides in 4 weeks at 4,000 users a week"
