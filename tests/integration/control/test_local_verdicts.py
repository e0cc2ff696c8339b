"""Commands without a control process judge and describe verdicts by the live states of experiments in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.api.verdicts import NameVerdict, record
from fairtrial.config.project import load_project
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.store_client.stored import judge_gate_file
from tests.fixtures.control.judged_trial import JudgedTrial


@pytest.mark.release("stories")
def test_a_kill_that_the_file_does_not_show_is_seen(tmp_path: Path) -> None:
    trial = JudgedTrial.with_traffic_and_runs(tmp_path)
    verdict = trial.judge()
    trial.change("kill")
    trial.close()
    with open_store(trial.layout, trial.config) as store:
        stale = store.call(record, NameVerdict(verdict_id=verdict.verdict_id)).stale
        assert any("tested this definition and was killed on" in one for one in stale)
        project = load_project(trial.config, {})
        again = judge_gate_file(store, trial.gate, project, candidate="tuned", baseline="base")
    assert again.provenance is not None
    assert [one.state for one in again.provenance.experiments] == ["killed"]
