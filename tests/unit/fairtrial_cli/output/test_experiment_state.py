"""The decision of an experiment as lines of a terminal."""

from __future__ import annotations

from typing import Any

from fairtrial_cli.output.experiment_state import decision_lines, error_lines

STOPS = "any proven decline pauses, more than 1 point stops for good"
GUARDRAIL = {
    "metric": "requests.error_rate", "levels": "1 % against 2 %", "room_words": "hardly any", "control": 0.02,
    "stops": "", "weighed_words": "", "missing_words": "",
}  # fmt: skip
ANALYSIS = {"guardrails": [GUARDRAIL | {"treatment": 0.01}]}
BOX = {"headline": "Not decided yet", "lines": [["Next", "Wait."]], "notes": ["As of Friday."]}


def said(analysis: Any) -> list[str]:
    return list(decision_lines({"experiment": "t", "box": BOX, "analysis": analysis}))


def test_the_answer_comes_first_then_guardrails_then_caveats() -> None:
    assert said(ANALYSIS) == [
        "t: Not decided yet",
        "  Next: Wait.",
        "  requests.error_rate: 1 % against 2 %; hardly any",
        "  As of Friday.",
    ]


def test_a_guardrail_says_what_each_request_shows_and_what_stops() -> None:
    weighed = "with each request weighing the same, tuned is between 1 point worse and 2 points better"
    both = GUARDRAIL | {"treatment": 0.01, "stops": STOPS, "weighed_words": weighed}
    assert said(ANALYSIS | {"guardrails": [both]})[3:5] == [
        "    With each request weighing the same, tuned is between 1 point worse and 2 points better.",
        "    Any proven decline pauses, more than 1 point stops for good.",
    ]


def test_a_guardrail_without_data_names_no_levels() -> None:
    nothing = GUARDRAIL | {"control": None, "treatment": None, "room_words": "no data yet"}
    assert said(ANALYSIS | {"guardrails": [nothing]})[2] == "  requests.error_rate: no data yet"


def test_before_the_analysis_is_frozen_there_is_the_state_alone() -> None:
    assert said(None) == ["t: Not decided yet", "  Next: Wait.", "  As of Friday."]


def test_without_traffic_there_are_no_errors_to_show() -> None:
    assert list(error_lines([])) == []
    nothing = dict.fromkeys(("tries", "failed_tries", "calls", "failed_calls"), 0)
    row = {"variant": "base"} | nothing | {f"user_{name}": 0 for name in nothing}
    assert list(error_lines([row]))[1] == (
        "    base: 0 of 0 tries (0.0 %), 0 of 0 calls (0.0 %); users saw 0 of 0 tries (0.0 %), 0 of 0 calls (0.0 %)"
    )
