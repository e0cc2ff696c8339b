"""Parts that once contradicted each other, each in the case in which they did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import UNSET

from fairtrial.api.experiment_answers import ShownDecision
from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.errors import Conflict
from fairtrial.experiments.analysis_plan import OLDEST_RULES, RULES
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.traffic.traffic import by_variant_in_segments
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.experiments.states import known_experiment, read_state, read_states
from tests.fixtures.control.judged_trial import PROJECT
from tests.fixtures.control.live_trial import NAME
from tests.fixtures.experiments.box_text import text_of
from tests.fixtures.for_each import for_each
from tests.integration.control.states.scenarios import StatesTrial, removed, rolled_back, worse

OTHER = PROJECT[PROJECT.index("  tuned-vs-base:") : PROJECT.index("releases:")].replace("tuned-vs-base", "other")
TWO = PROJECT.replace("releases:", f"{OTHER}releases:")


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[StatesTrial]:
    with closing(StatesTrial(tmp_path, PROJECT)) as made:
        yield made


MANUAL = PROJECT.replace("{stages: [100]}", "{stages: [100], start: manual}")


@pytest.mark.release("stories")
def test_a_loser_gets_no_ship_from_suites_that_pass_and_is_not_promoted(tmp_path: Path) -> None:
    with closing(StatesTrial(tmp_path, MANUAL)) as trial:
        trial.run_both()
        before = trial.judge()
        assert before.decision == "SHIP" and "Fit to start, no user has been asked." in before.headline
        trial.change("start", "the suites pass")
        trial.step()
        trial.users(60)
        with pytest.raises(Conflict, match="experiment tuned-vs-base: it is undecided"):
            trial.promote()
        worse(trial)
        with pytest.raises(Conflict, match="experiment tuned-vs-base: tuned is worse"):
            trial.promote()  # the SHIP from before the loss does not help
        verdict = trial.judge()
        assert verdict.decision == "BLOCK" and "tuned is worse" in verdict.headline
        with pytest.raises(Conflict, match="tuned is worse"):
            trial.promote()


def test_an_undecided_trial_holds_the_official_gate_alone(trial: StatesTrial) -> None:
    trial.users(60)
    trial.run_both()
    assert "experiment tuned-vs-base: it is undecided" in trial.judge().headline
    unofficial = trial.judge(gate="version: 1\ngate: nightly\nsuites: [small]\n")
    assert unofficial.decision == "SHIP" and "Not decided yet" in unofficial.headline.replace("not", "Not")


@pytest.mark.release("stories")
def test_a_roll_back_blocks_the_definition_under_another_experiment_until_it_is_withdrawn(tmp_path: Path) -> None:
    with closing(StatesTrial(tmp_path, TWO)) as trial:
        rolled_back(trial)
        text, entry = trial.config.read_text(), OTHER.replace("other", NAME)
        trial.config.write_text(text.replace(entry, "").replace(f"experiment: {NAME}", "experiment: other"))
        trial.now_us += 3_000_000
        trial.publisher.refresh()
        trial.step()
        verdict = trial.judge()
        assert verdict.decision == "BLOCK" and "was rolled back on" in verdict.headline
        trial.change("withdraw", "the tone was that of another product")
        after = trial.judge()
        assert after.decision == "SHIP" and "withdrew it on 23 Jan 2027: the tone was that of another" in after.headline


def test_an_amendment_does_not_erase_what_was_proven(trial: StatesTrial) -> None:
    worse(trial)
    trial.edit("mde: 10pp", "mde: 12pp")
    trial.change("amend", "a smaller effect does not matter")
    trial.step()
    trial.run_both()
    assert trial.judge().decision == "HOLD"
    assert "that this definition is worse on feedback.resolved" in _sentence(trial)


def test_figures_after_a_resume_with_another_model_are_those_of_the_new_segment(trial: StatesTrial) -> None:
    trial.users(300)
    trial.edit("model: openai/tuned", "model: openai/tuned-2")
    trial.step()
    trial.change("resume", "the new weights are meant")
    trial.step()
    trial.users(100)
    (traffic,) = by_variant_in_segments(trial.database, Page())
    assert sum(one.units for one in traffic.variants) == 100
    trial.run_both()
    rates = {one.metric: one.says for one in trial.judge().findings if not one.decisive}
    shown = _decision(trial).analysis.guardrails[0]
    assert shown.control_units + shown.treatment_units == 100
    assert f"of {shown.treatment_units} requests" in rates["live.requests.error_rate"]


def test_a_prompt_is_another_definition_and_not_a_second_attempt(tmp_path: Path) -> None:
    (tmp_path / "kind.md").write_text("Be kind.")
    with closing(StatesTrial(tmp_path, PROJECT)) as trial:
        trial.users(20)
        trial.edit("tuned: {deployment: tuned}\n", "tuned: {deployment: tuned, system_prompt: kind.md}\n")
        trial.step()
        assert trial.experiment.state == "paused", "a changed prompt is another definition"
        trial.change("resume", "the prompt is meant")
        trial.step()
        assert _decision(trial).analysis.attempt == 1
        trial.users(100)
        assert "Its routes have tried 2 definitions against base in 90 days; the best of so many" in _sentence(trial)
        trial.run_both()
        assert "tried 2 definitions against base in 90 days" in trial.judge(candidate=f"{NAME}/tuned").headline


def test_a_failing_look_of_one_experiment_does_not_stop_the_kill_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(StatesTrial(tmp_path, TWO)) as trial:
        kept = trial.monitor._read

        def read(stored, now_us):  # type: ignore[no-untyped-def]
            if stored.plan.experiment == "other":
                raise ValueError("the metric can't be computed")
            return kept(stored, now_us)

        monkeypatch.setattr(trial.monitor, "_read", read)
        trial.name = "other"
        trial.visit("user-of-other")
        trial.name = NAME
        trial.users(200, fails=0.5)
        assert trial.experiment.state == "killed"
        kinds = {(str(one), str(kind)) for one, kind in trial.database.rows("SELECT experiment, kind FROM alarms")}
        assert {(NAME, "experiment.killed"), ("other", "experiment.error")} <= kinds


@for_each(("metric", "margin"), [("requests.cancel_rate", "1pp"), ("requests.refusal_rate", "2pp")])
def test_a_guardrail_of_events_with_a_stop_margin_in_points_is_computed(
    metric: str, margin: str, tmp_path: Path
) -> None:
    folder = tmp_path / metric
    folder.mkdir()
    text = PROJECT.replace("metric: requests.error_rate, margin: 20pp", f"metric: {metric}, margin: {margin}")
    with closing(StatesTrial(folder, text)) as trial:
        trial.users(60)
        assert trial.database.rows("SELECT 1 FROM alarms WHERE kind = 'experiment.error'") == []
        assert _decision(trial).analysis.guardrails[0].answer == "open"


def test_an_ended_experiment_stays_readable_after_its_entry_left_the_file_until_it_is_archived(
    trial: StatesTrial,
) -> None:
    removed(trial)
    plan = trial.publisher.published.plan  # type: ignore[union-attr]
    assert read_states(trial.database, plan) == []
    assert [one.name for one in read_states(trial.database, plan, all_=True)] == [NAME]
    found = describe_decision(
        trial.database, known_experiment(trial.database, plan, NAME), None, now_us=trial.now_us, slices=False
    )
    assert found.box.headline.startswith("ENDED: Not decided yet") and found.plans
    trial.change("archive", "the quarter is over")
    assert read_states(trial.database, plan, all_=True) == []
    assert read_state(trial.database, plan, NAME).archived


def test_an_experiment_keeps_its_rules_until_an_amendment_adopts_newer_ones(trial: StatesTrial) -> None:
    with pytest.raises(Conflict, match="decided by the newest rules"):
        trial.change("amend", "the new rules", options=ChangeOptions(rules=True))
    stored = analysis_plans.newest(trial.database, NAME)
    assert stored is not None
    with trial.database.transaction() as cursor:
        older = replace(stored.plan, rules=OLDEST_RULES)
        analysis_plans.append(cursor, older, now_us=trial.now_us, kind="levels", actor="control", why="an upgrade")
    trial.restart()
    assert (trial.experiment.state, _decision(trial).analysis.rules) == ("running", OLDEST_RULES)
    trial.change("amend", "the new rules", options=ChangeOptions(rules=True))
    trial.step()
    found = _decision(trial).analysis
    assert (found.rules, found.attempt) == (RULES, 2)


def test_a_plan_of_rules_that_are_no_longer_computed_is_ended_by_the_upgrade_and_stays_readable(
    trial: StatesTrial,
) -> None:
    worse(trial)
    stored = analysis_plans.newest(trial.database, NAME)
    assert stored is not None
    with trial.database.transaction() as cursor:
        metrics = tuple(
            replace(one, missing=UNSET, method="events" if one.method == "shares" else one.method, pause=None)
            for one in stored.plan.metrics
        )
        older = replace(stored.plan, rules=1, metrics=metrics, definitions={}, routes=(), on_worse="continue")
        analysis_plans.append(cursor, older, now_us=trial.now_us, kind="levels", actor="control", why="an upgrade")
    trial.restart()
    assert trial.experiment.state == "ended"
    last = trial.trail()[-1]
    assert last["why"] == (
        "ended by upgrade: this version no longer computes its rules (number 1); "
        "to start it again, declare it under another name"
    )
    after = _decision(trial)
    assert "ended by upgrade" in after.box.lines[0][1], after.box
    assert after.analysis.primary[0].metric == "feedback.resolved"
    trial.restart()
    assert trial.trail()[-1] == last, "it is ended once"


def _decision(trial: StatesTrial) -> ShownDecision:
    return describe_decision(trial.database, trial.experiment, None, now_us=trial.now_us, slices=False)


def _sentence(trial: StatesTrial) -> str:
    return text_of(_decision(trial).box)
