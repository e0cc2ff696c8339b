"""What is said about units without feedback, from real looks at real sums."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import MetricPlan
from fairtrial.experiments.decision.box import Situation, result_box
from fairtrial.experiments.decision.effects import LiveState, effects
from fairtrial.experiments.decision.guardrails_and_caveats import missing_words
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.arms.feedback import Feedback
from tests.fixtures.experiments.frozen_plans import RESOLVED, analysis_plan, answers, resolved

DAY_US = 86_400_000_000
EQUAL = answers(10_000, 9_000, 5_000), answers(10_000, 9_000, 6_000)
DIFFER = answers(10_000, 6_000, 3_600), answers(10_000, 7_000, 4_900)
BETWEEN = "with each missing answer counted for the other side, tuned is between"


def caveats(of: MetricPlan, pair: tuple[Feedback, Feedback] | None, **more: Any) -> tuple[str, str, list[str]]:
    """The words, the line of the result box, and what a verdict shows."""
    plan = analysis_plan(of, **{"rules": 5} | more)
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


@pytest.mark.parametrize("rules", [1, 3, 4])
def test_plans_of_earlier_rules_say_nothing_of_it(rules: int) -> None:
    assert caveats(resolved(), EQUAL, rules=rules) == ("", "", [])
