"""After an erasure, the stored answers of a model that no longer answers are compared without the erased cases."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.engine.scoring import metrics_of, score_case
from evaluators.loading.suite_reader import load
from evaluators.migration.drawn_suite import write_suite
from evaluators.suite import Suite
from fairtrial.api.runs import NameRun, keep
from fairtrial.config.project import Project
from fairtrial.domain.run import Answer, Run
from fairtrial.store.core.database import Database
from fairtrial_cli.migration.report import Baseline
from fairtrial_cli.migration.successors import SuccessorRuns, baseline_of, judge_successors
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.store_client.run_journal import store_run
from tests.fixtures.services.projects import ENVIRON, project
from tests.fixtures.store.erasing import erase_unit

COUNT = 24
GONE = "the provider refuses it"


def run_of(suite: Suite, of: Project, target: str, *, error: str | None = None) -> Run:
    """A finished run of the suite as it stands now, with right answers or with errors."""
    results = tuple(
        score_case(
            suite,
            case,
            0,
            Answer(text=None if error else case.expected, error=error, request_id=f"{target}-{case.case_id}"),
        )
        for case in suite.cases
    )
    now_us = time.time_ns() // 1000
    return Run(
        run_id=f"run-{target}-{len(results)}",
        suite=suite.name,
        suite_digest=suite.digest,
        target=target,
        deployment_digest=of.plan.deployments[target].digest,
        fingerprint=None,
        seed=suite.seed,
        repeat=suite.repeat,
        started_us=now_us,
        ended_us=now_us,
        results=results,
        metrics=metrics_of(suite, results),
        versions={scorer.name: scorer.version for scorer in suite.scorers},
    )


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, Path]:
    """A suite of recorded traffic on which the old model's run is kept."""
    monkeypatch.setenv("CLOUD_KEY", ENVIRON["CLOUD_KEY"])
    of = project(tmp_path)
    rows = [
        {"id": f"r-{n}", "request_id": f"r-{n}", "messages": [{"role": "user", "content": f"question {n}"}],
         "expected": f'{{"a": {n}}}'}
        for n in range(COUNT)
    ]  # fmt: skip
    path = of.layout.make().traffic_suites / "traffic-base.yaml"
    write_suite(path, "Recorded.", rows)
    [suite] = load(path)
    run = run_of(suite, of, "base")
    with open_store(of.layout) as store:
        store_run(store, run, suite)
        store.call(keep, NameRun(run_id=run.run_id))
    return of, path


def erase(of: Project, request_id: str) -> None:
    database = Database.open(of.layout)
    erase_unit(database, request_id, f"pseudonym-{request_id}", kind="request")
    database.close()


def baseline_with(of: Project, path: Path) -> tuple[Suite, Baseline]:
    [suite] = load(path)
    return suite, baseline_of(of, suite, "base", None, GONE)


def test_erased_cases_are_left_out_on_both_sides_and_are_counted(drawn: tuple[Project, Path]) -> None:
    of, path = drawn
    for erased, request_id in enumerate(("r-3", "r-5"), 1):
        erase(of, request_id)
        suite, baseline = baseline_with(of, path)
        assert (len(suite.cases), baseline.stored, baseline.why, baseline.erased) == (
            COUNT - erased,
            True,
            GONE,
            erased,
        )
        assert baseline.run_id is not None and baseline.run_id == baseline_with(of, path)[1].run_id
    successor = run_of(suite, of, "cloud")
    judged = SuccessorRuns(suite, baseline, {"cloud": successor}, None)
    with open_store(of.layout, of.path) as store:
        store_run(store, successor, suite)
        [new] = judge_successors(store, [judged], "base", {"cloud": of.plan.deployments["cloud"]}, margin="5pp")
    finding = next(row for row in new.verdict.findings if row.rule.startswith("agreement"))
    assert getattr(finding.evidence, "n", 0) == COUNT - 2, finding
    assert new.verdict.decision in ("SHIP", "HOLD"), new.verdict.headline


def test_a_run_that_failed_gives_way_to_the_kept_one(drawn: tuple[Project, Path]) -> None:
    of, path = drawn
    [suite] = load(path)
    broken = run_of(suite, of, "base", error="502")
    baseline = baseline_of(of, suite, "base", broken, "")
    assert (baseline.stored, baseline.run_id, baseline.why) == (
        True,
        f"run-base-{COUNT}",
        "100 % of its answers failed (502)",
    )
    assert baseline_of(of, suite, "cloud", replace(broken, target="cloud"), "").run_id is None


def test_any_other_change_of_the_suite_makes_the_stored_answers_unusable(drawn: tuple[Project, Path]) -> None:
    of, path = drawn
    erase(of, "r-3")
    rows = path.with_suffix(".jsonl")
    written = {path: path.read_text(), rows: rows.read_text()}
    changes = {
        "question": (rows, "question 7", "another question"),
        "reference": (rows, '{\\"a\\": 8}', '{\\"a\\": 9}'),
        "parameters": (path, "temperature: 0", "temperature: 1"),
        "scorer": (path, "json_equal", "exact"),
        "a case less": (rows, rows.read_text().split("\n")[9] + "\n", ""),
    }
    usable = []
    for name, (file, old, new) in changes.items():
        assert old in written[file], (name, written[file])
        file.write_text(written[file].replace(old, new))
        usable += [name] if baseline_with(of, path)[1].stored else []
        file.write_text(written[file])
    assert usable == []
    assert baseline_with(of, path)[1].stored
