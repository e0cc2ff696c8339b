"""A roll-back or kill counts against the definition, and evidence of earlier rules is judged as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.verdicts.staleness import stale_reasons
from tests.fixtures.control.judged_trial import PROJECT
from tests.integration.control.states.scenarios import (
    StatesTrial,
    killed,
    promoted_with_a_control,
    rearmed_safe_and_better,
)

GUARDRAILS = "version: 1\ngate: harmless\nsuites: [small]\nexperiment: tuned-vs-base\nrequire: [live.guardrails hold]\n"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[StatesTrial]:
    with closing(StatesTrial(tmp_path, PROJECT)) as made:
        yield made


def sentence(trial: StatesTrial) -> str:
    shown = describe_decision(trial.database, trial.experiment, None, now_us=trial.now_us, slices=False)
    return msgspec.json.encode([shown.box, shown.analysis.guardrails]).decode()


@pytest.mark.release("attacks")
def test_safe_that_harm_followed_after_a_promotion_is_not_safe(trial: StatesTrial) -> None:
    promoted_with_a_control(trial)
    while "1 of 1 proven safe" not in sentence(trial):
        trial.users(2000)
        assert trial.experiment.state == "running"
    assert trial.judge(gate=GUARDRAILS).decision == "SHIP"
    while trial.experiment.state == "running":
        trial.users(1000, fails=0.6)
    assert "proven safe" not in sentence(trial) and '"answer":"harmed"' in sentence(trial)
    verdict = trial.judge(gate=GUARDRAILS)
    assert verdict.decision == "BLOCK"
    assert next(one.result for one in verdict.findings if one.rule == "live.guardrails hold") == "fail"


@pytest.mark.release("attacks")
def test_a_kill_makes_an_earlier_ship_stale_until_a_later_attempt_clears_it(trial: StatesTrial) -> None:
    trial.run_both()
    rearmed_safe_and_better(trial)
    trial.run_both()
    verdict = trial.judge()
    assert verdict.decision == "SHIP" and stale_reasons(trial.database, verdict, trial.present) == ()
    trial.change("kill", "answers in French")
    (reason,) = stale_reasons(trial.database, verdict, trial.present)
    assert "tested this definition and was killed on" in reason and "answers in French" in reason
    assert trial.judge().decision == "BLOCK"


def test_a_kill_of_a_model_that_was_replaced_is_not_held_against_the_new_one(trial: StatesTrial) -> None:
    killed(trial)
    trial.edit("model: openai/tuned", "model: openai/tuned-2")
    trial.change("rearm", "other weights")
    trial.step()
    trial.run_both()
    assert "was killed" not in str(trial.judge().findings)
