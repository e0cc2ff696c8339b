"""A step of the monitor kills, pauses, advances, asks, ends or waits, and missing data does none of these."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Any

import pytest

from fairtrial.domain.decision.values import KeptAway
from fairtrial.domain.limits.constants import DAY_US, HOUR_US, WEEK_US
from fairtrial.domain.settings import Enrolment, KeptControl
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline
from fairtrial.experiments.decision.effects import LiveState, effects
from fairtrial.experiments.decision.guardrail_words import kept_decline_words
from fairtrial.experiments.decision.waits import wait_words
from fairtrial.experiments.methods.method import passes_us
from fairtrial.experiments.monitor import Circumstances, Step, step
from fairtrial.experiments.sums import ArmSums, Sums
from tests.fixtures.experiments.frozen_plans import (
    COST,
    ERRORS,
    LATENCY,
    analysis_plan,
    answers,
    cost,
    errors,
    failing,
    heavy,
    latency,
    rate,
    rated,
    resolved,
    spent,
    sums,
    waited,
)
from tests.fixtures.for_each import for_each

STAGES = Enrolment((5.0, 20.0, 100.0), min_units=100, min_hours=24.0, approve=(100.0,))
DECLINE = AcceptedDecline(metric=ERRORS, variant="tuned", amount=0.01)
BAD, GOOD = (failing(900, 9), failing(900, 60)), (failing(900, 9), failing(900, 9))


def around(now_us: int = HOUR_US, stage: float = 100.0, **more: Any) -> Circumstances:
    return Circumstances(now_us, stage, 0, **more)


def done(result: Step) -> str | None:
    return result.verdict.do if result.verdict else None


def worded(result: Step) -> tuple[str, ...]:
    return tuple(map(wait_words, result.waits))


def test_proven_harm_kills_and_says_so() -> None:
    result = step(analysis_plan(errors()), Memory(), sums(HOUR_US, units=900, errors=BAD), around())
    assert result.verdict is not None and result.verdict.do == "kill"
    assert result.verdict.why.startswith(f"{ERRORS} of tuned: 6.7 % against 1 % of base (e-value ")
    assert result.verdict.evidence["metric"] == ERRORS
    assert result.verdict.evidence["units"] == {"base": 900, "tuned": 900}
    assert result.memory.latched[ERRORS, "tuned"].answer == "harm"


def test_a_proven_decline_pauses_until_a_person_accepts_it() -> None:
    plan, declined = analysis_plan(rate()), sums(HOUR_US, errors=(rated(400, 4), rated(400, 20)))
    result = step(plan, Memory(), declined, around())
    assert result.verdict is not None and result.verdict.do == "pause"
    assert result.verdict.why.startswith(f"{ERRORS} of tuned is proven to be worse: 5 % of the requests of 400 users")
    assert [decline["metric"] for decline in result.verdict.evidence["declined"]] == [ERRORS]
    again = step(plan, result.memory, declined, around())
    assert done(again) == "pause" and again.findings == (), "as after a crash before the pause"
    assert done(step(plan, result.memory, declined, around(accepted={DECLINE.key: DECLINE}))) is None
    worse = sums(2 * HOUR_US, errors=(rated(1_000, 10), rated(1_000, 60)))
    assert done(step(plan, result.memory, worse, around(accepted={DECLINE.key: DECLINE}))) == "kill"


def test_by_rules_before_7_any_proof_about_a_kept_control_rolls_back_and_the_time_ends_it() -> None:
    kept_control = KeptControl("tuned", 5.0, 0.0, until_us=DAY_US, after=1, days=1.0)
    plan = replace(analysis_plan(rate(), rules=6), kept_control=kept_control)
    declined = sums(HOUR_US, errors=(rated(400, 4), rated(400, 20)))
    result = step(plan, Memory(), declined, around())
    assert done(result) == "rollback" and result.verdict is not None and "resume" not in result.verdict.why
    worse = sums(HOUR_US, errors=(rated(1_000, 10), rated(1_000, 90)))
    assert done(step(plan, Memory(), worse, around())) == "rollback"
    equal = sums(HOUR_US, errors=(rated(400, 4), rated(400, 4)))
    assert done(step(plan, Memory(), equal, around(changed=("tuned",)))) == "pause"
    assert done(step(plan, Memory(), equal, around(DAY_US - 1))) is None
    assert done(step(plan, Memory(), equal, around(DAY_US))) == "end"
    assert done(step(plan, Memory(), equal, around(DAY_US, held="a mended clock"))) is None


KEPT = KeptControl("tuned", 50.0, 0.0, until_us=3 * WEEK_US, after=1, days=21.0)


def test_a_decline_within_the_margin_of_a_kept_control_is_an_alarm_with_its_number_that_stays() -> None:
    plan = analysis_plan(rate(), rules=7, kept_control=KEPT)
    declined = sums(HOUR_US, errors=(rated(4_000, 40), rated(4_000, 90)))
    result = step(plan, Memory(), declined, around())
    assert done(result) is None
    text = kept_decline_words(plan, result.decisions.values())
    levels = "2.2 % against 1 % of base at that time"
    assert text == f"{ERRORS} of tuned was proven to be worse ({levels}); more than 1 point is not proven"
    later = step(plan, result.memory, sums(WEEK_US + HOUR_US, errors=(rated(50, 0), rated(50, 0))), around())
    assert kept_decline_words(plan, later.decisions.values()) == text, "also in the next week, whose evidence is new"
    ended = step(plan, later.memory, sums(3 * WEEK_US, errors=(rated(50, 0), rated(50, 0))), around(3 * WEEK_US))
    assert done(ended) == "end" and ended.verdict is not None and "was proven to be worse (2.2 %" in ended.verdict.why


def test_the_evidence_of_a_kept_control_begins_anew_each_week_at_half_the_alpha() -> None:
    plan, found = analysis_plan(rate(), rules=7, kept_control=KEPT), []
    memory = step(plan, Memory(), sums(WEEK_US - 1, errors=(rated(9_000, 90), rated(9_000, 90))), around()).memory
    assert memory.latched[ERRORS, "tuned"].answer == "safe"
    for week in (1, 2):
        alone = step(plan, memory, sums(week * WEEK_US, errors=(rated(520, 5), rated(520, 26))), around(week * WEEK_US))
        (finding,), latched = alone.findings, alone.memory.latched[ERRORS, "tuned"]
        assert finding.log_kill == pytest.approx(-log(0.05 / 2 ** (week + 1)))
        assert latched.answer == "cannot tell" and done(alone) is None, "what was safe before says nothing now"
        found.append(done(step(plan, memory, sums(week * WEEK_US, errors=(rated(700, 7), rated(700, 49))), around())))
    assert found == ["rollback", "rollback"]


def test_an_accepted_decline_does_not_hold_up_the_next_stage() -> None:
    plan = analysis_plan(rate(), enrolment=STAGES)
    declined = sums(30 * HOUR_US, errors=(rated(400, 4), rated(400, 20)))
    accepted = around(30 * HOUR_US, 5.0, accepted={DECLINE.key: DECLINE})
    assert done(step(plan, Memory(), declined, accepted)) == "stage"


def test_harm_to_units_with_many_requests_pauses_and_never_ships() -> None:
    plan = analysis_plan(resolved(), rate(cap=200.0))
    seen = sums(HOUR_US, errors=(heavy(20_000, 0.01, 0.01), heavy(20_000, 0.01, 0.30, seed=4)),
                resolved=(answers(4_000, 4_000, 2_000), answers(4_000, 4_000, 2_800)))  # fmt: skip
    result = step(plan, Memory(), seen, around(accepted={}))
    assert done(result) == "pause"
    (decision,) = result.decisions.values()
    (guardrail,) = decision.guardrails
    assert guardrail.vetoed and guardrail.weighed is not None and guardrail.weighed.value > 0.2
    assert not decision.ships(60 * DAY_US)
    live = LiveState(name="e", variant="tuned", state="running", now_us=60 * DAY_US)
    (held,) = [effect for effect in effects(plan, decision, live) if effect.kind == "weighed"]
    assert (held.result, held.metric) == ("cannot tell", ERRORS)
    assert "if each request weighs the same" in held.says


def test_a_guardrail_can_pause_instead() -> None:
    result = step(analysis_plan(errors(signal="pause")), Memory(), sums(HOUR_US, errors=BAD), around())
    assert done(result) == "pause"


def test_a_kill_goes_before_a_pause_at_the_same_look() -> None:
    plan = analysis_plan(errors(signal="pause"), cost())
    harmful = sums(HOUR_US, errors=BAD, cost=(spent(900), spent(900, mean=0.2)))
    result = step(plan, Memory(), harmful, around())
    assert result.verdict is not None
    assert (result.verdict.do, result.verdict.evidence["metric"]) == ("kill", COST)


def test_a_stored_kill_that_was_not_carried_out_is_repeated() -> None:
    plan, harmful = analysis_plan(cost()), sums(HOUR_US, cost=(spent(900), spent(900, mean=0.2)))
    first = step(plan, Memory(), harmful, around())
    assert done(first) == "kill" and not first.memory.is_due(harmful)
    again = step(plan, first.memory, harmful, around())
    assert again.verdict is not None and again.findings == ()
    assert again.verdict.do == "kill" and "an earlier look proved harm" in again.verdict.why
    paused = step(analysis_plan(cost(signal="pause")), first.memory, harmful, around())
    assert paused.verdict is None  # a person resumed it


def test_harm_by_events_kills_between_two_looks() -> None:
    plan = analysis_plan(errors())
    first = step(plan, Memory(), sums(HOUR_US, errors=(failing(9_000, 90), failing(9_000, 90))), around())
    later = sums(HOUR_US + 2_000_000, errors=(failing(9_010, 90), failing(9_010, 160)))
    assert not first.memory.is_due(later)
    assert done(first) is None
    assert done(step(plan, first.memory, later, around(later.at_us))) == "kill"


def test_other_harm_waits_for_a_look() -> None:
    plan = analysis_plan(cost())
    first = step(plan, Memory(), sums(HOUR_US, cost=(spent(3_000), spent(3_000, seed=2))), around())
    later = sums(HOUR_US + 2_000_000, cost=(spent(3_010), spent(3_010, mean=0.3)))
    assert done(step(plan, first.memory, later, around(later.at_us))) is None
    hour = replace(later, at_us=2 * HOUR_US)
    assert done(step(plan, first.memory, hour, around(hour.at_us))) == "kill"


def test_without_new_data_a_step_looks_at_nothing() -> None:
    plan, seen = analysis_plan(errors()), sums(HOUR_US, errors=GOOD)
    first = step(plan, Memory(), seen, around())
    again = step(plan, first.memory, replace(seen, at_us=9 * HOUR_US), around(9 * HOUR_US))
    assert first.findings and not again.findings


@pytest.mark.parametrize("units", [0, 1, 29])
def test_missing_data_neither_kills_nor_promotes(units: int) -> None:
    plan = analysis_plan(resolved(), errors(), cost(), latency(), enrolment=Enrolment((10.0, 100.0), min_hours=0.0))
    empty = Sums(HOUR_US, {"base": ArmSums(units), "tuned": ArmSums(units)})
    result = step(plan, Memory(), empty, around(stage=10.0))
    assert result.verdict is None
    assert worded(result) == tuple(f"data for {name} (base, tuned)" for name in (ERRORS, COST, LATENCY))


def test_a_dead_candidate_is_killed_though_its_control_never_failed() -> None:
    result = step(analysis_plan(errors()), Memory(), sums(HOUR_US, errors=(failing(40, 0), failing(14, 14))), around())
    assert done(result) == "kill"


def test_a_clock_that_is_not_trusted_holds_stage_and_end_but_no_kill() -> None:
    plan, held = analysis_plan(errors(), enrolment=STAGES), "clocks that agree"
    over = around(plan.max_weeks * WEEK_US, held=held)
    assert done(step(plan, Memory(), sums(over.now_us, errors=BAD), over)) == "kill"
    last = step(plan, Memory(), sums(over.now_us, errors=GOOD), over)
    assert last.verdict is None and worded(last) == (held,)
    early = around(30 * HOUR_US, stage=5.0, held=held)
    assert worded(step(plan, Memory(), sums(early.now_us, errors=GOOD), early)) == (held,)
    assert done(step(plan, Memory(), sums(early.now_us, errors=GOOD), replace(early, held=""))) == "stage"


def test_time_that_a_correction_made_does_not_end_an_experiment() -> None:
    plan = analysis_plan(errors())
    end_us = plan.max_weeks * WEEK_US
    for now_us, end in ((end_us, None), (end_us + DAY_US, "end")):
        assert done(step(plan, Memory(), sums(now_us, errors=GOOD), around(now_us, late_us=DAY_US))) == end


def test_a_kill_comes_before_a_changed_model_and_that_before_the_end() -> None:
    plan = analysis_plan(errors())
    late = around(plan.max_weeks * WEEK_US, changed=("tuned",))
    assert done(step(plan, Memory(), sums(late.now_us, errors=BAD), late)) == "kill"
    result = step(plan, Memory(), sums(late.now_us, errors=GOOD), late)
    assert done(result) == "pause"
    assert result.verdict is not None and result.verdict.evidence == {"changed_models": ["tuned"]}


def test_it_ends_after_its_weeks_and_says_what_is_excluded() -> None:
    plan = analysis_plan(resolved(), errors())
    end_us = plan.max_weeks * WEEK_US
    seen = sums(end_us, errors=GOOD, resolved=(answers(900, 900, 540), answers(900, 900, 545)))
    assert done(step(plan, Memory(), seen, around(end_us - 1))) is None
    result = step(plan, Memory(), seen, around(end_us))
    assert result.verdict is not None and result.verdict.do == "end"
    assert result.verdict.why.startswith("4 weeks are over; tuned is between 6.6 points worse and ")
    assert set(result.verdict.evidence) == {"feedback.resolved of tuned", f"{ERRORS} of tuned"}


def test_weeks_count_from_the_start_of_the_segment() -> None:
    plan = analysis_plan(errors(), started_us=WEEK_US, max_weeks=1)
    seen = sums(2 * WEEK_US, errors=GOOD)
    assert done(step(plan, Memory(), seen, around(2 * WEEK_US - 1))) is None
    assert done(step(plan, Memory(), seen, around(2 * WEEK_US))) == "end"


def test_the_next_stage_needs_units_hours_and_data() -> None:
    plan = analysis_plan(errors(), enrolment=STAGES)
    early = step(plan, Memory(), sums(HOUR_US, units={"base": 120, "tuned": 80}, errors=GOOD), around(stage=5.0))
    assert worded(early) == (
        "100 units in each arm (tuned has 80)",
        "24 hours of this stage (until 02 Jan 00:00 UTC)",
    )
    result = step(plan, Memory(), sums(DAY_US, errors=GOOD), around(DAY_US, 5.0))
    assert result.verdict is not None
    assert (result.verdict.do, result.verdict.stage, result.waits) == ("stage", 20.0, ())


def test_a_stage_waits_for_its_approval_alone() -> None:
    plan, seen = analysis_plan(errors(), enrolment=STAGES), sums(DAY_US, errors=GOOD)
    asking = step(plan, Memory(), seen, around(DAY_US, 20.0))
    assert (asking.verdict, asking.asks_approval) == (None, 100.0)
    early = step(plan, Memory(), seen, around(HOUR_US, 20.0))
    assert early.asks_approval is None and worded(early)[-1] == "approval of the 100 % stage"
    allowed = step(plan, Memory(), seen, around(DAY_US, 20.0, approved=frozenset({100.0})))
    assert allowed.verdict is not None and allowed.verdict.stage == 100.0


def test_a_stage_waits_for_workers_that_serve_another_plan() -> None:
    plan, seen = analysis_plan(errors(), enrolment=STAGES), sums(DAY_US, errors=GOOD)
    assert done(step(plan, Memory(), seen, around(DAY_US, 5.0, followed=False))) is None
    assert done(step(plan, Memory(), seen, around(DAY_US, 5.0, followed=None))) == "stage"


def test_a_wrong_split_stops_the_growth_and_stays() -> None:
    plan = analysis_plan(errors(), enrolment=STAGES)
    wrong = sums(DAY_US, units={"base": 5_300, "tuned": 4_700}, errors=GOOD)
    result = step(plan, Memory(), wrong, around(DAY_US, 5.0))
    assert result.memory.split.invalid and worded(result) == ("a valid split: the sample ratio does not match",)
    right = sums(2 * DAY_US, units=9_000, errors=GOOD)
    assert done(step(plan, result.memory, right, around(2 * DAY_US, 5.0))) is None


def test_harm_kills_though_the_split_is_wrong() -> None:
    wrong = sums(DAY_US, units={"base": 5_300, "tuned": 4_700}, errors=BAD)
    assert done(step(analysis_plan(errors()), Memory(), wrong, around(DAY_US))) == "kill"


@pytest.mark.parametrize(("failed", "waits"), [(9, False), (17, False), (22, True)])
def test_a_stage_waits_while_harm_has_more_than_a_quarter_of_the_evidence(failed: int, waits: bool) -> None:
    plan = analysis_plan(errors(), enrolment=STAGES)
    result = step(plan, Memory(), sums(DAY_US, errors=(failing(900, 9), failing(900, failed))), around(DAY_US, 5.0))
    assert bool(result.waits) is waits
    assert done(result) == (None if waits else "stage")


def test_evidence_of_harm_that_is_gone_at_the_last_look_blocks_no_stage() -> None:
    plan = analysis_plan(cost(), enrolment=STAGES)
    dear = sums(DAY_US, cost=(spent(400), spent(400, mean=0.137, seed=2)))
    waiting = step(plan, Memory(), dear, around(DAY_US, 5.0))
    assert worded(waiting) == (f"less evidence of harm by {COST} of tuned",)
    usual = sums(2 * DAY_US, cost=(spent(4_000), spent(4_000, seed=2)))
    assert done(step(plan, waiting.memory, usual, around(2 * DAY_US, 5.0))) == "stage"


def test_a_stage_does_not_wait_for_feedback_whose_windows_are_open() -> None:
    given = replace(resolved(role="guardrail"), metric="feedback.resolved.given", method="given")
    plan = analysis_plan(errors(), given, enrolment=STAGES)
    assert done(step(plan, Memory(), sums(DAY_US, errors=GOOD), around(DAY_US, 5.0))) == "stage"


def test_a_stage_waits_for_a_guardrail_without_data_in_one_arm() -> None:
    plan = analysis_plan(errors(), latency(), enrolment=STAGES)
    result = step(plan, Memory(), sums(DAY_US, errors=GOOD, latency=(waited(900), None)), around(DAY_US, 5.0))
    assert worded(result) == ("data for requests.latency_p95 (tuned)",)


def test_the_last_stage_waits_for_nothing() -> None:
    result = step(analysis_plan(errors(), enrolment=STAGES), Memory(), sums(DAY_US, errors=GOOD), around(DAY_US, 100.0))
    assert (result.verdict, result.waits, result.asks_approval) == (None, (), None)


@for_each(
    ("min_days", "answered_days", "passes_days"),
    [(7, 0.1, 7), (7, 7, 7), (7, 7.1, 14), (8, 1, 14), (21, 3, 21), (0, 0.5, 0.5), (2, 0.5, 2), (2, 3, 3)],
)
def test_the_primary_metric_passes_after_whole_weeks(min_days: float, answered_days: float, passes_days: float) -> None:
    from_us = 3 * HOUR_US
    plan = analysis_plan(resolved(), min_days=min_days, from_us=from_us)
    assert passes_us(plan, from_us + round(answered_days * DAY_US)) == from_us + round(passes_days * DAY_US)


def test_the_same_data_give_the_same_step() -> None:
    plan, seen = analysis_plan(resolved(), errors(), cost()), sums(DAY_US, errors=GOOD, cost=(spent(900), spent(900)))
    assert step(plan, Memory(), seen, around(DAY_US)) == step(plan, Memory(), seen, around(DAY_US))


@for_each(
    ("kept_away", "requests", "does"),
    [(19, 20, None), (20, 2_000, None), (20, 1_999, "pause"), (500, 500, "pause"), (0, 9, None)],
)
def test_requests_that_a_breaker_keeps_away_pause(kept_away: int, requests: int, does: str | None) -> None:
    plan, seen = analysis_plan(errors()), sums(HOUR_US, errors=GOOD)
    away = around(kept_away=(KeptAway("tuned", kept_away, requests),))
    result = step(plan, Memory(), seen, away)
    assert done(result) == does
    if result.verdict is not None:
        assert result.verdict.why.startswith(f"an open breaker kept {kept_away} of the {requests:,} requests")
        assert result.verdict.evidence["kept_away"] == ["tuned"]


def test_harm_and_a_changed_model_come_before_requests_that_are_kept_away() -> None:
    plan, away = analysis_plan(errors()), (KeptAway("tuned", 50, 100),)
    assert done(step(plan, Memory(), sums(HOUR_US, errors=BAD), around(kept_away=away))) == "kill"
    both = step(plan, Memory(), sums(HOUR_US, errors=GOOD), around(kept_away=away, changed=("tuned",)))
    assert both.verdict is not None and "another model answers" in both.verdict.why
