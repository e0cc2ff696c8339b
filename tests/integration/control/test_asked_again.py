"""A trial without feedback is decided by what users do next, and feedback is shown beside it where there is some."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial_cli.output.experiment_state import decision_lines
from gateway.control.experiments.describe_decision import describe_decision
from tests.fixtures.control.judged_trial import JudgedTrial
from tests.fixtures.control.live_trial import WHOLE, LiveTrial

PRIMARY = "{metric: feedback.resolved, require: superior, mde: 10pp, min_days: 7}"
ASKED_AGAIN = "{metric: requests.asked_again_rate, require: superior, mde: 10pp, min_days: 7}"
GUARDRAIL = "{metric: requests.left_after_error_rate, margin: 5pp}"
PROJECT = WHOLE.replace(PRIMARY, ASKED_AGAIN).replace("{metric: requests.error_rate, margin: 1pp}", GUARDRAIL)
JUDGED = f"{PROJECT}releases: {{gate: release.gate.yaml}}\n"
LEVEL = "live.requests.asked_again_rate <= 20%"
QUESTION = "How do I cancel my yearly subscription?"
REWORDED = "I want to cancel my subscription, how do I do that?"
ANOTHER = "Which payment methods does your shop accept?"


@pytest.fixture(name="trial")
def trial_fixture(tmp_path: Path) -> Iterator[LiveTrial]:
    trial = LiveTrial(tmp_path, PROJECT)
    yield trial
    trial.close()


def asks(trial: LiveTrial, user: str, text: str, *, fails: bool = False, said: bool | None = None) -> str:
    body = json.dumps({"model": "support-bot", "messages": [{"role": "user", "content": text}]})
    arm = trial.visit(user, fails=fails, said=said, request_body=body, prompt_digest=f"{user} {text}")
    assert arm is not None
    return arm


def users_of(trial: LiveTrial, day: int) -> None:
    """Forty users ask; those of base ask again, those of tuned ask something else, and one of base leaves."""
    arms = {user: asks(trial, user, QUESTION, said=None) for user in (f"u-{day}-{number}" for number in range(40))}
    trial.step(0.05)
    for user, arm in arms.items():
        asks(trial, user, REWORDED if arm == "base" else ANOTHER, said=arm == "tuned")
    if day == 0:
        asks(trial, next(user for user, arm in arms.items() if arm == "base"), "Is anybody there at all?", fails=True)
    trial.step(23.95)


def test_rewordings_decide_a_trial_that_names_them_and_its_gate(tmp_path: Path) -> None:
    trial = JudgedTrial(tmp_path, JUDGED)
    trial.gate.write_text(trial.gate.read_text().replace("approvers:", f"  - {LEVEL}\napprovers:"))
    for day in range(9):
        users_of(trial, day)
    trial.step(1)
    shown = describe_decision(trial.database, trial.experiment, None, now_us=trial.now_us, slices=False)
    assert shown.analysis is not None
    (primary,) = shown.analysis.primary
    assert primary.answer == "better"
    assert (primary.control or 0.0) > 0.4
    assert primary.treatment == 0.0
    (guardrail,) = shown.analysis.guardrails
    assert guardrail.metric == "requests.left_after_error_rate"
    assert (guardrail.control or 0.0) > 0.0
    assert guardrail.treatment == 0.0
    trial.run_both()
    results = {finding.rule: finding.result for finding in trial.judge().findings if finding.decisive}
    assert (results["live.primary better than base"], results[LEVEL]) == ("pass", "pass")
    trial.close()


def test_status_says_how_feedback_agrees_with_rewordings(trial: LiveTrial) -> None:
    for user in range(8):
        asks(trial, f"again-{user}", QUESTION, said=user == 0)
        asks(trial, f"other-{user}", QUESTION, said=user != 0)
    trial.step(0.05)
    for user in range(8):
        asks(trial, f"again-{user}", REWORDED)
        asks(trial, f"other-{user}", ANOTHER)
    trial.step(1)
    shown = describe_decision(trial.database, trial.experiment, None, now_us=trial.now_us, slices=False)
    line = "feedback.resolved is yes for 12% of 8 questions that were asked again, and for 88% of 8 others."
    assert shown.box.notes[0] == line
    assert f"  {line}" in decision_lines(shown)


def test_a_plan_without_rewordings_says_nothing_of_them(tmp_path: Path) -> None:
    trial = LiveTrial(tmp_path, WHOLE)
    asks(trial, "u", QUESTION, said=True)
    trial.step(1)
    shown = describe_decision(trial.database, trial.experiment, None, now_us=trial.now_us, slices=False)
    assert not any("asked again" in line for line in decision_lines(shown))
    trial.close()
