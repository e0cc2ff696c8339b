"""Users with many requests: what they suffer keeps a rate from being safe, until an admin accepts them by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.experiments.decision.effects import Effect
from fairtrial.experiments.lifecycle import sentence
from fairtrial_cli.output.experiment_state import decision_lines
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.present import Present
from gateway.control.verdicts.live_evidence import experiment_effects
from tests.fixtures.control.heavy_users import TEXT, accept, guardrail, send
from tests.fixtures.control.live_trial import NAME, LiveTrial


@pytest.fixture(name="trial")
def trial_fixture(tmp_path: Path) -> Iterator[LiveTrial]:
    trial = LiveTrial(tmp_path, TEXT)
    yield trial
    trial.close()


def effects(trial: LiveTrial) -> list[Effect]:
    assert trial.publisher.published is not None
    present = Present(trial.publisher.published.plan, {}, trial.now_us)
    found = experiment_effects(trial.database, trial.experiment, "tuned", present)
    return [effect for effect in found if effect.kind in ("weighed", "heaviest")]


def status(trial: LiveTrial) -> str:
    decision = describe_decision(trial.database, trial.experiment, (), now_us=trial.now_us)
    return "\n".join(decision_lines(decision))


def test_a_user_whose_many_requests_fail_is_named_and_keeps_the_rate_from_being_safe(trial: LiveTrial) -> None:
    (heavy,) = send(trial, heavy=1)
    held = guardrail(trial)
    assert held.by_request is not None
    assert (held.answer, held.by_request.holds, held.by_request.behind, held.missing) == ("open", True, 1, None)
    assert [unit.unit for unit in held.by_request.named] == [heavy]
    assert (trial.experiment.state, held.declined, held.vetoed) == ("running", False, False)
    hold, shown = effects(trial)
    assert (hold.result, shown.result) == ("cannot tell", "shown")
    assert "points worse" in hold.says and f"1 user ({heavy}) is behind it" in hold.says
    assert f"fairtrial experiment approve {NAME} --unit {heavy}" in hold.needed
    assert shown.says.startswith("the heaviest 1 % of users send 30.3 %")
    decision = describe_decision(trial.database, trial.experiment, (), now_us=trial.now_us)
    assert decision.box.tone == "warning"
    assert f"fairtrial experiment approve {NAME} --unit {heavy}" in dict(decision.box.lines)["Next"]
    shown_words = status(trial)
    assert f"By {hold.says.partition(': by ')[2]}." in shown_words
    assert "17.5 % of the requests of" in shown_words  # the level has no cap either
    assert "The heaviest 1 % of users send 30.3 %" in shown_words and "but not by request" in shown_words


def test_an_accepted_user_stays_in_the_sums_and_every_surface_repeats_who_accepted_it(trial: LiveTrial) -> None:
    (heavy,) = send(trial, heavy=1)
    before = guardrail(trial)
    made = accept(trial, heavy)
    assert (made.action, made.to_state, made.stage) == ("approve", "running", None)
    safe = guardrail(trial)
    assert before.by_request is not None and safe.by_request is not None
    assert (safe.answer, safe.by_request.holds, safe.by_request.treatment) == (
        "safe",
        False,
        before.by_request.treatment,
    )
    (shown, _) = effects(trial)
    assert shown.result == "shown" and f"account rosa accepted {heavy}" in shown.says
    assert "our nightly test bot" in status(trial)
    assert sentence(NAME, "base", "running", made).startswith(f"Running: accepted {heavy} at ")
    with pytest.raises(Conflict, match=f"done already: account rosa accepted {heavy} on "):
        accept(trial, heavy)


def test_a_user_who_becomes_heavy_later_is_not_accepted_with_the_earlier_one(trial: LiveTrial) -> None:
    (first,) = send(trial, heavy=1)
    accept(trial, first)
    (second,) = send(trial, heavy=1, bad=0.8)
    held = guardrail(trial)
    assert held.by_request is not None
    assert (held.answer, held.by_request.behind) == ("open", 1)
    assert [unit.unit for unit in held.by_request.named] == [second]
    accept(trial, second)
    assert guardrail(trial).answer == "safe"


def test_an_acceptance_ends_with_its_segment(trial: LiveTrial) -> None:
    (heavy,) = send(trial, heavy=1)
    accept(trial, heavy)
    trial.change("kill")
    trial.now_us += 10_000_000
    trial.change("rearm")
    trial.step()
    send(trial, heavy=1)
    held = guardrail(trial)
    assert held.by_request is not None
    assert (held.answer, held.by_request.accepted) == ("open", ())


def test_only_named_units_can_be_accepted(trial: LiveTrial) -> None:
    (heavy,) = send(trial, heavy=1)
    with pytest.raises(Conflict, match=f"hash-user-1 can't be accepted .named now: {heavy}."):
        accept(trial, heavy, "hash-user-1")
    with pytest.raises(BadRequest, match="unit: ' ' is empty"):
        accept(trial, " ")
    with pytest.raises(BadRequest, match="only an approval without a stage accepts units"):
        trial.change("pause", options=ChangeOptions(unit=(heavy,)))


def test_many_users_behind_a_difference_are_counted_and_not_named(trial: LiveTrial) -> None:
    send(trial, heavy=6, bad=0.2)
    held = guardrail(trial)
    assert held.by_request is not None
    assert (held.by_request.behind, held.by_request.named) == (4, ())
    assert "4 users are behind it" in status(trial)
    with pytest.raises(Conflict, match="no users are named now, because at most three"):
        accept(trial, "hash-user-1")
