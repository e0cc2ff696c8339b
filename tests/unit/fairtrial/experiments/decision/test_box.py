"""The sentences about a live experiment, from real looks at real sums."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.settings import Enrolment
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.box import result_box
from fairtrial.experiments.decision.decide import decide
from fairtrial.experiments.decision.situation import Situation
from fairtrial.experiments.decision.waits import Wait
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.sums import Sums
from fairtrial.stats.always_valid import RunningDecision
from tests.fixtures.experiments.box_text import text_of
from tests.fixtures.experiments.reported_looks import DAY_US, RESOLVED, START, analysis_plan, arm, sums

HOUR_US = 3_600_000_000
BETTER = (arm(1000, 510), arm(1000, 640))
UNCLEAR = (arm(400, 204), arm(400, 212))


def box_text(plan: AnalysisPlan, *looks: Sums, **more: object) -> str:
    """The result after these looks, as the monitor's step leaves it."""
    memory, waits = Memory(), ()
    now_us = looks[-1].at_us
    for read_sums in looks:
        around = Circumstances(now_us=read_sums.at_us, stage=10.0, stage_since_us=START)
        result = step(plan, memory, read_sums, around)
        memory, waits = result.memory, result.waits
    fields = {"now_us": now_us, "state": "running", "last": None, "stage": 10.0, "stage_since_us": START}
    now = Situation(**(fields | {"waits": waits} | more))  # type: ignore[arg-type]
    return boxed(Looked(plan=plan, memory=memory, findings=find(plan, looks[-1]), sums=looks[-1]), now)


def boxed(looked: Looked, now: Situation) -> str:
    """The whole text of the result box."""
    return text_of(result_box(looked.plan, decide(looked, forecasts=True), now))


def test_a_decision_is_stated_with_effect_interval_levels_and_counts() -> None:
    text = box_text(analysis_plan(), sums(8, *BETTER), now_us=START + 14 * DAY_US)
    assert text.startswith("tuned is better: feedback.resolved is 13 points higher. ")
    assert "feedback.resolved is 13 points higher with tuned than with base (" in text
    assert "points, valid at any time; 64 % of 1,000 users of tuned against 51 % of 1,000 users of base)." in text
    assert "Decided: better, as planned. All guardrails hold (1 of 1 proven safe)." in text


def test_a_gain_counts_only_after_whole_weeks() -> None:
    text = box_text(analysis_plan(), sums(1.5, *BETTER))
    assert "Better so far; it counts from Friday 08:00 UTC." in text
    assert "Decided" not in text


def test_a_shorter_minimum_is_stated() -> None:
    text = box_text(analysis_plan(min_days=1.0), sums(1.5, *BETTER))
    assert "Decided: better, as planned." in text
    assert "It may decide after 1 day (min_days)" in text


def test_a_loss_is_stated_as_decided_but_never_as_planned() -> None:
    text = box_text(analysis_plan(), sums(8, arm(1000, 640), arm(1000, 510)), now_us=START + 14 * DAY_US)
    assert "13 points lower with tuned" in text
    assert "Decided: worse." in text
    assert "as planned" not in text


def test_an_open_question_is_stated_with_the_units_that_it_still_needs() -> None:
    text = box_text(analysis_plan(), sums(8, *UNCLEAR))
    assert text.startswith("Not decided yet: tuned is between ")
    assert "points worse and " in text and "points better on feedback.resolved (53 % of 400 users" in text
    assert "Decided" not in text
    assert "more users are needed for 10 points; expected on " in text


def test_missing_feedback_that_could_change_the_answer_is_stated() -> None:
    text = box_text(analysis_plan(), sums(8, arm(1000, 408, given=800), arm(1000, 320, given=500)))
    assert text.startswith("Not decided yet: ")
    assert "The units without feedback could change that." in text


def test_few_units_say_why_nothing_is_known() -> None:
    text = box_text(analysis_plan(), sums(1, arm(10, 5), arm(12, 6)))
    assert "Not decided yet. feedback.resolved of tuned: " in text
    assert "more users are needed" not in text


def test_no_unit_at_all_is_not_decided() -> None:
    empty = replace(arm(1, 0), units=0, metrics={})
    text = box_text(analysis_plan(), sums(1, empty, empty))
    assert text.startswith("No data yet. ") and "Not decided yet. feedback.resolved of tuned: no unit" in text


def test_a_wrong_split_is_invalid_and_shows_no_comparison() -> None:
    text = box_text(analysis_plan(), sums(8, arm(1000, 510), arm(1300, 900)))
    assert text.startswith("INVALID: the arms can't be compared. The units do not arrive by the planned split")
    assert "better" not in text and "points" not in text


def test_intervals_that_exclude_each_other_are_a_hold() -> None:
    last = Estimate(0.1, 0.1, 0.2, 0.95, 900, "x", always_valid=True)
    broken = RunningDecision(last, broken=True, looks=2)
    latched = Latched("better", START + DAY_US, broken)
    read_sums = sums(8, *BETTER)
    plan = analysis_plan()
    memory = Memory({("feedback.resolved", "tuned"): latched})
    shown = Looked(plan=plan, memory=memory, findings=find(plan, read_sums), sums=read_sums)
    now = Situation(now_us=read_sums.at_us, state="running", last=None, stage=100.0, stage_since_us=START, waits=())
    assert boxed(shown, now).startswith("HOLD: the effect of tuned on feedback.resolved has changed")


def test_a_stopped_experiment_names_the_guardrail_the_evidence_and_the_way_back() -> None:
    read_sums = sums(0.1, arm(212, 100), arm(212, 100, failed=30))
    plan = analysis_plan()
    around = Circumstances(now_us=read_sums.at_us, stage=10.0, stage_since_us=START)
    verdict = step(plan, Memory(), read_sums, around).verdict
    assert verdict is not None and verdict.do == "kill"
    last = Transition(
        "tuned-vs-base", read_sums.at_us, "kill", "running", "killed", 1, "control", verdict.why, "p", verdict.evidence
    )
    text = box_text(plan, read_sums, state="killed", last=last, entered=last)
    assert text.startswith("STOPPED: harm by requests.error_rate of tuned is proven. ")
    assert "STOPPED at 10:24:00 UTC on 15 Jan 2027 by requests.error_rate: 14.2 % of tuned against 0 %" in text
    assert "212 users of tuned). All traffic is on base." in text
    assert "fairtrial experiment rearm tuned-vs-base --why" in text


@pytest.mark.parametrize(
    ("hours", "approved", "condition"),
    [
        (20 + 2 / 3, frozenset(), "Enrolled: 10 %. Next stage: 40 % in 3 h 20 min, after your approval."),
        (20 + 2 / 3, frozenset({40.0}), "Enrolled: 10 %. Next stage: 40 % in 3 h 20 min."),
        (30, frozenset(), "Enrolled: 10 %. Next stage: 40 %, after your approval."),
    ],
)
def test_the_next_stage_is_stated_with_what_it_waits_for(
    hours: float, approved: frozenset[float], condition: str
) -> None:
    assert condition in box_text(analysis_plan(), sums(hours / 24, *UNCLEAR), approved=approved)


def test_other_conditions_of_a_stage_are_listed_and_the_last_stage_has_none() -> None:
    few = sums(0.5, arm(40, 20), arm(41, 22))
    text = box_text(analysis_plan(), few)
    assert "in 12 h at the earliest, after your approval. It also needs 100 units in each arm (base has 40" in text
    assert box_text(analysis_plan(), few, stage=100.0).count("Next stage") == 0


def test_attempts_and_amendments_are_always_stated() -> None:
    text = box_text(analysis_plan(attempt=2, revision=3), sums(8, *UNCLEAR))
    assert "This is attempt 2 with this candidate, so it has an alpha of 2.5 % instead of 5 %." in text
    assert "The plan was amended 2 times." in text
    assert "attempt" not in box_text(analysis_plan(), sums(8, *UNCLEAR))


def test_a_metric_without_feedback_is_stated_by_requests() -> None:
    errors = replace(analysis_plan().guardrails[0], role="primary", cap=1.0, margin=0.05)
    plan = analysis_plan(metrics=(errors,))
    text = box_text(
        plan, sums(8, arm(2000, 0, failed=20, cap=1.0), arm(2000, 0, failed=22, cap=1.0)), now_us=START + 14 * DAY_US
    )
    assert "Decided: not worse, as planned." in text
    assert "1.1 % of the requests of 2,000 users of tuned" in text
    assert "There are no guardrails." in text


def test_of_two_treatments_each_has_its_own_result() -> None:
    plan = analysis_plan(shares={"base": 0.4, "tuned": 0.3, "other": 0.3}, metrics=(RESOLVED,))
    read_sums = sums(8, arm(1000, 510), arm(750, 480))
    read_sums = replace(read_sums, arms={**read_sums.arms, "other": arm(750, 384)})
    text = box_text(plan, read_sums, now_us=START + 14 * DAY_US)
    assert "higher with tuned than with base" in text
    assert "Not decided yet. other is between" in text


def test_planned_looks_show_only_looks_that_were_made() -> None:
    plan, first, later = analysis_plan(planned_units=2000.0), sums(2, arm(110, 55), arm(110, 60)), sums(4, *UNCLEAR)
    assert "Look 2 of 10 is planned at 400 units" in box_text(plan, first)
    made = find(plan, first, {})[0].estimate
    assert isinstance(made, Estimate)
    memory = Memory().after(plan, first, find(plan, first, {}))
    shown = Looked(
        plan=plan,
        memory=memory,
        findings=find(plan, later, memory.looked("feedback.resolved")),
        sums=later,
        planned={"tuned": made},
    )
    now = Situation(now_us=later.at_us, state="running", last=None, stage=100.0, stage_since_us=START, waits=())
    text = boxed(shown, now)
    assert "Look 2 of 10 is planned at 400 units of the two variants." in text
    low, high = sorted(abs(100 * end) for end in (made.low, made.high))
    assert f"between {low:.1f} points worse and {high:.1f} points better" in text


def test_a_planned_look_that_decides_is_named() -> None:
    plan, read_sums = analysis_plan(planned_units=4000.0), sums(8, *BETTER)
    memory = Memory().after(plan, read_sums, find(plan, read_sums, {}))
    made = find(plan, read_sums, {})[0].estimate
    assert isinstance(made, Estimate)
    shown = Looked(
        plan=plan, memory=memory, findings=find(plan, read_sums, {}), sums=read_sums, planned={"tuned": made}
    )
    now = Situation(now_us=START + 14 * DAY_US, state="running", last=None, stage=100.0, stage_since_us=START, waits=())
    text = boxed(shown, now)
    assert "points, at planned look 5 of 10; 64 % of 1,000 users" in text
    assert "Decided: better, as planned." in text


def test_after_the_end_a_decided_candidate_is_released_through_the_project_file() -> None:
    plan = analysis_plan(metrics=(analysis_plan().metrics[0],))
    over = box_text(plan, sums(8, *BETTER), now_us=START + 14 * DAY_US, state="ended")
    assert "It is over, so it can't be promoted. Judge tuned by the official gate, then name it in the route" in over
    back = Transition("t", START + 9 * DAY_US, "rollback", "running", "ended", 1, "account Rita", "tone", "hash")
    archived = replace(back, action="archive", from_state="ended")
    for arms, entered, last in ((BETTER, back, back), (BETTER, back, archived), (UNCLEAR, None, None)):
        text = box_text(plan, sums(8, *arms), now_us=START + 14 * DAY_US, state="ended", entered=entered, last=last)
        assert text.startswith("ROLLED BACK" if last else "ENDED")
        assert "Nothing: it is over. A new experiment needs a new name." in text


def test_a_condition_is_read_by_its_kind_and_never_by_its_words() -> None:
    clock = Wait("clock", why="hours of this stage, approval of the clock")
    plan = analysis_plan(enrolment=Enrolment((10.0, 100.0), min_hours=0.0))
    text = box_text(plan, sums(1.5, *UNCLEAR), waits=(clock, Wait("split", why="THE WALL CLOCK")))
    assert f"It also needs {clock.why}; a valid split: THE WALL CLOCK." in text
    assert "acknowledge the alarm clock.jump" in text
    assert "clock.jump" not in box_text(plan, sums(1.5, *UNCLEAR), waits=(Wait("split", why="the wall clock"),))
