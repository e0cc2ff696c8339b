"""Guardrails and caveats in words: what pauses and stops, what each request shows, and units without feedback."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from fairtrial.domain.decision.arms import Arm, Interval
from fairtrial.domain.decision.values import GuardrailDecision
from fairtrial.domain.plan import Experiment, FeedbackMetric
from fairtrial.domain.settings import Guardrail
from fairtrial.experiments.analysis.freeze import metric_plans
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.decision.box import result_box
from fairtrial.experiments.decision.caveat_words import missing_words
from fairtrial.experiments.decision.effects import LiveState, effects
from fairtrial.experiments.decision.guardrail_words import levels_words, room_words, stops_words, weighed_words
from fairtrial.experiments.decision.situation import Situation
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.arms.feedback import Feedback
from tests.fixtures.experiments.frozen_plans import RESOLVED, analysis_plan, answers, rate, resolved
from tests.fixtures.experiments.reported_looks import analysis_plan as reported_plan

ERRORS = "requests.error_rate"
OPEN = GuardrailDecision(
    metric=ERRORS, control=Arm("base", 0.005, 400), treatment=Arm("tuned", 0.007, 400), interval=None, look=None,
    answered_us=None, changed=False, why="", answer="open", signal="kill", margin=0.01, room=0.05, log_e=0.0,
    log_kill=3.0, by_events=True, pause_at=0.0, kill_at=0.01,
)  # fmt: skip


def frozen(guardrail: Guardrail) -> MetricPlan:
    feedback = (FeedbackMetric("resolved", "boolean"),)
    (metric,) = metric_plans(Experiment("", "", "user", "", (), "", 100.0, guardrails=(guardrail,), feedback=feedback))
    return metric


def with_weighed(low: float, high: float, *, vetoed: bool = False) -> str:
    decision = msgspec.structs.replace(OPEN, weighed=Interval((low + high) / 2, low, high, 0.95, 800), vetoed=vetoed)
    plan = reported_plan()
    errors = replace(plan.guardrails[0], metric=ERRORS)
    return weighed_words(replace(plan, metrics=(plan.metrics[0], errors)), "tuned", decision)


@pytest.mark.parametrize(
    ("guardrail", "words"),
    [
        (Guardrail(ERRORS, "1pp"), "any proven decline pauses, more than 1 point stops for good"),
        (
            Guardrail(ERRORS, "1pp", pause_at="0.5pp", kill_at="2pp"),
            "a proven decline of more than 0.5 points pauses, more than 2 points stops for good",
        ),
        (Guardrail(ERRORS, "1pp", signal="pause"), "any proven decline pauses, more than 1 point pauses too"),
        (Guardrail(ERRORS, "20%"), "any proven decline pauses, more than 20 % of the control stops for good"),
        (Guardrail(ERRORS, "1pp", kill_at="0pp"), "any proven decline stops for good"),
        (Guardrail("feedback.resolved", "2pp"), "a proven decline of more than 2 points stops for good"),
        (
            Guardrail("feedback.resolved", "2pp", signal="pause"),
            "a proven decline of more than 2 points pauses",
        ),
    ],
)
def test_both_stops_are_stated(guardrail: Guardrail, words: str) -> None:
    assert stops_words(reported_plan(), frozen(guardrail)) == words


def test_what_is_missing_for_safety_names_the_units() -> None:
    many = room_words(msgspec.structs.replace(OPEN, missing=1_234), "user")
    assert many.startswith("about 1,300 more users are needed to prove it safe; the evidence of a decline is 5 % of")
    words = room_words(msgspec.structs.replace(OPEN, missing=1), "conversation")
    assert words.startswith("about 1 more conversation is needed to prove it safe; ")


def test_plans_of_earlier_rules_keep_their_words() -> None:
    earlier = msgspec.structs.replace(OPEN, pause_at=None, kill_at=None)
    assert room_words(earlier, "user") == "evidence of harm at 5 % of what stops the experiment"


def test_the_weighed_line_says_when_little_is_known_and_when_it_is_worse() -> None:
    narrow = "with each request weighing the same, tuned is between 1 point worse and 0.5 points better"
    assert with_weighed(-0.005, 0.01) == narrow
    assert "little is known yet: tuned is between 20 points worse" in with_weighed(-0.3, 0.2)
    assert with_weighed(0.1, 0.3, vetoed=True).endswith("which is proven to be worse than the margin")


def test_without_requests_of_both_arms_there_is_no_weighed_line() -> None:
    assert weighed_words(reported_plan(), "tuned", OPEN) == ""


DAY_US = 86_400_000_000
EQUAL = answers(10_000, 9_000, 5_000), answers(10_000, 9_000, 6_000)
DIFFER = answers(10_000, 6_000, 3_600), answers(10_000, 7_000, 4_900)
BETWEEN = "with each missing answer counted for the other side, tuned is between"


def caveats(of: MetricPlan, pair: tuple[Feedback, Feedback] | None, **more: Any) -> tuple[str, str, list[str]]:
    """The words, the line of the result box, and what a verdict shows."""
    plan = analysis_plan(of, **more)
    arms = {name: ArmSums(0) for name in ("base", "tuned")}
    if pair is not None:
        arms = {
            name: ArmSums(feedback.units, 1, {RESOLVED: feedback}) for name, feedback in zip(arms, pair, strict=True)
        }
    sums = Sums(8 * DAY_US, arms)
    decisions = step(plan, Memory(), sums, Circumstances(sums.at_us, 100.0, 0)).decisions
    decision = decisions["tuned"]
    metric_decision = decision.primary or decision.guardrails[0]
    now = Situation(now_us=sums.at_us, state="running", last=None, stage=100.0, stage_since_us=0)
    lines = dict(result_box(plan, decisions, now).lines)
    shown = effects(
        plan, decision, LiveState(name=plan.experiment, variant="tuned", state="running", now_us=sums.at_us)
    )
    missing = [effect.says for effect in shown if (effect.kind, effect.result) == ("missing", "shown")]
    return missing_words(plan, "tuned", metric_decision), lines.get("Missing feedback", ""), missing


def test_page_status_and_verdict_repeat_that_it_is_missing_at_random_and_show_the_worst_case() -> None:
    words, line, shown = caveats(resolved(missing="at_random"), EQUAL)
    given = "90 % of the users of tuned and 90 % of base gave feedback"
    rule = "the others count as missing at random (missing: at_random)"
    assert words == f"{given}; {rule}; {BETWEEN} 2.3 points worse and 22.3 points better"
    assert line == f"{words}."
    assert shown == [f"{RESOLVED}: {words}"]


def test_where_it_must_agree_it_is_stated_with_the_feedback_that_is_missing_for_that() -> None:
    words, _, _ = caveats(resolved(missing="worst_case"), EQUAL)
    assert f"the worst case must agree too (missing: worst_case): {BETWEEN} 2.3 points worse" in words
    assert words.endswith("; to show 10 points, over 90.9 % must give feedback")
    assert "must give" not in caveats(resolved(missing="worst_case"), (answers(4_000, 3_920, 2_350),) * 2)[0]


def test_arms_that_differ_in_who_gave_feedback_need_the_worst_case_too() -> None:
    words, _, _ = caveats(resolved(missing="at_random"), DIFFER)
    assert words.startswith("70 % of the users of tuned and 60 % of base gave feedback; ")
    assert f"but the arms may differ in how many there are, so the worst case must agree too: {BETWEEN}" in words


def test_before_any_window_is_complete_only_the_rule_is_stated() -> None:
    words, _, shown = caveats(resolved(missing="worst_case"), None)
    assert words == "the worst case must agree too (missing: worst_case)"
    assert shown == [f"{RESOLVED}: {words}"]
    random, line, _ = caveats(resolved(missing="at_random"), None)
    assert random == "users without feedback count as missing at random (missing: at_random)"
    assert line == "Users without feedback count as missing at random (missing: at_random)."
    few, _, _ = caveats(resolved(missing="at_random"), (answers(20, 15, 9),) * 2)
    assert few.endswith("the others count as missing at random (missing: at_random)"), "too few to compare the arms"


def test_where_all_gave_feedback_nothing_is_missing() -> None:
    words, _, _ = caveats(resolved(missing="at_random"), (answers(400, 400, 240),) * 2)
    assert words == "all users of tuned and base gave feedback (missing: at_random)"


def test_a_guardrail_says_it_too_and_has_no_line_of_the_result() -> None:
    guardrail = resolved(role="guardrail", require="not_worse", margin=0.05, pause=0.05, stop=0.05, missing="at_random")
    words, line, shown = caveats(guardrail, EQUAL)
    assert BETWEEN in words and line == "" and shown == [f"{RESOLVED}: {words}"]


def test_a_rate_without_requests_says_so_instead_of_unknown_levels() -> None:
    nothing = msgspec.structs.replace(OPEN, control=Arm("base", None, 0), treatment=Arm("tuned", None, 0))
    assert levels_words(analysis_plan(rate()), nothing) == "no requests yet"
