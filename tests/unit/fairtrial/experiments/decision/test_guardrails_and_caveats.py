"""The words about guardrails: what pauses and stops, what each request shows, and what is missing for safety."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from fairtrial.domain.plan import Experiment, FeedbackMetric
from fairtrial.domain.settings import Guardrail
from fairtrial.experiments.analysis.freeze import metric_plans
from fairtrial.experiments.analysis_plan import MetricPlan
from fairtrial.experiments.decision.guardrails_and_caveats import room_words, stops_words, weighed_words
from fairtrial.experiments.decision.values import Arm, GuardrailDecision, Interval
from tests.fixtures.experiments.reported_looks import analysis_plan

ERRORS = "requests.error_rate"
OPEN = GuardrailDecision(
    metric=ERRORS, control=Arm("base", 0.005, 400), treatment=Arm("tuned", 0.007, 400), interval=None, look=None,
    answered_us=None, changed=False, why="", answer="open", signal="kill", margin=0.01, room=0.05, log_e=0.0,
    log_kill=3.0, by_events=True, pause_at=0.0, kill_at=0.01,
)  # fmt: skip


def frozen(guardrail: Guardrail, rules: int = 4) -> MetricPlan:
    feedback = (FeedbackMetric("resolved", "boolean"),)
    (metric,) = metric_plans(
        Experiment("", "", "user", "", (), "", 100.0, guardrails=(guardrail,), feedback=feedback), rules
    )
    return metric


def with_weighed(low: float, high: float, *, vetoed: bool = False) -> str:
    decision = msgspec.structs.replace(OPEN, weighed=Interval((low + high) / 2, low, high, 0.95, 800), vetoed=vetoed)
    plan = analysis_plan()
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
    assert stops_words(frozen(guardrail)) == words


def test_plans_of_earlier_rules_have_no_second_stop() -> None:
    assert stops_words(frozen(Guardrail(ERRORS, "1pp"), rules=3)) == ""


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
    assert weighed_words(analysis_plan(), "tuned", OPEN) == ""
