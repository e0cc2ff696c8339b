"""`fairtrial migrate` on a suite of reviewed pairs: with the old model, and after an erasure without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from fairtrial.config.layout import Layout
from fairtrial.config.plan.migration_reports import migration_reports
from fairtrial.store.core.database import Database
from fairtrial_cli.main import fairtrial
from tests.fixtures.evaluators.review_answers import judged
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store.erasing import erase_unit
from tests.fixtures.upstream.server import FakeUpstream

PAIRS = 24


def migrate(project: Path, *options: str) -> tuple[int, dict[str, Any]]:
    arguments = ["migrate", "base", "tuned", "--config", str(project), "--json", *options]
    done = CliRunner().invoke(fairtrial, arguments)
    assert done.exit_code in (0, 3, 4), (done.output, done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return done.exit_code, found


@pytest.mark.release("stories")
def test_a_review_judges_a_successor_and_stored_answers_outlive_the_old_model_and_an_erasure(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "fairtrial.duckdb").make()
    database = Database.open(layout)
    queue_id = judged(database, {number: [{"preference": "baseline"}] for number in range(PAIRS)})
    database.close()
    with FakeUpstream() as upstream:
        project = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"), workers=1)
        _, alive = migrate(project, "--from-reviews", queue_id)
        [baseline] = alive["baselines"]
        assert (baseline["suite"], baseline["why"], baseline["erased"]) == (f"reviews-{queue_id[:8]}", "", 0)
        assert json.loads(msgspec.json.encode(migration_reports(layout))) == {"base": alive}

        database = Database.open(layout)
        erase_unit(database, "case-3", "nobody", kind="request")
        database.close()
        upstream.script = lambda body: {"kind": "json", "status": 404 if body["model"] == "base" else 200}
        _, gone = migrate(project, *alive["command"].split()[4:-2])
    [stored] = gone["baselines"]
    assert (stored["stored"], stored["erased"]) == (True, 1) and stored["why"]
    assert stored["run_id"] != baseline["run_id"]
    decisions = [report["successors"][0]["decision"] for report in (alive, gone)]
    assert decisions[0] == decisions[1], (alive["successors"], gone["successors"])
    assert gone["successors"][0]["beside"][stored["suite"]]["old"]["results"] == PAIRS - 1
