"""Ways in which a verdict could look better, or a change of the store could stay unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from evaluators.loading.suite_text import digest_of, suite_event, text_of
from fairtrial.api.experiments import ChangeOptions
from fairtrial.api.verdicts import Judge, SuiteReference
from fairtrial.domain.errors import Conflict
from fairtrial.domain.events import Event
from fairtrial.experiments.assignment import assign
from fairtrial.journal.writer import JournalWriter
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.state_change import Change
from gateway.control.verdicts.export_check import check_export
from gateway.control.verdicts.export_page import render
from gateway.control.verdicts.judge_candidate import judge_candidate
from gateway.control.verdicts.live_evidence import read_experiments
from gateway.control.verdicts.provenance import Asked
from gateway.control.verdicts.release.release_record import integrity, read_contents
from tests.fixtures.control.judged_trial import PERSON, PROJECT, SUITE, JudgedTrial

pytestmark = pytest.mark.release("attacks")

EASY = "version: 1\ngate: release\nsuites: [small]\n"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[JudgedTrial]:
    made = JudgedTrial(tmp_path)
    made.gate.write_text(EASY)
    made.run_both()
    yield made
    made.close()


def test_a_removed_newest_verdict_is_found(trial: JudgedTrial) -> None:
    trial.judge()
    newest = trial.judge()
    with trial.database.transaction() as cursor:
        cursor.execute("DELETE FROM verdict_records WHERE verdict_id = $1", [newest.verdict_id])
        cursor.execute("DELETE FROM verdicts WHERE verdict_id = $1", [newest.verdict_id])
    assert not integrity(trial.database).intact


def test_an_official_verdict_without_a_place_in_the_chain_is_found(trial: JudgedTrial) -> None:
    trial.judge()
    with trial.database.transaction() as cursor:
        cursor.execute(
            # by hand: a forged verdict
            "INSERT INTO verdicts SELECT 'forged', at_time + INTERVAL 1 HOUR, gate, candidate, baseline, decision, "
            "headline, replace(verdict::VARCHAR, verdict_id, 'forged') FROM verdicts"
        )
    assert not integrity(trial.database).intact


def test_a_changed_time_by_which_the_newest_verdict_is_chosen_is_found(trial: JudgedTrial) -> None:
    trial.judge()
    with trial.database.transaction() as cursor:
        cursor.execute("UPDATE verdicts SET at_time = at_time + INTERVAL 1 DAY")
    assert not integrity(trial.database).intact


def journal(trial: JudgedTrial, *events: Event) -> None:
    writer = JournalWriter(trial.layout.journal, writer="eve")
    assert writer.append(*events)
    writer.close()
    trial.ingester.catch_up()


def test_a_second_text_of_an_official_suite_does_not_judge_the_lines_of_the_official_gate(tmp_path: Path) -> None:
    trial = JudgedTrial(tmp_path)
    trial.gate.write_text(EASY + "require:\n  - small.exact not worse than base by 10pp\n")
    trial.config.with_name("small.yaml").write_text(SUITE.partition("gate:")[0])
    trial.run_both(tuned=40, base=80)
    assert trial.judge().decision == "BLOCK"
    suite = trial.suite
    forged = json.loads(text_of(suite))
    forged["score"][0]["stats"][0]["higher_is_better"] = False
    text = json.dumps(forged)
    told = msgspec.structs.replace(suite_event(suite, trial.now_us), text=text)
    journal(trial, told)
    references = [
        SuiteReference(suite="small", digest=suite.digest, text_digest=digest_of(text)),
        SuiteReference(suite="small", digest=suite.digest, text_digest=digest_of(text_of(suite))),
    ]
    gate = trial.gate.read_text()
    trial.close()
    with pytest.raises(ValueError, match="the suite 'small' is named with two digests"):
        Judge(gate=gate, suites=references, candidate="tuned", baseline="base")


def test_a_run_of_an_earlier_definition_of_a_third_deployment_is_invalid(tmp_path: Path) -> None:
    third = "  prod: {model: openai/prod, base_url: http://127.0.0.1:9/v1}\nroutes:"
    trial = JudgedTrial(tmp_path, PROJECT.replace("routes:", third, 1))
    trial.gate.write_text(EASY + "require:\n  - exact not worse than prod by 10pp\n")
    trial.run_both()
    trial.run("prod", 80)
    trial.edit("model: openai/prod", "model: openai/prod-2")
    found = trial.judge()
    trial.close()
    assert found.decision == "INVALID", found.headline


def test_a_deployment_with_two_variants_is_not_judged_by_the_one_with_other_params(tmp_path: Path) -> None:
    text = PROJECT.replace(
        "      tuned: {deployment: tuned}\n",
        "      cold: {deployment: tuned, params: {temperature: 0.1}}\n      tuned: {deployment: tuned}\n",
    ).replace("split: {base: 50, tuned: 50}", "split: {base: 50, cold: 25, tuned: 25}")
    trial = JudgedTrial(tmp_path, text)
    assert trial.publisher.published is not None
    found = read_experiments(trial.database, trial.publisher.published.plan, "tuned", "base", now_us=trial.now_us)
    found = found.evidence.experiments
    trial.close()
    assert {one.variant: one.exact for one in found} == {"cold": False, "tuned": True}


def test_proven_harm_refuses_a_promotion_by_a_verdict_from_before_the_start(tmp_path: Path) -> None:
    text = PROJECT.replace("enroll: {stages: [100]}", "enroll: {stages: [100], start: manual}")
    trial = JudgedTrial(tmp_path, text.replace("cap: 2", "cap: 2, pause_at: 20pp, signal: pause"))
    trial.gate.write_text(EASY)
    trial.run_both()
    assert trial.judge().official
    trial.change("start")
    trial.step()
    for number in range(800):
        trial.visit(f"user-{number}", fails=assign(trial.experiment, f"user-{number}").assigned == "tuned")
        if number % 100 == 99:
            trial.step(hours=1)
    assert trial.experiment.state == "paused"
    change = Change("tuned-vs-base", "promote", PERSON, "it resolves more", options=ChangeOptions())
    with pytest.raises(Conflict, match="harm"):
        change_experiment(trial.database, trial.publisher, change, now_us=trial.now_us, probe=lambda _: "fp-1")
    trial.close()


def test_an_overridden_promotion_is_visible_in_the_export(trial: JudgedTrial) -> None:
    verdict = trial.judge()
    trial.edit("model: openai/tuned", "model: openai/tuned-2")
    trial.change("promote", options=ChangeOptions(override=True))
    page = render(read_contents(trial.database, verdict, trial.present))
    assert "although something was missing" in page


def test_a_page_that_shows_another_decision_is_found_whatever_program_it_names(
    trial: JudgedTrial, tmp_path: Path
) -> None:
    trial.run("tuned", 10)
    contents = read_contents(trial.database, verdict := trial.judge(), trial.present)
    assert verdict.decision == "BLOCK"
    forged = replace(contents, record=json.dumps(json.loads(contents.record) | {"program": "0.0.9"}))
    page = tmp_path / "verdict.html"
    page.write_text(render(forged).replace("BLOCK", "SHIP"))
    assert not check_export(page).intact


def test_a_line_requires_a_number_of_what_the_experiment_counts(tmp_path: Path) -> None:
    trial = JudgedTrial(tmp_path)
    line = "live.requests.error_rate <= 90%"
    lines = "".join(f"  - {line}{more}\n" for more in ("", " with 10 users", " with 900 units", " with 10 requests"))
    trial.gate.write_text(EASY + f"experiment: tuned-vs-base\nrequire:\n{lines}")
    trial.run_both()
    for number in range(400):
        trial.visit(f"user-{number}", fails=number % 10 == 0)
        if number % 100 == 99:
            trial.step(hours=6)
    trial.step(hours=25)
    found = {one.rule.removeprefix(line): one for one in trial.judge().findings if one.rule.startswith(line)}
    trial.close()
    assert [one.result for one in found.values()] == ["pass", "pass", "cannot tell", "cannot tell"]
    assert "the experiment counts users, not requests" in found[" with 10 requests"].says


@pytest.mark.parametrize("change", ["weights", "age"])
def test_a_verdict_on_live_traffic_alone_becomes_stale(tmp_path: Path, change: str) -> None:
    trial = JudgedTrial(tmp_path)
    lines = "require:\n  - live.primary better than base\n  - live.guardrails hold\n"
    trial.gate.write_text(f"version: 1\ngate: release\nexperiment: tuned-vs-base\n{lines}")
    trial.live_traffic(200)
    assert trial.publisher.published is not None
    asked = Asked(trial.publisher.published.plan, PERSON, trial.publisher.release_gates)
    request = Judge(gate=trial.gate.read_text(), suites=(), candidate="tuned", baseline="base")
    found = judge_candidate(trial.database, request, asked, now_us=trial.now_us)
    assert found.decision == "SHIP" and found.official
    trial.now_us += 15 * 86_400_000_000 if change == "age" else 0
    wanted = Change("tuned-vs-base", "promote", PERSON, "it resolves more", options=ChangeOptions())
    probe = (lambda _: "fp-2") if change == "weights" else (lambda _: "fp-1")
    with pytest.raises(Conflict):
        change_experiment(trial.database, trial.publisher, wanted, now_us=trial.now_us, probe=probe)
    trial.close()


def test_a_rearm_does_not_forget_proven_harm_of_the_same_model(trial: JudgedTrial) -> None:
    for number in range(800):
        trial.visit(f"user-{number}", fails=assign(trial.experiment, f"user-{number}").assigned == "tuned")
    trial.step(hours=2)
    assert trial.experiment.state == "killed" and trial.judge().decision == "BLOCK"
    trial.change("rearm")
    trial.step()
    assert trial.judge().decision != "SHIP"
