"""A resume after a pause for a decline: what it accepts, what then stays an alarm, and what still stops it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.api.experiment_answers import ShownDecision
from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.experiments.assignment import assign
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.experiments.states import read_state
from gateway.control.present import Present
from gateway.control.verdicts.live_evidence import experiment_effects
from tests.fixtures.control.live_trial import HOUR_US, NAME, NOW, PERSON, WHOLE, LiveTrial
from tests.fixtures.experiments.box_text import text_of

SECOND = 1_000_000
STEP = 10
"""Users between two steps of the monitor."""


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[LiveTrial]:
    with closing(LiveTrial(tmp_path, WHOLE)) as made:
        yield made


class Visitors:
    """Users who come one after the other and send one request each."""

    def __init__(self, trial: LiveTrial, seed: int = 1) -> None:
        self.trial, self.random, self.arms = trial, random.Random(seed), {"base": 0, "tuned": 0}

    def come(self, errors: float, *, most: int = 2_000, step: int = STEP) -> None:
        """Users come until the experiment stops; ``errors``: of the treatment, against 1 %."""
        for number in range(most):
            if self.trial.experiment.state != "running":
                return
            name = f"user-{sum(self.arms.values())}"
            arm = assign(self.trial.experiment, name).assigned
            assert arm is not None
            self.arms[arm] += 1
            self.trial.visit(name, fails=self.random.random() < (errors if arm == "tuned" else 0.01))
            self.trial.now_us += SECOND
            if number % step == step - 1 or number == most - 1:
                self.trial.step()


def accepts(*amounts: str) -> ChangeOptions:
    return ChangeOptions(accept=amounts)


def described(trial: LiveTrial) -> ShownDecision:
    return describe_decision(trial.database, trial.experiment, (), now_us=trial.now_us)


def alarms(trial: LiveTrial) -> dict[str, tuple[str, str]]:
    rows = trial.database.rows("SELECT kind, state, text FROM alarms ORDER BY at_time")
    return {str(kind): (str(state), str(text)) for kind, state, text in rows}


def said_by_the_gate(trial: LiveTrial) -> dict[str, str]:
    assert trial.publisher.published is not None
    present = Present(trial.publisher.published.plan, {}, trial.now_us)
    return {
        effect.kind: effect.says for effect in experiment_effects(trial.database, trial.experiment, "tuned", present)
    }


def test_a_resume_beyond_what_stops_for_good_needs_the_amount_by_name(trial: LiveTrial) -> None:
    Visitors(trial).come(0.3)
    assert trial.experiment.state == "paused"
    (offer,) = described(trial).accepts
    assert "requests.error_rate of tuned is" in offer.words and "plain 95 % interval" in offer.words
    with pytest.raises(Conflict, match=rf"beyond 1 point, so accept it by name: --accept {offer.write}"):
        trial.change("resume")
    too_little = (
        r"2 points is too little, because the decline's interval reaches from .* to 4.* points; write --accept "
    )
    with pytest.raises(Conflict, match=too_little + offer.write):
        trial.change("resume", options=accepts("2pp"))
    with pytest.raises(BadRequest, match=r"accept: requests.error_rate: '' is not a margin"):
        trial.change("resume", options=accepts("requests.error_rate="))
    with pytest.raises(BadRequest, match=r"'cost.per_request=2pp' is about no decline that paused"):
        trial.change("resume", options=accepts("cost.per_request=2pp"))
    with pytest.raises(BadRequest, match="accept: 'much' is not a margin"):
        trial.change("resume", options=accepts("much"))
    with pytest.raises(BadRequest, match="only a resume accepts a decline, not pause"):
        trial.change("pause", options=accepts("2pp"))
    assert trial.experiment.state == "paused"
    trial.change("resume", options=accepts(offer.write))
    assert trial.experiment.state == "running"


def test_no_resume_accepts_more_than_the_whole_of_a_rate(trial: LiveTrial) -> None:
    Visitors(trial).come(0.3)
    with pytest.raises(BadRequest, match="accept: '200pp' is more than 100 points, the whole of a rate"):
        trial.change("resume", options=accepts("200pp"))
    with pytest.raises(BadRequest, match="accept: '480pp' is more than 100 points"):
        trial.change("resume", options=accepts("requests.error_rate=480pp"))
    trial.change("resume", options=accepts("100pp"))
    trial.step(hours=2)
    shown = described(trial)
    assert shown.analysis is not None and shown.analysis.guardrails and "Error" not in dict(shown.box.lines)


def test_a_resume_of_a_running_experiment_is_refused_for_its_state(trial: LiveTrial) -> None:
    with pytest.raises(Conflict, match="can't resume an experiment that is running"):
        trial.change("resume", options=accepts("25pp"))


@pytest.mark.release("stories")
def test_what_was_accepted_stays_an_amber_alarm_with_its_number_on_every_surface(trial: LiveTrial) -> None:
    visitors = Visitors(trial)
    visitors.come(0.3)
    trial.change("resume", options=accepts("requests.error_rate=45pp"))
    trial.step()
    words = f"{PERSON} accepted a decline of requests.error_rate of tuned up to 45 points"
    state, text = alarms(trial)["experiment.accepted"]
    assert state == "open" and words in text and "more than 1 point still stops it for good once proven" in text
    shown = described(trial)
    assert shown.box.tone == "warning"
    assert words in dict(shown.box.lines)["Accepted"]
    assert dict(shown.box.lines)["Next"].startswith("Watch the accepted decline.")
    assert "continues by itself" not in text_of(shown.box)
    assert trial.publisher.published is not None
    assert words in read_state(trial.database, trial.publisher.published.plan, NAME).accepted[0]
    assert words in said_by_the_gate(trial)["accepted"]
    visitors.come(0.0, most=40)
    trial.restart()
    trial.step()
    assert alarms(trial)["experiment.accepted"][0] == "open"
    trial.change("pause")
    assert words in dict(described(trial).box.lines)["Accepted"]
    assert words in read_state(trial.database, trial.publisher.published.plan, NAME).accepted[0]
    assert words in said_by_the_gate(trial)["accepted"]
    trial.change("resume")
    trial.step()
    assert alarms(trial)["experiment.accepted"][0] == "open"
    assert words in said_by_the_gate(trial)["accepted"]
    trial.change("end")
    trial.step()
    assert alarms(trial)["experiment.accepted"][0] == "closed"


@pytest.mark.release("attacks")
def test_harm_after_a_resume_is_stopped_by_first_requests_before_any_hour_is_over(trial: LiveTrial) -> None:
    visitors = Visitors(trial)
    visitors.come(0.25, step=2)
    assert trial.experiment.state == "paused"
    trial.change("resume", options=accepts("50pp"))
    visitors.come(0.25)
    assert trial.experiment.state == "killed"
    assert visitors.arms["tuned"] <= 100
    assert trial.now_us < NOW + HOUR_US


def test_the_page_says_what_pause_and_kill_wait_for(trial: LiveTrial) -> None:
    visitors = Visitors(trial)
    visitors.come(0.01, most=30)
    (guardrail,) = described(trial).analysis.guardrails
    assert (
        "pause and kill wait for each user's first hour, which is over for 0 of 30 users, and count the first request "
        "of 30 of them already"
    ) in guardrail.room_words
    trial.step(hours=2)
    (guardrail,) = described(trial).analysis.guardrails
    assert "first hour" not in guardrail.room_words


@pytest.mark.release("stories")
def test_a_decline_within_what_stops_for_good_is_accepted_without_a_number(trial: LiveTrial) -> None:
    trial.edit("margin: 1pp", "margin: 30pp")
    trial.change("amend")
    trial.step()
    Visitors(trial).come(0.1)
    assert trial.experiment.state == "paused"
    (offer,) = described(trial).accepts
    assert offer.write == ""
    made = trial.change("resume")
    assert made.evidence is not None and made.evidence["accepted"][0]["amount"] == 0.3


def test_a_resume_that_begins_anew_offers_nothing_and_still_reads_what_is_accepted(trial: LiveTrial) -> None:
    Visitors(trial).come(0.3)
    trial.edit("model: openai/tuned,", "model: openai/tuned-2,")
    assert trial.publisher.published is not None
    plan = trial.publisher.published.plan
    assert describe_decision(trial.database, trial.experiment, (), now_us=trial.now_us, plan=plan).accepts == ()
    with pytest.raises(BadRequest, match="accept: 'much' is not a margin"):
        trial.change("resume", options=accepts("much"))
    assert trial.experiment.state == "paused"
    assert "accepted" not in (trial.change("resume").evidence or {})


def test_a_kill_closes_the_alarm_of_what_was_accepted(trial: LiveTrial) -> None:
    Visitors(trial).come(0.3)
    trial.change("resume", options=accepts("requests.error_rate=45pp"))
    trial.step()
    assert alarms(trial)["experiment.accepted"][0] == "open"
    trial.change("kill")
    assert alarms(trial)["experiment.accepted"][0] == "closed"


@pytest.mark.release("attacks")
def test_an_accepted_decline_pauses_again_once_more_than_that_is_proven(tmp_path: Path) -> None:
    text = WHOLE.replace("margin: 1pp", "margin: 60pp")
    with closing(LiveTrial(tmp_path, text)) as trial:
        visitors = Visitors(trial)
        visitors.come(0.1)
        assert trial.experiment.state == "paused"
        trial.change("resume", options=accepts("20pp"))
        visitors.come(0.1, most=200)
        assert trial.experiment.state == "running"
        visitors.come(0.9)
        assert trial.experiment.state == "paused"
        assert f"beyond the 20 points that {PERSON} accepted" in str(trial.trail()[-1]["why"])
        with pytest.raises(Conflict, match="--accept"):
            trial.change("resume", options=accepts("20pp"))
