"""The decision of an experiment as lines of a terminal."""

from __future__ import annotations

from fairtrial.api.experiment_answers import ShownGuardrail
from fairtrial.api.experiment_traffic import VariantErrors
from fairtrial_cli.output.experiment_state import decision_lines, error_lines
from tests.fixtures.experiments.shown_decision import shown_analysis, shown_decision, shown_guardrail

STOPS = "any proven decline pauses, more than 1 point stops for good"


def said(*guardrails: ShownGuardrail) -> list[str]:
    return list(decision_lines(shown_decision(shown_analysis(*guardrails))))


def test_the_answer_comes_first_then_guardrails_then_caveats() -> None:
    assert said(shown_guardrail()) == [
        "t: Not decided yet",
        "  Next: Wait.",
        "  requests.error_rate: 1 % against 2 %; hardly any",
        "  As of Friday.",
    ]


def test_a_guardrail_says_what_each_request_shows_and_what_stops() -> None:
    weighed = "with each request weighing the same, tuned is between 1 point worse and 2 points better"
    assert said(shown_guardrail(stops=STOPS, weighed_words=weighed))[3:5] == [
        "    With each request weighing the same, tuned is between 1 point worse and 2 points better.",
        "    Any proven decline pauses, more than 1 point stops for good.",
    ]


def test_a_guardrail_without_data_names_no_levels() -> None:
    nothing = shown_guardrail(control=None, treatment=None, room_words="no data yet")
    assert said(nothing)[2] == "  requests.error_rate: no data yet"


def test_before_the_analysis_is_frozen_there_is_the_state_alone() -> None:
    assert list(decision_lines(shown_decision(None))) == ["t: Not decided yet", "  Next: Wait.", "  As of Friday."]


def test_without_traffic_there_are_no_errors_to_show() -> None:
    assert list(error_lines([])) == []
    assert list(error_lines([VariantErrors("base", 0, 0, 0, 0, 0, 0, 0, 0)]))[1] == (
        "    base: 0 of 0 tries (0.0 %), 0 of 0 calls (0.0 %); users saw 0 of 0 tries (0.0 %), 0 of 0 calls (0.0 %)"
    )
