"""Of several official gates, the most specific one decides about an experiment, and it covers no other one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.api.experiments import ChangeOptions
from fairtrial.config.project import load_project
from fairtrial.domain.errors import ConfigError, Conflict
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.state_change import Change
from tests.fixtures.control.judged_trial import PROJECT, JudgedTrial

OTHER = """\
  sales:
    question: Does the tuned model sell more?
    unit: user
    control: base
    variants:
      base: {deployment: base}
      tuned: {deployment: tuned}
    split: {base: 50, tuned: 50}
    guardrails: [{metric: requests.error_rate, margin: 20pp, cap: 2}]
"""
TWO = (
    PROJECT.replace("releases: {gate: release.gate.yaml}\n", "")
    + OTHER
    + ("releases: {gate: release.gate.yaml, routes: {sales-bot: sales.gate.yaml}}\n")
)
TWO = TWO.replace("routes:\n", "routes:\n  sales-bot: {experiment: sales, fallback: base}\n")
SUITES = "version: 1\ngate: {name}\nsuites: [small]\n"
CANDIDATE = (
    "version: 1\ngate: release\nsuites: [small]\nexperiment: candidate\nrequire: [live.primary better than base]\n"
)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[JudgedTrial]:
    (tmp_path / "sales.gate.yaml").write_text(SUITES.format(name="sales"))
    with closing(JudgedTrial(tmp_path, TWO)) as made:
        made.gate.write_text(SUITES.format(name="release"))
        made.run_both()
        yield made


def promote(trial: JudgedTrial, experiment: str) -> None:
    asked = Change(experiment, "promote", "local user anna", "it is better", options=ChangeOptions())
    change_experiment(trial.database, trial.publisher, asked, now_us=trial.now_us, probe=lambda _: "fp-1")


@pytest.mark.release("stories")
def test_a_verdict_of_the_default_gate_does_not_release_what_another_gate_covers(trial: JudgedTrial) -> None:
    assert trial.judge().official
    with pytest.raises(Conflict, match="there is no verdict of the official gate"):
        promote(trial, "sales")
    sales = trial.judge(gate=SUITES.format(name="sales"))
    assert sales.official, sales.standing
    promote(trial, "sales")
    assert trial.publisher.published is not None
    assert trial.publisher.published.plan.experiments["sales"].serves == "tuned"


@pytest.mark.release("stories")
def test_a_gate_asks_for_the_experiment_of_its_candidate_by_no_name(trial: JudgedTrial) -> None:
    trial.gate.write_text(CANDIDATE)
    trial.live_traffic(200)
    verdict = trial.judge()
    line = next(one for one in verdict.findings if one.rule == "live.primary better than base")
    assert (line.result, verdict.official) == ("pass", True), verdict.headline
    assert "it tests another definition of tuned, or the release does not cover its route" in verdict.headline


def test_a_gate_of_an_unknown_route_is_refused(trial: JudgedTrial) -> None:
    text = trial.config.read_text().replace("routes: {sales-bot: sales.gate.yaml}", "routes: {salse: sales.gate.yaml}")
    trial.config.write_text(text)
    with pytest.raises(ConfigError, match="there is no route 'salse'"):
        load_project(trial.config, {})
