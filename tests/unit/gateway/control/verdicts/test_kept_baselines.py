"""A kept run is the baseline for good: retention leaves its answers, and a later run does not take its place."""

from __future__ import annotations

from msgspec.structs import replace

from evaluators.suite import Suite
from fairtrial.domain.events import RunEvent
from fairtrial.store.maintenance.retention import drop_old_texts
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.control_app import NOW, client
from tests.fixtures.control.judging import asked, bring, bring_runs, judged, run_of

YEAR_US = 366 * 86_400_000_000
TEXTS = "SELECT count(output) FROM results WHERE run_id = ?"


async def test_a_kept_run_keeps_its_answers_and_decides(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 80)
    baseline = {"suite": suite.name, "suite_digest": suite.digest, "target": "base"}
    pinned = asked(suite, baseline_runs=["run-base-80"], successors=2)
    async with client(background) as http:
        assert (await http.get("/api/kept-runs", params=baseline)).json() == {"run_id": None}
        refused = await http.post("/api/verdicts", json=pinned)
        assert (refused.status_code, "is not a run that is kept" in refused.text) == (400, True)
        for _ in range(2):
            assert (await http.post("/api/runs/run-base-80/keep")).json() == {"run_id": "run-base-80"}
        assert (await http.get("/api/kept-runs", params=baseline)).json() == {"run_id": "run-base-80"}
        assert (await http.post("/api/runs/nothing/keep")).status_code == 404
        actions = [row["action"] for row in (await http.get("/api/events")).json()["rows"]]
    assert actions.count("run.keep") == 1
    drop_old_texts(background.database, before_us=NOW + YEAR_US)
    texts = [background.database.value(TEXTS, (run,)) for run in ("run-base-80", "run-tuned-80")]
    assert texts[0] > 0 and texts[1] == 0
    *results, head = run_of(background, suite, "base", 20)
    assert isinstance(head, RunEvent)
    bring(background, *results, replace(head, ended_us=head.ended_us + 1))
    usual, by_kept = await judged(background, asked(suite)), await judged(background, pinned)
    assert (usual["runs"][1], by_kept["runs"][1]) == ("run-base-20", "run-base-80")
    async with client(background) as http:
        again = (await http.get(f"/api/verdicts/{by_kept['verdict_id']}/recomputation")).json()
    assert again["same"], again
